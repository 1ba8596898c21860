//! What answers mean.

use iso8583::Mti;
use keys::open_sign_on_field;

use super::answer::{self, Answer, Seal};
use super::build::{UPLOAD_LINES_MAX, UploadLine};
use super::journal::{Receipt, Standing};
use super::kind::{Counted, Kind};
use super::task::{Declined, Heard, TerminalError};
use super::{Question, Reversal, SmallKey, Terminal, Upload};
use crate::code;

impl Terminal {
    pub(super) fn listen(&mut self, frame: &[u8]) -> Result<Heard, TerminalError> {
        let answer = answer::read(frame, self.mac_key()?.as_ref())?;
        let Some(question) = &self.question else { return Ok(Heard::Stray) };
        if !is_answer_to(&answer, question, self.number) {
            return Ok(Heard::Stray);
        }
        if question.kind.has_mac() && !is_sealed(&answer) {
            self.give_up(code::MAC);
            return Ok(Heard::WrongMac);
        }
        let (reversal, kind) = (question.reversal, question.kind);
        if kind == Kind::SignOn && answer.code == code::DONE {
            return self.signed_on(&answer);
        }
        if let Some(question) = &mut self.question {
            question.until_ms = None;
            question.again_first = false;
        }
        if answer.wants_sign_on {
            self.must_sign_on = true;
        }
        if matches!(answer.code, code::BATCH | code::MAC | code::PIN_BLOCK) && kind != Kind::SignOn
        {
            self.must_sign_on = true;
            if is_upload(kind) && answer.code == code::BATCH {
                self.upload = None;
            }
            return Ok(Heard::SignOnFirst { code: answer.code });
        }
        if reversal {
            return Ok(self.reversed(&answer));
        }
        Ok(self.answered(&answer))
    }

    fn signed_on(&mut self, answer: &Answer) -> Result<Heard, TerminalError> {
        let batch = answer.batch.ok_or_else(|| {
            TerminalError::Unreadable("field 60 of a sign-on's answer has the batch".to_owned())
        })?;
        let field = answer.private.as_ref().try_into().map_err(|_| TerminalError::WorkingKeys)?;
        let (pin_key, mac_key) = open_sign_on_field(&self.master_key.open()?, field)
            .map_err(|_| TerminalError::WorkingKeys)?;
        self.pin_key = Some(SmallKey::new(&pin_key));
        self.mac_key = Some(SmallKey::new(&mac_key));
        self.must_sign_on = false;
        if let Some(question) = &mut self.question {
            question.until_ms = None;
        }
        let mut abandoned = 0;
        if batch != self.batch {
            let before = self.journal.lines().len();
            self.journal.close();
            abandoned = before - self.journal.lines().len();
        }
        self.batch = batch;
        Ok(Heard::SignedOn { batch, abandoned })
    }

    fn reversed(&mut self, answer: &Answer) -> Heard {
        let Some(reversal) = self.reversal.take() else { return Heard::Stray };
        let (stan, batch, code) = (reversal.stan, reversal.batch, answer.code);
        let stands = match code {
            code::DONE | code::UNKNOWN => false,
            code::NOT_POSSIBLE => true,
            _ => {
                self.reversal = Some(reversal);
                return Heard::ReversalRefused { stan, code };
            }
        };
        if !stands {
            self.undo(batch, stan);
        } else if batch == self.batch {
            let Reversal { kind, date, amount, about, .. } = *reversal;
            // No answer ever brought the authorisation code, and this one does not have it either.
            let (rrn, authorisation) = (answer.rrn, [b' '; 6]);
            let receipt = Receipt { kind, batch, stan, date, amount, rrn, authorisation };
            self.approve(receipt, about);
        }
        Heard::Reversed { stan, code }
    }

    fn undo(&mut self, batch: u32, stan: u32) {
        let Some(line) = self.journal.find_mut(batch, stan) else { return };
        line.standing = Standing::Reversed;
        let held = line.about.filter(|_| line.receipt.kind == Kind::Completion);
        if let Some(held) = held.and_then(|(batch, stan)| self.journal.find_mut(batch, stan)) {
            held.standing = Standing::Stands;
        }
    }

    fn answered(&mut self, answer: &Answer) -> Heard {
        let Some(question) = self.question.as_deref() else { return Heard::Stray };
        let (kind, stan, about) = (question.kind, question.stan, question.about);
        let receipt = Receipt {
            kind,
            batch: question.batch,
            stan,
            date: question.date,
            amount: question.amount,
            rrn: answer.rrn,
            authorisation: answer.authorisation,
        };
        let declined = || {
            let (code, text) = (answer.code, answer.text.clone());
            Heard::Declined(Declined { kind, stan, code, text })
        };
        match (kind, answer.code) {
            (Kind::SignOff, code::DONE) => {
                self.must_sign_on = true;
                Heard::SignedOff
            }
            (Kind::Echo, code::DONE) => Heard::Echoed,
            (Kind::Parameters, code::DONE) => match answer::parameters(&answer.private) {
                Some(parameters) => {
                    self.set_parameters(parameters);
                    Heard::Parameters(parameters)
                }
                None => declined(),
            },
            (Kind::Balance, code::DONE) => answer.balance.map_or_else(declined, Heard::Balance),
            (Kind::Totals, code::DONE | code::TOTALS_DIFFER) => self.closed(receipt.batch, answer),
            (Kind::Upload, code::DONE) => self.part_taken(),
            (Kind::UploadEnd, code::DONE) => {
                let lines = self.upload.take().map_or(0, |upload| upload.lines.len());
                self.must_sign_on = true;
                Heard::Uploaded { lines }
            }
            (Kind::UploadEnd, code::TOTALS_DIFFER) => {
                // Lines are missing at the switch: all of them once more.
                if let Some(upload) = &mut self.upload {
                    upload.taken = 0;
                }
                Heard::UploadGoesOn { lines: 0 }
            }
            (kind, code) if is_upload(kind) && code != code::SYSTEM => {
                // The batch is closed either way; who does not want its lines does not get them.
                self.upload = None;
                self.must_sign_on = true;
                declined()
            }
            (Kind::Qr, code::WAITING) => {
                self.journal.write(receipt, Standing::Waiting, None);
                let text = String::from_utf8_lossy(&answer.private).into_owned();
                Heard::QrShown { stan, text }
            }
            (Kind::QrStatus, _) => self.qr_asked(about, answer, declined),
            (Kind::Offline, _) => self.forwarded(receipt, answer, declined),
            (_, code::DONE) => {
                self.approve(receipt, about);
                Heard::Approved { receipt, network: answer.network.clone() }
            }
            _ => declined(),
        }
    }

    /// Writes down what was approved, and that it ended what was held.
    fn approve(&mut self, receipt: Receipt, about: Option<(u32, u32)>) {
        let held = about.filter(|_| ends_hold(receipt.kind));
        if let Some(held) = held.and_then(|(batch, stan)| self.journal.find_mut(batch, stan)) {
            held.standing = Standing::Ended;
        }
        self.journal.write(receipt, Standing::Stands, about);
    }

    fn qr_asked(
        &mut self,
        about: Option<(u32, u32)>,
        answer: &Answer,
        declined: impl FnOnce() -> Heard,
    ) -> Heard {
        let Some((batch, stan)) = about else { return declined() };
        let Some(line) = self.journal.find_mut(batch, stan) else { return declined() };
        match answer.code {
            code::WAITING => Heard::Waiting { stan },
            code::DONE => {
                let paid = Receipt {
                    rrn: answer.rrn,
                    authorisation: answer.authorisation,
                    ..line.receipt
                };
                if line.standing == Standing::Waiting {
                    (line.receipt, line.standing) = (paid, Standing::Stands);
                }
                Heard::Approved { receipt: paid, network: answer.network.clone() }
            }
            code::NO_ONE_IN_TIME => {
                if line.standing == Standing::Waiting {
                    self.journal.remove(batch, stan);
                }
                declined()
            }
            _ => declined(),
        }
    }

    /// An offline sale is taken or refused; it waits on where the switch could not say.
    fn forwarded(
        &mut self,
        receipt: Receipt,
        answer: &Answer,
        declined: impl FnOnce() -> Heard,
    ) -> Heard {
        let first = self.offline.iter().position(|offline| offline.stan == receipt.stan);
        let authorisation = first.and_then(|place| self.offline.get(place));
        let authorisation = authorisation.map_or(answer.authorisation, |sale| sale.authorisation);
        match answer.code {
            code::SYSTEM => return declined(),
            code::DONE => {}
            _ => {
                if let Some(place) = first {
                    self.offline.remove(place);
                }
                return declined();
            }
        }
        if let Some(place) = first {
            self.offline.remove(place);
        }
        let receipt = Receipt { authorisation, ..receipt };
        self.journal.write(receipt, Standing::Stands, None);
        Heard::Approved { receipt, network: answer.network.clone() }
    }

    fn closed(&mut self, batch: u32, answer: &Answer) -> Heard {
        let ours = self.journal.totals(batch);
        let said = answer.totals;
        let agreed = answer.code == code::DONE && said.is_none_or(|(_, agreed)| agreed);
        if agreed {
            self.must_sign_on = true;
            self.journal.close();
            return Heard::BatchAgreed { batch, totals: ours };
        }
        let lines = self.journal.counted(batch).map(|(counted, receipt)| UploadLine {
            credit: matches!(counted, Counted::CardCredit | Counted::OtherCredit),
            stan: receipt.stan,
            amount: receipt.amount,
        });
        let lines = lines.collect();
        self.upload = Some(Box::new(Upload { batch, lines, taken: 0 }));
        self.journal.close();
        Heard::BatchDiffers { batch, ours, theirs: said.map(|(theirs, _)| theirs) }
    }

    fn part_taken(&mut self) -> Heard {
        let Some(upload) = &mut self.upload else { return Heard::Stray };
        upload.taken = upload.lines.len().min(upload.taken + UPLOAD_LINES_MAX);
        Heard::UploadGoesOn { lines: upload.taken }
    }
}

fn is_upload(kind: Kind) -> bool {
    matches!(kind, Kind::Upload | Kind::UploadEnd)
}

fn ends_hold(kind: Kind) -> bool {
    matches!(kind, Kind::Completion | Kind::VoidPreAuthorisation)
}

fn is_answer_to(answer: &Answer, question: &Question, number: u32) -> bool {
    let mti = if question.reversal { Mti::M0400 } else { question.kind.row().mti };
    question.until_ms.is_some()
        && Some(answer.mti) == mti.response()
        && answer.stan == Some(question.stan)
        && answer.terminal == *format!("{number:08}").as_bytes()
}

fn is_sealed(answer: &Answer) -> bool {
    match answer.seal {
        Seal::Right => true,
        Seal::Wrong => false,
        // All that it says is that the message must come again.
        Seal::Missing => answer.code == code::MAC,
    }
}

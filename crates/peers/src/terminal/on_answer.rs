//! What each answer means to the terminal.

use iso8583::Mti;

use super::answer::{self, HostAnswer, MacCheck};
use super::build::{UPLOAD_LINES_MAX, UploadLine};
use super::journal::{JournalLineStatus, Receipt};
use super::parcel_list;
use super::request_kind::{TerminalRequestKind, TotalsGroup};
use super::task::{DeclinedRequest, TerminalError, TerminalOutcome};
use super::{BatchUpload, PendingRequest, TerminalReversal, TerminalSimulator};
use crate::codes::ResponseCode;

impl TerminalSimulator {
    pub(super) fn handle_answer(&mut self, frame: &[u8]) -> Result<TerminalOutcome, TerminalError> {
        let answer = answer::read(frame, &self.link)?;
        let Some(pending) = &self.pending else { return Ok(TerminalOutcome::Unmatched) };
        if !is_answer_to(&answer, pending, self.number) {
            return Ok(TerminalOutcome::Unmatched);
        }
        if pending.kind.has_mac() && !has_accepted_mac(&answer) {
            self.stop_waiting(ResponseCode::MAC_ERROR);
            return Ok(TerminalOutcome::WrongMac);
        }
        let (reversal, kind) = (pending.reversal, pending.kind);
        if kind == TerminalRequestKind::SignOn && answer.code == ResponseCode::APPROVED {
            return self.signed_on(frame, &answer);
        }
        if let Some(pending) = &mut self.pending {
            pending.answer_by_ms = None;
            pending.must_repeat = false;
        }
        if answer.wants_sign_on {
            self.must_sign_on = true;
        }
        if matches!(answer.code, ResponseCode::BATCH_MISMATCH | ResponseCode::MAC_ERROR)
            && kind != TerminalRequestKind::SignOn
        {
            self.must_sign_on = true;
            if answer.code == ResponseCode::MAC_ERROR {
                self.stop_session()?;
            }
            if is_upload(kind) && answer.code == ResponseCode::BATCH_MISMATCH {
                self.upload = None;
            }
            return Ok(TerminalOutcome::SignOnRequired { code: answer.code });
        }
        if reversal {
            return Ok(self.reversed(&answer));
        }
        Ok(self.answered(&answer))
    }

    /// The host has no keys of this session any more, or somebody says so: the request is repeated
    /// after a sign-on, with the same STAN. If it has a PIN, it is reversed.
    fn stop_session(&mut self) -> Result<(), TerminalError> {
        use TerminalRequestKind::{Refund, Settlement};
        self.must_sign_on = true;
        let again = |pending: &mut Box<PendingRequest>| {
            let kept = matches!(pending.kind, Refund | Settlement) || pending.kind.is_reversible();
            kept && !pending.reversal
        };
        let Some(pending) = self.pending.take_if(again) else { return Ok(()) };
        match self.link.card_to_repeat(&pending.message)? {
            Some(card) => self.again = Some(Box::new((*pending, card))),
            None => {
                self.pending = Some(pending);
                self.stop_waiting(ResponseCode::MAC_ERROR);
            }
        }
        Ok(())
    }

    fn signed_on(
        &mut self,
        frame: &[u8],
        answer: &HostAnswer,
    ) -> Result<TerminalOutcome, TerminalError> {
        let batch = answer.batch.ok_or_else(|| {
            TerminalError::Unreadable(
                "the answer to the sign-on has no batch in field 60".to_owned(),
            )
        })?;
        self.link.open_session(self.number, frame, &answer.field_62)?;
        self.must_sign_on = false;
        if let Some(pending) = &mut self.pending {
            pending.answer_by_ms = None;
        }
        let mut abandoned = 0;
        // Totals that are repeated are those of the batch before.
        let settles = self
            .again
            .as_ref()
            .is_some_and(|again| again.0.kind == TerminalRequestKind::Settlement);
        if batch != self.batch && !settles {
            let before = self.journal.lines().len();
            self.journal.close_batch();
            abandoned = before - self.journal.lines().len();
        }
        self.batch = batch;
        Ok(TerminalOutcome::SignedOn { batch, dropped_lines: abandoned })
    }

    fn reversed(&mut self, answer: &HostAnswer) -> TerminalOutcome {
        let Some(reversal) = self.reversal.take() else { return TerminalOutcome::Unmatched };
        let (stan, batch, code) = (reversal.stan, reversal.batch, answer.code);
        let stands = match code {
            ResponseCode::APPROVED | ResponseCode::ORIGINAL_NOT_FOUND => false,
            ResponseCode::INVALID_TRANSACTION => true,
            _ => {
                self.reversal = Some(reversal);
                return TerminalOutcome::ReversalRefused { stan, code };
            }
        };
        if !stands {
            self.record_reversal(batch, stan);
        } else if batch == self.batch {
            let TerminalReversal { kind, date, amount, original, .. } = *reversal;
            // The authorisation code never arrived, and this answer does not carry it either.
            let (rrn, authorisation) = (answer.rrn, None);
            let receipt = Receipt { kind, batch, stan, date, amount, rrn, authorisation };
            self.record(receipt, original);
        }
        TerminalOutcome::Reversed { stan, code }
    }

    fn record_reversal(&mut self, batch: u32, stan: u32) {
        let Some(line) = self.journal.find_mut(batch, stan) else { return };
        line.status = JournalLineStatus::Reversed;
        let held = line.original.filter(|_| line.receipt.kind == TerminalRequestKind::Completion);
        if let Some(held) = held.and_then(|(batch, stan)| self.journal.find_mut(batch, stan)) {
            held.status = JournalLineStatus::Effective;
        }
    }

    fn answered(&mut self, answer: &HostAnswer) -> TerminalOutcome {
        let Some(pending) = self.pending.as_deref() else { return TerminalOutcome::Unmatched };
        let (kind, stan, original) = (pending.kind, pending.stan, pending.original);
        let receipt = Receipt {
            kind,
            batch: pending.batch,
            stan,
            date: pending.date,
            amount: pending.amount,
            rrn: answer.rrn,
            authorisation: answer.authorisation,
        };
        let declined = || {
            let (code, text, network) = (answer.code, answer.text.clone(), answer.network.clone());
            TerminalOutcome::Declined(DeclinedRequest { kind, stan, code, text, network })
        };
        match (kind, answer.code) {
            (TerminalRequestKind::SignOff, ResponseCode::APPROVED) => {
                self.must_sign_on = true;
                TerminalOutcome::SignedOff
            }
            (TerminalRequestKind::Echo, ResponseCode::APPROVED) => TerminalOutcome::Echoed,
            (TerminalRequestKind::Parameters, ResponseCode::APPROVED) => {
                match answer::parameters(&answer.field_62) {
                    Some(parameters) => {
                        self.set_parameters(parameters);
                        TerminalOutcome::Parameters(parameters)
                    }
                    None => declined(),
                }
            }
            (TerminalRequestKind::Parcels, ResponseCode::APPROVED) => {
                parcel_list::read(&answer.field_62).unwrap_or_else(declined)
            }
            (TerminalRequestKind::Balance, ResponseCode::APPROVED) => {
                answer.balance.map_or_else(declined, TerminalOutcome::Balance)
            }
            (
                TerminalRequestKind::Settlement,
                ResponseCode::APPROVED | ResponseCode::TOTALS_DIFFER,
            ) => self.batch_closed(receipt.batch, answer),
            (TerminalRequestKind::Upload, ResponseCode::APPROVED) => self.upload_part_accepted(),
            (TerminalRequestKind::UploadEnd, ResponseCode::APPROVED) => {
                let lines = self.upload.take().map_or(0, |upload| upload.lines.len());
                self.must_sign_on = true;
                TerminalOutcome::Uploaded { lines }
            }
            (TerminalRequestKind::UploadEnd, ResponseCode::TOTALS_DIFFER) => {
                // Lines are missing at the switch: send all again.
                if let Some(upload) = &mut self.upload {
                    upload.accepted_lines = 0;
                }
                TerminalOutcome::UploadContinues { lines: 0 }
            }
            (kind, code) if is_upload(kind) && code != ResponseCode::SYSTEM_ERROR => {
                // The batch is closed either way, and the switch does not want its lines.
                self.upload = None;
                self.must_sign_on = true;
                declined()
            }
            (TerminalRequestKind::Qr, ResponseCode::PAYMENT_PENDING) => {
                self.journal.write(receipt, JournalLineStatus::Pending, None);
                let text = String::from_utf8_lossy(&answer.field_62).into_owned();
                TerminalOutcome::QrShown { stan, text }
            }
            (TerminalRequestKind::QrStatus, _) => {
                self.qr_status_answered(original, answer, declined)
            }
            (TerminalRequestKind::Offline, _) => self.offline_answered(receipt, answer, declined),
            (_, ResponseCode::APPROVED) => {
                self.record(receipt, original);
                TerminalOutcome::Approved {
                    receipt,
                    network: answer.network.clone(),
                    note: answer.text.clone(),
                }
            }
            _ => declined(),
        }
    }

    /// Writes the receipt to the journal, and closes the pre-authorisation that it ends.
    fn record(&mut self, receipt: Receipt, original: Option<(u32, u32)>) {
        let held = original.filter(|_| ends_pre_authorisation(receipt.kind));
        if let Some(held) = held.and_then(|(batch, stan)| self.journal.find_mut(batch, stan)) {
            held.status = JournalLineStatus::Closed;
        }
        self.journal.write(receipt, JournalLineStatus::Effective, original);
    }

    fn qr_status_answered(
        &mut self,
        original: Option<(u32, u32)>,
        answer: &HostAnswer,
        declined: impl FnOnce() -> TerminalOutcome,
    ) -> TerminalOutcome {
        let Some((batch, stan)) = original else { return declined() };
        let Some(line) = self.journal.find_mut(batch, stan) else { return declined() };
        match answer.code {
            ResponseCode::PAYMENT_PENDING => TerminalOutcome::QrPending { stan },
            ResponseCode::APPROVED => {
                let paid = Receipt {
                    rrn: answer.rrn,
                    authorisation: answer.authorisation,
                    ..line.receipt
                };
                if line.status == JournalLineStatus::Pending {
                    (line.receipt, line.status) = (paid, JournalLineStatus::Effective);
                }
                TerminalOutcome::Approved {
                    receipt: paid,
                    network: answer.network.clone(),
                    note: answer.text.clone(),
                }
            }
            ResponseCode::RESPONSE_TIMEOUT => {
                if line.status == JournalLineStatus::Pending {
                    self.journal.remove(batch, stan);
                }
                declined()
            }
            _ => declined(),
        }
    }

    /// Handles the answer to an offline sale. It stays queued if the switch could not decide.
    fn offline_answered(
        &mut self,
        receipt: Receipt,
        answer: &HostAnswer,
        declined: impl FnOnce() -> TerminalOutcome,
    ) -> TerminalOutcome {
        let first = self.offline.iter().position(|offline| offline.stan == receipt.stan);
        let authorisation = first.and_then(|place| self.offline.get(place));
        let authorisation =
            authorisation.map_or(answer.authorisation, |sale| Some(sale.authorisation));
        match answer.code {
            ResponseCode::SYSTEM_ERROR => return declined(),
            ResponseCode::APPROVED => {}
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
        self.journal.write(receipt, JournalLineStatus::Effective, None);
        TerminalOutcome::Approved {
            receipt,
            network: answer.network.clone(),
            note: answer.text.clone(),
        }
    }

    fn batch_closed(&mut self, batch: u32, answer: &HostAnswer) -> TerminalOutcome {
        let ours = self.journal.totals(batch);
        let stated = answer.totals;
        let agreed =
            answer.code == ResponseCode::APPROVED && stated.is_none_or(|(_, agreed)| agreed);
        if agreed {
            self.must_sign_on = true;
            self.journal.close_batch();
            return TerminalOutcome::BatchAgreed { batch, totals: ours };
        }
        let lines = self.journal.counted_receipts(batch).map(|(counted, receipt)| UploadLine {
            credit: matches!(counted, TotalsGroup::CardCredit | TotalsGroup::OtherCredit),
            stan: receipt.stan,
            amount: receipt.amount,
        });
        let lines = lines.collect();
        self.upload = Some(Box::new(BatchUpload { batch, lines, accepted_lines: 0 }));
        self.journal.close_batch();
        TerminalOutcome::BatchDiffers {
            batch,
            terminal_totals: ours,
            host_totals: stated.map(|(theirs, _)| theirs),
        }
    }

    fn upload_part_accepted(&mut self) -> TerminalOutcome {
        let Some(upload) = &mut self.upload else { return TerminalOutcome::Unmatched };
        upload.accepted_lines = upload.lines.len().min(upload.accepted_lines + UPLOAD_LINES_MAX);
        TerminalOutcome::UploadContinues { lines: upload.accepted_lines }
    }
}

fn is_upload(kind: TerminalRequestKind) -> bool {
    matches!(kind, TerminalRequestKind::Upload | TerminalRequestKind::UploadEnd)
}

fn ends_pre_authorisation(kind: TerminalRequestKind) -> bool {
    matches!(kind, TerminalRequestKind::Completion | TerminalRequestKind::VoidPreAuthorisation)
}

fn is_answer_to(answer: &HostAnswer, pending: &PendingRequest, number: u32) -> bool {
    let mti = if pending.reversal { Mti::M0400 } else { pending.kind.message_row().mti };
    pending.answer_by_ms.is_some()
        && Some(answer.mti) == mti.response()
        && answer.stan == Some(pending.stan)
        && answer.terminal == *format!("{number:08}").as_bytes()
}

fn has_accepted_mac(answer: &HostAnswer) -> bool {
    match answer.mac {
        MacCheck::Valid => true,
        MacCheck::Invalid => false,
        // Such an answer only asks for a new sign-on.
        MacCheck::Missing => answer.code == ResponseCode::MAC_ERROR,
    }
}

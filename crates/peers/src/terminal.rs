//! A POS terminal: what a courier does at it becomes messages, answers become results.
//!
//! The protocol is `docs/door/terminal.md`. A driver asks [`Terminal::must_first`] for what goes
//! out before anything else, then [`Terminal::ask`]s; it brings answers to [`Terminal::hear`], and
//! says [`Terminal::timed_out`] when the moment of [`Terminal::answer_by`] has come.

use std::fmt;

use iso8583::{Tpdu, Wiped};
use keys::{KeyError, TdesKey};
use money::Currency;
use zeroize::{Zeroize, Zeroizing};

mod answer;
mod build;
mod hear;
mod journal;
mod kind;
mod task;

pub use journal::{BATCH_TRANSACTIONS_MAX, Line, Receipt, Standing, Sum, Totals};
pub use kind::Kind;
pub use task::{After, Balance, Declined, Heard, Parameters, Task, TerminalError};

use crate::card::Card;
use crate::code;
use crate::moment;
use answer::AMOUNT_MAX;
use build::{Read, UPLOAD_LINES_MAX, UploadLine};
use journal::Journal;

/// How long an answer is waited for, unless settings or parameters say otherwise.
pub const ANSWER_WITHIN_MS: u32 = 60_000;

/// How often a reversal is tried before the terminal must be looked at, unless parameters say.
pub const REVERSAL_TRIES: u32 = 3;

/// Offline sales that wait to be forwarded at the most.
pub const OFFLINE_SALES_MAX: usize = 100;

const STAN_MAX: u32 = 999_999;

/// What a terminal is born with.
#[derive(Clone)]
pub struct TerminalSettings {
    /// Field 41, eight digits.
    pub number: u32,
    /// Field 42: acquirer 3, region 4, MCC 4, courier firm 4.
    pub merchant: [u8; 15],
    /// Under which working keys come at sign-on; of 16 or 24 bytes.
    pub master_key: TdesKey,
    /// Where messages go.
    pub tpdu: Tpdu,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The terminal's clock, in minutes east of UTC.
    pub utc_offset_minutes: i16,
    /// How long an answer is waited for, until parameters say otherwise.
    pub answer_within_ms: u32,
    /// The STAN that was used last; zero for a new terminal.
    pub last_stan: u32,
}

impl TerminalSettings {
    /// A new terminal: CNY, UTC, TPDU `60 0000 0000`, [`ANSWER_WITHIN_MS`].
    #[must_use]
    pub const fn new(number: u32, merchant: [u8; 15], master_key: TdesKey) -> TerminalSettings {
        TerminalSettings {
            number,
            merchant,
            master_key,
            tpdu: Tpdu { destination: 0, source: 0 },
            currency: Currency::CNY,
            utc_offset_minutes: 0,
            answer_within_ms: ANSWER_WITHIN_MS,
            last_stan: 0,
        }
    }
}

/// A POS terminal. It is small when it is idle: tens of thousands fit in a load generator.
pub struct Terminal {
    number: u32,
    merchant: [u8; 15],
    tpdu: Tpdu,
    currency: Currency,
    utc_offset_minutes: i16,
    answer_within_ms: u32,
    master_key: SmallKey,
    pin_key: Option<SmallKey>,
    mac_key: Option<SmallKey>,
    /// The open batch; zero before the first sign-on.
    batch: u32,
    stan: u32,
    must_sign_on: bool,
    /// What was asked last; it waits, or can be repeated.
    question: Option<Box<Question>>,
    reversal: Option<Box<Reversal>>,
    offline: Vec<Offline>,
    upload: Option<Box<Upload>>,
    journal: Journal,
    parameters: Option<Box<Parameters>>,
}

/// A key without its schedule.
struct SmallKey {
    bytes: Zeroizing<[u8; 24]>,
    length: u8,
}

impl SmallKey {
    fn new(key: &TdesKey) -> SmallKey {
        let mut bytes = Zeroizing::new([0; 24]);
        let exposed = key.expose();
        bytes[..exposed.len()].copy_from_slice(exposed);
        SmallKey { bytes, length: u8::try_from(exposed.len()).unwrap_or(0) }
    }

    fn open(&self) -> Result<TdesKey, KeyError> {
        TdesKey::new(&self.bytes[..usize::from(self.length)])
    }
}

/// What was asked.
struct Question {
    kind: Kind,
    /// Whether this is the reversal of one of that kind.
    reversal: bool,
    batch: u32,
    stan: u32,
    date: u16,
    amount: u64,
    /// Batch and STAN of what it is about.
    about: Option<(u32, u32)>,
    /// Until when an answer counts; nothing when it was answered or given up.
    until_ms: Option<u64>,
    /// Whether it goes out again before anything else.
    again_first: bool,
    message: Wiped,
}

/// What is to be taken back.
struct Reversal {
    kind: Kind,
    batch: u32,
    stan: u32,
    date: u16,
    amount: u64,
    /// Batch and STAN of what it is about.
    about: Option<(u32, u32)>,
    reason: [u8; 2],
    tried: u32,
}

/// A sale that the terminal approved.
struct Offline {
    stan: u32,
    card: Card,
    waybill: Box<str>,
    amount: u64,
    time: u32,
    date: u16,
    authorisation: [u8; 6],
}

/// Lines of a closed batch that are still to be sent.
struct Upload {
    batch: u32,
    lines: Vec<UploadLine>,
    taken: usize,
}

impl Terminal {
    /// A terminal that was never signed on.
    #[must_use]
    pub fn new(settings: &TerminalSettings) -> Terminal {
        Terminal {
            number: settings.number,
            merchant: settings.merchant,
            tpdu: settings.tpdu,
            currency: settings.currency,
            utc_offset_minutes: settings.utc_offset_minutes,
            answer_within_ms: settings.answer_within_ms,
            master_key: SmallKey::new(&settings.master_key),
            pin_key: None,
            mac_key: None,
            batch: 0,
            stan: settings.last_stan,
            must_sign_on: true,
            question: None,
            reversal: None,
            offline: Vec::new(),
            upload: None,
            journal: Journal::default(),
            parameters: None,
        }
    }

    /// Its number, field 41.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The open batch; zero before the first sign-on.
    #[must_use]
    pub const fn batch(&self) -> u32 {
        self.batch
    }

    /// The STAN that was used last.
    #[must_use]
    pub const fn last_stan(&self) -> u32 {
        self.stan
    }

    /// Whether it must sign on before it can do anything else.
    #[must_use]
    pub const fn must_sign_on(&self) -> bool {
        self.must_sign_on
    }

    /// Until when an answer is waited for; nothing where none is.
    #[must_use]
    pub fn answer_by(&self) -> Option<u64> {
        self.question.as_ref().and_then(|question| question.until_ms)
    }

    /// Whether an answer is waited for.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.answer_by().is_some()
    }

    /// The STAN of what is to be taken back before anything else is done.
    #[must_use]
    pub fn reversing(&self) -> Option<u32> {
        self.reversal.as_ref().map(|reversal| reversal.stan)
    }

    /// Whether a reversal was tried as often as it may be: somebody should look at the terminal.
    /// It goes on trying all the same.
    #[must_use]
    pub fn must_be_looked_at(&self) -> bool {
        let tries = self.parameters.as_ref().map_or(REVERSAL_TRIES, |p| p.reversal_tries);
        self.reversal.as_ref().is_some_and(|reversal| reversal.tried >= tries)
    }

    /// How many offline sales wait to be forwarded.
    #[must_use]
    pub fn to_forward(&self) -> usize {
        self.offline.len()
    }

    /// The STAN of the offline sale that is forwarded next.
    #[must_use]
    pub fn next_to_forward(&self) -> Option<u32> {
        self.offline.first().map(|offline| offline.stan)
    }

    /// What the switch allows, where it was asked.
    #[must_use]
    pub fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_deref()
    }

    /// Lets parameters hold without asking for them.
    pub fn set_parameters(&mut self, parameters: Parameters) {
        self.parameters = Some(Box::new(parameters));
    }

    /// The journal: the open batch, and earlier pre-authorisations that stand.
    #[must_use]
    pub fn journal(&self) -> &[Line] {
        self.journal.lines()
    }

    /// A line's receipt.
    #[must_use]
    pub fn receipt(&self, stan: u32) -> Option<Receipt> {
        self.journal.find(stan).map(|line| line.receipt)
    }

    /// What the open batch comes to.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.journal.totals(self.batch)
    }

    /// Approves a sale without asking. It is forwarded when [`Terminal::must_first`] gives it.
    ///
    /// # Errors
    /// When the terminal was never signed on, or the sale is beyond its limits.
    pub fn approve_offline(
        &mut self,
        waybill: &str,
        card: &Card,
        amount: u64,
        now_ms: u64,
    ) -> Result<Receipt, TerminalError> {
        if self.batch == 0 {
            return Err(TerminalError::SignOnFirst);
        }
        self.check_room()?;
        let waiting: u64 = self.offline.iter().map(|offline| offline.amount).sum();
        let total = waiting.checked_add(amount).filter(|total| *total <= AMOUNT_MAX);
        let (each, most) = self
            .parameters
            .as_ref()
            .map_or((0, 0), |limits| (limits.offline_each, limits.offline_total));
        let allowed = amount <= each && total.is_some_and(|total| total <= most);
        if !allowed || self.offline.len() >= OFFLINE_SALES_MAX {
            return Err(TerminalError::OfflineLimit);
        }
        let at = moment::civil(now_ms, self.utc_offset_minutes);
        let stan = self.next_stan();
        let mut authorisation = *b"000000";
        authorisation.copy_from_slice(format!("{stan:06}").as_bytes());
        let (time, date) = (moment::time(at), short(moment::date(at)));
        let (card, waybill) = (card.clone(), waybill.into());
        self.offline.push(Offline { stan, card, waybill, amount, time, date, authorisation });
        let (kind, batch) = (Kind::Offline, self.batch);
        Ok(Receipt { kind, batch, stan, date, amount, rrn: [b' '; 12], authorisation })
    }

    /// What goes out before anything else: a reversal, a repeat, an offline sale, an upload.
    /// Nothing where there is none, or where the terminal must sign on first.
    ///
    /// # Errors
    /// When an answer is waited for, or a message cannot be built.
    pub fn must_first(&mut self, now_ms: u64) -> Result<Option<Wiped>, TerminalError> {
        if self.waits() {
            return Err(TerminalError::Waiting);
        }
        if self.must_sign_on {
            return Ok(None);
        }
        if self.reversal.is_some() {
            return self.send_reversal(now_ms).map(Some);
        }
        if self.question.as_ref().is_some_and(|question| question.again_first) {
            return self.again(now_ms).map(Some);
        }
        if !self.offline.is_empty() {
            return self.forward(now_ms).map(Some);
        }
        if self.upload.is_some() {
            return self.send_upload(now_ms).map(Some);
        }
        Ok(None)
    }

    fn has_first(&self) -> bool {
        let again = self.question.as_ref().is_some_and(|question| question.again_first);
        again || self.reversal.is_some() || !self.offline.is_empty() || self.upload.is_some()
    }

    /// The message of a task, without its two bytes of length. The terminal waits for its answer
    /// from here on.
    ///
    /// # Errors
    /// Why it cannot be done now, or at all.
    pub fn ask(&mut self, task: Task<'_>, now_ms: u64) -> Result<Wiped, TerminalError> {
        if let Task::Reverse { stan } = task {
            return self.take_back(stan, now_ms);
        }
        if self.waits() {
            return Err(TerminalError::Waiting);
        }
        let needs_keys = !matches!(task, Task::SignOn | Task::Echo);
        if needs_keys && (self.must_sign_on || self.mac_key.is_none()) {
            return Err(TerminalError::SignOnFirst);
        }
        match task {
            Task::Offline { waybill, card, amount } => {
                self.approve_offline(waybill, card, amount, now_ms)?;
                return self.must_first(now_ms)?.ok_or(TerminalError::SomethingFirst);
            }
            Task::Upload if self.upload.is_some() => {
                return self.must_first(now_ms)?.ok_or(TerminalError::SomethingFirst);
            }
            Task::Upload => return Err(TerminalError::NothingToUpload),
            _ if self.has_first() && !self.must_sign_on => {
                return Err(TerminalError::SomethingFirst);
            }
            _ => {}
        }
        match task {
            Task::SignOn => self.ask_plain(Kind::SignOn, now_ms),
            Task::SignOff => self.ask_plain(Kind::SignOff, now_ms),
            Task::Echo => self.ask_plain(Kind::Echo, now_ms),
            Task::Parameters => self.ask_plain(Kind::Parameters, now_ms),
            Task::Settle => self.settle(now_ms),
            Task::Balance { card, pin } => {
                self.by_card(Kind::Balance, None, Read { card, pin, amount: 0 }, now_ms)
            }
            Task::Sell { waybill, card, amount, pin } => {
                self.by_card(Kind::Sale, Some(waybill), Read { card, pin, amount }, now_ms)
            }
            Task::PreAuthorise { waybill, card, amount, pin } => {
                let read = Read { card, pin, amount };
                self.by_card(Kind::PreAuthorisation, Some(waybill), read, now_ms)
            }
            Task::Void { stan } => self.on_line(Kind::Void, stan, None, now_ms),
            Task::VoidPreAuthorisation { stan } => {
                self.on_line(Kind::VoidPreAuthorisation, stan, None, now_ms)
            }
            Task::Complete { stan, amount } => {
                self.on_line(Kind::Completion, stan, Some(amount), now_ms)
            }
            Task::CashBack { stan } => self.on_line(Kind::CashBack, stan, None, now_ms),
            Task::QrStatus { stan } => self.on_line(Kind::QrStatus, stan, None, now_ms),
            Task::QrBack { stan } => self.on_line(Kind::QrBack, stan, None, now_ms),
            Task::Refund { receipt, amount } => {
                self.on_receipt(Kind::Refund, receipt, amount, now_ms)
            }
            Task::Cash { waybill, amount, tendered } => {
                self.take_cash(waybill, amount, tendered, now_ms)
            }
            Task::Qr { waybill, amount } => self.show_qr(waybill, amount, now_ms),
            Task::Offline { .. } | Task::Upload | Task::Reverse { .. } => {
                Err(TerminalError::SomethingFirst)
            }
        }
    }

    /// The same message once more, with the same STAN: a repeat, whether an answer came or not.
    ///
    /// # Errors
    /// When nothing was asked.
    pub fn again(&mut self, now_ms: u64) -> Result<Wiped, TerminalError> {
        let until_ms = self.until(now_ms);
        let question = self.question.as_mut().ok_or(TerminalError::NothingToRepeat)?;
        question.until_ms = Some(until_ms);
        question.again_first = false;
        Ok(question.message.clone())
    }

    /// Gives up waiting when the time is over, and says what is done first of all because of it.
    /// Nothing where the time is not over.
    pub fn timed_out(&mut self, now_ms: u64) -> Option<After> {
        self.answer_by().filter(|until_ms| *until_ms <= now_ms)?;
        Some(self.give_up(code::NO_ANSWER))
    }

    /// No answer counts any more.
    fn give_up(&mut self, reason: [u8; 2]) -> After {
        let Some(question) = &mut self.question else { return After::Nothing };
        question.until_ms = None;
        if question.reversal {
            return After::Reverse;
        }
        if question.kind.is_reversible() {
            let &mut Question { kind, batch, stan, date, amount, about, .. } = &mut **question;
            let reversal = Reversal { kind, batch, stan, date, amount, about, reason, tried: 0 };
            self.reversal = Some(Box::new(reversal));
            return After::Reverse;
        }
        question.again_first = question.kind.is_repeated();
        if question.again_first || question.kind == Kind::Offline {
            After::Repeat
        } else {
            After::Nothing
        }
    }

    fn take_back(&mut self, stan: u32, now_ms: u64) -> Result<Wiped, TerminalError> {
        if self.must_sign_on || self.mac_key.is_none() {
            return Err(TerminalError::SignOnFirst);
        }
        if self.reversal.is_some() {
            return Err(TerminalError::SomethingFirst);
        }
        let asked = self.question.as_ref().filter(|question| question.until_ms.is_some());
        match asked {
            Some(asked) if asked.stan == stan && asked.kind.is_reversible() => {
                self.give_up(code::COULD_NOT_GO_ON);
            }
            Some(_) => return Err(TerminalError::Waiting),
            None => {
                let line = self.journal.find(stan).ok_or(TerminalError::NotInJournal(stan))?;
                let (Receipt { kind, batch, date, amount, .. }, about) = (line.receipt, line.about);
                if !kind.is_reversible() {
                    return Err(TerminalError::NotInJournal(stan));
                }
                let reason = code::COULD_NOT_GO_ON;
                let reversal =
                    Reversal { kind, batch, stan, date, amount, about, reason, tried: 0 };
                self.reversal = Some(Box::new(reversal));
            }
        }
        self.send_reversal(now_ms)
    }

    fn send_reversal(&mut self, now_ms: u64) -> Result<Wiped, TerminalError> {
        let reversal = self.reversal.as_deref().ok_or(TerminalError::NothingToRepeat)?;
        let message = self.reversal_message(reversal)?;
        let (kind, batch, stan) = (reversal.kind, reversal.batch, reversal.stan);
        let question = Question {
            reversal: true,
            amount: reversal.amount,
            ..self.question(kind, batch, stan, message, now_ms)
        };
        if let Some(reversal) = &mut self.reversal {
            reversal.tried = reversal.tried.saturating_add(1);
        }
        Ok(self.wait_for(question))
    }

    fn forward(&mut self, now_ms: u64) -> Result<Wiped, TerminalError> {
        let offline = self.offline.first().ok_or(TerminalError::NothingToRepeat)?;
        let (stan, amount, date) = (offline.stan, offline.amount, offline.date);
        let message = self
            .draft(Kind::Offline, stan, self.batch, now_ms)
            .made_at(offline.time, u32::from(date))
            .amount(amount)
            .waybill(&offline.waybill)
            .authorisation(offline.authorisation)
            .card(Read { card: &offline.card, pin: None, amount })?
            .finish(Kind::Offline)?;
        let question = self.question(Kind::Offline, self.batch, stan, message, now_ms);
        Ok(self.wait_for(Question { amount, date, ..question }))
    }

    fn send_upload(&mut self, now_ms: u64) -> Result<Wiped, TerminalError> {
        let stan = self.next_stan();
        let upload = self.upload.as_deref().ok_or(TerminalError::NothingToUpload)?;
        let left = upload.lines.get(upload.taken..).unwrap_or_default();
        let batch = upload.batch;
        let (kind, message) = if left.is_empty() {
            let kind = Kind::UploadEnd;
            let draft = self.draft(kind, stan, batch, now_ms);
            (kind, draft.line_count(upload.lines.len()).finish(kind)?)
        } else {
            let kind = Kind::Upload;
            let part = &left[..left.len().min(UPLOAD_LINES_MAX)];
            (kind, self.draft(kind, stan, batch, now_ms).lines(part).finish(kind)?)
        };
        let question = self.question(kind, batch, stan, message, now_ms);
        Ok(self.wait_for(question))
    }

    fn ask_plain(&mut self, kind: Kind, now_ms: u64) -> Result<Wiped, TerminalError> {
        let stan = self.next_stan();
        let message = self.draft(kind, stan, self.batch, now_ms).finish(kind)?;
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(question))
    }

    fn settle(&mut self, now_ms: u64) -> Result<Wiped, TerminalError> {
        let (stan, kind) = (self.next_stan(), Kind::Totals);
        let totals = self.totals();
        let message = self.draft(kind, stan, self.batch, now_ms).totals(&totals).finish(kind)?;
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(question))
    }

    fn by_card(
        &mut self,
        kind: Kind,
        waybill: Option<&str>,
        read: Read<'_>,
        now_ms: u64,
    ) -> Result<Wiped, TerminalError> {
        self.check_room()?;
        let stan = self.next_stan();
        let mut draft = self.draft(kind, stan, self.batch, now_ms).card(read)?;
        if let Some(waybill) = waybill {
            draft = draft.amount(read.amount).waybill(waybill);
        }
        let message = draft.finish(kind)?;
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(Question { amount: read.amount, ..question }))
    }

    fn on_line(
        &mut self,
        kind: Kind,
        stan: u32,
        amount: Option<u64>,
        now_ms: u64,
    ) -> Result<Wiped, TerminalError> {
        let receipt = self.receipt(stan).ok_or(TerminalError::NotInJournal(stan))?;
        self.on_receipt(kind, &receipt, amount.unwrap_or(receipt.amount), now_ms)
    }

    fn on_receipt(
        &mut self,
        kind: Kind,
        receipt: &Receipt,
        amount: u64,
        now_ms: u64,
    ) -> Result<Wiped, TerminalError> {
        let asks = kind == Kind::QrStatus;
        if !asks {
            self.check_room()?;
        }
        let stan = self.next_stan();
        let by_card = !matches!(kind, Kind::CashBack | Kind::QrBack | Kind::QrStatus);
        let mut draft = self.draft(kind, stan, self.batch, now_ms).about(
            receipt,
            kind == Kind::Refund,
            by_card,
        );
        if !asks {
            draft = draft.amount(amount);
        }
        let message = draft.finish(kind)?;
        let about = Some((receipt.batch, receipt.stan));
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(Question { amount, about, ..question }))
    }

    fn take_cash(
        &mut self,
        waybill: &str,
        amount: u64,
        tendered: u64,
        now_ms: u64,
    ) -> Result<Wiped, TerminalError> {
        self.check_room()?;
        let change = tendered.checked_sub(amount).ok_or(TerminalError::TooLittleCash)?;
        let (stan, kind) = (self.next_stan(), Kind::Cash);
        let message = self
            .draft(kind, stan, self.batch, now_ms)
            .amount(amount)
            .waybill(waybill)
            .cash(tendered, change)
            .finish(kind)?;
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(Question { amount, ..question }))
    }

    fn show_qr(&mut self, waybill: &str, amount: u64, now_ms: u64) -> Result<Wiped, TerminalError> {
        self.check_room()?;
        let (stan, kind) = (self.next_stan(), Kind::Qr);
        let draft = self.draft(kind, stan, self.batch, now_ms);
        let message = draft.amount(amount).waybill(waybill).finish(kind)?;
        let question = self.question(kind, self.batch, stan, message, now_ms);
        Ok(self.wait_for(Question { amount, ..question }))
    }

    fn question(&self, kind: Kind, batch: u32, stan: u32, message: Wiped, now_ms: u64) -> Question {
        let at = moment::civil(now_ms, self.utc_offset_minutes);
        Question {
            kind,
            reversal: false,
            batch,
            stan,
            date: short(moment::date(at)),
            amount: 0,
            about: None,
            until_ms: Some(self.until(now_ms)),
            again_first: false,
            message,
        }
    }

    fn wait_for(&mut self, question: Question) -> Wiped {
        let message = question.message.clone();
        self.question = Some(Box::new(question));
        message
    }

    fn until(&self, now_ms: u64) -> u64 {
        let within_ms = match &self.parameters {
            Some(parameters) => u64::from(parameters.answer_within_s) * 1_000,
            None => u64::from(self.answer_within_ms),
        };
        now_ms.saturating_add(within_ms)
    }

    fn check_room(&self) -> Result<(), TerminalError> {
        let lines = self.journal.lines().len();
        let most = self.parameters.as_ref().map_or(u32::MAX, |p| p.batch_transactions);
        let beyond = u32::try_from(lines).is_ok_and(|lines| lines >= most);
        if beyond || self.journal.is_full() { Err(TerminalError::BatchFull) } else { Ok(()) }
    }

    const fn next_stan(&mut self) -> u32 {
        self.stan = self.stan % STAN_MAX + 1;
        self.stan
    }

    fn mac_key(&self) -> Result<Option<TdesKey>, KeyError> {
        self.mac_key.as_ref().map(SmallKey::open).transpose()
    }

    fn pin_key(&self) -> Result<Option<TdesKey>, KeyError> {
        self.pin_key.as_ref().map(SmallKey::open).transpose()
    }

    /// Takes an answer: what came between the two bytes of length and the next. It is wiped.
    ///
    /// # Errors
    /// When the bytes are no message, or working keys do not open. The terminal goes on waiting.
    pub fn hear(&mut self, message: &mut [u8]) -> Result<Heard, TerminalError> {
        let heard = self.listen(message);
        message.zeroize();
        heard
    }
}

fn short(date: u32) -> u16 {
    u16::try_from(date).unwrap_or(0)
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("number", &self.number)
            .field("batch", &self.batch)
            .field("stan", &self.stan)
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

//! A POS terminal: turns a courier's tasks into messages and answers into results.
//!
//! `docs/door/terminal.md` describes the protocol. How to drive it:
//!
//! 1. Send what [`TerminalSimulator::next_pending_message`] returns, until it returns `None`.
//! 2. Call [`TerminalSimulator::start`] with a task and send the message.
//! 3. Pass the answer to [`TerminalSimulator::receive`]. If the time of
//!    [`TerminalSimulator::answer_by`] comes first, call [`TerminalSimulator::on_timeout`] and
//!    start at 1 again.

use std::fmt;

use iso8583::{Tpdu, WipedBytes};
use keys::SessionKeys;
use money::Currency;
use zeroize::Zeroize;

mod answer;
mod build;
mod journal;
mod link;
mod on_answer;
mod parcel_list;
mod request_kind;
mod task;

pub use journal::{
    BATCH_TRANSACTIONS_MAX, JournalLine, JournalLineStatus, Receipt, TerminalSum, TerminalTotals,
};
pub use link::TerminalKey;
pub use parcel_list::{TerminalCardRequest, TerminalParcel};
pub use request_kind::TerminalRequestKind;
pub use task::{
    AccountBalance, DeclinedRequest, TerminalError, TerminalOutcome, TerminalParameters,
    TerminalTask, TimeoutAction,
};

use crate::card::TestCard;
use crate::codes::{AuthorisationCode, ResponseCode};
use crate::message_time;
use answer::AMOUNT_MAX;
use build::{CardRead, UPLOAD_LINES_MAX, UploadLine};
use journal::TerminalJournal;
use link::{CardData, TerminalLink};

/// Time to wait for an answer, unless settings or parameters set another.
pub const ANSWER_TIMEOUT_MS: u32 = 60_000;

/// Attempts at a reversal before the terminal needs attention, unless parameters set another
/// number.
pub const REVERSAL_TRIES_MAX: u32 = 3;

/// Most offline sales that can wait to be forwarded.
pub const OFFLINE_SALES_MAX: usize = 100;

const STAN_MAX: u32 = 999_999;

#[derive(Clone)]
pub struct TerminalSimulatorSettings {
    /// Field 41, eight digits.
    pub number: u32,
    /// Field 42: acquirer 3, region 4, MCC 4, courier firm 4.
    pub merchant: [u8; 15],
    pub key: TerminalKey,
    pub tpdu: Tpdu,
    pub currency: Currency,
    /// The terminal's time zone, in minutes east of UTC.
    pub utc_offset_minutes: i16,
    /// Time to wait for an answer until parameters set another.
    pub answer_timeout_ms: u32,
    /// Last STAN used; zero for a new terminal.
    pub last_stan: u32,
}

impl TerminalSimulatorSettings {
    /// A new terminal: CNY, UTC, TPDU `60 0000 0000`, [`ANSWER_TIMEOUT_MS`].
    #[must_use]
    pub fn new(
        number: u32,
        merchant: [u8; 15],
        key: impl Into<TerminalKey>,
    ) -> TerminalSimulatorSettings {
        TerminalSimulatorSettings {
            number,
            merchant,
            key: key.into(),
            tpdu: Tpdu { destination: 0, source: 0 },
            currency: Currency::CNY,
            utc_offset_minutes: 0,
            answer_timeout_ms: ANSWER_TIMEOUT_MS,
            last_stan: 0,
        }
    }
}

/// A POS terminal. It uses little memory when idle: a load generator can hold tens of thousands.
pub struct TerminalSimulator {
    number: u32,
    merchant: [u8; 15],
    tpdu: Tpdu,
    currency: Currency,
    utc_offset_minutes: i16,
    answer_within_ms: u32,
    link: TerminalLink,
    /// Zero before the first sign-on.
    batch: u32,
    stan: u32,
    must_sign_on: bool,
    /// The last request. It awaits its answer or can be repeated.
    pending: Option<Box<PendingRequest>>,
    /// Refused for its MAC, and repeated after a sign-on, with its opened card data.
    again: Option<Box<(PendingRequest, Option<CardData>)>>,
    reversal: Option<Box<TerminalReversal>>,
    offline: Vec<OfflineSale>,
    upload: Option<Box<BatchUpload>>,
    journal: TerminalJournal,
    parameters: Option<Box<TerminalParameters>>,
}

struct PendingRequest {
    kind: TerminalRequestKind,
    /// Whether this is the reversal of a request of that kind.
    reversal: bool,
    batch: u32,
    stan: u32,
    date: u16,
    amount: u64,
    /// Batch and STAN of the original.
    original: Option<(u32, u32)>,
    /// Time limit for the answer, in milliseconds since 1970; `None` once answered or given up.
    answer_by_ms: Option<u64>,
    /// Whether it must be repeated before any other request.
    must_repeat: bool,
    message: WipedBytes,
}

/// A reversal that must be sent before any other request.
struct TerminalReversal {
    kind: TerminalRequestKind,
    batch: u32,
    stan: u32,
    date: u16,
    amount: u64,
    /// Batch and STAN of the original's own original.
    original: Option<(u32, u32)>,
    reason: ResponseCode,
    attempts: u32,
}

/// A sale that the terminal approved by itself.
struct OfflineSale {
    stan: u32,
    card: TestCard,
    waybill: Box<str>,
    amount: u64,
    time: u32,
    date: u16,
    authorisation: AuthorisationCode,
}

/// Lines of a closed batch that must be uploaded.
struct BatchUpload {
    batch: u32,
    lines: Vec<UploadLine>,
    accepted_lines: usize,
}

impl TerminalSimulator {
    /// A terminal that never signed on.
    #[must_use]
    pub fn new(settings: &TerminalSimulatorSettings) -> TerminalSimulator {
        TerminalSimulator {
            number: settings.number,
            merchant: settings.merchant,
            tpdu: settings.tpdu,
            currency: settings.currency,
            utc_offset_minutes: settings.utc_offset_minutes,
            answer_within_ms: settings.answer_timeout_ms,
            link: TerminalLink::new(&settings.key),
            batch: 0,
            stan: settings.last_stan,
            must_sign_on: true,
            pending: None,
            again: None,
            reversal: None,
            offline: Vec::new(),
            upload: None,
            journal: TerminalJournal::default(),
            parameters: None,
        }
    }

    /// Field 41.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The open batch; zero before the first sign-on.
    #[must_use]
    pub const fn batch(&self) -> u32 {
        self.batch
    }

    #[must_use]
    pub const fn last_stan(&self) -> u32 {
        self.stan
    }

    /// Whether the terminal must sign on before any other task.
    #[must_use]
    pub const fn must_sign_on(&self) -> bool {
        self.must_sign_on
    }

    /// Time limit for the answer, in milliseconds since 1970; `None` if none is awaited.
    #[must_use]
    pub fn answer_by(&self) -> Option<u64> {
        self.pending.as_ref().and_then(|pending| pending.answer_by_ms)
    }

    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        self.answer_by().is_some()
    }

    /// The keys of its session. `None` before the first sign-on.
    #[must_use]
    pub fn session(&self) -> Option<&SessionKeys> {
        self.link.session().ok()
    }

    /// STAN of the transaction whose reversal is pending.
    #[must_use]
    pub fn pending_reversal(&self) -> Option<u32> {
        self.reversal.as_ref().map(|reversal| reversal.stan)
    }

    /// Whether the pending reversal has used up its attempts. The terminal keeps trying.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let tries = self.parameters.as_ref().map_or(REVERSAL_TRIES_MAX, |p| p.reversal_tries_max);
        self.reversal.as_ref().is_some_and(|reversal| reversal.attempts >= tries)
    }

    /// Number of offline sales waiting to be forwarded.
    #[must_use]
    pub fn waiting_offline_sales(&self) -> usize {
        self.offline.len()
    }

    /// STAN of the next offline sale to forward.
    #[must_use]
    pub fn next_offline_sale(&self) -> Option<u32> {
        self.offline.first().map(|offline| offline.stan)
    }

    /// The parameters in force, once received or set.
    #[must_use]
    pub fn parameters(&self) -> Option<&TerminalParameters> {
        self.parameters.as_deref()
    }

    /// Sets parameters without requesting them from the switch.
    pub fn set_parameters(&mut self, parameters: TerminalParameters) {
        self.parameters = Some(Box::new(parameters));
    }

    /// Lines of the open batch, and of pre-authorisations from earlier batches that are still in
    /// force.
    #[must_use]
    pub fn journal(&self) -> &[JournalLine] {
        self.journal.lines()
    }

    #[must_use]
    pub fn receipt(&self, stan: u32) -> Option<Receipt> {
        self.journal.find(stan).map(|line| line.receipt)
    }

    /// Totals of the open batch.
    #[must_use]
    pub fn totals(&self) -> TerminalTotals {
        self.journal.totals(self.batch)
    }

    /// Approves a sale without asking the network. [`TerminalSimulator::next_pending_message`]
    /// forwards it.
    ///
    /// # Errors
    /// If the terminal never signed on, or the sale exceeds a limit.
    pub fn approve_offline(
        &mut self,
        waybill: &str,
        card: &TestCard,
        amount: u64,
        now_ms: u64,
    ) -> Result<Receipt, TerminalError> {
        if self.batch == 0 {
            return Err(TerminalError::SignOnRequired);
        }
        self.check_batch_room()?;
        let waiting: u64 = self.offline.iter().map(|offline| offline.amount).sum();
        let total = waiting.checked_add(amount).filter(|total| *total <= AMOUNT_MAX);
        let (each, most) = self
            .parameters
            .as_ref()
            .map_or((0, 0), |limits| (limits.offline_sale_max, limits.offline_total_max));
        let allowed = amount <= each && total.is_some_and(|total| total <= most);
        if !allowed || self.offline.len() >= OFFLINE_SALES_MAX {
            return Err(TerminalError::OfflineLimitExceeded);
        }
        let at = message_time::local_time(now_ms, self.utc_offset_minutes);
        let stan = self.next_stan();
        let authorisation = AuthorisationCode::of_number(stan);
        let (time, date) = (message_time::hhmmss(at), date_u16(message_time::mmdd(at)));
        let (card, waybill) = (card.clone(), waybill.into());
        self.offline.push(OfflineSale { stan, card, waybill, amount, time, date, authorisation });
        let (kind, batch) = (TerminalRequestKind::Offline, self.batch);
        Ok(Receipt {
            kind,
            batch,
            stan,
            date,
            amount,
            rrn: None,
            authorisation: Some(authorisation),
        })
    }

    /// The next message that must be sent before any other: a reversal, a repeat, an offline sale
    /// or part of an upload. `None` if there is none, or if the terminal must sign on first.
    ///
    /// # Errors
    /// If an answer is awaited, or the message cannot be built.
    pub fn next_pending_message(
        &mut self,
        now_ms: u64,
    ) -> Result<Option<WipedBytes>, TerminalError> {
        if self.awaits_answer() {
            return Err(TerminalError::AwaitingAnswer);
        }
        if self.must_sign_on {
            return Ok(None);
        }
        if self.reversal.is_some() {
            return self.send_reversal(now_ms).map(Some);
        }
        if let Some(again) = self.again.take() {
            let (mut request, card) = *again;
            request.message =
                self.protect_again(&request.message, card.as_ref().map(|card| card.as_slice()))?;
            request.answer_by_ms = Some(self.answer_limit_ms(now_ms));
            return Ok(Some(self.await_answer(request)));
        }
        if self.pending.as_ref().is_some_and(|pending| pending.must_repeat) {
            return self.repeat(now_ms).map(Some);
        }
        if !self.offline.is_empty() {
            return self.forward(now_ms).map(Some);
        }
        if self.upload.is_some() {
            return self.send_upload(now_ms).map(Some);
        }
        Ok(None)
    }

    /// Whether a message must be sent before any other. The terminal may have to sign on first.
    #[must_use]
    pub fn has_pending_message(&self) -> bool {
        let again = self.pending.as_ref().is_some_and(|pending| pending.must_repeat);
        again
            || self.again.is_some()
            || self.reversal.is_some()
            || !self.offline.is_empty()
            || self.upload.is_some()
    }

    /// Starts a task and returns its message, without the two-byte length. The terminal then awaits
    /// the answer.
    pub fn start(
        &mut self,
        task: TerminalTask<'_>,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        if let TerminalTask::Reverse { stan } = task {
            return self.start_reversal(stan, now_ms);
        }
        if self.awaits_answer() {
            return Err(TerminalError::AwaitingAnswer);
        }
        let needs_keys = !matches!(task, TerminalTask::SignOn | TerminalTask::Echo);
        if needs_keys && (self.must_sign_on || !self.link.has_session()) {
            return Err(TerminalError::SignOnRequired);
        }
        match task {
            TerminalTask::Offline { waybill, card, amount } => {
                self.approve_offline(waybill, card, amount, now_ms)?;
                return self
                    .next_pending_message(now_ms)?
                    .ok_or(TerminalError::PendingMessageFirst);
            }
            TerminalTask::Upload if self.upload.is_some() => {
                return self
                    .next_pending_message(now_ms)?
                    .ok_or(TerminalError::PendingMessageFirst);
            }
            TerminalTask::Upload => return Err(TerminalError::NothingToUpload),
            _ if self.has_pending_message() && !self.must_sign_on => {
                return Err(TerminalError::PendingMessageFirst);
            }
            _ => {}
        }
        match task {
            TerminalTask::SignOn => self.start_management(TerminalRequestKind::SignOn, now_ms),
            TerminalTask::SignOff => self.start_management(TerminalRequestKind::SignOff, now_ms),
            TerminalTask::Echo => self.start_management(TerminalRequestKind::Echo, now_ms),
            TerminalTask::Parameters => {
                self.start_management(TerminalRequestKind::Parameters, now_ms)
            }
            TerminalTask::Parcels { from } => self.list_parcels(from, now_ms),
            TerminalTask::Settle => self.settle(now_ms),
            TerminalTask::Balance { card, pin } => self.start_with_card(
                TerminalRequestKind::Balance,
                None,
                CardRead { card, pin, amount: 0 },
                now_ms,
            ),
            TerminalTask::Sale { waybill, card, amount, pin } => self.start_with_card(
                TerminalRequestKind::Sale,
                Some(waybill),
                CardRead { card, pin, amount },
                now_ms,
            ),
            TerminalTask::PreAuthorisation { waybill, card, amount, pin } => {
                let read = CardRead { card, pin, amount };
                self.start_with_card(
                    TerminalRequestKind::PreAuthorisation,
                    Some(waybill),
                    read,
                    now_ms,
                )
            }
            TerminalTask::Void { stan } => {
                self.start_for_line(TerminalRequestKind::Void, stan, None, now_ms)
            }
            TerminalTask::VoidPreAuthorisation { stan } => {
                self.start_for_line(TerminalRequestKind::VoidPreAuthorisation, stan, None, now_ms)
            }
            TerminalTask::Completion { stan, amount } => {
                self.start_for_line(TerminalRequestKind::Completion, stan, Some(amount), now_ms)
            }
            TerminalTask::CashRefund { stan } => {
                self.start_for_line(TerminalRequestKind::CashRefund, stan, None, now_ms)
            }
            TerminalTask::QrStatus { stan } => {
                self.start_for_line(TerminalRequestKind::QrStatus, stan, None, now_ms)
            }
            TerminalTask::QrRefund { stan } => {
                self.start_for_line(TerminalRequestKind::QrRefund, stan, None, now_ms)
            }
            TerminalTask::Refund { receipt, amount } => {
                self.start_for_receipt(TerminalRequestKind::Refund, receipt, amount, now_ms)
            }
            TerminalTask::Cash { waybill, amount, tendered } => {
                self.start_cash(waybill, amount, tendered, now_ms)
            }
            TerminalTask::Qr { waybill, amount } => self.start_qr(waybill, amount, now_ms),
            TerminalTask::Offline { .. } | TerminalTask::Upload | TerminalTask::Reverse { .. } => {
                Err(TerminalError::PendingMessageFirst)
            }
        }
    }

    /// Returns the last message again, with the same STAN, whether it was answered or not.
    ///
    /// # Errors
    /// If nothing was sent yet.
    pub fn repeat(&mut self, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        let until_ms = self.answer_limit_ms(now_ms);
        let pending = self.pending.as_mut().ok_or(TerminalError::NothingToRepeat)?;
        pending.answer_by_ms = Some(until_ms);
        pending.must_repeat = false;
        Ok(pending.message.clone())
    }

    /// Stops waiting once the time limit has passed, and returns what must follow. `None` before
    /// that.
    pub fn on_timeout(&mut self, now_ms: u64) -> Option<TimeoutAction> {
        self.answer_by().filter(|until_ms| *until_ms <= now_ms)?;
        Some(self.stop_waiting(ResponseCode::NO_ANSWER))
    }

    /// Stops waiting for the answer.
    fn stop_waiting(&mut self, reason: ResponseCode) -> TimeoutAction {
        let Some(pending) = &mut self.pending else { return TimeoutAction::Nothing };
        pending.answer_by_ms = None;
        if pending.reversal {
            return TimeoutAction::Reverse;
        }
        if pending.kind.is_reversible() {
            let &mut PendingRequest { kind, batch, stan, date, amount, original, .. } =
                &mut **pending;
            let reversal =
                TerminalReversal { kind, batch, stan, date, amount, original, reason, attempts: 0 };
            self.reversal = Some(Box::new(reversal));
            return TimeoutAction::Reverse;
        }
        pending.must_repeat = pending.kind.is_repeated_on_timeout();
        if pending.must_repeat || pending.kind == TerminalRequestKind::Offline {
            TimeoutAction::Repeat
        } else {
            TimeoutAction::Nothing
        }
    }

    fn start_reversal(&mut self, stan: u32, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        if self.must_sign_on || !self.link.has_session() {
            return Err(TerminalError::SignOnRequired);
        }
        if self.reversal.is_some() {
            return Err(TerminalError::PendingMessageFirst);
        }
        let awaited = self.pending.as_ref().filter(|pending| pending.answer_by_ms.is_some());
        match awaited {
            Some(awaited) if awaited.stan == stan && awaited.kind.is_reversible() => {
                self.stop_waiting(ResponseCode::TERMINAL_FAILURE);
            }
            Some(_) => return Err(TerminalError::AwaitingAnswer),
            None => {
                let line = self.journal.find(stan).ok_or(TerminalError::NotInJournal(stan))?;
                let (Receipt { kind, batch, date, amount, .. }, original) =
                    (line.receipt, line.original);
                if !kind.is_reversible() {
                    return Err(TerminalError::NotInJournal(stan));
                }
                let reason = ResponseCode::TERMINAL_FAILURE;
                let reversal = TerminalReversal {
                    kind,
                    batch,
                    stan,
                    date,
                    amount,
                    original,
                    reason,
                    attempts: 0,
                };
                self.reversal = Some(Box::new(reversal));
            }
        }
        self.send_reversal(now_ms)
    }

    fn send_reversal(&mut self, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        let reversal = self.reversal.as_deref().ok_or(TerminalError::NothingToRepeat)?;
        let message = self.reversal_message(reversal)?;
        let (kind, batch, stan) = (reversal.kind, reversal.batch, reversal.stan);
        let pending = PendingRequest {
            reversal: true,
            amount: reversal.amount,
            ..self.new_request(kind, batch, stan, message, now_ms)
        };
        if let Some(reversal) = &mut self.reversal {
            reversal.attempts = reversal.attempts.saturating_add(1);
        }
        Ok(self.await_answer(pending))
    }

    fn forward(&mut self, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        let offline = self.offline.first().ok_or(TerminalError::NothingToRepeat)?;
        let (stan, amount, date) = (offline.stan, offline.amount, offline.date);
        let message = self
            .draft(TerminalRequestKind::Offline, stan, self.batch, now_ms)
            .local_time(offline.time, u32::from(date))
            .amount(amount)
            .waybill(&offline.waybill)
            .authorisation(offline.authorisation)
            .card(
                TerminalRequestKind::Offline,
                CardRead { card: &offline.card, pin: None, amount },
            )?
            .finish(TerminalRequestKind::Offline)?;
        let pending =
            self.new_request(TerminalRequestKind::Offline, self.batch, stan, message, now_ms);
        Ok(self.await_answer(PendingRequest { amount, date, ..pending }))
    }

    fn send_upload(&mut self, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        let stan = self.next_stan();
        let upload = self.upload.as_deref().ok_or(TerminalError::NothingToUpload)?;
        let left = upload.lines.get(upload.accepted_lines..).unwrap_or_default();
        let batch = upload.batch;
        let (kind, message) = if left.is_empty() {
            let kind = TerminalRequestKind::UploadEnd;
            let draft = self.draft(kind, stan, batch, now_ms);
            (kind, draft.line_count(upload.lines.len()).finish(kind)?)
        } else {
            let kind = TerminalRequestKind::Upload;
            let part = &left[..left.len().min(UPLOAD_LINES_MAX)];
            (kind, self.draft(kind, stan, batch, now_ms).lines(part).finish(kind)?)
        };
        let pending = self.new_request(kind, batch, stan, message, now_ms);
        Ok(self.await_answer(pending))
    }

    fn start_management(
        &mut self,
        kind: TerminalRequestKind,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        let stan = self.next_stan();
        if kind == TerminalRequestKind::SignOn {
            self.link.begin_sign_on()?;
        }
        let message = self.draft(kind, stan, self.batch, now_ms).finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(pending))
    }

    fn settle(&mut self, now_ms: u64) -> Result<WipedBytes, TerminalError> {
        let (stan, kind) = (self.next_stan(), TerminalRequestKind::Settlement);
        let totals = self.totals();
        let message = self.draft(kind, stan, self.batch, now_ms).totals(&totals).finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(pending))
    }

    fn start_with_card(
        &mut self,
        kind: TerminalRequestKind,
        waybill: Option<&str>,
        read: CardRead<'_>,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        self.check_batch_room()?;
        let stan = self.next_stan();
        let mut draft = self.draft(kind, stan, self.batch, now_ms).card(kind, read)?;
        if let Some(waybill) = waybill {
            draft = draft.amount(read.amount).waybill(waybill);
        }
        let message = draft.finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(PendingRequest { amount: read.amount, ..pending }))
    }

    fn start_for_line(
        &mut self,
        kind: TerminalRequestKind,
        stan: u32,
        amount: Option<u64>,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        let receipt = self.receipt(stan).ok_or(TerminalError::NotInJournal(stan))?;
        self.start_for_receipt(kind, &receipt, amount.unwrap_or(receipt.amount), now_ms)
    }

    fn start_for_receipt(
        &mut self,
        kind: TerminalRequestKind,
        receipt: &Receipt,
        amount: u64,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        let asks = kind == TerminalRequestKind::QrStatus;
        if !asks {
            self.check_batch_room()?;
        }
        let stan = self.next_stan();
        let by_card = !matches!(
            kind,
            TerminalRequestKind::CashRefund
                | TerminalRequestKind::QrRefund
                | TerminalRequestKind::QrStatus
        );
        let mut draft = self.draft(kind, stan, self.batch, now_ms).original(
            receipt,
            kind == TerminalRequestKind::Refund,
            by_card,
        );
        if !asks {
            draft = draft.amount(amount);
        }
        let message = draft.finish(kind)?;
        let original = Some((receipt.batch, receipt.stan));
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(PendingRequest { amount, original, ..pending }))
    }

    fn start_cash(
        &mut self,
        waybill: &str,
        amount: u64,
        tendered: u64,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        self.check_batch_room()?;
        let change = tendered.checked_sub(amount).ok_or(TerminalError::CashBelowAmount)?;
        let (stan, kind) = (self.next_stan(), TerminalRequestKind::Cash);
        let message = self
            .draft(kind, stan, self.batch, now_ms)
            .amount(amount)
            .waybill(waybill)
            .cash(tendered, change)
            .finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(PendingRequest { amount, ..pending }))
    }

    fn start_qr(
        &mut self,
        waybill: &str,
        amount: u64,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        self.check_batch_room()?;
        let (stan, kind) = (self.next_stan(), TerminalRequestKind::Qr);
        let draft = self.draft(kind, stan, self.batch, now_ms);
        let message = draft.amount(amount).waybill(waybill).finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(PendingRequest { amount, ..pending }))
    }

    fn new_request(
        &self,
        kind: TerminalRequestKind,
        batch: u32,
        stan: u32,
        message: WipedBytes,
        now_ms: u64,
    ) -> PendingRequest {
        let at = message_time::local_time(now_ms, self.utc_offset_minutes);
        PendingRequest {
            kind,
            reversal: false,
            batch,
            stan,
            date: date_u16(message_time::mmdd(at)),
            amount: 0,
            original: None,
            answer_by_ms: Some(self.answer_limit_ms(now_ms)),
            must_repeat: false,
            message,
        }
    }

    fn await_answer(&mut self, pending: PendingRequest) -> WipedBytes {
        let message = pending.message.clone();
        self.pending = Some(Box::new(pending));
        message
    }

    fn answer_limit_ms(&self, now_ms: u64) -> u64 {
        let within_ms = match &self.parameters {
            Some(parameters) => u64::from(parameters.answer_timeout_s) * 1_000,
            None => u64::from(self.answer_within_ms),
        };
        now_ms.saturating_add(within_ms)
    }

    fn check_batch_room(&self) -> Result<(), TerminalError> {
        let lines = self.journal.lines().len();
        let most = self.parameters.as_ref().map_or(u32::MAX, |p| p.batch_transactions_max);
        let full = u32::try_from(lines).is_ok_and(|lines| lines >= most);
        if full || self.journal.is_full() { Err(TerminalError::BatchFull) } else { Ok(()) }
    }

    const fn next_stan(&mut self) -> u32 {
        self.stan = self.stan % STAN_MAX + 1;
        self.stan
    }

    /// Processes an answer, given without its two-byte length, and wipes it.
    ///
    /// # Errors
    /// If the bytes are not an answer or the working keys cannot be decrypted. The terminal then
    /// keeps waiting.
    pub fn receive(&mut self, message: &mut [u8]) -> Result<TerminalOutcome, TerminalError> {
        let outcome = self.handle_answer(message);
        message.zeroize();
        outcome
    }
}

fn date_u16(date: u32) -> u16 {
    u16::try_from(date).unwrap_or(0)
}

impl fmt::Debug for TerminalSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("number", &self.number)
            .field("batch", &self.batch)
            .field("stan", &self.stan)
            .field("waits", &self.awaits_answer())
            .finish_non_exhaustive()
    }
}

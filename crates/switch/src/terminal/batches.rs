//! A terminal's batch: sign-on, parameter download, totals and upload of the lines.

use books::terminal_view::TerminalView;
use books::{
    BatchLine, BatchTotals, CloseBatch, Command, CountAndAmount, Event, OpenBatch, ReconcileBatch,
    Refusal, ResponseCode, Stan, TRANSACTIONS_PER_BATCH_MAX,
};
use iso8583::tlv::{Tag, TlvWriter};
use money::Amount;

use super::Terminals;
use super::in_flight::{InFlight, InFlightState, RequestSubject};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use super::session::UploadError;
use super::session_keys::UnusedSession;
use crate::bcd::to_bcd;
use crate::dialect::RequestKind;
use crate::port::{OperatorEvent, Output, Query};
use crate::response_code;
use crate::sides::{Rejection, format_error, rejection};

/// Digits of a group of totals: amount 12 and count 3 of debits, the same of credits, result 1.
const GROUP_DIGITS: usize = 31;
/// Digits of an uploaded line: side 1, STAN 6, amount 12.
const LINE_DIGITS: usize = 19;
/// Digits of a line of UnionPay's terminals: kind of card 2, STAN 6, card number 20, amount 12.
const CARD_LINE_DIGITS: usize = 40;
/// The first digits of a processing code that gives money back.
const CREDIT: u32 = 20;
const BATCH_MAX: u32 = books::TRACE_NUMBER_MAX;

/// Totals as a terminal writes them in field 48.
#[derive(Clone, Copy)]
pub(crate) struct StatedTotals {
    domestic: TotalsGroup,
    foreign: TotalsGroup,
    /// Cash and QR payments. Terminals that take only cards do not have it.
    other: Option<TotalsGroup>,
}

#[derive(Clone, Copy, Default)]
struct TotalsGroup {
    debits: CountAndAmount,
    credits: CountAndAmount,
}

impl TotalsGroup {
    /// Reads a group, except its result.
    fn parse(digits: &str) -> Option<TotalsGroup> {
        let sum = |at: usize| {
            let amount = Amount::new(digits.get(at..at + 12)?.parse().ok()?)?;
            Some(CountAndAmount { amount, count: digits.get(at + 12..at + 15)?.parse().ok()? })
        };
        Some(TotalsGroup { debits: sum(0)?, credits: sum(15)? })
    }

    fn write(&self, result: u8) -> String {
        let sum = |sum: CountAndAmount| format!("{:012}{:03}", sum.amount.minor(), sum.count);
        format!("{}{}{result}", sum(self.debits), sum(self.credits))
    }
}

impl StatedTotals {
    fn parse(digits: &str) -> Option<StatedTotals> {
        let group = |index: usize| TotalsGroup::parse(digits.get(index * GROUP_DIGITS..)?);
        let groups = digits.len() / GROUP_DIGITS;
        if !digits.len().is_multiple_of(GROUP_DIGITS) || !(2..=3).contains(&groups) {
            return None;
        }
        let other = if groups == 3 { Some(group(2)?) } else { None };
        Some(StatedTotals { domestic: group(0)?, foreign: group(1)?, other })
    }

    /// The totals as the books count them: all cards together. `None` if they are too large.
    fn in_books(&self) -> Option<BatchTotals> {
        let sum = |a: CountAndAmount, b: CountAndAmount| {
            let amount = a.amount.checked_add(b.amount)?;
            Some(CountAndAmount { count: a.count.checked_add(b.count)?, amount })
        };
        let other = self.other.unwrap_or_default();
        Some(BatchTotals {
            card_debits: sum(self.domestic.debits, self.foreign.debits)?,
            card_credits: sum(self.domestic.credits, self.foreign.credits)?,
            other_debits: other.debits,
            other_credits: other.credits,
        })
    }

    /// Field 48 of an answer by which all lines are wanted.
    fn differing(&self, ours: &BatchTotals) -> String {
        let all = TotalsGroup { debits: ours.card_debits, credits: ours.card_credits };
        let other = TotalsGroup { debits: ours.other_debits, credits: ours.other_credits };
        let groups = [Some(all), Some(TotalsGroup::default()), self.other.and(Some(other))];
        groups.into_iter().flatten().map(|group| group.write(2)).collect()
    }

    /// Field 48 of the answer, and whether the books agree. Where they differ, the totals of all
    /// cards stand in the first group.
    fn compare(&self, theirs: &BatchTotals, ours: &BatchTotals) -> (String, bool) {
        let cards =
            ours.card_debits == theirs.card_debits && ours.card_credits == theirs.card_credits;
        let others =
            ours.other_debits == theirs.other_debits && ours.other_credits == theirs.other_credits;
        // Without a group for it, a difference in cash shows in the groups of cards.
        let cards = cards && (others || self.other.is_some());
        let result = |agree: bool| if agree { 1 } else { 2 };
        let all = TotalsGroup { debits: ours.card_debits, credits: ours.card_credits };
        let (domestic, foreign) =
            if cards { (self.domestic, self.foreign) } else { (all, TotalsGroup::default()) };
        let mut text = domestic.write(result(cards)) + &foreign.write(result(cards));
        if self.other.is_some() {
            let other = TotalsGroup { debits: ours.other_debits, credits: ours.other_credits };
            text.push_str(&other.write(result(others)));
        }
        (text, cards && others)
    }
}

impl Terminals<'_> {
    /// Signs a registered terminal on, and opens a batch if none is open.
    pub(crate) fn sign_on(
        &mut self,
        request: &TerminalRequest<'_>,
        opened: Option<Box<UnusedSession>>,
        view: &TerminalView,
    ) -> Result<(), Rejection> {
        let merchant = self.step.settings.merchant.of(view.firm);
        if merchant != request.header().merchant {
            return Err((ResponseCode::UNKNOWN_TERMINAL, Some("merchant".to_owned())));
        }
        if view.blocked {
            return Err(rejection(ResponseCode::TERMINAL_BLOCKED));
        }
        let batch = if view.batch_open { view.batch } else { next_after(view.batch) };
        if view.batch_open {
            let work = InFlightState::OpeningBatch(batch, None);
            let in_flight = InFlight::new(request.caller, RequestSubject::Nothing, work);
            let id = self.admit(&in_flight);
            self.answer_sign_on(id, in_flight, opened, batch);
        } else {
            let work = InFlightState::OpeningBatch(batch, opened);
            let in_flight = InFlight::new(request.caller, RequestSubject::Nothing, work);
            let terminal = request.header().terminal_id();
            self.begin(in_flight, Command::OpenBatch(OpenBatch { terminal, batch }));
        }
        Ok(())
    }

    /// The books have opened the batch of a sign-on.
    pub(crate) fn on_batch_opened(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let InFlightState::OpeningBatch(batch, opened) = &mut in_flight.work else { return };
        let (batch, opened) = (*batch, opened.take());
        match answer {
            Ok(_) | Err(Refusal::Repeated) => self.answer_sign_on(id, in_flight, opened, batch),
            Err(Refusal::WrongSequenceNumber(open)) => {
                self.answer_sign_on(id, in_flight, opened, open);
            }
            Err(refusal) => self.finish(id, in_flight, response_code::of_refusal(&refusal)),
        }
    }

    fn answer_sign_on(
        &mut self,
        id: u64,
        in_flight: InFlight,
        opened: Option<Box<UnusedSession>>,
        batch: u32,
    ) {
        let terminal = in_flight.caller.header.terminal_id();
        let Some(field) = self.keep_session(&in_flight.caller, opened) else {
            let answer = ResponseFields { text: Some("sessions"), ..ResponseFields::default() };
            return self.finish_with(id, in_flight, ResponseCode::SYSTEM_ERROR, &answer);
        };
        if let Some(session) = self.tables.sessions.get_mut(&in_flight.caller.header.terminal) {
            session.batch = batch;
        }
        self.step.report(OperatorEvent::SignedOn { terminal, batch });
        let answer = ResponseFields {
            batch: Some(batch),
            private_data: Some(&field),
            ..ResponseFields::default()
        };
        self.finish_with(id, in_flight, ResponseCode::APPROVED, &answer);
    }

    /// Closes a batch with the terminal's totals.
    pub(crate) fn begin_totals(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let (stated, totals) = read_totals(request).map_err(format_error)?;
        let (terminal, batch) = (request.header().terminal_id(), request.header().batch);
        let command = Command::CloseBatch(CloseBatch { terminal, batch, totals });
        let work = InFlightState::ClosingBatch(stated, totals);
        self.begin(InFlight::new(request.caller, RequestSubject::Nothing, work), command);
        Ok(())
    }

    /// The books have closed the batch.
    pub(crate) fn on_batch_closed(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        (stated, theirs): (StatedTotals, BatchTotals),
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let (terminal, batch) =
            (in_flight.caller.header.terminal_id(), in_flight.caller.header.batch);
        match answer {
            Ok(events) => {
                report_left_disputed(&events, self.step.out);
                let ours = events.iter().find_map(|event| match event {
                    Event::BatchDisputed { ours, .. } => Some(*ours),
                    _ => None,
                });
                self.step.report(match ours {
                    Some(_) => OperatorEvent::BatchDiffers { terminal, batch },
                    None => OperatorEvent::BatchAgreed { terminal, batch },
                });
                self.answer_totals(id, in_flight, ours, (stated, theirs));
            }
            // The first answer is built again from the totals in the books.
            Err(Refusal::Repeated) => {
                in_flight.work = InFlightState::LookingUpTotals(stated, theirs);
                self.query(id, in_flight, Query::BatchTotals(terminal, batch));
            }
            Err(Refusal::IdentifierTaken) => {
                in_flight.work = InFlightState::SettlingAgain(stated, theirs);
                self.query(id, in_flight, Query::Terminal(terminal));
            }
            Err(Refusal::BatchBusy) => self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR),
            Err(refusal) => self.finish(id, in_flight, response_code::of_refusal(&refusal)),
        }
    }

    /// The terminal settles a closed batch with other totals. If the books expect its lines, they
    /// decide; else nothing can change any more, and the terminal signs on to the next batch.
    pub(crate) fn on_settling_again(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        view: Option<&TerminalView>,
        (stated, theirs): (StatedTotals, BatchTotals),
    ) {
        let header = &in_flight.caller.header;
        let (terminal, batch) = (header.terminal_id(), header.batch);
        if view.is_some_and(|view| view.disputed && batch == last_closed(view)) {
            in_flight.work = InFlightState::LookingUpDisputed(stated, theirs);
            return self.query(id, in_flight, Query::BatchTotals(terminal, batch));
        }
        let text = Some("the batch is closed");
        let answer = ResponseFields { text, ..ResponseFields::default() };
        self.finish_with(id, in_flight, ResponseCode::WRONG_BATCH, &answer);
    }

    /// Answers totals: the books' totals, and whether they agree.
    pub(crate) fn answer_totals(
        &mut self,
        id: u64,
        in_flight: InFlight,
        ours: Option<BatchTotals>,
        (stated, theirs): (StatedTotals, BatchTotals),
    ) {
        let (totals, agree) = stated.compare(&theirs, &ours.unwrap_or(theirs));
        let code = if agree { ResponseCode::APPROVED } else { ResponseCode::TOTALS_DIFFER };
        let answer = ResponseFields { totals: Some(totals), ..ResponseFields::default() };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// The books expect the batch's lines, whatever totals the terminal has now.
    pub(crate) fn answer_disputed(
        &mut self,
        id: u64,
        in_flight: InFlight,
        stated: StatedTotals,
        ours: BatchTotals,
    ) {
        let (totals, code) = (stated.differing(&ours), ResponseCode::TOTALS_DIFFER);
        let answer = ResponseFields { totals: Some(totals), ..ResponseFields::default() };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// Takes lines of a disputed batch.
    pub(crate) fn upload(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let lines = match request.kind() {
            RequestKind::UploadOne => vec![read_transaction(request).map_err(format_error)?],
            _ => read_lines(request).map_err(format_error)?,
        };
        let header = request.header();
        let upload = self.tables.uploads.get_or_begin(header.terminal, header.batch);
        match upload.add(header.stan, lines) {
            Ok(()) => {}
            Err(UploadError::OtherLines) => return Err(rejection(ResponseCode::STAN_USED)),
            Err(UploadError::Contradiction(stan)) => {
                return Err(format_error(format!("field 48: {stan:06} differs")));
            }
        }
        if upload.lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            self.tables.uploads.end(header.terminal);
            return Err((ResponseCode::LIMIT_EXCEEDED, Some("too many lines".to_owned())));
        }
        self.reply(&request.caller, ResponseCode::APPROVED, &ResponseFields::default());
        Ok(())
    }

    /// Ends an upload. If lines are missing, the terminal sends all of them again.
    pub(crate) fn upload_end(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let header = request.header();
        let (terminal, batch) = (header.terminal_id(), header.batch);
        if request.kind() == RequestKind::UploadAgreed {
            return self.check_upload(request);
        }
        let count = request.message.text(request.dialect.fields.totals).ok();
        let count = count.and_then(|text| text.as_str().get(..4)?.parse::<usize>().ok());
        let missing = "field 48 must have the number of lines in four digits";
        let count = count.ok_or_else(|| format_error(missing))?;
        let upload = self.tables.uploads.get(header.terminal, batch);
        let lines = match upload {
            Some(upload) => upload.is_complete(count).then(|| upload.lines.clone()),
            None => (count == 0).then(Vec::new),
        };
        let Some(lines) = lines else {
            // Lines are missing, or this is a repeat and the books have all of them.
            return self.check_upload(request);
        };
        let command = Command::ReconcileBatch(ReconcileBatch { terminal, batch, lines });
        let work = InFlightState::ComparingLines;
        self.begin(InFlight::new(request.caller, RequestSubject::Nothing, work), command);
        Ok(())
    }

    /// Asks the books whether they still expect the batch's lines.
    fn check_upload(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let work = InFlightState::CheckingUpload;
        let in_flight = InFlight::new(request.caller, RequestSubject::Nothing, work);
        self.begin_query(in_flight, Query::Terminal(request.header().terminal_id()));
        Ok(())
    }

    /// The books have compared the lines of an upload.
    pub(crate) fn on_lines_compared(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let (number, batch) = (in_flight.caller.header.terminal, in_flight.caller.header.batch);
        self.tables.uploads.end(number);
        let code = match answer {
            Ok(_) | Err(Refusal::Repeated) => ResponseCode::APPROVED,
            Err(Refusal::WrongBatch(last)) if is_before(batch, last) => ResponseCode::APPROVED,
            Err(refusal) => response_code::of_refusal(&refusal),
        };
        self.finish(id, in_flight, code);
    }

    /// Answers the end of an upload by whether the books still expect the batch's lines.
    pub(crate) fn answer_upload_end(&mut self, id: u64, in_flight: InFlight, view: &TerminalView) {
        let (number, batch) = (in_flight.caller.header.terminal, in_flight.caller.header.batch);
        self.tables.uploads.end(number);
        let open = view.batch_open && batch == view.batch;
        let last_closed = last_closed(view);
        let expected = batch == last_closed && view.disputed;
        let (code, text) = match () {
            () if open => (ResponseCode::INVALID_TRANSACTION, Some("the batch is open")),
            () if expected => (ResponseCode::TOTALS_DIFFER, Some("lines are missing")),
            () if batch == last_closed || is_before(batch, last_closed) => {
                (ResponseCode::APPROVED, None)
            }
            () => (ResponseCode::WRONG_BATCH, None),
        };
        let answer = ResponseFields { text, ..ResponseFields::default() };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// Begins a parameter download. The books have some of the parameters.
    pub(crate) fn begin_parameters(&mut self, request: &TerminalRequest<'_>) {
        let in_flight =
            InFlight::new(request.caller, RequestSubject::Nothing, InFlightState::Parameters);
        self.begin_query(in_flight, Query::Terminal(request.header().terminal_id()));
    }

    pub(crate) fn answer_parameters(&mut self, id: u64, in_flight: InFlight, view: &TerminalView) {
        let terminals = &self.step.settings.terminals;
        let batch = u64::try_from(TRANSACTIONS_PER_BATCH_MAX).unwrap_or(u64::MAX);
        let parameters = [
            (0xDF01, 1, u64::from(terminals.answer_s)),
            (0xDF02, 1, u64::from(terminals.reversal_attempts_max)),
            (0xDF03, 6, view.offline_each.minor()),
            (0xDF04, 6, view.offline_total.minor()),
            (0xDF05, 2, u64::from(view.currency.numeric())),
            (0xDF06, 2, batch),
            (0xDF07, 2, u64::from(terminals.echo_s)),
        ];
        let mut writer = TlvWriter::new();
        for (tag, bytes, value) in parameters {
            if let Some(tag) = Tag::new(tag)
                && let Err(error) = writer.push(tag, &to_bcd(value, bytes))
            {
                self.step.report(OperatorEvent::KeyStoreError(error.to_string()));
            }
        }
        let private_data = Some(writer.as_bytes());
        let answer = ResponseFields { private_data, ..ResponseFields::default() };
        self.finish_with(id, in_flight, ResponseCode::APPROVED, &answer);
    }
}

/// The number of the next batch; 1 follows the highest.
const fn next_after(batch: u32) -> u32 {
    batch % BATCH_MAX + 1
}

/// The number of the terminal's last closed batch.
const fn last_closed(view: &TerminalView) -> u32 {
    if view.batch_open { before(view.batch) } else { view.batch }
}

/// The number of the batch before.
const fn before(batch: u32) -> u32 {
    (batch + BATCH_MAX - 2) % BATCH_MAX + 1
}

/// Reports a disputed batch whose lines never came.
fn report_left_disputed(events: &[Event], out: &mut Vec<Output>) {
    out.extend(events.iter().filter_map(|event| match *event {
        Event::BatchLeftDisputed { terminal, batch, .. } => {
            Some(Output::OperatorEvent(OperatorEvent::BatchLeftDisputed { terminal, batch }))
        }
        _ => None,
    }));
}

/// Whether a batch number comes before the last batch's. The books are done with such a batch: its
/// lines change nothing.
fn is_before(batch: u32, last: u32) -> bool {
    let since = (last + BATCH_MAX - batch.min(BATCH_MAX)) % BATCH_MAX;
    batch > 0 && (1..BATCH_MAX / 2).contains(&since)
}

fn read_totals(request: &TerminalRequest<'_>) -> Result<(StatedTotals, BatchTotals), String> {
    let text =
        request.message.text(request.dialect.fields.totals).map_err(|error| error.to_string())?;
    let stated = StatedTotals::parse(text.as_str());
    let both = stated.and_then(|stated| Some((stated, stated.in_books()?)));
    both.ok_or_else(|| "field 48 must have 2 or 3 groups of 31 digits".to_owned())
}

/// Reads the lines of an upload: ours, or those of UnionPay's terminals, which do not say whether
/// they are debits or credits. These count as debits.
fn read_lines(request: &TerminalRequest<'_>) -> Result<Vec<BatchLine>, String> {
    let text =
        request.message.text(request.dialect.fields.totals).map_err(|error| error.to_string())?;
    let digits = text.as_str();
    let count = digits.get(..2).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let wrong = || "field 48 must have a count of 2 digits and lines of 19 digits".to_owned();
    let with_cards = !request.dialect.proves_terminals();
    let line_digits = match digits.len().saturating_sub(2) {
        all if all == count * LINE_DIGITS => LINE_DIGITS,
        all if all == count * CARD_LINE_DIGITS && with_cards => CARD_LINE_DIGITS,
        _ => return Err(wrong()),
    };
    if count == 0 {
        return Err(wrong());
    }
    let line = |index: usize| {
        let start = 2 + index * line_digits;
        let line = digits.get(start..start + line_digits)?;
        let (kind, rest) = line.split_at_checked(if line_digits == LINE_DIGITS { 1 } else { 2 })?;
        let stan = Stan::new(rest.get(..6)?.parse().ok()?).ok()?;
        let amount = Amount::new(rest.get(rest.len() - 12..)?.parse().ok()?)?;
        let credit = match kind {
            "0" | "00" | "01" => false,
            "1" => true,
            _ => return None,
        };
        Some(BatchLine { stan, amount, credit })
    };
    (0..count).map(|index| line(index).ok_or_else(wrong)).collect()
}

/// Reads a transaction that is uploaded in a message of its own.
fn read_transaction(request: &TerminalRequest<'_>) -> Result<BatchLine, String> {
    let header = request.header();
    let amount = header.amount.and_then(Amount::new).ok_or("field 4 (amount) missing")?;
    let credit = header.processing_code.is_some_and(|code| code / 10_000 == CREDIT);
    Ok(BatchLine { stan: header.stan, amount, credit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_numbers_wrap_around() {
        for (one, next) in [(1, 2), (999_998, 999_999), (BATCH_MAX, 1)] {
            assert_eq!((next_after(one), before(next)), (next, one));
            assert!(is_before(one, next) && !is_before(next, one) && !is_before(one, one));
        }
        assert!(is_before(999_998, 2) && !is_before(0, 2) && !is_before(3, 2));
    }
}

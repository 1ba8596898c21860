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
use super::session_keys::NewSession;
use crate::bcd::to_bcd;
use crate::port::{OperatorEvent, Output, Query};
use crate::response_code;
use crate::sides::{Rejection, format_error, rejection};

/// Digits of field 48 with totals: twice debits 3 and 12, credits 3 and 12, result 1.
const TOTALS_DIGITS: usize = 62;
/// Digits of an uploaded line: side 1, STAN 6, amount 12.
const LINE_DIGITS: usize = 19;
const BATCH_MAX: u32 = books::TRACE_NUMBER_MAX;

impl Terminals<'_> {
    /// Signs a registered terminal on, and opens a batch if none is open.
    pub(crate) fn sign_on(
        &mut self,
        request: &TerminalRequest<'_>,
        opened: Option<Box<NewSession>>,
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
        opened: Option<Box<NewSession>>,
        batch: u32,
    ) {
        let number = in_flight.caller.header.terminal;
        let terminal = in_flight.caller.header.terminal_id();
        let field = match self.keep_session(number, opened) {
            Ok(Some(field)) => field,
            Ok(None) => {
                let answer = ResponseFields { text: Some("sessions"), ..ResponseFields::default() };
                return self.finish_with(id, in_flight, ResponseCode::SYSTEM_ERROR, &answer);
            }
            Err(error) => {
                self.step.report(OperatorEvent::KeyStoreError(error.to_string()));
                return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
            }
        };
        if let Some(session) = self.tables.sessions.get_mut(&number) {
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
        let totals = read_totals(request).map_err(format_error)?;
        let (terminal, batch) = (request.header().terminal_id(), request.header().batch);
        let command = Command::CloseBatch(CloseBatch { terminal, batch, totals });
        let work = InFlightState::ClosingBatch(totals);
        self.begin(InFlight::new(request.caller, RequestSubject::Nothing, work), command);
        Ok(())
    }

    /// The books have closed the batch.
    pub(crate) fn on_batch_closed(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        theirs: BatchTotals,
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
                self.answer_totals(id, in_flight, ours, theirs);
            }
            // The first answer is built again from the totals in the books.
            Err(Refusal::Repeated) => {
                in_flight.work = InFlightState::LookingUpTotals(theirs);
                self.query(id, in_flight, Query::BatchTotals(terminal, batch));
            }
            Err(Refusal::BatchBusy) => self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR),
            Err(refusal) => self.finish(id, in_flight, response_code::of_refusal(&refusal)),
        }
    }

    /// Answers totals: the books' totals, and whether they agree, for cards and for the rest.
    pub(crate) fn answer_totals(
        &mut self,
        id: u64,
        in_flight: InFlight,
        ours: Option<BatchTotals>,
        theirs: BatchTotals,
    ) {
        let ours = ours.unwrap_or(theirs);
        let cards =
            ours.card_debits == theirs.card_debits && ours.card_credits == theirs.card_credits;
        let others =
            ours.other_debits == theirs.other_debits && ours.other_credits == theirs.other_credits;
        let part = |debits: CountAndAmount, credits: CountAndAmount, agree: bool| {
            let result = if agree { 1 } else { 2 };
            format!(
                "{:03}{:012}{:03}{:012}{result}",
                debits.count,
                debits.amount.minor(),
                credits.count,
                credits.amount.minor()
            )
        };
        let totals = part(ours.card_debits, ours.card_credits, cards)
            + &part(ours.other_debits, ours.other_credits, others);
        let code =
            if cards && others { ResponseCode::APPROVED } else { ResponseCode::TOTALS_DIFFER };
        let answer = ResponseFields { totals: Some(totals), ..ResponseFields::default() };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// Takes lines of a disputed batch.
    pub(crate) fn upload(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let lines = read_lines(request).map_err(format_error)?;
        let header = request.header();
        let upload = self.tables.uploads.get_or_begin(header.terminal, header.batch);
        if !upload.add(header.stan, lines) {
            return Err(rejection(ResponseCode::STAN_USED));
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
        let count = request.message.text(request.dialect.fields.totals).ok();
        let count = count.and_then(|text| text.as_str().get(..4)?.parse::<usize>().ok());
        let missing = "field 48 must have the number of lines in four digits";
        let count = count.ok_or_else(|| format_error(missing))?;
        let (terminal, batch) = (header.terminal_id(), header.batch);
        let lines = self.tables.uploads.lines(header.terminal, batch).to_vec();
        if lines.len() != count {
            // Lines are missing, or this is a repeat and the books have all of them.
            let work = InFlightState::CheckingUpload;
            let in_flight = InFlight::new(request.caller, RequestSubject::Nothing, work);
            self.begin_query(in_flight, Query::Terminal(terminal));
            return Ok(());
        }
        let command = Command::ReconcileBatch(ReconcileBatch { terminal, batch, lines });
        let work = InFlightState::ComparingLines;
        self.begin(InFlight::new(request.caller, RequestSubject::Nothing, work), command);
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
        let last_closed = if view.batch_open { before(view.batch) } else { view.batch };
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

fn read_totals(request: &TerminalRequest<'_>) -> Result<BatchTotals, String> {
    let text =
        request.message.text(request.dialect.fields.totals).map_err(|error| error.to_string())?;
    let digits = text.as_str();
    if digits.len() != TOTALS_DIGITS {
        return Err(format!("field 48 must have {TOTALS_DIGITS} digits"));
    }
    let sums = |at: usize| {
        let count = digits.get(at..at + 3)?.parse().ok()?;
        let amount = Amount::new(digits.get(at + 3..at + 15)?.parse().ok()?)?;
        Some(CountAndAmount { count, amount })
    };
    let all = (sums(0), sums(15), sums(31), sums(46));
    let (Some(card_debits), Some(card_credits), Some(other_debits), Some(other_credits)) = all
    else {
        return Err("field 48 must have only digits".into());
    };
    Ok(BatchTotals { card_debits, card_credits, other_debits, other_credits })
}

fn read_lines(request: &TerminalRequest<'_>) -> Result<Vec<BatchLine>, String> {
    let text =
        request.message.text(request.dialect.fields.totals).map_err(|error| error.to_string())?;
    let digits = text.as_str();
    let count = digits.get(..2).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let wrong = || "field 48 must have a count of 2 digits and lines of 19 digits".to_owned();
    if count == 0 || digits.len() != 2 + count * LINE_DIGITS {
        return Err(wrong());
    }
    let line = |index: usize| {
        let line = digits.get(2 + index * LINE_DIGITS..)?;
        let amount = Amount::new(line.get(7..19)?.parse().ok()?)?;
        let stan = Stan::new(line.get(1..7)?.parse().ok()?).ok()?;
        match line.as_bytes().first()? {
            b'0' => Some(BatchLine { stan, amount, credit: false }),
            b'1' => Some(BatchLine { stan, amount, credit: true }),
            _ => None,
        }
    };
    (0..count).map(|index| line(index).ok_or_else(wrong)).collect()
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

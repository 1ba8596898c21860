//! A terminal's batch: sign-on, parameter download, totals and upload of the lines.

use books::terminal_view::TerminalView;
use books::{
    BatchLine, BatchTotals, CloseBatch, Command, CountAndAmount, Event, OpenBatch, ReconcileBatch,
    Refusal, ResponseCode, Stan, TRANSACTIONS_PER_BATCH_MAX, Timestamp,
};
use iso8583::tlv::{Tag, TlvWriter};
use keys::sign_on_field;
use money::Amount;

use crate::bcd::to_bcd;
use crate::in_flight::{Continuation, InFlight, InFlightState};
use crate::operator_event::OperatorEvent;
use crate::payments::{Rejection, format_error, rejection};
use crate::port::{Output, Query, QueryResult, TerminalConnection};
use crate::request::{RequestKind, TerminalRequest};
use crate::response_code;
use crate::responses::ResponseFields;
use crate::switch::Switch;

/// Digits of field 48 with totals: twice debits 3 and 12, credits 3 and 12, result 1.
const TOTALS_DIGITS: usize = 62;
/// Digits of an uploaded line: side 1, STAN 6, amount 12.
const LINE_DIGITS: usize = 19;
const BATCH_MAX: u32 = books::TRACE_NUMBER_MAX;

impl Switch {
    /// Signs a registered terminal on, and opens a batch if none is open.
    pub(crate) fn sign_on(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        view: &TerminalView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let about = request.answered();
        let terminal = request.header.terminal_id();
        let merchant = self.settings.merchant.of(view.firm);
        if merchant != request.header.merchant {
            return self.refuse(
                connection,
                about,
                ResponseCode::UNKNOWN_TERMINAL,
                Some("merchant"),
                now,
                out,
            );
        }
        if view.blocked {
            return self.refuse(connection, about, ResponseCode::TERMINAL_BLOCKED, None, now, out);
        }
        let in_flight = InFlight::new(connection, request);
        let id = self.begin_request(in_flight);
        if view.batch_open {
            return self.answer_sign_on(id, view.batch, now, out);
        }
        let batch = next_after(view.batch);
        if let Some(in_flight) = self.requests.get_mut(&id) {
            in_flight.header.batch = batch;
        }
        self.command(
            Continuation::Batch(id),
            Command::OpenBatch(OpenBatch { terminal, batch }),
            out,
        );
    }

    fn answer_sign_on(&mut self, id: u64, batch: u32, now: Timestamp, out: &mut Vec<Output>) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        let (number, terminal) = (in_flight.header.terminal, in_flight.header.terminal_id());
        let keys = self.terminal_keys();
        let (master, pin, mac) = (keys.master(number), keys.pin(number), keys.mac(number));
        let field = match sign_on_field(&*self.keys, &master, &pin, &mac) {
            Ok(field) => field,
            Err(error) => {
                out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(error.to_string())));
                return self.finish(
                    id,
                    ResponseCode::SYSTEM_ERROR,
                    &ResponseFields::default(),
                    now,
                    out,
                );
            }
        };
        if let Some(session) = self.sessions.get_mut(&number) {
            session.batch = batch;
        }
        out.push(Output::OperatorEvent(OperatorEvent::SignedOn { terminal, batch }));
        let answer = ResponseFields {
            batch: Some(batch),
            private_data: Some(&field),
            ..ResponseFields::default()
        };
        self.finish(id, ResponseCode::APPROVED, &answer, now, out);
    }

    /// The books have answered the command of a sign-on, of totals or of an upload.
    pub(crate) fn on_batch_command_result(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let (number, batch) = (in_flight.header.terminal, in_flight.header.batch);
        let terminal = in_flight.header.terminal_id();
        let kind = in_flight.kind;
        match (kind, answer) {
            (RequestKind::SignOn, Ok(_) | Err(Refusal::Repeated)) => {
                self.answer_sign_on(id, batch, now, out);
            }
            (RequestKind::SignOn, Err(Refusal::WrongSequenceNumber(open))) => {
                self.answer_sign_on(id, open, now, out);
            }
            (RequestKind::Totals, Ok(events)) => {
                report_left_disputed(&events, out);
                let differs = events.iter().find_map(|event| match event {
                    Event::BatchDisputed { ours, theirs, .. } => Some((*ours, *theirs)),
                    _ => None,
                });
                let event = match differs {
                    Some(_) => OperatorEvent::BatchDiffers { terminal, batch },
                    None => OperatorEvent::BatchAgreed { terminal, batch },
                };
                out.push(Output::OperatorEvent(event));
                self.answer_totals(id, differs, now, out);
            }
            // The first answer is built again from the totals in the books.
            (RequestKind::Totals, Err(Refusal::Repeated)) => {
                in_flight.state = InFlightState::LookingUpFirstResponse;
                let query = Query::BatchTotals(terminal, batch);
                self.query(Continuation::Batch(id), query, out);
            }
            (RequestKind::Totals, Err(Refusal::BatchBusy)) => {
                self.finish(id, ResponseCode::SYSTEM_ERROR, &ResponseFields::default(), now, out);
            }
            (kind, answer) => {
                if kind == RequestKind::UploadEnd {
                    self.uploads.end(number);
                }
                let code = match answer {
                    Ok(_) | Err(Refusal::Repeated) => ResponseCode::APPROVED,
                    Err(Refusal::WrongBatch(last))
                        if kind == RequestKind::UploadEnd && is_before(batch, last) =>
                    {
                        ResponseCode::APPROVED
                    }
                    Err(refusal) => response_code::of_refusal(&refusal),
                };
                self.finish(id, code, &ResponseFields::default(), now, out);
            }
        }
    }

    pub(crate) fn on_batch_query_result(
        &mut self,
        id: u64,
        result: &QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        let theirs = in_flight.totals;
        if let QueryResult::BatchTotals(ours) = result {
            let differs = match (ours, theirs) {
                (Some(ours), Some(theirs)) if *ours != theirs => Some((*ours, theirs)),
                _ => None,
            };
            self.answer_totals(id, differs, now, out);
        }
    }

    /// Answers totals: the books' totals, and whether they agree, for cards and for the rest.
    fn answer_totals(
        &mut self,
        id: u64,
        differs: Option<(BatchTotals, BatchTotals)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(theirs) = self.requests.get(&id).and_then(|in_flight| in_flight.totals) else {
            return;
        };
        let ours = differs.map_or(theirs, |(ours, _)| ours);
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
        self.finish(id, code, &answer, now, out);
    }

    /// Closes a batch with the terminal's totals.
    pub(crate) fn begin_totals(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let totals = read_totals(request).map_err(format_error)?;
        let mut in_flight = InFlight::new(connection, request);
        in_flight.totals = Some(totals);
        let (terminal, batch) = (request.header.terminal_id(), request.header.batch);
        let id = self.begin_request(in_flight);
        let command = Command::CloseBatch(CloseBatch { terminal, batch, totals });
        self.command(Continuation::Batch(id), command, out);
        Ok(())
    }

    /// Takes lines of a disputed batch.
    pub(crate) fn upload(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let lines = read_lines(request).map_err(format_error)?;
        let header = &request.header;
        let upload = self.uploads.get_or_begin(header.terminal, header.batch);
        if !upload.add(header.stan, lines) {
            return Err(rejection(ResponseCode::STAN_USED));
        }
        if upload.lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            self.uploads.end(header.terminal);
            return Err((ResponseCode::LIMIT_EXCEEDED, Some("too many lines".to_owned())));
        }
        self.reply(
            connection,
            request.answered(),
            ResponseCode::APPROVED,
            &ResponseFields::default(),
            now,
            out,
        );
        Ok(())
    }

    /// Ends an upload. If lines are missing, the terminal sends all of them again.
    pub(crate) fn upload_end(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let header = &request.header;
        let count = request.message.text(48).ok();
        let count = count.and_then(|text| text.as_str().get(..4)?.parse::<usize>().ok());
        let missing = "field 48 must have the number of lines in four digits";
        let count = count.ok_or_else(|| format_error(missing))?;
        let (terminal, batch) = (header.terminal_id(), header.batch);
        let lines = self.uploads.lines(header.terminal, batch).to_vec();
        let mut in_flight = InFlight::new(connection, request);
        if lines.len() != count {
            // Lines are missing, or this is a repeat and the books have all of them.
            in_flight.state = InFlightState::CheckingUpload;
            let id = self.begin_request(in_flight);
            self.query(Continuation::Request(id), Query::Terminal(terminal), out);
            return Ok(());
        }
        let id = self.begin_request(in_flight);
        let command = Command::ReconcileBatch(ReconcileBatch { terminal, batch, lines });
        self.command(Continuation::Batch(id), command, out);
        Ok(())
    }

    /// Begins a parameter download. The books have some of the parameters.
    pub(crate) fn begin_parameters(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) {
        let mut in_flight = InFlight::new(connection, request);
        in_flight.state = InFlightState::LookingUpOriginal;
        let query = Query::Terminal(request.header.terminal_id());
        let id = self.begin_request(in_flight);
        self.query(Continuation::Request(id), query, out);
    }

    /// Answers the end of an upload by whether the books still expect the batch's lines.
    fn answer_upload_end(
        &mut self,
        id: u64,
        view: &TerminalView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        let (number, batch) = (in_flight.header.terminal, in_flight.header.batch);
        self.uploads.end(number);
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
        self.finish(id, code, &ResponseFields { text, ..ResponseFields::default() }, now, out);
    }

    pub(crate) fn on_terminal_for_request(
        &mut self,
        id: u64,
        view: Option<TerminalView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(view) = view else {
            return self.finish(
                id,
                ResponseCode::UNKNOWN_TERMINAL,
                &ResponseFields::default(),
                now,
                out,
            );
        };
        if self
            .requests
            .get(&id)
            .is_some_and(|in_flight| in_flight.state == InFlightState::CheckingUpload)
        {
            return self.answer_upload_end(id, &view, now, out);
        }
        let terminals = &self.settings.terminals;
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
                out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(error.to_string())));
            }
        }
        let answer =
            ResponseFields { private_data: Some(writer.as_bytes()), ..ResponseFields::default() };
        self.finish(id, ResponseCode::APPROVED, &answer, now, out);
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
    let text = request.message.text(48).map_err(|error| error.to_string())?;
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
    let text = request.message.text(48).map_err(|error| error.to_string())?;
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

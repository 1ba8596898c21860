//! A terminal's batch: sign-on with working keys, parameters, totals, upload of the lines.

use engine::door_view::TerminalView;
use engine::{
    BatchLine, BatchTotals, Command, Event, Refusal, Sums, TRANSACTIONS_PER_BATCH_MAX, Timestamp,
};
use iso8583::tlv::{Tag, Writer};
use keys::sign_on_field;
use money::Amount;

use crate::answers::Answer;
use crate::code::Code;
use crate::happening::Happening;
use crate::payments::{Stop, format, stop};
use crate::port::{Fact, Line, Output, Question};
use crate::request::{Asked, Request};
use crate::switch::Switch;
use crate::works::{Awaiting, Step, Work};

/// Digits of field 48 with totals: twice debits 3 and 12, credits 3 and 12, result 1.
const TOTALS_DIGITS: usize = 62;
/// Digits of an uploaded line: side 1, STAN 6, amount 12.
const LINE_DIGITS: usize = 19;
/// The highest number of a batch.
const BATCH_MAX: u32 = engine::TRACE_NUMBER_MAX;

impl Switch {
    /// A terminal that is known signs on.
    pub(crate) fn sign_on(
        &mut self,
        line: Line,
        request: &Request<'_>,
        view: &TerminalView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let about = (&request.heading, request.asked);
        let terminal = request.heading.terminal_id();
        let merchant = self.settings.merchant.of(view.firm);
        if merchant != request.heading.merchant {
            return self.refuse(line, about, Code::TERMINAL, Some("merchant"), now, out);
        }
        if view.blocked {
            return self.refuse(line, about, Code::BLOCKED, None, now, out);
        }
        let work = Work::new(line, request, 0);
        let id = self.begin_work(work);
        if view.batch_open {
            return self.signed_on(id, view.batch, now, out);
        }
        let batch = next_after(view.batch);
        if let Some(work) = self.works.get_mut(&id) {
            work.heading.batch = batch;
        }
        self.command(Awaiting::Batch(id), Command::OpenBatch { terminal, batch }, out);
    }

    fn signed_on(&mut self, id: u64, batch: u32, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get(&id) else { return };
        let (number, terminal) = (work.heading.terminal, work.heading.terminal_id());
        let keys = self.terminal_keys();
        let (master, pin, mac) = (keys.master(number), keys.pin(number), keys.mac(number));
        let field = match sign_on_field(&*self.keys, &master, &pin, &mac) {
            Ok(field) => field,
            Err(error) => {
                out.push(Output::Happened(Happening::Keys(error.to_string())));
                return self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
            }
        };
        if let Some(session) = self.sessions.get_mut(&number) {
            session.batch = batch;
        }
        out.push(Output::Happened(Happening::SignedOn { terminal, batch }));
        let answer = Answer { batch: Some(batch), private: Some(&field), ..Answer::default() };
        self.finish(id, Code::DONE, &answer, now, out);
    }

    /// What the books say to a sign-on, to totals or to an upload.
    pub(crate) fn batch_answered(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let (number, batch) = (work.heading.terminal, work.heading.batch);
        let terminal = work.heading.terminal_id();
        let asked = work.asked;
        match (asked, answer) {
            (Asked::SignOn, Ok(_) | Err(Refusal::Repeated)) => {
                self.signed_on(id, batch, now, out);
            }
            (Asked::SignOn, Err(Refusal::WrongNumber(open))) => {
                self.signed_on(id, open, now, out);
            }
            (Asked::Totals, Ok(events)) => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.batch = 0;
                }
                self.left_disputed(&events, out);
                let differs = events.iter().find_map(|event| match event {
                    Event::BatchDiffers { ours, theirs, .. } => Some((*ours, *theirs)),
                    _ => None,
                });
                let happening = match differs {
                    Some(_) => Happening::BatchDiffers { terminal, batch },
                    None => Happening::BatchAgreed { terminal, batch },
                };
                out.push(Output::Happened(happening));
                self.totals_are(id, differs, now, out);
            }
            // The first answer is made again of what the books remember.
            (Asked::Totals, Err(Refusal::Repeated)) => {
                work.step = Step::Repeat;
                let question = Question::Totals(terminal, batch);
                self.ask(Awaiting::Batch(id), question, out);
            }
            (Asked::Totals, Err(Refusal::BatchBusy)) => {
                self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
            }
            (asked, answer) => {
                if asked == Asked::UploadEnd {
                    self.uploads.end(number);
                }
                let code = match answer {
                    Ok(_) | Err(Refusal::Repeated) => Code::DONE,
                    Err(Refusal::WrongBatch(last))
                        if asked == Asked::UploadEnd && is_before(batch, last) =>
                    {
                        Code::DONE
                    }
                    Err(refusal) => Code::of(&refusal),
                };
                self.finish(id, code, &Answer::default(), now, out);
            }
        }
    }

    /// The batch before was disputed, and its lines never came.
    fn left_disputed(&self, events: &[Event], out: &mut Vec<Output>) {
        let raised = |event: &Event| matches!(event, Event::BreakRaised { .. });
        let break_raised = events.iter().any(raised);
        out.extend(events.iter().filter_map(|event| match *event {
            Event::BatchLeftDisputed { terminal, batch, .. } => {
                Some(Output::Happened(Happening::BatchLeft { terminal, batch, break_raised }))
            }
            _ => None,
        }));
    }

    pub(crate) fn batch_told(
        &mut self,
        id: u64,
        fact: &Fact,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get(&id) else { return };
        let theirs = work.totals;
        if let Fact::Totals(ours) = fact {
            let differs = match (ours, theirs) {
                (Some(ours), Some(theirs)) if *ours != theirs => Some((*ours, theirs)),
                _ => None,
            };
            self.totals_are(id, differs, now, out);
        }
    }

    /// Tells a terminal what is in the books, and whether its totals agree, cards and the others
    /// apart.
    fn totals_are(
        &mut self,
        id: u64,
        differs: Option<(BatchTotals, BatchTotals)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(theirs) = self.works.get(&id).and_then(|work| work.totals) else { return };
        let ours = differs.map_or(theirs, |(ours, _)| ours);
        let cards =
            ours.card_debits == theirs.card_debits && ours.card_credits == theirs.card_credits;
        let others =
            ours.other_debits == theirs.other_debits && ours.other_credits == theirs.other_credits;
        let part = |debits: Sums, credits: Sums, agree: bool| {
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
        let code = if cards && others { Code::DONE } else { Code::TOTALS };
        let answer = Answer { totals: Some(totals), ..Answer::default() };
        self.finish(id, code, &answer, now, out);
    }

    /// The end of a batch: what it adds up to at the terminal.
    pub(crate) fn totals(
        &mut self,
        line: Line,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let totals = read_totals(request).map_err(format)?;
        let mut work = Work::new(line, request, 0);
        work.totals = Some(totals);
        let (terminal, batch) = (request.heading.terminal_id(), request.heading.batch);
        let id = self.begin_work(work);
        let command = Command::CloseBatch { terminal, batch, totals };
        self.command(Awaiting::Batch(id), command, out);
        Ok(())
    }

    /// Some lines of a batch on whose totals the terminal and the books do not agree.
    pub(crate) fn upload(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let lines = read_lines(request).map_err(format)?;
        let heading = &request.heading;
        let upload = self.uploads.of(heading.terminal, heading.batch);
        if !upload.takes(heading.stan, lines) {
            return Err(stop(Code::USED));
        }
        if upload.lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            self.uploads.end(heading.terminal);
            return Err((Code::LIMIT, Some("too many lines".to_owned())));
        }
        self.reply(line, (heading, request.asked), Code::DONE, &Answer::default(), now, out);
        Ok(())
    }

    /// All lines are there, or some are missing: then they are sent once more.
    pub(crate) fn upload_end(
        &mut self,
        line: Line,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let heading = &request.heading;
        let count = request.message.text(48).ok();
        let count = count.and_then(|text| text.as_str().get(..4)?.parse::<usize>().ok());
        let missing = "field 48 must have the number of lines, four digits";
        let count = count.ok_or_else(|| format(missing))?;
        let (terminal, batch) = (heading.terminal_id(), heading.batch);
        let lines = self.uploads.lines(heading.terminal, batch).to_vec();
        let mut work = Work::new(line, request, 0);
        if lines.len() != count {
            // Some are missing, or this is a repeat and the books have them all.
            work.step = Step::Uploaded;
            let id = self.begin_work(work);
            self.ask(Awaiting::Work(id), Question::Terminal(terminal), out);
            return Ok(());
        }
        let id = self.begin_work(work);
        let command = Command::ReconcileBatch { terminal, batch, lines };
        self.command(Awaiting::Batch(id), command, out);
        Ok(())
    }

    /// A terminal asks for its parameters; some of them are in the books.
    pub(crate) fn look(&mut self, line: Line, request: &Request<'_>, out: &mut Vec<Output>) {
        let mut work = Work::new(line, request, 0);
        work.step = Step::Original;
        let question = Question::Terminal(request.heading.terminal_id());
        let id = self.begin_work(work);
        self.ask(Awaiting::Work(id), question, out);
    }

    /// Whether the books still expect the lines of a batch.
    fn upload_told(&mut self, id: u64, view: &TerminalView, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get(&id) else { return };
        let (number, batch) = (work.heading.terminal, work.heading.batch);
        self.uploads.end(number);
        let open = view.batch_open && batch == view.batch;
        let last_closed = if view.batch_open { before(view.batch) } else { view.batch };
        let expected = batch == last_closed && view.disputed;
        let (code, text) = match () {
            () if open => (Code::INVALID, Some("the batch is open")),
            () if expected => (Code::TOTALS, Some("lines are missing")),
            () if batch == last_closed || is_before(batch, last_closed) => (Code::DONE, None),
            () => (Code::BATCH, None),
        };
        self.finish(id, code, &Answer { text, ..Answer::default() }, now, out);
    }

    pub(crate) fn terminal_told(
        &mut self,
        id: u64,
        view: Option<TerminalView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(view) = view else {
            return self.finish(id, Code::TERMINAL, &Answer::default(), now, out);
        };
        if self.works.get(&id).is_some_and(|work| work.step == Step::Uploaded) {
            return self.upload_told(id, &view, now, out);
        }
        let terminals = &self.settings.terminals;
        let batch = u64::try_from(TRANSACTIONS_PER_BATCH_MAX).unwrap_or(u64::MAX);
        let parameters = [
            (0xDF01, 1, u64::from(terminals.answer_s)),
            (0xDF02, 1, u64::from(terminals.reversals)),
            (0xDF03, 6, view.offline_each.minor()),
            (0xDF04, 6, view.offline_total.minor()),
            (0xDF05, 2, u64::from(view.currency.numeric())),
            (0xDF06, 2, batch),
            (0xDF07, 2, u64::from(terminals.echo_s)),
        ];
        let mut writer = Writer::new();
        for (tag, bytes, value) in parameters {
            if let Some(tag) = Tag::new(tag)
                && let Err(error) = writer.push(tag, &bcd(value, bytes))
            {
                out.push(Output::Happened(Happening::Keys(error.to_string())));
            }
        }
        let answer = Answer { private: Some(writer.as_bytes()), ..Answer::default() };
        self.finish(id, Code::DONE, &answer, now, out);
    }
}

/// The number of the batch after one; they begin again one day.
const fn next_after(batch: u32) -> u32 {
    batch % BATCH_MAX + 1
}

/// The number of the batch before one.
const fn before(batch: u32) -> u32 {
    (batch + BATCH_MAX - 2) % BATCH_MAX + 1
}

/// Whether a batch was before the last one, by their numbers. What came of it is in the books, and
/// its lines change nothing any more.
fn is_before(batch: u32, last: u32) -> bool {
    let since = (last + BATCH_MAX - batch.min(BATCH_MAX)) % BATCH_MAX;
    batch > 0 && (1..BATCH_MAX / 2).contains(&since)
}

/// The last digits of a number, two in a byte.
fn bcd(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut digits = vec![0; bytes];
    for place in digits.iter_mut().rev() {
        let pair = u8::try_from(number % 100).unwrap_or(0);
        *place = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
    digits
}

fn read_totals(request: &Request<'_>) -> Result<BatchTotals, String> {
    let text = request.message.text(48).map_err(|error| error.to_string())?;
    let digits = text.as_str();
    if digits.len() != TOTALS_DIGITS {
        return Err(format!("field 48 must have {TOTALS_DIGITS} digits of totals"));
    }
    let sums = |at: usize| {
        let count = digits.get(at..at + 3)?.parse().ok()?;
        let amount = Amount::new(digits.get(at + 3..at + 15)?.parse().ok()?)?;
        Some(Sums { count, amount })
    };
    let all = (sums(0), sums(15), sums(31), sums(46));
    let (Some(card_debits), Some(card_credits), Some(other_debits), Some(other_credits)) = all
    else {
        return Err("field 48 must have digits only".into());
    };
    Ok(BatchTotals { card_debits, card_credits, other_debits, other_credits })
}

fn read_lines(request: &Request<'_>) -> Result<Vec<BatchLine>, String> {
    let text = request.message.text(48).map_err(|error| error.to_string())?;
    let digits = text.as_str();
    let count = digits.get(..2).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let wrong = || "field 48 must have a number of lines, 2, and lines of 19 digits".to_owned();
    if count == 0 || digits.len() != 2 + count * LINE_DIGITS {
        return Err(wrong());
    }
    let line = |place: usize| {
        let line = digits.get(2 + place * LINE_DIGITS..)?;
        let amount = Amount::new(line.get(7..19)?.parse().ok()?)?;
        let stan = line.get(1..7)?.parse().ok()?;
        match line.as_bytes().first()? {
            b'0' => Some(BatchLine { stan, amount, credit: false }),
            b'1' => Some(BatchLine { stan, amount, credit: true }),
            _ => None,
        }
    };
    (0..count).map(|place| line(place).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_before_others_also_when_their_numbers_begin_again() {
        for (one, next) in [(1, 2), (999_998, 999_999), (BATCH_MAX, 1)] {
            assert_eq!((next_after(one), before(next)), (next, one));
            assert!(is_before(one, next) && !is_before(next, one) && !is_before(one, one));
        }
        assert!(is_before(999_998, 2) && !is_before(0, 2) && !is_before(3, 2));
    }
}

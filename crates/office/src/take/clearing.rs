//! Clearing files: each line is a command, and the books number files and lines.

use std::sync::Arc;

use books::view::PaymentView;
use books::{Books, BreakId, ClearLine, Command, Event, PaymentId, RailId, ReconBreakKind};
use engine::{Events, Refusal, Submission};
use files::incoming::clearing::{StatedItem, StatedPayment};
use recon::clearing::{LinesOfFile, NoPayment, Requests, clear_line};
use reports::{JournaledRequest, RequestNumbers, find_sent_requests};

use super::given::LaneFile;
use super::lane::FileNews;
use super::name_of;
use super::{LINES_AT_ONCE, ListedLine, REFUSED, TakeError, TakeReport, Taking, TakingStopped};

/// Lines that are given together while the books refuse none: each time their commit is waited for.
const CLEARING_LINES_AT_ONCE_MAX: usize = 1_600;

type PlannedLine = (ClearLine, Option<NoPayment>);

/// What the lines of a clearing file are, as far as the books and the journal know.
#[derive(Clone)]
struct ClearingPlan {
    requests: Arc<Requests>,
    items: Arc<Vec<StatedItem>>,
    of: LinesOfFile,
}

impl Taking<'_> {
    /// Gives the lines of a clearing file that the books do not have yet.
    pub(super) fn give_items(
        &mut self,
        lane: &LaneFile,
        file: u32,
        known: u32,
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let items = lane.items(usize::MAX).ok_or(TakeError::CopyChanged)?;
        let plan = self.clearing_plan(lane, file, items)?;
        let known = known as usize;
        self.list_known_lines(&plan, known, report)?;
        self.give_lines(&plan, known, dry_run, report)
    }

    fn clearing_plan(
        &self,
        lane: &LaneFile,
        file: u32,
        items: Vec<StatedItem>,
    ) -> Result<ClearingPlan, TakingStopped> {
        let (rail, items) = (lane.rail().ok_or(TakeError::CopyChanged)?, Arc::new(items));
        let requests = self.requests_of(&items, rail)?;
        let of = LinesOfFile { bank: lane.bank, rail, file, value_date: lane.value_date };
        Ok(ClearingPlan { requests, items, of })
    }

    /// How many lines of a file are what. Unless the `whole` file is asked for, one line that is
    /// expected is enough, and most often the first ones have it.
    pub(super) fn news_of_items(
        &self,
        lane: &LaneFile,
        whole: bool,
    ) -> Result<FileNews, TakingStopped> {
        if !whole {
            let news = self.news_of_first(lane, LINES_AT_ONCE, whole)?;
            if news.expected > 0 {
                return Ok(news);
            }
        }
        self.news_of_first(lane, usize::MAX, whole)
    }

    fn news_of_first(
        &self,
        lane: &LaneFile,
        most: usize,
        whole: bool,
    ) -> Result<FileNews, TakingStopped> {
        let items = lane.items(most).ok_or(TakeError::CopyChanged)?;
        let plan = self.clearing_plan(lane, 1, items)?;
        let mut news = FileNews::default();
        for first in (0..plan.items.len()).step_by(LINES_AT_ONCE) {
            for kind in self.kinds_of_lines(&self.plan_lines(&plan, first, LINES_AT_ONCE)?)? {
                *match kind {
                    Some(ReconBreakKind::Duplicate) => &mut news.repeated,
                    Some(ReconBreakKind::Unannounced) => &mut news.unannounced,
                    Some(ReconBreakKind::UnknownReference) => &mut news.unknown,
                    _ => &mut news.expected,
                } += 1;
            }
            if news.expected > 0 && !whole {
                break;
            }
        }
        Ok(news)
    }

    /// The requests that the items name: those that the books remember, the others from the
    /// journal.
    fn requests_of(
        &self,
        items: &Arc<Vec<StatedItem>>,
        rail: RailId,
    ) -> Result<Arc<Requests>, TakingStopped> {
        let asked = items.clone();
        let (mut requests, _) =
            self.client.query(move |engine| Requests::of(engine.books(), rail, &asked))?;
        let missing = requests.missing(items);
        if missing.is_empty() {
            return Ok(Arc::new(requests));
        }
        let found = find_sent_requests(self.data, &missing).map_err(TakeError::Journal)?;
        let items = items.clone();
        let (requests, _) = self.client.query(move |engine| {
            let books = engine.books();
            let found = found.into_iter().map(|(numbers, request)| {
                (numbers, payment_of_request(books, rail, &items, numbers, request))
            });
            requests.add(books, rail, found.collect());
            requests
        })?;
        Ok(Arc::new(requests))
    }

    /// Lists those of the first lines of a file, which the books have, that a person should look
    /// at, and counts the breaks that they raised and that are open.
    fn list_known_lines(
        &self,
        plan: &ClearingPlan,
        known: usize,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        for first in (0..known).step_by(LINES_AT_ONCE) {
            let count = LINES_AT_ONCE.min(known - first);
            let planned = self.plan_lines(plan, first, count)?;
            let lines: Vec<_> = planned.iter().map(|(line, _)| line.clone()).collect();
            let has = move |engine: &engine::Engine| -> Vec<bool> {
                lines.iter().map(|line| engine.books().has_cleared_line(line)).collect()
            };
            let has = self.client.query(has)?.0;
            let items = plan.items[first..].iter();
            for ((item, (line, no_payment)), has) in items.zip(planned).zip(has) {
                // It was given without its payment then.
                let refused = line.payment.is_some() && !has;
                let reason = no_payment.map(name_of).or(refused.then(|| REFUSED.to_owned()));
                if let Some(reason) = reason {
                    let (line, amount) = (item.line, item.amount.minor());
                    report.list(ListedLine { line, amount, reason, refusal: None });
                }
            }
        }
        let LinesOfFile { rail, file, .. } = plan.of;
        let of_known = move |engine: &engine::Engine| {
            let books = engine.books();
            let lines = books.open_breaks().into_iter().filter_map(|one| {
                let line = &books.break_evidence(one.id)?.line;
                Some((line.rail, line.file, line.line as usize))
            });
            lines
                .filter(|(of, number, line)| (*of, *number) == (rail, file) && *line <= known)
                .count()
        };
        if known > 0 {
            report.breaks += self.client.query(of_known)?.0 as u64;
        }
        Ok(())
    }

    /// Gives the lines that the books do not have yet. A line that the books refuse with its
    /// payment is given without it, and becomes a break: no line stands in the way of the others.
    fn give_lines(
        &mut self,
        plan: &ClearingPlan,
        known: usize,
        dry_run: bool,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let (mut first, mut at_once) = (known, LINES_AT_ONCE);
        while first < plan.items.len() {
            let planned = self.plan_lines(plan, first, at_once)?;
            at_once = (at_once * 2).min(CLEARING_LINES_AT_ONCE_MAX);
            let commands = planned.iter().map(|(line, _)| (None, self.line(line.clone())));
            let commands: Vec<_> = commands.collect();
            let answers = if dry_run { Vec::new() } else { self.client.execute(commands)? };
            let kinds = match dry_run {
                true => self.kinds_of_lines(&planned)?,
                false => self.kinds_of_breaks(&answers)?,
            };
            let (mut answers, mut kinds) = (answers.into_iter(), kinds.into_iter());
            let items = &plan.items[first..];
            for (item, (line, no_payment)) in items.iter().zip(planned) {
                first += 1;
                let found = kinds.next().flatten();
                let refusal = match answers.next() {
                    Some(Err(refusal)) => Some(refusal),
                    answer => {
                        self.count_answer(answer.and_then(Result::ok).as_ref(), report);
                        None
                    }
                };
                let refused = refusal.is_some();
                if let Some(refusal) = &refusal {
                    let bare =
                        line.payment.is_some().then_some(ClearLine { payment: None, ..line });
                    self.give_bare(bare.map(Command::ClearLine), refusal, item.line, report)?;
                }
                let (amount, kept_back) = (item.amount.minor(), item.kept_back.minor());
                report.taken += 1;
                report.add(item.kind.name(), amount, kept_back);
                let words = |refusal| self.refusal_words(refusal, report.currency);
                let refusal = refusal.map(words);
                let reason = no_payment.map(name_of).or(refused.then(|| REFUSED.to_owned()));
                if let Some(reason) = reason.or(found.map(|kind| kind.name().to_owned())) {
                    report.list(ListedLine { line: item.line, amount, reason, refusal });
                }
                if refused {
                    // The lines behind it were not the next ones, and were refused for that.
                    at_once = LINES_AT_ONCE;
                    break;
                }
            }
        }
        Ok(())
    }

    /// The kinds of the breaks that lines would raise.
    fn kinds_of_lines(
        &self,
        planned: &[PlannedLine],
    ) -> Result<Vec<Option<ReconBreakKind>>, TakingStopped> {
        let lines: Vec<_> = planned.iter().map(|(line, _)| line.clone()).collect();
        let kinds = move |engine: &engine::Engine| {
            lines.iter().map(|line| engine.books().break_of_line(line)).collect()
        };
        Ok(self.client.query(kinds)?.0)
    }

    /// The kinds of the breaks that lines raised.
    fn kinds_of_breaks(
        &self,
        answers: &[Result<Events, Refusal>],
    ) -> Result<Vec<Option<ReconBreakKind>>, TakingStopped> {
        let raised = |event: &Event| match event {
            Event::BreakRaised { break_id, .. } => Some(*break_id),
            _ => None,
        };
        let events = answers.iter().map(|answer| answer.as_ref().ok());
        let ids = events.map(|events| events.and_then(|one| one.books.iter().find_map(raised)));
        let ids: Vec<Option<BreakId>> = ids.collect();
        if ids.iter().all(Option::is_none) {
            return Ok(Vec::new());
        }
        let kinds = move |engine: &engine::Engine| {
            let kind = |id: &Option<BreakId>| engine.books().kind_of_line_break((*id)?);
            ids.iter().map(kind).collect()
        };
        Ok(self.client.query(kinds)?.0)
    }

    fn line(&self, line: ClearLine) -> Submission {
        self.submission(Command::ClearLine(line))
    }

    /// The commands of some lines, by what the books know now.
    fn plan_lines(
        &self,
        plan: &ClearingPlan,
        first: usize,
        count: usize,
    ) -> Result<Vec<PlannedLine>, TakingStopped> {
        let ClearingPlan { requests, items, of } = plan.clone();
        let planned = self.client.query(move |engine| {
            let lines = items.iter().zip(1_u32..).skip(first).take(count);
            let lines = lines.map(|(item, number)| {
                let line = clear_line(engine.books(), &requests, of, number, item);
                line.ok_or(TakeError::NotARequest { line: item.line })
            });
            lines.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(planned.0?)
    }
}

/// The payment of a request that was found in the journal: if the journal tells its parcel only,
/// the one payment of the parcel with the amount that the file states.
fn payment_of_request(
    books: &Books,
    rail: RailId,
    items: &[StatedItem],
    numbers: RequestNumbers,
    request: JournaledRequest,
) -> Option<PaymentId> {
    let parcel = match request {
        JournaledRequest::Payment(payment) => return Some(payment),
        JournaledRequest::OfParcel(parcel) => parcel,
        JournaledRequest::Several => return None,
    };
    let of_request = |item: &&StatedItem| {
        let StatedPayment::Request { stan, sent_s, .. } = item.payment else { return false };
        (stan, sent_s) == (numbers.0.get(), numbers.1)
    };
    let mut stated = items.iter().filter(of_request).map(|item| item.amount.minor());
    let amount = stated.next().filter(|amount| stated.all(|other| other == *amount))?;
    let fits = |payment: &PaymentView| {
        i64::try_from(payment.amount.minor()) == Ok(amount)
            && books.rail_of(payment.id) == Some(rail)
    };
    let mut payments = books.payments(parcel).into_iter().filter(fits);
    payments.next().filter(|_| payments.next().is_none()).map(|payment| payment.id)
}

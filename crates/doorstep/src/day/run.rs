//! Runs days: those that the books have already, against the journal, and then the new ones.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use books::{BusinessDate, DAY_MS, Timestamp};
use engine::Engine;
use money::Currency;
use node::NodeClient;
use reports::{DaySums, write_payouts_csv, write_trial_messages};
use sim::{
    Backend, DayError, DayInputs, DayOptions, EnginePosition, NetworkComparison, PartyFiles,
    ResumedDay, SimulatedDay, SimulatedDays, WorldReport,
};

use super::backend::NodeBackend;
use super::counterparty_files::CounterpartyDirectory;
use super::night::{self, NightAnswers};
use super::others::{Others, between};
use super::progress::ProgressDisplay;
use super::records::{self, DayRecord, DayRecords, RecordedOrders, RecordedPosition};
use super::week::{self, DayVerdict};
use super::{
    DayFlags, another_day, day_error_text, difference_text, input_error_text, unknown_to_world,
};
use crate::data_directory::{self, OpenBooks};
use crate::words::{Lang, bilingual};
use crate::{persons, tariffs, time_zone};

/// The first day of new books.
const FIRST_DATE: &str = "2013-11-11";
const TARIFF: &str = "china-2013";
const CLASS: &str = "general";
/// A day begins at this hour of the local day, when the night before has ended.
const DAY_BEGINS_MS: u64 = 5 * 3_600_000;

/// Which days are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedDays {
    /// The next one, or the rest of the last.
    Next,
    /// As many days in all; each that is missing is lived.
    InAll(u32),
}

pub struct DaysRequest<'a> {
    pub data: &'a Path,
    pub flags: &'a DayFlags,
    pub orders: RecordedOrders,
    /// Of the orders; `None` for made-up ones.
    pub currency: Option<Currency>,
    pub wanted: WantedDays,
    /// Terms of new books that the flags do not name: days on hold, and sellers who are paid
    /// weekly, in percent.
    pub usual_terms: (u16, u32),
    pub quiet: bool,
    /// Buyers in the shop in the night before the first day.
    pub buyers: u32,
}

/// The result of the last day.
pub struct DaysResult {
    /// The simulation's own record, of all days.
    pub day: SimulatedDay,
    pub inputs: DayInputs,
    pub number: u32,
    pub engine: Engine,
    /// The comparison of each network's books with these.
    pub networks: Vec<NetworkComparison>,
    pub sums: DaySums,
    pub payouts_file: PathBuf,
    /// The directory whose files clear the day, if the day did not.
    pub left_to: Option<PathBuf>,
    /// The pain.001 files.
    pub messages: Vec<PathBuf>,
    /// Broken rules, and differences between the books and the simulation.
    pub problems: Vec<String>,
    /// What buyers were told in the night before the first day, if it was lived.
    pub night: Option<NightAnswers>,
    /// The books had all days before this run.
    pub was_complete_before: bool,
    records: DayRecords,
}

impl DaysResult {
    /// Notes that the result was shown: the same command lives the next day from now on.
    pub fn shown(&mut self) -> anyhow::Result<()> {
        if self.problems.is_empty() {
            self.records.finish(self.number as usize - 1, EnginePosition::of(&self.engine))?;
        }
        Ok(())
    }
}

/// What the books of a data directory are before the run.
struct BooksStatus {
    position: EnginePosition,
    last_at: Timestamp,
    /// The local day and its offset; `None` before the books are opened.
    last_date: Option<(BusinessDate, i16)>,
}

impl BooksStatus {
    fn of(engine: &Engine) -> BooksStatus {
        let (books, last_at) = (engine.books(), engine.last_at());
        let date = books.business_date(last_at).zip(books.utc_offset_minutes_at(last_at));
        BooksStatus { position: EnginePosition::of(engine), last_at, last_date: date }
    }

    /// The first day that is not over in the books.
    fn earliest(&self) -> Option<BusinessDate> {
        let (date, offset) = self.last_date?;
        let begins = Timestamp::start_of_day(date, offset).plus_ms(DAY_BEGINS_MS);
        Some(if self.last_at > begins { date.plus_days(1) } else { date })
    }
}

/// Lives the wanted days and prints a line for each if they are several.
pub fn live(request: &DaysRequest, lang: Lang) -> anyhow::Result<DaysResult> {
    let data = request.data;
    let records = DayRecords::read(data)?;
    if records.days.is_empty() && request.buyers > 0 {
        live_night(request)?;
    }
    let mut opened = None;
    if data.join("journal.sqlite").exists() {
        opened = Some(data_directory::open(data)?);
    }
    let standing = match &opened {
        Some(books) => books.node.client().query(BooksStatus::of)?.0,
        None => BooksStatus::of(&Engine::default()),
    };
    let days = plan(request, &records, &standing)?;
    let others = others_before(data, &days, &records, &standing)?;
    let after = others.get(days.len()).map_or(&[][..], |after| &after.commands);
    sim::check_after_days(after).map_err(|error| unknown_to_world(error, data))?;
    let mut inputs = Vec::with_capacity(days.len());
    for ((number, day), others) in (1..).zip(&days).zip(&others) {
        let of_day = day.inputs(number, others)?;
        // Bad inputs are reported before anything is written.
        let checked = match number {
            1 => sim::check_inputs(&of_day, &day.options()),
            _ => sim::check_later_inputs(&of_day, &day.options()),
        };
        checked.map_err(|error| input_error_text(error, &of_day, data))?;
        inputs.push(of_day);
    }
    let (seed, currency) = (days[0].seed, days[0].currency);
    let files = CounterpartyDirectory::of(&request.flags.counterparty, seed, currency)?;
    let interrupted = super::on_interrupt()?;
    let books = opened.map_or_else(|| data_directory::open_or_create(data), Ok)?;
    persons::name_missing(data, &sim::office_persons(&days[0].options()))?;
    let office = NodeBackend::new(books.node.client(), interrupted, data.to_owned());
    let office = ResumedDay::new(office, Engine::default(), standing.position);
    let run = DaysRun { request, lang, days, inputs, others, standing, records, books, files };
    run.live(office)
}

/// The night before the first day of new books.
fn live_night(request: &DaysRequest) -> anyhow::Result<()> {
    let date = request.flags.date.map_or_else(|| FIRST_DATE.parse(), Ok)?;
    let day = make_day(request, None, 0, date)?;
    let of_day = day.inputs(1, &Others::default())?;
    let checked = sim::check_inputs(&of_day, &day.options());
    checked.map_err(|error| input_error_text(error, &of_day, request.data))?;
    night::live(request.data, &day, request.buyers, request.quiet)
}

/// All days of the books after the run: those that are recorded, then the new ones.
fn plan(
    request: &DaysRequest,
    records: &DayRecords,
    standing: &BooksStatus,
) -> anyhow::Result<Vec<DayRecord>> {
    let mut days = records.days.clone();
    let candidate = |index: usize, date| make_day(request, records.days.first(), index, date);
    match (request.wanted, records.days.last()) {
        (WantedDays::Next, Some(last)) if last.ends.is_none() => {
            let date = request.flags.date.unwrap_or(last.date);
            let same = candidate(days.len() - 1, date)?;
            if !same.is_same(last) {
                // It never began: another may take its place.
                ensure!(standing.position == last.begins.into(), another_day(request.data));
                days.pop();
                days.push(same);
            }
        }
        (WantedDays::Next, Some(last)) if request.flags.date == Some(last.date) => {
            let same = candidate(days.len() - 1, last.date)?;
            ensure!(same.is_same(last), another_day(request.data));
        }
        (WantedDays::Next, _) => {
            let date = new_date(request, &days, standing)?;
            days.push(candidate(days.len(), date)?);
        }
        (WantedDays::InAll(count), _) => {
            for index in 0..count as usize {
                match records.days.get(index) {
                    Some(known) => {
                        let wanted = if index == 0 { request.flags.date } else { None };
                        let same = candidate(index, wanted.unwrap_or(known.date))?;
                        ensure!(same.is_same(known), another_day(request.data));
                    }
                    None => {
                        let next = days.last().map(|last| last.date.plus_days(1));
                        let date = match next {
                            // Between two runs the books may have lived on past a day's begin.
                            Some(next) => standing.earliest().map_or(next, |one| one.max(next)),
                            None => new_date(request, &days, standing)?,
                        };
                        days.push(candidate(index, date)?);
                    }
                }
            }
        }
    }
    Ok(days)
}

/// The date of a new day: the one that is asked for, or the next that the books can live.
fn new_date(
    request: &DaysRequest,
    days: &[DayRecord],
    standing: &BooksStatus,
) -> anyhow::Result<BusinessDate> {
    let after = days.last().map(|last| last.date.plus_days(1));
    let Some(earliest) = standing.earliest().max(after) else {
        return Ok(request.flags.date.map_or_else(|| FIRST_DATE.parse(), Ok)?);
    };
    let wanted = request.flags.date.unwrap_or(earliest);
    ensure!(
        wanted >= earliest,
        bilingual!(
            "--date {wanted}: that day is over in the books in {0}; give {earliest} or a later \
             date, or leave --date out",
            "--date {wanted}：{0} 的账簿已过了这一天；请给出 {earliest} 或更晚的日期，\
             或不给 --date",
            request.data.display()
        )
    );
    Ok(wanted)
}

/// A day as the flags want it. What they do not name is as on the first day.
fn make_day(
    request: &DaysRequest,
    first: Option<&DayRecord>,
    index: usize,
    date: BusinessDate,
) -> anyhow::Result<DayRecord> {
    let flags = request.flags;
    let currency = request.currency.or(first.map(|first| first.currency));
    let tariff = match (&flags.tariff, first) {
        (None, Some(first)) => first.tariff.clone(),
        (named, _) => {
            let name = named.as_deref().unwrap_or(Path::new(TARIFF));
            tariffs::load_with_text(name).context("--tariff")?.1.to_string()
        }
    };
    let class = flags.class.clone().or(first.map(|first| first.class.clone()));
    let noon = Timestamp::start_of_day(date, 0).plus_ms(DAY_MS / 2);
    let first_terms = first.map(|first| (first.hold, first.weekly));
    let (hold, weekly) = first_terms.unwrap_or(request.usual_terms);
    let day = DayRecord {
        version: records::VERSION,
        date,
        seed: flags.seed,
        tender: flags.tender,
        refusals: flags.refusals,
        faults: flags.faults,
        hold: flags.hold.unwrap_or(hold),
        weekly: flags.weekly.unwrap_or(weekly),
        currency: currency.unwrap_or(Currency::CNY),
        tariff,
        class: class.unwrap_or_else(|| CLASS.to_owned()),
        leaves_clearing: flags.counterparty.leave_clearing,
        time_zone: time_zone::resolve(time_zone::CHINA, noon)?.setting(1),
        begins: RecordedPosition::default(),
        ends: None,
        orders: request.orders.clone(),
        withdraw: flags.withdraw.clone(),
    };
    if let Some(first) = first.filter(|_| index > 0) {
        let terms = |day: &DayRecord| (day.hold, day.weekly);
        let flag = if day.tariff != first.tariff {
            "--tariff"
        } else if day.class != first.class {
            "--class"
        } else if terms(&day) != terms(first) {
            "--hold, --weekly"
        } else if day.leaves_clearing != first.leaves_clearing {
            return Err(other_clearing(request.data, first.leaves_clearing));
        } else {
            return Ok(day);
        };
        bail!(bilingual!(
            "{flag}: the first day of the books in {0} set other terms for all sellers; leave \
             {flag} out",
            "{flag}：{0} 账簿的第一天已为所有卖家定下其他条款；请不要给出 {flag}",
            request.data.display()
        ));
    }
    Ok(day)
}

fn other_clearing(data: &Path, left: bool) -> anyhow::Error {
    let data = data.display();
    match left {
        true => anyhow!(bilingual!(
            "--leave-clearing: the days of the books in {data} leave their clearing to files; \
             give the flag for the next day, too, or another data directory",
            "--leave-clearing：{data} 账簿的模拟日只用文件清算；下一天也请给出该参数，\
             或换一个数据目录"
        )),
        false => anyhow!(bilingual!(
            "--leave-clearing: the days of the books in {data} were cleared without files; leave \
             the flag out, or give another data directory",
            "--leave-clearing：{data} 账簿的模拟日已直接清算；请不要给出该参数，\
             或换一个数据目录"
        )),
    }
}

/// What others gave to the books before each day.
fn others_before(
    data: &Path,
    days: &[DayRecord],
    records: &DayRecords,
    standing: &BooksStatus,
) -> anyhow::Result<Vec<Others>> {
    let mut from = EnginePosition::of(&Engine::default());
    let mut segments = Vec::with_capacity(days.len());
    for (index, day) in days.iter().enumerate() {
        let known = records.days.get(index).filter(|known| known.date == day.date);
        let to = match known {
            Some(known) => known.begins.into(),
            // Others can have given something to the books before the first new day only.
            None if index <= records.days.len() => standing.position,
            None => from,
        };
        segments.push((from, to));
        from = day.ends.map_or(to, Into::into);
    }
    // After the last day, if all days are lived.
    let is_lived = |day: &DayRecord| day.ends.is_some();
    if days.len() == records.days.len() && days.last().is_some_and(is_lived) {
        segments.push((from, standing.position));
    }
    Ok(between(data, &segments)?)
}

struct DaysRun<'a> {
    request: &'a DaysRequest<'a>,
    lang: Lang,
    days: Vec<DayRecord>,
    inputs: Vec<DayInputs>,
    others: Vec<Others>,
    standing: BooksStatus,
    records: DayRecords,
    books: OpenBooks,
    files: Option<CounterpartyDirectory>,
}

impl DaysRun<'_> {
    fn live(mut self, office: ResumedDay<NodeBackend>) -> anyhow::Result<DaysResult> {
        let (data, lang, count) = (self.request.data, self.lang, self.days.len());
        let others = std::mem::take(&mut self.others).into_iter();
        let mut office = office.with_others(others.map(|one| one.submissions).collect());
        let utc_offset_minutes = self.inputs[0].utc_offset_minutes;
        let shown = ProgressDisplay::new(lang, utc_offset_minutes, self.request.quiet);
        let shown = RefCell::new(shown);
        let mut progress = |progress| shown.borrow_mut().update(progress);
        let several = matches!(self.request.wanted, WantedDays::InAll(2..));
        let client = self.books.node.client();
        let failed = |error| {
            shown.borrow().finish();
            day_error_text(error, data)
        };

        self.begin(0, &client)?;
        let (mut days, mut day) = SimulatedDays::first_day(
            &self.inputs[0],
            &self.options_of(0),
            &mut office,
            &mut progress,
        )
        .map_err(&failed)?;
        let mut before: Option<SimulatedDay> = None;
        for index in 0..count {
            if index > 0 {
                self.begin(index, &client)?;
                let options = self.options_of(index);
                let next = days.next_day(&self.inputs[index], &options).map_err(&failed)?;
                before = Some(std::mem::replace(&mut day, next));
            }
            if let Some(files) = &mut self.files {
                files.write(&day)?;
            }
            let is_last = index + 1 == count;
            let mut wrong = 0;
            if several || !is_last {
                let is_current = days.backend().is_replayed();
                let compares = is_current && !self.days[index].leaves_clearing;
                let verdict = match compares.then(|| differences(&client, &day)).transpose()? {
                    None if is_current => DayVerdict::LeftToFiles,
                    None => DayVerdict::LivedBefore,
                    Some(0) => DayVerdict::Equal,
                    Some(count) => DayVerdict::NotEqual(count),
                };
                if let DayVerdict::NotEqual(count) = verdict {
                    wrong = count;
                }
                if several {
                    shown.borrow().print(|| {
                        if index == 0 {
                            week::print_head(lang);
                        }
                        week::print_line(&day, before.as_ref(), verdict, lang);
                    });
                }
                if is_current && wrong == 0 && !is_last {
                    let here = client.query(EnginePosition::of)?.0;
                    self.records.finish(index, here)?;
                }
            }
            // Days that follow wrong books would show nothing.
            if wrong > 0 || is_last {
                self.days.truncate(index + 1);
                break;
            }
        }
        drop(days);
        shown.borrow().finish();
        let after = office.begin_day(count);
        after.map_err(|error| day_error_text(DayError::Backend(error), data))?;
        office.finish().map_err(|error| day_error_text(DayError::Backend(error), data))?;
        self.result(day)
    }

    fn options_of(&self, index: usize) -> DayOptions {
        let day = &self.days[index];
        let party_files = match self.files {
            _ if day.leaves_clearing => PartyFiles::Alone,
            Some(_) => PartyFiles::Beside,
            None => PartyFiles::None,
        };
        DayOptions { party_files, ..day.options() }
    }

    /// Writes the file of a new day, with what the books are before it.
    fn begin(&mut self, index: usize, client: &NodeClient) -> anyhow::Result<()> {
        let known = self.records.days.get(index);
        if known.is_some_and(|known| known.is_same(&self.days[index])) {
            return Ok(());
        }
        let begins = client.query(EnginePosition::of)?.0.into();
        let day = DayRecord { begins, ..self.days[index].clone() };
        self.records.begin(index, day)
    }

    fn result(mut self, day: SimulatedDay) -> anyhow::Result<DaysResult> {
        let data = self.request.data;
        let was_complete_before = self.standing.last_at >= day.report.ended_at;
        let (_, engine) = self.books.node.stop()?;
        let mut wrong = engine.check().err().unwrap_or_default();
        let index = self.days.len() - 1;
        let leaves_clearing = self.days[index].leaves_clearing;
        if !leaves_clearing {
            let differences = sim::compare(&day.world, engine.books());
            let currency = day.report.currency;
            wrong.extend(differences.iter().map(|one| difference_text(one, currency, data)));
        }
        let networks = sim::compare_networks(&day.world, engine.books());
        wrong.extend(networks.iter().flat_map(|network| network.differences.iter().cloned()));
        let (sums, _) = DaySums::of(data)?;
        let payouts_file = data.join("payouts.csv");
        let mut messages = Vec::new();
        // Wrong books must never lead to payouts.
        if wrong.is_empty() && !leaves_clearing {
            write_payouts_csv(&sums, &engine, &payouts_file)?;
            messages = write_trial_messages(&sums, &engine, data)?;
        }
        let number = u32::try_from(self.days.len()).map_err(|_| anyhow!("too many days"))?;
        Ok(DaysResult {
            day,
            inputs: self.inputs.swap_remove(index),
            left_to: self.request.flags.counterparty.files.clone().filter(|_| leaves_clearing),
            number,
            engine,
            networks,
            sums,
            payouts_file,
            messages,
            problems: wrong,
            night: night::answers(data)?,
            was_complete_before,
            records: self.records,
        })
    }
}

/// How many rules the books break, and how often they differ from the world.
fn differences(client: &NodeClient, day: &SimulatedDay) -> anyhow::Result<usize> {
    let world: WorldReport = day.world.clone();
    let count = move |engine: &Engine| {
        let broken = engine.check().err().map_or(0, |wrong| wrong.len());
        let networks = sim::compare_networks(&world, engine.books());
        let networks = networks.iter().map(|network| network.differences.len()).sum::<usize>();
        broken + sim::compare(&world, engine.books()).len() + networks
    };
    Ok(client.query(count)?.0)
}

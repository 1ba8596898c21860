//! The SQL views of many collections: written from the journal, killed and continued, and asked.
//!
//! A process of the engine's benchmark makes the books and is killed. Then processes that make the
//! views of its journal are killed, each a part further; this one goes on where the last one was,
//! makes the views once more, and compares the two, row by row. Then it asks them, as pages do.

use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use books::SellerId;
use journal::{DataDirectory, ReadJournal as _};
use pulse::folders::figures_of;
use pulse::run::{FigureSpan, check_identities, span_of};
use serde::Serialize;
use views::read::{
    FilterOperator, ListQuery, ReadViewError, RowOwner, RowsOf, ViewFilter, ViewReader, ViewSum,
};
use views::{FollowedViews, Place, Server, VIEWS_FILE, ViewSpec, ViewValue, rebuild};

use crate::Latencies;
use crate::PostgresCluster;
use crate::engine_benchmark::{EnginePlan, peak_rss_bytes, run_and_kill};
use crate::opening::{SELLERS, parcel_id};

/// Questions of each kind.
const QUESTIONS: u64 = 2_000;
/// A server holds the lock of a process that was killed until it ends the process's statement.
const LOCKED_MAX: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug)]
pub struct ViewsPlan {
    pub collections: u64,
    /// How often their writing is killed.
    pub kills: u64,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct ViewsFigures {
    pub collections: u64,
    /// Of all views.
    pub rows: u64,
    pub rows_per_collection: f64,
    /// The views that have rows.
    pub views: Vec<(&'static str, u64)>,
    /// From nothing to the journal's end, each transaction with its checkpoint; not if it is
    /// killed.
    pub update_s: Option<f64>,
    pub rebuild_s: f64,
    pub collections_per_s: u64,
    pub rows_per_s: u64,
    pub bytes: u64,
    /// Of the process that rebuilds: books and views.
    pub peak_rss_bytes: u64,
    /// The last batches that the killed processes had written, of all.
    pub killed_at: Vec<u64>,
    pub batches: u64,
    /// Those made anew have the rows of those that were killed and went on, and in PostgreSQL those
    /// of SQLite.
    pub equal: bool,
    pub questions: Vec<QuestionFigures>,
    /// The figures and identities of the daily report, over everything.
    pub report_ms: u64,
    /// The slowest of them.
    pub slowest_figure: String,
    pub slowest_figure_ms: u64,
}

#[derive(Debug, Serialize)]
pub struct QuestionFigures {
    pub question: &'static str,
    #[serde(skip)]
    pub in_chinese: &'static str,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// Measures in a new data directory. With PostgreSQL, the views are in a server made for it.
#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
pub fn measure(plan: ViewsPlan, data: &Path, in_postgres: bool) -> anyhow::Result<ViewsFigures> {
    let ViewsPlan { collections, kills } = plan;
    let engine = EnginePlan { collections, in_flight: 8_192, snapshot_every: 2_000_000 };
    run_and_kill(&engine, data)?;
    let in_file = Place::in_directory(data);
    let server = in_postgres.then(PostgresCluster::durable).transpose()?;
    let (place, config) = match &server {
        None => (in_file.clone(), None),
        Some(server) => {
            let config = data.join("views.toml");
            std::fs::write(&config, format!("[views]\nurl = \"{}\"\n", server.url()))?;
            (Place::Server(Box::new(Server::new(&server.url(), None, None)?)), Some(config))
        }
    };
    let killed_at = write_and_kill(kills, data, config.as_deref(), &place)?;
    let begun = Instant::now();
    let mut grown = opened(data, &place)?;
    grown.catch_up(&mut |_| {})?;
    let update_s = (kills == 0).then(|| begun.elapsed().as_secs_f64());
    let mut wanted = vec![(grown.checkpoint(), sums(&place)?)];
    drop(grown);

    let begun = Instant::now();
    let checkpoint = rebuild(data, &place, &|_| {}, &mut |_| {})?;
    let took = begun.elapsed();
    let peak_rss_bytes = peak_rss_bytes()?;
    let found = sums(&place)?;
    if server.is_some() {
        wanted.push((rebuild(data, &in_file, &|_| {}, &mut |_| {})?, sums(&in_file)?));
    }
    for (end, wanted) in wanted {
        let equal = (end, &wanted) == (checkpoint, &found);
        ensure!(equal, "other rows: {wanted:?} at {end:?}; made anew: {found:?} at {checkpoint:?}");
    }
    let rows = found.iter().map(|one| one.rows).sum::<u64>();
    let filled = found.iter().filter(|one| one.rows > 0);
    let mut reader = ViewReader::open(&place)?;
    let (report, (slowest, slowest_figure)) = report(&mut reader, data)?;
    Ok(ViewsFigures {
        collections,
        rows,
        rows_per_collection: rows as f64 / collections as f64,
        views: filled.map(|one| (one.view, one.rows)).collect(),
        update_s,
        rebuild_s: took.as_secs_f64(),
        collections_per_s: per_second(collections, took),
        rows_per_s: per_second(rows, took),
        bytes: match &server {
            None => std::fs::metadata(data.join(VIEWS_FILE))?.len(),
            Some(server) => server.sql("SELECT pg_database_size('postgres')")?.parse()?,
        },
        peak_rss_bytes,
        killed_at,
        batches: checkpoint.head.sequence.number(),
        equal: true,
        questions: ask(&mut reader, collections)?,
        report_ms: milliseconds(report)?,
        slowest_figure,
        slowest_figure_ms: milliseconds(slowest)?,
    })
}

fn per_second(count: u64, took: Duration) -> u64 {
    let each_second = u128::from(count) * 1_000_000 / took.as_micros().max(1);
    u64::try_from(each_second).unwrap_or(u64::MAX)
}

fn milliseconds(took: Duration) -> anyhow::Result<u64> {
    Ok(u64::try_from(took.as_millis())?)
}

/// Computes the report over all batches, whose identities must hold. Returns how long that took,
/// and the slowest figure by itself.
fn report(reader: &mut ViewReader, data: &Path) -> anyhow::Result<(Duration, (Duration, String))> {
    let set = figures_of(data)?;
    let span = FigureSpan { from: 1, ..span_of(reader, None, None, None)? };
    let begun = Instant::now();
    check_identities(&set.run(reader, &span)?.identities)?;
    let took = begun.elapsed();
    let mut slowest = (Duration::ZERO, String::new());
    for figure in &set.figures {
        let begun = Instant::now();
        set.run_one(figure, reader, &span)?;
        slowest = slowest.max((begun.elapsed(), figure.id.clone()));
    }
    Ok((took, slowest))
}

fn sums(place: &Place) -> anyhow::Result<Vec<ViewSum>> {
    Ok(ViewReader::open(place)?.sums()?)
}

/// The last batch that is written.
fn written(place: &Place) -> u64 {
    let position = |mut reader: ViewReader| reader.position().ok();
    ViewReader::open(place).ok().and_then(position).map_or(0, |found| found.batch)
}

fn opened(data: &Path, place: &Place) -> anyhow::Result<FollowedViews> {
    let begun = Instant::now();
    loop {
        match FollowedViews::open(data, place, &|_| {}) {
            Err(views::ViewError::InUse) if begun.elapsed() < LOCKED_MAX => {
                std::thread::sleep(Duration::from_millis(100));
            }
            done => return Ok(done?),
        }
    }
}

/// Runs processes that write the views, and kills each when it is a part further; the last ones
/// while they make indexes. Returns the last batches that were written.
fn write_and_kill(
    kills: u64,
    data: &Path,
    config: Option<&Path>,
    place: &Place,
) -> anyhow::Result<Vec<u64>> {
    let program = std::env::current_exe().context("the path of this program")?;
    let end = DataDirectory::open_shared(data)?.journal()?.head()?.sequence.number();
    let start = || -> anyhow::Result<Child> {
        let mut process = Process::new(&program);
        process.args(["views", "update", "--json", "--data"]).arg(data);
        if let Some(config) = config {
            process.arg("--config").arg(config);
        }
        Ok(process.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    };
    let mut killed_at = Vec::new();
    for kill in 1..=kills {
        // A tenth of them when all rows are written.
        let part_further = (end * kill * 10 / (kills * 9)).clamp(1, end);
        let (mut child, mut begun) = (start()?, Instant::now());
        while written(place) < part_further {
            if let Some(status) = child.try_wait()? {
                ensure!(begun.elapsed() < LOCKED_MAX, "the views are not written: {status}");
                std::thread::sleep(Duration::from_millis(100));
                child = start()?;
                begun += Duration::from_millis(1);
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        // Anywhere in what follows.
        std::thread::sleep(Duration::from_millis(kill * 7_919 % 211));
        child.kill()?;
        child.wait()?;
        killed_at.push(written(place));
    }
    Ok(killed_at)
}

/// A question of a page.
type Ask<'a> = dyn FnMut(&mut ViewReader, u64) -> Result<(), ReadViewError> + 'a;

/// The questions of pages: each about something else, half of them as of some batch.
fn ask(reader: &mut ViewReader, collections: u64) -> anyhow::Result<Vec<QuestionFigures>> {
    let view = |name| ViewSpec::find(name).context("a view");
    let (parcels, postings, commands) = (view("parcels")?, view("postings")?, view("commands")?);
    let last = ListQuery {
        order: Some(("account".into(), true)),
        limit: 1,
        ..ListQuery::of(view("accounts")?)
    };
    let last = reader.list(&last)?;
    let batches = last.position.batch;
    let accounts = match last.rows.first().and_then(|row| row.first()) {
        Some(ViewValue::Number(number)) => number.unsigned_abs(),
        _ => 0,
    };
    let scattered = |number: u64, of: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % of.max(1);
    let at = |number: u64| (number % 2 == 1).then(|| 1 + scattered(number + 7, batches));
    let parcel = |number: u64| [ViewValue::Parcel(parcel_id(scattered(number, collections)))];
    let account = |number: u64| u32::try_from(scattered(number, accounts)).unwrap_or(0);
    let equal = |column: &str, value| ViewFilter {
        column: column.into(),
        operator: FilterOperator::Equal(value),
    };
    let page = |view, filters, number| ListQuery {
        filters,
        limit: 50,
        at: at(number),
        ..ListQuery::of(view)
    };
    let everyone = RowsOf::Everyone;
    let mut all = Vec::new();
    let mut measure = |question, in_chinese, one: &mut Ask<'_>| {
        let mut latencies = Latencies::default();
        for number in 0..QUESTIONS {
            let begun = Instant::now();
            one(reader, number).with_context(|| format!("{question}, number {number}"))?;
            latencies.add(u64::try_from(begun.elapsed().as_micros())?, 1);
        }
        let (p50_us, p99_us, max_us) = (latencies.median(), latencies.p99(), latencies.max());
        all.push(QuestionFigures { question, in_chinese, p50_us, p99_us, max_us });
        anyhow::Ok(())
    };
    measure(
        "50 delivered parcels, newest first",
        "50 件已签收包裹，最新在前",
        &mut |reader, number| {
            let delivered = equal("state", "delivered".into());
            reader.list(&page(parcels, vec![delivered], number)).map(drop)
        },
    )?;
    measure(
        "50 parcels of a seller, newest first",
        "某卖家的 50 件包裹，最新在前",
        &mut |reader, number| {
            let seller = SellerId(scattered(number, SELLERS.into()));
            let scope = RowOwner::Seller(seller).into();
            reader.list(&ListQuery { scope, ..page(parcels, Vec::new(), number) }).map(drop)
        },
    )?;
    measure(
        "50 commands of a name, newest first",
        "某种命令的最新 50 条",
        &mut |reader, number| {
            let name = ["BeginPurchase", "AnnounceParcel", "CloseBatch", "RegisterSeller"];
            let name = name[usize::try_from(number % 4).unwrap_or(0)];
            reader.list(&page(commands, vec![equal("name", name.into())], number)).map(drop)
        },
    )?;
    measure(
        "a search by the beginning of a reference",
        "按参考号开头搜索",
        &mut |reader, number| {
            let reference = format!("o-{}", scattered(number, collections));
            reader.search(&reference, |_| Some(RowsOf::Everyone), at(number)).map(drop)
        },
    )?;
    measure("a parcel with its history", "一件包裹及其历史", &mut |reader, number| {
        reader.detail(parcels, &parcel(number), &everyone, at(number))?;
        reader.history(parcels, &parcel(number), &everyone, at(number)).map(drop)
    })?;
    measure("the postings of a parcel", "一件包裹的分录", &mut |reader, number| {
        let [parcel] = parcel(number);
        reader.list(&page(postings, vec![equal("parcel", parcel)], number)).map(drop)
    })?;
    measure(
        "100 postings of an account, newest first",
        "某账户的 100 笔分录，最新在前",
        &mut |reader, number| reader.statement(account(number), None, 100, at(number)).map(drop),
    )?;
    measure("the balance of an account", "某账户的余额", &mut |reader, number| {
        reader.balance(account(number), at(number)).map(drop)
    })?;
    Ok(all)
}

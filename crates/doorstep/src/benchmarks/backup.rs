//! `doorstep bench backup`: backups one after another while terminals sell, then a restoration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::door::{DoorPlan, measure};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::{NewDirectory, show};
use crate::words::{Lang, bilingual, grouped, left, right, say};

/// How often the engine is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Args, Debug)]
pub struct BackupBenchArgs {
    /// Number of terminals
    #[arg(long, default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    terminals: u32,
    /// Sales per second
    #[arg(long, default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Duration of the sales
    #[arg(long, default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// The directory for all files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// The JSON output.
#[derive(Debug, Serialize)]
struct BackupFigures {
    rate: u32,
    sales_per_s: u64,
    /// Of the sales beside the backups.
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    backups: u64,
    longest_backup_ms: u64,
    /// Of the first and the last backup.
    first_batch: u64,
    last_batch: u64,
    backup_bytes: u64,
    restored_ms: u64,
    /// The restored books and those that were copied, replayed until the same batch.
    digest: String,
    books_equal: bool,
}

/// Runs this program for one JSON object.
fn answer(words: &[&str], paths: &[&Path]) -> anyhow::Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words).args(paths).arg("--json");
    let output = command.output().with_context(|| words.join(" "))?;
    let failed = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "doorstep {}: {}", words.join(" "), failed.trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_default()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Restores a backup as of a batch, and gives the digest of its books.
fn restored(kept: &Path, to: &Path, batch: u64) -> anyhow::Result<String> {
    let (from, until) = (kept.display().to_string(), batch.to_string());
    answer(&["restore", &from, "--until", &until, "--data"], &[to])?;
    let verified = answer(&["verify", "--data"], &[to])?;
    ensure!(number(&verified, "batches") == batch, "{verified:#}");
    Ok(verified["digest"].as_str().context("no digest")?.to_owned())
}

pub fn run(args: &BackupBenchArgs) -> anyhow::Result<()> {
    let directory = NewDirectory::at(args.data.as_deref(), "backup")?;
    let plan = DoorPlan {
        terminals: args.terminals,
        gateways: 0,
        rate: args.rate,
        in_flight: 0,
        seconds: args.seconds,
        kill_gateway: false,
        pins: false,
        dialect: "doorstep",
        most_per_second: 0,
        spare_parcels: 2,
        idle_seconds: 0,
    };
    let at = directory.path;
    let selling = thread::spawn({
        let at = at.clone();
        move || measure(&plan, &at)
    });
    let (books, kept) = (at.join("books"), at.join("kept"));
    let served = at.join("books.control").join("control.sock");
    let kept_text = kept.display().to_string();
    let mut made = Vec::new();
    while !selling.is_finished() {
        // Before it serves the benchmark makes the books, and afterwards it reads them.
        if served.exists() {
            let begun = Instant::now();
            let backup = answer(&["backup", &kept_text, "--data"], &[&books])?;
            made.push((number(&backup, "batch"), number(&backup, "bytes"), millis(begun)));
        } else {
            sleep(LOOK_EVERY);
        }
    }
    let Ok(measured) = selling.join() else { anyhow::bail!("the sales ended by a panic") };
    let (figures, comparison) = measured?;
    comparison.require_equal()?;
    let (Some(first), Some(last)) = (made.first(), made.last()) else {
        anyhow::bail!(bilingual!(
            "no backup was made while terminals sold; give more --seconds",
            "销售期间未能完成备份；请增加 --seconds"
        ));
    };
    let begun = Instant::now();
    let digest = restored(&kept, &at.join("again"), last.0)?;
    let restored_ms = millis(begun);
    // What was copied under load is, batch by batch, what the books have.
    let whole = at.join("whole");
    answer(&["backup", &whole.display().to_string(), "--data"], &[&books])?;
    let books_equal = restored(&whole, &at.join("same"), last.0)? == digest;
    let figures = BackupFigures {
        rate: args.rate,
        sales_per_s: figures.sales_per_s,
        p50_ms: figures.p50_ms,
        p99_ms: figures.p99_ms,
        max_ms: figures.max_ms,
        backups: made.len() as u64,
        longest_backup_ms: made.iter().map(|(.., ms)| *ms).max().unwrap_or_default(),
        first_batch: first.0,
        last_batch: last.0,
        backup_bytes: last.1,
        restored_ms,
        digest,
        books_equal,
    };
    show(&figures, args.json, print_table)?;
    ensure!(
        books_equal,
        bilingual!(
            "the restored books differ from those that were copied",
            "恢复的账簿与原账簿不同"
        )
    );
    Ok(())
}

fn print_table(f: &BackupFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 28), right(&figure, 24));
    let count = |number: u64| grouped(&number.to_string());
    say!("{}", bilingual!("backups beside {} sales/s", "销售每秒 {} 笔时的备份", f.rate));
    row(lang.pick("sales/s", "每秒消费"), count(f.sales_per_s));
    row(
        lang.pick("p50 / p99 / max", "p50 / p99 / 最大"),
        format!("{:.2} / {:.2} / {:.2} ms", f.p50_ms, f.p99_ms, f.max_ms),
    );
    row(lang.pick("backups", "备份次数"), count(f.backups));
    row(lang.pick("longest backup", "最长备份用时"), format!("{} ms", count(f.longest_backup_ms)));
    row(lang.pick("batch of the first", "首次备份的批"), count(f.first_batch));
    row(lang.pick("batch of the last", "末次备份的批"), count(f.last_batch));
    row(lang.pick("backup, KiB", "备份大小，KiB"), count(f.backup_bytes.div_ceil(1024)));
    row(
        lang.pick("restored and verified", "恢复并核对用时"),
        format!("{} ms", count(f.restored_ms)),
    );
    if f.books_equal {
        say!(
            "{}",
            lang.pick(
                "The restored books are equal to those that were copied.",
                "恢复的账簿与原账簿一致。"
            )
        );
    }
}

//! `doorstep bench clearing`: a network's file, from the disk to committed clearing and breaks.

mod measured;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use self::measured::{CLEARING_LINES_MAX, ClearingFigures, measure, run_measured_process};

use super::{NewDirectory, show, show_and_wait};
use crate::words::{Lang, grouped, left, right, say};

#[derive(Args, Debug)]
pub struct ClearingBenchArgs {
    /// Number of collections; five in a thousand have a fault in the file
    #[arg(long, default_value_t = CLEARING_LINES_MAX)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=CLEARING_LINES_MAX))]
    lines: u64,
    /// The data directory; it must not exist yet [default: a temporary directory in the current
    /// one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Run as the process that is measured and killed
    #[arg(long, hide = true)]
    child: bool,
}

pub fn run(args: &ClearingBenchArgs) -> anyhow::Result<()> {
    if args.child {
        let data = args.data.as_deref().context("--child needs --data")?;
        return run_measured_process(args.lines, data, show_and_wait);
    }
    let directory = NewDirectory::at(args.data.as_deref(), "books")?;
    let figures = measure(args.lines, &directory.path)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &ClearingFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 44), right(&figure, 20));
    let count = |count: u64| grouped(&count.to_string());
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    row(lang.pick("lines", "明细行"), count(figures.lines));
    row(lang.pick("from the file to the books", "自文件至入账"), seconds(figures.take_s));
    row(lang.pick("  CPU of all threads", "  各线程 CPU 合计"), seconds(figures.cpu_s));
    row(lang.pick("lines/s", "每秒行数"), count(figures.lines_per_s));
    row(lang.pick("memory of the books, bytes", "账簿内存，字节"), count(figures.rss_before_bytes));
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), count(figures.peak_rss_bytes));
    row(lang.pick("payments in no line", "文件未列的付款"), count(figures.uncleared));
    row(lang.pick("breaks", "差异"), count(figures.breaks));
    say!(
        "{}",
        lang.pick(
            "The process was killed and restarted: the books have each line, and what was planned.",
            "进程被强杀后重启：每一行均已入账，结果与预设一致。"
        )
    );
}

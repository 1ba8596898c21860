//! `doorstep bench recon`: the match of a card network's file of a day.

use std::path::PathBuf;

use bench::reconciling::{FAULT_EVERY, ReconFigures, ReconPlan, RivalFigures, measure};
use clap::{Args, ValueEnum};

use super::{NewDirectory, show};
use crate::words::{Lang, bilingual, grouped, left, right, say};

/// In the source tree, where ./test installs it.
const PYTHON: &str = "target/python/bin/python";

#[derive(Args, Debug)]
pub struct ReconBenchArgs {
    /// Number of items that are expected, rounded up to thousands
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=20_000_000))]
    lines: u64,
    /// Let another program join the same files, on the same machine
    #[arg(long, value_enum)]
    rival: Option<JoinRival>,
    /// The directory of the files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum JoinRival {
    /// The Python package, as ./test installs it; DOORSTEP_PYTHON names another interpreter
    Duckdb,
}

pub fn run(args: &ReconBenchArgs) -> anyhow::Result<()> {
    let directory = NewDirectory::at(args.data.as_deref(), "files")?;
    let items = args.lines.next_multiple_of(FAULT_EVERY);
    let rival = args.rival.map(|JoinRival::Duckdb| {
        std::env::var_os("DOORSTEP_PYTHON").map_or(PathBuf::from(PYTHON), PathBuf::from)
    });
    let figures = measure(&ReconPlan { items, rival }, &directory.path)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &ReconFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 44), right(&figure, 20));
    let count = |count: u64| grouped(&count.to_string());
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    row(lang.pick("lines", "明细行"), count(figures.lines));
    row(lang.pick("items expected", "应收项目"), count(figures.items));
    row(lang.pick("match, from the files", "匹配，自文件起"), seconds(figures.match_s));
    row(lang.pick("  read and checked", "  读取并校验"), seconds(figures.read_s));
    row(lang.pick("  joined by key", "  按键连接"), seconds(figures.join_s));
    row(lang.pick("  rules for the rest", "  其余按规则"), seconds(figures.rules_s));
    row(lang.pick("lines/s", "每秒行数"), count(figures.lines_per_s));
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), count(figures.peak_rss_bytes));
    row(lang.pick("matched", "已匹配"), count(figures.matched));
    row(lang.pick("breaks", "差异"), count(figures.breaks));
    if let Some(RivalFigures { version, join_s, peak_rss_bytes, .. }) = &figures.rival {
        let join = lang.pick("outer join", "外连接");
        row(&format!("DuckDB {version}, {join}"), seconds(*join_s));
        row(lang.pick("  its peak memory, bytes", "  其内存峰值，字节"), count(*peak_rss_bytes));
    }
    say!(
        "{}",
        bilingual!(
            "Matches and breaks are those that were planned, and each file adds up.",
            "匹配与差异均与预设一致，各文件合计相符。"
        )
    );
}

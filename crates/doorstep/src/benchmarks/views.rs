//! `doorstep bench views`: the SQL views of many collections.

use std::path::PathBuf;

use bench::views_benchmark::{ViewsFigures, ViewsPlan, measure};
use clap::Args;

use super::{NewDirectory, show};
use crate::words::{Lang, bilingual, grouped, left, right, say};

#[derive(Args, Debug)]
pub struct ViewsArgs {
    /// Number of parcels to collect
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1_000..))]
    collections: u64,
    /// In a server of PostgreSQL that is made for it, of Debian's package; compared with SQLite
    #[arg(long)]
    postgres: bool,
    /// How often their writing is killed; 0 to measure it undisturbed
    #[arg(long, default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=1_000))]
    kills: u64,
    /// The data directory; it must not exist yet [default: a temporary directory in the current
    /// one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ViewsArgs) -> anyhow::Result<()> {
    let directory = NewDirectory::at(args.data.as_deref(), "books")?;
    let plan = ViewsPlan { collections: args.collections, kills: args.kills };
    let figures = measure(plan, &directory.path, args.postgres)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &ViewsFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 58), right(&figure, 26));
    let count = |count: u64| grouped(&count.to_string());
    row(lang.pick("collections", "收款笔数"), count(figures.collections));
    row(lang.pick("rows", "行数"), count(figures.rows));
    row(
        lang.pick("rows per collection", "每笔收款的行数"),
        format!("{:.1}", figures.rows_per_collection),
    );
    let seconds = |seconds: f64| format!("{seconds:.1} s");
    if let Some(took) = figures.update_s {
        row(lang.pick("first update", "首次更新"), seconds(took));
    }
    row(lang.pick("rebuild", "重建"), seconds(figures.rebuild_s));
    row(lang.pick("collections/s", "每秒收款"), count(figures.collections_per_s));
    row(lang.pick("rows/s", "每秒行数"), count(figures.rows_per_s));
    row(lang.pick("size, bytes", "大小，字节"), count(figures.bytes));
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), count(figures.peak_rss_bytes));
    say!("{}", lang.pick("  questions, p50 / p99 / max in ms", "  查询，p50 / p99 / 最大，毫秒"));
    let ms = |us: u64| format!("{}.{:02}", us / 1_000, us % 1_000 / 10);
    for one in &figures.questions {
        let times = [one.p50_us, one.p99_us, one.max_us].map(ms).join(" / ");
        row(lang.pick(one.question, one.in_chinese), times);
    }
    row(
        lang.pick("the daily report over everything, ms", "全部日期的日报，毫秒"),
        count(figures.report_ms),
    );
    row(
        &bilingual!("its slowest figure: {}", "其中最慢的指标：{}", figures.slowest_figure),
        count(figures.slowest_figure_ms),
    );
    let (kills, of) = (figures.killed_at.len(), count(figures.batches));
    say!(
        "{}",
        bilingual!(
            "Their writing was killed {kills} times in {of} batches and went on: equal to those \
             made anew.",
            "写入 {of} 批期间被强杀 {kills} 次，每次继续；结果与重建的视图相同。"
        )
    );
}

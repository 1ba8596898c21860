//! `doorstep bench engine`: card collections through the node with the SQLite journal.

use std::path::PathBuf;

use anyhow::Context;
use bench::engine_benchmark::{EngineFigures, EnginePlan, measure, run_measured_process};
use clap::Args;

use super::{NewDirectory, show, show_and_wait};
use crate::words::{Lang, bilingual, left, right, say};

#[derive(Args, Debug)]
pub struct EngineArgs {
    /// Number of parcels to collect
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    collections: u64,
    /// Collections in flight
    #[arg(long, default_value_t = 8_192)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    in_flight: u64,
    /// The data directory; it must not exist yet [default: a temporary directory in the current
    /// one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Commands between two snapshots
    #[arg(long, default_value_t = 250_000, hide_short_help = true)]
    snapshot_every: u64,
    /// Run as the process that is measured and killed
    #[arg(long, hide = true)]
    child: bool,
}

pub fn run(args: &EngineArgs) -> anyhow::Result<()> {
    let plan = EnginePlan {
        collections: args.collections,
        in_flight: args.in_flight,
        snapshot_every: args.snapshot_every,
    };
    if args.child {
        let data = args.data.as_deref().context("--child needs --data")?;
        return run_measured_process(&plan, data, show_and_wait);
    }
    let directory = NewDirectory::at(args.data.as_deref(), "books")?;
    let figures = measure(&plan, &directory.path)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &EngineFigures) {
    let f = figures;
    let EngineFigures { collections, in_flight, synchronous, restart_commands, .. } = f;
    say!(
        "{}",
        bilingual!(
            "{collections} card collections, {in_flight} in flight, synchronous={synchronous}",
            "{collections} 笔刷卡收款，在途 {in_flight}，synchronous={synchronous}"
        )
    );
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 24), right(&figure, 22));
    let lang = Lang::current();
    row(lang.pick("collections/s", "每秒收款"), f.collections_per_s.to_string());
    row(lang.pick("commands/s", "每秒命令"), f.commands_per_s.to_string());
    row(lang.pick("legs/s", "每秒分录"), f.legs_per_s.to_string());
    row(
        lang.pick("commit p50 / p99 / max", "提交 p50 / p99 / 最大"),
        format!("{:.2} / {:.2} / {:.2} ms", f.commit_p50_ms, f.commit_p99_ms, f.commit_max_ms),
    );
    row(lang.pick("journal, bytes", "日志，字节"), f.journal_bytes.to_string());
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), f.peak_rss_bytes.to_string());
    row(lang.pick("restart after kill", "强杀后重启"), format!("{:.2} s", f.restart_s));
    row(lang.pick("commands replayed", "重启重放命令"), restart_commands.to_string());
    row(lang.pick("replay, commands/s", "重放，每秒命令"), f.replay_commands_per_s.to_string());
    say!(
        "{}",
        lang.pick(
            "The process was killed and restarted, and every rule holds.",
            "进程被强杀后重启，各项规则均成立。"
        )
    );
}

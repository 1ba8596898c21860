//! `doorstep bench market`: reservations and orders through the node with the SQLite journal.

use std::path::PathBuf;

use anyhow::Context;
use bench::market_benchmark::{MarketBenchPlan, MarketFigures, measure, run_market_process};
use clap::Args;

use super::{NewDirectory, show, show_and_wait};
use crate::words::{Lang, bilingual, left, right, say};

#[derive(Args, Debug)]
pub struct MarketBenchArgs {
    /// Number of hot items
    #[arg(long, default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    items: u64,
    /// Units of each hot item, and orders for each
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    stock: u64,
    /// Commands in flight
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
    /// Run as the process that is measured and killed
    #[arg(long, hide = true)]
    child: bool,
}

pub fn run(args: &MarketBenchArgs) -> anyhow::Result<()> {
    let MarketBenchArgs { items, stock, in_flight, .. } = *args;
    let plan = MarketBenchPlan { items, stock, in_flight };
    if args.child {
        let data = args.data.as_deref().context("--child needs --data")?;
        return run_market_process(&plan, data, show_and_wait);
    }
    let directory = NewDirectory::at(args.data.as_deref(), "books")?;
    let figures = measure(&plan, &directory.path)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &MarketFigures) {
    let f = figures;
    let MarketFigures { items, stock, in_flight, synchronous, .. } = f;
    say!(
        "{}",
        bilingual!(
            "{items} items of {stock} units, {in_flight} in flight, synchronous={synchronous}",
            "{items} 件商品各 {stock} 件库存，在途 {in_flight}，synchronous={synchronous}"
        )
    );
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 24), right(&figure, 22));
    let lang = Lang::current();
    row(lang.pick("reservations/s", "每秒保留"), f.reservations_per_s.to_string());
    row(lang.pick("orders/s", "每秒订单"), f.orders_per_s.to_string());
    row(lang.pick("refused", "拒绝"), f.refused.to_string());
    row(lang.pick("oversold", "超卖"), f.oversold.to_string());
    row(
        lang.pick("commit p50 / p99", "提交 p50 / p99"),
        format!("{:.2} / {:.2} ms", f.p50_ms, f.p99_ms),
    );
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), f.peak_rss_bytes.to_string());
    row(lang.pick("restart after kill", "强杀后重启"), format!("{:.2} s", f.restart_s));
    if let Some(rival) = f.postgresql_reservations_per_s {
        row(lang.pick("PostgreSQL, reservations/s", "PostgreSQL，每秒保留"), rival.to_string());
    }
    if let Some(rival) = f.redis_reservations_per_s {
        row(lang.pick("Redis, reservations/s", "Redis，每秒保留"), rival.to_string());
    }
    say!(
        "{}",
        lang.pick(
            "The process was killed and restarted, and nothing was oversold or lost.",
            "进程被强杀后重启，没有超卖，也没有丢失。"
        )
    );
}

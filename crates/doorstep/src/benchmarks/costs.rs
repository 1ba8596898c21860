//! `doorstep bench costs`: how many collections are computed again under another tariff a second.

use anyhow::Context;
use clap::Args;
use money::Currency;
use reports::measure_what_if;
use serde::Serialize;

use super::show;
use crate::looks::costs::a_second;
use crate::tariffs;
use crate::words::{Lang, grouped, left, right, say};

/// The tariff that comes with Doorstep, and a day on which it is in force.
const TARIFF: &str = "china-2013";
const DAY: &str = "2013-08-28";

#[derive(Args, Debug)]
pub struct CostsBenchArgs {
    /// Number of made-up collections in memory; one parcel in ten is paid in two parts
    #[arg(long, default_value_t = 10_000_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    collections: u32,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CostsFigures {
    collections: u64,
    compute_s: f64,
    collections_per_s: u64,
    /// The sum of all fees in minor units: the same in every run.
    fees: String,
}

pub fn run(args: &CostsBenchArgs) -> anyhow::Result<()> {
    let file = tariffs::load(TARIFF.as_ref())?;
    let day = DAY.parse().context(DAY)?;
    let (collections, took, fees) = measure_what_if(&file, Currency::CNY, day, args.collections)?;
    let figures = CostsFigures {
        collections,
        compute_s: took.as_secs_f64(),
        collections_per_s: a_second(collections, took),
        fees: fees.to_string(),
    };
    show(&figures, args.json, print_table)
}

fn print_table(figures: &CostsFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 44), right(&figure, 20));
    let count = |count: u64| grouped(&count.to_string());
    row(lang.pick("collections", "收款笔数"), count(figures.collections));
    row(lang.pick("computed in", "计算用时"), format!("{:.3} s", figures.compute_s));
    row(lang.pick("collections/s", "每秒笔数"), count(figures.collections_per_s));
}

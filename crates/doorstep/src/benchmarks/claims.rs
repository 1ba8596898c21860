//! `doorstep bench claims`: claims read and judged.

use bench::claims_benchmark::{ClaimFigures, measure};
use clap::Args;

use super::show;
use crate::words::{Lang, grouped, left, right, say};

#[derive(Args, Debug)]
pub struct ClaimsBenchArgs {
    /// Number of claims
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    claims: u64,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ClaimsBenchArgs) -> anyhow::Result<()> {
    show(&measure(args.claims)?, args.json, print_table)
}

fn print_table(figures: &ClaimFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: u64| {
        say!("  {} {}", left(label, 32), right(&grouped(&figure.to_string()), 20));
    };
    row(lang.pick("claims", "论断"), figures.claims);
    row(lang.pick("judged, claims/s", "判断，每秒论断"), figures.claims_per_s);
    row(lang.pick("read, claims/s", "读取，每秒论断"), figures.read_claims_per_s);
    row(lang.pick("hold", "成立"), figures.holds);
    row(lang.pick("cannot hold", "不能成立"), figures.cannot_hold);
    row(lang.pick("corrected", "可更正"), figures.corrections);
    row(lang.pick("peak memory, bytes", "内存峰值，字节"), figures.peak_rss_bytes);
    say!("{}", lang.pick("The verdicts are as planned.", "判断结果均与预设一致。"));
}

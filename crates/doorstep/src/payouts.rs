//! `doorstep payouts`: payout files.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use files::pain001::MessageTotals;
use reports::{DaySums, write_message, write_payouts_csv};
use serde_json::json;

use crate::data_directory;
use crate::words::{bilingual, say};

/// Writes payout files for a bank or a finance team
///
/// The CSV lists every payout that was sent. The pain.001.001.09 message (ISO 20022) orders the
/// bank to pay the payouts of one plan; a payout's number is its EndToEndId.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// pain001: the plan, counted from 1 in the order of execution [default: the last one]
    #[arg(long, value_name = "NUMBER")]
    plan: Option<usize>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object about the file
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Every payout that was sent, for a finance team
    Csv,
    /// The order to the bank to pay one plan (ISO 20022)
    Pain001,
}

pub fn run(args: &PayoutsArgs) -> anyhow::Result<()> {
    data_directory::check_output(&args.out)?;
    let (sums, engine) = DaySums::of(&args.data)?;
    match args.format {
        Format::Csv => {
            ensure!(
                args.plan.is_none(),
                bilingual!(
                    "--plan belongs to --format pain001: the CSV has the payouts of all plans",
                    "--plan 只用于 --format pain001：CSV 含所有计划的打款"
                )
            );
            let lines = write_payouts_csv(&sums, &engine, &args.out)?;
            let file = args.out.display();
            if args.json {
                say!("{}", json!({ "file": file.to_string(), "payouts": lines }));
            } else {
                say!("{}", bilingual!("{file}: {lines} payouts", "{file}：{lines} 笔打款"));
            }
        }
        Format::Pain001 => {
            let plans = sums.plans.len();
            ensure!(
                plans > 0,
                bilingual!(
                    "no settlement plan was executed in these books, so there is no payout",
                    "账簿中尚无已执行的结算计划，没有打款"
                )
            );
            let number = args.plan.unwrap_or(plans);
            let Some(plan) = number.checked_sub(1).and_then(|place| sums.plans.get(place)) else {
                bail!(bilingual!(
                    "--plan {number}: these books have plans 1 to {plans}",
                    "--plan {number}：账簿中有计划 1 到 {plans}"
                ));
            };
            let written = write_message(plan, &engine, &args.out)?;
            let MessageTotals { transfers, control_sum } = written;
            let file = args.out.display();
            if args.json {
                let file = file.to_string();
                let written = json!({
                    "file": file, "plan": number, "transfers": transfers,
                    "control_sum": control_sum,
                });
                say!("{written}");
                return Ok(());
            }
            say!(
                "{}",
                bilingual!(
                    "{file}: {transfers} transfers, {control_sum}",
                    "{file}：{transfers} 笔转账，合计 {control_sum}"
                )
            );
        }
    }
    Ok(())
}

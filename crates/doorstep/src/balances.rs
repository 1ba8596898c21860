//! `doorstep balances`: the trial balance.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use books::BusinessDate;
use clap::Args;
use money::decimal::DecimalAmount;
use reports::{BalanceSides, BalanceSums, NamedBalance, TrialBalance, trial_balance_on};
use serde::Serialize;

use crate::chinese;
use crate::data_directory::{print_notice, read_at_head};
use crate::texts::filled;
use crate::words::{Lang, grouped, left, right, say, width};

/// Shows the trial balance, now or at the end of a day
///
/// Shows the balances of each account kind, or of every account, and how many breaks and differing
/// batches there are. Debit and credit balances of a kind are added up apart: what sellers are owed
/// is not reduced by what others owe. Zero balances are left out.
///
/// --date shows the end of an earlier day. Of the last day of a closed period it is compared with
/// what was frozen at the close.
#[derive(Args, Debug)]
pub struct BalancesArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Show every account instead of each account kind
    #[arg(long)]
    all: bool,
    /// The end of this day [default: now]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<BusinessDate>,
    /// Print one JSON object per line and account; amounts in minor units, debits positive;
    /// accounts are named as in `export --format hledger`
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Balance<'a> {
    account: &'a str,
    currency: &'static str,
    /// Debits less credits.
    amount: i128,
    /// The sums of the debit and of the credit balances.
    debit: i128,
    credit: i128,
}

pub fn run(args: &BalancesArgs) -> anyhow::Result<()> {
    let read = read_at_head(&args.data)?;
    let lang = Lang::current();
    let balance = match args.date {
        Some(date) if date > read.books().last_date() => {
            let today = read.books().last_date();
            let values: [(&str, &dyn Display); 2] = [("date", &date), ("today", &today)];
            bail!(filled(lang, "balances.to_come", &values));
        }
        Some(date) => trial_balance_on(&args.data, date, &print_notice)?,
        None => TrialBalance::of(&read.engine),
    };
    // What was frozen, and what is shown now: the same, or nothing is shown.
    let frozen = args.date.and_then(|date| Some((date, read.books().closed_period_digest(date)?)));
    if let Some((date, digest)) = frozen {
        let differs = filled(lang, "balances.not_as_closed", &[("date", &date)]);
        ensure!(balance.digest() == digest, differs);
    }
    if args.json {
        for ((_, account, currency), sides) in &balance.sums_by(|account| account.name.clone()).0 {
            let (currency, amount) = (currency.code(), sides.amount());
            let BalanceSides { debit, credit } = *sides;
            say!(
                "{}",
                serde_json::to_string(&Balance { account, currency, amount, debit, credit })?
            );
        }
        return Ok(());
    }
    if let Some(date) = args.date {
        say!("{}\n", filled(lang, "balances.on", &[("date", &date)]));
    }
    let kind = |account: &NamedBalance| chinese::account_kind(account.kind, lang).to_owned();
    match args.all {
        true => print(&balance, &balance.sums_by(|account| account_name(account, lang)), lang),
        false => print(&balance, &balance.sums_by(kind), lang),
    }
    match (args.date, frozen) {
        (None, _) => print_open(&balance, &args.data, lang),
        (Some(_), Some((_, digest))) => {
            say!("\n{}", filled(lang, "balances.as_closed", &[("digest", &digest)]));
        }
        (Some(_), None) => {}
    }
    Ok(())
}

/// The number of open breaks and differing batches, with the commands that list them.
fn print_open(balance: &TrialBalance, data: &Path, lang: Lang) {
    let data = data.display();
    say!("");
    for (count, name, command) in [
        (balance.open_breaks, lang.pick("open breaks", "未结差异"), "breaks"),
        (balance.open_items, lang.pick("batches", "待查账项"), "open-items --kind batch"),
    ] {
        let count_text = grouped(&count.to_string());
        match count {
            0 => say!("{} {count_text}", left(name, 12)),
            _ => say!("{} {count_text}  (doorstep {command} --data {data})", left(name, 12)),
        }
    }
}

/// The account's name, with the name of its kind in the chosen language.
fn account_name(account: &NamedBalance, lang: Lang) -> String {
    match account.name.strip_prefix(account.kind.name()) {
        Some(owner) => format!("{}{owner}", chinese::account_kind(account.kind, lang)),
        None => account.name.clone(),
    }
}

fn print(balance: &TrialBalance, sums: &BalanceSums, lang: Lang) {
    let wide = sums.0.keys().map(|(_, name, _)| width(name)).max().unwrap_or(0).max(24);
    say!(
        "{} {} {}",
        left(lang.pick("account", "科目"), wide),
        right(lang.pick("debit", "借方"), 18),
        right(lang.pick("credit", "贷方"), 18)
    );
    let text = |minor, currency| grouped(&DecimalAmount::of_balance(minor, currency).to_string());
    for ((_, name, currency), sides) in &sums.0 {
        let side = |sum| if sum == 0 { String::new() } else { text(sum, *currency) };
        let (debit, credit) = (side(sides.debit), side(sides.credit));
        say!("{} {} {} {currency}", left(name, wide), right(&debit, 18), right(&credit, 18));
    }
    for &currency in &balance.currencies {
        let (debit, credit) = sums.totals(currency);
        let (debit, credit) = (text(debit, currency), text(credit, currency));
        let label = left(lang.pick("total", "合计"), wide);
        say!("{label} {} {} {currency}", right(&debit, 18), right(&credit, 18));
    }
}

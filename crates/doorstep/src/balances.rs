//! `doorstep balances`: the trial balance.

use std::path::{Path, PathBuf};

use clap::Args;
use money::decimal::DecimalAmount;
use reports::{BalanceSums, NamedBalance, TrialBalance};
use serde::Serialize;

use crate::chinese;
use crate::data_directory::read_at_head;
use crate::words::{Lang, grouped, left, right, say, width};

/// Shows the trial balance
///
/// Shows the balance of each account kind, or of every account, and how many breaks and open items
/// there are. Zero balances are left out.
#[derive(Args, Debug)]
pub struct BalancesArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Show every account instead of each account kind
    #[arg(long)]
    all: bool,
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
}

pub fn run(args: &BalancesArgs) -> anyhow::Result<()> {
    let balance = TrialBalance::of(&read_at_head(&args.data)?.engine);
    let lang = Lang::current();
    if args.json {
        for ((_, account, currency), amount) in &balance.sums_by(|account| account.name.clone()).0 {
            let line = Balance { account, currency: currency.code(), amount: *amount };
            say!("{}", serde_json::to_string(&line)?);
        }
    } else if args.all {
        print(&balance, &balance.sums_by(|account| account_name(account, lang)), lang);
        print_open(&balance, &args.data, lang);
    } else {
        let kind = |account: &NamedBalance| chinese::account_kind(account.kind, lang).to_owned();
        print(&balance, &balance.sums_by(kind), lang);
        print_open(&balance, &args.data, lang);
    }
    Ok(())
}

/// The number of open breaks and open items, with the commands that list them.
fn print_open(balance: &TrialBalance, data: &Path, lang: Lang) {
    let data = data.display();
    say!("");
    for (count, name, command) in [
        (balance.open_breaks, lang.pick("open breaks", "未结差异"), "breaks"),
        (balance.open_items, lang.pick("open items", "待查账项"), "open-items"),
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
    for ((_, name, currency), amount) in &sums.0 {
        let text = text(amount.abs(), *currency);
        let (debit, credit) =
            if *amount >= 0 { (text, String::new()) } else { (String::new(), text) };
        say!("{} {} {} {currency}", left(name, wide), right(&debit, 18), right(&credit, 18));
    }
    for &currency in &balance.currencies {
        let (debit, credit) = sums.totals(currency);
        let (debit, credit) = (text(debit, currency), text(credit, currency));
        let label = left(lang.pick("total", "合计"), wide);
        say!("{label} {} {} {currency}", right(&debit, 18), right(&credit, 18));
    }
}

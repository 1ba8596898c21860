//! `doorstep balances`: every account and what is on it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use engine::chart::AccountKind;
use ledger::Side;
use money::Currency;
use money::decimal::Decimal;
use serde::Serialize;

use crate::books;
use crate::export::{Accounts, Style};
use crate::words::{grouped, left, right, say};

/// Shows the trial balance.
///
/// Shows the trial balance: what is on each kind of account, or on every account. Accounts with
/// nothing on them are left out.
#[derive(Args, Debug)]
pub struct BalancesArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Every account, not only each kind
    #[arg(long)]
    all: bool,
    /// Print one JSON object a line, amounts in minor units, debits positive; every account, named
    /// as in `export --format hledger`
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

/// Shows balances.
pub fn run(args: &BalancesArgs) -> anyhow::Result<()> {
    let (engine, _) = books::read_all(&args.data, &mut node::replay::Unwatched)?;
    let mut sums: BTreeMap<(String, Currency), i128> = BTreeMap::new();
    let mut accounts = Accounts::default();
    for account in engine.accounts() {
        let name = match args.all || args.json {
            true => accounts.name(account.number, &engine, Style::Plain).0.to_owned(),
            false => account.kind.name().to_owned(),
        };
        *sums.entry((name, account.currency)).or_default() += signed(account.kind, account.balance);
    }
    sums.retain(|_, amount| *amount != 0);
    if args.json {
        for ((account, currency), amount) in &sums {
            let line = Balance { account, currency: currency.code(), amount: *amount };
            say!("{}", serde_json::to_string(&line)?);
        }
        return Ok(());
    }
    let wide = sums.keys().map(|(name, _)| name.len()).max().unwrap_or(0).max(24);
    say!("{} {} {}", left("account", wide), right("debit", 18), right("credit", 18));
    for ((name, currency), amount) in &sums {
        let text = grouped(&Decimal::of_balance(amount.abs(), *currency).to_string());
        let (debit, credit) =
            if *amount >= 0 { (text, String::new()) } else { (String::new(), text) };
        say!("{} {} {} {currency}", left(name, wide), right(&debit, 18), right(&credit, 18));
    }
    for totals in engine.totals() {
        let sum = |positive: bool| -> i128 {
            let here = sums.iter().filter(|((_, currency), _)| *currency == totals.currency);
            here.map(|(_, amount)| if positive { (*amount).max(0) } else { (-*amount).max(0) })
                .sum()
        };
        let text = |minor| grouped(&Decimal::of_balance(minor, totals.currency).to_string());
        let (debit, credit) = (text(sum(true)), text(sum(false)));
        say!("{} {} {} {}", left("", wide), right(&debit, 18), right(&credit, 18), totals.currency);
    }
    Ok(())
}

/// Debits positive.
fn signed(kind: AccountKind, balance: i128) -> i128 {
    match kind.side() {
        Side::Debit => balance,
        Side::Credit => -balance,
    }
}

//! `doorstep balances`: the trial balance.

use std::collections::BTreeMap;
use std::path::PathBuf;

use books::chart::AccountKind;
use clap::Args;
use ledger::Side;
use money::Currency;
use money::decimal::DecimalAmount;
use serde::Serialize;

use crate::export::{AccountNameStyle, AccountNames};
use crate::words::{Lang, grouped, left, right, say, width};
use crate::{books, chinese};

/// Shows the trial balance
///
/// Shows the balance of each account kind, or of every account. Zero balances are left out.
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
    let (engine, _) = books::replay_all(&args.data, &mut node::replay::NoObserver)?;
    let mut sums: BTreeMap<(String, Currency), i128> = BTreeMap::new();
    let mut accounts = AccountNames::default();
    let lang = Lang::current();
    for account in engine.accounts() {
        let name = match args.all || args.json {
            true => {
                let name = accounts.name(account.number, &engine, AccountNameStyle::Plain).0;
                // The name in exports starts with the name of the kind.
                match name.strip_prefix(account.kind.name()) {
                    Some(owner) if !args.json => {
                        format!("{}{owner}", chinese::account_kind(account.kind, lang))
                    }
                    _ => name.to_owned(),
                }
            }
            false => chinese::account_kind(account.kind, lang).to_owned(),
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
    let wide = sums.keys().map(|(name, _)| width(name)).max().unwrap_or(0).max(24);
    say!(
        "{} {} {}",
        left(lang.pick("account", "科目"), wide),
        right(lang.pick("debit", "借方"), 18),
        right(lang.pick("credit", "贷方"), 18)
    );
    for ((name, currency), amount) in &sums {
        let text = grouped(&DecimalAmount::of_balance(amount.abs(), *currency).to_string());
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
        let text = |minor| grouped(&DecimalAmount::of_balance(minor, totals.currency).to_string());
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

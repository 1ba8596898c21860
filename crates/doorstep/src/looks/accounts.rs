//! `doorstep accounts`: the chart of accounts with balances, and an account's postings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{bail, ensure};
use books::BusinessDate;
use books::chart::AccountKind;
use clap::Args;
use money::Currency;
use reports::{
    AccountPostings, BalanceSides, BooksAtHead, NamedBalance, PostingRange, TrialBalance,
    account_postings,
};
use serde::Serialize;

use super::table::Table;
use super::{amount, columns, count, print_head, print_json, word};
use crate::chinese;
use crate::data_directory::{print_notice, read_at_head};
use crate::texts::{filled, text};
use crate::words::{Lang, say};

const ROWS: usize = 1_000;

/// Shows the chart of accounts with balances, or the postings of one account
///
/// Without --account: each kind of account with its code, its number of accounts and the sums of
/// their debit and credit balances, apart (payable to sellers, and owed by sellers); with --kind,
/// each account of the kind. With --account: the account's postings of a range of days, with the
/// balance before and after. They start from the newest snapshot before the first day, and from the
/// beginning of the journal if there is none.
#[derive(Args, Debug)]
pub struct AccountsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// List each account of this kind: its name, or its code, such as 2120
    #[arg(long, value_name = "KIND", conflicts_with = "account")]
    kind: Option<String>,
    /// Show the postings of this account, named as in `export --format hledger`
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// The account's currency, if a seller has several
    #[arg(long, value_name = "CODE", requires = "account")]
    currency: Option<Currency>,
    /// The first day of the postings [default: the business date of the books]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "account")]
    from: Option<BusinessDate>,
    /// The last day of the postings [default: the business date of the books]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "account")]
    until: Option<BusinessDate>,
    /// Show at most this many postings
    #[arg(long, value_name = "NUMBER", default_value_t = ROWS, requires = "account")]
    limit: usize,
    /// Print one JSON object, amounts in minor units, debits positive
    #[arg(long)]
    json: bool,
}

/// The accounts of a kind in a currency.
#[derive(Serialize)]
struct KindRow {
    code: u16,
    kind: &'static str,
    currency: &'static str,
    accounts: usize,
    /// Debits less credits.
    amount: i128,
    /// The sums of the debit and of the credit balances.
    debit: i128,
    credit: i128,
    /// How many accounts have a debit or a credit balance. Of `liabilities:seller-payable` a debit
    /// balance is that of a seller below zero.
    debit_accounts: usize,
    credit_accounts: usize,
}

#[derive(Serialize)]
struct AccountRow<'a> {
    account: &'a str,
    currency: &'static str,
    /// Debits less credits.
    amount: i128,
}

pub fn run(args: &AccountsArgs) -> anyhow::Result<()> {
    let read = read_at_head(&args.data)?;
    let balance = TrialBalance::of(&read.engine);
    match (&args.account, &args.kind) {
        (Some(account), _) => postings(args, account, &read, &balance),
        (None, Some(kind)) => one_kind(args, kind, &read, &balance),
        (None, None) => chart(args, &read, &balance),
    }
}

fn chart(args: &AccountsArgs, read: &BooksAtHead, balance: &TrialBalance) -> anyhow::Result<()> {
    let mut sums: BTreeMap<(AccountKind, Currency), ([usize; 3], BalanceSides)> = BTreeMap::new();
    for account in &balance.accounts {
        let (counts, sides) = sums.entry((account.kind, account.currency)).or_default();
        counts[0] += 1;
        counts[1] += usize::from(account.amount > 0);
        counts[2] += usize::from(account.amount < 0);
        sides.add(account.amount);
    }
    let rows = sums.into_iter().map(|((kind, currency), (counts, sides))| KindRow {
        code: kind.code(),
        kind: kind.name(),
        currency: currency.code(),
        accounts: counts[0],
        amount: sides.amount(),
        debit: sides.debit,
        credit: sides.credit,
        debit_accounts: counts[1],
        credit_accounts: counts[2],
    });
    let rows: Vec<KindRow> = rows.collect();
    if args.json {
        return print_json(read, "kinds", &rows);
    }
    let lang = Lang::current();
    print_head(text(lang, "looks.accounts"), read);
    let mut table = Table::new()
        .number(text(lang, "looks.code"))
        .text(text(lang, "looks.kind"))
        .number(text(lang, "looks.account_count"))
        .number(text(lang, "looks.debit"))
        .number(text(lang, "looks.credit"))
        .text("");
    for row in &rows {
        let kind = AccountKind::from_code(row.code);
        let name = kind.map_or(row.kind, |kind| chinese::account_kind(kind, lang));
        let side = |minor| match minor {
            0 => String::new(),
            minor => amount(minor, row.currency),
        };
        let (debit, credit) = (side(row.debit), side(row.credit));
        let (code, currency) = (row.code.to_string(), row.currency.to_owned());
        table.row([code, name.to_owned(), count(row.accounts), debit, credit, currency]);
    }
    table.print(columns());
    Ok(())
}

fn one_kind(
    args: &AccountsArgs,
    wanted: &str,
    read: &BooksAtHead,
    balance: &TrialBalance,
) -> anyhow::Result<()> {
    let named = |kind: &AccountKind| kind.name() == wanted || kind.code().to_string() == wanted;
    let Some(kind) = AccountKind::ALL.into_iter().find(named) else {
        let all = AccountKind::ALL.map(|kind| format!("{} {}", kind.code(), kind.name()));
        let all = all.join(text(Lang::current(), "looks.separator"));
        let values: [(&str, &dyn std::fmt::Display); 2] = [("wanted", &wanted), ("all", &all)];
        bail!(filled(Lang::current(), "looks.no_kind", &values));
    };
    let rows = balance.accounts.iter().filter(|account| account.kind == kind).map(row);
    let rows: Vec<AccountRow<'_>> = rows.collect();
    if args.json {
        return print_json(read, "accounts", &rows);
    }
    let lang = Lang::current();
    print_head(chinese::account_kind(kind, lang), read);
    let mut table = Table::new()
        .text(text(lang, "looks.account_title"))
        .number(text(lang, "looks.debit"))
        .number(text(lang, "looks.credit"))
        .text("");
    for row in &rows {
        let [debit, credit] = sides(row.amount, row.currency);
        table.row([row.account.to_owned(), debit, credit, row.currency.to_owned()]);
    }
    table.print(columns());
    Ok(())
}

fn row(account: &NamedBalance) -> AccountRow<'_> {
    let NamedBalance { name, currency, amount, .. } = account;
    AccountRow { account: name, currency: currency.code(), amount: *amount }
}

fn postings(
    args: &AccountsArgs,
    account: &str,
    read: &BooksAtHead,
    balance: &TrialBalance,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    let named = balance.accounts.iter().filter(|one| one.name == account);
    let named: Vec<Currency> = named.map(|one| one.currency).collect();
    ensure!(!named.is_empty(), filled(lang, "looks.no_account", &[("account", &account)]));
    let currency = match (args.currency, &named[..]) {
        (Some(currency), all) if all.contains(&currency) => currency,
        (None, [only]) => *only,
        (_, all) => {
            let all: Vec<_> = all.iter().map(|currency| currency.code()).collect();
            let all = all.join(text(lang, "looks.separator"));
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("account", &account), ("all", &all)];
            bail!(filled(lang, "looks.which_currency", &values));
        }
    };
    let today = read.books().last_date();
    let from = args.from.or(args.until).unwrap_or(today);
    let until = args.until.unwrap_or(today.max(from));
    ensure!(
        from <= until,
        filled(lang, "looks.from_after_until", &[("from", &from), ("until", &until)])
    );
    let range = PostingRange { from, until, limit: args.limit };
    let found = account_postings(&args.data, account, Some(currency), range, &print_notice)?;
    if args.json {
        return print_json(read, "postings", &found);
    }
    print_postings(&found, range, currency.code());
    Ok(())
}

fn print_postings(found: &AccountPostings, range: PostingRange, currency: &str) {
    let lang = Lang::current();
    let values: [(&str, &dyn std::fmt::Display); 4] = [
        ("account", &found.account),
        ("currency", &currency),
        ("from", &range.from),
        ("until", &range.until),
    ];
    say!("{}", filled(lang, "looks.postings", &values));
    let mut table = Table::new()
        .text(text(lang, "looks.time"))
        .text(text(lang, "looks.entry"))
        .number(text(lang, "looks.debit"))
        .number(text(lang, "looks.credit"))
        .number(text(lang, "looks.balance"))
        .extra(text(lang, "looks.position"))
        .extra(text(lang, "looks.other"));
    let blank = String::new;
    let balance = |what: &str, minor: i128| {
        let what = text(lang, what).to_owned();
        [blank(), what, blank(), blank(), amount(minor, currency), blank(), blank()]
    };
    table.row(balance("looks.opening", found.opening));
    for posting in &found.postings {
        let [debit, credit] = sides(posting.amount, currency);
        table.row([
            posting.at[..19].replace('T', " "),
            word("log.posting", &posting.entry).to_owned(),
            debit,
            credit,
            amount(posting.balance, currency),
            posting.position.clone(),
            posting.other.clone(),
        ]);
    }
    if found.left_out == 0 {
        table.row(balance("looks.closing", found.closing));
    }
    table.print(columns());
    if found.left_out > 0 {
        let (count, closing) = (found.left_out, amount(found.closing, currency));
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("count", &count), ("closing", &closing)];
        say!("{}", filled(lang, "looks.more_postings", &values));
    }
}

/// Debit and credit: one of them is empty.
fn sides(minor: i128, currency: &str) -> [String; 2] {
    let text = amount(minor.abs(), currency);
    if minor < 0 { [String::new(), text] } else { [text, String::new()] }
}

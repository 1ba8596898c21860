//! `doorstep cash`: who has cash, how much and since when.

use std::path::PathBuf;

use books::WRONG_CODES_MAX;
use clap::Args;
use reports::{FirmCashReport, OpenHandOverReport, cash_custody};

use super::table::Table;
use super::{amount, columns, find_courier, find_firm, money, print_head, print_json};
use crate::data_directory::read_at_head;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Shows the cash in custody: with couriers, in hand-overs, counted, in deposits, short
///
/// Shows for each firm where its cash is, each cent once: in the couriers' hands, in hand-overs
/// that wait for their count, owed as a shortage, counted and not deposited, and in deposits that
/// the bank has not confirmed; since when the oldest of it is there, and its age in days.
#[derive(Args, Debug)]
pub struct CashArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only this firm: its reference or id
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
    /// Only this courier: the reference or id
    #[arg(long, value_name = "COURIER")]
    courier: Option<String>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CashArgs) -> anyhow::Result<()> {
    let read = read_at_head(&args.data)?;
    let books = read.books();
    let firm = args.firm.as_deref().map(|wanted| find_firm(books, wanted)).transpose()?;
    let courier = args.courier.as_deref().map(|wanted| find_courier(books, wanted)).transpose()?;
    let firms = cash_custody(&read, firm, courier);
    if args.json {
        return print_json(&read, "firms", &firms);
    }
    print_head(text(Lang::current(), "looks.cash"), &read);
    if firms.is_empty() {
        say!("{}", text(Lang::current(), "looks.no_cash"));
    }
    firms.iter().for_each(print_firm);
    Ok(())
}

/// Each cent of a firm stands once in the table.
fn print_firm(firm: &FirmCashReport) {
    let lang = Lang::current();
    let total = money(firm.total, firm.currency);
    say!("");
    say!("{}", filled(lang, "looks.firm_cash", &[("firm", &firm.firm), ("total", &total)]));
    let mut table = Table::new()
        .text(text(lang, "looks.who"))
        .text(text(lang, "looks.what"))
        .number(text(lang, "looks.sum"))
        .extra(text(lang, "looks.since_title"))
        .number(text(lang, "looks.days"));
    let mut row = |who: &str, what: String, minor: i128, (since, days): Since<'_>| {
        let days = days.map_or_else(String::new, |days| days.to_string());
        let since = since.unwrap_or_default().to_owned();
        table.row([who.to_owned(), what, amount(minor, firm.currency), since, days]);
    };
    for courier in &firm.couriers {
        let who = &courier.courier;
        let covered = courier.hand_over.as_ref().map_or(0, |one| i128::from(one.expected));
        let left = courier.in_hand - covered;
        if left != 0 {
            let limit = amount(courier.limit.into(), firm.currency);
            let what = filled(lang, "looks.in_hand", &[("limit", &limit)]);
            row(who, what, left, (courier.left_since.as_deref(), courier.left_age_days));
        }
        if let Some(one) = &courier.hand_over {
            let since = (Some(one.started.as_str()), Some(one.age_days));
            row(who, hand_over(one), covered, since);
        }
        if courier.shortage != 0 {
            let since = (courier.shortage_since.as_deref(), courier.shortage_age_days);
            row(who, text(lang, "looks.shortage").to_owned(), courier.shortage, since);
        }
    }
    let counted = text(lang, "looks.counted").to_owned();
    row(&firm.firm, counted, firm.counted, (firm.since.as_deref(), firm.age_days));
    for deposit in &firm.deposits {
        let what = filled(lang, "looks.deposit", &[("deposit", &deposit.deposit)]);
        let since = (Some(deposit.announced.as_str()), Some(deposit.age_days));
        row(&firm.firm, what, deposit.amount.into(), since);
    }
    table.print(columns());
    if firm.guarantee > 0 || firm.guarantee_used > 0 {
        let of = |minor: u64| money(minor.into(), firm.currency);
        let (used, most) = (of(firm.guarantee_used), of(firm.guarantee));
        say!("{}", filled(lang, "looks.guarantee", &[("used", &used), ("most", &most)]));
    }
}

/// A day and its age.
type Since<'r> = (Option<&'r str>, Option<u16>);

/// A hand-over under way, and what it waits for.
fn hand_over(one: &OpenHandOverReport) -> String {
    let key = match one.wrong_codes {
        0 => "looks.hand_over",
        wrong if wrong < WRONG_CODES_MAX => "looks.hand_over_wrong",
        _ => "looks.hand_over_supervisor",
    };
    let values: [(&str, &dyn std::fmt::Display); 2] =
        [("hand_over", &one.hand_over), ("wrong", &one.wrong_codes)];
    filled(Lang::current(), key, &values)
}

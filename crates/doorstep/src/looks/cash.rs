//! `doorstep cash`: who has cash, how much and since when.

use std::path::PathBuf;

use clap::Args;
use reports::{CourierCashReport, FirmCashReport, cash_custody};

use super::table::Table;
use super::{
    amount, columns, find_courier, find_firm, money, print_head, print_json, print_row, since,
};
use crate::data_directory::read_at_head;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Shows the cash in custody: with couriers, in hand-overs, counted, in deposits, short
///
/// Shows each firm's cash, the couriers who have cash or owe a shortage, how old the oldest of it
/// is, the hand-overs that are not counted, and the deposits that the bank has not confirmed.
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
    let firms = cash_custody(books, firm, courier);
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

fn print_firm(firm: &FirmCashReport) {
    let lang = Lang::current();
    let total = money(firm.total, firm.currency);
    say!("");
    say!("{}", filled(lang, "looks.firm_cash", &[("firm", &firm.firm), ("total", &total)]));
    let of = |minor: i128| money(minor, firm.currency);
    let age = since(firm.since.as_deref(), firm.age_days);
    print_row("looks.counted", format!("{}  {age}", of(firm.counted)).trim_end());
    for deposit in &firm.deposits {
        let (id, sum) = (&deposit.deposit, of(deposit.amount.into()));
        let age = since(Some(&deposit.announced), Some(deposit.age_days));
        print_row("looks.deposit", &format!("{sum}  {id}  {age}"));
    }
    let (used, most) = (of(firm.guarantee_used.into()), of(firm.guarantee.into()));
    let guarantee = filled(lang, "looks.used_of", &[("used", &used), ("most", &most)]);
    print_row("looks.guarantee", &guarantee);
    if firm.couriers.is_empty() {
        return;
    }
    let mut table = Table::new()
        .text(text(lang, "looks.courier"))
        .number(text(lang, "looks.in_hand"))
        .number(text(lang, "looks.handed_over"))
        .number(text(lang, "looks.shortage"))
        .text(text(lang, "looks.since_title"))
        .extra(text(lang, "looks.cash_limit"));
    for courier in &firm.couriers {
        table.row(courier_row(courier, firm.currency));
    }
    table.print(columns());
}

fn courier_row(courier: &CourierCashReport, currency: &str) -> [String; 6] {
    let sum = |minor: i128| if minor == 0 { String::new() } else { amount(minor, currency) };
    let handed_over = courier.hand_over.as_ref().map(|one| amount(one.expected.into(), currency));
    let (in_hand, short) = (
        (courier.since.as_deref(), courier.age_days),
        (courier.shortage_since.as_deref(), courier.shortage_age_days),
    );
    // The older of both.
    let (date, days) = if short.1 > in_hand.1 { short } else { in_hand };
    [
        courier.courier.clone(),
        sum(courier.in_hand),
        handed_over.unwrap_or_default(),
        sum(courier.shortage),
        since(date, days),
        amount(courier.limit.into(), currency),
    ]
}

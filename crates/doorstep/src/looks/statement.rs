//! `doorstep statement`: a seller's money, as the seller sees it.

use std::path::PathBuf;

use clap::Args;
use reports::{SellerAccountReport, SentPayoutReport, seller_statement};

use super::parcels::print_sums;
use super::table::Table;
use super::{columns, find_seller, money, print_head, print_json, print_row, unsigned, word};
use crate::data_directory::read_at_head;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// Shows a seller's statement: held, payable, in flight, paid, invoices, by currency
///
/// Held money becomes payable on its day. The next payout is what a settlement of the seller's
/// cycle would pay. A payout is listed as paid as long as it can still come back.
#[derive(Args, Debug)]
pub struct StatementArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER")]
    seller: String,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &StatementArgs) -> anyhow::Result<()> {
    let read = read_at_head(&args.data)?;
    let id = find_seller(read.books(), &args.seller)?;
    let report = seller_statement(read.books(), id);
    if args.json {
        return print_json(&read, "statement", &report);
    }
    let lang = Lang::current();
    let Some(report) = report else { return Ok(()) };
    print_head(&filled(lang, "looks.statement", &[("seller", &report.seller)]), &read);
    for account in &report.accounts {
        print_account(account);
    }
    say!("");
    if report.parcels.found() == 0 {
        say!("{}", text(lang, "looks.no_parcels"));
    } else {
        print_sums(&report.parcels);
    }
    Ok(())
}

fn print_account(account: &SellerAccountReport) {
    let lang = Lang::current();
    let currency = account.currency;
    let of = |minor: i128| money(minor, currency);
    let cycle = format!("{:?}", account.cycle);
    say!("");
    let minimum = of(account.minimum.into());
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("currency", &currency), ("cycle", &word("looks.cycle", &cycle)), ("minimum", &minimum)];
    say!("{}", filled(lang, "looks.account", &values));
    print_row("looks.held", &of(account.held));
    for release in &account.releases {
        let sum = of(unsigned(release.amount));
        let values: [(&str, &dyn std::fmt::Display); 2] = [("date", &release.date), ("sum", &sum)];
        print_row("looks.blank", &filled(lang, "looks.release_on", &values));
    }
    let payable = of(account.payable);
    match &account.below_zero_since {
        Some(date) => {
            let values: [(&str, &dyn std::fmt::Display); 2] = [("sum", &payable), ("date", date)];
            print_row("looks.payable", &filled(lang, "looks.below_zero", &values));
        }
        None => print_row("looks.payable", &payable),
    }
    let next = &account.next;
    for (key, sum) in [
        ("looks.gross", next.gross),
        ("looks.fees", next.fees),
        ("looks.refunded", next.refunded),
        ("looks.returned", next.returned),
        ("looks.invoiced", next.invoiced),
        ("looks.compensated", next.compensated),
    ] {
        if sum > 0 {
            print_row(key, &of(unsigned(sum)));
        }
    }
    for planned in &account.planned {
        let state = if planned.approved { "looks.approved" } else { "looks.to_approve" };
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("payout", &planned.payout),
            ("sum", &of(planned.net.into())),
            ("plan", &planned.plan),
            ("state", &text(lang, state)),
        ];
        print_row("looks.planned", &filled(lang, "looks.planned_payout", &values));
    }
    let sent: Vec<&SentPayoutReport> = account.in_flight.iter().chain(&account.paid).collect();
    if !sent.is_empty() {
        say!("");
        let mut table = Table::new()
            .number(text(lang, "looks.payout"))
            .number(text(lang, "looks.sum"))
            .text(text(lang, "looks.state_title"));
        for payout in sent {
            let state = match &payout.confirmed {
                Some(date) => filled(lang, "looks.paid_on", &[("date", date)]),
                None => text(lang, "looks.in_flight").to_owned(),
            };
            let number = grouped(&payout.payout.to_string());
            table.row([number, of(payout.net.into()), state]);
        }
        table.print(columns());
    }
    if !account.invoices.is_empty() {
        say!("");
        let mut table = Table::new()
            .number(text(lang, "looks.invoice"))
            .text(text(lang, "looks.date"))
            .number(text(lang, "looks.sum"))
            .number(text(lang, "looks.paid"));
        for one in &account.invoices {
            table.row([
                one.invoice.to_string(),
                one.invoiced_on.clone(),
                of(one.amount.into()),
                of(one.paid.into()),
            ]);
        }
        table.print(columns());
    }
}

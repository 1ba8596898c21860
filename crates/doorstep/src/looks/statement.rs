//! `doorstep statement`: a seller's or a courier firm's money, as they see it.

use std::path::PathBuf;

use anyhow::ensure;
use books::BusinessDate;
use clap::Args;
use reports::{
    BooksAtHead, FirmStatementReport, SellerAccountReport, SentPayoutReport, firm_statement,
    seller_statement,
};

use super::parcels::print_sums;
use super::table::Table;
use super::{
    LABEL_COLUMNS, columns, find_firm, find_seller, money, print_head, print_json, print_row,
    unsigned, word,
};
use crate::data_directory::{print_notice, read_at_head};
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, left, say, width};

/// Shows a seller's statement, or with --firm a courier firm's commission statement
///
/// A firm's: the opening balance, the commission by method, freight, what the firm bears, the tax
/// withheld, what was paid, and the closing balance. A seller's, by currency: held money becomes
/// payable on its day. The next payout is what a settlement of the seller's cycle would pay; the
/// lines below it add up to it. A payout is listed as paid as long as it can still come back.
/// Offline sales that their networks rejected at the seller's loss are listed apart: they were
/// never payable.
#[derive(Args, Debug)]
pub struct StatementArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER", required_unless_present = "firm", conflicts_with = "firm")]
    seller: Option<String>,
    /// The courier firm: its reference or id
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
    /// The first day [default: the last one]
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<BusinessDate>,
    /// The last day [default: the business date of the books]
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<BusinessDate>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &StatementArgs) -> anyhow::Result<()> {
    ensure!(
        args.firm.is_some() || (args.from.is_none() && args.until.is_none()),
        text(Lang::current(), "looks.days_of_a_firm")
    );
    let read = read_at_head(&args.data)?;
    let Some(seller) = &args.seller else { return of_firm(args, &read) };
    let id = find_seller(read.books(), seller)?;
    let report = seller_statement(read.books(), id, switch::waybill::write);
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

fn of_firm(args: &StatementArgs, read: &BooksAtHead) -> anyhow::Result<()> {
    let firm = find_firm(read.books(), args.firm.as_deref().unwrap_or_default())?;
    let today = read.books().last_date();
    let until = args.until.unwrap_or(today);
    let days = (args.from.unwrap_or(until), until);
    let (lang, last) = (Lang::current(), read.today().max(today));
    ensure!(until <= last, filled(lang, "looks.day_to_come", &[("day", &until), ("today", &last)]));
    ensure!(
        days.0 <= until,
        filled(lang, "looks.days_reversed", &[("from", &days.0), ("until", &until)])
    );
    let report = firm_statement(&args.data, read.books(), firm, days, &print_notice)?;
    if args.json {
        return print_json(read, "statement", &report);
    }
    if let Some(report) = report {
        print_firm(&report, read);
    }
    Ok(())
}

fn print_firm(report: &FirmStatementReport, read: &BooksAtHead) {
    let FirmStatementReport { firm, from, until, earned, .. } = report;
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("firm", firm), ("from", from), ("until", until)];
    print_head(&filled(Lang::current(), "looks.firm_statement", &values), read);
    say!("");
    let row = |key: &str, minor: i128| print_row(key, &money(minor, report.currency));
    row("looks.balance_before", report.opening);
    for (key, minor) in [
        ("looks.commission_card", earned.card),
        ("looks.commission_qr", earned.qr),
        ("looks.commission_cash", earned.cash),
        ("looks.freight", report.freight),
        ("looks.return_fees", -report.return_fees),
        ("looks.offline_losses", -report.offline_losses),
        ("looks.damages", -report.damages),
        ("looks.shortages", -report.shortages),
        ("looks.withheld", -report.withheld),
        ("looks.paid_out", -report.paid),
    ] {
        if minor != 0 {
            row(key, minor);
        }
    }
    row("looks.balance_after", report.closing);
    row("looks.not_arrived", report.closing - report.payable);
    row("looks.payable_now", report.payable);
    row("looks.became_payable", report.became_payable);
}

/// What the payable balance consists of: the lines add up to it, but for parts of the fees.
fn print_parts(account: &SellerAccountReport) {
    let (next, parts) = (&account.next, &account.next.parts);
    let sum = |parts: &mut dyn Iterator<Item = (&'static str, u128)>| -> u128 {
        parts.map(|(_, part)| part).sum()
    };
    let collected = next.gross - sum(&mut parts.of_gross());
    let refunded = next.refunded - sum(&mut parts.of_refunded());
    let given = [("collected", collected)].into_iter().chain(parts.of_gross());
    let own = [
        ("payout_returned", next.returned),
        ("invoiced", next.invoiced),
        ("compensated", next.compensated),
    ];
    let taken = [("refunded", refunded)].into_iter().chain(parts.of_refunded());
    let mut rows: Vec<_> = given.chain(own).map(|(name, sum)| (name, unsigned(sum))).collect();
    rows.push(("fees", -unsigned(next.fees)));
    rows.extend(taken.map(|(name, sum)| (name, -unsigned(sum))));
    rows.retain(|(_, amount)| *amount != 0);
    let label = |name| format!("  {}", word("looks.part", name));
    let labels = rows.iter().map(|(name, _)| width(&label(*name)) + 2);
    let wide = labels.max().unwrap_or(0).max(LABEL_COLUMNS);
    for (name, amount) in rows {
        say!("{}{}", left(&label(name), wide), money(amount, account.currency));
        let of_fees = [("vat", next.vat), ("freight", next.freight)];
        for (name, sum) in of_fees.into_iter().filter(|(_, sum)| name == "fees" && *sum > 0) {
            let sum = money(unsigned(sum), account.currency);
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("part", &word("looks.part", name)), ("sum", &sum)];
            say!("    {}", filled(Lang::current(), "looks.of_which", &values));
        }
    }
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
    print_parts(account);
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
    if !account.offline_losses.is_empty() {
        say!("");
        say!("{}", text(lang, "looks.offline_losses_title"));
        let mut table = Table::new()
            .text(text(lang, "looks.date"))
            .text(text(lang, "looks.payment"))
            .number(text(lang, "looks.sum"))
            .text(text(lang, "looks.reason"));
        for loss in &account.offline_losses {
            table.row([
                loss.rejected.clone(),
                format!("{}/{}", loss.waybill, loss.payment),
                of(loss.amount.into()),
                filled(lang, "looks.rejected_with", &[("code", &loss.code)]),
            ]);
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

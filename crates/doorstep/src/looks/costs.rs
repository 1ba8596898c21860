//! `doorstep costs`: what collections cost by component, what routing saved, what files kept back.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::{BusinessDate, RailId};
use clap::{Args, ValueEnum};
use reports::{
    BooksAtHead, CostBook, CostComponent, CostGroup, CostKey, CostReport, CostSettings, WhatIf,
    WhatIfNetwork, last_collection_day, what_if,
};
use serde::Serialize;
use tariff::CappedRate;

use super::table::Table;
use super::{amount, columns, count, money, print_head, print_json, print_row, word};
use crate::data_directory::{print_notice, read_at_head, read_text};
use crate::tariffs;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// The file of a data directory with what the books do not know of costs.
// Not one literal: a test takes `costs.…` for the key of a text.
const COSTS_FILE: &str = concat!("costs", ".toml");
const COSTS_BYTES_MAX: usize = 1 << 20;
/// Groups and terminals that are printed. JSON has all.
const ROWS_PRINTED_MAX: usize = 50;

/// Shows what collections cost, by component and parcel, and what routing saved
///
/// Booked are the fees of issuer, network, acquirer and wallet, COD fee and commission (of cash:
/// cash handling; of card and QR: at the door), returns, freight and VAT. Estimated, from
/// costs.toml of the data directory, are terminals, counts and deposits. `saved` is against the
/// default network, `regret` against the cheapest that was up, `forgone` against the cheapest that
/// takes the card, all by the networks' settings of the day. Drift is what files kept back beyond
/// the tariff.
#[derive(Args, Debug)]
pub struct CostsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The first day [default: the last day of the report]
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<BusinessDate>,
    /// The last day [default: the last day with collections]
    #[arg(long, value_name = "YYYY-MM-DD", alias = "to")]
    until: Option<BusinessDate>,
    /// By what costs are grouped
    #[arg(long, value_enum, default_value_t = GroupedBy::Seller)]
    by: GroupedBy,
    /// Only this group: the name as it is shown
    #[arg(long, value_name = "GROUP")]
    of: Option<String>,
    /// List the collections behind the figures
    #[arg(long, conflicts_with_all = ["drift", "terminals"])]
    list: bool,
    /// List the lines of files whose fee is not the tariff's
    #[arg(long, conflicts_with = "terminals")]
    drift: bool,
    /// List the terminals, with what they cost and how they were used
    #[arg(long)]
    terminals: bool,
    /// What the books do not know of costs [default: costs.toml in the data directory]
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// Compute the collections again under this tariff: a file, or a built-in tariff
    #[arg(long, value_name = "TARIFF")]
    what_if: Option<PathBuf>,
    /// Compute the routes again with a network more: NAME:DEBIT:CREDIT, as in gamma:0.3%:0.4%
    #[arg(long, value_name = "NETWORK", value_parser = further_network)]
    with_network: Option<WhatIfNetwork>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroupedBy {
    Seller,
    Firm,
    /// Networks and wallets; cash is a group of its own
    Network,
    Terminal,
    /// By costs.toml: the books have no addresses
    City,
    Day,
}

impl GroupedBy {
    fn key(self) -> CostKey {
        match self {
            GroupedBy::Seller => CostKey::Seller,
            GroupedBy::Firm => CostKey::Firm,
            GroupedBy::Network => CostKey::Network,
            GroupedBy::Terminal => CostKey::Terminal,
            GroupedBy::City => CostKey::City,
            GroupedBy::Day => CostKey::Day,
        }
    }
}

/// `gamma:0.3%:0.4%`.
fn further_network(text: &str) -> Result<WhatIfNetwork, String> {
    let lang = Lang::current();
    let mut parts = text.split(':');
    let (Some(name), Some(debit), Some(credit), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(crate::texts::text(lang, "costs.not_a_network").to_owned());
    };
    let rate = |text: &str| {
        let rate =
            text.parse().map_err(|error: money::RateError| crate::chinese::error(&error, lang))?;
        Ok::<_, String>(CappedRate { rate, cap: None })
    };
    Ok(WhatIfNetwork { name: name.to_owned(), debit: rate(debit)?, credit: rate(credit)? })
}

/// The settings of `--costs`, or of the data directory if it has any.
pub fn settings(data: &Path, given: Option<&Path>) -> anyhow::Result<CostSettings> {
    let own = data.join(COSTS_FILE);
    let path = match given {
        Some(path) => path,
        None if own.exists() => &own,
        None => return Ok(CostSettings::default()),
    };
    let named = || path.display().to_string();
    let text = read_text(path, COSTS_BYTES_MAX)?;
    CostSettings::parse(&text).with_context(named)
}

/// What is printed of lines whose fee is not the tariff's.
#[derive(Serialize)]
struct DriftLine {
    network: String,
    file: u32,
    line: u32,
    position: String,
    /// The waybill and the number of the payment.
    waybill: Option<String>,
    payment: Option<u8>,
    currency: &'static str,
    kept: i128,
    expected: i128,
    drift: i128,
}

pub fn run(args: &CostsArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let read = read_at_head(&args.data)?;
    let last = read.books().last_date();
    let until = match (args.until, args.from) {
        (Some(until), _) => until,
        (None, Some(_)) => last,
        (None, None) => last_collection_day(read.books()).unwrap_or(last),
    };
    let from = args.from.unwrap_or(until);
    let today = read.today().max(last);
    ensure!(
        until <= today,
        filled(lang, "looks.day_to_come", &[("day", &until), ("today", &today)])
    );
    ensure!(
        from <= until,
        filled(lang, "looks.days_reversed", &[("from", &from), ("until", &until)])
    );
    let settings = settings(&args.data, args.costs.as_deref())?;
    check_default(&read, &settings)?;
    let own = args.data.join(COSTS_FILE);
    let path = args.costs.as_deref().unwrap_or(&own);
    settings.check(read.books()).with_context(|| path.display().to_string())?;
    check_further(&read, args.with_network.as_ref())?;
    let wanted = settings.default_network.as_deref();
    let book = CostBook::read(&args.data, (from, until), wanted, &print_notice)?;
    let (by, of) = (args.by.key(), args.of.as_deref());
    if args.what_if.is_some() || args.with_network.is_some() {
        let tariff = args.what_if.as_deref().map(tariffs::load).transpose()?;
        let done = what_if(&book, by, &settings, tariff.as_ref(), args.with_network.as_ref())?;
        return print_what_if(args, &read, &done);
    }
    if args.list {
        let rows: Vec<_> = book.list(by, of, &settings, switch::waybill::write).collect();
        return match args.json {
            true => print_json(&read, "collections", &rows),
            false => {
                print_list(&rows);
                Ok(())
            }
        };
    }
    if args.drift {
        let lines = drift_lines(&book);
        return match args.json {
            true => print_json(&read, "drift", &lines),
            false => {
                print_drift(&lines);
                Ok(())
            }
        };
    }
    let report = book.report(by, of, &settings);
    if let (Some(of), true) = (of, report.groups.is_empty()) {
        bail!(filled(lang, "costs.no_group", &[("of", &of)]));
    }
    if args.json {
        return print_json(&read, "costs", &report);
    }
    let values: [(&str, &dyn Display); 2] = [("from", &from), ("until", &until)];
    print_head(&filled(lang, "costs.title", &values), &read);
    if args.terminals {
        print_terminals(&report, usize::MAX);
    } else {
        print(&report, &settings);
    }
    Ok(())
}

/// A default network that the books do not have would compare with nothing.
fn check_default(read: &BooksAtHead, settings: &CostSettings) -> anyhow::Result<()> {
    let Some(wanted) = &settings.default_network else { return Ok(()) };
    let networks = read.books().rail_views().filter(|rail| matches!(rail.id, RailId::Network(_)));
    let names: Vec<&str> = networks.map(|rail| rail.reference).collect();
    if names.contains(&wanted.as_str()) {
        return Ok(());
    }
    let lang = Lang::current();
    let all = names.join(text(lang, "looks.separator"));
    let values: [(&str, &dyn Display); 2] = [("wanted", wanted), ("all", &all)];
    bail!(filled(lang, "costs.no_default", &values))
}

/// The costs of a network that the books have are in the settings and the journal.
fn check_further(read: &BooksAtHead, further: Option<&WhatIfNetwork>) -> anyhow::Result<()> {
    let Some(further) = further else { return Ok(()) };
    let known = read.books().rail_views().any(|rail| rail.reference == further.name);
    ensure!(!known, filled(Lang::current(), "costs.network_known", &[("name", &further.name)]));
    Ok(())
}

fn component(one: CostComponent) -> &'static str {
    word("costs.component", one.name())
}

fn average(minor: Option<i128>, currency: &str) -> String {
    minor.map_or_else(String::new, |minor| amount(minor, currency))
}

/// Of networks, cash is a word and no name.
fn group_name(by: &str, group: &str) -> String {
    match (by, group) {
        (_, "") => text(Lang::current(), "costs.no_key").to_owned(),
        ("network", name) => word("costs.method", name).to_owned(),
        (_, name) => name.to_owned(),
    }
}

fn print(report: &CostReport, settings: &CostSettings) {
    let lang = Lang::current();
    for total in &report.totals {
        print_total(report, total);
    }
    if report.totals.is_empty() {
        say!("{}", text(lang, "costs.nothing"));
    }
    if settings.currency.is_none() {
        say!("{}", text(lang, "costs.no_settings"));
    }
    let mut table = Table::new()
        .text(word("costs.by", report.by))
        .number(text(lang, "costs.parcels"))
        .number(text(lang, "costs.collections"))
        .number(text(lang, "costs.collected"))
        .number(text(lang, "costs.total"))
        .number(text(lang, "costs.per_parcel"))
        .column(text(lang, "costs.saved"), true, true)
        .text("");
    for group in report.groups.iter().take(ROWS_PRINTED_MAX) {
        let CostGroup { key, currency, sums } = group;
        table.row([
            group_name(report.by, key),
            count(sums.parcels),
            grouped(&sums.collections.to_string()),
            amount(sums.collected, currency),
            amount(sums.total, currency),
            average(sums.per_parcel, currency),
            amount(sums.routing.saved, currency),
            (*currency).to_owned(),
        ]);
    }
    if !report.groups.is_empty() {
        say!("");
        table.print(columns());
    }
    print_more(report.groups.len());
    print_kept(report);
    if !report.terminals.is_empty() {
        let idle = report.terminals.iter().filter(|one| one.idle).count();
        let values: [(&str, &dyn Display); 2] =
            [("count", &report.terminals.len()), ("idle", &idle)];
        say!("\n{}", filled(lang, "costs.terminals_sum", &values));
    }
}

fn print_more(rows: usize) {
    if rows > ROWS_PRINTED_MAX {
        let more = rows - ROWS_PRINTED_MAX;
        say!("{}", filled(Lang::current(), "costs.more", &[("count", &more)]));
    }
}

/// The sums of a currency by component, and what routing saved.
fn print_total(report: &CostReport, total: &CostGroup) {
    let lang = Lang::current();
    let CostGroup { currency, sums, .. } = total;
    let mut table = Table::new()
        .text(text(lang, "costs.component_title"))
        .number(text(lang, "costs.sum"))
        .number(text(lang, "costs.per_parcel"))
        .text("");
    let parcels = i128::try_from(sums.parcels).unwrap_or(i128::MAX);
    let each = |sum: i128| match parcels {
        0 => String::new(),
        // Rounded half away from zero.
        parcels => amount((2 * sum + parcels * sum.signum()) / (2 * parcels), currency),
    };
    for one in CostComponent::ALL {
        let sum = sums.costs.of(one);
        let note = if one.is_estimated() { text(lang, "costs.estimated") } else { "" };
        if sum != 0 {
            table.row([component(one).to_owned(), amount(sum, currency), each(sum), note.into()]);
        }
    }
    let whole = text(lang, "costs.total").to_owned();
    table.row([whole, amount(sums.total, currency), each(sums.total), (*currency).to_owned()]);
    say!("");
    table.print(columns());
    let routing = &sums.routing;
    if routing.routed == 0 {
        return;
    }
    say!("");
    if let Some(default) = &report.default_network {
        let values: [(&str, &dyn Display); 4] = [
            ("saved", &money(routing.saved, currency)),
            ("default", default),
            ("compared", &grouped(&routing.compared.to_string())),
            ("routed", &grouped(&routing.routed.to_string())),
        ];
        say!("{}", filled(lang, "costs.saved_row", &values));
    }
    print_row("costs.regret_row", &money(routing.regret, currency));
    print_row("costs.forgone_row", &money(routing.forgone, currency));
}

/// What files kept back.
fn print_kept(report: &CostReport) {
    if report.drift.is_empty() {
        return;
    }
    let lang = Lang::current();
    say!("\n{}", text(lang, "costs.kept_title"));
    let mut table = Table::new()
        .text(text(lang, "costs.sender"))
        .number(text(lang, "costs.lines"))
        .number(text(lang, "costs.kept"))
        .number(text(lang, "costs.expected"))
        .number(text(lang, "costs.too_much"))
        .number(text(lang, "costs.too_little"))
        .number(text(lang, "costs.drifted"))
        .text("");
    for one in &report.drift {
        table.row([
            one.name.clone(),
            grouped(&one.lines.to_string()),
            amount(one.kept, one.currency),
            amount(one.expected, one.currency),
            amount(one.too_much, one.currency),
            amount(one.too_little, one.currency),
            grouped(&one.drifted.to_string()),
            one.currency.to_owned(),
        ]);
    }
    table.print(columns());
}

fn print_terminals(report: &CostReport, most: usize) {
    let lang = Lang::current();
    let mut table = Table::new()
        .number(text(lang, "costs.terminal"))
        .text(text(lang, "costs.courier"))
        .number(text(lang, "costs.active_days"))
        .number(text(lang, "costs.collections"))
        .number(text(lang, "costs.unknowns"))
        .number(text(lang, "costs.total"))
        .number(text(lang, "costs.per_collection"))
        .column(text(lang, "costs.depreciation"), true, true)
        .column(text(lang, "costs.communications"), true, true)
        .column(text(lang, "costs.repairs"), true, true)
        .text("");
    for one in report.terminals.iter().take(most) {
        let idle = if one.idle { text(lang, "costs.idle") } else { "" };
        table.row([
            one.terminal.to_string(),
            one.courier.clone(),
            count(one.active_days),
            grouped(&one.collections.to_string()),
            grouped(&one.unknowns.to_string()),
            amount(one.total, one.currency),
            average(one.per_collection, one.currency),
            amount(one.depreciation, one.currency),
            amount(one.communications, one.currency),
            amount(one.repairs, one.currency),
            idle.to_owned(),
        ]);
    }
    table.print(columns());
}

fn print_list(rows: &[reports::CostListRow]) {
    let lang = Lang::current();
    let mut table = Table::new()
        .text(text(lang, "costs.waybill"))
        .text(text(lang, "costs.day"))
        .text(text(lang, "costs.paid_by"))
        .number(text(lang, "costs.collected"))
        .number(text(lang, "costs.total"))
        .column(text(lang, "costs.saved"), true, true)
        .extra(text(lang, "costs.sender"))
        .extra(text(lang, "costs.position"))
        .extra(text(lang, "costs.seller"))
        .text("");
    for row in rows {
        let method = row.method.map_or_else(
            || text(lang, "costs.parcel_itself").to_owned(),
            |method| word("costs.method", method).to_owned(),
        );
        table.row([
            format!("{}/{}", row.waybill, row.payment),
            row.day.to_string(),
            method,
            amount(row.amount.into(), row.currency),
            amount(row.total, row.currency),
            average(row.saved.map(i128::from), row.currency),
            group_name("network", &row.network),
            row.position.clone(),
            row.seller.clone(),
            row.currency.to_owned(),
        ]);
    }
    table.print(columns());
}

fn drift_lines(book: &CostBook) -> Vec<DriftLine> {
    let lines = book.drifts.iter().map(|one| DriftLine {
        network: book.rail_name(one.rail),
        file: one.file,
        line: one.line,
        position: one.position.to_string(),
        waybill: one.payment.map(|payment| switch::waybill::write(payment.parcel)),
        payment: one.payment.map(|payment| payment.number),
        currency: book.books().rail_currency(one.rail).map_or("", money::Currency::code),
        kept: one.kept,
        expected: one.expected,
        drift: one.kept - one.expected,
    });
    lines.collect()
}

fn print_drift(lines: &[DriftLine]) {
    let lang = Lang::current();
    let mut table = Table::new()
        .text(text(lang, "costs.sender"))
        .text(text(lang, "costs.line"))
        .number(text(lang, "costs.kept"))
        .number(text(lang, "costs.expected"))
        .number(text(lang, "costs.drift"))
        .text("")
        .extra(text(lang, "costs.waybill"));
    for one in lines {
        let payment = one.payment.map(|payment| format!("/{payment}"));
        table.row([
            one.network.clone(),
            format!("{}/{}", one.file, one.line),
            amount(one.kept, one.currency),
            amount(one.expected, one.currency),
            amount(one.drift, one.currency),
            one.currency.to_owned(),
            format!(
                "{}{}",
                one.waybill.as_deref().unwrap_or_default(),
                payment.unwrap_or_default()
            ),
        ]);
    }
    table.print(columns());
}

/// How many a second, from a count and how long it took.
pub fn a_second(count: u64, took: std::time::Duration) -> u64 {
    let micros = took.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

fn print_what_if(args: &CostsArgs, read: &BooksAtHead, done: &WhatIf) -> anyhow::Result<()> {
    if args.json {
        return print_json(read, "what_if", done);
    }
    let lang = Lang::current();
    let key = args.by.key().name();
    let by = word("costs.by", key);
    print_head(text(lang, "costs.what_if"), read);
    let mut table = Table::new()
        .text(by)
        .number(text(lang, "costs.collections"))
        .number(text(lang, "costs.booked"))
        .number(text(lang, "costs.otherwise"))
        .number(text(lang, "costs.difference"))
        .number(text(lang, "costs.moved"))
        .number(text(lang, "costs.saved"))
        .text("");
    let all = text(lang, "costs.all").to_owned();
    let totals = done.totals.iter().map(|one| (all.clone(), one));
    let groups = done.groups.iter().take(ROWS_PRINTED_MAX);
    let groups = groups.map(|one| (group_name(key, &one.key), one));
    for (name, one) in groups.chain(totals) {
        table.row([
            name,
            grouped(&one.collections.to_string()),
            amount(one.booked, one.currency),
            amount(one.fees, one.currency),
            amount(one.difference, one.currency),
            grouped(&one.moved.to_string()),
            amount(one.saved, one.currency),
            one.currency.to_owned(),
        ]);
    }
    table.print(columns());
    print_more(done.groups.len());
    let values: [(&str, &dyn Display); 3] = [
        ("count", &grouped(&done.collections.to_string())),
        ("left_out", &grouped(&done.left_out.to_string())),
        ("rate", &grouped(&a_second(done.collections, done.took).to_string())),
    ];
    say!("{}", filled(lang, "costs.computed", &values));
    Ok(())
}

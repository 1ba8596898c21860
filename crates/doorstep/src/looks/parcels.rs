//! `doorstep parcels`: which parcels there are, who has them, and what is due.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use books::view::ParcelState;
use books::{Books, BusinessDate, ParcelId, SHIPMENTS_PER_ORDER_MAX, SellerId};
use clap::{Args, ValueEnum};
use reports::{ParcelFilter, ParcelListReport, ParcelSums, list_parcels};

use super::table::Table;
use super::{
    amount, columns, count, find_courier, find_firm, find_seller, money, print_head, print_json,
    unsigned, word,
};
use crate::data_directory::read_at_head;
use crate::help::wrapped;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

const ROWS: usize = 20;

/// Lists parcels: their state, who has them, what is due and what is left to collect
///
/// Several conditions together must all be met. The sums are of all parcels that are found, also of
/// those beyond --limit. A parcel that is closed is listed until it is forgotten.
#[derive(Args, Debug)]
pub struct ParcelsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only parcels in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only parcels of this seller: its reference or id
    #[arg(long, value_name = "SELLER")]
    seller: Option<String>,
    /// Only parcels that this firm has or had last: its reference or id
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
    /// Only parcels that this courier has, or took the last payment for: the reference or id
    #[arg(long, value_name = "COURIER")]
    courier: Option<String>,
    /// Only this parcel: its waybill or id
    #[arg(long, value_name = "WAYBILL")]
    waybill: Option<String>,
    /// Only the parcels of this order
    #[arg(long, value_name = "ORDER", conflicts_with = "waybill")]
    order: Option<String>,
    /// Only parcels delivered, returned, lost or cancelled on this day, or with their last payment
    /// on it
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<BusinessDate>,
    /// Show at most this many parcels [default: 20; with --json all]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// Not with a firm yet
    Announced,
    /// With a firm
    Assigned,
    /// With a courier
    Out,
    /// On its way back to the seller
    Refused,
    /// Paid and handed over
    Delivered,
    /// Back at the seller
    Returned,
    /// Neither delivered nor returned
    Lost,
    /// Withdrawn by the seller before it was dispatched
    Cancelled,
}

impl State {
    fn state(self) -> ParcelState {
        match self {
            State::Announced => ParcelState::Announced,
            State::Assigned => ParcelState::Assigned,
            State::Out => ParcelState::Out,
            State::Refused => ParcelState::Refused,
            State::Delivered => ParcelState::Delivered,
            State::Returned => ParcelState::Returned,
            State::Lost => ParcelState::Lost,
            State::Cancelled => ParcelState::Cancelled,
        }
    }
}

pub fn run(args: &ParcelsArgs) -> anyhow::Result<()> {
    let mut read = read_at_head(&args.data)?;
    let books = read.books();
    let seller = args.seller.as_deref().map(|wanted| find_seller(books, wanted)).transpose()?;
    let waybill = args.waybill.as_deref().map(parcel_id).transpose()?.map(|id| vec![id]);
    let order = args.order.as_deref().map(|order| {
        let sellers = seller.map_or_else(|| every_seller(books), |seller| BTreeSet::from([seller]));
        let first = sellers.into_iter().map(|seller| ParcelId::derived(seller, order));
        let shipments = first.flat_map(|first| {
            (1..=SHIPMENTS_PER_ORDER_MAX).map(move |number| first.shipment(number))
        });
        shipments.collect()
    });
    let shown = if args.json { None } else { Some(ROWS) };
    let filter = ParcelFilter {
        state: args.state.map(State::state),
        seller,
        firm: args.firm.as_deref().map(|wanted| find_firm(books, wanted)).transpose()?,
        courier: args.courier.as_deref().map(|wanted| find_courier(books, wanted)).transpose()?,
        parcels: waybill.or(order),
        date: args.date,
        limit: args.limit.or(shown),
    };
    let mut report = list_parcels(books, &filter, switch::waybill::write);
    report.add_orders(&mut read)?;
    if args.json {
        return print_json(&read, "parcels", &report);
    }
    print_head(text(Lang::current(), "looks.parcels"), &read);
    print(&report);
    Ok(())
}

fn every_seller(books: &Books) -> BTreeSet<SellerId> {
    books.seller_accounts().map(|(seller, _)| seller).collect()
}

/// A parcel's id from its waybill, or from its text.
fn parcel_id(wanted: &str) -> anyhow::Result<ParcelId> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    switch::waybill::read(wanted.as_bytes()).with_context(|| format!("--waybill {wanted}"))
}

fn print(report: &ParcelListReport) {
    let lang = Lang::current();
    if report.found() == 0 {
        say!("{}", text(lang, "looks.no_parcels"));
        return;
    }
    let mut table = Table::new()
        .text(text(lang, "looks.waybill"))
        .text(text(lang, "looks.state_title"))
        .text(text(lang, "looks.date"))
        .number(text(lang, "looks.due"))
        .number(text(lang, "looks.left_title"))
        .extra(text(lang, "looks.order"))
        .extra(text(lang, "looks.seller"))
        .extra(text(lang, "looks.courier"));
    for parcel in &report.parcels {
        table.row([
            parcel.waybill.clone(),
            word("looks.state", parcel.state).to_owned(),
            parcel.date.clone().unwrap_or_default(),
            money(parcel.due.into(), parcel.currency),
            amount(parcel.left.into(), parcel.currency),
            parcel.order.clone().unwrap_or_default(),
            parcel.seller.clone(),
            parcel.courier.clone().or_else(|| parcel.firm.clone()).unwrap_or_default(),
        ]);
    }
    if !report.parcels.is_empty() {
        table.print(columns());
    }
    if report.parcels.iter().any(|parcel| parcel.order.is_none()) {
        say!("{}", wrapped(text(lang, "looks.no_order"), columns()));
    }
    let left_out = report.found() - report.parcels.len();
    if left_out > 0 {
        say!("{}", filled(lang, "looks.more", &[("count", &count(left_out))]));
    }
    say!("");
    print_sums(report);
}

/// The number of parcels in each state, and the sums by currency.
pub fn print_sums(report: &ParcelListReport) {
    let lang = Lang::current();
    let states = report
        .states
        .iter()
        .map(|(state, number)| format!("{} {}", word("looks.state", state), count(*number)));
    let states: Vec<_> = states.collect();
    super::print_row("looks.parcels", &states.join(text(lang, "looks.separator")));
    let all = |of: &dyn Fn(&ParcelSums) -> u128| {
        let sums = report.sums.iter().map(|sums| money(unsigned(of(sums)), sums.currency));
        sums.collect::<Vec<_>>().join(text(lang, "looks.separator"))
    };
    super::print_row("looks.due", &all(&|sums| sums.due));
    super::print_row("looks.collected", &all(&|sums| sums.collected));
    super::print_row("looks.left", &all(&|sums| sums.left));
}

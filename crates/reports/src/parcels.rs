use std::collections::BTreeMap;

use books::parcel_list::ListedParcel;
use books::view::ParcelState;
use books::{Books, BusinessDate, CourierId, FirmId, ParcelId, SellerId};
use serde::Serialize;

use crate::{BooksAtHead, ReportError};

/// Which parcels are wanted. A parcel must meet every condition that is set.
#[derive(Clone, Debug, Default)]
pub struct ParcelFilter {
    pub state: Option<ParcelState>,
    pub seller: Option<SellerId>,
    pub firm: Option<FirmId>,
    pub courier: Option<CourierId>,
    /// Only these parcels. They are looked up; without them all parcels are read.
    pub parcels: Option<Vec<ParcelId>>,
    /// The day on which it was delivered, returned or lost, or else of its last payment.
    pub date: Option<BusinessDate>,
    /// At most this many rows. The sums are of all that meet the conditions.
    pub limit: Option<usize>,
}

/// The parcels that meet a filter.
#[derive(Debug, Serialize)]
pub struct ParcelListReport {
    /// The number of parcels that were found, by state.
    pub states: BTreeMap<&'static str, usize>,
    /// The sums of what was found.
    pub sums: Vec<ParcelSums>,
    pub parcels: Vec<ParcelRow>,
}

/// In minor units.
#[derive(Debug, Serialize)]
pub struct ParcelSums {
    pub currency: &'static str,
    pub due: u128,
    pub collected: u128,
    pub left: u128,
}

/// A parcel. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct ParcelRow {
    #[serde(skip)]
    pub id: ParcelId,
    pub parcel: String,
    pub waybill: String,
    /// The order's reference. Only the journal has it: see [`ParcelListReport::add_orders`]. `None`
    /// if the announcement is too far back.
    pub order: Option<String>,
    pub state: &'static str,
    /// The seller's reference.
    pub seller: String,
    /// The reference of the firm that has it or had it last.
    pub firm: Option<String>,
    /// The reference of the courier who has it or took its last payment.
    pub courier: Option<String>,
    /// The day on which it was delivered, returned or lost, or else of its last payment.
    pub date: Option<String>,
    pub currency: &'static str,
    pub due: u64,
    pub collected: u64,
    /// What a courier may still ask for.
    pub left: u64,
    /// Delivery attempts that failed.
    pub attempts: u8,
    pub payments: u8,
}

/// The word for a state in JSON.
#[must_use]
pub fn parcel_state_name(state: ParcelState) -> &'static str {
    match state {
        ParcelState::Announced => "announced",
        ParcelState::Assigned => "assigned",
        ParcelState::Out => "out",
        ParcelState::Refused => "refused",
        ParcelState::Delivered => "delivered",
        ParcelState::Returned => "returned",
        ParcelState::Lost => "lost",
        ParcelState::Cancelled => "cancelled",
    }
}

/// The parcels that meet a filter, open ones first. `waybill` writes a parcel's waybill.
pub fn list_parcels(
    books: &Books,
    filter: &ParcelFilter,
    waybill: impl Fn(ParcelId) -> String,
) -> ParcelListReport {
    let mut report =
        ParcelListReport { states: BTreeMap::new(), sums: Vec::new(), parcels: Vec::new() };
    let limit = filter.limit.unwrap_or(usize::MAX);
    let mut add = |parcel: ListedParcel| {
        if !filter.wants(&parcel) {
            return;
        }
        *report.states.entry(parcel_state_name(parcel.view.state)).or_default() += 1;
        report.add_sums(&parcel);
        if report.parcels.len() < limit {
            report.parcels.push(row(books, &parcel, waybill(parcel.id)));
        }
    };
    match &filter.parcels {
        Some(wanted) => wanted.iter().filter_map(|id| books.listed_parcel(*id)).for_each(&mut add),
        None => books.parcels().for_each(&mut add),
    }
    report
}

impl ParcelFilter {
    fn wants(&self, parcel: &ListedParcel) -> bool {
        self.state.is_none_or(|state| state == parcel.view.state)
            && self.seller.is_none_or(|seller| seller == parcel.view.seller)
            && self.firm.is_none_or(|firm| Some(firm) == parcel.firm)
            && self.courier.is_none_or(|courier| Some(courier) == parcel.courier)
            && self.date.is_none_or(|date| Some(date) == parcel.date)
    }
}

impl ParcelListReport {
    /// The number of parcels that were found.
    #[must_use]
    pub fn found(&self) -> usize {
        self.states.values().sum()
    }

    /// Adds the orders of the rows, as far back in the journal as the number of rows allows.
    pub fn add_orders(&mut self, read: &mut BooksAtHead) -> Result<(), ReportError> {
        let orders = read.orders(self.parcels.iter().map(|row| row.id).collect())?;
        for row in &mut self.parcels {
            row.order = orders.get(&row.id).cloned();
        }
        Ok(())
    }

    fn add_sums(&mut self, parcel: &ListedParcel) {
        let currency = parcel.view.currency.code();
        let place = self.sums.iter().position(|sums| sums.currency == currency);
        let place = place.unwrap_or_else(|| {
            self.sums.push(ParcelSums { currency, due: 0, collected: 0, left: 0 });
            self.sums.len() - 1
        });
        let sums = &mut self.sums[place];
        sums.due += u128::from(parcel.view.due.minor());
        sums.collected += u128::from(parcel.view.collected.minor());
        sums.left += u128::from(parcel.left.minor());
    }
}

fn row(books: &Books, parcel: &ListedParcel, waybill: String) -> ParcelRow {
    let ListedParcel { id, view, left, firm, courier, date } = *parcel;
    ParcelRow {
        id,
        order: None,
        parcel: id.to_string(),
        waybill,
        state: parcel_state_name(view.state),
        seller: books.seller_reference(view.seller).unwrap_or_default().to_owned(),
        firm: firm.and_then(|id| books.firm_reference(id)).map(str::to_owned),
        courier: courier.and_then(|id| books.courier_reference(id)).map(str::to_owned),
        date: date.map(|date| date.to_string()),
        currency: view.currency.code(),
        due: view.due.minor(),
        collected: view.collected.minor(),
        left: left.minor(),
        attempts: view.attempts,
        payments: view.payment_count,
    }
}

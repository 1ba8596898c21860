//! The lines of a courier firm's sheet beside the cash that the firm's couriers took.
//!
//! A line names a parcel by its waybill or order. It is matched if it states what was taken in cash
//! for it (`exact-key`, and `keyed-sum` of several payments); it is awaited if the parcel is with
//! the firm and nothing was taken yet; anything else is a break. So is a parcel of another
//! firm: its reference is unknown here.

use std::collections::BTreeSet;

use books::sheet_view::CashPlace;
use books::view::{ParcelState, PaymentState};
use books::{
    BankMovement, Books, BusinessDate, EntryFinding, EntryPart, FirmId, ParcelId, PaymentId,
    ReconBreakKind, SellerId,
};
use money::SignedAmount;
use tariff::PaymentMethod;

use crate::statement::AWAITED_DAYS;

/// A line of a sheet, without what names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetLine {
    pub booked: BusinessDate,
    pub amount: SignedAmount,
    pub waybill: Option<String>,
    pub order: Option<String>,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetPlan {
    pub parts: Vec<EntryPart>,
    pub expected_until: Option<BusinessDate>,
    pub found: EntryFinding,
    /// Where the cash is, if the bank has not credited it.
    pub place: Option<CashPlace>,
}

/// What finds the lines of a firm's sheets.
pub struct SheetMatcher<'b> {
    books: &'b Books,
    firm: FirmId,
    today: BusinessDate,
    sellers: BTreeSet<SellerId>,
    custody: Vec<(PaymentId, CashPlace)>,
    /// Payments of earlier lines.
    taken: BTreeSet<PaymentId>,
}

impl<'b> SheetMatcher<'b> {
    #[must_use]
    pub fn new(books: &'b Books, firm: FirmId, today: BusinessDate) -> SheetMatcher<'b> {
        let custody = books.cash_payments_of(firm).map(|one| (one.payment, one.place));
        let mut custody: Vec<_> = custody.collect();
        custody.sort_by_key(|(payment, _)| *payment);
        let sellers = books.seller_accounts().map(|(seller, _)| seller).collect();
        SheetMatcher { books, firm, today, sellers, custody, taken: BTreeSet::new() }
    }

    /// The parcels that a line can mean.
    fn parcels(&self, line: &SheetLine) -> BTreeSet<ParcelId> {
        let mut found = BTreeSet::new();
        for text in [&line.waybill, &line.order].into_iter().flatten() {
            let text = text.trim();
            found.extend(switch::waybill::read(text.as_bytes()));
            found.extend(text.parse::<ParcelId>());
            let (seller, order) = text.split_once('/').unwrap_or(("", text));
            let of = self.sellers.iter().filter(|id| {
                seller.is_empty() || self.books.seller_reference(**id) == Some(seller)
            });
            found.extend(of.map(|id| ParcelId::derived(*id, order)));
        }
        found.retain(|parcel| self.books.parcel_view(*parcel).is_some());
        found
    }

    /// The firm that has the parcel of a line, or had it last. `None` if no one parcel is meant.
    #[must_use]
    pub fn firm_of(&self, line: &SheetLine) -> Option<FirmId> {
        let parcels = self.parcels(line);
        let parcel = parcels.first().filter(|_| parcels.len() == 1)?;
        self.books.listed_parcel(*parcel)?.firm
    }

    /// What a line is, after the lines before it.
    #[must_use]
    pub fn plan(&mut self, line: &SheetLine) -> SheetPlan {
        let broken = |kind| SheetPlan {
            parts: Vec::new(),
            expected_until: None,
            found: EntryFinding::Broken(kind),
            place: None,
        };
        if line.waybill.is_none() && line.order.is_none() {
            return broken(ReconBreakKind::NoReference);
        }
        let parcels = self.parcels(line);
        let Some(parcel) = parcels.first().copied() else {
            return broken(ReconBreakKind::UnknownReference);
        };
        if parcels.len() > 1 {
            return broken(ReconBreakKind::Ambiguous);
        }
        // The parcel of another firm is not for this one to state.
        let firm = self.books.listed_parcel(parcel).and_then(|one| one.firm);
        if firm.is_some_and(|firm| firm != self.firm) {
            return broken(ReconBreakKind::UnknownReference);
        }
        let cash = self.books.payments(parcel).into_iter().filter(|one| {
            let stands = matches!(
                one.state,
                PaymentState::Approved | PaymentState::Held | PaymentState::Released
            );
            stands && one.method == PaymentMethod::Cash
        });
        let cash: Vec<_> = cash.collect();
        let is_open = |id: PaymentId| {
            let own = self.books.firm_with_cash(id) == Some(self.firm);
            own && !self.books.is_on_sheet(id) && !self.taken.contains(&id)
        };
        let open: Vec<_> = cash.iter().filter(|one| is_open(one.id)).collect();
        let sum: i128 = open.iter().map(|one| i128::from(one.amount.minor())).sum();
        if open.is_empty() {
            if !cash.is_empty() {
                return broken(ReconBreakKind::Duplicate);
            }
            let state = self.books.parcel_view(parcel).map(|one| one.state);
            let until = line.booked.plus_days(AWAITED_DAYS);
            let can_come = matches!(state, Some(ParcelState::Assigned | ParcelState::Out));
            if can_come && self.today <= until {
                let expected_until = Some(until);
                let found = EntryFinding::Awaited;
                return SheetPlan { parts: Vec::new(), expected_until, found, place: None };
            }
            return broken(ReconBreakKind::Unannounced);
        }
        if sum != i128::from(line.amount.minor()) {
            return broken(ReconBreakKind::AmountDiffers);
        }
        let place = |id| {
            let found = self.custody.binary_search_by_key(&id, |(payment, _)| *payment).ok()?;
            Some(self.custody[found].1)
        };
        let place = open.iter().find_map(|one| place(one.id));
        let mut parts: Vec<EntryPart> = open
            .iter()
            .map(|one| EntryPart {
                movement: BankMovement::Collection(one.id),
                amount: SignedAmount::from(one.amount),
            })
            .collect();
        parts.sort_by_key(|part| part.movement);
        let found = match parts.len() {
            1 => EntryFinding::ExactKey,
            _ => EntryFinding::KeyedSum,
        };
        let ids: Vec<PaymentId> = open.iter().map(|one| one.id).collect();
        self.taken.extend(ids);
        SheetPlan { parts, expected_until: None, found, place }
    }
}

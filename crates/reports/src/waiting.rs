//! The list of what waits: for a network, a bank, a buyer, a seller, or a decision.

use std::collections::BTreeMap;

use books::waiting::RefundWay;
use books::{
    BankId, BankMovement, Books, BreakSide, BreakSubject, BusinessDate, ParcelId, PaymentId, RailId,
};
use serde::Serialize;

use crate::OpenItemReport;
use crate::cash::age_days;

/// What kind of thing waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitingKind {
    /// A settlement plan that a second person must approve, or that is approved and not executed.
    Plan,
    /// A difference that two people must close.
    Break,
    /// A terminal's batch that differs from the books.
    Batch,
    /// A payment whose outcome is unknown.
    Unknown,
    /// A card or QR payment that no file has settled.
    Uncleared,
    /// A chargeback that is neither won nor lost.
    Chargeback,
    /// Owed to a buyer.
    Refund,
    /// Announced, and not on a bank statement.
    Deposit,
    /// Cash that a courier owes.
    Shortage,
    /// Sent to a seller, and not confirmed by the bank.
    Payout,
    /// An invoice that is not paid in full.
    Invoice,
    /// A seller whose payable balance is below zero.
    BelowZero,
    /// Moved a bank account in the books, and is on no statement.
    Movement,
    /// An entry of a bank statement whose cause is not in the books yet.
    Entry,
}

impl WaitingKind {
    pub const ALL: [WaitingKind; 14] = [
        WaitingKind::Plan,
        WaitingKind::Break,
        WaitingKind::Batch,
        WaitingKind::Unknown,
        WaitingKind::Uncleared,
        WaitingKind::Chargeback,
        WaitingKind::Refund,
        WaitingKind::Deposit,
        WaitingKind::Shortage,
        WaitingKind::Payout,
        WaitingKind::Invoice,
        WaitingKind::BelowZero,
        WaitingKind::Movement,
        WaitingKind::Entry,
    ];
}

/// Something that waits.
#[derive(Debug, Serialize)]
pub struct WaitingItem {
    pub kind: WaitingKind,
    /// The day. Empty for a plan: the books do not keep it.
    pub since: String,
    pub age_days: u16,
    /// The kind of the other party: `network`, `wallet`, `seller`, `firm`, `courier`, `bank`,
    /// `terminal`, `person` or `calendar`.
    pub party_kind: &'static str,
    /// Its reference, or its id if it has none.
    pub party: String,
    /// What commands call it: the payment as `WAYBILL/1`, or the number.
    pub name: String,
    /// In minor units. Below zero: a network or wallet will take it; less found than in the books.
    pub amount: i128,
    /// Of a seller below zero: collected for the seller, and not payable yet.
    pub to_come: Option<i128>,
    pub currency: &'static str,
    /// A refund: `by_bank`, `by_rail` or `after_answer`. An uncleared payment: `late`, if its rail
    /// has paid a later day. A chargeback: `contested` or `not_contested`. A plan: `approved` or
    /// `not_approved`. A break: `proposed`, if its resolution waits for a second person.
    pub state: Option<&'static str>,
    /// The bank account of a deposit or payout; the number of a chargeback or confirmation; the
    /// person who owns a break or batch.
    pub detail: Option<String>,
    /// The day by which a network or wallet must answer a contest.
    pub due: Option<String>,
    /// Whether that day is past.
    pub overdue: bool,
}

/// How much waits of a kind in a currency.
#[derive(Debug, Serialize)]
pub struct WaitingTotal {
    pub kind: WaitingKind,
    pub currency: &'static str,
    pub count: usize,
    /// In minor units.
    pub amount: i128,
    pub oldest_days: u16,
}

/// What waits, by kind, oldest first.
#[derive(Debug, Serialize)]
pub struct WaitingList {
    pub items: Vec<WaitingItem>,
    pub totals: Vec<WaitingTotal>,
}

/// Which items are wanted: those that meet every condition that is set.
#[derive(Clone, Debug, Default)]
pub struct WaitingFilter {
    pub kind: Option<WaitingKind>,
    /// The item must be older than these days.
    pub older_than: Option<u16>,
    /// The reference of the other party.
    pub party: Option<String>,
}

impl WaitingFilter {
    fn wants(&self, item: &WaitingItem) -> bool {
        self.kind.is_none_or(|kind| kind == item.kind)
            && self.older_than.is_none_or(|days| item.age_days > days)
            && self.party.as_ref().is_none_or(|party| *party == item.party)
    }
}

/// What waits in books on a day. `waybill` writes a parcel's waybill.
pub fn waiting_list(
    books: &Books,
    today: BusinessDate,
    filter: &WaitingFilter,
    waybill: impl Fn(ParcelId) -> String,
) -> WaitingList {
    let reader = WaitingReader { books, today, waybill: &waybill };
    let wanted = |kind: &WaitingKind| filter.kind.is_none_or(|one| one == *kind);
    let mut items: Vec<WaitingItem> = Vec::new();
    for kind in WaitingKind::ALL.into_iter().filter(wanted) {
        let mut of_kind = reader.items(kind);
        of_kind.retain(|item| filter.wants(item));
        of_kind.sort_by(|one, other| (&one.since, &one.name).cmp(&(&other.since, &other.name)));
        items.extend(of_kind);
    }
    let mut totals: BTreeMap<(WaitingKind, &'static str), WaitingTotal> = BTreeMap::new();
    for item in &items {
        let WaitingItem { kind, currency, amount, age_days, .. } = *item;
        let new = WaitingTotal { kind, currency, count: 0, amount: 0, oldest_days: 0 };
        let total = totals.entry((kind, currency)).or_insert(new);
        total.count += 1;
        total.amount += amount;
        total.oldest_days = total.oldest_days.max(age_days);
    }
    WaitingList { items, totals: totals.into_values().collect() }
}

struct WaitingReader<'b> {
    books: &'b Books,
    today: BusinessDate,
    waybill: &'b dyn Fn(ParcelId) -> String,
}

/// An item without what few kinds have.
struct Basics {
    kind: WaitingKind,
    since: BusinessDate,
    party: (&'static str, String),
    name: String,
    amount: i128,
    currency: money::Currency,
}

impl WaitingReader<'_> {
    fn item(&self, basics: Basics) -> WaitingItem {
        let Basics { kind, since, party: (party_kind, party), name, amount, currency } = basics;
        WaitingItem {
            kind,
            since: since.to_string(),
            age_days: age_days(since, self.today),
            party_kind,
            party,
            name,
            amount,
            to_come: None,
            currency: currency.code(),
            state: None,
            detail: None,
            due: None,
            overdue: false,
        }
    }

    fn items(&self, kind: WaitingKind) -> Vec<WaitingItem> {
        match kind {
            WaitingKind::Plan => self.plans(),
            WaitingKind::Break => self.breaks(),
            WaitingKind::Batch => self.batches(),
            WaitingKind::Unknown => self.unknown(),
            WaitingKind::Uncleared => self.uncleared(),
            WaitingKind::Chargeback => self.chargebacks(),
            WaitingKind::Refund => self.refunds(),
            WaitingKind::Movement => self.movements(),
            WaitingKind::Entry => self.entries(),
            WaitingKind::Deposit | WaitingKind::Shortage => self.cash(kind),
            WaitingKind::Payout => self.payouts(),
            WaitingKind::Invoice => self.invoices(),
            WaitingKind::BelowZero => self.below_zero(),
        }
    }

    fn payment(&self, id: PaymentId) -> String {
        format!("{}/{}", (self.waybill)(id.parcel), id.number)
    }

    fn rail(&self, id: RailId) -> (&'static str, String) {
        let kind = match id {
            RailId::Network(_) => "network",
            RailId::Wallet(_) => "wallet",
        };
        let found = self.books.rail_views().find(|rail| rail.id == id);
        (kind, found.map(|rail| rail.reference.to_owned()).unwrap_or_default())
    }

    fn bank(&self, id: BankId) -> String {
        let found = self.books.banks().find(|(bank, _)| *bank == id);
        found.map_or_else(|| id.to_string(), |(_, reference)| reference.to_owned())
    }

    fn seller(&self, id: books::SellerId) -> (&'static str, String) {
        ("seller", self.books.seller_reference(id).unwrap_or_default().to_owned())
    }

    fn plans(&self) -> Vec<WaitingItem> {
        let open = self.books.open_plans().map(|one| {
            let calendar = || ("calendar", String::new());
            let by = one.planned_by.map_or_else(calendar, |by| ("person", by.to_string()));
            let item = self.item(Basics {
                kind: WaitingKind::Plan,
                since: self.today,
                party: by,
                name: one.id.to_string(),
                amount: i128::try_from(one.net).unwrap_or(i128::MAX),
                currency: one.currency,
            });
            let state = if one.approved { "approved" } else { "not_approved" };
            WaitingItem { since: String::new(), state: Some(state), ..item }
        });
        open.collect()
    }

    fn breaks(&self) -> Vec<WaitingItem> {
        let open = self.books.open_breaks().into_iter().map(|one| {
            let party = match one.subject {
                BreakSubject::Bank(id) => ("bank", self.bank(id)),
                BreakSubject::Network(id) => self.rail(RailId::Network(id)),
                BreakSubject::Wallet(id) => self.rail(RailId::Wallet(id)),
                BreakSubject::FirmCash(id) => {
                    ("firm", self.books.firm_reference(id).unwrap_or_default().to_owned())
                }
            };
            let amount = i128::from(one.amount.minor());
            let item = self.item(Basics {
                kind: WaitingKind::Break,
                since: one.opened,
                party,
                name: one.id.to_string(),
                amount: if one.side == BreakSide::Excess { amount } else { -amount },
                currency: one.currency,
            });
            // Nobody owns a line's break before somebody is assigned.
            let owner = (one.owner.0 != 0).then(|| one.owner.to_string());
            let proposed = self.books.proposed_resolution(one.id).map(|_| "proposed");
            WaitingItem { detail: owner, state: proposed, ..item }
        });
        open.collect()
    }

    fn batches(&self) -> Vec<WaitingItem> {
        let open = self.books.open_items().map(|view| {
            let report = OpenItemReport::of(&view, self.today);
            let item = self.item(Basics {
                kind: WaitingKind::Batch,
                since: view.opened,
                party: ("terminal", report.terminal.to_string()),
                name: report.item.to_string(),
                amount: report.net,
                currency: view.currency,
            });
            WaitingItem { detail: Some(report.owner), ..item }
        });
        open.collect()
    }

    fn unknown(&self) -> Vec<WaitingItem> {
        let unknown = self.books.unknown_payments().map(|one| {
            self.item(Basics {
                kind: WaitingKind::Unknown,
                since: one.since,
                party: self.rail(one.rail),
                name: self.payment(one.payment),
                amount: one.amount.minor().into(),
                currency: one.currency,
            })
        });
        unknown.collect()
    }

    fn movements(&self) -> Vec<WaitingItem> {
        let banks = self.books.bank_reconciliations().flat_map(|bank| {
            let open = self.books.open_movements(bank.bank);
            open.map(move |one| (bank, one))
        });
        let items = banks.map(|(bank, one)| {
            self.item(Basics {
                kind: WaitingKind::Movement,
                since: one.since,
                party: ("bank", self.bank(bank.bank)),
                name: movement_name(self.books, one.movement, self.waybill),
                amount: one.amount,
                currency: bank.currency,
            })
        });
        items.collect()
    }

    fn entries(&self) -> Vec<WaitingItem> {
        let banks = self.books.bank_reconciliations().flat_map(|bank| {
            let expected = self.books.expected_entries(bank.bank);
            expected.map(move |one| (bank, one))
        });
        let items = banks.map(|(bank, one)| {
            let item = self.item(Basics {
                kind: WaitingKind::Entry,
                since: one.booked,
                party: ("bank", self.bank(bank.bank)),
                name: format!("{}/{}", one.file, one.line),
                amount: one.amount,
                currency: bank.currency,
            });
            let overdue = one.until < self.today;
            WaitingItem { due: Some(one.until.to_string()), overdue, ..item }
        });
        items.collect()
    }

    fn uncleared(&self) -> Vec<WaitingItem> {
        let uncleared = self.books.uncleared_payments().into_iter().map(|one| {
            let item = self.item(Basics {
                kind: WaitingKind::Uncleared,
                since: one.since,
                party: self.rail(one.rail),
                name: self.payment(one.payment),
                amount: one.amount,
                currency: one.currency,
            });
            WaitingItem { state: one.overtaken.then_some("late"), ..item }
        });
        uncleared.collect()
    }

    fn chargebacks(&self) -> Vec<WaitingItem> {
        let open = self.books.open_chargebacks().map(|one| {
            let item = self.item(Basics {
                kind: WaitingKind::Chargeback,
                since: one.received,
                party: self.rail(one.rail),
                name: self.payment(one.payment),
                amount: one.amount.minor().into(),
                currency: one.currency,
            });
            let state = if one.answer_by.is_some() { "contested" } else { "not_contested" };
            WaitingItem {
                state: Some(state),
                detail: Some(one.number.to_string()),
                due: one.answer_by.map(|date| date.to_string()),
                overdue: one.answer_by.is_some_and(|date| date < self.today),
                ..item
            }
        });
        open.collect()
    }

    fn refunds(&self) -> Vec<WaitingItem> {
        let owed = self.books.owed_refunds().map(|one| {
            let (state, rail) = match one.way {
                RefundWay::Bank => ("by_bank", None),
                RefundWay::Rail(rail) => ("by_rail", Some(rail)),
                RefundWay::AfterAnswer(rail) => ("after_answer", Some(rail)),
            };
            let seller = one.seller.map(|seller| self.seller(seller));
            let item = self.item(Basics {
                kind: WaitingKind::Refund,
                since: one.since,
                party: seller.unwrap_or_default(),
                name: self.payment(one.payment),
                amount: one.amount.minor().into(),
                currency: one.currency,
            });
            WaitingItem { state: Some(state), detail: rail.map(|rail| self.rail(rail).1), ..item }
        });
        owed.collect()
    }

    /// Deposits under way, or shortages.
    fn cash(&self, kind: WaitingKind) -> Vec<WaitingItem> {
        let mut items = Vec::new();
        for firm in self.books.cash_custody(self.today) {
            let currency = firm.currency;
            let reference = self.books.firm_reference(firm.firm).unwrap_or_default();
            for one in firm.deposits.iter().filter(|_| kind == WaitingKind::Deposit) {
                let item = self.item(Basics {
                    kind,
                    since: one.announced_on,
                    party: ("firm", reference.to_owned()),
                    name: one.id.to_string(),
                    amount: one.amount.minor().into(),
                    currency,
                });
                items.push(WaitingItem { detail: one.bank.map(|bank| self.bank(bank)), ..item });
            }
            let short = firm.couriers.iter().filter(|one| one.shortage != 0);
            for one in short.filter(|_| kind == WaitingKind::Shortage) {
                let courier = self.books.courier_reference(one.courier).unwrap_or_default();
                items.push(self.item(Basics {
                    kind,
                    since: one.shortage_since.unwrap_or(self.today),
                    party: ("courier", courier.to_owned()),
                    name: courier.to_owned(),
                    amount: one.shortage,
                    currency,
                }));
            }
        }
        items
    }

    fn payouts(&self) -> Vec<WaitingItem> {
        let in_flight = self.books.payouts_in_flight().map(|one| {
            let item = self.item(Basics {
                kind: WaitingKind::Payout,
                since: one.sent_on,
                party: self.seller(one.seller),
                name: one.payout.0.to_string(),
                amount: one.net.minor().into(),
                currency: one.currency,
            });
            WaitingItem { detail: Some(self.bank(one.bank)), ..item }
        });
        in_flight.collect()
    }

    fn invoices(&self) -> Vec<WaitingItem> {
        let open = self.books.open_invoices().map(|one| {
            self.item(Basics {
                kind: WaitingKind::Invoice,
                since: one.invoiced_on,
                party: self.seller(one.seller),
                name: one.number.to_string(),
                amount: one.amount.saturating_sub(one.paid).minor().into(),
                currency: one.currency,
            })
        });
        open.collect()
    }

    fn below_zero(&self) -> Vec<WaitingItem> {
        let owing = self.books.sellers_below_zero().map(|one| {
            let party = self.seller(one.seller);
            let item = self.item(Basics {
                kind: WaitingKind::BelowZero,
                since: one.since,
                name: party.1.clone(),
                party,
                amount: -one.balance,
                currency: one.currency,
            });
            let to_come = Some(self.books.held_for(one.seller, one.currency));
            WaitingItem { to_come, ..item }
        });
        owing.collect()
    }
}

/// What people call a movement of a bank account. `waybill` writes a parcel's waybill.
pub fn movement_name(
    books: &Books,
    movement: BankMovement,
    waybill: &dyn Fn(ParcelId) -> String,
) -> String {
    use BankMovement as M;
    match movement {
        M::ClearingFile { rail, file } => {
            let found = books.rail_views().find(|one| one.id == rail);
            format!("clearing-file {}/{file}", found.map_or("", |found| found.reference))
        }
        M::Deposit(id) => format!("deposit {id}"),
        M::Payout(id) => format!("payout {id}"),
        M::ReturnedPayout(id) => format!("returned-payout {id}"),
        M::Refund { payment, number } => {
            format!("refund {}/{}/{number}", waybill(payment.parcel), payment.number)
        }
        M::Commission { firm, number } => {
            format!("commission {}/{number}", books.firm_reference(firm).unwrap_or_default())
        }
        M::Tax(number) => format!("tax {number}"),
        M::InvoicePayment { seller, currency, invoice, number } => {
            let seller = books.seller_reference(seller).unwrap_or_default();
            format!("invoice {seller}/{currency}/{invoice}/{number}")
        }
        M::Adjustment(number) => format!("adjustment {number}"),
        M::Break(id) => format!("break {id}"),
        M::BreakClosed(id) => format!("closed-break {id}"),
        M::Collection(payment) => {
            format!("collection {}/{}", waybill(payment.parcel), payment.number)
        }
    }
}

/// The kinds of movements, as [`movement_name`] writes them.
pub const MOVEMENT_KINDS: [&str; 12] = [
    "clearing-file",
    "deposit",
    "payout",
    "returned-payout",
    "refund",
    "commission",
    "tax",
    "invoice",
    "adjustment",
    "break",
    "closed-break",
    "collection",
];

/// The name of a movement with the ids of parcels, as it is typed.
#[must_use]
pub fn movement_text(books: &Books, movement: BankMovement) -> String {
    movement_name(books, movement, &|parcel| parcel.to_string())
}

//! What happened at the networks, the wallet, the bank and the firms on a day, as the simulated
//! world knows it.

use std::collections::BTreeMap;

use books::{BusinessDate, ClearLineKind, DepositId, PaymentId, PayoutId, PlanId, Timestamp};
use keys::Pan;
use money::Currency;
use peers::card::EntryMode;
use peers::waybill::format_waybill;

use super::bank::{AccountEntry, EntryPurpose};
use super::faults::Faultable;
use super::firm::{RemittedCash, SheetDay};
use super::truth::TruthItem;
use super::{Lane, compact};
use crate::books::BankLineKind;
use crate::chance::Chance;
use crate::setup::BANK;
use crate::world::{NoteOrigin, World};

/// An amount is changed by at most this part of it.
const CHANGED_PART: u64 = 20;
/// The most by which a fee drifts, in minor units.
const DRIFT_MAX: u64 = 20;
/// What is left of an order's reference that was cut.
const ORDER_CHARACTERS_LEFT: usize = 8;
const RRN_CHARACTERS_LEFT: usize = 6;
/// A reference number that no request has.
const NO_RRN: &str = "000000000000";
const STAN_DIGITS_LEFT: u32 = 1_000;

/// A day as the parties outside Doorstep know it, without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterpartyDay {
    /// The day of the couriers' tours; the networks' files are of this day.
    pub date: BusinessDate,
    /// The date of the bank's entries.
    pub booked_on: BusinessDate,
    pub currency: Currency,
    pub utc_offset_minutes: i16,
    /// The bank account.
    pub account: String,
    /// The networks, then the wallet.
    pub rails: Vec<RailDay>,
    /// All entries but those of the networks and the wallet, which follow from their lines.
    pub(super) entries: Vec<AccountEntry>,
    pub(super) sheets: Vec<SheetDay>,
}

/// The day of a network or wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailDay {
    pub reference: String,
    pub is_wallet: bool,
    pub lines: Vec<RailLine>,
}

/// What a network or wallet states about one payment. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailLine {
    /// The payment that the line is really about; `None` if Doorstep has none.
    pub payment: Option<PaymentId>,
    pub kind: ClearLineKind,
    /// Below zero if the network or wallet takes it.
    pub amount: i64,
    pub deducted: i64,
    /// The part of `deducted` that a card network keeps for itself.
    pub(crate) network_fee: i64,
    /// The wallet's rate in parts per million, if the fee is exactly that share of the amount.
    pub(crate) wallet_rate_ppm: Option<u64>,
    /// When the request was sent, or the wallet's order was paid or changed.
    pub(crate) sent_at: Timestamp,
    pub(crate) reference: RailReference,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RailReference {
    Request(Box<CardRequest>),
    /// The wallet's order.
    Order(String),
}

/// A request to a network, with the card that it carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CardRequest {
    pub rrn: String,
    pub stan: u32,
    pub terminal: String,
    pub merchant: String,
    pub card: Option<Pan>,
    pub is_credit: bool,
    pub entry_mode: EntryMode,
    /// Field 38; empty if there is none.
    pub authorisation: String,
    /// Field 11 and field 7 of the request that it refers to.
    pub original: Option<(u32, u32)>,
}

impl RailLine {
    /// What the network or wallet pays.
    pub(super) fn net(&self) -> i64 {
        self.amount - self.deducted
    }

    pub(super) fn request(&self) -> Option<&CardRequest> {
        match &self.reference {
            RailReference::Request(request) => Some(request),
            RailReference::Order(_) => None,
        }
    }

    pub(super) fn order(&self) -> &str {
        match &self.reference {
            RailReference::Order(order) => order,
            RailReference::Request(_) => "",
        }
    }
}

impl TruthItem for RailLine {
    fn lane(&self) -> Lane {
        if self.request().is_some() { Lane::Network } else { Lane::Wallet }
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            ClearLineKind::Sale => "sale",
            ClearLineKind::Completion => "completion",
            ClearLineKind::Offline => "offline",
            ClearLineKind::Refund => "refund",
            ClearLineKind::Reversal => "reversal",
            ClearLineKind::ChargeBack => "chargeback",
            ClearLineKind::FeeCorrection => "fee-correction",
            ClearLineKind::Representment => "representment",
        }
    }

    fn amount(&self) -> i128 {
        self.amount.into()
    }

    fn deducted(&self) -> i128 {
        self.deducted.into()
    }

    fn reference(&self) -> String {
        match &self.reference {
            RailReference::Request(request) => {
                let sent = peers::message_time::transmission_time(self.sent_at.0);
                format!("{}/{:06}/{sent:010}", request.rrn, request.stan)
            }
            RailReference::Order(order) => order.clone(),
        }
    }

    fn belongs_to(&self) -> String {
        self.payment.map_or_else(|| "no payment".to_owned(), payment_name)
    }
}

impl Faultable for RailLine {
    fn can_be_late(&self) -> bool {
        true
    }

    fn change_amount(&mut self, chance: &mut Chance) -> bool {
        let by = chance.between(1, (self.amount.unsigned_abs() / CHANGED_PART).max(1));
        let by = i64::try_from(by).unwrap_or(1) * self.amount.signum();
        let less = chance.happens(crate::rates::WHOLE_PPM / 2) && self.net().abs() > by.abs();
        self.amount += if less { -by } else { by };
        self.wallet_rate_ppm = None;
        by != 0
    }

    fn cut_reference(&mut self) {
        match &mut self.reference {
            RailReference::Request(request) => {
                let left = request.rrn.split_off(RRN_CHARACTERS_LEFT);
                request.rrn = format!("{left:0>12}");
                request.stan = (request.stan % STAN_DIGITS_LEFT).max(1);
            }
            RailReference::Order(order) => {
                *order = order.split_off(order.len().saturating_sub(ORDER_CHARACTERS_LEFT));
            }
        }
    }

    fn drift_fee(&mut self, chance: &mut Chance) -> bool {
        let left = u64::try_from(self.net()).unwrap_or(0);
        if self.deducted <= 0 || left == 0 {
            return false;
        }
        let by = chance.between(1, DRIFT_MAX.min(left));
        self.deducted += i64::try_from(by).unwrap_or(0);
        self.wallet_rate_ppm = None;
        true
    }

    fn twin_key(&self) -> Option<(&'static str, i128)> {
        (self.amount > 0).then(|| (self.kind(), self.amount.into()))
    }

    fn become_twins(&mut self, other: &mut RailLine) {
        other.sent_at = self.sent_at;
        for line in [self, other] {
            match &mut line.reference {
                RailReference::Request(request) => {
                    NO_RRN.clone_into(&mut request.rrn);
                    request.stan = 1;
                }
                RailReference::Order(order) => "0".clone_into(order),
            }
        }
    }
}

/// `payment 0123…cdef/1`: the parcel and the payment's number.
pub(super) fn payment_name(payment: PaymentId) -> String {
    format!("payment {}/{}", payment.parcel, payment.number)
}

/// What was stated since the day began.
#[derive(Default)]
pub(crate) struct StatedToday {
    /// By the index of the network or wallet.
    pub rails: BTreeMap<usize, Vec<RailLine>>,
    pub deposits: Vec<StatedDeposit>,
    /// The payouts of each executed plan.
    pub plans: Vec<(PlanId, Vec<PayoutId>)>,
    /// The payouts that came back, in minor units.
    pub returned: Vec<(PayoutId, u64)>,
    /// How many entries the bank statement had when the day began.
    pub entries_before: usize,
}

/// A deposit that the bank credited, with the banknotes that were in it.
pub(crate) struct StatedDeposit {
    pub deposit: DepositId,
    /// The index of the firm.
    pub firm: usize,
    /// By origin, in minor units.
    pub notes: Vec<(NoteOrigin, u64)>,
}

impl World {
    /// The day so far, as the parties outside know it.
    pub(crate) fn counterparty_day(&self) -> Option<CounterpartyDay> {
        let today = self.stated.as_ref()?;
        let rails = self.rails.iter().enumerate().map(|(index, rail)| RailDay {
            reference: rail.reference.clone(),
            is_wallet: index + 1 == self.rails.len(),
            lines: today.rails.get(&index).cloned().unwrap_or_default(),
        });
        Some(CounterpartyDay {
            date: self.clock.date,
            booked_on: self.clock.night(),
            currency: self.currency,
            utc_offset_minutes: self.clock.utc_offset_minutes,
            account: BANK.to_owned(),
            rails: rails.collect(),
            entries: self.account_entries(today),
            sheets: self.sheets(today),
        })
    }

    fn account_entries(&self, today: &StatedToday) -> Vec<AccountEntry> {
        let mut plans = BTreeMap::new();
        for (plan, payouts) in &today.plans {
            plans.extend(payouts.iter().map(|payout| (*payout, *plan)));
        }
        let firm_of = |deposit: DepositId| {
            let stated = today.deposits.iter().find(|stated| stated.deposit == deposit);
            stated.map_or_else(String::new, |stated| self.firms[stated.firm].reference.clone())
        };
        let night = compact(self.clock.night());
        let mut entries = Vec::new();
        for line in &self.bank_statement[today.entries_before..] {
            let (purpose, our_reference, party) = match line.kind {
                BankLineKind::Clearing(_) | BankLineKind::ClearingTaken(_) => continue,
                BankLineKind::Deposit(deposit) => {
                    (EntryPurpose::Deposit(deposit), deposit.to_string(), firm_of(deposit))
                }
                BankLineKind::Payout(payout) => {
                    let plan = plans.get(&payout).copied();
                    let purpose = EntryPurpose::Payout { payout, plan };
                    (purpose, payout.to_string(), String::new())
                }
                BankLineKind::Commission(id) => {
                    let firm = self.firms.iter().find(|firm| firm.id == id);
                    let firm = firm.map_or_else(String::new, |firm| firm.reference.clone());
                    (EntryPurpose::Commission, format!("COMMISSION-{firm}-{night}"), firm)
                }
                BankLineKind::OwnMoney => {
                    (EntryPurpose::OwnMoney, format!("OWN-{night}"), "doorstep".to_owned())
                }
                BankLineKind::PaidBack(payment) => {
                    // Without its check character, which MT940 may not have.
                    let mut ours = format!("BACK-{}", format_waybill(payment.parcel.bits()));
                    ours.pop();
                    (EntryPurpose::PaidBack(payment), ours, String::new())
                }
            };
            entries.push(AccountEntry::new(purpose, line.signed(), our_reference, party));
        }
        // A payout that comes back leaves the account first.
        for (payout, minor) in &today.returned {
            let (payout, minor) = (*payout, i128::from(*minor));
            let plan = plans.get(&payout).copied();
            for (purpose, amount) in [
                (EntryPurpose::Payout { payout, plan }, -minor),
                (EntryPurpose::PayoutReturned(payout), minor),
            ] {
                let our_reference = payout.to_string();
                entries.push(AccountEntry::new(purpose, amount, our_reference, String::new()));
            }
        }
        entries
    }

    fn sheets(&self, today: &StatedToday) -> Vec<SheetDay> {
        let mut collected_on = BTreeMap::new();
        for cash in &self.cash_payments {
            collected_on.insert(cash.payment, (cash.collected_on, cash.courier));
        }
        let courier_name = |id| {
            let courier = self.couriers.iter().find(|courier| courier.id == id);
            courier.map_or_else(String::new, |courier| courier.reference.clone())
        };
        let mut sheets = Vec::new();
        for (index, firm) in self.firms.iter().enumerate() {
            let mut sheet = SheetDay { firm: firm.reference.clone(), rows: Vec::new() };
            for stated in today.deposits.iter().filter(|stated| stated.firm == index) {
                for (origin, amount) in &stated.notes {
                    let mut row = RemittedCash {
                        payment: None,
                        waybill: String::new(),
                        order: String::new(),
                        courier: String::new(),
                        collected_on: self.clock.date,
                        amount: (*amount).into(),
                        deposit: stated.deposit,
                    };
                    match origin {
                        NoteOrigin::Payment(payment) => {
                            row.payment = Some(*payment);
                            row.waybill = format_waybill(payment.parcel.bits());
                            if let Some(parcel) = self.parcel_indexes.get(&payment.parcel) {
                                row.order.clone_from(&self.parcels[*parcel].order_reference);
                            }
                            if let Some((date, courier)) = collected_on.get(payment) {
                                row.collected_on = *date;
                                row.courier = courier_name(*courier);
                            }
                        }
                        NoteOrigin::Found(courier) => {
                            row.courier.clone_from(&self.couriers[*courier].reference);
                        }
                    }
                    sheet.rows.push(row);
                }
            }
            sheets.push(sheet);
        }
        sheets
    }
}

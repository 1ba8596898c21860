//! The bank's statements of the account: camt.053 with camt.054, MT940, BAI2, and our CSV.

mod bai2;
mod camt;
mod mt940;
mod our_csv;
mod xml;

use books::{BusinessDate, DepositId, PaymentId, PayoutId, PlanId, Timestamp};
use money::Currency;

use super::day::{CounterpartyDay, RailDay, RailLine, payment_name};
use super::faults::{Faultable, Planted};
use super::truth::TruthItem;
use super::{CounterpartyForm, Lane, RenderedFile, compact};
use crate::chance::Chance;

/// What is left of a reference that was cut.
const REFERENCE_CHARACTERS_LEFT: usize = 7;
/// The moment at which the bank makes its statement: in minutes of the local day.
const STATEMENT_MINUTE: u64 = 6 * 60 + 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryPurpose {
    /// What a network or wallet pays or takes for a day's file, on this day.
    Clearing(BusinessDate),
    Deposit(DepositId),
    Payout {
        payout: PayoutId,
        plan: Option<PlanId>,
    },
    PayoutReturned(PayoutId),
    Commission,
    OwnMoney,
    PaidBack(PaymentId),
}

/// An entry of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountEntry {
    pub purpose: EntryPurpose,
    /// In minor units; a debit is below zero.
    pub amount: i128,
    /// The bank's own, another one for each entry.
    pub bank_reference: String,
    /// What the other side or Doorstep gave the bank; empty if nothing.
    pub our_reference: String,
    /// The other side's name; empty if the bank does not state it.
    pub party: String,
}

impl AccountEntry {
    pub(super) fn new(
        purpose: EntryPurpose,
        amount: i128,
        our_reference: String,
        party: String,
    ) -> AccountEntry {
        let bank_reference = String::new();
        AccountEntry { purpose, amount, bank_reference, our_reference, party }
    }

    /// What the bank writes for a person to read.
    pub(super) fn text(&self) -> String {
        match self.purpose {
            EntryPurpose::Clearing(date) => format!("CLEARING {} {date}", self.party),
            EntryPurpose::Deposit(_) => "CASH DEPOSIT".to_owned(),
            EntryPurpose::Payout { .. } => "PAYOUT".to_owned(),
            EntryPurpose::PayoutReturned(_) => "RETURNED, ACCOUNT CLOSED".to_owned(),
            EntryPurpose::Commission => "COMMISSION".to_owned(),
            EntryPurpose::OwnMoney => "OWN FUNDS".to_owned(),
            EntryPurpose::PaidBack(_) => "PAID BACK".to_owned(),
        }
    }
}

impl TruthItem for AccountEntry {
    fn lane(&self) -> Lane {
        Lane::Bank
    }

    fn kind(&self) -> &'static str {
        match self.purpose {
            EntryPurpose::Clearing(_) => "clearing",
            EntryPurpose::Deposit(_) => "deposit",
            EntryPurpose::Payout { .. } => "payout",
            EntryPurpose::PayoutReturned(_) => "payout-returned",
            EntryPurpose::Commission => "commission",
            EntryPurpose::OwnMoney => "own-money",
            EntryPurpose::PaidBack(_) => "paid-back",
        }
    }

    fn amount(&self) -> i128 {
        self.amount
    }

    fn deducted(&self) -> i128 {
        0
    }

    fn reference(&self) -> String {
        self.our_reference.clone()
    }

    fn belongs_to(&self) -> String {
        match self.purpose {
            EntryPurpose::Clearing(date) => format!("clearing {} {date}", self.party),
            EntryPurpose::Deposit(deposit) => format!("deposit {deposit}"),
            EntryPurpose::Payout { payout, .. } | EntryPurpose::PayoutReturned(payout) => {
                format!("payout {payout}")
            }
            EntryPurpose::Commission => format!("commission {}", self.party),
            EntryPurpose::OwnMoney => "own-money".to_owned(),
            EntryPurpose::PaidBack(payment) => payment_name(payment),
        }
    }
}

impl Faultable for AccountEntry {
    fn can_be_late(&self) -> bool {
        self.amount > 0 && !matches!(self.purpose, EntryPurpose::PayoutReturned(_))
    }

    fn change_amount(&mut self, _: &mut Chance) -> bool {
        false
    }

    /// A short number cut in the middle could be another payout's, so nothing is left of it.
    fn cut_reference(&mut self) {
        match self.purpose {
            EntryPurpose::Payout { .. } | EntryPurpose::PayoutReturned(_) => {
                self.our_reference.clear();
            }
            _ => self.our_reference.truncate(REFERENCE_CHARACTERS_LEFT),
        }
    }

    fn drift_fee(&mut self, _: &mut Chance) -> bool {
        false
    }

    fn twin_key(&self) -> Option<(&'static str, i128)> {
        None
    }

    fn become_twins(&mut self, _: &mut AccountEntry) {}

    fn become_double(&mut self) {
        self.bank_reference.push('D');
    }
}

/// The entry by which a network or wallet pays what its file states, or takes it.
pub(super) fn clearing_entry(
    rail: &RailDay,
    lines: &[Planted<RailLine>],
    day: &CounterpartyDay,
) -> Option<AccountEntry> {
    let amount: i128 = lines.iter().map(|line| i128::from(line.item.net())).sum();
    let our_reference = format!("CLR-{}-{}", rail.reference, compact(day.date));
    let purpose = EntryPurpose::Clearing(day.date);
    let entry = AccountEntry::new(purpose, amount, our_reference, rail.reference.clone());
    (amount != 0).then_some(entry)
}

/// Gives the entries of a day the bank's references.
pub(super) fn numbered(
    entries: Vec<AccountEntry>,
    day: &CounterpartyDay,
) -> Vec<Planted<AccountEntry>> {
    let date = compact(day.booked_on);
    let numbered = (1..).zip(entries).map(|(number, entry)| {
        let bank_reference = format!("B{date}{number:06}");
        Planted::sound(AccountEntry { bank_reference, ..entry }, day.booked_on)
    });
    numbered.collect()
}

/// The statement of the account for one day.
#[derive(Clone)]
pub(super) struct AccountStatement {
    pub account: String,
    pub number: u32,
    pub booked_on: BusinessDate,
    pub made_at: Timestamp,
    pub currency: Currency,
    /// In minor units.
    pub opening: i128,
    pub entries: Vec<Planted<AccountEntry>>,
}

impl AccountStatement {
    pub(super) fn new(
        day: &CounterpartyDay,
        number: u32,
        opening: i128,
        entries: Vec<Planted<AccountEntry>>,
    ) -> AccountStatement {
        let morning = Timestamp::start_of_day(day.booked_on, day.utc_offset_minutes);
        AccountStatement {
            account: day.account.clone(),
            number,
            booked_on: day.booked_on,
            made_at: morning.plus_ms(STATEMENT_MINUTE * crate::clock::MINUTE_MS),
            currency: day.currency,
            opening,
            entries,
        }
    }

    pub(super) fn closing(&self) -> i128 {
        self.opening + self.entries.iter().map(|entry| entry.item.amount).sum::<i128>()
    }

    /// Number and sum of the credits, then of the debits, both above zero.
    fn sums(&self) -> [(u64, u128); 2] {
        let mut sums = [(0, 0); 2];
        for entry in &self.entries {
            let (count, sum) = &mut sums[usize::from(entry.item.amount < 0)];
            *count += 1;
            *sum += entry.item.amount.unsigned_abs();
        }
        sums
    }
}

pub(super) fn render(form: CounterpartyForm, statement: &AccountStatement) -> Vec<RenderedFile> {
    match form {
        CounterpartyForm::Ours => vec![our_csv::render(statement)],
        CounterpartyForm::Camt => camt::render(statement, camt::CamtVersion::V08),
        CounterpartyForm::Camt02 => camt::render(statement, camt::CamtVersion::V02),
        CounterpartyForm::Mt940 => vec![mt940::render(statement)],
        CounterpartyForm::Bai2 => vec![bai2::render(statement)],
        CounterpartyForm::Cups
        | CounterpartyForm::Gateway
        | CounterpartyForm::Wechat
        | CounterpartyForm::Alipay
        | CounterpartyForm::SheetIndia
        | CounterpartyForm::SheetChina => Vec::new(),
    }
}

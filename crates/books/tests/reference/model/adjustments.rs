//! The model: adjusting entries, value dates and closed periods.

use std::collections::BTreeMap;

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use sha2::{Digest as _, Sha256};

use super::parties::check_reference;
use super::{
    Account, Model, ModelRefusal, ModelResult, Numbered, Statement, are_different, ensure,
};

/// What was closed, and how the books were at the end of each day that had commands.
#[derive(Clone, Debug, Default)]
pub struct Periods {
    pub closed_until: Option<BusinessDate>,
    day_ends: BTreeMap<BusinessDate, BTreeMap<Account, i128>>,
}

impl Model {
    pub fn apply_adjustment_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::PostAdjustment(entry) => self.adjust(entry, command),
            Command::ClosePeriod(close) => self.close_period(close, command),
            _ => return None,
        };
        Some(done)
    }

    /// The postings of the command belong to this day.
    pub fn belongs_to(&mut self, day: BusinessDate) {
        self.outcome.value_date = Some(day).filter(|day| *day != self.today);
    }

    /// Another day begins. Of the oldest days nobody asks any more.
    pub fn end_day(&mut self, day: BusinessDate) {
        if !self.banks.is_empty() {
            let balances = self.balances();
            self.periods.day_ends.insert(day, balances);
            while self.periods.day_ends.len() > DAY_ENDS_REMEMBERED {
                self.periods.day_ends.pop_first();
            }
        }
    }

    fn adjusted(&self, entry: &PostAdjustment, side: AdjustmentAccount) -> ModelResult<Account> {
        let currency = entry.currency;
        Ok(match side {
            AdjustmentAccount::Bank(bank) => {
                ensure(self.banks.get(&bank) == Some(&currency), "no such bank account")?;
                (A::Bank, bank.0, currency)
            }
            AdjustmentAccount::Seller(seller) => {
                ensure(self.sellers.contains_key(&(seller, currency)), "no such seller")?;
                (A::SellerPayable, seller.0, currency)
            }
            AdjustmentAccount::Firm(firm) => {
                let known = self.firms.get(&firm).map(|firm| firm.currency);
                ensure(known == Some(currency), "no such firm, or another currency")?;
                (A::FirmCommission, firm.0, currency)
            }
            AdjustmentAccount::Own(own) => {
                let kind = match own {
                    OwnAccount::OtherIncome => A::OtherIncome,
                    OwnAccount::ClearingCost => A::ClearingCost,
                    OwnAccount::WriteOffs => A::WriteOffs,
                    OwnAccount::OtherExpenses => A::OtherExpenses,
                };
                (kind, 0, currency)
            }
        })
    }

    fn adjust(&mut self, entry: &PostAdjustment, command: &Command) -> ModelResult {
        let PostAdjustment { number, currency, debit, credit, amount, value_date, .. } = *entry;
        ensure(!amount.is_zero(), "nothing adjusted")?;
        check_reference(&entry.reference)?;
        self.has_accounts(currency)?;
        self.next_number(Numbered::Adjustments, number, command)?;
        are_different(&[entry.proposed_by, entry.approved_by])?;
        ensure(value_date <= self.today, "a day to come")?;
        let (from, to) = (self.adjusted(entry, debit)?, self.adjusted(entry, credit)?);
        use AdjustmentAccount as S;
        let row = match (debit, credit) {
            (S::Bank(_), S::Own(_) | S::Seller(_) | S::Firm(_)) => ChartEntry::AdjustmentReceived,
            (S::Own(_) | S::Seller(_) | S::Firm(_), S::Bank(bank)) => {
                if let S::Firm(firm) = debit {
                    let payable = self.commission_payable(firm);
                    ensure(i128::from(amount.minor()) <= payable, "its money did not come")?;
                }
                self.has_in_bank(bank, amount.minor().into())?;
                ChartEntry::AdjustmentPaid
            }
            (S::Own(_) | S::Firm(_), S::Seller(_)) => ChartEntry::AdjustmentToSeller,
            (S::Seller(_), S::Own(_) | S::Firm(_)) => ChartEntry::AdjustmentFromSeller,
            (S::Own(_), S::Firm(_)) => ChartEntry::AdjustmentToFirm,
            (S::Firm(_), S::Own(_)) => ChartEntry::AdjustmentFromFirm,
            _ => return Err(ModelRefusal::Because("both are of one kind")),
        };
        self.post(row, from, to, amount.minor());
        let (charged, credited) = match (debit, credit) {
            (S::Seller(_), _) => (amount.minor(), 0),
            _ => (0, amount.minor()),
        };
        if let (S::Seller(seller), _) | (_, S::Seller(seller)) = (debit, credit) {
            let (gross, refunded) = (credited, charged);
            let parts = vec![("entry_credited", credited), ("entry_charged", charged)];
            let line = Statement { gross, refunded, parts, ..Statement::default() };
            self.add_statement_line((seller, currency), line);
            self.push_event(Event::SellerAdjusted { seller, currency, number, charged, credited })?;
        }
        self.use_number(Numbered::Adjustments, command);
        self.belongs_to(value_date);
        self.push_event(Event::AdjustmentPosted { number, currency, amount })
    }

    fn close_period(&mut self, close: &ClosePeriod, command: &Command) -> ModelResult {
        let ClosePeriod { number, until, proposed_by, approved_by } = *close;
        self.next_number(Numbered::PeriodCloses, number, command)?;
        are_different(&[proposed_by, approved_by])?;
        ensure(until < self.today, "the day is not over")?;
        ensure(self.periods.closed_until.is_none_or(|last| last < until), "closed already")?;
        let end = self.periods.day_ends.range(..=until).next_back();
        let (_, balances) = end.ok_or(ModelRefusal::Because("nobody remembers that day"))?;
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut accounts: Vec<_> = balances.iter().collect();
        accounts.sort_by_key(|((kind, owner, currency), _)| {
            (kind.code(), *owner, currency.code().to_owned())
        });
        for ((kind, owner, currency), balance) in accounts {
            let code = kind.code().to_le_bytes();
            let parts: [&[u8]; 4] =
                [&code, &owner.to_le_bytes(), currency.code().as_bytes(), &balance.to_le_bytes()];
            lines.push(parts.concat());
        }
        let digest = Sha256Digest(Sha256::digest(lines.concat()).into());
        self.periods.closed_until = Some(until);
        self.use_number(Numbered::PeriodCloses, command);
        self.push_event(Event::PeriodClosed { number, until, digest })
    }
}

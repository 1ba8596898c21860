//! Adjusting entries: postings by two people that follow from no other command.

use ledger::AccountNumber;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, check_date, check_text, clamp_to_amount};
use crate::chart::ChartEntry;
use crate::command::{AdjustmentAccount, OwnAccount, PostAdjustment};
use crate::event::{CommandOutcome, Event};
use crate::ids::SellerId;
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};

/// A side of an entry whose account was found.
#[derive(Clone, Copy)]
enum Side {
    Bank(AccountNumber),
    Own(AccountNumber),
    /// With the firm's number.
    Firm(AccountNumber, u32),
    /// With the seller's number.
    Seller(AccountNumber, u32, SellerId),
}

impl Side {
    fn account(self) -> AccountNumber {
        match self {
            Side::Bank(account)
            | Side::Own(account)
            | Side::Firm(account, _)
            | Side::Seller(account, ..) => account,
        }
    }
}

/// The row of the chart. `None` between two accounts of the same kind.
fn row_of(debit: Side, credit: Side) -> Option<ChartEntry> {
    match (debit, credit) {
        (Side::Bank(_), Side::Bank(_))
        | (Side::Own(_), Side::Own(_))
        | (Side::Firm(..), Side::Firm(..))
        | (Side::Seller(..), Side::Seller(..)) => None,
        (Side::Bank(_), _) => Some(ChartEntry::AdjustmentReceived),
        (_, Side::Bank(_)) => Some(ChartEntry::AdjustmentPaid),
        (_, Side::Seller(..)) => Some(ChartEntry::AdjustmentToSeller),
        (Side::Seller(..), _) => Some(ChartEntry::AdjustmentFromSeller),
        (Side::Own(_), Side::Firm(..)) => Some(ChartEntry::AdjustmentToFirm),
        (Side::Firm(..), Side::Own(_)) => Some(ChartEntry::AdjustmentFromFirm),
    }
}

impl Books {
    pub(crate) fn post_adjustment(
        &mut self,
        command: &PostAdjustment,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PostAdjustment {
            number,
            currency,
            debit,
            credit,
            amount,
            value_date,
            ref reference,
            proposed_by,
            approved_by,
        } = *command;
        check_above_zero(amount)?;
        check_text("reference", reference)?;
        let place = self.currency_index(currency)?;
        self.reference_data.adjustments.check(number, |before| before == command)?;
        check_two_people(proposed_by, approved_by, &[])?;
        check_date(value_date, BusinessDate(0)..=now.today)?;
        let sides = (self.adjusted_account(debit, place)?, self.adjusted_account(credit, place)?);
        let row = row_of(sides.0, sides.1).ok_or(Refusal::AdjustedAccounts)?;
        if let (Side::Firm(_, firm), Side::Bank(_)) = sides {
            // A firm is not paid for money that has not arrived (M5).
            let payable = clamp_to_amount(self.payable_commission(firm));
            if amount > payable {
                return Err(Refusal::AmountTooLarge(payable));
            }
        }
        if let Side::Bank(bank) = sides.1 {
            self.check_in_bank(bank, amount.minor().into())?;
        }
        self.ledger.begin_chain(None, None);
        self.ledger.post(row, sides.0.account(), sides.1.account(), amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        for (side, credited) in [(sides.0, false), (sides.1, true)] {
            let Side::Seller(_, number, seller) = side else { continue };
            let statement = &mut self.sellers.get_mut(number).statement;
            let (charged, credited) = if credited {
                statement.credit(|parts| &mut parts.entry_credited, amount);
                (0, amount.minor())
            } else {
                statement.charge(|parts| &mut parts.entry_charged, amount);
                (amount.minor(), 0)
            };
            let number = command.number;
            out.events.push(Event::SellerAdjusted { seller, currency, number, charged, credited });
        }
        self.reference_data.adjustments.push(command.clone());
        out.set_value_date(value_date, now.today);
        out.events.push(Event::AdjustmentPosted { number, currency, amount });
        Ok(())
    }

    fn adjusted_account(&self, account: AdjustmentAccount, currency: u8) -> Result<Side, Refusal> {
        match account {
            AdjustmentAccount::Bank(id) => {
                let missing = Refusal::NotFound(MissingRecord::Bank(id));
                let bank = self.banks.find(id).ok_or(missing)?;
                self.check_same_currency(bank.currency, currency)?;
                Ok(Side::Bank(bank.account))
            }
            AdjustmentAccount::Firm(id) => {
                let missing = Refusal::NotFound(MissingRecord::Firm(id));
                let number = self.firms.number(id).ok_or(missing)?;
                let firm = self.firms.get(number);
                self.check_same_currency(firm.currency, currency)?;
                Ok(Side::Firm(firm.commission, number))
            }
            AdjustmentAccount::Seller(id) => {
                let number = self.seller_number(id, self.currency_at(currency))?;
                Ok(Side::Seller(self.sellers.get(number).payable, number, id))
            }
            AdjustmentAccount::Own(own) => {
                let accounts = self.currency_accounts(currency);
                Ok(Side::Own(match own {
                    OwnAccount::ClearingCost => accounts.clearing_cost,
                    OwnAccount::WriteOffs => accounts.write_offs,
                    OwnAccount::OtherIncome => accounts.other_income,
                    OwnAccount::OtherExpenses => accounts.other_expenses,
                }))
            }
        }
    }
}

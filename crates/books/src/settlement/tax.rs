//! Taxes that are owed to the authority: VAT that sellers bore, and tax withheld from what courier
//! firms are paid.

use ledger::AccountNumber;
use money::Currency;

use crate::books::{Books, Now, check_above_zero, clamp_to_amount};
use crate::chart::ChartEntry;
use crate::command::{PayTax, Tax};
use crate::event::{CommandOutcome, Event};
use crate::party::persons::check_two_people;
use crate::reference_data::TaxAccount;
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    fn tax(&self, tax: Tax, currency: u8) -> &TaxAccount {
        &self.currency_accounts(currency).taxes[tax as usize]
    }

    fn tax_mut(&mut self, tax: Tax, currency: u8) -> &mut TaxAccount {
        &mut self.reference_data.currencies[usize::from(currency)].taxes[tax as usize]
    }

    pub(crate) fn tax_account(&self, tax: Tax, currency: u8) -> AccountNumber {
        self.tax(tax, currency).account
    }

    /// Adds a tax that was posted. Below zero, it was given back.
    pub(crate) fn record_tax(&mut self, tax: Tax, currency: u8, posted: i128) {
        self.tax_mut(tax, currency).made += posted;
    }

    /// What is owed to the authority, in minor units. Below zero, too much was paid. `None` for a
    /// currency without accounts.
    #[must_use]
    pub fn tax_payable(&self, tax: Tax, currency: Currency) -> Option<i128> {
        let place = self.currency_index(currency).ok()?;
        Some(self.ledger.account(self.tax_account(tax, place)).balance())
    }

    pub(crate) fn pay_tax(
        &mut self,
        command: &PayTax,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PayTax { number, tax, bank, amount, proposed_by, approved_by } = *command;
        check_above_zero(amount)?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        self.reference_data.tax_payments.check(number, |before| before == command)?;
        check_two_people(proposed_by, approved_by, &[])?;
        let (bank, currency) = (bank.account, bank.currency);
        let account = self.tax_account(tax, currency);
        let payable = clamp_to_amount(self.ledger.account(account).balance());
        if amount > payable {
            return Err(Refusal::AmountTooLarge(payable));
        }
        self.check_in_bank(bank, amount.minor().into())?;
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::TaxPaid, account, bank, amount);
        self.ledger.commit_infallible(out, "a payable tax can be paid");
        self.tax_mut(tax, currency).paid += u128::from(amount.minor());
        self.reference_data.tax_payments.push(command.clone());
        let currency = self.currency_at(currency);
        out.events.push(Event::TaxPaid { tax, currency, amount });
        Ok(())
    }

    /// What is owed of a tax is what was charged or withheld less what was paid.
    pub(crate) fn check_taxes(&self, wrong: &mut Vec<String>) {
        for accounts in &self.reference_data.currencies {
            for (tax, TaxAccount { account, made, paid }) in Tax::ALL.iter().zip(&accounts.taxes) {
                let balance = self.ledger.account(*account).balance();
                if Ok(balance - made) != i128::try_from(*paid).map(|paid| -paid) {
                    wrong.push(format!(
                        "M8: {balance} {} of {tax:?} is payable, but {made} was made and {paid} \
                         paid",
                        accounts.currency
                    ));
                }
            }
        }
    }
}

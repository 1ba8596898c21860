//! Payment of a courier firm's commission.

use crate::books::{Books, Now, check_above_zero, clamp_to_amount};
use crate::chart::ChartEntry;
use crate::command::PayCommission;
use crate::event::{CommandOutcome, Event};
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::CommissionPayment;

impl Books {
    pub(crate) fn pay_commission(
        &mut self,
        command: &PayCommission,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PayCommission { firm, number, bank, amount, proposed_by, approved_by } = *command;
        check_above_zero(amount)?;
        let place = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let payment = CommissionPayment { bank, amount, decided_by: (proposed_by, approved_by) };
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let record = self.firms.get(place);
        record.commission_payments.check(number, |before| *before == payment)?;
        check_two_people(proposed_by, approved_by, &[])?;
        self.check_same_currency(bank.currency, record.currency)?;
        let earned = clamp_to_amount(self.ledger.account(record.commission).balance());
        if amount > earned {
            return Err(Refusal::AmountTooLarge(earned));
        }
        let (commission, bank) = (record.commission, bank.account);
        self.check_in_bank(bank, amount.minor().into())?;
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::CommissionPaid, commission, bank, amount);
        self.ledger.commit_infallible(out, "an earned commission can be paid");
        self.firms.get_mut(place).commission_payments.push(payment);
        out.events.push(Event::CommissionPaid { firm, amount });
        Ok(())
    }
}

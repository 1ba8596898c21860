//! A courier firm's commission: earned with the payment, payable when the payment's money has
//! arrived, then paid.

use tariff::{FeeKind, PaymentMethod};

use crate::books::{Books, Now, check_above_zero, clamp_to_amount};
use crate::cash::record::CountedCash;
use crate::chart::ChartEntry;
use crate::command::{PayCommission, Tax};
use crate::event::{CommandOutcome, Event};
use crate::ids::FirmId;
use crate::party::persons::check_two_people;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::CommissionPayment;

impl Books {
    pub(crate) fn pay_commission(
        &mut self,
        command: &PayCommission,
        now: Now,
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
        let payable = clamp_to_amount(self.payable_commission(place));
        if amount > payable {
            return Err(Refusal::AmountTooLarge(payable));
        }
        let (commission, bank, currency) = (record.commission, bank.account, record.currency);
        let withheld = record.terms.on(now.today).withholding.of(amount);
        let leaving = amount.saturating_sub(withheld);
        self.check_in_bank(bank, leaving.minor().into())?;
        let tax = self.tax_account(Tax::Withholding, currency);
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::CommissionPaid, commission, bank, leaving);
        self.ledger.post(ChartEntry::TaxWithheld, commission, tax, withheld);
        self.ledger.commit_infallible(out, "a payable commission can be paid");
        self.record_tax(Tax::Withholding, currency, i128::from(withheld.minor()));
        self.firms.get_mut(place).commission_payments.push(payment);
        out.events.push(Event::CommissionPaid { firm, amount, withheld });
        Ok(())
    }

    /// A firm's commission whose money has arrived, and freight, less what was paid or deducted, in
    /// minor units.
    /// Below zero, the firm owes.
    #[must_use]
    pub fn commission_payable(&self, firm: FirmId) -> Option<i128> {
        self.firms.number(firm).map(|number| self.payable_commission(number))
    }

    pub(crate) fn payable_commission(&self, firm: u32) -> i128 {
        let firm = self.firms.get(firm);
        let waiting = i128::try_from(firm.commission_not_arrived);
        let waiting = waiting.expect("it is a part of what was ever posted");
        self.ledger.account(firm.commission).balance() - waiting
    }

    fn firm_and_commission(&self, item: &PaymentRecord) -> (u32, u128) {
        let commission = self.posted_fees(item).of(FeeKind::Commission);
        (self.couriers.get(item.courier).firm, commission.minor().into())
    }

    /// The commission of a payment was earned, and its money has not arrived.
    pub(crate) fn await_commission(&mut self, slot: u32) {
        let (firm, commission) = self.firm_and_commission(self.payment(slot));
        self.firms.get_mut(firm).commission_not_arrived += commission;
    }

    /// The money of a payment has arrived, or its commission was reversed before.
    pub(crate) fn stop_awaiting_commission(&mut self, slot: u32) {
        let (firm, commission) = self.firm_and_commission(self.payment(slot));
        let waiting = &mut self.firms.get_mut(firm).commission_not_arrived;
        *waiting = waiting.checked_sub(commission).expect("each commission is counted once");
    }

    /// How many of the first payments were counted in full, or were repaid since.
    pub(crate) fn counted_in_full(&self, cash: &CountedCash) -> usize {
        let mut left = cash.counted;
        let mut payments = cash.payments.iter();
        let short = payments.position(|&slot| {
            let rest = left.checked_sub(self.payment(slot).amount);
            left = rest.unwrap_or(left);
            rest.is_none()
        });
        short.unwrap_or(cash.payments.len())
    }

    /// The commission of cash is payable when it was counted: of these payments from `before` on.
    pub(crate) fn cash_arrived(&mut self, firm: u32, place: usize, before: usize) {
        let cash = &self.firms.get(firm).counted_cash[place];
        let arrived = before..self.counted_in_full(cash);
        let slots: Vec<u32> = cash.payments.range(arrived).copied().collect();
        slots.into_iter().for_each(|slot| self.stop_awaiting_commission(slot));
    }

    /// The commission whose money has not arrived is that of the payments.
    pub(crate) fn check_commission(&self, wrong: &mut Vec<String>) {
        let mut counted = vec![false; self.payments.slots()];
        for cash in self.firms.iter().flat_map(|firm| &firm.counted_cash) {
            for &slot in cash.payments.iter().take(self.counted_in_full(cash)) {
                counted[slot as usize] = true;
            }
        }
        let mut expected = vec![0_u128; self.firms.len() as usize];
        for (slot, item) in self.payments.iter().filter(|(_, item)| item.is_collected()) {
            let arrived = match item.method {
                PaymentMethod::Cash => item.status.is_received() || counted[slot as usize],
                PaymentMethod::Card(_) | PaymentMethod::Qr => item.status.is_received(),
            };
            let (firm, commission) = self.firm_and_commission(item);
            expected[firm as usize] += if arrived { 0 } else { commission };
        }
        for (firm, expected) in self.firms.iter().zip(expected) {
            if firm.commission_not_arrived != expected {
                wrong.push(format!(
                    "M5: firm {} has {} of commission whose money has not arrived, the payments \
                     say {expected}",
                    firm.reference, firm.commission_not_arrived
                ));
            }
        }
    }
}

impl PaymentStatus {
    /// Whether the payment's money was received.
    pub(crate) fn is_received(&self) -> bool {
        matches!(self, PaymentStatus::Held { .. } | PaymentStatus::Released { .. })
    }
}

//! Received money (M5): cleared by a network or wallet, or cash credited by the bank.

use tariff::{BusinessDate, PaymentMethod};

use crate::books::{Books, Now, check_above_zero, done_before};
use crate::breaks::record::Difference;
use crate::chart::ChartEntry;
use crate::clearing::release::{Hold, PendingRelease};
use crate::command::{BreakSide, BreakSubject, ConfirmClearing, HoldRule};
use crate::event::{CommandOutcome, Event};
use crate::ids::PersonId;
use crate::party::record::RailId;
use crate::payment::record::{ClearingHash, PaymentStatus};
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::transaction::LineDecision;
use crate::used_numbers::content_hash;

impl Books {
    pub(crate) fn confirm_clearing(
        &mut self,
        command: &ConfirmClearing,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmClearing { bank: bank_id, payment: id, amount, deducted } = *command;
        let today = now.today;
        check_above_zero(amount)?;
        let missing = Refusal::NotFound(MissingRecord::Bank(bank_id));
        let bank = self.banks.find(bank_id).ok_or(missing)?;
        if self.sale_without_parcel(id).is_some() {
            return self.clear_suspended_sale(command, out);
        }
        let (slot, _) = self.find_payment(id)?;
        let item = self.payment(slot);
        if item.method == PaymentMethod::Cash {
            return Err(Refusal::PaymentState);
        }
        let clearing = content_hash([bank_id.0, deducted.minor()].into_iter());
        match item.status {
            PaymentStatus::Approved { .. } => {}
            PaymentStatus::Held { clearing: before, .. }
            | PaymentStatus::Released { clearing: before, .. } => {
                return Err(done_before(amount == item.amount && clearing == before));
            }
            _ => return Err(Refusal::PaymentState),
        }
        if amount != item.amount {
            return Err(Refusal::AmountMismatch(item.amount));
        }
        let received = amount.checked_sub(deducted).ok_or(Refusal::AmountTooLarge(amount))?;
        let rail = self.rails.get(u32::from(item.rail));
        self.check_same_currency(bank.currency, rail.currency)?;
        let (bank, receivable, currency, rail) =
            (bank.account, rail.receivable, rail.currency, rail.id);
        let expected = self.deducted_by_network(item);
        let accounts = self.currency_accounts(currency);
        let (cost, suspense) = (accounts.clearing_cost, accounts.suspense);
        let tariff = self.tariff_version(item.tariff_version);
        let agreed = expected.min(deducted);
        let too_much = deducted.saturating_sub(expected);
        let too_little = expected.saturating_sub(deducted);

        self.ledger.begin_chain(Some(id), Some(tariff));
        self.ledger.post(ChartEntry::Cleared, bank, receivable, received);
        self.ledger.post(ChartEntry::ClearingFeeDeducted, cost, receivable, agreed);
        self.ledger.post(ChartEntry::DeductedTooMuch, suspense, receivable, too_much);
        // The seller paid the tariff's fee. The part that the network did not deduct is
        // unexplained.
        self.ledger.post(ChartEntry::DeductedTooLittle, cost, suspense, too_little);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        let subject = match rail {
            RailId::Network(network) => BreakSubject::Network(network),
            RailId::Wallet(wallet) => BreakSubject::Wallet(wallet),
        };
        let owner = PersonId(0);
        for (side, difference) in
            [(BreakSide::Shortfall, too_much), (BreakSide::Excess, too_little)]
        {
            if !difference.is_zero() {
                let difference = Difference { subject, side, amount: difference };
                self.record_automatic_break(difference, currency, owner, today, out);
            }
        }
        self.record_funds_received(slot, clearing, today, out);
        self.decide_lines([id], LineDecision::Clearing, today, out);
        Ok(())
    }

    /// The payment's money was received. It goes on hold by the jurisdiction's hold rule. If the
    /// parcel is not delivered, the hold does not end before that, unless nothing of it stands.
    pub(crate) fn record_funds_received(
        &mut self,
        slot: u32,
        clearing: ClearingHash,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let PaymentStatus::Approved { unpaid_refunds: unpaid } = item.status else {
            panic!("M5: only an approved payment can be received");
        };
        let jurisdiction = self.sellers.get(item.seller).jurisdiction;
        let rule = self.reference_data.hold_rules.get(&jurisdiction);
        let rule = rule.expect("a seller's jurisdiction has a hold rule");
        let (days, days_after_delivery) = match *rule {
            HoldRule::AtOnce => (0, 0),
            HoldRule::DaysAfterHeld(days) => (days, 0),
            HoldRule::DaysAfterDelivery(days) => (0, days),
        };
        let hold = Hold { earliest: today.plus_days(days), days_after_delivery };
        let (payment, standing) = (item.id(), item.standing());
        let delivered = self.is_delivered(item.parcel).then_some(item.date);
        let payable_on = match delivered {
            None if standing.is_zero() => today,
            None => hold.ends_on(today),
            Some(delivered) => hold.ends_on(delivered),
        };
        out.events.push(Event::PaymentHeld { payment, payable_on });
        self.payment_mut(slot).status = PaymentStatus::Held { unpaid_refunds: unpaid, clearing };
        if delivered.is_none() && !standing.is_zero() {
            self.reference_data.awaiting_delivery.insert(slot, hold);
        } else {
            self.hold_until(payable_on, PendingRelease { slot, days_after_delivery }, today, out);
        }
    }
}

//! What a rail owes for a payment, and what its files have paid for it.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::PaymentMethod;

use crate::books::Books;
use crate::breaks::index::LineBreaks;
use crate::command::{BreakSide, BreakSubject, ClearLine, FIRST_AUTOMATIC_BREAK};
use crate::ids::PaymentId;
use crate::party::record::RailId;
use crate::payment::record::{PaymentRecord, RefundKind, SuspendedSaleEnd};

/// What files have paid for a payment, in minor units. A received payment without one was paid its
/// amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PaymentClearing {
    /// Paid for a collected payment.
    pub claimed: u128,
    /// Paid for a payment that is not collected. A reversal will take it back.
    pub unclaimed: u128,
    /// The line that paid `unclaimed`, if the payment was not collected by then.
    pub early_line: Option<Box<ClearLine>>,
    /// Taken for refunds, and for chargebacks.
    pub refunds: u128,
    pub chargebacks: u128,
    /// Paid back for chargebacks, and deducted as their fees.
    pub represented: u128,
    pub chargeback_fees: u128,
    /// Whether a line has paid it, also if that was taken back since.
    pub was_paid: bool,
}

impl PaymentClearing {
    /// What the files have paid less what they have taken, in minor units.
    fn net(&self) -> i128 {
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        let paid = self.claimed + self.unclaimed + self.represented;
        signed(paid) - signed(self.refunds + self.chargebacks + self.chargeback_fees)
    }
}

impl BreakSubject {
    pub(crate) fn of_rail(rail: RailId) -> BreakSubject {
        match rail {
            RailId::Network(network) => BreakSubject::Network(network),
            RailId::Wallet(wallet) => BreakSubject::Wallet(wallet),
        }
    }
}

impl Books {
    pub(crate) fn clearing_of(&self, item: &PaymentRecord) -> PaymentClearing {
        let known = self.clearings.get(&item.id()).cloned();
        known.unwrap_or_else(|| {
            let was_paid = item.status.is_received() && !self.is_rejected(item.id());
            let claimed = if was_paid { item.amount.minor().into() } else { 0 };
            PaymentClearing { claimed, was_paid, ..PaymentClearing::default() }
        })
    }

    /// Refunds of a payment that its rail has taken, and its chargebacks in minor units: won ones
    /// too, so they can add up to more than the payment.
    pub(crate) fn taken_by_rail(&self, item: &PaymentRecord) -> (Amount, u128) {
        let (mut owed, mut charged_back, mut paid) = (0, 0_u128, 0);
        for number in 1..=item.refund_count {
            match self.refunds.get(&(item.id(), number)) {
                Some(one) if one.kind == RefundKind::ChargeBack => {
                    charged_back += u128::from(one.amount.minor());
                }
                Some(one) if one.kind.is_owed() => owed += one.amount.minor(),
                Some(_) | None => {}
            }
        }
        for number in 1..=item.confirmations {
            let confirmed = self.refund_confirmations.get(&(item.id(), number));
            paid += confirmed.map_or(0, |one| one.amount.minor());
        }
        let unpaid = item.status.unpaid_refunds().map_or(0, Amount::minor);
        (Amount::of(owed.saturating_sub(paid + unpaid)), charged_back)
    }

    /// What the rail owes for a payment before it pays: what was collected, less forwarded refunds,
    /// chargebacks that are not won, and their fees.
    fn claim(&self, item: &PaymentRecord) -> i128 {
        let minor = |amount: Amount| i128::from(amount.minor());
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        if !item.is_collected() || self.is_rejected(item.id()) {
            return 0;
        }
        let (forwarded, charged_back) = self.taken_by_rail(item);
        let (won, fees) = self.won_and_fees(item.id());
        minor(item.amount) + signed(won) - minor(forwarded) - signed(charged_back) - signed(fees)
    }

    /// What the rail owes for a payment less what it paid. Below zero, its file will take it.
    pub(crate) fn unsettled(&self, item: &PaymentRecord) -> i128 {
        self.claim(item) - self.clearing_of(item).net()
    }

    /// Whether the rail and the books owe each other nothing for a payment.
    pub(crate) fn is_settled(&self, item: &PaymentRecord) -> bool {
        item.method == PaymentMethod::Cash || self.unsettled(item) == 0
    }

    /// What was paid for a collected payment is to be taken back: the payment is reversed.
    pub(crate) fn unclaim(&mut self, slot: u32) {
        let item = self.payment(slot);
        let (id, mut clearing) = (item.id(), self.clearing_of(item));
        if item.method != PaymentMethod::Cash && clearing.claimed > 0 {
            clearing.unclaimed += std::mem::take(&mut clearing.claimed);
            self.clearings.insert(id, clearing);
        }
    }

    /// A rail's receivable is the claims of its payments less what its files paid for them, and the
    /// breaks that people raised there. The index of the breaks of lines is right.
    pub(crate) fn check_receivables(&self, wrong: &mut Vec<String>) {
        let mut expected = vec![0_i128; self.rails.len() as usize];
        let mut listed = 0;
        for (_, item) in self.payments.iter().filter(|(_, item)| item.method != PaymentMethod::Cash)
        {
            let net = self.clearing_of(item).net();
            expected[usize::from(item.rail)] += self.claim(item) - net;
            listed += usize::from(self.clearings.contains_key(&item.id()));
        }
        for (id, sale) in &self.reference_data.suspended_sales {
            let rejected = sale.end == Some(SuspendedSaleEnd::Rejected);
            if self.sale_without_parcel(*id).is_some() && !sale.cleared && !rejected {
                expected[usize::from(sale.rail)] += i128::from(sale.amount.minor());
            }
        }
        if listed != self.clearings.len() {
            wrong.push("M5: the clearing of a forgotten payment is remembered".into());
        }
        let mut raised: BTreeMap<RailId, i128> = BTreeMap::new();
        for (_, one) in self.reference_data.breaks.range(..FIRST_AUTOMATIC_BREAK) {
            if one.withdrawn_by().is_some() {
                continue;
            }
            let rail = match one.subject {
                BreakSubject::Network(network) => RailId::Network(network),
                BreakSubject::Wallet(wallet) => RailId::Wallet(wallet),
                BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => continue,
            };
            let amount = i128::from(one.raised.amount.minor());
            let amount = if one.side == BreakSide::Excess { amount } else { -amount };
            *raised.entry(rail).or_default() += amount;
        }
        for (rail, expected) in self.rails.iter().zip(expected) {
            let expected = expected + raised.get(&rail.id).copied().unwrap_or(0);
            let balance = self.ledger.account(rail.receivable).balance();
            if balance != expected {
                wrong.push(format!(
                    "M5: {} owes {balance}, its payments and files say {expected}",
                    rail.reference
                ));
            }
        }
        if self.line_breaks != LineBreaks::of(&self.reference_data) {
            wrong.push("M9: the index of the breaks of lines is wrong".into());
        }
    }

    /// Forgets what was cleared of a forgotten payment.
    pub(crate) fn forget_clearing(&mut self, payment: PaymentId) {
        self.clearings.remove(&payment);
    }
}

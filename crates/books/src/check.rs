//! Checks the money rules over the whole state, at every snapshot and by `verify`.

use std::collections::{BTreeSet, VecDeque};

use ledger::AccountNumber;
use money::Amount;
use tariff::{BusinessDate, PaymentMethod};

use crate::books::Books;
use crate::cash::record::CountedCash;
use crate::command::NUMBERS_REMEMBERED;
use crate::parcel::index::ParcelSlot;
use crate::party::record::Firm;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::reference_data::ReferenceData;

impl Books {
    /// Checks every rule that the state can show. Reads everything: takes seconds with millions of
    /// parcels.
    ///
    /// # Errors
    /// One line per violation, beginning with the rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if let Err(error) = self.ledger.ledger.check() {
            wrong.push(error);
        }
        self.check_parcels(&mut wrong);
        self.check_refunds(&mut wrong);
        self.check_chargebacks(&mut wrong);
        self.check_fees(&mut wrong);
        self.check_used_numbers(&mut wrong);
        if self.reference_data.utc_offset_minutes.is_some() && !self.has_administrator() {
            wrong.push("M9: nobody is an administrator".to_owned());
        }
        self.check_unknown(&mut wrong);
        self.check_receivables(&mut wrong);
        self.check_held(&mut wrong);
        self.check_holds(&mut wrong);
        self.check_cash(&mut wrong);
        self.check_statements(&mut wrong);
        self.check_seller_debts(&mut wrong);
        self.check_commission(&mut wrong);
        self.check_taxes(&mut wrong);
        self.check_damages(&mut wrong);
        self.check_discounts(&mut wrong);
        self.check_breaks(&mut wrong);
        self.check_suspended_sales(&mut wrong);
        self.check_rejected_sales(&mut wrong);
        self.check_open_items(&mut wrong);
        self.check_transactions(&mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn balance(&self, account: AccountNumber) -> i128 {
        self.ledger.account(account).balance()
    }

    fn check_parcels(&self, wrong: &mut Vec<String>) {
        if self.all_out().collect::<BTreeSet<_>>() != self.listed_out() {
            wrong.push("M2: the couriers' lists are not the parcels that are out".to_owned());
        }
        for (slot, parcel) in self.parcels.iter() {
            if self.parcel_slot(parcel.id) != Some(ParcelSlot::Open(slot)) {
                wrong.push(format!(
                    "M2: parcel {:032x} is not at its place in the index",
                    parcel.id.bits()
                ));
            }
            let taken = self.taken_amount(parcel.last_payment);
            if taken > parcel.due {
                wrong.push(format!(
                    "M2: parcel {:032x} has more standing or in flight than its amount due",
                    parcel.id.bits()
                ));
            }
            let flights = self
                .payments_from(parcel.last_payment)
                .filter(|(_, item)| item.status.is_in_flight());
            if flights.count() != usize::from(parcel.in_flight) {
                let id = parcel.id.bits();
                wrong.push(format!("M4: parcel {id:032x} has a wrong count of payments in flight"));
            }
        }
    }

    /// A payment's refunds are those under its numbers, and no more is confirmed than was refunded.
    fn check_refunds(&self, wrong: &mut Vec<String>) {
        let (mut refunds, mut confirmations) = (0, 0);
        for (_, item) in self.payments.iter().filter(|(_, item)| item.refund_count > 0) {
            let id = item.id();
            let numbered = |last: u8| (1..=last).map(move |number| (id, number));
            let found = numbered(item.refund_count)
                .filter_map(|number| Some((number, self.refunds.get(&number)?)));
            let (mut sum, mut owed) = (0_u128, 0_u128);
            for ((payment, number), refund) in found {
                refunds += 1;
                if self.is_won(payment, number) {
                    continue;
                }
                if refund.after_delivery && !self.is_delivered(item.parcel) {
                    wrong.push(format!(
                        "M2: parcel {:032x} is not delivered, a refund says so",
                        item.parcel.bits()
                    ));
                }
                sum += u128::from(refund.amount.minor());
                if refund.kind.is_owed() {
                    owed += u128::from(refund.amount.minor());
                }
            }
            let found = numbered(item.confirmations)
                .filter_map(|number| self.refund_confirmations.get(&number));
            let mut left = u128::from(item.status.unpaid_refunds().map_or(0, Amount::minor));
            for confirmation in found {
                confirmations += 1;
                left += u128::from(confirmation.amount.minor());
            }
            if sum != u128::from(item.refunded.minor()) || left > owed {
                wrong.push(format!(
                    "M10: payment {} of parcel {:032x} has {} refunded, its numbers say {sum}; \
                     {left} is paid or unpaid of {owed}",
                    item.number,
                    item.parcel.bits(),
                    item.refunded.minor()
                ));
            }
        }
        let listed = (self.refunds.len(), self.refund_confirmations.len());
        if listed != (refunds, confirmations) {
            wrong.push(format!(
                "M10: {} refunds and {} confirmations are remembered, the payments have {refunds} \
                 and {confirmations}",
                listed.0, listed.1
            ));
        }
    }

    /// The fees of collected payments are those of their terms, or are remembered as shared.
    fn check_fees(&self, wrong: &mut Vec<String>) {
        let mut shared = 0;
        for (_, item) in self.payments.iter().filter(|(_, item)| item.is_collected()) {
            shared += usize::from(self.shared_fees.contains_key(&item.id()));
            if self.posted_fees(item).total() != item.fees {
                wrong.push(format!(
                    "M8: the fees of payment {} of parcel {:032x} are not those of its terms",
                    item.number,
                    item.parcel.bits()
                ));
            }
        }
        if shared != self.shared_fees.len() {
            wrong.push("M8: shared fees are remembered without their payment".into());
        }
    }

    /// The latest numbers of couriers, firms and terminals have their content, and each hand-over
    /// is found.
    fn check_used_numbers(&self, wrong: &mut Vec<String>) {
        let mut hand_overs = 0;
        for (number, courier) in (0..).zip(self.couriers.iter()) {
            let mut ids = courier.handovers.iter().map(|one| one.id);
            hand_overs += ids.len();
            let found = ids.all(|id| self.hand_over_couriers.get(&id) == Some(&number));
            if !found
                || !courier.handovers.is_complete()
                || !courier.shortage_reductions.is_complete()
            {
                wrong.push(format!("M10: courier {} has forgotten a number", courier.reference));
            }
        }
        let ReferenceData { adjustments, period_closes, tax_payments, .. } = &self.reference_data;
        let ReferenceData { disclosures, erasures, .. } = &self.reference_data;
        if !disclosures.is_complete() || !erasures.is_complete() {
            wrong.push("M10: a disclosure or an erasure is forgotten".to_owned());
        }
        let complete = adjustments.is_complete() && tax_payments.is_complete();
        if !complete || !period_closes.is_complete() {
            let what = "an adjusting entry, a tax payment or a period's close";
            wrong.push(format!("M10: {what} is forgotten"));
        }
        for terminal in self.terminals.iter().filter(|one| !one.changes.is_complete()) {
            wrong.push(format!("M10: terminal {} has forgotten a number", terminal.id));
        }
        if hand_overs != self.hand_over_couriers.len() {
            wrong.push("M10: a hand-over is remembered without its courier".into());
        }
        for firm in self.firms.iter() {
            let complete = firm.deposits.is_complete() && firm.commission_payments.is_complete();
            if !complete || firm.ended_deposits.len() > NUMBERS_REMEMBERED {
                wrong.push(format!("M10: firm {} has forgotten a number", firm.reference));
            }
        }
    }

    /// A rail's pending sum is its payments in flight or unknown, and its count of unknown payments
    /// is right.
    fn check_unknown(&self, wrong: &mut Vec<String>) {
        let rails = self.rails.len() as usize;
        let (mut unknown, mut pending) = (vec![0_u32; rails], vec![0_u128; rails]);
        for (_, item) in self.payments.iter().filter(|(_, item)| item.method != PaymentMethod::Cash)
        {
            let rail = usize::from(item.rail);
            if item.status.is_in_flight() || item.status.is_unknown() {
                pending[rail] += u128::from(item.amount.minor());
            }
            unknown[rail] += u32::from(item.status.is_unknown());
        }
        for (place, rail) in self.rails.iter().enumerate() {
            let reserved = self.ledger.account(rail.receivable).debits_pending();
            if rail.unknown_payments != unknown[place] || reserved != pending[place] {
                wrong.push(format!(
                    "M4: {} has {} unknown payments and {reserved} pending, its payments say {} \
                     and {}",
                    rail.reference, rail.unknown_payments, unknown[place], pending[place]
                ));
            }
        }
    }

    /// A seller's held balance is the held shares of its payments that are not released, and its
    /// discounts that wait for them.
    fn check_held(&self, wrong: &mut Vec<String>) {
        let mut held = vec![0_i128; self.sellers.len() as usize];
        for (_, item) in self.payments.iter() {
            if item.is_collected() && !matches!(item.status, PaymentStatus::Released { .. }) {
                held[item.seller as usize] += i128::from(item.held_share().minor());
            }
        }
        for discount in self.reference_data.discounts.values().filter(|one| !one.payable) {
            held[discount.seller as usize] += i128::from(discount.amount.minor());
        }
        for (seller, expected) in self.sellers.iter().zip(held) {
            let balance = self.balance(seller.held);
            if balance != expected {
                wrong.push(format!(
                    "M5: seller {} has {balance} held, the payments say {expected}",
                    seller.reference
                ));
            }
        }
    }

    /// Each held payment has a day of release, or waits for the delivery of a parcel that is not
    /// delivered.
    fn check_holds(&self, wrong: &mut Vec<String>) {
        let is_held = |item: &PaymentRecord| matches!(item.status, PaymentStatus::Held { .. });
        let held = self.payments.iter().filter(|(_, item)| is_held(item)).count();
        let pending = &self.reference_data.pending_releases;
        let dated =
            pending.iter().flat_map(|(day, due)| due.iter().map(move |one| (day, one.slot)));
        let dated: Vec<_> = dated.collect();
        let waiting = &self.reference_data.awaiting_delivery;
        let of_held = |slot: &u32| self.payments.get(*slot).is_some_and(is_held);
        let knows_its_day = |(day, slot): &(&BusinessDate, u32)| {
            let status = self.payments.get(*slot).map(|item| item.status);
            matches!(status, Some(PaymentStatus::Held { release_on, .. }) if release_on == **day)
        };
        if dated.len() + waiting.len() != held
            || !dated.iter().all(knows_its_day)
            || !waiting.keys().all(of_held)
        {
            wrong.push(format!(
                "M5: {held} payments are held, {} have a day of release, {} wait for a delivery",
                dated.len(),
                waiting.len()
            ));
        }
        for item in waiting.keys().filter_map(|slot| self.payments.get(*slot)) {
            if self.is_delivered(item.parcel) || item.standing().is_zero() {
                wrong.push(format!(
                    "M5: a payment of parcel {:032x} waits for a delivery that cannot come",
                    item.parcel.bits()
                ));
            }
        }
    }

    /// A courier's cash is the payments not handed over, the shortage that of the hand-overs. A
    /// firm's cash, and what is missing of it, is what was counted and not deposited. Each cash
    /// payment that is not received is in one place.
    fn check_cash(&self, wrong: &mut Vec<String>) {
        let mut short = vec![0_i128; self.couriers.len() as usize];
        let mut places = vec![0_u32; self.payments.slots()];
        for firm in self.firms.iter() {
            let (mut undeposited, mut guaranteed) = (0, 0);
            for cash in &firm.counted_cash {
                undeposited += i128::from(cash.undeposited().minor());
                if let Some(courier) = cash.courier {
                    short[courier as usize] += i128::from(cash.shortage().minor());
                }
                guaranteed += self.check_counted_cash(firm, cash, &mut places, wrong);
            }
            let there = self.balance(firm.cash) + self.missing_cash(firm.id);
            if there != undeposited {
                wrong.push(format!(
                    "M6: firm {} has {there} in cash or missing, {undeposited} was counted and not \
                     deposited",
                    firm.reference
                ));
            }
            if i128::from(firm.guaranteed.minor()) != guaranteed {
                wrong.push(format!(
                    "M5: firm {} guarantees {}, waiting cash says {guaranteed}",
                    firm.reference,
                    firm.guaranteed.minor()
                ));
            }
        }
        for (courier, short) in self.couriers.iter().zip(short) {
            courier.in_hand.iter().for_each(|&slot| places[slot as usize] += 1);
            let in_hand = self.sum_of(&courier.in_hand);
            let found = (self.balance(courier.cash), self.balance(courier.shortage));
            if found != (in_hand, short) {
                wrong.push(format!(
                    "M6: courier {} has {} in hand and {} short, the payments say {in_hand} and \
                     {short}",
                    courier.reference, found.0, found.1
                ));
            }
        }
        for (slot, item) in self.payments.iter() {
            let approved = matches!(item.status, PaymentStatus::Approved { .. });
            let waits = item.method == PaymentMethod::Cash && (approved || item.guaranteed);
            if places[slot as usize] != u32::from(waits) {
                wrong.push(format!(
                    "M6: payment {} of parcel {:032x} is in {} hand-overs or hands",
                    item.number,
                    item.parcel.bits(),
                    places[slot as usize]
                ));
            }
        }
    }

    /// Checks one amount that waits for the bank, and counts its payments. Returns the sum of the
    /// guaranteed ones.
    fn check_counted_cash(
        &self,
        firm: &Firm,
        cash: &CountedCash,
        places: &mut [u32],
        wrong: &mut Vec<String>,
    ) -> i128 {
        let first = cash.payments.front().map(|&slot| self.payment(slot).amount);
        let received = cash.is_done() || first.is_some_and(|amount| amount <= cash.credited);
        let expected = self.sum_of(&cash.payments);
        if received || i128::from(cash.expected.minor()) != expected {
            wrong.push(format!("M6: firm {} has {cash:?}, expected {expected}", firm.reference));
        }
        cash.payments.iter().for_each(|&slot| places[slot as usize] += 1);
        let mut covered = cash.counted;
        let mut guaranteed = 0;
        for item in cash.payments.iter().map(|&slot| self.payment(slot)) {
            let fits = covered >= item.amount;
            covered = covered.saturating_sub(item.amount);
            guaranteed += if item.guaranteed { i128::from(item.amount.minor()) } else { 0 };
            if Some(item.courier) != cash.courier || (item.guaranteed && !fits) {
                wrong.push(format!(
                    "M5: payment {} of parcel {:032x} waits in another courier's cash, or is \
                     guaranteed and was not counted",
                    item.number,
                    item.parcel.bits()
                ));
            }
        }
        guaranteed
    }

    fn sum_of(&self, payments: &VecDeque<u32>) -> i128 {
        payments.iter().map(|&slot| i128::from(self.payment(slot).amount.minor())).sum()
    }

    /// Open shortfalls that reconciliation found in a firm's cash. Excesses wait for a deposit.
    fn missing_cash(&self, firm: crate::ids::FirmId) -> i128 {
        use crate::command::{BreakSide, BreakSubject};
        let what = (BreakSubject::FirmCash(firm), BreakSide::Shortfall);
        let open = self.reference_data.breaks.values().filter(|one| one.is_open());
        let missing = open.filter(|one| (one.subject, one.side) == what);
        missing.map(|one| i128::from(one.amount.minor())).sum()
    }

    /// Each seller's statement equals its payable balance (M7, M8).
    fn check_statements(&self, wrong: &mut Vec<String>) {
        for seller in self.sellers.iter() {
            let available = self.ledger.account(seller.payable).available();
            if available != seller.statement.net() {
                wrong.push(format!(
                    "M8: seller {} has {available} payable, the statement says {}",
                    seller.reference,
                    seller.statement.net()
                ));
            }
        }
        for (place, accounts) in self.reference_data.currencies.iter().enumerate() {
            let of_currency = |seller: u32| usize::from(self.sellers.get(seller).currency) == place;
            let in_flight: u128 = self
                .reference_data
                .payouts
                .values()
                .filter(|payout| payout.arrived.is_none() && of_currency(payout.seller))
                .map(|payout| u128::from(payout.net.minor()))
                .sum();
            let balance = self.balance(accounts.payout_in_flight);
            if u128::try_from(balance) != Ok(in_flight) {
                let currency = accounts.currency;
                wrong.push(format!(
                    "M7: {balance} {currency} in flight, the payouts say {in_flight}"
                ));
            }
        }
        for bank in self.banks.iter() {
            let payouts = self.reference_data.payouts.values();
            let leaving = payouts.filter(|one| one.arrived.is_none() && one.bank == bank.account);
            let leaving: u128 = leaving.map(|payout| u128::from(payout.net.minor())).sum();
            let reserved = self.ledger.account(bank.account).credits_pending();
            if reserved != leaving {
                wrong.push(format!(
                    "M7: bank account {} has {reserved} reserved, the payouts in flight say \
                     {leaving}",
                    bank.reference
                ));
            }
        }
    }

    /// The sellers below zero are listed, and a seller's receivable is the open part of its
    /// invoices.
    fn check_seller_debts(&self, wrong: &mut Vec<String>) {
        let ReferenceData { sellers_below_zero, seller_receivables, seller_invoices, .. } =
            &self.reference_data;
        for (number, seller) in (0..).zip(self.sellers.iter()) {
            let balance = self.balance(seller.payable);
            if (balance < 0) != sellers_below_zero.contains_key(&number) {
                wrong.push(format!(
                    "M7: seller {} has {balance} payable, the list of sellers below zero differs",
                    seller.reference
                ));
            }
            let invoices = seller_invoices.range((number, 0)..=(number, u32::MAX));
            let open: i128 = invoices.map(|(_, one)| i128::from(one.open().minor())).sum();
            let account = seller_receivables.get(&number);
            let balance = account.map_or(0, |account| self.balance(*account));
            if balance != open {
                wrong.push(format!(
                    "M7: seller {} owes {balance} on invoices, the invoices say {open}",
                    seller.reference
                ));
            }
        }
    }

    /// The suspense balance is the open breaks, which others decided than had a part (M9).
    fn check_breaks(&self, wrong: &mut Vec<String>) {
        use crate::command::BreakSide;
        self.check_evidence(wrong);
        self.check_reconciliation(wrong);
        for (id, _) in
            self.reference_data.breaks.iter().filter(|(_, one)| !one.is_decided_by_others())
        {
            wrong.push(format!(
                "M9: break {id} was decided by a person who had a part in it before"
            ));
        }
        for (place, accounts) in self.reference_data.currencies.iter().enumerate() {
            let open = self.reference_data.breaks.values().filter(|one| one.is_open());
            let here = open.filter(|one| usize::from(one.currency) == place);
            let expected: i128 = here
                .map(|one| match one.side {
                    BreakSide::Excess => -i128::from(one.amount.minor()),
                    BreakSide::Shortfall => i128::from(one.amount.minor()),
                })
                .sum();
            let balance = self.balance(accounts.suspense);
            if balance != expected {
                let currency = accounts.currency;
                wrong.push(format!(
                    "M9: {balance} {currency} in suspense, the open breaks say {expected}"
                ));
            }
        }
    }
}

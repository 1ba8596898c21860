//! Custody of cash (M6): it is the courier's until a hub counts it.

use money::Amount;
use sha2::{Digest as _, Sha256};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, clamp_to_amount, done_before};
use crate::breaks::record::Difference;
use crate::cash::record::{CountedCash, HandOver, HandOverCount};
use crate::chart::ChartEntry;
use crate::command::{BreakSide, BreakSubject, CountHandOver, RepayShortage, StartHandOver};
use crate::event::{CommandOutcome, Event};
use crate::ids::HandOverId;
use crate::payment::record::NOT_CLEARED;
use crate::refusal::{MissingRecord, Refusal};

/// SHA-256 over a hand-over and its one-time code. `StartHandOver` carries it instead of
/// the code, so reading the journal before the count does not reveal the code.
#[must_use]
pub fn one_time_code_hash(handover: HandOverId, code: u32) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"doorstep hand-over\0");
    hasher.update(handover.0.to_be_bytes());
    hasher.update(code.to_be_bytes());
    hasher.finalize().into()
}

impl Books {
    pub(crate) fn start_hand_over(
        &mut self,
        command: &StartHandOver,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let StartHandOver { handover: id, courier, number: which, code_hash } = *command;
        let number = self.courier_number(courier)?;
        let courier = self.couriers.get(number);
        courier.handovers.check(which, |one| one.id == id && one.code_hash == code_hash)?;
        if courier.open_hand_over().is_some() {
            return Err(Refusal::HandOverOpen);
        }
        if self.hand_over_couriers.contains_key(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        let cash = self.ledger.account(courier.cash).balance();
        let expected = u64::try_from(cash).ok().and_then(Amount::new);
        let expected = expected.filter(|cash| !cash.is_zero()).ok_or(Refusal::NoCashInHand)?;
        let items = u32::try_from(courier.in_hand.len()).expect("fewer than 2³² payments");
        let handover = HandOver { id, expected, payment_count: items, code_hash, count: None };
        if let Some(forgotten) = self.couriers.get_mut(number).handovers.push(handover) {
            self.hand_over_couriers.remove(&forgotten.id);
        }
        self.hand_over_couriers.insert(id, number);
        out.events.push(Event::HandOverStarted { handover: id, expected });
        Ok(())
    }

    pub(crate) fn count_hand_over(
        &mut self,
        command: &CountHandOver,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CountHandOver { handover: id, code, counted, counted_by } = *command;
        let today = now.today;
        let number = self.hand_over_couriers.get(&id).copied();
        let number = number.ok_or(Refusal::NotFound(MissingRecord::HandOver(id)))?;
        let courier = self.couriers.get(number);
        let handover = courier.handovers.iter().find(|one| one.id == id).cloned();
        let handover = handover.expect("the courier holds the same hand-overs");
        let right_code = one_time_code_hash(id, code) == handover.code_hash;
        let count = HandOverCount { counted, counted_by };
        if let Some(before) = handover.count {
            return Err(done_before(right_code && before == count));
        }
        if counted_by.0 == courier.id.0 {
            return Err(Refusal::SamePerson);
        }
        if !right_code {
            return Err(Refusal::WrongCode);
        }
        let (courier_id, firm_number) = (courier.id, courier.firm);
        let (cash, shortage) = (courier.cash, courier.shortage);
        let firm = self.firms.get(firm_number);
        let (firm_id, firm_cash, currency) = (firm.id, firm.cash, firm.currency);
        let suspense = self.currency_accounts(currency).suspense;
        let expected = handover.expected;
        let missing = expected.saturating_sub(counted);
        let surplus = counted.saturating_sub(expected);
        let offsets = self.surplus_offsets(number, missing);
        let offset = offsets.iter().map(|one| one.amount).fold(Amount::ZERO, |sum, amount| {
            sum.checked_add(amount).expect("a part of the amount missing")
        });
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::HandOverCounted, firm_cash, cash, counted.min(expected));
        self.ledger.post(ChartEntry::SurplusOffset, suspense, cash, offset);
        let short = missing.saturating_sub(offset);
        self.ledger.post(ChartEntry::HandOverShort, shortage, cash, short);
        self.ledger.post(ChartEntry::HandOverSurplus, firm_cash, suspense, surplus);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        out.events.push(Event::HandOverCounted {
            handover: id,
            courier: courier_id,
            expected,
            counted,
        });
        let credited = self.take_offsets(number, &offsets, counted_by, out);
        let courier = self.couriers.get_mut(number);
        let latest = courier.handovers.latest_mut().filter(|one| one.id == id);
        latest.expect("only the latest hand-over can be open").count = Some(count);
        let payments = courier.in_hand.drain(..handover.payment_count as usize).collect();
        let surplus_break = (!surplus.is_zero()).then(|| {
            let subject = BreakSubject::FirmCash(firm_id);
            let difference = Difference { subject, side: BreakSide::Excess, amount: surplus };
            self.record_automatic_break(difference, currency, counted_by, today, out)
        });
        if let Some(break_id) = surplus_break {
            self.add_surplus(number, break_id);
        }
        let courier = Some(number);
        let mut new = CountedCash { courier, payments, expected, counted, credited, surplus_break };
        new.add_counted(offset);
        self.add_counted_cash(firm_number, new, today, out);
        Ok(())
    }

    /// Queues the cash of a hand-over for the firm's deposits. Payments that the bank's credit
    /// covers are received, and so are those that the firm's guarantee covers.
    fn add_counted_cash(
        &mut self,
        firm: u32,
        cash: CountedCash,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let waiting = &mut self.firms.get_mut(firm).counted_cash;
        let place = waiting.len();
        waiting.push_back(cash);
        self.receive_credited(firm, place, today, out);
        let cash = &self.firms.get(firm).counted_cash[place];
        if cash.is_done() {
            self.firms.get_mut(firm).counted_cash.pop_back();
            return;
        }
        let mut counted = cash.counted;
        for slot in cash.payments.clone() {
            let amount = self.payment(slot).amount;
            // The guarantee never covers a shortage.
            let Some(left) = counted.checked_sub(amount) else { break };
            counted = left;
            self.guarantee(firm, slot, today, out);
        }
    }

    /// Counts a payment as received if the firm's guarantee has room for it.
    fn guarantee(&mut self, firm: u32, slot: u32, today: BusinessDate, out: &mut CommandOutcome) {
        let amount = self.payment(slot).amount;
        let record = self.firms.get_mut(firm);
        let guaranteed = record.guaranteed.checked_add(amount);
        if let Some(guaranteed) = guaranteed.filter(|sum| *sum <= record.guarantee) {
            record.guaranteed = guaranteed;
            self.payment_mut(slot).guaranteed = true;
            self.record_funds_received(slot, NOT_CLEARED, today, out);
        }
    }

    pub(crate) fn repay_shortage(
        &mut self,
        command: &RepayShortage,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RepayShortage { courier, number, amount } = *command;
        check_above_zero(amount)?;
        let place = self.courier_number(courier)?;
        let record = self.couriers.get(place);
        record.repayments.check(number, |before| *before == amount)?;
        let short = self.ledger.account(record.shortage).balance();
        let short = clamp_to_amount(short);
        if amount > short {
            return Err(Refusal::AmountTooLarge(short));
        }
        let (firm, shortage) = (record.firm, record.shortage);
        let firm_cash = self.firms.get(firm).cash;
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::ShortageRepaid, firm_cash, shortage, amount);
        self.ledger.commit_infallible(out, "a shortage can be repaid");
        self.couriers.get_mut(place).repayments.push(amount);
        self.repay_short_hand_overs(firm, place, amount);
        out.events.push(Event::ShortageRepaid { courier, amount });
        Ok(())
    }

    /// Adds a repayment to the courier's short hand-overs, oldest first. The firm has to deposit it
    /// like other cash.
    fn repay_short_hand_overs(&mut self, firm: u32, courier: u32, amount: Amount) {
        let mut left = amount;
        for cash in &mut self.firms.get_mut(firm).counted_cash {
            if cash.courier == Some(courier) {
                let part = cash.shortage().min(left);
                cash.add_counted(part);
                left = left.saturating_sub(part);
            }
        }
        assert!(left.is_zero(), "M6: a courier's shortage is that of the hand-overs");
    }
}

//! Custody of cash (M6): it is the courier's until a hub counts it.

use std::collections::VecDeque;

use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, done_before};
use crate::breaks::record::Difference;
use crate::cash::record::{CountedCash, HandOver, HandOverCount, HandOverEnd, WrongCode};
use crate::chart::ChartEntry;
use crate::command::{
    BreakSide, BreakSubject, CancelHandOver, CountHandOver, CountHandOverBySupervisor,
    StartHandOver, WRONG_CODES_MAX,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{HandOverId, PersonId};
use crate::party::persons::{TwoPeople, check_two_people};
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::transaction::LineDecision;

impl Books {
    pub(crate) fn start_hand_over(
        &mut self,
        command: &StartHandOver,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let StartHandOver { handover: id, courier, number: which, code_mac } = *command;
        let number = self.courier_number(courier)?;
        let courier = self.couriers.get(number);
        courier.handovers.check(which, |one| one.id == id && one.code_mac == code_mac)?;
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
        let handover = HandOver {
            id,
            started: now.today,
            expected,
            payment_count: items,
            code_mac,
            wrong_codes: Vec::new(),
            end: None,
        };
        if let Some(forgotten) = self.couriers.get_mut(number).handovers.push(handover) {
            self.hand_over_couriers.remove(&forgotten.id);
        }
        self.hand_over_couriers.insert(id, number);
        out.events.push(Event::HandOverStarted { handover: id, expected });
        Ok(())
    }

    /// A remembered hand-over and its courier's number.
    fn find_hand_over(&self, id: HandOverId) -> Result<(u32, &HandOver), Refusal> {
        let number = self.hand_over_couriers.get(&id).copied();
        let number = number.ok_or(Refusal::NotFound(MissingRecord::HandOver(id)))?;
        let handover = self.couriers.get(number).handovers.iter().find(|one| one.id == id);
        Ok((number, handover.expect("the courier holds the same hand-overs")))
    }

    /// The courier's hand-over, which is open.
    fn open_hand_over_mut(&mut self, courier: u32) -> &mut HandOver {
        let latest = self.couriers.get_mut(courier).handovers.latest_mut();
        latest.filter(|one| one.end.is_none()).expect("only the latest hand-over can be open")
    }

    pub(crate) fn cancel_hand_over(
        &mut self,
        command: &CancelHandOver,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CancelHandOver { handover: id, cancelled_by } = *command;
        let (courier, handover) = self.find_hand_over(id)?;
        let end = HandOverEnd::Cancelled(cancelled_by);
        if let Some(before) = handover.end {
            return Err(done_before(before == end));
        }
        let expected = handover.expected;
        self.open_hand_over_mut(courier).end = Some(end);
        let courier = self.couriers.get(courier).id;
        out.events.push(Event::HandOverCancelled { handover: id, courier, expected });
        Ok(())
    }

    pub(crate) fn count_hand_over(
        &mut self,
        command: &CountHandOver,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CountHandOver { handover: id, code_mac, counted, counted_by } = *command;
        let count = HandOverCount { counted, counted_by, supervisor: None };
        let (courier, handover) = self.find_hand_over(id)?;
        let (wrong, tries) = (WrongCode { code_mac, count }, handover.wrong_codes.len());
        if handover.wrong_codes.contains(&wrong) {
            return Err(Refusal::Repeated);
        }
        let right_code = code_mac == handover.code_mac;
        if let Some(before) = handover.end {
            return Err(done_before(right_code && before == HandOverEnd::Counted(count)));
        }
        check_two_people(PersonId(self.couriers.get(courier).id.0), counted_by, &[])?;
        if tries >= WRONG_CODES_MAX {
            return Err(Refusal::CodesUsedUp);
        }
        if right_code {
            return self.record_count(courier, count, now.today, out);
        }
        self.open_hand_over_mut(courier).wrong_codes.push(wrong);
        let tries = u8::try_from(tries + 1).expect("limited by WRONG_CODES_MAX");
        out.events.push(Event::HandOverCodeWrong { handover: id, tries });
        Ok(())
    }

    pub(crate) fn count_hand_over_by_supervisor(
        &mut self,
        command: &CountHandOverBySupervisor,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CountHandOverBySupervisor { handover: id, counted, counted_by, supervisor } = *command;
        let count = HandOverCount { counted, counted_by, supervisor: Some(supervisor) };
        let (courier, handover) = self.find_hand_over(id)?;
        if let Some(before) = handover.end {
            return Err(done_before(before == HandOverEnd::Counted(count)));
        }
        let tried = handover.wrong_codes.iter().map(|wrong| wrong.count.counted_by);
        check_two_people(counted_by, supervisor, &tried.collect::<Vec<_>>())?;
        self.check_two_others(courier, (counted_by, supervisor))?;
        self.record_count(courier, count, now.today, out)
    }

    /// Two different persons, and neither is the courier.
    pub(crate) fn check_two_others(
        &self,
        courier: u32,
        (first, second): TwoPeople,
    ) -> Result<(), Refusal> {
        let courier = PersonId(self.couriers.get(courier).id.0);
        check_two_people(courier, first, &[])?;
        check_two_people(first, second, &[courier])
    }

    /// Counts the courier's open hand-over.
    fn record_count(
        &mut self,
        number: u32,
        count: HandOverCount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let HandOverCount { counted, counted_by, supervisor } = count;
        let courier = self.couriers.get(number);
        let handover = courier.open_hand_over().expect("the hand-over to count is open");
        let (id, expected, payments) = (handover.id, handover.expected, handover.payment_count);
        let (courier_id, firm_number) = (courier.id, courier.firm);
        let (cash, shortage) = (courier.cash, courier.shortage);
        let firm = self.firms.get(firm_number);
        let (firm_id, firm_cash, currency) = (firm.id, firm.cash, firm.currency);
        let suspense = self.currency_accounts(currency).suspense;
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
        let credited = self.take_offsets(number, &offsets, out);
        self.open_hand_over_mut(number).end = Some(HandOverEnd::Counted(count));
        let in_hand = &mut self.couriers.get_mut(number).in_hand;
        let payments: VecDeque<u32> = in_hand.drain(..payments as usize).collect();
        let counted_payments: Vec<_> =
            payments.iter().map(|slot| self.payment(*slot).id()).collect();
        let surplus_break = (!surplus.is_zero()).then(|| {
            let subject = BreakSubject::FirmCash(firm_id);
            let difference = Difference { subject, side: BreakSide::Excess, amount: surplus };
            let people = (counted_by, supervisor.unwrap_or(counted_by));
            self.record_automatic_break(difference, currency, people, None, today, out)
        });
        if let Some(break_id) = surplus_break {
            self.add_surplus(number, break_id);
        }
        let courier = Some(number);
        let counted_by = std::iter::once(counted_by).chain(supervisor).collect();
        let mut new = CountedCash {
            courier,
            payments,
            expected,
            counted,
            credited,
            surplus_break,
            counted_by,
        };
        new.add_counted(offset);
        let waiting = &mut self.firms.get_mut(firm_number).counted_cash;
        let place = waiting.len();
        waiting.push_back(new);
        self.cash_arrived(firm_number, place, 0);
        if !self.receive_credited(firm_number, place, today, out) {
            self.guarantee_counted(firm_number, place, Amount::ZERO, today, out);
        }
        self.decide_lines(counted_payments, LineDecision::Count, today, out);
        Ok(())
    }
}

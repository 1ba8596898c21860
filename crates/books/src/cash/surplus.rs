//! A surplus and a later shortage of one courier: cash that was reported late.

use money::Amount;

use crate::books::Books;
use crate::breaks::record::Break;
use crate::event::{CommandOutcome, Event};
use crate::ids::BreakId;

/// A part of an open surplus that explains a shortage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SurplusOffset {
    break_id: BreakId,
    pub amount: Amount,
}

impl Books {
    /// The courier's open surpluses that explain a shortage, oldest first.
    pub(crate) fn surplus_offsets(&self, courier: u32, shortage: Amount) -> Vec<SurplusOffset> {
        let (mut left, mut offsets) = (shortage, Vec::new());
        for &break_id in &self.couriers.get(courier).surpluses {
            let record = &self.reference_data.breaks[&break_id];
            let amount = record.amount.min(left);
            if !amount.is_zero() {
                left = left.saturating_sub(amount);
                offsets.push(SurplusOffset { break_id, amount });
            }
        }
        offsets
    }

    /// Takes offsets out of their breaks and out of the cash that was counted as surplus. A
    /// proposed resolution was for the whole break, so it is void. Returns the part that the bank
    /// has already credited.
    pub(crate) fn take_offsets(
        &mut self,
        courier: u32,
        offsets: &[SurplusOffset],
        out: &mut CommandOutcome,
    ) -> Amount {
        let mut in_bank = Amount::ZERO;
        for &SurplusOffset { break_id, amount } in offsets {
            let record = self.reference_data.breaks.get_mut(&break_id).expect("found before");
            let left = record.amount.checked_sub(amount).expect("an offset is a part of its break");
            record.amount = left;
            record.drop_proposal();
            out.events.push(Event::BreakReduced { break_id, amount, left });
            let credited = self.take_surplus_cash(courier, break_id, amount);
            in_bank = in_bank.checked_add(credited).expect("a part of the shortage");
        }
        self.drop_closed_surpluses(courier);
        in_bank
    }

    /// Takes an amount of surplus out of counted cash at a place. Returns the part that the firm
    /// did not have.
    pub(crate) fn take_surplus_at(&mut self, firm: u32, place: usize, amount: Amount) -> Amount {
        let waiting = &mut self.firms.get_mut(firm).counted_cash;
        let in_bank = waiting[place].take_surplus(amount);
        if waiting[place].is_done() {
            waiting.remove(place);
        }
        in_bank
    }

    /// Cash of a firm is missing: first its undeposited surplus, in the order of counting, whether
    /// the breaks of the surplus are open or not. Returns what else is missing.
    pub(crate) fn consume_surplus(&mut self, firm: u32, missing: Amount) -> Amount {
        let (mut left, mut place) = (missing, 0);
        while let Some(cash) = self.firms.get(firm).counted_cash.get(place) {
            let part = cash.undeposited_surplus().min(left);
            left = left.saturating_sub(part);
            let count = self.firms.get(firm).counted_cash.len();
            self.take_surplus_at(firm, place, part);
            place += usize::from(self.firms.get(firm).counted_cash.len() == count);
        }
        left
    }

    fn take_surplus_cash(&mut self, courier: u32, break_id: BreakId, amount: Amount) -> Amount {
        let firm = self.couriers.get(courier).firm;
        let mut waiting = self.firms.get(firm).counted_cash.iter();
        let place = waiting.position(|one| one.surplus_break == Some(break_id));
        place.map_or(amount, |place| self.take_surplus_at(firm, place, amount))
    }

    /// Remembers the break of a courier's surplus.
    pub(crate) fn add_surplus(&mut self, courier: u32, break_id: BreakId) {
        self.drop_closed_surpluses(courier);
        self.couriers.get_mut(courier).surpluses.push_back(break_id);
    }

    fn drop_closed_surpluses(&mut self, courier: u32) {
        let breaks = &self.reference_data.breaks;
        let is_open = |id: &BreakId| breaks.get(id).is_some_and(Break::is_open);
        self.couriers.get_mut(courier).surpluses.retain(is_open);
    }
}

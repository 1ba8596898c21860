//! A break changes its owner or its subject, or is withdrawn (M9).

use money::Amount;

use crate::books::{Books, Now, done_before};
use crate::breaks::record::{Break, BreakChange, Difference};
use crate::breaks::resolution::check_break_number;
use crate::chart::ChartEntry;
use crate::command::{
    AssignBreak, BREAK_CHANGES_MAX, BreakSide, BreakSubject, FIRST_AUTOMATIC_BREAK,
    ReclassifyBreak, WithdrawBreak,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::BreakId;
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};

/// Checks that a break can have another change than its end.
pub(crate) fn check_changes_left(record: &Break) -> Result<(), Refusal> {
    let left = record.changes.len() < usize::from(BREAK_CHANGES_MAX);
    if left { Ok(()) } else { Err(Refusal::TooMany(BREAK_CHANGES_MAX)) }
}

impl Books {
    fn find_break(&self, id: BreakId) -> Result<&Break, Refusal> {
        let record = self.reference_data.breaks.get(&id);
        record.ok_or(Refusal::NotFound(MissingRecord::Break(id)))
    }

    pub(crate) fn assign_break(
        &mut self,
        command: &AssignBreak,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AssignBreak { break_id: id, number, owner, assigned_by } = *command;
        let record = self.find_break(id)?;
        let change = BreakChange::Owner { owner, assigned_by };
        check_break_number(number, record, |before| *before == change)?;
        if !record.is_open() {
            return Err(Refusal::NotFound(MissingRecord::Break(id)));
        }
        check_changes_left(record)?;
        let record = self.reference_data.breaks.get_mut(&id).expect("found above");
        record.owner = owner;
        record.changes.push(change);
        out.events.push(Event::BreakAssigned { break_id: id, owner });
        Ok(())
    }

    pub(crate) fn reclassify_break(
        &mut self,
        command: &ReclassifyBreak,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReclassifyBreak { break_id: id, number, subject, proposed_by, approved_by } = *command;
        let record = self.find_break(id)?;
        let change = BreakChange::Subject { subject, by: (proposed_by, approved_by) };
        check_break_number(number, record, |before| *before == change)?;
        self.check_only_raised(id)?;
        check_changes_left(record)?;
        check_two_people(proposed_by, approved_by, &record.participants())?;
        if record.subject == subject {
            return Err(Refusal::PlanState);
        }
        let (account, currency) = self.account_of(subject)?;
        self.check_same_currency(record.currency, currency)?;
        let moved = Difference { subject, side: record.side, amount: record.amount };
        self.ledger.begin_chain(None, None);
        self.post_withdrawn(id);
        self.post_difference(moved, account, currency);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.take_found_cash(id);
        self.add_found_cash(id, moved);
        let record = self.reference_data.breaks.get_mut(&id).expect("found above");
        record.subject = subject;
        record.drop_proposal();
        record.changes.push(change);
        let amount = moved.amount;
        out.events.push(Event::BreakReclassified { break_id: id, subject, amount });
        Ok(())
    }

    pub(crate) fn withdraw_break(
        &mut self,
        command: &WithdrawBreak,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let WithdrawBreak { break_id: id, proposed_by, approved_by } = *command;
        let record = self.find_break(id)?;
        let by = (proposed_by, approved_by);
        if let Some(before) = record.withdrawn_by() {
            return Err(done_before(before == by));
        }
        let counted = self.counted_surplus(id)?;
        if counted.is_none() {
            self.check_only_raised(id)?;
        }
        check_two_people(proposed_by, approved_by, &record.participants())?;
        let amount = record.amount;
        self.ledger.begin_chain(None, None);
        self.post_withdrawn(id);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        match counted {
            Some((firm, place)) => {
                self.take_surplus_at(firm, place, amount);
            }
            None => self.take_found_cash(id),
        }
        let record = self.reference_data.breaks.get_mut(&id).expect("found above");
        (record.amount, record.proposal) = (Amount::ZERO, None);
        record.changes.push(BreakChange::Withdrawn(by));
        out.events.push(Event::BreakWithdrawn { break_id: id, amount });
        Ok(())
    }

    /// The place of the cash of an open excess that a count raised: the firm's number, and the
    /// place in its counted cash. Nothing of it is closed or deposited.
    fn counted_surplus(&self, id: BreakId) -> Result<Option<(u32, usize)>, Refusal> {
        let record = self.find_break(id)?;
        let is_counted = id >= FIRST_AUTOMATIC_BREAK
            && matches!(
                (record.subject, record.side),
                (BreakSubject::FirmCash(_), BreakSide::Excess)
            );
        if !record.is_open() || !is_counted {
            return Ok(None);
        }
        let place = self.found_cash(id).ok_or(Refusal::PlanState)?;
        let surplus = self.firms.get(place.0).counted_cash[place.1].undeposited_surplus();
        let is_whole = !record.is_reduced() && surplus >= record.amount;
        if is_whole { Ok(Some(place)) } else { Err(Refusal::PlanState) }
    }

    /// Checks that a person raised a break, and that nothing followed from it: no part is closed,
    /// and no bank has credited its cash. What a line or a count found is where they say.
    fn check_only_raised(&self, id: BreakId) -> Result<(), Refusal> {
        let record = self.find_break(id)?;
        if !record.is_open() {
            return Err(Refusal::NotFound(MissingRecord::Break(id)));
        }
        let found_cash = self.found_cash(id);
        let is_deposited = found_cash.is_some_and(|(firm, place)| {
            self.firms.get(firm).counted_cash[place].undeposited() != record.amount
        });
        let is_gone = found_cash.is_none()
            && record.side == BreakSide::Excess
            && matches!(record.subject, BreakSubject::FirmCash(_));
        if id >= FIRST_AUTOMATIC_BREAK || record.is_reduced() || is_deposited || is_gone {
            return Err(Refusal::PlanState);
        }
        Ok(())
    }

    /// Adds the opposite of a break's posting to the chain.
    fn post_withdrawn(&mut self, id: BreakId) {
        let Break { subject, side, amount, currency, .. } = self.reference_data.breaks[&id];
        let (account, _) = self.account_of(subject).expect("the break was posted there");
        let suspense = self.currency_accounts(currency).suspense;
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::ExcessWithdrawn, suspense, account, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::ShortfallWithdrawn, account, suspense, amount);
            }
        }
    }

    /// The firm's number, and the place of a break's cash in its counted cash.
    fn found_cash(&self, id: BreakId) -> Option<(u32, usize)> {
        let BreakSubject::FirmCash(firm) = self.reference_data.breaks[&id].subject else {
            return None;
        };
        let firm = self.firms.number(firm)?;
        let mut cash = self.firms.get(firm).counted_cash.iter();
        Some((firm, cash.position(|one| one.surplus_break == Some(id))?))
    }

    fn take_found_cash(&mut self, id: BreakId) {
        if let Some((firm, place)) = self.found_cash(id) {
            self.firms.get_mut(firm).counted_cash.remove(place);
        }
    }
}

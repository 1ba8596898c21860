//! Offline sales: approved by the terminal within its limits, posted at once, and forwarded to the
//! network afterwards.

use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Column, Door};
use crate::command::{Command, Method};
use crate::door::TransactionKind;
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::{TenderId, TerminalId};
use crate::purchases::About;
use crate::records::Progress;
use crate::refusal::{Missing, Refusal};
use crate::tenders::APPROVED;
use crate::time::Timestamp;

impl Engine {
    pub(crate) fn set_offline_limit(
        &mut self,
        terminal: TerminalId,
        each: Amount,
        total: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(Missing::Terminal(terminal));
        let number = self.terminals.number(terminal).ok_or(missing)?;
        let limits = |door: &Door| (door.offline_each, door.offline_total);
        let before = self.doors.door(number).map_or((Amount::ZERO, Amount::ZERO), limits);
        if before == (each, total) {
            return Err(Refusal::Repeated);
        }
        let door = self.doors.door_mut(number);
        (door.offline_each, door.offline_total) = (each, total);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn take_advice(
        &mut self,
        command: &Command,
        now: (BusinessDate, Timestamp),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let Command::TakeAdvice { trace, mark, parcel, method, amount, sent, authorisation } =
            *command
        else {
            unreachable!("only offline sales are dispatched here");
        };
        let about = About::New(parcel, amount);
        let admitted = self.admit((trace, mark), TransactionKind::Advice, about)?;
        if matches!(method, Method::Qr { .. }) {
            return Err(Refusal::BadMethod);
        }
        let tender = self.next_tender(parcel)?;
        let new = self.over(method, tender, amount)?;
        let checked = self.check_over(&new, trace.terminal, true, now)?;
        let door = self.doors.door(admitted.terminal).expect("a terminal with a batch has a door");
        let left = door.offline_left().min(door.offline_each);
        if amount > left {
            return Err(Refusal::OfflineLimit(left));
        }
        let unanswered = door.offline_unanswered.checked_add(amount);
        let unanswered = unanswered.ok_or(Refusal::Overflow)?;
        self.collect_at_once(&new, &checked, out)?;
        let place = (Column::CardDebit, sent);
        let slot = self.write_down(&admitted, (tender, amount), place, Some(authorisation));
        self.doors.chase(slot);
        self.doors.door_mut(admitted.terminal).offline_unanswered = unanswered;
        Ok(())
    }

    pub(crate) fn answer_advice(
        &mut self,
        id: TenderId,
        code: [u8; 2],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (item, _) = self.find_tender(id)?;
        let advice = self.doors.of_tender(id, |one| one.kind == TransactionKind::Advice);
        let slot = advice.ok_or(Refusal::TenderState)?;
        // One that is being taken back was answered before: its reversal is what is chased.
        let being_reversed = matches!(self.item(item).progress, Progress::TakingBack(_));
        let advice = self.doors.get(slot);
        if !advice.chased || being_reversed {
            return Err(Refusal::Repeated);
        }
        let (terminal, amount) = (advice.terminal, advice.amount);
        let unanswered = &mut self.doors.door_mut(terminal).offline_unanswered;
        *unanswered = unanswered.checked_sub(amount).expect("each offline sale is counted once");
        self.doors.let_go(slot);
        out.events.push(match code {
            APPROVED => Event::AdviceForwarded { tender: id },
            code => Event::AdviceRejected { tender: id, code },
        });
        Ok(())
    }
}

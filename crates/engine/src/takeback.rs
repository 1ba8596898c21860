//! Taking payments back through the terminal: voids, which a network may refuse, and reversals,
//! which are repeated until they are acknowledged. The money stays where it is until then.

use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Column, Standing, Transaction};
use crate::command::Resolution;
use crate::door::{Mark, Sent, TakeBack, Trace, TransactionKind};
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::TenderId;
use crate::purchases::{About, credit_column};
use crate::records::{Back, Means, Progress};
use crate::refusal::Refusal;
use crate::tenders::{APPROVED, NO_ANSWER, NO_AUTHORISATION};

impl Engine {
    pub(crate) fn begin_void(
        &mut self,
        number: (Trace, Mark),
        id: TenderId,
        sent: Sent,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let admitted = self.admit(number, TransactionKind::Void, About::Whole(id))?;
        let courier = self.working_courier(&admitted)?;
        let (slot, open) = self.find_tender(id)?;
        let item = self.item(slot);
        let (amount, is_cash) = (item.amount, item.means == Means::Cash);
        let column = credit_column(item);
        if courier != item.courier {
            return Err(Refusal::WrongCourier);
        }
        match item.progress {
            Progress::Approved { .. } if is_cash => {
                self.can_be_taken_back(slot)?;
                self.take_out_of_hand(slot)?;
                self.take_back(slot, open, out);
                let place = (column, Sent::default());
                self.write_down(&admitted, (id, amount), place, Some(NO_AUTHORISATION));
            }
            Progress::Approved { .. } => {
                self.can_be_taken_back(slot)?;
                self.item_mut(slot).progress = Progress::TakingBack(Back::Void);
                self.write_down(&admitted, (id, amount), (column, sent), None);
                out.events.push(Event::TakingBack { tender: id, by: TakeBack::Void });
            }
            Progress::Authorised(reserve) => {
                self.item_mut(slot).progress = Progress::Releasing(reserve, Back::Void);
                self.write_down(&admitted, (id, amount), (Column::Nowhere, sent), None);
                out.events.push(Event::TakingBack { tender: id, by: TakeBack::Void });
            }
            progress => return Err(progress.why_not_authorised()),
        }
        Ok(())
    }

    pub(crate) fn begin_reversal(
        &mut self,
        id: TenderId,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Progress as P;
        let (slot, open) = self.find_tender(id)?;
        let is_cash = self.item(slot).means == Means::Cash;
        match self.item(slot).progress {
            P::Begun(_) => {
                let asked = self.doors.chased_of(id).ok_or(Refusal::TenderState)?;
                self.resolve(id, Resolution::Unknown, NO_AUTHORISATION, today, out)?;
                self.doors.answer(asked, Standing::Reversed, (NO_ANSWER, NO_AUTHORISATION));
                Ok(())
            }
            P::Approved { .. } if is_cash => {
                let stood = self.standing_transaction(id).ok_or(Refusal::TenderState)?;
                self.can_be_taken_back(slot)?;
                self.take_out_of_hand(slot)?;
                self.doors.answer(stood, Standing::Reversed, (APPROVED, NO_AUTHORISATION));
                self.take_back(slot, open, out);
                Ok(())
            }
            P::Approved { .. } => {
                self.can_be_taken_back(slot)?;
                self.reverse(slot, P::TakingBack(Back::Reversal), TakeBack::Reversal, out)
            }
            P::Authorised(reserve) => {
                self.reverse(slot, P::Releasing(reserve, Back::Reversal), TakeBack::Reversal, out)
            }
            P::Completing(_) => {
                self.lose_completion(slot, Standing::Reversed, out);
                Ok(())
            }
            P::TakingBack(Back::Void) | P::Releasing(_, Back::Void) => self.undo_void(id, out),
            P::Unknown(_)
            | P::CompletionUnknown(_)
            | P::TakingBack(_)
            | P::Releasing(..)
            | P::Reversed
            | P::Declined
            | P::Expired => Err(Refusal::Repeated),
            P::Held { .. } | P::Released { .. } | P::Returned | P::Lost => {
                Err(Refusal::TenderState)
            }
        }
    }

    /// Begins the reversal of what stands.
    pub(crate) fn reverse(
        &mut self,
        slot: u32,
        to: Progress,
        by: TakeBack,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let tender = self.item(slot).tender();
        let stood = self.standing_transaction(tender).ok_or(Refusal::TenderState)?;
        self.item_mut(slot).progress = to;
        self.doors.answer(stood, Standing::Reversed, (APPROVED, NO_AUTHORISATION));
        self.doors.chase(stood);
        out.events.push(Event::TakingBack { tender, by });
        Ok(())
    }

    pub(crate) fn undo_void(&mut self, id: TenderId, out: &mut Outcome) -> Result<(), Refusal> {
        let (slot, _) = self.find_tender(id)?;
        let undoing = match self.item(slot).progress {
            Progress::TakingBack(Back::Void) => Progress::TakingBack(Back::UndoingVoid),
            Progress::Releasing(reserve, Back::Void) => {
                Progress::Releasing(reserve, Back::UndoingVoid)
            }
            Progress::TakingBack(Back::UndoingVoid) | Progress::Releasing(_, Back::UndoingVoid) => {
                return Err(Refusal::Repeated);
            }
            Progress::Approved { .. } | Progress::Authorised(_) if self.had_void(id) => {
                return Err(Refusal::Repeated);
            }
            _ => return Err(Refusal::TenderState),
        };
        self.item_mut(slot).progress = undoing;
        let void = self.under_way(id);
        self.doors.answer(void, Standing::Reversed, (NO_ANSWER, NO_AUTHORISATION));
        out.events.push(Event::UndoingVoid { tender: id });
        Ok(())
    }

    pub(crate) fn end_taking_back(
        &mut self,
        id: TenderId,
        done: bool,
        code: [u8; 2],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Progress as P;
        let (slot, open) = self.find_tender(id)?;
        let progress = self.item(slot).progress;
        let back = match progress {
            P::TakingBack(back) | P::Releasing(_, back) => back,
            P::Declined => return self.end_paid_late(id, done, code, out),
            P::Reversed | P::Expired if done => return Err(Refusal::Repeated),
            P::Approved { .. } | P::Authorised(_) if !done && self.had_void(id) => {
                return Err(Refusal::Repeated);
            }
            _ => return Err(Refusal::TenderState),
        };
        // A reversal ends only when it is done, that of a void only with the payment standing.
        let standing = match (back, done) {
            (Back::Void, true) => Standing::Stands,
            (Back::Void, false) => Standing::Fell,
            (Back::Reversal | Back::Expiry, true) | (Back::UndoingVoid, false) => {
                Standing::Reversed
            }
            (Back::Reversal | Back::Expiry, false) | (Back::UndoingVoid, true) => {
                return Err(Refusal::TenderState);
            }
        };
        let asked = self.under_way(id);
        self.answered(Some(asked), standing, (code, NO_AUTHORISATION));
        match progress {
            P::Releasing(reserve, _) if done => {
                let end = if back == Back::Expiry { P::Expired } else { P::Reversed };
                self.end_reserve(slot, open, reserve, end, out);
                self.end_promise(slot);
                out.events.push(Event::Reversed { tender: id, posted: Amount::ZERO });
            }
            P::Releasing(reserve, _) => {
                self.item_mut(slot).progress = P::Authorised(reserve);
                out.events.push(Event::Stands { tender: id });
            }
            _ if done => self.take_back(slot, open, out),
            _ => {
                self.item_mut(slot).progress = P::Approved { unpaid: Amount::ZERO };
                out.events.push(Event::Stands { tender: id });
            }
        }
        Ok(())
    }

    /// A wallet's buyer has paid a code that is over: nothing is posted, and the order is chased
    /// until the wallet has given that back. It is one payment that is chased, and once.
    pub(crate) fn paid_late(
        &mut self,
        id: TenderId,
        payment: [u8; 6],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let Some(order) = self.doors.of_tender(id, Transaction::is_order) else { return Ok(()) };
        let (slot, open) = self.find_tender(id).expect("a transaction's tender is remembered");
        let one = self.doors.get(order);
        let given_back = one.standing == Standing::Reversed;
        let denied = payment != NO_AUTHORISATION && one.authorisation == payment;
        match self.item(slot).progress {
            // It was to be given up, and is.
            Progress::Unknown(reserve) => {
                self.end_reserve(slot, open, reserve, Progress::Declined, out);
                out.events.push(Event::Declined { tender: id });
                self.doors.answer(order, Standing::Fell, (NO_ANSWER, NO_AUTHORISATION));
            }
            Progress::Declined if !one.chased && !given_back && !denied => {}
            Progress::Declined => return Err(Refusal::Repeated),
            // It was paid in time.
            _ if one.code == APPROVED => return Err(Refusal::Repeated),
            _ => return Ok(()),
        }
        self.doors.name_payment(order, payment);
        self.doors.chase(order);
        Ok(())
    }

    /// The wallet has given back what was paid too late, or nothing was paid.
    fn end_paid_late(
        &mut self,
        id: TenderId,
        done: bool,
        code: [u8; 2],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let order = self.doors.of_tender(id, Transaction::is_order).ok_or(Refusal::TenderState)?;
        let ended = if done { Standing::Reversed } else { Standing::Fell };
        let one = self.doors.get(order);
        if !one.chased {
            let same = one.standing == ended;
            return Err(if same { Refusal::Repeated } else { Refusal::TenderState });
        }
        self.answered(Some(order), ended, (code, NO_AUTHORISATION));
        out.events.push(match done {
            true => Event::Reversed { tender: id, posted: Amount::ZERO },
            false => Event::Declined { tender: id },
        });
        Ok(())
    }

    /// The transaction by which a payment is being taken back.
    fn under_way(&self, id: TenderId) -> u32 {
        self.doors.chased_of(id).expect("M4: what is being taken back is chased")
    }

    fn had_void(&self, id: TenderId) -> bool {
        self.doors.of_tender(id, |one| one.kind == TransactionKind::Void).is_some()
    }
}

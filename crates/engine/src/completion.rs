//! Pre-authorisations and their completion: the money is reserved first and taken later, all of
//! it or a part.

use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Column, Standing};
use crate::command::{Resolution, UNKNOWN_PER_NETWORK_MAX};
use crate::door::{Mark, Sent, Trace, TransactionKind};
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::TenderId;
use crate::purchases::About;
use crate::records::Progress;
use crate::refusal::Refusal;
use crate::tenders::{APPROVED, NO_ANSWER, NO_AUTHORISATION};

impl Engine {
    pub(crate) fn begin_completion(
        &mut self,
        number: (Trace, Mark),
        (id, amount): (TenderId, Amount),
        sent: Sent,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let admitted = self.admit(number, TransactionKind::Completion, About::Part(id, amount))?;
        let courier = self.working_courier(&admitted)?;
        above_zero(amount)?;
        let (slot, _) = self.find_tender(id)?;
        let item = self.item(slot);
        let Progress::Authorised(reserve) = item.progress else {
            return Err(item.progress.why_not_authorised());
        };
        if courier != item.courier {
            return Err(Refusal::WrongCourier);
        }
        if amount > item.amount {
            return Err(Refusal::AmountTooLarge(item.amount));
        }
        if self.rails.get(u32::from(item.rail)).unknown >= UNKNOWN_PER_NETWORK_MAX {
            return Err(Refusal::TooManyUnknown);
        }
        self.item_mut(slot).progress = Progress::Completing(reserve);
        self.write_down(&admitted, (id, amount), (Column::CardDebit, sent), None);
        out.events.push(Event::CompletionBegun { tender: id, amount });
        Ok(())
    }

    pub(crate) fn resolve_completion(
        &mut self,
        id: TenderId,
        resolution: Resolution,
        authorisation: [u8; 6],
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Progress as P;
        use Resolution as R;
        let (slot, open) = self.find_tender(id)?;
        match (self.item(slot).progress, resolution) {
            (P::Completing(reserve), R::Approved) => {
                let parcel = open.expect("a parcel with a payment in flight is open");
                let asked = self.completion_under_way(id);
                let amount = self.doors.get(asked).amount;
                self.end_promise(slot);
                self.item_mut(slot).date = today;
                self.approve(slot, parcel, (reserve, amount), today, out);
                self.answered(Some(asked), Standing::Stands, (APPROVED, authorisation));
                Ok(())
            }
            (P::Completing(reserve) | P::CompletionUnknown(reserve), R::Declined { code }) => {
                let told = (code, authorisation);
                self.authorised_again(slot, reserve, (Standing::Fell, told));
                out.events.push(Event::CompletionDeclined { tender: id });
                Ok(())
            }
            (P::Completing(_), R::Unknown) => {
                self.lose_completion(slot, Standing::Fell, out);
                Ok(())
            }
            // Reversed, or being: the reversal goes on.
            (P::CompletionUnknown(_), R::Approved) => {
                out.events.push(Event::LateApproval { tender: id });
                Ok(())
            }
            (_, R::Approved) if self.had_completion(id, Standing::Stands) => Err(Refusal::Repeated),
            (_, R::Approved) if self.has_lost_completion(id) => {
                out.events.push(Event::LateApproval { tender: id });
                Ok(())
            }
            (P::CompletionUnknown(_), R::Unknown) => Err(Refusal::Repeated),
            (_, R::Declined { .. } | R::Unknown) if self.has_lost_completion(id) => {
                Err(Refusal::Repeated)
            }
            _ => Err(Refusal::TenderState),
        }
    }

    pub(crate) fn end_completion_reversal(
        &mut self,
        id: TenderId,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (slot, _) = self.find_tender(id)?;
        match self.item(slot).progress {
            Progress::CompletionUnknown(reserve) => {
                let told = (NO_ANSWER, NO_AUTHORISATION);
                self.authorised_again(slot, reserve, (Standing::Reversed, told));
                out.events.push(Event::CompletionReversed { tender: id });
                Ok(())
            }
            Progress::Authorised(_) if self.has_lost_completion(id) => Err(Refusal::Repeated),
            _ => Err(Refusal::TenderState),
        }
    }

    /// Nobody knows how a completion ended, or nobody may: it is reversed from now on (M4).
    pub(crate) fn lose_completion(&mut self, slot: u32, standing: Standing, out: &mut Outcome) {
        let item = self.item(slot);
        let (tender, rail) = (item.tender(), u32::from(item.rail));
        let Progress::Completing(reserve) = item.progress else {
            panic!("M4: only a completion under way becomes unknown");
        };
        self.item_mut(slot).progress = Progress::CompletionUnknown(reserve);
        self.rails.get_mut(rail).unknown += 1;
        let asked = self.completion_under_way(tender);
        self.doors.answer(asked, standing, (NO_ANSWER, NO_AUTHORISATION));
        out.events.push(Event::CompletionUnknown { tender });
    }

    /// A completion ended without money: the pre-authorisation stands as before.
    fn authorised_again(
        &mut self,
        slot: u32,
        reserve: ledger::TransferId,
        (standing, told): (Standing, ([u8; 2], [u8; 6])),
    ) {
        if self.item(slot).progress.is_unknown() {
            self.no_longer_unknown(slot);
        }
        let asked = self.completion_under_way(self.item(slot).tender());
        self.item_mut(slot).progress = Progress::Authorised(reserve);
        self.answered(Some(asked), standing, told);
    }

    fn completion_under_way(&self, id: TenderId) -> u32 {
        self.doors.chased_of(id).expect("M4: a completion under way is chased")
    }

    fn had_completion(&self, id: TenderId, standing: Standing) -> bool {
        let fits = |kind, stands| kind == TransactionKind::Completion && stands == standing;
        self.doors.of_tender(id, |one| fits(one.kind, one.standing)).is_some()
    }

    /// Whether a completion of the tender ended without money.
    fn has_lost_completion(&self, id: TenderId) -> bool {
        self.had_completion(id, Standing::Fell) || self.had_completion(id, Standing::Reversed)
    }
}

//! The life of pre-authorisations: one that nobody completes in its time is let go of, so that the
//! buyer has the money back and the parcel is due again.
//!
//! What a terminal asked for is remembered as long as its parcel, however many batches ago that
//! was: who completes it names it, and so does who reverses the completion. One that comes too late
//! is told so.

use std::collections::BTreeSet;

use tariff::BusinessDate;

use crate::batches::Transaction;
use crate::door::TakeBack;
use crate::engine::{Engine, within_items};
use crate::event::Outcome;
use crate::ids::{ParcelId, TenderId};
use crate::records::{Back, Progress};
use crate::refusal::Refusal;

impl Progress {
    /// Why a tender that must be authorised cannot be used.
    pub(crate) fn why_not_authorised(&self) -> Refusal {
        if self.has_expired() { Refusal::PreAuthorisationExpired } else { Refusal::TenderState }
    }
}

impl Engine {
    pub(crate) fn expire_promises(
        &mut self,
        before: BusinessDate,
        limit: u32,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        within_items(limit)?;
        if before > today {
            return Err(Refusal::BadDate(before));
        }
        // Those with something under way are so few that looking at each does not matter. One that
        // nobody is known to have asked for cannot be reversed: `check_promises` tells of it.
        let first = TenderId { parcel: ParcelId::new(0), number: 0 };
        let old = self.promises.range(..(before, first)).filter_map(|(_, id)| {
            let (slot, _) = self.find_tender(*id).ok()?;
            let Progress::Authorised(reserve) = self.item(slot).progress else { return None };
            self.standing_transaction(*id).map(|_| (slot, reserve))
        });
        let over: Vec<_> = old.take(limit as usize).collect();
        if over.is_empty() {
            return Err(Refusal::Repeated);
        }
        for (slot, reserve) in over {
            let to = Progress::Releasing(reserve, Back::Expiry);
            let begun = self.reverse(slot, to, TakeBack::Expiry, out);
            begun.expect("what asked for it was just there");
        }
        Ok(())
    }

    /// A pre-authorisation has its end.
    pub(crate) fn end_promise(&mut self, slot: u32) {
        let item = self.item(slot);
        let (date, tender) = (item.date, item.tender());
        assert!(self.promises.remove(&(date, tender)), "M4: a pre-authorisation ends once");
    }

    /// The pre-authorisations that have not ended, as the items have them.
    pub(crate) fn promises_of_items(&self) -> BTreeSet<(BusinessDate, TenderId)> {
        let standing = self.items.iter().filter(|(_, item)| item.progress.is_promise());
        standing.map(|(_, item)| (item.date, item.tender())).collect()
    }

    /// Each pre-authorisation that has not ended is known by its day, and what asked for it is
    /// remembered.
    pub(crate) fn check_promises(&self, wrong: &mut Vec<String>) {
        let standing = self.promises_of_items();
        if standing != self.promises {
            wrong.push(format!(
                "M4: {} pre-authorisations have not ended, {} are known by their days",
                standing.len(),
                self.promises.len()
            ));
        }
        for (_, tender) in standing {
            if self.doors.of_tender(tender, Transaction::is_promise).is_none() {
                let id = tender.parcel.bits();
                wrong.push(format!("M4: nobody asked for a pre-authorisation of parcel {id:032x}"));
            }
        }
    }
}

//! The model: pre-authorisations that nobody completed in their time.

use engine::view::TenderState as S;
use engine::*;

use super::{Answer, Model, No, ensure};

impl Model {
    pub fn expire(&mut self, command: &Command) -> Option<Answer> {
        let Command::ExpirePreAuthorisations { before, limit } = *command else { return None };
        Some(self.expire_promises(before, limit))
    }

    fn expire_promises(&mut self, before: BusinessDate, limit: u32) -> Answer {
        ensure((1..=ITEMS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        ensure(before <= self.today, "not yet")?;
        let mut over = Vec::new();
        for (parcel, known) in &self.parcels {
            for (number, tender) in (1..).zip(&known.tenders) {
                if tender.state == S::Authorised && tender.taken_on < before {
                    over.push((tender.taken_on, TenderId { parcel: *parcel, number }));
                }
            }
        }
        over.sort_unstable();
        over.truncate(usize::try_from(limit).unwrap());
        ensure(!over.is_empty(), "none is left").map_err(|_| No::Repeated)?;
        for (_, tender) in over {
            self.reverse_transaction(tender)?;
            self.tender_mut(tender).state = S::Releasing(TakeBack::Expiry);
            self.tell(Event::TakingBack { tender, by: TakeBack::Expiry })?;
        }
        Ok(())
    }
}

//! Taking back what was collected: the opposite is posted, to the fen, and the parcel is out again.

use money::Amount;
use tariff::FeeKind;

use crate::batches::Standing;
use crate::chart::Entry;
use crate::door::TransactionKind;
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::TenderId;
use crate::index::Place;
use crate::records::{Item, Means, Parcel, Progress, Stand};
use crate::refusal::Refusal;
use crate::tenders::{APPROVED, NO_ANSWER, NO_AUTHORISATION};

impl Engine {
    pub(crate) fn reverse_collection(
        &mut self,
        id: TenderId,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (slot, open) = self.find_tender(id)?;
        match self.item(slot).progress {
            Progress::Begun(reserve) | Progress::Unknown(reserve) => {
                self.end_reserve(slot, open, reserve, Progress::Reversed, out);
                out.events.push(Event::Reversed { tender: id, posted: Amount::ZERO });
                let asked = self.waiting_transaction(id);
                self.answered(asked, Standing::Reversed, (NO_ANSWER, NO_AUTHORISATION));
                Ok(())
            }
            Progress::Approved { .. } => {
                self.can_be_taken_back(slot)?;
                if self.item(slot).means == Means::Cash {
                    self.take_out_of_hand(slot)?;
                }
                if let Some(stood) = self.standing_transaction(id) {
                    let nothing_new = (APPROVED, NO_AUTHORISATION);
                    self.doors.answer(stood, Standing::Reversed, nothing_new);
                }
                self.take_back(slot, open, out);
                Ok(())
            }
            // Nothing is left to be taken back; a terminal that asks is told so.
            Progress::Reversed | Progress::Declined | Progress::Expired => Err(Refusal::Repeated),
            _ => Err(Refusal::TenderState),
        }
    }

    /// The terminal's transaction by which an approved or authorised tender stands.
    pub(crate) fn standing_transaction(&self, id: TenderId) -> Option<u32> {
        let promise = |kind| kind == TransactionKind::PreAuthorisation;
        let (slot, _) = self.find_tender(id).ok()?;
        let promised = matches!(self.item(slot).progress, Progress::Authorised(_));
        self.doors.of_tender(id, |one| {
            one.standing == Standing::Stands && one.took_money() && promise(one.kind) == promised
        })
    }

    /// Whether an approved payment can be taken back: nothing of it was given back, and its network
    /// knows of it.
    pub(crate) fn can_be_taken_back(&self, slot: u32) -> Result<(), Refusal> {
        let item = self.item(slot);
        let chased = self.doors.chased_of(item.tender()).is_some();
        if item.refunds > 0 || chased { Err(Refusal::TenderState) } else { Ok(()) }
    }

    /// Unposts an approved payment; its parcel is out again.
    pub(crate) fn take_back(&mut self, slot: u32, open: Option<u32>, out: &mut Outcome) {
        self.unpost(slot, out);
        self.reopen(slot, open, out);
    }

    /// Cash can be given back while the courier has it and it is in no hand-over.
    pub(crate) fn take_out_of_hand(&mut self, slot: u32) -> Result<(), Refusal> {
        let courier_number = self.item(slot).courier;
        let courier = self.couriers.get(courier_number);
        let place = courier.in_hand.iter().position(|&item| item == slot);
        let place = place.ok_or(Refusal::TenderState)?;
        let being_counted = courier.handover.as_ref().map_or(0, |handover| handover.items as usize);
        if place < being_counted {
            return Err(Refusal::HandOverOpen);
        }
        self.couriers.get_mut(courier_number).in_hand.remove(place);
        Ok(())
    }

    /// Posts the opposite of a collection and its fees.
    fn unpost(&mut self, slot: u32, out: &mut Outcome) {
        let item = self.item(slot);
        let (tender, amount, means) = (item.tender(), item.amount, item.means);
        let (seller_number, version) = (item.seller, item.version);
        let courier = self.couriers.get(item.courier);
        let source = match means {
            Means::Cash => courier.cash,
            _ => self.rails.get(u32::from(item.rail)).receivable,
        };
        let commission = self.firms.get(courier.firm).commission;
        let fees = self.fees_of(seller_number, version, means, amount);
        assert_eq!(fees.total(), item.fees, "M8: fees are the same whenever they are computed");
        let seller = self.sellers.get(seller_number);
        let (held, currency) = (seller.held, seller.currency);
        self.books.begin(Some(tender), Some(self.tariff_version(version)));
        for (kind, fee) in fees.iter() {
            if kind == FeeKind::Commission {
                self.books.post(Entry::CommissionReversed, commission, held, fee);
            } else {
                let income = self.currency_accounts(currency).fees[kind as usize];
                self.books.post(Entry::FeeReversed, income, held, fee);
            }
        }
        self.books.post(Entry::CollectionReversed, held, source, amount);
        self.books.commit_certain(out, "what was collected can be taken back");
        self.item_mut(slot).progress = Progress::Reversed;
        out.events.push(Event::Reversed { tender, posted: amount });
    }

    /// A closed parcel whose collection was taken back is with its courier again.
    fn reopen(&mut self, slot: u32, open: Option<u32>, out: &mut Outcome) {
        if open.is_some() {
            return;
        }
        let item = self.item(slot);
        let (id, seller, carrier, amount) = (item.parcel, item.seller, item.courier, item.amount);
        let Some(Place::Closed(newest)) = self.place(id) else {
            panic!("a parcel that is not open is closed");
        };
        let rest = self.sum_of(newest, Item::is_collected);
        let due = rest.checked_add(amount).expect("tenders never exceed an amount due (M2)");
        let (tenders, attempts) = (self.item(newest).number, self.item(newest).attempts);
        let waits = |item: &Item| item.progress.waits();
        assert!(!self.tenders_from(newest).any(|(_, item)| waits(item)), "closed in flight");
        let parcel = self.parcels.insert(Parcel {
            id,
            due,
            seller,
            carrier,
            last: newest,
            stand: Stand::Out,
            attempts,
            tenders,
            part_accepted: true,
            in_flight: 0,
        });
        self.index.redirect(id, Place::Closed(newest), Place::Open(parcel));
        out.events.push(Event::Reopened { parcel: id });
    }
}

//! The way of a parcel: announced, assigned, out, and how it ends.

use std::ops::Range;

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::cash::check_number;
use crate::chart::Entry;
use crate::command::{ATTEMPTS_MAX, Command, PARCELS_PER_COMMAND_MAX, RETENTION_DAYS};
use crate::engine::{Engine, above_zero, check_reference, within_items};
use crate::event::{Event, Outcome};
use crate::ids::{CourierId, FirmId, ParcelId, SellerId, TenderId};
use crate::index::Place;
use crate::records::{Item, Means, NO_ITEM, Parcel, Progress, Stand};
use crate::refusal::{Missing, Refusal};

impl Engine {
    pub(crate) fn move_parcel(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match command {
            Command::AnnounceParcel { parcel, seller, currency, due, reference } => {
                check_reference(reference)?;
                self.announce(*parcel, *seller, *currency, *due, out)
            }
            Command::AssignParcels { firm, parcels } => self.assign(*firm, parcels, out),
            Command::DispatchParcels { courier, parcels } => {
                self.dispatch_parcels(*courier, parcels, out)
            }
            Command::RecordAttempt { parcel, number, reason: _ } => {
                self.record_attempt(*parcel, *number, out)
            }
            Command::AcceptPart { parcel, accepted } => self.accept_part(*parcel, *accepted, out),
            Command::RefuseParcel { parcel, reason: _ } => self.refuse_parcel(*parcel, out),
            Command::ReturnParcel { parcel } => self.return_parcel(*parcel, today, out),
            Command::LoseParcel { parcel } => self.lose_parcel(*parcel, today, out),
            Command::ForgetClosed { before, limit } => self.forget(*before, *limit, today, out),
            _ => unreachable!("only the ways of parcels are dispatched here"),
        }
    }

    fn announce(
        &mut self,
        id: ParcelId,
        seller: SellerId,
        currency: Currency,
        due: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(due)?;
        let place = self.currency_place(currency)?;
        let missing = Refusal::NotFound(Missing::Seller(seller));
        let number = self.sellers.number(seller).ok_or(missing)?;
        if self.sellers.get(number).currency != place {
            return Err(Refusal::CurrencyWithoutAccount(currency));
        }
        match self.place(id) {
            Some(Place::Open(slot)) => {
                let parcel = self.parcel(slot);
                let same = parcel.seller == number && (parcel.due == due || parcel.part_accepted);
                return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
            }
            Some(Place::Closed(slot)) => {
                let same = self.item(slot).seller == number;
                return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
            }
            None => {}
        }
        let slot = self.parcels.insert(Parcel {
            id,
            due,
            seller: number,
            carrier: u32::MAX,
            last: NO_ITEM,
            stand: Stand::Announced,
            attempts: 0,
            tenders: 0,
            part_accepted: false,
            in_flight: 0,
        });
        self.index.add(id, Place::Open(slot), &self.parcels, &self.items);
        out.events.push(Event::Announced { parcel: id, seller, due });
        Ok(())
    }

    /// Whether a parcel lies somewhere and no money for it is on its way or there.
    fn is_at_rest(&self, parcel: &Parcel) -> bool {
        parcel.in_flight == 0 && self.collected(parcel).is_zero()
    }

    /// Whether no money for a parcel is on its way or there that was not given back in full.
    fn is_free_of_money(&self, parcel: &Parcel) -> bool {
        let kept = |item: &Item| item.is_collected() && item.given_back < item.amount;
        parcel.in_flight == 0 && !self.tenders_from(parcel.last).any(|(_, item)| kept(item))
    }

    fn assign(&mut self, firm: FirmId, ids: &[ParcelId], out: &mut Outcome) -> Result<(), Refusal> {
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(Missing::Firm(firm)))?;
        let currency = self.firms.get(number).currency;
        let slots = self.slots_of(ids, |engine, parcel| {
            if !matches!(parcel.stand, Stand::Announced | Stand::Assigned) {
                return Err(Refusal::ParcelState);
            }
            engine.same_currency(engine.sellers.get(parcel.seller).currency, currency)
        })?;
        for slot in slots {
            let parcel = self.parcel_mut(slot);
            parcel.stand = Stand::Assigned;
            parcel.carrier = number;
            out.events.push(Event::Assigned { parcel: parcel.id, firm });
        }
        Ok(())
    }

    fn dispatch_parcels(
        &mut self,
        courier: CourierId,
        ids: &[ParcelId],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let number = self.courier_number(courier)?;
        let firm = self.couriers.get(number).firm;
        let slots = self.slots_of(ids, |_, parcel| {
            if parcel.stand != Stand::Assigned {
                return Err(Refusal::ParcelState);
            }
            if parcel.carrier != firm {
                return Err(Refusal::WrongCourier);
            }
            if parcel.attempts >= ATTEMPTS_MAX {
                return Err(Refusal::TooMany(ATTEMPTS_MAX));
            }
            Ok(())
        })?;
        for slot in slots {
            let parcel = self.parcel_mut(slot);
            parcel.stand = Stand::Out;
            parcel.carrier = number;
            out.events.push(Event::Dispatched { parcel: parcel.id, courier });
        }
        Ok(())
    }

    /// The slots of all parcels of a list, if each passes.
    fn slots_of(
        &self,
        ids: &[ParcelId],
        passes: impl Fn(&Engine, &Parcel) -> Result<(), Refusal>,
    ) -> Result<Vec<u32>, Refusal> {
        if !(1..=PARCELS_PER_COMMAND_MAX).contains(&ids.len()) {
            return Err(Refusal::OutOfRange(1_000));
        }
        ids.iter()
            .map(|id| {
                let slot = self.open_slot(*id)?;
                passes(self, self.parcel(slot)).map(|()| slot)
            })
            .collect()
    }

    fn record_attempt(
        &mut self,
        id: ParcelId,
        number: u8,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let slot = self.open_slot(id)?;
        let parcel = self.parcel(slot);
        check_number(u32::from(number), u32::from(parcel.attempts))?;
        if parcel.stand != Stand::Out || !self.is_free_of_money(parcel) {
            return Err(Refusal::ParcelState);
        }
        let firm = self.couriers.get(parcel.carrier).firm;
        let parcel = self.parcel_mut(slot);
        parcel.stand = Stand::Assigned;
        parcel.carrier = firm;
        parcel.attempts += 1;
        out.events.push(Event::Attempted { parcel: id, attempts: parcel.attempts });
        Ok(())
    }

    fn accept_part(
        &mut self,
        id: ParcelId,
        accepted: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(accepted)?;
        let slot = self.open_slot(id)?;
        let parcel = self.parcel(slot);
        if parcel.stand != Stand::Out || !self.is_at_rest(parcel) {
            return Err(Refusal::ParcelState);
        }
        let before = parcel.due;
        if parcel.part_accepted && accepted == before {
            return Err(Refusal::Repeated);
        }
        if accepted >= before {
            return Err(Refusal::AmountTooLarge(before));
        }
        let parcel = self.parcel_mut(slot);
        parcel.due = accepted;
        parcel.part_accepted = true;
        out.events.push(Event::PartAccepted { parcel: id, before, due: accepted });
        Ok(())
    }

    fn refuse_parcel(&mut self, id: ParcelId, out: &mut Outcome) -> Result<(), Refusal> {
        let slot = self.open_slot(id)?;
        let parcel = self.parcel(slot);
        match parcel.stand {
            Stand::Refused => return Err(Refusal::Repeated),
            Stand::Announced => return Err(Refusal::ParcelState),
            Stand::Assigned | Stand::Out => {}
        }
        if !self.is_free_of_money(parcel) {
            return Err(Refusal::ParcelState);
        }
        self.parcel_mut(slot).stand = Stand::Refused;
        out.events.push(Event::Refused { parcel: id });
        Ok(())
    }

    /// A parcel that ended without money, as `ending` says, or the refusal of a second ending.
    fn ended(&self, id: ParcelId, ending: Progress) -> Result<u32, Refusal> {
        if let Some(Place::Closed(slot)) = self.place(id)
            && self.item(slot).progress == ending
        {
            return Err(Refusal::Repeated);
        }
        self.open_slot(id)
    }

    fn return_parcel(
        &mut self,
        id: ParcelId,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let slot = self.ended(id, Progress::Returned)?;
        let parcel = self.parcel(slot);
        if parcel.stand != Stand::Refused {
            return Err(Refusal::ParcelState);
        }
        let seller = self.sellers.get(parcel.seller);
        let version = self.version_in_force(seller.tariff, today)?;
        let fee = self.small.versions[usize::from(version)].terms.return_fee;
        let tariff = self.tariff_version(version);
        let (number, seller_id, payable) = (parcel.seller, seller.id, seller.payable);
        let income = self.currency_accounts(seller.currency).fees[tariff::FeeKind::Return as usize];
        self.books.begin(Some(TenderId { parcel: id, number: 0 }), Some(tariff));
        self.books.post(Entry::ReturnCharged, payable, income, fee);
        self.books.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.sellers.get_mut(number).statement.fees += u128::from(fee.minor());
        self.close_without_money(slot, Progress::Returned, fee, (today, version));
        out.events.push(Event::Returned { parcel: id, seller: seller_id, fee, tariff });
        Ok(())
    }

    fn lose_parcel(
        &mut self,
        id: ParcelId,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let slot = self.ended(id, Progress::Lost)?;
        if !self.is_free_of_money(self.parcel(slot)) {
            return Err(Refusal::ParcelState);
        }
        self.close_without_money(slot, Progress::Lost, Amount::ZERO, (today, 0));
        out.events.push(Event::Lost { parcel: id });
        Ok(())
    }

    fn close_without_money(
        &mut self,
        slot: u32,
        progress: Progress,
        fees: Amount,
        (date, version): (BusinessDate, u16),
    ) {
        let parcel = self.parcel(slot);
        let ending = Item {
            parcel: parcel.id,
            amount: Amount::ZERO,
            fees,
            kept_by_network: Amount::ZERO,
            given_back: Amount::ZERO,
            progress,
            seller: parcel.seller,
            courier: u32::MAX,
            before: parcel.last,
            date,
            rail: 0,
            version,
            number: 0,
            means: Means::Cash,
            refunds: 0,
            attempts: 0,
            confirmations: 0,
            guaranteed: false,
        };
        let item = self.items.insert(ending);
        self.parcel_mut(slot).last = item;
        self.close(slot);
    }

    /// Takes a parcel out of those on their way; its items stay.
    pub(crate) fn close(&mut self, slot: u32) {
        let parcel = self.parcels.remove(slot).expect("the slot is a parcel's");
        assert_ne!(parcel.last, NO_ITEM, "a parcel closes with an item");
        assert_eq!(parcel.in_flight, 0, "a parcel does not close on a payment in flight (M4)");
        self.item_mut(parcel.last).attempts = parcel.attempts;
        self.index.redirect(parcel.id, Place::Open(slot), Place::Closed(parcel.last));
    }

    /// Forgets closed parcels whose money is final, looking at the next `limit` items.
    fn forget(
        &mut self,
        before: BusinessDate,
        limit: u32,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        within_items(limit)?;
        if today.0.checked_sub(RETENTION_DAYS).is_none_or(|latest| before.0 > latest) {
            return Err(Refusal::BadDate(before));
        }
        self.forget_disputes(before);
        let slots = self.records_to_look_at();
        for _ in 0..limit.min(slots) {
            let slot = if self.small.forget_from >= slots { 0 } else { self.small.forget_from };
            self.small.forget_from = slot + 1;
            let Some(id) = self.closed_and_over(slot, before) else { continue };
            self.index.remove(id, Place::Closed(slot));
            let mut next = slot;
            while let Some(item) = self.items.remove(next) {
                self.doors.forget_tender(item.tender());
                next = item.before;
            }
            out.events.push(Event::Forgotten { parcel: id });
        }
        Ok(())
    }

    /// The closed parcel whose newest item this is, if it can be forgotten.
    fn closed_and_over(&self, slot: u32, before: BusinessDate) -> Option<ParcelId> {
        let id = self.items.get(slot)?.parcel;
        let over = self.is_over(slot, before) && self.place(id) == Some(Place::Closed(slot));
        over.then_some(id)
    }

    /// How many records [`Command::ForgetClosed`] goes round, those of them that are free counted.
    #[must_use]
    pub fn records_to_look_at(&self) -> u32 {
        u32::try_from(self.items.slots()).expect("a slab has fewer than 2³² slots")
    }

    /// Whether [`Command::ForgetClosed`] has anything to forget: among some of its records, of
    /// which there may be millions, or of disputed batches.
    #[must_use]
    pub fn has_to_forget(&self, before: BusinessDate, mut records: Range<u32>) -> bool {
        let oldest_dispute = self.disputes.first_key_value();
        oldest_dispute.is_some_and(|((left_on, ..), _)| *left_on < before)
            || records.any(|slot| self.closed_and_over(slot, before).is_some())
    }

    /// Whether all items of a list are final and older than a date. Guaranteed cash that the bank
    /// does not have yet is not: the firm's line points at it. Nor is what a terminal's batch
    /// remembers, or what somebody has to be asked about.
    fn is_over(&self, newest: u32, before: BusinessDate) -> bool {
        let final_and_old =
            |item: &Item| item.progress.is_final() && !item.guaranteed && item.date < before;
        let over = |item: &Item| final_and_old(item) && self.doors.are_over(item.tender());
        self.tenders_from(newest).all(|(_, item)| over(item))
    }

    /// A parcel's items, the newest first, with their slots.
    pub(crate) fn tenders_from(&self, newest: u32) -> impl Iterator<Item = (u32, &Item)> {
        let first = self.items.get(newest).map(|item| (newest, item));
        std::iter::successors(first, |(_, item)| {
            self.items.get(item.before).map(|before| (item.before, before))
        })
    }

    /// What of a parcel's amount due is collected.
    pub(crate) fn collected(&self, parcel: &Parcel) -> Amount {
        self.sum_of(parcel.last, |item| item.is_collected())
    }

    /// The amounts of a parcel's items that are counted.
    pub(crate) fn sum_of(&self, newest: u32, counts: impl Fn(&Item) -> bool) -> Amount {
        let counted = self.tenders_from(newest).filter(|(_, item)| counts(item));
        let sum = counted.map(|(_, item)| item.amount).try_fold(Amount::ZERO, Amount::checked_add);
        sum.expect("tenders never add up to more than an amount due (M2)")
    }
}

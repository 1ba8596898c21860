//! The model: parcels on their way.

use std::collections::BTreeSet;

use engine::chart::{AccountKind as A, Entry};
use engine::view::{ParcelState as S, TenderState};
use engine::*;
use money::Amount;

use super::parties::name;
use super::{Answer, InLine, Model, No, Parcel, Statement, Tender, ensure, next_number};

impl Model {
    pub fn move_parcel(&mut self, command: &Command) -> Option<Answer> {
        let done = match command {
            Command::AnnounceParcel { .. } => self.announce(command),
            Command::AssignParcels { firm, parcels } => self.assign(*firm, parcels),
            Command::DispatchParcels { courier, parcels } => self.dispatch(*courier, parcels),
            Command::RecordAttempt { parcel, number, .. } => self.attempt(*parcel, *number),
            Command::AcceptPart { parcel, accepted } => self.accept_part(*parcel, *accepted),
            Command::RefuseParcel { parcel, .. } => self.refuse(*parcel),
            Command::ReturnParcel { parcel } => self.bring_back(*parcel),
            Command::LoseParcel { parcel } => self.lose(*parcel),
            _ => return None,
        };
        Some(done)
    }

    fn announce(&mut self, command: &Command) -> Answer {
        let Command::AnnounceParcel { parcel, seller, currency, due, reference } = command else {
            unreachable!("only parcels are announced");
        };
        name(reference)?;
        let known = self.sellers.get(seller).ok_or(No::Because("no such seller"))?;
        ensure(known.currency == *currency, "not the seller's currency")?;
        ensure(!due.is_zero(), "nothing due")?;
        if let Some(known) = self.parcels.get(parcel) {
            // What was due at first is not remembered for ever.
            let same_due = known.due == due.minor() || known.part_accepted || !known.is_open();
            ensure(known.seller == *seller && same_due, "the identifier is taken")?;
            return Err(No::Repeated);
        }
        let new = Parcel {
            seller: *seller,
            currency: *currency,
            due: due.minor(),
            part_accepted: false,
            state: S::Announced,
            firm: None,
            courier: None,
            attempts: 0,
            closed_on: None,
            tenders: Vec::new(),
        };
        self.parcels.insert(*parcel, new);
        self.tell(Event::Announced { parcel: *parcel, seller: *seller, due: *due })
    }

    fn assign(&mut self, firm: FirmId, parcels: &[ParcelId]) -> Answer {
        ensure((1..=PARCELS_PER_COMMAND_MAX).contains(&parcels.len()), "none or too many")?;
        let currency = self.firms.get(&firm).ok_or(No::Because("no such firm"))?.currency;
        for id in parcels {
            let parcel = self.parcel(*id)?;
            ensure(matches!(parcel.state, S::Announced | S::Assigned), "not at a hub")?;
            ensure(parcel.currency == currency, "not the firm's currency")?;
        }
        for id in parcels {
            let parcel = self.parcel_mut(*id);
            parcel.state = S::Assigned;
            parcel.firm = Some(firm);
            self.tell(Event::Assigned { parcel: *id, firm })?;
        }
        Ok(())
    }

    fn dispatch(&mut self, courier: CourierId, parcels: &[ParcelId]) -> Answer {
        ensure((1..=PARCELS_PER_COMMAND_MAX).contains(&parcels.len()), "none or too many")?;
        let firm = self.couriers.get(&courier).ok_or(No::Because("no such courier"))?.firm;
        for id in parcels {
            let parcel = self.parcel(*id)?;
            ensure(parcel.state == S::Assigned, "not at a hub")?;
            ensure(parcel.firm == Some(firm), "another firm's parcel")?;
            ensure(parcel.attempts < ATTEMPTS_MAX, "all attempts used up")?;
        }
        for id in parcels {
            let parcel = self.parcel_mut(*id);
            parcel.state = S::Out;
            parcel.courier = Some(courier);
            self.tell(Event::Dispatched { parcel: *id, courier })?;
        }
        Ok(())
    }

    fn attempt(&mut self, id: ParcelId, number: u8) -> Answer {
        let parcel = self.parcel(id)?;
        ensure(parcel.is_open(), "not on its way")?;
        next_number(u32::from(number), u32::from(parcel.attempts))?;
        ensure(parcel.state == S::Out, "not out")?;
        ensure(parcel.is_free_of_money(), "something is collected")?;
        let parcel = self.parcel_mut(id);
        parcel.state = S::Assigned;
        parcel.courier = None;
        parcel.attempts += 1;
        let attempts = parcel.attempts;
        self.tell(Event::Attempted { parcel: id, attempts })
    }

    fn accept_part(&mut self, id: ParcelId, accepted: Amount) -> Answer {
        let parcel = self.parcel(id)?;
        ensure(parcel.state == S::Out, "not out")?;
        ensure(parcel.untouched(), "something is collected")?;
        ensure(!accepted.is_zero(), "nothing accepted")?;
        if parcel.part_accepted && accepted.minor() == parcel.due {
            return Err(No::Repeated);
        }
        ensure(accepted.minor() < parcel.due, "no part")?;
        let parcel = self.parcel_mut(id);
        let before = Amount::of(parcel.due);
        parcel.due = accepted.minor();
        parcel.part_accepted = true;
        self.tell(Event::PartAccepted { parcel: id, before, due: accepted })
    }

    fn refuse(&mut self, id: ParcelId) -> Answer {
        let parcel = self.parcel(id)?;
        if parcel.state == S::Refused {
            return Err(No::Repeated);
        }
        ensure(matches!(parcel.state, S::Assigned | S::Out), "neither out nor at the hub")?;
        ensure(parcel.is_free_of_money(), "something is collected")?;
        let parcel = self.parcel_mut(id);
        parcel.state = S::Refused;
        parcel.courier = None;
        self.tell(Event::Refused { parcel: id })
    }

    fn bring_back(&mut self, id: ParcelId) -> Answer {
        let parcel = self.parcel(id)?.clone();
        if parcel.state == S::Returned {
            return Err(No::Repeated);
        }
        ensure(parcel.state == S::Refused, "not refused")?;
        let seller = parcel.seller;
        let tariff = self.sellers[&seller].tariff;
        let version = self.version_today(tariff)?;
        let fee = version.terms.return_fee;
        let tariff = TariffVersion { tariff, version: version.number };
        let payable = (A::SellerPayable, seller.0, parcel.currency);
        let income = (A::ReturnFees, 0, parcel.currency);
        self.about = (Some(TenderId { parcel: id, number: 0 }), Some(tariff));
        self.post(Entry::ReturnCharged, payable, income, fee.minor());
        self.note(seller, Statement { fees: fee.minor(), ..Statement::default() });
        self.close(id, S::Returned);
        self.tell(Event::Returned { parcel: id, seller, fee, tariff })
    }

    fn lose(&mut self, id: ParcelId) -> Answer {
        let parcel = self.parcel(id)?;
        if parcel.state == S::Lost {
            return Err(No::Repeated);
        }
        ensure(parcel.is_open(), "not on its way")?;
        ensure(parcel.is_free_of_money(), "something is collected")?;
        self.close(id, S::Lost);
        self.tell(Event::Lost { parcel: id })
    }

    pub fn close(&mut self, id: ParcelId, state: S) {
        let today = self.today;
        let parcel = self.parcel_mut(id);
        parcel.state = state;
        parcel.closed_on = Some(today);
        parcel.due = parcel.collected();
        if state == S::Delivered {
            parcel.tenders.iter_mut().for_each(|tender| tender.taken_on = today);
        }
    }

    /// Adds to what a seller's payable money is made of.
    pub fn note(&mut self, seller: SellerId, line: Statement) {
        self.sellers.get_mut(&seller).expect("the seller is there").statement.push(line);
    }

    /// Whether everything about a parcel is over since before that day: what was asked for at the
    /// door, what came after it, and the firm's word for cash that the bank does not have yet.
    fn is_over(&self, id: ParcelId, before: BusinessDate) -> bool {
        use TenderState as T;
        let parcel = &self.parcels[&id];
        let early = match parcel.state {
            S::Delivered => true,
            S::Returned | S::Lost => parcel.closed_on.is_some_and(|day| day < before),
            _ => false,
        };
        let in_line = |one: &InLine| one.tender.is_some_and(|tender| tender.parcel == id);
        let guaranteed = |firm| self.guaranteed(firm).iter().any(in_line);
        let is_final =
            |state| matches!(state, T::Declined | T::Reversed | T::Released | T::Expired);
        let over = |one: &Tender| is_final(one.state) && one.unpaid == 0 && one.taken_on < before;
        let here = |place: &usize| self.transactions[*place].tender.parcel == id;
        let remembered = (0..self.transactions.len()).filter(here).any(|place| self.is_held(place));
        early
            && !remembered
            && parcel.tenders.iter().all(over)
            && !self.firms.keys().any(|firm| guaranteed(*firm))
    }

    pub fn forget(
        &mut self,
        before: BusinessDate,
        limit: u32,
        forgotten: &BTreeSet<ParcelId>,
    ) -> Answer {
        ensure((1..=ITEMS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        let last = self.today.0.checked_sub(RETENTION_DAYS);
        ensure(last.is_some_and(|last| before.0 <= last), "too early to forget")?;
        let ids = self.parcels.keys().copied();
        let over: BTreeSet<ParcelId> = ids.filter(|id| self.is_over(*id, before)).collect();
        let chosen = if limit == ITEMS_PER_COMMAND_MAX { &over } else { forgotten };
        ensure(chosen.is_subset(&over), "forgotten while something is to come")?;
        self.disputes.retain(|one| one.left_on.is_some_and(|day| day >= before));
        for parcel in chosen {
            self.parcels.remove(parcel);
            self.transactions.retain(|one| one.tender.parcel != *parcel);
            self.tell(Event::Forgotten { parcel: *parcel })?;
        }
        Ok(())
    }
}

//! Taking money at the door: by card and QR in two steps, in cash at once, and taking it back.

use money::Amount;
use tariff::{BusinessDate, CardKind, FeeKind, Fees};

use crate::chart::Entry;
use crate::command::{Method, Resolution, TENDERS_MAX, UNKNOWN_PER_NETWORK_MAX};
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::{CourierId, TenderId, TerminalId};
use crate::index::Place;
use crate::records::{Item, Means, NO_ITEM, Parcel, Progress, RailId, Stand};
use crate::refusal::{Missing, Refusal};

/// A tender that is about to be made.
struct NewTender {
    id: TenderId,
    means: Means,
    rail: u16,
    amount: Amount,
}

impl Engine {
    /// The slot of a tender, and the parcel's if that is still open.
    #[inline]
    pub(crate) fn find_tender(&self, id: TenderId) -> Result<(u32, Option<u32>), Refusal> {
        let missing = Refusal::NotFound(Missing::Parcel(id.parcel));
        let (newest, open) = match self.place(id.parcel).ok_or(missing)? {
            Place::Open(slot) => (self.parcel(slot).last, Some(slot)),
            Place::Closed(item) => (item, None),
        };
        let mut tenders = self.tenders_from(newest);
        let found = tenders.find(|(_, item)| item.number == id.number && id.number != 0);
        let (slot, _) = found.ok_or(Refusal::NotFound(Missing::Tender))?;
        Ok((slot, open))
    }

    /// Checks what every new tender needs and tells the parcel's slot.
    #[inline]
    fn check_new(&self, new: &NewTender) -> Result<u32, Refusal> {
        above_zero(new.amount)?;
        if let Ok((slot, _)) = self.find_tender(new.id) {
            let item = self.item(slot);
            let same =
                item.means == new.means && item.rail == new.rail && item.amount == new.amount;
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        let slot = self.open_slot(new.id.parcel)?;
        let parcel = self.parcel(slot);
        if parcel.stand != Stand::Out {
            return Err(Refusal::ParcelState);
        }
        if parcel.tenders >= TENDERS_MAX {
            return Err(Refusal::TooMany(TENDERS_MAX));
        }
        if new.id.number != parcel.tenders + 1 {
            return Err(Refusal::WrongNumber(u32::from(parcel.tenders) + 1));
        }
        let left = self.left_to_collect(parcel);
        if new.amount > left {
            return Err(Refusal::AmountTooLarge(left));
        }
        Ok(slot)
    }

    /// What of the amount due is neither collected nor waiting for an answer (M2). An unknown
    /// payment does not count: it is going to be reversed (M4).
    fn left_to_collect(&self, parcel: &Parcel) -> Amount {
        let taken = self.sum_of(parcel.last, |item| {
            item.is_collected() || matches!(item.progress, Progress::Begun(_))
        });
        parcel.due.checked_sub(taken).expect("M2: collected beyond the amount due")
    }

    fn add_item(&mut self, slot: u32, item: Item) -> u32 {
        let number = item.number;
        let place = self.items.insert(item);
        let parcel = self.parcel_mut(slot);
        parcel.last = place;
        parcel.tenders = number;
        place
    }

    pub(crate) fn begin_collection(
        &mut self,
        id: TenderId,
        terminal: TerminalId,
        method: Method,
        amount: Amount,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (rail_id, means, missing) = match method {
            Method::Card { network, kind } => {
                let means = match kind {
                    CardKind::Debit => Means::DebitCard,
                    CardKind::Credit => Means::CreditCard,
                };
                (RailId::Network(network), means, Missing::Network(network))
            }
            Method::Qr { wallet } => (RailId::Wallet(wallet), Means::Qr, Missing::Wallet(wallet)),
        };
        let rail_number = self.rails.number(rail_id).ok_or(Refusal::NotFound(missing))?;
        let rail_place = u16::try_from(rail_number).expect("as many as registering allows");
        let slot = self.check_new(&NewTender { id, means, rail: rail_place, amount })?;
        let parcel = self.parcel(slot);
        let missing = Refusal::NotFound(Missing::Terminal(terminal));
        let terminal = self.terminals.find(terminal).ok_or(missing)?;
        if terminal.blocked {
            return Err(Refusal::TerminalBlocked);
        }
        if terminal.courier != parcel.carrier {
            return Err(Refusal::WrongCourier);
        }
        let seller = self.sellers.get(parcel.seller);
        let rail = self.rails.get(rail_number);
        self.same_currency(rail.currency, seller.currency)?;
        let same_way = |item: &Item| item.means.is_card() == means.is_card();
        let unknown = |item: &Item| matches!(item.progress, Progress::Unknown(_)) && same_way(item);
        if self.tenders_from(parcel.last).any(|(_, item)| unknown(item)) {
            return Err(Refusal::UnknownOutcome);
        }
        if rail.unknown >= UNKNOWN_PER_NETWORK_MAX {
            return Err(Refusal::TooManyUnknown);
        }
        let version = self.version_in_force(seller.tariff, today)?;
        let (receivable, held) = (rail.receivable, seller.held);
        let (seller, courier, before) = (parcel.seller, parcel.carrier, parcel.last);

        self.books.begin(Some(id), None);
        let entry = entry_of(means);
        let reserve = self.books.reserve(entry, receivable, held, amount);
        self.books.commit(out).map_err(|_| Refusal::Overflow)?;
        self.add_item(
            slot,
            Item {
                parcel: id.parcel,
                amount,
                fees: Amount::ZERO,
                kept_by_network: Amount::ZERO,
                given_back: Amount::ZERO,
                progress: Progress::Begun(reserve),
                seller,
                courier,
                before,
                date: today,
                rail: rail_place,
                version,
                number: id.number,
                means,
                refunds: 0,
                attempts: 0,
                confirmations: 0,
                guaranteed: false,
            },
        );
        self.parcel_mut(slot).in_flight += 1;
        out.events.push(Event::Begun { tender: id });
        Ok(())
    }

    pub(crate) fn resolve_collection(
        &mut self,
        id: TenderId,
        resolution: Resolution,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Progress as P;
        use Resolution as R;
        let (slot, open) = self.find_tender(id)?;
        if self.item(slot).means == Means::Cash {
            return Err(Refusal::TenderState);
        }
        match (self.item(slot).progress, resolution) {
            (P::Begun(reserve), R::Approved) => {
                let parcel = open.expect("a parcel with a payment in flight is open");
                self.approve(slot, parcel, (reserve, today), out)
            }
            (P::Begun(reserve), R::Declined { .. }) => {
                self.end_reserve(slot, open, reserve, P::Declined, out);
                out.events.push(Event::Declined { tender: id });
                Ok(())
            }
            (P::Begun(reserve), R::Unknown) => {
                self.item_mut(slot).progress = P::Unknown(reserve);
                let rail = u32::from(self.item(slot).rail);
                self.rails.get_mut(rail).unknown += 1;
                self.leave_flight(open);
                out.events.push(Event::BecameUnknown { tender: id });
                Ok(())
            }
            (P::Unknown(reserve), R::Declined { .. }) => {
                self.end_reserve(slot, open, reserve, P::Declined, out);
                out.events.push(Event::Declined { tender: id });
                Ok(())
            }
            // Called unknown, or reversed already: the approval changes nothing, its reversal goes
            // on.
            (P::Unknown(_) | P::Reversed | P::Declined, R::Approved) => {
                out.events.push(Event::LateApproval { tender: id });
                Ok(())
            }
            (P::Approved { .. } | P::Held { .. } | P::Released { .. }, R::Approved)
            | (P::Declined, R::Declined { .. })
            | (P::Unknown(_) | P::Reversed, R::Unknown) => Err(Refusal::Repeated),
            _ => Err(Refusal::TenderState),
        }
    }

    fn leave_flight(&mut self, open: Option<u32>) {
        let parcel = self.parcel_mut(open.expect("a parcel with a payment in flight is open"));
        parcel.in_flight = parcel.in_flight.checked_sub(1).expect("each flight is counted once");
    }

    /// Ends a payment that was begun or unknown without money.
    fn end_reserve(
        &mut self,
        slot: u32,
        open: Option<u32>,
        reserve: ledger::TransferId,
        progress: Progress,
        out: &mut Outcome,
    ) {
        let item = self.item(slot);
        let (tender, entry, rail) = (item.tender(), entry_of(item.means), u32::from(item.rail));
        let was_unknown = matches!(item.progress, Progress::Unknown(_));
        self.books.begin(Some(tender), None);
        self.books.void(entry, reserve);
        self.books.commit_certain(out, "what is reserved can be voided");
        self.item_mut(slot).progress = progress;
        if was_unknown {
            let rail = self.rails.get_mut(rail);
            rail.unknown = rail.unknown.checked_sub(1).expect("each unknown is counted once");
        } else {
            self.leave_flight(open);
        }
    }

    fn approve(
        &mut self,
        slot: u32,
        parcel: u32,
        (reserve, today): (ledger::TransferId, BusinessDate),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let item = self.item(slot);
        let (tender, amount, means) = (item.tender(), item.amount, item.means);
        let (seller, version) = (item.seller, item.version);
        let firm = self.couriers.get(item.courier).firm;
        let fees = self.fees_of(seller, version, means, amount);
        self.books.begin(Some(tender), Some(self.tariff_version(version)));
        self.books.post_reserved(entry_of(means), reserve, amount);
        self.charge(seller, firm, &fees);
        self.books.commit_certain(out, "what is reserved can be posted, and pays its fees");
        let item = self.item_mut(slot);
        item.fees = fees.total();
        item.kept_by_network = fees.kept_by_network();
        item.progress = Progress::Approved { unpaid: Amount::ZERO };
        self.leave_flight(Some(parcel));
        self.after_collecting(slot, (parcel, today), fees, out);
        Ok(())
    }

    pub(crate) fn collect_cash(
        &mut self,
        id: TenderId,
        courier: CourierId,
        amount: Amount,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let courier_number = self.courier_number(courier)?;
        let slot = self.check_new(&NewTender { id, means: Means::Cash, rail: 0, amount })?;
        let parcel = self.parcel(slot);
        if parcel.carrier != courier_number {
            return Err(Refusal::WrongCourier);
        }
        let seller_number = parcel.seller;
        let before = parcel.last;
        let seller = self.sellers.get(seller_number);
        let held = seller.held;
        let version = self.version_in_force(seller.tariff, today)?;
        let courier = self.couriers.get(courier_number);
        let (cash, firm) = (courier.cash, courier.firm);
        self.same_currency(self.firms.get(firm).currency, seller.currency)?;
        let fees = self.fees_of(seller_number, version, Means::Cash, amount);

        self.books.begin(Some(id), Some(self.tariff_version(version)));
        self.books.post(Entry::CashCollected, cash, held, amount);
        self.charge(seller_number, firm, &fees);
        self.books.commit(out).map_err(|refusal| match refusal {
            ledger::Refusal::LimitReached(account) if account == cash => Refusal::CashLimit,
            _ => Refusal::Overflow,
        })?;
        let item = self.add_item(
            slot,
            Item {
                parcel: id.parcel,
                amount,
                fees: fees.total(),
                kept_by_network: Amount::ZERO,
                given_back: Amount::ZERO,
                progress: Progress::Approved { unpaid: Amount::ZERO },
                seller: seller_number,
                courier: courier_number,
                before,
                date: today,
                rail: 0,
                version,
                number: id.number,
                means: Means::Cash,
                refunds: 0,
                attempts: 0,
                confirmations: 0,
                guaranteed: false,
            },
        );
        self.couriers.get_mut(courier_number).in_hand.push_back(item);
        self.after_collecting(item, (slot, today), fees, out);
        Ok(())
    }

    fn fees_of(&self, seller: u32, version: u16, means: Means, amount: Amount) -> Fees {
        let terms = &self.small.versions[usize::from(version)].terms;
        let fees = terms.fees(self.sellers.get(seller).class, means.tender(), amount);
        let fees = fees.expect("a seller's class is in every version of its tariff");
        assert!(fees.total() <= amount, "M8: fees beyond the amount");
        fees
    }

    /// Adds the fees of a collection to the chain: the held money pays them.
    fn charge(&mut self, seller: u32, firm: u32, fees: &Fees) {
        let seller = self.sellers.get(seller);
        let (held, currency) = (seller.held, seller.currency);
        for (kind, fee) in fees.iter() {
            if kind == FeeKind::Commission {
                let commission = self.firms.get(firm).commission;
                self.books.post(Entry::CommissionEarned, held, commission, fee);
            } else {
                let income = self.currency_accounts(currency).fees[kind as usize];
                self.books.post(Entry::FeeCharged, held, income, fee);
            }
        }
    }

    /// Says that money was collected, and closes the parcel if that was all.
    fn after_collecting(
        &mut self,
        slot: u32,
        (parcel, today): (u32, BusinessDate),
        fees: Fees,
        out: &mut Outcome,
    ) {
        let item = self.item(slot);
        out.events.push(Event::Collected {
            tender: item.tender(),
            seller: self.sellers.get(item.seller).id,
            method: item.means.tender(),
            amount: item.amount,
            fees,
            tariff: self.tariff_version(item.version),
        });
        let record = self.parcel(parcel);
        let collected = self.collected(record);
        assert!(collected <= record.due, "M2: collected beyond the amount due");
        if collected == record.due {
            out.events.push(Event::Delivered { parcel: record.id, collected });
            self.deliver(record.last, today);
            self.close(parcel);
        }
    }

    /// The day of delivery counts for all tenders of a parcel, also for those of days before.
    fn deliver(&mut self, newest: u32, today: BusinessDate) {
        let mut next = newest;
        while let Some(item) = self.items.get_mut(next) {
            item.date = today;
            next = item.before;
        }
    }

    pub(crate) fn reverse_collection(
        &mut self,
        id: TenderId,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (slot, open) = self.find_tender(id)?;
        let item = self.item(slot);
        match item.progress {
            Progress::Begun(reserve) | Progress::Unknown(reserve) => {
                self.end_reserve(slot, open, reserve, Progress::Reversed, out);
                out.events.push(Event::Reversed { tender: id, posted: Amount::ZERO });
                Ok(())
            }
            Progress::Approved { .. } if item.refunds > 0 => Err(Refusal::TenderState),
            Progress::Approved { .. } => {
                if item.means == Means::Cash {
                    self.take_out_of_hand(slot)?;
                }
                self.unpost(slot, out);
                self.reopen(slot, open, out);
                Ok(())
            }
            // Nothing is left to be taken back; a terminal that asks is told so.
            Progress::Reversed | Progress::Declined => Err(Refusal::Repeated),
            _ => Err(Refusal::TenderState),
        }
    }

    /// Cash can be given back while the courier has it and it is in no hand-over.
    fn take_out_of_hand(&mut self, slot: u32) -> Result<(), Refusal> {
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
        let unknown = |item: &Item| matches!(item.progress, Progress::Begun(_));
        assert!(!self.tenders_from(newest).any(|(_, item)| unknown(item)), "closed in flight");
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

fn entry_of(means: Means) -> Entry {
    match means {
        Means::DebitCard | Means::CreditCard => Entry::CardCollected,
        Means::Qr => Entry::QrCollected,
        Means::Cash => Entry::CashCollected,
    }
}

const _: () = assert!(NO_ITEM == u32::MAX, "the list of tenders ends outside every slab");

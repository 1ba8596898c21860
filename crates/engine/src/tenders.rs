//! Taking money at the door: by card and QR in two steps, in cash at once.

use money::Amount;
use tariff::{BusinessDate, CardKind, FeeKind, Fees};

use crate::batches::Standing;
use crate::chart::Entry;
use crate::command::{Method, Resolution, TENDERS_MAX, UNKNOWN_PER_NETWORK_MAX};
use crate::door::TransactionKind;
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::{CourierId, ParcelId, TenderId, TerminalId};
use crate::index::Place;
use crate::records::{Item, Means, NO_ITEM, Parcel, Progress, RailId, Stand};
use crate::refusal::{Missing, Refusal};
use crate::time::Timestamp;

/// The response code of an approval (ISO 8583 field 39).
pub(crate) const APPROVED: [u8; 2] = *b"00";
/// What a terminal is told when no answer came in time.
pub(crate) const NO_ANSWER: [u8; 2] = *b"68";
/// An authorisation code that is none.
pub(crate) const NO_AUTHORISATION: [u8; 6] = *b"      ";

/// A tender that is about to be made.
#[derive(Clone, Copy)]
pub(crate) struct NewTender {
    pub id: TenderId,
    pub means: Means,
    pub rail: u16,
    pub amount: Amount,
}

/// What the checks of a new tender found.
pub(crate) struct Checked {
    /// The parcel's slot.
    slot: u32,
    seller: u32,
    courier: u32,
    /// The account that owes the money, or has the cash; and the seller's.
    source: ledger::AccountNo,
    held: ledger::AccountNo,
    version: u16,
    today: BusinessDate,
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

    /// The identifier of the next tender of an open parcel.
    pub(crate) fn next_tender(&self, parcel: ParcelId) -> Result<TenderId, Refusal> {
        let tenders = self.parcel(self.open_slot(parcel)?).tenders;
        if tenders >= TENDERS_MAX {
            return Err(Refusal::TooMany(TENDERS_MAX));
        }
        Ok(TenderId { parcel, number: tenders + 1 })
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
        let taken = self.sum_of(parcel.last, |item| item.is_collected() || item.progress.waits());
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

    /// The network or wallet of a method, and the new tender over it.
    pub(crate) fn over(
        &self,
        method: Method,
        id: TenderId,
        amount: Amount,
    ) -> Result<NewTender, Refusal> {
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
        let number = self.rails.number(rail_id).ok_or(Refusal::NotFound(missing))?;
        let rail = u16::try_from(number).expect("as many as registering allows");
        Ok(NewTender { id, means, rail, amount })
    }

    /// Checks everything that a new tender by card or QR needs. One that was made offline is
    /// no new risk for its network: it may be withdrawn, or have many unknown.
    #[inline]
    pub(crate) fn check_over(
        &self,
        new: &NewTender,
        terminal: TerminalId,
        offline: bool,
        (today, at): (BusinessDate, Timestamp),
    ) -> Result<Checked, Refusal> {
        let slot = self.check_new(new)?;
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
        let rail = self.rails.get(u32::from(new.rail));
        self.same_currency(rail.currency, seller.currency)?;
        let same_way = |item: &Item| item.means.is_card() == new.means.is_card();
        let unknown = |item: &Item| item.progress.is_unknown() && same_way(item);
        if self.tenders_from(parcel.last).any(|(_, item)| unknown(item)) {
            return Err(Refusal::UnknownOutcome);
        }
        if !offline {
            if rail.unknown >= UNKNOWN_PER_NETWORK_MAX {
                return Err(Refusal::TooManyUnknown);
            }
            self.not_withdrawn(new.rail, at)?;
        }
        let version = self.version_in_force(seller.tariff, today)?;
        let (source, held) = (rail.receivable, seller.held);
        let (seller, courier) = (parcel.seller, parcel.carrier);
        Ok(Checked { slot, seller, courier, source, held, version, today })
    }

    fn add_tender(&mut self, new: &NewTender, checked: &Checked, progress: Progress) -> u32 {
        let before = self.parcel(checked.slot).last;
        self.add_item(
            checked.slot,
            Item {
                parcel: new.id.parcel,
                amount: new.amount,
                fees: Amount::ZERO,
                kept_by_network: Amount::ZERO,
                given_back: Amount::ZERO,
                progress,
                seller: checked.seller,
                courier: checked.courier,
                before,
                date: checked.today,
                rail: new.rail,
                version: checked.version,
                number: new.id.number,
                means: new.means,
                refunds: 0,
                attempts: 0,
                confirmations: 0,
                guaranteed: false,
            },
        )
    }

    pub(crate) fn begin_collection(
        &mut self,
        (id, terminal): (TenderId, TerminalId),
        method: Method,
        amount: Amount,
        now: (BusinessDate, Timestamp),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let new = self.over(method, id, amount)?;
        let checked = self.check_over(&new, terminal, false, now)?;
        self.begin(&new, &checked, out)
    }

    /// Reserves a checked tender's money.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        new: &NewTender,
        checked: &Checked,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.books.begin(Some(new.id), None);
        let entry = entry_of(new.means);
        let reserve = self.books.reserve(entry, checked.source, checked.held, new.amount);
        self.books.commit(out).map_err(|_| Refusal::Overflow)?;
        self.add_tender(new, checked, Progress::Begun(reserve));
        self.parcel_mut(checked.slot).in_flight += 1;
        out.events.push(Event::Begun { tender: new.id });
        Ok(())
    }

    pub(crate) fn resolve(
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
        if self.item(slot).means == Means::Cash {
            return Err(Refusal::TenderState);
        }
        match (self.item(slot).progress, resolution) {
            (P::Begun(reserve), R::Approved) => {
                let parcel = open.expect("a parcel with a payment in flight is open");
                let asked = self.waiting_transaction(id);
                let is_promise =
                    |slot: u32| self.doors.get(slot).kind == TransactionKind::PreAuthorisation;
                if asked.is_some_and(is_promise) {
                    self.item_mut(slot).progress = P::Authorised(reserve);
                    self.promises.insert((self.item(slot).date, id));
                    out.events.push(Event::Authorised { tender: id });
                } else {
                    let amount = self.item(slot).amount;
                    self.approve(slot, parcel, (reserve, amount), today, out);
                }
                self.answered(asked, Standing::Stands, (APPROVED, authorisation));
                Ok(())
            }
            (P::Begun(reserve) | P::Unknown(reserve), R::Declined { code }) => {
                self.end_reserve(slot, open, reserve, P::Declined, out);
                out.events.push(Event::Declined { tender: id });
                let asked = self.waiting_transaction(id);
                self.answered(asked, Standing::Fell, (code, authorisation));
                Ok(())
            }
            (P::Begun(reserve), R::Unknown) => {
                self.item_mut(slot).progress = P::Unknown(reserve);
                let rail = u32::from(self.item(slot).rail);
                self.rails.get_mut(rail).unknown += 1;
                self.leave_flight(open);
                out.events.push(Event::BecameUnknown { tender: id });
                // Its reversal is chased from now on.
                if let Some(asked) = self.waiting_transaction(id) {
                    let told = (NO_ANSWER, NO_AUTHORISATION);
                    self.doors.answer(asked, Standing::Fell, told);
                }
                Ok(())
            }
            // Called unknown, or reversed already: the approval changes nothing, its reversal goes
            // on. A wallet is not asked to reverse: what it took is chased until it is given back.
            (P::Unknown(_) | P::Reversed | P::Declined, R::Approved) => {
                self.paid_late(id, authorisation, out)?;
                out.events.push(Event::LateApproval { tender: id });
                Ok(())
            }
            (progress, R::Approved) if progress.unpaid().is_some() => Err(Refusal::Repeated),
            (
                P::Authorised(_)
                | P::Completing(_)
                | P::CompletionUnknown(_)
                | P::TakingBack(_)
                | P::Releasing(..)
                | P::Expired,
                R::Approved,
            )
            | (P::Declined, R::Declined { .. })
            | (P::Unknown(_) | P::Reversed, R::Unknown) => Err(Refusal::Repeated),
            _ => Err(Refusal::TenderState),
        }
    }

    /// The terminal's transaction that waits for a begun or unknown tender's end, if a terminal
    /// asked for it.
    pub(crate) fn waiting_transaction(&self, id: TenderId) -> Option<u32> {
        self.doors.chased_of(id)
    }

    /// A terminal's transaction has its end.
    pub(crate) fn answered(
        &mut self,
        transaction: Option<u32>,
        standing: Standing,
        told: ([u8; 2], [u8; 6]),
    ) {
        if let Some(slot) = transaction {
            self.doors.answer(slot, standing, told);
            self.doors.let_go(slot);
        }
    }

    pub(crate) fn leave_flight(&mut self, open: Option<u32>) {
        let parcel = self.parcel_mut(open.expect("a parcel with a payment in flight is open"));
        parcel.in_flight = parcel.in_flight.checked_sub(1).expect("each flight is counted once");
    }

    pub(crate) fn no_longer_unknown(&mut self, slot: u32) {
        let rail = self.rails.get_mut(u32::from(self.item(slot).rail));
        rail.unknown = rail.unknown.checked_sub(1).expect("each unknown is counted once");
    }

    /// Ends a payment that was begun, unknown or authorised without money.
    pub(crate) fn end_reserve(
        &mut self,
        slot: u32,
        open: Option<u32>,
        reserve: ledger::TransferId,
        progress: Progress,
        out: &mut Outcome,
    ) {
        let item = self.item(slot);
        let (tender, entry) = (item.tender(), entry_of(item.means));
        let was_unknown = matches!(item.progress, Progress::Unknown(_));
        self.books.begin(Some(tender), None);
        self.books.void(entry, reserve);
        self.books.commit_certain(out, "what is reserved can be voided");
        self.item_mut(slot).progress = progress;
        if was_unknown {
            self.no_longer_unknown(slot);
        } else {
            self.leave_flight(open);
        }
    }

    /// Posts what was reserved for a tender, or a part of it, and its fees.
    pub(crate) fn approve(
        &mut self,
        slot: u32,
        parcel: u32,
        (reserve, amount): (ledger::TransferId, Amount),
        today: BusinessDate,
        out: &mut Outcome,
    ) {
        let item = self.item(slot);
        let (tender, means) = (item.tender(), item.means);
        let (seller, version) = (item.seller, item.version);
        let firm = self.couriers.get(item.courier).firm;
        let fees = self.fees_of(seller, version, means, amount);
        self.books.begin(Some(tender), Some(self.tariff_version(version)));
        self.books.post_reserved(entry_of(means), reserve, amount);
        self.charge(seller, firm, &fees);
        self.books.commit_certain(out, "what is reserved can be posted, and pays its fees");
        let item = self.item_mut(slot);
        item.amount = amount;
        item.fees = fees.total();
        item.kept_by_network = fees.kept_by_network();
        item.progress = Progress::Approved { unpaid: Amount::ZERO };
        self.leave_flight(Some(parcel));
        self.after_collecting(slot, (parcel, today), fees, out);
    }

    pub(crate) fn collect_cash(
        &mut self,
        id: TenderId,
        courier: CourierId,
        amount: Amount,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let courier = self.courier_number(courier)?;
        let new = NewTender { id, means: Means::Cash, rail: 0, amount };
        self.take_cash(&new, courier, today, out)
    }

    /// Takes cash into a courier's hands.
    pub(crate) fn take_cash(
        &mut self,
        new: &NewTender,
        courier: u32,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let slot = self.check_new(new)?;
        let parcel = self.parcel(slot);
        if parcel.carrier != courier {
            return Err(Refusal::WrongCourier);
        }
        let seller_number = parcel.seller;
        let seller = self.sellers.get(seller_number);
        let held = seller.held;
        let version = self.version_in_force(seller.tariff, today)?;
        let record = self.couriers.get(courier);
        let source = record.cash;
        self.same_currency(self.firms.get(record.firm).currency, seller.currency)?;
        let seller = seller_number;
        let checked = Checked { slot, seller, courier, source, held, version, today };
        self.collect_at_once(new, &checked, out)
    }

    /// Posts a checked tender that waits for nobody's answer: cash, or an offline sale.
    pub(crate) fn collect_at_once(
        &mut self,
        new: &NewTender,
        checked: &Checked,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let &Checked { slot, seller, courier, source, held, version, today } = checked;
        let firm = self.couriers.get(courier).firm;
        let fees = self.fees_of(seller, version, new.means, new.amount);
        self.books.begin(Some(new.id), Some(self.tariff_version(version)));
        self.books.post(entry_of(new.means), source, held, new.amount);
        self.charge(seller, firm, &fees);
        self.books.commit(out).map_err(|refusal| match refusal {
            ledger::Refusal::LimitReached(account) if account == source => Refusal::CashLimit,
            _ => Refusal::Overflow,
        })?;
        let item = self.add_tender(new, checked, Progress::Approved { unpaid: Amount::ZERO });
        let record = self.item_mut(item);
        record.fees = fees.total();
        if new.means == Means::Cash {
            self.couriers.get_mut(courier).in_hand.push_back(item);
        } else {
            record.kept_by_network = fees.kept_by_network();
        }
        self.after_collecting(item, (slot, today), fees, out);
        Ok(())
    }

    pub(crate) fn fees_of(&self, seller: u32, version: u16, means: Means, amount: Amount) -> Fees {
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
}

fn entry_of(means: Means) -> Entry {
    match means {
        Means::DebitCard | Means::CreditCard => Entry::CardCollected,
        Means::Qr => Entry::QrCollected,
        Means::Cash => Entry::CashCollected,
    }
}

const _: () = assert!(NO_ITEM == u32::MAX, "the list of tenders ends outside every slab");

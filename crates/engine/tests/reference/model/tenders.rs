//! The model: money at the door, and when it is really there.

use engine::chart::{AccountKind as A, Entry};
use engine::view::{ParcelState, TenderState as S};
use engine::*;
use money::{Amount, Currency};
use tariff::{FeeKind, Tender as Means};

use super::parties::fees;
use super::{Account, Answer, How, Model, No, Reason, Standing, Statement, Tender, ensure};

impl Model {
    pub fn collect(&mut self, command: &Command) -> Option<Answer> {
        let done = match *command {
            Command::BeginCollection { tender, terminal, method, amount } => {
                self.begin(tender, terminal, method, amount)
            }
            Command::ResolveCollection { tender, resolution } => {
                self.resolve(tender, resolution, *b"      ")
            }
            Command::ReverseCollection { tender } => self.reverse(tender),
            Command::CollectCash { tender, courier, amount } => {
                self.collect_cash(tender, courier, amount)
            }
            Command::ConfirmClearing { bank, tender, amount, kept_back } => {
                self.confirm_clearing(bank, tender, amount, kept_back)
            }
            Command::ReleaseDue { date, limit } => self.release_due(date, limit),
            _ => return None,
        };
        Some(done)
    }

    /// Whether a new tender may be made, and on which tariff version.
    fn may_take(
        &self,
        id: TenderId,
        how: How,
        courier: CourierId,
        amount: Amount,
    ) -> Answer<TariffVersion> {
        ensure(!amount.is_zero(), "nothing asked for")?;
        if let Ok(known) = self.tender(id) {
            // Who took it, and on which terminal, is not remembered.
            let cash = matches!((known.how, how), (How::Cash(_), How::Cash(_)));
            let same = (cash || known.how == how) && known.amount == amount.minor();
            ensure(same, "the number is taken")?;
            return Err(No::Repeated);
        }
        let parcel = self.parcel(id.parcel)?;
        let next = parcel.tenders.len() + 1;
        ensure(usize::from(id.number) == next, "not the next number")?;
        ensure(id.number <= TENDERS_MAX, "too many tenders")?;
        ensure(parcel.state == ParcelState::Out, "not out")?;
        ensure(parcel.courier == Some(courier), "another courier's parcel")?;
        let left = parcel.due - parcel.collected() - parcel.begun();
        ensure(amount.minor() <= left, "more than is left")?;
        let tariff = self.sellers[&parcel.seller].tariff;
        let version = self.version_today(tariff)?;
        Ok(TariffVersion { tariff, version: version.number })
    }

    pub fn add_tender(&mut self, id: TenderId, how: How, amount: Amount, tariff: TariffVersion) {
        let courier = self.parcel_mut(id.parcel).courier.expect("the parcel is out");
        let new = Tender {
            how,
            courier,
            is_promise: false,
            amount: amount.minor(),
            taken_on: self.today,
            state: S::Begun,
            tariff,
            fees: Vec::new(),
            gifts: 0,
            given_back: 0,
            from_held: 0,
            rule: None,
            confirmations: 0,
            unpaid: 0,
        };
        self.parcel_mut(id.parcel).tenders.push(new);
    }

    /// Whether a payment may be asked for, or was taken offline, over a network or wallet.
    pub fn may_take_over(
        &self,
        id: TenderId,
        terminal: TerminalId,
        method: Method,
        amount: Amount,
        offline: bool,
    ) -> Answer<(How, TariffVersion)> {
        let (how, currency) = match method {
            Method::Card { network, kind } => {
                (How::Card(network, kind), self.networks.get(&network))
            }
            Method::Qr { wallet } => (How::Qr(wallet), self.wallets.get(&wallet)),
        };
        let currency = *currency.ok_or(No::Because("no such network or wallet"))?;
        let terminal = self.terminals.get(&terminal).copied();
        let (courier, blocked) = terminal.unwrap_or_default();
        let tariff = self.may_take(id, how, courier, amount)?;
        ensure(terminal.is_some(), "no such terminal")?;
        ensure(!blocked, "the terminal is blocked")?;
        let parcel = self.parcel(id.parcel)?;
        ensure(parcel.currency == currency, "cleared in another currency")?;
        let is_card = |how| matches!(how, How::Card(..));
        let same_way = |one: &Tender| is_card(one.how) == is_card(how);
        let unknown = |one: &Tender| one.is_unknown() && same_way(one);
        ensure(!parcel.tenders.iter().any(unknown), "an earlier payment is unknown")?;
        if let How::Card(network, _) = how {
            let withdrawn = self.withdrawn.get(&network).is_some_and(|from| *from <= self.now);
            ensure(offline || !withdrawn, "the network is withdrawn")?;
        }
        Ok((how, tariff))
    }

    pub fn begin(
        &mut self,
        id: TenderId,
        terminal: TerminalId,
        method: Method,
        amount: Amount,
    ) -> Answer {
        let (how, tariff) = self.may_take_over(id, terminal, method, amount, false)?;
        self.add_tender(id, how, amount, tariff);
        self.about = (Some(id), None);
        let currency = self.parcel(id.parcel)?.currency;
        let (entry, receivable) = receivable(how, currency);
        let held = self.held_account(id);
        self.reserve(Reason::Tender(id), entry, (receivable, held), amount.minor());
        self.tell(Event::Begun { tender: id })
    }

    pub fn resolve(
        &mut self,
        id: TenderId,
        resolution: Resolution,
        authorisation: [u8; 6],
    ) -> Answer {
        let state = self.tender(id)?.state;
        self.about = (Some(id), None);
        ensure(!matches!(self.tender(id)?.how, How::Cash(_)), "nobody answers for cash")?;
        match (state, resolution) {
            (S::Begun, Resolution::Approved) => {
                self.end_purchase(id, Standing::Stands, (*b"00", authorisation));
                if self.is_promise(id) {
                    let tender = self.tender_mut(id);
                    (tender.state, tender.is_promise) = (S::Authorised, true);
                    return self.tell(Event::Authorised { tender: id });
                }
                self.about.1 = Some(self.tender(id)?.tariff);
                self.post_reserved(Reason::Tender(id), self.tender(id)?.amount);
                self.collected(id)
            }
            (S::Begun | S::Unknown, Resolution::Declined { code }) => {
                self.void_reservation(Reason::Tender(id));
                self.tender_mut(id).state = S::Declined;
                self.end_purchase(id, Standing::Fell, (code, authorisation));
                self.tell(Event::Declined { tender: id })
            }
            (S::Begun, Resolution::Unknown) => {
                self.tender_mut(id).state = S::Unknown;
                self.end_purchase(id, Standing::Fell, (*b"68", *b"      "));
                self.tell(Event::BecameUnknown { tender: id })
            }
            (S::Unknown | S::Reversed | S::Declined, Resolution::Approved) => {
                self.paid_late(id, authorisation)?;
                self.tell(Event::LateApproval { tender: id })
            }
            // Whatever came of it since, it was approved.
            (_, Resolution::Approved)
            | (S::Unknown | S::Reversed, Resolution::Unknown)
            | (S::Declined, Resolution::Declined { .. }) => Err(No::Repeated),
            _ => Err(No::Because("it ended otherwise")),
        }
    }

    pub fn collect_cash(&mut self, id: TenderId, courier: CourierId, amount: Amount) -> Answer {
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        let how = How::Cash(courier);
        let tariff = self.may_take(id, how, courier, amount)?;
        self.add_tender(id, how, amount, tariff);
        self.about = (Some(id), Some(tariff));
        self.couriers.get_mut(&courier).expect("checked before").in_hand.push(id);
        let (entry, cash) = receivable(how, self.parcel(id.parcel)?.currency);
        self.post(entry, cash, self.held_account(id), amount.minor());
        self.collected(id)
    }

    /// What approved payments and cash have in common: the fees, and perhaps the end of the matter.
    pub fn collected(&mut self, id: TenderId) -> Answer {
        let parcel = self.parcel(id.parcel)?.clone();
        let tender = self.tender(id)?.clone();
        let seller = self.sellers[&parcel.seller].clone();
        let means = means(tender.how);
        let versions = &self.tariffs[&tender.tariff.tariff];
        let terms = &versions[usize::from(tender.tariff.version) - 1].terms;
        let parts = fees(terms, seller.class, means, tender.amount);
        let parts = parts.ok_or(No::Because("no such class today"))?;
        let its_fees = terms.fees(seller.class, means, Amount::of(tender.amount));
        for (kind, fee) in &parts {
            let entry = match kind {
                FeeKind::Commission => Entry::CommissionEarned,
                _ => Entry::FeeCharged,
            };
            self.post(entry, self.held_account(id), self.fee_account(id, *kind), *fee);
        }
        let tender = self.tender_mut(id);
        (tender.state, tender.is_promise) = (S::Approved, false);
        tender.fees = parts;
        self.tell(Event::Collected {
            tender: id,
            seller: parcel.seller,
            method: means,
            amount: Amount::of(self.tender(id)?.amount),
            fees: its_fees.expect("the model found the class"),
            tariff: self.tender(id)?.tariff,
        })?;
        let collected = self.parcel(id.parcel)?.collected();
        if collected == parcel.due {
            self.close(id.parcel, ParcelState::Delivered);
            let collected = Amount::of(collected);
            self.tell(Event::Delivered { parcel: id.parcel, collected })?;
        }
        Ok(())
    }

    fn reverse(&mut self, id: TenderId) -> Answer {
        let tender = self.tender(id)?.clone();
        self.about = (Some(id), None);
        match tender.state {
            S::Begun | S::Unknown => {
                self.void_reservation(Reason::Tender(id));
                self.tender_mut(id).state = S::Reversed;
                self.end_purchase(id, Standing::Reversed, (*b"68", *b"      "));
                self.tell(Event::Reversed { tender: id, posted: Amount::ZERO })
            }
            S::Approved => {
                self.may_take_back(id)?;
                // What no terminal asked for has no transaction.
                let _ = self.reverse_transaction(id);
                self.unpost(id)
            }
            S::Reversed | S::Declined | S::Expired => Err(No::Repeated),
            _ => Err(No::Because("nothing to take back")),
        }
    }

    /// Posts the opposite of a collection and its fees; the parcel is out again.
    pub fn unpost(&mut self, id: TenderId) -> Answer {
        let tender = self.tender(id)?.clone();
        self.about = (Some(id), None);
        if let How::Cash(courier) = tender.how {
            let in_hand = &mut self.couriers.get_mut(&courier).expect("it took cash").in_hand;
            let before = in_hand.len();
            in_hand.retain(|other| *other != id);
            ensure(in_hand.len() < before, "the cash is no longer in hand")?;
        }
        let currency = self.parcel(id.parcel)?.currency;
        let held = self.held_account(id);
        self.about.1 = Some(tender.tariff);
        for (kind, fee) in &tender.fees {
            let entry = match kind {
                FeeKind::Commission => Entry::CommissionReversed,
                _ => Entry::FeeReversed,
            };
            self.post(entry, self.fee_account(id, *kind), held, *fee);
        }
        let (_, receivable) = receivable(tender.how, currency);
        self.post(Entry::CollectionReversed, held, receivable, tender.amount);
        self.tender_mut(id).state = S::Reversed;
        self.tell(Event::Reversed { tender: id, posted: Amount::of(tender.amount) })?;
        let parcel = self.parcel_mut(id.parcel);
        if parcel.state == ParcelState::Delivered {
            parcel.state = ParcelState::Out;
            parcel.closed_on = None;
            parcel.part_accepted = true;
            self.tell(Event::Reopened { parcel: id.parcel })?;
        }
        Ok(())
    }

    fn confirm_clearing(
        &mut self,
        bank: BankId,
        id: TenderId,
        amount: Amount,
        kept_back: Amount,
    ) -> Answer {
        ensure(!amount.is_zero(), "nothing cleared")?;
        let currency = *self.banks.get(&bank).ok_or(No::Because("no such bank account"))?;
        let tender = self.tender(id)?.clone();
        let subject = match tender.how {
            How::Card(network, _) => BreakSubject::Network(network),
            How::Qr(wallet) => BreakSubject::Wallet(wallet),
            How::Cash(_) => return Err(No::Because("cash is not cleared")),
        };
        if matches!(tender.state, S::Held | S::Released) {
            ensure(amount.minor() == tender.amount, "not the amount of the tender")?;
            return Err(No::Repeated);
        }
        ensure(tender.state == S::Approved, "not approved")?;
        ensure(self.parcel(id.parcel)?.currency == currency, "another currency")?;
        ensure(amount.minor() == tender.amount, "not the amount of the tender")?;
        ensure(kept_back <= amount, "more kept back than there is")?;
        self.about = (Some(id), Some(tender.tariff));
        let (expected, kept) = (tender.kept_by_network(), kept_back.minor());
        let (_, receivable) = receivable(tender.how, currency);
        let (cost, suspense) = ((A::ClearingCost, 0, currency), (A::Suspense, 0, currency));
        let bank = (A::Bank, bank.0, currency);
        self.post(Entry::Cleared, bank, receivable, tender.amount - kept);
        self.post(Entry::KeptBack, cost, receivable, kept.min(expected));
        if kept > expected {
            self.post(Entry::KeptBackTooMuch, suspense, receivable, kept - expected);
            self.own_break(subject, BreakSide::Shortfall, kept - expected, currency, None)?;
        }
        if kept < expected {
            self.post(Entry::KeptBackTooLittle, cost, suspense, expected - kept);
            self.own_break(subject, BreakSide::Excess, expected - kept, currency, None)?;
        }
        self.is_there(id)
    }

    /// The money of a tender is really there: it is held by the rule that holds now, if that asks
    /// for any days at all.
    pub fn is_there(&mut self, id: TenderId) -> Answer {
        let seller = &self.sellers[&self.parcel(id.parcel)?.seller];
        let (rule, today) = (self.hold_rules[&seller.jurisdiction], self.today);
        let open = self.parcel(id.parcel)?.is_open();
        let tender = self.tender_mut(id);
        tender.state = S::Held;
        let payable_on = match rule {
            HoldRule::AtOnce => today,
            HoldRule::DaysAfterHeld(days) => today.plus(days),
            HoldRule::DaysAfterDelivery(days) if open => today.plus(days.max(1)),
            HoldRule::DaysAfterDelivery(days) => tender.taken_on.plus(days).max(today),
        };
        tender.rule = Some(rule);
        self.tell(Event::Held { tender: id, payable_on })?;
        if payable_on == today {
            return self.release(id);
        }
        self.held.push((payable_on, id));
        Ok(())
    }

    fn release_due(&mut self, date: BusinessDate, limit: u32) -> Answer {
        ensure((1..=ITEMS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        ensure(date <= self.today, "a day to come")?;
        let mut due = self.held.clone();
        due.retain(|(payable_on, _)| *payable_on <= date);
        due.sort_by_key(|(day, _)| *day);
        due.truncate(usize::try_from(limit).unwrap());
        for (_, id) in due {
            match self.waits_until(id)? {
                Some(later) => {
                    self.held.retain(|(_, other)| *other != id);
                    self.held.push((later, id));
                }
                None => self.release(id)?,
            }
        }
        Ok(())
    }

    /// Where a hold counts from the delivery, it may turn out to be longer than was known when the
    /// money came.
    fn waits_until(&self, id: TenderId) -> Answer<Option<BusinessDate>> {
        let tender = self.tender(id)?;
        let Some(HoldRule::DaysAfterDelivery(days)) = tender.rule else { return Ok(None) };
        let until = match self.parcel(id.parcel)?.is_open() {
            true => self.today.plus(days.max(1)),
            false => tender.taken_on.plus(days),
        };
        Ok((until > self.today).then_some(until))
    }

    fn release(&mut self, id: TenderId) -> Answer {
        let parcel = self.parcel(id.parcel)?;
        let (seller, currency) = (parcel.seller, parcel.currency);
        let tender = self.tender(id)?.clone();
        let payable = (A::SellerPayable, seller.0, currency);
        self.about = (Some(id), Some(tender.tariff));
        self.post(Entry::Released, self.held_account(id), payable, tender.share());
        let (gross, fees, given_back) = (tender.amount, tender.fee_total(), tender.from_held);
        self.note(seller, Statement { gross, fees, given_back, returned: 0 });
        self.tender_mut(id).state = S::Released;
        self.held.retain(|(_, other)| *other != id);
        self.tell(Event::Released {
            tender: id,
            seller,
            gross: Amount::of(gross),
            fees: Amount::of(fees),
            given_back: Amount::of(given_back),
        })
    }

    pub fn held_account(&self, id: TenderId) -> Account {
        let parcel = &self.parcels[&id.parcel];
        (A::SellerHeld, parcel.seller.0, parcel.currency)
    }

    fn fee_account(&self, id: TenderId, kind: FeeKind) -> Account {
        let parcel = &self.parcels[&id.parcel];
        match kind {
            FeeKind::Issuer => (A::IssuerFees, 0, parcel.currency),
            FeeKind::Network => (A::NetworkFees, 0, parcel.currency),
            FeeKind::Acquirer => (A::AcquirerFees, 0, parcel.currency),
            FeeKind::Wallet => (A::WalletFees, 0, parcel.currency),
            FeeKind::Cod => (A::CodFees, 0, parcel.currency),
            FeeKind::Return => (A::ReturnFees, 0, parcel.currency),
            FeeKind::Commission => {
                let firm = parcel.firm.expect("money is taken by a firm's courier");
                (A::FirmCommission, firm.0, parcel.currency)
            }
        }
    }
}

/// Where the money of a tender is at first.
pub fn receivable(how: How, currency: Currency) -> (Entry, Account) {
    match how {
        How::Card(network, _) => {
            (Entry::CardCollected, (A::NetworkReceivable, network.0, currency))
        }
        How::Qr(wallet) => (Entry::QrCollected, (A::WalletReceivable, wallet.0, currency)),
        How::Cash(courier) => (Entry::CashCollected, (A::CourierCash, courier.0, currency)),
    }
}

pub fn means(how: How) -> Means {
    match how {
        How::Card(_, kind) => Means::Card(kind),
        How::Qr(_) => Means::Qr,
        How::Cash(_) => Means::Cash,
    }
}

//! The model: payments, and when their money is received.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState, PaymentState as S};
use books::*;
use money::{Amount, Currency};
use tariff::{FeeKind, Fees, FixedOrShare, PaymentMethod as Means};

use super::clearing::FileMoney;
use super::parties::{bearing_vat, fees, fixed_or_share};
use super::{
    Account, Charge, Model, ModelMethod, ModelPayment, ModelRefusal, ModelResult, ReservationFor,
    Statement, TransactionStatus, ensure, kept_by_network,
};

impl Model {
    pub fn collect(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::ReverseCollection(ReverseCollection { payment }) => self.reverse(payment),
            Command::ClearLine(ref line) => self.clear_line(line),
            Command::ReleaseDue(ReleaseDue { date, limit }) => self.release_due(date, limit),
            _ => return None,
        };
        Some(done)
    }

    /// Checks a new payment and returns what it is charged by.
    fn check_new_payment(
        &self,
        id: PaymentId,
        courier: CourierId,
        amount: Amount,
        numbers: u8,
    ) -> ModelResult<Charge> {
        ensure(!amount.is_zero(), "nothing asked for")?;
        let parcel = self.parcel(id.parcel)?;
        ensure(id.number <= numbers, "too many payments")?;
        ensure(parcel.state == ParcelState::Out, "not out")?;
        ensure(parcel.courier == Some(courier), "another courier's parcel")?;
        ensure(amount.minor() <= parcel.left(), "more than is left")?;
        self.charge_on(parcel.account(), self.today)
    }

    pub fn add_payment(
        &mut self,
        id: PaymentId,
        how: ModelMethod,
        amount: Amount,
        charge: Charge,
        courier: CourierId,
    ) {
        let new = ModelPayment {
            method: how,
            courier,
            is_pre_authorisation: false,
            amount: amount.minor(),
            taken_on: self.today,
            state: S::Begun,
            charge,
            fees: Vec::new(),
            refunded: 0,
            file: FileMoney::default(),
            forwarded: 0,
            charged_back: 0,
            won_back: 0,
            refund_numbers: 0,
            from_held: 0,
            taken_back: Vec::new(),
            hold: None,
            unpaid: 0,
            excess: 0,
            network_fee: None,
            rejected: None,
        };
        self.parcel_mut(id.parcel).payments.insert(id.number, new);
    }

    /// Checks a payment over a network or wallet.
    fn check_rail_payment(
        &self,
        id: PaymentId,
        terminal: TerminalId,
        route: PaymentRoute,
        amount: Amount,
    ) -> ModelResult<(ModelMethod, Charge, CourierId)> {
        let (how, currency) = match route {
            PaymentRoute::Card { network, kind } => {
                (ModelMethod::Card(network, kind), self.networks.get(&network))
            }
            PaymentRoute::Qr { wallet } => (ModelMethod::Qr(wallet), self.wallets.get(&wallet)),
        };
        let currency = *currency.ok_or(ModelRefusal::Because("no such network or wallet"))?;
        let terminal = self.terminals.get(&terminal).copied();
        let (courier, blocked) = terminal.unwrap_or_default();
        let numbers = ONLINE_PAYMENTS_PER_PARCEL_MAX;
        let charge = self.check_new_payment(id, courier, amount, numbers)?;
        ensure(terminal.is_some(), "no such terminal")?;
        ensure(!blocked, "the terminal is blocked")?;
        ensure(!self.is_courier_suspended(courier), "the courier is suspended")?;
        let parcel = self.parcel(id.parcel)?;
        ensure(parcel.currency == currency, "cleared in another currency")?;
        let is_card = |how| matches!(how, ModelMethod::Card(..));
        let same_way = |one: &ModelPayment| is_card(one.method) == is_card(how);
        let unknown = |one: &ModelPayment| one.is_unknown() && same_way(one);
        ensure(!parcel.payments.values().any(unknown), "an earlier payment is unknown")?;
        if let ModelMethod::Card(network, _) = how {
            let withdrawn = self.withdrawn.get(&network).is_some_and(|(from, _)| *from <= self.now);
            ensure(!withdrawn, "the network is withdrawn")?;
        }
        Ok((how, charge, courier))
    }

    pub fn begin_payment(
        &mut self,
        id: PaymentId,
        terminal: TerminalId,
        route: PaymentRoute,
        amount: Amount,
    ) -> ModelResult {
        let (how, charge, courier) = self.check_rail_payment(id, terminal, route, amount)?;
        self.add_payment(id, how, amount, charge, courier);
        self.about = (Some(id), None);
        let currency = self.parcel(id.parcel)?.currency;
        let (entry, receivable) = receivable(how, currency);
        let held = self.held_account(id);
        self.reserve(ReservationFor::Payment(id), entry, (receivable, held), amount.minor());
        self.push_event(Event::PaymentBegun { payment: id })
    }

    pub fn resolve_payment(&mut self, id: PaymentId, resolution: PaymentResolution) -> ModelResult {
        let state = self.payment(id)?.state;
        self.about = (Some(id), None);
        ensure(
            !matches!(self.payment(id)?.method, ModelMethod::Cash(_)),
            "nobody answers for cash",
        )?;
        self.check_approval(id, resolution)?;
        match (state, resolution) {
            (S::Begun, PaymentResolution::Approved(by)) => {
                let code = match by {
                    Approval::Network(code) => code,
                    Approval::Wallet(_) => None,
                };
                let answered = (ResponseCode::APPROVED, code);
                let place = self.end_purchase(id, TransactionStatus::Approved, answered);
                if let (Some(place), Approval::Wallet(payment)) = (place, by) {
                    self.transactions[place].wallet_payment = Some(payment);
                }
                if self.is_pre_authorisation(id) {
                    let payment = self.payment_mut(id);
                    (payment.state, payment.is_pre_authorisation) = (S::Authorised, true);
                    return self.push_event(Event::PaymentAuthorised { payment: id });
                }
                self.about.1 = Some(self.payment(id)?.charge.tariff);
                self.post_reserved(ReservationFor::Payment(id), self.payment(id)?.amount);
                self.record_collected(id)?;
                self.answered_after_its_line(id)
            }
            (S::Begun | S::Unknown, PaymentResolution::Declined { code }) => {
                self.void_reservation(ReservationFor::Payment(id));
                self.payment_mut(id).state = S::Declined;
                self.end_purchase(id, TransactionStatus::NotApproved, (code, None));
                self.push_event(Event::PaymentDeclined { payment: id })
            }
            (S::Begun, PaymentResolution::Unknown) => {
                self.payment_mut(id).state = S::Unknown;
                self.end_purchase(
                    id,
                    TransactionStatus::NotApproved,
                    (ResponseCode::OUTCOME_UNKNOWN, None),
                );
                self.push_event(Event::PaymentUnknown { payment: id })
            }
            (S::Unknown | S::Reversed | S::Declined, PaymentResolution::Approved(by)) => {
                if let Approval::Wallet(payment) = by {
                    self.record_late_payment(id, payment)?;
                }
                self.push_event(Event::LateApproval { payment: id })
            }
            // It was approved, whatever happened since.
            (_, PaymentResolution::Approved(_))
            | (S::Unknown | S::Reversed, PaymentResolution::Unknown)
            | (S::Declined, PaymentResolution::Declined { .. }) => Err(ModelRefusal::Repeated),
            _ => Err(ModelRefusal::Because("it ended otherwise")),
        }
    }

    /// Wallets approve QR payments, networks card payments. A code that approves is no decline.
    pub fn check_approval(&self, id: PaymentId, resolution: PaymentResolution) -> ModelResult {
        let by_wallet = match resolution {
            PaymentResolution::Approved(Approval::Wallet(_)) => true,
            PaymentResolution::Approved(Approval::Network(_)) => false,
            PaymentResolution::Declined { code } => {
                return ensure(code != ResponseCode::APPROVED, "a decline that approves");
            }
            _ => return Ok(()),
        };
        match self.payment(id)?.method {
            ModelMethod::Card(..) => ensure(!by_wallet, "a wallet for a card"),
            ModelMethod::Qr(_) => ensure(by_wallet, "a network for a QR code"),
            ModelMethod::Cash(_) => Ok(()),
        }
    }

    pub fn collect_cash(
        &mut self,
        id: PaymentId,
        courier: CourierId,
        amount: Amount,
    ) -> ModelResult {
        let how = ModelMethod::Cash(courier);
        let charge = self.check_new_payment(id, courier, amount, PAYMENTS_PER_PARCEL_MAX)?;
        self.add_payment(id, how, amount, charge, courier);
        self.about = (Some(id), Some(charge.tariff));
        self.couriers.get_mut(&courier).expect("checked before").in_hand.push(id);
        let (entry, cash) = receivable(how, self.parcel(id.parcel)?.currency);
        self.post(entry, cash, self.held_account(id), amount.minor());
        self.record_collected(id)
    }

    /// Common to approved payments and cash: fees, and delivery if all is paid.
    pub fn record_collected(&mut self, id: PaymentId) -> ModelResult {
        let parcel = self.parcel(id.parcel)?.clone();
        let payment = self.payment(id)?.clone();
        let means = payment_method(payment.method);
        let Charge { tariff, class } = payment.charge;
        let terms = &self.tariffs[&tariff.tariff][usize::from(tariff.version) - 1].terms;
        let part = payment.amount - payment.excess;
        let parts = fees(terms, class, means, part, |kind, terms, base| {
            self.rest_of_fee(&parcel, kind, terms, base)
        });
        let parts = parts.ok_or(ModelRefusal::Because("no such class today"))?;
        // A network deducts its fee from all that it pays.
        let of_whole = fees(terms, class, means, payment.amount, |_, _, _| 0);
        let network_fee = (payment.excess > 0).then(|| kept_by_network(&of_whole.unwrap()));
        let mut its_fees = Fees::default();
        for (kind, fee) in &parts {
            its_fees.set(*kind, Amount::of(*fee));
        }
        for (kind, fee) in &parts {
            let entry = match kind {
                FeeKind::Commission => ChartEntry::CommissionEarned,
                _ => ChartEntry::FeeCharged,
            };
            self.post(entry, self.held_account(id), self.fee_account(id, *kind), *fee);
        }
        let payment = self.payment_mut(id);
        (payment.state, payment.is_pre_authorisation) = (S::Approved, false);
        (payment.fees, payment.network_fee) = (parts, network_fee);
        self.push_event(Event::PaymentCollected {
            payment: id,
            seller: parcel.seller,
            method: means,
            amount: Amount::of(part),
            fees: its_fees,
            tariff,
            class,
        })?;
        if self.parcel(id.parcel)?.is_open() { self.deliver_if_paid(id.parcel) } else { Ok(()) }
    }

    /// What a payment bears of a fee that its parcel pays once: the parcel's fee with this payment,
    /// less all that its other payments bore. These count unless they were taken back. A share is
    /// one of the payment, VAT one of the fees that bear it.
    fn rest_of_fee(
        &self,
        parcel: &super::Parcel,
        kind: FeeKind,
        own: FixedOrShare,
        amount: u64,
    ) -> u64 {
        let counts = |one: &&ModelPayment| one.is_collected() && one.rejected.is_none();
        let others = || parcel.payments.values().filter(counts);
        let of_kind = |one: &ModelPayment| {
            let TariffVersion { tariff, version } = one.charge.tariff;
            let terms = &self.tariffs[&tariff][usize::from(version) - 1].terms;
            fixed_or_share(terms, kind, payment_method(one.method)).share.ppm()
        };
        let base_of = |one: &ModelPayment| match kind {
            FeeKind::Vat => bearing_vat(&one.fees),
            _ => one.amount - one.excess,
        };
        let millionths = |amount: u64, ppm: u32| u128::from(amount) * u128::from(ppm);
        let shares = millionths(amount, own.share.ppm())
            + others().map(|one| millionths(base_of(one), of_kind(one))).sum::<u128>();
        let whole = shares / 1_000_000 + u128::from(shares % 1_000_000 >= 500_000);
        let of_parcel = whole.max(own.fixed.minor().into());
        let same_kind = |one: &ModelPayment| {
            let found = one.fees.iter().find(|(other, _)| *other == kind);
            u128::from(found.map_or(0, |(_, fee)| *fee))
        };
        let borne: u128 = others().map(same_kind).sum();
        if own == FixedOrShare::default() {
            return 0;
        }
        u64::try_from(of_parcel.saturating_sub(borne)).unwrap_or(u64::MAX)
    }

    fn reverse(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?.clone();
        self.about = (Some(id), None);
        match payment.state {
            S::Begun | S::Unknown => {
                self.void_reservation(ReservationFor::Payment(id));
                self.payment_mut(id).state = S::Reversed;
                self.end_purchase(
                    id,
                    TransactionStatus::Reversed,
                    (ResponseCode::OUTCOME_UNKNOWN, None),
                );
                self.push_event(Event::PaymentReversed { payment: id, posted: Amount::ZERO })
            }
            S::Approved | S::Held | S::Released => {
                self.check_reversible(id)?;
                // The transaction may be forgotten with its batch.
                let _ = self.reverse_transaction(id);
                self.unpost(id)
            }
            S::Reversed | S::Declined | S::Expired | S::Rejected => Err(ModelRefusal::Repeated),
            _ => Err(ModelRefusal::Because("nothing to reverse")),
        }
    }

    /// Posts the opposite of a collection and its fees. The parcel is out again.
    pub fn unpost(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?.clone();
        self.about = (Some(id), None);
        if let ModelMethod::Cash(courier) = payment.method {
            let in_hand = &mut self.couriers.get_mut(&courier).expect("it took cash").in_hand;
            let before = in_hand.len();
            in_hand.retain(|other| *other != id);
            ensure(in_hand.len() < before, "the cash is no longer in hand")?;
        }
        let currency = self.parcel(id.parcel)?.currency;
        // Once released, the seller can have been paid: the money comes from what is payable.
        let released = payment.state == S::Released;
        let seller = self.parcel(id.parcel)?.seller;
        let payable = (A::SellerPayable, seller.0, currency);
        let held = if released { payable } else { self.held_account(id) };
        if released {
            let refunded = payment.amount - payment.fee_total();
            let parts = vec![("reversed", refunded)];
            let line = Statement { refunded, parts, ..Statement::default() };
            self.add_statement_line((seller, currency), line);
        }
        self.held.retain(|(_, other)| *other != id);
        self.about.1 = Some(payment.charge.tariff);
        self.reverse_fees(id, held, &payment.fees);
        let (_, receivable) = receivable(payment.method, currency);
        self.post(ChartEntry::CollectionReversed, held, receivable, payment.amount);
        let payment_now = self.payment_mut(id);
        payment_now.state = S::Reversed;
        let file = &mut payment_now.file;
        file.to_take_back += std::mem::take(&mut file.for_claim);
        self.push_event(Event::PaymentReversed {
            payment: id,
            posted: Amount::of(payment.amount),
        })?;
        let firm = self.couriers[&payment.courier].firm;
        let parcel = self.parcel_mut(id.parcel);
        if parcel.state == ParcelState::Delivered {
            // With the courier of the payment. An offline sale can deliver a parcel that nobody
            // had taken out.
            (parcel.courier, parcel.firm) = (Some(payment.courier), Some(firm));
            parcel.state = ParcelState::Out;
            parcel.closed_on = None;
            self.parcel_came_back(id.parcel);
            self.give_freight_back(id.parcel)?;
            self.undo_discount(id.parcel)?;
            self.push_event(Event::ParcelReopened { parcel: id.parcel })?;
        }
        Ok(())
    }

    /// The payment's money was received. Holds it by the rule in force now: until the parcel is
    /// delivered and the rule's days are over, or until nothing of it stands.
    pub fn record_funds_received(&mut self, id: PaymentId) -> ModelResult {
        let parcel = self.parcel(id.parcel)?;
        let delivered = parcel.state == ParcelState::Delivered;
        let rule = self.hold_rule(self.sellers[&parcel.account()].jurisdiction);
        let (rule, today) = (rule.expect("sellers have one"), self.today);
        let payment = self.payment_mut(id);
        payment.state = S::Held;
        payment.hold = Some((rule, today));
        let refunded = payment.standing() == 0;
        let payable_on = match delivered {
            true => payment.hold_ends(payment.taken_on),
            false if refunded => today,
            false => payment.hold_ends(today),
        };
        self.push_event(Event::PaymentHeld { payment: id, payable_on })?;
        if delivered || refunded { self.release_on(id, payable_on) } else { Ok(()) }
    }

    /// Releases a held payment on a day, or now.
    pub fn release_on(&mut self, id: PaymentId, payable_on: BusinessDate) -> ModelResult {
        self.held.retain(|(_, other)| *other != id);
        if payable_on <= self.today {
            return self.release(id);
        }
        self.held.push((payable_on, id));
        Ok(())
    }

    fn release_due(&mut self, date: BusinessDate, limit: u32) -> ModelResult {
        ensure((1..=RECORDS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        ensure(date <= self.today, "a day to come")?;
        let mut due = self.held.clone();
        due.retain(|(payable_on, _)| *payable_on <= date);
        due.sort_by_key(|(day, _)| *day);
        due.truncate(usize::try_from(limit).unwrap());
        for (_, id) in due {
            let payment = self.payment(id)?;
            // The parcel can have been delivered again, or be out again.
            if self.parcel(id.parcel)?.state == ParcelState::Delivered {
                self.release_on(id, payment.hold_ends(payment.taken_on))?;
            } else if payment.standing() == 0 {
                self.release(id)?;
            } else {
                self.held.retain(|(_, other)| *other != id);
            }
        }
        Ok(())
    }

    pub fn release(&mut self, id: PaymentId) -> ModelResult {
        let parcel = self.parcel(id.parcel)?;
        let (seller, currency) = (parcel.seller, parcel.currency);
        let payment = self.payment(id)?.clone();
        let payable = (A::SellerPayable, seller.0, currency);
        self.about = (Some(id), Some(payment.charge.tariff));
        self.post(ChartEntry::Released, self.held_account(id), payable, payment.share());
        let gross = payment.amount - payment.excess;
        let (fees, refunded) = (payment.fee_total(), payment.from_held);
        let of_vat = payment.fees.iter().find(|(kind, _)| *kind == FeeKind::Vat);
        let vat = of_vat.map_or(0, |(_, fee)| *fee);
        // The share pays for what was taken back in the order of time, and not for what is won.
        let (mut left, mut charged_back, mut loss_given_back) = (gross - fees, 0, 0);
        for &(entry, number, amount) in &payment.taken_back {
            let number = u8::try_from(number).expect("a payment has few refunds");
            let known = self.chargebacks.all.get(&(id, number));
            if known.is_some_and(|one| one.won == Some(true)) {
                continue;
            }
            let part = amount.min(left);
            left -= part;
            match entry {
                ChartEntry::ChargedBack => charged_back += part,
                ChartEntry::LossReturned => loss_given_back += part,
                _ => {}
            }
        }
        assert_eq!(gross - fees - left, refunded, "what held money paid of it");
        let parts = vec![("charged_back", charged_back), ("loss_given_back", loss_given_back)];
        let line = Statement { gross, fees, refunded, vat, parts, ..Statement::default() };
        self.add_statement_line((seller, currency), line);
        self.payment_mut(id).state = S::Released;
        self.held.retain(|(_, other)| *other != id);
        self.push_event(Event::PaymentReleased {
            payment: id,
            seller,
            gross: Amount::of(gross),
            fees: Amount::of(fees),
            refunded: Amount::of(refunded),
            charged_back: Amount::of(charged_back),
            loss_given_back: Amount::of(loss_given_back),
        })?;
        self.release_discount(id.parcel)
    }

    /// Takes the fees of a payment back.
    pub fn reverse_fees(&mut self, id: PaymentId, to: Account, fees: &[(FeeKind, u64)]) {
        for (kind, fee) in fees {
            let entry = match kind {
                FeeKind::Commission => ChartEntry::CommissionReversed,
                _ => ChartEntry::FeeReversed,
            };
            self.post(entry, self.fee_account(id, *kind), to, *fee);
        }
    }

    pub fn held_account(&self, id: PaymentId) -> Account {
        let parcel = &self.parcels[&id.parcel];
        (A::SellerHeld, parcel.seller.0, parcel.currency)
    }

    fn fee_account(&self, id: PaymentId, kind: FeeKind) -> Account {
        let parcel = &self.parcels[&id.parcel];
        match kind {
            FeeKind::Issuer => (A::IssuerFees, 0, parcel.currency),
            FeeKind::Network => (A::NetworkFees, 0, parcel.currency),
            FeeKind::Acquirer => (A::AcquirerFees, 0, parcel.currency),
            FeeKind::Wallet => (A::WalletFees, 0, parcel.currency),
            FeeKind::Cod => (A::CodFees, 0, parcel.currency),
            FeeKind::Return => (A::ReturnFees, 0, parcel.currency),
            FeeKind::Vat => (A::VatPayable, 0, parcel.currency),
            FeeKind::Commission | FeeKind::Freight => {
                let courier = parcel.payments[&id.number].courier;
                let firm = self.couriers[&courier].firm;
                (A::FirmCommission, firm.0, parcel.currency)
            }
        }
    }
}

impl ModelPayment {
    /// The last day of its hold, if the parcel is delivered on this day.
    pub fn hold_ends(&self, delivered: BusinessDate) -> BusinessDate {
        let (rule, received) = self.hold.expect("its money was received");
        match rule {
            HoldRule::AtOnce => received.max(delivered),
            HoldRule::DaysAfterHeld(days) => received.plus_days(days).max(delivered),
            HoldRule::DaysAfterDelivery(days) => delivered.plus_days(days).max(received),
        }
    }
}

/// The account that owes a payment's money at first.
pub fn receivable(how: ModelMethod, currency: Currency) -> (ChartEntry, Account) {
    match how {
        ModelMethod::Card(network, _) => {
            (ChartEntry::CardCollected, (A::NetworkReceivable, network.0, currency))
        }
        ModelMethod::Qr(wallet) => {
            (ChartEntry::QrCollected, (A::WalletReceivable, wallet.0, currency))
        }
        ModelMethod::Cash(courier) => {
            (ChartEntry::CashCollected, (A::CourierCash, courier.0, currency))
        }
    }
}

pub fn payment_method(how: ModelMethod) -> Means {
    match how {
        ModelMethod::Card(_, kind) => Means::Card(kind),
        ModelMethod::Qr(_) => Means::Qr,
        ModelMethod::Cash(_) => Means::Cash,
    }
}

//! Payments: by card and QR in two steps, by cash at once.

use ledger::AccountNumber;
use money::Amount;
use tariff::{BusinessDate, EarlierPayments, FeeKind, Fees, PaymentMethod};

use crate::books::{Books, Now, check_above_zero};
use crate::chart::ChartEntry;
use crate::command::{
    Approval, FIRST_SUSPENDED_PAYMENT, PaymentResolution, PaymentRoute, Tax,
    UNKNOWN_PAYMENTS_PER_NETWORK_MAX,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId, TerminalId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{NO_PAYMENT, OpenParcelStatus, Parcel, ParcelHistory};
use crate::party::record::RailId;
use crate::party::terms::ChargedTerms;
use crate::payment::codes::ResponseCode;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::{TerminalResponse, TransactionStatus};

#[derive(Clone, Copy)]
pub(crate) struct NewPayment {
    pub id: PaymentId,
    pub method: PaymentMethod,
    pub rail: u16,
    pub amount: Amount,
}

/// Results of checking a new payment.
pub(crate) struct CheckedPayment {
    /// The parcel's slot.
    slot: u32,
    seller: u32,
    courier: u32,
    /// The debited account: the rail's receivable or the courier's cash. And the seller's held
    /// account.
    source: AccountNumber,
    held: AccountNumber,
    terms: ChargedTerms,
    today: BusinessDate,
}

impl Books {
    /// The payment's slot, and the parcel's if it is open.
    #[inline]
    pub(crate) fn find_payment(&self, id: PaymentId) -> Result<(u32, Option<u32>), Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Parcel(id.parcel));
        let (newest, open) = match self.parcel_slot(id.parcel).ok_or(missing)? {
            ParcelSlot::Open(slot) => (self.parcel(slot).last_payment, Some(slot)),
            ParcelSlot::Closed(item) => (item, None),
        };
        let mut payments = self.payments_from(newest);
        let found = payments.find(|(_, item)| item.number == id.number && id.number != 0);
        let (slot, _) = found.ok_or(Refusal::NotFound(MissingRecord::Payment))?;
        Ok((slot, open))
    }

    /// The parcel's next payment, if its number is at most `most`.
    pub(crate) fn next_payment_id(&self, parcel: ParcelId, most: u8) -> Result<PaymentId, Refusal> {
        let payments = self.parcel(self.open_parcel_slot(parcel)?).payment_count;
        if payments >= most {
            return Err(Refusal::TooMany(most));
        }
        Ok(PaymentId { parcel, number: payments + 1 })
    }

    /// Checks that apply to every new payment. Returns the parcel's slot.
    #[inline]
    fn check_new(&self, new: &NewPayment) -> Result<u32, Refusal> {
        check_above_zero(new.amount)?;
        let slot = self.open_parcel_slot(new.id.parcel)?;
        let parcel = self.parcel(slot);
        if parcel.status != OpenParcelStatus::Out {
            return Err(Refusal::ParcelState);
        }
        let left = self.left_to_collect(parcel);
        if new.amount > left {
            return Err(Refusal::AmountTooLarge(left));
        }
        Ok(slot)
    }

    /// The amount due minus what stands or is in flight (M2).
    pub(crate) fn left_to_collect(&self, parcel: &Parcel) -> Amount {
        let taken = self.taken_amount(parcel.last_payment);
        parcel.due.checked_sub(taken).expect("M2: more stands than the amount due")
    }

    pub(crate) fn insert_payment(&mut self, slot: u32, item: PaymentRecord) -> u32 {
        let number = item.number;
        let place = self.payments.insert(item);
        let parcel = self.parcel_mut(slot);
        parcel.last_payment = place;
        if number < FIRST_SUSPENDED_PAYMENT {
            parcel.payment_count = number;
        }
        place
    }

    /// The last number of a parcel's payments. Those that were in suspense have numbers of their
    /// own. Zero for an unknown parcel.
    pub(crate) fn last_payment_number(&self, parcel: ParcelId) -> u8 {
        match self.parcel_slot(parcel) {
            Some(ParcelSlot::Open(slot)) => self.parcel(slot).payment_count,
            Some(ParcelSlot::Closed(newest)) => self.last_number_from(newest),
            None => 0,
        }
    }

    pub(crate) fn last_number_from(&self, newest: u32) -> u8 {
        let numbers = self.payments_from(newest).map(|(_, item)| item.number);
        numbers.filter(|number| *number < FIRST_SUSPENDED_PAYMENT).max().unwrap_or(0)
    }

    /// A new card or QR payment over its network or wallet.
    pub(crate) fn new_rail_payment(
        &self,
        route: PaymentRoute,
        id: PaymentId,
        amount: Amount,
    ) -> Result<NewPayment, Refusal> {
        let (rail_id, method, missing) = match route {
            PaymentRoute::Card { network, kind } => {
                let method = PaymentMethod::Card(kind);
                (RailId::Network(network), method, MissingRecord::Network(network))
            }
            PaymentRoute::Qr { wallet } => {
                (RailId::Wallet(wallet), PaymentMethod::Qr, MissingRecord::Wallet(wallet))
            }
        };
        let number = self.rails.number(rail_id).ok_or(Refusal::NotFound(missing))?;
        let rail = u16::try_from(number).expect("limited by RAILS_MAX");
        Ok(NewPayment { id, method, rail, amount })
    }

    /// Checks a new card or QR payment.
    #[inline]
    pub(crate) fn check_rail_payment(
        &self,
        new: &NewPayment,
        terminal: TerminalId,
        now: Now,
    ) -> Result<CheckedPayment, Refusal> {
        let slot = self.check_new(new)?;
        let parcel = self.parcel(slot);
        let missing = Refusal::NotFound(MissingRecord::Terminal(terminal));
        let terminal = self.terminals.find(terminal).ok_or(missing)?;
        if terminal.blocked {
            return Err(Refusal::TerminalBlocked);
        }
        if terminal.courier != parcel.carrier {
            return Err(Refusal::WrongCourier);
        }
        self.check_not_suspended(parcel.carrier)?;
        let seller = self.sellers.get(parcel.seller);
        let rail = self.rails.get(u32::from(new.rail));
        self.check_same_currency(rail.currency, seller.currency)?;
        let same_way = |item: &PaymentRecord| item.method.is_card() == new.method.is_card();
        let unknown = |item: &PaymentRecord| item.status.is_unknown() && same_way(item);
        if self.payments_from(parcel.last_payment).any(|(_, item)| unknown(item)) {
            return Err(Refusal::EarlierPaymentUnknown);
        }
        if rail.unknown_payments >= UNKNOWN_PAYMENTS_PER_NETWORK_MAX {
            return Err(Refusal::TooManyUnknown);
        }
        self.check_not_withdrawn(new.rail, now.at)?;
        let terms = self.charged_terms(parcel.seller, now.today)?;
        let (source, held) = (rail.receivable, seller.held);
        let (seller, courier) = (parcel.seller, parcel.carrier);
        Ok(CheckedPayment { slot, seller, courier, source, held, terms, today: now.today })
    }

    fn add_payment(
        &mut self,
        new: &NewPayment,
        checked: &CheckedPayment,
        status: PaymentStatus,
    ) -> u32 {
        let before = self.parcel(checked.slot).last_payment;
        self.insert_payment(
            checked.slot,
            PaymentRecord {
                parcel: new.id.parcel,
                amount: new.amount,
                fees: Amount::ZERO,
                refunded: Amount::ZERO,
                status,
                seller: checked.seller,
                courier: checked.courier,
                previous: before,
                date: checked.today,
                rail: new.rail,
                tariff_version: checked.terms.version,
                class: checked.terms.class,
                number: new.id.number,
                method: new.method,
                refund_count: 0,
                confirmations: 0,
                guaranteed: false,
                history: ParcelHistory::default(),
            },
        )
    }

    /// Reserves a checked payment's money.
    #[inline]
    pub(crate) fn begin_payment(
        &mut self,
        new: &NewPayment,
        checked: &CheckedPayment,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        self.ledger.begin_chain(Some(new.id), None);
        let entry = entry_of(new.method);
        let reserve = self.ledger.reserve(entry, checked.source, checked.held, new.amount);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        self.add_payment(new, checked, PaymentStatus::Begun(reserve));
        self.parcel_mut(checked.slot).in_flight += 1;
        out.events.push(Event::PaymentBegun { payment: new.id });
        Ok(())
    }

    pub(crate) fn resolve_payment(
        &mut self,
        id: PaymentId,
        resolution: PaymentResolution,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        use PaymentResolution as R;
        use PaymentStatus as P;
        let (slot, open) = self.find_payment(id)?;
        if self.payment(slot).method == PaymentMethod::Cash {
            return Err(Refusal::PaymentState);
        }
        self.check_resolution(slot, resolution)?;
        match (self.payment(slot).status, resolution) {
            (P::Begun(reserve), R::Approved(approval)) => {
                let parcel = open.expect("a parcel with a payment in flight is open");
                let transaction = self.pending_transaction(id);
                if self.terminal_batches.get(transaction).is_pre_authorisation() {
                    self.payment_mut(slot).status = P::Authorised(reserve);
                    self.pre_authorisations.insert((self.payment(slot).date, id));
                    out.events.push(Event::PaymentAuthorised { payment: id });
                } else {
                    let amount = self.payment(slot).amount;
                    self.post_approved(slot, parcel, reserve, amount, today, out);
                    self.settle_early_line(slot, transaction, today, out);
                }
                let mut response = TerminalResponse::of(ResponseCode::APPROVED);
                match approval {
                    Approval::Network(code) => response.authorisation_code = code,
                    Approval::Wallet(payment) => {
                        self.terminal_batches.set_wallet_payment(transaction, payment);
                    }
                }
                self.resolve_transaction(transaction, TransactionStatus::Approved, response);
                Ok(())
            }
            (P::Begun(reserve) | P::Unknown(reserve), R::Declined { code }) => {
                self.void_reservation(slot, open, reserve, P::Declined, out);
                out.events.push(Event::PaymentDeclined { payment: id });
                let transaction = self.pending_transaction(id);
                let response = TerminalResponse::of(code);
                self.resolve_transaction(transaction, TransactionStatus::NotApproved, response);
                Ok(())
            }
            (P::Begun(reserve), R::Unknown) => {
                self.payment_mut(slot).status = P::Unknown(reserve);
                let rail = u32::from(self.payment(slot).rail);
                self.rails.get_mut(rail).unknown_payments += 1;
                self.decrement_in_flight(open);
                out.events.push(Event::PaymentUnknown { payment: id });
                // Its reversal waits for the acknowledgement from now on.
                self.terminal_batches.record_response(
                    self.pending_transaction(id),
                    TransactionStatus::NotApproved,
                    TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
                );
                Ok(())
            }
            // Unknown or ended: the approval changes nothing and the reversal goes on. A wallet
            // cannot reverse. Its payment waits until it is refunded.
            (P::Unknown(_) | P::Reversed | P::Declined, R::Approved(approval)) => {
                if let Approval::Wallet(payment) = approval {
                    self.record_late_payment(id, payment, out)?;
                }
                out.events.push(Event::LateApproval { payment: id });
                Ok(())
            }
            (status, R::Approved(_)) if status.unpaid_refunds().is_some() => Err(Refusal::Repeated),
            (
                P::Authorised(_)
                | P::Completing(_)
                | P::CompletionUnknown(_)
                | P::Reversing(_)
                | P::Releasing(..)
                | P::Expired
                | P::Rejected,
                R::Approved(_),
            )
            | (P::Declined, R::Declined { .. })
            | (P::Unknown(_) | P::Reversed, R::Unknown) => Err(Refusal::Repeated),
            _ => Err(Refusal::PaymentState),
        }
    }

    /// A network approves card payments, a wallet QR payments. A decline has its own codes.
    pub(crate) fn check_resolution(
        &self,
        slot: u32,
        resolution: PaymentResolution,
    ) -> Result<(), Refusal> {
        match (self.payment(slot).method, resolution) {
            (PaymentMethod::Card(_), PaymentResolution::Approved(Approval::Wallet(_)))
            | (PaymentMethod::Qr, PaymentResolution::Approved(Approval::Network(_))) => {
                Err(Refusal::BadMethod)
            }
            (_, PaymentResolution::Declined { code: ResponseCode::APPROVED }) => {
                Err(Refusal::ApprovedDecline)
            }
            _ => Ok(()),
        }
    }

    /// The transaction of a pending purchase, completion, void or reversal.
    pub(crate) fn pending_transaction(&self, id: PaymentId) -> u32 {
        self.terminal_batches
            .awaiting_network_for(id)
            .expect("M4: a pending payment has a transaction that waits for its network")
    }

    /// Records a transaction's final response.
    pub(crate) fn resolve_transaction(
        &mut self,
        slot: u32,
        standing: TransactionStatus,
        response: TerminalResponse,
    ) {
        self.terminal_batches.record_response(slot, standing, response);
        self.terminal_batches.stop_awaiting_network(slot);
    }

    pub(crate) fn decrement_in_flight(&mut self, open: Option<u32>) {
        let parcel = self.parcel_mut(open.expect("a parcel with a payment in flight is open"));
        parcel.in_flight =
            parcel.in_flight.checked_sub(1).expect("each payment in flight is counted once");
    }

    pub(crate) fn decrement_unknown(&mut self, slot: u32) {
        let rail = self.rails.get_mut(u32::from(self.payment(slot).rail));
        rail.unknown_payments =
            rail.unknown_payments.checked_sub(1).expect("each unknown payment is counted once");
    }

    /// Ends a begun, unknown or authorised payment without money.
    pub(crate) fn void_reservation(
        &mut self,
        slot: u32,
        open: Option<u32>,
        reserve: ledger::TransferId,
        status: PaymentStatus,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (payment, entry) = (item.id(), entry_of(item.method));
        let was_unknown = matches!(item.status, PaymentStatus::Unknown(_));
        self.ledger.begin_chain(Some(payment), None);
        self.ledger.void_reserved(entry, reserve);
        self.ledger.commit_infallible(out, "a reservation can be voided");
        self.payment_mut(slot).status = status;
        if was_unknown {
            self.decrement_unknown(slot);
        } else {
            self.decrement_in_flight(open);
        }
    }

    /// Posts a payment's reservation, or part of it, and the fees.
    pub(crate) fn post_approved(
        &mut self,
        slot: u32,
        parcel: u32,
        reserve: ledger::TransferId,
        amount: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (payment, method) = (item.id(), item.method);
        let (seller, terms) = (item.seller, item.charged_terms());
        let firm = self.couriers.get(item.courier).firm;
        let newest = self.parcel(parcel).last_payment;
        let fees = self.fees_of_next(newest, terms, method, amount);
        self.ledger.begin_chain(Some(payment), Some(self.tariff_version(terms.version)));
        self.ledger.post_reserved(entry_of(method), reserve, amount);
        self.post_fees(seller, firm, &fees);
        self.ledger.commit_infallible(out, "a reservation can be posted and pays its fees");
        let item = self.payment_mut(slot);
        item.amount = amount;
        item.status = PaymentStatus::Approved { unpaid_refunds: Amount::ZERO };
        self.keep_fees(slot, fees);
        self.decrement_in_flight(Some(parcel));
        self.finish_collection(slot, parcel, today, fees, out);
    }

    pub(crate) fn add_cash_payment(
        &mut self,
        new: &NewPayment,
        courier: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let slot = self.check_new(new)?;
        let parcel = self.parcel(slot);
        if parcel.carrier != courier {
            return Err(Refusal::WrongCourier);
        }
        let seller_number = parcel.seller;
        let seller = self.sellers.get(seller_number);
        let held = seller.held;
        let terms = self.charged_terms(seller_number, today)?;
        let record = self.couriers.get(courier);
        let source = record.cash;
        let in_hand = self.ledger.account(source).balance() + i128::from(new.amount.minor());
        let limit = *record.cash_limit.on(today);
        if in_hand > i128::from(limit.minor()) {
            return Err(Refusal::CashLimitExceeded(limit));
        }
        self.check_same_currency(self.firms.get(record.firm).currency, seller.currency)?;
        let seller = seller_number;
        let checked = CheckedPayment { slot, seller, courier, source, held, terms, today };
        let firm = record.firm;
        let newest = self.parcel(slot).last_payment;
        let fees = self.fees_of_next(newest, terms, new.method, new.amount);
        self.ledger.begin_chain(Some(new.id), Some(self.tariff_version(terms.version)));
        self.ledger.post(ChartEntry::CashCollected, source, held, new.amount);
        self.post_fees(seller, firm, &fees);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        let approved = PaymentStatus::Approved { unpaid_refunds: Amount::ZERO };
        let item = self.add_payment(new, &checked, approved);
        self.keep_fees(item, fees);
        self.couriers.get_mut(courier).in_hand.push_back(item);
        self.finish_collection(item, slot, today, fees, out);
        Ok(())
    }

    /// The fees of a parcel's next payment. `newest` is the parcel's newest payment so far. Earlier
    /// payments count while their fees are posted, refunded or not.
    pub(crate) fn fees_of_next(
        &self,
        newest: u32,
        charged: ChargedTerms,
        method: PaymentMethod,
        amount: Amount,
    ) -> Fees {
        let versions = &self.reference_data.versions;
        let mut earlier = EarlierPayments::default();
        let bears_fees = |item: &PaymentRecord| item.is_collected() && !self.is_rejected(item.id());
        for (_, item) in self.payments_from(newest).filter(|(_, item)| bears_fees(item)) {
            let terms = &versions[usize::from(item.tariff_version)].terms;
            let amount = item.amount.saturating_sub(self.excess_of(item));
            earlier.add(terms, item.method, amount, &self.posted_fees(item));
        }
        let terms = &versions[usize::from(charged.version)].terms;
        let fees = terms.fees_after(&earlier, charged.class, method, amount);
        let fees = fees.expect("a seller's class is in every version of its tariff");
        assert!(fees.total() <= amount, "M8: fees exceed the amount");
        fees
    }

    /// Keeps the posted fees with their payment. The record holds the total; the parts are kept
    /// only where the terms alone do not give them.
    pub(crate) fn keep_fees(&mut self, slot: u32, fees: Fees) {
        self.payment_mut(slot).fees = fees.total();
        let item = self.payment(slot);
        if fees != self.fees_of(item.charged_terms(), item.method, item.amount) {
            self.shared_fees.insert(item.id(), fees);
        }
        let vat = fees.of(FeeKind::Vat);
        if !vat.is_zero() {
            let currency = self.sellers.get(self.payment(slot).seller).currency;
            self.record_tax(Tax::Vat, currency, vat.minor().into());
        }
        self.await_commission(slot);
    }

    /// The fees that were posted for a collected payment.
    pub(crate) fn posted_fees(&self, item: &PaymentRecord) -> Fees {
        let shared = self.shared_fees.get(&item.id()).copied();
        shared.unwrap_or_else(|| self.fees_of(item.charged_terms(), item.method, item.amount))
    }

    /// The fees of a parcel's only payment.
    pub(crate) fn fees_of(
        &self,
        charged: ChargedTerms,
        method: PaymentMethod,
        amount: Amount,
    ) -> Fees {
        let terms = &self.reference_data.versions[usize::from(charged.version)].terms;
        let fees = terms.fees(charged.class, method, amount);
        let fees = fees.expect("a seller's class is in every version of its tariff");
        assert!(fees.total() <= amount, "M8: fees exceed the amount");
        fees
    }

    /// The fee that the network or wallet may deduct, by the payment's tariff version. Zero until
    /// the payment is approved. Doorstep bears the fee for an offline sale's excess.
    pub(crate) fn deducted_by_network(&self, item: &PaymentRecord) -> Amount {
        let never_charged = item.fees.is_zero() && self.excess_of(item).is_zero();
        if never_charged || self.is_rejected(item.id()) {
            return Amount::ZERO;
        }
        let fees = self.fees_of(item.charged_terms(), item.method, item.amount);
        fees.deducted_by_network()
    }

    /// Posts the fees of a collection. The seller's held money pays them.
    pub(crate) fn post_fees(&mut self, seller: u32, firm: u32, fees: &Fees) {
        let seller = self.sellers.get(seller);
        let (held, currency) = (seller.held, seller.currency);
        for (kind, fee) in fees.iter() {
            if kind == FeeKind::Commission {
                let commission = self.firms.get(firm).commission;
                self.ledger.post(ChartEntry::CommissionEarned, held, commission, fee);
            } else {
                let earned = self.fee_account(kind, currency);
                self.ledger.post(ChartEntry::FeeCharged, held, earned, fee);
            }
        }
    }

    /// The account of a fee that no firm earns.
    pub(crate) fn fee_account(&self, kind: FeeKind, currency: u8) -> AccountNumber {
        match kind {
            FeeKind::Vat => self.tax_account(Tax::Vat, currency),
            kind => self.currency_accounts(currency).fees[kind as usize],
        }
    }

    /// Emits the collection and delivers the parcel if the whole amount due stands.
    fn finish_collection(
        &mut self,
        slot: u32,
        parcel: u32,
        today: BusinessDate,
        fees: Fees,
        out: &mut CommandOutcome,
    ) {
        self.push_collected(slot, fees, out);
        self.deliver_if_paid(parcel, today, out);
    }

    pub(crate) fn push_collected(&self, slot: u32, fees: Fees, out: &mut CommandOutcome) {
        let item = self.payment(slot);
        out.events.push(Event::PaymentCollected {
            payment: item.id(),
            seller: self.sellers.get(item.seller).id,
            method: item.method,
            amount: item.amount.saturating_sub(self.excess_of(item)),
            fees,
            tariff: self.tariff_version(item.tariff_version),
            class: item.class,
        });
    }
}

fn entry_of(method: PaymentMethod) -> ChartEntry {
    match method {
        PaymentMethod::Card(_) => ChartEntry::CardCollected,
        PaymentMethod::Qr => ChartEntry::QrCollected,
        PaymentMethod::Cash => ChartEntry::CashCollected,
    }
}

const _: () = assert!(NO_PAYMENT == u32::MAX, "no slab has this slot");

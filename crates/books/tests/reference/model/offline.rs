//! The model: offline sales. The buyer has the parcel and the card is charged, so each one that
//! happened is in the books.

use std::collections::BTreeSet;

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState, PaymentState as S};
use books::*;
use money::{Amount, Currency};
use tariff::LossOwner;

use super::payments::receivable;
use super::terminals::{TotalsColumn, Transaction};
use super::{
    Account, Charge, Model, ModelMethod, ModelPayment, ModelRefusal, ModelResult, Numbered, Parcel,
    ensure,
};

const APPROVED: ResponseCode = ResponseCode::APPROVED;

/// A sale whose money is owed by its network and belongs to nobody yet.
#[derive(Clone, Debug)]
pub struct SuspendedSale {
    pub break_id: BreakId,
    pub how: ModelMethod,
    pub amount: u64,
    pub courier: CourierId,
    pub day: BusinessDate,
    /// Whether a line of the network's file paid it.
    pub cleared: bool,
    pub rejected: bool,
    /// The decision, and its command.
    pub resolved: Option<(SuspendedSaleDecision, Command)>,
    pub paid_back_by: Option<Command>,
}

/// What an offline sale becomes in its parcel.
struct Fit {
    courier: CourierId,
    charge: Charge,
    /// What the parcel still needed of it.
    part: u64,
    flags: BTreeSet<OfflineSaleFlag>,
}

impl Parcel {
    /// The last number of its payments. Those that were in suspense have numbers of their own.
    pub fn last_number(&self) -> u8 {
        let ordinary = self.payments.range(..FIRST_SUSPENDED_PAYMENT);
        ordinary.last().map_or(0, |(number, _)| *number)
    }
}

impl Model {
    pub fn apply_offline_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::RecordOfflineSale(ref sale) => self.take_offline_sale(sale, command),
            Command::ResolveAdvice(ResolveAdvice { payment, code }) => {
                self.answer_advice(payment, code)
            }
            Command::ResolveSuspendedSale(ResolveSuspendedSale {
                payment,
                decision,
                proposed_by,
                approved_by,
            }) => {
                self.decide_suspended_sale(payment, decision, [proposed_by, approved_by], command)
            }
            _ => return None,
        };
        Some(done)
    }

    /// A terminal that begins something, or opens or closes a batch, is in contact.
    pub fn note_contact(&mut self, command: &Command) {
        use Command as C;
        let terminal = match command {
            C::OpenBatch(OpenBatch { terminal, .. })
            | C::CloseBatch(CloseBatch { terminal, .. })
            | C::ReconcileBatch(ReconcileBatch { terminal, .. }) => *terminal,
            C::BeginPurchase(BeginPurchase { trace, .. })
            | C::BeginCompletion(BeginCompletion { trace, .. })
            | C::BeginVoid(BeginVoid { trace, .. })
            | C::TakeCash(TakeCash { trace, .. })
            | C::BeginRefund(BeginRefund { trace, .. })
            | C::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace })
            | C::DeclineRequest(DeclineRequest { trace, .. })
            | C::RecordBalanceInquiry(RecordBalanceInquiry { trace, .. }) => trace.terminal,
            _ => return,
        };
        self.contacts.insert(terminal, self.now);
    }

    /// The moment that the terminal's clock shows, in whole seconds, and the day on it: the latest
    /// one that is not to come, in this year or the last.
    fn clock_time(&self, date: u16, time: u32) -> Option<(Timestamp, BusinessDate)> {
        let [hour, minute, second] = [time / 10_000, time / 100 % 100, time % 100];
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let of_day = i64::from(hour * 3_600 + minute * 60 + second) * 1_000;
        let this_year = self.today.civil().year();
        let mut days = (self.today.0.saturating_sub(731)..=self.today.0).rev().map(BusinessDate);
        days.find_map(|day| {
            let civil = day.civil();
            let shown = u16::try_from(i32::from(civil.month()) * 100 + i32::from(civil.day()));
            if shown != Ok(date) || civil.year() < this_year - 1 {
                return None;
            }
            let offsets = (-UTC_OFFSET_MINUTES_MAX..=UTC_OFFSET_MINUTES_MAX).rev();
            let moments = offsets.filter_map(|offset| {
                let ms = i64::from(day.0) * 86_400_000 + of_day - i64::from(offset) * 60_000;
                let at = Timestamp(u64::try_from(ms).ok()?);
                (self.offset_at(at) == Some(offset) && at <= self.now).then_some(at)
            });
            moments.max().map(|at| (at, day))
        })
    }

    fn take_offline_sale(&mut self, sale: &RecordOfflineSale, command: &Command) -> ModelResult {
        let RecordOfflineSale {
            trace,
            duplicate_key,
            local_time,
            parcel,
            route,
            amount,
            network_reference,
            authorisation_code,
        } = *sale;
        let kind = TransactionKind::Advice;
        let same = |one: &Transaction| one.payment.parcel == parcel && one.amount == amount.minor();
        self.admit((trace, duplicate_key), kind, same)?;
        ensure(!amount.is_zero(), "nothing sold")?;
        let PaymentRoute::Card { network, kind: card } = route else {
            return Err(ModelRefusal::Because("only cards are taken offline"));
        };
        let currency = self.networks.get(&network);
        let currency = *currency.ok_or(ModelRefusal::Because("no such network"))?;
        let how = ModelMethod::Card(network, card);
        let terminal = trace.terminal;
        let (courier, blocked) = self.terminals[&terminal];

        let contact = self.contacts.get(&terminal).map_or(0, |at| at.0);
        let shown = self.clock_time(duplicate_key.date, local_time);
        let credible = shown.filter(|(at, _)| at.0 / 1_000 >= contact / 1_000);
        let (at, day) = credible.unwrap_or((self.now, self.today));
        self.belongs_to(day);

        let (each, total) = self.offline.get(&terminal).copied().unwrap_or_default();
        let sum = u128::from(self.unanswered(terminal)) + u128::from(amount.minor());
        ensure(sum <= u128::from(Amount::MAX.minor()), "more than any sum")?;
        let after_block = self
            .blocks
            .get(&terminal)
            .is_some_and(|(from, until)| *from <= at && until.is_none_or(|until| at < until));
        let number = self.parcels.get(&parcel).map_or(0, Parcel::last_number) + 1;
        let fit = self.fit(parcel, how, currency, courier, day, amount.minor());
        let reason = match &fit {
            _ if after_block => Some(SuspenseReason::TerminalBlocked),
            _ if number > PAYMENTS_PER_PARCEL_MAX => Some(SuspenseReason::TooManyPayments),
            Err(reason) => Some(*reason),
            Ok(_) => None,
        };
        let (_, owed_by) = receivable(how, currency);
        let id = match (reason, fit) {
            (None, Ok(mut fit)) => {
                let withdrawn =
                    self.withdrawn.get(&network).is_some_and(|(from, _)| *from <= self.now);
                let over_limit = amount.minor() > each || sum > u128::from(total);
                for (is, flag) in [
                    (over_limit, OfflineSaleFlag::OfflineLimitExceeded),
                    (withdrawn, OfflineSaleFlag::NetworkWithdrawn),
                    (blocked, OfflineSaleFlag::TerminalBlocked),
                    (self.is_courier_suspended(courier), OfflineSaleFlag::CourierSuspended),
                    (credible.is_none(), OfflineSaleFlag::DatedOnArrival),
                ] {
                    if is {
                        fit.flags.insert(flag);
                    }
                }
                let id = PaymentId { parcel, number };
                let entries = [ChartEntry::CardCollected, ChartEntry::OfflineExcess];
                self.book(id, how, amount, fit, (owed_by, entries), command)?;
                id
            }
            (reason, _) => {
                let reason = reason.expect("it fits no parcel");
                self.suspend((parcel, how, amount, currency), courier, day, reason)?
            }
        };
        let column = Some(TotalsColumn { card: true, credit: false });
        let told = Some((APPROVED, authorisation_code));
        let place = (column, Some(network_reference));
        self.write_down((trace, duplicate_key), kind, (id, amount.minor()), place, told);
        Ok(())
    }

    fn fit(
        &self,
        id: ParcelId,
        how: ModelMethod,
        currency: Currency,
        terminals: CourierId,
        day: BusinessDate,
        amount: u64,
    ) -> Result<Fit, SuspenseReason> {
        use OfflineSaleFlag as F;
        let parcel = self.parcels.get(&id).ok_or(SuspenseReason::UnknownParcel)?;
        let mut flags = BTreeSet::new();
        let out = parcel.state == ParcelState::Out;
        let courier = if out { parcel.courier.expect("it is out") } else { terminals };
        if !parcel.is_open() {
            flags.insert(F::ParcelClosed);
        } else if !out {
            flags.insert(F::ParcelNotOut);
        } else if courier != terminals {
            flags.insert(F::OtherCourier);
        }
        let firms = self.firms[&self.couriers[&courier].firm].currency;
        if currency != parcel.currency || firms != parcel.currency {
            return Err(SuspenseReason::OtherCurrency);
        }
        let goes_to_buyer = parcel.is_open() && parcel.state != ParcelState::Refused;
        let left = if goes_to_buyer { parcel.left() } else { 0 };
        if amount > left {
            flags.insert(F::MoreThanDue);
        }
        let is_card = |how| matches!(how, ModelMethod::Card(..));
        let mut all = parcel.payments.values();
        if all.any(|one| one.is_unknown() && is_card(one.method) == is_card(how)) {
            flags.insert(F::EarlierPaymentUnknown);
        }
        let charge = |day| {
            let charge = self.charge_on(parcel.account(), day).ok()?;
            let version = self.version_on(charge.tariff.tariff, day).ok()?;
            (usize::from(charge.class.0) < version.terms.classes.len()).then_some(charge)
        };
        let then = charge(day);
        if then.is_none() {
            flags.insert(F::DatedOnArrival);
        }
        let charge = then.or_else(|| charge(self.today)).ok_or(SuspenseReason::NoTariff)?;
        Ok(Fit { courier, charge, part: amount.min(left), flags })
    }

    /// Books a sale to its parcel. What the parcel did not need is owed to the buyer.
    fn book(
        &mut self,
        id: PaymentId,
        how: ModelMethod,
        amount: Amount,
        fit: Fit,
        (source, [entry, excess_entry]): (Account, [ChartEntry; 2]),
        command: &Command,
    ) -> ModelResult {
        let Fit { courier, charge, part, flags } = fit;
        let excess = amount.minor() - part;
        self.add_payment(id, how, amount, charge, courier);
        let parcel = self.parcel(id.parcel)?;
        let (state, closed_on, currency) = (parcel.state, parcel.closed_on, parcel.currency);
        let payment = self.payment_mut(id);
        (payment.excess, payment.refunded, payment.unpaid) = (excess, excess, excess);
        if state == ParcelState::Delivered {
            payment.taken_on = closed_on.expect("it is delivered");
        }
        if excess > 0 {
            self.use_number(Numbered::Refunds(id), command);
        }
        self.about = (Some(id), Some(charge.tariff));
        self.post(entry, source, self.held_account(id), part);
        self.post(excess_entry, source, (A::BuyerRefunds, 0, currency), excess);
        if !flags.is_empty() {
            let (flags, excess) = (flags.into_iter().collect(), Amount::of(excess));
            self.push_event(Event::OfflineSaleFlagged { payment: id, flags, excess })?;
        }
        self.record_collected(id)
    }

    fn suspend(
        &mut self,
        (parcel, how, amount, currency): (ParcelId, ModelMethod, Amount, Currency),
        courier: CourierId,
        day: BusinessDate,
        reason: SuspenseReason,
    ) -> ModelResult<PaymentId> {
        let before = self.suspended.keys().filter(|id| id.parcel == parcel).count();
        let number = usize::from(FIRST_SUSPENDED_PAYMENT) + before;
        let number = u8::try_from(number).map_err(|_| ModelRefusal::Because("too many"))?;
        let payment = PaymentId { parcel, number };
        let ModelMethod::Card(network, _) = how else { unreachable!("by card") };
        let (_, owed_by) = receivable(how, currency);
        self.about = (Some(payment), None);
        let suspense = (A::Suspense, 0, currency);
        self.post(ChartEntry::BreakExcess, owed_by, suspense, amount.minor());
        let (subject, owner) = (BreakSubject::Network(network), Some(PersonId(courier.0)));
        let side = BreakSide::Excess;
        let break_id = self.open_own_break(subject, side, amount.minor(), currency, owner, None)?;
        let new = SuspendedSale {
            break_id,
            how,
            amount: amount.minor(),
            courier,
            day,
            cleared: false,
            rejected: false,
            resolved: None,
            paid_back_by: None,
        };
        self.suspended.insert(payment, new);
        self.push_event(Event::OfflineSaleSuspended { payment, break_id, reason, amount })?;
        Ok(payment)
    }

    /// A sale that is no payment of its parcel.
    pub fn sale_without_parcel(&self, id: PaymentId) -> Option<&SuspendedSale> {
        let booked = |sale: &SuspendedSale| {
            matches!(sale.resolved, Some((SuspendedSaleDecision::BookToParcel, _)))
        };
        self.suspended.get(&id).filter(|sale| !booked(sale))
    }

    pub fn advice_awaits_network(&self, id: PaymentId) -> bool {
        self.has(id, |one| one.kind == TransactionKind::Advice && one.to_forward)
    }

    /// Whether its network may still say that it never pays.
    pub fn is_unanswered_sale(&self, id: PaymentId) -> bool {
        let unpaid = |one: &ModelPayment| one.state == S::Approved && one.file.for_claim == 0;
        self.payment(id).is_ok_and(unpaid) && self.advice_awaits_network(id)
    }

    /// The terminal's offline sales that the network has not answered.
    pub fn unanswered(&self, terminal: TerminalId) -> u64 {
        let waits = |one: &&Transaction| {
            one.trace.terminal == terminal && one.kind == TransactionKind::Advice && one.to_forward
        };
        self.transactions.iter().filter(waits).map(|one| one.amount).sum()
    }

    fn answer_advice(&mut self, id: PaymentId, code: ResponseCode) -> ModelResult {
        let suspended = self.sale_without_parcel(id).cloned();
        if suspended.is_none() {
            self.payment(id)?;
        }
        let place = self.newest(id, |one| one.kind == TransactionKind::Advice);
        let place = place.ok_or(ModelRefusal::Because("no such offline sale"))?;
        if !self.transactions[place].to_forward {
            return Err(ModelRefusal::Repeated);
        }
        self.transactions[place].to_forward = false;
        if code == APPROVED {
            return self.push_event(Event::AdviceForwarded { payment: id });
        }
        self.push_event(Event::AdviceRejected { payment: id, code })?;
        let unpaid = self.payment(id).is_ok_and(|one| one.file.for_claim == 0);
        match suspended {
            Some(sale) if !sale.cleared => self.reject_suspended(id, &sale),
            None if unpaid && self.payment(id)?.state == S::Approved => self.reject_sale(id),
            // The money came.
            _ => Ok(()),
        }
    }

    /// The network never pays a sale. Whether somebody loses depends on where the goods are.
    fn reject_sale(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?.clone();
        let parcel = self.parcel(id.parcel)?;
        let (currency, part) = (parcel.currency, payment.amount - payment.excess);
        let with_buyer = parcel.state == ParcelState::Delivered;
        let TariffVersion { tariff, version } = payment.charge.tariff;
        let owner = self.tariffs[&tariff][usize::from(version) - 1].terms.offline_loss;
        let loss = (with_buyer && part > 0).then_some(owner);
        let (_, owed_by) = receivable(payment.method, currency);
        self.about = (Some(id), Some(payment.charge.tariff));
        self.reverse_fees(id, self.held_account(id), &payment.fees);
        let bearer = self.bearer(id, loss.unwrap_or(LossOwner::Seller));
        self.post(ChartEntry::OfflineSaleRejected, bearer, owed_by, part);
        let buyers = (A::BuyerRefunds, 0, currency);
        self.post(ChartEntry::OfflineSaleRejected, buyers, owed_by, payment.excess);
        let paid = matches!(loss, Some(LossOwner::Firm | LossOwner::Doorstep));
        let payment = self.payment_mut(id);
        (payment.rejected, payment.unpaid, payment.network_fee) = (Some(loss), 0, None);
        payment.fees.clear();
        payment.state = if paid { S::Approved } else { S::Rejected };
        let (amount, excess) = (Amount::of(part), Amount::of(payment.excess));
        self.push_event(Event::OfflineSaleRejected { payment: id, loss, amount, excess })?;
        if paid { self.record_funds_received(id) } else { self.release_discount(id.parcel) }
    }

    fn bearer(&self, id: PaymentId, owner: LossOwner) -> Account {
        let held = self.held_account(id);
        match owner {
            LossOwner::Seller => held,
            LossOwner::Firm => {
                let courier = self.parcels[&id.parcel].payments[&id.number].courier;
                (A::FirmCommission, self.couriers[&courier].firm.0, held.2)
            }
            LossOwner::Doorstep => (A::WriteOffs, 0, held.2),
        }
    }

    /// The goods go back after all, so nobody had a loss.
    pub fn return_loss(
        &mut self,
        id: PaymentId,
        loss: Option<LossOwner>,
        amount: u64,
        command: &Command,
    ) -> ModelResult {
        let bearer = self.bearer(id, loss.expect("what stands was paid by somebody"));
        self.take_from_seller(ChartEntry::LossReturned, id, amount, bearer, command)?;
        self.push_event(Event::LossReturned { payment: id, amount: Amount::of(amount) })
    }

    fn reject_suspended(&mut self, id: PaymentId, sale: &SuspendedSale) -> ModelResult {
        let currency = self.breaks[&sale.break_id].currency;
        let (_, owed_by) = receivable(sale.how, currency);
        self.about = (Some(id), None);
        let suspense = (A::Suspense, 0, currency);
        self.post(ChartEntry::OfflineSaleRejected, suspense, owed_by, sale.amount);
        self.suspended.get_mut(&id).expect("it is there").rejected = true;
        let (amount, excess) = (Amount::of(sale.amount), Amount::ZERO);
        self.push_event(Event::OfflineSaleRejected { payment: id, loss: None, amount, excess })?;
        self.close_break_of(sale)
    }

    fn close_break_of(&mut self, sale: &SuspendedSale) -> ModelResult {
        let break_id = sale.break_id;
        self.breaks.get_mut(&break_id).expect("it was raised").closed = true;
        self.push_event(Event::BreakClosed { break_id, amount: Amount::of(sale.amount) })
    }

    fn decide_suspended_sale(
        &mut self,
        id: PaymentId,
        decision: SuspendedSaleDecision,
        persons: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        let sale = self.suspended.get(&id).cloned();
        let sale = sale.ok_or(ModelRefusal::Because("no such sale"))?;
        if let Some((_, before)) = &sale.resolved {
            return self.only_repeats(before == command);
        }
        ensure(!sale.rejected, "the network never pays it")?;
        let known = &self.breaks[&sale.break_id];
        known.two_people(persons[0], persons[1])?;
        ensure(!known.owners.contains(&persons[0]), "who sold it, or owned its break")?;
        ensure(!self.advice_awaits_network(id), "the network may reject it")?;
        self.belongs_to(sale.day);
        let currency = self.breaks[&sale.break_id].currency;
        let suspense = (A::Suspense, 0, currency);
        let entry = ChartEntry::SuspendedSaleBooked;
        self.suspended.get_mut(&id).expect("found above").resolved =
            Some((decision, command.clone()));
        match decision {
            SuspendedSaleDecision::OweToBuyer => {
                self.about = (Some(id), None);
                self.post(entry, suspense, (A::BuyerRefunds, 0, currency), sale.amount);
            }
            SuspendedSaleDecision::BookToParcel => {
                let (how, courier, amount) = (sale.how, sale.courier, sale.amount);
                let fit = self.fit(id.parcel, how, currency, courier, sale.day, amount);
                let fit = fit.map_err(|_| ModelRefusal::Because("still no parcel for it"))?;
                let source = (suspense, [entry, entry]);
                self.book(id, how, Amount::of(amount), fit, source, command)?;
                if sale.cleared {
                    let file = &mut self.payment_mut(id).file;
                    (file.for_claim, file.was_paid) = (amount, true);
                    self.receive_if_paid(id)?;
                }
            }
        }
        self.close_break_of(&sale)?;
        self.push_event(Event::SuspendedSaleResolved { payment: id, decision })
    }

    pub fn pay_back_suspended_sale(
        &mut self,
        (bank, banks): (BankId, Currency),
        id: PaymentId,
        number: u8,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        let sale = self.suspended[&id].clone();
        ensure(sale.resolved.is_some(), "not owed")?;
        ensure(number == 1, "it is paid once")?;
        if sale.paid_back_by.is_some() {
            return self.only_repeats(sale.paid_back_by.as_ref() == Some(command));
        }
        let currency = self.breaks[&sale.break_id].currency;
        ensure(amount.minor() == sale.amount, "not what is owed")?;
        ensure(banks == currency, "another currency")?;
        self.has_in_bank(bank, i128::from(sale.amount))?;
        self.about = (Some(id), None);
        let buyers = (A::BuyerRefunds, 0, currency);
        self.post(ChartEntry::RefundPaid, buyers, (A::Bank, bank.0, currency), sale.amount);
        self.suspended.get_mut(&id).expect("it is there").paid_back_by = Some(command.clone());
        self.push_event(Event::RefundPaid { payment: id, amount })
    }
}

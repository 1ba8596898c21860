//! Offline sales: approved by the terminal, recorded when they arrive, then forwarded to the
//! network.
//!
//! The buyer has the parcel and the card is charged, so nothing refuses a sale that happened. The
//! part beyond what is left to collect is owed to the buyer. Sales that cannot be booked to their
//! parcel wait in [suspense](super::suspended_sale).

use machine::Timestamp;
use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero};
use crate::chart::ChartEntry;
use crate::command::{
    Command, OfflineSaleFlag, PAYMENTS_PER_PARCEL_MAX, PaymentRoute, RecordOfflineSale,
    SetOfflineLimit, SuspenseReason,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{PaymentId, TerminalId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{OpenParcelStatus, ParcelHistory};
use crate::party::record::{Terminal, TerminalChange};
use crate::party::terms::ChargedTerms;
use crate::payment::codes::ResponseCode;
use crate::payment::collection::NewPayment;
use crate::payment::purchase::TransactionSubject;
use crate::payment::record::{PaymentRecord, PaymentStatus, RefundKind, RefundRecord};
use crate::refusal::Refusal;
use crate::terminal::batches::{TerminalResponse, TotalsColumn};
use crate::terminal::transaction::TransactionKind;

/// An offline sale, apart from its parcel.
#[derive(Clone, Copy)]
pub(crate) struct OfflineSale {
    pub new: NewPayment,
    /// The courier who has the terminal.
    pub courier: u32,
    /// The day by whose tariff version it is charged.
    pub day: BusinessDate,
}

/// How an offline sale fits its parcel.
pub(crate) struct OfflineSaleBooking {
    place: ParcelSlot,
    seller: u32,
    courier: u32,
    terms: ChargedTerms,
    /// What was left to collect, at most the sale's amount. The rest is the excess.
    part: Amount,
    pub flags: Vec<OfflineSaleFlag>,
}

/// When an offline sale was made.
#[derive(Clone, Copy)]
struct SaleTime {
    at: Timestamp,
    day: BusinessDate,
    /// Whether the terminal's clock says so. Otherwise it is the time of arrival.
    by_terminal: bool,
}

impl Terminal {
    /// Whether it was blocked at a time, by its latest block.
    fn was_blocked_at(&self, at: Timestamp) -> bool {
        let ended = self.unblocked_at.is_some_and(|ended| ended <= at);
        self.blocked_at.is_some_and(|blocked| blocked <= at) && !ended
    }
}

impl Books {
    pub(crate) fn set_offline_limit(
        &mut self,
        command: &SetOfflineLimit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetOfflineLimit { terminal, number, each, total, proposed_by, approved_by } = *command;
        let decided_by = (proposed_by, approved_by);
        let change = TerminalChange::OfflineLimit(each, total, decided_by);
        let place = self.terminal_number(terminal)?;
        let record = self.terminals.get(place);
        record.changes.check(number, |before| *before == change)?;
        self.check_two_others(record.courier, decided_by)?;
        self.change_terminal(terminal, number, change)?;
        let terminal_state = self.terminal_batches.terminal_mut(place);
        (terminal_state.offline_each, terminal_state.offline_total) = (each, total);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn record_offline_sale(
        &mut self,
        command: &RecordOfflineSale,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordOfflineSale {
            trace,
            duplicate_key,
            local_time,
            parcel,
            route,
            amount,
            network_reference,
            authorisation_code,
        } = *command;
        let about = TransactionSubject::New(parcel, amount);
        let admitted =
            self.admit_transaction(trace, duplicate_key, TransactionKind::Advice, about)?;
        if matches!(route, PaymentRoute::Qr { .. }) {
            return Err(Refusal::BadMethod);
        }
        check_above_zero(amount)?;
        let number = self.last_payment_number(parcel) + 1;
        let new = self.new_rail_payment(route, PaymentId { parcel, number }, amount)?;
        let terminal = self.terminals.get(admitted.terminal);
        let courier_suspended = self.couriers.get(terminal.courier).is_suspended();
        let time = self.time_of_sale(admitted.terminal, duplicate_key.date, local_time, now);
        let sale = OfflineSale { new, courier: terminal.courier, day: time.day };
        out.set_value_date(time.day, now.today);
        let state = self.terminal_batches.terminal(admitted.terminal);
        let state = state.expect("a terminal with a batch has a state");
        let over_limit = amount > state.offline_left().min(state.offline_each);
        let unanswered = state.offline_unanswered.checked_add(amount).ok_or(Refusal::Overflow)?;
        let booking = if terminal.was_blocked_at(time.at) {
            Err(SuspenseReason::TerminalBlocked)
        } else if number > PAYMENTS_PER_PARCEL_MAX {
            Err(SuspenseReason::TooManyPayments)
        } else {
            self.booking_of(&sale, now)
        };
        let payment = match booking {
            Ok(mut booking) => {
                let withdrawn = self.check_not_withdrawn(new.rail, now.at).is_err();
                for (is, flag) in [
                    (over_limit, OfflineSaleFlag::OfflineLimitExceeded),
                    (withdrawn, OfflineSaleFlag::NetworkWithdrawn),
                    (terminal.blocked, OfflineSaleFlag::TerminalBlocked),
                    (courier_suspended, OfflineSaleFlag::CourierSuspended),
                    (!time.by_terminal, OfflineSaleFlag::DatedOnArrival),
                ] {
                    if is {
                        booking.flags.push(flag);
                    }
                }
                self.book_offline_sale(&new, &booking, false, now, out)?;
                new.id
            }
            Err(reason) => self.suspend_offline_sale(&sale, reason, now, out)?,
        };
        let slot = self.record_transaction(
            &admitted,
            payment,
            amount,
            TotalsColumn::CardDebit,
            Some(network_reference),
            Some(TerminalResponse { code: ResponseCode::APPROVED, authorisation_code }),
        );
        self.terminal_batches.await_network(slot);
        self.terminal_batches.terminal_mut(admitted.terminal).offline_unanswered = unanswered;
        Ok(())
    }

    /// The terminal's time of a sale, if it lies between the terminal's last contact and now. The
    /// year is the latest in which the time is past. The terminal's clock has no fractions.
    fn time_of_sale(&self, terminal: u32, date: u16, local_time: u32, now: Now) -> SaleTime {
        let contact = self.terminal_batches.terminal(terminal).map_or(0, |one| one.last_contact.0);
        let (hour, minute, second) =
            (local_time / 10_000, local_time / 100 % 100, local_time % 100);
        let is_time = hour < 24 && minute < 60 && second < 60;
        let ms = u64::from(hour * 3_600 + minute * 60 + second) * 1_000;
        let this_year = now.today.civil().year();
        let times = [this_year, this_year - 1].into_iter().filter(|_| is_time).flat_map(|year| {
            let day = format!("{year:04}-{:02}-{:02}", date / 100, date % 100).parse().ok();
            day.into_iter().flat_map(move |day: BusinessDate| {
                self.instants_of(day, ms).into_iter().map(move |at| (day, at))
            })
        });
        // Where the offset falls at midnight, a clock can have shown a day that is still to come.
        let is_past = |(day, at): &(BusinessDate, Timestamp)| *at <= now.at && *day <= now.today;
        let past = times.filter(is_past).max_by_key(|(_, at)| *at);
        match past.filter(|(_, at)| at.0 / 1_000 >= contact / 1_000) {
            Some((day, at)) => SaleTime { at, day, by_terminal: true },
            None => SaleTime { at: now.at, day: now.today, by_terminal: false },
        }
    }

    /// Keeps the time at which a terminal was last in contact. Offline sales that arrive say
    /// nothing about the time before them.
    pub(crate) fn note_contact(&mut self, command: &Command, at: Timestamp) {
        let terminal: TerminalId = match command {
            Command::OpenBatch(one) => one.terminal,
            Command::CloseBatch(one) => one.terminal,
            Command::ReconcileBatch(one) => one.terminal,
            Command::BeginPurchase(one) => one.trace.terminal,
            Command::BeginCompletion(one) => one.trace.terminal,
            Command::BeginVoid(one) => one.trace.terminal,
            Command::TakeCash(one) => one.trace.terminal,
            Command::BeginRefund(one) => one.trace.terminal,
            Command::RecordReversalWithoutOriginal(one) => one.trace.terminal,
            Command::DeclineRequest(one) => one.trace.terminal,
            Command::RecordBalanceInquiry(one) => one.trace.terminal,
            _ => return,
        };
        let number = self.terminals.number(terminal).expect("an applied command's terminal");
        self.terminal_batches.terminal_mut(number).last_contact = at;
    }

    /// How a sale fits its parcel, whatever the parcel's state.
    pub(crate) fn booking_of(
        &self,
        sale: &OfflineSale,
        now: Now,
    ) -> Result<OfflineSaleBooking, SuspenseReason> {
        use OpenParcelStatus as S;
        let amount = sale.new.amount;
        let place = self.parcel_slot(sale.new.id.parcel).ok_or(SuspenseReason::UnknownParcel)?;
        let mut flags = Vec::new();
        let (newest, seller, courier, left) = match place {
            ParcelSlot::Open(slot) => {
                let parcel = self.parcel(slot);
                // Nothing is due for goods on their way back.
                let (courier, left) = match parcel.status {
                    S::Out => (parcel.carrier, self.left_to_collect(parcel)),
                    S::Refused(_) => (sale.courier, Amount::ZERO),
                    S::Announced | S::Assigned => (sale.courier, self.left_to_collect(parcel)),
                };
                if parcel.status != S::Out {
                    flags.push(OfflineSaleFlag::ParcelNotOut);
                } else if parcel.carrier != sale.courier {
                    flags.push(OfflineSaleFlag::OtherCourier);
                }
                (parcel.last_payment, parcel.seller, courier, left)
            }
            ParcelSlot::Closed(newest) => {
                flags.push(OfflineSaleFlag::ParcelClosed);
                (newest, self.payment(newest).seller, sale.courier, Amount::ZERO)
            }
        };
        let currency = self.sellers.get(seller).currency;
        let rail = self.rails.get(u32::from(sale.new.rail)).currency;
        let firm = self.firms.get(self.couriers.get(courier).firm).currency;
        if rail != currency || firm != currency {
            return Err(SuspenseReason::OtherCurrency);
        }
        let unknown = |item: &PaymentRecord| item.status.is_unknown() && item.method.is_card();
        if self.payments_from(newest).any(|(_, item)| unknown(item)) {
            flags.push(OfflineSaleFlag::EarlierPaymentUnknown);
        }
        if amount > left {
            flags.push(OfflineSaleFlag::MoreThanDue);
        }
        let terms = match self.terms_for(seller, sale.day) {
            Some(terms) => terms,
            None => {
                flags.push(OfflineSaleFlag::DatedOnArrival);
                self.terms_for(seller, now.today).ok_or(SuspenseReason::NoTariff)?
            }
        };
        Ok(OfflineSaleBooking { place, seller, courier, terms, part: amount.min(left), flags })
    }

    /// What a seller is charged by on a day, if the tariff's version in force has the seller's
    /// class. A class can be younger than a terminal's clock says.
    fn terms_for(&self, seller: u32, day: BusinessDate) -> Option<ChargedTerms> {
        let terms = self.charged_terms(seller, day).ok()?;
        let classes = &self.reference_data.versions[usize::from(terms.version)].terms.classes;
        (usize::from(terms.class.0) < classes.len()).then_some(terms)
    }

    /// Posts a sale, from its network's receivable or from suspense. Returns the payment's slot.
    pub(crate) fn book_offline_sale(
        &mut self,
        new: &NewPayment,
        booking: &OfflineSaleBooking,
        from_suspense: bool,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<u32, Refusal> {
        let OfflineSaleBooking { place, seller, courier, terms, part, ref flags } = *booking;
        let excess = new.amount.saturating_sub(part);
        let newest = match place {
            ParcelSlot::Open(slot) => self.parcel(slot).last_payment,
            ParcelSlot::Closed(newest) => newest,
        };
        let fees = self.fees_of_next(newest, terms, new.method, part);
        let record = self.sellers.get(seller);
        let held = record.held;
        let accounts = self.currency_accounts(record.currency);
        let (suspense, buyer_refunds) = (accounts.suspense, accounts.buyer_refunds);
        let receivable = self.rails.get(u32::from(new.rail)).receivable;
        self.ledger.begin_chain(Some(new.id), Some(self.tariff_version(terms.version)));
        if from_suspense {
            self.ledger.post(ChartEntry::SuspendedSaleBooked, suspense, held, part);
            self.ledger.post(ChartEntry::SuspendedSaleBooked, suspense, buyer_refunds, excess);
        } else {
            self.ledger.post(ChartEntry::CardCollected, receivable, held, part);
            self.ledger.post(ChartEntry::OfflineExcess, receivable, buyer_refunds, excess);
        }
        self.post_fees(seller, self.couriers.get(courier).firm, &fees);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        let has_excess = !excess.is_zero();
        if has_excess {
            let refund = RefundRecord::new(RefundKind::Excess, excess, now.today);
            self.refunds.insert((new.id, 1), refund);
        }
        // The payments of a delivered parcel have the date of the delivery.
        let date = match place {
            ParcelSlot::Closed(newest) if self.is_delivered(new.id.parcel) => {
                self.payment(newest).date
            }
            _ => now.today,
        };
        let slot = self.insert_late_payment(
            place,
            PaymentRecord {
                parcel: new.id.parcel,
                amount: new.amount,
                fees: fees.total(),
                refunded: excess,
                status: PaymentStatus::Approved { unpaid_refunds: excess },
                seller,
                courier,
                previous: newest,
                date,
                rail: new.rail,
                tariff_version: terms.version,
                class: terms.class,
                number: new.id.number,
                method: new.method,
                refund_count: u8::from(has_excess),
                confirmations: 0,
                guaranteed: false,
                history: ParcelHistory::default(),
            },
        );
        self.keep_fees(slot, fees);
        self.push_collected(slot, fees, out);
        if !flags.is_empty() {
            let mut flags = flags.clone();
            flags.sort_unstable();
            flags.dedup();
            out.events.push(Event::OfflineSaleFlagged { payment: new.id, flags, excess });
        }
        if let ParcelSlot::Open(parcel) = place {
            self.deliver_if_paid(parcel, now.today, out);
        }
        Ok(slot)
    }

    /// Adds a payment to its parcel, also to a closed one. How a parcel ended without money stays
    /// its newest record.
    fn insert_late_payment(&mut self, place: ParcelSlot, item: PaymentRecord) -> u32 {
        let newest = match place {
            ParcelSlot::Open(parcel) => return self.insert_payment(parcel, item),
            ParcelSlot::Closed(newest) => newest,
        };
        let parcel = item.parcel;
        if self.is_delivered(parcel) {
            let history = std::mem::take(&mut self.payment_mut(newest).history);
            let slot = self.payments.insert(PaymentRecord { history, ..item });
            self.index.redirect(parcel, place, ParcelSlot::Closed(slot));
            slot
        } else {
            let previous = self.payment(newest).previous;
            let slot = self.payments.insert(PaymentRecord { previous, ..item });
            self.payment_mut(newest).previous = slot;
            slot
        }
    }

    /// The part of an offline sale that was owed to the buyer from the start.
    pub(crate) fn excess_of(&self, item: &PaymentRecord) -> Amount {
        if item.refund_count == 0 {
            return Amount::ZERO;
        }
        let first = self.refunds.get(&(item.id(), 1));
        first.filter(|one| one.kind == RefundKind::Excess).map_or(Amount::ZERO, |one| one.amount)
    }
}

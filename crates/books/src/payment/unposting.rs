//! Unposting: posts the opposite of a collection and puts the parcel out again.

use money::Amount;
use tariff::PaymentMethod;

use crate::books::{Books, Now};
use crate::chart::ChartEntry;
use crate::command::ReverseCollection;
use crate::event::{CommandOutcome, Event};
use crate::ids::PaymentId;
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{OpenParcelStatus, Parcel};
use crate::payment::codes::ResponseCode;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::refusal::Refusal;
use crate::terminal::batches::{TerminalResponse, TransactionStatus};
use crate::terminal::transaction::TransactionKind;

impl Books {
    pub(crate) fn reverse_collection(
        &mut self,
        command: &ReverseCollection,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReverseCollection { payment: id } = *command;
        let (slot, open) = self.find_payment(id)?;
        match self.payment(slot).status {
            PaymentStatus::Begun(reserve) | PaymentStatus::Unknown(reserve) => {
                self.void_reservation(slot, open, reserve, PaymentStatus::Reversed, out);
                out.events.push(Event::PaymentReversed { payment: id, posted: Amount::ZERO });
                let transaction = self.pending_transaction(id);
                self.resolve_transaction(
                    transaction,
                    TransactionStatus::Reversed,
                    TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
                );
                Ok(())
            }
            PaymentStatus::Approved { .. }
            | PaymentStatus::Held { .. }
            | PaymentStatus::Released { .. } => {
                self.check_reversible(slot)?;
                if self.payment(slot).method == PaymentMethod::Cash {
                    self.remove_cash_in_hand(slot)?;
                }
                if let Some(transaction) = self.approved_transaction(id) {
                    self.terminal_batches.record_response(
                        transaction,
                        TransactionStatus::Reversed,
                        TerminalResponse::of(ResponseCode::APPROVED),
                    );
                }
                self.unpost_and_reopen(slot, open, out);
                Ok(())
            }
            // Already ended without money.
            PaymentStatus::Reversed
            | PaymentStatus::Declined
            | PaymentStatus::Expired
            | PaymentStatus::Rejected => Err(Refusal::Repeated),
            _ => Err(Refusal::PaymentState),
        }
    }

    /// The approved transaction behind an approved or authorised payment.
    pub(crate) fn approved_transaction(&self, id: PaymentId) -> Option<u32> {
        let pre_authorisation = |kind| kind == TransactionKind::PreAuthorisation;
        let (slot, _) = self.find_payment(id).ok()?;
        let pre_authorised = matches!(self.payment(slot).status, PaymentStatus::Authorised(_));
        self.terminal_batches.find_by_payment(id, |one| {
            one.status == TransactionStatus::Approved
                && one.takes_payment()
                && pre_authorisation(one.kind) == pre_authorised
        })
    }

    /// An approved payment, cleared or not, is reversible if it has no refunds and no open request
    /// to its network. Somebody else than the network paid a rejected sale.
    pub(crate) fn check_reversible(&self, slot: u32) -> Result<(), Refusal> {
        let item = self.payment(slot);
        let pending = self.terminal_batches.awaiting_network_for(item.id()).is_some();
        let reversible = item.refund_count == 0 && !pending && !self.is_rejected(item.id());
        if reversible { Ok(()) } else { Err(Refusal::PaymentState) }
    }

    /// Unposts an approved payment. Its parcel is out again.
    pub(crate) fn unpost_and_reopen(
        &mut self,
        slot: u32,
        open: Option<u32>,
        out: &mut CommandOutcome,
    ) {
        self.unpost(slot, out);
        self.reopen(slot, open, out);
    }

    /// Takes a cash payment out of the courier's hands. Not possible once it is in a hand-over.
    pub(crate) fn remove_cash_in_hand(&mut self, slot: u32) -> Result<(), Refusal> {
        let courier_number = self.payment(slot).courier;
        let courier = self.couriers.get(courier_number);
        let place = courier.in_hand.iter().position(|&item| item == slot);
        let place = place.ok_or(Refusal::PaymentState)?;
        let being_counted =
            courier.open_hand_over().map_or(0, |handover| handover.payment_count as usize);
        if place < being_counted {
            return Err(Refusal::HandOverOpen);
        }
        self.couriers.get_mut(courier_number).in_hand.remove(place);
        Ok(())
    }

    /// Posts the opposite of a collection and its fees. What the seller could be paid already is
    /// taken from the payable balance, which can go below zero.
    fn unpost(&mut self, slot: u32, out: &mut CommandOutcome) {
        let item = self.payment(slot);
        let (payment, amount) = (item.id(), item.amount);
        let source = match item.method {
            PaymentMethod::Cash => self.couriers.get(item.courier).cash,
            _ => self.rails.get(u32::from(item.rail)).receivable,
        };
        let released = matches!(item.status, PaymentStatus::Released { .. });
        let is_held = matches!(item.status, PaymentStatus::Held { .. });
        let share = amount.checked_sub(item.fees).expect("fees never exceed the amount");
        let seller_number = item.seller;
        let account = self.unreleased_or_payable(item);
        let version = self.tariff_version(item.tariff_version);
        self.ledger.begin_chain(Some(payment), Some(version));
        self.post_fees_reversed(slot);
        self.ledger.post(ChartEntry::CollectionReversed, account, source, amount);
        self.ledger.commit_infallible(out, "a collection can be unposted");
        if !self.payment(slot).status.is_received() {
            self.stop_awaiting_commission(slot);
        }
        if is_held {
            self.end_hold(slot);
        }
        if released {
            let statement = &mut self.sellers.get_mut(seller_number).statement;
            statement.charge(|parts| &mut parts.reversed, share);
        }
        self.unclaim(slot);
        self.payment_mut(slot).status = PaymentStatus::Reversed;
        self.shared_fees.remove(&payment);
        out.events.push(Event::PaymentReversed { payment, posted: amount });
    }

    /// Puts a closed parcel out again after a reversal, with the courier of the reversed payment.
    fn reopen(&mut self, slot: u32, open: Option<u32>, out: &mut CommandOutcome) {
        if open.is_some() {
            return;
        }
        let item = self.payment(slot);
        let (id, seller, carrier, amount) = (item.parcel, item.seller, item.courier, item.amount);
        let Some(ParcelSlot::Closed(newest)) = self.parcel_slot(id) else {
            panic!("a payment's parcel is open or closed");
        };
        let due = self.due_when_delivered(newest).checked_add(amount);
        let due = due.expect("payments never exceed an amount due (M2)");
        self.reopen_refunds(newest);
        let (payments, history) = (self.last_number_from(newest), self.payment(newest).history);
        let waits = |item: &PaymentRecord| item.status.is_in_flight();
        assert!(
            !self.payments_from(newest).any(|(_, item)| waits(item)),
            "M4: the parcel closed with a payment in flight"
        );
        let changes = self.reference_data.parcel_changes.get(&id);
        let parcel = self.parcels.insert(Parcel {
            id,
            due,
            seller,
            carrier,
            last_payment: newest,
            status: OpenParcelStatus::Out,
            payment_count: payments,
            in_flight: 0,
            assignments: changes.and_then(|changes| changes.assignments).unwrap_or(1),
            history,
        });
        self.index.redirect(id, ParcelSlot::Closed(newest), ParcelSlot::Open(parcel));
        self.note_out(carrier, parcel);
        self.reverse_freight(id, newest, out);
        self.reverse_discount(id, out);
        out.events.push(Event::ParcelReopened { parcel: id });
    }
}

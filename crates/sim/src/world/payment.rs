//! Payments at the door: the method, the planned faults, and the outcomes of the terminal.

use books::{PaymentId, Timestamp};
use peers::{ResponseAction, ResponseCode};
use tariff::{CardKind, PaymentMethod};

use crate::books::{CashPayment, ParcelLocation};
use crate::inputs::DUE_MAX;
use crate::payment_path::{
    BuyerBehaviour, CardBrand, LineFault, PaymentFault, TerminalAction, TerminalActionKind,
    TerminalActionOutcome, card,
};
use crate::script::{AnswerTimeout, MissingAnswerCause};
use crate::world::delivery::part_of;
use crate::world::hub::TRAVEL_TICKS;
use crate::world::{CourierRequests, CourierStep, NoteHolder, NoteOrigin, SimulatedParcel, World};

/// Delay before a retry while a reversal is pending or no network is up: a minute, in ticks.
const RETRY_TICKS: u64 = 2;
/// How often a completion is requested before the buyer pays otherwise: longer than an outage, in
/// which the end of an earlier completion is unknown.
const COMPLETIONS_MAX: u32 = 80;
/// The switch's timeout for a network's answer.
const NETWORK_TIMEOUT_MS: u32 = 15_000;
/// Buyers pay cash in multiples of this, in minor units.
const BANKNOTE_MULTIPLE: u64 = 5_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct CourierPayment {
    pub parcel: usize,
    pub method: PaymentMethod,
    pub amount: u64,
    stage: CourierPaymentStage,
    /// The planned fault of the parcel that applies to this payment.
    planned_fault: PlannedFault,
    /// The terminal's STAN, once approved.
    stan: u32,
    /// The terminal loses its memory after this payment.
    loses_memory: bool,
    /// How often the completion was requested.
    completions: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CourierPaymentStage {
    Requested,
    /// A pre-authorisation is requested, or approved and not completed yet.
    PreAuthorising,
    /// The completion is requested.
    Completing,
    /// The void or refund is requested.
    Cancelling,
}

/// The fault that a payment runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlannedFault {
    None,
    Decline,
    Timeout,
    LineDrop,
}

impl World {
    /// Requests the amount still due by the next payment method.
    pub(crate) fn pay(
        &mut self,
        courier: usize,
        index: usize,
        now: Timestamp,
        requests: &mut CourierRequests,
    ) {
        let parcel = &self.parcels[index];
        let left = parcel.due - parcel.paid;
        assert!(left > 0, "a parcel that is paid in full is already handed over");
        let method = parcel.script.methods[parcel.method_index];
        let splits = parcel.paid == 0 && parcel.method_index == 0 && left > 1;
        let amount = match parcel.script.first_part_ppm.filter(|_| splits) {
            Some(part) => part_of(left, part),
            None => left,
        };
        let (what, planned_fault, fault) = match method {
            PaymentMethod::Cash => {
                let (parcel, tendered) = (parcel.id, cash_tendered(amount));
                (
                    TerminalActionKind::CollectCash { parcel, amount, tendered },
                    PlannedFault::None,
                    PaymentFault::NONE,
                )
            }
            PaymentMethod::Qr => self.by_qr(index, amount),
            PaymentMethod::Card(kind) => self.by_card(courier, index, (kind, amount)),
        };
        self.parcels[index].requests += 1;
        let holds = matches!(what, TerminalActionKind::PreAuthorise { .. });
        let stage = if holds {
            CourierPaymentStage::PreAuthorising
        } else {
            CourierPaymentStage::Requested
        };
        let script = &self.parcels[index].script;
        let is_cancelled = if method == PaymentMethod::Cash {
            script.cash_refunded
        } else {
            script.cancelled_at_door
        };
        let offline = matches!(what, TerminalActionKind::SellOffline { .. });
        if offline {
            self.block_if_planned((courier, index), now, requests);
        }
        let person = &mut self.couriers[courier];
        let loses_memory = person.loses_memory && !holds && !offline && !is_cancelled;
        let parcel = index;
        person.current_payment = Some(CourierPayment {
            parcel,
            method,
            amount,
            stage,
            planned_fault,
            stan: 0,
            loses_memory,
            completions: 0,
        });
        requests.actions.push((
            courier,
            TerminalAction { kind: what, fault: PaymentFault { loses_memory, ..fault } },
        ));
    }

    fn by_qr(&self, index: usize, amount: u64) -> (TerminalActionKind, PlannedFault, PaymentFault) {
        let parcel = &self.parcels[index];
        let planned_fault = self.next_fault(index);
        let buyer = match (planned_fault, parcel.script.timeout.map(|timeout| timeout.cause)) {
            (PlannedFault::Decline, _) => BuyerBehaviour::Declines,
            (PlannedFault::Timeout, Some(MissingAnswerCause::AnswerLost)) => {
                BuyerBehaviour::PaysLate(RETRY_TICKS * 10_000)
            }
            (PlannedFault::Timeout, Some(MissingAnswerCause::LateApproval(seconds))) => {
                BuyerBehaviour::PaysLate(seconds * 1_000)
            }
            (PlannedFault::Timeout, _) => BuyerBehaviour::Leaves,
            _ => BuyerBehaviour::Pays,
        };
        let line = self.line_fault(index, planned_fault);
        (
            TerminalActionKind::ShowQr { parcel: parcel.id, amount, buyer },
            planned_fault,
            PaymentFault { line_fault: line, ..PaymentFault::NONE },
        )
    }

    fn by_card(
        &self,
        courier: usize,
        index: usize,
        (kind, amount): (CardKind, u64),
    ) -> (TerminalActionKind, PlannedFault, PaymentFault) {
        let SimulatedParcel { id, script, method_index, requests, .. } = &self.parcels[index];
        let (parcel, planned_fault) = (*id, self.next_fault(index));
        // The last method must succeed: a card that every network accepts.
        let last = *method_index + 1 == script.methods.len();
        let brand = if last { CardBrand::Every } else { script.brand };
        let undisturbed = planned_fault == PlannedFault::None
            && !script.cancelled_at_door
            && script.first_part_ppm.is_none();
        let alone = script.offline && undisturbed && *requests == 0;
        if alone && amount <= self.couriers[courier].offline_limit {
            let (card, _) = card(parcel, *method_index, kind, CardBrand::Every);
            return (
                TerminalActionKind::SellOffline { parcel, card, amount },
                planned_fault,
                self.offline_fault(index),
            );
        }
        let (card, pin) = card(parcel, *method_index, kind, brand);
        let what = if script.pre_authorised && undisturbed {
            TerminalActionKind::PreAuthorise { parcel, card, pin, amount }
        } else {
            TerminalActionKind::Sell { parcel, card, pin, amount }
        };
        let code = script.decline_codes.get(self.parcels[index].decline_index).copied().flatten();
        let (answer, lost_reversals) = match (planned_fault, script.timeout, code) {
            (PlannedFault::Decline, _, Some(code)) => (ResponseAction::Decline { code }, 0),
            (PlannedFault::Timeout, Some(AnswerTimeout { cause, lost_reversals }), _) => {
                (network_action(cause), lost_reversals)
            }
            _ if script.duplicate_answer => (ResponseAction::Double, 0),
            _ => (ResponseAction::Approve, 0),
        };
        let fault = PaymentFault {
            network_action: answer,
            lost_reversals: u32::try_from(lost_reversals).unwrap_or(u32::MAX),
            line_fault: self.line_fault(index, planned_fault),
            sent_twice: script.sent_twice && planned_fault == PlannedFault::None,
            loses_memory: false,
        };
        (what, planned_fault, fault)
    }

    /// The planned fault of the next payment by card or QR.
    fn next_fault(&self, index: usize) -> PlannedFault {
        let parcel = &self.parcels[index];
        if parcel.script.decline_codes.get(parcel.decline_index).copied().flatten().is_some() {
            PlannedFault::Decline
        } else if parcel.script.timeout.is_some() {
            PlannedFault::Timeout
        } else if parcel.script.approval_lost {
            PlannedFault::LineDrop
        } else {
            PlannedFault::None
        }
    }

    fn line_fault(&self, index: usize, planned_fault: PlannedFault) -> LineFault {
        match (planned_fault, self.parcels[index].script.repeats_after_drop) {
            (PlannedFault::LineDrop, true) => LineFault::DropsAndRepeats,
            (PlannedFault::LineDrop, false) => LineFault::DropsAndReverses,
            _ => LineFault::None,
        }
    }

    /// Removes the fault that the payment has met from the parcel's plan.
    fn use_up_fault(&mut self, payment: &CourierPayment) {
        let parcel = &mut self.parcels[payment.parcel];
        match payment.planned_fault {
            PlannedFault::None => {}
            PlannedFault::Decline => parcel.decline_index += 1,
            PlannedFault::Timeout => parcel.script.timeout = None,
            PlannedFault::LineDrop => parcel.script.approval_lost = false,
        }
    }

    /// Completes the pre-authorisation.
    pub(crate) fn complete_payment(&mut self, courier: usize, requests: &mut CourierRequests) {
        let Some(payment) = &mut self.couriers[courier].current_payment else { return };
        payment.stage = CourierPaymentStage::Completing;
        payment.completions += 1;
        let what = TerminalActionKind::Complete { stan: payment.stan, amount: payment.amount };
        requests.actions.push((courier, TerminalAction::without_fault(what)));
    }

    /// Voids or refunds the payment.
    pub(crate) fn cancel_payment(&mut self, courier: usize, requests: &mut CourierRequests) {
        let Some(payment) = &mut self.couriers[courier].current_payment else { return };
        payment.stage = CourierPaymentStage::Cancelling;
        let stan = payment.stan;
        let what = match payment.method {
            PaymentMethod::Cash => TerminalActionKind::RefundCash { stan },
            PaymentMethod::Qr => TerminalActionKind::RefundQr { stan },
            PaymentMethod::Card(_) => TerminalActionKind::Void { stan },
        };
        requests.actions.push((courier, TerminalAction::without_fault(what)));
    }

    /// Processes the outcome of a terminal action. `booked` is the payment's id in the books.
    pub(crate) fn on_action_outcome(
        &mut self,
        courier: usize,
        (outcome, booked): (TerminalActionOutcome, Option<PaymentId>),
        now: Timestamp,
    ) {
        let Some(payment) = self.couriers[courier].current_payment else { return };
        match (payment.stage, outcome) {
            (_, TerminalActionOutcome::SignedOn | TerminalActionOutcome::BatchClosed { .. }) => {}
            (CourierPaymentStage::Requested, TerminalActionOutcome::Approved { stan }) => {
                self.on_approved(courier, (stan, booked), now);
            }
            (CourierPaymentStage::PreAuthorising, TerminalActionOutcome::Approved { stan }) => {
                self.use_up_fault(&payment);
                self.incidents.pre_authorised += 1;
                self.keep_stan(courier, stan);
                self.schedule_next_step(courier, now, 1, CourierStep::Complete);
            }
            (
                CourierPaymentStage::Requested | CourierPaymentStage::PreAuthorising,
                TerminalActionOutcome::Declined { code },
            ) => {
                self.on_declined(courier, &payment, code, now);
            }
            (
                CourierPaymentStage::Requested | CourierPaymentStage::PreAuthorising,
                TerminalActionOutcome::Reversed,
            ) => {
                self.use_up_fault(&payment);
                self.incidents.approvals_lost += 1;
                self.try_next_method(courier, payment.parcel, now);
            }
            (CourierPaymentStage::Completing, TerminalActionOutcome::Approved { .. }) => {
                self.on_money_received(courier, &payment, now);
            }
            (CourierPaymentStage::Cancelling, TerminalActionOutcome::Approved { .. }) => {
                self.on_cancelled(courier, &payment, now);
            }
            // An earlier completion was approved and reversed, and the pre-authorisation with it.
            (CourierPaymentStage::Completing, TerminalActionOutcome::Declined { code })
                if code == ResponseCode::INVALID_TRANSACTION
                    && payment.completions >= COMPLETIONS_MAX =>
            {
                self.incidents.approvals_lost += 1;
                self.try_next_method(courier, payment.parcel, now);
            }
            // Tries again until it is approved.
            (CourierPaymentStage::Completing, _) => {
                self.schedule_next_step(courier, now, RETRY_TICKS, CourierStep::Complete);
            }
            (CourierPaymentStage::Cancelling, _) => {
                self.schedule_next_step(courier, now, RETRY_TICKS, CourierStep::CancelPayment);
            }
        }
    }

    fn keep_stan(&mut self, courier: usize, stan: u32) {
        if let Some(payment) = &mut self.couriers[courier].current_payment {
            payment.stan = stan;
        }
    }

    /// The terminal approved the payment.
    fn on_approved(
        &mut self,
        courier: usize,
        (stan, booked): (u32, Option<PaymentId>),
        now: Timestamp,
    ) {
        let Some(payment) = self.couriers[courier].current_payment else { return };
        self.use_up_fault(&payment);
        self.incidents.approvals_lost += u64::from(payment.planned_fault == PlannedFault::LineDrop);
        let date = self.clock.date_at(now);
        let parcel = &mut self.parcels[payment.parcel];
        let script = &mut parcel.script;
        let is_cancelled = if payment.method == PaymentMethod::Cash {
            let person = &mut self.couriers[courier];
            person.expected_cash += payment.amount;
            match booked {
                Some(booked) => {
                    let (in_hand, origin) =
                        (NoteHolder::Courier(courier), NoteOrigin::Payment(booked));
                    self.cash.add(in_hand, origin, payment.amount);
                    self.cash_payments.push(CashPayment {
                        payment: booked,
                        courier: person.id,
                        amount: payment.amount,
                        collected_on: date,
                        refunded: false,
                    });
                }
                None => {
                    self.discrepancies
                        .push(format!("the engine did not record the cash {payment:?}"));
                }
            }
            std::mem::take(&mut script.cash_refunded)
        } else {
            std::mem::take(&mut script.cancelled_at_door)
        };
        if is_cancelled {
            parcel.paid += payment.amount;
            self.incidents.cash_refunded += u64::from(payment.method == PaymentMethod::Cash);
            self.incidents.cancelled_at_door += u64::from(payment.method != PaymentMethod::Cash);
            self.keep_stan(courier, stan);
            self.schedule_next_step(courier, now, 1, CourierStep::CancelPayment);
        } else {
            self.couriers[courier].loses_memory &= !payment.loses_memory;
            self.on_money_received(courier, &payment, now);
        }
    }

    /// Hands the parcel over when it is paid in full; otherwise requests the rest.
    fn on_money_received(&mut self, courier: usize, payment: &CourierPayment, now: Timestamp) {
        self.couriers[courier].current_payment = None;
        let parcel = &mut self.parcels[payment.parcel];
        parcel.paid += payment.amount;
        if parcel.paid == parcel.due {
            parcel.location = ParcelLocation::Delivered;
            parcel.delivered_on = Some(self.clock.date_at(now));
            self.next_stop(courier, now);
        } else {
            self.incidents.split_payments += 1;
            self.try_next_method(courier, payment.parcel, now);
        }
    }

    fn on_cancelled(&mut self, courier: usize, payment: &CourierPayment, now: Timestamp) {
        if payment.method == PaymentMethod::Cash {
            let person = &mut self.couriers[courier];
            person.expected_cash -= payment.amount;
            let id = self.parcels[payment.parcel].id;
            let mut cash_payments = self.cash_payments.iter_mut().rev();
            let cash_payment = cash_payments.find(|cash_payment| cash_payment.payment.parcel == id);
            let cash_payment = cash_payment.expect("refunded cash was collected before");
            cash_payment.refunded = true;
            self.cash.give_back(NoteHolder::Courier(courier), cash_payment.payment);
        }
        self.parcels[payment.parcel].paid -= payment.amount;
        self.try_next_method(courier, payment.parcel, now);
    }

    fn try_next_method(&mut self, courier: usize, index: usize, now: Timestamp) {
        self.couriers[courier].current_payment = None;
        let parcel = &mut self.parcels[index];
        parcel.method_index = (parcel.method_index + 1).min(parcel.script.methods.len() - 1);
        self.schedule_next_step(courier, now, 1, CourierStep::Pay(index));
    }

    /// The terminal declined the payment.
    fn on_declined(
        &mut self,
        courier: usize,
        payment: &CourierPayment,
        code: ResponseCode,
        now: Timestamp,
    ) {
        let index = payment.parcel;
        let last = self.parcels[index].method_index + 1 == self.parcels[index].script.methods.len();
        match (&code.bytes(), payment.method) {
            (b"61", PaymentMethod::Cash) => self.on_cash_limit(courier, payment, now),
            (b"61", _) if payment.planned_fault != PlannedFault::Decline => {
                self.retry_online(courier, index, now);
            }
            // An earlier payment is being reversed, or no network is up.
            (b"P3" | b"P4" | b"P5", _) => self.retry_later(courier, index, now),
            (b"91" | b"96", PaymentMethod::Card(_)) if last && self.cards_are_gone => {
                if let Some(method) = self.parcels[index].script.methods.last_mut() {
                    *method = PaymentMethod::Qr;
                }
                self.try_next_method(courier, index, now);
            }
            (b"91" | b"96", _) if last => self.retry_later(courier, index, now),
            (b"91" | b"96", _) => self.try_next_method(courier, index, now),
            _ => {
                self.use_up_fault(payment);
                let parcel = &mut self.parcels[index];
                let declined = payment.planned_fault == PlannedFault::Decline;
                let cannot = declined && parcel.paid == 0;
                let cannot = cannot && std::mem::take(&mut parcel.script.cannot_pay);
                self.try_next_method_or_postpone(courier, index, cannot, now);
            }
        }
    }

    fn try_next_method_or_postpone(
        &mut self,
        courier: usize,
        index: usize,
        leave: bool,
        now: Timestamp,
    ) {
        if leave {
            self.couriers[courier].current_payment = None;
            let parcel = &mut self.parcels[index];
            parcel.method_index = (parcel.method_index + 1).min(parcel.script.methods.len() - 1);
            self.schedule_next_step(courier, now, 1, CourierStep::Postpone(index));
        } else {
            self.try_next_method(courier, index, now);
        }
    }

    /// The amount exceeds the terminal's offline limit: goes online.
    fn retry_online(&mut self, courier: usize, index: usize, now: Timestamp) {
        self.parcels[index].script.offline = false;
        self.couriers[courier].current_payment = None;
        self.schedule_next_step(courier, now, 1, CourierStep::Pay(index));
    }

    fn retry_later(&mut self, courier: usize, index: usize, now: Timestamp) {
        self.incidents.waits += 1;
        self.couriers[courier].current_payment = None;
        self.schedule_next_step(courier, now, RETRY_TICKS, CourierStep::Pay(index));
    }

    /// The courier reached the cash limit: goes to the hub first if the buyer waits, else takes a
    /// card.
    fn on_cash_limit(&mut self, courier: usize, payment: &CourierPayment, now: Timestamp) {
        self.incidents.cash_limit_refusals += 1;
        self.couriers[courier].current_payment = None;
        let parcel = &mut self.parcels[payment.parcel];
        let helps = payment.amount <= self.cash_limit;
        let waits = parcel.script.waits_for_courier || self.cash_only;
        if helps && waits {
            self.incidents.cash_limit_trips += 1;
            let back = CourierStep::ReachHub(Some(payment.parcel));
            self.schedule_next_step(courier, now, TRAVEL_TICKS, back);
        } else {
            parcel.method_index = parcel.script.methods.len() - 1;
            self.schedule_next_step(courier, now, 1, CourierStep::Pay(payment.parcel));
        }
    }
}

/// The network's action behind a missing answer.
fn network_action(cause: MissingAnswerCause) -> ResponseAction {
    match cause {
        MissingAnswerCause::RequestLost => ResponseAction::Lost,
        MissingAnswerCause::AnswerLost => ResponseAction::Silent,
        MissingAnswerCause::LateApproval(seconds) => {
            let late = u32::try_from(seconds * 1_000).unwrap_or(0);
            ResponseAction::Late { ms: NETWORK_TIMEOUT_MS + late }
        }
        MissingAnswerCause::LateDecline => ResponseAction::LateDecline {
            code: ResponseCode::DO_NOT_HONOUR,
            ms: NETWORK_TIMEOUT_MS,
        },
    }
}

/// The cash that a buyer gives: whole notes, unless that exceeds the terminal's digits.
fn cash_tendered(amount: u64) -> u64 {
    amount
        .checked_next_multiple_of(BANKNOTE_MULTIPLE)
        .filter(|given| *given <= DUE_MAX)
        .unwrap_or(amount)
}

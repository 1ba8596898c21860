//! Wallets' notifications (paid, failed, refunded) and their queries for the status of an order.
//!
//! An order's reference names its transaction, so the books decide: also after a restart, for a
//! repeated notification, and when the terminal has closed the batch. The books keep the payment
//! that paid an order, so that a notification about another payment is recognised.

use books::terminal_view::TransactionView;
use books::view::PaymentState;
use books::{
    Approval, Command, Event, PaymentResolution, PaymentRoute, Refusal, ResolvePurchase,
    ResponseCode, Trace, TransactionKind, WalletId, WalletPaymentId,
};
use machine::Actor;

use super::WalletSide;
use super::orders::{notification_reply, order_expiry_command, order_trace};
use crate::port::{
    OperatorEvent, OrderStatus, Output, Query, WalletAlarm, WalletNotification, WalletOutcome,
    WalletReply,
};
use crate::sides::{OrderRefund, Orders};
use crate::step::{Continuation, Pending, Turn};

/// A wallet's notification: the books know its order.
pub(crate) fn on_notification(
    notification: Box<WalletNotification>,
    reply_id: u64,
    pending: &mut Pending,
    out: &mut Vec<Output>,
) {
    let order = order_trace(&notification.reference);
    let then = Continuation::WalletNotification(notification, reply_id);
    query_order(order, then, reply_id, pending, out);
}

/// A wallet's query for an order's status.
pub(crate) fn on_query(
    wallet: WalletId,
    reference: &str,
    reply_id: u64,
    pending: &mut Pending,
    out: &mut Vec<Output>,
) {
    let then = Continuation::WalletQuery(wallet, reply_id);
    query_order(order_trace(reference), then, reply_id, pending, out);
}

fn query_order(
    order: Option<Trace>,
    then: Continuation,
    reply_id: u64,
    pending: &mut Pending,
    out: &mut Vec<Output>,
) {
    let answer = match order {
        _ if pending.is_full() => WalletReply::RetryLater,
        Some(order) => return pending.query(then, Query::WalletOrder(order), out),
        None => WalletReply::UnknownOrder,
    };
    out.push(Output::WalletReply { reply_id, answer });
}

impl WalletSide {
    pub(crate) fn on_notified_order(
        &mut self,
        notification: Box<WalletNotification>,
        reply_id: u64,
        order: Option<TransactionView>,
        step: &mut Turn<'_>,
    ) {
        let what = match order.filter(|order| is_order_of(notification.wallet, order)) {
            None => Some(WalletReply::UnknownOrder),
            Some(order) => {
                let currency = step.settings.wallet.as_ref().map(|wallet| wallet.currency);
                let amount_matches =
                    notification.amount == order.amount && Some(notification.currency) == currency;
                match notification.outcome {
                    WalletOutcome::Paid(payment_id) => {
                        let payment_id = Some(payment_id).filter(|_| amount_matches);
                        self.paid(notification, payment_id, order, reply_id, step)
                    }
                    WalletOutcome::Failed(payment_id) => {
                        self.failed(&order, &notification, payment_id, reply_id, step)
                    }
                    WalletOutcome::Refunded(payment_id) => {
                        let said = (&*notification, payment_id);
                        self.refunded(&order, amount_matches, said, reply_id, step)
                    }
                }
            }
        };
        step.out.extend(what.map(|what| Output::WalletReply { reply_id, answer: what }));
    }

    /// The buyer has paid. `payment_id` is `None` if amount or currency are not the order's.
    /// Returns the reply, unless the books must record the payment first.
    fn paid(
        &mut self,
        notification: Box<WalletNotification>,
        payment_id: Option<WalletPaymentId>,
        order: TransactionView,
        reply_id: u64,
        step: &mut Turn<'_>,
    ) -> Option<WalletReply> {
        let repeated = payment_id.is_some() && payment_id == order.wallet_payment;
        match (status_of(&order), payment_id) {
            // A repeat gets the same reply, whatever has happened since.
            _ if repeated && was_paid(&order) => Some(WalletReply::Accepted),
            _ if repeated => Some(WalletReply::Refund),
            (OrderStatus::Waiting | OrderStatus::Expired, Some(payment_id)) => {
                let command = Command::ResolvePurchase(ResolvePurchase {
                    payment: order.payment,
                    resolution: PaymentResolution::Approved(Approval::Wallet(payment_id)),
                });
                let by = Actor::Wallet(notification.wallet);
                let then = Continuation::WalletPaid(notification, Box::new(order), reply_id);
                step.command(then, by, command);
                None
            }
            // A wrong amount, or a second payment of the order.
            _ => {
                let alarm = alarm(&notification, &order);
                step.report(OperatorEvent::WrongWalletPayment(alarm));
                Some(WalletReply::Refund)
            }
        }
    }

    /// The buyer will not pay. Only a notification that names the payment ends the refund of a late
    /// payment: one without a payment is older than it.
    fn failed(
        &mut self,
        order: &TransactionView,
        notification: &WalletNotification,
        payment_id: Option<WalletPaymentId>,
        reply_id: u64,
        step: &mut Turn<'_>,
    ) -> Option<WalletReply> {
        let named = payment_id.is_some() && payment_id == order.wallet_payment;
        match status_of(order) {
            OrderStatus::Waiting => expire_order(order, reply_id, step),
            OrderStatus::RefundDue if named && !was_paid(order) => {
                self.end_refund(order, notification.wallet, true, reply_id, step)
            }
            OrderStatus::Expired => Some(WalletReply::Accepted),
            OrderStatus::Refunded if !was_paid(order) => Some(WalletReply::Accepted),
            OrderStatus::Paid | OrderStatus::RefundDue | OrderStatus::Refunded => {
                step.report(OperatorEvent::WalletContradiction(alarm(notification, order)));
                Some(WalletReply::Contradiction)
            }
        }
    }

    /// The wallet has refunded the buyer.
    fn refunded(
        &mut self,
        order: &TransactionView,
        amount_matches: bool,
        (notification, payment_id): (&WalletNotification, WalletPaymentId),
        reply_id: u64,
        step: &mut Turn<'_>,
    ) -> Option<WalletReply> {
        let alarm = || alarm(notification, order);
        let named = order.wallet_payment == Some(payment_id);
        match status_of(order) {
            OrderStatus::RefundDue if amount_matches && named => {
                self.end_refund(order, notification.wallet, false, reply_id, step)
            }
            OrderStatus::RefundDue => {
                step.report(OperatorEvent::WrongWalletRefund(alarm()));
                Some(WalletReply::Contradiction)
            }
            // A payment with a wrong amount was never recorded as the order's.
            _ if !amount_matches => Some(WalletReply::Accepted),
            OrderStatus::Waiting => expire_order(order, reply_id, step),
            OrderStatus::Paid if named => {
                step.report(OperatorEvent::WalletContradiction(alarm()));
                Some(WalletReply::Contradiction)
            }
            // The wallet refunded a second payment, or the first one under another id: the books
            // cannot tell which.
            OrderStatus::Paid => {
                step.report(OperatorEvent::WrongWalletRefund(alarm()));
                Some(WalletReply::Accepted)
            }
            OrderStatus::Expired | OrderStatus::Refunded => Some(WalletReply::Accepted),
        }
    }

    fn end_refund(
        &mut self,
        order: &TransactionView,
        wallet: WalletId,
        unpaid: bool,
        reply_id: u64,
        step: &mut Turn<'_>,
    ) -> Option<WalletReply> {
        let queued = self.on_refunded(order.trace, wallet, unpaid, reply_id, step);
        (!queued).then_some(WalletReply::RetryLater)
    }

    /// The books have recorded the payment. If it came too late, the wallet must refund it.
    pub(crate) fn on_order_paid(
        &mut self,
        notification: Box<WalletNotification>,
        order: &TransactionView,
        reply_id: u64,
        answer: Result<Vec<Event>, Refusal>,
        step: &mut Turn<'_>,
    ) {
        let late = |event: &Event| matches!(event, Event::LateApproval { .. });
        let what = match answer {
            Ok(events) if events.iter().any(late) => {
                step.report(OperatorEvent::LateWalletPayment(alarm(&notification, order)));
                self.refund(OrderRefund::of(order));
                WalletReply::Refund
            }
            // Another notification was faster, perhaps about another payment: query the books
            // again.
            Err(Refusal::Repeated) => {
                return on_notification(notification, reply_id, step.pending, step.out);
            }
            answer => {
                if answer.is_ok() {
                    step.report(OperatorEvent::Approved {
                        trace: order.trace,
                        parcel: Some(order.parcel),
                        network: None,
                        network_reference: None,
                        wallet: Some(notification.wallet),
                        amount: order.amount,
                        currency: notification.currency,
                    });
                }
                notification_reply(answer, step)
            }
        };
        step.out.push(Output::WalletReply { reply_id, answer: what });
    }
}

fn alarm(said: &WalletNotification, order: &TransactionView) -> WalletAlarm {
    WalletAlarm { order: order.trace, due: order.amount, said: Box::new(said.clone()) }
}

/// Ends an order that was not paid. The reply waits for the books.
fn expire_order(
    order: &TransactionView,
    reply_id: u64,
    step: &mut Turn<'_>,
) -> Option<WalletReply> {
    let command = order_expiry_command(order.payment);
    step.command(Continuation::WalletOrderExpired(reply_id), Actor::System, command);
    None
}

/// The books have recorded that an order expired.
pub(crate) fn on_order_expired(
    reply_id: u64,
    answer: Result<Vec<Event>, Refusal>,
    step: &mut Turn<'_>,
) {
    let what = notification_reply(answer, step);
    step.out.push(Output::WalletReply { reply_id, answer: what });
}

/// Answers a wallet's query for an order's status.
pub(crate) fn reply_order_status(
    wallet: WalletId,
    reply_id: u64,
    order: Option<TransactionView>,
    step: &mut Turn<'_>,
) {
    let what = match order.filter(|order| is_order_of(wallet, order)) {
        Some(order) => WalletReply::Order(status_of(&order), order.amount),
        None => WalletReply::UnknownOrder,
    };
    step.out.push(Output::WalletReply { reply_id, answer: what });
}

fn is_order_of(wallet: WalletId, order: &TransactionView) -> bool {
    order.kind == TransactionKind::Qr && order.route == Some(PaymentRoute::Qr { wallet })
}

/// Whether an order was paid in time, also if it was refunded since.
fn was_paid(order: &TransactionView) -> bool {
    order.response_code == Some(ResponseCode::APPROVED)
}

fn status_of(order: &TransactionView) -> OrderStatus {
    match order.payment_state {
        PaymentState::Begun => OrderStatus::Waiting,
        PaymentState::Reversing(_) | PaymentState::ReversingVoid => OrderStatus::RefundDue,
        PaymentState::Reversed if was_paid(order) => OrderStatus::Refunded,
        _ if was_paid(order) => OrderStatus::Paid,
        // Paid too late.
        PaymentState::Declined if order.awaits_network => OrderStatus::RefundDue,
        PaymentState::Declined if order.reversed => OrderStatus::Refunded,
        _ => OrderStatus::Expired,
    }
}

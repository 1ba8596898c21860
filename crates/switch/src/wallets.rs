//! Wallets' notifications (paid, failed, refunded) and their queries for the status of an order.
//!
//! An order's reference names its transaction, so the books decide: also after a restart, for a
//! repeated notification, and when the terminal has closed the batch. The books keep the payment
//! that paid an order, so that a notification about another payment is recognised.

use books::terminal_view::TransactionView;
use books::view::PaymentState;
use books::{
    Approval, Command, Event, PaymentResolution, PaymentRoute, Refusal, ResolvePurchase,
    ResponseCode, Timestamp, TransactionKind, WalletId, WalletPaymentId,
};

use crate::in_flight::{Continuation, report_refusal};
use crate::operator_event::OperatorEvent;
use crate::port::{OrderStatus, Output, Query, WalletNotification, WalletOutcome, WalletReply};
use crate::qr_orders::{order_trace, wallet_refund};
use crate::switch::{IN_FLIGHT_MAX, Switch};
use crate::terminal_reversals::order_expiry_command;

impl Switch {
    /// Handles a wallet's notification. The caller has authenticated the wallet.
    pub fn on_wallet_notification(
        &mut self,
        notification: WalletNotification,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        let order = order_trace(&notification.reference);
        self.query_order(
            order,
            Continuation::WalletNotification(Box::new(notification), reply_id),
            reply_id,
            out,
        );
    }

    /// Handles a wallet's query for an order's status. The caller has authenticated the wallet.
    pub fn on_wallet_query(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        let order = order_trace(reference);
        self.query_order(order, Continuation::WalletQuery(wallet, reply_id), reply_id, out);
    }

    fn query_order(
        &mut self,
        order: Option<books::Trace>,
        who: Continuation,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        let what = match order {
            _ if self.continuations.len() >= 2 * IN_FLIGHT_MAX => WalletReply::RetryLater,
            Some(order) => return self.query(who, Query::WalletOrder(order), out),
            None => WalletReply::UnknownOrder,
        };
        out.push(Output::WalletReply { reply_id, answer: what });
    }

    pub(crate) fn on_notified_order(
        &mut self,
        notification: Box<WalletNotification>,
        reply_id: u64,
        order: Option<TransactionView>,
        out: &mut Vec<Output>,
    ) {
        let what = match order.filter(|order| is_order_of(notification.wallet, order)) {
            None => Some(WalletReply::UnknownOrder),
            Some(order) => {
                let currency = self.settings.wallet.as_ref().map(|wallet| wallet.currency);
                let amount_matches =
                    notification.amount == order.amount && Some(notification.currency) == currency;
                match notification.outcome {
                    WalletOutcome::Paid(payment_id) => {
                        let payment_id = Some(payment_id).filter(|_| amount_matches);
                        self.paid(notification, payment_id, order, reply_id, out)
                    }
                    WalletOutcome::Failed(payment_id) => {
                        self.failed(&order, payment_id, reply_id, out)
                    }
                    WalletOutcome::Refunded(payment_id) => {
                        self.refunded(&order, amount_matches, payment_id, reply_id, out)
                    }
                }
            }
        };
        out.extend(what.map(|what| Output::WalletReply { reply_id, answer: what }));
    }

    /// The buyer has paid. `payment_id` is `None` if amount or currency are not the order's.
    /// Returns the reply, unless the books must record the payment first.
    fn paid(
        &mut self,
        notification: Box<WalletNotification>,
        payment_id: Option<WalletPaymentId>,
        order: TransactionView,
        reply_id: u64,
        out: &mut Vec<Output>,
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
                let who = Continuation::WalletPaid(notification, Box::new(order), reply_id);
                self.command(who, command, out);
                None
            }
            // A wrong amount, or a second payment of the order.
            _ => {
                out.push(Output::OperatorEvent(OperatorEvent::WrongWalletPayment(order.trace)));
                Some(WalletReply::Refund)
            }
        }
    }

    /// The buyer will not pay. Only a notification that names the payment ends the refund of a late
    /// payment: one without a payment is older than it.
    fn failed(
        &mut self,
        order: &TransactionView,
        payment_id: Option<WalletPaymentId>,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let named = payment_id.is_some() && payment_id == order.wallet_payment;
        match status_of(order) {
            OrderStatus::Waiting => self.expire_order(order, reply_id, out),
            OrderStatus::RefundDue if named && !was_paid(order) => {
                self.end_refund(order, true, reply_id, out)
            }
            OrderStatus::Expired => Some(WalletReply::Accepted),
            OrderStatus::Refunded if !was_paid(order) => Some(WalletReply::Accepted),
            OrderStatus::Paid | OrderStatus::RefundDue | OrderStatus::Refunded => {
                out.push(Output::OperatorEvent(OperatorEvent::WalletContradiction(order.trace)));
                Some(WalletReply::Contradiction)
            }
        }
    }

    /// The wallet has refunded the buyer.
    fn refunded(
        &mut self,
        order: &TransactionView,
        amount_matches: bool,
        payment_id: WalletPaymentId,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let named = order.wallet_payment == Some(payment_id);
        match status_of(order) {
            OrderStatus::RefundDue if amount_matches && named => {
                self.end_refund(order, false, reply_id, out)
            }
            OrderStatus::RefundDue => {
                out.push(Output::OperatorEvent(OperatorEvent::WrongWalletRefund(order.trace)));
                Some(WalletReply::Contradiction)
            }
            // A payment with a wrong amount was never recorded as the order's.
            _ if !amount_matches => Some(WalletReply::Accepted),
            OrderStatus::Waiting => self.expire_order(order, reply_id, out),
            OrderStatus::Paid if named => {
                out.push(Output::OperatorEvent(OperatorEvent::WalletContradiction(order.trace)));
                Some(WalletReply::Contradiction)
            }
            // The wallet refunded a second payment, or the first one under another id: the books
            // cannot tell which.
            OrderStatus::Paid => {
                out.push(Output::OperatorEvent(OperatorEvent::WrongWalletRefund(order.trace)));
                Some(WalletReply::Accepted)
            }
            OrderStatus::Expired | OrderStatus::Refunded => Some(WalletReply::Accepted),
        }
    }

    fn expire_order(
        &mut self,
        order: &TransactionView,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        self.command(
            Continuation::WalletOrderExpired(reply_id),
            order_expiry_command(order.payment),
            out,
        );
        None
    }

    fn end_refund(
        &mut self,
        order: &TransactionView,
        unpaid: bool,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let queued = self.wallet_refunds.get(&order.trace.wallet_order()).copied();
        let Some(queued) = queued else { return Some(WalletReply::RetryLater) };
        self.on_wallet_refunded(queued, unpaid, reply_id, out);
        None
    }

    /// The books have recorded the payment. If it came too late, the wallet must refund it.
    pub(crate) fn on_order_paid(
        &mut self,
        notification: WalletNotification,
        order: &TransactionView,
        reply_id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let late = |event: &Event| matches!(event, Event::LateApproval { .. });
        let what = match answer {
            Ok(events) if events.iter().any(late) => {
                out.push(Output::OperatorEvent(OperatorEvent::LateWalletPayment(order.trace)));
                if !self.wallet_refunds.contains_key(&order.trace.wallet_order()) {
                    let id = self.next_id();
                    self.enqueue_reversal(id, wallet_refund(order), now, out);
                }
                WalletReply::Refund
            }
            // Another notification was faster, perhaps about another payment: query the books
            // again.
            Err(Refusal::Repeated) => {
                return self.on_wallet_notification(notification, reply_id, out);
            }
            answer => {
                if answer.is_ok() {
                    out.push(Output::OperatorEvent(OperatorEvent::Approved {
                        trace: order.trace,
                        parcel: Some(order.parcel),
                        network: None,
                        network_reference: None,
                        wallet: Some(notification.wallet),
                        amount: order.amount,
                        currency: notification.currency,
                    }));
                }
                notification_reply(answer, out)
            }
        };
        out.push(Output::WalletReply { reply_id, answer: what });
    }
}

/// The books have recorded that an order expired.
pub(crate) fn reply_order_expired(
    reply_id: u64,
    answer: Result<Vec<Event>, Refusal>,
    out: &mut Vec<Output>,
) {
    let what = notification_reply(answer, out);
    out.push(Output::WalletReply { reply_id, answer: what });
}

/// The reply to a notification, by the books' result.
pub(crate) fn notification_reply(
    answer: Result<Vec<Event>, Refusal>,
    out: &mut Vec<Output>,
) -> WalletReply {
    let durable = matches!(answer, Ok(_) | Err(Refusal::Repeated));
    report_refusal(answer, out);
    if durable { WalletReply::Accepted } else { WalletReply::RetryLater }
}

/// Answers a wallet's query for an order's status.
pub(crate) fn reply_order_status(
    wallet: WalletId,
    reply_id: u64,
    order: Option<TransactionView>,
    out: &mut Vec<Output>,
) {
    let what = match order.filter(|order| is_order_of(wallet, order)) {
        Some(order) => WalletReply::Order(status_of(&order), order.amount),
        None => WalletReply::UnknownOrder,
    };
    out.push(Output::WalletReply { reply_id, answer: what });
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

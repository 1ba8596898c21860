//! What wallets tell: paid, failed, given back; and where an order stands, when they ask.
//!
//! An order's reference names its transaction, so the books decide, also after a restart, when the
//! wallet tells the same twice, and when its terminal has long closed the batch. They keep by which
//! payment an order was paid, so what is told of one payment is not taken for another's.

use engine::door_view::TransactionView;
use engine::view::TenderState;
use engine::{Command, Event, Method, Refusal, Resolution, Timestamp, TransactionKind, WalletId};

use crate::code::Code;
use crate::happening::Happening;
use crate::port::{
    OrderStanding, Output, Question, WalletNote, WalletOutcome, WalletPayment, WalletReply,
};
use crate::qr_orders::{order_back, reference, trace_of};
use crate::reversals::given_up;
use crate::switch::{Switch, WORKS_MAX};
use crate::works::{Awaiting, note_refusal};

impl Switch {
    /// A wallet tells what became of an order. The shell has checked that it is the wallet.
    pub fn wallet(&mut self, note: WalletNote, reply: u64, out: &mut Vec<Output>) {
        let order = trace_of(&note.reference);
        self.ask_order(order, Awaiting::Wallet(Box::new(note), reply), reply, out);
    }

    /// A wallet asks where an order stands. The shell has checked that it is the wallet.
    pub fn wallet_looks(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        let order = trace_of(reference);
        self.ask_order(order, Awaiting::WalletLooks(wallet, reply), reply, out);
    }

    fn ask_order(
        &mut self,
        order: Option<engine::Trace>,
        who: Awaiting,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        let what = match order {
            _ if self.awaiting.len() >= 2 * WORKS_MAX => WalletReply::Later,
            Some(order) => return self.ask(who, Question::Order(order), out),
            None => WalletReply::UnknownOrder,
        };
        out.push(Output::WalletReply { reply, what });
    }

    pub(crate) fn wallet_told(
        &mut self,
        note: Box<WalletNote>,
        reply: u64,
        order: Option<TransactionView>,
        out: &mut Vec<Output>,
    ) {
        let what = match order.filter(|order| is_of(note.wallet, order)) {
            None => Some(WalletReply::UnknownOrder),
            Some(order) => {
                let currency = self.settings.wallet.as_ref().map(|wallet| wallet.currency);
                let right = note.amount == order.amount && Some(note.currency) == currency;
                match note.outcome {
                    WalletOutcome::Paid(payment) => {
                        let payment = Some(payment).filter(|_| right);
                        self.paid(note, payment, order, reply, out)
                    }
                    WalletOutcome::Failed(payment) => self.failed(&order, payment, reply, out),
                    WalletOutcome::Refunded(payment) => {
                        self.refunded(&order, right, payment, reply, out)
                    }
                }
            }
        };
        out.extend(what.map(|what| Output::WalletReply { reply, what }));
    }

    /// The buyer has paid; no payment where that is not what the order asks for. The answer, unless
    /// the books are told first.
    fn paid(
        &mut self,
        note: Box<WalletNote>,
        payment: Option<WalletPayment>,
        order: TransactionView,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let told_before = payment.is_some() && payment == payment_of(&order);
        match (standing(&order), payment) {
            // The answer is the same, whatever has become of it since.
            _ if told_before && was_paid(&order) => Some(WalletReply::Accepted),
            _ if told_before => Some(WalletReply::Refund),
            (OrderStanding::Waiting | OrderStanding::Expired, Some(payment)) => {
                let (tender, authorisation) = (order.tender, payment.0);
                let resolution = Resolution::Approved;
                let command = Command::ResolvePurchase { tender, resolution, authorisation };
                let who = Awaiting::WalletPaid(note, Box::new(order), reply);
                self.command(who, command, out);
                None
            }
            // Another amount than the order's, or a second payment of it.
            _ => {
                out.push(Output::Happened(Happening::WrongPayment));
                Some(WalletReply::Refund)
            }
        }
    }

    /// The buyer has not paid and will not. Of what was paid too late, only a note that names the
    /// payment can say so: one without it is from before.
    fn failed(
        &mut self,
        order: &TransactionView,
        payment: Option<WalletPayment>,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let named = payment.is_some() && payment == payment_of(order);
        match standing(order) {
            OrderStanding::Waiting => self.give_up(order, reply, out),
            OrderStanding::ToGiveBack if named && !was_paid(order) => {
                self.end_giving_back(order, true, reply, out)
            }
            OrderStanding::Expired => Some(WalletReply::Accepted),
            OrderStanding::GivenBack if !was_paid(order) => Some(WalletReply::Accepted),
            OrderStanding::Paid | OrderStanding::ToGiveBack | OrderStanding::GivenBack => {
                out.push(Output::Happened(Happening::WalletContradicts));
                Some(WalletReply::Contradiction)
            }
        }
    }

    /// What was paid is back with the buyer.
    fn refunded(
        &mut self,
        order: &TransactionView,
        right: bool,
        payment: WalletPayment,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let named = payment_of(order) == Some(payment);
        match standing(order) {
            OrderStanding::ToGiveBack if right && named => {
                self.end_giving_back(order, false, reply, out)
            }
            OrderStanding::ToGiveBack => {
                out.push(Output::Happened(Happening::WrongGiveBack));
                Some(WalletReply::Contradiction)
            }
            // What is not the order's amount never was the order's money.
            _ if !right => Some(WalletReply::Accepted),
            OrderStanding::Waiting => self.give_up(order, reply, out),
            OrderStanding::Paid if named => {
                out.push(Output::Happened(Happening::WalletContradicts));
                Some(WalletReply::Contradiction)
            }
            // A second payment went back, or the first one did under another number: the books
            // cannot tell.
            OrderStanding::Paid => {
                out.push(Output::Happened(Happening::WrongGiveBack));
                Some(WalletReply::Accepted)
            }
            OrderStanding::Expired | OrderStanding::GivenBack => Some(WalletReply::Accepted),
        }
    }

    fn give_up(
        &mut self,
        order: &TransactionView,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        self.command(Awaiting::WalletGaveUp(reply), given_up(order.tender), out);
        None
    }

    fn end_giving_back(
        &mut self,
        order: &TransactionView,
        unpaid: bool,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        let chase = self.give_back.get(&reference(order.trace)).copied();
        let Some(chase) = chase else { return Some(WalletReply::Later) };
        self.given_back(chase, unpaid, reply, out);
        None
    }

    /// That an order was paid is durable; where it came too late, the wallet is to give it back.
    pub(crate) fn order_paid(
        &mut self,
        (note, order): (WalletNote, &TransactionView),
        reply: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let late = |event: &Event| matches!(event, Event::LateApproval { .. });
        let what = match answer {
            Ok(events) if events.iter().any(late) => {
                out.push(Output::Happened(Happening::PaidTooLate));
                if !self.give_back.contains_key(&reference(order.trace)) {
                    let id = self.number();
                    self.begin_chase(id, order_back(order), now, out);
                }
                WalletReply::Refund
            }
            // Another note was faster, perhaps of another payment: the books know which.
            Err(Refusal::Repeated) => return self.wallet(note, reply, out),
            answer => accepted(answer, out),
        };
        out.push(Output::WalletReply { reply, what });
    }
}

/// That an order is given up is durable.
pub(crate) fn order_given_up(
    reply: u64,
    answer: Result<Vec<Event>, Refusal>,
    out: &mut Vec<Output>,
) {
    let what = accepted(answer, out);
    out.push(Output::WalletReply { reply, what });
}

/// What a wallet is told where the books took what it said, or did not.
pub(crate) fn accepted(answer: Result<Vec<Event>, Refusal>, out: &mut Vec<Output>) -> WalletReply {
    let durable = matches!(answer, Ok(_) | Err(Refusal::Repeated));
    note_refusal(answer, out);
    if durable { WalletReply::Accepted } else { WalletReply::Later }
}

/// A wallet that asked where an order stands is told.
pub(crate) fn wallet_sees(
    wallet: WalletId,
    reply: u64,
    order: Option<TransactionView>,
    out: &mut Vec<Output>,
) {
    let what = match order.filter(|order| is_of(wallet, order)) {
        Some(order) => WalletReply::Order(standing(&order), order.amount),
        None => WalletReply::UnknownOrder,
    };
    out.push(Output::WalletReply { reply, what });
}

fn is_of(wallet: WalletId, order: &TransactionView) -> bool {
    order.kind == TransactionKind::Qr && order.method == Some(Method::Qr { wallet })
}

/// Whether an order was paid in time, whatever has become of it since.
fn was_paid(order: &TransactionView) -> bool {
    order.answer == Some(Code::DONE.0)
}

/// By which payment an order was paid, in time or too late.
fn payment_of(order: &TransactionView) -> Option<WalletPayment> {
    (order.authorisation != [b' '; 6]).then_some(WalletPayment(order.authorisation))
}

fn standing(order: &TransactionView) -> OrderStanding {
    match order.state {
        TenderState::Begun => OrderStanding::Waiting,
        TenderState::TakingBack(_) | TenderState::UndoingVoid => OrderStanding::ToGiveBack,
        TenderState::Reversed if was_paid(order) => OrderStanding::GivenBack,
        _ if was_paid(order) => OrderStanding::Paid,
        // Paid too late.
        TenderState::Declined if order.chased => OrderStanding::ToGiveBack,
        TenderState::Declined if order.reversed => OrderStanding::GivenBack,
        _ => OrderStanding::Expired,
    }
}

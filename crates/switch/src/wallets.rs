//! What wallets tell: paid, failed, given back; and where an order stands, when they ask.
//!
//! An order's reference names its transaction, so the books decide, also after a restart, when the
//! wallet tells the same twice, and when its terminal has long closed the batch.

use engine::door_view::TransactionView;
use engine::view::TenderState;
use engine::{Command, Event, Method, Refusal, Resolution, Timestamp, TransactionKind, WalletId};

use crate::code::Code;
use crate::happening::Happening;
use crate::port::{OrderStanding, Output, Question, WalletNote, WalletOutcome, WalletReply};
use crate::qr_orders::{order_back, reference, trace_of};
use crate::reversals::given_up;
use crate::switch::{Switch, WORKS_MAX};
use crate::works::Awaiting;

impl Switch {
    /// A wallet tells what became of an order. The shell has checked that it is the wallet.
    pub fn wallet(&mut self, note: WalletNote, reply: u64, _now: Timestamp, out: &mut Vec<Output>) {
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
        note: &WalletNote,
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
                    WalletOutcome::Paid => self.paid(order, right, reply, out),
                    WalletOutcome::Failed => self.failed(&order, reply, out),
                    WalletOutcome::Refunded => self.refunded(&order, right, reply, out),
                }
            }
        };
        out.extend(what.map(|what| Output::WalletReply { reply, what }));
    }

    /// The buyer has paid. The answer, unless the books are told first.
    fn paid(
        &mut self,
        order: TransactionView,
        right: bool,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        match standing(&order) {
            _ if !right => {
                out.push(Output::Happened(Happening::WrongPayment));
                Some(WalletReply::Refund)
            }
            // Told before: the answer is the same, whatever has become of it since.
            _ if was_paid(&order) => Some(WalletReply::Accepted),
            OrderStanding::ToGiveBack | OrderStanding::GivenBack => Some(WalletReply::Refund),
            OrderStanding::Waiting | OrderStanding::Paid | OrderStanding::Expired => {
                let (resolution, authorisation) = (Resolution::Approved, [b' '; 6]);
                let tender = order.tender;
                let command = Command::ResolvePurchase { tender, resolution, authorisation };
                self.command(Awaiting::WalletPaid(Box::new(order), reply), command, out);
                None
            }
        }
    }

    /// The buyer has not paid and will not.
    fn failed(
        &mut self,
        order: &TransactionView,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        match standing(order) {
            _ if was_paid(order) => {
                out.push(Output::Happened(Happening::WalletContradicts));
                Some(WalletReply::Contradiction)
            }
            OrderStanding::Waiting => self.give_up(order, reply, out),
            OrderStanding::ToGiveBack => self.end_giving_back(order, true, reply, out),
            _ => Some(WalletReply::Accepted),
        }
    }

    /// What was paid is back with the buyer.
    fn refunded(
        &mut self,
        order: &TransactionView,
        right: bool,
        reply: u64,
        out: &mut Vec<Output>,
    ) -> Option<WalletReply> {
        match standing(order) {
            OrderStanding::ToGiveBack if right => self.end_giving_back(order, false, reply, out),
            OrderStanding::ToGiveBack => {
                out.push(Output::Happened(Happening::WrongGiveBack));
                Some(WalletReply::Contradiction)
            }
            // What is not the order's amount never was the order's money.
            _ if !right => Some(WalletReply::Accepted),
            OrderStanding::Waiting => self.give_up(order, reply, out),
            OrderStanding::Paid => {
                out.push(Output::Happened(Happening::WalletContradicts));
                Some(WalletReply::Contradiction)
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
        order: &TransactionView,
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

fn accepted(answer: Result<Vec<Event>, Refusal>, out: &mut Vec<Output>) -> WalletReply {
    match answer {
        Ok(_) | Err(Refusal::Repeated) => WalletReply::Accepted,
        Err(refusal) => {
            out.push(Output::Happened(Happening::Books(refusal.to_string())));
            WalletReply::Later
        }
    }
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

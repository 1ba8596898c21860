//! Couriers' phones: they show a wallet's order as a code, and have the courier's terminal ask for
//! a card.
//!
//! To the books a phone is a terminal (`PHONE_TERMINALS`), so its orders are those of a terminal:
//! one trace each, paid, expired and refunded in the same way. The number of the parcel's payment
//! makes a second tap, and a repeat after a crash, the same order: the books know it. A request for
//! a card is no fact of the books. It is kept for a while, for the first terminal of the courier
//! that asks what is out; a restart loses it, and the courier asks again.

use std::collections::BTreeMap;

use books::view::PaymentState;
use books::{
    BeginPurchase, CloseBatch, Command, CourierId, DuplicateKey, DuplicateSubject, Event,
    NetworkReference, OpenBatch, ParcelId, PaymentId, PaymentRoute, PhoneView, PurchaseKind,
    Refusal, Stan, TRACE_NUMBER_MAX, Timestamp, Trace,
};
use machine::Actor;
use money::Amount;

use crate::port::{Output, Query};
use crate::sides::Orders;
use crate::step::{Continuation, Turn};
use crate::wallet::WalletSide;
use crate::wallet::orders::order_expiry_command;

/// How long a terminal can take up a request for a card.
pub const CARD_REQUEST_MS: u64 = 120_000;
/// A phone's batch is closed when it has this many orders. A batch can have twice as many, if some
/// of them wait for the buyer.
const ORDERS_PER_BATCH: u32 = 400;
/// How often the books are asked anew when another request was faster.
const TRIES_MAX: u8 = 4;

/// What a courier asks for by phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneRequest {
    pub courier: CourierId,
    /// The parcel, and the number that its payment is to have or has.
    pub payment: PaymentId,
    pub action: PhoneAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneAction {
    /// Show the code of an order, again if there is one.
    ShowCode(Amount),
    /// The buyer does not pay the code.
    EndCode,
    /// Have the courier's terminal ask for a card.
    AskCard(Amount),
    /// The terminal need not ask any more.
    EndCard,
}

/// The answer to a [`PhoneRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneAnswer {
    /// The text of the code of this payment, which can be paid until then.
    Code {
        number: u8,
        text: String,
        until: Timestamp,
    },
    /// The next terminal of the courier that asks gets the request, until then.
    CardAsked {
        until: Timestamp,
    },
    /// The order, or the request for a card, is over. How it ended is in the books.
    Ended,
    Refused(PhoneRefusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneRefusal {
    /// The settings have no wallet.
    NoWallet,
    /// The courier has no phone that is registered as a terminal.
    NoPhone,
    /// The courier has no terminal that is not blocked.
    NoTerminal,
    /// The parcel is not out with the courier, or has less left to collect, or its next payment has
    /// another number.
    OutOfDate,
    /// The switch starts, stops or has too much to do.
    Later,
    Books(Refusal),
}

/// A request that waits for the books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhoneWork {
    request: PhoneRequest,
    reply_id: u64,
    tries: u8,
}

/// A request for a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CardAtTerminal {
    pub parcel: ParcelId,
    pub amount: Amount,
    /// Names the request to the terminal.
    pub asked_at: Timestamp,
    /// The first terminal that got it.
    given_to: Option<u32>,
}

/// The requests for cards: the last one of each courier.
#[derive(Debug, Default)]
pub(crate) struct CardRequests(BTreeMap<CourierId, CardAtTerminal>);

impl CardRequests {
    /// The request for a terminal of the courier.
    pub(crate) fn take_up(
        &mut self,
        courier: CourierId,
        terminal: u32,
        now: Timestamp,
    ) -> Option<CardAtTerminal> {
        self.0.retain(|_, one| now < one.asked_at.plus_ms(CARD_REQUEST_MS));
        let request = self.0.get_mut(&courier)?;
        let given_to = *request.given_to.get_or_insert(terminal);
        (given_to == terminal).then_some(*request)
    }

    /// A terminal of the courier asks for a card, or the courier has it asked for no more.
    pub(crate) fn end(&mut self, courier: CourierId, parcel: ParcelId) {
        if self.0.get(&courier).is_some_and(|one| one.parcel == parcel) {
            self.0.remove(&courier);
        }
    }

    fn ask(&mut self, courier: CourierId, parcel: ParcelId, amount: Amount, now: Timestamp) {
        let asked = CardAtTerminal { parcel, amount, asked_at: now, given_to: None };
        let known = self.0.get(&courier).filter(|one| (one.parcel, one.amount) == (parcel, amount));
        // A second tap is the same request.
        if known.is_none_or(|one| now >= one.asked_at.plus_ms(CARD_REQUEST_MS)) {
            self.0.insert(courier, asked);
        }
    }
}

/// Phones at work on one input.
pub(crate) struct Phones<'p> {
    pub cards: &'p mut CardRequests,
    pub wallet: &'p mut WalletSide,
    pub step: Turn<'p>,
}

impl Phones<'_> {
    pub(crate) fn on_request(&mut self, request: PhoneRequest, reply_id: u64) {
        if self.step.pending.is_full() || self.step.pending.stopping {
            return self.refuse(reply_id, PhoneRefusal::Later);
        }
        self.look(PhoneWork { request, reply_id, tries: 0 });
    }

    fn look(&mut self, work: PhoneWork) {
        let PhoneRequest { courier, payment, .. } = work.request;
        self.step.query(Continuation::Phone(work), Query::Phone(courier, payment));
    }

    fn reply(&mut self, reply_id: u64, answer: PhoneAnswer) {
        self.step.out.push(Output::PhoneReply { reply_id, answer });
    }

    fn refuse(&mut self, reply_id: u64, why: PhoneRefusal) {
        self.reply(reply_id, PhoneAnswer::Refused(why));
    }

    /// The books have said how things are.
    pub(crate) fn on_view(&mut self, work: PhoneWork, view: &PhoneView) {
        let PhoneWork { request: PhoneRequest { courier, payment, action }, reply_id, .. } = work;
        let now = self.step.now;
        match action {
            PhoneAction::ShowCode(amount) => self.show(work, amount, view),
            PhoneAction::EndCode => match view.order {
                Some(order) if order.payment_state == PaymentState::Begun => {
                    let command = order_expiry_command(order.payment);
                    self.step.command(Continuation::PhoneEnded(reply_id), Actor::System, command);
                }
                _ => self.reply(reply_id, PhoneAnswer::Ended),
            },
            PhoneAction::AskCard(amount) => {
                if !view.has_terminal {
                    return self.refuse(reply_id, PhoneRefusal::NoTerminal);
                }
                if !is_due(amount, payment, view) {
                    return self.refuse(reply_id, PhoneRefusal::OutOfDate);
                }
                self.cards.ask(courier, payment.parcel, amount, now);
                let asked = self.cards.0.get(&courier).map_or(now, |one| one.asked_at);
                let until = asked.plus_ms(CARD_REQUEST_MS);
                self.reply(reply_id, PhoneAnswer::CardAsked { until });
            }
            PhoneAction::EndCard => {
                self.cards.end(courier, payment.parcel);
                self.reply(reply_id, PhoneAnswer::Ended);
            }
        }
    }

    fn show(&mut self, work: PhoneWork, amount: Amount, view: &PhoneView) {
        let PhoneWork { request: PhoneRequest { payment, .. }, reply_id, tries } = work;
        if let Some(order) = view.order {
            let sent_at = order.network_reference.map_or(self.step.now, |sent| sent.sent_at);
            return match order.payment_state {
                _ if order.amount != amount => self.refuse(reply_id, PhoneRefusal::OutOfDate),
                PaymentState::Begun => {
                    let parcel = order.parcel;
                    self.show_code(reply_id, order.trace, parcel, amount, payment.number, sent_at);
                }
                _ => self.reply(reply_id, PhoneAnswer::Ended),
            };
        }
        let Some((phone, terminal, totals)) = view.phone else {
            return self.refuse(reply_id, PhoneRefusal::NoPhone);
        };
        if tries >= TRIES_MAX {
            return self.refuse(reply_id, PhoneRefusal::Later);
        }
        if !is_due(amount, payment, view) {
            return self.refuse(reply_id, PhoneRefusal::OutOfDate);
        }
        let batch = terminal.batch;
        let by = Actor::Terminal(phone);
        if !terminal.batch_open {
            let batch = if batch >= TRACE_NUMBER_MAX { 1 } else { batch + 1 };
            let command = Command::OpenBatch(OpenBatch { terminal: phone, batch });
            return self.step.command(Continuation::PhoneBatch(work), by, command);
        }
        // The first try only: a code that waits for the buyer keeps the batch open.
        if terminal.transactions >= ORDERS_PER_BATCH && tries == 0 {
            let command = Command::CloseBatch(CloseBatch { terminal: phone, batch, totals });
            return self.step.command(Continuation::PhoneBatch(work), by, command);
        }
        let Some((wallet, sent)) = self.wallet.next(&self.step) else {
            return self.refuse(reply_id, PhoneRefusal::NoWallet);
        };
        // Two requests at once get the same number, and the books take one of them.
        let Ok(stan) = Stan::new(terminal.transactions + 1) else {
            return self.refuse(reply_id, PhoneRefusal::Later);
        };
        let trace = Trace { terminal: phone, batch, stan };
        let command = Command::BeginPurchase(BeginPurchase {
            trace,
            duplicate_key: DuplicateKey { date: 0, subject: DuplicateSubject::NoCard },
            parcel: payment.parcel,
            route: PaymentRoute::Qr { wallet },
            amount,
            kind: PurchaseKind::Sale,
            network_reference: sent,
            route_candidates: Vec::new(),
        });
        self.step.command(Continuation::PhoneOrder(work, trace, sent), by, command);
    }

    /// The phone's batch is open or closed, or was so already.
    pub(crate) fn on_batch(&mut self, work: PhoneWork, answer: Result<Vec<Event>, Refusal>) {
        match answer {
            Err(refusal @ (Refusal::TerminalBlocked | Refusal::TooManyOpenItems)) => {
                self.refuse(work.reply_id, PhoneRefusal::Books(refusal));
            }
            _ => self.look(PhoneWork { tries: work.tries + 1, ..work }),
        }
    }

    /// The books have begun the order, or not.
    pub(crate) fn on_order(
        &mut self,
        work: PhoneWork,
        (trace, sent): (Trace, NetworkReference),
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let events = match answer {
            Ok(events) => events,
            Err(Refusal::Repeated | Refusal::TraceTaken | Refusal::WrongBatch(_)) => {
                return self.look(PhoneWork { tries: work.tries + 1, ..work });
            }
            Err(refusal) => return self.refuse(work.reply_id, PhoneRefusal::Books(refusal)),
        };
        let begun = events.iter().find_map(|event| match event {
            Event::PaymentBegun { payment } => Some(*payment),
            _ => None,
        });
        let (Some(payment), PhoneAction::ShowCode(amount)) = (begun, work.request.action) else {
            return self.refuse(work.reply_id, PhoneRefusal::Later);
        };
        let id = self.step.next_id();
        self.wallet.open(id, payment, sent.sent_at, &mut self.step);
        let (reply_id, number) = (work.reply_id, payment.number);
        self.show_code(reply_id, trace, payment.parcel, amount, number, sent.sent_at);
    }

    fn show_code(
        &mut self,
        reply_id: u64,
        order: Trace,
        parcel: ParcelId,
        amount: Amount,
        number: u8,
        sent_at: Timestamp,
    ) {
        let until = sent_at.plus_ms(self.step.settings.timing.qr_ms);
        match self.wallet.code(order, parcel, amount, &self.step) {
            Ok(text) => self.reply(reply_id, PhoneAnswer::Code { number, text, until }),
            // A code that cannot be shown is not paid and expires.
            Err(_) => self.refuse(reply_id, PhoneRefusal::NoWallet),
        }
    }

    /// The order is over: it was ended, or was paid before.
    pub(crate) fn on_ended(&mut self, reply_id: u64, answer: Result<Vec<Event>, Refusal>) {
        match answer {
            Ok(_) | Err(Refusal::Repeated | Refusal::PaymentState) => {
                self.reply(reply_id, PhoneAnswer::Ended);
            }
            Err(refusal) => self.refuse(reply_id, PhoneRefusal::Books(refusal)),
        }
    }
}

/// Whether the parcel's next payment can be this much.
fn is_due(amount: Amount, payment: PaymentId, view: &PhoneView) -> bool {
    let within = view.left.is_some_and(|left| amount <= left);
    !amount.is_zero() && within && view.next_payment == payment.number
}

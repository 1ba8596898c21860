//! The reversal queue: reversals (0400, then 0401) and refunds (0220, then 0221) that are sent
//! until the network acknowledges them. The wait between two sendings doubles up to a limit; none
//! is ever given up (M4).

use books::{
    Approval, AuthorisationCode, Command, ConfirmCompletionReversal, DuplicateSubject, Event,
    NetworkReference, PaymentId, PaymentResolution, Refusal, ResolveCompletion, ResolvePurchase,
    ResolveRefund, ResolveReversal, ResponseCode, ReverseCollection, TerminalId, Timestamp, Trace,
};
use iso8583::{Message, Mti};
use money::Amount;

use crate::in_flight::{Continuation, InFlight};
use crate::network::{AwaitedResponse, OutgoingNetworkRequest, message_key};
use crate::operator_event::OperatorEvent;
use crate::port::Output;
use crate::response_code;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::wallets::notification_reply;

/// What is reversed. Decides the command for the books at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueuedReversalKind {
    /// A purchase with an unknown outcome.
    UnknownPurchase,
    /// An approved payment.
    Reversal,
    /// A void.
    ReversingVoid,
    /// A completion with an unknown outcome.
    UnknownCompletion,
    /// Not a reversal but a refund, with its own trace.
    Refund(Trace),
}

/// The original message of a reversal or refund.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OriginalMessage {
    pub mti: Mti,
    pub processing_code: u32,
    pub condition_code: u8,
    pub network_reference: NetworkReference,
}

/// Field 3 of voids and refunds.
const VOID_OR_REFUND: u32 = 200_000;

impl OriginalMessage {
    /// The original of a refund.
    pub(crate) const fn refunded(subject: DuplicateSubject) -> Option<OriginalMessage> {
        let DuplicateSubject::Refunded { message, offline } = subject else { return None };
        Some(OriginalMessage {
            mti: if offline { Mti::M0220 } else { Mti::M0200 },
            processing_code: VOID_OR_REFUND,
            condition_code: 0,
            network_reference: message,
        })
    }
}

/// A reversal or refund for the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewReversal {
    pub kind: QueuedReversalKind,
    pub payment: PaymentId,
    /// Index of the network. `None` for a wallet, which fetches its refunds itself.
    pub network_index: Option<usize>,
    /// The wallet's order.
    pub wallet_order: Option<Trace>,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    pub amount: Amount,
    pub authorisation_code: Option<AuthorisationCode>,
    /// `None` if no network was asked.
    pub original: Option<OriginalMessage>,
    /// A pre-authorisation to reverse after its completion, with its amount. The books no longer
    /// have it.
    pub pre_authorisation: Option<(OriginalMessage, Amount)>,
    /// STAN and time of the reversal or refund itself, if it has them already.
    pub network_reference: Option<NetworkReference>,
}

impl NewReversal {
    /// The reversal or refund of a request in flight.
    pub(crate) fn of_request(
        in_flight: &InFlight,
        kind: QueuedReversalKind,
        payment: PaymentId,
        original: OriginalMessage,
    ) -> NewReversal {
        NewReversal {
            kind,
            payment,
            network_index: Some(in_flight.network_index),
            wallet_order: None,
            terminal: in_flight.header.terminal_id(),
            merchant: in_flight.header.merchant,
            amount: in_flight.amount,
            authorisation_code: None,
            original: Some(original),
            pre_authorisation: None,
            network_reference: None,
        }
    }
}

/// An entry of the reversal queue.
#[derive(Clone, Debug)]
pub(crate) struct QueuedReversal {
    pub reversal: NewReversal,
    /// Time of the next sending. A timer for another time is outdated.
    due: Timestamp,
    pub sendings: u32,
    /// Acknowledged; the books are recording it.
    pub acknowledged: bool,
    /// The network's response code.
    pub response_code: ResponseCode,
    /// The wallet's late payment failed after all, so that there is nothing to refund.
    pub unpaid: bool,
    /// The wallet's notifications that are answered at the end.
    replies: Vec<u64>,
}

impl Switch {
    pub(crate) fn enqueue_reversal(
        &mut self,
        id: u64,
        mut new_reversal: NewReversal,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if new_reversal.kind != QueuedReversalKind::Reversal {
            // The pre-authorisation still stands in the books.
            new_reversal.pre_authorisation = None;
        }
        if let (Some(index), Some(original)) = (new_reversal.network_index, new_reversal.original)
            && !matches!(new_reversal.kind, QueuedReversalKind::Refund(_))
        {
            // A response to the original comes too late from now on.
            let waiting = &mut self.networks[index].awaited;
            waiting.insert(message_key(original.network_reference), AwaitedResponse::Late(id));
        }
        if let Some(order) = new_reversal.wallet_order {
            self.wallet_refunds.insert(order.wallet_order(), id);
        }
        let (code, replies) = (ResponseCode::APPROVED, Vec::new());
        let queued = QueuedReversal {
            reversal: new_reversal,
            due: now,
            sendings: 0,
            acknowledged: false,
            response_code: code,
            unpaid: false,
            replies,
        };
        self.reversal_queue.insert(id, queued);
        self.send_reversal(id, now, out);
    }

    /// Sends a network's queued messages at once: a link has signed on.
    pub(crate) fn resend_now(&mut self, index: usize, now: Timestamp) {
        for (id, queued) in &mut self.reversal_queue {
            if queued.reversal.network_index == Some(index) && !queued.acknowledged {
                queued.due = now;
                self.timers.set(now, Timer::Resend(*id));
            }
        }
    }

    /// Sends a queued message, for the first time or again.
    pub(crate) fn send_reversal(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(queued) = self.reversal_queue.get_mut(&id) else { return };
        let reversal = &queued.reversal;
        let (Some(index), Some(original)) = (reversal.network_index, reversal.original) else {
            return;
        };
        if queued.acknowledged || now < queued.due {
            return;
        }
        let network = &mut self.networks[index];
        // Without a signed-on link, `resend_now` sends it later.
        let Some(link) = network.next_link() else { return };
        let timing = &self.settings.timing;
        let doubled = timing.resend_first_ms << queued.sendings.min(16);
        queued.due = now.plus_ms(doubled.min(timing.resend_max_ms).max(1));
        self.timers.set(queued.due, Timer::Resend(id));
        let new_reversal = &mut queued.reversal;
        let refund = matches!(new_reversal.kind, QueuedReversalKind::Refund(_));
        let first = if refund { Mti::M0220 } else { Mti::M0400 };
        let sent =
            *new_reversal.network_reference.get_or_insert_with(|| network.next_reference(now));
        let network_request = OutgoingNetworkRequest {
            mti: if queued.sendings == 0 { first } else { first.repeat() },
            processing_code: original.processing_code,
            condition_code: original.condition_code,
            amount: Some(new_reversal.amount),
            network_reference: sent,
            terminal: new_reversal.terminal,
            merchant: new_reversal.merchant,
            local_time_and_date: self.settings.local_time_and_date(sent.sent_at),
            authorisation_code: new_reversal.authorisation_code,
            original: Some((original.mti, original.network_reference)),
            card: None,
        };
        match network.write_request(&network_request, &self.settings, &*self.keys) {
            Ok(message) => {
                queued.sendings += 1;
                network.awaited.insert(message_key(sent), AwaitedResponse::Reversal(id));
                out.push(Output::ToNetwork { link, message });
            }
            Err(why) => out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(why))),
        }
    }

    /// A network has responded to a queued message.
    pub(crate) fn on_reversal_response(
        &mut self,
        id: u64,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(queued) = self.reversal_queue.get_mut(&id) else { return };
        let code = response_code::read(message);
        let acknowledged = match queued.reversal.kind {
            QueuedReversalKind::Refund(_) => !response_code::must_resend(code),
            _ => matches!(code, ResponseCode::APPROVED | ResponseCode::ORIGINAL_NOT_FOUND),
        };
        if !acknowledged || queued.acknowledged {
            return;
        }
        queued.response_code = code;
        if queued.reversal.pre_authorisation.is_some() {
            self.reverse_pre_authorisation(id, now, out);
        } else {
            self.record_acknowledgement(id, out);
        }
    }

    /// The completion is reversed, so the pre-authorisation stands again at the network. Reverses
    /// it next.
    fn reverse_pre_authorisation(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(queued) = self.reversal_queue.get_mut(&id) else { return };
        let new_reversal = &mut queued.reversal;
        let Some((original, amount)) = new_reversal.pre_authorisation.take() else { return };
        if let Some(index) = new_reversal.network_index {
            let waiting = &mut self.networks[index].awaited;
            let completion = new_reversal.original.map(|original| original.network_reference);
            for sent in completion.into_iter().chain(new_reversal.network_reference) {
                waiting.remove(&message_key(sent));
            }
        }
        new_reversal.original = Some(original);
        new_reversal.amount = amount;
        new_reversal.network_reference = None;
        (queued.sendings, queued.due) = (0, now);
        self.send_reversal(id, now, out);
    }

    /// The wallet has refunded an order, or (`unpaid`) its payment failed after all.
    pub(crate) fn on_wallet_refunded(
        &mut self,
        id: u64,
        unpaid: bool,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        let Some(queued) = self.reversal_queue.get_mut(&id) else { return };
        queued.replies.push(reply_id);
        if !queued.acknowledged {
            queued.unpaid = unpaid;
            self.record_acknowledgement(id, out);
        }
    }

    /// The network or the wallet has acknowledged: the books record it.
    fn record_acknowledgement(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(queued) = self.reversal_queue.get_mut(&id) else { return };
        queued.acknowledged = true;
        let (payment, code) = (queued.reversal.payment, queued.response_code);
        let command = match queued.reversal.kind {
            QueuedReversalKind::UnknownPurchase => {
                Command::ReverseCollection(ReverseCollection { payment })
            }
            QueuedReversalKind::Reversal => {
                Command::ResolveReversal(ResolveReversal { payment, done: !queued.unpaid, code })
            }
            QueuedReversalKind::ReversingVoid => {
                Command::ResolveReversal(ResolveReversal { payment, done: false, code })
            }
            QueuedReversalKind::UnknownCompletion => {
                Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment })
            }
            QueuedReversalKind::Refund(trace) => {
                Command::ResolveRefund(ResolveRefund { trace, code })
            }
        };
        self.command(Continuation::ReversalAcknowledged(id), command, out);
    }

    /// The books have recorded the end of a reversal or refund.
    pub(crate) fn on_reversal_recorded(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        out: &mut Vec<Output>,
    ) {
        let Some(queued) = self.reversal_queue.remove(&id) else { return };
        let what = notification_reply(answer, out);
        if let Some(order) = queued.reversal.wallet_order {
            self.wallet_refunds.remove(&order.wallet_order());
        }
        out.extend(
            queued.replies.iter().map(|&reply_id| Output::WalletReply { reply_id, answer: what }),
        );
        let Some(index) = queued.reversal.network_index else { return };
        let network = &mut self.networks[index];
        if let Some(sent) = queued.reversal.network_reference {
            network.awaited.remove(&message_key(sent));
        }
        if let Some(original) = queued.reversal.original
            && let late = message_key(original.network_reference)
            && network.awaited.get(&late) == Some(&AwaitedResponse::Late(id))
        {
            network.awaited.remove(&late);
        }
        let network = network.settings.network;
        if matches!(queued.reversal.kind, QueuedReversalKind::Refund(_))
            && queued.response_code != ResponseCode::APPROVED
        {
            let code = queued.response_code;
            out.push(Output::OperatorEvent(OperatorEvent::AdviceRejected { network, code }));
        } else {
            let sendings = queued.sendings;
            out.push(Output::OperatorEvent(OperatorEvent::Acknowledged { network, sendings }));
        }
    }

    /// A response to the original came too late. The books record an approval; a decline ends a
    /// purchase.
    pub(crate) fn on_late_response(
        &mut self,
        id: u64,
        message: &Message<'_>,
        out: &mut Vec<Output>,
    ) {
        let Some(queued) = self.reversal_queue.get(&id) else { return };
        let payment = queued.reversal.payment;
        let code = response_code::read(message);
        let resolution = if code == ResponseCode::APPROVED {
            if let Some(index) = queued.reversal.network_index {
                let network = self.networks[index].settings.network;
                out.push(Output::OperatorEvent(OperatorEvent::LateApproval(network)));
            }
            PaymentResolution::Approved(Approval::Network(None))
        } else {
            PaymentResolution::Declined { code: response_code::for_terminal(code) }
        };
        let command = match queued.reversal.kind {
            QueuedReversalKind::UnknownPurchase => {
                Command::ResolvePurchase(ResolvePurchase { payment, resolution })
            }
            // A declined completion ends by its reversal: another completion may have begun.
            QueuedReversalKind::UnknownCompletion if code == ResponseCode::APPROVED => {
                Command::ResolveCompletion(ResolveCompletion { payment, resolution })
            }
            _ => return,
        };
        self.command(Continuation::ReportRefusal, command, out);
    }
}

//! The reversal queue: reversals (0400, then 0401) and refunds (0220, then 0221) that are sent
//! until the network acknowledges them. The wait between two sendings doubles up to a limit; none
//! is ever given up (M4).

use books::{
    Approval, Command, ConfirmCompletionReversal, Event, PaymentResolution, Refusal,
    ResolveCompletion, ResolvePurchase, ResolveRefund, ResolveReversal, ResponseCode,
    ReverseCollection,
};
use iso8583::Message;
use machine::Actor;

use super::NetworkSide;
use super::state::{AwaitedResponse, QueuedReversal, message_key};
use crate::dialect::MessageKind;
use crate::port::OperatorEvent;
use crate::response_code;
use crate::sides::{NetworkMessage, NewReversal, ReversedKind};
use crate::step::{Continuation, Turn};
use crate::timers::Timer;

impl NetworkSide {
    pub(crate) fn enqueue(&mut self, id: u64, mut reversal: NewReversal, step: &mut Turn<'_>) {
        if reversal.kind != ReversedKind::Approved {
            // The pre-authorisation still stands in the books.
            reversal.pre_authorisation = None;
        }
        if !matches!(reversal.kind, ReversedKind::Refund(_)) {
            // A response to the original comes too late from now on.
            let waiting = &mut self.networks[reversal.network].awaited;
            let original = reversal.original;
            waiting.insert(message_key(original.network_reference), AwaitedResponse::Late(id));
        }
        let queued = QueuedReversal { reversal, due: step.now, sendings: 0, acknowledged: None };
        self.queue.insert(id, queued);
        self.send_reversal(id, step);
    }

    /// Sends a network's queued messages at once: a link has signed on.
    pub(crate) fn resend_now(&mut self, network: usize, step: &mut Turn<'_>) {
        for (id, queued) in &mut self.queue {
            if queued.reversal.network == network && queued.acknowledged.is_none() {
                queued.due = step.now;
                step.pending.timers.set(step.now, Timer::Resend(*id));
            }
        }
    }

    /// Sends a queued message, for the first time or again.
    pub(crate) fn send_reversal(&mut self, id: u64, step: &mut Turn<'_>) {
        let Some(queued) = self.queue.get_mut(&id) else { return };
        if queued.acknowledged.is_some() || step.now < queued.due {
            return;
        }
        let reversal = &mut queued.reversal;
        let network = &mut self.networks[reversal.network];
        // Without a signed-on link, `resend_now` sends it later.
        let Some(link) = network.next_link() else { return };
        let timing = &step.settings.timing;
        let doubled = timing.resend_first_ms << queued.sendings.min(16);
        queued.due = step.now.plus_ms(doubled.min(timing.resend_max_ms).max(1));
        step.pending.timers.set(queued.due, Timer::Resend(id));
        let refund = matches!(reversal.kind, ReversedKind::Refund(_));
        let now = step.now;
        let sent = *reversal.network_reference.get_or_insert_with(|| network.next_reference(now));
        let request = NetworkMessage {
            kind: if refund { MessageKind::Refund } else { reversal.original.kind },
            reversal: !refund,
            repeat: queued.sendings > 0,
            amount: Some(reversal.amount),
            network_reference: sent,
            terminal: reversal.terminal,
            merchant: reversal.merchant,
            local_time_and_date: step.settings.local_time_and_date(sent.sent_at),
            authorisation_code: reversal.authorisation_code,
            original: Some(reversal.original),
            card: None,
        };
        match network.write_request(&request, &step.settings.merchant, step.keys) {
            Ok(message) => {
                queued.sendings += 1;
                network.awaited.insert(message_key(sent), AwaitedResponse::Reversal(id));
                step.send(link, message, None);
            }
            Err(why) => step.report(OperatorEvent::KeyStoreError(why.to_string())),
        }
    }

    /// A network has responded to a queued message.
    pub(crate) fn on_reversal_response(
        &mut self,
        id: u64,
        message: &Message<'_>,
        step: &mut Turn<'_>,
    ) {
        let Some(queued) = self.queue.get_mut(&id) else { return };
        let dialect = self.networks[queued.reversal.network].settings.dialect;
        let code = dialect.response_code(message);
        let acknowledged = match queued.reversal.kind {
            ReversedKind::Refund(_) => !dialect.not_processed.contains(&code),
            _ => dialect.reversed.contains(&code),
        };
        if !acknowledged || queued.acknowledged.is_some() {
            return;
        }
        if queued.reversal.pre_authorisation.is_some() {
            self.reverse_pre_authorisation(id, step);
        } else {
            queued.acknowledged = Some(code);
            self.record_acknowledgement(id, code, step);
        }
    }

    /// The completion is reversed, so the pre-authorisation stands again at the network. Reverses
    /// it next.
    fn reverse_pre_authorisation(&mut self, id: u64, step: &mut Turn<'_>) {
        let Some(queued) = self.queue.get_mut(&id) else { return };
        let reversal = &mut queued.reversal;
        let Some((original, amount)) = reversal.pre_authorisation.take() else { return };
        let waiting = &mut self.networks[reversal.network].awaited;
        waiting.remove(&message_key(reversal.original.network_reference));
        if let Some(sent) = reversal.network_reference.take() {
            waiting.remove(&message_key(sent));
        }
        (reversal.original, reversal.amount) = (original, amount);
        (queued.sendings, queued.due) = (0, step.now);
        self.send_reversal(id, step);
    }

    /// The network has acknowledged: the books record it.
    fn record_acknowledgement(&self, id: u64, code: ResponseCode, step: &mut Turn<'_>) {
        let Some(QueuedReversal { reversal, .. }) = self.queue.get(&id) else { return };
        let payment = reversal.payment;
        let command = match reversal.kind {
            ReversedKind::UnknownPurchase => {
                Command::ReverseCollection(ReverseCollection { payment })
            }
            ReversedKind::Approved => {
                Command::ResolveReversal(ResolveReversal { payment, done: true, code })
            }
            ReversedKind::Void => {
                Command::ResolveReversal(ResolveReversal { payment, done: false, code })
            }
            ReversedKind::UnknownCompletion => {
                Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment })
            }
            ReversedKind::Refund(trace) => Command::ResolveRefund(ResolveRefund { trace, code }),
        };
        step.command(Continuation::Acknowledged(id), self.actor(reversal.network), command);
    }

    /// The books have recorded the end of a reversal or refund.
    pub(crate) fn on_acknowledged(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        step: &mut Turn<'_>,
    ) {
        let Some(queued) = self.queue.remove(&id) else { return };
        step.report_refusal(answer);
        let QueuedReversal { reversal, sendings, acknowledged, .. } = queued;
        let network = &mut self.networks[reversal.network];
        if let Some(sent) = reversal.network_reference {
            network.awaited.remove(&message_key(sent));
        }
        let late = message_key(reversal.original.network_reference);
        if network.awaited.get(&late) == Some(&AwaitedResponse::Late(id)) {
            network.awaited.remove(&late);
        }
        let network = network.settings.network;
        let refund = matches!(reversal.kind, ReversedKind::Refund(_));
        step.report(match acknowledged {
            Some(code) if refund && code != ResponseCode::APPROVED => {
                OperatorEvent::AdviceRejected { network, code }
            }
            _ => OperatorEvent::Acknowledged { network, sendings },
        });
    }

    /// A response to the original came too late. The books record an approval; a decline ends a
    /// purchase.
    pub(crate) fn on_late_response(&self, id: u64, message: &Message<'_>, step: &mut Turn<'_>) {
        let Some(QueuedReversal { reversal, .. }) = self.queue.get(&id) else { return };
        let payment = reversal.payment;
        let network = &self.networks[reversal.network].settings;
        let code = network.dialect.response_code(message);
        let resolution = if code == ResponseCode::APPROVED {
            step.report(OperatorEvent::LateApproval(network.network));
            PaymentResolution::Approved(Approval::Network(None))
        } else {
            PaymentResolution::Declined { code: response_code::for_terminal(code) }
        };
        let command = match reversal.kind {
            ReversedKind::UnknownPurchase => {
                Command::ResolvePurchase(ResolvePurchase { payment, resolution })
            }
            // A declined completion ends by its reversal: another completion may have begun.
            ReversedKind::UnknownCompletion if code == ResponseCode::APPROVED => {
                Command::ResolveCompletion(ResolveCompletion { payment, resolution })
            }
            _ => return,
        };
        step.command(Continuation::ReportRefusal, Actor::System, command);
    }
}

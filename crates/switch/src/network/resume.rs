//! After a restart: unfinished transactions are reversed, pending reversals are sent again.

use books::terminal_view::PendingRequestKind;
use books::{
    Command, Event, PaymentResolution, Refusal, ResolveCompletion, ResolvePurchase, ReverseVoid,
    Timestamp,
};
use machine::Actor;

use super::NetworkSide;
use crate::sides::{Networks, NewReversal, OriginalMessage, ReversedKind};
use crate::step::{Continuation, Step};
use crate::unfinished::UnfinishedTransaction;

impl NetworkSide {
    /// Messages from before a restart are dated earlier, so their STANs cannot collide with new
    /// ones.
    pub(crate) fn start_after(&mut self, now: Timestamp) {
        let next_second = Timestamp((now.0 / 1000 + 1).saturating_mul(1000));
        for network in &mut self.networks {
            network.earliest_message_at = next_second;
        }
    }

    pub(crate) fn resume(&mut self, item: &UnfinishedTransaction, step: &mut Step<'_>) {
        let payment = item.pending.payment;
        let resolution = PaymentResolution::Unknown;
        let (kind, first) = match item.pending.kind {
            // The terminal has the card data and forwards the offline sale again.
            PendingRequestKind::Advice => return,
            PendingRequestKind::Purchase => (
                ReversedKind::UnknownPurchase,
                Some(Command::ResolvePurchase(ResolvePurchase { payment, resolution })),
            ),
            PendingRequestKind::Completion => (
                ReversedKind::UnknownCompletion,
                Some(Command::ResolveCompletion(ResolveCompletion { payment, resolution })),
            ),
            PendingRequestKind::Void => {
                (ReversedKind::Void, Some(Command::ReverseVoid(ReverseVoid { payment })))
            }
            PendingRequestKind::PurchaseReversal => (ReversedKind::UnknownPurchase, None),
            PendingRequestKind::Reversal | PendingRequestKind::LatePaymentRefund => {
                (ReversedKind::Approved, None)
            }
            PendingRequestKind::VoidReversal => (ReversedKind::Void, None),
            PendingRequestKind::CompletionReversal => (ReversedKind::UnknownCompletion, None),
            PendingRequestKind::Refund => (ReversedKind::Refund(item.pending.trace), None),
        };
        let reversal = self.reversal_of(kind, item, step);
        let reversal = reversal.expect("M4: its network is in the settings and knows its message");
        let id = step.next_id();
        match first {
            // The reversal is sent only when the books have recorded the unknown outcome.
            Some(command) => {
                self.resuming.insert(id, reversal);
                step.command(Continuation::Resumed(id), Actor::System, command);
            }
            None => self.enqueue(id, reversal, step),
        }
    }

    fn reversal_of(
        &self,
        kind: ReversedKind,
        item: &UnfinishedTransaction,
        step: &Step<'_>,
    ) -> Option<NewReversal> {
        let (pending, view) = (&item.pending, &item.view);
        let refund = matches!(kind, ReversedKind::Refund(_));
        Some(NewReversal {
            kind,
            payment: pending.payment,
            network: self.index_of(Some(pending.route))?,
            terminal: pending.trace.terminal,
            merchant: step.settings.merchant.of(item.firm),
            amount: pending.amount,
            authorisation_code: None,
            original: if refund {
                OriginalMessage::refunded(view.duplicate_key.subject)?
            } else {
                OriginalMessage::of(view)?
            },
            pre_authorisation: item.before.as_ref().and_then(OriginalMessage::released),
            network_reference: pending.network_reference.filter(|_| refund),
        })
    }

    /// The books have recorded the unknown outcome.
    pub(crate) fn on_resumed(
        &mut self,
        id: u64,
        answer: &Result<Vec<Event>, Refusal>,
        step: &mut Step<'_>,
    ) {
        let Some(reversal) = self.resuming.remove(&id) else { return };
        if answer.is_ok() {
            self.enqueue(id, reversal, step);
        }
    }
}

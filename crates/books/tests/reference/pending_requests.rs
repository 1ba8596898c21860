//! Whatever terminals and networks did, resolving every pending request with only "declined" and
//! "acknowledged" comes to an end, and nothing stays pending (M4).

use books::terminal_view::{PendingRequest, PendingRequestKind};
use books::view::PaymentState as T;
use books::*;

use crate::compare::{Finding, same};

/// Rounds until everything has ended: a response that never came, then its reversal.
const ROUNDS_MAX: usize = 2;

fn next_step(pending_request: &PendingRequest) -> Command {
    let (payment, code) = (pending_request.payment, ResponseCode::APPROVED);
    let resolution = PaymentResolution::Unknown;
    match pending_request.kind {
        PendingRequestKind::Purchase => {
            Command::ResolvePurchase(ResolvePurchase { payment, resolution })
        }
        PendingRequestKind::PurchaseReversal => {
            Command::ReverseCollection(ReverseCollection { payment })
        }
        PendingRequestKind::Reversal | PendingRequestKind::LatePaymentRefund => {
            Command::ResolveReversal(ResolveReversal { payment, done: true, code })
        }
        PendingRequestKind::Void => Command::ReverseVoid(ReverseVoid { payment }),
        PendingRequestKind::VoidReversal => {
            Command::ResolveReversal(ResolveReversal { payment, done: false, code })
        }
        PendingRequestKind::Completion => {
            Command::ResolveCompletion(ResolveCompletion { payment, resolution })
        }
        PendingRequestKind::CompletionReversal => {
            Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment })
        }
        PendingRequestKind::Advice => Command::ResolveAdvice(ResolveAdvice { payment, code }),
        PendingRequestKind::Refund => {
            Command::ResolveRefund(ResolveRefund { trace: pending_request.trace, code })
        }
    }
}

pub fn to_the_end(mut engine: Books) -> Finding {
    let mut out = CommandOutcome::default();
    for _ in 0..ROUNDS_MAX {
        let pending_requests: Vec<PendingRequest> = engine.pending_requests().collect();
        for pending_request in pending_requests {
            let (command, at) = (next_step(&pending_request), engine.last_at());
            let done = engine.apply(&command, at, &mut out);
            done.map_err(|refusal| format!("{pending_request:?} cannot be resolved: {refusal:?}"))?;
            engine.check().map_err(|faults| faults.join("\n"))?;
        }
    }
    same("what is left to be asked", &engine.pending_requests().count(), &0)?;
    // Payments without a terminal transaction are not in the queue.
    let left = engine.unresolved_payments().find(|one| !matches!(one.state, T::Begun | T::Unknown));
    same("what nobody will end", &left, &None)
}

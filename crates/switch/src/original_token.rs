//! The 64-bit token that the books keep with a transaction to recognise a repeat.
//!
//! A card payment has the card's token. A request about an original transaction has the original
//! encoded here. For a refund that is the original's STAN and time at the network, because the
//! books may forget the original before the network responds; for all others it is the batch and
//! STAN.

use books::terminal_view::TransactionView;
use books::{NetworkReference, TerminalId, Timestamp, Trace, TransactionKind};
use iso8583::Mti;

const STAN_BITS: u32 = 20;
const STAN_MASK: u64 = (1 << STAN_BITS) - 1;

/// Encodes the batch and STAN of an original at the same terminal.
pub(crate) fn for_original(before: &TransactionView) -> u64 {
    token_of(before.trace, before.kind == TransactionKind::PreAuthorisation)
}

fn token_of(before: Trace, hold: bool) -> u64 {
    let numbers = u64::from(before.batch) << STAN_BITS | u64::from(before.stan);
    u64::from(hold) << (2 * STAN_BITS) | numbers
}

/// Whether the encoded original is a pre-authorisation.
pub(crate) const fn is_pre_authorisation(token: u64) -> bool {
    token >> (2 * STAN_BITS) & 1 == 1
}

/// Decodes [`for_original`].
pub(crate) fn original_trace(terminal: TerminalId, token: u64) -> Trace {
    let low = |bits: u64| u32::try_from(bits & STAN_MASK).unwrap_or(0);
    Trace { terminal, batch: low(token >> STAN_BITS), stan: low(token) }
}

/// Encodes the original of a refund: seconds, STAN and whether it was an offline sale.
pub(crate) fn for_refund(before: &TransactionView) -> u64 {
    let offline = u64::from(before.kind == TransactionKind::Advice);
    (before.network_reference.sent_at.0 / 1000) << (STAN_BITS + 1)
        | u64::from(before.network_reference.stan) << 1
        | offline
}

/// Decodes [`for_refund`]: message type, STAN and time at the network.
pub(crate) fn refunded_message(token: u64) -> (Mti, NetworkReference) {
    let mti = if token & 1 == 1 { Mti::M0220 } else { Mti::M0200 };
    let stan = u32::try_from(token >> 1 & STAN_MASK).unwrap_or(0);
    (
        mti,
        NetworkReference {
            stan,
            sent_at: Timestamp((token >> (STAN_BITS + 1)).saturating_mul(1000)),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_trace_is_decoded() {
        let before = Trace { terminal: TerminalId(7), batch: 999_999, stan: 999_998 };
        for hold in [false, true] {
            let token = token_of(before, hold);
            assert_eq!(
                (original_trace(TerminalId(7), token), is_pre_authorisation(token)),
                (before, hold)
            );
        }
    }

    #[test]
    fn an_encoded_refund_is_decoded() {
        let at = Timestamp(4_102_444_799_999);
        for (offline, mti) in [(0, Mti::M0200), (1, Mti::M0220)] {
            let token = (at.0 / 1000) << 21 | 999_999 << 1 | offline;
            let (class, sent) = refunded_message(token);
            assert_eq!((class, sent.stan, sent.sent_at.0 / 1000), (mti, 999_999, at.0 / 1000));
        }
    }
}

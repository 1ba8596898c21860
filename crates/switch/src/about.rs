//! What a transaction is about, in the 64 bits that the books keep beside it to know a repeat.
//!
//! A transaction with a card has the card's token there. One without a card has what was before: of
//! a refund how the network knows that, because the books may have forgotten it before the network
//! answers; of all others its batch and STAN.

use engine::door_view::TransactionView;
use engine::{Sent, TerminalId, Timestamp, Trace, TransactionKind};
use iso8583::Mti;

const STAN_BITS: u32 = 20;
const STAN_MASK: u64 = (1 << STAN_BITS) - 1;

/// Of a transaction that is about another one at the same terminal.
pub(crate) fn of_trace(before: &TransactionView) -> u64 {
    token_of(before.trace, before.kind == TransactionKind::PreAuthorisation)
}

fn token_of(before: Trace, hold: bool) -> u64 {
    let numbers = u64::from(before.batch) << STAN_BITS | u64::from(before.stan);
    u64::from(hold) << (2 * STAN_BITS) | numbers
}

/// Whether it is about a pre-authorisation.
pub(crate) const fn is_of_hold(token: u64) -> bool {
    token >> (2 * STAN_BITS) & 1 == 1
}

/// What [`of_trace`] was made of.
pub(crate) fn trace(terminal: TerminalId, token: u64) -> Trace {
    let low = |bits: u64| u32::try_from(bits & STAN_MASK).unwrap_or(0);
    Trace { terminal, batch: low(token >> STAN_BITS), stan: low(token) }
}

/// Of a refund: seconds, STAN and whether it was an offline sale.
pub(crate) fn of_refunded(before: &TransactionView) -> u64 {
    let offline = u64::from(before.kind == TransactionKind::Advice);
    (before.sent.at.0 / 1000) << (STAN_BITS + 1) | u64::from(before.sent.stan) << 1 | offline
}

/// What [`of_refunded`] was made of: message type and how the network knows it.
pub(crate) fn refunded(token: u64) -> (Mti, Sent) {
    let mti = if token & 1 == 1 { Mti::M0220 } else { Mti::M0200 };
    let stan = u32::try_from(token >> 1 & STAN_MASK).unwrap_or(0);
    (mti, Sent { stan, at: Timestamp((token >> (STAN_BITS + 1)).saturating_mul(1000)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_as_it_was_put_down() {
        let before = Trace { terminal: TerminalId(7), batch: 999_999, stan: 999_998 };
        for hold in [false, true] {
            let token = token_of(before, hold);
            assert_eq!((trace(TerminalId(7), token), is_of_hold(token)), (before, hold));
        }
    }

    #[test]
    fn a_refund_knows_what_the_network_calls_the_sale() {
        let at = Timestamp(4_102_444_799_999);
        for (offline, mti) in [(0, Mti::M0200), (1, Mti::M0220)] {
            let token = (at.0 / 1000) << 21 | 999_999 << 1 | offline;
            let (class, sent) = refunded(token);
            assert_eq!((class, sent.stan, sent.at.0 / 1000), (mti, 999_999, at.0 / 1000));
        }
    }
}

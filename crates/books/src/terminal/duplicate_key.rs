//! How a repeat is told from another transaction with the same trace.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payment::codes::{CardToken, Stan, WalletPaymentId};
use crate::terminal::transaction::{NetworkReference, TRACE_NUMBER_MAX, TransactionKind};

/// Tells a repeat from another transaction with the same trace. A repeat also has the same parcel
/// or payment, and amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct DuplicateKey {
    /// The terminal's date, `MMDD`: field 13 as a number.
    pub date: u16,
    pub subject: DuplicateSubject,
}

/// The card or the original of a transaction. Each kind of transaction has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DuplicateSubject {
    /// Cash, or a QR code.
    NoCard,
    /// A sale, pre-authorisation or offline sale.
    Card(CardToken),
    /// A void or completion: the original at the same terminal.
    Original {
        /// 1 to [`TRACE_NUMBER_MAX`].
        batch: u32,
        stan: Stan,
        pre_authorisation: bool,
    },
    /// A refund: the original's message to its network. The books may forget the original before
    /// the network responds.
    Refunded {
        /// The time of sending counts in whole seconds.
        message: NetworkReference,
        /// Whether the original is an offline sale.
        offline: bool,
    },
}

const STAN_BITS: u32 = 20;
const STAN_MASK: u64 = (1 << STAN_BITS) - 1;
const SECONDS_MAX: u64 = u64::MAX >> (STAN_BITS + 1);

impl DuplicateSubject {
    /// Whether a transaction of this kind can have it.
    pub(crate) fn fits(self, kind: TransactionKind) -> bool {
        use TransactionKind as K;
        match self {
            DuplicateSubject::NoCard => matches!(kind, K::Cash | K::Qr),
            DuplicateSubject::Card(_) => matches!(kind, K::Sale | K::PreAuthorisation | K::Advice),
            DuplicateSubject::Original { batch, .. } => {
                matches!(kind, K::Void | K::Completion) && (1..=TRACE_NUMBER_MAX).contains(&batch)
            }
            DuplicateSubject::Refunded { message, .. } => {
                kind == K::Refund && message.sent_at.0 / 1000 <= SECONDS_MAX
            }
        }
    }
}

/// A [`DuplicateSubject`] in eight bytes, or the payment that paid a wallet order. The
/// transaction's kind says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PackedSubject(u64);

impl PackedSubject {
    pub(crate) fn of(subject: DuplicateSubject) -> PackedSubject {
        PackedSubject(match subject {
            DuplicateSubject::NoCard => 0,
            DuplicateSubject::Card(token) => token.get(),
            DuplicateSubject::Original { batch, stan, pre_authorisation } => {
                let numbers = u64::from(batch) << STAN_BITS | u64::from(stan.get());
                u64::from(pre_authorisation) << (2 * STAN_BITS) | numbers
            }
            DuplicateSubject::Refunded { message, offline } => {
                let seconds = message.sent_at.0 / 1000;
                seconds << (STAN_BITS + 1) | u64::from(message.stan.get()) << 1 | u64::from(offline)
            }
        })
    }

    pub(crate) fn subject(self, kind: TransactionKind) -> DuplicateSubject {
        use TransactionKind as K;
        let low = |bits: u64| u32::try_from(bits & STAN_MASK).expect("twenty bits");
        let stan = |bits: u64| Stan::new(low(bits)).expect("packed from a STAN");
        match kind {
            K::Cash | K::Qr => DuplicateSubject::NoCard,
            K::Sale | K::PreAuthorisation | K::Advice => {
                DuplicateSubject::Card(CardToken::new(self.0).expect("packed from a token"))
            }
            K::Void | K::Completion => DuplicateSubject::Original {
                batch: low(self.0 >> STAN_BITS),
                stan: stan(self.0),
                pre_authorisation: self.0 >> (2 * STAN_BITS) == 1,
            },
            K::Refund => DuplicateSubject::Refunded {
                message: NetworkReference {
                    stan: stan(self.0 >> 1),
                    sent_at: Timestamp((self.0 >> (STAN_BITS + 1)) * 1000),
                },
                offline: self.0 & 1 == 1,
            },
        }
    }

    pub(crate) fn of_wallet_payment(payment: WalletPaymentId) -> PackedSubject {
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&payment.bytes());
        PackedSubject(u64::from_be_bytes(bytes))
    }

    pub(crate) fn wallet_payment(self, kind: TransactionKind) -> Option<WalletPaymentId> {
        let [_, _, payment @ ..] = self.0.to_be_bytes();
        WalletPaymentId::new(payment).ok().filter(|_| kind == TransactionKind::Qr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_subject_is_what_it_was() {
        let token = CardToken::new(u64::MAX).unwrap();
        let card = (DuplicateSubject::Card(token), TransactionKind::Advice);
        let originals = [false, true].map(|pre_authorisation| {
            let (batch, stan) = (TRACE_NUMBER_MAX, Stan::of(999_998));
            let original = DuplicateSubject::Original { batch, stan, pre_authorisation };
            (original, TransactionKind::Void)
        });
        let refunds = [false, true].map(|offline| {
            let message =
                NetworkReference { stan: Stan::MAX, sent_at: Timestamp(4_102_444_799_000) };
            (DuplicateSubject::Refunded { message, offline }, TransactionKind::Refund)
        });
        let nothing = (DuplicateSubject::NoCard, TransactionKind::Cash);
        for (subject, kind) in [card, nothing].into_iter().chain(originals).chain(refunds) {
            assert!(subject.fits(kind));
            assert_eq!(PackedSubject::of(subject).subject(kind), subject);
        }
    }

    #[test]
    fn a_wallet_order_has_the_payment_that_paid_it() {
        let payment = WalletPaymentId::of(b"eAv2BE");
        let packed = PackedSubject::of_wallet_payment(payment);
        assert_eq!(packed.wallet_payment(TransactionKind::Qr), Some(payment));
        assert_eq!(packed.subject(TransactionKind::Qr), DuplicateSubject::NoCard);
        let unpaid = PackedSubject::of(DuplicateSubject::NoCard);
        assert_eq!(unpaid.wallet_payment(TransactionKind::Qr), None);
    }
}

//! Response codes (field 39), as docs/door/terminal.md lists them.

use std::fmt;

use books::{MissingRecord, Refusal};

/// A response code of field 39: two letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode(pub [u8; 2]);

impl ResponseCode {
    /// Approved, or done.
    pub const APPROVED: ResponseCode = ResponseCode(*b"00");
    /// The QR code is not paid yet.
    pub const QR_PENDING: ResponseCode = ResponseCode(*b"09");
    /// The transaction is not possible, or not in this state.
    pub const INVALID_TRANSACTION: ResponseCode = ResponseCode(*b"12");
    pub const INVALID_AMOUNT: ResponseCode = ResponseCode(*b"13");
    pub const INVALID_CARD: ResponseCode = ResponseCode(*b"14");
    /// The original transaction is not known.
    pub const ORIGINAL_NOT_FOUND: ResponseCode = ResponseCode(*b"25");
    /// No network takes the card.
    pub const NO_SUCH_ISSUER: ResponseCode = ResponseCode(*b"15");
    pub const FORMAT_ERROR: ResponseCode = ResponseCode(*b"30");
    pub const PIN_FORMAT_ERROR: ResponseCode = ResponseCode(*b"99");
    pub const TERMINAL_BLOCKED: ResponseCode = ResponseCode(*b"58");
    pub const LIMIT_EXCEEDED: ResponseCode = ResponseCode(*b"61");
    /// The amount differs from the original's.
    pub const AMOUNT_MISMATCH: ResponseCode = ResponseCode(*b"64");
    /// The outcome was not known in time.
    pub const OUTCOME_UNKNOWN: ResponseCode = ResponseCode(*b"68");
    /// Not the open batch.
    pub const WRONG_BATCH: ResponseCode = ResponseCode(*b"77");
    /// No network is up.
    pub const NETWORK_UNAVAILABLE: ResponseCode = ResponseCode(*b"91");
    /// The STAN was used with other content.
    pub const STAN_USED: ResponseCode = ResponseCode(*b"94");
    pub const TOTALS_DIFFER: ResponseCode = ResponseCode(*b"95");
    /// Not possible now: try again.
    pub const SYSTEM_ERROR: ResponseCode = ResponseCode(*b"96");
    /// The terminal or merchant is not known.
    pub const UNKNOWN_TERMINAL: ResponseCode = ResponseCode(*b"97");
    /// The MAC is wrong or missing.
    pub const WRONG_MAC: ResponseCode = ResponseCode(*b"A0");
    pub const UNKNOWN_PARCEL: ResponseCode = ResponseCode(*b"P1");
    /// The parcel is not with this courier.
    pub const NOT_WITH_COURIER: ResponseCode = ResponseCode(*b"P2");
    /// The parcel can no longer be paid.
    pub const PARCEL_NOT_PAYABLE: ResponseCode = ResponseCode(*b"P3");
    /// The amount exceeds what is due.
    pub const MORE_THAN_DUE: ResponseCode = ResponseCode(*b"P4");
    /// A payment of the same kind has an unknown outcome and is being reversed.
    pub const BEING_REVERSED: ResponseCode = ResponseCode(*b"P5");
    /// The parcel has too many payments.
    pub const TOO_MANY_PAYMENTS: ResponseCode = ResponseCode(*b"P6");
    /// The pre-authorisation was not completed in time.
    pub const PRE_AUTHORISATION_EXPIRED: ResponseCode = ResponseCode(*b"P7");

    /// The response code for a refusal of the books.
    pub(crate) fn of_refusal(refusal: &Refusal) -> ResponseCode {
        match refusal {
            Refusal::NotFound(MissingRecord::Parcel(_)) => ResponseCode::UNKNOWN_PARCEL,
            Refusal::NotFound(MissingRecord::Payment) => ResponseCode::ORIGINAL_NOT_FOUND,
            Refusal::NotFound(MissingRecord::Terminal(_)) => ResponseCode::UNKNOWN_TERMINAL,
            Refusal::NotFound(MissingRecord::Network(_) | MissingRecord::Wallet(_))
            | Refusal::NetworkWithdrawn
            | Refusal::TooManyUnknown => ResponseCode::NETWORK_UNAVAILABLE,
            Refusal::TerminalBlocked => ResponseCode::TERMINAL_BLOCKED,
            Refusal::WrongCourier => ResponseCode::NOT_WITH_COURIER,
            Refusal::ParcelState => ResponseCode::PARCEL_NOT_PAYABLE,
            Refusal::AmountTooLarge(_) => ResponseCode::MORE_THAN_DUE,
            Refusal::AmountZero | Refusal::WrongChange => ResponseCode::INVALID_AMOUNT,
            Refusal::EarlierPaymentUnknown => ResponseCode::BEING_REVERSED,
            Refusal::TooMany(_) => ResponseCode::TOO_MANY_PAYMENTS,
            Refusal::PreAuthorisationExpired => ResponseCode::PRE_AUTHORISATION_EXPIRED,
            Refusal::WrongBatch(_) => ResponseCode::WRONG_BATCH,
            Refusal::TraceTaken | Refusal::IdentifierTaken => ResponseCode::STAN_USED,
            Refusal::CashLimitExceeded | Refusal::OfflineLimitExceeded(_) | Refusal::BatchFull => {
                ResponseCode::LIMIT_EXCEEDED
            }
            _ => ResponseCode::INVALID_TRANSACTION,
        }
    }

    /// The code for the terminal, from a network's. Some codes are Doorstep's own instructions to
    /// terminals; from a network they become [`ResponseCode::NETWORK_UNAVAILABLE`].
    pub(crate) fn for_terminal(self) -> ResponseCode {
        match self {
            ResponseCode::QR_PENDING
            | ResponseCode::FORMAT_ERROR
            | ResponseCode::TERMINAL_BLOCKED
            | ResponseCode::WRONG_BATCH
            | ResponseCode::STAN_USED
            | ResponseCode::TOTALS_DIFFER
            | ResponseCode::SYSTEM_ERROR
            | ResponseCode::UNKNOWN_TERMINAL
            | ResponseCode::WRONG_MAC => ResponseCode::NETWORK_UNAVAILABLE,
            ResponseCode([b'P', _]) => ResponseCode::NETWORK_UNAVAILABLE,
            code => code,
        }
    }

    /// Whether the network has not processed the message, so that it is sent again.
    pub(crate) const fn must_resend(self) -> bool {
        matches!(
            self,
            ResponseCode::NETWORK_UNAVAILABLE
                | ResponseCode::SYSTEM_ERROR
                | ResponseCode::WRONG_MAC
        )
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            let shown = if byte.is_ascii_alphanumeric() { char::from(byte) } else { '?' };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

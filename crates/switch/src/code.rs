//! Response codes (field 39), as docs/door/terminal.md lists them.

use std::fmt;

use engine::{Missing, Refusal};

/// A response code: two letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub [u8; 2]);

impl Code {
    /// Done.
    pub const DONE: Code = Code(*b"00");
    /// A QR code waits to be paid.
    pub const WAITING: Code = Code(*b"09");
    /// Not this, or not in this state.
    pub const INVALID: Code = Code(*b"12");
    /// An amount that cannot be.
    pub const AMOUNT: Code = Code(*b"13");
    /// A card number that cannot be.
    pub const CARD: Code = Code(*b"14");
    /// What was before is not known.
    pub const NOT_FOUND: Code = Code(*b"25");
    /// No network takes cards like this one.
    pub const ISSUER: Code = Code(*b"15");
    /// The message is not as it must be.
    pub const FORMAT: Code = Code(*b"30");
    /// The PIN block is not as it must be.
    pub const PIN: Code = Code(*b"99");
    /// The terminal is blocked.
    pub const BLOCKED: Code = Code(*b"58");
    /// Beyond a limit.
    pub const LIMIT: Code = Code(*b"61");
    /// Not the amount of what was before.
    pub const OTHER_AMOUNT: Code = Code(*b"64");
    /// Nobody knows in time.
    pub const UNKNOWN: Code = Code(*b"68");
    /// Not the open batch.
    pub const BATCH: Code = Code(*b"77");
    /// No network is up.
    pub const NO_ROUTE: Code = Code(*b"91");
    /// The STAN was used for something else.
    pub const USED: Code = Code(*b"94");
    /// The totals differ.
    pub const TOTALS: Code = Code(*b"95");
    /// Not at the moment.
    pub const NOT_NOW: Code = Code(*b"96");
    /// The terminal or merchant is not known.
    pub const TERMINAL: Code = Code(*b"97");
    /// The MAC is wrong or missing.
    pub const MAC: Code = Code(*b"A0");
    /// No such parcel.
    pub const NO_PARCEL: Code = Code(*b"P1");
    /// The parcel is with somebody else.
    pub const NOT_WITH_COURIER: Code = Code(*b"P2");
    /// The parcel can no longer be paid.
    pub const PARCEL_OVER: Code = Code(*b"P3");
    /// More than is left to pay.
    pub const TOO_MUCH: Code = Code(*b"P4");
    /// A payment of the same kind is unknown and being reversed.
    pub const BEING_REVERSED: Code = Code(*b"P5");
    /// The parcel has seen too many tenders.
    pub const TOO_MANY_TENDERS: Code = Code(*b"P6");
    /// Nobody completed the pre-authorisation in its time.
    pub const EXPIRED: Code = Code(*b"P7");

    /// What a terminal is told of a refusal.
    pub(crate) fn of(refusal: &Refusal) -> Code {
        match refusal {
            Refusal::NotFound(Missing::Parcel(_)) => Code::NO_PARCEL,
            Refusal::NotFound(Missing::Tender) => Code::NOT_FOUND,
            Refusal::NotFound(Missing::Terminal(_)) => Code::TERMINAL,
            Refusal::NotFound(Missing::Network(_) | Missing::Wallet(_))
            | Refusal::NetworkWithdrawn
            | Refusal::TooManyUnknown => Code::NO_ROUTE,
            Refusal::TerminalBlocked => Code::BLOCKED,
            Refusal::WrongCourier => Code::NOT_WITH_COURIER,
            Refusal::ParcelState => Code::PARCEL_OVER,
            Refusal::AmountTooLarge(_) => Code::TOO_MUCH,
            Refusal::AmountZero | Refusal::WrongChange => Code::AMOUNT,
            Refusal::UnknownOutcome => Code::BEING_REVERSED,
            Refusal::TooMany(_) => Code::TOO_MANY_TENDERS,
            Refusal::PreAuthorisationExpired => Code::EXPIRED,
            Refusal::WrongBatch(_) => Code::BATCH,
            Refusal::TraceTaken | Refusal::IdentifierTaken => Code::USED,
            Refusal::CashLimit | Refusal::OfflineLimit(_) | Refusal::BatchFull => Code::LIMIT,
            _ => Code::INVALID,
        }
    }

    /// What a terminal is told of a network's word. Codes by which Doorstep itself tells terminals
    /// to do something are none of a network's: from it they say that it will not have the payment.
    pub(crate) fn of_network(self) -> Code {
        match self {
            Code::WAITING
            | Code::FORMAT
            | Code::BLOCKED
            | Code::BATCH
            | Code::USED
            | Code::TOTALS
            | Code::NOT_NOW
            | Code::TERMINAL
            | Code::MAC => Code::NO_ROUTE,
            Code([b'P', _]) => Code::NO_ROUTE,
            code => code,
        }
    }

    /// Whether a network says that it has not looked at a message: it is sent again.
    pub(crate) const fn is_unheard(self) -> bool {
        matches!(self, Code::NO_ROUTE | Code::NOT_NOW | Code::MAC)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            let shown = if byte.is_ascii_alphanumeric() { char::from(byte) } else { '?' };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

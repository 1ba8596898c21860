//! Dialects: how a kind of terminal or a network writes its messages. Another network or kind of
//! terminal is another value here (docs/door/terminal.md and docs/door/network.md describe these).

use std::fmt;
use std::str::FromStr;

use books::{AuthorisationCode, ResponseCode};
use iso8583::{DOORSTEP_CARD, DOORSTEP_POS, ISO87_BINARY, Message, Mti, Packager, UNIONPAY_POS};
use keys::{MacMethod, PinFormat};

/// Numbers of the fields, by meaning.
#[derive(Debug)]
pub(crate) struct FieldNumbers {
    pub pan: u8,
    pub processing_code: u8,
    pub amount: u8,
    pub sent_at: u8,
    pub stan: u8,
    pub local_time: u8,
    pub local_date: u8,
    pub category: u8,
    pub condition_code: u8,
    pub acquirer: u8,
    pub track_2: u8,
    pub reference: u8,
    pub authorisation_code: u8,
    pub response_code: u8,
    pub terminal: u8,
    pub merchant: u8,
    pub text: u8,
    /// Totals and lines of a batch.
    pub totals: u8,
    /// A new key of a network.
    pub key_block: u8,
    pub currency: u8,
    pub pin: u8,
    pub pin_control: u8,
    pub balance: u8,
    pub chip_data: u8,
    pub waybill: u8,
    /// Card data that the terminal sealed.
    pub sealed_card: u8,
    /// Kind of transaction, batch, network management code.
    pub batch: u8,
    /// The original transaction.
    pub original: u8,
    pub private_data: u8,
    pub network_name: u8,
    pub mac: u8,
    /// Network management code of a network.
    pub management: u8,
}

/// The fields of ISO 8583 as UnionPay's terminals use them.
pub(crate) const UNIONPAY_FIELDS: FieldNumbers = FieldNumbers {
    pan: 2,
    processing_code: 3,
    amount: 4,
    sent_at: 7,
    stan: 11,
    local_time: 12,
    local_date: 13,
    category: 18,
    condition_code: 25,
    acquirer: 32,
    track_2: 35,
    reference: 37,
    authorisation_code: 38,
    response_code: 39,
    terminal: 41,
    merchant: 42,
    text: 44,
    totals: 48,
    key_block: 48,
    currency: 49,
    pin: 52,
    pin_control: 53,
    balance: 54,
    chip_data: 55,
    sealed_card: 57,
    waybill: 58,
    batch: 60,
    original: 61,
    private_data: 62,
    network_name: 63,
    mac: 64,
    management: 70,
};

/// A terminal's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    SignOn,
    SignOff,
    Echo,
    Parameters,
    Parcels,
    Balance,
    Sale,
    PreAuthorisation,
    Void,
    VoidPreAuthorisation,
    Completion,
    Refund,
    Advice,
    Cash,
    CashRefund,
    Qr,
    QrStatus,
    QrRefund,
    Reversal,
    Totals,
    Upload,
    /// One transaction of a batch, in a message of its own.
    UploadOne,
    UploadEnd,
    /// The end of an upload after totals that agree.
    UploadAgreed,
    /// Keys and parameters of chip cards, of which the switch has none.
    Download,
    /// A notice that needs no more than an answer.
    Notice,
    Unsupported,
}

/// What proves a terminal, and protects the messages of its session.
pub(crate) enum SessionKind {
    /// The terminal's link key. Card data is sealed as a message of its own.
    Link(&'static Packager),
    /// Nothing proves the terminal: it gets working keys under its master key. The MACs protect the
    /// message without its header.
    Master(MacMethod),
}

/// How a kind of terminal writes its messages.
pub struct TerminalDialect {
    pub name: &'static str,
    pub(crate) packager: &'static Packager,
    pub(crate) session: SessionKind,
    pub(crate) fields: FieldNumbers,
    /// Whether every payment has the terminal's date.
    pub(crate) dates_payments: bool,
    /// The kind of a request: MTI, processing code, kind of transaction, management code.
    pub(crate) kind: fn(u16, Option<u32>, u8, u16) -> RequestKind,
    /// Whether a request of this kind may come without a MAC. Its answer has none either.
    pub(crate) may_lack_mac: fn(RequestKind) -> bool,
}

/// POS terminals that speak Doorstep's own dialect.
static DOORSTEP_TERMINALS: TerminalDialect = TerminalDialect {
    name: "doorstep",
    packager: &DOORSTEP_POS,
    session: SessionKind::Link(&DOORSTEP_CARD),
    fields: UNIONPAY_FIELDS,
    dates_payments: true,
    kind: request_kind,
    may_lack_mac: |kind| matches!(kind, RequestKind::Echo | RequestKind::Unsupported),
};

/// POS terminals of UnionPay.
static UNIONPAY_TERMINALS: TerminalDialect = TerminalDialect {
    name: "unionpay",
    packager: &UNIONPAY_POS,
    session: SessionKind::Master(MacMethod::CupEcb),
    fields: UNIONPAY_FIELDS,
    dates_payments: false,
    kind: unionpay_request_kind,
    may_lack_mac: |kind| kind.is_management(),
};

/// The kinds of UnionPay's terminals: those of both dialects, and what their software sends beside
/// them.
fn unionpay_request_kind(
    mti: u16,
    processing: Option<u32>,
    transaction: u8,
    management: u16,
) -> RequestKind {
    match (mti, processing, transaction, management) {
        // Public keys, parameters and lists of chip cards: their state, each one, the end.
        (820, None, 0, 362 | 372 | 382)
        | (800, None, 0, 364 | 370 | 380 | 390 | 394 | 396 | 398) => RequestKind::Download,
        (800, None, 0, 361 | 365 | 371 | 381 | 391 | 395 | 397 | 399) => RequestKind::Notice,
        // The result of an issuer's script.
        (620, _, _, 951) => RequestKind::Notice,
        // Void of a completion, completion by advice, offline sales.
        (200, Some(200_000), 21, _) => RequestKind::Void,
        (220, Some(0), 24, _) => RequestKind::Completion,
        (220, Some(0), 30, _) | (200, Some(0), 36, _) => RequestKind::Advice,
        (320, Some(_), _, _) | (320, None, _, 203..=206) => RequestKind::UploadOne,
        (320, None, _, 207) => RequestKind::UploadAgreed,
        _ => request_kind(mti, processing, transaction, management),
    }
}

/// The kinds of both dialects.
fn request_kind(
    mti: u16,
    processing: Option<u32>,
    transaction: u8,
    management: u16,
) -> RequestKind {
    match (mti, processing, transaction, management) {
        (800, _, 0, 3) => RequestKind::SignOn,
        (800, _, 0, 360) => RequestKind::Parameters,
        (800, _, 0, 901) => RequestKind::Parcels,
        (820, _, 0, 301) => RequestKind::Echo,
        (820, _, 0, 2) => RequestKind::SignOff,
        (200, Some(310_000), 1, _) => RequestKind::Balance,
        (200, Some(0), 22, _) => RequestKind::Sale,
        (100, Some(30_000), 10, _) => RequestKind::PreAuthorisation,
        (200, Some(200_000), 23, _) => RequestKind::Void,
        (100, Some(200_000), 11, _) => RequestKind::VoidPreAuthorisation,
        (200, Some(0), 20, _) => RequestKind::Completion,
        (220, Some(200_000), 25, _) => RequestKind::Refund,
        (220, Some(0), 36, _) => RequestKind::Advice,
        (200, Some(0), 80, _) => RequestKind::Cash,
        (200, Some(200_000), 81, _) => RequestKind::CashRefund,
        (200, Some(0), 82, _) => RequestKind::Qr,
        (200, Some(310_000), 83, _) => RequestKind::QrStatus,
        (200, Some(200_000), 84, _) => RequestKind::QrRefund,
        (400 | 401, Some(_), _, _) => RequestKind::Reversal,
        (500, _, 0, 201) => RequestKind::Totals,
        (320, _, 0, 201) => RequestKind::Upload,
        (320, _, 0, 202) => RequestKind::UploadEnd,
        _ => RequestKind::Unsupported,
    }
}

/// A message to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Balance,
    Sale,
    PreAuthorisation,
    Completion,
    Void,
    VoidPreAuthorisation,
    Refund,
    OfflineSale,
}

/// MTI, processing code and condition code of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageType {
    pub mti: Mti,
    pub processing_code: u32,
    pub condition_code: u8,
}

/// Network management codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ManagementCodes {
    pub sign_on: u16,
    pub sign_off: u16,
    pub key_change: u16,
    pub echo: u16,
}

/// How a network writes its messages.
pub struct NetworkDialect {
    pub name: &'static str,
    pub(crate) packager: &'static Packager,
    pub(crate) mac: MacMethod,
    pub(crate) pin_format: PinFormat,
    /// Security control of a message with a PIN block: its format, and the length of its key.
    pub(crate) pin_control: &'static str,
    pub(crate) fields: FieldNumbers,
    /// Fields of the card that are sent on as the terminal wrote them.
    pub(crate) sent_on: &'static [u8],
    /// Fields that are sent on if the terminal's dialect has them in clear and the network's can
    /// write them.
    pub(crate) passed_on: &'static [u8],
    pub(crate) message_type: fn(MessageKind) -> MessageType,
    /// MTI of a reversal. Its other codes are its original's.
    pub(crate) reversal: Mti,
    pub(crate) management: ManagementCodes,
    /// Codes by which the network has not processed a message, so that it is sent again.
    pub(crate) not_processed: &'static [ResponseCode],
    /// Codes by which a reversal has its effect.
    pub(crate) reversed: &'static [ResponseCode],
}

/// Networks that speak ISO 8583:1987 as UnionPay does.
static UNIONPAY_NETWORKS: NetworkDialect = NetworkDialect {
    name: "unionpay",
    packager: &ISO87_BINARY,
    mac: MacMethod::X9_19,
    pin_format: PinFormat::Iso0,
    pin_control: "2600000000000000",
    fields: FieldNumbers { original: 90, ..UNIONPAY_FIELDS },
    sent_on: &[14, 22, 23, 35, 55],
    passed_on: &[40, 43, 46, 47, 51, 56, 57],
    message_type: |kind| {
        let (mti, processing_code, condition_code) = match kind {
            MessageKind::Balance => (Mti::M0200, 310_000, 0),
            MessageKind::Sale => (Mti::M0200, 0, 0),
            MessageKind::PreAuthorisation => (Mti::M0100, 30_000, 6),
            MessageKind::Completion => (Mti::M0200, 0, 6),
            MessageKind::Void => (Mti::M0200, 200_000, 0),
            MessageKind::VoidPreAuthorisation => (Mti::M0100, 200_000, 6),
            MessageKind::Refund => (Mti::M0220, 200_000, 0),
            MessageKind::OfflineSale => (Mti::M0220, 0, 0),
        };
        MessageType { mti, processing_code, condition_code }
    },
    reversal: Mti::M0400,
    management: ManagementCodes { sign_on: 1, sign_off: 2, key_change: 101, echo: 301 },
    not_processed: &[
        ResponseCode::NETWORK_UNAVAILABLE,
        ResponseCode::SYSTEM_ERROR,
        ResponseCode::WRONG_MAC,
    ],
    reversed: &[ResponseCode::APPROVED, ResponseCode::ORIGINAL_NOT_FOUND],
};

impl TerminalDialect {
    /// Link keys prove both sides; nobody on the line can change or read what matters.
    pub const DOORSTEP: &'static TerminalDialect = &DOORSTEP_TERMINALS;
    /// Protects nothing against somebody on the line: only inside TLS with client certificates.
    pub const UNIONPAY: &'static TerminalDialect = &UNIONPAY_TERMINALS;

    /// Whether a terminal proves itself by its key, on any line.
    #[must_use]
    pub const fn proves_terminals(&self) -> bool {
        matches!(self.session, SessionKind::Link(_))
    }

    /// Whether these bytes, from the MTI on, are a message of this dialect.
    #[must_use]
    pub fn is_message(&self, bytes: &[u8]) -> bool {
        self.packager.parse(bytes).is_ok()
    }
}

impl NetworkDialect {
    pub const UNIONPAY: &'static NetworkDialect = &UNIONPAY_NETWORKS;

    /// A response code. Without a valid one the message counts as not processed.
    pub(crate) fn response_code(&self, message: &Message<'_>) -> ResponseCode {
        let code = fixed_field(message, self.fields.response_code);
        code.and_then(|code| ResponseCode::new(code).ok()).unwrap_or(ResponseCode::SYSTEM_ERROR)
    }
}

impl FieldNumbers {
    /// `None` if the code is absent or not an authorisation code, for example spaces.
    pub(crate) fn authorisation_code(&self, message: &Message<'_>) -> Option<AuthorisationCode> {
        let code = fixed_field(message, self.authorisation_code);
        code.and_then(|code| AuthorisationCode::new(code).ok())
    }
}

/// A field of exactly `N` bytes.
pub(crate) fn fixed_field<const N: usize>(message: &Message<'_>, field: u8) -> Option<[u8; N]> {
    message.bytes(field).ok()?.try_into().ok()
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no dialect; use {known}")]
pub struct UnknownDialect {
    pub name: String,
    /// The names of the dialects.
    pub known: String,
}

/// A dialect has a name in the settings, and is shown and compared by it.
macro_rules! known_by_name {
    ($($dialect:ty: $($known:ident)+;)*) => {$(
        impl FromStr for &'static $dialect {
            type Err = UnknownDialect;

            fn from_str(name: &str) -> Result<Self, UnknownDialect> {
                let all = [$(<$dialect>::$known),+];
                all.into_iter().find(|known| known.name == name).ok_or_else(|| {
                    let known = all.map(|known| format!("`{}`", known.name)).join(" or ");
                    UnknownDialect { name: name.to_owned(), known }
                })
            }
        }

        impl fmt::Debug for $dialect {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name)
            }
        }

        impl PartialEq for $dialect {
            fn eq(&self, other: &Self) -> bool {
                self.name == other.name
            }
        }

        impl Eq for $dialect {}
    )*};
}

known_by_name! {
    TerminalDialect: DOORSTEP UNIONPAY;
    NetworkDialect: UNIONPAY;
}

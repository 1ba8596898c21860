//! A terminal's request: header fields and kind (docs/door/terminal.md).

use std::fmt;

use books::{ResponseCode, Stan, TerminalId, Trace};
use iso8583::packagers::FIELD_60;
use iso8583::{Envelope, FieldError, Message, Mti, OwnedMessage, PosHeader, Tpdu};
use keys::SessionKeys;
use money::{Amount, Currency};

use crate::bcd::Digits;
use crate::dialect::{FieldNumbers, RequestKind, SessionKind, TerminalDialect};
use crate::port::TerminalConnection;
use crate::sides::{Rejection, format_error};

/// The fields that identify a request. The answer repeats them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHeader {
    pub tpdu: Tpdu,
    pub message_header: PosHeader,
    pub mti: Mti,
    pub processing_code: Option<u32>,
    pub amount: Option<u64>,
    /// Field 11; 1 where the message has none.
    pub stan: Stan,
    pub has_stan: bool,
    pub local_time: Option<u32>,
    pub local_date: u16,
    pub condition_code: Option<u8>,
    pub terminal: u32,
    pub merchant: [u8; 15],
    /// Field 49 as sent. The answer repeats it.
    pub currency: Option<[u8; 3]>,
    /// Field 60.1.
    pub transaction_type: u8,
    /// Field 60.2.
    pub batch: u32,
    /// Field 60.3.
    pub management_code: u16,
    /// Field 60 as sent. The answer repeats its form.
    pub field_60: Field60,
}

/// Digits of field 60.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field60 {
    digits: [u8; FIELD_60_DIGITS_MAX],
    length: u8,
}

const FIELD_60_DIGITS_MAX: usize = 17;
/// Where the batch stands in field 60.
const BATCH_DIGITS: std::ops::Range<usize> = 2..8;

impl Field60 {
    fn new(text: &str) -> Option<Field60> {
        let mut digits = [b'0'; FIELD_60_DIGITS_MAX];
        digits.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Field60 { digits, length: u8::try_from(text.len()).ok()? })
    }

    /// The field with another batch.
    pub(crate) fn with_batch(&self, batch: u32) -> String {
        let digits = self.digits.get(..usize::from(self.length)).unwrap_or_default();
        let mut text = String::from_utf8_lossy(digits).into_owned();
        if text.get(BATCH_DIGITS).is_some() {
            text.replace_range(BATCH_DIGITS, &format!("{batch:06}"));
        }
        text
    }
}

impl RequestHeader {
    pub(crate) fn trace(&self) -> Trace {
        Trace { terminal: self.terminal_id(), batch: self.batch, stan: self.stan }
    }

    pub(crate) fn terminal_id(&self) -> TerminalId {
        TerminalId(u64::from(self.terminal))
    }

    /// Field 4, or zero.
    pub(crate) fn amount(&self) -> Amount {
        self.amount.and_then(Amount::new).unwrap_or(Amount::ZERO)
    }

    /// Whether field 49 is absent or has this currency.
    pub(crate) fn accepts_currency(&self, currency: Currency) -> bool {
        let number = Digits::new(currency.numeric().into(), 3);
        self.currency.is_none_or(|written| written == number.as_ref())
    }
}

impl RequestKind {
    pub(crate) const fn requires_mac(self) -> bool {
        !matches!(self, RequestKind::SignOn | RequestKind::Echo)
    }

    /// Whether the request is about no payment and no parcel.
    pub(crate) const fn is_management(self) -> bool {
        matches!(
            self,
            RequestKind::SignOn
                | RequestKind::SignOff
                | RequestKind::Echo
                | RequestKind::Parameters
                | RequestKind::Download
                | RequestKind::Notice
                | RequestKind::Totals
                | RequestKind::Upload
                | RequestKind::UploadOne
                | RequestKind::UploadEnd
                | RequestKind::UploadAgreed
                | RequestKind::QrStatus
                | RequestKind::Unsupported
        )
    }

    /// Whether the request may lack field 11.
    const fn may_lack_stan(self) -> bool {
        matches!(
            self,
            RequestKind::SignOff
                | RequestKind::Echo
                | RequestKind::Parameters
                | RequestKind::Download
                | RequestKind::Notice
                | RequestKind::Unsupported
        )
    }

    /// Whether the request must name the open batch: payments and requests about payments do.
    pub(crate) const fn requires_open_batch(self) -> bool {
        !self.is_management()
            && !matches!(self, RequestKind::Parcels | RequestKind::Balance | RequestKind::QrStatus)
    }

    /// Whether the request uses up its STAN, so that a repeat is recognised by it.
    pub(crate) const fn uses_stan(self) -> bool {
        matches!(
            self,
            RequestKind::Sale
                | RequestKind::PreAuthorisation
                | RequestKind::Void
                | RequestKind::VoidPreAuthorisation
                | RequestKind::Completion
                | RequestKind::Refund
                | RequestKind::Advice
                | RequestKind::Cash
                | RequestKind::CashRefund
                | RequestKind::Qr
                | RequestKind::QrRefund
                | RequestKind::Balance
        )
    }

    /// Whether field 61 names an original transaction and the request uses a STAN of its own.
    pub(crate) const fn has_original(self) -> bool {
        matches!(
            self,
            RequestKind::Void
                | RequestKind::VoidPreAuthorisation
                | RequestKind::Completion
                | RequestKind::Refund
                | RequestKind::CashRefund
                | RequestKind::QrRefund
        )
    }

    /// Whether the request is a payment by card.
    pub(crate) const fn has_card(self) -> bool {
        matches!(self, RequestKind::Sale | RequestKind::PreAuthorisation | RequestKind::Advice)
    }

    pub(crate) const fn has_amount(self) -> bool {
        self.uses_stan() && !matches!(self, RequestKind::Balance)
    }
}

/// Whom an answer goes to, and which request it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub connection: TerminalConnection,
    /// That of the connection.
    pub dialect: &'static TerminalDialect,
    pub header: RequestHeader,
    pub kind: RequestKind,
    /// Whether the answer has a MAC, if its kind of answer has one.
    pub protected: bool,
}

/// A message that is no request of a terminal.
#[derive(Debug)]
pub(crate) struct UnreadableRequest {
    /// Names field, offset and rule.
    pub why: String,
    /// The code of an answer, if one can be built.
    pub code: ResponseCode,
}

/// What is wrong in a message that a packager reads.
impl From<String> for UnreadableRequest {
    fn from(why: String) -> UnreadableRequest {
        UnreadableRequest { why, code: ResponseCode::FORMAT_ERROR }
    }
}

pub(crate) struct TerminalRequest<'m> {
    pub caller: Caller,
    pub dialect: &'static TerminalDialect,
    pub message: Message<'m>,
    /// What the terminal sealed in the message, opened.
    sealed: Option<Message<'m>>,
}

/// A request that outlives its message's bytes. Its copy is wiped.
pub(crate) struct KeptRequest {
    caller: Caller,
    dialect: &'static TerminalDialect,
    message: OwnedMessage,
    sealed: Option<OwnedMessage>,
}

impl KeptRequest {
    pub(crate) fn request(&self) -> TerminalRequest<'_> {
        let KeptRequest { caller, dialect, message, sealed } = self;
        let sealed = sealed.as_ref().map(OwnedMessage::message);
        TerminalRequest { caller: *caller, dialect, message: message.message(), sealed }
    }
}

impl fmt::Debug for TerminalRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TerminalRequest { caller, dialect: _, message, sealed: _ } = self;
        let (trace, length) = (caller.header.trace(), message.as_bytes().len());
        write!(f, "Request({:?}, {trace:?}, ••• {length} bytes)", caller.kind)
    }
}

impl<'m> TerminalRequest<'m> {
    /// Reads a whole message: TPDU, header, ISO message.
    ///
    /// # Errors
    /// If it is none of those that terminals send.
    pub(crate) fn parse(
        connection: TerminalConnection,
        bytes: &'m [u8],
        dialect: &'static TerminalDialect,
    ) -> Result<TerminalRequest<'m>, UnreadableRequest> {
        let (tpdu, message_header, message) =
            Envelope::parse(bytes).map_err(|error| error.to_string())?;
        let message = dialect.packager.parse(message).map_err(|error| error.to_string())?;
        let header = read_header(tpdu, message_header, &message, &dialect.fields)?;
        if header.mti.is_response() {
            return Err(format!("MTI {} is a response, not a request", header.mti).into());
        }
        let RequestHeader { mti, processing_code, transaction_type, management_code, .. } = header;
        let kind = (dialect.kind)(mti.get(), processing_code, transaction_type, management_code);
        let sealing = matches!(dialect.session, SessionKind::Link(_));
        if sealing && message.has(dialect.fields.chip_data) {
            return Err("field 55 (chip data) must be sealed in field 57".to_owned().into());
        }
        let protected = message.has(dialect.fields.mac) || !(dialect.may_lack_mac)(kind);
        let caller = Caller { connection, dialect, header, kind, protected };
        Ok(TerminalRequest { caller, dialect, message, sealed: None })
    }

    pub(crate) fn keep(&self) -> KeptRequest {
        let TerminalRequest { caller, dialect, message, sealed } = self;
        let sealed = match (sealed, &dialect.session) {
            (Some(sealed), SessionKind::Link(packager)) => Some(sealed.keep(packager)),
            _ => None,
        };
        KeptRequest { caller: *caller, dialect, message: message.keep(dialect.packager), sealed }
    }

    /// Opens the card data that the terminal sealed. `None` if there is none.
    pub(crate) fn open_card(&self, keys: &SessionKeys) -> Result<Option<OwnedMessage>, Rejection> {
        let field = self.dialect.fields.sealed_card;
        let SessionKind::Link(packager) = self.dialect.session else { return Ok(None) };
        if !self.message.has(field) {
            return Ok(None);
        }
        let wrong = || format_error("field 57 (sealed card data)");
        let sealed = self.message.bytes(field).map_err(format_error)?;
        let opened = keys.open_card_data(sealed).map_err(|_| wrong())?;
        let card = packager.parse(&opened).map_err(|_| wrong())?;
        if card.mti() == self.message.mti() { Ok(Some(card.keep(packager))) } else { Err(wrong()) }
    }

    /// The request with its opened card data.
    pub(crate) fn with_card<'c>(self, opened: Option<&'c OwnedMessage>) -> TerminalRequest<'c>
    where
        'm: 'c,
    {
        TerminalRequest { sealed: opened.map(OwnedMessage::message), ..self }
    }

    /// The message that has the fields of the card.
    pub(crate) fn card(&self) -> &Message<'m> {
        self.sealed.as_ref().unwrap_or(&self.message)
    }

    pub(crate) fn header(&self) -> &RequestHeader {
        &self.caller.header
    }

    pub(crate) fn kind(&self) -> RequestKind {
        self.caller.kind
    }

    /// A field that this kind of request must have and that is missing.
    pub(crate) fn missing_field(&self) -> Option<&'static str> {
        if self.kind().has_amount() && self.header().amount.is_none() {
            return Some("field 4 (amount) missing");
        }
        if !self.header().has_stan && !self.kind().may_lack_stan() {
            return Some("field 11 (STAN) missing");
        }
        let dated = !self.dialect.dates_payments
            || !self.kind().uses_stan()
            || self.message.has(self.dialect.fields.local_date);
        (!dated).then_some("field 13 (date) missing")
    }

    /// The original transaction: batch and STAN of field 61.
    pub(crate) fn original(&self) -> Result<Trace, String> {
        let text =
            self.message.text(self.dialect.fields.original).map_err(|error| error.to_string())?;
        let digits = text.as_str();
        let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
        match (part(0..6), part(6..12).map(Stan::new)) {
            (Some(batch), Some(Ok(stan))) => {
                Ok(Trace { terminal: self.header().terminal_id(), batch, stan })
            }
            _ => Err("field 61 must have batch 6 digits and STAN 000001 to 999999".into()),
        }
    }
}

fn read_header(
    tpdu: Tpdu,
    message_header: PosHeader,
    message: &Message<'_>,
    at: &FieldNumbers,
) -> Result<RequestHeader, UnreadableRequest> {
    let shown = |error: FieldError| error.to_string();
    let optional = |field: u8| match message.has(field) {
        true => message.number(field).map(Some).map_err(shown),
        false => Ok(None),
    };
    let number = message.text(at.terminal).map_err(shown)?;
    let number = number.as_str();
    let plain = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_digit());
    let Some(terminal) = number.parse::<u32>().ok().filter(|_| plain) else {
        // UnionPay's terminals may have letters in their numbers, ours have not.
        let why = "field 41 (terminal) must have 8 digits".to_owned();
        return Err(UnreadableRequest { why, code: ResponseCode::UNKNOWN_TERMINAL });
    };
    let merchant = message.text(at.merchant).map_err(shown)?;
    let merchant: [u8; 15] = merchant
        .as_str()
        .as_bytes()
        .try_into()
        .map_err(|_| "field 42 (merchant) must have 15 digits".to_owned())?;
    let stan = optional(at.stan)?.map(|stan| u32::try_from(stan).map(Stan::new));
    let stan = match stan {
        None => None,
        Some(Ok(Ok(stan))) => Some(stan),
        Some(_) => return Err("field 11 (STAN) must be 1 to 999999".to_owned().into()),
    };
    let text = message.text(at.batch).map_err(shown)?;
    let parts = FIELD_60.split(text.as_str().as_bytes()).map_err(|error| error.to_string())?;
    let part = |index: usize| match parts.get(index) {
        None => Ok(0),
        Some(_) => parts.number(index).map_err(|error| error.to_string()),
    };
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    let date = optional(at.local_date)?.and_then(|date| u16::try_from(date).ok()).unwrap_or(0);
    Ok(RequestHeader {
        tpdu,
        message_header,
        mti: message.mti(),
        processing_code: narrow(optional(at.processing_code)?),
        amount: optional(at.amount)?,
        stan: stan.unwrap_or(Stan::MIN),
        has_stan: stan.is_some(),
        local_time: narrow(optional(at.local_time)?),
        local_date: date,
        condition_code: optional(at.condition_code)?
            .and_then(|condition| u8::try_from(condition).ok()),
        terminal,
        merchant,
        currency: currency(message, at.currency)?,
        transaction_type: u8::try_from(part(0)?).unwrap_or(u8::MAX),
        batch: u32::try_from(part(1)?).unwrap_or(u32::MAX),
        management_code: u16::try_from(part(2)?).unwrap_or(u16::MAX),
        field_60: Field60::new(text.as_str()).ok_or_else(|| "field 60 is too long".to_owned())?,
    })
}

fn currency(message: &Message<'_>, field: u8) -> Result<Option<[u8; 3]>, String> {
    if !message.has(field) {
        return Ok(None);
    }
    let text = message.text(field).map_err(|error| error.to_string())?;
    let written = text.as_str().as_bytes().try_into();
    written.map(Some).map_err(|_| "field 49 (currency) must have three characters".to_owned())
}

#[cfg(test)]
mod tests {
    use iso8583::{MessageBuilder, UNIONPAY_POS};

    use super::*;

    const CARD: &str = "6225880000000075";

    /// A sale with a PIN and a chip, as a terminal sends it.
    fn sale() -> Vec<u8> {
        let mut builder = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200);
        builder.text(2, CARD).number(3, 0).number(4, 10_000).number(11, 7).number(13, 1123);
        builder.text(14, "3012").number(22, 51).text(35, format!("{CARD}=30122010000000000"));
        builder.text(41, "00000001").bytes(42, b"898310042150001").bytes(52, [0xA7; 8]);
        builder.bytes(55, [0x9F, 0x26, 4, 0xC3, 0xC3, 0xC3, 0xC3]).text(60, "22000001");
        let before = [0x60, 0, 1, 0, 2, 0x60, 0x31, 0x11, 0, 0, 0];
        [&before[..], &builder.build().unwrap()].concat()
    }

    #[test]
    fn debug_output_contains_no_card_data() {
        let bytes = sale();
        let dialect = TerminalDialect::UNIONPAY;
        let request = TerminalRequest::parse(TerminalConnection(1), &bytes, dialect).unwrap();
        let trace = "Trace { terminal: TerminalId(1), batch: 1, stan: Stan(7) }";
        let length = bytes.len() - 11;
        assert_eq!(format!("{request:?}"), format!("Request(Sale, {trace}, ••• {length} bytes)"));
    }
}

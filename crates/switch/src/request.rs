//! A terminal's request: header fields and kind (docs/door/terminal.md).

use std::fmt;

use books::{Stan, TerminalId, Trace};
use iso8583::{Envelope, Message, Mti, PosHeader, Tpdu, UNIONPAY_POS};
use money::Currency;

/// The fields that identify a request. The answer repeats them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHeader {
    pub tpdu: Tpdu,
    pub message_header: PosHeader,
    pub mti: Mti,
    pub processing_code: Option<u32>,
    pub amount: Option<u64>,
    pub stan: Stan,
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
}

impl RequestHeader {
    pub(crate) fn trace(&self) -> Trace {
        Trace { terminal: self.terminal_id(), batch: self.batch, stan: self.stan }
    }

    pub(crate) fn terminal_id(&self) -> TerminalId {
        TerminalId(u64::from(self.terminal))
    }

    /// Whether field 49 is absent or has this currency.
    pub(crate) fn accepts_currency(&self, currency: Currency) -> bool {
        let number = format!("{:03}", currency.numeric());
        self.currency.is_none_or(|written| written == number.as_bytes())
    }
}

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
    UploadEnd,
    Unsupported,
}

impl RequestKind {
    fn of(header: &RequestHeader) -> RequestKind {
        let key = (
            header.mti.get(),
            header.processing_code,
            header.transaction_type,
            header.management_code,
        );
        match key {
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

    pub(crate) const fn requires_mac(self) -> bool {
        !matches!(self, RequestKind::SignOn | RequestKind::Echo)
    }

    /// Whether the request must name the open batch: payments and requests about payments do.
    pub(crate) const fn requires_open_batch(self) -> bool {
        !matches!(
            self,
            RequestKind::SignOn
                | RequestKind::SignOff
                | RequestKind::Echo
                | RequestKind::Parameters
                | RequestKind::Parcels
                | RequestKind::Totals
                | RequestKind::Upload
                | RequestKind::UploadEnd
                | RequestKind::Balance
                | RequestKind::QrStatus
                | RequestKind::Unsupported
        )
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
        self.uses_stan()
    }
}

pub(crate) struct TerminalRequest<'m> {
    pub header: RequestHeader,
    pub kind: RequestKind,
    pub message: Message<'m>,
    /// TPDU, header and ISO message.
    pub bytes: &'m [u8],
}

impl fmt::Debug for TerminalRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TerminalRequest { header, kind, message: _, bytes } = self;
        let (trace, length) = (header.trace(), bytes.len());
        write!(f, "Request({kind:?}, {trace:?}, ••• {length} bytes)")
    }
}

impl<'m> TerminalRequest<'m> {
    /// Reads a whole message: TPDU, header, ISO message.
    ///
    /// # Errors
    /// Why it is none of those that terminals send; names field, offset and rule.
    pub(crate) fn parse(bytes: &'m [u8]) -> Result<TerminalRequest<'m>, String> {
        let (tpdu, message_header, message) =
            Envelope::parse(bytes).map_err(|error| error.to_string())?;
        let message = UNIONPAY_POS.parse(message).map_err(|error| error.to_string())?;
        let header = read_header(tpdu, message_header, &message)?;
        if header.mti.is_response() {
            return Err(format!("MTI {} is a response, not a request", header.mti));
        }
        Ok(TerminalRequest { header, kind: RequestKind::of(&header), message, bytes })
    }

    /// A field that this kind of request must have and that is missing.
    pub(crate) fn missing_field(&self) -> Option<&'static str> {
        if self.kind.has_amount() && self.header.amount.is_none() {
            return Some("field 4 (amount) missing");
        }
        let dated = !self.kind.uses_stan() || self.message.has(13);
        (!dated).then_some("field 13 (date) missing")
    }

    /// What a response needs of the request.
    pub(crate) fn answered(&self) -> AnsweredRequest<'_> {
        AnsweredRequest { header: &self.header, kind: self.kind }
    }

    /// The original transaction: batch and STAN of field 61.
    pub(crate) fn original(&self) -> Result<Trace, String> {
        let text = self.message.text(61).map_err(|error| error.to_string())?;
        let digits = text.as_str();
        let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
        match (part(0..6), part(6..12).map(Stan::new)) {
            (Some(batch), Some(Ok(stan))) => {
                Ok(Trace { terminal: self.header.terminal_id(), batch, stan })
            }
            _ => Err("field 61 must have batch 6 digits and STAN 000001 to 999999".into()),
        }
    }
}

/// The request that a response answers.
#[derive(Clone, Copy)]
pub(crate) struct AnsweredRequest<'r> {
    pub header: &'r RequestHeader,
    pub kind: RequestKind,
}

fn read_header(
    tpdu: Tpdu,
    message_header: PosHeader,
    message: &Message<'_>,
) -> Result<RequestHeader, String> {
    let shown = |error: iso8583::FieldError| error.to_string();
    let optional = |field: u8| match message.has(field) {
        true => message.number(field).map(Some).map_err(shown),
        false => Ok(None),
    };
    let terminal = message.text(41).map_err(shown)?;
    let terminal = terminal.as_str();
    let plain = terminal.len() == 8 && terminal.bytes().all(|byte| byte.is_ascii_digit());
    let terminal = terminal.parse::<u32>().ok().filter(|_| plain);
    let merchant = message.text(42).map_err(shown)?;
    let merchant: [u8; 15] = merchant
        .as_str()
        .as_bytes()
        .try_into()
        .map_err(|_| "field 42 (merchant) must have 15 digits")?;
    let stan = message.number(11).map_err(shown)?;
    let stan = u32::try_from(stan).ok().and_then(|stan| Stan::new(stan).ok());
    let field_60 = message.text(60).map_err(shown)?;
    let field_60 = field_60.as_str();
    let part = |range: std::ops::Range<usize>| {
        let digits = field_60.get(range)?;
        if digits.is_empty() { Some(0) } else { digits.parse::<u32>().ok() }
    };
    let management = if field_60.len() >= 11 { part(8..11) } else { Some(0) };
    let (Some(transaction_type), Some(batch), Some(management)) =
        (part(0..2), part(2..8), management)
    else {
        return Err(
            "field 60 must have type 2, batch 6 and optionally management code 3 digits".into()
        );
    };
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    let date = optional(13)?.and_then(|date| u16::try_from(date).ok()).unwrap_or(0);
    Ok(RequestHeader {
        tpdu,
        message_header,
        mti: message.mti(),
        processing_code: narrow(optional(3)?),
        amount: optional(4)?,
        stan: stan.ok_or("field 11 (STAN) must be 1 to 999999")?,
        local_time: narrow(optional(12)?),
        local_date: date,
        condition_code: optional(25)?.and_then(|condition| u8::try_from(condition).ok()),
        terminal: terminal.ok_or("field 41 (terminal) must have 8 digits")?,
        merchant,
        currency: currency(message)?,
        transaction_type: u8::try_from(transaction_type)
            .map_err(|_| "field 60.1 must have two digits")?,
        batch,
        management_code: u16::try_from(management)
            .map_err(|_| "field 60.3 must have three digits")?,
    })
}

fn currency(message: &Message<'_>) -> Result<Option<[u8; 3]>, String> {
    if !message.has(49) {
        return Ok(None);
    }
    let text = message.text(49).map_err(|error| error.to_string())?;
    let written = text.as_str().as_bytes().try_into();
    written.map(Some).map_err(|_| "field 49 (currency) must have three characters".to_owned())
}

#[cfg(test)]
mod tests {
    use iso8583::MessageBuilder;

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
        let request = TerminalRequest::parse(&bytes).unwrap();
        let trace = "Trace { terminal: TerminalId(1), batch: 1, stan: Stan(7) }";
        let length = bytes.len();
        assert_eq!(format!("{request:?}"), format!("Request(Sale, {trace}, ••• {length} bytes)"));
    }
}

//! What a terminal asks: the heading of its message and what kind of message it is
//! (docs/door/terminal.md).

use std::fmt;

use engine::{Mark, TerminalId, Trace};
use iso8583::{Envelope, Header, Message, Mti, Tpdu, UNIONPAY_POS};
use money::Currency;

/// The fields that say who asks, and that go back with the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heading {
    pub tpdu: Tpdu,
    pub header: Header,
    pub mti: Mti,
    pub processing: Option<u32>,
    pub amount: Option<u64>,
    pub stan: u32,
    pub time: Option<u32>,
    pub date: u16,
    pub condition: Option<u8>,
    pub terminal: u32,
    pub merchant: [u8; 15],
    /// 49, as it was sent: it goes back so.
    pub currency: Option<[u8; 3]>,
    /// 60.1
    pub kind: u8,
    /// 60.2
    pub batch: u32,
    /// 60.3
    pub management: u16,
}

impl Heading {
    pub(crate) fn trace(&self) -> Trace {
        Trace { terminal: self.terminal_id(), batch: self.batch, stan: self.stan }
    }

    pub(crate) fn terminal_id(&self) -> TerminalId {
        TerminalId(u64::from(self.terminal))
    }

    /// Whether it names no other currency.
    pub(crate) fn is_in(&self, currency: Currency) -> bool {
        let number = format!("{:03}", currency.numeric());
        self.currency.is_none_or(|written| written == number.as_bytes())
    }

    pub(crate) fn mark(&self, token: u64) -> Mark {
        Mark { date: self.date, token }
    }
}

/// What a terminal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    SignOn,
    SignOff,
    Echo,
    Parameters,
    Balance,
    Sale,
    PreAuthorisation,
    Void,
    VoidPreAuthorisation,
    Completion,
    Refund,
    Advice,
    Cash,
    CashBack,
    Qr,
    QrStatus,
    QrBack,
    Reversal,
    Totals,
    Upload,
    UploadEnd,
    /// A question like none of these.
    Unsupported,
}

impl Asked {
    fn of(heading: &Heading) -> Asked {
        let kind = (heading.mti.get(), heading.processing, heading.kind, heading.management);
        match kind {
            (800, _, 0, 3) => Asked::SignOn,
            (800, _, 0, 360) => Asked::Parameters,
            (820, _, 0, 301) => Asked::Echo,
            (820, _, 0, 2) => Asked::SignOff,
            (200, Some(310_000), 1, _) => Asked::Balance,
            (200, Some(0), 22, _) => Asked::Sale,
            (100, Some(30_000), 10, _) => Asked::PreAuthorisation,
            (200, Some(200_000), 23, _) => Asked::Void,
            (100, Some(200_000), 11, _) => Asked::VoidPreAuthorisation,
            (200, Some(0), 20, _) => Asked::Completion,
            (220, Some(200_000), 25, _) => Asked::Refund,
            (220, Some(0), 36, _) => Asked::Advice,
            (200, Some(0), 80, _) => Asked::Cash,
            (200, Some(200_000), 81, _) => Asked::CashBack,
            (200, Some(0), 82, _) => Asked::Qr,
            (200, Some(310_000), 83, _) => Asked::QrStatus,
            (200, Some(200_000), 84, _) => Asked::QrBack,
            (400 | 401, Some(_), _, _) => Asked::Reversal,
            (500, _, 0, 201) => Asked::Totals,
            (320, _, 0, 201) => Asked::Upload,
            (320, _, 0, 202) => Asked::UploadEnd,
            _ => Asked::Unsupported,
        }
    }

    /// Whether a MAC must be there.
    pub(crate) const fn has_mac(self) -> bool {
        !matches!(self, Asked::SignOn | Asked::Echo)
    }

    /// Whether it is a payment, or about one: it must be in the open batch.
    pub(crate) const fn is_in_batch(self) -> bool {
        !matches!(
            self,
            Asked::SignOn
                | Asked::SignOff
                | Asked::Echo
                | Asked::Parameters
                | Asked::Totals
                | Asked::Upload
                | Asked::UploadEnd
                | Asked::Balance
                | Asked::QrStatus
                | Asked::Unsupported
        )
    }

    /// Whether it begins something that can be repeated: its trace is used by it.
    pub(crate) const fn uses_its_trace(self) -> bool {
        matches!(
            self,
            Asked::Sale
                | Asked::PreAuthorisation
                | Asked::Void
                | Asked::VoidPreAuthorisation
                | Asked::Completion
                | Asked::Refund
                | Asked::Advice
                | Asked::Cash
                | Asked::CashBack
                | Asked::Qr
                | Asked::QrBack
        )
    }

    /// Whether it is about something before, named in field 61, and uses a number of its own.
    pub(crate) const fn is_about_original(self) -> bool {
        matches!(
            self,
            Asked::Void
                | Asked::VoidPreAuthorisation
                | Asked::Completion
                | Asked::Refund
                | Asked::CashBack
                | Asked::QrBack
        )
    }

    /// Whether it pays with a card.
    pub(crate) const fn has_card(self) -> bool {
        matches!(self, Asked::Sale | Asked::PreAuthorisation | Asked::Advice)
    }

    /// Whether it names an amount.
    pub(crate) const fn has_amount(self) -> bool {
        self.uses_its_trace()
    }
}

/// A message of a terminal.
pub(crate) struct Request<'m> {
    pub heading: Heading,
    pub asked: Asked,
    pub message: Message<'m>,
    /// All of it: TPDU, header, ISO message.
    pub bytes: &'m [u8],
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { heading, asked, message: _, bytes } = self;
        let (trace, length) = (heading.trace(), bytes.len());
        write!(f, "Request({asked:?}, {trace:?}, ••• {length} bytes)")
    }
}

impl<'m> Request<'m> {
    /// Reads a whole message: TPDU, header, ISO message.
    ///
    /// # Errors
    /// Why it is none of those that terminals send; names field, offset and rule.
    pub(crate) fn read(bytes: &'m [u8]) -> Result<Request<'m>, String> {
        let (tpdu, header, message) = Envelope::parse(bytes).map_err(|error| error.to_string())?;
        let message = UNIONPAY_POS.parse(message).map_err(|error| error.to_string())?;
        let heading = heading((tpdu, header), &message)?;
        if heading.mti.is_response() {
            return Err(format!("MTI {} answers something", heading.mti));
        }
        Ok(Request { heading, asked: Asked::of(&heading), message, bytes })
    }

    /// What a message of its kind must have and this one has not.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        if self.asked.has_amount() && self.heading.amount.is_none() {
            return Some("field 4 (amount) missing");
        }
        let dated = !self.asked.uses_its_trace() || self.message.has(13);
        (!dated).then_some("field 13 (date) missing")
    }

    /// What was before: batch and STAN of field 61.
    pub(crate) fn original(&self) -> Result<Trace, String> {
        let text = self.message.text(61).map_err(|error| error.to_string())?;
        let digits = text.as_str();
        let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
        match (part(0..6), part(6..12)) {
            (Some(batch), Some(stan)) => {
                Ok(Trace { terminal: self.heading.terminal_id(), batch, stan })
            }
            _ => Err("field 61 must have batch 6 and STAN 6".into()),
        }
    }
}

fn heading((tpdu, header): (Tpdu, Header), message: &Message<'_>) -> Result<Heading, String> {
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
    let stan = u32::try_from(stan).ok().filter(|stan| *stan > 0);
    let sixty = message.text(60).map_err(shown)?;
    let sixty = sixty.as_str();
    let part = |range: std::ops::Range<usize>| {
        let digits = sixty.get(range)?;
        if digits.is_empty() { Some(0) } else { digits.parse::<u32>().ok() }
    };
    let management = if sixty.len() >= 11 { part(8..11) } else { Some(0) };
    let (Some(kind), Some(batch), Some(management)) = (part(0..2), part(2..8), management) else {
        return Err("field 60 must have kind 2, batch 6 and perhaps management code 3".into());
    };
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    let date = optional(13)?.and_then(|date| u16::try_from(date).ok()).unwrap_or(0);
    Ok(Heading {
        tpdu,
        header,
        mti: message.mti(),
        processing: narrow(optional(3)?),
        amount: optional(4)?,
        stan: stan.ok_or("field 11 (STAN) must be 1 to 999999")?,
        time: narrow(optional(12)?),
        date,
        condition: optional(25)?.and_then(|condition| u8::try_from(condition).ok()),
        terminal: terminal.ok_or("field 41 (terminal) must have 8 digits")?,
        merchant,
        currency: currency(message)?,
        kind: u8::try_from(kind).map_err(|_| "field 60.1 must have two digits")?,
        batch,
        management: u16::try_from(management).map_err(|_| "field 60.3 must have three digits")?,
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
    use iso8583::Builder;

    use super::*;

    const CARD: &str = "6225880000000075";

    /// A sale with a PIN and a chip, as a terminal sends it.
    fn sale() -> Vec<u8> {
        let mut builder = Builder::new(&UNIONPAY_POS, Mti::M0200);
        builder.text(2, CARD).number(3, 0).number(4, 10_000).number(11, 7).number(13, 1123);
        builder.text(14, "3012").number(22, 51).text(35, format!("{CARD}=30122010000000000"));
        builder.text(41, "00000001").bytes(42, b"898310042150001").bytes(52, [0xA7; 8]);
        builder.bytes(55, [0x9F, 0x26, 4, 0xC3, 0xC3, 0xC3, 0xC3]).text(60, "22000001");
        let before = [0x60, 0, 1, 0, 2, 0x60, 0x31, 0x11, 0, 0, 0];
        [&before[..], &builder.build().unwrap()].concat()
    }

    #[test]
    fn what_is_shown_of_a_request_has_nothing_of_its_card() {
        let bytes = sale();
        let request = Request::read(&bytes).unwrap();
        let trace = "Trace { terminal: TerminalId(1), batch: 1, stan: 7 }";
        let length = bytes.len();
        assert_eq!(format!("{request:?}"), format!("Request(Sale, {trace}, ••• {length} bytes)"));
    }
}

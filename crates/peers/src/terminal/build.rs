//! Builds a terminal's messages field by field.

use iso8583::tlv::{Tag, TlvWriter};
use iso8583::{DOORSTEP_CARD, Envelope, MessageBuilder, Mti, PosHeader, WipedBytes};
use keys::Pin;
use money::Currency;

use super::answer::totals_text;
use super::journal::{Receipt, TerminalTotals};
use super::request_kind::TerminalRequestKind;
use super::task::TerminalError;
use super::{TerminalReversal, TerminalSimulator};
use crate::bcd::to_bcd;
use crate::card::TestCard;
use crate::codes::{AuthorisationCode, Rrn};
use crate::message_time;

/// Application 60, version 31, state 0, no requested action, software 310000.
const HEADER: PosHeader = PosHeader([0x60, 0x31, 0x00, 0x31, 0x00, 0x00]);

/// Field 53 when a PIN block is present.
const PIN_CONTROL: &str = "2600000000000000";
const PIN_DIGITS_MAX: u64 = 12;

/// Most upload lines in one message.
pub(super) const UPLOAD_LINES_MAX: usize = 16;

pub(super) struct RequestDraft<'t> {
    terminal: &'t TerminalSimulator,
    builder: MessageBuilder<'static>,
    stan: u32,
    date: u32,
}

/// What proves a message.
#[derive(Clone, Copy)]
enum Protection {
    None,
    /// The terminal's own key.
    SignOn,
    /// The keys of the session.
    Session,
}

/// A card and what is needed to put it into a message.
#[derive(Clone, Copy)]
pub(super) struct CardRead<'a> {
    pub(super) card: &'a TestCard,
    pub(super) pin: Option<&'a Pin>,
    pub(super) amount: u64,
}

#[derive(Clone, Copy)]
pub(super) struct UploadLine {
    pub(super) credit: bool,
    pub(super) stan: u32,
    pub(super) amount: u64,
}

impl TerminalSimulator {
    /// A request with the fields that every request has.
    pub(super) fn draft(
        &self,
        kind: TerminalRequestKind,
        stan: u32,
        batch: u32,
        now_ms: u64,
    ) -> RequestDraft<'_> {
        let row = kind.message_row();
        let at = message_time::local_time(now_ms, self.utc_offset_minutes);
        let mut builder = MessageBuilder::new(self.link.packager(), row.mti);
        builder
            .number(11, u64::from(stan))
            .text(41, format!("{:08}", self.number))
            .bytes(42, self.merchant)
            .text(60, format!("{}{batch:06}{}", row.transaction_code, row.management_code));
        if let (Some(processing), Some(condition)) = (row.processing_code, row.condition_code) {
            builder
                .text(3, processing)
                .text(25, condition)
                .number(12, u64::from(message_time::hhmmss(at)))
                .number(13, u64::from(message_time::mmdd(at)));
        }
        if !matches!(kind, TerminalRequestKind::QrStatus)
            && (row.processing_code.is_some() || kind == TerminalRequestKind::Settlement)
        {
            builder.text(49, format!("{:03}", self.currency.numeric()));
        }
        let year = u32::from(at.year().unsigned_abs()) % 100;
        RequestDraft { terminal: self, builder, stan, date: year * 10_000 + message_time::mmdd(at) }
    }

    /// A reversal; a repeat after the first attempt.
    pub(super) fn reversal_message(
        &self,
        reversal: &TerminalReversal,
    ) -> Result<WipedBytes, TerminalError> {
        let row = reversal.kind.message_row();
        let mti = if reversal.attempts == 0 { Mti::M0400 } else { Mti::M0401 };
        let mut builder = MessageBuilder::new(self.link.packager(), mti);
        builder
            .text(3, row.processing_code.unwrap_or("000000"))
            .number(4, reversal.amount)
            .number(11, u64::from(reversal.stan))
            .text(25, row.condition_code.unwrap_or("00"))
            .bytes(39, reversal.reason.bytes())
            .text(41, format!("{:08}", self.number))
            .bytes(42, self.merchant)
            .text(49, format!("{:03}", self.currency.numeric()))
            .text(60, format!("{}{:06}", row.transaction_code, reversal.batch));
        self.frame_message(&mut builder, Protection::Session)
    }

    /// A message again, under the keys of the present session.
    pub(super) fn protect_again(
        &self,
        frame: &[u8],
        card: Option<&[u8]>,
    ) -> Result<WipedBytes, TerminalError> {
        let (_, _, message) =
            Envelope::parse(frame).map_err(|error| TerminalError::Unreadable(error.to_string()))?;
        let message = self.link.packager().parse(message)?;
        let mut builder = MessageBuilder::new(self.link.packager(), message.mti());
        for field in message.fields().filter(|field| !matches!(field.id(), 57 | 64)) {
            builder.copy_field(&field);
        }
        if let Some(card) = card {
            builder.bytes(57, self.link.session()?.seal_card_data(card)?);
        }
        self.frame_message(&mut builder, Protection::Session)
    }

    fn frame_message(
        &self,
        builder: &mut MessageBuilder<'_>,
        protection: Protection,
    ) -> Result<WipedBytes, TerminalError> {
        let link = &self.link;
        let mut room = WipedBytes::default();
        let message = match protection {
            Protection::None => builder.build()?,
            Protection::SignOn => builder.build_with_mac(|message| {
                link.sign_on_mac(self.number, link.covered(&HEADER.0, message, &mut room))
            })?,
            Protection::Session => {
                let keys = link.session()?;
                builder.build_with_mac(|message| {
                    keys.mac(link.covered(&HEADER.0, message, &mut room))
                })?
            }
        };
        let mut frame = WipedBytes::with_capacity(Envelope::BYTES + message.len());
        frame.extend(&self.tpdu.to_bytes());
        frame.extend(&HEADER.0);
        frame.extend(&message);
        Ok(frame)
    }
}

impl RequestDraft<'_> {
    pub(super) fn amount(mut self, amount: u64) -> Self {
        self.builder.number(4, amount);
        self
    }

    pub(super) fn waybill(mut self, waybill: &str) -> Self {
        self.builder.text(58, waybill);
        self
    }

    /// Sets the time of an offline sale, which is earlier than its forwarding.
    pub(super) fn local_time(mut self, time: u32, date: u32) -> Self {
        self.builder.number(12, u64::from(time)).number(13, u64::from(date));
        self
    }

    pub(super) fn authorisation(mut self, authorisation: AuthorisationCode) -> Self {
        self.builder.bytes(38, authorisation.bytes());
        self
    }

    /// Sets field 61 and, with `with_rrn`, the original's fields 37 and 38. A number that the
    /// terminal does not have is blank.
    pub(super) fn original(mut self, receipt: &Receipt, with_date: bool, with_rrn: bool) -> Self {
        let date = if with_date { format!("{:04}", receipt.date) } else { String::new() };
        self.builder.text(61, format!("{:06}{:06}{date}", receipt.batch, receipt.stan));
        if with_rrn {
            self.builder
                .bytes(37, receipt.rrn.map_or([b' '; 12], Rrn::bytes))
                .bytes(38, receipt.authorisation.map_or([b' '; 6], AuthorisationCode::bytes));
        }
        self
    }

    pub(super) fn card(
        mut self,
        kind: TerminalRequestKind,
        read: CardRead<'_>,
    ) -> Result<Self, TerminalError> {
        let link = &self.terminal.link;
        if link.is_unionpay() {
            put_card(&mut self.builder, read, self.terminal.currency, self.date, self.stan);
        } else {
            let mut card = MessageBuilder::new(&DOORSTEP_CARD, kind.message_row().mti);
            put_card(&mut card, read, self.terminal.currency, self.date, self.stan);
            let sealed = link.session()?.seal_card_data(&card.build()?)?;
            self.builder.bytes(57, sealed);
        }
        let with_pin = if read.pin.is_some() { 1 } else { 2 };
        self.builder.number(22, u64::from(read.card.entry().pan_entry_mode() * 10 + with_pin));
        if let Some(typed) = read.pin {
            let block = link.session()?.encrypt_pin(typed, read.card.pan())?;
            self.builder.number(26, PIN_DIGITS_MAX).bytes(52, block.as_bytes());
            if link.is_unionpay() {
                self.builder.text(53, PIN_CONTROL);
            }
        }
        Ok(self)
    }

    /// Sets field 62 of a cash payment: what the buyer gave, and the change.
    pub(super) fn cash(mut self, tendered: u64, change: u64) -> Self {
        let mut writer = TlvWriter::new();
        for (tag, amount) in [(0xDF11, tendered), (0xDF12, change)] {
            let written = Tag::new(tag).map(|tag| writer.push(tag, &to_bcd::<6>(amount)).is_ok());
            debug_assert_eq!(written, Some(true), "six bytes are no long value");
        }
        self.builder.bytes(62, writer.as_bytes());
        self
    }

    pub(super) fn private_data(mut self, bytes: &[u8]) -> Self {
        self.builder.bytes(62, bytes);
        self
    }

    pub(super) fn totals(mut self, totals: &TerminalTotals) -> Self {
        self.builder.text(48, totals_text(totals));
        self
    }

    pub(super) fn lines(mut self, lines: &[UploadLine]) -> Self {
        let mut text = format!("{:02}", lines.len());
        for line in lines {
            let side = u8::from(line.credit);
            text.push_str(&format!("{side}{:06}{:012}", line.stan, line.amount));
        }
        self.builder.text(48, text);
        self
    }

    pub(super) fn line_count(mut self, lines: usize) -> Self {
        self.builder.text(48, format!("{lines:04}"));
        self
    }

    pub(super) fn finish(mut self, kind: TerminalRequestKind) -> Result<WipedBytes, TerminalError> {
        let link = &self.terminal.link;
        let protection = match (kind, link.sign_on_field()) {
            (TerminalRequestKind::SignOn, Some(random)) => {
                self.builder.bytes(62, random);
                Protection::SignOn
            }
            (kind, _) if kind.has_mac() => Protection::Session,
            _ => Protection::None,
        };
        self.terminal.frame_message(&mut self.builder, protection)
    }
}

/// Card data: in the message itself, or in the one that is sealed.
fn put_card(
    builder: &mut MessageBuilder<'_>,
    read: CardRead<'_>,
    currency: Currency,
    date: u32,
    stan: u32,
) {
    use crate::card::EntryMode::{Chip, Contactless, Keyed, Stripe};
    let card = read.card;
    match card.entry() {
        Keyed | Chip => builder.bytes(2, card.pan().expose()).text(14, card.expiry()),
        Stripe | Contactless => builder.text(35, card.track2().as_str()),
    };
    if let Some(sequence) = card.sequence() {
        builder.number(23, u64::from(sequence));
    }
    if let Some(chip) = card.chip_data(read.amount, currency.numeric(), date, stan) {
        builder.bytes(55, chip);
    }
}

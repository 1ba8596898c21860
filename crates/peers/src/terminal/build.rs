//! Messages of a terminal, field by field.

use iso8583::tlv::{Tag, Writer};
use iso8583::{Builder, Envelope, Header, Mti, UNIONPAY_POS, Wiped};
use keys::{MacMethod, PinFormat, mac, pin};
use keys::{Pin, TdesKey};

use super::answer::totals_text;
use super::journal::{Receipt, Totals};
use super::kind::Kind;
use super::task::TerminalError;
use super::{Reversal, Terminal};
use crate::card::Card;
use crate::digits::bcd;
use crate::moment;

/// Class 60, version 31, state 0, no order, software 310000.
const HEADER: Header = Header([0x60, 0x31, 0x00, 0x31, 0x00, 0x00]);

/// `2600000000000000`, field 53 beside a PIN block.
const PIN_CONTROL: &str = "2600000000000000";
const PIN_DIGITS_MAX: u64 = 12;

/// Lines of an upload in one message.
pub(super) const UPLOAD_LINES_MAX: usize = 16;

/// A question that is being written.
pub(super) struct Draft<'t> {
    terminal: &'t Terminal,
    builder: Builder<'static>,
    stan: u32,
    date: u32,
}

/// A card with what is needed to read it.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) card: &'a Card,
    pub(super) pin: Option<&'a Pin>,
    pub(super) amount: u64,
}

/// One line of an upload.
#[derive(Clone, Copy)]
pub(super) struct UploadLine {
    pub(super) credit: bool,
    pub(super) stan: u32,
    pub(super) amount: u64,
}

impl Terminal {
    /// A question of a kind with what every question has.
    pub(super) fn draft(&self, kind: Kind, stan: u32, batch: u32, now_ms: u64) -> Draft<'_> {
        let row = kind.row();
        let at = moment::civil(now_ms, self.utc_offset_minutes);
        let mut builder = Builder::new(&UNIONPAY_POS, row.mti);
        builder
            .number(11, u64::from(stan))
            .text(41, format!("{:08}", self.number))
            .bytes(42, self.merchant)
            .text(60, format!("{}{batch:06}{}", row.kind, row.network));
        if let (Some(processing), Some(condition)) = (row.processing, row.condition) {
            builder
                .text(3, processing)
                .text(25, condition)
                .number(12, u64::from(moment::time(at)))
                .number(13, u64::from(moment::date(at)));
        }
        if !matches!(kind, Kind::QrStatus) && (row.processing.is_some() || kind == Kind::Totals) {
            builder.text(49, format!("{:03}", self.currency.numeric()));
        }
        let year = u32::from(at.year().unsigned_abs()) % 100;
        Draft { terminal: self, builder, stan, date: year * 10_000 + moment::date(at) }
    }

    /// The reversal of a transaction; after the first try as a repeat.
    pub(super) fn reversal_message(&self, reversal: &Reversal) -> Result<Wiped, TerminalError> {
        let row = reversal.kind.row();
        let mti = if reversal.tried == 0 { Mti::M0400 } else { Mti::M0401 };
        let mut builder = Builder::new(&UNIONPAY_POS, mti);
        builder
            .text(3, row.processing.unwrap_or("000000"))
            .number(4, reversal.amount)
            .number(11, u64::from(reversal.stan))
            .text(25, row.condition.unwrap_or("00"))
            .bytes(39, reversal.reason)
            .text(41, format!("{:08}", self.number))
            .bytes(42, self.merchant)
            .text(49, format!("{:03}", self.currency.numeric()))
            .text(60, format!("{}{:06}", row.kind, reversal.batch));
        self.seal(&mut builder, true)
    }

    fn seal(&self, builder: &mut Builder<'_>, with_mac: bool) -> Result<Wiped, TerminalError> {
        let message = if with_mac {
            let key = self.mac_key()?.ok_or(TerminalError::SignOnFirst)?;
            builder.build_with_mac(|covered| mac::compute(MacMethod::CupEcb, &key, covered))?
        } else {
            builder.build()?
        };
        let mut frame = Wiped::with_capacity(Envelope::BYTES + message.len());
        frame.extend(&self.tpdu.to_bytes());
        frame.extend(&HEADER.0);
        frame.extend(&message);
        Ok(frame)
    }
}

impl Draft<'_> {
    pub(super) fn amount(mut self, amount: u64) -> Self {
        self.builder.number(4, amount);
        self
    }

    pub(super) fn waybill(mut self, waybill: &str) -> Self {
        self.builder.text(58, waybill);
        self
    }

    /// The moment of an offline sale, which was before it is forwarded.
    pub(super) fn made_at(mut self, time: u32, date: u32) -> Self {
        self.builder.number(12, u64::from(time)).number(13, u64::from(date));
        self
    }

    pub(super) fn authorisation(mut self, authorisation: [u8; 6]) -> Self {
        self.builder.bytes(38, authorisation);
        self
    }

    /// Field 61, and what a receipt says of what was before.
    pub(super) fn about(mut self, receipt: &Receipt, with_date: bool, with_rrn: bool) -> Self {
        let date = if with_date { format!("{:04}", receipt.date) } else { String::new() };
        self.builder.text(61, format!("{:06}{:06}{date}", receipt.batch, receipt.stan));
        if with_rrn {
            self.builder.bytes(37, receipt.rrn).bytes(38, receipt.authorisation);
        }
        self
    }

    pub(super) fn card(mut self, read: Read<'_>) -> Result<Self, TerminalError> {
        use crate::card::Entry::{Chip, Contactless, Keyed, Stripe};
        let card = read.card;
        match card.entry() {
            Keyed | Chip => {
                self.builder.bytes(2, card.pan().expose()).text(14, card.expiry());
            }
            Stripe | Contactless => {
                self.builder.text(35, card.track2().as_str());
            }
        }
        if let Some(sequence) = card.sequence() {
            self.builder.number(23, u64::from(sequence));
        }
        let currency = self.terminal.currency.numeric();
        if let Some(chip) = card.chip(read.amount, currency, self.date, self.stan) {
            self.builder.bytes(55, chip);
        }
        let with_pin = if read.pin.is_some() { 1 } else { 2 };
        self.builder.number(22, u64::from(card.entry().mode() * 10 + with_pin));
        if let Some(typed) = read.pin {
            let key: TdesKey = self.terminal.pin_key()?.ok_or(TerminalError::SignOnFirst)?;
            let block = pin::encrypt_block(typed, PinFormat::Iso0, card.pan(), &key)?;
            self.builder
                .number(26, PIN_DIGITS_MAX)
                .bytes(52, block.as_bytes())
                .text(53, PIN_CONTROL);
        }
        Ok(self)
    }

    /// Field 62 of cash: what the buyer gave, and the change.
    pub(super) fn cash(mut self, tendered: u64, change: u64) -> Self {
        let mut writer = Writer::new();
        for (tag, amount) in [(0xDF11, tendered), (0xDF12, change)] {
            let written = Tag::new(tag).map(|tag| writer.push(tag, &bcd::<6>(amount)).is_ok());
            debug_assert_eq!(written, Some(true), "six bytes are no long value");
        }
        self.builder.bytes(62, writer.as_bytes());
        self
    }

    pub(super) fn totals(mut self, totals: &Totals) -> Self {
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

    pub(super) fn finish(mut self, kind: Kind) -> Result<Wiped, TerminalError> {
        self.terminal.seal(&mut self.builder, kind.has_mac())
    }
}

//! Answers to terminals.

use engine::{Sent, Timestamp};
use iso8583::{Builder, Envelope, MacBuildError, UNIONPAY_POS, Wiped};
use keys::{Derived, KeyName, KeyRef, KeyStore, MacMethod, Purpose};

use crate::code::Code;
use crate::moment;
use crate::port::{Line, Output};
use crate::request::{Asked, Heading};
use crate::settings::Settings;

/// Characters of field 44 at the most.
const TEXT_CHARACTERS_MAX: usize = 25;

/// The wish in an answer's header that asks for a new sign-on.
const WISH_SIGN_ON: u8 = 3;

/// What an answer says beside the fields of its question.
#[derive(Clone, Default)]
pub(crate) struct Answer<'a> {
    pub sent: Option<Sent>,
    pub authorisation: Option<[u8; 6]>,
    /// Field 44.
    pub text: Option<&'a str>,
    /// The open batch, where it is not the question's.
    pub batch: Option<u32>,
    pub totals: Option<String>,
    /// Field 54.
    pub balance: Option<&'a [u8]>,
    /// Field 55.
    pub chip: Option<&'a [u8]>,
    /// Field 62.
    pub private: Option<&'a [u8]>,
    /// Field 63.
    pub network: Option<&'a str>,
}

/// The keys of terminals.
pub(crate) struct TerminalKeys<'k> {
    pub keys: &'k dyn KeyStore,
    pub settings: &'k Settings,
}

impl TerminalKeys<'_> {
    fn derived(&self, purpose: Purpose, terminal: u32) -> KeyRef {
        let settings = &self.settings.terminals;
        // The master key is the terminal's for good: only working keys have generations.
        let generation = match purpose {
            Purpose::TerminalMaster => 1,
            _ => settings.generation,
        };
        Derived::new(settings.base_key, purpose, u64::from(terminal), generation).into()
    }

    pub(crate) fn mac(&self, terminal: u32) -> KeyRef {
        self.derived(Purpose::Mac, terminal)
    }

    pub(crate) fn pin(&self, terminal: u32) -> KeyRef {
        self.derived(Purpose::PinEncryption, terminal)
    }

    /// The key that was imported for the terminal, else the derived one.
    pub(crate) fn master(&self, terminal: u32) -> KeyRef {
        let imported = KeyName::of_terminal(&format!("{terminal:08}")).ok();
        let imported = imported.map(KeyRef::Stored);
        let there = imported.filter(|key| self.keys.check_value(key).is_ok());
        there.unwrap_or_else(|| self.derived(Purpose::TerminalMaster, terminal))
    }

    /// An answer to a question, TPDU and header before it. Without a MAC to questions that have
    /// none, and to those whose MAC is wrong.
    pub(crate) fn answer(
        &self,
        line: Line,
        (heading, asked): (&Heading, Asked),
        code: Code,
        answer: &Answer<'_>,
        now: Timestamp,
    ) -> Result<Output, String> {
        let mti = heading.mti.response().ok_or("a response has no response")?;
        let (time, date) = moment::local(now, self.settings.utc_offset_minutes);
        let mut builder = Builder::new(&UNIONPAY_POS, mti);
        if let Some(processing) = heading.processing {
            builder.number(3, u64::from(processing));
        }
        if let Some(amount) = heading.amount {
            builder.number(4, amount);
        }
        builder
            .number(11, u64::from(heading.stan))
            .number(12, u64::from(time))
            .number(13, u64::from(date));
        if let Some(condition) = heading.condition {
            builder.number(25, u64::from(condition));
        }
        if let Some(sent) = answer.sent {
            builder.bytes(37, moment::rrn(sent));
        }
        if let Some(code) = answer.authorisation.filter(|code| *code != [b' '; 6]) {
            builder.bytes(38, code);
        }
        builder
            .bytes(39, code.0)
            .text(41, format!("{:08}", heading.terminal))
            .bytes(42, heading.merchant);
        if let Some(text) = answer.text {
            let plain = |c: &char| c.is_ascii() && !c.is_ascii_control();
            let short: String = text.chars().filter(plain).take(TEXT_CHARACTERS_MAX).collect();
            builder.text(44, short);
        }
        if let Some(totals) = &answer.totals {
            builder.text(48, totals);
        }
        if let Some(currency) = heading.currency {
            builder.bytes(49, currency);
        }
        if let Some(balance) = answer.balance {
            builder.bytes(54, balance);
        }
        if let Some(chip) = answer.chip {
            builder.bytes(55, chip);
        }
        let batch = answer.batch.unwrap_or(heading.batch);
        builder.text(60, format!("{:02}{batch:06}{:03}", heading.kind, heading.management));
        if let Some(private) = answer.private {
            builder.bytes(62, private);
        }
        if let Some(network) = answer.network {
            builder.text(63, network);
        }
        let message = if asked.has_mac() && code != Code::MAC {
            let key = self.mac(heading.terminal);
            let mac = |bytes: &[u8]| self.keys.mac(&key, MacMethod::CupEcb, bytes);
            builder.build_with_mac(mac).map_err(|error: MacBuildError<_>| error.to_string())?
        } else {
            builder.build().map_err(|error| error.to_string())?
        };
        let wish = if matches!(code, Code::MAC | Code::BATCH) { WISH_SIGN_ON } else { 0 };
        let envelope =
            Envelope { tpdu: heading.tpdu.reply(), header: heading.header.with_wish(wish) };
        Ok(Output::ToTerminal { line, message: enveloped(&envelope, &message) })
    }
}

fn enveloped(envelope: &Envelope, message: &Wiped) -> Wiped {
    let mut bytes = Vec::with_capacity(message.len() + 11);
    envelope.write(&mut bytes, message);
    bytes.into()
}

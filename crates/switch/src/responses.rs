//! Answers to terminals.

use books::{AuthorisationCode, NetworkReference, ResponseCode, Rrn, Timestamp};
use iso8583::{Envelope, MacBuildError, MessageBuilder, UNIONPAY_POS, WipedBytes};
use keys::{DerivedKey, KeyName, KeyPurpose, KeyReference, KeyStore, MacMethod};

use crate::port::{Output, TerminalConnection};
use crate::request::AnsweredRequest;
use crate::settings::Settings;

/// Maximum length of field 44.
const TEXT_CHARACTERS_MAX: usize = 25;

/// Header of an answer: the order to sign on again.
const WISH_SIGN_ON: u8 = 3;

/// Fields of an answer in addition to those repeated from the request.
#[derive(Clone, Default)]
pub(crate) struct ResponseFields<'a> {
    pub network_reference: Option<NetworkReference>,
    pub authorisation_code: Option<AuthorisationCode>,
    /// Field 44.
    pub text: Option<&'a str>,
    /// Field 60.2: the open batch, where it differs from the request's.
    pub batch: Option<u32>,
    pub totals: Option<String>,
    /// Field 54.
    pub balance: Option<&'a [u8]>,
    /// Field 55.
    pub chip_data: Option<&'a [u8]>,
    /// Field 62.
    pub private_data: Option<&'a [u8]>,
    /// Field 63.
    pub network_name: Option<&'a str>,
}

pub(crate) struct TerminalKeys<'k> {
    pub keys: &'k dyn KeyStore,
    pub settings: &'k Settings,
}

impl TerminalKeys<'_> {
    fn derived(&self, purpose: KeyPurpose, terminal: u32) -> KeyReference {
        let settings = &self.settings.terminals;
        // A terminal's master key never changes. Only working keys have generations.
        let generation = match purpose {
            KeyPurpose::TerminalMaster => 1,
            _ => settings.generation,
        };
        DerivedKey::new(settings.base_key, purpose, u64::from(terminal), generation).into()
    }

    pub(crate) fn mac(&self, terminal: u32) -> KeyReference {
        self.derived(KeyPurpose::Mac, terminal)
    }

    pub(crate) fn pin(&self, terminal: u32) -> KeyReference {
        self.derived(KeyPurpose::PinEncryption, terminal)
    }

    /// The terminal's imported master key, or else the derived one.
    pub(crate) fn master(&self, terminal: u32) -> KeyReference {
        let imported = KeyName::of_terminal(&format!("{terminal:08}")).ok();
        let imported = imported.map(KeyReference::Stored);
        let there = imported.filter(|key| self.keys.check_value(key).is_ok());
        there.unwrap_or_else(|| self.derived(KeyPurpose::TerminalMaster, terminal))
    }

    /// Builds the answer to a request. It has no MAC where the request needs none or has a wrong
    /// one.
    pub(crate) fn response(
        &self,
        connection: TerminalConnection,
        answered: AnsweredRequest<'_>,
        code: ResponseCode,
        answer: &ResponseFields<'_>,
        now: Timestamp,
    ) -> Result<Output, String> {
        let AnsweredRequest { header: message_header, kind } = answered;
        let mti = message_header.mti.response().ok_or("a response has no response")?;
        let (time, date) = self.settings.local_time_and_date(now);
        let mut builder = MessageBuilder::new(&UNIONPAY_POS, mti);
        if let Some(processing) = message_header.processing_code {
            builder.number(3, u64::from(processing));
        }
        if let Some(amount) = message_header.amount {
            builder.number(4, amount);
        }
        builder
            .number(11, u64::from(message_header.stan.get()))
            .number(12, u64::from(time))
            .number(13, u64::from(date));
        if let Some(condition) = message_header.condition_code {
            builder.number(25, u64::from(condition));
        }
        if let Some(sent) = answer.network_reference {
            builder.bytes(37, Rrn::of(sent).bytes());
        }
        if let Some(code) = answer.authorisation_code {
            builder.bytes(38, code.bytes());
        }
        builder
            .bytes(39, code.bytes())
            .text(41, format!("{:08}", message_header.terminal))
            .bytes(42, message_header.merchant);
        if let Some(text) = answer.text {
            let plain = |c: &char| c.is_ascii() && !c.is_ascii_control();
            let short: String = text.chars().filter(plain).take(TEXT_CHARACTERS_MAX).collect();
            builder.text(44, short);
        }
        if let Some(totals) = &answer.totals {
            builder.text(48, totals);
        }
        if let Some(currency) = message_header.currency {
            builder.bytes(49, currency);
        }
        if let Some(balance) = answer.balance {
            builder.bytes(54, balance);
        }
        if let Some(chip) = answer.chip_data {
            builder.bytes(55, chip);
        }
        let batch = answer.batch.unwrap_or(message_header.batch);
        builder.text(
            60,
            format!(
                "{:02}{batch:06}{:03}",
                message_header.transaction_type, message_header.management_code
            ),
        );
        if let Some(private) = answer.private_data {
            builder.bytes(62, private);
        }
        if let Some(network) = answer.network_name {
            builder.text(63, network);
        }
        let message = if kind.requires_mac() && code != ResponseCode::WRONG_MAC {
            let key = self.mac(message_header.terminal);
            let mac = |bytes: &[u8]| self.keys.mac(&key, MacMethod::CupEcb, bytes);
            builder.build_with_mac(mac).map_err(|error: MacBuildError<_>| error.to_string())?
        } else {
            builder.build().map_err(|error| error.to_string())?
        };
        let wish = if matches!(code, ResponseCode::WRONG_MAC | ResponseCode::WRONG_BATCH) {
            WISH_SIGN_ON
        } else {
            0
        };
        let envelope = Envelope {
            tpdu: message_header.tpdu.reply(),
            header: message_header.message_header.with_requested_action(wish),
        };
        Ok(Output::ToTerminal { connection, message: enveloped(&envelope, &message) })
    }
}

fn enveloped(envelope: &Envelope, message: &WipedBytes) -> WipedBytes {
    let mut bytes = Vec::with_capacity(message.len() + 11);
    envelope.write(&mut bytes, message);
    bytes.into()
}

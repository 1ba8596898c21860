//! Answers to terminals.

use books::{AuthorisationCode, NetworkReference, ResponseCode, Rrn, Timestamp};
use iso8583::{Envelope, MacBuildError, MessageBuilder, WipedBytes};
use keys::SessionKeys;

use super::request::Caller;
use super::session_keys;
use crate::bcd::Digits;
use crate::dialect::TerminalDialect;
use crate::port::{Output, TerminalConnection};
use crate::settings::Settings;
use crate::step::Turn;

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

/// Builds the answer to a request, with a MAC by the given keys.
pub(crate) fn response(
    settings: &Settings,
    keys: Option<&SessionKeys>,
    caller: &Caller,
    code: ResponseCode,
    answer: &ResponseFields<'_>,
    now: Timestamp,
) -> Result<Output, String> {
    let Caller { connection, dialect, header, .. } = caller;
    let at = &dialect.fields;
    let mti = header.mti.response().ok_or("a response has no response")?;
    let (time, date) = settings.local_time_and_date(now);
    let batch = answer.batch.unwrap_or(header.batch);
    let mut builder = MessageBuilder::new(dialect.packager, mti);
    builder
        .number(at.stan, u64::from(header.stan.get()))
        .number(at.local_time, u64::from(time))
        .number(at.local_date, u64::from(date))
        .bytes(at.response_code, code.bytes())
        .bytes(at.terminal, Digits::new(header.terminal.into(), 8))
        .bytes(at.merchant, header.merchant)
        .text(at.batch, header.field_60.with_batch(batch));
    if !header.has_stan {
        builder.remove(at.stan);
    }
    if let Some(processing) = header.processing_code {
        builder.number(at.processing_code, u64::from(processing));
    }
    if let Some(amount) = header.amount {
        builder.number(at.amount, amount);
    }
    if let Some(condition) = header.condition_code {
        builder.number(at.condition_code, u64::from(condition));
    }
    if let Some(sent) = answer.network_reference {
        builder.bytes(at.reference, Rrn::of(sent).bytes());
    }
    if let Some(code) = answer.authorisation_code {
        builder.bytes(at.authorisation_code, code.bytes());
    }
    if let Some(text) = answer.text {
        builder.text(at.text, shortened(text));
    }
    if let Some(totals) = &answer.totals {
        builder.text(at.totals, totals);
    }
    if let Some(currency) = header.currency {
        builder.bytes(at.currency, currency);
    }
    if let Some(balance) = answer.balance {
        builder.bytes(at.balance, balance);
    }
    if let Some(chip) = answer.chip_data {
        builder.bytes(at.chip_data, chip);
    }
    if let Some(private) = answer.private_data {
        builder.bytes(at.private_data, private);
    }
    if let Some(network) = answer.network_name {
        builder.text(at.network_name, network);
    }
    let wish = if matches!(code, ResponseCode::WRONG_MAC | ResponseCode::WRONG_BATCH) {
        WISH_SIGN_ON
    } else {
        0
    };
    let envelope = Envelope {
        tpdu: header.tpdu.reply(),
        header: header.message_header.with_requested_action(wish),
    };
    let message = if let Some(keys) = keys {
        let mut room = WipedBytes::default();
        let mac = |bytes: &[u8]| {
            keys.mac(session_keys::covered_answer(dialect, envelope.header, bytes, &mut room))
        };
        builder.build_with_mac(mac).map_err(|error: MacBuildError<_>| error.to_string())?
    } else {
        builder.build().map_err(|error| error.to_string())?
    };
    Ok(Output::ToTerminal { connection: *connection, message: enveloped(&envelope, &message) })
}

/// The answer to a message that is no request of a terminal of ours: it repeats what identifies the
/// message, and has no MAC. `None` if the message cannot be parsed, or is not to be answered.
pub(crate) fn refusal(
    connection: TerminalConnection,
    bytes: &[u8],
    dialect: &TerminalDialect,
    (code, why): (ResponseCode, &str),
    step: &Turn<'_>,
) -> Option<Output> {
    let (tpdu, header, message) = Envelope::parse(bytes).ok()?;
    let message = dialect.packager.parse(message).ok()?;
    let at = &dialect.fields;
    let repeated = [
        at.processing_code,
        at.amount,
        at.stan,
        at.condition_code,
        at.terminal,
        at.merchant,
        at.currency,
        at.batch,
    ];
    let (time, date) = step.settings.local_time_and_date(step.now);
    let mut builder = MessageBuilder::new(dialect.packager, message.mti().response()?);
    builder
        .copy_if_valid(&message, &repeated)
        .number(at.local_time, u64::from(time))
        .number(at.local_date, u64::from(date))
        .bytes(at.response_code, code.bytes())
        .text(at.text, shortened(why));
    let message = builder.build().ok()?;
    let envelope = Envelope { tpdu: tpdu.reply(), header: header.with_requested_action(0) };
    Some(Output::ToTerminal { connection, message: enveloped(&envelope, &message) })
}

/// Text of field 44.
fn shortened(text: &str) -> String {
    let plain = |c: &char| c.is_ascii() && !c.is_ascii_control();
    text.chars().filter(plain).take(TEXT_CHARACTERS_MAX).collect()
}

fn enveloped(envelope: &Envelope, message: &WipedBytes) -> WipedBytes {
    let mut bytes = Vec::with_capacity(message.len() + 11);
    envelope.write(&mut bytes, message);
    bytes.into()
}

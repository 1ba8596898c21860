//! Builds the answers of `docs/door/network.md`.

use iso8583::tlv::{Tag, TlvWriter};
use iso8583::{ISO87_BINARY, MacBuildError, Message, MessageBuilder, Mti, WipedBytes};
use keys::{KeyError, MacMethod, TdesKey, mac};

use super::request::{NetworkRequest, RequestBody};
use crate::codes::ResponseCode;
use crate::ledger::{AuthorisationDecision, NetworkTransactionKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMac {
    Valid,
    Invalid,
}

/// Fields that every answer copies from its request.
const REPEATED: [u8; 7] = [3, 4, 7, 11, 32, 37, 41];

/// Account type 10, amount type 02 (available).
const BALANCE_KIND: &str = "1002";

/// Answer to sign-on, sign-off and echo.
pub(super) fn management(
    message: &Message<'_>,
    code: ResponseCode,
    key: &TdesKey,
) -> Result<WipedBytes, MacBuildError<KeyError>> {
    MessageBuilder::new(&ISO87_BINARY, Mti::M0810)
        .copy(message, &[7, 11, 32, 70])
        .bytes(39, code.bytes())
        .build_with_mac(|covered| mac::compute(MacMethod::X9_19, key, covered))
}

/// Answer to a request.
pub(super) fn financial(
    message: &Message<'_>,
    verdict: AuthorisationDecision,
    request: Option<&NetworkRequest>,
    response_mac: ResponseMac,
    key: &TdesKey,
) -> Result<WipedBytes, MacBuildError<KeyError>> {
    let mti = message.mti().response().unwrap_or(Mti::M0210);
    let mut builder = MessageBuilder::new(&ISO87_BINARY, mti);
    builder.copy(message, &REPEATED).copy(message, &[49]).bytes(39, verdict.code.bytes());
    if let Some(request) = request {
        match &request.body {
            RequestBody::Balance if verdict.code == ResponseCode::APPROVED => {
                builder.text(54, balance(request));
            }
            RequestBody::Transaction(entry) if is_request(entry.kind) => {
                if let Some(authorisation) = verdict.authorisation {
                    builder.bytes(38, authorisation.bytes());
                }
                if message.has(55)
                    && let Some(chip) = issuer_authentication(entry.reference.stan, verdict.code)
                {
                    builder.bytes(55, chip);
                }
            }
            _ => {}
        }
    }
    builder.build_with_mac(|covered| {
        let mut mac = mac::compute(MacMethod::X9_19, key, covered)?;
        if response_mac == ResponseMac::Invalid {
            mac[0] ^= 0x80;
        }
        Ok(mac)
    })
}

/// Answers to advices carry no authorisation code.
const fn is_request(kind: NetworkTransactionKind) -> bool {
    !matches!(kind, NetworkTransactionKind::Refund | NetworkTransactionKind::Offline)
}

/// A test card's balance: 1,000,000 minor units plus the number's last four digits.
fn balance(request: &NetworkRequest) -> String {
    let more = request.pan.as_ref().map_or(0, |pan| u64::from(pan.last_four()));
    format!("{BALANCE_KIND}{:03}C{:012}", request.currency, 1_000_000 + more)
}

/// Issuer authentication data, tag 91: eight bytes and the response code.
fn issuer_authentication(stan: u32, code: ResponseCode) -> Option<WipedBytes> {
    let mut value = [0; 10];
    let cryptogram = u64::from(stan).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    value[..8].copy_from_slice(&cryptogram);
    value[8..].copy_from_slice(&code.bytes());
    let mut writer = TlvWriter::new();
    writer.push(Tag::new(0x91)?, &value).ok()?;
    Some(writer.into_bytes())
}

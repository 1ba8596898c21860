//! Answers as `docs/door/network.md` has them.

use iso8583::tlv::{Tag, Writer};
use iso8583::{BuildError, Builder, ISO87_BINARY, MacBuildError, Message, Mti, Wiped};
use keys::{KeyError, MacMethod, TdesKey, mac};

use super::request::{Asked, What};
use crate::book::{Kind, Verdict};
use crate::code;

/// Whether the answer verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    Right,
    Wrong,
}

/// What every answer repeats of its request.
const REPEATED: [u8; 7] = [3, 4, 7, 11, 32, 37, 41];

/// Account type 10, amount type 02 (available).
const BALANCE_KIND: &str = "1002";

/// The answer to sign-on, sign-off and echo.
pub(super) fn management(message: &Message<'_>, code: [u8; 2]) -> Result<Wiped, BuildError> {
    Builder::new(&ISO87_BINARY, Mti::M0810).copy(message, &[7, 11, 70]).bytes(39, code).build()
}

/// The answer to a request.
pub(super) fn financial(
    message: &Message<'_>,
    verdict: Verdict,
    asked: Option<&Asked>,
    seal: Seal,
    key: &TdesKey,
) -> Result<Wiped, MacBuildError<KeyError>> {
    let mti = message.mti().response().unwrap_or(Mti::M0210);
    let mut builder = Builder::new(&ISO87_BINARY, mti);
    builder.copy(message, &REPEATED).copy(message, &[49]).bytes(39, verdict.code);
    if let Some(asked) = asked {
        match &asked.what {
            What::Balance if verdict.code == code::DONE => {
                builder.text(54, balance(asked));
            }
            What::Item(entry) if is_request(entry.kind) => {
                if let Some(authorisation) = verdict.authorisation {
                    builder.bytes(38, authorisation);
                }
                if message.has(55)
                    && let Some(chip) = issuer_answer(entry.reference.stan, verdict.code)
                {
                    builder.bytes(55, chip);
                }
            }
            _ => {}
        }
    }
    builder.build_with_mac(|covered| {
        let mut mac = mac::compute(MacMethod::X9_19, key, covered)?;
        if seal == Seal::Wrong {
            mac[0] ^= 0x80;
        }
        Ok(mac)
    })
}

/// Advices are answered without an authorisation.
const fn is_request(kind: Kind) -> bool {
    !matches!(kind, Kind::Refund | Kind::Offline)
}

/// A test card has 10,000.00 and as many minor units more as its last four digits say.
fn balance(asked: &Asked) -> String {
    let more = asked.pan.as_ref().map_or(0, |pan| u64::from(pan.last_four()));
    format!("{BALANCE_KIND}{:03}C{:012}", asked.currency, 1_000_000 + more)
}

/// Issuer authentication, tag 91: eight bytes and the response code.
fn issuer_answer(stan: u32, code: [u8; 2]) -> Option<Wiped> {
    let mut value = [0; 10];
    let cryptogram = u64::from(stan).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    value[..8].copy_from_slice(&cryptogram);
    value[8..].copy_from_slice(&code);
    let mut writer = Writer::new();
    writer.push(Tag::new(0x91)?, &value).ok()?;
    Some(writer.into_bytes())
}

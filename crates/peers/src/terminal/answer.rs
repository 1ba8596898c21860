//! What stands in an answer, read before anything is decided by it.

use iso8583::tlv::{self, Tag};
use iso8583::{Envelope, Message, Mti, UNIONPAY_POS, Wiped};
use keys::{MacMethod, TdesKey, mac};

use super::journal::{Sum, Totals};
use super::task::{Balance, Parameters, TerminalError};
use crate::digits::of_bcd;

/// Order `3` in the header of an answer: sign on again.
const WISH_SIGN_ON: u8 = 3;

/// How the MAC of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    Right,
    Wrong,
    Missing,
}

/// An answer without the bytes that it came in.
pub(super) struct Answer {
    pub(super) mti: Mti,
    pub(super) stan: Option<u32>,
    pub(super) terminal: [u8; 8],
    pub(super) seal: Seal,
    pub(super) wants_sign_on: bool,
    pub(super) code: [u8; 2],
    pub(super) batch: Option<u32>,
    pub(super) rrn: [u8; 12],
    pub(super) authorisation: [u8; 6],
    pub(super) text: String,
    pub(super) network: String,
    pub(super) balance: Option<Balance>,
    pub(super) totals: Option<(Totals, bool)>,
    pub(super) private: Wiped,
}

/// Reads an answer; its MAC is checked where there is a key.
pub(super) fn read(frame: &[u8], mac_key: Option<&TdesKey>) -> Result<Answer, TerminalError> {
    let (_, header, message) =
        Envelope::parse(frame).map_err(|error| TerminalError::Unreadable(error.to_string()))?;
    let message = UNIONPAY_POS.parse(message)?;
    let mut private = Wiped::default();
    private.extend(message.bytes(62).unwrap_or_default());
    Ok(Answer {
        mti: message.mti(),
        stan: message.number(11).ok().and_then(|stan| u32::try_from(stan).ok()),
        terminal: characters(&message, 41).unwrap_or_default(),
        seal: seal(&message, mac_key)?,
        wants_sign_on: header.wish() == WISH_SIGN_ON,
        code: characters(&message, 39).unwrap_or_default(),
        batch: batch(&message),
        rrn: characters(&message, 37).unwrap_or([b' '; 12]),
        authorisation: characters(&message, 38).unwrap_or([b' '; 6]),
        text: shown(&message, 44),
        network: shown(&message, 63),
        balance: balance(&message),
        totals: totals(&message),
        private,
    })
}

fn seal(message: &Message<'_>, key: Option<&TdesKey>) -> Result<Seal, TerminalError> {
    let (Some(key), Some(covered), Some(found)) = (key, message.before_mac(), message.mac()) else {
        return Ok(Seal::Missing);
    };
    let right = mac::check(MacMethod::CupEcb, key, covered, &found)?;
    Ok(if right { Seal::Right } else { Seal::Wrong })
}

fn characters<const N: usize>(message: &Message<'_>, field: u8) -> Option<[u8; N]> {
    message.bytes(field).ok()?.try_into().ok()
}

fn shown(message: &Message<'_>, field: u8) -> String {
    let text = message.text(field).ok();
    text.map(|text| text.trim_end().to_owned()).unwrap_or_default()
}

fn batch(message: &Message<'_>) -> Option<u32> {
    let text = message.text(60).ok()?;
    text.get(2..8)?.parse().ok()
}

fn balance(message: &Message<'_>) -> Option<Balance> {
    let text = message.text(54).ok()?;
    let bytes = text.as_bytes();
    let amount: i64 = text.get(8..20)?.parse().ok()?;
    Some(Balance {
        account: *bytes.first_chunk()?,
        kind: *bytes.get(2..4)?.first_chunk()?,
        currency: text.get(4..7)?.parse().ok()?,
        amount: match bytes.get(7)? {
            b'C' => amount,
            b'D' => -amount,
            _ => return None,
        },
    })
}

/// Digits of field 48: for cards and for the rest, two counts, two amounts and a result.
const TOTALS_DIGITS: usize = 62;
const SIDE_DIGITS: usize = 31;

/// The totals of field 48, and whether both results say that they agree.
fn totals(message: &Message<'_>) -> Option<(Totals, bool)> {
    let text = message.text(48).ok()?;
    if text.len() != TOTALS_DIGITS {
        return None;
    }
    let sum = |place: usize| {
        let count = text.get(place..place + 3)?.parse().ok()?;
        let amount = text.get(place + 3..place + 15)?.parse().ok()?;
        Some(Sum { count, amount })
    };
    let totals = Totals {
        card_debits: sum(0)?,
        card_credits: sum(15)?,
        other_debits: sum(SIDE_DIGITS)?,
        other_credits: sum(SIDE_DIGITS + 15)?,
    };
    let agreed = |place: usize| text.get(place..=place) == Some("1");
    Some((totals, agreed(30) && agreed(61)))
}

/// The question's field 48.
pub(super) fn totals_text(totals: &Totals) -> String {
    let sum = |sum: Sum| format!("{:03}{:012}", sum.count, sum.amount.min(AMOUNT_MAX));
    let side = |debits, credits| format!("{}{}0", sum(debits), sum(credits));
    side(totals.card_debits, totals.card_credits) + &side(totals.other_debits, totals.other_credits)
}

/// The largest amount of a message.
pub(super) const AMOUNT_MAX: u64 = 999_999_999_999;

/// The parameters in field 62.
pub(super) fn parameters(private: &[u8]) -> Option<Parameters> {
    let number = |tag| {
        let value = tlv::find(private, Tag::new(tag)?).ok()??;
        of_bcd(value)
    };
    let small = |tag| u32::try_from(number(tag)?).ok();
    Some(Parameters {
        answer_within_s: small(0xDF01)?,
        reversal_tries: small(0xDF02)?,
        offline_each: number(0xDF03)?,
        offline_total: number(0xDF04)?,
        batch_transactions: small(0xDF06)?,
        echo_every_s: small(0xDF07)?,
    })
}

//! Reads an answer's fields; decides nothing.

use iso8583::tlv::{self, Tag};
use iso8583::{Envelope, Message, Mti, WipedBytes};

use super::journal::{TerminalSum, TerminalTotals};
use super::link::TerminalLink;
use super::task::{AccountBalance, TerminalError, TerminalParameters};
use crate::bcd::from_bcd;
use crate::codes::{AuthorisationCode, ResponseCode, Rrn};

/// Value of the header's requested action: sign on again.
const ACTION_SIGN_ON: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MacCheck {
    Valid,
    Invalid,
    Missing,
}

/// An answer, independent of the received bytes.
pub(super) struct HostAnswer {
    pub(super) mti: Mti,
    pub(super) stan: Option<u32>,
    pub(super) terminal: [u8; 8],
    pub(super) mac: MacCheck,
    pub(super) wants_sign_on: bool,
    pub(super) code: ResponseCode,
    pub(super) batch: Option<u32>,
    pub(super) rrn: Option<Rrn>,
    pub(super) authorisation: Option<AuthorisationCode>,
    pub(super) text: String,
    pub(super) network: String,
    pub(super) balance: Option<AccountBalance>,
    pub(super) totals: Option<(TerminalTotals, bool)>,
    pub(super) field_62: WipedBytes,
}

/// Parses an answer. The MAC is checked if there is a session.
pub(super) fn read(frame: &[u8], link: &TerminalLink) -> Result<HostAnswer, TerminalError> {
    let (_, header, message) =
        Envelope::parse(frame).map_err(|error| TerminalError::Unreadable(error.to_string()))?;
    let message = link.packager().parse(message)?;
    let mut private = WipedBytes::default();
    private.extend(message.bytes(62).unwrap_or_default());
    Ok(HostAnswer {
        mti: message.mti(),
        stan: message.number(11).ok().and_then(|stan| u32::try_from(stan).ok()),
        terminal: characters(&message, 41).unwrap_or_default(),
        mac: match link.check(frame, &message)? {
            Some(true) => MacCheck::Valid,
            Some(false) => MacCheck::Invalid,
            None => MacCheck::Missing,
        },
        wants_sign_on: header.requested_action() == ACTION_SIGN_ON,
        code: code(&message, 39, ResponseCode::new)?.ok_or_else(|| {
            TerminalError::Unreadable("the answer has no response code in field 39".to_owned())
        })?,
        batch: batch(&message),
        rrn: code(&message, 37, Rrn::new)?,
        authorisation: code(&message, 38, AuthorisationCode::new)?,
        text: trimmed_text(&message, 44),
        network: trimmed_text(&message, 63),
        balance: balance(&message),
        totals: totals(&message),
        field_62: private,
    })
}

fn characters<const N: usize>(message: &Message<'_>, field: u8) -> Option<[u8; N]> {
    message.bytes(field).ok()?.try_into().ok()
}

/// `None` if the answer does not have the field.
fn code<const N: usize, C>(
    message: &Message<'_>,
    field: u8,
    new: fn([u8; N]) -> Option<C>,
) -> Result<Option<C>, TerminalError> {
    let Some(characters) = characters(message, field) else { return Ok(None) };
    let wrong = || format!("field {field} has other characters than letters and digits");
    new(characters).map(Some).ok_or_else(|| TerminalError::Unreadable(wrong()))
}

fn trimmed_text(message: &Message<'_>, field: u8) -> String {
    let text = message.text(field).ok();
    text.map(|text| text.trim_end().to_owned()).unwrap_or_default()
}

fn batch(message: &Message<'_>) -> Option<u32> {
    let text = message.text(60).ok()?;
    text.get(2..8)?.parse().ok()
}

fn balance(message: &Message<'_>) -> Option<AccountBalance> {
    let text = message.text(54).ok()?;
    let bytes = text.as_bytes();
    let amount: i64 = text.get(8..20)?.parse().ok()?;
    Some(AccountBalance {
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

/// Length of field 48: for domestic cards, foreign cards and other payments, two amounts, two
/// counts and a result.
const TOTALS_DIGITS: usize = 93;
const GROUP_DIGITS: usize = 31;

/// The totals of field 48, and whether all results report agreement.
fn totals(message: &Message<'_>) -> Option<(TerminalTotals, bool)> {
    let text = message.text(48).ok()?;
    if text.len() != TOTALS_DIGITS {
        return None;
    }
    let sum = |place: usize| {
        let amount = text.get(place..place + 12)?.parse().ok()?;
        let count = text.get(place + 12..place + 15)?.parse().ok()?;
        Some(TerminalSum { count, amount })
    };
    let other = 2 * GROUP_DIGITS;
    let totals = TerminalTotals {
        card_debits: sum(0)?,
        card_credits: sum(15)?,
        other_debits: sum(other)?,
        other_credits: sum(other + 15)?,
    };
    let results = [30, GROUP_DIGITS + 30, other + 30];
    Some((totals, results.iter().all(|place| text.get(*place..=*place) == Some("1"))))
}

/// Field 48 of a settlement request. The simulated cards are all domestic.
pub(super) fn totals_text(totals: &TerminalTotals) -> String {
    let sum = |sum: TerminalSum| format!("{:012}{:03}", sum.amount.min(AMOUNT_MAX), sum.count);
    let group = |debits, credits| format!("{}{}0", sum(debits), sum(credits));
    let foreign = group(TerminalSum::default(), TerminalSum::default());
    let cards = group(totals.card_debits, totals.card_credits);
    cards + &foreign + &group(totals.other_debits, totals.other_credits)
}

/// Largest amount of field 4.
pub(super) const AMOUNT_MAX: u64 = 999_999_999_999;

/// Reads the parameters of field 62.
pub(super) fn parameters(private: &[u8]) -> Option<TerminalParameters> {
    let number = |tag| {
        let value = tlv::find(private, Tag::new(tag)?).ok()??;
        from_bcd(value)
    };
    let small = |tag| u32::try_from(number(tag)?).ok();
    Some(TerminalParameters {
        answer_timeout_s: small(0xDF01)?,
        reversal_tries_max: small(0xDF02)?,
        offline_sale_max: number(0xDF03)?,
        offline_total_max: number(0xDF04)?,
        batch_transactions_max: small(0xDF06)?,
        echo_interval_s: small(0xDF07)?,
    })
}

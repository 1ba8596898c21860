//! Requests as `docs/door/network.md` has them, read and checked field by field.

use iso8583::packagers::FIELD_90;
use iso8583::{Message, Mti};
use keys::Pan;
use money::Amount;

use super::Unfit;
use crate::behaviour::{Request, RequestKind};
use crate::book::{CardEnds, Entry, Kind, Original, Reference};
use crate::code;
use crate::moment;

/// What is asked.
pub(super) struct Asked {
    pub(super) what: What,
    pub(super) pan: Option<Pan>,
    pub(super) acquirer: u64,
    pub(super) currency: u16,
}

pub(super) enum What {
    Balance,
    Item(Entry),
    Reversal { original: Original, amount: Amount },
}

/// Fields of every request, besides those of its kind.
const ALWAYS: [u8; 10] = [3, 7, 11, 12, 13, 25, 32, 37, 41, 42];
const BY_CARD: [u8; 2] = [18, 22];
const AFTERWARDS: [u8; 3] = [4, 18, 90];
const BIN_DIGITS: usize = 6;

impl Asked {
    /// What its fate may depend on.
    pub(super) fn request(&self, message: &Message<'_>, now_ms: u64) -> Request {
        let number = |field| message.number(field).unwrap_or(0);
        let small = |field| u32::try_from(number(field)).unwrap_or(0);
        Request {
            kind: match &self.what {
                What::Balance => RequestKind::Balance,
                What::Item(entry) => RequestKind::Item(entry.kind),
                What::Reversal { .. } => RequestKind::Reversal,
            },
            repeat: message.mti().is_repeat(),
            amount: number(4),
            bin: self.pan.as_ref().map(|pan| pan.bin(BIN_DIGITS)),
            terminal: characters(message, 41).unwrap_or_default(),
            stan: small(11),
            sent: small(7),
            now_ms,
        }
    }
}

/// Reads a request.
pub(super) fn read(message: &Message<'_>, now_ms: u64) -> Result<Asked, Unfit> {
    let form = Unfit::Refused(code::FORMAT);
    demand(message, &ALWAYS)?;
    let kind = kind(message)?;
    let sent = u32::try_from(message.number(7)?).map_err(|_| Unfit::Refused(code::FORMAT))?;
    let sent_ms = moment::sent(sent, now_ms).ok_or(form)?;
    let stan = small(message, 11)?;
    let rrn = characters(message, 37)?;
    check_rrn(&rrn, sent_ms, stan)?;
    let reference = Reference { stan, sent, terminal: characters(message, 41)? };
    let currency = message.text(49)?.parse().map_err(|_| Unfit::Refused(code::FORMAT))?;
    let acquirer = message.number(32)?;
    let pan = card(message)?;
    let what = match kind {
        RequestKind::Balance => {
            demand(message, &BY_CARD)?;
            demand_card(pan.as_ref())?;
            What::Balance
        }
        RequestKind::Reversal => What::Reversal {
            original: original(message, reference.terminal, acquirer)?,
            amount: amount(message)?,
        },
        RequestKind::Item(kind) => {
            let by_card = matches!(kind, Kind::Sale | Kind::PreAuthorisation | Kind::Offline);
            demand(message, if by_card { &BY_CARD } else { &AFTERWARDS })?;
            if by_card {
                demand_card(pan.as_ref())?;
            }
            if !matches!(kind, Kind::Sale | Kind::PreAuthorisation | Kind::Refund) {
                demand(message, &[38])?;
            }
            let before = (!by_card).then(|| original(message, reference.terminal, acquirer));
            What::Item(Entry {
                reference,
                rrn,
                sent_ms,
                merchant: characters(message, 42)?,
                kind,
                amount: amount(message)?,
                card: pan
                    .as_ref()
                    .map(|pan| CardEnds { bin: pan.bin(BIN_DIGITS), last_four: pan.last_four() }),
                original: before.transpose()?,
                authorisation: characters(message, 38).ok(),
            })
        }
    };
    Ok(Asked { what, pan, acquirer, currency })
}

fn kind(message: &Message<'_>) -> Result<RequestKind, Unfit> {
    let processing = message.digits::<6>(3)?;
    let held = message.number(25)? == 6;
    let item = match (message.mti(), &processing) {
        (Mti::M0100, b"030000") if held => Kind::PreAuthorisation,
        (Mti::M0100, b"200000") => Kind::VoidPreAuthorisation,
        (Mti::M0200, b"310000") => return Ok(RequestKind::Balance),
        (Mti::M0200, b"000000") if held => Kind::Completion,
        (Mti::M0200, b"000000") => Kind::Sale,
        (Mti::M0200, b"200000") => Kind::Void,
        (mti, b"200000") if is_advice(mti) => Kind::Refund,
        (mti, b"000000") if is_advice(mti) => Kind::Offline,
        (Mti::M0400 | Mti::M0401, _) => return Ok(RequestKind::Reversal),
        _ => return Err(Unfit::Refused(code::NOT_POSSIBLE)),
    };
    Ok(RequestKind::Item(item))
}

/// 0220, or 0221.
fn is_advice(mti: Mti) -> bool {
    mti.repeat() == Mti::M0220.repeat()
}

fn demand(message: &Message<'_>, fields: &[u8]) -> Result<(), Unfit> {
    let all = fields.iter().all(|field| message.has(*field));
    if all { Ok(()) } else { Err(Unfit::Refused(code::FORMAT)) }
}

fn demand_card(pan: Option<&Pan>) -> Result<(), Unfit> {
    pan.map(|_| ()).ok_or(Unfit::Refused(code::FORMAT))
}

/// The card's number, from field 2 or from track 2.
fn card(message: &Message<'_>) -> Result<Option<Pan>, Unfit> {
    let (field, track) = match (message.get(2), message.get(35)) {
        (Some(number), _) => (number, false),
        (None, Some(track)) => (track, true),
        (None, None) => return Ok(None),
    };
    let text = field.text()?;
    let digits = if track { text.split('=').next().unwrap_or("") } else { &*text };
    Pan::parse(digits.as_bytes()).map(Some).map_err(|_| Unfit::Refused(code::CARD))
}

/// Field 90: class of the message type, STAN and moment, all of the same terminal.
fn original(message: &Message<'_>, terminal: [u8; 8], acquirer: u64) -> Result<Original, Unfit> {
    let form = |_| Unfit::Refused(code::FORMAT);
    let digits = message.digits::<42>(90)?;
    let parts = FIELD_90.split(&digits).map_err(form)?;
    let number = |part| parts.number(part).map_err(form);
    if number(3)? != acquirer || number(4)? != 0 {
        return Err(Unfit::Refused(code::FORMAT));
    }
    let small = |number: u64| u32::try_from(number).map_err(|_| Unfit::Refused(code::FORMAT));
    let (class, stan, sent) = (number(0)? / 10, small(number(1)?)?, small(number(2)?)?);
    Ok(Original {
        message_class: u16::try_from(class).map_err(|_| Unfit::Refused(code::FORMAT))?,
        reference: Reference { stan, sent, terminal },
    })
}

fn amount(message: &Message<'_>) -> Result<Amount, Unfit> {
    Amount::new(message.number(4)?).ok_or(Unfit::Refused(code::FORMAT))
}

fn small(message: &Message<'_>, field: u8) -> Result<u32, Unfit> {
    u32::try_from(message.number(field)?).map_err(|_| Unfit::Refused(code::FORMAT))
}

fn characters<const N: usize>(message: &Message<'_>, field: u8) -> Result<[u8; N], Unfit> {
    message.bytes(field)?.try_into().map_err(|_| Unfit::Refused(code::FORMAT))
}

/// The first six characters of an RRN are seconds in Crockford's base 32, the rest is the STAN. A
/// moment before 2010 has no such number, and is not checked.
fn check_rrn(rrn: &[u8; 12], sent_ms: u64, stan: u32) -> Result<(), Unfit> {
    let Some(seconds) = (sent_ms / 1_000).checked_sub(moment::RRN_EPOCH_S) else {
        return Ok(());
    };
    if rrn_of(seconds, stan).as_bytes() == rrn { Ok(()) } else { Err(Unfit::Refused(code::FORMAT)) }
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn rrn_of(seconds: u64, stan: u32) -> String {
    let digit = |place: u32| {
        let value = usize::try_from(seconds >> (5 * place) & 31).unwrap_or(0);
        char::from(CROCKFORD[value])
    };
    let moment: String = (0..6).rev().map(digit).collect();
    format!("{moment}{stan:06}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_number_is_the_moment_and_the_stan() {
        // 2026-11-22 21:18:00 UTC is 533,078,280 seconds after 2010-01-01.
        assert_eq!(rrn_of(533_078_280, 42), "FWC888000042");
        assert_eq!(rrn_of(0, 999_999), "000000999999");
        assert!(check_rrn(b"FWC888000042", 1_795_382_280_999, 42).is_ok());
        assert!(check_rrn(b"FWC888000043", 1_795_382_280_999, 42).is_err());
        assert!(check_rrn(b"whatever one", 1_262_303_999_000, 42).is_ok());
    }
}

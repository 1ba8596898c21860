//! Reads and checks requests field by field, as `docs/door/network.md` describes them.

use iso8583::packagers::FIELD_90;
use iso8583::{Message, Mti};
use keys::Pan;
use money::Amount;

use super::Rejection;
use crate::behaviour::{NetworkRequestKind, RequestSummary};
use crate::codes::{self, AuthorisationCode, ResponseCode, Rrn};
use crate::ledger::{
    MaskedCard, NetworkTransactionKind, OriginalTransaction, TransactionReference,
    TransactionRequest,
};
use crate::message_time;

/// A request that passed the format checks.
pub(super) struct NetworkRequest {
    pub(super) body: RequestBody,
    pub(super) pan: Option<Pan>,
    pub(super) acquirer: u64,
    pub(super) currency: u16,
}

pub(super) enum RequestBody {
    Balance,
    Transaction(TransactionRequest),
    Reversal { original: OriginalTransaction, amount: Amount },
}

/// Fields of every request.
const REQUIRED: [u8; 10] = [3, 7, 11, 12, 13, 25, 32, 37, 41, 42];
const REQUIRED_WITH_CARD: [u8; 2] = [18, 22];
const REQUIRED_WITH_ORIGINAL: [u8; 3] = [4, 18, 90];
const BIN_DIGITS: usize = 6;

impl NetworkRequest {
    pub(super) fn summary(&self, message: &Message<'_>, now_ms: u64) -> RequestSummary {
        let number = |field| message.number(field).unwrap_or(0);
        let number_u32 = |field| u32::try_from(number(field)).unwrap_or(0);
        RequestSummary {
            kind: match &self.body {
                RequestBody::Balance => NetworkRequestKind::Balance,
                RequestBody::Transaction(entry) => NetworkRequestKind::Transaction(entry.kind),
                RequestBody::Reversal { .. } => NetworkRequestKind::Reversal,
            },
            repeat: message.mti().is_repeat(),
            amount: number(4),
            bin: self.pan.as_ref().map(|pan| pan.bin(BIN_DIGITS)),
            terminal: characters(message, 41).unwrap_or_default(),
            stan: number_u32(11),
            transmission_time: number_u32(7),
            now_ms,
        }
    }
}

pub(super) fn read(message: &Message<'_>, now_ms: u64) -> Result<NetworkRequest, Rejection> {
    let format_error = Rejection::Declined(ResponseCode::FORMAT_ERROR);
    require(message, &REQUIRED)?;
    let kind = kind(message)?;
    let sent = u32::try_from(message.number(7)?)
        .map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))?;
    let sent_ms = message_time::parse_transmission_time(sent, now_ms).ok_or(format_error)?;
    let stan = number_u32(message, 11)?;
    let rrn = code(message, 37, Rrn::new)?;
    check_rrn(rrn, sent_ms, stan)?;
    let reference =
        TransactionReference { stan, transmission_time: sent, terminal: characters(message, 41)? };
    let currency =
        message.text(49)?.parse().map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))?;
    let acquirer = message.number(32)?;
    let pan = card(message)?;
    let what = match kind {
        NetworkRequestKind::Balance => {
            require(message, &REQUIRED_WITH_CARD)?;
            require_card(pan.as_ref())?;
            RequestBody::Balance
        }
        NetworkRequestKind::Reversal => RequestBody::Reversal {
            original: original(message, reference.terminal, acquirer)?,
            amount: amount(message)?,
        },
        NetworkRequestKind::Transaction(kind) => {
            let by_card = matches!(
                kind,
                NetworkTransactionKind::Sale
                    | NetworkTransactionKind::PreAuthorisation
                    | NetworkTransactionKind::Offline
            );
            require(message, if by_card { &REQUIRED_WITH_CARD } else { &REQUIRED_WITH_ORIGINAL })?;
            if by_card {
                require_card(pan.as_ref())?;
            }
            if !matches!(
                kind,
                NetworkTransactionKind::Sale
                    | NetworkTransactionKind::PreAuthorisation
                    | NetworkTransactionKind::Refund
            ) {
                require(message, &[38])?;
            }
            let authorisation = message.has(38).then(|| code(message, 38, AuthorisationCode::new));
            let before = (!by_card).then(|| original(message, reference.terminal, acquirer));
            RequestBody::Transaction(TransactionRequest {
                reference,
                rrn,
                sent_ms,
                merchant: characters(message, 42)?,
                kind,
                amount: amount(message)?,
                card: pan
                    .as_ref()
                    .map(|pan| MaskedCard { bin: pan.bin(BIN_DIGITS), last_four: pan.last_four() }),
                original: before.transpose()?,
                authorisation: authorisation.transpose()?,
            })
        }
    };
    Ok(NetworkRequest { body: what, pan, acquirer, currency })
}

fn kind(message: &Message<'_>) -> Result<NetworkRequestKind, Rejection> {
    let processing = message.digits::<6>(3)?;
    let held = message.number(25)? == 6;
    let item = match (message.mti(), &processing) {
        (Mti::M0100, b"030000") if held => NetworkTransactionKind::PreAuthorisation,
        (Mti::M0100, b"200000") => NetworkTransactionKind::VoidPreAuthorisation,
        (Mti::M0200, b"310000") => return Ok(NetworkRequestKind::Balance),
        (Mti::M0200, b"000000") if held => NetworkTransactionKind::Completion,
        (Mti::M0200, b"000000") => NetworkTransactionKind::Sale,
        (Mti::M0200, b"200000") => NetworkTransactionKind::Void,
        (mti, b"200000") if is_advice(mti) => NetworkTransactionKind::Refund,
        (mti, b"000000") if is_advice(mti) => NetworkTransactionKind::Offline,
        (Mti::M0400 | Mti::M0401, _) => return Ok(NetworkRequestKind::Reversal),
        _ => return Err(Rejection::Declined(ResponseCode::INVALID_TRANSACTION)),
    };
    Ok(NetworkRequestKind::Transaction(item))
}

/// 0220 or its repeat 0221.
fn is_advice(mti: Mti) -> bool {
    mti.repeat() == Mti::M0220.repeat()
}

fn require(message: &Message<'_>, fields: &[u8]) -> Result<(), Rejection> {
    let all = fields.iter().all(|field| message.has(*field));
    if all { Ok(()) } else { Err(Rejection::Declined(ResponseCode::FORMAT_ERROR)) }
}

fn require_card(pan: Option<&Pan>) -> Result<(), Rejection> {
    pan.map(|_| ()).ok_or(Rejection::Declined(ResponseCode::FORMAT_ERROR))
}

/// Card number from field 2 or track 2.
fn card(message: &Message<'_>) -> Result<Option<Pan>, Rejection> {
    let (field, track) = match (message.get(2), message.get(35)) {
        (Some(number), _) => (number, false),
        (None, Some(track)) => (track, true),
        (None, None) => return Ok(None),
    };
    let text = field.text()?;
    let digits = if track { text.split('=').next().unwrap_or("") } else { &*text };
    Pan::parse(digits.as_bytes())
        .map(Some)
        .map_err(|_| Rejection::Declined(ResponseCode::INVALID_CARD))
}

/// Reads field 90: message type, STAN and transmission time of the original, which has the same
/// terminal.
fn original(
    message: &Message<'_>,
    terminal: [u8; 8],
    acquirer: u64,
) -> Result<OriginalTransaction, Rejection> {
    let format_error = |_| Rejection::Declined(ResponseCode::FORMAT_ERROR);
    let digits = message.digits::<42>(90)?;
    let parts = FIELD_90.split(&digits).map_err(format_error)?;
    let number = |part| parts.number(part).map_err(format_error);
    if number(3)? != acquirer || number(4)? != 0 {
        return Err(Rejection::Declined(ResponseCode::FORMAT_ERROR));
    }
    let number_u32 = |number: u64| {
        u32::try_from(number).map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))
    };
    let (class, stan, sent) = (number(0)? / 10, number_u32(number(1)?)?, number_u32(number(2)?)?);
    Ok(OriginalTransaction {
        message_class: u16::try_from(class)
            .map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))?,
        reference: TransactionReference { stan, transmission_time: sent, terminal },
    })
}

fn amount(message: &Message<'_>) -> Result<Amount, Rejection> {
    Amount::new(message.number(4)?).ok_or(Rejection::Declined(ResponseCode::FORMAT_ERROR))
}

fn number_u32(message: &Message<'_>, field: u8) -> Result<u32, Rejection> {
    u32::try_from(message.number(field)?)
        .map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))
}

fn characters<const N: usize>(message: &Message<'_>, field: u8) -> Result<[u8; N], Rejection> {
    message.bytes(field)?.try_into().map_err(|_| Rejection::Declined(ResponseCode::FORMAT_ERROR))
}

fn code<const N: usize, C>(
    message: &Message<'_>,
    field: u8,
    new: fn([u8; N]) -> Option<C>,
) -> Result<C, Rejection> {
    new(characters(message, field)?).ok_or(Rejection::Declined(ResponseCode::FORMAT_ERROR))
}

/// A time before 2010 has no RRN and is not checked.
fn check_rrn(rrn: Rrn, sent_ms: u64, stan: u32) -> Result<(), Rejection> {
    let has_rrn = sent_ms / 1_000 >= codes::RRN_EPOCH_S;
    if !has_rrn || Rrn::of_request(sent_ms, stan) == rrn {
        Ok(())
    } else {
        Err(Rejection::Declined(ResponseCode::FORMAT_ERROR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rrn_must_have_the_time_and_the_stan() {
        let check = |rrn, sent_ms| check_rrn(Rrn::new(rrn).unwrap(), sent_ms, 42);
        assert!(check(*b"FWC888000042", 1_795_382_280_999).is_ok());
        assert!(check(*b"FWC888000043", 1_795_382_280_999).is_err());
        assert!(check(*b"whatever1one", 1_262_303_999_000).is_ok());
    }
}

//! What wallets say of their orders: signed requests over HTTP. docs/door/wallet.md.

use std::fmt;

use engine::{Timestamp, WalletId};
use hmac::{Hmac, KeyInit, Mac};
use money::{Amount, Currency};
use serde::Deserialize;
use sha2::Sha256;
use switch::{WalletNote, WalletOutcome, WalletReply};
use zeroize::Zeroizing;

use crate::http::{self, Asked, Misunderstood};
use crate::limits::WALLET_BYTES_MAX;
use crate::sockets::{Id, Sockets};

/// How far a request's time may be from ours, in seconds, either way.
pub const SIGNED_SECONDS_AGO_MAX: u64 = 300;
/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "doorstep-timestamp";
/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "doorstep-signature";
/// Bytes of an order's reference at the most.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// A wallet that may say something.
#[derive(Clone)]
pub struct WalletDoor {
    /// Its name in the path.
    pub name: String,
    /// The wallet in the books.
    pub wallet: WalletId,
    /// What it signs with.
    pub secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for WalletDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalletDoor").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The body of a note.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    reference: String,
    amount_minor: u64,
    currency: String,
    outcome: Outcome,
    /// The wallet's own number of the payment: for its people and ours to find it again.
    #[serde(default, rename = "transaction")]
    _transaction: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Paid,
    Failed,
    Refunded,
}

/// The signature of a body at a time, as it stands in the header.
#[must_use]
pub fn signature(secret: &[u8], seconds: u64, body: &[u8]) -> String {
    let digest = keyed(secret, &seconds.to_string(), body).finalize().into_bytes();
    digest.iter().fold("v1=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn keyed(secret: &[u8], seconds: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// What a wallet asks for.
pub(crate) enum Said {
    /// It tells what became of an order.
    Note(WalletNote),
    /// It asks what it has to give back.
    ToGiveBack(WalletId),
}

/// Hears a request. What is neither a note nor a question is answered here.
pub(crate) fn heard(
    sockets: &mut Sockets,
    id: Id,
    wallets: &[WalletDoor],
    bytes: &[u8],
    now: Timestamp,
) -> Option<Said> {
    let asked = match http::read(bytes, WALLET_BYTES_MAX) {
        Ok(asked) => asked,
        Err(Misunderstood(status)) => {
            answer(
                sockets,
                id,
                http::problem(status, "the request is not understood", false),
                false,
            );
            return None;
        }
    };
    match said(&asked, wallets, now) {
        Ok(said) => {
            sockets.set_tag(id, u64::from(asked.stays));
            Some(said)
        }
        Err((status, detail)) => {
            // Whoever has no signature has no use of a connection.
            let stays = asked.stays && status != 401;
            answer(sockets, id, http::problem(status, &detail, stays), stays);
            None
        }
    }
}

/// Answers what is to be given back: references and amounts in minor units.
pub(crate) fn tell_to_give_back(sockets: &mut Sockets, id: Id, orders: &[(String, u64)]) {
    let order = |(reference, minor): &(String, u64)| {
        let (reference, minor) = (reference.as_str(), *minor);
        serde_json::json!({ "reference": reference, "amount_minor": minor })
    };
    let orders: Vec<_> = orders.iter().map(order).collect();
    let body = serde_json::json!({"orders": orders}).to_string();
    let stays = sockets.tag(id) == 1;
    answer(sockets, id, http::response(200, "application/json", &body, stays), stays);
}

/// Answers a note.
pub(crate) fn reply(sockets: &mut Sockets, reply: u64, what: WalletReply) {
    let id = Id::of_number(reply);
    let stays = sockets.tag(id) == 1;
    let json = "application/json";
    let bytes = match what {
        WalletReply::Accepted => http::response(200, json, r#"{"outcome":"accepted"}"#, stays),
        WalletReply::Refund => http::response(200, json, r#"{"outcome":"refund"}"#, stays),
        WalletReply::UnknownOrder => http::problem(404, "no such order", stays),
        WalletReply::Later => {
            http::problem(503, "the books cannot answer at the moment; send it again", stays)
        }
    };
    answer(sockets, id, bytes, stays);
}

fn answer(sockets: &mut Sockets, id: Id, bytes: Vec<u8>, stays: bool) {
    sockets.send(id, &[&bytes], true);
    if !stays {
        sockets.close_when_written(id);
    }
}

fn said(asked: &Asked<'_>, wallets: &[WalletDoor], now: Timestamp) -> Result<Said, (u16, String)> {
    let no_such =
        || (404, "the paths are /wallets/{wallet}/notes and /wallets/{wallet}/refunds".to_owned());
    let path = asked.path.strip_prefix("/wallets/").and_then(|path| path.split_once('/'));
    let (name, method) = match path {
        Some((name, "notes")) => (name, "POST"),
        Some((name, "refunds")) => (name, "GET"),
        _ => return Err(no_such()),
    };
    if asked.method != method {
        return Err((405, "notes are sent by POST, refunds are asked for by GET".into()));
    }
    // A wallet that is not known is told the same as one whose signature is wrong.
    let unsigned = || (401, format!("{SIGNATURE_HEADER} or {TIMESTAMP_HEADER} is wrong"));
    let wallet = wallets.iter().find(|wallet| wallet.name == name).ok_or_else(unsigned)?;
    verify(asked, &wallet.secret, now).ok_or_else(unsigned)?;
    if method == "GET" {
        return Ok(Said::ToGiveBack(wallet.wallet));
    }
    note(asked.body, wallet.wallet).map(Said::Note)
}

fn note(body: &[u8], wallet: WalletId) -> Result<WalletNote, (u16, String)> {
    let wrong = |what: &str| (422, what.to_owned());
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| (400, format!("line {}, column {}", error.line(), error.column())))?;
    let Body { reference, amount_minor, currency, outcome, .. } = body;
    let printable = reference.bytes().all(|byte| byte.is_ascii_graphic());
    if reference.is_empty() || reference.len() > REFERENCE_BYTES_MAX || !printable {
        return Err(wrong("reference must be 1 to 64 printable characters of ASCII"));
    }
    Ok(WalletNote {
        wallet,
        reference,
        amount: Amount::new(amount_minor).ok_or_else(|| wrong("amount_minor is too large"))?,
        currency: currency
            .parse::<Currency>()
            .map_err(|_| wrong("currency must be a code of ISO 4217"))?,
        outcome: match outcome {
            Outcome::Paid => WalletOutcome::Paid,
            Outcome::Failed => WalletOutcome::Failed,
            Outcome::Refunded => WalletOutcome::Refunded,
        },
    })
}

/// Nothing where the time or the signature is wrong.
fn verify(asked: &Asked<'_>, secret: &[u8], now: Timestamp) -> Option<()> {
    let seconds = str::from_utf8(asked.header(TIMESTAMP_HEADER)?).ok()?;
    if seconds.len() > 12 || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let signed: u64 = seconds.parse().ok()?;
    if signed.abs_diff(now.0 / 1_000) > SIGNED_SECONDS_AGO_MAX {
        return None;
    }
    let digits = asked.header(SIGNATURE_HEADER)?.strip_prefix(b"v1=")?;
    let mut digest = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        let pair = str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    keyed(secret, seconds, asked.body).verify_slice(&digest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const PAID: &str =
        r#"{"reference":"A1","amount_minor":1250,"currency":"CNY","outcome":"paid"}"#;

    fn hear(seconds: u64, secret: &[u8], body: &str, path: &str) -> Result<WalletNote, u16> {
        match say("POST", seconds, secret, body, path)? {
            Said::Note(note) => Ok(note),
            Said::ToGiveBack(_) => panic!("a note is no question"),
        }
    }

    fn say(method: &str, seconds: u64, secret: &[u8], body: &str, path: &str) -> Result<Said, u16> {
        let signature = signature(secret, seconds, body.as_bytes());
        let text = format!(
            "{method} {path} HTTP/1.1\r\nContent-Length: {}\r\nDoorstep-Timestamp: {seconds}\r\n\
             Doorstep-Signature: {signature}\r\n\r\n{body}",
            body.len()
        );
        let (name, wallet) = ("red".to_owned(), WalletId(5));
        let wallets = [WalletDoor { name, wallet, secret: Zeroizing::new(b"secret".to_vec()) }];
        let asked = http::read(text.as_bytes(), WALLET_BYTES_MAX).unwrap();
        said(&asked, &wallets, NOW).map_err(|(status, _)| status)
    }

    #[test]
    fn a_signed_note_is_heard_and_nothing_else() {
        let path = "/wallets/red/notes";
        let note = hear(1_700_000_000, b"secret", PAID, path).unwrap();
        assert_eq!((note.reference.as_str(), note.amount), ("A1", Amount::of(1_250)));
        assert_eq!(hear(1_700_000_000, b"guess", PAID, path), Err(401));
        assert_eq!(hear(1_700_000_000, b"secret", PAID, "/wallets/blue/notes"), Err(401));
        assert_eq!(hear(1_700_000_000, b"secret", PAID, "/wallets/red"), Err(404));
        assert!(hear(1_700_000_300, b"secret", PAID, path).is_ok());
        assert_eq!(hear(1_700_000_301, b"secret", PAID, path), Err(401));
        assert_eq!(hear(1_699_999_699, b"secret", PAID, path), Err(401));
    }

    #[test]
    fn a_wallet_asks_what_it_has_to_give_back() {
        let ask = |method, path| say(method, 1_700_000_000, b"secret", "", path);
        let said = ask("GET", "/wallets/red/refunds");
        assert!(matches!(said, Ok(Said::ToGiveBack(WalletId(5)))));
        assert!(matches!(ask("POST", "/wallets/red/refunds"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/red/notes"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/blue/refunds"), Err(401)));
    }

    #[test]
    fn a_note_that_says_nonsense_is_told_what() {
        let path = "/wallets/red/notes";
        let hear = |body: &str| hear(1_700_000_000, b"secret", body, path);
        assert_eq!(hear("{"), Err(400));
        assert_eq!(hear(&PAID.replace("CNY", "RMB")), Err(422));
        assert_eq!(hear(&PAID.replace("A1", "")), Err(422));
        assert_eq!(hear(&PAID.replace("1250", "-1")), Err(400));
        assert_eq!(hear(&PAID.replace("paid", "lost")), Err(400));
    }

    #[test]
    fn signatures_are_hmac_sha256_of_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature(b"secret", 1_700_000_000, b"{}"),
            "v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}

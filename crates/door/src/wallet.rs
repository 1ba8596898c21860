//! What wallets say of their orders: signed requests over HTTP. docs/door/wallet.md.

use std::collections::HashMap;
use std::fmt;

use engine::{Timestamp, WalletId};
use hmac::{Hmac, KeyInit, Mac};
use money::{Amount, Currency};
use serde::Deserialize;
use sha2::Sha256;
use switch::{OrderStanding, WalletNote, WalletOutcome, WalletReply};
use zeroize::Zeroizing;

use crate::http::{self, Asked, Misunderstood};
use crate::limits::{ORDERS_PER_LIST_MAX, WALLET_BYTES_MAX};
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

/// The signature of a request with this body at a time, as it stands in the header.
#[must_use]
pub fn signature(secret: &[u8], seconds: u64, body: &[u8]) -> String {
    written(keyed(secret, &[seconds.to_string().as_bytes(), body]))
}

/// The signature of an answer to the request that had this signature and path.
#[must_use]
pub fn answer_signature(
    secret: &[u8],
    (request, path): (&str, &str),
    status: u16,
    body: &[u8],
) -> String {
    let status = status.to_string();
    written(keyed(secret, &[request.as_bytes(), path.as_bytes(), status.as_bytes(), body]))
}

fn written(mac: Hmac<Sha256>) -> String {
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("v1=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Keyed over parts with full stops between them.
fn keyed(secret: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            mac.update(b".");
        }
        mac.update(part);
    }
    mac
}

/// What a wallet says.
pub(crate) enum Said {
    /// It tells what became of an order.
    Note(WalletNote),
    /// It asks what it has to give back.
    ToGiveBack(WalletId),
    /// It asks where the order with this reference stands.
    Look(WalletId, String),
}

/// Who waits for an answer, and what signs it.
struct Asker {
    id: Id,
    stays: bool,
    /// The place of the wallet.
    wallet: usize,
    signature: String,
    path: String,
}

/// The wallets that may say something, and what they wait for.
pub(crate) struct Wallets {
    doors: Vec<WalletDoor>,
    /// By the number of the request.
    asked: HashMap<u64, Asker>,
    requests: u64,
}

impl Wallets {
    pub(crate) fn new(doors: Vec<WalletDoor>) -> Wallets {
        Wallets { doors, asked: HashMap::new(), requests: 0 }
    }

    /// Hears a request; with its number, for the answer. What is none is answered here.
    pub(crate) fn heard(
        &mut self,
        sockets: &mut Sockets,
        id: Id,
        bytes: &[u8],
        now: Timestamp,
    ) -> Option<(Said, u64)> {
        self.requests += 1;
        // An answer that comes when the next request is there already is nobody's.
        sockets.set_tag(id, self.requests);
        let asked = match http::read(bytes, WALLET_BYTES_MAX) {
            Ok(asked) => asked,
            Err(Misunderstood(status)) => {
                let problem = http::problem(status, "the request is not understood");
                send(sockets, id, false, &problem.bytes(false, None));
                return None;
            }
        };
        let (wallet, way) = match signed(&asked, &self.doors, now) {
            Ok(signed) => signed,
            Err((status, detail)) => {
                // Whoever has no signature has no use of a connection.
                let stays = asked.stays && status != 401;
                send(sockets, id, stays, &http::problem(status, &detail).bytes(stays, None));
                return None;
            }
        };
        let signature = asked.header(SIGNATURE_HEADER).map(String::from_utf8_lossy);
        let asker = Asker {
            id,
            stays: asked.stays,
            wallet,
            signature: signature.unwrap_or_default().into_owned(),
            path: asked.path.to_owned(),
        };
        match said(way, asked.body, self.doors[wallet].wallet) {
            Ok(said) => {
                self.asked.insert(self.requests, asker);
                Some((said, self.requests))
            }
            Err((status, detail)) => {
                self.answer(sockets, &asker, &http::problem(status, &detail));
                None
            }
        }
    }

    /// Answers what is to be given back: references and amounts in minor units.
    pub(crate) fn tell_to_give_back(
        &mut self,
        sockets: &mut Sockets,
        request: u64,
        orders: &[(String, u64)],
    ) {
        let order = |(reference, minor): &(String, u64)| {
            let (reference, minor) = (reference.as_str(), *minor);
            serde_json::json!({ "reference": reference, "amount_minor": minor })
        };
        let orders: Vec<_> = orders.iter().take(ORDERS_PER_LIST_MAX).map(order).collect();
        self.answer_request(sockets, request, &http::json(&serde_json::json!({"orders": orders})));
    }

    /// Answers a note, or where an order stands.
    pub(crate) fn reply(&mut self, sockets: &mut Sockets, request: u64, what: WalletReply) {
        let outcome = |outcome| http::json(&serde_json::json!({ "outcome": outcome }));
        let answer = match what {
            WalletReply::Accepted => outcome("accepted"),
            WalletReply::Refund => outcome("refund"),
            WalletReply::Order(standing, amount) => http::json(&serde_json::json!({
                "standing": word(standing), "amount_minor": amount.minor(),
            })),
            WalletReply::UnknownOrder => http::problem(404, "no such order"),
            WalletReply::Contradiction => {
                http::problem(409, "the books say otherwise; see where the order stands")
            }
            WalletReply::Later => {
                http::problem(503, "the books cannot answer at the moment; send it again")
            }
        };
        self.answer_request(sockets, request, &answer);
    }

    fn answer_request(&mut self, sockets: &mut Sockets, request: u64, answer: &http::Answer) {
        let asker = self.asked.remove(&request);
        if let Some(asker) = asker.filter(|asker| sockets.tag(asker.id) == request) {
            self.answer(sockets, &asker, answer);
        }
    }

    fn answer(&self, sockets: &mut Sockets, asker: &Asker, answer: &http::Answer) {
        let secret = &self.doors[asker.wallet].secret;
        let request = (asker.signature.as_str(), asker.path.as_str());
        let signature = answer_signature(secret, request, answer.status, answer.body.as_bytes());
        let bytes = answer.bytes(asker.stays, Some(("Doorstep-Signature", &signature)));
        send(sockets, asker.id, asker.stays, &bytes);
    }
}

fn send(sockets: &mut Sockets, id: Id, stays: bool, bytes: &[u8]) {
    sockets.send(id, &[bytes], true);
    if !stays {
        sockets.close_when_written(id);
    }
}

fn word(standing: OrderStanding) -> &'static str {
    match standing {
        OrderStanding::Waiting => "waiting",
        OrderStanding::Paid => "paid",
        OrderStanding::Expired => "expired",
        OrderStanding::ToGiveBack => "to_give_back",
        OrderStanding::GivenBack => "given_back",
    }
}

/// What a path asks for.
#[derive(Clone, Copy)]
enum Way<'b> {
    Notes,
    Refunds,
    Order(&'b str),
}

/// The place of the wallet that has signed a request, and what that is about.
fn signed<'b>(
    asked: &Asked<'b>,
    wallets: &[WalletDoor],
    now: Timestamp,
) -> Result<(usize, Way<'b>), (u16, String)> {
    let path = asked.path.strip_prefix("/wallets/").and_then(|path| path.split_once('/'));
    let (name, way, method) = match path {
        Some((name, "notes")) => (name, Way::Notes, "POST"),
        Some((name, "refunds")) => (name, Way::Refunds, "GET"),
        Some((name, rest)) if let Some(reference) = rest.strip_prefix("orders/") => {
            (name, Way::Order(reference), "GET")
        }
        _ => return Err((404, "the paths are /wallets/{wallet}/notes, refunds and orders".into())),
    };
    if asked.method != method {
        return Err((405, "notes are sent by POST, refunds and orders asked for by GET".into()));
    }
    // A wallet that is not known is told the same as one whose signature is wrong.
    let unsigned = || (401, format!("{SIGNATURE_HEADER} or {TIMESTAMP_HEADER} is wrong"));
    let place = wallets.iter().position(|wallet| wallet.name == name).ok_or_else(unsigned)?;
    verify(asked, &wallets[place].secret, now).ok_or_else(unsigned)?;
    Ok((place, way))
}

fn said(way: Way<'_>, body: &[u8], wallet: WalletId) -> Result<Said, (u16, String)> {
    match way {
        Way::Notes => note(body, wallet).map(Said::Note),
        Way::Refunds => Ok(Said::ToGiveBack(wallet)),
        Way::Order(reference) => Ok(Said::Look(wallet, reference.to_owned())),
    }
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
    keyed(secret, &[seconds.as_bytes(), asked.body]).verify_slice(&digest).ok()
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
            _ => panic!("a note is no question"),
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
        let heard = signed(&asked, &wallets, NOW)
            .and_then(|(place, way)| said(way, asked.body, wallets[place].wallet));
        heard.map_err(|(status, _)| status)
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
    fn a_wallet_asks_where_an_order_stands() {
        let ask = |method, path| say(method, 1_700_000_000, b"secret", "", path);
        let said = ask("GET", "/wallets/red/orders/A1");
        assert!(matches!(said, Ok(Said::Look(WalletId(5), reference)) if reference == "A1"));
        assert!(matches!(ask("POST", "/wallets/red/orders/A1"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/blue/orders/A1"), Err(401)));
        assert!(matches!(ask("GET", "/wallets/red/orders"), Err(404)));
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

    #[test]
    fn an_answer_is_signed_for_its_request() {
        let signed = |request, path, status, body: &str| {
            answer_signature(b"secret", (request, path), status, body.as_bytes())
        };
        // printf 'v1=aa./wallets/red/notes.200.{}' | openssl dgst -sha256 -hmac secret
        let right = signed("v1=aa", "/wallets/red/notes", 200, "{}");
        assert_eq!(right, "v1=c2a06a5c691832def6019f78a59d4304d0817c663e2d5b8887d61b78cfbdd6ae");
        for other in [
            signed("v1=ab", "/wallets/red/notes", 200, "{}"),
            signed("v1=aa", "/wallets/red/orders/1", 200, "{}"),
            signed("v1=aa", "/wallets/red/notes", 404, "{}"),
            signed("v1=aa", "/wallets/red/notes", 200, "[]"),
        ] {
            assert_ne!(right, other);
        }
    }
}

//! What wallets say of their orders: signed requests over HTTP. docs/door/wallet.md.

use std::collections::HashMap;
use std::fmt;

use engine::{Timestamp, WalletId};
use hmac::{Hmac, KeyInit, Mac};
use money::{Amount, Currency};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use switch::{OrderStanding, WalletNote, WalletOutcome, WalletPayment, WalletReply};
use zeroize::Zeroizing;

use crate::http::{self, Asked, Misunderstood};
use crate::limits::{ORDERS_PER_LIST_MAX, WALLET_BYTES_MAX};
use crate::sockets::{Id, Sockets};

/// How far a request's time may be from ours, in seconds, either way.
pub const SIGNED_SECONDS_AGO_MAX: u64 = 300;
/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "doorstep-timestamp";
/// The header with what a wallet says once: it tells two equal requests apart.
pub const NONCE_HEADER: &str = "doorstep-nonce";
/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "doorstep-signature";
/// Bytes of an order's reference, a payment's number and a nonce at the most.
pub const NAME_BYTES_MAX: usize = 64;

/// The letters that a payment is known by.
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";

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
    /// The wallet's own number of the payment.
    transaction: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Paid,
    Failed,
    Refunded,
}

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'r> {
    /// When, in seconds since 1970.
    pub seconds: u64,
    /// What its sender has not said before.
    pub nonce: &'r str,
    /// How it asks.
    pub method: &'r str,
    /// What for.
    pub path: &'r str,
    /// As it is sent.
    pub body: &'r [u8],
}

impl Signed<'_> {
    /// The signature, as it stands in the header.
    #[must_use]
    pub fn signature(&self, secret: &[u8]) -> String {
        let digest = self.keyed(secret).finalize().into_bytes();
        written(&digest)
    }

    fn keyed(&self, secret: &[u8]) -> Hmac<Sha256> {
        let seconds = self.seconds.to_string();
        let line = [&seconds, self.nonce, self.method, self.path].map(str::as_bytes);
        keyed(secret, &line, self.body)
    }
}

/// The signature of an answer to the request that had this signature.
#[must_use]
pub fn answer_signature(secret: &[u8], request: &str, status: u16, body: &[u8]) -> String {
    let status = status.to_string();
    let mac = keyed(secret, &[request.as_bytes(), status.as_bytes()], body);
    written(&mac.finalize().into_bytes())
}

fn written(digest: &[u8]) -> String {
    digest.iter().fold("v1=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Keyed over lines, and what is behind them.
fn keyed(secret: &[u8], lines: &[&[u8]], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    for line in lines {
        mac.update(line);
        mac.update(b"\n");
    }
    mac.update(body);
    mac
}

/// What the books know a wallet's payment by: six letters of its number's digest, enough to tell
/// the payments of one order apart.
fn payment(transaction: &str) -> WalletPayment {
    let digest = Sha256::digest(transaction);
    let mut letters = [0; 6];
    for (letter, byte) in letters.iter_mut().zip(digest) {
        *letter = LETTERS[usize::from(byte % 64)];
    }
    WalletPayment(letters)
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
        // A wallet that is not known is told the same as one whose signature is wrong.
        let Some((wallet, path)) = signed(&asked, &self.doors, now) else {
            let problem = http::problem(401, "the signature, or what is signed, is wrong");
            // Whoever has no signature has no use of a connection.
            send(sockets, id, false, &problem.bytes(false, None));
            return None;
        };
        let signature = asked.header(SIGNATURE_HEADER).map(String::from_utf8_lossy);
        let asker = Asker {
            id,
            stays: asked.stays,
            wallet,
            signature: signature.unwrap_or_default().into_owned(),
        };
        match said(&asked, path, self.doors[wallet].wallet) {
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
        let (status, body) = (answer.status, answer.body.as_bytes());
        let signature = answer_signature(secret, &asker.signature, status, body);
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

/// The place of the wallet that has signed a request, and the rest of its path.
fn signed<'b>(
    asked: &Asked<'b>,
    wallets: &[WalletDoor],
    now: Timestamp,
) -> Option<(usize, &'b str)> {
    let (name, rest) = asked.path.strip_prefix("/wallets/")?.split_once('/')?;
    let place = wallets.iter().position(|wallet| wallet.name == name)?;
    verify(asked, &wallets[place].secret, now)?;
    Some((place, rest))
}

fn said(asked: &Asked<'_>, path: &str, wallet: WalletId) -> Result<Said, (u16, String)> {
    match (asked.method, path, path.strip_prefix("orders/")) {
        ("POST", "notes", _) => note(asked.body, wallet).map(Said::Note),
        ("GET", "refunds", _) => Ok(Said::ToGiveBack(wallet)),
        ("GET", _, Some(reference)) => Ok(Said::Look(wallet, reference.to_owned())),
        (_, "notes" | "refunds", _) | (_, _, Some(_)) => {
            Err((405, "notes are sent by POST, refunds and orders asked for by GET".into()))
        }
        _ => Err((404, "the paths are /wallets/{wallet}/notes, refunds and orders".into())),
    }
}

fn note(body: &[u8], wallet: WalletId) -> Result<WalletNote, (u16, String)> {
    let wrong = |what: &str| (422, what.to_owned());
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| (400, format!("line {}, column {}", error.line(), error.column())))?;
    let Body { reference, amount_minor, currency, outcome, transaction } = body;
    if !is_name(&reference) {
        return Err(wrong("reference must be 1 to 64 printable characters of ASCII"));
    }
    if !transaction.as_deref().is_none_or(is_name) {
        return Err(wrong("transaction must be 1 to 64 printable characters of ASCII"));
    }
    let payment = transaction.as_deref().map(payment);
    let named = payment.ok_or_else(|| wrong("transaction must say which payment it is"));
    Ok(WalletNote {
        wallet,
        reference,
        amount: Amount::new(amount_minor).ok_or_else(|| wrong("amount_minor is too large"))?,
        currency: currency
            .parse::<Currency>()
            .map_err(|_| wrong("currency must be a code of ISO 4217"))?,
        outcome: match outcome {
            Outcome::Paid => WalletOutcome::Paid(named?),
            Outcome::Failed => WalletOutcome::Failed(payment),
            Outcome::Refunded => WalletOutcome::Refunded(named?),
        },
    })
}

fn is_name(text: &str) -> bool {
    let length = 1..=NAME_BYTES_MAX;
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Nothing where the time, the nonce or the signature is wrong.
fn verify(asked: &Asked<'_>, secret: &[u8], now: Timestamp) -> Option<()> {
    let seconds = str::from_utf8(asked.header(TIMESTAMP_HEADER)?).ok()?;
    if seconds.len() > 12 || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    if seconds.abs_diff(now.0 / 1_000) > SIGNED_SECONDS_AGO_MAX {
        return None;
    }
    let nonce = str::from_utf8(asked.header(NONCE_HEADER)?).ok().filter(|nonce| is_name(nonce))?;
    let digits = asked.header(SIGNATURE_HEADER)?.strip_prefix(b"v1=")?;
    let mut digest = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        let pair = str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    let Asked { method, path, body, .. } = *asked;
    Signed { seconds, nonce, method, path, body }.keyed(secret).verify_slice(&digest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const PAID: &str = r#"{"reference":"A1","amount_minor":1250,"currency":"CNY",
        "outcome":"paid","transaction":"77"}"#;

    fn hear(seconds: u64, secret: &[u8], body: &str, path: &str) -> Result<WalletNote, u16> {
        match say("POST", seconds, secret, body, path)? {
            Said::Note(note) => Ok(note),
            _ => panic!("a note is no question"),
        }
    }

    fn say(method: &str, seconds: u64, secret: &[u8], body: &str, path: &str) -> Result<Said, u16> {
        let signed = Signed { seconds, nonce: "n-1", method, path, body: body.as_bytes() };
        say_signed(&signed, "n-1", &signed.signature(secret))
    }

    /// Says a request under a nonce with a signature that may be another one's.
    fn say_signed(what: &Signed<'_>, nonce: &str, signature: &str) -> Result<Said, u16> {
        let Signed { seconds, method, path, body, .. } = *what;
        let text = format!(
            "{method} {path} HTTP/1.1\r\nContent-Length: {}\r\nDoorstep-Timestamp: {seconds}\r\n\
             Doorstep-Nonce: {nonce}\r\nDoorstep-Signature: {signature}\r\n\r\n{}",
            body.len(),
            str::from_utf8(body).unwrap()
        );
        let (name, wallet) = ("red".to_owned(), WalletId(5));
        let wallets = [WalletDoor { name, wallet, secret: Zeroizing::new(b"secret".to_vec()) }];
        let asked = http::read(text.as_bytes(), WALLET_BYTES_MAX).unwrap();
        let (place, path) = signed(&asked, &wallets, NOW).ok_or(401_u16)?;
        said(&asked, path, wallets[place].wallet).map_err(|(status, _)| status)
    }

    #[test]
    fn a_signed_note_is_heard_and_nothing_else() {
        let path = "/wallets/red/notes";
        let note = hear(1_700_000_000, b"secret", PAID, path).unwrap();
        assert_eq!((note.reference.as_str(), note.amount), ("A1", Amount::of(1_250)));
        assert_eq!(hear(1_700_000_000, b"guess", PAID, path), Err(401));
        assert_eq!(hear(1_700_000_000, b"secret", PAID, "/wallets/blue/notes"), Err(401));
        assert_eq!(hear(1_700_000_000, b"secret", PAID, "/wallets/red/"), Err(404));
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
        assert!(matches!(ask("GET", "/elsewhere"), Err(401)));
    }

    #[test]
    fn a_signature_is_good_for_its_request_only() {
        let right = Signed {
            seconds: 1_700_000_000,
            nonce: "n-1",
            method: "GET",
            path: "/wallets/red/orders/A1",
            body: b"",
        };
        let signature = right.signature(b"secret");
        assert!(say_signed(&right, "n-1", &signature).is_ok());
        let refused = |what: Signed<'_>| say_signed(&what, what.nonce, &signature).err();
        for other in [
            Signed { seconds: 1_700_000_001, ..right },
            Signed { nonce: "n-2", ..right },
            Signed { nonce: "", ..right },
            Signed { method: "HEAD", ..right },
            Signed { path: "/wallets/red/orders/A2", ..right },
            Signed { path: "/wallets/red/refunds", ..right },
            Signed { body: b"{}", ..right },
            // The same text, cut elsewhere.
            Signed { path: "/wallets/red/orders/A", body: b"1", ..right },
        ] {
            assert_eq!(refused(other), Some(401), "{other:?}");
        }
    }

    #[test]
    fn a_payment_is_known_by_its_number_and_named_where_one_is_meant() {
        let path = "/wallets/red/notes";
        let outcome = |outcome: &str, transaction: &str| {
            let body = PAID.replace("paid", outcome).replace(r#","transaction":"77""#, transaction);
            hear(1_700_000_000, b"secret", &body, path).map(|note| note.outcome)
        };
        let (first, second) = (r#","transaction":"77""#, r#","transaction":"78""#);
        let Ok(WalletOutcome::Paid(payment)) = outcome("paid", first) else { panic!() };
        assert_eq!(outcome("refunded", first), Ok(WalletOutcome::Refunded(payment)));
        assert_eq!(outcome("failed", first), Ok(WalletOutcome::Failed(Some(payment))));
        assert_ne!(outcome("paid", second), Ok(WalletOutcome::Paid(payment)));
        assert_eq!(outcome("failed", ""), Ok(WalletOutcome::Failed(None)));
        for (what, transaction) in
            [("paid", ""), ("refunded", ""), ("paid", r#","transaction":"""#)]
        {
            assert_eq!(outcome(what, transaction), Err(422), "{what} {transaction}");
        }
        // The books keep it: it never changes. printf 77 | openssl dgst -sha256
        assert_eq!(payment, WalletPayment(*b"eAv2BE"));
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
    fn signatures_are_hmac_sha256_of_lines_and_body() {
        let path = "/wallets/red/notes";
        let (seconds, nonce, method, body) = (1_700_000_000, "n-1", "POST", b"{}");
        let signed = Signed { seconds, nonce, method, path, body };
        // printf '1700000000\nn-1\nPOST\n/wallets/red/notes\n{}' |
        //     openssl dgst -sha256 -hmac secret
        assert_eq!(
            signed.signature(b"secret"),
            "v1=bf36ca94c803b05865dc7b3f45cc15755a01236684cba5e32a44a80161f4538e"
        );
    }

    #[test]
    fn an_answer_is_signed_for_its_request() {
        let signed = |request, status, body: &str| {
            answer_signature(b"secret", request, status, body.as_bytes())
        };
        // printf 'v1=aa\n200\n{}' | openssl dgst -sha256 -hmac secret
        let right = signed("v1=aa", 200, "{}");
        assert_eq!(right, "v1=3a928c9b9125bbe6496dd39d42e23b51db1f749c52ca3520a8af6a297c1d3d50");
        for other in
            [signed("v1=ab", 200, "{}"), signed("v1=aa", 404, "{}"), signed("v1=aa", 200, "[]")]
        {
            assert_ne!(right, other);
        }
    }
}

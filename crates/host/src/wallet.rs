//! The wallet API: signed HTTP requests by which wallets report payments and query their orders.
//! The protocol: docs/door/wallet.md.

use std::collections::HashMap;
use std::fmt;

use base16ct::HexDisplay;
use books::{Timestamp, WalletId, WalletPaymentId};
use hmac::{Hmac, KeyInit, Mac};
use money::{Amount, Currency};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use switch::{OrderStatus, WalletNotification, WalletOutcome, WalletReply};
use zeroize::Zeroizing;

use crate::http::{self, HttpRequest, HttpRequestError};
use crate::limits::{REFUNDS_PER_ANSWER_MAX, WALLET_REQUEST_BYTES_MAX};
use crate::sockets::{ConnectionId, FailureKind, Sockets};

/// How far the time of a request may differ from this machine's, in seconds, either way.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 300;
/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "doorstep-timestamp";
/// The header with a value that is new in each request, to tell two equal requests apart.
pub const NONCE_HEADER: &str = "doorstep-nonce";
/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "doorstep-signature";
/// Bytes of an order's reference, a payment's number or a nonce.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// The alphabet of [`WalletPaymentId`].
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";

/// A wallet that may send requests.
#[derive(Clone)]
pub struct WalletCredentials {
    /// In the path of its requests.
    pub name: String,
    pub wallet: WalletId,
    /// The key of its signatures.
    pub secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for WalletCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalletDoor").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The body of a notification.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationBody {
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

/// The signed parts of a request.
#[derive(Clone, Copy, Debug)]
pub struct SignedWalletRequest<'r> {
    /// The time of signing, in seconds since 1970.
    pub seconds: u64,
    /// Not used by the sender before.
    pub nonce: &'r str,
    pub method: &'r str,
    pub path: &'r str,
    /// The bytes as sent.
    pub body: &'r [u8],
}

impl SignedWalletRequest<'_> {
    /// The signature, as the header holds it.
    #[must_use]
    pub fn signature(&self, secret: &[u8]) -> String {
        let digest = self.keyed(secret).finalize().into_bytes();
        header_value(&digest)
    }

    fn keyed(&self, secret: &[u8]) -> Hmac<Sha256> {
        let seconds = self.seconds.to_string();
        let line = [&seconds, self.nonce, self.method, self.path].map(str::as_bytes);
        keyed(secret, &line, self.body)
    }
}

/// The signature of an answer. `request` is the signature of the request that it answers.
#[must_use]
pub fn answer_signature(secret: &[u8], request: &str, status: u16, body: &[u8]) -> String {
    let status = status.to_string();
    let mac = keyed(secret, &[request.as_bytes(), status.as_bytes()], body);
    header_value(&mac.finalize().into_bytes())
}

fn header_value(digest: &[u8]) -> String {
    format!("v1={:x}", HexDisplay(digest))
}

/// Keyed over the lines, each with a newline, and the body.
fn keyed(secret: &[u8], lines: &[&[u8]], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    for line in lines {
        mac.update(line);
        mac.update(b"\n");
    }
    mac.update(body);
    mac
}

/// The books' key of a wallet's payment: six letters made from the digest of its number, enough to
/// tell the payments of one order apart.
fn payment(transaction: &str) -> WalletPaymentId {
    let digest = Sha256::digest(transaction);
    let mut letters = [0; 6];
    for (letter, byte) in letters.iter_mut().zip(digest) {
        *letter = LETTERS[usize::from(byte % 64)];
    }
    WalletPaymentId::of(&letters)
}

/// A wallet's request, after its signature was checked.
pub(crate) enum WalletRequest {
    Notification(WalletNotification),
    /// The orders that the wallet must refund.
    RefundsDue(WalletId),
    /// The status of the order with this reference.
    OrderQuery(WalletId, String),
}

/// A request that waits for its answer.
struct PendingRequest {
    id: ConnectionId,
    stays: bool,
    /// Index into [`WalletApi`]' list of wallets.
    wallet: usize,
    signature: String,
}

/// The wallets, and their requests that wait for an answer.
pub(crate) struct WalletApi {
    credentials: Vec<WalletCredentials>,
    /// By request number.
    asked: HashMap<u64, PendingRequest>,
    requests: u64,
}

impl WalletApi {
    pub(crate) fn new(credentials: Vec<WalletCredentials>) -> WalletApi {
        WalletApi { credentials, asked: HashMap::new(), requests: 0 }
    }

    /// Checks the wallets' later requests with other secrets.
    pub(crate) fn set_secrets(&mut self, wallets: Vec<WalletCredentials>) {
        for wallet in wallets {
            let known = self.credentials.iter_mut().find(|known| known.wallet == wallet.wallet);
            if let Some(known) = known {
                known.secret = wallet.secret;
            }
        }
    }

    /// The wallet's name in the settings.
    pub(crate) fn name(&self, wallet: WalletId) -> Option<&str> {
        let found = self.credentials.iter().find(|known| known.wallet == wallet);
        found.map(|known| known.name.as_str())
    }

    /// Parses a request and returns it with its number. Replies directly if it is malformed or its
    /// signature is wrong.
    pub(crate) fn on_request(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        bytes: &[u8],
        now: Timestamp,
    ) -> Option<(WalletRequest, u64)> {
        self.requests += 1;
        // The tag names the latest request. An answer that comes after the next request is dropped.
        sockets.set_tag(id, self.requests);
        let asked = match http::parse(bytes, WALLET_REQUEST_BYTES_MAX) {
            Ok(asked) => asked,
            Err(HttpRequestError(status)) => {
                let problem = http::problem(status, "the request is malformed");
                sockets.report_failure(id, FailureKind::BadFrame, true);
                send(sockets, id, false, &problem.to_bytes(false, None));
                return None;
            }
        };
        // An unknown wallet gets the same answer as a wrong signature, so that names cannot be
        // probed.
        let Some((wallet, path)) = signed(&asked, &self.credentials, now) else {
            let detail = "the signature is wrong, or does not match the request";
            let problem = http::problem(401, detail);
            sockets.report_failure(id, FailureKind::FailedAuthentication, true);
            // A client without a valid signature does not keep its connection.
            send(sockets, id, false, &problem.to_bytes(false, None));
            return None;
        };
        let signature = asked.header(SIGNATURE_HEADER).map(String::from_utf8_lossy);
        let pending = PendingRequest {
            id,
            stays: asked.keep_alive,
            wallet,
            signature: signature.unwrap_or_default().into_owned(),
        };
        match request(&asked, path, self.credentials[wallet].wallet) {
            Ok(request) => {
                self.asked.insert(self.requests, pending);
                Some((request, self.requests))
            }
            Err((status, detail)) => {
                self.answer(sockets, &pending, &http::problem(status, &detail));
                None
            }
        }
    }

    /// Answers with references and amounts in minor units.
    pub(crate) fn answer_refunds_due(
        &mut self,
        sockets: &mut Sockets,
        request: u64,
        orders: &[(String, u64)],
    ) {
        let order = |(reference, minor): &(String, u64)| {
            let (reference, minor) = (reference.as_str(), *minor);
            serde_json::json!({ "reference": reference, "amount_minor": minor })
        };
        let orders: Vec<_> = orders.iter().take(REFUNDS_PER_ANSWER_MAX).map(order).collect();
        self.answer_request(sockets, request, &http::json(&serde_json::json!({"orders": orders})));
    }

    /// Answers a notification, or a query for an order's status.
    pub(crate) fn reply(&mut self, sockets: &mut Sockets, request: u64, what: WalletReply) {
        let outcome = |outcome| http::json(&serde_json::json!({ "outcome": outcome }));
        let answer = match what {
            WalletReply::Accepted => outcome("accepted"),
            WalletReply::Refund => outcome("refund"),
            WalletReply::Order(standing, amount) => http::json(&serde_json::json!({
                "standing": word(standing), "amount_minor": amount.minor(),
            })),
            WalletReply::UnknownOrder => http::problem(404, "the order is unknown"),
            WalletReply::Contradiction => {
                http::problem(409, "the books contradict this; query the order's status")
            }
            WalletReply::RetryLater => {
                http::problem(503, "the books cannot answer now; send the request again later")
            }
        };
        self.answer_request(sockets, request, &answer);
    }

    fn answer_request(&mut self, sockets: &mut Sockets, request: u64, answer: &http::HttpResponse) {
        let pending = self.asked.remove(&request);
        if let Some(pending) = pending.filter(|pending| sockets.tag(pending.id) == request) {
            self.answer(sockets, &pending, answer);
        }
    }

    fn answer(&self, sockets: &mut Sockets, pending: &PendingRequest, answer: &http::HttpResponse) {
        let secret = &self.credentials[pending.wallet].secret;
        let (status, body) = (answer.status, answer.body.as_bytes());
        let signature = answer_signature(secret, &pending.signature, status, body);
        let bytes = answer.to_bytes(pending.stays, Some(("Doorstep-Signature", &signature)));
        send(sockets, pending.id, pending.stays, &bytes);
    }
}

fn send(sockets: &mut Sockets, id: ConnectionId, stays: bool, bytes: &[u8]) {
    sockets.send(id, &[bytes], true);
    if !stays {
        sockets.close_when_written(id);
    }
}

fn word(standing: OrderStatus) -> &'static str {
    match standing {
        OrderStatus::Waiting => "waiting",
        OrderStatus::Paid => "paid",
        OrderStatus::Expired => "expired",
        OrderStatus::RefundDue => "to_give_back",
        OrderStatus::Refunded => "given_back",
    }
}

/// The index of the wallet that has signed a request, and the rest of its path.
fn signed<'b>(
    asked: &HttpRequest<'b>,
    wallets: &[WalletCredentials],
    now: Timestamp,
) -> Option<(usize, &'b str)> {
    let (name, rest) = asked.path.strip_prefix("/wallets/")?.split_once('/')?;
    let index = wallets.iter().position(|wallet| wallet.name == name)?;
    verify(asked, &wallets[index].secret, now)?;
    Some((index, rest))
}

fn request(
    asked: &HttpRequest<'_>,
    path: &str,
    wallet: WalletId,
) -> Result<WalletRequest, (u16, String)> {
    match (asked.method, path, path.strip_prefix("orders/")) {
        ("POST", "notes", _) => note(asked.body, wallet).map(WalletRequest::Notification),
        ("GET", "refunds", _) => Ok(WalletRequest::RefundsDue(wallet)),
        ("GET", _, Some(reference)) => Ok(WalletRequest::OrderQuery(wallet, reference.to_owned())),
        (_, "notes" | "refunds", _) | (_, _, Some(_)) => {
            Err((405, "use POST for notes, and GET for refunds and orders".into()))
        }
        _ => Err((404, "the paths are /wallets/{wallet}/notes, refunds and orders".into())),
    }
}

fn note(body: &[u8], wallet: WalletId) -> Result<WalletNotification, (u16, String)> {
    let wrong = |what: &str| (422, what.to_owned());
    let body: NotificationBody = serde_json::from_slice(body)
        .map_err(|error| (400, format!("line {}, column {}", error.line(), error.column())))?;
    let NotificationBody { reference, amount_minor, currency, outcome, transaction } = body;
    if !is_name(&reference) {
        return Err(wrong("reference must be 1 to 64 printable ASCII characters"));
    }
    if !transaction.as_deref().is_none_or(is_name) {
        return Err(wrong("transaction must be 1 to 64 printable ASCII characters"));
    }
    let payment = transaction.as_deref().map(payment);
    let named = payment.ok_or_else(|| wrong("transaction must hold the payment's number"));
    Ok(WalletNotification {
        wallet,
        reference,
        amount: Amount::new(amount_minor).ok_or_else(|| wrong("amount_minor is too large"))?,
        currency: currency
            .parse::<Currency>()
            .map_err(|_| wrong("currency must be an ISO 4217 code"))?,
        outcome: match outcome {
            Outcome::Paid => WalletOutcome::Paid(named?),
            Outcome::Failed => WalletOutcome::Failed(payment),
            Outcome::Refunded => WalletOutcome::Refunded(named?),
        },
        transaction: transaction.unwrap_or_default(),
    })
}

fn is_name(text: &str) -> bool {
    let length = 1..=REFERENCE_BYTES_MAX;
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// None if the time, the nonce or the signature is wrong.
fn verify(asked: &HttpRequest<'_>, secret: &[u8], now: Timestamp) -> Option<()> {
    let seconds = str::from_utf8(asked.header(TIMESTAMP_HEADER)?).ok()?;
    if seconds.len() > 12 || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    if seconds.abs_diff(now.0 / 1_000) > CLOCK_SKEW_SECONDS_MAX {
        return None;
    }
    let nonce = str::from_utf8(asked.header(NONCE_HEADER)?).ok().filter(|nonce| is_name(nonce))?;
    let digits = asked.header(SIGNATURE_HEADER)?.strip_prefix(b"v1=")?;
    let mut digest = [0; 32];
    if base16ct::mixed::decode(digits, &mut digest).ok()?.len() != 32 {
        return None;
    }
    let HttpRequest { method, path, body, .. } = *asked;
    SignedWalletRequest { seconds, nonce, method, path, body }
        .keyed(secret)
        .verify_slice(&digest)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const PAID: &str = r#"{"reference":"A1","amount_minor":1250,"currency":"CNY",
        "outcome":"paid","transaction":"77"}"#;

    fn notify(
        seconds: u64,
        secret: &[u8],
        body: &str,
        path: &str,
    ) -> Result<WalletNotification, u16> {
        match send("POST", seconds, secret, body, path)? {
            WalletRequest::Notification(note) => Ok(note),
            _ => panic!("a note is no question"),
        }
    }

    fn send(
        method: &str,
        seconds: u64,
        secret: &[u8],
        body: &str,
        path: &str,
    ) -> Result<WalletRequest, u16> {
        let signed =
            SignedWalletRequest { seconds, nonce: "n-1", method, path, body: body.as_bytes() };
        send_signed(&signed, "n-1", &signed.signature(secret))
    }

    /// Sends a request whose nonce and signature may be those of another request.
    fn send_signed(
        what: &SignedWalletRequest<'_>,
        nonce: &str,
        signature: &str,
    ) -> Result<WalletRequest, u16> {
        let SignedWalletRequest { seconds, method, path, body, .. } = *what;
        let text = format!(
            "{method} {path} HTTP/1.1\r\nContent-Length: {}\r\nDoorstep-Timestamp: {seconds}\r\n\
             Doorstep-Nonce: {nonce}\r\nDoorstep-Signature: {signature}\r\n\r\n{}",
            body.len(),
            str::from_utf8(body).unwrap()
        );
        let (name, wallet) = ("red".to_owned(), WalletId(5));
        let wallets =
            [WalletCredentials { name, wallet, secret: Zeroizing::new(b"secret".to_vec()) }];
        // What cannot be parsed, as a GET with a body, is refused like a wrong signature here.
        let asked = http::parse(text.as_bytes(), WALLET_REQUEST_BYTES_MAX).map_err(|_| 401_u16)?;
        let (place, path) = signed(&asked, &wallets, NOW).ok_or(401_u16)?;
        request(&asked, path, wallets[place].wallet).map_err(|(status, _)| status)
    }

    #[test]
    fn a_signed_notification_is_accepted_and_no_other() {
        let path = "/wallets/red/notes";
        let note = notify(1_700_000_000, b"secret", PAID, path).unwrap();
        assert_eq!((note.reference.as_str(), note.amount), ("A1", Amount::of(1_250)));
        assert_eq!(notify(1_700_000_000, b"guess", PAID, path), Err(401));
        assert_eq!(notify(1_700_000_000, b"secret", PAID, "/wallets/blue/notes"), Err(401));
        assert_eq!(notify(1_700_000_000, b"secret", PAID, "/wallets/red/"), Err(404));
        assert!(notify(1_700_000_300, b"secret", PAID, path).is_ok());
        assert_eq!(notify(1_700_000_301, b"secret", PAID, path), Err(401));
        assert_eq!(notify(1_699_999_699, b"secret", PAID, path), Err(401));
    }

    #[test]
    fn a_wallet_queries_the_orders_that_it_must_refund() {
        let ask = |method, path| send(method, 1_700_000_000, b"secret", "", path);
        let request = ask("GET", "/wallets/red/refunds");
        assert!(matches!(request, Ok(WalletRequest::RefundsDue(WalletId(5)))));
        assert!(matches!(ask("POST", "/wallets/red/refunds"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/red/notes"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/blue/refunds"), Err(401)));
    }

    #[test]
    fn a_wallet_queries_the_status_of_an_order() {
        let ask = |method, path| send(method, 1_700_000_000, b"secret", "", path);
        let request = ask("GET", "/wallets/red/orders/A1");
        assert!(
            matches!(request, Ok(WalletRequest::OrderQuery(WalletId(5), text)) if text == "A1")
        );
        assert!(matches!(ask("POST", "/wallets/red/orders/A1"), Err(405)));
        assert!(matches!(ask("GET", "/wallets/blue/orders/A1"), Err(401)));
        assert!(matches!(ask("GET", "/wallets/red/orders"), Err(404)));
        assert!(matches!(ask("GET", "/elsewhere"), Err(401)));
    }

    #[test]
    fn a_signature_is_valid_for_its_request_only() {
        let right = SignedWalletRequest {
            seconds: 1_700_000_000,
            nonce: "n-1",
            method: "GET",
            path: "/wallets/red/orders/A1",
            body: b"",
        };
        let signature = right.signature(b"secret");
        assert!(send_signed(&right, "n-1", &signature).is_ok());
        let refused =
            |what: SignedWalletRequest<'_>| send_signed(&what, what.nonce, &signature).err();
        for other in [
            SignedWalletRequest { seconds: 1_700_000_001, ..right },
            SignedWalletRequest { nonce: "n-2", ..right },
            SignedWalletRequest { nonce: "", ..right },
            SignedWalletRequest { method: "HEAD", ..right },
            SignedWalletRequest { path: "/wallets/red/orders/A2", ..right },
            SignedWalletRequest { path: "/wallets/red/refunds", ..right },
            SignedWalletRequest { body: b"{}", ..right },
            // The same text, cut elsewhere.
            SignedWalletRequest { path: "/wallets/red/orders/A", body: b"1", ..right },
        ] {
            assert_eq!(refused(other), Some(401), "{other:?}");
        }
    }

    #[test]
    fn a_payment_is_keyed_by_its_number_which_paid_and_refunded_require() {
        let path = "/wallets/red/notes";
        let outcome = |outcome: &str, transaction: &str| {
            let body = PAID.replace("paid", outcome).replace(r#","transaction":"77""#, transaction);
            notify(1_700_000_000, b"secret", &body, path).map(|note| note.outcome)
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
        // The books keep this key, so it never changes. printf 77 | openssl dgst -sha256
        assert_eq!(payment, WalletPaymentId::of(b"eAv2BE"));
    }

    #[test]
    fn a_malformed_notification_is_refused_with_the_reason() {
        let path = "/wallets/red/notes";
        let notify = |body: &str| notify(1_700_000_000, b"secret", body, path);
        assert_eq!(notify("{"), Err(400));
        assert_eq!(notify(&PAID.replace("CNY", "RMB")), Err(422));
        assert_eq!(notify(&PAID.replace("A1", "")), Err(422));
        assert_eq!(notify(&PAID.replace("1250", "-1")), Err(400));
        assert_eq!(notify(&PAID.replace("paid", "lost")), Err(400));
    }

    #[test]
    fn signatures_are_hmac_sha256_of_lines_and_body() {
        let path = "/wallets/red/notes";
        let (seconds, nonce, method, body) = (1_700_000_000, "n-1", "POST", b"{}");
        let signed = SignedWalletRequest { seconds, nonce, method, path, body };
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

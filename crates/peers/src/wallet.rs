//! A wallet: pays the codes that terminals show, and reports it to Doorstep.
//!
//! `docs/door/wallet.md` describes the protocol. How to drive it: send the bytes of a
//! [`WalletMessage`], and pass status, signature and body of the answer to
//! [`WalletSimulator::receive`]. Without an answer, send a new message for the same order.

use std::collections::BTreeMap;
use std::fmt;

use base16ct::HexDisplay;
use hmac::{Hmac, KeyInit, Mac};
use money::Currency;
use qr::{DynamicQr, QrCode, QrError};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The EMVCo tag of the wallet's account.
const ACCOUNT_TAG: u8 = 26;

/// Most orders that the wallet remembers; further ones are not paid.
pub const ORDERS_MAX: usize = 10_000;

/// What a buyer owes by a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletOrder {
    pub reference: String,
    /// In minor units.
    pub amount: u64,
}

/// The buyer's money at the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletPaymentStatus {
    /// Taken from the buyer; Doorstep has not answered yet.
    Taken,
    /// Taken, and Doorstep has it.
    Accepted,
    /// Given back to the buyer.
    Refunded,
}

#[derive(Clone, Debug)]
struct WalletPayment {
    amount: u64,
    /// The wallet's number of it.
    transaction: String,
    status: WalletPaymentStatus,
}

/// What a message says or asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletTask {
    /// The buyer pays.
    Pay(WalletOrder),
    /// The buyer does not pay.
    Fail(WalletOrder),
    /// The wallet gives a payment back.
    Refund(String),
    /// The orders to refund.
    RefundsDue,
    /// Status and amount of an order.
    Order(String),
}

/// A signed request.
#[derive(Debug)]
pub struct WalletMessage {
    task: WalletTask,
    signature: String,
    /// The whole HTTP/1.1 request.
    pub bytes: Vec<u8>,
}

/// What an answer meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletResult {
    /// Doorstep has what the message said.
    Accepted,
    /// Paid too late or twice: the wallet must refund the order.
    MustRefund,
    RefundsDue(Vec<WalletOrder>),
    Order {
        amount: u64,
        standing: String,
    },
    /// The status of HTTP, and its reason.
    Refused {
        status: u16,
        detail: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    #[error("the text is neither a QR code of Doorstep nor an order's reference: {0}")]
    Code(#[from] QrError),
    #[error("the code is in another currency than {0}")]
    Currency(Currency),
    #[error("the buyer has paid order {0} already")]
    PaidBefore(String),
    #[error("the wallet has no payment of order {0}: it was restarted since")]
    UnknownPayment(String),
    #[error("the wallet has {ORDERS_MAX} orders, the most that it remembers: start it again")]
    TooManyOrders,
    #[error("the answer has no right signature: have both sides the same secret?")]
    Signature,
    #[error("the answer cannot be read")]
    Unreadable,
}

pub struct WalletSimulator {
    /// In the path of its requests.
    name: String,
    secret: Zeroizing<Vec<u8>>,
    currency: Currency,
    payments: BTreeMap<String, WalletPayment>,
    /// Makes nonces and transactions unique, with the time of the first one.
    count: u64,
}

#[derive(Deserialize)]
struct OutcomeBody {
    outcome: String,
}

#[derive(Deserialize)]
struct OrderBody {
    amount_minor: u64,
    standing: String,
}

#[derive(Deserialize)]
struct RefundsBody {
    orders: Vec<DueBody>,
}

#[derive(Deserialize)]
struct DueBody {
    reference: String,
    amount_minor: u64,
}

#[derive(Deserialize)]
struct ProblemBody {
    detail: String,
}

impl WalletSimulator {
    #[must_use]
    pub fn new(name: String, secret: Zeroizing<Vec<u8>>, currency: Currency) -> WalletSimulator {
        WalletSimulator { name, secret, currency, payments: BTreeMap::new(), count: 0 }
    }

    /// Reads a code that a terminal shows.
    ///
    /// # Errors
    /// If the text is not such a code, or in another currency.
    pub fn scan(&self, code: &str) -> Result<WalletOrder, WalletError> {
        let code = QrCode::parse(code)?;
        let shown = DynamicQr::of(&code, ACCOUNT_TAG, self.currency.exponent())?;
        if shown.currency != self.currency.numeric() {
            return Err(WalletError::Currency(self.currency));
        }
        Ok(WalletOrder { reference: shown.reference.to_owned(), amount: shown.minor_units })
    }

    #[must_use]
    pub fn status(&self, reference: &str) -> Option<WalletPaymentStatus> {
        self.payments.get(reference).map(|payment| payment.status)
    }

    /// Number and sum, in minor units, of the payments that the buyers have not got back.
    #[must_use]
    pub fn taken(&self) -> (usize, u64) {
        let taken =
            self.payments.values().filter(|one| one.status != WalletPaymentStatus::Refunded);
        taken.fold((0, 0), |(count, sum), one| (count + 1, sum.saturating_add(one.amount)))
    }

    /// Makes the message of a task. [`WalletTask::Pay`] takes the buyer's money first.
    ///
    /// # Errors
    /// If the buyer paid before, or there is no payment to refund.
    pub fn start(&mut self, task: WalletTask, now_ms: u64) -> Result<WalletMessage, WalletError> {
        self.count += 1;
        let unique = format!("{now_ms}-{}", self.count);
        let (method, path, body) = match &task {
            WalletTask::Pay(order) => {
                let transaction = self.take(order, &unique)?;
                ("POST", "notes".to_owned(), self.note(order, "paid", Some(&transaction)))
            }
            WalletTask::Fail(order) => {
                ("POST", "notes".to_owned(), self.note(order, "failed", None))
            }
            WalletTask::Refund(reference) => {
                let payment = self.payments.get(reference);
                let payment =
                    payment.ok_or_else(|| WalletError::UnknownPayment(reference.clone()))?;
                let order = WalletOrder { reference: reference.clone(), amount: payment.amount };
                let note = self.note(&order, "refunded", Some(&payment.transaction));
                ("POST", "notes".to_owned(), note)
            }
            WalletTask::RefundsDue => ("GET", "refunds".to_owned(), String::new()),
            WalletTask::Order(reference) => ("GET", format!("orders/{reference}"), String::new()),
        };
        let path = format!("/wallets/{}/{path}", self.name);
        let seconds = (now_ms / 1_000).to_string();
        let lines = [seconds.as_str(), unique.as_str(), method, path.as_str()];
        let signature = self.signature(&lines, body.as_bytes());
        let bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: doorstep\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nDoorstep-Timestamp: \
             {seconds}\r\nDoorstep-Nonce: {unique}\r\nDoorstep-Signature: {signature}\r\n\r\n\
             {body}",
            body.len()
        );
        Ok(WalletMessage { task, signature, bytes: bytes.into_bytes() })
    }

    /// Takes the buyer's money, once. Returns the payment's number, also for a repeat of a payment
    /// that Doorstep has not answered.
    fn take(&mut self, order: &WalletOrder, unique: &str) -> Result<String, WalletError> {
        match self.payments.get(&order.reference) {
            Some(one) if one.status == WalletPaymentStatus::Taken => Ok(one.transaction.clone()),
            Some(_) => Err(WalletError::PaidBefore(order.reference.clone())),
            None if self.payments.len() >= ORDERS_MAX => Err(WalletError::TooManyOrders),
            None => {
                let payment = WalletPayment {
                    amount: order.amount,
                    transaction: unique.to_owned(),
                    status: WalletPaymentStatus::Taken,
                };
                self.payments.insert(order.reference.clone(), payment);
                Ok(unique.to_owned())
            }
        }
    }

    fn note(&self, order: &WalletOrder, outcome: &str, transaction: Option<&str>) -> String {
        let mut note = serde_json::json!({
            "reference": order.reference,
            "amount_minor": order.amount,
            "currency": self.currency.code(),
            "outcome": outcome,
        });
        if let Some(transaction) = transaction {
            note["transaction"] = transaction.into();
        }
        note.to_string()
    }

    /// HMAC-SHA256 over lines, each with a line feed, and a body.
    fn signature(&self, lines: &[&str], body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        for line in lines {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac.update(body);
        format!("v1={:x}", HexDisplay(&mac.finalize().into_bytes()))
    }

    /// Reads the answer to a message. An answer without a right signature decides nothing, except
    /// that the request was malformed or not believed.
    ///
    /// # Errors
    /// If the signature is wrong or the body cannot be read. The message is sent again then.
    pub fn receive(
        &mut self,
        message: &WalletMessage,
        status: u16,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<WalletResult, WalletError> {
        let refused = || {
            let problem: Option<ProblemBody> = serde_json::from_slice(body).ok();
            let detail = problem.map(|problem| problem.detail).unwrap_or_default();
            WalletResult::Refused { status, detail }
        };
        if matches!(status, 400 | 401 | 411 | 413 | 431) {
            return Ok(refused());
        }
        let right = self.signature(&[&message.signature, &status.to_string()], body);
        let given = signature.unwrap_or_default();
        if !bool::from(right.as_bytes().ct_eq(given.as_bytes())) {
            return Err(WalletError::Signature);
        }
        if status != 200 {
            return Ok(refused());
        }
        match &message.task {
            WalletTask::RefundsDue => {
                let due: RefundsBody = read(body)?;
                let order = |one: DueBody| WalletOrder {
                    reference: one.reference,
                    amount: one.amount_minor,
                };
                Ok(WalletResult::RefundsDue(due.orders.into_iter().map(order).collect()))
            }
            WalletTask::Order(_) => {
                let OrderBody { amount_minor, standing } = read(body)?;
                Ok(WalletResult::Order { amount: amount_minor, standing })
            }
            WalletTask::Pay(order) => {
                let outcome: OutcomeBody = read(body)?;
                self.set_status(&order.reference, WalletPaymentStatus::Accepted);
                Ok(match outcome.outcome.as_str() {
                    "refund" => WalletResult::MustRefund,
                    _ => WalletResult::Accepted,
                })
            }
            WalletTask::Refund(reference) => {
                self.set_status(reference, WalletPaymentStatus::Refunded);
                Ok(WalletResult::Accepted)
            }
            WalletTask::Fail(_) => Ok(WalletResult::Accepted),
        }
    }

    fn set_status(&mut self, reference: &str, status: WalletPaymentStatus) {
        if let Some(payment) = self.payments.get_mut(reference) {
            payment.status = status;
        }
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, WalletError> {
    serde_json::from_slice(body).map_err(|_| WalletError::Unreadable)
}

impl fmt::Debug for WalletSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet")
            .field("name", &self.name)
            .field("orders", &self.payments.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_123;

    fn wallet() -> WalletSimulator {
        WalletSimulator::new("red".into(), Zeroizing::new(b"secret".to_vec()), Currency::CNY)
    }

    fn order() -> WalletOrder {
        WalletOrder { reference: "00000001000001000002".into(), amount: 1_250 }
    }

    fn answer(
        wallet: &mut WalletSimulator,
        message: &WalletMessage,
        body: &str,
    ) -> Result<WalletResult, WalletError> {
        let signature = wallet.signature(&[&message.signature, "200"], body.as_bytes());
        wallet.receive(message, 200, Some(&signature), body.as_bytes())
    }

    #[test]
    fn a_request_is_signed_over_its_lines_and_body() {
        // printf '1700000000\nn-1\nPOST\n/wallets/red/notes\n{}' |
        //     openssl dgst -sha256 -hmac secret
        let lines = ["1700000000", "n-1", "POST", "/wallets/red/notes"];
        assert_eq!(
            wallet().signature(&lines, b"{}"),
            "v1=bf36ca94c803b05865dc7b3f45cc15755a01236684cba5e32a44a80161f4538e"
        );
        let message = wallet().start(WalletTask::Pay(order()), NOW_MS).unwrap();
        let text = String::from_utf8(message.bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /wallets/red/notes HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nDoorstep-Timestamp: 1700000000\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["outcome"], "paid");
        assert_eq!((&body["amount_minor"], &body["currency"]), (&1_250.into(), &"CNY".into()));
    }

    #[test]
    fn a_buyer_pays_once_and_gets_it_back_once() {
        let mut wallet = wallet();
        let first = wallet.start(WalletTask::Pay(order()), NOW_MS).unwrap();
        // No answer: the same payment is reported again.
        let again = wallet.start(WalletTask::Pay(order()), NOW_MS + 1).unwrap();
        let transaction = |message: &WalletMessage| {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            text.split("\"transaction\":").nth(1).map(str::to_owned)
        };
        assert_eq!(transaction(&first), transaction(&again));
        let heard = answer(&mut wallet, &again, r#"{"outcome":"accepted"}"#).unwrap();
        assert_eq!((heard, wallet.taken()), (WalletResult::Accepted, (1, 1_250)));
        let third = wallet.start(WalletTask::Pay(order()), NOW_MS);
        assert!(matches!(third, Err(WalletError::PaidBefore(_))));
        let refund = WalletTask::Refund(order().reference);
        let back = wallet.start(refund, NOW_MS).unwrap();
        assert_eq!(transaction(&back), transaction(&first));
        answer(&mut wallet, &back, r#"{"outcome":"accepted"}"#).unwrap();
        assert_eq!(wallet.taken(), (0, 0));
        let other = wallet.start(WalletTask::Refund("x".into()), NOW_MS);
        assert!(matches!(other, Err(WalletError::UnknownPayment(_))));
    }

    #[test]
    fn an_answer_is_believed_only_with_its_signature() {
        let mut wallet = wallet();
        let message = wallet.start(WalletTask::Pay(order()), NOW_MS).unwrap();
        let body = br#"{"outcome":"refund"}"#;
        let other = wallet.signature(&["v1=aa", "200"], body);
        for wrong in [None, Some("v1="), Some(other.as_str())] {
            let heard = wallet.receive(&message, 200, wrong, body);
            assert!(matches!(heard, Err(WalletError::Signature)), "{wrong:?}");
        }
        assert_eq!(wallet.status(&order().reference), Some(WalletPaymentStatus::Taken));
        let heard = answer(&mut wallet, &message, r#"{"outcome":"refund"}"#).unwrap();
        assert_eq!(heard, WalletResult::MustRefund);
        let detail = br#"{"detail":"the signature is wrong"}"#;
        let heard = wallet.receive(&message, 401, None, detail).unwrap();
        let detail = "the signature is wrong".to_owned();
        assert_eq!(heard, WalletResult::Refused { status: 401, detail });
        let heard = answer(&mut wallet, &message, "{");
        assert!(matches!(heard, Err(WalletError::Unreadable)));
    }

    #[test]
    fn a_code_of_another_currency_or_of_nobody_is_not_paid() {
        let shown = |currency| DynamicQr {
            account_tag: ACCOUNT_TAG,
            account_guid: "com.red.pay",
            merchant_id: "D0001",
            merchant_category: 4_215,
            currency,
            minor_units: 1_250,
            exponent: 2,
            country: "CN",
            merchant_name: "Doorstep",
            merchant_city: "Hangzhou",
            reference: "00000001000001000002",
            waybill: "W",
            terminal: "00000001",
        };
        let text = |currency| shown(currency).code().unwrap().write().unwrap();
        assert_eq!(wallet().scan(&text(156)).unwrap(), order());
        assert!(matches!(wallet().scan(&text(840)), Err(WalletError::Currency(_))));
        assert!(matches!(wallet().scan("6225880000000019"), Err(WalletError::Code(_))));
    }
}

//! The wallet: it reads the codes that buyers scan, takes their money and tells the switch.

use std::collections::BTreeMap;

use engine::{Timestamp, WalletId};
use money::{Amount, Currency};
use switch::{WalletNote, WalletOutcome, WalletPayment, WalletReply};

/// The tag of wallets' accounts in a code (EMVCo, tags 26 to 51).
const ACCOUNT_TAG: u8 = 26;

/// A buyer pays an order once; payments are told apart within their order.
const PAYMENT: WalletPayment = WalletPayment(*b"wallet");

/// What is told of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    Paid,
    NotPaid,
    GivenBack,
}

/// An order as the wallet has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub amount: u64,
    pub scanned: Timestamp,
    pub paid: bool,
    pub given_back: bool,
}

/// The wallet with its books.
#[derive(Debug)]
pub(super) struct Wallet {
    id: WalletId,
    currency: Currency,
    /// By the reference in the code.
    pub orders: BTreeMap<String, Order>,
    /// Whose notes wait for a reply.
    replies: BTreeMap<u64, (String, Tells)>,
    notes: u64,
}

impl Wallet {
    pub(super) fn new(id: WalletId, currency: Currency) -> Wallet {
        let (orders, replies) = (BTreeMap::new(), BTreeMap::new());
        Wallet { id, currency, orders, replies, notes: 0 }
    }

    /// A buyer scans a code; tells the order's reference.
    pub(super) fn scan(&mut self, text: &str, now: Timestamp) -> Result<String, String> {
        let code = qr::Code::parse(text).map_err(|error| error.to_string())?;
        let exponent = self.currency.exponent();
        let shown = qr::Dynamic::of(&code, ACCOUNT_TAG, exponent);
        let shown = shown.map_err(|error| error.to_string())?;
        let (reference, amount) = (shown.reference.to_owned(), shown.minor_units);
        let order = Order { amount, scanned: now, paid: false, given_back: false };
        self.orders.entry(reference.clone()).or_insert(order);
        Ok(reference)
    }

    /// What is told of an order, and under which number.
    pub(super) fn note(&mut self, reference: &str, what: Tells) -> Option<(WalletNote, u64)> {
        let order = self.orders.get_mut(reference)?;
        let outcome = match what {
            Tells::Paid => {
                order.paid = true;
                WalletOutcome::Paid(PAYMENT)
            }
            Tells::GivenBack => {
                order.given_back = true;
                WalletOutcome::Refunded(PAYMENT)
            }
            Tells::NotPaid => WalletOutcome::Failed(None),
        };
        self.notes += 1;
        self.replies.insert(self.notes, (reference.to_owned(), what));
        let note = WalletNote {
            wallet: self.id,
            reference: reference.to_owned(),
            amount: Amount::of(order.amount),
            currency: self.currency,
            outcome,
        };
        Some((note, self.notes))
    }

    /// The switch's reply to a note: the order, and what is to be told of it next.
    pub(super) fn hear(
        &mut self,
        reply: u64,
        what: WalletReply,
    ) -> Option<(String, Option<Tells>)> {
        let (reference, told) = self.replies.remove(&reply)?;
        let next = match what {
            WalletReply::Accepted
            | WalletReply::UnknownOrder
            | WalletReply::Contradiction
            | WalletReply::Order(..) => None,
            WalletReply::Refund => Some(Tells::GivenBack),
            WalletReply::Later => Some(told),
        };
        Some((reference, next))
    }
}

//! A wallet: parses the QR codes that buyers scan, takes their money and notifies the switch.

use std::collections::BTreeMap;

use books::{Timestamp, WalletId, WalletPaymentId};
use money::{Amount, Currency};
use switch::{WalletNotification, WalletOutcome, WalletReply};

/// The tag of the wallet's account template in a QR code (EMVCo: tags 26 to 51).
const ACCOUNT_TAG: u8 = 26;

/// Payments are numbered within their order, and a buyer pays an order once.
const PAYMENT: WalletPaymentId = WalletPaymentId::of(b"wallet");

/// The content of a notice about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalletNoteKind {
    Paid,
    NotPaid,
    Refunded,
}

/// An order in the wallet's books.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimulatedOrder {
    pub amount: u64,
    pub scanned_at: Timestamp,
    pub paid: bool,
    pub refunded: bool,
}

#[derive(Debug)]
pub(super) struct WalletSimulation {
    id: WalletId,
    currency: Currency,
    /// By the reference in the QR code.
    pub orders: BTreeMap<String, SimulatedOrder>,
    /// Notices that wait for a reply, by number.
    replies: BTreeMap<u64, (String, WalletNoteKind)>,
    notes: u64,
}

impl WalletSimulation {
    pub(super) fn new(id: WalletId, currency: Currency) -> WalletSimulation {
        let (orders, replies) = (BTreeMap::new(), BTreeMap::new());
        WalletSimulation { id, currency, orders, replies, notes: 0 }
    }

    /// Records a scanned QR code and returns the order's reference.
    pub(super) fn scan(&mut self, text: &str, now: Timestamp) -> Result<String, String> {
        let code = qr::QrCode::parse(text).map_err(|error| error.to_string())?;
        let exponent = self.currency.exponent();
        let shown = qr::DynamicQr::of(&code, ACCOUNT_TAG, exponent);
        let shown = shown.map_err(|error| error.to_string())?;
        let (reference, amount) = (shown.reference.to_owned(), shown.minor_units);
        let order = SimulatedOrder { amount, scanned_at: now, paid: false, refunded: false };
        self.orders.entry(reference.clone()).or_insert(order);
        Ok(reference)
    }

    /// Makes a notice about an order and returns it with its number.
    pub(super) fn next_note(
        &mut self,
        reference: &str,
        what: WalletNoteKind,
    ) -> Option<(WalletNotification, u64)> {
        let order = self.orders.get_mut(reference)?;
        let outcome = match what {
            WalletNoteKind::Paid => {
                order.paid = true;
                WalletOutcome::Paid(PAYMENT)
            }
            WalletNoteKind::Refunded => {
                order.refunded = true;
                WalletOutcome::Refunded(PAYMENT)
            }
            WalletNoteKind::NotPaid => WalletOutcome::Failed(None),
        };
        self.notes += 1;
        self.replies.insert(self.notes, (reference.to_owned(), what));
        let note = WalletNotification {
            wallet: self.id,
            reference: reference.to_owned(),
            amount: Amount::of(order.amount),
            currency: self.currency,
            outcome,
            transaction: String::new(),
        };
        Some((note, self.notes))
    }

    /// Takes the switch's reply; returns the order and the notice to send next, if any.
    pub(super) fn on_reply(
        &mut self,
        reply: u64,
        what: WalletReply,
    ) -> Option<(String, Option<WalletNoteKind>)> {
        let (reference, told) = self.replies.remove(&reply)?;
        let next = match what {
            WalletReply::Accepted
            | WalletReply::UnknownOrder
            | WalletReply::Contradiction
            | WalletReply::Order(..) => None,
            WalletReply::Refund => Some(WalletNoteKind::Refunded),
            WalletReply::RetryLater => Some(told),
        };
        Some((reference, next))
    }
}

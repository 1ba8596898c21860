//! The wallet's side: orders that terminals show as QR codes, notifications about them, and refunds
//! that the wallet fetches.

pub(crate) mod notifications;
pub(crate) mod orders;

use std::collections::{BTreeMap, HashMap};

use books::{PaymentId, Stan, Trace};

use crate::sides::OrderRefund;

pub(crate) struct WalletSide {
    /// Orders that wait for the buyer, by the id of their expiry timer.
    open: HashMap<u64, PaymentId>,
    /// Refunds that the wallet owes, by order.
    refunds: BTreeMap<Trace, QueuedRefund>,
    /// The latest STAN of an order.
    stan: Stan,
}

/// A refund that the wallet owes. It fetches it; no message is sent.
#[derive(Clone, Debug)]
pub(crate) struct QueuedRefund {
    refund: OrderRefund,
    /// The wallet has refunded it; the books are recording that.
    acknowledged: bool,
    /// The wallet's notifications that are answered at the end.
    replies: Vec<u64>,
}

impl WalletSide {
    pub(crate) fn new() -> WalletSide {
        WalletSide { open: HashMap::new(), refunds: BTreeMap::new(), stan: Stan::MAX }
    }
}

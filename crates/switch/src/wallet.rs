//! The wallet's side: orders that terminals show as QR codes, notifications about them, and refunds
//! that the wallet fetches.

mod notifications;
mod orders;

use std::collections::{BTreeMap, HashMap};

use books::{PaymentId, Stan, Trace};

pub(crate) use self::notifications::{
    on_notification, on_order_expired, on_query, reply_order_status,
};
use self::orders::QueuedRefund;
pub use self::orders::order_trace;

pub(crate) struct WalletSide {
    /// Orders that wait for the buyer, by the id of their expiry timer.
    open: HashMap<u64, PaymentId>,
    /// Refunds that the wallet owes, by order.
    refunds: BTreeMap<Trace, QueuedRefund>,
    /// The latest STAN of an order.
    stan: Stan,
}

impl WalletSide {
    pub(crate) fn new() -> WalletSide {
        WalletSide { open: HashMap::new(), refunds: BTreeMap::new(), stan: Stan::MAX }
    }
}

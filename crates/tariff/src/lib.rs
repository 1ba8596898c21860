//! Tariffs: dated versions, and the fees of one collection.
//!
//! A version holds from a date on. For each seller class it has the three card rates with their
//! caps, and the wallet's rate. For each payment method it has the fee for collecting at the door
//! and the courier firm's commission. The fees of a collection are computed once, by the version in
//! force. Each component is rounded half up to the minor unit (M8).
//!
//! It never posts, never knows whose money it is, and does no I/O. Start at [`Terms::fees`]. Files
//! are read by [`mod@file`].

mod date;
mod fees;
pub mod file;
mod terms;

pub use date::{BusinessDate, BusinessDateError};
pub use fees::{FeeKind, Fees};
pub use terms::{
    CLASS_NAME_BYTES_MAX, CLASSES_MAX, CappedRate, CardKind, CardRates, EarlierPayments,
    FixedOrShare, LossOwner, PaymentMethod, PerMethod, SellerClass, SellerClassNumber, Terms,
    TermsError,
};

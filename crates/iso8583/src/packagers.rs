//! Packagers included in this crate.

mod iso87;
mod unionpay;

pub use iso87::{FIELD_90, ISO87_ASCII, ISO87_BINARY};
pub use unionpay::{
    DOORSTEP_CARD, DOORSTEP_POS, FIELD_48_TOTALS, FIELD_60, FIELD_61, FIELD_62_KEYS,
    FIELD_62_KEYS_TRIPLE, FIELD_63, UNIONPAY_POS,
};

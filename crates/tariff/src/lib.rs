//! What it costs: tariffs in versions, and the fees of one collection.
//!
//! A tariff is a list of versions, each with the date from which it holds. A version names, per
//! card class, the three rates of a card payment and their caps, the wallet's rate, and per tender
//! the fee for collecting at the door and the courier firm's commission. The fees of a collection
//! are computed once, by the version in force, each component rounded half up to the minor unit
//! (M8).
//!
//! Never: whose money it is, a posting, I/O. Start at [`Terms::fees`]; files are read by [`file`].

mod date;
mod fees;
pub mod file;
mod terms;

pub use date::{BusinessDate, DateError};
pub use fees::{FeeKind, Fees};
pub use terms::{
    CLASS_NAME_BYTES_MAX, CLASSES_MAX, Capped, CardKind, CardRates, Class, ClassNo, FixedOrShare,
    PerTender, Tender, Terms, TermsError,
};

//! EMVCo merchant-presented QR codes (EMV QRCPS, Merchant-Presented Mode 1.1): text in and out, and
//! a picture of it for a terminal's screen or a receipt.
//!
//! Never: I/O, a clock, a network, floats, a rule of one wallet; any other crate of the workspace.
//! A value that a buyer or a merchant could be known by is in no error and no `Debug`.
//! Start at [`Dynamic`] for what is shown at the door, at [`Code::parse`] for what a wallet reads,
//! at [`picture()`] for how it looks. The widths and characters of all tags are one table, `form`.

mod code;
mod crc;
mod decimal;
mod dynamic;
mod error;
mod form;
mod objects;
mod picture;
mod read;
mod write;

pub use code::{Additional, Code, Initiation, Language, Template, Tip};
pub use crc::crc16_ccitt_false;
pub use decimal::{Decimal, EXPONENT_MAX, Percent};
pub use dynamic::{Dynamic, WAYBILL_GUID, WAYBILL_TAG};
pub use error::{Place, QrError, Rule};
pub use picture::{Ground, Matrix, QUIET_ZONE_MODULES, picture};

/// The longest code, in characters with all tags, lengths and the checksum. The specification
/// speaks of 512 alphanumeric characters, and of fewer where characters take several bytes.
pub const CODE_CHARACTERS_MAX: usize = 512;

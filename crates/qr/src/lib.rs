//! EMVCo merchant-presented QR codes (EMV QRCPS, Merchant-Presented Mode 1.1): writes and reads the
//! text of a code, and draws it for a terminal's screen or a receipt.
//!
//! Never: I/O, a clock, a network, floats, a rule of a single wallet, another crate of the
//! workspace. Errors and `Debug` never contain a value that identifies a buyer or merchant.
//! Start at [`DynamicQr`] for the code of a payment, at [`QrCode::parse`] to read a code, at
//! [`QrSymbol`] to draw one. The module `value_format` has the widths and characters of all tags.

mod code;
mod crc;
mod data_objects;
mod decimal;
mod dynamic;
mod error;
mod parse;
mod symbol;
mod value_format;
mod write;

pub use code::{AdditionalData, LanguageTemplate, PointOfInitiation, QrCode, Template, Tip};
pub use crc::crc16_ccitt_false;
pub use decimal::{EXPONENT_MAX, Percent, QrAmount};
pub use dynamic::{DynamicQr, WAYBILL_GUID, WAYBILL_TAG};
pub use error::{QrError, QrRule, TagLocation};
pub use symbol::{Background, QUIET_ZONE_MODULES, QrSymbol, render};

/// Longest code, in characters, with all tags, lengths and the checksum. The specification allows
/// 512 alphanumeric characters, and fewer if characters take several bytes.
pub const CODE_CHARACTERS_MAX: usize = 512;

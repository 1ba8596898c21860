//! ISO 8583 messages: a codec driven by packager tables, BER-TLV, TPDU and length framing.
//!
//! Never: sockets, keys, a decision about a payment; a panic on received bytes; a card number,
//! PIN or track in `Debug` or in an error.
//! Start at [`Packager::parse`], which gives a [`Message`], and at [`Builder`], which makes one.
//! The tables are in [`packagers`]; a table of one's own is made with [`Packager::new`] and
//! [`Packager::field`].
//!
//! ```
//! use iso8583::{Builder, Mti, UNIONPAY_POS};
//!
//! let sale = Builder::new(&UNIONPAY_POS, Mti::M0200)
//!     .text(3, "000000")
//!     .number(4, 12_50)
//!     .number(11, 1)
//!     .text(41, "12345678")
//!     .build()?;
//! let message = UNIONPAY_POS.parse(&sale)?;
//! assert_eq!(message.number(4)?, 12_50);
//! assert_eq!(message.mti().response(), Some(Mti::M0210));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod composite;
pub mod framing;
pub mod packagers;
pub mod tlv;
pub mod tpdu;

mod alphabet;
mod builder;
mod decode;
mod encode;
mod error;
mod field;
mod message;
mod mti;
mod packager;
mod spec;
mod text;
mod wiped;

pub use builder::{Builder, MacBuildError};
pub use composite::Composite;
pub use error::{BuildError, BuildRule, FieldError, FieldRule, ParseError, Place, Rule};
pub use field::Field;
pub use framing::Framing;
pub use message::Message;
pub use mti::Mti;
pub use packager::{BitmapEncoding, MtiEncoding, Packager};
pub use packagers::{ISO87_ASCII, ISO87_BINARY, UNIONPAY_POS};
pub use spec::{Content, Count, CountEncoding, CountUnit, Encoding, FieldSpec, Length, Padding};
pub use text::Text;
pub use tpdu::{Envelope, Header, Tpdu};
pub use wiped::{SENSITIVE, Wiped, wipe_sensitive};

/// The longest message that is parsed or built, in bytes: offsets are kept in 16 bits.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

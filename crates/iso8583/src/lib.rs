//! Parses and builds ISO 8583 messages. Also BER-TLV, the TPDU and length framing.
//!
//! Tables, called packagers, define each network's fields. [`packagers`] contains three;
//! [`Packager::new`] and [`Packager::field`] define your own.
//!
//! Never: sockets, keys, decisions about payments, a panic on received bytes, a card number, PIN
//! or track in `Debug` output or an error.
//!
//! Start at [`Packager::parse`], which returns a [`Message`], and at [`MessageBuilder`], which
//! builds one.
//!
//! ```
//! use iso8583::{MessageBuilder, Mti, UNIONPAY_POS};
//!
//! let sale = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200)
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

pub use builder::{MacBuildError, MessageBuilder, UnsealedMessage};
pub use composite::Composite;
pub use error::{BuildError, BuildRule, FieldError, FieldRule, MessagePart, ParseError, ParseRule};
pub use field::Field;
pub use framing::LengthFraming;
pub use message::{Message, OwnedMessage};
pub use mti::Mti;
pub use packager::{BitmapEncoding, MtiEncoding, Packager};
pub use packagers::{DOORSTEP_CARD, DOORSTEP_POS, ISO87_ASCII, ISO87_BINARY, UNIONPAY_POS};
pub use spec::{
    FieldContent, FieldEncoding, FieldLength, FieldPadding, FieldSpec, LengthIndicator,
    LengthIndicatorEncoding, LengthUnit,
};
pub use text::FieldText;
pub use tpdu::{Envelope, PosHeader, Tpdu};
pub use wiped::{SENSITIVE_FIELDS, WipedBytes, wipe_sensitive_fields};

/// Longest message that can be parsed or built, in bytes: offsets have 16 bits.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

//! Messages between a terminal and its host: those of UnionPay, and our own, which differ in how
//! the card is protected.
//!
//! The specification (QCUP 009) is not public. The formats come from field lists that practitioners
//! publish (csdndocs.com/article/7712474: length indicators, alignment of 2, 22, 23 and 32) and
//! from messages of real terminals and hosts (codetd.com/article/5053461 and
//! blog.csdn.net/zfr_xuexiao66/article/details/94665452, both used in this crate's tests). The
//! lengths of 36, 44, 48, 54, 58, 59, 61 and 63, the parts of the composite fields and the results
//! in field 48 follow common practice: check them with the acquirer. Fields 40, 43, 46, 47, 51 and
//! 56, and 57 of UnionPay's terminals, are those of ISO 8583:1987: acquirers use them each in their
//! own way.

use crate::composite::{Composite, CompositePart};
use crate::packager::{BitmapEncoding, MtiEncoding, Packager};
use crate::spec::{FieldContent, FieldEncoding, FieldPadding, FieldSpec, LengthIndicator};

/// UnionPay POS, starting at the message type. TPDU and header come before it ([`crate::tpdu`]).
///
/// Numbers and tracks are BCD, left-aligned if their length is odd, except field 23. Length
/// indicators are BCD. On a track the separator, nibble D, reads as `=`. Field 48 of a batch upload
/// has card numbers and field 59 the terminal's location, so both are sensitive like the card
/// fields.
pub static UNIONPAY_POS: Packager = with_card_fields(pos("UnionPay POS"))
    .sensitive(48)
    .field(52, block("PIN block", 8))
    .field(57, characters_to("national use 57", 999, LengthIndicator::LLL_BCD));

/// Doorstep's own messages between a terminal and its host: those of UnionPay without card data
/// (fields 2, 14, 23, 35 and 36, and 55 of a request), which is sealed in field 57 as a
/// [`DOORSTEP_CARD`] message, and with a PIN block of ISO format 4. Field 55 of an answer has the
/// issuer's data for the chip.
pub static DOORSTEP_POS: Packager = pos("Doorstep POS")
    .field(52, block("PIN block", 16))
    .field(55, bytes_to("issuer's data for the chip", 255))
    .field(57, bytes_to("sealed card data", 512))
    .sensitive(57);

/// Card data before it is sealed for field 57 of [`DOORSTEP_POS`]. Its message type is that of the
/// message around it.
pub static DOORSTEP_CARD: Packager =
    with_card_fields(Packager::new("Doorstep card data", MtiEncoding::Bcd, RAW));

const fn with_card_fields(packager: Packager) -> Packager {
    packager
        .field(2, digits_to("primary account number", 19, LengthIndicator::LL_BCD))
        .field(14, digits("expiry date, YYMM", 4))
        .field(23, digits("card sequence number", 3).with_padding(FieldPadding::Left(b'0')))
        .field(35, track("track 2", 37, LengthIndicator::LL_BCD))
        .field(36, track("track 3", 104, LengthIndicator::LLL_BCD))
        .field(55, bytes_to("chip card fields", 255))
}

/// The fields of all dialects.
const fn pos(name: &'static str) -> Packager {
    Packager::new(name, MtiEncoding::Bcd, RAW)
        .field(3, digits("processing code", 6))
        .field(4, digits("amount, transaction", 12))
        .field(11, digits("system trace audit number", 6))
        .field(12, digits("local time, hhmmss", 6))
        .field(13, digits("local date, MMDD", 4))
        .field(15, digits("settlement date, MMDD", 4))
        .field(22, digits("point of service entry mode", 3))
        .field(25, digits("point of service condition code", 2))
        .field(26, digits("PIN capture code", 2))
        .field(32, digits_to("acquirer identification", 11, LengthIndicator::LL_BCD))
        .field(37, characters("retrieval reference number", FieldContent::An, 12))
        .field(38, characters("authorisation code", FieldContent::An, 6))
        .field(39, characters("response code", FieldContent::An, 2))
        .field(40, characters("service restriction code", FieldContent::An, 3))
        .field(41, characters("terminal", FieldContent::Ans, 8))
        .field(42, characters("merchant", FieldContent::Ans, 15))
        .field(43, characters("merchant name and place", FieldContent::Ans, 40))
        .field(44, characters_to("additional response", 25, LengthIndicator::LL_BCD))
        .field(46, characters_to("additional, ISO", 999, LengthIndicator::LLL_BCD))
        .field(47, characters_to("additional, national", 999, LengthIndicator::LLL_BCD))
        .field(48, digits_to("settlement totals", 322, LengthIndicator::LLL_BCD))
        .field(49, characters("currency", FieldContent::An, 3))
        .field(51, characters("currency, cardholder billing", FieldContent::An, 3))
        .field(53, digits("security control", 16))
        .field(54, characters_to("balance", 20, LengthIndicator::LLL_BCD))
        .field(56, characters_to("reserved, ISO 56", 999, LengthIndicator::LLL_BCD))
        .field(58, characters_to("electronic purse", 100, LengthIndicator::LLL_BCD))
        .field(59, characters_to("terminal location and device", 600, LengthIndicator::LLL_BCD))
        .sensitive(59)
        .field(60, digits_to("transaction kind and batch", 17, LengthIndicator::LLL_BCD))
        .field(61, digits_to("original transaction", 29, LengthIndicator::LLL_BCD))
        .field(62, bytes_to("private field 62", 512))
        .field(63, characters_to("private field 63", 163, LengthIndicator::LLL_BCD))
        .field(64, block("message authentication code", 8))
}

const RAW: BitmapEncoding = BitmapEncoding::Raw;
const ZERO_RIGHT: FieldPadding = FieldPadding::Right(b'0');

const fn digits(name: &'static str, length: u16) -> FieldSpec {
    FieldSpec::fixed(name, FieldContent::N, length, FieldEncoding::Bcd).with_padding(ZERO_RIGHT)
}

const fn digits_to(name: &'static str, max: u16, count: LengthIndicator) -> FieldSpec {
    FieldSpec::variable(name, FieldContent::N, max, FieldEncoding::Bcd, count)
        .with_padding(ZERO_RIGHT)
}

const fn track(name: &'static str, max: u16, count: LengthIndicator) -> FieldSpec {
    FieldSpec::variable(name, FieldContent::Z, max, FieldEncoding::Bcd, count)
        .with_padding(ZERO_RIGHT)
}

const fn characters(name: &'static str, content: FieldContent, length: u16) -> FieldSpec {
    FieldSpec::fixed(name, content, length, FieldEncoding::Ascii)
}

const fn characters_to(name: &'static str, max: u16, count: LengthIndicator) -> FieldSpec {
    FieldSpec::variable(name, FieldContent::Ans, max, FieldEncoding::Ascii, count)
}

const fn bytes_to(name: &'static str, max: u16) -> FieldSpec {
    FieldSpec::variable(name, FieldContent::B, max, FieldEncoding::Binary, LengthIndicator::LLL_BCD)
}

const fn block(name: &'static str, bytes: u16) -> FieldSpec {
    FieldSpec::fixed(name, FieldContent::B, bytes, FieldEncoding::Binary)
}

/// Field 48 of a settlement: the terminal's totals for domestic and foreign cards. Amounts are in
/// minor units. The host's result is 0 from the terminal, 1 equal, 2 different, 3 not compared.
pub static FIELD_48_TOTALS: Composite = Composite::new(
    48,
    10,
    &[
        CompositePart::new("48.1 debit amount, domestic", 12),
        CompositePart::new("48.2 debits, domestic", 3),
        CompositePart::new("48.3 credit amount, domestic", 12),
        CompositePart::new("48.4 credits, domestic", 3),
        CompositePart::new("48.5 result, domestic", 1),
        CompositePart::new("48.6 debit amount, foreign", 12),
        CompositePart::new("48.7 debits, foreign", 3),
        CompositePart::new("48.8 credit amount, foreign", 12),
        CompositePart::new("48.9 credits, foreign", 3),
        CompositePart::new("48.10 result, foreign", 1),
    ],
);

/// Field 60: transaction kind and terminal batch. Terminals end it after any part from 60.2 on.
pub static FIELD_60: Composite = Composite::new(
    60,
    2,
    &[
        CompositePart::new("60.1 transaction kind", 2),
        CompositePart::new("60.2 batch", 6),
        CompositePart::new("60.3 network management code", 3),
        CompositePart::new("60.4 terminal capability", 1),
        CompositePart::new("60.5 chip condition", 1),
        CompositePart::new("60.6 partial approval", 1),
        CompositePart::new("60.7 account kind", 3),
    ],
);

/// Field 61: the original transaction of a void, a completion or a refund.
pub static FIELD_61: Composite = Composite::new(
    61,
    2,
    &[
        CompositePart::new("61.1 original batch", 6),
        CompositePart::new("61.2 original trace number", 6),
        CompositePart::new("61.3 original date, MMDD", 4),
        CompositePart::new("61.4 original authorisation mode", 2),
        CompositePart::new("61.5 original authoriser", 11),
    ],
);

/// Field 62 of the answer to a sign-on: working keys of 16 and 8 bytes, encrypted under the
/// terminal's master key, each with the first four bytes of its check value.
pub static FIELD_62_KEYS: Composite = Composite::new(
    62,
    5,
    &[
        CompositePart::new("62.1 PIN key", 16),
        CompositePart::new("62.2 check value of the PIN key", 4),
        CompositePart::new("62.3 MAC key", 8),
        CompositePart::new("62.4 zeros", 8),
        CompositePart::new("62.5 check value of the MAC key", 4),
    ],
);

/// Field 62 of the answer to a sign-on, with a MAC key of 16 bytes and optionally a track key.
pub static FIELD_62_KEYS_TRIPLE: Composite = Composite::new(
    62,
    4,
    &[
        CompositePart::new("62.1 PIN key", 16),
        CompositePart::new("62.2 check value of the PIN key", 4),
        CompositePart::new("62.3 MAC key", 16),
        CompositePart::new("62.4 check value of the MAC key", 4),
        CompositePart::new("62.5 track key", 16),
        CompositePart::new("62.6 check value of the track key", 4),
    ],
);

/// Field 63: the card organisation (at sign-on, the operator), then text.
pub static FIELD_63: Composite = Composite::new(
    63,
    1,
    &[
        CompositePart::new("63.1 card organisation or operator", 3),
        CompositePart::rest("63.2 text", 160),
    ],
);

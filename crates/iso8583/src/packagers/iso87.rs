//! ISO 8583:1987: all fields, in two encodings.
//!
//! Contents and lengths follow the standard's list of data elements. The standard reserves field
//! 55; hosts use it for chip data, as bytes in the binary encoding and as text in the ASCII
//! encoding. Field 65 is one byte, as in most codecs, not a third bitmap.

use crate::composite::{Composite, CompositePart};
use crate::packager::{BitmapEncoding, MtiEncoding, Packager};
use crate::spec::FieldContent::{self, An, Ans, B, N, Xn, Z};
use crate::spec::{FieldEncoding, FieldSpec, LengthIndicator};
use Size::{Fixed, Ll, Lll};

/// All in ASCII; bitmaps and bytes in hexadecimal.
pub static ISO87_ASCII: Packager = with_fields(
    Packager::new("ISO 8583:1987 ASCII", MtiEncoding::Ascii, BitmapEncoding::Hex),
    Form {
        digits: FieldEncoding::Ascii,
        bytes: FieldEncoding::Hex,
        ll: LengthIndicator::LL_ASCII,
        lll: LengthIndicator::LLL_ASCII,
    },
);

/// Numbers and tracks in BCD, padded with a zero on the left; length indicators in BCD; bitmaps and
/// bytes as they are; characters in ASCII. Field 55 holds chip data as bytes.
pub static ISO87_BINARY: Packager = with_fields(
    Packager::new("ISO 8583:1987 binary", MtiEncoding::Bcd, BitmapEncoding::Raw),
    Form {
        digits: FieldEncoding::Bcd,
        bytes: FieldEncoding::Binary,
        ll: LengthIndicator::LL_BCD,
        lll: LengthIndicator::LLL_BCD,
    },
)
.field(
    55,
    FieldSpec::variable(
        "chip card fields",
        B,
        999,
        FieldEncoding::Binary,
        LengthIndicator::LLL_BCD,
    ),
);

/// Field 90: the original message, for example of a reversal.
pub static FIELD_90: Composite = Composite::new(
    90,
    5,
    &[
        CompositePart::new("90.1 original message type", 4),
        CompositePart::new("90.2 original trace number", 6),
        CompositePart::new("90.3 original date and time, MMDDhhmmss", 10),
        CompositePart::new("90.4 original acquirer", 11),
        CompositePart::new("90.5 original forwarder", 11),
    ],
);

/// Encodings by content.
#[derive(Clone, Copy)]
struct Form {
    digits: FieldEncoding,
    bytes: FieldEncoding,
    ll: LengthIndicator,
    lll: LengthIndicator,
}

/// Length: fixed, or variable with two or three digits.
#[derive(Clone, Copy)]
enum Size {
    Fixed(u16),
    Ll(u16),
    Lll(u16),
}

const fn with_fields(mut packager: Packager, form: Form) -> Packager {
    let mut index = 0;
    while index < FIELDS.len() {
        let (field, name, content, size) = FIELDS[index];
        let encoding = match content {
            N | Xn | Z => form.digits,
            An | Ans => FieldEncoding::Ascii,
            B => form.bytes,
        };
        let spec = match size {
            Fixed(length) => FieldSpec::fixed(name, content, length, encoding),
            Ll(max) => FieldSpec::variable(name, content, max, encoding, form.ll),
            Lll(max) => FieldSpec::variable(name, content, max, encoding, form.lll),
        };
        packager = packager.field(field, spec);
        index += 1;
    }
    packager.sensitive(34).sensitive(102).sensitive(103)
}

#[rustfmt::skip]
const FIELDS: [(u8, &str, FieldContent, Size); 127] = [
    (2, "primary account number", N, Ll(19)),
    (3, "processing code", N, Fixed(6)),
    (4, "amount, transaction", N, Fixed(12)),
    (5, "amount, settlement", N, Fixed(12)),
    (6, "amount, cardholder billing", N, Fixed(12)),
    (7, "transmission date and time", N, Fixed(10)),
    (8, "amount, cardholder billing fee", N, Fixed(8)),
    (9, "conversion rate, settlement", N, Fixed(8)),
    (10, "conversion rate, cardholder billing", N, Fixed(8)),
    (11, "system trace audit number", N, Fixed(6)),
    (12, "local time, hhmmss", N, Fixed(6)),
    (13, "local date, MMDD", N, Fixed(4)),
    (14, "expiry date, YYMM", N, Fixed(4)),
    (15, "settlement date, MMDD", N, Fixed(4)),
    (16, "conversion date, MMDD", N, Fixed(4)),
    (17, "capture date, MMDD", N, Fixed(4)),
    (18, "merchant type", N, Fixed(4)),
    (19, "acquirer country", N, Fixed(3)),
    (20, "account number country", N, Fixed(3)),
    (21, "forwarder country", N, Fixed(3)),
    (22, "point of service entry mode", N, Fixed(3)),
    (23, "card sequence number", N, Fixed(3)),
    (24, "network international identifier", N, Fixed(3)),
    (25, "point of service condition code", N, Fixed(2)),
    (26, "PIN capture code", N, Fixed(2)),
    (27, "authorisation code length", N, Fixed(1)),
    (28, "amount, transaction fee", Xn, Fixed(9)),
    (29, "amount, settlement fee", Xn, Fixed(9)),
    (30, "amount, transaction processing fee", Xn, Fixed(9)),
    (31, "amount, settlement processing fee", Xn, Fixed(9)),
    (32, "acquirer identification", N, Ll(11)),
    (33, "forwarder identification", N, Ll(11)),
    (34, "extended primary account number", Ans, Ll(28)),
    (35, "track 2", Z, Ll(37)),
    (36, "track 3", Z, Lll(104)),
    (37, "retrieval reference number", An, Fixed(12)),
    (38, "authorisation code", An, Fixed(6)),
    (39, "response code", An, Fixed(2)),
    (40, "service restriction code", An, Fixed(3)),
    (41, "terminal", Ans, Fixed(8)),
    (42, "merchant", Ans, Fixed(15)),
    (43, "merchant name and place", Ans, Fixed(40)),
    (44, "additional response", Ans, Ll(25)),
    (45, "track 1", Ans, Ll(76)),
    (46, "additional, ISO", Ans, Lll(999)),
    (47, "additional, national", Ans, Lll(999)),
    (48, "additional, private", Ans, Lll(999)),
    (49, "currency, transaction", An, Fixed(3)),
    (50, "currency, settlement", An, Fixed(3)),
    (51, "currency, cardholder billing", An, Fixed(3)),
    (52, "PIN block", B, Fixed(8)),
    (53, "security control", N, Fixed(16)),
    (54, "additional amounts", Ans, Lll(120)),
    (55, "reserved, ISO", Ans, Lll(999)),
    (56, "reserved, ISO", Ans, Lll(999)),
    (57, "reserved, national", Ans, Lll(999)),
    (58, "reserved, national", Ans, Lll(999)),
    (59, "reserved, national", Ans, Lll(999)),
    (60, "reserved, private", Ans, Lll(999)),
    (61, "reserved, private", Ans, Lll(999)),
    (62, "reserved, private", Ans, Lll(999)),
    (63, "reserved, private", Ans, Lll(999)),
    (64, "message authentication code", B, Fixed(8)),
    (65, "extended bitmap indicator", B, Fixed(1)),
    (66, "settlement code", N, Fixed(1)),
    (67, "extended payment code", N, Fixed(2)),
    (68, "receiver country", N, Fixed(3)),
    (69, "settlement institution country", N, Fixed(3)),
    (70, "network management code", N, Fixed(3)),
    (71, "message number", N, Fixed(4)),
    (72, "last message number", N, Fixed(4)),
    (73, "action date, YYMMDD", N, Fixed(6)),
    (74, "credits, number", N, Fixed(10)),
    (75, "credits, reversal number", N, Fixed(10)),
    (76, "debits, number", N, Fixed(10)),
    (77, "debits, reversal number", N, Fixed(10)),
    (78, "transfers, number", N, Fixed(10)),
    (79, "transfers, reversal number", N, Fixed(10)),
    (80, "inquiries, number", N, Fixed(10)),
    (81, "authorisations, number", N, Fixed(10)),
    (82, "credits, processing fee", N, Fixed(12)),
    (83, "credits, transaction fee", N, Fixed(12)),
    (84, "debits, processing fee", N, Fixed(12)),
    (85, "debits, transaction fee", N, Fixed(12)),
    (86, "credits, amount", N, Fixed(16)),
    (87, "credits, reversal amount", N, Fixed(16)),
    (88, "debits, amount", N, Fixed(16)),
    (89, "debits, reversal amount", N, Fixed(16)),
    (90, "original message", N, Fixed(42)),
    (91, "file update code", An, Fixed(1)),
    (92, "file security code", An, Fixed(2)),
    (93, "response indicator", An, Fixed(5)),
    (94, "service indicator", An, Fixed(7)),
    (95, "replacement amounts", An, Fixed(42)),
    (96, "message security code", B, Fixed(8)),
    (97, "amount, net settlement", Xn, Fixed(17)),
    (98, "payee", Ans, Fixed(25)),
    (99, "settlement institution identification", N, Ll(11)),
    (100, "receiver identification", N, Ll(11)),
    (101, "file name", Ans, Ll(17)),
    (102, "account 1", Ans, Ll(28)),
    (103, "account 2", Ans, Ll(28)),
    (104, "transaction description", Ans, Lll(100)),
    (105, "reserved, ISO", Ans, Lll(999)),
    (106, "reserved, ISO", Ans, Lll(999)),
    (107, "reserved, ISO", Ans, Lll(999)),
    (108, "reserved, ISO", Ans, Lll(999)),
    (109, "reserved, ISO", Ans, Lll(999)),
    (110, "reserved, ISO", Ans, Lll(999)),
    (111, "reserved, ISO", Ans, Lll(999)),
    (112, "reserved, national", Ans, Lll(999)),
    (113, "reserved, national", Ans, Lll(999)),
    (114, "reserved, national", Ans, Lll(999)),
    (115, "reserved, national", Ans, Lll(999)),
    (116, "reserved, national", Ans, Lll(999)),
    (117, "reserved, national", Ans, Lll(999)),
    (118, "reserved, national", Ans, Lll(999)),
    (119, "reserved, national", Ans, Lll(999)),
    (120, "reserved, private", Ans, Lll(999)),
    (121, "reserved, private", Ans, Lll(999)),
    (122, "reserved, private", Ans, Lll(999)),
    (123, "reserved, private", Ans, Lll(999)),
    (124, "reserved, private", Ans, Lll(999)),
    (125, "reserved, private", Ans, Lll(999)),
    (126, "reserved, private", Ans, Lll(999)),
    (127, "reserved, private", Ans, Lll(999)),
    (128, "message authentication code", B, Fixed(8)),
];

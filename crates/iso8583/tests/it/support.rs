//! Test helpers: values for any field, hexadecimal, files from outside.

use std::env;
use std::path::{Path, PathBuf};

use iso8583::{
    FieldContent, FieldEncoding, FieldLength, FieldSpec, ISO87_ASCII, ISO87_BINARY, Message,
    MessageBuilder, Mti, Packager, UNIONPAY_POS,
};

pub const PACKAGERS: [&Packager; 3] = [&UNIONPAY_POS, &ISO87_ASCII, &ISO87_BINARY];

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base16ct::mixed::decode_vec(digits).unwrap()
}

pub fn to_hex(bytes: &[u8]) -> String {
    base16ct::upper::encode_string(bytes)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Characters(String),
    Bytes(Vec<u8>),
}

const LETTERS: &[u8; 63] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ";

/// A valid value for the field, derived from `noise`.
pub fn value(spec: &FieldSpec, length: u16, noise: &[u8]) -> Value {
    let elements = match spec.length() {
        FieldLength::Fixed(elements) => elements,
        FieldLength::Variable { max, .. } => length % (max + 1),
    };
    let noise = (0..usize::from(elements)).map(|index| {
        let byte = noise.get(index % noise.len().max(1)).copied().unwrap_or(7);
        byte.wrapping_add(u8::try_from(index / noise.len().max(1) % 256).unwrap())
    });
    let characters = |class: fn(usize, u8) -> u8| {
        let text = noise.clone().enumerate().map(|(index, byte)| char::from(class(index, byte)));
        Value::Characters(text.collect())
    };
    match spec.content() {
        FieldContent::N => characters(|_, byte| b'0' + byte % 10),
        FieldContent::Xn => characters(|index, byte| match index {
            0 => [b'C', b'D'][usize::from(byte % 2)],
            _ => b'0' + byte % 10,
        }),
        FieldContent::An => characters(|_, byte| LETTERS[usize::from(byte) % LETTERS.len()]),
        FieldContent::Ans => characters(|_, byte| b' ' + byte % 95),
        FieldContent::Z => characters(|_, byte| b'0' + byte % 16),
        FieldContent::B => Value::Bytes(noise.collect()),
    }
}

pub fn set(builder: &mut MessageBuilder<'_>, field: u8, value: &Value) {
    match value {
        Value::Characters(text) => builder.text(field, text),
        Value::Bytes(bytes) => builder.bytes(field, bytes),
    };
}

/// The values of a message, read without the builder.
pub fn values(message: &Message<'_>) -> Vec<(u8, Value)> {
    let value = |field: iso8583::Field<'_>| match field.spec().encoding() {
        FieldEncoding::Binary => Value::Bytes(field.bytes().unwrap().to_vec()),
        FieldEncoding::Hex => Value::Bytes(hex(std::str::from_utf8(field.raw()).unwrap())),
        _ => Value::Characters(field.text().unwrap().as_str().to_owned()),
    };
    message.fields().map(|field| (field.id(), value(field))).collect()
}

/// A UnionPay sale of 12.50 with every field of a chip card with PIN.
pub fn sale() -> MessageBuilder<'static> {
    let mut sale = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200);
    sale.text(2, "6222021234567890123")
        .text(3, "000000")
        .number(4, 12_50)
        .number(11, 42)
        .text(14, "2912")
        .text(22, "051")
        .number(23, 1)
        .number(25, 0)
        .text(26, "12")
        .text(35, "6222021234567890123=29122010000012345")
        .text(41, "00000101")
        .text(42, "104110153110001")
        .text(49, "156")
        .bytes(52, [0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18])
        .text(53, "2600000000000000")
        .bytes(55, hex("9F2608AABBCCDDEEFF0011 9F2701809F36020001 5F3401019F020600000000 1250"))
        .text(60, "22000001000500");
    sale
}

/// A file from outside this repository. If it is absent, prints so and returns `None`.
pub fn real(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there; set DOORSTEP_TEST_DATA to where it is", path.display());
    None
}

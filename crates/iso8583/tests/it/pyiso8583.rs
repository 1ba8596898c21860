//! Comparison with pyiso8583, an independent codec: each reads what the other writes, and what the
//! pages of the terminal protocol say.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use iso8583::{
    Field, FieldContent, FieldEncoding, ISO87_ASCII, ISO87_BINARY, MessageBuilder, Mti, Packager,
    UNIONPAY_POS,
};
use serde_json::{Value as Json, json};

use crate::custom_packagers::MAINFRAME;
use crate::support::{hex, set, to_hex, value};

const MESSAGES: u64 = 500;
/// pyiso8583 reads field 65 as a third bitmap.
const LEFT_OUT: u8 = 65;

#[test]
fn unionpay_pos_agrees_with_pyiso8583() {
    agree(&UNIONPAY_POS, "unionpay");
}

#[test]
fn iso87_ascii_agrees_with_pyiso8583() {
    agree(&ISO87_ASCII, "iso87_ascii");
}

#[test]
fn iso87_binary_agrees_with_pyiso8583() {
    agree(&ISO87_BINARY, "iso87_binary");
}

#[test]
fn a_packager_in_ebcdic_agrees_with_pyiso8583() {
    agree(&MAINFRAME, "mainframe");
}

#[test]
fn the_examples_of_the_terminal_protocol_are_what_a_newcomer_builds_from_its_pages() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/door");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    let asked = json!({ "fields": page("terminal.md"), "examples": page("terminal-examples.md") });
    let answer = python("examples.py", &asked);
    assert_eq!(answer["wrong"], json!([]));
    assert_eq!(answer["checked"].as_array().unwrap().len(), 16, "{answer}");
}

fn agree(packager: &'static Packager, name: &str) {
    let mut chance = Chance(0x8583);
    let ours: Vec<Json> = (0..MESSAGES).map(|_| made(packager, &mut chance)).collect();
    let asked = json!({ "packager": name, "count": MESSAGES, "messages": ours });
    let answer = python("differential.py", &asked);
    assert_eq!(answer["wrong"], json!([]), "pyiso8583 reads our {name} otherwise");
    let theirs = answer["messages"].as_array().unwrap();
    assert_eq!(theirs.len() as u64, MESSAGES);
    for message in theirs {
        read(packager, message);
    }
}

/// Parses a message from pyiso8583, compares every field, and builds it again from the values.
fn read(packager: &'static Packager, theirs: &Json) {
    let bytes = hex(theirs["bytes"].as_str().unwrap());
    let message = packager.parse(&bytes).unwrap_or_else(|error| panic!("{error} in {theirs}"));
    let mut fields = BTreeMap::from([("t".to_owned(), message.mti().to_string())]);
    let mut again = MessageBuilder::new(packager, message.mti());
    for field in message.fields() {
        fields.insert(field.id().to_string(), as_python_sees(&field));
        match field.spec().encoding() {
            FieldEncoding::Binary => again.bytes(field.id(), field.bytes().unwrap()),
            FieldEncoding::Hex => again.bytes(field.id(), field.block::<8>().unwrap()),
            _ => again.text(field.id(), field.text().unwrap()),
        };
    }
    assert_eq!(json!(fields), theirs["fields"], "{theirs}");
    assert_eq!(to_hex(&again.build().unwrap()), to_hex(&bytes), "{theirs}");
}

fn made(packager: &'static Packager, chance: &mut Chance) -> Json {
    let mti = Mti::new(u16::try_from(chance.below(10_000)).unwrap()).unwrap();
    let mut builder = MessageBuilder::new(packager, mti);
    let many = chance.below(4) * 32;
    for field in (2..=128).filter(|field| *field != LEFT_OUT) {
        let Some(spec) = packager.spec(field) else { continue };
        if chance.below(128) < many {
            let length = u16::try_from(chance.below(1_000)).unwrap();
            let noise: Vec<u8> = (0..16).map(|_| chance.byte()).collect();
            set(&mut builder, field, &value(spec, length, &noise));
        }
    }
    let bytes = builder.build().unwrap();
    let message = packager.parse(&bytes).unwrap();
    let mut fields = BTreeMap::from([("t".to_owned(), mti.to_string())]);
    for field in message.fields() {
        fields.insert(field.id().to_string(), as_python_sees(&field));
    }
    json!({ "bytes": to_hex(&bytes), "fields": fields })
}

/// Hexadecimal digits for nibbles and bytes, characters otherwise.
fn as_python_sees(field: &Field<'_>) -> String {
    match (field.spec().encoding(), field.spec().content()) {
        (FieldEncoding::Binary, _) => to_hex(field.raw()),
        (FieldEncoding::Hex, _) => field.raw().iter().copied().map(char::from).collect(),
        (FieldEncoding::Bcd, FieldContent::Xn) => to_hex(field.raw()),
        (FieldEncoding::Bcd, _) => {
            let text = field.text().unwrap();
            text.bytes().map(|character| format!("{:X}", character & 0x0F)).collect()
        }
        (FieldEncoding::Ascii | FieldEncoding::Ebcdic, _) => {
            field.text().unwrap().as_str().to_owned()
        }
    }
}

fn python(script: &str, asked: &Json) -> Json {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.join("../../target/python/bin/python");
    let interpreter = std::env::var_os("DOORSTEP_PYTHON").map_or(beside, PathBuf::from);
    assert!(
        interpreter.exists(),
        "{} is missing: run ./test, which makes it with pyiso8583 in it, or set DOORSTEP_PYTHON",
        interpreter.display()
    );
    let mut child = Command::new(&interpreter)
        .arg(here.join("tests/python").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed: is pyiso8583 there? Run ./test");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The same numbers in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[4]
    }
}

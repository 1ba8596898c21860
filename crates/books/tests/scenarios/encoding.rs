//! Commands stay in journals for ever: their bytes never change.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use books::Command;

use super::examples::examples;

/// One line per example: its name and its bytes in hexadecimal.
const GOLDEN: &str = include_str!("../golden/commands-v1.txt");

/// Numbers of removed commands, and numbers that no command got.
const REMOVED: [RangeInclusive<u8>; 25] = [
    0..=0,
    2..=3,
    5..=6,
    9..=10,
    12..=12,
    14..=14,
    17..=17,
    19..=21,
    23..=23,
    27..=28,
    30..=30,
    32..=32,
    40..=40,
    44..=45,
    56..=56,
    58..=58,
    64..=65,
    68..=69,
    71..=74,
    80..=80,
    84..=84,
    90..=90,
    93..=93,
    95..=95,
    110..=110,
];

/// The file's lines by name.
fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let lines = GOLDEN.lines().map(|line| line.split_once(' ').expect("a name and its bytes"));
    let golden: BTreeMap<_, _> = lines.clone().map(|(name, hex)| (name, bytes(hex))).collect();
    assert_eq!(golden.len(), lines.count(), "a name is there twice");
    golden
}

fn bytes(hex: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(hex).expect("hexadecimal digits")
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn name(example: &str, command: &Command) -> String {
    let name = command.spec().name;
    if example.is_empty() { name.to_owned() } else { format!("{name}.{example}") }
}

/// The tags of commands. Their bytes alone are too short, but not an unknown variant.
pub fn tags() -> Vec<u8> {
    let unknown = |tag: &u8| {
        let error = borsh::from_slice::<Command>(&[*tag]).expect_err("no command is one byte long");
        error.to_string() == format!("no command has number {tag}")
    };
    (0..=u8::MAX).filter(|tag| !unknown(tag)).collect()
}

#[test]
fn the_bytes_of_commands_are_what_they_were() {
    let (golden, mut new) = (golden(), String::new());
    for (example, command) in examples() {
        let name = name(example, &command);
        let encoded = borsh::to_vec(&command).unwrap();
        let Some(kept) = golden.get(&*name) else {
            writeln!(new, "{name} {}", hex(&encoded)).unwrap();
            continue;
        };
        assert_eq!(hex(&encoded), hex(kept), "{name} is written in other bytes than in journals");
        let decoded: Command = borsh::from_slice(kept).unwrap();
        assert_eq!(decoded, command, "{name} is read as something else than was written");
    }
    assert!(new.is_empty(), "new commands; add their lines to the golden bytes:\n{new}");
    assert_eq!(golden.len(), examples().len(), "each golden line has its example");
}

#[test]
fn every_command_has_golden_bytes() {
    let golden = golden();
    let tags = tags();
    let last = *tags.last().unwrap();
    let expected = (0..=last).filter(|tag| !REMOVED.iter().any(|gap| gap.contains(tag)));
    assert!(tags.iter().copied().eq(expected), "no other gaps: {tags:?}");
    for tag in tags {
        let kept = golden.values().any(|bytes| bytes[0] == tag);
        assert!(kept, "the command with tag {tag} has no golden line: add an example of it");
    }
    for (name, bytes) in golden {
        let command: Command = borsh::from_slice(&bytes).unwrap();
        let named = name.split('.').next().unwrap();
        assert_eq!(command.spec().name, named, "the line {name} is another command");
    }
}

#[test]
fn a_tag_that_no_command_has_is_an_error() {
    let first_unknown = tags().last().unwrap() + 1;
    for tag in REMOVED.into_iter().flatten().chain([first_unknown, u8::MAX]) {
        let mut bytes = vec![0; 200];
        bytes[0] = tag;
        let error = borsh::from_slice::<Command>(&bytes).unwrap_err().to_string();
        assert_eq!(error, format!("no command has number {tag}"));
    }
    assert!(borsh::from_slice::<Command>(&[]).is_err());
}

#[test]
fn bytes_after_or_missing_from_a_command_are_an_error() {
    for (name, mut bytes) in golden() {
        for length in 0..bytes.len() {
            let cut = borsh::from_slice::<Command>(&bytes[..length]);
            assert!(cut.is_err(), "{name} is read from {length} of {} bytes", bytes.len());
        }
        bytes.push(0);
        assert!(
            borsh::from_slice::<Command>(&bytes).is_err(),
            "{name} is read with a byte too many"
        );
    }
}

#[test]
fn each_value_has_one_encoding() {
    // Every encoding is unique: decoded bytes encode to the same bytes.
    for (name, bytes) in golden() {
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                if let Ok(command) = borsh::from_slice::<Command>(&changed) {
                    let again = borsh::to_vec(&command).unwrap();
                    assert_eq!(again, changed, "{name} with another byte {at}");
                }
            }
        }
    }
}

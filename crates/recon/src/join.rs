//! The first step for files of millions of lines: one line and one item with the same whole key,
//! amount and fee. A row has 32 bytes; nothing is allocated for a row of its own.
//!
//! How to drive it:
//!
//! 1. Fill two [`JoinRows`], one of lines and one of items of the ledger. Several threads may fill
//!    one each per side. A row needs the whole key ([`request_key`], [`text_key`]). If a row of the
//!    file has none, give all of it to [`reconcile`](crate::matching::reconcile) instead.
//! 2. Call [`Join::partition`] for each number below [`PARTITIONS`], in any order, on any threads.
//!    Each partition is independent of the others.
//! 3. Give [`JoinedPartition::left`] to [`reconcile`](crate::matching::reconcile): all rows of each
//!    key that is not just one line and one item which say the same. So what is matched here is
//!    what `reconcile` would match by exact key, and all else is decided there.
//!
//! The pairs do not depend on the order of rows, nor on how they are spread over threads.

use sha2::{Digest, Sha256};

use crate::matching::LaneItemKind;

/// Parts of the rows that are joined apart from each other. Each fits a core's cache at ten million
/// rows.
pub const PARTITIONS: usize = 512;
/// Rows that are allocated at a time.
const CHUNK_ROWS: usize = 512;
/// Of a row whose fee is not compared.
pub const NO_FEE: i32 = i32::MIN;

/// A key that fits 128 bits, with the kind of its line in the last four. Packing loses nothing:
/// equal packed keys mean equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackedKey {
    text: u64,
    rest: u64,
}

const LETTERS: u64 = 37;
const REQUEST_CHARACTERS: usize = 12;
const KIND_BITS: u32 = 4;
const STAN_BITS: u32 = 20;
const SECOND_BITS: u32 = 40;
/// Characters of the second word of a text key: 37^11 < 2^58.
const REST_CHARACTERS: usize = 11;

/// Packs capitals, digits and spaces. `None` for another character.
fn pack(text: &[u8]) -> Option<u64> {
    let mut packed = 0;
    for byte in text {
        let letter = match byte {
            b' ' => 0,
            b'0'..=b'9' => u64::from(byte - b'0') + 1,
            b'A'..=b'Z' => u64::from(byte - b'A') + 11,
            _ => return None,
        };
        packed = packed * LETTERS + letter;
    }
    Some(packed)
}

/// The kinds by their numbers in a key.
const KINDS: [LaneItemKind; 11] = [
    LaneItemKind::Sale,
    LaneItemKind::Refund,
    LaneItemKind::Reversal,
    LaneItemKind::Chargeback,
    LaneItemKind::Representment,
    LaneItemKind::FeeCorrection,
    LaneItemKind::ClearingPayment,
    LaneItemKind::CashDeposit,
    LaneItemKind::Payout,
    LaneItemKind::PayoutReturn,
    LaneItemKind::Unstated,
];

fn number_of(kind: LaneItemKind) -> Option<u64> {
    let number = KINDS.iter().position(|one| *one == kind)?;
    u64::try_from(number).ok()
}

/// The key of a card request: RRN, STAN and second, and the kind of the line. `None` if a part is
/// empty or does not fit.
#[must_use]
pub fn request_key(
    rrn: &[u8; REQUEST_CHARACTERS],
    stan: u32,
    second: u64,
    kind: LaneItemKind,
) -> Option<PackedKey> {
    let text = pack(rrn).filter(|packed| *packed > 0)?;
    let fits = stan >> STAN_BITS == 0 && second >> SECOND_BITS == 0 && stan > 0;
    let numbers = u64::from(stan) << SECOND_BITS | second;
    fits.then_some(PackedKey { text, rest: numbers << KIND_BITS | number_of(kind)? })
}

/// The parts of a key of [`request_key`]: RRN, STAN, second and kind.
#[must_use]
pub fn request_of(key: PackedKey) -> Option<([u8; REQUEST_CHARACTERS], u32, u64, LaneItemKind)> {
    let mut rrn = [b' '; REQUEST_CHARACTERS];
    let mut text = key.text;
    for byte in rrn.iter_mut().rev() {
        let letter = u8::try_from(text % LETTERS).ok()?;
        *byte = match letter {
            0 => b' ',
            1..=10 => b'0' + letter - 1,
            _ => b'A' + letter - 11,
        };
        text /= LETTERS;
    }
    let kind = usize::try_from(key.rest & ((1 << KIND_BITS) - 1)).ok()?;
    let numbers = key.rest >> KIND_BITS;
    let stan = u32::try_from(numbers >> SECOND_BITS).ok()?;
    Some((rrn, stan, numbers & ((1 << SECOND_BITS) - 1), *KINDS.get(kind)?))
}

/// The key of a wallet order or another text of up to 23 characters. `None` if it does not fit.
#[must_use]
pub fn text_key(text: &[u8], kind: LaneItemKind) -> Option<PackedKey> {
    let (first, rest) = text.split_at_checked(text.len().min(REQUEST_CHARACTERS))?;
    if text.is_empty() || rest.len() > REST_CHARACTERS || text.contains(&b' ') {
        return None;
    }
    let (text, rest) = (pack(first)?, pack(rest)?);
    Some(PackedKey { text, rest: rest << KIND_BITS | number_of(kind)? })
}

impl PackedKey {
    /// The key without the kind: the lines of a sale and of its chargeback meet.
    fn reference(self) -> (u64, u64) {
        (self.text, self.rest >> KIND_BITS)
    }

    fn partition(self) -> usize {
        let (text, rest) = self.reference();
        let mixed = (text ^ rest.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = PARTITIONS.trailing_zeros();
        usize::try_from(mixed >> (u64::BITS - bits)).unwrap_or(0)
    }
}

/// A line, or an item of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JoinRow {
    pub key: PackedKey,
    /// In minor units.
    pub amount: i64,
    /// In minor units, or [`NO_FEE`].
    pub fee: i32,
    /// The caller's number of the line or item.
    pub number: u32,
}

/// The rows of one side, or of a part of it.
#[derive(Debug)]
pub struct JoinRows {
    partitions: Vec<Vec<Vec<JoinRow>>>,
    rows: u64,
}

impl Default for JoinRows {
    fn default() -> JoinRows {
        JoinRows { partitions: (0..PARTITIONS).map(|_| Vec::new()).collect(), rows: 0 }
    }
}

impl JoinRows {
    pub fn push(&mut self, row: JoinRow) {
        self.rows += 1;
        let chunks = &mut self.partitions[row.key.partition()];
        match chunks.last_mut().filter(|chunk| chunk.len() < CHUNK_ROWS) {
            Some(chunk) => chunk.push(row),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                chunk.push(row);
                chunks.push(chunk);
            }
        }
    }

    /// How many.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Some of the rows of a side, and what is added to their numbers.
#[derive(Clone, Copy, Debug)]
pub struct RowsFrom<'j> {
    pub rows: &'j JoinRows,
    pub first_number: u32,
}

/// Both sides.
#[derive(Clone, Copy, Debug)]
pub struct Join<'j> {
    pub stated: &'j [RowsFrom<'j>],
    pub due: &'j [RowsFrom<'j>],
}

/// Memory that one thread uses for each of its partitions.
#[derive(Debug, Default)]
pub struct JoinScratch {
    stated: Vec<JoinRow>,
    due: Vec<JoinRow>,
}

/// What is left for the other rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftRow {
    pub is_due: bool,
    pub row: JoinRow,
}

#[derive(Debug, Default)]
pub struct JoinedPartition {
    /// Line and item, by key.
    pub pairs: Vec<(u32, u32)>,
    /// The sum of the pairs' amounts, in minor units.
    pub amount: i128,
    pub left: Vec<LeftRow>,
}

impl Join<'_> {
    /// Joins the rows of one partition.
    #[must_use]
    pub fn partition(&self, partition: usize, scratch: &mut JoinScratch) -> JoinedPartition {
        gather(self.stated, partition, &mut scratch.stated);
        gather(self.due, partition, &mut scratch.due);
        let (mut stated, mut due) = (&scratch.stated[..], &scratch.due[..]);
        let mut joined = JoinedPartition {
            pairs: Vec::with_capacity(stated.len().min(due.len())),
            ..JoinedPartition::default()
        };
        while let Some(key) = first_key(stated, due) {
            let (lines, items) = (take_key(&mut stated, key), take_key(&mut due, key));
            match (lines, items) {
                ([line], [item]) if says_the_same(line, item) => {
                    joined.pairs.push((line.number, item.number));
                    joined.amount += i128::from(line.amount);
                }
                _ => {
                    let lines = lines.iter().map(|row| LeftRow { is_due: false, row: *row });
                    let items = items.iter().map(|row| LeftRow { is_due: true, row: *row });
                    joined.left.extend(lines.chain(items));
                }
            }
        }
        joined
    }
}

fn says_the_same(line: &JoinRow, item: &JoinRow) -> bool {
    let fees = line.fee == item.fee || line.fee == NO_FEE || item.fee == NO_FEE;
    line.key == item.key && line.amount == item.amount && fees
}

fn gather(from: &[RowsFrom<'_>], partition: usize, into: &mut Vec<JoinRow>) {
    into.clear();
    for part in from {
        for chunk in &part.rows.partitions[partition] {
            into.extend(chunk.iter().map(|row| JoinRow {
                number: row.number.saturating_add(part.first_number),
                ..*row
            }));
        }
    }
    into.sort_unstable();
}

fn first_key(stated: &[JoinRow], due: &[JoinRow]) -> Option<(u64, u64)> {
    match (stated.first(), due.first()) {
        (Some(line), Some(item)) => Some(line.key.reference().min(item.key.reference())),
        (Some(row), None) | (None, Some(row)) => Some(row.key.reference()),
        (None, None) => None,
    }
}

/// Takes the rows with this key from the front.
fn take_key<'r>(rows: &mut &'r [JoinRow], key: (u64, u64)) -> &'r [JoinRow] {
    let count = rows.iter().take_while(|row| row.key.reference() == key).count();
    let (taken, rest) = rows.split_at(count);
    *rows = rest;
    taken
}

/// The item of each line, of a file with so many lines: 0 is none, else the item's number plus one.
///
/// # Panics
/// If a line or item is in two pairs: M15.
#[must_use]
pub fn items_of_lines(lines: u32, items: u32, pairs: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut of_lines = vec![0; lines as usize];
    let mut taken = vec![0_u64; (items as usize).div_ceil(64)];
    for (line, item) in pairs {
        let (word, bit) = (item as usize / 64, 1 << (item % 64));
        assert!(taken[word] & bit == 0, "M15: item {item} is taken once");
        taken[word] |= bit;
        let place = &mut of_lines[line as usize];
        assert!(*place == 0, "M15: line {line} is taken once");
        *place = item.saturating_add(1);
    }
    of_lines
}

/// SHA-256 of the pairs in the order of lines.
#[must_use]
pub fn digest_of_pairs(items_of_lines: &[u32]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for lines in items_of_lines.chunks(CHUNK_ROWS) {
        let bytes: Vec<u8> = lines.iter().flat_map(|item| item.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().into()
}

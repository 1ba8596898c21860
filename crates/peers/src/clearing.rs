//! Clearing files: what a network says at the end of a day that it pays. The layout is documented
//! in `docs/files/clearing.md`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use money::{Amount, Currency, Rate};

use crate::book::{Book, Item, Kind, State};

mod text;

pub use text::ClearingFileError;

/// The version of the layout.
pub const CLEARING_VERSION: u8 = 1;

/// What a network keeps of an amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The share, rounded half up.
    pub rate: Rate,
    /// At most this much of one item.
    pub cap: Option<Amount>,
}

impl Cost {
    /// What is kept of `amount`.
    #[must_use]
    pub fn of(self, amount: Amount) -> Amount {
        let share = self.rate.of(amount);
        self.cap.map_or(share, |cap| share.min(cap))
    }
}

/// What a network keeps, by the kind of card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Of debit cards.
    pub debit: Cost,
    /// Of credit cards.
    pub credit: Cost,
    /// What is known of cards; the longest range that fits counts, and without one it is a debit
    /// card.
    pub ranges: Vec<CardRange>,
}

/// The cards that begin with some digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardRange {
    /// The digits as a number.
    pub first_digits: u32,
    /// How many, 0 to 6: the books know no more of a card.
    pub count: u32,
    /// Whether they are credit cards; else debit cards.
    pub credit: bool,
}

impl CardRange {
    fn has(&self, bin: u32) -> bool {
        let rest = BIN_DIGITS.checked_sub(self.count);
        rest.is_some_and(|rest| bin / 10_u32.pow(rest) == self.first_digits)
    }
}

const BIN_DIGITS: u32 = 6;

impl Costs {
    /// What is kept of an item that takes money.
    #[must_use]
    pub fn of(&self, item: &Item) -> Amount {
        let ranges = self.ranges.iter().filter(|range| range.has(item.card.bin));
        let longest = ranges.max_by_key(|range| range.count);
        if longest.is_some_and(|range| range.credit) {
            self.credit.of(item.amount)
        } else {
            self.debit.of(item.amount)
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    /// A sale.
    Sale,
    /// A completed pre-authorisation.
    Completion,
    /// A sale that the terminal approved.
    Offline,
    /// Money given back to the buyer.
    Refund,
    /// An item of an earlier file that was reversed after it: the same sums below zero.
    Reversal,
}

impl LineKind {
    /// All of them.
    pub const ALL: [LineKind; 5] = [
        LineKind::Sale,
        LineKind::Completion,
        LineKind::Offline,
        LineKind::Refund,
        LineKind::Reversal,
    ];

    /// How the file writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LineKind::Sale => "sale",
            LineKind::Completion => "completion",
            LineKind::Offline => "offline",
            LineKind::Refund => "refund",
            LineKind::Reversal => "reversal",
        }
    }
}

/// One item of a clearing file. Amounts are in minor units; below zero the network takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingLine {
    /// The retrieval reference number.
    pub rrn: [u8; 12],
    /// The switch's STAN.
    pub stan: u32,
    /// When the switch sent it, in seconds since 1970.
    pub sent_s: u64,
    /// The terminal.
    pub terminal: [u8; 8],
    /// The merchant.
    pub merchant: [u8; 15],
    /// What it is.
    pub kind: LineKind,
    /// What the card's holder paid.
    pub amount: i64,
    /// What the network keeps of it.
    pub kept_back: i64,
}

impl ClearingLine {
    /// What the network pays.
    #[must_use]
    pub const fn net(&self) -> i64 {
        self.amount.saturating_sub(self.kept_back)
    }
}

/// What the lines come to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearingTotals {
    /// How many lines.
    pub lines: u64,
    /// The sum of the amounts.
    pub amount: i128,
    /// What is kept back.
    pub kept_back: i128,
    /// What is paid.
    pub net: i128,
}

/// The clearing file of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingFile {
    /// The network: small letters, digits, hyphens.
    pub network: String,
    /// The day, as `2013-08-28`.
    pub date: jiff::civil::Date,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The items, in the order in which the network heard of them.
    pub lines: Vec<ClearingLine>,
}

impl ClearingFile {
    /// What the lines come to.
    #[must_use]
    pub fn totals(&self) -> ClearingTotals {
        let mut totals = ClearingTotals::default();
        for line in &self.lines {
            totals.lines += 1;
            totals.amount += i128::from(line.amount);
            totals.kept_back += i128::from(line.kept_back);
            totals.net += i128::from(line.net());
        }
        totals
    }

    /// Reads a file back and checks all that the trailer says.
    ///
    /// # Errors
    /// The first line that is wrong, and how.
    pub fn parse(text: &str) -> Result<ClearingFile, ClearingFileError> {
        text::parse(text)
    }

    /// The whole file as text.
    ///
    /// # Errors
    /// Where the network's name is none.
    pub fn to_text(&self) -> Result<String, ClearingFileError> {
        text::write(self)
    }

    /// Writes the file under a temporary name beside it, makes it durable and gives it its name:
    /// there is no half file.
    ///
    /// # Errors
    /// What the system says, or a name that is none.
    pub fn write(&self, path: &Path) -> Result<(), ClearingFileError> {
        let text = self.to_text()?;
        write_whole(path, text.as_bytes())
            .map_err(|source| ClearingFileError::Io { path: path.to_owned(), source })
    }
}

/// The lines of all items sent before `until_ms` that no earlier file had, and of those that were
/// reversed or voided after one had them. They are marked, so that the next file has the rest.
pub(crate) fn clear(book: &mut Book, costs: &Costs, until_ms: u64) -> Vec<ClearingLine> {
    let mut lines = Vec::new();
    for item in book.items_mut().filter(|item| item.sent_ms < until_ms) {
        if item.moves_money() && !item.cleared {
            item.cleared = true;
            lines.push(line(item, costs));
        } else if taken_back(item) && item.cleared && !item.corrected {
            item.corrected = true;
            let line = line(item, costs);
            let (amount, kept_back) = (-line.amount, -line.kept_back);
            lines.push(ClearingLine { kind: LineKind::Reversal, amount, kept_back, ..line });
        }
    }
    lines
}

fn taken_back(item: &Item) -> bool {
    matches!(item.state, State::Reversed | State::Voided)
}

fn line(item: &Item, costs: &Costs) -> ClearingLine {
    let minor = |amount: Amount| i64::try_from(amount.minor()).unwrap_or(i64::MAX);
    let (kind, amount, kept_back) = match item.kind {
        Kind::Refund => (LineKind::Refund, -minor(item.amount), 0),
        Kind::Completion => (LineKind::Completion, minor(item.amount), minor(costs.of(item))),
        Kind::Offline => (LineKind::Offline, minor(item.amount), minor(costs.of(item))),
        _ => (LineKind::Sale, minor(item.amount), minor(costs.of(item))),
    };
    ClearingLine {
        rrn: item.rrn,
        stan: item.reference.stan,
        sent_s: item.sent_ms / 1_000,
        terminal: item.reference.terminal,
        merchant: item.merchant,
        kind,
        amount,
        kept_back,
    }
}

/// Removes a file unless it was given its name.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It was going to be thrown away; there is nobody to tell.
            let _ = fs::remove_file(path);
        }
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let beside = format!(".{}.{}.part", name.to_string_lossy(), process::id());
    let temporary = path.with_file_name(beside);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    let mut guard = Temporary(Some(temporary.clone()));
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    guard.0 = None;
    sync_directory(path)
}

/// A new name is durable when its directory is.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;

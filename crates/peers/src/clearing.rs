//! Clearing files: what a network pays at the end of a day. `docs/files/clearing.md` describes the
//! format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use money::{Amount, Currency, Rate};

use crate::codes::Rrn;
use crate::ledger::{
    NetworkLedger, NetworkTransaction, NetworkTransactionKind, NetworkTransactionState,
    TransactionReference,
};

mod text;

pub use text::{ClearingFileError, is_network_name};

/// Version of the file format.
pub const CLEARING_VERSION: u8 = 1;

/// The network's fee for one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkFee {
    /// Share of the amount; the result is rounded half up.
    pub rate: Rate,
    /// Highest fee.
    pub cap: Option<Amount>,
}

impl NetworkFee {
    /// Fee for `amount`.
    #[must_use]
    pub fn for_amount(self, amount: Amount) -> Amount {
        let share = self.rate.of(amount);
        self.cap.map_or(share, |cap| share.min(cap))
    }
}

/// A network's fees by kind of card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkFees {
    pub debit: NetworkFee,
    pub credit: NetworkFee,
    /// The longest matching range decides. Without a match the card is a debit card.
    pub ranges: Vec<CardRange>,
}

/// Cards whose number starts with given digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardRange {
    pub first_digits: u32,
    /// Number of digits, 0 to 6: the books keep only six.
    pub digit_count: u32,
    /// Credit cards; otherwise debit cards.
    pub credit: bool,
}

impl CardRange {
    fn contains(&self, bin: u32) -> bool {
        let rest = BIN_DIGITS.checked_sub(self.digit_count);
        rest.is_some_and(|rest| bin / 10_u32.pow(rest) == self.first_digits)
    }
}

const BIN_DIGITS: u32 = 6;

impl NetworkFees {
    /// Fee for a transaction that takes money.
    #[must_use]
    pub fn for_transaction(&self, item: &NetworkTransaction) -> Amount {
        let ranges = self.ranges.iter().filter(|range| range.contains(item.card.bin));
        let longest = ranges.max_by_key(|range| range.digit_count);
        if longest.is_some_and(|range| range.credit) {
            self.credit.for_amount(item.amount)
        } else {
            self.debit.for_amount(item.amount)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClearingLineKind {
    Sale,
    Completion,
    /// A sale that the terminal approved by itself.
    Offline,
    Refund,
    /// A transaction of an earlier file, reversed since: the same amounts with a negative sign.
    Reversal,
    /// The issuer takes a payment back, or a part of it.
    Chargeback,
    /// The network corrects the fee of an earlier line. The amount is zero.
    FeeCorrection,
    /// The network pays a chargeback back that was contested.
    Representment,
}

impl ClearingLineKind {
    pub const ALL: [ClearingLineKind; 8] = [
        ClearingLineKind::Sale,
        ClearingLineKind::Completion,
        ClearingLineKind::Offline,
        ClearingLineKind::Refund,
        ClearingLineKind::Reversal,
        ClearingLineKind::Chargeback,
        ClearingLineKind::FeeCorrection,
        ClearingLineKind::Representment,
    ];

    /// Name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ClearingLineKind::Sale => "sale",
            ClearingLineKind::Completion => "completion",
            ClearingLineKind::Offline => "offline",
            ClearingLineKind::Refund => "refund",
            ClearingLineKind::Reversal => "reversal",
            ClearingLineKind::Chargeback => "chargeback",
            ClearingLineKind::FeeCorrection => "fee-correction",
            ClearingLineKind::Representment => "representment",
        }
    }
}

/// One line of a clearing file. Amounts are in minor units; a negative amount is owed to the
/// network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingLine {
    pub rrn: Rrn,
    pub stan: u32,
    /// Time the switch sent the request, in seconds since 1970.
    pub sent_s: u64,
    pub terminal: [u8; 8],
    pub merchant: [u8; 15],
    pub kind: ClearingLineKind,
    /// What the cardholder paid.
    pub amount: i64,
    /// The network's fee.
    pub deducted: i64,
}

impl ClearingLine {
    /// What the network pays.
    #[must_use]
    pub const fn net(&self) -> i64 {
        self.amount.saturating_sub(self.deducted)
    }
}

/// Sums over all lines, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearingTotals {
    pub lines: u64,
    pub amount: i128,
    /// The network's fees.
    pub deducted: i128,
    /// What the network pays.
    pub net: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingFile {
    /// Name of the network: small letters, digits, hyphens.
    pub network: String,
    pub date: jiff::civil::Date,
    pub currency: Currency,
    /// In the order in which the network received the requests.
    pub lines: Vec<ClearingLine>,
}

impl ClearingFile {
    #[must_use]
    pub fn totals(&self) -> ClearingTotals {
        let mut totals = ClearingTotals::default();
        for line in &self.lines {
            totals.lines += 1;
            totals.amount += i128::from(line.amount);
            totals.deducted += i128::from(line.deducted);
            totals.net += i128::from(line.net());
        }
        totals
    }

    /// Parses a file and checks its trailer.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn parse(text: &str) -> Result<ClearingFile, ClearingFileError> {
        text::parse(text)
    }

    /// Formats the file.
    ///
    /// # Errors
    /// If the network's name is invalid.
    pub fn to_text(&self) -> Result<String, ClearingFileError> {
        text::write(self)
    }

    /// Writes the file durably. It is written under a temporary name in the same folder and then
    /// renamed, so nobody sees half a file.
    ///
    /// # Errors
    /// If the network's name is invalid or the file system fails.
    pub fn write(&self, path: &Path) -> Result<(), ClearingFileError> {
        let text = self.to_text()?;
        write_whole(path, text.as_bytes())
            .map_err(|source| ClearingFileError::Io { path: path.to_owned(), source })
    }
}

/// The lines of the next clearing file: transactions sent before `answer_by_ms` that no earlier
/// file contained, earlier ones reversed or voided since, and adjustments. Marks them, so that the
/// next file starts after them.
pub(crate) fn clear(
    ledger: &mut NetworkLedger,
    costs: &NetworkFees,
    until_ms: u64,
) -> Vec<ClearingLine> {
    let mut lines = Vec::new();
    for item in ledger.transactions_mut().filter(|item| item.sent_ms < until_ms) {
        if item.moves_money() && !item.cleared {
            item.cleared = true;
            lines.push(line(item, costs));
        } else if is_reversed(item) && item.cleared && !item.reversal_cleared {
            item.reversal_cleared = true;
            let line = line(item, costs);
            let (amount, deducted) = (-line.amount, -line.deducted);
            lines.push(ClearingLine { kind: ClearingLineKind::Reversal, amount, deducted, ..line });
        }
    }
    lines.append(&mut ledger.adjustments);
    lines
}

/// What the network owes by its own books: transactions in force that no file contained, less
/// those that were reversed or voided after a file contained them, and adjustments. Fees are
/// deducted when they are paid.
pub(crate) fn owed(ledger: &NetworkLedger) -> i128 {
    let items = ledger.items().map(|item| {
        let amount = i128::from(line(item, &NetworkFees::default()).amount);
        if item.moves_money() && !item.cleared {
            amount
        } else if is_reversed(item) && item.cleared && !item.reversal_cleared {
            -amount
        } else {
            0
        }
    });
    let adjustments = ledger.adjustments.iter().map(|line| i128::from(line.amount));
    items.chain(adjustments).sum()
}

/// Adds a line about an earlier transaction to the next file: a chargeback or a correction of its
/// fee. Returns whether the transaction is known.
pub(crate) fn adjust(
    ledger: &mut NetworkLedger,
    reference: TransactionReference,
    kind: ClearingLineKind,
    (amount, deducted): (i64, i64),
) -> bool {
    let Some(item) = ledger.transaction(reference) else { return false };
    let adjustment = ClearingLine { kind, amount, deducted, ..line(item, &NetworkFees::default()) };
    ledger.adjustments.push(adjustment);
    true
}

fn is_reversed(item: &NetworkTransaction) -> bool {
    matches!(item.state, NetworkTransactionState::Reversed | NetworkTransactionState::Voided)
}

fn line(item: &NetworkTransaction, costs: &NetworkFees) -> ClearingLine {
    let minor = |amount: Amount| i64::try_from(amount.minor()).unwrap_or(i64::MAX);
    let (kind, amount, deducted) = match item.kind {
        NetworkTransactionKind::Refund => (ClearingLineKind::Refund, -minor(item.amount), 0),
        NetworkTransactionKind::Completion => {
            (ClearingLineKind::Completion, minor(item.amount), minor(costs.for_transaction(item)))
        }
        NetworkTransactionKind::Offline => {
            (ClearingLineKind::Offline, minor(item.amount), minor(costs.for_transaction(item)))
        }
        _ => (ClearingLineKind::Sale, minor(item.amount), minor(costs.for_transaction(item))),
    };
    ClearingLine {
        rrn: item.rrn,
        stan: item.reference.stan,
        sent_s: item.sent_ms / 1_000,
        terminal: item.reference.terminal,
        merchant: item.merchant,
        kind,
        amount,
        deducted,
    }
}

/// Removes a temporary file unless it was renamed.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // The file is discarded anyway, and nobody could act on the error.
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

/// A rename is durable once the directory is synced.
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

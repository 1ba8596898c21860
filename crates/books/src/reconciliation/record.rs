//! What the books remember of files, and of what moved their bank accounts.

use std::collections::{BTreeMap, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};
use money::SignedAmount;
use serde::Serialize;
use tariff::BusinessDate;

use crate::clearing::lines::FileLines;
use crate::command::{BankMovement, BeginFile, FileLane, ReconBreakKind};
use crate::ids::{BankId, FirmId};
use crate::sha256::Sha256Digest;

/// Files of all lanes, and the reconciliation of each bank account.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReconciliationTables {
    pub lanes: BTreeMap<FileLane, LaneFiles>,
    pub banks: BTreeMap<BankId, BankReconciliation>,
    pub sheets: BTreeMap<FirmId, SheetReconciliation>,
}

/// The files of a lane, numbered from 1.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct LaneFiles {
    /// Oldest first, at most [`FILES_REMEMBERED`](crate::command::FILES_REMEMBERED).
    pub files: VecDeque<FileRecord>,
}

impl LaneFiles {
    pub(crate) fn find(&self, file: u32) -> Option<&FileRecord> {
        self.files.iter().rev().find(|one| one.begun.file == file)
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct FileRecord {
    pub begun: BeginFile,
    pub sums: FileSums,
    /// The digest of what was found, since the file ended.
    pub ended: Option<Sha256Digest>,
}

impl FileRecord {
    /// The balance after the last entry of a bank statement.
    pub(crate) fn closing(&self) -> Option<i128> {
        let opening = self.begun.opening?;
        Some(i128::from(opening.minor()) + i128::from(self.begun.total.minor()))
    }
}

/// What the lines of a file are (M15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct FileSums {
    /// The books have what the line says.
    pub matched: FileSum,
    /// The books will have it.
    pub expected: FileSum,
    pub breaks: FileSum,
}

/// Lines of one kind. A line that is a break in part counts as a break, with the amount of that
/// part; its other part is in the amount of the other kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct FileSum {
    pub lines: u32,
    /// In minor units: what the rail pays, or the bank account gets.
    pub amount: i128,
}

/// The parts of one line, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct LineSplit {
    pub matched: i128,
    pub expected: i128,
    pub breaks: i128,
    /// Those of a clearing line can add up to zero.
    pub has_breaks: bool,
}

impl FileSums {
    #[must_use]
    pub fn lines(&self) -> u32 {
        self.matched.lines + self.expected.lines + self.breaks.lines
    }

    #[must_use]
    pub fn total(&self) -> i128 {
        self.matched.amount + self.expected.amount + self.breaks.amount
    }

    fn kind_of(&mut self, split: LineSplit) -> &mut FileSum {
        match split {
            LineSplit { has_breaks: true, .. } => &mut self.breaks,
            LineSplit { expected: 1.. | ..=-1, .. } => &mut self.expected,
            _ => &mut self.matched,
        }
    }

    pub(crate) fn add(&mut self, split: LineSplit) {
        self.kind_of(split).lines += 1;
        self.matched.amount += split.matched;
        self.expected.amount += split.expected;
        self.breaks.amount += split.breaks;
    }

    pub(crate) fn replace(&mut self, before: LineSplit, after: LineSplit) {
        self.kind_of(before).lines -= 1;
        self.matched.amount -= before.matched;
        self.expected.amount -= before.expected;
        self.breaks.amount -= before.breaks;
        self.add(after);
    }
}

/// What the statements of a bank account say, and what they do not show yet.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct BankReconciliation {
    /// The entries of the last statement.
    pub entries: FileLines,
    /// What moved the account in the books, and is on no statement.
    pub movements: BTreeMap<BankMovement, OpenMovement>,
    /// In minor units: what is in the books and on statements, matched or as a break.
    pub on_statements: i128,
    /// Entries whose cause the books do not have yet, by file and line.
    pub expected: BTreeMap<(u32, u32), ExpectedEntry>,
    /// The opening balance of the first statement.
    pub first_opening: Option<SignedAmount>,
}

/// The sheets of a courier firm.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct SheetReconciliation {
    /// The lines of the last sheet.
    pub lines: FileLines,
    /// Lines that are awaited, or breaks that nobody looked at, by file and line. At most
    /// [`OPEN_SHEET_LINES_MAX`](crate::command::OPEN_SHEET_LINES_MAX).
    pub open: BTreeMap<(u32, u32), OpenSheetLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OpenSheetLine {
    pub split: LineSplit,
    pub booked: BusinessDate,
    /// The last day on which its cause is awaited. `None`: it is a break.
    pub until: Option<BusinessDate>,
    pub kind: Option<ReconBreakKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OpenMovement {
    /// In minor units. Above zero: into the account.
    pub amount: i128,
    pub since: BusinessDate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ExpectedEntry {
    pub split: LineSplit,
    pub booked: BusinessDate,
    /// The last day on which its cause is awaited.
    pub until: BusinessDate,
}

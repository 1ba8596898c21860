//! What is reconciled, and what is not.

use money::{Currency, SignedAmount};
use tariff::BusinessDate;

use crate::books::Books;
use crate::command::{BankMovement, BeginFile, BreakSubject, FIRST_AUTOMATIC_BREAK, FileLane};
use crate::ids::{BankId, BreakId};
use crate::reconciliation::record::{BankReconciliation, FileRecord};
use crate::sha256::Sha256Digest;

pub use crate::reconciliation::record::{FileSum, FileSums};

/// A file that the books remember.
#[derive(Clone, Copy, Debug)]
pub struct FileView<'b> {
    pub begun: &'b BeginFile,
    pub sums: FileSums,
    /// The digest of what was found. `None` while its lines are being taken.
    pub ended: Option<Sha256Digest>,
}

/// What moved a bank account in the books, and is on no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMovementView {
    pub movement: BankMovement,
    /// In minor units. Above zero: into the account.
    pub amount: i128,
    pub since: BusinessDate,
}

/// An entry of a statement whose cause the books do not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedEntryView {
    pub file: u32,
    pub line: u32,
    pub booked: BusinessDate,
    /// In minor units: the part that is not matched.
    pub amount: i128,
    /// The last day on which its cause is awaited.
    pub until: BusinessDate,
}

/// A bank account in the books and on its statements. All sums are in minor units, and
/// `statement - opening difference + not on a statement - expected = books`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankReconciliationView {
    pub bank: BankId,
    pub currency: Currency,
    /// Its balance in the books.
    pub books: i128,
    /// The closing balance of the last whole statement, and its last day.
    pub statement: Option<(i128, BusinessDate)>,
    /// The sum of the open movements.
    pub not_on_statement: i128,
    /// The sum of the entries that are expected.
    pub expected: i128,
    /// The opening balance of the first statement: what was there before the books.
    pub opening: Option<SignedAmount>,
}

impl Books {
    fn bank_record(&self, bank: BankId) -> Option<&BankReconciliation> {
        self.reference_data.reconciliation.banks.get(&bank)
    }

    #[must_use]
    pub fn bank_currency(&self, bank: BankId) -> Option<Currency> {
        self.banks.find(bank).map(|bank| self.currency_at(bank.currency))
    }

    /// The currency of a lane's files. `None` if there is no such network, wallet or bank account.
    #[must_use]
    pub fn lane_currency(&self, lane: FileLane) -> Option<Currency> {
        match lane {
            FileLane::Bank(id) => self.bank_currency(id),
            FileLane::Firm(id) => self.firms.find(id).map(|firm| self.currency_at(firm.currency)),
            FileLane::Network(_) | FileLane::Wallet(_) => self.rail_currency(lane.rail()?),
        }
    }

    /// The remembered files of a lane, oldest first.
    pub fn files_of(&self, lane: FileLane) -> impl DoubleEndedIterator<Item = FileView<'_>> {
        let lane = self.reference_data.reconciliation.lanes.get(&lane);
        let files = lane.into_iter().flat_map(|lane| lane.files.iter());
        files.map(|&FileRecord { ref begun, sums, ended }| FileView { begun, sums, ended })
    }

    /// The lanes that have files.
    pub fn file_lanes(&self) -> impl Iterator<Item = FileLane> {
        self.reference_data.reconciliation.lanes.keys().copied()
    }

    /// The number that the next file of a lane has. `None` if there is no such network, wallet or
    /// bank account.
    #[must_use]
    pub fn next_file(&self, lane: FileLane) -> Option<u32> {
        self.last_file_number(lane).ok()?.checked_add(1)
    }

    /// What moved a bank account and is on no statement.
    pub fn open_movements(&self, bank: BankId) -> impl Iterator<Item = OpenMovementView> {
        let movements = self.bank_record(bank).into_iter().flat_map(|bank| &bank.movements);
        movements.map(|(movement, open)| OpenMovementView {
            movement: *movement,
            amount: open.amount,
            since: open.since,
        })
    }

    /// The entries of a bank account whose cause is awaited.
    pub fn expected_entries(&self, bank: BankId) -> impl Iterator<Item = ExpectedEntryView> {
        let expected = self.bank_record(bank).into_iter().flat_map(|bank| &bank.expected);
        expected.map(|(&(file, line), one)| ExpectedEntryView {
            file,
            line,
            booked: one.booked,
            amount: one.split.expected,
            until: one.until,
        })
    }

    /// The account, file and line of the entry that raised a break. `None` if none did.
    #[must_use]
    pub fn entry_of_break(&self, id: BreakId) -> Option<(BankId, u32, u32)> {
        let record = self.reference_data.breaks.get(&id)?;
        let BreakSubject::Bank(bank) = record.subject else { return None };
        let is_automatic = id >= FIRST_AUTOMATIC_BREAK;
        let (file, line) = record.raised.shown_by.split_once('/').filter(|_| is_automatic)?;
        Some((bank, file.parse().ok()?, line.parse().ok()?))
    }

    /// Each bank account beside its statements.
    pub fn bank_reconciliations(&self) -> impl Iterator<Item = BankReconciliationView> {
        self.banks.iter().map(|bank| {
            let mut files = self.files_of(FileLane::Bank(bank.id)).rev();
            let last = files.find(|file| file.ended.is_some());
            let statement = last.and_then(|last| {
                let opening = i128::from(last.begun.opening?.minor());
                Some((opening + i128::from(last.begun.total.minor()), last.begun.until))
            });
            BankReconciliationView {
                bank: bank.id,
                currency: self.currency_at(bank.currency),
                books: self.ledger.account(bank.account).balance(),
                statement,
                not_on_statement: self.open_movements(bank.id).map(|one| one.amount).sum(),
                expected: self.expected_entries(bank.id).map(|one| one.amount).sum(),
                opening: self.bank_record(bank.id).and_then(|one| one.first_opening),
            }
        })
    }
}

//! Takes the files of networks, wallets and banks into the books.
//!
//! A file is checked whole before its first command. The books know each file that was begun and
//! ended: one that was taken before changes nothing. While a file is being taken, the data
//! directory has a copy of it. The office finishes an interrupted one when it opens, and before the
//! next file of its lane; what became of it is in the answer to whoever gives the next one.

mod bank;
mod clearing;
mod details;
mod error;
mod given;
mod lane;
mod sheet;

use std::path::Path;

use books::chart::AccountKind;
use books::reconciliation_view::FileSums;
use books::{BankId, Books, BusinessDate, Event, RailId};
use engine::{Actor, Events, Submission};
use files::incoming::parts::FilePart;
use jiff::civil::Date;
use money::Currency;
use node::{Clock, NodeClient, NodeStopped, SystemClock};
use serde::{Deserialize, Serialize};

use crate::currencies::RefusalInCurrency;
use crate::files_in_hand::{FileInHand, FilesInHand};
use crate::request::RefusalWords;

use details::{GivenDetails, has_only_details};
pub use error::{Balance, LINES_NAMED_MAX, TakeError, TakenFile};
pub use given::GivenFile;
pub(crate) use given::LaneFile;

/// Commands that are given together.
const LINES_AT_ONCE: usize = 200;
/// The kind of lines whose cause the books do not have yet.
const AWAITED: &str = "awaited";
/// The kind of lines that nothing explains.
const UNEXPLAINED: &str = "unexplained";
/// The reason of a line that the books refused.
const REFUSED: &str = "refused";
/// Lines that an answer lists.
pub const LISTED_MAX: usize = 1_000;

/// Whose files they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSourceKind {
    Network,
    Wallet,
    Bank,
    /// A courier firm, for its sheets.
    Firm,
}

impl From<RailId> for FileSourceKind {
    fn from(rail: RailId) -> FileSourceKind {
        match rail {
            RailId::Network(_) => FileSourceKind::Network,
            RailId::Wallet(_) => FileSourceKind::Wallet,
        }
    }
}

/// How a file is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeRequest {
    /// Who made the file: a network, a wallet, or the bank of one of our accounts, with the
    /// operator's name for it. `None`: as the file says.
    pub source: Option<(FileSourceKind, String)>,
    /// The account that a clearing file moves. `None` if there is one in the currency.
    pub bank: Option<String>,
    /// The name of a format or profile. `None`: as the file looks.
    pub format: Option<String>,
    /// Of the file. `None`: as its format says.
    pub encoding: Option<String>,
    /// The day of a file that says none, as `YYYY-MM-DD`.
    pub date: Option<Date>,
    /// Take a file even if no line of it is what the books expect.
    pub accept_breaks: bool,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeOutcome {
    Taken,
    /// It was taken before; nothing changed.
    TakenBefore,
    /// Nothing changed: this is what would be done.
    DryRun,
}

/// The lines of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSum {
    pub kind: String,
    pub lines: u64,
    /// In minor units.
    pub amount: i64,
    /// Of a clearing file, in minor units.
    pub kept_back: i64,
}

/// A line that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedLine {
    /// In the file, from 1.
    pub line: u32,
    /// In minor units.
    pub amount: i64,
    /// A name, such as `not_found`.
    pub reason: String,
    /// Why the books refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalWords>,
}

/// Lines that are matched, expected or breaks, with their sum in minor units (M15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSum {
    pub lines: u32,
    pub amount: i64,
}

/// What the lines of a file are. The three add up to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileParts {
    pub matched: PartSum,
    pub expected: PartSum,
    pub breaks: PartSum,
    /// SHA-256 of the file's digest and these sums, in hexadecimal digits.
    pub digest: String,
}

impl FileParts {
    fn of(sums: FileSums, digest: &[u8; 32]) -> FileParts {
        let part = |sum: books::reconciliation_view::FileSum| PartSum {
            lines: sum.lines,
            amount: i64::try_from(sum.amount).unwrap_or(i64::MAX),
        };
        FileParts {
            matched: part(sums.matched),
            expected: part(sums.expected),
            breaks: part(sums.breaks),
            digest: base16ct::lower::encode_string(digest),
        }
    }
}

/// What became of the lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeReport {
    pub outcome: TakeOutcome,
    pub source: FileSourceKind,
    pub name: String,
    /// The format or profile by which it was read.
    pub format: String,
    pub currency: Currency,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Its number in the books.
    pub file: Option<u32>,
    pub lines: u64,
    /// Lines that were carried out now.
    pub taken: u64,
    /// Lines that the books had: the file was continued.
    pub repeated: u64,
    /// Lines that a person should look at. They are taken, too.
    pub to_look_at: u64,
    /// Breaks that the lines raised.
    pub breaks: u64,
    pub sums: Vec<KindSum>,
    /// Of a file that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<FileParts>,
    /// The first [`LISTED_MAX`] of those to look at.
    pub listed: Vec<ListedLine>,
    /// The file of the same lane that was interrupted, and finished before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Box<TakeReport>>,
}

impl TakeReport {
    fn add(&mut self, kind: &str, amount: i64, kept_back: i64) {
        let place = self.sums.iter().position(|one| one.kind == kind);
        let place = place.unwrap_or_else(|| {
            let kind = kind.to_owned();
            self.sums.push(KindSum { kind, lines: 0, amount: 0, kept_back: 0 });
            self.sums.len() - 1
        });
        let sum = &mut self.sums[place];
        sum.lines += 1;
        sum.amount = sum.amount.saturating_add(amount);
        sum.kept_back = sum.kept_back.saturating_add(kept_back);
    }

    fn list(&mut self, line: ListedLine) {
        self.to_look_at += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(line);
        }
    }

    fn count_breaks(&mut self, events: &[Event]) {
        let raised = events.iter().filter(|event| matches!(event, Event::BreakRaised { .. }));
        self.breaks += raised.count() as u64;
    }
}

/// What taking a file needs.
pub struct Taking<'t> {
    pub client: &'t mut NodeClient,
    /// The data directory.
    pub data: &'t Path,
    /// Who gives the file: a person, or the system from the inbox.
    pub by: Actor,
    /// Called with the events of each command that was carried out.
    pub on_events: &'t mut dyn FnMut(&[Event]),
    /// A refusal in Chinese.
    pub chinese: fn(&(dyn std::error::Error + 'static)) -> String,
}

/// Whether a file belongs with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCompany {
    /// It has all that is needed.
    Whole,
    /// Details of it may be in another file.
    MayHaveDetails,
    /// It only has details of another file.
    Details,
}

/// Why a file was not taken: its content, or the books have stopped.
#[derive(Debug, thiserror::Error)]
pub enum TakingStopped {
    #[error(transparent)]
    Refused(#[from] TakeError),
    #[error(transparent)]
    Node(#[from] NodeStopped),
}

impl Taking<'_> {
    /// Takes files: all are checked before the first command. A file that several lanes are in,
    /// such as the statements of several days, has a report for each. One that has only details of
    /// what another one states has none.
    ///
    /// # Errors
    /// Why nothing was taken, or where the books refused a line.
    pub fn take(
        &mut self,
        request: &TakeRequest,
        files: &mut [GivenFile],
    ) -> Result<Vec<TakeReport>, TakingStopped> {
        let mut details = GivenDetails::default();
        let (mut stating, mut has_details) = (Vec::new(), false);
        for (place, file) in files.iter_mut().enumerate() {
            let read = self.read_given(request, file)?;
            match has_only_details(&read.head) {
                true => {
                    has_details = true;
                    details.add(read.parts)?;
                }
                false => stating.push((place, read)),
            }
        }
        if stating.is_empty() {
            return Err(TakeError::OnlyDetails.into());
        }
        let mut lanes = Vec::new();
        for (place, read) in stating {
            let found = self.lanes_of(request, read, &mut details)?;
            lanes.extend(found.into_iter().map(|lane| (place, lane)));
        }
        details.check_used()?;
        // The day before first: a file goes on where the last one ended.
        lanes.sort_by_key(|(_, lane)| (lane.from, lane.until));
        let (places, lanes): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
        self.check_all(request, &lanes)?;
        let mut reports = Vec::new();
        if has_details && !request.dry_run {
            let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
            for lane in &lanes {
                in_hand.note_details(&lane.name, &lane.format).map_err(TakeError::from)?;
            }
        }
        for (place, lane) in places.into_iter().zip(lanes) {
            reports.push(self.take_lane(request, &mut files[place], lane)?);
        }
        if !request.dry_run {
            // What the files brought can be what entries of earlier statements waited for.
            self.match_expected()?;
        }
        Ok(reports)
    }

    /// Whether a file belongs with others. It is read whole, and nothing is changed.
    ///
    /// # Errors
    /// As [`Taking::take`].
    pub fn company_of(
        &self,
        request: &TakeRequest,
        file: &mut GivenFile,
    ) -> Result<FileCompany, TakingStopped> {
        let read = self.read_given(request, file)?;
        if has_only_details(&read.head) {
            return Ok(FileCompany::Details);
        }
        let has_open_batch = read.parts.iter().any(|part| match part {
            FilePart::Entry(entry) => entry.batch.is_some() && entry.details.is_empty(),
            _ => false,
        });
        let in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        let (sender, format) = read.sender_and_format();
        let came_before = sender.is_some_and(|name| in_hand.comes_with_details(name, format));
        let may = has_open_batch || came_before;
        Ok(if may { FileCompany::MayHaveDetails } else { FileCompany::Whole })
    }

    /// Finishes a file that was interrupted, and keeps what became of it until somebody gives a
    /// file of the same lane.
    pub(crate) fn finish_unasked(&mut self, begun: &FileInHand) -> Result<(), TakingStopped> {
        let Some(report) = self.finish(begun)? else { return Ok(()) };
        let mut in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        in_hand.keep_report(begun, report).map_err(TakeError::from)?;
        Ok(())
    }

    /// Finishes a file that was interrupted. `None` if it is not kept, or another one by now.
    fn finish(&mut self, begun: &FileInHand) -> Result<Option<TakeReport>, TakingStopped> {
        let in_hand = FilesInHand::read(self.data).map_err(TakeError::from)?;
        match in_hand.copy_of(begun).map_err(TakeError::from)? {
            Some(lane) if lane.digest == begun.digest => {
                // It was looked at before it was kept.
                let request = TakeRequest { accept_breaks: true, ..TakeRequest::default() };
                self.carry_on(lane, begun, &request).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Gives one command. `None` if the node has no answer to it.
    fn give(
        &mut self,
        command: books::Command,
    ) -> Result<Result<Option<Events>, engine::Refusal>, NodeStopped> {
        let command = self.submission(command);
        let answer = self.client.execute(vec![(None, command)])?.pop().transpose();
        if let Ok(Some(events)) = &answer {
            (self.on_events)(&events.books);
        }
        Ok(answer)
    }

    /// Gives a line that the books refuse without what they refuse it for: it becomes a break, and
    /// stands in the way of no other. `bare` is `None` if there is nothing to leave out.
    fn give_bare(
        &mut self,
        bare: Option<books::Command>,
        refusal: &engine::Refusal,
        line: u32,
        report: &mut TakeReport,
    ) -> Result<(), TakingStopped> {
        let given = match bare {
            Some(command) => self.give(command)?,
            None => Err(refusal.clone()),
        };
        let events = given.map_err(|refusal| TakeError::LineRefused { line, refusal })?;
        events.iter().for_each(|events| report.count_breaks(&events.books));
        Ok(())
    }

    fn count_answer(&mut self, events: Option<&Events>, report: &mut TakeReport) {
        if let Some(events) = events {
            (self.on_events)(&events.books);
            report.count_breaks(&events.books);
        }
    }

    fn submission(&self, command: books::Command) -> Submission {
        Submission::new(self.by, command)
    }

    fn refusal_words(&self, refusal: engine::Refusal, currency: Currency) -> RefusalWords {
        let refusal = RefusalInCurrency { refusal, currency: Some(currency) };
        RefusalWords { en: refusal.to_string(), zh: (self.chinese)(&refusal) }
    }

    /// Today in the time zone of the books, and never before their last command.
    fn today(&self) -> Result<BusinessDate, NodeStopped> {
        let look = |engine: &engine::Engine| {
            let books = engine.books();
            let now = SystemClock.now().max(books.last_at());
            now.business_date(books.utc_offset_minutes_at(now).unwrap_or_default())
        };
        Ok(self.client.query(look)?.0)
    }
}

/// One of our bank accounts.
struct KnownBank {
    bank: BankId,
    name: String,
    currency: Currency,
}

fn known_banks(books: &Books) -> Vec<KnownBank> {
    let accounts = books.accounts().filter(|account| account.kind == AccountKind::Bank);
    let banks = accounts.map(|account| KnownBank {
        bank: BankId(account.owner),
        name: books.owner_reference(&account).unwrap_or_default().to_owned(),
        currency: account.currency,
    });
    banks.collect()
}

fn find_bank<'b>(banks: &'b [KnownBank], name: &str) -> Result<&'b KnownBank, TakeError> {
    let known = || banks.iter().map(|one| one.name.clone()).collect();
    banks.iter().find(|one| one.name == name).ok_or_else(|| TakeError::UnknownSource {
        party: FileSourceKind::Bank,
        name: name.to_owned(),
        known: known(),
    })
}

/// The name of a reason or kind in JSON.
fn name_of(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

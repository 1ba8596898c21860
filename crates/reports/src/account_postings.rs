use std::path::Path;

use books::{Books, BusinessDate, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use journal::{JournalHead, Sequence};
use money::Currency;
use node::recovery::{checked_snapshots, newest_snapshot};
use node::replay::{ReplayError, ReplayObserver, replay};
use node::{LoadedSnapshot, NodeNotice};
use serde::Serialize;

use crate::at_head::BatchSearch;
use crate::balances::debits_less_credits;
use crate::{AccountNameStyle, AccountNames, CommandPosition, ReportError, local_time};

/// An account's postings of some days. Amounts are in minor units, debits less credits.
#[derive(Debug, Serialize)]
pub struct AccountPostings {
    pub account: String,
    pub currency: Option<&'static str>,
    /// The balance before the first day.
    pub opening: i128,
    pub postings: Vec<PostingRow>,
    /// The postings that are left out beyond the limit.
    pub left_out: u64,
    /// The balance after the last day.
    pub closing: i128,
    /// The batches that were read.
    pub batches: u64,
}

/// A posting of an account.
#[derive(Debug, Serialize)]
pub struct PostingRow {
    pub position: String,
    /// Local time.
    pub at: String,
    pub date: String,
    pub entry: String,
    /// The account on the other side.
    pub other: String,
    pub amount: i128,
    /// After this posting.
    pub balance: i128,
}

/// The days, first and last, and the most postings that are wanted.
#[derive(Clone, Copy, Debug)]
pub struct PostingRange {
    pub from: BusinessDate,
    pub until: BusinessDate,
    pub limit: usize,
}

/// Reads an account's postings of some days. An account is named as in `export --format hledger`;
/// a seller's accounts in two currencies share a name, so a currency can be given.
///
/// Only commands are in the journal, so the books before the first day are needed: those of the
/// newest snapshot before it, or else of the beginning. What is after the last day is not read.
pub fn account_postings(
    data: &Path,
    account: &str,
    currency: Option<Currency>,
    range: PostingRange,
    on_notice: &dyn Fn(NodeNotice),
) -> Result<AccountPostings, ReportError> {
    let reader = |engine: &Engine, from: Sequence| {
        let opening = balance(engine.books(), engine, account, currency);
        PostingReader {
            wanted: account,
            currency,
            range,
            names: AccountNames::default(),
            begun_after: from,
            position: CommandPosition { batch: from.next(), index: 0 },
            found: AccountPostings {
                account: account.to_owned(),
                currency: currency.map(Currency::code),
                opening,
                postings: Vec::new(),
                left_out: 0,
                closing: opening,
                batches: 0,
            },
        }
    };
    let (reader, _) = replay_days(data, range.from, on_notice, reader)?;
    let PostingReader { mut found, begun_after, position, .. } = reader;
    found.batches = position.batch.number().saturating_sub(begun_after.number());
    Ok(found)
}

/// What an observer of [`replay_days`] answers after the last day.
pub(crate) const NOTHING_MORE: &str = "nothing more is wanted";

/// Applies commands again, from the newest snapshot before a day on, until the observer answers
/// [`NOTHING_MORE`]. `observer` gets the books of the snapshot, and the batch it reflects.
pub(crate) fn replay_days<O: ReplayObserver>(
    data: &Path,
    first_day: BusinessDate,
    on_notice: &dyn Fn(NodeNotice),
    observer: impl FnOnce(&Engine, Sequence) -> O,
) -> Result<(O, Engine), ReportError> {
    let directory = journal::DataDirectory::open_shared(data)?;
    let (mut journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    checked_snapshots(&mut journal, &snapshots)?;
    let end = journal::ReadJournal::head(&mut journal)?.sequence;
    // A day begins at most a day after its date's midnight in UTC, and at most a day before.
    let earliest = Timestamp::start_of_day(first_day, books::UTC_OFFSET_MINUTES_MAX);
    let start = BatchSearch::new(&mut journal, end).last_before(earliest)?;
    let before = Sequence::new(start.number().saturating_sub(1));
    let found = newest_snapshot(&mut journal, &snapshots, Some(before), on_notice)?;
    let LoadedSnapshot { mut engine, reflects: from, .. } = found.unwrap_or_default();
    let mut observer = observer(&engine, from.sequence);
    match replay(&mut journal, from, &mut engine, &mut observer) {
        Err(ReplayError::ObserverStopped(why)) if why == NOTHING_MORE => {}
        done => drop(done?),
    }
    Ok((observer, engine))
}

/// The balance of the accounts with a name.
fn balance(books: &Books, engine: &Engine, wanted: &str, currency: Option<Currency>) -> i128 {
    let mut names = AccountNames::default();
    let mut sum = 0;
    for account in books.accounts() {
        let is_wanted = currency.is_none_or(|currency| currency == account.currency)
            && names.name(account.number, engine, AccountNameStyle::Plain).0 == wanted;
        if is_wanted {
            sum += debits_less_credits(account.kind, account.balance);
        }
    }
    sum
}

struct PostingReader<'a> {
    wanted: &'a str,
    currency: Option<Currency>,
    range: PostingRange,
    names: AccountNames,
    begun_after: Sequence,
    /// The last command's.
    position: CommandPosition,
    found: AccountPostings,
}

impl ReplayObserver for PostingReader<'_> {
    fn command(
        &mut self,
        _: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.position.index += 1;
        let (books, date) = (engine.books(), engine.books().last_date());
        if date > self.range.until {
            return Err(NOTHING_MORE.to_owned());
        }
        for posting in outcome.books.postings.iter().filter(|posting| posting.moves_money()) {
            let minor = i128::from(posting.amount.minor());
            for (own, other, amount) in
                [(posting.debit, posting.credit, minor), (posting.credit, posting.debit, -minor)]
            {
                let account = books.account_view(own).expect("a posting's accounts are there");
                let is_wanted = self.currency.is_none_or(|one| one == account.currency)
                    && self.names.name(own, engine, AccountNameStyle::Plain).0 == self.wanted;
                if !is_wanted {
                    continue;
                }
                self.found.closing += amount;
                if date < self.range.from {
                    self.found.opening += amount;
                } else if self.found.postings.len() >= self.range.limit {
                    self.found.left_out += 1;
                } else {
                    let other = self.names.name(other, engine, AccountNameStyle::Plain).0;
                    self.found.currency = Some(account.currency.code());
                    self.found.postings.push(PostingRow {
                        position: self.position.to_string(),
                        at: local_time(books, at),
                        date: date.to_string(),
                        entry: format!("{:?}", posting.entry),
                        other: other.to_owned(),
                        amount,
                        balance: self.found.closing,
                    });
                }
            }
        }
        Ok(())
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        self.position = CommandPosition { batch: head.sequence.next(), index: 0 };
        Ok(())
    }
}

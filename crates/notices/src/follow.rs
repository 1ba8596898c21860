//! Follows the journal, and writes the notices of its commands into the outbox.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use books::{Command, DataSubject, RetryNotices};
use engine::{CommandOutcome, Engine, Submission, Timestamp};
use journal::{DataDirectory, JournalHead, ReadJournal, Sequence, SharedDirectory, SqliteReader};
use node::NodeNotice;
use node::follower::{FollowError, Follower};
use node::replay::ReplayObserver;

use crate::announce::{
    Announcement, Announcer, OverdueNotice, file_overdue, proposal_waiting, report_published,
};
use crate::book::{AddressView, NoticeBook};
use crate::error::NoticeError;
use crate::event::Audience;
use crate::limits::{CHECKPOINT_BATCHES_MAX, NOTICES_TOGETHER, PUBLICATIONS_FROM};
use crate::outbox::{NewNotice, NoticeRetry, Outbox};
use crate::recipient::Recipient;
use crate::rules::NoticeChannel;
use crate::table::{NoticeTable, TableEntry};

/// How often the end of the journal is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const STOPPED: &str = "stopped";

/// What the follower writes to, shared with whoever sends.
pub struct FollowedNotices {
    book: Arc<Mutex<NoticeBook>>,
    outbox: Arc<Mutex<Outbox>>,
    announcer: Announcer,
    follower: Follower,
    journal: SqliteReader,
    /// The last batch that the outbox has.
    written: JournalHead,
    _directory: SharedDirectory,
}

pub(crate) fn locked<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FollowedNotices {
    /// Goes on where the outbox is in the journal of a data directory. A new outbox begins at the
    /// journal's end.
    ///
    /// # Errors
    /// The outbox is of another journal or ahead of it; a file cannot be read or written.
    pub fn open(
        data: &Path,
        book: Arc<Mutex<NoticeBook>>,
        outbox: Arc<Mutex<Outbox>>,
        on_notice: &dyn Fn(NodeNotice),
    ) -> Result<FollowedNotices, NoticeError> {
        let directory = DataDirectory::open_shared(data)?;
        let mut journal = directory.journal()?;
        let end = journal.head()?;
        let written = {
            let mut outbox = locked(&outbox);
            match outbox.checkpoint()? {
                Some(head) => head,
                None => {
                    outbox.begin_at(end)?;
                    end
                }
            }
        };
        if written.sequence > end.sequence {
            let (notices, end) = (written.sequence, end.sequence);
            return Err(NoticeError::AheadOfJournal { notices, end });
        }
        let snapshots = directory.snapshots()?;
        let follower = Follower::after(written, &mut journal, &snapshots, on_notice);
        let follower = follower.map_err(|error| match error {
            FollowError::OtherJournal(head) => NoticeError::OtherJournal { batch: head.sequence },
            FollowError::Recovery(error) => error.into(),
            FollowError::Replay(error) => error.into(),
        })?;
        // The book may come from a backup that is older than an erasure.
        for (_, subject) in follower.engine().books().latest_erasures() {
            forget(&mut locked(&book), subject)?;
        }
        let announcer = Announcer::after(follower.engine());
        let _directory = directory;
        Ok(FollowedNotices { book, outbox, announcer, follower, journal, written, _directory })
    }

    /// Writes what follows, up to the journal's end. Returns how many notices.
    ///
    /// # Errors
    /// The outbox cannot be written, or the journal cannot be read. Open it again.
    pub fn catch_up(&mut self, stop: &AtomicBool) -> Result<usize, NoticeError> {
        let FollowedNotices { book, outbox, announcer, follower, journal, written, .. } = self;
        let mut collector = Collector {
            book,
            outbox,
            announcer,
            written,
            head: follower.head(),
            command: 0,
            new: Vec::new(),
            retries: Vec::new(),
            table: None,
            count: 0,
            failed: None,
            stop,
        };
        match follower.advance(journal, &mut collector) {
            Ok(_) => {
                collector.flush_if(true)?;
                Ok(collector.count)
            }
            Err(_) if stop.load(Ordering::Relaxed) => Ok(collector.count),
            Err(error) => Err(collector.failed.take().unwrap_or(error.into())),
        }
    }

    /// Follows the journal until it is told to stop. Calls `on_new` with the last batch and the
    /// number of new notices, first when the end of the journal is reached.
    ///
    /// # Errors
    /// As [`FollowedNotices::catch_up`].
    pub fn follow(
        &mut self,
        stop: &AtomicBool,
        on_new: &mut dyn FnMut(Sequence, usize),
    ) -> Result<(), NoticeError> {
        let mut is_first = true;
        while !stop.load(Ordering::Relaxed) {
            if is_first || self.journal.head()?.sequence > self.follower.head().sequence {
                let count = self.catch_up(stop)?;
                if count > 0 || is_first {
                    on_new(self.follower.head().sequence, count);
                }
                is_first = false;
                continue;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

/// Collects the notices of commands.
struct Collector<'c> {
    book: &'c Mutex<NoticeBook>,
    outbox: &'c Mutex<Outbox>,
    announcer: &'c mut Announcer,
    written: &'c mut JournalHead,
    /// The last batch that was seen.
    head: JournalHead,
    /// Of the batch after it.
    command: u32,
    new: Vec<NewNotice>,
    retries: Vec<NoticeRetry>,
    /// The table in force, by its version.
    table: Option<(u32, NoticeTable)>,
    count: usize,
    failed: Option<NoticeError>,
    stop: &'c AtomicBool,
}

impl Collector<'_> {
    fn flush_if(&mut self, is_end: bool) -> Result<(), NoticeError> {
        let behind = self.head.sequence.number() - self.written.sequence.number();
        let is_due = match self.new.is_empty() && self.retries.is_empty() {
            true => behind >= CHECKPOINT_BATCHES_MAX,
            false => is_end || self.new.len() >= NOTICES_TOGETHER,
        };
        if is_due {
            let (new, retries) = (&self.new, &self.retries);
            locked(self.outbox).record_all(*self.written, self.head, new, retries)?;
            *self.written = self.head;
            // Of what is sent again, too, whoever sends is told.
            self.count += new.len() + retries.len();
            self.new.clear();
            self.retries.clear();
        }
        Ok(())
    }

    fn keep<T>(&mut self, done: Result<T, NoticeError>) -> Result<T, String> {
        done.map_err(|error| {
            let why = error.to_string();
            self.failed = Some(error);
            why
        })
    }

    fn add(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        said: &[Announcement],
    ) -> Result<(), NoticeError> {
        let mut book = locked(self.book);
        let command = submission.command.of_books();
        if let Some(Command::EraseSubject(erased)) = command {
            forget(&mut book, erased.subject)?;
        }
        if let Some(&Command::RetryNotices(RetryNotices { owner, endpoint, not_known })) = command {
            let (owner, recipient) = (owner.into(), endpoint.map(Recipient::Endpoint));
            self.retries.push(NoticeRetry { owner, recipient, not_known, at_ms: at.0 });
        }
        if said.is_empty() {
            return Ok(());
        }
        let version = book.table_version()?;
        let table = match &mut self.table {
            Some((known, table)) if *known == version => table,
            other => &mut other.insert((version, book.table(version)?)).1,
        };
        let on = locked(self.outbox).channels_on();
        let mut place = 0;
        for one in said {
            for mut notice in notices_of(one, (version, table), &book, &on)? {
                place += 1;
                notice.batch = self.head.sequence.next();
                notice.command = self.command;
                notice.place = place;
                notice.made_at_ms = at.0;
                self.new.push(notice);
            }
        }
        Ok(())
    }
}

/// Tells of a proposal of the office, unless it was told before. The books must be followed.
/// Returns how many notices that made.
///
/// # Errors
/// The book cannot be read, or the outbox cannot be written.
pub fn tell_of_proposal(
    (number, command): (u64, &str),
    proposed_at_ms: u64,
    book: &Mutex<NoticeBook>,
    outbox: &Mutex<Outbox>,
) -> Result<usize, NoticeError> {
    let made = {
        let book = locked(book);
        let version = book.table_version()?;
        let (table, on) = (book.table(version)?, locked(outbox).channels_on());
        notices_of(&proposal_waiting(number, command), (version, &table), &book, &on)?
    };
    let placed = (1..).zip(made).map(|(place, notice)| NewNotice {
        command: u32::try_from(number).unwrap_or(u32::MAX),
        place,
        made_at_ms: proposed_at_ms,
        ..notice
    });
    locked(outbox).record_proposal(number, &placed.collect::<Vec<_>>())
}

/// Tells of a file that is overdue, unless it was told before. The books must be followed. Returns
/// how many notices that made.
///
/// # Errors
/// As [`tell_of_proposal`].
pub fn tell_of_file(
    file: OverdueNotice<'_>,
    found_at_ms: u64,
    book: &Mutex<NoticeBook>,
    outbox: &Mutex<Outbox>,
) -> Result<usize, NoticeError> {
    if locked(outbox).is_file_told(file)? {
        return Ok(0);
    }
    let made = {
        let book = locked(book);
        let version = book.table_version()?;
        let (table, on) = (book.table(version)?, locked(outbox).channels_on());
        notices_of(&file_overdue(file), (version, &table), &book, &on)?
    };
    let made = made.into_iter().map(|notice| NewNotice { made_at_ms: found_at_ms, ..notice });
    locked(outbox).record_file(file, &made.collect::<Vec<_>>())
}

/// A publication of the daily report.
#[derive(Clone, Copy, Debug)]
pub struct ToldPublication<'p> {
    pub number: u64,
    /// The report that it corrects: who was sent that one is told, and nobody else.
    pub of: Option<u64>,
    pub day: &'p str,
    pub at_ms: u64,
}

/// Tells of a publication of the daily report, unless it was told before. The books must be
/// followed. Returns how many notices that made.
///
/// # Errors
/// The book or the outbox cannot be read, or the outbox cannot be written.
pub fn tell_of_publication(
    told: ToldPublication<'_>,
    book: &Mutex<NoticeBook>,
    outbox: &Mutex<Outbox>,
) -> Result<usize, NoticeError> {
    let ToldPublication { number, of, day, at_ms } = told;
    let (made, ended) = {
        let book = locked(book);
        let version = book.table_version()?;
        let (table, on) = (book.table(version)?, locked(outbox).channels_on());
        let (wanted, mut ended) = book.report_readers()?;
        // A correction goes to all who were sent the report, and to nobody else.
        let readers = match of {
            Some(of) => locked(outbox).readers_of(of)?,
            None => wanted,
        };
        let said = report_published((number, of), day, readers);
        let mut made = notices_of(&said, (version, &table), &book, &on)?;
        if of.is_some() {
            made.retain(|notice| said.readers.contains(&notice.owner));
            ended.clear();
        }
        (made, ended)
    };
    let mut told = BTreeSet::new();
    let made = made.into_iter().filter_map(|mut notice| {
        if ended.contains(&notice.owner) {
            let mail = |one: &NoticeChannel| *one == NoticeChannel::Mail;
            notice.others.retain(|one| !mail(one));
            if mail(&notice.channel) {
                notice.channel = *notice.others.first()?;
                notice.others.remove(0);
            }
        }
        // By one entry only, whoever is named in several.
        told.insert(notice.recipient).then_some(notice)
    });
    // Behind all numbers of proposals, whose batch is none, too.
    let command = PUBLICATIONS_FROM.saturating_add(u32::try_from(number).unwrap_or(u32::MAX));
    let placed = (1..).zip(made).map(|(place, notice)| NewNotice {
        command,
        place,
        made_at_ms: at_ms,
        ..notice
    });
    locked(outbox).record_publication(number, &placed.collect::<Vec<_>>())
}

/// Who was erased has no address any more.
fn forget(book: &mut NoticeBook, subject: DataSubject) -> Result<(), NoticeError> {
    match subject {
        DataSubject::Seller(seller) => book.remove_all_of(Recipient::Seller(seller)).map(|_| ()),
        DataSubject::Buyer(_) => Ok(()),
    }
}

impl ReplayObserver for Collector<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.command += 1;
        let said = self.announcer.command(submission, at, outcome, engine);
        let added = self.add(submission, at, &said);
        self.keep(added)
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        (self.head, self.command) = (head, 0);
        let flushed = self.flush_if(false);
        self.keep(flushed)?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(STOPPED.to_owned());
        }
        Ok(())
    }
}

/// Whom an announcement is for, one or more.
fn owners(
    said: &Announcement,
    entry: &TableEntry,
    book: &NoticeBook,
) -> Result<Vec<Recipient>, NoticeError> {
    let about = said.about;
    let of_kind = |kind| {
        let owners = book.addresses_like(kind)?.into_iter().map(|one| one.owner);
        Ok(owners.collect::<BTreeSet<_>>().into_iter().collect())
    };
    let one = match entry.to {
        Audience::Seller => about.seller.map(Recipient::Seller),
        Audience::Firm => about.firm.map(Recipient::Firm),
        Audience::Courier => about.courier.map(Recipient::Courier),
        Audience::Person => about.person.map(Recipient::Person),
        Audience::Buyer => about.parcel.map(Recipient::Buyer),
        Audience::Staff => Some(Recipient::Staff),
        Audience::Public => Some(Recipient::Public),
        Audience::Sellers => return of_kind("seller:"),
        Audience::Firms => return of_kind("firm:"),
        Audience::Readers => return Ok(said.readers.iter().copied().collect()),
    };
    Ok(one.into_iter().collect())
}

/// The notices of an announcement by a table, with its version. Their places in the journal are not
/// set. Who has no address for a channel that is on gets none.
///
/// # Errors
/// The book cannot be read.
pub fn notices_of(
    said: &Announcement,
    (table_version, table): (u32, &NoticeTable),
    book: &NoticeBook,
    on: &BTreeSet<NoticeChannel>,
) -> Result<Vec<NewNotice>, NoticeError> {
    let mut all = Vec::new();
    for (place, entry) in table.entries_of(said.event.name) {
        for owner in owners(said, entry, book)? {
            let addresses = book.addresses(Some(owner))?;
            let has = |channel: NoticeChannel| match owner {
                Recipient::Buyer(_) => true,
                _ => addresses.iter().any(|one| one.channel == channel),
            };
            let usable = entry.by.iter().copied().filter(|one| on.contains(one) && has(*one));
            let mut usable: Vec<NoticeChannel> = usable.collect();
            let new = |recipient, channel, others| NewNotice {
                batch: Sequence::NONE,
                command: 0,
                place: 0,
                recipient,
                owner,
                channel,
                others,
                event: said.event.name,
                fields: said.fields.clone(),
                table_version,
                entry: u32::try_from(place).unwrap_or(u32::MAX),
                in_digest: entry.digest,
                ignores_quiet_hours: !entry.quiet_hours,
                made_at_ms: 0,
            };
            if !usable.is_empty() {
                let first = usable.remove(0);
                all.push(new(owner, first, usable));
            }
            let wants = |one: &&AddressView| {
                let is_all = one.events.is_empty();
                one.channel == NoticeChannel::Webhook
                    && (is_all || one.events.iter().any(|event| event == said.event.name))
            };
            if entry.webhooks && on.contains(&NoticeChannel::Webhook) {
                let endpoints = addresses.iter().filter(wants);
                all.extend(endpoints.map(|one| {
                    let endpoint = Recipient::Endpoint(one.number);
                    new(endpoint, NoticeChannel::Webhook, Vec::new())
                }));
            }
        }
    }
    Ok(all)
}

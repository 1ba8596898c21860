//! The driver: threads that send what the outbox says, by the channels that are on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use books::{DataSubject, Timestamp};
use channels::{Channel, MailList, NoticeLanguage, OutgoingNotice, SendOutcome};
use node::Clock;
use serde_json::{Value, json};
use vault::{RecordKind, RecordName, Vault, delivery_of};
use zeroize::Zeroizing;

use crate::book::{NoticeBook, OpenedAddress};
use crate::error::NoticeError;
use crate::event::NOTICES_FOLDED;
use crate::figures::NoticeFigures;
use crate::follow::locked;
use crate::limits::{SLOW_MAX, SLOW_MS, STOP_ATTEMPTS_MAX};
use crate::outbox::{DueNotice, DueRoom, Outbox};
use crate::recipient::Recipient;
use crate::rules::NoticeChannel;
use crate::table::NoticeTable;

/// Threads of a channel: each sends one notice at a time.
const WEBHOOK_THREADS: usize = 16;
const OTHER_THREADS: usize = 4;
/// How often the outbox is looked at without a reason.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After a failure of the outbox: a full disk.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const PRUNE_EVERY_MS: u64 = 60_000;
/// How often the figures of what is open are made anew.
const COUNT_EVERY_MS: u64 = 5_000;
/// A failure on this side: the address cannot be read now.
const LOCAL_RETRY_MS: u64 = 60_000;

/// Sends by one channel.
pub type NoticeSender = Arc<dyn Channel>;

/// Where addresses come from.
pub trait AddressSource: Send + Sync {
    /// `None` if the recipient has none for the channel.
    ///
    /// # Errors
    /// It cannot be read now. The text names no address.
    fn address(
        &self,
        recipient: Recipient,
        channel: NoticeChannel,
        now: Timestamp,
    ) -> Result<Option<OpenedAddress>, String>;
}

/// Addresses of the notice book, and phones of buyers from the vault.
pub struct KeptAddresses {
    pub book: Arc<Mutex<NoticeBook>>,
    pub vault: Mutex<Vault>,
    /// Buyers have none of their own.
    pub language: Mutex<NoticeLanguage>,
}

impl AddressSource for KeptAddresses {
    fn address(
        &self,
        recipient: Recipient,
        channel: NoticeChannel,
        now: Timestamp,
    ) -> Result<Option<OpenedAddress>, String> {
        let Recipient::Buyer(parcel) = recipient else {
            let opened = locked(&self.book).open_address(recipient, channel, now);
            return opened.map_err(|error| error.to_string());
        };
        let name = RecordName { subject: DataSubject::Buyer(parcel), kind: RecordKind::Delivery };
        let plain = locked(&self.vault).open_only(name).map_err(|error| error.to_string())?;
        let phone = plain.and_then(|plain| delivery_of(&plain)).map(|buyer| buyer.phone);
        let address = phone.filter(|phone| !phone.is_empty()).map(Zeroizing::new);
        let language = *locked(&self.language);
        Ok(address.map(|address| OpenedAddress { language, address, secrets: None }))
    }
}

/// What a mail says in the place of the table's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeBody {
    pub text: String,
    pub html: String,
    /// The list of mails of which it is one, as [`MailList`] has it.
    pub list: &'static str,
    pub unsubscribe: Option<String>,
}

/// Where the bodies of notices come from that are more than the words of the table: the daily
/// report and its corrections.
pub trait NoticeBodies: Send + Sync {
    /// `None` if the notice has none.
    fn body(
        &self,
        event: &str,
        fields: &serde_json::Map<String, Value>,
        recipient: Recipient,
        language: NoticeLanguage,
    ) -> Option<NoticeBody>;
}

/// What an operator should know.
#[derive(Debug)]
pub enum DriverEvent {
    /// Notices of a process that ended were settled.
    Recovered { count: usize },
    /// The outbox cannot be read or written; tried again.
    Fault(NoticeError),
    /// A send did not end in a delivery. `why` names no recipient's address.
    NotDelivered { recipient: Recipient, channel: NoticeChannel, outcome: SendOutcome },
}

pub struct DriverParts {
    pub outbox: Arc<Mutex<Outbox>>,
    pub book: Arc<Mutex<NoticeBook>>,
    pub addresses: Arc<dyn AddressSource>,
    /// `None`: the words of the table are all that is said.
    pub bodies: Option<Arc<dyn NoticeBodies>>,
    pub senders: BTreeMap<NoticeChannel, NoticeSender>,
    pub clock: Box<dyn Clock>,
    pub figures: Arc<NoticeFigures>,
    pub on_event: Box<dyn Fn(DriverEvent) + Send>,
}

enum Signal {
    Ended(DueNotice, SendOutcome, Duration),
    /// There may be new notices.
    Look,
    Senders(BTreeMap<NoticeChannel, NoticeSender>),
    Stop,
}

/// A notice with its words and address, on its way to a thread of its channel.
struct Task {
    notice: DueNotice,
    table: Vec<Arc<NoticeTable>>,
    now: Timestamp,
}

/// The threads that send.
pub struct NoticeDriver {
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl NoticeDriver {
    /// Starts the threads. What an earlier process was sending is settled first.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(parts: DriverParts) -> std::io::Result<NoticeDriver> {
        let (signals, received) = channel();
        let own = signals.clone();
        let thread = std::thread::Builder::new()
            .name("doorstep-notices".into())
            .spawn(move || Dispatcher::new(parts, own).run(&received))?;
        Ok(NoticeDriver { signals, thread: Some(thread) })
    }

    /// Says that there may be new notices. Can be called from any thread by a clone of it.
    pub fn waker(&self) -> impl Fn() + Send + 'static + use<> {
        let signals = self.signals.clone();
        move || {
            let _ = signals.send(Signal::Look);
        }
    }

    /// Sends by other channels from now on. What is being sent goes on.
    pub fn set_senders(&self, senders: BTreeMap<NoticeChannel, NoticeSender>) {
        let _ = self.signals.send(Signal::Senders(senders));
    }

    /// Sends nothing more, waits for what is being sent, and notes how it ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}

impl Drop for NoticeDriver {
    fn drop(&mut self) {
        self.end();
    }
}

/// The threads of a channel.
struct Pool {
    tasks: SyncSender<Task>,
    threads: Vec<JoinHandle<()>>,
    /// Sent to the threads, and not ended.
    in_flight: usize,
    /// Of them, to slow recipients.
    slow: usize,
    room: usize,
}

struct Dispatcher {
    parts: DriverParts,
    signals: Sender<Signal>,
    pools: BTreeMap<NoticeChannel, Pool>,
    /// Versions of the table that were needed.
    tables: BTreeMap<u32, Arc<NoticeTable>>,
    /// Ended, and not yet in the outbox.
    ended: Vec<(i64, SendOutcome)>,
    /// Recipients whose last send took long.
    slow: BTreeSet<String>,
    /// The numbers of what is being sent to slow recipients.
    slow_in_flight: BTreeSet<i64>,
    pruned_at_ms: u64,
    counted_at_ms: u64,
    is_stopping: bool,
    stop_attempts: u32,
}

impl Dispatcher {
    fn new(parts: DriverParts, signals: Sender<Signal>) -> Dispatcher {
        Dispatcher {
            parts,
            signals,
            pools: BTreeMap::new(),
            tables: BTreeMap::new(),
            ended: Vec::new(),
            slow: BTreeSet::new(),
            slow_in_flight: BTreeSet::new(),
            pruned_at_ms: 0,
            counted_at_ms: 0,
            is_stopping: false,
            stop_attempts: 0,
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn run(&mut self, received: &Receiver<Signal>) {
        let mut is_recovered = false;
        loop {
            let wait = match self.turn(&mut is_recovered) {
                Ok(again_at_ms) => {
                    let ms = again_at_ms.map(|at| at.saturating_sub(self.now().0));
                    ms.map_or(LOOK_EVERY, |ms| LOOK_EVERY.min(Duration::from_millis(ms)))
                }
                Err(error) => {
                    (self.parts.on_event)(DriverEvent::Fault(error));
                    self.stop_attempts += u32::from(self.is_stopping);
                    TRY_AGAIN_AFTER
                }
            };
            let is_idle = self.pools.values().all(|pool| pool.in_flight == 0);
            let is_noted = self.ended.is_empty() || self.stop_attempts >= STOP_ATTEMPTS_MAX;
            if self.is_stopping && is_idle && is_noted {
                break;
            }
            match received.recv_timeout(wait) {
                Ok(signal) => {
                    self.take(signal);
                    while let Ok(signal) = received.try_recv() {
                        self.take(signal);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for (_, pool) in std::mem::take(&mut self.pools) {
            drop(pool.tasks);
            for thread in pool.threads {
                let _ = thread.join();
            }
        }
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Look => {}
            Signal::Stop => self.is_stopping = true,
            Signal::Senders(senders) => {
                self.parts.senders = senders;
                // Threads of the old ones end after what they are sending.
                for pool in self.pools.values_mut() {
                    pool.tasks = sync_channel(0).0;
                    pool.threads.clear();
                }
            }
            Signal::Ended(notice, outcome, took) => {
                let was_slow = self.slow_in_flight.remove(&notice.number);
                if let Some(pool) = self.pools.get_mut(&notice.channel) {
                    pool.in_flight = pool.in_flight.saturating_sub(1);
                    pool.slow = pool.slow.saturating_sub(usize::from(was_slow));
                }
                let recipient = notice.recipient.to_string();
                if took < Duration::from_millis(SLOW_MS) {
                    self.slow.remove(&recipient);
                } else if notice.channel == NoticeChannel::Webhook && self.slow.len() < SLOW_MAX {
                    // Only who chose the receiver: a slow mail server is everybody's.
                    self.slow.insert(recipient);
                }
                self.parts.figures.on_outcome(notice.channel, &outcome);
                self.ended.push((notice.number, outcome.clone()));
                if !matches!(outcome, SendOutcome::Delivered { .. }) {
                    let (recipient, channel) = (notice.recipient, notice.channel);
                    let event = DriverEvent::NotDelivered { recipient, channel, outcome };
                    (self.parts.on_event)(event);
                }
            }
        }
    }

    /// Notes what ended and sends what is due. Returns when to look again.
    fn turn(&mut self, is_recovered: &mut bool) -> Result<Option<u64>, NoticeError> {
        let now = self.now();
        if !*is_recovered {
            let count = locked(&self.parts.outbox).recover(now)?;
            *is_recovered = true;
            if count > 0 {
                (self.parts.on_event)(DriverEvent::Recovered { count });
            }
        }
        if !self.ended.is_empty() {
            locked(&self.parts.outbox).on_outcomes(&self.ended, now)?;
            self.ended.clear();
        }
        if self.is_stopping {
            return Ok(None);
        }
        if now.0.saturating_sub(self.pruned_at_ms) >= PRUNE_EVERY_MS {
            let has_more = locked(&self.parts.outbox).prune(now)?;
            self.pruned_at_ms = if has_more { 0 } else { now.0 };
        }
        if now.0.abs_diff(self.counted_at_ms) >= COUNT_EVERY_MS {
            self.parts.figures.count(&locked(&self.parts.outbox))?;
            self.counted_at_ms = now.0;
        }
        let mut again_at_ms: Option<u64> = None;
        let mut failed = None;
        let names: Vec<NoticeChannel> = self.parts.senders.keys().copied().collect();
        for channel in names {
            // A channel that fails holds no other up.
            match self.send_due(channel, now) {
                Ok(Some(at)) => {
                    again_at_ms = Some(again_at_ms.map_or(at, |other| other.min(at)));
                }
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(again_at_ms), Err)
    }

    /// Hands over what a channel sends now. Returns when to look again.
    fn send_due(
        &mut self,
        channel: NoticeChannel,
        now: Timestamp,
    ) -> Result<Option<u64>, NoticeError> {
        let (all, slow) = self.pool(channel)?;
        let is_slow = |recipient: &str| self.slow.contains(recipient);
        let room = DueRoom { all, slow, is_slow: &is_slow };
        let due = locked(&self.parts.outbox).due_within(channel, now, room)?;
        for notice in due.notices {
            self.hand_over(notice, now);
        }
        Ok(due.again_at_ms)
    }

    /// How much room the threads of a channel have, and how much of it for slow recipients. Starts
    /// them.
    fn pool(&mut self, channel: NoticeChannel) -> Result<(usize, usize), NoticeError> {
        let Some(sender) = self.parts.senders.get(&channel) else { return Ok((0, 0)) };
        let count = match channel {
            NoticeChannel::Webhook => WEBHOOK_THREADS,
            _ => OTHER_THREADS,
        };
        let before = self.pools.get(&channel).map_or((0, 0), |pool| (pool.in_flight, pool.slow));
        let (in_flight, slow) = before;
        if self.pools.get(&channel).is_none_or(|pool| pool.threads.is_empty()) {
            // Room for one more each, so that no thread waits for the outbox.
            let (tasks, received) = sync_channel(2 * count);
            let received = Arc::new(Mutex::new(received));
            let started = (0..count).map(|_| {
                let worker = Worker {
                    sender: sender.clone(),
                    addresses: self.parts.addresses.clone(),
                    bodies: self.parts.bodies.clone(),
                    tasks: received.clone(),
                    signals: self.signals.clone(),
                };
                let name = format!("notices-{channel}");
                std::thread::Builder::new().name(name).spawn(move || worker.run())
            });
            let threads = started.collect::<Result<Vec<_>, _>>().map_err(|source| {
                let path = channel.name().into();
                NoticeError::Io { doing: "start a thread for", path, source }
            })?;
            self.pools.insert(channel, Pool { tasks, threads, in_flight, slow, room: 2 * count });
        }
        // Half of the threads are always for those who take what comes.
        let rooms = self.pools.get(&channel).map(|pool| {
            let slow = (count / 2).saturating_sub(pool.slow);
            (pool.room.saturating_sub(pool.in_flight), slow)
        });
        Ok(rooms.unwrap_or_default())
    }

    fn hand_over(&mut self, notice: DueNotice, now: Timestamp) {
        let tables = self.tables_of(&notice);
        let outcome = match tables {
            Ok(table) => {
                let channel = notice.channel;
                let Some(pool) = self.pools.get_mut(&channel) else { return };
                pool.in_flight += 1;
                if self.slow.contains(&notice.recipient.to_string()) {
                    pool.slow += 1;
                    self.slow_in_flight.insert(notice.number);
                }
                // There is room, and the threads live as long as the pool.
                let _ = pool.tasks.send(Task { notice, table, now });
                return;
            }
            Err(why) => SendOutcome::Failed { why, again_after_ms: Some(LOCAL_RETRY_MS) },
        };
        self.ended.push((notice.number, outcome));
    }

    fn tables_of(&mut self, notice: &DueNotice) -> Result<Vec<Arc<NoticeTable>>, String> {
        let mut tables = Vec::new();
        for part in &notice.parts {
            let version = part.table_version;
            if !self.tables.contains_key(&version) {
                let table = locked(&self.parts.book).table(version);
                let table = table.map_err(|error| error.to_string())?;
                self.tables.insert(version, Arc::new(table));
            }
            tables.push(self.tables[&version].clone());
        }
        Ok(tables)
    }
}

/// A thread that sends by a channel.
struct Worker {
    sender: NoticeSender,
    addresses: Arc<dyn AddressSource>,
    bodies: Option<Arc<dyn NoticeBodies>>,
    tasks: Arc<Mutex<Receiver<Task>>>,
    signals: Sender<Signal>,
}

impl Worker {
    fn run(&self) {
        loop {
            let task = locked(&self.tasks).recv();
            let Ok(task) = task else { return };
            let begun = Instant::now();
            let outcome = self.send(&task);
            let ended = Signal::Ended(task.notice, outcome, begun.elapsed());
            if self.signals.send(ended).is_err() {
                return;
            }
        }
    }

    fn send(&self, task: &Task) -> SendOutcome {
        let Task { notice, table, now } = task;
        let found = self.addresses.address(notice.recipient, notice.channel, *now);
        let opened = match found {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                let why = "the recipient has no address for this channel".to_owned();
                return SendOutcome::Refused { why };
            }
            Err(why) => {
                return SendOutcome::Failed { why, again_after_ms: Some(LOCAL_RETRY_MS) };
            }
        };
        let (title, text) = words(notice, table, opened.language);
        let payload = match &notice.parts[..] {
            [one] => Value::Object(one.fields.clone()),
            many => Value::Array(
                many.iter().map(|one| json!({ "type": one.event, "data": one.fields })).collect(),
            ),
        };
        let body = match (&self.bodies, notice.channel, &notice.parts[..]) {
            (Some(bodies), NoticeChannel::Mail, [one]) => {
                bodies.body(&one.event, &one.fields, notice.recipient, opened.language)
            }
            _ => None,
        };
        let text = match &body {
            Some(body) => format!("{text}\n\n{}", body.text),
            None => text,
        };
        let outgoing = OutgoingNotice {
            id: &notice.id,
            event: if notice.parts.len() == 1 { &notice.parts[0].event } else { "digest" },
            title: &title,
            text: &text,
            html: body.as_ref().map(|body| body.html.as_str()),
            list: body
                .as_ref()
                .map(|body| MailList { name: body.list, unsubscribe: body.unsubscribe.as_deref() }),
            language: opened.language,
            payload: &payload,
            at_ms: notice.at_ms,
        };
        let address = match &opened.secrets {
            None => opened.address,
            Some(secrets) => {
                let keys = std::iter::once(&secrets.now).chain(&secrets.before);
                let keys = keys.flat_map(|key| [" ", key.as_str()]);
                Zeroizing::new(std::iter::once(opened.address.as_str()).chain(keys).collect())
            }
        };
        self.sender.send(&outgoing, &address)
    }
}

/// What the outbox itself says.
fn folded_words(count: Option<&str>, language: NoticeLanguage) -> (String, String) {
    let count = count.unwrap_or_default();
    match language {
        NoticeLanguage::En => (
            format!("Notices not sent: {count}"),
            format!("Too many waited. {count} were not sent one by one. Read them in Doorstep."),
        ),
        NoticeLanguage::Zh => (
            format!("未发送的通知：{count} 条"),
            format!("待发通知过多，有 {count} 条未逐条发送。请在 Doorstep 中查看。"),
        ),
    }
}

/// Title and text of a notice, or of a digest.
fn words(
    notice: &DueNotice,
    tables: &[Arc<NoticeTable>],
    language: NoticeLanguage,
) -> (String, String) {
    let parts = notice.parts.iter().zip(tables).map(|(part, table)| {
        if part.event == NOTICES_FOLDED {
            return folded_words(part.fields.get("count").and_then(Value::as_str), language);
        }
        let entry = usize::try_from(part.entry).ok().and_then(|place| table.entries().get(place));
        entry.map_or_else(
            || (part.event.clone(), part.event.clone()),
            |entry| entry.words(language, &part.fields),
        )
    });
    let mut parts: Vec<(String, String)> = parts.collect();
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let title = match language {
        NoticeLanguage::En => format!("{} notices", parts.len()),
        NoticeLanguage::Zh => format!("{} 条通知", parts.len()),
    };
    let each = parts.into_iter().map(|(title, text)| format!("{title}\n{text}"));
    (title, each.collect::<Vec<_>>().join("\n\n"))
}

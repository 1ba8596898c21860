//! The threads that send: everything leaves once and in order, and a stop waits.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use books::{SellerId, Timestamp};
use channels::{Channel, NoticeLanguage, OutgoingNotice, SendOutcome};
use journal::{ChainHash, JournalHead, Sequence};
use node::{Clock, SystemClock};
use notices::{
    AddressSource, ChannelRules, DeliveryRules, DriverParts, NewNotice, NoticeBook, NoticeChannel,
    NoticeDriver, NoticeFigures, NoticeQuery, NoticeState, OpenedAddress, Outbox, Recipient,
};
use zeroize::Zeroizing;

/// The driver is slow only on a machine that is in trouble.
const LONG: Duration = Duration::from_secs(120);

/// Every recipient has an address that says who it is, but for one.
struct Named;

const NOBODY: Recipient = Recipient::Seller(SellerId(99));

impl AddressSource for Named {
    fn address(
        &self,
        recipient: Recipient,
        _: NoticeChannel,
        _: Timestamp,
    ) -> Result<Option<OpenedAddress>, String> {
        let address = Zeroizing::new(recipient.to_string());
        let opened = OpenedAddress { language: NoticeLanguage::Zh, address, secrets: None };
        Ok((recipient != NOBODY).then_some(opened))
    }
}

/// A receiver that remembers, and can hold its senders back: all, or those of endpoints from 100
/// on.
#[derive(Default)]
struct Receiver {
    holds_some: Mutex<bool>,
    received: Mutex<Vec<(String, String, String)>>,
    held: Mutex<bool>,
    freed: Condvar,
}

impl Receiver {
    fn hold(&self, is_held: bool) {
        *self.held.lock().unwrap() = is_held;
        self.freed.notify_all();
    }
}

impl Channel for Receiver {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let words = format!("{} {}", notice.title, notice.payload);
        let one = (address.to_owned(), notice.id.to_owned(), words);
        self.received.lock().unwrap().push(one);
        let number = address.strip_prefix("endpoint:").and_then(|one| one.parse::<u32>().ok());
        if *self.holds_some.lock().unwrap() && number.is_none_or(|number| number < 100) {
            return SendOutcome::Delivered { receipt: None };
        }
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.freed.wait(held).unwrap();
        }
        SendOutcome::Delivered { receipt: Some("taken".to_owned()) }
    }
}

struct Setup {
    outbox: Arc<Mutex<Outbox>>,
    receiver: Arc<Receiver>,
    driver: NoticeDriver,
    figures: Arc<NoticeFigures>,
    batch: u64,
    _directory: tempfile::TempDir,
}

fn head(batch: u64) -> JournalHead {
    let hash = if batch == 0 { ChainHash::ZERO } else { ChainHash::new([7; 32]) };
    JournalHead { sequence: Sequence::new(batch), hash }
}

impl Setup {
    fn new(by: NoticeChannel) -> Setup {
        let directory = tempfile::tempdir().unwrap();
        let channels = [(by, ChannelRules::default())].into_iter().collect();
        let rules = DeliveryRules { channels, ..DeliveryRules::default() };
        let outbox = Arc::new(Mutex::new(Outbox::open_to_send(directory.path(), rules).unwrap()));
        let book = Arc::new(Mutex::new(NoticeBook::open(directory.path(), None).unwrap()));
        let receiver = Arc::new(Receiver::default());
        let figures = Arc::new(NoticeFigures::default());
        let sender: Arc<dyn Channel> = receiver.clone();
        let driver = NoticeDriver::start(DriverParts {
            outbox: outbox.clone(),
            book,
            addresses: Arc::new(Named),
            bodies: None,
            senders: BTreeMap::from([(by, sender)]),
            clock: Box::new(SystemClock),
            figures: figures.clone(),
            on_event: Box::new(|_| {}),
        });
        let driver = driver.unwrap();
        Setup { outbox, receiver, driver, figures, batch: 0, _directory: directory }
    }

    fn add(&mut self, to: impl Iterator<Item = Recipient>, by: NoticeChannel) {
        let fields = serde_json::json!({ "payout": "7", "amount": "1.00", "currency": "CNY" });
        let serde_json::Value::Object(fields) = fields else { unreachable!() };
        let next = self.batch + 1;
        let made_at_ms = SystemClock.now().0;
        let new = |(place, recipient)| NewNotice {
            batch: Sequence::new(next),
            command: 1,
            place,
            recipient,
            owner: recipient,
            channel: by,
            others: Vec::new(),
            event: "payout.confirmed",
            fields: fields.clone(),
            table_version: 0,
            // Its place in the shipped table.
            entry: 3,
            in_digest: false,
            ignores_quiet_hours: false,
            made_at_ms,
        };
        let all: Vec<NewNotice> = (1..).zip(to).map(new).collect();
        self.outbox.lock().unwrap().record(head(self.batch), head(next), &all).unwrap();
        self.batch = next;
        self.driver.waker()();
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&Setup) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < LONG, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn delivered(&self) -> u64 {
        self.outbox.lock().unwrap().counts().unwrap().delivered
    }
}

#[test]
fn many_threads_send_everything_once_and_in_order() {
    let mut setup = Setup::new(NoticeChannel::Webhook);
    for _ in 0..10 {
        let all = (0..30_u32).map(|number| Recipient::Endpoint(number % 6));
        setup.add(all, NoticeChannel::Webhook);
    }
    setup.wait("all are delivered", |setup| setup.delivered() == 300);
    let received = setup.receiver.received.lock().unwrap();
    assert_eq!(received.len(), 300);
    let mut by_endpoint: BTreeMap<&str, Vec<(u32, u32)>> = BTreeMap::new();
    for (address, id, words) in &*received {
        let numbers: Vec<u32> = id.split('_').skip(1).map(|one| one.parse().unwrap()).collect();
        by_endpoint.entry(address).or_default().push((numbers[0], numbers[2]));
        assert!(
            words.starts_with("打款 7 已支付 ") && words.contains(r#""amount":"1.00""#),
            "{words}"
        );
    }
    assert_eq!(by_endpoint.len(), 6);
    for (address, order) in by_endpoint {
        assert!(order.is_sorted(), "{address}: {order:?}");
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 50);
    }
}

#[test]
fn a_stop_waits_for_what_is_being_sent() {
    let mut setup = Setup::new(NoticeChannel::Mail);
    setup.receiver.hold(true);
    let all = [1, 1, 2].map(|number| Recipient::Seller(SellerId(number)));
    setup.add(all.into_iter(), NoticeChannel::Mail);
    setup.wait("two are being sent", |setup| setup.receiver.received.lock().unwrap().len() == 2);
    let Setup { outbox, receiver, driver, _directory, .. } = setup;
    let stopping = std::thread::spawn(move || driver.stop());
    receiver.hold(false);
    stopping.join().unwrap();
    let query = NoticeQuery { limit: 10, ..NoticeQuery::default() };
    let all = outbox.lock().unwrap().list(query).unwrap();
    // The second one of the first seller may have left before the stop was heard.
    let states: Vec<NoticeState> = all.iter().rev().map(|one| one.state).collect();
    assert_eq!((states[0], states[2]), (NoticeState::Delivered, NoticeState::Delivered));
    assert_ne!(states[1], NoticeState::Sending);
    assert_eq!(all[2].receipt.as_deref(), Some("taken"));
}

#[test]
fn who_has_no_address_any_more_is_a_known_failure() {
    let mut setup = Setup::new(NoticeChannel::Sms);
    setup.add(std::iter::once(NOBODY), NoticeChannel::Sms);
    setup.wait("it is refused", |setup| {
        setup.outbox.lock().unwrap().counts().unwrap().not_delivered == 1
    });
    assert!(setup.receiver.received.lock().unwrap().is_empty());
}

/// Endpoints that answer late, again and again, keep some threads busy and never all of them.
#[test]
fn slow_endpoints_do_not_hold_up_the_others() {
    let mut setup = Setup::new(NoticeChannel::Webhook);
    let slow = || (100..116).map(Recipient::Endpoint);
    *setup.receiver.holds_some.lock().unwrap() = true;
    setup.receiver.hold(true);
    setup.add(slow(), NoticeChannel::Webhook);
    // Nobody knows yet that they are slow, so they have all threads once.
    let sent = |setup: &Setup| setup.receiver.received.lock().unwrap().len();
    setup.wait("they have all threads", |setup| sent(setup) == 16);
    std::thread::sleep(Duration::from_millis(notices::limits::SLOW_MS + 100));
    setup.receiver.hold(false);
    setup.wait("they are answered", |setup| setup.delivered() == 16);
    setup.receiver.hold(true);
    setup.add(slow(), NoticeChannel::Webhook);
    setup.add((0..30).map(Recipient::Endpoint), NoticeChannel::Webhook);
    let quick = |setup: &Setup| {
        let received = setup.receiver.received.lock().unwrap();
        received.iter().filter(|(_, id, _)| id.starts_with("msg_3_")).count()
    };
    setup.wait("the others are told meanwhile", |setup| quick(setup) == 30);
    setup.receiver.hold(false);
    setup.wait("all are delivered", |setup| setup.delivered() == 62);
    let figures = setup.figures.by_channel()[&NoticeChannel::Webhook];
    assert_eq!((figures.delivered, figures.failed), (62, 0));
}

#[test]
fn a_stop_ends_when_the_disk_takes_nothing_more() {
    let mut setup = Setup::new(NoticeChannel::Mail);
    setup.receiver.hold(true);
    setup.add(std::iter::once(Recipient::Seller(SellerId(1))), NoticeChannel::Mail);
    setup.wait("it is being sent", |setup| setup.receiver.received.lock().unwrap().len() == 1);
    setup.outbox.lock().unwrap().before_commits(|| true).unwrap();
    let Setup { outbox, receiver, driver, _directory, .. } = setup;
    let stopping = std::thread::spawn(move || driver.stop());
    receiver.hold(false);
    stopping.join().unwrap();
    // The next process finds it as it was left.
    drop(outbox);
    let rules = DeliveryRules::default();
    let mut outbox = Outbox::open(_directory.path(), rules).unwrap();
    assert_eq!(outbox.recover(SystemClock.now()).unwrap(), 1);
    let query = NoticeQuery { limit: 1, ..NoticeQuery::default() };
    assert_eq!(outbox.list(query).unwrap()[0].state, NoticeState::NotKnown);
}

//! The outbox in virtual time: what leaves when, in which order, how often. Beside it a receiver
//! that only remembers what reached it, and rules written from the domain.
#![allow(clippy::unwrap_used)]

mod made;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use books::{CourierId, SellerId, Timestamp};
use channels::SendOutcome;
use journal::{ChainHash, JournalHead};
use notices::{
    ChannelRules, DeliveryRules, DueNotice, NewNotice, NoticeChannel, NoticeError, NoticeQuery,
    NoticeState, Outbox, Recipient, ZoneOffsets,
};

use made::head;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 2013-08-28T00:00 in Shanghai.
const START: u64 = 1_377_619_200_000;

fn shanghai() -> ZoneOffsets {
    ZoneOffsets { first_minutes: 480, changes: Vec::new() }
}

fn rules(channels: &[(NoticeChannel, ChannelRules)]) -> DeliveryRules {
    DeliveryRules { channels: channels.iter().copied().collect(), zone: shanghai() }
}

fn all_on() -> DeliveryRules {
    rules(&NoticeChannel::ALL.map(|channel| (channel, ChannelRules::default())))
}

fn notice(batch: u64, recipient: Recipient, channel: NoticeChannel, at: u64) -> NewNotice {
    let fields = serde_json::json!({ "payout": batch.to_string() });
    let serde_json::Value::Object(fields) = fields else { unreachable!() };
    NewNotice { fields, ..made::notice(batch, recipient, channel, at) }
}

fn seller(number: u64) -> Recipient {
    Recipient::Seller(SellerId(number))
}

fn delivered() -> SendOutcome {
    SendOutcome::Delivered { receipt: None }
}

fn failed() -> SendOutcome {
    SendOutcome::Failed { why: "503".to_owned(), again_after_ms: None }
}

/// An outbox in a directory of its own, and a clock.
struct Setup {
    directory: tempfile::TempDir,
    outbox: Outbox,
    now: u64,
    batch: u64,
}

impl Setup {
    fn new(rules: DeliveryRules) -> Setup {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(directory.path(), rules).unwrap();
        Setup { directory, outbox, now: START, batch: 0 }
    }

    fn add(&mut self, change: impl FnOnce(&mut NewNotice), to: Recipient, by: NoticeChannel) {
        let next = self.batch + 1;
        let mut new = notice(next, to, by, self.now);
        change(&mut new);
        self.outbox.record(head(self.batch), head(next), &[new]).unwrap();
        self.batch = next;
    }

    fn plain(&mut self, to: Recipient, by: NoticeChannel) {
        self.add(|_| {}, to, by);
    }

    fn due(&mut self, by: NoticeChannel) -> Vec<DueNotice> {
        self.outbox.due(by, Timestamp(self.now), 1_000).unwrap().notices
    }

    fn end(&mut self, one: &DueNotice, outcome: SendOutcome) {
        self.outbox.on_outcomes(&[(one.number, outcome)], Timestamp(self.now)).unwrap();
    }

    /// Lets time pass until another one, sending all that is due. The receiver says how each ends.
    fn run(
        &mut self,
        until: u64,
        by: NoticeChannel,
        mut receive: impl FnMut(&DueNotice, u64) -> SendOutcome,
    ) {
        loop {
            let due = self.outbox.due(by, Timestamp(self.now), 1_000).unwrap();
            if due.notices.is_empty() {
                match due.again_at_ms {
                    Some(at) if at <= until => self.now = self.now.max(at),
                    _ => break,
                }
                continue;
            }
            for one in due.notices {
                let outcome = receive(&one, self.now);
                self.end(&one, outcome);
            }
        }
        self.now = until;
    }

    fn states(&self, of: Recipient) -> Vec<NoticeState> {
        let query = NoticeQuery { owner: Some(of), limit: 1_000, ..NoticeQuery::default() };
        let listed = self.outbox.list(query).unwrap();
        listed.into_iter().rev().map(|one| one.state).collect()
    }
}

#[test]
fn a_receiver_that_is_down_for_hours_gets_everything_once_and_in_order() {
    let mut setup = Setup::new(all_on());
    let endpoint = Recipient::Endpoint(1);
    let up_at = START + 30 * HOUR;
    let (mut received, mut attempts) = (Vec::new(), Vec::new());
    for hour in 0..20 {
        for _ in 0..3 {
            setup.plain(endpoint, NoticeChannel::Webhook);
        }
        let until = START + (hour + 1) * HOUR;
        setup.run(until, NoticeChannel::Webhook, |one, now| {
            attempts.push((now - START, one.id.clone()));
            if now < up_at { failed() } else { panic!("not before it is up") }
        });
    }
    // The schedule of Standard Webhooks, for the first notice alone.
    assert!(attempts.iter().all(|(_, id)| id == "msg_1_1_1"));
    let times: Vec<u64> = attempts.iter().map(|(at, _)| *at).collect();
    let after = [0, 5_000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR];
    let expected: Vec<u64> = after
        .iter()
        .scan(0, |at, after| {
            *at += after;
            Some(*at)
        })
        .filter(|at| *at <= 20 * HOUR)
        .collect();
    assert_eq!(times, expected);
    setup.run(START + 75 * HOUR, NoticeChannel::Webhook, |one, now| {
        if now < up_at {
            return failed();
        }
        received.push(one.id.clone());
        delivered()
    });
    let all: Vec<String> = (1..=60).map(|batch| format!("msg_{batch}_1_1")).collect();
    assert_eq!(received, all);
    assert!(setup.states(endpoint).iter().all(|state| *state == NoticeState::Delivered));
}

#[test]
fn an_endpoint_that_fails_for_75_hours_is_stopped_and_loses_nothing() {
    let mut setup = Setup::new(all_on());
    let endpoint = Recipient::Endpoint(1);
    for _ in 0..3 {
        setup.plain(endpoint, NoticeChannel::Webhook);
    }
    let mut attempts = 0;
    setup.run(START + 10 * DAY, NoticeChannel::Webhook, |_, _| {
        attempts += 1;
        failed()
    });
    assert_eq!(attempts, 10);
    let waiting = NoticeState::Waiting;
    assert_eq!(setup.states(endpoint), [NoticeState::GivenUp, waiting, waiting]);
    assert_eq!(setup.outbox.counts().unwrap().stopped, 1);
    assert!(setup.due(NoticeChannel::Webhook).is_empty());
    let again = setup.outbox.retry(endpoint, NoticeChannel::Webhook, false, Timestamp(setup.now));
    assert_eq!(again.unwrap(), 1);
    let mut received = Vec::new();
    setup.run(setup.now, NoticeChannel::Webhook, |one, _| {
        received.push(one.id.clone());
        delivered()
    });
    assert_eq!(received, ["msg_1_1_1", "msg_2_1_1", "msg_3_1_1"]);
    assert_eq!(setup.outbox.counts().unwrap().stopped, 0);
}

#[test]
fn a_receiver_that_asks_for_patience_gets_it() {
    let mut setup = Setup::new(all_on());
    setup.plain(Recipient::Endpoint(1), NoticeChannel::Webhook);
    let due = setup.due(NoticeChannel::Webhook);
    let why = "429".to_owned();
    setup.end(&due[0], SendOutcome::Failed { why, again_after_ms: Some(HOUR) });
    setup.now += HOUR - 1;
    assert!(setup.due(NoticeChannel::Webhook).is_empty());
    setup.now += 1;
    assert_eq!(setup.due(NoticeChannel::Webhook)[0].attempt, 2);
}

#[test]
fn a_burst_of_100_stays_within_20_a_minute_and_none_is_lost() {
    let limited = ChannelRules { per_minute_each: Some(20), ..ChannelRules::default() };
    let mut setup = Setup::new(rules(&[(NoticeChannel::Wecom, limited)]));
    for _ in 0..100 {
        setup.plain(Recipient::Staff, NoticeChannel::Wecom);
    }
    let mut times = Vec::new();
    // A send takes a while: the robot counts when it arrives, which is before the answer.
    let mut took = 0;
    while times.len() < 100 {
        let due = setup.outbox.due(NoticeChannel::Wecom, Timestamp(setup.now), 1_000).unwrap();
        if due.notices.is_empty() {
            setup.now = due.again_at_ms.expect("more waits");
            continue;
        }
        assert_eq!(due.notices.len(), 1, "one at a time");
        let one = &due.notices[0];
        took = (took * 7 + 13) % 900;
        times.push((setup.now + took / 2, one.id.clone()));
        setup.now += took;
        setup.end(one, delivered());
    }
    for (place, (at, _)) in times.iter().enumerate() {
        let in_minute = times[place..].iter().filter(|(other, _)| other - at < MINUTE).count();
        assert!(in_minute <= 20, "{in_minute} in the minute from {at}");
    }
    let ids: Vec<String> = times.into_iter().map(|(_, id)| id).collect();
    let all: Vec<String> = (1..=100).map(|batch| format!("msg_{batch}_1_1")).collect();
    assert_eq!(ids, all);
    assert!(setup.now - START < 6 * MINUTE);
}

#[test]
fn the_limit_of_a_channel_counts_all_its_recipients_and_what_is_being_sent() {
    let limited = ChannelRules { per_minute: Some(5), ..ChannelRules::default() };
    let mut setup = Setup::new(rules(&[(NoticeChannel::Mail, limited)]));
    for number in 1..=12 {
        setup.plain(seller(number), NoticeChannel::Mail);
    }
    let first = setup.due(NoticeChannel::Mail);
    assert_eq!(first.len(), 5);
    assert!(setup.due(NoticeChannel::Mail).is_empty());
    setup.now += 10_000;
    first.iter().for_each(|one| setup.end(one, delivered()));
    assert!(setup.due(NoticeChannel::Mail).is_empty());
    setup.now += MINUTE;
    assert_eq!(setup.due(NoticeChannel::Mail).len(), 5);
}

#[test]
fn quiet_hours_hold_notices_but_not_those_that_the_table_excepts() {
    let quiet = ChannelRules { quiet: Some("22:00-08:00".parse().unwrap()), ..Default::default() };
    let mut setup = Setup::new(rules(&[(NoticeChannel::Sms, quiet)]));
    setup.now = START + 23 * HOUR;
    let courier = Recipient::Courier(CourierId(1));
    setup.plain(courier, NoticeChannel::Sms);
    setup.add(|one| one.ignores_quiet_hours = true, courier, NoticeChannel::Sms);
    let due = setup.due(NoticeChannel::Sms);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].id, "msg_2_1_1");
    setup.end(&due[0], delivered());
    assert!(setup.due(NoticeChannel::Sms).is_empty());
    assert_eq!(setup.states(courier), [NoticeState::Held, NoticeState::Delivered]);
    let again = setup.outbox.due(NoticeChannel::Sms, Timestamp(setup.now), 9).unwrap().again_at_ms;
    assert_eq!(again, Some(START + DAY + 8 * HOUR));
    setup.now = START + DAY + 8 * HOUR;
    assert_eq!(setup.due(NoticeChannel::Sms)[0].id, "msg_1_1_1");
}

#[test]
fn several_notices_of_a_digest_leave_as_one_and_are_repeated_as_the_same() {
    let digest = ChannelRules { digest_ms: Some(HOUR), ..ChannelRules::default() };
    let mut setup = Setup::new(rules(&[(NoticeChannel::Mail, digest)]));
    for _ in 0..3 {
        setup.add(|one| one.in_digest = true, seller(1), NoticeChannel::Mail);
        setup.now += MINUTE;
    }
    assert!(setup.due(NoticeChannel::Mail).is_empty());
    assert_eq!(setup.states(seller(1)), [NoticeState::InDigest; 3]);
    setup.now = START + HOUR;
    let due = setup.due(NoticeChannel::Mail);
    assert_eq!((due.len(), due[0].parts.len()), (1, 3));
    setup.end(&due[0], failed());
    setup.add(|one| one.in_digest = true, seller(1), NoticeChannel::Mail);
    setup.now += MINUTE;
    let again = setup.due(NoticeChannel::Mail);
    assert_eq!((&again[0].id, &again[0].parts), (&due[0].id, &due[0].parts));
    setup.end(&again[0], delivered());
    let states = setup.states(seller(1));
    assert_eq!(states[..3], [NoticeState::Delivered; 3]);
    assert_ne!(states[3], NoticeState::Delivered);
}

#[test]
fn another_channel_follows_only_a_known_failure() {
    let with_sms = |one: &mut NewNotice| one.others = vec![NoticeChannel::Sms];
    for (outcome, state, goes_on) in [
        (SendOutcome::Refused { why: "550".into() }, NoticeState::Refused, true),
        (SendOutcome::Gone { why: "gone".into() }, NoticeState::Gone, true),
        (SendOutcome::NotKnown { why: "cut".into() }, NoticeState::NotKnown, false),
        (delivered(), NoticeState::Delivered, false),
    ] {
        let mut setup = Setup::new(all_on());
        setup.add(with_sms, seller(1), NoticeChannel::Mail);
        let due = setup.due(NoticeChannel::Mail);
        assert!(setup.due(NoticeChannel::Sms).is_empty(), "not before");
        setup.end(&due[0], outcome);
        assert_eq!(setup.states(seller(1))[0], state);
        let other = setup.due(NoticeChannel::Sms);
        assert_eq!(other.len(), usize::from(goes_on), "{state:?}");
        assert!(setup.due(NoticeChannel::Mail).is_empty(), "{state:?}");
    }
    // A failure that lasts is known, too.
    let mut setup = Setup::new(all_on());
    setup.add(with_sms, seller(1), NoticeChannel::Mail);
    setup.run(START + 3 * DAY, NoticeChannel::Mail, |_, _| failed());
    assert_eq!(setup.states(seller(1)), [NoticeState::GivenUp, NoticeState::Waiting]);
    assert_eq!(setup.due(NoticeChannel::Sms).len(), 1);
}

#[test]
fn what_a_recipient_has_ended_is_not_tried_again() {
    let mut setup = Setup::new(all_on());
    let with_sms = |one: &mut NewNotice| one.others = vec![NoticeChannel::Sms];
    for _ in 0..2 {
        setup.add(with_sms, seller(1), NoticeChannel::Mail);
    }
    let due = setup.due(NoticeChannel::Mail);
    setup.end(&due[0], SendOutcome::Gone { why: "unsubscribed".into() });
    setup.add(with_sms, seller(1), NoticeChannel::Mail);
    assert!(setup.due(NoticeChannel::Mail).is_empty());
    let mut by_sms = Vec::new();
    setup.run(setup.now, NoticeChannel::Sms, |one, _| {
        by_sms.push(one.id.clone());
        delivered()
    });
    assert_eq!(by_sms, ["msg_1_1_1", "msg_2_1_1", "msg_3_1_1"]);
}

#[test]
fn a_consent_is_used_by_one_notice_and_given_back_by_a_known_failure() {
    let mut setup = Setup::new(all_on());
    let wechat = NoticeChannel::Wechat;
    setup.outbox.add_consents(seller(1), wechat, 2).unwrap();
    for _ in 0..3 {
        setup.add(|one| one.others = vec![NoticeChannel::Mail], seller(1), wechat);
    }
    let due = setup.due(wechat);
    assert_eq!(setup.outbox.consents_of(seller(1), wechat).unwrap(), 1);
    setup.end(&due[0], failed());
    assert_eq!(setup.outbox.consents_of(seller(1), wechat).unwrap(), 2);
    let mut sent = 0;
    setup.run(START + HOUR, wechat, |_, _| {
        sent += 1;
        delivered()
    });
    assert_eq!(sent, 2);
    assert_eq!(setup.states(seller(1))[2], NoticeState::Refused);
    assert_eq!(setup.due(NoticeChannel::Mail)[0].id, "msg_3_1_1");
    assert!(setup.outbox.add_consents(seller(1), NoticeChannel::Mail, 1).is_err());
}

#[test]
fn a_channel_that_is_off_sends_nothing_and_its_notices_are_given_up_after_30_days() {
    let mut setup = Setup::new(rules(&[]));
    setup.add(|one| one.others = vec![NoticeChannel::Sms], seller(1), NoticeChannel::Mail);
    assert!(setup.due(NoticeChannel::Mail).is_empty());
    setup.now += 29 * DAY;
    assert!(!setup.outbox.prune(Timestamp(setup.now)).unwrap());
    assert_eq!(setup.states(seller(1)), [NoticeState::Waiting]);
    setup.outbox.set_rules(rules(&[(NoticeChannel::Sms, ChannelRules::default())]));
    setup.now += 2 * DAY;
    setup.outbox.prune(Timestamp(setup.now)).unwrap();
    assert_eq!(setup.states(seller(1)), [NoticeState::GivenUp, NoticeState::Waiting]);
    let due = setup.due(NoticeChannel::Sms);
    setup.end(&due[0], delivered());
    setup.now += 91 * DAY;
    setup.outbox.prune(Timestamp(setup.now)).unwrap();
    assert!(setup.states(seller(1)).is_empty());
}

#[test]
fn a_gap_a_repeat_and_a_foreign_journal_are_refused() {
    let mut setup = Setup::new(all_on());
    setup.plain(seller(1), NoticeChannel::Mail);
    let new = || notice(2, seller(1), NoticeChannel::Mail, START);
    for (before, until) in [
        (head(2), head(3)),
        (head(0), head(1)),
        (head(1), head(1)),
        (JournalHead { hash: ChainHash::new([9; 32]), ..head(1) }, head(2)),
    ] {
        let refused = setup.outbox.record(before, until, &[new()]);
        assert!(matches!(refused, Err(NoticeError::NotTheNext { .. })), "{refused:?}");
    }
    assert_eq!(setup.states(seller(1)).len(), 1);
    assert!(setup.outbox.begin_at(head(7)).is_err());
    // All or nothing: the second notice of this batch is the first one again.
    let twice = setup.outbox.record(head(1), head(2), &[new(), new()]);
    assert!(matches!(twice, Err(NoticeError::Sqlite { .. })));
    assert_eq!(setup.outbox.checkpoint().unwrap(), Some(head(1)));
    assert_eq!(setup.states(seller(1)).len(), 1);
    setup.outbox.record(head(1), head(2), &[new()]).unwrap();
}

#[test]
fn only_one_process_sends() {
    let directory = tempfile::tempdir().unwrap();
    let first = Outbox::open_to_send(directory.path(), all_on()).unwrap();
    let second = Outbox::open_to_send(directory.path(), all_on());
    assert!(matches!(second, Err(NoticeError::InUse)));
    Outbox::open(directory.path(), all_on()).unwrap();
    drop(first);
    Outbox::open_to_send(directory.path(), all_on()).unwrap();
}

#[test]
fn the_outbox_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new(all_on());
    let file = setup.directory.path().join(notices::OUTBOX_FILE);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Outbox::open(setup.directory.path(), all_on());
    assert!(matches!(open, Err(NoticeError::ReadableByOthers(_))));
}

// Crashes at every step.

/// What reached the receivers, whatever the outbox knows of it.
#[derive(Default)]
struct World {
    received: Vec<(Recipient, NoticeChannel, String)>,
    /// Whether the receiver answered that it has it.
    acknowledged: BTreeSet<(Recipient, NoticeChannel, String)>,
    /// How the receivers answer: a number for each attempt, in order.
    attempts: usize,
}

impl World {
    /// The receiver's side of a send. Each kind of answer comes, many times.
    fn receive(&mut self, one: &DueNotice) -> SendOutcome {
        self.attempts += 1;
        let arrives = |world: &mut World| {
            world.received.push((one.recipient, one.channel, one.id.clone()));
        };
        match self.attempts % 7 {
            2 => failed(),
            4 => {
                arrives(self);
                SendOutcome::NotKnown { why: "cut after the text".into() }
            }
            5 => SendOutcome::NotKnown { why: "cut before the text".into() },
            6 if one.channel == NoticeChannel::Mail => SendOutcome::Refused { why: "550".into() },
            _ => {
                arrives(self);
                self.acknowledged.insert((one.recipient, one.channel, one.id.clone()));
                delivered()
            }
        }
    }
}

/// Where a run is cut: after so many steps. A step is a commit or a send.
struct Cut {
    steps: Arc<AtomicUsize>,
    at: usize,
    /// Whether the commit at the cut is lost, or durable and not heard of.
    commit_is_lost: bool,
}

impl Cut {
    fn is_reached(&self) -> bool {
        self.steps.load(Ordering::SeqCst) >= self.at
    }

    fn open(&self, data: &Path) -> Outbox {
        let mut outbox = Outbox::open_to_send(data, all_on()).unwrap();
        let (steps, at, lost) = (self.steps.clone(), self.at, self.commit_is_lost);
        let hook = move || steps.fetch_add(1, Ordering::SeqCst) + 1 == at && lost;
        outbox.before_commits(hook).unwrap();
        outbox
    }
}

const BATCHES: u64 = 8;
const BY: [NoticeChannel; 2] = [NoticeChannel::Webhook, NoticeChannel::Mail];

fn to(batch: u64, by: NoticeChannel) -> Recipient {
    let number = batch % 2;
    match by {
        NoticeChannel::Webhook => Recipient::Endpoint(u32::try_from(number).unwrap()),
        _ => seller(number),
    }
}

/// A process: follows the journal and sends, until it is cut. Returns whether all is done.
fn process(outbox: &mut Outbox, cut: &Cut, world: &mut World, now: &mut u64) -> Option<()> {
    outbox.recover(Timestamp(*now)).ok()?;
    loop {
        if cut.is_reached() {
            return None;
        }
        let at = outbox.checkpoint().unwrap().unwrap_or_default();
        let batch = at.sequence.number() + 1;
        if batch <= BATCHES {
            let mut new = BY.map(|by| notice(batch, to(batch, by), by, *now));
            new[1].place = 2;
            outbox.record(at, head(batch), &new).ok()?;
            if cut.is_reached() {
                return None;
            }
        }
        let mut again: Option<u64> = None;
        for by in BY {
            let due = outbox.due(by, Timestamp(*now), 2).ok()?;
            if cut.is_reached() {
                return None;
            }
            for one in &due.notices {
                let outcome = world.receive(one);
                // The process can end between the answer and its note.
                cut.steps.fetch_add(1, Ordering::SeqCst);
                if cut.is_reached() {
                    return None;
                }
                outbox.on_outcomes(&[(one.number, outcome)], Timestamp(*now)).ok()?;
                if cut.is_reached() {
                    return None;
                }
            }
            if let Some(at) = due.again_at_ms.or((!due.notices.is_empty()).then_some(*now)) {
                again = Some(again.map_or(at, |other| other.min(at)));
            }
        }
        match again {
            Some(at) => *now = (*now).max(at),
            None if batch > BATCHES => return Some(()),
            None => {}
        }
    }
}

/// The rules of M18, from the domain.
fn check(outbox: &Outbox, world: &World, at: usize) {
    let all = outbox.list(NoticeQuery { limit: 1_000, ..NoticeQuery::default() }).unwrap();
    let mut count = BTreeMap::new();
    for one in &world.received {
        *count.entry(one.clone()).or_insert(0_usize) += 1;
    }
    assert_eq!(all.len(), usize::try_from(BATCHES).unwrap() * BY.len(), "cut at {at}: none lost");
    for one in &all {
        let key = (one.recipient, one.channel, one.id.clone());
        let times = count.get(&key).copied().unwrap_or(0);
        let place = format!("cut at {at}: {one:?} arrived {times} times");
        match one.channel {
            NoticeChannel::Webhook => {
                assert_eq!(one.state, NoticeState::Delivered, "{place}");
                assert!(times >= 1, "{place}");
            }
            _ => match one.state {
                NoticeState::Delivered => assert_eq!(times, 1, "{place}"),
                NoticeState::Refused => assert_eq!(times, 0, "{place}"),
                NoticeState::NotKnown => assert!(times <= 1, "{place}"),
                _ => panic!("{place}"),
            },
        }
    }
    // In order at each receiver, by the first arrival of each.
    let mut last: BTreeMap<(Recipient, NoticeChannel), u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (recipient, channel, id) in &world.received {
        if seen.insert((recipient, channel, id)) {
            let batch: u64 = id.split('_').nth(1).unwrap().parse().unwrap();
            let before = last.insert((*recipient, *channel), batch).unwrap_or(0);
            assert!(before < batch, "cut at {at}: {id} after {before}");
        }
    }
}

/// Cuts a run after each of its steps in turn, then lets another process go on.
#[test]
fn a_crash_at_any_step_loses_no_notice_and_doubles_none_whose_outcome_was_known() {
    let steps_of = |at: usize, commit_is_lost: bool| {
        let directory = tempfile::tempdir().unwrap();
        let (mut world, mut now) = (World::default(), START);
        let cut = Cut { steps: Arc::default(), at, commit_is_lost };
        let mut outbox = cut.open(directory.path());
        let is_done = process(&mut outbox, &cut, &mut world, &mut now).is_some();
        drop(outbox);
        let never = Cut { steps: Arc::default(), at: usize::MAX, commit_is_lost: false };
        let mut outbox = never.open(directory.path());
        let done = process(&mut outbox, &never, &mut world, &mut now);
        assert_eq!(done, Some(()), "cut at {at}: the next process ends");
        check(&outbox, &world, at);
        (is_done, cut.steps.load(Ordering::SeqCst))
    };
    let (is_done, steps) = steps_of(usize::MAX, false);
    assert!(is_done && steps > 40, "{steps} steps");
    for at in 1..=steps {
        for commit_is_lost in [true, false] {
            steps_of(at, commit_is_lost);
        }
    }
}

/// Random worlds: receivers up and down, robots with limits, quiet nights, digests, crashes.
#[test]
fn notices_of_random_weeks_obey_the_rules() {
    for seed in 1..=12 {
        random_week(seed);
    }
}

/// A generator whose numbers follow from its seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn random_week(seed: u64) {
    let mut numbers = Numbers(seed);
    let night = Some("22:00-07:30".parse().unwrap());
    let channels = [
        (NoticeChannel::Webhook, ChannelRules::default()),
        (NoticeChannel::Mail, ChannelRules { digest_ms: Some(HOUR), ..Default::default() }),
        (
            NoticeChannel::Sms,
            ChannelRules { quiet: night, per_minute: Some(6), ..Default::default() },
        ),
        (NoticeChannel::Wecom, ChannelRules { per_minute_each: Some(4), ..Default::default() }),
    ];
    let mut setup = Setup::new(rules(&channels));
    // (recipient, channel) -> ids in the order in which they were made, and as they arrived.
    let mut made: BTreeMap<(Recipient, NoticeChannel), Vec<String>> = BTreeMap::new();
    let mut arrived: Vec<(u64, Recipient, NoticeChannel, String)> = Vec::new();
    let mut noted: BTreeMap<(NoticeChannel, String), &str> = BTreeMap::new();
    for _ in 0..150 {
        for _ in 0..numbers.below(5) {
            let by = channels[usize::try_from(numbers.below(4)).unwrap()].0;
            let recipient = match by {
                NoticeChannel::Webhook => {
                    Recipient::Endpoint(u32::try_from(numbers.below(3)).unwrap())
                }
                _ => seller(numbers.below(3)),
            };
            let (digest, urgent) = (numbers.below(2) == 0, numbers.below(9) == 0);
            setup.add(
                |one| {
                    one.in_digest = digest && by == NoticeChannel::Mail;
                    one.ignores_quiet_hours = urgent && by == NoticeChannel::Sms;
                },
                recipient,
                by,
            );
            made.entry((recipient, by)).or_default().push(format!("msg_{}_1_1", setup.batch));
        }
        if numbers.below(20) == 0 {
            // The process ends while it sends.
            for (by, _) in channels {
                setup.due(by);
            }
            setup.outbox = Outbox::open(setup.directory.path(), rules(&channels)).unwrap();
            setup.outbox.recover(Timestamp(setup.now)).unwrap();
        }
        let until = setup.now + numbers.below(3 * HOUR);
        let from = setup.now;
        for (by, _) in channels {
            setup.now = from;
            let is_down = numbers.below(4) == 0;
            setup.run(until, by, |one, now| {
                let first = (by, one.id.clone());
                assert!(!noted.contains_key(&first), "seed {seed}: {} ended before", one.id);
                let kind = numbers.below(10);
                if is_down || kind == 0 {
                    return failed();
                }
                if kind != 1 {
                    arrived.push((now, one.recipient, by, one.id.clone()));
                }
                match kind {
                    1 | 2 => {
                        if by != NoticeChannel::Webhook {
                            noted.insert(first, "not known");
                        }
                        SendOutcome::NotKnown { why: "cut".into() }
                    }
                    _ => {
                        noted.insert(first, "delivered");
                        delivered()
                    }
                }
            });
        }
        setup.now = until;
    }
    check_limits(&arrived, seed);
    check_week(&setup, &made, &arrived, seed);
}

fn check_limits(arrived: &[(u64, Recipient, NoticeChannel, String)], seed: u64) {
    for (at, recipient, by, id) in arrived {
        let in_minute = |same: &dyn Fn(&Recipient) -> bool| {
            let near = |other: &&(u64, Recipient, NoticeChannel, String)| {
                other.2 == *by && same(&other.1) && (*at..at + MINUTE).contains(&other.0)
            };
            arrived.iter().filter(near).count()
        };
        match by {
            NoticeChannel::Sms => assert!(in_minute(&|_| true) <= 6, "seed {seed}: {id}"),
            NoticeChannel::Wecom => {
                assert!(in_minute(&|one| one == recipient) <= 4, "seed {seed}: {id}");
            }
            _ => {}
        }
    }
}

fn check_week(
    setup: &Setup,
    made: &BTreeMap<(Recipient, NoticeChannel), Vec<String>>,
    arrived: &[(u64, Recipient, NoticeChannel, String)],
    seed: u64,
) {
    let all = setup.outbox.list(NoticeQuery { limit: 1_000, ..NoticeQuery::default() }).unwrap();
    let total: usize = made.values().map(Vec::len).sum();
    assert_eq!(all.len(), total.min(1_000), "seed {seed}: none is lost");
    for one in &all {
        let times = arrived
            .iter()
            .filter(|(_, to, by, id)| (to, by, id) == (&one.recipient, &one.channel, &one.id))
            .count();
        let is_alone = one.sent_with.is_none_or(|with| with == one.number);
        let place = format!("seed {seed}: {one:?} arrived {times} times");
        match (one.channel, one.state) {
            (_, NoticeState::Delivered) if !is_alone => assert_eq!(times, 0, "{place}"),
            (NoticeChannel::Webhook, NoticeState::Delivered) => assert!(times >= 1, "{place}"),
            (NoticeChannel::Webhook, _) => {}
            (_, NoticeState::Delivered) => assert_eq!(times, 1, "{place}"),
            (_, NoticeState::NotKnown) => assert!(times <= 1, "{place}"),
            _ => assert_eq!(times, 0, "{place}"),
        }
    }
    for ((recipient, by), ids) in made {
        let mut first = BTreeSet::new();
        let order = arrived
            .iter()
            .filter(|(_, to, channel, _)| (to, channel) == (recipient, by))
            .filter(|(.., id)| first.insert(id))
            .map(|(.., id)| ids.iter().position(|one| one == id).unwrap());
        let order: Vec<usize> = order.collect();
        // Quiet hours let some go first.
        if *by != NoticeChannel::Sms {
            assert!(order.is_sorted(), "seed {seed}: {recipient} by {by}: {order:?}");
        }
    }
}

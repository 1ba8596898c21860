//! What must hold nothing up and lose nothing: a row that cannot be read, a clock that was ahead, a
//! restored outbox, a new address, a proposal of the office, a backlog that is full.
#![allow(clippy::unwrap_used)]

mod made;

use books::{SellerId, Timestamp};
use channels::SendOutcome;
use notices::limits::BACKLOG_NOTICES_MAX;
use notices::{
    ChannelRules, DeliveryRules, NewNotice, NoticeChannel, NoticeQuery, NoticeRetry, NoticeState,
    Outbox, Recipient,
};
use rusqlite::Connection;

use made::{head, notice};

const DAY: u64 = 86_400_000;
const START: u64 = 1_377_619_200_000;
const NOW: Timestamp = Timestamp(START);

fn seller(number: u64) -> Recipient {
    Recipient::Seller(SellerId(number))
}

struct Setup {
    directory: tempfile::TempDir,
    outbox: Outbox,
    batch: u64,
}

impl Setup {
    fn new() -> Setup {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(directory.path(), rules()).unwrap();
        Setup { directory, outbox, batch: 0 }
    }

    fn add(&mut self, to: Recipient, by: NoticeChannel, at: u64) {
        let next = self.batch + 1;
        let new = notice(next, to, by, at);
        self.outbox.record(head(self.batch), head(next), &[new]).unwrap();
        self.batch = next;
    }

    /// Sends what is due of mail and webhooks; returns the ids.
    fn send(&mut self, now: u64, mut end: impl FnMut() -> SendOutcome) -> Vec<String> {
        let mut ids = Vec::new();
        for by in [NoticeChannel::Mail, NoticeChannel::Webhook, NoticeChannel::Weibo] {
            for one in self.outbox.due(by, Timestamp(now), 100).unwrap().notices {
                self.outbox.on_outcomes(&[(one.number, end())], Timestamp(now)).unwrap();
                ids.push(one.id);
            }
        }
        ids
    }

    fn change(&self, sql: &str) {
        let path = self.directory.path().join("notices.sqlite");
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }

    fn states(&self, of: Recipient) -> Vec<NoticeState> {
        let query = NoticeQuery { owner: Some(of), limit: 100, ..NoticeQuery::default() };
        self.outbox.list(query).unwrap().into_iter().rev().map(|one| one.state).collect()
    }
}

fn rules() -> DeliveryRules {
    let limited = ChannelRules { per_minute: Some(50), ..ChannelRules::default() };
    let channels = NoticeChannel::ALL.map(|channel| (channel, limited));
    DeliveryRules { channels: channels.into_iter().collect(), ..DeliveryRules::default() }
}

fn delivered() -> SendOutcome {
    SendOutcome::Delivered { receipt: None }
}

fn failed(why: &str) -> SendOutcome {
    SendOutcome::Failed { why: why.to_owned(), again_after_ms: None }
}

#[test]
fn a_row_that_cannot_be_read_stops_its_recipient_and_nobody_else() {
    let mut setup = Setup::new();
    for number in 1..=3 {
        setup.add(seller(number), NoticeChannel::Mail, START);
    }
    setup.change("UPDATE notices SET fields = 'no JSON' WHERE recipient = 'seller:2'");
    assert_eq!(setup.send(START, delivered), ["msg_1_1_1", "msg_3_1_1"]);
    let stopped = setup.outbox.stopped().unwrap();
    assert_eq!(stopped, [(seller(2), NoticeChannel::Mail, "damaged".to_owned())]);
    assert_eq!(setup.outbox.open_of(NoticeChannel::Mail).unwrap().stopped, 1);
    assert_eq!(setup.states(seller(2)), [NoticeState::Waiting], "it is not lost");
    setup.change("UPDATE notices SET fields = '{}' WHERE recipient = 'seller:2'");
    setup.outbox.retry(seller(2), NoticeChannel::Mail, false, NOW).unwrap();
    assert_eq!(setup.send(START, delivered), ["msg_2_1_1"]);
}

#[test]
fn a_clock_that_was_ahead_holds_nothing_back_for_longer_than_a_day() {
    let mut setup = Setup::new();
    let ahead = START + 400 * DAY;
    setup.add(Recipient::Endpoint(1), NoticeChannel::Webhook, ahead);
    setup.add(seller(1), NoticeChannel::Mail, ahead);
    assert_eq!(setup.send(ahead, || failed("503")).len(), 2);
    // The clock is right again, and the books stay ahead of it.
    assert_eq!(setup.outbox.recover(NOW).unwrap(), 0);
    assert_eq!(setup.send(START, delivered), ["msg_2_1_1", "msg_1_1_1"]);
    setup.add(seller(1), NoticeChannel::Mail, ahead + 1);
    assert_eq!(setup.send(START, delivered), ["msg_3_1_1"]);
}

#[test]
fn a_restored_outbox_sends_nothing_twice_and_its_ids_are_new() {
    let mut setup = Setup::new();
    setup.add(seller(1), NoticeChannel::Mail, START);
    assert_eq!(setup.send(START, delivered).len(), 1);
    setup.add(Recipient::Endpoint(1), NoticeChannel::Webhook, START);
    setup.add(seller(2), NoticeChannel::Mail, START);
    // The books of the backup end before the last batch.
    let at = Timestamp(START + DAY);
    assert_eq!(setup.outbox.restore(head(2), 0, at).unwrap(), 1);
    assert_eq!(setup.send(START + DAY, delivered), [] as [&str; 0]);
    assert_eq!(setup.states(seller(1)), [NoticeState::Delivered], "what was sent is known");
    assert_eq!(setup.states(Recipient::Endpoint(1)), [NoticeState::NotKnown]);
    assert_eq!(setup.states(seller(2)), [], "there is no such batch");
    // Another batch takes the place of the lost one: receivers must not take it for that one.
    setup.batch = 2;
    setup.add(seller(2), NoticeChannel::Mail, START + DAY);
    let epoch = (START + DAY) / 1_000;
    assert_eq!(setup.send(START + DAY, delivered), [format!("msg_{epoch}_3_1_1")]);
    // Whoever has asked the receiver sends again, under the id that it may know.
    setup.outbox.retry(Recipient::Endpoint(1), NoticeChannel::Webhook, true, at).unwrap();
    assert_eq!(setup.send(START + DAY, delivered), ["msg_2_1_1"]);
}

#[test]
fn a_new_address_begins_a_channel_that_its_recipient_had_ended() {
    let mut setup = Setup::new();
    let gone = || SendOutcome::Gone { why: "21327".to_owned() };
    setup.add(Recipient::Public, NoticeChannel::Weibo, START);
    setup.send(START, gone);
    setup.add(Recipient::Public, NoticeChannel::Weibo, START);
    assert_eq!(setup.states(Recipient::Public), [NoticeState::Gone; 2]);
    setup.outbox.on_new_address(Recipient::Public, NoticeChannel::Weibo).unwrap();
    setup.add(Recipient::Public, NoticeChannel::Weibo, START);
    assert_eq!(setup.send(START, delivered), ["msg_3_1_1"]);
    // A lane that fails is another matter: its notices wait for a person.
    assert!(setup.outbox.stopped().unwrap().is_empty());
}

#[test]
fn each_attempt_that_failed_is_kept_with_its_reason_until_the_notice_is_removed() {
    let mut setup = Setup::new();
    setup.add(seller(1), NoticeChannel::Mail, START);
    let mut whys = ["421", "450"].into_iter();
    for at in [START, START + 60_000, START + 10 * 60_000] {
        let end = || whys.next().map_or_else(delivered, failed);
        setup.send(at, end);
    }
    let kept: Vec<_> = setup.outbox.failures(1).unwrap();
    let kept: Vec<_> =
        kept.iter().map(|one| (one.attempt, one.at_ms - START, one.why.as_str())).collect();
    assert_eq!(kept, [(1, 0, "421"), (2, 60_000, "450")]);
    setup.outbox.prune(Timestamp(START + 100 * DAY)).unwrap();
    assert!(setup.outbox.failures(1).unwrap().is_empty());
}

/// Nothing is dropped silently: what is not sent one by one is counted, told and can be read.
#[test]
fn a_full_backlog_folds_what_follows_into_one_notice_that_says_how_many() {
    let mut setup = Setup::new();
    let (owner, endpoint) = (seller(1), Recipient::Endpoint(7));
    let most = u64::from(BACKLOG_NOTICES_MAX);
    let of = |batch: u64, places: std::ops::Range<u64>| -> Vec<NewNotice> {
        let new = |place| {
            let place = u32::try_from(place).unwrap();
            let to = notice(batch, endpoint, NoticeChannel::Webhook, START);
            NewNotice { owner, place, ..to }
        };
        places.map(new).collect()
    };
    setup.outbox.record(head(0), head(1), &of(1, 0..most)).unwrap();
    let counts = setup.outbox.counts().unwrap();
    assert_eq!((counts.open, counts.folded), (most, 0));
    // The endpoint was down; three more do not fit, over two batches and a restart.
    setup.outbox.record(head(1), head(2), &of(2, 0..2)).unwrap();
    let Setup { directory, outbox, .. } = setup;
    drop(outbox);
    let outbox = Outbox::open(directory.path(), rules()).unwrap();
    let mut setup = Setup { directory, outbox, batch: 2 };
    setup.outbox.record(head(2), head(3), &of(3, 0..1)).unwrap();
    let other = notice(4, seller(2), NoticeChannel::Mail, START);
    setup.outbox.record(head(3), head(4), &[other]).unwrap();
    let counts = setup.outbox.counts().unwrap();
    assert_eq!((counts.open, counts.folded), (most + 2, 3), "another recipient has room");
    assert_eq!(setup.outbox.open_of(NoticeChannel::Webhook).unwrap().full, 1);
    assert_eq!(setup.outbox.open_of(NoticeChannel::Mail).unwrap().full, 0);
    let folded = |setup: &Setup| {
        let state = Some(NoticeState::Folded);
        let query = NoticeQuery { owner: Some(owner), state, limit: 10, ..NoticeQuery::default() };
        setup.outbox.list(query).unwrap()
    };
    let event = Some("notices.folded");
    let query = NoticeQuery { owner: Some(owner), event, limit: 10, ..NoticeQuery::default() };
    let told = setup.outbox.list(query).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].fields["count"], "3");
    assert!(folded(&setup).iter().all(|one| one.sent_with == Some(told[0].number)));

    // The endpoint is there again: everything in order, and at the end how many are missing.
    setup.change(&format!(
        "UPDATE notices SET state = 'delivered', ended_at = {START} WHERE number < {most};
         UPDATE lanes SET due_at = {START};"
    ));
    let mut received = Vec::new();
    for _ in 0..2 {
        for one in setup.outbox.due(NoticeChannel::Webhook, NOW, 1).unwrap().notices {
            received.push((one.id, one.parts[0].fields.get("count").cloned()));
            setup.outbox.on_outcomes(&[(one.number, delivered())], NOW).unwrap();
        }
    }
    let last = ("msg_2_1_1000000".to_owned(), Some("3".into()));
    assert_eq!(received, [(format!("msg_1_1_{}", most - 1), None), last]);
    assert_eq!(setup.outbox.open_of(NoticeChannel::Webhook).unwrap().count, 0);

    // Who asks for them gets them, and there is room for new ones.
    let retry = NoticeRetry { owner, recipient: None, not_known: false, at_ms: START };
    setup.outbox.record_all(head(4), head(5), &of(5, 0..1), &[retry]).unwrap();
    assert!(folded(&setup).is_empty());
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.extend(setup.send(START, delivered));
    }
    let of_endpoint: Vec<_> = ids.iter().filter(|id| !id.starts_with("msg_4")).collect();
    assert_eq!(of_endpoint, ["msg_2_1_0", "msg_2_1_1", "msg_3_1_0", "msg_5_1_0"]);
    assert_eq!(setup.outbox.counts().unwrap().open, 0);
}

#[test]
fn a_retry_of_the_books_is_for_one_owner_and_is_done_once() {
    let mut setup = Setup::new();
    let refused = || SendOutcome::Refused { why: "550".to_owned() };
    for (owner, endpoint) in [(1, 1), (1, 2), (2, 3)] {
        let next = setup.batch + 1;
        let to = notice(next, Recipient::Endpoint(endpoint), NoticeChannel::Webhook, START);
        let new = NewNotice { owner: seller(owner), ..to };
        setup.outbox.record(head(setup.batch), head(next), &[new]).unwrap();
        setup.batch = next;
        setup.add(seller(owner), NoticeChannel::Mail, START);
    }
    while !setup.send(START, refused).is_empty() {}
    let retry = |owner, endpoint: Option<u32>| NoticeRetry {
        owner: seller(owner),
        recipient: endpoint.map(Recipient::Endpoint),
        not_known: false,
        at_ms: START,
    };
    let waiting = |setup: &Setup| {
        let is_waiting = |one: &NoticeState| *one == NoticeState::Waiting;
        [1, 2].map(|one| setup.states(seller(one)).iter().filter(|one| is_waiting(one)).count())
    };
    // Another's endpoint is not one's own.
    let foreign = [retry(1, Some(3))];
    setup.outbox.record_all(head(6), head(7), &[], &foreign).unwrap();
    assert_eq!(waiting(&setup), [0, 0]);
    setup.outbox.record_all(head(7), head(8), &[], &[retry(1, Some(2))]).unwrap();
    assert_eq!(waiting(&setup), [1, 0]);
    setup.outbox.record_all(head(8), head(9), &[], &[retry(1, None)]).unwrap();
    assert_eq!(waiting(&setup), [4, 0]);
    // The journal is read again after a crash: the checkpoint is in the same transaction.
    assert!(setup.outbox.record_all(head(8), head(9), &[], &[retry(2, None)]).is_err());
    assert_eq!(waiting(&setup), [4, 0]);
}

#[test]
fn a_proposal_is_told_once() {
    let mut setup = Setup::new();
    setup.outbox.begin_at(head(0)).unwrap();
    let told = |number: u64| NewNotice {
        command: u32::try_from(number).unwrap(),
        ..notice(0, Recipient::Staff, NoticeChannel::Mail, START)
    };
    for number in [1, 1, 3, 2, 3] {
        setup.outbox.record_proposal(number, &[told(number)]).unwrap();
    }
    assert_eq!(setup.outbox.last_proposal().unwrap(), Some(3));
    let ids = [setup.send(START, delivered), setup.send(START, delivered)].concat();
    assert_eq!(ids, ["msg_0_1_1", "msg_0_3_1"]);
}

#[test]
fn an_outbox_of_the_first_format_is_brought_to_the_last() {
    let mut setup = Setup::new();
    setup.add(seller(1), NoticeChannel::Mail, START);
    setup.change(
        "DROP TABLE report_readers; DROP TRIGGER report_is_sent; DROP TABLE backlogs;
         DROP TRIGGER backlog_grows; DROP TRIGGER backlog_grows_again;
         DROP TRIGGER backlog_shrinks; DROP TRIGGER backlog_is_removed; DROP TABLE files_told;
         ALTER TABLE checkpoint DROP COLUMN publication;
         DROP TABLE failures; DROP INDEX notices_open; ALTER TABLE notices DROP COLUMN epoch;
         ALTER TABLE checkpoint DROP COLUMN epoch; ALTER TABLE checkpoint DROP COLUMN proposal;
         CREATE INDEX notices_old ON notices (since) WHERE ended_at IS NULL;
         PRAGMA user_version = 1;",
    );
    let Setup { directory, outbox, batch } = setup;
    drop(outbox);
    let outbox = Outbox::open(directory.path(), rules()).unwrap();
    let mut setup = Setup { directory, outbox, batch };
    assert_eq!(setup.send(START, delivered), ["msg_1_1_1"]);
}

//! A process that sends is killed (SIGKILL) at each step of a notice; the next one goes on. What
//! its receiver got, and what is known of it, is the table of docs/notices.md.
#![allow(clippy::unwrap_used)]

mod made;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use books::{SellerId, Timestamp};
use channels::{Channel, NoticeLanguage, OutgoingNotice, SendOutcome};
use node::{Clock, SystemClock};
use notices::{
    AddressSource, ChannelRules, DeliveryRules, DriverParts, NewNotice, NoticeBook, NoticeChannel,
    NoticeDriver, NoticeFigures, NoticeQuery, OpenedAddress, Outbox, Recipient,
};
use zeroize::Zeroizing;

use made::{head, notice};

const PAGE: &str = include_str!("../../../docs/notices.md");
const DIRECTORY: &str = "DOORSTEP_TEST_NOTICES";
const PORT: &str = "DOORSTEP_TEST_PORT";
const STEP: &str = "DOORSTEP_TEST_STEP";
const AT_STEP: &str = "at the step";

/// Stops here until it is killed.
fn at_step() -> ! {
    let mut to_parent = std::io::stdout();
    writeln!(to_parent, "{AT_STEP}").unwrap();
    to_parent.flush().unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// Sends to the test, which counts.
struct ToTest {
    port: u16,
    step: String,
    is_answered: Arc<AtomicBool>,
}

impl Channel for ToTest {
    fn send(&self, notice: &OutgoingNotice<'_>, _: &str) -> SendOutcome {
        if self.step == "marked, not sent" {
            at_step();
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        writeln!(stream, "{}", notice.id).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        if self.step == "sent, no answer yet" {
            at_step();
        }
        self.is_answered.store(true, Ordering::SeqCst);
        SendOutcome::Delivered { receipt: None }
    }
}

struct Everyone;

impl AddressSource for Everyone {
    fn address(
        &self,
        _: Recipient,
        _: NoticeChannel,
        _: Timestamp,
    ) -> Result<Option<OpenedAddress>, String> {
        let address = Zeroizing::new("there".to_owned());
        Ok(Some(OpenedAddress { language: NoticeLanguage::En, address, secrets: None }))
    }
}

fn rules() -> DeliveryRules {
    let on = NoticeChannel::ALL.map(|channel| (channel, ChannelRules::default()));
    DeliveryRules { channels: on.into_iter().collect(), ..DeliveryRules::default() }
}

/// The process that is killed. Without its variables, nothing.
#[test]
fn a_process_that_sends() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (directory, step) = (Path::new(&directory), std::env::var(STEP).unwrap());
    let port = std::env::var(PORT).unwrap().parse().unwrap();
    let is_answered = Arc::new(AtomicBool::new(false));
    let mut outbox = Outbox::open_to_send(directory, rules()).unwrap();
    let (at, answered) = (step.clone(), is_answered.clone());
    let mut is_noted = false;
    let hook = move || {
        let is_answered = answered.load(Ordering::SeqCst);
        match at.as_str() {
            "not marked" => at_step(),
            "answered, not noted" if is_answered => at_step(),
            // The commit after it would mark the next notice.
            "noted" if is_noted => at_step(),
            _ => is_noted = is_answered,
        }
        false
    };
    outbox.before_commits(hook).unwrap();
    let outbox = Arc::new(Mutex::new(outbox));
    let sender: Arc<dyn Channel> = Arc::new(ToTest { port, step, is_answered });
    let driver = NoticeDriver::start(DriverParts {
        outbox: outbox.clone(),
        book: Arc::new(Mutex::new(NoticeBook::open(directory, None).unwrap())),
        addresses: Arc::new(Everyone),
        bodies: None,
        senders: NoticeChannel::ALL.map(|channel| (channel, sender.clone())).into_iter().collect(),
        clock: Box::new(SystemClock),
        figures: Arc::new(NoticeFigures::default()),
        on_event: Box::new(|_| {}),
    });
    let driver = driver.unwrap();
    while outbox.lock().unwrap().counts().unwrap().open > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    driver.stop();
}

fn process(directory: &Path, port: u16, step: &str) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["a_process_that_sends", "--exact", "--nocapture"]);
    command.env(DIRECTORY, directory).env(PORT, port.to_string()).env(STEP, step);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// A receiver that answers everything, and the ids that it got.
fn receiver() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let received: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut id = String::new();
            reader.read_line(&mut id).unwrap();
            all.lock().unwrap().push(id.trim().to_owned());
            // Whoever was killed does not hear it.
            let _ = reader.get_mut().write_all(b"taken\n");
        }
    });
    (port, received)
}

fn record(directory: &Path, channel: NoticeChannel) {
    let mut outbox = Outbox::open(directory, rules()).unwrap();
    for batch in 1..=2 {
        let recipient = match channel {
            NoticeChannel::Webhook => Recipient::Endpoint(1),
            _ => Recipient::Seller(SellerId(1)),
        };
        let made = notice(batch, recipient, channel, SystemClock.now().0);
        let new = NewNotice { entry: 3, ..made };
        outbox.record(head(batch - 1), head(batch), &[new]).unwrap();
    }
}

/// Killed at a step, and gone on with: how often the notice arrived, and its state.
fn killed_at(step: &str, channel: NoticeChannel) -> String {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    record(directory, channel);
    let (port, received) = receiver();
    let mut first = process(directory, port, step);
    let lines = BufReader::new(first.stdout.take().unwrap()).lines();
    let mut said = lines.map_while(Result::ok);
    assert!(said.any(|line| line.contains(AT_STEP)), "{step}: it never comes there");
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = process(directory, port, "none");
    assert!(second.wait().unwrap().success());
    let outbox = Outbox::open(directory, rules()).unwrap();
    let all = outbox.list(NoticeQuery { limit: 9, ..NoticeQuery::default() }).unwrap();
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for id in received.lock().unwrap().iter() {
        *times.entry(id.clone()).or_default() += 1;
    }
    assert_eq!(all.len(), 2);
    // The one behind it waits its turn, and arrives once.
    assert_eq!((all[0].state.name(), times.remove("msg_2_1_1")), ("delivered", Some(1)), "{step}");
    let arrived = times.remove("msg_1_1_1").unwrap_or(0);
    assert!(times.is_empty(), "{step}: {times:?}");
    format!("{arrived}, `{}`", all[1].state.name())
}

#[test]
fn what_is_known_after_a_kill_at_each_step_is_what_the_page_says() {
    let rows = PAGE.lines().skip_while(|line| !line.starts_with("| killed when it is |"));
    let rows: Vec<&str> = rows.skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [step, webhook, others] = cells[..] else { panic!("{row}") };
        assert_eq!(killed_at(step, NoticeChannel::Webhook), webhook, "{step}, webhook");
        assert_eq!(killed_at(step, NoticeChannel::Mail), others, "{step}, mail");
    }
}

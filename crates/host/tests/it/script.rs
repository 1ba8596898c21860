//! A switch that echoes each message and records what it was told.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use books::{
    Command, Event, NetworkId, OpenBooks, PersonId, Refusal, RegisterBank, RegisterNetwork,
    TerminalId, Timestamp, WalletId,
};
use engine::{Actor, Submission};
use host::{
    ConnectionLimits, Host, HostPlan, HostedSwitch, ListenAddresses, ListenerPlan, NetworkChanges,
    SettingsChanges, StopOutcome, Stopper, TerminalListener,
};
use iso8583::{Envelope, MessageBuilder, Mti, PosHeader, Tpdu, UNIONPAY_POS, WipedBytes};
use journal::MemoryJournal;
use money::{Amount, Currency};
use node::{Clock, NoSnapshots, Node, NodeOptions, SystemClock};
use switch::{
    AuthenticationFailure, LinkId, OperatorEvent, OrderStatus, Output, PhoneAnswer, PhoneRequest,
    QueryResult, Settings, TerminalConnection, TerminalDialect, WalletNotification, WalletReply,
};

/// The longest wait of a test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the switch was told, and how it is to behave.
#[derive(Default)]
pub struct ScriptState {
    pub messages: u64,
    /// Of the messages.
    pub dialects: BTreeSet<&'static str>,
    pub closed: Vec<TerminalConnection>,
    pub up: Vec<LinkId>,
    pub down: Vec<LinkId>,
    pub from_networks: Vec<Vec<u8>>,
    pub notes: Vec<WalletNotification>,
    /// Replies held back until the next one.
    replies: Vec<Output>,
    /// How many orders a wallet must refund.
    pub to_give_back: usize,
    pub withdrawn: Vec<(NetworkId, Option<Timestamp>)>,
    pub stopped: bool,
    /// Holds terminals' messages until [`ScriptState::answer_held`].
    pub hold: bool,
    pub held: Vec<(TerminalConnection, Vec<u8>)>,
    answer_held: bool,
    /// When the switch wants to be called.
    pub timer: Option<Timestamp>,
    /// Whether each message goes through the books first.
    pub by_the_books: bool,
    /// Whether the MAC of each message with an even STAN is wrong.
    pub wrong_macs: bool,
    /// Of each message, if there is one.
    pub failure: Option<AuthenticationFailure>,
    /// The size of each answer; None for the size of the request.
    pub answer_bytes: Option<usize>,
    /// Of the settings that came while it ran.
    pub answer_ms: Option<u64>,
}

pub type Shared = Arc<Mutex<ScriptState>>;

struct Script {
    seen: Shared,
    asked: Vec<(u64, TerminalConnection, Vec<u8>)>,
}

impl Script {
    fn seen(&self) -> MutexGuard<'_, ScriptState> {
        self.seen.lock().unwrap()
    }
}

fn answer(line: TerminalConnection, message: Vec<u8>) -> Output {
    Output::ToTerminal { connection: line, message: WipedBytes::from(message) }
}

impl HostedSwitch for Script {
    fn on_terminal_message(
        &mut self,
        line: TerminalConnection,
        dialect: &'static TerminalDialect,
        message: &mut [u8],
        _: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let mut seen = self.seen.lock().unwrap();
        seen.messages += 1;
        seen.dialects.insert(dialect.name);
        // The last byte of the STAN of [`echo`].
        if seen.wrong_macs && message[ECHO_STAN_END].is_multiple_of(2) {
            let (terminal, failure) = (TerminalId(12_345_678), AuthenticationFailure::WrongMac);
            let event = OperatorEvent::NotAuthenticated { connection: line, terminal, failure };
            out.push(Output::OperatorEvent(event));
        }
        if let Some(failure) = seen.failure {
            let terminal = TerminalId(12_345_678);
            let event = OperatorEvent::NotAuthenticated { connection: line, terminal, failure };
            out.push(Output::OperatorEvent(event));
        }
        let mut message = message.to_vec();
        if let Some(bytes) = seen.answer_bytes {
            message.resize(bytes, 0);
        }
        if seen.by_the_books {
            let ticket = 1_000 + seen.messages;
            self.asked.push((ticket, line, message));
            let command = open_books();
            out.push(Output::Command { ticket, by: Actor::System, command });
        } else if seen.hold {
            seen.held.push((line, message));
        } else {
            out.push(answer(line, message));
        }
    }

    fn on_line_closed(&mut self, line: TerminalConnection) {
        self.seen().closed.push(line);
    }

    fn on_link_up(&mut self, link: LinkId, _: Timestamp, out: &mut Vec<Output>) {
        self.seen().up.push(link);
        out.push(Output::ToNetwork { link, message: WipedBytes::from(b"sign-on".to_vec()) });
    }

    fn on_link_down(&mut self, link: LinkId, _: Timestamp, _: &mut Vec<Output>) {
        self.seen().down.push(link);
    }

    fn on_network_message(
        &mut self,
        link: LinkId,
        message: &mut [u8],
        _: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if message == b"drop" {
            out.push(Output::DisconnectLink { link });
        }
        self.seen().from_networks.push(message.to_vec());
    }

    fn on_command_answer(
        &mut self,
        ticket: u64,
        answered: Result<Vec<Event>, Refusal>,
        _: Timestamp,
        out: &mut Vec<Output>,
    ) {
        assert!(matches!(answered, Ok(_) | Err(Refusal::Repeated)), "{answered:?}");
        let place = self.asked.iter().position(|asked| asked.0 == ticket).unwrap();
        let (_, line, message) = self.asked.remove(place);
        out.push(answer(line, message));
    }

    fn on_query_result(&mut self, _: u64, _: QueryResult, _: Timestamp, _: &mut Vec<Output>) {}

    fn on_wallet_notification(
        &mut self,
        note: WalletNotification,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        let what = match note.reference.as_str() {
            "late" => WalletReply::Refund,
            "none" => WalletReply::UnknownOrder,
            "denied" => WalletReply::Contradiction,
            "busy" => WalletReply::RetryLater,
            _ => WalletReply::Accepted,
        };
        let held = note.reference == "kept";
        let mut seen = self.seen();
        seen.notes.push(note);
        seen.replies.push(Output::WalletReply { reply_id: reply, answer: what });
        if !held {
            out.append(&mut seen.replies);
        }
    }

    fn queued_reversals(&self) -> usize {
        0
    }

    fn is_signed_on(&self, _: LinkId) -> bool {
        true
    }

    fn withdrawn_from(&self, _: NetworkId) -> Option<Timestamp> {
        None
    }

    fn sign_off(&mut self, _: Timestamp, _: &mut Vec<Output>) {}

    fn on_phone_request(
        &mut self,
        _: PhoneRequest,
        reply_id: u64,
        _: Timestamp,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::PhoneReply { reply_id, answer: PhoneAnswer::Ended });
    }

    fn on_wallet_order_query(&mut self, _: WalletId, of: &str, reply: u64, out: &mut Vec<Output>) {
        let what = match of {
            "A1" => WalletReply::Order(OrderStatus::RefundDue, Amount::of(1_250)),
            _ => WalletReply::UnknownOrder,
        };
        out.push(Output::WalletReply { reply_id: reply, answer: what });
    }

    fn refunds_due(&self, _: WalletId) -> Vec<(String, u64)> {
        (0..self.seen().to_give_back).map(|number| (format!("{number:020}"), u64::MAX)).collect()
    }

    fn on_network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        self.seen().withdrawn.push((network, from));
    }

    fn change_settings(&mut self, settings: &Settings) {
        self.seen().answer_ms = Some(settings.timing.answer_ms);
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let mut seen = self.seen();
        seen.timer = seen.timer.filter(|timer| *timer > now);
        if std::mem::take(&mut seen.answer_held) {
            out.extend(seen.held.drain(..).map(|(line, message)| answer(line, message)));
        }
    }

    fn next_timer(&self) -> Option<Timestamp> {
        // Often enough to notice a change that a test makes.
        let seen = self.seen();
        seen.hold.then_some(Timestamp(0)).or(seen.timer)
    }

    fn stop(&mut self) {
        self.seen().stopped = true;
    }

    fn in_flight(&self) -> usize {
        self.asked.len() + self.seen().held.len()
    }
}

impl ScriptState {
    /// Answers the held messages.
    pub fn answer_held(&mut self) {
        self.answer_held = true;
    }
}

/// Collects the lines of a thread's log, without their time.
#[derive(Clone)]
struct LogLines(Arc<Mutex<Vec<String>>>);

impl LogLines {
    fn subscribe(self) -> tracing::subscriber::DefaultGuard {
        let log = tracing_subscriber::fmt().without_time().with_writer(move || self.clone());
        tracing::subscriber::set_default(log.finish())
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = std::str::from_utf8(bytes).unwrap().trim().to_owned();
        self.0.lock().unwrap().push(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub struct RunningHost {
    pub at: ListenAddresses,
    pub seen: Shared,
    pub stopper: Stopper,
    pub network_changes: NetworkChanges,
    pub changes: SettingsChanges,
    pub lines: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<StopOutcome>>,
}

impl RunningHost {
    /// With one listener for terminals.
    pub fn with(limits: ConnectionLimits) -> RunningHost {
        RunningHost::of(HostPlan { limits, terminals: vec![anywhere()], ..HostPlan::default() })
    }

    pub fn of(plan: HostPlan) -> RunningHost {
        RunningHost::with_clock(plan, Box::new(SystemClock))
    }

    pub fn with_clock(plan: HostPlan, clock: Box<dyn Clock>) -> RunningHost {
        let (sender, receiver) = sync_channel(1);
        let seen = Shared::default();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (log, script) =
            (LogLines(lines.clone()), Script { seen: seen.clone(), asked: Vec::new() });
        let thread = std::thread::spawn(move || {
            let _log = log.subscribe();
            let journal = Box::new(MemoryJournal::new());
            let node = Node::start(journal, Box::new(NoSnapshots), NodeOptions::default()).unwrap();
            let network = NetworkId::derived("alpha");
            let reference = "alpha".to_owned();
            let commands = [
                open_books(),
                Command::RegisterBank(RegisterBank {
                    bank: books::BankId(1),
                    currency: Currency::CNY,
                    reference: "bank".into(),
                }),
                Command::RegisterNetwork(RegisterNetwork {
                    network,
                    currency: Currency::CNY,
                    reference,
                }),
            ];
            let commands = commands.map(|command| (None, Submission::new(Actor::System, command)));
            let done = node.client().execute(commands.into());
            assert!(done.unwrap().iter().all(Result::is_ok));
            let mut door = Host::open(script, &node, plan, clock).unwrap();
            let stopper = (door.stopper(), door.network_changes(), door.settings_changes());
            sender.send((door.addresses().clone(), stopper)).unwrap();
            let ended = door.run().unwrap();
            drop(door);
            node.stop().unwrap();
            ended
        });
        let (at, handles) = receiver.recv_timeout(PATIENCE).unwrap();
        let (stopper, network_changes, changes) = handles;
        RunningHost { at, seen, stopper, network_changes, changes, lines, thread: Some(thread) }
    }

    pub fn terminal(&self) -> RawTerminal {
        RawTerminal::at(self.at.terminals[0])
    }

    pub fn seen(&self) -> MutexGuard<'_, ScriptState> {
        self.seen.lock().unwrap()
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&ScriptState) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.seen()) {
            assert!(begun.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn stop(mut self) -> StopOutcome {
        self.stopper.stop();
        self.join()
    }

    pub fn join(&mut self) -> StopOutcome {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for RunningHost {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stopper.stop();
            self.stopper.stop();
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the process died");
        }
    }
}

/// Any free port of this machine.
pub fn anywhere() -> TerminalListener {
    TerminalListener {
        address: local(),
        tls: None,
        certified: false,
        dialect: TerminalDialect::DOORSTEP,
    }
}

/// Any free port of this machine, for wallets.
pub fn for_wallets() -> ListenerPlan {
    ListenerPlan { address: local(), tls: None }
}

pub fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// By plain TCP.
pub struct RawTerminal(pub TcpStream);

impl RawTerminal {
    pub fn at(address: SocketAddr) -> RawTerminal {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        RawTerminal(stream)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next whole message, with its length prefix.
    pub fn receive(&mut self) -> Vec<u8> {
        receive(&mut self.0)
    }

    #[track_caller]
    pub fn echo(&mut self, stan: u32) {
        let message = echo(stan);
        self.send(&message);
        assert_eq!(self.receive(), message);
    }

    /// Whether the connection is refused.
    pub fn is_turned_away(&mut self) -> bool {
        // It may be closed already.
        let _ = self.0.write_all(&echo(1));
        self.is_closed()
    }

    /// Whether the other side closes it within [`PATIENCE`]; skips what it sends before.
    pub fn is_closed(&mut self) -> bool {
        let mut skipped = [0; 4_096];
        loop {
            match self.0.read(&mut skipped) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                }
            }
        }
    }
}

pub fn receive(stream: &mut impl Read) -> Vec<u8> {
    let mut message = vec![0; 2];
    stream.read_exact(&mut message).unwrap();
    let length = usize::from(u16::from_be_bytes([message[0], message[1]]));
    message.resize(2 + length, 0);
    stream.read_exact(&mut message[2..]).unwrap();
    message
}

/// The place of the last byte of an echo's STAN: after TPDU, header, MTI, bitmap and two bytes.
const ECHO_STAN_END: usize = 5 + 6 + 2 + 8 + 2;

/// An echo request with its length prefix.
pub fn echo(stan: u32) -> Vec<u8> {
    let message = MessageBuilder::new(&UNIONPAY_POS, Mti::M0820)
        .number(11, u64::from(stan))
        .text(41, "12345678")
        .build()
        .unwrap();
    let tpdu = Tpdu { destination: 3, source: 0 };
    let mut frame = Vec::new();
    Envelope { tpdu, header: PosHeader::NORMAL }.write(&mut frame, &message);
    framed(&frame)
}

/// Bytes with their length prefix.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length[..], bytes].concat()
}

/// Timeouts that a test can wait for.
pub fn short() -> ConnectionLimits {
    ConnectionLimits {
        handshake_timeout: Duration::from_millis(400),
        message_timeout: Duration::from_millis(400),
        ..ConnectionLimits::default()
    }
}

/// Opens the books with persons 1 and 2.
fn open_books() -> Command {
    let (first_person, second_person) = (PersonId(1), PersonId(2));
    let (utc_offset_minutes, trial) = (480, true);
    Command::OpenBooks(OpenBooks { utc_offset_minutes, first_person, second_person, trial })
}

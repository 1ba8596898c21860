//! Gateways: many terminals over one connection, and its loss.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use host::tls;
use host::{ConnectionLimits, Gateway, GatewayPlan, HostPlan, Stopper, TerminalListener};
use switch::TerminalDialect;

use crate::certificates::Authority;
use crate::script::{PATIENCE, RawTerminal, RunningHost, anywhere, echo, framed, local};
use crate::tls::{connect, is_let_in};

pub struct RunningGateway {
    /// The first address.
    pub at: SocketAddr,
    all: Vec<SocketAddr>,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl RunningGateway {
    pub fn to(engine: SocketAddr, authority: &Authority) -> RunningGateway {
        RunningGateway::with(engine, authority, ConnectionLimits::default())
    }

    pub fn with(
        engine: SocketAddr,
        authority: &Authority,
        limits: ConnectionLimits,
    ) -> RunningGateway {
        RunningGateway::listening(engine, authority, limits, vec![anywhere()])
    }

    pub fn listening(
        engine: SocketAddr,
        authority: &Authority,
        limits: ConnectionLimits,
        terminals: Vec<TerminalListener>,
    ) -> RunningGateway {
        let identity = authority.identity("gateway-1");
        let tls = tls::client(&authority.file, Some(&identity), "engine").unwrap();
        let plan = GatewayPlan { limits, terminals, engine, tls };
        let (sender, receiver) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut gateway = Gateway::open(plan).unwrap();
            sender.send((gateway.addresses().to_vec(), gateway.stopper())).unwrap();
            let _ended = gateway.run().unwrap();
        });
        let (all, stopper) = receiver.recv_timeout(PATIENCE).unwrap();
        RunningGateway { at: all[0], all, stopper, thread: Some(thread) }
    }

    /// A terminal that has been answered. What it sends before the engine is connected is lost.
    pub fn terminal(&self) -> RawTerminal {
        let mut terminal = RawTerminal::at(self.at);
        terminal.echo_until_answered();
        terminal
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        self.stopper.stop();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

impl RawTerminal {
    /// Repeats until an answer comes, as a terminal does.
    fn echo_until_answered(&mut self) {
        self.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let answered = (0..400).any(|_| {
            self.send(&echo(1));
            self.0.read(&mut [0; 2]).is_ok()
        });
        assert!(answered);
        // The rest of this answer, and the answers to earlier attempts.
        let mut rest = [0; 4_096];
        while self.0.read(&mut rest).is_ok() {}
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

fn engine(authority: &Authority, address: SocketAddr) -> RunningHost {
    let identity = authority.identity("engine");
    let tls = tls::server(&identity, Some(&authority.file)).unwrap();
    RunningHost::of(HostPlan { gateways: vec![(address, tls)], ..HostPlan::default() })
}

/// The frame that opens a line.
fn opened(line: u8, dialect: &str) -> Vec<u8> {
    let length = u8::try_from(5 + dialect.len()).unwrap();
    [&[0, 0, 0, length, 0, 0, 0, line, 1], dialect.as_bytes()].concat()
}

fn authority() -> (tempfile::TempDir, Authority) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    (directory, authority)
}

#[test]
fn many_terminals_share_one_connection_and_get_their_own_answers() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let gateway = RunningGateway::to(running.at.gateways[0], &authority);
    let mut terminals = vec![gateway.terminal()];
    terminals.extend((0..300).map(|_| RawTerminal::at(gateway.at)));
    for (stan, terminal) in (1..).zip(&mut terminals) {
        terminal.send(&echo(stan));
    }
    for (stan, terminal) in (1..).zip(&mut terminals) {
        assert_eq!(terminal.receive(), echo(stan));
    }
    drop(terminals.split_off(1));
    running.wait_until("300 lines are closed", |seen| seen.closed.len() == 300);
    terminals[0].echo(999);
    let lines = running.lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let connected = "INFO host: gateway connected gateway=\"gateway-1\" trusted=false fingerprint=";
    let digits = lines[0].strip_prefix(connected).unwrap().trim_matches('"');
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

#[test]
fn malformed_messages_do_not_reach_the_engine() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let gateway = RunningGateway::to(running.at.gateways[0], &authority);
    let mut good = gateway.terminal();
    let before = running.seen().messages;
    let mut unreadable = echo(1)[2..].to_vec();
    unreadable.pop();
    for bytes in [framed(&unreadable), framed(b"nonsense"), vec![0xFF; 40]] {
        let mut terminal = RawTerminal::at(gateway.at);
        terminal.send(&bytes);
        assert!(terminal.is_closed());
    }
    good.echo(2);
    assert_eq!(running.seen().messages, before + 1);
    assert!(running.seen().closed.is_empty(), "they never had a line");
}

#[test]
fn a_gateway_that_loses_its_engine_keeps_its_terminals() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let address = running.at.gateways[0];
    let gateway = RunningGateway::to(address, &authority);
    let mut terminal = gateway.terminal();
    running.seen().hold = true;
    terminal.send(&echo(5));
    running.wait_until("it is in flight", |seen| seen.held.len() == 1);
    running.stopper.stop();
    drop(running);
    let running = engine(&authority, address);
    terminal.echo_until_answered();
    terminal.echo(6);
    assert!(running.seen().messages >= 2);
}

#[test]
fn the_lines_of_a_gateway_that_dies_are_closed() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let gateway = RunningGateway::to(running.at.gateways[0], &authority);
    let _terminals: Vec<RawTerminal> = (0..5).map(|_| gateway.terminal()).collect();
    drop(gateway);
    running.wait_until("five lines are closed", |seen| seen.closed.len() == 5);
    let second = RunningGateway::to(running.at.gateways[0], &authority);
    second.terminal();
    running.wait_until("its line is another", |seen| seen.closed.len() == 6);
    let mut closed = running.seen().closed.clone();
    closed.dedup();
    assert_eq!(closed.len(), 6);
}

#[test]
fn only_a_gateway_with_our_certificate_is_admitted() {
    let (directory, authority) = authority();
    let others = Authority::new(directory.path(), "strangers");
    let running = engine(&authority, local());
    let address = running.at.gateways[0];
    let hello = [0, 0, 0, 6, 0, 0, 0, 0, 0, 2];
    let ours = authority.identity("gateway-1");
    assert!(is_let_in(&mut connect(address, &authority, Some(&ours), "engine"), &hello));
    let theirs = others.identity("gateway-1");
    assert!(!is_let_in(&mut connect(address, &authority, Some(&theirs), "engine"), &hello));
    assert!(!is_let_in(&mut connect(address, &authority, None, "engine"), &hello));
}

#[test]
fn with_a_list_of_names_only_those_gateways_are_admitted() {
    let (_directory, authority) = authority();
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let gateway_names = Some(vec!["Gateway-1".to_owned(), "gateway-2".to_owned()]);
    let gateways = vec![(local(), tls)];
    let running = RunningHost::of(HostPlan { gateways, gateway_names, ..HostPlan::default() });
    let address = running.at.gateways[0];
    let hello = [0, 0, 0, 6, 0, 0, 0, 0, 0, 2];
    for (name, may) in [("gateway-2", true), ("terminal-7", false), ("gateway-1", true)] {
        let identity = authority.identity(name);
        let mut session = connect(address, &authority, Some(&identity), "engine");
        assert_eq!(is_let_in(&mut session, &hello), may, "{name}");
    }
    let lines = running.lines.lock().unwrap().clone();
    let refused = "WARN host: gateway refused gateway=\"terminal-7\" \
                   reason=\"the name in its certificate is not in the list\"";
    assert_eq!(lines.iter().filter(|line| line.contains("refused")).count(), 1, "{lines:?}");
    assert!(lines.iter().any(|line| line == refused), "{lines:?}");
}

#[test]
fn a_gateway_says_the_dialect_of_each_listener_and_needs_trust_for_unionpays() {
    let (_directory, authority) = authority();
    for trusted in [false, true] {
        let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
        let running = RunningHost::of(HostPlan {
            gateways: vec![(local(), tls)],
            trusted_gateways: trusted.then(|| "Gateway-1".to_owned()).into_iter().collect(),
            ..HostPlan::default()
        });
        let unionpay = TerminalListener { dialect: TerminalDialect::UNIONPAY, ..anywhere() };
        let gateway = RunningGateway::listening(
            running.at.gateways[0],
            &authority,
            ConnectionLimits::default(),
            vec![anywhere(), unionpay],
        );
        gateway.terminal().echo(2);
        assert_eq!(running.seen().dialects, ["doorstep"].into());
        let mut terminal = RawTerminal::at(gateway.all[1]);
        terminal.send(&echo(3));
        if trusted {
            assert_eq!(terminal.receive(), echo(3));
            assert_eq!(running.seen().dialects, ["doorstep", "unionpay"].into());
        } else {
            assert!(terminal.is_closed());
            assert_eq!(running.seen().dialects, ["doorstep"].into());
            let refused = "terminal refused: its gateway is not trusted with its dialect";
            let lines = running.lines.lock().unwrap().clone();
            assert!(lines.iter().any(|line| line.contains(refused)), "{lines:?}");
        }
    }
}

#[test]
fn a_gateway_refuses_an_engine_of_another_authority() {
    let (directory, authority) = authority();
    let others = Authority::new(directory.path(), "strangers");
    let running = engine(&others, local());
    let gateway = RunningGateway::to(running.at.gateways[0], &authority);
    let mut terminal = RawTerminal::at(gateway.at);
    terminal.send(&echo(1));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(running.seen().messages, 0);
}

#[test]
fn a_gateway_that_breaks_the_protocol_is_disconnected() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let identity = authority.identity("gateway-1");
    let hello: &[u8] = &[0, 0, 0, 6, 0, 0, 0, 0, 0, 2];
    let opened = opened(1, "doorstep");
    let twice = opened.repeat(2);
    let (unknown, unnamed) = (self::opened(1, "morse"), self::opened(1, ""));
    let wrong: [(&[u8], &[u8]); 10] = [
        (hello, hello),
        (b"", &opened),
        (b"", &[0, 0, 0, 6, 0, 0, 0, 0, 0, 1]),
        (hello, &unknown),
        (hello, &unnamed),
        (hello, &[0, 0, 0, 6, 0, 0, 0, 1, 2, 0]),
        (hello, &[0, 0, 0, 5, 0, 0, 0, 1, 9]),
        (hello, &[0, 0, 0, 5, 0, 0, 0, 1, 4]),
        (hello, &twice),
        (hello, &[0xFF; 4]),
    ];
    for (before, wrong) in wrong {
        let mut session = connect(running.at.gateways[0], &authority, Some(&identity), "engine");
        session.write_all(&[before, wrong].concat()).unwrap();
        let mut heard = Vec::new();
        assert!(session.read_to_end(&mut heard).is_ok(), "{wrong:?}");
        assert_eq!(heard, hello);
    }
}

#[test]
fn messages_of_a_line_that_the_engine_has_just_closed_harm_no_other_line() {
    let (_directory, authority) = authority();
    let running = engine(&authority, local());
    let identity = authority.identity("gateway-1");
    let mut session = connect(running.at.gateways[0], &authority, Some(&identity), "engine");
    let said = |line: u8| {
        let message = &echo(1)[2..];
        let length = u8::try_from(5 + message.len()).unwrap();
        [&[0, 0, 0, length, 0, 0, 0, line, 2], message].concat()
    };
    let opened = |line: u8| opened(line, "doorstep");
    // An answer that is too long for a terminal closes its line.
    running.seen().answer_bytes = Some(60_000);
    let hello: &[u8] = &[0, 0, 0, 6, 0, 0, 0, 0, 0, 2];
    session.write_all(&[hello, &opened(1), &said(1)].concat()).unwrap();
    let mut heard = [0; 19];
    session.read_exact(&mut heard).unwrap();
    assert_eq!(heard[10..], [0, 0, 0, 5, 0, 0, 0, 1, 3]);
    running.seen().answer_bytes = None;
    session.write_all(&[said(1), opened(2), said(2)].concat()).unwrap();
    let mut answer = vec![0; said(2).len()];
    session.read_exact(&mut answer).unwrap();
    assert_eq!(answer, said(2));
    assert_eq!(running.seen().messages, 2);
}

#[test]
fn a_silent_engine_is_given_up_and_terminals_stay_connected() {
    let (_directory, authority) = authority();
    // It accepts and sends nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = RunningGateway::to(silent.local_addr().unwrap(), &authority);
    let first: TcpStream = silent.accept().unwrap().0;
    let mut terminal = RawTerminal::at(gateway.at);
    for stan in 0..20 {
        terminal.send(&echo(stan));
    }
    drop(first);
    let _second = silent.accept().unwrap();
    terminal.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(!terminal.is_closed());
}

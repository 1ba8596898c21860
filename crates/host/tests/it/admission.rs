//! Admission: quotas by kind and by address, and the timeout of the first message.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use host::control::{CONTROL_SOCKET, ControlRequest, send_request};
use host::limits::{CONTROL_ADMISSION, GATEWAY_ADMISSION, WALLET_ADMISSION};
use host::tls;
use host::{
    Admission, CloseReason, ConnectionId, ConnectionKind, ConnectionLimits, ConnectionPolicy,
    HostPlan, Quota, SocketService, Sockets, StreamFraming,
};

use crate::certificates::Authority;
use crate::gateway::RunningGateway;
use crate::script::{PATIENCE, RawTerminal, RunningHost, anywhere, for_wallets, local, short};

const ARRIVING: Quota = GATEWAY_ADMISSION.handshaking.unwrap();

/// Counts what happens.
#[derive(Default)]
struct Counter {
    opened: Vec<ConnectionKind>,
    closed: Vec<CloseReason>,
}

impl SocketService for Counter {
    fn opened(&mut self, _: &mut Sockets, _: ConnectionId, kind: ConnectionKind) {
        self.opened.push(kind);
    }

    fn message(&mut self, _: &mut Sockets, _: ConnectionId, _: ConnectionKind, _: &mut [u8]) {}

    fn closed(
        &mut self,
        _: &mut Sockets,
        _: ConnectionId,
        _: ConnectionKind,
        _: u64,
        why: CloseReason,
    ) {
        self.closed.push(why);
    }
}

fn policy(total_max: usize, per_address_max: usize) -> ConnectionPolicy {
    ConnectionPolicy {
        framing: StreamFraming::Lines,
        message_bytes_max: 100,
        idle_timeout: None,
        waiting_bytes_max: 100,
        in_flight_max: 0,
        admission: Some(Admission {
            open: Quota { total_max, per_address_max },
            handshaking: None,
        }),
    }
}

fn turn_until(sockets: &mut Sockets, counter: &mut Counter, done: impl Fn(&Sockets) -> bool) {
    let begun = Instant::now();
    while !done(sockets) {
        assert!(begun.elapsed() < PATIENCE);
        sockets.poll_once(Duration::from_millis(5), counter).unwrap();
    }
}

fn connections(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn a_full_quota_leaves_other_kinds_their_places() {
    let mut sockets = Sockets::new(ConnectionLimits::default()).unwrap();
    let kinds = [policy(2, 9), policy(9, 3)].map(|policy| sockets.add_kind(policy));
    let at = kinds.map(|kind| sockets.listen(local(), kind, 0, None).unwrap());
    let mut counter = Counter::default();
    let mut first = connections(at[0], 5);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().get(CloseReason::Full) == 3);
    let _second = connections(at[1], 5);
    turn_until(&mut sockets, &mut counter, |sockets| {
        sockets.endings().get(CloseReason::Address) == 2
    });
    assert_eq!(counter.opened, [kinds[0], kinds[0], kinds[1], kinds[1], kinds[1]]);
    // A connection that ends frees its place.
    first.clear();
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().get(CloseReason::Gone) == 2);
    let _third = connections(at[0], 1);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kinds[0]) == 1);
}

#[test]
fn a_user_who_is_not_admitted_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let [closed, open] = ["closed", "open"].map(|name| directory.path().join(name));
    let mut sockets = Sockets::new(ConnectionLimits::default()).unwrap();
    let kind = sockets.add_kind(policy(9, 9));
    sockets.listen_unix(&closed, kind, |_| false).unwrap();
    sockets.listen_unix(&open, kind, |_| true).unwrap();
    let mut counter = Counter::default();
    let _unauthenticated = UnixStream::connect(&closed).unwrap();
    turn_until(&mut sockets, &mut counter, |sockets| {
        sockets.endings().get(CloseReason::Foreign) == 1
    });
    assert!(counter.opened.is_empty());
    let _owner = UnixStream::connect(&open).unwrap();
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kind) == 1);
}

#[test]
fn unauthenticated_clients_at_the_gateway_port_take_nothing_from_terminals_and_time_out() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let limits = ConnectionLimits { connections_max: 1, ..short() };
    let (gateways, terminals) = (vec![(local(), tls)], vec![anywhere()]);
    let path = directory.path().join(CONTROL_SOCKET);
    let control = Some(path.clone());
    let running =
        RunningHost::of(HostPlan { limits, gateways, terminals, control, ..HostPlan::default() });
    let address = running.at.gateways[0];
    let mut unauthenticated = connections(address, ARRIVING.per_address_max);
    assert!(RawTerminal::at(address).is_closed(), "one more from the same address");
    assert_eq!(send_request(&path, &ControlRequest::Status {}).unwrap()["ended"]["address"], 1);
    running.terminal().echo(1);
    assert!(RawTerminal(unauthenticated.remove(0)).is_closed(), "no handshake in time");
    RunningGateway::to(address, &authority).terminal().echo(2);
}

/// Opens `count` connections from 127.0.0.`last`.
#[cfg(target_os = "linux")]
fn connections_from(last: u8, to: SocketAddr, count: usize) -> Vec<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let from = SocketAddr::from(([127, 0, 0, last], 0));
    let connection = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &from).unwrap();
        connect(&socket, &to).unwrap();
        TcpStream::from(socket)
    };
    (0..count).map(|_| connection()).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn unauthenticated_clients_from_many_addresses_keep_no_gateway_out() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let limits =
        ConnectionLimits { handshake_timeout: 10 * PATIENCE, ..ConnectionLimits::default() };
    let running =
        RunningHost::of(HostPlan { limits, gateways: vec![(local(), tls)], ..HostPlan::default() });
    let address = running.at.gateways[0];
    let Quota { total_max, per_address_max } = GATEWAY_ADMISSION.open;
    let addresses = u8::try_from(total_max / per_address_max).unwrap();
    let unauthenticated: Vec<_> =
        (2..2 + addresses).map(|last| connections_from(last, address, per_address_max)).collect();
    RunningGateway::to(address, &authority).terminal().echo(1);
    drop(unauthenticated);
}

#[test]
fn a_finished_handshake_frees_its_place_in_the_handshake_quota() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let mut sockets = Sockets::new(ConnectionLimits::default()).unwrap();
    let one = Quota { total_max: 1, per_address_max: 1 };
    let inside = Quota { total_max: 2, per_address_max: 9 };
    let admission = Some(Admission { open: inside, handshaking: Some(one) });
    let kind = sockets.add_kind(ConnectionPolicy { admission, ..policy(0, 0) });
    let address = sockets.listen(local(), kind, 0, Some(tls)).unwrap();
    let mut counter = Counter::default();
    let ours = authority.identity("gateway-1");
    let mut inside = Vec::new();
    for count in 1..=2 {
        let mut session = crate::tls::connect(address, &authority, Some(&ours), "engine");
        inside.push(std::thread::spawn(move || session.flush().map(|()| session)));
        let begun = Instant::now();
        while counter.opened.len() < count {
            assert!(begun.elapsed() < PATIENCE, "the earlier handshake still has its place");
            sockets.poll_once(Duration::from_millis(5), &mut counter).unwrap();
        }
    }
    let unauthenticated = connections(address, 2);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().get(CloseReason::Full) == 1);
    drop(unauthenticated);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kind) == 2);
    let mut third = crate::tls::connect(address, &authority, Some(&ours), "engine");
    let third = std::thread::spawn(move || third.flush().map(|()| third));
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().get(CloseReason::Full) == 2);
    assert_eq!(counter.opened.len(), 2, "the quota of open connections is full");
    for session in inside.into_iter().chain([third]) {
        let _ = session.join().unwrap();
    }
}

#[test]
fn full_terminal_quotas_leave_wallets_and_the_operator_their_places() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let running = RunningHost::of(HostPlan {
        limits: ConnectionLimits { connections_max: 1, ..ConnectionLimits::default() },
        terminals: vec![anywhere()],
        wallet_listeners: vec![for_wallets()],
        control: Some(path.clone()),
        ..HostPlan::default()
    });
    let mut terminal = running.terminal();
    terminal.echo(1);
    assert!(running.terminal().is_turned_away());
    let mut wallet = RawTerminal::at(running.at.wallets[0]);
    wallet.send(b"NONSENSE\r\n\r\n");
    let mut answer = String::new();
    wallet.0.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let status = send_request(&path, &ControlRequest::Status {}).unwrap();
    assert_eq!(status["terminals"], 1);
    assert_eq!(status["ended"]["full"], 1);
    // Wallets and operators have quotas, too.
    let wallets = connections(running.at.wallets[0], WALLET_ADMISSION.open.per_address_max);
    assert!(RawTerminal::at(running.at.wallets[0]).is_closed());
    assert_eq!(send_request(&path, &ControlRequest::Status {}).unwrap()["ended"]["address"], 1);
    let operators: Vec<_> = (0..CONTROL_ADMISSION.open.total_max)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    assert!(send_request(&path, &ControlRequest::Status {}).is_err());
    drop((wallets, operators));
    terminal.echo(2);
}

#[test]
fn a_connection_without_a_first_message_times_out_early() {
    let (terminals, wallets_listen) = (vec![anywhere()], vec![for_wallets()]);
    let running = RunningHost::of(HostPlan {
        limits: short(),
        terminals,
        wallet_listeners: wallets_listen,
        ..HostPlan::default()
    });
    let mut good = running.terminal();
    good.echo(1);
    let mut silent = running.terminal();
    let mut wallet = RawTerminal::at(running.at.wallets[0]);
    assert!(silent.is_closed() && wallet.is_closed());
    good.echo(2);
}

#[test]
fn a_terminal_silent_at_a_gateway_times_out_as_early() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let running =
        RunningHost::of(HostPlan { gateways: vec![(local(), tls)], ..HostPlan::default() });
    let gateway = RunningGateway::with(running.at.gateways[0], &authority, short());
    let mut good = gateway.terminal();
    let begun = Instant::now();
    assert!(RawTerminal::at(gateway.at).is_closed());
    assert!(begun.elapsed() < Duration::from_secs(5));
    good.echo(2);
}

#[test]
fn a_silent_gateway_times_out_as_early() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let (limits, gateways) = (short(), vec![(local(), tls)]);
    let running = RunningHost::of(HostPlan { limits, gateways, ..HostPlan::default() });
    let identity = authority.identity("gateway-1");
    let at = running.at.gateways[0];
    let mut session = crate::tls::connect(at, &authority, Some(&identity), "engine");
    let mut heard = Vec::new();
    let begun = Instant::now();
    session.flush().unwrap();
    // The engine's hello, and the end.
    assert!(session.read_to_end(&mut heard).is_ok());
    assert_eq!(heard.len(), 10);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

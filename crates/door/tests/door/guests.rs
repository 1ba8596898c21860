//! Who may come in: how many of each kind, from where, and how soon they must say something.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use door::control::{CONTROL_SOCKET, Order, order};
use door::limits::{CONTROL_GUESTS_MAX, GATEWAY_GUESTS_MAX, WALLET_GUESTS_MAX};
use door::tls;
use door::{Framing, Guests, Habits, Id, Kind, Limits, Places, Plan, Service, Sockets, Why};

use crate::certificates::Authority;
use crate::gateway::RunningGateway;
use crate::script::{PATIENCE, Running, Terminal, anywhere, local, short};

const ARRIVING: Places = GATEWAY_GUESTS_MAX.arriving.unwrap();

/// Somebody who only counts.
#[derive(Default)]
struct Counter {
    opened: Vec<Kind>,
    closed: Vec<Why>,
}

impl Service for Counter {
    fn opened(&mut self, _: &mut Sockets, _: Id, kind: Kind) {
        self.opened.push(kind);
    }

    fn message(&mut self, _: &mut Sockets, _: Id, _: Kind, _: &mut [u8]) {}

    fn closed(&mut self, _: &mut Sockets, _: Id, _: Kind, _: u64, why: Why) {
        self.closed.push(why);
    }
}

fn habits(total_max: usize, per_address_max: usize) -> Habits {
    Habits {
        framing: Framing::Lines,
        message_bytes_max: 100,
        idle: None,
        waiting_bytes_max: 100,
        in_flight_max: 0,
        guests: Some(Guests { inside: Places { total_max, per_address_max }, arriving: None }),
    }
}

fn turn_until(sockets: &mut Sockets, counter: &mut Counter, done: impl Fn(&Sockets) -> bool) {
    let begun = Instant::now();
    while !done(sockets) {
        assert!(begun.elapsed() < PATIENCE);
        sockets.turn(Duration::from_millis(5), counter).unwrap();
    }
}

fn connections(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn a_kind_that_is_full_leaves_the_others_their_room() {
    let mut sockets = Sockets::new(Limits::default()).unwrap();
    let kinds = [habits(2, 9), habits(9, 3)].map(|habits| sockets.add_kind(habits));
    let at = kinds.map(|kind| sockets.listen(local(), kind, None).unwrap());
    let mut counter = Counter::default();
    let mut first = connections(at[0], 5);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Full) == 3);
    let _second = connections(at[1], 5);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Address) == 2);
    assert_eq!(counter.opened, [kinds[0], kinds[0], kinds[1], kinds[1], kinds[1]]);
    // Who goes makes room for another of its kind.
    first.clear();
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Gone) == 2);
    let _third = connections(at[0], 1);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kinds[0]) == 1);
}

#[test]
fn a_user_who_is_not_admitted_is_not_listened_to() {
    let directory = tempfile::tempdir().unwrap();
    let [closed, open] = ["closed", "open"].map(|name| directory.path().join(name));
    let mut sockets = Sockets::new(Limits::default()).unwrap();
    let kind = sockets.add_kind(habits(9, 9));
    sockets.listen_here(&closed, kind, |_| false).unwrap();
    sockets.listen_here(&open, kind, |_| true).unwrap();
    let mut counter = Counter::default();
    let _stranger = UnixStream::connect(&closed).unwrap();
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Foreign) == 1);
    assert!(counter.opened.is_empty());
    let _owner = UnixStream::connect(&open).unwrap();
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kind) == 1);
}

#[test]
fn strangers_at_the_port_of_gateways_take_nothing_from_terminals_and_go_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let limits = Limits { connections_max: 1, ..short() };
    let (gateways, terminals) = (vec![(local(), tls)], vec![anywhere()]);
    let path = directory.path().join(CONTROL_SOCKET);
    let control = Some(path.clone());
    let running = Running::of(Plan { limits, gateways, terminals, control, ..Plan::default() });
    let address = running.at.gateways[0];
    let mut strangers = connections(address, ARRIVING.per_address_max);
    assert!(Terminal::at(address).is_closed(), "one more from the same address");
    assert_eq!(order(&path, &Order::Status {}).unwrap()["ended"]["address"], 1);
    running.terminal().echo(1);
    assert!(Terminal(strangers.remove(0)).is_closed(), "none shook hands in time");
    RunningGateway::to(address, &authority).terminal().echo(2);
}

/// As many connections from an address of this machine.
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
fn strangers_from_many_addresses_keep_no_gateway_out() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let limits = Limits { handshake: 10 * PATIENCE, ..Limits::default() };
    let running = Running::of(Plan { limits, gateways: vec![(local(), tls)], ..Plan::default() });
    let address = running.at.gateways[0];
    let Places { total_max, per_address_max } = GATEWAY_GUESTS_MAX.inside;
    let addresses = u8::try_from(total_max / per_address_max).unwrap();
    let strangers: Vec<_> =
        (2..2 + addresses).map(|last| connections_from(last, address, per_address_max)).collect();
    RunningGateway::to(address, &authority).terminal().echo(1);
    drop(strangers);
}

#[test]
fn who_has_shaken_hands_takes_a_place_inside_and_frees_one_of_those_who_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let mut sockets = Sockets::new(Limits::default()).unwrap();
    let one = Places { total_max: 1, per_address_max: 1 };
    let inside = Places { total_max: 2, per_address_max: 9 };
    let guests = Some(Guests { inside, arriving: Some(one) });
    let kind = sockets.add_kind(Habits { guests, ..habits(0, 0) });
    let address = sockets.listen(local(), kind, Some(tls)).unwrap();
    let mut counter = Counter::default();
    let ours = authority.identity("gateway-1");
    let mut inside = Vec::new();
    for count in 1..=2 {
        let mut session = crate::tls::connect(address, &authority, Some(&ours), "engine");
        inside.push(std::thread::spawn(move || session.flush().map(|()| session)));
        let begun = Instant::now();
        while counter.opened.len() < count {
            assert!(begun.elapsed() < PATIENCE, "the place of the one before is not free");
            sockets.turn(Duration::from_millis(5), &mut counter).unwrap();
        }
    }
    let strangers = connections(address, 2);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Full) == 1);
    drop(strangers);
    turn_until(&mut sockets, &mut counter, |sockets| sockets.count(kind) == 2);
    let mut third = crate::tls::connect(address, &authority, Some(&ours), "engine");
    let third = std::thread::spawn(move || third.flush().map(|()| third));
    turn_until(&mut sockets, &mut counter, |sockets| sockets.endings().of(Why::Full) == 2);
    assert_eq!(counter.opened.len(), 2, "inside it is full");
    for session in inside.into_iter().chain([third]) {
        let _ = session.join().unwrap();
    }
}

#[test]
fn full_terminals_leave_wallets_and_the_operator_their_room() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(CONTROL_SOCKET);
    let running = Running::of(Plan {
        limits: Limits { connections_max: 1, ..Limits::default() },
        terminals: vec![anywhere()],
        wallets_listen: vec![anywhere()],
        control: Some(path.clone()),
        ..Plan::default()
    });
    let mut terminal = running.terminal();
    terminal.echo(1);
    assert!(running.terminal().is_turned_away());
    let mut wallet = Terminal::at(running.at.wallets[0]);
    wallet.say(b"NONSENSE\r\n\r\n");
    let mut answer = String::new();
    wallet.0.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let status = order(&path, &Order::Status {}).unwrap();
    assert_eq!(status["terminals"], 1);
    assert_eq!(status["ended"]["full"], 1);
    // Nor do wallets and operators take more than their own.
    let wallets = connections(running.at.wallets[0], WALLET_GUESTS_MAX.inside.per_address_max);
    assert!(Terminal::at(running.at.wallets[0]).is_closed());
    assert_eq!(order(&path, &Order::Status {}).unwrap()["ended"]["address"], 1);
    let operators: Vec<_> = (0..CONTROL_GUESTS_MAX.inside.total_max)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    assert!(order(&path, &Order::Status {}).is_err());
    drop((wallets, operators));
    terminal.echo(2);
}

#[test]
fn who_says_nothing_at_first_goes_long_before_who_has_said_something() {
    let (terminals, wallets_listen) = (vec![anywhere()], vec![anywhere()]);
    let running =
        Running::of(Plan { limits: short(), terminals, wallets_listen, ..Plan::default() });
    let mut good = running.terminal();
    good.echo(1);
    let mut silent = running.terminal();
    let mut wallet = Terminal::at(running.at.wallets[0]);
    assert!(silent.is_closed() && wallet.is_closed());
    good.echo(2);
}

#[test]
fn a_terminal_that_says_nothing_to_a_gateway_goes_as_soon() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let running = Running::of(Plan { gateways: vec![(local(), tls)], ..Plan::default() });
    let gateway = RunningGateway::with(running.at.gateways[0], &authority, short());
    let mut good = gateway.terminal();
    let begun = Instant::now();
    assert!(Terminal::at(gateway.at).is_closed());
    assert!(begun.elapsed() < Duration::from_secs(5));
    good.echo(2);
}

#[test]
fn a_gateway_that_says_nothing_goes_as_soon() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let (limits, gateways) = (short(), vec![(local(), tls)]);
    let running = Running::of(Plan { limits, gateways, ..Plan::default() });
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

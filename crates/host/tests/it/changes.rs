//! Settings that change while the host runs.

use host::tls;
use host::{ConnectionLimits, HostPlan, NotRunning, TerminalListener};
use keys::KeyName;
use money::Currency;
use switch::{
    MerchantSettings, Settings, TerminalDialect, TerminalSettings, Timing, WrongPinLimits,
};

use crate::certificates::Authority;
use crate::gateway::RunningGateway;
use crate::script::{RawTerminal, RunningHost, anywhere, echo, local};
use crate::tls::{connect, is_let_in};

fn settings(answer_ms: u64) -> Settings {
    let name = |name: &str| KeyName::new(name).unwrap();
    Settings {
        utc_offset_minutes: 480,
        utc_offset_changes: Vec::new(),
        currencies: vec![Currency::CNY],
        country: *b"CN",
        shown_as: ("Doorstep".into(), "Shanghai".into()),
        merchant: MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: Vec::new(),
        },
        terminals: TerminalSettings {
            base_key: name("base"),
            derived_dialect: TerminalDialect::UNIONPAY,
            answer_s: 60,
            reversal_attempts_max: 3,
            echo_s: 300,
            wrong_pins: WrongPinLimits::default(),
        },
        networks: Vec::new(),
        bins: Vec::new(),
        wallet: None,
        token_key: name("token"),
        timing: Timing { answer_ms, ..Timing::default() },
    }
}

fn few(connections_max: usize) -> ConnectionLimits {
    ConnectionLimits { connections_max, ..ConnectionLimits::default() }
}

#[test]
fn other_limits_hold_for_the_next_connection_and_open_ones_stay() {
    let running = RunningHost::with(few(2));
    let mut open = [running.terminal(), running.terminal()];
    assert!(running.terminal().is_turned_away());
    let plan = |limits| HostPlan { limits, terminals: vec![anywhere()], ..HostPlan::default() };
    running.changes.apply(plan(few(3)), settings(1_234)).unwrap();
    assert_eq!(running.seen().answer_ms, Some(1_234), "the switch has them, too");
    let mut third = running.terminal();
    third.echo(1);
    assert!(running.terminal().is_turned_away());
    running.changes.apply(plan(few(1)), settings(1_234)).unwrap();
    for terminal in open.iter_mut().chain([&mut third]) {
        terminal.echo(2);
    }
    assert!(running.terminal().is_turned_away());
}

#[test]
fn new_connections_get_the_new_certificate_and_its_authorities() {
    // Each has its own, since the files of their certificates have the same names.
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [old, new] = [0, 1].map(|place: usize| Authority::new(directories[place].path(), "ca"));
    let listener = |authority: &Authority| {
        let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
        HostPlan {
            terminals: vec![TerminalListener { tls: Some(tls), ..anywhere() }],
            ..HostPlan::default()
        }
    };
    let running = RunningHost::of(listener(&old));
    let address = running.at.terminals[0];
    let [with_old, with_new] = [&old, &new].map(|authority| authority.identity("terminal"));
    let mut before = connect(address, &old, Some(&with_old), "engine");
    assert!(is_let_in(&mut before, &echo(1)));
    assert!(!is_let_in(&mut connect(address, &new, Some(&with_new), "engine"), &echo(1)));
    running.changes.apply(listener(&new), settings(1)).unwrap();
    assert!(is_let_in(&mut connect(address, &new, Some(&with_new), "engine"), &echo(1)));
    assert!(!is_let_in(&mut connect(address, &old, Some(&with_old), "engine"), &echo(1)));
    assert!(!is_let_in(&mut connect(address, &new, Some(&with_old), "engine"), &echo(1)));
    assert!(is_let_in(&mut before, &echo(2)), "an open connection stays");
}

#[test]
fn each_listener_has_a_dialect_and_certificates_of_its_own() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [first, old, new] = [0, 1, 2].map(|place: usize| {
        let directory = directories[place].path();
        Authority::new(directory, "ca")
    });
    let plan = |own: &Authority, unionpay: &Authority| {
        let listener = |authority: &Authority, dialect| {
            let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
            TerminalListener { tls: Some(tls), certified: true, dialect, ..anywhere() }
        };
        let terminals = vec![
            listener(own, TerminalDialect::DOORSTEP),
            listener(unionpay, TerminalDialect::UNIONPAY),
        ];
        HostPlan { terminals, ..HostPlan::default() }
    };
    let running = RunningHost::of(plan(&first, &old));
    let enters = |place: usize, authority: &Authority| {
        let identity = authority.identity("terminal");
        let address = running.at.terminals[place];
        is_let_in(&mut connect(address, authority, Some(&identity), "engine"), &echo(1))
    };
    assert!(enters(0, &first) && !enters(0, &old));
    assert_eq!(running.seen().dialects, ["doorstep"].into());
    assert!(enters(1, &old) && !enters(1, &first));
    assert_eq!(running.seen().dialects, ["doorstep", "unionpay"].into());
    running.changes.apply(plan(&first, &new), settings(1)).unwrap();
    assert!(enters(0, &first) && !enters(0, &new));
    assert!(enters(1, &new) && !enters(1, &old));
}

#[test]
fn tls_neither_begins_nor_ends_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let running = RunningHost::with(ConnectionLimits::default());
    let tls = Some(tls::server(&authority.identity("engine"), None).unwrap());
    let terminals = vec![TerminalListener { tls, ..anywhere() }];
    let plan = HostPlan { terminals, ..HostPlan::default() };
    running.changes.apply(plan, settings(1)).unwrap();
    RawTerminal::at(running.at.terminals[0]).echo(1);
}

#[test]
fn a_gateway_that_is_no_longer_listed_is_disconnected() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let tls = tls::server(&authority.identity("engine"), Some(&authority.file)).unwrap();
    let plan = |names: &[&str]| HostPlan {
        gateways: vec![(local(), tls.clone())],
        gateway_names: Some(names.iter().map(|&name| name.to_owned()).collect()),
        ..HostPlan::default()
    };
    let running = RunningHost::of(plan(&["gateway-1"]));
    let gateway = RunningGateway::to(running.at.gateways[0], &authority);
    let mut terminal = gateway.terminal();
    running.changes.apply(plan(&["gateway-1", "gateway-2"]), settings(1)).unwrap();
    terminal.echo(2);
    assert!(running.seen().closed.is_empty());
    running.changes.apply(plan(&["gateway-2"]), settings(1)).unwrap();
    running.wait_until("its terminals are gone", |seen| !seen.closed.is_empty());
    // Back in the list, it connects again by itself.
    running.changes.apply(plan(&["gateway-1"]), settings(1)).unwrap();
    gateway.terminal().echo(3);
}

#[test]
fn a_host_that_has_ended_takes_no_change() {
    let running = RunningHost::with(ConnectionLimits::default());
    let changes = running.changes.clone();
    running.stop();
    assert_eq!(changes.apply(HostPlan::default(), settings(1)), Err(NotRunning));
}

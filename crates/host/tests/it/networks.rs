//! The host connects its links to networks, and reconnects them.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use books::NetworkId;
use host::{HostPlan, NetworkLink};
use switch::LinkId;

use crate::script::{PATIENCE, RunningHost, framed, receive};

fn network() -> (TcpListener, RunningHost, LinkId) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = LinkId { network: NetworkId(7), number: 0 };
    let address = listener.local_addr().unwrap();
    let links = vec![NetworkLink { link, name: "alpha".into(), address, tls: None }];
    (listener, RunningHost::of(HostPlan { links, ..HostPlan::default() }), link)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let stream = listener.accept().unwrap().0;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_link_is_connected_and_carries_messages_both_ways() {
    let (listener, running, link) = network();
    let mut stream = accept(&listener);
    assert_eq!(receive(&mut stream), framed(b"sign-on"));
    stream.write_all(&[framed(b"one"), framed(b"two"), vec![0]].concat()).unwrap();
    stream.write_all(&framed(b"three")[1..]).unwrap();
    running.wait_until("three messages", |seen| seen.from_networks.len() == 3);
    assert_eq!(running.seen().from_networks, [&b"one"[..], b"two", b"three"]);
    assert_eq!(running.seen().up, [link]);
}

#[test]
fn a_link_that_is_lost_is_connected_again() {
    let (listener, running, link) = network();
    for lost in 1..=3 {
        let mut stream = accept(&listener);
        assert_eq!(receive(&mut stream), framed(b"sign-on"));
        stream.write_all(&framed(b"hello")).unwrap();
        running.wait_until("the message arrives", |seen| seen.from_networks.len() == lost);
        drop(stream);
        running.wait_until("it is down", |seen| seen.down.len() == lost);
    }
    assert_eq!(running.seen().down, [link; 3]);
}

#[test]
fn the_switch_can_drop_a_link() {
    let (listener, running, _) = network();
    let mut stream = accept(&listener);
    stream.write_all(&framed(b"drop")).unwrap();
    running.wait_until("it is down", |seen| seen.down.len() == 1);
    assert_eq!(receive(&mut accept(&listener)), framed(b"sign-on"));
}

#[test]
fn a_network_that_starts_late_is_connected() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let link = LinkId { network: NetworkId(7), number: 3 };
    let links = vec![NetworkLink { link, name: "alpha".into(), address, tls: None }];
    let running = RunningHost::of(HostPlan { links, ..HostPlan::default() });
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(running.seen().up.is_empty() && running.seen().down.is_empty());
    let lines = running.lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = "WARN host: link cannot be reached, connecting again network=alpha link=3 reason=";
    assert!(lines[0].starts_with(line), "{lines:?}");
    let listener = TcpListener::bind(address).unwrap();
    assert_eq!(receive(&mut accept(&listener)), framed(b"sign-on"));
}

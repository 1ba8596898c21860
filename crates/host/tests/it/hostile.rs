//! Malformed byte streams are closed, and other connections are not affected.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use host::ConnectionLimits;
use host::limits::{FAILURE_DELAY, FAILURES_FREE_MAX, FAILURES_SLOWED_MAX};
use switch::AuthenticationFailure;

use crate::random::Random;
use crate::script::{RawTerminal, RunningHost, echo, framed};

const STREAMS: u64 = 10_000;

fn bytes(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.byte()).collect()
}

/// One of several kinds of malformed input.
fn malformed(random: &mut Random) -> Vec<u8> {
    let length = random.below(200);
    match random.below(8) {
        0 => bytes(random, length),
        1 => framed(&bytes(random, length + 1)),
        2 => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        3 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        4 => vec![0xFF; 300],
        5 => vec![0; 2],
        6 => {
            let mut message = echo(1);
            let place = random.below(message.len());
            message[place] ^= 0x80;
            message
        }
        _ => {
            let mut message = echo(1);
            message.truncate(random.below(20));
            message
        }
    }
}

#[test]
fn ten_thousand_hostile_streams_are_cut_off_and_leave_the_good_ones_alone() {
    let running = RunningHost::with(ConnectionLimits {
        accepts_per_second_max: 100_000,
        ..ConnectionLimits::default()
    });
    let mut good: Vec<RawTerminal> = (0..20).map(|_| running.terminal()).collect();
    let mut random = Random(7);
    let mut hostile = Vec::new();
    for number in 0..STREAMS {
        let mut stream = TcpStream::connect(running.at.terminals[0]).unwrap();
        // It may be closed before everything is sent; that is allowed.
        let _ = stream.write_all(&malformed(&mut random));
        match number % 3 {
            0 => drop(stream),
            1 => {
                let _ = stream.shutdown(Shutdown::Write);
                hostile.push(stream);
            }
            _ => hostile.push(stream),
        }
        if number % 500 == 0 {
            let stan = u32::try_from(number / 500).unwrap() + 1;
            good.iter_mut().for_each(|terminal| terminal.echo(stan));
        }
        if hostile.len() > 2_000 {
            hostile.clear();
        }
    }
    hostile.clear();
    good.iter_mut().for_each(|terminal| terminal.echo(99));
    // Those that failed, and then a few in each second.
    let failing = usize::try_from(FAILURES_SLOWED_MAX).unwrap();
    running.wait_until("failing streams are closed", |seen| seen.closed.len() > failing);
    assert!(running.seen().closed.len() < 2_000);
    let lines = running.lines.lock().unwrap();
    assert!(lines.len() <= 60, "{} lines of log", lines.len());
    let alarms = lines.iter().filter(|line| line.starts_with("ERROR host: much fails"));
    let alarms: Vec<_> = alarms.collect();
    assert!(alarms.len() == 1 && alarms[0].contains("127.0.0.1"), "{alarms:?}");
}

#[test]
fn unknown_terminals_count_by_address_and_a_first_message_without_a_session_is_free() {
    use AuthenticationFailure::{NoSession, NotRegistered};
    for (failure, free) in [(NotRegistered, 0), (NoSession, 1)] {
        let running = RunningHost::with(ConnectionLimits::default());
        running.seen().failure = Some(failure);
        let mut terminal = running.terminal();
        let alarms = || {
            let lines = running.lines.lock().unwrap();
            lines.iter().filter(|line| line.starts_with("ERROR host: much fails")).count()
        };
        for stan in 0..FAILURES_FREE_MAX + free {
            terminal.echo(stan + 1);
        }
        assert_eq!(alarms(), 0, "{failure:?}");
        let begun = Instant::now();
        terminal.echo(99);
        terminal.echo(100);
        assert!(begun.elapsed() >= FAILURE_DELAY, "{failure:?}");
        terminal.echo(101);
        assert_eq!(alarms(), 1, "{failure:?}");
        let lines = running.lines.lock().unwrap().clone();
        let told = lines.iter().filter(|line| line.ends_with("address=127.0.0.1")).count();
        assert!(told >= 20, "{lines:#?}");
    }
}

#[test]
fn a_stream_of_garbage_is_closed_at_once() {
    let running = RunningHost::with(ConnectionLimits::default());
    let requests = [
        framed(b"\x61 not a TPDU of ISO 8583"),
        framed(&[0x60; 12]),
        framed(b"\x60\x00\x03\x00\x00\x60\x31\x00\x31\x10\x00\x02\x1A\0\0\0\0\0\0\0\0"),
        framed(b"\x60\x00\x03\x00\x00\x60\x31\x00\x31\x10\x00\x02\x10\0\0\0\0\0\0\0\0"),
        vec![0, 0],
        vec![0xFF, 0xFF],
    ];
    for request in requests {
        let mut terminal = running.terminal();
        terminal.0.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        terminal.send(&request);
        assert!(terminal.is_closed(), "{request:02X?}");
    }
    assert_eq!(running.seen().messages, 0);
}

//! Sends the requests of a load from one thread, over many connections: the client works on the
//! cores that are measured, so it is to cost little.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Latencies;
use crate::api_client::{ANSWER_BYTES_MAX, ReceivedReply};

/// After the end of a load what is not sent yet is not sent any more.
const LATE_MAX: Duration = Duration::from_secs(20);
/// Without any answer for so long the load is ended.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
const EVENTS: usize = 256;

/// Makes the requests of a load.
pub trait ApiRequests: Sync {
    fn request(&self, number: u64) -> Vec<u8>;
}

/// What one load saw.
#[derive(Default)]
pub struct Seen {
    pub latencies: Latencies,
    pub answered: u64,
    /// By status; 0 for no answer.
    pub errors: BTreeMap<u16, u64>,
    /// The numbers of the requests that were answered with 200, and the hashes of their answers.
    pub acknowledged: Vec<(u64, u64)>,
}

pub fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

/// The times of a load.
#[derive(Clone, Copy)]
pub struct LoadTimes {
    pub begun: Instant,
    pub lead_in: Duration,
    pub all: Duration,
    pub rate: u32,
}

impl LoadTimes {
    /// When a request is to be sent, from the beginning on. `None` after the end.
    fn due(&self, number: u64) -> Option<Duration> {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate.max(1));
        let due = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (due < self.all).then_some(due)
    }
}

/// A connection with at most one request.
struct LoadConnection {
    stream: TcpStream,
    /// The number of the request, and when it was due.
    in_flight: Option<(u64, Duration)>,
    /// What is still to be written.
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl LoadConnection {
    fn open(address: &str) -> anyhow::Result<LoadConnection> {
        let stream = std::net::TcpStream::connect(address).with_context(|| address.to_owned())?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (unsent, received) = (Vec::new(), Vec::new());
        let stream = TcpStream::from_std(stream);
        Ok(LoadConnection { stream, in_flight: None, unsent, received })
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what there is. The status and the hash of the answer, once it is whole.
    fn read(&mut self) -> anyhow::Result<Option<(u16, u64)>> {
        let mut block = [0; 16 << 10];
        loop {
            match self.stream.read(&mut block) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => {
                    self.received.extend_from_slice(&block[..count]);
                    ensure!(self.received.len() <= ANSWER_BYTES_MAX, "the answer is too long");
                    // A short read has read all.
                    if count < block.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some(reply) = ReceivedReply::parse(&self.received)? else { return Ok(None) };
        let found = (reply.status, hash(&self.received[reply.body]));
        self.received.clear();
        Ok(Some(found))
    }
}

/// A load that runs.
struct Load<'l> {
    address: &'l str,
    schedule: LoadTimes,
    poll: Poll,
    connections: Vec<LoadConnection>,
    free: Vec<usize>,
    keep: bool,
    seen: Seen,
}

impl Load<'_> {
    fn open(&mut self, count: usize) -> anyhow::Result<()> {
        for place in 0..count {
            let mut connection = LoadConnection::open(self.address)?;
            self.register(place, &mut connection)?;
            self.connections.push(connection);
            self.free.push(place);
        }
        Ok(())
    }

    fn register(&self, place: usize, connection: &mut LoadConnection) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut connection.stream, Token(place), both)
    }

    fn send(&mut self, place: usize, number: u64, due: Duration, request: Vec<u8>) {
        let connection = &mut self.connections[place];
        (connection.in_flight, connection.unsent) = (Some((number, due)), request);
        if connection.write().is_err() {
            self.broke(place);
        }
    }

    fn on_event(&mut self, place: usize) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        match connection.write().map_err(anyhow::Error::from).and_then(|()| connection.read()) {
            Ok(Some((status, body))) => self.answered(place, status, body),
            Ok(None) => {}
            Err(_) => self.broke(place),
        }
    }

    fn answered(&mut self, place: usize, status: u16, body: u64) {
        let Some((number, due)) = self.connections[place].in_flight.take() else { return };
        let took = self.schedule.begun.elapsed().saturating_sub(due);
        if due >= self.schedule.lead_in {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.seen.latencies.add(micros, 1);
            self.seen.answered += u64::from(status == 200);
        }
        if status != 200 {
            *self.seen.errors.entry(status).or_default() += 1;
        } else if self.keep {
            self.seen.acknowledged.push((number, body));
        }
        self.free.push(place);
    }

    /// The connection ended: its request has no answer, and another one is opened.
    fn broke(&mut self, place: usize) {
        let opened = LoadConnection::open(self.address);
        let in_flight = self.connections[place].in_flight;
        if let Ok(mut connection) = opened
            && self.register(place, &mut connection).is_ok()
        {
            connection.in_flight = in_flight;
            self.connections[place] = connection;
            self.answered(place, 0, 0);
        } else if in_flight.is_some() {
            *self.seen.errors.entry(0).or_default() += 1;
            self.connections[place].in_flight = None;
        }
    }

    fn is_idle(&self) -> bool {
        self.connections.iter().all(|one| one.in_flight.is_none())
    }
}

/// Sends what is due, each request at its time or as soon after it as a connection is free.
pub fn send(
    address: &str,
    requests: &dyn ApiRequests,
    schedule: LoadTimes,
    connections: u32,
    keep: bool,
) -> anyhow::Result<Seen> {
    let (poll, seen) = (Poll::new()?, Seen::default());
    let (opened, free) = (Vec::new(), Vec::new());
    let mut load = Load { address, schedule, poll, connections: opened, free, keep, seen };
    load.open(connections as usize)?;
    let (mut events, mut next) = (Events::with_capacity(EVENTS), 0);
    loop {
        let now = schedule.begun.elapsed();
        let is_late = now > schedule.all + LATE_MAX;
        let due = schedule.due(next).filter(|_| !is_late);
        if let Some(due) = due.filter(|due| *due <= now)
            && let Some(place) = load.free.pop()
        {
            load.send(place, next, due, requests.request(next));
            next += 1;
            continue;
        }
        if due.is_none() && load.is_idle() {
            break;
        }
        let wait = match due {
            Some(due) if !load.free.is_empty() => due.saturating_sub(now),
            _ => ANSWER_WAIT,
        };
        match load.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        ensure!(wait < ANSWER_WAIT || !events.is_empty(), "the API answers nothing any more");
        for event in &events {
            load.on_event(event.token().0);
        }
    }
    let unsent = (next..).take_while(|number| schedule.due(*number).is_some()).count();
    if unsent > 0 {
        *load.seen.errors.entry(0).or_default() += unsent as u64;
    }
    Ok(load.seen)
}

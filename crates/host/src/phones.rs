//! Requests of couriers' phones, from the threads of the web server.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::Waker;
use switch::{PhoneAnswer, PhoneRefusal, PhoneRequest};

/// An answer waits for the journal, three times at most.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

type AskedByPhone = (PhoneRequest, Sender<PhoneAnswer>);

/// Asks a running host for a courier, from another thread.
#[derive(Clone)]
pub struct PhoneRequests {
    asked: Sender<AskedByPhone>,
    waker: Arc<Waker>,
}

impl PhoneRequests {
    /// Waits for the answer, for at most ten seconds. What was asked for may happen after that; the
    /// same request again gets its answer.
    #[must_use]
    pub fn ask(&self, request: PhoneRequest) -> PhoneAnswer {
        let (answer, answered) = channel();
        let sent = self.asked.send((request, answer)).is_ok() && self.waker.wake().is_ok();
        let heard = answered.recv_timeout(if sent { ANSWER_WAIT } else { Duration::ZERO });
        heard.unwrap_or(PhoneAnswer::Refused(PhoneRefusal::Later))
    }
}

/// The requests that wait for the switch.
pub(crate) struct WaitingPhones {
    requests: PhoneRequests,
    asked: Receiver<AskedByPhone>,
    waiting: HashMap<u64, Sender<PhoneAnswer>>,
    latest: u64,
}

impl WaitingPhones {
    pub(crate) fn new(waker: Arc<Waker>) -> WaitingPhones {
        let (sender, asked) = channel();
        let requests = PhoneRequests { asked: sender, waker };
        WaitingPhones { requests, asked, waiting: HashMap::new(), latest: 0 }
    }

    pub(crate) fn requests(&self) -> PhoneRequests {
        self.requests.clone()
    }

    /// The next request, with its number.
    pub(crate) fn next(&mut self) -> Option<(PhoneRequest, u64)> {
        let (request, answer) = self.asked.try_recv().ok()?;
        self.latest += 1;
        self.waiting.insert(self.latest, answer);
        Some((request, self.latest))
    }

    pub(crate) fn reply(&mut self, reply_id: u64, answer: PhoneAnswer) {
        if let Some(waiting) = self.waiting.remove(&reply_id) {
            // Whoever waits for it may have given up.
            let _ = waiting.send(answer);
        }
    }
}

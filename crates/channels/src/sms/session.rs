//! A bound connection to an SMS centre. Several threads submit at once; one thread reads, answers
//! the SMS centre and keeps the link alive.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection};
use secrecy::ExposeSecret;

use super::pdu::{self, NotSmpp, Pdu};
use super::receipt::SmsReceipt;
use super::{ReceiptSink, SmsBind, SmsSettings};
use crate::net::DeadlineStream;

/// Messages on their way to the SMS centre. Ten is what most SMS centres allow.
const WINDOW: usize = 10;
/// An SMS centre that takes no bytes for this time is gone.
const WRITE_MS_MAX: u64 = 10_000;
/// The wait for the answer to an unbind.
const UNBIND_MS_MAX: u64 = 2_000;
const SEQUENCE_MAX: u32 = 0x7fff_ffff;

pub(super) struct SmppSession {
    wire: Wire,
    answers: Mutex<Answers>,
    /// An answer came, or the session ended.
    changed: Condvar,
}

/// The answer to a submit_sm.
pub(super) struct Submitted {
    pub status: u32,
    pub message_id: String,
}

pub(super) enum SubmitFailure {
    NotSent(&'static str),
    NotKnown(&'static str),
}

struct Answers {
    next: u32,
    waiting: HashMap<u32, SyncSender<Submitted>>,
    is_open: bool,
}

impl SmppSession {
    /// Connects and binds.
    ///
    /// # Errors
    /// Why there is no bound session.
    pub fn bind(
        settings: &SmsSettings,
        tls: Option<&Arc<ClientConfig>>,
        sink: Arc<ReceiptSink>,
        until: Instant,
    ) -> Result<(Arc<SmppSession>, JoinHandle<()>), String> {
        let wire = Wire::connect(settings, tls, until)?;
        let command = match settings.bind {
            SmsBind::Transmitter => pdu::BIND_TRANSMITTER,
            SmsBind::Transceiver => pdu::BIND_TRANSCEIVER,
        };
        let body = pdu::bind(&settings.system_id, settings.password.expose_secret());
        let no_bind = |_| "the SMS centre closed the connection before the bind".to_owned();
        wire.write(&pdu::pdu(command, pdu::STATUS_OK, 1, &body)).map_err(no_bind)?;
        let mut received = Vec::new();
        let length = loop {
            match pdu::first(&received).map_err(|NotSmpp| "the SMS centre speaks no SMPP")? {
                Some((answer, length)) => {
                    let is_bind = answer.command == command | pdu::RESPONSE;
                    if answer.status != pdu::STATUS_OK || !is_bind {
                        let status = answer.status;
                        return Err(format!("the SMS centre refused the bind: status {status:#x}"));
                    }
                    break length;
                }
                None => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err("the SMS centre did not answer the bind in time".to_owned());
                    }
                    wire.limit_reads(left).map_err(no_bind)?;
                    match wire.read(&mut received) {
                        Ok(0) => return Err(no_bind(io::ErrorKind::UnexpectedEof.into())),
                        Err(error) if !is_late(&error) => return Err(no_bind(error)),
                        Ok(_) | Err(_) => {}
                    }
                }
            }
        };
        received.drain(..length);
        wire.limit_reads(settings.enquire_after).map_err(no_bind)?;
        let answers = Answers { next: 2, waiting: HashMap::new(), is_open: true };
        let (answers, changed) = (Mutex::new(answers), Condvar::new());
        let session = Arc::new(SmppSession { wire, answers, changed });
        let reading = Arc::clone(&session);
        let read = move || {
            reading.read(received, &*sink);
            reading.close();
        };
        let thread = thread::Builder::new().name("smpp".to_owned()).spawn(read);
        thread
            .map(|thread| (session, thread))
            .map_err(|_| "no thread for the SMS centre".to_owned())
    }

    pub fn is_open(&self) -> bool {
        self.answers().is_open
    }

    /// Sends a submit_sm and waits for its answer.
    pub fn submit(&self, body: &[u8], until: Instant) -> Result<Submitted, SubmitFailure> {
        let (sequence, answer) = {
            let mut answers = self.answers();
            while answers.is_open && answers.waiting.len() >= WINDOW {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(SubmitFailure::NotSent("too many messages wait for an answer"));
                }
                let waited = self.changed.wait_timeout(answers, left);
                answers = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            if !answers.is_open {
                return Err(SubmitFailure::NotSent("the connection to the SMS centre ended"));
            }
            let (sender, receiver) = sync_channel(1);
            let sequence = answers.sequence();
            answers.waiting.insert(sequence, sender);
            (sequence, receiver)
        };
        if self.wire.write(&pdu::pdu(pdu::SUBMIT_SM, pdu::STATUS_OK, sequence, body)).is_err() {
            // A PDU without its last byte is none.
            self.close();
            return Err(SubmitFailure::NotSent("the SMS centre took no more bytes"));
        }
        match answer.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(submitted) => Ok(submitted),
            Err(RecvTimeoutError::Timeout) => {
                self.answers().waiting.remove(&sequence);
                self.changed.notify_all();
                Err(SubmitFailure::NotKnown("the SMS centre did not answer in time"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(SubmitFailure::NotKnown("the connection ended before the SMS centre's answer"))
            }
        }
    }

    /// Unbinds, if the SMS centre still listens, and ends the connection.
    pub fn unbind(&self) {
        let sequence = self.answers().sequence();
        if self.wire.write(&pdu::pdu(pdu::UNBIND, pdu::STATUS_OK, sequence, &[])).is_ok() {
            let limit = Duration::from_millis(UNBIND_MS_MAX);
            let answers = self.answers();
            let _ = self.changed.wait_timeout_while(answers, limit, |answers| answers.is_open);
        }
        self.close();
    }

    /// Whoever waits for an answer is woken.
    pub fn close(&self) {
        let mut answers = self.answers();
        answers.is_open = false;
        answers.waiting.clear();
        self.changed.notify_all();
        drop(answers);
        self.wire.close();
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, mut received: Vec<u8>, sink: &ReceiptSink) {
        let mut has_enquired = false;
        loop {
            let taken = match pdu::first(&received) {
                Ok(Some((pdu, length))) => match self.take(&pdu, sink) {
                    true => Some(length),
                    false => return,
                },
                Ok(None) => None,
                Err(NotSmpp) => return,
            };
            if let Some(length) = taken {
                received.drain(..length);
                continue;
            }
            match self.wire.read(&mut received) {
                Ok(0) => return,
                Ok(_) => has_enquired = false,
                Err(error) if is_late(&error) && !has_enquired => {
                    let sequence = self.answers().sequence();
                    let enquire = pdu::pdu(pdu::ENQUIRE_LINK, pdu::STATUS_OK, sequence, &[]);
                    if self.wire.write(&enquire).is_err() {
                        return;
                    }
                    has_enquired = true;
                }
                Err(_) => return,
            }
        }
    }

    /// Whether the session goes on.
    fn take(&self, pdu: &Pdu<'_>, sink: &ReceiptSink) -> bool {
        const SUBMITTED: u32 = pdu::SUBMIT_SM | pdu::RESPONSE;
        const UNBOUND: u32 = pdu::UNBIND | pdu::RESPONSE;
        let answer = match pdu.command {
            SUBMITTED | pdu::GENERIC_NACK => {
                if let Some(waiting) = self.answers().waiting.remove(&pdu.sequence) {
                    let message_id = pdu::message_id(pdu.body);
                    let _ = waiting.send(Submitted { status: pdu.status, message_id });
                }
                self.changed.notify_all();
                return true;
            }
            command if command & pdu::RESPONSE != 0 => return command != UNBOUND,
            pdu::DELIVER_SM => {
                let message = pdu::deliver(pdu.body);
                if let Some(receipt) = message.as_ref().and_then(SmsReceipt::of) {
                    sink(receipt);
                }
                // An empty message id.
                pdu::pdu(pdu::DELIVER_SM | pdu::RESPONSE, pdu::STATUS_OK, pdu.sequence, &[0])
            }
            pdu::ENQUIRE_LINK | pdu::UNBIND => {
                pdu::pdu(pdu.command | pdu::RESPONSE, pdu::STATUS_OK, pdu.sequence, &[])
            }
            _ => pdu::pdu(pdu::GENERIC_NACK, pdu::STATUS_INVALID_COMMAND, pdu.sequence, &[]),
        };
        self.wire.write(&answer).is_ok() && pdu.command != pdu::UNBIND
    }
}

impl Answers {
    fn sequence(&mut self) -> u32 {
        let sequence = self.next;
        self.next = if sequence == SEQUENCE_MAX { 1 } else { sequence + 1 };
        sequence
    }
}

/// A connection that one thread reads while others write.
struct Wire {
    socket: TcpStream,
    tls: Option<Mutex<ClientConnection>>,
    /// One PDU after the other.
    writing: Mutex<()>,
}

impl Wire {
    fn connect(
        settings: &SmsSettings,
        tls: Option<&Arc<ClientConfig>>,
        until: Instant,
    ) -> Result<Wire, String> {
        let plain = DeadlineStream::connect(&settings.server, settings.port, until)?;
        let (socket, tls) = match tls {
            None => (plain.into_socket(), None),
            Some(client) => {
                let stream = plain.with_tls(&settings.server, client)?;
                let (connection, plain) = stream.into_parts();
                (plain.into_socket(), Some(Mutex::new(connection)))
            }
        };
        let limited = socket.set_write_timeout(Some(Duration::from_millis(WRITE_MS_MAX)));
        limited.map_err(|_| "no time limit for the connection".to_owned())?;
        Ok(Wire { socket, tls, writing: Mutex::new(()) })
    }

    /// Reads what is there after waiting for it, and appends it. TLS can take bytes and give none.
    fn read(&self, received: &mut Vec<u8>) -> io::Result<usize> {
        let mut chunk = [0; 4_096];
        let count = (&self.socket).read(&mut chunk)?;
        let Some(tls) = &self.tls else {
            received.extend_from_slice(&chunk[..count]);
            return Ok(count);
        };
        let mut tls = tls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut encrypted = &chunk[..count];
        while !encrypted.is_empty() {
            // After its close_notify rustls takes nothing more.
            if tls.read_tls(&mut encrypted)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let state = tls.process_new_packets().map_err(|_| io::ErrorKind::InvalidData)?;
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut plain)?;
            received.extend(plain);
        }
        self.write_tls(&mut tls)?;
        Ok(count)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tls) = &self.tls else { return (&self.socket).write_all(bytes) };
        let mut tls = tls.lock().unwrap_or_else(PoisonError::into_inner);
        tls.writer().write_all(bytes)?;
        self.write_tls(&mut tls)
    }

    fn write_tls(&self, tls: &mut ClientConnection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }

    fn limit_reads(&self, limit: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(limit))
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

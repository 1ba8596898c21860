//! The API's sockets. The door comes first: its threads are nicer than those of the switch.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::app::{WebParts, router};
use crate::http_server::{AnswerCounts, HttpServer, ServerLimits};
use crate::limits::{STOP_SECONDS_MAX, WORKERS_MAX};
use crate::recorder::Recorder;

/// The nice value of the server's threads.
const NICE: i32 = 10;
/// Threads that read and write sockets.
const SOCKET_THREADS: usize = 2;

/// Lets the door come first, on this thread. If it cannot be had, that does no harm.
pub(crate) fn be_nice() {
    let _ = rustix::process::nice(NICE);
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error(
        "{address}: without TLS the API listens on this machine only, because everybody on the way \
         could read keys and passwords; give web.tls, or use 127.0.0.1"
    )]
    PlainBeyondLoopback { address: SocketAddr },
    #[error("{address} cannot be opened: {source}; free it, or give another address")]
    NotOpened { address: SocketAddr, source: io::Error },
    #[error("the operating system returns no random numbers: {0}; start again")]
    NoRandomness(getrandom::Error),
    #[error("the threads of the API cannot be started: {0}; raise the limit of threads")]
    NotStarted(io::Error),
}

/// Where the server listens: opened, so that nobody else takes it before the server starts.
pub struct WebListen {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

impl WebListen {
    /// Opens the addresses. Without TLS only those of this machine.
    ///
    /// # Errors
    /// An address cannot be opened, or must not be.
    pub fn open(
        addresses: &[SocketAddr],
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<WebListen, WebError> {
        let is_beyond = |at: &&SocketAddr| !at.ip().to_canonical().is_loopback();
        match addresses.iter().find(is_beyond).filter(|_| tls.is_none()) {
            Some(&address) => Err(WebError::PlainBeyondLoopback { address }),
            None => WebListen::open_any(addresses, tls),
        }
    }

    /// Whether nobody else than this machine reaches it.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let mut addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.all(|at| at.is_ok_and(|at| at.ip().to_canonical().is_loopback()))
    }

    /// Opens the addresses, also beyond this machine without TLS.
    ///
    /// # Errors
    /// An address cannot be opened.
    pub fn open_any(
        addresses: &[SocketAddr],
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<WebListen, WebError> {
        let mut listeners = Vec::new();
        for &address in addresses {
            let not_opened = |source| WebError::NotOpened { address, source };
            let listener = TcpListener::bind(address).map_err(not_opened)?;
            listener.set_nonblocking(true).map_err(not_opened)?;
            listeners.push(listener);
        }
        Ok(WebListen { listeners, tls })
    }
}

/// A server that runs until it is stopped or dropped.
pub struct WebServer {
    server: HttpServer,
    answers: Arc<AnswerCounts>,
    recorder: Option<Recorder>,
}

impl WebServer {
    /// Begins to answer.
    ///
    /// # Errors
    /// No threads or no randomness.
    pub fn start(listen: WebListen, parts: WebParts) -> Result<WebServer, WebError> {
        let client = (parts.make_giver)().client;
        let recorder = Recorder::start(parts.store.clone(), client, parts.on_failure);
        let recorder = Some(recorder.map_err(WebError::NotStarted)?);
        let answers = Arc::new(AnswerCounts::default());
        let connections_max = parts.connections_max;
        let router = router(parts).map_err(WebError::NoRandomness)?;
        let limits = ServerLimits::of(connections_max, SOCKET_THREADS, WORKERS_MAX);
        let server = HttpServer::start(listen, router, limits, answers.clone())?;
        Ok(WebServer { server, answers, recorder })
    }

    /// The addresses that are open.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// What it has answered since it started.
    #[must_use]
    pub fn answers(&self) -> Arc<AnswerCounts> {
        self.answers.clone()
    }

    /// Takes no more requests, and waits a little for those in work.
    pub fn stop(mut self) {
        self.server.stop_within(Duration::from_secs(STOP_SECONDS_MAX));
        // Last: what the last requests did is recorded too.
        drop(self.recorder.take());
    }
}

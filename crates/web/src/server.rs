//! The sockets: accepts connections within limits, by TLS or on this machine only, and stops
//! gracefully. The door comes first: its threads are nicer than those of the switch.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::app::{PeerAddress, WebParts, router};
use crate::bare_errors::WithProblems;
use crate::limits::{
    HANDSHAKE_SECONDS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, KEPT_CONNECTIONS_DIVISOR,
    STOP_SECONDS_MAX, WORKERS_MAX,
};
use crate::recorder::Recorder;
use crate::senders::Sender;

/// The nice value of the server's threads.
const NICE: i32 = 10;
/// Threads that read and write sockets.
const SOCKET_THREADS: usize = 2;
/// Without a file descriptor left, the next try may have one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Headers of a request.
const HEADERS_MAX: usize = 64;

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
    #[error("{address} cannot be opened: {source}; free it, or give another address in web.listen")]
    NotOpened { address: SocketAddr, source: io::Error },
    #[error("the operating system returns no random numbers: {0}; start again")]
    NoRandomness(getrandom::Error),
    #[error("the threads of the API cannot be started: {0}; raise the limit of threads")]
    NotStarted(io::Error),
}

/// Where the server listens: opened, so that nobody else takes it before the server starts.
pub struct WebListen {
    listeners: Vec<TcpListener>,
    tls: Option<Arc<ServerConfig>>,
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
        let mut listeners = Vec::new();
        for &address in addresses {
            if tls.is_none() && !address.ip().to_canonical().is_loopback() {
                return Err(WebError::PlainBeyondLoopback { address });
            }
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
    addresses: Vec<SocketAddr>,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    connections_max: usize,
    recorder: Option<Recorder>,
}

impl WebServer {
    /// Begins to answer.
    ///
    /// # Errors
    /// No threads or no randomness.
    pub fn start(listen: WebListen, parts: WebParts) -> Result<WebServer, WebError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(SOCKET_THREADS)
            .max_blocking_threads(WORKERS_MAX)
            .thread_name("doorstep-web")
            .on_thread_start(be_nice)
            .enable_io()
            .enable_time()
            .build()
            .map_err(WebError::NotStarted)?;
        let client = (parts.make_giver)().client;
        let recorder = Recorder::start(parts.store.clone(), client, parts.on_failure);
        let recorder = Some(recorder.map_err(WebError::NotStarted)?);
        let (stop, stopped) = watch::channel(false);
        let connections_max = parts.connections_max;
        let connections = Arc::new(Semaphore::new(connections_max));
        let served = Served {
            router: router(parts).map_err(WebError::NoRandomness)?,
            tls: listen.tls.map(TlsAcceptor::from),
            stopped,
            connections: connections.clone(),
            of_addresses: AddressConnections::new(connections_max),
        };
        let mut addresses = Vec::new();
        for listener in listen.listeners {
            addresses.push(listener.local_addr().map_err(WebError::NotStarted)?);
            let guard = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener);
            drop(guard);
            let listener = listener.map_err(WebError::NotStarted)?;
            runtime.spawn(served.clone().accept(listener));
        }
        let runtime = Some(runtime);
        Ok(WebServer { addresses, runtime, stop, connections, connections_max, recorder })
    }

    /// The addresses that are open.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more requests, and waits a little for those in work.
    pub fn stop(mut self) {
        self.stop_within(Duration::from_secs(STOP_SECONDS_MAX));
    }

    fn stop_within(&mut self, within: Duration) {
        let Some(runtime) = self.runtime.take() else { return };
        let _ = self.stop.send(true);
        let all = u32::try_from(self.connections_max).unwrap_or(u32::MAX);
        let connections = self.connections.clone();
        runtime.block_on(async {
            let _ = tokio::time::timeout(within, connections.acquire_many(all)).await;
        });
        runtime.shutdown_timeout(within);
        // Last: what the last requests did is recorded too.
        drop(self.recorder.take());
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop_within(Duration::ZERO);
    }
}

#[derive(Clone)]
struct Served {
    router: Router,
    tls: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
    connections: Arc<Semaphore>,
    of_addresses: AddressConnections,
}

/// How many connections each address has. One address cannot have them all.
#[derive(Clone)]
struct AddressConnections {
    most: usize,
    open: Arc<Mutex<HashMap<Sender, usize>>>,
}

/// Counts a connection as long as it lives.
struct AddressConnection {
    of: AddressConnections,
    address: Sender,
}

impl AddressConnections {
    fn new(connections_max: usize) -> AddressConnections {
        let most = connections_max - connections_max / KEPT_CONNECTIONS_DIVISOR;
        AddressConnections { most, open: Arc::default() }
    }

    /// `None` if the address has as many as it may have.
    fn begin(&self, address: IpAddr) -> Option<AddressConnection> {
        let address = Sender::at(address);
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(address).or_default();
        if *open >= self.most {
            return None;
        }
        *open += 1;
        Some(AddressConnection { of: self.clone(), address })
    }
}

impl Drop for AddressConnection {
    fn drop(&mut self) {
        let mut all = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(self.address).or_default();
        *open = open.saturating_sub(1);
        if *open == 0 {
            all.remove(&self.address);
        }
    }
}

impl Served {
    async fn accept(self, listener: tokio::net::TcpListener) {
        let mut stopped = self.stopped.clone();
        let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
        loop {
            // A full server leaves new connections in the backlog.
            let permit = tokio::select! {
                permit = self.connections.clone().acquire_owned() => permit,
                _ = &mut stop => return,
            };
            let Ok(permit) = permit else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut stop => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Without a place, it is closed.
                    let Some(counted) = self.of_addresses.begin(peer.ip()) else { continue };
                    let _ = stream.set_nodelay(true);
                    let counted = (permit, counted);
                    tokio::spawn(self.clone().connection(stream, peer.ip(), counted));
                }
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
    }

    async fn connection(
        self,
        stream: tokio::net::TcpStream,
        peer: IpAddr,
        counted: (OwnedSemaphorePermit, AddressConnection),
    ) {
        match self.tls.clone() {
            None => self.serve(stream, peer).await,
            Some(tls) => {
                let within = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
                if let Ok(Ok(stream)) = tokio::time::timeout(within, tls.accept(stream)).await {
                    self.serve(stream, peer).await;
                }
            }
        }
        drop(counted);
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: IpAddr,
    ) {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            answered(router.call(request))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(WithProblems::new(stream)), service);
        let mut connection = pin!(connection);
        let mut stopped = self.stopped;
        tokio::select! {
            // A connection that broke is its sender's to notice.
            _ = &mut connection => return,
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

/// A router never fails: its errors are answers.
async fn answered<R>(answer: impl Future<Output = Result<R, Infallible>>) -> Result<R, Infallible> {
    answer.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_connections_for_others() {
        let all = AddressConnections::new(16);
        let address = |text: &str| all.begin(text.parse().unwrap());
        let mut open: Vec<_> = std::iter::from_fn(|| address("10.0.0.1")).collect();
        assert_eq!(open.len(), 14);
        let other = address("10.0.0.2");
        assert!(other.is_some());
        open.pop();
        assert!(address("10.0.0.1").is_some() && address("2001:db8::1").is_some());
        drop((open, other));
        assert!(all.open.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}

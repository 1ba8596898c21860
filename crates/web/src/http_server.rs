//! Serves a router over HTTP/1.1: accepts connections within limits, by TLS or in the clear, and
//! stops gracefully.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::address_connections::{AddressConnection, AddressConnections};
use crate::app::PeerAddress;
use crate::bare_errors::WithProblems;
use crate::limits::{HANDSHAKE_SECONDS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX};
use crate::server::{WebError, WebListen, be_nice};

/// Without a file descriptor left, the next try may have one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// How many answers were given, by status. Heads that cannot be read are not among them.
#[derive(Debug, Default)]
pub struct AnswerCounts(Mutex<BTreeMap<u16, u64>>);

impl AnswerCounts {
    fn add(&self, status: u16) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    #[must_use]
    pub fn by_status(&self) -> BTreeMap<u16, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct ServerLimits {
    pub connections_max: usize,
    /// That read and write sockets.
    pub threads: usize,
    /// Threads for what blocks.
    pub workers_max: usize,
}

/// Runs until it is stopped or dropped.
pub(crate) struct HttpServer {
    addresses: Vec<SocketAddr>,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    connections_max: usize,
}

impl HttpServer {
    /// Begins to answer.
    ///
    /// # Errors
    /// No threads.
    pub(crate) fn start(
        listen: WebListen,
        router: Router,
        limits: ServerLimits,
        answers: Arc<AnswerCounts>,
    ) -> Result<HttpServer, WebError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(limits.threads)
            .max_blocking_threads(limits.workers_max)
            .thread_name("doorstep-web")
            .on_thread_start(be_nice)
            .enable_io()
            .enable_time()
            .build()
            .map_err(WebError::NotStarted)?;
        let (stop, stopped) = watch::channel(false);
        let connections_max = limits.connections_max;
        let connections = Arc::new(Semaphore::new(connections_max));
        let WebListen { listeners, tls } = listen;
        let tls = tls.map(TlsAcceptor::from);
        let of_addresses = AddressConnections::new(connections_max);
        let connections_of_all = connections.clone();
        let served =
            Served { router, tls, stopped, connections: connections_of_all, of_addresses, answers };
        let mut addresses = Vec::new();
        for listener in listeners {
            addresses.push(listener.local_addr().map_err(WebError::NotStarted)?);
            let guard = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener);
            drop(guard);
            let listener = listener.map_err(WebError::NotStarted)?;
            runtime.spawn(served.clone().accept(listener));
        }
        let runtime = Some(runtime);
        Ok(HttpServer { addresses, runtime, stop, connections, connections_max })
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more requests, and waits for those in work.
    pub(crate) fn stop_within(&mut self, within: Duration) {
        let Some(runtime) = self.runtime.take() else { return };
        let _ = self.stop.send(true);
        let all = u32::try_from(self.connections_max).unwrap_or(u32::MAX);
        let connections = self.connections.clone();
        runtime.block_on(async {
            let _ = tokio::time::timeout(within, connections.acquire_many(all)).await;
        });
        runtime.shutdown_timeout(within);
    }
}

impl Drop for HttpServer {
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
    answers: Arc<AnswerCounts>,
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
        let (router, answers) = (TowerToHyperService::new(self.router), self.answers);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            counted_answer(router.call(request), answers.clone())
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
async fn counted_answer(
    answer: impl Future<Output = Result<Response<Body>, Infallible>>,
    answers: Arc<AnswerCounts>,
) -> Result<Response<Body>, Infallible> {
    let answer = answer.await?;
    answers.add(answer.status().as_u16());
    Ok(answer)
}

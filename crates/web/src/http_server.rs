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
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use office::Language;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::address_connections::{AddressConnection, AddressConnections};
use crate::app::{PeerAddress, language_of};
use crate::bare_errors::WithProblems;
use crate::limits::{
    HANDSHAKE_SECONDS_MAX, HEAD_BYTES_MAX, HEAD_SECONDS_MAX, READ_SECONDS_MAX, SEND_BUFFER_BYTES,
    WAITING_ANSWER_BYTES_MAX,
};
use crate::problem::{Problem, ProblemKind};
use crate::server::{WebError, WebListen, be_nice};
use crate::slow_readers::TimedWrites;

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
    /// How long a reader may take nothing.
    pub read_within: Duration,
    /// Of answers that wait for their readers.
    pub waiting_bytes_max: usize,
}

impl ServerLimits {
    pub fn of(connections_max: usize, threads: usize, workers_max: usize) -> ServerLimits {
        let read_within = Duration::from_secs(READ_SECONDS_MAX);
        let waiting_bytes_max = WAITING_ANSWER_BYTES_MAX;
        ServerLimits { connections_max, threads, workers_max, read_within, waiting_bytes_max }
    }
}

/// Runs until it is stopped or dropped.
pub(crate) struct HttpServer {
    addresses: Vec<SocketAddr>,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    connections_max: usize,
    #[cfg(test)]
    of_addresses: AddressConnections,
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
        let of_addresses = AddressConnections::new(connections_max, limits.waiting_bytes_max);
        let read_within = limits.read_within;
        #[cfg(test)]
        let seen_by_tests = of_addresses.clone();
        let served = Served {
            router,
            tls,
            stopped,
            connections: connections.clone(),
            of_addresses,
            answers,
            read_within,
        };
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
        Ok(HttpServer {
            addresses,
            runtime,
            stop,
            connections,
            connections_max,
            #[cfg(test)]
            of_addresses: seen_by_tests,
        })
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
    read_within: Duration,
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
                    let _ = sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
                    tokio::spawn(self.clone().connection(stream, peer.ip(), permit, counted));
                }
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
    }

    async fn connection(
        self,
        stream: tokio::net::TcpStream,
        peer: IpAddr,
        permit: OwnedSemaphorePermit,
        counted: AddressConnection,
    ) {
        match self.tls.clone() {
            None => self.serve(stream, peer, counted).await,
            Some(tls) => {
                let within = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
                if let Ok(Ok(stream)) = tokio::time::timeout(within, tls.accept(stream)).await {
                    self.serve(stream, peer, counted).await;
                }
            }
        }
        drop(permit);
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: IpAddr,
        counted: AddressConnection,
    ) {
        let stream = TimedWrites::new(stream, counted.clone(), self.read_within);
        let (router, answers) = (TowerToHyperService::new(self.router), self.answers);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            let language = language_of(request.headers());
            let answer = router.call(request);
            counted_answer(answer, answers.clone(), counted.clone(), language)
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
    counted: AddressConnection,
    language: Language,
) -> Result<Response<Body>, Infallible> {
    let mut answer = answer.await?;
    // A stream is sent as it is read, so little of it waits.
    let length = answer.body().size_hint().exact().unwrap_or(0);
    if !counted.begin_answer(usize::try_from(length).unwrap_or(usize::MAX)) {
        answer = Problem::from(ProblemKind::Busy).retry_after(1).response(language);
    }
    answers.add(answer.status().as_u16());
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use axum::routing::get;

    use super::*;

    const ANSWER_BYTES: usize = 64 << 20;
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    fn start(read_within: Duration) -> (HttpServer, Arc<AnswerCounts>) {
        let address = "127.0.0.1:0".parse().unwrap();
        let listen = WebListen::open_any(&[address], None).unwrap();
        let router = Router::new().route("/", get(|| async { vec![b'x'; ANSWER_BYTES] }));
        let limits = ServerLimits {
            read_within,
            waiting_bytes_max: ANSWER_BYTES + ANSWER_BYTES / 4,
            ..ServerLimits::of(16, 1, 1)
        };
        let answers = Arc::<AnswerCounts>::default();
        (HttpServer::start(listen, router, limits, answers.clone()).unwrap(), answers)
    }

    /// A client that asks and reads nothing.
    fn asks(server: &HttpServer) -> TcpStream {
        let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        client.write_all(REQUEST).unwrap();
        client
    }

    fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(120);
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn who_reads_nothing_is_cut_off_and_what_waits_has_a_limit() {
        let (server, _) = start(Duration::from_secs(600));
        let waiting = || server.of_addresses.waiting_bytes();
        let silent = asks(&server);
        eventually("an answer waits", || (1..ANSWER_BYTES).contains(&waiting()));
        // One address has at most seven eighths.
        let mut refused = asks(&server);
        let mut status = [0; 12];
        refused.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 503");
        drop(silent);
        eventually("nothing waits for who has gone", || waiting() == 0);
        // Who reads gets all of it.
        let mut whole = asks(&server).take(ANSWER_BYTES as u64);
        assert_eq!(std::io::copy(&mut whole, &mut std::io::sink()).unwrap(), ANSWER_BYTES as u64);

        let (server, answers) = start(Duration::from_secs(1));
        let mut silent = asks(&server);
        eventually("it is answered", || answers.by_status().get(&200) == Some(&1));
        eventually("the connection is closed", || {
            let all = server.connections.available_permits() + 1 == server.connections_max;
            all && server.of_addresses.waiting_bytes() == 0
        });
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest);
        assert!(rest.len() < ANSWER_BYTES, "{} bytes", rest.len());
    }
}

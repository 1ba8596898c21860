//! Pages for whoever watches this process: figures, health, readiness. A server of its own, without
//! sign-ins: it has no personal data and changes nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::sync::Semaphore;

use crate::app::without_port;
use crate::http_server::{HttpServer, ServerLimits};
use crate::limits::{
    MONITORING_ANSWER_SECONDS_MAX, MONITORING_CONNECTIONS_MAX, MONITORING_WORKERS_MAX,
};
use crate::server::{WebError, WebListen};

/// The figures, for Prometheus.
pub const METRICS_PATH: &str = "/metrics";
/// Answers as long as the process lives.
pub const HEALTH_PATH: &str = "/healthz";
pub const READINESS_PATH: &str = "/readyz";
/// Of the text format of Prometheus.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// What is watched. Both may block.
pub trait Monitored: Send + Sync {
    /// In the text format of Prometheus.
    fn metrics(&self) -> String;
    /// Whether it is ready, with a line for each thing that it needs.
    fn readiness(&self) -> (bool, String);
}

/// Runs until it is dropped.
pub struct MonitoringServer(HttpServer);

impl MonitoringServer {
    /// Begins to answer.
    ///
    /// # Errors
    /// No threads.
    pub fn start(
        listen: WebListen,
        monitored: Arc<dyn Monitored>,
    ) -> Result<MonitoringServer, WebError> {
        let limits = ServerLimits::of(MONITORING_CONNECTIONS_MAX, 1, MONITORING_WORKERS_MAX);
        let is_local = listen.is_on_this_machine();
        let workers = Arc::new(Semaphore::new(MONITORING_WORKERS_MAX));
        let router = Router::new().fallback(move |request: Request<Body>| {
            let (head, _) = request.into_parts();
            let collector = Collector { monitored: monitored.clone(), workers: workers.clone() };
            async move {
                match is_local && has_foreign_host(&head) {
                    true => text(StatusCode::MISDIRECTED_REQUEST, "ask for 127.0.0.1\n".into()),
                    false => answer(&head, collector).await,
                }
            }
        });
        HttpServer::start(listen, router, limits, Arc::default()).map(MonitoringServer)
    }

    /// The addresses that are open.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.0.addresses()
    }
}

/// On this machine nobody asks for another name but a page of a browser to whose name our address
/// was bound.
fn has_foreign_host(head: &Parts) -> bool {
    let host = head.headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    host.map(without_port).is_some_and(|name| {
        let address = name.trim_matches(['[', ']']);
        name != "localhost" && address.parse::<IpAddr>().is_err()
    })
}

async fn answer(head: &Parts, collector: Collector) -> Response<Body> {
    if head.method != Method::GET && head.method != Method::HEAD {
        let mut refused =
            text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n".into());
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match head.uri.path() {
        HEALTH_PATH => text(StatusCode::OK, "ok\n".into()),
        METRICS_PATH => match collector.in_time(|of| of.metrics()).await {
            Some(metrics) => typed(StatusCode::OK, metrics, METRICS_TYPE),
            None => not_answered(),
        },
        READINESS_PATH => match collector.in_time(|of| of.readiness()).await {
            Some((true, lines)) => text(StatusCode::OK, lines),
            Some((false, lines)) => text(StatusCode::SERVICE_UNAVAILABLE, lines),
            None => not_answered(),
        },
        _ => {
            let paths = format!("{METRICS_PATH}, {HEALTH_PATH} and {READINESS_PATH} are here\n");
            text(StatusCode::NOT_FOUND, paths)
        }
    }
}

/// Asks what is watched, on few threads.
struct Collector {
    monitored: Arc<dyn Monitored>,
    workers: Arc<Semaphore>,
}

impl Collector {
    /// `None` if it takes too long: a disk that hangs, a queue that is full.
    async fn in_time<T: Send + 'static>(
        self,
        ask: impl FnOnce(&dyn Monitored) -> T + Send + 'static,
    ) -> Option<T> {
        let asked = async {
            let permit = self.workers.acquire_owned().await.ok()?;
            let work = move || {
                // Also if nobody waits for the answer any more.
                let _permit = permit;
                ask(&*self.monitored)
            };
            tokio::task::spawn_blocking(work).await.ok()
        };
        let within = Duration::from_secs(MONITORING_ANSWER_SECONDS_MAX);
        tokio::time::timeout(within, asked).await.ok()?
    }
}

fn not_answered() -> Response<Body> {
    let seconds = MONITORING_ANSWER_SECONDS_MAX;
    let why = format!("the books or the switch did not answer within {seconds} s\n");
    text(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    typed(status, body, TEXT_TYPE)
}

fn typed(status: StatusCode, body: String, media: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let fixed = HeaderValue::from_static;
    answer.headers_mut().insert(header::CONTENT_TYPE, fixed(media));
    answer.headers_mut().insert(header::CACHE_CONTROL, fixed("no-store"));
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    answer
}

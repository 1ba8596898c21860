//! Requests over HTTP to addresses that somebody else chose. Everything has a limit: names looked
//! up, connections, times, heads and bodies of answers. No reason names the address.

mod addresses;
mod resolver;

use std::fmt::{self, Debug};
use std::io;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};
use ureq::{Agent, Body, Error, Timeout};
use zeroize::Zeroizing;

pub use self::addresses::{AllowedServerError, AllowedServers, is_public};
use self::resolver::{CheckedResolver, NotPublic};
use crate::SendOutcome;

const URL_BYTES_MAX: usize = 2_048;
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Of an answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
const IDLE_CONNECTIONS_MAX: usize = 256;
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 32;
const IDLE_MS_MAX: u64 = 20_000;
/// A receiver that asks for a longer wait is asked again after this one.
const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// What requests over HTTP have in common.
#[derive(Clone)]
pub struct HttpSettings {
    /// Who vouches for a server, in DER: most often [`crate::system_authorities`].
    pub authorities: Vec<CertificateDer<'static>>,
    pub allowed: AllowedServers,
    /// Of a request, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
}

pub(crate) struct HttpClient {
    agent: Agent,
    allowed: AllowedServers,
}

/// Whether a connection may be used for several requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Quick. The server may close one just when a request is sent: the outcome is not known.
    Kept,
    OneRequest,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The URL can never be asked.
    Refused(&'static str),
    /// The request did not leave this machine.
    NotSent(String),
    /// The request may have arrived.
    NotKnown(String),
}

pub(crate) struct HttpReply(Response<Body>);

impl HttpClient {
    pub fn new(settings: &HttpSettings, connections: Connections) -> HttpClient {
        let authorities = settings.authorities.iter();
        let certificates: Vec<_> =
            authorities.map(|one| Certificate::from_der(one).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build();
        let kept = match connections {
            Connections::Kept => (IDLE_CONNECTIONS_MAX, IDLE_CONNECTIONS_PER_HOST_MAX),
            Connections::OneRequest => (0, 0),
        };
        // Shorter than the whole: what ran out tells whether anything was sent.
        let connecting = settings.timeout / 2;
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // A redirect could lead to a private address, and a signature is for one URL.
            .max_redirects(0)
            // A proxy would resolve the name itself.
            .proxy(None)
            .user_agent(concat!("doorstep/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(HEAD_BYTES_MAX)
            .max_idle_connections(kept.0)
            .max_idle_connections_per_host(kept.1)
            .max_idle_age(Duration::from_millis(IDLE_MS_MAX))
            .timeout_global(Some(settings.timeout))
            .timeout_resolve(Some(connecting))
            .timeout_connect(Some(connecting))
            .timeout_recv_body(Some(settings.timeout / 4))
            .build();
        let resolver = CheckedResolver::new(settings.allowed.clone());
        let connector = MarkedConnector(DefaultConnector::default());
        let agent = Agent::with_parts(config, connector, resolver);
        HttpClient { agent, allowed: settings.allowed.clone() }
    }

    pub fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<HttpReply, NoAnswer> {
        let uri = self.checked_url(url)?;
        let mut request = self.agent.post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(body).map(HttpReply).map_err(|error| no_answer(&error))
    }

    /// Whether a URL is of a server, or of one that is allowed.
    pub fn is_of(&self, url: &str, server: &str) -> bool {
        let uri: Option<Uri> = url.parse().ok();
        uri.is_some_and(|uri| uri.host() == Some(server) || self.allowed.has(&uri))
    }

    fn checked_url(&self, url: &str) -> Result<Uri, NoAnswer> {
        let unusable = NoAnswer::Refused("the URL is unusable; give one such as https://host/path");
        let uri: Option<Uri> = (url.len() <= URL_BYTES_MAX).then(|| url.parse().ok()).flatten();
        let Some(uri) = uri.filter(|uri| uri.authority().is_some()) else {
            return Err(unusable);
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(NoAnswer::Refused("the URL has a user name; put no name in it"));
        }
        match uri.scheme_str() {
            Some("https") => Ok(uri),
            Some("http") if self.allowed.has(&uri) => Ok(uri),
            Some("http") => Err(NoAnswer::Refused(
                "the URL has no TLS; use https, or allow its server in the settings",
            )),
            _ => Err(unusable),
        }
    }
}

impl HttpReply {
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The wait that the receiver asks for: seconds, or a date.
    pub fn retry_after_ms(&self) -> Option<u64> {
        let text = self.0.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let ms = match text.parse::<u64>() {
            Ok(seconds) => seconds.saturating_mul(1_000),
            Err(_) => {
                let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
                let left = SystemTime::from(at).duration_since(SystemTime::now());
                u64::try_from(left.unwrap_or_default().as_millis()).ok()?
            }
        };
        Some(ms.min(RETRY_AFTER_MS_MAX))
    }

    /// Reads what is left, so that the connection can be used again. A long or slow rest closes it.
    pub fn finish(self) {
        let short = self.0.body().content_length().is_none_or(|bytes| bytes <= ANSWER_BYTES_MAX);
        if short {
            let _ = self.body();
        }
    }

    /// The whole body. The request has arrived, whatever this returns.
    pub fn body(mut self) -> Result<Zeroizing<Vec<u8>>, String> {
        let body = self.0.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        body.map(Zeroizing::new).map_err(|error| match error {
            Error::BodyExceedsLimit(_) => {
                format!("the answer is longer than {ANSWER_BYTES_MAX} bytes")
            }
            Error::Timeout(_) => "the answer did not end in time".to_owned(),
            _ => "the answer was cut off".to_owned(),
        })
    }
}

impl NoAnswer {
    pub fn outcome(self) -> SendOutcome {
        match self {
            NoAnswer::Refused(why) => SendOutcome::Refused { why: why.to_owned() },
            NoAnswer::NotSent(why) => SendOutcome::Failed { why, again_after_ms: None },
            NoAnswer::NotKnown(why) => SendOutcome::NotKnown { why },
        }
    }
}

/// Marks the errors of a connection that is not there yet: nothing was sent.
#[derive(Debug)]
struct MarkedConnector(DefaultConnector);

#[derive(Debug)]
struct NotConnected(Error);

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection")
    }
}

impl std::error::Error for NotConnected {}

impl Connector for MarkedConnector {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let connected = self.0.connect(details, chained);
        connected.map_err(|error| Error::Other(Box::new(NotConnected(error))))
    }
}

fn no_answer(error: &Error) -> NoAnswer {
    match error {
        Error::Other(other) => match other.downcast_ref::<NotConnected>() {
            Some(NotConnected(cause)) => NoAnswer::NotSent(why_not_connected(cause)),
            None if other.is::<NotPublic>() => NoAnswer::NotSent(
                "the server has no public address; allow it in the settings if it is yours"
                    .to_owned(),
            ),
            None => NoAnswer::NotKnown("the request failed".to_owned()),
        },
        Error::Timeout(Timeout::Resolve) => {
            NoAnswer::NotSent("the name was not found in time".to_owned())
        }
        Error::HostNotFound => NoAnswer::NotSent("the name was not found".to_owned()),
        Error::BadUri(_) | Error::Http(_) => NoAnswer::Refused("the URL is unusable"),
        Error::Timeout(_) => NoAnswer::NotKnown("no answer in time".to_owned()),
        Error::Io(cause) => {
            NoAnswer::NotKnown(format!("the connection was lost: {}", cause.kind()))
        }
        _ => NoAnswer::NotKnown("the answer is no HTTP".to_owned()),
    }
}

fn why_not_connected(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "no connection in time".to_owned(),
        Error::Rustls(cause) => why_no_tls(cause).to_owned(),
        Error::Io(cause) => why_no_connection(cause),
        _ => "no connection".to_owned(),
    }
}

/// Without the text of the cause, which can name the server.
pub(crate) fn why_no_connection(error: &io::Error) -> String {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(cause) => why_no_tls(cause).to_owned(),
        None => format!("no connection: {}", error.kind()),
    }
}

pub(crate) fn why_no_tls(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(why) = error else {
        return "no TLS with the server";
    };
    match why {
        Certificate::UnknownIssuer | Certificate::BadSignature => {
            "the server's certificate is of an unknown authority"
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "the server's certificate is for another name"
        }
        _ => "the server's certificate is not valid",
    }
}

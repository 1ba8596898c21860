//! Requests to a server, and its answers. What it sends is shown, and never trusted: answers have
//! limits, and what is shown has no control characters.

use std::fmt::Display;
use std::io;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use office::fields;
use serde_json::Value;
use ureq::http::{Response, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Error, RequestBuilder, Timeout};
use zeroize::Zeroizing;

use super::ServerAddress;
use crate::texts::{filled, text};
use crate::words::Lang;

/// Of an answer that is read whole.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Of what a server says, as it is shown.
const SHOWN_CHARACTERS_MAX: usize = 2_000;
pub const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// A server that is asked.
pub struct RemoteServer {
    url: String,
    agent: Agent,
    sender: RemoteSender,
    timeout: Duration,
}

/// Who asks.
pub enum RemoteSender {
    /// With the header of an API key.
    Key(Zeroizing<String>),
    /// In a session, with its cookie and the token of its requests.
    Session {
        cookie: Zeroizing<String>,
        csrf: String,
    },
    Nobody,
}

impl RemoteSender {
    pub fn key(key: &str) -> RemoteSender {
        RemoteSender::Key(Zeroizing::new(format!("Bearer {key}")))
    }
}

/// A problem that a server answers.
#[derive(Debug)]
pub struct RemoteProblem {
    /// The end of its type: `step-up-needed`.
    pub name: String,
    said: String,
}

impl Display for RemoteProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for RemoteProblem {}

/// A command that is sent.
pub struct SentCommand<'c> {
    pub path: &'c str,
    pub request_key: &'c str,
    pub body: &'c str,
}

/// An answer that carries something out, or shows something.
pub struct RemoteAnswer(Response<Body>);

/// Why there is no answer.
enum NoAnswer {
    /// The request has not left this machine.
    NotSent(String),
    /// The request may have arrived.
    Unknown(String),
}

impl RemoteServer {
    pub fn new(
        address: ServerAddress,
        sender: RemoteSender,
        certificates: &[Certificate<'static>],
        timeout: Duration,
    ) -> anyhow::Result<RemoteServer> {
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(certificates)).build();
        let mut config = Agent::config_builder()
            .tls_config(tls)
            .https_only(address.is_tls)
            .http_status_as_error(false)
            // A key goes to nobody else.
            .max_redirects(0)
            .user_agent(concat!("doorstep/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(HEAD_BYTES_MAX)
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_send_request(Some(timeout))
            .timeout_send_body(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout));
        if !address.is_tls {
            // Through a proxy it would leave this machine in the clear.
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(RemoteServer { url: address.url, agent, sender, timeout })
    }

    fn with_headers<B>(&self, request: RequestBuilder<B>, accept: &str) -> RequestBuilder<B> {
        let request = match &self.sender {
            RemoteSender::Key(key) => request.header(header::AUTHORIZATION, &**key),
            RemoteSender::Session { cookie, csrf } => {
                request.header(header::COOKIE, &**cookie).header("Doorstep-Csrf", csrf)
            }
            RemoteSender::Nobody => request,
        };
        request
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_LANGUAGE, Lang::current().pick("en", "zh"))
    }

    /// Asks for something. A list that is streamed has no limit and no time in which it is whole.
    pub fn get(
        &self,
        path: &str,
        query: &[(String, String)],
        accept: &str,
    ) -> anyhow::Result<RemoteAnswer> {
        let answer = self.patiently(|_| {
            let request = self.agent.get(format!("{}{path}", self.url));
            let request = self.with_headers(request, accept);
            let mut request = request.query_pairs(query.iter().map(|(name, value)| (name, value)));
            if accept == JSON {
                request = request.config().timeout_recv_body(Some(self.timeout)).build();
            }
            request.call().map_err(|error| {
                let (NoAnswer::NotSent(cause) | NoAnswer::Unknown(cause)) = no_answer(&error);
                self.error("remote.no_answer", &[("cause", &cause)])
            })
        })?;
        self.checked(answer, accept)
    }

    /// From now on this one asks.
    pub fn set_sender(&mut self, sender: RemoteSender) {
        self.sender = sender;
    }

    /// Sends what is no command. A server that is busy is asked again.
    pub fn post(&self, path: &str, body: &str) -> anyhow::Result<RemoteAnswer> {
        let answer = self.patiently(|_| {
            let request = self.agent.post(format!("{}{path}", self.url));
            let request = self.with_headers(request, JSON).content_type(JSON);
            let request = request.config().timeout_recv_body(Some(self.timeout)).build();
            request.send(body).map_err(|error| {
                let (NoAnswer::NotSent(cause) | NoAnswer::Unknown(cause)) = no_answer(&error);
                self.error("remote.no_answer", &[("cause", &cause)])
            })
        })?;
        self.checked(answer, JSON)
    }

    /// Gives a command. The same key with the same fields is carried out once.
    pub fn give(&self, command: &SentCommand<'_>) -> anyhow::Result<RemoteAnswer> {
        let key = command.request_key;
        let answer = self.patiently(|is_first| {
            let request = self.agent.post(format!("{}{}", self.url, command.path));
            let request = self.with_headers(request, JSON).content_type(JSON);
            let request = request.header("Idempotency-Key", key);
            let request = request.config().timeout_recv_body(Some(self.timeout)).build();
            request.send(command.body).map_err(|error| match no_answer(&error) {
                NoAnswer::NotSent(cause) if is_first => {
                    self.error("remote.not_sent", &[("cause", &cause)])
                }
                NoAnswer::NotSent(cause) | NoAnswer::Unknown(cause) => {
                    self.error("remote.outcome_unknown", &[("cause", &cause), ("key", &key)])
                }
            })
        })?;
        // Something between here and there may have answered, or the server has failed.
        let is_final = !answer.status().is_server_error() && is_problem_or(&answer, JSON);
        self.checked(answer, JSON).map_err(|error| match is_final {
            true => error,
            false => {
                let values: [(&str, &dyn Display); 2] = [("why", &error), ("key", &key)];
                anyhow!(filled(Lang::current(), "remote.again", &values))
            }
        })
    }

    /// Asks, and asks again when the server says so, as long as it may be silent. `ask` is told
    /// whether it is the first time.
    fn patiently(
        &self,
        mut ask: impl FnMut(bool) -> anyhow::Result<Response<Body>>,
    ) -> anyhow::Result<Response<Body>> {
        let until = Instant::now() + self.timeout;
        let mut is_first = true;
        loop {
            let answer = ask(is_first)?;
            is_first = false;
            let is_busy = matches!(answer.status().as_u16(), 409 | 429 | 503);
            match wait_of(&answer).filter(|_| is_busy) {
                Some(wait) if wait <= until.saturating_duration_since(Instant::now()) => {
                    std::thread::sleep(wait);
                }
                _ => return Ok(answer),
            }
        }
    }

    /// Whether the command of an answer that was cut off was carried out is not known.
    pub fn outcome(&self, answer: RemoteAnswer, key: &str) -> anyhow::Result<Value> {
        let read = answer.bytes();
        let body = read.map_err(|error| {
            let values: [(&str, &dyn Display); 2] = [("cause", &cause(&error)), ("key", &key)];
            self.error("remote.outcome_unknown", &values)
        })?;
        serde_json::from_slice(&body).map_err(|_| self.error("remote.garbage", &[]))
    }

    /// A whole answer.
    pub fn json(&self, answer: RemoteAnswer) -> anyhow::Result<Value> {
        let body = answer.bytes().map_err(|error| self.cut_off(&error))?;
        serde_json::from_slice(&body).map_err(|_| self.error("remote.garbage", &[]))
    }

    /// An answer that ended too early, or is too long.
    fn cut_off(&self, error: &Error) -> anyhow::Error {
        match error {
            Error::BodyExceedsLimit(_) => {
                let most = ANSWER_BYTES_MAX >> 20;
                self.error("remote.too_long", &[("most", &most)])
            }
            error => self.error("remote.cut_off", &[("cause", &cause(error))]),
        }
    }

    pub fn read_failed(&self, error: io::Error) -> anyhow::Error {
        self.cut_off(&error.into())
    }

    pub fn garbage(&self) -> anyhow::Error {
        self.error("remote.garbage", &[])
    }

    fn error(&self, key: &str, values: &[(&str, &dyn Display)]) -> anyhow::Error {
        let server: (&str, &dyn Display) = ("server", &self.url);
        let values: Vec<_> = std::iter::once(server).chain(values.iter().copied()).collect();
        anyhow!(filled(Lang::current(), key, &values))
    }

    /// Refuses what is no answer of Doorstep, and says a problem as our own errors are said.
    fn checked(&self, answer: Response<Body>, accept: &str) -> anyhow::Result<RemoteAnswer> {
        let content = answer.body().mime_type().unwrap_or_default().to_owned();
        let (status, wait) = (answer.status(), wait_of(&answer));
        if status.is_success() && content == accept {
            return Ok(RemoteAnswer(answer));
        }
        let not_ours = || {
            let values: [(&str, &dyn Display); 2] =
                [("status", &status.as_u16()), ("content", &shown(&content))];
            self.error("remote.not_doorstep", &values)
        };
        if content != PROBLEM {
            return Err(not_ours());
        }
        let body = RemoteAnswer(answer).bytes().map_err(|error| self.cut_off(&error))?;
        let problem: Value = serde_json::from_slice(&body).map_err(|_| not_ours())?;
        let detail = shown(problem["detail"].as_str().ok_or_else(not_ours)?);
        let field = problem["field"].as_str().filter(|field| *field != "#");
        let field = field.map(|field| field.strip_prefix("#/").unwrap_or(field));
        let field = field.map(|field| shown(field.split('/').next().unwrap_or_default()));
        // A field of a command is a flag here.
        let at = field.filter(|field| !detail.contains(field)).map(|field| fields::flag(&field));
        let lang = Lang::current();
        let said = match at {
            Some(field) => self.error("remote.problem_at", &[("field", &field), ("why", &detail)]),
            None => self.error("remote.problem", &[("why", &detail)]),
        };
        let said = match wait {
            Some(wait) => {
                let values: [(&str, &dyn Display); 2] =
                    [("why", &said), ("seconds", &wait.as_secs())];
                filled(lang, "remote.wait", &values)
            }
            None => said.to_string(),
        };
        let name = problem["type"].as_str().and_then(|one| one.rsplit('/').next());
        let name = name.unwrap_or_default().to_owned();
        Err(anyhow::Error::new(RemoteProblem { name, said }))
    }
}

impl RemoteAnswer {
    /// A header of the answer, as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.headers().get(name)?.to_str().ok()?.parse().ok()
    }

    /// The value of a cookie that the answer sets, with its name.
    pub fn cookie(&self, name: &str) -> Option<Zeroizing<String>> {
        let all = self.0.headers().get_all(header::SET_COOKIE).into_iter();
        let mut all = all.filter_map(|value| value.to_str().ok()?.split(';').next());
        let own = |one: &&str| one.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
        all.find(own).map(|one| Zeroizing::new(one.to_owned()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.headers().contains_key(name)
    }

    pub fn reader(self) -> impl io::Read {
        self.0.into_body().into_reader()
    }

    fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.0.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()
    }
}

/// After which time the same request is answered otherwise.
fn wait_of(answer: &Response<Body>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn is_problem_or(answer: &Response<Body>, content: &str) -> bool {
    answer.body().mime_type().is_some_and(|found| found == PROBLEM || found == content)
}

/// What somebody else wrote, for a terminal.
pub fn shown(text: &str) -> String {
    let hides =
        |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let plain = text.chars().map(|c| if hides(c) { '\u{FFFD}' } else { c });
    plain.take(SHOWN_CHARACTERS_MAX).collect()
}

/// Whether anything of a request can have arrived.
fn no_answer(error: &Error) -> NoAnswer {
    let before = match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::BadUri(_)
        | Error::Http(_)
        | Error::Tls(_)
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
        ),
        _ => false,
    };
    let cause = cause(error);
    match before || certificate_error(error).is_some() {
        true => NoAnswer::NotSent(cause),
        false => NoAnswer::Unknown(cause),
    }
}

/// Its certificate is looked at before anything is sent.
fn certificate_error(error: &Error) -> Option<&rustls::Error> {
    let found = match error {
        Error::Rustls(error) => error,
        Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    matches!(found, rustls::Error::InvalidCertificate(_)).then_some(found)
}

fn cause(error: &Error) -> String {
    let lang = Lang::current();
    match error {
        Error::Timeout(_) => text(lang, "remote.silent").to_owned(),
        Error::HostNotFound => text(lang, "remote.unknown_host").to_owned(),
        error => match certificate_error(error) {
            Some(why) => filled(lang, "remote.certificate", &[("why", &shown(&why.to_string()))]),
            None => shown(&error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_moves_no_cursor() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b\n"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(shown(&"x".repeat(3_000)).len(), SHOWN_CHARACTERS_MAX);
    }

    #[test]
    fn only_what_cannot_have_arrived_counts_as_not_sent() {
        let of = |kind: io::ErrorKind| no_answer(&Error::Io(kind.into()));
        assert!(matches!(of(io::ErrorKind::ConnectionRefused), NoAnswer::NotSent(_)));
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            assert!(matches!(of(kind), NoAnswer::Unknown(_)), "{kind}");
        }
        let timeout = |one| no_answer(&Error::Timeout(one));
        assert!(matches!(timeout(Timeout::Connect), NoAnswer::NotSent(_)));
        assert!(matches!(timeout(Timeout::RecvResponse), NoAnswer::Unknown(_)));
        let other = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = Error::Io(io::Error::new(io::ErrorKind::InvalidData, other));
        assert!(matches!(no_answer(&wrapped), NoAnswer::NotSent(_)));
    }
}

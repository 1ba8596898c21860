//! The connection to a server of PostgreSQL: on this machine, or by TLS.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use postgres::config::Host;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use postgres::{Client, Config, NoTls, Socket};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsConnector, client};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Of a server that is gone without a word.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How the server is reached.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: Option<Arc<ClientConfig>>,
}

/// Host and database, without the password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        write!(f, "PostgreSQL {host}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    #[error("not an address of PostgreSQL; write postgres://user@host/database")]
    Address,
    #[error("the address has a password; write it into a file with mode 0600, `password_file`")]
    PasswordInAddress,
    #[error(
        "the server is on another machine, so the connection needs TLS: name the authority of \
         its certificate in `authorities`"
    )]
    NeedsTls,
}

impl Server {
    /// Reads an address, `postgres://user@host/database`.
    ///
    /// # Errors
    /// The text is no such address or has a password, or the server is on another machine and there
    /// is no TLS.
    pub fn new(
        address: &str,
        password: Option<&str>,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Server, ServerError> {
        let mut config = Config::from_str(address).map_err(|_| ServerError::Address)?;
        if config.get_hosts().is_empty() {
            return Err(ServerError::Address);
        }
        if config.get_password().is_some() {
            return Err(ServerError::PasswordInAddress);
        }
        if let Some(password) = password {
            config.password(password);
        }
        let is_here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) if name == "localhost" => true,
            Host::Tcp(name) => name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        };
        if tls.is_none() && !config.get_hosts().iter().all(is_here) {
            return Err(ServerError::NeedsTls);
        }
        config.connect_timeout(CONNECT_WITHIN).tcp_user_timeout(ANSWER_WITHIN);
        if tls.is_some() {
            config.ssl_mode(postgres::config::SslMode::Require);
        }
        Ok(Server { config, tls })
    }

    /// Connects. The server lists the connection under the name of what it is for.
    ///
    /// # Errors
    /// The server is not there, or refuses.
    pub fn connect(&self, purpose: &str) -> Result<Client, postgres::Error> {
        let mut config = self.config.clone();
        config.application_name(purpose);
        match &self.tls {
            None => config.connect(NoTls),
            Some(tls) => config.connect(Rustls(TlsConnector::from(tls.clone()))),
        }
    }
}

/// What the server said, or why it was not reached.
#[must_use]
pub fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.to_string(),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[derive(Clone)]
struct Rustls(TlsConnector);

struct RustlsTo(TlsConnector, ServerName<'static>);

struct RustlsStream(client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Rustls {
    type Stream = RustlsStream;
    type TlsConnect = RustlsTo;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<RustlsTo, Self::Error> {
        Ok(RustlsTo(self.0.clone(), ServerName::try_from(host)?.to_owned()))
    }
}

impl TlsConnect<Socket> for RustlsTo {
    type Stream = RustlsStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<RustlsStream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let RustlsTo(connector, name) = self;
        Box::pin(async move { connector.connect(name, socket).await.map(RustlsStream) })
    }
}

impl TlsStream for RustlsStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for RustlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for RustlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

//! Mail over SMTP (RFC 5321) with STARTTLS, one recipient each.

mod dialog;
mod message;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;

pub(crate) use self::dialog::read_all;
use self::dialog::{MailConnection, MailFailure};
use self::message::{MailAddress, check, written};
use crate::net::tls_client;
use crate::{Channel, OutgoingNotice, SendOutcome};

const IDLE_CONNECTIONS_MAX: usize = 4;
/// Servers close idle connections after minutes (RFC 5321 asks for five).
const IDLE_MS_MAX: u64 = 20_000;

/// How mail is sent.
#[derive(Clone)]
pub struct MailSettings {
    pub server: String,
    pub port: u16,
    pub encryption: MailEncryption,
    /// Who vouches for the server, in DER.
    pub authorities: Vec<CertificateDer<'static>>,
    /// User name and password. Sent by TLS only.
    pub login: Option<(String, SecretString)>,
    /// The name of this machine in EHLO.
    pub hello_name: String,
    /// The sender's address, which also gets the mails that come back.
    pub from: String,
    /// The sender's name, as people see it.
    pub from_name: String,
    /// Such as `notices.example.com` (RFC 2919).
    pub list_id: Option<String>,
    /// An https URL that ends the mails with one click (RFC 8058); `{id}` in it becomes the
    /// notice's id.
    pub unsubscribe_url: Option<String>,
    /// Of one mail, from the look-up of the server to its last answer.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEncryption {
    /// Required: without it nothing is sent. Most often port 587.
    StartTls,
    /// TLS from the first byte. Most often port 465.
    Tls,
    /// For a server on this machine.
    None,
}

/// Settings that can send no mail.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailSettingsError {
    #[error("the sender is no mail address; give one such as notices@example.com")]
    From,
    #[error("`{0}` has characters that a header must not have; use plain text on one line")]
    Header(String),
    #[error("a password would be sent without TLS; use STARTTLS or TLS, or remove the login")]
    LoginWithoutTls,
    #[error("the unsubscribe URL has no https; give one that begins with https:// (RFC 8058)")]
    Unsubscribe,
}

/// Sends mail. An address is a mail address.
pub struct MailChannel {
    settings: MailSettings,
    from: MailAddress,
    tls: Arc<ClientConfig>,
    idle: Mutex<Vec<(Instant, MailConnection)>>,
}

impl MailChannel {
    /// # Errors
    /// If the settings can send no mail.
    pub fn new(settings: MailSettings) -> Result<MailChannel, MailSettingsError> {
        let from = MailAddress::read(&settings.from).ok_or(MailSettingsError::From)?;
        let headers = [Some(&settings.from_name), settings.list_id.as_ref()];
        for text in headers.into_iter().flatten().chain([&settings.hello_name]) {
            if text.chars().any(char::is_control) {
                return Err(MailSettingsError::Header(text.escape_debug().to_string()));
            }
        }
        let plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        let token = |text: &String| plain(text) && !text.contains(['<', '>']);
        for text in settings.list_id.iter().chain([&settings.hello_name]) {
            if !token(text) {
                return Err(MailSettingsError::Header(text.clone()));
            }
        }
        if let Some(url) = &settings.unsubscribe_url
            && !(token(url) && url.starts_with("https://"))
        {
            return Err(MailSettingsError::Unsubscribe);
        }
        if settings.login.is_some() && settings.encryption == MailEncryption::None {
            return Err(MailSettingsError::LoginWithoutTls);
        }
        let tls = tls_client(&settings.authorities);
        Ok(MailChannel { settings, from, tls, idle: Mutex::default() })
    }

    /// A connection that is open, if one was left by another mail.
    fn idle(&self) -> Option<MailConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < Duration::from_millis(IDLE_MS_MAX));
        idle.pop().map(|(_, connection)| connection)
    }

    fn keep(&self, connection: MailConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push((Instant::now(), connection));
        }
    }
}

impl Channel for MailChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let Some(to) = MailAddress::read(address) else {
            return SendOutcome::Refused { why: "the recipient has no usable mail address".into() };
        };
        if let Err(why) = check(notice) {
            return SendOutcome::Refused { why: why.to_owned() };
        }
        let until = Instant::now() + self.settings.timeout;
        let mut left = self.idle();
        loop {
            let was_idle = left.is_some();
            let connection = match left.take() {
                Some(connection) => Ok(connection),
                None => MailConnection::open(&self.settings, &self.tls, until),
            };
            let sent = connection.and_then(|mut connection| {
                connection.set_deadline(until);
                let mail =
                    written(notice, &self.settings, &self.from, &to, connection.extensions())
                        .map_err(|why| MailFailure::Refused(why.to_owned()))?;
                let receipt = connection.send(&self.from, &to, &mail)?;
                self.keep(connection);
                Ok(receipt)
            });
            return match sent {
                Ok(receipt) => SendOutcome::Delivered { receipt },
                // The server had closed it: nothing was sent.
                Err(MailFailure::NotSent(_)) if was_idle => continue,
                Err(MailFailure::NotSent(why) | MailFailure::Later(why)) => {
                    SendOutcome::Failed { why, again_after_ms: None }
                }
                Err(MailFailure::Refused(why)) => SendOutcome::Refused { why },
                Err(MailFailure::NotKnown(why)) => SendOutcome::NotKnown { why },
            };
        }
    }
}

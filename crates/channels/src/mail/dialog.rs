//! The dialog with a mail server. Until the last byte of a mail has been written, a failure is
//! known: the server has no whole mail. After that, only its answer tells.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

use base64ct::{Base64, Encoding};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::message::{Extensions, MailAddress, WrittenMail};
use super::{MailEncryption, MailSettings};
use crate::net::{DeadlineStream, MaybeTls};

/// RFC 5321 has 512 for a line; some servers write more.
const REPLY_LINE_BYTES_MAX: usize = 2_048;
const REPLY_LINES_MAX: usize = 128;
const RECEIPT_CHARACTERS_MAX: usize = 100;
const CLOSED: &str = "the mail server closed the connection";

pub(super) struct MailConnection {
    stream: MaybeTls,
    /// Read, and not yet used.
    received: Vec<u8>,
    extensions: Extensions,
    may_start_tls: bool,
    logins: Logins,
}

/// Why a mail was not sent. No text of the server: it can repeat the recipient's address.
pub(super) enum MailFailure {
    /// The connection failed before the mail was whole.
    NotSent(String),
    /// 4xx, or an answer that is not about the mail.
    Later(String),
    /// 5xx.
    Refused(String),
    NotKnown(String),
}

#[derive(Clone, Copy, Default)]
struct Logins {
    plain: bool,
    login: bool,
}

pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl MailConnection {
    /// Connects, and signs in if there is a login.
    pub fn open(
        settings: &MailSettings,
        tls: &Arc<ClientConfig>,
        until: Instant,
    ) -> Result<MailConnection, MailFailure> {
        let not_sent = MailFailure::NotSent;
        let host = &settings.server;
        let plain = DeadlineStream::connect(host, settings.port, until).map_err(not_sent)?;
        let stream = match settings.encryption {
            MailEncryption::Tls => {
                MaybeTls::Tls(Box::new(plain.with_tls(host, tls).map_err(not_sent)?))
            }
            MailEncryption::StartTls | MailEncryption::None => MaybeTls::Plain(plain),
        };
        let extensions = Extensions { eight_bit: false, utf8_addresses: false };
        let logins = Logins::default();
        let (received, may_start_tls) = (Vec::new(), false);
        let mut connection = MailConnection { stream, received, extensions, may_start_tls, logins };
        connection.reply()?.expect(220, "the connection")?;
        connection.hello(settings)?;
        if settings.encryption == MailEncryption::StartTls {
            connection = connection.with_tls(settings, tls)?;
        }
        if let Some((user, password)) = &settings.login {
            connection.sign_in(user, password)?;
        }
        Ok(connection)
    }

    pub fn set_deadline(&mut self, until: Instant) {
        self.stream.set_deadline(until);
    }

    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    fn with_tls(
        mut self,
        settings: &MailSettings,
        tls: &Arc<ClientConfig>,
    ) -> Result<MailConnection, MailFailure> {
        if !self.may_start_tls {
            let why = "the mail server has no STARTTLS; use port 465 with TLS, or another server";
            return Err(MailFailure::Later(why.to_owned()));
        }
        self.command("STARTTLS")?.expect(220, "STARTTLS")?;
        // What came with the answer was not by TLS: somebody between may have put it there.
        if !self.received.is_empty() {
            let why = "the mail server sent more than its answer to STARTTLS";
            return Err(MailFailure::Later(why.to_owned()));
        }
        let MaybeTls::Plain(plain) = self.stream else { unreachable!("TLS is started once") };
        let stream = plain.with_tls(&settings.server, tls).map_err(MailFailure::NotSent)?;
        let mut connection = MailConnection { stream: MaybeTls::Tls(Box::new(stream)), ..self };
        connection.hello(settings)?;
        Ok(connection)
    }

    fn hello(&mut self, settings: &MailSettings) -> Result<(), MailFailure> {
        let reply = self.command(&format!("EHLO {}", settings.hello_name))?;
        reply.expect(250, "EHLO")?;
        let has = |name: &str| reply.lines.iter().any(|line| line.eq_ignore_ascii_case(name));
        self.extensions =
            Extensions { eight_bit: has("8BITMIME"), utf8_addresses: has("SMTPUTF8") };
        self.may_start_tls = has("STARTTLS");
        self.logins = Logins::default();
        for line in reply.lines.iter().map(|line| line.to_ascii_uppercase()) {
            let mut words = line.split([' ', '=']);
            if words.next() == Some("AUTH") {
                let words: Vec<_> = words.collect();
                self.logins.plain |= words.contains(&"PLAIN");
                self.logins.login |= words.contains(&"LOGIN");
            }
        }
        Ok(())
    }

    fn sign_in(&mut self, user: &str, password: &SecretString) -> Result<(), MailFailure> {
        let password = password.expose_secret();
        let encoded = |text: &str| Zeroizing::new(Base64::encode_string(text.as_bytes()));
        let reply = if self.logins.plain {
            let both = Zeroizing::new(format!("\0{user}\0{password}"));
            let both = encoded(&both);
            self.command(&Zeroizing::new(format!("AUTH PLAIN {}", *both)))?
        } else if self.logins.login {
            self.command("AUTH LOGIN")?.expect(334, "AUTH LOGIN")?;
            self.command(&encoded(user))?.expect(334, "the user name")?;
            self.command(&encoded(password))?
        } else {
            let why = "the mail server takes neither AUTH PLAIN nor AUTH LOGIN";
            return Err(MailFailure::Later(why.to_owned()));
        };
        reply.expect(235, "the user name and password")
    }

    /// Sends one mail. The receipt is what the server calls it.
    pub fn send(
        &mut self,
        from: &MailAddress,
        to: &MailAddress,
        mail: &WrittenMail,
    ) -> Result<Option<String>, MailFailure> {
        let body = if mail.eight_bit { " BODY=8BITMIME" } else { "" };
        let ascii = from.as_str().is_ascii() && to.as_str().is_ascii();
        let utf8 = if ascii { "" } else { " SMTPUTF8" };
        let begin = format!("MAIL FROM:<{}>{body}{utf8}", from.as_str());
        self.command(&begin)?.of_mail(250, "MAIL")?;
        let to = format!("RCPT TO:<{}>", to.as_str());
        self.command(&to)?.of_mail(250, "RCPT")?;
        self.command("DATA")?.of_mail(354, "DATA")?;
        self.write(dotted(&mail.text).as_bytes())?;
        let reply = self.reply().map_err(|error| match error {
            MailFailure::NotSent(why) => {
                MailFailure::NotKnown(format!("the mail was sent, then {why}"))
            }
            other => other,
        })?;
        reply.of_mail(250, "the mail")?;
        Ok(reply.receipt())
    }

    fn command(&mut self, line: &str) -> Result<Reply, MailFailure> {
        let line = Zeroizing::new([line, "\r\n"].concat());
        self.write(line.as_bytes())?;
        self.reply()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), MailFailure> {
        let written = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        written.map_err(|error| MailFailure::NotSent(lost(&error)))
    }

    fn reply(&mut self) -> Result<Reply, MailFailure> {
        let not_sent = |why: &str| MailFailure::NotSent(why.to_owned());
        loop {
            if let Some((reply, length)) = first_reply(&self.received).map_err(not_sent)? {
                self.received.drain(..length);
                return Ok(reply);
            }
            let mut chunk = [0; REPLY_LINE_BYTES_MAX];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(not_sent(CLOSED)),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) => return Err(MailFailure::NotSent(lost(&error))),
            }
        }
    }
}

/// The answer at the front of what was received, and its length; `None` if it is not whole yet.
///
/// # Errors
/// Why it is none.
pub(super) fn first_reply(received: &[u8]) -> Result<Option<(Reply, usize)>, &'static str> {
    let no_smtp = "the answer is no SMTP";
    let (mut lines, mut length) = (Vec::new(), 0);
    loop {
        let rest = &received[length..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            let is_long = rest.len() > REPLY_LINE_BYTES_MAX;
            return if is_long { Err("the answer has a line without an end") } else { Ok(None) };
        };
        length += end + 1;
        let line = String::from_utf8_lossy(rest[..end].trim_ascii_end());
        let (code, text) = line.split_at_checked(3).ok_or(no_smtp)?;
        let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|_| is_code).ok_or(no_smtp)?;
        lines.push(text.get(1..).unwrap_or_default().to_owned());
        match text.as_bytes().first() {
            None | Some(b' ') => return Ok(Some((Reply { code, lines }, length))),
            Some(b'-') if lines.len() < REPLY_LINES_MAX => {}
            Some(_) => return Err(no_smtp),
        }
    }
}

/// Reads answers as a connection does, and what is shown of them. Returns the length of those that
/// are whole.
pub(crate) fn read_all(received: &[u8]) -> usize {
    let mut length = 0;
    while let Ok(Some((reply, more))) = first_reply(&received[length..]) {
        length += more;
        assert!(!reply.said("RCPT").contains('@'), "a reason names nobody");
        assert!(reply.receipt().is_none_or(|receipt| !receipt.contains('@')));
    }
    length
}

impl Reply {
    fn said(&self, to: &str) -> String {
        // Such as 5.1.1 (RFC 3463).
        let detail = self.lines.first().and_then(|line| line.split(' ').next());
        let is_detail = |word: &&str| {
            let numbers = word.split('.').map(|part| part.parse::<u16>());
            word.len() <= 9 && numbers.clone().count() == 3 && numbers.clone().all(|n| n.is_ok())
        };
        match detail.filter(is_detail) {
            Some(detail) => format!("the mail server answered {} {detail} to {to}", self.code),
            None => format!("the mail server answered {} to {to}", self.code),
        }
    }

    /// An answer that is not about a mail: another attempt may find another answer.
    fn expect(&self, code: u16, to: &str) -> Result<(), MailFailure> {
        if self.code == code { Ok(()) } else { Err(MailFailure::Later(self.said(to))) }
    }

    fn of_mail(&self, code: u16, to: &str) -> Result<(), MailFailure> {
        match self.code {
            found if found / 100 == code / 100 => Ok(()),
            500..=599 => Err(MailFailure::Refused(self.said(to))),
            _ => Err(MailFailure::Later(self.said(to))),
        }
    }

    /// What the server calls the mail, such as `2.0.0 Ok: queued as 4XHk3`. Not if it names the
    /// recipient.
    fn receipt(&self) -> Option<String> {
        let line = self.lines.first().filter(|line| !line.contains('@'))?;
        let shown = line.chars().filter(|c| !c.is_control()).take(RECEIPT_CHARACTERS_MAX);
        Some(shown.collect::<String>()).filter(|text| !text.is_empty())
    }
}

fn lost(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::TimedOut => "the mail server was silent".to_owned(),
        // TLS without its own end.
        std::io::ErrorKind::UnexpectedEof => CLOSED.to_owned(),
        kind => format!("the connection to the mail server was lost: {kind}"),
    }
}

/// A line that begins with a dot gets a second one; a dot alone ends the mail (RFC 5321, 4.5.2).
fn dotted(mail: &str) -> String {
    let mut dotted = String::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive("\r\n") {
        if line.starts_with('.') {
            dotted.push('.');
        }
        dotted.push_str(line);
    }
    dotted.push_str(".\r\n");
    dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_ends_a_mail_only_at_its_end() {
        assert_eq!(dotted("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
    }

    #[test]
    fn a_receipt_names_nobody() {
        let of = |line: &str| Reply { code: 250, lines: vec![line.to_owned()] }.receipt();
        assert_eq!(of("2.0.0 Ok: queued as 4X").as_deref(), Some("2.0.0 Ok: queued as 4X"));
        assert_eq!(of("accepted for ann@example.com"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn what_a_server_says_is_shown_as_its_codes_only() {
        let of = |line: &str| Reply { code: 550, lines: vec![line.to_owned()] }.said("RCPT");
        assert_eq!(
            of("5.1.1 <ann@example.com>: unknown"),
            "the mail server answered 550 5.1.1 to RCPT"
        );
        assert_eq!(of("ann@example.com unknown"), "the mail server answered 550 to RCPT");
    }
}

//! SMS over SMPP 3.4, with delivery receipts.

mod gsm;
mod parts;
mod pdu;
mod receipt;
mod session;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use secrecy::{ExposeSecret, SecretString};

pub use self::parts::SMS_PARTS_MAX;
use self::parts::parts_of;
use self::pdu::SmsAddress;
pub use self::receipt::{SmsReceipt, SmsState};
use self::session::{SmppSession, SubmitFailure};
use crate::net::tls_client;
use crate::{Channel, OutgoingNotice, SendOutcome};

const SYSTEM_ID_BYTES_MAX: usize = 15;
const PASSWORD_BYTES_MAX: usize = 8;
const SENDER_NAME_BYTES_MAX: usize = 11;
/// Of a number with its country's code (E.164).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

const TON_UNKNOWN: u8 = 0;
const TON_INTERNATIONAL: u8 = 1;
const TON_ALPHANUMERIC: u8 = 5;
const NPI_UNKNOWN: u8 = 0;
const NPI_TELEPHONE: u8 = 1;

const STATUS_INVALID_BIND: u32 = 0x04;
const STATUS_SYSTEM_ERROR: u32 = 0x08;
const STATUS_QUEUE_FULL: u32 = 0x14;
const STATUS_SUBMIT_FAILED: u32 = 0x45;
const STATUS_THROTTLED: u32 = 0x58;
const THROTTLED_WAIT_MS: u64 = 1_000;
const QUEUE_FULL_WAIT_MS: u64 = 30_000;

/// Takes the receipts of a transceiver, in the thread that reads the connection: it must be quick.
pub type ReceiptSink = dyn Fn(SmsReceipt) + Send + Sync;

/// How SMS are sent.
#[derive(Clone)]
pub struct SmsSettings {
    pub server: String,
    pub port: u16,
    /// Without TLS the password and all texts are readable on the way: use a tunnel.
    pub tls: bool,
    /// Who vouches for the SMS centre, in DER.
    pub authorities: Vec<CertificateDer<'static>>,
    /// At most 15 ASCII characters.
    pub system_id: String,
    /// At most 8 ASCII characters.
    pub password: SecretString,
    pub bind: SmsBind,
    /// Digits of a short number, `+` and a whole number, or a name of at most 11 letters.
    pub sender: String,
    /// The country's code of numbers without `+`, such as 86.
    pub country_code: Option<String>,
    /// The link is tried after this time without a byte from the SMS centre, and is dead after a
    /// second one.
    pub enquire_after: Duration,
    /// Of one notice, from the look-up of the SMS centre to its last answer.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmsBind {
    Transmitter,
    /// Gets receipts too.
    Transceiver,
}

/// Settings that can send no SMS.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SmsSettingsError {
    #[error(
        "the SMS centre's system id does not fit; give 1 to 15 ASCII characters without spaces"
    )]
    SystemId,
    #[error(
        "the SMS centre's password does not fit; give at most 8 ASCII characters without spaces"
    )]
    Password,
    #[error(
        "the sender of SMS does not fit; give digits, + and digits, or a name of at most 11 letters"
    )]
    Sender,
    #[error("the country code for SMS does not fit; give 1 to 3 digits, such as 86")]
    CountryCode,
    #[error("a time limit of SMS is zero; give seconds")]
    Time,
}

/// Sends SMS. An address is a telephone number: `+` and its digits, or digits of the country of the
/// settings; spaces and hyphens do not count.
pub struct SmsChannel {
    settings: SmsSettings,
    tls: Option<Arc<ClientConfig>>,
    sink: Arc<ReceiptSink>,
    bound: Mutex<Option<(Arc<SmppSession>, JoinHandle<()>)>>,
    reference: AtomicU8,
}

impl SmsChannel {
    /// # Errors
    /// If the settings can send no SMS.
    pub fn new(
        settings: SmsSettings,
        sink: Arc<ReceiptSink>,
    ) -> Result<SmsChannel, SmsSettingsError> {
        let graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = &settings.system_id;
        if id.is_empty() || id.len() > SYSTEM_ID_BYTES_MAX || !graphic(id) {
            return Err(SmsSettingsError::SystemId);
        }
        let password = settings.password.expose_secret();
        if password.len() > PASSWORD_BYTES_MAX || !graphic(password) {
            return Err(SmsSettingsError::Password);
        }
        let sender = settings.sender.as_str();
        let is_name = !sender.is_empty()
            && sender.len() <= SENDER_NAME_BYTES_MAX
            && sender.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        let is_number = sender.len() <= 16 && digits(sender.trim_start_matches('+'));
        if !is_name && !is_number {
            return Err(SmsSettingsError::Sender);
        }
        let code = settings.country_code.as_deref();
        if code.is_some_and(|code| !digits(code) || code.len() > 3 || code.starts_with('0')) {
            return Err(SmsSettingsError::CountryCode);
        }
        if settings.timeout.is_zero() || settings.enquire_after.is_zero() {
            return Err(SmsSettingsError::Time);
        }
        let tls = settings.tls.then(|| tls_client(&settings.authorities));
        let (bound, reference) = (Mutex::default(), AtomicU8::default());
        Ok(SmsChannel { settings, tls, sink, bound, reference })
    }

    /// The bound session: a new one if there is none, or the last one has ended.
    fn session(&self, until: Instant) -> Result<Arc<SmppSession>, String> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, _)) = bound.as_ref().filter(|(session, _)| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        end(bound.take());
        let tls = self.tls.as_ref();
        let new = SmppSession::bind(&self.settings, tls, Arc::clone(&self.sink), until)?;
        let session = Arc::clone(&new.0);
        *bound = Some(new);
        Ok(session)
    }

    /// `None` if it is no telephone number.
    fn number(&self, address: &str) -> Option<String> {
        let digits: String = address.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let number = match digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")) {
            Some(international) => international.to_owned(),
            None => [self.settings.country_code.as_deref()?, &digits].concat(),
        };
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let local_zero = digits.starts_with('0') && !digits.starts_with("00");
        let fits = plain && DIGITS.contains(&number.len()) && !number.starts_with('0');
        (fits && !local_zero).then_some(number)
    }

    fn source(&self) -> SmsAddress<'_> {
        let sender = self.settings.sender.as_str();
        let (ton, npi, digits) = match sender.strip_prefix('+') {
            Some(digits) => (TON_INTERNATIONAL, NPI_TELEPHONE, digits),
            None if sender.bytes().all(|byte| byte.is_ascii_digit()) => {
                (TON_UNKNOWN, NPI_TELEPHONE, sender)
            }
            None => (TON_ALPHANUMERIC, NPI_UNKNOWN, sender),
        };
        SmsAddress { ton, npi, digits }
    }
}

impl Channel for SmsChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let refused = |why: &str| SendOutcome::Refused { why: why.to_owned() };
        let failed = |why: String, again_after_ms| SendOutcome::Failed { why, again_after_ms };
        let until = Instant::now() + self.settings.timeout;
        let Some(number) = self.number(address) else {
            return refused("the recipient has no usable telephone number");
        };
        if notice.text.is_empty() {
            return refused("the text is empty");
        }
        let reference = self.reference.fetch_add(1, Ordering::Relaxed);
        let Some(parts) = parts_of(notice.text, reference) else {
            return refused(&format!("the text needs more than {SMS_PARTS_MAX} SMS"));
        };
        let session = match self.session(until) {
            Ok(session) => session,
            Err(why) => return failed(why, None),
        };
        let destination =
            SmsAddress { ton: TON_INTERNATIONAL, npi: NPI_TELEPHONE, digits: &number };
        let mut ids: Vec<String> = Vec::new();
        for part in &parts {
            // An SMS without one of its parts is neither delivered nor safe to repeat.
            let begun = |why: String| SendOutcome::NotKnown {
                why: format!("{} of {} parts were sent, then {why}", ids.len(), parts.len()),
            };
            let body = pdu::submit(&self.source(), &destination, part);
            let submitted = loop {
                let submitted = session.submit(&body, until);
                let busy = submitted.as_ref().ok().and_then(|submitted| wait_ms(submitted.status));
                match busy.map(Duration::from_millis) {
                    Some(wait) if !ids.is_empty() && Instant::now() + wait < until => {
                        thread::sleep(wait);
                    }
                    _ => break submitted,
                }
            };
            let submitted = match submitted {
                Ok(submitted) => submitted,
                Err(SubmitFailure::NotSent(why)) if ids.is_empty() => {
                    return failed(why.to_owned(), None);
                }
                Err(SubmitFailure::NotKnown(why)) if ids.is_empty() => {
                    return SendOutcome::NotKnown { why: why.to_owned() };
                }
                Err(SubmitFailure::NotSent(why) | SubmitFailure::NotKnown(why)) => {
                    return begun(why.to_owned());
                }
            };
            let status = submitted.status;
            let why = format!("the SMS centre refused the message: status {status:#x}");
            match status {
                pdu::STATUS_OK => ids.push(submitted.message_id),
                _ if !ids.is_empty() => return begun(why),
                STATUS_INVALID_BIND => {
                    session.close();
                    return failed(why, None);
                }
                STATUS_SYSTEM_ERROR | STATUS_SUBMIT_FAILED => return failed(why, None),
                _ => match wait_ms(status) {
                    Some(wait) => return failed(why, Some(wait)),
                    None => return SendOutcome::Refused { why },
                },
            }
        }
        let shown = ids.join(",").chars().filter(char::is_ascii_graphic).collect::<String>();
        SendOutcome::Delivered { receipt: Some(shown).filter(|ids| !ids.is_empty()) }
    }
}

/// Reads PDUs as a session does. Returns the length of those that are whole.
pub(crate) fn read_all(received: &[u8]) -> usize {
    let mut length = 0;
    while let Ok(Some((pdu, more))) = pdu::first(&received[length..]) {
        length += more;
        let _ = pdu::message_id(pdu.body);
        let _ = pdu::deliver(pdu.body).as_ref().and_then(SmsReceipt::of);
    }
    length
}

fn wait_ms(status: u32) -> Option<u64> {
    match status {
        STATUS_THROTTLED => Some(THROTTLED_WAIT_MS),
        STATUS_QUEUE_FULL => Some(QUEUE_FULL_WAIT_MS),
        _ => None,
    }
}

impl Drop for SmsChannel {
    fn drop(&mut self) {
        let bound = self.bound.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((session, _)) = &bound {
            session.unbind();
        }
        end(bound);
    }
}

fn end(bound: Option<(Arc<SmppSession>, JoinHandle<()>)>) {
    if let Some((session, thread)) = bound {
        session.close();
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(change: impl FnOnce(&mut SmsSettings)) -> Result<SmsChannel, SmsSettingsError> {
        let mut settings = SmsSettings {
            server: "127.0.0.1".to_owned(),
            port: 2775,
            tls: false,
            authorities: Vec::new(),
            system_id: "doorstep".to_owned(),
            password: "secret".to_owned().into(),
            bind: SmsBind::Transmitter,
            sender: "Doorstep".to_owned(),
            country_code: Some("86".to_owned()),
            enquire_after: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
        };
        change(&mut settings);
        SmsChannel::new(settings, Arc::new(|_| {}))
    }

    #[test]
    fn a_number_has_its_country_or_that_of_the_settings() {
        let here = channel(|_| {}).unwrap();
        for (address, number) in [
            ("+8613800138000", "8613800138000"),
            ("+86 138-0013-8000", "8613800138000"),
            ("13800138000", "8613800138000"),
            ("0041791234567", "41791234567"),
        ] {
            assert_eq!(here.number(address).as_deref(), Some(number), "{address}");
        }
        for address in
            ["", "+", "1", "+0123456789", "010-12345678", "+8613800138000000", "1380013800x"]
        {
            assert_eq!(here.number(address), None, "{address}");
        }
        let nowhere = channel(|settings| settings.country_code = None).unwrap();
        assert_eq!(nowhere.number("13800138000"), None);
    }

    #[test]
    fn settings_that_no_sms_centre_takes_are_refused() {
        let refused = |change: fn(&mut SmsSettings)| channel(change).err();
        use SmsSettingsError as Error;
        assert_eq!(refused(|s| s.system_id = "x".repeat(16)), Some(Error::SystemId));
        assert_eq!(refused(|s| s.system_id = "a\0b".to_owned()), Some(Error::SystemId));
        assert_eq!(refused(|s| s.password = "x".repeat(9).into()), Some(Error::Password));
        assert_eq!(refused(|s| s.sender = "Doorstep Pay".to_owned()), Some(Error::Sender));
        assert_eq!(refused(|s| s.country_code = Some("+86".to_owned())), Some(Error::CountryCode));
        assert_eq!(refused(|s| s.timeout = Duration::ZERO), Some(Error::Time));
    }
}

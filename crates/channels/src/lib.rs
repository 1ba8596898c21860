//! The ways a notice leaves: one text to one recipient, with an outcome that says what is known.
//!
//! Never: books, a queue, a retry, a recipient's address or a secret in an outcome or an error, a
//! wait or an answer without a limit.
//!
//! Start at [`Channel`]. docs/notices-channels.md has the limits of each channel and what counts
//! as known.

mod http;
mod mail;
mod net;
mod platform;
mod sms;
mod webhook;
mod wechat;
mod wecom;
mod weibo;

use serde_json::Value;

pub use self::http::{AllowedServerError, AllowedServers, HttpSettings, is_public};
pub use self::mail::{MailChannel, MailEncryption, MailSettings, MailSettingsError};
pub use self::net::system_authorities;
pub use self::sms::{
    ReceiptSink, SMS_PARTS_MAX, SmsBind, SmsChannel, SmsReceipt, SmsSettings, SmsSettingsError,
    SmsState,
};
pub use self::webhook::{
    WEBHOOK_BODY_BYTES_MAX, WEBHOOK_KEYS_MAX, WebhookChannel, WebhookKey, WebhookKeyError,
};
pub use self::wechat::{
    WECHAT_ONE_TIME_TEXT_CHARACTERS_MAX, WECHAT_ONE_TIME_TITLE_CHARACTERS_MAX, WechatChannel,
    WechatKind, WechatSettings, WechatSource, WechatTemplate,
};
pub use self::wecom::{
    WECOM_MARKDOWN_BYTES_MAX, WECOM_PER_MINUTE_MAX, WECOM_TEXT_BYTES_MAX, WecomChannel, WecomFormat,
};
pub use self::weibo::{WEIBO_CHARACTERS_MAX, WeiboChannel, WeiboSettings};

/// Reads what servers answer and keeps nothing: for fuzz targets. Returns how many bytes whole
/// answers have.
pub mod fuzzing {
    #[must_use]
    pub fn smtp(received: &[u8]) -> usize {
        crate::mail::read_all(received)
    }

    #[must_use]
    pub fn smpp(received: &[u8]) -> usize {
        crate::sms::read_all(received)
    }
}

/// One notice on its way to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingNotice<'n> {
    /// Stays the same over retries: the `webhook-id`, the Message-ID of a mail.
    pub id: &'n str,
    /// Such as `payout.sent`.
    pub event: &'n str,
    pub title: &'n str,
    pub text: &'n str,
    /// The same as a page, for who reads mail as pages.
    pub html: Option<&'n str>,
    /// The list of mails of which it is one.
    pub list: Option<MailList<'n>>,
    pub language: NoticeLanguage,
    /// For programs: the `data` of a webhook, the fields of a WeChat template.
    pub payload: &'n Value,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Mails that a recipient can end, and gets no other way.
#[derive(Clone, Copy, Debug)]
pub struct MailList<'n> {
    /// The first label of its List-Id (RFC 2919).
    pub name: &'n str,
    /// Ends the mails of the list: with one click if it is https (RFC 8058).
    pub unsubscribe: Option<&'n str>,
}

/// The language of a notice's title and text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeLanguage {
    #[default]
    En,
    Zh,
}

/// How a send ended. The reasons name no recipient and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// `receipt` is the receiver's own identifier, such as an SMS centre's.
    Delivered { receipt: Option<String> },
    /// Known: not delivered, and a retry ends the same way.
    Refused { why: String },
    /// Known: not delivered. A retry may succeed, not before `again_after_ms` from now.
    Failed { why: String, again_after_ms: Option<u64> },
    /// Known: not delivered. The recipient ended it, and every later notice ends the same way.
    Gone { why: String },
    /// The notice may have been delivered.
    NotKnown { why: String },
}

/// Sends notices in one way. Blocks, for at most the channel's time limit. One channel may be used
/// by several threads at once.
pub trait Channel: Send + Sync {
    /// `address` is a URL, a mail address, a phone number or an open id, as the channel says. It
    /// is personal data or a secret.
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome;
}

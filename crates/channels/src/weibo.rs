//! Weibo, for public notices only: a post of an account, with a link to our own domain.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::http::{Connections, HttpClient, HttpSettings};
use crate::platform::{PlatformAnswer, joined};
use crate::{Channel, OutgoingNotice, SendOutcome};

pub const WEIBO_CHARACTERS_MAX: usize = 140;
const TOKEN_BYTES_MAX: usize = 256;
const ID_CHARACTERS_MAX: usize = 32;
const HOUR_MS: u64 = 60 * 60 * 1_000;

const UNAVAILABLE: i64 = 10_002;
const BUSY: i64 = 10_009;
const LIMIT_OF_ADDRESS: i64 = 10_022;
const LIMIT_OF_USER: i64 = 10_023;
const LIMIT_OF_API: i64 = 10_024;
const LIMIT_OF_POSTS: i64 = 20_016;
/// Errors after which a post may be there.
const SYSTEM_ERROR: i64 = 10_001;
const REMOTE_ERROR: i64 = 10_003;
const JOB_EXPIRED: i64 = 10_010;
const TOKEN_ERRORS: std::ops::RangeInclusive<i64> = 21_314..=21_319;
const TOKEN_EXPIRED: i64 = 21_327;
const TOKEN_REJECTED: i64 = 21_332;

/// How an account posts.
pub struct WeiboSettings {
    pub http: HttpSettings,
    /// Most often `https://api.weibo.com`.
    pub api: String,
    /// The domain that the app is registered with: each post has a URL of it.
    pub app_domain: String,
}

/// Posts. An address is the account's access token.
pub struct WeiboChannel {
    settings: WeiboSettings,
    client: HttpClient,
}

impl WeiboChannel {
    #[must_use]
    pub fn new(settings: WeiboSettings) -> WeiboChannel {
        let client = HttpClient::new(&settings.http, Connections::OneRequest);
        WeiboChannel { settings, client }
    }
}

impl Channel for WeiboChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let refused = |why: String| SendOutcome::Refused { why };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if address.is_empty() || address.len() > TOKEN_BYTES_MAX || !address.bytes().all(plain) {
            return refused("the account has no usable access token".to_owned());
        }
        let status = post_of(notice, &self.settings.app_domain);
        let count = status.chars().count();
        if count > WEIBO_CHARACTERS_MAX {
            let why =
                format!("the post has {count} characters; Weibo takes {WEIBO_CHARACTERS_MAX}");
            return refused(why);
        }
        let url = format!("{}/2/statuses/share.json", self.settings.api);
        let form = format!("access_token={address}&status={}", percent_encoded(&status));
        let form = Zeroizing::new(form);
        let kind = "application/x-www-form-urlencoded";
        let answer = match PlatformAnswer::ask(&self.client, &url, kind, &form) {
            Ok(answer) => answer,
            Err(error) => return error.outcome(),
        };
        if let Some(body) = answer.body(|body| body["idstr"].is_string()) {
            let id = body["idstr"].as_str().unwrap_or_default();
            let id: String =
                id.chars().filter(char::is_ascii_graphic).take(ID_CHARACTERS_MAX).collect();
            return SendOutcome::Delivered { receipt: Some(id).filter(|id| !id.is_empty()) };
        }
        let Some(body) = answer.body(|body| body["error_code"].is_i64()) else {
            return answer.without_meaning();
        };
        let code = body["error_code"].as_i64().unwrap_or_default();
        let why = format!("Weibo answered error {code}");
        match code {
            UNAVAILABLE | BUSY => SendOutcome::Failed { why, again_after_ms: None },
            LIMIT_OF_ADDRESS | LIMIT_OF_USER | LIMIT_OF_API | LIMIT_OF_POSTS => {
                SendOutcome::Failed { why, again_after_ms: Some(HOUR_MS) }
            }
            SYSTEM_ERROR | REMOTE_ERROR | JOB_EXPIRED => SendOutcome::NotKnown { why },
            TOKEN_EXPIRED | TOKEN_REJECTED => SendOutcome::Gone { why },
            code if TOKEN_ERRORS.contains(&code) => SendOutcome::Gone { why },
            _ => SendOutcome::Refused { why },
        }
    }
}

/// Title and text, or the text alone if both do not fit, with a URL of the domain: Weibo takes no
/// post without one.
fn post_of(notice: &OutgoingNotice<'_>, domain: &str) -> String {
    let with_url = |text: &str| match links_to(text, domain) {
        true => text.to_owned(),
        false => format!("{text} https://{domain}/"),
    };
    let whole = with_url(&joined(notice.title, notice.text));
    match whole.chars().count() > WEIBO_CHARACTERS_MAX && !notice.text.is_empty() {
        true => with_url(notice.text),
        false => whole,
    }
}

/// Whether a text has a URL of the domain or of a name under it.
fn links_to(text: &str, domain: &str) -> bool {
    let urls = text.split("https://").skip(1).chain(text.split("http://").skip(1));
    urls.into_iter().any(|rest| {
        let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let end = rest.find(|c| !of_host(c)).unwrap_or(rest.len());
        let (host, after) = rest.split_at(end);
        let is_own =
            host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'));
        // A name before an @ is no host.
        is_own && !after.starts_with(['@', ':'])
    })
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_the_own_domain_counts() {
        for text in [
            "见 https://doorstep.example/n/1",
            "http://www.doorstep.example",
            "http://other.example https://doorstep.example。",
        ] {
            assert!(links_to(text, "doorstep.example"), "{text}");
        }
        for text in [
            "doorstep.example",
            "https://notdoorstep.example/",
            "https://doorstep.example.org/",
            "https://doorstep.example@evil.example/",
            "https://other.example/https/doorstep.example",
        ] {
            assert!(!links_to(text, "doorstep.example"), "{text}");
        }
    }
}

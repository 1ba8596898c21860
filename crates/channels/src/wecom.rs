//! Robots of WeCom groups: one POST to a URL whose key is the secret.

use serde_json::json;

use crate::http::{Connections, HttpClient, HttpSettings};
use crate::platform::{PlatformAnswer, joined};
use crate::{Channel, OutgoingNotice, SendOutcome};

pub const WECOM_TEXT_BYTES_MAX: usize = 2_048;
pub const WECOM_MARKDOWN_BYTES_MAX: usize = 4_096;
/// Messages of one robot.
pub const WECOM_PER_MINUTE_MAX: u32 = 20;
const SERVER: &str = "qyapi.weixin.qq.com";
const MINUTE_MS: u64 = 60_000;

const OK: i64 = 0;
const SYSTEM_BUSY: i64 = -1;
const TOO_MANY: i64 = 45_009;
const TOO_MANY_AT_ONCE: i64 = 45_033;
const ROBOT_UNKNOWN: i64 = 93_000;
const ROBOT_STOPPED: i64 = 93_004;
const ROBOT_NOT_IN_GROUP: i64 = 93_008;

/// How a robot writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WecomFormat {
    Text,
    /// The title in bold; twice as long. Nothing in a notice acts as markup.
    Markdown,
}

/// Sends to robots. An address is the robot's URL.
pub struct WecomChannel {
    client: HttpClient,
    format: WecomFormat,
}

impl WecomChannel {
    #[must_use]
    pub fn new(settings: &HttpSettings, format: WecomFormat) -> WecomChannel {
        WecomChannel { client: HttpClient::new(settings, Connections::OneRequest), format }
    }
}

impl Channel for WecomChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let refused = |why: String| SendOutcome::Refused { why };
        if !self.client.is_of(address, SERVER) {
            return refused(format!("the robot's URL is not of {SERVER}, nor of a server allowed"));
        }
        let (kind, content, most) = match self.format {
            WecomFormat::Text => ("text", joined(notice.title, notice.text), WECOM_TEXT_BYTES_MAX),
            WecomFormat::Markdown => {
                let title = match notice.title {
                    "" => String::new(),
                    title => format!("**{}**", without_markup(title)),
                };
                let content = joined(&title, &without_markup(notice.text));
                ("markdown", content, WECOM_MARKDOWN_BYTES_MAX)
            }
        };
        if content.is_empty() || content.len() > most {
            let bytes = content.len();
            return refused(format!("the text has {bytes} bytes; a robot takes 1 to {most}"));
        }
        let body = json!({ "msgtype": kind, kind: { "content": content } }).to_string();
        let json = "application/json; charset=utf-8";
        let answer = match PlatformAnswer::ask(&self.client, address, json, &body) {
            Ok(answer) => answer,
            Err(error) => return error.outcome(),
        };
        let Some(body) = answer.body(|body| body["errcode"].is_i64()) else {
            return answer.without_meaning();
        };
        let code = body["errcode"].as_i64().unwrap_or_default();
        let why = format!("WeCom answered errcode {code}");
        match code {
            OK => SendOutcome::Delivered { receipt: None },
            TOO_MANY | TOO_MANY_AT_ONCE => {
                SendOutcome::Failed { why, again_after_ms: Some(MINUTE_MS) }
            }
            SYSTEM_BUSY => SendOutcome::Failed { why, again_after_ms: None },
            ROBOT_UNKNOWN | ROBOT_STOPPED | ROBOT_NOT_IN_GROUP => SendOutcome::Gone { why },
            _ => SendOutcome::Refused { why },
        }
    }
}

/// WeCom's markdown has no escapes: what could act gets its full-width form.
fn without_markup(text: &str) -> String {
    let plain = |c: char| match c {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '*' => '＊',
        '`' => '｀',
        '#' => '＃',
        c => c,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_notice_neither_links_nor_mentions() {
        let text = "<@all> [开票](http://x.example) **加急** `a` # b";
        let shown = without_markup(text);
        assert!(!shown.contains(['<', '>', '[', ']', '*', '`', '#']), "{shown}");
        assert_eq!(shown.chars().count(), text.chars().count());
    }
}

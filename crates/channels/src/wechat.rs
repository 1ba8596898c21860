//! A WeChat service account: subscription messages by template, and one-time subscriptions. A user
//! who has not agreed gets nothing: whoever sends counts the consents.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::http::{Connections, HttpClient, HttpSettings, NoAnswer};
use crate::platform::PlatformAnswer;
use crate::{Channel, OutgoingNotice, SendOutcome};

pub const WECHAT_ONE_TIME_TITLE_CHARACTERS_MAX: usize = 15;
pub const WECHAT_ONE_TIME_TEXT_CHARACTERS_MAX: usize = 200;
const OPEN_ID_BYTES_MAX: usize = 64;
const TOKEN_BYTES_MAX: usize = 1_024;
/// A token is fetched again when it is valid for less than this.
const TOKEN_MARGIN_MS: u64 = 5 * 60 * 1_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Characters of a field's value by the kind in its name, such as `thing4`.
const FIELD_CHARACTERS_MAX: [(&str, usize); 9] = [
    ("thing", 20),
    ("number", 32),
    ("letter", 32),
    ("symbol", 5),
    ("character_string", 32),
    ("phone_number", 17),
    ("car_number", 8),
    ("name", 20),
    ("phrase", 5),
];
/// Of other kinds: dates, times, amounts, constants.
const FIELD_CHARACTERS_MAX_OTHER: usize = 32;

const OK: i64 = 0;
const SYSTEM_BUSY: i64 = -1;
const TOKEN_INVALID: i64 = 40_001;
const TOKEN_UNKNOWN: i64 = 40_014;
const TOKEN_EXPIRED: i64 = 42_001;
const USER_REFUSES: i64 = 43_101;
const QUOTA_USED: i64 = 45_009;

/// How a service account sends.
pub struct WechatSettings {
    pub http: HttpSettings,
    /// Most often `https://api.weixin.qq.com`.
    pub api: String,
    pub app_id: String,
    pub app_secret: SecretString,
    /// By event; an event without one is refused.
    pub templates: BTreeMap<String, WechatTemplate>,
}

/// How one event becomes a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatTemplate {
    pub template_id: String,
    /// The page that a tap opens.
    pub url: Option<String>,
    pub kind: WechatKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WechatKind {
    /// `message/subscribe/bizsend`: the template's fields, each with its source.
    Subscription { fields: Vec<(String, WechatSource)> },
    /// `message/template/subscribe`: title and text, once for each consent in a `scene` of 0 to
    /// 10,000.
    OneTime { scene: u16 },
}

/// Where the value of a template's field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WechatSource {
    Title,
    Text,
    /// A JSON pointer into the payload, to a text or a whole number.
    Payload(String),
}

/// Sends to users of a service account. An address is the user's open id.
pub struct WechatChannel {
    settings: WechatSettings,
    client: HttpClient,
    token: Mutex<Option<KeptToken>>,
}

struct KeptToken {
    token: Zeroizing<String>,
    until: Instant,
}

impl WechatChannel {
    #[must_use]
    pub fn new(settings: WechatSettings) -> WechatChannel {
        let client = HttpClient::new(&settings.http, Connections::OneRequest);
        WechatChannel { settings, client, token: Mutex::default() }
    }

    /// The token in force. Fetched by one thread, while others wait.
    fn token(&self) -> Result<Zeroizing<String>, SendOutcome> {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(kept.token.clone());
        }
        let failed = |why: String| SendOutcome::Failed { why, again_after_ms: None };
        // The stable token: others who fetch one do not end ours.
        let url = format!("{}/cgi-bin/stable_token", self.settings.api);
        let asked = json!({
            "grant_type": "client_credential",
            "appid": self.settings.app_id,
            "secret": self.settings.app_secret.expose_secret(),
        });
        let asked = Zeroizing::new(asked.to_string());
        let answer = PlatformAnswer::ask(&self.client, &url, "application/json", &asked);
        let answer = answer.map_err(|error| match error {
            NoAnswer::Refused(why) => failed(format!("no access token: {why}")),
            NoAnswer::NotSent(why) | NoAnswer::NotKnown(why) => {
                failed(format!("no access token: {why}"))
            }
        })?;
        let Some(body) = answer.body(|body| body["access_token"].is_string()) else {
            let code = answer.body(|body| body["errcode"].is_i64());
            let code = code.map_or(Value::Null, |body| body["errcode"].clone());
            return Err(failed(format!("WeChat gave no access token: errcode {code}")));
        };
        let token = body["access_token"].as_str().unwrap_or_default();
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !is_plain(token) {
            return Err(failed("WeChat gave an access token that is none".to_owned()));
        }
        let valid_ms = body["expires_in"].as_u64().unwrap_or(0).saturating_mul(1_000).min(DAY_MS);
        let left = Duration::from_millis(valid_ms.saturating_sub(TOKEN_MARGIN_MS));
        let token = Zeroizing::new(token.to_owned());
        *kept = Some(KeptToken { token: token.clone(), until: Instant::now() + left });
        Ok(token)
    }

    /// Drops a token that WeChat no longer takes, unless another thread has fetched a new one.
    fn drop_token(&self, token: &str) {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|kept| *kept.token == token);
    }
}

impl Channel for WechatChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let refused = |why: String| SendOutcome::Refused { why };
        if address.is_empty() || address.len() > OPEN_ID_BYTES_MAX || !is_plain(address) {
            return refused("the recipient has no usable open id".to_owned());
        }
        let Some(template) = self.settings.templates.get(notice.event) else {
            return refused(format!("the event {} has no template of WeChat", notice.event));
        };
        let (path, body) = match message(notice, template, address) {
            Ok(message) => message,
            Err(why) => return refused(why),
        };
        let mut is_first = true;
        loop {
            let token = match self.token() {
                Ok(token) => token,
                Err(outcome) => return outcome,
            };
            let url = format!("{}/cgi-bin/{path}?access_token={}", self.settings.api, *token);
            let url = Zeroizing::new(url);
            let json = "application/json; charset=utf-8";
            let answer = match PlatformAnswer::ask(&self.client, &url, json, &body) {
                Ok(answer) => answer,
                Err(error) => return error.outcome(),
            };
            let Some(body) = answer.body(|body| body["errcode"].is_i64()) else {
                return answer.without_meaning();
            };
            let code = body["errcode"].as_i64().unwrap_or_default();
            let why = format!("WeChat answered errcode {code}");
            return match code {
                OK => {
                    let id = &body["msgid"];
                    let id =
                        id.as_str().map(str::to_owned).or_else(|| Some(id.as_u64()?.to_string()));
                    SendOutcome::Delivered { receipt: id.filter(|id| is_plain(id)) }
                }
                TOKEN_INVALID | TOKEN_UNKNOWN | TOKEN_EXPIRED => {
                    self.drop_token(&token);
                    if is_first {
                        is_first = false;
                        continue;
                    }
                    SendOutcome::Failed { why, again_after_ms: None }
                }
                SYSTEM_BUSY => SendOutcome::Failed { why, again_after_ms: None },
                // Until the quota of the next day.
                QUOTA_USED => SendOutcome::Failed { why, again_after_ms: Some(DAY_MS) },
                USER_REFUSES => SendOutcome::Gone { why },
                _ => SendOutcome::Refused { why },
            };
        }
    }
}

/// Path and body of a message.
fn message(
    notice: &OutgoingNotice<'_>,
    template: &WechatTemplate,
    open_id: &str,
) -> Result<(&'static str, String), String> {
    let mut body = Map::new();
    body.insert("touser".to_owned(), open_id.into());
    body.insert("template_id".to_owned(), template.template_id.as_str().into());
    let path = match &template.kind {
        WechatKind::Subscription { fields } => {
            if let Some(url) = &template.url {
                body.insert("page".to_owned(), url.as_str().into());
            }
            let values = fields.iter().map(|(name, source)| {
                let value = value_of(notice, source).ok_or_else(|| {
                    format!("the payload has no text or whole number for the field {name}")
                })?;
                limited(name, &value, field_characters_max(name))?;
                Ok((name.clone(), json!({ "value": value })))
            });
            let values: Result<Map<String, Value>, String> = values.collect();
            body.insert("data".to_owned(), Value::Object(values?));
            "message/subscribe/bizsend"
        }
        WechatKind::OneTime { scene } => {
            limited("title", notice.title, WECHAT_ONE_TIME_TITLE_CHARACTERS_MAX)?;
            limited("text", notice.text, WECHAT_ONE_TIME_TEXT_CHARACTERS_MAX)?;
            if let Some(url) = &template.url {
                body.insert("url".to_owned(), url.as_str().into());
            }
            body.insert("scene".to_owned(), scene.to_string().into());
            body.insert("title".to_owned(), notice.title.into());
            body.insert("data".to_owned(), json!({ "content": { "value": notice.text } }));
            "message/template/subscribe"
        }
    };
    Ok((path, Value::Object(body).to_string()))
}

fn value_of(notice: &OutgoingNotice<'_>, source: &WechatSource) -> Option<String> {
    match source {
        WechatSource::Title => Some(notice.title.to_owned()),
        WechatSource::Text => Some(notice.text.to_owned()),
        WechatSource::Payload(pointer) => match notice.payload.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        },
    }
}

fn field_characters_max(name: &str) -> usize {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let found = FIELD_CHARACTERS_MAX.iter().find(|(of, _)| *of == kind);
    found.map_or(FIELD_CHARACTERS_MAX_OTHER, |(_, most)| *most)
}

/// WeChat refuses an empty value too.
fn limited(name: &str, value: &str, most: usize) -> Result<(), String> {
    match value.chars().count() {
        0 => Err(format!("the field {name} is empty")),
        count if count > most => {
            Err(format!("the field {name} has {count} characters; WeChat takes {most}"))
        }
        _ => Ok(()),
    }
}

/// Whether a text can stand in a URL as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

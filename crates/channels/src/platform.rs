//! What the platforms with an HTTP API of JSON have in common: an answer that counts only when its
//! body says so.

use serde_json::Value;

use crate::SendOutcome;
use crate::http::{HttpClient, HttpReply, NoAnswer};

pub(crate) struct PlatformAnswer {
    status: u16,
    again_after_ms: Option<u64>,
    body: Result<Value, String>,
}

impl PlatformAnswer {
    pub fn ask(
        client: &HttpClient,
        url: &str,
        content_type: &str,
        body: &str,
    ) -> Result<PlatformAnswer, NoAnswer> {
        let answer: HttpReply =
            client.post(url, &[("content-type", content_type)], body.as_bytes())?;
        let (status, again_after_ms) = (answer.status().as_u16(), answer.retry_after_ms());
        let body = answer.body().and_then(|body| {
            let json = serde_json::from_slice(&body);
            json.map_err(|_| "the answer is no JSON".to_owned())
        });
        Ok(PlatformAnswer { status, again_after_ms, body })
    }

    /// The body, if it says what became of the notice.
    pub fn body(&self, is_known: impl FnOnce(&Value) -> bool) -> Option<&Value> {
        self.body.as_ref().ok().filter(|body| is_known(body))
    }

    /// The outcome of an answer whose body says nothing. A gateway that fails behind its front may
    /// have passed the notice on.
    pub fn without_meaning(&self) -> SendOutcome {
        let status = self.status;
        match status {
            200..=299 => SendOutcome::NotKnown {
                why: match &self.body {
                    Err(why) => why.clone(),
                    Ok(_) => "the answer has no result".to_owned(),
                },
            },
            429 | 503 => SendOutcome::Failed {
                why: format!("the platform answered {status}"),
                again_after_ms: self.again_after_ms,
            },
            300..=399 => SendOutcome::Failed {
                why: format!("the platform answered {status}: redirects are not followed"),
                again_after_ms: None,
            },
            400..=499 => SendOutcome::Refused { why: format!("the platform answered {status}") },
            _ => SendOutcome::NotKnown { why: format!("the platform answered {status}") },
        }
    }
}

/// Title and text as one. A notice can have either alone.
pub(crate) fn joined(title: &str, text: &str) -> String {
    match (title, text) {
        ("", text) => text.to_owned(),
        (title, "") => title.to_owned(),
        (title, text) => format!("{title}\n{text}"),
    }
}

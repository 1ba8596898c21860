//! Webhooks as Standard Webhooks 1.0 has them: a JSON body under 20 kB, an id that stays the same
//! over retries, and signatures over `id.timestamp.body`, several during a rotation of keys.

use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Base64Unpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::http::{Connections, HttpClient, HttpSettings};
use crate::{Channel, OutgoingNotice, SendOutcome};

/// Of a body: the standard asks for less than 20 kB.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 20_000;
/// Keys that sign one notice: the one in force, and those of a rotation.
pub const WEBHOOK_KEYS_MAX: usize = 4;
const ID_BYTES_MAX: usize = 128;
const HMAC_KEY_BYTES_MIN: usize = 24;
const HMAC_KEY_BYTES_MAX: usize = 64;
const ED25519_SEED_BYTES: usize = 32;

/// Sends webhooks. An address is a URL and its keys, separated by spaces: `https://host/path
/// whsk_… whsec_…`.
pub struct WebhookChannel(HttpClient);

/// A key that signs webhooks.
pub enum WebhookKey {
    /// Signs as `v1a`: `whsk_` and the seed in base64, or the seed and the public key.
    Ed25519(Ed25519KeyPair),
    /// Signs as `v1`: `whsec_` and 24 to 64 bytes in base64.
    Hmac(Zeroizing<Vec<u8>>),
}

/// Text that is no key. The text is not repeated: it may be a key with a typing error.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WebhookKeyError {
    #[error(
        "this is no key of a webhook; give one that begins with whsk_ (ed25519) or whsec_ (HMAC)"
    )]
    Prefix,
    #[error("the key after {prefix} is no base64; give the whole key")]
    NotBase64 { prefix: &'static str },
    #[error("the key after whsec_ has {bytes} bytes; give one of 24 to 64")]
    HmacLength { bytes: usize },
    #[error("the key after whsk_ is no ed25519 key; give its 32 bytes, or both keys' 64")]
    Ed25519,
    #[error("the system gives no random bytes; try again")]
    NoRandomness,
}

const ED25519: &str = "whsk_";
const HMAC: &str = "whsec_";

impl WebhookKey {
    /// Reads a key as [`WebhookKey::new_ed25519`] and [`WebhookKey::new_hmac`] write it.
    ///
    /// # Errors
    /// If the text is no key.
    pub fn read(text: &str) -> Result<WebhookKey, WebhookKeyError> {
        if let Some(encoded) = text.strip_prefix(HMAC) {
            let key = bytes_of(encoded).ok_or(WebhookKeyError::NotBase64 { prefix: HMAC })?;
            return match key.len() {
                HMAC_KEY_BYTES_MIN..=HMAC_KEY_BYTES_MAX => Ok(WebhookKey::Hmac(key)),
                bytes => Err(WebhookKeyError::HmacLength { bytes }),
            };
        }
        let encoded = text.strip_prefix(ED25519).ok_or(WebhookKeyError::Prefix)?;
        let key = bytes_of(encoded).ok_or(WebhookKeyError::NotBase64 { prefix: ED25519 })?;
        let pair = match key.split_at_checked(ED25519_SEED_BYTES) {
            Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed),
            Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => return Err(WebhookKeyError::Ed25519),
        };
        pair.map(WebhookKey::Ed25519).map_err(|_| WebhookKeyError::Ed25519)
    }

    /// A new `whsk_` key.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn new_ed25519() -> Result<Zeroizing<String>, WebhookKeyError> {
        let mut both = random_bytes(ED25519_SEED_BYTES)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&both);
        let pair = pair.map_err(|_| WebhookKeyError::Ed25519)?;
        // What libsodium calls a secret key: the form that receivers' libraries read.
        both.extend_from_slice(pair.public_key().as_ref());
        Ok(text_of(ED25519, &both))
    }

    /// A new `whsec_` key.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn new_hmac() -> Result<Zeroizing<String>, WebhookKeyError> {
        Ok(text_of(HMAC, &random_bytes(32)?))
    }

    /// The `whpk_` key that verifies an ed25519 key's signatures: not secret. An HMAC key has none.
    #[must_use]
    pub fn public(&self) -> Option<String> {
        match self {
            WebhookKey::Ed25519(pair) => {
                Some(format!("whpk_{}", Base64::encode_string(pair.public_key().as_ref())))
            }
            WebhookKey::Hmac(_) => None,
        }
    }

    /// The value of one signature in the header `webhook-signature`.
    fn sign(&self, signed: &[u8]) -> String {
        match self {
            WebhookKey::Ed25519(pair) => {
                format!("v1a,{}", Base64::encode_string(pair.sign(signed).as_ref()))
            }
            WebhookKey::Hmac(key) => {
                let mac =
                    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                let tag = mac.chain_update(signed).finalize().into_bytes();
                format!("v1,{}", Base64::encode_string(&tag))
            }
        }
    }
}

fn random_bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, WebhookKeyError> {
    // Room for a public key behind a seed: a vector that grows leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * count));
    bytes.resize(count, 0);
    getrandom::fill(&mut bytes).map_err(|_| WebhookKeyError::NoRandomness)?;
    Ok(bytes)
}

fn text_of(prefix: &str, key: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(Base64::encode_string(key));
    Zeroizing::new([prefix, &encoded].concat())
}

/// Some issuers leave the padding out.
fn bytes_of(encoded: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Base64::decode_vec(encoded).or_else(|_| Base64Unpadded::decode_vec(encoded));
    bytes.ok().map(Zeroizing::new)
}

impl WebhookChannel {
    #[must_use]
    pub fn new(settings: &HttpSettings) -> WebhookChannel {
        WebhookChannel(HttpClient::new(settings, Connections::Kept))
    }
}

impl Channel for WebhookChannel {
    fn send(&self, notice: &OutgoingNotice<'_>, address: &str) -> SendOutcome {
        let refused = |why: String| SendOutcome::Refused { why };
        let mut words = address.split_whitespace();
        let Some(url) = words.next() else {
            return refused("the endpoint has no URL".to_owned());
        };
        let keys: Vec<_> = match words.take(WEBHOOK_KEYS_MAX + 1).map(WebhookKey::read).collect() {
            Ok(keys) => keys,
            Err(error) => return refused(format!("a key of the endpoint: {error}")),
        };
        if keys.is_empty() || keys.len() > WEBHOOK_KEYS_MAX {
            let why = format!("the endpoint needs 1 to {WEBHOOK_KEYS_MAX} keys");
            return refused(why);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if notice.id.is_empty() || notice.id.len() > ID_BYTES_MAX || !notice.id.bytes().all(plain) {
            return refused("the notice's id is not of letters, digits, `_` and `-`".to_owned());
        }
        let body = match body_of(notice) {
            Ok(body) => body,
            Err(why) => return refused(why),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = now.as_secs().to_string();
        let signed = [notice.id, ".", &timestamp, ".", &body].concat();
        let signatures: Vec<_> = keys.iter().map(|key| key.sign(signed.as_bytes())).collect();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", notice.id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signatures.join(" ")),
        ];
        let answer = match self.0.post(url, &headers, body.as_bytes()) {
            Ok(answer) => answer,
            Err(error) => return error.outcome(),
        };
        let (status, again_after_ms) = (answer.status(), answer.retry_after_ms());
        answer.finish();
        let status = status.as_u16();
        match status {
            200..=299 => SendOutcome::Delivered { receipt: None },
            410 => SendOutcome::Gone { why: "the endpoint answered 410 Gone".to_owned() },
            300..=399 => {
                let why = format!("the endpoint answered {status}: redirects are not followed");
                SendOutcome::Failed { why, again_after_ms: None }
            }
            _ => SendOutcome::Failed {
                why: format!("the endpoint answered {status}"),
                again_after_ms,
            },
        }
    }
}

/// The same bytes at each retry.
fn body_of(notice: &OutgoingNotice<'_>) -> Result<String, String> {
    let at_ms = i64::try_from(notice.at_ms).ok();
    let at = at_ms.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let at = at.ok_or("the notice's time is beyond the calendar")?;
    let body = json!({
        "type": notice.event,
        "timestamp": format!("{at:.3}"),
        "data": notice.payload,
    });
    let body = body.to_string();
    match body.len() {
        0..WEBHOOK_BODY_BYTES_MAX => Ok(body),
        bytes => Err(format!(
            "the webhook has {bytes} bytes; it needs less than {WEBHOOK_BODY_BYTES_MAX}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference libraries' tests.
    #[test]
    fn an_hmac_signature_is_that_of_the_reference() {
        let key = WebhookKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(key.sign(signed), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// The public key is what the Python package `cryptography` computes from the seed.
    #[test]
    fn a_private_key_has_its_public_key() {
        let private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4\
                       AJ6p9lMicMFs6Kvg==";
        let key = WebhookKey::read(private).unwrap();
        let public = key.public().unwrap();
        assert_eq!(public, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
        let seed = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
        assert_eq!(WebhookKey::read(seed).unwrap().public(), Some(public));
    }

    #[test]
    fn text_that_is_no_key_is_refused_without_being_repeated() {
        let wrong_public = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbcAAAAAAAAAAAAAAAAAAAAAA\
                            AAAAAAAAAAAAAAAAAAAAA==";
        for (text, error) in [
            ("", WebhookKeyError::Prefix),
            ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", WebhookKeyError::Prefix),
            ("whsec_!", WebhookKeyError::NotBase64 { prefix: HMAC }),
            ("whsec_AAAA", WebhookKeyError::HmacLength { bytes: 3 }),
            ("whsk_AAAA", WebhookKeyError::Ed25519),
            (wrong_public, WebhookKeyError::Ed25519),
        ] {
            assert_eq!(WebhookKey::read(text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn a_new_key_is_read_again() {
        let private = WebhookKey::new_ed25519().unwrap();
        assert!(WebhookKey::read(&private).unwrap().public().unwrap().starts_with("whpk_"));
        let hmac = WebhookKey::new_hmac().unwrap();
        assert!(WebhookKey::read(&hmac).unwrap().public().is_none());
        assert_ne!(private, WebhookKey::new_ed25519().unwrap());
    }
}

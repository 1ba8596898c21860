//! Signing in with an OpenID provider: the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636,
//! RFC 9207). One provider, named in the settings; what it says is checked by [`access`].
//!
//! Nothing is kept between going to the provider and coming back: a cookie has one secret, from
//! which state, nonce and the code verifier follow, each by its own hash.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::{ExpectedIdToken, IdTokenFault, ProvenIdentity, ProviderKeys, verify_id_token};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use engine::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::limits::{PROVIDER_ANSWER_BYTES_MAX, PROVIDER_KEPT_MS_MAX, PROVIDER_SECONDS_MAX};

const SECRET_BYTES: usize = 32;

/// What the settings say of the provider.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Exactly as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a client that has only PKCE.
    pub client_secret: Option<String>,
    /// Certificates of the authorities that are trusted, in DER.
    pub authorities: Vec<Vec<u8>>,
    /// Values of `amr` with which our own second factor is not asked for.
    pub trusted_methods: Vec<String>,
    /// Values of `acr` with which it is not asked for.
    pub trusted_classes: Vec<String>,
}

impl ProviderSettings {
    /// Whether an address is one that secrets may be sent to: by TLS, or on this machine for an
    /// issuer on this machine.
    #[must_use]
    pub fn is_protected(&self, url: &str) -> bool {
        url.starts_with("https://") || (is_on_this_machine(&self.issuer) && is_on_this_machine(url))
    }

    /// Whether the provider asked for a second factor that the settings trust.
    #[must_use]
    pub fn trusts(&self, proven: &ProvenIdentity) -> bool {
        let method = |one: &String| self.trusted_methods.contains(one);
        let class = |one: &String| self.trusted_classes.contains(one);
        proven.methods.iter().any(method) || proven.class.iter().any(class)
    }
}

fn is_on_this_machine(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let has_port = port.bytes().all(|byte| byte.is_ascii_digit());
    has_port && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Why a sign-in with the provider failed. For the log.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("{url}: {cause}")]
    Unreachable { url: String, cause: String },
    #[error("{url} answered {status}")]
    Status { url: String, status: u16 },
    #[error("{url}: the answer is not what OpenID Connect says: {cause}")]
    Answer { url: String, cause: String },
    #[error("{found} says that it is {said}: web.oidc.issuer must be exactly what it says")]
    OtherIssuer { found: String, said: String },
    #[error("{0} is neither https nor on this machine")]
    Unprotected(String),
    #[error(transparent)]
    IdToken(#[from] IdTokenFault),
}

/// What a provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// Kept for a while, with the time when it was read.
struct Kept<T>(Timestamp, Arc<T>);

/// Asks the provider, and remembers for a while what it says of itself.
pub struct Provider {
    pub settings: ProviderSettings,
    agent: Agent,
    metadata: Mutex<Option<Kept<Metadata>>>,
    keys: Mutex<Option<Kept<ProviderKeys>>>,
}

/// A way to the provider and back. Only its cookie knows the secret.
pub struct ProviderTrip<'a>(pub &'a str);

impl ProviderTrip<'_> {
    /// The secret of a new one.
    pub fn new_secret() -> Result<String, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Base64UrlUnpadded::encode_string(&secret))
    }

    fn derived(&self, what: &str) -> String {
        let hash = Sha256::digest(format!("doorstep provider {what} {}", self.0));
        Base64UrlUnpadded::encode_string(&hash)
    }

    pub fn state(&self) -> String {
        self.derived("state")
    }

    fn nonce(&self) -> String {
        self.derived("nonce")
    }

    fn verifier(&self) -> String {
        self.derived("verifier")
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

impl Provider {
    #[must_use]
    pub fn new(settings: ProviderSettings) -> Provider {
        let roots = settings.authorities.iter().map(|der| Certificate::from_der(der).to_owned());
        let roots = RootCerts::Specific(Arc::new(roots.collect()));
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .https_only(settings.issuer.starts_with("https://"))
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(PROVIDER_SECONDS_MAX)));
        let agent = config.build().new_agent();
        Provider { settings, agent, metadata: Mutex::new(None), keys: Mutex::new(None) }
    }

    /// Where a browser goes.
    ///
    /// # Errors
    /// The provider cannot be asked what it is.
    pub fn authorization_url(
        &self,
        trip: &ProviderTrip<'_>,
        return_to: &str,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let metadata = self.metadata(now)?;
        let endpoint = &metadata.authorization_endpoint;
        let challenge = Sha256::digest(trip.verifier());
        let challenge = Base64UrlUnpadded::encode_string(&challenge);
        let (state, nonce) = (trip.state(), trip.nonce());
        let classes = self.settings.trusted_classes.join(" ");
        let mut url = endpoint.clone();
        url.push(if endpoint.contains('?') { '&' } else { '?' });
        for (name, value) in [
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", return_to),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("acr_values", &classes),
        ] {
            if !value.is_empty() {
                url += &format!("{name}={}&", percent_encoded(value));
            }
        }
        url.pop();
        Ok(url)
    }

    /// Takes a code to the provider, and returns who has signed in there. `issuer` is what the
    /// browser brought back of it.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn proven(
        &self,
        trip: &ProviderTrip<'_>,
        code: &str,
        issuer: Option<&str>,
        return_to: &str,
        now: Timestamp,
    ) -> Result<ProvenIdentity, ProviderError> {
        let metadata = self.metadata(now)?;
        let needs_issuer = metadata.authorization_response_iss_parameter_supported;
        if issuer.map_or(needs_issuer, |issuer| issuer != self.settings.issuer) {
            return Err(IdTokenFault::Issuer.into());
        }
        let verifier = trip.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", return_to),
            ("code_verifier", &verifier),
        ];
        let url = &metadata.token_endpoint;
        let mut request = self.agent.post(url).header("Accept", "application/json");
        let client = &self.settings.client_id;
        match &self.settings.client_secret {
            // RFC 6749, 2.3.1: each is encoded first.
            Some(secret) => {
                let pair = format!("{}:{}", percent_encoded(client), percent_encoded(secret));
                let basic = format!("Basic {}", Base64::encode_string(pair.as_bytes()));
                request = request.header("Authorization", basic);
            }
            None => form.push(("client_id", client)),
        }
        let tokens: Tokens = read(url, request.send_form(form))?;
        let nonce = trip.nonce();
        let expected = ExpectedIdToken {
            issuer: &self.settings.issuer,
            client,
            nonce: &nonce,
            access_token: tokens.access_token.as_deref(),
            now,
        };
        let verified = verify_id_token(&tokens.id_token, &*self.keys(&metadata, now)?, &expected);
        Ok(match verified {
            // The provider may have new keys.
            Err(IdTokenFault::UnknownKey) => {
                self.forget_keys();
                verify_id_token(&tokens.id_token, &*self.keys(&metadata, now)?, &expected)?
            }
            verified => verified?,
        })
    }

    fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, ProviderError> {
        kept(&self.metadata, now, || {
            let issuer = &self.settings.issuer;
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let metadata: Metadata = read(&url, self.get(&url))?;
            if metadata.issuer != *issuer {
                return Err(ProviderError::OtherIssuer { found: url, said: metadata.issuer });
            }
            let Metadata { authorization_endpoint, token_endpoint, jwks_uri, .. } = &metadata;
            for url in [authorization_endpoint, token_endpoint, jwks_uri] {
                if !self.settings.is_protected(url) {
                    return Err(ProviderError::Unprotected(url.clone()));
                }
            }
            Ok(metadata)
        })
    }

    fn keys(&self, of: &Metadata, now: Timestamp) -> Result<Arc<ProviderKeys>, ProviderError> {
        kept(&self.keys, now, || {
            let set: serde_json::Value = read(&of.jwks_uri, self.get(&of.jwks_uri))?;
            Ok(ProviderKeys::read(set.to_string().as_bytes())?)
        })
    }

    fn forget_keys(&self) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn get(&self, url: &str) -> Result<HttpResponse, ureq::Error> {
        self.agent.get(url).header("Accept", "application/json").call()
    }
}

type HttpResponse = axum::http::Response<ureq::Body>;

/// What was read a short while ago, or what is read now.
fn kept<T>(
    place: &Mutex<Option<Kept<T>>>,
    now: Timestamp,
    read: impl FnOnce() -> Result<T, ProviderError>,
) -> Result<Arc<T>, ProviderError> {
    if let Some(Kept(at, value)) = &*place.lock().unwrap_or_else(PoisonError::into_inner)
        && now.0.saturating_sub(at.0) < PROVIDER_KEPT_MS_MAX
    {
        return Ok(value.clone());
    }
    let value = Arc::new(read()?);
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept(now, value.clone()));
    Ok(value)
}

/// Reads a small JSON answer.
fn read<T: DeserializeOwned>(
    url: &str,
    answer: Result<HttpResponse, ureq::Error>,
) -> Result<T, ProviderError> {
    let unreachable = |cause: ureq::Error| ProviderError::Unreachable {
        url: url.to_owned(),
        cause: cause.to_string(),
    };
    let mut answer = answer.map_err(unreachable)?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(ProviderError::Status { url: url.to_owned(), status });
    }
    let body = answer.body_mut().with_config().limit(PROVIDER_ANSWER_BYTES_MAX).read_to_vec();
    let body = body.map_err(unreachable)?;
    serde_json::from_slice(&body).map_err(|cause| ProviderError::Answer {
        url: url.to_owned(),
        // Not what stands there: it may be a token.
        cause: format!("line {}, column {}", cause.line(), cause.column()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_tls_or_stay_on_this_machine() {
        let of = |issuer: &str| ProviderSettings {
            issuer: issuer.to_owned(),
            client_id: String::new(),
            client_secret: None,
            authorities: Vec::new(),
            trusted_methods: Vec::new(),
            trusted_classes: Vec::new(),
        };
        let (far, near) = (of("https://id.example"), of("http://127.0.0.1:3000"));
        for (url, is_far, is_near) in [
            ("https://id.example/token", true, true),
            ("http://id.example/token", false, false),
            ("http://localhost:3000/token", false, true),
            ("http://[::1]:3000/token", false, true),
            ("http://127.0.0.1.evil.example/token", false, false),
            ("http://127.0.0.1:3000@evil.example/token", false, false),
        ] {
            assert_eq!(far.is_protected(url), is_far, "{url}");
            assert_eq!(near.is_protected(url), is_near, "{url}");
        }
    }
}

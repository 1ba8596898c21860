//! ID tokens of an OpenID provider (OpenID Connect Core 1.0, 3.1.3.7), and the keys that sign them
//! (RFC 7517). Nothing here keeps or asks anything.

use base64ct::{Base64UrlUnpadded, Encoding};
use books::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::{ID_TOKEN_AGE_MS_MAX, ID_TOKEN_BYTES_MAX, PROVIDER_CLOCK_OFF_MS_MAX};

/// Of a subject (OpenID Connect Core 1.0, 2).
const SUBJECT_BYTES_MAX: usize = 255;
const COORDINATE_BYTES: usize = 32;

/// Why an ID token proves nothing. For the log: a person learns only that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    #[error("the ID token is no signed token of three parts")]
    Malformed,
    #[error("the ID token is signed in a way that is not RS256, PS256 or ES256")]
    Algorithm,
    #[error("the provider has no such key")]
    UnknownKey,
    #[error("the signature of the ID token is wrong")]
    Signature,
    #[error("the ID token is of another issuer")]
    Issuer,
    #[error("the ID token is for another client")]
    Audience,
    #[error("the ID token has expired, is too old or is not valid yet; compare the clocks")]
    Time,
    #[error("the ID token is of another sign-in")]
    Nonce,
    #[error("the ID token belongs to another access token")]
    AccessToken,
    #[error("the provider's keys are no JSON Web Key Set")]
    KeySet,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    fn named(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            _ => None,
        }
    }
}

enum KeyContent {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
}

struct ProviderKey {
    id: Option<String>,
    /// If the key is for one algorithm only.
    algorithm: Option<Algorithm>,
    content: KeyContent,
}

/// The keys of a provider. Keys of other kinds and uses are left out.
pub struct ProviderKeys(Vec<ProviderKey>);

#[derive(Deserialize)]
struct KeySetText {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct KeyText {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

impl ProviderKeys {
    /// Reads a JSON Web Key Set.
    ///
    /// # Errors
    /// [`IdTokenFault::KeySet`].
    pub fn read(text: &[u8]) -> Result<ProviderKeys, IdTokenFault> {
        let set: KeySetText = serde_json::from_slice(text).map_err(|_| IdTokenFault::KeySet)?;
        Ok(ProviderKeys(set.keys.into_iter().filter_map(ProviderKey::read).collect()))
    }
}

impl ProviderKey {
    fn read(text: serde_json::Value) -> Option<ProviderKey> {
        let of: KeyText = serde_json::from_value(text).ok()?;
        if of.r#use.is_some_and(|one| one != "sig") {
            return None;
        }
        let algorithm = match &of.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let content = match (&*of.kty, of.crv.as_deref()) {
            ("RSA", _) => {
                // ring takes a number without zeros before it.
                let number = |text: Option<String>| {
                    let bytes = bytes(&text?)?;
                    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                    Some(bytes[zeros..].to_vec())
                };
                KeyContent::Rsa { n: number(of.n)?, e: number(of.e)? }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&of.x?)?, bytes(&of.y?)?);
                let fits = x.len() == COORDINATE_BYTES && y.len() == COORDINATE_BYTES;
                fits.then(|| KeyContent::P256([vec![4], x, y].concat()))?
            }
            _ => return None,
        };
        Some(ProviderKey { id: of.kid, algorithm, content })
    }

    fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let is_rsa = matches!(self.content, KeyContent::Rsa { .. });
        is_rsa == (algorithm != Algorithm::Es256)
            && self.algorithm.is_none_or(|own| own == algorithm)
            && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }

    fn verify(&self, algorithm: Algorithm, signed: &str, signature: &[u8]) -> bool {
        let signed = signed.as_bytes();
        let done = match &self.content {
            KeyContent::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            KeyContent::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
        };
        done.is_ok()
    }
}

/// What an ID token must say.
#[derive(Clone, Copy)]
pub struct ExpectedIdToken<'a> {
    /// Exactly as the settings have it.
    pub issuer: &'a str,
    pub client: &'a str,
    pub nonce: &'a str,
    /// That came with it: compared if the ID token has its hash.
    pub access_token: Option<&'a str>,
    pub now: Timestamp,
}

/// Who a provider says has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenIdentity {
    pub subject: String,
    /// How: values of RFC 8176.
    pub methods: Vec<String>,
    pub class: Option<String>,
}

/// A header with `crit` asks for more than we know.
#[derive(Deserialize)]
struct HeaderText {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AudienceText {
    One(String),
    Many(Vec<String>),
}

/// Times are whole seconds: no known provider writes others.
#[derive(Deserialize)]
struct ClaimsText {
    iss: String,
    sub: String,
    aud: AudienceText,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    nonce: Option<String>,
    at_hash: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    acr: Option<String>,
}

/// The left half of the hash of an access token (OpenID Connect Core 1.0, 3.1.3.6): all our
/// algorithms have SHA-256.
fn half_hash(access_token: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(access_token.as_bytes())[..16])
}

/// Checks an ID token, and returns who it is about.
///
/// # Errors
/// [`IdTokenFault::UnknownKey`] also after the provider took new keys: read them, and try again.
pub fn verify_id_token(
    token: &str,
    keys: &ProviderKeys,
    expected: &ExpectedIdToken<'_>,
) -> Result<ProvenIdentity, IdTokenFault> {
    use IdTokenFault as F;
    let (signed, signature) = token.rsplit_once('.').ok_or(F::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(F::Malformed)?;
    if token.len() > ID_TOKEN_BYTES_MAX {
        return Err(F::Malformed);
    }
    let part = |text: &str| bytes(text).ok_or(F::Malformed);
    let header: HeaderText = serde_json::from_slice(&part(header)?).map_err(|_| F::Malformed)?;
    let algorithm = Algorithm::named(&header.alg).ok_or(F::Algorithm)?;
    let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if header.crit.is_some() || !is_jwt {
        return Err(F::Malformed);
    }
    let mut fitting = keys.0.iter().filter(|key| key.fits(algorithm, header.kid.as_deref()));
    let (key, other) = (fitting.next().ok_or(F::UnknownKey)?, fitting.next());
    // Without a name, only the one key that fits can be meant.
    if other.is_some() && header.kid.is_none() {
        return Err(F::UnknownKey);
    }
    if !key.verify(algorithm, signed, &part(signature)?) {
        return Err(F::Signature);
    }
    let claims: ClaimsText = serde_json::from_slice(&part(claims)?).map_err(|_| F::Malformed)?;
    if claims.iss != expected.issuer {
        return Err(F::Issuer);
    }
    let audience = match &claims.aud {
        AudienceText::One(one) => std::slice::from_ref(one),
        AudienceText::Many(many) => many,
    };
    // Nobody else is trusted, so nobody else may be named.
    let is_ours = !audience.is_empty() && audience.iter().all(|one| one == expected.client);
    if !is_ours || claims.azp.is_some_and(|party| party != expected.client) {
        return Err(F::Audience);
    }
    let ms = |seconds: u64| seconds.saturating_mul(1000);
    let (now, off) = (expected.now.0, PROVIDER_CLOCK_OFF_MS_MAX);
    let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if ms(claims.exp).saturating_add(off) <= now
        || ms(begins) > now.saturating_add(off)
        || ms(claims.iat).saturating_add(ID_TOKEN_AGE_MS_MAX) <= now
    {
        return Err(F::Time);
    }
    let nonce = claims.nonce.unwrap_or_default();
    let same: bool = nonce.as_bytes().ct_eq(expected.nonce.as_bytes()).into();
    if !same {
        return Err(F::Nonce);
    }
    if let Some(hash) = claims.at_hash
        && expected.access_token.map(half_hash).as_ref() != Some(&hash)
    {
        return Err(F::AccessToken);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX || !claims.sub.is_ascii() {
        return Err(F::Malformed);
    }
    Ok(ProvenIdentity { subject: claims.sub, methods: claims.amr, class: claims.acr })
}

//! What an authenticator signs, as WebAuthn Level 3 has it, for one case: ES256, no attestation,
//! the user verified. Nothing here keeps or asks anything.
//!
//! The public key is read from the authenticator data. CTAP2 writes a key of ES256 in one way only,
//! so its bytes are compared, and there is no parser of CBOR.

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Of an identifier (WebAuthn, 5.8.3).
const ID_BYTES_MAX: usize = 1_023;
const RP_HASH_BYTES: usize = 32;
const FLAGS_AT: usize = RP_HASH_BYTES;
const COUNT_AT: usize = FLAGS_AT + 1;
/// Of the authenticator data without a key or extensions.
const HEAD_BYTES: usize = COUNT_AT + 4;
const AAGUID_BYTES: usize = 16;
const COORDINATE_BYTES: usize = 32;

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_KEY: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// A map of five: kty EC2, alg ES256, crv P-256, then x and y (RFC 9053, 7.1.1).
const KEY_BEFORE_X: [u8; 10] = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
const KEY_BEFORE_Y: [u8; 3] = [0x22, 0x58, 0x20];

/// A point of P-256, uncompressed.
pub type PublicPoint = [u8; 1 + 2 * COORDINATE_BYTES];

/// For whom passkeys are made: a name, and the origin of its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// That of an origin such as `https://pay.example`. `None` for an origin whose pages have no
    /// passkeys: without a name, or without TLS other than on this machine.
    #[must_use]
    pub fn of_origin(origin: &str) -> Option<RelyingParty> {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, rest) = origin.split_once("://")?;
        let (host, port) =
            rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        let is_label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty() && label.bytes().all(plain)
        };
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_name = host.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit());
        let has_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        let fits = scheme == "https" || (scheme == "http" && host == "localhost");
        let id = host.to_owned();
        (fits && is_name && has_port).then_some(RelyingParty { id, origin })
    }

    /// The name, for browsers: the relying party's identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// Why what an authenticator signed does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFault {
    #[error("what the browser sent is no passkey's answer; try again with another browser")]
    Malformed,
    #[error("the passkey answered another question; begin again")]
    Challenge,
    #[error("the passkey was used on another site; use it on this one")]
    Origin,
    #[error("the passkey did not check who you are; set a PIN or fingerprint on it")]
    NotVerified,
    #[error("the passkey has no key of the kind ES256; use another one")]
    Unsupported,
    #[error("the signature of the passkey is wrong; use another one")]
    Signature,
    #[error("the passkey is registered already; use another one")]
    Taken,
    #[error("give the passkey a name of 1 to {max} visible characters",
        max = crate::limits::PASSKEY_NAME_CHARACTERS_MAX)]
    Name,
    #[error("you have {max} passkeys, which is the limit; remove one",
        max = crate::limits::PASSKEYS_PER_PERSON_MAX)]
    TooMany,
}

/// What a browser says of a request (WebAuthn, 5.8.1). A field that is there twice is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// What the browser was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    Create,
    Get,
}

/// Checks what the browser says, and returns the challenge that was signed.
pub fn challenge_of(
    client_data: &[u8],
    ceremony: Ceremony,
    of: &RelyingParty,
) -> Result<Vec<u8>, PasskeyFault> {
    let said: ClientData =
        serde_json::from_slice(client_data).map_err(|_| PasskeyFault::Malformed)?;
    let expected = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if said.r#type != expected {
        return Err(PasskeyFault::Challenge);
    }
    if said.origin != of.origin || said.cross_origin || said.top_origin.is_some() {
        return Err(PasskeyFault::Origin);
    }
    Base64UrlUnpadded::decode_vec(&said.challenge).map_err(|_| PasskeyFault::Challenge)
}

/// What an authenticator says of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    pub sign_count: u32,
    /// Whether the key can be copied to other devices.
    pub backup_eligible: bool,
}

/// A passkey that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadePasskey {
    pub id: Vec<u8>,
    pub point: PublicPoint,
    pub first_use: PasskeyUse,
}

fn slice<const BYTES: usize>(of: &[u8], at: usize) -> Result<[u8; BYTES], PasskeyFault> {
    let bytes = of.get(at..at + BYTES).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(PasskeyFault::Malformed)
}

/// Reads the part that each authenticator data has. Returns the flags too.
fn head(authenticator_data: &[u8], of: &RelyingParty) -> Result<(PasskeyUse, u8), PasskeyFault> {
    let hash: [u8; RP_HASH_BYTES] = slice(authenticator_data, 0)?;
    let [flags] = slice(authenticator_data, FLAGS_AT)?;
    let sign_count = u32::from_be_bytes(slice(authenticator_data, COUNT_AT)?);
    if hash != *Sha256::digest(of.id.as_bytes()) {
        return Err(PasskeyFault::Origin);
    }
    if flags & (PRESENT | VERIFIED) != PRESENT | VERIFIED {
        return Err(PasskeyFault::NotVerified);
    }
    let backup_eligible = flags & BACKUP_ELIGIBLE != 0;
    if flags & BACKED_UP != 0 && !backup_eligible {
        return Err(PasskeyFault::Malformed);
    }
    Ok((PasskeyUse { sign_count, backup_eligible }, flags))
}

/// Reads the authenticator data of a new passkey.
pub fn made(authenticator_data: &[u8], of: &RelyingParty) -> Result<MadePasskey, PasskeyFault> {
    let (first_use, flags) = head(authenticator_data, of)?;
    if flags & HAS_KEY == 0 {
        return Err(PasskeyFault::Malformed);
    }
    let id_length_at = HEAD_BYTES + AAGUID_BYTES;
    let length = usize::from(u16::from_be_bytes(slice(authenticator_data, id_length_at)?));
    let id_at = id_length_at + 2;
    let key_at = id_at + length;
    let id = authenticator_data.get(id_at..key_at).ok_or(PasskeyFault::Malformed)?.to_vec();
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(PasskeyFault::Malformed);
    }
    let x_at = key_at + KEY_BEFORE_X.len();
    let y_at = x_at + COORDINATE_BYTES + KEY_BEFORE_Y.len();
    let end = y_at + COORDINATE_BYTES;
    let before_x = authenticator_data.get(key_at..x_at);
    let before_y = authenticator_data.get(x_at + COORDINATE_BYTES..y_at);
    if before_x != Some(&KEY_BEFORE_X) || before_y != Some(&KEY_BEFORE_Y) {
        return Err(PasskeyFault::Unsupported);
    }
    let mut point = [4; 1 + 2 * COORDINATE_BYTES];
    let (x, y) = point[1..].split_at_mut(COORDINATE_BYTES);
    x.copy_from_slice(&slice::<COORDINATE_BYTES>(authenticator_data, x_at)?);
    y.copy_from_slice(&slice::<COORDINATE_BYTES>(authenticator_data, y_at)?);
    // Extensions are asked for by nobody, and are not read.
    match authenticator_data.len() == end || flags & HAS_EXTENSIONS != 0 {
        true => Ok(MadePasskey { id, point, first_use }),
        false => Err(PasskeyFault::Malformed),
    }
}

/// Checks a signature, and what was signed.
pub fn used(
    authenticator_data: &[u8],
    client_data: &[u8],
    signature: &[u8],
    point: &PublicPoint,
    of: &RelyingParty,
) -> Result<PasskeyUse, PasskeyFault> {
    let (used, flags) = head(authenticator_data, of)?;
    if authenticator_data.len() != HEAD_BYTES && flags & (HAS_KEY | HAS_EXTENSIONS) == 0 {
        return Err(PasskeyFault::Malformed);
    }
    let mut signed = authenticator_data.to_vec();
    signed.extend_from_slice(&Sha256::digest(client_data));
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.verify(&signed, signature).map_err(|_| PasskeyFault::Signature)?;
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_with_a_name_have_passkeys() {
        for (origin, id) in [
            ("https://pay.example", Some("pay.example")),
            ("https://Pay.Example:8443/", Some("pay.example")),
            ("http://localhost:8080", Some("localhost")),
            ("http://pay.example", None),
            ("https://10.0.0.7", None),
            ("https://[::1]:8080", None),
            ("https://pay.example/office", None),
            ("https://pay..example", None),
            ("https://pay.example:port", None),
            ("https://user@pay.example", None),
            ("pay.example", None),
        ] {
            let of = RelyingParty::of_origin(origin);
            assert_eq!(of.as_ref().map(RelyingParty::id), id, "{origin}");
        }
    }
}

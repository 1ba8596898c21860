//! How secrets are made, hashed and sealed.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use books::Timestamp;
use hmac::{Hmac, Mac};
use keys::DATA_KEY_BYTES;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::AccessError;
use crate::limits::{
    ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES, PASSWORD_HASH_BYTES, SALT_BYTES, TOKEN_BYTES,
    TOTP_SECRET_BYTES, TOTP_STEP_S, TOTP_STEPS_OFF_MAX,
};

const NONCE_BYTES: usize = 12;

pub type Hash = [u8; 32];
pub type FactorSecret = Zeroizing<[u8; TOTP_SECRET_BYTES]>;

pub fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>, AccessError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(AccessError::NoRandomness)?;
    Ok(bytes)
}

/// A new token with its prefix.
pub fn new_token(prefix: &str) -> Result<String, AccessError> {
    let secret = random::<TOKEN_BYTES>()?;
    Ok(format!("{prefix}{}", base16ct::lower::encode_string(&*secret)))
}

/// Whether a text, without its prefix, can be a token.
pub fn is_token(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 2 * TOKEN_BYTES && text.bytes().all(digit)
}

/// What is kept of a token. A token has 256 random bits, so a fast hash is enough.
pub fn hash_of(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

pub fn hash_of_bytes(token: &[u8]) -> Hash {
    Sha256::digest(token).into()
}

/// argon2id of a password. Takes as long for every password.
pub fn password_hash(
    password: &str,
    salt: &[u8; SALT_BYTES],
) -> Zeroizing<[u8; PASSWORD_HASH_BYTES]> {
    let bytes = Some(PASSWORD_HASH_BYTES);
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, bytes);
    let params = params.expect("the parameters are constants in range");
    let mut hash = Zeroizing::new([0; PASSWORD_HASH_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed = argon2.hash_password_into(password.as_bytes(), salt, hash.as_mut_slice());
    hashed.expect("salt and output have lengths in range");
    hash
}

/// The number of 30 seconds since 1970.
fn step_at(now: Timestamp) -> u64 {
    now.0 / 1000 / TOTP_STEP_S
}

/// The code of a step: RFC 6238 with HMAC-SHA-1 and six digits, as all apps have it.
pub fn code_at_step(secret: &[u8; TOTP_SECRET_BYTES], step: u64) -> u32 {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret).expect("any length will do");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 0x0F);
    let word = [hash[offset] & 0x7F, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    u32::from_be_bytes(word) % 1_000_000
}

/// The code that an app shows at a time.
#[must_use]
pub fn code_at(secret: &[u8; TOTP_SECRET_BYTES], now: Timestamp) -> String {
    format!("{:06}", code_at_step(secret, step_at(now)))
}

/// The step whose code this is, if that is near now. Compares all codes in constant time.
pub fn step_of_code(secret: &[u8; TOTP_SECRET_BYTES], code: &str, now: Timestamp) -> Option<u64> {
    let mut found = None;
    let here = step_at(now);
    for step in here.saturating_sub(TOTP_STEPS_OFF_MAX)..=here + TOTP_STEPS_OFF_MAX {
        let expected = format!("{:06}", code_at_step(secret, step));
        let same: bool = expected.as_bytes().ct_eq(code.as_bytes()).into();
        if same {
            found = Some(step);
        }
    }
    found
}

/// Of a token in the place of a buyer's phone number or a coupon code.
const MARKET_TOKEN_BYTES: usize = 16;

/// The keys that follow from the store's data key, one for each use.
pub struct StoreKeys {
    sealing: Zeroizing<[u8; 32]>,
    links: Zeroizing<[u8; 32]>,
    challenges: Zeroizing<[u8; 32]>,
    tokens: Zeroizing<[u8; 32]>,
}

impl StoreKeys {
    pub fn of(data_key: &[u8; DATA_KEY_BYTES]) -> StoreKeys {
        let key = |label: &[u8]| {
            let mut mac =
                <Hmac<Sha256> as KeyInit>::new_from_slice(data_key).expect("any length will do");
            mac.update(b"doorstep-access-1 ");
            mac.update(label);
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        StoreKeys {
            sealing: key(b"second factors"),
            links: key(b"links"),
            challenges: key(b"challenges"),
            tokens: key(b"market tokens"),
        }
    }

    /// Seals a second factor for its person.
    pub fn seal(
        &self,
        person: &str,
        secret: &[u8; TOTP_SECRET_BYTES],
    ) -> Result<([u8; NONCE_BYTES], Vec<u8>), AccessError> {
        let nonce = *random::<NONCE_BYTES>()?;
        let payload = Payload { msg: secret, aad: person.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        // It fails for more than 64 GiB only.
        Ok((nonce, sealed.expect("a secret is small")))
    }

    /// Opens the second factor of a person. `None` if it was changed or is another person's.
    pub fn open(&self, person: &str, nonce: &[u8], sealed: &[u8]) -> Option<FactorSecret> {
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload { msg: sealed, aad: person.as_bytes() };
        let plain = Zeroizing::new(self.cipher().decrypt(&Nonce::from(nonce), payload).ok()?);
        Some(Zeroizing::new(plain.as_slice().try_into().ok()?))
    }

    /// The MAC of a buyer's link.
    pub fn link_mac(&self, text: &str) -> [u8; 32] {
        mac_of(&self.links, &[text.as_bytes()])
    }

    /// The token of a text of one kind. A kind has no NUL.
    pub fn token(&self, kind: &str, text: &str) -> [u8; MARKET_TOKEN_BYTES] {
        let mac = mac_of(&self.tokens, &[kind.as_bytes(), &[0], text.as_bytes()]);
        std::array::from_fn(|place| mac[place])
    }

    /// The MAC of a challenge for one purpose. A purpose has no NUL.
    pub fn challenge_mac(&self, purpose: &str, content: &[u8]) -> [u8; 32] {
        mac_of(&self.challenges, &[purpose.as_bytes(), &[0], content])
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.sealing).into())
    }
}

fn mac_of(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Base32 of RFC 4648 without padding, as apps read secrets.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut word = [0; 8];
        word[3..3 + chunk.len()].copy_from_slice(chunk);
        let word = u64::from_be_bytes(word);
        let letters = (chunk.len() * 8).div_ceil(5);
        for place in 0..letters {
            let index = usize::try_from(word >> (35 - 5 * place) & 31).unwrap_or(0);
            text.push(char::from(LETTERS[index]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1: the last six of the eight digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = *b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp(seconds * 1000);
            assert_eq!(code_at(&secret, now), code);
            assert_eq!(step_of_code(&secret, code, now), Some(seconds / 30));
            assert_eq!(step_of_code(&secret, code, now.plus_ms(60_000)), None);
            assert_eq!(step_of_code(&secret, &code[..5], now), None);
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_sealed_factor_opens_for_its_person_only() {
        let keys = StoreKeys::of(&[7; DATA_KEY_BYTES]);
        let (nonce, sealed) = keys.seal("1", &[3; TOTP_SECRET_BYTES]).unwrap();
        assert_eq!(keys.open("1", &nonce, &sealed).as_deref(), Some(&[3; TOTP_SECRET_BYTES]));
        assert!(keys.open("2", &nonce, &sealed).is_none());
        let others = StoreKeys::of(&[8; DATA_KEY_BYTES]);
        assert!(others.open("1", &nonce, &sealed).is_none());
    }
}

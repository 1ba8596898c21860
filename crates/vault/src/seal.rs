//! How a record is sealed under its subject's data key.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use keys::DATA_KEY_BYTES;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::vault::{RecordDigest, RecordName};

pub const NONCE_BYTES: usize = 12;

/// The keys that follow from a data key, one for each use.
pub struct RecordKeys {
    encryption: Zeroizing<[u8; 32]>,
    digest: Zeroizing<[u8; 32]>,
}

/// A record as it is stored.
pub struct SealedRecord {
    pub nonce: [u8; NONCE_BYTES],
    /// With the tag.
    pub bytes: Vec<u8>,
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length will do");
    for part in parts {
        // Each part with its length, so that different parts give different bytes.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl RecordKeys {
    pub fn of(data_key: &[u8; DATA_KEY_BYTES]) -> RecordKeys {
        let key = |label: &[u8]| Zeroizing::new(hmac(data_key, &[b"doorstep-vault-1", label]));
        RecordKeys { encryption: key(b"encryption"), digest: key(b"digest") }
    }

    /// The name under which other data refers to a record's content.
    pub fn digest(&self, name: RecordName, plain: &[u8]) -> RecordDigest {
        hmac(&self.digest, &[name.to_string().as_bytes(), plain])
    }

    pub fn seal(
        &self,
        name: RecordName,
        digest: &RecordDigest,
        plain: &[u8],
    ) -> Result<SealedRecord, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let bound = bound_to(name, digest);
        let sealed =
            self.cipher().encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &bound });
        // It fails for more than 64 GiB only.
        let bytes = sealed.expect("a record is small");
        Ok(SealedRecord { nonce, bytes })
    }

    /// `None` if the record was changed or cut, or is not the one with this name and digest.
    pub fn open(
        &self,
        name: RecordName,
        digest: &RecordDigest,
        sealed: &SealedRecord,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload { msg: &sealed.bytes, aad: &bound_to(name, digest) };
        let plain = self.cipher().decrypt(&Nonce::from(sealed.nonce), payload).ok()?;
        let plain = Zeroizing::new(plain);
        let same: bool = self.digest(name, &plain).ct_eq(digest).into();
        same.then_some(plain)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.encryption).into())
    }
}

/// The associated data: a sealed record opens as this record only.
fn bound_to(name: RecordName, digest: &RecordDigest) -> Vec<u8> {
    let mut bound = format!("doorstep-vault-1 {name} ").into_bytes();
    bound.extend_from_slice(digest);
    bound
}

//! How addresses are sealed: under a data key of their own, which the vault's key wraps.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use keys::{DATA_KEY_BYTES, KeyReference};
use rusqlite::{OptionalExtension, Transaction, params};
use sha2::Sha256;
use vault::VaultKey;
use zeroize::Zeroizing;

use crate::error::NoticeError;

const NONCE_BYTES: usize = 12;

pub struct AddressKey(Zeroizing<[u8; 32]>);

/// Random bytes.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoticeError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(NoticeError::NoRandomness)?;
    Ok(bytes)
}

impl AddressKey {
    /// The key of a book. The first time, its data key is made and wrapped.
    pub fn of(
        transaction: &Transaction<'_>,
        key: &VaultKey,
        failed: &impl Fn(rusqlite::Error) -> NoticeError,
        damaged: impl FnOnce() -> NoticeError,
    ) -> Result<AddressKey, NoticeError> {
        let reference = KeyReference::from(key.name);
        let kept = transaction
            .query_row("SELECT wrapped FROM book_key", [], |row| row.get::<_, Vec<u8>>(0))
            .optional()
            .map_err(failed)?;
        let data_key = match kept {
            Some(wrapped) => {
                let wrapped = wrapped.try_into().map_err(|_| damaged())?;
                key.store.unwrap_data_key(&reference, &wrapped)?
            }
            None => {
                let data_key = random::<DATA_KEY_BYTES>()?;
                let wrapped = key.store.wrap_data_key(&reference, &data_key)?;
                let sql = "INSERT INTO book_key (one, wrapped) VALUES (1, ?1)";
                transaction.execute(sql, params![wrapped]).map_err(failed)?;
                data_key
            }
        };
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(data_key.as_slice());
        let mut mac = mac.expect("any length will do");
        mac.update(b"doorstep-notices-1 addresses");
        Ok(AddressKey(Zeroizing::new(mac.finalize().into_bytes().into())))
    }

    /// Seals the content of an address with its nonce before it. It opens as this address only.
    pub fn seal(&self, number: u32, plain: &[u8]) -> Result<Vec<u8>, NoticeError> {
        let nonce = *random::<NONCE_BYTES>()?;
        let payload = Payload { msg: plain, aad: &number.to_be_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        // It fails for more than 64 GiB only.
        Ok([&nonce[..], &sealed.expect("an address is small")].concat())
    }

    /// `None` if it was changed, or is another address's.
    pub fn open(&self, number: u32, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: &number.to_be_bytes() };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

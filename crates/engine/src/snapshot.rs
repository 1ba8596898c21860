//! The whole state as parts of bytes: those of the books, then one of the engine's own.

use std::convert::Infallible;
use std::io;

use books::{Digest, RestoreError, UncheckedBooks};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};

use crate::Engine;
use crate::request_keys::{RememberedKey, RequestKeys};

/// Begins the engine's part. Parts of machines begin with their format, which is far lower.
const ENGINE_PART: [u8; 2] = [0xE1, 0xFF];

/// The state at one time. Taking one copies pointers, not records.
#[derive(Debug)]
pub struct Snapshot {
    books: books::Snapshot,
    request_keys: RequestKeys,
    fingerprint: u64,
}

/// The engine's part.
#[derive(BorshSerialize, BorshDeserialize)]
struct EnginePart {
    /// Of the books' parts.
    books: [u8; 32],
    fingerprint: u64,
    request_keys: Vec<RememberedKey>,
}

impl Engine {
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (books, request_keys) = (self.books.snapshot(), self.request_keys.clone());
        Snapshot { books, request_keys, fingerprint: self.fingerprint }
    }

    /// SHA-256 of the whole state (M11).
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.snapshot().digest()
    }

    /// Restores an engine and checks that the digest of the parts is `expected`.
    ///
    /// # Errors
    /// If the parts cannot be read, are of a newer format, or are damaged.
    pub fn restore<E>(
        parts: impl IntoIterator<Item = Result<Vec<u8>, E>>,
        expected: Digest,
    ) -> Result<Engine, RestoreError<E>> {
        // The engine's part is the last one. Any part after it is damage.
        let (mut own, mut followed) = (None, false);
        let of_books = parts.into_iter().filter(|part| match part {
            Ok(bytes) if own.is_none() && bytes.starts_with(&ENGINE_PART) => {
                own = Some(bytes.clone());
                false
            }
            _ => {
                followed |= own.is_some();
                true
            }
        });
        let (unchecked, digest) = UncheckedBooks::read(of_books)?;
        let damaged = |what: String| RestoreError::Damaged(what);
        let own = own.ok_or_else(|| damaged("the engine's part is missing".into()))?;
        if followed {
            return Err(damaged("a part follows the last one".into()));
        }
        let found = digest_of(&own);
        if found != expected {
            return Err(damaged(format!("its digest is {found}, not {expected}")));
        }
        let part: EnginePart = borsh::from_slice(&own[ENGINE_PART.len()..])
            .map_err(|error: io::Error| damaged(error.to_string()))?;
        if Digest(part.books) != digest {
            return Err(damaged(format!("the digest of its books is {digest}")));
        }
        let books = unchecked.finish().map_err(damaged)?;
        let mut request_keys = RequestKeys::default();
        part.request_keys.into_iter().for_each(|key| request_keys.insert(key));
        Ok(Engine { books, request_keys, fingerprint: part.fingerprint })
    }
}

/// The engine's part holds the digest of the books' parts, so its own hash covers all.
fn digest_of(engine_part: &[u8]) -> Digest {
    Digest(Sha256::digest(engine_part).into())
}

impl Snapshot {
    /// Writes the state in parts and gives the digest of all of them.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write<E>(self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Digest, E> {
        let Digest(books) = self.books.write(&mut sink)?;
        let request_keys = self.request_keys.iter().cloned().collect();
        let part = EnginePart { books, fingerprint: self.fingerprint, request_keys };
        let mut bytes = ENGINE_PART.to_vec();
        part.serialize(&mut bytes).expect("writing into memory does not fail");
        sink(&bytes)?;
        Ok(digest_of(&bytes))
    }

    #[must_use]
    pub fn digest(self) -> Digest {
        let digest: Result<Digest, Infallible> = self.write(|_| Ok(()));
        match digest {
            Ok(digest) => digest,
            Err(never) => match never {},
        }
    }
}

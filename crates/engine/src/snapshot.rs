//! The whole state as parts of bytes: those of the books, then one of the engine's own.

use std::convert::Infallible;
use std::io;

use books::{ChunkId, Digest, PartSink, RestoreError, UncheckedBooks};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};

use crate::Engine;
use crate::request_keys::{KeysByTime, RememberedKey, RequestKeys};

/// Begins the engine's part. Parts of machines begin with their format, which is far lower.
const ENGINE_PART: [u8; 2] = [0xE1, 0xFF];

/// The state at one time. Taking one copies pointers, not records.
#[derive(Debug)]
pub struct Snapshot {
    books: books::Snapshot,
    request_keys: KeysByTime,
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
        let (books, request_keys) = (self.books.snapshot(), self.request_keys.by_time().clone());
        Snapshot { books, request_keys, fingerprint: self.fingerprint }
    }

    /// SHA-256 of the whole state (M11).
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.snapshot().digest()
    }

    /// Restores an engine and checks that the digest of the parts is `expected`. A reader of many
    /// parts can decode them on several threads and use [`EngineBuilder`].
    ///
    /// # Errors
    /// If the parts cannot be read, are of a newer format, or are damaged.
    pub fn restore<E>(
        parts: impl IntoIterator<Item = Result<Vec<u8>, E>>,
        expected: Digest,
    ) -> Result<Engine, RestoreError<E>> {
        let mut builder = EngineBuilder::default();
        for part in parts {
            let part = part.map_err(RestoreError::Read)?;
            builder.add(&Sha256::digest(&part).into(), DecodedPart::decode(&part)?)?;
        }
        builder.finish(expected)
    }
}

/// A part whose records are decoded. Parts can be decoded at the same time.
#[derive(Debug)]
pub struct DecodedPart(Decoded);

#[derive(Debug)]
enum Decoded {
    Books(books::DecodedBooksPart),
    /// The engine's own part, in bytes.
    Own(Vec<u8>),
}

impl DecodedPart {
    /// Decodes a part, whose content nobody has compared with its hash yet.
    ///
    /// # Errors
    /// If the part is damaged or has another format.
    pub fn decode<E>(part: &[u8]) -> Result<DecodedPart, RestoreError<E>> {
        if part.starts_with(&ENGINE_PART) {
            return Ok(DecodedPart(Decoded::Own(part.to_vec())));
        }
        books::DecodedBooksPart::decode(part).map(|part| DecodedPart(Decoded::Books(part)))
    }
}

/// Puts an engine together from the parts of a snapshot.
#[derive(Default)]
pub struct EngineBuilder {
    books: UncheckedBooks,
    /// The engine's own part and its hash. It is the last one.
    own: Option<(Vec<u8>, Digest)>,
}

impl EngineBuilder {
    /// Adds the next part, whose SHA-256 is `hash`. Returns which chunk it is.
    ///
    /// # Errors
    /// If the part is damaged or in the wrong place.
    pub fn add<E>(
        &mut self,
        hash: &[u8; 32],
        part: DecodedPart,
    ) -> Result<Option<ChunkId>, RestoreError<E>> {
        if self.own.is_some() {
            return Err(RestoreError::Damaged("a part follows the last one".into()));
        }
        match part.0 {
            Decoded::Books(part) => self.books.add(hash, part),
            Decoded::Own(bytes) => {
                self.own = Some((bytes, Digest(*hash)));
                Ok(None)
            }
        }
    }

    /// Puts the engine together if the digest of the parts is `expected`.
    ///
    /// # Errors
    /// If the digest is another one, or parts are missing or do not fit together.
    pub fn finish<E>(self, expected: Digest) -> Result<Engine, RestoreError<E>> {
        let damaged = |what: String| RestoreError::Damaged(what);
        let own = self.own.ok_or_else(|| damaged("the engine's part is missing".into()))?;
        // The engine's part holds the digest of the books' parts, so its own hash covers all.
        let (own, found) = own;
        if found != expected {
            return Err(damaged(format!("its digest is {found}, not {expected}")));
        }
        let part: EnginePart = borsh::from_slice(&own[ENGINE_PART.len()..])
            .map_err(|error: io::Error| damaged(error.to_string()))?;
        let digest = self.books.digest();
        if Digest(part.books) != digest {
            return Err(damaged(format!("the digest of its books is {digest}")));
        }
        let books = self.books.finish().map_err(damaged)?;
        let mut request_keys = RequestKeys::default();
        part.request_keys.into_iter().for_each(|key| request_keys.insert(key));
        Ok(Engine { books, request_keys, fingerprint: part.fingerprint, access_version: 0 })
    }
}

impl Snapshot {
    /// Writes the parts that `sink` does not have, in order, and gives the digest of all.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write_to<S: PartSink>(self, sink: &mut S) -> Result<Digest, S::Error> {
        let books = self.books.write_to(sink)?;
        sink.write(None, &own_part(books, self.fingerprint, &self.request_keys)).map(Digest)
    }

    /// Writes the state in parts and gives the digest of all of them.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write<E>(self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Digest, E> {
        let books = self.books.write(&mut sink)?;
        let own = own_part(books, self.fingerprint, &self.request_keys);
        sink(&own)?;
        Ok(Digest(Sha256::digest(&own).into()))
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

fn own_part(Digest(books): Digest, fingerprint: u64, request_keys: &KeysByTime) -> Vec<u8> {
    let request_keys = request_keys.iter().cloned().collect();
    let part = EnginePart { books, fingerprint, request_keys };
    let mut bytes = ENGINE_PART.to_vec();
    part.serialize(&mut bytes).expect("writing into memory does not fail");
    bytes
}

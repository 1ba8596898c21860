//! The whole state as parts of bytes: those of the books, those of the market and of the policy if
//! they were ever used, then one of the engine's own.

use std::convert::Infallible;
use std::io;

use books::{ChunkId, Digest, EveryPart, PartSink, RestoreError, UncheckedBooks};
use borsh::{BorshDeserialize, BorshSerialize};
use market::{DecodedMarketPart, MARKET_FORMAT, MarketBuilder, MarketEvent, MarketSnapshot};
use policy::{DecodedPolicyPart, POLICY_FORMAT, PolicyBuilder, PolicyEvent, PolicySnapshot};
use sha2::{Digest as _, Sha256};

use crate::Engine;
use crate::request_keys::{KeysByTime, RememberedKey, RequestKeys};

/// Begins the engine's part. Parts of machines begin with their format, which is far lower.
const ENGINE_PART: [u8; 2] = [0xE1, 0xFF];

/// Begins the engine's part if there is a market.
const ENGINE_PART_WITH_MARKET: [u8; 2] = [0xE2, 0xFF];

/// Begins the engine's part if there is a policy. What it has of the market follows, if there is
/// one.
const ENGINE_PART_WITH_POLICY: [u8; 2] = [0xE3, 0xFF];

/// The state at one time. Taking one copies pointers, not records.
#[derive(Debug)]
pub struct Snapshot {
    books: books::Snapshot,
    market: MarketSnapshot,
    policy: PolicySnapshot,
    request_keys: KeysByTime,
    fingerprint: u64,
}

/// What the engine's part begins with if there is a market.
#[derive(BorshSerialize, BorshDeserialize)]
struct MarketPart {
    /// Of the market's parts.
    market: [u8; 32],
    /// By the place of a request key: the events of the market that answered it.
    events: Vec<(u32, Vec<MarketEvent>)>,
}

/// What the engine's part begins with if there is a policy.
#[derive(BorshSerialize, BorshDeserialize)]
struct PolicyPart {
    /// Of the policy's parts.
    policy: [u8; 32],
    /// By the place of a request key: the events of the policy that answered it.
    events: Vec<(u32, Vec<PolicyEvent>)>,
    market: Option<MarketPart>,
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
        Snapshot {
            books: self.books.snapshot(),
            market: self.market.snapshot(),
            policy: self.policy.snapshot(),
            request_keys: self.request_keys.by_time().clone(),
            fingerprint: self.fingerprint,
        }
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
    Market(DecodedMarketPart),
    Policy(DecodedPolicyPart),
    /// The engine's own part, in bytes.
    Own(Vec<u8>),
}

impl DecodedPart {
    /// Decodes a part, whose content nobody has compared with its hash yet.
    ///
    /// # Errors
    /// If the part is damaged or has another format.
    pub fn decode<E>(part: &[u8]) -> Result<DecodedPart, RestoreError<E>> {
        let own = [ENGINE_PART, ENGINE_PART_WITH_MARKET, ENGINE_PART_WITH_POLICY];
        if own.iter().any(|begin| part.starts_with(begin)) {
            return Ok(DecodedPart(Decoded::Own(part.to_vec())));
        }
        if part.starts_with(&MARKET_FORMAT[..2]) {
            return DecodedMarketPart::decode(part).map(|part| DecodedPart(Decoded::Market(part)));
        }
        if part.starts_with(&POLICY_FORMAT[..2]) {
            return DecodedPolicyPart::decode(part).map(|part| DecodedPart(Decoded::Policy(part)));
        }
        books::DecodedBooksPart::decode(part).map(|part| DecodedPart(Decoded::Books(part)))
    }
}

/// Puts an engine together from the parts of a snapshot.
#[derive(Default)]
pub struct EngineBuilder {
    books: UncheckedBooks,
    market: MarketBuilder,
    policy: PolicyBuilder,
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
            Decoded::Market(part) => self.market.add(hash, part),
            Decoded::Policy(part) => self.policy.add(hash, part),
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
        let with_market = own.starts_with(&ENGINE_PART_WITH_MARKET);
        let mut bytes = &own[ENGINE_PART.len()..];
        let unreadable = |error: io::Error| damaged(error.to_string());
        let of_market = with_market.then(|| MarketPart::deserialize(&mut bytes)).transpose();
        let mut of_market = of_market.map_err(unreadable)?;
        let with_policy = own.starts_with(&ENGINE_PART_WITH_POLICY);
        let of_policy = with_policy.then(|| PolicyPart::deserialize(&mut bytes)).transpose();
        let mut of_policy = of_policy.map_err(unreadable)?;
        if let Some(of_policy) = &mut of_policy {
            of_market = of_policy.market.take();
        }
        let part: EnginePart = borsh::from_slice(bytes).map_err(unreadable)?;
        let digest = self.market.digest();
        let expected = match &of_market {
            Some(of_market) => of_market.market,
            None => MarketBuilder::default().digest(),
        };
        if digest != expected {
            return Err(damaged(format!("the digest of its market is {}", Digest(digest))));
        }
        let digest = self.policy.digest();
        let expected = match &of_policy {
            Some(of_policy) => of_policy.policy,
            None => PolicyBuilder::default().digest(),
        };
        if digest != expected {
            return Err(damaged(format!("the digest of its policy is {}", Digest(digest))));
        }
        let digest = self.books.digest();
        if Digest(part.books) != digest {
            return Err(damaged(format!("the digest of its books is {digest}")));
        }
        let books = self.books.finish().map_err(damaged)?;
        let market = self.market.finish().map_err(damaged)?;
        let policy = self.policy.finish().map_err(damaged)?;
        let mut keys = part.request_keys;
        for (place, events) in of_market.into_iter().flat_map(|of_market| of_market.events) {
            let key = usize::try_from(place).ok().and_then(|place| keys.get_mut(place));
            key.ok_or_else(|| damaged("an answer is of no request key".into()))?.of_market = events;
        }
        for (place, events) in of_policy.into_iter().flat_map(|of_policy| of_policy.events) {
            let key = usize::try_from(place).ok().and_then(|place| keys.get_mut(place));
            key.ok_or_else(|| damaged("an answer is of no request key".into()))?.of_policy = events;
        }
        let mut request_keys = RequestKeys::default();
        keys.into_iter().for_each(|key| request_keys.insert(key));
        let fingerprint = part.fingerprint;
        Ok(Engine { books, market, policy, request_keys, fingerprint, access_version: 0 })
    }
}

impl Snapshot {
    /// Writes the parts that `sink` does not have, in order, and gives the digest of all.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write_to<S: PartSink>(self, sink: &mut S) -> Result<Digest, S::Error> {
        let Snapshot { books, market, policy, request_keys, fingerprint } = self;
        let books = books.write_to(sink)?;
        let of_market = match market.is_pristine() {
            true => None,
            false => Some(market.write_to(sink)?),
        };
        let of_policy = match policy.is_pristine() {
            true => None,
            false => Some(policy.write_to(sink)?),
        };
        let own = own_part(books, of_market, of_policy, fingerprint, &request_keys);
        sink.write(None, &own).map(Digest)
    }

    /// Writes the state in parts and gives the digest of all of them.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write<E>(self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Digest, E> {
        self.write_to(&mut EveryPart(sink))
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

fn own_part(
    Digest(books): Digest,
    market: Option<[u8; 32]>,
    policy: Option<[u8; 32]>,
    fingerprint: u64,
    request_keys: &KeysByTime,
) -> Vec<u8> {
    let market = market.map(|market| {
        let answered = (0..).zip(request_keys.iter()).filter(|(_, key)| !key.of_market.is_empty());
        let events = answered.map(|(place, key)| (place, key.of_market.clone())).collect();
        MarketPart { market, events }
    });
    let mut bytes = match (&policy, &market) {
        (Some(_), _) => ENGINE_PART_WITH_POLICY,
        (None, Some(_)) => ENGINE_PART_WITH_MARKET,
        (None, None) => ENGINE_PART,
    }
    .to_vec();
    let written = match (policy, market) {
        (Some(policy), market) => {
            let keys = (0..).zip(request_keys.iter());
            let answered = keys.filter(|(_, key)| !key.of_policy.is_empty());
            let events = answered.map(|(place, key)| (place, key.of_policy.clone())).collect();
            PolicyPart { policy, events, market }.serialize(&mut bytes)
        }
        (None, Some(market)) => market.serialize(&mut bytes),
        (None, None) => Ok(()),
    };
    written.expect("writing into memory does not fail");
    let request_keys = request_keys.iter().cloned().collect();
    let part = EnginePart { books, fingerprint, request_keys };
    part.serialize(&mut bytes).expect("writing into memory does not fail");
    bytes
}

//! The whole policy as parts of bytes.
//!
//! The decisions have a part for each chunk, so that a chunk that has not changed since an earlier
//! snapshot need not be written again. The rest is one part. A policy without any command has no
//! part.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use books::{ChunkId, PartSink, RestoreError};
use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{CHUNK_RECORDS, ChunkedVec, LooseChunk};
use machine::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::command::ActivatePolicy;
use crate::decision::{DecisionPlace, TextDecision};
use crate::policy::Policy;
use crate::sample::TextSample;
use crate::versions::RuleSuspension;
use crate::vocabulary::TextVerdict;

/// What each part of a policy begins with, and its newest format.
pub const POLICY_FORMAT: [u8; 4] = [0x50, 0xFF, 1, 0];

/// Its number as a table of a snapshot, which no table of another machine has.
const DECISIONS: u8 = 230;

/// The policy at one moment. Making one copies pointers and the small tables, not the decisions.
#[derive(Debug)]
pub struct PolicySnapshot {
    versions: Vec<Arc<ActivatePolicy>>,
    small: SmallTables,
    decisions: ChunkedVec<TextDecision>,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
struct SmallTables {
    last_at: Timestamp,
    fingerprint: u64,
    suspended: BTreeMap<(u32, String), RuleSuspension>,
    samples: Vec<TextSample>,
}

impl Policy {
    #[must_use]
    pub fn snapshot(&self) -> PolicySnapshot {
        PolicySnapshot {
            versions: self.versions.clone(),
            small: SmallTables {
                last_at: self.last_at,
                fingerprint: self.fingerprint,
                suspended: self.suspended.clone(),
                samples: self.samples.clone(),
            },
            decisions: self.decisions.clone(),
        }
    }
}

impl PolicySnapshot {
    /// Whether no command was applied yet. Then there are no parts.
    #[must_use]
    pub fn is_pristine(&self) -> bool {
        self.small.fingerprint == 0
    }

    /// Writes the parts that `sink` does not have, in order, and gives SHA-256 over the SHA-256 of
    /// all parts.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write_to<S: PartSink>(self, sink: &mut S) -> Result<[u8; 32], S::Error> {
        let mut hasher = Sha256::new();
        if self.is_pristine() {
            return Ok(hasher.finalize().into());
        }
        let mut small = part(0);
        add(&mut small, &self.small);
        add(&mut small, &(self.versions.len() as u64));
        self.versions.iter().for_each(|version| add(&mut small, &**version));
        hasher.update(sink.write(None, &small)?);
        self.decisions.consume(|chunk| {
            let id = ChunkId { table: DECISIONS, number: chunk.number, written: chunk.written };
            let hash = match sink.kept(id)? {
                Some(hash) => hash,
                None => {
                    let count = u32::try_from(chunk.records.len()).expect("a chunk is small");
                    let mut bytes = part(count);
                    chunk.records.iter().for_each(|record| add(&mut bytes, record));
                    sink.write(Some(id), &bytes)?
                }
            };
            hasher.update(hash);
            Ok(())
        })?;
        Ok(hasher.finalize().into())
    }
}

/// Begins a part with so many decisions; 0 for that of the small tables.
fn part(decisions: u32) -> Vec<u8> {
    let mut bytes = POLICY_FORMAT.to_vec();
    add(&mut bytes, &decisions);
    bytes
}

fn add(bytes: &mut Vec<u8>, value: &impl BorshSerialize) {
    value.serialize(bytes).expect("writing into memory does not fail");
}

/// A part whose records are decoded. Parts can be decoded at the same time.
#[derive(Debug)]
pub struct DecodedPolicyPart(Decoded);

#[derive(Debug)]
enum Decoded {
    Small(Box<SmallTables>, Vec<ActivatePolicy>),
    Decisions(LooseChunk<TextDecision>),
}

impl DecodedPolicyPart {
    /// Decodes a part that begins with the first two bytes of [`POLICY_FORMAT`].
    ///
    /// # Errors
    /// If the part is damaged or has another format.
    pub fn decode<E>(part: &[u8]) -> Result<DecodedPolicyPart, RestoreError<E>> {
        let damaged = |error: io::Error| RestoreError::Damaged(error.to_string());
        let unknown = || RestoreError::Damaged("a part has an unknown format".into());
        let mut bytes = part.strip_prefix(&POLICY_FORMAT[..]).ok_or_else(unknown)?;
        let decoded = decode(&mut bytes).map_err(damaged)?;
        if !bytes.is_empty() {
            return Err(RestoreError::Damaged("a part is longer than its records".into()));
        }
        Ok(DecodedPolicyPart(decoded))
    }
}

fn decode(bytes: &mut &[u8]) -> io::Result<Decoded> {
    let count = u32::deserialize_reader(bytes)?;
    if count == 0 {
        let small = SmallTables::deserialize_reader(bytes)?;
        let versions = u64::deserialize_reader(bytes)?;
        let versions = (0..versions).map(|_| ActivatePolicy::deserialize_reader(bytes));
        let versions = versions.collect::<io::Result<_>>()?;
        return Ok(Decoded::Small(Box::new(small), versions));
    }
    let len = usize::try_from(count).ok().filter(|len| *len <= CHUNK_RECORDS);
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "a chunk has too many records");
    let chunk = LooseChunk::read(len.ok_or_else(bad)?, || TextDecision::deserialize_reader(bytes))?;
    Ok(Decoded::Decisions(chunk))
}

/// Puts a policy together from the parts of a snapshot.
#[derive(Debug, Default)]
pub struct PolicyBuilder {
    policy: Policy,
    hasher: Sha256,
}

impl PolicyBuilder {
    /// Adds the next part, whose SHA-256 is `hash`. Returns which chunk it is.
    ///
    /// # Errors
    /// If the part is in the wrong place.
    pub fn add<E>(
        &mut self,
        hash: &[u8; 32],
        DecodedPolicyPart(part): DecodedPolicyPart,
    ) -> Result<Option<ChunkId>, RestoreError<E>> {
        self.hasher.update(hash);
        let policy = &mut self.policy;
        match part {
            Decoded::Small(small, versions) => {
                let SmallTables { last_at, fingerprint, suspended, samples } = *small;
                (policy.last_at, policy.fingerprint) = (last_at, fingerprint);
                (policy.suspended, policy.samples) = (suspended, samples);
                policy.versions = versions.into_iter().map(Arc::new).collect();
                Ok(None)
            }
            Decoded::Decisions(chunk) => {
                let number = policy.decisions.len() / CHUNK_RECORDS;
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                if policy.decisions.push_chunk(chunk) {
                    return Ok(Some(ChunkId { table: DECISIONS, number, written: 0 }));
                }
                Err(RestoreError::Damaged("a chunk follows one that is not full".into()))
            }
        }
    }

    /// SHA-256 over the SHA-256 of the parts.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// Puts the policy together. Call it only if the digest is the expected one.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(self) -> Result<Policy, String> {
        let mut policy = self.policy;
        let decisions = policy.decisions.clone();
        for (place, one) in (0..).zip(decisions.iter()) {
            let place: DecisionPlace = place;
            policy.decisions_of.entry(one.offer).or_default().push(place);
            if one.verdict == TextVerdict::Held && one.end.is_none() {
                policy.held.insert(place);
            }
            if let Some(appeal) = one.appeal.as_ref().filter(|appeal| appeal.judged.is_none()) {
                policy.open_appeals.insert((appeal.due, place));
            }
            policy.count(one);
        }
        policy.check().map(|()| policy).map_err(|rules| rules.join("; "))
    }
}

//! Proposals, a file each. A proposal ends with the removal of its file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use books::{Books, PersonId};
use engine::RequestKey;
use reports::ProposedResolution;

use crate::error::ProposalStoreError;
use crate::file::{read_if_there, sync_directory, write_durably};
use crate::request::{Proposal, WaitsInBooks};

/// The directory of the proposals, in the data directory.
pub const PROPOSALS: &str = "proposals";
/// Most proposals that wait.
pub const PROPOSALS_MAX: usize = 10_000;
pub(crate) const PROPOSAL_BYTES_MAX: usize = 1 << 20;
/// Proposals that have ended, by their request keys: the same request is answered as before. In the
/// directory of the proposals.
const ENDED: &str = "ended";
/// Most that are remembered. Then the oldest go.
const ENDED_MAX: usize = 10_000;
/// The highest number ever used, so that no number is used again.
const LAST: &str = "last";

#[derive(Debug)]
pub(crate) struct ProposalStore {
    directory: PathBuf,
}

type StoreResult<T> = Result<T, ProposalStoreError>;

impl ProposalStore {
    /// Of a data directory. Begins the store if there is none.
    pub(crate) fn open(data: &Path) -> StoreResult<ProposalStore> {
        let store = ProposalStore { directory: data.join(PROPOSALS) };
        match fs::create_dir(&store.directory) {
            Ok(()) => sync_directory(data).map_err(|error| store.failed(error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(store.failed(error)),
        }
        Ok(store)
    }

    fn failed(&self, source: io::Error) -> ProposalStoreError {
        ProposalStoreError::Io { path: self.directory.clone(), source }
    }

    /// The numbers of all proposals, in order.
    pub(crate) fn numbers(&self) -> StoreResult<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(error))? {
            let name = entry.map_err(|error| self.failed(error))?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            numbers.extend(name.and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(crate) fn read(&self, number: u64) -> StoreResult<Option<Proposal>> {
        let path = self.directory.join(file_name(number));
        let failed = |source| ProposalStoreError::Io { path: path.clone(), source };
        let text = read_if_there(&path, PROPOSAL_BYTES_MAX as u64).map_err(failed)?;
        let not_one = |why| ProposalStoreError::NotAProposal { path: path.clone(), why };
        let Some(text) = text else { return Ok(None) };
        let read: Proposal =
            serde_json::from_str(&text).map_err(|error| not_one(error.to_string()))?;
        if read.number == number {
            Ok(Some(read))
        } else {
            Err(not_one("its number differs".into()))
        }
    }

    /// Keeps a new proposal, and gives it its number.
    pub(crate) fn add(&self, mut proposal: Proposal) -> StoreResult<Proposal> {
        let numbers = self.numbers()?;
        if numbers.len() >= PROPOSALS_MAX {
            return Err(ProposalStoreError::TooMany);
        }
        let path = self.directory.join(LAST);
        let last = read_if_there(&path, 20).map_err(|error| self.failed(error))?;
        let last: u64 = last.and_then(|text| text.parse().ok()).unwrap_or(0);
        proposal.number = last.max(numbers.last().copied().unwrap_or(0)) + 1;
        let used = proposal.number.to_string();
        write_durably(&self.directory, LAST, used.as_bytes())
            .map_err(|error| self.failed(error))?;
        self.replace(&proposal)?;
        Ok(proposal)
    }

    pub(crate) fn replace(&self, proposal: &Proposal) -> StoreResult<()> {
        let bytes = serde_json::to_vec_pretty(proposal);
        let bytes = bytes.map_err(|error| self.failed(error.into()))?;
        if bytes.len() > PROPOSAL_BYTES_MAX {
            return Err(ProposalStoreError::TooLarge);
        }
        let name = file_name(proposal.number);
        write_durably(&self.directory, &name, &bytes).map_err(|error| self.failed(error))
    }

    /// Remembers what a proposal was under its request key, as long as the books remember a key.
    /// Before the proposal ends, so that a crash forgets neither.
    pub(crate) fn remember(&self, proposal: &Proposal) -> StoreResult<()> {
        let Some(key) = request_key(proposal) else { return Ok(()) };
        let ended = self.directory.join(ENDED);
        match fs::create_dir(&ended) {
            Ok(()) => sync_directory(&self.directory).map_err(|error| self.failed(error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(self.failed(error)),
        }
        forget_old(&ended).map_err(|error| self.failed(error))?;
        let bytes = serde_json::to_vec(proposal).map_err(|error| self.failed(error.into()))?;
        let name = ended_name(proposal.proposed_by, &key);
        write_durably(&ended, &name, &bytes).map_err(|error| self.failed(error))
    }

    /// The proposal of a person that has ended, and had this request key.
    pub(crate) fn ended(&self, by: PersonId, key: &RequestKey) -> StoreResult<Option<Proposal>> {
        let path = self.directory.join(ENDED).join(ended_name(by, key));
        let failed = |source| ProposalStoreError::Io { path: path.clone(), source };
        if is_forgotten(&path).map_err(failed)? {
            return Ok(None);
        }
        let text = read_if_there(&path, PROPOSAL_BYTES_MAX as u64).map_err(failed)?;
        let not_one = |why| ProposalStoreError::NotAProposal { path: path.clone(), why };
        let read = text.map(|text| serde_json::from_str(&text));
        read.transpose().map_err(|error| not_one(error.to_string()))
    }

    pub(crate) fn remove(&self, number: u64) -> StoreResult<()> {
        let removed = fs::remove_file(self.directory.join(file_name(number)));
        removed.and_then(|()| sync_directory(&self.directory)).map_err(|error| self.failed(error))
    }
}

/// The proposals of a data directory, by number. None where there is no directory of them.
///
/// # Errors
/// They cannot be read.
pub fn waiting_proposals(data: &Path) -> StoreResult<Vec<Proposal>> {
    proposals_after(data, 0)
}

/// Those with a higher number than another one's.
///
/// # Errors
/// They cannot be read.
pub fn proposals_after(data: &Path, last: u64) -> StoreResult<Vec<Proposal>> {
    let store = ProposalStore { directory: data.join(PROPOSALS) };
    if !store.directory.exists() {
        return Ok(Vec::new());
    }
    let mut proposals = Vec::new();
    for number in store.numbers()?.into_iter().filter(|number| *number > last) {
        // One that is carried out in between is none any more.
        proposals.extend(store.read(number)?);
    }
    Ok(proposals)
}

/// The request key of a proposal, if it has one.
pub(crate) fn request_key(proposal: &Proposal) -> Option<RequestKey> {
    RequestKey::new(proposal.request_key.as_deref()?).ok()
}

/// The file that remembers a proposal. A key can have any character, so the name is derived.
fn ended_name(by: PersonId, key: &RequestKey) -> String {
    let name = machine::derive_identifier("EndedProposal", &[&by.to_string(), key.identity()]);
    base16ct::lower::encode_string(&name[..16]) + ".json"
}

fn age(path: &Path) -> io::Result<Option<Duration>> {
    match fs::metadata(path).and_then(|found| found.modified()) {
        Ok(at) => Ok(Some(at.elapsed().unwrap_or_default())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_forgotten(path: &Path) -> io::Result<bool> {
    let most = Duration::from_secs(engine::REQUEST_KEY_HOURS * 3_600);
    Ok(age(path)?.is_some_and(|age| age >= most))
}

/// Makes room for one more.
fn forget_old(ended: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(ended)? {
        let path = entry?.path();
        if is_forgotten(&path)? {
            fs::remove_file(&path)?;
        } else {
            kept.push((age(&path)?, path));
        }
    }
    kept.sort();
    for (_, path) in kept.iter().skip(ENDED_MAX - 1) {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn file_name(number: u64) -> String {
    format!("{number}.json")
}

/// The plans and resolutions that wait for a second person.
pub(crate) fn waits_in_books(books: &Books) -> Vec<WaitsInBooks> {
    let plans = books.open_plans().filter(|plan| !plan.approved).map(|plan| {
        let act = if plan.planned_by.is_some() { "approve" } else { "approve-cycle" };
        let approval = format!("doorstep settlement {act} {}", plan.id);
        WaitsInBooks { proposed_by: plan.planned_by, proposer_name: None, approval }
    });
    let breaks = books.open_breaks().into_iter().filter_map(|open| {
        let (_, _, by) = books.proposed_resolution(open.id)?;
        let approval = ProposedResolution::of(books, &open)?.approval();
        Some(WaitsInBooks { proposed_by: Some(by), proposer_name: None, approval })
    });
    plans.chain(breaks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(command: &str) -> Proposal {
        Proposal {
            number: 0,
            command: command.to_owned(),
            fields: serde_json::Map::new(),
            proposed_by: PersonId(1),
            proposed_at_ms: 5,
            request_key: None,
            approval: None,
            refusal: None,
            proposer_name: None,
            proposed_at: None,
            words: None,
        }
    }

    #[test]
    fn no_number_is_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = ProposalStore::open(directory.path()).unwrap();
        for number in 1..=3 {
            assert_eq!(store.add(proposal("SetRetention")).unwrap().number, number);
        }
        store.remove(3).unwrap();
        store.remove(1).unwrap();
        let again = ProposalStore::open(directory.path()).unwrap();
        assert_eq!(again.numbers().unwrap(), [2]);
        assert_eq!(again.add(proposal("SetRetention")).unwrap().number, 4);
        assert_eq!(again.read(4).unwrap().unwrap().number, 4);
        assert_eq!(again.read(3).unwrap(), None);
    }

    #[test]
    fn a_proposal_has_a_limit_on_its_size() {
        let directory = tempfile::tempdir().unwrap();
        let store = ProposalStore::open(directory.path()).unwrap();
        let large = proposal(&"x".repeat(PROPOSAL_BYTES_MAX));
        assert!(matches!(store.add(large), Err(ProposalStoreError::TooLarge)));
        assert!(store.numbers().unwrap().is_empty());
        fs::write(directory.path().join(PROPOSALS).join("7.json"), "{}").unwrap();
        let error = store.read(7).unwrap_err().to_string();
        assert!(error.contains("7.json: not a proposal: "), "{error}");
    }
}

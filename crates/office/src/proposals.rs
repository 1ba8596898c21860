//! Proposals, a file each. A proposal ends with the removal of its file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ProposalStoreError;
use crate::file::{read_if_there, sync_directory, write_durably};
use crate::request::Proposal;

/// The directory of the proposals, in the data directory.
pub const PROPOSALS: &str = "proposals";
/// Most proposals that wait.
pub const PROPOSALS_MAX: usize = 10_000;
pub(crate) const PROPOSAL_BYTES_MAX: usize = 1 << 20;
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

    pub(crate) fn remove(&self, number: u64) -> StoreResult<()> {
        let removed = fs::remove_file(self.directory.join(file_name(number)));
        removed.and_then(|()| sync_directory(&self.directory)).map_err(|error| self.failed(error))
    }
}

fn file_name(number: u64) -> String {
    format!("{number}.json")
}

#[cfg(test)]
mod tests {
    use books::PersonId;

    use super::*;

    fn proposal(command: &str) -> Proposal {
        Proposal {
            number: 0,
            command: command.to_owned(),
            fields: serde_json::Map::new(),
            proposed_by: PersonId(1),
            proposed_at_ms: 5,
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

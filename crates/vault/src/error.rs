//! Why the vault cannot be used. No error has any part of a record.

use std::path::PathBuf;

use keys::KeyError;

use crate::file::VAULT_FILE;
use crate::vault::RecordName;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "the vault needs its key: name one as `vault` in [keys] of the settings, make it with \
         `doorstep keys make NAME --purpose data-keys --algorithm aes256`, and give the settings \
         (--config)"
    )]
    NoKey,
    #[error(
        "the vault has no such {0}: it was erased, or never entered; enter it again with `doorstep \
         payout-account set`"
    )]
    NoRecord(RecordName),
    #[error(
        "the {0} in {VAULT_FILE} was changed, cut or moved; restore the file from a backup, or \
         enter the account again"
    )]
    Damaged(RecordName),
    #[error("the key of {0} in {VAULT_FILE} was changed or cut; restore the file from a backup")]
    DamagedKey(String),
    #[error(
        "{}: other users can read the vault; run `chmod 600` on the file", .0.display()
    )]
    ReadableByOthers(PathBuf),
    #[error("{}: not a vault of this version of Doorstep", .0.display())]
    NotAVault(PathBuf),
    #[error("could not {doing} the vault {}: {source}; check the disk", path.display())]
    Sqlite { doing: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("could not {doing} the vault {}: {source}; check the disk", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the operating system returns no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

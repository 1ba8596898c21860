//! Why the vault cannot be used. No error has any part of a record.

use std::path::PathBuf;

use files::atomic::AtomicWriteError;
use keys::KeyError;
use postgresql::said;

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
         payout-account set` or `doorstep vault enter-identity`, or import the order again"
    )]
    NoRecord(RecordName),
    #[error(
        "the {0} in the vault was changed, cut or moved; restore the vault from a backup, or enter \
         it again"
    )]
    Damaged(RecordName),
    #[error(
        "{}: line {line} is no erasure of this list; restore the file from its newest copy, or \
         write it again from the journal: `doorstep vault list-erasures`", path.display()
    )]
    DamagedErasures { path: PathBuf, line: usize },
    #[error(
        "{}: the list has other erasures than the books; restore the file of these books, or write \
         it again from the journal: `doorstep vault list-erasures`", .0.display()
    )]
    OtherErasures(PathBuf),
    #[error(
        "{}: the list has {listed} erasures, and there were {erased}; restore the file from its \
         newest copy, or write it again from the journal: `doorstep vault list-erasures`",
        path.display()
    )]
    ErasuresMissing { path: PathBuf, listed: u32, erased: u32 },
    #[error("the key of {0} in {VAULT_FILE} was changed or cut; restore the file from a backup")]
    DamagedKey(String),
    #[error(
        "{}: other users can read the vault; run `chmod 600` on the file", .0.display()
    )]
    ReadableByOthers(PathBuf),
    #[error("{}: not a vault of this version of Doorstep", .0.display())]
    NotAVault(PathBuf),
    #[error(
        "could not {doing} the vault in PostgreSQL: {}. Nothing was done; check the server and \
         [vault] of the settings", said(.source)
    )]
    Server { doing: &'static str, source: postgres::Error },
    #[error(
        "the records of the vault are in PostgreSQL: give the settings with its address in [vault] \
         (--config)"
    )]
    OnServer,
    #[error(
        "{server} has no vault, and {VAULT_FILE} says that it was there; restore the schema \
         doorstep_vault from a backup, or correct `url` in [vault]"
    )]
    ServerHasNone { server: String },
    #[error(
        "{server} has the vault of other books, or of another version of Doorstep; give another \
         database in [vault], or restore {VAULT_FILE} from a newer backup"
    )]
    OtherVaultOnServer { server: String },
    #[error("could not {doing} the vault {}: {source}; check the disk", path.display())]
    Sqlite { doing: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("could not {doing} the vault {}: {source}; check the disk", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Erasures(#[from] AtomicWriteError<std::io::Error>),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the operating system returns no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

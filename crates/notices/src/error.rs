//! Why notices could not be written, read or sent.

use std::path::PathBuf;

use journal::Sequence;
use keys::KeyError;
use node::recovery::RecoveryError;
use node::replay::ReplayError;

use crate::limits::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, ENDPOINTS_OF_OWNER_MAX};
use crate::limits::{CONSENTS_MAX, TABLE_VERSIONS_MAX};
use crate::recipient::Recipient;
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    #[error(
        "could not {doing} {path}: {source}. The books are not touched, and no notice is lost; \
         free space on that disk, or end the process that holds the file"
    )]
    Sqlite { doing: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("could not {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{path} can be read by others; it is for its owner only: `chmod go= {path}`",
        path = .0.display()
    )]
    ReadableByOthers(PathBuf),
    #[error(
        "{path} is not a file of notices of this version; move it away, or use a newer program",
        path = .0.display()
    )]
    NotOurs(PathBuf),
    #[error("{path} is damaged; restore it from a backup, or move it away", path = .0.display())]
    Damaged(PathBuf),
    #[error("another process sends these notices: a Doorstep that serves; end it first")]
    InUse,
    /// A gap, or a batch a second time.
    #[error(
        "the notices are at batch {at}, and batch {given} does not follow; nothing was written. \
         Move notices.sqlite away to begin at the journal's end, and report this"
    )]
    NotTheNext { at: Sequence, given: Sequence },
    #[error(
        "the notices are at batch {batch} of another journal; nothing was written. Move \
         notices.sqlite away to begin at the end of this one"
    )]
    OtherJournal { batch: Sequence },
    #[error(
        "the notices are at batch {notices}, the journal ends at {end}: it has lost batches, or is \
         another one. Restore the journal, or move notices.sqlite away to begin at its end"
    )]
    AheadOfJournal { notices: Sequence, end: Sequence },
    #[error(
        "addresses of notices are sealed under the vault's key, and there is none: name it in \
         [keys] vault of the settings"
    )]
    NoKey,
    #[error("the addresses of notices cannot be opened with this key of the vault: {0}")]
    Key(#[from] KeyError),
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    #[error(transparent)]
    WebhookKey(#[from] channels::WebhookKeyError),
    #[error("there is no address {0}; `doorstep notices endpoint list` has all")]
    NoAddress(u32),
    #[error("address {0} is not a webhook endpoint: it has no secret")]
    NoSecret(u32),
    #[error("{owner} is not reached by {by}")]
    NotReachedBy { owner: Recipient, by: &'static str },
    #[error(
        "an address is 1 to {ADDRESS_BYTES_MAX} bytes of printable text without spaces, a webhook \
         an https address"
    )]
    Address,
    #[error("{0} has {ENDPOINTS_OF_OWNER_MAX} endpoints, the most; remove one first")]
    TooManyEndpoints(Recipient),
    #[error("there are {ADDRESSES_MAX} addresses, the most; remove one first")]
    TooManyAddresses,
    #[error(
        "{0} has no mail address for the report; add one with `doorstep notices endpoint add {0} \
         --channel mail`"
    )]
    NoMailAddress(Recipient),
    #[error("there is no event `{0}` of notices; docs/notices.md has all")]
    NoEvent(String),
    #[error("a recipient has at most {CONSENTS_MAX} consents")]
    TooManyConsents,
    #[error("there is no version {0} of the table of notices")]
    NoTable(u32),
    #[error("there are {TABLE_VERSIONS_MAX} versions of the table, the most")]
    TooManyTables,
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    #[error(transparent)]
    Directory(#[from] journal::DirectoryError),
    #[error(transparent)]
    Snapshot(#[from] journal::SnapshotError),
}

//! Why somebody gets no access. No error says whether a name exists.

use std::path::PathBuf;

use keys::KeyError;

use crate::file::ACCESS_FILE;
use crate::webauthn::PasskeyFault;

/// The access store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(
        "access needs the vault's key: name one as `vault` in [keys] of the settings, and give the \
         settings (--config)"
    )]
    NoKey,
    #[error(
        "{}: other users can read the access store; run `chmod 600` on the file", .0.display()
    )]
    ReadableByOthers(PathBuf),
    #[error("{}: not an access store of this version of Doorstep; check the file", .0.display())]
    NotAStore(PathBuf),
    #[error("a secret in {ACCESS_FILE} was changed, cut or moved; restore the file from a backup")]
    Damaged,
    #[error("could not {doing} the access store {}: {source}; check the disk", path.display())]
    Sqlite { doing: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("could not {doing} the access store {}: {source}; check the disk", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the operating system returns no random numbers: {0}; try again")]
    NoRandomness(getrandom::Error),
    #[error("the books cannot be asked: {0}; try again")]
    Books(String),
    #[error("the name {0:?} is taken; choose another name")]
    NameTaken(String),
    #[error("{0:?} is no name: use 1 to {max} letters, digits, `.`, `-`, `_` and `@`",
        max = crate::limits::SIGN_IN_NAME_BYTES_MAX)]
    NotAName(String),
    #[error(
        "person {0} has a sign-in already; if the second factor is lost, let two people reset it \
         (`doorstep user reset-second-factor`)"
    )]
    HasSignIn(books::PersonId),
    #[error("person {0} has no role in the books; grant one first (`doorstep user grant`)")]
    NoGrant(books::PersonId),
    #[error(
        "API key {0} is not in force in the books, or has a secret already; issue another one \
         (`doorstep api-key issue`)"
    )]
    KeyNotIssued(machine::ApiKeyId),
    #[error(
        "the books are real: only trial books have sign-ins that are shown; use `doorstep user`"
    )]
    NotATrial,
    #[error("person {0} has no sign-in that counts; make one first (`doorstep user add`)")]
    NoSignIn(books::PersonId),
    #[error("the identity is linked to a person already; unlink it first (`doorstep user unlink`)")]
    IdentityLinked,
    #[error(
        "{identities} identities of a provider are linked to person {person}; look at them \
         (`doorstep user list`), then say `--identities keep` or `--identities remove`"
    )]
    IdentitiesUndecided { person: books::PersonId, identities: usize },
    #[error("the access store is full ({0}); remove what is no longer needed")]
    Full(&'static str),
}

/// A key, session or link gives no access.
#[derive(Debug, thiserror::Error)]
pub enum AccessDenied {
    #[error("the key, session or link is unknown, ended or expired; sign in, or use another key")]
    Unknown,
    #[error(transparent)]
    Store(#[from] AccessError),
}

/// A sign-in, a step-up or a new password was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefused {
    /// Says the same for an unknown name, a wrong password and a wrong code.
    #[error("the name, the password or the code is wrong; try again")]
    Wrong,
    /// Says the same for names that do not exist.
    #[error("too many attempts; try again in {wait_s} s")]
    Wait { wait_s: u64 },
    #[error(
        "the password is too short, too long, or the name itself; use {min} to {max} characters",
        min = crate::limits::PASSWORD_CHARACTERS_MIN,
        max = crate::limits::PASSWORD_CHARACTERS_MAX
    )]
    WeakPassword,
    #[error(
        "the password is one of those that others try first, or little more than the name; choose \
         another one"
    )]
    CommonPassword,
    /// A provider has proven somebody whom nobody has linked to a person.
    #[error(
        "no person with a role is linked to this identity; ask whoever runs Doorstep to link it \
         (`doorstep user link`)"
    )]
    NotLinked,
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    #[error(transparent)]
    Store(#[from] AccessError),
}

/// A passkey was not registered.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyRefused {
    #[error("this needs the second factor again; give it, then repeat the request")]
    NotSteppedUp,
    #[error(transparent)]
    Fault(#[from] PasskeyFault),
    #[error(transparent)]
    Store(#[from] AccessError),
}

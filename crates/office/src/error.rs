//! Why a request is not carried out. Each error says what to do.

use std::io;
use std::path::PathBuf;

use books::PersonId;
use listings::ScreenError;
use money::Currency;
use vault::{AccountError, DocumentNumberError, VaultError};

use crate::fields::ValueError;
use crate::persons::{NAME_CHARACTERS_MAX, PERSONS_FILE};
use crate::proposals::{PROPOSAL_BYTES_MAX, PROPOSALS_MAX};
use crate::refused::BooksRefusal;
use crate::sent_files::{FILES_BYTES_MAX, SENT_FILES_MAX};
use crate::socket::LOOKS_MAX;
use crate::take::TakeError;

fn flags(fields: &[String]) -> String {
    fields.iter().map(|field| crate::fields::flag(field)).collect::<Vec<_>>().join(", ")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    #[error("there is no command `{0}`; `doorstep do --list` lists all commands")]
    UnknownCommand(String),
    #[error(
        "{command} is not for persons to give: it comes from terminals, networks and wallets; use \
         a terminal"
    )]
    NotForPersons { command: String },
    #[error(
        "{command} has no field for {}; use one of: {}", crate::fields::flag(.field), flags(.known)
    )]
    UnknownField { command: String, field: String, known: Vec<String> },
    #[error("{command} needs {}; see `doorstep do {command} --help`", flags(.missing))]
    MissingFields { command: String, missing: Vec<String> },
    #[error("{} {value}: {cause}", crate::fields::flag(.field))]
    Value { field: String, value: String, cause: Box<ValueError> },
    #[error(
        "{} is in {typed}, but this is in {expected}; write the amount in {expected}",
        crate::fields::flag(.field)
    )]
    OtherCurrency { field: String, typed: Currency, expected: Currency },
    #[error(
        "the payment has chargebacks {}; give one with --number",
        .numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    WhichChargeback { numbers: Vec<u8> },
    #[error(
        "--class {class}: the tariff has no such class; it has: {}. Give one of them, or its \
         number from 0", .known.join(", ")
    )]
    UnknownClass { class: String, known: Vec<String> },
    #[error(
        "--tariff {tariff}: the books have no such tariff; they have: {}. Publish it first: \
         `doorstep setup tariff`", listed(.known)
    )]
    UnknownTariff { tariff: String, known: Vec<String> },
    /// The fields do not have the declared form.
    #[error("{command}: {why}; see `doorstep do {command} --help`")]
    Declared { command: String, why: String },
    /// An API key is no person.
    #[error(
        "{command} names the persons who decide, and this API key has none; sign in as a person"
    )]
    NeedsPerson { command: String },
    /// As the access table says.
    #[error(
        "you may not give {command} with these fields; ask an administrator for the role, or let \
         somebody with it give the command"
    )]
    NotPermitted { command: String },
    #[error("the request key was used for another request; use a new key")]
    RequestKeyTaken,
    #[error("this Doorstep is stopping; try again when it has stopped")]
    Closed,
    #[error("the books are not open; open them first with `doorstep setup books --data DIR`")]
    BooksNotOpen,
    #[error("you are user {user}, and the books belong to user {owner}: let their owner open them")]
    NotTheOwner { user: u32, owner: u32 },
    #[error(
        "user {user} of this machine is no person of these books; let their owner map the user to \
         a person with `doorstep persons WHO --user {user} --data DIR`"
    )]
    UserNotMapped { user: u32 },
    #[error(
        "person {person} is not registered in these books; register the person by two with \
         `doorstep setup person {person}`"
    )]
    PersonNotRegistered { person: PersonId },
    #[error(
        "these are no trial books: each person acts under a user of this machine; leave --person \
         out, and log in as that person's user"
    )]
    PersonInRealBooks,
    #[error(
        "these are no trial books: they live at the time of this machine; unset \
         DOORSTEP_TRIAL_TIME, and try again"
    )]
    TrialTimeInRealBooks,
    #[error(
        "{} names another person; leave it out: it is whoever gives the command",
        crate::fields::flag(.field)
    )]
    OtherPerson { field: String },
    #[error(
        "{} names the second person, who must approve it themselves; leave it out, and let them \
         run `doorstep approve NUMBER`", crate::fields::flag(.field)
    )]
    SecondPersonNamed { field: String },
    #[error(
        "proposal {number} is your own; a second person approves it with `doorstep approve \
         {number}`, under their own user (`doorstep persons WHO --user UID`) while `doorstep \
         serve` runs; in trial books with --person WHO"
    )]
    OwnProposal { number: u64 },
    #[error(
        "there is no proposal {number}; it was carried out or withdrawn, or never made: `doorstep \
         proposals` lists those that wait"
    )]
    UnknownProposal { number: u64 },
    #[error(
        "the approval of proposal {number} by person {by} was interrupted more than 23 hours ago; \
         look in `doorstep log --person {by}` whether {command} was carried out, then withdraw the \
         proposal with `doorstep withdraw-proposal {number}`"
    )]
    ApprovalInterrupted { number: u64, command: String, by: PersonId },
    #[error("the books refuse {command}: {refusal}. Nothing changed")]
    Refused { command: String, refusal: BooksRefusal },
    #[error(
        "the books refuse {command}: {refusal}. Nothing changed, and proposal {number} stays: \
         approve it later, or withdraw it with `doorstep withdraw-proposal {number}`"
    )]
    ProposalRefused { number: u64, command: String, refusal: BooksRefusal },
    #[error("--code must be the courier's one-time code, six digits: type what the courier shows")]
    NotACode,
    #[error(
        "one-time codes need the key store: name the key `codes` in [keys] of the settings, and \
         give them (--config doorstep.toml, or `doorstep serve`); or let a supervisor count \
         (`doorstep hand-over supervise`)"
    )]
    NoCodeKey,
    #[error("the one-time code's MAC cannot be computed: {0}; check the key store")]
    CodeKey(String),
    #[error("{LOOKS_MAX} users are looking at the books; try again in a minute")]
    ManyLooks,
    #[error(transparent)]
    Files(#[from] SentFilesError),
    #[error(
        "the books have no seller `{seller}` with an account in {currency}; register it first \
         (`doorstep setup seller`), or correct the reference or the currency"
    )]
    NoSellerAccount { seller: String, currency: String },
    #[error(
        "`{subject}` names nobody; write seller:REFERENCE, or parcel: and an id, a waybill or \
         SELLER/ORDER"
    )]
    NoDataSubject { subject: String },
    #[error(
        "the vault has nothing of {subject}: it was never entered, or is erased; correct \
         the subject, or import the order again"
    )]
    NoPersonalData { subject: String },
    #[error(transparent)]
    Identity(#[from] DocumentNumberError),
    #[error("the books have no seller `{seller}`; correct the reference, or register it first")]
    NoSeller { seller: String },
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A public text cannot be matched.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    #[error(transparent)]
    Persons(#[from] PersonsError),
    #[error(transparent)]
    Store(#[from] ProposalStoreError),
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error(
        "the books have stopped ({0}); look in `doorstep log` whether the command was carried out, \
         and start again"
    )]
    NodeStopped(#[from] node::NodeStopped),
    #[error("the request is not understood: {0}; use the doorstep program of the same version")]
    Malformed(String),
}

/// Why sent files are not taken. Nothing of them is in the books.
#[derive(Debug, thiserror::Error)]
pub enum SentFilesError {
    #[error("files of another user are being carried out; try again when they are done")]
    Busy,
    #[error(
        "the files have {bytes} bytes; over the socket they have at most {FILES_BYTES_MAX}. Give \
         them in parts, or let the owner of the books import them while Doorstep does not serve"
    )]
    TooLarge { bytes: u64 },
    #[error(
        "{count} files; over the socket there are 1 to {SENT_FILES_MAX} in one request. Give them \
         in parts"
    )]
    Count { count: usize },
    #[error("`{0}` is not the name of a file that can be sent; give the file another name")]
    Name(String),
    #[error(
        "the disk of the books has {free} bytes free, and the files need {needed}; free some \
         space, and send them again. Nothing was carried out"
    )]
    DiskFull { free: u64, needed: u64 },
    #[error("the files did not arrive: {0}. Nothing was carried out; send them again")]
    Cut(io::Error),
    #[error(
        "{}: {source}; check the disk of the books. Nothing was carried out", path.display()
    )]
    Kept { path: PathBuf, source: io::Error },
}

/// Why the persons of a data directory are not known.
#[derive(Debug, thiserror::Error)]
pub enum PersonsError {
    #[error(
        "{}: other users can read the names of persons; run `chmod 600` on the file",
        .0.display()
    )]
    ReadableByOthers(PathBuf),
    #[error("{}: {source}; check that the file can be read and written", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{}: not a table of persons: {why}; correct it, or move it away and name the persons again",
        path.display()
    )]
    NotATable { path: PathBuf, why: String },
    #[error("{}: `{text}` is not the id of a person: write a decimal number", path.display())]
    NotAnId { path: PathBuf, text: String },
    #[error("{}: `{text}` is not the id of a user: see `id -u`", path.display())]
    NotAUser { path: PathBuf, text: String },
    #[error(
        "`{0}` is not a name: it must have 1 to {NAME_CHARACTERS_MAX} characters, one of them a \
         letter: letters (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Chinese, \
         Japanese, Korean), digits, spaces and .-'; do not mix Latin, Greek, Cyrillic and Armenian \
         letters, and write an accented letter as one character, without a combining accent"
    )]
    NotAName(String),
    #[error("0 is nobody's id; give the id of a person, from 1")]
    Nobody,
    #[error("person {person} has the name `{name}` already; give another spelling")]
    NameTaken { person: PersonId, name: String },
    #[error(
        "user {user} is person {person} already, and one user is one person: give another user"
    )]
    UserTaken { user: u32, person: PersonId },
    #[error(
        "person {person} is user {user} already, and one person is one user: name another person"
    )]
    PersonHasUser { user: u32, person: PersonId },
    #[error(
        "nobody has the name `{0}` in {PERSONS_FILE} of the data directory: give the person's id, \
         or add the name there"
    )]
    UnknownName(String),
    #[error("the proposer and the approver are the same person; a second person must approve")]
    SamePerson,
}

/// Why a proposal cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ProposalStoreError {
    #[error("{}: {source}; check the disk and the permissions", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{}: not a proposal: {why}; move the file away and propose again", path.display()
    )]
    NotAProposal { path: PathBuf, why: String },
    #[error(
        "{PROPOSALS_MAX} proposals wait; approve or withdraw some first (`doorstep proposals`)"
    )]
    TooMany,
    #[error("a proposal has at most {PROPOSAL_BYTES_MAX} bytes; propose it in parts")]
    TooLarge,
}

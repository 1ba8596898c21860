//! The control socket, by which an operator on this machine commands a running engine. The
//! protocol: docs/door/control.md.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use books::{Event, NetworkId, PersonId, ReinstateNetwork, Timestamp, WithdrawNetwork};
use engine::{Actor, Submission};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::LINK_WAITING_BYTES_MAX;
use crate::sockets::{ConnectionKind, Sockets};

/// File name of the socket in a data directory.
pub const CONTROL_SOCKET: &str = "control.sock";
/// The user id of root.
const ROOT: u32 = 0;
/// How long the client waits for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// One line sent to the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    Status {},
    Stop {},
    /// From a time on, no transaction is sent to this network.
    Withdraw {
        network: String,
        /// Start time in milliseconds since 1970, at most [`WITHDRAWAL_DAYS_AHEAD_MAX`] days ahead;
        /// absent or past means now.
        #[serde(default)]
        at_ms: Option<u64>,
        /// The proposer.
        by: String,
        /// The approver; must be a second person.
        approved_by: String,
    },
    /// A withdrawn network is used again.
    Reinstate {
        network: String,
        /// The proposer.
        by: String,
        /// The approver; must be a second person.
        approved_by: String,
    },
}

pub const PERSON_CHARACTERS_MAX: usize = 64;
/// A later start of a withdrawal is more likely a misspelt year than a plan.
pub const WITHDRAWAL_DAYS_AHEAD_MAX: u64 = 366;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why a request is not passed to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlRequestError {
    /// The name is empty, too long, or has a character that names do not have.
    #[error(
        "the names of proposer and approver must have 1 to {PERSON_CHARACTERS_MAX} characters: \
         letters (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Chinese, Japanese, \
         Korean), digits, spaces and .-'; write an accented letter as one character, without a \
         combining accent"
    )]
    InvalidName,
    /// Both names are spellings of one person's name.
    #[error("the proposer and the approver are the same person; a second person must approve")]
    SamePerson,
    #[error(
        "the withdrawal would start more than {WITHDRAWAL_DAYS_AHEAD_MAX} days from now; give an \
         earlier time, or none to withdraw the network now"
    )]
    TooFarAhead,
}

/// The letters of names, as ranges. They hold no invisible letters, no combining marks and no
/// second encodings of a letter, because those would make two names out of one.
const LETTERS: [(char, char); 19] = [
    ('A', 'Z'),
    ('a', 'z'),
    ('\u{C0}', '\u{24F}'),
    ('\u{386}', '\u{3FF}'),
    ('\u{400}', '\u{52F}'),
    ('\u{531}', '\u{586}'),
    ('\u{5D0}', '\u{5EA}'),
    // U+0640 is left out: it only stretches a word.
    ('\u{620}', '\u{63F}'),
    ('\u{641}', '\u{64A}'),
    ('\u{671}', '\u{6D3}'),
    ('\u{10D0}', '\u{10FF}'),
    ('\u{1E00}', '\u{1EFF}'),
    ('\u{3041}', '\u{3096}'),
    ('\u{30A1}', '\u{30FC}'),
    ('\u{3400}', '\u{4DBF}'),
    ('\u{4E00}', '\u{9FFF}'),
    ('\u{AC00}', '\u{D7A3}'),
    ('\u{20000}', '\u{2EBEF}'),
    ('\u{30000}', '\u{323AF}'),
];

fn is_name_character(character: char) -> bool {
    let letter = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    character.is_ascii_digit()
        || " .-'".contains(character)
        || (character.is_alphabetic() && LETTERS.iter().any(letter))
}

/// The person with this name. Spacing and case do not matter.
fn person(name: &str) -> Result<PersonId, ControlRequestError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = name.chars().count();
    let plain = (1..=PERSON_CHARACTERS_MAX).contains(&count) && name.chars().all(is_name_character);
    if plain {
        Ok(PersonId::derived(&name.to_lowercase()))
    } else {
        Err(ControlRequestError::InvalidName)
    }
}

fn people(by: &str, approved_by: &str) -> Result<(PersonId, PersonId), ControlRequestError> {
    let (proposed_by, second) = (person(by)?, person(approved_by)?);
    if proposed_by == second {
        Err(ControlRequestError::SamePerson)
    } else {
        Ok((proposed_by, second))
    }
}

impl ControlRequest {
    /// The command for the books, given by the person who approves. None if it changes nothing
    /// there.
    pub fn submission(&self, now: Timestamp) -> Result<Option<Submission>, ControlRequestError> {
        match self {
            ControlRequest::Status {} | ControlRequest::Stop {} => Ok(None),
            ControlRequest::Withdraw { network, at_ms, by, approved_by } => {
                let network = NetworkId::derived(network);
                // The books take a past time as the time of the command.
                let from = Timestamp(at_ms.unwrap_or(0));
                if from.0.saturating_sub(now.0) > WITHDRAWAL_DAYS_AHEAD_MAX * DAY_MS {
                    return Err(ControlRequestError::TooFarAhead);
                }
                let (proposed_by, approved_by) = people(by, approved_by)?;
                let command = WithdrawNetwork { network, from, proposed_by, approved_by };
                Ok(Some(Submission::new(Actor::Person(approved_by), command)))
            }
            ControlRequest::Reinstate { network, by, approved_by } => {
                let network = NetworkId::derived(network);
                let (proposed_by, approved_by) = people(by, approved_by)?;
                let command = ReinstateNetwork { network, proposed_by, approved_by };
                Ok(Some(Submission::new(Actor::Person(approved_by), command)))
            }
        }
    }
}

/// The network that the events withdraw (from a time on) or reinstate (None).
pub(crate) fn withdrawal_change(events: &[Event]) -> Option<(NetworkId, Option<Timestamp>)> {
    events.iter().find_map(|event| match *event {
        Event::NetworkWithdrawn { network, from } => Some((network, Some(from))),
        Event::NetworkReinstated { network } => Some((network, None)),
        _ => None,
    })
}

pub(crate) fn parse(line: &[u8]) -> Result<ControlRequest, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

pub(crate) fn success() -> String {
    json!({ "ok": true }).to_string()
}

pub(crate) fn success_from(from: Timestamp) -> String {
    json!({ "ok": true, "from_ms": from.0 }).to_string()
}

pub(crate) fn refused(why: &str) -> String {
    json!({ "ok": false, "why": why }).to_string()
}

/// The user id in whose name this process acts.
#[must_use]
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The owner of the process and root may use the control socket.
fn may_control(user: u32) -> bool {
    user == user_id() || user == ROOT
}

/// Creates the socket with mode 0600 under a temporary name, then renames it. Before the mode is
/// set, others can connect, but [`may_control`] rejects them. A socket that a killed process left
/// is replaced: this process holds the data directory, so no other one listens there.
pub(crate) fn listen(sockets: &mut Sockets, path: &Path, kind: ConnectionKind) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let gone = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(fs::remove_file(&unfinished))?;
    sockets.listen_unix(&unfinished, kind, may_control)?;
    fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, path)
}

/// Why the engine did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no Doorstep is running at {}; start one, or check the path", .0.display())]
    NotRunning(PathBuf),
    #[error("cannot talk to the control socket {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The answer is not the JSON that this version expects.
    #[error(
        "{}: unreadable answer; use the doorstep program of the same version", .0.display()
    )]
    UnreadableAnswer(PathBuf),
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to the engine whose control socket is at `path`, and waits for its answer.
pub fn send_request(path: &Path, order: &ControlRequest) -> Result<Value, ControlError> {
    let failed = |source| ControlError::Io { path: path.to_owned(), source };
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ControlError::NotRunning(path.to_owned())
        }
        _ => failed(error),
    })?;
    stream.set_read_timeout(Some(ANSWER_WAIT)).map_err(failed)?;
    let mut line = serde_json::to_vec(order).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = Vec::new();
    let most = u64::try_from(LINK_WAITING_BYTES_MAX).unwrap_or(u64::MAX);
    BufReader::new(stream.take(most)).read_until(b'\n', &mut answer).map_err(failed)?;
    let unreadable = || ControlError::UnreadableAnswer(path.to_owned());
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
    match (answer["ok"].as_bool(), answer["why"].as_str()) {
        (Some(true), _) => Ok(answer),
        (_, Some(why)) => Err(ControlError::Refused(why.to_owned())),
        _ => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_and_root_may_order_and_nobody_else() {
        let owner = rustix::process::geteuid().as_raw();
        assert!(may_control(owner) && may_control(ROOT));
        assert!(!may_control(owner + 1));
    }

    #[test]
    fn orders_are_lines_of_json() {
        let text = br#"{"do":"withdraw","network":"a","at_ms":9999,"by":"ann","approved_by":"bo"}"#;
        let withdraw = parse(text).unwrap();
        let (proposed_by, approved_by) = (PersonId::derived("ann"), PersonId::derived("bo"));
        let (network, from) = (NetworkId::derived("a"), Timestamp(9_999));
        let command = WithdrawNetwork { network, from, proposed_by, approved_by };
        let submission = Submission::new(Actor::Person(approved_by), command);
        assert_eq!(
            withdraw.submission(Timestamp(0)),
            Ok(Some(submission)),
            "the approver gives it"
        );
        assert_eq!(parse(br#"{"do":"status"}"#), Ok(ControlRequest::Status {}));
        assert!(parse(br#"{"do":"dance"}"#).unwrap_err().contains("dance"));
        assert!(parse(b"\xFF").is_err());
    }

    fn by(by: &str, approved_by: &str) -> Result<Option<Submission>, ControlRequestError> {
        let (network, by, approved_by) = ("alpha".into(), by.into(), approved_by.into());
        ControlRequest::Reinstate { network, by, approved_by }.submission(Timestamp(0))
    }

    #[test]
    fn a_withdrawal_starts_within_366_days() {
        let now = Timestamp(1_377_684_000_000);
        let at = |at_ms| {
            let (network, by, approved_by) = ("alpha".into(), "ann".into(), "bo".into());
            ControlRequest::Withdraw { network, at_ms, by, approved_by }.submission(now)
        };
        // 2014-08-29T10:00:00Z is 366 days after 2013-08-28T10:00:00Z.
        let last = 1_409_306_400_000;
        for near in [None, Some(0), Some(now.0), Some(last)] {
            assert!(at(near).is_ok(), "{near:?}");
        }
        for far in [last + 1, 253_402_300_799_000, u64::MAX] {
            assert_eq!(at(Some(far)), Err(ControlRequestError::TooFarAhead), "{far}");
        }
    }

    #[test]
    fn two_spellings_of_a_name_are_one_person() {
        for (one, other) in
            [("Li", "li "), ("Li Wei", " li\u{3000}  WEI\t"), ("ÖZ", "öz"), ("Жанна", "ЖАННА")]
        {
            assert_eq!(by(one, other), Err(ControlRequestError::SamePerson), "{one}, {other}");
        }
        assert!(by("Li", "Lin").is_ok() && by("李", "林").is_ok());
        assert_eq!(by("Ann", "bo"), by(" ann", "BO "), "the books see the same two");
    }

    #[test]
    fn an_invisible_character_makes_no_second_person() {
        let unseen = [
            "Li\u{200B}",
            "L\u{AD}i",
            "Li\u{3164}",
            "Li\u{FE0F}",
            "\u{202E}Li",
            "Li\u{640}",
            "Rene\u{301}",
            "\u{1100}\u{1161}",
            "\u{F9E1}",
            "Ｌｉ",
            "i\u{307}",
            "Li!",
        ];
        for name in unseen {
            assert_eq!(by(name, "bo"), Err(ControlRequestError::InvalidName), "{name:?}");
        }
        for name in ["René", "O'Neill", "J.-P. Li 2", "Ægir", "Nguyễn", "김", "さくら", "عمر"]
        {
            assert!(by(name, "bo").is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_is_neither_empty_nor_overlong() {
        let longest = "x".repeat(64);
        assert!(by(&longest, "bo").is_ok());
        for bad in ["", "  ", "a\u{7}b", &format!("{longest}y")] {
            assert_eq!(by(bad, "bo"), Err(ControlRequestError::InvalidName), "{bad:?}");
            assert_eq!(by("ann", bad), Err(ControlRequestError::InvalidName), "{bad:?}");
        }
    }
}

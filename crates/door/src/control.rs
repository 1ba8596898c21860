//! The control socket: what an operator on this machine asks of a running engine.
//! docs/door/control.md.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{Command, Event, NetworkId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::LINK_WAITING_BYTES_MAX;
use crate::sockets::{Kind, Sockets};

/// The name of the socket in a data directory.
pub const CONTROL_SOCKET: &str = "control.sock";
/// The number of the user who may do everything.
const ROOT: u32 = 0;
/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// One line to the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// How is it?
    Status {},
    /// Stop gracefully.
    Stop {},
    /// No transaction is sent to a network from a time on.
    Withdraw {
        /// The network's name in the settings.
        network: String,
        /// From when on, in milliseconds since 1970; nothing for at once.
        #[serde(default)]
        at_ms: Option<u64>,
        /// Who proposes it.
        by: String,
        /// Who approves it; somebody else.
        approved_by: String,
    },
    /// A network that was withdrawn is used again.
    Reinstate {
        /// The network's name in the settings.
        network: String,
        /// Who proposes it.
        by: String,
        /// Who approves it; somebody else.
        approved_by: String,
    },
}

/// Characters of a person's name at the most.
pub const PERSON_CHARACTERS_MAX: usize = 64;

/// Why names are not those of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nobody is called so.
    #[error(
        "who proposes and who approves have names of 1 to {PERSON_CHARACTERS_MAX} characters: \
         letters (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Chinese, Japanese, \
         Korean), digits, spaces and .-'; an accent is part of its letter, not a character by \
         itself"
    )]
    Name,
    /// One person in two spellings.
    #[error("a second person is needed: who proposes and who approves are the same person")]
    Same,
}

/// The letters of names, by ranges. In none is a letter that is not seen, a mark that is put on
/// the letter before it, or a second way to write a letter: those make two names of one.
const LETTERS: [(char, char); 19] = [
    ('A', 'Z'),
    ('a', 'z'),
    ('\u{C0}', '\u{24F}'),
    ('\u{386}', '\u{3FF}'),
    ('\u{400}', '\u{52F}'),
    ('\u{531}', '\u{586}'),
    ('\u{5D0}', '\u{5EA}'),
    // Without the stroke that only stretches a word.
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

fn is_of_names(character: char) -> bool {
    let letter = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    character.is_ascii_digit()
        || " .-'".contains(character)
        || (character.is_alphabetic() && LETTERS.iter().any(letter))
}

/// The person of a name, however it is spaced and whether its letters are small or capital.
fn person(name: &str) -> Result<PersonId, PersonError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = name.chars().count();
    let plain = (1..=PERSON_CHARACTERS_MAX).contains(&count) && name.chars().all(is_of_names);
    if plain { Ok(PersonId::derived(&name.to_lowercase())) } else { Err(PersonError::Name) }
}

/// The two people of two names.
fn people(by: &str, approved_by: &str) -> Result<(PersonId, PersonId), PersonError> {
    let (proposed_by, second) = (person(by)?, person(approved_by)?);
    if proposed_by == second { Err(PersonError::Same) } else { Ok((proposed_by, second)) }
}

impl Order {
    /// The command for the books, where it is one that changes them.
    ///
    /// # Errors
    /// Where those who propose and approve it are not two people.
    pub fn command(&self) -> Result<Option<Command>, PersonError> {
        match self {
            Order::Status {} | Order::Stop {} => Ok(None),
            Order::Withdraw { network, at_ms, by, approved_by } => {
                let network = NetworkId::derived(network);
                // The books take a moment that is past as the one in which they hear of it.
                let from = Timestamp(at_ms.unwrap_or(0));
                let (proposed_by, approved_by) = people(by, approved_by)?;
                Ok(Some(Command::WithdrawNetwork { network, from, proposed_by, approved_by }))
            }
            Order::Reinstate { network, by, approved_by } => {
                let network = NetworkId::derived(network);
                let (proposed_by, approved_by) = people(by, approved_by)?;
                Ok(Some(Command::ReinstateNetwork { network, proposed_by, approved_by }))
            }
        }
    }
}

/// Which network is withdrawn from when on, or no longer, by what the books say has happened.
pub(crate) fn effect(events: &[Event]) -> Option<(NetworkId, Option<Timestamp>)> {
    events.iter().find_map(|event| match *event {
        Event::NetworkWithdrawn { network, from } => Some((network, Some(from))),
        Event::NetworkReinstated { network } => Some((network, None)),
        _ => None,
    })
}

pub(crate) fn read(line: &[u8]) -> Result<Order, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

pub(crate) fn done() -> String {
    json!({ "ok": true }).to_string()
}

/// It is done, and holds from then on.
pub(crate) fn done_from(from: Timestamp) -> String {
    json!({ "ok": true, "from_ms": from.0 }).to_string()
}

pub(crate) fn refused(why: &str) -> String {
    json!({ "ok": false, "why": why }).to_string()
}

/// Its owner, and who may do everything.
fn may_order(user: u32) -> bool {
    user == rustix::process::geteuid().as_raw() || user == ROOT
}

/// Makes the socket, for its owner only, under its name from the first moment. Before its mode is
/// set, others can connect to it, but [`may_order`] does not let them in. One that a killed
/// process left is replaced: whoever holds the data directory is the only one.
pub(crate) fn listen(sockets: &mut Sockets, path: &Path, kind: Kind) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let gone = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(fs::remove_file(&unfinished))?;
    sockets.listen_here(&unfinished, kind, may_order)?;
    fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, path)
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Nobody listens.
    #[error("no Doorstep listens on {}", .0.display())]
    NobodyThere(PathBuf),
    /// It broke off.
    #[error("{}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What came is no answer.
    #[error("{}: the answer is not understood; is it another version's?", .0.display())]
    Answer(PathBuf),
    /// It was refused.
    #[error("{0}")]
    Refused(String),
}

/// Gives an order to the engine whose control socket is at `path`, and waits for its answer.
///
/// # Errors
/// Where nobody listens, or the order is refused.
pub fn order(path: &Path, order: &Order) -> Result<Value, OrderError> {
    let failed = |source| OrderError::Io { path: path.to_owned(), source };
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            OrderError::NobodyThere(path.to_owned())
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
    let garbled = || OrderError::Answer(path.to_owned());
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| garbled())?;
    match (answer["ok"].as_bool(), answer["why"].as_str()) {
        (Some(true), _) => Ok(answer),
        (_, Some(why)) => Err(OrderError::Refused(why.to_owned())),
        _ => Err(garbled()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_and_root_may_order_and_nobody_else() {
        let owner = rustix::process::geteuid().as_raw();
        assert!(may_order(owner) && may_order(ROOT));
        assert!(!may_order(owner + 1));
    }

    #[test]
    fn orders_are_lines_of_json() {
        let text = br#"{"do":"withdraw","network":"a","at_ms":9999,"by":"ann","approved_by":"bo"}"#;
        let withdraw = read(text).unwrap();
        let (proposed_by, approved_by) = (PersonId::derived("ann"), PersonId::derived("bo"));
        let (network, from) = (NetworkId::derived("a"), Timestamp(9_999));
        let command = Command::WithdrawNetwork { network, from, proposed_by, approved_by };
        assert_eq!(withdraw.command(), Ok(Some(command)));
        assert_eq!(read(br#"{"do":"status"}"#), Ok(Order::Status {}));
        assert!(read(br#"{"do":"dance"}"#).unwrap_err().contains("dance"));
        assert!(read(b"\xFF").is_err());
    }

    fn by(by: &str, approved_by: &str) -> Result<Option<Command>, PersonError> {
        let (network, by, approved_by) = ("alpha".into(), by.into(), approved_by.into());
        Order::Reinstate { network, by, approved_by }.command()
    }

    #[test]
    fn two_spellings_of_a_name_are_one_person() {
        for (one, other) in
            [("Li", "li "), ("Li Wei", " li\u{3000}  WEI\t"), ("ÖZ", "öz"), ("Жанна", "ЖАННА")]
        {
            assert_eq!(by(one, other), Err(PersonError::Same), "{one}, {other}");
        }
        assert!(by("Li", "Lin").is_ok() && by("李", "林").is_ok());
        assert_eq!(by("Ann", "bo"), by(" ann", "BO "), "the books see the same two");
    }

    #[test]
    fn what_is_not_seen_in_a_name_makes_no_second_person() {
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
            assert_eq!(by(name, "bo"), Err(PersonError::Name), "{name:?}");
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
            assert_eq!(by(bad, "bo"), Err(PersonError::Name), "{bad:?}");
            assert_eq!(by("ann", bad), Err(PersonError::Name), "{bad:?}");
        }
    }
}

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
        by: PersonId,
        /// The approver; must be a second person.
        approved_by: PersonId,
    },
    /// A withdrawn network is used again.
    Reinstate {
        network: String,
        /// The proposer.
        by: PersonId,
        /// The approver; must be a second person.
        approved_by: PersonId,
    },
}

/// A later start of a withdrawal is more likely a misspelt year than a plan.
pub const WITHDRAWAL_DAYS_AHEAD_MAX: u64 = 366;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why a withdrawal is not passed to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the withdrawal would start more than {WITHDRAWAL_DAYS_AHEAD_MAX} days from now; give an \
     earlier time, or none to withdraw the network now"
)]
pub struct WithdrawalTooFarAhead;

impl ControlRequest {
    /// The command for the books, given by the person who approves. None if it changes nothing
    /// there.
    pub fn submission(&self, now: Timestamp) -> Result<Option<Submission>, WithdrawalTooFarAhead> {
        match self {
            ControlRequest::Status {} | ControlRequest::Stop {} => Ok(None),
            ControlRequest::Withdraw { network, at_ms, by, approved_by } => {
                let network = NetworkId::derived(network);
                // The books take a past time as the time of the command.
                let from = Timestamp(at_ms.unwrap_or(0));
                if from.0.saturating_sub(now.0) > WITHDRAWAL_DAYS_AHEAD_MAX * DAY_MS {
                    return Err(WithdrawalTooFarAhead);
                }
                let (proposed_by, approved_by) = (*by, *approved_by);
                let command = WithdrawNetwork { network, from, proposed_by, approved_by };
                Ok(Some(Submission::new(Actor::Person(approved_by), command)))
            }
            ControlRequest::Reinstate { network, by, approved_by } => {
                let network = NetworkId::derived(network);
                let (proposed_by, approved_by) = (*by, *approved_by);
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
        let text = br#"{"do":"withdraw","network":"a","at_ms":9999,"by":"1","approved_by":"2"}"#;
        let withdraw = parse(text).unwrap();
        let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
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

    #[test]
    fn a_withdrawal_starts_within_366_days() {
        let now = Timestamp(1_377_684_000_000);
        let at = |at_ms| {
            let (network, by, approved_by) = ("alpha".into(), PersonId(1), PersonId(2));
            ControlRequest::Withdraw { network, at_ms, by, approved_by }.submission(now)
        };
        // 2014-08-29T10:00:00Z is 366 days after 2013-08-28T10:00:00Z.
        let last = 1_409_306_400_000;
        for near in [None, Some(0), Some(now.0), Some(last)] {
            assert!(at(near).is_ok(), "{near:?}");
        }
        for far in [last + 1, 253_402_300_799_000, u64::MAX] {
            assert_eq!(at(Some(far)), Err(WithdrawalTooFarAhead), "{far}");
        }
    }
}

//! The control socket, by which an operator on this machine asks and stops a running engine. The
//! protocol: docs/door/control.md.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
}

pub(crate) fn parse(line: &[u8]) -> Result<ControlRequest, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

pub(crate) fn success() -> String {
    json!({ "ok": true }).to_string()
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
    fn requests_are_lines_of_json() {
        assert_eq!(parse(br#"{"do":"status"}"#), Ok(ControlRequest::Status {}));
        assert!(parse(br#"{"do":"dance"}"#).unwrap_err().contains("dance"));
        assert!(parse(b"\xFF").is_err());
    }
}

//! The office's socket: requests of persons while a Doorstep serves. The protocol:
//! docs/door/control.md.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::OfficeError;
use crate::office::Office;
use crate::request::{Language, OfficeAnswer, Request, Who};

/// File name of the socket in the control directory.
pub const OFFICE_SOCKET: &str = "office.sock";
/// Connections at once.
pub const CONNECTIONS_MAX: usize = 16;
/// Files that the office has open: its connections, its listener, files of proposals and persons.
pub const FILES_MAX: usize = CONNECTIONS_MAX + 8;
/// Of a request.
pub const LINE_BYTES_MAX: usize = 1 << 20;
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long a request may take to arrive.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// How long the client waits for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const REQUEST_WAIT: Duration = Duration::from_secs(REQUEST_SECONDS_MAX);

/// The directory of the sockets of a data directory: beside it, because others than the owner may
/// use a socket but not read the books.
#[must_use]
pub fn control_directory(data: &Path) -> PathBuf {
    let data = fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    let Some(name) = data.file_name() else { return data.join("control") };
    let mut name = name.to_owned();
    name.push(".control");
    data.with_file_name(name)
}

/// Makes the directory of the sockets: for the owner, and for the members of a group.
///
/// # Errors
/// It cannot be made, or given to the group.
pub fn make_control_directory(path: &Path, group: Option<u32>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !fs::symlink_metadata(path)?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    give_to_group(path, group, 0o700, 0o750)
}

fn give_to_group(path: &Path, group: Option<u32>, own: u32, shared: u32) -> io::Result<()> {
    if group.is_some() {
        chown(path, None, group)?;
    }
    let mode = if group.is_some() { shared } else { own };
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// One line sent to the socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeLine {
    pub request: Request,
    /// As whom, in trial books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Of a refusal.
    #[serde(default)]
    pub language: Language,
}

/// Answers a line from a user of this machine. `None` means that the office has closed.
#[must_use]
pub fn answer(office: Option<&mut Office>, user: u32, line: &[u8]) -> String {
    let refused = |why: String| json!({ "ok": false, "why": why }).to_string();
    let Some(office) = office else {
        return refused("this Doorstep is stopping; try again when it has stopped".to_owned());
    };
    let line: OfficeLine = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => return refused(OfficeError::Malformed(error.to_string()).to_string()),
    };
    match office.carry_out(line.request, &Who { user, person: line.person }) {
        Ok(answer) => json!({ "ok": true, "answer": answer }).to_string(),
        Err(error) => refused(match line.language {
            Language::En => error.to_string(),
            Language::Zh => office.chinese(&error),
        }),
    }
}

/// The threads that answer the socket.
#[derive(Debug)]
pub struct OfficeServer {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
    office: Arc<Mutex<Option<Office>>>,
    accepting: JoinHandle<()>,
}

impl OfficeServer {
    /// Listens in a control directory. A socket that a killed process left is replaced: this
    /// process holds the data directory, so no other one listens there.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(office: Office, directory: &Path, group: Option<u32>) -> io::Result<OfficeServer> {
        let path = directory.join(OFFICE_SOCKET);
        let unfinished = path.with_extension("unfinished");
        for old in [&unfinished, &path] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let listener = UnixListener::bind(&unfinished)?;
        give_to_group(&unfinished, group, 0o600, 0o660)?;
        fs::rename(&unfinished, &path)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let office = Arc::new(Mutex::new(Some(office)));
        let (stop, shared) = (stopping.clone(), office.clone());
        let accepting = thread::Builder::new()
            .name("doorstep-office".into())
            .spawn(move || accept(&listener, &stop, &shared))?;
        Ok(OfficeServer { path, stopping, office, accepting })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes the request in work, and takes no more.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(self.office.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Wakes the thread that waits for a connection.
        let woken = UnixStream::connect(&self.path).is_ok();
        // A socket that remains behaves like a missing one: nobody answers.
        let _ = fs::remove_file(&self.path);
        if woken {
            let _ = self.accepting.join();
        }
    }
}

/// Counts a connection as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn accept(listener: &UnixListener, stopping: &AtomicBool, office: &Arc<Mutex<Option<Office>>>) {
    let connections = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        // Without a file descriptor left, the next try may have one.
        let Ok(stream) = stream else {
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let counted = Counted(connections.clone());
        let many = connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX;
        if many {
            let why = format!("{CONNECTIONS_MAX} requests are in work; try again");
            let line = json!({ "ok": false, "why": why }).to_string() + "\n";
            let _ = (&stream).write_all(line.as_bytes());
            continue;
        }
        let office = office.clone();
        let connection = thread::Builder::new().name("doorstep-office".into());
        // If no thread can be made, the connection closes.
        let _ = connection.spawn(move || {
            let _counted = counted;
            let _ = converse(stream, &office);
        });
    }
}

/// Answers the lines of a connection until it ends or is silent.
fn converse(mut stream: UnixStream, office: &Mutex<Option<Office>>) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    let user = peer.uid.as_raw();
    stream.set_write_timeout(Some(REQUEST_WAIT))?;
    let mut waiting = Vec::new();
    while let Some(line) = next_line(&mut stream, &mut waiting, LINE_BYTES_MAX, REQUEST_WAIT)? {
        let mut office = office.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer(office.as_mut(), user, &line) + "\n";
        drop(office);
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads a line that ends within a time. What came after it waits.
fn next_line(
    stream: &mut UnixStream,
    waiting: &mut Vec<u8>,
    bytes_max: usize,
    within: Duration,
) -> io::Result<Option<Vec<u8>>> {
    let until = Instant::now() + within;
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = waiting.iter().position(|&byte| byte == b'\n') {
            let rest = waiting.split_off(end + 1);
            let line = std::mem::replace(waiting, rest);
            return Ok(Some(line));
        }
        if waiting.len() > bytes_max {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            read => waiting.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Why a request did not get an answer.
#[derive(Debug, thiserror::Error)]
pub enum OfficeClientError {
    /// Nobody serves.
    #[error("no Doorstep is running at {}; start one, or check the path", .0.display())]
    NotServed(PathBuf),
    #[error(
        "this user may not use {}; let the owner of the books name a group that may (`[control]` \
         in the settings), and an administrator add you to the group", .0.display()
    )]
    NotAllowed(PathBuf),
    #[error(
        "cannot talk to the office's socket {}: {source}; try again, or restart `doorstep serve`",
        path.display()
    )]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the connection ended before an answer came ({0}): the request may have been carried out. \
         Look with `doorstep log` and `doorstep proposals` before you repeat it"
    )]
    OutcomeUnknown(io::Error),
    #[error("a request has at most {LINE_BYTES_MAX} bytes; give it in parts")]
    TooLarge,
    #[error(
        "{}: unreadable answer; use the doorstep program of the same version", .0.display()
    )]
    UnreadableAnswer(PathBuf),
    /// As the office says it, in the request's language.
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to the office at `path`, and waits for its answer.
///
/// # Errors
/// The office refuses the request, or gave no answer.
pub fn send(path: &Path, line: &OfficeLine) -> Result<OfficeAnswer, OfficeClientError> {
    let failed = |source| OfficeClientError::Io { path: path.to_owned(), source };
    let mut bytes = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
    if bytes.len() > LINE_BYTES_MAX {
        return Err(OfficeClientError::TooLarge);
    }
    bytes.push(b'\n');
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            OfficeClientError::NotServed(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => OfficeClientError::NotAllowed(path.to_owned()),
        _ => failed(error),
    })?;
    let sent = stream.write_all(&bytes);
    let mut answer = Vec::new();
    let line = next_line(&mut stream, &mut answer, ANSWER_BYTES_MAX, ANSWER_WAIT);
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    // An answer counts also if the request was not read to its end: the office was full.
    let line = match (line, sent) {
        (Ok(Some(line)), _) => line,
        (_, Err(error)) | (Err(error), _) => return Err(OfficeClientError::OutcomeUnknown(error)),
        (Ok(None), Ok(())) => return Err(OfficeClientError::OutcomeUnknown(ended())),
    };
    let unreadable = || OfficeClientError::UnreadableAnswer(path.to_owned());
    let mut answer: Value = serde_json::from_slice(&line).map_err(|_| unreadable())?;
    match (answer["ok"].as_bool(), answer["why"].as_str()) {
        (Some(true), _) => {
            serde_json::from_value(answer["answer"].take()).map_err(|_| unreadable())
        }
        (_, Some(why)) => Err(OfficeClientError::Refused(why.to_owned())),
        _ => Err(unreadable()),
    }
}

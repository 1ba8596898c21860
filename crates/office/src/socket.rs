//! The office's socket: requests of persons while a Doorstep serves. The protocol:
//! docs/door/control.md.
//!
//! Commands are carried out one after another. Looks and files are not: they take longer, and a
//! person who approves does not wait for them.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use books::{PlanId, SellerId};
use engine::Actor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::error::{OfficeError, SentFilesError};
use crate::office::Office;
use crate::request::{Language, OfficeAnswer, Printed, Request, SentFile, Who};
use crate::sent_files::{ReceivedFiles, SENT_FILES_MAX, remove_received};
use crate::signed_in::SharedOffice;

/// File name of the socket in the control directory.
pub const OFFICE_SOCKET: &str = "office.sock";
/// Connections at once.
pub const CONNECTIONS_MAX: usize = 16;
/// Files that the office has open: its connections, its listener, files of proposals and persons,
/// pipes of looks, files that were sent.
pub const FILES_MAX: usize = CONNECTIONS_MAX + SENT_FILES_MAX + 32;
/// Of a request.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// How long a request may take to arrive, and how long a sender of files may be silent.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Looks at once. Each reads the books into memory of its own.
pub const LOOKS_MAX: usize = 2;
/// How long the files of a request may take to arrive.
pub const FILES_SECONDS_MAX: u64 = 600;
/// Of what a command line prints. Longer output of a look is refused, that of files is cut.
pub const PRINTED_BYTES_MAX: usize = 2 << 20;
/// The nice value of threads that look or carry out files: the door comes first.
const NICE: i32 = 10;
const REQUEST_WAIT: Duration = Duration::from_secs(REQUEST_SECONDS_MAX);
/// A stop does not wait for bytes.
const STOP_LOOKED_FOR_EVERY: Duration = Duration::from_millis(500);
const FILES_WAIT: Duration = Duration::from_secs(FILES_SECONDS_MAX);

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

/// A command line that a person sent.
#[derive(Debug)]
pub struct SentLine<'l> {
    pub arguments: &'l [String],
    pub columns: u16,
    pub language: Language,
    pub by: Actor,
    /// Only orders of these sellers are taken.
    pub sellers: Option<&'l BTreeSet<SellerId>>,
}

/// The messages to the bank that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct PayoutFilesAsked {
    pub plan: PlanId,
    /// Also messages that the bank had.
    pub again: bool,
    /// Without payouts of sellers who have no account.
    pub without_missing: bool,
}

/// Carries out command lines beside the office. A refusal is in the language of the line.
pub trait CommandLines: Send + Sync {
    /// Carries out a line that only reads the books.
    ///
    /// # Errors
    /// Why nothing is shown.
    fn look(&self, line: &SentLine<'_>) -> Result<Printed, String>;

    /// Carries out a line with files. It ends early if `is_stopping` says so: files can be carried
    /// out again.
    ///
    /// # Errors
    /// Why nothing was done.
    fn take_files(
        &self,
        line: &SentLine<'_>,
        files: &ReceivedFiles,
        returned: &[String],
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Printed, String>;

    /// The messages to the bank of a plan, as `doorstep payouts --json` says it, each with its
    /// content. The books have recorded before that the accounts are shown.
    ///
    /// # Errors
    /// Why nothing is shown.
    fn payout_files(
        &self,
        asked: PayoutFilesAsked,
        by: Actor,
        language: Language,
    ) -> Result<Value, String>;

    /// Reads the settings again. Changes nothing if anything is wrong in them.
    ///
    /// # Errors
    /// What is wrong.
    fn reload(&self, language: Language) -> Result<Printed, String>;
}

fn refused(why: &str) -> String {
    json!({ "ok": false, "why": why }).to_string()
}

fn answered(answer: &OfficeAnswer) -> String {
    json!({ "ok": true, "answer": answer }).to_string()
}

const STOPPING: &str = "this Doorstep is stopping; try again when it has stopped";

/// Answers a line that the office carries out, from a user of this machine. `None` means that the
/// office has closed.
#[must_use]
pub fn answer(office: Option<&mut Office>, user: u32, line: &[u8]) -> String {
    let Some(office) = office else { return refused(STOPPING) };
    let line: OfficeLine = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => return refused(&OfficeError::Malformed(error.to_string()).to_string()),
    };
    match office.carry_out(line.request, &Who { user, person: line.person }) {
        Ok(done) => answered(&done),
        Err(error) => refused(&office.in_language(&error, line.language)),
    }
}

/// What the connections share.
struct Shared {
    /// `None` means that the office has closed.
    office: SharedOffice,
    lines: Arc<dyn CommandLines>,
    stopping: AtomicBool,
    looks: Arc<AtomicUsize>,
}

impl Shared {
    fn office(&self) -> MutexGuard<'_, Option<Office>> {
        self.office.lock()
    }

    /// Does something in the office, or says in the request's language why not.
    fn within<T>(
        &self,
        language: Language,
        does: impl FnOnce(&mut Office) -> Result<T, OfficeError>,
    ) -> Result<T, String> {
        let mut office = self.office();
        let office = office.as_mut().ok_or(STOPPING)?;
        does(office).map_err(|error| office.in_language(&error, language))
    }

    fn look(&self, line: &SentLine<'_>) -> Result<Printed, String> {
        let counted = Counted::new(&self.looks, LOOKS_MAX);
        let counted = counted.ok_or(OfficeError::ManyLooks);
        let _counted = self.within(line.language, |_| counted)?;
        self.lines.look(line)
    }
}

/// The threads that answer the socket.
pub struct OfficeServer {
    path: PathBuf,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl OfficeServer {
    /// Listens in a control directory. A socket that a killed process left is replaced: this
    /// process holds the data directory, so no other one listens there.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(
        office: SharedOffice,
        lines: Arc<dyn CommandLines>,
        directory: &Path,
        group: Option<u32>,
    ) -> io::Result<OfficeServer> {
        if let Some(office) = office.lock().as_ref() {
            remove_received(office.data())?;
        }
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
        let shared = Arc::new(Shared {
            office,
            lines,
            stopping: AtomicBool::new(false),
            looks: Arc::default(),
        });
        let served = shared.clone();
        let accepting = thread::Builder::new()
            .name("doorstep-office".into())
            .spawn(move || accept(&listener, &served))?;
        Ok(OfficeServer { path, shared, accepting })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes the request in work, and takes no more. Files that are being carried out end after
    /// the commands that were given.
    pub fn stop(self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.shared.office().take());
        self.shared.office.wait_for_files();
        // Wakes the thread that waits for a connection.
        let woken = UnixStream::connect(&self.path).is_ok();
        // A socket that remains behaves like a missing one: nobody answers.
        let _ = fs::remove_file(&self.path);
        if woken {
            let _ = self.accepting.join();
        }
    }
}

/// Counts a connection or a look as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// `None` if there are `most` already.
    fn new(count: &Arc<AtomicUsize>, most: usize) -> Option<Counted> {
        let counted = Counted(count.clone());
        (count.fetch_add(1, Ordering::SeqCst) < most).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    let connections = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        // Without a file descriptor left, the next try may have one.
        let Ok(stream) = stream else {
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let Some(counted) = Counted::new(&connections, CONNECTIONS_MAX) else {
            let why = format!("{CONNECTIONS_MAX} requests are in work; try again");
            let _ = (&stream).write_all((refused(&why) + "\n").as_bytes());
            continue;
        };
        let shared = shared.clone();
        let connection = thread::Builder::new().name("doorstep-office".into());
        // If no thread can be made, the connection closes.
        let _ = connection.spawn(move || {
            let _counted = counted;
            let _ = converse(stream, &shared);
        });
    }
}

/// Answers the lines of a connection until it ends or is silent.
fn converse(mut stream: UnixStream, shared: &Shared) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    let user = peer.uid.as_raw();
    stream.set_write_timeout(Some(REQUEST_WAIT))?;
    let mut waiting = Vec::new();
    while let Some(line) = next_line(&mut stream, &mut waiting, LINE_BYTES_MAX, REQUEST_WAIT)? {
        // It may have a bank account.
        let line = Zeroizing::new(line);
        let answer = match serde_json::from_slice::<OfficeLine>(&line) {
            Ok(line) if line.request.is_beside() => {
                // Of this thread, and of the processes that it starts: the door comes first. If it
                // cannot be had, that does no harm.
                let _ = rustix::process::nice(NICE);
                match carry_out_line(&mut stream, &mut waiting, shared, user, line)? {
                    Ok(Some(printed)) => answered(&printed),
                    Ok(None) => continue,
                    Err(why) => refused(&why),
                }
            }
            _ => answer(shared.office().as_mut(), user, &line),
        };
        stream.write_all((answer + "\n").as_bytes())?;
    }
    Ok(())
}

/// Carries out a command line, or says why not. `None` if the answer was sent, with files.
fn carry_out_line(
    stream: &mut UnixStream,
    waiting: &mut Vec<u8>,
    shared: &Shared,
    user: u32,
    line: OfficeLine,
) -> io::Result<Result<Option<OfficeAnswer>, String>> {
    let OfficeLine { request, person, language } = line;
    let who = Who { user, person };
    if matches!(request, Request::Reload {}) {
        let reloaded = shared.within(language, |office| office.may_reload(&who));
        let reloaded = reloaded.and_then(|()| shared.lines.reload(language));
        return Ok(reloaded.map(|printed| Some(without_files(printed))));
    }
    let by = match shared.within(language, |office| office.registered(&who)) {
        Ok(person) => Actor::Person(person),
        Err(why) => return Ok(Err(why)),
    };
    match &request {
        Request::TakeFiles { arguments, columns, files, returned } => {
            let line = SentLine { arguments, columns: *columns, language, by, sellers: None };
            take_files(stream, waiting, shared, &line, (files, returned))
        }
        Request::Look { arguments, columns } => {
            let line = SentLine { arguments, columns: *columns, language, by, sellers: None };
            let printed = shared.look(&line);
            Ok(printed.map(|printed| Some(without_files(printed))))
        }
        _ => Ok(Err(STOPPING.to_owned())),
    }
}

fn without_files(printed: Printed) -> OfficeAnswer {
    OfficeAnswer::Printed { printed, files: Vec::new() }
}

/// Receives files, carries their line out, and sends back what it wrote.
fn take_files(
    stream: &mut UnixStream,
    waiting: &mut Vec<u8>,
    shared: &Shared,
    line: &SentLine<'_>,
    (announced, returned): (&[SentFile], &[String]),
) -> io::Result<Result<Option<OfficeAnswer>, String>> {
    let in_words = |error: SentFilesError| -> String {
        let failed = shared.within(line.language, |_| Err::<(), _>(error.into()));
        failed.err().unwrap_or_default()
    };
    let data = match shared.within(line.language, |office| Ok(office.data().to_owned())) {
        Ok(data) => data,
        Err(why) => return Ok(Err(why)),
    };
    let Some(one_at_a_time) = shared.office.try_files() else {
        return Ok(Err(in_words(SentFilesError::Busy)));
    };
    let mut received = match ReceivedFiles::begin(&data, announced, &shared.office.received) {
        Ok(received) => received,
        Err(error) => return Ok(Err(in_words(error))),
    };
    stream.write_all((answered(&OfficeAnswer::SendFiles {}) + "\n").as_bytes())?;
    let until = Instant::now() + FILES_WAIT;
    let mut bytes = SentBytes { stream, waiting, until, stopping: &shared.stopping };
    for file in announced {
        if let Err(error) = received.receive(file, &mut bytes) {
            drop((received, one_at_a_time));
            // The rest of the bytes would be read as requests: the connection ends.
            stream.write_all((refused(&in_words(error)) + "\n").as_bytes())?;
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let is_stopping = || shared.stopping.load(Ordering::SeqCst);
    let mut printed = match shared.lines.take_files(line, &received, returned, &is_stopping) {
        Ok(printed) => printed,
        Err(why) => return Ok(Err(why)),
    };
    let (mut files, mut opened) = (Vec::new(), Vec::new());
    for flag in returned {
        match received.open_written(flag) {
            Ok(written) => {
                for (file, content) in written {
                    files.push(file);
                    opened.push(content);
                }
            }
            // The report is told all the same: the commands were carried out.
            Err(error) => {
                printed.errors += &(in_words(error) + "\n");
                printed.succeeded = false;
            }
        }
    }
    // Whoever has the answer finds nothing left, and can send the next ones.
    drop((received, one_at_a_time));
    let answer = OfficeAnswer::Printed { printed, files };
    stream.write_all((answered(&answer) + "\n").as_bytes())?;
    for mut content in opened {
        io::copy(&mut content, stream)?;
    }
    Ok(Ok(None))
}

/// The bytes that follow a line, first those that were read with it. A silent sender is cut off,
/// and one who takes too long.
struct SentBytes<'s> {
    stream: &'s mut UnixStream,
    waiting: &'s mut Vec<u8>,
    until: Instant,
    stopping: &'s AtomicBool,
}

impl Read for SentBytes<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.waiting.is_empty() {
            let length = self.waiting.len().min(to.len());
            to[..length].copy_from_slice(&self.waiting[..length]);
            self.waiting.drain(..length);
            return Ok(length);
        }
        let until = self.until.min(Instant::now() + REQUEST_WAIT);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopping.load(Ordering::SeqCst) {
                return Err(io::Error::from(TimedOut));
            }
            self.stream.set_read_timeout(Some(left.min(STOP_LOOKED_FOR_EVERY)))?;
            match self.stream.read(to) {
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {}
                read => return read,
            }
        }
    }
}

/// Reads a line that ends within a time. What came after it waits.
pub(crate) fn next_line(
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
            return Err(io::Error::from(TimedOut));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            read => waiting.extend_from_slice(&buffer[..read]),
        }
    }
}

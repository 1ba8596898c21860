//! The other side of the office's socket: sends a request, and waits for its answer.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::request::{OfficeAnswer, Request, SentFile};
use crate::sent_files::{FILES_BYTES_MAX, SENT_FILES_MAX};
use crate::socket::{LINE_BYTES_MAX, OfficeLine, next_line};

/// What a look prints has at most 2 MiB; JSON writes a control character as six.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long the client waits for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// A look is stopped earlier.
const LOOK_WAIT: Duration = Duration::from_secs(180);
/// Two million orders take some minutes.
const FILES_WAIT: Duration = Duration::from_secs(3_600);

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
         Look with `doorstep log` and `doorstep proposals` before you repeat it: a numbered \
         command that was carried out is not carried out twice, if it is the same"
    )]
    OutcomeUnknown(io::Error),
    #[error("a request has at most {LINE_BYTES_MAX} bytes; give it in parts")]
    TooLarge,
    /// A file to be sent.
    #[error("{}: {source}; check the path, and send it again", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: it became shorter while it was sent; send it again", .0.display())]
    FileChanged(PathBuf),
    #[error(
        "{}: unreadable answer; use the doorstep program of the same version", .0.display()
    )]
    UnreadableAnswer(PathBuf),
    /// As the office says it, in the request's language.
    #[error("{0}")]
    Refused(String),
}

/// A connection to the office.
struct Connection<'p> {
    path: &'p Path,
    stream: UnixStream,
    /// Bytes that were read behind a line.
    waiting: Vec<u8>,
}

impl Connection<'_> {
    fn open(path: &Path) -> Result<Connection<'_>, OfficeClientError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                OfficeClientError::NotServed(path.to_owned())
            }
            io::ErrorKind::PermissionDenied => OfficeClientError::NotAllowed(path.to_owned()),
            _ => OfficeClientError::Io { path: path.to_owned(), source: error },
        })?;
        Ok(Connection { path, stream, waiting: Vec::new() })
    }

    /// Waits for an answer. `sent` says whether the request was sent to its end.
    fn answer(
        &mut self,
        sent: io::Result<()>,
        within: Duration,
    ) -> Result<OfficeAnswer, OfficeClientError> {
        let line = next_line(&mut self.stream, &mut self.waiting, ANSWER_BYTES_MAX, within);
        let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
        // An answer counts also if the request was not read to its end: the office was full.
        let line = match (line, sent) {
            (Ok(Some(line)), _) => line,
            (_, Err(error)) | (Err(error), _) => {
                return Err(OfficeClientError::OutcomeUnknown(error));
            }
            (Ok(None), Ok(())) => return Err(OfficeClientError::OutcomeUnknown(ended())),
        };
        let unreadable = || OfficeClientError::UnreadableAnswer(self.path.to_owned());
        let mut answer: Value = serde_json::from_slice(&line).map_err(|_| unreadable())?;
        match (answer["ok"].as_bool(), answer["why"].as_str()) {
            (Some(true), _) => {
                serde_json::from_value(answer["answer"].take()).map_err(|_| unreadable())
            }
            (_, Some(why)) => Err(OfficeClientError::Refused(why.to_owned())),
            _ => Err(unreadable()),
        }
    }

    fn ask(
        &mut self,
        line: &OfficeLine,
        within: Duration,
    ) -> Result<OfficeAnswer, OfficeClientError> {
        let bytes = serde_json::to_vec(line).map_err(|error| OfficeClientError::Io {
            path: self.path.to_owned(),
            source: error.into(),
        });
        // It may have a bank account.
        let mut bytes = Zeroizing::new(bytes?);
        if bytes.len() > LINE_BYTES_MAX {
            return Err(OfficeClientError::TooLarge);
        }
        bytes.push(b'\n');
        let sent = self.stream.write_all(&bytes);
        self.answer(sent, within)
    }

    /// Copies the bytes of a file that comes back.
    fn copy(&mut self, bytes: u64, to: &mut dyn Write) -> io::Result<()> {
        let first = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.waiting.len());
        to.write_all(&self.waiting[..first])?;
        self.waiting.drain(..first);
        let left = bytes - first as u64;
        let copied = io::copy(&mut (&mut self.stream).take(left), to)?;
        if copied == left { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// Sends a request to the office at `path`, and waits for its answer.
///
/// # Errors
/// The office refuses the request, or gave no answer.
pub fn send(path: &Path, line: &OfficeLine) -> Result<OfficeAnswer, OfficeClientError> {
    let is_look = matches!(line.request, Request::Look { .. });
    Connection::open(path)?.ask(line, if is_look { LOOK_WAIT } else { ANSWER_WAIT })
}

/// Sends a request with files, whose paths are in the order of the request, and waits for its
/// answer. `keep` says where a file that comes back is written.
///
/// # Errors
/// As [`send`], and a file cannot be read or written.
pub fn send_files(
    path: &Path,
    line: &OfficeLine,
    files: &[(SentFile, PathBuf)],
    keep: &dyn Fn(&SentFile) -> PathBuf,
) -> Result<OfficeAnswer, OfficeClientError> {
    let failed = |path: &Path, source| OfficeClientError::File { path: path.to_owned(), source };
    let mut connection = Connection::open(path)?;
    let first = connection.ask(line, ANSWER_WAIT)?;
    if !matches!(first, OfficeAnswer::SendFiles {}) {
        return Ok(first);
    }
    let mut sent = Ok(());
    for (file, path) in files {
        let from = fs::File::open(path).map_err(|error| failed(path, error))?;
        match io::copy(&mut from.take(file.bytes), &mut connection.stream) {
            Ok(bytes) if bytes < file.bytes => {
                return Err(OfficeClientError::FileChanged(path.clone()));
            }
            Ok(_) => {}
            Err(error) => {
                sent = Err(error);
                break;
            }
        }
    }
    let answer = connection.answer(sent, FILES_WAIT)?;
    if let OfficeAnswer::Printed { files, .. } = &answer {
        check_returned(path, files)?;
        for file in files {
            let path = keep(file);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            let to = made.and_then(|()| fs::File::create(&path));
            let copied = to.and_then(|mut to| connection.copy(file.bytes, &mut to));
            copied.map_err(|error| failed(&path, error))?;
        }
    }
    Ok(answer)
}

fn check_returned(path: &Path, files: &[SentFile]) -> Result<(), OfficeClientError> {
    let bytes = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let fits = files.len() <= 2 * SENT_FILES_MAX && bytes <= 2 * FILES_BYTES_MAX;
    let plain = files.iter().all(|file| crate::sent_files::is_name(&file.name));
    if fits && plain { Ok(()) } else { Err(OfficeClientError::UnreadableAnswer(path.to_owned())) }
}

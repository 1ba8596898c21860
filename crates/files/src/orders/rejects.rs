//! Writes the bad lines of an import as files that can be mended and imported.
//!
//! A file of rejects has the lines of the original, as they are, below its header, each after a
//! first column with the reason. All lines of an order are there if one of them is bad: mended
//! alone, it would become a smaller parcel. Other columns are ignored by an import, so the first
//! one does no harm.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use crate::atomic::{AtomicWriteError, write_atomically};
use crate::profile::Profile;
use crate::records::RecordReader;

use super::{BadLine, Import, ImportError, LineClass, SourceFile, lines, open};

/// The first column of a file of rejects.
pub const REASON_COLUMN: &str = "doorstep_reason";
/// The most bad lines whose own reason is kept for a file of rejects. Further lines are written
/// with the reason of [`Words::other_line`].
pub const REASONS_MAX: usize = 1_000_000;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, thiserror::Error)]
pub enum RejectsError {
    #[error("{path} is the order file itself; give another name", path = .0.display())]
    Itself(PathBuf),
    #[error(
        "{path} is a file, but the orders are a folder; give a new folder",
        path = .0.display()
    )]
    NotAFolder(PathBuf),
    /// The next import of the folder would read them.
    #[error("{path} is inside the folder of the orders; give another folder", path = .0.display())]
    Inside(PathBuf),
    #[error("{path} is not empty; give a new folder, or empty it", path = .0.display())]
    NotEmpty(PathBuf),
    #[error("{path} cannot be made: {source}", path = path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Read(#[from] ImportError),
    #[error(transparent)]
    Write(#[from] AtomicWriteError<RejectsContentError>),
}

/// Why the content of a file of rejects could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RejectsContentError {
    #[error(transparent)]
    Read(#[from] ImportError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How the reasons are worded.
pub struct Words<'w> {
    pub reason: &'w dyn Fn(&BadLine) -> String,
    /// The reason of a line that is not bad itself.
    pub other_line: &'w str,
}

/// Checks, before an import, that `to` can take the rejects of the orders at `from`.
pub fn check_target(from: &Path, to: &Path) -> Result<(), RejectsError> {
    let is_same =
        || from.canonicalize().ok().is_some_and(|from| Some(from) == to.canonicalize().ok());
    if is_same() {
        return Err(RejectsError::Itself(to.to_owned()));
    }
    if !from.is_dir() {
        return Ok(());
    }
    let unreadable = |source| RejectsError::Folder { path: to.to_owned(), source };
    let absolute = |path| path::absolute(path).map_err(unreadable);
    if absolute(to)?.starts_with(absolute(from)?) {
        return Err(RejectsError::Inside(to.to_owned()));
    }
    if !to.exists() {
        return Ok(());
    }
    if !to.is_dir() {
        return Err(RejectsError::NotAFolder(to.to_owned()));
    }
    match fs::read_dir(to).map_err(unreadable)?.next() {
        None => Ok(()),
        Some(_) => Err(RejectsError::NotEmpty(to.to_owned())),
    }
}

/// Writes the bad lines of an import of the orders at `from`: of a file to the file `to`, of a
/// folder to files with the same names in the folder `to`. Returns the number of lines.
pub fn write(
    profile: &Profile,
    import: &Import,
    from: &Path,
    to: &Path,
    words: &Words<'_>,
) -> Result<u64, RejectsError> {
    check_target(from, to)?;
    let mut reasons: HashMap<(&str, u32), Vec<String>> = HashMap::new();
    for line in &import.report.bad_lines {
        let place = (&*line.location.file, line.location.line);
        reasons.entry(place).or_default().push((words.reason)(line));
    }
    let (mut rest, mut written) = (import.lines.as_slice(), 0);
    for (source, counted) in import.sources.iter().zip(&import.report.files) {
        let lines = usize::try_from(counted.lines).unwrap_or(usize::MAX).min(rest.len());
        let (own, after) = rest.split_at(lines);
        rest = after;
        let target = target(source, from, to)?;
        let file = FileOfRejects { profile, source, classes: own, reasons: &reasons, words };
        written += write_atomically(&target, |out| file.write(out))?;
    }
    Ok(written)
}

/// The file for the rejects of a source. Makes its folder.
fn target(source: &SourceFile, from: &Path, to: &Path) -> Result<PathBuf, RejectsError> {
    let Some(below) = source.path.strip_prefix(from).ok().filter(|path| path.file_name().is_some())
    else {
        return Ok(to.to_owned());
    };
    let target = to.join(below);
    if let Some(folder) = target.parent() {
        let failed = |source| RejectsError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
    }
    Ok(target)
}

struct FileOfRejects<'r> {
    profile: &'r Profile,
    source: &'r SourceFile,
    /// Of each line of the file.
    classes: &'r [LineClass],
    reasons: &'r HashMap<(&'r str, u32), Vec<String>>,
    words: &'r Words<'r>,
}

impl FileOfRejects<'_> {
    fn write(&self, out: &mut impl Write) -> Result<u64, RejectsContentError> {
        let name = self.source.path.to_string_lossy();
        let file = lines::shown_name(&name);
        let changed = || ImportError::Changed { file: Arc::clone(&file) };
        let refused = |error| ImportError::of_record(&file, error);
        let input = open(&self.source.path, &name)?;
        let mut records =
            RecordReader::new(input, self.profile.encoding, self.profile.delimiter).keeping_raw();
        let header = lines::header(&file, &mut records)?;
        let delimiter = records.delimiter();
        // The reasons of an earlier import are replaced.
        let has_reasons = header.names().first().is_some_and(|name| **name == *REASON_COLUMN);
        // With the mark the file is read as UTF-8, whatever encoding the original has.
        out.write_all(BYTE_ORDER_MARK)?;
        if delimiter != self.profile.delimiter {
            out.write_all(&[b"sep=".as_slice(), &[delimiter], b"\n"].concat())?;
        }
        write_line(out, delimiter, REASON_COLUMN, original(records.raw(), delimiter, has_reasons))?;
        let (mut classes, mut written) = (self.classes.iter(), 0);
        while let Some(record) = records.next().map_err(refused)? {
            let class = classes.next().ok_or_else(changed)?;
            if *class != LineClass::Bad {
                continue;
            }
            let own = self.reasons.get(&(&*file, record.line));
            let reason =
                own.map_or_else(|| self.words.other_line.to_owned(), |own| own.join(" · "));
            write_line(out, delimiter, &reason, original(records.raw(), delimiter, has_reasons))?;
            written += 1;
        }
        if classes.next().is_some() {
            return Err(changed().into());
        }
        Ok(written)
    }
}

/// A line of the file, without the reason of an earlier import.
fn original(raw: &[u8], delimiter: u8, has_reason: bool) -> &[u8] {
    if !has_reason {
        return raw;
    }
    let mut quoted = false;
    let end = raw.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == delimiter && !quoted
    });
    end.map_or(raw, |end| &raw[end + 1..])
}

/// Writes a line after its reason, which is always quoted.
fn write_line(out: &mut impl Write, delimiter: u8, reason: &str, line: &[u8]) -> io::Result<()> {
    write!(out, "\"{}\"", reason.replace('"', "\"\""))?;
    out.write_all(&[delimiter])?;
    out.write_all(line)?;
    out.write_all(b"\n")
}

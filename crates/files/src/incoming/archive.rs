//! One file of a zip archive, with limits: Alipay's bills come in one, with names in GBK.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use encoding_rs::GBK;
use zip::ZipArchive;

use super::RefusedFile;
use crate::orders::ImportError;

/// Files in an archive.
pub const ENTRIES_MAX: usize = 16;
/// Bytes of the file when it is unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 4 << 30;
/// Unpacked bytes for each packed one. Bills have 10 to 30.
pub const RATIO_MAX: u64 = 200;
/// The end of an archive with the longest comment.
const END_BYTES_MAX: u64 = 22 + u16::MAX as u64;

/// Why an archive cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    #[error("the zip archive is broken or cut short; ask for the file again")]
    Broken,
    #[error("the zip archive has more than {ENTRIES_MAX} files; unpack it and give the bill")]
    TooMany,
    #[error("the zip archive has a password; unpack it and give the bill")]
    Encrypted,
    #[error("no file in the zip archive has the name that the profile wants; unpack it")]
    NoEntry,
    #[error("several files in the zip archive have the name of a bill; unpack it and give each")]
    SeveralEntries,
    #[error(
        "the zip archive unpacks to more than {} GiB, or to {RATIO_MAX} times its size; no bill \
         does: ask whoever sent it",
        UNPACKED_BYTES_MAX >> 30
    )]
    TooBig,
}

/// Which file of an archive is read.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryPattern {
    /// `*` stands for anything. `None` is the only file.
    pub is: Option<String>,
    pub is_not: Option<String>,
}

impl EntryPattern {
    fn fits(&self, name: &str) -> bool {
        self.is.as_deref().is_none_or(|is| matches(is, name))
            && self.is_not.as_deref().is_none_or(|is_not| !matches(is_not, name))
    }
}

/// Whether a name has a pattern in which `*` stands for anything. The case of ASCII letters does
/// not count.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(piece) = last.replace(piece) {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Whether the file is a zip archive. Leaves the input at its start.
pub(super) fn is_zip(input: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut begin = Vec::new();
    input.by_ref().take(4).read_to_end(&mut begin)?;
    input.rewind()?;
    Ok(begin == b"PK\x03\x04")
}

/// Unpacks one file of an archive into `read`.
pub(super) fn with_entry<T>(
    mut input: impl Read + Seek,
    file: &Arc<str>,
    pattern: &EntryPattern,
    read: impl FnOnce(&mut dyn Read) -> Result<T, RefusedFile>,
) -> Result<T, RefusedFile> {
    let refused = |fault| RefusedFile::Archive { file: file.clone(), fault };
    check_end(&mut input).map_err(|error| match error {
        EndError::Fault(fault) => refused(fault),
        EndError::Io(source) => {
            RefusedFile::Unreadable(ImportError::Unreadable { file: file.clone(), source })
        }
    })?;
    let broken = |_| refused(ArchiveFault::Broken);
    let mut archive = ZipArchive::new(input).map_err(broken)?;
    let mut found = None;
    for place in 0..archive.len().min(ENTRIES_MAX) {
        let entry = archive.by_index_raw(place).map_err(broken)?;
        let name = entry_name(entry.name_raw());
        if entry.is_dir() || !pattern.fits(&name) {
            continue;
        }
        if entry.encrypted() {
            return Err(refused(ArchiveFault::Encrypted));
        }
        if found.replace((place, entry.size(), entry.compressed_size())).is_some() {
            return Err(refused(ArchiveFault::SeveralEntries));
        }
    }
    let Some((place, size, packed)) = found else { return Err(refused(ArchiveFault::NoEntry)) };
    let most = packed.saturating_mul(RATIO_MAX).saturating_add(1 << 20).min(UNPACKED_BYTES_MAX);
    if size > most {
        return Err(refused(ArchiveFault::TooBig));
    }
    let fault = Cell::new(None);
    let input = archive.by_index(place).map_err(broken)?;
    // The stated size may be false.
    let mut entry = BoundedEntry { input, left: most, fault: &fault };
    let result = read(&mut entry);
    match fault.get() {
        Some(fault) if result.is_err() => Err(refused(fault)),
        _ => result,
    }
}

/// A file's name: UTF-8 if it is that, else GBK, as Chinese systems write it without a mark.
fn entry_name(raw: &[u8]) -> String {
    let name = match str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => GBK.decode_without_bom_handling(raw).0.into_owned(),
    };
    name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

enum EndError {
    Fault(ArchiveFault),
    Io(io::Error),
}

/// Refuses archives with very many files before their list is read into memory.
fn check_end(input: &mut (impl Read + Seek)) -> Result<(), EndError> {
    let size = input.seek(SeekFrom::End(0)).map_err(EndError::Io)?;
    let start = size.saturating_sub(END_BYTES_MAX + 20);
    input.seek(SeekFrom::Start(start)).map_err(EndError::Io)?;
    let mut end = Vec::new();
    input.by_ref().take(END_BYTES_MAX + 20).read_to_end(&mut end).map_err(EndError::Io)?;
    input.rewind().map_err(EndError::Io)?;
    let broken = || EndError::Fault(ArchiveFault::Broken);
    let places = |mark: &'static [u8]| {
        let end = &end;
        end.windows(4).enumerate().filter(move |(_, bytes)| *bytes == mark).map(|(at, _)| at)
    };
    // A comment can look like an end: each one that could be it must be in the limits.
    let mut any = false;
    for at in places(b"PK\x05\x06") {
        let count = end.get(at + 10..at + 12).ok_or_else(broken)?;
        if usize::from(u16::from_le_bytes([count[0], count[1]])) > ENTRIES_MAX {
            return Err(EndError::Fault(ArchiveFault::TooMany));
        }
        any = true;
    }
    // Archives above 4 GiB or 65,535 files.
    if places(b"PK\x06\x07").next().is_some() {
        return Err(EndError::Fault(ArchiveFault::TooMany));
    }
    if any { Ok(()) } else { Err(broken()) }
}

struct BoundedEntry<'f, R> {
    input: R,
    left: u64,
    fault: &'f Cell<Option<ArchiveFault>>,
}

impl<R: Read> Read for BoundedEntry<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let stop = |fault| {
            self.fault.set(Some(fault));
            Err(io::Error::other(fault))
        };
        match self.input.read(to) {
            Ok(length) => match self.left.checked_sub(length as u64) {
                Some(left) => {
                    self.left = left;
                    Ok(length)
                }
                None => stop(ArchiveFault::TooBig),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(_) => stop(ArchiveFault::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("*业务明细*.csv", "20882_20160108_业务明细.csv", true),
            ("*汇总*", "20882_业务明细(汇总).csv", true),
            ("IND*01ACOM", "IND16010801ACOM", true),
            ("IND*01ACOM", "IND16010832ACOMA", false),
            ("a*b*b", "ab", false),
            ("a*", "a", true),
            ("a", "ab", false),
            ("*.CSV", "x.csv", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}

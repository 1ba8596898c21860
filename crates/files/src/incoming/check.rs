//! A file is checked whole, and then its parts are streamed.
//!
//! The caller holds a private copy. [`check`] reads it once and refuses it with all that is wrong.
//! [`CheckedFile::stream`] reads the same bytes again and gives each part; it compares the digest
//! at the end. Neither keeps more than a part in memory.

use std::io::{Read, Seek};
use std::sync::Arc;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::Currency;

use super::clearing::{self, ClearingLayout};
use super::parts::{CardTokens, ClearingHead, FilePart, IncomingHead, StatementHead};
use super::profile::FileProfile;
use super::scan::Scan;
use super::source::DigestReader;
use super::{RefusedFile, archive, bai2, bank_csv, camt, encoding, mt940};
use crate::orders::ImportError;

/// How a file is written.
#[derive(Clone, Debug)]
pub enum FileFormat {
    /// Our clearing file of a network.
    NetworkClearing,
    /// Our clearing file of a wallet.
    WalletClearing,
    /// Our bank statement as CSV.
    BankCsv,
    /// camt.053 or camt.054.
    Camt,
    Mt940,
    Bai2,
    /// CSV or fixed width, by a profile.
    Profile(Arc<FileProfile>),
}

/// Formats without a profile, by name.
const FORMATS: [(&str, FileFormat); 6] = [
    ("clearing", FileFormat::NetworkClearing),
    ("clearing-wallet", FileFormat::WalletClearing),
    ("bank-csv", FileFormat::BankCsv),
    ("camt", FileFormat::Camt),
    ("mt940", FileFormat::Mt940),
    ("bai2", FileFormat::Bai2),
];

impl FileFormat {
    /// The names of all formats: those without a profile, then the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|(name, _)| *name).chain(FileProfile::names())
    }

    /// A format or built-in profile by name, or a profile file by a path that ends in `.toml`.
    ///
    /// # Errors
    /// No such name, or a profile that is not valid.
    pub fn find(name_or_path: &str) -> Result<FileFormat, crate::profile::ProfileError> {
        match FORMATS.iter().find(|(name, _)| *name == name_or_path) {
            Some((_, format)) => Ok(format.clone()),
            None => Ok(FileFormat::Profile(Arc::new(FileProfile::find(name_or_path)?))),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        let known = FORMATS
            .iter()
            .find(|(_, format)| std::mem::discriminant(format) == std::mem::discriminant(self));
        match (self, known) {
            (FileFormat::Profile(profile), _) => profile.head().name(),
            (_, Some((name, _))) => name,
            (_, None) => "",
        }
    }
}

/// What the reader is told about a file, and what it must be.
#[derive(Clone, Copy, Default)]
pub struct ReadOptions<'o> {
    /// In place of the encoding of the format or profile.
    pub encoding: Option<&'o str>,
    /// Of a file that names none.
    pub currency_given: Option<Currency>,
    /// The day of a file whose times have no year. `None` takes it from the name of the file.
    pub file_date: Option<Date>,
    /// A file of a later day is refused.
    pub today: Option<Date>,
    /// The account that a statement must have, if it names one.
    pub account: Option<&'o str>,
    pub currency: Option<Currency>,
    /// The network or wallet that a clearing file must name, if it names one.
    pub party: Option<&'o str>,
    /// `None` makes no tokens of card numbers.
    pub tokens: Option<&'o dyn CardTokens>,
}

/// A file that can be taken: all of it was checked.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// For messages. Its end is the name under which the file was sent.
    pub name: Arc<str>,
    pub format: FileFormat,
    pub head: IncomingHead,
    /// SHA-256 of all bytes, in hexadecimal digits.
    pub digest: String,
    /// Says whether two files say the same: of our own formats the digest of what is read, else
    /// the digest of all bytes.
    pub identity: String,
}

/// Checks a file.
///
/// # Errors
/// All that is wrong with it.
pub fn check(
    input: impl Read + Seek,
    name: &str,
    format: FileFormat,
    options: &ReadOptions<'_>,
) -> Result<CheckedFile, RefusedFile> {
    preview(input, name, format, options, 0).map(|(checked, _)| checked)
}

/// Checks a file, and keeps its first parts: what `doorstep profile check` shows.
///
/// # Errors
/// All that is wrong with it.
pub fn preview(
    input: impl Read + Seek,
    name: &str,
    format: FileFormat,
    options: &ReadOptions<'_>,
    parts_max: usize,
) -> Result<(CheckedFile, Vec<FilePart>), RefusedFile> {
    let name: Arc<str> = name.into();
    let mut parts = Vec::new();
    let mut keep = |part| {
        if parts.len() < parts_max {
            parts.push(part);
        }
    };
    let (head, identity, digest) = read(input, &name, &format, options, &mut keep)?;
    let identity = identity.unwrap_or_else(|| digest.clone());
    Ok((CheckedFile { name, format, head, digest, identity }, parts))
}

impl CheckedFile {
    /// Gives the parts of the file, in its order. `input` and `options` are those of [`check`].
    ///
    /// # Errors
    /// The bytes are other ones than those that were checked: then the parts count for nothing.
    pub fn stream(
        &self,
        input: impl Read + Seek,
        options: &ReadOptions<'_>,
        each: &mut dyn FnMut(FilePart),
    ) -> Result<(), RefusedFile> {
        let (_, _, digest) = read(input, &self.name, &self.format, options, each)?;
        match digest == self.digest {
            true => Ok(()),
            false => Err(RefusedFile::Changed { file: self.name.clone() }),
        }
    }
}

type WhatWasRead = (IncomingHead, Option<String>, String);

fn read(
    mut input: impl Read + Seek,
    name: &Arc<str>,
    format: &FileFormat,
    options: &ReadOptions<'_>,
    sink: &mut dyn FnMut(FilePart),
) -> Result<WhatWasRead, RefusedFile> {
    let unreadable =
        |source| RefusedFile::Unreadable(ImportError::Unreadable { file: name.clone(), source });
    input.rewind().map_err(unreadable)?;
    let label = options.encoding.map(|label| encoding(Some(label))).transpose()?;
    let mut scan = Scan::new(name, options, sink);
    if let FileFormat::Profile(profile) = format
        && archive::is_zip(&mut input).map_err(unreadable)?
    {
        let digest = DigestReader::new(&mut input).finish().map_err(unreadable)?;
        input.rewind().map_err(unreadable)?;
        let head = archive::with_entry(&mut input, name, profile.archive_entry(), |entry| {
            profile.scan(DigestReader::new(entry), label, &mut scan)
        })?;
        return end(scan, head, digest);
    }
    let mut input = DigestReader::new(input);
    let head = scan_plain(&mut input, format, label, &mut scan)?;
    // The rest has a fault already, or is nothing.
    let digest = input.finish().map_err(unreadable)?;
    end(scan, head, digest)
}

type HeadAndIdentity = (IncomingHead, Option<String>);

fn scan_plain<R: Read>(
    input: &mut DigestReader<R>,
    format: &FileFormat,
    label: Option<&'static Encoding>,
    scan: &mut Scan<'_>,
) -> Result<Option<HeadAndIdentity>, RefusedFile> {
    let utf8 = label.unwrap_or(encoding_rs::UTF_8);
    let clearing =
        |(head, digest): (ClearingHead, String)| (IncomingHead::Clearing(head), Some(digest));
    let statements = |heads: Option<Vec<StatementHead>>| {
        heads.map(|heads| (IncomingHead::Statements(heads), None))
    };
    Ok(match format {
        FileFormat::NetworkClearing => {
            clearing::scan(input, ClearingLayout::Requests, scan)?.map(clearing)
        }
        FileFormat::WalletClearing => {
            clearing::scan(input, ClearingLayout::Orders, scan)?.map(clearing)
        }
        FileFormat::BankCsv => bank_csv::scan(input, utf8, scan)?
            .map(|(head, digest)| (IncomingHead::Statements(vec![head]), Some(digest))),
        FileFormat::Camt => statements(camt::scan(input, scan)?),
        FileFormat::Mt940 => statements(mt940::scan(input, utf8, scan)?),
        FileFormat::Bai2 => statements(bai2::scan(input, utf8, scan)?),
        FileFormat::Profile(profile) => profile.scan(input, label, scan)?,
    })
}

fn end(
    scan: Scan<'_>,
    head: Option<HeadAndIdentity>,
    digest: String,
) -> Result<WhatWasRead, RefusedFile> {
    match head {
        Some((head, identity)) if scan.faults.is_empty() => Ok((head, identity, digest)),
        _ => Err(scan.faults.refuse(&scan.file)),
    }
}

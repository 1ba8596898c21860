//! The list of erased subjects. It is beside the vault, and never in the vault's backups.
//!
//! A vault that was restored from a backup has data again that were erased since. The list tells
//! which: every process that opens the vault erases them again before it shows anything.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use books::{DataSubject, ParcelId, SellerId, Timestamp};

use files::atomic::write_atomically;

use crate::error::VaultError;

/// The list's file in the data directory.
pub const ERASURES_FILE: &str = "erasures.csv";
const HEADER: &str = "number,subject,id,erased_at_ms\n";

/// The erasures of a data directory. Their numbers go from 1, without gaps, as in the books.
pub struct ErasureList {
    path: PathBuf,
    subjects: Vec<DataSubject>,
    buyers: BTreeSet<ParcelId>,
}

impl ErasureList {
    fn empty(path: &Path) -> ErasureList {
        let (path, subjects, buyers) = (path.to_owned(), Vec::new(), BTreeSet::new());
        ErasureList { path, subjects, buyers }
    }

    /// Reads the list. A last line that a crash cut off is removed with the next entry: the books
    /// have that erasure.
    pub fn read(path: &Path) -> Result<ErasureList, VaultError> {
        let mut list = ErasureList::empty(path);
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(list),
            text => text.map_err(list.failed("read"))?,
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let Some(lines) = whole.strip_prefix(HEADER) else {
            // A crash cut the header.
            let cut = HEADER.starts_with(&text);
            return if cut {
                Ok(list)
            } else {
                Err(VaultError::DamagedErasures { path: list.path, line: 1 })
            };
        };
        for (place, line) in lines.lines().enumerate() {
            let line_number = place + 2;
            let damaged =
                || VaultError::DamagedErasures { path: path.to_owned(), line: line_number };
            let (number, subject) = entry(line).ok_or_else(damaged)?;
            if number != list.count() + 1 {
                return Err(damaged());
            }
            list.add(subject);
        }
        Ok(list)
    }

    /// Writes the list again, whole.
    pub fn written_again(
        path: &Path,
        all: impl IntoIterator<Item = (u32, DataSubject, Timestamp)>,
    ) -> Result<ErasureList, VaultError> {
        let mut list = ErasureList::empty(path);
        let mut text = HEADER.to_owned();
        for (number, subject, at) in all {
            if number != list.count() + 1 {
                return Err(VaultError::OtherErasures(path.to_owned()));
            }
            text.push_str(&line(number, subject, at));
            list.add(subject);
        }
        write_atomically(path, |file| file.write_all(text.as_bytes()))?;
        Ok(list)
    }

    fn add(&mut self, subject: DataSubject) {
        self.subjects.push(subject);
        if let DataSubject::Buyer(parcel) = subject {
            self.buyers.insert(parcel);
        }
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.subjects.len()).expect("numbers are of 32 bits")
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Those after a number.
    pub fn after(&self, number: u32) -> &[DataSubject] {
        let first = usize::try_from(number).unwrap_or(usize::MAX);
        self.subjects.get(first..).unwrap_or_default()
    }

    pub fn has_buyer(&self, parcel: ParcelId) -> bool {
        self.buyers.contains(&parcel)
    }

    /// Notes an erasure, durably. Noted before, it changes nothing.
    pub fn note(
        &mut self,
        number: u32,
        subject: DataSubject,
        at: Timestamp,
    ) -> Result<(), VaultError> {
        let missing = || VaultError::ErasuresMissing {
            path: self.path.clone(),
            listed: self.count(),
            erased: number,
        };
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let place = place.ok_or_else(missing)?;
        match self.subjects.get(place) {
            Some(before) if *before == subject => return Ok(()),
            Some(_) => return Err(VaultError::OtherErasures(self.path.clone())),
            None if place > self.subjects.len() => return Err(missing()),
            None => {}
        }
        self.append(&line(number, subject, at)).map_err(self.failed("write to"))?;
        self.add(subject);
        Ok(())
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&self.path)?;
        let before = fs::read(&self.path)?;
        let whole = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(u64::try_from(whole).expect("it is in memory"))?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        let header = if whole == 0 { HEADER } else { "" };
        file.write_all(format!("{header}{line}").as_bytes())?;
        file.sync_all()?;
        match self.path.parent() {
            Some(directory) if whole == 0 => File::open(directory)?.sync_all(),
            _ => Ok(()),
        }
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> VaultError + use<> {
        let path = self.path.clone();
        move |source| VaultError::Io { doing, path: path.clone(), source }
    }
}

fn line(number: u32, subject: DataSubject, at: Timestamp) -> String {
    let (kind, id) = match subject {
        DataSubject::Seller(seller) => ("seller", seller.to_string()),
        DataSubject::Buyer(parcel) => ("buyer", parcel.to_string()),
    };
    format!("{number},{kind},{id},{}\n", at.0)
}

fn entry(line: &str) -> Option<(u32, DataSubject)> {
    let mut parts = line.split(',');
    let (number, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    let (at, end) = (parts.next()?, parts.next());
    let subject = match kind {
        "seller" => DataSubject::Seller(id.parse::<SellerId>().ok()?),
        "buyer" => DataSubject::Buyer(id.parse::<ParcelId>().ok()?),
        _ => return None,
    };
    let is_whole = end.is_none() && at.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok()?, subject)).filter(|_| is_whole)
}

//! Finds the format of a file by its name and first bytes.

use std::fmt;
use std::sync::Arc;

use super::archive;
use super::check::FileFormat;
use super::profile::FileProfile;

/// Bytes of a file that are looked at.
pub const HEAD_BYTES: usize = 64 << 10;

/// Why a format fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuessReason {
    /// The columns are where a profile has them.
    FixedColumns,
    /// The columns of a CSV file have the names of a profile.
    Columns { count: usize },
    /// The first lines are of this format, and of no other.
    FirstLines,
    /// The file has a name of the profile, too.
    NameAndColumns,
}

impl fmt::Display for GuessReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuessReason::FixedColumns => {
                f.write_str("its columns stand where the profile has them")
            }
            GuessReason::Columns { count } => write!(f, "it has {count} columns of the profile"),
            GuessReason::FirstLines => f.write_str("its first lines are of this format"),
            GuessReason::NameAndColumns => f.write_str("its name and columns are of the profile"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct GuessedFormat {
    pub format: FileFormat,
    pub why: GuessReason,
}

/// The formats that fit a file, the best first.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    pub fits: Vec<GuessedFormat>,
}

impl Guess {
    /// The format, if one fits better than all others. Otherwise a person must say which it is.
    #[must_use]
    pub fn only(&self) -> Option<&GuessedFormat> {
        match self.fits.as_slice() {
            [one] => Some(one),
            [first, second, ..] => {
                let by_name = |one: &GuessedFormat| one.why == GuessReason::NameAndColumns;
                (by_name(first) && !by_name(second)).then_some(first)
            }
            [] => None,
        }
    }
}

/// Guesses the format of a file by its name and its first [`HEAD_BYTES`], with the built-in
/// profiles and those of the operator.
#[must_use]
pub fn guess(name: &str, head: &[u8], own: &[Arc<FileProfile>]) -> Guess {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let built_in = FileProfile::names().filter_map(|name| FileProfile::built_in(name).ok());
    let profiles = own.iter().cloned().chain(built_in.map(Arc::new));
    let certain = |format| GuessedFormat { format, why: GuessReason::FirstLines };
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    if let Some(format) = format_of_lines(text) {
        return Guess { fits: format.into_iter().map(certain).collect() };
    }
    let is_zip = head.starts_with(b"PK\x03\x04");
    let mut fits: Vec<GuessedFormat> = profiles
        .filter_map(|profile| {
            let named = profile.files().iter().any(|pattern| archive::matches(pattern, name));
            let why = match () {
                () if is_zip => profile.is_packed().then_some(GuessReason::FixedColumns)?,
                () => match profile.columns_found(head) {
                    Some(count) => GuessReason::Columns { count },
                    None if profile.has_fixed_columns(head) => GuessReason::FixedColumns,
                    None => return None,
                },
            };
            let why = if named { GuessReason::NameAndColumns } else { why };
            Some(GuessedFormat { format: FileFormat::Profile(profile), why })
        })
        .collect();
    fits.sort_by_key(|one| std::cmp::Reverse(one.why));
    Guess { fits }
}

/// Formats that say what they are.
fn format_of_lines(head: &[u8]) -> Option<Vec<FileFormat>> {
    let head = String::from_utf8_lossy(head);
    let begin = head.trim_start();
    if begin.starts_with('<') {
        return begin.contains("BkToCstmr").then(|| vec![FileFormat::Camt]);
    }
    let mut lines = head.lines().map(|line| line.trim_matches(|c: char| c.is_control()).trim());
    let first = lines.clone().find(|line| !line.is_empty())?;
    if first.starts_with("H,1,") {
        let item = lines.find(|line| line.starts_with("I,"));
        return Some(match item.map(|item| item.split(',').count()) {
            Some(10) => vec![FileFormat::NetworkClearing],
            Some(8) => vec![FileFormat::WalletClearing],
            _ => vec![FileFormat::NetworkClearing, FileFormat::WalletClearing],
        });
    }
    if first.starts_with("01,") && (head.contains("\n02,") || head.contains("/ ")) {
        return Some(vec![FileFormat::Bai2]);
    }
    let mut near = head.lines().take(8);
    if near.any(|line| line.trim_start_matches(|c: char| c.is_control()).starts_with(":20:")) {
        return Some(vec![FileFormat::Mt940]);
    }
    let names: Vec<&str> = first.split(',').map(|name| name.trim_matches('"')).collect();
    let ours = ["account", "date", "type", "amount", "currency", "bank_reference"];
    ours.iter().all(|name| names.contains(name)).then(|| vec![FileFormat::BankCsv])
}

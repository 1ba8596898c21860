//! Finds the files that an import reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::nearest::nearest;
use crate::profile::Profile;
use crate::reference::{REFERENCE_BYTES_MAX, reference};

use super::{FileRole, ImportError};

pub const FILES_MAX: usize = 10_000;
/// Further entries are ignored.
const DIRECTORY_ENTRIES_MAX: usize = 100_000;

/// Where the shops of an import are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shops {
    /// The orders are of one shop, without a name.
    #[default]
    Unnamed,
    /// All orders are of this shop.
    One(String),
    /// Each folder is a shop, named by the folder.
    Folders,
}

/// A file that an import reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    pub role: FileRole,
    pub shop: Option<String>,
    pub path: PathBuf,
}

/// The files at `path` that the profile reads, shop by shop: orders files, then items files, each
/// sorted by name.
pub fn find(profile: &Profile, path: &Path, shops: &Shops) -> Result<Vec<SourceFile>, ImportError> {
    let named = |shop: Option<&str>, found: Vec<(FileRole, PathBuf)>| {
        let shop = shop.map(str::to_owned);
        found.into_iter().map(move |(role, path)| SourceFile { role, shop: shop.clone(), path })
    };
    let files: Vec<SourceFile> = match shops {
        Shops::Unnamed => named(None, of_one_shop(profile, path)?).collect(),
        Shops::One(shop) => {
            check_shop(shop)?;
            named(Some(shop), of_one_shop(profile, path)?).collect()
        }
        Shops::Folders => {
            let no_such_path = |source| ImportError::NoSuchPath { path: path.to_owned(), source };
            let mut files = Vec::new();
            for shop in entries(path, fs::Metadata::is_dir).map_err(no_such_path)? {
                check_shop(&shop)?;
                files.extend(named(Some(&shop), of_one_shop(profile, &path.join(&shop))?));
            }
            if files.is_empty() {
                return Err(ImportError::NoShops { path: path.to_owned() });
            }
            files
        }
    };
    if files.len() > FILES_MAX {
        return Err(ImportError::TooManyFiles);
    }
    Ok(files)
}

/// A shop's name is the first part of its orders' references.
fn check_shop(shop: &str) -> Result<(), ImportError> {
    let error = reference(shop).err();
    if error.is_none() && !shop.contains('/') && shop.trim() == shop {
        return Ok(());
    }
    let shown = shop.chars().filter(|c| !c.is_control()).take(REFERENCE_BYTES_MAX);
    Err(ImportError::Shop { shop: shown.collect(), error })
}

fn of_one_shop(profile: &Profile, path: &Path) -> Result<Vec<(FileRole, PathBuf)>, ImportError> {
    let no_such_path = |source| ImportError::NoSuchPath { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(no_such_path)?.is_dir() {
        if profile.items_files.is_empty() {
            return Ok(vec![(FileRole::Orders, path.to_owned())]);
        }
        return Err(ImportError::NeedsDirectory {
            profile: profile.head.name.clone(),
            path: path.to_owned(),
            files: format!(
                "{} and {}",
                one_of(&profile.orders_files),
                one_of(&profile.items_files)
            ),
        });
    }
    let names = entries(path, fs::Metadata::is_file).map_err(no_such_path)?;
    let mut found = Vec::new();
    for (part, patterns) in
        [(FileRole::Orders, &profile.orders_files), (FileRole::Items, &profile.items_files)]
    {
        let mut matching = names
            .iter()
            .filter(|name| patterns.iter().any(|pattern| matches(pattern, name)))
            .map(|name| (part, path.join(name)))
            .peekable();
        if matching.peek().is_none() && !patterns.is_empty() {
            let named = |pattern| nearest(pattern, names.iter().map(String::as_str));
            return Err(ImportError::FileMissing {
                profile: profile.head.name.clone(),
                directory: Some(path.to_owned()),
                wanted: one_of(patterns),
                nearest: patterns.iter().find_map(|pattern| named(pattern)).map(str::to_owned),
            });
        }
        found.extend(matching);
    }
    let (orders, items) =
        found.split_at(found.partition_point(|(part, _)| *part == FileRole::Orders));
    if let Some((_, both)) = items.iter().find(|(_, item)| orders.iter().any(|(_, o)| o == item)) {
        return Err(ImportError::AmbiguousFile {
            profile: profile.head.name.clone(),
            path: both.clone(),
        });
    }
    Ok(found)
}

/// For a message: "`a.csv` or `b.csv`".
pub fn one_of(patterns: &[String]) -> String {
    patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(" or ")
}

/// The sorted names of the files or folders in a directory. Names that are not UTF-8 are left out.
fn entries(directory: &Path, wanted: fn(&fs::Metadata) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)?.take(DIRECTORY_ENTRIES_MAX) {
        let entry = entry?;
        let is_wanted = fs::metadata(entry.path()).is_ok_and(|metadata| wanted(&metadata));
        if let (true, Ok(name)) = (is_wanted, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Matches a name against a pattern: `*` matches any characters, case is ignored.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut last = None;
    // Each part but the last matches at its first occurrence; the last must end the name.
    for part in parts {
        if let Some(middle) = last.replace(part) {
            let Some(place) = rest.find(middle) else { return false };
            rest = &rest[place + middle.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_anything() {
        for (pattern, name) in [
            ("orders.csv", "Orders.CSV"),
            ("*.csv", ".csv"),
            ("orders_export*.csv", "orders_export_1.csv"),
            ("*orders*.csv", "my-orders-2026.csv"),
            ("*a*a*", "banana"),
            ("*", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("orders.csv", "orders.csv.bak"),
            ("*.csv", "orders.xlsx"),
            ("ab*ba", "aba"),
            ("*a*b*a", "aba_b"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}

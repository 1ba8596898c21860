//! Files that map the vendors of an order export to sellers, and spellings of one name.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encoding_rs::UTF_8;

use crate::records::RecordReader;
use crate::reference::{ReferenceError, reference};

pub const SELLERS_FILE_BYTES_MAX: u64 = 16 << 20;

/// Which seller each spelling of a vendor stands for.
#[derive(Clone, Debug, Default)]
pub struct SellerMap {
    sellers: HashMap<String, Arc<str>>,
    /// A spelling for each folded one.
    folded: HashMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SellersFileError {
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{path} is not a .toml or .csv file; write lines such as \"Acme Ltd\" = \"S-17\" into a \
         .toml file, or the columns vendor,seller into a .csv file",
        path = path.display()
    )]
    Extension { path: PathBuf },
    #[error("{path} is longer than {SELLERS_FILE_BYTES_MAX} bytes", path = path.display())]
    TooLong { path: PathBuf },
    /// Not TOML, or a value that is not text.
    #[error(
        "{path} is not valid: {detail}; write each line as \"Acme Ltd\" = \"S-17\"",
        path = path.display()
    )]
    Toml { path: PathBuf, detail: String },
    #[error(
        "{path} is not CSV with the columns vendor,seller; check its first line and its quotation \
         marks",
        path = path.display()
    )]
    Csv { path: PathBuf },
    #[error("{path}: the seller of vendor `{vendor}` is not valid: {error}", path = path.display())]
    Seller { path: PathBuf, vendor: String, error: ReferenceError },
    #[error(
        "{path}: vendor `{vendor}` has two sellers, `{first}` and `{second}`; remove one line",
        path = path.display()
    )]
    VendorTwice { path: PathBuf, vendor: String, first: String, second: String },
    #[error("{path} has no vendors", path = path.display())]
    Empty { path: PathBuf },
}

impl SellerMap {
    /// Reads a `.toml` file of vendor = seller, or a `.csv` file with the columns vendor,seller.
    pub fn read(path: &Path) -> Result<SellerMap, SellersFileError> {
        let unreadable = |source| SellersFileError::Unreadable { path: path.to_owned(), source };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_toml = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("toml") => true,
            Some("csv") => false,
            _ => return Err(SellersFileError::Extension { path: path.to_owned() }),
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(SELLERS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > SELLERS_FILE_BYTES_MAX {
            return Err(SellersFileError::TooLong { path: path.to_owned() });
        }
        let pairs = if is_toml { toml_pairs(path, &bytes)? } else { csv_pairs(path, &bytes)? };
        let mut map = SellerMap::default();
        for (vendor, seller) in pairs {
            map.add(path, &vendor, &seller)?;
        }
        if map.sellers.is_empty() {
            return Err(SellersFileError::Empty { path: path.to_owned() });
        }
        Ok(map)
    }

    fn add(&mut self, path: &Path, vendor: &str, seller: &str) -> Result<(), SellersFileError> {
        let (vendor, seller) = (vendor.trim(), seller.trim());
        let of = |error| SellersFileError::Seller {
            path: path.to_owned(),
            vendor: vendor.chars().filter(|c| !c.is_control()).take(64).collect(),
            error,
        };
        let seller: Arc<str> = reference(seller).map_err(of)?.into();
        reference(vendor).map_err(of)?;
        match self.sellers.insert(vendor.to_owned(), Arc::clone(&seller)) {
            Some(first) if first != seller => Err(SellersFileError::VendorTwice {
                path: path.to_owned(),
                vendor: vendor.to_owned(),
                first: first.to_string(),
                second: seller.to_string(),
            }),
            _ => {
                self.folded.entry(folded(vendor)).or_insert_with(|| vendor.to_owned());
                Ok(())
            }
        }
    }

    /// The seller of a vendor in exactly this spelling.
    #[must_use]
    pub fn seller_of(&self, vendor: &str) -> Option<&Arc<str>> {
        self.sellers.get(vendor)
    }

    /// Whether a vendor stands for this seller.
    #[must_use]
    pub fn has_seller(&self, seller: &str) -> bool {
        self.sellers.values().any(|known| **known == *seller)
    }

    /// A vendor of the file whose spelling differs only in case, spaces or width.
    #[must_use]
    pub fn other_spelling(&self, vendor: &str) -> Option<&str> {
        self.folded.get(&folded(vendor)).map(String::as_str)
    }
}

fn toml_pairs(path: &Path, bytes: &[u8]) -> Result<Vec<(String, String)>, SellersFileError> {
    let of = |detail: String| SellersFileError::Toml { path: path.to_owned(), detail };
    let text = str::from_utf8(bytes).map_err(|_| of("it is not UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let pairs: BTreeMap<String, String> =
        toml::from_str(text).map_err(|error| of(error.message().to_owned()))?;
    Ok(pairs.into_iter().collect())
}

fn csv_pairs(path: &Path, bytes: &[u8]) -> Result<Vec<(String, String)>, SellersFileError> {
    let of = || SellersFileError::Csv { path: path.to_owned() };
    let mut records = RecordReader::new(BufReader::new(bytes), UTF_8, b',');
    let mut pairs = Vec::new();
    let mut header = false;
    while let Some(record) = records.next().map_err(|_| of())? {
        if record.len() != 2 || record.misquoted {
            return Err(of());
        }
        let pair = (record.get(0).to_owned(), record.get(1).to_owned());
        if header {
            pairs.push(pair);
        } else if (pair.0.as_str(), pair.1.as_str()) != ("vendor", "seller") {
            return Err(of());
        }
        header = true;
    }
    Ok(pairs)
}

/// A name without spaces, in lower case, with ordinary characters in the place of wide ones: equal
/// for spellings of one name that differ only in these.
#[must_use]
pub fn folded(name: &str) -> String {
    /// From a wide character of ASCII to the ordinary one.
    const WIDE: u32 = 0xFEE0;
    let narrow = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - WIDE).unwrap_or(c),
        _ => c,
    };
    let letters = name.chars().filter(|c| !c.is_whitespace()).map(narrow);
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal_when_folded() {
        for name in ["Acme Ltd", "ACME LTD", " acme  ltd", "Ａｃｍｅ\u{3000}Ｌｔｄ", "acmeltd"]
        {
            assert_eq!(folded(name), "acmeltd", "{name}");
        }
        assert_ne!(folded("Acme Ltd"), folded("Acme Ltd."));
        assert_ne!(folded("张三的店"), folded("张四的店"));
    }
}

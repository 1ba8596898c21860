//! Helpers: imports of short texts, temporary folders, the real sample files.

use std::env;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use files::incoming::check::{CheckedFile, FileFormat, ReadOptions, preview};
use files::incoming::parts::{ClearedItem, ClearingHead, FilePart, IncomingHead};
use files::incoming::parts::{StatementEntry, StatementHead};
use files::orders::{FileRole, Import, ImportError, ImportReport, Importer, OrderParcel};
use files::profile::Profile;
use files::sellers::SellerMap;
use money::decimal::DecimalAmount;

/// Imports texts as the files `orders.csv` and `items.csv`.
pub fn try_import(
    profile: &Profile,
    orders: &[u8],
    items: Option<&[u8]>,
) -> Result<Import, ImportError> {
    let mut importer =
        Importer::new(profile)?.read(FileRole::Orders, None, "orders.csv", orders)?;
    if let Some(items) = items {
        importer = importer.read(FileRole::Items, None, "items.csv", items)?;
    }
    importer.finish()
}

/// Imports a text with a profile of one file.
pub fn import(profile: &str, orders: &str) -> Import {
    try_import(&Profile::built_in(profile).unwrap(), orders.as_bytes(), None).unwrap()
}

/// One line for each parcel: `order seller currency amount × items`.
pub fn parcels(import: &Import) -> Vec<String> {
    import.parcels.iter().map(parcel).collect()
}

fn parcel(parcel: &OrderParcel) -> String {
    let OrderParcel { order, seller, currency, amount_due, item_count, .. } = parcel;
    let amount = DecimalAmount::of(*amount_due, *currency);
    format!("{order} {seller} {currency} {amount} × {item_count}")
}

/// A shopify profile for a shop that is one seller.
pub fn shopify() -> Profile {
    Profile::built_in("shopify").unwrap().with_seller("shop-7").unwrap()
}

/// A file of `--sellers`.
pub fn sellers(toml: &str) -> SellerMap {
    let path = folder().join("sellers.toml");
    fs::write(&path, toml).unwrap();
    SellerMap::read(&path).unwrap()
}

/// How many lines were taken, repeated, left out and bad.
pub fn counts(import: &Import) -> [u64; 4] {
    let lines = import.report.lines;
    [lines.taken, lines.repeated, lines.left_out, lines.bad]
}

/// The messages of the bad lines.
pub fn bad(report: &ImportReport) -> Vec<String> {
    report.bad_lines.iter().map(ToString::to_string).collect()
}

pub fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("files-{}-{number}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A file or folder of the real samples. Prints a line if it is missing.
pub fn real(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is missing; set DOORSTEP_TEST_DATA to its folder", path.display());
    None
}

/// Reads a file of a format to its end: what was checked, and its parts.
pub fn try_read(
    format: &str,
    name: &str,
    bytes: &[u8],
    options: &ReadOptions<'_>,
) -> Result<(CheckedFile, Vec<FilePart>), String> {
    let format = FileFormat::find(format).unwrap();
    let (checked, parts) = preview(Cursor::new(bytes), name, format, options, usize::MAX)
        .map_err(|error| error.to_string())?;
    assert_eq!(checked.head.parts(), parts.len() as u64, "each part is counted");
    let mut again = Vec::new();
    checked.stream(Cursor::new(bytes), options, &mut |part| again.push(part)).unwrap();
    assert_eq!(parts, again, "both passes read the same");
    Ok((checked, parts))
}

/// Reads statements with their entries.
pub fn read_statements(
    format: &str,
    bytes: &[u8],
) -> Result<(Vec<StatementHead>, Vec<StatementEntry>), String> {
    let (checked, parts) = try_read(format, "file", bytes, &ReadOptions::default())?;
    let IncomingHead::Statements(heads) = checked.head else { panic!("{:?}", checked.head) };
    let entries = parts.into_iter().map(|part| match part {
        FilePart::Entry(entry) => entry,
        other => panic!("{other:?}"),
    });
    Ok((heads, entries.collect()))
}

/// Reads a network's or wallet's file with its items.
pub fn read_items(
    format: &str,
    name: &str,
    bytes: &[u8],
    options: &ReadOptions<'_>,
) -> Result<(ClearingHead, Vec<ClearedItem>), String> {
    let (checked, parts) = try_read(format, name, bytes, options)?;
    let IncomingHead::Clearing(head) = checked.head else { panic!("{:?}", checked.head) };
    let items = parts.into_iter().map(|part| match part {
        FilePart::Item(item) => item,
        other => panic!("{other:?}"),
    });
    Ok((head, items.collect()))
}

//! What the tests work with: imports of short texts, folders, the real files where they are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use files::orders::{Import, ImportError, ImportReport, Importer, OrderParcel, Part};
use files::profile::Profile;
use money::decimal::Decimal;

/// Imports texts as the files `orders.csv` and, where the profile has one, `items.csv`.
pub fn try_import(
    profile: &Profile,
    orders: &[u8],
    items: Option<&[u8]>,
) -> Result<Import, ImportError> {
    let mut importer = Importer::new(profile)?.read(Part::Orders, "orders.csv", orders)?;
    if let Some(items) = items {
        importer = importer.read(Part::Items, "items.csv", items)?;
    }
    importer.finish()
}

/// Imports a text of a profile with one file.
pub fn import(profile: &str, orders: &str) -> Import {
    try_import(&Profile::named(profile).unwrap(), orders.as_bytes(), None).unwrap()
}

/// The parcels in a line each: `order seller currency amount × items`.
pub fn parcels(import: &Import) -> Vec<String> {
    import.parcels.iter().map(parcel).collect()
}

fn parcel(parcel: &OrderParcel) -> String {
    let OrderParcel { order, seller, currency, amount_due, item_count, .. } = parcel;
    let amount = Decimal::of(*amount_due, *currency);
    format!("{order} {seller} {currency} {amount} × {item_count}")
}

/// What is bad, in the words that a person reads.
pub fn bad(report: &ImportReport) -> Vec<String> {
    report.bad.iter().map(ToString::to_string).collect()
}

/// A new empty folder.
pub fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("files-{}-{number}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A file or folder of the real files, or `None` with a line that says so.
pub fn real(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = env::var_os("DOORSTEP_DATA").map_or(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there; set DOORSTEP_DATA to where it is", path.display());
    None
}

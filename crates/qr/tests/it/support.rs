//! Test data and helpers.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use qr::crc16_ccitt_false;

/// The specification's example.
pub const EXAMPLE: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D156000000010308\
                           12345678520441115303156540523.725502015802CN5914BEST TRANSPORT6007BEIJI\
                           NG6233030412340603***0708A60086670902ME64200002ZH0104最佳运输0202北京63\
                           04CDE7";

/// Appends the checksum.
pub fn with_checksum(text: &str) -> String {
    let text = format!("{text}6304");
    format!("{text}{:04X}", crc16_ccitt_false(text.as_bytes()))
}

/// The list in a file of vectors. Prints a line and returns `None` if the file is missing.
pub fn vectors(name: &str) -> Option<Vec<serde_json::Value>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = env::var_os("DOORSTEP_TEST_DATA").map_or(beside, PathBuf::from);
    let path = root.join("vectors").join(name);
    if !path.exists() {
        println!("SKIPPED: {} is not there; set DOORSTEP_TEST_DATA to where it is", path.display());
        return None;
    }
    let bytes = fs::read(path).expect("the vectors can be read");
    let list: Vec<serde_json::Value> =
        serde_json::from_slice(&bytes).expect("the vectors are a list in JSON");
    assert!(!list.is_empty());
    Some(list)
}

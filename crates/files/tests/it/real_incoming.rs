//! Files that banks and wallets really sent, if they are present: they are read as the programs of
//! their authors read them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use files::incoming::RefusedFile;
use files::incoming::check::{FileFormat, ReadOptions, preview};
use files::incoming::parts::{FilePart, IncomingHead, ReferenceKind, StatementEntry, StatementHead};

use crate::support::real;

fn read(
    text: &[u8],
    name: &str,
    format: &str,
) -> Result<(IncomingHead, Vec<FilePart>), RefusedFile> {
    let format = FileFormat::find(format).unwrap();
    let (checked, parts) =
        preview(Cursor::new(text), name, format, &ReadOptions::default(), usize::MAX)?;
    Ok((checked.head, parts))
}

fn statements(text: &[u8], format: &str) -> Result<(Vec<StatementHead>, Vec<StatementEntry>), RefusedFile> {
    let (head, parts) = read(text, "file", format)?;
    let IncomingHead::Statements(heads) = head else { panic!("statements") };
    let entries = parts.into_iter().map(|part| match part {
        FilePart::Entry(entry) => entry,
        _ => panic!("entries"),
    });
    Ok((heads, entries.collect()))
}

fn files_in(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path, ends));
        } else if ends.iter().any(|end| path.to_string_lossy().ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn explore() {
    let Some(bank) = real("bank") else { return };
    for path in files_in(&bank.join("mt940"), &[".sta", ".txt"]) {
        let bytes = fs::read(&path).unwrap();
        println!("{}: {:?}", path.display(), statements(&bytes, "mt940").map(|(h, e)| (h.len(), e.len())).map_err(|e| e.to_string()));
    }
    for path in files_in(&bank.join("bai2"), &[".txt"]) {
        let bytes = fs::read(&path).unwrap();
        println!("{}: {:?}", path.display(), statements(&bytes, "bai2").map(|(h, e)| (h.len(), e.len())).map_err(|e| e.to_string()));
    }
    for folder in [bank.join("camt"), real("iso20022/genkgo_camt").unwrap()] {
        for path in files_in(&folder, &[".xml"]) {
            let bytes = fs::read(&path).unwrap();
            println!("{}: {:?}", path.display(), statements(&bytes, "camt").map(|(h, e)| (h.len(), e.len())).map_err(|e| e.to_string()));
        }
    }
    for (path, profile) in [("boc/example-boc-records.csv", "boc"), ("cmb/example-cmb-records.csv", "cmb"), ("bocom_debit/example-bocom_debit-records.csv", "bocom"), ("wechat/bill_all_24_columns_2014.csv", "wechat-bill"), ("wechat/bill_all_27_columns.csv", "wechat-bill"), ("wechat/example-wechat-records.csv", "wechat-bill"), ("alipay/example-alipay-records.csv", "alipay-bill")] {
        let bytes = fs::read(bank.join(path)).unwrap();
        println!("{path}: {:?}", read(&bytes, path, profile).map(|(h, e)| (h, e.len())).map_err(|e| e.to_string()));
    }
}

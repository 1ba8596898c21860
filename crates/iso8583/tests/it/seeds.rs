//! The seeds of the fuzz targets must parse: a refused seed teaches a fuzzer little.

use std::fs;
use std::path::Path;

use iso8583::framing::{FRAME_BYTES_MAX, LengthFraming};
use iso8583::tlv::TlvReader;
use iso8583::{Envelope, UNIONPAY_POS};

use crate::support::PACKAGERS;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let seeds = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    let seeds: Vec<_> = seeds.collect();
    assert!(!seeds.is_empty());
    seeds
}

#[test]
fn every_seed_message_parses() {
    for (name, seed) in seeds("iso8583_parse") {
        // The fourth packager is defined in the fuzz target.
        if let Some(packager) = PACKAGERS.get(usize::from(seed[0])) {
            packager.parse(&seed[1..]).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    for (name, seed) in seeds("envelope") {
        let (_, _, message) = Envelope::parse(&seed).unwrap();
        UNIONPAY_POS.parse(message).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_seed_frame_and_object_parses() {
    for (name, seed) in seeds("iso8583_framing") {
        let framing = LengthFraming::ALL[usize::from(seed[0])];
        assert!(framing.find_frame(&seed[2..], FRAME_BYTES_MAX).unwrap().is_some(), "{name}");
    }
    for (name, seed) in seeds("iso8583_tlv") {
        assert!(TlvReader::new(&seed).all(|object| object.is_ok()), "{name}");
    }
}

//! Measures the key operations of a switch, in nanoseconds each.
//!
//! `cargo run --profile dist -p keys --example mac_rate`

#![allow(clippy::print_stdout, reason = "it prints measurements")]

use std::hint::black_box;
use std::time::Instant;

use keys::{
    Algorithm, DerivedKey, DukptKey, KeyError, KeyName, KeyPurpose, KeyReference, KeySerialNumber,
    KeyStore, MacMethod, Pan, Pin, PinFormat, SessionKeys, SoftwareStore, TdesKey, dukpt, mac,
};

const ROUNDS: u32 = 200_000;
const MESSAGE_BYTES: usize = 200;

fn measure(what: &str, mut work: impl FnMut(u64) -> Result<(), KeyError>) -> Result<(), KeyError> {
    for round in 0..ROUNDS / 10 {
        work(u64::from(round))?;
    }
    let begin = Instant::now();
    for round in 0..ROUNDS {
        work(u64::from(round))?;
    }
    let each = begin.elapsed() / ROUNDS;
    println!("{:>7} ns  {what}", each.as_nanos());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SoftwareStore::in_memory([])?;
    let name = |text: &str| KeyName::new(text);
    let made = [
        ("base", KeyPurpose::Base, Algorithm::Aes256),
        ("mac", KeyPurpose::Mac, Algorithm::Tdes2),
        ("mac/aes", KeyPurpose::Mac, Algorithm::Aes128),
        ("pin", KeyPurpose::PinEncryption, Algorithm::Tdes2),
        ("token", KeyPurpose::Token, Algorithm::Aes128),
        ("bdk", KeyPurpose::Dukpt, Algorithm::Tdes2),
    ];
    for (at, purpose, algorithm) in made {
        store.generate(name(at)?, purpose, algorithm)?;
    }
    let message = [0x37; MESSAGE_BYTES];
    let base = name("base")?;
    let derived =
        |purpose, holder| KeyReference::Derived(DerivedKey::new(base, purpose, holder, 1));

    println!("message of {MESSAGE_BYTES} bytes, one thread, {ROUNDS} rounds");
    measure("check_mac, CUP ECB, derived key of another terminal each time", |round| {
        let key = derived(KeyPurpose::Mac, round % 60_000);
        black_box(store.check_mac(&key, MacMethod::CupEcb, &message, &[0; 8])?);
        Ok(())
    })?;
    let stored = KeyReference::Stored(name("mac")?);
    measure("check_mac, X9.19, stored key", |_| {
        black_box(store.check_mac(&stored, MacMethod::X9_19, &message, &[0; 8])?);
        Ok(())
    })?;
    measure("check_mac, CMAC with TDES, stored key", |_| {
        black_box(store.check_mac(&stored, MacMethod::Cmac, &message, &[0; 8])?);
        Ok(())
    })?;
    let aes = KeyReference::Stored(name("mac/aes")?);
    measure("check_mac, CMAC with AES, stored key", |_| {
        black_box(store.check_mac(&aes, MacMethod::Cmac, &message, &[0; 8])?);
        Ok(())
    })?;

    let terminal_key = TdesKey::from_hex("807A23AD32B36D457AE91FDF927570EA")?;
    for together in [4, 16, 46, 64] {
        let messages = vec![&message[..]; together];
        measure(&format!("macs, X9.19, stored key, {together} messages together"), |_| {
            black_box(store.macs(&stored, MacMethod::X9_19, black_box(&messages))?);
            Ok(())
        })?;
    }

    let pan = Pan::parse(b"4111111111111111")?;
    let single = TdesKey::from_hex("5BB5C72CD00B7338")?;
    let session =
        SessionKeys::tdes(&terminal_key.clone().into(), &single.into(), MacMethod::CupEcb)?;
    let block = session.encrypt_pin(&Pin::parse(b"1234")?, &pan)?;
    let to = KeyReference::Stored(name("pin")?);
    measure("translate_session_pin, format 0, stored key", |_| {
        black_box(store.translate_session_pin(&session, &to, PinFormat::Iso0, &pan, &block)?);
        Ok(())
    })?;
    let tokens = KeyReference::Stored(name("token")?);
    measure("card token", |_| {
        black_box(store.token(&tokens, &pan)?);
        Ok(())
    })?;
    let serial = dukpt::tdes::TdesKeySerialNumber::new([
        0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0,
    ]);
    let bdk = name("bdk")?;
    measure("check_mac, X9.19, key of a DUKPT terminal", |round| {
        let counter = u32::try_from(round % 1_000).unwrap_or_default() + 1;
        let serial = KeySerialNumber::Tdes(serial.with_counter(counter));
        let key = KeyReference::Dukpt(DukptKey { base: bdk, serial });
        black_box(store.check_mac(&key, MacMethod::X9_19, &message, &[0; 8])?);
        Ok(())
    })?;
    measure("X9.19 alone", |_| {
        black_box(mac::compute(MacMethod::X9_19, &terminal_key, black_box(&message))?);
        Ok(())
    })?;
    Ok(())
}

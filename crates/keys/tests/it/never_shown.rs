//! `Debug` and errors show no secrets.

use keys::{
    AesKey, Algorithm, Component, Key, KeyName, KeyPurpose, KeyStore, MasterKey, Pan, Pin,
    PinBlock, SoftwareStore, TdesKey, dukpt,
};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    base16ct::upper::encode_string(bytes)
}

/// Whether a text contains four consecutive bytes of a secret, as hex digits or decimal numbers.
fn shows(text: &str, secret: &[u8]) -> bool {
    let text = text.to_uppercase();
    secret.windows(4).any(|part| {
        let numbers: Vec<String> = part.iter().map(u8::to_string).collect();
        text.contains(&hex(part)) || text.contains(&numbers.join(", "))
    })
}

proptest! {
    #[test]
    fn debug_output_never_holds_a_key(bytes in prop::array::uniform32(any::<u8>())) {
        let tdes = TdesKey::new(&bytes[..16]).unwrap();
        let aes = AesKey::new(&bytes).unwrap();
        let line = format!("{} {}", hex(&bytes), aes.check_value());
        let component = Component::parse(&line, Algorithm::Aes256, 1).unwrap();
        let serial = dukpt::tdes::TdesKeySerialNumber::new([9; 10]);
        let initial = dukpt::tdes::initial_key(&tdes, serial).unwrap();
        let mut terminal = dukpt::tdes::TdesDukptTerminal::new(&initial, serial).unwrap();
        let (_, transaction) = terminal.next_transaction().unwrap();
        let name = KeyName::new("key").unwrap();
        let keys = [(name, KeyPurpose::Exchange, Key::from(aes.clone()))];
        let store = SoftwareStore::in_memory(keys).unwrap();
        let master = MasterKey::from_hex(&hex(&bytes), "here").unwrap();
        let shown = format!(
            "{tdes:?} {aes:?} {component:?} {terminal:?} {transaction:?} {store:?} {master:?} \
             {:?} {:?}",
            store.list(),
            Key::from(aes.clone()),
        );
        prop_assert!(!shows(&shown, &bytes), "{}", shown);
        prop_assert!(!shows(&shown, initial.expose()), "{}", shown);
    }

    #[test]
    fn errors_never_hold_what_was_typed(line in "[0-9A-Fa-f]{8,70} [0-9A-F]{6}") {
        if let Err(error) = Component::parse(&line, Algorithm::Tdes2, 3) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&line[..8]), "{}", shown);
            prop_assert!(shown.contains("component 3"));
        }
    }
}

#[test]
fn pins_and_cards_are_masked() {
    let pin = Pin::parse(b"739164").unwrap();
    let pan = Pan::parse(b"4012345678909").unwrap();
    let block = PinBlock::new(&[0x5A; 8]).unwrap();
    let shown = format!("{pin:?} {pan:?} {pan} {block:?}");
    assert_eq!(shown, "Pin(••••) Pan(401234•••8909) 401234•••8909 PinBlock(8 bytes)");
}

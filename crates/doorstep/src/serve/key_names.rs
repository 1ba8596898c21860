//! Checks the keys that the settings name, before the first message.

use anyhow::ensure;
use keys::{KeyListing, KeyName, KeyPurpose, KeyStore, MacMethod, PinFormat};
use switch::Settings;

use crate::chinese;
use crate::words::{Lang, bilingual};

/// Checks that each key is in the store, with the right purpose and algorithm.
pub fn check(
    settings: &Settings,
    [codes, vault]: [Option<KeyName>; 2],
    store: &dyn KeyStore,
) -> anyhow::Result<()> {
    let mut named = vec![
        ("keys.terminals".to_owned(), settings.terminals.base_key, KeyPurpose::Base),
        ("keys.token".to_owned(), settings.token_key, KeyPurpose::Token),
    ];
    named.extend(codes.map(|codes| ("keys.codes".to_owned(), codes, KeyPurpose::HandOverCode)));
    named.extend(vault.map(|vault| ("keys.vault".to_owned(), vault, KeyPurpose::DataKeys)));
    for network in &settings.networks {
        let mut name = |key, name, purpose| {
            named.push((format!("network `{}`, {key}", network.name), name, purpose));
        };
        name("mac_key", network.mac_key, KeyPurpose::Mac);
        name("pin_key", network.pin_key, KeyPurpose::PinEncryption);
        name("exchange_key", network.exchange_key, KeyPurpose::Exchange);
    }
    let listed = store.list()?;
    let wrong = |(key, name, purpose): &(String, KeyName, KeyPurpose)| {
        let why = flaw(&listed, *name, *purpose)?;
        Some(format!("{key} = \"{name}\": {why}"))
    };
    let wrong: Vec<String> = named.iter().filter_map(wrong).collect();
    ensure!(
        wrong.is_empty(),
        bilingual!(
            "keys are missing or wrong; make or import them with `doorstep keys --config` and \
             this file\n  {}",
            "密钥缺失或有误；请用 `doorstep keys --config` 和本文件生成或导入\n  {}",
            wrong.join("\n  ")
        )
    );
    Ok(())
}

/// The problem of a key, if any.
fn flaw(listed: &[KeyListing], name: KeyName, purpose: KeyPurpose) -> Option<String> {
    // The list starts with the newest generation.
    let Some(key) = listed.iter().find(|key| key.name == name) else {
        return Some(bilingual!(
            "it is not in the store; its purpose is {}",
            "密钥库中没有；其用途为 {}",
            purpose.name()
        ));
    };
    if key.purpose != purpose {
        let (is, must) = (key.purpose.name(), purpose.name());
        return Some(bilingual!(
            "its purpose is {is}, but must be {must}",
            "其用途为 {is}，须为 {must}"
        ));
    }
    let (fits, needs) = match purpose {
        KeyPurpose::Mac => (key.algorithm == keys::Algorithm::Tdes2, MacMethod::X9_19.needs()),
        KeyPurpose::PinEncryption => (!key.algorithm.is_aes(), PinFormat::Iso0.needs()),
        // The store allows one algorithm only.
        _ => (true, ""),
    };
    let needs = chinese::phrase(needs, Lang::current());
    (!fits).then(|| {
        bilingual!(
            "its algorithm is {}, but must be {needs}",
            "其算法为 {}，须为 {needs}",
            key.algorithm.name()
        )
    })
}

#[cfg(test)]
mod tests {
    use keys::Algorithm;

    use super::*;

    fn listing(purpose: KeyPurpose, algorithm: Algorithm) -> KeyListing {
        let store = keys::SoftwareStore::in_memory([]).unwrap();
        store.generate(KeyName::new("k").unwrap(), purpose, algorithm).unwrap()
    }

    fn of(purpose: KeyPurpose, listed: &[KeyListing]) -> Option<String> {
        flaw(listed, KeyName::new("k").unwrap(), purpose)
    }

    #[test]
    fn a_key_must_exist_with_its_purpose_and_algorithm() {
        let mac = listing(KeyPurpose::Mac, Algorithm::Tdes2);
        assert_eq!(of(KeyPurpose::Mac, std::slice::from_ref(&mac)), None);
        let says = |said: Option<String>, words: &str| assert_eq!(said.as_deref(), Some(words));
        says(of(KeyPurpose::Mac, &[]), "it is not in the store; its purpose is mac");
        says(of(KeyPurpose::PinEncryption, &[mac]), "its purpose is mac, but must be pin");
        let aes = listing(KeyPurpose::Mac, Algorithm::Aes128);
        says(
            of(KeyPurpose::Mac, &[aes]),
            "its algorithm is aes128, but must be a TDES key of 16 bytes",
        );
        let aes = listing(KeyPurpose::PinEncryption, Algorithm::Aes256);
        says(
            of(KeyPurpose::PinEncryption, &[aes]),
            "its algorithm is aes256, but must be a TDES key",
        );
    }
}

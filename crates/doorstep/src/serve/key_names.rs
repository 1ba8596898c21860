//! The keys that the settings name: all of them must be in the store before the first message.

use anyhow::ensure;
use keys::{KeyListing, KeyName, KeyStore, MacMethod, PinFormat, Purpose};
use switch::Settings;

/// Checks that each is there, and is what it has to be.
pub fn check(settings: &Settings, store: &dyn KeyStore) -> anyhow::Result<()> {
    let mut named = vec![
        ("keys.terminals".to_owned(), settings.terminals.base_key, Purpose::Base),
        ("keys.token".to_owned(), settings.token_key, Purpose::Token),
    ];
    for network in &settings.networks {
        let mut name = |key, name, purpose| {
            named.push((format!("network `{}`, {key}", network.name), name, purpose));
        };
        name("mac_key", network.mac_key, Purpose::Mac);
        name("pin_key", network.pin_key, Purpose::PinEncryption);
        name("exchange_key", network.exchange_key, Purpose::Exchange);
    }
    let listed = store.list()?;
    let wrong = |(key, name, purpose): &(String, KeyName, Purpose)| {
        let why = flaw(&listed, *name, *purpose)?;
        Some(format!("{key} = \"{name}\": {why}"))
    };
    let wrong: Vec<String> = named.iter().filter_map(wrong).collect();
    ensure!(
        wrong.is_empty(),
        "the keys are not as they must be; make or import them with `doorstep keys --config` and \
         this file\n  {}",
        wrong.join("\n  ")
    );
    Ok(())
}

/// What is wrong with a key, if something is.
fn flaw(listed: &[KeyListing], name: KeyName, purpose: Purpose) -> Option<String> {
    // The newest generation is the first.
    let Some(key) = listed.iter().find(|key| key.name == name) else {
        return Some(format!("it is not in the store; its purpose is {}", purpose.name()));
    };
    if key.purpose != purpose {
        let (is, must) = (key.purpose.name(), purpose.name());
        return Some(format!("its purpose is {is}, and must be {must}"));
    }
    let (fits, needs) = match purpose {
        Purpose::Mac => (key.algorithm == keys::Algorithm::Tdes2, MacMethod::X9_19.needs()),
        Purpose::PinEncryption => (!key.algorithm.is_aes(), PinFormat::Iso0.needs()),
        // The store itself has nothing else.
        _ => (true, ""),
    };
    (!fits).then(|| format!("it is {}, and must be {needs}", key.algorithm.name()))
}

#[cfg(test)]
mod tests {
    use keys::Algorithm;

    use super::*;

    fn listing(purpose: Purpose, algorithm: Algorithm) -> KeyListing {
        let store = keys::SoftwareStore::in_memory([]).unwrap();
        store.generate(KeyName::new("k").unwrap(), purpose, algorithm).unwrap()
    }

    fn of(purpose: Purpose, listed: &[KeyListing]) -> Option<String> {
        flaw(listed, KeyName::new("k").unwrap(), purpose)
    }

    #[test]
    fn a_key_is_there_for_its_purpose_and_of_its_algorithm() {
        let mac = listing(Purpose::Mac, Algorithm::Tdes2);
        assert_eq!(of(Purpose::Mac, std::slice::from_ref(&mac)), None);
        let says = |said: Option<String>, words: &str| assert_eq!(said.as_deref(), Some(words));
        says(of(Purpose::Mac, &[]), "it is not in the store; its purpose is mac");
        says(of(Purpose::PinEncryption, &[mac]), "its purpose is mac, and must be pin");
        let aes = listing(Purpose::Mac, Algorithm::Aes128);
        says(of(Purpose::Mac, &[aes]), "it is aes128, and must be a TDES key of 16 bytes");
        let aes = listing(Purpose::PinEncryption, Algorithm::Aes256);
        says(of(Purpose::PinEncryption, &[aes]), "it is aes256, and must be a TDES key");
    }
}

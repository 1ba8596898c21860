//! Keys of simulated terminals, derived from a base key that the switch has too, so that a fleet
//! needs only one key. This is for development: a real terminal gets a key of its own, injected as
//! a key block, and never holds the base key.

use keys::{
    AesKey, Algorithm, DerivedKey, Key, KeyBlockVersion, KeyError, KeyName, KeyPurpose,
    KeyReference, KeyStore, SoftwareStore, tr31,
};
use peers::terminal::TerminalKey;

pub struct TerminalKeys {
    store: SoftwareStore,
    exchange: AesKey,
    base_name: KeyName,
    exchange_name: KeyName,
    purpose: KeyPurpose,
}

impl TerminalKeys {
    /// Derives the keys from a base key: link keys for Doorstep's own dialect, or master keys for
    /// UnionPay's.
    pub fn derived(base: AesKey, purpose: KeyPurpose) -> Result<TerminalKeys, KeyError> {
        let base_name = KeyName::new("base")?;
        let exchange_name = KeyName::new("exchange")?;
        let Key::Aes(exchange) = Key::random(Algorithm::Aes256)? else {
            return Err(KeyError::InvalidKeyLength(0));
        };
        let kept = AesKey::new(exchange.expose())?;
        let store = SoftwareStore::in_memory([
            (base_name, KeyPurpose::Base, Key::Aes(base)),
            (exchange_name, KeyPurpose::Exchange, Key::Aes(kept)),
        ])?;
        Ok(TerminalKeys { store, exchange, base_name, exchange_name, purpose })
    }

    pub fn for_terminal(&self, terminal: u32) -> Result<TerminalKey, KeyError> {
        let derived = DerivedKey::new(self.base_name, self.purpose, u64::from(terminal), 1);
        let under = KeyReference::Stored(self.exchange_name);
        let block = self.store.export_block(&derived.into(), &under, KeyBlockVersion::D)?;
        Ok(match tr31::unwrap(&self.exchange, &block)? {
            (_, Key::Tdes(key)) => TerminalKey::Master(key),
            (_, Key::Aes(key)) => TerminalKey::Link(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_terminal_has_the_key_that_the_switch_derives_for_it() {
        let base = || AesKey::new(&[7; 32]).unwrap();
        for purpose in [KeyPurpose::TerminalLink, KeyPurpose::TerminalMaster] {
            let keys = TerminalKeys::derived(base(), purpose).unwrap();
            let key_of = |terminal| match keys.for_terminal(terminal).unwrap() {
                TerminalKey::Link(key) => (key.expose().to_vec(), key.check_value()),
                TerminalKey::Master(key) => (key.expose().to_vec(), key.check_value()),
            };
            let (one, check_value) = key_of(1);
            assert_eq!(one, key_of(1).0);
            assert_ne!(one, key_of(2).0);
            let name = KeyName::new("other-name").unwrap();
            let switch =
                SoftwareStore::in_memory([(name, KeyPurpose::Base, Key::Aes(base()))]).unwrap();
            let derived = DerivedKey::new(name, purpose, 1, 1);
            assert_eq!(switch.check_value(&derived.into()).unwrap(), check_value);
        }
    }
}

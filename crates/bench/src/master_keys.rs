//! Master keys of simulated terminals, derived from a base key that the switch has too, so that a
//! fleet needs only one key. This is for development: a real terminal gets a key of its own, loaded
//! by two people, and never holds the base key.

use keys::{
    AesKey, Algorithm, DerivedKey, Key, KeyBlockVersion, KeyError, KeyName, KeyPurpose,
    KeyReference, KeyStore, SoftwareStore, TdesKey, tr31,
};

pub struct MasterKeys {
    store: SoftwareStore,
    exchange: AesKey,
    base_name: KeyName,
    exchange_name: KeyName,
    generation: u32,
}

impl MasterKeys {
    /// Derives the keys from a base key. `generation` must be the working keys' generation in the
    /// switch's settings.
    pub fn derived(base: AesKey, generation: u32) -> Result<MasterKeys, KeyError> {
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
        Ok(MasterKeys { store, exchange, base_name, exchange_name, generation })
    }

    pub fn for_terminal(&self, terminal: u32) -> Result<TdesKey, KeyError> {
        let purpose = KeyPurpose::TerminalMaster;
        let derived =
            DerivedKey::new(self.base_name, purpose, u64::from(terminal), self.generation);
        let under = KeyReference::Stored(self.exchange_name);
        let block = self.store.export_block(&derived.into(), &under, KeyBlockVersion::D)?;
        match tr31::unwrap(&self.exchange, &block)? {
            (_, Key::Tdes(key)) => Ok(key),
            (_, Key::Aes(_)) => Err(KeyError::InvalidKeyLength(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_terminal_has_the_key_that_the_switch_derives_for_it() {
        let base = || AesKey::new(&[7; 32]).unwrap();
        let keys = MasterKeys::derived(base(), 0).unwrap();
        let one = keys.for_terminal(1).unwrap();
        assert_eq!(one.expose(), keys.for_terminal(1).unwrap().expose());
        assert_ne!(one.expose(), keys.for_terminal(2).unwrap().expose());
        let next = MasterKeys::derived(base(), 1).unwrap();
        assert_ne!(one.expose(), next.for_terminal(1).unwrap().expose());
        let name = KeyName::new("other-name").unwrap();
        let switch =
            SoftwareStore::in_memory([(name, KeyPurpose::Base, Key::Aes(base()))]).unwrap();
        let derived = DerivedKey::new(name, KeyPurpose::TerminalMaster, 1, 0);
        assert_eq!(switch.check_value(&derived.into()).unwrap(), one.check_value());
    }
}

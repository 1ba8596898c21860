//! Master keys of terminals that have none of their own: derived from a base key that the switch
//! has, too. A fleet for development needs one key then; a real terminal is given its own by two
//! people and never has the base key near it.

use keys::{
    AesKey, Algorithm, BlockVersion, Derived, Key, KeyError, KeyName, KeyRef, KeyStore, Purpose,
    SoftwareStore, TdesKey, tr31,
};

/// Master keys by the number of the terminal.
pub struct MasterKeys {
    store: SoftwareStore,
    exchange: AesKey,
    base_name: KeyName,
    exchange_name: KeyName,
    generation: u32,
}

impl MasterKeys {
    /// The master keys under a base key; `generation` is that of the working keys in the switch's
    /// settings.
    ///
    /// # Errors
    /// Where the machine has no chance to give.
    pub fn derived(base: AesKey, generation: u32) -> Result<MasterKeys, KeyError> {
        let base_name = KeyName::new("base")?;
        let exchange_name = KeyName::new("exchange")?;
        let Key::Aes(exchange) = Key::random(Algorithm::Aes256)? else {
            return Err(KeyError::KeyBytes(0));
        };
        let kept = AesKey::new(exchange.expose())?;
        let store = SoftwareStore::in_memory([
            (base_name, Purpose::Base, Key::Aes(base)),
            (exchange_name, Purpose::Exchange, Key::Aes(kept)),
        ])?;
        Ok(MasterKeys { store, exchange, base_name, exchange_name, generation })
    }

    /// The master key of a terminal.
    ///
    /// # Errors
    /// None that depends on the number.
    pub fn of(&self, terminal: u32) -> Result<TdesKey, KeyError> {
        let purpose = Purpose::TerminalMaster;
        let derived = Derived::new(self.base_name, purpose, u64::from(terminal), self.generation);
        let under = KeyRef::Stored(self.exchange_name);
        let block = self.store.export_block(&derived.into(), &under, BlockVersion::D)?;
        match tr31::unwrap(&self.exchange, &block)? {
            (_, Key::Tdes(key)) => Ok(key),
            (_, Key::Aes(_)) => Err(KeyError::KeyBytes(0)),
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
        let one = keys.of(1).unwrap();
        assert_eq!(one.expose(), keys.of(1).unwrap().expose());
        assert_ne!(one.expose(), keys.of(2).unwrap().expose());
        let next = MasterKeys::derived(base(), 1).unwrap();
        assert_ne!(one.expose(), next.of(1).unwrap().expose());
        let name = KeyName::new("other-name").unwrap();
        let switch = SoftwareStore::in_memory([(name, Purpose::Base, Key::Aes(base()))]).unwrap();
        let derived = Derived::new(name, Purpose::TerminalMaster, 1, 0);
        assert_eq!(switch.check_value(&derived.into()).unwrap(), one.check_value());
    }
}

//! The keys of a day's terminals and networks, made by chance from its seed.

use std::sync::Arc;

use keys::{AesKey, Key, KeyError, KeyName, KeyStore, Purpose, SoftwareStore, TdesKey};
use zeroize::Zeroizing;

use crate::chance::{Chance, Theme};

/// Under which the switch derives terminals' working keys.
pub(super) const BASE: &str = "door/base";
/// Under which the switch makes tokens of cards.
pub(super) const TOKEN: &str = "door/token";

/// A network's own copies of its keys.
pub(super) struct NetworkKeys {
    pub exchange: AesKey,
    pub mac: TdesKey,
    pub pin: TdesKey,
}

/// All keys of a day.
pub(super) struct Secrets {
    /// The switch's.
    pub store: Arc<dyn KeyStore>,
    /// The networks', by place.
    pub networks: Vec<NetworkKeys>,
    /// The terminals' master keys, by place.
    pub terminals: Vec<TdesKey>,
}

impl Secrets {
    /// Keys for networks by name and terminals by number.
    pub(super) fn make(
        seed: u64,
        networks: &[&str],
        terminals: &[u32],
    ) -> Result<Secrets, KeyError> {
        let mut chance = Chance::new(seed, Theme::Keys, 0);
        let mut stored = Vec::with_capacity(terminals.len() + 3 * networks.len() + 2);
        for (name, purpose) in [(BASE, Purpose::Base), (TOKEN, Purpose::Token)] {
            stored.push((KeyName::new(name)?, purpose, Key::Aes(aes(&mut chance)?)));
        }
        let mut of_networks = Vec::new();
        for name in networks {
            let (exchange, mac, pin) = (aes(&mut chance)?, tdes(&mut chance)?, tdes(&mut chance)?);
            let kept = [
                ("exchange", Purpose::Exchange, Key::Aes(exchange.clone())),
                ("mac", Purpose::Mac, Key::Tdes(mac.clone())),
                ("pin", Purpose::PinEncryption, Key::Tdes(pin.clone())),
            ];
            for (what, purpose, key) in kept {
                stored.push((of_network(name, what)?, purpose, key));
            }
            of_networks.push(NetworkKeys { exchange, mac, pin });
        }
        let mut of_terminals = Vec::with_capacity(terminals.len());
        for number in terminals {
            let master = tdes(&mut chance)?;
            let name = KeyName::of_terminal(&format!("{number:08}"))?;
            stored.push((name, Purpose::TerminalMaster, Key::Tdes(master.clone())));
            of_terminals.push(master);
        }
        let store = Arc::new(SoftwareStore::in_memory(stored)?);
        Ok(Secrets { store, networks: of_networks, terminals: of_terminals })
    }
}

/// The name of a network's key.
pub(super) fn of_network(network: &str, what: &str) -> Result<KeyName, KeyError> {
    KeyName::new(&format!("{network}/{what}"))
}

fn sixteen(chance: &mut Chance) -> Zeroizing<[u8; 16]> {
    let mut bytes = Zeroizing::new([0; 16]);
    for byte in bytes.iter_mut() {
        *byte = u8::try_from(chance.below(256)).unwrap_or(0);
    }
    bytes
}

fn aes(chance: &mut Chance) -> Result<AesKey, KeyError> {
    AesKey::new(&*sixteen(chance))
}

/// Of odd parity, as DES keys are.
fn tdes(chance: &mut Chance) -> Result<TdesKey, KeyError> {
    let mut bytes = sixteen(chance);
    for byte in bytes.iter_mut() {
        *byte ^= u8::from(byte.count_ones() % 2 == 0);
    }
    TdesKey::new(&*bytes)
}

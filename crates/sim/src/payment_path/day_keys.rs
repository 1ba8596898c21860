//! The keys of a day's terminals and networks, derived from its seed.

use std::sync::Arc;

use keys::{AesKey, Key, KeyError, KeyName, KeyPurpose, KeyStore, SoftwareStore, TdesKey};
use zeroize::Zeroizing;

use crate::chance::{Chance, ChancePurpose};

/// Name of the base key from which the switch derives keys of terminals that have none.
pub(super) const BASE_KEY_NAME: &str = "door/base";
/// Name of the key with which the switch makes card tokens.
pub(super) const TOKEN_KEY_NAME: &str = "door/token";

/// The network's copies of its keys.
pub(super) struct NetworkKeys {
    pub exchange: AesKey,
    pub mac: TdesKey,
    pub pin: TdesKey,
}

pub(super) struct DayKeys {
    /// The switch's keys.
    pub store: Arc<dyn KeyStore>,
    /// By network index.
    pub networks: Vec<NetworkKeys>,
    /// The terminals' link keys, by courier index.
    pub terminals: Vec<AesKey>,
}

impl DayKeys {
    /// Makes keys for networks given by name and terminals given by number.
    pub(super) fn make(
        seed: u64,
        networks: &[&str],
        terminals: &[u32],
    ) -> Result<DayKeys, KeyError> {
        let mut chance = Chance::new(seed, ChancePurpose::Keys, 0);
        let mut stored = Vec::with_capacity(terminals.len() + 3 * networks.len() + 2);
        for (name, purpose) in
            [(BASE_KEY_NAME, KeyPurpose::Base), (TOKEN_KEY_NAME, KeyPurpose::Token)]
        {
            stored.push((KeyName::new(name)?, purpose, Key::Aes(aes(&mut chance)?)));
        }
        let mut of_networks = Vec::new();
        for name in networks {
            let (exchange, mac, pin) = (aes(&mut chance)?, tdes(&mut chance)?, tdes(&mut chance)?);
            let kept = [
                ("exchange", KeyPurpose::Exchange, Key::Aes(exchange.clone())),
                ("mac", KeyPurpose::Mac, Key::Tdes(mac.clone())),
                ("pin", KeyPurpose::PinEncryption, Key::Tdes(pin.clone())),
            ];
            for (what, purpose, key) in kept {
                stored.push((network_key_name(name, what)?, purpose, key));
            }
            of_networks.push(NetworkKeys { exchange, mac, pin });
        }
        let mut of_terminals = Vec::with_capacity(terminals.len());
        for number in terminals {
            let link = aes(&mut chance)?;
            let name = KeyName::of_terminal(&format!("{number:08}"))?;
            stored.push((name, KeyPurpose::TerminalLink, Key::Aes(link.clone())));
            of_terminals.push(link);
        }
        let store = Arc::new(SoftwareStore::in_memory(stored)?);
        Ok(DayKeys { store, networks: of_networks, terminals: of_terminals })
    }
}

pub(super) fn network_key_name(network: &str, what: &str) -> Result<KeyName, KeyError> {
    KeyName::new(&format!("{network}/{what}"))
}

fn random_key_bytes(chance: &mut Chance) -> Zeroizing<[u8; 16]> {
    let mut bytes = Zeroizing::new([0; 16]);
    for byte in bytes.iter_mut() {
        *byte = u8::try_from(chance.below(256)).unwrap_or(0);
    }
    bytes
}

fn aes(chance: &mut Chance) -> Result<AesKey, KeyError> {
    AesKey::new(&*random_key_bytes(chance))
}

/// Each byte has odd parity, as in every DES key.
fn tdes(chance: &mut Chance) -> Result<TdesKey, KeyError> {
    let mut bytes = random_key_bytes(chance);
    for byte in bytes.iter_mut() {
        *byte ^= u8::from(byte.count_ones() % 2 == 0);
    }
    TdesKey::new(&*bytes)
}

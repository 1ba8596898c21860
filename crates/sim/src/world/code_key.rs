//! The key of the hubs' one-time codes.

use books::{CodeMac, HandOverId};
use keys::{AesKey, Key, KeyName, KeyPurpose, KeyReference, KeyStore, SoftwareStore};

use crate::chance::{Chance, ChancePurpose};

const KEY_NAME: &str = "hub/codes";
/// The terminals' and networks' keys are drawn from stream 0.
const STREAM: u64 = 1;

/// A key store with the key under which the hubs compute the MACs of one-time codes.
pub(crate) struct CodeKey {
    store: SoftwareStore,
    key: KeyReference,
}

impl CodeKey {
    pub(crate) fn of_day(seed: u64) -> CodeKey {
        let mut chance = Chance::new(seed, ChancePurpose::Keys, STREAM);
        let bytes: [u8; 16] =
            std::array::from_fn(|_| u8::try_from(chance.below(256)).expect("below 256"));
        let name = KeyName::new(KEY_NAME).expect("a good name");
        let key = Key::Aes(AesKey::new(&bytes).expect("sixteen bytes"));
        let store = SoftwareStore::in_memory([(name, KeyPurpose::HandOverCode, key)]);
        CodeKey { store: store.expect("one AES key"), key: KeyReference::Stored(name) }
    }

    pub(crate) fn mac(&self, handover: HandOverId, code: u32) -> CodeMac {
        let mac = self.store.code_mac(&self.key, handover.0, code);
        CodeMac(mac.expect("the store has the key"))
    }
}

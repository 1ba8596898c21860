//! The operations that are the same for every key store.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::component::Component;
use crate::data_key::DATA_KEY_BYTES;
use crate::data_key::WrappedDataKey;
use crate::derive::derive;
use crate::dukpt;
use crate::error::KeyError;
use crate::key::Key;
use crate::key_reference::{DukptKey, KeyReference, KeySerialNumber};
use crate::mac::{self, MacMethod};
use crate::name::KeyName;
use crate::pan::Pan;
use crate::pin::{self, PinBlock, PinFormat};
use crate::purpose::KeyPurpose;
use crate::session::{self, SessionKeys, SessionRandom, SignOnRequest};
use crate::sign_on::{self, SIGN_ON_FIELD_BYTES};
use crate::store::key_storage::{
    AddMode, GenerationSelector, KeyStorage, NewKey, StoredKey, UsableKey,
};
use crate::store::purposes::{
    KeyOperation, algorithm_letter, check_algorithm, check_header, usage_and_mode,
};
use crate::store::{ImportOutcome, KeyListing, KeyStore};
use crate::tr31::{self, KeyBlockError, KeyBlockHeader, KeyBlockVersion};

/// A key whose purpose allows the operation, with the generation of the stored key or base key.
struct Opened<S> {
    key: UsableKey<S>,
    purpose: KeyPurpose,
    generation: u32,
}

const fn name_and_generation(key: &KeyReference) -> (&KeyName, GenerationSelector) {
    match key {
        KeyReference::Stored(name) => (name, GenerationSelector::Newest),
        KeyReference::Generation(name, generation) => {
            (name, GenerationSelector::Exact(*generation))
        }
        KeyReference::Derived(derived) => (&derived.base, GenerationSelector::Newest),
        KeyReference::Dukpt(dukpt) => (&dukpt.base, GenerationSelector::Newest),
    }
}

fn open<V: KeyStorage>(
    vault: &V,
    key: &KeyReference,
    usage: KeyOperation,
) -> Result<Opened<V::Stored>, KeyError> {
    let (_, which) = name_and_generation(key);
    open_which(vault, key, usage, which)
}

fn open_which<V: KeyStorage>(
    vault: &V,
    key: &KeyReference,
    usage: KeyOperation,
    which: GenerationSelector,
) -> Result<Opened<V::Stored>, KeyError> {
    let (name, _) = name_and_generation(key);
    let found = vault.find(name, which)?;
    let base_of = |wanted: KeyPurpose| {
        if found.purpose == wanted {
            Ok(())
        } else {
            Err(KeyError::WrongPurpose { purpose: found.purpose, wanted: "deriving other keys" })
        }
    };
    match key {
        KeyReference::Stored(_) | KeyReference::Generation(..) => {
            usage.check(found.purpose)?;
            let StoredKey { key, purpose, generation } = found;
            Ok(Opened { key: UsableKey::Stored(key), purpose, generation })
        }
        KeyReference::Derived(derived) => {
            usage.check(derived.purpose)?;
            base_of(KeyPurpose::Base)?;
            let key = UsableKey::Derived(derive(&found.key, derived)?);
            Ok(Opened { key, purpose: derived.purpose, generation: found.generation })
        }
        KeyReference::Dukpt(of) => {
            base_of(KeyPurpose::Dukpt)?;
            let (key, purpose) = transaction_key(&found.key, of, usage)?;
            Ok(Opened { key: UsableKey::Derived(key), purpose, generation: found.generation })
        }
    }
}

/// Derives the working key of a DUKPT terminal's transaction.
fn transaction_key(
    base: &impl Cipher,
    of: &DukptKey,
    usage: KeyOperation,
) -> Result<(Key, KeyPurpose), KeyError> {
    use dukpt::aes::WorkingKeyUsage;
    let refused = || usage.check(KeyPurpose::Dukpt).err();
    let no_sending =
        KeyError::WrongPurpose { purpose: KeyPurpose::Dukpt, wanted: "sending PINs or keys" };
    let purpose = match usage {
        KeyOperation::ComputeMac | KeyOperation::CheckMac => KeyPurpose::Mac,
        _ => return Err(refused().unwrap_or(no_sending)),
    };
    let key = match of.serial {
        KeySerialNumber::Tdes(serial) => {
            let initial = dukpt::tdes::initial_key(base, serial)?;
            let transaction = dukpt::tdes::transaction_key(&initial, serial)?;
            Key::Tdes(match usage {
                KeyOperation::ComputeMac => transaction.response_mac_key()?,
                _ => transaction.request_mac_key()?,
            })
        }
        KeySerialNumber::Aes(serial) => {
            let initial = dukpt::aes::initial_key(base, serial)?;
            let transaction = dukpt::aes::transaction_key(&initial, serial)?;
            let usage = match usage {
                KeyOperation::ComputeMac => WorkingKeyUsage::MacVerification,
                _ => WorkingKeyUsage::MacGeneration,
            };
            transaction.working_key(usage, initial.algorithm())?
        }
    };
    Ok((key, purpose))
}

/// Tries the newest generation, then the older ones, until `attempt` succeeds. Tries only the given
/// generation of [`KeyReference::Generation`].
fn try_generations<V: KeyStorage, T>(
    vault: &V,
    key: &KeyReference,
    usage: KeyOperation,
    attempt: impl Fn(&UsableKey<V::Stored>) -> Result<Option<T>, KeyError>,
) -> Result<Option<T>, KeyError> {
    let (_, mut which) = name_and_generation(key);
    let pinned = matches!(which, GenerationSelector::Exact(_));
    loop {
        let opened = match open_which(vault, key, usage, which) {
            Err(KeyError::NoSuchGeneration { .. })
                if matches!(which, GenerationSelector::OlderThan(_)) =>
            {
                return Ok(None);
            }
            opened => opened?,
        };
        let found = attempt(&opened.key)?;
        if found.is_some() || pinned {
            return Ok(found);
        }
        which = GenerationSelector::OlderThan(opened.generation);
    }
}

fn extract<V: KeyStorage>(vault: &V, key: &UsableKey<V::Stored>) -> Result<Key, KeyError> {
    match key {
        UsableKey::Stored(stored) => vault.extract(stored),
        UsableKey::Derived(key) => Ok(key.clone()),
    }
}

/// Terminals and networks expect TDES working keys, encrypted under TDES.
fn check_tdes(purpose: KeyPurpose, algorithm: Algorithm) -> Result<(), KeyError> {
    if algorithm.is_aes() { Err(KeyError::WrongAlgorithm { purpose, algorithm }) } else { Ok(()) }
}

impl<V: KeyStorage> KeyStore for V {
    fn mac(
        &self,
        key: &KeyReference,
        method: MacMethod,
        message: &[u8],
    ) -> Result<[u8; 8], KeyError> {
        mac::compute(method, &open(self, key, KeyOperation::ComputeMac)?.key, message)
    }

    fn macs(
        &self,
        key: &KeyReference,
        method: MacMethod,
        messages: &[&[u8]],
    ) -> Result<Vec<[u8; 8]>, KeyError> {
        mac::compute_all(method, &open(self, key, KeyOperation::ComputeMac)?.key, messages)
    }

    fn check_mac(
        &self,
        key: &KeyReference,
        method: MacMethod,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, KeyError> {
        let matched = try_generations(self, key, KeyOperation::CheckMac, |key| {
            Ok(mac::check(method, key, message, mac)?.then_some(()))
        })?;
        Ok(matched.is_some())
    }

    fn check_macs(
        &self,
        key: &KeyReference,
        method: MacMethod,
        messages: &[(&[u8], [u8; 8])],
    ) -> Result<Vec<bool>, KeyError> {
        let key = open(self, key, KeyOperation::CheckMac)?.key;
        let covered: Vec<&[u8]> = messages.iter().map(|(covered, _)| *covered).collect();
        let computed = Zeroizing::new(mac::compute_all(method, &key, &covered)?);
        let pairs = computed.iter().zip(messages);
        Ok(pairs.map(|(ours, (_, theirs))| ours.ct_eq(theirs).into()).collect())
    }

    fn open_session(
        &self,
        link_key: &KeyReference,
        request: &SignOnRequest<'_>,
    ) -> Result<Option<(SessionKeys, SessionRandom)>, KeyError> {
        try_generations(self, link_key, KeyOperation::OpenSession, |key| {
            session::open_session(key, request)
        })
    }

    fn issue_session(
        &self,
        terminal_master: &KeyReference,
        method: MacMethod,
    ) -> Result<(SessionKeys, [u8; SIGN_ON_FIELD_BYTES]), KeyError> {
        let under = open(self, terminal_master, KeyOperation::WrapWorkingKey)?;
        check_tdes(under.purpose, under.key.algorithm())?;
        let pin_key = Key::random(Algorithm::Tdes2)?;
        let double = method == MacMethod::X9_19;
        let mac_key = Key::random(if double { Algorithm::Tdes2 } else { Algorithm::Des })?;
        let field = sign_on::issue(&under.key, &pin_key, &mac_key)?;
        Ok((SessionKeys::tdes(&pin_key, &mac_key, method)?, field))
    }

    fn translate_session_pin(
        &self,
        from: &SessionKeys,
        to: &KeyReference,
        to_format: PinFormat,
        pan: &Pan,
        block: &PinBlock,
    ) -> Result<PinBlock, KeyError> {
        let format = from.pin_format();
        if !format.may_translate_to(to_format) {
            return Err(KeyError::ForbiddenTranslation { from: format, to: to_format });
        }
        let opened = open(self, to, KeyOperation::EncryptPin)?;
        pin::encrypt_block(&from.decrypt_pin(block, pan)?, to_format, pan, &opened.key)
    }

    fn token(&self, key: &KeyReference, pan: &Pan) -> Result<u64, KeyError> {
        let opened = open(self, key, KeyOperation::ComputeToken)?;
        let [a, b, c, d, e, f, g, h, ..] = opened.key.cmac(pan.expose())?;
        Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    fn code_mac(
        &self,
        key: &KeyReference,
        hand_over: u64,
        code: u32,
    ) -> Result<[u8; 16], KeyError> {
        let opened = open(self, key, KeyOperation::ComputeCodeMac)?;
        let mut message = Zeroizing::new([0; 12]);
        message[..8].copy_from_slice(&hand_over.to_be_bytes());
        message[8..].copy_from_slice(&code.to_be_bytes());
        opened.key.cmac(message.as_slice())
    }

    fn wrap_data_key(
        &self,
        under: &KeyReference,
        data_key: &[u8; DATA_KEY_BYTES],
    ) -> Result<WrappedDataKey, KeyError> {
        open(self, under, KeyOperation::WrapDataKey)?.key.wrap_data_key(data_key)
    }

    fn unwrap_data_key(
        &self,
        under: &KeyReference,
        wrapped: &WrappedDataKey,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, KeyError> {
        let unwrapped = try_generations(self, under, KeyOperation::WrapDataKey, |under| {
            under.unwrap_data_key(wrapped)
        })?;
        unwrapped.ok_or(KeyError::WrongWrappedDataKey)
    }

    fn export_block(
        &self,
        key: &KeyReference,
        under: &KeyReference,
        version: KeyBlockVersion,
    ) -> Result<String, KeyError> {
        let under = open(self, under, KeyOperation::ExchangeKeys)?;
        let opened = open(self, key, KeyOperation::ExportKeyBlock)?;
        let key = extract(self, &opened.key)?;
        let (usage, mode) = usage_and_mode(opened.purpose, key.algorithm());
        let header = KeyBlockHeader {
            version,
            usage,
            algorithm: algorithm_letter(key.algorithm()),
            mode,
            key_version: *b"00",
            exportability: b'E',
            optional: Vec::new(),
        };
        tr31::wrap(&under.key, &header, &key)
    }

    fn import_block(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        under: &KeyReference,
        block: &str,
    ) -> Result<ImportOutcome, KeyError> {
        let unwrapped = try_generations(self, under, KeyOperation::ExchangeKeys, |under| {
            match tr31::unwrap(under, block) {
                Err(KeyError::KeyBlock(KeyBlockError::WrongMac)) => Ok(None),
                unwrapped => unwrapped.map(Some),
            }
        })?;
        let (header, key) = unwrapped.ok_or(KeyError::KeyBlock(KeyBlockError::WrongMac))?;
        check_header(&header, purpose, key.algorithm())?;
        check_algorithm(purpose, key.algorithm())?;
        self.add_key(name, purpose, AddMode::NewNameOrNextGeneration, NewKey::Provided(key))
    }

    fn generate(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        algorithm: Algorithm,
    ) -> Result<KeyListing, KeyError> {
        check_algorithm(purpose, algorithm)?;
        Ok(self.add_key(name, purpose, AddMode::NewName, NewKey::Random(algorithm))?.listing())
    }

    fn import_components(
        &self,
        name: KeyName,
        purpose: KeyPurpose,
        algorithm: Algorithm,
        components: &[Component],
    ) -> Result<KeyListing, KeyError> {
        check_algorithm(purpose, algorithm)?;
        let key = Component::combine(components, algorithm)?;
        Ok(self.add_key(name, purpose, AddMode::NewName, NewKey::Provided(key))?.listing())
    }

    fn rotate(&self, name: KeyName) -> Result<KeyListing, KeyError> {
        let newest = self.find(&name, GenerationSelector::Newest)?;
        let key = NewKey::Random(newest.key.algorithm());
        Ok(self.add_key(name, newest.purpose, AddMode::NextGeneration, key)?.listing())
    }

    fn rotate_to_components(
        &self,
        name: KeyName,
        components: &[Component],
    ) -> Result<KeyListing, KeyError> {
        let newest = self.find(&name, GenerationSelector::Newest)?;
        let key = Component::combine(components, newest.key.algorithm())?;
        Ok(self
            .add_key(name, newest.purpose, AddMode::NextGeneration, NewKey::Provided(key))?
            .listing())
    }

    fn drop_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        let newest = self.find(&name, GenerationSelector::Newest)?.generation;
        if newest == generation {
            return Err(KeyError::NewestGeneration { name, generation });
        }
        self.retire_generation(name, generation)
    }

    fn list(&self) -> Result<Vec<KeyListing>, KeyError> {
        self.listings()
    }

    fn check_value(&self, key: &KeyReference) -> Result<CheckValue, KeyError> {
        Cipher::check_value(&open(self, key, KeyOperation::ShowCheckValue)?.key)
    }

    fn reload(&self) -> Result<(), KeyError> {
        self.refresh()
    }
}

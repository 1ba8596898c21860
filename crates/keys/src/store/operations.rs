//! What every key store does, whatever its vault.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::component::Component;
use crate::derive::derive;
use crate::dukpt;
use crate::error::KeyError;
use crate::key::{Algorithm, Key, TdesKey};
use crate::mac::{self, MacMethod};
use crate::name::KeyName;
use crate::pan::Pan;
use crate::pin::{self, Pin, PinBlock, PinFormat};
use crate::reference::{Dukpt, KeyRef, KeySerial, Purpose};
use crate::store::purposes::{Use, check_algorithm, check_header, letter, usage_and_mode};
use crate::store::vault::{Found, NewKey, Place, Usable, Vault, Which};
use crate::store::{Imported, KeyListing, KeyStore, WrappedKey};
use crate::tr31::{self, BlockError, BlockVersion, Header};

/// A key that can be used so, and the generation of the stored key that it is or comes from.
struct Opened<S> {
    key: Usable<S>,
    purpose: Purpose,
    generation: u32,
}

const fn name_and_generation(key: &KeyRef) -> (&KeyName, Which) {
    match key {
        KeyRef::Stored(name) => (name, Which::Newest),
        KeyRef::Generation(name, generation) => (name, Which::Exactly(*generation)),
        KeyRef::Derived(derived) => (&derived.base, Which::Newest),
        KeyRef::Dukpt(dukpt) => (&dukpt.base, Which::Newest),
    }
}

fn open<V: Vault>(vault: &V, key: &KeyRef, usage: Use) -> Result<Opened<V::Stored>, KeyError> {
    let (_, which) = name_and_generation(key);
    open_which(vault, key, usage, which)
}

fn open_which<V: Vault>(
    vault: &V,
    key: &KeyRef,
    usage: Use,
    which: Which,
) -> Result<Opened<V::Stored>, KeyError> {
    let (name, _) = name_and_generation(key);
    let found = vault.find(name, which)?;
    let base_of = |wanted: Purpose| {
        let words = "deriving other keys";
        if found.purpose == wanted {
            Ok(())
        } else {
            Err(KeyError::Purpose { purpose: found.purpose, wanted: words })
        }
    };
    match key {
        KeyRef::Stored(_) | KeyRef::Generation(..) => {
            usage.check(found.purpose)?;
            let Found { key, purpose, generation } = found;
            Ok(Opened { key: Usable::Stored(key), purpose, generation })
        }
        KeyRef::Derived(derived) => {
            usage.check(derived.purpose)?;
            base_of(Purpose::Base)?;
            let key = Usable::Made(derive(&found.key, derived)?);
            Ok(Opened { key, purpose: derived.purpose, generation: found.generation })
        }
        KeyRef::Dukpt(of) => {
            base_of(Purpose::Dukpt)?;
            let (key, purpose) = transaction_key(&found.key, of, usage)?;
            Ok(Opened { key: Usable::Made(key), purpose, generation: found.generation })
        }
    }
}

/// The working key of a DUKPT terminal's transaction.
fn transaction_key(base: &impl Cipher, of: &Dukpt, usage: Use) -> Result<(Key, Purpose), KeyError> {
    use dukpt::aes::Usage;
    let refused = || usage.check(Purpose::Dukpt).err();
    let not_so = KeyError::Purpose { purpose: Purpose::Dukpt, wanted: "sending PINs or keys" };
    let purpose = match usage {
        Use::MacMake | Use::MacCheck => Purpose::Mac,
        Use::PinDecrypt => Purpose::PinEncryption,
        _ => return Err(refused().unwrap_or(not_so)),
    };
    let key = match of.serial {
        KeySerial::Tdes(serial) => {
            let initial = dukpt::tdes::initial_key(base, serial)?;
            let transaction = dukpt::tdes::transaction_key(&initial, serial)?;
            Key::Tdes(match usage {
                Use::MacMake => transaction.response_mac_key()?,
                Use::MacCheck => transaction.request_mac_key()?,
                _ => transaction.pin_key()?,
            })
        }
        KeySerial::Aes(serial) => {
            let initial = dukpt::aes::initial_key(base, serial)?;
            let transaction = dukpt::aes::transaction_key(&initial, serial)?;
            let usage = match usage {
                Use::MacMake => Usage::MacVerification,
                Use::MacCheck => Usage::MacGeneration,
                _ => Usage::Pin,
            };
            transaction.working_key(usage, initial.algorithm())?
        }
    };
    Ok((key, purpose))
}

/// Tries the newest generation, then the older ones, until one fits. A pinned generation is the
/// only one.
fn first_fit<V: Vault, T>(
    vault: &V,
    key: &KeyRef,
    usage: Use,
    fit: impl Fn(&Usable<V::Stored>) -> Result<Option<T>, KeyError>,
) -> Result<Option<T>, KeyError> {
    let (_, mut which) = name_and_generation(key);
    let pinned = matches!(which, Which::Exactly(_));
    loop {
        let opened = match open_which(vault, key, usage, which) {
            Err(KeyError::NoSuchGeneration { .. }) if matches!(which, Which::Before(_)) => {
                return Ok(None);
            }
            opened => opened?,
        };
        let found = fit(&opened.key)?;
        if found.is_some() || pinned {
            return Ok(found);
        }
        which = Which::Before(opened.generation);
    }
}

fn take_out<V: Vault>(vault: &V, key: &Usable<V::Stored>) -> Result<Key, KeyError> {
    match key {
        Usable::Stored(stored) => vault.take_out(stored),
        Usable::Made(key) => Ok(key.clone()),
    }
}

/// Working keys travel under TDES, as terminals and networks take them.
fn check_tdes(purpose: Purpose, algorithm: Algorithm) -> Result<(), KeyError> {
    if algorithm.is_aes() { Err(KeyError::Algorithm { purpose, algorithm }) } else { Ok(()) }
}

impl<V: Vault> KeyStore for V {
    fn mac(&self, key: &KeyRef, method: MacMethod, message: &[u8]) -> Result<[u8; 8], KeyError> {
        mac::compute(method, &open(self, key, Use::MacMake)?.key, message)
    }

    fn check_mac(
        &self,
        key: &KeyRef,
        method: MacMethod,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, KeyError> {
        let fits = first_fit(self, key, Use::MacCheck, |key| {
            Ok(mac::check(method, key, message, mac)?.then_some(()))
        })?;
        Ok(fits.is_some())
    }

    fn translate_pin(
        &self,
        from: &KeyRef,
        from_format: PinFormat,
        to: &KeyRef,
        to_format: PinFormat,
        pan: &Pan,
        block: &PinBlock,
    ) -> Result<PinBlock, KeyError> {
        if !from_format.may_become(to_format) {
            return Err(KeyError::Translation { from: from_format, to: to_format });
        }
        let to = open(self, to, Use::PinEncrypt)?;
        let pin: Option<Pin> = first_fit(self, from, Use::PinDecrypt, |key| {
            match pin::open(block, from_format, pan, key) {
                Ok(pin) => Ok(Some(pin)),
                Err(KeyError::PinBlock) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        pin::encrypt_block(&pin.ok_or(KeyError::PinBlock)?, to_format, pan, &to.key)
    }

    fn token(&self, key: &KeyRef, pan: &Pan) -> Result<u64, KeyError> {
        let opened = open(self, key, Use::Token)?;
        let [a, b, c, d, e, f, g, h, ..] = opened.key.cmac(pan.expose())?;
        Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    fn wrap_working_key(&self, key: &KeyRef, under: &KeyRef) -> Result<WrappedKey, KeyError> {
        let under = open(self, under, Use::WrapUnder)?;
        let opened = open(self, key, Use::Wrapped)?;
        check_tdes(under.purpose, under.key.algorithm())?;
        check_tdes(opened.purpose, opened.key.algorithm())?;
        let key = take_out(self, &opened.key)?;
        let mut bytes = Zeroizing::new(key.expose().to_vec());
        under.key.encrypt(&mut bytes)?;
        WrappedKey::new(&bytes, key.check_value().four_bytes())
    }

    fn import_wrapped(
        &self,
        name: KeyName,
        purpose: Purpose,
        under: &KeyRef,
        wrapped: &WrappedKey,
    ) -> Result<Imported, KeyError> {
        Use::Wrapped.check(purpose)?;
        let key = first_fit(self, under, Use::ExchangeUnder, |under| {
            check_tdes(Purpose::Exchange, under.algorithm())?;
            let mut bytes = Zeroizing::new(wrapped.encrypted().to_vec());
            under.decrypt(&mut bytes)?;
            let key = TdesKey::new(&bytes)?;
            let check_value = key.check_value().four_bytes();
            let fits: bool = check_value.ct_eq(&wrapped.check_value()).into();
            Ok(fits.then_some(Key::Tdes(key)))
        })?;
        let key = key.ok_or(KeyError::WrappedKey)?;
        check_algorithm(purpose, key.algorithm())?;
        self.put(name, purpose, Place::NewOrNext, NewKey::Given(key))
    }

    fn export_block(
        &self,
        key: &KeyRef,
        under: &KeyRef,
        version: BlockVersion,
    ) -> Result<String, KeyError> {
        let under = open(self, under, Use::ExchangeUnder)?;
        let opened = open(self, key, Use::InBlock)?;
        let key = take_out(self, &opened.key)?;
        let (usage, mode) = usage_and_mode(opened.purpose, key.algorithm());
        let header = Header {
            version,
            usage,
            algorithm: letter(key.algorithm()),
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
        purpose: Purpose,
        under: &KeyRef,
        block: &str,
    ) -> Result<Imported, KeyError> {
        let unwrapped =
            first_fit(self, under, Use::ExchangeUnder, |under| match tr31::unwrap(under, block) {
                Err(KeyError::Block(BlockError::Mac)) => Ok(None),
                unwrapped => unwrapped.map(Some),
            })?;
        let (header, key) = unwrapped.ok_or(KeyError::Block(BlockError::Mac))?;
        check_header(&header, purpose, key.algorithm())?;
        check_algorithm(purpose, key.algorithm())?;
        self.put(name, purpose, Place::NewOrNext, NewKey::Given(key))
    }

    fn generate(
        &self,
        name: KeyName,
        purpose: Purpose,
        algorithm: Algorithm,
    ) -> Result<KeyListing, KeyError> {
        check_algorithm(purpose, algorithm)?;
        Ok(self.put(name, purpose, Place::New, NewKey::Random(algorithm))?.listing())
    }

    fn import_components(
        &self,
        name: KeyName,
        purpose: Purpose,
        algorithm: Algorithm,
        components: &[Component],
    ) -> Result<KeyListing, KeyError> {
        check_algorithm(purpose, algorithm)?;
        let key = Component::join(components, algorithm)?;
        Ok(self.put(name, purpose, Place::New, NewKey::Given(key))?.listing())
    }

    fn rotate(&self, name: KeyName) -> Result<KeyListing, KeyError> {
        let newest = self.find(&name, Which::Newest)?;
        let key = NewKey::Random(newest.key.algorithm());
        Ok(self.put(name, newest.purpose, Place::Next, key)?.listing())
    }

    fn rotate_to_components(
        &self,
        name: KeyName,
        components: &[Component],
    ) -> Result<KeyListing, KeyError> {
        let newest = self.find(&name, Which::Newest)?;
        let key = Component::join(components, newest.key.algorithm())?;
        Ok(self.put(name, newest.purpose, Place::Next, NewKey::Given(key))?.listing())
    }

    fn drop_generation(&self, name: KeyName, generation: u32) -> Result<(), KeyError> {
        let newest = self.find(&name, Which::Newest)?.generation;
        if newest == generation {
            return Err(KeyError::Newest { name, generation });
        }
        self.forget(name, generation)
    }

    fn list(&self) -> Result<Vec<KeyListing>, KeyError> {
        self.listings()
    }

    fn check_value(&self, key: &KeyRef) -> Result<CheckValue, KeyError> {
        Cipher::check_value(&open(self, key, Use::Shown)?.key)
    }

    fn reload(&self) -> Result<(), KeyError> {
        self.refresh()
    }
}

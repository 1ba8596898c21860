//! Cryptographic keys: key stores, MACs, PIN blocks, DUKPT and key blocks.
//!
//! Never: a plain PIN or key outside the functions of a key store; a secret in `Debug`, an error or
//! a log; a comparison of secrets that is not in constant time; knowledge of messages.
//!
//! Start at [`KeyStore`]. [`SoftwareStore`] keeps keys in an encrypted file, [`Pkcs11Store`] in an
//! HSM. Terminals and networks hold their own keys and call plain functions: [`mac`], [`pin`],
//! [`session`], [`dukpt`], [`tr31`] and [`sign_on`]. Simulators use these functions too.
//!
//! Working keys of terminals are derived, never stored. A [`DerivedKey`] key names its base key and
//! its terminal, so a backup of the base key restores the keys of the whole fleet.
//!
//! ```
//! use keys::{Algorithm, KeyName, KeyPurpose, KeyReference, KeyStore, MacMethod, SoftwareStore};
//!
//! let store = SoftwareStore::in_memory([])?;
//! let name = KeyName::new("unionpay.mac")?;
//! store.generate(name, KeyPurpose::Mac, Algorithm::Tdes2)?;
//!
//! let key = KeyReference::Stored(name);
//! let mac = store.mac(&key, MacMethod::X9_19, b"0200 a message")?;
//! assert!(store.check_mac(&key, MacMethod::X9_19, b"0200 a message", &mac)?);
//! assert!(!store.check_mac(&key, MacMethod::X9_19, b"0200 another", &mac)?);
//!
//! // A key serves its purpose and no other.
//! let pan = keys::Pan::parse(b"4111111111111111")?;
//! assert!(store.token(&key, &pan).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod check_value;
mod cipher;
mod component;
mod data_key;
mod derive;
mod des_lanes;
mod error;
mod hex;
mod key;
mod key_reference;
mod mac_method;
mod name;
mod pan;
mod pin_format;
mod purpose;
mod store;

pub mod dukpt;
pub mod mac;
pub mod pin;
pub mod session;
pub mod sign_on;
pub mod tr31;

pub use algorithm::Algorithm;
pub use check_value::CheckValue;
pub use component::Component;
pub use data_key::{DATA_KEY_BYTES, WrappedDataKey};
pub use error::{KeyError, KeyStoreError, MasterKeyError};
pub use key::{AesKey, Key, TdesKey};
pub use key_reference::{DerivedKey, DukptKey, KeyReference, KeySerialNumber};
pub use mac_method::MacMethod;
pub use name::KeyName;
pub use pan::{Pan, PanError};
pub use pin::{Pin, PinBlock};
pub use pin_format::PinFormat;
pub use purpose::KeyPurpose;
pub use session::{SessionKeys, SessionRandom, SignOnRequest, TerminalSignOn};
pub use sign_on::{SIGN_ON_FIELD_BYTES, open_sign_on_field};
pub use store::pkcs11::Pkcs11Store;
pub use store::software::{MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey, SoftwareStore};
pub use store::{ImportOutcome, KeyListing, KeyStore};
pub use tr31::KeyBlockVersion;

//! Keys and what is done with them: MACs, PIN blocks, DUKPT, key blocks, key stores.
//!
//! Never: a plain PIN or a key outside the functions of a key store, a secret in `Debug`, an error
//! or a log, a comparison of secrets that stops at the first difference, knowledge of messages.
//! Start at [`KeyStore`]: it is kept in software ([`SoftwareStore`]) or in an HSM
//! ([`Pkcs11Store`]). What terminals and networks do with keys of their own, in simulations too,
//! is plain functions: [`mac`], [`pin`], [`dukpt`], [`tr31`], [`sign_on`].
//!
//! Working keys of terminals are derived, never stored: a [`Derived`] key names a base key and
//! for whom it is, so a fleet's keys survive as long as one base key does.

mod check_value;
mod cipher;
mod component;
mod derive;
mod error;
mod hex;
mod key;
mod name;
mod pan;
mod reference;
mod store;

pub mod dukpt;
pub mod mac;
pub mod pin;
pub mod sign_on;
pub mod tr31;

pub use check_value::CheckValue;
pub use component::Component;
pub use error::{KeyError, MasterKeyError, StoreError};
pub use key::{AesKey, Algorithm, Key, TdesKey};
pub use mac::MacMethod;
pub use name::KeyName;
pub use pan::{Pan, PanError};
pub use pin::{Pin, PinBlock, PinFormat};
pub use reference::{Derived, Dukpt, KeyRef, KeySerial, Purpose};
pub use sign_on::{SIGN_ON_FIELD_BYTES, open_sign_on_field, sign_on_field};
pub use store::pkcs11::Pkcs11Store;
pub use store::software::{MasterKey, SoftwareStore};
pub use store::{Imported, KeyListing, KeyStore, WrappedKey};
pub use tr31::BlockVersion;

//! Personal data, encrypted for each subject, so that it can be erased.
//!
//! It has the bank accounts and identity documents of sellers, and who gets each parcel. Each
//! subject has a data key. The key store wraps the data key under a key that never leaves it; the
//! vault's file has the wrapped key. The sealed records are in the file too, or in PostgreSQL. A
//! list beside the file says who was erased, so that a vault from a backup goes through it again.
//!
//! Other data refers to a record by its digest, which is keyed too: the digest alone cannot
//! find the record by trying. Erasing a subject deletes its wrapped key, and with it the meaning of
//! every copy of its records and digests.
//!
//! Never: personal data in an error, in `Debug` or in a log; rules about who may read a record; a
//! key outside the key store that opens more than one subject.
//!
//! Start at [`Vault::seal`] and [`Vault::open`]. What a payout account is: [`PayoutAccount`].

mod account;
mod delivery;
mod erasures;
mod error;
mod file;
mod identity;
mod private_file;
mod seal;
mod store;
mod vault;

pub use account::{
    ACCOUNT_DIGITS_MAX, ACCOUNT_DIGITS_MIN, AccountError, AccountForm, PayoutAccount,
};
pub use delivery::{delivery_bytes, delivery_of};
pub use erasures::ERASURES_FILE;
pub use error::VaultError;
pub use file::{VAULT_FILE, VAULT_STORE};
pub use identity::{
    DOCUMENT_NUMBER_CHARS_MAX, DocumentKind, DocumentNumberError, IdentityDocument,
};
pub use private_file::{PrivateFile, PrivateFileFault};
pub use vault::{
    DeliveryCounts, DeliveryToSeal, RecordDigest, RecordKind, RecordName, RewrapCounts, Vault,
    VaultKey, VaultOptions,
};

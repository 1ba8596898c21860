//! Personal data, encrypted for each subject, so that it can be erased.
//!
//! Now it has the bank accounts of sellers. Each subject has a data key. The key store wraps the
//! data key under a key that never leaves it; the vault's file has the wrapped key and the sealed
//! records.
//! Other data refers to a record by its digest, which is keyed too: whoever has the digest cannot
//! find the record by trying. Erasing a subject deletes its wrapped key, and with it the meaning of
//! every copy of its records and digests.
//!
//! Never: personal data in an error, in `Debug` or in a log; rules about who may read a record; a
//! key outside the key store that opens more than one subject.
//!
//! Start at [`Vault::seal`] and [`Vault::open`]. What a payout account is: [`PayoutAccount`].

mod account;
mod error;
mod file;
mod seal;
mod vault;

pub use account::{
    ACCOUNT_DIGITS_MAX, ACCOUNT_DIGITS_MIN, AccountError, AccountForm, PayoutAccount,
};
pub use error::VaultError;
pub use file::VAULT_FILE;
pub use vault::{RecordDigest, RecordKind, RecordName, RewrapCounts, Subject, Vault, VaultKey};

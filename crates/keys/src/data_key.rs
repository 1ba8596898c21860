//! Data keys.

/// Of a data key: an AES-256 key that encrypts the personal data of one subject.
pub const DATA_KEY_BYTES: usize = 32;
/// A data key that [`KeyStore::wrap_data_key`](crate::KeyStore::wrap_data_key) wrapped.
pub type WrappedDataKey = [u8; DATA_KEY_BYTES + 8];

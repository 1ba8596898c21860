//! Operations of a key, in memory or in an HSM.

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::data_key::DATA_KEY_BYTES;
use crate::data_key::WrappedDataKey;
use crate::error::KeyError;

/// A key as a block cipher. The module is private, so only this crate can implement the trait.
pub trait Cipher {
    /// The algorithm, which includes the key length.
    fn algorithm(&self) -> Algorithm;

    /// Encrypts whole blocks in ECB mode.
    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError>;

    /// Decrypts whole blocks in ECB mode.
    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError>;

    /// Encrypts whole 8-byte blocks in CBC mode from a zero IV and returns the last one. DES and
    /// TDES only.
    fn last_cbc_block(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError>;

    /// Like [`Cipher::last_cbc_block`], under the first eight bytes of the key only.
    fn last_cbc_block_left_half(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError>;

    /// The X9.19 MACs of many messages, if this key computes them together at less cost than one
    /// after the other.
    fn retail_macs(&self, _messages: &[&[u8]]) -> Option<Vec<[u8; 8]>> {
        None
    }

    /// Encrypts one block under the key XORed with `C0C0C0C0 00000000` on each half
    /// (X9.24-1:2009 A.6). TDES only.
    fn encrypt_dukpt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError>;

    /// CMAC (SP 800-38B): 16 bytes for AES; 8 bytes for TDES, followed by eight zeros.
    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError>;

    /// Wraps a data key (RFC 3394). AES only.
    fn wrap_data_key(&self, data_key: &[u8; DATA_KEY_BYTES]) -> Result<WrappedDataKey, KeyError>;

    /// Unwraps a data key. `None` if this key did not wrap it, or a byte was changed.
    fn unwrap_data_key(
        &self,
        wrapped: &WrappedDataKey,
    ) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, KeyError>;

    fn check_value(&self) -> Result<CheckValue, KeyError> {
        let block = if self.algorithm().is_aes() {
            self.cmac(&[0; 16])?
        } else {
            let mut block = [0; 16];
            self.encrypt(&mut block[..8])?;
            block
        };
        let [a, b, c, d, e, ..] = block;
        Ok(CheckValue::new([a, b, c, d, e]))
    }
}

impl<C: Cipher + ?Sized> Cipher for std::sync::Arc<C> {
    fn algorithm(&self) -> Algorithm {
        (**self).algorithm()
    }

    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        (**self).encrypt(blocks)
    }

    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        (**self).decrypt(blocks)
    }

    fn last_cbc_block(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        (**self).last_cbc_block(blocks)
    }

    fn last_cbc_block_left_half(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        (**self).last_cbc_block_left_half(blocks)
    }

    fn retail_macs(&self, messages: &[&[u8]]) -> Option<Vec<[u8; 8]>> {
        (**self).retail_macs(messages)
    }

    fn encrypt_dukpt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError> {
        (**self).encrypt_dukpt_masked(block)
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        (**self).cmac(message)
    }

    fn wrap_data_key(&self, data_key: &[u8; DATA_KEY_BYTES]) -> Result<WrappedDataKey, KeyError> {
        (**self).wrap_data_key(data_key)
    }

    fn unwrap_data_key(
        &self,
        wrapped: &WrappedDataKey,
    ) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, KeyError> {
        (**self).unwrap_data_key(wrapped)
    }
}

/// Implements the methods of [`Cipher`] for an enum whose variants hold ciphers, by delegation to
/// the variant.
macro_rules! delegate_cipher {
    ($kind:ident: $($variant:ident),+) => {
        fn algorithm(&self) -> Algorithm {
            match self {
                $($kind::$variant(key) => key.algorithm(),)+
            }
        }

        fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
            match self {
                $($kind::$variant(key) => key.encrypt(blocks),)+
            }
        }

        fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
            match self {
                $($kind::$variant(key) => key.decrypt(blocks),)+
            }
        }

        fn last_cbc_block(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.last_cbc_block(blocks),)+
            }
        }

        fn last_cbc_block_left_half(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.last_cbc_block_left_half(blocks),)+
            }
        }

        fn retail_macs(&self, messages: &[&[u8]]) -> Option<Vec<[u8; 8]>> {
            match self {
                $($kind::$variant(key) => key.retail_macs(messages),)+
            }
        }

        fn encrypt_dukpt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.encrypt_dukpt_masked(block),)+
            }
        }

        fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
            match self {
                $($kind::$variant(key) => key.cmac(message),)+
            }
        }

        fn wrap_data_key(
            &self,
            data_key: &[u8; $crate::data_key::DATA_KEY_BYTES],
        ) -> Result<$crate::data_key::WrappedDataKey, KeyError> {
            match self {
                $($kind::$variant(key) => key.wrap_data_key(data_key),)+
            }
        }

        fn unwrap_data_key(
            &self,
            wrapped: &$crate::data_key::WrappedDataKey,
        ) -> Result<Option<zeroize::Zeroizing<[u8; $crate::data_key::DATA_KEY_BYTES]>>, KeyError> {
            match self {
                $($kind::$variant(key) => key.unwrap_data_key(wrapped),)+
            }
        }
    };
}

pub(crate) use delegate_cipher;

//! What a key can do, wherever it lies: in memory or in an HSM.

use crate::check_value::CheckValue;
use crate::error::KeyError;
use crate::key::Algorithm;

/// A key as a block cipher. The module is private: only this crate can implement it.
pub trait Cipher {
    /// The algorithm and the key's length.
    fn algorithm(&self) -> Algorithm;

    /// Encrypts whole blocks, each by itself (ECB).
    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError>;

    /// Decrypts whole blocks, each by itself (ECB).
    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError>;

    /// The last block of a CBC encryption of whole 8-byte blocks, starting from zeros. DES only.
    fn chain(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError>;

    /// As [`Cipher::chain`], under the first eight bytes of the key alone.
    fn chain_left(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError>;

    /// Encrypts one block under the key with the DUKPT mask `C0C0C0C0 00000000` on each half
    /// (X9.24-1:2009 A.6). TDES only.
    fn encrypt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError>;

    /// The CMAC (SP 800-38B) of a message: 16 bytes for AES; 8 for TDES, and eight zeros.
    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError>;

    /// The key's check value.
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

    fn chain(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        (**self).chain(blocks)
    }

    fn chain_left(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        (**self).chain_left(blocks)
    }

    fn encrypt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError> {
        (**self).encrypt_masked(block)
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        (**self).cmac(message)
    }
}

/// The methods of [`Cipher`] for an enum whose variants hold ciphers: each asks the one that is
/// there.
macro_rules! ask_the_variant {
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

        fn chain(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.chain(blocks),)+
            }
        }

        fn chain_left(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.chain_left(blocks),)+
            }
        }

        fn encrypt_masked(&self, block: [u8; 8]) -> Result<[u8; 8], KeyError> {
            match self {
                $($kind::$variant(key) => key.encrypt_masked(block),)+
            }
        }

        fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
            match self {
                $($kind::$variant(key) => key.cmac(message),)+
            }
        }
    };
}

pub(crate) use ask_the_variant;

//! A key on a token as a block cipher.

use std::sync::Arc;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use zeroize::Zeroizing;

use super::object;
use super::token::Pkcs11Token;
use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::cipher::Cipher;
use crate::data_key::DATA_KEY_BYTES;
use crate::data_key::WrappedDataKey;
use crate::error::KeyError;

#[derive(Clone)]
pub struct TokenKey {
    pub(super) token: Arc<Pkcs11Token>,
    pub(super) object: ObjectHandle,
    /// Left half of a MAC key, for X9.19.
    pub(super) left: Option<ObjectHandle>,
    /// Masked variant of a DUKPT base key.
    pub(super) masked: Option<ObjectHandle>,
    pub(super) algorithm: Algorithm,
    pub(super) check_value: CheckValue,
}

impl TokenKey {
    /// Lets the HSM compute the check value.
    pub(super) fn compute_check_value(&self) -> Result<CheckValue, KeyError> {
        let block = if self.algorithm.is_aes() {
            self.cmac(&[0; 16])?
        } else {
            let mut block = [0; 16];
            self.encrypt(&mut block[..8])?;
            block
        };
        let [a, b, c, d, e, ..] = block;
        Ok(CheckValue::new([a, b, c, d, e]))
    }

    const fn ecb(&self) -> Mechanism<'static> {
        if self.algorithm.is_aes() { Mechanism::AesEcb } else { Mechanism::Des3Ecb }
    }

    fn encrypt_under(&self, object: ObjectHandle, blocks: &mut [u8]) -> Result<(), KeyError> {
        let mechanism = self.ecb();
        let encrypted = self
            .token
            .in_session("encrypting", |session| session.encrypt(&mechanism, object, blocks))?;
        copy(&Zeroizing::new(encrypted), blocks)
    }

    fn chain_under(&self, object: ObjectHandle, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        if blocks.is_empty() {
            return Ok([0; 8]);
        }
        let mechanism = Mechanism::Des3Cbc([0; 8]);
        let encrypted = self
            .token
            .in_session("encrypting", |session| session.encrypt(&mechanism, object, blocks))?;
        let mut last = [0; 8];
        copy(encrypted.last_chunk::<8>().map_or(&[], |chunk| chunk.as_slice()), &mut last)?;
        Ok(last)
    }

    fn wrong_length(&self) -> KeyError {
        KeyError::InvalidKeyLength(self.algorithm.key_bytes())
    }

    /// CMAC from CBC (SP 800-38B, 6): PKCS#11 modules seldom support CMAC with TDES.
    fn tdes_cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        let mut subkey = Zeroizing::new([0; 8]);
        self.encrypt(subkey.as_mut_slice())?;
        double(&mut subkey);
        let mut blocks = Zeroizing::new(message.to_vec());
        if message.is_empty() || !message.len().is_multiple_of(8) {
            double(&mut subkey);
            blocks.push(0x80);
            let whole = blocks.len().next_multiple_of(8);
            blocks.resize(whole, 0);
        }
        for (byte, other) in blocks.iter_mut().rev().zip(subkey.iter().rev()) {
            *byte ^= other;
        }
        let mut mac = [0; 16];
        mac[..8].copy_from_slice(&self.last_cbc_block(&blocks)?);
        Ok(mac)
    }
}

/// Doubling in GF(2^64).
fn double(block: &mut [u8; 8]) {
    let value = u64::from_be_bytes(*block);
    let carry = if value >> 63 == 1 { 0x1B } else { 0 };
    *block = ((value << 1) ^ carry).to_be_bytes();
}

fn copy(from: &[u8], to: &mut [u8]) -> Result<(), KeyError> {
    if from.len() != to.len() {
        let error = cryptoki::error::Error::InvalidValue;
        return Err(super::token::failed("reading an answer of the wrong length", error));
    }
    to.copy_from_slice(from);
    Ok(())
}

impl Cipher for TokenKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn encrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        self.encrypt_under(self.object, blocks)
    }

    fn decrypt(&self, blocks: &mut [u8]) -> Result<(), KeyError> {
        let mechanism = self.ecb();
        let plain = self
            .token
            .in_session("decrypting", |session| session.decrypt(&mechanism, self.object, blocks))?;
        copy(&Zeroizing::new(plain), blocks)
    }

    fn last_cbc_block(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        self.chain_under(self.object, blocks)
    }

    fn last_cbc_block_left_half(&self, blocks: &[u8]) -> Result<[u8; 8], KeyError> {
        self.chain_under(self.left.ok_or_else(|| self.wrong_length())?, blocks)
    }

    fn encrypt_dukpt_masked(&self, mut block: [u8; 8]) -> Result<[u8; 8], KeyError> {
        self.encrypt_under(self.masked.ok_or_else(|| self.wrong_length())?, &mut block)?;
        Ok(block)
    }

    fn cmac(&self, message: &[u8]) -> Result<[u8; 16], KeyError> {
        if !self.algorithm.is_aes() {
            return self.tdes_cmac(message);
        }
        let signed = self.token.in_session("computing a CMAC", |session| {
            session.sign(&Mechanism::AesCMac, self.object, message)
        })?;
        let mut mac = [0; 16];
        copy(&Zeroizing::new(signed), &mut mac)?;
        Ok(mac)
    }

    fn wrap_data_key(&self, data_key: &[u8; DATA_KEY_BYTES]) -> Result<WrappedDataKey, KeyError> {
        let wrapped = self.token.in_session("wrapping a data key", |session| {
            object::wrap_data_key(session, self.object, data_key)
        })?;
        let mut bytes = [0; DATA_KEY_BYTES + 8];
        copy(&wrapped, &mut bytes)?;
        Ok(bytes)
    }

    fn unwrap_data_key(
        &self,
        wrapped: &WrappedDataKey,
    ) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, KeyError> {
        let unwrapped = self.token.in_session("unwrapping a data key", |session| {
            object::unwrap_data_key(session, self.object, wrapped)
        })?;
        let Some(unwrapped) = unwrapped else { return Ok(None) };
        let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
        copy(&unwrapped, data_key.as_mut_slice())?;
        Ok(Some(data_key))
    }

    fn check_value(&self) -> Result<CheckValue, KeyError> {
        Ok(self.check_value)
    }
}

//! The rules of each purpose: permitted operations, algorithms and key block attributes.

use crate::algorithm::Algorithm;
use crate::error::KeyError;
use crate::purpose::KeyPurpose;
use crate::tr31::{KeyBlockError, KeyBlockHeader, KeyUsage};

/// An operation with a key.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum KeyOperation {
    ComputeMac,
    CheckMac,
    EncryptPin,
    ComputeToken,
    ComputeCodeMac,
    /// Wrap or unwrap a data key.
    WrapDataKey,
    /// Check a terminal's sign-on and derive the keys of its session.
    OpenSession,
    /// Encrypt a working key of a session.
    WrapWorkingKey,
    ExportKeyBlock,
    /// Encrypt or decrypt exchanged keys.
    ExchangeKeys,
    ShowCheckValue,
}

impl KeyOperation {
    const fn description(self) -> &'static str {
        match self {
            KeyOperation::ComputeMac | KeyOperation::CheckMac => "MACs",
            KeyOperation::EncryptPin => "PIN blocks",
            KeyOperation::ComputeToken => "card tokens",
            KeyOperation::ComputeCodeMac => "MACs of one-time codes",
            KeyOperation::WrapDataKey => "wrapping data keys",
            KeyOperation::OpenSession => "sessions of a terminal",
            KeyOperation::WrapWorkingKey => "encrypting working keys",
            KeyOperation::ExportKeyBlock => "export in a key block",
            KeyOperation::ExchangeKeys => "exchanging keys",
            KeyOperation::ShowCheckValue => "showing its check value",
        }
    }

    /// Whether a key of this purpose may be used in this operation.
    pub fn check(self, purpose: KeyPurpose) -> Result<(), KeyError> {
        let allowed = match self {
            KeyOperation::ComputeMac | KeyOperation::CheckMac => purpose == KeyPurpose::Mac,
            KeyOperation::EncryptPin => purpose == KeyPurpose::PinEncryption,
            KeyOperation::ComputeToken => purpose == KeyPurpose::Token,
            KeyOperation::ComputeCodeMac => purpose == KeyPurpose::HandOverCode,
            KeyOperation::WrapDataKey => purpose == KeyPurpose::DataKeys,
            KeyOperation::OpenSession => purpose == KeyPurpose::TerminalLink,
            KeyOperation::WrapWorkingKey => purpose == KeyPurpose::TerminalMaster,
            KeyOperation::ExportKeyBlock => is_exportable(purpose),
            KeyOperation::ExchangeKeys => purpose == KeyPurpose::Exchange,
            KeyOperation::ShowCheckValue => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(KeyError::WrongPurpose { purpose, wanted: self.description() })
        }
    }
}

/// Whether keys of this purpose may be exported in key blocks.
pub const fn is_exportable(purpose: KeyPurpose) -> bool {
    matches!(
        purpose,
        KeyPurpose::TerminalMaster
            | KeyPurpose::TerminalLink
            | KeyPurpose::PinEncryption
            | KeyPurpose::Mac
            | KeyPurpose::Dukpt
    )
}

/// Whether other keys are derived from keys of this purpose. Such a key has one generation: a new
/// one would lock out every holder of a derived key.
pub const fn derives_other_keys(purpose: KeyPurpose) -> bool {
    matches!(purpose, KeyPurpose::Base | KeyPurpose::Dukpt)
}

/// Whether keys of this purpose may have this algorithm.
pub fn check_algorithm(purpose: KeyPurpose, algorithm: Algorithm) -> Result<(), KeyError> {
    let allowed = match purpose {
        KeyPurpose::Mac => true,
        KeyPurpose::TerminalMaster | KeyPurpose::PinEncryption | KeyPurpose::Exchange => {
            algorithm != Algorithm::Des
        }
        KeyPurpose::Token
        | KeyPurpose::HandOverCode
        | KeyPurpose::Base
        | KeyPurpose::TerminalLink => algorithm.is_aes(),
        // A data key has 256 bits, and no weaker key protects it.
        KeyPurpose::DataKeys => algorithm == Algorithm::Aes256,
        KeyPurpose::Dukpt => algorithm == Algorithm::Tdes2 || algorithm.is_aes(),
    };
    if allowed { Ok(()) } else { Err(KeyError::WrongAlgorithm { purpose, algorithm }) }
}

/// Usage and mode of a key block (X9.143, tables 3 and 5). Codes that begin with a digit are for
/// private use: such keys are never exported.
pub const fn usage_and_mode(purpose: KeyPurpose, algorithm: Algorithm) -> (KeyUsage, u8) {
    match purpose {
        KeyPurpose::TerminalMaster => (KeyUsage(*b"K0"), b'B'),
        KeyPurpose::TerminalLink => (KeyUsage(*b"B3"), b'X'),
        KeyPurpose::PinEncryption => (KeyUsage(*b"P0"), b'B'),
        KeyPurpose::Mac => match algorithm {
            Algorithm::Des => (KeyUsage(*b"M1"), b'C'),
            Algorithm::Tdes2 | Algorithm::Tdes3 => (KeyUsage(*b"M3"), b'C'),
            Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => (KeyUsage(*b"M6"), b'C'),
        },
        KeyPurpose::Exchange => (KeyUsage(*b"K1"), b'B'),
        KeyPurpose::Token => (KeyUsage(*b"10"), b'G'),
        KeyPurpose::HandOverCode => (KeyUsage(*b"12"), b'G'),
        KeyPurpose::DataKeys => (KeyUsage(*b"13"), b'B'),
        KeyPurpose::Base => (KeyUsage(*b"11"), b'X'),
        KeyPurpose::Dukpt => (KeyUsage(*b"B0"), b'X'),
    }
}

/// The letter for an algorithm in key blocks.
pub const fn algorithm_letter(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Des => b'D',
        Algorithm::Tdes2 | Algorithm::Tdes3 => b'T',
        Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => b'A',
    }
}

/// Whether an imported key block allows the purpose, and its algorithm letter matches its key.
pub fn check_header(
    header: &KeyBlockHeader,
    purpose: KeyPurpose,
    algorithm: Algorithm,
) -> Result<(), KeyBlockError> {
    let usages: &[&[u8; 2]] = match purpose {
        KeyPurpose::TerminalMaster => &[b"K0"],
        KeyPurpose::TerminalLink => &[b"B3"],
        KeyPurpose::PinEncryption => &[b"P0"],
        KeyPurpose::Mac => &[b"M0", b"M1", b"M3", b"M6"],
        KeyPurpose::Exchange => &[b"K0", b"K1"],
        KeyPurpose::Dukpt => &[b"B0"],
        KeyPurpose::Token | KeyPurpose::HandOverCode | KeyPurpose::DataKeys | KeyPurpose::Base => {
            &[]
        }
    };
    let modes: &[u8] = match purpose {
        KeyPurpose::Mac => b"CGVN",
        KeyPurpose::Dukpt | KeyPurpose::TerminalLink => b"XN",
        _ => b"BEDN",
    };
    let fits = usages.contains(&&header.usage.0)
        && modes.contains(&header.mode)
        && header.algorithm == algorithm_letter(algorithm);
    if fits {
        Ok(())
    } else {
        Err(KeyBlockError::WrongUsage {
            usage: header.usage,
            algorithm: char::from(header.algorithm),
        })
    }
}

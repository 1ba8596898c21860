//! What a key may be used for, which algorithms go with it, and how key blocks say it.

use crate::error::KeyError;
use crate::key::Algorithm;
use crate::reference::Purpose;
use crate::tr31::{BlockError, Header, KeyUsage};

/// What is done with a key.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Use {
    MacMake,
    MacCheck,
    PinDecrypt,
    PinEncrypt,
    Token,
    /// It goes out encrypted, as a working key.
    Wrapped,
    /// A working key goes out encrypted under it.
    WrapUnder,
    /// It goes out in a key block.
    InBlock,
    /// Keys come and go under it.
    ExchangeUnder,
    /// Its check value is told.
    Shown,
}

impl Use {
    const fn words(self) -> &'static str {
        match self {
            Use::MacMake | Use::MacCheck => "MACs",
            Use::PinDecrypt | Use::PinEncrypt => "PIN blocks",
            Use::Token => "tokens of cards",
            Use::Wrapped => "travelling as a working key",
            Use::WrapUnder => "encrypting working keys",
            Use::InBlock => "travelling in a key block",
            Use::ExchangeUnder => "exchanging keys",
            Use::Shown => "showing a check value",
        }
    }

    /// Whether a key of the purpose may be used so.
    pub fn check(self, purpose: Purpose) -> Result<(), KeyError> {
        let allowed = match self {
            Use::MacMake | Use::MacCheck => purpose == Purpose::Mac,
            Use::PinDecrypt | Use::PinEncrypt => purpose == Purpose::PinEncryption,
            Use::Token => purpose == Purpose::Token,
            Use::Wrapped => matches!(purpose, Purpose::PinEncryption | Purpose::Mac),
            Use::WrapUnder => matches!(purpose, Purpose::TerminalMaster | Purpose::Exchange),
            Use::InBlock => is_exportable(purpose),
            Use::ExchangeUnder => purpose == Purpose::Exchange,
            Use::Shown => true,
        };
        if allowed { Ok(()) } else { Err(KeyError::Purpose { purpose, wanted: self.words() }) }
    }
}

/// Whether keys of the purpose may leave the store in key blocks.
pub const fn is_exportable(purpose: Purpose) -> bool {
    matches!(
        purpose,
        Purpose::TerminalMaster | Purpose::PinEncryption | Purpose::Mac | Purpose::Dukpt
    )
}

/// Whether other keys are derived from keys of the purpose. They have one generation: whoever has
/// a derived key would be locked out by another.
pub const fn is_base(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Base | Purpose::Dukpt)
}

/// Whether keys of the purpose can be of the algorithm.
pub fn check_algorithm(purpose: Purpose, algorithm: Algorithm) -> Result<(), KeyError> {
    let allowed = match purpose {
        Purpose::Mac => true,
        Purpose::TerminalMaster | Purpose::PinEncryption | Purpose::Exchange => {
            algorithm != Algorithm::Des
        }
        Purpose::Token | Purpose::Base => algorithm.is_aes(),
        Purpose::Dukpt => algorithm == Algorithm::Tdes2 || algorithm.is_aes(),
    };
    if allowed { Ok(()) } else { Err(KeyError::Algorithm { purpose, algorithm }) }
}

/// The usage and mode of a key block for a key (X9.143, tables 3 and 5). Codes that begin with a
/// digit are for private use: such keys travel to nobody.
pub const fn usage_and_mode(purpose: Purpose, algorithm: Algorithm) -> (KeyUsage, u8) {
    match purpose {
        Purpose::TerminalMaster => (KeyUsage(*b"K0"), b'B'),
        Purpose::PinEncryption => (KeyUsage(*b"P0"), b'B'),
        Purpose::Mac => match algorithm {
            Algorithm::Des => (KeyUsage(*b"M1"), b'C'),
            Algorithm::Tdes2 | Algorithm::Tdes3 => (KeyUsage(*b"M3"), b'C'),
            Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => (KeyUsage(*b"M6"), b'C'),
        },
        Purpose::Exchange => (KeyUsage(*b"K1"), b'B'),
        Purpose::Token => (KeyUsage(*b"10"), b'G'),
        Purpose::Base => (KeyUsage(*b"11"), b'X'),
        Purpose::Dukpt => (KeyUsage(*b"B0"), b'X'),
    }
}

/// The letter of an algorithm in key blocks.
pub const fn letter(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Des => b'D',
        Algorithm::Tdes2 | Algorithm::Tdes3 => b'T',
        Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => b'A',
    }
}

/// Whether a key block from elsewhere allows the purpose, and its letter fits the key inside.
pub fn check_header(
    header: &Header,
    purpose: Purpose,
    algorithm: Algorithm,
) -> Result<(), BlockError> {
    let usages: &[&[u8; 2]] = match purpose {
        Purpose::TerminalMaster => &[b"K0"],
        Purpose::PinEncryption => &[b"P0"],
        Purpose::Mac => &[b"M0", b"M1", b"M3", b"M6"],
        Purpose::Exchange => &[b"K0", b"K1"],
        Purpose::Dukpt => &[b"B0"],
        Purpose::Token | Purpose::Base => &[],
    };
    let modes: &[u8] = match purpose {
        Purpose::Mac => b"CGVN",
        Purpose::Dukpt => b"XN",
        _ => b"BEDN",
    };
    let fits = usages.contains(&&header.usage.0)
        && modes.contains(&header.mode)
        && header.algorithm == letter(algorithm);
    if fits {
        Ok(())
    } else {
        Err(BlockError::Usage { usage: header.usage, algorithm: char::from(header.algorithm) })
    }
}

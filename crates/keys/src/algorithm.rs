//! Algorithms of keys.

/// Algorithm and length of a key.
#[derive(Copy, Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Algorithm {
    /// DES, 8 bytes. Only for MACs of networks that require it.
    Des,
    /// TDES, 16 bytes.
    Tdes2,
    /// TDES, 24 bytes.
    Tdes3,
    /// 16 bytes.
    Aes128,
    /// 24 bytes.
    Aes192,
    /// 32 bytes.
    Aes256,
}

impl Algorithm {
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Des,
        Algorithm::Tdes2,
        Algorithm::Tdes3,
        Algorithm::Aes128,
        Algorithm::Aes192,
        Algorithm::Aes256,
    ];

    /// `des`, `tdes2`, `tdes3`, `aes128`, `aes192` or `aes256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Des => "des",
            Algorithm::Tdes2 => "tdes2",
            Algorithm::Tdes3 => "tdes3",
            Algorithm::Aes128 => "aes128",
            Algorithm::Aes192 => "aes192",
            Algorithm::Aes256 => "aes256",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Algorithm::Des => 8,
            Algorithm::Tdes2 | Algorithm::Aes128 => 16,
            Algorithm::Tdes3 | Algorithm::Aes192 => 24,
            Algorithm::Aes256 => 32,
        }
    }

    #[must_use]
    pub const fn block_bytes(self) -> usize {
        if self.is_aes() { 16 } else { 8 }
    }

    #[must_use]
    pub const fn is_aes(self) -> bool {
        matches!(self, Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256)
    }
}

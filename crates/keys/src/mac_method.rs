//! Algorithms of message authentication codes.

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum MacMethod {
    /// ANSI X9.9 (ISO 9797-1 algorithm 1, padding 1): the last block of CBC under DES or TDES.
    X9_9,
    /// ANSI X9.19, the retail MAC (ISO 9797-1 algorithm 3, padding 1): CBC under the left half of
    /// a 16-byte key, the last block under the whole key.
    X9_19,
    /// UnionPay's ECB MAC, under DES or TDES. XOR all blocks and write the result as sixteen hex
    /// digits. Encrypt the first eight digits, XOR with the last eight, encrypt again. The first
    /// eight hex digits of the result are the MAC.
    CupEcb,
    /// The first eight bytes of a CMAC (SP 800-38B) under TDES or AES.
    Cmac,
}

impl MacMethod {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MacMethod::X9_9 => "X9.9",
            MacMethod::X9_19 => "X9.19",
            MacMethod::CupEcb => "CUP ECB",
            MacMethod::Cmac => "CMAC",
        }
    }

    /// Description of the keys that this method takes, for error messages.
    #[must_use]
    pub const fn needs(self) -> &'static str {
        match self {
            MacMethod::X9_9 | MacMethod::CupEcb => "a DES or TDES key",
            MacMethod::X9_19 => "a TDES key of 16 bytes",
            MacMethod::Cmac => "a TDES or AES key",
        }
    }
}

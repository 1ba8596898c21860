//! What a key may be used for.

/// The only use that a key may have.
#[derive(Copy, Clone, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum KeyPurpose {
    /// Terminal master key (TMK). It encrypts the working keys sent to the terminal.
    TerminalMaster,
    /// Terminal link key: it proves the terminal at sign-on, and the keys of each session are
    /// derived from it. See [`crate::session`].
    TerminalLink,
    /// PIN encryption (PIK, TPK, ZPK).
    PinEncryption,
    /// MACs (MAK, TAK).
    Mac,
    /// Exchange of keys with a network or another company (KEK, ZMK).
    Exchange,
    /// Card tokens.
    Token,
    /// MACs of hand-overs' one-time codes.
    HandOverCode,
    /// Wrapping of the data keys that encrypt personal data.
    DataKeys,
    /// Derivation of terminals' working keys. See [`DerivedKey`](crate::DerivedKey).
    Base,
    /// DUKPT base derivation key (BDK).
    Dukpt,
}

impl KeyPurpose {
    pub const ALL: [KeyPurpose; 10] = [
        KeyPurpose::TerminalMaster,
        KeyPurpose::TerminalLink,
        KeyPurpose::PinEncryption,
        KeyPurpose::Mac,
        KeyPurpose::Exchange,
        KeyPurpose::Token,
        KeyPurpose::HandOverCode,
        KeyPurpose::DataKeys,
        KeyPurpose::Base,
        KeyPurpose::Dukpt,
    ];

    /// `terminal-master`, `terminal-link`, `pin`, `mac`, `exchange`, `token`, `hand-over-code`,
    /// `data-keys`, `base` or `dukpt`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyPurpose::TerminalMaster => "terminal-master",
            KeyPurpose::TerminalLink => "terminal-link",
            KeyPurpose::PinEncryption => "pin",
            KeyPurpose::Mac => "mac",
            KeyPurpose::Exchange => "exchange",
            KeyPurpose::Token => "token",
            KeyPurpose::HandOverCode => "hand-over-code",
            KeyPurpose::DataKeys => "data-keys",
            KeyPurpose::Base => "base",
            KeyPurpose::Dukpt => "dukpt",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<KeyPurpose> {
        KeyPurpose::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

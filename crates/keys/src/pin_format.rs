//! Formats of PIN blocks.

/// Format of a PIN block (ISO 9564-1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PinFormat {
    /// With the card number, padded with `F`.
    Iso0,
    /// Without a card number, padded with random hex digits.
    Iso1,
    /// Without a card number, padded with `F`. Only for PINs sent to a chip card.
    Iso2,
    /// With the card number, padded with random `A` to `F`.
    Iso3,
    /// With the card number, 16 bytes under AES.
    Iso4,
}

impl PinFormat {
    pub const ALL: [PinFormat; 5] =
        [PinFormat::Iso0, PinFormat::Iso1, PinFormat::Iso2, PinFormat::Iso3, PinFormat::Iso4];

    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            PinFormat::Iso0 => 0,
            PinFormat::Iso1 => 1,
            PinFormat::Iso2 => 2,
            PinFormat::Iso3 => 3,
            PinFormat::Iso4 => 4,
        }
    }

    /// Description of the keys that this format takes, for error messages.
    #[must_use]
    pub const fn needs(self) -> &'static str {
        if matches!(self, PinFormat::Iso4) { "an AES key" } else { "a TDES key" }
    }

    /// Whether a block of this format may be translated to format `to` (ISO 9564-1:2017, 9.4). A
    /// PIN that is bound to a card number stays bound to it. Format 2 is never translated.
    #[must_use]
    pub const fn may_translate_to(self, to: PinFormat) -> bool {
        use PinFormat::{Iso0, Iso1, Iso2, Iso3, Iso4};
        match (self, to) {
            (Iso2, _) | (_, Iso2) => false,
            (Iso1, _) => true,
            (Iso0 | Iso3 | Iso4, Iso1) => false,
            (Iso0 | Iso3 | Iso4, Iso0 | Iso3 | Iso4) => true,
        }
    }
}

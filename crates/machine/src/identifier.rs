//! Identifiers.

use sha2::{Digest as _, Sha256};

/// Declares identifiers: one type per thing, so that a courier's cannot be passed for a terminal's.
/// In JSON an identifier is a decimal string, because numbers above 2⁵³ lose digits there.
#[macro_export]
macro_rules! identifiers {
    ($($(#[doc = $doc:literal])* $name:ident),+ $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(
            Clone,
            Copy,
            Debug,
            Default,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            $crate::reexport::borsh::BorshSerialize,
            $crate::reexport::borsh::BorshDeserialize,
        )]
        #[borsh(crate = "machine::reexport::borsh")]
        pub struct $name(pub u64);

        impl $name {
            /// The identifier for someone's own reference. Same input, same identifier.
            #[must_use]
            pub fn derived(reference: &str) -> $name {
                let hash = $crate::derive_identifier(stringify!($name), &[reference]);
                $name(u64::from_be_bytes(std::array::from_fn(|place| hash[place])))
            }
        }

        $crate::json_as_text!($name, "^(0|[1-9][0-9]{0,19})$", "identifier");

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::IdentifierError;

            fn from_str(text: &str) -> Result<$name, $crate::IdentifierError> {
                $crate::parse_identifier(text).map($name)
            }
        }
    )+};
}

/// A text that is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentifierError;

impl std::fmt::Display for IdentifierError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "an identifier is a decimal number from 0 to 18446744073709551615, without a sign and \
             without leading zeros",
        )
    }
}

impl std::error::Error for IdentifierError {}

/// Reads an identifier. Each has exactly one text, the one that it is written as.
///
/// # Errors
/// Any other text.
pub fn parse_identifier(text: &str) -> Result<u64, IdentifierError> {
    let canonical = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    if canonical { text.parse().map_err(|_| IdentifierError) } else { Err(IdentifierError) }
}

/// SHA-256 over the kind and the texts, each with its length before it, so that different lists
/// give different bytes. Frozen: journals hold identifiers made by it.
#[must_use]
pub fn derive_identifier(kind: &str, texts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for text in [kind].iter().chain(texts) {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

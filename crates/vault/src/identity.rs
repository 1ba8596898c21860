//! The identity document of a seller.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

pub const DOCUMENT_NUMBER_CHARS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[derive(BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    IdentityCard,
    Passport,
    ResidencePermit,
    BusinessLicence,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityDocument {
    pub document: DocumentKind,
    pub number: String,
}

impl Drop for IdentityDocument {
    fn drop(&mut self) {
        self.number.zeroize();
    }
}

impl fmt::Debug for IdentityDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityDocument({:?}, …)", self.document)
    }
}

/// The error does not repeat what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a document number: write 1 to {DOCUMENT_NUMBER_CHARS_MAX} Latin letters, digits, hyphens \
     and slashes"
)]
pub struct DocumentNumberError;

impl IdentityDocument {
    /// Checks the number. Spaces do not count.
    ///
    /// # Errors
    /// It has other characters, or too many.
    pub fn checked(mut self) -> Result<IdentityDocument, DocumentNumberError> {
        self.number.retain(|c| c != ' ');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/');
        let fits = (1..=DOCUMENT_NUMBER_CHARS_MAX).contains(&self.number.len());
        if fits && self.number.chars().all(is_plain) { Ok(self) } else { Err(DocumentNumberError) }
    }

    /// The plain text that is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.number.len() + 16));
        borsh::to_writer(&mut *bytes, self).expect("a vector takes every byte");
        bytes
    }

    /// Reads what [`IdentityDocument::to_bytes`] wrote. `None` if it is something else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<IdentityDocument> {
        borsh::from_slice::<IdentityDocument>(bytes).ok()?.checked().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_plain_characters_and_is_never_shown() {
        let of = |number: &str| IdentityDocument {
            document: DocumentKind::IdentityCard,
            number: number.to_owned(),
        };
        let checked = of("110101 19900307 7416").checked().unwrap();
        assert_eq!(checked.number, "110101199003077416");
        assert_eq!(IdentityDocument::from_bytes(&checked.to_bytes()), Some(checked.clone()));
        assert_eq!(format!("{checked:?}"), "IdentityDocument(IdentityCard, …)");
        for wrong in ["", " ", "一二三", "1\n2", &"1".repeat(65)] {
            assert_eq!(of(wrong).checked(), Err(DocumentNumberError));
        }
        assert_eq!(IdentityDocument::from_bytes(&checked.to_bytes()[1..]), None);
    }
}

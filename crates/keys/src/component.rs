//! Key components: one key in parts, one part for each custodian.

use std::fmt;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::error::KeyError;
use crate::hex;
use crate::key::{Key, is_weak};

impl CheckValue {
    /// Whether `text`, 4, 6, 8 or 10 hex digits, is the start of this check value.
    pub fn matches_hex(&self, text: &str) -> Result<bool, KeyError> {
        let bytes = hex::decode(text.trim().as_bytes());
        let matches = bytes.and_then(|bytes| self.begins_with(&bytes));
        matches.ok_or(KeyError::MalformedCheckValue)
    }
}

/// Minimum number of components of a key (dual control).
pub const COMPONENTS_MIN: usize = 2;
/// Maximum number of components of a key.
pub const COMPONENTS_MAX: usize = 9;

/// One part of a key. The XOR of all parts is the key.
pub struct Component {
    bytes: Zeroizing<Vec<u8>>,
}

impl Component {
    /// Parses a line of a custodian's letter: the component as hex digits, optionally in groups,
    /// then its check value, which must match. `number` counts components from 1.
    pub fn parse(line: &str, algorithm: Algorithm, number: usize) -> Result<Component, KeyError> {
        let wrong = || KeyError::MalformedComponent { number, bytes: algorithm.key_bytes() };
        let (groups, check_value) = line.trim().rsplit_once([' ', '\t']).ok_or_else(wrong)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(groups.len()));
        digits.extend(groups.bytes().filter(|byte| !matches!(byte, b' ' | b'\t')));
        let bytes = hex::decode(&digits).ok_or_else(wrong)?;
        if bytes.len() != algorithm.key_bytes() {
            return Err(wrong());
        }
        let found = Key::new(algorithm, &bytes)?.check_value();
        match found.matches_hex(check_value) {
            Ok(true) => Ok(Component { bytes }),
            Ok(false) => Err(KeyError::WrongComponentCheckValue { number }),
            Err(_) => Err(wrong()),
        }
    }

    /// Check value of the combined key, to compare before the import.
    pub fn combined_check_value(
        components: &[Component],
        algorithm: Algorithm,
    ) -> Result<CheckValue, KeyError> {
        Ok(Component::combine(components, algorithm)?.check_value())
    }

    /// XORs the components into the key. Does not change its parity bits.
    pub(crate) fn combine(components: &[Component], algorithm: Algorithm) -> Result<Key, KeyError> {
        if !(COMPONENTS_MIN..=COMPONENTS_MAX).contains(&components.len()) {
            return Err(KeyError::WrongComponentCount(components.len()));
        }
        let mut joined = Zeroizing::new(vec![0; algorithm.key_bytes()]);
        for (index, component) in components.iter().enumerate() {
            if component.bytes.len() != joined.len() {
                let bytes = algorithm.key_bytes();
                return Err(KeyError::MalformedComponent { number: index + 1, bytes });
            }
            for (byte, other) in joined.iter_mut().zip(component.bytes.iter()) {
                *byte ^= other;
            }
        }
        if is_weak(algorithm, &joined) {
            return Err(KeyError::WeakKey);
        }
        Key::new(algorithm, &joined)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Component({} bytes)", self.bytes.len())
    }
}

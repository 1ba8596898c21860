//! Components: a key in parts, of which no custodian knows more than one.

use std::fmt;

use zeroize::Zeroizing;

use crate::check_value::CheckValue;
use crate::error::KeyError;
use crate::hex;
use crate::key::{Algorithm, Key, is_weak};

/// The fewest components of a key: dual control.
pub const COMPONENTS_MIN: usize = 2;
/// The most components of a key.
pub const COMPONENTS_MAX: usize = 9;

/// One part of a key. The key is all of them, XORed.
pub struct Component {
    bytes: Zeroizing<Vec<u8>>,
}

impl Component {
    /// Reads a line of a custodian's letter: the component as hex digits, in groups or not, then
    /// its check value, which must fit. `number` is the component's, counted from 1.
    pub fn parse(line: &str, algorithm: Algorithm, number: usize) -> Result<Component, KeyError> {
        let wrong = || KeyError::Component { number, bytes: algorithm.key_bytes() };
        let (groups, check_value) = line.trim().rsplit_once([' ', '\t']).ok_or_else(wrong)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(groups.len()));
        digits.extend(groups.bytes().filter(|byte| !matches!(byte, b' ' | b'\t')));
        let bytes = hex::decode(&digits).ok_or_else(wrong)?;
        if bytes.len() != algorithm.key_bytes() {
            return Err(wrong());
        }
        let found = Key::new(algorithm, &bytes)?.check_value();
        match found.is(check_value) {
            Ok(true) => Ok(Component { bytes }),
            Ok(false) => Err(KeyError::ComponentCheck { number }),
            Err(_) => Err(wrong()),
        }
    }

    /// The check value of the key that components make, before it is imported.
    pub fn check_value_of_all(
        components: &[Component],
        algorithm: Algorithm,
    ) -> Result<CheckValue, KeyError> {
        Ok(Component::join(components, algorithm)?.check_value())
    }

    /// The key of all its components. It is kept as it is, whatever its parity.
    pub(crate) fn join(components: &[Component], algorithm: Algorithm) -> Result<Key, KeyError> {
        if !(COMPONENTS_MIN..=COMPONENTS_MAX).contains(&components.len()) {
            return Err(KeyError::Components(components.len()));
        }
        let mut joined = Zeroizing::new(vec![0; algorithm.key_bytes()]);
        for (place, component) in components.iter().enumerate() {
            if component.bytes.len() != joined.len() {
                let bytes = algorithm.key_bytes();
                return Err(KeyError::Component { number: place + 1, bytes });
            }
            for (byte, other) in joined.iter_mut().zip(component.bytes.iter()) {
                *byte ^= other;
            }
        }
        if is_weak(algorithm, &joined) {
            return Err(KeyError::Weak);
        }
        Key::new(algorithm, &joined)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Component({} bytes)", self.bytes.len())
    }
}

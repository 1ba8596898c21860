//! The order of the steps that store a new generation on a token. If a step fails, either the old
//! key or the new one is in force, and the caller learns which.

use crate::check_value::CheckValue;
use crate::error::{KeyError, KeyStoreError};
use crate::store::generations::{KeyGeneration, KeyGenerations};
use crate::store::key_storage::NewKey;

/// Changes of a token for one key name.
pub trait TokenChanges {
    type Key: Clone;

    /// Stores the check values of all dropped generations.
    fn write_retired(&self, retired: &[CheckValue]) -> Result<(), KeyError>;

    fn create(&self, generation: u32, key: NewKey) -> Result<KeyGeneration<Self::Key>, KeyError>;

    /// Removes a generation, or what exists of it.
    fn remove(&self, generation: u32) -> Result<(), KeyError>;
}

/// Creates a generation, removes the `dropped` ones, and returns the resulting generations.
///
/// Stores the check values first: the check value of a key that still exists does no harm. Nothing
/// fails once the new key exists: [`KeyGenerations::hide_retired`] hides a generation that cannot
/// be removed.
pub fn add_generation<S: TokenChanges>(
    token: &S,
    mut generations: KeyGenerations<S::Key>,
    key: NewKey,
    generation: u32,
    dropped: &[u32],
) -> Result<KeyGenerations<S::Key>, KeyError> {
    generations.retire_all(dropped);
    if !dropped.is_empty() {
        token.write_retired(&generations.retired_check_values)?;
    }
    match token.create(generation, key) {
        Ok(made) => generations.kept.push(made),
        Err(error) => {
            // Only the answer may be lost: remove the key in case it exists.
            return Err(match token.remove(generation) {
                Ok(()) => error,
                Err(_) => {
                    KeyStoreError::NewKeyUncertain { generation, source: Box::new(error) }.into()
                }
            });
        }
    }
    for generation in dropped {
        let _ = token.remove(*generation);
    }
    Ok(generations)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::algorithm::Algorithm;
    use crate::name::KeyName;
    use crate::purpose::KeyPurpose;
    use crate::store::KeyListing;
    use crate::store::key_storage::GenerationSelector;

    /// A token on which the steps named in `fails` fail.
    #[derive(Default)]
    struct Failing {
        fails: &'static [&'static str],
        present: RefCell<Vec<u32>>,
        retired: RefCell<Vec<CheckValue>>,
    }

    impl Failing {
        fn at(fails: &'static [&'static str]) -> Failing {
            Failing { fails, present: RefCell::new(vec![1, 2]), ..Failing::default() }
        }

        fn step(&self, what: &'static str) -> Result<(), KeyError> {
            if !self.fails.contains(&what) {
                return Ok(());
            }
            let source = Box::new(cryptoki::error::Error::InvalidValue);
            Err(KeyError::Store(KeyStoreError::Pkcs11Module { what, source }))
        }
    }

    impl TokenChanges for Failing {
        type Key = ();

        fn write_retired(&self, retired: &[CheckValue]) -> Result<(), KeyError> {
            self.step("remember")?;
            *self.retired.borrow_mut() = retired.to_vec();
            Ok(())
        }

        fn create(&self, generation: u32, _: NewKey) -> Result<KeyGeneration<()>, KeyError> {
            self.present.borrow_mut().push(generation);
            self.step("create")?;
            Ok(entry(generation))
        }

        fn remove(&self, generation: u32) -> Result<(), KeyError> {
            self.step("remove")?;
            self.present.borrow_mut().retain(|present| *present != generation);
            Ok(())
        }
    }

    fn check_value(generation: u32) -> CheckValue {
        CheckValue::new([u8::try_from(generation).unwrap(); 5])
    }

    fn entry(generation: u32) -> KeyGeneration<()> {
        let listing = KeyListing {
            name: KeyName::new("alpha/mac").unwrap(),
            purpose: KeyPurpose::Mac,
            algorithm: Algorithm::Tdes2,
            generation,
            check_value: check_value(generation),
            made_on: jiff::civil::date(2013, 2, 25),
        };
        KeyGeneration { listing, key: () }
    }

    /// Adds the third generation, drops the first, and returns the listed generations.
    fn changed(token: &Failing) -> Result<Vec<u32>, KeyError> {
        let generations =
            KeyGenerations { kept: vec![entry(1), entry(2)], retired_check_values: Vec::new() };
        let after = add_generation(token, generations, NewKey::Random(Algorithm::Tdes2), 3, &[1])?;
        Ok(after.listings().map(|listing| listing.generation).collect())
    }

    #[test]
    fn a_failed_change_leaves_no_new_key() {
        for steps in [&["remember"], &["create"]] {
            let token = Failing::at(steps);
            assert!(changed(&token).is_err(), "{steps:?}");
            assert_eq!(*token.present.borrow(), [1, 2], "{steps:?}");
        }
    }

    #[test]
    fn the_error_says_when_the_new_key_may_exist() {
        let token = Failing::at(&["create", "remove"]);
        let error = changed(&token).unwrap_err().to_string();
        assert!(error.contains("generation 3 of a key may exist"), "{error}");
        assert!(error.contains("remove it before the next start"), "{error}");
    }

    #[test]
    fn a_generation_that_could_not_be_removed_stays_hidden_when_the_token_is_read_again() {
        let token = Failing::at(&["remove"]);
        changed(&token).unwrap();
        let kept = token.present.borrow().iter().map(|generation| entry(*generation)).collect();
        let mut read =
            KeyGenerations { kept, retired_check_values: token.retired.borrow().clone() };
        read.hide_retired();
        assert_eq!(read.listings().map(|one| one.generation).collect::<Vec<_>>(), [3, 2]);
        // The newest stays in force, even if its check value is listed as retired.
        read.retired_check_values.push(check_value(3));
        read.hide_retired();
        assert_eq!(
            read.find(&entry(3).listing.name, GenerationSelector::Newest).unwrap().generation,
            3
        );
    }

    #[test]
    fn nothing_fails_once_the_new_key_exists() {
        let cases: [(&[_], _); 2] = [(&[], vec![2, 3]), (&["remove"], vec![1, 2, 3])];
        for (steps, present) in cases {
            let token = Failing::at(steps);
            assert_eq!(changed(&token).unwrap(), [3, 2], "{steps:?}");
            assert_eq!(*token.present.borrow(), present, "{steps:?}");
            assert_eq!(*token.retired.borrow(), [check_value(1)], "{steps:?}");
        }
    }
}

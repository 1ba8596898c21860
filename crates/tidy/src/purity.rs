//! Checks of deterministic crates. They take code without comments and strings.

use crate::{complaint, has_word, numbered_lines};

const CLOCK: &str = "a clock; take the time with the command";
const OUTSIDE: &str = "input or output; leave it to `node` or the command line";
const CHANCE: &str = "randomness; take the value with the command";
const HASH_ORDER: &str =
    "ordered differently in each run; use BTreeMap, or hashbrown with foldhash's FixedState";

const IMPURE: [(&str, &str); 26] = [
    ("std::time", CLOCK),
    ("core::time", CLOCK),
    ("SystemTime", CLOCK),
    ("Instant", CLOCK),
    ("Timestamp::now", CLOCK),
    ("Zoned::now", CLOCK),
    ("std::fs", OUTSIDE),
    ("std::net", OUTSIDE),
    ("std::thread", OUTSIDE),
    ("std::env", OUTSIDE),
    ("std::process", OUTSIDE),
    ("println!", OUTSIDE),
    ("print!", OUTSIDE),
    ("eprintln!", OUTSIDE),
    ("eprint!", OUTSIDE),
    ("rand", CHANCE),
    ("rand_core", CHANCE),
    ("getrandom", CHANCE),
    ("fastrand", CHANCE),
    ("collections::HashMap", HASH_ORDER),
    ("collections::HashSet", HASH_ORDER),
    ("collections::hash_map", HASH_ORDER),
    ("collections::hash_set", HASH_ORDER),
    ("collections::*", HASH_ORDER),
    ("RandomState", HASH_ORDER),
    ("DefaultHasher", HASH_ORDER),
];

/// Finds clocks, I/O, randomness and hash order.
#[must_use]
pub fn impure(path: &str, code: &str) -> Vec<String> {
    let named = |line: &str| IMPURE.into_iter().find(|(word, _)| has_word(line, word));
    numbered_lines(code)
        .filter_map(|(number, line)| named(line).map(|(word, why)| (number, word, why)))
        .map(|(number, word, why)| complaint(path, number, &format!("`{word}` is {why}")))
        .collect()
}

/// Finds floats: the types by name, and numeric literals.
#[must_use]
pub fn floats(path: &str, code: &str) -> Vec<String> {
    numbered_lines(code)
        .filter_map(|(number, line)| first_float(line).map(|float| (number, float)))
        .map(|(number, float)| {
            let what = format!("`{float}` is a float; use minor units and parts per million");
            complaint(path, number, &what)
        })
        .collect()
}

fn first_float(line: &str) -> Option<&str> {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut place = 0;
    while let Some(offset) = line[place..].find(in_name) {
        let start = place + offset;
        let length = line[start..].find(|c| !in_name(c)).unwrap_or(line.len() - start);
        let (word, after) = line[start..].split_at(length);
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        let is_field = line[..start].ends_with('.') && !line[..start].ends_with("..");
        let is_float = if is_number {
            !is_field && is_float_number(word, after)
        } else {
            matches!(word, "f32" | "f64" | "f16" | "f128")
        };
        if is_float {
            return Some(word);
        }
        place = start + length;
    }
    None
}

/// Whether the numeric literal `word`, followed by `after`, is a float.
fn is_float_number(word: &str, after: &str) -> bool {
    if ["0x", "0b", "0o"].iter().any(|prefix| word.starts_with(prefix)) {
        return false;
    }
    // `1..2` is a range and `1.max(2)` a call.
    let has_decimals = after.strip_prefix('.').is_some_and(|decimals| {
        !decimals.starts_with(|c: char| c == '.' || c == '_' || c.is_alphabetic())
    });
    // `1e9`, and `1e` before `-9`.
    let has_exponent = word.split_once(['e', 'E']).is_some_and(|(digits, exponent)| {
        let signed = exponent.is_empty() && after.starts_with(['+', '-']);
        digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
            && (signed || exponent.starts_with(|c: char| c.is_ascii_digit()))
    });
    has_decimals || has_exponent || word.ends_with("f32") || word.ends_with("f64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::{TestLines, code_only, flat_uses, without_tests};

    fn product_code(text: &str) -> String {
        let code = code_only(text);
        flat_uses(&without_tests(&code, &TestLines::of(&code)))
    }

    #[test]
    fn each_impure_name_is_reported() {
        for (word, why) in IMPURE {
            let found = impure("a.rs", &format!("fn f() {{\n    {word}\n}}\n"));
            assert_eq!(found, [format!("a.rs:2: `{word}` is {why}")]);
        }
    }

    #[test]
    fn an_impure_name_in_a_group_is_found() {
        let code = product_code("use std::{\n    collections::{BTreeMap, HashMap},\n};\n");
        assert_eq!(
            impure("a.rs", &code),
            ["a.rs:1: `collections::HashMap` is ordered differently in each run; use BTreeMap, \
             or hashbrown with foldhash's FixedState"]
        );
    }

    #[test]
    fn comments_tests_and_fixed_hashing_are_pure() {
        let text = "//! Never: `std::time`.\nuse hashbrown::HashMap;\nlet operand = 1;\n\
                    #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert!(impure("a.rs", &product_code(text)).is_empty());
    }

    #[test]
    fn floats_are_found_by_type_and_by_number() {
        for code in ["x: f64", "as f32", "1.5", "let x = 2.;", "1e9", "1e-9", "1_000f64", "7.0_f64"]
        {
            assert_eq!(floats("a.rs", code).len(), 1, "{code}");
        }
        assert_eq!(
            floats("a.rs", "\nlet a: f64 = b;\n"),
            ["a.rs:2: `f64` is a float; use minor units and parts per million"]
        );
    }

    #[test]
    fn whole_numbers_ranges_fields_and_hexadecimals_are_no_floats() {
        for code in ["0..5", "1..=9", "x.0.1", "1.max(2)", "0x1e5", "1_000_u64", "7usize", "5isize"]
        {
            assert!(floats("a.rs", code).is_empty(), "{code}");
        }
        assert!(floats("a.rs", &code_only("// 0.55%\nlet x = \"1.5\"; // f64")).is_empty());
    }
}

//! Sentences for people, from `texts/{en,zh}.toml`.
//!
//! A key is `section.name`. Source has it as one literal, `texts::text(lang, "section.name")`, or
//! has the section of an [`entry`]: the tests find texts that are missing or not used.

use std::fmt::Display;
use std::sync::OnceLock;

use crate::words::Lang;

use pages::texts::parse;
pub use pages::texts::{Texts, fill};

/// All texts of a language.
pub fn all(lang: Lang) -> &'static Texts {
    static ENGLISH: OnceLock<Texts> = OnceLock::new();
    static CHINESE: OnceLock<Texts> = OnceLock::new();
    match lang {
        Lang::En => ENGLISH.get_or_init(|| parse(include_str!("../texts/en.toml"))),
        Lang::Zh => CHINESE.get_or_init(|| parse(include_str!("../texts/zh.toml"))),
    }
}

/// The text of a key.
///
/// # Panics
/// Panics if there is none; the tests look up every key in the source.
pub fn text(lang: Lang, key: &str) -> &'static str {
    all(lang).get(key).unwrap_or_else(|| panic!("no text `{key}` in {lang:?}"))
}

/// The text of a key with values in the places of `{name}`.
pub fn filled(lang: Lang, key: &str, values: &[(&str, &dyn Display)]) -> String {
    fill(text(lang, key), &mut |name| match values.iter().find(|(other, _)| *other == name) {
        Some((_, value)) => value.to_string(),
        None => panic!("no value for `{name}` of the text `{key}`"),
    })
}

/// The text of a name in a section, such as a name in JSON; none if the section has no such name.
pub fn entry(lang: Lang, section: &str, name: &str) -> Option<&'static str> {
    all(lang).get(&format!("{section}.{name}")).map(String::as_str)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    pub(crate) use pages::texts::placeholders;

    use super::*;

    /// Sections whose English is clap's, in doc comments, in declarations, or in other crates'
    /// errors.
    const CHINESE_ONLY: [&str; 8] = [
        "help.",
        "command_line.",
        "phrase.",
        "reason.",
        "do.field.",
        "do.about.",
        "sql_views.row.",
        "sql_views.column.",
    ];

    fn chinese() -> impl Iterator<Item = (&'static String, &'static String)> {
        let only = |key: &str| CHINESE_ONLY.iter().any(|section| key.starts_with(section));
        all(Lang::Zh).iter().filter(move |(key, _)| !only(key))
    }

    fn chinese_and_english() -> impl Iterator<Item = &'static String> {
        all(Lang::Zh).keys().chain(all(Lang::En).keys())
    }

    fn section(key: &str) -> &str {
        key.split('.').next().unwrap()
    }

    /// The Rust sources in a directory, but this file and tests.
    fn sources(directory: &Path, all: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() && !path.ends_with("tests") {
                sources(&path, all);
            } else if is_source && !path.ends_with("src/texts.rs") {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn source() -> String {
        let mut all = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        all
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_placeholders() {
        let english: BTreeSet<_> = all(Lang::En).keys().collect();
        let chinese_keys: BTreeSet<_> = chinese().map(|(key, _)| key).collect();
        let different: Vec<_> = english.symmetric_difference(&chinese_keys).collect();
        assert!(different.is_empty(), "in one language only: {different:?}");
        for (key, text) in chinese() {
            assert_eq!(placeholders(&all(Lang::En)[key]), placeholders(text), "{key}");
        }
    }

    #[test]
    fn every_text_is_used() {
        let source = source();
        let in_source = |key: &str| source.contains(&format!("\"{key}\""));
        let used = |key: &str| {
            let sections = key.match_indices('.').map(|(end, _)| &key[..end]);
            in_source(key) || sections.into_iter().any(in_source)
        };
        // Help has a test of its own, and phrases another.
        let others = ["help", "phrase"];
        let keys = all(Lang::Zh).keys().filter(|key| !others.contains(&section(key)));
        let unused: Vec<_> = keys.filter(|key| !used(key)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn every_text_that_the_source_names_is_there() {
        let source = source();
        let sections: BTreeSet<_> = chinese_and_english().map(|key| section(key)).collect();
        let mut named = 0;
        for section in sections.into_iter().filter(|section| *section != "help") {
            for literal in source.split(&format!("\"{section}.")).skip(1) {
                let key = format!("{section}.{}", literal.split('"').next().unwrap());
                assert!(
                    chinese_and_english().any(|text| text.starts_with(&key)),
                    "no text `{key}`"
                );
                named += 1;
            }
        }
        assert!(named > 0, "no text is used");
    }

    /// Every word and clause of an error that has Chinese is still in a crate.
    #[test]
    fn every_phrase_is_in_a_crate() {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut source);
        // As an error has it: without line breaks, with a number for each placeholder.
        let lines = source.split("\\\n").map(str::trim_start).collect::<Vec<_>>().concat();
        let lines = lines.replace("\\\"", "\"");
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut literals = String::new();
        for part in lines.split('{') {
            match part.trim_start_matches(name).strip_prefix('}') {
                Some(after) => literals.extend(["#", after]),
                None => literals.extend(["{", part]),
            }
        }
        let phrases = all(Lang::Zh).keys().filter_map(|key| key.strip_prefix("phrase."));
        let known = |phrase: &str| {
            let literal = format!("\"{phrase}\"");
            source.contains(&literal) || lines.contains(&literal) || literals.contains(&literal)
        };
        let lost: Vec<_> = phrases.filter(|phrase| !known(phrase)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn values_stand_in_the_places_of_their_names() {
        let filled = filled(Lang::En, "error.standard_output", &[("cause", &"disk full")]);
        assert!(filled.starts_with("standard output cannot be written: disk full; "), "{filled}");
        assert_eq!(entry(Lang::Zh, "error", "label"), Some("错误："));
        assert_eq!(entry(Lang::Zh, "error", "no such name"), None);
    }
}

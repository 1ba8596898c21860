//! Texts from files of TOML: a key is `section.name`, in English and Chinese.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::OnceLock;

use office::Language;
use toml::{Table, Value};

/// Texts by key. A nested section has a dotted key.
pub type Texts = BTreeMap<String, String>;

/// Reads a file of texts.
///
/// # Panics
/// Panics if the text is not valid: the files are parts of the program.
#[must_use]
pub fn parse(file: &str) -> Texts {
    let table = file.parse().unwrap_or_else(|error| panic!("a file of texts: {error}"));
    let mut texts = Texts::new();
    flatten("", &table, &mut texts);
    texts
}

fn flatten(section: &str, table: &Table, texts: &mut Texts) {
    for (name, value) in table {
        let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        match value {
            Value::Table(table) => flatten(&key, table, texts),
            Value::String(text) => drop(texts.insert(key, text.clone())),
            other => panic!("the text `{key}` is no string: {other}"),
        }
    }
}

/// A text with values in the places of `{name}`. `{name:day|days}` is the first word if the value
/// is 1, and the second one otherwise.
pub fn fill(mut text: &str, value: &mut dyn FnMut(&str) -> String) -> String {
    let mut out = String::new();
    while let Some((before, name, after)) = placeholder(text) {
        out.push_str(before);
        match name.split_once(':').and_then(|(of, words)| Some((of, words.split_once('|')?))) {
            Some((of, (one, _))) if value(of) == "1" => out.push_str(one),
            Some((_, (_, more))) => out.push_str(more),
            None => out.push_str(&value(name)),
        }
        text = after;
    }
    out.push_str(text);
    out
}

/// The first `{name}` of a text, with what is before and after.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// The names of a text's placeholders.
#[must_use]
pub fn placeholders(mut text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    while let Some((_, name, after)) = placeholder(text) {
        let plural = name.split_once(':').filter(|(_, words)| words.contains('|'));
        names.insert(plural.map_or(name, |(of, _)| of));
        text = after;
    }
    names
}

/// The texts of the pages in a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWords(pub Language);

impl PageWords {
    fn all(self) -> &'static Texts {
        static ENGLISH: OnceLock<Texts> = OnceLock::new();
        static CHINESE: OnceLock<Texts> = OnceLock::new();
        match self.0 {
            Language::En => ENGLISH.get_or_init(|| parse(include_str!("../texts/en.toml"))),
            Language::Zh => CHINESE.get_or_init(|| parse(include_str!("../texts/zh.toml"))),
        }
    }

    /// The text of a key, which the tests look up.
    #[must_use]
    pub fn get(self, key: &str) -> &'static str {
        self.all().get(key).map_or("", String::as_str)
    }

    /// The text of a name in a section. None if the section has no such name.
    #[must_use]
    pub fn entry(self, section: &str, name: &str) -> Option<&'static str> {
        self.all().get(&format!("{section}.{name}")).map(String::as_str)
    }

    /// A word of a view's column.
    #[must_use]
    pub fn word(self, view: &str, word: &str) -> Option<&'static str> {
        let own = self.entry("word_of", &format!("{view}.{word}"));
        own.or_else(|| self.entry("word", word))
    }

    /// What a command is called.
    #[must_use]
    pub fn command(self, name: &str) -> &str {
        self.entry("act", name).or_else(|| self.entry("command", name)).unwrap_or(name)
    }

    /// The text of a key with values in the places of `{name}`.
    #[must_use]
    pub fn fill(self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        fill(self.get(key), &mut |name| {
            let named = values.iter().find(|(other, _)| *other == name);
            named.map_or_else(String::new, |(_, value)| value.to_string())
        })
    }

    #[must_use]
    pub fn is_zh(self) -> bool {
        self.0 == Language::Zh
    }

    /// For the attribute `lang`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        if self.is_zh() { "zh-CN" } else { "en" }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use views::ColumnKind;
    use views::read::VIEWS;

    use super::*;

    const BOTH: [PageWords; 2] = [PageWords(Language::En), PageWords(Language::Zh)];
    /// Sections whose keys follow from declarations.
    const DECLARED: [&str; 31] = [
        "arrivals.kind.",
        "arrivals.state.",
        "arrivals.what.",
        "policy.effect.",
        "policy.reason_of.",
        "policy.sample.",
        "claims.verdict.",
        "claims.reason.",
        "claims.correction.",
        "pulse.unit.",
        "pulse.version.",
        "costs.by.",
        "exit.pending.",
        "exit.told_event.",
        "exit.way.",
        "costs.component.",
        "view.",
        "one.",
        "about.",
        "column.",
        "column_of.",
        "word.",
        "word_of.",
        "role.",
        "act.",
        "act_end.",
        "field.",
        "field_of.",
        "entry.",
        "command.",
        "event.",
    ];

    fn source() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = String::new();
        for directory in [root.join("src"), root.join("templates"), root.join("../web/src")] {
            read(&directory, &mut all);
        }
        all
    }

    fn read(directory: &Path, all: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => read(&path, all),
                false => all.push_str(&fs::read_to_string(&path).unwrap()),
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_placeholders() {
        let [en, zh] = BOTH.map(PageWords::all);
        let keys = |texts: &'static Texts| texts.keys().collect::<BTreeSet<_>>();
        let different: Vec<_> = keys(en).symmetric_difference(&keys(zh)).copied().collect();
        assert!(different.is_empty(), "in one language only: {different:?}");
        for (key, text) in en {
            assert_eq!(placeholders(text), placeholders(&zh[key]), "{key}");
            assert!(!text.trim().is_empty() && !zh[key].trim().is_empty(), "{key}");
        }
    }

    #[test]
    fn every_text_is_used_and_every_used_text_is_there() {
        let source = source();
        let en = BOTH[0].all();
        let declared = |key: &str| DECLARED.iter().any(|section| key.starts_with(section));
        for key in en.keys().filter(|key| !declared(key)) {
            let is_used = source.contains(&format!("\"{key}\"")) || {
                let (section, _) = key.split_once('.').unwrap();
                source.contains(&format!("format!(\"{section}.{{"))
            };
            assert!(is_used, "no page has `{key}`");
        }
        let sections: BTreeSet<_> = en.keys().filter_map(|key| key.split_once('.')).collect();
        let sections: BTreeSet<_> = sections.into_iter().map(|(section, _)| section).collect();
        for section in sections {
            for call in ["t(\"", "get(\"", "fill(\"", "count(\""] {
                for literal in source.split(&format!("{call}{section}.")).skip(1) {
                    let key = format!("{section}.{}", literal.split('"').next().unwrap());
                    assert!(en.contains_key(&key), "no text `{key}`");
                }
            }
        }
    }

    #[test]
    fn every_view_column_and_word_has_its_texts() {
        for words in BOTH {
            for view in VIEWS {
                for section in ["view", "one", "about"] {
                    assert!(words.entry(section, view.name).is_some(), "{section} {}", view.name);
                }
                for column in view.columns {
                    let label = words.entry("column", column.name);
                    assert!(label.is_some(), "{} {}", view.name, column.name);
                    let ColumnKind::Word(all) = column.kind else { continue };
                    for word in all {
                        assert!(words.entry("word", word).is_some(), "{} {word}", view.name);
                    }
                }
            }
        }
    }

    #[test]
    fn every_command_and_entry_of_the_chart_has_a_name() {
        for words in BOTH {
            for row in books::chart::CHART {
                assert!(words.entry("entry", row.name).is_some(), "{}", row.name);
            }
            for spec in books::Command::SPECS {
                let own = ["act", "command"].map(|section| words.entry(section, spec.name));
                assert!(own.iter().any(Option::is_some), "{}", spec.name);
            }
        }
    }

    #[test]
    fn a_word_is_in_the_plural_but_for_one() {
        let text = |days: &str| fill("{days} {days:day|days} old", &mut |_| days.to_owned());
        for (days, words) in [("0", "0 days old"), ("1", "1 day old"), ("1,000", "1,000 days old")]
        {
            assert_eq!(text(days), words);
        }
    }
}

//! What other people's tables say of one character.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use pinyin::ToPinyin;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// The versions of the tables: a decision names them, since another version may match otherwise.
pub const TABLES_VERSION: &str =
    "unicode-normalization 0.1.26, unicode-security 0.1.3, OpenCC 0.4.0, pinyin 0.11.0";

/// Blocks with Chinese characters.
pub(crate) fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Not seen by a reader: default ignorable (UAX #44), other format characters and fillers.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

pub(crate) fn nfkc(c: char, into: &mut Vec<char>) {
    into.extend(std::iter::once(c).nfkc());
}

/// Only the forms of another width.
pub(crate) fn width(c: char, into: &mut Vec<char>) {
    match c {
        '\u{3000}' | '\u{ff00}'..='\u{ffef}' => nfkc(c, into),
        _ => into.push(c),
    }
}

pub(crate) fn confusables(c: char, into: &mut Vec<char>) {
    into.extend(skeleton(c.encode_utf8(&mut [0; 4])));
}

pub(crate) fn simplified(c: char) -> char {
    static TABLE: OnceLock<BTreeMap<char, char>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let Ok(converter) = OpenCC::from_config(BuiltinConfig::T2s) else { return BTreeMap::new() };
        let all = ('\u{3400}'..='\u{323af}').filter(|c| is_chinese(*c));
        let pairs = all.filter_map(|c| {
            let converted = converter.convert(c.encode_utf8(&mut [0; 4]));
            let simplified = converted.chars().next()?;
            (simplified != c).then_some((c, simplified))
        });
        pairs.collect()
    });
    if is_chinese(c) { table.get(&c).copied().unwrap_or(c) } else { c }
}

/// `ü` is written as `v`, as it is typed.
pub(crate) fn sound(c: char, into: &mut Vec<char>) -> bool {
    let Some(sound) = c.to_pinyin() else { return false };
    into.extend(sound.plain().chars().map(|c| if c == 'ü' { 'v' } else { c }));
    true
}

//! What other people's tables say of one character.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use pinyin::ToPinyinMulti;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// The versions of the tables: a decision names them, since another version may match otherwise.
pub const TABLES_VERSION: &str = "unicode-normalization 0.1.26, unicode-security 0.1.3, \
     OpenCC 0.4.0, pinyin 0.11.0, matching 2";

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

/// One of the sounds of a Chinese character, without tones; other letters lose theirs. `ü` is
/// written as `v`, as it is typed.
pub(crate) fn sound(c: char, reading: usize, into: &mut Vec<char>) {
    let sounds = c.to_pinyin_multi();
    match sounds.and_then(|sounds| sounds.get_opt(reading).or_else(|| sounds.get_opt(0))) {
        Some(sound) => sound.plain().chars().for_each(|c| into.push(without_tone(c))),
        None => into.push(without_tone(c)),
    }
}

/// How many sounds a character has.
pub(crate) fn sounds(c: char) -> usize {
    c.to_pinyin_multi().map_or(1, pinyin::PinyinMulti::count)
}

/// The letter of pinyin without its tone: `a` for `ǎ`, `v` for `ǚ` and `ü`.
fn without_tone(c: char) -> char {
    if c.is_ascii() || is_chinese(c) {
        return c;
    }
    let mut marks = std::iter::once(c).nfd();
    let Some(letter) = marks.next().filter(char::is_ascii_alphabetic) else { return c };
    let mut became = letter;
    for mark in marks {
        became = match (mark, letter) {
            ('\u{308}', 'u') => 'v',
            ('\u{308}', 'U') => 'V',
            ('\u{300}' | '\u{301}' | '\u{304}' | '\u{30c}', _) => became,
            _ => return c,
        };
    }
    became
}

/// The Latin letter that a letter of another script looks like as a capital: `В` looks like `B`,
/// and `в` like no letter, so it is taken for the same.
pub(crate) fn latin_look(c: char, into: &mut Vec<char>) {
    let look = |c: char| {
        let mut look = skeleton(c.encode_utf8(&mut [0; 4])).collect::<Vec<_>>().into_iter();
        look.next().filter(|it| it.is_ascii_alphabetic() && look.next().is_none())
    };
    let capital = |c: char| look(c).filter(char::is_ascii_uppercase);
    let became = match (c.is_ascii(), c.is_uppercase(), c.is_lowercase()) {
        (false, true, _) => capital(c),
        (false, _, true) if look(c).is_none() => {
            let mut upper = c.to_uppercase();
            let one = upper.next().filter(|_| upper.next().is_none());
            one.and_then(capital).map(|it| it.to_ascii_lowercase())
        }
        _ => None,
    };
    into.push(became.unwrap_or(c));
}

/// Stands between letters, or for one that it looks like: `|`.
pub(crate) fn is_letter_or_separator(c: char) -> bool {
    static ALL: OnceLock<Vec<char>> = OnceLock::new();
    if c.is_ascii_alphanumeric() || matches!(c, '\u{3400}'..='\u{9fff}') {
        return false;
    }
    let all = ALL.get_or_init(|| {
        let reads = |c: &char| {
            !c.is_alphanumeric() && skeleton(c.encode_utf8(&mut [0; 4])).any(char::is_alphanumeric)
        };
        ('\0'..'\u{20000}').filter(reads).collect()
    });
    all.binary_search(&c).is_ok()
}

//! Texts in both languages.

use std::borrow::Cow;

use office::Language;

/// A text in English and Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BilingualText {
    pub en: Cow<'static, str>,
    pub zh: Cow<'static, str>,
}

impl BilingualText {
    #[must_use]
    pub const fn fixed(en: &'static str, zh: &'static str) -> BilingualText {
        BilingualText { en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }
}

/// A text with values, in both languages.
macro_rules! words {
    ($en:literal, $zh:literal $(, $value:expr)* $(,)?) => {
        $crate::words::BilingualText {
            en: format!($en $(, $value)*).into(),
            zh: format!($zh $(, $value)*).into(),
        }
    };
}
pub(crate) use words;

/// The language that a sender wants: the one of `Accept-Language` with the higher weight.
#[must_use]
pub fn wanted_language(accept: Option<&str>) -> Language {
    let (mut best, mut language) = (0, Language::En);
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, thousandths);
        let named = match tag.split('-').next() {
            Some("zh") => Language::Zh,
            Some("en" | "*") => Language::En,
            _ => continue,
        };
        if weight > best {
            (best, language) = (weight, named);
        }
    }
    language
}

/// A weight such as `0.8` in thousandths. What is no weight counts as none.
pub(crate) fn thousandths(text: &str) -> u32 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, digits(part)) {
        ("1", true) => 1_000,
        ("0", true) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_higher_weight_is_chosen() {
        for (accept, expected) in [
            (None, Language::En),
            (Some("zh"), Language::Zh),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Language::Zh),
            (Some("en;q=0.5, zh;q=0.7"), Language::Zh),
            (Some("zh;q=0.2, en"), Language::En),
            (Some("zh;q=0"), Language::En),
            (Some("de, fr"), Language::En),
            (Some("zh;q=2"), Language::En),
        ] {
            assert_eq!(wanted_language(accept), expected, "{accept:?}");
        }
    }
}

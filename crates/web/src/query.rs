//! The query of a request. Each parameter is known, and stands there once.

use std::collections::BTreeMap;

use crate::json::invisible;
use crate::problem::{Problem, ProblemKind};
use crate::words::words;

/// Of a query, in bytes.
const QUERY_BYTES_MAX: usize = 8 << 10;

/// The parameters of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryParameters(BTreeMap<String, String>);

impl QueryParameters {
    /// # Errors
    /// A parameter is unknown, repeated or not UTF-8.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<QueryParameters, Problem> {
        let query = query.unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return Err(ProblemKind::HeadTooLarge.into());
        }
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        });
        let pairs = pairs.collect::<Option<Vec<_>>>().ok_or(ProblemKind::BadQuery)?;
        QueryParameters::of(pairs.into_iter(), known)
    }

    /// Parameters that are decoded.
    ///
    /// # Errors
    /// One is unknown or repeated, or has an invisible character.
    pub fn of(
        given: impl Iterator<Item = (String, String)>,
        known: &[&str],
    ) -> Result<QueryParameters, Problem> {
        let mut read = BTreeMap::new();
        for (name, value) in given {
            if !known.contains(&name.as_str()) {
                let list = known.join(", ");
                let shown = name.escape_debug().to_string();
                let none = words!(
                    "there is no parameter `{shown}` here; leave it out",
                    "此处没有参数 `{shown}`；请去掉"
                );
                let detail = if known.is_empty() {
                    none
                } else {
                    words!(
                        "there is no parameter `{shown}` here; use one of: {list}",
                        "此处没有参数 `{shown}`；可用：{list}"
                    )
                };
                return Err(Problem::new(ProblemKind::BadQuery, detail).with_field(shown));
            }
            if invisible(&value).is_some() {
                let detail = words!(
                    "the parameter `{name}` has an invisible character; leave it out",
                    "参数 `{name}` 含不可见字符；请去掉"
                );
                return Err(Problem::new(ProblemKind::BadQuery, detail).with_field(name));
            }
            if read.insert(name.clone(), value).is_some() {
                let detail = words!(
                    "the parameter `{name}` is given twice; give it once",
                    "参数 `{name}` 出现两次；请只给一次"
                );
                return Err(Problem::new(ProblemKind::BadQuery, detail).with_field(name));
            }
        }
        Ok(QueryParameters(read))
    }

    /// With these parameters.
    #[must_use]
    pub fn with(pairs: &[(&str, &str)]) -> QueryParameters {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        QueryParameters(pairs.collect())
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that is a text of 1 to `most` characters.
    ///
    /// # Errors
    /// It is empty, or longer.
    pub fn text(&self, name: &str, most: usize) -> Result<Option<&str>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if (1..=most).contains(&text.chars().count()) {
            return Ok(Some(text));
        }
        let detail = words!(
            "`{name}` must have 1 to {most} characters; correct it",
            "`{name}` 须为 1 至 {most} 个字符；请更正"
        );
        Err(Problem::new(ProblemKind::BadQuery, detail).with_field(name))
    }

    /// A parameter that is a number.
    ///
    /// # Errors
    /// The text is not a number, or the number is out of the range.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse::<u64>().ok()).flatten();
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let detail = words!(
                    "`{name}` must be a whole number from {least} to {most}; correct it",
                    "`{name}` 须为 {least} 至 {most} 的整数；请更正"
                );
                Err(Problem::new(ProblemKind::BadQuery, detail).with_field(name))
            }
        }
    }
}

/// A text without percent encoding. `None` if it is not UTF-8, or cut.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let mut one = [0];
                base16ct::mixed::decode(digits, &mut one).ok()?;
                one[0]
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_and_stand_there_once() {
        let read = |query: &str| QueryParameters::read(Some(query), &["a", "b"]);
        let query = read("a=x%20y+z&b=%E5%8D%96").unwrap();
        assert_eq!((query.get("a"), query.get("b")), (Some("x y z"), Some("卖")));
        for wrong in ["c=1", "a=1&a=2", "a=%", "a=%zz", "a=%FF", "a=%00", "a=%E2%80%AE"] {
            assert_eq!(read(wrong).unwrap_err().status(), 400, "{wrong}");
        }
        assert!(read(&"a=1&".repeat(QUERY_BYTES_MAX)).is_err());
    }

    #[test]
    fn a_number_has_a_range() {
        let query = QueryParameters::read(Some("a=7&b=x"), &["a", "b", "c"]).unwrap();
        assert_eq!(query.number("a", 1, 7).unwrap(), Some(7));
        assert!(query.number("a", 1, 6).is_err() && query.number("b", 0, 9).is_err());
        assert_eq!(query.number("c", 0, 9).unwrap(), None);
    }
}

//! Reads the JSON of requests, strictly: what could be understood in two ways is refused.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::limits::JSON_DEPTH_MAX;

/// What is wrong with a body, and where: a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    pub kind: JsonFaultKind,
    pub pointer: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonFaultKind {
    /// Line and column, and what was expected there.
    Syntax(String),
    NotAnObject,
    DuplicateKey,
    TooDeep,
    /// A fraction, or more digits than 64 bits have.
    NotWhole,
    /// A control character, or one that hides text or changes its direction.
    Invisible(char),
}

/// Reads an object.
///
/// # Errors
/// What is wrong with it.
pub fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    let state = Reading::default();
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let read = Seed { state: &state, depth: 0 }.deserialize(&mut from);
    let read = read.and_then(|value| from.end().map(|()| value));
    let fault = |kind| JsonFault { kind, pointer: state.pointer() };
    match (read, state.fault.take()) {
        (_, Some(kind)) => Err(fault(kind)),
        (Ok(Value::Object(object)), None) => Ok(object),
        (Ok(_), None) => Err(fault(JsonFaultKind::NotAnObject)),
        // serde_json refuses what is deeper than its own stack allows in words of its own.
        (Err(error), None) => Err(fault(JsonFaultKind::Syntax(error.to_string()))),
    }
}

/// Whether a text shows as what it is.
#[must_use]
pub fn invisible(text: &str) -> Option<char> {
    let hides = |c: &char| {
        c.is_control()
            || matches!(*c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
            || matches!(*c, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{61C}')
    };
    text.chars().find(hides)
}

#[derive(Default)]
struct Reading {
    path: RefCell<Vec<String>>,
    fault: RefCell<Option<JsonFaultKind>>,
}

impl Reading {
    /// RFC 6901.
    fn pointer(&self) -> String {
        let escaped = |part: &String| format!("/{}", part.replace('~', "~0").replace('/', "~1"));
        format!("#{}", self.path.borrow().iter().map(escaped).collect::<String>())
    }

    /// The path stays where the fault is.
    fn refuse<E: Error>(&self, kind: JsonFaultKind) -> E {
        *self.fault.borrow_mut() = Some(kind);
        E::custom("refused")
    }

    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        match invisible(text) {
            None => Ok(()),
            Some(found) => Err(self.refuse(JsonFaultKind::Invisible(found))),
        }
    }
}

struct Seed<'s> {
    state: &'s Reading,
    depth: usize,
}

impl<'s> Seed<'s> {
    fn below<E: Error>(&self) -> Result<Seed<'s>, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(self.state.refuse(JsonFaultKind::TooDeep));
        }
        Ok(Seed { state: self.state, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// `1.0` is whole too. Beyond 2⁵³ a fraction has lost digits.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match value.to_string().parse::<i64>() {
            Ok(whole) if whole.unsigned_abs() <= 1 << 53 => Ok(whole.into()),
            _ => Err(self.state.refuse(JsonFaultKind::NotWhole)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.state.text(value)?;
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.below::<A::Error>()?;
        let mut list = Vec::new();
        loop {
            self.state.path.borrow_mut().push(list.len().to_string());
            let item = items.next_element_seed(self.below()?)?;
            self.state.path.borrow_mut().pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        self.below::<A::Error>()?;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            self.state.path.borrow_mut().push(key.clone());
            self.state.text(&key)?;
            if object.contains_key(&key) {
                return Err(self.state.refuse(JsonFaultKind::DuplicateKey));
            }
            let value = fields.next_value_seed(self.below()?)?;
            self.state.path.borrow_mut().pop();
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> JsonFault {
        read_object(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_plain_is_read() {
        let read = read_object(br#" {"a": [1.0, -2, "x", null, true], "b": {"c": ""}} "#).unwrap();
        assert_eq!(Value::from(read).to_string(), r#"{"a":[1,-2,"x",null,true],"b":{"c":""}}"#);
    }

    #[test]
    fn what_can_be_understood_in_two_ways_is_refused_and_named() {
        use JsonFaultKind as K;
        for (text, kind, pointer) in [
            (r#"{"a":{"b":1,"b":2}}"#, K::DuplicateKey, "#/a/b"),
            (r#"{"a":[1.5]}"#, K::NotWhole, "#/a/0"),
            (r#"{"a":1234567890123456789012345678901234567890}"#, K::NotWhole, "#/a"),
            (r#"{"a":1e17}"#, K::NotWhole, "#/a"),
            ("{\"a\":\"x\\u0000\"}", K::Invisible('\0'), "#/a"),
            ("{\"a/~\":\"\u{202E}x\"}", K::Invisible('\u{202E}'), "#/a~1~0"),
            ("{\"\\u2066\":1}", K::Invisible('\u{2066}'), "#/\u{2066}"),
            ("[1]", K::NotAnObject, "#"),
        ] {
            assert_eq!(fault(text), JsonFault { kind, pointer: pointer.to_owned() }, "{text}");
        }
        for text in ["", "{", r#"{"a":1} {}"#, "{'a':1}", "{\"a\":\"\u{1}\"}", "\u{FEFF}{}"] {
            assert!(matches!(fault(text).kind, K::Syntax(_)), "{text}");
        }
        let bytes = [b"{\"a\":\"".as_slice(), &[0xC0, 0x80], b"\"}"].concat();
        assert!(matches!(read_object(&bytes).unwrap_err().kind, K::Syntax(_)));
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth: usize| {
            let (open, close) = ("{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
            read_object(format!("{open}{{}}{close}").as_bytes())
        };
        assert!(nested(JSON_DEPTH_MAX).is_ok());
        for depth in [JSON_DEPTH_MAX + 1, 1_000] {
            let fault = nested(depth).unwrap_err();
            assert_eq!(fault.kind, JsonFaultKind::TooDeep, "{depth}");
        }
        let lists = format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(fault(&lists).kind, JsonFaultKind::TooDeep);
    }
}

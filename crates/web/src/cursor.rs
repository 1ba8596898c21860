//! Cursors of lists: where the next page begins, for which question, and as of which batch. They
//! are sealed under a key of this process, so a changed one is refused.

use base16ct::lower::encode_string;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use views::ViewValue;

/// Of the seal.
const SEAL_BYTES: usize = 16;
const CURSOR_BYTES_MAX: usize = 8 << 10;

/// Seals cursors.
pub struct CursorKey([u8; 32]);

/// Where a page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub after: Vec<ViewValue>,
    /// The batch of the first page: all pages are as of it.
    pub at: u64,
}

impl CursorKey {
    /// # Errors
    /// The operating system returns no random numbers.
    pub fn new() -> Result<CursorKey, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(CursorKey(key))
    }

    fn seal(&self, question: &str, payload: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.0);
        for text in [question, payload] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        // Hashed twice: nothing can be added behind the payload.
        encode_string(&Sha256::digest(hash.finalize())[..SEAL_BYTES])
    }

    /// The text of a cursor for a question.
    #[must_use]
    pub fn write(&self, question: &str, cursor: &Cursor) -> String {
        let after: Vec<Value> = cursor.after.iter().map(value_json).collect();
        let payload = json!({ "at": cursor.at, "after": after }).to_string();
        format!("{}{}", self.seal(question, &payload), encode_string(payload.as_bytes()))
    }

    /// Reads a cursor of the same question. `None` if it is another one's, or was changed.
    #[must_use]
    pub fn read(&self, question: &str, text: &str) -> Option<Cursor> {
        let (seal, payload) = text.split_at_checked(2 * SEAL_BYTES)?;
        if text.len() > CURSOR_BYTES_MAX {
            return None;
        }
        let payload = base16ct::lower::decode_vec(payload).ok()?;
        let payload = String::from_utf8(payload).ok()?;
        if self.seal(question, &payload) != seal {
            return None;
        }
        let read: Value = serde_json::from_str(&payload).ok()?;
        let after = read["after"].as_array()?.iter().map(json_value);
        Some(Cursor { after: after.collect::<Option<_>>()?, at: read["at"].as_u64()? })
    }
}

fn value_json(value: &ViewValue) -> Value {
    match value {
        ViewValue::Empty => Value::Null,
        ViewValue::Number(number) => (*number).into(),
        ViewValue::Text(text) => text.as_ref().into(),
        ViewValue::Parcel(parcel) => json!({ "parcel": parcel.to_string() }),
        // Dates that are read are texts.
        ViewValue::Day(_) => Value::Null,
    }
}

fn json_value(value: &Value) -> Option<ViewValue> {
    Some(match value {
        Value::Null => ViewValue::Empty,
        Value::Number(number) => ViewValue::Number(number.as_i64()?),
        Value::String(text) => ViewValue::text(text.as_str()),
        Value::Object(one) => match one.get("parcel") {
            Some(parcel) => ViewValue::Parcel(parcel.as_str()?.parse().ok()?),
            None => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_changed_or_is_of_another_question_is_refused() {
        let key = CursorKey::new().unwrap();
        let parcel = ViewValue::Parcel(books::ParcelId::new(7));
        let cursor = Cursor {
            after: vec![ViewValue::text("o-1"), ViewValue::Number(-5), parcel, ViewValue::Empty],
            at: 42,
        };
        let text = key.write("parcels", &cursor);
        assert_eq!(key.read("parcels", &text), Some(cursor));
        assert_eq!(key.read("orders", &text), None);
        assert_eq!(CursorKey::new().unwrap().read("parcels", &text), None);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(key.read("parcels", &String::from_utf8(changed).unwrap()), None, "{place}");
        }
        for wrong in ["", "x", &text[..20], &format!("{text}00"), &text.to_uppercase()] {
            assert_eq!(key.read("parcels", wrong), None, "{wrong}");
        }
    }
}

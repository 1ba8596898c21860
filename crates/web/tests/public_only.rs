//! Nobody writes to anybody here: no entry point takes a text that is for a person. Read from the
//! document, which has every request that the server knows.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Every free text that a body can have, by the name of its field, and what it is. Whoever adds one
/// says here what it is for; one that a person is to read as a message has no place.
const FREE_TEXTS: [(&str, &str); 33] = [
    ("account", "of a bank"),
    ("address", "where a parcel goes, sealed"),
    ("allow", "a phrase of a rule"),
    ("bank_code", "of a bank"),
    ("bic", "of a bank"),
    ("captions", "of an offer's pictures, public"),
    ("code", "of a second factor"),
    ("current_password", "a secret"),
    ("description", "of an offer, public"),
    ("evidence", "the digest of a document"),
    ("form", "of a file"),
    ("iban", "of a bank"),
    ("id", "of a rule"),
    ("jurisdiction", "a country"),
    ("language", "the tag of a text's language"),
    ("matches", "an example of a rule"),
    ("name", "of a person, a passkey, a version or a class"),
    ("Order", "a reference"),
    ("passes", "an example of a rule"),
    ("password", "a secret"),
    ("patterns", "of a rule"),
    ("reference", "the sender's own name of a thing"),
    ("rule", "the id of a rule"),
    ("secret", "a secret"),
    ("sku", "the seller's number of an article"),
    ("source", "law and article of a rule"),
    ("table_version", "of a table"),
    ("tables", "of Unicode and others"),
    ("text", "of a rule or an example, public"),
    ("title", "of an offer, public"),
    ("version", "of tables"),
    ("words", "of a rule"),
    ("zone", "a time zone"),
];
/// What a message between people would be called.
const NEVER: [&str; 12] = [
    "message",
    "messages",
    "chat",
    "inbox",
    "mailbox",
    "conversation",
    "thread",
    "reply",
    "comment",
    "note",
    "whisper",
    "dm",
];

/// Finds the strings of a schema without a list of values, a format or a form of their own.
fn free_texts<'v>(
    document: &'v Value,
    schema: &'v Value,
    field: &'v str,
    (found, plain): (&mut BTreeSet<&'v str>, &str),
    depth: usize,
) {
    assert!(depth < 40, "a schema in a circle");
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap();
        return free_texts(document, target, field, (found, plain), depth + 1);
    }
    let is_string = schema["type"] == "string"
        || schema["type"].as_array().is_some_and(|all| all.contains(&"string".into()));
    let is_open = ["enum", "format", "const"].iter().all(|name| schema[*name].is_null());
    let pattern = schema["pattern"].as_str();
    if is_string && is_open && pattern.is_none_or(|it| it == plain) {
        found.insert(field);
    }
    for (name, own) in schema["properties"].as_object().into_iter().flatten() {
        free_texts(document, own, name, (found, plain), depth + 1);
    }
    for kind in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        for own in schema[kind].as_array().into_iter().flatten() {
            free_texts(document, own, field, (found, plain), depth + 1);
        }
    }
    for kind in ["items", "additionalProperties"] {
        if schema[kind].is_object() {
            free_texts(document, &schema[kind], field, (found, plain), depth + 1);
        }
    }
}

#[test]
fn no_entry_point_takes_a_text_to_a_person() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let known: BTreeMap<&str, &str> = FREE_TEXTS.into_iter().collect();
    // The pattern of a free text, as every body has it.
    let plain =
        document["paths"]["/v1/set-password"]["post"]["requestBody"]["content"]["application/json"]
            ["schema"]["properties"]["name"]["pattern"]
            .as_str()
            .unwrap();
    let mut bodies = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let words: Vec<&str> = path.split(['/', '-', '{', '}']).collect();
        let messages: Vec<_> = words.iter().filter(|word| NEVER.contains(word)).collect();
        assert!(messages.is_empty(), "{path} looks like a message between people: {messages:?}");
        for (method, operation) in methods.as_object().unwrap() {
            let content = operation["requestBody"]["content"].as_object();
            for (media, body) in content.into_iter().flatten() {
                bodies += 1;
                // A whole file, not a body of fields.
                if media == "application/octet-stream" {
                    continue;
                }
                let mut found = BTreeSet::new();
                free_texts(&document, &body["schema"], "", (&mut found, plain), 0);
                for field in found {
                    let is_named = known.contains_key(field) && !NEVER.contains(&field);
                    assert!(is_named, "{method} {path} ({media}) takes a free text `{field}`");
                }
            }
        }
    }
    assert!(bodies > 100, "{bodies}");
}

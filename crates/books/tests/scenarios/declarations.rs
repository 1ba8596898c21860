//! What is declared about commands: numbers, names, who may give them, schemas and JSON.

use std::collections::BTreeSet;

use books::Command;
use serde_json::{Map, Value, json};

use super::examples::examples;

fn json_of(command: &Command) -> Map<String, Value> {
    let Value::Object(json) = serde_json::to_value(command).unwrap() else {
        panic!("{command:?} is no JSON object")
    };
    json
}

/// The schema's list of fields.
fn fields(schema: &Value) -> Map<String, Value> {
    schema["properties"].as_object().cloned().unwrap_or_default()
}

/// Whether a schema has a description, its own or that of the type it refers to.
fn is_described(schema: &Value, types: &Value) -> bool {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    let described =
        |schema: &Value| schema["description"].as_str().is_some_and(|text| !text.trim().is_empty());
    described(schema) || name.is_some_and(|name| described(&types[name]))
}

#[test]
fn numbers_are_unique_and_in_order() {
    assert!(Command::SPECS.is_sorted_by(|one, next| one.number < next.number));
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = Command::SPECS.iter().map(|spec| spec.name).collect();
    assert_eq!(names.len(), Command::SPECS.len());
}

#[test]
fn each_command_may_be_given_by_someone_once() {
    for spec in Command::SPECS {
        let kinds: BTreeSet<_> = spec.given_by.iter().collect();
        assert!(!kinds.is_empty() && kinds.len() == spec.given_by.len(), "{}", spec.name);
    }
}

#[test]
fn the_spec_of_a_command_is_its_own() {
    let mut exemplified = BTreeSet::new();
    for (_, command) in examples() {
        let spec = command.spec();
        assert!(format!("{command:?}").starts_with(&format!("{}(", spec.name)), "{command:?}");
        assert_eq!(spec.number, borsh::to_vec(&command).unwrap()[0], "{}", spec.name);
        exemplified.insert(spec.number);
    }
    let declared: BTreeSet<_> = Command::SPECS.iter().map(|spec| spec.number).collect();
    assert_eq!(exemplified, declared, "each command has an example");
}

#[test]
fn the_schema_of_each_command_describes_it_or_its_fields() {
    for spec in Command::SPECS {
        let schema = (spec.schema)().to_value();
        assert_eq!(schema["title"], spec.name);
        assert_eq!(schema["additionalProperties"], false, "{}", spec.name);
        let types = &schema["$defs"];
        let described = is_described(&schema, types)
            || fields(&schema).values().any(|field| is_described(field, types));
        assert!(described, "{} has no description", spec.name);
    }
}

#[test]
fn schemas_name_the_fields_of_the_json() {
    for (example, command) in examples() {
        let name = format!("{}.{example}", command.spec().name);
        let mut json = json_of(&command);
        assert_eq!(json.remove("command"), Some(json!(command.spec().name)), "{name}");
        let schema = (command.spec().schema)().to_value();
        assert!(json.keys().eq(fields(&schema).keys()), "{name}: {json:?}");
        // A field that is not required may be null or left out.
        let required = schema["required"].as_array().into_iter().flatten();
        let required: BTreeSet<_> = required.map(|field| field.as_str().unwrap()).collect();
        for (field, value) in &json {
            assert!(!required.contains(&**field) || !value.is_null(), "{name}: {field}");
        }
    }
}

#[test]
fn each_command_is_read_from_json_as_it_was_written() {
    for (example, command) in examples() {
        let name = format!("{}.{example}", command.spec().name);
        let text = serde_json::to_string(&command).unwrap();
        let read: Command = serde_json::from_str(&text).unwrap();
        assert_eq!(read, command, "{name}: {text}");
        let value = Value::Object(json_of(&command));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{name}");
        let read: Command = serde_json::from_value(value).unwrap();
        assert_eq!(read, command, "{name}");
    }
}

#[test]
fn json_with_another_field_or_without_a_required_one_is_no_command() {
    for (_, command) in examples() {
        let (name, json) = (command.spec().name, json_of(&command));
        let mut more = json.clone();
        more.insert("surplus".into(), json!(1));
        assert!(serde_json::from_value::<Command>(more.into()).is_err(), "{name}");
        let schema = (command.spec().schema)().to_value();
        let required = schema["required"].as_array().into_iter().flatten();
        for field in required.map(|field| field.as_str().unwrap()).chain(["command"]) {
            let mut less = json.clone();
            less.remove(field);
            assert!(serde_json::from_value::<Command>(less.into()).is_err(), "{name}: {field}");
        }
    }
    let unknown = json!({ "command": "PrintMoney", "amount": 1 });
    assert!(serde_json::from_value::<Command>(unknown).is_err());
}

#[test]
fn an_amount_above_the_largest_is_no_command_in_json() {
    let mut refused = 0;
    for (_, command) in examples() {
        let mut json = json_of(&command);
        if let Some(amount) = json.get_mut("amount").filter(|amount| amount.is_u64()) {
            *amount = json!(1_u64 << 63);
            let error = serde_json::from_value::<Command>(json.into()).unwrap_err().to_string();
            // A signed amount has another largest value of its type.
            let above = ["above 9223372036854775807", "expected i64"];
            assert!(above.iter().any(|why| error.contains(why)), "{command:?}: {error}");
            refused += 1;
        }
    }
    assert!(refused > 0, "some command has an amount");
}

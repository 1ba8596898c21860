//! The list of all commands and the help of one, from their declarations.

use books::Command;
use reports::{FieldType, FieldTypes};
use serde_json::Value;

use super::fields::{expected, short};
use super::flag_name;
use crate::help::wrapped;
use crate::terminal::screen;
use crate::texts::{entry, fill, filled, text};
use crate::words::{Lang, say};

const COLUMNS: usize = 80;
const INDENT: &str = "      ";

fn columns() -> usize {
    screen::columns().unwrap_or(COLUMNS).clamp(60, 120)
}

pub(super) fn print_list(types: &FieldTypes) {
    for name in types.commands() {
        say!("{name}");
        print_indented(&sentence(name));
    }
}

pub(super) fn print_command(name: &str, command_type: FieldType<'_>) {
    let lang = Lang::current();
    say!("{name}");
    print_indented(&sentence(name));
    if let (Lang::En, Some(about)) = (lang, description(command_type.schema())) {
        say!("\n{}", wrapped(&about, columns()));
    }
    let by = Command::SPECS.iter().find(|spec| spec.name == name).map(|spec| spec.given_by);
    let by: Vec<_> = by.unwrap_or_default().iter().map(|kind| format!("{kind:?}")).collect();
    let by: Vec<_> = by.iter().map(|kind| actor(kind)).collect();
    let by = by.join(text(lang, "log.separator"));
    say!("\n{}", filled(lang, "do.given_by", &[("by", &by)]));
    say!("\n{}", text(lang, "do.fields"));
    let required = command_type.schema().get("required").and_then(Value::as_array);
    let required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    for (field, field_type) in command_type.fields() {
        let optional = if required(field) { "" } else { text(lang, "do.optional") };
        say!("\n  {} <{}>{optional}", flag_name(field), short(field_type));
        print_indented(&expected(field_type));
        // The declarations describe fields in English.
        let property = command_type.schema().get("properties").and_then(|all| all.get(field));
        if let (Lang::En, Some(about)) = (lang, property.and_then(description)) {
            print_indented(&about);
        }
    }
}

/// What the command does: its sentence in the log, with the fields in their places.
fn sentence(name: &str) -> String {
    let sentence = entry(Lang::current(), "log.command", name).unwrap_or(name);
    fill(sentence, &mut |field| format!("<{}>", field.split(':').next().unwrap_or_default()))
}

/// Who gives a command, without an id.
fn actor(kind: &str) -> String {
    let words = entry(Lang::current(), "log.actor", kind).unwrap_or(kind);
    fill(words, &mut |_| String::new()).trim().to_owned()
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?.replace('\n', " ");
    // Links of the declarations' documentation: "[`LIMIT`](crate::LIMIT)".
    let mut parts = text.split("](");
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or(part, |(_, after)| after));
    }
    Some(plain.replace("[`", "`").replace("`]", "`"))
}

fn print_indented(text: &str) {
    for line in wrapped(text, columns() - INDENT.len()).lines() {
        say!("{INDENT}{line}");
    }
}

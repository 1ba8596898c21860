//! The list of all commands and the help of one, from their declarations.

use books::Command;
use office::fields::{Expected, flag, short};
use office::short_forms::{ShortForm, of_group};
use office::{CODE_MAC, is_filled_in};
use reports::FieldTypes;
use serde_json::Value;

use crate::chinese;
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

/// The short forms of a group, as `doorstep GROUP ACT`.
pub(super) fn print_forms(group: &str) {
    say!("\n{}", text(Lang::current(), "do.acts"));
    if group == "setup" {
        say!("  doorstep setup books");
        print_indented(text(Lang::current(), "do.setup_books"));
    }
    for form in of_group(group) {
        say!("  doorstep {group} {}", form.act);
        print_indented(&sentence(form.command));
    }
}

/// The help of a command, or of a short form of it.
pub(super) fn print_command(types: &FieldTypes, name: &str, form: Option<ShortForm>) {
    let lang = Lang::current();
    let Some(command_type) = types.of(name) else { return };
    match form {
        None => say!("{name}"),
        Some(form) => {
            let subject = form.subject.map(|subject| format!(" <{}>", subject.to_uppercase()));
            let (subject, more) =
                (subject.unwrap_or_default(), if form.takes_list() { "..." } else { "" });
            say!("doorstep {} {}{subject}{more}  ({name})", form.group, form.act);
        }
    }
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
        if field == CODE_MAC {
            print_code(name);
            continue;
        }
        let in_form = form.is_some_and(|form| form.fields.iter().any(|(name, _)| *name == field));
        let optional = if in_form || is_filled_in(name, command_type, field) {
            text(lang, "do.filled_in")
        } else if required(field) {
            ""
        } else {
            text(lang, "do.optional")
        };
        let is_subject = form.is_some_and(|form| form.subject == Some(field));
        let flag = if is_subject { field.to_uppercase() } else { flag(field) };
        say!("\n  {flag} <{}>{optional}", short(field_type));
        let expected = Expected::of(field_type);
        print_indented(&chinese::expected(&expected, lang));
        let property = command_type.schema().get("properties").and_then(|all| all.get(field));
        let about = match lang {
            Lang::En => property.and_then(description),
            Lang::Zh => field_in_chinese(name, field).map(str::to_owned),
        };
        about.iter().for_each(|about| print_indented(about));
    }
}

/// The one-time code, which a person types in place of its MAC.
fn print_code(command: &str) {
    let lang = Lang::current();
    let (key, optional) = match command {
        "StartHandOver" => ("do.code_made", text(lang, "do.filled_in")),
        _ => ("do.code_typed", ""),
    };
    say!("\n  --code <CODE>{optional}");
    print_indented(text(lang, key));
}

/// What a field of a command is, or a field of this name in any command.
fn field_in_chinese(command: &str, field: &str) -> Option<&'static str> {
    let of_command = entry(Lang::Zh, "do.field", &format!("{command}.{field}"));
    of_command.or_else(|| entry(Lang::Zh, "do.field", field))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_description_in_chinese() {
        let types = FieldTypes::declared();
        let mut missing = Vec::new();
        for name in types.commands() {
            for (field, _) in types.of(name).unwrap().fields() {
                if field_in_chinese(name, field).is_none() {
                    missing.push(format!("{name}.{field}"));
                }
            }
        }
        assert!(missing.is_empty(), "no text in [do.field] of zh.toml: {missing:#?}");
    }

    #[test]
    fn every_description_in_chinese_is_of_a_field() {
        let types = FieldTypes::declared();
        let is_field = |name: &str| match name.split_once('.') {
            Some((command, field)) => {
                types.of(command).is_some_and(|one| one.field(field).is_some())
            }
            None => types.commands().any(|one| types.of(one).unwrap().field(name).is_some()),
        };
        let texts = crate::texts::all(Lang::Zh).keys();
        let names = texts.filter_map(|key| key.strip_prefix("do.field."));
        let wrong: Vec<_> = names.filter(|name| !is_field(name)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

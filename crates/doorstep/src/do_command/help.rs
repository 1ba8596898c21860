//! The list of all commands and the help of one, from their declarations.

use engine::Command;
use office::descriptions::{description, first_sentence};
use office::fields::{Expected, flag, short};
use office::short_forms::{ShortForm, of_group};
use office::{CODE_MAC, is_filled_in};
use reports::FieldTypes;
use serde_json::{Value, json};

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

pub(super) fn print_list(types: &FieldTypes, json: bool) {
    if json {
        let all = Command::specs().map(|spec| {
            let by: Vec<_> = spec.given_by.iter().map(|kind| format!("{kind:?}")).collect();
            json!({
                "command": spec.name,
                "number": spec.number,
                "about": first_about(spec.name),
                "given_by": by,
            })
        });
        say!("{}", all.collect::<Value>());
        return;
    }
    for name in types.commands() {
        say!("{name}");
        print_indented(&first_about(name));
    }
}

/// The short forms of a group, as `doorstep GROUP ACT`.
pub(super) fn print_forms(group: &str) {
    say!("\n{}", text(Lang::current(), "do.acts"));
    if group == "setup" {
        say!("  doorstep setup books");
        print_indented(text(Lang::current(), "do.setup_books"));
    }
    for (of, act, about) in super::sign_ins::OWN_ACTS {
        if of == group {
            say!("  doorstep {group} {act}");
            print_indented(text(Lang::current(), about));
        }
    }
    for form in of_group(group) {
        say!("  doorstep {group} {}", form.act);
        print_indented(&first_about(form.command));
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
    print_indented(&about(name, lang));
    let by = Command::specs().find(|spec| spec.name == name).map(|spec| spec.given_by);
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
pub fn field_in_chinese(command: &str, field: &str) -> Option<&'static str> {
    let of_command = entry(Lang::Zh, "do.field", &format!("{command}.{field}"));
    of_command.or_else(|| entry(Lang::Zh, "do.field", field))
}

/// What the command does.
pub fn about(name: &str, lang: Lang) -> String {
    let declared = || office::fields::declared().of(name).and_then(|of| description(of.schema()));
    match lang {
        Lang::En => declared().unwrap_or_default(),
        Lang::Zh => entry(lang, "do.about", name).unwrap_or_default().to_owned(),
    }
}

/// What the command does, in one sentence.
fn first_about(name: &str) -> String {
    let lang = Lang::current();
    let about = about(name, lang);
    let first = match lang {
        Lang::En => first_sentence(&about),
        Lang::Zh => about.split_inclusive('。').next().unwrap_or_default(),
    };
    first.trim_end_matches(['.', '。']).to_owned()
}

/// Who gives a command, without an id.
fn actor(kind: &str) -> String {
    let words = entry(Lang::current(), "log.actor", kind).unwrap_or(kind);
    fill(words, &mut |_| String::new()).trim().to_owned()
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
    fn every_command_says_in_both_languages_what_it_does() {
        let types = FieldTypes::declared();
        for name in types.commands() {
            let (en, zh) = (about(name, Lang::En), about(name, Lang::Zh));
            let verb = en.split([' ', ':']).next().unwrap();
            assert!(verb.len() > 2 && !verb.ends_with('s'), "{name} is not told to do: {en}");
            assert!(en.ends_with('.') && zh.ends_with('。'), "{name}: {en} {zh}");
        }
        let texts = crate::texts::all(Lang::Zh).keys();
        let others: Vec<&str> = texts
            .filter_map(|key| key.strip_prefix("do.about."))
            .filter(|name| types.of(name).is_none())
            .collect();
        assert!(others.is_empty(), "{others:?}");
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

    #[test]
    fn the_help_has_no_names_of_the_source() {
        let types = FieldTypes::declared();
        for name in types.commands() {
            let command = types.of(name).unwrap();
            let properties = command.schema().get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flat_map(|all| all.values());
            for text in fields.chain([command.schema()]).filter_map(description) {
                let quoted = text.split('`').skip(1).step_by(2);
                let of_source = |word: &&str| {
                    let shouts = word.len() > 3 && !word.contains(char::is_lowercase);
                    *word == "None" || word.contains("::") || (shouts && word.contains('_'))
                };
                let found: Vec<&str> = quoted.filter(of_source).collect();
                assert!(found.is_empty(), "{name}: {found:?} in: {text}");
            }
        }
    }
}

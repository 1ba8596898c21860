//! Tests that the example settings match the form.

use std::collections::BTreeSet;

use books::Timestamp;
use toml::{Table, Value};

use super::form::SettingsForm;
use super::reload::RELOADED;
use super::settings::{parse, settings};
use super::{EXAMPLE, limits};
use crate::time_zone::resolve;

/// The example with its commented-out settings.
fn full() -> String {
    let is_setting = |line: &str| {
        let word = line.split(' ').next().unwrap_or_default();
        let key = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        line.starts_with('[') || (key && line[word.len()..].starts_with(" = "))
    };
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
        Some(setting) if is_setting(setting) => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn table() -> Table {
    full().parse().unwrap()
}

/// Checks settings, except keys and files.
fn read(text: &str) -> anyhow::Result<()> {
    let form: SettingsForm = parse(text)?;
    settings(&form, &resolve(&form.time_zone, Timestamp(0))?)?.check()?;
    limits::from_form(&form)?;
    Ok(())
}

/// The paths of all tables in a value.
fn tables(value: &Value, way: &[String], found: &mut Vec<Vec<String>>) {
    match value {
        Value::Table(table) => {
            found.push(way.to_vec());
            for (key, value) in table {
                tables(value, &[way, std::slice::from_ref(key)].concat(), found);
            }
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                tables(value, &[way, &[place.to_string()]].concat(), found);
            }
        }
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, way: &[String]) -> &'v mut Table {
    let step = |value: &'v mut Value, step: &String| match value {
        Value::Array(values) => values.get_mut(step.parse::<usize>().unwrap()).unwrap(),
        value => value.get_mut(step.as_str()).unwrap(),
    };
    way.iter().fold(value, step).as_table_mut().unwrap()
}

/// The keys that the form accepts in a table, from its error for an unknown key.
fn known(way: &[String]) -> BTreeSet<String> {
    let mut value = Value::Table(table());
    at(&mut value, way).insert("no-such-key".into(), true.into());
    let text = toml::to_string(&value).unwrap();
    let Err(error) = parse::<SettingsForm>(&text) else { panic!("{way:?} takes any key") };
    let said = error.to_string();
    assert!(said.contains("unknown field `no-such-key`"), "{said}");
    let (_, expected) = said.rsplit_once("expected ").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_example_has_every_key_of_the_form() {
    let mut value = Value::Table(table());
    let mut found = Vec::new();
    tables(&value, &[], &mut found);
    // The operator chooses the names of firms and listeners.
    found.retain(|way| way.last().is_none_or(|last| last != "firms" && last != "listeners"));
    assert!(found.len() > 15, "{found:?}");
    let (mut missing, mut ways) = (BTreeSet::new(), BTreeSet::new());
    for way in &found {
        let named = |step: &&String| step.parse::<usize>().is_err();
        let kind: Vec<String> = way.iter().filter(named).cloned().collect();
        let there: BTreeSet<String> = at(&mut value, way).keys().cloned().collect();
        let lacking = |key: &String| [&*kind, std::slice::from_ref(key)].concat().join(".");
        missing.extend(known(way).difference(&there).map(lacking));
        ways.extend(there.iter().map(lacking));
    }
    // One of several networks or ranges must have the key.
    let missing: Vec<_> = missing.difference(&ways).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

#[test]
fn the_example_marks_what_changes_without_a_restart() {
    let (mut section, mut setting, mut marked) = (String::new(), String::new(), Vec::new());
    for line in EXAMPLE.lines() {
        let code = line.trim_start_matches("# ").split(" #").next().unwrap().trim_end();
        let word = code.split(' ').next().unwrap_or_default();
        if word.starts_with('[') && word.ends_with(']') {
            section = word.trim_matches(['[', ']']).replace(".depot", "");
            setting.clone_from(&section);
        } else if code.contains(" = ") {
            setting = if section.is_empty() { word.into() } else { format!("{section}.{word}") };
        }
        // A mark behind a setting, or below it.
        if line.contains("# (R)") || line.contains("      (R)") {
            marked.push(setting.clone());
        }
    }
    let mut reloaded: Vec<String> = RELOADED.iter().map(|key| key.replace("*.", "")).collect();
    for key in &mut reloaded {
        if let Some(tls) = key.find(".tls.") {
            key.truncate(tls + ".tls".len());
        }
    }
    reloaded.dedup();
    assert_eq!(marked, reloaded);
}

#[test]
fn the_example_is_valid_with_and_without_its_commented_settings() {
    read(EXAMPLE).unwrap();
    read(&full()).unwrap();
}

#[test]
fn optional_numbers_in_the_example_are_the_defaults() {
    let form: SettingsForm = parse(&full()).unwrap();
    let zone = resolve(&form.time_zone, Timestamp(0)).unwrap();
    let (said, limits_said) = (settings(&form, &zone).unwrap(), limits::from_form(&form).unwrap());
    let mut table = table();
    for part in ["limits", "timing"] {
        table.remove(part);
    }
    let terminals = table["terminals"].as_table_mut().unwrap();
    terminals.retain(|_, value| !value.is_integer());
    let form: SettingsForm = parse(&table.to_string()).unwrap();
    assert_eq!(settings(&form, &zone).unwrap(), said);
    assert_eq!(limits::from_form(&form).unwrap(), limits_said);
}

/// The key, number and comment of a line with a number.
fn number(line: &str) -> Option<(&str, &str, &str)> {
    let (setting, comment) = line.split_once('#').unwrap_or((line, ""));
    let (key, number) = setting.split_once(" = ")?;
    number.trim().parse::<i64>().is_ok().then_some((key, number.trim(), comment))
}

/// The first `NUMBER to NUMBER`.
fn range(comment: &str) -> Option<(i64, i64)> {
    let number = |word: &str| word.trim_matches([',', ';', ':']).parse::<i64>().ok();
    let words: Vec<_> = comment.split(' ').collect();
    words
        .windows(3)
        .filter(|three| three[1] == "to")
        .find_map(|three| Some((number(three[0])?, number(three[2])?)))
}

#[test]
fn every_number_has_the_range_in_its_comment() {
    let mut count = 0;
    for line in EXAMPLE.lines() {
        let Some((key, usual, comment)) = number(line) else { continue };
        let (least, most) = range(comment).unwrap_or_else(|| panic!("no range: {line}"));
        count += 1;
        for (outside, inside) in [(least - 1, least), (most + 1, most)] {
            let with = |number: i64| {
                let changed = line.replacen(usual, &number.to_string(), 1);
                read(&EXAMPLE.replacen(line, &changed, 1)).err().map(|error| format!("{error:#}"))
            };
            let said = with(outside).unwrap_or_else(|| panic!("{key} = {outside} is taken"));
            let words = format!("{key} = {outside}: it must be from {least} to {most}; ");
            // Unsigned numbers below zero are refused with their line.
            assert!(said.contains(&words) || outside == -1, "{said}, not {words}");
            let said = with(inside).unwrap_or_default();
            assert!(!said.contains(&format!("{key} = {inside}: ")), "{said}");
        }
    }
    assert_eq!(count, 20, "numbers in the example");
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let refused = |changes: &[(&str, &str)], words: &str| {
        let mut text = full();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        let said = format!("{:#}", read(&text).expect_err(words));
        assert!(said.contains(words), "{said}");
    };
    refused(
        &[("idle_seconds = 900", "idle_seconds = 359")],
        "limits.idle_seconds = 359: it must be from 360 to 86400; terminals may be silent \
         for terminals.echo_seconds = 300 plus terminals.answer_seconds = 60",
    );
    refused(
        &[
            ("echo_seconds = 300", "echo_seconds = 841"),
            ("idle_seconds = 900", "idle_seconds = 9999"),
        ],
        "terminals.echo_seconds = 841: it must be from 10 to 840; by default a gateway",
    );
    refused(
        &[
            ("connections = 18000", "connections = 17999"),
            ("connections_per_address = 4500", "connections_per_address = 18000"),
        ],
        "limits.connections_per_address = 18000: it must be from 1 to 17999; ",
    );
    let endless = format!("idle_seconds = {}", i64::MAX);
    refused(&[("idle_seconds = 900", &endless)], "limits.idle_seconds = 9223372036854775807: ");
    refused(&[("answer_seconds = 60", "answer_seconds = 300")], "terminals.answer_seconds = 300: ");
}

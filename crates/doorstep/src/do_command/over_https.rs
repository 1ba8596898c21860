//! Gives a command to a server over its API, under a request key with which it can be given again.

use anyhow::ensure;
use engine::Command;
use keys::{Algorithm, Key};
use office::OfficeError;
use office::fields::{self, as_sent};
use serde_json::{Map, Value};
use web::operations::{command_path, is_given_here};

use super::Flags;
use crate::remote::server::{RemoteServer, SentCommand, shown};
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// The header of an answer to a request that was carried out before.
const REPLAYED: &str = "idempotent-replayed";

pub(super) fn give(
    server: &RemoteServer,
    name: &str,
    fields: &Map<String, Value>,
    flags: &Flags,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    let others = [("person", flags.person.is_some()), ("config", flags.config.is_some())];
    for (flag, is_given) in others {
        ensure!(!is_given, filled(lang, "remote.not_with", &[("flag", &flag)]));
    }
    let spec = Command::specs().find(|spec| spec.name == name);
    ensure!(
        spec.is_some_and(is_given_here),
        filled(lang, "remote.not_given_here", &[("command", &name)])
    );
    let body = Value::Object(sent_fields(name, fields)?).to_string();
    let request_key = match &flags.request_key {
        Some(key) => key.clone(),
        None => base16ct::lower::encode_string(Key::random(Algorithm::Aes128)?.expose()),
    };
    say_key(&request_key);
    let path = command_path(name);
    let command = SentCommand { path: &path, request_key: &request_key, body: &body };
    let answer = server.give(&command)?;
    let is_replayed = answer.has(REPLAYED);
    let outcome = server.outcome(answer, &request_key)?;
    if flags.json {
        say!("{outcome}");
        return Ok(());
    }
    match outcome["outcome"].as_str() {
        Some("carried_out") if is_replayed => {
            say!("{}", filled(lang, "remote.replayed", &[("command", &name)]));
        }
        Some("carried_out") => say!("{}", filled(lang, "do.done", &[("command", &name)])),
        Some("repeated") => say!("{}", filled(lang, "do.repeated", &[("command", &name)])),
        Some("proposed") => {
            let number = shown(&outcome["proposal"]["number"].to_string());
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("command", &name), ("number", &number)];
            say!("{}", filled(lang, "do.proposed", &values));
        }
        _ => return Err(server.garbage()),
    }
    if let Some(code) = outcome["code"].as_str() {
        say!("  {}", filled(lang, "do.code", &[("code", &shown(code))]));
    }
    for event in outcome["events"].as_array().into_iter().flatten() {
        say!("  {}", event_line(event));
    }
    Ok(())
}

/// Prints the request key before the request is sent, so that it survives a lost connection or a
/// killed process.
#[allow(clippy::print_stderr, reason = "standard output has the answer")]
fn say_key(key: &str) {
    eprintln!("{}", filled(Lang::current(), "remote.request_key", &[("key", &key)]));
}

fn sent_fields(name: &str, given: &Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
    let of = fields::declared().of(name);
    let sent = given.iter().map(|(field, value)| {
        // A field that the command does not have is the server's to refuse: it lists them.
        let Some(field_type) = of.and_then(|of| of.field(field)) else {
            return Ok::<_, anyhow::Error>((field.clone(), value.clone()));
        };
        let sent = as_sent(field_type, value).map_err(|cause| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            OfficeError::Value { field: field.clone(), value, cause: Box::new(cause) }
        })?;
        Ok((field.clone(), sent))
    });
    sent.collect()
}

/// `Registered: reference=main, seller=sel_42`.
fn event_line(event: &Value) -> String {
    let name = event["event"].as_str().unwrap_or_default();
    let fields = event.as_object().into_iter().flatten().filter(|(field, _)| *field != "event");
    let fields = fields.map(|(field, value)| match value.as_str() {
        Some(text) => format!("{field}={text}"),
        None => format!("{field}={value}"),
    });
    let fields = fields.collect::<Vec<_>>().join(text(Lang::current(), "looks.separator"));
    let end = if fields.is_empty() { "" } else { ": " };
    shown(&format!("{name}{end}{fields}"))
}

//! `doorstep do`: any command of the books, by its name, with its fields as flags.
//!
//! Everything about a command comes from its declaration (`CommandSpec`): a new command needs no
//! code here.

mod fields;
mod help;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::{Books, Command, Refusal};
use clap::Args;
use engine::{Actor, Submission};
use host::control::user_id;
use node::NodeClient;
use reports::{FieldType, FieldTypes};
use serde_json::{Map, Value};

use self::fields::KnownParties;
use crate::persons::PersonNames;
use crate::texts::{filled, text};
use crate::words::{Lang, bilingual, say};
use crate::{chinese, data_directory};

/// The command that creates books.
const OPENING: &str = "OpenBooks";
const JSON_BYTES_MAX: u64 = 1 << 20;

/// Gives a command to the books, by its name, with its fields as flags
///
/// `doorstep do --list` lists all commands, `doorstep do COMMAND --help` shows the fields of one. A
/// field `cash_limit` is the flag --cash-limit. An id can be given as the operator's reference, an
/// amount in minor units or as 12.50CNY.
///
/// The books must be at rest: no Doorstep uses the data directory. Only the owner of the data
/// directory may give commands. The person in the journal is the one of --by, or the last whom the
/// command names, or else the first who is registered.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep do <COMMAND> --data <DIR> [--FIELD <VALUE>]...\n       \
                            doorstep do <COMMAND> --help\n       doorstep do --list")]
#[command(disable_help_flag = true)]
pub struct DoArgs {
    /// List all commands
    #[arg(long)]
    list: bool,
    /// Print help; of the command, if one is given
    #[arg(short, long)]
    help: bool,
    /// The command's name, such as RegisterBank
    #[arg(value_name = "COMMAND", required_unless_present_any = ["list", "help"])]
    command: Option<String>,
    /// --data DIR: the data directory. --json OBJECT: the fields as a JSON object; `-` reads it
    /// from standard input. --by WHO: who gives it, a name in persons.toml or an id. --FIELD VALUE:
    /// a field; replaces that of --json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// What stands behind the command's name.
#[derive(Debug, Default, PartialEq)]
struct Flags {
    help: bool,
    data: Option<PathBuf>,
    json: Option<String>,
    by: Option<String>,
    /// Names as declared, and values.
    fields: Vec<(String, String)>,
}

pub fn run(args: &DoArgs) -> anyhow::Result<()> {
    let types = FieldTypes::declared();
    let Some(name) = args.command.as_deref().filter(|_| !args.list) else {
        if args.help {
            crate::print_help_of("do");
        } else {
            help::print_list(&types);
        }
        return Ok(());
    };
    let Some(command_type) = types.of(name) else {
        bail!(filled(Lang::current(), "do.unknown_command", &[("name", &name)]));
    };
    let flags = Flags::read(&args.flags)?;
    if args.help || flags.help {
        help::print_command(name, command_type);
        return Ok(());
    }
    let data = flags.data.as_deref().context(text(Lang::current(), "do.no_data"))?;
    let mut object = base_object(flags.json.as_deref())?;
    check_names(name, command_type, &flags.fields, &object)?;
    if name == OPENING {
        add_fields(command_type, &flags.fields, &KnownParties::default(), &mut object)?;
        let command = declared_command(name, object)?;
        let opened = data_directory::open_or_create(data)?;
        let done = give(&mut opened.node.client(), command, flags.by.as_deref(), data);
        opened.node.stop()?;
        return done;
    }
    let opened = data_directory::open(data)?;
    let mut client = opened.node.client();
    let (parties, _) = client.query(|engine| KnownParties::of(engine.books()))?;
    let done = add_fields(command_type, &flags.fields, &parties, &mut object)
        .and_then(|()| declared_command(name, object))
        .and_then(|command| give(&mut client, command, flags.by.as_deref(), data));
    drop(client);
    opened.node.stop()?;
    done
}

impl Flags {
    fn read(flags: &[String]) -> anyhow::Result<Flags> {
        let lang = Lang::current();
        let mut read = Flags::default();
        let mut left = flags.iter();
        while let Some(flag) = left.next() {
            if flag == "--help" || flag == "-h" {
                read.help = true;
                continue;
            }
            let Some(rest) = flag.strip_prefix("--") else {
                bail!(filled(lang, "do.no_flag", &[("text", flag)]));
            };
            let (name, value) = match rest.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (rest, left.next().cloned()),
            };
            let Some(value) = value else {
                bail!(filled(lang, "do.no_value", &[("name", &name)]));
            };
            let twice = match name {
                // Read before all other arguments.
                "lang" => false,
                "data" => read.data.replace(value.into()).is_some(),
                "json" => read.json.replace(value).is_some(),
                "by" => read.by.replace(value).is_some(),
                field => {
                    let field = field.replace('-', "_");
                    let twice = read.fields.iter().any(|(other, _)| *other == field);
                    read.fields.push((field, value));
                    twice
                }
            };
            ensure!(!twice, filled(lang, "do.twice", &[("name", &name)]));
        }
        Ok(read)
    }
}

/// The flag of a field.
fn flag_name(field: &str) -> String {
    format!("--{}", field.replace('_', "-"))
}

/// The object of `--json`.
fn base_object(json: Option<&str>) -> anyhow::Result<Map<String, Value>> {
    let text = match json {
        None => return Ok(Map::new()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().take(JSON_BYTES_MAX).read_to_string(&mut text).context("--json -")?;
            text
        }
        Some(text) => text.to_owned(),
    };
    let read: Result<Map<String, Value>, _> = serde_json::from_str(&text);
    read.map_err(|error| {
        anyhow::anyhow!(bilingual!(
            "--json: {error}; write an object, such as {{\"amount\": 1250}}",
            "--json：{error}；请写一个对象，例如 {{\"amount\": 1250}}"
        ))
    })
}

/// Refuses unknown and missing fields.
fn check_names(
    command: &str,
    command_type: FieldType<'_>,
    given: &[(String, String)],
    object: &Map<String, Value>,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    let names = given.iter().map(|(name, _)| name).chain(object.keys());
    let known = |name: &str| command_type.field(name).is_some();
    let flags = |names: &[&str]| names.iter().map(|name| flag_name(name)).collect::<Vec<_>>();
    let separator = text(lang, "log.separator");
    if let Some(unknown) = names.clone().find(|name| !known(name) && *name != "command") {
        let all: Vec<&str> = command_type.fields().map(|(name, _)| name).collect();
        let (flag, all) = (flag_name(unknown), flags(&all).join(separator));
        bail!(filled(
            lang,
            "do.unknown_field",
            &[("command", &command), ("flag", &flag), ("all", &all)]
        ));
    }
    let required = command_type.schema().get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> =
        required.filter(|name| names.clone().all(|given| given != name)).collect();
    ensure!(
        missing.is_empty(),
        filled(
            lang,
            "do.missing_fields",
            &[("command", &command), ("missing", &flags(&missing).join(separator))]
        )
    );
    Ok(())
}

fn add_fields(
    command_type: FieldType<'_>,
    given: &[(String, String)],
    parties: &KnownParties,
    object: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    for (name, text) in given {
        let field = command_type.field(name).context("the names are checked before")?;
        let value = fields::value(field, text, parties).map_err(|why| {
            let flag = flag_name(name);
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("argument", &flag), ("value", text), ("cause", &why)];
            anyhow::anyhow!(filled(Lang::current(), "value.invalid", &values))
        })?;
        object.insert(name.clone(), value);
    }
    Ok(())
}

fn declared_command(name: &str, mut object: Map<String, Value>) -> anyhow::Result<Command> {
    object.insert("command".to_owned(), name.into());
    let read: Result<Command, _> = serde_json::from_value(Value::Object(object));
    read.map_err(|error| anyhow::anyhow!(bilingual!("{name}: {error}", "{name}：{error}")))
}

/// Whoever can give the command: the last person whom it names, or the first who is registered.
fn giver(books: &Books, command: &Command) -> Actor {
    let mut named = Vec::new();
    command.for_each_person(&mut |_, person| named.push(person));
    let registered = books.persons().filter(|(_, removed)| !removed).map(|(person, _)| person);
    let mut actors = named.into_iter().rev().chain(registered).map(Actor::Person);
    let can = actors.find(|actor| books.check_actor(*actor, command).is_ok());
    can.unwrap_or(Actor::System)
}

/// Gives the command as the owner of the data directory, and prints its events.
fn give(
    client: &mut NodeClient,
    command: Command,
    by: Option<&str>,
    data: &Path,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    let name = command.spec().name;
    let owner = std::fs::metadata(data).with_context(|| data.display().to_string())?.uid();
    let user = user_id();
    ensure!(
        owner == user,
        filled(
            lang,
            "do.not_the_owner",
            &[("data", &data.display()), ("owner", &owner), ("user", &user)]
        )
    );
    let actor = match by {
        Some(who) => Actor::Person(PersonNames::read(data)?.find(who)?),
        None => {
            let command = command.clone();
            client.query(move |engine| giver(engine.books(), &command))?.0
        }
    };
    let answers = client.execute(vec![(None, Submission::new(actor, command))])?;
    match answers.into_iter().next() {
        Some(Ok(events)) => {
            say!("{}", filled(lang, "do.done", &[("command", &name)]));
            for event in &events.books {
                say!("  {}", serde_json::to_string(event)?);
            }
            Ok(())
        }
        Some(Err(engine::Refusal::Books(Refusal::Repeated))) => {
            say!("{}", filled(lang, "do.repeated", &[("command", &name)]));
            Ok(())
        }
        Some(Err(refusal)) => {
            let why = chinese::error(&refusal, lang);
            bail!(filled(lang, "do.refused", &[("command", &name), ("why", &why)]))
        }
        None => bail!("the node gave no answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Flags> {
        Flags::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_fields_but_for_the_few_of_the_program() {
        let flags = read("--data books --cash-limit=5 --bank -3 --json {} --lang zh").unwrap();
        let fields = [("cash_limit", "5"), ("bank", "-3")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let json = Some("{}".to_owned());
        assert_eq!(
            flags,
            Flags { help: false, data: Some("books".into()), json, by: None, fields }
        );
        assert!(read("--bank 1 --help").unwrap().help);
        for (line, why) in [
            ("bank 1", "`bank` is no flag"),
            ("--bank", "--bank has no value"),
            ("--bank 1 --bank 2", "--bank is there twice"),
        ] {
            assert!(read(line).unwrap_err().to_string().contains(why), "{line}");
        }
    }
}

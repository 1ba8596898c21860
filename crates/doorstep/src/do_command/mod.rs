//! `doorstep do`: any command of the books, by its name, with its fields as flags; and the short
//! forms of commands.
//!
//! Everything about a command comes from its declaration (`CommandSpec`): a new command needs no
//! code here.

mod help;
mod over_https;
mod setup_books;
mod setup_tariff;
pub mod sign_ins;

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use office::Request;
use office::fields::field_of_flag;
use office::short_forms::{self, ShortForm};
use reports::FieldTypes;
use serde_json::{Map, Value};

pub use self::help::{about, field_in_chinese};
use crate::data_directory;
use crate::office_requests::{self, OfficeKeys};
use crate::remote::RemoteFlags;
use crate::texts::{filled, text};
use crate::words::{Lang, bilingual};

/// The command that creates books.
const OPENING: &str = "OpenBooks";
const JSON_BYTES_MAX: u64 = 1 << 20;

/// Gives a command to the books, by its name, with its fields as flags
///
/// `doorstep do --list` lists all commands, `doorstep do COMMAND --help` shows the fields of one. A
/// field `cash_limit` is the flag --cash-limit. An id can be given as the operator's reference, an
/// amount in minor units or as 12.50CNY. An id that follows from the reference, the next number and
/// whoever gives the command are filled in.
///
/// While Doorstep serves, the command goes to it, and the person is the one to whom your user is
/// mapped (`doorstep persons`). Otherwise only the owner of the data directory gives commands. A
/// command that needs two people becomes a proposal, which another person approves (`doorstep
/// approve`). In trial books --person says who gives it, and --approved-by who approves it.
///
/// With --server the command goes to a server's API, under an API key. The request key is printed:
/// after a connection that broke, the same command with --request-key is carried out once.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep do <COMMAND> --data <DIR> [--FIELD <VALUE>]...\n       \
                            doorstep do <COMMAND> --server <URL> --key-file <FILE> ...\n       \
                            doorstep do <COMMAND> --help\n       doorstep do --list")]
#[command(disable_help_flag = true)]
pub struct DoArgs {
    /// List all commands
    #[arg(long)]
    list: bool,
    /// With --list: print one JSON list: each command with its number, what it does, who may give
    /// it
    #[arg(long)]
    json: bool,
    /// Print help; of the command, if one is given
    #[arg(short, long)]
    help: bool,
    /// The command's name, such as RegisterBank
    #[arg(value_name = "COMMAND", required_unless_present_any = ["list", "help"])]
    command: Option<String>,
    /// --data DIR: the data directory [default: DOORSTEP_DATA]. --FIELD VALUE: a field. --fields
    /// OBJECT: fields as a JSON object; `-` reads it from standard input; a flag replaces one of
    /// them. --config FILE: the settings with the key store, for one-time codes; not needed while
    /// Doorstep serves. --person WHO: as whom, in trial books. --json: print one JSON object.
    /// --server URL, --remote NAME, --key-file FILE, --ca FILE, --timeout SECONDS: as of `doorstep
    /// get`. --request-key KEY: give the command again under its key
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// A group of short forms.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct FormArgs {
    /// Print help; of the form, if one is given
    #[arg(short, long)]
    help: bool,
    /// What to do; --help lists it
    #[arg(value_name = "ACT", required_unless_present = "help")]
    act: Option<String>,
    /// What it is about, and flags as of `doorstep do`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    given: Vec<String>,
}

/// What stands behind the command's name.
#[derive(Debug, Default, PartialEq)]
struct Flags {
    help: bool,
    json: bool,
    data: Option<PathBuf>,
    /// The settings with the key store.
    config: Option<PathBuf>,
    fields: Option<String>,
    person: Option<String>,
    remote: RemoteFlags,
    /// Of a command that is given to a server.
    request_key: Option<String>,
    /// Without a flag.
    subjects: Vec<String>,
    /// Other flags, by the name of their field.
    given: Vec<(String, String)>,
}

pub fn run(args: &DoArgs) -> anyhow::Result<()> {
    let types = FieldTypes::declared();
    let Some(name) = args.command.as_deref().filter(|_| !args.list) else {
        if args.help {
            crate::print_help_of("do");
        } else {
            help::print_list(&types, args.json);
        }
        return Ok(());
    };
    ensure!(
        types.of(name).is_some(),
        filled(Lang::current(), "do.unknown_command", &[("name", &name)])
    );
    let mut flags = Flags::read(&args.flags)?;
    flags.json |= args.json;
    if let Some(subject) = flags.subjects.first() {
        bail!(filled(Lang::current(), "do.no_flag", &[("text", subject)]));
    }
    if args.help || flags.help {
        help::print_command(&types, name, None);
        return Ok(());
    }
    let fields = flags.fields()?;
    give(name, fields, &flags)
}

/// A short form of a group.
pub fn run_form(group: &str, args: &FormArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let Some(act) = args.act.as_deref() else {
        crate::print_help_of(group);
        help::print_forms(group);
        return Ok(());
    };
    let flags = Flags::read(&args.given)?;
    let is_own = ["books", "tariff"].contains(&act) && group == "setup";
    let own_acts = sign_ins::OWN_ACTS.iter().filter(|(of, ..)| *of == group).map(|(_, act, _)| act);
    let is_own = is_own || own_acts.clone().any(|own| *own == act);
    let names_server = flags.remote.server.is_some() || flags.remote.remote.is_some();
    ensure!(
        !(is_own && names_server),
        filled(lang, "remote.not_this", &[("group", &group), ("act", &act)])
    );
    if (group, act) == ("setup", "books") {
        return setup_books::run(&flags, args.help);
    }
    if (group, act) == ("setup", "tariff") {
        return setup_tariff::run(&flags, args.help);
    }
    if is_own {
        return sign_ins::run(group, act, &flags, args.help);
    }
    let Some(form) = ShortForm::find(group, act) else {
        let acts = short_forms::of_group(group).map(|form| form.act);
        let acts: Vec<&str> = acts.chain(own_acts.copied()).collect();
        let acts = acts.join(text(lang, "log.separator"));
        bail!(filled(lang, "do.unknown_act", &[("group", &group), ("act", &act), ("all", &acts)]));
    };
    if args.help || flags.help {
        help::print_command(&FieldTypes::declared(), form.command, Some(form));
        return Ok(());
    }
    let subjects_max = match (form.subject, form.takes_list()) {
        (None, _) => 0,
        (Some(_), false) => 1,
        (Some(_), true) => usize::MAX,
    };
    if let Some(more) = flags.subjects.get(subjects_max) {
        bail!(filled(lang, "do.no_flag", &[("text", more)]));
    }
    let mut fields = flags.fields()?;
    form.complete(&flags.subjects, &mut fields);
    give(form.command, fields, &flags)
}

/// Asks the office or a server to give the command, and prints the answer.
fn give(name: &str, fields: Map<String, Value>, flags: &Flags) -> anyhow::Result<()> {
    if let Some(server) = flags.remote.server(flags.data().is_ok())? {
        let given = over_https::give(&server, name, &fields, flags);
        return office_requests::with_json_error(given, flags.json);
    }
    ensure!(flags.request_key.is_none(), text(Lang::current(), "remote.key_without_server"));
    let data = flags.data()?;
    let request = Request::Give { command: name.to_owned(), fields };
    let person = flags.person.clone();
    let answer = match name {
        OPENING => {
            let opened = data_directory::open_or_create(&data)?;
            office_requests::at_rest(opened, &data, (request, person), OfficeKeys::default())
        }
        _ => {
            let config = flags.config.as_deref();
            office_requests::ask_with_settings(&data, request, person, config)
        }
    };
    office_requests::print_answered(answer, flags.json)
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
            // Read before all other arguments.
            if flag == data_directory::ACCEPT_CLOCK {
                continue;
            }
            let Some(rest) = flag.strip_prefix("--") else {
                read.subjects.push(flag.clone());
                continue;
            };
            if rest == "json" {
                read.json = true;
                continue;
            }
            let (name, value) = match rest.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (rest, left.next().cloned()),
            };
            let Some(value) = value else {
                bail!(filled(lang, "do.no_value", &[("name", &name)]));
            };
            if let Some(taken) = read.remote.take(name, &value) {
                taken?;
                continue;
            }
            let twice = match name {
                // Read before all other arguments.
                "lang" => false,
                "data" => read.data.replace(value.into()).is_some(),
                "config" => read.config.replace(value.into()).is_some(),
                "fields" => read.fields.replace(value).is_some(),
                "person" => read.person.replace(value).is_some(),
                "request-key" => read.request_key.replace(value).is_some(),
                flag => {
                    let field = field_of_flag(flag);
                    let twice = read.given.iter().any(|(other, _)| *other == field);
                    read.given.push((field, value));
                    twice
                }
            };
            ensure!(!twice, filled(lang, "do.twice", &[("name", &name)]));
        }
        Ok(read)
    }

    fn data(&self) -> anyhow::Result<PathBuf> {
        let from_environment = || std::env::var_os("DOORSTEP_DATA").map(PathBuf::from);
        let data = self.data.clone().or_else(from_environment);
        data.context(text(Lang::current(), "do.no_data"))
    }

    /// The fields that were given, as texts and JSON.
    fn fields(&self) -> anyhow::Result<Map<String, Value>> {
        let mut fields = base_object(self.fields.as_deref())?;
        fields.remove("command");
        let given = self.given.iter();
        fields.extend(given.map(|(field, text)| (field.clone(), text.as_str().into())));
        Ok(fields)
    }
}

/// The object of `--fields`.
fn base_object(json: Option<&str>) -> anyhow::Result<Map<String, Value>> {
    let text = match json {
        None => return Ok(Map::new()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .take(JSON_BYTES_MAX)
                .read_to_string(&mut text)
                .context("--fields -")?;
            text
        }
        Some(text) => text.to_owned(),
    };
    let read: Result<Map<String, Value>, _> = serde_json::from_str(&text);
    read.map_err(|error| {
        anyhow::anyhow!(bilingual!(
            "--fields: {error}; write an object, such as {{\"amount\": 1250}}",
            "--fields：{error}；请写一个对象，例如 {{\"amount\": 1250}}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Flags> {
        Flags::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_fields_but_for_the_few_of_the_program() {
        let line = "w1 --data books --cash-limit=5 --bank -3 --fields {} --lang zh w2 --json \
                    --person ann --person-id 7 --server https://b --timeout=9 --request-key k";
        let flags = read(line).unwrap();
        let given = [("cash_limit", "5"), ("bank", "-3"), ("person", "7")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let expected = Flags {
            help: false,
            json: true,
            data: Some("books".into()),
            config: None,
            fields: Some("{}".to_owned()),
            person: Some("ann".to_owned()),
            remote: RemoteFlags {
                server: Some("https://b".to_owned()),
                timeout: Some(9),
                ..RemoteFlags::default()
            },
            request_key: Some("k".to_owned()),
            subjects: vec!["w1".to_owned(), "w2".to_owned()],
            given,
        };
        assert_eq!(flags, expected);
        assert!(read("--bank 1 --help").unwrap().help);
        for (line, why) in [
            ("--bank", "--bank has no value"),
            ("--bank 1 --bank 2", "--bank is there twice"),
            ("--server a --server b", "--server is there twice"),
            ("--server a --remote b", "--server, --remote is there twice"),
            ("--timeout 0", "--timeout: "),
        ] {
            assert!(read(line).unwrap_err().to_string().contains(why), "{line}");
        }
    }
}

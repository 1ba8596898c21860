//! Command lines that go over the office's socket: what another user than the owner looks at, and
//! files that are carried out while Doorstep serves.
//!
//! Never: a path of this user in a line. A file is sent, or it is not read.

pub mod serving;

use std::any::TypeId;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use files::orders::rejects;
use office::client::{OfficeClientError, send, send_files};
use office::sent_files::files_of;
use office::socket::{OFFICE_SOCKET, control_directory};
use office::{OfficeAnswer, Printed, Request, SentFile};

use crate::given_files;
use crate::remote::SERVER_FLAGS;
use crate::serve::reload::ReloadArgs;
use crate::terminal::screen;
use crate::words;
use crate::{command_tree, office_requests, tariffs};

/// The width of a file or a pipe.
const COLUMNS: u16 = 80;

/// Commands that read the books and nothing else.
const LOOKS: [&[&str]; 20] = [
    &["accounts"],
    &["balances"],
    &["breaks"],
    &["cash"],
    &["costs"],
    &["explain", "payout"],
    &["get"],
    &["log"],
    &["network", "drill"],
    &["network", "report"],
    &["open-items"],
    &["parcels"],
    &["parties"],
    &["recon", "arrivals"],
    &["recon", "breaks"],
    &["recon", "explain"],
    &["recon", "status"],
    &["statement"],
    &["status"],
    &["vault", "disclosures"],
];

/// A command whose files are sent.
struct FileLine {
    command: &'static [&'static str],
    /// The arguments that name a file or a folder that is read.
    sent: &'static [&'static str],
    /// Those of them that can name something built in instead.
    built_in: &'static [&'static str],
    /// The arguments that name a file or a folder that is written.
    returned: &'static [&'static str],
}

const FILE_LINES: [FileLine; 4] = [
    FileLine {
        command: &["import"],
        sent: &["orders", "profile", "sellers", "tariff"],
        built_in: &["profile", "tariff"],
        returned: &["rejects", "waybills"],
    },
    FileLine {
        command: &["file"],
        sent: &["files", "profile"],
        built_in: &["profile"],
        returned: &[],
    },
    FileLine {
        command: &["offers", "import"],
        sent: &["file", "profile"],
        built_in: &["profile"],
        returned: &[],
    },
    FileLine { command: &["recon", "close"], sent: &["file"], built_in: &[], returned: &[] },
];

/// As whom a line is carried out stands beside it.
const PERSON: &str = "person";

/// A parsed command line: the words of the command, and what stands behind them.
struct ParsedLine<'m> {
    words: Vec<&'m str>,
    command: Command,
    matches: &'m ArgMatches,
}

impl<'m> ParsedLine<'m> {
    fn of(all: &'m ArgMatches) -> ParsedLine<'m> {
        let (mut words, mut command, mut matches) = (Vec::new(), command_tree(), all);
        while let Some((word, below)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(word).cloned() else { break };
            (command, matches) = (found, below);
            words.push(word);
        }
        ParsedLine { words, command, matches }
    }

    /// The arguments that were given, but for the data directory and the language.
    fn given(&self) -> impl Iterator<Item = &Arg> {
        self.command.get_arguments().filter(|arg| {
            let id = arg.get_id().as_str();
            let own = ["data", "lang", "help", "version"].contains(&id);
            !own && self.matches.value_source(id) == Some(ValueSource::CommandLine)
        })
    }

    fn values(&self, arg: &Arg) -> Vec<String> {
        let raw = self.matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect()
    }

    /// The line without the data directory, the language, and some arguments.
    fn arguments(&self, without: &[&str]) -> Vec<String> {
        let mut line: Vec<String> = self.words.iter().map(|word| (*word).to_owned()).collect();
        let mut subjects = Vec::new();
        for arg in self.given().filter(|arg| !without.contains(&arg.get_id().as_str())) {
            match (arg.get_long(), arg.get_action().takes_values()) {
                (None, _) => subjects.extend(self.values(arg)),
                (Some(flag), false) => line.push(format!("--{flag}")),
                (Some(flag), true) => {
                    let values = self.values(arg).into_iter();
                    line.extend(values.map(|value| format!("--{flag}={value}")));
                }
            }
        }
        if !subjects.is_empty() {
            line.push("--".to_owned());
            line.extend(subjects);
        }
        line
    }
}

/// Whether an argument names a file.
fn is_path(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

fn is_built_in(id: &str, value: &str) -> bool {
    match id {
        "profile" => Path::new(value).extension().is_none_or(|extension| extension != "toml"),
        _ => tariffs::is_built_in(value),
    }
}

fn file_line(words: &[&str]) -> Option<&'static FileLine> {
    FILE_LINES.iter().find(|line| line.command == words)
}

/// Carries a command line out over the office's socket. `None` if it is for this process to carry
/// out: it is another command, this user may read the books, or nobody serves them.
pub fn carried_out(all: &ArgMatches) -> Option<anyhow::Result<ExitCode>> {
    let line = ParsedLine::of(all);
    let is_look = LOOKS.contains(&line.words.as_slice());
    let file_line = file_line(&line.words);
    if !is_look && file_line.is_none() {
        return None;
    }
    // Another server is asked, not this one.
    if SERVER_FLAGS.iter().any(|flag| line.given().any(|arg| arg.get_id() == flag)) {
        return None;
    }
    // A break by its id is a command as any other.
    if line.words == ["recon", "close"] && !line.given().any(|arg| arg.get_id() == "file") {
        return None;
    }
    let data = line.matches.try_get_one::<PathBuf>("data").ok().flatten()?;
    let socket = control_directory(data).join(OFFICE_SOCKET);
    let printed = match file_line {
        Some(file_line) => take_files(&line, file_line, &socket),
        // Who may read the books needs nobody to serve them, and disturbs nobody.
        None if may_read(data) => return None,
        None => look(&line, &socket),
    };
    match printed {
        // What is at rest says itself who may read it.
        Err(error) if matches!(error.downcast_ref(), Some(OfficeClientError::NotServed(_))) => None,
        printed => Some(printed.and_then(|printed| print(&printed))),
    }
}

fn may_read(data: &Path) -> bool {
    let read = std::fs::read_dir(data);
    !read.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn columns() -> u16 {
    screen::columns().and_then(|columns| columns.try_into().ok()).unwrap_or(COLUMNS)
}

fn look(line: &ParsedLine<'_>, socket: &Path) -> anyhow::Result<Printed> {
    let look = Request::Look { arguments: line.arguments(&[]), columns: columns() };
    printed(send(socket, &office_requests::line(look, None))?, socket)
}

fn take_files(
    line: &ParsedLine<'_>,
    file_line: &FileLine,
    socket: &Path,
) -> anyhow::Result<Printed> {
    let (mut files, mut without, mut returned) = (Vec::new(), vec![PERSON], Vec::new());
    let person = line.matches.try_get_one::<String>(PERSON).ok().flatten().cloned();
    for arg in line.given() {
        let id = arg.get_id().as_str();
        for value in line.values(arg) {
            let is_name = file_line.built_in.contains(&id) && is_built_in(id, &value);
            if file_line.sent.contains(&id) && !is_name {
                let path = Path::new(&value);
                // An argument without a flag is named by its value.
                let named = || match arg.get_long() {
                    Some(flag) => format!("--{flag}: {value}"),
                    None => value.clone(),
                };
                if ["files", "file"].contains(&id) {
                    given_files::open(path)?;
                }
                std::fs::metadata(path).with_context(named)?;
                files.extend(files_of(id, path).with_context(named)?);
                without.push(id);
            }
            if file_line.returned.contains(&id) {
                returned.push((id.to_owned(), PathBuf::from(value)));
                without.push(id);
            }
        }
    }
    if let Some((_, to)) = returned.iter().find(|(id, _)| id == "rejects")
        && let Some(orders) = line.matches.try_get_one::<PathBuf>("orders").ok().flatten()
    {
        rejects::check_target(orders, to).context("--rejects")?;
    }
    let take = Request::TakeFiles {
        arguments: line.arguments(&without),
        columns: columns(),
        files: files.iter().map(|(file, _)| file.clone()).collect(),
        returned: returned.iter().map(|(id, _)| id.clone()).collect(),
    };
    let keep = |file: &SentFile| {
        let to = returned.iter().find(|(id, _)| *id == file.flag).map(|(_, path)| path.clone());
        let to = to.unwrap_or_else(|| PathBuf::from(&file.name));
        if file.in_folder { to.join(&file.name) } else { to }
    };
    let answer = send_files(socket, &office_requests::line(take, person), &files, &keep)?;
    let mut printed = printed(answer, socket)?;
    // There a flag is in the place of the file's name.
    for (id, path) in &returned {
        let named = printed.output.replace(&format!("--{id}"), &path.display().to_string());
        printed.output = named;
    }
    Ok(printed)
}

fn printed(answer: OfficeAnswer, socket: &Path) -> anyhow::Result<Printed> {
    match answer {
        OfficeAnswer::Printed { printed, .. } => Ok(printed),
        _ => Err(OfficeClientError::UnreadableAnswer(socket.to_owned()).into()),
    }
}

/// Has the settings of a running Doorstep read again.
pub fn reload(args: &ReloadArgs) -> anyhow::Result<ExitCode> {
    let socket = control_directory(&args.data).join(OFFICE_SOCKET);
    print(&printed(send(&socket, &office_requests::line(Request::Reload {}, None))?, &socket)?)
}

/// Prints what was printed for this user, in the same places.
#[allow(clippy::print_stderr, reason = "errors are for the person who runs the command")]
fn print(printed: &Printed) -> anyhow::Result<ExitCode> {
    let written = std::io::stdout().lock().write_all(printed.output.as_bytes());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            anyhow::bail!(words::stdout_error_text(&error));
        }
        _ => {}
    }
    eprint!("{}", printed.errors);
    Ok(if printed.succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Vec<String> {
        let words = words.split_whitespace();
        let all = command_tree().try_get_matches_from(words).unwrap();
        ParsedLine::of(&all).arguments(&["rejects"])
    }

    #[test]
    fn a_line_is_what_was_typed_without_paths_and_language() {
        assert_eq!(line("doorstep status --data books --lang zh --json"), ["status", "--json"]);
        assert_eq!(line("doorstep statement my-shop --data=books"), ["statement", "--", "my-shop"]);
        assert_eq!(
            line("doorstep explain payout 7 --data books"),
            ["explain", "payout", "--", "7"]
        );
        assert_eq!(
            line("doorstep import --orders o.csv --profile shopify --rejects r --strict"),
            ["import", "--orders=o.csv", "--profile=shopify", "--strict"]
        );
    }

    #[test]
    fn the_commands_that_go_over_the_socket_are_commands_with_these_arguments() {
        let tree = command_tree();
        let find = |words: &[&str]| {
            words.iter().try_fold(&tree, |found, word| found.find_subcommand(word)).unwrap()
        };
        for words in LOOKS {
            let command = find(words);
            assert!(command.get_arguments().any(|arg| arg.get_id() == "data"), "{words:?}");
        }
        for line in &FILE_LINES {
            let command = find(line.command);
            let named = line.sent.iter().chain(line.returned).chain(line.built_in);
            for id in named {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{id}");
            }
            // Each path is sent, sent back, the data directory, or the settings, which are refused:
            // those of the switch hold.
            for arg in command.get_arguments().filter(|arg| is_path(arg)) {
                let id = arg.get_id().as_str();
                let known = line.sent.contains(&id) || line.returned.contains(&id);
                let own = ["data", "config"].contains(&id);
                assert!(known || own, "{:?}: {id}", line.command);
            }
        }
    }
}

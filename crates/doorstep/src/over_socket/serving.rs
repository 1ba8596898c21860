//! Carries out command lines of other users while Doorstep serves.
//!
//! A look is a process of its own, the same program: whatever it meets, the payments go on. Files
//! are carried out in this process, because their commands go through the node's queue.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use books::{DataSubject, DisclosurePurpose, PersonalDataKind};
use clap::{Arg, ArgMatches, FromArgMatches};
use engine::Actor;
use files::pain001::Party;
use money::Currency;
use node::NodeClient;
use office::sent_files::ReceivedFiles;
use office::socket::{CommandLines, PRINTED_BYTES_MAX, PayoutFilesAsked, SentLine};
use office::take::Taking;
use office::{Disclosure, Language, Printed};
use serde_json::Value;

use vault::{Vault, VaultOptions};

use super::{FileLine, LOOKS, ParsedLine, file_line, is_built_in, is_path};
use crate::offers::{self, OfferGiver, OffersArgs, OffersTask};
use crate::orders::{self, ImportGiver};
use crate::remote::SERVER_FLAGS;
use crate::serve::reload::Reloader;
use crate::texts::{filled, text};
use crate::words::{Lang, captured, error_label};
use crate::{
    Cli, DATA_VARIABLE, Task, chinese, command_tree, in_words, line_error_text, payouts,
    recon_close, take,
};

/// This program, also if its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// A look that takes longer is stopped.
const LOOK_SECONDS_MAX: u64 = 120;
/// How often a look that has closed its outputs is asked whether it has ended.
const END_POLL: Duration = Duration::from_millis(10);
/// Of what a look says to standard error.
const ERRORS_BYTES_MAX: u64 = 64 << 10;

/// Carries out command lines on the books that this process serves.
pub struct ServedLines {
    pub data: PathBuf,
    pub client: Mutex<NodeClient>,
    /// The settings that hold. A demonstration has none.
    pub config: Option<PathBuf>,
    pub reloader: Option<Arc<Mutex<Reloader>>>,
    /// For the buyers of imported orders, and the accounts of payout files.
    pub vault: VaultOptions,
    /// Who pays, by currency.
    pub debtors: BTreeMap<Currency, Party>,
}

fn lang(language: Language) -> Lang {
    match language {
        Language::En => Lang::En,
        Language::Zh => Lang::Zh,
    }
}

impl CommandLines for ServedLines {
    fn look(&self, line: &SentLine<'_>) -> Result<Printed, String> {
        let lang = lang(line.language);
        if !LOOKS.contains(&words(line.arguments).as_slice()) {
            return Err(text(lang, "over_socket.not_a_look").to_owned());
        }
        let mut whole = self.whole_line(line.arguments, lang);
        captured(lang, || check_look(&whole)).0?;
        // It says where the views and the calendar are.
        let words = words(line.arguments);
        if let (["get"] | ["recon", _], Some(config)) = (&words[..], &self.config) {
            whole.insert(1 + words.len(), format!("--config={}", config.display()));
        }
        let mut command = Command::new(THIS_PROGRAM);
        command.args(&whole[1..]).env("COLUMNS", line.columns.to_string());
        command.env_remove(DATA_VARIABLE).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed =
            |error: std::io::Error| filled(lang, "over_socket.not_started", &[("cause", &error)]);
        let child = command.spawn().map_err(failed)?;
        read_to_end(child, Duration::from_secs(LOOK_SECONDS_MAX)).map_err(|ended| match ended {
            LookEnd::TooLong => {
                let most = PRINTED_BYTES_MAX >> 20;
                filled(lang, "over_socket.too_long", &[("most", &most)])
            }
            LookEnd::TooSlow => {
                filled(lang, "over_socket.too_slow", &[("seconds", &LOOK_SECONDS_MAX)])
            }
            LookEnd::Io(error) => failed(error),
        })
    }

    fn take_files(
        &self,
        line: &SentLine<'_>,
        files: &ReceivedFiles,
        returned: &[String],
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Printed, String> {
        let lang = lang(line.language);
        let whole = self.whole_line(line.arguments, lang);
        let (done, output) = captured(lang, || {
            let (matches, file_line) = parsed_files(whole, files, returned)?;
            check_paths(&ParsedLine::of(&matches), file_line, files, returned)?;
            let cli = Cli::from_arg_matches(&matches).map_err(|error| line_error_text(&error))?;
            let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
            let done = match &cli.task {
                Task::Import(args) => {
                    let giver = ImportGiver::serving(
                        &mut client,
                        (line.by, line.sellers),
                        Vault::new(&self.data, self.vault.clone()),
                        is_stopping,
                    );
                    orders::run_serving(args, giver)
                }
                Task::Offers(OffersArgs { task: OffersTask::Import(args) }) => {
                    let giver = OfferGiver {
                        client: &mut client,
                        data: &self.data,
                        by: line.by,
                        sellers: line.sellers,
                        is_stopping,
                    };
                    offers::run_serving(args, giver)
                }
                task @ (Task::File(_) | Task::Recon(_)) => {
                    if !matches!(line.by, Actor::Person(_)) {
                        return Err(text(lang, "over_socket.not_a_file_line").to_owned());
                    }
                    let taking = Taking {
                        client: &mut client,
                        data: &self.data,
                        by: line.by,
                        on_events: &mut |_| {},
                        chinese: |error| chinese::error(error, Lang::Zh),
                    };
                    match task {
                        Task::File(args) => take::run_serving(args, taking),
                        Task::Recon(args) => match args.closing() {
                            Some(args) => recon_close::run_serving(args, taking),
                            None => {
                                return Err(text(lang, "over_socket.not_a_file_line").to_owned());
                            }
                        },
                        _ => unreachable!("one of the two"),
                    }
                }
                _ => return Err(text(lang, "over_socket.not_a_file_line").to_owned()),
            };
            Ok(done.map_err(|error| format!("{}{}\n", error_label(), in_words(&error))))
        });
        let done = done?;
        let mut printed = Printed {
            succeeded: done.is_ok(),
            errors: done.err().unwrap_or_default(),
            output: output.text,
        };
        if output.is_cut {
            printed.errors.insert_str(0, text(lang, "over_socket.cut"));
        }
        // Whoever sent them knows no path of the data directory.
        for (flag, _) in files.flags() {
            let folder = files.path(flag).display().to_string();
            for said in [&mut printed.output, &mut printed.errors] {
                *said = said.replace(&format!("{folder}/"), "").replace(&folder, flag);
            }
        }
        for flag in returned {
            let path = files.path(flag).display().to_string();
            for said in [&mut printed.output, &mut printed.errors] {
                *said = said.replace(&path, &format!("--{flag}"));
            }
        }
        Ok(printed)
    }

    fn payout_files(
        &self,
        asked: PayoutFilesAsked,
        by: Actor,
        language: Language,
    ) -> Result<Value, String> {
        let opening = (self.vault.clone(), self.debtors.clone());
        let done = captured(lang(language), || {
            let disclose = |subjects: Vec<DataSubject>| {
                let shown = Disclosure {
                    subjects,
                    kind: PersonalDataKind::PayoutAccount,
                    purpose: DisclosurePurpose::Payout,
                };
                let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(office::record_disclosure(&mut client, &self.data, &shown, by)?)
            };
            let shown = payouts::served_messages(&self.data, asked, opening, disclose);
            shown.map_err(|error| in_words(&error))
        });
        done.0
    }

    fn reload(&self, language: Language) -> Result<Printed, String> {
        let (done, output) = captured(lang(language), || {
            let reloader = self.reloader.as_ref();
            let reloader =
                reloader.ok_or_else(|| text(lang(language), "over_socket.no_settings"))?;
            let mut reloader = reloader.lock().unwrap_or_else(PoisonError::into_inner);
            let reloaded = reloader.reload().map_err(|error| in_words(&error))?;
            reloaded.log();
            reloaded.print();
            Ok(())
        });
        done.map(|()| Printed { output: output.text, errors: String::new(), succeeded: true })
    }
}

impl ServedLines {
    /// The line as it is typed at rest.
    fn whole_line(&self, arguments: &[String], lang: Lang) -> Vec<String> {
        let (words, rest) = arguments.split_at(words(arguments).len());
        let own = [
            "--data".to_owned(),
            self.data.display().to_string(),
            "--lang".to_owned(),
            lang.pick("en", "zh").to_owned(),
        ];
        let program = ["doorstep".to_owned()];
        program.iter().chain(words).chain(&own).chain(rest).cloned().collect()
    }
}

/// The words of the command. Flags follow, and subjects behind `--`.
fn words(arguments: &[String]) -> Vec<&str> {
    let words = arguments.iter().take_while(|one| !one.starts_with('-'));
    words.map(String::as_str).collect()
}

fn parsed(line: &[String]) -> Result<ArgMatches, String> {
    command_tree().try_get_matches_from(line).map_err(|error| line_error_text(&error))
}

/// Refuses a line that is not valid, or that names a file or a server.
fn check_look(line: &[String]) -> Result<(), String> {
    let matches = parsed(line)?;
    let (line, lang) = (ParsedLine::of(&matches), Lang::current());
    let is_elsewhere = |arg: &Arg| SERVER_FLAGS.iter().any(|flag| arg.get_id() == flag);
    match line.given().find(|arg| is_path(arg) || is_elsewhere(arg)) {
        Some(arg) => Err(filled(lang, "over_socket.names_a_file", &[("flag", &arg.get_id())])),
        None => Ok(()),
    }
}

/// Parses a line with files, whose arguments get the paths of what was received.
fn parsed_files(
    mut line: Vec<String>,
    files: &ReceivedFiles,
    returned: &[String],
) -> Result<(ArgMatches, &'static FileLine), String> {
    let lang = Lang::current();
    let not_one = || text(lang, "over_socket.not_a_file_line").to_owned();
    let words = words(&line[1..]);
    let end = words.len() + 1;
    let file_line = file_line(&words).ok_or_else(not_one)?;
    let tree = command_tree();
    let command = words.iter().try_fold(&tree, |found, word| found.find_subcommand(word));
    let command = command.ok_or_else(not_one)?;
    let (sent, back) = (file_line.sent, file_line.returned);
    let received = files.flags().iter().map(|(flag, path)| (flag, path.clone(), sent));
    let written = returned.iter().map(|flag| (flag, files.path(flag), back));
    let mut subjects = Vec::new();
    for (flag, path, allowed) in received.chain(written) {
        let arg = command.get_arguments().find(|arg| arg.get_id() == flag.as_str());
        let arg = arg.filter(|_| allowed.contains(&flag.as_str()));
        let arg = arg.ok_or_else(|| {
            filled(lang, "over_socket.names_a_file", &[("flag", &flag.escape_debug())])
        })?;
        match arg.get_long() {
            Some(long) => line.insert(end, format!("--{long}={}", path.display())),
            None => subjects.push(path.display().to_string()),
        }
    }
    if !subjects.is_empty() {
        line.push("--".to_owned());
        line.extend(subjects);
    }
    Ok((parsed(&line)?, file_line))
}

/// Refuses a file that was not sent.
fn check_paths(
    line: &ParsedLine<'_>,
    file_line: &FileLine,
    files: &ReceivedFiles,
    returned: &[String],
) -> Result<(), String> {
    let is_sent = |id: &str| {
        files.flags().iter().any(|(flag, _)| flag == id) || returned.iter().any(|flag| flag == id)
    };
    let named = line.given().find(|arg| {
        let id = arg.get_id().as_str();
        let may_be_path = is_path(arg) || file_line.sent.contains(&id);
        let is_name = file_line.built_in.contains(&id)
            && line.values(arg).iter().all(|value| is_built_in(id, value));
        may_be_path && !is_sent(id) && !is_name
    });
    match named {
        None => Ok(()),
        Some(arg) => {
            Err(filled(Lang::current(), "over_socket.names_a_file", &[("flag", &arg.get_id())]))
        }
    }
}

/// Why a look was ended.
enum LookEnd {
    TooLong,
    TooSlow,
    Io(std::io::Error),
}

/// Reads what a process prints until it ends, for at most `most`.
fn read_to_end(mut child: Child, most: Duration) -> Result<Printed, LookEnd> {
    let deadline = Instant::now() + most;
    let (sender, read) = channel();
    let outputs = [
        child.stdout.take().map(|from| Box::new(from) as Box<dyn Read + Send>),
        child.stderr.take().map(|from| Box::new(from) as Box<dyn Read + Send>),
    ];
    for (place, from) in outputs.into_iter().enumerate() {
        let most = if place == 0 { PRINTED_BYTES_MAX as u64 } else { ERRORS_BYTES_MAX };
        let sender = sender.clone();
        let reading = move || {
            let mut bytes = Vec::new();
            let end = from.map_or(Ok(0), |from| from.take(most + 1).read_to_end(&mut bytes));
            // The receiver is gone if the look was ended.
            let _ = sender.send((place, end.map(|_| bytes)));
        };
        std::thread::Builder::new().spawn(reading).map_err(LookEnd::Io)?;
    }
    let mut texts = [String::new(), String::new()];
    let mut ended = None;
    for _ in 0..texts.len() {
        match read.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((0, Ok(bytes))) if bytes.len() > PRINTED_BYTES_MAX => {
                ended = Some(LookEnd::TooLong);
            }
            Ok((place, Ok(bytes))) => {
                texts[place] = String::from_utf8_lossy(&bytes).into_owned();
            }
            Ok((_, Err(error))) => ended = Some(LookEnd::Io(error)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                ended = Some(LookEnd::TooSlow);
            }
        }
        if ended.is_some() {
            break;
        }
    }
    // It may have closed its outputs and go on.
    while ended.is_none() && child.try_wait().map_err(LookEnd::Io)?.is_none() {
        if Instant::now() >= deadline {
            ended = Some(LookEnd::TooSlow);
        }
        std::thread::sleep(END_POLL);
    }
    if ended.is_some() {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
    let status = child.wait().map_err(LookEnd::Io)?;
    let [output, errors] = texts;
    match ended {
        Some(end) => Err(end),
        None => Ok(Printed { output, errors, succeeded: status.success() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_look_that_takes_too_long_is_stopped() {
        let most = Duration::from_millis(100);
        for script in ["exec sleep 100", "exec >&- 2>&-; exec sleep 100"] {
            let (child, begun) = (shell(script), Instant::now());
            let process = format!("/proc/{}", child.id());
            assert!(matches!(read_to_end(child, most), Err(LookEnd::TooSlow)), "{script}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
            assert!(!std::path::Path::new(&process).exists(), "{script}: it is gone");
        }
    }

    #[test]
    fn a_look_that_prints_too_much_is_stopped() {
        let script = format!("head -c {} /dev/zero; exec sleep 100", PRINTED_BYTES_MAX + 1);
        let ended = read_to_end(shell(&script), Duration::from_secs(60));
        assert!(matches!(ended, Err(LookEnd::TooLong)));
    }

    #[test]
    fn what_a_look_prints_and_how_it_ends_is_kept() {
        let script = "echo out; echo why >&2; exit 1";
        let Ok(printed) = read_to_end(shell(script), Duration::from_secs(60)) else {
            panic!("it ended by itself");
        };
        let expected = Printed { output: "out\n".into(), errors: "why\n".into(), succeeded: false };
        assert_eq!(printed, expected);
    }
}

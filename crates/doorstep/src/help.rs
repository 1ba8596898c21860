//! Help and command-line errors in Chinese. English help stands in the doc comments.

use std::iter;

use clap::builder::{PossibleValue, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::chinese;
use crate::texts;
use crate::words::{Lang, width};

/// The same as clap's `max_term_width` of the English help.
const COLUMNS_MAX: usize = 100;
const COLUMNS_MIN: usize = 60;
/// Where clap begins the text of an argument: below it in long help, beside it in short help.
const LONG_HELP_INDENT: usize = 10;
const SHORT_HELP_INDENT: usize = 46;
/// Brackets of this width, as `[默认值：7]`, are not broken.
const BRACKET_COLUMNS_MAX: usize = 46;

/// Puts the texts of `[help]` into the tree of commands.
pub fn in_chinese(command: Command) -> Command {
    let terminal = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    // As clap does for the English help.
    let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    let columns = terminal.or_else(variable).unwrap_or(COLUMNS_MAX).clamp(COLUMNS_MIN, COLUMNS_MAX);
    let mut command = command.term_width(columns);
    command.build();
    translated(command, "help", columns)
}

fn translated(mut command: Command, section: &str, columns: usize) -> Command {
    let own = |name| texts::entry(Lang::Zh, section, name);
    let usage = command.render_usage().to_string();
    let template = template(&command);
    command = command
        .help_template(template)
        .override_usage(usage_text(&usage))
        .mut_args(|arg| translated_argument(arg, section, columns));
    if let Some(about) = own("about") {
        let long = iter::once(about).chain(own("more")).collect::<Vec<_>>().join("\n\n");
        command = command.about(about).long_about(wrapped(&long, columns));
    }
    if let Some(after) = own("after") {
        let after = wrapped(after, columns);
        command = match command.get_after_long_help() {
            Some(_) => command.after_long_help(after),
            None => command.after_help(after),
        };
    }
    command.mut_subcommands(|command| {
        let section = section_of(section, &command);
        translated(command, &section, columns)
    })
}

/// The section of a subcommand. All commands have the same `help`.
fn section_of(parent: &str, command: &Command) -> String {
    match command.get_name() {
        "help" => "help.help".to_owned(),
        name => format!("{parent}.{name}"),
    }
}

/// The text of an argument, or of one of its values: that of its command or of the nearest command
/// above. Also returns its key.
fn inherited(section: &str, name: &str) -> Option<(String, &'static str)> {
    let above = iter::successors(Some(section), |below| Some(below.rsplit_once('.')?.0));
    let mut keys = above.map(|section| format!("{section}.{name}"));
    keys.find_map(|key| texts::all(Lang::Zh).get(&key).map(|text| (key, text.as_str())))
}

fn translated_argument(arg: Arg, section: &str, columns: usize) -> Arg {
    let id = arg.get_id().as_str();
    let Some((_, text)) = inherited(section, &format!("args.{id}")) else { return arg };
    let (mut long, mut short) = (text.to_owned(), text.to_owned());
    if arg.get_action().takes_values() {
        let values = arg.get_possible_values();
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        let label = texts::text(Lang::Zh, "command_line.possible_values");
        if values.iter().any(|value| value.get_help().is_some()) {
            long += &format!("\n\n{label}：");
            for name in &names {
                let text = inherited(section, &format!("values.{id}.{name}"));
                let text = text.map(|(_, text)| format!("：{text}")).unwrap_or_default();
                long += &format!("\n- {name}{text}");
            }
        } else if !names.is_empty() {
            long += &format!("\n\n[{label}：{}]", listed(&names));
        }
        if !names.is_empty() {
            short += &format!(" [{label}：{}]", listed(&names));
        }
        let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
        let defaults: Vec<_> = defaults.collect();
        if !defaults.is_empty() {
            let label = texts::text(Lang::Zh, "command_line.default");
            let note = format!("[{label}：{}]", defaults.join(" "));
            long += &format!("\n\n{note}");
            short += &format!(" {note}");
        }
    }
    arg.help(wrapped(&short, columns - SHORT_HELP_INDENT))
        .long_help(wrapped(&long, columns - LONG_HELP_INDENT))
        .hide_default_value(true)
        .hide_possible_values(true)
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    names.join(texts::text(Lang::Zh, "command_line.separator"))
}

/// Clap's default template with Chinese headings.
fn template(command: &Command) -> String {
    let style = command.get_styles().get_usage();
    let heading = |text| format!("{style}{text}：{style:#}");
    let shown = |command: &Command| !command.is_hide_set() && command.get_name() != "help";
    let usage = heading(texts::text(Lang::Zh, "command_line.usage"));
    let mut template = format!("{{before-help}}{{about-with-newline}}\n{usage}{{usage}}");
    let commands = texts::text(Lang::Zh, "command_line.commands");
    let arguments = texts::text(Lang::Zh, "command_line.arguments");
    let options = texts::text(Lang::Zh, "command_line.options");
    for (text, tag, is_shown) in [
        (commands, "{subcommands}", command.get_subcommands().any(shown)),
        (arguments, "{positionals}", command.get_positionals().next().is_some()),
        (options, "{options}", true),
    ] {
        if is_shown {
            template += &format!("\n\n{}\n{tag}", heading(text));
        }
    }
    template + "{after-help}"
}

/// Clap's usage without its heading, with Chinese in its brackets.
fn usage_text(usage: &str) -> String {
    usage
        .trim_start_matches("Usage: ")
        .replace("[OPTIONS]", texts::text(Lang::Zh, "command_line.options_tag"))
        .replace("<COMMAND>", texts::text(Lang::Zh, "command_line.command_tag"))
}

/// Breaks lines, because clap breaks them at spaces only, and Chinese has none.
pub fn wrapped(text: &str, columns: usize) -> String {
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut used = 0;
        for piece in pieces(line, columns).into_iter().flat_map(|piece| parts(piece, columns)) {
            if used > 0 && used + width(piece.trim_end()) > columns {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                used = 0;
            }
            out.push_str(piece);
            used += width(piece);
        }
    }
    out
}

/// A piece that is wider than a line may be broken after slashes, too: `MissingFile/LateItem/…`.
fn parts(piece: &str, columns: usize) -> Vec<&str> {
    match width(piece.trim_end()) > columns {
        true => piece.split_inclusive('/').collect(),
        false => vec![piece],
    }
}

/// Splits a line where it may be broken: after spaces and beside Chinese characters, but not before
/// closing and after opening punctuation, nor in short brackets.
fn pieces(line: &str, columns: usize) -> Vec<&str> {
    let bracket_max = BRACKET_COLUMNS_MAX.min(columns);
    let wide = |c: char| unicode_width::UnicodeWidthChar::width(c) == Some(2);
    let mut pieces = Vec::new();
    let (mut start, mut before, mut bracket_end) = (0, None, 0);
    for (at, c) in line.char_indices() {
        let bracket = line[at..].find(']').map(|length| at + length + 1).filter(|_| c == '[');
        if let Some(end) = bracket.filter(|end| width(&line[at..*end]) <= bracket_max) {
            bracket_end = end;
        }
        let breaks = before.is_some_and(|before| {
            let closing = "，。；：、）？！」`,.;:)]>".contains(c);
            let opening = "（「`([<".contains(before);
            before == ' ' || ((wide(before) || wide(c)) && !closing && !opening)
        });
        if breaks && (at >= bracket_end || c == '[') {
            pieces.push(&line[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&line[start..]);
    pieces
}

/// What is wrong with the value of an argument, in the words of all other errors. None if the
/// error is of another kind.
fn value_error(error: &clap::Error, lang: Lang) -> Option<String> {
    let cause = std::error::Error::source(error);
    let cause = cause.filter(|_| error.kind() == ErrorKind::ValueValidation)?;
    let context = |kind| Some(error.get(kind).map(values)?.concat());
    let argument = context(ContextKind::InvalidArg)?;
    let value = context(ContextKind::InvalidValue)?;
    // `--parcels <PARCELS>` is known by its flag.
    let argument = argument.split_once(" <").map_or(&*argument, |(flag, _)| flag);
    let cause = chinese::value_error(cause, lang);
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("argument", &argument), ("value", &value), ("cause", &cause)];
    Some(texts::filled(lang, "value.invalid", &values))
}

/// An invalid value, in English. None if clap's own words are used.
pub fn value_error_in_english(error: &clap::Error) -> Option<String> {
    let problem = value_error(error, Lang::En)?;
    let label = texts::text(Lang::En, "error.label");
    Some(format!("{label}{problem}\n\nFor more information, try '--help'.\n"))
}

/// An invalid command line, with the nearest valid one.
pub fn error_in_chinese(error: &clap::Error) -> String {
    let lang = Lang::Zh;
    let context = |kind| error.get(kind).map(values).unwrap_or_default();
    let quoted =
        |kind| listed(&context(kind).iter().map(|one| format!("`{one}`")).collect::<Vec<_>>());
    let argument = quoted(ContextKind::InvalidArg);
    let value = quoted(ContextKind::InvalidValue);
    let with_argument = |key| texts::filled(lang, key, &[("argument", &argument)]);
    let with_value = |key| texts::filled(lang, key, &[("argument", &argument), ("value", &value)]);
    let problem = match error.kind() {
        ErrorKind::UnknownArgument => with_argument("command_line.unknown_argument"),
        ErrorKind::InvalidSubcommand => {
            let command = quoted(ContextKind::InvalidSubcommand);
            texts::filled(lang, "command_line.unknown_command", &[("command", &command)])
        }
        ErrorKind::MissingSubcommand => {
            let commands = listed(&context(ContextKind::ValidSubcommand));
            texts::filled(lang, "command_line.missing_command", &[("commands", &commands)])
        }
        ErrorKind::MissingRequiredArgument => {
            texts::filled(lang, "command_line.missing_argument", &[("arguments", &argument)])
        }
        ErrorKind::InvalidValue if value == "``" => with_argument("command_line.missing_value"),
        ErrorKind::InvalidValue => with_value("command_line.invalid_value"),
        ErrorKind::ValueValidation => {
            value_error(error, lang).unwrap_or_else(|| with_value("command_line.invalid_value"))
        }
        ErrorKind::TooManyValues => with_value("command_line.surplus_value"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            with_argument("command_line.value_count")
        }
        ErrorKind::ArgumentConflict => match quoted(ContextKind::PriorArg) {
            others if others == argument => with_argument("command_line.twice"),
            others => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("argument", &argument), ("others", &others)];
                texts::filled(lang, "command_line.conflict", &values)
            }
        },
        ErrorKind::InvalidUtf8 => texts::text(lang, "command_line.not_utf8").to_owned(),
        _ => error.to_string(),
    };
    let mut lines = vec![format!("{}{problem}", texts::text(lang, "error.label"))];
    let valid = context(ContextKind::ValidValue);
    if !valid.is_empty() {
        let label = texts::text(lang, "command_line.possible_values");
        lines.push(format!("  [{label}：{}]", listed(&valid)));
    }
    let suggested =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    for nearest in suggested.map(quoted).iter().filter(|nearest| !nearest.is_empty()) {
        let nearest = texts::filled(lang, "command_line.nearest", &[("nearest", nearest)]);
        lines.push(format!("  {nearest}"));
    }
    for usage in context(ContextKind::Usage) {
        let label = texts::text(lang, "command_line.usage");
        lines.push(format!("\n{label}：{}", usage_text(&usage)));
    }
    lines.push(format!("\n{}\n", texts::text(lang, "command_line.try_help")));
    lines.join("\n")
}

fn values(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::None => Vec::new(),
        ContextValue::Strings(texts) => texts.clone(),
        ContextValue::StyledStrs(texts) => texts.iter().map(StyledStr::to_string).collect(),
        ContextValue::StyledStr(text) => vec![text.to_string()],
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use clap::CommandFactory;

    use super::*;
    use crate::Cli;

    /// What the tree of commands needs in Chinese: keys with the English that they stand for.
    #[derive(Default)]
    struct Needed {
        english: BTreeMap<String, BTreeSet<String>>,
        missing: Vec<String>,
    }

    impl Needed {
        fn text(&mut self, section: &str, name: &str, english: Option<&StyledStr>) {
            let Some(english) = english else { return };
            match inherited(section, name) {
                Some((key, _)) => {
                    self.english.entry(key).or_default().insert(english.to_string());
                }
                None => self.missing.push(format!("{section}.{name}")),
            }
        }

        fn command(&mut self, command: &Command, section: &str) {
            let paragraphs = command.get_long_about().map(StyledStr::to_string);
            let more = paragraphs.filter(|long| long.contains("\n\n")).map(StyledStr::from);
            let after = command.get_after_long_help().or(command.get_after_help());
            let own = [("about", command.get_about()), ("more", more.as_ref()), ("after", after)];
            for (name, english) in own {
                if english.is_some() && texts::entry(Lang::Zh, section, name).is_none() {
                    self.missing.push(format!("{section}.{name}"));
                }
                self.text(section, name, english);
            }
            for arg in command.get_arguments() {
                let id = arg.get_id();
                let english = arg.get_help().cloned().unwrap_or_default();
                self.text(section, &format!("args.{id}"), Some(&english));
                for value in arg.get_possible_values() {
                    let name = format!("values.{id}.{}", value.get_name());
                    self.text(section, &name, value.get_help().filter(|_| !is_flag(arg)));
                }
            }
            for command in command.get_subcommands() {
                // The commands below `help` are those of the tree again.
                match command.get_name() {
                    "help" => self.text("help.help", "about", command.get_about()),
                    _ => self.command(command, &section_of(section, command)),
                }
            }
        }
    }

    fn is_flag(arg: &Arg) -> bool {
        !arg.get_action().takes_values()
    }

    fn needed() -> Needed {
        let mut tree = Cli::command();
        tree.build();
        let mut needed = Needed::default();
        needed.command(&tree, "help");
        needed
    }

    #[test]
    fn every_command_and_argument_has_chinese_and_every_text_is_used() {
        let needed = needed();
        assert!(needed.missing.is_empty(), "no Chinese: {:#?}", needed.missing);
        let texts = texts::all(Lang::Zh).keys().filter(|key| key.starts_with("help."));
        let unused: Vec<_> = texts.filter(|key| !needed.english.contains_key(*key)).collect();
        assert!(unused.is_empty(), "not in the tree of commands: {unused:#?}");
    }

    #[test]
    fn a_chinese_text_for_several_arguments_stands_for_one_english_text() {
        // `--help` has another text where every text is short.
        let shared = needed().english.into_iter().filter(|(key, _)| key != "help.args.help");
        for (key, english) in shared {
            assert!(english.len() == 1, "{key}: {english:#?}");
        }
    }

    #[test]
    fn lines_break_beside_chinese_but_not_before_closing_punctuation() {
        assert_eq!(wrapped("没有该终端，请检查。", 10), "没有该终\n端，请检\n查。");
        assert_eq!(wrapped("用 `doorstep demo` 开始", 12), "用 `doorstep\ndemo` 开始");
        assert_eq!(wrapped("编号 [默认值：7]", 14), "编号\n[默认值：7]");
        assert_eq!(wrapped("one of: A=Long/Longer/B", 12), "one of:\nA=Long/\nLonger/B");
        assert_eq!(wrapped("一\n\n二", 10), "一\n\n二");
    }
}

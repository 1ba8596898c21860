//! Prints in the chosen language, English or Chinese.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use office::Language;
use office::socket::PRINTED_BYTES_MAX;

use crate::texts;

/// Prints a line to standard output. If the reader has closed the pipe, as `head` does, nothing
/// more is printed and the work continues.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::words::say_line(format_args!($($text)*))
    };
}
pub(crate) use say;

/// Formats one of two texts, in the current language.
macro_rules! bilingual {
    ($english:literal, $chinese:literal $(, $argument:expr)* $(,)?) => {
        match $crate::words::Lang::current() {
            $crate::words::Lang::En => format!($english $(, $argument)*),
            $crate::words::Lang::Zh => format!($chinese $(, $argument)*),
        }
    };
}
pub(crate) use bilingual;

/// See [`say`]. Exits if standard output cannot be written: a partial output must not look
/// complete.
#[allow(clippy::print_stderr, reason = "the error has no other way out")]
pub fn say_line(text: fmt::Arguments<'_>) {
    static READER_GONE: AtomicBool = AtomicBool::new(false);
    let is_captured = CAPTURED.with_borrow_mut(|captured| match captured {
        None => false,
        Some((_, output)) => {
            output.add(text);
            true
        }
    });
    if is_captured {
        return;
    }
    if READER_GONE.load(Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.write_all(b"\n")) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            READER_GONE.store(true, Ordering::Relaxed);
        }
        Err(error) => {
            eprintln!("{}{}", error_label(), stdout_error_text(&error));
            std::process::exit(1);
        }
    }
}

/// What a thread prints, instead of standard output.
#[derive(Default)]
pub struct CapturedOutput {
    pub text: String,
    /// The text was longer than PRINTED_BYTES_MAX, and the rest is missing.
    pub is_cut: bool,
}

impl CapturedOutput {
    fn add(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.is_cut |= self.text.len() + line.len() >= PRINTED_BYTES_MAX;
        if !self.is_cut {
            self.text += &line;
            self.text.push('\n');
        }
    }
}

thread_local! {
    /// The language of this thread, and what it prints.
    static CAPTURED: RefCell<Option<(Lang, CapturedOutput)>> = const { RefCell::new(None) };
}

/// Does something for a person elsewhere: in their language, and what is said is returned.
pub fn captured<T>(lang: Lang, work: impl FnOnce() -> T) -> (T, CapturedOutput) {
    CAPTURED.set(Some((lang, CapturedOutput::default())));
    let done = work();
    (done, CAPTURED.take().map(|(_, output)| output).unwrap_or_default())
}

pub fn stdout_error_text(error: &io::Error) -> String {
    texts::filled(Lang::current(), "error.standard_output", &[("cause", error)])
}

/// The label before an error message.
pub fn error_label() -> &'static str {
    texts::text(Lang::current(), "error.label")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    En,
    /// 中文
    Zh,
}

static CURRENT: OnceLock<Lang> = OnceLock::new();

impl Lang {
    /// The value of `--lang`, before the command line is parsed: help and errors need it.
    pub fn of_arguments(arguments: impl Iterator<Item = OsString>) -> Option<Lang> {
        let mut arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let value =
            arguments.find_map(|argument| Some(argument.strip_prefix("--lang")?.to_owned()))?;
        let value = value.strip_prefix('=').map(str::to_owned).or_else(|| arguments.next())?;
        Lang::from_str(&value, false).ok()
    }

    /// Sets the language of the process: `--lang`, or else the environment's.
    pub fn set(flag: Option<Lang>) {
        let lang = flag.unwrap_or_else(|| Lang::of_environment(|name| std::env::var(name).ok()));
        // A second call changes nothing.
        let _ = CURRENT.set(lang);
    }

    /// The language of the person for whom this thread works, or else of the process. English
    /// until [`Lang::set`].
    pub fn current() -> Lang {
        let captured = CAPTURED.with_borrow(|captured| captured.as_ref().map(|(lang, _)| *lang));
        captured.or_else(|| CURRENT.get().copied()).unwrap_or(Lang::En)
    }

    /// `zh…` in the first of LC_ALL, LC_MESSAGES and LANG that is not empty means Chinese.
    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let mut values = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable);
        let locale = values.find(|value| !value.is_empty());
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Lang::Zh } else { Lang::En }
    }

    pub fn language(self) -> Language {
        match self {
            Lang::En => Language::En,
            Lang::Zh => Language::Zh,
        }
    }

    pub fn pick<'t>(self, english: &'t str, chinese: &'t str) -> &'t str {
        match self {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }
}

/// The width of a text in terminal columns. A Chinese character takes two.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Pads a text on the right to a number of columns.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Pads a text on the left to a number of columns.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Adds thousands separators: `1,246,162`.
pub fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, rest) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    match rest {
        Some(rest) => format!("{sign}{out}.{rest}"),
        None => format!("{sign}{out}"),
    }
}

/// The words of the pages in the current language.
pub fn page_words() -> pages::PageWords {
    pages::PageWords(Lang::current().language())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_both_languages() {
        assert_eq!(left("已收", 6), "已收  ");
        assert_eq!(right("held", 6), "  held");
    }

    #[test]
    fn the_language_is_the_first_locale_variable_that_is_set() {
        let lang = |set: &[(&str, &str)]| {
            Lang::of_environment(|name| {
                set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(lang(&[]), Lang::En);
        assert_eq!(lang(&[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(lang(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")]), Lang::Zh);
        assert_eq!(lang(&[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")]), Lang::En);
    }

    #[test]
    fn the_flag_is_found_anywhere() {
        let of = |line: &str| Lang::of_arguments(line.split(' ').map(OsString::from));
        assert_eq!(of("doorstep --lang zh day"), Some(Lang::Zh));
        assert_eq!(of("doorstep day --help --lang=en"), Some(Lang::En));
        assert_eq!(of("doorstep day --lang"), None);
        assert_eq!(of("doorstep day --lang fr"), None);
    }

    #[test]
    fn a_thread_that_works_for_somebody_speaks_their_language() {
        let work = || {
            say!("{}", bilingual!("done", "完成"));
            Lang::current()
        };
        let (lang, output) = captured(Lang::Zh, work);
        assert_eq!((lang, output.text.as_str(), output.is_cut), (Lang::Zh, "完成\n", false));
        assert_eq!(Lang::current(), Lang::En);
        let (_, output) = captured(Lang::En, || {
            for _ in 0..3 {
                say!("{}", "x".repeat(PRINTED_BYTES_MAX / 2 - 1));
            }
        });
        assert!(output.is_cut && output.text.len() <= PRINTED_BYTES_MAX);
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(grouped("1246162.25"), "1,246,162.25");
        assert_eq!(grouped("-123456"), "-123,456");
        assert_eq!(grouped("12"), "12");
    }
}

//! What is printed, in English and Chinese.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use engine::{Engine, TariffVersion};

/// Prints a line to standard output. Where whoever reads it has gone, as `head` does, nothing more
/// is printed, and the work goes on.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::words::say_line(format_args!($($text)*))
    };
}
pub(crate) use say;

/// See [`say`]. Where standard output cannot be written, the program ends: whoever started it must
/// not take half an answer for a whole one.
#[allow(clippy::print_stderr, reason = "there is nowhere else to say it")]
pub fn say_line(text: fmt::Arguments<'_>) {
    static NOBODY_READS: AtomicBool = AtomicBool::new(false);
    if NOBODY_READS.load(Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.write_all(b"\n")) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            NOBODY_READS.store(true, Ordering::Relaxed);
        }
        Err(error) => {
            eprintln!("error: {}", stdout_failed(&error));
            std::process::exit(1);
        }
    }
}

/// What is said where standard output cannot be written.
pub fn stdout_failed(error: &io::Error) -> String {
    format!("standard output cannot be written: {error}; send it elsewhere and start again")
}

/// The languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    En,
    /// 中文
    Zh,
}

impl Lang {
    /// One of two texts that say the same.
    pub fn pick(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }
}

/// A tariff version for people: `china-2013/1`.
pub fn tariff_version(engine: &Engine, version: TariffVersion) -> String {
    match engine.tariff_reference(version.tariff) {
        Some(reference) => format!("{reference}/{}", version.version),
        None => format!("{:016x}/{}", version.tariff.0, version.version),
    }
}

/// How many columns of a terminal a text takes: Chinese takes two a character.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// A text filled up to a number of columns, on the right or on the left.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A text moved to the right within a number of columns.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A number with its thousands apart: `1,246,162`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_both_languages() {
        assert_eq!(left("已收", 6), "已收  ");
        assert_eq!(right("held", 6), "  held");
    }

    #[test]
    fn thousands_are_kept_apart() {
        assert_eq!(grouped("1246162.25"), "1,246,162.25");
        assert_eq!(grouped("-123456"), "-123,456");
        assert_eq!(grouped("12"), "12");
    }
}

//! Typed commands, line by line: from a script or pipe as it is, from a keyboard with history and
//! arrow keys.
//!
//! The history is in memory only, and never has a card number (M12).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Context;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, Config, Editor, Helper};

use crate::terminal::masking;
use crate::words::say;

pub const LINE_BYTES_MAX: usize = 1_024;
const HISTORY_LINES_MAX: usize = 200;

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Above [`LINE_BYTES_MAX`].
    TooLong,
    NotUtf8,
}

/// Where commands come from.
pub enum TypedLines {
    /// A file or a pipe.
    Script(Box<dyn BufRead>),
    /// A keyboard without a screen to edit on.
    Keyboard(Box<dyn BufRead>),
    Screen(Box<ScreenEditor>),
}

/// What lines may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineContent {
    /// A buyer's card number, by mistake: masked, and not kept.
    CardNumbers,
    /// Long numbers that are no cards.
    OtherNumbers,
}

impl LineContent {
    fn shown(self, line: &str) -> Cow<'_, str> {
        match self {
            LineContent::CardNumbers => Cow::Owned(masking::masked_display(line)),
            LineContent::OtherNumbers => Cow::Borrowed(line),
        }
    }
}

/// An edited line on a screen.
pub struct ScreenEditor {
    editor: Editor<MaskedDisplay, MemHistory>,
    content: LineContent,
    /// The rest of a text of several lines that was pasted.
    pasted: VecDeque<String>,
}

impl TypedLines {
    /// A script (`-` is standard input), or whatever standard input is.
    pub fn open(script: Option<&Path>, content: LineContent) -> anyhow::Result<TypedLines> {
        let input = || Box::new(io::stdin().lock());
        Ok(match script {
            Some(path) if path != Path::new("-") => {
                let file = File::open(path).with_context(|| script_name(path))?;
                TypedLines::Script(Box::new(BufReader::new(file)))
            }
            None if io::stdin().is_terminal() && io::stdout().is_terminal() => {
                TypedLines::Screen(Box::new(ScreenEditor::new(content)?))
            }
            None if io::stdin().is_terminal() => TypedLines::Keyboard(input()),
            _ => TypedLines::Script(input()),
        })
    }

    pub const fn is_script(&self) -> bool {
        matches!(self, TypedLines::Script(_))
    }

    /// The next line, asked for with a prompt unless it is a script's. `None` at the end: Ctrl-D,
    /// or Ctrl-C on a screen.
    pub fn next(&mut self, prompt: &str) -> io::Result<Option<Result<String, LineError>>> {
        match self {
            TypedLines::Script(input) => read_line(input),
            TypedLines::Keyboard(input) => {
                let mut out = io::stdout().lock();
                write!(out, "{prompt} ")?;
                out.flush()?;
                drop(out);
                let line = read_line(input)?;
                if line.is_none() {
                    say!("");
                }
                Ok(line)
            }
            TypedLines::Screen(screen) => screen.next(prompt),
        }
    }
}

/// How errors name a script.
pub fn script_name(path: &Path) -> String {
    format!("--script {}", path.display())
}

impl ScreenEditor {
    fn new(content: LineContent) -> anyhow::Result<ScreenEditor> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES_MAX)?
            .history_ignore_dups(true)?
            // Without colours the display would not be masked.
            .color_mode(ColorMode::Forced)
            .build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history)?;
        editor.set_helper(Some(MaskedDisplay(content)));
        Ok(ScreenEditor { editor, content, pasted: VecDeque::new() })
    }

    fn next(&mut self, prompt: &str) -> io::Result<Option<Result<String, LineError>>> {
        let line = match self.pasted.pop_front() {
            Some(line) => line,
            None => match self.editor.readline(&format!("{prompt} ")) {
                Ok(text) => {
                    self.pasted.extend(text.lines().map(str::to_owned));
                    self.pasted.pop_front().unwrap_or_default()
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(None),
                Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return Ok(Some(Err(LineError::NotUtf8)));
                }
                Err(ReadlineError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            },
        };
        if line.len() > LINE_BYTES_MAX {
            return Ok(Some(Err(LineError::TooLong)));
        }
        if self.content.shown(&line) == line {
            self.editor.add_history_entry(line.as_str()).map_err(io::Error::other)?;
        }
        Ok(Some(Ok(line)))
    }
}

/// Shows `*` in place of digits that may be a card number.
struct MaskedDisplay(LineContent);

impl Highlighter for MaskedDisplay {
    fn highlight<'l>(&self, line: &'l str, _place: usize) -> Cow<'l, str> {
        self.0.shown(line)
    }

    fn highlight_char(&self, _line: &str, _place: usize, _kind: CmdKind) -> bool {
        true
    }
}

impl Completer for MaskedDisplay {
    type Candidate = String;
}

impl Hinter for MaskedDisplay {
    type Hint = String;
}

impl Validator for MaskedDisplay {}
impl Helper for MaskedDisplay {}

/// The next line; none at the end. The rest of a line that is too long is skipped.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, LineError>>> {
    const BYTE_ORDER_MARK: char = '\u{FEFF}';
    let mut line = Vec::new();
    let most = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() > LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        while input.by_ref().take(most).read_until(b'\n', &mut line)? > 0 {
            if line.last() == Some(&b'\n') {
                break;
            }
            line.clear();
        }
        return Ok(Some(Err(LineError::TooLong)));
    }
    let line = String::from_utf8(line).map_err(|_| LineError::NotUtf8);
    Ok(Some(line.map(|line| line.trim_start_matches(BYTE_ORDER_MARK).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_or_not_utf_8_is_one_error() {
        let mut input = "\u{FEFF}echo\r\n".as_bytes().to_vec();
        input.extend(vec![b'x'; 5_000]);
        input.extend(b"\nvoid \xFF\nquit");
        let mut input = input.as_slice();
        let mut next = || read_line(&mut input).unwrap();
        assert_eq!(next(), Some(Ok("echo\r\n".into())));
        assert_eq!(next(), Some(Err(LineError::TooLong)));
        assert_eq!(next(), Some(Err(LineError::NotUtf8)));
        assert_eq!(next(), Some(Ok("quit".into())));
        assert_eq!(next(), None);
    }
}

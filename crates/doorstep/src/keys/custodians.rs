//! Components as custodians type them, or as they are piped in: never shown, wiped after.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use keys::{Algorithm, Component};
use zeroize::Zeroizing;

use crate::words::say;

/// The longest line that is read: a component in groups, and its check value.
const LINE_BYTES_MAX: usize = 256;
/// More components than a key can have are not read.
const COMPONENTS_MAX: usize = 9;
/// What a terminal sends for Ctrl-C while nothing is shown.
const INTERRUPTED: u8 = 3;

/// Reads components up to an empty line or the end of standard input.
pub fn components(algorithm: Algorithm) -> anyhow::Result<Vec<Component>> {
    // Not the buffered standard input: its buffer could not be wiped.
    let input = io::stdin().as_fd().try_clone_to_owned().context("standard input")?;
    let mut lines = Lines { input: File::from(input), read: Zeroizing::new(Vec::new()) };
    let typed = io::stdin().is_terminal();
    let _silent = if typed { Some(Silent::begin()?) } else { None };
    let mut components = Vec::new();
    loop {
        let number = components.len() + 1;
        if typed {
            let bytes = algorithm.key_bytes();
            say!("component {number}: {bytes} bytes as hex digits, a space, its check value");
            say!("(it is not shown; an empty line ends)");
        }
        let Some(line) = lines.next()? else { break };
        if number > COMPONENTS_MAX {
            bail!("standard input: a key has at most {COMPONENTS_MAX} components");
        }
        match Component::parse(&line, algorithm, number) {
            Ok(component) => components.push(component),
            // Whoever types may have mistyped.
            Err(error) if typed => say!("{error}"),
            Err(error) => return Err(error).context("standard input"),
        }
    }
    Ok(components)
}

struct Lines {
    input: File,
    /// What was read and not yet taken.
    read: Zeroizing<Vec<u8>>,
}

impl Lines {
    /// The next line, or `None` where it is empty or there is no more.
    fn next(&mut self) -> anyhow::Result<Option<Zeroizing<String>>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = Zeroizing::new(self.read.drain(..=end).collect::<Vec<u8>>());
                return text(&line);
            }
            if self.read.len() > LINE_BYTES_MAX {
                bail!("standard input: a line is longer than a component and its check value");
            }
            let mut part = Zeroizing::new([0; LINE_BYTES_MAX]);
            let count = match self.input.read(part.as_mut_slice()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count.context("standard input")?,
            };
            if part[..count].contains(&INTERRUPTED) {
                bail!("interrupted; nothing was imported");
            }
            if count == 0 {
                let line = std::mem::replace(&mut self.read, Zeroizing::new(Vec::new()));
                return text(&line);
            }
            let mut read = Zeroizing::new(Vec::with_capacity(self.read.len() + count));
            read.extend_from_slice(&self.read);
            read.extend_from_slice(&part[..count]);
            self.read = read;
        }
    }
}

fn text(line: &[u8]) -> anyhow::Result<Option<Zeroizing<String>>> {
    let line = std::str::from_utf8(line).ok().context("standard input: it is not text")?.trim();
    Ok((!line.is_empty()).then(|| Zeroizing::new(line.to_owned())))
}

/// A terminal that does not show what is typed, until this is dropped. Ctrl-C is an input here:
/// a program that it ended would leave the terminal silent.
struct Silent {
    /// What `stty` takes to bring the terminal back.
    before: String,
}

impl Silent {
    fn begin() -> anyhow::Result<Silent> {
        let before = stty(&["-g"])?.trim().to_owned();
        let silent = Silent { before };
        stty(&["-echo", "-isig", "eol", "^C"])?;
        Ok(silent)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = stty(&[&self.before]);
    }
}

fn stty(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("stty");
    command.args(arguments).stdin(Stdio::inherit()).stderr(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        _ => bail!("the terminal cannot be silenced with `stty`; pipe the components in instead"),
    }
}

//! Reads key components from a terminal or a pipe. They are never shown, and wiped from memory.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use keys::{Algorithm, Component};
use zeroize::Zeroizing;

use crate::words::{Lang, bilingual, say};

/// Enough for a component in groups and its check value.
const LINE_BYTES_MAX: usize = 256;
/// The most that a key can have.
const COMPONENTS_MAX: usize = 9;
/// Ctrl-C, which is an input byte while the echo is off.
const INTERRUPTED: u8 = 3;

/// Secrets on standard input, a line each. What is typed is not shown.
pub struct SecretLines {
    lines: Lines,
    typed: bool,
    _echo_off: Option<EchoOff>,
}

impl SecretLines {
    pub fn begin() -> anyhow::Result<SecretLines> {
        // Not the buffered standard input, because its buffer cannot be wiped.
        let input = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .context(Lang::current().pick("standard input", "标准输入"))?;
        let lines = Lines { input: File::from(input), read: Zeroizing::new(Vec::new()) };
        let typed = io::stdin().is_terminal();
        let echo_off = if typed { Some(EchoOff::begin()?) } else { None };
        Ok(SecretLines { lines, typed, _echo_off: echo_off })
    }

    /// The next line, for which a person is asked with these words.
    #[allow(clippy::print_stderr, reason = "standard output has the answer")]
    pub fn ask(&mut self, words: &str) -> anyhow::Result<Zeroizing<String>> {
        if self.typed {
            eprintln!("{words}");
        }
        self.lines.next()?.with_context(|| words.to_owned())
    }
}

/// Reads components up to an empty line or the end of standard input.
pub fn components(algorithm: Algorithm) -> anyhow::Result<Vec<Component>> {
    let SecretLines { mut lines, typed, _echo_off } = SecretLines::begin()?;
    let mut components = Vec::new();
    loop {
        let number = components.len() + 1;
        if typed {
            let bytes = algorithm.key_bytes();
            say!(
                "{}",
                bilingual!(
                    "component {number}: {bytes} bytes as hex digits, a space, its check value",
                    "第 {number} 分量：{bytes} 字节的十六进制数字，空格，校验值"
                )
            );
            say!(
                "{}",
                Lang::current().pick(
                    "(input is not shown; an empty line ends it)",
                    "（输入不显示；空行结束）"
                )
            );
        }
        let Some(line) = lines.next()? else { break };
        if number > COMPONENTS_MAX {
            bail!(bilingual!(
                "standard input: a key has at most {COMPONENTS_MAX} components",
                "标准输入：密钥最多有 {COMPONENTS_MAX} 个分量"
            ));
        }
        match Component::parse(&line, algorithm, number) {
            Ok(component) => components.push(component),
            // A person may have mistyped, and can type the component again.
            Err(error) if typed => say!("{error}"),
            Err(error) => {
                return Err(error).context(Lang::current().pick("standard input", "标准输入"));
            }
        }
    }
    Ok(components)
}

struct Lines {
    input: File,
    /// Bytes read after the last line returned.
    read: Zeroizing<Vec<u8>>,
}

impl Lines {
    /// The next line; `None` if it is empty or the input has ended.
    fn next(&mut self) -> anyhow::Result<Option<Zeroizing<String>>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = Zeroizing::new(self.read.drain(..=end).collect::<Vec<u8>>());
                return text(&line);
            }
            if self.read.len() > LINE_BYTES_MAX {
                bail!(
                    Lang::current()
                        .pick("standard input: the line is too long", "标准输入：该行过长")
                );
            }
            let mut part = Zeroizing::new([0; LINE_BYTES_MAX]);
            let count = match self.input.read(part.as_mut_slice()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count.context(Lang::current().pick("standard input", "标准输入"))?,
            };
            if part[..count].contains(&INTERRUPTED) {
                bail!(
                    Lang::current()
                        .pick("interrupted; nothing was imported", "已中断；未导入任何密钥")
                );
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
    let line = std::str::from_utf8(line)
        .ok()
        .context(
            Lang::current().pick("standard input: not UTF-8 text", "标准输入：不是 UTF-8 文本"),
        )?
        .trim();
    Ok((!line.is_empty()).then(|| Zeroizing::new(line.to_owned())))
}

/// Turns the terminal's echo off until it is dropped. Ctrl-C becomes an input byte, because a
/// signal would end the process with the echo still off.
struct EchoOff {
    /// The `stty` argument that restores the terminal.
    before: String,
}

impl EchoOff {
    fn begin() -> anyhow::Result<EchoOff> {
        let before = stty(&["-g"])?.trim().to_owned();
        let echo_off = EchoOff { before };
        stty(&["-echo", "-isig", "eol", "^C"])?;
        Ok(echo_off)
    }
}

impl Drop for EchoOff {
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
        _ => bail!(Lang::current().pick(
            "`stty` cannot turn the terminal's echo off; pipe the lines in instead",
            "无法用 `stty` 关闭终端回显；请改用管道输入"
        )),
    }
}

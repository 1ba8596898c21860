//! The file with a simulated terminal's last STAN: a restarted terminal does not repeat the STANs
//! of its open batch.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::STAN_MAX;
use crate::chinese;
use crate::data_directory::read_text;
use crate::words::{Lang, bilingual};

const FILE_BYTES_MAX: usize = 256;
/// The file is this many STANs ahead of the terminal, so that a terminal that is killed skips some
/// of them but repeats none.
const STANS_AHEAD: u32 = 1_000;
/// More than one typed command uses.
const STANS_LEFT_MIN: u32 = 500;

/// A STAN and those before it are used, or will not be used.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastStan {
    last_stan: u32,
}

pub(super) struct StanFile {
    path: PathBuf,
    /// The STAN in the file.
    reserved: u32,
}

impl StanFile {
    /// Beside the file of the terminal's key.
    pub fn default_path(key_file: &Path, terminal: u32) -> PathBuf {
        key_file.with_file_name(format!("terminal-{terminal:08}.toml"))
    }

    /// The last STAN in a file; 0 if there is no file.
    pub fn read(path: &Path) -> anyhow::Result<u32> {
        let named = || format!("--state {}", path.display());
        if !path.try_exists().with_context(named)? {
            return Ok(0);
        }
        let text = read_text(path, FILE_BYTES_MAX).with_context(named)?;
        let read: Result<LastStan, _> = toml::from_str(&text);
        let wrong = |why: &str| {
            bilingual!(
                "{0}: {why}; write `last_stan = N`, the terminal's last STAN",
                "{0}：{why}；请写 `last_stan = N`，即终端最后用过的流水号",
                named()
            )
        };
        let LastStan { last_stan } = read.map_err(|error| {
            let message = match Lang::current() {
                Lang::En => error.message().to_owned(),
                Lang::Zh => chinese::toml_message(error.message()),
            };
            anyhow::anyhow!(wrong(&message))
        })?;
        anyhow::ensure!(
            last_stan <= STAN_MAX,
            wrong(&bilingual!("{last_stan} exceeds {STAN_MAX}", "{last_stan} 超过 {STAN_MAX}"))
        );
        Ok(last_stan)
    }

    /// Reserves STANs for a terminal with this last one.
    pub fn reserve(path: PathBuf, last_stan: u32) -> anyhow::Result<StanFile> {
        let mut file = StanFile { path, reserved: 0 };
        file.write((last_stan + STANS_AHEAD - 1) % STAN_MAX + 1)?;
        Ok(file)
    }

    /// Reserves more STANs if few are left. Call it before each command.
    pub fn renew(&mut self, last_stan: u32) -> anyhow::Result<()> {
        let left = (self.reserved + STAN_MAX - last_stan) % STAN_MAX;
        if left >= STANS_LEFT_MIN {
            return Ok(());
        }
        self.write((last_stan + STANS_AHEAD - 1) % STAN_MAX + 1)
    }

    /// Gives back the STANs that the terminal did not use.
    pub fn finish(mut self, last_stan: u32) -> anyhow::Result<()> {
        self.write(last_stan)
    }

    fn write(&mut self, last_stan: u32) -> anyhow::Result<()> {
        let text = toml::to_string(&LastStan { last_stan })?;
        files::atomic::write_atomically(&self.path, |out| out.write_all(text.as_bytes())).map_err(
            |error: files::atomic::AtomicWriteError<io::Error>| {
                let error = chinese::error(&error, Lang::current());
                anyhow::anyhow!(bilingual!(
                    "{error}; the terminal keeps its last STAN there: name another file with \
                     --state",
                    "{error}；终端在此保存最后用过的流水号：请用 --state 另选文件"
                ))
            },
        )?;
        self.reserved = last_stan;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_terminal_skips_stans_and_an_ended_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.toml");
        assert_eq!(StanFile::read(&path).unwrap(), 0, "no file");
        let mut file = StanFile::reserve(path.clone(), 7).unwrap();
        // STANs 8 to 508 are used, one command after the other.
        for last_stan in 7..=508 {
            file.renew(last_stan).unwrap();
            assert!(StanFile::read(&path).unwrap() >= last_stan + STANS_LEFT_MIN - 1);
        }
        file.finish(508).unwrap();
        assert_eq!(StanFile::read(&path).unwrap(), 508);
    }

    #[test]
    fn stans_begin_again_after_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.toml");
        let mut file = StanFile::reserve(path.clone(), STAN_MAX - 1).unwrap();
        assert_eq!(StanFile::read(&path).unwrap(), 999, "999999, then 1 to 999");
        file.renew(998).unwrap();
        assert_eq!(StanFile::read(&path).unwrap(), 1_998);
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.toml");
        for (text, why) in [
            ("last_stan = 1000000", "1000000 exceeds 999999"),
            ("last = 1", "unknown field `last`"),
            ("", "missing field `last_stan`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = StanFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(why) && error.ends_with("the terminal's last STAN"), "{error}");
        }
    }
}

//! `doorstep bench`: benchmarks of the whole program, with durability on.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use crate::words::{bilingual, say};

pub mod api;
pub mod backup;
pub mod claims;
pub mod clearing;
pub mod costs;
pub mod door;
pub mod engine;
pub mod market;
pub mod notices;
pub mod policy;
pub mod recon;
pub mod views;

/// Prints what was measured: as one JSON object, or for people.
fn show<F: Serialize>(figures: &F, json: bool, print: impl FnOnce(&F)) -> anyhow::Result<()> {
    match json {
        true => say!("{}", serde_json::to_string(figures)?),
        false => print(figures),
    }
    Ok(())
}

/// Prints what the measured process found, and waits to be killed.
fn show_and_wait<M: Serialize>(measurements: &M) -> anyhow::Result<()> {
    say!("{}", serde_json::to_string(measurements)?);
    io::stdout().flush()?;
    // Standard input ends if the parent is gone.
    io::stdin().lines().for_each(drop);
    Ok(())
}

/// The path of a directory that does not exist yet.
struct NewDirectory {
    path: PathBuf,
    /// Removed at the end.
    _scratch: Option<TempDir>,
}

impl NewDirectory {
    /// The directory of `--data`, or else one in a temporary directory in the current one.
    fn at(data: Option<&Path>, name: &str) -> anyhow::Result<NewDirectory> {
        let Some(data) = data else {
            let scratch = tempfile::Builder::new().prefix("doorstep-bench-").tempdir_in(".")?;
            return Ok(NewDirectory { path: scratch.path().join(name), _scratch: Some(scratch) });
        };
        anyhow::ensure!(
            !data.exists(),
            bilingual!(
                "--data {0}: it exists already; name a new directory",
                "--data {0}：已存在；请换一个目录",
                data.display()
            )
        );
        Ok(NewDirectory { path: data.to_owned(), _scratch: None })
    }
}

//! `doorstep man` and `doorstep completions`: from the one declaration of the commands, for
//! packages.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::words::say;

#[derive(Args, Debug)]
pub struct ManArgs {
    /// The directory; it is created if it is not there
    directory: PathBuf,
}

#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// In English: whoever reads Chinese has `--help --lang zh`.
pub fn write(args: &ManArgs) -> anyhow::Result<()> {
    let directory = &args.directory;
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named)?;
    clap_mangen::generate_to(Cli::command(), directory).with_context(named)
}

pub fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "doorstep", &mut script);
    say!("{}", String::from_utf8(script)?.trim_end());
    Ok(())
}

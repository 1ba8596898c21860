//! `doorstep vault`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use vault::{RewrapCounts, Vault};

use crate::data_directory;
use crate::office_requests::check_owner;
use crate::serve::settings;
use crate::texts::filled;
use crate::words::{Lang, say};

/// Maintains the vault of the data directory
#[derive(Args, Debug)]
pub struct VaultCommandArgs {
    #[command(subcommand)]
    what: VaultTask,
}

#[derive(Subcommand, Debug)]
enum VaultTask {
    /// Wraps all data keys under the newest generation of the vault's key
    ///
    /// After `doorstep keys rotate`, while nobody serves. It can be interrupted at any moment: run
    /// it again. When it has ended, the vault needs no older generation of the key.
    Rewrap {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The settings with the key store, doorstep.toml
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub fn run(args: &VaultCommandArgs) -> anyhow::Result<()> {
    let VaultTask::Rewrap { data, config } = &args.what;
    check_owner(data)?;
    // A Doorstep that serves knows only the generations of its start.
    let opened = data_directory::open(data)?;
    let mut vault = Vault::new(data, settings::accounts(config)?.vault);
    let RewrapCounts { rewrapped, unchanged } = vault.rewrap()?;
    opened.node.stop()?;
    let counts: [(&str, &dyn std::fmt::Display); 2] =
        [("rewrapped", &rewrapped), ("unchanged", &unchanged)];
    say!("{}", filled(Lang::current(), "vault.rewrapped", &counts));
    Ok(())
}

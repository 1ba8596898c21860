//! `doorstep trial`: everything that a switch, a card network and a terminal need to be tried.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::bench::door::goods;
use crate::bench::door::ground::{ACQUIRER, Ground, MERCHANT};
use crate::words::say;

/// Where terminals connect to.
const TERMINALS: &str = "127.0.0.1:7001";
const TERMINALS_MAX: u32 = 1_000;
const PARCELS_EACH_MAX: u32 = 100;

/// Prepares a directory in which the door can be tried, and says what to start.
///
/// Keys, settings and books with terminals whose couriers have parcels out. Then a simulated card
/// network, the switch and a simulated terminal are started from it, each in a window of its own.
///
/// It is for trials: keys of the network and of the terminals lie plain in files.
///
/// Exit status: 0 it is prepared; 1 it could not be, and why.
#[derive(Args, Debug)]
pub struct TrialArgs {
    /// The directory; must not exist yet
    directory: PathBuf,
    /// How many terminals
    #[arg(long, default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TERMINALS_MAX)))]
    terminals: u32,
    /// How many parcels each has out
    #[arg(long, default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(PARCELS_EACH_MAX)))]
    parcels: u32,
}

pub fn run(args: &TrialArgs) -> anyhow::Result<()> {
    let directory = as_typed(&args.directory.display().to_string());
    anyhow::ensure!(!args.directory.exists(), "{directory} is there already; name another one");
    let ground = Ground::prepare(&args.directory, args.terminals, args.parcels, 0, 1)?;
    let settings = ground.path("doorstep.toml");
    let text = fs::read_to_string(&settings).with_context(|| settings.display().to_string())?;
    let text = text.replacen("127.0.0.1:0", TERMINALS, 1);
    fs::write(&settings, text).with_context(|| settings.display().to_string())?;

    say!("{directory} is ready. Start, each in a window of its own:");
    say!("");
    say!("  the card network");
    say!("    doorstep network run --name {} --listen {} \\", "alpha", ground.network_address);
    say!("        --keys {directory}/alpha.toml --acquirer {ACQUIRER} --clearing {directory}");
    say!("  the switch");
    say!("    doorstep serve --data {directory}/books --config {directory}/doorstep.toml");
    say!("  a terminal (type `help`)");
    say!("    doorstep terminal --connect {TERMINALS} --number 1 --merchant {MERCHANT} \\");
    say!("        --base-key-file {directory}/base.key");
    say!("");
    say!("Its keys are listed by");
    say!("    doorstep keys list --config {directory}/doorstep.toml");
    say!("");
    say!("  parcels of          waybill                        to pay");
    for terminal in 1..=args.terminals {
        for place in 0..args.parcels {
            let waybill = switch::waybill::write(goods::parcel(terminal, place));
            let minor = goods::amount(terminal, place).minor();
            let (whole, rest) = (minor / 100, minor % 100);
            let amount = format!("{whole}.{rest:02}");
            say!("  terminal {terminal:<6}     {waybill}    {amount:>8}");
        }
    }
    Ok(())
}

/// A path as a shell wants it.
fn as_typed(path: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+".contains(character);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_printed_so_that_it_can_be_typed() {
        assert_eq!(as_typed("trials/门_1.2-a+b"), "trials/门_1.2-a+b");
        assert_eq!(as_typed("my trial"), "'my trial'");
        assert_eq!(as_typed("bo's"), "'bo'\\''s'");
    }
}

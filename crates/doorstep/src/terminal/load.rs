//! `doorstep terminal load`: many terminals in one process, for the benchmark.
//!
//! Prints a line when all terminals are signed on, starts selling when it reads a line from
//! standard input, and prints the measurements at the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use bench::{FleetPlan, LoadPlan, SalesLoad, SalesPace, workload};
use clap::Args;

use super::{DialectFlag, derived_keys, merchant};
use crate::serve::settings::parse_address;
use crate::words::say;

/// Runs many terminals in one process
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// The terminals' usual addresses, assigned in turn
    #[arg(long, value_delimiter = ',', value_parser = parse_address, required = true)]
    connect: Vec<SocketAddr>,
    /// Further addresses for terminals whose usual address fails
    #[arg(long, value_delimiter = ',', value_parser = parse_address)]
    refuge: Vec<SocketAddr>,
    /// The number of the first terminal
    #[arg(long, default_value_t = 1)]
    first: u32,
    /// Number of terminals
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    terminals: u32,
    /// Field 42
    #[arg(long)]
    merchant: String,
    /// The file with the base key of the terminals' keys
    #[arg(long)]
    base_key_file: PathBuf,
    /// The dialect of the key that is derived from the base key
    #[arg(long, value_enum, default_value_t = DialectFlag::Doorstep)]
    dialect: DialectFlag,
    /// Minutes east of UTC
    #[arg(long, default_value_t = 480, allow_negative_numbers = true)]
    utc_offset: i16,
    /// New connections per second
    #[arg(long, default_value_t = 1_000)]
    connects_per_second: u32,
    /// Time limit of an answer, in milliseconds
    #[arg(long, default_value_t = 60_000)]
    wait_ms: u32,
    /// Sales per second; 0 for as many as possible
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales in flight, if the rate is 0
    #[arg(long, default_value_t = 1_024)]
    in_flight: u32,
    /// Duration of the sales
    #[arg(long)]
    seconds: u64,
    /// Parcels of each terminal
    #[arg(long)]
    parcels_each: u32,
    /// The first six digits of the cards
    #[arg(long, default_value_t = 622_588)]
    bin: u32,
    /// Enter a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// Time limit for signing on, and for the last sales, in seconds
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// The file for approved sales: terminal, parcel index, amount, RRN
    #[arg(long)]
    approved: Option<PathBuf>,
}

pub fn run(args: &LoadArgs) -> anyhow::Result<()> {
    let fleet = FleetPlan {
        first_terminal: args.first,
        terminals: args.terminals,
        merchant: merchant(&args.merchant)?,
        keys: derived_keys(&args.base_key_file, args.dialect)?,
        utc_offset_minutes: args.utc_offset,
        answer_within_ms: args.wait_ms,
        home_addresses: args.connect.clone(),
        fallback_addresses: args.refuge.clone(),
        connects_per_second: args.connects_per_second,
        sales: Box::new(workload::sales(args.parcels_each, args.bin, args.pins)),
    };
    let (mut load, ready) = SalesLoad::sign_on(LoadPlan {
        fleet,
        pace: match args.rate {
            0 => SalesPace::InFlight(args.in_flight),
            rate => SalesPace::PerSecond(rate),
        },
        selling: Duration::from_secs(args.seconds),
        patience: Duration::from_secs(args.patience),
        approved: args.approved.clone(),
    })?;
    say!("{}", serde_json::to_string(&ready)?);
    let line = line_of_stdin();
    // The end of the input starts the sales, too.
    load.wait_until(|| line.try_recv() != Err(TryRecvError::Empty))?;
    say!("{}", serde_json::to_string(&load.sell()?)?);
    Ok(())
}

fn line_of_stdin() -> Receiver<()> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        // The receiver may be gone.
        let _ = sender.send(());
    });
    receiver
}

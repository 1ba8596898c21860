//! The command line of Doorstep.
//!
//! Never: logic of its own; it reads flags, calls the crates, and prints.

mod balances;
mod bench;
mod books;
mod day;
mod explain;
mod export;
mod orders;
mod payouts;
mod setup;
mod tariffs;
mod verify;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Payments at the door: collect, keep the books, pay the sellers.
///
/// Doorstep takes what couriers collect for parcels, by card, QR or in cash, posts it in double-entry books,
/// pays the sellers, and accounts for every cent on the way.
///
/// Begin with `doorstep demo`: a whole day in a minute, on made-up orders. Then give it your own orders:
/// `doorstep day --orders FILE --profile shopify --data books`.
#[derive(Parser, Debug)]
#[command(name = "doorstep", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    Demo(day::DemoArgs),
    Day(day::DayArgs),
    Import(orders::ImportArgs),
    Verify(verify::VerifyArgs),
    Balances(balances::BalancesArgs),
    Explain(explain::ExplainArgs),
    Payouts(payouts::PayoutsArgs),
    Export(export::ExportArgs),
    Tariff(tariffs::TariffArgs),
    /// Measures how fast it is, with durability on, ending in a crash and a verification
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand, Debug)]
enum Bench {
    /// Card collections through the node with the SQLite journal
    Engine(bench::engine::EngineArgs),
}

#[allow(clippy::print_stderr, reason = "errors are for whoever runs the command")]
fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Demo(args) => day::demo(&args),
        Task::Day(args) => day::run(&args),
        Task::Import(args) => orders::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Verify(args) => verify::run(&args),
        Task::Balances(args) => balances::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Explain(args) => explain::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Payouts(args) => payouts::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Export(args) => export::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Tariff(args) => tariffs::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Bench { what: Bench::Engine(args) } => {
            bench::engine::run(&args).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        // Whoever reads our output may have gone, as `head` does; that is no error of ours.
        let pipe = error.downcast_ref::<std::io::Error>();
        if pipe.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

//! The command line of Doorstep.
//!
//! Never: logic of its own; it reads flags, calls the crates, and prints.

mod balances;
mod bench;
mod books;
mod certificates;
mod day;
mod explain;
mod export;
mod gateway;
mod keys;
mod network;
mod network_orders;
mod orders;
mod payouts;
mod serve;
mod setup;
mod tariffs;
mod terminal;
mod trial;
mod verify;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Payments at the door: collect, keep the books, pay the sellers.
///
/// Doorstep takes what couriers collect for parcels, by card, QR or in cash, posts it in
/// double-entry books, pays the sellers, and accounts for every cent on the way.
///
/// Begin with `doorstep demo`: a whole day in a few seconds, on made-up orders. Then give it your
/// own orders: `doorstep day --orders FILE --profile shopify --data books`.
#[derive(Parser, Debug)]
#[command(name = "doorstep", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

const EXIT_STATUS: &str = "\
Exit status: 0 it is done and all is well; 1 it could not be done, or something is wrong, and what;
2 the command line is not understood.";

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
    Serve(serve::ServeArgs),
    Gateway(gateway::GatewayArgs),
    Certificates(certificates::CertificatesArgs),
    /// Card networks: withdrawing one and taking it back, and a simulated one
    Network {
        #[command(subcommand)]
        what: Network,
    },
    Terminal(terminal::TerminalArgs),
    Trial(trial::TrialArgs),
    Keys(keys::KeysArgs),
    /// Measures how fast it is, with durability on, ending in a crash and a verification
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand, Debug)]
enum Network {
    Run(network::RunArgs),
    Withdraw(network_orders::WithdrawArgs),
    Reinstate(network_orders::ReinstateArgs),
    Status(network_orders::StatusArgs),
}

#[derive(Subcommand, Debug)]
enum Bench {
    /// Card collections through the node with the SQLite journal
    Engine(bench::engine::EngineArgs),
    /// Card sales from terminals over gateways to a simulated network, in processes of their own
    Door(bench::door::DoorArgs),
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
        Task::Keys(args) => keys::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Serve(args) => serve::run(&args),
        Task::Gateway(args) => gateway::run(&args),
        Task::Certificates(args) => certificates::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Terminal(args) => terminal::run(&args),
        Task::Trial(args) => trial::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Network { what: Network::Run(args) } => {
            network::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Network { what: Network::Withdraw(args) } => network_orders::withdraw(&args),
        Task::Network { what: Network::Reinstate(args) } => network_orders::reinstate(&args),
        Task::Network { what: Network::Status(args) } => network_orders::status(&args),
        Task::Bench { what: Bench::Engine(args) } => {
            bench::engine::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Door(args) } => {
            bench::door::run(&args).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {}", in_words(&error));
        ExitCode::FAILURE
    })
}

/// An error and its causes. Some say in their own words where they happened or what caused them;
/// that is not repeated.
fn in_words(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if parts.last().is_some_and(|part| part.contains(&cause)) {
            continue;
        }
        if parts.last().is_some_and(|part| cause.contains(part.as_str())) {
            parts.pop();
        }
        parts.push(cause);
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_named_is_not_named_again() {
        let error = anyhow::anyhow!("no such file").context("a.csv: no such file; give another");
        let error = error.context("a.csv").context("--orders");
        assert_eq!(in_words(&error), "--orders: a.csv: no such file; give another");
    }
}

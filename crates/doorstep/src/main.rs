//! The command line: reads flags, calls the other crates, prints.
//!
//! Never: rules of money or of payments. Start at `main`.

mod balances;
mod benchmarks;
mod certificates;
mod chinese;
mod data_directory;
mod day;
mod differences;
mod do_command;
mod explain;
mod export;
mod gateway;
mod help;
mod keys;
mod log;
mod logging;
mod network;
mod network_admin;
mod orders;
mod payouts;
mod persons;
mod serve;
mod setup;
mod tariffs;
mod terminal;
mod texts;
mod time_zone;
mod trial;
mod typed_lines;
mod verify;
mod wallet;
mod words;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::words::{Lang, error_label};

/// Payments for parcels at the door: collect, keep the books, pay the sellers.
///
/// Doorstep takes the payments that couriers collect for parcels, by card, by QR code or in cash,
/// posts them in double-entry books, pays the sellers, and accounts for every cent.
///
/// Start with `doorstep demo`: a whole day in a few seconds, on simulated orders. Then use your own
/// orders: `doorstep day --orders FILE --profile shopify --data books`.
#[derive(Parser, Debug)]
#[command(name = "doorstep", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    task: Task,
    /// The language of the output [default: LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, global = true, value_enum)]
    lang: Option<Lang>,
}

const EXIT_STATUS: &str = "Exit status: 0 success; 1 failure, or a check found a problem, which \
                           is printed; 2 the command line is not valid.";

#[derive(Subcommand, Debug)]
enum Task {
    Demo(day::DemoArgs),
    Day(day::DayArgs),
    Import(orders::ImportArgs),
    Verify(verify::VerifyArgs),
    Balances(balances::BalancesArgs),
    Breaks(differences::BreaksArgs),
    OpenItems(differences::OpenItemsArgs),
    Explain(explain::ExplainArgs),
    Log(log::CommandLogArgs),
    Payouts(payouts::PayoutsArgs),
    Export(export::ExportArgs),
    Tariff(tariffs::TariffArgs),
    Do(do_command::DoArgs),
    Serve(serve::ServeArgs),
    Gateway(gateway::GatewayArgs),
    Certificates(certificates::CertificatesArgs),
    /// Withdraws and reinstates card networks, shows their status, runs a simulated one
    Network {
        #[command(subcommand)]
        what: Network,
    },
    Terminal(terminal::TerminalArgs),
    /// Runs a simulated wallet
    Wallet {
        #[command(subcommand)]
        what: wallet::Wallet,
    },
    Trial(trial::TrialArgs),
    Keys(keys::KeysArgs),
    /// Measures throughput with durability on, then crashes and verifies the books
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand, Debug)]
enum Network {
    Run(Box<network::RunArgs>),
    Withdraw(network_admin::WithdrawArgs),
    Reinstate(network_admin::ReinstateArgs),
    Status(network_admin::StatusArgs),
}

#[derive(Subcommand, Debug)]
enum Bench {
    /// Card collections through the node with the SQLite journal
    Engine(benchmarks::engine::EngineArgs),
    /// Card sales from terminals over gateways to a simulated network, each in its own process
    Door(benchmarks::door::DoorArgs),
}

#[allow(clippy::print_stderr, reason = "errors are for the person who runs the command")]
fn main() -> ExitCode {
    Lang::set(Lang::of_arguments(std::env::args_os()));
    if let Err(error) = report_full_files() {
        eprintln!("{}{error}", error_label());
        return ExitCode::FAILURE;
    }
    let parsed = match Lang::current() {
        Lang::En => Cli::try_parse(),
        Lang::Zh => parse_in_chinese(),
    };
    let Cli { task, lang: _ } = match parsed {
        Ok(cli) => cli,
        Err(error) => return exit_without_command(&error),
    };
    let done = match task {
        Task::Demo(args) => day::demo(&args),
        Task::Day(args) => day::run(&args),
        Task::Import(args) => orders::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Verify(args) => verify::run(&args),
        Task::Balances(args) => balances::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Breaks(args) => differences::breaks(&args).map(|()| ExitCode::SUCCESS),
        Task::OpenItems(args) => differences::open_items(&args).map(|()| ExitCode::SUCCESS),
        Task::Explain(args) => explain::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Log(args) => log::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Payouts(args) => payouts::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Export(args) => export::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Tariff(args) => tariffs::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Do(args) => do_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Keys(args) => keys::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Serve(args) => serve::run(&args),
        Task::Gateway(args) => gateway::run(&args),
        Task::Certificates(args) => certificates::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Terminal(args) => terminal::run(&args),
        Task::Wallet { what: wallet::Wallet::Run(args) } => wallet::run(&args),
        Task::Trial(args) => trial::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Network { what: Network::Run(args) } => {
            network::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Network { what: Network::Withdraw(args) } => network_admin::withdraw(&args),
        Task::Network { what: Network::Reinstate(args) } => network_admin::reinstate(&args),
        Task::Network { what: Network::Status(args) } => network_admin::status(&args),
        Task::Bench { what: Bench::Engine(args) } => {
            benchmarks::engine::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Door(args) } => {
            benchmarks::door::run(&args).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("{}{}", error_label(), in_words(&error));
        ExitCode::FAILURE
    })
}

/// Keeps SIGXFSZ from ending the process without a message: a write beyond the limit on file sizes
/// (`ulimit -f`) fails with EFBIG instead, and is reported like a full disk.
fn report_full_files() -> std::io::Result<()> {
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, ignored).map(drop)
}

fn parse_in_chinese() -> Result<Cli, clap::Error> {
    let command = help::in_chinese(Cli::command());
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// Prints the long help of a command that has a help flag of its own.
fn print_help_of(name: &str) {
    let mut tree = match Lang::current() {
        Lang::En => Cli::command(),
        Lang::Zh => help::in_chinese(Cli::command()),
    };
    tree.build();
    if let Some(command) = tree.find_subcommand_mut(name) {
        words::say!("{}", command.render_long_help().to_string().trim_end());
    }
}

/// Prints what clap has instead of a command: help, the version, or an error.
#[allow(clippy::print_stderr, reason = "errors are for the person who runs the command")]
fn exit_without_command(error: &clap::Error) -> ExitCode {
    use ErrorKind as E;
    match (error.kind(), Lang::current()) {
        (E::DisplayHelp | E::DisplayVersion | E::DisplayHelpOnMissingArgumentOrSubcommand, _) => {
            error.exit()
        }
        (_, Lang::Zh) => eprint!("{}", help::error_in_chinese(error)),
        (_, Lang::En) => match help::value_error_in_english(error) {
            Some(text) => eprint!("{text}"),
            None => error.exit(),
        },
    }
    ExitCode::from(2)
}

/// An error and its causes, without those that another cause repeats.
fn in_words(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(|cause| chinese::error(cause, Lang::current())) {
        if parts.last().is_some_and(|part| part.contains(&cause)) {
            continue;
        }
        if parts.last().is_some_and(|part| cause.contains(part.as_str())) {
            parts.pop();
        }
        parts.push(cause);
    }
    parts.join(texts::text(Lang::current(), "error.separator"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_repeated() {
        let error = anyhow::anyhow!("no such file").context("a.csv: no such file; give another");
        let error = error.context("a.csv").context("--orders");
        assert_eq!(in_words(&error), "--orders: a.csv: no such file; give another");
    }
}

//! The command line: reads flags, calls the other crates, prints.
//!
//! Never: rules of money or of payments. Start at `main`.

mod backup_command;
mod balances;
mod benchmarks;
mod calendar_command;
mod certificates;
mod chinese;
mod data_directory;
mod day;
mod differences;
mod do_command;
mod explain;
mod export;
mod gateway;
mod get_command;
mod given_files;
mod help;
mod json_file;
mod keys;
mod log;
mod logging;
mod looks;
mod manual;
mod memory;
mod network;
mod network_admin;
mod notices_command;
mod offers;
mod office_requests;
mod orders;
mod over_socket;
mod payout_account;
mod payouts;
mod persons;
mod policy_command;
mod private_files;
mod profiles;
mod promotions;
mod proposals;
mod pulse_command;
mod recon_close;
mod remote;
mod serve;
mod setup;
mod take;
mod tariffs;
mod terminal;
mod texts;
mod time_zone;
mod trial;
mod typed_lines;
mod upgrade;
mod vault_command;
mod verify;
mod views_command;
mod wallet;
mod words;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::words::{Lang, error_label};

#[global_allocator]
static ALLOCATOR: wiping::WipingAllocator = wiping::WipingAllocator;

/// Payments for parcels at the door: collect, keep the books, pay the sellers.
///
/// Doorstep takes the payments that couriers collect for parcels, by card, by QR code or in cash,
/// posts them in double-entry books, pays the sellers, and accounts for every cent.
///
/// Start with `doorstep demo`: a whole day in a few seconds, on simulated orders. Then use your own
/// orders: `doorstep day --orders FILE --profile shopify --seller SHOP --data books`.
#[derive(Parser, Debug)]
#[command(name = "doorstep", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    task: Task,
    /// The language of the output [default: LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, global = true, value_enum)]
    lang: Option<Lang>,
    /// Write to books whose last entry is over 5 minutes ahead of the clock, or 30 days behind it
    #[arg(long, global = true)]
    accept_clock: bool,
}

const EXIT_STATUS: &str = "Exit status: 0 success; 1 failure, or a check found a problem, which \
                           is printed; 2 the command line is not valid.\n\n\
                           DOORSTEP_DATA: the data directory of a command without --data.\n\
                           DOORSTEP_TRIAL_TIME: the time at which a trial takes place, as \
                           2026-12-01T09:00:00+08:00; only trial books accept it.";

#[derive(Subcommand, Debug)]
enum Task {
    Demo(day::DemoArgs),
    Day(day::DayArgs),
    Import(orders::ImportArgs),
    Verify(verify::VerifyArgs),
    Balances(balances::BalancesArgs),
    Accounts(looks::accounts::AccountsArgs),
    Parcels(looks::parcels::ParcelsArgs),
    Cash(looks::cash::CashArgs),
    Costs(looks::costs::CostsArgs),
    Statement(looks::statement::StatementArgs),
    Status(looks::status::StatusArgs),
    Parties(looks::parties::PartiesArgs),
    Breaks(differences::BreaksArgs),
    OpenItems(looks::open_items::OpenItemsArgs),
    Recon(looks::recon::ReconArgs),
    Explain(explain::ExplainArgs),
    Log(log::CommandLogArgs),
    Payouts(payouts::PayoutsArgs),
    PayoutAccount(Box<payout_account::PayoutAccountArgs>),
    Vault(vault_command::VaultCommandArgs),
    Erase(vault_command::EraseSubjectArgs),
    Views(views_command::ViewsCommandArgs),
    Notices(Box<notices_command::NoticesArgs>),
    Get(Box<get_command::GetArgs>),
    Export(export::ExportArgs),
    Backup(backup_command::BackupArgs),
    Restore(backup_command::RestoreArgs),
    Upgrade(upgrade::UpgradeArgs),
    Profile(profiles::ProfileArgs),
    Tariff(tariffs::TariffArgs),
    Promotion(promotions::PromotionArgs),
    Offers(offers::OffersArgs),
    Calendar(calendar_command::CalendarArgs),
    Pulse(pulse_command::PulseArgs),
    Policy(policy_command::PolicyArgs),
    Do(do_command::DoArgs),
    /// Sets up parties and terms: books, bank, firm, courier, person, terminal, seller, tariff
    Setup(do_command::FormArgs),
    /// Changes terms from a day on: of sellers, firms and couriers
    Terms(do_command::FormArgs),
    /// Suspends a seller or a courier at once
    Suspend(do_command::FormArgs),
    /// Lifts a suspension
    Unsuspend(do_command::FormArgs),
    /// What happens to parcels: announce, amend, cancel, assign, dispatch, refuse, return, lose
    Parcel(do_command::FormArgs),
    /// Couriers hand over cash: start, count, cancel
    HandOver(do_command::FormArgs),
    /// Firms take cash to the bank: announce, confirm, cancel
    Deposit(do_command::FormArgs),
    /// Couriers' shortages: repay, deduct, cover, write off
    Shortage(do_command::FormArgs),
    /// Pays sellers, firms and taxes: plan, approve, execute, confirm, return, commission, tax
    Settlement(do_command::FormArgs),
    /// Sellers who owe: invoice them, record their payments
    Invoice(do_command::FormArgs),
    /// Refunds payments to buyers: give, by two persons, confirm
    Refund(do_command::FormArgs),
    /// Chargebacks: receive, contest, win, lose, and their fees
    Chargeback(do_command::FormArgs),
    /// Resolves breaks and open items: raise, assign, propose, approve, reclassify, withdraw, close
    Break(do_command::FormArgs),
    /// Adjusting entries, and closing a period
    Period(do_command::FormArgs),
    /// Hands, blocks and limits terminals
    Terminals(do_command::FormArgs),
    /// Who signs in, as which roles: init, add, list, grant, revoke, reset the second factor
    User(do_command::FormArgs),
    /// Keys of the API: issue, secret, list, revoke
    ApiKey(do_command::FormArgs),
    File(take::FileArgs),
    Proposals(proposals::ProposalsArgs),
    Approve(proposals::ApproveArgs),
    WithdrawProposal(proposals::WithdrawProposalArgs),
    Persons(persons::PersonsArgs),
    Serve(serve::ServeArgs),
    Reload(serve::reload::ReloadArgs),
    Gateway(gateway::GatewayArgs),
    Certificates(certificates::CertificatesArgs),
    /// Withdraws and reinstates card networks, shows their status and exit, runs a simulated one
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
    /// Writes the manual pages of all commands into a directory
    #[command(hide = true)]
    Man(manual::ManArgs),
    /// Prints the completions of a shell
    #[command(hide = true)]
    Completions(manual::CompletionsArgs),
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
    Status(network_admin::NetworkStatusArgs),
    Report(looks::network_exit::ExitReportArgs),
    Drill(looks::network_exit::ExitDrillArgs),
}

#[derive(Subcommand, Debug)]
enum Bench {
    /// Card collections through the node with the SQLite journal
    Engine(benchmarks::engine::EngineArgs),
    /// Reservations and orders of the market through the node, killed and compared
    Market(benchmarks::market::MarketBenchArgs),
    /// Card sales from terminals over gateways to a simulated network, each in its own process
    Door(benchmarks::door::DoorArgs),
    /// Idempotent writes and reads of the API at fixed rates, killed and repeated
    Api(benchmarks::api::ApiArgs),
    /// The SQL views of many collections: made, killed half-way and continued, asked
    Views(benchmarks::views::ViewsArgs),
    /// Webhooks from the outbox to a receiver, killed and continued
    Notices(benchmarks::notices::NoticesBenchArgs),
    /// Backups one after another while terminals sell, then restored and verified
    Backup(benchmarks::backup::BackupBenchArgs),
    /// The match of a card network's file with what was expected, also by DuckDB's outer join
    Recon(benchmarks::recon::ReconBenchArgs),
    /// A card network's file, from the disk to committed clearing and breaks
    Clearing(benchmarks::clearing::ClearingBenchArgs),
    /// Claims read from files and judged, one in ten of them wrong
    Claims(benchmarks::claims::ClaimsBenchArgs),
    /// Public texts matched against many words and patterns
    Policy(benchmarks::policy::PolicyBenchArgs),
    /// Made-up collections computed again under a tariff, in memory
    Costs(benchmarks::costs::CostsBenchArgs),
}

#[allow(clippy::print_stderr, reason = "errors are for the person who runs the command")]
fn main() -> ExitCode {
    Lang::set(Lang::of_arguments(std::env::args_os()));
    if std::env::args_os().any(|argument| argument == data_directory::ACCEPT_CLOCK) {
        data_directory::accept_clock();
    }
    private_files::create_for_owner_only();
    if let Err(error) = report_full_files() {
        eprintln!("{}{error}", error_label());
        return ExitCode::FAILURE;
    }
    if let Err(error) = start_trial_time() {
        eprintln!("{}{error}", error_label());
        return ExitCode::from(2);
    }
    let parsed = match Lang::current() {
        Lang::En => parse(command_tree()),
        Lang::Zh => parse(help::in_chinese(command_tree())),
    };
    let (Cli { task, lang: _, accept_clock: _ }, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return exit_without_command(&error),
    };
    let done = over_socket::carried_out(&matches).unwrap_or_else(|| carry_out(task));
    done.unwrap_or_else(|error| {
        eprintln!("{}{}", error_label(), in_words(&error));
        ExitCode::FAILURE
    })
}

fn carry_out(task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Demo(args) => day::demo(&args),
        Task::Day(args) => day::run(&args),
        Task::Import(args) => orders::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Verify(args) => verify::run(&args),
        Task::Views(args) => views_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Notices(args) => notices_command::run(*args).map(|()| ExitCode::SUCCESS),
        Task::Balances(args) => balances::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Accounts(args) => looks::accounts::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Parcels(args) => looks::parcels::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Cash(args) => looks::cash::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Costs(args) => looks::costs::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Statement(args) => looks::statement::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Status(args) => looks::status::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Parties(args) => looks::parties::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Breaks(args) => differences::breaks(&args).map(|()| ExitCode::SUCCESS),
        Task::OpenItems(args) => looks::open_items::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Recon(args) => looks::recon::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Explain(args) => explain::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Log(args) => log::run(&args).map(|()| ExitCode::SUCCESS),
        Task::PayoutAccount(args) => payout_account::run(*args).map(|()| ExitCode::SUCCESS),
        Task::Erase(args) => vault_command::erase(args).map(|()| ExitCode::SUCCESS),
        Task::Vault(args) => vault_command::run(args).map(|()| ExitCode::SUCCESS),
        Task::Payouts(args) => payouts::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Backup(args) => backup_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Restore(args) => backup_command::restore(&args).map(|()| ExitCode::SUCCESS),
        Task::Upgrade(args) => upgrade::run(&args),
        Task::Get(args) => get_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Export(args) => export::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Profile(args) => profiles::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Tariff(args) => tariffs::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Promotion(args) => promotions::run(&args),
        Task::Offers(args) => offers::run(&args),
        Task::Calendar(args) => calendar_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Policy(args) => policy_command::run(&args),
        Task::Pulse(args) => pulse_command::run(&args),
        Task::Do(args) => do_command::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Setup(args) => form("setup", &args),
        Task::Terms(args) => form("terms", &args),
        Task::Suspend(args) => form("suspend", &args),
        Task::Unsuspend(args) => form("unsuspend", &args),
        Task::Parcel(args) => form("parcel", &args),
        Task::HandOver(args) => form("hand-over", &args),
        Task::Deposit(args) => form("deposit", &args),
        Task::Shortage(args) => form("shortage", &args),
        Task::Settlement(args) => form("settlement", &args),
        Task::Invoice(args) => form("invoice", &args),
        Task::Refund(args) => form("refund", &args),
        Task::Chargeback(args) => form("chargeback", &args),
        Task::Break(args) => form("break", &args),
        Task::Period(args) => form("period", &args),
        Task::Terminals(args) => form("terminals", &args),
        Task::User(args) => form("user", &args),
        Task::ApiKey(args) => form("api-key", &args),
        Task::File(args) => take::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Proposals(args) => proposals::list(&args).map(|()| ExitCode::SUCCESS),
        Task::Approve(args) => proposals::approve(&args).map(|()| ExitCode::SUCCESS),
        Task::WithdrawProposal(args) => proposals::withdraw(&args).map(|()| ExitCode::SUCCESS),
        Task::Persons(args) => persons::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Keys(args) => keys::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Man(args) => manual::write(&args).map(|()| ExitCode::SUCCESS),
        Task::Completions(args) => manual::completions(&args).map(|()| ExitCode::SUCCESS),
        Task::Serve(args) => serve::run(&args),
        Task::Reload(args) => over_socket::reload(&args),
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
        Task::Network { what: Network::Report(args) } => {
            looks::network_exit::report(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Network { what: Network::Drill(args) } => {
            looks::network_exit::drill(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Engine(args) } => {
            benchmarks::engine::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Market(args) } => {
            benchmarks::market::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Api(args) } => {
            benchmarks::api::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Views(args) } => {
            benchmarks::views::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Notices(args) } => {
            benchmarks::notices::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Backup(args) } => {
            benchmarks::backup::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Recon(args) } => {
            benchmarks::recon::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Clearing(args) } => {
            benchmarks::clearing::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Policy(args) } => {
            benchmarks::policy::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Claims(args) } => {
            benchmarks::claims::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Costs(args) } => {
            benchmarks::costs::run(&args).map(|()| ExitCode::SUCCESS)
        }
        Task::Bench { what: Bench::Door(args) } => {
            benchmarks::door::run(&args).map(|()| ExitCode::SUCCESS)
        }
    }
}

fn form(group: &str, args: &do_command::FormArgs) -> anyhow::Result<ExitCode> {
    do_command::run_form(group, args).map(|()| ExitCode::SUCCESS)
}

/// Keeps SIGXFSZ from ending the process without a message: a write beyond the limit on file sizes
/// (`ulimit -f`) fails with EFBIG instead, and is reported like a full disk.
fn report_full_files() -> std::io::Result<()> {
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, ignored).map(drop)
}

/// The time at which a trial takes place.
const TRIAL_TIME_VARIABLE: &str = "DOORSTEP_TRIAL_TIME";

/// Trials can take place at another time than now.
fn start_trial_time() -> anyhow::Result<()> {
    let Some(given) = std::env::var_os(TRIAL_TIME_VARIABLE).filter(|given| !given.is_empty())
    else {
        return Ok(());
    };
    let given = given.to_string_lossy();
    let at = office::fields::instant(&given).map_err(|error| {
        let why = chinese::error(&error, Lang::current());
        anyhow::anyhow!("{TRIAL_TIME_VARIABLE}={given}: {why}")
    })?;
    node::SystemClock::start_trial_at(books::Timestamp(at));
    Ok(())
}

fn parse(command: Command) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = command.try_get_matches()?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

/// The environment variable with the data directory of commands that have no --data.
const DATA_VARIABLE: &str = "DOORSTEP_DATA";

/// Commands that make books of their own.
const OWN_DATA: [&str; 2] = ["demo", "bench"];

/// The commands, whose --data defaults to [`DATA_VARIABLE`].
fn command_tree() -> Command {
    with_data_variable(Cli::command())
}

fn with_data_variable(command: Command) -> Command {
    if OWN_DATA.contains(&command.get_name()) {
        return command;
    }
    let command = command.mut_args(|arg| match arg.get_id().as_str() {
        "data" => arg.env(DATA_VARIABLE).hide_env(true),
        _ => arg,
    });
    command.mut_subcommands(with_data_variable)
}

/// Prints the long help of a command that has a help flag of its own.
fn print_help_of(name: &str) {
    let mut tree = match Lang::current() {
        Lang::En => command_tree(),
        Lang::Zh => help::in_chinese(command_tree()),
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
    match error.kind() {
        E::DisplayHelp | E::DisplayVersion | E::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.exit()
        }
        _ => {}
    }
    match own_error_text(error) {
        Some(text) => eprint!("{text}"),
        None => error.exit(),
    }
    ExitCode::from(2)
}

/// The text of an invalid command line, if it is not clap's own.
fn own_error_text(error: &clap::Error) -> Option<String> {
    match Lang::current() {
        Lang::Zh => Some(help::error_in_chinese(error)),
        Lang::En => help::value_error_in_english(error),
    }
}

/// An invalid command line, without a label before it.
fn line_error_text(error: &clap::Error) -> String {
    let whole = own_error_text(error).unwrap_or_else(|| error.to_string());
    whole.trim().trim_start_matches(error_label()).to_owned()
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

//! Withdrawing a network and taking it back: `doorstep network`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use door::control::{CONTROL_SOCKET, Order, OrderError, order};
use engine::Refusal;
use journal::DataDirectory;
use node::{Node, Options};

/// Sends no new payment to a network from a time on.
///
/// What is in flight finishes, reversals are chased, and the receivable runs down against the
/// network's files. Parcels are collected by the other networks, QR and cash. It works on a running
/// Doorstep as well as on its books alone.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep network withdraw <NETWORK> [OPTIONS] --by <WHO> \
                            --approved-by <WHO> --data <DIR>")]
pub struct WithdrawArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    /// From when on, RFC 3339, as in 2013-08-28T18:00:00+08:00 [default: at once]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<u64>,
    #[command(flatten)]
    people: People,
}

/// Sends payments to a network again that was withdrawn.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep network reinstate <NETWORK> --by <WHO> \
                            --approved-by <WHO> --data <DIR>")]
pub struct ReinstateArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    #[command(flatten)]
    people: People,
}

/// Shows what a running Doorstep does.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Args, Debug)]
struct People {
    /// Who proposes it
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Who approves it: somebody else, whatever the spelling
    #[arg(long, value_name = "WHO")]
    approved_by: String,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Runs `doorstep network withdraw`.
pub fn withdraw(args: &WithdrawArgs) -> anyhow::Result<ExitCode> {
    let People { by, approved_by, data } = &args.people;
    let network = args.network.clone();
    let (by, approved_by) = (by.clone(), approved_by.clone());
    give(&Order::Withdraw { network, at_ms: args.at, by, approved_by }, data)?;
    done(&format!("{} is withdrawn", args.network))
}

/// Runs `doorstep network reinstate`.
pub fn reinstate(args: &ReinstateArgs) -> anyhow::Result<ExitCode> {
    let People { by, approved_by, data } = &args.people;
    let network = args.network.clone();
    let (by, approved_by) = (by.clone(), approved_by.clone());
    give(&Order::Reinstate { network, by, approved_by }, data)?;
    done(&format!("{} is used again", args.network))
}

/// Runs `doorstep network status`.
pub fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let status = order(&args.data.join(CONTROL_SOCKET), &Order::Status {})?;
    done(&serde_json::to_string_pretty(&status)?)
}

#[allow(clippy::print_stdout, reason = "the answer is what was asked for")]
fn done(line: &str) -> anyhow::Result<ExitCode> {
    println!("{line}");
    Ok(ExitCode::SUCCESS)
}

/// By the running Doorstep, or by ourselves where none runs.
fn give(what: &Order, data: &Path) -> anyhow::Result<()> {
    match order(&data.join(CONTROL_SOCKET), what) {
        Err(OrderError::NobodyThere(_)) => {}
        answer => return answer.map(|_| ()).map_err(Into::into),
    }
    let directory = DataDirectory::open(data)?;
    let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    let node = Node::start(Box::new(journal), Box::new(snapshots), Options::default())?;
    let command = what.command()?.context("no change of the books")?;
    let answers = node.client().carry_out(vec![(None, command)])?;
    node.stop()?;
    match answers.into_iter().next() {
        Some(Err(refusal)) if refusal != Refusal::Repeated => bail!("{refusal}"),
        _ => Ok(()),
    }
}

/// Milliseconds since 1970.
fn instant(text: &str) -> Result<u64, String> {
    let wrong = |why: String| format!("{why}; write it as in 2013-08-28T18:00:00+08:00");
    let at: jiff::Timestamp =
        text.parse().map_err(|error: jiff::Error| wrong(error.to_string()))?;
    u64::try_from(at.as_millisecond()).map_err(|_| wrong("it is before 1970".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_offset() {
        assert_eq!(instant("1970-01-01T08:00:01+08:00"), Ok(1_000));
        assert_eq!(instant("1970-01-01T00:00:01Z"), Ok(1_000));
        assert!(instant("18:00").unwrap_err().contains("write it as in"));
        assert!(instant("1969-12-31T23:59:59Z").unwrap_err().contains("before 1970"));
    }
}

//! Withdrawing a network and taking it back: `doorstep network`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use door::control::{CONTROL_SOCKET, Order, OrderError, order};
use engine::{Event, Refusal};
use journal::DataDirectory;
use node::{Node, Options};
use serde_json::Value;

use crate::words::{grouped, left, say};

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
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
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
    let from = give(&Order::Withdraw { network, at_ms: args.at, by, approved_by }, data)?;
    match from {
        Some(from) => say!("{} is withdrawn from {} on", args.network, moment(from)),
        None => say!("{} was withdrawn before", args.network),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `doorstep network reinstate`.
pub fn reinstate(args: &ReinstateArgs) -> anyhow::Result<ExitCode> {
    let People { by, approved_by, data } = &args.people;
    let network = args.network.clone();
    let (by, approved_by) = (by.clone(), approved_by.clone());
    give(&Order::Reinstate { network, by, approved_by }, data)?;
    say!("{} is used again", args.network);
    Ok(ExitCode::SUCCESS)
}

/// Runs `doorstep network status`.
pub fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let status = order(&args.data.join(CONTROL_SOCKET), &Order::Status {})?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        for (what, how) in rows(&status) {
            say!("{}  {how}", left(&what, 18));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a status says, in rows of what and how.
fn rows(status: &Value) -> Vec<(String, String)> {
    let list = |key: &str| status[key].as_array().into_iter().flatten();
    let number = |key: &str| grouped(&status[key].to_string());
    let mut rows = Vec::new();
    if status["stopping"] == true {
        rows.push(("stopping".to_owned(), "takes nothing new, finishes the rest".to_owned()));
    }
    for link in list("links") {
        let how = match (link["signed_on"] == true, link["connected"] == true) {
            (true, _) => "signed on",
            (false, true) => "connected, not signed on",
            (false, false) => "not connected; it is tried again",
        };
        let withdrawn = link["withdrawn_from_ms"].as_u64().map(moment);
        let withdrawn = withdrawn.map(|from| format!("; withdrawn from {from} on"));
        let name = link["network"].as_str().unwrap_or_default();
        let what = format!("{name}, link {}", link["link"]);
        rows.push((what, format!("{how}{}", withdrawn.unwrap_or_default())));
    }
    rows.push(("terminals".to_owned(), format!("{} connected directly", number("terminals"))));
    for gateway in list("gateways") {
        let name = gateway["name"].as_str().unwrap_or_default();
        let terminals = grouped(&gateway["terminals"].to_string());
        rows.push((name.to_owned(), format!("{terminals} terminals behind it")));
    }
    rows.push(("messages".to_owned(), format!("{} heard from terminals", number("messages"))));
    rows.push(("in flight".to_owned(), number("in_flight")));
    rows.push(("journal".to_owned(), format!("{} wait for it", number("waiting_for_journal"))));
    let ended = status["ended"].as_object().into_iter().flatten();
    let ended = ended.filter(|(_, count)| **count != 0);
    let ended = ended.map(|(why, count)| format!("{why} {}", grouped(&count.to_string())));
    let ended: Vec<String> = ended.collect();
    let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
    let accepted = number("accepted");
    rows.push(("connections".to_owned(), format!("{accepted} accepted; ended: {ended}")));
    rows
}

/// A moment in milliseconds since 1970, as `--at` takes it.
fn moment(ms: u64) -> String {
    let known = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    known.map_or_else(|| format!("{ms} ms after 1970"), |at| at.to_string())
}

/// By the running Doorstep, or by ourselves where none runs. From when on a withdrawal holds, where
/// this one says so.
fn give(what: &Order, data: &Path) -> anyhow::Result<Option<u64>> {
    match order(&data.join(CONTROL_SOCKET), what) {
        Err(OrderError::NobodyThere(_)) => {}
        answer => return Ok(answer?["from_ms"].as_u64()),
    }
    let directory = DataDirectory::open(data)?;
    let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    let node = Node::start(Box::new(journal), Box::new(snapshots), Options::default())?;
    let command = what.command()?.context("no change of the books")?;
    let answers = node.client().carry_out(vec![(None, command)])?;
    node.stop()?;
    match answers.into_iter().next() {
        Some(Err(refusal)) if refusal != Refusal::Repeated => bail!("{refusal}"),
        Some(Ok(events)) => Ok(events.iter().find_map(|event| match event {
            Event::NetworkWithdrawn { from, .. } => Some(from.0),
            _ => None,
        })),
        _ => Ok(None),
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
    fn a_status_is_told_in_rows() {
        let status = serde_json::json!({
            "links": [
                {"network": "alpha", "link": 0, "connected": true, "signed_on": true,
                 "withdrawn_from_ms": 1_377_684_000_000_u64},
                {"network": "beta", "link": 1, "connected": false, "signed_on": false,
                 "withdrawn_from_ms": null},
            ],
            "gateways": [{"name": "gateway-1", "terminals": 15_000}],
            "terminals": 2, "messages": 1_204, "in_flight": 0, "waiting_for_journal": 0,
            "accepted": 7, "stopping": false, "ended": {"gone": 3, "idle": 0, "slow": 1},
        });
        let rows: Vec<String> =
            rows(&status).into_iter().map(|(what, how)| format!("{what}: {how}")).collect();
        assert_eq!(
            rows,
            [
                "alpha, link 0: signed on; withdrawn from 2013-08-28T10:00:00Z on",
                "beta, link 1: not connected; it is tried again",
                "terminals: 2 connected directly",
                "gateway-1: 15,000 terminals behind it",
                "messages: 1,204 heard from terminals",
                "in flight: 0",
                "journal: 0 wait for it",
                "connections: 7 accepted; ended: gone 3, slow 1",
            ]
        );
    }

    #[test]
    fn times_have_their_offset() {
        assert_eq!(instant("1970-01-01T08:00:01+08:00"), Ok(1_000));
        assert_eq!(instant("1970-01-01T00:00:01Z"), Ok(1_000));
        assert!(instant("18:00").unwrap_err().contains("write it as in"));
        assert!(instant("1969-12-31T23:59:59Z").unwrap_err().contains("before 1970"));
    }
}

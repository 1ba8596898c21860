//! `doorstep status`: a page for the morning.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use ::notices::{DeliveryRules, NoticeChannel, NoticeError, OUTBOX_FILE, OpenNotices, Outbox};
use clap::Args;
use node::{Clock, SystemClock};
use reports::{BalanceReport, DifferenceCount, StatusReport};
use serde_json::json;

use super::table::Table;
use super::{columns, count, money, print_head, print_row, unsigned, word};
use crate::backup_command::LastBackup;
use crate::chinese;
use crate::data_directory::read_at_head;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// Shows a page for the morning: what is open, what is due today, who has cash
///
/// Shows, for today by the clock: the end of the journal, networks and wallets, unknown payments,
/// open breaks and items, who is suspended or blocked, terms to come, parcels, cash in custody,
/// what becomes payable today, what a settlement would pay, and the plans that wait. `doorstep
/// parties` lists parties and terms, `doorstep network status` the connections of a running
/// Doorstep.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let read = read_at_head(&args.data)?;
    let report = StatusReport::of(&read);
    let backup = LastBackup::of(&args.data);
    let notices = open_notices(&args.data);
    if args.json {
        let mut shown = serde_json::to_value(&report)?;
        shown["last_backup"] = serde_json::to_value(&backup)?;
        if let Some(Ok(notices)) = &notices {
            let OpenNotices { count, stopped, full, .. } = notices;
            shown["notices"] = json!({ "open": count, "stopped": stopped, "full": full });
        }
        say!("{shown}");
        return Ok(());
    }
    if report.trial {
        say!("{}\n", text(Lang::current(), "looks.trial"));
    }
    print_head(text(Lang::current(), "looks.status"), &read);
    print(&report, backup.as_ref(), notices);
    Ok(())
}

/// What all channels have open. `None` without an outbox.
fn open_notices(data: &Path) -> Option<Result<OpenNotices, NoticeError>> {
    let count = || -> Result<OpenNotices, NoticeError> {
        let outbox = Outbox::open(data, DeliveryRules::default())?;
        let mut all = OpenNotices::default();
        for channel in NoticeChannel::ALL {
            let of = outbox.open_of(channel)?;
            all.count += of.count;
            all.stopped += of.stopped;
            all.full += of.full;
        }
        Ok(all)
    };
    data.join(OUTBOX_FILE).exists().then(count)
}

fn print(
    report: &StatusReport,
    backup: Option<&LastBackup>,
    notices: Option<Result<OpenNotices, NoticeError>>,
) {
    let lang = Lang::current();
    let none = || text(lang, "looks.none").to_owned();
    let snapshot = report
        .snapshot
        .map_or_else(none, |batch| filled(lang, "looks.snapshot_of", &[("batch", &batch)]));
    print_row("looks.snapshot", &snapshot);
    let backup = backup.map_or_else(none, |last| {
        let hours = SystemClock.now().0.saturating_sub(last.made_at_ms) / 3_600_000;
        let values: [(&str, &dyn Display); 3] = [
            ("batch", &grouped(&last.batch.to_string())),
            ("hours", &grouped(&hours.to_string())),
            ("directory", &last.directory),
        ];
        filled(lang, "backup.last", &values)
    });
    print_row("looks.last_backup", &backup);
    if let Some(notices) = notices {
        let notices = match notices {
            Ok(OpenNotices { count, stopped, full, .. }) => {
                let values: [(&str, &dyn Display); 3] =
                    [("open", &count), ("stopped", &stopped), ("full", &full)];
                filled(lang, "looks.notices_of", &values)
            }
            Err(error) => chinese::error(&error, lang),
        };
        print_row("looks.notices", &notices);
    }
    print_row("looks.zone", report.zone.as_deref().unwrap_or(&none()));
    say!("");
    print_row("looks.unknown", &grouped(&report.unknown_payments.to_string()));
    print_row("looks.breaks", &differences(&report.breaks));
    print_row("looks.suspense", &balances(&report.suspense));
    print_row("looks.open_items", &differences(&report.open_items));
    let owed = report.sellers_owe.iter().map(|one| {
        let sum = money(one.amount, one.currency);
        filled(lang, "looks.owed_by", &[("count", &count(one.sellers)), ("sum", &sum)])
    });
    print_rows("looks.below_zero_count", owed.collect());
    let stopped = report
        .stopped
        .iter()
        .map(|(kind, number)| format!("{} {}", word("looks.stopped", kind), count(*number)));
    print_row("looks.stopped_title", &listed(&stopped.collect::<Vec<_>>()));
    let to_come = match &report.terms_to_come.first {
        None => none(),
        Some(first) => {
            let number = count(report.terms_to_come.count);
            filled(lang, "looks.terms_first", &[("count", &number), ("date", first)])
        }
    };
    print_row("looks.terms_to_come", &to_come);
    say!("");
    let states = report
        .parcels
        .iter()
        .map(|(state, number)| format!("{} {}", word("looks.state", state), count(*number)));
    let states: Vec<_> = states.collect();
    print_row("looks.parcels", &listed(&states));
    print_row("looks.left", &balances(&report.left_to_collect));
    print_row("looks.custody", &balances(&report.cash_in_custody));
    say!("");
    print_row("looks.releases_due", &balances(&report.releases_due));
    let payable = report.payable.iter().map(|one| {
        let cycle = format!("{:?}", one.cycle);
        let values: [(&str, &dyn Display); 3] = [
            ("cycle", &word("looks.cycle", &cycle)),
            ("sum", &money(unsigned(one.amount), one.currency)),
            ("sellers", &count(one.sellers)),
        ];
        filled(lang, "looks.payable_to", &values)
    });
    print_rows("looks.payable", payable.collect());
    let plans = report.plans.iter().map(|plan| {
        let state = if plan.approved { "looks.approved" } else { "looks.to_approve" };
        let values: [(&str, &dyn Display); 4] = [
            ("plan", &plan.plan),
            ("sum", &money(unsigned(plan.net), plan.currency)),
            ("payouts", &count(plan.payouts)),
            ("state", &text(lang, state)),
        ];
        filled(lang, "looks.plan", &values)
    });
    print_rows("looks.plans", plans.collect());
    print_row("looks.in_flight", &count(report.payouts_in_flight));
    if report.rails.is_empty() {
        return;
    }
    say!("");
    let mut table = Table::new()
        .text(text(lang, "looks.rail"))
        .text(text(lang, "looks.state_title"))
        .number(text(lang, "looks.unknown"))
        .number(text(lang, "looks.owes"));
    for rail in &report.rails {
        let state = match &rail.withdrawn_from {
            Some(at) => filled(lang, "looks.withdrawn", &[("at", &at[..19].replace('T', " "))]),
            None => text(lang, "looks.in_use").to_owned(),
        };
        let unknown = grouped(&rail.unknown_payments.to_string());
        let kind = word("looks.rail_kind", rail.kind);
        let name = format!("{kind} {}", rail.name);
        table.row([name, state, unknown, money(rail.receivable, rail.currency)]);
    }
    table.print(columns());
}

/// Prints a label once, and a line for each text.
fn print_rows(key: &str, rows: Vec<String>) {
    if rows.is_empty() {
        print_row(key, text(Lang::current(), "looks.none"));
    }
    for (number, row) in rows.iter().enumerate() {
        print_row(if number == 0 { key } else { "looks.blank" }, row);
    }
}

fn differences(found: &DifferenceCount) -> String {
    match found.oldest_days {
        None => text(Lang::current(), "looks.none").to_owned(),
        Some(days) => {
            let values: [(&str, &dyn Display); 2] =
                [("count", &count(found.count)), ("days", &days)];
            filled(Lang::current(), "looks.oldest", &values)
        }
    }
}

fn balances(sums: &[BalanceReport]) -> String {
    let sums = sums.iter().map(|sum| money(sum.amount, sum.currency));
    listed(&sums.collect::<Vec<_>>())
}

fn listed(parts: &[String]) -> String {
    let lang = Lang::current();
    match parts {
        [] => text(lang, "looks.none").to_owned(),
        parts => parts.join(text(lang, "looks.separator")),
    }
}

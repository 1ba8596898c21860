//! `doorstep open-items`: everything that waits, by kind.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use books::Timestamp;
use clap::{Args, ValueEnum};
use reports::{
    BooksAtHead, WaitingFilter, WaitingItem, WaitingKind, WaitingList, WaitingTotal, waiting_list,
};
use serde::Serialize;

use super::table::Table;
use super::{count, money, print_head, print_json, word};
use crate::data_directory::read_at_head;
use crate::differences;
use crate::help::wrapped;
use crate::terminal::screen;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Rows of a kind, if no kind is chosen.
const ROWS: usize = 5;
/// Rows of the chosen kind.
const ROWS_OF_KIND: usize = 1_000;
/// The width of a file or a pipe.
const COLUMNS: usize = 100;

fn columns() -> usize {
    screen::columns().unwrap_or(COLUMNS).clamp(60, 160)
}

/// Lists everything that waits, oldest first: for a network, a bank, a buyer or a decision
///
/// By kind, with the age, the other party, the amount, the sums, and the command that comes next:
/// proposals and settlement plans that wait for a second person, breaks, terminal batches that
/// differ, unknown payments, card and QR payments that no clearing file has settled, open
/// chargebacks, refunds owed to buyers, deposits under way, shortages, payouts that the bank has
/// not confirmed, unpaid invoices, and sellers below zero.
///
/// Without --kind the oldest of each kind, and uncleared payments by network and day. With --kind
/// each item; of a terminal's batch its lines and evidence too. A network's or wallet's uncleared
/// payments add up to what it owes, but for breaks that people raised there.
#[derive(Args, Debug)]
pub struct OpenItemsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only items of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only items that are older than this many days
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u16>,
    /// Only items of this network, wallet, bank account, firm, courier or seller: its reference
    #[arg(long, value_name = "NAME")]
    party: Option<String>,
    /// Show at most this many items of a kind [default: 5; with --kind 1,000; with --json all]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Proposals that wait for a second person
    Proposal,
    /// Settlement plans that are not approved, or not executed
    Plan,
    /// Differences between the books and the world
    Break,
    /// Terminal batches that differ from the books
    Batch,
    /// Payments whose outcome is unknown
    Unknown,
    /// Card and QR payments that no clearing file has settled
    Uncleared,
    /// Chargebacks that are neither won nor lost
    Chargeback,
    /// Refunds that are owed to buyers
    Refund,
    /// Deposits that are announced, and not on a bank statement
    Deposit,
    /// Cash that couriers owe
    Shortage,
    /// Payouts that are sent, and not confirmed by the bank
    Payout,
    /// Invoices to sellers that are not paid in full
    Invoice,
    /// Sellers whose payable balance is below zero
    BelowZero,
    /// What moved a bank account and is on no statement
    Movement,
    /// Entries of bank statements whose cause is not in the books yet
    Entry,
}

impl Kind {
    /// `None` for proposals: they are not in the books.
    fn kind(self) -> Option<WaitingKind> {
        Some(match self {
            Kind::Proposal => return None,
            Kind::Plan => WaitingKind::Plan,
            Kind::Break => WaitingKind::Break,
            Kind::Batch => WaitingKind::Batch,
            Kind::Unknown => WaitingKind::Unknown,
            Kind::Uncleared => WaitingKind::Uncleared,
            Kind::Chargeback => WaitingKind::Chargeback,
            Kind::Refund => WaitingKind::Refund,
            Kind::Deposit => WaitingKind::Deposit,
            Kind::Shortage => WaitingKind::Shortage,
            Kind::Payout => WaitingKind::Payout,
            Kind::Invoice => WaitingKind::Invoice,
            Kind::BelowZero => WaitingKind::BelowZero,
            Kind::Movement => WaitingKind::Movement,
            Kind::Entry => WaitingKind::Entry,
        })
    }
}

pub fn run(args: &OpenItemsArgs) -> anyhow::Result<()> {
    let mut read = read_at_head(&args.data)?;
    let kind = args.kind.and_then(Kind::kind);
    let filter = WaitingFilter { kind, older_than: args.older_than, party: args.party.clone() };
    let mut list = match args.kind {
        Some(Kind::Proposal) => WaitingList { items: Vec::new(), totals: Vec::new() },
        _ => waiting_list(read.books(), read.today(), &filter, switch::waybill::write),
    };
    let proposals = waiting_proposals(args, &read)?;
    let batches: Vec<String> = match kind {
        Some(WaitingKind::Batch) => list.items.iter().map(|item| item.name.clone()).collect(),
        _ => Vec::new(),
    };
    if args.json {
        let mut counts: BTreeMap<WaitingKind, usize> = BTreeMap::new();
        list.items.retain(|item| {
            let shown = counts.entry(item.kind).or_default();
            *shown += 1;
            args.limit.is_none_or(|limit| *shown <= limit)
        });
        let mut report = serde_json::to_value(&list)?;
        report["proposals"] = serde_json::to_value(&proposals)?;
        if kind == Some(WaitingKind::Batch) {
            report["open_items"] = differences::batches_json(&mut read, &batches)?;
        }
        return print_json(&read, "open_items", &report);
    }
    print_head(text(Lang::current(), "open_items.title"), &read);
    let most = args.limit.unwrap_or(if args.kind.is_some() { ROWS_OF_KIND } else { ROWS });
    if list.items.is_empty() && proposals.is_empty() {
        say!("{}", text(Lang::current(), "open_items.none"));
    }
    if !proposals.is_empty() {
        print_proposals(&proposals, most);
    }
    print(&list, kind, most);
    if !batches.is_empty() {
        differences::print_batches(&mut read, &args.data, &batches)?;
    }
    Ok(())
}

/// A proposal in the list. Amounts of its command are in `doorstep proposals`.
#[derive(Serialize)]
struct WaitingProposal {
    number: u64,
    command: String,
    proposed_by: String,
    since: String,
    age_days: u16,
}

/// The proposals that are wanted. They have no other party.
fn waiting_proposals(
    args: &OpenItemsArgs,
    read: &BooksAtHead,
) -> anyhow::Result<Vec<WaitingProposal>> {
    let all = match (args.kind, &args.party) {
        (None | Some(Kind::Proposal), None) => office::waiting_proposals(&args.data)?,
        _ => Vec::new(),
    };
    let today = read.today();
    let waiting = all.into_iter().map(|one| {
        let at = Timestamp(one.proposed_at_ms);
        let offset = read.books().utc_offset_minutes_at(at).unwrap_or(0);
        let since = at.business_date(offset);
        WaitingProposal {
            number: one.number,
            command: one.command,
            proposed_by: one.proposed_by.to_string(),
            since: since.to_string(),
            age_days: today.0.saturating_sub(since.0),
        }
    });
    let is_older = |one: &WaitingProposal| args.older_than.is_none_or(|days| one.age_days > days);
    Ok(waiting.filter(is_older).collect())
}

fn print_proposals(proposals: &[WaitingProposal], most: usize) {
    let lang = Lang::current();
    say!("");
    say!("{}", filled(lang, "open_items.proposals", &[("count", &count(proposals.len()))]));
    let mut table = table().text(text(lang, "open_items.item")).text("");
    for one in proposals.iter().take(most) {
        table.row([
            String::new(),
            one.since.clone(),
            one.age_days.to_string(),
            filled(lang, "open_items.of_person", &[("detail", &one.proposed_by)]),
            one.number.to_string(),
            one.command.clone(),
        ]);
    }
    table.print(columns());
    if proposals.len() > most {
        print_more(proposals.len() - most, "proposal", false);
    }
    print_next("proposal");
}

/// The head of every table: an indent, since when and for how many days, and the other party.
fn table() -> Table {
    let lang = Lang::current();
    Table::new()
        .text("")
        .text(text(lang, "open_items.since"))
        .number(text(lang, "open_items.days"))
        .text(text(lang, "open_items.party"))
}

/// How many more items of a kind there are.
fn print_more(more: usize, kind: &str, chosen: bool) {
    let values: [(&str, &dyn Display); 2] = [("count", &count(more)), ("kind", &kind)];
    let key = if chosen { "open_items.more" } else { "open_items.more_of_kind" };
    say!("  {}", filled(Lang::current(), key, &values));
}

/// The command that comes next.
fn print_next(of: &str) {
    let next = word("open_items.next_of", of);
    let next = filled(Lang::current(), "open_items.next", &[("next", &next)]);
    for (number, line) in wrapped(&next, columns() - 4).lines().enumerate() {
        say!("{}{line}", if number == 0 { "  " } else { "    " });
    }
}

fn print(list: &WaitingList, chosen: Option<WaitingKind>, most: usize) {
    for kind in WaitingKind::ALL {
        let items: Vec<&WaitingItem> = list.items.iter().filter(|one| one.kind == kind).collect();
        if items.is_empty() {
            continue;
        }
        say!("");
        print_totals(kind, list.totals.iter().filter(|total| total.kind == kind));
        if kind == WaitingKind::Uncleared {
            print_days(&items, if chosen.is_some() { usize::MAX } else { most });
        }
        if kind != WaitingKind::Uncleared || chosen.is_some() {
            print_items(&items, most);
        }
        if items.len() > most {
            print_more(items.len() - most, &name_of(kind), chosen.is_some());
        }
        // A contested chargeback is not contested again.
        let contested = |item: &&WaitingItem| item.state == Some("contested");
        match kind {
            WaitingKind::Chargeback if items.iter().all(contested) => print_next("contested"),
            _ => print_next(&name_of(kind)),
        }
    }
}

/// As for `--kind`.
fn name_of(kind: WaitingKind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

fn print_totals<'l>(kind: WaitingKind, totals: impl Iterator<Item = &'l WaitingTotal>) {
    let name = name_of(kind);
    for total in totals {
        let sum = money(total.amount, total.currency);
        let values: [(&str, &dyn Display); 4] = [
            ("kind", &word("open_items.kind", &name)),
            ("count", &count(total.count)),
            ("sum", &sum),
            ("days", &total.oldest_days),
        ];
        say!("{}", filled(Lang::current(), "open_items.total", &values));
    }
}

/// Uncleared payments by day and party.
fn print_days(items: &[&WaitingItem], most: usize) {
    let lang = Lang::current();
    /// Age, payments, their sum, and whether one is late.
    type DaySum = (u16, usize, i128, bool);
    let mut days: BTreeMap<(&str, &str, &str), DaySum> = BTreeMap::new();
    for item in items {
        let key = (item.since.as_str(), item.party.as_str(), item.currency);
        let (age, payments, sum, late) = days.entry(key).or_default();
        *age = item.age_days;
        *payments += 1;
        *sum += item.amount;
        *late |= item.state.is_some();
    }
    let mut table =
        table().number(text(lang, "open_items.payments")).number(text(lang, "looks.sum")).text("");
    for ((since, party, currency), (age, payments, sum, late)) in days.into_iter().take(most) {
        table.row([
            String::new(),
            since.to_owned(),
            age.to_string(),
            party.to_owned(),
            count(payments),
            money(sum, currency),
            if late { word("open_items.state", "late").to_owned() } else { String::new() },
        ]);
    }
    table.print(columns());
}

fn print_items(items: &[&WaitingItem], most: usize) {
    let lang = Lang::current();
    let mut table =
        table().text(text(lang, "open_items.item")).number(text(lang, "looks.sum")).text("");
    for item in items.iter().take(most) {
        let name = match item.kind {
            _ if item.name == item.party => String::new(),
            WaitingKind::Movement => movement_words(&item.name),
            _ => item.name.clone(),
        };
        table.row([
            String::new(),
            item.since.clone(),
            item.age_days.to_string(),
            item.party.clone(),
            name,
            money(item.amount, item.currency),
            note(item),
        ]);
    }
    table.print(columns());
}

/// A movement's kind in the reader's language, and what it is of.
pub fn movement_words(name: &str) -> String {
    let (kind, of) = name.split_once(' ').unwrap_or((name, ""));
    format!("{} {of}", word("open_items.movement", kind))
}

/// The state of an item, with its detail.
fn note(item: &WaitingItem) -> String {
    let lang = Lang::current();
    let detail = item.detail.as_deref().unwrap_or_default();
    let with_detail = |key: &str| filled(lang, key, &[("detail", &detail)]);
    match item.kind {
        WaitingKind::Plan => {
            let state = match item.party_kind {
                "calendar" if item.state == Some("not_approved") => "calendar_plan",
                _ => item.state.unwrap_or_default(),
            };
            word("open_items.state", state).to_owned()
        }
        WaitingKind::Break if item.state.is_some() => {
            let owner = with_detail("open_items.of_person");
            let proposed = text(lang, "open_items.resolution_proposed");
            format!("{owner}{}{proposed}", text(lang, "looks.separator"))
        }
        WaitingKind::Break if item.detail.is_none() => text(lang, "differences.nobody").to_owned(),
        WaitingKind::Break | WaitingKind::Batch => with_detail("open_items.of_person"),
        WaitingKind::Deposit => with_detail("open_items.to_bank"),
        WaitingKind::Payout => with_detail("open_items.from_bank"),
        WaitingKind::Refund => match item.state {
            Some("by_rail") => with_detail("open_items.by_rail"),
            Some("after_answer") => with_detail("open_items.after_answer"),
            _ => text(lang, "open_items.by_bank").to_owned(),
        },
        WaitingKind::Chargeback => {
            let state = match &item.due {
                Some(due) if item.overdue => filled(lang, "open_items.overdue", &[("due", due)]),
                Some(due) => filled(lang, "open_items.answer_by", &[("due", due)]),
                None => text(lang, "open_items.not_contested").to_owned(),
            };
            let values: [(&str, &dyn Display); 2] = [("detail", &detail), ("state", &state)];
            filled(lang, "open_items.numbered", &values)
        }
        WaitingKind::BelowZero => {
            let sum = money(item.to_come.unwrap_or_default(), item.currency);
            filled(lang, "open_items.to_come", &[("sum", &sum)])
        }
        WaitingKind::Entry => {
            let due = item.due.as_deref().unwrap_or_default();
            let key = if item.overdue { "open_items.overdue" } else { "open_items.awaited_until" };
            filled(lang, key, &[("due", &due)])
        }
        WaitingKind::Uncleared if item.state.is_some() => {
            word("open_items.state", "late").to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use office::fields::{field_of_flag, required};
    use office::is_filled_in;
    use office::short_forms::ShortForm;
    use reports::FieldTypes;

    use super::*;

    /// The commands of a text, as words: from `doorstep` on to the end of its clause.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let clauses = text.split("doorstep ").skip(1);
        let ends = [",", ";", "，", "；", " or ", " 或 ", " shows ", " 列出", " 显示"];
        let cut = |clause: &str| {
            let end = ends.iter().filter_map(|end| clause.find(end)).min();
            clause[..end.unwrap_or(clause.len())].split(' ').map(str::to_owned).collect()
        };
        clauses.map(cut).collect()
    }

    #[test]
    fn the_next_command_of_a_kind_has_all_fields_that_it_needs() {
        let types = FieldTypes::declared();
        let kinds = WaitingKind::ALL.map(name_of);
        let others = ["proposal".to_owned(), "contested".to_owned()];
        let mut checked = 0;
        for (lang, kind) in [Lang::En, Lang::Zh]
            .into_iter()
            .flat_map(|lang| kinds.iter().chain(&others).map(move |kind| (lang, kind)))
        {
            let text = crate::texts::entry(lang, "open_items.next_of", kind).unwrap();
            for words in commands(text) {
                let Some(form) = ShortForm::find(&words[0], words.get(1).map_or("", |act| act))
                else {
                    continue;
                };
                let command = types.of(form.command).unwrap();
                let given = words.iter().filter_map(|word| word.strip_prefix("--"));
                let given: Vec<String> = given.map(field_of_flag).collect();
                for field in required(command) {
                    let is_there = given.iter().any(|one| one == field)
                        || form.subject == Some(field)
                        || form.fields.iter().any(|(one, _)| *one == field)
                        || is_filled_in(form.command, command, field);
                    assert!(is_there, "{words:?} lacks {field}");
                }
                checked += 1;
            }
        }
        assert!(checked > 12, "{checked} commands");
    }
}

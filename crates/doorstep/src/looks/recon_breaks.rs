//! `doorstep recon breaks` and `recon explain`.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::bail;
use books::Books;
use books::chart::AccountKind;
use books::view::AccountView;
use clap::{Args, ValueEnum};
use office::Persons;
use office::explaining::{ReconExplainer, ReconExplanation};
use reports::{MOVEMENT_KINDS, OpenReconKind, OpenReconRow, ReconBreakFilter, recon_breaks};

use super::open_items::movement_words;
use super::recon::{DueCalendarArgs, arrival_words};
use super::table::Table;
use super::{columns, count, money, print_head, print_json, print_row, word};
use crate::data_directory::read_at_head;
use crate::log::sentence::Sentences;
use crate::texts::{entry, filled, text};
use crate::words::{Lang, bilingual, say};

/// The owner of what nobody owns yet.
const NOBODY: &str = "nobody";

/// Lists what reconciliation left open: breaks, awaited entries, movements on no statement
///
/// Each with its lane, file and line, kind, amount, age and owner, the resolution that the rules
/// suggest, and the command that goes on. With --csv the list has a column `resolution` to fill in:
/// `doorstep recon close --file` carries it out.
#[derive(Args, Debug)]
pub struct ReconBreaksArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only of this lane (network, wallet, bank, firm), or of the sender with this name
    #[arg(long, value_name = "LANE|NAME")]
    lane: Option<String>,
    /// Only of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only those of this person: a name in persons.toml, an id, or `nobody`
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// Only those that are older than this many days
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u16>,
    #[command(flatten)]
    calendar: DueCalendarArgs,
    /// Print one JSON object, amounts in minor units
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV, with columns to be filled in
    #[arg(long)]
    csv: bool,
}

/// Explains a file, a line, a break, a movement or a payment: which rule took it, what else fits
///
/// Takes what `recon breaks` and this command print. Shows the rule and its version, the fields
/// that it compares, what else was considered and why it was not taken, what is still expected and
/// by when, how and by whom a break was closed, and the commands in the journal.
#[derive(Args, Debug)]
pub struct ReconExplainArgs {
    /// SENDER/FILE, SENDER/FILE/LINE, a break as brk_7, a movement as `deposit 7`, or WAYBILL/1
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    calendar: DueCalendarArgs,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Overdue, and no file of its day was taken
    MissingFile,
    /// Overdue, and not in the file of its day
    LateItem,
    /// A second line for what is matched or broken
    Duplicate,
    /// The same key, another amount
    AmountDiffers,
    /// The same amount, another fee
    FeeDrift,
    /// Fees that are beyond the bound of a day together
    Rounding,
    /// Less cash than the deposit says
    ShortCash,
    /// Nothing in the books has a key of the line
    UnknownReference,
    /// The line has no key
    NoReference,
    /// Several fit
    Ambiguous,
    /// A refund, chargeback, reversal or fee that nobody expects
    Unannounced,
    /// Not due yet
    Awaited,
    /// More cash was counted than was collected
    CountedMore,
    /// An offline sale without a payment
    SaleInSuspense,
    /// A person raised it
    RaisedByHand,
    /// A person waits no longer for what an entry of a statement shows
    NotInBooks,
}

/// The name of a kind in reports.
fn kind_name(kind: Kind) -> String {
    let value = kind.to_possible_value();
    value.map(|value| value.get_name().replace('-', "_")).unwrap_or_default()
}

/// A kind in words.
fn kind_words(kind: &str) -> &str {
    word("recon.break_kind", kind)
}

/// Whether a lane or a sender in the books has this name: a typing error is no empty list.
fn is_lane(books: &Books, name: &str) -> bool {
    let is_bank = |account: &AccountView| {
        account.kind == AccountKind::Bank && books.owner_reference(account) == Some(name)
    };
    ["network", "wallet", "bank", "firm"].contains(&name)
        || books.rail_views().any(|one| one.reference == name)
        || books.firms().any(|(_, reference)| reference == name)
        || books.accounts().any(|account| is_bank(&account))
}

pub fn run(args: &ReconBreaksArgs) -> anyhow::Result<()> {
    let calendar = args.calendar.read()?;
    let persons = Persons::read(&args.data)?;
    let owner = match args.owner.as_deref() {
        Some(NOBODY) => Some("0".to_owned()),
        Some(who) => Some(persons.find(who)?.to_string()),
        None => None,
    };
    let filter = ReconBreakFilter {
        lane: args.lane.clone(),
        kind: args.kind.map(kind_name),
        owner,
        older_than: args.older_than,
    };
    let mut read = read_at_head(&args.data)?;
    if let Some(lane) = args.lane.as_deref().filter(|lane| !is_lane(read.books(), lane)) {
        bail!(bilingual!(
            "--lane {lane}: write network, wallet, bank or firm, or the name of one of them in the \
             books",
            "--lane {lane}：请写 network、wallet、bank 或 firm，或账簿中其一的名称"
        ));
    }
    let rows = recon_breaks(&mut read, calendar.as_ref(), &filter, &switch::waybill::write)?;
    if args.json {
        return print_json(&read, "open", &rows);
    }
    if args.csv {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(OpenReconRow::COLUMNS)?;
        for row in &rows {
            writer.write_record(row.cells())?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        say!("{}", String::from_utf8_lossy(&bytes).trim_end());
        return Ok(());
    }
    let lang = Lang::current();
    print_head(text(lang, "recon.open"), &read);
    if rows.is_empty() {
        say!("{}", text(lang, "recon.nothing_open"));
        return Ok(());
    }
    let sentences = Sentences::new(lang, persons);
    let mut table = Table::new()
        .text(text(lang, "recon.id"))
        .text(text(lang, "recon.sender"))
        .text(text(lang, "recon.file"))
        .text(text(lang, "recon.kind_of"))
        .number(text(lang, "recon.amount"))
        .number(text(lang, "recon.age"))
        .text(text(lang, "recon.owner"))
        .extra(text(lang, "recon.suggested"));
    for row in &rows {
        let id = match row.what {
            OpenReconKind::Movement => movement_words(&row.id),
            OpenReconKind::Break | OpenReconKind::Entry => row.id.clone(),
        };
        let owner = row.owner.as_ref().map(|owner| sentences.who(owner));
        table.row([
            id,
            format!("{} {}", word("recon.kind", row.lane), row.sender),
            place(row.file, row.line),
            kind_words(&row.kind).to_owned(),
            money(row.amount, row.currency),
            row.age_days.to_string(),
            owner.unwrap_or_default(),
            row.suggested.clone().unwrap_or_default(),
        ]);
    }
    table.print(columns());
    for (row, one) in rows.iter().filter_map(|row| Some((row, row.proposed.as_ref()?))) {
        let by = sentences.who(&one.proposed_by);
        let values: [(&str, &dyn Display); 3] =
            [("id", &row.id), ("resolution", &one.unquoted), ("by", &by)];
        say!("{}", filled(lang, "recon.proposed", &values));
    }
    say!("{}", filled(lang, "recon.how_to_close", &[("count", &count(rows.len()))]));
    Ok(())
}

/// A file and a line in it.
fn place(file: Option<u32>, line: Option<u32>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{file}/{line}"),
        (Some(file), None) => file.to_string(),
        _ => String::new(),
    }
}

pub fn explain(args: &ReconExplainArgs) -> anyhow::Result<()> {
    let calendar = args.calendar.read()?;
    let mut read = read_at_head(&args.data)?;
    let mut explainer = ReconExplainer {
        read: &mut read,
        data: &args.data,
        calendar: calendar.as_ref(),
        waybill: switch::waybill::write,
    };
    let found = explainer.explain(&movement_of_words(&args.subject))?;
    if args.json {
        return print_json(&read, "explanation", &found);
    }
    print_head(&bilingual!("Explanation of {}", "{} 的说明", args.subject), &read);
    let sentences = Sentences::new(Lang::current(), Persons::read(&args.data)?);
    print(&found, &sentences);
    Ok(())
}

fn print(found: &ReconExplanation, sentences: &Sentences) {
    let lang = Lang::current();
    let state = serde_json::to_value(found.state).unwrap_or_default();
    print_row("recon.state", word("recon.states", state.as_str().unwrap_or_default()));
    if !found.sender.is_empty() {
        let sender = format!("{} {}", word("recon.kind", found.lane), found.sender);
        let of = [sender, place(found.file, found.line)];
        print_row("recon.sender", of.join(" ").trim_end());
    }
    if !found.currency.is_empty() {
        print_row("recon.amount", &money(found.amount, found.currency));
    }
    if let Some(sums) = found.sums {
        let labels = ["recon.matched", "recon.expected", "recon.breaks"];
        for (label, sum) in labels.into_iter().zip(sums) {
            print_row(label, &money(sum, found.currency));
        }
    }
    if let Some(kind) = &found.kind {
        print_row("recon.kind_of", kind_words(kind));
    }
    if let Some(rule) = found.rule {
        let values: [(&str, &dyn Display); 2] = [("name", &rule.name), ("version", &rule.version)];
        print_row("recon.rule", &filled(lang, "recon.rule_version", &values));
    } else if found.by_person {
        print_row("recon.rule", text(lang, "recon.by_person"));
    }
    if !found.compared.is_empty() {
        let compared = found.compared.iter().map(|name| word("recon.compared_field", name));
        let compared: Vec<&str> = compared.collect();
        print_row("recon.compared", &compared.join(text(lang, "looks.separator")));
    }
    for part in &found.parts {
        let amount = money(part.amount, found.currency);
        print_row("recon.part", &format!("{}  {amount}", movement_words(&part.what)));
    }
    for one in &found.considered {
        let why = word("recon.why_not", &one.why_not);
        print_row("recon.considered", &format!("{}  {why}", movement_words(&one.what)));
    }
    if let Some(due) = &found.due {
        let sender = format!("{} {}", word("recon.kind", due.lane), due.sender);
        let state = arrival_words(due.state);
        let values: [(&str, &dyn Display); 4] = [
            ("sender", &sender),
            ("file_day", &due.file_day),
            ("due", &due.due),
            ("state", &state),
        ];
        print_row("recon.due", &filled(lang, "recon.due_in", &values));
    }
    for one in &found.closed {
        let amount = one.amount.map_or(found.amount.abs(), |part| part);
        let (first, second) = (sentences.who(&one.proposed_by), sentences.who(&one.approved_by));
        let values: [(&str, &dyn Display); 5] = [
            ("how", &one.resolution),
            ("amount", &money(amount, found.currency)),
            ("first", &first),
            ("second", &second),
            ("date", &one.date),
        ];
        print_row("recon.closed_by", &filled(lang, "recon.closed_how", &values));
    }
    if let Some(suggested) = &found.suggested {
        print_row("recon.suggested", suggested);
    }
    if let Some(next) = &found.next {
        print_row("recon.next", next);
    }
    for row in &found.open {
        let amount = money(row.amount, row.currency);
        let line = row.line.map(|line| line.to_string()).unwrap_or_default();
        let kind = kind_words(&row.kind);
        let values: [(&str, &dyn Display); 4] =
            [("line", &line), ("kind", &kind), ("amount", &amount), ("id", &row.id)];
        say!("  {}", filled(lang, "recon.open_line", &values));
    }
    for command in &found.evidence {
        let what = sentences.what(command);
        print_row("recon.evidence", &format!("{}  {} {what}", command.position, command.date));
    }
}

/// A movement as it is typed, from its words as [`movement_words`] prints them.
fn movement_of_words(text: &str) -> String {
    let kinds = MOVEMENT_KINDS.iter().flat_map(|kind| {
        [Lang::En, Lang::Zh].map(|lang| (kind, entry(lang, "open_items.movement", kind)))
    });
    let mut found = kinds.filter_map(|(kind, words)| {
        let of = text.strip_prefix(words?)?.strip_prefix(' ')?;
        Some(format!("{kind} {of}"))
    });
    found.next().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use books::ReconBreakKind;

    use super::*;

    #[test]
    fn a_movement_is_found_by_the_words_that_are_printed() {
        for (words, name) in [
            ("deposit 7", "deposit 7"),
            ("缴存 7", "deposit 7"),
            ("clearing file alpha/3", "clearing-file alpha/3"),
            ("已结差异 5", "closed-break 5"),
            ("alpha/3", "alpha/3"),
        ] {
            assert_eq!(movement_of_words(words), name);
        }
    }

    #[test]
    fn each_kind_has_words_and_can_be_asked_for() {
        let asked: Vec<String> = Kind::value_variants().iter().map(|one| kind_name(*one)).collect();
        for kind in ReconBreakKind::ALL {
            assert!(asked.iter().any(|one| one == kind.name()), "{}", kind.name());
        }
        for lang in [Lang::En, Lang::Zh] {
            for kind in &asked {
                assert!(entry(lang, "recon.break_kind", kind).is_some(), "{kind}");
            }
        }
    }
}

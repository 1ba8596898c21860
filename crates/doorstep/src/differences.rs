//! `doorstep breaks`, and the lines of the terminal batches that `doorstep open-items` lists.

use std::path::{Path, PathBuf};

use books::{BreakSide, BreakSubject, SuspenseReason};
use clap::Args;
use money::Currency;
use money::decimal::DecimalAmount;
use office::Persons;
use reports::{
    BooksAtHead, BreakReason, BreakReport, BreakSource, LineReport, OpenDifferences,
    OpenItemEvidence, OpenItemReport, RecordedCommand, open_differences,
};
use serde_json::{Map, Value};

use crate::data_directory::read_at_head;
use crate::help::wrapped;
use crate::log::sentence::Sentences;
use crate::looks;
use crate::terminal::screen;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, left, say};

const COLUMNS: usize = 80;
const LABEL_COLUMNS: usize = 12;

/// Lists the open breaks: differences between the books and the world, with age and owner
///
/// Shows of each break what was expected and found, why and from where it was raised, its age,
/// owner and evidence (the commands that raised or changed it), and the command that goes on.
/// `doorstep log --from POSITION --limit 1` shows such a command with its postings. A break's
/// money is in the suspense account until two persons close it.
#[derive(Args, Debug)]
pub struct BreaksArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn breaks(args: &BreaksArgs) -> anyhow::Result<()> {
    let found = read(&args.data)?;
    if args.json {
        return print_json(&found, "breaks", serde_json::to_value(&found.breaks)?);
    }
    let list = List::new(&args.data)?;
    list.head(&found, text(list.lang, "differences.breaks"), found.breaks.len());
    for one in &found.breaks {
        list.print_break(one);
    }
    Ok(())
}

/// These open items, with their lines and evidence.
pub fn batches_json(read: &mut BooksAtHead, items: &[String]) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(batches(read, items)?)?)
}

/// Prints these open items with their lines and evidence.
pub fn print_batches(read: &mut BooksAtHead, data: &Path, items: &[String]) -> anyhow::Result<()> {
    let list = List::new(data)?;
    batches(read, items)?.iter().for_each(|one| list.print_open_item(one));
    Ok(())
}

fn batches(read: &mut BooksAtHead, items: &[String]) -> anyhow::Result<Vec<OpenItemEvidence>> {
    let mut found = open_differences(read)?.open_items;
    found.retain(|one| items.contains(&one.report.item.to_string()));
    Ok(found)
}

fn read(data: &Path) -> anyhow::Result<OpenDifferences> {
    Ok(open_differences(&mut read_at_head(data)?)?)
}

fn print_json(found: &OpenDifferences, name: &str, list: Value) -> anyhow::Result<()> {
    let OpenDifferences { date, at, batch, .. } = found;
    let mut object = Map::new();
    object.insert("date".to_owned(), date.as_str().into());
    object.insert("at".to_owned(), at.as_str().into());
    object.insert("batch".to_owned(), (*batch).into());
    object.insert(name.to_owned(), list);
    say!("{}", serde_json::to_string(&object)?);
    Ok(())
}

/// Prints paragraphs of a label and a text.
struct List {
    lang: Lang,
    columns: usize,
    sentences: Sentences,
}

impl List {
    fn new(data: &Path) -> anyhow::Result<List> {
        let lang = Lang::current();
        let columns = screen::columns().unwrap_or(COLUMNS).clamp(60, 120);
        let sentences = Sentences::new(lang, Persons::read(data)?);
        Ok(List { lang, columns, sentences })
    }

    fn head(&self, found: &OpenDifferences, what: &str, count: usize) {
        let count = grouped(&count.to_string());
        let head = looks::head(what, &found.date, &found.at, found.batch);
        let values: [(&str, &dyn std::fmt::Display); 2] = [("head", &head), ("count", &count)];
        say!("{}", wrapped(&filled(self.lang, "differences.head", &values), self.columns));
    }

    fn row(&self, key: &str, what: &str) {
        let label = text(self.lang, key);
        let what = wrapped(what, self.columns - LABEL_COLUMNS - 2);
        for (number, line) in what.lines().enumerate() {
            let label = if number == 0 { label } else { "" };
            say!("  {}{line}", left(label, LABEL_COLUMNS));
        }
    }

    fn print_break(&self, one: &BreakReport) {
        let side = match one.side {
            BreakSide::Excess => text(self.lang, "differences.excess"),
            BreakSide::Shortfall => text(self.lang, "differences.shortfall"),
        };
        let amount = money(one.amount.minor().into(), one.currency);
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("id", &one.break_id), ("side", &side), ("amount", &amount)];
        say!("\n{}", filled(self.lang, "differences.one_break", &values));
        let subject = match one.subject {
            BreakSubject::Bank(_) => "differences.bank",
            BreakSubject::Network(_) => "differences.network",
            BreakSubject::Wallet(_) => "differences.wallet",
            BreakSubject::FirmCash(_) => "differences.firm_cash",
        };
        let subject = filled(self.lang, subject, &[("reference", &one.reference)]);
        self.row("differences.subject", &subject);
        let side = |minor: i128| money(minor, one.currency);
        let sides = one.expected.into_iter().chain(one.found);
        for (key, minor) in ["differences.expected", "differences.found"].into_iter().zip(sides) {
            self.row(key, &side(minor));
        }
        self.row("differences.reason", &self.reason(one));
        if let Some(source) = &one.source {
            self.row("differences.source", &self.source(source, &subject));
        }
        self.age_and_owner(&one.opened, one.age_days, &one.owner, one.owner_reference.as_deref());
        self.evidence(&one.evidence);
        if let Some(proposed) = &one.proposed {
            let by = self.sentences.who(&proposed.proposed_by);
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("how", &proposed.resolution), ("by", &by)];
            self.row(
                "differences.proposed",
                &filled(self.lang, "differences.proposed_by", &values),
            );
        }
        self.row("differences.next", &one.next_step());
    }

    fn reason(&self, one: &BreakReport) -> String {
        let raised_by =
            || one.evidence.first().map_or_else(String::new, |raised| self.sentences.actor(raised));
        match (one.reason, &one.source) {
            (BreakReason::RaisedByHand, _) => {
                filled(self.lang, "differences.by_hand", &[("by", &raised_by())])
            }
            (_, Some(BreakSource::OfflineSale { why, .. })) => {
                let key = match why {
                    SuspenseReason::TerminalBlocked => "differences.terminal_blocked",
                    SuspenseReason::UnknownParcel => "differences.unknown_parcel",
                    SuspenseReason::TooManyPayments => "differences.too_many_payments",
                    SuspenseReason::OtherCurrency => "differences.other_currency",
                    SuspenseReason::NoTariff => "differences.no_tariff",
                };
                let why = text(self.lang, key);
                filled(self.lang, "differences.in_suspense", &[("why", &why)])
            }
            (reason, _) => {
                let key = match reason {
                    BreakReason::Fee => "differences.fee",
                    BreakReason::ChargebackFee => "differences.chargeback_fee",
                    BreakReason::OtherFee => "differences.other_fee",
                    BreakReason::Amount => "differences.amount",
                    BreakReason::MoreThanThereIs => "differences.more_than_there_is",
                    BreakReason::NoPayment => "differences.no_payment",
                    BreakReason::DoesNotFit => "differences.does_not_fit",
                    BreakReason::NotInBooks => "differences.not_in_books",
                    _ => "differences.counted_more",
                };
                text(self.lang, key).to_owned()
            }
        }
    }

    fn source(&self, source: &BreakSource, subject: &str) -> String {
        match source {
            BreakSource::ClearingLine { file, line } => {
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("file", file), ("line", line), ("of", &subject)];
                filled(self.lang, "differences.clearing_line", &values)
            }
            BreakSource::BankEntry { file, line } => {
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("file", file), ("line", line), ("of", &subject)];
                filled(self.lang, "differences.bank_entry", &values)
            }
            BreakSource::HandOver { hand_over } => {
                filled(self.lang, "differences.hand_over", &[("hand_over", hand_over)])
            }
            BreakSource::Evidence { evidence } => evidence.clone(),
            BreakSource::OfflineSale { terminal, batch, stan, .. } => {
                let values: [(&str, &dyn std::fmt::Display); 3] =
                    [("terminal", terminal), ("batch", batch), ("stan", &format!("{stan:06}"))];
                filled(self.lang, "differences.offline_sale", &values)
            }
        }
    }

    fn print_open_item(&self, one: &OpenItemEvidence) {
        let OpenItemReport { item, terminal, batch, currency, net, .. } = &one.report;
        let (terminal, net) = (format!("{terminal:08}"), money(*net, currency));
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("item", item), ("terminal", &terminal), ("batch", batch), ("net", &net)];
        say!("\n{}", filled(self.lang, "differences.one_open_item", &values));
        let OpenItemReport { opened, age_days, owner, .. } = &one.report;
        self.age_and_owner(opened, *age_days, owner, one.owner_reference.as_deref());
        if let Some(totals) = &one.report.totals {
            let side = |[cards, others]: [i128; 2]| money(cards + others, currency);
            let (books, terminal) = (side(totals.books), side(totals.at_terminal));
            let totals = [("books", &books as &dyn std::fmt::Display), ("terminal", &terminal)];
            self.row("differences.totals", &filled(self.lang, "differences.two_sides", &totals));
            let upload = match one.report.lines_expected {
                true => "differences.upload_expected",
                false => "differences.no_upload",
            };
            self.row("differences.upload", text(self.lang, upload));
        }
        for line in &one.report.lines {
            self.line(line, currency);
        }
        self.evidence(&one.evidence);
    }

    fn line(&self, line: &LineReport, currency: &str) {
        let side = |minor: Option<i128>| match minor {
            Some(minor) => money(minor, currency),
            None => text(self.lang, "differences.nothing").to_owned(),
        };
        let (books, terminal) = (side(line.books), side(line.at_terminal));
        let decided = match line.decision {
            Some(_) => "differences.decided",
            None => "differences.undecided",
        };
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("stan", &format!("{:06}", line.stan)),
            ("books", &books),
            ("terminal", &terminal),
            ("decided", &text(self.lang, decided)),
        ];
        self.row("differences.line", &filled(self.lang, "differences.line_sides", &values));
    }

    fn age_and_owner(&self, opened: &str, days: u16, owner: &str, reference: Option<&str>) {
        let age = filled(self.lang, "differences.age", &[("opened", &opened), ("days", &days)]);
        self.row("differences.since", &age);
        let owner = match reference {
            // The books raised it from a line of a file.
            None if owner == "0" => text(self.lang, "differences.nobody").to_owned(),
            Some(reference) => filled(
                self.lang,
                "differences.courier",
                &[("id", &owner), ("reference", &reference)],
            ),
            None => filled(self.lang, "differences.person", &[("id", &self.sentences.who(owner))]),
        };
        self.row("differences.owner", &owner);
    }

    fn evidence(&self, commands: &[RecordedCommand]) {
        for command in commands {
            let position = command.position.to_string();
            let what = self.sentences.what(command);
            self.row("differences.evidence", &format!("{position}  {} {what}", command.date));
        }
    }
}

/// An amount in major units, with its currency.
fn money(minor: i128, currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(of) => format!("{} {of}", grouped(&DecimalAmount::of_balance(minor, of).to_string())),
        Err(_) => format!("{minor} {currency}"),
    }
}

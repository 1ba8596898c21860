//! `doorstep parties`: who is suspended or blocked, and the terms of parties now and later.

use std::path::PathBuf;

use anyhow::ensure;
use books::PersonId;
use books::party_view::{PartyKind, PartyTerms, PartyView, StoppedParty, TermsToCome};
use clap::{Args, ValueEnum};
use office::Persons;

use super::table::Table;
use super::{columns, count, money, print_head, print_json, word};
use crate::data_directory::read_at_head;
use crate::help::wrapped;
use crate::texts::{filled, text};
use crate::words::{Lang, left, say};

const ROWS: usize = 20;
const LABEL_COLUMNS: usize = 20;

/// Shows sellers, firms, couriers and terminals: their terms now and later, who is suspended
///
/// Without WHO: a list, with the day of the next terms. With WHO: each of a party's terms, with the
/// day from which they hold and who proposed and approved them, and by whom it was suspended. Terms
/// that wait for a second person are in `doorstep proposals`.
#[derive(Args, Debug)]
pub struct PartiesArgs {
    /// The party: its reference, a terminal's number, or an id
    #[arg(value_name = "WHO")]
    who: Option<String>,
    /// Only parties of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only suspended sellers and couriers, and blocked terminals
    #[arg(long)]
    stopped: bool,
    /// Only parties with terms that begin on a later day
    #[arg(long)]
    changing: bool,
    /// Show at most this many parties [default: 20; with --json all]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Sellers, once for each currency
    Seller,
    /// Courier firms
    Firm,
    /// Couriers
    Courier,
    /// Terminals
    Terminal,
}

impl PartiesArgs {
    fn selects(&self, party: &PartyView) -> bool {
        let kind = self.kind.map(|kind| match kind {
            Kind::Seller => PartyKind::Seller,
            Kind::Firm => PartyKind::Firm,
            Kind::Courier => PartyKind::Courier,
            Kind::Terminal => PartyKind::Terminal,
        });
        let is_named = |who: &String| *who == party.reference || *who == party.id;
        self.who.as_ref().is_none_or(is_named)
            && kind.is_none_or(|kind| kind == party.kind)
            && (!self.stopped || party.stopped.is_some())
            && (!self.changing || !party.to_come.is_empty())
    }
}

pub fn run(args: &PartiesArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let read = read_at_head(&args.data)?;
    let found = read.books().parties(read.today()).filter(|party| args.selects(party));
    let mut found: Vec<PartyView> = found.collect();
    if let Some(who) = &args.who {
        ensure!(!found.is_empty(), filled(lang, "parties.unknown", &[("who", who)]));
    }
    let shown = if args.json { usize::MAX } else { ROWS };
    let more = found.len().saturating_sub(args.limit.unwrap_or(shown));
    found.truncate(found.len() - more);
    if args.json {
        return print_json(&read, "parties", &found);
    }
    print_head(text(lang, "parties.title"), &read);
    if args.who.is_some() {
        let persons = Persons::read(&args.data)?;
        found.iter().for_each(|party| print_party(party, &persons));
    } else if found.is_empty() {
        say!("{}", text(lang, "looks.none"));
    } else {
        print_list(&found);
    }
    if more > 0 {
        say!("{}", filled(lang, "looks.more", &[("count", &count(more))]));
    }
    Ok(())
}

fn print_list(parties: &[PartyView]) {
    let lang = Lang::current();
    let mut table = Table::new()
        .text(text(lang, "parties.kind_title"))
        .text(text(lang, "parties.party"))
        .text(text(lang, "parties.belongs_to"))
        .text(text(lang, "looks.state_title"))
        .text(text(lang, "parties.next_terms"))
        .extra(text(lang, "parties.terms"));
    for party in parties {
        let next = party.to_come.first().map(|one| one.from.to_string());
        table.row([
            word("parties.kind", party.kind.name()).to_owned(),
            party.reference.clone(),
            party.belongs_to.clone().unwrap_or_default(),
            state(party),
            next.unwrap_or_default(),
            terms(&party.terms, party),
        ]);
    }
    table.print(columns());
}

fn print_party(party: &PartyView, persons: &Persons) {
    let lang = Lang::current();
    let kind = word("parties.kind", party.kind.name());
    let of = party.belongs_to.as_deref().unwrap_or(party.currency.code());
    let title: [(&str, &dyn std::fmt::Display); 4] =
        [("kind", &kind), ("party", &party.reference), ("of", &of), ("id", &party.id)];
    say!("\n{}", filled(lang, "parties.one", &title));
    let mut stopped = state(party);
    if let Some(StoppedParty { by: Some(by), .. }) = party.stopped {
        let by = persons.shown(by);
        let values: [(&str, &dyn std::fmt::Display); 2] = [("state", &stopped), ("by", &by)];
        stopped = filled(lang, "parties.stopped_by", &values);
    }
    print_row(text(lang, "looks.state_title"), &stopped);
    print_row(text(lang, "parties.terms"), &terms(&party.terms, party));
    for later in &party.to_come {
        let TermsToCome { from, terms: of, decided_by } = later;
        let mut what = terms(of, party);
        if let Some((first, second)) = decided_by {
            let shown = |person: &PersonId| persons.shown(*person);
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("terms", &what), ("first", &shown(first)), ("second", &shown(second))];
            what = filled(lang, "parties.decided_by", &values);
        }
        print_row(&filled(lang, "parties.from", &[("date", from)]), &what);
    }
}

fn print_row(label: &str, what: &str) {
    for (number, line) in wrapped(what, columns() - LABEL_COLUMNS - 2).lines().enumerate() {
        let label = if number == 0 { label } else { "" };
        say!("  {}{line}", left(label, LABEL_COLUMNS));
    }
}

fn state(party: &PartyView) -> String {
    let lang = Lang::current();
    let Some(StoppedParty { since, .. }) = &party.stopped else {
        return text(lang, "looks.in_use").to_owned();
    };
    let is_terminal = party.kind == PartyKind::Terminal;
    let key = if is_terminal { "parties.blocked" } else { "parties.suspended" };
    filled(lang, key, &[("date", since)])
}

fn terms(terms: &PartyTerms, party: &PartyView) -> String {
    let lang = Lang::current();
    let sum = |amount: &money::Amount| money(amount.minor().into(), party.currency.code());
    match terms {
        PartyTerms::Seller { tariff, class, cycle, minimum } => {
            let cycle = format!("{cycle:?}");
            let values: [(&str, &dyn std::fmt::Display); 4] = [
                ("tariff", tariff),
                ("class", class),
                ("cycle", &word("looks.cycle", &cycle)),
                ("minimum", &sum(minimum)),
            ];
            filled(lang, "parties.seller", &values)
        }
        PartyTerms::Firm { guarantee, withholding } => {
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("guarantee", &sum(guarantee)), ("withholding", withholding)];
            filled(lang, "parties.firm", &values)
        }
        PartyTerms::Courier { cash_limit } => {
            filled(lang, "parties.courier", &[("limit", &sum(cash_limit))])
        }
        PartyTerms::Terminal { offline_each, offline_total } => {
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("each", &sum(offline_each)), ("total", &sum(offline_total))];
            filled(lang, "parties.terminal", &values)
        }
    }
}

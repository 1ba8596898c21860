//! The books against what the network and the terminals say, item by item.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use engine::view::TenderState;
use engine::{Command, Engine, Event, Outcome, ParcelId, TenderId, Timestamp};
use peers::clearing::{ClearingFile, LineKind};

use super::goods;
use super::ground::Ground;
use crate::books;

#[cfg(test)]
mod tests;

/// Differences that are told at the most.
const DIFFERENCES_MAX: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Comparison {
    pub lost: u64,
    pub doubled: u64,
    pub commands: u64,
    pub commits: u64,
    /// The first of them, in words.
    pub differences: Vec<String>,
}

/// A sale in the books, as the network knows it: STAN and second.
type Sale = (u32, u64);

/// What the journal says of sales.
#[derive(Default)]
struct Sales {
    begun: HashMap<Sale, Begun>,
    twice: u64,
}

struct Begun {
    tender: TenderId,
    terminal: u64,
    amount: u64,
}

impl node::replay::Watcher for Sales {
    fn command(
        &mut self,
        command: &Command,
        _at: Timestamp,
        outcome: &Outcome,
        _engine: &Engine,
    ) -> Result<(), String> {
        let Command::BeginPurchase { trace, amount, sent, .. } = command else { return Ok(()) };
        let tender = outcome.events.iter().find_map(|event| match event {
            Event::Begun { tender } => Some(*tender),
            _ => None,
        });
        if let Some(tender) = tender {
            let sale = (sent.stan, sent.at.0 / 1_000);
            let begun = Begun { tender, terminal: trace.terminal.0, amount: amount.minor() };
            self.twice += u64::from(self.begun.insert(sale, begun).is_some());
        }
        Ok(())
    }
}

impl Comparison {
    /// Replays the books and compares.
    pub fn of(ground: &Ground, approved_lists: &[PathBuf]) -> anyhow::Result<Comparison> {
        let mut sales = Sales::default();
        let (engine, replayed) = books::read_all(&ground.path("books"), &mut sales)?;
        let mut found = Comparison {
            commands: replayed.commands,
            commits: replayed.batches,
            ..Comparison::default()
        };
        if let Err(wrong) = engine.check() {
            wrong.into_iter().for_each(|rule| found.differs(rule));
        }
        if sales.twice > 0 {
            found.differs(format!("{} STANs were used twice in a second", sales.twice));
        }
        found.with_the_network(ground, &engine, &sales)?;
        found.with_the_terminals(&engine, approved_lists)?;
        Ok(found)
    }

    pub fn books_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// An error where the books are not equal: what is measured is then worth nothing.
    pub fn verdict(&self) -> anyhow::Result<()> {
        ensure!(
            self.books_equal(),
            "the books differ from what the network and the terminals say:\n{}",
            self.differences.join("\n")
        );
        Ok(())
    }

    fn differs(&mut self, what: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what);
        }
    }

    /// Every line of the clearing files is an approved sale of the books, and there is no other.
    fn with_the_network(
        &mut self,
        ground: &Ground,
        engine: &Engine,
        sales: &Sales,
    ) -> anyhow::Result<()> {
        let mut cleared: HashMap<TenderId, i64> = HashMap::new();
        for entry in std::fs::read_dir(ground.path("clearing"))? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path)?;
            let file = ClearingFile::parse(&text).with_context(|| path.display().to_string())?;
            for line in &file.lines {
                let known = sales.begun.get(&(line.stan, line.sent_s));
                let same_terminal = known
                    .filter(|begun| format!("{:08}", begun.terminal).as_bytes() == line.terminal);
                let times = match line.kind {
                    LineKind::Sale => 1,
                    LineKind::Reversal => -1,
                    LineKind::Completion | LineKind::Offline | LineKind::Refund => 0,
                };
                let amount = |begun: &Begun| i128::from(begun.amount) * i128::from(times);
                match same_terminal {
                    Some(begun) if times != 0 && i128::from(line.amount) == amount(begun) => {
                        *cleared.entry(begun.tender).or_default() += times;
                    }
                    _ => self.differs(format!(
                        "the network has STAN {:06} of terminal {}, and the books have it not so",
                        line.stan,
                        line.terminal.escape_ascii(),
                    )),
                }
            }
        }
        for begun in sales.begun.values() {
            let tenders = engine.tenders(begun.tender.parcel);
            let tender = tenders.iter().find(|tender| tender.id == begun.tender);
            let approved = tender.is_some_and(|tender| tender.state == TenderState::Approved);
            let ended = tender.is_some_and(|tender| {
                matches!(
                    tender.state,
                    TenderState::Approved | TenderState::Declined | TenderState::Reversed
                )
            });
            if !ended {
                self.differs(format!("{:?} has not ended", begun.tender));
            }
            let times = cleared.get(&begun.tender).copied().unwrap_or(0);
            if times != i64::from(approved) {
                let state = tender.map(|tender| tender.state);
                self.differs(format!(
                    "{:?} is {state:?} in the books, and {times} times with the network",
                    begun.tender
                ));
            }
        }
        Ok(())
    }

    /// Every approval at a terminal is in the books, once.
    fn with_the_terminals(
        &mut self,
        engine: &Engine,
        approved_lists: &[PathBuf],
    ) -> anyhow::Result<()> {
        for path in approved_lists {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            for line in text.lines() {
                let mut fields = line.split(',');
                let mut number = || fields.next().and_then(|field| field.parse::<u32>().ok());
                let (Some(terminal), Some(place)) = (number(), number()) else {
                    anyhow::bail!("{}: `{line}` is no sale", path.display());
                };
                let parcel: ParcelId = goods::parcel(terminal, place);
                let tenders = engine.tenders(parcel);
                let approved =
                    tenders.iter().filter(|tender| tender.state == TenderState::Approved);
                let approved: Vec<_> = approved.map(|tender| tender.amount).collect();
                match approved.as_slice() {
                    [] => self.lost += 1,
                    [amount] if *amount == goods::amount(terminal, place) => {}
                    [_] => self.differs(format!("{parcel:?} was paid with another amount")),
                    _ => self.doubled += 1,
                }
            }
        }
        if self.lost + self.doubled > 0 {
            self.differs(format!("{} lost, {} doubled", self.lost, self.doubled));
        }
        Ok(())
    }
}

use std::collections::BTreeMap;

use books::chart::AccountKind;
use books::view::BreakView;
use books::{Books, BreakSide, BreakSubject, CommandMoment};
use money::Amount;
use serde::Serialize;

use crate::{BooksAtHead, OpenItemReport, RecordedCommand, ReportError, local_time};

/// The open breaks and the open items at the end of a journal, each with the commands that are its
/// evidence.
#[derive(Debug, Serialize)]
pub struct OpenDifferences {
    /// The business date of the last command. Ages are counted up to it.
    pub date: String,
    /// Local time of the last command.
    pub at: String,
    /// The last batch.
    pub batch: u64,
    /// By id.
    pub breaks: Vec<BreakReport>,
    /// Oldest first.
    pub open_items: Vec<OpenItemEvidence>,
}

/// A break and the commands that raised, reduced or proposed to close it.
#[derive(Debug, Serialize)]
pub struct BreakReport {
    pub break_id: String,
    pub subject: BreakSubject,
    /// The operator's reference of the subject; its id if it has none.
    pub reference: String,
    pub side: BreakSide,
    /// In minor units.
    pub amount: Amount,
    pub currency: &'static str,
    pub opened: String,
    pub age_days: u16,
    /// The person id of who must resolve it.
    pub owner: String,
    /// The owner's reference, if the owner is a courier.
    pub owner_reference: Option<String>,
    pub evidence: Vec<RecordedCommand>,
}

/// An open item and the commands that opened it or decided its lines.
#[derive(Debug, Serialize)]
pub struct OpenItemEvidence {
    #[serde(flatten)]
    pub report: OpenItemReport,
    /// The owner's reference, if the owner is a courier.
    pub owner_reference: Option<String>,
    pub evidence: Vec<RecordedCommand>,
}

/// The open differences of books, with their evidence from the journal.
pub fn open_differences(read: &mut BooksAtHead) -> Result<OpenDifferences, ReportError> {
    let books = read.books();
    let breaks = books.open_breaks().into_iter().map(|one| books.break_commands(one.id).to_vec());
    let items = books.open_items().map(|one| books.open_item_commands(one.id).to_vec());
    let moments: Vec<CommandMoment> = breaks.chain(items).flatten().collect();
    let commands = read.commands(moments)?;
    let evidence = |moments: &[CommandMoment], currency| {
        let found = moments.iter().filter_map(|moment| commands.get(moment).cloned());
        found
            .map(|command: RecordedCommand| RecordedCommand {
                currency: command.currency.or(Some(currency)),
                ..command
            })
            .collect()
    };
    let (engine, books) = (&read.engine, read.books());
    let (today, references) = (books.last_date(), OwnerReferences::of(books));
    let breaks = books.open_breaks().into_iter().map(|view| {
        let BreakView { id, subject, side, amount, currency, owner, opened, .. } = view;
        BreakReport {
            evidence: evidence(books.break_commands(id), currency),
            break_id: id.to_string(),
            reference: references.of_subject(subject),
            subject,
            side,
            amount,
            currency: currency.code(),
            opened: opened.to_string(),
            age_days: today.0.saturating_sub(opened.0),
            owner: owner.to_string(),
            owner_reference: references.get(AccountKind::CourierCash, owner.0),
        }
    });
    let open_items = books.open_items().map(|view| OpenItemEvidence {
        owner_reference: references.get(AccountKind::CourierCash, view.owner.0),
        evidence: evidence(books.open_item_commands(view.id), view.currency),
        report: OpenItemReport::of(&view, today),
    });
    Ok(OpenDifferences {
        date: today.to_string(),
        at: local_time(books, engine.last_at()),
        batch: read.batch().number(),
        breaks: breaks.collect(),
        open_items: open_items.collect(),
    })
}

/// The operator's references, by the kind of an account and its owner.
struct OwnerReferences(BTreeMap<(AccountKind, u64), String>);

impl OwnerReferences {
    fn of(books: &Books) -> OwnerReferences {
        let references = books.accounts().filter_map(|account| {
            let reference = books.owner_reference(&account)?.to_owned();
            Some(((account.kind, account.owner), reference))
        });
        OwnerReferences(references.collect())
    }

    fn get(&self, kind: AccountKind, owner: u64) -> Option<String> {
        self.0.get(&(kind, owner)).cloned()
    }

    fn of_subject(&self, subject: BreakSubject) -> String {
        let (kind, id) = match subject {
            BreakSubject::Bank(id) => (AccountKind::Bank, id.0),
            BreakSubject::Network(id) => (AccountKind::NetworkReceivable, id.0),
            BreakSubject::Wallet(id) => (AccountKind::WalletReceivable, id.0),
            BreakSubject::FirmCash(id) => (AccountKind::FirmCash, id.0),
        };
        self.get(kind, id).unwrap_or_else(|| id.to_string())
    }
}

use std::collections::BTreeMap;
use std::path::Path;

use books::chart::AccountKind;
use books::view::BreakView;
use books::{BreakSide, BreakSubject};
use engine::Engine;
use money::Amount;
use serde::Serialize;
use serde_json::Value;

use crate::commands::read_to_end;
use crate::{AppliedCommand, CommandFilter, ExportError, OpenItemReport, utc_offset_text};

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
    pub evidence: Vec<AppliedCommand>,
}

/// An open item and the commands that opened it or decided its lines.
#[derive(Debug, Serialize)]
pub struct OpenItemEvidence {
    #[serde(flatten)]
    pub report: OpenItemReport,
    /// The owner's reference, if the owner is a courier.
    pub owner_reference: Option<String>,
    pub evidence: Vec<AppliedCommand>,
}

/// Commands by the id of the break or open item that they are about.
type Evidence = BTreeMap<String, Vec<AppliedCommand>>;

/// Reads the whole journal of a data directory.
pub fn open_differences(data: &Path) -> Result<OpenDifferences, ExportError> {
    let filter = CommandFilter { about_differences: true, ..CommandFilter::default() };
    let (mut of_breaks, mut of_items) = (Evidence::new(), Evidence::new());
    let mut each = |command: AppliedCommand| {
        for (key, evidence) in [("break_id", &mut of_breaks), ("item", &mut of_items)] {
            note(&command, key, evidence);
        }
        Ok(())
    };
    let end = read_to_end(data, &filter, None, &mut each)?.expect("nothing ends the reading");
    let (books, now) = (end.engine.books(), end.engine.last_at());
    let today = books.last_date();
    let breaks = books.open_breaks().into_iter().map(|view| {
        let BreakView { id, subject, side, amount, currency, owner, opened, .. } = view;
        let break_id = id.to_string();
        BreakReport {
            evidence: of_breaks.remove(&break_id).unwrap_or_default(),
            break_id,
            reference: subject_reference(&end.engine, subject),
            subject,
            side,
            amount,
            currency: currency.code(),
            opened: opened.to_string(),
            age_days: today.0.saturating_sub(opened.0),
            owner: owner.to_string(),
            owner_reference: reference(&end.engine, AccountKind::CourierCash, owner.0),
        }
    });
    let open_items = books.open_items().map(|view| OpenItemEvidence {
        owner_reference: reference(&end.engine, AccountKind::CourierCash, view.owner.0),
        evidence: of_items.remove(&view.id.0.to_string()).unwrap_or_default(),
        report: OpenItemReport::of(&view, today),
    });
    let offset = books.utc_offset_minutes_at(now).unwrap_or(0);
    let at = now.local(offset).strftime("%Y-%m-%dT%H:%M:%S%.3f");
    Ok(OpenDifferences {
        date: today.to_string(),
        at: format!("{at}{}", utc_offset_text(offset)),
        batch: end.batch.number(),
        breaks: breaks.collect(),
        open_items: open_items.collect(),
    })
}

/// Keeps a command under each id that its events name in `key`, until one of them closes it.
fn note(command: &AppliedCommand, key: &str, evidence: &mut Evidence) {
    for event in &command.events {
        let Some(id) = event.fields.get(key) else { continue };
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let name = event.fields.get("event").and_then(Value::as_str).unwrap_or_default();
        if name.ends_with("Closed") {
            evidence.remove(&id);
            continue;
        }
        let commands = evidence.entry(id).or_default();
        if commands.last().is_none_or(|last| last.position != command.position) {
            commands.push(command.clone());
        }
    }
}

fn subject_reference(engine: &Engine, subject: BreakSubject) -> String {
    let (kind, id) = match subject {
        BreakSubject::Bank(id) => (AccountKind::Bank, id.0),
        BreakSubject::Network(id) => (AccountKind::NetworkReceivable, id.0),
        BreakSubject::Wallet(id) => (AccountKind::WalletReceivable, id.0),
        BreakSubject::FirmCash(id) => (AccountKind::FirmCash, id.0),
    };
    reference(engine, kind, id).unwrap_or_else(|| id.to_string())
}

/// The operator's reference for the owner of accounts of a kind.
fn reference(engine: &Engine, kind: AccountKind, owner: u64) -> Option<String> {
    let mut accounts = engine.books().accounts();
    let account = accounts.find(|account| account.kind == kind && account.owner == owner)?;
    engine.books().owner_reference(&account).map(str::to_owned)
}

//! Breaks, and the lines of clearing files that raise them.

use books::{BreakId, BreakResolution, BreakSide, BreakSubject, ClearLine, FileLane, PersonId};
use files::incoming::clearing::line_of_item;
use money::Amount;
use recon::clearing::near_payments;
use reports::{AppliedCommand, RecordedCommand, open_differences, resolution_text};
use serde::Deserialize;
use serde_json::Value;

use super::{
    ClosedPart, ConsideredReport, ExplainingError, MatchedPart, ReconExplainer, ReconExplanation,
    ReconState, RuleReport, clearing_rule, due_report, name_of, payment_name,
};

/// What is read of the commands that propose and approve a resolution.
#[derive(Deserialize)]
struct Resolving {
    resolution: BreakResolution,
    amount: Option<Amount>,
    proposed_by: Option<PersonId>,
    approved_by: Option<PersonId>,
}

/// The lane of a difference.
fn lane_of(subject: BreakSubject) -> FileLane {
    match subject {
        BreakSubject::Bank(id) => FileLane::Bank(id),
        BreakSubject::Network(id) => FileLane::Network(id),
        BreakSubject::Wallet(id) => FileLane::Wallet(id),
        BreakSubject::FirmCash(id) => FileLane::Firm(id),
    }
}

/// Whether a command raised, changed or closed a break.
fn is_of(applied: &AppliedCommand, id: &str) -> bool {
    let names = |fields: &Value| fields.get("break_id").and_then(Value::as_str) == Some(id);
    let by_command = applied.recorded.fields.get("break_id").and_then(Value::as_str) == Some(id);
    by_command || applied.events.iter().any(|event| names(&event.fields))
}

impl ReconExplainer<'_> {
    pub(super) fn of_break(
        &mut self,
        id: BreakId,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let books = self.read.books();
        let Some(view) = books.break_view(id) else { return Ok(None) };
        let entry = books.entry_of_break(id);
        let line = books.break_evidence(id).map(|evidence| evidence.line.clone());
        let open = open_differences(self.read)?.breaks;
        let report = open.into_iter().find(|one| one.break_id == id.to_string());
        let blank = self.blank(lane_of(view.subject));
        let mut found = match (entry, line) {
            (Some((bank, file, line)), _) => {
                self.of_entry(FileLane::Bank(bank), (file, line))?.unwrap_or(blank)
            }
            (None, Some(line)) => self.of_clear_line(&line),
            (None, None) => blank,
        };
        found.currency = view.currency.code();
        found.state = if report.is_some() { ReconState::Break } else { ReconState::Closed };
        let raised = i128::from(view.raised.minor());
        found.amount = if view.side == BreakSide::Excess { raised } else { -raised };
        if let Some(report) = report {
            found.amount = report.signed_amount();
            found.kind = Some(report.kind_name());
            found.next = Some(report.next_step());
            found.suggested = report.suggested;
        } else {
            found.next = None;
        }
        let text = id.to_string();
        let commands = self.commands(&mut |applied| is_of(applied, &text))?;
        found.closed = self.closings(&commands);
        found.evidence = commands;
        Ok(Some(found))
    }

    /// How a break was closed, by the commands that changed it.
    fn closings(&self, commands: &[RecordedCommand]) -> Vec<ClosedPart> {
        let books = self.read.books();
        let mut proposer = None;
        let mut closed = Vec::new();
        for one in commands {
            let read = serde_json::from_value::<Resolving>(one.fields.clone().into());
            let Ok(Resolving { resolution, amount, proposed_by, approved_by }) = read else {
                continue;
            };
            match (one.command, approved_by) {
                ("ProposeBreakResolution", _) => proposer = proposed_by,
                ("ApproveBreakResolution", Some(second)) => closed.push(ClosedPart {
                    resolution: resolution_text(books, resolution),
                    amount: amount.map(|amount| amount.minor().into()),
                    proposed_by: proposer.unwrap_or_default().to_string(),
                    approved_by: second.to_string(),
                    date: one.date.to_string(),
                }),
                _ => {}
            }
        }
        closed
    }

    /// A line of a clearing file: it is found by its request or order.
    fn of_clear_line(&self, line: &ClearLine) -> ReconExplanation {
        let books = self.read.books();
        let mut found = self.blank(line.rail.into());
        (found.file, found.line) = (Some(line.file), Some(line_of_item(line.line)));
        found.amount = line.amount.minor().into();
        let rule = clearing_rule(line);
        found.compared = rule.compared().iter().map(name_of).collect();
        found.rule = Some(RuleReport { name: rule.name(), version: rule.version() });
        if let Some(payment) = line.payment {
            let what = payment_name(payment, self.waybill);
            let due = books.uncleared_payments().into_iter().find(|one| one.payment == payment);
            found.parts.push(MatchedPart { what, amount: line.amount.minor().into() });
            found.due = due.map(|one| {
                let day = self.arrivals().in_clearing_file(one.rail, payment, one.since);
                due_report(books, one.rail.into(), day)
            });
        } else {
            let near = near_payments(books, line).into_iter();
            let near = near.map(|(payment, why_not)| ConsideredReport {
                what: payment_name(payment, self.waybill),
                why_not: name_of(&why_not),
            });
            found.considered = near.collect();
        }
        found
    }

    /// A line of a clearing file by its physical line.
    pub(super) fn of_clearing_line(
        &mut self,
        lane: FileLane,
        place: (u32, u32),
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let mut line = None;
        let commands = self.commands(&mut |applied| {
            if applied.recorded.command != "ClearLine" {
                return false;
            }
            let read = serde_json::from_value(applied.recorded.fields.clone().into());
            let read: Option<ClearLine> = read.ok().filter(|one: &ClearLine| {
                (FileLane::from(one.rail), (one.file, line_of_item(one.line))) == (lane, place)
            });
            let is_it = read.is_some();
            line = read.or(line.take());
            is_it
        })?;
        let Some(line) = line else { return Ok(None) };
        let books = self.read.books();
        let is_its = |id: BreakId| books.break_evidence(id).is_some_and(|one| one.line == line);
        if let Some(one) = books.open_breaks().into_iter().find(|one| is_its(one.id)) {
            return self.of_break(one.id);
        }
        let mut found = self.of_clear_line(&line);
        let is_matched = line.payment.is_some();
        found.state = if is_matched { ReconState::Matched } else { ReconState::Closed };
        found.evidence = commands;
        Ok(Some(found))
    }
}

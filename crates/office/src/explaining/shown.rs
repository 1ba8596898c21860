//! What an entry of a statement or a line of a firm's sheet shows: movements of a bank account, and
//! cash that couriers took.

use books::{BankId, BankMovement, FileLane, PaymentId};
use recon::statement::expected_movements;
use reports::{OpenReconKind, ReconBreakFilter, RecordedCommand, recon_breaks};

use super::{
    ConsideredReport, EntryPlace, ExplainingError, MatchedPart, ReconExplainer, ReconExplanation,
    ReconState, SAME_AMOUNT, due_report, lane_name, read_decision,
};

/// The commands that took or decided what shows a movement, and its parts there.
struct ShownMovement {
    commands: Vec<RecordedCommand>,
    parts: Vec<(FileLane, MatchedPart)>,
}

impl ReconExplainer<'_> {
    /// Where a movement is shown.
    fn shown(&self, movement: BankMovement) -> Result<ShownMovement, ExplainingError> {
        let books = self.read.books();
        let mut parts = Vec::new();
        let commands = self.commands(&mut |applied| {
            let one = &applied.recorded;
            if !matches!(one.command, "TakeEntry" | "MatchEntry") {
                return false;
            }
            let place = serde_json::from_value::<EntryPlace>(one.fields.clone().into());
            let (Ok(place), Some(read)) = (place, read_decision(&one.fields)) else { return false };
            let mut shown = read.parts.iter().filter(|part| part.movement == movement);
            let Some(part) = shown.next() else { return false };
            let (_, sender) = lane_name(books, place.lane());
            let what = format!("{sender}/{}/{}", place.file, place.line);
            let amount = part.amount.minor().into();
            parts.push((place.lane(), MatchedPart { what, amount }));
            true
        })?;
        Ok(ShownMovement { commands, parts })
    }

    /// What moved a bank account.
    pub(super) fn of_movement(
        &mut self,
        movement: BankMovement,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let ShownMovement { commands, parts } = self.shown(movement)?;
        let books = self.read.books();
        let banks: Vec<BankId> = books.banks().map(|(bank, _)| bank).collect();
        let open = banks.into_iter().find_map(|bank| {
            let mut all = expected_movements(books, bank).into_iter();
            all.find(|(one, _)| *one == movement).map(|(_, amount)| (bank, amount))
        });
        let shown_in = parts.first().map(|(lane, _)| *lane);
        let Some(lane) = open.map(|(bank, _)| FileLane::Bank(bank)).or(shown_in) else {
            return Ok(None);
        };
        let mut found = self.blank(lane);
        found.state = if open.is_some() { ReconState::Expected } else { ReconState::Matched };
        let shown: i128 = parts.iter().map(|(_, part)| part.amount).sum();
        found.amount = open.map_or(shown, |(_, amount)| amount);
        found.parts = parts.into_iter().map(|(_, part)| part).collect();
        found.evidence = commands;
        if let Some((bank, amount)) = open {
            let since = books.open_movements(bank).find(|one| one.movement == movement);
            let due = since.map(|one| self.arrivals().on_statement(bank, one.since));
            found.due = due.map(|day| due_report(books, lane, day));
            let sender = Some(found.sender.clone());
            let filter = ReconBreakFilter { lane: sender, ..ReconBreakFilter::default() };
            let rows = recon_breaks(self.read, self.calendar, &filter, &self.waybill)?;
            let same = rows.into_iter().filter(|row| {
                row.what != OpenReconKind::Movement && row.amount == amount && row.lane == "bank"
            });
            let same: Vec<_> = same.collect();
            if let [only] = &same[..] {
                found.next = Some(only.next.clone());
            }
            let same = same.into_iter().map(|row| match (row.file, row.line) {
                (Some(file), Some(line)) => format!("{}/{file}/{line}", row.sender),
                _ => row.id,
            });
            found.considered = same
                .map(|what| ConsideredReport { what, why_not: SAME_AMOUNT.to_owned() })
                .collect();
        }
        Ok(Some(found))
    }

    /// Cash that a courier took: a sheet of the firm states it.
    pub(super) fn of_cash(
        &mut self,
        payment: PaymentId,
    ) -> Result<Option<ReconExplanation>, ExplainingError> {
        let ShownMovement { commands, parts } = self.shown(BankMovement::Collection(payment))?;
        let books = self.read.books();
        let Some(view) = books.payment_with_id(payment) else { return Ok(None) };
        let firm = books.firm_with_cash(payment).map(FileLane::Firm);
        let Some(lane) = parts.first().map(|(lane, _)| *lane).or(firm) else {
            return Ok(Some(self.blank(FileLane::Bank(BankId(0)))));
        };
        let mut found = self.blank(lane);
        found.amount = view.amount.minor().into();
        found.parts = parts.into_iter().map(|(_, part)| part).collect();
        found.evidence = commands;
        if !found.parts.is_empty() {
            found.state = ReconState::Matched;
        } else if let FileLane::Firm(firm) = lane
            && books.files_of(lane).next().is_some()
        {
            let mut cash = books.cash_payments_of(firm);
            if let Some(one) = cash.find(|one| one.payment == payment) {
                let day = self.arrivals().on_sheet(firm, one.since);
                found.due = Some(due_report(books, lane, day));
                found.state = ReconState::Expected;
            }
        }
        Ok(Some(found))
    }
}

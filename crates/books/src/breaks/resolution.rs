//! A break is closed by a posting that two people approve (M9).

use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, check_sequence_number};
use crate::breaks::change::check_changes_left;
use crate::breaks::record::{Break, BreakChange, LineDifference, ResolutionProposal};
use crate::chart::ChartEntry;
use crate::clearing::line::LineSource;
use crate::clearing::plan::{LineAmounts, LineEffect, LinePlan};
use crate::command::{
    ApproveBreakResolution, BreakResolution, BreakSide, BreakSubject, ClearLine,
    FIRST_AUTOMATIC_BREAK, ProposeBreakResolution,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, ParcelId, PaymentId, SellerId};
use crate::parcel::index::ParcelSlot;
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};

/// The line of a break as it is applied to a payment.
struct AppliedLine {
    line: ClearLine,
    amounts: LineAmounts,
    plan: LinePlan,
}

/// Accepts the number of a break's next change. `same` compares an earlier change.
pub(crate) fn check_break_number(
    number: u8,
    record: &Break,
    same: impl FnOnce(&BreakChange) -> bool,
) -> Result<(), Refusal> {
    let done = u32::try_from(record.changes.len()).expect("limited by BREAK_CHANGES_MAX");
    let before = usize::from(number).checked_sub(1).and_then(|place| record.changes.get(place));
    check_sequence_number(number.into(), done, || before.map(same))
}

impl Books {
    /// Whether the books would take this proposal now.
    ///
    /// # Errors
    /// As the command is refused.
    pub fn check_break_proposal(&self, command: &ProposeBreakResolution) -> Result<(), Refusal> {
        let ProposeBreakResolution { break_id: id, number, resolution, amount, proposed_by } =
            *command;
        amount.map_or(Ok(()), check_above_zero)?;
        let missing = Refusal::NotFound(MissingRecord::Break(id));
        let record = self.reference_data.breaks.get(&id).ok_or(missing.clone())?;
        let new = ResolutionProposal { resolution, amount, proposed_by };
        check_break_number(
            number,
            record,
            |change| matches!(change, BreakChange::Closed { proposal, .. } if *proposal == new),
        )?;
        if !record.is_open() {
            return Err(missing);
        }
        if record.proposal == Some(new) {
            return Err(Refusal::Repeated);
        }
        if amount.is_some_and(|amount| amount > record.amount) {
            return Err(Refusal::AmountTooLarge(record.amount));
        }
        if amount.is_some_and(|amount| amount < record.amount) {
            check_changes_left(record)?;
        }
        let mut sales = self.reference_data.suspended_sales.values();
        if id >= FIRST_AUTOMATIC_BREAK && sales.any(|sale| sale.break_id == id) {
            return Err(Refusal::BreakOfSuspendedSale);
        }
        match resolution {
            BreakResolution::WriteOff => {}
            BreakResolution::ThroughBank(bank) => {
                let missing = Refusal::NotFound(MissingRecord::Bank(bank));
                let bank = self.banks.find(bank).ok_or(missing)?;
                self.check_same_currency(bank.currency, record.currency)?;
            }
            BreakResolution::ToSeller(seller) => {
                self.seller_number(seller, self.currency_at(record.currency))?;
                self.check_seller_of_line(record, seller)?;
            }
            BreakResolution::ToPayment(payment) => {
                if amount.is_some_and(|amount| amount != record.amount) {
                    return Err(Refusal::AmountMismatch(record.amount));
                }
                self.applied_line(record, payment)?;
            }
            BreakResolution::ToMovement(movement) => {
                self.check_break_movement(id, movement, amount.unwrap_or(record.amount))?;
            }
        }
        Ok(())
    }

    pub(crate) fn propose_break_resolution(
        &mut self,
        command: &ProposeBreakResolution,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        self.check_break_proposal(command)?;
        let ProposeBreakResolution { break_id: id, resolution, amount, proposed_by, .. } = *command;
        let record = self.reference_data.breaks.get_mut(&id).expect("it was checked");
        record.drop_proposal();
        record.proposal = Some(ResolutionProposal { resolution, amount, proposed_by });
        out.events.push(Event::BreakResolutionProposed { break_id: id });
        Ok(())
    }

    /// Whether the books would take this approval now, but for the balances that it moves. Returns
    /// the proposal.
    fn approved_proposal(
        &self,
        command: &ApproveBreakResolution,
    ) -> Result<ResolutionProposal, Refusal> {
        let ApproveBreakResolution { break_id: id, number, resolution, amount, approved_by } =
            *command;
        let missing = Refusal::NotFound(MissingRecord::Break(id));
        let record = self.reference_data.breaks.get(&id).ok_or(missing.clone())?;
        let approves =
            |one: &ResolutionProposal| (one.resolution, one.amount) == (resolution, amount);
        check_break_number(number, record, |change| match change {
            BreakChange::Closed { proposal, approved_by: by } => {
                approves(proposal) && *by == approved_by
            }
            _ => false,
        })?;
        if !record.is_open() {
            return Err(missing);
        }
        let proposal = record.proposal.filter(approves).ok_or(Refusal::PlanState)?;
        check_two_people(proposal.proposed_by, approved_by, &record.participants())?;
        Ok(proposal)
    }

    /// Whether the books would take this approval now. Only a balance that it moves can still be
    /// too small.
    ///
    /// # Errors
    /// As the command is refused.
    pub fn check_break_approval(&self, command: &ApproveBreakResolution) -> Result<(), Refusal> {
        self.approved_proposal(command)?;
        let ApproveBreakResolution { break_id: id, resolution, amount, .. } = *command;
        let record = &self.reference_data.breaks[&id];
        match resolution {
            BreakResolution::WriteOff | BreakResolution::ThroughBank(_) => Ok(()),
            BreakResolution::ToSeller(seller) => self.check_seller_of_line(record, seller),
            BreakResolution::ToPayment(payment) => self.applied_line(record, payment).map(drop),
            BreakResolution::ToMovement(movement) => {
                self.check_break_movement(id, movement, amount.unwrap_or(record.amount))
            }
        }
    }

    /// The resolution and the part by which a break was closed last, in full or in part.
    #[must_use]
    pub fn last_closing(&self, id: BreakId) -> Option<(BreakResolution, Option<Amount>)> {
        let mut changes = self.reference_data.breaks.get(&id)?.changes.iter().rev();
        changes.find_map(|change| match change {
            BreakChange::Closed { proposal, .. } => Some((proposal.resolution, proposal.amount)),
            _ => None,
        })
    }

    /// The number of a break's next change.
    #[must_use]
    pub fn next_break_change(&self, id: BreakId) -> Option<u8> {
        let done = self.reference_data.breaks.get(&id)?.changes.len();
        u8::try_from(done + 1).ok()
    }

    pub(crate) fn approve_break_resolution(
        &mut self,
        command: &ApproveBreakResolution,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let proposal = self.approved_proposal(command)?;
        let ApproveBreakResolution { break_id: id, resolution, amount, approved_by, .. } = *command;
        let today = now.today;
        let record = &self.reference_data.breaks[&id];
        let (subject, side) = (record.subject, record.side);
        let amount = amount.unwrap_or(record.amount);
        let left = record.amount.checked_sub(amount).expect("a part of what is open");
        let accounts = self.currency_accounts(record.currency);
        match resolution {
            BreakResolution::WriteOff => {
                self.close_against(accounts.write_offs, id, amount, out)?;
            }
            BreakResolution::ThroughBank(bank) => {
                let bank = self.banks.find(bank);
                let bank = bank.expect("the resolution was proposed for a known bank").account;
                self.close_against(bank, id, amount, out)?;
            }
            BreakResolution::ToSeller(seller) => {
                self.check_seller_of_line(record, seller)?;
                self.close_to_seller(seller, id, amount, out)?;
            }
            BreakResolution::ToPayment(payment) => {
                let AppliedLine { line, amounts, plan } = self.applied_line(record, payment)?;
                let source = LineSource::Break;
                self.carry_out_line(&line, amounts, plan, source, today, out)?;
            }
            BreakResolution::ToMovement(movement) => {
                self.close_by_movement(id, movement, amount, today, out)?;
            }
        }
        let record = self.reference_data.breaks.get_mut(&id).expect("found above");
        record.changes.push(BreakChange::Closed { proposal, approved_by });
        (record.amount, record.proposal) = (left, None);
        if left.is_zero() {
            self.line_breaks.remove(id, record);
            out.events.push(Event::BreakClosed { break_id: id, amount });
        } else {
            out.events.push(Event::BreakReduced { break_id: id, amount, left });
        }
        // What is missing is first what was counted too much. The rest was made good, so the
        // payments waiting for it can proceed (M5).
        if let (BreakSubject::FirmCash(firm), BreakSide::Shortfall) = (subject, side) {
            let firm = self.firms.number(firm).expect("the break was raised for a known firm");
            let rest = self.consume_surplus(firm, amount);
            self.allot_credit(firm, rest, today, out);
        }
        self.receive_made_good(id, today, out);
        Ok(())
    }

    fn close_against(
        &mut self,
        against: ledger::AccountNumber,
        id: BreakId,
        amount: Amount,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let Break { side, currency, .. } = self.reference_data.breaks[&id];
        let suspense = self.currency_accounts(currency).suspense;
        self.ledger.begin_chain(None, None);
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::ExcessClosed, suspense, against, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::ShortfallClosed, against, suspense, amount);
            }
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)
    }

    /// Closes a break at a seller's expense or gain. The payable balance can go below zero.
    fn close_to_seller(
        &mut self,
        seller: SellerId,
        break_id: BreakId,
        amount: Amount,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let Break { side, currency, .. } = self.reference_data.breaks[&break_id];
        let suspense = self.currency_accounts(currency).suspense;
        let currency = self.currency_at(currency);
        let number = self.seller_number(seller, currency);
        let number = number.expect("the resolution was proposed for a known account");
        let payable = self.sellers.get(number).payable;
        self.ledger.begin_chain(None, None);
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::ExcessToSeller, suspense, payable, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::ShortfallToSeller, payable, suspense, amount);
            }
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        let statement = &mut self.sellers.get_mut(number).statement;
        out.events.push(match side {
            BreakSide::Excess => {
                statement.credit(|parts| &mut parts.break_credited, amount);
                Event::SellerCredited { seller, currency, break_id, amount }
            }
            BreakSide::Shortfall => {
                statement.charge(|parts| &mut parts.break_charged, amount);
                Event::SellerCharged { seller, currency, break_id, amount }
            }
        });
        Ok(())
    }

    fn seller_of_parcel(&self, parcel: ParcelId) -> Option<SellerId> {
        let number = match self.parcel_slot(parcel)? {
            ParcelSlot::Open(slot) => self.parcel(slot).seller,
            ParcelSlot::Closed(slot) => self.payment(slot).seller,
        };
        Some(self.sellers.get(number).id)
    }

    /// Only the seller of the payment that a line names takes its break, if the books know both.
    fn check_seller_of_line(&self, record: &Break, seller: SellerId) -> Result<(), Refusal> {
        let evidence = record.evidence.as_deref().ok_or(Refusal::PlanState)?;
        let own = evidence.line.payment.and_then(|payment| self.seller_of_parcel(payment.parcel));
        match own {
            Some(own) if own != seller => Err(Refusal::NotThePaymentsSeller(own)),
            _ => Ok(()),
        }
    }

    /// A break's line as if it had named this payment. Nothing of it may be left over.
    fn applied_line(&self, record: &Break, payment: PaymentId) -> Result<AppliedLine, Refusal> {
        let evidence = record.evidence.as_deref().ok_or(Refusal::PlanState)?;
        let line = ClearLine { payment: Some(payment), ..evidence.line.clone() };
        let whole = evidence.difference == LineDifference::Whole;
        let rest = i128::from(record.amount.minor());
        let rest = if record.side == BreakSide::Excess { rest } else { -rest };
        let amounts = LineAmounts {
            kind: line.kind,
            amount: if whole { line.amount.minor().into() } else { rest },
            deducted: if whole { line.deducted.minor().into() } else { 0 },
        };
        if self.sale_without_parcel(payment).is_none() {
            self.find_payment(payment)?;
        }
        let rail = self.rails.number(line.rail).expect("a line is of a known rail");
        let plan = self.plan_line(amounts, rail, Some(payment));
        let explained = plan.effect != LineEffect::Nothing && plan.applied == amounts.amount;
        if !explained
            || (whole && record.is_reduced())
            || evidence.difference == LineDifference::Fee
        {
            return Err(Refusal::PaymentState);
        }
        Ok(AppliedLine { line, amounts, plan })
    }

    /// What a line did not pay was settled, so its payment is received.
    fn receive_made_good(&mut self, id: BreakId, today: BusinessDate, out: &mut CommandOutcome) {
        let evidence = self.reference_data.breaks[&id].evidence.as_deref();
        let payment = evidence.and_then(|evidence| evidence.line.payment);
        let found = payment.and_then(|payment| self.find_payment(payment).ok());
        if let Some((slot, _)) = found {
            self.receive_if_cleared(slot, today, out);
        }
    }
}

//! A break is closed by a posting that two people approve (M9).

use crate::books::{Books, Now, done_before};
use crate::breaks::record::ResolutionProposal;
use crate::chart::ChartEntry;
use crate::command::{
    ApproveBreakResolution, BreakResolution, BreakSide, BreakSubject, FIRST_AUTOMATIC_BREAK,
    ProposeBreakResolution,
};
use crate::event::{CommandOutcome, Event};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn propose_break_resolution(
        &mut self,
        command: &ProposeBreakResolution,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ProposeBreakResolution { break_id: id, resolution, proposed_by: by } = *command;
        let missing = Refusal::NotFound(MissingRecord::Break(id));
        let record = self.reference_data.breaks.get(&id).ok_or(missing.clone())?;
        let proposal = Some(ResolutionProposal { resolution, proposed_by: by });
        if record.proposal == proposal {
            return Err(Refusal::Repeated);
        }
        if !record.is_open() {
            return Err(missing);
        }
        let mut sales = self.reference_data.suspended_sales.values();
        if id >= FIRST_AUTOMATIC_BREAK && sales.any(|sale| sale.break_id == id) {
            return Err(Refusal::BreakOfSuspendedSale);
        }
        if let BreakResolution::ThroughBank(bank) = resolution {
            let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
            self.check_same_currency(bank.currency, record.currency)?;
        }
        self.reference_data.breaks.get_mut(&id).expect("found above").proposal = proposal;
        out.events.push(Event::BreakResolutionProposed { break_id: id });
        Ok(())
    }

    pub(crate) fn approve_break_resolution(
        &mut self,
        command: &ApproveBreakResolution,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ApproveBreakResolution { break_id: id, resolution: approved, approved_by: by } =
            *command;
        let today = now.today;
        let missing = Refusal::NotFound(MissingRecord::Break(id));
        let record = self.reference_data.breaks.get(&id).ok_or(missing)?;
        let proposal = record.proposal.filter(|one| one.resolution == approved);
        if let Some(closed_by) = record.closed_by {
            return Err(done_before(proposal.is_some() && closed_by == by));
        }
        let ResolutionProposal { resolution, proposed_by } = proposal.ok_or(Refusal::PlanState)?;
        if proposed_by == by {
            return Err(Refusal::SamePerson);
        }
        let (subject, side, amount) = (record.subject, record.side, record.amount);
        // A firm's missing cash was made good, so the payments waiting for it can proceed (M5).
        let made_good = match (subject, side) {
            (BreakSubject::FirmCash(firm), BreakSide::Shortfall) => {
                Some(self.firms.number(firm).expect("the break was raised for a known firm"))
            }
            _ => None,
        };
        let accounts = self.currency_accounts(record.currency);
        let suspense = accounts.suspense;
        let against = match resolution {
            BreakResolution::WriteOff => accounts.write_offs,
            BreakResolution::ThroughBank(bank) => {
                self.banks.find(bank).expect("the resolution was proposed for a known bank").account
            }
        };
        self.ledger.begin_chain(None, None);
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::ExcessClosed, suspense, against, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::ShortfallClosed, against, suspense, amount);
            }
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.reference_data.breaks.get_mut(&id).expect("found above").closed_by = Some(by);
        out.events.push(Event::BreakClosed { break_id: id, amount });
        if let Some(firm) = made_good {
            self.allot_credit(firm, amount, today, out);
        }
        Ok(())
    }
}

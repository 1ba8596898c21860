//! Breaks: differences posted to suspense with an owner and an age, closed by postings that two
//! people approve (M9).

use ledger::AccountNumber;
use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero};
use crate::chart::ChartEntry;
use crate::command::{
    ApproveBreakResolution, BreakResolution, BreakSide, BreakSubject, FIRST_ENGINE_BREAK,
    ProposeBreakResolution, RaiseBreak,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, PersonId};
use crate::records::{AwaitingDeposit, Break, RailId};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    /// The account of a break's subject, and its currency.
    fn account_of(&self, subject: BreakSubject) -> Result<(AccountNumber, u8), Refusal> {
        let rail = |id: RailId, missing: MissingRecord| {
            let rail = self.rails.find(id).ok_or(Refusal::NotFound(missing))?;
            Ok((rail.receivable, rail.currency))
        };
        match subject {
            BreakSubject::Bank(id) => {
                let bank = self.banks.find(id).ok_or(Refusal::NotFound(MissingRecord::Bank(id)))?;
                Ok((bank.account, bank.currency))
            }
            BreakSubject::Network(id) => rail(RailId::Network(id), MissingRecord::Network(id)),
            BreakSubject::Wallet(id) => rail(RailId::Wallet(id), MissingRecord::Wallet(id)),
            BreakSubject::FirmCash(id) => {
                let firm = self.firms.find(id).ok_or(Refusal::NotFound(MissingRecord::Firm(id)))?;
                Ok((firm.cash, firm.currency))
            }
        }
    }

    pub(crate) fn raise_break(
        &mut self,
        command: &RaiseBreak,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RaiseBreak { break_id: id, subject, side, amount, owner } = *command;
        let today = now.today;
        check_above_zero(amount)?;
        let (account, currency) = self.account_of(subject)?;
        if id >= FIRST_ENGINE_BREAK {
            return Err(Refusal::IdentifierTaken);
        }
        if let Some(before) = self.reference_data.breaks.get(&id) {
            let same = (before.subject, before.side, before.amount) == (subject, side, amount);
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        self.post_break((subject, side), (account, currency), amount, out)?;
        self.add_break(id, (subject, side), amount, currency, (owner, today), out);
        Ok(())
    }

    fn post_break(
        &mut self,
        (subject, side): (BreakSubject, BreakSide),
        (account, currency): (AccountNumber, u8),
        amount: Amount,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let suspense = self.currency_accounts(currency).suspense;
        self.ledger.begin_chain(None, None);
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::BreakExcess, account, suspense, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::BreakShortfall, suspense, account, amount);
            }
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        // A firm's surplus goes to the bank with the rest but belongs to no seller (M5).
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) = (subject, side) {
            let firm = self.firms.number(firm).expect("found above");
            self.firms.get_mut(firm).awaiting_deposit.push_back(AwaitingDeposit::Surplus(amount));
        }
        Ok(())
    }

    /// Raises a break that the engine found and posts it. `None` if the difference is zero.
    pub(crate) fn raise_engine_break(
        &mut self,
        what: (BreakSubject, BreakSide),
        amount: Amount,
        who: (PersonId, BusinessDate),
        out: &mut CommandOutcome,
    ) -> Result<Option<BreakId>, Refusal> {
        if amount.is_zero() {
            return Ok(None);
        }
        let (account, currency) = self.account_of(what.0)?;
        self.post_break(what, (account, currency), amount, out)?;
        Ok(Some(self.record_engine_break(what, amount, currency, who, out)))
    }

    /// Records a break that the engine found and already posted.
    pub(crate) fn record_engine_break(
        &mut self,
        what: (BreakSubject, BreakSide),
        amount: Amount,
        currency: u8,
        who: (PersonId, BusinessDate),
        out: &mut CommandOutcome,
    ) -> BreakId {
        let id = BreakId(FIRST_ENGINE_BREAK.0 + self.reference_data.engine_breaks);
        self.reference_data.engine_breaks += 1;
        self.add_break(id, what, amount, currency, who, out);
        id
    }

    fn add_break(
        &mut self,
        id: BreakId,
        (subject, side): (BreakSubject, BreakSide),
        amount: Amount,
        currency: u8,
        (owner, opened): (PersonId, BusinessDate),
        out: &mut CommandOutcome,
    ) {
        let (proposal, closed) = (None, false);
        let record = Break {
            subject,
            side,
            amount,
            currency,
            owner,
            opened,
            proposed_resolution: proposal,
            closed,
        };
        let before = self.reference_data.breaks.insert(id, record);
        assert!(before.is_none(), "a break is raised once");
        out.events.push(Event::BreakRaised { break_id: id, amount });
    }

    pub(crate) fn propose_break_resolution(
        &mut self,
        command: &ProposeBreakResolution,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ProposeBreakResolution { break_id: id, resolution, proposed_by: by } = *command;
        let missing = Refusal::NotFound(MissingRecord::Break(id));
        let record = self.reference_data.breaks.get(&id).ok_or(missing.clone())?;
        if record.closed {
            return Err(missing);
        }
        if let BreakResolution::ThroughBank(bank) = resolution {
            let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
            self.check_same_currency(bank.currency, record.currency)?;
        }
        if record.proposed_resolution == Some((resolution, by)) {
            return Err(Refusal::Repeated);
        }
        let record = self.reference_data.breaks.get_mut(&id).expect("found above");
        record.proposed_resolution = Some((resolution, by));
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
        if record.closed {
            return Err(Refusal::Repeated);
        }
        let proposal = record.proposed_resolution.filter(|(proposed, _)| *proposed == approved);
        let (resolution, proposed_by) = proposal.ok_or(Refusal::PlanState)?;
        if proposed_by == by {
            return Err(Refusal::SamePerson);
        }
        let (subject, side, amount) = (record.subject, record.side, record.amount);
        // A firm's missing cash was made good, so the payments waiting for it can proceed (M5).
        let made_good = match (subject, side) {
            (BreakSubject::FirmCash(firm), BreakSide::Shortfall) => {
                let firm = self.firms.number(firm).expect("the break was raised for a known firm");
                let unallotted = self.firms.get(firm).unallocated.checked_add(amount);
                Some((firm, unallotted.ok_or(Refusal::Overflow)?))
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
        self.reference_data.breaks.get_mut(&id).expect("found above").closed = true;
        out.events.push(Event::BreakClosed { break_id: id, amount });
        if let Some((firm, unallotted)) = made_good {
            self.firms.get_mut(firm).unallocated = unallotted;
            self.allocate_deposits(firm, today, out);
        }
        Ok(())
    }
}

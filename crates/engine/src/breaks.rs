//! Breaks: differences are postings to suspense with an age and an owner, closed by postings that
//! two people approved (M9).

use ledger::AccountNo;
use money::Amount;
use tariff::BusinessDate;

use crate::chart::Entry;
use crate::command::{BreakSide, BreakSubject, Closing, Command, FIRST_OWN_BREAK};
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::{BreakId, PersonId};
use crate::records::{Break, InLine, RailId};
use crate::refusal::{Missing, Refusal};

impl Engine {
    pub(crate) fn keep_break(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match *command {
            Command::RaiseBreak { break_id, subject, side, amount, owner } => {
                self.raise_break(break_id, (subject, side), amount, (owner, today), out)
            }
            Command::ProposeBreakClosing { break_id, closing, proposed_by } => {
                self.propose_closing(break_id, closing, proposed_by, out)
            }
            Command::ApproveBreakClosing { break_id, closing, approved_by } => {
                self.approve_closing((break_id, closing), (approved_by, today), out)
            }
            _ => unreachable!("only breaks are dispatched here"),
        }
    }

    /// The account that a break is about, and its currency.
    fn account_of(&self, subject: BreakSubject) -> Result<(AccountNo, u8), Refusal> {
        let rail = |id: RailId, missing: Missing| {
            let rail = self.rails.find(id).ok_or(Refusal::NotFound(missing))?;
            Ok((rail.receivable, rail.currency))
        };
        match subject {
            BreakSubject::Bank(id) => {
                let bank = self.banks.find(id).ok_or(Refusal::NotFound(Missing::Bank(id)))?;
                Ok((bank.account, bank.currency))
            }
            BreakSubject::Network(id) => rail(RailId::Network(id), Missing::Network(id)),
            BreakSubject::Wallet(id) => rail(RailId::Wallet(id), Missing::Wallet(id)),
            BreakSubject::FirmCash(id) => {
                let firm = self.firms.find(id).ok_or(Refusal::NotFound(Missing::Firm(id)))?;
                Ok((firm.cash, firm.currency))
            }
        }
    }

    fn raise_break(
        &mut self,
        id: BreakId,
        (subject, side): (BreakSubject, BreakSide),
        amount: Amount,
        (owner, today): (PersonId, BusinessDate),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let (account, currency) = self.account_of(subject)?;
        if id >= FIRST_OWN_BREAK {
            return Err(Refusal::IdentifierTaken);
        }
        if let Some(before) = self.small.breaks.get(&id) {
            let same = (before.subject, before.side, before.amount) == (subject, side, amount);
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        self.post_break((subject, side), (account, currency), amount, out)?;
        self.add_break(id, (subject, side), amount, currency, (owner, today), out);
        Ok(())
    }

    /// Posts a difference to suspense.
    fn post_break(
        &mut self,
        (subject, side): (BreakSubject, BreakSide),
        (account, currency): (AccountNo, u8),
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let suspense = self.currency_accounts(currency).suspense;
        self.books.begin(None, None);
        match side {
            BreakSide::Excess => self.books.post(Entry::BreakExcess, account, suspense, amount),
            BreakSide::Shortfall => {
                self.books.post(Entry::BreakShortfall, suspense, account, amount);
            }
        }
        self.books.commit(out).map_err(|_| Refusal::LimitReached)?;
        // What a firm has too much goes to the bank with the rest, and is no seller's there (M5).
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) = (subject, side) {
            let firm = self.firms.number(firm).expect("its account was just found");
            self.firms.get_mut(firm).line.push_back(InLine::Surplus(amount));
        }
        Ok(())
    }

    /// Raises a break that the engine finds itself, with its posting; none where the difference is
    /// zero.
    pub(crate) fn raise_own_break(
        &mut self,
        what: (BreakSubject, BreakSide),
        amount: Amount,
        who: (PersonId, BusinessDate),
        out: &mut Outcome,
    ) -> Result<Option<BreakId>, Refusal> {
        if amount.is_zero() {
            return Ok(None);
        }
        let (account, currency) = self.account_of(what.0)?;
        self.post_break(what, (account, currency), amount, out)?;
        Ok(Some(self.own_break(what, amount, currency, who, out)))
    }

    /// A break that the engine finds itself; its posting to suspense is made already.
    pub(crate) fn own_break(
        &mut self,
        what: (BreakSubject, BreakSide),
        amount: Amount,
        currency: u8,
        who: (PersonId, BusinessDate),
        out: &mut Outcome,
    ) -> BreakId {
        let id = BreakId(FIRST_OWN_BREAK.0 + self.small.own_breaks);
        self.small.own_breaks += 1;
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
        out: &mut Outcome,
    ) {
        let (proposal, closed) = (None, false);
        let record = Break { subject, side, amount, currency, owner, opened, proposal, closed };
        let before = self.small.breaks.insert(id, record);
        assert!(before.is_none(), "a break is raised once");
        out.events.push(Event::BreakRaised { break_id: id, amount });
    }

    fn propose_closing(
        &mut self,
        id: BreakId,
        closing: Closing,
        by: PersonId,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(Missing::Break(id));
        let record = self.small.breaks.get(&id).ok_or(missing.clone())?;
        if record.closed {
            return Err(missing);
        }
        if let Closing::ThroughBank(bank) = closing {
            let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
            self.same_currency(bank.currency, record.currency)?;
        }
        if record.proposal == Some((closing, by)) {
            return Err(Refusal::Repeated);
        }
        let record = self.small.breaks.get_mut(&id).expect("it was just there");
        record.proposal = Some((closing, by));
        out.events.push(Event::BreakClosingProposed { break_id: id });
        Ok(())
    }

    fn approve_closing(
        &mut self,
        (id, approved): (BreakId, Closing),
        (by, today): (PersonId, BusinessDate),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(Missing::Break(id));
        let record = self.small.breaks.get(&id).ok_or(missing)?;
        if record.closed {
            return Err(Refusal::Repeated);
        }
        let proposal = record.proposal.filter(|(proposed, _)| *proposed == approved);
        let (closing, proposed_by) = proposal.ok_or(Refusal::PlanState)?;
        if proposed_by == by {
            return Err(Refusal::SamePerson);
        }
        let (subject, side, amount) = (record.subject, record.side, record.amount);
        // A firm's missing cash was made good, so those in line for it need wait no longer (M5).
        let made_good = match (subject, side) {
            (BreakSubject::FirmCash(firm), BreakSide::Shortfall) => {
                let firm = self.firms.number(firm).expect("it was there when it was raised");
                let unallotted = self.firms.get(firm).unallotted.checked_add(amount);
                Some((firm, unallotted.ok_or(Refusal::Overflow)?))
            }
            _ => None,
        };
        let accounts = self.currency_accounts(record.currency);
        let suspense = accounts.suspense;
        let against = match closing {
            Closing::WriteOff => accounts.write_offs,
            Closing::ThroughBank(bank) => {
                self.banks.find(bank).expect("it was there when it was proposed").account
            }
        };
        self.books.begin(None, None);
        match side {
            BreakSide::Excess => self.books.post(Entry::ExcessClosed, suspense, against, amount),
            BreakSide::Shortfall => {
                self.books.post(Entry::ShortfallClosed, against, suspense, amount);
            }
        }
        self.books.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.small.breaks.get_mut(&id).expect("it was just there").closed = true;
        out.events.push(Event::BreakClosed { break_id: id, amount });
        if let Some((firm, unallotted)) = made_good {
            self.firms.get_mut(firm).unallotted = unallotted;
            self.allot(firm, today, out);
        }
        Ok(())
    }
}

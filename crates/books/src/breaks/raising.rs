//! Breaks: differences posted to suspense with an owner and an age (M9).

use ledger::AccountNumber;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, check_text, used_identifier};
use crate::breaks::record::{Break, BreakEvidence, Difference};
use crate::cash::record::CountedCash;
use crate::chart::ChartEntry;
use crate::command::{BreakSide, BreakSubject, FIRST_AUTOMATIC_BREAK, RaiseBreak};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, PersonId};
use crate::party::record::RailId;
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    /// The account of a break's subject, and its currency.
    pub(crate) fn account_of(&self, subject: BreakSubject) -> Result<(AccountNumber, u8), Refusal> {
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
        let RaiseBreak { break_id: id, subject, side, amount, evidence, owner, raised_by } =
            command;
        let (id, subject, side, amount) = (*id, *subject, *side, *amount);
        let people = (*owner, *raised_by);
        let today = now.today;
        check_text("evidence", evidence)?;
        check_above_zero(amount)?;
        let (account, currency) = self.account_of(subject)?;
        if id >= FIRST_AUTOMATIC_BREAK {
            return Err(Refusal::IdentifierTaken);
        }
        let difference = Difference { subject, side, amount };
        if let Some(before) = self.reference_data.breaks.get(&id) {
            let by = (before.raised.owner, before.raised.raised_by);
            let same = by == people && before.raised.shown_by == *evidence;
            return Err(used_identifier(before.is_of(difference) && same));
        }
        self.ledger.begin_chain(None, None);
        self.post_difference(difference, account, currency);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.add_found_cash(id, difference);
        let mut record = Break::new(difference, currency, people, today, None);
        record.raised.shown_by.clone_from(evidence);
        self.add_break(id, record, out);
        Ok(())
    }

    /// What persons raised as more than the books have in a bank account. Nothing is paid from it
    /// before two persons have closed the break.
    pub(crate) fn said_to_be_in(&self, bank: AccountNumber) -> i128 {
        let raised = self.reference_data.breaks.range(..FIRST_AUTOMATIC_BREAK);
        let here = raised.map(|(_, one)| one).filter(|one| {
            let is_bank = matches!(one.subject, BreakSubject::Bank(_));
            is_bank
                && one.side == BreakSide::Excess
                && self.account_of(one.subject).is_ok_and(|(account, _)| account == bank)
        });
        here.map(|one| i128::from(one.amount.minor())).sum()
    }

    /// Adds the posting of a difference to the chain.
    pub(crate) fn post_difference(
        &mut self,
        Difference { side, amount, .. }: Difference,
        account: AccountNumber,
        currency: u8,
    ) {
        let suspense = self.currency_accounts(currency).suspense;
        match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::BreakExcess, account, suspense, amount);
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::BreakShortfall, suspense, account, amount);
            }
        }
    }

    /// A firm's surplus goes to the bank with the rest but belongs to no seller (M5).
    pub(crate) fn add_found_cash(&mut self, id: BreakId, difference: Difference) {
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) =
            (difference.subject, difference.side)
        {
            let firm = self.firms.number(firm).expect("found above");
            let (counted, surplus_break) = (difference.amount, Some(id));
            let found = CountedCash { counted, surplus_break, ..CountedCash::default() };
            self.firms.get_mut(firm).counted_cash.push_back(found);
        }
    }

    /// Records a break that the books found and already posted. The people are its owner, and the
    /// supervisor of its count.
    pub(crate) fn record_automatic_break(
        &mut self,
        difference: Difference,
        currency: u8,
        people: (PersonId, PersonId),
        evidence: Option<Box<BreakEvidence>>,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> BreakId {
        let id = BreakId(FIRST_AUTOMATIC_BREAK.0 + self.reference_data.automatic_breaks);
        self.reference_data.automatic_breaks += 1;
        self.add_break(id, Break::new(difference, currency, people, today, evidence), out);
        id
    }

    fn add_break(&mut self, id: BreakId, record: Break, out: &mut CommandOutcome) {
        let (amount, evidence) = (record.amount, record.evidence.clone());
        self.line_breaks.add(id, &record);
        let before = self.reference_data.breaks.insert(id, record);
        assert!(before.is_none(), "a break is raised once");
        out.events.push(Event::BreakRaised { break_id: id, amount, evidence });
    }
}

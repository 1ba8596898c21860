//! The model: differences that somebody has to explain (M9).

use engine::chart::{AccountKind as A, Entry};
use engine::*;
use money::{Amount, Currency};

use super::{Account, Answer, Break, Model, No, ensure};

impl Model {
    pub fn keep_break(&mut self, command: &Command) -> Option<Answer> {
        let done = match *command {
            Command::RaiseBreak { break_id, subject, side, amount, owner } => {
                self.raise(break_id, subject, side, amount, owner)
            }
            Command::ProposeBreakClosing { break_id, closing, proposed_by } => {
                self.propose(break_id, closing, proposed_by)
            }
            Command::ApproveBreakClosing { break_id, closing, approved_by } => {
                self.close_break(break_id, closing, approved_by)
            }
            _ => return None,
        };
        Some(done)
    }

    pub fn subject_account(&self, subject: BreakSubject) -> Answer<Account> {
        let (kind, owner, currency) = match subject {
            BreakSubject::Bank(bank) => (A::Bank, bank.0, self.banks.get(&bank).copied()),
            BreakSubject::Network(network) => {
                (A::NetworkReceivable, network.0, self.networks.get(&network).copied())
            }
            BreakSubject::Wallet(wallet) => {
                (A::WalletReceivable, wallet.0, self.wallets.get(&wallet).copied())
            }
            BreakSubject::FirmCash(firm) => {
                (A::FirmCash, firm.0, self.firms.get(&firm).map(|firm| firm.currency))
            }
        };
        Ok((kind, owner, currency.ok_or(No::Because("no such place"))?))
    }

    fn raise(
        &mut self,
        id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        amount: Amount,
        owner: PersonId,
    ) -> Answer {
        ensure(id < FIRST_OWN_BREAK, "one of the engine's own identifiers")?;
        ensure(!amount.is_zero(), "no difference")?;
        let account = self.subject_account(subject)?;
        if let Some(known) = self.breaks.get(&id) {
            let known = (known.subject, known.side, known.amount);
            ensure(known == (subject, side, amount.minor()), "the identifier is taken")?;
            return Err(No::Repeated);
        }
        let suspense = (A::Suspense, 0, account.2);
        match side {
            BreakSide::Excess => self.post(Entry::BreakExcess, account, suspense, amount.minor()),
            BreakSide::Shortfall => {
                self.post(Entry::BreakShortfall, suspense, account, amount.minor());
            }
        }
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) = (subject, side) {
            self.add_surplus(firm, amount.minor());
        }
        self.open_break(id, subject, side, amount.minor(), account.2, owner)
    }

    fn open_break(
        &mut self,
        id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        amount: u64,
        currency: Currency,
        owner: PersonId,
    ) -> Answer {
        let (opened, proposal) = (self.today, None);
        let new = Break { subject, side, amount, currency, owner, opened, proposal, closed: false };
        self.breaks.insert(id, new);
        self.tell(Event::BreakRaised { break_id: id, amount: Amount::of(amount) })
    }

    /// A break that a file or a count has shown; its posting is made already.
    pub fn own_break(
        &mut self,
        subject: BreakSubject,
        side: BreakSide,
        amount: u64,
        currency: Currency,
        owner: Option<PersonId>,
    ) -> Answer {
        let own = self.breaks.range(FIRST_OWN_BREAK..).count();
        let id = BreakId(FIRST_OWN_BREAK.0 + u64::try_from(own).unwrap());
        self.open_break(id, subject, side, amount, currency, owner.unwrap_or_default())
    }

    fn open(&self, id: BreakId) -> Answer<Break> {
        let known = self.breaks.get(&id).cloned();
        known.filter(|one| !one.closed).ok_or(No::Because("no open break"))
    }

    fn propose(&mut self, id: BreakId, closing: Closing, by: PersonId) -> Answer {
        let one = self.open(id)?;
        if let Closing::ThroughBank(bank) = closing {
            let currency = *self.banks.get(&bank).ok_or(No::Because("no such bank account"))?;
            ensure(currency == one.currency, "another currency")?;
        }
        if one.proposal == Some((closing, by)) {
            return Err(No::Repeated);
        }
        self.breaks.get_mut(&id).expect("found before").proposal = Some((closing, by));
        self.tell(Event::BreakClosingProposed { break_id: id })
    }

    fn close_break(&mut self, id: BreakId, approved: Closing, by: PersonId) -> Answer {
        if self.breaks.get(&id).is_some_and(|one| one.closed) {
            return Err(No::Repeated);
        }
        let one = self.open(id)?;
        let (closing, proposed_by) = one.proposal.ok_or(No::Because("nothing is proposed"))?;
        ensure(closing == approved, "something else is proposed")?;
        ensure(by != proposed_by, "the same person")?;
        let other = match closing {
            Closing::WriteOff => (A::WriteOffs, 0, one.currency),
            Closing::ThroughBank(bank) => (A::Bank, bank.0, one.currency),
        };
        let suspense = (A::Suspense, 0, one.currency);
        match one.side {
            BreakSide::Excess => self.post(Entry::ExcessClosed, suspense, other, one.amount),
            BreakSide::Shortfall => self.post(Entry::ShortfallClosed, other, suspense, one.amount),
        }
        self.breaks.get_mut(&id).expect("found before").closed = true;
        self.tell(Event::BreakClosed { break_id: id, amount: Amount::of(one.amount) })?;
        // What a firm missed was made good: who waits for it waits no longer.
        match (one.subject, one.side) {
            (BreakSubject::FirmCash(firm), BreakSide::Shortfall) => self.credit(firm, one.amount),
            _ => Ok(()),
        }
    }
}

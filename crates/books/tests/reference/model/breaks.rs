//! The model: breaks (M9).

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use super::{Account, Break, Model, ModelRefusal, ModelResult, Statement, ensure};

impl Model {
    pub fn apply_break_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::RaiseBreak(RaiseBreak { break_id, subject, side, amount, owner }) => {
                self.raise(break_id, subject, side, amount, owner, command)
            }
            Command::ProposeBreakResolution(ProposeBreakResolution {
                break_id,
                resolution,
                proposed_by,
            }) => self.propose(break_id, resolution, proposed_by),
            Command::ApproveBreakResolution(ApproveBreakResolution {
                break_id,
                resolution,
                approved_by,
            }) => self.close_break(break_id, resolution, approved_by, command),
            _ => return None,
        };
        Some(done)
    }

    pub fn subject_account(&self, subject: BreakSubject) -> ModelResult<Account> {
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
        Ok((kind, owner, currency.ok_or(ModelRefusal::Because("no such place"))?))
    }

    fn raise(
        &mut self,
        id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        amount: Amount,
        owner: PersonId,
        command: &Command,
    ) -> ModelResult {
        ensure(id < FIRST_AUTOMATIC_BREAK, "an id of the books' own breaks")?;
        ensure(!amount.is_zero(), "no difference")?;
        let account = self.subject_account(subject)?;
        if self.breaks.contains_key(&id) {
            return self.only_repeats(self.was_carried_out(command));
        }
        let suspense = (A::Suspense, 0, account.2);
        match side {
            BreakSide::Excess => {
                self.post(ChartEntry::BreakExcess, account, suspense, amount.minor());
            }
            BreakSide::Shortfall => {
                self.post(ChartEntry::BreakShortfall, suspense, account, amount.minor());
            }
        }
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) = (subject, side) {
            self.add_found_notes(firm, amount.minor());
        }
        self.open_break(id, subject, side, (amount.minor(), account.2), owner, None)
    }

    fn open_break(
        &mut self,
        id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        (amount, currency): (u64, Currency),
        owner: PersonId,
        evidence: Option<Box<BreakEvidence>>,
    ) -> ModelResult {
        let (opened, proposal, closed) = (self.today, None, false);
        let event = evidence.clone();
        let new =
            Break { subject, side, amount, currency, owner, opened, proposal, closed, evidence };
        self.breaks.insert(id, new);
        let amount = Amount::of(amount);
        self.push_event(Event::BreakRaised { break_id: id, amount, evidence: event })
    }

    /// A break found by a file or a count, already posted.
    pub fn record_automatic_break(
        &mut self,
        subject: BreakSubject,
        side: BreakSide,
        amount: u64,
        currency: Currency,
        owner: Option<PersonId>,
    ) -> ModelResult<BreakId> {
        self.open_own_break(subject, side, amount, currency, owner, None)
    }

    pub fn open_own_break(
        &mut self,
        subject: BreakSubject,
        side: BreakSide,
        amount: u64,
        currency: Currency,
        owner: Option<PersonId>,
        evidence: Option<Box<BreakEvidence>>,
    ) -> ModelResult<BreakId> {
        let own = self.breaks.range(FIRST_AUTOMATIC_BREAK..).count();
        let id = BreakId(FIRST_AUTOMATIC_BREAK.0 + u64::try_from(own).unwrap());
        let owner = owner.unwrap_or_default();
        self.open_break(id, subject, side, (amount, currency), owner, evidence)?;
        Ok(id)
    }

    fn open(&self, id: BreakId) -> ModelResult<Break> {
        let known = self.breaks.get(&id).cloned();
        known.filter(|one| !one.closed).ok_or(ModelRefusal::Because("no open break"))
    }

    fn propose(&mut self, id: BreakId, resolution: BreakResolution, by: PersonId) -> ModelResult {
        let known = self.breaks.get(&id);
        if known.is_some_and(|one| one.proposal == Some((resolution, by))) {
            return Err(ModelRefusal::Repeated);
        }
        let one = self.open(id)?;
        let of_sale = self.suspended.values().any(|sale| sale.break_id == id);
        ensure(!of_sale, "an offline sale in suspense")?;
        match resolution {
            BreakResolution::WriteOff => {}
            BreakResolution::ThroughBank(bank) => {
                let currency =
                    *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
                ensure(currency == one.currency, "another currency")?;
            }
            BreakResolution::ToSeller(seller) => {
                let known = self.sellers.contains_key(&(seller, one.currency));
                ensure(known, "no such seller, or another currency")?;
                ensure(one.evidence.is_some(), "not of a line")?;
            }
            BreakResolution::ToPayment(payment) => {
                self.applies(id, payment)?;
            }
        }
        self.breaks.get_mut(&id).expect("found before").proposal = Some((resolution, by));
        self.push_event(Event::BreakResolutionProposed { break_id: id })
    }

    fn close_break(
        &mut self,
        id: BreakId,
        approved: BreakResolution,
        by: PersonId,
        command: &Command,
    ) -> ModelResult {
        if self.breaks.get(&id).is_some_and(|one| one.closed) {
            return self.only_repeats(self.was_carried_out(command));
        }
        let one = self.open(id)?;
        let (resolution, proposed_by) =
            one.proposal.ok_or(ModelRefusal::Because("nothing is proposed"))?;
        ensure(resolution == approved, "something else is proposed")?;
        ensure(by != proposed_by && by != one.owner, "the same person")?;
        let closed = [ChartEntry::ExcessClosed, ChartEntry::ShortfallClosed];
        let to_seller = [ChartEntry::ExcessToSeller, ChartEntry::ShortfallToSeller];
        let other = match resolution {
            BreakResolution::WriteOff => Some((closed, (A::WriteOffs, 0, one.currency))),
            BreakResolution::ThroughBank(bank) => Some((closed, (A::Bank, bank.0, one.currency))),
            BreakResolution::ToSeller(seller) => {
                Some((to_seller, (A::SellerPayable, seller.0, one.currency)))
            }
            BreakResolution::ToPayment(payment) => {
                self.apply_break(id, payment)?;
                None
            }
        };
        let suspense = (A::Suspense, 0, one.currency);
        if let Some(([excess, shortfall], other)) = other {
            self.about = (None, None);
            match one.side {
                BreakSide::Excess => self.post(excess, suspense, other, one.amount),
                BreakSide::Shortfall => self.post(shortfall, other, suspense, one.amount),
            }
        }
        if let BreakResolution::ToSeller(seller) = resolution {
            let (break_id, amount) = (id, Amount::of(one.amount));
            let (gross, refunded) = match one.side {
                BreakSide::Excess => (one.amount, 0),
                BreakSide::Shortfall => (0, one.amount),
            };
            let currency = one.currency;
            let line = Statement { gross, refunded, ..Statement::default() };
            self.add_statement_line((seller, currency), line);
            self.push_event(match one.side {
                BreakSide::Excess => Event::SellerCredited { seller, currency, break_id, amount },
                BreakSide::Shortfall => Event::SellerCharged { seller, currency, break_id, amount },
            })?;
        }
        self.breaks.get_mut(&id).expect("found before").closed = true;
        self.push_event(Event::BreakClosed { break_id: id, amount: Amount::of(one.amount) })?;
        // A firm's missing cash was made good, so payments waiting for it continue.
        if let (BreakSubject::FirmCash(firm), BreakSide::Shortfall) = (one.subject, one.side) {
            self.credit_firm(firm, one.amount)?;
        }
        match one.evidence.and_then(|evidence| evidence.line.payment) {
            Some(payment) if self.payment(payment).is_ok() => self.receive_if_paid(payment),
            _ => Ok(()),
        }
    }
}

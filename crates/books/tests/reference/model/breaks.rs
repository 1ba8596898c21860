//! The model: breaks (M9).

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use super::parties::check_reference;
use super::{Account, Model, ModelRefusal, ModelResult, Numbered, Statement, ensure};

/// A resolution, the part that it is for, and who proposed it.
pub type Proposal = (BreakResolution, Option<Amount>, PersonId);

#[derive(Clone, Debug)]
pub struct Break {
    pub subject: BreakSubject,
    pub side: BreakSide,
    /// What is open.
    pub amount: u64,
    /// What it was raised for.
    pub whole: u64,
    pub currency: Currency,
    pub owner: PersonId,
    /// Whoever owned it, the first and the last one too.
    pub owners: Vec<PersonId>,
    /// Whoever else had a part in it: raised or counted it, gave it to somebody, wanted it
    /// elsewhere, or proposed what was not approved.
    pub others: Vec<PersonId>,
    pub opened: BusinessDate,
    pub proposal: Option<Proposal>,
    /// The proposals that closed it or a part of it, by the number of that change.
    pub approved: Vec<(u32, Proposal)>,
    pub withdrawn_by: Option<Command>,
    pub closed: bool,
    pub evidence: Option<Box<BreakEvidence>>,
}

impl Break {
    pub fn is_proposed(&self) -> bool {
        !self.closed && self.proposal.is_some()
    }

    /// Whether the people are different, and nobody who had a part in it is the second one.
    pub fn two_people(&self, first: PersonId, second: PersonId) -> ModelResult {
        let had_a_part = self.owners.contains(&second) || self.others.contains(&second);
        ensure(first != second && !had_a_part, "the same person")
    }

    /// The proposal is not for this any more.
    pub fn drop_proposal(&mut self) {
        self.others.extend(self.proposal.take().map(|(_, _, by)| by));
    }
}

impl Model {
    pub fn apply_break_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::RaiseBreak(ref new) => self.raise(new, command),
            Command::ProposeBreakResolution(ProposeBreakResolution {
                break_id,
                number,
                resolution,
                amount,
                proposed_by,
            }) => self.propose(break_id, number, (resolution, amount, proposed_by)),
            Command::ApproveBreakResolution(ref approval) => self.close_break(approval, command),
            Command::WithdrawBreak(WithdrawBreak { break_id, proposed_by, approved_by }) => {
                self.withdraw_break(break_id, [proposed_by, approved_by], command)
            }
            Command::ReclassifyBreak(ReclassifyBreak {
                break_id,
                number,
                subject,
                proposed_by,
                approved_by,
            }) => self.reclassify(break_id, number, subject, [proposed_by, approved_by], command),
            Command::AssignBreak(AssignBreak { break_id, number, owner, assigned_by }) => {
                self.assign_break(break_id, number, (owner, assigned_by), command)
            }
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

    fn raise(&mut self, new: &RaiseBreak, command: &Command) -> ModelResult {
        let RaiseBreak { break_id: id, subject, side, amount, owner, raised_by, .. } = *new;
        check_reference(&new.evidence)?;
        ensure(id < FIRST_AUTOMATIC_BREAK, "an id of the books' own breaks")?;
        ensure(!amount.is_zero(), "no difference")?;
        let account = self.subject_account(subject)?;
        if self.breaks.contains_key(&id) {
            return self.only_repeats(self.was_carried_out(command));
        }
        self.post_found(id, subject, side, amount.minor())?;
        self.open_break(id, subject, side, (amount.minor(), account.2), owner, None)?;
        self.breaks.get_mut(&id).expect("just opened").others.push(raised_by);
        Ok(())
    }

    /// More or less is somewhere than the books said.
    fn post_found(
        &mut self,
        id: BreakId,
        subject: BreakSubject,
        side: BreakSide,
        amount: u64,
    ) -> ModelResult {
        let account = self.subject_account(subject)?;
        let suspense = (A::Suspense, 0, account.2);
        match side {
            BreakSide::Excess => self.post(ChartEntry::BreakExcess, account, suspense, amount),
            BreakSide::Shortfall => {
                self.post(ChartEntry::BreakShortfall, suspense, account, amount);
            }
        }
        if let (BreakSubject::FirmCash(firm), BreakSide::Excess) = (subject, side) {
            self.add_found_notes(firm, amount, id);
        }
        Ok(())
    }

    /// It is not there after all. Only what a person raised or counted, and what nobody has used.
    fn post_not_found(&mut self, id: BreakId, or_counted: bool) -> ModelResult {
        let one = self.open(id)?;
        let found_cash =
            matches!((one.subject, one.side), (BreakSubject::FirmCash(_), BreakSide::Excess));
        let counted = id >= FIRST_AUTOMATIC_BREAK && found_cash;
        ensure(id < FIRST_AUTOMATIC_BREAK || (counted && or_counted), "a line or a count says so")?;
        ensure(one.amount == one.whole, "a part of it is closed")?;
        let account = self.subject_account(one.subject)?;
        let suspense = (A::Suspense, 0, account.2);
        match one.side {
            BreakSide::Excess => {
                self.post(ChartEntry::ExcessWithdrawn, suspense, account, one.amount);
            }
            BreakSide::Shortfall => {
                self.post(ChartEntry::ShortfallWithdrawn, account, suspense, one.amount);
            }
        }
        match (one.subject, one.side) {
            (BreakSubject::FirmCash(firm), BreakSide::Excess) if counted => {
                self.remove_counted_notes(firm, one.amount, id)
            }
            (BreakSubject::FirmCash(firm), BreakSide::Excess) => {
                self.remove_found_notes(firm, one.amount, id)
            }
            _ => Ok(()),
        }
    }

    fn withdraw_break(&mut self, id: BreakId, by: [PersonId; 2], command: &Command) -> ModelResult {
        let known = self.breaks.get(&id).ok_or(ModelRefusal::Because("no such break"))?;
        if let Some(before) = &known.withdrawn_by {
            return self.only_repeats(before == command);
        }
        known.two_people(by[0], by[1])?;
        self.post_not_found(id, true)?;
        let known = self.breaks.get_mut(&id).expect("it is open");
        (known.closed, known.withdrawn_by) = (true, Some(command.clone()));
        let amount = Amount::of(known.amount);
        self.use_number(Numbered::BreakChanges(id), command);
        self.push_event(Event::BreakWithdrawn { break_id: id, amount })
    }

    fn reclassify(
        &mut self,
        id: BreakId,
        number: u8,
        subject: BreakSubject,
        by: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        self.next_change(id, number, command)?;
        let one = self.open(id)?;
        one.two_people(by[0], by[1])?;
        ensure(one.subject != subject, "it is there")?;
        ensure(self.subject_account(subject)?.2 == one.currency, "another currency")?;
        self.post_not_found(id, false)?;
        self.post_found(id, subject, one.side, one.amount)?;
        let known = self.breaks.get_mut(&id).expect("it is open");
        known.subject = subject;
        known.drop_proposal();
        known.others.push(by[0]);
        let amount = Amount::of(one.amount);
        self.push_event(Event::BreakReclassified { break_id: id, subject, amount })
    }

    fn assign_break(
        &mut self,
        id: BreakId,
        number: u8,
        (owner, assigned_by): (PersonId, PersonId),
        command: &Command,
    ) -> ModelResult {
        self.next_change(id, number, command)?;
        self.open(id)?;
        let known = self.breaks.get_mut(&id).expect("it is open");
        known.owner = owner;
        known.owners.push(owner);
        known.others.push(assigned_by);
        self.push_event(Event::BreakAssigned { break_id: id, owner })
    }

    /// A change after which the break is open still.
    fn next_change(&mut self, id: BreakId, number: u8, command: &Command) -> ModelResult {
        ensure(self.breaks.contains_key(&id), "no such break")?;
        self.next_number(Numbered::BreakChanges(id), number.into(), command)?;
        ensure(number <= BREAK_CHANGES_MAX, "too many changes")?;
        self.use_number(Numbered::BreakChanges(id), command);
        Ok(())
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
        let event = evidence.clone();
        let new = Break {
            subject,
            side,
            amount,
            whole: amount,
            currency,
            owner,
            owners: vec![owner],
            others: Vec::new(),
            opened: self.today,
            proposal: None,
            approved: Vec::new(),
            withdrawn_by: None,
            closed: false,
            evidence,
        };
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

    fn propose(&mut self, id: BreakId, number: u8, proposal: Proposal) -> ModelResult {
        let (resolution, amount, _) = proposal;
        ensure(amount != Some(Amount::ZERO), "a part of nothing")?;
        let known = self.breaks.get(&id).ok_or(ModelRefusal::Because("no such break"))?;
        let done = self.count_of(Numbered::BreakChanges(id));
        if (1..=done).contains(&u32::from(number)) {
            let same = known.approved.contains(&(number.into(), proposal));
            return self.only_repeats(same);
        }
        ensure(u32::from(number) == done + 1, "not the next number")?;
        let one = self.open(id)?;
        if one.proposal == Some(proposal) {
            return Err(ModelRefusal::Repeated);
        }
        let part = amount.map_or(one.amount, Amount::minor);
        ensure(part <= one.amount, "more than is open")?;
        ensure(part == one.amount || number <= BREAK_CHANGES_MAX, "too many changes")?;
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
                self.may_be_of_seller(&one, seller)?;
            }
            BreakResolution::ToPayment(payment) => {
                ensure(part == one.amount, "a part of a line")?;
                self.applies(id, payment)?;
            }
            BreakResolution::ToMovement(movement) => self.is_movement(id, movement, part)?,
        }
        let known = self.breaks.get_mut(&id).expect("found before");
        known.drop_proposal();
        known.proposal = Some(proposal);
        self.push_event(Event::BreakResolutionProposed { break_id: id })
    }

    /// What a line says about a payment is a matter of that payment's seller.
    fn may_be_of_seller(&self, one: &Break, seller: SellerId) -> ModelResult {
        let evidence = one.evidence.as_deref().ok_or(ModelRefusal::Because("not of a line"))?;
        let parcel = evidence.line.payment.and_then(|id| self.parcel(id.parcel).ok());
        ensure(parcel.is_none_or(|parcel| parcel.account().0 == seller), "another seller's payment")
    }

    fn close_break(&mut self, approval: &ApproveBreakResolution, command: &Command) -> ModelResult {
        let id = approval.break_id;
        ensure(self.breaks.contains_key(&id), "no such break")?;
        self.next_number(Numbered::BreakChanges(id), approval.number.into(), command)?;
        let one = self.open(id)?;
        let proposal = one.proposal.ok_or(ModelRefusal::Because("nothing is proposed"))?;
        let (resolution, amount, proposed_by) = proposal;
        let same = (resolution, amount) == (approval.resolution, approval.amount);
        ensure(same, "something else is proposed")?;
        one.two_people(proposed_by, approval.approved_by)?;
        if let BreakResolution::ToSeller(seller) = resolution {
            self.may_be_of_seller(&one, seller)?;
        }
        let part = amount.map_or(one.amount, Amount::minor);
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
            BreakResolution::ToMovement(movement) => {
                self.about = (None, None);
                self.close_by_movement(id, movement, part)?;
                None
            }
        };
        let suspense = (A::Suspense, 0, one.currency);
        if let Some(([excess, shortfall], other)) = other {
            self.about = (None, None);
            match one.side {
                BreakSide::Excess => self.post(excess, suspense, other, part),
                BreakSide::Shortfall => self.post(shortfall, other, suspense, part),
            }
        }
        if let BreakResolution::ToSeller(seller) = resolution {
            let (break_id, amount) = (id, Amount::of(part));
            let (gross, refunded) = match one.side {
                BreakSide::Excess => (part, 0),
                BreakSide::Shortfall => (0, part),
            };
            let currency = one.currency;
            let parts = vec![("break_credited", gross), ("break_charged", refunded)];
            let line = Statement { gross, refunded, parts, ..Statement::default() };
            self.add_statement_line((seller, currency), line);
            self.push_event(match one.side {
                BreakSide::Excess => Event::SellerCredited { seller, currency, break_id, amount },
                BreakSide::Shortfall => Event::SellerCharged { seller, currency, break_id, amount },
            })?;
        }
        self.use_number(Numbered::BreakChanges(id), command);
        let known = self.breaks.get_mut(&id).expect("found before");
        known.approved.push((approval.number.into(), proposal));
        let (break_id, amount) = (id, Amount::of(part));
        if part == one.amount {
            known.closed = true;
            self.push_event(Event::BreakClosed { break_id, amount })?;
        } else {
            (known.amount, known.proposal) = (one.amount - part, None);
            let left = Amount::of(known.amount);
            self.push_event(Event::BreakReduced { break_id, amount, left })?;
        }
        // Notes that belong to nobody are what is missing first. Somebody made the others good, so
        // payments waiting for them continue.
        if let (BreakSubject::FirmCash(firm), BreakSide::Shortfall) = (one.subject, one.side) {
            let others = self.miss_nobodys_notes(firm, part);
            self.credit_firm(firm, others)?;
        }
        match one.evidence.and_then(|evidence| evidence.line.payment) {
            Some(payment) if self.payment(payment).is_ok() => self.receive_if_paid(payment),
            _ => Ok(()),
        }
    }
}

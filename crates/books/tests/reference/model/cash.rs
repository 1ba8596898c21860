//! The model: cash until the bank has it.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::PaymentState;
use books::*;
use money::{Amount, Currency};
use tariff::FeeKind;

use super::parties::share;
use super::taxes::tax_account;
use super::{
    Account, Deposit, HandOver, Model, ModelMethod, ModelPayment, ModelRefusal, ModelResult, Notes,
    Numbered, Parcel, ReservationFor, are_different, ensure,
};

impl Notes {
    /// The first payments that this many notes are enough for.
    fn first_payments(&self, notes: u64) -> &[(PaymentId, u64)] {
        let mut left = notes;
        let enough = |(_, amount): &&(PaymentId, u64)| {
            let is_enough = left >= *amount;
            left = left.saturating_sub(*amount);
            is_enough
        };
        &self.payments[..self.payments.iter().take_while(enough).count()]
    }

    pub fn counted(&self) -> &[(PaymentId, u64)] {
        self.first_payments(self.with_firm + self.in_bank)
    }

    pub fn received(&self) -> &[(PaymentId, u64)] {
        self.first_payments(self.in_bank)
    }

    fn taken(&self) -> u64 {
        self.payments.iter().map(|(_, amount)| amount).sum()
    }

    pub fn shortage(&self) -> u64 {
        self.taken().saturating_sub(self.with_firm + self.in_bank)
    }

    fn free(&self) -> u64 {
        (self.with_firm + self.in_bank).saturating_sub(self.taken())
    }

    /// Notes that belong to nobody and that the firm has: the bank got the others first.
    fn free_with_firm(&self) -> u64 {
        self.free().min(self.with_firm)
    }

    /// Takes notes that belong to nobody. The firm's go first, because its deposits bring the
    /// notes of earlier counts first. Those that are not there any more were made good.
    pub fn take_surplus(&mut self, amount: u64) -> (u64, u64) {
        let (free, from_firm) = (self.free(), amount.min(self.free_with_firm()));
        self.with_firm -= from_firm;
        self.in_bank -= (amount - from_firm).min(free - from_firm);
        (from_firm, amount - from_firm)
    }
}

impl Model {
    pub fn take_cash_by_phone(&mut self, one: &TakeCashByPhone) -> ModelResult {
        let TakeCashByPhone { parcel, number, amount, .. } = *one;
        let courier = CourierId(one.taken_by.0);
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        let id = PaymentId { parcel, number };
        if number <= self.parcels.get(&parcel).map_or(0, Parcel::last_number) {
            let same = self.payment(id).is_ok_and(|before| {
                (before.method, before.amount) == (ModelMethod::Cash(courier), amount.minor())
            });
            ensure(same, "the number is used")?;
            return Err(ModelRefusal::Repeated);
        }
        let sum = u128::from(amount.minor()) + u128::from(one.change.minor());
        ensure(sum == u128::from(one.tendered.minor()), "the change is wrong")?;
        ensure(id == self.next_payment_id(parcel)?, "not the next number")?;
        self.collect_cash(id, courier, amount)?;
        let [claim, server, now] =
            [one.claimed_at, one.server_at, self.now].map(|at| i128::from(at.0));
        let known = server + i128::from(one.elapsed_ms.unwrap_or(0));
        let (late, early) = (claim.max(known) - now, known - claim);
        let skew = match (late > 300_000, early > 300_000) {
            (true, _) => late,
            (false, true) => -early,
            (false, false) => 0,
        };
        let skew_ms = i64::try_from(skew).unwrap();
        self.push_event(Event::TimeClaimed { payment: id, claimed_at: one.claimed_at, skew_ms })
    }

    pub fn apply_cash_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::StartHandOver(StartHandOver { handover, courier, number, code_mac }) => {
                self.start_hand_over(handover, courier, number, code_mac, command)
            }
            Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by }) => {
                self.count_with_code(handover, code_mac, counted, counted_by, command)
            }
            Command::CountHandOverBySupervisor(CountHandOverBySupervisor {
                handover,
                counted,
                counted_by,
                supervisor,
            }) => self
                .may_end(handover, [counted_by, supervisor], command)
                .and_then(|()| self.tried_no_code(handover, supervisor))
                .and_then(|()| self.count(handover, counted, [counted_by, supervisor], command)),
            Command::CancelHandOver(CancelHandOver { handover, .. }) => {
                self.cancel_hand_over(handover, command)
            }
            Command::RepayShortage(RepayShortage { courier, number, amount }) => {
                self.reduce_shortage(courier, number, amount, None, command)
            }
            Command::WriteOffShortage(WriteOffShortage {
                courier,
                number,
                amount,
                proposed_by,
                approved_by,
            })
            | Command::CoverShortage(CoverShortage {
                courier,
                number,
                amount,
                proposed_by,
                approved_by,
            })
            | Command::DeductShortage(DeductShortage {
                courier,
                number,
                amount,
                proposed_by,
                approved_by,
            }) => {
                let persons = Some([proposed_by, approved_by]);
                self.reduce_shortage(courier, number, amount, persons, command)
            }
            Command::AnnounceDeposit(ref new) => self.announce_deposit(new, command),
            Command::ConfirmDeposit(ConfirmDeposit { deposit, credited }) => {
                self.confirm_deposit(deposit, credited, command)
            }
            Command::CancelDeposit(CancelDeposit { deposit, proposed_by, approved_by }) => {
                self.cancel_deposit(deposit, [proposed_by, approved_by], command)
            }
            Command::PayCommission(PayCommission {
                firm,
                number,
                bank,
                amount,
                proposed_by,
                approved_by,
            }) => self
                .pay_commission(firm, number, bank, amount, command)
                .and_then(|()| are_different(&[proposed_by, approved_by])),
            _ => return None,
        };
        Some(done)
    }

    pub fn courier_accounts(&self, courier: CourierId) -> (Account, Account, Account, Currency) {
        let firm = self.couriers[&courier].firm;
        let currency = self.firms[&firm].currency;
        let cash = (A::CourierCash, courier.0, currency);
        (cash, (A::CourierShortage, courier.0, currency), (A::FirmCash, firm.0, currency), currency)
    }

    fn start_hand_over(
        &mut self,
        id: HandOverId,
        courier: CourierId,
        number: u32,
        code_mac: CodeMac,
        command: &Command,
    ) -> ModelResult {
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        self.next_number(Numbered::HandOvers(courier), number, command)?;
        let open = |one: &HandOver| one.courier == courier && one.ended_by.is_none();
        ensure(!self.handovers.values().any(open), "another one waits to be counted")?;
        ensure(!self.is_hand_over_remembered(id), "the identifier is taken")?;
        let in_hand = self.balance(self.courier_accounts(courier).0);
        ensure(in_hand > 0, "nothing in hand")?;
        let expected = u64::try_from(in_hand).unwrap();
        let known = self.couriers.get_mut(&courier).expect("found before");
        let payments = std::mem::take(&mut known.in_hand);
        let (wrong_codes, ended_by) = (Vec::new(), None);
        let new = HandOver { courier, code_mac, expected, payments, wrong_codes, ended_by };
        self.handovers.insert(id, new);
        self.use_number(Numbered::HandOvers(courier), command);
        self.handovers_started += 1;
        self.push_event(Event::HandOverStarted { handover: id, expected: Amount::of(expected) })
    }

    /// Whether it is one of its courier's latest.
    pub fn is_hand_over_remembered(&self, id: HandOverId) -> bool {
        let is_it =
            |one: &Command| matches!(one, Command::StartHandOver(one) if one.handover == id);
        self.numbers.iter().any(|(what, used)| {
            let mut latest = used.iter().rev().take(NUMBERS_REMEMBERED);
            matches!(what, Numbered::HandOvers(_)) && latest.any(is_it)
        })
    }

    /// Whether a hand-over is open, and these persons may end it: neither is the courier, and they
    /// are different.
    fn may_end(&self, id: HandOverId, persons: [PersonId; 2], command: &Command) -> ModelResult {
        ensure(self.is_hand_over_remembered(id), "no such hand-over")?;
        let handover = &self.handovers[&id];
        if handover.wrong_codes.contains(command) {
            return self.only_repeats(true);
        }
        if let Some(ended_by) = &handover.ended_by {
            return self.only_repeats(ended_by == command);
        }
        self.are_two_others(handover.courier, persons)
    }

    /// Who counted with a wrong code had a part before, and supervises nobody.
    fn tried_no_code(&self, id: HandOverId, supervisor: PersonId) -> ModelResult {
        let tried = self.handovers[&id]
            .wrong_codes
            .iter()
            .any(|one| matches!(one, Command::CountHandOver(one) if one.counted_by == supervisor));
        ensure(!tried, "the supervisor counted before")
    }

    fn are_two_others(&self, courier: CourierId, [one, other]: [PersonId; 2]) -> ModelResult {
        are_different(&[one, other, PersonId(courier.0)])
    }

    fn cancel_hand_over(&mut self, id: HandOverId, command: &Command) -> ModelResult {
        // Anybody may cancel.
        let nobody = [PersonId(u64::MAX), PersonId(u64::MAX - 1)];
        self.may_end(id, nobody, command)?;
        let handover = self.handovers.get_mut(&id).expect("found before");
        handover.ended_by = Some(command.clone());
        let HandOver { courier, expected, payments, .. } = handover.clone();
        let in_hand = &mut self.couriers.get_mut(&courier).expect("found before").in_hand;
        in_hand.splice(0..0, payments);
        let expected = Amount::of(expected);
        self.push_event(Event::HandOverCancelled { handover: id, courier, expected })
    }

    fn count_with_code(
        &mut self,
        id: HandOverId,
        code_mac: CodeMac,
        counted: Amount,
        by: PersonId,
        command: &Command,
    ) -> ModelResult {
        self.may_end(id, [by, PersonId(u64::MAX)], command)?;
        let handover = self.handovers.get_mut(&id).expect("found before");
        ensure(handover.wrong_codes.len() < WRONG_CODES_MAX, "wrong too often")?;
        if code_mac == handover.code_mac {
            return self.count(id, counted, [by, by], command);
        }
        handover.wrong_codes.push(command.clone());
        let tries = u8::try_from(handover.wrong_codes.len()).unwrap();
        self.push_event(Event::HandOverCodeWrong { handover: id, tries })
    }

    fn count(
        &mut self,
        id: HandOverId,
        counted: Amount,
        [by, supervisor]: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        let handover = self.handovers[&id].clone();
        let courier = handover.courier;
        let firm = self.couriers[&courier].firm;
        let (cash, shortage, firm_cash, currency) = self.courier_accounts(courier);
        let (expected, there) = (handover.expected, counted.minor());
        let suspense = (A::Suspense, 0, currency);
        let (brought_by, counters) = (Some(courier), [by, supervisor]);
        let mut new = Notes { courier: brought_by, with_firm: there, counters, ..Notes::default() };
        for payment in &handover.payments {
            new.payments.push((*payment, self.payment(*payment)?.amount));
        }
        self.handovers.get_mut(&id).expect("found before").ended_by = Some(command.clone());
        self.push_event(Event::HandOverCounted {
            handover: id,
            courier,
            expected: Amount::of(expected),
            counted,
        })?;
        let explained = self.explain_shortage(firm, &mut new)?;
        let short = expected.saturating_sub(there) - explained;
        let surplus = there.saturating_sub(expected);
        self.post(ChartEntry::HandOverCounted, firm_cash, cash, there.min(expected));
        self.post(ChartEntry::SurplusOffset, suspense, cash, explained);
        self.post(ChartEntry::HandOverShort, shortage, cash, short);
        self.post(ChartEntry::HandOverSurplus, firm_cash, suspense, surplus);
        if surplus > 0 {
            let subject = BreakSubject::FirmCash(firm);
            let excess = BreakSide::Excess;
            let id = self.record_automatic_break(subject, excess, surplus, currency, Some(by))?;
            self.breaks.get_mut(&id).expect("just opened").others.push(supervisor);
            new.surplus = Some(id);
        }
        self.bring(firm, new)
    }

    /// Notes that the same courier brought earlier, and that belong to nobody, are what is short
    /// now. Returns how many.
    fn explain_shortage(&mut self, id: FirmId, new: &mut Notes) -> ModelResult<u64> {
        let mut explained = 0;
        let mut all = self.firms[&id].notes.clone();
        for earlier in all.iter_mut().filter(|one| one.courier == new.courier) {
            let Some(break_id) = earlier.surplus else { continue };
            let known = self.breaks.get_mut(&break_id).expect("it was raised");
            let amount = if known.closed { 0 } else { known.amount.min(new.shortage()) };
            if amount == 0 {
                continue;
            }
            known.amount -= amount;
            known.drop_proposal();
            known.closed = known.amount == 0;
            let left = Amount::of(known.amount);
            let (from_firm, from_bank) = earlier.take_surplus(amount);
            new.with_firm += from_firm;
            new.in_bank += from_bank;
            explained += amount;
            self.push_event(Event::BreakReduced { break_id, amount: Amount::of(amount), left })?;
        }
        self.firms.get_mut(&id).expect("found before").notes = all;
        Ok(explained)
    }

    /// The firm has the notes of a count. The bank's part is received. For the rest the firm
    /// answers.
    fn bring(&mut self, id: FirmId, new: Notes) -> ModelResult {
        let all = &mut self.firms.get_mut(&id).expect("found before").notes;
        all.push(new);
        let place = all.len() - 1;
        self.receive(id, place, 0)?;
        let received = self.firms[&id].notes[place].received().len();
        self.answer_for(id, place, received)
    }

    /// The firm answers for payments from `first` on, one by one, as far as their notes were
    /// counted and its guarantee goes.
    fn answer_for(&mut self, id: FirmId, place: usize, first: usize) -> ModelResult {
        let notes = self.firms[&id].notes[place].clone();
        for (payment, amount) in &notes.counted()[first..] {
            if *amount <= self.guarantee_left(id) {
                let firm = self.firms.get_mut(&id).expect("found before");
                firm.notes[place].guaranteed.insert(*payment);
                self.record_funds_received(*payment)?;
            }
        }
        Ok(())
    }

    pub fn guarantee_left(&self, id: FirmId) -> u64 {
        let used = self.guaranteed(id).into_iter().map(|(_, amount)| amount).sum::<u64>();
        self.guarantee(id).saturating_sub(used)
    }

    /// Whether notes that this courier brought belong to nobody yet.
    pub fn has_open_surplus(&self, courier: CourierId) -> bool {
        let is_open = |id: BreakId| !self.breaks[&id].closed;
        let notes = &self.firms[&self.couriers[&courier].firm].notes;
        notes.iter().any(|one| one.courier == Some(courier) && one.surplus.is_some_and(is_open))
    }

    /// Notes found at a firm that belong to nobody.
    pub fn add_found_notes(&mut self, id: FirmId, amount: u64, of: BreakId) {
        let found = Notes { with_firm: amount, surplus: Some(of), ..Notes::default() };
        self.firms.get_mut(&id).expect("found before").notes.push(found);
    }

    /// Notes are missing at a firm: those that belong to nobody first. Returns the others.
    pub fn miss_nobodys_notes(&mut self, id: FirmId, missing: u64) -> u64 {
        let mut left = missing;
        for notes in &mut self.firms.get_mut(&id).expect("found before").notes {
            let part = left.min(notes.free_with_firm());
            notes.with_firm -= part;
            left -= part;
        }
        left
    }

    /// Somebody counted notes that were not there, and no deposit brought one of them.
    pub fn remove_counted_notes(&mut self, id: FirmId, amount: u64, of: BreakId) -> ModelResult {
        let notes = &mut self.firms.get_mut(&id).expect("found before").notes;
        let known = notes.iter_mut().find(|one| one.surplus == Some(of));
        let known = known.ok_or(ModelRefusal::Because("no such notes"))?;
        ensure(amount <= known.free_with_firm(), "the bank has some of them")?;
        known.with_firm -= amount;
        Ok(())
    }

    /// The notes were not there after all, unless a deposit brought some of them to the bank.
    pub fn remove_found_notes(&mut self, id: FirmId, amount: u64, of: BreakId) -> ModelResult {
        let notes = &mut self.firms.get_mut(&id).expect("found before").notes;
        let place = notes.iter().position(|one| one.surplus == Some(of));
        let place = place.ok_or(ModelRefusal::Because("no such notes"))?;
        ensure(notes[place].with_firm == amount, "the bank has some of them")?;
        notes.remove(place);
        Ok(())
    }

    /// Payments for which the firm answers because the bank does not have their notes.
    pub fn guaranteed(&self, id: FirmId) -> Vec<(PaymentId, u64)> {
        let mut all = Vec::new();
        for notes in &self.firms[&id].notes {
            let waiting = notes.payments[notes.received().len()..].iter();
            all.extend(waiting.filter(|(payment, _)| notes.guaranteed.contains(payment)));
        }
        all
    }

    /// The bank gets notes of a firm, or somebody makes missing ones good: those that were counted
    /// first. Payments whose notes the bank has are received.
    pub fn credit_firm(&mut self, id: FirmId, amount: u64) -> ModelResult {
        let mut left = amount;
        for place in 0..self.firms[&id].notes.len() {
            let notes = &mut self.firms.get_mut(&id).expect("found before").notes[place];
            let before = notes.received().len();
            let moved = left.min(notes.with_firm);
            notes.with_firm -= moved;
            notes.in_bank += moved;
            left -= moved;
            self.receive(id, place, before)?;
        }
        assert_eq!(left, 0, "nobody brings notes that were not counted");
        Ok(())
    }

    /// Receives the payments whose notes the bank has now and did not have before.
    fn receive(&mut self, id: FirmId, place: usize, before: usize) -> ModelResult {
        let notes = self.firms[&id].notes[place].clone();
        for (payment, _) in &notes.received()[before..] {
            if !notes.guaranteed.contains(payment) {
                self.record_funds_received(*payment)?;
            }
        }
        Ok(())
    }

    /// A shortage gets smaller: somebody pays it, or takes it over.
    fn reduce_shortage(
        &mut self,
        courier: CourierId,
        number: u32,
        amount: Amount,
        persons: Option<[PersonId; 2]>,
        command: &Command,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "nothing repaid")?;
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        let reductions = Numbered::ShortageReductions(courier);
        self.next_number(reductions, number, command)?;
        self.use_number(reductions, command);
        persons.map_or(Ok(()), |both| self.are_two_others(courier, both))?;
        let second = persons.map(|[_, second]| second);
        let counted = second.is_some_and(|second| self.short_counters(courier).contains(&second));
        ensure(!counted, "the second person counted what is short")?;
        let (_, shortage, firm_cash, currency) = self.courier_accounts(courier);
        let minor = amount.minor();
        ensure(i128::from(minor) <= self.balance(shortage), "more than is short")?;
        let id = self.couriers[&courier].firm;
        let (entry, debit, event) = match command {
            Command::WriteOffShortage(_) => {
                let event = Event::ShortageWrittenOff { courier, amount };
                (ChartEntry::ShortageWrittenOff, (A::WriteOffs, 0, currency), event)
            }
            Command::DeductShortage(_) => {
                let commission = (A::FirmCommission, id.0, currency);
                let payable = self.commission_payable(id);
                ensure(i128::from(minor) <= payable, "more than the commission")?;
                let event = Event::ShortageDeducted { courier, amount };
                (ChartEntry::ShortageDeducted, commission, event)
            }
            Command::CoverShortage(_) => {
                ensure(minor <= self.guarantee_left(id), "more than the guarantee")?;
                let event = Event::ShortageCovered { courier, amount };
                (ChartEntry::ShortageCovered, firm_cash, event)
            }
            _ => {
                let event = Event::ShortageRepaid { courier, amount };
                (ChartEntry::ShortageRepaid, firm_cash, event)
            }
        };
        self.post(entry, debit, shortage, minor);
        self.push_event(event)?;
        let mut left = minor;
        for place in 0..self.firms[&id].notes.len() {
            let notes = &mut self.firms.get_mut(&id).expect("found before").notes[place];
            if notes.courier != Some(courier) || notes.shortage() == 0 {
                continue;
            }
            let part = left.min(notes.shortage());
            left -= part;
            let (received, counted) = (notes.received().len(), notes.counted().len());
            match command {
                // Doorstep has the money, or does without it.
                Command::WriteOffShortage(_) | Command::DeductShortage(_) => {
                    notes.in_bank += part;
                    self.receive(id, place, received)?;
                }
                Command::CoverShortage(_) => {
                    notes.with_firm += part;
                    self.answer_for(id, place, counted)?;
                }
                _ => notes.with_firm += part,
            }
        }
        assert_eq!(left, 0, "the shortage is that of the hand-overs");
        Ok(())
    }

    /// Who was there when hand-overs of a courier were counted that are short still.
    pub fn short_counters(&self, courier: CourierId) -> Vec<PersonId> {
        let Some(known) = self.couriers.get(&courier) else { return Vec::new() };
        let notes = self.firms[&known.firm].notes.iter();
        let short = notes.filter(|one| one.courier == Some(courier) && one.shortage() > 0);
        short.flat_map(|one| one.counters).collect()
    }

    fn announce_deposit(&mut self, new: &AnnounceDeposit, command: &Command) -> ModelResult {
        let AnnounceDeposit { deposit: id, firm, number, bank, amount, announced_by } = *new;
        ensure(!amount.is_zero(), "nothing brought")?;
        let known = self.firms.get(&firm).ok_or(ModelRefusal::Because("no such firm"))?;
        let currency = known.currency;
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        self.next_number(Numbered::Deposits(firm), number, command)?;
        let is_it =
            |one: &Command| matches!(one, Command::AnnounceDeposit(one) if one.deposit == id);
        ensure(!self.carried_out.iter().any(is_it), "an identifier of any firm is used once")?;
        ensure(currency == banks, "another currency")?;
        let (bank, cash) = ((A::Bank, bank.0, currency), (A::FirmCash, firm.0, currency));
        ensure(i128::from(amount.minor()) <= self.available(cash), "more than was counted")?;
        self.reserve(
            ReservationFor::Deposit(id),
            ChartEntry::Deposited,
            (bank, cash),
            amount.minor(),
        );
        self.use_number(Numbered::Deposits(firm), command);
        self.deposits_announced += 1;
        self.deposits.insert(id, Deposit { firm, amount: amount.minor(), announced_by });
        self.push_event(Event::DepositAnnounced { deposit: id, firm, amount })
    }

    /// Whether it is one of the latest of its firm that ended.
    fn is_end_remembered(&self, id: DepositId) -> bool {
        self.firms.keys().any(|firm| {
            let ended = self.ended_deposits.iter().rev().filter(|(of, _)| of == firm);
            ended.take(NUMBERS_REMEMBERED).any(|(_, ended)| *ended == id)
        })
    }

    /// An open deposit. A deposit that ended is only repeated by the command that ended it.
    fn open_deposit(&self, id: DepositId, command: &Command) -> ModelResult<Deposit> {
        if let Some(open) = self.deposits.get(&id) {
            return Ok(open.clone());
        }
        ensure(self.is_end_remembered(id), "no such deposit")?;
        let ends = |one: &&Command| match one {
            Command::ConfirmDeposit(one) => one.deposit == id,
            Command::CancelDeposit(one) => one.deposit == id,
            _ => false,
        };
        self.only_repeats(self.carried_out.iter().rev().find(ends) == Some(command))
    }

    fn end_deposit(&mut self, id: DepositId) {
        let deposit = self.deposits.remove(&id).expect("it was open");
        self.ended_deposits.push((deposit.firm, id));
    }

    pub fn confirm_deposit(
        &mut self,
        id: DepositId,
        credited: Amount,
        command: &Command,
    ) -> ModelResult {
        ensure(!credited.is_zero(), "nothing credited")?;
        let deposit = self.open_deposit(id, command)?;
        ensure(credited.minor() <= deposit.amount, "more than was announced")?;
        let (firm, announced) = (deposit.firm, Amount::of(deposit.amount));
        self.post_reserved(ReservationFor::Deposit(id), credited.minor());
        self.end_deposit(id);
        self.push_event(Event::DepositConfirmed { deposit: id, announced, credited })?;
        self.credit_firm(firm, credited.minor())
    }

    fn cancel_deposit(
        &mut self,
        id: DepositId,
        [first, second]: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        let deposit = self.open_deposit(id, command)?;
        are_different(&[first, second])?;
        ensure(second != deposit.announced_by, "who announced it")?;
        self.end_deposit(id);
        self.void_reservation(ReservationFor::Deposit(id));
        let (firm, amount) = (deposit.firm, Amount::of(deposit.amount));
        self.push_event(Event::DepositCancelled { deposit: id, firm, amount })
    }

    fn pay_commission(
        &mut self,
        id: FirmId,
        number: u32,
        bank: BankId,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "nothing paid")?;
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        let firm = self.firms.get(&id).ok_or(ModelRefusal::Because("no such firm"))?;
        let currency = firm.currency;
        self.next_number(Numbered::CommissionPayments(id), number, command)?;
        self.use_number(Numbered::CommissionPayments(id), command);
        ensure(currency == banks, "another currency")?;
        let earned = (A::FirmCommission, id.0, currency);
        let payable = self.commission_payable(id);
        ensure(i128::from(amount.minor()) <= payable, "more than is payable")?;
        let withheld = share(amount.minor(), self.withholding(id));
        let leaves = amount.minor() - withheld;
        self.has_in_bank(bank, i128::from(leaves))?;
        self.post(ChartEntry::CommissionPaid, earned, (A::Bank, bank.0, currency), leaves);
        let owed = tax_account(Tax::Withholding, currency);
        self.post(ChartEntry::TaxWithheld, earned, owed, withheld);
        let withheld = Amount::of(withheld);
        self.push_event(Event::CommissionPaid { firm: id, amount, withheld })
    }

    /// What a firm earned and was not paid, without the payments whose money did not come: notes
    /// that nobody counted, and what networks and wallets did not pay.
    pub fn commission_payable(&self, id: FirmId) -> i128 {
        let mut payable = self.balance((A::FirmCommission, id.0, self.firms[&id].currency));
        let earned =
            |one: &ModelPayment| one.is_collected() && self.couriers[&one.courier].firm == id;
        for (parcel, known) in &self.parcels {
            for (&number, payment) in known.payments.iter().filter(|(_, one)| earned(one)) {
                let came = match payment.method {
                    ModelMethod::Cash(_) => {
                        self.was_counted(id, PaymentId { parcel: *parcel, number })
                    }
                    _ => matches!(payment.state, PaymentState::Held | PaymentState::Released),
                };
                let of_kind = payment.fees.iter().filter(|(kind, _)| *kind == FeeKind::Commission);
                let commission: u64 = of_kind.map(|(_, fee)| fee).sum();
                payable -= if came { 0 } else { i128::from(commission) };
            }
        }
        payable
    }

    /// Whether the notes of a payment were counted, or made good since. A forgotten parcel can have
    /// had a payment with the same id.
    fn was_counted(&self, firm: FirmId, id: PaymentId) -> bool {
        let waiting = self.handovers.values().filter(|one| one.ended_by.is_none());
        let waiting = waiting.flat_map(|one| &one.payments);
        let in_hand = self.couriers.values().flat_map(|one| &one.in_hand);
        if in_hand.chain(waiting).any(|payment| *payment == id) {
            return false;
        }
        let is_it = |(payment, _): &(PaymentId, u64)| *payment == id;
        let last = self.firms[&firm].notes.iter().rev().find(|one| one.payments.iter().any(is_it));
        last.is_some_and(|notes| notes.counted().iter().any(is_it))
    }
}

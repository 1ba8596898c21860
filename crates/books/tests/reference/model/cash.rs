//! The model: cash until the bank has it.

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use super::{
    Account, AwaitingDeposit, Deposit, HandOver, Model, ModelRefusal, ModelResult, Numbered,
    ReservationFor, ensure,
};

impl Model {
    pub fn apply_cash_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::StartHandOver(StartHandOver { handover, courier, number, code_hash }) => {
                self.start_hand_over(handover, courier, number, code_hash, command)
            }
            Command::CountHandOver(CountHandOver { handover, code, counted, counted_by }) => {
                self.count(handover, code, counted, counted_by, command)
            }
            Command::RepayShortage(RepayShortage { courier, number, amount }) => {
                self.repay(courier, number, amount, command)
            }
            Command::AnnounceDeposit(AnnounceDeposit { deposit, firm, number, bank, amount }) => {
                self.announce_deposit(deposit, (firm, number), bank, amount, command)
            }
            Command::ConfirmDeposit(ConfirmDeposit { deposit, credited }) => {
                self.confirm_deposit(deposit, credited, command)
            }
            Command::CancelDeposit(CancelDeposit { deposit }) => {
                self.cancel_deposit(deposit, command)
            }
            Command::PayCommission(PayCommission { firm, number, bank, amount }) => {
                self.pay_commission(firm, number, bank, amount, command)
            }
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
        code_hash: [u8; 32],
        command: &Command,
    ) -> ModelResult {
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        self.next_number(Numbered::HandOvers(courier), number, command)?;
        let open = |one: &HandOver| one.courier == courier && !one.counted;
        ensure(!self.handovers.values().any(open), "another one waits to be counted")?;
        ensure(!self.is_hand_over_remembered(id), "the identifier is taken")?;
        let in_hand = self.balance(self.courier_accounts(courier).0);
        ensure(in_hand > 0, "nothing in hand")?;
        let expected = u64::try_from(in_hand).unwrap();
        let known = self.couriers.get_mut(&courier).expect("found before");
        let payments = std::mem::take(&mut known.in_hand);
        let new = HandOver { courier, code_hash, expected, payments, counted: false };
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

    fn count(
        &mut self,
        id: HandOverId,
        code: u32,
        counted: Amount,
        by: PersonId,
        command: &Command,
    ) -> ModelResult {
        ensure(self.is_hand_over_remembered(id), "no such hand-over")?;
        let handover = self.handovers[&id].clone();
        if handover.counted {
            // An id can be used again when its first hand-over is forgotten.
            let counts = self.carried_out.iter().rev();
            let mut of_it = counts
                .filter(|one| matches!(one, Command::CountHandOver(one) if one.handover == id));
            return self.only_repeats(of_it.next() == Some(command));
        }
        ensure(one_time_code_hash(id, code) == handover.code_hash, "a wrong code")?;
        ensure(by.0 != handover.courier.0, "the courier cannot count")?;
        let courier = handover.courier;
        let (cash, shortage, firm_cash, currency) = self.courier_accounts(courier);
        let (expected, there) = (handover.expected, counted.minor());
        let suspense = (A::Suspense, 0, currency);
        self.post(ChartEntry::HandOverCounted, firm_cash, cash, there.min(expected));
        self.post(ChartEntry::HandOverShort, shortage, cash, expected.saturating_sub(there));
        self.post(ChartEntry::HandOverSurplus, firm_cash, suspense, there.saturating_sub(expected));
        self.handovers.get_mut(&id).expect("found before").counted = true;
        let expected = Amount::of(expected);
        self.push_event(Event::HandOverCounted { handover: id, courier, expected, counted })?;
        let firm = self.couriers[&courier].firm;
        for payment in handover.payments {
            self.stand_in_line(firm, payment)?;
        }
        if counted > expected {
            let subject = BreakSubject::FirmCash(firm);
            let surplus = there - expected.minor();
            self.add_surplus(firm, surplus);
            self.record_automatic_break(subject, BreakSide::Excess, surplus, currency, Some(by))?;
        }
        Ok(())
    }

    /// A cash payment waits for the bank, unless the firm's guarantee covers all of it.
    fn stand_in_line(&mut self, id: FirmId, payment: PaymentId) -> ModelResult {
        let amount = self.payment(payment)?.amount;
        let others = self.guaranteed(id);
        let sum: u128 = others.iter().map(|one| u128::from(one.amount)).sum();
        let firm = self.firms.get_mut(&id).expect("found before");
        let guaranteed = sum + u128::from(amount) <= u128::from(firm.guarantee);
        firm.line.push(AwaitingDeposit { payment: Some(payment), amount, guaranteed });
        if guaranteed { self.record_funds_received(payment) } else { Ok(()) }
    }

    /// Surplus cash goes to the bank with the rest.
    pub fn add_surplus(&mut self, id: FirmId, amount: u64) {
        let firm = self.firms.get_mut(&id).expect("found before");
        firm.line.push(AwaitingDeposit { payment: None, amount, guaranteed: false });
    }

    /// Number of waiting amounts that the bank's credits cover: first in, first out.
    fn served(&self, id: FirmId) -> usize {
        let firm = &self.firms[&id];
        let mut left = firm.credited;
        let enough = |one: &&AwaitingDeposit| {
            left -= i128::from(one.amount);
            left >= 0
        };
        firm.line.iter().take_while(enough).count()
    }

    /// Guaranteed cash that the bank does not have yet.
    pub fn guaranteed(&self, id: FirmId) -> Vec<AwaitingDeposit> {
        let waiting = self.firms[&id].line[self.served(id)..].iter();
        waiting.filter(|one| one.guaranteed).copied().collect()
    }

    /// Credits a firm. Payments whose turn has come are received.
    pub fn credit_firm(&mut self, id: FirmId, amount: u64) -> ModelResult {
        let before = self.served(id);
        let firm = self.firms.get_mut(&id).expect("found before");
        firm.credited += i128::from(amount);
        let line = firm.line.clone();
        let spent: i128 = line[..before].iter().map(|one| i128::from(one.amount)).sum();
        let loose = firm.credited - spent;
        ensure(loose <= i128::from(Amount::MAX.minor()), "more than any amount")?;
        for one in &line[before..self.served(id)] {
            match one.payment {
                Some(payment) if !one.guaranteed => self.record_funds_received(payment)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn repay(
        &mut self,
        courier: CourierId,
        number: u32,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "nothing repaid")?;
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        self.next_number(Numbered::Repayments(courier), number, command)?;
        self.use_number(Numbered::Repayments(courier), command);
        let (_, shortage, firm_cash, _) = self.courier_accounts(courier);
        ensure(i128::from(amount.minor()) <= self.balance(shortage), "more than is short")?;
        self.post(ChartEntry::ShortageRepaid, firm_cash, shortage, amount.minor());
        self.push_event(Event::ShortageRepaid { courier, amount })
    }

    fn announce_deposit(
        &mut self,
        id: DepositId,
        (firm, number): (FirmId, u32),
        bank: BankId,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
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
        self.deposits.insert(id, Deposit { firm, amount: amount.minor() });
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

    fn confirm_deposit(
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

    fn cancel_deposit(&mut self, id: DepositId, command: &Command) -> ModelResult {
        let deposit = self.open_deposit(id, command)?;
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
        ensure(i128::from(amount.minor()) <= self.balance(earned), "more than was earned")?;
        self.has_in_bank(bank, i128::from(amount.minor()))?;
        self.post(ChartEntry::CommissionPaid, earned, (A::Bank, bank.0, currency), amount.minor());
        self.push_event(Event::CommissionPaid { firm: id, amount })
    }
}

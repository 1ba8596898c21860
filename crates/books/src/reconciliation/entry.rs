//! An entry of a bank statement: matched with what the books have, expected, or a break (M15).

use ledger::AccountNumber;
use money::{Amount, SignedAmount};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_date};
use crate::breaks::record::Difference;
use crate::chart::ChartEntry;
use crate::clearing::lines::LinePlace;
use crate::command::{
    BankMovement, BreakSide, BreakSubject, ConfirmDeposit, ConfirmPayout, ENTRY_PARTS_MAX,
    EntryPart, FileLane, MatchEntry, ReturnPayout, TakeEntry,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BankId, BreakId, PersonId};
use crate::reconciliation::file::signed;
use crate::reconciliation::record::{ExpectedEntry, LineSplit};
use crate::refusal::{MissingRecord, Refusal};

/// An entry whose rest is decided.
#[derive(Clone, Copy)]
struct EntryInBooks {
    bank: BankId,
    place: (u32, u32),
    booked: BusinessDate,
    /// What was matched before, and what is open.
    before: LineSplit,
}

/// What becomes of the part of an entry that no part explains.
#[derive(Clone, Copy)]
struct EntryRest {
    amount: i128,
    expected_until: Option<BusinessDate>,
}

impl Books {
    pub(crate) fn take_entry(
        &mut self,
        command: &TakeEntry,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let TakeEntry { bank: id, file, line, booked, amount, ref parts, expected_until, .. } =
            *command;
        if let Some(firm) = command.firm {
            return self.take_sheet_line(firm, command, now, out);
        }
        let missing = Refusal::NotFound(MissingRecord::Bank(id));
        let account = self.banks.find(id).ok_or(missing)?.account;
        if amount.minor() == 0 {
            return Err(Refusal::AmountZero);
        }
        let lane = FileLane::Bank(id);
        let lanes = &self.reference_data.reconciliation.lanes;
        let record = lanes.get(&lane).and_then(|lane| lane.find(file));
        let record = record.ok_or(Refusal::NotFound(MissingRecord::File(file)))?;
        let place = LinePlace { file, line };
        let bank = self.reference_data.reconciliation.banks.get(&id);
        let newest = self.last_file_number(lane)?;
        bank.map_or(Ok(()), |bank| bank.entries.check(newest, place, command))?;
        self.check_file_open(lane, file)?;
        check_date(booked, record.begun.from..=record.begun.until)?;
        let before = LineSplit { expected: amount.minor().into(), ..LineSplit::default() };
        let entry = EntryInBooks { bank: id, place: (file, line), booked, before };
        let rest = self.check_rest(entry, account, parts, expected_until, now)?;
        let after = self.carry_out_entry(entry, parts, rest, now, out)?;
        self.count_line(lane, file, after);
        let bank = self.reference_data.reconciliation.banks.entry(id).or_default();
        bank.entries.push(place, command);
        Ok(())
    }

    pub(crate) fn match_entry(
        &mut self,
        command: &MatchEntry,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let MatchEntry { bank: id, file, line, ref parts, expected_until, .. } = *command;
        if let Some(firm) = command.firm {
            return self.match_sheet_line(firm, command, now, out);
        }
        let missing = Refusal::NotFound(MissingRecord::Bank(id));
        let account = self.banks.find(id).ok_or(missing)?.account;
        let bank = self.reference_data.reconciliation.banks.get(&id);
        let expected = bank.and_then(|bank| bank.expected.get(&(file, line))).copied();
        let expected = expected.ok_or(Refusal::NotFound(MissingRecord::ExpectedEntry))?;
        if parts.is_empty() && expected_until == Some(expected.until) {
            return Err(Refusal::Repeated);
        }
        let ExpectedEntry { split: before, booked, .. } = expected;
        let entry = EntryInBooks { bank: id, place: (file, line), booked, before };
        let rest = self.check_rest(entry, account, parts, expected_until, now)?;
        let after = self.carry_out_entry(entry, parts, rest, now, out)?;
        self.count_line_again(FileLane::Bank(id), file, before, after);
        Ok(())
    }

    /// Checks the parts of an entry, and what is left of it.
    fn check_rest(
        &self,
        entry: EntryInBooks,
        account: AccountNumber,
        parts: &[EntryPart],
        expected_until: Option<BusinessDate>,
        now: Now,
    ) -> Result<EntryRest, Refusal> {
        if parts.len() > ENTRY_PARTS_MAX {
            let most = u32::try_from(ENTRY_PARTS_MAX).expect("a small constant");
            return Err(Refusal::OutOfRange(most));
        }
        if !parts.is_sorted_by(|one, next| one.movement < next.movement) {
            return Err(Refusal::EntryPartsNotInOrder);
        }
        for part in parts {
            self.check_part(entry.bank, account, part, now.today)?;
        }
        let matched: i128 = parts.iter().map(|part| i128::from(part.amount.minor())).sum();
        let rest = entry.before.expected - matched;
        signed(rest)?;
        if let Some(until) = expected_until {
            check_date(until, now.today..=BusinessDate::MAX)?;
        }
        let size = u64::try_from(rest.unsigned_abs()).ok().and_then(Amount::new);
        if size.is_none_or(|size| size > Amount::ENTRY_MAX) {
            return Err(Refusal::Overflow);
        }
        Ok(EntryRest { amount: rest, expected_until })
    }

    /// Checks that a part names what this bank account has moved or is to move, with its amount.
    fn check_part(
        &self,
        bank: BankId,
        account: AccountNumber,
        part: &EntryPart,
        today: BusinessDate,
    ) -> Result<(), Refusal> {
        let EntryPart { movement, amount } = *part;
        if amount.minor() == 0 {
            return Err(Refusal::AmountZero);
        }
        if amount.magnitude() > Amount::ENTRY_MAX {
            return Err(Refusal::AmountAboveLimit(amount.magnitude()));
        }
        if let Some(open) = self.open_movement(bank, movement) {
            let amount = i128::from(amount.minor());
            let fits = amount.signum() == open.signum() && amount.abs() <= open.abs();
            return if fits { Ok(()) } else { Err(Refusal::MovementAmount(signed(open)?)) };
        }
        let (account_of, expected) = match movement {
            BankMovement::Deposit(id) => {
                let missing = Refusal::NotFound(MissingRecord::Deposit(id));
                let deposit = self.reference_data.deposits.get(&id).ok_or(missing)?;
                let reserved = self.ledger.ledger.reserved(deposit.reserve);
                let of = reserved.expect("an open deposit has a reservation").debit;
                let within = amount.minor() > 0 && amount.magnitude() <= deposit.amount;
                let expected = SignedAmount::from(deposit.amount);
                (of, if within { amount } else { expected })
            }
            BankMovement::Payout(id) | BankMovement::ReturnedPayout(id) => {
                let missing = Refusal::NotFound(MissingRecord::Payout(id));
                let payout = self.reference_data.payouts.get(&id).ok_or(missing.clone())?;
                let net = SignedAmount::from(payout.net);
                let paid = matches!(movement, BankMovement::Payout(_));
                // What is in flight has not left the account, so it cannot come back to it.
                let can_be_shown = match payout.arrived {
                    None => paid,
                    Some(_) => !paid && !payout.is_past_return(today),
                };
                if !can_be_shown {
                    return Err(missing);
                }
                let leaves = SignedAmount::new(-net.minor()).ok_or(Refusal::Overflow)?;
                (payout.bank, if paid { leaves } else { net })
            }
            _ => return Err(Refusal::NotFound(MissingRecord::BankMovement)),
        };
        if account_of != account {
            return Err(Refusal::OtherBankAccount);
        }
        if amount != expected {
            return Err(Refusal::MovementAmount(expected));
        }
        Ok(())
    }

    /// Posts what the parts of an entry confirm, takes what it shows from the open movements, and
    /// keeps or breaks the rest. Everything was checked.
    fn carry_out_entry(
        &mut self,
        entry: EntryInBooks,
        parts: &[EntryPart],
        rest: EntryRest,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<LineSplit, Refusal> {
        let EntryInBooks { bank, place, booked, before } = entry;
        let (expected, broken) = match rest.expected_until {
            Some(_) => (rest.amount, 0),
            None => (0, rest.amount),
        };
        // The only posting that can be refused comes first.
        let break_id = self.break_entry(bank, place, broken, now.today, out)?;
        let mut matched = 0;
        for part in parts {
            matched += i128::from(part.amount.minor());
            self.carry_out_part(bank, part, now, out);
        }
        let split = LineSplit {
            matched: before.matched + matched,
            expected,
            breaks: before.breaks + broken,
            has_breaks: break_id.is_some(),
        };
        let reconciliation = self.reference_data.reconciliation.banks.entry(bank).or_default();
        reconciliation.on_statements += matched + broken;
        match rest.expected_until {
            Some(until) if expected != 0 => {
                reconciliation.expected.insert(place, ExpectedEntry { split, booked, until });
            }
            _ => drop(reconciliation.expected.remove(&place)),
        }
        out.events.push(Event::EntryTaken {
            bank,
            firm: None,
            file: place.0,
            line: place.1,
            matched: signed(split.matched)?,
            expected: signed(expected)?,
            break_id,
        });
        Ok(split)
    }

    /// Raises the break of what nothing explains. Its evidence is the place of the entry: file and
    /// line.
    fn break_entry(
        &mut self,
        bank: BankId,
        place: (u32, u32),
        amount: i128,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<Option<BreakId>, Refusal> {
        if amount == 0 {
            return Ok(None);
        }
        let size = u64::try_from(amount.unsigned_abs()).ok().and_then(Amount::new);
        let side = if amount > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
        let subject = BreakSubject::Bank(bank);
        let difference = Difference { subject, side, amount: size.ok_or(Refusal::Overflow)? };
        let (account, currency) = self.account_of(subject)?;
        self.ledger.begin_chain(None, None);
        self.post_difference(difference, account, currency);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        let nobody = (PersonId(0), PersonId(0));
        let id = self.record_automatic_break(difference, currency, nobody, None, today, out);
        let record = self.reference_data.breaks.get_mut(&id).expect("it was raised now");
        record.raised.shown_by = format!("{}/{}", place.0, place.1);
        Ok(Some(id))
    }

    fn carry_out_part(
        &mut self,
        bank: BankId,
        part: &EntryPart,
        now: Now,
        out: &mut CommandOutcome,
    ) {
        let EntryPart { movement, amount } = *part;
        if self.open_movement(bank, movement).is_some() {
            return self.add_movement(bank, movement, -i128::from(amount.minor()), now.today);
        }
        let done = match movement {
            BankMovement::Deposit(deposit) => {
                let credited = amount.magnitude();
                self.confirm_deposit(&ConfirmDeposit { deposit, credited }, now, out)
            }
            BankMovement::Payout(payout) => {
                self.confirm_payout(&ConfirmPayout { payout }, now, out)
            }
            BankMovement::ReturnedPayout(payout) => {
                self.return_payout(&ReturnPayout { payout }, now, out)
            }
            _ => unreachable!("the part was checked"),
        };
        done.expect("the part was checked");
    }

    /// Checks that a break of an entry can be matched with a movement of the same account after
    /// all.
    pub(crate) fn check_break_movement(
        &self,
        id: BreakId,
        movement: BankMovement,
        amount: Amount,
    ) -> Result<(), Refusal> {
        let record = &self.reference_data.breaks[&id];
        let BreakSubject::Bank(bank) = record.subject else { return Err(Refusal::PlanState) };
        if id < crate::command::FIRST_AUTOMATIC_BREAK {
            return Err(Refusal::PlanState);
        }
        let missing = Refusal::NotFound(MissingRecord::BankMovement);
        let open = self.open_movement(bank, movement).ok_or(missing)?;
        let size = i128::from(amount.minor());
        let found = if record.side == BreakSide::Excess { size } else { -size };
        let fits = found.signum() == open.signum() && found.abs() <= open.abs();
        if fits { Ok(()) } else { Err(Refusal::MovementAmount(signed(open)?)) }
    }

    /// Takes back the posting of a break whose entry shows what the books posted since.
    pub(crate) fn close_by_movement(
        &mut self,
        id: BreakId,
        movement: BankMovement,
        amount: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        self.check_break_movement(id, movement, amount)?;
        let record = &self.reference_data.breaks[&id];
        let (subject, side, currency) = (record.subject, record.side, record.currency);
        let (account, _) = self.account_of(subject)?;
        let suspense = self.currency_accounts(currency).suspense;
        self.ledger.begin_chain(None, None);
        let found = i128::from(amount.minor());
        let found = match side {
            BreakSide::Excess => {
                self.ledger.post(ChartEntry::ExcessWithdrawn, suspense, account, amount);
                found
            }
            BreakSide::Shortfall => {
                self.ledger.post(ChartEntry::ShortfallWithdrawn, account, suspense, amount);
                -found
            }
        };
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        if let BreakSubject::Bank(bank) = subject {
            self.add_movement(bank, movement, -found, today);
        }
        Ok(())
    }
}

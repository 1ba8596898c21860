//! The model: files of networks, wallets and banks, and what bank statements show (M15).

use std::collections::BTreeMap;

use books::chart::{AccountKind as A, ChartEntry};
use books::reconciliation_view::{ExpectedEntryView, FileSum, FileSums, OpenMovementView};
use books::*;
use money::{Amount, SignedAmount};

use super::parties::check_reference;
use super::{Model, ModelRefusal, ModelResult, PayoutState, PostingStage, ReservationFor, ensure};

/// Files and statements.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    /// The files that were begun, number by number.
    pub files: BTreeMap<FileLane, Vec<LaneFile>>,
    /// What moved bank accounts and what statements showed of it, in that order.
    history: Vec<BankChange>,
}

#[derive(Clone, Debug)]
pub struct LaneFile {
    pub begun: BeginFile,
    pub lines: Vec<LaneLine>,
    pub ended: Option<EndFile>,
}

#[derive(Clone, Debug)]
pub struct LaneLine {
    /// What the rail pays, or the account gets.
    pub amount: i128,
    matched: i128,
    /// The breaks that it raised: an excess above zero, a shortfall below.
    breaks: Vec<i128>,
    /// Until when its cause is awaited.
    pub until: Option<BusinessDate>,
    /// The entry of a bank statement.
    entry: Option<TakeEntry>,
}

/// The books moved a bank account by so much, or a statement showed so much.
#[derive(Clone, Debug)]
struct BankChange {
    bank: BankId,
    movement: BankMovement,
    moved: i128,
    shown: i128,
    day: BusinessDate,
}

/// What a part of an entry does.
enum PartAct {
    Confirm(DepositId, Amount),
    Pay(PayoutId),
    Return(PayoutId),
    Show,
}

impl LaneLine {
    pub fn expected(&self) -> i128 {
        self.amount - self.matched - self.breaks.iter().sum::<i128>()
    }
}

impl LaneFile {
    pub fn total(&self) -> i128 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    pub fn has_all_lines(&self) -> bool {
        self.lines.len() >= usize::try_from(self.begun.lines).unwrap()
    }

    pub fn sums(&self) -> FileSums {
        let kind = |fits: &dyn Fn(&LaneLine) -> bool, amount: &dyn Fn(&LaneLine) -> i128| FileSum {
            lines: u32::try_from(self.lines.iter().filter(|line| fits(line)).count()).unwrap(),
            amount: self.lines.iter().map(amount).sum(),
        };
        let is_break = |line: &LaneLine| !line.breaks.is_empty();
        let is_awaited = |line: &LaneLine| !is_break(line) && line.expected() != 0;
        let is_matched = |line: &LaneLine| !is_break(line) && line.expected() == 0;
        FileSums {
            matched: kind(&is_matched, &|line| line.matched),
            expected: kind(&is_awaited, &LaneLine::expected),
            breaks: kind(&is_break, &|line| line.breaks.iter().sum()),
        }
    }
}

fn signed(sum: i128) -> ModelResult<SignedAmount> {
    let limited = i64::try_from(sum).map_err(|_| ModelRefusal::Because("too much"))?;
    Ok(SignedAmount::of(limited))
}

fn size(amount: i128) -> u64 {
    u64::try_from(amount.unsigned_abs()).unwrap()
}

/// The bank account's movement that a command's postings are.
fn movement_of(command: &Command) -> Option<BankMovement> {
    use BankMovement as M;
    Some(match *command {
        Command::ClearLine(ClearLine { rail, file, .. }) => M::ClearingFile { rail, file },
        Command::ConfirmDeposit(ConfirmDeposit { deposit, .. }) => M::Deposit(deposit),
        Command::ConfirmPayout(ConfirmPayout { payout }) => M::Payout(payout),
        Command::ReturnPayout(ReturnPayout { payout }) => M::ReturnedPayout(payout),
        Command::ConfirmRefund(ConfirmRefund { payment, number, .. }) => {
            M::Refund { payment, number }
        }
        Command::PayCommission(PayCommission { firm, number, .. }) => {
            M::Commission { firm, number }
        }
        Command::PayTax(PayTax { number, .. }) => M::Tax(number),
        Command::RecordSellerPayment(RecordSellerPayment {
            seller,
            currency,
            invoice,
            number,
            ..
        }) => M::InvoicePayment { seller, currency, invoice, number },
        Command::PostAdjustment(PostAdjustment { number, .. }) => M::Adjustment(number),
        Command::RaiseBreak(RaiseBreak { break_id, .. })
        | Command::WithdrawBreak(WithdrawBreak { break_id, .. })
        | Command::ReclassifyBreak(ReclassifyBreak { break_id, .. }) => M::Break(break_id),
        Command::ApproveBreakResolution(ApproveBreakResolution {
            break_id,
            resolution: BreakResolution::ThroughBank(_),
            ..
        }) => M::BreakClosed(break_id),
        _ => return None,
    })
}

impl Model {
    pub fn apply_statement_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::BeginFile(begin) => self.begin_file(begin),
            Command::EndFile(end) => self.end_file(end),
            Command::TakeEntry(entry) => self.take_entry(entry),
            Command::MatchEntry(decision) => self.match_entry(decision),
            _ => return None,
        };
        Some(done)
    }

    /// After a command: the bank accounts that it moved. What an entry moves, it shows.
    pub fn note_bank_movements(&mut self, command: &Command) {
        let Some(movement) = movement_of(command) else { return };
        let moves = |stage| matches!(stage, PostingStage::Posted | PostingStage::PostedFromReserve);
        for line in self.outcome.lines.clone() {
            let amount = i128::from(line.amount);
            for (account, moved) in [(line.debit, amount), (line.credit, -amount)] {
                if account.0 == A::Bank && moves(line.stage) {
                    let (bank, day, shown) = (BankId(account.1), self.today, 0);
                    let change = BankChange { bank, movement, moved, shown, day };
                    self.statements.history.push(change);
                }
            }
        }
    }

    fn show(&mut self, bank: BankId, movement: BankMovement, shown: i128, moves_now: bool) {
        let moved = if moves_now { shown } else { 0 };
        let change = BankChange { bank, movement, moved, shown, day: self.today };
        self.statements.history.push(change);
    }

    /// What is on no statement, and since when something of it is not.
    pub fn open_movements(&self, bank: BankId) -> Vec<OpenMovementView> {
        let mut open: BTreeMap<BankMovement, (i128, BusinessDate)> = BTreeMap::new();
        for change in self.statements.history.iter().filter(|one| one.bank == bank) {
            let (amount, since) = open.entry(change.movement).or_default();
            if *amount == 0 {
                *since = change.day;
            }
            *amount += change.moved - change.shown;
        }
        let open = open.into_iter().filter(|(_, (amount, _))| *amount != 0);
        open.map(|(movement, (amount, since))| OpenMovementView { movement, amount, since })
            .collect()
    }

    /// What is open of a movement of a bank account. Zero: nothing.
    pub fn open_of_movement(&self, bank: BankId, movement: BankMovement) -> i128 {
        let history = self.statements.history.iter();
        let own = history.filter(|one| (one.bank, one.movement) == (bank, movement));
        own.map(|one| one.moved - one.shown).sum()
    }

    pub fn expected_entries(&self, bank: BankId) -> Vec<ExpectedEntryView> {
        let files = self.files_of(FileLane::Bank(bank)).iter();
        let lines = files.flat_map(|file| &file.lines).filter(|line| line.expected() != 0);
        lines
            .map(|line| {
                let TakeEntry { file, line: number, booked, .. } =
                    *line.entry.as_ref().expect("only entries are awaited");
                let until = line.until.expect("until some day");
                ExpectedEntryView { file, line: number, booked, amount: line.expected(), until }
            })
            .collect()
    }

    /// What the statements of a bank account showed that the books have.
    pub fn shown(&self, bank: BankId) -> i128 {
        let lines = self.files_of(FileLane::Bank(bank)).iter().flat_map(|file| &file.lines);
        lines.map(|line| line.amount - line.expected()).sum()
    }

    pub fn files_of(&self, lane: FileLane) -> &[LaneFile] {
        self.statements.files.get(&lane).map_or(&[], Vec::as_slice)
    }

    /// The file of the lane that is not ended.
    pub fn open_file(&self, lane: FileLane) -> Option<&LaneFile> {
        self.files_of(lane).last().filter(|file| file.ended.is_none())
    }

    /// The number of the last file that was begun, or has lines.
    pub fn last_file(&self, lane: FileLane) -> u32 {
        let begun = self.files_of(lane).last().map_or(0, |file| file.begun.file);
        let rail = match lane {
            FileLane::Network(id) => RailId::Network(id),
            FileLane::Wallet(id) => RailId::Wallet(id),
            FileLane::Bank(_) | FileLane::Firm(_) => return begun,
        };
        let cleared = self.file_lines.get(&rail).and_then(|lines| lines.last());
        begun.max(cleared.map_or(0, |line| line.file))
    }

    fn has_lane(&self, lane: FileLane) -> bool {
        match lane {
            FileLane::Network(id) => self.networks.contains_key(&id),
            FileLane::Wallet(id) => self.wallets.contains_key(&id),
            FileLane::Bank(id) => self.banks.contains_key(&id),
            FileLane::Firm(_) => false,
        }
    }

    fn begin_file(&mut self, begin: &BeginFile) -> ModelResult {
        let BeginFile { lane, file, digest, from, until, lines, opening, .. } = *begin;
        ensure(self.has_lane(lane), "nobody who sends files")?;
        check_reference(&begin.form)?;
        let files = self.files_of(lane);
        if let Some(known) = files.iter().find(|one| one.begun.file == file) {
            return self.only_repeats(known.begun == *begin);
        }
        ensure(file == self.last_file(lane) + 1, "not the next number")?;
        ensure(self.open_file(lane).is_none(), "another file is open")?;
        ensure(files.iter().all(|one| one.begun.digest != digest), "taken before")?;
        ensure(from <= until && until <= self.today, "days to come, or no days")?;
        ensure(lines <= LINES_PER_FILE_MAX, "too many lines")?;
        let is_statement = matches!(lane, FileLane::Bank(_));
        ensure(opening.is_some() == is_statement, "only statements have balances")?;
        if let Some(BeginFile { until: last, opening: balance, total, .. }) =
            files.last().map(|one| &one.begun).filter(|_| is_statement)
        {
            ensure(from >= *last, "an earlier statement")?;
            let minor = |amount: Option<SignedAmount>| amount.map(|one| i128::from(one.minor()));
            let closing = minor(*balance).map(|opening| opening + i128::from(total.minor()));
            ensure(minor(opening) == closing, "a statement is missing")?;
        }
        let (begun, lines, ended) = (begin.clone(), Vec::new(), None);
        self.statements.files.entry(lane).or_default().push(LaneFile { begun, lines, ended });
        self.push_event(Event::FileBegun { lane, file })
    }

    fn end_file(&mut self, end: &EndFile) -> ModelResult {
        let EndFile { lane, file, .. } = *end;
        ensure(self.has_lane(lane), "nobody who sends files")?;
        let known = self.files_of(lane).iter().find(|one| one.begun.file == file);
        let known = known.ok_or(ModelRefusal::Because("no such file was begun"))?;
        if let Some(ended) = &known.ended {
            return self.only_repeats(ended == end);
        }
        ensure(known.has_all_lines(), "lines are missing")?;
        ensure(known.total() == i128::from(known.begun.total.minor()), "another total")?;
        let sums = known.sums();
        let files = self.statements.files.get_mut(&lane).expect("found before");
        files.last_mut().expect("found before").ended = Some(end.clone());
        let matched = signed(sums.matched.amount)?;
        let (expected, breaks) = (signed(sums.expected.amount)?, signed(sums.breaks.amount)?);
        self.push_event(Event::FileEnded { lane, file, matched, expected, breaks })
    }

    /// A line of a rail's file fits the file that was begun, if one was.
    pub fn may_have_line(&self, lane: FileLane, file: u32) -> ModelResult {
        if let Some(open) = self.open_file(lane) {
            ensure(open.begun.file == file, "another file is open")?;
        }
        let begun = self.files_of(lane).iter().find(|one| one.begun.file == file);
        ensure(begun.is_none_or(|one| !one.has_all_lines()), "all its lines are there")
    }

    /// A line of a rail's file was booked.
    pub fn count_clear_line(&mut self, line: &ClearLine) {
        let amount = i128::from(line.amount.minor()) - i128::from(line.deducted.minor());
        let raised = self.outcome.events.iter().filter_map(|event| match event {
            Event::BreakRaised { break_id, .. } => Some(&self.breaks[break_id]),
            _ => None,
        });
        let breaks: Vec<i128> = raised
            .map(|one| match one.side {
                BreakSide::Excess => i128::from(one.whole),
                BreakSide::Shortfall => -i128::from(one.whole),
            })
            .collect();
        let matched = amount - breaks.iter().sum::<i128>();
        let new = LaneLine { amount, matched, breaks, until: None, entry: None };
        let lane = FileLane::from(line.rail);
        if let Some(file) = self.statements.files.get_mut(&lane).and_then(|all| all.last_mut())
            && file.begun.file == line.file
        {
            file.lines.push(new);
        }
    }

    fn take_entry(&mut self, entry: &TakeEntry) -> ModelResult {
        let TakeEntry { bank, file, line, booked, amount, expected_until, .. } = *entry;
        ensure(self.banks.contains_key(&bank), "no such bank account")?;
        let lane = FileLane::Bank(bank);
        let place = usize::try_from(line).unwrap();
        ensure(place > 0, "lines begin with 1")?;
        // Each line of the last statement that has lines is remembered.
        let mut with_lines = self.files_of(lane).iter().rev().filter(|one| !one.lines.is_empty());
        let remembered = with_lines.next().filter(|one| one.begun.file == file);
        if let Some(before) = remembered.and_then(|one| one.lines.get(place - 1)) {
            return self.only_repeats(before.entry.as_ref() == Some(entry));
        }
        let last = self.files_of(lane).last().filter(|one| one.begun.file == file);
        let last = last.ok_or(ModelRefusal::Because("not the last statement"))?.clone();
        ensure(place == last.lines.len() + 1, "not the next line")?;
        ensure(last.ended.is_none() && !last.has_all_lines(), "all its lines are there")?;
        ensure(amount != SignedAmount::ZERO, "an entry of nothing")?;
        let days = last.begun.from..=last.begun.until;
        ensure(days.contains(&booked), "a day of another statement")?;
        let (amount, breaks) = (i128::from(amount.minor()), Vec::new());
        let files = self.statements.files.get_mut(&lane).expect("found before");
        files.last_mut().expect("found before").lines.push(LaneLine {
            amount,
            matched: 0,
            breaks,
            until: None,
            entry: Some(entry.clone()),
        });
        self.decide((bank, file, line), &entry.parts, expected_until)
    }

    fn match_entry(&mut self, decision: &MatchEntry) -> ModelResult {
        let MatchEntry { bank, file, line, expected_until, .. } = *decision;
        ensure(self.banks.contains_key(&bank), "no such bank account")?;
        let known = self.line((bank, file, line));
        let known = known.filter(|one| one.expected() != 0);
        let known = known.ok_or(ModelRefusal::Because("nothing is awaited"))?;
        if decision.parts.is_empty() && known.until == expected_until {
            return Err(ModelRefusal::Repeated);
        }
        self.decide((bank, file, line), &decision.parts, expected_until)
    }

    fn line(&self, (bank, file, line): (BankId, u32, u32)) -> Option<&LaneLine> {
        let files = self.files_of(FileLane::Bank(bank)).iter();
        let mut lines = files.flat_map(|file| &file.lines);
        lines.find(|one| {
            one.entry.as_ref().is_some_and(|entry| (entry.file, entry.line) == (file, line))
        })
    }

    /// More parts of an entry are known, and what becomes of its rest.
    fn decide(
        &mut self,
        (bank, file, line): (BankId, u32, u32),
        parts: &[EntryPart],
        until: Option<BusinessDate>,
    ) -> ModelResult {
        let in_order = parts.windows(2).all(|two| two[0].movement < two[1].movement);
        ensure(in_order && parts.len() <= ENTRY_PARTS_MAX, "no order, or too many")?;
        ensure(until.is_none_or(|day| day >= self.today), "a day that is over")?;
        let acts = parts.iter().map(|part| self.part_act(bank, *part));
        let acts: Vec<PartAct> = acts.collect::<ModelResult<_>>()?;
        let known = self.line((bank, file, line)).expect("the caller found it");
        let matched: i128 = parts.iter().map(|part| i128::from(part.amount.minor())).sum();
        let rest = known.expected() - matched;
        ensure(rest.unsigned_abs() <= Amount::ENTRY_MAX.minor().into(), "too much")?;
        for (part, act) in parts.iter().zip(acts) {
            self.about = (None, None);
            let moves_now = !matches!(act, PartAct::Show);
            self.show(bank, part.movement, i128::from(part.amount.minor()), moves_now);
            match act {
                PartAct::Confirm(deposit, credited) => {
                    let confirm = ConfirmDeposit { deposit, credited };
                    let command = Command::ConfirmDeposit(confirm);
                    self.confirm_deposit(deposit, credited, &command)?;
                }
                PartAct::Pay(payout) => self.confirm_payout(payout)?,
                PartAct::Return(payout) => self.return_payout(payout)?,
                PartAct::Show => {}
            }
        }
        self.about = (None, None);
        let (mut break_id, mut expected) = (None, rest);
        if until.is_none() && rest != 0 {
            let side = if rest > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
            let (subject, currency) = (BreakSubject::Bank(bank), self.banks[&bank]);
            let (account, suspense) = ((A::Bank, bank.0, currency), (A::Suspense, 0, currency));
            match side {
                BreakSide::Excess => {
                    self.post(ChartEntry::BreakExcess, account, suspense, size(rest));
                }
                BreakSide::Shortfall => {
                    self.post(ChartEntry::BreakShortfall, suspense, account, size(rest));
                }
            }
            break_id =
                Some(self.record_automatic_break(subject, side, size(rest), currency, None)?);
            expected = 0;
        }
        let files = self.statements.files.get_mut(&FileLane::Bank(bank)).expect("found before");
        let mut lines = files.iter_mut().flat_map(|file| &mut file.lines);
        let known = lines.find(|one| {
            one.entry.as_ref().is_some_and(|entry| (entry.file, entry.line) == (file, line))
        });
        let known = known.expect("found before");
        known.matched += matched;
        known.breaks.extend(break_id.map(|_| rest));
        known.until = until.filter(|_| rest != 0);
        let so_far = known.matched;
        let (matched, expected) = (signed(so_far)?, signed(expected)?);
        let firm = None;
        self.push_event(Event::EntryTaken { bank, firm, file, line, matched, expected, break_id })
    }

    /// What a part of an entry means, as the books are before the entry.
    fn part_act(&self, bank: BankId, part: EntryPart) -> ModelResult<PartAct> {
        let amount = i128::from(part.amount.minor());
        ensure(amount != 0, "a part of nothing")?;
        let most = u128::from(Amount::ENTRY_MAX.minor());
        ensure(amount.unsigned_abs() <= most, "too large a sum")?;
        let own_payout = |id: PayoutId| {
            let (line, state) = self.payouts.get(&id)?;
            Some((i128::from(line.net.minor()), *state))
        };
        match part.movement {
            BankMovement::Deposit(id) if self.deposits.contains_key(&id) => {
                let goes_to = self.reserved[&ReservationFor::Deposit(id)].debit.1;
                ensure(goes_to == bank.0, "another bank account")?;
                let announced = i128::from(self.deposits[&id].amount);
                ensure((1..=announced).contains(&amount), "not what was announced")?;
                return Ok(PartAct::Confirm(id, Amount::of(size(amount))));
            }
            BankMovement::Payout(id) => {
                if let Some((net, PayoutState::Sent(from))) = own_payout(id) {
                    ensure(from == bank, "another bank account")?;
                    ensure(amount == -net, "a payout is paid as a whole")?;
                    return Ok(PartAct::Pay(id));
                }
            }
            BankMovement::ReturnedPayout(id) => {
                if let Some((net, PayoutState::Confirmed(from, day))) = own_payout(id) {
                    ensure(from == bank, "another bank account")?;
                    ensure(amount == net, "a payout comes back as a whole")?;
                    let over = day.plus_days(PAYOUT_RETURN_DAYS) < self.today;
                    ensure(!over, "arrived too long ago")?;
                    return Ok(PartAct::Return(id));
                }
            }
            _ => {}
        }
        self.can_be_shown(bank, part.movement, amount)?;
        Ok(PartAct::Show)
    }

    /// Something that the books posted is open with at least so much.
    fn can_be_shown(&self, bank: BankId, movement: BankMovement, amount: i128) -> ModelResult {
        let open = self.open_of_movement(bank, movement);
        let fits = open.signum() == amount.signum() && amount.abs() <= open.abs();
        ensure(fits, "not so much is open")
    }

    /// Whether a part of a break of a statement's entry is this movement.
    pub fn is_movement(&self, id: BreakId, movement: BankMovement, part: u64) -> ModelResult {
        let one = &self.breaks[&id];
        let BreakSubject::Bank(bank) = one.subject else {
            return Err(ModelRefusal::Because("not of a bank account"));
        };
        ensure(id >= FIRST_AUTOMATIC_BREAK, "no entry shows it")?;
        self.can_be_shown(bank, movement, break_amount(one.side, part))
    }

    pub fn close_by_movement(
        &mut self,
        id: BreakId,
        movement: BankMovement,
        part: u64,
    ) -> ModelResult {
        self.is_movement(id, movement, part)?;
        let one = self.breaks[&id].clone();
        let account = self.subject_account(one.subject)?;
        let suspense = (A::Suspense, 0, one.currency);
        match one.side {
            BreakSide::Excess => self.post(ChartEntry::ExcessWithdrawn, suspense, account, part),
            BreakSide::Shortfall => {
                self.post(ChartEntry::ShortfallWithdrawn, account, suspense, part);
            }
        }
        self.show(BankId(account.1), movement, break_amount(one.side, part), false);
        Ok(())
    }
}

fn break_amount(side: BreakSide, part: u64) -> i128 {
    let part = i128::from(part);
    if side == BreakSide::Excess { part } else { -part }
}

//! Steps of files and bank statements.

use books::*;
use money::{Amount, SignedAmount};

use super::clearing::{line, signed};
use super::{Choices, Mistake};
use crate::model::{Break, LaneFile, Numbered, PayoutState, ReservationFor};
use crate::world::{BANKS, NETWORKS, WALLETS};

/// The most lines of a file.
const LINES_MAX: usize = 3;

fn lanes() -> Vec<FileLane> {
    let networks = NETWORKS.into_iter().map(FileLane::Network);
    let wallets = WALLETS.into_iter().map(FileLane::Wallet);
    networks.chain(wallets).chain(BANKS.into_iter().map(FileLane::Bank)).collect()
}

/// The lanes whose last file, if it is open, fits.
fn lanes_with(roll: &Choices, fits: impl Fn(Option<&LaneFile>) -> bool) -> Vec<FileLane> {
    let mut lanes = lanes();
    lanes.retain(|lane| fits(roll.model.open_file(*lane)));
    lanes
}

fn is_bank(lane: &FileLane) -> bool {
    matches!(lane, FileLane::Bank(_))
}

fn any_lane(die: usize) -> FileLane {
    match die % 9 {
        7 => FileLane::Network(NetworkId(99)),
        8 => FileLane::Bank(BankId(99)),
        known => lanes()[known],
    }
}

/// Statements that can be begun.
pub fn can_begin_statement(roll: &Choices) -> bool {
    lanes_with(roll, |open| open.is_none()).iter().any(is_bank)
}

pub fn begin_statement(roll: &Choices) -> Command {
    let mut lanes = lanes_with(roll, |open| open.is_none());
    lanes.retain(is_bank);
    begin(roll, roll.pick(0, &lanes, any_lane))
}

pub fn begin_clearing_file(roll: &Choices) -> Command {
    let mut lanes = lanes_with(roll, |open| open.is_none());
    lanes.retain(|lane| !is_bank(lane));
    begin(roll, roll.pick(0, &lanes, any_lane))
}

fn begin(roll: &Choices, lane: FileLane) -> Command {
    let last = roll.model.files_of(lane).last().map(|one| &one.begun);
    let today = roll.model.today;
    let first = match last {
        Some(last) if is_bank(&lane) => last.until,
        Some(last) => last.from,
        None => today.minus_days(roll.step.random_numbers[1] % 3),
    };
    // Mostly the days since the last file.
    let from = match roll.step.mistake {
        Mistake::NumberBelow if roll.one_in(2, 2) => first.minus_days(1),
        _ if roll.one_in(1, 3) => today,
        _ => first,
    };
    let until = match roll.step.mistake {
        Mistake::NumberAbove if roll.one_in(2, 2) => today.plus_days(1),
        _ if roll.one_in(2, 5) => from,
        _ => today,
    };
    let lines = match roll.number_at(3) % 9 {
        0 => 0,
        other => 1 + other % LINES_MAX,
    };
    // Often one thing that moves the account.
    let amounts: Vec<i128> = match lane {
        FileLane::Bank(bank) => candidates(roll, bank).into_iter().map(|(_, one)| one).collect(),
        _ => Vec::new(),
    };
    let some = i128::from(roll.step.random_numbers[2]) * 5 - 2_000;
    let total = if lines == 0 { 0 } else { roll.pick(1, &amounts, |_| some) };
    // A file of one line has something in it.
    let total = if lines == 1 && total == 0 { 7 } else { total };
    let total = match roll.step.mistake {
        Mistake::AmountHuge => i128::from(Amount::ENTRY_MAX.minor()) + 1,
        _ => total,
    };
    let closing = last.and_then(|one| Some(one.opening?.minor() + one.total.minor()));
    let opening = closing.unwrap_or(i64::from(roll.step.random_numbers[1]) - 400);
    let opening = match roll.step.mistake {
        Mistake::AmountAbove => opening + 1,
        _ => opening,
    };
    let number = u64::from(roll.model.last_file(lane)) + 1;
    let file = roll.count(u32::try_from(number).expect("few files"));
    let mut digest = [0; 32];
    let old = roll.makes_mistake(Mistake::AmountZero) && number > 1;
    digest[..8].copy_from_slice(&(if old { number - 1 } else { number }).to_be_bytes());
    Command::BeginFile(BeginFile {
        lane,
        file,
        digest: Sha256Digest(digest),
        form: if roll.one_in(3, 60) { String::new() } else { "camt.053".into() },
        from,
        until,
        lines: match roll.one_in(0, 40) && roll.makes_mistake(Mistake::AnyThing) {
            true => LINES_PER_FILE_MAX + 1,
            false => u32::try_from(lines).expect("few lines"),
        },
        total: signed(total),
        opening: (is_bank(&lane) != roll.makes_mistake(Mistake::SomebodyElse))
            .then_some(SignedAmount::of(opening)),
    })
}

pub fn can_end(roll: &Choices) -> bool {
    !complete(roll).is_empty()
}

fn complete(roll: &Choices) -> Vec<FileLane> {
    lanes_with(roll, |open| open.is_some_and(LaneFile::has_all_lines))
}

pub fn end_file(roll: &Choices) -> Command {
    let open = lanes_with(roll, |open| open.is_some());
    let lanes = if roll.one_in(2, 9) { open } else { complete(roll) };
    let lane = roll.pick(0, &lanes, any_lane);
    let file = roll.count(roll.model.last_file(lane));
    Command::EndFile(EndFile { lane, file, digest: Sha256Digest([7; 32]) })
}

fn is_incomplete(open: Option<&LaneFile>) -> bool {
    open.is_some_and(|file| !file.has_all_lines())
}

/// The files of networks and wallets whose lines are not all there.
pub fn incomplete_clearing_files(roll: &Choices) -> Vec<FileLane> {
    let mut lanes = lanes_with(roll, is_incomplete);
    lanes.retain(|lane| !is_bank(lane));
    lanes
}

/// A line of a file that was begun. It names no payment.
pub fn line_of_file(roll: &Choices) -> Command {
    let lane = roll.pick(0, &incomplete_clearing_files(roll), any_lane);
    let made = line(roll, ClearLineKind::FeeCorrection, None, (0, 3));
    let Command::ClearLine(mut one) = made else { unreachable!("a line") };
    let open = roll.model.open_file(lane);
    let (file, number) = open.map_or((1, 1), |open| (open.begun.file, open.lines.len() + 1));
    let (rail, currency) = match lane {
        FileLane::Network(id) => (RailId::Network(id), roll.model.networks.get(&id)),
        FileLane::Wallet(id) => (RailId::Wallet(id), roll.model.wallets.get(&id)),
        FileLane::Bank(_) | FileLane::Firm(_) => (RailId::Network(NETWORKS[0]), None),
    };
    one.reference = match rail {
        RailId::Network(_) => {
            let sent = NetworkReference { stan: Stan::of(7), sent_at: Timestamp(7_000) };
            LineReference::Request { rrn: RetrievalReference::of(b"ABCDEF000007"), sent }
        }
        RailId::Wallet(_) => LineReference::Order("order 7".into()),
    };
    (one.rail, one.file) = (rail, file);
    one.line = roll.count(u32::try_from(number).expect("few lines"));
    one.bank = roll.bank(currency.copied().unwrap_or(money::Currency::CNY));
    one.deducted = signed(-last_amount(open).unwrap_or(-3));
    Command::ClearLine(one)
}

/// What the last line of a file must have, so that its lines add up. `None` for earlier lines.
pub fn last_amount(open: Option<&LaneFile>) -> Option<i128> {
    let open = open?;
    let is_last = open.lines.len() + 1 == usize::try_from(open.begun.lines).ok()?;
    is_last.then(|| i128::from(open.begun.total.minor()) - open.total())
}

/// What an entry of the bank account can show, with its amount.
fn candidates(roll: &Choices, bank: BankId) -> Vec<(BankMovement, i128)> {
    let model = roll.model;
    let open = model.open_movements(bank).into_iter().map(|one| (one.movement, one.amount));
    let mut all: Vec<_> = open.collect();
    for (id, deposit) in &model.deposits {
        let reserved = &model.reserved[&ReservationFor::Deposit(*id)];
        if reserved.debit.1 == bank.0 {
            all.push((BankMovement::Deposit(*id), deposit.amount.into()));
        }
    }
    for (id, (line, state)) in &model.payouts {
        let net = i128::from(line.net.minor());
        match state {
            // What is in flight cannot have come back.
            PayoutState::Sent(from) if *from == bank && roll.makes_mistake(Mistake::AnyThing) => {
                all.push((BankMovement::ReturnedPayout(*id), net));
            }
            PayoutState::Confirmed(from, _) if *from == bank => {
                all.push((BankMovement::ReturnedPayout(*id), net));
            }
            PayoutState::Sent(from) if *from == bank => {
                all.push((BankMovement::Payout(*id), -net));
            }
            _ => {}
        }
    }
    all.sort_by_key(|(movement, _)| *movement);
    all.dedup_by_key(|(movement, _)| *movement);
    all
}

/// Some of what an entry can show, mostly as a whole, in order.
fn parts(roll: &Choices, bank: BankId, count: usize) -> Vec<EntryPart> {
    let all = candidates(roll, bank);
    let mut chosen: Vec<(BankMovement, i128)> = Vec::new();
    for place in 0..count.min(all.len()) {
        let one = all[(roll.number_at(0) + place * 7) % all.len()];
        if chosen.iter().all(|(movement, _)| *movement != one.0) {
            chosen.push(one);
        }
    }
    let any = roll.makes_mistake(Mistake::AnyThing);
    if !any {
        chosen.sort_by_key(|(movement, _)| *movement);
    } else if roll.one_in(1, 3) {
        chosen.push((BankMovement::Payout(PayoutId(1)), -5));
    }
    let amount = |place: usize, whole: i128| match roll.step.mistake {
        Mistake::AmountZero if place == 0 => 0,
        Mistake::AmountAbove if place == 0 => whole + whole.signum(),
        Mistake::SomebodyElse if place == 0 => -whole,
        _ if roll.one_in(3, 6) && whole.abs() > 1 => whole / 2,
        _ => whole,
    };
    let parts = chosen.into_iter().enumerate();
    parts
        .map(|(place, (movement, whole))| EntryPart {
            movement,
            amount: signed(amount(place, whole)),
        })
        .collect()
}

fn sum(parts: &[EntryPart]) -> i128 {
    parts.iter().map(|part| i128::from(part.amount.minor())).sum()
}

fn until(roll: &Choices, place: usize) -> Option<BusinessDate> {
    let today = roll.model.today;
    match roll.number_at(place) % 6 {
        0 if roll.makes_mistake(Mistake::NumberBelow) => Some(today.minus_days(1)),
        0..3 => Some(today.plus_days(roll.step.random_numbers[place] % 4)),
        _ => None,
    }
}

pub fn incomplete_statements(roll: &Choices) -> Vec<FileLane> {
    let mut lanes = lanes_with(roll, is_incomplete);
    lanes.retain(is_bank);
    lanes
}

pub fn take_entry(roll: &Choices) -> Command {
    let FileLane::Bank(bank) =
        roll.pick(1, &incomplete_statements(roll), |die| FileLane::Bank(BANKS[die % 2]))
    else {
        unreachable!("a bank account")
    };
    let open = roll.model.open_file(FileLane::Bank(bank));
    let parts = parts(roll, bank, [1, 1, 1, 2, 3, 0][roll.number_at(2) % 6]);
    let difference = match roll.number_at(3) % 8 {
        0..4 => 0,
        4 | 5 => i128::from(roll.step.random_numbers[1]) - 500,
        6 => 1,
        _ => -1,
    };
    let mut amount = sum(&parts) + difference;
    if amount == 0 {
        amount = 9;
    }
    match last_amount(open) {
        // Nothing would be left for the last line.
        Some(0) => {}
        Some(last) if !roll.makes_mistake(Mistake::AnyThing) => amount = last,
        Some(_) => {}
        None => {
            let left = open.map(|file| i128::from(file.begun.total.minor()) - file.total());
            amount += i128::from(left == Some(amount));
        }
    }
    let days = open.map(|file| (file.begun.from, file.begun.until));
    let (from, last) = days.unwrap_or((roll.model.today, roll.model.today));
    let booked = match roll.step.mistake {
        Mistake::NumberAbove => last.plus_days(1),
        _ if roll.one_in(3, 2) => from,
        _ => last,
    };
    let next = open.map_or(1, |file| u32::try_from(file.lines.len()).expect("few lines") + 1);
    Command::TakeEntry(TakeEntry {
        bank,
        firm: None,
        file: open.map_or(1, |file| file.begun.file),
        line: match roll.makes_mistake(Mistake::NumberBelow) && roll.one_in(0, 2) {
            true => next + 1,
            false => next,
        },
        booked,
        amount: signed(match roll.step.mistake {
            Mistake::AmountHuge => i128::from(Amount::ENTRY_MAX.minor()),
            _ => amount,
        }),
        parts,
        expected_until: until(roll, 1),
        found: roll.one_in(3, 2).then_some(EntryFinding::ExactKey),
    })
}

fn awaited(roll: &Choices) -> Vec<(BankId, u32, u32)> {
    let mut all = Vec::new();
    for bank in BANKS {
        let entries = roll.model.expected_entries(bank).into_iter();
        all.extend(entries.map(|one| (bank, one.file, one.line)));
    }
    all
}

pub fn awaits_a_cause(roll: &Choices) -> bool {
    !awaited(roll).is_empty()
}

pub fn match_entry(roll: &Choices) -> Command {
    let any = |die: usize| (BANKS[die % 2], 1, u32::try_from(die % 3).expect("below three"));
    let (bank, file, line) = roll.pick(1, &awaited(roll), any);
    let mut parts = parts(roll, bank, [1, 0, 1, 2][roll.number_at(2) % 4]);
    // Often just what is awaited.
    let expected = roll.model.expected_entries(bank).into_iter();
    let mut rest =
        expected.filter(|one| (one.file, one.line) == (file, line)).map(|one| one.amount);
    if let (Some(rest), [part]) = (rest.next_back(), &mut parts[..])
        && roll.model.open_of_movement(bank, part.movement).abs() >= rest.abs()
        && i128::from(part.amount.minor()).signum() == rest.signum()
        && roll.step.mistake == Mistake::None
    {
        part.amount = signed(rest);
    }
    let expected_until = until(roll, 3);
    let (firm, found) = (None, None);
    Command::MatchEntry(MatchEntry { bank, firm, file, line, parts, expected_until, found })
}

/// Movements that explain a break of an entry, with the largest part that they explain.
fn explaining(roll: &Choices) -> Vec<(BreakId, BankMovement, u64)> {
    let mut all = Vec::new();
    let breaks = roll.model.breaks.range(FIRST_AUTOMATIC_BREAK..);
    for (id, one) in breaks.filter(|(_, one)| is_of_entry(one)) {
        let BreakSubject::Bank(bank) = one.subject else { continue };
        for open in roll.model.open_movements(bank) {
            let most = u64::try_from(open.amount.unsigned_abs()).unwrap_or(u64::MAX);
            let part = most.min(one.amount);
            if roll.model.is_movement(*id, open.movement, part).is_ok() {
                all.push((*id, open.movement, part));
            }
        }
    }
    all
}

fn is_of_entry(one: &Break) -> bool {
    let resolution = one.proposal.map(|(resolution, ..)| resolution);
    matches!(one.subject, BreakSubject::Bank(_))
        && !one.closed
        && !matches!(resolution, Some(BreakResolution::ToMovement(_)))
}

pub fn has_explained_break(roll: &Choices) -> bool {
    roll.model.breaks.values().any(is_of_entry) && !explaining(roll).is_empty()
}

/// Proposes that the entry of a break shows what the books posted since.
pub fn propose_movement(roll: &Choices) -> Command {
    let any = |die: usize| {
        let movement = BankMovement::Tax(u32::try_from(die % 3).expect("below three"));
        (roll.open_break(false), movement, 5)
    };
    let (break_id, movement, part) = roll.pick(0, &explaining(roll), any);
    let open = roll.model.breaks.get(&break_id).map_or(0, |one| one.amount);
    let amount = (part != open || roll.one_in(1, 3)).then(|| roll.part(part));
    let done = roll.model.count_of(Numbered::BreakChanges(break_id));
    let number = roll.number(u8::try_from(done + 1).expect("few changes"));
    Command::ProposeBreakResolution(ProposeBreakResolution {
        break_id,
        number,
        resolution: BreakResolution::ToMovement(movement),
        amount,
        proposed_by: roll.person(3),
    })
}

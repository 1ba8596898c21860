//! What terminals ask for, and what networks answer.

use engine::view::TenderState as T;
use engine::*;
use money::{Amount, Currency};
use tariff::CardKind;

use super::door::by_card_or_qr;
use super::menu::{is_cash, is_payable};
use super::{Roll, Slip};
use crate::model::{How, Parcel, Standing, Tender};
use crate::world::NETWORKS;

const TERMINALS: u64 = 7;

fn any_terminal(die: usize) -> TerminalId {
    TerminalId(21 + u64::try_from(die).expect("a die") % TERMINALS)
}

/// The terminal of a courier, with an open batch if there is one.
fn terminal_of(roll: &Roll, courier: Option<CourierId>) -> TerminalId {
    let theirs = |id: &&TerminalId| Some(roll.model.terminals[*id].0) == courier;
    let all: Vec<TerminalId> = roll.model.terminals.keys().filter(theirs).copied().collect();
    let open: Vec<TerminalId> = all.iter().copied().filter(|id| open_batch_of(roll, *id)).collect();
    roll.pick(3, if open.is_empty() { &all } else { &open }, any_terminal)
}

pub fn open_batch_of(roll: &Roll, terminal: TerminalId) -> bool {
    roll.model.last_batches(terminal).last().is_some_and(|one| one.open)
}

/// The next number of a terminal's batch, or one that it has used.
fn number(roll: &Roll, terminal: TerminalId) -> (Trace, Mark) {
    let batch = roll.model.last_batches(terminal).last().map_or(1, |one| one.number);
    let here = |trace: &Trace| (trace.terminal, trace.batch) == (terminal, batch);
    let used = roll.model.transactions.iter().map(|one| one.trace);
    let used = used.chain(roll.model.unheard.iter().copied()).filter(here);
    let next = used.map(|trace| trace.stan).max().map_or(1, |last| last + 1);
    let stan = match roll.step.slip {
        Slip::NumberBelow => next - 1,
        // Terminals may leave numbers out, and come back to them.
        Slip::None if roll.seldom(2, 9) => next + 3,
        Slip::None if roll.seldom(2, 10) => next.saturating_sub(2),
        _ => next,
    };
    let batch = if roll.slips(Slip::NumberAbove) { batch + 1 } else { batch };
    let mark = Mark { date: 902, token: u64::from(roll.slips(Slip::SomebodyElse)) };
    (Trace { terminal, batch, stan }, mark)
}

fn sent(roll: &Roll) -> Sent {
    Sent { stan: u32::from(roll.step.dice[1]), at: roll.model.last_at }
}

fn authorisation(roll: &Roll) -> [u8; 6] {
    if roll.seldom(2, 2) { *b"00A1B2" } else { *b"      " }
}

fn code(roll: &Roll) -> [u8; 2] {
    if roll.seldom(1, 4) { *b"12" } else { *b"00" }
}

fn resolution(roll: &Roll) -> Resolution {
    match roll.die(1) % 10 {
        0..6 => Resolution::Approved,
        6 | 7 => Resolution::Declined { code: *b"51" },
        _ => Resolution::Unknown,
    }
}

pub fn open_batch(roll: &Roll) -> Command {
    let closed = |id: &&TerminalId| !open_batch_of(roll, **id);
    let closed: Vec<_> = roll.model.terminals.keys().filter(closed).copied().collect();
    let terminal = roll.pick(0, &closed, any_terminal);
    let last = roll.model.last_batches(terminal).last().map_or(0, |one| one.number);
    Command::OpenBatch { terminal, batch: roll.count(last + 1) }
}

pub fn purchase(roll: &Roll) -> Command {
    let (parcel, terminal, left) = at_the_terminal(roll);
    let (trace, mark) = number(roll, terminal);
    let method = by_card_or_qr(roll, currency_of(roll, parcel));
    let purpose = match method {
        Method::Card { .. } if roll.seldom(2, 3) => Purpose::PreAuthorisation,
        Method::Qr { .. } if roll.slips(Slip::AmountAbove) => Purpose::PreAuthorisation,
        _ => Purpose::Sale,
    };
    let verdict = if roll.slips(Slip::AnyThing) { Verdict::Down } else { Verdict::Chosen };
    let considered = match method {
        Method::Card { network, .. } => {
            let other = if network == NETWORKS[0] { NETWORKS[1] } else { NETWORKS[0] };
            let (cost, dearer) = (Amount::of(7), Verdict::Dearer);
            vec![
                Considered { network: other, cost, verdict: dearer },
                Considered { network, cost: Amount::ZERO, verdict },
            ]
        }
        Method::Qr { .. } => Vec::new(),
    };
    let (amount, sent) = (roll.part(left), sent(roll));
    Command::BeginPurchase { trace, mark, parcel, method, amount, purpose, sent, considered }
}

pub fn resolve_purchase(roll: &Roll) -> Command {
    let waits = |one: &Tender| match one.state {
        T::Begun => true,
        T::Unknown => roll.seldom(3, 4),
        T::Declined => roll.seldom(3, 6),
        _ => roll.seldom(3, 40),
    };
    let (resolution, authorisation) = (resolution(roll), authorisation(roll));
    Command::ResolvePurchase { tender: roll.tender(waits), resolution, authorisation }
}

/// A tender, with a terminal of the courier who has it, and the transaction's number.
fn about(roll: &Roll, tender: TenderId) -> (Trace, Mark) {
    let known = roll.model.tender(tender).ok();
    let courier = match roll.step.slip {
        Slip::SomebodyElse => Some(roll.courier(2)),
        _ => known.map(|one| one.courier),
    };
    number(roll, terminal_of(roll, courier))
}

pub fn complete(roll: &Roll) -> Command {
    let tender = roll.tender(|one| match one.state {
        T::Authorised => true,
        T::Releasing(TakeBack::Expiry) | T::Expired => roll.seldom(1, 4),
        _ => false,
    });
    let (trace, mark) = about(roll, tender);
    let authorised = roll.model.tender(tender).map_or(1, |one| one.amount);
    let (amount, sent) = (roll.part(authorised), sent(roll));
    Command::BeginCompletion { trace, mark, tender, amount, sent }
}

pub fn resolve_completion(roll: &Roll) -> Command {
    let waits = |one: &Tender| match one.state {
        T::Completing => true,
        T::CompletionUnknown => roll.seldom(3, 4),
        T::Authorised | T::Approved => roll.seldom(3, 9),
        _ => roll.seldom(3, 50),
    };
    let resolution = match roll.die(1) % 10 {
        0..5 => Resolution::Approved,
        5 => Resolution::Declined { code: *b"51" },
        _ => Resolution::Unknown,
    };
    let authorisation = authorisation(roll);
    Command::ResolveCompletion { tender: roll.tender(waits), resolution, authorisation }
}

pub fn end_completion_reversal(roll: &Roll) -> Command {
    let fits = |one: &Tender| match one.state {
        T::CompletionUnknown => true,
        T::Authorised => roll.seldom(1, 6),
        _ => false,
    };
    Command::EndCompletionReversal { tender: roll.tender(fits) }
}

/// Whether the courier who took a tender may take it back at a terminal.
pub fn may_go(roll: &Roll, one: &Tender) -> bool {
    let stands = matches!(one.state, T::Approved | T::Authorised) && one.gifts == 0;
    stands && can_work(roll, one.courier)
}

/// Whether a courier has a terminal with an open batch.
pub fn can_work(roll: &Roll, courier: CourierId) -> bool {
    let theirs = roll.model.terminals.iter().filter(|(_, (holder, _))| *holder == courier);
    theirs.map(|(id, _)| *id).any(|id| open_batch_of(roll, id))
}

pub fn void(roll: &Roll) -> Command {
    let tender = roll.tender(|one| may_go(roll, one) || roll.seldom(3, 30));
    let (trace, mark) = about(roll, tender);
    Command::BeginVoid { trace, mark, tender, sent: sent(roll) }
}

pub fn begin_reversal(roll: &Roll) -> Command {
    let fits = |one: &Tender| match one.state {
        T::Begun | T::Completing => roll.seldom(1, 3),
        T::TakingBack(_) | T::Releasing(_) => roll.seldom(1, 5),
        _ => may_go(roll, one) || roll.seldom(1, 30),
    };
    Command::BeginReversal { tender: roll.tender(fits) }
}

/// What is reversed unheard never came, or did after all.
pub fn reverse_unheard(roll: &Roll) -> Command {
    let open = |id: &&TerminalId| open_batch_of(roll, **id);
    let open: Vec<_> = roll.model.terminals.keys().filter(open).copied().collect();
    Command::ReverseUnheard { trace: number(roll, roll.pick(0, &open, any_terminal)).0 }
}

/// Whether somebody is asked to take a tender back.
pub fn is_going(one: &Tender) -> bool {
    matches!(one.state, T::TakingBack(_) | T::Releasing(_) | T::UndoingVoid)
}

/// Pre-authorisations expire here a day after they were asked for, seldom on the day itself.
pub fn expire(roll: &Roll) -> Command {
    let before = match roll.step.slip {
        Slip::NumberAbove => roll.model.today.plus(1),
        _ if roll.seldom(0, 3) => roll.model.today.before(),
        _ => roll.model.today,
    };
    let limit = match roll.die(1) % 8 {
        0..5 => ITEMS_PER_COMMAND_MAX,
        _ if roll.slips(Slip::AmountZero) => 0,
        _ => 1 + ITEMS_PER_COMMAND_MAX * u32::from(roll.slips(Slip::AnyThing)),
    };
    Command::ExpirePreAuthorisations { before, limit }
}

pub fn undo_void(roll: &Roll) -> Command {
    let void = |one: &Tender| {
        matches!(one.state, T::TakingBack(TakeBack::Void) | T::Releasing(TakeBack::Void))
    };
    Command::UndoVoid {
        tender: roll.tender(|one| void(one) || (is_going(one) && roll.seldom(1, 4))),
    }
}

pub fn end_taking_back(roll: &Roll) -> Command {
    let late = |one: &Tender| one.state == T::Declined && roll.seldom(3, 4);
    let tender = roll.tender(|one| is_going(one) || late(one) || roll.seldom(3, 40));
    let state = roll.model.tender(tender).map(|one| one.state);
    let right = match state {
        Ok(T::TakingBack(TakeBack::Void) | T::Releasing(TakeBack::Void)) => !roll.seldom(1, 4),
        Ok(T::UndoingVoid | T::Approved | T::Authorised) => false,
        _ => true,
    };
    let done = right != roll.slips(Slip::AnyThing);
    Command::EndTakingBack { tender, done, code: code(roll) }
}

pub fn take_advice(roll: &Roll) -> Command {
    let (parcel, terminal, left) = at_the_terminal(roll);
    let (trace, mark) = number(roll, terminal);
    let method = match by_card_or_qr(roll, currency_of(roll, parcel)) {
        Method::Qr { .. } if roll.step.slip == Slip::None => {
            let brl = currency_of(roll, parcel) == Currency::BRL;
            Method::Card { network: NETWORKS[if brl { 2 } else { 0 }], kind: CardKind::Debit }
        }
        method => method,
    };
    let amount = roll.part(left);
    let (sent, authorisation) = (sent(roll), authorisation(roll));
    Command::TakeAdvice { trace, mark, parcel, method, amount, sent, authorisation }
}

pub fn answer_advice(roll: &Roll) -> Command {
    let kind = TransactionKind::Advice;
    let open = |to_forward| {
        let all = roll.model.transactions.iter().filter(|one| one.kind == kind);
        all.filter(|one| one.to_forward == to_forward).map(|one| one.tender).collect::<Vec<_>>()
    };
    let tender = roll.pick(0, &open(!roll.seldom(2, 8)), |_| roll.tender(|_| true));
    Command::AnswerAdvice { tender, code: code(roll) }
}

pub fn set_offline_limit(roll: &Roll) -> Command {
    let terminal = any_terminal(roll.die(0));
    let each = 5_000 * u64::from(roll.step.dice[1] % 30);
    let total = each * u64::from(roll.step.dice[2] % 4);
    Command::SetOfflineLimit { terminal, each: Amount::of(each), total: Amount::of(total) }
}

pub fn take_cash(roll: &Roll) -> Command {
    let (parcel, terminal, left) = at_the_terminal(roll);
    let (trace, mark) = number(roll, terminal);
    let amount = roll.part(left);
    let change = Amount::of(u64::from(roll.step.dice[1] % 3) * 50);
    let tendered = amount.checked_add(change).unwrap_or(Amount::MAX);
    let change = if roll.slips(Slip::AnyThing) { Amount::of(1) } else { change };
    Command::TakeCash { trace, mark, parcel, amount, tendered, change }
}

pub fn begin_refund(roll: &Roll) -> Command {
    let wrong = roll.slips(Slip::AmountAbove);
    let tender =
        roll.tender(|one| one.posted() && is_cash(one) == wrong && one.given_back < one.amount);
    let (trace, mark) = about(roll, tender);
    let left = roll.model.tender(tender).map_or(1, |one| one.amount - one.given_back);
    let (amount, sent) = (roll.part(left), sent(roll));
    Command::BeginRefund { trace, mark, tender, amount, sent }
}

pub fn answer_refund(roll: &Roll) -> Command {
    let kind = TransactionKind::Refund;
    let asked = !roll.seldom(2, 8);
    let fits = |to_forward| (to_forward == asked) != roll.slips(Slip::AnyThing);
    let all = roll.model.transactions.iter().filter(|one| one.kind == kind && fits(one.to_forward));
    let all: Vec<_> = all.map(|one| one.trace).collect();
    let trace = roll.pick(0, &all, |die| {
        let any = roll.model.transactions.get(die % roll.model.transactions.len().max(1));
        any.map(|one| one.trace).unwrap_or_default()
    });
    Command::AnswerRefund { trace, code: code(roll) }
}

pub fn close_batch(roll: &Roll) -> Command {
    let open = |id: &&TerminalId| open_batch_of(roll, **id) != roll.seldom(1, 9);
    let open: Vec<_> = roll.model.terminals.keys().filter(open).copied().collect();
    close(roll, &open)
}

/// The terminals that went on to the next batch without uploading a disputed one.
pub fn went_on(roll: &Roll) -> Vec<TerminalId> {
    let disputed = disputed(roll).into_iter().map(|(terminal, _)| terminal);
    disputed.filter(|terminal| open_batch_of(roll, *terminal)).collect()
}

pub fn leave_disputed(roll: &Roll) -> Command {
    close(roll, &went_on(roll))
}

fn close(roll: &Roll, terminals: &[TerminalId]) -> Command {
    let terminal = roll.pick(0, terminals, any_terminal);
    let batch = roll.model.last_batches(terminal).last().map_or(1, |one| one.number);
    let mut totals = roll.model.batch_totals(terminal, batch);
    if roll.seldom(2, 3) {
        totals.card_debits.count += 1;
        totals.card_debits.amount = Amount::of(u64::from(roll.step.dice[3]));
    }
    let batch = roll.count(batch);
    Command::CloseBatch { terminal, batch, totals }
}

pub fn disputed(roll: &Roll) -> Vec<(TerminalId, u32)> {
    let open = |id: &TerminalId| {
        let batches = roll.model.last_batches(*id).into_iter();
        let disputed = batches.filter(|one| one.disputed && !one.reconciled);
        disputed.map(|one| (*id, one.number)).collect::<Vec<_>>()
    };
    roll.model.terminals.keys().flat_map(open).collect()
}

/// The lines of the books, with a few that are wrong, missing or unknown.
pub fn reconcile(roll: &Roll) -> Command {
    let any = |die| (any_terminal(die), 1);
    let (terminal, batch) = roll.pick(0, &disputed(roll), any);
    let mut lines = Vec::new();
    for one in &roll.model.transactions {
        let here = (one.trace.terminal, one.trace.batch) == (terminal, batch);
        if let (true, Some(column), Standing::Stands) = (here, one.column, one.standing) {
            let (amount, credit) = (Amount::of(one.amount), column.credit);
            lines.push(BatchLine { stan: one.trace.stan, amount, credit });
        }
    }
    let known = lines.len();
    match roll.die(1) % 5 {
        0 if known > 0 => drop(lines.remove(roll.die(2) % known)),
        1 if known > 0 => {
            let line = &mut lines[roll.die(2) % known];
            line.amount = Amount::of(line.amount.minor() / 2);
        }
        2 if known > 0 => lines[roll.die(2) % known].credit ^= true,
        3 => {
            let (amount, credit) = (Amount::of(50 + u64::from(roll.step.dice[3])), false);
            lines.push(BatchLine { stan: 700, amount, credit });
            let credit = roll.seldom(2, 3);
            lines.insert(0, BatchLine { stan: 699, amount: Amount::of(40), credit });
        }
        _ => {}
    }
    if roll.slips(Slip::NumberAbove) {
        lines.extend(lines.first().copied());
    }
    Command::ReconcileBatch { terminal, batch, lines }
}

pub fn withdraw(roll: &Roll) -> Command {
    let network = NETWORKS[roll.die(0) % 3];
    let from = match roll.step.slip {
        Slip::NumberBelow => Timestamp(roll.model.last_at.0.saturating_sub(1)),
        _ => roll.model.last_at.plus_ms(86_400_000 + 3_600_000 * roll.die(1) as u64),
    };
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    Command::WithdrawNetwork { network, from, proposed_by, approved_by }
}

pub fn reinstate(roll: &Roll) -> Command {
    let withdrawn: Vec<_> = roll.model.withdrawn.keys().copied().collect();
    let network = roll.pick(0, &withdrawn, |die| NETWORKS[die % 3]);
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    Command::ReinstateNetwork { network, proposed_by, approved_by }
}

/// Whether a parcel could be paid for at a terminal with an open batch.
pub fn is_sellable(roll: &Roll) -> bool {
    roll.any(|one| can_pay_at_terminal(roll, one))
}

fn can_pay_at_terminal(roll: &Roll, one: &Parcel) -> bool {
    is_payable(one) && one.courier.is_some_and(|courier| can_work(roll, courier))
}

/// A parcel that can be paid for at a terminal, with the terminal and what is left.
fn at_the_terminal(roll: &Roll) -> (ParcelId, TerminalId, u64) {
    let id = roll.parcel(|one| can_pay_at_terminal(roll, one));
    let parcel = roll.model.parcels.get(&id);
    let courier = match roll.step.slip {
        Slip::SomebodyElse => Some(roll.courier(1)),
        _ => parcel.and_then(|parcel| parcel.courier),
    };
    let left = parcel.map_or(5_000, |one| one.due - one.collected() - one.begun());
    (id, terminal_of(roll, courier), left)
}

fn currency_of(roll: &Roll, parcel: ParcelId) -> Currency {
    roll.currency_of(TenderId { parcel, number: 0 })
}

/// Whether a tender is paid by card or QR in the books.
pub fn by_rail(one: &Tender) -> bool {
    matches!(one.how, How::Card(..) | How::Qr(_))
}

/// Whether something waits for the network's answer.
pub fn is_to_forward(roll: &Roll, kind: TransactionKind) -> bool {
    roll.model.transactions.iter().any(|one| one.kind == kind && one.to_forward)
}

//! Steps of terminals, and networks' responses.

use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency};

use super::parcel::by_card_or_qr;
use super::party::next_change;
use super::step_table::{is_cash, is_payable};
use super::{Choices, Mistake};
use crate::model::{ModelMethod, ModelPayment, Numbered, Parcel, TransactionStatus};
use crate::world::NETWORKS;

const TERMINALS: u64 = 7;

pub fn any_terminal(die: usize) -> TerminalId {
    TerminalId(21 + u64::try_from(die).expect("a die") % TERMINALS)
}

/// A terminal of the courier, with an open batch if there is one.
fn terminal_of(roll: &Choices, courier: Option<CourierId>) -> TerminalId {
    let theirs = |id: &&TerminalId| Some(roll.model.terminals[*id].0) == courier;
    let all: Vec<TerminalId> = roll.model.terminals.keys().filter(theirs).copied().collect();
    let open: Vec<TerminalId> = all.iter().copied().filter(|id| open_batch_of(roll, *id)).collect();
    roll.pick(3, if open.is_empty() { &all } else { &open }, any_terminal)
}

pub fn open_batch_of(roll: &Choices, terminal: TerminalId) -> bool {
    roll.model.last_batches(terminal).last().is_some_and(|one| one.open)
}

/// The next STAN of a terminal's batch, or a used one.
pub fn number(roll: &Choices, terminal: TerminalId) -> Trace {
    let batch = roll.model.last_batches(terminal).last().map_or(1, |one| one.number);
    let here = |trace: &Trace| (trace.terminal, trace.batch) == (terminal, batch);
    let used = roll.model.transactions.iter().map(|one| one.trace);
    let used = used.chain(roll.model.reversed_without_original.iter().copied());
    let used = used.chain(roll.model.declined.keys().copied());
    let used = used.chain(roll.model.inquiries.keys().copied()).filter(here);
    let next = used.map(|trace| trace.stan.get()).max().map_or(1, |last| last + 1);
    let stan = match roll.step.mistake {
        Mistake::NumberBelow => next - 1,
        // Terminals may skip STANs and use them later.
        Mistake::None if roll.one_in(2, 9) => next + 3,
        Mistake::None if roll.one_in(2, 10) => next.saturating_sub(2),
        _ => next,
    };
    let batch = if roll.makes_mistake(Mistake::NumberAbove) { batch + 1 } else { batch };
    Trace { terminal, batch, stan: Stan::new(stan).unwrap_or(Stan::MAX) }
}

fn key(subject: DuplicateSubject) -> DuplicateKey {
    DuplicateKey { date: 902, subject }
}

/// The usual card, or another.
pub fn card(roll: &Choices) -> DuplicateKey {
    let token = 1 + u64::from(roll.makes_mistake(Mistake::SomebodyElse));
    key(DuplicateSubject::Card(CardToken::new(token).expect("above zero")))
}

fn original(roll: &Choices, pre_authorisation: bool) -> DuplicateKey {
    let stan = Stan::of(1 + u32::from(roll.makes_mistake(Mistake::SomebodyElse)));
    key(DuplicateSubject::Original { batch: 1, stan, pre_authorisation })
}

pub fn sent(roll: &Choices) -> NetworkReference {
    let stan = Stan::of(1 + u32::from(roll.step.random_numbers[1]));
    NetworkReference { stan, sent_at: roll.model.last_at }
}

pub fn authorisation_code(roll: &Choices) -> Option<AuthorisationCode> {
    roll.one_in(2, 2).then_some(AuthorisationCode::of(b"00A1B2"))
}

/// The approval of the payment's wallet or network, or one of the other.
fn approval(roll: &Choices, payment: PaymentId) -> PaymentResolution {
    let known = roll.model.payment(payment);
    let by_qr = known.is_ok_and(|one| matches!(one.method, ModelMethod::Qr(_)));
    PaymentResolution::Approved(if by_qr == roll.makes_mistake(Mistake::AnyThing) {
        Approval::Network(authorisation_code(roll))
    } else {
        Approval::Wallet(WalletPaymentId::of(if roll.one_in(2, 2) { b"00A1B2" } else { b"00C3D4" }))
    })
}

pub fn code(roll: &Choices) -> ResponseCode {
    if roll.one_in(1, 4) { ResponseCode::of(b"12") } else { ResponseCode::APPROVED }
}

fn decline_code(roll: &Choices) -> ResponseCode {
    let approves = roll.makes_mistake(Mistake::NumberAbove);
    if approves { ResponseCode::APPROVED } else { ResponseCode::of(b"51") }
}

fn resolution(roll: &Choices, payment: PaymentId) -> PaymentResolution {
    match roll.number_at(1) % 10 {
        0..6 => approval(roll, payment),
        6 | 7 => PaymentResolution::Declined { code: decline_code(roll) },
        _ => PaymentResolution::Unknown,
    }
}

pub fn open_batch(roll: &Choices) -> Command {
    let closed = |id: &&TerminalId| !open_batch_of(roll, **id);
    let closed: Vec<_> = roll.model.terminals.keys().filter(closed).copied().collect();
    let terminal = roll.pick(0, &closed, any_terminal);
    let last = roll.model.last_batches(terminal).last().map_or(0, |one| one.number);
    Command::OpenBatch(OpenBatch { terminal, batch: roll.count(last + 1) })
}

pub fn purchase(roll: &Choices) -> Command {
    let (parcel, terminal, left) = at_the_terminal(roll);
    let trace = number(roll, terminal);
    let route = by_card_or_qr(roll, currency_of(roll, parcel));
    let duplicate_key = match route {
        PaymentRoute::Card { .. } => card(roll),
        PaymentRoute::Qr { .. } => key(DuplicateSubject::NoCard),
    };
    let purpose = match route {
        PaymentRoute::Card { .. } if roll.one_in(2, 3) => PurchaseKind::PreAuthorisation,
        PaymentRoute::Qr { .. } if roll.makes_mistake(Mistake::AmountAbove) => {
            PurchaseKind::PreAuthorisation
        }
        _ => PurchaseKind::Sale,
    };
    let verdict = if roll.makes_mistake(Mistake::AnyThing) {
        RouteVerdict::Down
    } else {
        RouteVerdict::Chosen
    };
    let route_candidates = match route {
        PaymentRoute::Card { network, .. } => {
            let other = if network == NETWORKS[0] { NETWORKS[1] } else { NETWORKS[0] };
            let (cost, dearer) = (Amount::of(7), RouteVerdict::MoreExpensive);
            vec![
                RouteCandidate { network: other, cost, verdict: dearer },
                RouteCandidate { network, cost: Amount::ZERO, verdict },
            ]
        }
        PaymentRoute::Qr { .. } => Vec::new(),
    };
    let (amount, network_reference) = (roll.part(left), sent(roll));
    Command::BeginPurchase(BeginPurchase {
        trace,
        duplicate_key,
        parcel,
        route,
        amount,
        kind: purpose,
        network_reference,
        route_candidates,
    })
}

pub fn resolve_purchase(roll: &Choices) -> Command {
    let waits = |one: &ModelPayment| match one.state {
        T::Begun => true,
        T::Unknown => roll.one_in(3, 4),
        T::Declined => roll.one_in(3, 6),
        _ => roll.one_in(3, 40),
    };
    let payment = roll.payment(waits);
    let resolution = resolution(roll, payment);
    Command::ResolvePurchase(ResolvePurchase { payment, resolution })
}

/// A payment, a terminal of its courier, and a new trace.
fn about(roll: &Choices, payment: PaymentId) -> Trace {
    let known = roll.model.payment(payment).ok();
    let courier = match roll.step.mistake {
        Mistake::SomebodyElse => Some(roll.courier(2)),
        _ => known.map(|one| one.courier),
    };
    number(roll, terminal_of(roll, courier))
}

pub fn complete(roll: &Choices) -> Command {
    let payment = roll.payment(|one| match one.state {
        T::Authorised => true,
        T::Releasing(ReversalKind::Expiry) | T::Expired => roll.one_in(1, 4),
        _ => false,
    });
    let (trace, duplicate_key) = (about(roll, payment), original(roll, true));
    let authorised = roll.model.payment(payment).map_or(1, |one| one.amount);
    let (amount, network_reference) = (roll.part(authorised), sent(roll));
    Command::BeginCompletion(BeginCompletion {
        trace,
        duplicate_key,
        payment,
        amount,
        network_reference,
    })
}

pub fn resolve_completion(roll: &Choices) -> Command {
    let waits = |one: &ModelPayment| match one.state {
        T::Completing => true,
        T::CompletionUnknown => roll.one_in(3, 4),
        T::Authorised | T::Approved => roll.one_in(3, 9),
        _ => roll.one_in(3, 50),
    };
    let payment = roll.payment(waits);
    let resolution = match roll.number_at(1) % 10 {
        0..5 => approval(roll, payment),
        5 => PaymentResolution::Declined { code: decline_code(roll) },
        _ => PaymentResolution::Unknown,
    };
    Command::ResolveCompletion(ResolveCompletion { payment, resolution })
}

pub fn end_completion_reversal(roll: &Choices) -> Command {
    let fits = |one: &ModelPayment| match one.state {
        T::CompletionUnknown => true,
        T::Authorised => roll.one_in(1, 6),
        _ => false,
    };
    Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment: roll.payment(fits) })
}

/// Whether the payment's courier can void it at a terminal.
pub fn can_be_reversed(roll: &Choices, one: &ModelPayment) -> bool {
    let stands = matches!(one.state, T::Approved | T::Authorised) && one.refunded == 0;
    stands && can_work(roll, one.courier)
}

/// Whether a courier has a terminal with an open batch.
pub fn can_work(roll: &Choices, courier: CourierId) -> bool {
    let theirs = roll.model.terminals.iter().filter(|(_, (holder, _))| *holder == courier);
    theirs.map(|(id, _)| *id).any(|id| open_batch_of(roll, id))
}

pub fn void(roll: &Choices) -> Command {
    let payment = roll.payment(|one| can_be_reversed(roll, one) || roll.one_in(3, 30));
    let (trace, duplicate_key) = (about(roll, payment), original(roll, false));
    let network_reference = Some(sent(roll));
    Command::BeginVoid(BeginVoid { trace, duplicate_key, payment, network_reference })
}

pub fn begin_reversal(roll: &Choices) -> Command {
    let fits = |one: &ModelPayment| match one.state {
        T::Begun | T::Completing => roll.one_in(1, 3),
        T::Reversing(_) | T::Releasing(_) => roll.one_in(1, 5),
        _ => can_be_reversed(roll, one) || roll.one_in(1, 30),
    };
    Command::BeginReversal(BeginReversal { payment: roll.payment(fits) })
}

/// Usually a trace that never came, sometimes one that did.
fn any_trace(roll: &Choices) -> Trace {
    let open = |id: &&TerminalId| open_batch_of(roll, **id);
    let open: Vec<_> = roll.model.terminals.keys().filter(open).copied().collect();
    number(roll, roll.pick(0, &open, any_terminal))
}

pub fn reverse_without_original(roll: &Choices) -> Command {
    let trace = any_trace(roll);
    Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace })
}

/// One of few digests, so that other content under a STAN often has the same one.
fn digest(roll: &Choices) -> RequestDigest {
    RequestDigest::of(std::iter::once(u64::from(roll.one_in(1, 3))))
}

pub fn decline_request(roll: &Choices) -> Command {
    let approves = roll.makes_mistake(Mistake::AmountZero);
    let code = if approves { ResponseCode::APPROVED } else { ResponseCode::MORE_THAN_DUE };
    let (trace, request) = (any_trace(roll), digest(roll));
    Command::DeclineRequest(DeclineRequest { trace, request, code })
}

pub fn inquire_balance(roll: &Choices) -> Command {
    let (trace, request) = (any_trace(roll), digest(roll));
    Command::RecordBalanceInquiry(RecordBalanceInquiry { trace, request })
}

/// Whether a void or reversal of the payment is pending.
pub fn is_being_reversed(one: &ModelPayment) -> bool {
    matches!(one.state, T::Reversing(_) | T::Releasing(_) | T::ReversingVoid)
}

/// Pre-authorisations expire here a day after the request, seldom on the same day.
pub fn expire(roll: &Choices) -> Command {
    let before = match roll.step.mistake {
        Mistake::NumberAbove => roll.model.today.plus_days(1),
        _ if roll.one_in(0, 3) => roll.model.today.minus_days(1),
        _ => roll.model.today,
    };
    let limit = match roll.number_at(1) % 8 {
        0..5 => RECORDS_PER_COMMAND_MAX,
        _ if roll.makes_mistake(Mistake::AmountZero) => 0,
        _ => 1 + RECORDS_PER_COMMAND_MAX * u32::from(roll.makes_mistake(Mistake::AnyThing)),
    };
    Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before, limit })
}

pub fn reverse_void(roll: &Choices) -> Command {
    let void = |one: &ModelPayment| {
        matches!(one.state, T::Reversing(ReversalKind::Void) | T::Releasing(ReversalKind::Void))
    };
    Command::ReverseVoid(ReverseVoid {
        payment: roll.payment(|one| void(one) || (is_being_reversed(one) && roll.one_in(1, 4))),
    })
}

pub fn resolve_reversal(roll: &Choices) -> Command {
    let late = |one: &ModelPayment| one.state == T::Declined && roll.one_in(3, 4);
    let payment = roll.payment(|one| is_being_reversed(one) || late(one) || roll.one_in(3, 40));
    let state = roll.model.payment(payment).map(|one| one.state);
    let right = match state {
        Ok(T::Reversing(ReversalKind::Void) | T::Releasing(ReversalKind::Void)) => {
            !roll.one_in(1, 4)
        }
        Ok(T::ReversingVoid | T::Approved | T::Authorised) => false,
        _ => true,
    };
    let done = right != roll.makes_mistake(Mistake::AnyThing);
    Command::ResolveReversal(ResolveReversal { payment, done, code: code(roll) })
}

pub fn set_offline_limit(roll: &Choices) -> Command {
    let terminal = any_terminal(roll.number_at(0));
    let each = 5_000 * u64::from(roll.step.random_numbers[1] % 30);
    let total = each * u64::from(roll.step.random_numbers[2] % 4);
    let proposed_by = roll.person(1);
    Command::SetOfflineLimit(SetOfflineLimit {
        terminal,
        number: next_change(roll, terminal),
        each: Amount::of(each),
        total: Amount::of(total),
        proposed_by,
        approved_by: roll.second(proposed_by, 2),
    })
}

pub fn take_cash(roll: &Choices) -> Command {
    let (parcel, terminal, left) = at_the_terminal(roll);
    let (trace, duplicate_key) = (number(roll, terminal), key(DuplicateSubject::NoCard));
    // Many small payments are many hand-overs.
    let amount = roll.part(if roll.by_cash { left.div_ceil(4) } else { left });
    let change = Amount::of(u64::from(roll.step.random_numbers[1] % 3) * 50);
    let tendered = amount.checked_add(change).unwrap_or(Amount::ENTRY_MAX);
    let change = if roll.makes_mistake(Mistake::AnyThing) { Amount::of(1) } else { change };
    Command::TakeCash(TakeCash { trace, duplicate_key, parcel, amount, tendered, change })
}

pub fn take_cash_by_phone(roll: &Choices) -> Command {
    let parcel = roll.parcel(is_payable);
    let known = roll.model.parcels.get(&parcel);
    let courier = match roll.step.mistake {
        Mistake::SomebodyElse => Some(roll.courier(1)),
        _ => known.and_then(|one| one.courier),
    };
    let amount = roll.part(known.map_or(5_000, |one| one.left()));
    let change = Amount::of(u64::from(roll.step.random_numbers[1] % 3) * 50);
    let tendered = amount.checked_add(change).unwrap_or(Amount::ENTRY_MAX);
    let change = if roll.makes_mistake(Mistake::AnyThing) { Amount::of(1) } else { change };
    // Between minutes ago and minutes to come.
    let about = |minutes: u16| {
        let offset = (i64::from(minutes % 32) - 16) * 60_000;
        Timestamp(roll.model.last_at.0.saturating_add_signed(offset))
    };
    let elapsed = roll.step.random_numbers[3];
    Command::TakeCashByPhone(TakeCashByPhone {
        parcel,
        number: roll.number(known.map_or(0, Parcel::last_number) + 1),
        amount,
        tendered,
        change,
        receiver: roll.one_in(2, 2).then_some(ParcelReceiver::Neighbour),
        taken_by: PersonId(courier.unwrap_or(CourierId(11)).0),
        claimed_at: about(roll.step.random_numbers[2]),
        server_at: about(roll.step.random_numbers[0]),
        elapsed_ms: (!elapsed.is_multiple_of(3)).then_some(u32::from(elapsed % 300) * 4_000),
    })
}

pub fn begin_refund(roll: &Choices) -> Command {
    let wrong = roll.makes_mistake(Mistake::AmountAbove);
    let payment =
        roll.payment(|one| one.is_posted() && is_cash(one) == wrong && one.refunded < one.amount);
    let trace = about(roll, payment);
    let (stan, sent_at) = (Stan::of(1 + u32::from(payment.number)), Timestamp(1_000_000));
    let message = NetworkReference { stan, sent_at };
    let duplicate_key = key(DuplicateSubject::Refunded { message, offline: roll.one_in(2, 9) });
    let left = roll.model.payment(payment).map_or(1, |one| one.amount - one.refunded);
    let (amount, network_reference) = (roll.part(left), sent(roll));
    Command::BeginRefund(BeginRefund { trace, duplicate_key, payment, amount, network_reference })
}

pub fn resolve_refund(roll: &Choices) -> Command {
    let kind = TransactionKind::Refund;
    let asked = !roll.one_in(2, 8);
    let fits = |to_forward| (to_forward == asked) != roll.makes_mistake(Mistake::AnyThing);
    let all = roll.model.transactions.iter().filter(|one| one.kind == kind && fits(one.to_forward));
    let all: Vec<_> = all.map(|one| one.trace).collect();
    let trace = roll.pick(0, &all, |die| {
        let any = roll.model.transactions.get(die % roll.model.transactions.len().max(1));
        let nothing = Trace { terminal: any_terminal(die), batch: 1, stan: Stan::MAX };
        any.map_or(nothing, |one| one.trace)
    });
    Command::ResolveRefund(ResolveRefund { trace, code: code(roll) })
}

pub fn close_batch(roll: &Choices) -> Command {
    let open = |id: &&TerminalId| open_batch_of(roll, **id) != roll.one_in(1, 9);
    let open: Vec<_> = roll.model.terminals.keys().filter(open).copied().collect();
    close(roll, &open)
}

/// Terminals that opened the next batch without uploading a disputed one.
pub fn terminals_in_next_batch(roll: &Choices) -> Vec<TerminalId> {
    let disputed = disputed(roll).into_iter().map(|(terminal, _)| terminal);
    disputed.filter(|terminal| open_batch_of(roll, *terminal)).collect()
}

pub fn leave_disputed(roll: &Choices) -> Command {
    close(roll, &terminals_in_next_batch(roll))
}

fn close(roll: &Choices, terminals: &[TerminalId]) -> Command {
    let terminal = roll.pick(0, terminals, any_terminal);
    let batch = roll.model.last_batches(terminal).last().map_or(1, |one| one.number);
    let mut totals = roll.model.batch_totals(terminal, batch);
    if roll.one_in(2, 3) {
        totals.card_debits.count += 1;
        totals.card_debits.amount = Amount::of(u64::from(roll.step.random_numbers[3]));
    }
    let batch = roll.count(batch);
    Command::CloseBatch(CloseBatch { terminal, batch, totals })
}

pub fn disputed(roll: &Choices) -> Vec<(TerminalId, u32)> {
    let open = |id: &TerminalId| {
        let batches = roll.model.last_batches(*id).into_iter();
        let disputed = batches.filter(|one| one.disputed && !one.reconciled);
        disputed.map(|one| (*id, one.number)).collect::<Vec<_>>()
    };
    roll.model.terminals.keys().flat_map(open).collect()
}

pub fn open_items(roll: &Choices) -> Vec<OpenItemId> {
    let open = roll.model.open_items.iter().filter(|(_, one)| one.ended.is_none());
    open.map(|(id, _)| *id).collect()
}

pub fn close_open_item(roll: &Choices) -> Command {
    let any = |die| OpenItemId(u64::try_from(die % 4).expect("below four"));
    let item = roll.pick(0, &open_items(roll), any);
    let owner = roll.model.open_items.get(&item).map(|one| one.owner);
    let reason = match roll.number_at(1) % 3 {
        0 => OpenItemReason::BooksAreRight,
        1 => OpenItemReason::BooksWereCorrected,
        _ => OpenItemReason::Untraceable,
    };
    let proposed_by = roll.person(2);
    let approved_by = match owner {
        Some(owner) if roll.makes_mistake(Mistake::SomebodyElse) && roll.one_in(3, 2) => owner,
        _ => roll.second(proposed_by, 3),
    };
    Command::CloseOpenItem(CloseOpenItem { item, reason, proposed_by, approved_by })
}

/// The lines of the books, with a few that are wrong, missing or unknown. Or the terminal has lost
/// its memory.
pub fn reconcile(roll: &Choices) -> Command {
    let any = |die| (any_terminal(die), 1);
    let (terminal, batch) = roll.pick(0, &disputed(roll), any);
    let mut lines = Vec::new();
    for one in &roll.model.transactions {
        let here = (one.trace.terminal, one.trace.batch) == (terminal, batch);
        if let (true, Some(column), TransactionStatus::Approved) = (here, one.column, one.status) {
            let (amount, credit) = (Amount::of(one.amount), column.credit);
            lines.push(BatchLine { stan: one.trace.stan, amount, credit });
        }
    }
    let known = lines.len();
    match roll.number_at(1) % 8 {
        0 if known > 0 => drop(lines.remove(roll.number_at(2) % known)),
        1 if known > 0 => {
            let line = &mut lines[roll.number_at(2) % known];
            line.amount = Amount::of(line.amount.minor() / 2);
        }
        2 if known > 0 => lines[roll.number_at(2) % known].credit ^= true,
        3 => {
            let (amount, credit) = (Amount::of(50 + u64::from(roll.step.random_numbers[3])), false);
            lines.push(BatchLine { stan: Stan::of(700), amount, credit });
            let credit = roll.one_in(2, 3);
            lines.insert(0, BatchLine { stan: Stan::of(699), amount: Amount::of(40), credit });
        }
        4..7 => lines.clear(),
        _ => {}
    }
    if roll.makes_mistake(Mistake::NumberAbove) {
        lines.extend(lines.first().copied());
    }
    Command::ReconcileBatch(ReconcileBatch { terminal, batch, lines })
}

pub fn withdraw(roll: &Choices) -> Command {
    let network = NETWORKS[roll.number_at(0) % 3];
    let from = match roll.step.mistake {
        Mistake::NumberBelow => Timestamp(roll.model.last_at.0.saturating_sub(1)),
        _ if roll.one_in(1, 3) => roll.model.last_at,
        _ => roll.model.last_at.plus_ms(86_400_000 + 3_600_000 * roll.number_at(1) as u64),
    };
    let number = roll.count(roll.model.count_of(Numbered::Withdrawals(network)) + 1);
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    Command::WithdrawNetwork(WithdrawNetwork { network, number, from, proposed_by, approved_by })
}

pub fn reinstate(roll: &Choices) -> Command {
    let withdrawn: Vec<_> = roll.model.withdrawn.keys().copied().collect();
    let network = roll.pick(0, &withdrawn, |die| NETWORKS[die % 3]);
    let number = roll.count(roll.model.count_of(Numbered::Withdrawals(network)) + 1);
    let proposed_by = roll.person(2);
    let before: Vec<_> =
        roll.model.withdrawn.get(&network).map(|(_, by)| *by).into_iter().collect();
    let approved_by = roll.second_beside(proposed_by, &before, 3);
    Command::ReinstateNetwork(ReinstateNetwork { network, number, proposed_by, approved_by })
}

/// Whether a parcel can be paid at a terminal with an open batch.
pub fn is_sellable(roll: &Choices) -> bool {
    roll.any(|one| can_pay_at_terminal(roll, one))
}

fn can_pay_at_terminal(roll: &Choices, one: &Parcel) -> bool {
    is_payable(one) && one.courier.is_some_and(|courier| can_work(roll, courier))
}

/// A parcel that can be paid at a terminal, with the terminal and the amount left.
pub fn at_the_terminal(roll: &Choices) -> (ParcelId, TerminalId, u64) {
    let id = roll.parcel(|one| can_pay_at_terminal(roll, one));
    let parcel = roll.model.parcels.get(&id);
    let courier = match roll.step.mistake {
        Mistake::SomebodyElse => Some(roll.courier(1)),
        _ => parcel.and_then(|parcel| parcel.courier),
    };
    let left = parcel.map_or(5_000, |one| one.left());
    (id, terminal_of(roll, courier), left)
}

pub fn currency_of(roll: &Choices, parcel: ParcelId) -> Currency {
    roll.currency_of(PaymentId { parcel, number: 0 })
}

/// Whether the payment is by card or QR and in the books.
pub fn is_over_rail(one: &ModelPayment) -> bool {
    matches!(one.method, ModelMethod::Card(..) | ModelMethod::Qr(_))
}

/// Whether a transaction of this kind waits for its network.
pub fn has_to_forward(roll: &Choices, kind: TransactionKind) -> bool {
    roll.model.transactions.iter().any(|one| one.kind == kind && one.to_forward)
}

//! What the usual terminal says, in its first batch unless a trace says otherwise.

use engine::*;
use money::Amount;
use tariff::CardKind;

use super::{ANNA, BO, NETWORK, TERMINAL, WALLET};

/// The date and card of every transaction that does not say otherwise.
pub const MARK: Mark = Mark { date: 828, token: 0xC0FF_EE00_4711 };
/// What a network answers with an approval.
pub const CODE_38: [u8; 6] = *b"A1B2C3";
pub const SPACES: [u8; 6] = *b"      ";

pub fn trace(stan: u32) -> Trace {
    trace_in(1, stan)
}

pub fn trace_in(batch: u32, stan: u32) -> Trace {
    Trace { terminal: TERMINAL, batch, stan }
}

/// How the network knows the transaction with that number.
pub fn sent(stan: u32) -> Sent {
    Sent { stan: 500_000 + stan, at: Timestamp(1_377_651_600_000 + u64::from(stan)) }
}

pub fn debit_card() -> Method {
    Method::Card { network: NETWORK, kind: CardKind::Debit }
}

/// The usual network, chosen; nobody else was asked.
pub fn chosen() -> Vec<Considered> {
    let cost = Amount::of(63);
    vec![Considered { network: NETWORK, cost, verdict: Verdict::Chosen }]
}

pub fn open_batch(batch: u32) -> Command {
    Command::OpenBatch { terminal: TERMINAL, batch }
}

fn purchase(trace: Trace, parcel: ParcelId, amount: u64, purpose: Purpose) -> Command {
    let stan = trace.stan;
    Command::BeginPurchase {
        trace,
        mark: MARK,
        parcel,
        method: debit_card(),
        amount: Amount::of(amount),
        purpose,
        sent: sent(stan),
        considered: chosen(),
    }
}

pub fn sell(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_in(1, stan, parcel, amount)
}

pub fn sell_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    purchase(trace_in(batch, stan), parcel, amount, Purpose::Sale)
}

pub fn pre_authorise(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    pre_authorise_in(1, stan, parcel, amount)
}

pub fn pre_authorise_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    purchase(trace_in(batch, stan), parcel, amount, Purpose::PreAuthorisation)
}

pub fn sell_by_qr(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_by_qr_in(1, stan, parcel, amount)
}

pub fn sell_by_qr_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    Command::BeginPurchase {
        trace: trace_in(batch, stan),
        mark: MARK,
        parcel,
        method: Method::Qr { wallet: WALLET },
        amount: Amount::of(amount),
        purpose: Purpose::Sale,
        sent: sent(stan),
        considered: Vec::new(),
    }
}

pub fn answer(tender: TenderId, resolution: Resolution) -> Command {
    let approved = resolution == Resolution::Approved;
    let authorisation = if approved { CODE_38 } else { SPACES };
    Command::ResolvePurchase { tender, resolution, authorisation }
}

pub fn approved(tender: TenderId) -> Command {
    answer(tender, Resolution::Approved)
}

pub fn no_answer(tender: TenderId) -> Command {
    answer(tender, Resolution::Unknown)
}

pub fn complete(stan: u32, tender: TenderId, amount: u64) -> Command {
    let (trace, amount, sent) = (trace(stan), Amount::of(amount), sent(stan));
    Command::BeginCompletion { trace, mark: MARK, tender, amount, sent }
}

pub fn answer_completion(tender: TenderId, resolution: Resolution) -> Command {
    Command::ResolveCompletion { tender, resolution, authorisation: *b"D4E5F6" }
}

pub fn void(stan: u32, tender: TenderId) -> Command {
    Command::BeginVoid { trace: trace(stan), mark: MARK, tender, sent: sent(stan) }
}

pub fn must_not_stand(tender: TenderId) -> Command {
    Command::BeginReversal { tender }
}

/// The terminal reverses what never came.
pub fn reverse_unheard(stan: u32) -> Command {
    Command::ReverseUnheard { trace: trace(stan) }
}

pub fn undo_void(tender: TenderId) -> Command {
    Command::UndoVoid { tender }
}

pub fn taken_back(tender: TenderId) -> Command {
    Command::EndTakingBack { tender, done: true, code: *b"00" }
}

pub fn stands(tender: TenderId, code: [u8; 2]) -> Command {
    Command::EndTakingBack { tender, done: false, code }
}

pub fn offline_limit(each: u64, total: u64) -> Command {
    let (each, total) = (Amount::of(each), Amount::of(total));
    Command::SetOfflineLimit { terminal: TERMINAL, each, total }
}

pub fn advise(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    Command::TakeAdvice {
        trace: trace(stan),
        mark: MARK,
        parcel,
        method: debit_card(),
        amount: Amount::of(amount),
        sent: sent(stan),
        authorisation: *b"OFFL01",
    }
}

pub fn answer_advice(tender: TenderId, code: [u8; 2]) -> Command {
    Command::AnswerAdvice { tender, code }
}

pub fn take_cash(stan: u32, parcel: ParcelId, amount: u64, tendered: u64) -> Command {
    Command::TakeCash {
        trace: trace(stan),
        mark: MARK,
        parcel,
        amount: Amount::of(amount),
        tendered: Amount::of(tendered),
        change: Amount::of(tendered - amount),
    }
}

pub fn give_back(stan: u32, tender: TenderId, amount: u64) -> Command {
    let (trace, amount, sent) = (trace(stan), Amount::of(amount), sent(stan));
    Command::BeginRefund { trace, mark: MARK, tender, amount, sent }
}

pub fn answer_refund(stan: u32, code: [u8; 2]) -> Command {
    Command::AnswerRefund { trace: trace(stan), code }
}

pub fn close_batch(batch: u32, totals: BatchTotals) -> Command {
    Command::CloseBatch { terminal: TERMINAL, batch, totals }
}

pub fn reconcile(batch: u32, lines: Vec<BatchLine>) -> Command {
    Command::ReconcileBatch { terminal: TERMINAL, batch, lines }
}

pub fn withdraw(from: Timestamp) -> Command {
    Command::WithdrawNetwork { network: NETWORK, from, proposed_by: ANNA, approved_by: BO }
}

pub fn reinstate() -> Command {
    Command::ReinstateNetwork { network: NETWORK, proposed_by: ANNA, approved_by: BO }
}

pub fn expire(before: &str) -> Command {
    let limit = ITEMS_PER_COMMAND_MAX;
    Command::ExpirePreAuthorisations { before: super::day(before), limit }
}

/// Money from a buyer, as a line of a batch.
pub fn debit(stan: u32, amount: u64) -> BatchLine {
    BatchLine { stan, amount: Amount::of(amount), credit: false }
}

/// Money back to a buyer.
pub fn credit(stan: u32, amount: u64) -> BatchLine {
    BatchLine { credit: true, ..debit(stan, amount) }
}

pub fn sums(count: u32, amount: u64) -> Sums {
    Sums { count, amount: Amount::of(amount) }
}

/// The first tender of a parcel.
pub fn first(parcel: ParcelId) -> TenderId {
    TenderId { parcel, number: 1 }
}

/// The second.
pub fn second(parcel: ParcelId) -> TenderId {
    TenderId { parcel, number: 2 }
}

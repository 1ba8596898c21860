//! Short forms of terminal commands, in the first batch unless a trace says otherwise.

use books::*;
use money::Amount;
use tariff::CardKind;

use super::{ANNA, BO, NETWORK, TERMINAL, WALLET};

/// The authorisation code of an approval (field 38).
pub const AUTHORISATION_CODE: AuthorisationCode = AuthorisationCode::of(b"A1B2C3");
pub const COMPLETION_CODE: AuthorisationCode = AuthorisationCode::of(b"D4E5F6");
pub const OFFLINE_CODE: AuthorisationCode = AuthorisationCode::of(b"OFFL01");
/// The payment that pays a wallet order.
pub const WALLET_PAYMENT: WalletPaymentId = WalletPaymentId::of(b"first1");
/// The outcome of an approved completion.
pub const COMPLETED: PaymentResolution =
    PaymentResolution::Approved(Approval::Network(Some(COMPLETION_CODE)));

/// The default date, with no card.
pub const NO_CARD: DuplicateKey = DuplicateKey { date: 828, subject: DuplicateSubject::NoCard };

/// The default date, with this card.
pub fn card(token: u64) -> DuplicateKey {
    let token = CardToken::new(token).expect("above zero");
    DuplicateKey { subject: DuplicateSubject::Card(token), ..NO_CARD }
}

/// The default date and card.
pub fn default_card() -> DuplicateKey {
    card(0xC0FF_EE00_4711)
}

/// About the transaction with this STAN in the first batch.
pub fn original(stan: u32) -> DuplicateKey {
    let (stan, pre_authorisation) = (Stan::of(stan), false);
    let subject = DuplicateSubject::Original { batch: 1, stan, pre_authorisation };
    DuplicateKey { subject, ..NO_CARD }
}

/// The refund of the transaction with this STAN.
pub fn refunded(stan: u32) -> DuplicateKey {
    let (message, offline) = (network_reference(stan), false);
    DuplicateKey { subject: DuplicateSubject::Refunded { message, offline }, ..NO_CARD }
}

pub fn trace(stan: u32) -> Trace {
    trace_in(1, stan)
}

pub fn trace_in(batch: u32, stan: u32) -> Trace {
    Trace { terminal: TERMINAL, batch, stan: Stan::of(stan) }
}

/// The network's reference of the transaction with this STAN.
pub fn network_reference(stan: u32) -> NetworkReference {
    NetworkReference {
        stan: Stan::of((499_999 + stan) % Stan::MAX.get() + 1),
        sent_at: Timestamp(1_377_651_600_000 + u64::from(stan)),
    }
}

/// By what a line of the network names the request of the transaction with this STAN.
pub fn request(stan: u32) -> LineReference {
    request_at(network_reference(stan))
}

pub fn request_at(NetworkReference { stan, sent_at }: NetworkReference) -> LineReference {
    let sent = NetworkReference { stan, sent_at: Timestamp(sent_at.0 / 1_000 * 1_000) };
    LineReference::Request { rrn: RetrievalReference::of(&Rrn::of(sent).bytes()), sent }
}

pub fn debit_card() -> PaymentRoute {
    PaymentRoute::Card { network: NETWORK, kind: CardKind::Debit }
}

/// The default network as the only candidate, chosen.
pub fn only_route() -> Vec<RouteCandidate> {
    let cost = Amount::of(63);
    vec![RouteCandidate { network: NETWORK, cost, verdict: RouteVerdict::Chosen }]
}

pub fn open_batch(batch: u32) -> Command {
    Command::OpenBatch(OpenBatch { terminal: TERMINAL, batch })
}

/// A sale by card or QR, with its network as the only candidate.
pub fn sell_at(trace: Trace, parcel: ParcelId, route: PaymentRoute, amount: u64) -> Command {
    let (duplicate_key, route_candidates) = match route {
        PaymentRoute::Card { network, .. } => {
            let only = only_route().into_iter().map(|one| RouteCandidate { network, ..one });
            (default_card(), only.collect())
        }
        PaymentRoute::Qr { .. } => (NO_CARD, Vec::new()),
    };
    Command::BeginPurchase(BeginPurchase {
        trace,
        duplicate_key,
        parcel,
        route,
        amount: Amount::of(amount),
        kind: PurchaseKind::Sale,
        network_reference: network_reference(trace.stan.get()),
        route_candidates,
    })
}

pub fn sell(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_in(1, stan, parcel, amount)
}

pub fn sell_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_at(trace_in(batch, stan), parcel, debit_card(), amount)
}

pub fn pre_authorise(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    pre_authorise_in(1, stan, parcel, amount)
}

pub fn pre_authorise_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    let mut purchase = sell_in(batch, stan, parcel, amount);
    if let Command::BeginPurchase(BeginPurchase { kind, .. }) = &mut purchase {
        *kind = PurchaseKind::PreAuthorisation;
    }
    purchase
}

pub fn sell_by_qr(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_by_qr_in(1, stan, parcel, amount)
}

pub fn sell_by_qr_in(batch: u32, stan: u32, parcel: ParcelId, amount: u64) -> Command {
    sell_at(trace_in(batch, stan), parcel, PaymentRoute::Qr { wallet: WALLET }, amount)
}

pub fn resolve_purchase(payment: PaymentId, resolution: PaymentResolution) -> Command {
    Command::ResolvePurchase(ResolvePurchase { payment, resolution })
}

pub fn complete(stan: u32, payment: PaymentId, amount: u64) -> Command {
    let (trace, amount, network_reference) =
        (trace(stan), Amount::of(amount), network_reference(stan));
    Command::BeginCompletion(BeginCompletion {
        trace,
        duplicate_key: original(1),
        payment,
        amount,
        network_reference,
    })
}

pub fn resolve_completion(payment: PaymentId, resolution: PaymentResolution) -> Command {
    Command::ResolveCompletion(ResolveCompletion { payment, resolution })
}

pub fn void(stan: u32, payment: PaymentId) -> Command {
    Command::BeginVoid(BeginVoid {
        trace: trace(stan),
        duplicate_key: original(1),
        payment,
        network_reference: Some(network_reference(stan)),
    })
}

pub fn begin_reversal(payment: PaymentId) -> Command {
    Command::BeginReversal(BeginReversal { payment })
}

pub fn reverse_without_original(stan: u32) -> Command {
    Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace: trace(stan) })
}

/// A digest that only tests can tell from others.
pub fn request_digest(number: u32) -> RequestDigest {
    format!("{number:08x}").parse().expect("eight hexadecimal digits")
}

pub fn decline_request(stan: u32, content: u32, code: &[u8; 2]) -> Command {
    let (trace, request) = (trace(stan), request_digest(content));
    Command::DeclineRequest(DeclineRequest { trace, request, code: ResponseCode::of(code) })
}

pub fn inquire_balance(stan: u32, content: u32) -> Command {
    let (trace, request) = (trace(stan), request_digest(content));
    Command::RecordBalanceInquiry(RecordBalanceInquiry { trace, request })
}

pub fn reverse_void(payment: PaymentId) -> Command {
    Command::ReverseVoid(ReverseVoid { payment })
}

pub fn reversal_done(payment: PaymentId) -> Command {
    Command::ResolveReversal(ResolveReversal { payment, done: true, code: ResponseCode::APPROVED })
}

pub fn reversal_failed(payment: PaymentId, code: ResponseCode) -> Command {
    Command::ResolveReversal(ResolveReversal { payment, done: false, code })
}

/// The terminal's first change.
pub fn offline_limit(each: u64, total: u64) -> Command {
    offline_limit_numbered(1, each, total)
}

pub fn offline_limit_numbered(number: u32, each: u64, total: u64) -> Command {
    let (each, total) = (Amount::of(each), Amount::of(total));
    Command::SetOfflineLimit(SetOfflineLimit {
        terminal: TERMINAL,
        number,
        each,
        total,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

/// By the terminal's clock, the moment at which the world's clock stood at the start.
pub fn offline_sale(stan: u32, parcel: ParcelId, amount: u64) -> Command {
    let sale = OfflineSaleAt { date: 828, local_time: 90_000 };
    offline_sale_at(sale, trace(stan), parcel, amount)
}

/// What the terminal's clock said: `MMDD` and `hhmmss`.
#[derive(Clone, Copy)]
pub struct OfflineSaleAt {
    pub date: u16,
    pub local_time: u32,
}

pub fn offline_sale_at(
    OfflineSaleAt { date, local_time }: OfflineSaleAt,
    trace: Trace,
    parcel: ParcelId,
    amount: u64,
) -> Command {
    Command::RecordOfflineSale(RecordOfflineSale {
        trace,
        duplicate_key: DuplicateKey { date, ..default_card() },
        local_time,
        parcel,
        route: debit_card(),
        amount: Amount::of(amount),
        network_reference: network_reference(trace.stan.get()),
        authorisation_code: Some(OFFLINE_CODE),
    })
}

pub fn resolve_advice(payment: PaymentId, code: ResponseCode) -> Command {
    Command::ResolveAdvice(ResolveAdvice { payment, code })
}

pub fn take_cash(stan: u32, parcel: ParcelId, amount: u64, tendered: u64) -> Command {
    take_cash_at(trace(stan), parcel, amount, tendered)
}

pub fn take_cash_at(trace: Trace, parcel: ParcelId, amount: u64, tendered: u64) -> Command {
    Command::TakeCash(TakeCash {
        trace,
        duplicate_key: NO_CARD,
        parcel,
        amount: Amount::of(amount),
        tendered: Amount::of(tendered),
        change: Amount::of(tendered - amount),
    })
}

/// The clocks of phone and server agree.
pub fn phone_cash(parcel: ParcelId, number: u8, amount: u64) -> TakeCashByPhone {
    TakeCashByPhone {
        parcel,
        number,
        amount: Amount::of(amount),
        tendered: Amount::of(amount + 500),
        change: Amount::of(500),
        receiver: None,
        taken_by: PersonId(super::COURIER.0),
        claimed_at: Timestamp(1_377_670_000_000),
        server_at: Timestamp(1_377_669_940_000),
        elapsed_ms: Some(60_000),
    }
}

pub fn begin_refund(stan: u32, payment: PaymentId, amount: u64) -> Command {
    let (trace, amount, network_reference) =
        (trace(stan), Amount::of(amount), network_reference(stan));
    Command::BeginRefund(BeginRefund {
        trace,
        duplicate_key: refunded(1),
        payment,
        amount,
        network_reference,
    })
}

pub fn resolve_refund(stan: u32, code: ResponseCode) -> Command {
    Command::ResolveRefund(ResolveRefund { trace: trace(stan), code })
}

pub fn close_batch(batch: u32, totals: BatchTotals) -> Command {
    Command::CloseBatch(CloseBatch { terminal: TERMINAL, batch, totals })
}

pub fn reconcile(batch: u32, lines: Vec<BatchLine>) -> Command {
    Command::ReconcileBatch(ReconcileBatch { terminal: TERMINAL, batch, lines })
}

/// Two persons close an item, because nobody can tell what happened.
pub fn close_open_item(item: u64) -> Command {
    Command::CloseOpenItem(CloseOpenItem {
        item: OpenItemId(item),
        reason: OpenItemReason::Untraceable,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn withdraw(number: u32, from: Timestamp) -> Command {
    Command::WithdrawNetwork(WithdrawNetwork {
        network: NETWORK,
        number,
        from,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn reinstate(number: u32) -> Command {
    Command::ReinstateNetwork(ReinstateNetwork {
        network: NETWORK,
        number,
        proposed_by: ANNA,
        approved_by: BO,
    })
}

pub fn expire(before: &str) -> Command {
    let limit = RECORDS_PER_COMMAND_MAX;
    Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before: super::day(before), limit })
}

/// Money from a buyer, as a batch line.
pub fn debit(stan: u32, amount: u64) -> BatchLine {
    BatchLine { stan: Stan::of(stan), amount: Amount::of(amount), credit: false }
}

/// Money back to a buyer, as a batch line.
pub fn credit(stan: u32, amount: u64) -> BatchLine {
    BatchLine { credit: true, ..debit(stan, amount) }
}

pub fn totals_line(count: u32, amount: u64) -> CountAndAmount {
    CountAndAmount { count, amount: Amount::of(amount) }
}

pub fn first(parcel: ParcelId) -> PaymentId {
    PaymentId { parcel, number: 1 }
}

pub fn second(parcel: ParcelId) -> PaymentId {
    PaymentId { parcel, number: 2 }
}

pub fn third(parcel: ParcelId) -> PaymentId {
    PaymentId { parcel, number: 3 }
}

/// A terminal's hand-overs, blocks and unblocks are numbered together.
pub fn hand_terminal(terminal: TerminalId, number: u32, courier: CourierId) -> Command {
    Command::HandTerminal(HandTerminal { terminal, courier, number })
}

pub fn block_terminal(terminal: TerminalId, number: u32, blocked: bool) -> Command {
    Command::BlockTerminal(BlockTerminal { terminal, blocked, number })
}

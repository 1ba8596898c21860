//! The model: terminal transactions, each requested once, and their first responses.

use books::chart::{AccountKind as A, ChartEntry};
use books::terminal_view::PendingRequestKind;
use books::view::PaymentState as S;
use books::*;
use money::Amount;

use super::payments::receivable;
use super::{Model, ModelMethod, ModelRefusal, ModelResult, Numbered, ReservationFor, ensure};

/// Response codes of an approval and of a timeout.
const APPROVED: ResponseCode = ResponseCode::of(b"00");
const NO_ANSWER: ResponseCode = ResponseCode::of(b"68");

/// What a terminal is answered first.
pub type FirstResponse = (ResponseCode, Option<AuthorisationCode>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    Pending,
    Approved,
    NotApproved,
    Reversed,
}

/// Where an approved transaction counts: card or other, debit or credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotalsColumn {
    pub card: bool,
    pub credit: bool,
}

#[derive(Clone, Debug)]
pub struct Transaction {
    pub trace: Trace,
    pub duplicate_key: DuplicateKey,
    pub kind: TransactionKind,
    pub payment: PaymentId,
    pub amount: u64,
    pub network_reference: Option<NetworkReference>,
    pub response: Option<FirstResponse>,
    /// The payment that paid a QR order, in time or not.
    pub wallet_payment: Option<WalletPaymentId>,
    pub status: TransactionStatus,
    pub column: Option<TotalsColumn>,
    /// An offline sale or refund that the network has not answered.
    pub to_forward: bool,
    /// A QR order paid after it ended and not refunded.
    pub paid_late: bool,
}

impl Transaction {
    pub fn took_money(&self) -> bool {
        use TransactionKind as K;
        matches!(self.kind, K::Sale | K::Completion | K::Qr | K::Advice | K::Cash)
    }
}

impl Model {
    pub fn apply_terminal_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::BeginPurchase(_) => self.purchase(command),
            Command::ResolvePurchase(ResolvePurchase { payment, resolution }) => {
                self.resolve_payment(payment, resolution)
            }
            Command::BeginCompletion(BeginCompletion {
                trace,
                duplicate_key,
                payment,
                amount,
                network_reference,
            }) => self.begin_completion((trace, duplicate_key), payment, amount, network_reference),
            Command::ResolveCompletion(ResolveCompletion { payment, resolution }) => {
                self.resolve_completion(payment, resolution)
            }
            Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment }) => {
                self.end_completion_reversal(payment)
            }
            Command::BeginVoid(BeginVoid { trace, duplicate_key, payment, network_reference }) => {
                self.begin_void((trace, duplicate_key), payment, network_reference)
            }
            Command::BeginReversal(BeginReversal { payment }) => self.begin_reversal(payment),
            Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace }) => {
                self.reverse_without_original(trace)
            }
            Command::DeclineRequest(DeclineRequest { trace, request, code }) => {
                self.decline(trace, request, code)
            }
            Command::RecordBalanceInquiry(RecordBalanceInquiry { trace, request }) => {
                self.inquire_balance(trace, request)
            }
            Command::ReverseVoid(ReverseVoid { payment }) => self.undo_void(payment),
            Command::ResolveReversal(ResolveReversal { payment, done, code }) => {
                self.end_taking_back(payment, done, code)
            }
            Command::TakeCash(_) => self.take_cash(command),
            Command::TakeCashByPhone(ref one) => self.take_cash_by_phone(one),
            Command::BeginRefund(_) => self.begin_refund(command),
            Command::ResolveRefund(ResolveRefund { trace, code }) => {
                self.answer_refund(trace, code)
            }
            _ => return None,
        };
        Some(done)
    }

    /// Checks that a transaction is new and has room in its terminal's batch.
    pub fn admit(
        &self,
        (trace, duplicate_key): (Trace, DuplicateKey),
        kind: TransactionKind,
        same: impl Fn(&Transaction) -> bool,
    ) -> ModelResult {
        ensure(self.terminals.contains_key(&trace.terminal), "no such terminal")?;
        let listed = self.is_in_batch(trace);
        let known = self.transactions.iter().find(|one| one.trace == trace && listed);
        if let Some(first) = known {
            let repeat = first.kind == kind && first.duplicate_key == duplicate_key && same(first);
            ensure(repeat, "the trace is taken")?;
            return Err(ModelRefusal::Repeated);
        }
        self.is_open(trace)?;
        ensure(!self.is_spent(trace), "reversed, declined or a balance inquiry")?;
        ensure(!self.is_full(trace), "the batch is full")
    }

    /// Whether nothing can begin with the trace, although no transaction has it.
    fn is_spent(&self, trace: Trace) -> bool {
        self.reversed_without_original.contains(&trace)
            || self.declined.contains_key(&trace)
            || self.inquiries.contains_key(&trace)
    }

    /// Checks that no transaction has the trace, and that it belongs to the open batch.
    fn is_unused(&self, trace: Trace) -> ModelResult {
        ensure(self.terminals.contains_key(&trace.terminal), "no such terminal")?;
        let came = self.transactions.iter().any(|one| one.trace == trace);
        ensure(!(came && self.is_in_batch(trace)), "it came")?;
        self.is_open(trace)
    }

    /// Checks that the trace belongs to its terminal's open batch.
    fn is_open(&self, trace: Trace) -> ModelResult {
        let open = self.batches.get(&trace.terminal).and_then(|all| all.last());
        let open = open.filter(|one| one.open && one.number == trace.batch);
        ensure(open.is_some(), "not the open batch")
    }

    /// Whether the batch is full. Everything that uses up a STAN counts.
    fn is_full(&self, trace: Trace) -> bool {
        let in_batch = |one: &Trace| (one.terminal, one.batch) == (trace.terminal, trace.batch);
        let came = self.transactions.iter().filter(|one| in_batch(&one.trace)).count();
        let reversed = self.reversed_without_original.iter().filter(|one| in_batch(one)).count();
        let declined = self.declined.keys().filter(|one| in_batch(one)).count();
        let inquiries = self.inquiries.keys().filter(|one| in_batch(one)).count();
        came + reversed + declined + inquiries >= TRANSACTIONS_PER_BATCH_MAX
    }

    fn reverse_without_original(&mut self, trace: Trace) -> ModelResult {
        let Trace { terminal, batch, stan } = trace;
        self.is_unused(trace)?;
        ensure(!self.declined.contains_key(&trace), "it was declined")?;
        if self.is_spent(trace) || self.is_full(trace) {
            return Err(ModelRefusal::Repeated);
        }
        self.reversed_without_original.insert(trace);
        self.push_event(Event::ReversalWithoutOriginalRecorded { terminal, batch, stan })
    }

    fn decline(&mut self, trace: Trace, request: RequestDigest, code: ResponseCode) -> ModelResult {
        let Trace { terminal, batch, stan } = trace;
        self.is_unused(trace)?;
        if self.declined.get(&trace) == Some(&(request, code)) {
            return Err(ModelRefusal::Repeated);
        }
        let inquired = self.inquiries.get(&trace) == Some(&request);
        ensure(inquired || !self.is_spent(trace), "the trace is taken")?;
        ensure(code != APPROVED, "a decline that approves")?;
        ensure(inquired || !self.is_full(trace), "the batch is full")?;
        self.inquiries.remove(&trace);
        self.declined.insert(trace, (request, code));
        self.push_event(Event::RequestDeclined { terminal, batch, stan, code })
    }

    fn inquire_balance(&mut self, trace: Trace, request: RequestDigest) -> ModelResult {
        let Trace { terminal, batch, stan } = trace;
        self.is_unused(trace)?;
        if self.inquiries.get(&trace) == Some(&request) {
            return Err(ModelRefusal::Repeated);
        }
        ensure(!self.is_spent(trace), "the trace is taken")?;
        ensure(!self.is_full(trace), "the batch is full")?;
        self.working_courier(terminal)?;
        self.inquiries.insert(trace, request);
        self.push_event(Event::BalanceInquiryRecorded { terminal, batch, stan })
    }

    fn working_courier(&self, terminal: TerminalId) -> ModelResult<CourierId> {
        let (courier, blocked) = self.terminals[&terminal];
        ensure(!blocked, "the terminal is blocked")?;
        ensure(!self.is_courier_suspended(courier), "the courier is suspended")?;
        Ok(courier)
    }

    pub fn next_payment_id(&self, parcel: ParcelId) -> ModelResult<PaymentId> {
        Ok(PaymentId { parcel, number: self.parcel(parcel)?.last_number() + 1 })
    }

    pub fn write_down(
        &mut self,
        (trace, duplicate_key): (Trace, DuplicateKey),
        kind: TransactionKind,
        (payment, amount): (PaymentId, u64),
        (column, network_reference): (Option<TotalsColumn>, Option<NetworkReference>),
        told: Option<FirstResponse>,
    ) {
        use TransactionKind as K;
        let standing =
            if told.is_some() { TransactionStatus::Approved } else { TransactionStatus::Pending };
        let to_forward = matches!(kind, K::Advice | K::Refund);
        self.transactions.push(Transaction {
            trace,
            duplicate_key,
            kind,
            payment,
            amount,
            network_reference,
            response: told,
            wallet_payment: None,
            status: standing,
            column,
            to_forward,
            paid_late: false,
        });
    }

    /// The payment's newest transaction that fits.
    pub fn newest(&self, id: PaymentId, fits: impl Fn(&Transaction) -> bool) -> Option<usize> {
        self.transactions.iter().rposition(|one| one.payment == id && fits(one))
    }

    pub fn has(&self, id: PaymentId, fits: impl Fn(&Transaction) -> bool) -> bool {
        self.newest(id, fits).is_some()
    }

    /// Records how a transaction ended. The first response stays.
    fn end(&mut self, place: usize, standing: TransactionStatus, told: FirstResponse) {
        let one = &mut self.transactions[place];
        one.status = standing;
        one.response.get_or_insert(told);
    }

    /// Ends a begun or unknown purchase.
    pub fn end_purchase(
        &mut self,
        id: PaymentId,
        standing: TransactionStatus,
        told: FirstResponse,
    ) -> Option<usize> {
        use TransactionKind as K;
        let kinds = [K::Sale, K::PreAuthorisation, K::Qr];
        let place = self.newest(id, |one| kinds.contains(&one.kind))?;
        self.end(place, standing, told);
        Some(place)
    }

    /// A buyer paid a QR code after it ended.
    pub fn record_late_payment(&mut self, id: PaymentId, payment: WalletPaymentId) -> ModelResult {
        let Some(place) = self.newest(id, |one| one.kind == TransactionKind::Qr) else {
            return Ok(());
        };
        if self.payment(id)?.state == S::Unknown {
            self.void_reservation(ReservationFor::Payment(id));
            self.payment_mut(id).state = S::Declined;
            self.end(place, TransactionStatus::NotApproved, (NO_ANSWER, None));
            self.push_event(Event::PaymentDeclined { payment: id })?;
        }
        let declined = self.payment(id)?.state == S::Declined;
        let one = &mut self.transactions[place];
        let (code, _) = one.response.expect("what is over was answered");
        let repeated = match declined {
            true => one.paid_late || one.status == TransactionStatus::Reversed,
            false => code == APPROVED,
        };
        if repeated || (declined && one.wallet_payment == Some(payment)) {
            return Err(ModelRefusal::Repeated);
        }
        if declined {
            (one.paid_late, one.wallet_payment) = (true, Some(payment));
        }
        Ok(())
    }

    fn end_paid_late(&mut self, id: PaymentId, done: bool) -> ModelResult {
        let place = self.newest(id, |one| one.kind == TransactionKind::Qr);
        let place = place.ok_or(ModelRefusal::Because("no wallet knows of it"))?;
        let standing =
            if done { TransactionStatus::Reversed } else { TransactionStatus::NotApproved };
        if !self.transactions[place].paid_late {
            ensure(self.transactions[place].status == standing, "nothing was paid late")?;
            return Err(ModelRefusal::Repeated);
        }
        self.transactions[place].paid_late = false;
        self.transactions[place].status = standing;
        self.push_event(match done {
            true => Event::PaymentReversed { payment: id, posted: Amount::ZERO },
            false => Event::PaymentDeclined { payment: id },
        })
    }

    pub fn is_pre_authorisation(&self, id: PaymentId) -> bool {
        self.has(id, |one| one.kind == TransactionKind::PreAuthorisation)
    }

    /// What a transaction waits for.
    pub fn pending_request(&self, place: usize) -> Option<PendingRequestKind> {
        use TransactionKind as K;
        let one = &self.transactions[place];
        let id = one.payment;
        if self.sale_without_parcel(id).is_some() {
            return one.to_forward.then_some(PendingRequestKind::Advice);
        }
        let state = self.payment(id).ok()?.state;
        let newest = |fits: &dyn Fn(&Transaction) -> bool| self.newest(id, fits) == Some(place);
        let of_kind = newest(&|other| other.kind == one.kind);
        match (one.kind, state) {
            (K::Sale | K::PreAuthorisation | K::Qr, S::Begun) => Some(PendingRequestKind::Purchase),
            (K::Sale | K::PreAuthorisation | K::Qr, S::Unknown) => {
                Some(PendingRequestKind::PurchaseReversal)
            }
            (K::Qr, S::Declined) if one.paid_late => Some(PendingRequestKind::LatePaymentRefund),
            (K::Completion, S::Completing) if of_kind => Some(PendingRequestKind::Completion),
            (K::Completion, S::CompletionUnknown) if of_kind => {
                Some(PendingRequestKind::CompletionReversal)
            }
            (K::Void, S::Reversing(ReversalKind::Void) | S::Releasing(ReversalKind::Void))
                if of_kind =>
            {
                Some(PendingRequestKind::Void)
            }
            (K::Void, S::ReversingVoid) if of_kind => Some(PendingRequestKind::VoidReversal),
            (K::PreAuthorisation, S::Releasing(ReversalKind::Reversal | ReversalKind::Expiry)) => {
                Some(PendingRequestKind::Reversal)
            }
            (_, S::Reversing(ReversalKind::Reversal)) if newest(&Transaction::took_money) => {
                Some(PendingRequestKind::Reversal)
            }
            (K::Advice, _) if one.to_forward => Some(PendingRequestKind::Advice),
            (K::Refund, _) if one.to_forward => Some(PendingRequestKind::Refund),
            _ => None,
        }
    }

    /// Whether a transaction is in one of its terminal's last two batches.
    pub fn is_in_batch(&self, trace: Trace) -> bool {
        self.last_batches(trace.terminal).iter().any(|one| one.number == trace.batch)
    }

    /// Whether a transaction is in the last batches or waits for a network.
    pub fn is_remembered(&self, place: usize) -> bool {
        self.is_in_batch(self.transactions[place].trace) || self.pending_request(place).is_some()
    }

    /// Forgets transactions that are neither in the last batches nor waiting for a network, except
    /// wallet orders and pre-authorisations.
    pub fn forget_transactions(&mut self) {
        let may_be_named = |place: usize| {
            let kind = self.transactions[place].kind;
            matches!(kind, TransactionKind::Qr | TransactionKind::PreAuthorisation)
        };
        let kept = |place: &usize| self.is_remembered(*place) || may_be_named(*place);
        let kept: Vec<usize> = (0..self.transactions.len()).filter(kept).collect();
        let all = std::mem::take(&mut self.transactions);
        let places = all.into_iter().enumerate();
        self.transactions =
            places.filter(|(place, _)| kept.contains(place)).map(|(_, one)| one).collect();
    }

    fn purchase(&mut self, command: &Command) -> ModelResult {
        use TransactionKind as K;
        let Command::BeginPurchase(BeginPurchase {
            trace,
            duplicate_key,
            parcel,
            route,
            amount,
            kind: purpose,
            network_reference,
            route_candidates,
        }) = command
        else {
            unreachable!("only purchases come here");
        };
        let card = matches!(route, PaymentRoute::Card { .. });
        let (kind, debit) = match (card, purpose) {
            (true, PurchaseKind::Sale) => (K::Sale, true),
            (true, PurchaseKind::PreAuthorisation) => (K::PreAuthorisation, false),
            (false, PurchaseKind::Sale) => (K::Qr, true),
            (false, PurchaseKind::PreAuthorisation) => {
                return Err(ModelRefusal::Because("no pre-authorisation by QR"));
            }
        };
        let same =
            |one: &Transaction| one.payment.parcel == *parcel && one.amount == amount.minor();
        self.admit((*trace, *duplicate_key), kind, same)?;
        let chosen: Vec<_> =
            route_candidates.iter().filter(|one| one.verdict == RouteVerdict::Chosen).collect();
        let routed = match route {
            PaymentRoute::Card { network, .. } => {
                route_candidates.len() <= ROUTE_CANDIDATES_MAX
                    && matches!(chosen[..], [one] if one.network == *network)
            }
            PaymentRoute::Qr { .. } => route_candidates.is_empty(),
        };
        ensure(routed, "the routes do not go with the method")?;
        let id = self.next_payment_id(*parcel)?;
        self.begin_payment(id, trace.terminal, *route, *amount)?;
        let column = debit.then_some(TotalsColumn { card, credit: false });
        self.write_down(
            (*trace, *duplicate_key),
            kind,
            (id, amount.minor()),
            (column, Some(*network_reference)),
            None,
        );
        if card {
            self.push_event(Event::PaymentRouted {
                payment: id,
                route_candidates: route_candidates.clone(),
            })?;
        }
        Ok(())
    }

    fn begin_completion(
        &mut self,
        number: (Trace, DuplicateKey),
        id: PaymentId,
        amount: Amount,
        network_reference: NetworkReference,
    ) -> ModelResult {
        let kind = TransactionKind::Completion;
        let same = |one: &Transaction| one.payment == id && one.amount == amount.minor();
        self.admit(number, kind, same)?;
        let courier = self.working_courier(number.0.terminal)?;
        let payment = self.payment(id)?;
        ensure(!amount.is_zero(), "nothing asked for")?;
        ensure(payment.state == S::Authorised, "not authorised")?;
        ensure(payment.courier == courier, "another courier's")?;
        ensure(amount.minor() <= payment.amount, "more than was authorised")?;
        // The money is taken on this day.
        let charge = self.charge_on(self.parcel(id.parcel)?.account(), self.today)?;
        let payment = self.payment_mut(id);
        (payment.state, payment.charge) = (S::Completing, charge);
        let column = Some(TotalsColumn { card: true, credit: false });
        self.write_down(
            number,
            kind,
            (id, amount.minor()),
            (column, Some(network_reference)),
            None,
        );
        self.push_event(Event::CompletionBegun { payment: id, amount })
    }

    fn completion(&self, id: PaymentId) -> Option<usize> {
        self.newest(id, |one| one.kind == TransactionKind::Completion)
    }

    fn has_lost_completion(&self, id: PaymentId) -> bool {
        let lost = [TransactionStatus::NotApproved, TransactionStatus::Reversed];
        let completion = TransactionKind::Completion;
        self.has(id, |one| one.kind == completion && lost.contains(&one.status))
    }

    fn resolve_completion(&mut self, id: PaymentId, resolution: PaymentResolution) -> ModelResult {
        let state = self.payment(id)?.state;
        let today = self.today;
        self.check_approval(id, resolution)?;
        match (state, resolution) {
            (S::Completing, PaymentResolution::Approved(by)) => {
                let place = self.completion(id).expect("it was begun");
                let amount = self.transactions[place].amount;
                self.about = (Some(id), Some(self.payment(id)?.charge.tariff));
                self.post_reserved(ReservationFor::Payment(id), amount);
                // It was taken on the day on which the network was asked.
                let sent = self.transactions[place].network_reference.map(|one| one.sent_at);
                let begun = self.payment(id)?.taken_on;
                let offset = sent.and_then(|at| self.offset_at(at));
                let day = sent.zip(offset).map_or(today, |(at, offset)| at.business_date(offset));
                self.belongs_to(day.max(begun).min(today));
                let payment = self.payment_mut(id);
                (payment.amount, payment.taken_on) = (amount, today);
                let Approval::Network(code) = by else { unreachable!("checked above") };
                self.end(place, TransactionStatus::Approved, (APPROVED, code));
                self.record_collected(id)?;
                self.answered_after_its_line(id)
            }
            (S::Completing | S::CompletionUnknown, PaymentResolution::Declined { code }) => {
                self.payment_mut(id).state = S::Authorised;
                let place = self.completion(id).expect("it was begun");
                self.end(place, TransactionStatus::NotApproved, (code, None));
                self.push_event(Event::CompletionDeclined { payment: id })
            }
            (S::Completing, PaymentResolution::Unknown) => {
                self.lose_completion(id, TransactionStatus::NotApproved)
            }
            (S::CompletionUnknown, PaymentResolution::Approved(_)) => {
                self.push_event(Event::LateApproval { payment: id })
            }
            (S::CompletionUnknown, PaymentResolution::Unknown) => Err(ModelRefusal::Repeated),
            (_, PaymentResolution::Approved(_)) => {
                let completion = TransactionKind::Completion;
                let stands = |one: &Transaction| one.status == TransactionStatus::Approved;
                if self.has(id, |one| one.kind == completion && stands(one)) {
                    return Err(ModelRefusal::Repeated);
                }
                ensure(self.has_lost_completion(id), "there was no completion")?;
                self.push_event(Event::LateApproval { payment: id })
            }
            _ if self.has_lost_completion(id) => Err(ModelRefusal::Repeated),
            _ => Err(ModelRefusal::Because("there was no completion")),
        }
    }

    fn lose_completion(&mut self, id: PaymentId, standing: TransactionStatus) -> ModelResult {
        self.payment_mut(id).state = S::CompletionUnknown;
        let place = self.completion(id).expect("it was begun");
        self.end(place, standing, (NO_ANSWER, None));
        self.push_event(Event::CompletionUnknown { payment: id })
    }

    fn end_completion_reversal(&mut self, id: PaymentId) -> ModelResult {
        match self.payment(id)?.state {
            S::CompletionUnknown => {
                self.payment_mut(id).state = S::Authorised;
                let place = self.completion(id).expect("it was begun");
                self.end(place, TransactionStatus::Reversed, (NO_ANSWER, None));
                self.push_event(Event::CompletionReversed { payment: id })
            }
            S::Authorised if self.has_lost_completion(id) => Err(ModelRefusal::Repeated),
            _ => Err(ModelRefusal::Because("no completion to be reversed")),
        }
    }

    /// Checks that an approved payment can be reversed.
    pub fn check_reversible(&self, id: PaymentId) -> ModelResult {
        ensure(self.count_of(Numbered::Refunds(id)) == 0, "it had refunds or chargebacks")?;
        ensure(self.payment(id)?.rejected.is_none(), "somebody else paid it")?;
        ensure(!self.advice_awaits_network(id), "the network does not know of it")
    }

    fn begin_void(
        &mut self,
        number: (Trace, DuplicateKey),
        id: PaymentId,
        network_reference: Option<NetworkReference>,
    ) -> ModelResult {
        let kind = TransactionKind::Void;
        self.admit(number, kind, |one| one.payment == id)?;
        let courier = self.working_courier(number.0.terminal)?;
        let payment = self.payment(id)?.clone();
        ensure(payment.courier == courier, "another courier's")?;
        let card = matches!(payment.method, ModelMethod::Card(..));
        let column = Some(TotalsColumn { card, credit: true });
        let what = (id, payment.amount);
        match payment.state {
            S::Approved => self.check_reversible(id)?,
            S::Authorised => {
                self.payment_mut(id).state = S::Releasing(ReversalKind::Void);
                self.write_down(number, kind, what, (None, network_reference), None);
                return self
                    .push_event(Event::ReversalBegun { payment: id, kind: ReversalKind::Void });
            }
            _ => return Err(ModelRefusal::Because("nothing to void")),
        }
        if let ModelMethod::Cash(_) = payment.method {
            let told = Some((APPROVED, None));
            self.write_down(number, kind, what, (column, None), told);
            return self.unpost(id);
        }
        self.payment_mut(id).state = S::Reversing(ReversalKind::Void);
        self.write_down(number, kind, what, (column, network_reference), None);
        self.push_event(Event::ReversalBegun { payment: id, kind: ReversalKind::Void })
    }

    /// Reverses the transaction that took the payment.
    pub fn reverse_transaction(&mut self, id: PaymentId) -> ModelResult {
        let state = self.payment(id)?.state;
        let pre_authorisation = |one: &Transaction| one.kind == TransactionKind::PreAuthorisation;
        let place = match state {
            S::Authorised => self.newest(id, pre_authorisation),
            _ => self.newest(id, Transaction::took_money),
        };
        let place = place.ok_or(ModelRefusal::Because("no transaction is remembered"))?;
        self.end(place, TransactionStatus::Reversed, (APPROVED, None));
        Ok(())
    }

    fn begin_reversal(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?.clone();
        match payment.state {
            S::Begun => {
                use TransactionKind as K;
                let kinds = [K::Sale, K::PreAuthorisation, K::Qr];
                let asked = self.has(id, |one| kinds.contains(&one.kind));
                ensure(asked, "no terminal asked for it")?;
                self.resolve_payment(id, PaymentResolution::Unknown)?;
                self.end_purchase(id, TransactionStatus::Reversed, (NO_ANSWER, None));
                Ok(())
            }
            S::Approved => {
                self.check_reversible(id)?;
                self.reverse_transaction(id)?;
                if matches!(payment.method, ModelMethod::Cash(_)) {
                    return self.unpost(id);
                }
                self.payment_mut(id).state = S::Reversing(ReversalKind::Reversal);
                self.push_event(Event::ReversalBegun { payment: id, kind: ReversalKind::Reversal })
            }
            S::Authorised => {
                self.reverse_transaction(id)?;
                self.payment_mut(id).state = S::Releasing(ReversalKind::Reversal);
                self.push_event(Event::ReversalBegun { payment: id, kind: ReversalKind::Reversal })
            }
            S::Completing => self.lose_completion(id, TransactionStatus::Reversed),
            S::Reversing(ReversalKind::Void) | S::Releasing(ReversalKind::Void) => {
                self.undo_void(id)
            }
            S::Held | S::Released => Err(ModelRefusal::Because("the money is there")),
            _ => Err(ModelRefusal::Repeated),
        }
    }

    fn void(&self, id: PaymentId) -> Option<usize> {
        self.newest(id, |one| one.kind == TransactionKind::Void)
    }

    fn undo_void(&mut self, id: PaymentId) -> ModelResult {
        match self.payment(id)?.state {
            S::Reversing(ReversalKind::Void) | S::Releasing(ReversalKind::Void) => {
                self.payment_mut(id).state = S::ReversingVoid;
                let place = self.void(id).expect("it was begun");
                self.end(place, TransactionStatus::Reversed, (NO_ANSWER, None));
                self.push_event(Event::VoidReversalBegun { payment: id })
            }
            S::ReversingVoid => Err(ModelRefusal::Repeated),
            S::Approved | S::Authorised if self.void(id).is_some() => Err(ModelRefusal::Repeated),
            _ => Err(ModelRefusal::Because("no void to be undone")),
        }
    }

    fn end_taking_back(&mut self, id: PaymentId, done: bool, code: ResponseCode) -> ModelResult {
        let pre_authorisation = self.payment(id)?.is_pre_authorisation;
        match (self.payment(id)?.state, done) {
            (S::Reversing(ReversalKind::Void) | S::Releasing(ReversalKind::Void), _) => {
                ensure(done || code != APPROVED, "a decline that approves")?;
                let place = self.void(id).expect("it was begun");
                let standing =
                    if done { TransactionStatus::Approved } else { TransactionStatus::NotApproved };
                self.end(place, standing, (code, None));
            }
            (S::Reversing(ReversalKind::Reversal), true)
            | (S::Releasing(ReversalKind::Reversal | ReversalKind::Expiry), true)
            | (S::ReversingVoid, false) => {}
            (S::Declined, _) => return self.end_paid_late(id, done),
            (S::Reversed | S::Expired, true) => return Err(ModelRefusal::Repeated),
            (S::Approved | S::Authorised, false) if self.void(id).is_some() => {
                return Err(ModelRefusal::Repeated);
            }
            _ => return Err(ModelRefusal::Because("it cannot end so")),
        }
        match (done, pre_authorisation) {
            (true, true) => {
                self.about = (Some(id), None);
                let expired = self.payment(id)?.state == S::Releasing(ReversalKind::Expiry);
                self.void_reserved(id);
                self.payment_mut(id).state = if expired { S::Expired } else { S::Reversed };
                self.push_event(Event::PaymentReversed { payment: id, posted: Amount::ZERO })
            }
            (true, false) => self.unpost(id),
            (false, _) => {
                let state = if pre_authorisation { S::Authorised } else { S::Approved };
                self.payment_mut(id).state = state;
                self.push_event(Event::PaymentRestored { payment: id })?;
                self.receive_if_paid(id)
            }
        }
    }

    fn void_reserved(&mut self, id: PaymentId) {
        self.void_reservation(ReservationFor::Payment(id));
        self.payment_mut(id).state = S::Reversed;
    }

    fn take_cash(&mut self, command: &Command) -> ModelResult {
        let Command::TakeCash(TakeCash { trace, duplicate_key, parcel, amount, tendered, change }) =
            *command
        else {
            unreachable!("only cash comes here");
        };
        let kind = TransactionKind::Cash;
        let same = |one: &Transaction| one.payment.parcel == parcel && one.amount == amount.minor();
        self.admit((trace, duplicate_key), kind, same)?;
        // What he took is his to hand over, also when he is suspended.
        let (courier, blocked) = self.terminals[&trace.terminal];
        ensure(!blocked, "the terminal is blocked")?;
        let sum = u128::from(amount.minor()) + u128::from(change.minor());
        ensure(sum == u128::from(tendered.minor()), "the change is wrong")?;
        let id = self.next_payment_id(parcel)?;
        self.collect_cash(id, courier, amount)?;
        let column = Some(TotalsColumn { card: false, credit: false });
        let (what, told) = ((id, amount.minor()), Some((APPROVED, None)));
        self.write_down((trace, duplicate_key), kind, what, (column, None), told);
        Ok(())
    }

    fn begin_refund(&mut self, command: &Command) -> ModelResult {
        let Command::BeginRefund(BeginRefund {
            trace,
            duplicate_key,
            payment: id,
            amount,
            network_reference,
        }) = *command
        else {
            unreachable!("only refunds begin here");
        };
        let number = (trace, duplicate_key);
        let kind = TransactionKind::Refund;
        let same = |one: &Transaction| one.payment == id && one.amount == amount.minor();
        self.admit(number, kind, same)?;
        let courier = self.working_courier(number.0.terminal)?;
        let payment = self.payment(id)?.clone();
        ensure(!matches!(payment.method, ModelMethod::Cash(_)), "cash is not sent back")?;
        let firm = |courier: CourierId| self.couriers[&courier].firm;
        ensure(firm(payment.courier) == firm(courier), "another firm's")?;
        let next = u8::try_from(self.count_of(Numbered::Refunds(id))).unwrap() + 1;
        self.refund(id, next, amount, command)?;
        let card = matches!(payment.method, ModelMethod::Card(..));
        let place = (Some(TotalsColumn { card, credit: true }), Some(network_reference));
        let told = Some((APPROVED, None));
        self.write_down(number, kind, (id, amount.minor()), place, told);
        Ok(())
    }

    fn answer_refund(&mut self, trace: Trace, code: ResponseCode) -> ModelResult {
        let place = self.transactions.iter().position(|one| one.trace == trace);
        let place = place.ok_or(ModelRefusal::Because("no such transaction"))?;
        let one = self.transactions[place].clone();
        ensure(one.kind == TransactionKind::Refund, "no refund")?;
        if !one.to_forward {
            return Err(ModelRefusal::Repeated);
        }
        self.transactions[place].to_forward = false;
        let (payment, amount) = (one.payment, Amount::of(one.amount));
        if code != APPROVED {
            return self.push_event(Event::RefundRejected { payment, amount, code });
        }
        let currency = self.parcel(payment.parcel)?.currency;
        let (_, receivable) = receivable(self.payment(payment)?.method, currency);
        self.about = (Some(payment), None);
        let buyers = (A::BuyerRefunds, 0, currency);
        self.post(ChartEntry::RefundForwarded, buyers, receivable, one.amount);
        let known = self.payment_mut(payment);
        (known.unpaid, known.forwarded) = (known.unpaid - one.amount, known.forwarded + one.amount);
        self.push_event(Event::RefundForwarded { payment, amount })
    }

    /// Whether the network may still pay a refund of the payment.
    pub fn refund_awaits_network(&self, id: PaymentId) -> bool {
        self.has(id, |one| one.kind == TransactionKind::Refund && one.to_forward)
    }
}

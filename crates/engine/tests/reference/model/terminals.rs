//! The model: what terminals ask for, each once, and what they were told first.

use engine::chart::{AccountKind as A, Entry};
use engine::door_view::ChaseKind;
use engine::view::TenderState as S;
use engine::*;
use money::Amount;

use super::tenders::receivable;
use super::{Answer, How, Model, No, Reason, ensure};

/// What a terminal is told of an approval, and of no answer.
const APPROVED: [u8; 2] = *b"00";
const NO_ANSWER: [u8; 2] = *b"68";
const SPACES: [u8; 6] = *b"      ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Waits,
    Stands,
    Fell,
    Reversed,
}

/// Where an approved transaction counts: by card or otherwise, from a buyer or back to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub card: bool,
    pub credit: bool,
}

/// A transaction of a terminal.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub trace: Trace,
    pub mark: Mark,
    pub kind: TransactionKind,
    pub tender: TenderId,
    pub amount: u64,
    pub sent: Sent,
    pub told: Option<([u8; 2], [u8; 6])>,
    pub standing: Standing,
    pub column: Option<Column>,
    /// Of offline sales and refunds: the network has not answered yet.
    pub to_forward: bool,
    /// Of QR: paid when it was over, and not given back.
    pub late: bool,
}

impl Transaction {
    fn took_money(&self) -> bool {
        use TransactionKind as K;
        matches!(self.kind, K::Sale | K::Completion | K::Qr | K::Advice | K::Cash)
    }
}

impl Model {
    pub fn at_the_door(&mut self, command: &Command) -> Option<Answer> {
        let done = match *command {
            Command::BeginPurchase { .. } => self.purchase(command),
            Command::ResolvePurchase { tender, resolution, authorisation } => {
                self.resolve(tender, resolution, authorisation)
            }
            Command::BeginCompletion { trace, mark, tender, amount, sent } => {
                self.begin_completion((trace, mark), tender, amount, sent)
            }
            Command::ResolveCompletion { tender, resolution, authorisation } => {
                self.resolve_completion(tender, resolution, authorisation)
            }
            Command::EndCompletionReversal { tender } => self.end_completion_reversal(tender),
            Command::BeginVoid { trace, mark, tender, sent } => {
                self.begin_void((trace, mark), tender, sent)
            }
            Command::BeginReversal { tender } => self.begin_reversal(tender),
            Command::ReverseUnheard { trace } => self.reverse_unheard(trace),
            Command::UndoVoid { tender } => self.undo_void(tender),
            Command::EndTakingBack { tender, done, code } => {
                self.end_taking_back(tender, done, code)
            }
            Command::TakeAdvice { .. } => self.take_advice(command),
            Command::AnswerAdvice { tender, code } => self.answer_advice(tender, code),
            Command::TakeCash { .. } => self.take_cash(command),
            Command::BeginRefund { trace, mark, tender, amount, sent } => {
                self.begin_refund((trace, mark), tender, amount, sent)
            }
            Command::AnswerRefund { trace, code } => self.answer_refund(trace, code),
            _ => return None,
        };
        Some(done)
    }

    /// Whether a transaction is new and has a place in its terminal's batch.
    fn admit(
        &self,
        (trace, mark): (Trace, Mark),
        kind: TransactionKind,
        same: impl Fn(&Transaction) -> bool,
    ) -> Answer {
        ensure(self.terminals.contains_key(&trace.terminal), "no such terminal")?;
        let listed = self.is_listed(trace);
        let known = self.transactions.iter().find(|one| one.trace == trace && listed);
        if let Some(first) = known {
            let repeat = first.kind == kind && first.mark == mark && same(first);
            ensure(repeat, "the trace is taken")?;
            return Err(No::Repeated);
        }
        self.is_open(trace)?;
        ensure(!self.unheard.contains(&trace), "reversed before it came")?;
        ensure(!self.is_full(trace), "the batch is full")
    }

    /// Whether a number is one of its terminal's open batch.
    fn is_open(&self, trace: Trace) -> Answer {
        let open = self.batches.get(&trace.terminal).and_then(|all| all.last());
        let open = open.filter(|one| one.open && one.number == trace.batch);
        ensure(open.is_some(), "not the open batch")?;
        ensure((1..=TRACE_NUMBER_MAX).contains(&trace.stan), "no such number")
    }

    /// Whether a batch has as many numbers as it may, those that were reversed unheard with them.
    fn is_full(&self, trace: Trace) -> bool {
        let in_batch = |one: &Trace| (one.terminal, one.batch) == (trace.terminal, trace.batch);
        let came = self.transactions.iter().filter(|one| in_batch(&one.trace)).count();
        came + self.unheard.iter().filter(|one| in_batch(one)).count() >= TRANSACTIONS_PER_BATCH_MAX
    }

    fn reverse_unheard(&mut self, trace: Trace) -> Answer {
        let Trace { terminal, batch, stan } = trace;
        ensure(self.terminals.contains_key(&terminal), "no such terminal")?;
        let came = self.transactions.iter().any(|one| one.trace == trace);
        ensure(!(came && self.is_listed(trace)), "it came")?;
        self.is_open(trace)?;
        if self.unheard.contains(&trace) || self.is_full(trace) {
            return Err(No::Repeated);
        }
        self.unheard.insert(trace);
        self.tell(Event::ReversedUnheard { terminal, batch, stan })
    }

    fn working_courier(&self, terminal: TerminalId) -> Answer<CourierId> {
        let (courier, blocked) = self.terminals[&terminal];
        ensure(!blocked, "the terminal is blocked")?;
        Ok(courier)
    }

    fn next_tender(&self, parcel: ParcelId) -> Answer<TenderId> {
        let next = self.parcel(parcel)?.tenders.len() + 1;
        Ok(TenderId { parcel, number: u8::try_from(next).expect("a few tenders") })
    }

    fn write_down(
        &mut self,
        (trace, mark): (Trace, Mark),
        kind: TransactionKind,
        (tender, amount): (TenderId, u64),
        (column, sent): (Option<Column>, Sent),
        told: Option<([u8; 2], [u8; 6])>,
    ) {
        use TransactionKind as K;
        let standing = if told.is_some() { Standing::Stands } else { Standing::Waits };
        let to_forward = matches!(kind, K::Advice | K::Refund);
        self.transactions.push(Transaction {
            trace,
            mark,
            kind,
            tender,
            amount,
            sent,
            told,
            standing,
            column,
            to_forward,
            late: false,
        });
    }

    /// The newest transaction of a tender that fits.
    fn newest(&self, id: TenderId, fits: impl Fn(&Transaction) -> bool) -> Option<usize> {
        self.transactions.iter().rposition(|one| one.tender == id && fits(one))
    }

    fn has(&self, id: TenderId, fits: impl Fn(&Transaction) -> bool) -> bool {
        self.newest(id, fits).is_some()
    }

    /// Writes down how a transaction ended; the first answer stays.
    fn end(&mut self, place: usize, standing: Standing, told: ([u8; 2], [u8; 6])) {
        let one = &mut self.transactions[place];
        one.standing = standing;
        one.told.get_or_insert(told);
    }

    /// A begun or unknown purchase has its answer, or its end.
    pub fn end_purchase(&mut self, id: TenderId, standing: Standing, told: ([u8; 2], [u8; 6])) {
        use TransactionKind as K;
        let kinds = [K::Sale, K::PreAuthorisation, K::Qr];
        if let Some(place) = self.newest(id, |one| kinds.contains(&one.kind)) {
            self.end(place, standing, told);
        }
    }

    /// A buyer has paid by QR what is over.
    pub fn paid_late(&mut self, id: TenderId, payment: [u8; 6]) -> Answer {
        let Some(place) = self.newest(id, |one| one.kind == TransactionKind::Qr) else {
            return Ok(());
        };
        if self.tender(id)?.state == S::Unknown {
            self.void_reservation(Reason::Tender(id));
            self.tender_mut(id).state = S::Declined;
            self.end(place, Standing::Fell, (NO_ANSWER, SPACES));
            self.tell(Event::Declined { tender: id })?;
        }
        let declined = self.tender(id)?.state == S::Declined;
        let one = &mut self.transactions[place];
        let (code, by) = one.told.expect("what is over was answered");
        let repeated = match declined {
            true => one.late || one.standing == Standing::Reversed,
            false => code == APPROVED,
        };
        if repeated || (declined && payment != SPACES && by == payment) {
            return Err(No::Repeated);
        }
        if declined {
            (one.late, one.told) = (true, Some((code, payment)));
        }
        Ok(())
    }

    fn end_paid_late(&mut self, id: TenderId, done: bool) -> Answer {
        let place = self.newest(id, |one| one.kind == TransactionKind::Qr);
        let place = place.ok_or(No::Because("no wallet knows of it"))?;
        let standing = if done { Standing::Reversed } else { Standing::Fell };
        if !self.transactions[place].late {
            ensure(self.transactions[place].standing == standing, "nothing was paid late")?;
            return Err(No::Repeated);
        }
        self.transactions[place].late = false;
        self.transactions[place].standing = standing;
        self.tell(match done {
            true => Event::Reversed { tender: id, posted: Amount::ZERO },
            false => Event::Declined { tender: id },
        })
    }

    pub fn is_promise(&self, id: TenderId) -> bool {
        self.has(id, |one| one.kind == TransactionKind::PreAuthorisation)
    }

    /// Why somebody has to be asked about a transaction.
    pub fn asked(&self, place: usize) -> Option<ChaseKind> {
        use TransactionKind as K;
        let one = &self.transactions[place];
        let id = one.tender;
        let state = self.tender(id).ok()?.state;
        let newest = |fits: &dyn Fn(&Transaction) -> bool| self.newest(id, fits) == Some(place);
        let of_kind = newest(&|other| other.kind == one.kind);
        match (one.kind, state) {
            (K::Sale | K::PreAuthorisation | K::Qr, S::Begun) => Some(ChaseKind::Begun),
            (K::Sale | K::PreAuthorisation | K::Qr, S::Unknown) => Some(ChaseKind::Unknown),
            (K::Qr, S::Declined) if one.late => Some(ChaseKind::PaidLate),
            (K::Completion, S::Completing) if of_kind => Some(ChaseKind::Completing),
            (K::Completion, S::CompletionUnknown) if of_kind => Some(ChaseKind::CompletionUnknown),
            (K::Void, S::TakingBack(TakeBack::Void) | S::Releasing(TakeBack::Void)) if of_kind => {
                Some(ChaseKind::Void)
            }
            (K::Void, S::UndoingVoid) if of_kind => Some(ChaseKind::UndoingVoid),
            (K::PreAuthorisation, S::Releasing(TakeBack::Reversal | TakeBack::Expiry)) => {
                Some(ChaseKind::Reversal)
            }
            (_, S::TakingBack(TakeBack::Reversal)) if newest(&Transaction::took_money) => {
                Some(ChaseKind::Reversal)
            }
            (K::Advice, _) if one.to_forward => Some(ChaseKind::Advice),
            (K::Refund, _) if one.to_forward => Some(ChaseKind::Refund),
            _ => None,
        }
    }

    /// Whether a transaction is in one of its terminal's last two batches.
    pub fn is_listed(&self, trace: Trace) -> bool {
        self.last_batches(trace.terminal).iter().any(|one| one.number == trace.batch)
    }

    /// Whether a transaction is in the last batches, or to be asked about.
    pub fn is_held(&self, place: usize) -> bool {
        self.is_listed(self.transactions[place].trace) || self.asked(place).is_some()
    }

    /// What is neither in the last batches nor to be asked about is forgotten, but not what
    /// wallets know, and what may be completed.
    pub fn forget_transactions(&mut self) {
        let may_be_named = |place: usize| {
            let kind = self.transactions[place].kind;
            matches!(kind, TransactionKind::Qr | TransactionKind::PreAuthorisation)
        };
        let kept = |place: &usize| self.is_held(*place) || may_be_named(*place);
        let kept: Vec<usize> = (0..self.transactions.len()).filter(kept).collect();
        let all = std::mem::take(&mut self.transactions);
        let places = all.into_iter().enumerate();
        self.transactions =
            places.filter(|(place, _)| kept.contains(place)).map(|(_, one)| one).collect();
    }

    fn purchase(&mut self, command: &Command) -> Answer {
        use TransactionKind as K;
        let Command::BeginPurchase {
            trace,
            mark,
            parcel,
            method,
            amount,
            purpose,
            sent,
            considered,
        } = command
        else {
            unreachable!("only purchases come here");
        };
        let card = matches!(method, Method::Card { .. });
        let (kind, debit) = match (card, purpose) {
            (true, Purpose::Sale) => (K::Sale, true),
            (true, Purpose::PreAuthorisation) => (K::PreAuthorisation, false),
            (false, Purpose::Sale) => (K::Qr, true),
            (false, Purpose::PreAuthorisation) => return Err(No::Because("no promise by QR")),
        };
        let same = |one: &Transaction| one.tender.parcel == *parcel && one.amount == amount.minor();
        self.admit((*trace, *mark), kind, same)?;
        let chosen: Vec<_> =
            considered.iter().filter(|one| one.verdict == Verdict::Chosen).collect();
        let routed = match method {
            Method::Card { network, .. } => {
                considered.len() <= ROUTES_MAX
                    && matches!(chosen[..], [one] if one.network == *network)
            }
            Method::Qr { .. } => considered.is_empty(),
        };
        ensure(routed, "the routes do not go with the method")?;
        let id = self.next_tender(*parcel)?;
        self.begin(id, trace.terminal, *method, *amount)?;
        let column = debit.then_some(Column { card, credit: false });
        self.write_down((*trace, *mark), kind, (id, amount.minor()), (column, *sent), None);
        if card {
            self.tell(Event::Routed { tender: id, considered: considered.clone() })?;
        }
        Ok(())
    }

    fn begin_completion(
        &mut self,
        number: (Trace, Mark),
        id: TenderId,
        amount: Amount,
        sent: Sent,
    ) -> Answer {
        let kind = TransactionKind::Completion;
        let same = |one: &Transaction| one.tender == id && one.amount == amount.minor();
        self.admit(number, kind, same)?;
        let courier = self.working_courier(number.0.terminal)?;
        let tender = self.tender(id)?;
        ensure(!amount.is_zero(), "nothing asked for")?;
        ensure(tender.state == S::Authorised, "not authorised")?;
        ensure(tender.courier == courier, "another courier's")?;
        ensure(amount.minor() <= tender.amount, "more than was authorised")?;
        self.tender_mut(id).state = S::Completing;
        let column = Some(Column { card: true, credit: false });
        self.write_down(number, kind, (id, amount.minor()), (column, sent), None);
        self.tell(Event::CompletionBegun { tender: id, amount })
    }

    fn completion(&self, id: TenderId) -> Option<usize> {
        self.newest(id, |one| one.kind == TransactionKind::Completion)
    }

    fn has_lost_completion(&self, id: TenderId) -> bool {
        let lost = [Standing::Fell, Standing::Reversed];
        let completion = TransactionKind::Completion;
        self.has(id, |one| one.kind == completion && lost.contains(&one.standing))
    }

    fn resolve_completion(
        &mut self,
        id: TenderId,
        resolution: Resolution,
        authorisation: [u8; 6],
    ) -> Answer {
        let state = self.tender(id)?.state;
        let today = self.today;
        match (state, resolution) {
            (S::Completing, Resolution::Approved) => {
                let place = self.completion(id).expect("it was begun");
                let amount = self.transactions[place].amount;
                self.about = (Some(id), Some(self.tender(id)?.tariff));
                self.post_reserved(Reason::Tender(id), amount);
                let tender = self.tender_mut(id);
                (tender.amount, tender.taken_on) = (amount, today);
                self.end(place, Standing::Stands, (APPROVED, authorisation));
                self.collected(id)
            }
            (S::Completing | S::CompletionUnknown, Resolution::Declined { code }) => {
                self.tender_mut(id).state = S::Authorised;
                let place = self.completion(id).expect("it was begun");
                self.end(place, Standing::Fell, (code, authorisation));
                self.tell(Event::CompletionDeclined { tender: id })
            }
            (S::Completing, Resolution::Unknown) => self.lose_completion(id, Standing::Fell),
            (S::CompletionUnknown, Resolution::Approved) => {
                self.tell(Event::LateApproval { tender: id })
            }
            (S::CompletionUnknown, Resolution::Unknown) => Err(No::Repeated),
            (_, Resolution::Approved) => {
                let completion = TransactionKind::Completion;
                let stands = |one: &Transaction| one.standing == Standing::Stands;
                if self.has(id, |one| one.kind == completion && stands(one)) {
                    return Err(No::Repeated);
                }
                ensure(self.has_lost_completion(id), "there was no completion")?;
                self.tell(Event::LateApproval { tender: id })
            }
            _ if self.has_lost_completion(id) => Err(No::Repeated),
            _ => Err(No::Because("there was no completion")),
        }
    }

    fn lose_completion(&mut self, id: TenderId, standing: Standing) -> Answer {
        self.tender_mut(id).state = S::CompletionUnknown;
        let place = self.completion(id).expect("it was begun");
        self.end(place, standing, (NO_ANSWER, SPACES));
        self.tell(Event::CompletionUnknown { tender: id })
    }

    fn end_completion_reversal(&mut self, id: TenderId) -> Answer {
        match self.tender(id)?.state {
            S::CompletionUnknown => {
                self.tender_mut(id).state = S::Authorised;
                let place = self.completion(id).expect("it was begun");
                self.end(place, Standing::Reversed, (NO_ANSWER, SPACES));
                self.tell(Event::CompletionReversed { tender: id })
            }
            S::Authorised if self.has_lost_completion(id) => Err(No::Repeated),
            _ => Err(No::Because("no completion to be reversed")),
        }
    }

    /// Whether an approved payment may be taken back.
    pub fn may_take_back(&self, id: TenderId) -> Answer {
        ensure(self.tender(id)?.gifts == 0, "something of it was given back")?;
        let advice = |one: &Transaction| one.kind == TransactionKind::Advice && one.to_forward;
        ensure(!self.has(id, advice), "the network does not know of it")
    }

    fn begin_void(&mut self, number: (Trace, Mark), id: TenderId, sent: Sent) -> Answer {
        let kind = TransactionKind::Void;
        self.admit(number, kind, |one| one.tender == id)?;
        let courier = self.working_courier(number.0.terminal)?;
        let tender = self.tender(id)?.clone();
        ensure(tender.courier == courier, "another courier's")?;
        let card = matches!(tender.how, How::Card(..));
        let column = Some(Column { card, credit: true });
        let what = (id, tender.amount);
        match tender.state {
            S::Approved => self.may_take_back(id)?,
            S::Authorised => {
                self.tender_mut(id).state = S::Releasing(TakeBack::Void);
                self.write_down(number, kind, what, (None, sent), None);
                return self.tell(Event::TakingBack { tender: id, by: TakeBack::Void });
            }
            _ => return Err(No::Because("nothing to void")),
        }
        if let How::Cash(_) = tender.how {
            let told = Some((APPROVED, SPACES));
            self.write_down(number, kind, what, (column, Sent::default()), told);
            return self.unpost(id);
        }
        self.tender_mut(id).state = S::TakingBack(TakeBack::Void);
        self.write_down(number, kind, what, (column, sent), None);
        self.tell(Event::TakingBack { tender: id, by: TakeBack::Void })
    }

    /// What made a tender stand is reversed.
    pub fn reverse_transaction(&mut self, id: TenderId) -> Answer {
        let state = self.tender(id)?.state;
        let promise = |one: &Transaction| one.kind == TransactionKind::PreAuthorisation;
        let place = match state {
            S::Authorised => self.newest(id, promise),
            _ => self.newest(id, Transaction::took_money),
        };
        let place = place.ok_or(No::Because("no transaction is remembered"))?;
        self.end(place, Standing::Reversed, (APPROVED, SPACES));
        Ok(())
    }

    fn begin_reversal(&mut self, id: TenderId) -> Answer {
        let tender = self.tender(id)?.clone();
        match tender.state {
            S::Begun => {
                use TransactionKind as K;
                let kinds = [K::Sale, K::PreAuthorisation, K::Qr];
                let asked = self.has(id, |one| kinds.contains(&one.kind));
                ensure(asked, "no terminal asked for it")?;
                self.resolve(id, Resolution::Unknown, SPACES)?;
                self.end_purchase(id, Standing::Reversed, (NO_ANSWER, SPACES));
                Ok(())
            }
            S::Approved => {
                self.may_take_back(id)?;
                self.reverse_transaction(id)?;
                if matches!(tender.how, How::Cash(_)) {
                    return self.unpost(id);
                }
                self.tender_mut(id).state = S::TakingBack(TakeBack::Reversal);
                self.tell(Event::TakingBack { tender: id, by: TakeBack::Reversal })
            }
            S::Authorised => {
                self.reverse_transaction(id)?;
                self.tender_mut(id).state = S::Releasing(TakeBack::Reversal);
                self.tell(Event::TakingBack { tender: id, by: TakeBack::Reversal })
            }
            S::Completing => self.lose_completion(id, Standing::Reversed),
            S::TakingBack(TakeBack::Void) | S::Releasing(TakeBack::Void) => self.undo_void(id),
            S::Held | S::Released => Err(No::Because("the money is there")),
            _ => Err(No::Repeated),
        }
    }

    fn void(&self, id: TenderId) -> Option<usize> {
        self.newest(id, |one| one.kind == TransactionKind::Void)
    }

    fn undo_void(&mut self, id: TenderId) -> Answer {
        match self.tender(id)?.state {
            S::TakingBack(TakeBack::Void) | S::Releasing(TakeBack::Void) => {
                self.tender_mut(id).state = S::UndoingVoid;
                let place = self.void(id).expect("it was begun");
                self.end(place, Standing::Reversed, (NO_ANSWER, SPACES));
                self.tell(Event::UndoingVoid { tender: id })
            }
            S::UndoingVoid => Err(No::Repeated),
            S::Approved | S::Authorised if self.void(id).is_some() => Err(No::Repeated),
            _ => Err(No::Because("no void to be undone")),
        }
    }

    fn end_taking_back(&mut self, id: TenderId, done: bool, code: [u8; 2]) -> Answer {
        let promise = self.tender(id)?.is_promise;
        match (self.tender(id)?.state, done) {
            (S::TakingBack(TakeBack::Void) | S::Releasing(TakeBack::Void), _) => {
                let place = self.void(id).expect("it was begun");
                let standing = if done { Standing::Stands } else { Standing::Fell };
                self.end(place, standing, (code, SPACES));
            }
            (S::TakingBack(TakeBack::Reversal), true)
            | (S::Releasing(TakeBack::Reversal | TakeBack::Expiry), true)
            | (S::UndoingVoid, false) => {}
            (S::Declined, _) => return self.end_paid_late(id, done),
            (S::Reversed | S::Expired, true) => return Err(No::Repeated),
            (S::Approved | S::Authorised, false) if self.void(id).is_some() => {
                return Err(No::Repeated);
            }
            _ => return Err(No::Because("it cannot end so")),
        }
        match (done, promise) {
            (true, true) => {
                self.about = (Some(id), None);
                let expired = self.tender(id)?.state == S::Releasing(TakeBack::Expiry);
                self.void_reserved(id);
                self.tender_mut(id).state = if expired { S::Expired } else { S::Reversed };
                self.tell(Event::Reversed { tender: id, posted: Amount::ZERO })
            }
            (true, false) => self.unpost(id),
            (false, _) => {
                let state = if promise { S::Authorised } else { S::Approved };
                self.tender_mut(id).state = state;
                self.tell(Event::Stands { tender: id })
            }
        }
    }

    fn void_reserved(&mut self, id: TenderId) {
        self.void_reservation(Reason::Tender(id));
        self.tender_mut(id).state = S::Reversed;
    }

    fn take_advice(&mut self, command: &Command) -> Answer {
        let Command::TakeAdvice { trace, mark, parcel, method, amount, sent, authorisation } =
            *command
        else {
            unreachable!("only offline sales come here");
        };
        let kind = TransactionKind::Advice;
        let same = |one: &Transaction| one.tender.parcel == parcel && one.amount == amount.minor();
        self.admit((trace, mark), kind, same)?;
        ensure(matches!(method, Method::Card { .. }), "only cards are taken offline")?;
        let id = self.next_tender(parcel)?;
        let (each, total) = self.offline.get(&trace.terminal).copied().unwrap_or_default();
        let sum = u128::from(self.unanswered(trace.terminal)) + u128::from(amount.minor());
        ensure(amount.minor() <= each && sum <= u128::from(total), "beyond the limit")?;
        let (how, tariff) = self.may_take_over(id, trace.terminal, method, amount, true)?;
        self.add_tender(id, how, amount, tariff);
        self.about = (Some(id), Some(tariff));
        let (entry, account) = receivable(how, self.parcel(parcel)?.currency);
        self.post(entry, account, self.held_account(id), amount.minor());
        let column = Some(Column { card: true, credit: false });
        let told = Some((APPROVED, authorisation));
        self.write_down((trace, mark), kind, (id, amount.minor()), (column, sent), told);
        self.collected(id)
    }

    /// What a terminal has sold offline and the network has not answered.
    pub fn unanswered(&self, terminal: TerminalId) -> u64 {
        let waits = |one: &&Transaction| {
            one.trace.terminal == terminal && one.kind == TransactionKind::Advice && one.to_forward
        };
        self.transactions.iter().filter(waits).map(|one| one.amount).sum()
    }

    fn answer_advice(&mut self, id: TenderId, code: [u8; 2]) -> Answer {
        self.tender(id)?;
        let place = self.newest(id, |one| one.kind == TransactionKind::Advice);
        let place = place.ok_or(No::Because("no such offline sale"))?;
        if !self.transactions[place].to_forward {
            return Err(No::Repeated);
        }
        self.transactions[place].to_forward = false;
        self.tell(match &code {
            b"00" => Event::AdviceForwarded { tender: id },
            _ => Event::AdviceRejected { tender: id, code },
        })
    }

    fn take_cash(&mut self, command: &Command) -> Answer {
        let Command::TakeCash { trace, mark, parcel, amount, tendered, change } = *command else {
            unreachable!("only cash comes here");
        };
        let kind = TransactionKind::Cash;
        let same = |one: &Transaction| one.tender.parcel == parcel && one.amount == amount.minor();
        self.admit((trace, mark), kind, same)?;
        let courier = self.working_courier(trace.terminal)?;
        let sum = u128::from(amount.minor()) + u128::from(change.minor());
        ensure(sum == u128::from(tendered.minor()), "the change is wrong")?;
        let id = self.next_tender(parcel)?;
        self.collect_cash(id, courier, amount)?;
        let column = Some(Column { card: false, credit: false });
        let (what, told) = ((id, amount.minor()), Some((APPROVED, SPACES)));
        self.write_down((trace, mark), kind, what, (column, Sent::default()), told);
        Ok(())
    }

    fn begin_refund(
        &mut self,
        number: (Trace, Mark),
        id: TenderId,
        amount: Amount,
        sent: Sent,
    ) -> Answer {
        let kind = TransactionKind::Refund;
        let same = |one: &Transaction| one.tender == id && one.amount == amount.minor();
        self.admit(number, kind, same)?;
        let courier = self.working_courier(number.0.terminal)?;
        let tender = self.tender(id)?.clone();
        ensure(!matches!(tender.how, How::Cash(_)), "cash is not sent back")?;
        let firm = |courier: CourierId| self.couriers[&courier].firm;
        ensure(firm(tender.courier) == firm(courier), "another firm's")?;
        self.refund(id, tender.gifts + 1, amount)?;
        let card = matches!(tender.how, How::Card(..));
        let place = (Some(Column { card, credit: true }), sent);
        let told = Some((APPROVED, SPACES));
        self.write_down(number, kind, (id, amount.minor()), place, told);
        Ok(())
    }

    fn answer_refund(&mut self, trace: Trace, code: [u8; 2]) -> Answer {
        let place = self.transactions.iter().position(|one| one.trace == trace);
        let place = place.ok_or(No::Because("no such transaction"))?;
        let one = self.transactions[place].clone();
        ensure(one.kind == TransactionKind::Refund, "no refund")?;
        if !one.to_forward {
            return Err(No::Repeated);
        }
        self.transactions[place].to_forward = false;
        let (tender, amount) = (one.tender, Amount::of(one.amount));
        if code != APPROVED {
            return self.tell(Event::RefundRejected { tender, amount, code });
        }
        let currency = self.parcel(tender.parcel)?.currency;
        let (_, receivable) = receivable(self.tender(tender)?.how, currency);
        self.about = (Some(tender), None);
        let buyers = (A::BuyerRefunds, 0, currency);
        self.post(Entry::RefundForwarded, buyers, receivable, one.amount);
        self.tender_mut(tender).unpaid -= one.amount;
        self.tell(Event::RefundForwarded { tender, amount })
    }

    /// Whether a refund of a tender may still be paid by its network.
    pub fn refund_is_asked(&self, id: TenderId) -> bool {
        self.has(id, |one| one.kind == TransactionKind::Refund && one.to_forward)
    }
}

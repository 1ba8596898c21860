//! What terminals ask for at the door: each transaction under its trace, once. The first answer is
//! kept for who asks again.

use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Column, Door, Standing, Transaction};
use crate::command::{Command, Method};
use crate::door::{
    Considered, Mark, Purpose, ROUTES_MAX, Sent, TRACE_NUMBER_MAX, TRANSACTIONS_PER_BATCH_MAX,
    Trace, TransactionKind, Verdict,
};
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::{ParcelId, TenderId};
use crate::records::{Item, Means};
use crate::refusal::{Missing, Refusal};
use crate::tenders::{APPROVED, NO_AUTHORISATION, NewTender};
use crate::time::Timestamp;

/// What a terminal's transaction is about; a repeat has all of it in common with the first.
#[derive(Clone, Copy)]
pub(crate) enum About {
    /// A new tender of a parcel, over an amount.
    New(ParcelId, Amount),
    /// A part of a tender.
    Part(TenderId, Amount),
    /// All of a tender.
    Whole(TenderId),
}

/// A terminal's transaction that is not there yet and has a place in its batch.
#[derive(Clone, Copy)]
pub(crate) struct Admitted {
    /// The terminal's number in the registry.
    pub terminal: u32,
    trace: Trace,
    mark: Mark,
    kind: TransactionKind,
}

impl Engine {
    pub(crate) fn at_the_door(
        &mut self,
        command: &Command,
        now: (BusinessDate, Timestamp),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Command as C;
        let today = now.0;
        match command {
            C::BeginPurchase { .. } => self.begin_purchase(command, now, out),
            C::ResolvePurchase { tender, resolution, authorisation } => {
                self.resolve(*tender, *resolution, *authorisation, today, out)
            }
            C::BeginCompletion { trace, mark, tender, amount, sent } => {
                self.begin_completion((*trace, *mark), (*tender, *amount), *sent, out)
            }
            C::ResolveCompletion { tender, resolution, authorisation } => {
                self.resolve_completion(*tender, *resolution, *authorisation, today, out)
            }
            C::EndCompletionReversal { tender } => self.end_completion_reversal(*tender, out),
            C::BeginVoid { trace, mark, tender, sent } => {
                self.begin_void((*trace, *mark), *tender, *sent, out)
            }
            C::BeginReversal { tender } => self.begin_reversal(*tender, today, out),
            C::ReverseUnheard { trace } => self.reverse_unheard(*trace, out),
            C::UndoVoid { tender } => self.undo_void(*tender, out),
            C::EndTakingBack { tender, done, code } => {
                self.end_taking_back(*tender, *done, *code, out)
            }
            C::TakeAdvice { .. } => self.take_advice(command, now, out),
            C::AnswerAdvice { tender, code } => self.answer_advice(*tender, *code, out),
            C::SetOfflineLimit { terminal, each, total } => {
                self.set_offline_limit(*terminal, *each, *total, out)
            }
            C::TakeCash { trace, mark, parcel, amount, tendered, change } => {
                let cash = (*amount, *tendered, *change);
                self.take_cash_at_terminal((*trace, *mark), *parcel, cash, today, out)
            }
            C::BeginRefund { trace, mark, tender, amount, sent } => {
                self.begin_refund((*trace, *mark), (*tender, *amount), *sent, out)
            }
            C::AnswerRefund { trace, code } => self.answer_refund(*trace, *code, out),
            _ => unreachable!("only what terminals do at the door is dispatched here"),
        }
    }

    /// Admits a transaction to its terminal's open batch, or says that it is a repeat. Looked at
    /// before anything else: a repeat is one also when its parcel or its batch is closed.
    #[inline]
    pub(crate) fn admit(
        &self,
        (trace, mark): (Trace, Mark),
        kind: TransactionKind,
        about: About,
    ) -> Result<Admitted, Refusal> {
        let missing = Refusal::NotFound(Missing::Terminal(trace.terminal));
        let terminal = self.terminals.number(trace.terminal).ok_or(missing)?;
        if let Some(slot) = self.doors.find(terminal, trace.batch, trace.stan) {
            let first = self.doors.get(slot);
            let same = match about {
                About::New(parcel, amount) => (first.parcel, first.amount) == (parcel, amount),
                About::Part(tender, amount) => (first.tender(), first.amount) == (tender, amount),
                About::Whole(tender) => first.tender() == tender,
            };
            let same = same && first.kind == kind && first.mark() == mark;
            return Err(if same { Refusal::Repeated } else { Refusal::TraceTaken });
        }
        let open = self.open_door(terminal, trace)?;
        if self.doors.was_reversed_unheard(terminal, trace.stan) {
            return Err(Refusal::TraceTaken);
        }
        if self.is_full(terminal, open) {
            return Err(Refusal::BatchFull);
        }
        Ok(Admitted { terminal, trace, mark, kind })
    }

    /// The door of a terminal, in whose open batch a trace has its place.
    fn open_door(&self, terminal: u32, trace: Trace) -> Result<&Door, Refusal> {
        let door = self.doors.door(terminal);
        let open = door.filter(|door| door.open && door.batch == trace.batch);
        let open = open.ok_or(Refusal::WrongBatch(door.map_or(0, |door| door.batch)))?;
        let right = (1..=TRACE_NUMBER_MAX).contains(&trace.stan);
        if right { Ok(open) } else { Err(Refusal::OutOfRange(TRACE_NUMBER_MAX)) }
    }

    /// Whether nothing new begins in a terminal's open batch any more.
    fn is_full(&self, terminal: u32, open: &Door) -> bool {
        let used = open.list.len() + self.doors.reversed_unheard(terminal).count();
        used >= TRANSACTIONS_PER_BATCH_MAX
    }

    /// Takes a number away from what was reversed before it came. Only in the open batch, while
    /// there is room in it: elsewhere nothing begins any more, under this number or another.
    fn reverse_unheard(&mut self, trace: Trace, out: &mut Outcome) -> Result<(), Refusal> {
        let Trace { terminal, batch, stan } = trace;
        let missing = Refusal::NotFound(Missing::Terminal(terminal));
        let number = self.terminals.number(terminal).ok_or(missing)?;
        if self.doors.find(number, batch, stan).is_some() {
            return Err(Refusal::TraceTaken);
        }
        let open = self.open_door(number, trace)?;
        if self.doors.was_reversed_unheard(number, stan) || self.is_full(number, open) {
            return Err(Refusal::Repeated);
        }
        self.doors.unheard.insert((number, stan));
        out.events.push(Event::ReversedUnheard { terminal, batch, stan });
        Ok(())
    }

    /// Checks that an admitted transaction's terminal works, and tells its courier.
    pub(crate) fn working_courier(&self, admitted: &Admitted) -> Result<u32, Refusal> {
        let terminal = self.terminals.get(admitted.terminal);
        if terminal.blocked { Err(Refusal::TerminalBlocked) } else { Ok(terminal.courier) }
    }

    /// Writes an admitted transaction down, when all else is done. It waits for an answer and is
    /// chased, or `told` is what the terminal is told at once.
    #[inline]
    pub(crate) fn write_down(
        &mut self,
        admitted: &Admitted,
        (tender, amount): (TenderId, Amount),
        (column, sent): (Column, Sent),
        told: Option<[u8; 6]>,
    ) -> u32 {
        let Admitted { terminal, trace, mark, kind } = *admitted;
        let waits = told.is_none();
        self.doors.add(Transaction {
            parcel: tender.parcel,
            token: mark.token,
            amount,
            sent_at: sent.at,
            sent_stan: sent.stan,
            terminal,
            batch: trace.batch,
            stan: trace.stan,
            date: mark.date,
            number: tender.number,
            kind,
            code: if waits { [0; 2] } else { APPROVED },
            authorisation: told.unwrap_or(NO_AUTHORISATION),
            standing: if waits { Standing::Waiting } else { Standing::Stands },
            column,
            listed: true,
            chased: waits,
        })
    }

    fn begin_purchase(
        &mut self,
        command: &Command,
        now: (BusinessDate, Timestamp),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
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
            unreachable!("only purchases are dispatched here");
        };
        let kind = match (method, purpose) {
            (Method::Card { .. }, Purpose::Sale) => TransactionKind::Sale,
            (Method::Card { .. }, Purpose::PreAuthorisation) => TransactionKind::PreAuthorisation,
            (Method::Qr { .. }, Purpose::Sale) => TransactionKind::Qr,
            (Method::Qr { .. }, Purpose::PreAuthorisation) => return Err(Refusal::BadMethod),
        };
        let admitted = self.admit((*trace, *mark), kind, About::New(*parcel, *amount))?;
        check_routes(*method, considered)?;
        let tender = self.next_tender(*parcel)?;
        let new = self.over(*method, tender, *amount)?;
        let checked = self.check_over(&new, trace.terminal, false, now)?;
        self.begin(&new, &checked, out)?;
        let column = match kind {
            TransactionKind::Sale => Column::CardDebit,
            TransactionKind::Qr => Column::OtherDebit,
            _ => Column::Nowhere,
        };
        self.write_down(&admitted, (tender, *amount), (column, *sent), None);
        if !considered.is_empty() {
            out.events.push(Event::Routed { tender, considered: considered.clone() });
        }
        Ok(())
    }

    fn take_cash_at_terminal(
        &mut self,
        number: (Trace, Mark),
        parcel: ParcelId,
        (amount, tendered, change): (Amount, Amount, Amount),
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let admitted = self.admit(number, TransactionKind::Cash, About::New(parcel, amount))?;
        let courier = self.working_courier(&admitted)?;
        if tendered.checked_sub(change) != Some(amount) {
            return Err(Refusal::WrongChange);
        }
        let tender = self.next_tender(parcel)?;
        let new = NewTender { id: tender, means: Means::Cash, rail: 0, amount };
        self.take_cash(&new, courier, today, out)?;
        let place = (Column::OtherDebit, Sent::default());
        self.write_down(&admitted, (tender, amount), place, Some(NO_AUTHORISATION));
        Ok(())
    }
}

/// Where what goes back of a tender counts in a batch.
pub(crate) fn credit_column(item: &Item) -> Column {
    if item.means.is_card() { Column::CardCredit } else { Column::OtherCredit }
}

/// A card payment says how its network was chosen.
fn check_routes(method: Method, considered: &[Considered]) -> Result<(), Refusal> {
    let mut chosen = considered.iter().filter(|one| one.verdict == Verdict::Chosen);
    let right = match method {
        Method::Card { network, .. } => {
            considered.len() <= ROUTES_MAX
                && chosen.next().is_some_and(|one| one.network == network)
                && chosen.next().is_none()
        }
        Method::Qr { .. } => considered.is_empty(),
    };
    if right { Ok(()) } else { Err(Refusal::BadRoute) }
}

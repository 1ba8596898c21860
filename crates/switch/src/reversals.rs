//! The terminals' own reversals: of what is under way, and of what the books know.

use engine::door_view::TransactionView;
use engine::view::TenderState;
use engine::{Command, Event, Method, Refusal, Resolution, TakeBack, Timestamp, TransactionKind};

use crate::about;
use crate::answers::Answer;
use crate::chase::{Begun, Original, What};
use crate::code::Code;
use crate::money_back::{left_out, original_of, outgoing};
use crate::network::{Waiting, key};
use crate::port::{Line, Output, Question};
use crate::request::{Asked, Request};
use crate::switch::Switch;
use crate::works::{Awaiting, Step, Work};

/// What is done about a reversal.
enum Verdict {
    /// It is answered at once.
    Told(Code),
    /// The books begin it.
    Begin(Command),
    /// The pre-authorisation before it has to be known first.
    Before(engine::Trace),
}

impl Switch {
    /// A terminal takes back what it sent last: it has no answer, or not one that it trusts.
    pub(crate) fn reversal(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let trace = request.heading.trace();
        let id = self.begin_work(Work::new(line, request, 0));
        let Some(&first) = self.active.get(&trace) else { return self.reverse_in_books(id, out) };
        let Some(under_way) = self.works.get_mut(&first) else { return };
        match under_way.step {
            Step::Begin | Step::Unheard | Step::Original | Step::Repeat | Step::Uploaded => {
                // The reversal that came before is repeated by this one.
                let before = under_way.reversal.replace(id);
                before.map(|before| self.end_work(before));
            }
            Step::Network | Step::Resolve(_) | Step::Unknown(_) => {
                if under_way.is_reversible() {
                    self.reverse_work(first, id, out);
                } else {
                    self.finish(id, Code::NOT_FOUND, &Answer::default(), now, out);
                }
            }
        }
    }

    /// Puts down that what is reversed must not come any more, before the books are asked what they
    /// know of it: what arrives meanwhile comes behind it.
    pub(crate) fn reverse_in_books(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        work.step = Step::Unheard;
        let trace = work.heading.trace();
        self.command(Awaiting::Work(id), Command::ReverseUnheard { trace }, out);
    }

    /// It is durable that what is reversed was never heard of, or it was heard of.
    pub(crate) fn unheard_answered(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let code = match answer {
            Ok(_) | Err(Refusal::Repeated) => Code::NOT_FOUND,
            Err(Refusal::TraceTaken) => {
                work.step = Step::Original;
                let question = Question::Transaction(work.heading.trace());
                return self.ask(Awaiting::Work(id), question, out);
            }
            Err(refusal) => Code::of(&refusal),
        };
        self.finish(id, code, &Answer::default(), now, out);
    }

    /// Takes back a work that is under way and has a tender.
    pub(crate) fn reverse_work(&mut self, first: u64, reversal: u64, out: &mut Vec<Output>) {
        let Some(begun) = self.works.get(&first).and_then(|work| self.chase_of_work(work)) else {
            return;
        };
        let Some(work) = self.works.get_mut(&first) else { return };
        work.reversed = true;
        let (sent, place, tender) = (work.sent, work.network, begun.tender);
        let voids = matches!(work.asked, Asked::Void | Asked::VoidPreAuthorisation);
        if work.step == Step::Network {
            self.networks[place].waiting.insert(key(sent), Waiting::Late(reversal));
            self.end_work(first);
        }
        let command =
            if voids { Command::UndoVoid { tender } } else { Command::BeginReversal { tender } };
        self.reversals.insert(reversal, begun);
        self.command(Awaiting::Reversal(reversal), command, out);
    }

    /// What the books know of what the terminal takes back.
    pub(crate) fn reversal_told(
        &mut self,
        id: u64,
        view: Option<TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let heading = work.heading;
        // Of a completion, what was before it comes second.
        let (view, before) = match (work.original.take(), view) {
            (Some(completion), before) => (Some(*completion), Some(before)),
            (None, view) => (view, None),
        };
        let Some(view) = view else {
            // It was there a moment ago: its batch is forgotten.
            return self.finish(id, Code::BATCH, &Answer::default(), now, out);
        };
        match verdict(&view, before.is_some()) {
            Verdict::Told(code) => self.finish(id, code, &Answer::default(), now, out),
            Verdict::Before(trace) => {
                work.original = Some(Box::new(view));
                self.ask(Awaiting::Work(id), Question::Transaction(trace), out);
            }
            // Nobody could be told: it stands.
            Verdict::Begin(_) if view.method.is_some_and(|method| !self.is_there(method)) => {
                self.finish(id, Code::INVALID, &left_out(view.method), now, out);
            }
            Verdict::Begin(command) => {
                let release = before.flatten().map(|before| (original_of(&before), before.amount));
                let by_qr = matches!(view.method, Some(Method::Qr { .. }));
                let begun = Begun {
                    what: What::Reversal,
                    tender: view.tender,
                    network: self.place_of_card(view.method),
                    order: by_qr.then_some(view.trace),
                    terminal: heading.terminal_id(),
                    merchant: heading.merchant,
                    amount: view.amount,
                    authorisation: view.authorisation,
                    original: original_of(&view),
                    release,
                    sent: None,
                };
                self.reversals.insert(id, begun);
                self.command(Awaiting::Reversal(id), command, out);
            }
        }
    }

    /// The reversal is durable: Doorstep has taken it over, the terminal is done.
    pub(crate) fn reversal_begun(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(mut begun) = self.reversals.remove(&id) else { return };
        let events = match answer {
            Ok(events) => events,
            // It was taken back before, or there is nothing to take back any more.
            Err(Refusal::Repeated) => Vec::new(),
            Err(refusal) => {
                let code = match refusal {
                    Refusal::TenderState => Code::INVALID,
                    refusal => Code::of(&refusal),
                };
                return self.finish(id, code, &Answer::default(), now, out);
            }
        };
        let what = events.iter().find_map(|event| match event {
            Event::BecameUnknown { .. } => Some(What::Unknown),
            Event::TakingBack { .. } => Some(What::Reversal),
            Event::CompletionUnknown { .. } => Some(What::Completion),
            Event::UndoingVoid { .. } => Some(What::UndoingVoid),
            _ => None,
        });
        match what {
            // Nobody has paid, and who pays from now on gets it back.
            Some(What::Unknown) if begun.order.is_some() => {
                self.command(Awaiting::Nobody, given_up(begun.tender), out);
            }
            Some(what) => {
                begun.what = what;
                self.begin_chase(id, begun, now, out);
            }
            None => {}
        }
        self.finish(id, Code::DONE, &Answer::default(), now, out);
    }

    /// What a work's network has to be told when the work is to be taken back.
    pub(crate) fn chase_of_work(&self, work: &Work) -> Option<Begun> {
        let (mti, processing, condition) = outgoing(work.asked);
        let what = match work.asked {
            Asked::Sale | Asked::PreAuthorisation => What::Unknown,
            Asked::Completion => What::Completion,
            Asked::Void | Asked::VoidPreAuthorisation => What::UndoingVoid,
            _ => return None,
        };
        let original = Original { mti, processing, condition, sent: work.sent };
        let before = work.original.as_deref().filter(|_| what == What::Completion);
        let release = before.map(|before| (original_of(before), before.amount));
        Some(Begun { release, ..Begun::of_work(work, what, work.tender?, original) })
    }
}

/// What is done about the reversal of a transaction, by what became of it. The books reverse a
/// tender, whatever stands of it: what is not reversed any more must not reach them.
fn verdict(view: &TransactionView, before_known: bool) -> Verdict {
    use TransactionKind as K;
    let tender = view.tender;
    let waits = view.answer.is_none();
    if matches!(view.kind, K::Refund | K::Advice) {
        // Both stand once they are taken.
        return Verdict::Told(Code::NOT_FOUND);
    }
    if view.reversed || !(waits || view.stands) {
        return Verdict::Told(Code::DONE);
    }
    if view.kind == K::Void {
        let by_card = matches!(view.method, Some(Method::Card { .. }));
        if waits && by_card {
            return Verdict::Begin(Command::UndoVoid { tender });
        }
        // A void that was answered stands, and the giving back of QR is answered at once.
        return Verdict::Told(Code::INVALID);
    }
    let can_be = match view.kind {
        _ if waits => true,
        K::PreAuthorisation => view.state == TenderState::Authorised,
        _ => matches!(
            view.state,
            TenderState::Approved | TenderState::TakingBack(TakeBack::Reversal)
        ),
    };
    if !can_be {
        return Verdict::Told(Code::INVALID);
    }
    if view.kind == K::Completion && !waits && !before_known {
        return Verdict::Before(about::trace(view.trace.terminal, view.mark.token));
    }
    Verdict::Begin(Command::BeginReversal { tender })
}

/// Ends a QR code that nobody has paid.
pub(crate) fn given_up(tender: engine::TenderId) -> Command {
    let resolution = Resolution::Declined { code: Code::UNKNOWN.0 };
    Command::ResolvePurchase { tender, resolution, authorisation: [b' '; 6] }
}

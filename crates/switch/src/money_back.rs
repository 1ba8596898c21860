//! Requests about something before: voids, completions, refunds, questions about QR codes.

use engine::door_view::TransactionView;
use engine::{Command, Method, Timestamp, TransactionKind};
use iso8583::{Mti, Wiped};

use crate::about;
use crate::answers::Answer;
use crate::card;
use crate::chase::{Begun, Original, What};
use crate::code::Code;
use crate::happening::Happening;
use crate::network::Question as Message;
use crate::payments::{Stop, format, stop};
use crate::port::{Line, Output, Question};
use crate::request::{Asked, Request};
use crate::switch::Switch;
use crate::works::{Awaiting, Step, Work};

impl Switch {
    /// Asks the books what was before.
    pub(crate) fn about_original(
        &mut self,
        line: Line,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let original = request.original().map_err(format)?;
        let mut work = Work::new(line, request, 0);
        work.step = Step::Original;
        work.before = Some(original);
        let id = self.begin_work(work);
        self.ask(Awaiting::Work(id), Question::Transaction(original), out);
        Ok(())
    }

    /// The books know what was before, or do not.
    pub(crate) fn original_told(
        &mut self,
        id: u64,
        view: Option<TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get(&id) else { return };
        let asked = work.asked;
        let nothing = Answer::default();
        if asked == Asked::Reversal {
            return self.reversal_told(id, view, now, out);
        }
        let Some(view) = view else {
            return self.finish(id, Code::NOT_FOUND, &nothing, now, out);
        };
        if asked == Asked::QrStatus {
            let code = match view.answer.map(Code) {
                _ if view.kind != TransactionKind::Qr => Code::INVALID,
                None => Code::WAITING,
                Some(_) if view.reversed => Code::UNKNOWN,
                Some(code) => code,
            };
            return self.finish(id, code, &nothing, now, out);
        }
        if !fits(asked, view.kind) {
            return self.finish(id, Code::INVALID, &nothing, now, out);
        }
        let partial = matches!(asked, Asked::Completion | Asked::Refund);
        if work.amount.is_zero() {
            return self.finish(id, Code::AMOUNT, &nothing, now, out);
        }
        if work.amount > view.amount || (!partial && work.amount != view.amount) {
            return self.finish(id, Code::OTHER_AMOUNT, &nothing, now, out);
        }
        self.begin_about(id, view, now, out);
    }

    fn begin_about(
        &mut self,
        id: u64,
        view: TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if view.method.is_some_and(|method| !self.is_there(method)) {
            return self.finish(id, Code::NO_ROUTE, &left_out(view.method), now, out);
        }
        let place = self.place_of_card(view.method);
        let Some(work) = self.works.get_mut(&id) else { return };
        if let Some(place) = place {
            work.network = place;
            work.sent = self.networks[place].next_sent(now);
            if work.asked != Asked::Refund
                && let Err(why) = self.write_about(id, &view)
            {
                out.push(Output::Happened(Happening::Keys(why)));
                return self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
            }
        }
        let Some(work) = self.works.get_mut(&id) else { return };
        work.mark.token = match work.asked {
            Asked::Refund => about::of_refunded(&view),
            _ => about::of_trace(&view),
        };
        let (trace, mark, sent) = (work.heading.trace(), work.mark, work.sent);
        let (tender, amount) = (view.tender, work.amount);
        let command = match work.asked {
            Asked::Completion => Command::BeginCompletion { trace, mark, tender, amount, sent },
            Asked::Refund => Command::BeginRefund { trace, mark, tender, amount, sent },
            _ => Command::BeginVoid { trace, mark, tender, sent },
        };
        work.tender = Some(tender);
        work.original = Some(Box::new(view));
        work.step = Step::Begin;
        self.command(Awaiting::Work(id), command, out);
    }

    /// Writes the message for the network that asks for a void or a completion.
    fn write_about(&mut self, id: u64, view: &TransactionView) -> Result<(), String> {
        let Some(work) = self.works.get(&id) else { return Ok(()) };
        let (mti, processing, condition) = outgoing(work.asked);
        let question = Message {
            mti,
            processing,
            condition,
            amount: Some(work.amount),
            sent: work.sent,
            terminal: work.heading.terminal_id(),
            merchant: work.heading.merchant,
            local: self.local_of(&work.heading, work.sent),
            authorisation: Some(view.authorisation),
            original: Some((original_of(view).mti, view.sent)),
            card: None,
        };
        let network = &self.networks[work.network];
        let message = network.write(&question, &self.settings, &*self.keys)?;
        if let Some(work) = self.works.get_mut(&id) {
            work.message = Some(message);
        }
        Ok(())
    }

    /// The refund is owed; the network is told until it answers, the terminal need not wait.
    pub(crate) fn refund_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let chase = self.number();
        if let Some(work) = self.works.get(&id)
            && let (Some(tender), Some(original)) = (work.tender, work.original.as_deref())
        {
            let what = What::Refund(work.heading.trace());
            let original = Original::refunded(original_of(original).mti, original.sent);
            let sent = Some(work.sent);
            let begun = Begun { sent, ..Begun::of_work(work, what, tender, original) };
            self.begin_chase(chase, begun, now, out);
        }
        let sent = self.works.get(&id).map(|work| work.sent);
        self.finish(id, Code::DONE, &Answer { sent, ..Answer::default() }, now, out);
    }

    /// The message of an offline sale once more: over the network that the books name and under
    /// its first numbers, so that the card is charged once.
    fn write_again(&mut self, id: u64, view: &TransactionView) -> Result<Wiped, Stop> {
        let place = self.place_of_card(view.method);
        let (Some(work), Some(place)) = (self.works.get_mut(&id), place) else {
            return Err(stop(Code::NOT_NOW));
        };
        (work.network, work.sent, work.authorisation) = (place, view.sent, view.authorisation);
        let heard = work.heard.take().ok_or(stop(Code::NOT_NOW))?;
        let request = Request::read(&heard).map_err(format)?;
        let pan = card::number(&request.message)?;
        let (mti, processing, condition) = outgoing(Asked::Advice);
        self.write_card(&request, &pan, (mti.repeat(), processing, condition), place, view.sent)
    }

    /// An offline sale that was taken before and that its network has not answered.
    pub(crate) fn forward_again(
        &mut self,
        id: u64,
        view: &TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.write_again(id, view) {
            Ok(message) => {
                if let Some(work) = self.works.get_mut(&id) {
                    (work.message, work.tender) = (Some(message), Some(view.tender));
                }
                self.send(id, now, out);
            }
            Err((_, why)) => {
                let why = why.unwrap_or_else(|| "an offline sale cannot be forwarded".to_owned());
                out.push(Output::Happened(Happening::Books(why)));
                self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
            }
        }
    }
}

/// A refusal about what was paid over a network or wallet that is no longer in the settings.
pub(crate) fn left_out(method: Option<Method>) -> Answer<'static> {
    let text = match method {
        Some(Method::Qr { .. }) => "wallet not in settings",
        _ => "network not in settings",
    };
    Answer { text: Some(text), ..Answer::default() }
}

/// Whether a request can be about such a transaction.
fn fits(asked: Asked, kind: TransactionKind) -> bool {
    use TransactionKind as K;
    match asked {
        Asked::Void | Asked::Refund => matches!(kind, K::Sale | K::Completion | K::Advice),
        Asked::VoidPreAuthorisation | Asked::Completion => kind == K::PreAuthorisation,
        Asked::CashBack => kind == K::Cash,
        Asked::QrBack => kind == K::Qr,
        _ => false,
    }
}

/// Message type, processing code and condition of a request to a network.
pub(crate) fn outgoing(asked: Asked) -> (Mti, u32, u8) {
    match asked {
        Asked::PreAuthorisation => (Mti::M0100, 30_000, 6),
        Asked::VoidPreAuthorisation => (Mti::M0100, 200_000, 6),
        Asked::Completion => (Mti::M0200, 0, 6),
        Asked::Void => (Mti::M0200, 200_000, 0),
        Asked::Refund => (Mti::M0220, 200_000, 0),
        Asked::Advice => (Mti::M0220, 0, 0),
        _ => (Mti::M0200, 0, 0),
    }
}

/// How a network knows a transaction in the books.
pub(crate) fn original_of(view: &TransactionView) -> Original {
    let (mti, processing, condition) = outgoing(match view.kind {
        TransactionKind::PreAuthorisation => Asked::PreAuthorisation,
        TransactionKind::Completion => Asked::Completion,
        TransactionKind::Void if about::is_of_hold(view.mark.token) => Asked::VoidPreAuthorisation,
        TransactionKind::Void => Asked::Void,
        TransactionKind::Refund => Asked::Refund,
        TransactionKind::Advice => Asked::Advice,
        _ => Asked::Sale,
    });
    Original { mti, processing, condition, sent: view.sent }
}

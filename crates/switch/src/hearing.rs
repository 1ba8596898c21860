//! Messages of terminals: who sends them, whether they are authentic, and where they go.

use engine::Timestamp;
use engine::door_view::TerminalView;
use iso8583::Wiped;
use keys::MacMethod;

use crate::answers::Answer;
use crate::code::Code;
use crate::happening::Happening;
use crate::payments::{Stop, format, parcel, stop};
use crate::port::{Line, Output, Question};
use crate::request::{Asked, Heading, Request};
use crate::session::Session;
use crate::switch::{Switch, WORKS_MAX};
use crate::works::{Awaiting, Work};

impl Switch {
    pub(crate) fn hear_terminal(
        &mut self,
        line: Line,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let request = match Request::read(bytes) {
            Ok(request) => request,
            Err(why) => {
                out.push(Output::Happened(Happening::Unreadable(why)));
                return out.push(Output::CloseLine { line });
            }
        };
        let (heading, asked) = (request.heading, request.asked);
        if asked == Asked::Echo {
            return self.reply(line, (&heading, asked), Code::DONE, &Answer::default(), now, out);
        }
        // First of all: whoever made a message up gets no answer with a MAC, whatever it would say.
        if asked.has_mac() && !self.is_authentic(line, &request, now, out) {
            return;
        }
        if self.works.len() >= WORKS_MAX || self.awaiting.len() >= 2 * WORKS_MAX || self.stopping {
            return self.refuse(line, (&heading, asked), Code::NOT_NOW, None, now, out);
        }
        // A sign-on is answered by what is true at the moment.
        let known = !matches!(asked, Asked::SignOn | Asked::Balance)
            && self.sessions.contains_key(&heading.terminal);
        if known {
            self.serve(line, &request, now, out);
        } else {
            let question = Question::Terminal(heading.terminal_id());
            let copy = Wiped::from(bytes.to_vec());
            self.ask(Awaiting::Terminal(line, copy), question, out);
        }
    }

    /// The books know the terminal of a message, or do not.
    pub(crate) fn terminal_known(
        &mut self,
        line: Line,
        bytes: &[u8],
        view: Option<TerminalView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Ok(request) = Request::read(bytes) else { return };
        let about = (&request.heading, request.asked);
        let Some(view) = view else {
            return self.refuse(line, about, Code::TERMINAL, None, now, out);
        };
        let merchant = self.settings.merchant.of(view.firm);
        let batch = if view.batch_open { view.batch } else { 0 };
        self.sessions.insert(request.heading.terminal, Session { merchant, batch });
        // What the books do not see would be an oracle for cards and PINs.
        if request.asked == Asked::Balance && view.blocked {
            return self.refuse(line, about, Code::BLOCKED, None, now, out);
        }
        if request.asked == Asked::SignOn {
            self.sign_on(line, &request, &view, now, out);
        } else {
            self.serve(line, &request, now, out);
        }
    }

    /// Whatever a terminal asks for that is known and has shown its key.
    fn serve(&mut self, line: Line, request: &Request<'_>, now: Timestamp, out: &mut Vec<Output>) {
        let served = self.try_serve(line, request, now, out);
        self.stopped(served, line, request, now, out);
    }

    fn try_serve(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let (heading, asked) = (&request.heading, request.asked);
        let Some(session) = self.sessions.get(&heading.terminal) else { return Ok(()) };
        let because = |code: Code, why: &str| Err((code, Some(why.to_owned())));
        if session.merchant != heading.merchant {
            return because(Code::TERMINAL, "merchant");
        }
        if let Some(why) = request.lacks() {
            return because(Code::FORMAT, why);
        }
        if !heading.is_in(self.settings.currency) {
            return because(Code::FORMAT, "field 49: currency");
        }
        if asked.uses_its_trace()
            && let Some(work) = self.active.get(&heading.trace()).copied()
        {
            return self.under_way(work, line, request, out);
        }
        if asked.is_in_batch() && heading.batch != session.batch {
            return Err(stop(Code::BATCH));
        }
        match asked {
            Asked::SignOn | Asked::Echo => {}
            Asked::Unsupported => return because(Code::INVALID, "fields 3 and 60: no such kind"),
            // Nothing is bound to it: whoever signs off signs on before the next transaction.
            Asked::SignOff => {
                self.reply(line, (heading, asked), Code::DONE, &Answer::default(), now, out);
            }
            Asked::Parameters => self.look(line, request, out),
            Asked::Balance => self.balance(line, request, now, out)?,
            Asked::Sale | Asked::PreAuthorisation => self.purchase(line, request, now, out)?,
            Asked::Advice => self.advice(line, request, now, out)?,
            Asked::Cash => self.cash(line, request, out)?,
            Asked::Qr => self.qr(line, request, now, out),
            Asked::Void
            | Asked::VoidPreAuthorisation
            | Asked::Completion
            | Asked::Refund
            | Asked::CashBack
            | Asked::QrStatus
            | Asked::QrBack => self.about_original(line, request, out)?,
            Asked::Reversal => self.reversal(line, request, now, out),
            Asked::Totals => self.totals(line, request, out)?,
            Asked::Upload => self.upload(line, request, now, out)?,
            Asked::UploadEnd => self.upload_end(line, request, out)?,
        }
        Ok(())
    }

    /// A number that is under way: its repeat gets the answer when it is there.
    fn under_way(
        &mut self,
        id: u64,
        line: Line,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let Some(work) = self.works.get(&id) else { return Ok(()) };
        if !self.is_repeat(work, request, out)? {
            return Err(stop(Code::USED));
        }
        if let Some(work) = self.works.get_mut(&id) {
            (work.line, work.heading) = (line, request.heading);
        }
        Ok(())
    }

    /// Whether a request has in common with the first what the books would compare, were that one
    /// over: kind, amount, date, and parcel and card or what was before.
    fn is_repeat(
        &self,
        work: &Work,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<bool, Stop> {
        let marks = |one: &Heading| (one.amount, one.date);
        if work.asked != request.asked || marks(&work.heading) != marks(&request.heading) {
            return Ok(false);
        }
        if request.asked.is_about_original() {
            let original = request.original().map_err(format)?;
            return Ok(work.before == Some(original));
        }
        if work.parcel != Some(parcel(&request.message)?) {
            return Ok(false);
        }
        if !request.asked.has_card() {
            return Ok(true);
        }
        let (_, token) = self.card_of(request, out)?;
        Ok(work.mark.token == token)
    }

    /// Whether a message has its terminal's MAC; if not, its sender is told.
    fn is_authentic(
        &self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> bool {
        let (heading, message) = (&request.heading, &request.message);
        let checked = match (message.before_mac(), message.mac()) {
            (Some(bytes), Some(mac)) => {
                let key = self.terminal_keys().mac(heading.terminal);
                self.keys.check_mac(&key, MacMethod::CupEcb, bytes, &mac)
            }
            _ => Ok(false),
        };
        match checked {
            Ok(true) => return true,
            Ok(false) => {
                out.push(Output::Happened(Happening::WrongMac(heading.terminal_id())));
                self.refuse(line, (heading, request.asked), Code::MAC, None, now, out);
            }
            Err(error) => self.no_key(line, error.to_string(), out),
        }
        false
    }

    /// Without a key nothing is believed, by neither side.
    fn no_key(&self, line: Line, why: String, out: &mut Vec<Output>) {
        out.push(Output::Happened(Happening::Keys(why)));
        out.push(Output::CloseLine { line });
    }

    /// Answers a terminal.
    pub(crate) fn reply(
        &self,
        line: Line,
        (heading, asked): (&Heading, Asked),
        code: Code,
        answer: &Answer<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.terminal_keys().answer(line, (heading, asked), code, answer, now) {
            Ok(output) => out.push(output),
            Err(why) => self.no_key(line, why, out),
        }
    }

    /// Tells a terminal that something cannot be.
    pub(crate) fn refuse(
        &self,
        line: Line,
        (heading, asked): (&Heading, Asked),
        code: Code,
        text: Option<&str>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let (terminal, stan) = (heading.terminal_id(), heading.stan);
        out.push(Output::Happened(Happening::Refused { terminal, stan, code }));
        self.reply(line, (heading, asked), code, &Answer { text, ..Answer::default() }, now, out);
    }
}

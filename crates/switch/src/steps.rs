//! The steps that all requests to a network share: begun in the books, sent, answered, put down.

use engine::{Command, Event, Refusal, Resolution, Timestamp, TransactionKind};
use iso8583::Message;

use crate::answers::Answer;
use crate::code::Code;
use crate::happening::Happening;
use crate::network::{Waiting, characters, key};
use crate::payments::authorisation;
use crate::port::{self, Fact, Output};
use crate::request::Asked;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::works::{Awaiting, Step, Work};

impl Switch {
    /// The books have answered a work.
    pub(crate) fn work_answered(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get(&id) else { return };
        match work.step {
            Step::Begin => self.begun(id, answer, now, out),
            Step::Unheard => self.unheard_answered(id, answer, now, out),
            Step::Resolve(code) => self.resolved(id, code, answer, now, out),
            Step::Unknown(chase) => self.became_unknown(id, chase, answer, now, out),
            Step::Original | Step::Network | Step::Repeat | Step::Uploaded => {}
        }
    }

    fn begun(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let events = match answer {
            Ok(events) => events,
            Err(Refusal::Repeated) if work.reversal.is_none() => {
                // The first is over, or was begun before a crash.
                work.step = Step::Repeat;
                let question = port::Question::Transaction(work.heading.trace());
                return self.ask(Awaiting::Work(id), question, out);
            }
            Err(refusal) => {
                if let Refusal::WrongBatch(open) = &refusal {
                    let (terminal, open) = (work.heading.terminal, *open);
                    if let Some(session) = self.sessions.get_mut(&terminal) {
                        session.batch = open;
                    }
                }
                return self.finish(id, Code::of(&refusal), &Answer::default(), now, out);
            }
        };
        let tender = events.iter().find_map(|event| match event {
            Event::Begun { tender } | Event::Collected { tender, .. } => Some(*tender),
            _ => None,
        });
        work.tender = work.tender.or(tender);
        if work.is_reversible()
            && let Some(reversal) = work.reversal.take()
        {
            // The network has not heard of it; it is told not to take it all the same.
            self.reverse_work(id, reversal, out);
            self.end_work(id);
            return;
        }
        match work.asked {
            Asked::Cash | Asked::CashBack => {
                self.finish(id, Code::DONE, &Answer::default(), now, out);
            }
            Asked::Qr => self.qr_begun(id, now, out),
            Asked::QrBack => self.qr_back_begun(id, now, out),
            Asked::Refund => self.refund_begun(id, now, out),
            _ => self.send(id, now, out),
        }
    }

    /// Sends what a work has for its network and waits for the answer.
    pub(crate) fn send(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let network = &mut self.networks[work.network];
        let (link, message) = (network.pick(), work.message.take());
        let (Some(link), Some(message)) = (link, message) else {
            // It was up when it was chosen; it has not heard of this.
            return self.answer_is(id, Code::NO_ROUTE, now, out);
        };
        network.waiting.insert(key(work.sent), Waiting::Work(id));
        work.step = Step::Network;
        self.timers.set(now.plus_ms(self.settings.timing.answer_ms), Timer::Answer(id));
        out.push(Output::ToNetwork { link, message });
    }

    /// A network has answered a work.
    pub(crate) fn network_answer(
        &mut self,
        id: u64,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        if work.step != Step::Network {
            return;
        }
        let code = characters(message, 39).map_or(Code::NOT_NOW, Code);
        if work.asked == Asked::Advice && code.is_unheard() {
            // It is forwarded again when the terminal forwards it again.
            return self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
        }
        let code = code.of_network();
        work.authorisation = match work.asked {
            Asked::Advice => work.authorisation,
            _ => authorisation(message).unwrap_or([b' '; 6]),
        };
        work.chip = message.bytes(55).map(<[u8]>::to_vec).unwrap_or_default();
        if work.asked == Asked::Balance {
            let sent = work.sent;
            let network = self.networks[work.network].settings.name.clone();
            let balance = message.bytes(54).ok();
            let answer =
                Answer { sent: Some(sent), balance, network: Some(&network), ..Answer::default() };
            return self.finish(id, code, &answer, now, out);
        }
        self.answer_is(id, code, now, out);
    }

    /// What the network says is put down; then the terminal hears it (M3).
    fn answer_is(&mut self, id: u64, code: Code, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let approved = code == Code::DONE;
        let resolution =
            if approved { Resolution::Approved } else { Resolution::Declined { code: code.0 } };
        let authorisation = work.authorisation;
        let Some(tender) = work.tender else {
            // Nothing is in the books.
            return self.finish(id, code, &Answer::default(), now, out);
        };
        let command = match work.asked {
            Asked::Sale | Asked::PreAuthorisation => {
                Command::ResolvePurchase { tender, resolution, authorisation }
            }
            Asked::Completion => Command::ResolveCompletion { tender, resolution, authorisation },
            Asked::Void | Asked::VoidPreAuthorisation => {
                Command::EndTakingBack { tender, done: approved, code: code.0 }
            }
            Asked::Advice => {
                if code == Code::NO_ROUTE {
                    return self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
                }
                if !approved {
                    let network = self.networks[work.network].settings.network;
                    out.push(Output::Happened(Happening::AdviceRejected { network, code }));
                }
                Command::AnswerAdvice { tender, code: code.0 }
            }
            _ => return self.finish(id, code, &Answer::default(), now, out),
        };
        // The sale was made at the door, whatever the network thinks of it.
        let told = if work.asked == Asked::Advice { Code::DONE } else { code };
        work.step = Step::Resolve(told);
        self.command(Awaiting::Work(id), command, out);
    }

    fn resolved(
        &mut self,
        id: u64,
        code: Code,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let code = match answer {
            Ok(_) | Err(Refusal::Repeated) => code,
            Err(refusal) => {
                out.push(Output::Happened(Happening::Books(refusal.to_string())));
                Code::NOT_NOW
            }
        };
        let (sent, authorisation) = (work.sent, work.authorisation);
        let chip = std::mem::take(&mut work.chip);
        let network = self.networks[work.network].settings.name.clone();
        let answer = Answer {
            sent: Some(sent),
            authorisation: Some(authorisation),
            chip: Some(chip.as_slice()).filter(|chip| !chip.is_empty()),
            network: Some(&network),
            ..Answer::default()
        };
        self.finish(id, code, &answer, now, out);
    }

    /// A network has not answered in time: nobody knows (M4).
    pub(crate) fn no_answer(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let chase = self.number();
        let Some(work) = self.works.get_mut(&id) else { return };
        if work.step != Step::Network {
            return;
        }
        let network = &mut self.networks[work.network];
        network.failed(now, self.settings.timing.rest_ms);
        out.push(Output::Happened(Happening::NoAnswer(network.settings.network)));
        let (resolution, authorisation) = (Resolution::Unknown, [b' '; 6]);
        let command = work.tender.and_then(|tender| match work.asked {
            Asked::Sale | Asked::PreAuthorisation => {
                Some(Command::ResolvePurchase { tender, resolution, authorisation })
            }
            Asked::Completion => {
                Some(Command::ResolveCompletion { tender, resolution, authorisation })
            }
            Asked::Void | Asked::VoidPreAuthorisation => Some(Command::UndoVoid { tender }),
            _ => None,
        });
        match command {
            Some(command) => {
                network.waiting.insert(key(work.sent), Waiting::Late(chase));
                work.step = Step::Unknown(chase);
                self.command(Awaiting::Work(id), command, out);
            }
            None => {
                network.waiting.remove(&key(work.sent));
                // An offline sale is sent again when the terminal forwards it again.
                let code = match work.asked {
                    Asked::Advice => Code::NOT_NOW,
                    _ => Code::UNKNOWN,
                };
                self.finish(id, code, &Answer::default(), now, out);
            }
        }
    }

    fn became_unknown(
        &mut self,
        id: u64,
        chase: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get(&id) else { return };
        match answer {
            Ok(_) => {
                if let Some(begun) = self.chase_of_work(work) {
                    self.begin_chase(chase, begun, now, out);
                }
                let sent = Some(work_sent(&self.works, id));
                let answer = Answer { sent, ..Answer::default() };
                self.finish(id, Code::UNKNOWN, &answer, now, out);
            }
            Err(refusal) => {
                // The terminal's own reversal came first.
                if refusal != Refusal::Repeated {
                    out.push(Output::Happened(Happening::Books(refusal.to_string())));
                }
                self.finish(id, Code::UNKNOWN, &Answer::default(), now, out);
            }
        }
    }

    /// The books have told a work what it asked.
    pub(crate) fn work_told(&mut self, id: u64, fact: Fact, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get(&id) else { return };
        match (work.step, fact) {
            (Step::Repeat, Fact::Transaction(view)) => self.repeat(id, view, now, out),
            (Step::Original, Fact::Transaction(view)) => self.original_told(id, view, now, out),
            (Step::Original | Step::Uploaded, Fact::Terminal(view)) => {
                self.terminal_told(id, view, now, out);
            }
            _ => {}
        }
    }

    /// A repeat gets the first answer again.
    fn repeat(
        &mut self,
        id: u64,
        view: Option<engine::door_view::TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.works.get_mut(&id) else { return };
        let Some(view) = view else {
            return self.finish(id, Code::NOT_NOW, &Answer::default(), now, out);
        };
        let (terminal, stan) = (work.heading.terminal_id(), work.heading.stan);
        out.push(Output::Happened(Happening::Repeated { terminal, stan }));
        if work.asked == Asked::Advice && view.chased {
            // Taken before, and the network has not answered it: this time it may.
            return self.forward_again(id, &view, now, out);
        }
        if work.asked == Asked::Qr && view.answer.is_none() {
            return self.show_qr(id, &view, now, out);
        }
        let code = match view.answer {
            Some(code) => Code(code),
            // What was paid by QR is given back by the wallet, in its own time.
            None if work.asked == Asked::QrBack => Code::DONE,
            None => Code::NOT_NOW,
        };
        let place = self.place_of_card(view.method);
        let network = place.map(|place| self.networks[place].settings.name.clone());
        let answer = Answer {
            sent: Some(view.sent).filter(|sent| sent.stan > 0),
            // Of an order it is the wallet's payment, which is no code of a network.
            authorisation: Some(view.authorisation).filter(|_| view.kind != TransactionKind::Qr),
            network: network.as_deref(),
            ..Answer::default()
        };
        self.finish(id, code, &answer, now, out);
    }
}

fn work_sent(works: &std::collections::HashMap<u64, Work>, id: u64) -> engine::Sent {
    works.get(&id).map(|work| work.sent).unwrap_or_default()
}

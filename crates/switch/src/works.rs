//! What terminals have asked for and what is under way, from its first command to its answer.

use engine::door_view::TransactionView;
use engine::{
    BatchTotals, Event, Mark, ParcelId, Refusal, Sent, TenderId, Timestamp, Trace, WalletId,
};
use iso8583::Wiped;
use money::Amount;

use crate::answers::Answer;
use crate::code::Code;
use crate::happening::Happening;
use crate::port::{Line, Output, WalletNote};
use crate::request::{Asked, Heading, Request};
use crate::switch::Switch;

/// Something that a terminal asked for and that is under way.
pub(crate) struct Work {
    pub line: Line,
    pub heading: Heading,
    pub asked: Asked,
    pub step: Step,
    pub mark: Mark,
    pub amount: Amount,
    /// The place of the network that it goes to.
    pub network: usize,
    pub sent: Sent,
    /// The message for the network, until the books have room for it.
    pub message: Option<Wiped>,
    pub tender: Option<TenderId>,
    /// What it pays, where it pays something.
    pub parcel: Option<ParcelId>,
    /// What the terminal says was before.
    pub before: Option<Trace>,
    /// What it is about, where it is about something before.
    pub original: Option<Box<TransactionView>>,
    pub authorisation: [u8; 6],
    /// What a batch adds up to at the terminal.
    pub totals: Option<BatchTotals>,
    /// Field 55 of the network's answer.
    pub chip: Vec<u8>,
    /// The terminal's own message, of an offline sale: it may have to go out once more.
    pub heard: Option<Wiped>,
    /// A reversal by the terminal that waits until this has a tender.
    pub reversal: Option<u64>,
    /// The terminal has reversed it: nobody waits for its answer.
    pub reversed: bool,
}

/// What a work waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Whether the books have never heard of what is reversed.
    Unheard,
    /// What the books know of what was before.
    Original,
    /// That it is durable in the books that it begins.
    Begin,
    /// The network's answer.
    Network,
    /// That the answer is durable.
    Resolve(Code),
    /// That it is durable that nobody knows; then this chase begins.
    Unknown(u64),
    /// What the first answer was.
    Repeat,
    /// Whether the books have the lines already.
    Uploaded,
}

/// Who waits for an answer of the books.
#[derive(Debug)]
pub(crate) enum Awaiting {
    /// A message of a terminal that was not heard before.
    Terminal(Line, Wiped),
    Work(u64),
    /// A sign-on, totals, or an upload.
    Batch(u64),
    /// A chase that is over when this is durable.
    ChaseOver(u64),
    /// A terminal's reversal, of a transaction with these facts.
    Reversal(u64),
    Wallet(Box<WalletNote>, u64),
    /// A wallet that looks where its order stands.
    WalletLooks(WalletId, u64),
    /// A wallet's order is put down as paid.
    WalletPaid(Box<WalletNote>, Box<TransactionView>, u64),
    /// A wallet's order is given up.
    WalletGaveUp(u64),
    /// A chase of before a restart.
    Resumed(u64),
    /// The switch itself, which looks for pre-authorisations whose time is over.
    Expiry,
    /// The switch itself, which lets closed parcels be forgotten.
    Forgetting,
    /// Nobody: a QR code may be paid at the moment at which it expires.
    Expired,
    /// Nobody; a refusal is told to the operator unless it is a repeat.
    Nobody,
}

impl Switch {
    /// Adds a work and makes its trace an active one.
    pub(crate) fn begin_work(&mut self, work: Work) -> u64 {
        let id = self.number();
        if work.asked.uses_its_trace() {
            self.active.insert(work.heading.trace(), id);
        }
        self.works.insert(id, work);
        id
    }

    /// Ends a work.
    pub(crate) fn end_work(&mut self, id: u64) -> Option<Work> {
        let work = self.works.remove(&id)?;
        if work.asked.uses_its_trace() && self.active.get(&work.heading.trace()) == Some(&id) {
            self.active.remove(&work.heading.trace());
        }
        Some(work)
    }

    /// Ends a work with an answer to its terminal.
    pub(crate) fn finish(
        &mut self,
        id: u64,
        code: Code,
        answer: &Answer<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(work) = self.end_work(id) else { return };
        if let Some(reversal) = work.reversal {
            // The terminal does not wait for this any more; the books say what is to be reversed.
            return self.reverse_in_books(reversal, out);
        }
        if work.reversed {
            return;
        }
        if !matches!(code, Code::DONE | Code::WAITING) {
            let (terminal, stan) = (work.heading.terminal_id(), work.heading.stan);
            out.push(Output::Happened(Happening::Refused { terminal, stan, code }));
        }
        self.reply(work.line, (&work.heading, work.asked), code, answer, now, out);
    }
}

impl Work {
    /// A work that goes to nobody yet.
    pub(crate) fn new(line: Line, request: &Request<'_>, token: u64) -> Work {
        Work {
            line,
            heading: request.heading,
            asked: request.asked,
            step: Step::Begin,
            mark: request.heading.mark(token),
            amount: Amount::new(request.heading.amount.unwrap_or(0)).unwrap_or(Amount::ZERO),
            network: 0,
            sent: Sent::default(),
            message: None,
            tender: None,
            parcel: None,
            before: None,
            original: None,
            authorisation: [b' '; 6],
            totals: None,
            chip: Vec::new(),
            heard: None,
            reversal: None,
            reversed: false,
        }
    }

    /// Whether it goes to a network and is taken back there when its terminal says so. Refunds and
    /// offline sales stand once they are taken.
    pub(crate) const fn is_reversible(&self) -> bool {
        matches!(
            self.asked,
            Asked::Sale
                | Asked::PreAuthorisation
                | Asked::Completion
                | Asked::Void
                | Asked::VoidPreAuthorisation
        )
    }
}

/// A command that nobody waits for was refused: that should not be, unless it is a repeat.
pub(crate) fn note_refusal(answer: Result<Vec<Event>, Refusal>, out: &mut Vec<Output>) {
    if let Err(refusal) = answer
        && refusal != Refusal::Repeated
    {
        out.push(Output::Happened(Happening::Books(refusal.to_string())));
    }
}

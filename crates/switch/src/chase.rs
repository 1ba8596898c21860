//! What a network is told until it says that it has heard: reversals (0400, then 0401) and refunds
//! (0220, then 0221). Nothing is given up: the wait between two sendings grows to a limit (M4).

use engine::{Command, Event, Refusal, Sent, TenderId, TerminalId, Timestamp, Trace};
use iso8583::{Message, Mti};
use money::Amount;

use crate::code::Code;
use crate::happening::Happening;
use crate::moment;
use crate::network::{Question, Waiting, characters, key};
use crate::port::Output;
use crate::qr_orders::reference;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::wallets::accepted;
use crate::works::{Awaiting, Work};

/// What is chased, and so what the books are told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A purchase of which nobody knows.
    Unknown,
    /// An approved payment that must not stand.
    Reversal,
    /// A void that is undone.
    UndoingVoid,
    /// A completion of which nobody knows.
    Completion,
    /// A refund, by its own trace.
    Refund(Trace),
}

/// The message that is taken back, or that a refund is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original {
    pub mti: Mti,
    pub processing: u32,
    pub condition: u8,
    pub sent: Sent,
}

/// Field 3 of voids and refunds.
const BACK: u32 = 200_000;

impl Original {
    /// What a refund is about.
    pub(crate) const fn refunded(mti: Mti, sent: Sent) -> Original {
        Original { mti, processing: BACK, condition: 0, sent }
    }
}

/// A chase that begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub what: What,
    pub tender: TenderId,
    /// The place of the network; nothing for a wallet, which is asked to come and look.
    pub network: Option<usize>,
    /// The wallet's order.
    pub order: Option<Trace>,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    pub amount: Amount,
    pub authorisation: [u8; 6],
    pub original: Original,
    /// A pre-authorisation that is reversed after its completion, with its amount: the books have
    /// nothing of it any more.
    pub release: Option<(Original, Amount)>,
    /// How the chase's own message is known, where the books know it already.
    pub sent: Option<Sent>,
}

impl Begun {
    /// Of what a work has asked of its network.
    pub(crate) fn of_work(work: &Work, what: What, tender: TenderId, original: Original) -> Begun {
        Begun {
            what,
            tender,
            network: Some(work.network),
            order: None,
            terminal: work.heading.terminal_id(),
            merchant: work.heading.merchant,
            amount: work.amount,
            authorisation: [b' '; 6],
            original,
            release: None,
            sent: None,
        }
    }
}

/// A chase.
#[derive(Clone, Debug)]
pub(crate) struct Chase {
    pub begun: Begun,
    /// When it is sent next; other timers of it are old ones.
    due: Timestamp,
    pub sendings: u32,
    /// Acknowledged; the books are being told.
    pub over: bool,
    /// What the network said.
    pub code: Code,
    /// Of what was paid to a wallet too late: it was not, after all.
    pub unpaid: bool,
    /// The wallet's notes that wait for its end.
    replies: Vec<u64>,
}

impl Switch {
    pub(crate) fn begin_chase(
        &mut self,
        id: u64,
        mut begun: Begun,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if begun.what != What::Reversal {
            // What was authorised goes on standing in the books.
            begun.release = None;
        }
        if let Some(place) = begun.network
            && !matches!(begun.what, What::Refund(_))
        {
            // What is answered now is too late.
            let waiting = &mut self.networks[place].waiting;
            waiting.insert(key(begun.original.sent), Waiting::Late(id));
        }
        if let Some(order) = begun.order {
            self.give_back.insert(reference(order), id);
        }
        let (code, replies) = (Code::DONE, Vec::new());
        let chase =
            Chase { begun, due: now, sendings: 0, over: false, code, unpaid: false, replies };
        self.chases.insert(id, chase);
        self.chase_due(id, now, out);
    }

    /// What waited for a link of a network need not wait any longer.
    pub(crate) fn hurry(&mut self, place: usize, now: Timestamp) {
        for (id, chase) in &mut self.chases {
            if chase.begun.network == Some(place) && !chase.over {
                chase.due = now;
                self.timers.set(now, Timer::Chase(*id));
            }
        }
    }

    /// Sends, or sends again.
    pub(crate) fn chase_due(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(chase) = self.chases.get_mut(&id) else { return };
        let (Some(place), false) = (chase.begun.network, chase.over) else { return };
        if now < chase.due {
            return;
        }
        let network = &mut self.networks[place];
        // Without a link it waits for one.
        let Some(link) = network.pick() else { return };
        let timing = &self.settings.timing;
        let doubled = timing.chase_first_ms << chase.sendings.min(16);
        chase.due = now.plus_ms(doubled.min(timing.chase_most_ms).max(1));
        self.timers.set(chase.due, Timer::Chase(id));
        let begun = &mut chase.begun;
        let refund = matches!(begun.what, What::Refund(_));
        let first = if refund { Mti::M0220 } else { Mti::M0400 };
        let sent = *begun.sent.get_or_insert_with(|| network.next_sent(now));
        let original = begun.original;
        let question = Question {
            mti: if chase.sendings == 0 { first } else { first.repeat() },
            processing: original.processing,
            condition: original.condition,
            amount: Some(begun.amount),
            sent,
            terminal: begun.terminal,
            merchant: begun.merchant,
            local: moment::local(sent.at, self.settings.utc_offset_minutes),
            authorisation: Some(begun.authorisation),
            original: Some((original.mti, original.sent)),
            card: None,
        };
        match network.write(&question, &self.settings, &*self.keys) {
            Ok(message) => {
                chase.sendings += 1;
                network.waiting.insert(key(sent), Waiting::Chase(id));
                out.push(Output::ToNetwork { link, message });
            }
            Err(why) => out.push(Output::Happened(Happening::Keys(why))),
        }
    }

    /// A network has answered a chase.
    pub(crate) fn chase_answer(
        &mut self,
        id: u64,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(chase) = self.chases.get_mut(&id) else { return };
        let code = characters(message, 39).map_or(Code::NOT_NOW, Code);
        let heard = match chase.begun.what {
            What::Refund(_) => !code.is_unheard(),
            _ => matches!(code, Code::DONE | Code::NOT_FOUND),
        };
        if !heard || chase.over {
            return;
        }
        chase.code = code;
        if chase.begun.release.is_some() {
            self.release(id, now, out);
        } else {
            self.acknowledged(id, out);
        }
    }

    /// The completion is reversed, and at the network the pre-authorisation stands again: that is
    /// reversed next.
    fn release(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(chase) = self.chases.get_mut(&id) else { return };
        let begun = &mut chase.begun;
        let Some((original, amount)) = begun.release.take() else { return };
        if let Some(place) = begun.network {
            let waiting = &mut self.networks[place].waiting;
            waiting.remove(&key(begun.original.sent));
            begun.sent.map(|sent| waiting.remove(&key(sent)));
        }
        (begun.original, begun.amount, begun.sent) = (original, amount, None);
        (chase.sendings, chase.due) = (0, now);
        self.chase_due(id, now, out);
    }

    /// The wallet has given an order's money back, or was not paid at all.
    pub(crate) fn given_back(&mut self, id: u64, unpaid: bool, reply: u64, out: &mut Vec<Output>) {
        let Some(chase) = self.chases.get_mut(&id) else { return };
        chase.replies.push(reply);
        if !chase.over {
            chase.unpaid = unpaid;
            self.acknowledged(id, out);
        }
    }

    /// The network or the wallet has heard: the books are told.
    fn acknowledged(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(chase) = self.chases.get_mut(&id) else { return };
        chase.over = true;
        let (tender, code) = (chase.begun.tender, chase.code.0);
        let command = match chase.begun.what {
            What::Unknown => Command::ReverseCollection { tender },
            What::Reversal => Command::EndTakingBack { tender, done: !chase.unpaid, code },
            What::UndoingVoid => Command::EndTakingBack { tender, done: false, code },
            What::Completion => Command::EndCompletionReversal { tender },
            What::Refund(trace) => Command::AnswerRefund { trace, code },
        };
        self.command(Awaiting::ChaseOver(id), command, out);
    }

    /// The books know that it is over.
    pub(crate) fn chase_over(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        out: &mut Vec<Output>,
    ) {
        let Some(chase) = self.chases.remove(&id) else { return };
        let what = accepted(answer, out);
        if let Some(order) = chase.begun.order {
            self.give_back.remove(&reference(order));
        }
        out.extend(chase.replies.iter().map(|&reply| Output::WalletReply { reply, what }));
        let Some(place) = chase.begun.network else { return };
        let network = &mut self.networks[place];
        if let Some(sent) = chase.begun.sent {
            network.waiting.remove(&key(sent));
        }
        let late = key(chase.begun.original.sent);
        if network.waiting.get(&late) == Some(&Waiting::Late(id)) {
            network.waiting.remove(&late);
        }
        let network = network.settings.network;
        if matches!(chase.begun.what, What::Refund(_)) && chase.code != Code::DONE {
            let code = chase.code;
            out.push(Output::Happened(Happening::AdviceRejected { network, code }));
        } else {
            let sendings = chase.sendings;
            out.push(Output::Happened(Happening::Acknowledged { network, sendings }));
        }
    }

    /// An answer that came too late: the books note an approval, a decline ends it.
    pub(crate) fn late_answer(&mut self, id: u64, message: &Message<'_>, out: &mut Vec<Output>) {
        let Some(chase) = self.chases.get(&id) else { return };
        let (tender, authorisation) = (chase.begun.tender, [b' '; 6]);
        let code = characters(message, 39).map_or(Code::NOT_NOW, Code);
        let resolution = if code == Code::DONE {
            if let Some(place) = chase.begun.network {
                let network = self.networks[place].settings.network;
                out.push(Output::Happened(Happening::LateApproval(network)));
            }
            engine::Resolution::Approved
        } else {
            engine::Resolution::Declined { code: code.of_network().0 }
        };
        let command = match chase.begun.what {
            What::Unknown => Command::ResolvePurchase { tender, resolution, authorisation },
            // Declined or not, its reversal ends it: another completion may have begun.
            What::Completion if code == Code::DONE => {
                Command::ResolveCompletion { tender, resolution, authorisation }
            }
            _ => return,
        };
        self.command(Awaiting::Nobody, command, out);
    }
}

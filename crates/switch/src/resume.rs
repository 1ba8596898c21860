//! Going on after a restart: whatever the books say is not over is taken back, or chased on.

use std::collections::BTreeMap;

use engine::door_view::{Chase, ChaseKind, TransactionView};
use engine::{
    Command, Engine, FirmId, Method, NetworkId, Resolution, TenderId, Timestamp, Trace,
    TransactionKind,
};

use crate::about;
use crate::chase::{Begun, Original, What};
use crate::money_back::original_of;
use crate::port::Output;
use crate::reversals::given_up;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::works::Awaiting;

/// What the books say is not over: what somebody has to be asked about, and pre-authorisations
/// that stand; and which networks are withdrawn.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    chases: Vec<Unended>,
    /// How many pre-authorisations stand over a network, and its name in the books.
    standing: Vec<(Method, String, usize)>,
    withdrawn: Vec<(NetworkId, Timestamp)>,
}

/// One thing that is not over.
#[derive(Clone, Debug)]
pub(crate) struct Unended {
    chase: Chase,
    view: TransactionView,
    firm: FirmId,
    /// The name of its network or wallet in the books.
    name: String,
    /// Of a completion that is reversed, the pre-authorisation.
    before: Option<TransactionView>,
}

impl Unfinished {
    /// Asks an engine.
    #[must_use]
    pub fn of(engine: &Engine, networks: &[NetworkId]) -> Unfinished {
        let chases = engine.to_chase().filter_map(|chase| Unended::of(engine, chase));
        let mut standing: Vec<(Method, String, usize)> = Vec::new();
        for method in engine.pre_authorisations() {
            match standing.iter_mut().find(|(known, ..)| *known == method) {
                Some((.., count)) => *count += 1,
                None => {
                    let name = engine.method_reference(method).unwrap_or_default().to_owned();
                    standing.push((method, name, 1));
                }
            }
        }
        let withdrawn = networks
            .iter()
            .filter_map(|network| Some((*network, engine.network_view(*network)?.withdrawn_from?)));
        Unfinished { chases: chases.collect(), standing, withdrawn: withdrawn.collect() }
    }

    /// What has to be asked about some tenders, of each the one thing.
    pub(crate) fn of_tenders(engine: &Engine, tenders: &[TenderId]) -> Unfinished {
        let chases = tenders.iter().filter_map(|tender| engine.chase_of(*tender));
        let chases = chases.filter_map(|chase| Unended::of(engine, chase)).collect();
        Unfinished { chases, ..Unfinished::default() }
    }

    pub(crate) fn chases(&self) -> &[Unended] {
        &self.chases
    }
}

impl Unended {
    fn of(engine: &Engine, chase: Chase) -> Option<Unended> {
        let terminal = chase.trace.terminal;
        let firm = engine.terminal_view(terminal)?.firm;
        let view = engine.transaction(chase.trace)?;
        let reversed = chase.what == ChaseKind::Reversal;
        let completion = view.kind == TransactionKind::Completion && reversed;
        let before = completion.then(|| about::trace(terminal, view.mark.token));
        let before = before.and_then(|before| engine.transaction(before));
        let name = engine.method_reference(chase.method)?.to_owned();
        Some(Unended { chase, view, firm, name, before })
    }

    pub(crate) fn trace(&self) -> Trace {
        self.chase.trace
    }

    pub(crate) fn method(&self) -> Method {
        self.chase.method
    }
}

/// Nobody would ever end what is begun over a network or wallet that is not in the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.in_words())]
pub struct ResumeError {
    /// How many of what are not over, by network or wallet.
    left_out: BTreeMap<String, BTreeMap<&'static str, usize>>,
}

impl ResumeError {
    fn in_words(&self) -> String {
        let one = |(over, counts): (&String, &BTreeMap<&str, usize>)| {
            let counted = |(what, count): (&&str, &usize)| match count {
                1 => format!("1 {what}"),
                _ => format!("{count} {what}s"),
            };
            let counts = counts.iter().map(counted).collect::<Vec<_>>().join(", ");
            format!("the {over} is not in the settings, and over it are unfinished: {counts}")
        };
        self.left_out.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// What is chased, in words for the operator.
const fn in_words(what: ChaseKind) -> &'static str {
    match what {
        ChaseKind::Begun | ChaseKind::Unknown => "unknown purchase",
        ChaseKind::Reversal => "reversal",
        ChaseKind::Void | ChaseKind::UndoingVoid => "void",
        ChaseKind::Completing | ChaseKind::CompletionUnknown => "completion",
        ChaseKind::Advice => "offline sale",
        ChaseKind::Refund => "refund",
        ChaseKind::PaidLate => "late payment",
    }
}

impl Switch {
    /// Goes on where the books stopped. Before the first message, once.
    ///
    /// # Errors
    /// Where something is begun over a network or wallet that is not in the settings, or a
    /// pre-authorisation stands; nothing is done then.
    pub fn resume(
        &mut self,
        unfinished: Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), ResumeError> {
        self.all_are_there(&unfinished)?;
        for (network, from) in unfinished.withdrawn {
            self.network_withdrawn(network, Some(from));
        }
        // What was sent before has other numbers: those of the second that is over by then.
        let next_second = Timestamp((now.0 / 1000 + 1).saturating_mul(1000));
        for network in &mut self.networks {
            network.not_before = next_second;
        }
        for unended in &unfinished.chases {
            self.resume_one(unended, now, out);
        }
        self.timers.set(now, Timer::Expiry);
        Ok(())
    }

    fn all_are_there(&self, unfinished: &Unfinished) -> Result<(), ResumeError> {
        let mut left_out = BTreeMap::<_, BTreeMap<_, usize>>::new();
        let chased = unfinished.chases.iter();
        let chased = chased.map(|one| (one.method(), &one.name, in_words(one.chase.what), 1));
        // Each is reversed one day, or completed.
        let standing = unfinished.standing.iter();
        let standing =
            standing.map(|(method, name, count)| (*method, name, "pre-authorisation", *count));
        for (method, name, what, count) in chased.chain(standing) {
            if !self.is_there(method) {
                let over = match method {
                    Method::Card { .. } => format!("network `{name}`"),
                    Method::Qr { .. } => format!("wallet `{name}`"),
                };
                *left_out.entry(over).or_default().entry(what).or_default() += count;
            }
        }
        if left_out.is_empty() { Ok(()) } else { Err(ResumeError { left_out }) }
    }

    pub(crate) fn resume_one(&mut self, unended: &Unended, now: Timestamp, out: &mut Vec<Output>) {
        let chase = &unended.chase;
        let tender = chase.tender;
        let (resolution, authorisation) = (Resolution::Unknown, [b' '; 6]);
        let id = self.number();
        if matches!(chase.method, Method::Qr { .. }) {
            return self.resume_order(id, unended, now, out);
        }
        let (what, first) = match chase.what {
            // The terminal has the card: it forwards the sale again.
            ChaseKind::Advice => return,
            ChaseKind::Begun => (
                What::Unknown,
                Some(Command::ResolvePurchase { tender, resolution, authorisation }),
            ),
            ChaseKind::Completing => (
                What::Completion,
                Some(Command::ResolveCompletion { tender, resolution, authorisation }),
            ),
            ChaseKind::Void => (What::UndoingVoid, Some(Command::UndoVoid { tender })),
            ChaseKind::Unknown => (What::Unknown, None),
            ChaseKind::Reversal | ChaseKind::PaidLate => (What::Reversal, None),
            ChaseKind::UndoingVoid => (What::UndoingVoid, None),
            ChaseKind::CompletionUnknown => (What::Completion, None),
            ChaseKind::Refund => (What::Refund(chase.trace), None),
        };
        let begun = self.begun_of(what, unended);
        assert!(begun.network.is_some(), "M4: its network is in the settings");
        match first {
            // Durable first: the network hears of it when the books have answered.
            Some(command) => {
                self.resumed.insert(id, begun);
                self.command(Awaiting::Resumed(id), command, out);
            }
            None => self.begin_chase(id, begun, now, out),
        }
    }

    /// A wallet's order.
    fn resume_order(&mut self, id: u64, unended: &Unended, now: Timestamp, out: &mut Vec<Output>) {
        let chase = &unended.chase;
        match chase.what {
            // A code that is still good goes on being good.
            ChaseKind::Begun => {
                self.orders.insert(id, chase.tender);
                let expires = chase.sent.at.plus_ms(self.settings.timing.qr_ms);
                self.timers.set(expires.max(now), Timer::Qr(id));
            }
            ChaseKind::Unknown => {
                self.command(Awaiting::Nobody, given_up(chase.tender), out);
            }
            _ => {
                let begun = self.begun_of(What::Reversal, unended);
                self.begin_chase(id, begun, now, out);
            }
        }
    }

    fn begun_of(&self, what: What, unended: &Unended) -> Begun {
        let (chase, view) = (&unended.chase, &unended.view);
        let refund = chase.what == ChaseKind::Refund;
        let (network, order) = match chase.method {
            Method::Card { network, .. } => (self.place_of(network), None),
            // What is given back names its order, the order names itself.
            Method::Qr { .. } if view.kind == TransactionKind::Void => {
                (None, Some(about::trace(chase.trace.terminal, view.mark.token)))
            }
            Method::Qr { .. } => (None, Some(chase.trace)),
        };
        let (mti, sent) = about::refunded(view.mark.token);
        Begun {
            what,
            tender: chase.tender,
            network,
            order,
            terminal: chase.trace.terminal,
            merchant: self.settings.merchant.of(unended.firm),
            amount: chase.amount,
            authorisation: [b' '; 6],
            original: if refund { Original::refunded(mti, sent) } else { original_of(view) },
            release: unended.before.map(|before| (original_of(&before), before.amount)),
            sent: refund.then_some(chase.sent),
        }
    }

    /// The books have put down that nobody knows.
    pub(crate) fn resumed(
        &mut self,
        id: u64,
        answer: &Result<Vec<engine::Event>, engine::Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(begun) = self.resumed.remove(&id) else { return };
        if answer.is_ok() {
            self.begin_chase(id, begun, now, out);
        }
    }
}

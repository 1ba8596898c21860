//! What a simulated network does with requests besides what its books say.
//!
//! Documented in `docs/door/behaviour.md`; the file is read by [`Behaviour::parse`]. Code that
//! wants to decide by itself gives a [`Fate`] to [`crate::network::Network::set_fate`].

use crate::book::Kind;
use crate::chance::{Chance, Theme};
use crate::moment;

mod file;

pub use file::{BEHAVIOUR_BYTES_MAX, BehaviourError, RULES_MAX};

/// The longest delay, in milliseconds: a day.
pub const DELAY_MS_MAX: u32 = 86_400_000;

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// One that is booked.
    Item(Kind),
    /// A question about a balance.
    Balance,
    /// A reversal.
    Reversal,
}

impl RequestKind {
    /// How the file calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RequestKind::Item(Kind::Sale) => "sale",
            RequestKind::Item(Kind::PreAuthorisation) => "pre-authorisation",
            RequestKind::Item(Kind::Completion) => "completion",
            RequestKind::Item(Kind::Void | Kind::VoidPreAuthorisation) => "void",
            RequestKind::Item(Kind::Refund) => "refund",
            RequestKind::Item(Kind::Offline) => "offline",
            RequestKind::Balance => "balance",
            RequestKind::Reversal => "reversal",
        }
    }

    /// The names that a file may use.
    pub const NAMES: [&str; 8] = [
        "sale",
        "pre-authorisation",
        "completion",
        "void",
        "refund",
        "offline",
        "balance",
        "reversal",
    ];
}

/// A request as far as its fate may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is.
    pub kind: RequestKind,
    /// Whether its message type says that it is sent again.
    pub repeat: bool,
    /// In minor units; zero where it has none.
    pub amount: u64,
    /// The card's first six digits, where the request carries the card.
    pub bin: Option<u32>,
    /// Field 41.
    pub terminal: [u8; 8],
    /// Field 11.
    pub stan: u32,
    /// Field 7.
    pub sent: u32,
    /// When it was heard, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What a network does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Answers what its books say.
    #[default]
    Approve,
    /// Refuses it.
    Decline {
        /// Field 39.
        code: [u8; 2],
    },
    /// Books it; the answer never comes.
    Silent,
    /// Never sees it.
    Lost,
    /// Answers what its books say, so much later.
    Late {
        /// After the usual delay.
        ms: u32,
    },
    /// Answers what its books say, twice.
    Double,
    /// Answers what its books say, under a MAC that is wrong.
    WrongMac,
    /// Refuses it, so much later.
    LateDecline {
        /// Field 39.
        code: [u8; 2],
        /// After the usual delay.
        ms: u32,
    },
}

/// Who decides what becomes of requests.
pub trait Fate: Send {
    /// What becomes of this one. Asked once for each message, repeats too; a repeat's answer is
    /// the first's whatever is said here, but it can be lost, late or silent.
    fn action(&mut self, request: &Request) -> Action;
}

impl<F: FnMut(&Request) -> Action + Send> Fate for F {
    fn action(&mut self, request: &Request) -> Action {
        self(request)
    }
}

/// Which requests a rule is about. All that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The kinds; empty is all but reversals.
    pub kinds: Vec<&'static str>,
    /// At least this amount, in minor units.
    pub amount_from: Option<u64>,
    /// At most this amount, in minor units.
    pub amount_to: Option<u64>,
    /// The last digits of the amount in minor units.
    pub amount_ends: Option<Digits>,
    /// The first digits of the card number, at most six.
    pub bin: Option<Digits>,
    /// Each so manieth of the requests that all else holds for; the first is the `every`th.
    pub every: Option<u32>,
    /// So many of a million, by chance.
    pub share_ppm: Option<u32>,
}

/// Digits at one end of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Their value.
    pub value: u64,
    /// How many.
    pub count: u32,
}

/// What is done with some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// With which.
    pub when: Condition,
    /// What.
    pub action: Action,
}

/// What seconds of an outage are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The first moment that the network heard of.
    Start,
    /// Midnight UTC, every day.
    Midnight,
}

/// What the links do in an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dark {
    /// They take everything and say nothing; nothing is seen.
    Silent,
    /// They are closed, and closed again when they come back.
    Closes,
}

/// A time without the network: `[from_s, to_s)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first second.
    pub from_s: u32,
    /// The first second after it.
    pub to_s: u32,
    /// What they are counted from.
    pub since: Since,
    /// What the links do.
    pub link: Dark,
}

/// What a network does: its usual delay, its rules, its outages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long each answer takes.
    pub delay_ms: u32,
    /// At most so much longer, by chance.
    pub jitter_ms: u32,
    /// The first rule that holds decides; without one the books do.
    pub rules: Vec<Rule>,
    /// When it is away.
    pub outages: Vec<Outage>,
}

impl Behaviour {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, with line and key.
    pub fn parse(text: &str) -> Result<Behaviour, BehaviourError> {
        file::parse(text)
    }

    /// The outage of a moment; `start_ms` is the network's first.
    pub(crate) fn outage(&self, start_ms: u64, now_ms: u64) -> Option<Dark> {
        let holds = |outage: &&Outage| {
            let since_ms = match outage.since {
                Since::Start => now_ms.saturating_sub(start_ms),
                Since::Midnight => moment::of_day(now_ms),
            };
            (u64::from(outage.from_s)..u64::from(outage.to_s)).contains(&(since_ms / 1_000))
        };
        self.outages.iter().find(holds).map(|outage| outage.link)
    }

    /// When the next outage begins or ends after a moment.
    pub(crate) fn next_change(&self, start_ms: u64, now_ms: u64) -> Option<u64> {
        let changes = self.outages.iter().flat_map(|outage| {
            let edges = [outage.from_s, outage.to_s].map(|edge| u64::from(edge) * 1_000);
            edges.map(|edge| match outage.since {
                Since::Start => start_ms.saturating_add(edge),
                Since::Midnight => {
                    let today = now_ms - moment::of_day(now_ms);
                    let at = today.saturating_add(edge);
                    if at > now_ms { at } else { at.saturating_add(moment::DAY_MS) }
                }
            })
        });
        changes.filter(|&change| change > now_ms).min()
    }

    /// How long the answer to a request takes.
    pub(crate) fn delay(&self, seed: u64, request: &Request) -> u64 {
        let jitter = match self.jitter_ms {
            0 => 0,
            most => Chance::new(seed, Theme::Delay, stream(request)).below(u64::from(most) + 1),
        };
        u64::from(self.delay_ms) + jitter
    }
}

/// A request's own stream of chance. A repeat has another one than the first.
fn stream(request: &Request) -> u64 {
    let numbers = u64::from(request.sent) << 20 | u64::from(request.stan);
    numbers << 1 | u64::from(request.repeat)
}

/// The rules of a behaviour at work.
pub(crate) struct Rules {
    seed: u64,
    rules: Vec<Rule>,
    met: Vec<u64>,
}

impl Rules {
    pub(crate) fn new(seed: u64, rules: Vec<Rule>) -> Rules {
        Rules { seed, met: vec![0; rules.len()], rules }
    }
}

impl Fate for Rules {
    fn action(&mut self, request: &Request) -> Action {
        for (place, (rule, met)) in self.rules.iter().zip(&mut self.met).enumerate() {
            if !rule.when.fits(request) {
                continue;
            }
            if let Some(ppm) = rule.when.share_ppm {
                let own_stream = stream(request) ^ (place as u64) << 56;
                if !Chance::new(self.seed, Theme::Share, own_stream).happens(ppm) {
                    continue;
                }
            }
            *met += 1;
            let turn = rule.when.every.is_none_or(|every| met.is_multiple_of(u64::from(every)));
            if turn {
                return rule.action;
            }
        }
        Action::Approve
    }
}

impl Condition {
    fn fits(&self, request: &Request) -> bool {
        let kind = match self.kinds.as_slice() {
            [] => request.kind != RequestKind::Reversal,
            kinds => kinds.contains(&request.kind.name()),
        };
        let ends = |digits: Digits| request.amount % 10_u64.pow(digits.count) == digits.value;
        let begins = |digits: Digits| {
            let left = 6_u32.saturating_sub(digits.count);
            let bin = request.bin.map(|bin| u64::from(bin) / 10_u64.pow(left));
            bin == Some(digits.value)
        };
        kind && self.amount_from.is_none_or(|from| from <= request.amount)
            && self.amount_to.is_none_or(|to| request.amount <= to)
            && self.amount_ends.is_none_or(ends)
            && self.bin.is_none_or(begins)
    }
}

#[cfg(test)]
mod tests;

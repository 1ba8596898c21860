//! How a simulated network misbehaves: delays, rules and outages.
//!
//! [`Behaviour::parse`] reads a behaviour file; `docs/door/behaviour.md` describes its format. Code
//! that decides for itself passes a [`ResponsePolicy`] to
//! [`crate::NetworkSimulator::set_response_policy`].

use crate::chance::{Chance, NetworkChanceUse};
use crate::codes::ResponseCode;
use crate::ledger::NetworkTransactionKind;
use crate::message_time;

mod file;

pub use file::{BEHAVIOUR_BYTES_MAX, BehaviourError, RULES_MAX};

/// Longest delay: one day.
pub const DELAY_MS_MAX: u32 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkRequestKind {
    Transaction(NetworkTransactionKind),
    /// A balance inquiry.
    Balance,
    Reversal,
}

impl NetworkRequestKind {
    /// Name in the behaviour file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NetworkRequestKind::Transaction(NetworkTransactionKind::Sale) => "sale",
            NetworkRequestKind::Transaction(NetworkTransactionKind::PreAuthorisation) => {
                "pre-authorisation"
            }
            NetworkRequestKind::Transaction(NetworkTransactionKind::Completion) => "completion",
            NetworkRequestKind::Transaction(
                NetworkTransactionKind::Void | NetworkTransactionKind::VoidPreAuthorisation,
            ) => "void",
            NetworkRequestKind::Transaction(NetworkTransactionKind::Refund) => "refund",
            NetworkRequestKind::Transaction(NetworkTransactionKind::Offline) => "offline",
            NetworkRequestKind::Balance => "balance",
            NetworkRequestKind::Reversal => "reversal",
        }
    }

    /// Every name that a behaviour file may use.
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

/// The properties of a request that a rule can test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSummary {
    pub kind: NetworkRequestKind,
    /// Whether the message type marks it as a repeat.
    pub repeat: bool,
    /// In minor units; zero if the request has no amount.
    pub amount: u64,
    /// First six digits of the card number, if the request carries it.
    pub bin: Option<u32>,
    /// Field 41.
    pub terminal: [u8; 8],
    /// Field 11.
    pub stan: u32,
    /// Field 7.
    pub transmission_time: u32,
    /// Time of receipt, in milliseconds since 1970.
    pub now_ms: u64,
}

/// How the network treats a request. Unless a variant says otherwise, the network books it and
/// answers as its books decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseAction {
    #[default]
    Approve,
    Decline {
        /// Field 39.
        code: ResponseCode,
    },
    /// Books the request and never answers.
    Silent,
    /// Ignores the request: it is not booked.
    Lost,
    /// Answers late.
    Late {
        /// In milliseconds, on top of the usual delay.
        ms: u32,
    },
    /// Sends the answer twice.
    Double,
    /// Answers under a wrong MAC.
    WrongMac,
    /// Declines late.
    LateDecline {
        /// Field 39.
        code: ResponseCode,
        /// In milliseconds, on top of the usual delay.
        ms: u32,
    },
}

/// Chooses the action for each request.
pub trait ResponsePolicy: Send {
    /// Called once for each message, repeats included. The answer to a repeat always has the first
    /// answer's response code; it can still be lost, late or silent.
    fn action(&mut self, request: &RequestSummary) -> ResponseAction;
}

impl<F: FnMut(&RequestSummary) -> ResponseAction + Send> ResponsePolicy for F {
    fn action(&mut self, request: &RequestSummary) -> ResponseAction {
        self(request)
    }
}

/// Selects the requests that a rule applies to. Every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCondition {
    /// Request kinds. Empty selects every kind except reversals.
    pub kinds: Vec<&'static str>,
    /// Lowest amount, in minor units.
    pub amount_from: Option<u64>,
    /// Highest amount, in minor units.
    pub amount_to: Option<u64>,
    /// Last digits of the amount in minor units.
    pub amount_ends: Option<DigitPattern>,
    /// First digits of the card number, at most six.
    pub bin: Option<DigitPattern>,
    /// Selects every nth of the requests that meet the other conditions, starting with the nth.
    pub every: Option<u32>,
    /// Random share, in parts per million.
    pub share_ppm: Option<u32>,
}

/// Digits at the start or the end of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitPattern {
    pub value: u64,
    /// Number of digits; leading zeros count.
    pub digit_count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviourRule {
    pub when: RuleCondition,
    pub action: ResponseAction,
}

/// The time that an outage's seconds are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageClock {
    /// The network's first event.
    FirstEvent,
    /// Midnight UTC, every day.
    Midnight,
}

/// What happens to connections during an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageMode {
    /// They stay open. The network ignores every message and sends nothing.
    Silent,
    /// They are closed, and so is every new one.
    Closes,
}

/// A period without service: `from_s` inclusive to `to_s` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    pub from_s: u32,
    pub to_s: u32,
    pub clock: OutageClock,
    pub mode: OutageMode,
}

/// How a network behaves beyond what its books decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Delay of every answer, in milliseconds.
    pub delay_ms: u32,
    /// Largest random addition to the delay, in milliseconds.
    pub jitter_ms: u32,
    /// The first rule that matches applies. Without a match the books decide.
    pub rules: Vec<BehaviourRule>,
    pub outages: Vec<Outage>,
}

impl Behaviour {
    /// Parses a behaviour file (TOML).
    pub fn parse(text: &str) -> Result<Behaviour, BehaviourError> {
        file::parse(text)
    }

    /// The outage in force at `now_ms`. `start_ms` is the time of the network's first event.
    pub(crate) fn outage(&self, start_ms: u64, now_ms: u64) -> Option<OutageMode> {
        let holds = |outage: &&Outage| {
            let since_ms = match outage.clock {
                OutageClock::FirstEvent => now_ms.saturating_sub(start_ms),
                OutageClock::Midnight => message_time::ms_since_midnight(now_ms),
            };
            (u64::from(outage.from_s)..u64::from(outage.to_s)).contains(&(since_ms / 1_000))
        };
        self.outages.iter().find(holds).map(|outage| outage.mode)
    }

    /// When the next outage begins or ends after `now_ms`.
    pub(crate) fn next_change(&self, start_ms: u64, now_ms: u64) -> Option<u64> {
        let changes = self.outages.iter().flat_map(|outage| {
            let edges = [outage.from_s, outage.to_s].map(|edge| u64::from(edge) * 1_000);
            edges.map(|edge| match outage.clock {
                OutageClock::FirstEvent => start_ms.saturating_add(edge),
                OutageClock::Midnight => {
                    let today = now_ms - message_time::ms_since_midnight(now_ms);
                    let at = today.saturating_add(edge);
                    if at > now_ms { at } else { at.saturating_add(message_time::MS_PER_DAY) }
                }
            })
        });
        changes.filter(|&change| change > now_ms).min()
    }

    /// Delay of the answer to `request`, in milliseconds.
    pub(crate) fn delay(&self, seed: u64, request: &RequestSummary) -> u64 {
        let jitter = match self.jitter_ms {
            0 => 0,
            most => Chance::new(seed, NetworkChanceUse::Delay, random_stream(request))
                .below(u64::from(most) + 1),
        };
        u64::from(self.delay_ms) + jitter
    }
}

/// Number of the request's random stream. A repeat has its own.
fn random_stream(request: &RequestSummary) -> u64 {
    let numbers = u64::from(request.transmission_time) << 20 | u64::from(request.stan);
    numbers << 1 | u64::from(request.repeat)
}

/// Applies a behaviour's rules and counts how often each matched.
pub(crate) struct BehaviourRules {
    seed: u64,
    rules: Vec<BehaviourRule>,
    matched: Vec<u64>,
}

impl BehaviourRules {
    pub(crate) fn new(seed: u64, rules: Vec<BehaviourRule>) -> BehaviourRules {
        BehaviourRules { seed, matched: vec![0; rules.len()], rules }
    }
}

impl ResponsePolicy for BehaviourRules {
    fn action(&mut self, request: &RequestSummary) -> ResponseAction {
        for (index, (rule, matched)) in self.rules.iter().zip(&mut self.matched).enumerate() {
            if !rule.when.matches(request) {
                continue;
            }
            if let Some(ppm) = rule.when.share_ppm {
                let own_stream = random_stream(request) ^ (index as u64) << 56;
                if !Chance::new(self.seed, NetworkChanceUse::Share, own_stream).happens(ppm) {
                    continue;
                }
            }
            *matched += 1;
            let selected =
                rule.when.every.is_none_or(|every| matched.is_multiple_of(u64::from(every)));
            if selected {
                return rule.action;
            }
        }
        ResponseAction::Approve
    }
}

impl RuleCondition {
    fn matches(&self, request: &RequestSummary) -> bool {
        let kind = match self.kinds.as_slice() {
            [] => request.kind != NetworkRequestKind::Reversal,
            kinds => kinds.contains(&request.kind.name()),
        };
        let ends =
            |digits: DigitPattern| request.amount % 10_u64.pow(digits.digit_count) == digits.value;
        let begins = |digits: DigitPattern| {
            let left = 6_u32.saturating_sub(digits.digit_count);
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

//! Which network a card goes over: the cheapest of those that are up, take the card, are not
//! withdrawn and have answered lately.

use std::collections::HashMap;

use engine::{Considered, NetworkId, Timestamp, Verdict};
use keys::Pan;
use money::{Amount, Currency};
use tariff::CardKind;

use crate::network::Network;
use crate::settings::BinRange;

/// Digits of a card number by which cards are told apart, at the most.
const PREFIX_DIGITS_MAX: usize = 11;

/// Failures in a row after which a network rests while others are up.
pub(crate) const FAILURES_BEFORE_REST: u32 = 3;

/// Which cards are what and go where.
#[derive(Debug)]
pub(crate) struct Bins {
    /// By the prefix as a number and its digits.
    ranges: HashMap<(u64, usize), (CardKind, Vec<NetworkId>)>,
}

impl Bins {
    pub(crate) fn new(ranges: &[BinRange]) -> Bins {
        let entry = |range: &BinRange| {
            let digits = range.first_digits.as_bytes();
            ((number(digits), digits.len()), (range.kind, range.networks.clone()))
        };
        Bins { ranges: ranges.iter().map(entry).collect() }
    }

    /// What a card is, by the longest range that fits: its kind and the networks that take it.
    pub(crate) fn of(&self, pan: &Pan) -> Option<(CardKind, &[NetworkId])> {
        let digits = pan.expose();
        let longest = PREFIX_DIGITS_MAX.min(digits.len());
        let mut lengths = (1..=longest).rev();
        lengths.find_map(|length| {
            let found = self.ranges.get(&(number(&digits[..length]), length))?;
            Some((found.0, found.1.as_slice()))
        })
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
}

/// A payment that looks for its way.
pub(crate) struct Way<'w> {
    pub kind: CardKind,
    pub allowed: &'w [NetworkId],
    pub amount: Amount,
    pub currency: Currency,
    /// The terminal has sold already: a withdrawn network may be the only way for it.
    pub offline: bool,
    pub now: Timestamp,
}

/// Looks at every network. The place of the one that is taken, if any, and what was thought of
/// each.
pub(crate) fn choose(networks: &[Network], way: &Way<'_>) -> (Option<usize>, Vec<Considered>) {
    let mut considered: Vec<Considered> = networks
        .iter()
        .map(|network| Considered {
            network: network.settings.network,
            cost: network.settings.cost(way.kind, way.amount),
            verdict: obstacle(network, way),
        })
        .collect();
    // A network that rests is better than none.
    let resting = |place: usize| networks[place].rests_until > way.now;
    let open = |place: &usize| considered[*place].verdict == Verdict::Dearer;
    let chosen = (0..considered.len()).filter(open).min_by_key(|&place| {
        let withdrawn = is_withdrawn(&networks[place], way.now);
        (withdrawn, resting(place), considered[place].cost, place)
    });
    if let Some(place) = chosen {
        for (other, one) in considered.iter_mut().enumerate() {
            if one.verdict == Verdict::Dearer && resting(other) && !resting(place) {
                one.verdict = Verdict::Down;
            }
        }
        considered[place].verdict = Verdict::Chosen;
    }
    (chosen, considered)
}

fn is_withdrawn(network: &Network, now: Timestamp) -> bool {
    network.withdrawn_from.is_some_and(|from| from <= now)
}

/// What stands against a network; `Dearer` if only its cost can.
fn obstacle(network: &Network, way: &Way<'_>) -> Verdict {
    if !way.allowed.contains(&network.settings.network) {
        Verdict::NotForCard
    } else if network.settings.currency != way.currency {
        Verdict::WrongCurrency
    } else if !way.offline && is_withdrawn(network, way.now) {
        Verdict::Withdrawn
    } else if !network.is_up() {
        Verdict::Down
    } else {
        Verdict::Dearer
    }
}

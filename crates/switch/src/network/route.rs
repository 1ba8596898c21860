//! Routing: the cheapest network that takes the card, is up, is not withdrawn and is not in its
//! cool-down after repeated failures.

use books::{NetworkId, RouteCandidate, RouteVerdict, Timestamp};
use keys::Pan;
use tariff::CardKind;

use super::state::NetworkState;
use crate::settings::BinRange;
use crate::sides::CardPayment;
use crate::step::KeyedTable;

/// Maximum length of a card range's prefix.
const PREFIX_DIGITS_MAX: usize = 11;

/// Card ranges by prefix.
#[derive(Debug)]
pub(crate) struct BinTable {
    /// Key: the prefix as a number, and its length.
    ranges: KeyedTable<(u64, usize), (CardKind, Vec<NetworkId>)>,
}

impl BinTable {
    pub(crate) fn new(ranges: &[BinRange]) -> BinTable {
        let entry = |range: &BinRange| {
            let digits = range.first_digits.as_bytes();
            ((number(digits), digits.len()), (range.kind, range.networks.clone()))
        };
        BinTable { ranges: ranges.iter().map(entry).collect() }
    }

    /// The card's kind and networks, by the longest prefix that matches.
    pub(crate) fn lookup(&self, pan: &Pan) -> Option<(CardKind, &[NetworkId])> {
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

/// Chooses a network. Returns its index, if any, and the verdict on each network.
pub(crate) fn choose_network(
    networks: &[NetworkState],
    (kind, card_networks): (CardKind, &[NetworkId]),
    payment: &CardPayment<'_>,
    now: Timestamp,
) -> (Option<usize>, Vec<RouteCandidate>) {
    let mut considered: Vec<RouteCandidate> = networks
        .iter()
        .map(|network| RouteCandidate {
            network: network.settings.network,
            cost: network.settings.cost(kind, payment.amount),
            verdict: verdict_on(network, card_networks, payment, now),
        })
        .collect();
    // A network in cool-down is better than none.
    let resting = |index: usize| networks[index].cooldown_until > now;
    let open = |index: &usize| considered[*index].verdict == RouteVerdict::MoreExpensive;
    let chosen = (0..considered.len()).filter(open).min_by_key(|&index| {
        let withdrawn = is_withdrawn(&networks[index], now);
        (withdrawn, resting(index), considered[index].cost, index)
    });
    if let Some(index) = chosen {
        for (other, one) in considered.iter_mut().enumerate() {
            if one.verdict == RouteVerdict::MoreExpensive && resting(other) && !resting(index) {
                one.verdict = RouteVerdict::Down;
            }
        }
        considered[index].verdict = RouteVerdict::Chosen;
    }
    (chosen, considered)
}

/// Why none was chosen: the state of each network that takes the card, in the settings' order.
pub(crate) fn why_none(networks: &[NetworkState], considered: &[RouteCandidate]) -> String {
    let why = networks.iter().zip(considered).filter_map(|(network, one)| {
        let state = match one.verdict {
            RouteVerdict::Withdrawn => "withdrawn",
            RouteVerdict::Down => "down",
            RouteVerdict::WrongCurrency => "other currency",
            RouteVerdict::TooManyUnknown => "too many unknown",
            RouteVerdict::CardNotAccepted | RouteVerdict::MoreExpensive | RouteVerdict::Chosen => {
                return None;
            }
        };
        Some(format!("{} {state}", network.settings.name))
    });
    why.collect::<Vec<_>>().join(", ")
}

fn is_withdrawn(network: &NetworkState, now: Timestamp) -> bool {
    network.withdrawn_from.is_some_and(|from| from <= now)
}

/// Why a network cannot take the payment. `MoreExpensive`: it can.
fn verdict_on(
    network: &NetworkState,
    card_networks: &[NetworkId],
    payment: &CardPayment<'_>,
    now: Timestamp,
) -> RouteVerdict {
    if !card_networks.contains(&network.settings.network) {
        RouteVerdict::CardNotAccepted
    } else if network.settings.currency != payment.currency {
        RouteVerdict::WrongCurrency
    } else if !payment.offline && is_withdrawn(network, now) {
        RouteVerdict::Withdrawn
    } else if !network.is_up() {
        RouteVerdict::Down
    } else {
        RouteVerdict::MoreExpensive
    }
}

//! The rules by which items match, and their limits. docs/recon.md describes each.

use books::EntryFinding;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::items::{Lane, MatchKeyKind};

/// A rule of a match. A change of what a rule accepts gets a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchRule {
    /// People decided it.
    Decided,
    /// One line and one item have the same key.
    ExactKey(MatchKeyKind),
    /// The same key and amount; the fee differs for a named reason, within its bound.
    FeeTolerance(MatchKeyKind),
    /// Lines and items with the same key or group have the same sum.
    KeyedSum(MatchKeyKind),
    /// As [`MatchRule::KeyedSum`]; the sum differs by a rounding of fees, within its bound.
    SumTolerance(MatchKeyKind),
    /// One line has the sum of one group of the same counterparty, in the window of dates, and
    /// nothing else has it.
    DatedSum,
    /// One line is the sum of just one small set of items.
    SubsetSum,
    /// References are nearly the same. Never a match, only a suggestion.
    NearReference,
}

impl MatchRule {
    /// As in docs/recon.md.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MatchRule::Decided => "decided",
            MatchRule::ExactKey(_) => "exact-key",
            MatchRule::FeeTolerance(_) => "fee-tolerance",
            MatchRule::KeyedSum(_) => "keyed-sum",
            MatchRule::SumTolerance(_) => "sum-tolerance",
            MatchRule::DatedSum => "dated-sum",
            MatchRule::SubsetSum => "subset-sum",
            MatchRule::NearReference => "near-reference",
        }
    }

    /// As the books keep it of an entry of a statement. `None` for what no entry is matched by:
    /// people's decisions, tolerated fees and suggestions.
    #[must_use]
    pub fn finding(self) -> Option<EntryFinding> {
        Some(match self {
            MatchRule::ExactKey(_) => EntryFinding::ExactKey,
            MatchRule::KeyedSum(_) => EntryFinding::KeyedSum,
            MatchRule::SumTolerance(_) => EntryFinding::SumTolerance,
            MatchRule::DatedSum => EntryFinding::DatedSum,
            MatchRule::SubsetSum => EntryFinding::SubsetSum,
            MatchRule::Decided | MatchRule::FeeTolerance(_) | MatchRule::NearReference => {
                return None;
            }
        })
    }

    #[must_use]
    pub fn version(self) -> u16 {
        1
    }

    /// What was the same on both sides, or within its bound.
    #[must_use]
    pub fn compared(self) -> &'static [ComparedField] {
        use ComparedField as F;
        match self {
            MatchRule::Decided => &[],
            MatchRule::ExactKey(_) => &[
                F::Key,
                F::Party,
                F::Kind,
                F::Currency,
                F::Amount,
                F::Fee,
                F::Window,
                F::OtherKeys,
            ],
            MatchRule::FeeTolerance(_) => &[
                F::Key,
                F::Party,
                F::Kind,
                F::Currency,
                F::Amount,
                F::FeeWithinBound,
                F::Window,
                F::OtherKeys,
            ],
            MatchRule::KeyedSum(_) => {
                &[F::Key, F::Party, F::Kind, F::Currency, F::Sum, F::Window, F::OtherKeys]
            }
            MatchRule::SumTolerance(_) => &[
                F::Key,
                F::Party,
                F::Kind,
                F::Currency,
                F::SumWithinBound,
                F::Window,
                F::OtherKeys,
            ],
            MatchRule::DatedSum | MatchRule::SubsetSum => {
                &[F::Counterparty, F::Party, F::Kind, F::Currency, F::Sum, F::Window, F::OtherKeys]
            }
            MatchRule::NearReference => &[F::Party, F::Kind, F::Currency, F::Amount, F::Window],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedField {
    /// The key that the rule names.
    Key,
    /// No other key that both sides have differs.
    OtherKeys,
    Party,
    Counterparty,
    Kind,
    Currency,
    Amount,
    Fee,
    FeeWithinBound,
    Sum,
    SumWithinBound,
    /// The days are as near to each other as the policy asks.
    Window,
}

/// Why a difference may be tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToleranceReason {
    /// Fees of five decimals are rounded once by the sender and once here.
    Rounding,
    /// The sender changed its fees, and the tariff here does not know it yet.
    FeeRevision,
}

/// How much may differ for a reason. Per day: of one sender, one day and one currency, however
/// many files the day has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToleranceBound {
    /// Of one item, in minor units. Of a sum, for each of its items.
    pub per_item: i64,
    /// Of an item, in parts per million of its amount, instead of `per_item` if that is more.
    pub per_item_ppm: u32,
    /// Of all items of a day together, in minor units, each difference without its sign.
    pub per_day: i64,
}

/// A kind of key by which items of a lane match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    pub kind: MatchKeyKind,
    /// Days between the item and the line, at most. A key that is used again later is another one.
    pub days_max: u16,
    /// Whether several lines or items may share the key and be matched by their sums.
    pub sums: bool,
}

/// How the items of a lane match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanePolicy {
    pub lane: Lane,
    /// The surest first.
    pub keys: Vec<KeyRule>,
    /// Whether a line without a key may match by counterparty, sum and date, and as the only sum of
    /// a small set. For banks.
    pub without_keys: bool,
    /// Days around the due day in which a line without a key may match.
    pub window_days: u16,
    /// Days for which a line that nothing explains is awaited in the ledger before it is a break.
    pub wait_days: u16,
    pub rounding: Option<ToleranceBound>,
    pub fee_revision: Option<ToleranceBound>,
}

/// The policy of a run: plain data, the same for a rerun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchPolicy {
    pub lanes: Vec<LanePolicy>,
    /// Days after its due day until an item that has not come is written off rather than awaited.
    pub late_days: u16,
    /// Days for which matched items are carried forward, so that a second line of the same payment
    /// is known as a duplicate.
    pub kept_days: u16,
}

impl MatchPolicy {
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Option<&LanePolicy> {
        self.lanes.iter().find(|policy| policy.lane == lane)
    }
}

const QUARTER: u16 = 92;
const YEAR: u16 = 366;

fn unique(kind: MatchKeyKind) -> KeyRule {
    KeyRule { kind, days_max: YEAR, sums: false }
}

fn summed(kind: MatchKeyKind) -> KeyRule {
    KeyRule { kind, days_max: QUARTER, sums: true }
}

impl Default for MatchPolicy {
    /// For CNY and other currencies with two decimals.
    fn default() -> MatchPolicy {
        use MatchKeyKind as K;
        let rounding = ToleranceBound { per_item: 1, per_item_ppm: 0, per_day: 500 };
        let of = |lane, keys: Vec<KeyRule>| LanePolicy {
            lane,
            keys,
            without_keys: false,
            window_days: 0,
            wait_days: 0,
            rounding: Some(rounding),
            fee_revision: None,
        };
        let lanes = vec![
            of(Lane::Scan, vec![unique(K::PaymentId), unique(K::Waybill)]),
            of(Lane::Batch, vec![unique(K::Trace), unique(K::Rrn)]),
            of(Lane::Network, vec![unique(K::Rrn), unique(K::StanAndSecond)]),
            of(
                Lane::Wallet,
                vec![unique(K::WalletPayment), unique(K::WalletOrder), unique(K::OrderReference)],
            ),
            LanePolicy {
                without_keys: true,
                window_days: 3,
                ..of(
                    Lane::Bank,
                    vec![
                        summed(K::PayoutId),
                        summed(K::DepositId),
                        summed(K::EndToEndId),
                        summed(K::Utr),
                        summed(K::BankReference),
                        summed(K::PayoutFile),
                        summed(K::ClearingDay),
                        summed(K::HandOvers),
                        summed(K::Remittance),
                    ],
                )
            },
            of(
                Lane::Sheet,
                vec![
                    KeyRule { kind: K::Waybill, days_max: QUARTER, sums: true },
                    KeyRule { kind: K::OrderReference, days_max: QUARTER, sums: true },
                ],
            ),
        ];
        MatchPolicy { lanes, late_days: 5, kept_days: 10 }
    }
}

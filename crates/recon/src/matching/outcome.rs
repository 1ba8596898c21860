//! What a run found: matches, breaks, awaited items, suggestions, and the sums of each file.

use std::collections::BTreeMap;
use std::ops::Range;

pub use books::ReconBreakKind;
use borsh::{BorshDeserialize, BorshSerialize};
use money::Currency;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tariff::BusinessDate;

use super::items::{Lane, LaneItem, LaneItemId, MatchKeyKind};
use super::rules::{ComparedField, MatchRule, ToleranceReason};

/// Other items that an explanation names.
pub const CONSIDERED_MAX: usize = 10;

/// Members of a match or break: a part of [`Reconciliation::members`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberRange {
    start: u32,
    end: u32,
}

impl MemberRange {
    pub(super) fn new(range: Range<usize>) -> MemberRange {
        let place = |place: usize| u32::try_from(place).expect("ITEMS_MAX fits");
        MemberRange { start: place(range.start), end: place(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Lines that pay for items of the ledger, or take them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemMatch {
    pub rule: MatchRule,
    pub stated: MemberRange,
    pub due: MemberRange,
    /// What was tolerated: the reason, and stated less expected in minor units. Of a decided match
    /// the difference that the people accepted, without a reason.
    pub tolerated: Option<(Option<ToleranceReason>, i64)>,
}

/// What a person, or the books by themselves, could do about a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestedPosting {
    /// Nothing yet.
    WaitUntil(BusinessDate),
    /// Ask the sender for the file, or for its correction.
    AskSender,
    /// At Doorstep's cost or gain.
    WriteOff,
    /// Apply the line to the payment of this item, as if it had named it.
    ToPayment(LaneItemId),
    /// The difference is the seller's of this item.
    ToSeller(LaneItemId),
    /// The firm of this deposit owes the difference.
    ToFirm(LaneItemId),
    /// Pay it back, or have it paid in, through the bank account.
    ThroughBank,
    /// Two people decide which of the considered items it is.
    Decide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconBreak {
    pub kind: ReconBreakKind,
    /// People said which kind it is.
    pub decided: bool,
    pub stated: MemberRange,
    pub due: MemberRange,
    /// Stated less expected, in minor units: of fees for [`ReconBreakKind::FeeDrift`] and
    /// [`ReconBreakKind::Rounding`], otherwise of amounts.
    pub difference: i64,
    pub posting: SuggestedPosting,
    /// The first day on which it was one: its age counts from here.
    pub since: BusinessDate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwaitedReason {
    /// An item of the ledger whose day has not passed.
    NotDue,
    /// A part of a sum whose rest is not due yet.
    RestOfSum,
    /// A line that the ledger may learn of later, as an offline sale that was not forwarded yet.
    InLedger,
}

/// An item that may still find its counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AwaitedItem {
    pub item: LaneItemId,
    /// Where its counterpart is to come.
    pub lane: Lane,
    /// The last day on which it is in time.
    pub by: BusinessDate,
    pub reason: AwaitedReason,
}

/// Why an item was not the counterpart of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// People said that these two never match.
    NeverByDecision,
    PartyDiffers,
    KindDiffers,
    CurrencyDiffers,
    OutsideWindow,
    /// Both have a key of this kind, and not the same one.
    OtherKeyDiffers(MatchKeyKind),
    AmountDiffers,
    FeeDiffers,
    /// Its difference is within the bound of an item, but the day's is not within that of a day.
    BeyondBoundOfDay,
    SumDiffers,
    /// Its amount is just what the sum lacks, or has too much.
    EqualsDifference,
    /// Others fit as well.
    NotUnique,
    /// It is matched, or part of another break.
    Consumed,
    /// Amounts alone fit too often by chance.
    CouldBeChance,
    /// Its reference is nearly the same. Two people decide.
    NearlySameReference(MatchKeyKind),
}

/// An item that was looked at, and why it was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ConsideredItem {
    pub item: LaneItemId,
    pub why_not: WhyNot,
}

/// A match that only people can make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct MatchSuggestion {
    pub stated: Vec<LaneItemId>,
    pub due: Vec<LaneItemId>,
    pub rule: MatchRule,
    /// How many such matches chance alone would give, in millionths. `None` for references.
    pub coincidences_millionths: Option<u64>,
}

/// Items and their amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LaneSum {
    pub items: u64,
    pub amount: i128,
}

impl LaneSum {
    fn add(&mut self, amount: i64) {
        self.items += 1;
        self.amount += i128::from(amount);
    }

    fn plus(self, other: LaneSum) -> LaneSum {
        LaneSum { items: self.items + other.items, amount: self.amount + other.amount }
    }
}

/// One file in one currency: matched + awaited + broken = total (M15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LaneTotals {
    pub lane: Lane,
    pub file: u64,
    pub currency: Currency,
    pub matched: LaneSum,
    pub awaited: LaneSum,
    pub broken: LaneSum,
    pub total: LaneSum,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    Matched(ItemMatch),
    Awaited(AwaitedItem),
    Broken(ReconBreak),
}

/// Why an item is matched, awaited or broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemExplanation {
    pub status: ItemStatus,
    /// Of a match.
    pub rule: Option<MatchRule>,
    /// Of a match: what was the same on both sides.
    pub compared: &'static [ComparedField],
    pub considered: Vec<ConsideredItem>,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// All items, those carried forward included, by id.
    pub(super) items: Vec<LaneItem>,
    pub(super) members: Vec<LaneItemId>,
    pub(super) matches: Vec<ItemMatch>,
    pub(super) breaks: Vec<ReconBreak>,
    /// By item.
    pub(super) awaited: Vec<AwaitedItem>,
    pub(super) suggestions: Vec<MatchSuggestion>,
    pub(super) considered: BTreeMap<LaneItemId, Vec<ConsideredItem>>,
    /// Where each of `items` is.
    pub(super) places: Vec<ItemPlace>,
    pub(super) totals: Vec<LaneTotals>,
    pub(super) digest: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemPlace {
    Match(u32),
    Break(u32),
    Awaited(u32),
}

impl Reconciliation {
    /// By rule and first member.
    #[must_use]
    pub fn matches(&self) -> &[ItemMatch] {
        &self.matches
    }

    #[must_use]
    pub fn breaks(&self) -> &[ReconBreak] {
        &self.breaks
    }

    #[must_use]
    pub fn awaited(&self) -> &[AwaitedItem] {
        &self.awaited
    }

    #[must_use]
    pub fn suggestions(&self) -> &[MatchSuggestion] {
        &self.suggestions
    }

    /// By lane, file and currency.
    #[must_use]
    pub fn totals(&self) -> &[LaneTotals] {
        &self.totals
    }

    /// The items of a match or break.
    #[must_use]
    pub fn members(&self, range: MemberRange) -> &[LaneItemId] {
        &self.members[range.range()]
    }

    /// SHA-256 of the result in its order. The same for the same items, decisions and day, in
    /// whatever order they were given.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    #[must_use]
    pub fn item(&self, id: LaneItemId) -> Option<&LaneItem> {
        Some(&self.items[self.place_of(id)?])
    }

    fn place_of(&self, id: LaneItemId) -> Option<usize> {
        self.items.binary_search_by_key(&id, |item| item.id).ok()
    }

    /// Why an item is where it is. `None` if the run had no such item.
    #[must_use]
    pub fn explain(&self, id: LaneItemId) -> Option<ItemExplanation> {
        let status = self.status_at(self.place_of(id)?);
        let rule = match status {
            ItemStatus::Matched(found) => Some(found.rule),
            _ => None,
        };
        let considered = self.considered.get(&id).cloned().unwrap_or_default();
        let compared = rule.map_or(&[][..], MatchRule::compared);
        Some(ItemExplanation { status, rule, compared, considered })
    }

    pub(super) fn status_at(&self, place: usize) -> ItemStatus {
        match self.places[place] {
            ItemPlace::Match(number) => ItemStatus::Matched(self.matches[number as usize]),
            ItemPlace::Break(number) => ItemStatus::Broken(self.breaks[number as usize]),
            ItemPlace::Awaited(number) => ItemStatus::Awaited(self.awaited[number as usize]),
        }
    }

    /// Counts each file, and compares what the parts list with what the files have.
    pub(super) fn close(&mut self) {
        let mut sums: BTreeMap<(Lane, u64, Currency), LaneTotals> = BTreeMap::new();
        for (place, item) in self.items.iter().enumerate() {
            let key = (item.id.lane, item.id.file, item.currency);
            let totals = sums.entry(key).or_insert_with(|| LaneTotals {
                lane: item.id.lane,
                file: item.id.file,
                currency: item.currency,
                matched: LaneSum::default(),
                awaited: LaneSum::default(),
                broken: LaneSum::default(),
                total: LaneSum::default(),
            });
            totals.total.add(item.amount);
            match self.places[place] {
                ItemPlace::Match(_) => totals.matched.add(item.amount),
                ItemPlace::Break(_) => totals.broken.add(item.amount),
                ItemPlace::Awaited(_) => totals.awaited.add(item.amount),
            }
        }
        self.totals = sums.into_values().collect();
        self.assert_each_item_once();
        self.digest = self.digest_of_rows();
    }

    /// M15, from the other side: the lists of members name each item once.
    fn assert_each_item_once(&self) {
        let awaited = self.awaited.iter().map(|one| one.item);
        let mut named: Vec<LaneItemId> = self.members.iter().copied().chain(awaited).collect();
        named.sort_unstable();
        let all = self.items.iter().map(|item| item.id);
        assert!(named.into_iter().eq(all), "M15: each item is matched, awaited or broken once");
        for file in &self.totals {
            let parts = file.matched.plus(file.awaited).plus(file.broken);
            assert_eq!(parts, file.total, "M15: lane {:?}, file {}", file.lane, file.file);
        }
    }

    fn digest_of_rows(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut add = |row: &[u8]| {
            hasher.update(u64::try_from(row.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(row);
        };
        for found in &self.matches {
            let (stated, due) = (self.members(found.stated), self.members(found.due));
            add(&bytes_of(&("match", found.rule, found.tolerated, stated, due)));
        }
        for found in &self.breaks {
            let (stated, due) = (self.members(found.stated), self.members(found.due));
            let what = (found.kind, found.decided, found.difference, found.posting, found.since);
            add(&bytes_of(&("break", what, stated, due)));
        }
        for one in &self.awaited {
            add(&bytes_of(&("awaited", one)));
        }
        for one in &self.suggestions {
            add(&bytes_of(&("suggestion", one)));
        }
        for one in &self.totals {
            add(&bytes_of(&("totals", one)));
        }
        hasher.finalize().into()
    }
}

fn bytes_of(row: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(row).expect("writing to a vector does not fail")
}

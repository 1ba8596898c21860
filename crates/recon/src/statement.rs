//! A bank statement beside what the books expect on it: deposits and payouts that no bank has
//! confirmed, and everything that moved the account and is on no statement yet.
//!
//! The matcher finds what belongs together ([`matching`](crate::matching)). Here its result becomes
//! commands: each entry with its parts, what is awaited, and what is a break (M15).

use std::collections::BTreeMap;

use books::waiting::PayoutInFlight;
use books::{
    BankId, BankMovement, Books, BusinessDate, EntryFinding, EntryPart, MatchEntry, RailId,
    TakeEntry,
};
use files::incoming::parts::{
    EntryDetail, PrivateText, ReferenceKind, StatedReference, StatementEntry,
};
use money::{Currency, SignedAmount};
use serde::{Deserialize, Serialize};

use crate::matching::outcome::{ItemStatus, ReconBreakKind, WhyNot};
use crate::matching::{
    CarryForward, DueArrival, ItemKey, Lane, LaneItem, LaneItemId, LaneItemKind, MatchInputError,
    MatchInputs, MatchKeyKind, MatchPolicy, MatchRule, Reconciliation, SeenFile, reconcile,
};

/// Days after it moved in the books on which a movement is due on a statement.
const DUE_DAYS: u16 = 1;
/// Room for the transactions of an entry in the number of an item.
const DETAIL_BITS: u32 = 20;
/// Days for which the cause of an entry is awaited before the entry is a break.
pub const AWAITED_DAYS: u16 = 3;

/// An entry as the matcher sees it, without its text (M12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryLine {
    /// Within the statement, from 1.
    pub line: u32,
    pub booked: BusinessDate,
    pub amount: SignedAmount,
    pub keys: Vec<ItemKey>,
    /// The transactions of a batch, if it has several and they add up to it: each is matched by
    /// itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<DetailLine>,
}

/// A transaction of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailLine {
    pub amount: SignedAmount,
    pub keys: Vec<ItemKey>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPlan {
    pub line: EntryLine,
    /// In the order of their movements.
    pub parts: Vec<EntryPart>,
    pub expected_until: Option<BusinessDate>,
    /// By which rule it was matched.
    pub rule: Option<MatchRule>,
    /// Why it was not.
    pub broken: Option<ReconBreakKind>,
    /// What else was looked at, and why it was not taken.
    pub considered: Vec<(BankMovement, WhyNot)>,
    /// Sets of movements that only people can match with it.
    pub suggested: Vec<Vec<BankMovement>>,
}

/// What the entries of a statement are.
#[derive(Clone, Debug)]
pub struct StatementPlan {
    pub lines: Vec<EntryPlan>,
    /// SHA-256 of the matcher's result.
    pub digest: [u8; 32],
}

impl EntryPlan {
    /// As the books keep it.
    fn finding(&self) -> Option<EntryFinding> {
        match (self.rule, self.broken) {
            (Some(rule), _) => rule.finding(),
            (None, Some(kind)) => Some(EntryFinding::Broken(kind)),
            (None, None) => Some(EntryFinding::Awaited),
        }
    }

    /// The command of an entry of the statement that is being taken.
    #[must_use]
    pub fn take(&self, bank: BankId, file: u32) -> TakeEntry {
        let EntryLine { line, booked, amount, .. } = self.line;
        let (parts, expected_until) = (self.parts.clone(), self.expected_until);
        let found = self.finding();
        TakeEntry { bank, firm: None, file, line, booked, amount, parts, expected_until, found }
    }

    /// The command of an entry that was expected. `None` if nothing is new.
    #[must_use]
    pub fn decide(
        &self,
        bank: BankId,
        file: u32,
        until: BusinessDate,
        today: BusinessDate,
    ) -> Option<MatchEntry> {
        let (parts, line) = (self.parts.clone(), self.line.line);
        let expected_until = (until >= today).then_some(until);
        let is_new = !parts.is_empty() || expected_until.is_none();
        let found = self.finding();
        is_new.then_some(MatchEntry { bank, firm: None, file, line, parts, expected_until, found })
    }
}

/// Something that the account is to show, or a part of what a deposit or payout becomes.
struct Awaited {
    movement: BankMovement,
    amount: i64,
    since: BusinessDate,
    kind: LaneItemKind,
    keys: Vec<ItemKey>,
}

/// Names by which banks call a network or wallet.
pub struct RailName {
    pub rail: RailId,
    pub name: String,
}

/// The names of the networks and wallets of a currency.
#[must_use]
pub fn rail_names(books: &Books, currency: Currency) -> Vec<RailName> {
    let rails = books.rail_views().filter(|one| one.currency == currency);
    rails.map(|one| RailName { rail: one.id, name: one.reference.to_lowercase() }).collect()
}

fn counterparty(rail: RailId) -> Option<ItemKey> {
    let name = match rail {
        RailId::Network(id) => format!("network {id}"),
        RailId::Wallet(id) => format!("wallet {id}"),
    };
    ItemKey::new(MatchKeyKind::Counterparty, &name)
}

/// Whether a text has a name as whole words.
fn names(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        !name.is_empty() && !is_part(before) && !is_part(after)
    })
}

/// An entry of a file as the matcher sees it. Its text is read here, and not kept.
#[must_use]
pub fn line_of_entry(
    line: u32,
    booked: BusinessDate,
    entry: &StatementEntry,
    rails: &[RailName],
) -> EntryLine {
    let of_detail = |detail: &EntryDetail| {
        Some(DetailLine {
            amount: detail.amount?,
            keys: keys_of(&detail.references, &detail.texts, rails),
        })
    };
    let details: Option<Vec<DetailLine>> = entry.details.iter().map(of_detail).collect();
    let sum = |details: &[DetailLine]| -> i128 {
        details.iter().map(|one| i128::from(one.amount.minor())).sum()
    };
    let is_batch = |details: &Vec<DetailLine>| {
        details.len() > 1 && sum(details) == i128::from(entry.amount.minor())
    };
    let details = details.filter(is_batch).unwrap_or_default();
    let (mut references, mut texts) = (entry.references.clone(), entry.texts.clone());
    if details.is_empty() {
        references.extend(entry.details.iter().flat_map(|one| one.references.clone()));
        texts.extend(entry.details.iter().flat_map(|one| one.texts.clone()));
    }
    let keys = keys_of(&references, &texts, rails);
    EntryLine { line, booked, amount: entry.amount, keys, details }
}

/// The keys that references and texts of the bank have.
fn keys_of(
    references: &[StatedReference],
    texts: &[PrivateText],
    rails: &[RailName],
) -> Vec<ItemKey> {
    let mut keys: Vec<ItemKey> = Vec::new();
    let mut add = |key: Option<ItemKey>| {
        if let Some(key) = key
            && keys.iter().all(|known| known.kind != key.kind)
        {
            keys.push(key);
        }
    };
    for one in references {
        let kind = match one.kind {
            ReferenceKind::EndToEnd
            | ReferenceKind::Customer
            | ReferenceKind::Instruction
            | ReferenceKind::Remittance => {
                // Our own reference is the id of a deposit or payout.
                if let Some(id) = id_of(&one.text) {
                    add(ItemKey::new(MatchKeyKind::DepositId, &id));
                    add(ItemKey::new(MatchKeyKind::PayoutId, &id));
                }
                continue;
            }
            ReferenceKind::PaymentInformation => MatchKeyKind::PayoutFile,
            _ => continue,
        };
        add(ItemKey::new(kind, &one.text));
    }
    let texts = texts.iter().map(PrivateText::as_str);
    let texts: Vec<&str> = texts.chain(references.iter().map(|one| one.text.as_str())).collect();
    let named: Vec<&RailName> =
        rails.iter().filter(|one| texts.iter().any(|text| names(text, &one.name))).collect();
    if let [one] = named[..] {
        add(counterparty(one.rail));
    }
    keys
}

/// The number in a text, if it is all of it.
fn id_of(text: &str) -> Option<String> {
    let number: u64 = text.trim().parse().ok()?;
    let id = number.to_string();
    (id == text.trim()).then_some(id)
}

/// What the account is to show.
fn awaited(books: &Books, bank: BankId, lines: &[EntryLine]) -> Vec<Awaited> {
    let narrow = |amount: i128| i64::try_from(amount).ok();
    let key = |kind, id: u64| ItemKey::new(kind, &id.to_string());
    let mut found = Vec::new();
    for one in books.open_movements(bank) {
        let Some(amount) = narrow(one.amount) else { continue };
        let (kind, keys) = match one.movement {
            BankMovement::Deposit(id) => {
                (LaneItemKind::CashDeposit, vec![key(MatchKeyKind::DepositId, id.0)])
            }
            BankMovement::Payout(id) => {
                (LaneItemKind::Payout, vec![key(MatchKeyKind::PayoutId, id.0)])
            }
            BankMovement::ReturnedPayout(id) => {
                (LaneItemKind::PayoutReturn, vec![key(MatchKeyKind::PayoutId, id.0)])
            }
            BankMovement::ClearingFile { rail, .. } => {
                (LaneItemKind::ClearingPayment, vec![counterparty(rail)])
            }
            _ => (LaneItemKind::Unstated, Vec::new()),
        };
        let keys = keys.into_iter().flatten().collect();
        let (movement, since) = (one.movement, one.since);
        found.push(Awaited { movement, amount, since, kind, keys });
    }
    for firm in books.cash_custody(books.last_date()) {
        for one in firm.deposits.iter().filter(|one| one.bank == Some(bank)) {
            let Some(amount) = narrow(one.amount.minor().into()) else { continue };
            found.push(Awaited {
                movement: BankMovement::Deposit(one.id),
                amount,
                since: one.announced_on,
                kind: LaneItemKind::CashDeposit,
                keys: key(MatchKeyKind::DepositId, one.id.0).into_iter().collect(),
            });
        }
    }
    for PayoutInFlight { payout, bank: from, net, sent_on, .. } in books.payouts_in_flight() {
        let Some(amount) = narrow(net.minor().into()).filter(|_| from == bank) else { continue };
        found.push(Awaited {
            movement: BankMovement::Payout(payout),
            amount: -amount,
            since: sent_on,
            kind: LaneItemKind::Payout,
            keys: key(MatchKeyKind::PayoutId, payout.0).into_iter().collect(),
        });
        // It can be paid and come back on the same statement.
        let Some(id) = key(MatchKeyKind::PayoutId, payout.0) else { continue };
        if lines.iter().any(|one| one.amount.minor() == amount && one.keys.contains(&id)) {
            found.push(Awaited {
                movement: BankMovement::ReturnedPayout(payout),
                amount,
                since: sent_on,
                kind: LaneItemKind::PayoutReturn,
                keys: vec![id],
            });
        }
    }
    for one in books.returnable_payouts(bank) {
        let Some(amount) = narrow(one.net.minor().into()) else { continue };
        found.push(Awaited {
            movement: BankMovement::ReturnedPayout(one.payout),
            amount,
            since: one.sent_on,
            kind: LaneItemKind::PayoutReturn,
            keys: key(MatchKeyKind::PayoutId, one.payout.0).into_iter().collect(),
        });
    }
    found.sort_by_key(|one| one.movement);
    found.dedup_by_key(|one| one.movement);
    found
}

/// What an account is to show, with its amount in minor units.
#[must_use]
pub fn expected_movements(books: &Books, bank: BankId) -> Vec<(BankMovement, i128)> {
    awaited(books, bank, &[]).into_iter().map(|one| (one.movement, one.amount.into())).collect()
}

/// A bank account, and the statement whose entries are asked about.
#[derive(Clone, Copy, Debug)]
pub struct StatementOf {
    pub bank: BankId,
    pub currency: Currency,
    pub file: u32,
    pub today: BusinessDate,
}

/// The matcher's policy of bank statements.
#[must_use]
pub fn policy() -> MatchPolicy {
    let mut policy = MatchPolicy::default();
    for lane in policy.lanes.iter_mut().filter(|lane| lane.lane == Lane::Bank) {
        lane.wait_days = AWAITED_DAYS;
        // The ids of deposits and payouts are never used again.
        for key in lane.keys.iter_mut() {
            if matches!(key.kind, MatchKeyKind::DepositId | MatchKeyKind::PayoutId) {
                key.days_max = u16::MAX;
            }
        }
    }
    policy
}

/// What the entries of a statement are. The result does not depend on their order.
///
/// # Errors
/// Two entries with one number.
pub fn plan(
    books: &Books,
    of: StatementOf,
    lines: Vec<EntryLine>,
) -> Result<StatementPlan, MatchInputError> {
    let party = 0;
    let expected = awaited(books, of.bank, &lines);
    let base = |id, amount, booked: BusinessDate, kind, keys: &[ItemKey]| {
        let mut item = LaneItem {
            id,
            party,
            kind,
            currency: of.currency,
            amount,
            fee: None,
            booked,
            value: None,
            due: None,
            keys: [None; crate::matching::items::ITEM_KEYS_MAX],
            group: None,
        };
        for (place, key) in item.keys.iter_mut().zip(keys) {
            *place = Some(*key);
        }
        item
    };
    // Of a credit whose id a deposit and a returned payout have, nothing tells which it is.
    let has = |kind, key: &ItemKey| {
        let is_its = |own: &ItemKey| own.text() == key.text();
        expected.iter().any(|one| one.kind == kind && one.keys.first().is_some_and(is_its))
    };
    let own_keys = |amount: SignedAmount, keys: &[ItemKey]| -> Vec<ItemKey> {
        let is_ambiguous = amount.minor() > 0
            && keys.iter().any(|key| {
                key.kind == MatchKeyKind::DepositId
                    && has(LaneItemKind::CashDeposit, key)
                    && has(LaneItemKind::PayoutReturn, key)
            });
        let ids = [MatchKeyKind::DepositId, MatchKeyKind::PayoutId];
        let keys = keys.iter().filter(|key| !is_ambiguous || !ids.contains(&key.kind));
        keys.copied().collect()
    };
    let mut items = Vec::with_capacity(lines.len() + expected.len());
    for (number, one) in (1..).zip(&expected) {
        let id = LaneItemId { lane: Lane::Ledger, file: 0, line: number };
        let on = one.since.plus_days(DUE_DAYS);
        let due = DueArrival { lane: Lane::Bank, file_day: one.since, on };
        let item = base(id, one.amount, one.since, one.kind, &one.keys);
        items.push(LaneItem { due: Some(due), ..item });
    }
    for one in &lines {
        for (id, amount, keys) in one.items(of.file) {
            let kind = LaneItemKind::Unstated;
            items.push(base(id, amount.minor(), one.booked, kind, &own_keys(amount, keys)));
        }
    }
    let days = lines.iter().map(|one| one.booked);
    let seen = SeenFile {
        lane: Lane::Bank,
        party,
        file: of.file.into(),
        from: days.clone().min().unwrap_or(of.today),
        until: days.max().unwrap_or(of.today),
    };
    let policy = policy();
    let result = reconcile(&MatchInputs {
        items: &items,
        files: &[seen],
        carried: &CarryForward::default(),
        decisions: &[],
        policy: &policy,
        today: of.today,
    })?;
    let mut parts = parts_of_matches(&result, &expected);
    let lines = lines.into_iter().map(|line| {
        let parts = parts.remove(&line.line).unwrap_or_default();
        plan_line(&result, of.file, line, parts, (of.today, &expected))
    });
    Ok(StatementPlan { lines: lines.collect(), digest: result.digest() })
}

impl EntryLine {
    /// What is matched of it: the entry, or each of its transactions.
    fn items(&self, file: u32) -> Vec<(LaneItemId, SignedAmount, &[ItemKey])> {
        let id = |place: u64| LaneItemId {
            lane: Lane::Bank,
            file: file.into(),
            line: (u64::from(self.line) << DETAIL_BITS) + place,
        };
        match &self.details[..] {
            [] => vec![(id(0), self.amount, &self.keys)],
            details => {
                let numbered = (0..).zip(details);
                numbered.map(|(place, one)| (id(place), one.amount, &one.keys[..])).collect()
            }
        }
    }
}

/// The number of the entry of an item.
fn entry_of(id: LaneItemId) -> Option<u32> {
    u32::try_from(id.line >> DETAIL_BITS).ok()
}

/// Of a batch: it is broken if one of its transactions is, and awaited if one is.
fn plan_line(
    result: &Reconciliation,
    file: u32,
    line: EntryLine,
    parts: Vec<EntryPart>,
    (today, expected): (BusinessDate, &[Awaited]),
) -> EntryPlan {
    let movement = |id: LaneItemId| {
        let place = usize::try_from(id.line).ok().filter(|_| id.lane == Lane::Ledger)?;
        expected.get(place.checked_sub(1)?).map(|one| one.movement)
    };
    let ids: Vec<LaneItemId> = line.items(file).iter().map(|one| one.0).collect();
    let found: Vec<_> = ids.iter().filter_map(|id| result.explain(*id)).collect();
    let considered = found.iter().flat_map(|found| &found.considered);
    let considered = considered.filter_map(|one| Some((movement(one.item)?, one.why_not)));
    let considered = considered.collect();
    let suggested = result.suggestions().iter();
    let suggested = suggested.filter(|one| one.stated.iter().all(|id| ids.contains(id)));
    let suggested = suggested.map(|one| one.due.iter().filter_map(|id| movement(*id)).collect());
    let suggested = suggested.collect();
    let (mut rule, mut broken, mut expected_until) = (None, None, None);
    for one in &found {
        match one.status {
            ItemStatus::Matched(found) => rule = rule.or(Some(found.rule)),
            ItemStatus::Awaited(one) => {
                expected_until = expected_until.max(Some(one.by.max(today)));
            }
            ItemStatus::Broken(found) => broken = broken.or(Some(found.kind)),
        }
    }
    if found.is_empty() {
        broken = Some(ReconBreakKind::NoReference);
    }
    // The rest of a batch is one rest: it is awaited as long as a part of it can still come.
    if expected_until.is_some() {
        broken = None;
    }
    if broken.is_some() || expected_until.is_some() {
        rule = None;
    }
    EntryPlan { line, parts, expected_until, rule, broken, considered, suggested }
}

/// The parts of each matched line. Of lines that are matched together with several movements, each
/// takes what is left, in their order.
fn parts_of_matches(
    result: &Reconciliation,
    expected: &[Awaited],
) -> BTreeMap<u32, Vec<EntryPart>> {
    let mut all: BTreeMap<u32, Vec<EntryPart>> = BTreeMap::new();
    for found in result.matches() {
        let due = result.members(found.due).iter().filter_map(|id| {
            let place = usize::try_from(id.line).ok()?.checked_sub(1)?;
            expected.get(place).map(|one| (one.movement, one.amount))
        });
        let mut due: Vec<(BankMovement, i64)> = due.collect();
        for id in result.members(found.stated) {
            let Some(item) = result.item(*id) else { continue };
            let Some(line) = entry_of(*id) else { continue };
            let mut left = item.amount;
            let parts = all.entry(line).or_default();
            for (movement, open) in &mut due {
                let taken = match (left.signum(), open.signum()) {
                    (1, 1) => left.min(*open),
                    (-1, -1) => left.max(*open),
                    // An amount of the other sign is a part of the sum, as a whole.
                    _ if left != 0 => *open,
                    _ => 0,
                };
                let Some(amount) = SignedAmount::new(taken).filter(|_| taken != 0) else {
                    continue;
                };
                parts.push(EntryPart { movement: *movement, amount });
                left -= taken;
                *open -= taken;
            }
        }
    }
    for parts in all.values_mut() {
        parts.sort_by_key(|part| part.movement);
        // Two transactions of a batch can show one movement.
        parts.dedup_by(|next, one| {
            let same = next.movement == one.movement;
            let sum = same.then(|| one.amount.minor().checked_add(next.amount.minor()));
            let sum = sum.flatten().and_then(SignedAmount::new);
            one.amount = sum.unwrap_or(one.amount);
            sum.is_some()
        });
    }
    all
}

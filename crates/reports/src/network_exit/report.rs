//! The report of a network's exit, as the books are now.

use std::collections::{BTreeMap, BTreeSet};

use books::terminal_view::PendingRequestKind;
use books::view::PaymentState;
use books::{BreakSubject, BusinessDate, FileLane, NetworkId, PaymentRoute, RailId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::facts::{CardRangeUse, ExitFacts, ExitStep, MovedSums, RouteDay};
use super::forecast::ZeroForecast;
use crate::cash::age_days;
use crate::local_time;

/// Days before the withdrawal, or before today, of which use is counted.
const USE_DAYS: u16 = 30;

/// The exit of a network. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, Serialize)]
pub struct ExitReport {
    pub network: String,
    pub currency: &'static str,
    /// The day of the report; ages are counted up to it.
    pub date: BusinessDate,
    /// Local time and batch of the last command.
    pub at: String,
    pub batch: u64,
    /// Local time from which it takes no new payments. `None`: it is in use.
    pub withdrawn_from: Option<String>,
    /// The withdrawals and reinstatements, oldest first, each with both persons. The books keep no
    /// reason.
    pub steps: Vec<ExitStep>,
    pub last_route: Option<String>,
    pub last_capture: Option<String>,
    pub last_refund: Option<String>,
    pub last_chargeback: Option<String>,
    /// When a line of one of its files was taken last.
    pub last_file: Option<String>,
    /// Who used it in the 30 days before.
    pub affected: AffectedReport,
    /// Card ranges of the settings that no other network in use takes. `None` if the settings are
    /// not known.
    pub ranges_without_route: Option<Vec<CardRangeUse>>,
    /// What waits for an answer of the network, by kind.
    pub pending: Vec<PendingCount>,
    pub unknown_payments: u32,
    /// What it owes. Below zero: a file will take it.
    pub receivable: i128,
    /// By the day of the collection, oldest first.
    pub owed_by_day: Vec<DayOwed>,
    /// What it owes beyond its payments: breaks that people raised there.
    pub owed_by_breaks: i128,
    pub forecast: ZeroForecast,
    /// Collected over it, not received and so not payable; received and on hold; payable or paid.
    pub not_received: u128,
    pub held: u128,
    pub released: u128,
    /// The fees that it may still keep back of what it owes, by the tariff.
    pub fees_due: u128,
    pub refunds: Vec<TailReport>,
    pub chargebacks: TailReport,
    /// The last day of refunds and chargebacks, if nothing is collected any more: the books keep
    /// parcels that long.
    pub tail_until: Option<BusinessDate>,
    pub breaks: Vec<ExitBreak>,
    /// Where payments went since the withdrawal.
    pub moved: Vec<WayOut>,
    pub moved_total: MovedSums,
    /// Purchases over it in the 30 days before, and card purchases elsewhere since.
    pub before: RouteDay,
    pub approved_before_ppm: Option<u64>,
    pub approved_since_ppm: Option<u64>,
    /// Its latest files, newest first, and whether files are still expected.
    pub files: Vec<ExitFile>,
    pub files_expected: usize,
    /// The receivable at the end of each day on which it changed, since the withdrawal or in the
    /// last 30 days.
    pub run_down: Vec<(BusinessDate, i128)>,
    /// Nothing is open any more: no payment waits, the receivable is zero, no break is open.
    pub is_closed: bool,
    /// The day on which the receivable changed last, once nothing is open: the closing balance is
    /// that of its end.
    pub closed_on: Option<BusinessDate>,
    pub closing_balance: Option<i128>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct AffectedReport {
    pub since: Option<BusinessDate>,
    pub terminals: usize,
    pub sellers: Vec<String>,
    pub firms: Vec<String>,
}

/// Requests that wait, by what they wait for.
#[derive(Clone, Debug, Serialize)]
pub struct PendingCount {
    pub kind: &'static str,
    pub count: usize,
    pub amount: u128,
}

#[derive(Clone, Debug, Serialize)]
pub struct DayOwed {
    pub day: BusinessDate,
    pub age_days: u16,
    pub payments: usize,
    pub amount: i128,
    /// The network has paid a later day.
    pub late: bool,
}

/// Refunds or chargebacks that are open.
#[derive(Clone, Debug, Serialize)]
pub struct TailReport {
    /// How they reach the buyer: `bank`, `network`, `after_answer`; of chargebacks `chargeback`.
    pub way: &'static str,
    pub count: usize,
    pub amount: u128,
    pub oldest: Option<BusinessDate>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExitBreak {
    pub break_id: String,
    /// Above zero: more was found than the books have.
    pub amount: i128,
    pub opened: BusinessDate,
    pub age_days: u16,
    /// The person id of who must resolve it.
    pub owner: String,
}

/// A network that takes payments in the place of the withdrawn one.
#[derive(Clone, Debug, Serialize)]
pub struct WayOut {
    pub network: String,
    #[serde(flatten)]
    pub sums: MovedSums,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExitFile {
    pub file: u32,
    pub from: BusinessDate,
    pub until: BusinessDate,
    pub lines: u32,
    pub total: i128,
    /// SHA-256 of the file.
    pub digest: String,
}

/// Files that are listed.
const FILES_LISTED_MAX: usize = 10;

impl ExitReport {
    /// `today` is the day of the report; `ranges` are those of the settings, if they are known.
    ///
    /// # Panics
    /// If the books have lost the network (M11).
    #[must_use]
    pub fn of(
        facts: &ExitFacts,
        today: BusinessDate,
        ranges: Option<&[CardRangeUse]>,
    ) -> ExitReport {
        let (books, network) = (facts.books(), facts.network);
        let rail = RailId::Network(network);
        let view = books.network_view(network).expect("a network is never removed");
        let mut rails = books.rail_views();
        let name = rails.find(|one| one.id == rail).map(|one| one.reference.to_owned());
        let name = name.unwrap_or_default();
        let use_from = facts.withdrawn_on.unwrap_or(today).minus_days(USE_DAYS);
        let uncleared = books.uncleared_payments();
        let uncleared: Vec<_> = uncleared.into_iter().filter(|one| one.rail == rail).collect();
        let mut by_day: BTreeMap<BusinessDate, DayOwed> = BTreeMap::new();
        let mut fees_due = 0;
        for one in &uncleared {
            let day = by_day.entry(one.since).or_insert_with(|| DayOwed {
                day: one.since,
                age_days: age_days(one.since, today),
                payments: 0,
                amount: 0,
                late: false,
            });
            day.payments += 1;
            day.amount += one.amount;
            day.late |= one.overtaken;
            if one.amount > 0 {
                let payment = books.payment_with_id(one.payment);
                let fee = payment.map_or(0, |payment| payment.deducted_by_network.minor());
                fees_due += u128::from(fee);
            }
        }
        let pending = pending(facts, network);
        let in_flight: usize = pending.iter().map(|one| one.count).sum();
        let open: Vec<BusinessDate> = uncleared.iter().map(|one| one.since).collect();
        let owed: i128 = uncleared.iter().map(|one| one.amount).sum();
        let forecast = ZeroForecast::of(today, view.receivable, &open, in_flight, &facts.lags);
        let [not_received, held, released] = sellers_money(facts, rail);
        let breaks = breaks(facts, today);
        let chargebacks = chargebacks(facts, rail);
        let refunds = refunds(facts, rail);
        let mut moved_total = MovedSums::default();
        let moved: Vec<WayOut> = facts
            .moved
            .iter()
            .map(|(other, sums)| {
                moved_total.add_all(sums);
                WayOut { network: network_name(facts, *other), sums: *sums }
            })
            .collect();
        let before = facts.since(use_from);
        let ppm = |approved: u64, declined: u64| {
            let all = approved + declined;
            (all > 0).then(|| approved * 1_000_000 / all)
        };
        let [_, approved, declined] = facts.others_since;
        let is_withdrawn = view.withdrawn_from.is_some_and(|from| from <= facts.engine.last_at());
        let is_closed = is_withdrawn
            && view.receivable == 0
            && view.pending == 0
            && open.is_empty()
            && in_flight == 0
            && breaks.is_empty()
            && refunds.is_empty()
            && chargebacks.count == 0;
        let last_change = facts.run_down.keys().next_back().copied();
        ExitReport {
            currency: view.currency.code(),
            date: today,
            at: local_time(books, facts.engine.last_at()),
            batch: facts.position.batch.number(),
            withdrawn_from: view.withdrawn_from.map(|from| local_time(books, from)),
            steps: facts.steps.clone(),
            last_route: facts.last_route.clone(),
            last_capture: facts.last_capture.clone(),
            last_refund: facts.last_refund.clone(),
            last_chargeback: facts.last_chargeback.clone(),
            last_file: facts.last_file.clone(),
            affected: affected(facts, use_from),
            ranges_without_route: ranges.map(|ranges| without_route(facts, &name, ranges)),
            unknown_payments: view.unknown_payments,
            receivable: view.receivable,
            owed_by_day: by_day.into_values().collect(),
            owed_by_breaks: view.receivable - owed,
            not_received,
            held,
            released,
            fees_due,
            tail_until: facts
                .last_capture_day
                .map(|day| BusinessDate(day.0.saturating_add(books.retention_days()))),
            is_closed,
            closed_on: last_change.or(facts.withdrawn_on).filter(|_| is_closed),
            closing_balance: is_closed.then_some(view.receivable),
            pending,
            forecast,
            refunds,
            chargebacks,
            breaks,
            moved,
            moved_total,
            approved_before_ppm: ppm(before.approved, before.declined),
            approved_since_ppm: ppm(approved, declined).filter(|_| is_withdrawn),
            before,
            files: files(facts),
            files_expected: open.iter().collect::<BTreeSet<_>>().len(),
            run_down: facts.run_down.range(use_from..).map(|(day, sum)| (*day, *sum)).collect(),
            network: name,
        }
    }

    /// SHA-256 of the report as JSON: the digest of the evidence. Two reports of the same books for
    /// the same day have the same.
    ///
    /// # Errors
    /// The report cannot be written as JSON.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let digest = Sha256::digest(serde_json::to_vec(self)?);
        let bytes: [u8; 32] = digest.into();
        Ok(books::Sha256Digest(bytes).to_string())
    }
}

pub(crate) fn network_name(facts: &ExitFacts, network: NetworkId) -> String {
    let mut rails = facts.books().rail_views();
    let found = rails.find(|one| one.id == RailId::Network(network));
    found.map(|one| one.reference.to_owned()).unwrap_or_default()
}

fn affected(facts: &ExitFacts, since: BusinessDate) -> AffectedReport {
    let books = facts.books();
    let recent = |day: &BusinessDate| *day >= since;
    let sellers = facts.sellers.iter().filter(|(_, day)| recent(day));
    let firms = facts.firms.iter().filter(|(_, day)| recent(day));
    let mut sellers: Vec<String> =
        sellers.filter_map(|(id, _)| books.seller_reference(*id).map(str::to_owned)).collect();
    let mut firms: Vec<String> =
        firms.filter_map(|(id, _)| books.firm_reference(*id).map(str::to_owned)).collect();
    sellers.sort();
    firms.sort();
    let terminals = facts.terminals.values().filter(|day| recent(day)).count();
    AffectedReport { since: Some(since), terminals, sellers, firms }
}

/// The ranges of the network that no other one in use takes.
pub(crate) fn without_route(
    facts: &ExitFacts,
    name: &str,
    ranges: &[CardRangeUse],
) -> Vec<CardRangeUse> {
    let now = facts.engine.last_at();
    let in_use = |reference: &str| {
        facts.books().rail_views().any(|rail| {
            rail.reference == reference && rail.withdrawn_from.is_none_or(|from| from > now)
        })
    };
    let left = |range: &&CardRangeUse| {
        let own = range.networks.iter().any(|network| network == name);
        let others = range.networks.iter().any(|network| network != name && in_use(network));
        own && !others
    };
    ranges.iter().filter(left).cloned().collect()
}

fn pending(facts: &ExitFacts, network: NetworkId) -> Vec<PendingCount> {
    let mut counts: BTreeMap<PendingRequestKind, (usize, u128)> = BTreeMap::new();
    for one in facts.books().pending_requests() {
        if matches!(one.route, PaymentRoute::Card { network: of, .. } if of == network) {
            let (count, amount) = counts.entry(one.kind).or_default();
            *count += 1;
            *amount += u128::from(one.amount.minor());
        }
    }
    let named = counts.into_iter().map(|(kind, (count, amount))| PendingCount {
        kind: match kind {
            PendingRequestKind::Purchase => "purchase",
            PendingRequestKind::PurchaseReversal => "purchase_reversal",
            PendingRequestKind::Reversal => "reversal",
            PendingRequestKind::Void => "void",
            PendingRequestKind::VoidReversal => "void_reversal",
            PendingRequestKind::Completion => "completion",
            PendingRequestKind::CompletionReversal => "completion_reversal",
            PendingRequestKind::Advice => "advice",
            PendingRequestKind::Refund => "refund",
            PendingRequestKind::LatePaymentRefund => "late_payment_refund",
        },
        count,
        amount,
    });
    let mut named: Vec<PendingCount> = named.collect();
    let authorised = facts
        .books()
        .pre_authorisations()
        .filter(|route| matches!(route, PaymentRoute::Card { network: of, .. } if *of == network));
    let count = authorised.count();
    if count > 0 {
        named.push(PendingCount { kind: "pre_authorisation", count, amount: 0 });
    }
    named
}

/// Of the payments over a rail: collected and not received, on hold, payable or paid.
fn sellers_money(facts: &ExitFacts, rail: RailId) -> [u128; 3] {
    let books = facts.books();
    let mut sums = [0; 3];
    for parcel in books.parcels() {
        for payment in books.payments(parcel.id) {
            let place = match payment.state {
                PaymentState::Approved | PaymentState::Reversing(_) => 0,
                PaymentState::Held => 1,
                PaymentState::Released => 2,
                _ => continue,
            };
            if books.payment_rail(payment.id) == Some(rail) {
                sums[place] += u128::from(payment.amount.minor());
            }
        }
    }
    sums
}

fn refunds(facts: &ExitFacts, rail: RailId) -> Vec<TailReport> {
    use books::waiting::RefundWay;
    let books = facts.books();
    let mut tails: BTreeMap<&'static str, TailReport> = BTreeMap::new();
    for one in books.owed_refunds() {
        if books.rail_of(one.payment) != Some(rail) {
            continue;
        }
        let way = match one.way {
            RefundWay::Bank => "bank",
            RefundWay::Rail(_) => "network",
            RefundWay::AfterAnswer(_) => "after_answer",
        };
        let new = TailReport { way, count: 0, amount: 0, oldest: None };
        add_tail(tails.entry(way).or_insert(new), one.amount.minor(), one.since);
    }
    tails.into_values().collect()
}

fn chargebacks(facts: &ExitFacts, rail: RailId) -> TailReport {
    let mut tail = TailReport { way: "chargeback", count: 0, amount: 0, oldest: None };
    for one in facts.books().open_chargebacks().filter(|one| one.rail == rail) {
        add_tail(&mut tail, one.amount.minor(), one.received);
    }
    tail
}

fn add_tail(tail: &mut TailReport, amount: u64, since: BusinessDate) {
    tail.count += 1;
    tail.amount += u128::from(amount);
    tail.oldest = Some(tail.oldest.map_or(since, |oldest| oldest.min(since)));
}

fn breaks(facts: &ExitFacts, today: BusinessDate) -> Vec<ExitBreak> {
    let subject = BreakSubject::Network(facts.network);
    let open = facts.books().open_breaks().into_iter().filter(|one| one.subject == subject);
    let report = open.map(|one| {
        let amount = i128::from(one.amount.minor());
        ExitBreak {
            break_id: one.id.to_string(),
            amount: if one.side == books::BreakSide::Excess { amount } else { -amount },
            opened: one.opened,
            age_days: age_days(one.opened, today),
            owner: one.owner.to_string(),
        }
    });
    report.collect()
}

fn files(facts: &ExitFacts) -> Vec<ExitFile> {
    let files = facts.books().files_of(FileLane::Network(facts.network)).rev();
    let report = files.take(FILES_LISTED_MAX).map(|file| ExitFile {
        file: file.begun.file,
        from: file.begun.from,
        until: file.begun.until,
        lines: file.begun.lines,
        total: file.begun.total.minor().into(),
        digest: file.begun.digest.to_string(),
    });
    report.collect()
}

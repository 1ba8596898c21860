//! Small worlds whose truth is known: payments, deposits and payouts, the files about them, and
//! what is wrong with the files.

use std::collections::{BTreeMap, BTreeSet};

use money::Currency;
use recon::matching::{
    DueArrival, Lane, LaneItem, LaneItemId, LaneItemKind, MatchKeyKind, SeenFile,
};
use tariff::BusinessDate;

/// 2013-08-28.
pub const FIRST_DAY: BusinessDate = BusinessDate(15_945);
pub const NETWORK: u32 = 1;
pub const BANK: u32 = 7;

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorldFault {
    Lost,
    Doubled,
    NextDay,
    AmountChanged,
    ReferenceCut,
    ReferenceGone,
    FeeDrifts,
}

pub const LINE_FAULTS: [WorldFault; 7] = [
    WorldFault::Lost,
    WorldFault::Doubled,
    WorldFault::NextDay,
    WorldFault::AmountChanged,
    WorldFault::ReferenceCut,
    WorldFault::ReferenceGone,
    WorldFault::FeeDrifts,
];

/// Numbers that look random (SplitMix64), the same for a seed.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut one = self.0;
        one = (one ^ (one >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        one = (one ^ (one >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        one ^ (one >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn amount(&mut self, limit: u64) -> i64 {
        i64::try_from(self.below(limit) + 1).unwrap()
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            let other = usize::try_from(self.below(place as u64 + 1)).unwrap();
            list.swap(place, other);
        }
    }
}

#[derive(Default)]
pub struct MatchWorld {
    pub items: Vec<LaneItem>,
    pub files: Vec<SeenFile>,
    /// The items of the ledger that a line is really for. Empty: for none of ours.
    pub truth: BTreeMap<LaneItemId, BTreeSet<LaneItemId>>,
    pub faults: BTreeMap<LaneItemId, WorldFault>,
    /// Items of the ledger whose line was lost.
    pub lost: BTreeSet<LaneItemId>,
}

pub fn ledger_item(file: u64, line: u64, kind: LaneItemKind, amount: i64) -> LaneItem {
    let party = if file == 1 { NETWORK } else { BANK };
    let lane = if file == 1 { Lane::Network } else { Lane::Bank };
    let on = FIRST_DAY.plus_days(1);
    LaneItem {
        id: LaneItemId { lane: Lane::Ledger, file, line },
        party,
        kind,
        currency: Currency::CNY,
        amount,
        fee: None,
        booked: FIRST_DAY,
        value: None,
        due: Some(DueArrival { lane, file_day: FIRST_DAY, on }),
        keys: [None; 6],
        group: None,
    }
}

/// A line that says just what an item of the ledger expects.
pub fn line_of(item: &LaneItem, file: u64, line: u64) -> LaneItem {
    let lane = item.due.unwrap().lane;
    let booked = item.due.unwrap().file_day;
    LaneItem { id: LaneItemId { lane, file, line }, due: None, booked, group: None, ..*item }
}

impl MatchWorld {
    fn add_line(&mut self, line: LaneItem, of: &[LaneItemId]) {
        self.truth.insert(line.id, of.iter().copied().collect());
        self.items.push(line);
    }

    fn see(&mut self, lane: Lane, party: u32, day: BusinessDate) {
        let file = u64::from(day.0);
        self.files.push(SeenFile { lane, party, file, from: day, until: day });
    }

    /// Sales by card over some days, and the network's files about them, a `share` in a thousand of
    /// whose lines has a fault. One in ten sales has a twin: same STAN, second and amount.
    pub fn card_sales(numbers: &mut Numbers, sales: u64, days: u16, share: u64) -> MatchWorld {
        let mut world = MatchWorld::default();
        for day in 0..=days {
            world.see(Lane::Network, NETWORK, FIRST_DAY.plus_days(day));
        }
        let mut twin: Option<LaneItem> = None;
        for number in 1..=sales {
            let day = FIRST_DAY.plus_days(u16::try_from(number % u64::from(days)).unwrap());
            let twin_of = twin.take();
            let mut item = ledger_item(1, number, LaneItemKind::Sale, 100 * numbers.amount(50) + 1);
            item.fee = Some(item.amount * 78 / 10_000);
            item.booked = day;
            item.due =
                Some(DueArrival { lane: Lane::Network, file_day: day, on: day.plus_days(1) });
            let mut second = format!("{:06}@{}", number % 7, 1_377_000_000 + number);
            if let Some(other) = twin_of {
                item = LaneItem { id: item.id, keys: [None; 6], ..other };
                second = other.key(MatchKeyKind::StanAndSecond).unwrap().text().unwrap().to_owned();
            }
            let item = item
                .with_key(MatchKeyKind::Rrn, &format!("RRN{:09}", number * 7919))
                .with_key(MatchKeyKind::StanAndSecond, &second);
            if twin_of.is_none() && numbers.below(10) == 0 {
                twin = Some(item);
            }
            world.items.push(item);
            world.state(numbers, &item, share);
        }
        world
    }

    /// Adds the line of an item, or what a fault makes of it.
    fn state(&mut self, numbers: &mut Numbers, item: &LaneItem, share: u64) {
        let due = item.due.unwrap();
        let number = item.id.line * 10;
        let mut line = line_of(item, u64::from(due.file_day.0), number);
        if numbers.below(1_000) >= share {
            return self.add_line(line, &[item.id]);
        }
        let chosen = usize::try_from(numbers.below(LINE_FAULTS.len() as u64)).unwrap();
        let fault = LINE_FAULTS[chosen];
        match fault {
            WorldFault::Lost => {
                self.lost.insert(item.id);
                return;
            }
            WorldFault::Doubled => {
                let second = line_of(item, u64::from(due.file_day.0), number + 1);
                self.faults.insert(second.id, fault);
                self.add_line(second, &[item.id]);
                return self.add_line(line, &[item.id]);
            }
            WorldFault::NextDay => {
                line.booked = due.file_day.plus_days(1);
                line.id.file += 1;
            }
            WorldFault::AmountChanged => line.amount += numbers.amount(500),
            WorldFault::FeeDrifts => line.fee = line.fee.map(|fee| fee + 1 + numbers.amount(50)),
            WorldFault::ReferenceGone => line.keys = [None; 6],
            WorldFault::ReferenceCut => {
                let keys = line.keys;
                line.keys = [None; 6];
                for key in keys.into_iter().flatten() {
                    let text = key.text().unwrap();
                    line = line.with_key(key.kind, &text[..text.len() - 4]);
                }
            }
        }
        self.faults.insert(line.id, fault);
        self.add_line(line, &[item.id]);
    }

    /// Clearing payments, deposits and payout files, and the bank's statements about them. One in
    /// four clearing payments has no reference. A `share` in a thousand of the entries has a fault.
    pub fn bank(numbers: &mut Numbers, days: u16, share: u64) -> MatchWorld {
        let mut world = MatchWorld::default();
        let mut number = 0;
        for day in 0..=days + 3 {
            world.see(Lane::Bank, BANK, FIRST_DAY.plus_days(day));
        }
        for day in 0..days {
            let on = FIRST_DAY.plus_days(day);
            let due = DueArrival { lane: Lane::Bank, file_day: on, on: on.plus_days(1) };
            let dated = |mut item: LaneItem| {
                item.due = Some(due);
                item.booked = on;
                item
            };
            let mut next = |kind, amount| {
                number += 1;
                dated(ledger_item(2, number, kind, amount))
            };
            let name = format!("unionpay/{day}");
            let sales: Vec<LaneItem> = (0..3 + numbers.below(5))
                .map(|_| {
                    next(LaneItemKind::ClearingPayment, numbers.amount(900_000))
                        .with_key(MatchKeyKind::Counterparty, "unionpay")
                        .with_group(MatchKeyKind::ClearingDay, &name)
                })
                .collect();
            let said = if numbers.below(4) == 0 { "" } else { &name[..] };
            world.state_sum(numbers, &sales, MatchKeyKind::ClearingDay, said, share);

            let payouts: Vec<LaneItem> = (0..2 + numbers.below(4))
                .map(|_| {
                    let item = next(LaneItemKind::Payout, -numbers.amount(80_000));
                    let id = format!("9{:07}", item.id.line);
                    item.with_key(MatchKeyKind::PayoutId, &id)
                        .with_group(MatchKeyKind::PayoutFile, &format!("PAY-{day}"))
                })
                .collect();
            if numbers.below(2) == 0 {
                let file = format!("PAY-{day}");
                world.state_sum(numbers, &payouts, MatchKeyKind::PayoutFile, &file, share);
            } else {
                world.items.extend(&payouts);
                for payout in &payouts {
                    world.state(numbers, payout, share);
                }
            }
            let amount = numbers.amount(300_000);
            let item = next(LaneItemKind::CashDeposit, amount);
            let item =
                item.with_key(MatchKeyKind::DepositId, &format!("20130828{:06}", item.id.line));
            world.items.push(item);
            world.state(numbers, &item, share);
        }
        world
    }

    /// One entry for a group, or two parts of it, or what a fault makes of it.
    fn state_sum(
        &mut self,
        numbers: &mut Numbers,
        of: &[LaneItem],
        kind: MatchKeyKind,
        said: &str,
        share: u64,
    ) {
        self.items.extend(of);
        let ids: Vec<_> = of.iter().map(|item| item.id).collect();
        let sum = of.iter().map(|item| item.amount).sum();
        let file = u64::from(of[0].due.unwrap().file_day.0);
        let mut line = line_of(&of[0], file, of[0].id.line * 10);
        line.keys = [None; 6];
        if let Some(counterparty) = of[0].key(MatchKeyKind::Counterparty) {
            line.keys[0] = Some(counterparty);
        }
        line.amount = sum;
        line = line.with_group(kind, said);
        let fault = numbers.below(1_000) < share;
        match numbers.below(3) {
            0 if fault => self.lost.extend(ids),
            1 if fault => {
                line.amount += 12_345;
                self.faults.insert(line.id, WorldFault::AmountChanged);
                self.add_line(line, &ids);
            }
            2 if !said.is_empty() => {
                let mut rest = line;
                rest.id.line += 1;
                rest.amount = sum / 3;
                line.amount = sum - rest.amount;
                self.add_line(rest, &ids);
                self.add_line(line, &ids);
            }
            _ => self.add_line(line, &ids),
        }
    }
}

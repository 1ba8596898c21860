//! The matcher against small worlds whose truth is known, and against a naive oracle.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cases;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use recon::matching::outcome::{ItemStatus, ReconBreakKind};
use recon::matching::{
    CarryForward, Lane, LaneItem, LaneItemId, MatchDecision, MatchInputs, MatchKeyKind,
    MatchPolicy, Reconciliation, reconcile,
};
use tariff::BusinessDate;

use world::{FIRST_DAY, MatchWorld, Numbers, WorldFault};

const DAYS: u16 = 4;

fn long_memory() -> MatchPolicy {
    MatchPolicy { kept_days: 400, ..MatchPolicy::default() }
}

fn run(world: &MatchWorld, decisions: &[MatchDecision], day: u16) -> Reconciliation {
    run_carried(world, &world.items, &CarryForward::default(), decisions, day)
}

fn run_carried(
    world: &MatchWorld,
    items: &[LaneItem],
    carried: &CarryForward,
    decisions: &[MatchDecision],
    day: u16,
) -> Reconciliation {
    let policy = long_memory();
    let inputs = MatchInputs {
        items,
        files: &world.files,
        carried,
        decisions,
        policy: &policy,
        today: FIRST_DAY.plus_days(day),
    };
    reconcile(&inputs).unwrap()
}

/// Line and items of each match.
fn matched(result: &Reconciliation) -> BTreeMap<Vec<LaneItemId>, Vec<LaneItemId>> {
    let of = |found: &recon::matching::outcome::ItemMatch| {
        (result.members(found.stated).to_vec(), result.members(found.due).to_vec())
    };
    result.matches().iter().map(of).collect()
}

/// Matches that are not true: a line with what it is not for, or a part of a sum as the whole.
fn false_matches(world: &MatchWorld, result: &Reconciliation) -> Vec<LaneItemId> {
    let mut wrong = Vec::new();
    for (stated, due) in matched(result) {
        let due: BTreeSet<_> = due.into_iter().collect();
        wrong.extend(stated.into_iter().filter(|line| world.truth[line] != due));
    }
    wrong
}

#[derive(Default)]
struct Score {
    matched: u64,
    wrong: u64,
    /// Lines without a fault.
    clean: u64,
    clean_matched: u64,
    /// Lines that are for an item, faults included.
    true_lines: u64,
}

impl Score {
    fn add(&mut self, world: &MatchWorld, result: &Reconciliation) {
        self.wrong += false_matches(world, result).len() as u64;
        let matched: BTreeSet<_> = matched(result).into_keys().flatten().collect();
        self.matched += matched.len() as u64;
        let lines = world.truth.keys();
        self.true_lines += lines.clone().count() as u64;
        let clean: Vec<_> = lines.filter(|line| !world.faults.contains_key(line)).collect();
        self.clean += clean.len() as u64;
        self.clean_matched += clean.iter().filter(|line| matched.contains(**line)).count() as u64;
    }

    fn print(&self, name: &str) {
        let of = |part: u64, whole: u64| format!("{}/{whole} ({}‰)", part, part * 1000 / whole);
        println!(
            "{name}: precision {}, recall {}, of lines without a fault {}",
            of(self.matched - self.wrong, self.matched),
            of(self.matched - self.wrong, self.true_lines),
            of(self.clean_matched, self.clean),
        );
    }
}

#[test]
fn of_a_thousand_worlds_with_faults_no_match_is_false() {
    let (mut cards, mut banks) = (Score::default(), Score::default());
    for seed in 0..500 {
        let mut numbers = Numbers(seed);
        let world = MatchWorld::card_sales(&mut numbers, 60, DAYS, 100 + seed);
        cards.add(&world, &run(&world, &[], 20));
        let world = MatchWorld::bank(&mut numbers, DAYS, seed);
        banks.add(&world, &run(&world, &[], 20));
    }
    cards.print("card sales");
    banks.print("bank entries");
    assert_eq!(cards.wrong + banks.wrong, 0);
    assert_eq!(cards.clean_matched, cards.clean, "each line without a fault is matched");
    assert!(banks.clean_matched * 100 >= banks.clean * 95);
}

/// What must be matched in the network's lane, from the meaning: a line and an item that have a key
/// in common and contradict each other in nothing, if that can be said of no other line of the item
/// and of no other item of the line. Lines that say the same are one line and its repetitions.
fn oracle(world: &MatchWorld) -> BTreeSet<LaneItemId> {
    let (due, lines): (Vec<&LaneItem>, Vec<&LaneItem>) =
        world.items.iter().partition(|item| item.due.is_some());
    let texts = |item: &LaneItem| {
        let keys = [MatchKeyKind::Rrn, MatchKeyKind::StanAndSecond].map(|kind| item.key(kind));
        keys.map(|key| key.and_then(|key| key.text().map(str::to_owned)))
    };
    let agree = |line: &LaneItem, item: &LaneItem| {
        let pairs = texts(line).into_iter().zip(texts(item));
        let known: Vec<_> = pairs.filter_map(|(one, other)| Some(one? == other?)).collect();
        let fees = (line.fee.unwrap() - item.fee.unwrap()).abs();
        known.contains(&true) && !known.contains(&false) && line.amount == item.amount && fees <= 1
    };
    let mut matched = BTreeSet::new();
    for item in &due {
        let fitting: Vec<_> = lines.iter().filter(|line| agree(line, item)).collect();
        let said: BTreeSet<_> =
            fitting.iter().map(|line| (texts(line), line.amount, line.fee)).collect();
        let only =
            fitting.iter().all(|line| due.iter().filter(|one| agree(line, one)).count() == 1);
        if said.len() == 1 && only {
            matched.insert(item.id);
        }
    }
    matched
}

#[test]
fn the_matched_items_are_those_of_the_oracle() {
    for seed in 0..300 {
        let world = MatchWorld::card_sales(&mut Numbers(seed), 40, DAYS, 400);
        let due: BTreeSet<_> = matched(&run(&world, &[], 20)).into_values().flatten().collect();
        assert_eq!(due, oracle(&world), "seed {seed}");
    }
}

#[test]
fn each_fault_has_its_diagnosis() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let world = MatchWorld::card_sales(&mut Numbers(seed), 40, DAYS, 300);
        let result = run(&world, &[], 20);
        for (line, fault) in &world.faults {
            let status = result.explain(*line).unwrap().status;
            let kind = match status {
                ItemStatus::Broken(found) => Some(found.kind),
                ItemStatus::Matched(_) => None,
                ItemStatus::Awaited(_) => panic!("{fault:?} is awaited"),
            };
            let expected = match fault {
                WorldFault::NextDay => None,
                WorldFault::Doubled => Some(ReconBreakKind::Duplicate),
                WorldFault::AmountChanged => Some(ReconBreakKind::AmountDiffers),
                WorldFault::FeeDrifts => Some(ReconBreakKind::FeeDrift),
                WorldFault::ReferenceCut => Some(ReconBreakKind::UnknownReference),
                WorldFault::ReferenceGone => Some(ReconBreakKind::NoReference),
                WorldFault::Lost => unreachable!("a lost line is no line"),
            };
            assert_eq!(kind, expected, "seed {seed}, {fault:?}");
            let suggested = result.suggestions().iter().any(|one| one.stated.contains(line));
            assert_eq!(suggested, *fault == WorldFault::ReferenceCut, "seed {seed}, {fault:?}");
            seen.insert(*fault);
        }
        for item in &world.lost {
            let ItemStatus::Broken(found) = result.explain(*item).unwrap().status else {
                panic!("seed {seed}: a lost line has no break");
            };
            assert_eq!(found.kind, ReconBreakKind::LateItem);
        }
    }
    assert_eq!(seen.len(), world::LINE_FAULTS.len() - 1);
}

/// Sums of each file, counted from the lines alone.
fn sums_of_files(items: &[LaneItem]) -> BTreeMap<(Lane, u64), (u64, i128)> {
    let mut sums: BTreeMap<_, (u64, i128)> = BTreeMap::new();
    for item in items {
        let sum = sums.entry((item.id.lane, item.id.file)).or_default();
        sum.0 += 1;
        sum.1 += i128::from(item.amount);
    }
    sums
}

fn world_of(seed: u64, of_bank: bool) -> MatchWorld {
    match of_bank {
        true => MatchWorld::bank(&mut Numbers(seed), DAYS, 300),
        false => MatchWorld::card_sales(&mut Numbers(seed), 30, DAYS, 400),
    }
}

/// The result without the numbers of files: what is together, and why not the rest.
fn shape(result: &Reconciliation, file_of: impl Fn(LaneItemId) -> LaneItemId) -> BTreeSet<String> {
    let name = |range| {
        let mut ids: Vec<_> = result.members(range).iter().map(|id| file_of(*id)).collect();
        ids.sort_unstable();
        format!("{ids:?}")
    };
    let matches = result.matches().iter().map(|found| {
        format!("{:?} {} {} {:?}", found.rule, name(found.stated), name(found.due), found.tolerated)
    });
    let breaks = result.breaks().iter().map(|found| {
        let (stated, due) = (name(found.stated), name(found.due));
        format!("{:?} {stated} {due} {}", found.kind, found.difference)
    });
    let awaited = result.awaited().iter().map(|one| format!("{:?} {}", file_of(one.item), one.by));
    matches.chain(breaks).chain(awaited).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn order_split_and_rerun_change_nothing(
        seed in 0_u64..10_000,
        of_bank: bool,
        day in 0_u16..8,
        parts in 2_u64..5,
    ) {
        let world = world_of(seed, of_bank);
        let first = run(&world, &[], day);

        // M15, counted from the lines.
        for totals in first.totals() {
            let parts = [totals.matched, totals.awaited, totals.broken];
            let items: u64 = parts.iter().map(|part| part.items).sum();
            let amount: i128 = parts.iter().map(|part| part.amount).sum();
            let of_file = sums_of_files(&world.items)[&(totals.lane, totals.file)];
            prop_assert_eq!((items, amount), of_file);
        }

        let mut shuffled = world.items.clone();
        Numbers(seed ^ 1).shuffle(&mut shuffled);
        let again = run_carried(&world, &shuffled, &CarryForward::default(), &[], day);
        prop_assert_eq!(first.digest(), again.digest());

        let policy = long_memory();
        let seen = world.files.iter().copied().collect();
        let carried = CarryForward::after(&first, &seen, &policy, FIRST_DAY.plus_days(day));
        let rerun = run_carried(&world, &world.items, &carried, &[], day);
        prop_assert_eq!(first.digest(), rerun.digest());
        let only_carried = run_carried(&world, &[], &carried, &[], day);
        prop_assert_eq!(first.digest(), only_carried.digest());
        let kept: CarryForward =
            borsh::from_slice(&borsh::to_vec(&carried).unwrap()).unwrap();
        prop_assert_eq!(&kept, &carried);

        // Each file is given in parts. Lines keep their order.
        let mut split = MatchWorld { files: Vec::new(), ..world_of(seed, of_bank) };
        for item in split.items.iter_mut().filter(|item| item.due.is_none()) {
            item.id.file = item.id.file * 10 + item.id.line % parts;
        }
        for file in &world.files {
            split.files.extend((0..parts).map(|part| recon::matching::SeenFile {
                file: file.file * 10 + part,
                ..*file
            }));
        }
        let split = run(&split, &[], day);
        let whole = |id: LaneItemId| match id.lane {
            Lane::Ledger => id,
            _ => LaneItemId { file: id.file / 10, ..id },
        };
        // Lines that say the same are told apart by their place alone.
        let without_twins = !world.faults.values().any(|fault| *fault == WorldFault::Doubled);
        if without_twins {
            prop_assert_eq!(shape(&split, whole), shape(&first, |id| id));
        }
        prop_assert_eq!(split.matches().len(), first.matches().len());
        prop_assert_eq!(split.breaks().len(), first.breaks().len());
    }

    #[test]
    fn day_by_day_nothing_false_is_matched(seed in 0_u64..10_000, of_bank: bool) {
        let world = world_of(seed, of_bank);
        let policy = long_memory();
        let mut carried = CarryForward::default();
        let mut last = None;
        for day in 0..20 {
            let today = FIRST_DAY.plus_days(day);
            let items: Vec<_> =
                world.items.iter().filter(|item| item.booked == today).copied().collect();
            let files: Vec<_> =
                world.files.iter().filter(|file| file.until == today).copied().collect();
            let inputs = MatchInputs {
                items: &items,
                files: &files,
                carried: &carried,
                decisions: &[],
                policy: &policy,
                today,
            };
            let result = reconcile(&inputs).unwrap();
            prop_assert_eq!(false_matches(&world, &result), Vec::new());
            let mut seen = carried.files.clone();
            seen.extend(files);
            carried = CarryForward::after(&result, &seen, &policy, today);
            last = Some(result);
        }
        let once = run(&world, &[], 19);
        if !of_bank {
            prop_assert_eq!(matched(&last.unwrap()), matched(&once));
        }
    }

    #[test]
    fn what_people_decided_stands_in_every_rerun(seed in 0_u64..10_000, of_bank: bool) {
        let world = world_of(seed, of_bank);
        let first = run(&world, &[], 20);
        let line = first.breaks().iter().flat_map(|found| first.members(found.stated)).next();
        let item = first.breaks().iter().flat_map(|found| first.members(found.due)).next();
        let apart = matched(&first).into_iter().next();
        let (Some(line), Some(item), Some((lines, items))) = (line, item, apart) else {
            return Ok(());
        };
        let mut decisions = vec![
            MatchDecision::Match { stated: vec![*line], due: vec![*item] },
            MatchDecision::Never { stated: lines[0], due: items[0] },
        ];
        let today = FIRST_DAY.plus_days(20);
        let seen = world.files.iter().copied().collect();
        let mut carried = CarryForward::after(&first, &seen, &long_memory(), today);
        let mut digests = BTreeSet::new();
        for _ in 0..3 {
            let result = run_carried(&world, &world.items, &carried, &decisions, 20);
            let found = matched(&result);
            prop_assert_eq!(&found[&vec![*line]], &vec![*item]);
            let kept_apart = found.iter().all(|(stated, due)| {
                !(stated.contains(&lines[0]) && due.contains(&items[0]))
            });
            prop_assert!(kept_apart);
            digests.insert(result.digest());
            carried = CarryForward::after(&result, &seen, &long_memory(), today);
            decisions.reverse();
        }
        prop_assert_eq!(digests.len(), 1);
    }
}

#[test]
fn a_due_day_counts_business_days_from_the_cut_off() {
    use recon::matching::days::{ClosedDays, DueRule};
    // 2013-08-28 is a Wednesday. The Thursday is a holiday, the Saturday makes up for it.
    let closed = ClosedDays {
        weekdays: [5, 6].into(),
        holidays: [BusinessDate(15_946)].into(),
        extra_days: [BusinessDate(15_948)].into(),
    };
    let rule = DueRule { cut_off_s: 82_800, business_days: 2, closed };
    let day = |text: &str| text.parse::<BusinessDate>().unwrap();
    let wednesday = day("2013-08-28");
    assert_eq!(rule.due(wednesday, 82_799), (wednesday, day("2013-08-31")));
    assert_eq!(rule.due(wednesday, 82_800), (day("2013-08-29"), day("2013-09-02")));
}

/// The rows of the items of one side, given in two parts.
fn join_rows(items: &[LaneItem], due: bool) -> [recon::join::JoinRows; 2] {
    use recon::join::{JoinRow, JoinRows, NO_FEE, request_key};
    let mut parts = [JoinRows::default(), JoinRows::default()];
    for (number, item) in items.iter().enumerate().filter(|(_, item)| item.due.is_some() == due) {
        let text = |kind| item.key(kind).unwrap().text().unwrap().to_owned();
        let rrn = text(MatchKeyKind::Rrn).into_bytes().try_into().unwrap();
        let numbers = text(MatchKeyKind::StanAndSecond);
        let (stan, second) = numbers.split_once('@').unwrap();
        let stan = stan.parse::<u32>().unwrap() + 1;
        let key = request_key(&rrn, stan, second.parse().unwrap(), item.kind).unwrap();
        let fee = item.fee.map_or(NO_FEE, |fee| i32::try_from(fee).unwrap());
        let number = u32::try_from(number).unwrap();
        parts[(number % 2) as usize].push(JoinRow { key, amount: item.amount, fee, number });
    }
    parts
}

#[test]
fn the_join_with_what_it_leaves_over_finds_what_the_rules_find() {
    use recon::join::{Join, JoinScratch, PARTITIONS, RowsFrom};
    for seed in 0..60 {
        let mut world = MatchWorld::card_sales(&mut Numbers(seed), 60, DAYS, 400);
        // The join takes lines with whole keys only.
        let is_whole = |item: &LaneItem| {
            item.key(MatchKeyKind::Rrn).is_some_and(|key| key.text().unwrap().len() == 12)
        };
        world.items.retain(is_whole);
        let whole = run(&world, &[], 20);

        let (stated, due) = (join_rows(&world.items, false), join_rows(&world.items, true));
        let from = |rows| RowsFrom { rows, first_number: 0 };
        let (stated, due) = (stated.each_ref().map(from), due.each_ref().map(from));
        let join = Join { stated: &stated, due: &due };
        let mut scratch = JoinScratch::default();
        let (mut pairs, mut left) = (BTreeMap::new(), Vec::new());
        let id = |number: u32| world.items[number as usize].id;
        for partition in (0..PARTITIONS).rev() {
            let joined = join.partition(partition, &mut scratch);
            pairs
                .extend(joined.pairs.iter().map(|(line, item)| (vec![id(*line)], vec![id(*item)])));
            left.extend(joined.left.iter().map(|left| world.items[left.row.number as usize]));
        }
        let of_join = pairs.len();
        let rest = run_carried(&world, &left, &CarryForward::default(), &[], 20);
        pairs.extend(matched(&rest));
        assert_eq!(pairs, matched(&whole), "seed {seed}");
        assert_eq!(rest.breaks().len(), whole.breaks().len());
        assert!(of_join > 20);
    }
}

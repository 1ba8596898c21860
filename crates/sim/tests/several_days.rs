//! Several days on the same books, against a bare engine.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;

use books::{BusinessDate, Command, HoldRule, ParcelId, PaymentId, SellerId, Timestamp};
use engine::{Actor, CommandOutcome, Engine, Submission};
use money::{Amount, Currency};
use sim::{
    Backend, BackendReply, DayError, DayInputError, DayInputs, DayOptions, EnginePosition,
    OrderSource, ParcelLocation, PaymentMix, Query, QueryResult, RailItem, ResumedDay,
    SimulatedDay, SimulatedDays, WorldReport, compare, compare_networks, generate_orders_of_day,
};
use tariff::{CardKind, PaymentMethod};

#[path = "several_days/counterparty_files.rs"]
mod counterparty_files;

const TARIFF: &str = include_str!("../../../tariffs/china-2013.toml");

/// A Monday.
const FIRST_DATE: &str = "2013-11-11";
/// The day whose night belongs to a Friday, on which weekly sellers are paid.
const THURSDAY: usize = 4;

const CARD: PaymentMix = PaymentMix::Only(PaymentMethod::Card(CardKind::Debit));

fn date(days_later: u16) -> BusinessDate {
    FIRST_DATE.parse::<BusinessDate>().expect("a date").plus_days(days_later)
}

/// The inputs of the day with this number, from 1.
fn inputs(day: u32, parcels: usize, seed: u64) -> DayInputs {
    let orders = generate_orders_of_day(day, parcels, seed, Currency::CNY);
    let tariffs = tariff::file::parse(TARIFF).expect("a tariff file");
    DayInputs {
        date: date(u16::try_from(day - 1).expect("a few days")),
        utc_offset_minutes: 480,
        time_zone: None,
        currency: Currency::CNY,
        tariff: tariffs.in_currency(Currency::CNY).expect("it has yuan").clone(),
        tariff_text: TARIFF.into(),
        class: "general".into(),
        parcels: orders.into_iter().map(|order| order.parcel).collect(),
        order_source: OrderSource::Generated,
        others: Vec::new(),
        ordered: Default::default(),
    }
}

fn assert_equal(day: &SimulatedDay, engine: &Engine, what: &str) {
    if let Err(wrong) = engine.check() {
        panic!("{what}: {}", wrong.join("\n"));
    }
    assert_eq!(compare(&day.world, engine.books()), [], "{what}");
    for network in compare_networks(&day.world, engine.books()) {
        assert_eq!(network.differences, [""; 0], "{what}");
        assert_eq!(network.unknown, 0, "{what}");
    }
}

/// The engine, beside the simulation that uses it.
struct Shared<'e>(&'e RefCell<Engine>);

impl Backend for Shared<'_> {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Infallible> {
        self.0.borrow_mut().carry_out(commands)
    }

    fn query(&mut self, asked: Vec<Query>) -> Result<Vec<QueryResult>, Infallible> {
        self.0.borrow_mut().query(asked)
    }
}

/// Lives days and compares the books with the world after each.
fn live(days: &[DayInputs], options: &DayOptions) -> (Vec<SimulatedDay>, Engine) {
    let engine = RefCell::new(Engine::default());
    let mut office = Shared(&engine);
    let mut progress = |_| ();
    let what = |index: usize| format!("seed {}, day {}", options.seed, index + 1);
    let (mut simulation, first) =
        SimulatedDays::first_day(&days[0], options, &mut office, &mut progress)
            .unwrap_or_else(|error| panic!("{}: {error}", what(0)));
    assert_equal(&first, &engine.borrow(), &what(0));
    let mut lived = vec![first];
    for (index, day) in days.iter().enumerate().skip(1) {
        let next = simulation.next_day(day, options);
        let next = next.unwrap_or_else(|error| panic!("{}: {error}", what(index)));
        assert_equal(&next, &engine.borrow(), &what(index));
        lived.push(next);
    }
    drop(simulation);
    (lived, engine.into_inner())
}

fn week(parcels: usize, seed: u64) -> Vec<DayInputs> {
    (1..=7).map(|day| inputs(day, parcels, seed)).collect()
}

#[test]
fn a_week_is_equal_to_its_world_after_each_day() {
    for faults_percent in [0, 100, 400] {
        for seed in 1..=3 {
            let hold_rule =
                [HoldRule::AtOnce, HoldRule::DaysAfterDelivery(2), HoldRule::DaysAfterHeld(3)]
                    [usize::try_from(seed - 1).expect("a small seed")];
            let options = DayOptions {
                seed,
                faults_percent,
                hold_rule,
                weekly_sellers_ppm: 250_000,
                ..DayOptions::default()
            };
            let (lived, _) = live(&week(120, seed), &options);
            let [first, last] = [&lived[0], &lived[6]].map(|day| day.report.counts);
            let again = lived[6].report.incidents.shipped_again;
            assert_eq!(last.announced, 7 * 120 + again);
            assert!(last.delivered > 5 * first.delivered, "seed {seed}: {last:?}");
            assert_eq!(last.returned + last.lost, last.refused, "seed {seed}");
        }
    }
}

/// How often each exception happened by the end of a day.
fn exceptions(day: &SimulatedDay) -> [u64; 6] {
    let incidents = day.report.incidents;
    let items = day.world.rails.iter().flat_map(|rail| rail.unbooked.values());
    let paid_back = items.filter(|item| item.taken_back > 0).count() as u64;
    [
        incidents.sales_rejected,
        incidents.sales_suspended,
        incidents.compensated,
        incidents.shipped_again,
        day.report.counts.lost,
        paid_back,
    ]
}

#[test]
fn what_seldom_happens_also_happens_on_later_days() {
    let mut later = [0; 6];
    for (bearer, hold) in [("firm", 3), ("doorstep", 2)] {
        let losses = format!("\noffline_loss = \"{bearer}\"\nfrom = ");
        let tariff_text = TARIFF.replace("\nfrom = ", &losses);
        let tariffs = tariff::file::parse(&tariff_text).expect("a tariff file");
        let tariff = tariffs.in_currency(Currency::CNY).expect("it has yuan");
        let mut days = week(800, hold);
        for day in &mut days {
            (day.tariff, day.tariff_text) = (tariff.clone(), tariff_text.as_str().into());
        }
        let days_held = u16::try_from(hold).expect("a few days");
        let options = DayOptions {
            seed: hold,
            faults_percent: 1_000,
            payment_mix: CARD,
            hold_rule: HoldRule::DaysAfterHeld(days_held),
            ..DayOptions::default()
        };
        let (lived, _) = live(&days, &options);
        let [first, last] = [&lived[0], &lived[6]].map(exceptions);
        for (later, (first, last)) in later.iter_mut().zip(first.into_iter().zip(last)) {
            *later += last - first;
        }
        // A shipment of the first night is taken out on the second day.
        let night: Vec<_> = lived[0].world.parcels.iter().map(|one| one.parcel).collect();
        let again = night.iter().filter(|one| night.contains(&one.shipment(2)));
        let again: Vec<_> = again.filter(|one| is_delivered(&lived[1], one.shipment(2))).collect();
        assert!(!again.is_empty(), "{bearer}");
    }
    assert!(later.iter().all(|times| *times > 0), "{later:?}");
}

fn is_delivered(day: &SimulatedDay, parcel: ParcelId) -> bool {
    location(day, parcel) == ParcelLocation::Delivered
}

#[test]
fn held_money_is_released_on_its_day() {
    let options = DayOptions {
        payment_mix: CARD,
        refusals_ppm: 0,
        faults_percent: 0,
        hold_rule: HoldRule::DaysAfterDelivery(2),
        ..DayOptions::default()
    };
    let days: Vec<DayInputs> = (1..=4).map(|day| inputs(day, 50 * day as usize, 1)).collect();
    let (lived, _) = live(&days, &options);
    // The night of day 2 belongs to the second day after day 1.
    let released: Vec<u64> = lived.iter().map(|day| day.report.counts.released).collect();
    assert_eq!(released, [0, 50, 150, 300]);
    let held = |day: &SimulatedDay| day.world.sellers.iter().map(|one| one.held).sum::<i128>();
    let earned = |day: &SimulatedDay| day.world.sellers.iter().map(|one| one.earned).sum::<i128>();
    assert_eq!(held(&lived[0]), earned(&lived[0]));
    assert_eq!(held(&lived[3]), earned(&lived[3]) - earned(&lived[2]));
    let paid: Vec<i128> =
        lived.iter().map(|day| day.world.sellers.iter().map(|one| one.paid).sum()).collect();
    assert_eq!(paid[1..], [earned(&lived[0]), earned(&lived[1]), earned(&lived[2])]);
}

#[test]
fn weekly_sellers_are_paid_on_fridays_and_the_others_daily() {
    let weekly = |seller: SellerId| seller.0 % 1_000_000 < 400_000;
    let options = DayOptions {
        weekly_sellers_ppm: 400_000,
        faults_percent: 0,
        refusals_ppm: 0,
        ..DayOptions::default()
    };
    let (lived, _) = live(&week(100, 5), &options);
    let mut before = 0;
    for (number, day) in (1..).zip(&lived) {
        let new = &day.report.payouts[before..];
        before = day.report.payouts.len();
        let (of_weekly, of_daily): (Vec<SellerId>, Vec<SellerId>) =
            new.iter().map(|payout| payout.line.seller).partition(|seller| weekly(*seller));
        assert!(!of_daily.is_empty(), "day {number}");
        assert_eq!(of_weekly.is_empty(), number != THURSDAY, "day {number}: {of_weekly:?}");
        for seller in &day.world.sellers {
            let is_due = number == THURSDAY || !weekly(seller.seller);
            let payable = seller.earned - seller.held - seller.paid;
            assert!(payable <= 0 || !is_due, "day {number}: {seller:?} was not paid");
        }
    }
}

/// The rails' items of payments requested on the first day, by payment.
fn items_of_first_day(world: &WorldReport) -> Vec<(PaymentId, RailItem)> {
    let items = world.rails.iter().flat_map(|rail| &rail.items);
    let of_first = items.filter(|(_, item)| item.requested_on == date(0));
    of_first.map(|(payment, item)| (*payment, *item)).collect()
}

#[test]
fn a_refund_of_next_week_and_a_chargeback_of_next_month_find_their_payments() {
    let parcels = |day| if day == 1 { 600 } else { 6 };
    let days: Vec<DayInputs> = (1..=37).map(|day| inputs(day, parcels(day), 2)).collect();
    let options = DayOptions { seed: 2, faults_percent: 400, ..DayOptions::default() };
    let (lived, engine) = live(&days, &options);
    // Payments of the first day that lose money on a later one: on which day, and whether in full.
    let (mut refunded, mut charged_back) = (BTreeSet::new(), BTreeSet::new());
    for (number, pair) in (2..).zip(lived.windows(2)) {
        let before = items_of_first_day(&pair[0].world).into_iter();
        for ((payment, was), (_, is)) in before.zip(items_of_first_day(&pair[1].world)) {
            let view = engine.books().payments(payment.parcel);
            let view = view.iter().find(|view| view.id == payment).expect("the books have it");
            match is.taken_back - was.taken_back {
                0 => {}
                part => {
                    assert_eq!(view.refunded.minor(), is.taken_back);
                    let days = if part == is.amount { &mut refunded } else { &mut charged_back };
                    days.insert(number);
                }
            }
        }
    }
    assert!(!refunded.is_empty() && refunded.iter().all(|day| (2..=7).contains(day)));
    let month_later = |day: &i32| (25..=35).contains(day);
    assert!(!charged_back.is_empty() && charged_back.iter().all(month_later), "{charged_back:?}");
}

fn location(day: &SimulatedDay, parcel: ParcelId) -> ParcelLocation {
    let found = day.world.parcels.iter().find(|one| one.parcel == parcel);
    found.expect("the world has the parcel").location
}

#[test]
fn what_was_not_delivered_goes_out_again_the_next_day() {
    let first = inputs(1, 300, 2);
    let most = first.parcels.iter().map(|parcel| parcel.due).max().expect("there are parcels");
    let days = [first, inputs(2, 5, 2), inputs(3, 5, 2)];
    // The limit is a few parcels: couriers spend most of the day on the way to the hub.
    let options = DayOptions {
        payment_mix: PaymentMix::Only(PaymentMethod::Cash),
        cash_limit: Some(Amount::of(most.minor() / 8)),
        parcels_per_courier: 100,
        refusals_ppm: 0,
        faults_percent: 0,
        ..DayOptions::default()
    };
    let (lived, _) = live(&days, &options);
    let left = |day: &SimulatedDay| -> Vec<ParcelId> {
        let left = day.world.parcels.iter().filter(|one| one.location == ParcelLocation::AtHub);
        left.map(|one| one.parcel).collect()
    };
    let of_first = left(&lived[0]);
    assert!(!of_first.is_empty());
    let last = lived.last().expect("three days");
    let ended = of_first.iter().filter(|parcel| {
        matches!(location(last, **parcel), ParcelLocation::Delivered | ParcelLocation::Returned)
    });
    assert_eq!(ended.count(), of_first.len());
}

#[test]
fn a_parcel_whose_payment_was_reversed_in_the_night_is_paid_again() {
    let (mut out, mut paid_again) = (0, 0);
    for seed in 1..=4 {
        let days = [inputs(1, 300, seed), inputs(2, 30, seed)];
        let options = DayOptions { seed, faults_percent: 1000, ..DayOptions::default() };
        let (lived, _) = live(&days, &options);
        let with_courier = lived[0].world.parcels.iter();
        for parcel in with_courier.filter(|one| one.location == ParcelLocation::WithCourier) {
            out += 1;
            let next = location(&lived[1], parcel.parcel);
            paid_again += u32::from(next == ParcelLocation::Delivered);
        }
    }
    assert!(out > 0 && paid_again > 0, "{paid_again} of {out}");
}

/// A backend that fails after a number of calls, in the middle of the next one.
struct FailingBackend {
    books: Engine,
    calls: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct BackendFailure;

impl Backend for FailingBackend {
    type Error = BackendFailure;

    fn carry_out(
        &mut self,
        mut commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, BackendFailure> {
        let fails = self.calls == 0;
        if fails {
            commands.truncate(commands.len() / 2);
        }
        self.calls = self.calls.saturating_sub(1);
        let Ok(answers) = self.books.carry_out(commands);
        if fails { Err(BackendFailure) } else { Ok(answers) }
    }

    fn query(&mut self, asked: Vec<Query>) -> Result<Vec<QueryResult>, BackendFailure> {
        let Ok(facts) = self.books.query(asked);
        Ok(facts)
    }
}

/// Lives three days on a backend; the third may fail.
fn three_days<O: Backend>(
    office: &mut O,
    days: &[DayInputs],
    options: &DayOptions,
) -> Result<SimulatedDay, DayError<O::Error>> {
    let mut progress = |_| ();
    let (mut simulation, _) = SimulatedDays::first_day(&days[0], options, office, &mut progress)?;
    simulation.next_day(&days[1], options)?;
    simulation.next_day(&days[2], options)
}

#[test]
fn a_third_day_that_was_interrupted_goes_on() {
    let days: Vec<DayInputs> = (1..=3).map(|day| inputs(day, 80, 6)).collect();
    let options = DayOptions { seed: 6, faults_percent: 300, ..DayOptions::default() };
    let (lived, engine) = live(&days, &options);
    let [second, third] = [&lived[1], &lived[2]].map(|day| day.report.calls);
    for calls in [second, second + 1, second + (third - second) / 2, third - 1] {
        let mut office = FailingBackend { books: Engine::default(), calls };
        let result = three_days(&mut office, &days, &options);
        assert!(matches!(result, Err(DayError::Backend(BackendFailure))), "{calls} calls");
        let position = EnginePosition::of(&office.books);
        let mut office = ResumedDay::new(office.books, Engine::default(), position);
        let day = three_days(&mut office, &days, &options).expect("the day goes on");
        let continued = office.finish().expect("the books have these days");
        assert_eq!((&day, continued.digest()), (&lived[2], engine.digest()), "{calls} calls");
    }
}

/// Parcels that others announce for a seller of the first day.
fn announced_by_others(day: &DayInputs) -> Vec<Command> {
    let seller = day.parcels[0].seller_id();
    let announce = |number: u32| {
        let reference = format!("imported-{number}");
        Command::AnnounceParcel(books::AnnounceParcel {
            parcel: ParcelId::derived(seller, &reference),
            seller,
            currency: Currency::CNY,
            due: Amount::of(10_000),
            reference,
            shipment: 1,
        })
    };
    (1..=5).map(announce).collect()
}

#[test]
fn orders_that_others_announce_between_two_days_are_delivered_also_after_an_interruption() {
    let mut days = [inputs(1, 40, 4), inputs(2, 40, 4), inputs(3, 10, 4)];
    days[1].others = announced_by_others(&days[0]);
    let options = DayOptions {
        refusals_ppm: 0,
        faults_percent: 0,
        ..DayOptions { seed: 4, ..DayOptions::default() }
    };
    let engine = RefCell::new(Engine::default());
    let (mut office, mut progress) = (Shared(&engine), |_| ());
    let (mut simulation, _) =
        SimulatedDays::first_day(&days[0], &options, &mut office, &mut progress).unwrap();
    let at = engine.borrow().last_at();
    let submissions = days[1].others.iter().cloned();
    let others: Vec<(Timestamp, Submission)> =
        submissions.map(|command| (at, Submission::new(Actor::System, command))).collect();
    for (at, submission) in &others {
        let applied = engine.borrow_mut().apply(submission, *at, &mut CommandOutcome::default());
        applied.expect("others announce parcels");
    }
    let second = simulation.next_day(&days[1], &options).unwrap();
    assert_equal(&second, &engine.borrow(), "with the parcels of others");
    let imported = days[1].others.iter().filter_map(|command| match command {
        Command::AnnounceParcel(announced) => Some(announced.parcel),
        _ => None,
    });
    for parcel in imported {
        assert_eq!(location(&second, parcel), ParcelLocation::Delivered);
    }
    let third = simulation.next_day(&days[2], &options).unwrap();
    drop(simulation);
    let (position, digest) = (EnginePosition::of(&engine.borrow()), engine.borrow().digest());
    // Without what others gave, the books are those of other days.
    let replay = |others| {
        let office = ResumedDay::new(Shared(&engine), Engine::default(), position);
        let mut office = office.with_others(vec![Vec::new(), others]);
        let day = three_days(&mut office, &days, &options);
        day.is_ok_and(|day| day == third) && office.finish().is_ok()
    };
    assert!(replay(others));
    assert!(!replay(Vec::new()));
    assert_eq!(engine.borrow().digest(), digest, "nothing was carried out again");
}

#[test]
fn a_later_day_that_does_not_fit_is_refused() {
    let engine = RefCell::new(Engine::default());
    let (mut office, mut progress) = (Shared(&engine), |_| ());
    let options = DayOptions { faults_percent: 0, ..DayOptions::default() };
    let (mut simulation, _) =
        SimulatedDays::first_day(&inputs(1, 20, 1), &options, &mut office, &mut progress).unwrap();
    let mut refused =
        |day: &DayInputs, options: &DayOptions| match simulation.next_day(day, options) {
            Err(DayError::Input(error)) => error,
            other => panic!("{other:?}"),
        };
    let day = inputs(2, 20, 1);
    let same_date = DayInputs { date: date(0), ..day.clone() };
    let before = date(0);
    assert_eq!(refused(&same_date, &options), DayInputError::DateTooEarly { before });
    let later = DayOptions { hold_rule: HoldRule::DaysAfterHeld(1), ..options.clone() };
    let what = "hold and cycle";
    assert_eq!(refused(&day, &later), DayInputError::ChangedLater { what });
    let more = DayOptions { firms: 4, ..options.clone() };
    let what = "number of firms";
    assert_eq!(refused(&day, &more), DayInputError::ChangedLater { what });
    let release = Command::ReleaseDue(books::ReleaseDue { date: date(1), limit: 1 });
    let unknown = DayInputs { others: vec![release], ..day };
    let name = "ReleaseDue";
    assert_eq!(refused(&unknown, &options), DayInputError::UnknownToWorld { name });
}

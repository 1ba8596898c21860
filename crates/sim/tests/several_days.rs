//! Several days on the same books, against a bare engine.

use engine::Engine;
use money::Currency;
use sim::{
    DayInputs, DayOptions, OrderSource, SimulatedDay, SimulatedDays, compare, compare_networks,
    generate_orders_of_day,
};

const TARIFF: &str = include_str!("../../../tariffs/china-2013.toml");

/// A Monday.
const FIRST_DATE: &str = "2013-11-11";

/// The inputs of the day with this number, from 1.
fn inputs(day: u32, parcels: usize, seed: u64) -> DayInputs {
    let orders = generate_orders_of_day(day, parcels, seed, Currency::CNY);
    let tariffs = tariff::file::parse(TARIFF).expect("a tariff file");
    let first: books::BusinessDate = FIRST_DATE.parse().expect("a date");
    DayInputs {
        date: first.plus_days(u16::try_from(day - 1).expect("a few days")),
        utc_offset_minutes: 480,
        time_zone: None,
        currency: Currency::CNY,
        tariff: tariffs.in_currency(Currency::CNY).expect("it has yuan").clone(),
        tariff_text: TARIFF.into(),
        class: "general".into(),
        parcels: orders.into_iter().map(|order| order.parcel).collect(),
        order_source: OrderSource::Generated,
        others: Vec::new(),
    }
}

fn assert_equal(day: &SimulatedDay, engine: &Engine, what: &str) {
    if let Err(wrong) = engine.check() {
        panic!("{what}: {}", wrong.join("\n"));
    }
    assert_eq!(compare(&day.world, engine.books()), [], "{what}");
    for network in compare_networks(&day.world, engine.books()) {
        assert_eq!(network.differences, [""; 0], "{what}");
    }
}

/// The engine, beside the simulation that uses it.
struct Shared<'e>(&'e std::cell::RefCell<Engine>);

impl sim::Backend for Shared<'_> {
    type Error = std::convert::Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(books::Timestamp, engine::Submission)>,
    ) -> Result<Vec<sim::BackendReply>, Self::Error> {
        self.0.borrow_mut().carry_out(commands)
    }

    fn query(&mut self, asked: Vec<sim::Query>) -> Result<Vec<sim::QueryResult>, Self::Error> {
        self.0.borrow_mut().query(asked)
    }
}

/// Lives days and compares the books with the world after each.
fn live(
    days: u32,
    parcels: impl Fn(u32) -> usize,
    options: &DayOptions,
) -> (Vec<SimulatedDay>, Engine) {
    let engine = std::cell::RefCell::new(Engine::default());
    let mut office = Shared(&engine);
    let mut progress = |_| ();
    let of = |day| inputs(day, parcels(day), options.seed);
    let what = |day| format!("seed {}, day {day}", options.seed);
    let (mut simulation, first) =
        SimulatedDays::first_day(&of(1), options, &mut office, &mut progress)
            .unwrap_or_else(|error| panic!("{}: {error}", what(1)));
    assert_equal(&first, &engine.borrow(), &what(1));
    let mut lived = vec![first];
    for day in 2..=days {
        let next = simulation
            .next_day(&of(day), options)
            .unwrap_or_else(|error| panic!("{}: {error}", what(day)));
        assert_equal(&next, &engine.borrow(), &what(day));
        lived.push(next);
    }
    drop(simulation);
    (lived, engine.into_inner())
}

#[test]
fn a_week_is_equal_to_its_world_after_each_day() {
    for faults_percent in [0, 100, 400] {
        for seed in 1..=3 {
            live(7, |_| 120, &DayOptions { seed, faults_percent, ..DayOptions::default() });
        }
    }
}

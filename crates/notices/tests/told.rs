//! Who is told what of a simulated day, beside the world in which it happened.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use books::Timestamp;
use engine::{Applied, CommandOutcome, Engine, Submission};
use money::Currency;
use notices::{Announcement, Announcer, NoticeEventSpec};
use sim::{
    Backend, BackendReply, BankLineKind, DayInputs, DayOptions, OrderSource, Query, QueryResult,
    SimulatedDay, SimulatedDays, generate_orders_of_day,
};

const TARIFF: &str = include_str!("../../../tariffs/china-2013.toml");

/// An engine that remembers the commands that it is given.
struct Recorded<'e>(&'e RefCell<(Engine, Vec<(Timestamp, Submission)>)>);

impl Backend for Recorded<'_> {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Infallible> {
        let mut both = self.0.borrow_mut();
        both.1.extend(commands.iter().cloned());
        both.0.carry_out(commands)
    }

    fn query(&mut self, asked: Vec<Query>) -> Result<Vec<QueryResult>, Infallible> {
        self.0.borrow_mut().0.query(asked)
    }
}

fn inputs(day: u16, seed: u64) -> DayInputs {
    let orders = generate_orders_of_day(day.into(), 150, seed, Currency::CNY);
    let tariffs = tariff::file::parse(TARIFF).unwrap();
    let first: books::BusinessDate = "2013-11-11".parse().unwrap();
    DayInputs {
        date: first.plus_days(day - 1),
        utc_offset_minutes: 480,
        time_zone: None,
        currency: Currency::CNY,
        tariff: tariffs.in_currency(Currency::CNY).unwrap().clone(),
        tariff_text: TARIFF.into(),
        class: "general".into(),
        parcels: orders.into_iter().map(|order| order.parcel).collect(),
        order_source: OrderSource::Generated,
        others: Vec::new(),
        ordered: Default::default(),
    }
}

/// The last of three days, and what was said in all of them.
fn told(seed: u64) -> (SimulatedDay, Vec<Announcement>) {
    let both = RefCell::new((Engine::default(), Vec::new()));
    let mut office = Recorded(&both);
    let options = DayOptions { seed, faults_percent: 300, ..DayOptions::default() };
    let mut progress = |_| ();
    let (mut days, _) =
        SimulatedDays::first_day(&inputs(1, seed), &options, &mut office, &mut progress).unwrap();
    days.next_day(&inputs(2, seed), &options).unwrap();
    let last = days.next_day(&inputs(3, seed), &options).unwrap();
    drop(days);
    let (mut engine, mut outcome) = (Engine::default(), CommandOutcome::default());
    let (mut announcer, mut all) = (Announcer::after(&engine), Vec::new());
    for (at, submission) in both.into_inner().1 {
        if engine.apply(&submission, at, &mut outcome) == Ok(Applied::CarriedOut) {
            all.extend(announcer.command(&submission, at, &outcome, &engine));
        }
    }
    (last, all)
}

fn field<'a>(one: &'a Announcement, name: &str) -> &'a str {
    one.fields[name].as_str().unwrap()
}

fn of<'a>(all: &'a [Announcement], event: &'a str) -> impl Iterator<Item = &'a Announcement> {
    let name = |spec: &NoticeEventSpec| spec.name;
    all.iter().filter(move |one| name(one.event) == event)
}

/// Whole cents of an amount as people read it.
fn cents(text: &str) -> u64 {
    let (yuan, fen) = text.split_once('.').unwrap();
    assert_eq!(fen.len(), 2, "{text}");
    yuan.parse::<u64>().unwrap() * 100 + fen.parse::<u64>().unwrap()
}

#[test]
fn what_is_said_agrees_with_the_world() {
    let (day, all) = told(5);
    let counts = day.report.counts;
    let count = |event| of(&all, event).count() as u64;
    assert_eq!(count("parcel.refused"), counts.refused);
    assert_eq!(count("parcel.returned"), counts.returned);
    // One that was reopened is delivered twice.
    let parcels = |event| -> BTreeSet<String> {
        of(&all, event).map(|one| field(one, "parcel").to_owned()).collect()
    };
    assert!(parcels("parcel.delivered").len() as u64 >= counts.delivered);
    assert!(parcels("parcel.delivered").is_subset(&parcels("parcel.out")));
    // Each payout on the bank's statement was told before, with the same amount.
    let sent: BTreeMap<String, u64> = of(&all, "payout.sent")
        .map(|one| (field(one, "payout").to_owned(), cents(field(one, "amount"))))
        .collect();
    let statement: BTreeMap<String, u64> = day
        .world
        .statement
        .iter()
        .filter_map(|line| match line.kind {
            BankLineKind::Payout(payout) => Some((payout.to_string(), line.amount)),
            _ => None,
        })
        .collect();
    assert!(!statement.is_empty());
    for (payout, amount) in &statement {
        assert_eq!(sent.get(payout), Some(amount), "payout {payout}");
    }
    let confirmed = of(&all, "payout.confirmed").map(|one| field(one, "payout").to_owned());
    assert!(confirmed.collect::<BTreeSet<_>>().is_superset(&statement.keys().cloned().collect()));
    // What is payable was held before.
    let payments = |event| -> BTreeSet<(String, String)> {
        let id = |one: &Announcement| {
            (field(one, "parcel").to_owned(), field(one, "payment").to_owned())
        };
        of(&all, event).map(id).collect()
    };
    assert!(!payments("payment.payable").is_empty());
    assert!(payments("payment.payable").is_subset(&payments("payment.held")));
    // Shortages are the world's, or were repaid since.
    let short: u64 = of(&all, "shortage.found").map(|one| cents(field(one, "amount"))).sum();
    let open: u64 = day.world.couriers.iter().map(|courier| courier.shortage).sum();
    assert!(short >= open, "{short} said, {open} open");
}

#[test]
fn the_same_commands_say_the_same() {
    let [first, second] = [1, 2].map(|_| told(9).1);
    let words = |all: &[Announcement]| format!("{all:?}");
    assert_eq!(words(&first), words(&second));
}

#[test]
fn whom_an_event_concerns_is_known_where_the_event_has_such_an_audience() {
    use notices::Audience;
    for one in told(3).1 {
        for audience in one.event.audiences {
            let is_known = match audience {
                Audience::Seller => one.about.seller.is_some(),
                Audience::Firm => one.about.firm.is_some(),
                Audience::Courier => one.about.courier.is_some(),
                Audience::Person => one.about.person.is_some(),
                Audience::Buyer => one.about.parcel.is_some(),
                _ => true,
            };
            assert!(is_known, "{one:?}: {audience:?}");
        }
    }
}

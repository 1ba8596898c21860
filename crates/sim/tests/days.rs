//! Whole days against a bare engine.

use std::collections::BTreeMap;
use std::convert::Infallible;

use books::{
    BreakId, BreakSide, BreakSubject, Event, HoldRule, PersonId, Refusal, RouteCandidate,
    RouteVerdict, SellerId, SettlementCycle, TerminalId, Timestamp,
};
use books::{RaiseBreak, chart::AccountKind};
use engine::{Actor, CommandOutcome, Engine, Submission};
use money::{Amount, Currency};
use peers::Rrn;
use sim::{
    Backend, BackendReply, BreakCause, DUE_MAX, DayError, DayInputError, DayInputs, DayOptions,
    EnginePosition, ExpectedBreak, LossBearer, LostLine, NetworkItem, OrderSource, ParcelLocation,
    PaymentMix, PayoutOutcome, RailItem, ResumeDayError, ResumedDay, SimulatedDay, WorldReport,
    compare, compare_networks, generate_orders, run_day,
};
use switch::{Query, QueryResult};
use tariff::{CardKind, PaymentMethod};

#[path = "days/levels.rs"]
mod levels;
#[path = "days/own_truth.rs"]
mod own_truth;
#[path = "days/withdrawal.rs"]
mod withdrawal;

const TARIFF: &str = include_str!("../../../tariffs/china-2013.toml");

fn inputs(parcels: usize, seed: u64) -> DayInputs {
    inputs_in(TARIFF, Currency::CNY, parcels, seed)
}

fn inputs_in(tariff_text: &str, currency: Currency, parcels: usize, seed: u64) -> DayInputs {
    let orders = generate_orders(parcels, seed, currency);
    let tariffs = tariff::file::parse(tariff_text).expect("a tariff file");
    DayInputs {
        date: "2013-08-28".parse().expect("a date"),
        utc_offset_minutes: 480,
        time_zone: None,
        currency,
        tariff: tariffs.in_currency(currency).expect("it has sums in the currency").clone(),
        tariff_text: tariff_text.into(),
        class: "general".into(),
        parcels: orders.into_iter().map(|order| order.parcel).collect(),
        order_source: OrderSource::Generated,
        others: Vec::new(),
        ordered: Default::default(),
    }
}

const CARD: PaymentMix = PaymentMix::Only(PaymentMethod::Card(CardKind::Debit));
const QR: PaymentMix = PaymentMix::Only(PaymentMethod::Qr);
const CASH: PaymentMix = PaymentMix::Only(PaymentMethod::Cash);

fn card_only(seed: u64) -> DayOptions {
    let payment = CARD;
    DayOptions {
        seed,
        payment_mix: payment,
        refusals_ppm: 0,
        faults_percent: 0,
        ..DayOptions::default()
    }
}

/// Runs a day and checks its books in every way.
fn live(inputs: &DayInputs, options: &DayOptions) -> (SimulatedDay, Engine) {
    let mut engine = Engine::default();
    let day = run_day(inputs, options, &mut engine, |_| ()).unwrap_or_else(|error| {
        panic!("seed {}: {error}", options.seed);
    });
    assert_eq!(day.report.ended_at, engine.last_at());
    if let Err(wrong) = engine.check() {
        panic!("seed {}: {}", options.seed, wrong.join("\n"));
    }
    assert_eq!(compare(&day.world, engine.books()), [], "seed {}", options.seed);
    for network in compare_networks(&day.world, engine.books()) {
        assert_eq!(network.differences, [""; 0], "seed {}", options.seed);
        assert_eq!(network.unknown, 0, "seed {}", options.seed);
    }
    let suspense = engine.books().total_balance(AccountKind::Suspense, inputs.currency);
    assert_eq!(suspense, real_differences(&day.world), "seed {}", options.seed);
    (day, engine)
}

/// What differs in the world itself: deductions that are not the tariff's, and cash that nobody
/// collected. What terminals say is not among it.
fn real_differences(world: &WorldReport) -> i128 {
    let items = world.rails.iter().flat_map(|rail| rail.items.values());
    let unbooked = world.rails.iter().flat_map(|rail| rail.unbooked.values());
    let paid = items.chain(unbooked).filter(|item| item.moves_money());
    let deducted: u64 = paid.filter_map(|item| item.deducted).sum();
    let surplus = |one: &ExpectedBreak| matches!(one.cause, BreakCause::CashSurplus(_));
    let surplus: u64 = world.breaks.iter().filter(|one| surplus(one)).map(|one| one.amount).sum();
    i128::from(deducted) - i128::from(world.clearing_cost) - i128::from(surplus)
}

/// Parcels whose payment was reversed after it was cleared: they are with their couriers again.
fn out_again(world: &WorldReport) -> u64 {
    let out = world.parcels.iter().filter(|one| one.location == ParcelLocation::WithCourier);
    out.count() as u64
}

/// A share in parts per million, rounded half up; independent of the product's code.
fn share(minor: u64, ppm: u64) -> u64 {
    (minor * ppm + 500_000) / 1_000_000
}

#[test]
fn the_same_seed_gives_the_same_books_and_another_seed_gives_others() {
    let inputs = inputs(200, 3);
    let options = DayOptions { seed: 5, ..DayOptions::default() };
    let (first, engine) = live(&inputs, &options);
    let (second, same) = live(&inputs, &options);
    assert_eq!((first, engine.digest()), (second, same.digest()));
    assert_eq!(engine.fingerprint(), same.fingerprint());
    let (_, others) = live(&inputs, &DayOptions { seed: 6, ..options });
    assert_ne!(engine.digest(), others.digest());
}

#[test]
fn a_day_of_a_seed_is_frozen() {
    let (day, _) = live(&inputs(300, 7), &DayOptions { seed: 7, ..DayOptions::default() });
    let counts = day.report.counts;
    let collected = [counts.collected.card, counts.collected.qr, counts.collected.cash];
    assert_eq!(
        collected.map(|sum| (sum.count, sum.amount)),
        [(125, 2_556_174), (54, 939_854), (99, 2_203_827)]
    );
    let others = [counts.attempts, counts.refused, counts.declined, counts.duplicates];
    assert_eq!(others, [31, 25, 4, 7]);
    let split = day.report.incidents.split_payments;
    assert_eq!(counts.collected.total().count, counts.delivered + split, "each parcel, in parts");
    let path = day.report.payment_path;
    assert_eq!((path.terminal_messages, path.network_messages), (723, 1637));
    assert_eq!((day.report.calls, day.report.commands), (557, 1287));
}

#[test]
fn a_day_by_card_is_determined_by_orders_and_tariff_and_paid_to_the_last_fen() {
    let inputs = inputs(500, 11);
    let mut nets: BTreeMap<SellerId, u64> = BTreeMap::new();
    for parcel in &inputs.parcels {
        let due = parcel.due.minor();
        // The general class: 0.55% issuer, 0.08% network, 0.15% acquirer, each rounded by itself.
        let fees = share(due, 5_500) + share(due, 800) + share(due, 1_500);
        *nets.entry(parcel.seller_id()).or_default() += due - fees;
    }
    for seed in [1, 2] {
        let (day, engine) = live(&inputs, &card_only(seed));
        let counts = day.report.counts;
        assert_eq!((counts.delivered, counts.collected.card.count), (500, 500));
        assert_eq!((counts.refused, counts.timeouts, counts.breaks.count), (0, 0, 0));
        let paid: BTreeMap<SellerId, u64> = day
            .report
            .payouts
            .iter()
            .map(|payout| (payout.line.seller, payout.line.net.minor()))
            .collect();
        assert_eq!(paid, nets);
        assert_eq!(counts.payouts_paid.amount, nets.values().sum::<u64>());
        assert!(day.report.payouts.iter().all(|payout| payout.outcome == PayoutOutcome::Paid));
        for kind in [AccountKind::SellerHeld, AccountKind::SellerPayable, AccountKind::Suspense] {
            assert_eq!(engine.books().total_balance(kind, Currency::CNY), 0, "{kind:?}");
        }
        let open = (
            engine.books().unknown_count(),
            engine.books().open_parcel_count(),
            day.report.left_at_hub,
        );
        assert_eq!(open, (0, 0, 0));
    }
}

/// A bad day: the payment mix depends on the seed, faults are at 300%.
fn bad_day(seed: u64) -> DayOptions {
    let payment = match seed % 5 {
        0 | 1 => PaymentMix::Mixed,
        2 => CARD,
        3 => CASH,
        _ => QR,
    };
    DayOptions {
        seed,
        payment_mix: payment,
        faults_percent: 300,
        guarantee: Amount::of(seed % 3 * 100_000),
        minimum_payout: Amount::of(seed % 4 * 5_000),
        ..DayOptions::default()
    }
}

/// Rejected offline sales whose loss this party bears.
fn losses_of(world: &WorldReport, bearer: LossBearer) -> u64 {
    let items = world.rails.iter().flat_map(|rail| rail.items.values());
    items.filter(|item| item.loss == Some(bearer)).count() as u64
}

#[test]
fn twenty_bad_days_agree_with_the_simulated_world_item_by_item() {
    let mut happened = [("", 0); 35];
    for seed in 1..=20 {
        let losses = ["seller", "firm", "doorstep"][usize::try_from(seed / 4 % 3).unwrap()];
        let losses = format!("\noffline_loss = \"{losses}\"\nfrom = ");
        let tariff = TARIFF.replace("\nfrom = ", &losses);
        let inputs = inputs_in(&tariff, Currency::CNY, 300, seed);
        let (day, engine) = live(&inputs, &bad_day(seed));
        let (counts, incidents) = (day.report.counts, day.report.incidents);
        let (path, terminals) = (day.report.payment_path, day.report.couriers);
        assert_eq!(path.batches_agreed + path.batches_disputed, terminals, "seed {seed}");
        assert_eq!(path.forwarded_sales, path.offline_sales, "seed {seed}");
        assert_eq!(engine.books().unknown_count(), 0, "seed {seed}");
        assert_eq!(engine.books().unresolved_payments().count(), 0, "seed {seed}");
        assert_eq!(day.report.left_at_hub, 0, "seed {seed}");
        let ended = counts.delivered + counts.returned + counts.lost + out_again(&day.world);
        assert_eq!(counts.announced, ended + incidents.shipped_again, "seed {seed}");
        assert_eq!(counts.breaks.count, day.world.breaks.len() as u64, "seed {seed}");
        for firm in &day.report.firms {
            assert_eq!(
                engine.books().custody(firm.firm),
                Some(i128::from(firm.custody)),
                "seed {seed}"
            );
        }
        let today = [
            ("declined", counts.declined),
            ("timeouts", counts.timeouts),
            ("late approvals", counts.late_approvals),
            ("posted reversals", counts.reversals.amount),
            ("duplicates", counts.duplicates),
            ("parts", counts.partly_accepted),
            ("short", counts.hand_overs.short.count),
            ("surplus", counts.hand_overs.surplus.count),
            ("repaid", counts.repaid.count),
            ("came back", counts.payouts_returned.count),
            ("breaks", counts.breaks.count),
            ("split", incidents.split_payments),
            ("cash limit", incidents.cash_limit_trips),
            ("waits", incidents.waits),
            ("approvals lost", incidents.approvals_lost),
            ("cash refunded", incidents.cash_refunded),
            ("codes mistyped", incidents.codes_mistyped),
            ("deposits short", incidents.deposits_short),
            ("pre-authorised", incidents.pre_authorised),
            ("cancelled at the door", incidents.cancelled_at_door),
            ("batches disputed", path.batches_disputed),
            ("lines lost", day.world.lost_lines.len() as u64),
            ("offline", path.offline_sales),
            ("sales rejected", incidents.sales_rejected),
            ("losses of firms", losses_of(&day.world, LossBearer::Firm)),
            ("losses of Doorstep", losses_of(&day.world, LossBearer::Doorstep)),
            ("sales in suspense", incidents.sales_suspended),
            ("lost", counts.lost),
            ("compensated", incidents.compensated),
            ("shipped again", incidents.shipped_again),
            ("reversed by terminals", path.terminal_reversals),
            ("repeated by terminals", path.repeated_messages),
            ("lines dropped", path.dropped_lines),
            ("answered twice", path.duplicate_answers),
            ("reversals sent again", path.reversals_sent.saturating_sub(counts.reversals.count)),
        ];
        for ((name, count), (what, more)) in happened.iter_mut().zip(today) {
            (*name, *count) = (what, *count + more);
        }
    }
    assert!(happened.iter().all(|(_, count)| *count > 0), "{happened:?}");
}

#[test]
fn the_comparison_sees_every_difference() {
    let (day, mut engine) = live(&inputs(200, 1), &bad_day(1));
    let seen = |what: &str, change: fn(&mut WorldReport)| {
        let mut world = day.world.clone();
        change(&mut world);
        assert_ne!(world, day.world, "{what}: nothing was changed");
        assert_ne!(compare(&world, engine.books()), [], "{what}");
    };
    seen("bank", |world| world.statement[0].amount += 1);
    seen("item", |world| item(world).amount += 1);
    seen("reversal", |world| item(world).reversed = true);
    seen("clearing", |world| item(world).deducted = None);
    seen("no item", |world| {
        world.rails[0].items.pop_first();
    });
    seen("cash", |world| world.cash[0].amount += 1);
    seen("cash refunded", |world| world.cash[0].refunded ^= true);
    seen("no cash", |world| {
        world.cash.pop();
    });
    seen("cash in hand", |world| world.couriers[0].expected += 1);
    seen("shortage", |world| world.couriers[0].shortage += 1);
    seen("vault", |world| world.firms[0].vault += 1);
    seen("commission", |world| world.firms[0].commission += 1);
    seen("share", |world| world.sellers[0].earned -= 1);
    seen("paid", |world| world.sellers[0].paid += 1);
    seen("parcel", |world| world.parcels[0].paid += 1);
    seen("held", |world| world.sellers[0].held += 1);
    seen("requests", |world| world.parcels[0].requests = 0);
    seen("location", |world| world.parcels[0].location = ParcelLocation::WithCourier);
    seen("break", |world| {
        world.breaks.pop();
    });
    seen("open item", |world| {
        let (terminal, payment) = (TerminalId(1), None);
        world.lost_lines.push(LostLine { terminal, payment, amount: -1 });
    });
    seen("fees", |world| world.clearing_cost += 1);
    seen("write-offs", |world| world.write_offs += 1);
    seen("promotions", |world| world.discounts += 1);
    seen("unresolved", |world| world.pending_reversals += 1);
    seen("disagreement", |world| world.discrepancies.push("one".into()));

    let raise = RaiseBreak {
        break_id: BreakId(1),
        subject: BreakSubject::Bank(day.world.bank),
        side: BreakSide::Excess,
        amount: Amount::of(1),
        evidence: "statement".into(),
        owner: PersonId(1),
        raised_by: PersonId(1),
    };
    let raise = Submission::new(Actor::Person(PersonId(1)), raise);
    engine.apply(&raise, day.report.ended_at, &mut CommandOutcome::default()).unwrap();
    let wrong = compare(&day.world, engine.books());
    assert_eq!(wrong.len(), 3, "the bank, suspense and the break: {wrong:#?}");
    assert!(wrong.iter().all(|one| one.by.is_some_and(|by| by.abs() == 1)), "{wrong:#?}");
}

#[test]
fn the_comparison_with_the_networks_sees_every_difference() {
    let (day, engine) = live(&inputs(200, 2), &bad_day(2));
    let seen = |what: &str, change: fn(&mut Vec<NetworkItem>)| {
        let mut world = day.world.clone();
        change(&mut world.networks[0].items);
        assert_ne!(world, day.world, "{what}: nothing was changed");
        let wrong: Vec<usize> = compare_networks(&world, engine.books())
            .iter()
            .map(|network| network.differences.len())
            .collect();
        assert!(wrong[0] > 0 && wrong[1] == 0, "{what}: {wrong:?}");
    };
    seen("amount", |items| items[0].amount += 1);
    seen("RRN", |items| items[0].rrn = Rrn::of_request(0, 1));
    seen("STAN", |items| items[0].stan += 1);
    seen("moment", |items| items[0].sent_s += 1);
    seen("terminal", |items| items[0].terminal[7] ^= 1);
    seen("status", |items| items[0].moves_money ^= true);
    seen("no item", |items| {
        let place = items.iter().position(|item| item.moves_money).expect("one stands");
        items.remove(place);
    });
    seen("another item", |items| {
        let another = NetworkItem { stan: 1, ..items[0] };
        items.push(another);
    });
}

/// A backend that records the routes of cards and the stored files.
#[derive(Default)]
struct RecordingBackend {
    books: Engine,
    routes: Vec<Vec<RouteCandidate>>,
    files: Vec<(String, String)>,
}

impl Backend for RecordingBackend {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Infallible> {
        let answers = self.books.carry_out(commands)?;
        for event in answers.iter().flatten().flatten() {
            if let Event::PaymentRouted { route_candidates: considered, .. } = event {
                self.routes.push(considered.clone());
            }
        }
        Ok(answers)
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, Infallible> {
        self.books.query(questions)
    }

    fn store_file(&mut self, name: &str, text: String) -> Result<String, Infallible> {
        self.files.push((name.to_owned(), text.clone()));
        Ok(text)
    }
}

#[test]
fn cards_go_over_the_cheapest_network_that_takes_them_and_is_up() {
    let mut office = RecordingBackend::default();
    let options = DayOptions { seed: 3, ..DayOptions::default() };
    let Ok(day) = run_day(&inputs(2_000, 3), &options, &mut office, |_| ()) else {
        panic!("the day ends")
    };
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for route in &office.routes {
        let of = |verdict| route.iter().find(|one| one.verdict == verdict);
        let chosen = of(RouteVerdict::Chosen).expect("one is chosen");
        if let Some(dearer) = of(RouteVerdict::MoreExpensive) {
            assert!(dearer.cost >= chosen.cost, "{route:?}");
        }
        for one in route {
            *met.entry(format!("{} {:?}", one.network.0, one.verdict)).or_default() += 1;
        }
    }
    // Each network is chosen, dearer, or does not accept the card; one is down for a while.
    assert_eq!(met.len(), 7, "{met:?}");
    assert!(day.report.counts.timeouts > 0, "payments in flight at the outage become unknown");
    assert_eq!(day.report.left_at_hub, 0);
}

#[test]
fn networks_clear_what_they_have_in_their_own_books() {
    let mut office = RecordingBackend::default();
    let Ok(day) = run_day(&inputs(300, 5), &bad_day(5), &mut office, |_| ()) else {
        panic!("the day ends")
    };
    for books in &day.world.networks {
        let name = format!("clearing-{}-2013-08-28", books.reference);
        let own = office.files.iter().filter(|(file, _)| file.starts_with(&name));
        let mut lines =
            own.flat_map(|(_, text)| text.lines()).filter(|line| line.starts_with("I,"));
        let mut cleared: Vec<&str> = Vec::new();
        lines.by_ref().for_each(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            match fields[6] {
                "sale" | "completion" | "offline" => cleared.push(fields[1]),
                "reversal" => cleared.retain(|rrn| *rrn != fields[1]),
                // Of a line before.
                "refund" | "chargeback" | "fee-correction" => {}
                other => panic!("no kind of line: {other}"),
            }
        });
        let standing = books.items.iter().filter(|item| item.moves_money);
        let mut expected: Vec<String> = standing.map(|item| item.rrn.to_string()).collect();
        cleared.sort_unstable();
        expected.sort_unstable();
        assert_eq!(cleared, expected);
    }
}

/// An approved payment that was not reversed.
fn item(world: &mut WorldReport) -> &mut RailItem {
    let mut items = world.rails.iter_mut().flat_map(|rail| rail.items.values_mut());
    items.find(|item| item.moves_money()).expect("one stands")
}

#[test]
fn a_parcel_without_time_for_an_attempt_stays_at_the_hub() {
    let inputs = inputs(300, 2);
    let most = inputs.parcels.iter().map(|parcel| parcel.due).max();
    // The limit is a few parcels: couriers spend most of the day on the way to the hub.
    let options = DayOptions {
        payment_mix: CASH,
        cash_limit: most.map(|most| Amount::of(most.minor() / 8)),
        parcels_per_courier: 100,
        ..DayOptions::default()
    };
    let (day, engine) = live(&inputs, &options);
    assert!(day.report.left_at_hub > 0);
    let waiting = day.report.left_at_hub + day.report.incidents.shipped_again;
    assert_eq!(engine.books().open_parcel_count() as u64, waiting);
}

#[test]
fn tours_of_the_greatest_length_end_in_time() {
    for payment in [PaymentMix::Mixed, CARD, QR, CASH] {
        for refusals_ppm in [0, 80_000] {
            let long =
                DayOptions { payment_mix: payment, parcels_per_courier: 100, ..card_only(1) };
            let (day, _) = live(&inputs(600, 3), &DayOptions { refusals_ppm, ..long });
            assert_eq!(day.report.left_at_hub, 0, "{payment:?}");
        }
    }
}

#[test]
fn without_faults_nothing_is_left_anywhere_but_at_sellers_who_owe() {
    for payment in [PaymentMix::Mixed, QR, CASH] {
        let options =
            DayOptions { payment_mix: payment, faults_percent: 0, ..DayOptions::default() };
        let (day, engine) = live(&inputs(400, 2), &options);
        let counts = day.report.counts;
        assert_eq!((counts.declined, counts.duplicates, counts.reversals.count), (0, 0, 0));
        assert_eq!(counts.breaks.count + counts.hand_overs.short.count, 0);
        assert!(counts.refused > 0 && counts.refused == counts.returned);
        assert_eq!(engine.books().total_balance(AccountKind::SellerHeld, Currency::CNY), 0);
        let owing =
            engine.books().accounts().filter(|account| account.kind == AccountKind::SellerPayable);
        assert!(owing.into_iter().all(|account| account.balance <= 0));
        assert!(day.report.firms.iter().all(|firm| firm.custody == 0));
    }
}

#[test]
fn a_day_on_which_everything_is_refused_pays_nobody() {
    let calm = DayOptions { faults_percent: 0, ..DayOptions::default() };
    let options = DayOptions { refusals_ppm: 1_000_000, ..calm };
    let (day, engine) = live(&inputs(100, 1), &options);
    let counts = day.report.counts;
    assert_eq!((counts.refused, counts.returned, counts.collected.total().count), (100, 100, 0));
    assert_eq!((day.report.payouts.len(), engine.books().open_parcel_count()), (0, 0));
}

#[test]
fn money_on_hold_is_released_and_paid_when_its_hold_ends() {
    for hold in [HoldRule::DaysAfterHeld(2), HoldRule::DaysAfterDelivery(5)] {
        let options =
            DayOptions { hold_rule: hold, cycle: SettlementCycle::Weekly, ..card_only(1) };
        let (day, engine) = live(&inputs(120, 4), &options);
        assert_eq!(day.report.counts.released, 120);
        assert_eq!(engine.books().total_balance(AccountKind::SellerPayable, Currency::CNY), 0);
        let days = day.report.ended_at.business_date(480).0 - day.report.date.0;
        assert_eq!(days, if hold == HoldRule::DaysAfterHeld(2) { 3 } else { 5 });
    }
}

#[test]
fn couriers_at_their_cash_limit_go_to_the_hub_or_take_a_card() {
    let inputs = inputs(200, 9);
    let most = inputs.parcels.iter().map(|parcel| parcel.due).max().unwrap();
    let cash_limit = Some(Amount::of(most.minor() - 1));
    let options = DayOptions { payment_mix: CASH, cash_limit, ..DayOptions::default() };
    let (day, _) = live(&inputs, &DayOptions { refusals_ppm: 0, faults_percent: 0, ..options });
    let (counts, incidents) = (day.report.counts, day.report.incidents);
    assert_eq!(counts.collected.card.count, 1, "one parcel exceeds the cash limit");
    assert_eq!(counts.collected.cash.count, 199);
    assert!(incidents.cash_limit_trips > 0);
}

#[test]
fn a_day_keeps_to_its_number_of_calls() {
    let (day, _) = live(&inputs(2_000, 1), &DayOptions::default());
    assert!(day.report.calls < 3_000, "{}", day.report.calls);
}

/// A backend that fails after a number of calls, in the middle of the next one.
struct FailingBackend {
    books: Engine,
    calls: usize,
}

#[derive(Debug)]
struct BackendFailure;

impl Backend for FailingBackend {
    type Error = BackendFailure;

    fn carry_out(
        &mut self,
        mut commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, BackendFailure> {
        if self.calls == 0 {
            commands.truncate(commands.len() / 2);
            let Ok(_) = self.books.carry_out(commands);
            return Err(BackendFailure);
        }
        self.calls -= 1;
        let Ok(answers) = self.books.carry_out(commands);
        Ok(answers)
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, BackendFailure> {
        let Ok(facts) = self.books.query(questions);
        Ok(facts)
    }
}

#[test]
fn a_day_interrupted_at_any_call_ends_as_an_uninterrupted_one() {
    let inputs = inputs(150, 8);
    let options = DayOptions { seed: 4, faults_percent: 300, ..DayOptions::default() };
    let (whole, engine) = live(&inputs, &options);
    let calls = usize::try_from(whole.report.calls).unwrap();
    for stopped in [0, 1, 2, 3, calls / 4, calls / 2, calls - 3, calls - 1] {
        let mut office = FailingBackend { books: Engine::default(), calls: stopped };
        let error = run_day(&inputs, &options, &mut office, |_| ()).unwrap_err();
        assert!(matches!(error, DayError::Backend(BackendFailure)));
        let standing = EnginePosition::of(&office.books);
        let mut office = ResumedDay::new(office.books, Engine::default(), standing);
        let day = run_day(&inputs, &options, &mut office, |_| ()).unwrap();
        let continued = office.finish().unwrap();
        assert_eq!((day, continued.digest()), (whole.clone(), engine.digest()), "{stopped} calls");
    }
}

#[test]
fn a_finished_day_can_run_again_and_changes_nothing() {
    let inputs = inputs(50, 8);
    let (whole, engine) = live(&inputs, &DayOptions::default());
    let (digest, standing) = (engine.digest(), EnginePosition::of(&engine));
    let mut office = ResumedDay::new(engine, Engine::default(), standing);
    let day = run_day(&inputs, &DayOptions::default(), &mut office, |_| ()).unwrap();
    assert_eq!((day, office.finish().unwrap().digest()), (whole, digest));
}

#[test]
fn books_of_another_day_are_not_continued() {
    let (_, engine) = live(&inputs(50, 8), &DayOptions::default());
    let standing = EnginePosition::of(&engine);
    let mut office = ResumedDay::new(engine, Engine::default(), standing);
    let options = DayOptions { seed: 2, ..DayOptions::default() };
    let result = run_day(&inputs(50, 8), &options, &mut office, |_| ());
    let another_day = |error: &DayError<ResumeDayError<Infallible>>| {
        matches!(error, DayError::Backend(ResumeDayError::AnotherDay))
    };
    let seen = result.as_ref().is_err_and(another_day) || office.finish().is_err();
    assert!(seen, "another seed is another day");
}

/// A backend that answers a repeat as if it were carried out again.
struct RepeatingBackend(Engine);

impl Backend for RepeatingBackend {
    type Error = Infallible;

    fn carry_out(
        &mut self,
        commands: Vec<(Timestamp, Submission)>,
    ) -> Result<Vec<BackendReply>, Infallible> {
        let Ok(mut answers) = self.0.carry_out(commands);
        for answer in &mut answers {
            if *answer == Err(Refusal::Repeated) {
                *answer = Ok(vec![Event::Registered]);
            }
        }
        Ok(answers)
    }

    fn query(&mut self, questions: Vec<Query>) -> Result<Vec<QueryResult>, Infallible> {
        self.0.query(questions)
    }
}

#[test]
fn a_repeat_that_is_carried_out_again_fails_the_day() {
    let options = DayOptions { faults_percent: 300, ..DayOptions::default() };
    let result =
        run_day(&inputs(100, 1), &options, &mut RepeatingBackend(Engine::default()), |_| ());
    assert!(matches!(result, Err(DayError::NotRepeated { .. })));
}

#[test]
fn progress_is_shown_and_never_goes_back() {
    let mut shown = Vec::new();
    let mut engine = Engine::default();
    run_day(&inputs(60, 1), &DayOptions::default(), &mut engine, |now| shown.push(now)).unwrap();
    assert!(shown.is_sorted_by_key(|progress| progress.virtual_time));
    assert!(shown.iter().all(|progress| progress.done <= progress.total));
    let stages = shown.chunk_by(|one, other| one.stage == other.stage).count();
    assert_eq!(stages, 5, "each stage once, in order");
}

#[test]
fn invalid_inputs_are_refused() {
    let good = inputs(3, 1);
    let run = |inputs: &DayInputs, options: &DayOptions| match run_day(
        inputs,
        options,
        &mut Engine::default(),
        |_| (),
    ) {
        Err(DayError::Input(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let options = DayOptions::default();
    let none = DayInputs { parcels: Vec::new(), ..good.clone() };
    assert_eq!(run(&none, &options), DayInputError::NoParcels.to_string());
    let mut twice = good.clone();
    twice.parcels.push(good.parcels[0].clone());
    assert!(run(&twice, &options).ends_with("is given twice; remove one of them"));
    let mut nothing = good.clone();
    nothing.parcels[1].due = Amount::ZERO;
    assert!(run(&nothing, &options).ends_with("has no amount due; leave it out"));
    let mut dear = good.clone();
    dear.parcels[2].due = Amount::of(DUE_MAX + 1);
    assert!(run(&dear, &options).contains("the amount due exceeds 9999999999 minor units"));
    let early = DayInputs { date: "2013-02-24".parse().unwrap(), ..good.clone() };
    let no_version = "the tariff `china-2013` has no version in force on 2013-02-24";
    assert_eq!(run(&early, &options), no_version);
    let class = DayInputs { class: "genral".into(), ..good.clone() };
    assert_eq!(run(&class, &options), "the tariff `china-2013` has no class `genral`");
    let options = DayOptions { firms: 0, ..options };
    assert_eq!(run(&good, &options), "the number of firms must be 1 to 50");
}

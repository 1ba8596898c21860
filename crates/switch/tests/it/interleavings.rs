//! All interleavings: the events of a transaction happen in every order, and at the end all books
//! agree.
//!
//! A run is a list of choices among the pending events: a message arrives, a command becomes
//! durable, and, a few times in a run, a fault occurs. All lists up to that number of faults are
//! run, each to its end. A failing run prints its list. `SWITCH_MORE_WRONG=1` and
//! `SWITCH_MORE_CHOICES=1` search deeper.

use std::fmt::Write as _;

use peers::TerminalTask;
use peers::terminal::Receipt;

use crate::world::*;

/// The next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// A command becomes durable, or a query is answered.
    Book,
    /// The network receives the next message.
    ToNetwork,
    /// The switch receives the network's next message.
    FromNetwork,
    /// The switch receives the terminals' next message.
    FromTerminal,
    /// The terminal receives its next response.
    ToTerminal,
    /// The network's response times out.
    Timeout,
    /// The terminal reverses its request over another gateway.
    TerminalReverses,
    /// The terminal repeats its request over another gateway.
    TerminalRepeats,
    /// The gateway crashes and loses its responses; the terminal times out.
    GatewayDies,
    /// A slow gateway's message is overtaken by later ones.
    SlowGateway,
    /// The process crashes before the next command is durable.
    Crash,
    /// The process crashes after the next command is durable, before the switch learns of it.
    CrashBeforeReply,
    /// The links are closed with all messages in them, and connected again.
    Outage,
    /// The switch expires pre-authorisations.
    Expiry,
}

const WRONG: [Choice; 9] = [
    Choice::Timeout,
    Choice::TerminalReverses,
    Choice::TerminalRepeats,
    Choice::GatewayDies,
    Choice::SlowGateway,
    Choice::Crash,
    Choice::CrashBeforeReply,
    Choice::Outage,
    Choice::Expiry,
];

fn is_possible(world: &World, choice: Choice) -> bool {
    let waits = world.terminals[0].terminal.awaits_answer();
    match choice {
        Choice::Book => !world.books.is_empty(),
        Choice::ToNetwork => !world.to_network.is_empty(),
        Choice::FromNetwork => !world.to_switch.is_empty(),
        Choice::FromTerminal => !world.from_terminal.is_empty(),
        Choice::ToTerminal => !world.to_terminal.is_empty(),
        Choice::Timeout => world.switch.in_flight() > 0 || world.switch.queued_reversals() > 0,
        Choice::TerminalReverses | Choice::TerminalRepeats | Choice::GatewayDies => waits,
        Choice::SlowGateway => world.from_terminal.len() > 1,
        Choice::Crash | Choice::Outage => true,
        Choice::CrashBeforeReply => !world.books.is_empty(),
        Choice::Expiry => world.holds_are_expired,
    }
}

fn happens(world: &mut World, choice: Choice) {
    match choice {
        Choice::Book => {
            world.books_step();
        }
        Choice::ToNetwork => {
            world.network_receives();
        }
        Choice::FromNetwork => {
            world.switch_receives_from_network();
        }
        Choice::FromTerminal => {
            world.switch_receives_from_terminal();
        }
        Choice::ToTerminal => {
            world.terminal_receives();
        }
        Choice::Timeout => {
            let at = world.now + world.settings.timing.answer_ms + 1;
            world.now = at;
            world.advance_to(at);
        }
        Choice::TerminalReverses => {
            world.time_out_terminal(0);
            world.continue_terminal(0);
        }
        Choice::TerminalRepeats => {
            if let Ok(message) = world.terminals[0].terminal.repeat(world.now) {
                world.send(0, message.to_vec());
            }
        }
        Choice::GatewayDies => {
            world.kill_gateway(0);
            world.time_out_terminal(0);
            world.continue_terminal(0);
        }
        Choice::SlowGateway => world.from_terminal.rotate_left(1),
        Choice::Crash => world.crash(),
        Choice::CrashBeforeReply => {
            world.books_step_without_reply();
            world.crash();
        }
        Choice::Outage => world.outage(0),
        Choice::Expiry => world.advance_to(world.now),
    }
}

/// A scenario to run in every order: a preparation without faults, then a request.
struct Scene {
    name: &'static str,
    prepare: fn(&mut World) -> Option<Receipt>,
    ask: fn(&mut World, Option<Receipt>),
    /// Maximum of faults in a run.
    wrong: usize,
    /// Choices before the rest is delivered in order.
    choices: usize,
}

/// The next choices after a list, without those that certainly commute: before the first fault, the
/// pending events happen in one order only.
fn choices(world: &World, taken: &[Choice], scene: &Scene) -> Vec<Choice> {
    let normal = [
        Choice::Book,
        Choice::ToNetwork,
        Choice::FromNetwork,
        Choice::FromTerminal,
        Choice::ToTerminal,
    ];
    let went_wrong: Vec<Choice> =
        taken.iter().copied().filter(|choice| WRONG.contains(choice)).collect();
    let mut next: Vec<Choice> =
        normal.into_iter().filter(|choice| is_possible(world, *choice)).collect();
    if taken.len() >= scene.choices {
        return Vec::new();
    }
    if went_wrong.len() < scene.wrong {
        let again = |choice: &Choice| !went_wrong.contains(choice);
        let crashes = [Choice::Crash, Choice::CrashBeforeReply];
        let crashed = went_wrong.iter().any(|choice| crashes.contains(choice));
        let other = |choice: &Choice| !crashed || !crashes.contains(choice);
        let possible = WRONG.into_iter().filter(|choice| is_possible(world, *choice));
        next.extend(possible.filter(again).filter(other));
    }
    next
}

/// Runs a list of choices. Returns the choices that could come next.
fn run(scene: &Scene, list: &[Choice]) -> (Vec<Choice>, World) {
    let mut world = World::open();
    let before = (scene.prepare)(&mut world);
    (scene.ask)(&mut world, before);
    for choice in list {
        happens(&mut world, *choice);
    }
    let next = choices(&world, list, scene);
    (next, world)
}

/// Reads from the environment how much deeper to search.
fn deeper(name: &str) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn explore(scene: &Scene) -> usize {
    let scene = &Scene {
        wrong: scene.wrong + deeper("SWITCH_MORE_WRONG"),
        choices: scene.choices + deeper("SWITCH_MORE_CHOICES"),
        ..*scene
    };
    let mut runs = 0;
    let mut stack: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(list) = stack.pop() {
        let (next, mut world) = run(scene, &list);
        runs += 1;
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            world.run_until_idle();
            world.disagreements()
        }));
        let wrong = end.unwrap_or_else(|why| {
            let text = why.downcast_ref::<String>().cloned();
            vec![text.unwrap_or_else(|| "panicked".into())]
        });
        if !wrong.is_empty() {
            let mut story = format!("{} in this order:\n", scene.name);
            for choice in &list {
                writeln!(story, "  {choice:?}").unwrap();
            }
            panic!("{story}{}\n{:?}", wrong.join("\n"), world.operator_events);
        }
        for choice in next {
            let mut longer = list.clone();
            longer.push(choice);
            stack.push(longer);
        }
    }
    runs
}

fn nothing(_: &mut World) -> Option<Receipt> {
    None
}

fn sell(world: &mut World, _: Option<Receipt>) {
    let parcel = world.parcel(10_000);
    let (waybill, card) = (waybill(parcel), card(1));
    world
        .ask(0, TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: None })
        .unwrap();
}

#[test]
fn a_sale_in_every_order() {
    let scene = Scene { name: "a sale", prepare: nothing, ask: sell, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 1_000);
}

/// The terminal's request is overtaken by its reversal.
fn overtaken(world: &mut World) {
    world.time_out_terminal(0);
    world.continue_terminal(0);
    world.from_terminal.rotate_left(1);
}

#[test]
fn a_sale_that_its_reversal_overtakes_in_every_order() {
    let ask = |world: &mut World, before: Option<Receipt>| {
        sell(world, before);
        overtaken(world);
    };
    let scene = Scene { name: "a late sale", prepare: nothing, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 1_000);
}

#[test]
fn cash_that_its_reversal_overtakes_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| {
        let waybill = waybill(world.parcel(10_000));
        let task = TerminalTask::Cash { waybill: &waybill, amount: 10_000, tendered: 10_000 };
        world.ask(0, task).unwrap();
        overtaken(world);
    };
    let scene = Scene { name: "late cash", prepare: nothing, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 1_000);
}

#[test]
fn a_completion_that_its_reversal_overtakes_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, TerminalTask::Completion { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
        overtaken(world);
    };
    let scene = Scene { name: "a late completion", prepare: hold, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_void_in_every_order() {
    let prepare = |world: &mut World| {
        let parcel = world.parcel(10_000);
        Some(world.sell(parcel, 10_000))
    };
    let ask = |world: &mut World, sale: Option<Receipt>| {
        world.ask(0, TerminalTask::Void { stan: sale.unwrap().stan }).unwrap();
    };
    let scene = Scene { name: "a void", prepare, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

fn hold(world: &mut World) -> Option<Receipt> {
    let parcel = world.parcel(10_000);
    Some(world.pre_authorise(parcel, 10_000))
}

#[test]
fn a_pre_authorisation_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| {
        let parcel = world.parcel(10_000);
        let (waybill, card) = (waybill(parcel), card(1));
        let task = TerminalTask::PreAuthorisation {
            waybill: &waybill,
            card: &card,
            amount: 10_000,
            pin: None,
        };
        world.ask(0, task).unwrap();
    };
    let scene = Scene { name: "a hold", prepare: nothing, ask, wrong: 2, choices: 6 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_completion_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, TerminalTask::Completion { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
    };
    let scene = Scene { name: "a completion", prepare: hold, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_void_of_a_pre_authorisation_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, TerminalTask::VoidPreAuthorisation { stan: held.unwrap().stan }).unwrap();
    };
    let scene = Scene { name: "a hold let go", prepare: hold, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn an_offline_sale_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| {
        let parcel = world.parcel(10_000);
        let (waybill, card) = (waybill(parcel), card(1));
        world
            .ask(0, TerminalTask::Offline { waybill: &waybill, card: &card, amount: 10_000 })
            .unwrap();
    };
    let prepare = |world: &mut World| {
        world.run(0, TerminalTask::Parameters);
        None
    };
    let scene = Scene { name: "an offline sale", prepare, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_refund_in_every_order() {
    let prepare = |world: &mut World| {
        let parcel = world.parcel(10_000);
        Some(world.sell(parcel, 10_000))
    };
    let ask = |world: &mut World, sale: Option<Receipt>| {
        world.ask(0, TerminalTask::Refund { receipt: &sale.unwrap(), amount: 4_000 }).unwrap();
    };
    let scene = Scene { name: "a refund", prepare, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

fn old_hold(world: &mut World) -> Option<Receipt> {
    let held = hold(world);
    world.expire_holds();
    held
}

#[test]
fn a_completion_and_the_end_of_the_holds_time_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, TerminalTask::Completion { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
    };
    let name = "a late completion";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_void_and_the_end_of_the_holds_time_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, TerminalTask::VoidPreAuthorisation { stan: held.unwrap().stan }).unwrap();
    };
    let name = "a late void of a hold";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 500);
}

#[test]
fn the_end_of_a_holds_time_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| world.advance_to(world.now);
    let name = "a hold too old";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 100);
}

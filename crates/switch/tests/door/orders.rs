//! All orders of arrival: what can happen to a transaction happens in every order, and in the end
//! everybody's books agree.
//!
//! A run is a list of choices among what is pending: a message arrives, a command becomes durable;
//! and, a few times in a run, something goes wrong. Every list up to that many wrong things is run,
//! each to its end. What is not wrong happens in every order as long as something wrong is still to
//! come or has come; a failing run prints its list. `SWITCH_MORE_WRONG=1` and
//! `SWITCH_MORE_CHOICES=1` look deeper.

use std::fmt::Write as _;

use peers::Task;
use peers::terminal::Receipt;

use crate::world::*;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// A command becomes durable, or a question is answered.
    Book,
    /// The network hears the next message.
    ToNetwork,
    /// The switch hears the network's next message.
    FromNetwork,
    /// The switch hears the terminals' next message.
    FromTerminal,
    /// The terminal hears its next answer.
    ToTerminal,
    /// The network has not answered in time.
    Timeout,
    /// The terminal takes back what it waits for, over another gateway.
    TerminalReverses,
    /// The terminal sends the same again, over another gateway.
    TerminalRepeats,
    /// The gateway dies with the answers that it has; the terminal gives up.
    GatewayDies,
    /// A gateway is so slow that what came later overtakes what it has.
    SlowGateway,
    /// The engine dies before the next command is durable.
    Crash,
    /// The engine dies when the next command is durable and nobody has heard of it.
    CrashUnheard,
    /// The links go down with all messages in them, and come up.
    Outage,
    /// The switch looks for what is held too long.
    Expiry,
}

const WRONG: [Choice; 9] = [
    Choice::Timeout,
    Choice::TerminalReverses,
    Choice::TerminalRepeats,
    Choice::GatewayDies,
    Choice::SlowGateway,
    Choice::Crash,
    Choice::CrashUnheard,
    Choice::Outage,
    Choice::Expiry,
];

fn is_possible(world: &World, choice: Choice) -> bool {
    let waits = world.terminals[0].terminal.waits();
    match choice {
        Choice::Book => !world.books.is_empty(),
        Choice::ToNetwork => !world.to_network.is_empty(),
        Choice::FromNetwork => !world.to_switch.is_empty(),
        Choice::FromTerminal => !world.from_terminal.is_empty(),
        Choice::ToTerminal => !world.to_terminal.is_empty(),
        Choice::Timeout => world.switch.in_flight() > 0 || world.switch.chased() > 0,
        Choice::TerminalReverses | Choice::TerminalRepeats | Choice::GatewayDies => waits,
        Choice::SlowGateway => world.from_terminal.len() > 1,
        Choice::Crash | Choice::Outage => true,
        Choice::CrashUnheard => !world.books.is_empty(),
        Choice::Expiry => world.holds_are_old,
    }
}

fn happens(world: &mut World, choice: Choice) {
    match choice {
        Choice::Book => {
            world.book();
        }
        Choice::ToNetwork => {
            world.network_hears();
        }
        Choice::FromNetwork => {
            world.switch_hears_network();
        }
        Choice::FromTerminal => {
            world.switch_hears_terminal();
        }
        Choice::ToTerminal => {
            world.terminal_hears();
        }
        Choice::Timeout => {
            let at = world.now + world.settings.timing.answer_ms + 1;
            world.now = at;
            world.time_passes(at);
        }
        Choice::TerminalReverses => {
            world.terminal_times_out(0);
            world.go_on(0);
        }
        Choice::TerminalRepeats => {
            if let Ok(message) = world.terminals[0].terminal.again(world.now) {
                world.send(0, message.to_vec());
            }
        }
        Choice::GatewayDies => {
            world.gateway_dies(0);
            world.terminal_times_out(0);
            world.go_on(0);
        }
        Choice::SlowGateway => world.from_terminal.rotate_left(1),
        Choice::Crash => world.crash(),
        Choice::CrashUnheard => {
            world.book_unheard();
            world.crash();
        }
        Choice::Outage => world.outage(0),
        Choice::Expiry => world.time_passes(world.now),
    }
}

/// What is run in every order: a preparation that goes well, and what is asked for then.
struct Scene {
    name: &'static str,
    prepare: fn(&mut World) -> Option<Receipt>,
    ask: fn(&mut World, Option<Receipt>),
    /// Wrong things in one run at the most.
    wrong: usize,
    /// Choices before everything goes its way.
    choices: usize,
}

/// The choices at the end of a list, without those that commute with others for certain: while
/// nothing has gone wrong, what is pending happens in one order only.
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
        let crashes = [Choice::Crash, Choice::CrashUnheard];
        let crashed = went_wrong.iter().any(|choice| crashes.contains(choice));
        let other = |choice: &Choice| !crashed || !crashes.contains(choice);
        let possible = WRONG.into_iter().filter(|choice| is_possible(world, *choice));
        next.extend(possible.filter(again).filter(other));
    }
    next
}

/// Runs a list of choices; tells what could come next, or the disagreements after the end.
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

/// A number that makes the exploration deeper, from the environment.
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
            world.quiet();
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
            panic!("{story}{}\n{:?}", wrong.join("\n"), world.happened);
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
    world.ask(0, Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: None }).unwrap();
}

#[test]
fn a_sale_in_every_order() {
    let scene = Scene { name: "a sale", prepare: nothing, ask: sell, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 1_000);
}

/// What the terminal has asked for is overtaken by its reversal.
fn overtaken(world: &mut World) {
    world.terminal_times_out(0);
    world.go_on(0);
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
        let task = Task::Cash { waybill: &waybill, amount: 10_000, tendered: 10_000 };
        world.ask(0, task).unwrap();
        overtaken(world);
    };
    let scene = Scene { name: "late cash", prepare: nothing, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 1_000);
}

#[test]
fn a_completion_that_its_reversal_overtakes_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, Task::Complete { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
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
        world.ask(0, Task::Void { stan: sale.unwrap().stan }).unwrap();
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
        let task = Task::PreAuthorise { waybill: &waybill, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
    };
    let scene = Scene { name: "a hold", prepare: nothing, ask, wrong: 2, choices: 6 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_completion_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, Task::Complete { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
    };
    let scene = Scene { name: "a completion", prepare: hold, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_void_of_a_pre_authorisation_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, Task::VoidPreAuthorisation { stan: held.unwrap().stan }).unwrap();
    };
    let scene = Scene { name: "a hold let go", prepare: hold, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

#[test]
fn an_offline_sale_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| {
        let parcel = world.parcel(10_000);
        let (waybill, card) = (waybill(parcel), card(1));
        world.ask(0, Task::Offline { waybill: &waybill, card: &card, amount: 10_000 }).unwrap();
    };
    let prepare = |world: &mut World| {
        world.does(0, Task::Parameters);
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
        world.ask(0, Task::Refund { receipt: &sale.unwrap(), amount: 4_000 }).unwrap();
    };
    let scene = Scene { name: "a refund", prepare, ask, wrong: 2, choices: 7 };
    assert!(explore(&scene) > 500);
}

fn old_hold(world: &mut World) -> Option<Receipt> {
    let held = hold(world);
    world.holds_get_old();
    held
}

#[test]
fn a_completion_and_the_end_of_the_holds_time_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, Task::Complete { stan: held.unwrap().stan, amount: 6_000 }).unwrap();
    };
    let name = "a late completion";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 500);
}

#[test]
fn a_void_and_the_end_of_the_holds_time_in_every_order() {
    let ask = |world: &mut World, held: Option<Receipt>| {
        world.ask(0, Task::VoidPreAuthorisation { stan: held.unwrap().stan }).unwrap();
    };
    let name = "a late void of a hold";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 500);
}

#[test]
fn the_end_of_a_holds_time_in_every_order() {
    let ask = |world: &mut World, _: Option<Receipt>| world.time_passes(world.now);
    let name = "a hold too old";
    let scene = Scene { name, prepare: old_hold, ask, wrong: 2, choices: 8 };
    assert!(explore(&scene) > 100);
}

//! The engine against a naive one: plain maps, a list of posting lines, balances by adding up.
//!
//! Random sequences of commands, most of them plausible, many of them retries or slightly wrong, go
//! to both. After each the two must agree about the answer, the facts, the postings and everything
//! that can be asked; at the end of each the books are restored and replayed. The seed is fixed;
//! each failure is shrunk and printed as a list of commands.
//!
//! - `REFERENCE_CASES=20000 cargo test -p engine --test reference` tries more sequences.
//! - `REFERENCE_SEED=7` starts elsewhere.
//! - `REFERENCE_COVERAGE=1 cargo test -p engine --test reference -- --nocapture` prints how often
//!   each command was carried out, found to be a retry, and refused.

#![allow(clippy::unwrap_used)]

mod compare;
mod coverage;
mod facts;
mod model;
mod run;
mod steps;
mod world;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestError, TestRunner};

use coverage::Coverage;
use run::Run;
use steps::Step;

/// Sequences per test, unless the environment says otherwise.
const CASES: u32 = 1_500;

/// A sequence, printed as a number: what it became is printed beside it.
#[derive(Clone)]
struct Sequence(u8, Vec<Step>);

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps in world {}", self.1.len(), self.0)
    }
}

fn from_environment<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

fn play(seed: u64, long_pauses: bool) {
    let cases = from_environment("REFERENCE_CASES").unwrap_or(CASES);
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed + from_environment("REFERENCE_SEED").unwrap_or(0)),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(steps::step(long_pauses), 1..220);
    let sequences = (0_u8..15, steps).prop_map(|(kind, steps)| Sequence(kind, steps));
    let coverage = RefCell::new(Coverage::default());
    let result = TestRunner::new(config).run(&sequences, |sequence| {
        let found = attempt(&sequence, &mut coverage.borrow_mut());
        found.map_err(|(what, _)| TestCaseError::fail(what))
    });
    match result {
        Ok(()) => report(&coverage.borrow(), cases),
        Err(TestError::Fail(_, sequence)) => {
            let (sequence, what, story) = shorten(sequence);
            panic!("{sequence:?}: {what}\n{story}");
        }
        Err(error) => panic!("{error}"),
    }
}

/// Gives a sequence to both. Where they disagree, or one of them stops: what is wrong, and what was
/// tried.
fn attempt(sequence: &Sequence, coverage: &mut Coverage) -> Result<(), (String, String)> {
    let mut run = Run::default();
    let taking = || run.take(sequence.0, &sequence.1, coverage);
    let found = quietly(|| std::panic::catch_unwind(AssertUnwindSafe(taking)));
    let found = found.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("stopped: {}", text.unwrap_or("without a word")))
    });
    found.map_err(|what| (what, run.story()))
}

/// A sequence that still fails and of which no step can be left out.
fn shorten(Sequence(kind, mut steps): Sequence) -> (Sequence, String, String) {
    let mut coverage = Coverage::default();
    let mut failing =
        |steps: &[Step]| attempt(&Sequence(kind, steps.to_vec()), &mut coverage).err();
    let (mut what, mut story) = failing(&steps).expect("it has failed before");
    let mut length = steps.len();
    while length > 0 {
        let (mut from, mut shortened) = (0, false);
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + length).min(steps.len()));
            match failing(&fewer) {
                Some(found) => ((what, story), steps, shortened) = (found, fewer, true),
                None => from += length,
            }
        }
        length = if shortened { length.min(steps.len()) } else { length / 2 };
    }
    (Sequence(kind, steps), what, story)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something that may panic often while a failure is shrunk: nobody wants to read all of them.
fn quietly<T>(what: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let done = what();
    QUIET.set(false);
    done
}

#[expect(clippy::print_stdout, reason = "asked for by whoever set the variable")]
fn report(coverage: &Coverage, cases: u32) {
    if std::env::var_os("REFERENCE_COVERAGE").is_some() {
        println!("{}", coverage.text());
    }
    let rare = coverage.check(u64::from(cases) / 20);
    rare.unwrap_or_else(|rare| panic!("the sequences do not reach enough:\n{rare}"));
}

#[test]
fn busy_days_end_as_a_naive_engine_says() {
    play(20_130_827, false);
}

#[test]
fn long_months_end_as_a_naive_engine_says() {
    play(20_120_319, true);
}

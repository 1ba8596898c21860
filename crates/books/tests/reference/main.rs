//! The engine against a naive model: plain maps, a list of postings, balances by adding up.
//!
//! Both get random sequences of commands: most plausible, many retried or slightly wrong. After
//! each command they must agree on the result, the events, the postings and all queries. At the end
//! of each sequence the books are restored and replayed. The seed is fixed. Each failure is shrunk
//! and printed as a list of commands.
//!
//! - `REFERENCE_CASES=20000 cargo test -p books --test reference` tries more sequences.
//! - `REFERENCE_SEED=7` starts elsewhere.
//! - `REFERENCE_COVERAGE=1 cargo test -p books --test reference -- --nocapture` prints how often
//!   each command was carried out, found to be a retry, and refused.

#![allow(clippy::unwrap_used)]

mod compare;
mod coverage;
mod facts;
mod model;
mod pending_requests;
mod run;
mod steps;
mod terminals;
mod world;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestError, TestRunner};

use compare::Finding;
use coverage::Coverage;
use run::Run;
use steps::Step;

/// Sequences per test, unless the environment sets another number.
const CASES: u32 = 1_000;

/// The kind of world and the steps in it.
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
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(steps::step(long_pauses), 1..250);
    let sequences = (0_u8..15, steps).prop_map(|(kind, steps)| Sequence(kind, steps));
    let coverage = RefCell::new(Coverage::default());
    let result = TestRunner::new(config).run(&sequences, |Sequence(kind, steps)| {
        let found = attempt(|run| run.take(kind, &steps, &mut coverage.borrow_mut()));
        found.map_err(|failure| TestCaseError::fail(failure.what))
    });
    match result {
        Ok(()) => report(&coverage.borrow(), cases),
        Err(TestError::Fail(_, Sequence(kind, steps))) => {
            let mut coverage = Coverage::default();
            let failure = attempt(|run| run.take(kind, &steps, &mut coverage));
            let failure = shorten(kind, failure.expect_err("it has failed before"));
            panic!("in world {kind}: {}\n{}", failure.what, failure.run.story());
        }
        Err(error) => panic!("{error}"),
    }
}

/// A mismatch and its run.
struct Failure {
    what: String,
    run: Box<Run>,
}

/// Runs a sequence. The two may disagree, or one may panic.
fn attempt(sequence: impl FnOnce(&mut Run) -> Finding) -> Result<(), Failure> {
    let mut run = Box::new(Run::default());
    let found = quietly(|| std::panic::catch_unwind(AssertUnwindSafe(|| sequence(&mut run))));
    let found = found.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("stopped: {}", text.unwrap_or("without a word")))
    });
    found.map_err(|what| Failure { what, run })
}

/// Shrinks a failure until no command can be left out.
fn shorten(kind: u8, mut failure: Failure) -> Failure {
    let mut length = failure.run.commands().len();
    while length > 0 {
        let (mut from, mut shorter) = (0, false);
        while from < failure.run.commands().len() {
            let mut fewer = failure.run.commands();
            fewer.drain(from..(from + length).min(fewer.len()));
            match attempt(|run| run.repeat(kind, &fewer)) {
                Err(found) => (failure, shorter) = (found, true),
                Ok(()) => from += length,
            }
        }
        length = if shorter { length } else { length / 2 };
    }
    failure
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something that may panic often while a failure is shrunk, without printing the panics.
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
    if cases >= CASES {
        let rare = coverage.check(u64::from(cases) / 20);
        rare.unwrap_or_else(|rare| panic!("the sequences do not reach enough:\n{rare}"));
    }
}

#[test]
fn busy_days_end_as_a_naive_engine_says() {
    play(20_130_827, false);
}

#[test]
fn long_months_end_as_a_naive_engine_says() {
    play(20_120_319, true);
}

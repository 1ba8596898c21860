//! One name for one meaning. docs/glossary.md has the words; docs/decisions/0008-words.md the
//! reasons.

use tidy::names::{self, Exception, NamePlace, RetiredWord};

use super::{File, TREE, assert_tidy, every};

/// This file, for complaints about its lists.
const LIST: (&str, u32) = (file!(), line!());

/// The naive model is written from the same vocabulary and shares no code with the engine, so its
/// types have the engine's names.
const NAIVE_MODEL: &str = "crates/books/tests/reference/";

/// Public types that share a name.
const SHARED_TYPE_NAMES: [Exception; 8] = [
    Exception {
        name: "World",
        under: "crates/books/tests/",
        reason: "each crate's tests have one world: the machine under test and its surroundings",
    },
    Exception {
        name: "World",
        under: "crates/switch/tests/",
        reason: "each crate's tests have one world: the machine under test and its surroundings",
    },
    Exception {
        name: "Command",
        under: "crates/engine/",
        reason: "the engine's is composed of the machines' own",
    },
    Exception {
        name: "CommandOutcome",
        under: "crates/engine/",
        reason: "the engine's is composed of the machines' own",
    },
    Exception {
        name: "Refusal",
        under: "crates/engine/",
        reason: "the engine's is composed of the machines' own",
    },
    Exception {
        name: "Snapshot",
        under: "crates/engine/",
        reason: "the engine's is composed of the machines' own",
    },
    Exception {
        name: "CountAndAmount",
        under: "crates/sim/",
        reason: "sums of a day: u64, without the engine's limits",
    },
    Exception {
        name: "Rrn",
        under: "crates/peers/",
        reason: "the simulated peers share no code with the switch",
    },
];

/// Words that no name may contain.
const RETIRED_WORDS: [RetiredWord; 32] = [
    retired("bury", "say `closing` or `delete`"),
    retired("chase", "say `reversal` or `follow_up`"),
    retired("chased", "say `reversal` or `follow_up`"),
    retired("chases", "say `reversal` or `follow_up`"),
    retired("chasing", "say `reversal` or `follow_up`"),
    retired("crew", "say `processes`"),
    retired("crowd", "say `connection_counter`"),
    retired("crowds", "say `connection_counters`"),
    retired("deed", "say `action`"),
    retired("desk", "say `command_queue`"),
    retired("doomed", "say `closing`"),
    retired("fate", "say `script` or `outcome`"),
    retired("guest", "say `connection`"),
    retired("guests", "say `admission` or `connections`"),
    retired("habit", "say `connection_policy`"),
    retired("habits", "say `connection_policy`"),
    retired("happening", "say `operator_event`"),
    retired("mishap", "say `fault`"),
    retired("photograph", "say `snapshot_job`"),
    retired("promise", "say `pre_authorisation`"),
    retired("promised", "say `pre_authorised`"),
    retired("promises", "say `pre_authorisations`"),
    retired("stranger", "say `unauthenticated`"),
    retired("strangers", "say `unauthenticated`"),
    retired("takeback", "say `reversal`"),
    retired("teller", "say `log_sink`"),
    retired("tender", "say `payment_method`"),
    retired("till", "say `terminal_driver`"),
    retired("tills", "say `terminal_drivers`"),
    retired("unheard", "say `reversal_without_original`"),
    retired("unhold", "say `void_preauth`"),
    retired("warm", "say `prefetch`"),
];

/// Names that no type may have. Inside a longer name, and for functions, their words are fine.
const RETIRED_TYPES: [RetiredWord; 17] = [
    retired("Asked", "say `RequestKind`"),
    retired("Door", "say `TerminalBatch` or `EngineHost`"),
    retired("Doors", "say `TerminalBatches`"),
    retired("Fact", "say `QueryResult`"),
    retired("Goods", "say `Workload`"),
    retired("Ground", "say `Fixture`"),
    retired("Heading", "say `RequestHeader`"),
    retired("Letter", "say `Request`"),
    retired("Mark", "say `DuplicateKey`"),
    retired("Post", "say `RequestSender`"),
    retired("Sink", "say `ReplySink`"),
    retired("Small", "say `ReferenceData`"),
    retired("Stand", "name its subject: `…Status`"),
    retired("Standing", "name its subject: `…Status`"),
    retired("TakingBack", "say `Reversing`"),
    retired("UndoVoid", "say `ReverseVoid`"),
    retired("Work", "say `InFlight`"),
];

const KEYS_OF_SETTINGS: &str = "a key of doorstep.toml";

/// Names with a retired word that may stay.
const ALLOWED: [Exception; 4] = [
    Exception { name: "chase_first_ms", under: "crates/", reason: KEYS_OF_SETTINGS },
    Exception { name: "chase_most_ms", under: "crates/", reason: KEYS_OF_SETTINGS },
    Exception { name: "tender", under: "crates/doorstep/", reason: "the flag `day --tender`" },
    Exception {
        name: "bytes_that_promise_more_than_they_hold_are_refused_at_once",
        under: "crates/books/",
        reason: "the verb, in a test's name",
    },
];

#[test]
fn a_public_type_name_has_one_meaning() {
    let places = of_all(|file| {
        let model = file.path.starts_with(NAIVE_MODEL);
        if model { Vec::new() } else { names::public_types(&file.path, &file.code) }
    });
    assert_tidy(&names::repeated_types(list(), &places, &SHARED_TYPE_NAMES));
}

#[test]
fn no_retired_word_comes_back() {
    let places = of_all(|file| names::identifiers(&file.path, &file.code));
    assert_tidy(&names::retired_words(list(), &places, &RETIRED_WORDS, &ALLOWED));
}

#[test]
fn no_retired_type_comes_back() {
    let places = of_all(|file| names::types(&file.path, &file.code));
    assert_tidy(&names::retired_types(&places, &RETIRED_TYPES));
}

#[test]
fn no_comment_only_repeats_a_name() {
    every(&["rs"], |file| names::repeating_comments(&file.path, &file.text));
}

const fn retired(word: &'static str, instead: &'static str) -> RetiredWord {
    RetiredWord { word, instead }
}

fn of_all(find: impl Fn(&File) -> Vec<NamePlace>) -> Vec<NamePlace> {
    TREE.files.iter().filter(|file| file.kind == "rs").flat_map(find).collect()
}

fn list() -> (&'static str, usize) {
    (LIST.0, usize::try_from(LIST.1).expect("a line number fits"))
}

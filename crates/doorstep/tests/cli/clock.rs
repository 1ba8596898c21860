//! The clock of the machine and the time of the books.

use std::time::{SystemTime, UNIX_EPOCH};

use books::{Command, OpenBooks, PersonId, Timestamp};
use engine::{Actor, Submission};
use journal::DataDirectory;
use node::{Node, NodeOptions};

use super::support::Bed;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const WRITING: [&str; 5] = [
    "setup bank house --currency CNY --data",
    "do RegisterBank --reference house --currency CNY --data",
    "import --orders orders.csv --profile doorstep --data",
    "file alpha.csv --network alpha --data",
    "approve 1 --data",
];

/// Books with one entry, this long from now.
pub fn books(bed: &Bed, name: &str, from_now_ms: i64, trial: bool) {
    let directory = DataDirectory::create(&bed.path(name)).unwrap();
    let journal = Box::new(directory.journal().unwrap());
    let snapshots = Box::new(directory.snapshots().unwrap());
    let node = Node::start(journal, snapshots, NodeOptions::default()).unwrap();
    let (first_person, second_person) = (PersonId(1), PersonId(2));
    let open = OpenBooks { utc_offset_minutes: 480, first_person, second_person, trial };
    let open = Submission::new(Actor::System, Command::OpenBooks(open));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let at = u64::try_from(now).unwrap().saturating_add_signed(from_now_ms);
    let done = node.client().execute(vec![(Some(Timestamp(at)), open)]).unwrap();
    assert!(done[0].is_ok());
    node.stop().unwrap();
    // The program creates files for their owner only; this process does not.
    assert!(bed.command("chmod").args(["-R", "go=", name]).status().unwrap().success());
}

#[test]
fn a_clock_that_does_not_fit_the_books_stops_every_writing_command() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.write("alpha.csv", "");
    books(&bed, "ahead", 6 * MINUTE_MS, false);
    books(&bed, "old", -31 * DAY_MS, false);
    for (name, words) in [("ahead", "clock is behind the books"), ("old", "far ahead of the books")]
    {
        for line in WRITING {
            bed.run(&format!("{line} {name}")).fails(words).says("--accept-clock");
        }
        // Whoever only reads is not stopped.
        bed.run(&format!("status --data {name}")).succeeds();
        bed.run(&format!("verify --data {name}")).succeeds().prints("from 20");
    }
}

#[test]
fn the_operator_can_vouch_for_the_clock_and_trials_live_at_any_time() {
    let bed = Bed::new();
    books(&bed, "ahead", 6 * MINUTE_MS, false);
    // The next thing that is missing are the persons.
    let bank = "setup bank house --currency CNY";
    bed.run(&format!("--accept-clock {bank} --data ahead")).fails("is no person of these books");
    bed.run(&format!("{bank} --accept-clock --data ahead")).fails("is no person of these books");
    books(&bed, "trial", -400 * DAY_MS, true);
    bed.run(&format!("{bank} --person 1 --data trial")).succeeds();
    for (name, from_now_ms) in [("near", 4 * MINUTE_MS), ("month", -29 * DAY_MS)] {
        books(&bed, name, from_now_ms, false);
        bed.run(&format!("{bank} --data {name}")).fails("is no person of these books");
    }
}

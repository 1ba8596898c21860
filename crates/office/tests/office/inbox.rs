//! The inbox: files that belong together wait for each other, in whatever order they come.

use std::time::Duration;

use office::inbox::{Inbox, InboxTaker, TakenFromInbox};
use office::take::{FileCompany, GivenFile, TakeRequest};

use super::*;

/// Files are `DAY-KIND`: a statement, its notification, or a bill that is whole.
#[derive(Default)]
struct Taker {
    taken: Vec<Vec<String>>,
}

fn parts(name: &str) -> (&str, &str) {
    name.split_once('-').unwrap()
}

impl InboxTaker for Taker {
    fn company(
        &mut self,
        _: &TakeRequest,
        file: &mut GivenFile,
    ) -> Option<Result<FileCompany, String>> {
        Some(match parts(&file.name).1 {
            "statement" => Ok(FileCompany::MayHaveDetails),
            "notification" => Ok(FileCompany::Details),
            "bill" => Ok(FileCompany::Whole),
            _ => Err("no format fits it".to_owned()),
        })
    }

    fn take(&mut self, request: &TakeRequest, files: &mut [GivenFile]) -> Option<TakenFromInbox> {
        let names: Vec<String> = files.iter().map(|one| one.name.clone()).collect();
        let day = parts(&names[0]).0;
        if names.iter().any(|name| parts(name).0 != day) {
            return Some(Err("no entry of the statement is in the notification".to_owned()));
        }
        if names.iter().all(|name| parts(name).1 == "notification") {
            return Some(Err("the file has only details".to_owned()));
        }
        if !request.dry_run {
            self.taken.push(names);
        }
        Some(Ok(Vec::new()))
    }
}

struct Room {
    bed: Bed,
    inbox: Inbox,
    taker: Taker,
}

impl Room {
    fn new(wait: Duration) -> Room {
        let bed = Bed::open(true);
        let inbox = Inbox::open(&bed.path().join("inbox"), wait).unwrap();
        Room { bed, inbox, taker: Taker::default() }
    }

    fn put(&self, name: &str) {
        fs::write(self.bed.path().join("inbox").join(name), name).unwrap();
    }

    /// Two rounds: in the first a file could still grow.
    fn rounds(&mut self) -> Vec<(String, bool)> {
        let mut done = Vec::new();
        for _ in 0..2 {
            let round = self.inbox.round(&mut self.taker).unwrap();
            done.extend(round.into_iter().map(|one| (one.name, one.taken.is_ok())));
        }
        done.sort();
        done
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.bed.path().join("inbox").join(name)).unwrap()
    }
}

const LONG: Duration = Duration::from_secs(3_600);

fn taken(names: &[&str]) -> Vec<(String, bool)> {
    names.iter().map(|name| ((*name).to_owned(), true)).collect()
}

#[test]
fn a_file_waits_for_the_one_that_it_belongs_with_in_whatever_order_they_come() {
    for names in [["1-statement", "1-notification"], ["1-notification", "1-statement"]] {
        let mut room = Room::new(LONG);
        room.put(names[0]);
        assert_eq!(room.rounds(), []);
        // Neither that of another day nor a file that is whole is held up, or taken with it.
        room.put("2-notification");
        room.put("0-bill");
        assert_eq!(room.rounds(), taken(&["0-bill"]));
        room.put(names[1]);
        assert_eq!(room.rounds(), taken(&["1-notification", "1-statement"]));
        let together = ["1-statement", "1-notification"].map(str::to_owned).to_vec();
        assert_eq!(room.taker.taken[1], together);
        assert_eq!(room.rounds(), []);
        room.put("2-statement");
        assert_eq!(room.rounds(), taken(&["2-notification", "2-statement"]));
    }
}

#[test]
fn the_wait_ends_with_a_refusal_of_details_and_without_them_for_the_others() {
    let mut room = Room::new(Duration::ZERO);
    room.put("1-notification");
    room.put("2-statement");
    room.put("3-nothing");
    let done = room.rounds();
    let expected = [("1-notification", false), ("2-statement", true), ("3-nothing", false)];
    assert_eq!(done, expected.map(|(name, good)| (name.to_owned(), good)));
    assert!(room.read("refused/1-notification.txt").contains("the file has only details"));
    assert!(room.read("refused/3-nothing.txt").contains("no format fits it"));
    assert_eq!(room.taker.taken, [vec!["2-statement".to_owned()]]);
}

//! Backups while terminals sell. For a load of 2,000 sales a second, with a build of the profile
//! dist: `doorstep bench door --terminals 2000 --rate 2000 --seconds 60 --data door`, and beside it
//! `doorstep backup kept --data door/books` again and again; then `doorstep restore kept --data
//! again`.

use std::process::Stdio;

use super::support::{Bed, Ran, number, text};

/// Makes backups while terminals sell for some seconds. Gives the batch of each backup.
fn backups_of_sales(bed: &Bed, seconds: u32) -> Vec<i64> {
    let line = format!(
        "bench door --terminals 40 --gateways 0 --rate 200 --seconds {seconds} --idle 0 \
         --data door --json"
    );
    let mut sales = bed.doorstep(&line);
    sales.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut selling = sales.spawn().unwrap();
    let mut batches = Vec::new();
    while selling.try_wait().unwrap().is_none() {
        // Before it serves the benchmark makes the books, and afterwards it reads them.
        if bed.has("door/books.control/control.sock") {
            let backup = Ran::of(&mut bed.doorstep("backup kept --data door/books --json"));
            batches.push(number(&backup.succeeds().json(), "/batch"));
        } else {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let figures = Ran::end_of(&sales, selling).succeeds().json();
    assert_eq!(figures["books_equal"], true, "{figures:#}");
    assert_eq!(number(&figures, "/lost"), 0, "{figures:#}");
    assert!(batches.is_sorted(), "{batches:?}");
    batches
}

#[test]
fn backups_that_are_made_while_terminals_sell_are_restored_and_verified() {
    // A slow machine makes no second backup in the first five seconds of sales.
    let mut tries = [5, 20, 80].into_iter().map(|seconds| {
        let bed = Bed::new();
        let batches = backups_of_sales(&bed, seconds);
        (bed, batches)
    });
    let sold_between = |batches: &[i64]| batches.first() < batches.last();
    let (bed, batches) = tries.find(|(_, batches)| sold_between(batches)).unwrap();
    let during = *batches.last().unwrap();

    // What was copied under load is, batch by batch, what the books have.
    bed.run("backup kept --check").succeeds();
    bed.run("restore kept --data again").succeeds();
    let restored = bed.verified("again");
    assert_eq!(number(&restored, "/batches"), during);
    bed.run("backup whole --data door/books").succeeds();
    bed.run(&format!("restore whole --data same --until {during}")).succeeds();
    assert_eq!(text(&bed.verified("same"), "/digest"), text(&restored, "/digest"));
}

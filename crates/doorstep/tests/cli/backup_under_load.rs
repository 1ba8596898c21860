//! Backups while terminals sell. For a load of 2,000 sales a second, with a build of the profile
//! dist: `doorstep bench door --terminals 2000 --rate 2000 --seconds 60 --data door`, and beside it
//! `doorstep backup kept --data door/books` again and again; then `doorstep restore kept --data
//! again`.

use std::process::Stdio;

use super::support::{Bed, Ran, number, text};

#[test]
fn backups_that_are_made_while_terminals_sell_are_restored_and_verified() {
    let bed = Bed::new();
    let line = "bench door --terminals 40 --gateways 0 --rate 200 --seconds 5 --idle 0 --data door \
                --json";
    let mut sales = bed.doorstep(line);
    sales.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut selling = sales.spawn().unwrap();
    let (mut made, mut batches) = (0, Vec::new());
    while selling.try_wait().unwrap().is_none() {
        // Before it serves the benchmark makes the books, and afterwards it reads them.
        if bed.has("door/books.control/control.sock") {
            let backup = Ran::of(&mut bed.doorstep("backup kept --data door/books --json"));
            batches.push(number(&backup.succeeds().json(), "/batch"));
            made += 1;
        } else {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let figures = Ran::end_of(&sales, selling).succeeds().json();
    assert_eq!(figures["books_equal"], true, "{figures:#}");
    assert_eq!(number(&figures, "/lost"), 0, "{figures:#}");
    assert!(made >= 2 && batches.is_sorted(), "{batches:?}");
    let during = *batches.last().unwrap();
    assert!(during > batches[0], "sales went on between two backups: {batches:?}");

    // What was copied under load is, batch by batch, what the books have.
    bed.run("backup kept --check").succeeds();
    bed.run("restore kept --data again").succeeds();
    let restored = bed.verified("again");
    assert_eq!(number(&restored, "/batches"), during);
    bed.run("backup whole --data door/books").succeeds();
    bed.run(&format!("restore whole --data same --until {during}")).succeeds();
    assert_eq!(text(&bed.verified("same"), "/digest"), text(&restored, "/digest"));
}

//! Backups while terminals sell.

use super::support::{Bed, number, text};

#[test]
fn backups_that_are_made_while_terminals_sell_are_restored_and_verified() {
    // A slow machine makes no second backup in the first five seconds of sales.
    let mut tries = [5, 20, 80].into_iter().map(|seconds| {
        let bed = Bed::new();
        let line = format!(
            "bench backup --terminals 40 --rate 200 --seconds {seconds} --data load --json"
        );
        let figures = bed.run(&line).succeeds().json();
        (bed, figures)
    });
    let sold_between = |figures: &serde_json::Value| {
        number(figures, "/first_batch") < number(figures, "/last_batch")
    };
    let (bed, figures) = tries.find(|(_, figures)| sold_between(figures)).unwrap();
    assert_eq!(figures["books_equal"], true, "{figures:#}");
    assert!(number(&figures, "/backups") > 1, "{figures:#}");
    bed.run("backup load/kept --check").succeeds();
    let restored = bed.verified("load/again");
    assert_eq!(number(&restored, "/batches"), number(&figures, "/last_batch"));
    assert_eq!(text(&restored, "/digest"), text(&figures, "/digest"));
}

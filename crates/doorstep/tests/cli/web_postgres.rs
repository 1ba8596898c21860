//! The API over views on a server that goes away and comes back.

use bench::PostgresCluster;

use super::support::eventually;
use super::web::{bank, served_with};

/// Readers that the server may keep: more reads than these find no broken one.
const READS: usize = 80;

#[test]
fn a_server_that_is_gone_is_a_problem_and_is_read_again_once_it_is_back() {
    let mut server = PostgresCluster::quick().unwrap();
    let served = served_with(&format!("[views]\nurl = \"{}\"\n\n", server.url()), |_| {});
    served.get("/v1/banks").is(200);
    // Several readers at once: all their connections break.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| served.get("/v1/banks").is(200));
        }
    });
    server.stop();
    for _ in 0..3 {
        let gone = served.get("/v1/banks").is(503);
        assert!(gone.header("retry-after").is_some(), "{gone:?}");
        gone.problem(503, "views-unavailable");
    }
    // The books are not the views.
    served.give("register-bank", "k-gone", &bank("written-meanwhile")).is(200);
    server.start_again().unwrap();
    let path = "/v1/banks?reference=written-meanwhile";
    eventually("the views are read again", || served.get(path).status == 200);
    for _ in 0..READS {
        let list = served.get(path).is(200).json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
}

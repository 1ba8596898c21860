//! The program from outside, as whoever runs it sees it: what it prints, writes and answers.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cli {
    mod bed;

    mod bank;
    mod day;
    mod directories;
    mod explain;
    mod exports;
    mod flags;
    mod full_disk;
    mod help;
    mod import;
    mod kills;
    mod orders;
    mod output;
    mod tariffs;
    mod verify;
}

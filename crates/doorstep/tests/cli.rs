//! The program from outside, as whoever runs it sees it: what it prints, writes and answers.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cli {
    mod bed;
    mod ground;
    mod process;

    mod bank;
    mod bench_door;
    mod day;
    mod directories;
    mod explain;
    mod exports;
    mod flags;
    mod full_disk;
    mod help;
    mod import;
    mod independent;
    mod keys;
    mod kills;
    mod network;
    mod orders;
    mod output;
    mod serve;
    mod tariffs;
    mod terminal;
    mod trial;
    mod verify;
}

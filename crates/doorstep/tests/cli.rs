//! End-to-end tests of the program: its output, files and exit status.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cli {
    mod ground;
    mod process;
    mod support;

    mod adjustments;
    mod bank;
    mod bench_door;
    mod calendar;
    mod chinese;
    mod clock;
    mod day;
    mod differences;
    mod directories;
    mod do_command;
    mod explain;
    mod exports;
    mod firm_statement;
    mod flags;
    mod full_disk;
    mod help;
    mod import;
    mod independent;
    mod keys;
    mod killed_writes;
    mod kills;
    mod log;
    mod logs;
    mod looks;
    mod memory;
    mod modes;
    mod month;
    mod network;
    mod office;
    mod open_items;
    mod order_files;
    mod orders;
    mod output;
    mod over_socket;
    mod parties;
    mod payout_accounts;
    mod recompute;
    mod refusals;
    mod serve;
    mod several_days;
    mod start;
    mod take;
    mod tariffs;
    mod terminal;
    mod trial;
    mod verify;
}

//! A full disk in the middle of a day, simulated by a limit on file sizes.

use super::support::{Bed, DOORSTEP, Ran, number, text, tool};

const DAY: &str = "day --parcels 200 --faults 300 --date 2013-11-11 --data books --json";

/// Runs the day with a limit on each file, in KiB.
fn run_with_limit(bed: &Bed, kib: u32) -> Ran {
    let mut bash = tool(bed, "bash");
    let script = format!("ulimit -f {kib}; exec {DOORSTEP} {DAY}");
    Ran::of(bash.arg("-c").arg(script))
}

#[test]
fn a_disk_that_is_full_in_mid_commit_stops_the_day_and_it_goes_on_when_there_is_room() {
    let undisturbed = Bed::new();
    let undisturbed = undisturbed.run(DAY).succeeds().json();
    let bed = Bed::new();
    let mut last = 0;
    // Each run finds a little more room than the one before.
    for kib in [200, 300, 400] {
        let ran = run_with_limit(&bed, kib);
        let journal = bed.path("books/journal.sqlite");
        let ran = ran.fails(&format!(
            "error: the journal could not be written: no room to write {} (",
            journal.display()
        ));
        ran.says(
            "). Free space on that disk and start again: everything acknowledged is kept. Then \
             run the same command again: the day continues from the books in books\n",
        );
        let batches = number(&bed.verified("books"), "/batches");
        assert!(batches > last, "{batches} batches, {last} before");
        assert!(!bed.has("books/payouts.csv"), "the day is not over");
        last = batches;
    }
    let day = bed.run(DAY).succeeds().json();
    assert_eq!(text(&day, "/digest"), text(&undisturbed, "/digest"));
    assert!(number(&bed.verified("books"), "/batches") > last);
}

#[test]
fn a_full_disk_is_reported_in_chinese_too() {
    let bed = Bed::new();
    let mut bash = tool(&bed, "bash");
    let script = format!("ulimit -f 200; exec {DOORSTEP} {DAY}");
    let ran = Ran::of(bash.env("LC_ALL", "zh_CN.UTF-8").arg("-c").arg(script));
    let ran = ran.fails("错误：日志写入失败：没有空间写入 ");
    ran.says("；请清理该磁盘后重新启动，已确认的内容均已保存。之后再次运行同一命令：从 books 中");
}

#[test]
fn a_disk_that_is_full_from_the_start_leaves_nothing_that_stands_in_the_way() {
    let bed = Bed::new();
    run_with_limit(&bed, 4).fails("error: no room to write ").says("Free space on that disk");
    bed.run(DAY).succeeds();
}

#[test]
fn an_export_on_a_full_disk_names_its_file_and_the_remedy() {
    let bed = Bed::new();
    bed.run(DAY).succeeds();
    for (lang, words, remedy) in [
        ("en", "--out out.csv: the file cannot be written: ", "; free space on that disk, or "),
        ("zh", "--out out.csv：无法写入该文件：", "；请清理该磁盘，或另选文件"),
    ] {
        let export = "export --data books --format csv --out out.csv";
        let script = format!("ulimit -f 40; exec {DOORSTEP} {export} --lang {lang}");
        Ran::of(tool(&bed, "bash").arg("-c").arg(script)).fails(words).says(remedy);
        assert!(!bed.has("out.csv"));
    }
}

#[test]
fn a_file_of_payouts_that_cannot_be_written_is_named_and_written_the_next_time() {
    let bed = Bed::new();
    let day = bed.run(DAY).succeeds().json();
    let payouts = bed.read("books/payouts.csv");
    std::fs::remove_file(bed.path("books/payouts.csv")).unwrap();
    bed.private_directory("books/payouts.csv");
    bed.run(DAY).fails(
        "error: books/payouts.csv is a device, a pipe or a directory: give the name of a file",
    );
    std::fs::remove_dir(bed.path("books/payouts.csv")).unwrap();
    assert_eq!(bed.run(DAY).succeeds().json()["digest"], day["digest"]);
    assert_eq!(bed.read("books/payouts.csv"), payouts);
}

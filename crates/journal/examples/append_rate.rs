//! Compares the journal with a plain file: appends per second, and the time of each.
//!
//!     cargo run --profile dist -p journal --example append_rate -- \
//!         [--directory target/append_rate] [--seconds 3] [--page 8192] [--checkpoint 2097152]
//!
//! For each payload size, in one run: `file` appends to a growing file and calls fdatasync; `again`
//! overwrites an existing file, with fdatasync; `journal` is [`journal::SqliteJournal::append`]
//! with hash and leadership check. `%` is the rate relative to `file`. Then it reads everything
//! back with every hash checked, and measures appends while a snapshot is written, in one thread
//! each.
//!
//! The three take turns of a quarter of a second, so that a slow moment of the disk or the machine
//! affects all of them.
//!
//! The directory is created or emptied. Its disk decides the results: one that acknowledges a sync
//! from a volatile cache gives other numbers than one that does not.

#![allow(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use journal::{
    ChainHash, Journal, JournalBatches, Sequence, SnapshotDirectory, SqliteJournal, SqliteReader,
    Tuning,
};

const PAYLOAD_BYTES: [usize; 5] = [100, 4 << 10, 64 << 10, 256 << 10, 1 << 20];
/// The size of the file that `again` overwrites from its start.
const AGAIN_BYTES: usize = 16 << 20;
const TURN: Duration = Duration::from_millis(250);
const READ_BYTES: usize = 1 << 20;
const SNAPSHOT_PART_BYTES: usize = 1 << 20;
const SNAPSHOT_PARTS: usize = 512;

struct Settings {
    directory: PathBuf,
    duration: Duration,
    tuning: Tuning,
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings = settings()?;
    let directory = &settings.directory;
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    println!("{} {:?}", directory.display(), settings.tuning);
    println!("  bytes  what       a second   MB/s  p50 µs  p99 µs p99.9 µs  max µs     %");
    for bytes in PAYLOAD_BYTES {
        compare(&settings, bytes)?;
    }
    read_back(directory)?;
    beside_a_snapshot(&settings)?;
    fs::remove_dir_all(directory)?;
    Ok(())
}

fn settings() -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings {
        directory: PathBuf::from("target/append_rate"),
        duration: Duration::from_secs(3),
        tuning: Tuning::default(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--directory" => settings.directory = PathBuf::from(value),
            "--seconds" => settings.duration = Duration::from_secs(value.parse()?),
            "--page" => settings.tuning.page_bytes = value.parse()?,
            "--checkpoint" => settings.tuning.checkpoint_bytes = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(settings)
}

/// Incompressible bytes, the same in each run.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}

#[derive(Default)]
struct Times {
    elapsed: Duration,
    micros: Vec<u128>,
}

impl Times {
    /// Repeats `write` for one turn.
    fn measure(
        &mut self,
        mut write: impl FnMut() -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while started.elapsed() < TURN {
            let before = Instant::now();
            write()?;
            self.micros.push(before.elapsed().as_micros());
        }
        self.elapsed += started.elapsed();
        Ok(())
    }

    /// Prints a line and returns the writes per second.
    fn report(mut self, bytes: usize, what: &str, against: Option<u128>) -> u128 {
        self.micros.sort_unstable();
        let count = self.micros.len();
        let at = |per_mille: usize| self.micros.get(count * per_mille / 1_000).unwrap_or(&0);
        let rate = self.micros.len() as u128 * 1_000_000 / self.elapsed.as_micros().max(1);
        let megabytes = rate * bytes as u128 / 1_000_000;
        let percent = against.map(|file| format!("{}", rate * 100 / file.max(1)));
        println!(
            "{bytes:>7}  {what:<9} {rate:>9} {megabytes:>6} {:>7} {:>7} {:>8} {:>7} {:>5}",
            at(500),
            at(990),
            at(999),
            self.micros.last().unwrap_or(&0),
            percent.unwrap_or_default()
        );
        rate
    }
}

fn compare(settings: &Settings, bytes: usize) -> Result<(), Box<dyn Error>> {
    let payload = noise(bytes);
    let (file_path, again_path) =
        (settings.directory.join("file"), settings.directory.join("again"));
    let mut file = File::create(&file_path)?;
    let mut again = File::create(&again_path)?;
    again.write_all(&noise(AGAIN_BYTES))?;
    again.sync_all()?;
    let mut place = 0;
    let mut journal = new_journal(settings)?;
    let epoch = journal.lead()?.epoch;
    let mut times = [Times::default(), Times::default(), Times::default()];
    while times[0].elapsed < settings.duration {
        times[0].measure(|| {
            file.write_all(&payload)?;
            Ok(file.sync_data()?)
        })?;
        times[1].measure(|| {
            place = if place + bytes > AGAIN_BYTES { 0 } else { place };
            again.seek(SeekFrom::Start(place as u64))?;
            again.write_all(&payload)?;
            place += bytes;
            Ok(again.sync_data()?)
        })?;
        times[2].measure(|| Ok(journal.append(epoch, &payload).map(drop)?))?;
    }
    let [file, again, journal] = times;
    let against = file.report(bytes, "file", None);
    again.report(bytes, "again", Some(against));
    journal.report(bytes, "journal", Some(against));
    fs::remove_file(file_path)?;
    Ok(fs::remove_file(again_path)?)
}

fn journal_path(directory: &Path) -> PathBuf {
    directory.join("journal.sqlite")
}

fn new_journal(settings: &Settings) -> Result<SqliteJournal, Box<dyn Error>> {
    let path = journal_path(&settings.directory);
    if path.exists() {
        fs::remove_file(&path)?;
    }
    Ok(SqliteJournal::create_tuned(&path, settings.tuning)?)
}

fn read_back(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut journal = SqliteReader::open(&journal_path(directory))?;
    let started = Instant::now();
    let (mut batches, mut bytes) = (0_u128, 0_u128);
    for batch in JournalBatches::new(&mut journal, Sequence::FIRST, READ_BYTES) {
        batches += 1;
        bytes += batch?.payload.len() as u128;
    }
    let micros = started.elapsed().as_micros().max(1);
    println!("read back and checked: {batches} batches, {} MB/s", bytes / micros);
    Ok(())
}

fn beside_a_snapshot(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let payload = noise(4 << 10);
    let mut journal = new_journal(settings)?;
    let epoch = journal.lead()?.epoch;
    let mut append = || Ok(journal.append(epoch, &payload).map(drop)?);
    let snapshots = SnapshotDirectory::open(&settings.directory.join("snapshots"))?;
    let finished = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let written = write_snapshot(&snapshots);
            finished.store(true, Ordering::Relaxed);
            written
        });
        let mut times = Times::default();
        while !finished.load(Ordering::Relaxed) {
            times.measure(&mut append)?;
        }
        times.report(payload.len(), "beside it", None);
        let written = writer.join().map_err(|_| "the snapshot's writer has panicked")?;
        Ok::<_, Box<dyn Error>>(written.map_err(|error| error.to_string())?)
    })?;
    let bytes = (SNAPSHOT_PARTS * SNAPSHOT_PART_BYTES) as u128;
    let started = Instant::now();
    let mut parts = 0;
    for part in snapshots.open_snapshot(Sequence::FIRST)? {
        part?;
        parts += 1;
    }
    println!(
        "snapshot of {parts} parts: written at {} MB/s beside appends, read and checked at {} MB/s",
        bytes / written.as_micros().max(1),
        bytes / started.elapsed().as_micros().max(1)
    );
    Ok(())
}

fn write_snapshot(snapshots: &SnapshotDirectory) -> Result<Duration, journal::SnapshotError> {
    let part = noise(SNAPSHOT_PART_BYTES);
    let started = Instant::now();
    let mut writer = snapshots.begin(Sequence::FIRST, ChainHash::ZERO)?;
    for _ in 0..SNAPSHOT_PARTS {
        writer.write_part(&part)?;
    }
    writer.finish([0; 32])?;
    Ok(started.elapsed())
}

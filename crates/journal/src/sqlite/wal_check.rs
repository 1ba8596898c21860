//! A check that SQLite does not make: whether its write-ahead log has lost durable transactions.
//!
//! SQLite reads its log up to the first frame with a wrong checksum, and ignores the rest. After a
//! power cut that is right: the last transaction was never acknowledged. But a bad sector in the
//! middle would silently remove acknowledged batches. The two cases differ: a transaction is
//! written only after the one before it is synced, so a bad frame that is followed by a complete
//! transaction and then by another frame was once good. The log's header is synced before its first
//! frame.
//!
//! The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>. The salts change each
//! time the log restarts, so old frames beyond the end are not mistaken for new ones. A leader
//! restarts the log at its takeover, so the frames of an interrupted transaction are never followed
//! by others with the same salts.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC_LITTLE_END: u32 = 0x377f_0682;
const MAGIC_BIG_END: u32 = 0x377f_0683;
const PAGE_BYTES: [usize; 8] = [512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Loss {
    Header([u8; HEADER_BYTES]),
    /// The first bad frame, from 1, and how many frames with the same salts follow it.
    Frame {
        salts: [u8; 8],
        number: u64,
        later: u64,
    },
}

/// What is wrong with the log at `path`, if it has lost durable transactions.
pub(super) fn lost_transactions(path: &Path) -> io::Result<Option<String>> {
    // A leader may be writing. On the second reading, a half-written frame is complete, or the log
    // has restarted.
    let loss = loss_in(path)?;
    if loss.is_none() || loss_in(path)? != loss {
        return Ok(None);
    }
    Ok(loss.map(|loss| match loss {
        Loss::Header(_) => "the header of the write-ahead log is damaged: acknowledged batches \
             may be lost"
            .to_owned(),
        Loss::Frame { number, later, .. } => format!(
            "frame {number} of the write-ahead log is damaged, and {later} later frames follow it: \
             acknowledged batches are lost from here"
        ),
    }))
}

fn loss_in(path: &Path) -> io::Result<Option<Loss>> {
    let mut log = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 16, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut log, &mut header)? {
        return Ok(None);
    }
    if header == [0; HEADER_BYTES] {
        return Ok(None);
    }
    let page_bytes = usize::try_from(word(&header, 8)).unwrap_or(0);
    let mut sum = Checksum { big_end: word(&header, 0) == MAGIC_BIG_END, sums: (0, 0) };
    sum.add(&header[..24]);
    let has_magic = [MAGIC_LITTLE_END, MAGIC_BIG_END].contains(&word(&header, 0));
    if !has_magic || !PAGE_BYTES.contains(&page_bytes) || !sum.is(&header[24..]) {
        return Ok(Some(Loss::Header(header)));
    }
    let salts = [16, 17, 18, 19, 20, 21, 22, 23].map(|at| header[at]);
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let mut number = 0;
    let mut first_bad = None;
    let mut finished = false;
    let mut later = 0;
    while fill(&mut log, &mut frame)? {
        number += 1;
        let of_this_run = frame[8..16] == salts;
        if first_bad.is_none() {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            if of_this_run && sum.is(&frame[16..24]) {
                continue;
            }
            first_bad = Some(number);
        } else if of_this_run && finished {
            later += 1;
        }
        finished |= of_this_run && word(&frame, 4) != 0;
    }
    Ok(first_bad.filter(|_| later > 0).map(|number| Loss::Frame { salts, number, later }))
}

/// SQLite's checksum, which continues from frame to frame.
struct Checksum {
    big_end: bool,
    sums: (u32, u32),
}

impl Checksum {
    /// `bytes` must be a multiple of eight.
    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.sums;
        for pair in bytes.chunks_exact(8) {
            let words: [[u8; 4]; 2] =
                [[pair[0], pair[1], pair[2], pair[3]], [pair[4], pair[5], pair[6], pair[7]]];
            let [one, two] = words.map(|word| {
                if self.big_end { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
            });
            first = first.wrapping_add(one).wrapping_add(second);
            second = second.wrapping_add(two).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    fn is(&self, stored: &[u8]) -> bool {
        (word(stored, 0), word(stored, 4)) == self.sums
    }
}

/// A big-endian number.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Fills `buffer`. Returns false if the file ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

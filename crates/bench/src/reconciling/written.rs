//! Two files in the layout of docs/files/clearing.md: what a network states for a day, and what
//! was expected of it. One in a thousand lines has each fault.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// One line in so many has a fault of each kind.
pub const FAULT_EVERY: u64 = 1_000;
const DAY: &str = "2013-08-28";
const DAY_SECONDS: u64 = 86_400;

/// What is wrong with the line of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlannedFault {
    Lost,
    Doubled,
    Amount,
    Fee,
    /// A character of the RRN is another one.
    Reference,
    /// A line more, for no item.
    Unknown,
}

fn fault_of(item: u64) -> Option<PlannedFault> {
    use PlannedFault as F;
    let faults = [F::Lost, F::Doubled, F::Amount, F::Fee, F::Reference, F::Unknown];
    let place = usize::try_from(item % FAULT_EVERY).ok()?;
    // Not next to each other, as in a day's file.
    (place % 131 == 7).then(|| faults.get(place / 131).copied()).flatten()
}

/// What the matcher has to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedCounts {
    pub lines: u64,
    pub items: u64,
    pub matched: u64,
    pub duplicates: u64,
    pub amounts: u64,
    pub fees: u64,
    pub unknown: u64,
    pub late: u64,
}

impl PlannedCounts {
    #[must_use]
    pub fn breaks(&self) -> u64 {
        self.duplicates + self.amounts + self.fees + self.unknown + self.late
    }
}

/// The fields of a line that the items differ in.
struct Row {
    rrn: u64,
    /// Of an RRN that is wrong.
    last: Option<u8>,
    item: u64,
    items: u64,
    amount: u64,
    fee: u64,
}

/// An item's numbers: scattered, each RRN once.
fn row_of(item: u64, items: u64) -> Row {
    let scattered = item.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let amount = 100 + scattered % 50_000;
    let rrn = (item * 7_368_787 + 123_456_789) % 1_000_000_000_000;
    Row { rrn, last: None, item, items, amount, fee: amount * 78 / 10_000 }
}

/// Writes digits from the right.
fn digits(into: &mut [u8], mut number: u64) {
    for byte in into.iter_mut().rev() {
        *byte = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Row {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line =
            *b"I,RRNRRNRRNRRN,STANNN,2013-08-28T00:00:00Z,10000000,105331042151234,sale,";
        digits(&mut line[2..14], self.rrn);
        if let Some(last) = self.last {
            line[13] = last;
        }
        digits(&mut line[15..21], self.item % 999_999 + 1);
        let second = self.item * DAY_SECONDS / self.items;
        digits(&mut line[33..35], second / 3_600);
        digits(&mut line[36..38], second / 60 % 60);
        digits(&mut line[39..41], second % 60);
        digits(&mut line[46..51], self.item % 60_000);
        out.write_all(&line)?;
        let net = self.amount - self.fee;
        let money = |amount: u64| (amount / 100, amount % 100);
        let ((a, b), (c, d), (e, f)) = (money(self.amount), money(self.fee), money(net));
        writeln!(out, "{a}.{b:02},{c}.{d:02},{e}.{f:02}")
    }
}

/// A file while it is written: its sums and the digest of its bytes.
struct ClearingWriter {
    out: BufWriter<HashedFile>,
    lines: u64,
    amount: u64,
    fee: u64,
}

struct HashedFile {
    file: File,
    hasher: Sha256,
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ClearingWriter {
    fn create(path: &Path) -> io::Result<ClearingWriter> {
        let file = HashedFile { file: File::create_new(path)?, hasher: Sha256::new() };
        let mut out = BufWriter::with_capacity(1 << 20, file);
        writeln!(out, "H,1,unionpay,{DAY},CNY")?;
        Ok(ClearingWriter { out, lines: 0, amount: 0, fee: 0 })
    }

    fn add(&mut self, row: &Row) -> io::Result<()> {
        self.lines += 1;
        self.amount += row.amount;
        self.fee += row.fee;
        row.write(&mut self.out)
    }

    fn finish(self) -> io::Result<()> {
        let ClearingWriter { mut out, lines, amount, fee } = self;
        out.flush()?;
        let HashedFile { mut file, hasher } =
            out.into_inner().map_err(|error| error.into_error())?;
        let digest = base16ct::lower::encode_string(&hasher.finalize());
        let net = amount - fee;
        let money = |amount: u64| format!("{}.{:02}", amount / 100, amount % 100);
        let (amount, fee, net) = (money(amount), money(fee), money(net));
        writeln!(file, "T,{lines},{amount},{fee},{net},{digest}")?;
        file.sync_all()
    }
}

/// Writes both files, of so many items: a multiple of [`FAULT_EVERY`].
pub fn write_files(stated: &Path, expected: &Path, items: u64) -> io::Result<PlannedCounts> {
    let mut counts = PlannedCounts { items, ..PlannedCounts::default() };
    let mut out = ClearingWriter::create(stated)?;
    for item in 0..items {
        let mut row = row_of(item, items);
        let fault = fault_of(item);
        match fault {
            None => counts.matched += 1,
            Some(PlannedFault::Lost) => {
                counts.late += 1;
                continue;
            }
            Some(PlannedFault::Doubled) => {
                counts.matched += 1;
                counts.duplicates += 1;
                out.add(&row)?;
            }
            Some(PlannedFault::Amount) => {
                counts.amounts += 1;
                row.amount += 100;
            }
            Some(PlannedFault::Fee) => {
                counts.fees += 1;
                row.fee += 7;
            }
            Some(PlannedFault::Reference) => {
                counts.unknown += 1;
                counts.late += 1;
                row.last = Some(b'X');
            }
            Some(PlannedFault::Unknown) => {
                counts.matched += 1;
                counts.unknown += 1;
                let other = row_of(item + items, items);
                out.add(&Row { item, ..other })?;
            }
        }
        out.add(&row)?;
    }
    counts.lines = out.lines;
    out.finish()?;

    let mut out = ClearingWriter::create(expected)?;
    // Scattered: a step that has no divisor in common with the number of items, which is a
    // multiple of a thousand and otherwise arbitrary.
    let mut step = items * 618 / 1_000 + 1;
    while common_divisor(step, items) != 1 {
        step += 1;
    }
    let mut item = 0;
    for _ in 0..items {
        out.add(&row_of(item, items))?;
        item = (item + step) % items;
    }
    out.finish()?;
    Ok(counts)
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

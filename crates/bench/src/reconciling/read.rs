//! Reads the plain lines of a clearing file into rows of a join, on several threads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, ensure};
use files::incoming::clearing::StatedItemKind;
use files::incoming::plain_clearing::{PlainItem, PlainItems};
use recon::join::{JoinRow, JoinRows, request_key};
use recon::matching::LaneItemKind;
use sha2::{Digest, Sha256};

const BLOCK_BYTES: usize = 1 << 20;
/// More than any line has.
const LINE_BYTES_MAX: usize = 512;
const DECIMALS: u32 = 2;

/// A file whose first and last line were read.
pub struct ClearingOnDisk {
    file: File,
    /// Where the items are.
    from: u64,
    until: u64,
    trailer: String,
}

/// The items of a part of a file.
#[derive(Default)]
pub struct ReadPart {
    pub rows: JoinRows,
    pub lines: u32,
    amount: i128,
    kept_back: i128,
}

impl ClearingOnDisk {
    pub fn open(path: &Path) -> anyhow::Result<ClearingOnDisk> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut start = [0; LINE_BYTES_MAX];
        let read = file.read_at(&mut start, 0)?;
        let from = line_end(&start[..read]).context("the first line has no end")?;
        let tail = bytes.saturating_sub(LINE_BYTES_MAX as u64);
        let mut end = vec![0; usize::try_from(bytes - tail)?];
        file.read_exact_at(&mut end, tail)?;
        ensure!(end.pop() == Some(b'\n'), "the last line has no end");
        let place = end.iter().rposition(|byte| *byte == b'\n').context("there is no last line")?;
        let trailer = String::from_utf8(end[place + 1..].to_vec())?;
        let until = tail + place as u64 + 1;
        Ok(ClearingOnDisk { file, from: from as u64, until, trailer })
    }

    /// The items in so many parts of about the same size, cut between lines.
    pub fn parts(&self, parts: u64) -> anyhow::Result<Vec<(u64, u64)>> {
        let mut cuts = vec![self.from];
        for part in 1..parts {
            let middle = self.from + (self.until - self.from) * part / parts;
            let mut bytes = [0; LINE_BYTES_MAX];
            let read = self.file.read_at(&mut bytes, middle)?;
            let end = line_end(&bytes[..read]).context("a line is too long")?;
            cuts.push((middle + end as u64).min(self.until));
        }
        cuts.push(self.until);
        Ok(cuts.windows(2).map(|cut| (cut[0], cut[1])).collect())
    }

    /// Reads the lines of a part. Any line that is not plain ends it.
    pub fn read(&self, (from, until): (u64, u64)) -> anyhow::Result<ReadPart> {
        let mut part = ReadPart::default();
        let mut items = PlainItems::new(DECIMALS);
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = from;
        while at < until {
            let wanted =
                usize::try_from(until - at).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            self.file.read_exact_at(&mut block[..wanted], at)?;
            let is_last = at + wanted as u64 == until;
            let mut bytes = &block[..wanted];
            while is_last && !bytes.is_empty() || bytes.len() > LINE_BYTES_MAX {
                let (item, length) = items.read(bytes).context("a line is not plain")?;
                part.add(&item)?;
                bytes = &bytes[length..];
            }
            at += (wanted - bytes.len()) as u64;
        }
        Ok(part)
    }

    /// The digest of all lines before the last one.
    pub fn digest(&self) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = 0;
        while at < self.until {
            let wanted = usize::try_from((self.until - at).min(BLOCK_BYTES as u64))?;
            self.file.read_exact_at(&mut block[..wanted], at)?;
            hasher.update(&block[..wanted]);
            at += wanted as u64;
        }
        Ok(base16ct::lower::encode_string(&hasher.finalize()))
    }

    /// Compares the last line with what was read, and with the digest if there is one.
    pub fn check(&self, parts: &[ReadPart], digest: Option<&str>) -> anyhow::Result<()> {
        let lines: u64 = parts.iter().map(|part| u64::from(part.lines)).sum();
        let amount: i128 = parts.iter().map(|part| part.amount).sum();
        let kept_back: i128 = parts.iter().map(|part| part.kept_back).sum();
        let money = |sum: i128| format!("{}.{:02}", sum / 100, sum % 100);
        let (net, amount, kept_back) = (money(amount - kept_back), money(amount), money(kept_back));
        let found = format!("T,{lines},{amount},{kept_back},{net},");
        let stated = self.trailer.strip_prefix(&found);
        let same = stated.is_some_and(|stated| digest.is_none_or(|digest| digest == stated));
        ensure!(same, "the last line is {}, and must begin with {found}", self.trailer);
        Ok(())
    }
}

impl ReadPart {
    fn add(&mut self, item: &PlainItem) -> anyhow::Result<()> {
        let kind = kind_of(item.kind);
        let key = request_key(&item.rrn, item.stan, item.sent_s, kind).context("a key is long")?;
        let fee = i32::try_from(item.kept_back)?;
        self.rows.push(JoinRow { key, amount: item.amount, fee, number: self.lines });
        self.lines = self.lines.checked_add(1).context("too many lines")?;
        self.amount += i128::from(item.amount);
        self.kept_back += i128::from(item.kept_back);
        Ok(())
    }
}

fn kind_of(kind: StatedItemKind) -> LaneItemKind {
    match kind {
        StatedItemKind::Sale | StatedItemKind::Completion | StatedItemKind::Offline => {
            LaneItemKind::Sale
        }
        StatedItemKind::Refund => LaneItemKind::Refund,
        StatedItemKind::Reversal => LaneItemKind::Reversal,
        StatedItemKind::Chargeback => LaneItemKind::Chargeback,
        StatedItemKind::FeeCorrection => LaneItemKind::FeeCorrection,
        StatedItemKind::Representment => LaneItemKind::Representment,
    }
}

/// The length of the first line, line feed included.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|place| place + 1)
}

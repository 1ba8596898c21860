//! The bytes of a file: digested while they are read, and wiped.

use std::io::{self, BufRead, Read};

use encoding_rs::Encoding;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::records::{LINES_MAX, RecordError, not_text};

const BUFFER_BYTES: usize = 64 << 10;
/// A line of a file that is not CSV.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 10;

/// Reads a file and makes its SHA-256 on the way.
pub(crate) struct DigestReader<R> {
    input: R,
    hash: Sha256,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl<R: Read> DigestReader<R> {
    pub fn new(input: R) -> DigestReader<R> {
        let buffer = Zeroizing::new(vec![0; BUFFER_BYTES]);
        DigestReader { input, hash: Sha256::new(), buffer, start: 0, end: 0 }
    }

    /// Reads what is left, and returns the digest of the whole in hexadecimal digits.
    pub fn finish(mut self) -> io::Result<String> {
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(base16ct::lower::encode_string(&self.hash.finalize()));
            }
            self.consume(length);
        }
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let length = from.len().min(to.len());
        to[..length].copy_from_slice(&from[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for DigestReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(length) => {
                    (self.start, self.end) = (0, length);
                    self.hash.update(&self.buffer[..length]);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
    }
}

/// Reads physical lines as bytes. The buffer is wiped before the next line.
pub(crate) struct RawLines<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the current line, from 1.
    pub number: u32,
}

impl<R> Drop for RawLines<R> {
    fn drop(&mut self) {
        self.line.zeroize();
    }
}

impl<R: BufRead> RawLines<R> {
    pub fn new(input: R) -> RawLines<R> {
        RawLines { input, line: Vec::new(), number: 0 }
    }

    /// The next line without its line end, with its number from 1. A byte-order mark of UTF-8 is
    /// left out.
    pub fn next(&mut self) -> Result<Option<(u32, &[u8])>, RecordError> {
        self.line.zeroize();
        if self.number == 0 {
            not_text(self.input.fill_buf().map_err(RecordError::Io)?)?;
        }
        let line = self.number.saturating_add(1);
        let most = LINE_BYTES_MAX as u64 + 2;
        let mut input = self.input.by_ref().take(most);
        if input.read_until(b'\n', &mut self.line).map_err(RecordError::Io)? == 0 {
            return Ok(None);
        }
        if line > LINES_MAX {
            return Err(RecordError::TooManyLines);
        }
        self.number = line;
        let mut end = self.line.len();
        end -= usize::from(self.line[..end].ends_with(b"\n"));
        end -= usize::from(self.line[..end].ends_with(b"\r"));
        if end > LINE_BYTES_MAX {
            return Err(RecordError::TooLong { line });
        }
        let start = if line == 1 && self.line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        Ok(Some((line, &self.line[start.min(end)..end])))
    }
}

/// Decodes the bytes of a line.
pub(crate) fn decoded(
    bytes: &[u8],
    encoding: &'static Encoding,
    line: u32,
) -> Result<String, RecordError> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    let malformed = RecordError::Malformed { line, byte: 0, encoding: encoding.name() };
    text.map(|text| text.into_owned()).ok_or(malformed)
}

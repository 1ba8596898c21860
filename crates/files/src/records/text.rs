//! Decodes a file to UTF-8 and finds its physical lines.

use std::io::{self, BufRead};

use encoding_rs::{Decoder, DecoderResult, Encoding};
use zeroize::Zeroize;

use super::{RECORD_BYTES_MAX, RecordError};

/// Bytes of input that are decoded at once.
const BLOCK_BYTES_MAX: usize = 64 << 10;

/// First bytes of files that are not text, and their kind.
const NOT_TEXT: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"%PDF", "a PDF document"),
];

/// Refuses the first bytes of a file that is not text.
pub fn not_text(bytes: &[u8]) -> Result<(), RecordError> {
    match NOT_TEXT.iter().find(|(start, _)| bytes.starts_with(start)) {
        Some((_, kind)) => Err(RecordError::NotText(kind)),
        None => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnds {
    /// A line feed, or a carriage return and a line feed. A carriage return alone is text.
    Feed,
    /// The first line ends with a carriage return alone, as old Macintosh programs write it. Then
    /// both characters end a line, alone or together.
    Return,
}

pub struct TextSource<R> {
    input: R,
    decoder: Decoder,
    /// Decoded and not given out yet, from `start` on.
    text: Vec<u8>,
    start: usize,
    ended: bool,
    line_ends: LineEnds,
    /// Bytes read from the input.
    offset: u64,
    /// The offset of the first bytes that are not text in this encoding.
    malformed: Option<u64>,
    /// Text that was given out is wiped.
    pub wipes: bool,
}

impl<R> Drop for TextSource<R> {
    fn drop(&mut self) {
        if self.wipes {
            self.text.zeroize();
        }
    }
}

impl<R: BufRead> TextSource<R> {
    /// A byte-order mark at the start of the file overrides `encoding`.
    pub fn new(input: R, encoding: &'static Encoding) -> TextSource<R> {
        TextSource {
            input,
            decoder: encoding.new_decoder(),
            text: Vec::new(),
            start: 0,
            ended: false,
            line_ends: LineEnds::Feed,
            offset: 0,
            malformed: None,
            wipes: false,
        }
    }

    /// Checks the first bytes of the file, and finds how its lines end.
    pub fn begin(&mut self) -> Result<(), RecordError> {
        not_text(fill_buf(&mut self.input)?)?;
        let (mut at, mut quoted) = (0, false);
        while at <= RECORD_BYTES_MAX {
            let Some(&byte) = self.text.get(at) else {
                if self.decode()? {
                    continue;
                }
                break;
            };
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => break,
                b'\r' if !quoted => {
                    if at + 1 == self.text.len() && self.decode()? {
                        continue;
                    }
                    if self.text.get(at + 1) != Some(&b'\n') {
                        self.line_ends = LineEnds::Return;
                    }
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// Appends the next physical line with its line end, at most `room` bytes of it. `false` at the
    /// end of the file. `line` is the line's number.
    pub fn append_line(
        &mut self,
        to: &mut Vec<u8>,
        room: usize,
        line: u32,
    ) -> Result<bool, RecordError> {
        let begin = to.len();
        loop {
            let left = room.saturating_sub(to.len() - begin);
            if left == 0 || self.take_line(to, left) {
                return Ok(true);
            }
            if !self.decode()? {
                if let Some(byte) = self.malformed {
                    let encoding = self.decoder.encoding().name();
                    return Err(RecordError::Malformed { line, byte, encoding });
                }
                return Ok(to.len() > begin);
            }
        }
    }

    /// Moves decoded text up to the end of the line, at most `room` bytes. Returns whether the line
    /// is complete.
    fn take_line(&mut self, to: &mut Vec<u8>, room: usize) -> bool {
        let pending = &self.text[self.start..];
        let pending = &pending[..pending.len().min(room)];
        match self.line_ends {
            LineEnds::Feed => {
                let mut rest = pending;
                let read = rest.read_until(b'\n', to).unwrap_or_default();
                self.start += read;
                to.last() == Some(&b'\n') && read > 0
            }
            LineEnds::Return => {
                let Some(end) = pending.iter().position(|byte| matches!(byte, b'\r' | b'\n'))
                else {
                    to.extend_from_slice(pending);
                    self.start += pending.len();
                    return false;
                };
                let is_pair =
                    pending[end] == b'\r' && self.text.get(self.start + end + 1) == Some(&b'\n');
                let may_be_pair = pending[end] == b'\r' && self.start + end + 1 == self.text.len();
                if may_be_pair && !self.ended && self.malformed.is_none() {
                    to.extend_from_slice(&pending[..end]);
                    self.start += end;
                    return false;
                }
                to.extend_from_slice(&pending[..end]);
                to.push(b'\n');
                self.start += end + 1 + usize::from(is_pair);
                true
            }
        }
    }

    /// Decodes more of the input. `false` at its end, and before bytes that are not text.
    fn decode(&mut self) -> Result<bool, RecordError> {
        if self.ended || self.malformed.is_some() {
            return Ok(false);
        }
        self.text.drain(..self.start);
        if self.wipes {
            // The rest has moved to the front; behind it are copies of what was given out.
            let length = self.text.len();
            self.text.resize(length + self.start, 0);
            self.text[length..].zeroize();
            self.text.truncate(length);
        }
        self.start = 0;
        let bytes = fill_buf(&mut self.input)?;
        let last = bytes.is_empty();
        let bytes = &bytes[..bytes.len().min(BLOCK_BYTES_MAX)];
        let room = self.decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        let before = self.text.len();
        self.text.resize(before + room.unwrap_or(4 * BLOCK_BYTES_MAX), 0);
        let target = &mut self.text[before..];
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, target, last);
        self.text.truncate(before + written);
        self.input.consume(read);
        self.offset += read as u64;
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                let behind = u64::from(length) + u64::from(after);
                self.malformed = Some(self.offset.saturating_sub(behind));
            }
        }
        Ok(true)
    }
}

fn fill_buf(input: &mut impl BufRead) -> Result<&[u8], RecordError> {
    // Not a loop around `fill_buf` that returns its buffer: the borrow checker refuses it.
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(RecordError::Io(error));
        }
    }
    input.fill_buf().map_err(RecordError::Io)
}

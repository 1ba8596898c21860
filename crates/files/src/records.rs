//! Streams the records of a delimited text file (RFC 4180).
//!
//! The `csv` crate writes our files, but does not read them: it silently accepts text after a
//! closing quote and a quote that is never closed. Both can swallow whole lines into one field, so
//! that an order loses an item and becomes a parcel with a smaller amount. It also has no limit on
//! the length of a record. A test reads the same files with both.

use std::io::{self, BufRead, Read};
use std::str;

/// Well above any real order with its notes and addresses.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
pub const FIELDS_MAX: usize = 4_096;
/// Physical lines of a file, and records of an import.
pub const LINES_MAX: u32 = 1_000_000_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// First bytes of files that are not UTF-8 text, and their kind.
const NOT_TEXT: [(&[u8], &str); 6] = [
    (b"\xFF\xFE", "UTF-16 text"),
    (b"\xFE\xFF", "UTF-16 text"),
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"%PDF", "a PDF document"),
];

/// Why reading a file stopped.
#[derive(Debug)]
pub enum RecordError {
    Io(io::Error),
    /// The kind of file that its first bytes show.
    NotText(&'static str),
    /// `line` counts from 1, `byte` from 0 at the start of the file.
    NotUtf8 {
        line: u32,
        byte: u64,
    },
    /// Above [`RECORD_BYTES_MAX`]; the line where the record starts.
    TooLong {
        line: u32,
    },
    /// Above [`FIELDS_MAX`]; the line where the record starts.
    TooManyFields {
        line: u32,
    },
    /// Above [`LINES_MAX`].
    TooManyLines,
    /// Text after the closing quote of a field that runs over several lines.
    QuoteRunsOn {
        opened: u32,
        line: u32,
    },
    QuoteNeverClosed {
        opened: u32,
    },
}

pub struct RecordReader<R> {
    input: R,
    delimiter: u8,
    /// The current record. Fields are split and unquoted in place, so it only gets shorter.
    bytes: Vec<u8>,
    fields: Vec<(usize, usize)>,
    lines: u32,
    offset: u64,
}

#[derive(Clone, Copy)]
pub struct Record<'r> {
    /// The physical line where the record starts, counted from 1.
    pub line: u32,
    /// Text follows a closing quote on the same line.
    pub misquoted: bool,
    bytes: &'r [u8],
    fields: &'r [(usize, usize)],
}

impl Record<'_> {
    /// The number of fields, at least one.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field, trimmed; empty if the record has no such field.
    pub fn get(&self, place: usize) -> &str {
        let (start, end) = self.fields.get(place).copied().unwrap_or((0, 0));
        // `append_line` checked the UTF-8, and fields are split at ASCII bytes only.
        str::from_utf8(&self.bytes[start..end]).unwrap_or_default().trim_matches([' ', '\t'])
    }
}

impl<R: BufRead> RecordReader<R> {
    pub fn new(input: R, delimiter: u8) -> RecordReader<R> {
        let (bytes, fields) = (Vec::new(), Vec::new());
        RecordReader { input, delimiter, bytes, fields, lines: 0, offset: 0 }
    }

    /// Skips blank records. `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        let (line, misquoted) = loop {
            self.bytes.clear();
            self.fields.clear();
            let line = self.lines + 1;
            if !self.append_line(line)? {
                return Ok(None);
            }
            let misquoted = self.cut(line)?;
            if misquoted || !self.is_blank() {
                break (line, misquoted);
            }
        };
        Ok(Some(Record { line, misquoted, bytes: &self.bytes, fields: &self.fields }))
    }

    /// The record has only spaces and delimiters.
    fn is_blank(&self) -> bool {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t');
        self.fields.iter().all(|&(start, end)| self.bytes[start..end].iter().all(space))
    }

    /// Appends the next physical line with its line end. `false` at the end of the file.
    fn append_line(&mut self, record_line: u32) -> Result<bool, RecordError> {
        let start = self.bytes.len();
        let room = (RECORD_BYTES_MAX + 1).saturating_sub(start) as u64;
        let mut limited = (&mut self.input).take(room);
        let read = limited.read_until(b'\n', &mut self.bytes).map_err(RecordError::Io)?;
        if read == 0 {
            return Ok(false);
        }
        if self.lines == 0 {
            self.begin()?;
        }
        if self.bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { line: record_line });
        }
        if self.lines == LINES_MAX {
            return Err(RecordError::TooManyLines);
        }
        self.lines += 1;
        if let Err(error) = str::from_utf8(&self.bytes[start..]) {
            let byte = self.offset + error.valid_up_to() as u64;
            return Err(RecordError::NotUtf8 { line: self.lines, byte });
        }
        self.offset += (self.bytes.len() - start) as u64;
        Ok(true)
    }

    /// Checks the first bytes of the file.
    fn begin(&mut self) -> Result<(), RecordError> {
        let kind = NOT_TEXT.iter().find(|(start, _)| self.bytes.starts_with(start));
        if let Some((_, kind)) = kind {
            return Err(RecordError::NotText(kind));
        }
        if self.bytes.starts_with(BYTE_ORDER_MARK) {
            self.bytes.drain(..BYTE_ORDER_MARK.len());
            self.offset += BYTE_ORDER_MARK.len() as u64;
        }
        Ok(())
    }

    /// Splits the record in `bytes` into fields, and appends lines while a quoted field is open.
    /// Returns whether text followed a closing quote.
    fn cut(&mut self, record_line: u32) -> Result<bool, RecordError> {
        enum Place {
            FieldStart,
            Plain,
            Quoted,
            AfterQuote,
        }
        let (mut place, mut misquoted, mut opened) = (Place::FieldStart, false, record_line);
        // Unquoting only removes bytes, so `write` never overtakes `read`.
        let (mut read, mut write, mut start) = (0, 0, 0);
        loop {
            if read == self.bytes.len() {
                if !matches!(place, Place::Quoted) {
                    break;
                }
                if !self.append_line(record_line)? {
                    return Err(RecordError::QuoteNeverClosed { opened });
                }
            }
            let byte = self.bytes[read];
            read += 1;
            match place {
                Place::Quoted if byte == b'"' => {
                    place = Place::AfterQuote;
                    continue;
                }
                Place::Quoted => {}
                Place::FieldStart if byte == b'"' => {
                    (place, opened) = (Place::Quoted, self.lines);
                    continue;
                }
                _ if byte == self.delimiter => {
                    self.end_field(start, write, record_line)?;
                    (place, start) = (Place::FieldStart, write);
                    continue;
                }
                _ if self.is_line_end(byte, read) => break,
                Place::AfterQuote if byte == b'"' => place = Place::Quoted,
                Place::AfterQuote if opened != self.lines => {
                    return Err(RecordError::QuoteRunsOn { opened, line: self.lines });
                }
                Place::AfterQuote => (place, misquoted) = (Place::Plain, true),
                Place::FieldStart | Place::Plain => place = Place::Plain,
            }
            self.bytes[write] = byte;
            write += 1;
        }
        self.end_field(start, write, record_line)?;
        Ok(misquoted)
    }

    /// A byte outside quotes ends the line if it is a line feed, or a carriage return before one.
    /// `next` is the index after the byte.
    fn is_line_end(&self, byte: u8, next: usize) -> bool {
        byte == b'\n' || byte == b'\r' && matches!(self.bytes.get(next), None | Some(b'\n'))
    }

    fn end_field(&mut self, start: usize, end: usize, line: u32) -> Result<(), RecordError> {
        if self.fields.len() == FIELDS_MAX {
            return Err(RecordError::TooManyFields { line });
        }
        self.fields.push((start, end));
        Ok(())
    }
}

#[cfg(test)]
mod tests;

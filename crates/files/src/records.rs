//! Records of a delimited text file (RFC 4180), streamed.
//!
//! Why not the `csv` crate, which the rest of the tree writes with: it takes text after a closing
//! quote and a quote that is never closed without a word, and either can swallow whole lines into
//! one field. An order that lost an item that way would become a parcel of a smaller amount. It
//! also has no limit on the length of a record. A test reads the same files with both.

use std::io::{self, BufRead, Read};
use std::str;

/// The longest record, in bytes. Exports carry notes and addresses; none comes near.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// The most fields that a record may have.
pub const FIELDS_MAX: usize = 4_096;
/// The most physical lines that a file may have, and the most records of an import.
pub const LINES_MAX: u32 = 1_000_000_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// How files begin that are not text in UTF-8, and what to say of them.
const NOT_TEXT: [(&[u8], &str); 6] = [
    (b"\xFF\xFE", "UTF-16 text"),
    (b"\xFE\xFF", "UTF-16 text"),
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"%PDF", "a PDF document"),
];

/// Why a file cannot be read on.
#[derive(Debug)]
pub enum RecordError {
    /// The file system says no.
    Io(io::Error),
    /// The first bytes are of another kind of file.
    NotText(&'static str),
    /// A byte that is not UTF-8: its line, counted from 1, and its place, counted from 0.
    NotUtf8 { line: u32, byte: u64 },
    /// A record above [`RECORD_BYTES_MAX`], and the line where it begins.
    TooLong { line: u32 },
    /// A record above [`FIELDS_MAX`], and the line where it begins.
    TooManyFields { line: u32 },
    /// A file above [`LINES_MAX`].
    TooManyLines,
    /// Text after the closing quote of a field that runs over several lines.
    QuoteRunsOn { opened: u32, line: u32 },
    /// The file ends inside quotes.
    QuoteNeverClosed { opened: u32 },
}

/// A stream of records.
pub struct Records<R> {
    input: R,
    delimiter: u8,
    /// The record as read; fields are cut and unquoted in place, so it only gets shorter.
    bytes: Vec<u8>,
    fields: Vec<(usize, usize)>,
    lines: u32,
    offset: u64,
}

/// One record.
#[derive(Clone, Copy)]
pub struct Record<'r> {
    /// The physical line where it begins, counted from 1.
    pub line: u32,
    /// Whether text follows a closing quote on the same line.
    pub misquoted: bool,
    bytes: &'r [u8],
    fields: &'r [(usize, usize)],
}

impl Record<'_> {
    /// How many fields it has; at least one.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field without the spaces around it; empty where there is none.
    pub fn get(&self, place: usize) -> &str {
        let (start, end) = self.fields.get(place).copied().unwrap_or((0, 0));
        // The lines were checked when they were read, and are cut at ASCII bytes only.
        str::from_utf8(&self.bytes[start..end]).unwrap_or_default().trim_matches([' ', '\t'])
    }
}

impl<R: BufRead> Records<R> {
    pub fn new(input: R, delimiter: u8) -> Records<R> {
        let (bytes, fields) = (Vec::new(), Vec::new());
        Records { input, delimiter, bytes, fields, lines: 0, offset: 0 }
    }

    /// The next record that is not blank; `None` at the end of the file.
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

    /// Whether there is nothing in the record but spaces and delimiters.
    fn is_blank(&self) -> bool {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t');
        self.fields.iter().all(|&(start, end)| self.bytes[start..end].iter().all(space))
    }

    /// Appends the next physical line, with its end; `false` at the end of the file.
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

    /// Looks at the first bytes of the file.
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

    /// Cuts the record in `bytes` into fields, appending lines while a quoted field goes on.
    /// Returns whether text followed a closing quote.
    fn cut(&mut self, record_line: u32) -> Result<bool, RecordError> {
        enum Place {
            FieldStart,
            Plain,
            Quoted,
            AfterQuote,
        }
        let (mut place, mut misquoted, mut opened) = (Place::FieldStart, false, record_line);
        // Unquoting shortens: what is written never overtakes what is read.
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

    /// Whether a byte outside quotes, which stands before `next`, ends the line: a line feed, or
    /// the carriage return before one.
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

//! Pieces of text that several forms share.

use encoding_rs::GBK;
use money::Currency;
use money::decimal::DecimalAmount;

/// Writes lines and counts them.
pub(super) struct LineWriter {
    bytes: Vec<u8>,
    end: &'static str,
    next: u64,
}

impl LineWriter {
    pub(super) fn new(end: &'static str) -> LineWriter {
        LineWriter { bytes: Vec::new(), end, next: 1 }
    }

    /// Writes a line and returns its number, from 1.
    pub(super) fn line(&mut self, text: &str) -> u64 {
        self.line_of(text.as_bytes())
    }

    pub(super) fn line_of(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(self.end.as_bytes());
        self.next += 1;
        self.next - 1
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A line of fields with fixed widths and a blank between them.
#[derive(Default)]
pub(super) struct FixedLine(Vec<u8>);

impl FixedLine {
    /// Text in GBK, filled up with blanks on the right. What does not fit is left out.
    pub(super) fn text(&mut self, width: usize, text: &str) -> &mut FixedLine {
        let mut field = gbk(text);
        field.truncate(width);
        field.resize(width, b' ');
        self.field(&field)
    }

    /// A number, filled up with zeros on the left.
    pub(super) fn number(&mut self, width: usize, number: u64) -> &mut FixedLine {
        let digits = format!("{number:0width$}");
        assert_eq!(digits.len(), width, "a number of a simulated day fits into its field");
        self.field(digits.as_bytes())
    }

    /// A signed amount: `C` if Doorstep gets it, `D` if it pays it, then digits.
    pub(super) fn signed(&mut self, width: usize, minor: i64) -> &mut FixedLine {
        let sign = if minor < 0 { 'D' } else { 'C' };
        let digits = format!("{sign}{:0width$}", minor.unsigned_abs(), width = width - 1);
        assert_eq!(digits.len(), width, "an amount of a simulated day fits into its field");
        self.field(digits.as_bytes())
    }

    fn field(&mut self, field: &[u8]) -> &mut FixedLine {
        if !self.0.is_empty() {
            self.0.push(b' ');
        }
        self.0.extend_from_slice(field);
        self
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Text in GBK. What GBK does not have becomes `?`.
pub(super) fn gbk(text: &str) -> Vec<u8> {
    let fits = |character: char| {
        let mut buffer = [0; 4];
        !GBK.encode(character.encode_utf8(&mut buffer)).2
    };
    let text: String =
        text.chars().map(|character| if fits(character) { character } else { '?' }).collect();
    GBK.encode(&text).0.into_owned()
}

/// An amount with the decimals of its currency.
pub(super) fn decimal(minor: impl Into<i128>, currency: Currency) -> String {
    DecimalAmount::of_balance(minor.into(), currency).to_string()
}

/// A field of CSV: quoted if it must be.
pub(super) fn csv(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

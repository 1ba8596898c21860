//! The lines of a network's clearing file in their plain form, as senders write them: without
//! quotation marks, fields of fixed width where the layout fixes it. Takes a tenth of the time of
//! [`clearing::read`](super::clearing::read), and finds no reasons: whatever is not plain goes
//! there.

use jiff::civil::Date;

use super::clearing::StatedItemKind;

/// Up to and with the comma before `kind`.
const HEAD_BYTES: usize = 69;
const DAY_SECONDS: u64 = 86_400;
/// A number with more digits is not plain: sums of a file's lines then fit.
const DIGITS_MAX: usize = 15;

/// An item line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainItem {
    pub rrn: [u8; 12],
    pub stan: u32,
    /// Seconds since 1970.
    pub sent_s: u64,
    pub kind: StatedItemKind,
    /// In minor units, as `kept_back`.
    pub amount: i64,
    pub kept_back: i64,
}

/// Reads item lines one after the other.
#[derive(Debug)]
pub struct PlainItems {
    decimals: usize,
    /// The day that was read last, and its first second.
    day: [u8; 10],
    day_s: u64,
}

impl PlainItems {
    /// Of a file in a currency with so many decimals.
    #[must_use]
    pub fn new(decimals: u32) -> PlainItems {
        let decimals = usize::try_from(decimals).unwrap_or(usize::MAX);
        PlainItems { decimals, day: [0; 10], day_s: 0 }
    }

    /// The item at the start of the bytes and the length of its line, line feed included. `None` if
    /// the line is not plain, or not whole.
    #[must_use]
    pub fn read(&mut self, bytes: &[u8]) -> Option<(PlainItem, usize)> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let commas = [1, 14, 21, 42, 51, 67].map(|place| head[place] == b',');
        let parties = head[43..51].iter().chain(&head[52..67]);
        let named = parties.fold(true, |all, byte| all & byte.is_ascii_alphanumeric());
        let rrn: [u8; 12] = *head[2..].first_chunk()?;
        let spelt = rrn.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric());
        if head[0] != b'I' || commas != [true; 6] || !named || !spelt {
            return None;
        }
        let stan = number(&head[15..21])?;
        let sent_s = self.second(&head[22..42])?;
        // Byte 68 is the first of the kind.
        let from_kind = &bytes[HEAD_BYTES - 1..];
        let (kind, width) = kind(from_kind)?;
        debug_assert!(rest.len() < from_kind.len());
        let mut place = HEAD_BYTES - 1 + width;
        let mut amount = |end| {
            let (amount, width) = amount(&bytes[place..], self.decimals, end)?;
            place += width;
            Some(amount)
        };
        let (paid, kept_back, net) = (amount(b',')?, amount(b',')?, amount(b'\n')?);
        let item = PlainItem {
            rrn,
            stan: u32::try_from(stan).ok().filter(|stan| *stan > 0)?,
            sent_s,
            kind,
            amount: paid,
            kept_back,
        };
        (paid - kept_back == net).then_some((item, place))
    }

    /// Of `2013-08-28T10:11:12Z`.
    fn second(&mut self, text: &[u8]) -> Option<u64> {
        let text: &[u8; 20] = text.first_chunk()?;
        let marks = [text[10], text[13], text[16], text[19]];
        if marks != *b"T::Z" {
            return None;
        }
        if text[..10] != self.day {
            let day: [u8; 10] = *text.first_chunk()?;
            let date: Date = str::from_utf8(&day).ok()?.parse().ok()?;
            let days = jiff::civil::date(1970, 1, 1).until(date).ok()?.get_days();
            self.day_s = u64::try_from(days).ok()? * DAY_SECONDS;
            self.day = day;
        }
        let hour = number(&text[11..13]).filter(|hour| *hour < 24)?;
        let minute = number(&text[14..16]).filter(|minute| *minute < 60)?;
        let second = number(&text[17..19]).filter(|second| *second < 60)?;
        Some(self.day_s + hour * 3_600 + minute * 60 + second)
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    for byte in digits {
        number = number * 10 + u64::from(byte.wrapping_sub(b'0'));
        if !byte.is_ascii_digit() {
            return None;
        }
    }
    Some(number)
}

/// The kind and its width, comma included.
fn kind(bytes: &[u8]) -> Option<(StatedItemKind, usize)> {
    use StatedItemKind as K;
    let all = [
        K::Sale,
        K::Refund,
        K::Completion,
        K::Offline,
        K::Reversal,
        K::Chargeback,
        K::FeeCorrection,
        K::Representment,
    ];
    let is = |kind: &StatedItemKind| {
        let name = kind.name().as_bytes();
        bytes.starts_with(name) && bytes.get(name.len()) == Some(&b',')
    };
    let kind = all.into_iter().find(is)?;
    Some((kind, kind.name().len() + 1))
}

/// An amount and its width, `end` included.
fn amount(bytes: &[u8], decimals: usize, end: u8) -> Option<(i64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut number: i64 = 0;
    let mut point = None;
    for (place, byte) in bytes.iter().enumerate().skip(start).take(DIGITS_MAX + 2) {
        match *byte {
            digit @ b'0'..=b'9' => number = number * 10 + i64::from(digit - b'0'),
            b'.' if point.is_none() && place > start => point = Some(place),
            byte if byte == end => {
                let after = point.map_or(0, |point| place - point - 1);
                let whole = place > start && after == decimals && point.is_some() == (decimals > 0);
                let number = if negative { -number } else { number };
                return whole.then_some((number, place + 1));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::clearing::{ClearingLayout, StatedPayment, read};
    use super::*;

    const HEAD: &str = "H,1,unionpay,2013-08-28,CNY\n";

    /// What the reader of whole files makes of a line. `None` if it refuses it.
    fn whole_reader(line: &str) -> Option<PlainItem> {
        use sha2::Digest;
        let head = format!("{HEAD}{line}");
        let digest = base16ct::lower::encode_string(&sha2::Sha256::digest(head.as_bytes()));
        let last: Vec<&str> = line.trim_end().rsplit(',').take(3).collect();
        let text = format!("{head}T,1,{},{},{},{digest}\n", last[2], last[1], last[0]);
        let item = read(text.as_bytes(), "f", ClearingLayout::Requests).ok()?.items.pop()?;
        let StatedPayment::Request { rrn, stan, sent_s } = item.payment else { return None };
        Some(PlainItem {
            rrn,
            stan,
            sent_s,
            kind: item.kind,
            amount: item.amount.minor(),
            kept_back: item.kept_back.minor(),
        })
    }

    const LINE: &str = "I,ABCDEF000004,000004,2013-07-02T09:00:05Z,10000001,105331042151234,\
                        chargeback,-60.00,0.00,-60.00\n";

    #[test]
    fn a_plain_line_reads_as_in_the_reader_of_whole_files() {
        let (item, length) = PlainItems::new(2).read(LINE.as_bytes()).unwrap();
        assert_eq!(length, LINE.len());
        assert_eq!(Some(item), whole_reader(LINE));
        assert_eq!(PlainItems::new(2).read(&LINE.as_bytes()[..LINE.len() - 1]), None);
    }

    proptest! {
        /// One byte of a line is another one: what is still plain is what the other reader reads.
        #[test]
        fn what_is_plain_is_right(place in 0..LINE.len(), byte in 0x20_u8..0x7F, day in 1_u8..40) {
            let mut bytes = LINE.replace("07-02", &format!("07-{day:02}")).into_bytes();
            bytes[place] = byte;
            if let Some((item, length)) = PlainItems::new(2).read(&bytes) {
                let line = str::from_utf8(&bytes[..length]).unwrap();
                prop_assert_eq!(Some(item), whole_reader(line));
            }
        }
    }
}

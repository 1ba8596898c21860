//! Clearing files as text: CSV, a record letter at the start of each line, a digest in the last
//! line.

use std::io;
use std::path::PathBuf;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Timestamp, civil};
use money::decimal::{self, DecimalAmount, DecimalStyle};
use money::{Currency, CurrencyError};
use sha2::{Digest, Sha256};

use super::{CLEARING_VERSION, ClearingFile, ClearingLine, ClearingLineKind, ClearingTotals};
use crate::codes::Rrn;

/// A clearing file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ClearingFileError {
    #[error("cannot write {path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The name does not fit the header.
    #[error("network name `{0}` is invalid: use 1 to 32 of a-z, 0-9 and `-`")]
    Network(String),
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong and how to correct it.
        what: String,
    },
}

const NETWORK_CHARS_MAX: usize = 32;
const SENT_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Whether a clearing file can have this network's name: 1 to 32 lower-case letters, digits, `-`.
#[must_use]
pub fn is_network_name(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=NETWORK_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

pub(super) fn write(file: &ClearingFile) -> Result<String, ClearingFileError> {
    if !is_network_name(&file.network) {
        return Err(ClearingFileError::Network(file.network.chars().take(40).collect()));
    }
    let version = CLEARING_VERSION.to_string();
    let date = file.date.to_string();
    let mut text = record(&["H", &version, &file.network, &date, file.currency.code()]);
    for line in &file.lines {
        let money = |minor: i64| DecimalAmount::of_balance(minor.into(), file.currency).to_string();
        text.push_str(&record(&[
            "I",
            &line.rrn.to_string(),
            &format!("{:06}", line.stan),
            &format_time(line.sent_s),
            &characters(&line.terminal),
            &characters(&line.merchant),
            line.kind.name(),
            &money(line.amount),
            &money(line.deducted),
            &money(line.net()),
        ]));
    }
    let money = |minor: i128| DecimalAmount::of_balance(minor, file.currency).to_string();
    let totals = file.totals();
    let trailer = record(&[
        "T",
        &totals.lines.to_string(),
        &money(totals.amount),
        &money(totals.deducted),
        &money(totals.net),
        &digest(&text),
    ]);
    Ok(text + &trailer)
}

/// One CSV line, quoted where necessary.
fn record(fields: &[&str]) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to a vector cannot fail, and the bytes of strings are UTF-8.
    let _ = writer.write_record(fields);
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn format_time(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
    Offset::UTC.to_datetime(at.unwrap_or(Timestamp::MAX)).strftime(SENT_FORMAT).to_string()
}

fn digest(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

fn line_error(line: usize, what: impl Into<String>) -> ClearingFileError {
    ClearingFileError::Line { line, what: what.into() }
}

pub(super) fn parse(text: &str) -> Result<ClearingFile, ClearingFileError> {
    let body = text.strip_suffix('\n');
    let body = body.ok_or_else(|| {
        line_error(last_number(text), "the file is cut short: its last line has no line feed")
    })?;
    let before_trailer = body.rfind('\n').map_or(0, |place| place + 1);
    let (before, trailer) = body.split_at(before_trailer);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(before.as_bytes());
    let mut file: Option<ClearingFile> = None;
    let mut number = 0;
    for record in reader.records() {
        number += 1;
        let record = record.map_err(|error| line_error(number, error.to_string()))?;
        let fields: Vec<&str> = record.iter().collect();
        match &mut file {
            None => file = Some(header(&fields).map_err(|what| line_error(number, what))?),
            Some(file) => {
                let line = item(&fields, file.currency).map_err(|what| line_error(number, what))?;
                file.lines.push(line);
            }
        }
    }
    let file = file.ok_or_else(|| line_error(1, "the file needs a header and a trailer"))?;
    check_trailer(&file, before, trailer).map_err(|what| line_error(number + 1, what))?;
    Ok(file)
}

fn last_number(text: &str) -> usize {
    text.matches('\n').count() + 1
}

fn header(fields: &[&str]) -> Result<ClearingFile, String> {
    let &["H", version, network, date, currency] = fields else {
        return Err("the header is H,version,network,date,currency".to_owned());
    };
    if version != CLEARING_VERSION.to_string() {
        return Err(format!("version `{}` is unknown", shown(version)));
    }
    if !is_network_name(network) {
        return Err(format!("network name `{}` is invalid", shown(network)));
    }
    let no_date = || format!("date `{}` is invalid; write it as 2013-08-28", shown(date));
    let day: civil::Date = date.parse().map_err(|_| no_date())?;
    if day.to_string() != date {
        return Err(no_date());
    }
    let currency: Currency = currency.parse().map_err(|bad: CurrencyError| bad.to_string())?;
    Ok(ClearingFile { network: network.to_owned(), date: day, currency, lines: Vec::new() })
}

fn item(fields: &[&str], currency: Currency) -> Result<ClearingLine, String> {
    let &["I", rrn, stan, sent, terminal, merchant, kind, amount, deducted, net] = fields else {
        return Err("expected I,rrn,stan,sent,terminal,merchant,kind,amount,kept_back,net; \
                    the trailer must be the last line"
            .to_owned());
    };
    let known = ClearingLineKind::ALL.into_iter().find(|known| known.name() == kind);
    let line = ClearingLine {
        rrn: Rrn::new(exactly(rrn, "rrn")?).ok_or_else(|| {
            format!("rrn: `{}` has other characters than letters and digits", shown(rrn))
        })?,
        stan: stan_of(stan)?,
        sent_s: parse_time(sent)
            .ok_or_else(|| format!("sent: `{}` is not a valid time", shown(sent)))?,
        terminal: exactly(terminal, "terminal")?,
        merchant: exactly(merchant, "merchant")?,
        kind: known.ok_or_else(|| format!("kind: `{}` is unknown", shown(kind)))?,
        amount: money(amount, currency).map_err(|bad| format!("amount: {bad}"))?,
        deducted: money(deducted, currency).map_err(|bad| format!("kept_back: {bad}"))?,
    };
    if money(net, currency).map_err(|bad| format!("net: {bad}"))? != line.net() {
        return Err("net is not amount minus kept_back".to_owned());
    }
    Ok(line)
}

fn check_trailer(file: &ClearingFile, before: &str, trailer: &str) -> Result<(), String> {
    let fields: Vec<&str> = trailer.split(',').collect();
    let &["T", lines, amount, deducted, net, sha256] = fields.as_slice() else {
        return Err(
            "expected T,lines,amount,kept_back,net,sha256 as the last line; is the file cut short?"
                .to_owned(),
        );
    };
    let money = |text| money(text, file.currency).map(i128::from);
    let stated = ClearingTotals {
        lines: lines.parse().map_err(|_| format!("lines: `{}` is not a number", shown(lines)))?,
        amount: money(amount).map_err(|bad| format!("amount: {bad}"))?,
        deducted: money(deducted).map_err(|bad| format!("kept_back: {bad}"))?,
        net: money(net).map_err(|bad| format!("net: {bad}"))?,
    };
    if stated != file.totals() {
        return Err("the trailer's totals differ from those of the lines".to_owned());
    }
    if digest(before) != sha256 {
        return Err("the lines were changed: their SHA-256 differs from the trailer's".to_owned());
    }
    Ok(())
}

fn exactly<const N: usize>(text: &str, name: &str) -> Result<[u8; N], String> {
    text.as_bytes().try_into().map_err(|_| format!("{name} must have {N} characters"))
}

fn stan_of(text: &str) -> Result<u32, String> {
    let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let stan = text.parse().ok().filter(|_| digits);
    stan.ok_or_else(|| "stan must have six digits".to_owned())
}

fn parse_time(text: &str) -> Option<u64> {
    let at = DateTime::strptime(SENT_FORMAT, text).ok()?;
    let at = Offset::UTC.to_timestamp(at).ok()?.as_second();
    let at = u64::try_from(at).ok()?;
    (format_time(at) == text).then_some(at)
}

fn money(text: &str, currency: Currency) -> Result<i64, String> {
    let (digits, sign) = text.strip_prefix('-').map_or((text, 1), |digits| (digits, -1));
    let amount = decimal::parse(digits, currency, DecimalStyle::PLAIN);
    let minor = amount.map_err(|bad| bad.to_string())?.minor();
    i64::try_from(minor).map(|minor| sign * minor).map_err(|_| "too large".to_owned())
}

fn shown(text: &str) -> String {
    text.chars().take(24).collect()
}

//! UnionPay's files for an acquirer: ACOM or ACOMA with the payments, ALFEE with their fees, AERRA
//! with chargebacks and corrections, ZSUM with the sums of each merchant.
//!
//! Fields in the order of the published layouts, with a blank between them. Amounts are in fen and
//! without a sign; a signed fee is `C` if Doorstep gets it and `D` if it pays it.

use std::collections::BTreeMap;

use books::ClearLineKind;
use peers::card::EntryMode;
use peers::message_time::transmission_time;

use super::super::day::{CardRequest, RailLine};
use super::super::fields::{FixedLine, LineWriter};
use super::super::{FilePlace, RenderedFile, short};
use super::PlantedRail;

/// Doorstep's number at the networks, field 32.
const ACQUIRER: &str = "48700000";
/// Courier services.
const CATEGORY: &str = "4215";
const COUNTRY: &str = "156";
const MERCHANT_NAME: &str = "门到门快递（模拟商户）";
const ADDRESS: &str = "门到门快递 杭州市（模拟）";

pub(super) fn render(rail: &PlantedRail) -> Vec<RenderedFile> {
    let cups = Cups { rail, directory: rail.reference.clone(), day: short(rail.date) };
    let mut files = vec![cups.payments(), cups.fees(), cups.errors(), cups.sums()];
    files.retain(|file| !file.bytes.is_empty());
    files
}

struct Cups<'a> {
    rail: &'a PlantedRail,
    /// Two networks have files of the same names.
    directory: String,
    /// `YYMMDD`.
    day: String,
}

/// Corrections of earlier payments are in AERRA.
const fn is_error(kind: ClearLineKind) -> bool {
    matches!(
        kind,
        ClearLineKind::ChargeBack | ClearLineKind::Representment | ClearLineKind::FeeCorrection
    )
}

impl Cups<'_> {
    /// The lines of a file, with their requests, by index.
    fn lines(&self, errors: bool) -> impl Iterator<Item = (usize, &RailLine, &CardRequest)> {
        let lines = self.rail.lines.iter().enumerate();
        lines.filter_map(move |(index, line)| {
            let request = line.item.request().filter(|_| is_error(line.item.kind) == errors)?;
            Some((index, &line.item, request))
        })
    }

    fn file<'a>(
        &self,
        name: &str,
        lines: impl Iterator<Item = (usize, &'a RailLine, &'a CardRequest)>,
        write: impl Fn(&mut FixedLine, &RailLine, &CardRequest),
    ) -> RenderedFile {
        let (mut out, mut places) = (LineWriter::new("\r\n"), Vec::new());
        for (index, line, request) in lines {
            let mut fields = FixedLine::default();
            write(&mut fields, line, request);
            let at = out.line_of(fields.as_bytes());
            places.push(FilePlace { index, item: at, line: at });
        }
        let path = format!("{}/{name}", self.directory);
        RenderedFile { path, bytes: out.into_bytes(), places }
    }

    fn payments(&self) -> RenderedFile {
        let day = &self.day;
        let (lines, settled) = (self.lines(false), &day[2..]);
        if self.rail.sends_acoma {
            return self.file(&format!("IND{day}32ACOMA"), lines, |fields, line, request| {
                acom(fields, line, request);
                acoma(fields, line, request, settled);
            });
        }
        self.file(&format!("IND{day}01ACOM"), lines, acom)
    }

    fn fees(&self) -> RenderedFile {
        self.file(&format!("IND{}99ALFEE", self.day), self.lines(false), alfee)
    }

    fn errors(&self) -> RenderedFile {
        self.file(&format!("IND{}32AERRA", self.day), self.lines(true), aerra)
    }

    /// One line for each merchant: amounts, fees and net of all the other files.
    fn sums(&self) -> RenderedFile {
        let mut merchants: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
        for (_, line, request) in self.lines(false).chain(self.lines(true)) {
            let [amount, fee, net] = merchants.entry(&request.merchant).or_default();
            *amount += line.amount;
            *fee -= line.deducted;
            *net += line.net();
        }
        let mut out = LineWriter::new("\r\n");
        for (merchant, sums) in merchants {
            let mut fields = FixedLine::default();
            fields.text(15, merchant).text(80, MERCHANT_NAME);
            for sum in sums {
                fields.signed(13, sum);
            }
            fields.text(200, "");
            out.line_of(fields.as_bytes());
        }
        let path = format!("{}/INO{}32ZSUM", self.directory, self.day);
        RenderedFile { path, bytes: out.into_bytes(), places: Vec::new() }
    }
}

fn sent(line: &RailLine) -> u64 {
    u64::from(transmission_time(line.sent_at.0))
}

fn card_number(request: &CardRequest) -> &str {
    let digits = request.card.as_ref().map(keys::Pan::expose);
    digits.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
}

/// The issuer's number, made up from the first digits of its cards.
fn issuer(request: &CardRequest) -> String {
    format!("01{}00", card_number(request).get(..4).unwrap_or("0000"))
}

/// Message type, processing code and field 25.
const fn codes(kind: ClearLineKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ClearLineKind::Completion => ("0200", "000000", "06"),
        ClearLineKind::Offline => ("0220", "000000", "00"),
        ClearLineKind::Refund => ("0220", "200000", "00"),
        ClearLineKind::Reversal => ("0420", "000000", "00"),
        _ => ("0200", "000000", "00"),
    }
}

/// The fee without the network's part, and the network's part, as Doorstep gets them.
fn fees(line: &RailLine) -> (i64, i64) {
    (line.network_fee - line.deducted, -line.network_fee)
}

/// A fee in two fields: what Doorstep gets, and what it pays.
fn receivable_and_payable(fields: &mut FixedLine, width: usize, fee: i64) {
    fields.signed(width, fee.max(0));
    if fee < 0 {
        fields.signed(width, fee);
    } else {
        fields.text(width, &format!("D{:0width$}", 0, width = width - 1));
    }
}

/// Original STAN and time; zeros if there is none.
fn original(line: &RailLine, request: &CardRequest) -> (u64, u64) {
    let own = (u64::from(request.stan), sent(line));
    match (line.kind, request.original) {
        (ClearLineKind::Reversal, _) => own,
        (_, Some((stan, time))) => (stan.into(), time.into()),
        // A refund that the issuer asked for has the number of its payment.
        (ClearLineKind::Refund, None) => own,
        _ => (0, 0),
    }
}

/// Field 22: how the card was read, and whether a PIN was entered.
const fn entry_mode(request: &CardRequest) -> &'static str {
    match request.entry_mode {
        EntryMode::Keyed => "012",
        EntryMode::Stripe => "021",
        EntryMode::Chip => "051",
        EntryMode::Contactless => "072",
    }
}

fn acom(fields: &mut FixedLine, line: &RailLine, request: &CardRequest) {
    let (message, processing, condition) = codes(line.kind);
    let (original_stan, original_time) = original(line, request);
    let (fee, network_fee) = fees(line);
    let is_chip = matches!(request.entry_mode, EntryMode::Chip | EntryMode::Contactless);
    fields.text(11, ACQUIRER).text(11, ACQUIRER);
    fields.number(6, request.stan.into()).number(10, sent(line));
    fields.text(19, card_number(request)).number(12, line.amount.unsigned_abs());
    // Of a partial approval, and the cardholder's own fee.
    fields.number(12, 0).number(12, 0);
    fields.text(4, message).text(6, processing).text(4, CATEGORY);
    fields.text(8, &request.terminal).text(15, &request.merchant).text(12, &request.rrn);
    fields.text(2, condition).text(6, &request.authorisation).text(11, &issuer(request));
    fields.number(6, original_stan).text(2, "00").text(3, entry_mode(request));
    receivable_and_payable(fields, 12, fee);
    fields.signed(12, network_fee);
    // Single message; the card's sequence; what terminal and card can do.
    fields.text(1, "1").number(3, is_chip.into()).text(1, "6").text(1, "0");
    fields.number(10, original_time).text(11, &issuer(request));
    // Domestic, a portable terminal, no electronic commerce, no instalments.
    fields.text(1, "0").text(2, "03").text(2, "").number(12, 0).text(14, "");
}

fn acoma(fields: &mut FixedLine, line: &RailLine, request: &CardRequest, settled: &str) {
    let is_reversed = line.kind == ClearLineKind::Reversal;
    fields.text(11, ACQUIRER).text(11, &issuer(request));
    fields.text(1, if is_reversed { "R" } else { "" }).text(1, "");
    fields.text(4, settled).text(2, "01").text(40, ADDRESS).text(3, COUNTRY);
    // Automatic discount; the merchant's fee, which Doorstep takes itself.
    fields.signed(9, 0).signed(9, 0).text(11, ACQUIRER).signed(9, 0);
    let (fee, network_fee) = fees(line);
    // Who has a part in the fee: issuer, then network.
    for (role, part) in [(issuer(request), fee), ("CUPS".to_owned(), network_fee)] {
        fields.text(11, &role).signed(9, part);
    }
    for _ in 2..9 {
        fields.text(11, "").signed(9, 0);
    }
    fields.signed(9, 0).signed(9, 0).signed(9, 0);
    fields.text(19, card_number(request)).text(280, "");
}

fn alfee(fields: &mut FixedLine, line: &RailLine, request: &CardRequest) {
    let (message, processing, condition) = codes(line.kind);
    let (original_stan, original_time) = original(line, request);
    let (fee, network_fee) = fees(line);
    let card_type = if request.is_credit { "02" } else { "01" };
    fields.text(11, ACQUIRER).text(1, "1").text(2, card_type).text(2, "").text(1, "").text(1, "");
    fields.text(4, CATEGORY).text(11, "");
    fields.text(11, ACQUIRER).text(11, ACQUIRER).text(11, &issuer(request));
    fields.text(11, &issuer(request)).text(11, "");
    fields.text(4, message).text(6, processing).text(2, condition);
    fields.number(6, request.stan.into()).number(10, sent(line)).text(19, card_number(request));
    fields.text(28, "").text(28, "");
    fields.text(
        42,
        &match original_stan {
            0 => String::new(),
            // Type, STAN, time, acquirer and forwarder, as field 90.
            stan => format!("0200{stan:06}{original_time:010}{ACQUIRER:0>11}{ACQUIRER:0>11}"),
        },
    );
    fields.text(8, &request.terminal).text(15, &request.merchant).text(12, &request.rrn);
    fields.number(12, line.amount.unsigned_abs());
    fields.signed(12, fee).signed(12, network_fee).signed(12, 0).signed(13, line.net());
    fields.text(1, "").text(99, "");
}

/// The error types are those that acquirers name: a chargeback, its representment, a fee.
fn aerra(fields: &mut FixedLine, line: &RailLine, request: &CardRequest) {
    let (error, reason) = match line.kind {
        ClearLineKind::ChargeBack => ("E05", "4507"),
        ClearLineKind::Representment => ("E25", "4507"),
        _ => ("E22", "0000"),
    };
    let stan = request.stan.into();
    let (fee, network_fee) = fees(line);
    fields.text(3, error).text(11, ACQUIRER).text(11, ACQUIRER);
    fields.number(6, stan).number(10, sent(line)).text(19, card_number(request));
    fields.number(12, line.amount.unsigned_abs());
    fields.text(4, "0422").text(6, "000000").text(4, CATEGORY).text(8, &request.terminal);
    fields.text(12, &request.rrn).text(2, "00").text(6, &request.authorisation);
    fields.text(11, &issuer(request)).text(11, &issuer(request));
    fields.number(6, stan).text(2, "00").text(3, entry_mode(request));
    receivable_and_payable(fields, 12, fee);
    fields.signed(12, network_fee).signed(12, 0).signed(12, 0).signed(12, 0);
    fields.text(4, reason);
    // From the account of the one to that of the other.
    fields.text(11, ACQUIRER).text(19, "").text(11, &issuer(request)).text(19, "");
    fields.number(10, sent(line));
    fields.text(60, "");
}

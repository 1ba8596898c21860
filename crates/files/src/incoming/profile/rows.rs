//! The rows of a CSV or fixed-width file, and their fields by the profile.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::BufRead;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::Currency;
use zeroize::Zeroizing;

use super::super::archive::matches;
use super::super::clearing::StatedItemKind;
use super::super::parts::{CardFacts, FineAmount, IncomingHead};
use super::super::scan::Scan;
use super::super::source::RawLines;
use super::super::values::{self, Identifier};
use super::super::{FileFault, RefusedFile, mt940};
use super::footer::FooterSums;
use super::models::RowModel;
use super::{FileProfile, FixedColumn, ProfileField, ProfileLayout, ProfileModel};
use super::{ProfileTimes, SignRule};
use crate::date::{date_of_formats, near_date, utc_ms, utc_ms_of_formats};
use crate::records::{Record, RecordError, RecordReader};

/// Records before the header of a CSV file.
const PREAMBLE_RECORDS_MAX: usize = 60;
/// A text of a field that is kept.
const TEXT_BYTES_MAX: usize = 1_024;

/// Where the fields of a profile are in a file.
pub(super) struct FieldPlaces<'p> {
    fields: BTreeMap<&'static str, Vec<(usize, &'p ProfileField)>>,
    kinds: Vec<usize>,
    /// Of each instalment: reference, day, amount.
    pub instalments: Vec<[Option<(usize, &'p ProfileField)>; 3]>,
}

impl<'p> FieldPlaces<'p> {
    /// The places, or the first column that the file lacks, and how many others it has.
    fn find(
        profile: &'p FileProfile,
        place_of: impl Fn(&str) -> Option<usize>,
    ) -> Result<FieldPlaces<'p>, (&'p ProfileField, usize)> {
        let place = |field: &ProfileField| field.names.iter().find_map(|name| place_of(name));
        let (mut found, mut missing) = (0, None);
        let mut fields = BTreeMap::new();
        for (name, list) in &profile.fields {
            let mut places = Vec::new();
            for field in list {
                match place(field) {
                    Some(at) => places.push((at, field)),
                    None if field.optional => {}
                    None => missing = missing.or(Some(field)),
                }
            }
            found += places.len();
            fields.insert(*name, places);
        }
        let mut kinds = Vec::new();
        for field in profile.kinds.iter().flat_map(|rule| &rule.columns) {
            match place(field) {
                Some(at) => kinds.push(at),
                None => missing = missing.or(Some(field)),
            }
        }
        let optional = |field: &'p Option<ProfileField>| {
            let field = field.as_ref()?;
            Some((place(field)?, field))
        };
        let instalments = profile.instalments.iter().map(|rule| {
            [optional(&rule.reference), optional(&rule.paid_on), optional(&rule.amount)]
        });
        let instalments = instalments.collect();
        match missing {
            Some(field) => Err((field, found)),
            None => Ok(FieldPlaces { fields, kinds, instalments }),
        }
    }
}

enum Cells<'r> {
    Record(Record<'r>),
    Fixed { bytes: &'r [u8], columns: &'r [FixedColumn], encoding: &'static Encoding },
}

/// A line of a file.
pub(super) struct ProfileRow<'r> {
    pub line: u32,
    pub places: &'r FieldPlaces<'r>,
    profile: &'r FileProfile,
    cells: Cells<'r>,
    file_date: Option<Date>,
}

impl ProfileRow<'_> {
    pub fn has(&self, field: &str) -> bool {
        self.places.fields.get(field).is_some_and(|places| !places.is_empty())
    }

    pub fn is_newest_first(&self) -> bool {
        matches!(self.profile.layout, ProfileLayout::Csv { newest_first: true, .. })
    }

    /// The columns of a field.
    pub fn columns(&self, field: &str) -> impl Iterator<Item = (usize, &ProfileField)> {
        self.places.fields.get(field).into_iter().flatten().map(|(place, rule)| (*place, *rule))
    }

    pub fn some_text(&self, place: usize) -> Option<String> {
        self.cell(place).filter(|cell| !cell.is_empty()).map(Cow::into_owned)
    }

    /// A cell, trimmed. `None` if it is not text in the encoding.
    fn cell(&self, place: usize) -> Option<Cow<'_, str>> {
        match &self.cells {
            Cells::Record(record) => Some(Cow::Borrowed(unmarked(self.profile, record.get(place)))),
            Cells::Fixed { bytes, columns, encoding } => {
                let column = columns.get(place)?;
                let bytes = bytes.get(column.start..column.end)?;
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
                Some(match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                    Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
                })
            }
        }
    }

    fn cell_or_fault(
        &self,
        place: usize,
        label: &str,
        scan: &mut Scan<'_>,
    ) -> Option<Cow<'_, str>> {
        let cell = self.cell(place);
        if cell.is_none() {
            scan.add(self.line, label, FileFault::NotDecoded);
        }
        cell
    }

    /// The first of a field's columns that is not empty.
    pub fn text(&self, field: &str, scan: &mut Scan<'_>) -> Option<String> {
        for (place, rule) in self.places.fields.get(field)? {
            let cell = self.cell_or_fault(*place, &rule.label, scan)?;
            // A spreadsheet keeps digits as text behind an apostrophe.
            let text = cell.strip_prefix('\'').unwrap_or(&cell);
            if text.is_empty() {
                continue;
            }
            if text.len() > TEXT_BYTES_MAX {
                scan.add(self.line, &rule.label, FileFault::TooLong(TEXT_BYTES_MAX));
                return None;
            }
            return match values::identifier(text) {
                Identifier::AsWritten => Some(text.to_owned()),
                Identifier::Exact(digits) => Some(digits),
                Identifier::Rounded => {
                    scan.add(self.line, &rule.label, FileFault::Rounded);
                    None
                }
            };
        }
        None
    }

    /// All texts of a field.
    pub fn texts(&self, field: &str) -> Vec<String> {
        let places = self.places.fields.get(field).into_iter().flatten();
        let texts = places.filter_map(|(place, _)| self.cell(*place));
        texts.filter(|text| !text.is_empty()).map(|text| text.chars().take(200).collect()).collect()
    }

    /// The name of a field's first column, for faults.
    pub fn label(&self, field: &str) -> &str {
        let first = self.places.fields.get(field).and_then(|places| places.first());
        first.map_or("", |(_, rule)| &rule.label)
    }

    /// A column's amount without the profile's signs.
    pub fn plain_amount(&self, place: usize) -> Option<FineAmount> {
        values::fine(self.amount_text(&self.cell(place)?), self.profile.decimals)
    }

    fn amount_text<'t>(&self, text: &'t str) -> &'t str {
        let ProfileLayout::Csv { amount_marks, .. } = &self.profile.layout else { return text };
        let mut text = text;
        for mark in amount_marks {
            text = text.strip_prefix(mark.as_str()).unwrap_or(text);
            text = text.strip_suffix(mark.as_str()).unwrap_or(text).trim();
        }
        text
    }

    /// The sum of the field's columns that apply to the kind. `None` if it has none, or a fault.
    pub fn amount(
        &self,
        field: &str,
        kind: Option<StatedItemKind>,
        currency: Currency,
        scan: &mut Scan<'_>,
    ) -> Option<FineAmount> {
        let places = self.places.fields.get(field).filter(|places| !places.is_empty())?;
        let mut sum = 0_i64;
        for (place, rule) in places {
            if !rule.of.is_empty() && !kind.is_some_and(|kind| rule.of.contains(&kind)) {
                continue;
            }
            let amount = self.one_amount(*place, rule, kind, currency, scan)?;
            sum = match sum.checked_add(amount.parts()) {
                Some(sum) => sum,
                None => {
                    scan.add(self.line, &rule.label, FileFault::NotAnAmount(currency));
                    return None;
                }
            };
        }
        Some(FineAmount::new(sum))
    }

    pub fn one_amount(
        &self,
        place: usize,
        rule: &ProfileField,
        kind: Option<StatedItemKind>,
        currency: Currency,
        scan: &mut Scan<'_>,
    ) -> Option<FineAmount> {
        let cell = self.cell_or_fault(place, &rule.label, scan)?;
        let text = self.amount_text(&cell);
        if text.is_empty() && (rule.empty_is_zero || rule.optional) {
            return Some(FineAmount::default());
        }
        let (text, negative) = match rule.sign {
            SignRule::Letters { plus, minus } => match text.strip_prefix([plus, minus]) {
                Some(rest) => (rest, text.starts_with(minus)),
                None => (text, false),
            },
            _ => (text, false),
        };
        let amount = match self.profile.layout {
            ProfileLayout::Csv { .. } => values::fine(text, self.profile.decimals),
            ProfileLayout::Fixed { .. } => whole_minor(text, currency),
        };
        let Some(amount) = amount else {
            scan.add(self.line, &rule.label, FileFault::NotAnAmount(currency));
            return None;
        };
        let parts = match rule.sign {
            SignRule::AsWritten => amount.parts(),
            SignRule::Opposite => -amount.parts(),
            SignRule::ByKind if kind.is_some_and(is_taken) => -amount.parts().abs(),
            SignRule::ByKind => amount.parts(),
            SignRule::Letters { .. } if negative => -amount.parts(),
            SignRule::Letters { .. } => amount.parts(),
        };
        Some(FineAmount::new(parts))
    }

    /// A day. `None` if the field is empty, or a fault.
    pub fn date(&self, field: &str, scan: &mut Scan<'_>) -> Option<Date> {
        let (place, rule) = self.first_filled(field)?;
        self.date_at(place, rule, scan)
    }

    pub fn date_at(&self, place: usize, rule: &ProfileField, scan: &mut Scan<'_>) -> Option<Date> {
        let cell = self.cell(place)?;
        if cell.is_empty() {
            return None;
        }
        let text = plain_time(&cell);
        let date = match &self.profile.times {
            ProfileTimes::Forms(forms) => date_of_formats(&text, forms),
            ProfileTimes::MonthToSecond => {
                let two = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
                two(0)
                    .zip(two(2))
                    .zip(self.file_date)
                    .and_then(|((month, day), latest)| near_date(month, day, latest))
            }
        };
        if date.is_none() {
            scan.add(self.line, &rule.label, FileFault::NotADate);
        }
        date
    }

    /// A time in seconds since 1970.
    pub fn time(&self, field: &str, scan: &mut Scan<'_>) -> Option<u64> {
        let (place, rule) = self.first_filled(field)?;
        let cell = self.cell(place)?;
        let text = plain_time(&cell);
        let zone = self.profile.zone_seconds;
        let seconds = match &self.profile.times {
            ProfileTimes::MonthToSecond => {
                self.file_date.and_then(|date| values::month_to_second(&text, date, zone))
            }
            ProfileTimes::Forms(forms) => {
                let ms = match forms.is_empty() {
                    true => utc_ms(&text, zone),
                    false => utc_ms_of_formats(&text, forms, zone),
                };
                ms.and_then(|ms| u64::try_from(ms.div_euclid(1_000)).ok())
            }
        };
        if seconds.is_none() {
            scan.add(self.line, &rule.label, FileFault::NotATime);
        }
        seconds
    }

    fn first_filled(&self, field: &str) -> Option<(usize, &ProfileField)> {
        let mut places = self.places.fields.get(field)?.iter();
        let filled = |place: usize| self.cell(place).is_some_and(|cell| !cell.is_empty());
        places.find(|(place, _)| filled(*place)).map(|(place, rule)| (*place, *rule))
    }

    /// A card, whole or masked. The number does not leave this function.
    pub fn card(&self, scan: &mut Scan<'_>) -> Option<CardFacts> {
        let (place, rule) = *self.places.fields.get("card")?.first()?;
        let mut bytes = Zeroizing::new(match &self.cells {
            Cells::Record(record) => unmarked(self.profile, record.get(place)).as_bytes().to_vec(),
            Cells::Fixed { bytes, columns, .. } => {
                let column = columns.get(place)?;
                bytes.get(column.start..column.end)?.to_vec()
            }
        });
        if bytes.trim_ascii().is_empty() {
            return None;
        }
        let masked = values::masked_card(&bytes);
        let card = masked.or_else(|| values::card(&mut bytes, scan.options.tokens));
        if card.is_none() {
            scan.add(self.line, &rule.label, FileFault::NotACard);
        }
        card
    }

    /// What the line is. `Err` if the profile has no meaning for it.
    pub fn kind(&self, scan: &mut Scan<'_>) -> Result<Option<StatedItemKind>, ()> {
        let Some(rule) = &self.profile.kinds else { return Ok(Some(StatedItemKind::Sale)) };
        let cells = self.places.kinds.iter().map(|place| self.cell(*place).unwrap_or_default());
        let value = cells.collect::<Vec<_>>().join(" ");
        match rule.values.iter().find(|(known, _)| matches(known, &value)) {
            Some((_, kind)) => Ok(*kind),
            None => {
                let label = rule.columns.first().map_or("", |column| &column.label);
                scan.add(self.line, label, FileFault::UnknownKind);
                Err(())
            }
        }
    }

    /// Which way an entry goes, by the columns of its direction: true is a debit.
    pub fn is_debit(&self, scan: &mut Scan<'_>) -> Option<bool> {
        let (place, rule) = *self.places.fields.get("direction")?.first()?;
        let cell = self.cell(place)?;
        let is = |values: &[String]| values.iter().any(|value| *value == *cell);
        match (is(&rule.debit), is(&rule.credit)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => {
                scan.add(self.line, &rule.label, FileFault::UnknownKind);
                None
            }
        }
    }

    /// The currency of the line: of its column, of the profile, or as it was given.
    pub fn currency(&self, scan: &mut Scan<'_>) -> Option<Currency> {
        let given = self.profile.currency.or(scan.options.currency_given);
        let Some((place, rule)) = self.first_filled("currency") else {
            if given.is_none() {
                scan.add(self.line, "currency", FileFault::Missing);
            }
            return given;
        };
        let cell = self.cell(place)?;
        let named = self.profile.currency_names.get(&*cell).copied();
        let found = named.or_else(|| cell.parse().ok());
        if found.is_none() {
            scan.add(self.line, &rule.label, FileFault::NotACurrency);
        }
        found
    }
}

/// The network takes the money of such an item.
fn is_taken(kind: StatedItemKind) -> bool {
    use StatedItemKind as K;
    matches!(kind, K::Refund | K::Reversal | K::Chargeback)
}

/// Full-width colons of old files are read as colons.
fn plain_time(text: &str) -> Cow<'_, str> {
    match text.contains('：') {
        true => Cow::Owned(text.replace('：', ":")),
        false => Cow::Borrowed(text),
    }
}

fn whole_minor(text: &str, currency: Currency) -> Option<FineAmount> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let digits = digits.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let minor: i64 = digits.parse().ok().filter(|_| plain)?;
    let parts = minor.checked_mul(FineAmount::parts_of_minor(currency)?)?;
    Some(FineAmount::new(if negative { -parts } else { parts }))
}

/// A value without the profile's mark before it.
fn unmarked<'t>(profile: &FileProfile, text: &'t str) -> &'t str {
    let ProfileLayout::Csv { value_mark: Some(mark), .. } = &profile.layout else { return text };
    text.strip_prefix(*mark).unwrap_or(text).trim()
}

/// Reads a file by its profile.
pub(super) fn scan(
    profile: &FileProfile,
    input: impl BufRead,
    encoding: &'static Encoding,
    scan: &mut Scan<'_>,
) -> Result<Option<IncomingHead>, RefusedFile> {
    let file_date = scan.options.file_date.or_else(|| date_of_name(profile, &scan.file));
    if matches!(profile.times, ProfileTimes::MonthToSecond) && file_date.is_none() {
        scan.faults.add(1, None, FileFault::NoFileDate);
        return Ok(None);
    }
    if let Some(date) = file_date {
        scan.check_date(1, "file name", date);
    }
    match &profile.layout {
        ProfileLayout::Csv { .. } => scan_csv(profile, input, encoding, file_date, scan),
        ProfileLayout::Fixed { columns, width } => {
            let shape = FixedShape { columns, width: *width };
            scan_fixed(profile, &shape, input, encoding, file_date, scan)
        }
    }
}

/// The day in a file's name, behind the letters of the profile.
fn date_of_name(profile: &FileProfile, file: &str) -> Option<Date> {
    let name = file.rsplit(['/', '\\']).next()?;
    let begin = profile.date_behind.as_deref()?;
    let at = name.find(begin)? + begin.len();
    mt940::short_date(name.get(at..at + 6)?)
}

fn scan_csv(
    profile: &FileProfile,
    input: impl BufRead,
    encoding: &'static Encoding,
    file_date: Option<Date>,
    scan: &mut Scan<'_>,
) -> Result<Option<IncomingHead>, RefusedFile> {
    let ProfileLayout::Csv { delimiter, comment, .. } = &profile.layout else { return Ok(None) };
    let comment = comment.as_deref();
    let mut records = RecordReader::new(input, encoding, *delimiter);
    if matches!(profile.reads, ProfileModel::Clearing | ProfileModel::FeeDetails) {
        records = records.wiping();
    }
    let Some((places, names)) = find_header(profile, &mut records, scan)? else { return Ok(None) };
    let place_of = |name: &str| names.iter().position(|known| known == name);
    let mut footer = profile.footer.as_ref().map(|rule| FooterSums::new(rule, place_of));
    let mut model = RowModel::new(profile.reads, file_date);
    let mut last = 0;
    while let Some(record) = records.next().map_err(|error| scan.refusal(error))? {
        let line = record.line;
        last = line;
        let first = unmarked(profile, record.get(0));
        if let (Some(rule), Some(sums)) = (&profile.footer, &mut footer) {
            let goes_on = sums.begun && sums.goes_on(rule, first, comment);
            if goes_on || !sums.begun && rule.begins(first) {
                let fields: Vec<String> = (0..record.len())
                    .map(|place| unmarked(profile, record.get(place)).to_owned())
                    .collect();
                sums.take_line(rule, &fields, line, profile, model.currency(), scan);
                continue;
            }
            if sums.begun {
                scan.faults.add(line, None, FileFault::AfterEnd);
                continue;
            }
        }
        if comment.is_some_and(|comment| first.starts_with(comment)) {
            continue;
        }
        if record.misquoted {
            scan.faults.add(line, None, FileFault::Misquoted);
            continue;
        }
        let beyond = (names.len()..record.len()).any(|place| !record.get(place).is_empty());
        if record.len() < names.len() || beyond {
            let fault = FileFault::FieldCount { expected: names.len(), found: record.len() };
            scan.faults.add(line, None, fault);
            continue;
        }
        let cells = Cells::Record(record);
        let row = ProfileRow { line, places: &places, profile, cells, file_date };
        let Ok(kind) = row.kind(scan) else { continue };
        if let Some(sums) = &mut footer {
            sums.add_row(&row, kind);
        }
        model.take(&row, kind, scan);
    }
    if let (Some(rule), Some(sums)) = (&profile.footer, &footer)
        && !sums.is_whole(rule)
    {
        scan.faults.add(last, None, FileFault::CutShort);
    }
    scan.check_count(last);
    Ok(model.finish(profile, last, footer.as_ref(), scan))
}

type FoundHeader<'p> = (FieldPlaces<'p>, Vec<String>);

/// Looks for the header among the first records. Names the column that is missing where most of
/// the others are.
fn find_header<'p, R: BufRead>(
    profile: &'p FileProfile,
    records: &mut RecordReader<R>,
    scan: &mut Scan<'_>,
) -> Result<Option<FoundHeader<'p>>, RefusedFile> {
    let mut best: Option<(usize, u32, &ProfileField)> = None;
    let mut any = false;
    for _ in 0..PREAMBLE_RECORDS_MAX {
        let next = records.next().map_err(|error| scan.refusal(error))?;
        let Some(record) = next else { break };
        any = true;
        let names = header_names(profile, record);
        let place_of = |name: &str| names.iter().position(|known| known == name);
        match FieldPlaces::find(profile, place_of) {
            Ok(places) => {
                let twice = repeated_name(&places, &names);
                if let Some(twice) = twice {
                    scan.add(record.line, &twice, FileFault::ColumnTwice);
                    return Ok(None);
                }
                return Ok(Some((places, names)));
            }
            Err((missing, found)) => {
                if best.is_none_or(|(most, ..)| found > most) {
                    best = Some((found, record.line, missing));
                }
            }
        }
    }
    match best {
        Some((_, line, missing)) => scan.add(line, &missing.label, FileFault::NoColumn),
        None if !any => return Err(scan.empty()),
        None => {}
    }
    Ok(None)
}

fn header_names(profile: &FileProfile, record: Record<'_>) -> Vec<String> {
    let names = (0..record.len()).map(|place| unmarked(profile, record.get(place)).to_owned());
    names.collect()
}

/// A column that is read, and stands in the header twice.
fn repeated_name(places: &FieldPlaces<'_>, names: &[String]) -> Option<String> {
    let read = places.fields.values().flatten().map(|(place, _)| *place);
    let mut read = read.chain(places.kinds.iter().copied());
    let twice = read.find(|place| {
        names.get(*place).is_some_and(|name| names.iter().filter(|one| *one == name).count() > 1)
    })?;
    names.get(twice).cloned()
}

struct FixedShape<'p> {
    columns: &'p [FixedColumn],
    width: usize,
}

impl FixedShape<'_> {
    /// Whether the bytes between the columns can be separators.
    fn fits(&self, bytes: &[u8]) -> bool {
        let between = |pair: &[FixedColumn]| pair[0].end..pair[1].start;
        let mut ranges = self.columns.windows(2).map(between);
        let separator = |byte: &u8| matches!(byte, b' ' | b'\t' | b'|' | b',');
        ranges.all(|range| bytes.get(range).is_some_and(|bytes| bytes.iter().all(separator)))
    }
}

fn scan_fixed(
    profile: &FileProfile,
    shape: &FixedShape<'_>,
    input: impl BufRead,
    encoding: &'static Encoding,
    file_date: Option<Date>,
    scan: &mut Scan<'_>,
) -> Result<Option<IncomingHead>, RefusedFile> {
    let columns = shape.columns;
    let place_of = |name: &str| columns.iter().position(|column| column.name == name);
    let places = match FieldPlaces::find(profile, place_of) {
        Ok(places) => places,
        Err((missing, _)) => {
            scan.add(1, &missing.label, FileFault::NoColumn);
            return Ok(None);
        }
    };
    let mut model = RowModel::new(profile.reads, file_date);
    let mut lines = RawLines::new(input);
    while let Some((line, bytes)) = lines.next().map_err(|error| scan.refusal(error))? {
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        if bytes.len() < shape.width {
            let fault = FileFault::LineWidth { expected: shape.width, found: bytes.len() };
            scan.faults.add(line, None, fault);
            continue;
        }
        if !shape.fits(bytes) {
            scan.faults.add(line, None, FileFault::Shifted);
            continue;
        }
        let cells = Cells::Fixed { bytes, columns, encoding };
        let row = ProfileRow { line, places: &places, profile, cells, file_date };
        if let Ok(kind) = row.kind(scan) {
            model.take(&row, kind, scan);
        }
    }
    if lines.number == 0 {
        return Err(scan.empty());
    }
    scan.check_count(lines.number);
    Ok(model.finish(profile, lines.number, None, scan))
}

/// The number of columns found in the first bytes of a CSV file, if no needed one is missing.
pub(super) fn columns_found(profile: &FileProfile, head: &[u8]) -> Option<usize> {
    let ProfileLayout::Csv { delimiter, .. } = &profile.layout else { return None };
    let mut records = RecordReader::new(head, profile.encoding, *delimiter);
    for _ in 0..PREAMBLE_RECORDS_MAX {
        // The head may end within a character or a quoted field.
        let record: Result<Option<Record<'_>>, RecordError> = records.next();
        let names = header_names(profile, record.ok()??);
        let place_of = |name: &str| names.iter().position(|known| known == name);
        if let Ok(places) = FieldPlaces::find(profile, place_of) {
            return Some(places.fields.values().map(Vec::len).sum::<usize>() + places.kinds.len());
        }
    }
    None
}

/// Whether the first line of a file can have the fixed columns of a profile.
pub(super) fn has_fixed_columns(profile: &FileProfile, head: &[u8]) -> bool {
    let ProfileLayout::Fixed { columns, width } = &profile.layout else { return false };
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let shape = FixedShape { columns, width: *width };
    line.len() >= *width && shape.fits(line)
}

//! The totals at the end of a CSV file, compared with its rows.

use money::Currency;

use super::super::clearing::StatedItemKind;
use super::super::parts::{FineAmount, RoundingDifference};
use super::super::scan::Scan;
use super::super::{FileFault, values};
use super::form::FooterForm;
use super::rows::ProfileRow;
use super::{Checked, FileProfile, check, fault};

const LINES: &str = "lines";

#[derive(Clone, Debug)]
pub(super) struct FooterRule {
    begins: Vec<String>,
    totals: Vec<(String, TotalOf)>,
    lines: Vec<Vec<FooterPiece>>,
    rounded: Vec<String>,
}

/// What a total adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TotalOf {
    /// `None` counts the rows.
    column: Option<String>,
    kind: Option<StatedItemKind>,
}

#[derive(Clone, Debug)]
enum FooterPiece {
    Text(String),
    Total(TotalOf),
}

impl TotalOf {
    fn of(text: &str) -> Checked<TotalOf> {
        let (column, kind) = match text.split_once(':') {
            Some((column, kind)) => (column, Some(super::kind_of("footer", kind)?)),
            None => (text, None),
        };
        Ok(TotalOf { column: (column != LINES).then(|| column.to_owned()), kind })
    }

    fn label(&self) -> &str {
        self.column.as_deref().unwrap_or(LINES)
    }
}

impl FooterRule {
    pub fn of(form: FooterForm) -> Checked<FooterRule> {
        check::entries("footer.begins", form.begins.len(), 1)?;
        for text in form.begins.iter().chain(form.totals.keys()).chain(&form.lines) {
            check::text("footer", text)?;
        }
        let totals = form.totals.iter().map(|(name, of)| Ok((name.clone(), TotalOf::of(of)?)));
        let totals = totals.collect::<Checked<_>>()?;
        let lines = form.lines.iter().map(|line| pieces(line)).collect::<Checked<_>>()?;
        Ok(FooterRule { begins: form.begins, totals, lines, rounded: form.rounded })
    }

    /// Whether this is the first field of the footer's first line.
    pub fn begins(&self, first: &str) -> bool {
        self.begins.iter().any(|begin| first.starts_with(begin.as_str()))
    }

    fn all_totals(&self) -> impl Iterator<Item = &TotalOf> {
        let in_lines = self.lines.iter().flatten().filter_map(|piece| match piece {
            FooterPiece::Total(total) => Some(total),
            FooterPiece::Text(_) => None,
        });
        self.totals.iter().map(|(_, total)| total).chain(in_lines)
    }
}

/// The pieces of `#交易合计：{lines:sale}笔*`.
fn pieces(line: &str) -> Checked<Vec<FooterPiece>> {
    let (mut pieces, mut rest) = (Vec::new(), line);
    while let Some((text, behind)) = rest.split_once('{') {
        let Some((total, behind)) = behind.split_once('}') else {
            return fault("footer.lines", "has a `{` without a `}`", "close it");
        };
        pieces.push(FooterPiece::Text(text.to_owned()));
        pieces.push(FooterPiece::Total(TotalOf::of(total)?));
        rest = behind;
    }
    pieces.push(FooterPiece::Text(rest.to_owned()));
    Ok(pieces)
}

/// Sums of the rows, for the totals that the footer states.
#[derive(Default)]
pub(super) struct FooterSums {
    sums: Vec<FooterSum>,
    rows: u64,
    /// The totals' names of a footer with a header of its own.
    names: Option<Vec<String>>,
    pub begun: bool,
    /// Every row was read. Otherwise no total can agree.
    whole: bool,
    pub checked: u32,
    pub rounding: Option<RoundingDifference>,
}

struct FooterSum {
    total: TotalOf,
    /// The place of the column in the header.
    place: Option<usize>,
    sum: i128,
}

impl FooterSums {
    /// `place_of` finds a column by its name. Totals of columns that a file lacks are not checked.
    pub fn new(rule: &FooterRule, place_of: impl Fn(&str) -> Option<usize>) -> FooterSums {
        let mut sums: Vec<FooterSum> = Vec::new();
        for total in rule.all_totals() {
            let place = total.column.as_deref().map(&place_of);
            let known = sums.iter().any(|sum| sum.total == *total);
            if place != Some(None) && !known {
                sums.push(FooterSum { total: total.clone(), place: place.flatten(), sum: 0 });
            }
        }
        FooterSums { sums, ..FooterSums::default() }
    }

    pub fn add_row(&mut self, row: &ProfileRow<'_>, kind: Option<StatedItemKind>) {
        self.rows += 1;
        for sum in &mut self.sums {
            if sum.total.kind.is_some() && sum.total.kind != kind {
                continue;
            }
            sum.sum += match sum.place {
                None => 1,
                // A field that is no amount is a fault where it is read.
                Some(place) => row.plain_amount(place).map_or(0, |one| i128::from(one.parts())),
            };
        }
    }

    /// Takes a line of the footer.
    pub fn take_line(
        &mut self,
        rule: &FooterRule,
        fields: &[String],
        line: u32,
        profile: &FileProfile,
        currency: Option<Currency>,
        scan: &mut Scan<'_>,
    ) {
        if !self.begun {
            (self.begun, self.whole) = (true, scan.faults.is_empty());
        }
        let first = fields.first().map(String::as_str).unwrap_or_default();
        if !rule.totals.is_empty() {
            match self.names.take() {
                None => self.names = Some(fields.to_vec()),
                Some(names) => {
                    for (name, _) in &rule.totals {
                        let place = names.iter().position(|known| known == name);
                        if place.is_some_and(|place| place >= fields.len()) {
                            scan.add(line, name, FileFault::NotOfFormat);
                        }
                    }
                    for (name, value) in names.iter().zip(fields) {
                        let total = rule.totals.iter().find(|(known, _)| known == name);
                        if let Some((_, total)) = total {
                            self.compare(rule, total, value, line, profile, currency, scan);
                        }
                    }
                    self.names = Some(Vec::new());
                }
            }
            return;
        }
        for pieces in &rule.lines {
            let Some(FooterPiece::Text(begin)) = pieces.first() else { continue };
            if !first.starts_with(begin.as_str()) {
                continue;
            }
            match matched(pieces, first) {
                Some(found) => {
                    for (total, value) in found {
                        self.compare(rule, total, value, line, profile, currency, scan);
                    }
                }
                None => scan.add(line, begin, FileFault::NotOfFormat),
            }
        }
    }

    /// Whether the footer stands where it must, and says all.
    pub fn is_whole(&self, rule: &FooterRule) -> bool {
        let has_totals = self.names.as_ref().is_some_and(Vec::is_empty);
        self.begun && (rule.totals.is_empty() || has_totals)
    }

    /// Whether a further line can belong to the footer.
    pub fn goes_on(&self, rule: &FooterRule, first: &str, comment: Option<&str>) -> bool {
        match rule.totals.is_empty() {
            true => comment.is_some_and(|comment| first.starts_with(comment)),
            false => self.names.as_ref().is_none_or(|names| !names.is_empty()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a total, where it stands, and what it is of")]
    fn compare(
        &mut self,
        rule: &FooterRule,
        total: &TotalOf,
        value: &str,
        line: u32,
        profile: &FileProfile,
        currency: Option<Currency>,
        scan: &mut Scan<'_>,
    ) {
        let sum = self.sums.iter().find(|sum| sum.total == *total);
        let Some(sum) = sum.filter(|_| self.whole) else { return };
        let (found, label) = (sum.sum, total.label());
        if total.column.is_none() {
            match value.parse::<u64>() {
                Err(_) => scan.add(line, label, FileFault::NotANumber),
                Ok(stated) if i128::from(stated) != found => {
                    let stated = i128::from(stated);
                    scan.add(line, label, FileFault::Total { stated, found, currency: None });
                }
                Ok(_) => self.checked += 1,
            }
            return;
        }
        let Some(currency) = currency else { return };
        let Some(stated) = values::fine(value, profile.decimals) else {
            return scan.add(line, label, FileFault::NotAnAmount(currency));
        };
        let difference = i128::from(stated.parts()) - found;
        let unit = FineAmount::parts_of_minor(currency).unwrap_or(1);
        // Each line is rounded to five decimals, and the total perhaps to the minor unit.
        let bound = i128::from(self.rows.div_ceil(2)) + i128::from(unit / 2);
        let rounded = rule.rounded.iter().any(|name| name == label);
        if difference == 0 {
            self.checked += 1;
        } else if rounded && difference.abs() <= bound {
            self.checked += 1;
            let parts = i64::try_from(difference).unwrap_or(i64::MAX);
            let bound = i64::try_from(bound).unwrap_or(i64::MAX);
            self.rounding = Some(RoundingDifference { parts, bound });
        } else {
            let (stated, found) = (i128::from(stated.parts()), found);
            scan.add(line, label, FileFault::FineTotal { stated, found });
        }
    }
}

/// The totals in a line, if it has the pieces.
fn matched<'t, 'l>(
    pieces: &'t [FooterPiece],
    line: &'l str,
) -> Option<Vec<(&'t TotalOf, &'l str)>> {
    let (mut found, mut rest) = (Vec::new(), line);
    let mut waiting: Option<&TotalOf> = None;
    for piece in pieces {
        match piece {
            FooterPiece::Total(total) => waiting = Some(total),
            FooterPiece::Text(text) => {
                let (text, open) = match text.strip_suffix('*') {
                    Some(text) => (text, true),
                    None => (text.as_str(), false),
                };
                let at = match text.is_empty() && waiting.is_some() && !open {
                    true => rest.len(),
                    false => rest.find(text).filter(|at| waiting.is_some() || *at == 0)?,
                };
                if let Some(total) = waiting.take() {
                    found.push((total, rest[..at].trim()));
                }
                rest = &rest[at + text.len()..];
                if open {
                    return Some(found);
                }
            }
        }
    }
    rest.trim().is_empty().then_some(found)
}

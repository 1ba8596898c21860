//! Offers from product exports: every line is read and every fault is named, and a file with one
//! fault is taken not at all.

mod html;
mod profile;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::sync::Arc;

use money::decimal::{self, DecimalError};
use money::{Amount, Currency};

pub use profile::{OfferProfile, OfferStateMeant};
pub use write::{ExportedOffer, ExportedVariant, HEADER, write_csv};

use crate::orders::ImportError;
use crate::orders::columns::CsvHeader;
use crate::orders::lines::{header, shown_name};
use crate::profile::ProfileColumn;
use crate::records::{Record, RecordReader};
use crate::reference::{ReferenceError, reference, unprintable};

/// Lines of one file.
pub const OFFER_LINES_MAX: usize = 200_000;
/// Faults of a file that are kept; the others are counted.
pub const BAD_OFFER_LINES_MAX: usize = 1_000;
/// Units of one variant.
pub const STOCK_MAX: u32 = 1_000_000_000;
/// In UTF-8.
pub const SKU_BYTES_MAX: usize = 128;
pub const VARIANTS_MAX: usize = 200;
const WEIGHT_G_MAX: u64 = 1_000_000;
/// The prefix of a line's own identifier in the column of the parent.
const BY_ID: &str = "id:";

/// What a file does not say itself.
#[derive(Clone, Debug, Default)]
pub struct OfferDefaults {
    pub seller: Option<String>,
    pub currency: Option<Currency>,
    pub category: Option<u64>,
}

/// A variant of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedVariant {
    pub sku: String,
    pub price: Amount,
    /// `None` if the file does not say.
    pub weight_g: Option<u32>,
    pub stock: Option<u32>,
    pub line: u32,
}

/// An offer of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedOffer {
    /// References.
    pub seller: String,
    pub reference: String,
    /// Empty: the file has none, and the offer keeps its own.
    pub title: String,
    pub description: String,
    pub captions: Vec<String>,
    pub category: u64,
    pub currency: Currency,
    pub is_listed: bool,
    pub variants: Vec<ImportedVariant>,
    pub line: u32,
}

/// Why a line is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferLineReason {
    #[error(
        "the line has {found} fields, but the header has {expected}; look for a delimiter or a \
         line break in a text without quotation marks"
    )]
    FieldCount { found: usize, expected: usize },
    #[error("text follows a closing quotation mark; double each quotation mark inside a field")]
    Misquoted,
    #[error("{0}; correct it")]
    Reference(ReferenceError),
    #[error("it is empty, and the line has nothing in its place; give each variant a number")]
    NoSku,
    #[error("it is longer than {SKU_BYTES_MAX} bytes or has an unprintable character; correct it")]
    Sku,
    #[error("the offer has this SKU at line {0} too; give each variant its own, or remove one")]
    SkuTwice(u32),
    #[error("{0}; correct the price")]
    Price(DecimalError),
    #[error("the price is empty or zero; a variant costs something")]
    NoPrice,
    #[error("not a weight of at most {WEIGHT_G_MAX} g; write digits with a decimal point")]
    Weight,
    #[error("not a whole number from 0 to {STOCK_MAX}; write the units that there are")]
    Stock,
    #[error("not a currency of ISO 4217 with a minor unit; write three capitals such as CNY")]
    Currency,
    #[error("there is no currency; name it with --currency")]
    NoCurrency,
    #[error("there is no seller; name it with --seller")]
    NoSeller,
    #[error("there is no category; name it with --category")]
    NoCategory,
    #[error("`{0}` is no category; write its number, or map it in offer.categories of the profile")]
    Category(String),
    #[error("`{0}` is not in offer.states of the profile; correct it, or add it to a copy")]
    State(String),
    #[error("no line of the file is the parent `{0}`; export it too, or remove the line")]
    NoParent(String),
    #[error("it differs from line {0} of the same offer; write the same, or leave it empty")]
    Conflict(u32),
    #[error("the offer has no variant with a price; give it one")]
    NoVariant,
    #[error("the offer has more than {VARIANTS_MAX} variants; split it")]
    TooManyVariants,
}

/// A line that keeps the file from being taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOfferLine {
    pub line: u32,
    pub column: Option<Arc<str>>,
    pub reason: OfferLineReason,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct OfferImport {
    /// In the order of the file.
    pub offers: Vec<ImportedOffer>,
    pub lines: u64,
    /// Lines that the profile leaves out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// All faults, and the first of them.
    pub bad: u64,
    pub bad_lines: Vec<BadOfferLine>,
}

/// The places of the columns in the header.
struct Columns {
    header: CsvHeader,
    id: usize,
    parent: Option<usize>,
    own_id: Option<usize>,
    seller: Option<usize>,
    currency: Option<usize>,
    category: Option<usize>,
    title: usize,
    description: Vec<usize>,
    captions: Vec<usize>,
    state: Option<usize>,
    take_when: Vec<usize>,
    sku: usize,
    sku_or: Vec<usize>,
    price: usize,
    weight: Option<(usize, u64)>,
    stock: Option<usize>,
    none_when: Option<usize>,
}

impl Columns {
    fn find(profile: &OfferProfile, header: CsvHeader) -> Result<Columns, ImportError> {
        header.check_delimiter()?;
        let one = |column: &ProfileColumn| header.index(column);
        let maybe = |column: &Option<ProfileColumn>| header.optional_index(column.as_ref());
        let mut weight = None;
        for (name, milligrams) in &profile.weight {
            let column =
                ProfileColumn { names: vec![name.clone()], optional: true, empty_is_zero: false };
            weight = weight.or(header.optional_index(Some(&column))?.map(|at| (at, *milligrams)));
        }
        let when = profile.take_when.iter().map(|when| one(&when.column));
        let none_when = profile.none_when.as_ref().map(|(column, _)| one(column)).transpose()?;
        Ok(Columns {
            id: one(&profile.id)?,
            parent: maybe(&profile.parent)?,
            own_id: maybe(&profile.own_id)?,
            seller: maybe(&profile.seller)?,
            currency: maybe(&profile.currency)?,
            category: maybe(&profile.category)?,
            title: one(&profile.title)?,
            description: header.present(&profile.description)?,
            captions: header.present(&profile.captions)?,
            state: maybe(&profile.state)?,
            take_when: when.collect::<Result<_, _>>()?,
            sku: one(&profile.sku)?,
            sku_or: header.present(&profile.sku_or)?,
            price: one(&profile.price)?,
            weight,
            stock: maybe(&profile.stock)?,
            none_when,
            header,
        })
    }
}

/// A field of an offer that one of its lines has.
#[derive(Default)]
struct Told {
    text: String,
    line: u32,
}

/// An offer while its lines are read.
#[derive(Default)]
struct Draft {
    reference: String,
    line: u32,
    /// By column: seller, currency, category, title, description, state.
    fields: [Told; 6],
    captions: Vec<String>,
    variants: Vec<VariantLine>,
}

struct VariantLine {
    line: u32,
    sku: String,
    price: String,
    weight: String,
    stock: String,
}

/// The place of the description among these.
const DESCRIPTION: usize = 4;

struct Reader<'r> {
    profile: &'r OfferProfile,
    defaults: &'r OfferDefaults,
    columns: Columns,
    drafts: Vec<Draft>,
    by_key: HashMap<String, usize>,
    /// The offers of lines by their own identifiers.
    by_id: HashMap<String, usize>,
    found: OfferImport,
}

/// Reads a product export.
///
/// # Errors
/// The file is no table that the profile reads. Faults of lines are in what is returned.
pub fn import(
    profile: &OfferProfile,
    defaults: &OfferDefaults,
    name: &str,
    input: impl BufRead,
) -> Result<OfferImport, ImportError> {
    let file = shown_name(name);
    let mut records = RecordReader::new(input, profile.encoding, profile.delimiter);
    let columns = Columns::find(profile, header(&file, &mut records)?)?;
    let mut reader = Reader {
        profile,
        defaults,
        columns,
        drafts: Vec::new(),
        by_key: HashMap::new(),
        by_id: HashMap::new(),
        found: OfferImport::default(),
    };
    // Variants can stand before their parent.
    let mut children = Vec::new();
    while let Some(record) = records.next().map_err(|error| ImportError::of_record(&file, error))? {
        reader.found.lines += 1;
        if reader.found.lines > OFFER_LINES_MAX as u64 {
            return Err(ImportError::TooManyLines { file });
        }
        reader.line(record, &mut children);
    }
    for child in children {
        reader.child(child);
    }
    Ok(reader.finish())
}

/// A line that names another one as its offer.
struct Child {
    parent: String,
    variant: VariantLine,
}

impl Reader<'_> {
    fn bad(&mut self, line: u32, column: Option<usize>, reason: OfferLineReason) {
        self.found.bad += 1;
        if self.found.bad_lines.len() < BAD_OFFER_LINES_MAX {
            let column = column.map(|at| self.columns.header.name(at));
            self.found.bad_lines.push(BadOfferLine { line, column, reason });
        }
    }

    /// A cell as it was before a spreadsheet was kept from computing it.
    fn cell<'c>(&self, record: &'c Record<'_>, at: usize) -> &'c str {
        let text = record.get(at);
        match text.strip_prefix('\'') {
            Some(rest) if self.profile.quoted_formulas && write::is_formula(rest) => rest,
            _ => text,
        }
    }

    fn joined(&self, record: &Record<'_>, places: &[usize], with: &str) -> String {
        let texts = places.iter().map(|at| {
            let text = self.cell(record, *at);
            if self.profile.html { html::plain(text) } else { text.to_owned() }
        });
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(with)
    }

    fn line(&mut self, record: Record<'_>, children: &mut Vec<Child>) {
        let (line, expected) = (record.line, self.columns.header.len());
        if record.len() != expected {
            let found = record.len();
            return self.bad(line, None, OfferLineReason::FieldCount { found, expected });
        }
        if record.misquoted {
            return self.bad(line, None, OfferLineReason::Misquoted);
        }
        for (when, at) in self.profile.take_when.iter().zip(&self.columns.take_when) {
            if !when.is.iter().any(|is| is == record.get(*at)) {
                *self.found.left_out.entry(when.otherwise.to_string()).or_default() += 1;
                return;
            }
        }
        let own_id = self.columns.own_id.map(|at| record.get(at).to_owned()).unwrap_or_default();
        let variant = self.variant_line(&record);
        let parent = self.columns.parent.map(|at| record.get(at).to_owned()).unwrap_or_default();
        if !parent.is_empty() {
            match variant {
                Some(variant) => children.push(Child { parent, variant }),
                None => self.bad(line, Some(self.columns.price), OfferLineReason::NoPrice),
            }
            return;
        }
        let named = self.cell(&record, self.columns.id).to_owned();
        let named = if named.is_empty() { own_id.clone() } else { named };
        let reference = match reference(&named) {
            Ok(reference) => reference.to_owned(),
            Err(error) => {
                return self.bad(line, Some(self.columns.id), OfferLineReason::Reference(error));
            }
        };
        let seller = self.columns.seller.map(|at| record.get(at).to_owned()).unwrap_or_default();
        let place = self.draft(&reference, &seller, line);
        if !own_id.is_empty() {
            self.by_id.insert(own_id, place);
        }
        self.fields(place, &record);
        let captions: Vec<String> =
            self.columns.captions.iter().map(|at| self.cell(&record, *at).to_owned()).collect();
        let captions = captions.iter().flat_map(|text| text.lines());
        let captions = captions.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let captions: Vec<String> = captions.collect();
        let draft = &mut self.drafts[place];
        draft.captions.extend(captions);
        draft.variants.extend(variant);
    }

    /// The offer of a reference. Of two sellers it is two.
    fn draft(&mut self, reference: &str, seller: &str, line: u32) -> usize {
        let key = format!("{seller}\n{reference}");
        // An offer's seller may stand on its first line only.
        let last = self.drafts.len().checked_sub(1);
        let last =
            last.filter(|last| seller.is_empty() && self.drafts[*last].reference == reference);
        let known = last.or_else(|| self.by_key.get(&key).copied());
        known.unwrap_or_else(|| {
            self.drafts.push(Draft { reference: reference.to_owned(), line, ..Draft::default() });
            self.by_key.insert(key, self.drafts.len() - 1);
            self.by_key.entry(format!("\n{reference}")).or_insert(self.drafts.len() - 1);
            self.drafts.len() - 1
        })
    }

    fn fields(&mut self, place: usize, record: &Record<'_>) {
        let at = [
            self.columns.seller,
            self.columns.currency,
            self.columns.category,
            Some(self.columns.title),
            self.columns.description.first().copied(),
            self.columns.state,
        ];
        let description = self.joined(record, &self.columns.description, "\n");
        for (field, column) in at.into_iter().enumerate() {
            let Some(column) = column else { continue };
            let text = match field {
                DESCRIPTION => description.clone(),
                _ => self.cell(record, column).to_owned(),
            };
            if text.is_empty() {
                continue;
            }
            let told = &mut self.drafts[place].fields[field];
            match &*told.text {
                "" => *told = Told { text, line: record.line },
                same if *same == text => {}
                _ => {
                    let first = told.line;
                    self.bad(record.line, Some(column), OfferLineReason::Conflict(first));
                }
            }
        }
    }

    /// The variant of a line: none if the line has nothing of one.
    fn variant_line(&self, record: &Record<'_>) -> Option<VariantLine> {
        if let (Some(at), Some((_, is))) = (self.columns.none_when, &self.profile.none_when)
            && is.iter().any(|is| is == record.get(at))
        {
            return None;
        }
        let get = |at: Option<usize>| at.map_or("", |at| record.get(at)).to_owned();
        let weight = get(self.columns.weight.map(|(at, _)| at));
        let (price, stock) = (get(Some(self.columns.price)), get(self.columns.stock));
        let own = self.cell(record, self.columns.sku).to_owned();
        if [&own, &price, &weight, &stock].iter().all(|text| text.is_empty()) {
            return None;
        }
        let parts: Vec<&str> = self.columns.sku_or.iter().map(|at| record.get(*at)).collect();
        let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let sku = if own.is_empty() { parts.join("/") } else { own };
        Some(VariantLine { line: record.line, sku, price, weight, stock })
    }

    fn child(&mut self, child: Child) {
        let Child { parent, variant } = child;
        let place = match parent.strip_prefix(BY_ID) {
            Some(id) => self.by_id.get(id).copied(),
            None => self.by_key.get(&format!("\n{parent}")).copied(),
        };
        match place {
            Some(place) => self.drafts[place].variants.push(variant),
            None => {
                self.bad(variant.line, self.columns.parent, OfferLineReason::NoParent(parent));
            }
        }
    }

    fn finish(mut self) -> OfferImport {
        for draft in std::mem::take(&mut self.drafts) {
            let before = self.found.bad;
            let offer = self.offer(draft);
            if let Some(offer) = offer.filter(|_| self.found.bad == before) {
                self.found.offers.push(offer);
            }
        }
        self.found.bad_lines.sort_by_key(|bad| bad.line);
        self.found
    }

    fn offer(&mut self, draft: Draft) -> Option<ImportedOffer> {
        use OfferLineReason as R;
        let Draft { reference: own, line, fields, captions, variants, .. } = draft;
        let [seller, currency, category, title, description, state] = fields;
        let is_listed = match (self.columns.state, self.profile.states.get(&state.text)) {
            (None, _) => false,
            (Some(_), Some(OfferStateMeant::LeaveOut)) => {
                let left_out = self.found.left_out.entry(state.text).or_default();
                *left_out += variants.len().max(1) as u64;
                return None;
            }
            (Some(_), Some(state)) => *state == OfferStateMeant::Listed,
            (Some(column), None) => {
                let at = if state.line == 0 { line } else { state.line };
                self.bad(at, Some(column), R::State(state.text.chars().take(40).collect()));
                false
            }
        };
        let seller = match (&*seller.text, &self.defaults.seller) {
            ("", None) => {
                self.bad(line, self.columns.seller, R::NoSeller);
                String::new()
            }
            ("", Some(seller)) => seller.clone(),
            (text, _) => match reference(text) {
                Ok(text) => text.to_owned(),
                Err(error) => {
                    self.bad(seller.line, self.columns.seller, R::Reference(error));
                    String::new()
                }
            },
        };
        let currency = match (&*currency.text, self.defaults.currency) {
            ("", None) => {
                self.bad(line, self.columns.currency, R::NoCurrency);
                None
            }
            ("", Some(given)) => Some(given),
            (text, _) => match text.parse() {
                Ok(currency) => Some(currency),
                Err(_) => {
                    self.bad(currency.line, self.columns.currency, R::Currency);
                    None
                }
            },
        };
        let category = self.category(&category, line);
        let mut taken: HashMap<String, u32> = HashMap::new();
        let (count, mut read) = (variants.len(), Vec::new());
        if count == 0 {
            self.bad(line, Some(self.columns.price), R::NoVariant);
        }
        if count > VARIANTS_MAX {
            self.bad(line, None, R::TooManyVariants);
        }
        for one in variants {
            let at = one.line;
            if one.sku.is_empty() {
                self.bad(at, Some(self.columns.sku), R::NoSku);
            } else if one.sku.len() > SKU_BYTES_MAX || unprintable(&one.sku).is_some() {
                self.bad(at, Some(self.columns.sku), R::Sku);
            } else if let Some(first) = taken.insert(one.sku.clone(), at) {
                self.bad(at, Some(self.columns.sku), R::SkuTwice(first));
            }
            read.extend(currency.and_then(|currency| self.variant(one, currency)));
        }
        Some(ImportedOffer {
            seller,
            reference: own,
            title: title.text,
            description: description.text,
            captions,
            category: category?,
            currency: currency?,
            is_listed,
            variants: read,
            line,
        })
    }

    fn category(&mut self, told: &Told, line: u32) -> Option<u64> {
        use OfferLineReason as R;
        let text = told.text.as_str();
        let number = text.strip_prefix("cat_").unwrap_or(text);
        let known = self.profile.categories.get(text).copied().or_else(|| number.parse().ok());
        match (text, known, self.defaults.category) {
            ("", _, Some(given)) => Some(given),
            ("", _, None) => {
                self.bad(line, self.columns.category, R::NoCategory);
                None
            }
            (_, Some(known), _) => Some(known),
            (text, None, _) => {
                let shown = text.chars().take(40).collect();
                self.bad(told.line, self.columns.category, R::Category(shown));
                None
            }
        }
    }

    fn variant(&mut self, one: VariantLine, currency: Currency) -> Option<ImportedVariant> {
        use OfferLineReason as R;
        let line = one.line;
        let price = match decimal::parse(&one.price, currency, self.profile.decimals) {
            Ok(price) if !price.is_zero() => Some(price),
            Ok(_) | Err(DecimalError::Empty) => {
                self.bad(line, Some(self.columns.price), R::NoPrice);
                None
            }
            Err(error) => {
                self.bad(line, Some(self.columns.price), R::Price(error));
                None
            }
        };
        let mut weight_g = None;
        if let (Some((at, unit)), false) = (self.columns.weight, one.weight.is_empty()) {
            weight_g = grams(&one.weight, self.profile.decimals.point, unit);
            if weight_g.is_none() {
                self.bad(line, Some(at), R::Weight);
            }
        }
        let mut stock = None;
        if let (Some(at), false) = (self.columns.stock, one.stock.is_empty()) {
            let digits = one.stock.bytes().all(|byte| byte.is_ascii_digit());
            stock = one.stock.parse().ok().filter(|count| digits && *count <= STOCK_MAX);
            if stock.is_none() {
                self.bad(line, Some(at), R::Stock);
            }
        }
        Some(ImportedVariant { sku: one.sku, price: price?, weight_g, stock, line })
    }
}

/// A weight in grams, rounded half up. `unit` is in milligrams.
fn grams(text: &str, point: char, unit: u64) -> Option<u32> {
    let (whole, decimals) = text.split_once(point).unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(decimals) || decimals.len() > 6 {
        return None;
    }
    let millionths: u64 = format!("{whole}{decimals:0<6}").parse().ok()?;
    let milligrams = u128::from(millionths) * u128::from(unit);
    let grams = u64::try_from((milligrams + 500_000_000) / 1_000_000_000).ok()?;
    u32::try_from(grams).ok().filter(|_| grams <= WEIGHT_G_MAX)
}

#[cfg(test)]
mod tests {
    use super::grams;

    #[test]
    fn weights_of_every_unit_are_whole_grams() {
        for (text, unit, expected) in [
            ("0.5", 1_000_000, Some(500)),
            ("1.2345", 1_000_000, Some(1_235)),
            ("250", 1_000, Some(250)),
            ("1", 453_592, Some(454)),
            ("2.5", 28_350, Some(71)),
            ("", 1_000, None),
            ("-1", 1_000, None),
            ("1e3", 1_000, None),
            ("1001", 1_000_000, None),
        ] {
            assert_eq!(grams(text, '.', unit), expected, "{text}");
        }
    }
}

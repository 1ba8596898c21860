//! Profiles of files of networks, wallets, banks and courier firms: TOML that says what the columns
//! of a CSV or fixed-width file mean. docs/files/incoming.md describes them.
//!
//! The profiles of order exports are another kind: [`crate::profile`]. Both share their keys for
//! encodings, delimiters, decimals, times and columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use encoding_rs::Encoding;
use money::Currency;
use money::decimal::DecimalStyle;

use super::RefusedFile;
use super::archive::EntryPattern;
use super::clearing::StatedItemKind;
use super::parts::IncomingHead;
use super::scan::Scan;
use crate::date::utc_offset_seconds;
use crate::profile::check::{self, Checked, fault};
use crate::profile::{
    KnownProfiles, ProfileError, ProfileHead, built_in_text, find_text, parse_form,
};

mod footer;
mod form;
mod models;
mod rows;

use footer::FooterRule;
use form::{FieldTableForm, FileProfileForm, LineOrderForm, ReadsForm, SignForm};

const KNOWN: [(&str, &str); 17] = [
    ("wechat-bill", include_str!("../../../../profiles/wechat-bill.toml")),
    ("alipay-bill", include_str!("../../../../profiles/alipay-bill.toml")),
    ("cups-acom", include_str!("../../../../profiles/cups-acom.toml")),
    ("cups-acoma", include_str!("../../../../profiles/cups-acoma.toml")),
    ("cups-aerra", include_str!("../../../../profiles/cups-aerra.toml")),
    ("cups-alfee", include_str!("../../../../profiles/cups-alfee.toml")),
    ("cups-zsum", include_str!("../../../../profiles/cups-zsum.toml")),
    ("unionpay-zm", include_str!("../../../../profiles/unionpay-zm.toml")),
    ("boc", include_str!("../../../../profiles/boc.toml")),
    ("cmb", include_str!("../../../../profiles/cmb.toml")),
    ("bocom", include_str!("../../../../profiles/bocom.toml")),
    ("shiprocket-parcels", include_str!("../../../../profiles/shiprocket-parcels.toml")),
    ("shiprocket-remittances", include_str!("../../../../profiles/shiprocket-remittances.toml")),
    ("delhivery", include_str!("../../../../profiles/delhivery.toml")),
    ("jt-saudi", include_str!("../../../../profiles/jt-saudi.toml")),
    ("postex", include_str!("../../../../profiles/postex.toml")),
    ("courier-cn", include_str!("../../../../profiles/courier-cn.toml")),
];

/// Times of a network without a year, as a form of times.
const MONTH_TO_SECOND: &str = "MMDDhhmmss";
/// Bytes of a line of fixed columns.
const LINE_BYTES_MAX: usize = super::source::LINE_BYTES_MAX;

/// What the columns of a file mean.
#[derive(Clone, Debug)]
pub struct FileProfile {
    head: ProfileHead,
    reads: ProfileModel,
    files: Vec<String>,
    currency: Option<Currency>,
    currency_names: BTreeMap<String, Currency>,
    date_behind: Option<String>,
    archive: EntryPattern,
    encoding: &'static Encoding,
    times: ProfileTimes,
    zone_seconds: i32,
    decimals: DecimalStyle,
    layout: ProfileLayout,
    fields: BTreeMap<&'static str, Vec<ProfileField>>,
    kinds: Option<KindRule>,
    footer: Option<FooterRule>,
    instalments: Vec<InstalmentRule>,
}

/// Which model the lines fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileModel {
    Clearing,
    FeeDetails,
    MerchantSums,
    Statement,
    Remittance,
}

#[derive(Clone, Debug)]
enum ProfileTimes {
    /// In forms of `strftime`; none for ISO 8601.
    Forms(Vec<String>),
    MonthToSecond,
}

#[derive(Clone, Debug)]
enum ProfileLayout {
    Csv {
        delimiter: u8,
        value_mark: Option<char>,
        amount_marks: Vec<String>,
        comment: Option<String>,
        newest_first: bool,
    },
    Fixed {
        columns: Vec<FixedColumn>,
        /// Bytes up to the end of the last column.
        width: usize,
    },
}

#[derive(Clone, Debug)]
struct FixedColumn {
    name: String,
    start: usize,
    end: usize,
}

/// A column that one of our fields is read from.
#[derive(Clone, Debug)]
struct ProfileField {
    names: Vec<String>,
    /// For faults: the first name.
    label: Arc<str>,
    optional: bool,
    empty_is_zero: bool,
    sign: SignRule,
    /// Only for items of these kinds; all if it is empty.
    of: Vec<StatedItemKind>,
    debit: Vec<String>,
    credit: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum SignRule {
    AsWritten,
    Opposite,
    ByKind,
    /// A letter before the digits.
    Letters {
        plus: char,
        minus: char,
    },
}

#[derive(Clone, Debug)]
struct KindRule {
    columns: Vec<ProfileField>,
    /// `None` leaves a line out. In a value `*` stands for anything. The longest comes first.
    values: Vec<(String, Option<StatedItemKind>)>,
}

#[derive(Clone, Debug, Default)]
struct InstalmentRule {
    reference: Option<ProfileField>,
    paid_on: Option<ProfileField>,
    amount: Option<ProfileField>,
}

const CLEARING_FIELDS: [&str; 20] = [
    "order",
    "rrn",
    "stan",
    "sent",
    "card",
    "authorisation",
    "terminal",
    "merchant",
    "network_reference",
    "refund_reference",
    "original_stan",
    "original_sent",
    "booked_on",
    "settled_on",
    "currency",
    "amount",
    "kept_back",
    "net",
    "fee_issuer",
    "fee_network",
];
const FEE_ACQUIRER: &str = "fee_acquirer";
const STATEMENT_FIELDS: [&str; 13] = [
    "account",
    "currency",
    "value_date",
    "booked_on",
    "amount",
    "credit",
    "debit",
    "direction",
    "balance",
    "bank_reference",
    "customer_reference",
    "end_to_end",
    "text",
];
const REMITTANCE_FIELDS: [&str; 10] = [
    "waybill",
    "order",
    "remittance",
    "currency",
    "collected",
    "deduction",
    "net",
    "paid_on",
    "bank_reference",
    "state",
];

impl FileProfile {
    /// The names of the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|&(name, _)| name)
    }

    fn known() -> &'static KnownProfiles {
        &KNOWN
    }

    /// A built-in profile.
    ///
    /// # Errors
    /// No profile has this name.
    pub fn built_in(name: &str) -> Result<FileProfile, ProfileError> {
        FileProfile::parse(built_in_text(name, FileProfile::known())?)
    }

    /// A built-in profile by name, or a profile file by a path that ends in `.toml`.
    ///
    /// # Errors
    /// No profile has this name, or it is not valid.
    pub fn find(name_or_path: &str) -> Result<FileProfile, ProfileError> {
        FileProfile::parse(&FileProfile::text(name_or_path)?)
    }

    /// The TOML of a profile, as [`FileProfile::find`] finds it.
    ///
    /// # Errors
    /// No profile has this name, or its file cannot be read.
    pub fn text(name_or_path: &str) -> Result<String, ProfileError> {
        find_text(name_or_path, FileProfile::known())
    }

    /// Parses a profile from TOML.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(toml: &str) -> Result<FileProfile, ProfileError> {
        profile(parse_form(toml)?).map_err(ProfileError::from)
    }

    #[must_use]
    pub fn head(&self) -> &ProfileHead {
        &self.head
    }

    /// The currency of files without a column for it, if the profile says one.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    #[must_use]
    pub fn model(&self) -> ProfileModel {
        self.reads
    }

    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// Its files come in zip archives.
    pub(super) fn is_packed(&self) -> bool {
        self.archive.is.is_some()
    }

    pub(super) fn archive_entry(&self) -> &EntryPattern {
        &self.archive
    }

    /// Reads a file.
    pub(super) fn scan(
        &self,
        input: impl std::io::BufRead,
        encoding: Option<&'static Encoding>,
        scan: &mut Scan<'_>,
    ) -> Result<Option<(IncomingHead, Option<String>)>, RefusedFile> {
        let head = rows::scan(self, input, encoding.unwrap_or(self.encoding), scan)?;
        Ok(head.map(|head| (head, None)))
    }

    /// How many of the columns that a file must have are in the first lines of a file, if all are.
    pub(super) fn columns_found(&self, head: &[u8]) -> Option<usize> {
        rows::columns_found(self, head)
    }

    /// Whether the first line has fixed columns where the profile has them.
    pub(super) fn has_fixed_columns(&self, head: &[u8]) -> bool {
        rows::has_fixed_columns(self, head)
    }
}

/// The field's name, if the model has it.
fn allowed_field(reads: ProfileModel, field: &str) -> Option<&'static str> {
    let fields: &[&'static str] = match reads {
        ProfileModel::Clearing | ProfileModel::FeeDetails | ProfileModel::MerchantSums => {
            if field == FEE_ACQUIRER {
                return Some(FEE_ACQUIRER);
            }
            &CLEARING_FIELDS
        }
        ProfileModel::Statement => &STATEMENT_FIELDS,
        ProfileModel::Remittance => &REMITTANCE_FIELDS,
    };
    fields.iter().copied().find(|known| *known == field)
}

fn profile(form: FileProfileForm) -> Checked<FileProfile> {
    let head =
        check::head(&form.name, &form.about, form.about_zh.as_deref(), form.warning.as_deref())?;
    check::patterns("file.names", &form.file.names)?;
    let reads = match form.reads {
        ReadsForm::Clearing => ProfileModel::Clearing,
        ReadsForm::FeeDetails => ProfileModel::FeeDetails,
        ReadsForm::MerchantSums => ProfileModel::MerchantSums,
        ReadsForm::Statement => ProfileModel::Statement,
        ReadsForm::Remittance => ProfileModel::Remittance,
    };
    let encoding = check::encoding(form.format.encoding.as_deref())?;
    let (delimiter, decimals) = check::format(&form.format)?;
    let times = match form.format.times.as_slice() {
        [only] if only == MONTH_TO_SECOND => ProfileTimes::MonthToSecond,
        forms => {
            check::times(forms)?;
            ProfileTimes::Forms(form.format.times.clone())
        }
    };
    let zone_seconds = match form.format.utc_offset.as_deref().map(utc_offset_seconds) {
        None => 0,
        Some(Some(seconds)) => seconds,
        Some(None) => {
            return fault("format.utc_offset", "is not valid", "write it as \"+08:00\"");
        }
    };
    let layout = match (form.csv, form.fixed) {
        (csv, None) => csv_layout(csv.unwrap_or_default(), delimiter),
        (None, Some(fixed)) => fixed_layout(&fixed)?,
        (Some(_), Some(_)) => {
            return fault("csv", "and fixed exclude each other", "leave one of the two out");
        }
    };
    let mut fields = BTreeMap::new();
    for (name, forms) in form.fields {
        let key = format!("fields.{name}");
        let Some(known) = allowed_field(reads, &name) else {
            return fault(&key, "is not a field of this model", "see docs/files/incoming.md");
        };
        check::entries(&key, forms.0.len(), 1)?;
        let list: Vec<_> =
            forms.0.into_iter().map(|one| field(&key, one)).collect::<Checked<_>>()?;
        fields.insert(known, list);
    }
    let kinds = form.kinds.map(kind_rule).transpose()?;
    let footer = form.footer.map(FooterRule::of).transpose()?;
    let instalments = form.instalment.into_iter().map(instalment).collect::<Checked<Vec<_>>>()?;
    let currency = form.file.currency.as_deref().map(|code| currency("file.currency", code));
    let names = form.file.currency_names.iter();
    let currency_names = names
        .map(|(name, code)| Ok((name.clone(), self::currency("file.currency_names", code)?)))
        .collect::<Checked<_>>()?;
    let archive = EntryPattern { is: form.file.in_zip, is_not: form.file.not_in_zip };
    let profile = FileProfile {
        head,
        reads,
        files: form.file.names,
        currency: currency.transpose()?,
        currency_names,
        date_behind: form.file.date_behind,
        archive,
        encoding,
        times,
        zone_seconds,
        decimals,
        layout,
        fields,
        kinds,
        footer,
        instalments,
    };
    needed_fields(&profile)?;
    fixed_names(&profile)?;
    Ok(profile)
}

fn csv_layout(csv: form::CsvForm, delimiter: u8) -> ProfileLayout {
    ProfileLayout::Csv {
        delimiter,
        value_mark: csv.value_mark,
        amount_marks: csv.amount_marks,
        comment: csv.comment.filter(|comment| !comment.is_empty()),
        newest_first: csv.order == Some(LineOrderForm::NewestFirst),
    }
}

fn fixed_layout(form: &form::FixedColumnsForm) -> Checked<ProfileLayout> {
    const KEY: &str = "fixed.columns";
    check::entries(KEY, form.columns.len().min(1), 1)?;
    let (mut columns, mut start, mut width) = (Vec::new(), 0_usize, 0);
    for (name, bytes) in &form.columns {
        check::text(KEY, name)?;
        let end = start.saturating_add(*bytes);
        if *bytes == 0 || end > LINE_BYTES_MAX || form.separator_bytes > 1 {
            return fault(KEY, "is not valid", "write widths above zero, and 0 or 1 separators");
        }
        width = end;
        columns.push(FixedColumn { name: name.clone(), start, end });
        start = end + form.separator_bytes;
    }
    Ok(ProfileLayout::Fixed { columns, width })
}

fn field(key: &str, form: FieldTableForm) -> Checked<ProfileField> {
    check::entries(key, form.any_of.len(), 1)?;
    for name in &form.any_of {
        check::text(key, name)?;
    }
    let sign = match (form.sign, form.plus, form.minus) {
        (None | Some(SignForm::AsWritten), None, None) => SignRule::AsWritten,
        (Some(SignForm::Opposite), None, None) => SignRule::Opposite,
        (Some(SignForm::ByKind), None, None) => SignRule::ByKind,
        (None, Some(plus), Some(minus)) if plus != minus => SignRule::Letters { plus, minus },
        _ => return fault(key, "has signs that contradict", "write sign, or plus and minus"),
    };
    let of = form.of.iter().map(|kind| kind_of(key, kind)).collect::<Checked<_>>()?;
    let label = form.any_of.first().map_or("", |name| name.as_str()).into();
    Ok(ProfileField {
        names: form.any_of,
        label,
        optional: form.optional,
        empty_is_zero: form.empty_is_zero,
        sign,
        of,
        debit: form.debit,
        credit: form.credit,
    })
}

fn kind_of(key: &str, name: &str) -> Checked<StatedItemKind> {
    match StatedItemKind::named(name) {
        Some(kind) => Ok(kind),
        None => fault(key, "is not a kind", "write sale, refund or another kind of clearing.md"),
    }
}

fn kind_rule(form: form::KindsForm) -> Checked<KindRule> {
    const KEY: &str = "kinds.values";
    check::entries("kinds.columns", form.columns.len(), 1)?;
    check::entries(KEY, form.values.len(), 1)?;
    let columns = form.columns.into_iter().map(|name| field("kinds.columns", name.into()));
    let columns = columns.collect::<Checked<_>>()?;
    let mut values = Vec::new();
    for (value, kind) in form.values {
        let kind = match kind.as_str() {
            "left out" => None,
            kind => Some(kind_of(KEY, kind)?),
        };
        values.push((value, kind));
    }
    // An exact value comes before its pattern.
    values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    Ok(KindRule { columns, values })
}

fn instalment(form: form::InstalmentForm) -> Checked<InstalmentRule> {
    let one = |key: &str, form: Option<crate::profile::form::NameOrTable<FieldTableForm>>| {
        form.map(|form| field(key, form.0)).transpose()
    };
    Ok(InstalmentRule {
        reference: one("instalment.reference", form.reference)?,
        paid_on: one("instalment.paid_on", form.paid_on)?,
        amount: one("instalment.amount", form.amount)?,
    })
}

fn currency(key: &str, code: &str) -> Checked<Currency> {
    match code.parse() {
        Ok(currency) => Ok(currency),
        Err(_) => fault(key, "is not a currency", "write a code such as \"CNY\""),
    }
}

/// Checks that the fields without which the model says nothing are there.
fn needed_fields(profile: &FileProfile) -> Checked<()> {
    let has = |field: &str| profile.fields.contains_key(field);
    let missing = |field: &str| fault(&format!("fields.{field}"), "is missing", "name its column");
    match profile.reads {
        ProfileModel::Clearing | ProfileModel::FeeDetails => {
            let by_request = has("rrn") && has("stan") && has("sent");
            if !has("order") && !by_request {
                return missing("order");
            }
            if profile.reads == ProfileModel::Clearing && profile.kinds.is_none() {
                return fault("kinds", "is missing", "say what each kind of line means");
            }
        }
        ProfileModel::MerchantSums if !has("merchant") => return missing("merchant"),
        ProfileModel::Statement => {
            if !has("booked_on") && !has("value_date") {
                return missing("booked_on");
            }
            let by_direction = has("credit") && has("debit");
            if !has("amount") && !by_direction {
                return missing("amount");
            }
            return Ok(());
        }
        ProfileModel::Remittance => {
            return if has("collected") || has("net") { Ok(()) } else { missing("collected") };
        }
        ProfileModel::MerchantSums => {}
    }
    if has("amount") { Ok(()) } else { missing("amount") }
}

/// Checks that a fixed layout has the columns that fields name.
fn fixed_names(profile: &FileProfile) -> Checked<()> {
    let ProfileLayout::Fixed { columns, .. } = &profile.layout else { return Ok(()) };
    let known = |name: &String| columns.iter().any(|column| column.name == *name);
    let kinds = profile.kinds.iter().flat_map(|rule| &rule.columns);
    for field in profile.fields.values().flatten().chain(kinds) {
        if !field.names.iter().any(known) {
            let what = format!("names no column `{}`", field.label);
            return fault("fixed.columns", what, "add it with its width");
        }
    }
    Ok(())
}

//! The TOML form of a profile that reads a file of a network, wallet, bank or courier firm.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::profile::form::{FormatForm, NameOrTable};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileProfileForm {
    pub name: String,
    pub about: String,
    pub about_zh: Option<String>,
    pub warning: Option<String>,
    pub reads: ReadsForm,
    pub file: FileForm,
    #[serde(default)]
    pub format: FormatForm,
    pub csv: Option<CsvForm>,
    pub fixed: Option<FixedColumnsForm>,
    pub fields: BTreeMap<String, FieldsForm>,
    pub kinds: Option<KindsForm>,
    pub footer: Option<FooterForm>,
    #[serde(default)]
    pub instalment: Vec<InstalmentForm>,
}

/// Which model the lines fill.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub enum ReadsForm {
    #[serde(rename = "clearing")]
    Clearing,
    #[serde(rename = "fee details")]
    FeeDetails,
    #[serde(rename = "merchant sums")]
    MerchantSums,
    #[serde(rename = "statement")]
    Statement,
    #[serde(rename = "remittance")]
    Remittance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileForm {
    /// File name patterns.
    pub names: Vec<String>,
    /// The profile's currency, if no column has it.
    pub currency: Option<String>,
    #[serde(default)]
    pub currency_names: BTreeMap<String, String>,
    /// The letters before `YYMMDD` in the file's name.
    pub date_behind: Option<String>,
    /// Name pattern of the file in a zip archive.
    pub in_zip: Option<String>,
    pub not_in_zip: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct CsvForm {
    /// A mark before each value, such as a backtick.
    pub value_mark: Option<char>,
    /// Marks of a currency before or behind an amount.
    #[serde(default)]
    pub amount_marks: Vec<String>,
    /// Lines that begin with it are no rows.
    pub comment: Option<String>,
    /// Of a statement: in which order its lines are.
    pub order: Option<LineOrderForm>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub enum LineOrderForm {
    #[serde(rename = "oldest first")]
    OldestFirst,
    #[serde(rename = "newest first")]
    NewestFirst,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedColumnsForm {
    /// Bytes between two columns.
    pub separator_bytes: usize,
    /// Names and widths in bytes. Columns named `-` are not read.
    pub columns: Vec<(String, usize)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindsForm {
    /// Their values, joined by spaces.
    pub columns: Vec<String>,
    /// What each value means: a kind, or `left out`. `*` stands for anything.
    pub values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FooterForm {
    /// How the first field of its first line begins.
    pub begins: Vec<String>,
    /// Names of totals, and the column that each adds up; `lines` counts the rows.
    #[serde(default)]
    pub totals: BTreeMap<String, String>,
    /// Lines with totals in them: `#交易合计：{lines:sale}笔*`.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Columns whose lines were rounded, so a total may differ.
    #[serde(default)]
    pub rounded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalmentForm {
    pub reference: Option<NameOrTable<FieldTableForm>>,
    pub paid_on: Option<NameOrTable<FieldTableForm>>,
    pub amount: Option<NameOrTable<FieldTableForm>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct FieldTableForm {
    pub any_of: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub empty_is_zero: bool,
    pub sign: Option<SignForm>,
    /// The letter before an amount that is added, and that of one that is subtracted.
    pub plus: Option<char>,
    pub minus: Option<char>,
    /// Only for items of these kinds.
    #[serde(default)]
    pub of: Vec<String>,
    /// Values that mean a debit, of a statement's direction.
    #[serde(default)]
    pub debit: Vec<String>,
    #[serde(default)]
    pub credit: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub enum SignForm {
    #[serde(rename = "as written")]
    AsWritten,
    #[serde(rename = "opposite")]
    Opposite,
    /// The file writes no signs: what is taken is below zero.
    #[serde(rename = "by kind")]
    ByKind,
}

impl From<String> for FieldTableForm {
    fn from(name: String) -> FieldTableForm {
        FieldTableForm { any_of: vec![name], ..FieldTableForm::default() }
    }
}

/// One column, or a list of them.
pub struct FieldsForm(pub Vec<FieldTableForm>);

impl<'de> Deserialize<'de> for FieldsForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FieldsForm, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = FieldsForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, a table { any_of = [\"name\", …] }, or a list")
            }

            fn visit_str<E>(self, name: &str) -> Result<FieldsForm, E> {
                Ok(FieldsForm(vec![name.to_owned().into()]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldsForm, A::Error> {
                let one = FieldTableForm::deserialize(MapAccessDeserializer::new(map))?;
                Ok(FieldsForm(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<FieldsForm, A::Error> {
                let list: Vec<NameOrTable<FieldTableForm>> =
                    Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(FieldsForm(list.into_iter().map(|one| one.0).collect()))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

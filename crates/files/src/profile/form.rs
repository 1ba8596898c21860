//! The TOML form of a profile. [`super::meaning`] checks it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileForm {
    pub name: String,
    pub about: String,
    pub about_zh: Option<String>,
    pub warning: Option<String>,
    pub files: FilesForm,
    #[serde(default)]
    pub format: FormatForm,
    #[serde(default)]
    pub fixed: FixedForm,
    pub order: OrderForm,
    pub item: ItemForm,
    #[serde(default)]
    pub buyer: BuyerForm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesForm {
    pub orders: Vec<String>,
    pub items: Option<Vec<String>>,
    pub order_columns: Option<OrderColumnsForm>,
}

/// On which lines the order's columns are filled, in a file with one line per item.
#[derive(Clone, Copy, Deserialize)]
pub enum OrderColumnsForm {
    #[serde(rename = "on the first line")]
    FirstLine,
    #[serde(rename = "on every line")]
    EveryLine,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct FormatForm {
    pub encoding: Option<String>,
    #[serde(default)]
    pub times: Vec<String>,
    pub delimiter: Option<char>,
    pub decimal_point: Option<char>,
    pub decimal_group: Option<char>,
    pub utc_offset: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct FixedForm {
    pub currency: Option<String>,
    pub seller: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderForm {
    pub id: ColumnForm,
    pub status: Option<ColumnForm>,
    pub take: Option<Vec<String>>,
    #[serde(default)]
    pub take_when: Vec<TakeWhenForm>,
    pub currency: Option<ColumnForm>,
    pub ordered_at: Option<ColumnForm>,
    pub total: Option<ColumnForm>,
    #[serde(default)]
    pub add: Vec<ColumnForm>,
    #[serde(default)]
    pub less: Vec<ColumnForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeWhenForm {
    pub column: ColumnForm,
    pub is: Vec<String>,
    pub otherwise: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemForm {
    pub order: Option<ColumnForm>,
    pub id: Option<ColumnForm>,
    #[serde(default)]
    pub each_line: bool,
    pub seller: Option<ColumnForm>,
    pub vendor: Option<ColumnForm>,
    pub quantity: Option<ColumnForm>,
    #[serde(default)]
    pub add: Vec<ColumnForm>,
    #[serde(default)]
    pub add_each: Vec<ColumnForm>,
    #[serde(default)]
    pub less: Vec<ColumnForm>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct BuyerForm {
    #[serde(default)]
    pub name: Vec<ColumnForm>,
    #[serde(default)]
    pub phone: Vec<ColumnForm>,
    #[serde(default)]
    pub address: Vec<ColumnForm>,
}

/// A column: a name, or a table.
pub struct NameOrTable<T>(pub T);
pub type ColumnForm = NameOrTable<ColumnTableForm>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ColumnTableForm {
    pub any_of: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub empty_is_zero: bool,
}

impl From<String> for ColumnTableForm {
    fn from(name: String) -> ColumnTableForm {
        ColumnTableForm { any_of: vec![name], ..ColumnTableForm::default() }
    }
}

impl<'de, T: From<String> + Deserialize<'de>> Deserialize<'de> for NameOrTable<T> {
    // Not serde's `untagged`: its error names neither the key nor the problem.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NameOrTable<T>, D::Error> {
        struct Expected<T>(PhantomData<T>);
        impl<'de, T: From<String> + Deserialize<'de>> Visitor<'de> for Expected<T> {
            type Value = NameOrTable<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table { any_of = [\"name\", …] }")
            }

            fn visit_str<E>(self, name: &str) -> Result<NameOrTable<T>, E> {
                Ok(NameOrTable(name.to_owned().into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NameOrTable<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(NameOrTable)
            }
        }
        deserializer.deserialize_any(Expected(PhantomData))
    }
}

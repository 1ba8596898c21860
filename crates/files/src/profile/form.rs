//! The profile as it is written in TOML. What it means is checked in [`super::meaning`].

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub name: String,
    pub about: String,
    pub files: Files,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub fixed: Fixed,
    pub order: Order,
    pub item: Item,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    pub orders: Vec<String>,
    pub items: Option<Vec<String>>,
    pub order_columns: Option<OrderColumns>,
}

/// Where the columns of the order stand in a file of one line an item.
#[derive(Clone, Copy, Deserialize)]
pub enum OrderColumns {
    #[serde(rename = "on the first line")]
    FirstLine,
    #[serde(rename = "on every line")]
    EveryLine,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Format {
    pub delimiter: Option<char>,
    pub decimal_point: Option<char>,
    pub decimal_group: Option<char>,
    pub utc_offset: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    pub currency: Option<String>,
    pub seller: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: Column,
    pub status: Option<Column>,
    pub take: Option<Vec<String>>,
    #[serde(default)]
    pub take_when: Vec<TakeWhen>,
    pub currency: Option<Column>,
    pub ordered_at: Option<Column>,
    pub total: Option<Column>,
    #[serde(default)]
    pub add: Vec<Column>,
    #[serde(default)]
    pub less: Vec<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeWhen {
    pub column: Column,
    pub is: Vec<String>,
    pub otherwise: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub order: Option<Column>,
    pub id: Option<Column>,
    pub seller: Option<Column>,
    pub quantity: Option<Column>,
    #[serde(default)]
    pub add: Vec<Column>,
    #[serde(default)]
    pub add_each: Vec<Column>,
    #[serde(default)]
    pub less: Vec<Column>,
}

/// A column: its name, or a table that says more.
pub struct Column(pub ColumnTable);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    pub any_of: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub empty_is_zero: bool,
}

impl<'de> Deserialize<'de> for Column {
    // Not serde's `untagged`: its error names neither the key nor what is wrong with it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Column, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Column;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table { any_of = [\"name\", …] }")
            }

            fn visit_str<E>(self, name: &str) -> Result<Column, E> {
                let any_of = vec![name.to_owned()];
                Ok(Column(ColumnTable { any_of, ..ColumnTable::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Column, A::Error> {
                ColumnTable::deserialize(MapAccessDeserializer::new(map)).map(Column)
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

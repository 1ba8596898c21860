//! A first profile for an export that no profile reads yet, from its header and some of its values.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};

use crate::orders::{ImportError, lines, open};
use crate::records::RecordReader;
use crate::reference::reference;

use super::{ProfileError, encoding_by_name};

/// What stands for a column or value that a person must fill in.
pub const UNKNOWN: &str = "?";
/// Lines that are read for values.
const LINES_READ_MAX: usize = 10_000;
const VALUES_LISTED_MAX: usize = 20;
/// A column with more different values is no status.
const VALUES_COUNTED_MAX: usize = 200;

/// The usual names of columns, without spaces and signs, in lower case.
const ORDER: [&str; 9] = [
    "order",
    "orderid",
    "ordernumber",
    "orderno",
    "name",
    "incrementid",
    "订单号",
    "订单编号",
    "主订单编号",
];
const STATUS: [&str; 5] = ["orderstatus", "financialstatus", "status", "订单状态", "交易状态"];
const PAYMENT: [&str; 6] =
    ["paymentmethod", "paymentmethodtitle", "paymenttype", "payment", "支付方式", "付款方式"];
const ORDERED_AT: [&str; 10] = [
    "orderedat",
    "orderdate",
    "createdat",
    "orderpurchasetimestamp",
    "purchasedate",
    "saledate",
    "date",
    "下单时间",
    "订单创建时间",
    "创建时间",
];
const CURRENCY: [&str; 3] = ["currency", "ordercurrency", "币种"];
const TOTAL: [&str; 8] = [
    "amountdue",
    "outstandingbalance",
    "ordertotal",
    "ordertotalamount",
    "grandtotal",
    "total",
    "应收金额",
    "订单金额",
];
const ITEM: [&str; 4] = ["itemid", "orderitemid", "lineitemid", "子订单编号"];
const SELLER: [&str; 5] = ["seller", "sellerid", "卖家", "商家", "店铺"];
const VENDOR: [&str; 3] = ["vendor", "brand", "品牌"];
const QUANTITY: [&str; 7] = [
    "quantity",
    "qty",
    "itemquantity",
    "lineitemquantity",
    "qtyordered",
    "quantitypurchased",
    "数量",
];
const EACH: [&str; 5] = ["price", "unitprice", "lineitemprice", "itemprice", "单价"];

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Orders(#[from] ImportError),
}

/// The values of a column, with the lines that have them.
type Values = BTreeMap<String, u64>;

struct Export {
    columns: Vec<Arc<str>>,
    delimiter: u8,
    status: Option<usize>,
    payment: Option<usize>,
    statuses: Values,
    payments: Values,
    /// A line has an order's reference and no status.
    has_continued_orders: bool,
}

/// Writes a profile with this name for the export at `path`. Each [`UNKNOWN`] in it must be filled
/// in.
pub fn draft(name: &str, path: &Path, encoding: Option<&str>) -> Result<String, DraftError> {
    let unknown = || ProfileError::Encoding(encoding.unwrap_or_default().to_owned());
    let decoder = encoding.map_or(Some(UTF_8), encoding_by_name).ok_or_else(unknown)?;
    let mut best: Option<(Vec<Arc<str>>, u8)> = None;
    for delimiter in [b',', b';', b'\t', b'|'] {
        let found = header(path, decoder, delimiter)?;
        if best.as_ref().is_none_or(|best| found.0.len() > best.0.len()) {
            best = Some(found);
        }
    }
    let (columns, delimiter) = best.unwrap_or_default();
    let export = read(path, decoder, columns, delimiter)?;
    Ok(written(name, path, encoding, &export))
}

fn header(
    path: &Path,
    encoding: &'static Encoding,
    delimiter: u8,
) -> Result<(Vec<Arc<str>>, u8), ImportError> {
    let name = path.to_string_lossy();
    let mut records = RecordReader::new(open(path, &name)?, encoding, delimiter);
    let header = lines::header(&lines::shown_name(&name), &mut records)?;
    Ok((header.names().to_vec(), records.delimiter()))
}

fn read(
    path: &Path,
    encoding: &'static Encoding,
    columns: Vec<Arc<str>>,
    delimiter: u8,
) -> Result<Export, ImportError> {
    let (status, payment) = (find(&columns, &STATUS), find(&columns, &PAYMENT));
    let order = find(&columns, &ORDER);
    let mut export = Export {
        delimiter,
        status,
        payment,
        statuses: Values::new(),
        payments: Values::new(),
        has_continued_orders: false,
        columns,
    };
    let name = path.to_string_lossy();
    let file = lines::shown_name(&name);
    let mut records = RecordReader::new(open(path, &name)?, encoding, delimiter);
    let refused = |error| ImportError::of_record(&file, error);
    let mut number = 0;
    while let Some(record) = records.next().map_err(refused)? {
        number += 1;
        if number == 1 || record.len() != export.columns.len() {
            continue;
        }
        if number > LINES_READ_MAX {
            break;
        }
        for (place, values) in [(status, &mut export.statuses), (payment, &mut export.payments)] {
            let value = place.map(|place| record.get(place));
            if let Some(value) = value.filter(|value| reference(value).is_ok())
                && values.len() < VALUES_COUNTED_MAX
            {
                *values.entry(value.to_owned()).or_default() += 1;
            }
        }
        let is = |place: Option<usize>| place.map(|place| record.get(place).is_empty());
        export.has_continued_orders |= is(order) == Some(false) && is(status) == Some(true);
    }
    Ok(export)
}

/// The first of the usual names that is a column.
fn find(columns: &[Arc<str>], usual: &[&str]) -> Option<usize> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let names: Vec<String> = columns.iter().map(|name| plain(name)).collect();
    usual.iter().find_map(|usual| names.iter().position(|name| name == usual))
}

fn written(name: &str, path: &Path, encoding: Option<&str>, export: &Export) -> String {
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let column = |usual: &[&str]| find(&export.columns, usual).map(|place| &*export.columns[place]);
    let mut toml = String::new();
    let mut line = |text: &str| {
        toml.push_str(text);
        toml.push('\n');
    };
    line(&format!(
        "# A first profile for {}. Fill in each \"{UNKNOWN}\", then try it:",
        one_line(&file)
    ));
    line(&format!("#   doorstep profile check {name}.toml --orders {}", one_line(&file)));
    line("# The keys: docs/files/profiles.md. The columns of the export:");
    for column in &export.columns {
        line(&format!("#   {}", one_line(column)));
    }
    line(&format!("\nname = {}", quoted(name)));
    line(&format!("about = {}", quoted(UNKNOWN)));
    line(&format!("\n[files]\norders = [{}]", quoted(&file)));
    let (first, each) = ("on the first line", "on every line");
    let layout = if export.has_continued_orders { first } else { each };
    line(&format!("order_columns = {}", quoted(layout)));
    if export.delimiter != b',' || encoding.is_some() {
        line("\n[format]");
    }
    if export.delimiter != b',' {
        line(&format!("delimiter = {}", quoted(&char::from(export.delimiter).to_string())));
    }
    if let Some(encoding) = encoding {
        line(&format!("encoding = {}", quoted(encoding)));
    }
    line("\n[order]");
    line(&format!("id = {}", quoted(column(&ORDER).unwrap_or(UNKNOWN))));
    if let Some(status) = export.status {
        line(&format!("status = {}", quoted(&export.columns[status])));
        line(&found(&export.statuses));
        line(&format!("take = [{}]", quoted(UNKNOWN)));
    }
    for (key, usual) in [
        ("ordered_at", ORDERED_AT.as_slice()),
        ("currency", CURRENCY.as_slice()),
        ("total", TOTAL.as_slice()),
    ] {
        if let Some(column) = column(usual) {
            line(&format!("{key} = {}", quoted(column)));
        }
    }
    if let Some(payment) = export.payment {
        line("\n[[order.take_when]]");
        line(&format!("column = {}", quoted(&export.columns[payment])));
        line(&found(&export.payments));
        line(&format!("is = [{}]", quoted(UNKNOWN)));
        line("otherwise = \"not cash on delivery\"");
    }
    line("\n[item]");
    match column(&ITEM) {
        Some(item) => line(&format!("id = {}", quoted(item))),
        None if export.has_continued_orders => {}
        None => {
            line(
                "# Equal lines are two items. If a line can be repeated, name a column that tells",
            );
            line("# the items of an order apart: id = \"…\".");
            line("each_line = true");
        }
    }
    match (column(&SELLER), column(&VENDOR)) {
        (Some(seller), _) => line(&format!("seller = {}", quoted(seller))),
        (None, Some(vendor)) => line(&format!("vendor = {}", quoted(vendor))),
        (None, None) => line("# No column names a seller: name it with --seller."),
    }
    if let Some(quantity) = column(&QUANTITY) {
        line(&format!("quantity = {}", quoted(quantity)));
    }
    match (column(&EACH), column(&QUANTITY)) {
        (Some(price), Some(_)) => line(&format!("add_each = [{}]", quoted(price))),
        (Some(price), None) => line(&format!("add = [{}]", quoted(price))),
        (None, _) if column(&TOTAL).is_some() => {}
        (None, _) => line(&format!("add = [{}]", quoted(UNKNOWN))),
    }
    toml
}

/// A comment with the commonest values of a column.
fn found(values: &Values) -> String {
    let mut values: Vec<(&String, &u64)> = values.iter().collect();
    values.sort_by_key(|(_, lines)| std::cmp::Reverse(**lines));
    let listed: Vec<String> = values
        .iter()
        .take(VALUES_LISTED_MAX)
        .map(|(value, lines)| format!("{} {lines}", quoted(value)))
        .collect();
    format!("# found: {}", listed.join(", "))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

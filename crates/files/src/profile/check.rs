//! Checks a profile's TOML form for contradictions, and converts it to a [`Profile`].

use std::fmt::Display;

use encoding_rs::{Encoding, UTF_8};
use money::decimal::DecimalStyle;

use super::form::{self, OrderColumnsForm, ProfileForm};
use super::{
    BuyerRules, CurrencyRule, ItemRules, Layout, OrderRules, Profile, ProfileColumn, ProfileFault,
    ProfileHead, SellerRule, TakeWhen, encoding_by_name,
};
use crate::date::{TimeFormatError, check_time_formats, utc_offset_seconds};
use crate::reference::{reference, unprintable};

/// In each list of a profile.
const ENTRIES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 200;

pub(crate) type Checked<T> = Result<T, ProfileFault>;

pub(crate) fn fault<T>(key: &str, problem: impl Display, mend: &str) -> Checked<T> {
    Err(ProfileFault { key: key.to_owned(), problem: problem.to_string(), remedy: mend.to_owned() })
}

pub fn profile(form: ProfileForm) -> Checked<Profile> {
    let head = head(&form.name, &form.about, form.about_zh.as_deref(), form.warning.as_deref())?;
    let encoding = encoding(form.format.encoding.as_deref())?;
    times(&form.format.times)?;
    let (delimiter, decimals) = format(&form.format)?;
    let zone_seconds = match &form.format.utc_offset {
        None => 0,
        Some(offset) => match utc_offset_seconds(offset) {
            Some(seconds) => seconds,
            None => {
                return fault("format.utc_offset", "is not valid", "write it as \"-03:00\"");
            }
        },
    };
    let layout = layout(&form)?;
    let currency = currency(&form)?;
    let seller = seller(&form)?;
    let order = order_rules(form.order)?;
    let item = item_rules(form.item, layout, &order)?;
    if matches!(layout, Layout::FirstLine) && order.status.is_none() && order.total.is_none() {
        return fault(
            "order.status",
            "is missing: an empty status or total marks a line that continues an order",
            "name the column of the status or of the total",
        );
    }
    let buyer = BuyerRules {
        name: columns("buyer.name", &form.buyer.name)?,
        phone: columns("buyer.phone", &form.buyer.phone)?,
        address: columns("buyer.address", &form.buyer.address)?,
    };
    let (orders_files, items_files) = (form.files.orders, form.files.items.unwrap_or_default());
    Ok(Profile {
        head,
        encoding,
        times: form.format.times,
        orders_files,
        items_files,
        layout,
        delimiter,
        decimals,
        zone_seconds,
        currency,
        given_currency: None,
        seller,
        sellers: None,
        order,
        item,
        buyer,
    })
}

/// The keys that every profile begins with.
pub(crate) fn head(
    name: &str,
    about: &str,
    about_zh: Option<&str>,
    warning: Option<&str>,
) -> Checked<ProfileHead> {
    let name_is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 32 || !name.chars().all(name_is_plain) {
        return fault(
            "name",
            "is not valid",
            "write 1 to 32 lower-case letters, digits and hyphens",
        );
    }
    text("about", about)?;
    about_zh.map_or(Ok(()), |about| text("about_zh", about))?;
    warning.map_or(Ok(()), |warning| text("warning", warning))?;
    let [about_zh, warning] = [about_zh, warning].map(|text| text.map(str::to_owned));
    Ok(ProfileHead { name: name.to_owned(), about: about.to_owned(), about_zh, warning })
}

pub(crate) fn format(form: &form::FormatForm) -> Checked<(u8, DecimalStyle)> {
    let delimiter = match form.delimiter {
        None => b',',
        Some(c @ (',' | ';' | '\t' | '|')) => c as u8,
        Some(_) => {
            return fault("format.delimiter", "is not valid", r#"write ",", ";", "|" or "\t""#);
        }
    };
    let point = form.decimal_point.unwrap_or('.');
    if point != '.' && point != ',' {
        return fault("format.decimal_point", "is not valid", r#"write "." or ",""#);
    }
    let group = form.decimal_group;
    if let Some(mark) = group
        && (mark == point || mark.is_alphanumeric() || matches!(mark, '-' | '+'))
    {
        let mend = "write the mark between groups of three digits, or leave it out";
        return fault("format.decimal_group", "is not valid", mend);
    }
    Ok((delimiter, DecimalStyle { point, group }))
}

pub(crate) fn encoding(label: Option<&str>) -> Checked<&'static Encoding> {
    let Some(label) = label else { return Ok(UTF_8) };
    encoding_by_name(label).map_or_else(
        || fault("format.encoding", "is not known", "write a name such as \"gbk\""),
        Ok,
    )
}

pub(crate) fn times(formats: &[String]) -> Checked<()> {
    const KEY: &str = "format.times";
    entries(KEY, formats.len(), 0)?;
    for format in formats {
        text(KEY, format)?;
    }
    match check_time_formats(formats) {
        Ok(()) => Ok(()),
        Err(TimeFormatError::NoDate(format)) => fault(
            KEY,
            format!("`{format}` does not read a date"),
            "write day, month and year as in \"%d/%m/%Y %H:%M\"",
        ),
        Err(TimeFormatError::Ambiguous(first, second)) => fault(
            KEY,
            format!("`{first}` and `{second}` read the same text as two different times"),
            "keep the one that the export uses",
        ),
    }
}

fn layout(form: &ProfileForm) -> Checked<Layout> {
    patterns("files.orders", &form.files.orders)?;
    match (&form.files.items, form.files.order_columns) {
        (Some(items), None) => {
            patterns("files.items", items)?;
            Ok(Layout::TwoFiles)
        }
        (None, Some(OrderColumnsForm::FirstLine)) => Ok(Layout::FirstLine),
        (None, Some(OrderColumnsForm::EveryLine)) => Ok(Layout::EveryLine),
        (Some(_), Some(_)) => fault(
            "files.order_columns",
            "is only for a single file with orders and items",
            "leave it out, or leave files.items out",
        ),
        (None, None) => fault(
            "files.order_columns",
            "is missing",
            "write \"on the first line\" or \"on every line\", or name a file in files.items",
        ),
    }
}

pub(crate) fn patterns(key: &str, patterns: &[String]) -> Checked<()> {
    entries(key, patterns.len(), 1)?;
    for pattern in patterns {
        text(key, pattern)?;
        if pattern.contains(['/', '\\']) {
            return fault(
                key,
                "has a path",
                "write a file name without a folder; * matches anything",
            );
        }
    }
    Ok(())
}

fn currency(form: &ProfileForm) -> Checked<CurrencyRule> {
    match (&form.fixed.currency, &form.order.currency) {
        (Some(code), None) => match code.parse() {
            Ok(currency) => Ok(CurrencyRule::Fixed(currency)),
            Err(error) => {
                let problem = format!("is not a currency: {error}");
                fault("fixed.currency", problem, "write a code such as \"CNY\"")
            }
        },
        (None, Some(named)) => Ok(CurrencyRule::Column(column("order.currency", named)?)),
        (Some(_), Some(_)) => {
            fault("fixed.currency", "contradicts order.currency", "leave one of the two out")
        }
        (None, None) => Ok(CurrencyRule::GivenAtImport),
    }
}

fn seller(form: &ProfileForm) -> Checked<SellerRule> {
    const MEND: &str = "leave all but one of fixed.seller, item.seller and item.vendor out";
    match (&form.fixed.seller, &form.item.seller, &form.item.vendor) {
        (Some(seller), None, None) => match reference(seller) {
            Ok(seller) => Ok(SellerRule::Fixed(seller.into())),
            Err(error) => {
                let problem = format!("is not a valid reference: {error}");
                fault("fixed.seller", problem, "write the seller's reference")
            }
        },
        (None, Some(named), None) => Ok(SellerRule::Column(column("item.seller", named)?)),
        (None, None, Some(named)) => Ok(SellerRule::Vendor(column("item.vendor", named)?)),
        (None, None, None) => Ok(SellerRule::GivenAtImport),
        (Some(_), Some(_), _) => fault("fixed.seller", "contradicts item.seller", MEND),
        (_, _, Some(_)) => fault("item.vendor", "contradicts another seller", MEND),
    }
}

fn order_rules(form: form::OrderForm) -> Checked<OrderRules> {
    let status = optional("order.status", form.status.as_ref())?;
    let take = form.take.unwrap_or_default();
    if status.is_some() && take.is_empty() {
        return fault("order.take", "is missing", "list the statuses whose orders are taken");
    }
    if status.is_none() && !take.is_empty() {
        return fault("order.status", "is missing", "name the column that order.take refers to");
    }
    entries("order.take", take.len(), 0)?;
    let take_when = take_when("order", form.take_when, column)?;
    Ok(OrderRules {
        id: column("order.id", &form.id)?,
        status,
        take,
        take_when,
        ordered_at: optional("order.ordered_at", form.ordered_at.as_ref())?,
        total: optional("order.total", form.total.as_ref())?,
        add: columns("order.add", &form.add)?,
        less: columns("order.less", &form.less)?,
    })
}

/// The rules of a section that leave lines out, with its own check of their columns.
pub(crate) fn take_when(
    section: &str,
    forms: Vec<form::TakeWhenForm>,
    column: impl Fn(&str, &form::ColumnForm) -> Checked<ProfileColumn>,
) -> Checked<Vec<TakeWhen>> {
    let key = |of: &str| format!("{section}.take_when{of}");
    entries(&key(""), forms.len(), 0)?;
    let rules = forms.into_iter().map(|form| {
        entries(&key(".is"), form.is.len(), 1)?;
        text(&key(".otherwise"), &form.otherwise)?;
        let column = column(&key(".column"), &form.column)?;
        Ok(TakeWhen { column, is: form.is, otherwise: form.otherwise.into() })
    });
    rules.collect()
}

fn item_rules(form: form::ItemForm, layout: Layout, order: &OrderRules) -> Checked<ItemRules> {
    let own_order = optional("item.order", form.order.as_ref())?;
    let two_files = matches!(layout, Layout::TwoFiles);
    if two_files && own_order.is_none() {
        let mend = "name the column of the items file that holds the order's id";
        return fault("item.order", "is missing", mend);
    }
    if !two_files && own_order.is_some() {
        let mend = "leave it out: in one file order.id is the column for both";
        return fault("item.order", "is only for an items file", mend);
    }
    if form.id.is_none() && !form.each_line && !matches!(layout, Layout::FirstLine) {
        return fault(
            "item.id",
            "is missing: a repeated line could not be told from a second, equal item",
            "name the column that identifies an item within its order, or write each_line = true",
        );
    }
    if form.each_line && (form.id.is_some() || matches!(layout, Layout::FirstLine)) {
        let mend = "leave it out: it is for lines that nothing tells apart";
        return fault("item.each_line", "contradicts item.id or files.order_columns", mend);
    }
    if form.quantity.is_none() && !form.add_each.is_empty() {
        return fault("item.quantity", "is missing", "name the column that item.add_each needs");
    }
    if form.add.is_empty() && form.add_each.is_empty() && order.total.is_none() {
        return fault(
            "item.add",
            "is missing: an order's amount is unknown",
            "list columns in item.add or item.add_each, or name the column of order.total",
        );
    }
    let seller = form.seller.as_ref().map(|seller| &seller.0.any_of);
    let one_line_parcels = seller.is_some() && seller == form.id.as_ref().map(|id| &id.0.any_of);
    Ok(ItemRules {
        order: own_order.unwrap_or_else(|| order.id.clone()),
        id: optional("item.id", form.id.as_ref())?,
        quantity: optional("item.quantity", form.quantity.as_ref())?,
        add: columns("item.add", &form.add)?,
        add_each: columns("item.add_each", &form.add_each)?,
        less: columns("item.less", &form.less)?,
        each_line: form.each_line,
        one_line_parcels,
    })
}

fn optional(key: &str, form: Option<&form::ColumnForm>) -> Checked<Option<ProfileColumn>> {
    form.map(|form| column(key, form)).transpose()
}

fn columns(key: &str, forms: &[form::ColumnForm]) -> Checked<Vec<ProfileColumn>> {
    entries(key, forms.len(), 0)?;
    forms.iter().map(|form| column(key, form)).collect()
}

fn column(key: &str, form: &form::ColumnForm) -> Checked<ProfileColumn> {
    let table = &form.0;
    entries(key, table.any_of.len(), 1)?;
    for name in &table.any_of {
        text(key, name)?;
    }
    let may_be_missing = matches!(key, "order.ordered_at" | "item.quantity" | "order.currency")
        || key.starts_with("buyer.");
    if table.optional && !may_be_missing {
        let mend = "only order.ordered_at, order.currency and item.quantity, and the columns of \
                    buyer, may be; leave it out";
        return fault(key, "cannot be optional", mend);
    }
    let is_amount = ["total", "add", "add_each", "less"].iter().any(|end| key.ends_with(end));
    if table.empty_is_zero && !is_amount {
        return fault(key, "is not an amount", "leave `empty_is_zero` out");
    }
    let (names, empty_is_zero) = (table.any_of.clone(), table.empty_is_zero);
    Ok(ProfileColumn { names, optional: table.optional, empty_is_zero })
}

pub(crate) fn entries(key: &str, count: usize, least: usize) -> Checked<()> {
    if count < least {
        return fault(key, "is empty", "list at least one entry");
    }
    if count > ENTRIES_MAX {
        return fault(key, format!("has {count} entries"), "list 64 at most");
    }
    Ok(())
}

pub(crate) fn text(key: &str, text: &str) -> Checked<()> {
    if text.trim().is_empty() {
        return fault(key, "is empty", "write a text");
    }
    if text.len() > TEXT_BYTES_MAX {
        return fault(key, format!("is {} bytes long", text.len()), "write 200 bytes at most");
    }
    match unprintable(text) {
        None => Ok(()),
        Some(_) => fault(key, "has an unprintable character", "remove it"),
    }
}

//! Commands that show what the books say now: parcels, cash, statements, accounts, parties,
//! status. They
//! read the newest snapshot and what follows it.

pub mod accounts;
pub mod cash;
pub mod costs;
pub mod network_exit;
pub mod open_items;
pub mod parcels;
pub mod parties;
pub mod recon;
pub mod recon_breaks;
pub mod statement;
pub mod status;

pub mod table;

use std::fmt::Display;

use anyhow::{Context, bail};
use books::{Books, CourierId, FirmId, SellerId};
use money::Currency;
use money::decimal::DecimalAmount;
use reports::{BooksAtHead, local_time};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::help::wrapped;
use crate::terminal::screen;
use crate::texts::{entry, filled, text};
use crate::words::{Lang, grouped, left, say};

/// The width of a file or a pipe.
const COLUMNS: usize = 80;
const LABEL_COLUMNS: usize = 20;

/// The width for tables: that of the terminal, or COLUMNS.
pub fn columns() -> usize {
    screen::columns().unwrap_or(COLUMNS).clamp(60, 160)
}

/// An amount in major units, with its currency.
fn money(minor: i128, currency: &str) -> String {
    format!("{} {currency}", amount(minor, currency))
}

/// An amount in major units.
pub fn amount(minor: i128, currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(of) => grouped(&DecimalAmount::of_balance(minor, of).to_string()),
        Err(_) => minor.to_string(),
    }
}

fn unsigned(minor: u128) -> i128 {
    i128::try_from(minor).unwrap_or(i128::MAX)
}

fn count(number: usize) -> String {
    grouped(&number.to_string())
}

/// Prints what is shown, for which day, and up to which command of the journal.
fn print_head(what: &str, read: &BooksAtHead) {
    let at = local_time(read.books(), read.engine.last_at());
    let head = head(what, &read.today().to_string(), &at, read.batch().number());
    say!("{}", wrapped(&head, columns()));
}

/// `today` is a date, `at` the local time of the last command.
pub fn head(what: &str, today: &str, at: &str, batch: u64) -> String {
    let (date, time, offset) = (&at[..10], &at[11..19], &at[at.len() - 6..]);
    let key = if date == today { "looks.head" } else { "looks.head_later" };
    let values: [(&str, &dyn Display); 6] = [
        ("what", &what),
        ("today", &today),
        ("date", &date),
        ("time", &time),
        ("offset", &offset),
        ("batch", &batch),
    ];
    filled(Lang::current(), key, &values)
}

/// Prints a label and its text.
fn print_row(key: &str, what: &str) {
    say!("{}{what}", left(text(Lang::current(), key), LABEL_COLUMNS));
}

/// Prints one JSON object: today, the local time and the batch of the last command, and the
/// report's own fields or, for a list, `name`.
fn print_json(read: &BooksAtHead, name: &str, report: &impl Serialize) -> anyhow::Result<()> {
    let mut object = Map::new();
    object.insert("date".to_owned(), read.today().to_string().into());
    object.insert("at".to_owned(), local_time(read.books(), read.engine.last_at()).into());
    object.insert("batch".to_owned(), read.batch().number().into());
    match serde_json::to_value(report)? {
        Value::Object(fields) => object.extend(fields),
        list => drop(object.insert(name.to_owned(), list)),
    }
    say!("{}", serde_json::to_string(&object)?);
    Ok(())
}

/// A word of a section, or the name itself.
fn word<'n>(section: &str, name: &'n str) -> &'n str {
    entry(Lang::current(), section, name).unwrap_or(name)
}

/// Finds a seller by its reference or id.
pub fn find_seller(books: &Books, wanted: &str) -> anyhow::Result<SellerId> {
    let by_id = || wanted.parse().ok().filter(|id| books.seller_reference(*id).is_some());
    books
        .seller_by_reference(wanted)
        .or_else(by_id)
        .with_context(|| filled(Lang::current(), "looks.no_seller", &[("wanted", &wanted)]))
}

/// Finds a firm by its reference or id. If there is none, lists those that there are.
pub fn find_firm(books: &Books, wanted: &str) -> anyhow::Result<FirmId> {
    let mut firms = books.firms();
    let found = firms.find(|(id, reference)| *reference == wanted || id.to_string() == wanted);
    if let Some((id, _)) = found {
        return Ok(id);
    }
    let all: Vec<_> = books.firms().map(|(_, reference)| reference).collect();
    let all = all.join(text(Lang::current(), "looks.separator"));
    let values: [(&str, &dyn Display); 2] = [("wanted", &wanted), ("all", &all)];
    bail!(filled(Lang::current(), "looks.no_firm", &values))
}

/// Finds a courier by its reference or id.
pub fn find_courier(books: &Books, wanted: &str) -> anyhow::Result<CourierId> {
    let by_id = || wanted.parse().ok().filter(|id| books.courier_reference(*id).is_some());
    books
        .courier_by_reference(wanted)
        .or_else(by_id)
        .with_context(|| filled(Lang::current(), "looks.no_courier", &[("wanted", &wanted)]))
}

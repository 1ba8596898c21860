//! CSV: one line per posting.

use std::io::{self, Write};

use super::facts::facts;
use super::{Books, Entry, Writer};
use crate::AccountNameStyle;

pub struct Csv;

const HEADER: &str = "position,at_ms,date,entry,debit,credit,amount,currency,\
    parcel,order,payment,method,reference,tariff,value_date,voucher,evidence";

impl Writer for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{HEADER}")
    }

    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()> {
        for posting in entry.postings {
            let (amount, currency) = books.amount(posting);
            let facts = facts(posting, entry, books);
            let fact = |name: &str| {
                let found = facts.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| value.as_str()).unwrap_or_default()
            };
            let debit = books
                .accounts
                .name(posting.debit, books.engine, AccountNameStyle::Plain)
                .0
                .to_owned();
            let credit =
                books.accounts.name(posting.credit, books.engine, AccountNameStyle::Plain).0;
            let cells = [
                &entry.position.to_string(),
                &entry.at.0.to_string(),
                &entry.date.to_string(),
                &format!("{:?}", posting.entry),
                &debit,
                credit,
                &amount,
                currency.code(),
                fact("parcel"),
                fact("order"),
                fact("payment"),
                fact("method"),
                fact("reference"),
                fact("tariff"),
                fact("value_date"),
                fact("voucher"),
                fact("evidence"),
            ];
            writeln!(out, "{}", cells.map(cell).join(","))?;
        }
        Ok(())
    }
}

/// Quotes by RFC 4180, and marks formulas as text.
fn cell(value: &str) -> String {
    let value = files::payouts::escape_formula(value);
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.into_owned()
    }
}

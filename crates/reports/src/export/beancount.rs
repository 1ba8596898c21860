//! beancount's format.

use std::io::{self, Write};

use books::BusinessDate;

use super::facts::{Description, facts};
use super::{Balance, Books, Entry, Writer};
use crate::AccountNameStyle;

#[derive(Default)]
pub struct Beancount {
    opened: String,
}

impl Writer for Beancount {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "; Doorstep: every posting, in the order of the journal.")?;
        writeln!(out, "option \"title\" \"Doorstep\"")
    }

    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()> {
        let Entry { position, date, postings, .. } = entry;
        let mut lines = String::new();
        self.opened.clear();
        for posting in *postings {
            let (amount, currency) = books.amount(posting);
            for (account, sign) in [(posting.debit, ""), (posting.credit, "-")] {
                let (name, first) =
                    books.accounts.name(account, books.engine, AccountNameStyle::Capitals);
                if first {
                    self.opened.push_str(&format!("{date} open {name}\n"));
                }
                lines.push_str(&format!("  {name}  {sign}{amount} {currency}\n"));
            }
        }
        let Description { payee, what } = Description::of(entry, books);
        let (payee, what) = (plain(&payee), plain(&what));
        write!(out, "\n{}{date} * \"{payee}\" \"{what}\"\n", self.opened)?;
        writeln!(out, "  position: \"{position}\"")?;
        for (name, value) in facts(&postings[0], entry, books) {
            writeln!(out, "  {name}: \"{}\"", plain(&value))?;
        }
        out.write_all(lines.as_bytes())
    }

    /// beancount compares a balance at the beginning of a day.
    fn end(
        &mut self,
        balances: &[Balance],
        date: BusinessDate,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out)?;
        let next = date.plus_days(1);
        for Balance { account, amount, currency } in balances {
            writeln!(out, "{next} balance {account}  {amount} {currency}")?;
        }
        Ok(())
    }
}

/// Text inside quotation marks.
fn plain(value: &str) -> String {
    value.replace(['"', '\\', '\n'], " ")
}

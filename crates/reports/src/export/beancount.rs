//! beancount's format.

use std::io::{self, Write};

use super::{Books, Entry, Writer, facts};
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
        let Entry { number, date, postings, .. } = entry;
        let mut lines = String::new();
        self.opened.clear();
        for posting in *postings {
            let (amount, currency) = books.amount(posting);
            for (account, sign) in [(posting.debit, ""), (posting.credit, "-")] {
                let (name, first) =
                    books.accounts.name(account, books.engine, AccountNameStyle::Capitals);
                if first {
                    self.opened.push_str(&format!("{date} open {name} {currency}\n"));
                }
                lines.push_str(&format!("  {name}  {sign}{amount} {currency}\n"));
            }
        }
        let what = postings[0].entry.row().description;
        write!(out, "\n{}{date} * \"{what}\"\n  command: \"{number}\"\n", self.opened)?;
        for (name, value) in facts(&postings[0], books) {
            writeln!(out, "  {name}: \"{}\"", value.replace(['"', '\\', '\n'], " "))?;
        }
        out.write_all(lines.as_bytes())
    }
}

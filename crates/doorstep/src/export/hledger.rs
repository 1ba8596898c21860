//! The journal format of hledger and ledger.

use std::io::{self, Write};

use super::accounts::Style;
use super::{Books, Entry, Writer, facts};

pub struct Hledger;

impl Writer for Hledger {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "; Doorstep: every posting, in the order of the journal.")?;
        writeln!(out, "decimal-mark .")
    }

    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()> {
        let Entry { number, date, postings, .. } = entry;
        let what = postings[0].entry.row().what;
        writeln!(out, "\n{date} ({number}) {what}")?;
        let facts = facts(&postings[0], books);
        if !facts.is_empty() {
            let tags: Vec<String> =
                facts.iter().map(|(name, value)| format!("{name}:{}", plain(value))).collect();
            writeln!(out, "    ; {}", tags.join(", "))?;
        }
        for posting in *postings {
            let amount = books.amount(posting);
            let currency = amount.1;
            for (account, sign) in [(posting.debit, ""), (posting.credit, "-")] {
                let (name, _) = books.accounts.name(account, books.engine, Style::Plain);
                writeln!(out, "    {name}  {sign}{} {currency}", amount.0)?;
            }
        }
        Ok(())
    }
}

/// A value of a tag ends at a comma.
fn plain(value: &str) -> String {
    value.replace([',', '\n'], " ")
}

//! The journal format of hledger and ledger.

use std::io::{self, Write};

use money::Currency;
use money::decimal::DecimalAmount;

use super::{Books, Entry, Writer, facts};
use crate::AccountNameStyle;

/// Accounts and currencies are declared before their first use, so that `check --strict` passes.
#[derive(Default)]
pub struct Hledger {
    declared: Vec<Currency>,
    lines: String,
}

impl Writer for Hledger {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "; Doorstep: every posting, in the order of the journal.")?;
        writeln!(out, "decimal-mark .")
    }

    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()> {
        let Entry { number, date, postings, .. } = entry;
        self.lines.clear();
        for posting in *postings {
            let (amount, currency) = books.amount(posting);
            self.declare(currency, out)?;
            for (account, sign) in [(posting.debit, ""), (posting.credit, "-")] {
                let (name, first) =
                    books.accounts.name(account, books.engine, AccountNameStyle::Plain);
                if first {
                    writeln!(out, "account {name}")?;
                }
                self.lines.push_str(&format!("    {name}  {sign}{amount} {currency}\n"));
            }
        }
        let what = postings[0].entry.row().description;
        writeln!(out, "\n{date} ({number}) {what}")?;
        let facts = facts(&postings[0], books);
        if !facts.is_empty() {
            let tags: Vec<String> =
                facts.iter().map(|(name, value)| format!("{name}:{}", plain(value))).collect();
            writeln!(out, "    ; {}", tags.join(", "))?;
        }
        out.write_all(self.lines.as_bytes())
    }
}

impl Hledger {
    fn declare(&mut self, currency: Currency, out: &mut dyn Write) -> io::Result<()> {
        if self.declared.contains(&currency) {
            return Ok(());
        }
        self.declared.push(currency);
        let sample = DecimalAmount::of_balance(0, currency).to_string();
        // hledger needs a decimal mark even without decimals.
        let mark = if sample.contains('.') { "" } else { "." };
        writeln!(out, "commodity {sample}{mark} {currency}")
    }
}

/// A value of a tag ends at a comma.
fn plain(value: &str) -> String {
    value.replace([',', '\n'], " ")
}

//! The journal format of hledger and ledger.

use std::collections::BTreeSet;
use std::io::{self, Write};

use books::BusinessDate;
use money::Currency;
use money::decimal::DecimalAmount;

use super::facts::{Description, facts};
use super::{Balance, Books, Entry, Writer};
use crate::AccountNameStyle;

/// Accounts, currencies and payees are declared before their first use, so that `check --strict`
/// and `check payees` pass.
#[derive(Default)]
pub struct Hledger {
    declared: Vec<Currency>,
    payees: BTreeSet<String>,
    lines: String,
}

impl Writer for Hledger {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "; Doorstep: every posting, in the order of the journal.")?;
        writeln!(out, "decimal-mark .")
    }

    fn entry(&mut self, entry: &Entry, books: &mut Books, out: &mut dyn Write) -> io::Result<()> {
        let Entry { position, date, value_date, postings, .. } = entry;
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
        let Description { payee, what } = Description::of(entry, books);
        let payee = self.payee(&payee, out)?;
        let secondary = value_date.map(|date| format!("={date}")).unwrap_or_default();
        writeln!(out, "\n{date}{secondary} ({position}) {payee} | {}", plain(&what, &[';', '|']))?;
        let facts = facts(&postings[0], entry, books);
        if !facts.is_empty() {
            let tags: Vec<String> = facts
                .iter()
                .map(|(name, value)| format!("{name}:{}", plain(value, &[','])))
                .collect();
            writeln!(out, "    ; {}", tags.join(", "))?;
        }
        out.write_all(self.lines.as_bytes())
    }

    /// An entry without money that asserts every balance: hledger's sums and the books' agree.
    fn end(
        &mut self,
        balances: &[Balance],
        date: BusinessDate,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if balances.is_empty() {
            return Ok(());
        }
        let payee = self.payee("Doorstep", out)?;
        writeln!(out, "\n{date} {payee} | the balances of the books at the end")?;
        for Balance { account, amount, currency } in balances {
            let zero = DecimalAmount::of_balance(0, *currency);
            writeln!(out, "    {account}  {zero} {currency} = {amount} {currency}")?;
        }
        Ok(())
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

    /// The payee as hledger reads it, declared.
    fn payee(&mut self, payee: &str, out: &mut dyn Write) -> io::Result<String> {
        let payee = plain(payee, &[';', '|']);
        if self.payees.insert(payee.clone()) {
            writeln!(out, "payee {payee}")?;
        }
        Ok(payee)
    }
}

/// A value in which the format's own marks and runs of white space are one space.
fn plain(value: &str, marks: &[char]) -> String {
    let words = value.split(|c: char| c.is_whitespace() || marks.contains(&c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

//! `doorstep log`: the journal in words.

mod sentence;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::bail;
use books::{BusinessDate, TerminalId};
use clap::Args;
use reports::{AppliedCommand, CommandFilter, CommandPosition, ExportError, read_commands};

use crate::help::wrapped;
use crate::persons::PersonNames;
use crate::terminal::screen;
use crate::texts;
use crate::words::{self, Lang};
use sentence::Sentences;

/// The width of a file or a pipe.
const COLUMNS: usize = 80;
/// Text is hard to read on narrower or wider lines.
const COLUMNS_RANGE: [usize; 2] = [60, 120];
/// Two spaces, `1234.567`, two spaces, `08:15:02`, two spaces.
const INDENT: usize = 22;
const POSITION_COLUMNS: usize = 10;
const AMOUNT_COLUMNS: usize = 14;

/// Prints the journal in words: each command, who gave it, and the money it moved
///
/// Prints each command with its position, local time, who gave it, what it did, and the money it
/// moved: amount, debited account → credited account. Several conditions together must all be met.
///
/// One parcel from its announcement to the payout: `doorstep log --data books --parcel ORDER`.
#[derive(Args, Debug)]
pub struct CommandLogArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only commands that concern this parcel: its id, waybill or order
    #[arg(long, value_name = "PARCEL")]
    parcel: Option<String>,
    /// Only commands that concern this seller, its parcels and payouts: its reference or id
    #[arg(long, value_name = "SELLER")]
    seller: Option<String>,
    /// Only commands of or about this terminal and its payments
    #[arg(long, value_name = "NUMBER")]
    terminal: Option<TerminalId>,
    /// Only commands of or about this person or courier: the name in persons.toml, or the id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Only commands of this business date
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<BusinessDate>,
    /// Begin at this position, such as 12.3: the third command of batch 12
    #[arg(long, value_name = "POSITION")]
    from: Option<CommandPosition>,
    /// Print at most this many commands
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Print one JSON object per line and command, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CommandLogArgs) -> anyhow::Result<()> {
    let parcel = args.parcel.as_ref().map(|text| match switch::waybill::read(text.as_bytes()) {
        Ok(id) => id.to_string(),
        Err(_) => text.clone(),
    });
    let names = PersonNames::read(&args.data)?;
    let filter = CommandFilter {
        parcel,
        seller: args.seller.clone(),
        terminal: args.terminal,
        person: args.person.as_deref().map(|who| names.find(who)).transpose()?,
        day: args.day,
        from: args.from,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut printer = Printer::new(Lang::current(), names);
    let mut each = |command: &AppliedCommand| {
        if args.json {
            serde_json::to_writer(&mut out, command)?;
            out.write_all(b"\n")
        } else {
            printer.print(command, &mut out)
        }
    };
    let read = read_commands(&args.data, &filter, args.limit, &mut each);
    let read = read.and_then(|()| {
        if !args.json && printer.date.is_empty() {
            writeln!(out, "{}", texts::text(Lang::current(), "log.nothing"))?;
        }
        Ok(out.flush()?)
    });
    match read {
        // The reader closed the pipe, as `head` does. That is not an error.
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(ExportError::Write(error)) => bail!(words::stdout_error_text(&error)),
        Err(ExportError::Books(error)) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

struct Printer {
    sentences: Sentences,
    columns: usize,
    /// The last command's.
    date: String,
}

impl Printer {
    fn new(lang: Lang, names: PersonNames) -> Printer {
        let [least, most] = COLUMNS_RANGE;
        let columns = screen::columns().map_or(COLUMNS, |columns| columns.clamp(least, most));
        Printer { sentences: Sentences::new(lang, names), columns, date: String::new() }
    }

    /// Prints a command: a line with its date if that is new, its sentence behind position and
    /// time, then its events and postings.
    fn print(&mut self, command: &AppliedCommand, out: &mut dyn Write) -> io::Result<()> {
        let date = command.date.to_string();
        if self.date != date {
            let gap = if self.date.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}{}", self.sentences.day(command))?;
            self.date = date;
        }
        let time = &command.at[11..19];
        let place = words::right(&command.position.to_string(), POSITION_COLUMNS);
        let what = self.sentences.what(command);
        self.paragraph(&format!("{place}  {time}  "), &what, out)?;
        let indent = " ".repeat(INDENT);
        for event in self.sentences.events(command) {
            self.paragraph(&format!("{indent}- "), &event, out)?;
        }
        for (amount, what) in self.sentences.postings(command) {
            let amount = words::right(&amount, AMOUNT_COLUMNS);
            self.paragraph(&format!("{indent}{amount}  "), &what, out)?;
        }
        Ok(())
    }

    /// Writes `first`, then the text. Further lines are indented by the width of `first`.
    fn paragraph(&self, first: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let indent = words::width(first);
        let text = wrapped(text, self.columns.saturating_sub(indent));
        for (number, line) in text.lines().enumerate() {
            let before = if number == 0 { first } else { &" ".repeat(indent) };
            writeln!(out, "{before}{line}")?;
        }
        Ok(())
    }
}

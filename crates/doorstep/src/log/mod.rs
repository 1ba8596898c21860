//! `doorstep log`: the journal in words.

pub mod sentence;

use std::io::{self, BufWriter, Write};
use std::mem;
use std::path::PathBuf;

use anyhow::bail;
use books::{BusinessDate, TerminalId};
use clap::Args;
use engine::Actor;
use office::Persons;
use reports::{
    AppliedCommand, CommandFilter, CommandPosition, ExportError, RecordedCommand, UnknownCondition,
    read_commands,
};

use crate::help::wrapped;
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
/// More commands of one kind in a row are one line.
const RUN_MAX: u64 = 10;

/// Prints the journal in words: each command, who gave it, and the money it moved
///
/// Prints each command with its position, local time, who gave it, what it did, and the money it
/// moved: amount, account debited (Dr), account credited (Cr). Parcels are named by their waybills.
/// Several conditions together must all be met.
/// Registrations and announcements in a row are one line; --all prints each.
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
    /// Print each command; otherwise similar ones in a row are summed up
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Print at most this many commands
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Print one JSON object per line and command, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CommandLogArgs) -> anyhow::Result<()> {
    print_some(args, &|_| true)
}

/// Prints the commands with some names.
pub fn print_some(
    args: &CommandLogArgs,
    is_wanted: &dyn Fn(&'static str) -> bool,
) -> anyhow::Result<()> {
    let parcel = args.parcel.as_ref().map(|text| match switch::waybill::read(text.as_bytes()) {
        Ok(id) => id.to_string(),
        Err(_) => text.clone(),
    });
    let names = Persons::read(&args.data)?;
    let filter = CommandFilter {
        parcel,
        seller: args.seller.clone(),
        terminal: args.terminal,
        person: args.person.as_deref().map(|who| names.find(who)).transpose()?,
        day: args.day,
        from: args.from,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut printer = Printer::new(Lang::current(), names, args.all);
    let mut each = |command: AppliedCommand| {
        if !is_wanted(command.recorded.command) {
            Ok(())
        } else if args.json {
            serde_json::to_writer(&mut out, &command)?;
            out.write_all(b"\n")
        } else {
            printer.print(&command, &mut out)
        }
    };
    let read = read_commands(&args.data, &filter, args.limit, &mut each);
    let read = read.and_then(|unknown| {
        printer.end_run(&mut out)?;
        if !args.json && printer.date.is_empty() && unknown.is_none() {
            writeln!(out, "{}", texts::text(Lang::current(), "log.nothing"))?;
        }
        out.flush()?;
        Ok(unknown)
    });
    match read {
        // The reader closed the pipe, as `head` does. That is not an error.
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(ExportError::Write(error)) => bail!(words::stdout_error_text(&error)),
        Err(ExportError::Books(error)) => Err(error.into()),
        Ok(None) => Ok(()),
        Ok(Some(unknown)) => bail!(args.unknown_text(unknown)),
    }
}

impl CommandLogArgs {
    pub fn of(
        data: PathBuf,
        [seller, parcel, person]: [Option<String>; 3],
        json: bool,
    ) -> CommandLogArgs {
        CommandLogArgs {
            data,
            parcel,
            seller,
            terminal: None,
            person,
            day: None,
            from: None,
            all: true,
            limit: None,
            json,
        }
    }

    fn unknown_text(&self, unknown: UnknownCondition) -> String {
        let (key, value) = match unknown {
            UnknownCondition::Parcel => ("log.unknown_parcel", self.parcel.clone()),
            UnknownCondition::Seller => ("log.unknown_seller", self.seller.clone()),
            UnknownCondition::Terminal => {
                ("log.unknown_terminal", self.terminal.map(|terminal| terminal.to_string()))
            }
        };
        let value = value.unwrap_or_default();
        let data = self.data.display();
        texts::filled(Lang::current(), key, &[("value", &value), ("data", &data)])
    }
}

/// The position and time before a sentence.
fn place(command: &RecordedCommand) -> String {
    let place = words::right(&command.position.to_string(), POSITION_COLUMNS);
    format!("{place}  {}  ", &command.at[11..19])
}

struct Printer {
    sentences: Sentences,
    columns: usize,
    /// The last command's.
    date: String,
    /// Print each command.
    all: bool,
    run: Option<Run>,
}

/// Commands in a row of one kind and actor.
struct Run {
    command: &'static str,
    by: Actor,
    count: u64,
    last: CommandPosition,
    /// Position and time of the first.
    first: String,
    /// In words.
    actor: String,
    /// The first commands as they are printed one by one.
    lines: Vec<u8>,
}

impl Printer {
    fn new(lang: Lang, names: Persons, all: bool) -> Printer {
        let [least, most] = COLUMNS_RANGE;
        let columns = screen::columns().map_or(COLUMNS, |columns| columns.clamp(least, most));
        let sentences = Sentences::new(lang, names);
        Printer { sentences, columns, date: String::new(), all, run: None }
    }

    /// Adds a command to the run of those before it, or begins a run. Returns whether it is a
    /// command of a kind that is summed up.
    fn add_to_run(&mut self, command: &AppliedCommand, out: &mut dyn Write) -> io::Result<bool> {
        let recorded = &command.recorded;
        let is_new_day = self.date != recorded.date.to_string();
        let continues = self.run.as_ref().is_some_and(|run| {
            run.command == recorded.command && run.by == recorded.by && !is_new_day
        });
        if !continues {
            self.end_run(out)?;
        }
        if self.all || self.sentences.many(recorded.command, 0).is_none() {
            return Ok(false);
        }
        self.print_date(recorded, out)?;
        let mut lines = self.run.as_mut().map_or_else(Vec::new, |run| mem::take(&mut run.lines));
        if self.run.as_ref().is_none_or(|run| run.count < RUN_MAX) {
            self.print_command(command, &mut lines)?;
        }
        let run = self.run.get_or_insert_with(|| Run {
            command: recorded.command,
            by: recorded.by,
            count: 0,
            last: recorded.position,
            first: place(recorded),
            actor: self.sentences.actor(recorded),
            lines: Vec::new(),
        });
        run.count += 1;
        run.last = recorded.position;
        run.lines = lines;
        Ok(true)
    }

    /// Prints the commands of the run, or one line for all of them if they are many.
    fn end_run(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(run) = self.run.take() else { return Ok(()) };
        if run.count <= RUN_MAX {
            return out.write_all(&run.lines);
        }
        let many = self.sentences.many(run.command, run.count).unwrap_or_default();
        let last = run.last.to_string();
        let what = texts::filled(
            self.sentences.lang(),
            "log.run",
            &[("actor", &run.actor), ("what", &many), ("last", &last)],
        );
        self.paragraph(&run.first, &what, out)
    }

    /// Prints a command, or adds it to those that are summed up.
    fn print(&mut self, command: &AppliedCommand, out: &mut dyn Write) -> io::Result<()> {
        if self.add_to_run(command, out)? {
            return Ok(());
        }
        self.print_date(&command.recorded, out)?;
        self.print_command(command, out)
    }

    /// A line with the command's date, if that is new.
    fn print_date(&mut self, command: &RecordedCommand, out: &mut dyn Write) -> io::Result<()> {
        let date = command.date.to_string();
        if self.date != date {
            let gap = if self.date.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}{}", self.sentences.day(command))?;
            self.date = date;
        }
        Ok(())
    }

    /// The command's sentence behind its position and time, then its events and postings.
    fn print_command(&self, command: &AppliedCommand, out: &mut dyn Write) -> io::Result<()> {
        let what = self.sentences.what(&command.recorded);
        self.paragraph(&place(&command.recorded), &what, out)?;
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

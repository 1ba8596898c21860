//! `doorstep export`: every posting, in the formats of other programs.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use files::atomic::AtomicWriteError;
use reports::{ExportError, ExportFormat, export_postings};

use crate::data_directory;
use crate::words::{self, bilingual};

/// Exports every posting for hledger, beancount or a spreadsheet
///
/// Writes every posting of the books with its parcel, payment reference and tariff version, in a
/// format that another program reads and checks.
///
/// hledger: `hledger -f books.journal check --strict` accepts the books and compares its balances
/// with theirs. beancount: `bean-check books.beancount` does the same. CSV: one line per posting.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A journal for hledger
    Hledger,
    /// A ledger for beancount
    Beancount,
    /// One line per posting, for a spreadsheet
    Csv,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> ExportFormat {
        match format {
            Format::Hledger => ExportFormat::Hledger,
            Format::Beancount => ExportFormat::Beancount,
            Format::Csv => ExportFormat::Csv,
        }
    }
}

pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let export = |out: &mut dyn Write| export_postings(&args.data, args.format.into(), out);
    match &args.out {
        Some(path) => {
            data_directory::check_output(path)?;
            match files::atomic::write_atomically(path, |out| export(out)) {
                Err(
                    AtomicWriteError::Content(ExportError::Write(cause))
                    | AtomicWriteError::Io { source: cause, .. },
                ) => {
                    let file = path.display();
                    bail!(bilingual!(
                        "--out {file}: the file cannot be written: {cause}; free space on that \
                         disk, or choose another file. A file that was there before is unchanged",
                        "--out {file}：无法写入该文件：{cause}；请清理该磁盘，或另选文件。\
                         原有的文件未作改动"
                    ))
                }
                Err(AtomicWriteError::Content(ExportError::Books(error))) => Err(error.into()),
                Err(error @ AtomicWriteError::NotAFile(_)) => Err(error.into()),
                Ok(()) => Ok(()),
            }
        }
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            match export(&mut out).and_then(|()| Ok(out.flush()?)) {
                // The reader closed the pipe, as `head` does. That is not an error.
                Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(())
                }
                Err(ExportError::Write(error)) => bail!(words::stdout_error_text(&error)),
                Err(ExportError::Books(error)) => Err(error.into()),
                Ok(()) => Ok(()),
            }
        }
    }
}

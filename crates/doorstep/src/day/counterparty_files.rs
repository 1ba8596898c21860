//! `--files`: what networks, wallets, the bank and courier firms would send about the days.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, ensure};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use files::atomic::write_atomically;
use money::Currency;
use sim::{CounterpartyFile, CounterpartyForm, CounterpartyWriter, SimulatedDay};

use crate::words::bilingual;

/// The files of other parties.
#[derive(Args, Debug)]
pub struct CounterpartyArgs {
    /// Writes the files that networks, wallets, the bank and firms would send, by day and form,
    /// with the truth about each line beside them
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// The forms of these files [default: all that fit the currency]
    #[arg(long, value_enum, value_name = "FORM", value_delimiter = ',', requires = "files")]
    file_forms: Vec<FormFlag>,
    /// Frequency of faults in these files, in percent of the usual rate: lines lost, doubled, late
    /// or changed, cut references, missing files
    #[arg(long, value_name = "PERCENT", default_value_t = 0, requires = "files")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100_000))]
    file_faults: u32,
    /// Ends the day before anything is cleared: what networks, wallets and the bank do stands in
    /// these files only, for `doorstep file` to take. Nobody is paid
    #[arg(long, requires = "files")]
    pub leave_clearing: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct FormFlag(CounterpartyForm);

const FORMS: [FormFlag; CounterpartyForm::ALL.len()] = {
    let mut forms = [FormFlag(CounterpartyForm::Ours); CounterpartyForm::ALL.len()];
    let mut place = 0;
    while place < forms.len() {
        forms[place] = FormFlag(CounterpartyForm::ALL[place]);
        place += 1;
    }
    forms
};

impl ValueEnum for FormFlag {
    fn value_variants<'a>() -> &'a [FormFlag] {
        &FORMS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            CounterpartyForm::Ours => "Doorstep's clearing files and bank statements (CSV)",
            CounterpartyForm::Cups => "UnionPay's ACOM, ACOMA, ALFEE, AERRA and ZSUM",
            CounterpartyForm::Gateway => "The ZM file of UnionPay's gateway",
            CounterpartyForm::Wechat => "WeChat Pay's bill",
            CounterpartyForm::Alipay => "Alipay's bill (ZIP)",
            CounterpartyForm::Camt => "camt.053 and camt.054, version 08",
            CounterpartyForm::Camt02 => "camt.053 and camt.054, version 02",
            CounterpartyForm::Mt940 => "MT940",
            CounterpartyForm::Bai2 => "BAI2",
            CounterpartyForm::SheetIndia => "Remittance sheets of an Indian courier firm",
            CounterpartyForm::SheetChina => "The remittance sheet of a Chinese courier firm",
        };
        Some(PossibleValue::new(self.0.name()).help(help))
    }
}

/// Writes the files of one day after another.
pub struct CounterpartyDirectory {
    directory: PathBuf,
    forms: Vec<CounterpartyForm>,
    writer: CounterpartyWriter,
}

impl CounterpartyDirectory {
    /// `None` if no files are wanted.
    ///
    /// # Errors
    /// A form was asked for that cannot state the currency.
    pub fn of(
        args: &CounterpartyArgs,
        seed: u64,
        currency: Currency,
    ) -> anyhow::Result<Option<CounterpartyDirectory>> {
        let Some(directory) = args.files.clone() else { return Ok(None) };
        let asked: Vec<CounterpartyForm> = args.file_forms.iter().map(|form| form.0).collect();
        for form in &asked {
            ensure!(
                form.states(currency),
                bilingual!(
                    "--file-forms {0}: this form states amounts in CNY only, and the day is in \
                     {currency}; leave {0} out",
                    "--file-forms {0}：这种文件只有人民币金额，而模拟日的币种是 {currency}；\
                     请去掉 {0}",
                    form.name()
                )
            );
        }
        let forms = if asked.is_empty() { CounterpartyForm::ALL.to_vec() } else { asked };
        let writer = CounterpartyWriter::new(seed, args.file_faults);
        Ok(Some(CounterpartyDirectory { directory, forms, writer }))
    }

    /// Writes the files of the next day. The same files again change nothing; a file with other
    /// content stays, and nothing is written.
    pub fn write(&mut self, day: &SimulatedDay) -> anyhow::Result<()> {
        let day = day.counterparty.as_ref().context("the day was lived without its files")?;
        let folder = self.directory.join(day.date.to_string());
        let mut new = Vec::new();
        for file in self.writer.files_of(day, &self.forms) {
            let path = folder.join(&file.path);
            match fs::read(&path) {
                Ok(known) if known == file.bytes => {}
                Ok(_) => return Err(differs(&path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => new.push((path, file)),
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
        for (path, CounterpartyFile { bytes, .. }) in new {
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
            write_atomically(&path, |out| out.write_all(&bytes))?;
        }
        Ok(())
    }
}

fn differs(path: &Path) -> anyhow::Error {
    anyhow::anyhow!(bilingual!(
        "{0}: the file exists with other content, from other orders, flags or faults; nothing was \
         written for this day: give another directory, or remove this one",
        "{0}：文件已存在且内容不同，出自其他订单、参数或故障；这一天没有写入文件：\
         请给出另一个目录，或删除该目录",
        path.display()
    ))
}

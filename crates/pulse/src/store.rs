//! What was published: a folder for each publication in the data directory, never changed.
//!
//! A folder is made beside the others and then gets its name, so it is there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::correction::ReportCorrection;
use crate::figures::FigureAudience;
use crate::report::{DailyReport, EarlierReport};

/// The folder in the data directory.
pub const PULSE_DIRECTORY: &str = "pulse";
/// The facts of a publication.
const FACTS: &str = "publication.json";
/// Limit on a file of a publication.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Digits of the name of a folder.
const NAME_DIGITS: usize = 8;

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publication {
    Report(Box<DailyReport>),
    Correction(Box<ReportCorrection>),
}

impl Publication {
    #[must_use]
    pub fn day(&self) -> &str {
        match self {
            Publication::Report(report) => &report.span.day,
            Publication::Correction(correction) => &correction.day,
        }
    }

    /// In milliseconds since 1970.
    #[must_use]
    pub fn at(&self) -> i64 {
        match self {
            Publication::Report(report) => report.at,
            Publication::Correction(correction) => correction.at,
        }
    }

    #[must_use]
    pub fn digest(&self) -> String {
        match self {
            Publication::Report(report) => report.digest(),
            Publication::Correction(correction) => correction.digest(),
        }
    }

    #[must_use]
    pub fn report(&self) -> Option<&DailyReport> {
        match self {
            Publication::Report(report) => Some(report),
            Publication::Correction(_) => None,
        }
    }
}

/// A form in which a publication is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedForm {
    pub audience: FigureAudience,
    pub is_zh: bool,
    pub is_html: bool,
}

impl PublishedForm {
    /// All of them.
    pub fn all() -> impl Iterator<Item = PublishedForm> {
        let audiences = [FigureAudience::Everyone, FigureAudience::Finance];
        audiences.into_iter().flat_map(|audience| {
            [false, true].into_iter().flat_map(move |is_zh| {
                [false, true].map(|is_html| PublishedForm { audience, is_zh, is_html })
            })
        })
    }

    fn file(self) -> String {
        let audience = match self.audience {
            FigureAudience::Everyone => "everyone",
            FigureAudience::Finance => "finance",
        };
        let language = if self.is_zh { "zh" } else { "en" };
        format!("{audience}.{language}.{}", if self.is_html { "html" } else { "txt" })
    }
}

/// Why nothing was published, or a publication cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    #[error("could not {doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is damaged: {what}; restore it from a backup")]
    Damaged { path: PathBuf, what: String },
    #[error(
        "the report of {day} is published already, as number {number}; show it with `doorstep \
             pulse show {day}`, or correct it with `--correct {number}`"
    )]
    Published { day: String, number: u64 },
    #[error("somebody else has published number {0} just now; publish again")]
    TakenNumber(u64),
    #[error("there is no publication `{0}`; `doorstep pulse show` lists all")]
    None(String),
    #[error("publication {0} is a correction; correct the report that it is of")]
    NoReport(u64),
}

/// The publications of a data directory.
#[derive(Clone, Debug)]
pub struct Publications {
    directory: PathBuf,
}

impl Publications {
    #[must_use]
    pub fn of(data: &Path) -> Publications {
        Publications { directory: data.join(PULSE_DIRECTORY) }
    }

    fn folder(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:0NAME_DIGITS$}"))
    }

    /// The numbers of all, in their order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn numbers(&self) -> Result<Vec<u64>, PublicationError> {
        let failed = failed("read", &self.directory);
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(&failed)?.file_name();
            let name = name.to_str().filter(|name| name.len() == NAME_DIGITS);
            numbers.extend(name.and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The folders of all, in the data directory.
    ///
    /// # Errors
    /// As [`Publications::numbers`].
    pub fn folders(&self) -> Result<Vec<String>, PublicationError> {
        let folder = |number: u64| format!("{PULSE_DIRECTORY}/{number:0NAME_DIGITS$}");
        Ok(self.numbers()?.into_iter().map(folder).collect())
    }

    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(&self, number: u64) -> Result<Publication, PublicationError> {
        let path = self.folder(number).join(FACTS);
        let text = read_text(&path, || number.to_string())?;
        let damaged = |error: serde_json::Error| {
            let (path, what) = (path.clone(), error.to_string());
            PublicationError::Damaged { path, what }
        };
        serde_json::from_str(&text).map_err(damaged)
    }

    /// A form of a publication, as it was published.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn form(&self, number: u64, form: PublishedForm) -> Result<String, PublicationError> {
        read_text(&self.folder(number).join(form.file()), || number.to_string())
    }

    /// The report of a day, the newest if there are several; or the publication of a number.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn find(&self, asked: &str) -> Result<(u64, Publication), PublicationError> {
        if let Ok(number) = asked.parse() {
            return Ok((number, self.read(number)?));
        }
        for number in self.numbers()?.into_iter().rev() {
            let found = self.read(number)?;
            if found.day() == asked && found.report().is_some() {
                return Ok((number, found));
            }
        }
        Err(PublicationError::None(asked.chars().take(40).collect()))
    }

    /// All reports, with what corrections made of their figures.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn reports(&self) -> Result<Vec<EarlierReport>, PublicationError> {
        let mut reports: Vec<EarlierReport> = Vec::new();
        for number in self.numbers()? {
            match self.read(number)? {
                Publication::Report(report) => {
                    let DailyReport { span, figures, revisions, .. } = *report;
                    reports.push(EarlierReport { number, span, figures, revisions });
                }
                Publication::Correction(correction) => {
                    let of = reports.iter_mut().find(|one| one.number == correction.of);
                    if let Some(report) = of {
                        report.figures = correction.figures;
                    }
                }
            }
        }
        Ok(reports)
    }

    /// Publishes: writes the facts and all forms. Returns the number.
    ///
    /// # Errors
    /// A report of the day is published already; or it cannot be written: then nothing is.
    pub fn publish(
        &self,
        publication: &Publication,
        form: &mut dyn FnMut(u64, PublishedForm) -> String,
    ) -> Result<u64, PublicationError> {
        let numbers = self.numbers()?;
        if publication.report().is_some() {
            for number in &numbers {
                let other = self.read(*number)?;
                if other.report().is_some() && other.day() == publication.day() {
                    let (day, number) = (publication.day().to_owned(), *number);
                    return Err(PublicationError::Published { day, number });
                }
            }
        }
        let number = numbers.last().map_or(1, |last| last + 1);
        let new = self.directory.join(format!(".new-{number:0NAME_DIGITS$}"));
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.directory).map_err(failed("make", &self.directory))?;
        // What an interrupted one left.
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failed("remove", &new)(error));
            }
            _ => {}
        }
        builder.create(&new).map_err(failed("make", &new))?;
        let facts = serde_json::to_string(publication).expect("a publication is JSON");
        write(&new.join(FACTS), &facts)?;
        for one in PublishedForm::all() {
            write(&new.join(one.file()), &form(number, one))?;
        }
        sync(&new)?;
        let folder = self.folder(number);
        match fs::rename(&new, &folder) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty
                ) =>
            {
                return Err(PublicationError::TakenNumber(number));
            }
            done => done.map_err(failed("write", &folder))?,
        }
        sync(&self.directory)?;
        Ok(number)
    }
}

fn failed<'p>(
    doing: &'static str,
    path: &'p Path,
) -> impl Fn(std::io::Error) -> PublicationError + 'p {
    move |source| PublicationError::File { doing, path: path.to_owned(), source }
}

fn sync(path: &Path) -> Result<(), PublicationError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("write", path))
}

fn write(path: &Path, text: &str) -> Result<(), PublicationError> {
    let failed = failed("write", path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(&failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn read_text(path: &Path, asked: impl Fn() -> String) -> Result<String, PublicationError> {
    let failed = failed("read", path);
    let length = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(PublicationError::None(asked()));
        }
        Err(error) => return Err(failed(error)),
    };
    if length > FILE_BYTES_MAX {
        let what = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(PublicationError::Damaged { path: path.to_owned(), what });
    }
    fs::read_to_string(path).map_err(failed)
}

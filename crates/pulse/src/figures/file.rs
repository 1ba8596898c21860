//! A file of figures (TOML), as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use views::read::AskedFault;

use super::{FigureAudience, FigureUnit};

/// Limit on the size of a file of figures.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Limits on all files together.
pub const FIGURES_MAX: usize = 500;
pub const IDENTITIES_MAX: usize = 500;
/// Limit on a text for people.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// What is wrong with a file of figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct FigureFileError {
    pub file: String,
    pub what: FigureProblem,
}

/// The problem, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FigureProblem {
    #[error("the file has more than {FILE_BYTES_MAX} bytes; split it")]
    FileTooLong,
    /// Not TOML, or not the keys of figures.
    #[error("line {line}: {what}")]
    Toml { line: usize, what: String },
    #[error("there are more than {FIGURES_MAX} figures or {IDENTITIES_MAX} identities")]
    TooMany,
    #[error("`{0}` is no id; write it with a-z, 0-9 and _, at most 60 characters")]
    Id(String),
    #[error("two things have the id `{0}`; rename one")]
    Twice(String),
    #[error("`{of}` has no {key}.{language}; write it in English and in Chinese")]
    Language { of: String, key: &'static str, language: &'static str },
    #[error(
        "{key} of `{of}` is longer than {TEXT_CHARS_MAX} characters, or has control characters"
    )]
    Text { of: String, key: &'static str },
    #[error("figure `{figure}`, {key}: {fault}")]
    Statement { figure: String, key: &'static str, fault: AskedFault },
    #[error("figure `{figure}` begins with `{name}`, and [with] has no such statement")]
    NoWith { figure: String, name: String },
    #[error("figure `{figure}` has parts in the view `{view}`, and there is no such view")]
    NoView { figure: String, view: String },
    #[error("identity `{identity}` names the figure `{figure}`, and there is none")]
    NoFigure { identity: String, figure: String },
    #[error("identity `{identity}` adds `{figure}` to figures of another unit; leave it out")]
    OtherUnit { identity: String, figure: String },
    #[error("identity `{0}` has no parts; name at least one figure, or write parts = [\"zero\"]")]
    NoParts(String),
    #[error("these identities go in a circle, so they check nothing: {}", .0.join(" → "))]
    Circle(Vec<String>),
}

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureFile {
    pub section: SectionForm,
    /// Statements that figures of this file name in `with`.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    #[serde(default)]
    pub figure: Vec<FigureForm>,
    #[serde(default)]
    pub identity: Vec<IdentityForm>,
}

/// A text of which a language may be missing: that is said with its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextForm {
    pub en: Option<String>,
    pub zh: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionForm {
    pub id: String,
    pub place: u16,
    pub title: TextForm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureForm {
    pub id: String,
    pub unit: FigureUnit,
    pub audience: FigureAudience,
    #[serde(default)]
    pub name: TextForm,
    #[serde(default)]
    pub definition: TextForm,
    #[serde(default)]
    pub excludes: TextForm,
    pub by: Option<String>,
    #[serde(default)]
    pub words: BTreeMap<String, TextForm>,
    /// It only checks others: it is not in the report, and still has its page.
    #[serde(default)]
    pub check: bool,
    #[serde(default)]
    pub headline: bool,
    #[serde(default)]
    pub shares: bool,
    /// Statements of the file that it begins with, each before those that read it.
    #[serde(default)]
    pub with: Vec<String>,
    pub sql: String,
    pub parts: Option<PartsForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartsForm {
    pub view: String,
    pub sql: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityForm {
    pub id: String,
    #[serde(default)]
    pub name: TextForm,
    pub whole: String,
    /// Figures; one with `-` before it is taken off. `zero` is nothing.
    pub parts: Vec<String>,
}

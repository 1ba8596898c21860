//! Figures: what is counted, defined once in files, with the statements that compute it.
//!
//! A figure is a statement over the views, a definition with its exclusions in Chinese and English,
//! and the identities that it takes part in. What a file gets wrong is refused when it is read.

mod check;
mod file;

use std::collections::BTreeMap;

use base16ct::lower::encode_string;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use views::ViewSpec;
use views::read::{AskedParameter, AskedStatement};

pub use file::{
    FIGURES_MAX, FILE_BYTES_MAX, FigureFile, FigureFileError, FigureProblem, IDENTITIES_MAX,
    TEXT_CHARS_MAX,
};

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    pub en: String,
    pub zh: String,
}

impl Bilingual {
    #[must_use]
    pub fn get(&self, is_zh: bool) -> &str {
        if is_zh { &self.zh } else { &self.en }
    }
}

/// Who may see a figure. It decides what its statement may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureAudience {
    /// Anyone: what happened at the doors, without fees, rails, accounts and parties.
    Everyone,
    /// Who reads the accounts of the books.
    Finance,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureUnit {
    /// Minor units; its rows have a currency.
    Money,
    Parcels,
    Payments,
    Payouts,
    Breaks,
    Postings,
    Offers,
    Orders,
    Decisions,
    Units,
    Variants,
}

impl FigureUnit {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FigureUnit::Money => "money",
            FigureUnit::Parcels => "parcels",
            FigureUnit::Payments => "payments",
            FigureUnit::Payouts => "payouts",
            FigureUnit::Breaks => "breaks",
            FigureUnit::Postings => "postings",
            FigureUnit::Offers => "offers",
            FigureUnit::Orders => "orders",
            FigureUnit::Decisions => "decisions",
            FigureUnit::Units => "units",
            FigureUnit::Variants => "variants",
        }
    }
}

/// A group of figures, which is a section of the report.
#[derive(Clone, Debug)]
pub struct FigureSection {
    pub id: String,
    pub place: u16,
    pub title: Bilingual,
}

/// The rows of a view that a figure is made of.
#[derive(Clone, Debug)]
pub struct FigureParts {
    pub view: &'static ViewSpec,
    pub sql: String,
    pub statement: AskedStatement,
}

#[derive(Clone, Debug)]
pub struct Figure {
    pub id: String,
    pub section: String,
    pub audience: FigureAudience,
    pub unit: FigureUnit,
    pub name: Bilingual,
    pub definition: Bilingual,
    /// What is not in it.
    pub excludes: Bilingual,
    /// The column by which its values are apart.
    pub by: Option<String>,
    /// What the words of that column are called.
    pub words: BTreeMap<String, Bilingual>,
    /// It only checks others, and is not in the report.
    pub is_check: bool,
    /// Shown large, at the top.
    pub headline: bool,
    /// Its values are shares of their sum.
    pub shares: bool,
    pub sql: String,
    pub statement: AskedStatement,
    pub parts: Option<FigureParts>,
    /// SHA-256 of all that says what it is.
    pub digest: String,
}

impl Figure {
    /// Whether its value for a day can change with what becomes known later.
    #[must_use]
    pub fn can_change(&self) -> bool {
        self.statement.uses(AskedParameter::Position)
    }
}

/// A figure that is the sum of others, always.
#[derive(Clone, Debug)]
pub struct FigureIdentity {
    pub id: String,
    pub name: Bilingual,
    pub whole: String,
    /// Figures that are added, or taken off.
    pub parts: Vec<(bool, String)>,
}

/// All figures of some files, checked.
#[derive(Clone, Debug, Default)]
pub struct FigureSet {
    pub sections: Vec<FigureSection>,
    pub figures: Vec<Figure>,
    pub identities: Vec<FigureIdentity>,
    /// The name of each file, and its SHA-256.
    pub files: Vec<(String, String)>,
}

/// The files that come with Doorstep.
pub const SHIPPED: [(&str, &str); 6] = [
    ("doors.toml", include_str!("../../../figures/doors.toml")),
    ("market.toml", include_str!("../../../figures/market.toml")),
    ("money.toml", include_str!("../../../figures/money.toml")),
    ("costs.toml", include_str!("../../../figures/costs.toml")),
    ("breaks.toml", include_str!("../../../figures/breaks.toml")),
    ("texts.toml", include_str!("../../../figures/texts.toml")),
];

impl FigureSet {
    /// The figures of files: a name and the text of each.
    ///
    /// # Errors
    /// What is wrong, and in which file.
    pub fn read(files: &[(&str, &str)]) -> Result<FigureSet, FigureFileError> {
        check::read(files)
    }

    /// Those that come with Doorstep.
    ///
    /// # Errors
    /// Never, as a test says.
    pub fn shipped() -> Result<FigureSet, FigureFileError> {
        FigureSet::read(&SHIPPED)
    }

    #[must_use]
    pub fn figure(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.id == id)
    }

    /// The identities that a figure takes part in.
    pub fn identities_of<'s>(
        &'s self,
        id: &'s str,
    ) -> impl Iterator<Item = &'s FigureIdentity> + 's {
        let has = move |one: &&FigureIdentity| {
            one.whole == id || one.parts.iter().any(|(_, part)| part == id)
        };
        self.identities.iter().filter(has)
    }
}

/// SHA-256 of some texts, each with its length, in lower-case hexadecimal.
pub(crate) fn digest_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    encode_string(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_that_come_with_doorstep_are_valid() {
        let set = FigureSet::shipped().unwrap_or_else(|error| panic!("{error}"));
        assert!(set.figures.len() > 30 && set.identities.len() > 10);
        let of_sections = set.sections.iter().map(|section| section.place);
        assert!(of_sections.is_sorted());
    }
}

//! A correction of a report: what was wrong, what is right, and why.

use std::fmt::Write as _;

use ::pulse::correction::ReportCorrection;
use ::pulse::figures::{FigureAudience, FigureSet};
use askama::Template;

use super::claims::verdict_name;
use super::report::value_text;
use crate::PageWords;
use crate::forms::date;

struct WrongValue {
    name: String,
    was: String,
    is: String,
}

/// A correction for an audience, in a language.
#[derive(Template)]
#[template(path = "pulse/correction.html")]
pub struct CorrectionView {
    words: PageWords,
    pub title: String,
    of: u64,
    report: String,
    why: String,
    values: Vec<WrongValue>,
    claims: Vec<WrongValue>,
    digest: String,
}

impl CorrectionView {
    #[must_use]
    pub fn new(
        words: PageWords,
        set: &FigureSet,
        correction: &ReportCorrection,
        audience: FigureAudience,
    ) -> CorrectionView {
        let values = correction.values.iter().filter_map(|one| {
            let figure = set.figure(&one.figure).filter(|figure| figure.audience <= audience)?;
            let text = |value: i64| {
                let currency = one.currency.as_deref();
                let (value, unit) = value_text(words, figure.unit, currency, value.into());
                format!("{value} {unit}").trim_end().to_owned()
            };
            let mut name = figure.name.get(words.is_zh()).to_owned();
            if let Some(by) = &one.by {
                let called = figure.words.get(by).map_or(by.as_str(), |it| it.get(words.is_zh()));
                let _ = write!(name, ", {called}");
            }
            Some(WrongValue { name, was: text(one.was), is: text(one.is) })
        });
        let claims = correction.claims.iter().map(|one| {
            let says = one.was.text.clone().unwrap_or_else(|| one.was.id.clone());
            let is = match &one.is {
                Some(is) => {
                    let text = is.text.clone().unwrap_or_else(|| is.id.clone());
                    format!("{}: {text}", verdict_name(words, is.verdict))
                }
                None => words.get("pulse.withdrawn").to_owned(),
            };
            WrongValue { name: says, was: verdict_name(words, one.was.verdict).to_owned(), is }
        });
        let day = date(words, &correction.day);
        CorrectionView {
            words,
            title: words.fill("pulse.correction_of", &[("day", &day)]),
            of: correction.of,
            report: words.fill("pulse.of_day", &[("day", &day)]),
            why: correction.why.get(words.is_zh()).to_owned(),
            values: values.collect(),
            claims: claims.collect(),
            digest: correction.digest(),
        }
    }

    fn t(&self, key: &str) -> &'static str {
        self.words.get(key)
    }

    /// The page, without what stands around it.
    ///
    /// # Panics
    /// Never: a template into a text.
    #[must_use]
    pub fn html(&self) -> String {
        self.render().expect("a text takes what a template writes")
    }

    /// The same as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let (was, is) = (self.t("pulse.was"), self.t("pulse.is"));
        let mut out = format!("{}\n\n{}\n\n", self.title, self.t("pulse.correction_about"));
        let _ = writeln!(out, "{}: {}", self.t("pulse.why"), self.why);
        for one in self.values.iter().chain(&self.claims) {
            let _ = writeln!(out, "\n{}\n    {was}: {}\n    {is}: {}", one.name, one.was, one.is);
        }
        let _ = writeln!(out, "\n{}: {}", self.t("pulse.digest"), self.digest);
        out
    }
}

//! A correction of a published report: what was wrong, what is right, and why. The report itself
//! stays as it was.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::figures::{Bilingual, digest_of};
use crate::report::{DailyReport, ReportedClaim};
use crate::run::{FigureRun, FigureValue};

/// A value that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectedValue {
    pub figure: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
    pub was: i64,
    pub is: i64,
}

/// A claim that was published, and the one that takes its place. `None`: it is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectedClaim {
    pub was: ReportedClaim,
    pub is: Option<ReportedClaim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportCorrection {
    /// The number of the report.
    pub of: u64,
    pub day: String,
    /// The time of the last command of the report's position, in milliseconds since 1970.
    pub at: i64,
    pub why: Bilingual,
    pub values: Vec<CorrectedValue>,
    pub claims: Vec<CorrectedClaim>,
    /// All figures of the report as they are right, at its position.
    pub figures: Vec<FigureRun>,
}

impl ReportCorrection {
    /// What is wrong in a report, by its figures computed again at its position. `claims` take the
    /// place of those with the same id; `withdrawn` are ids. `None` if nothing is wrong.
    #[must_use]
    pub fn of(
        number: u64,
        report: &DailyReport,
        (figures, claims, withdrawn): (Vec<FigureRun>, &[ReportedClaim], &[String]),
        why: Bilingual,
    ) -> Option<ReportCorrection> {
        let mut values = Vec::new();
        for was in &report.figures {
            let now = figures.iter().find(|one| one.figure == was.figure);
            let now = now.map_or(&[][..], |one| &one.values);
            let key = |value: &FigureValue| (value.by.clone(), value.currency.clone());
            let keys: BTreeSet<_> = was.values.iter().chain(now).map(key).collect();
            for (by, currency) in keys {
                let of = |values: &[FigureValue]| {
                    let found = values.iter().find(|it| it.by == by && it.currency == currency);
                    found.map_or(0, |it| it.value)
                };
                let (was_value, is) = (of(&was.values), of(now));
                if was_value != is {
                    let figure = was.figure.clone();
                    values.push(CorrectedValue { figure, by, currency, was: was_value, is });
                }
            }
        }
        let corrected = report.claims.iter().filter_map(|was| {
            let is = claims.iter().find(|one| one.id == was.id);
            let is_withdrawn = withdrawn.contains(&was.id);
            let differs = is.is_some_and(|is| is.digest != was.digest);
            (is_withdrawn || differs).then(|| CorrectedClaim {
                was: was.clone(),
                is: is.cloned().filter(|_| !is_withdrawn),
            })
        });
        let claims: Vec<_> = corrected.collect();
        let (day, at) = (report.span.day.clone(), report.at);
        let correction = ReportCorrection { of: number, day, at, why, values, claims, figures };
        (!correction.values.is_empty() || !correction.claims.is_empty()).then_some(correction)
    }

    /// SHA-256 of its JSON.
    ///
    /// # Panics
    /// Never: it has nothing that JSON lacks.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_string(self).expect("a correction is JSON");
        digest_of([json.as_str()])
    }
}

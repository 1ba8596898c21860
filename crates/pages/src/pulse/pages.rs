//! The report's pages in the console: what is published, a figure, claims.

use ::pulse::figures::{Figure, FigureSet};
use ::pulse::report::ReportedClaim;
use ::pulse::run::{FigurePart, FigureRun, FigureSpan};
use askama::Template;

use super::claims::{claim_sentences, correction_sentence, verdict_name};
use super::report::value_text;
use crate::assets::{Asset, PULSE_STYLE};
use crate::forms::{date, number};
use crate::{Link, PageFrame, PageWords, list_path};

/// A page of the report, around what was published.
#[derive(Template)]
#[template(path = "pulse/page.html")]
pub struct PulsePage {
    pub frame: PageFrame,
    /// HTML of ours.
    pub body: String,
    /// JSON-LD, made safe for a page.
    pub linked: String,
    /// The feed of this page.
    pub atom: Option<String>,
    /// Address and title of what was published.
    pub archive: Vec<(String, String)>,
    pub links: Vec<(String, &'static str)>,
}

impl PulsePage {
    fn style(&self) -> &'static Asset {
        &PULSE_STYLE
    }
}

/// JSON as a block of data in a page: nothing in it ends the block.
#[must_use]
pub fn json_in_page(json: &serde_json::Value) -> String {
    json.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A value that was published: address and title of the publication, position, value.
pub struct FigureVintage {
    pub number: u64,
    pub title: String,
    pub position: u64,
    pub currency: Option<String>,
    pub value: i128,
}

/// What a figure is, with its value.
#[derive(Template)]
#[template(path = "pulse/figure.html")]
pub struct FigureView {
    words: PageWords,
    pub name: String,
    definition: String,
    excludes: String,
    note: Option<String>,
    span: String,
    values: Vec<(String, String)>,
    vintages: Vec<(String, String, String, String)>,
    identities: Vec<String>,
    sql: String,
    parts_title: Option<String>,
    parts: Vec<(String, String, String)>,
    has_more: bool,
    digest: String,
}

/// What the view of a figure is made of.
pub struct FigureShown<'f> {
    pub set: &'f FigureSet,
    pub figure: &'f Figure,
    pub span: &'f FigureSpan,
    pub run: &'f FigureRun,
    /// None for who may not see them.
    pub parts: Option<(Vec<FigurePart>, bool)>,
    pub vintages: Vec<FigureVintage>,
    /// Whether the report had another definition.
    pub is_redefined: bool,
}

impl FigureView {
    #[must_use]
    pub fn new(words: PageWords, shown: FigureShown<'_>) -> FigureView {
        let FigureShown { set, figure, span, run, parts, vintages, is_redefined } = shown;
        let is_zh = words.is_zh();
        let text = |currency: Option<&str>, value: i128| {
            let (value, unit) = value_text(words, figure.unit, currency, value);
            format!("{value} {unit}").trim_end().to_owned()
        };
        let mut values: Vec<(String, String)> = run
            .sums()
            .into_iter()
            .map(|(currency, sum)| (words.get("pulse.sum").to_owned(), text(currency, sum)))
            .collect();
        if values.is_empty() {
            values.push((words.get("pulse.sum").to_owned(), text(None, 0)));
        }
        for one in run.values.iter().filter(|one| one.by.is_some()) {
            let word = one.by.as_deref().unwrap_or_default();
            let called = figure.words.get(word).map_or(word, |it| it.get(is_zh));
            values.push((called.to_owned(), text(one.currency.as_deref(), one.value.into())));
        }
        let vintages = vintages.into_iter().map(|one| {
            let href = format!("/pulse/{}", one.number);
            let value = text(one.currency.as_deref(), one.value);
            (href, one.title, number(one.position.into()), value)
        });
        let of_view = figure.parts.as_ref().filter(|_| parts.is_some()).map(|of| of.view);
        let parts_title = of_view.map(|view| {
            let name = words.entry("view", view.name).unwrap_or(view.name);
            words.fill("pulse.made_of", &[("view", &name)])
        });
        let (parts, has_more) = parts.unwrap_or_default();
        let parts = parts.iter().filter_map(|part| {
            let key = part.key_text();
            let href = Link::to(&list_path(of_view?.name)).part(&key).at(Some(span.position));
            Some((href.text(), key, text(part.currency.as_deref(), part.value.into())))
        });
        let numbers: [(&str, &dyn std::fmt::Display); 4] = [
            ("day", &date(words, &span.day)),
            ("from", &number(span.from.into())),
            ("until", &number(span.until.into())),
            ("position", &number(span.position.into())),
        ];
        FigureView {
            words,
            name: figure.name.get(is_zh).to_owned(),
            definition: figure.definition.get(is_zh).to_owned(),
            excludes: figure.excludes.get(is_zh).to_owned(),
            note: is_redefined.then(|| words.get("pulse.redefined").to_owned()),
            span: words.fill("pulse.span", &numbers),
            values,
            vintages: vintages.collect(),
            identities: set
                .identities_of(&figure.id)
                .map(|one| one.name.get(is_zh).to_owned())
                .collect(),
            sql: figure.sql.clone(),
            parts_title,
            parts: parts.collect(),
            has_more,
            digest: run.digest.clone(),
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
}

/// Claims with their verdicts, and a form for others.
#[derive(Template)]
#[template(path = "pulse/claims.html")]
pub struct ClaimsView {
    words: PageWords,
    error: Option<String>,
    /// What it says, the verdict, whether it holds, and the arithmetic.
    claims: Vec<(String, &'static str, bool, Vec<String>)>,
    /// Empty: there is no form.
    csrf: String,
    text: String,
}

impl ClaimsView {
    #[must_use]
    pub fn new(
        words: PageWords,
        claims: &[ReportedClaim],
        (csrf, text, error): (String, String, Option<String>),
    ) -> ClaimsView {
        let claims = claims.iter().map(|claim| {
            let mut steps = claim_sentences(words, claim);
            steps.extend(correction_sentence(words, claim));
            let says = claim.text.clone().unwrap_or_else(|| claim.id.clone());
            let holds = claim.verdict == ::pulse::claims::Verdict::Holds;
            (says, verdict_name(words, claim.verdict), holds, steps)
        });
        ClaimsView { words, error, claims: claims.collect(), csrf, text }
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
}

//! The daily report as people read it: HTML, plain text, and the feeds. All of it follows from what
//! was published, and from the words of a language.

mod chart;
mod claims;
mod correction;
mod feeds;
mod pages;
mod report;

pub use chart::TrendChart;
pub use claims::{claim_sentences, correction_sentence, verdict_name};
pub use correction::CorrectionView;
pub use feeds::{FeedEntry, FeedHead, atom, json_feed};
pub use pages::{ClaimsView, FigureShown, FigureView, FigureVintage, PulsePage, json_in_page};
pub use report::{ReportView, percent, shares, value_text};

use ::pulse::figures::FigureSet;
use ::pulse::store::{Publication, PublishedForm};
use office::Language;

use crate::PageWords;

/// A publication in one of the forms in which it is kept.
#[must_use]
pub fn published_form(
    set: &FigureSet,
    (number, publication): (u64, &Publication),
    form: PublishedForm,
) -> String {
    let words = PageWords(if form.is_zh { Language::Zh } else { Language::En });
    match publication {
        Publication::Report(report) => {
            let view = ReportView::new(words, set, (number, report), form.audience);
            if form.is_html { view.html() } else { view.text() }
        }
        Publication::Correction(correction) => {
            let view = CorrectionView::new(words, set, correction, form.audience);
            if form.is_html { view.html() } else { view.text() }
        }
    }
}

/// What a publication is called.
#[must_use]
pub fn publication_title(words: PageWords, publication: &Publication) -> String {
    let day = crate::forms::date(words, publication.day());
    match publication {
        Publication::Report(_) => words.fill("pulse.of_day", &[("day", &day)]),
        Publication::Correction(_) => words.fill("pulse.correction_of", &[("day", &day)]),
    }
}

/// Of a page in a mail, which has no other style sheet.
const MAIL_STYLE: &str = "body{max-width:720px;margin:24px auto;padding:0 16px;\
    font:15px/1.6 sans-serif}table{border-collapse:collapse;width:100%}\
    th,td{padding:4px 12px 4px 0;border-bottom:1px solid #ddd;text-align:start;font-weight:400}\
    .n{text-align:end}.part th{padding-inline-start:20px}dt{color:#666}dd{margin:0 0 8px}\
    .value{font-size:20px}h2{margin-top:28px}svg{max-width:100%;height:auto}";

/// A publication as a page by itself, for a mail or a file. Links lead to the pages at `origin`;
/// without one there are none.
#[must_use]
pub fn mail_page(words: PageWords, html: &str, origin: Option<&str>) -> String {
    let html = match origin {
        Some(origin) => html.replace("href=\"/", &format!("href=\"{origin}/")),
        None => html.replace("<a href=\"/", "<a data-path=\"/"),
    };
    let (tag, title) = (words.tag(), words.get("pulse.title"));
    format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Doorstep</title>\n<style>{MAIL_STYLE}</style>\n</head>\n<body>\n{html}\
         </body>\n</html>\n"
    )
}

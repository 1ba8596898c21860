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

/// Where links that end the mails lead.
pub const REPORT_END_PATH: &str = "/unsubscribe";

/// What a link that ends the report's mails shows: the question, or that they have ended.
#[must_use]
pub fn report_end_page(words: PageWords, has_ended: bool) -> String {
    let form = format!(
        "<form method=\"post\"><p><button class=\"primary\">{}</button></p></form>\n",
        words.get("pulse.end_now")
    );
    let form = if has_ended { "" } else { form.as_str() };
    let title = words.get("pulse.end_title");
    let said = words.get(if has_ended { "pulse.ended" } else { "pulse.end_ask" });
    format!(
        "<article class=\"pulse\">\n<h1>{title}</h1>\n<p role=\"status\">{said}</p>\n\
         {form}</article>\n"
    )
}

/// Adds to a mail, as text and as a page of [`mail_page`], how it is ended.
pub fn add_report_end(words: PageWords, link: &str, text: &mut String, html: &mut String) {
    let said = words.get("pulse.mail_end");
    text.push_str(&format!("\n{said} {link}\n"));
    let link = format!("<p><a href=\"{link}\">{said}</a></p>\n</main>");
    *html = html.replacen("</main>", &link, 1);
}

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
         <title>{title} · Doorstep</title>\n<style>{MAIL_STYLE}</style>\n</head>\n<body>\n<main>\n\
         {html}</main>\n</body>\n</html>\n"
    )
}

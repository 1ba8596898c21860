//! Atom (RFC 4287) and JSON Feed 1.1 of what was published.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::PageWords;

/// What a feed is called and where it is.
pub struct FeedHead<'f> {
    pub words: PageWords,
    /// Of the pages, without a `/` at the end: `https://pay.example`.
    pub origin: &'f str,
    /// The path of the feed itself.
    pub path: &'f str,
}

/// A publication in a feed.
pub struct FeedEntry {
    pub number: u64,
    pub title: String,
    /// In milliseconds since 1970.
    pub at: i64,
    /// The digest of the publication: its id for ever, wherever it is served.
    pub digest: String,
    pub text: String,
    /// The page, with links from the root.
    pub html: String,
}

fn escaped(text: &str) -> String {
    let is_xml = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(|c| is_xml(*c)).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn rfc3339(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    at.to_string()
}

impl FeedEntry {
    /// Never another one's, and never changed.
    fn id(&self) -> String {
        format!("urn:doorstep:pulse:{}", self.digest)
    }

    fn page(&self, head: &FeedHead<'_>) -> String {
        format!("{}/pulse/{}", head.origin, self.number)
    }

    /// The page with links that hold anywhere.
    fn absolute_html(&self, head: &FeedHead<'_>) -> String {
        self.html.replace("href=\"/", &format!("href=\"{}/", head.origin))
    }
}

/// The newest entries first.
#[must_use]
pub fn atom(head: &FeedHead<'_>, entries: &[FeedEntry]) -> String {
    let origin = escaped(head.origin);
    let title = escaped(head.words.get("pulse.title"));
    // RFC 4287 wants a time; without entries it is that of the beginning.
    let updated = rfc3339(entries.iter().map(|entry| entry.at).max().unwrap_or(0));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <id>{origin}{}</id>\n<title>{title}</title>\n<updated>{updated}</updated>\n\
         <author><name>Doorstep</name></author>\n\
         <link rel=\"self\" type=\"application/atom+xml\" href=\"{origin}{}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{origin}/pulse\"/>\n",
        head.words.tag(),
        escaped(head.path),
        escaped(head.path),
    );
    for entry in entries {
        let at = rfc3339(entry.at);
        let _ = write!(
            out,
            "<entry>\n<id>{}</id>\n<title>{}</title>\n<published>{at}</published>\n\
             <updated>{at}</updated>\n\
             <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n\
             <content type=\"html\">{}</content>\n</entry>\n",
            entry.id(),
            escaped(&entry.title),
            escaped(&entry.page(head)),
            escaped(&entry.absolute_html(head)),
        );
    }
    out.push_str("</feed>\n");
    out
}

/// The newest entries first.
#[must_use]
pub fn json_feed(head: &FeedHead<'_>, entries: &[FeedEntry]) -> Value {
    let items = entries.iter().map(|entry| {
        json!({
            "id": entry.id(),
            "url": entry.page(head),
            "title": entry.title,
            "date_published": rfc3339(entry.at),
            "content_html": entry.absolute_html(head),
            "content_text": entry.text,
        })
    });
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": head.words.get("pulse.title"),
        "home_page_url": format!("{}/pulse", head.origin),
        "feed_url": format!("{}{}", head.origin, head.path),
        "language": head.words.tag(),
        "authors": [{ "name": "Doorstep" }],
        "items": items.collect::<Vec<_>>(),
    })
}

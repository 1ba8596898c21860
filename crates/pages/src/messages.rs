//! The search and what went wrong.

use askama::Template;

use crate::PageFrame;

/// What a search found in a view.
pub struct FoundGroup {
    pub title: &'static str,
    /// What it is called, what else tells it apart, and its page.
    pub hits: Vec<(String, String, String)>,
}

/// The answer to a search.
#[derive(Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    pub frame: PageFrame,
    pub groups: Vec<FoundGroup>,
    pub found: Option<String>,
}

/// What went wrong, in its place.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub frame: PageFrame,
    pub title: String,
    pub status: u16,
    pub detail: String,
}

impl ErrorPage {
    fn status_text(&self) -> String {
        self.frame.words.fill("error.status", &[("status", &self.status)])
    }
}

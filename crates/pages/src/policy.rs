//! The policy about public texts: its rules by baseline, texts that wait for a person, decisions
//! with their reasons, the report.

use askama::Template;

use crate::PageFrame;
use crate::act::ActLink;
use crate::cells::Cell;
use crate::portal::PortalTable;

/// A part of a text, with what was found marked.
pub struct MarkedPart {
    pub name: String,
    /// Each with why it is marked, if it is.
    pub runs: Vec<(String, Option<String>)>,
}

impl MarkedPart {
    /// `spans` are bytes of the text, each with why it is marked; what is no place in it is left
    /// out. Where two overlap, the text has the reasons of both.
    #[must_use]
    pub fn new(name: String, text: &str, spans: &[(usize, usize, String)]) -> MarkedPart {
        let is_place = |at: usize| text.is_char_boundary(at);
        let spans = spans.iter().filter(|(start, end, _)| start < end);
        let spans: Vec<_> =
            spans.filter(|(start, end, _)| is_place(*start) && is_place(*end)).collect();
        let mut cuts: Vec<usize> =
            spans.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let run = |two: &[usize]| {
            let within = spans.iter().filter(|(start, end, _)| *start <= two[0] && two[1] <= *end);
            let whys: Vec<&str> = within.map(|(_, _, why)| why.as_str()).collect();
            (text[two[0]..two[1]].to_owned(), (!whys.is_empty()).then(|| whys.join("; ")))
        };
        MarkedPart { name, runs: cuts.windows(2).map(run).collect() }
    }
}

/// A rule, a text that waits, or a decision.
#[derive(Default)]
pub struct PolicyItem {
    /// Of the element.
    pub id: String,
    pub title: String,
    pub href: Option<String>,
    pub badge: Option<Cell>,
    pub note: String,
    pub parts: Vec<MarkedPart>,
    /// Instead of a text that was erased.
    pub no_text: &'static str,
    pub facts: Vec<(&'static str, Cell)>,
    pub acts: Vec<ActLink>,
}

/// Items under a title: a baseline with its rules.
pub struct PolicySection {
    pub id: String,
    pub title: String,
    pub note: String,
    pub items: Vec<PolicyItem>,
}

/// Days that can be changed.
pub struct PolicyDays {
    pub from: String,
    pub until: String,
}

/// A page of the policy.
#[derive(Template)]
#[template(path = "policy.html")]
pub struct PolicyPage {
    pub frame: PageFrame,
    pub lead: String,
    pub links: Vec<ActLink>,
    pub days: Option<PolicyDays>,
    pub sections: Vec<PolicySection>,
    pub tables: Vec<PortalTable>,
    /// What stands there without anything else.
    pub none: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_on_the_original_and_overlaps_have_both_reasons() {
        let span = |start, end, why: &str| (start, end, why.to_owned());
        let marked = |text: &str, spans: &[(usize, usize, String)]| {
            MarkedPart::new(String::new(), text, spans).runs
        };
        let run = |text: &str, why: Option<&str>| (text.to_owned(), why.map(str::to_owned));
        assert_eq!(
            marked("裙 国家级品质", &[span(4, 13, "a"), span(10, 19, "b")]),
            [
                run("裙 ", None),
                run("国家", Some("a")),
                run("级", Some("a; b")),
                run("品质", Some("b")),
            ]
        );
        // Not between characters, not behind the end.
        assert_eq!(marked("裙", &[span(1, 2, "a"), span(0, 9, "b")]), [run("裙", None)]);
        assert_eq!(marked("ab", &[]), [run("ab", None)]);
    }
}

//! The living page of the design: every component and its states, with made-up values.

use askama::Template;

use crate::PageFrame;
use crate::cells::Cell;
use crate::chart::{BarChart, ChartBar};
use crate::detail::{TimelineEntry, TimelinePosting};
use crate::tone::Tone;

/// The page.
#[derive(Template)]
#[template(path = "design.html")]
pub struct DesignPage {
    frame: PageFrame,
    states: Vec<(Tone, &'static str)>,
    tokens: [&'static str; 16],
    timeline: Vec<TimelineEntry>,
    chart: BarChart,
}

const TOKENS: [&str; 16] = [
    "ground",
    "sheet",
    "well",
    "rail",
    "line",
    "edge",
    "ink-2",
    "ink",
    "accent",
    "accent-soft",
    "act",
    "wait",
    "done",
    "move",
    "s2",
    "s3",
];

fn cell(text: &str, class: &'static str) -> Cell {
    Cell { text: text.to_owned(), class, ..Cell::default() }
}

impl DesignPage {
    #[must_use]
    pub fn new(frame: PageFrame) -> DesignPage {
        let words = frame.words;
        let states = Tone::ALL.map(|tone| {
            let key = match tone {
                Tone::Act => "design.tone_act",
                Tone::Wait => "design.tone_wait",
                Tone::Move => "design.tone_move",
                Tone::Done => "design.tone_done",
                Tone::End => "design.tone_end",
            };
            (tone, words.get(key))
        });
        let happened = |tone, what: &str, when: &str, batch: &str, postings| TimelineEntry {
            what: vec![what.to_owned()],
            tone,
            batch: batch.to_owned(),
            batch_href: None,
            when: when.to_owned(),
            by: Some(cell("10000031", "id")),
            by_kind: words.entry("word", "terminal").unwrap_or_default().to_owned(),
            command: Some("ResolvePurchase".to_owned()),
            command_href: None,
            of_commands: None,
            postings,
        };
        let state = |word| words.entry("word", word).unwrap_or_default();
        let posting = TimelinePosting {
            entry: "CardCollected".to_owned(),
            debit: cell("assets:receivable:network-1", "id"),
            credit: cell("liabilities:held:my-shop", "id"),
            amount: cell("199.00", "num"),
            href: None,
        };
        let timeline = vec![
            happened(Tone::Move, state("out"), "07:40:12", "17,102", Vec::new()),
            happened(Tone::Done, state("delivered"), "09:12:04", "17,880", vec![posting]),
            TimelineEntry {
                by: None,
                command: None,
                by_kind: String::new(),
                batch: String::new(),
                ..happened(Tone::Wait, words.get("design.next_step"), "18:00", "", Vec::new())
            },
        ];
        let bars = (8..20).map(|hour: i64| ChartBar {
            label: format!("{hour}"),
            values: vec![hour * 700, hour % 5 * 900, (20 - hour) * 500],
        });
        let method = |word| words.entry("word", word).unwrap_or_default().to_owned();
        let chart = BarChart {
            title: words.get("home.by_hour").to_owned(),
            series: vec![method("debit card"), method("QR"), method("cash")],
            bars: bars.collect(),
            highest: "16,900.00".to_owned(),
        };
        DesignPage { frame, states: states.to_vec(), tokens: TOKENS, timeline, chart }
    }
}

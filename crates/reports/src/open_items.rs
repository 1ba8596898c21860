use books::terminal_view::OpenItemView;
use books::{BatchLine, BusinessDate, LineDecision, OpenItemContent, OpenItemLine};
use engine::Engine;
use serde::Serialize;

/// A batch of a terminal that differs from the books. Amounts are in minor units, debits less
/// credits.
#[derive(Debug, Serialize)]
pub struct OpenItemReport {
    pub item: u64,
    pub terminal: u64,
    pub batch: u32,
    pub currency: &'static str,
    /// The day on which the batch was closed.
    pub opened: String,
    pub age_days: u16,
    /// The person id of the courier who had the terminal.
    pub owner: String,
    /// The terminal's amount minus that of the books, without decided lines.
    pub net: i128,
    /// Whether the terminal may still upload its lines.
    pub lines_expected: bool,
    /// While there are no lines.
    pub totals: Option<TotalsReport>,
    /// The differing lines, by STAN.
    pub lines: Vec<LineReport>,
}

/// Totals by card, and by cash and QR.
#[derive(Debug, Serialize)]
pub struct TotalsReport {
    pub books: [i128; 2],
    pub at_terminal: [i128; 2],
}

#[derive(Debug, Serialize)]
pub struct LineReport {
    pub stan: u32,
    pub books: Option<i128>,
    pub at_terminal: Option<i128>,
    pub decision: Option<LineDecision>,
}

impl OpenItemReport {
    #[must_use]
    pub fn of(view: &OpenItemView, today: BusinessDate) -> OpenItemReport {
        let (totals, lines) = match &view.content {
            OpenItemContent::Totals { ours, theirs } => {
                (Some(TotalsReport { books: ours.net(), at_terminal: theirs.net() }), Vec::new())
            }
            OpenItemContent::Lines(lines) => (None, lines.iter().map(line_report).collect()),
        };
        OpenItemReport {
            item: view.id.0,
            terminal: view.terminal.0,
            batch: view.batch,
            currency: view.currency.code(),
            opened: view.opened.to_string(),
            age_days: today.0.saturating_sub(view.opened.0),
            owner: view.owner.to_string(),
            net: view.content.net(),
            lines_expected: view.lines_expected,
            totals,
            lines,
        }
    }

    /// All open items, oldest first.
    #[must_use]
    pub fn all(engine: &Engine) -> Vec<OpenItemReport> {
        let today = engine.books().last_date();
        engine.books().open_items().map(|view| OpenItemReport::of(&view, today)).collect()
    }

    /// The number of lines that nothing has decided.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.lines.iter().filter(|line| line.decision.is_none()).count()
    }
}

fn line_report(line: &OpenItemLine) -> LineReport {
    LineReport {
        stan: line.stan.get(),
        books: line.ours.map(BatchLine::signed),
        at_terminal: line.theirs.map(BatchLine::signed),
        decision: line.decision,
    }
}

//! What a seller and a courier firm see first, and the statement of their accounts for some days.

use askama::Template;

use crate::PageFrame;
use crate::PageWords;
use crate::act::ActLink;
use crate::cells::Cell;
use crate::home::{HomeTile, OpenWork};

/// A short list on a page of its own party.
pub struct PortalTable {
    pub title: &'static str,
    /// All of it.
    pub href: Option<String>,
    pub note: String,
    /// The label of each column, and whether it has figures.
    pub columns: Vec<(&'static str, bool)>,
    pub rows: Vec<Vec<Cell>>,
    /// Under the figures.
    pub total: Option<Vec<String>>,
    /// What stands there without rows.
    pub none: &'static str,
}

impl PortalTable {
    /// A table by the keys of its title, of what stands there without rows, and of its columns.
    #[must_use]
    pub fn new(
        words: PageWords,
        (title, none): (&str, &str),
        columns: &[(&str, bool)],
        rows: Vec<Vec<Cell>>,
    ) -> PortalTable {
        PortalTable {
            title: words.get(title),
            href: None,
            note: String::new(),
            columns: columns.iter().map(|(key, is_figure)| (words.get(key), *is_figure)).collect(),
            rows,
            total: None,
            none: words.get(none),
        }
    }
}

/// A page of figures and short lists: the first one of a seller or a courier firm, the networks,
/// the system.
#[derive(Template)]
#[template(path = "portal.html")]
pub struct PortalPage {
    pub frame: PageFrame,
    /// The day, and when the party is paid next.
    pub lead: String,
    pub work: Vec<OpenWork>,
    pub flow_title: &'static str,
    /// The money from the door to the account, step by step, or figures beside each other.
    pub flow: Vec<HomeTile>,
    pub is_flow: bool,
    pub tables: Vec<PortalTable>,
    pub parcels: Vec<HomeTile>,
    pub acts: Vec<ActLink>,
}

/// An account of a statement.
pub struct StatementAccount {
    pub title: &'static str,
    /// As in `export --format hledger`.
    pub name: String,
    pub opening: String,
    pub change: String,
    pub closing: String,
}

/// A line of a statement: a command's postings for one payment.
pub struct PartyLine {
    pub day: String,
    pub what: String,
    /// The order.
    pub about: Cell,
    /// The change of each account.
    pub changes: Vec<String>,
    /// Of all accounts, after it.
    pub balance: String,
}

/// The statement of a party's accounts in a currency for some days.
#[derive(Template)]
#[template(path = "party_statement.html")]
pub struct PartyStatementPage {
    pub frame: PageFrame,
    pub party: String,
    pub party_href: Option<String>,
    pub period: String,
    pub currency: String,
    /// Other currencies, and other days.
    pub choices: Vec<ActLink>,
    pub path: String,
    pub from: String,
    pub until: String,
    pub at: Option<u64>,
    pub error: Option<String>,
    pub accounts: Vec<StatementAccount>,
    /// Of all accounts.
    pub sum: StatementAccount,
    /// What happened, with what it moved in all.
    pub parts: Vec<(String, String)>,
    pub lines: Vec<PartyLine>,
    /// Where the lines of an earlier page ended.
    pub carried: Option<String>,
    pub more: Option<String>,
    pub csv: String,
}

impl PartyStatementPage {
    fn title_at(&self, place: &usize) -> &'static str {
        self.accounts.get(*place).map_or("", |account| account.title)
    }
}

/// A line of a file that was left out.
pub struct BadOrderLine {
    pub line: String,
    pub column: String,
    pub reason: String,
    pub left_out: String,
}

/// What came of a file of orders.
pub struct ImportedOrders {
    pub notice: String,
    pub tone: crate::Tone,
    pub tiles: Vec<HomeTile>,
    pub bad: Vec<BadOrderLine>,
    /// There are more.
    pub more: Option<String>,
    /// Orders that the books refuse, and orders that the profile leaves out.
    pub others: Vec<String>,
    /// Warnings of the profile.
    pub warning: Option<String>,
    /// Where what was taken is, and what the link says.
    pub taken: Option<(String, &'static str)>,
}

/// What came of a list of closings.
pub struct ClosingsReport {
    pub notice: String,
    pub tone: crate::Tone,
    pub tiles: Vec<HomeTile>,
}

/// The list of what is open, and the form that takes it back filled in.
#[derive(Template)]
#[template(path = "closings.html")]
pub struct ClosingsPage {
    pub frame: PageFrame,
    pub csrf: String,
    /// Where the list is.
    pub list: &'static str,
    /// The list of breaks as a page.
    pub breaks: String,
    /// What a row can be closed with, and what it is for.
    pub resolutions: Vec<(&'static str, &'static str)>,
    pub second_factor: Option<crate::SecondFactorField>,
    pub error: Option<String>,
    /// The wrong rows.
    pub faults: Vec<String>,
    pub report: Option<ClosingsReport>,
}

/// The form that takes a file of orders, or of offers.
#[derive(Template)]
#[template(path = "import.html")]
pub struct ImportPage {
    pub frame: PageFrame,
    pub csrf: String,
    pub lead: &'static str,
    pub path: &'static str,
    /// Of offers for which the file names none.
    pub category: Option<String>,
    /// Each profile, what it reads, and whether it is chosen.
    pub profiles: Vec<(String, String, bool)>,
    /// For who may send orders of every seller.
    pub seller: Option<String>,
    pub currency: String,
    pub error: Option<String>,
    pub report: Option<ImportedOrders>,
}

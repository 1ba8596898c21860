//! The pages that people see, as values: rows and figures go in, HTML comes out.
//!
//! The console is one design: tokens, components and their states are on the page `/design` of a
//! demonstration and in docs/design.md. Pages work without scripts; scripts add keys and live
//! lists. PageWords are in `texts/{en,zh}.toml`; money and dates have the form of the language.
//!
//! Never: HTTP, SQL, the books, a clock, a rule of money or of access, an inline script or style.
//!
//! Start at [`PageFrame`], [`ListPage`] and [`DetailPage`].

pub mod assets;
pub mod forms;
pub mod phone;
pub mod pulse;
pub mod shop;
pub mod texts;

mod act;
mod bank_accounts;
mod cells;
mod chart;
mod columns;
mod design;
mod detail;
mod frame;
mod home;
mod links;
mod list;
mod messages;
mod nav;
mod period;
mod policy;
mod portal;
mod sign_ins;
mod tone;

pub use act::{
    ActControl, ActDonePage, ActField, ActLink, ActOption, ActPage, ActSubject, ActsPage,
    ChoicesFragment, ProposalPage, ProposedChange, SECOND_FACTOR, SecondFactorField, WaitingLine,
    WaitingPage,
};
pub use bank_accounts::{BankAccountsPage, ShownAccount};
pub use cells::{
    Cell, PageRow, PartyNames, RowContext, party_view, row_key, view_of, view_of_word,
};
pub use chart::{BarChart, ChartBar};
pub use columns::{DETAIL_ONLY, label, list_columns};
pub use design::DesignPage;
pub use detail::{
    DetailPage, RelatedLink, RowComparison, StatementLine, TimelineEntry, TimelinePosting,
    batch_text, changes, compare, related,
};
pub use frame::{DemoRole, FramePosition, PageFrame, Theme, Viewer};
pub use home::{DayChart, HomePage, HomeTile, OpenWork};
pub use links::{Link, list_path};
pub use list::{FieldForm, FilterChip, FilterField, ListHeader, ListPage, ListRequest, ListRow};
pub use messages::{ErrorPage, FoundGroup, SearchPage};
pub use nav::{NavGroup, NavLink, nav_groups};
pub use period::{PackedParcel, PackingPage, PeriodPage, PeriodText};
pub use policy::{MarkedPart, PolicyDays, PolicyItem, PolicyPage, PolicySection};
pub use portal::{
    BadOrderLine, ClosingsPage, ClosingsReport, ImportPage, ImportedOrders, PartyLine,
    PartyStatementPage, PortalPage, PortalTable, StatementAccount,
};
pub use sign_ins::{
    OwnSignInLine, OwnSignInPage, OwnSignInTable, PersonPage, SignInPage, SignInStep, SignedInPage,
};
pub use texts::PageWords;
pub use tone::{Tone, tone};

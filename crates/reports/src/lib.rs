//! Reports computed from the journal of a data directory: balances, the day's sums, a payout's
//! explanation, the check of all money rules, exports for other programs, payout files, the
//! list of all commands.
//!
//! A report is a value, or is written to a file or to a given [`std::io::Write`].
//!
//! Never: changes of the books, reading the command line, printing, or the choice of a language.
//!
//! Start at [`verify_books`], [`explain_payout`], [`export_postings`], [`read_commands`] and
//! [`DaySums`].

mod account_names;
mod announcements;
mod balances;
mod books;
mod command_filter;
mod commands;
mod day_sums;
mod error;
mod explain;
mod export;
mod field_types;
mod journal_audit;
mod open_differences;
mod open_items;
mod payouts;
mod verify;

pub use account_names::{AccountNameStyle, AccountNames};
pub use announcements::read_announcements;
pub use balances::{BalanceSums, NamedBalance, TrialBalance};
pub use books::replay_all;
pub use command_filter::CommandFilter;
pub use commands::{
    AppliedCommand, CommandPosition, CommandPositionError, MovedAmount, ObservedEvent,
    PartyReference, UnknownCondition, read_commands, utc_offset_text,
};
pub use day_sums::{DaySums, EventSum, ExecutedPlan};
pub use error::{ExplainError, ExportError, PayoutWriteError, ReportError};
pub use explain::{
    Explanation, ExplanationRow, FeeCalculation, TermsSource, explain_payout, fee_calculations,
    method_name,
};
pub use export::{ExportFormat, export_postings};
pub use field_types::{FieldType, FieldTypes, FieldVariant};
pub use open_differences::{BreakReport, OpenDifferences, OpenItemEvidence, open_differences};
pub use open_items::{LineReport, OpenItemReport, TotalsReport};
pub use payouts::{write_message, write_messages, write_payouts_csv};
pub use verify::{BooksReport, CurrencySum, SellerDebtReport, verify_books};

//! Reports computed from the journal of a data directory: balances, the day's sums, a payout's
//! explanation, the check of all money rules, exports for other programs, payout files, the
//! list of all commands; and what the books say now of parcels, cash, sellers and accounts.
//!
//! A report is a value, or is written to a file or to a given [`std::io::Write`].
//!
//! Never: changes of the books, reading the command line, printing, or the choice of a language.
//!
//! Start at [`BooksAtHead`], [`verify_books`], [`explain_payout`], [`export_postings`],
//! [`read_commands`] and [`DaySums`].

mod account_names;
mod account_postings;
mod announcements;
mod arrivals;
mod at_head;
mod balances;
mod books;
mod cash;
mod command_filter;
mod commands;
mod costs;
mod day_sums;
mod decided;
mod error;
mod explain;
mod export;
mod fee_calculations;
mod field_types;
mod firm_statement;
mod journal_audit;
mod network_exit;
mod open_differences;
mod open_items;
mod parcels;
mod payouts;
mod promotion_preview;
mod recon_breaks;
mod recon_status;
mod route_candidates;
mod sent_requests;
mod statement;
mod status;
mod verify;
mod waiting;

pub use account_names::{AccountNameStyle, AccountNames, owner_id_type};
pub use account_postings::{AccountPostings, PostingRange, PostingRow, account_postings};
pub use announcements::{read_announcements, read_submissions};
pub use arrivals::{
    Arrival, ArrivalKind, ArrivalState, DueDay, ExpectedArrivals, OverdueFile, overdue_files,
};
pub use at_head::BooksAtHead;
pub use balances::{
    BalanceSides, BalanceSums, NamedBalance, TrialBalance, debits_less_credits, trial_balance_on,
};
pub use books::replay_all;
pub use cash::{
    CourierCashReport, DepositReport, FirmCashReport, OpenHandOverReport, cash_custody,
};
pub use command_filter::CommandFilter;
pub use commands::{
    AppliedCommand, CommandPosition, CommandPositionError, MovedAmount, ObservedEvent, Parties,
    PartyReference, RecordedCommand, UnknownCondition, currency_in_market, just_carried_out,
    local_time, read_commands, utc_offset_text,
};
pub use costs::{
    ByComponent, CollectionCost, CostBook, CostComponent, CostGroup, CostKey, CostListRow,
    CostReport, CostSettings, CostSettingsError, CostSums, DriftReport, FeeDrift, RouteCost,
    RoutingSums, TerminalCost, TerminalRates, UnknownInCosts, WhatIf, WhatIfError, WhatIfGroup,
    WhatIfNetwork, last_collection_day, measure_what_if, what_if,
};
pub use day_sums::{DaySums, EventSum, ExecutedPlan, LateAccount, MarketSums, PayoutEnd};
pub use decided::{
    AppealCounts, AppealShown, AutomationCounts, BaselineCounts, BaselineShown, DecisionShown,
    MeasureCounts, PlatformTerms, PolicyReport, PolicyRuleReport, PolicyShown, RateInterval,
    ReasonShown, RefusedStatement, RuleShown, SampleReport, StatementFault, StatementOfReasons,
    VerdictShown, VersionShown, appeals_shown, decisions_shown, held_shown, policy_report,
    policy_shown, statement, statements, wilson,
};
pub use error::{ExplainError, ExportError, PayoutWriteError, ReportError};
pub use explain::{Explanation, ExplanationRow, TermsSource, explain_payout};
pub use export::{ExportFormat, export_postings};
pub use fee_calculations::{FeeCalculation, charge_calculations, fee_calculations, method_name};
pub use field_types::{FieldType, FieldTypes, FieldVariant};
pub use firm_statement::{EarnedByMethod, FirmStatementReport, firm_statement};
pub use network_exit::{
    AffectedReport, CardRangeUse, DayOwed, DrillError, ExitBreak, ExitDrill, ExitFacts, ExitFile,
    ExitReport, ExitStep, ForecastBasis, MovedSums, PendingCount, RouteDay, RunDownDay, TailReport,
    WayOut, ZeroForecast,
};
pub use open_differences::{
    BreakReason, BreakReport, BreakSource, OpenDifferences, OpenItemEvidence, ProposedResolution,
    open_differences, resolution_text,
};
pub use open_items::{LineReport, OpenItemReport, TotalsReport};
pub use parcels::{
    ParcelFilter, ParcelListReport, ParcelRow, ParcelSums, list_parcels, parcel_state_name,
};
pub use payouts::{
    PayoutMessage, made_up_creditor, made_up_debtor, message_text, payout_seller, write_message,
    write_payouts_csv, write_trial_messages,
};
pub use promotion_preview::{
    PreviewError, PreviewNeed, PreviewPeriod, PreviewedOrders, PreviewedPromotion,
    PromotionPreview, preview_promotions,
};
pub use recon_breaks::{BREAK_PREFIX, OpenReconKind, OpenReconRow, ReconBreakFilter, recon_breaks};
pub use recon_status::{
    BankLaneReport, ExpectedReport, LaneFileReport, LaneReport, LaneSummary, MovementReport,
    PartReport, ReconStatus,
};
pub use route_candidates::{BegunPurchase, begun_purchases};
pub use sent_requests::{JournaledRequest, RequestNumbers, find_sent_requests};
pub use statement::{
    InvoiceReport, OfflineLossReport, PlannedPayoutReport, ReleaseReport, SellerAccountReport,
    SentPayoutReport, StatementReport, seller_statement,
};
pub use status::{
    BalanceReport, DifferenceCount, OpenPlanReport, OwedReport, PayableReport, RailReport,
    StatusReport, TermsToComeCount, rails,
};
pub use verify::{BooksReport, CurrencySum, SellerDebtReport, verify_books, verify_books_with};
pub use waiting::{
    MOVEMENT_KINDS, WaitingFilter, WaitingItem, WaitingKind, WaitingList, WaitingTotal,
    movement_name, movement_text, waiting_list,
};

//! The books of cash-on-delivery payments as a pure state machine.
//!
//! [`Books::apply`] takes a command and a time. It returns events and postings, or a refusal that
//! changes nothing. The same commands give the same books, bit for bit, on any machine (M11).
//!
//! It never uses a clock, randomness, I/O, floats, SQL, or an iteration order that depends on a
//! hash. Start at [`Books::apply`]. Commands and events are in [`command`] and [`event`], the
//! chart of accounts in [`chart`]. Queries are in [`view`]; those about terminals and networks in
//! [`terminal_view`], about parcels in [`parcel_list`], about cash in [`cash_view`], about terms
//! and suspensions in [`party_view`], about what sellers get in [`statement_view`], and about what
//! they owe in [`settlement_view`], and about files in [`reconciliation_view`].

pub mod chart;
pub mod command;
pub mod event;
pub mod view;
pub mod waiting;

mod books;
mod breaks;
mod cash;
mod charted_ledger;
mod check;
mod clearing;
mod evidence;
mod had_part;
mod ids;
mod limits;
mod next_number;
mod outcome;
mod parcel;
mod party;
mod payment;
mod period;
mod posting;
mod reconciliation;
mod reference_data;
mod refusal;
mod settlement;
mod sha256;
mod slot_table;
mod snapshot;
mod terminal;
mod together;
mod used_numbers;
mod vocabulary;

pub use books::{Books, Digest, Now, check_amounts, check_identifier, used_identifier};
pub use breaks::record::{BreakEvidence, LineDifference};
pub use cash::code_mac::CodeMac;
pub use cash::view as cash_view;
pub use command::*;
pub use event::{CommandOutcome, Event, PayoutLine, Posting, PostingStage, TariffVersion};
pub use evidence::{CommandMoment, EVIDENCE_COMMANDS_MAX};
pub use had_part::{PersonPart, StateNow};
pub use ids::*;
pub use machine::{ApiKeyId, DAY_MS, Timestamp, UTC_OFFSET_MINUTES_MAX};
pub use parcel::list as parcel_list;
pub use parcel::out::{ParcelOut, ParcelsOut};
pub use party::access::ApiKeyView;
pub use party::payout_account::PayoutAccountView;
pub use party::time_zone::TimeZone;
pub use party::view as party_view;
pub use payment::codes::{
    AuthorisationCode, CardToken, CodeError, ResponseCode, RetrievalReference, Stan,
    WalletPaymentId,
};
pub use period::trial_balance_digest;
pub use reconciliation::sheet as sheet_view;
pub use reconciliation::view as reconciliation_view;
pub use refusal::{ContradictedLine, MissingRecord, Refusal, TextFault};
pub use settlement::record::StatementParts;
pub use settlement::statement_view;
pub use settlement::view as settlement_view;
pub use sha256::Sha256Digest;
pub use snapshot::{
    ChunkId, DecodedBooksPart, EveryPart, PartSink, RestoreError, SNAPSHOT_PART_BYTES, Snapshot,
    UncheckedBooks,
};
pub use terminal::duplicate_key::{DuplicateKey, DuplicateSubject};
pub use terminal::phone::{PHONE_TERMINALS, PhoneView};
pub use terminal::rrn::Rrn;
pub use terminal::transaction::*;
pub use terminal::used_stans::{FinalDecline, RequestDigest};
pub use terminal::view as terminal_view;

pub use used_numbers::UsedNumbers;

pub use tariff::BusinessDate;

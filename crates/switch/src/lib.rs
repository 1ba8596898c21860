//! The switch connects terminals to card networks, wallets and the books.
//!
//! It does no I/O. The caller hands in messages, results from the books and the current time; the
//! switch returns what to send, apply and report as [`Output`]. The same code runs behind sockets,
//! in simulated days and in tests of every order of arrival.
//!
//! Never: sockets, a clock, threads, the ledger; an approval before it is durable (M3); a card
//! number, PIN or key kept longer than its message or shown in an output (M12).
//! Start at [`Switch`]. The protocols are specified in docs/door.

mod batches;
mod card;
mod expiry;
mod follow_up;
mod in_flight;
mod link;
mod links;
mod network;
mod network_requests;
mod operator_event;
mod payments;
mod port;
mod qr_orders;
mod request;
mod response_code;
mod responses;
mod resume;
mod retention;
mod reversal_queue;
mod route;
mod session;
mod settings;
mod switch;
mod terminal_messages;
mod terminal_reversals;
mod time_fields;
mod timers;
mod wallets;
pub mod waybill;

pub use operator_event::OperatorEvent;
pub use port::{
    LinkId, OrderStatus, Output, Query, QueryResult, TerminalConnection, WalletNotification,
    WalletOutcome, WalletReply,
};
pub use resume::{ResumeError, Unfinished};
pub use settings::{
    ANSWER_S_MIN, BinRange, ECHO_S_MIN, MerchantSettings, NetworkSettings, Settings, SettingsError,
    TerminalSettings, Timing, WalletSettings, in_range,
};
pub use switch::Switch;
pub use time_fields::Rrn;

//! The switch: terminals on one side, card networks and wallets on the other, the books below.
//!
//! A value: messages, answers of the books and the time come in by methods, what is to be sent,
//! carried out or told comes out as [`Output`]. The same code runs behind sockets, in simulated
//! days and in tests of every order of arrival.
//!
//! Never: sockets, a clock, threads, the ledger; an approval that is not durable (M3); a card
//! number, PIN or key that outlives its message or shows in an output (M12).
//! Start at [`Switch`]; the protocols are in docs/door.

mod about;
mod answers;
mod batches;
mod card;
mod chase;
mod code;
mod expiry;
mod forgetting;
mod happening;
mod hearing;
mod link;
mod links;
mod moment;
mod money_back;
mod network;
mod payments;
mod port;
mod qr_orders;
mod request;
mod resume;
mod reversals;
mod route;
mod session;
mod settings;
mod steps;
mod switch;
mod timers;
mod wallets;
pub mod waybill;
mod works;

pub use code::Code;
pub use happening::Happening;
pub use port::{
    Fact, Line, LinkId, OrderStanding, Output, Question, WalletNote, WalletOutcome, WalletPayment,
    WalletReply,
};
pub use resume::{ResumeError, Unfinished};
pub use settings::{
    ANSWER_S_MIN, BinRange, ECHO_S_MIN, MerchantSettings, NetworkSettings, Settings, SettingsError,
    TerminalSettings, Timing, WalletSettings, in_range,
};
pub use switch::Switch;

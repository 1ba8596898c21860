//! The API over HTTP: commands, proposals, files, looks and sessions, for persons and API keys.
//!
//! The router, the OpenAPI document and the reference page are built from one table of operations,
//! which follows from the declarations of commands and views. A request is authenticated, counted,
//! read strictly, filled in as the office does it, permitted by [`access::Principal::may`], and
//! given to the node. A refusal is a problem of its own type (RFC 9457).
//!
//! Never: rules of money, what a role may do, a key or a password in an answer, a log or a URL.
//!
//! Start at [`WebServer::start`] and [`operations::OPERATIONS`].

pub mod asked_views;
pub mod limits;
pub mod monitoring;
pub mod openapi;
pub mod operations;
pub mod problem;
pub mod system;

mod address_connections;
mod answers;
mod app;
mod bare_errors;
mod checkout_line;
mod console;
mod cursor;
mod field_forms;
mod handlers;
mod http_server;
mod idempotency;
mod json;
mod listing_stores;
mod notice_rows;
mod phone;
mod prefixes;
mod provider;
mod pulse_figures;
mod query;
mod readers;
mod recorder;
mod reference;
mod remedies;
mod senders;
mod sent_fields;
mod server;
mod shop;
mod slow_readers;
mod streamed;
mod times;
mod trial_roles;
mod view_values;
mod words;
mod workers;

pub use app::{
    DemoAct, DemoActs, OverdueArrivals, POSITION, PayoutDay, SESSION_COOKIE, WebParts, WebTexts,
};
pub use http_server::AnswerCounts;
pub use phone::AskSwitch;
pub use provider::ProviderSettings;
pub use server::{WebError, WebListen, WebServer};
pub use shop::{ShopCategory, ShopSettings};
pub use trial_roles::{TRIAL_ROLES_PATH, TrialRole};
pub use workers::MakeGiver;

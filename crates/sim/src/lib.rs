//! Simulates days of couriers in virtual time: sellers, couriers, terminals, networks, a wallet,
//! hubs and a bank act, and the engine decides.
//!
//! The switch is the product's own; terminals and networks are those of `peers`. Their messages
//! travel through sockets of this machine. The simulation drives both ends and sets the time.
//!
//! A day is a function of its inputs, its seed and the days before it: the same inputs give the
//! same commands, bit for bit. An interrupted day is continued, and a later day is begun, by
//! running the days again against the journal's content ([`ResumedDay`]). The simulated world and
//! its networks keep their own books, so that the engine's books can be compared with them item by
//! item ([`compare`], [`compare_networks`]).
//!
//! Never: a clock, files, threads, floats, text for people; anything that the product needs at run
//! time.
//! Start at [`run_day`]. It takes [`DayInputs`] and [`DayOptions`] and returns a [`SimulatedDay`].
//! [`SimulatedDays`] lives day after day on the same books.
//! The rates of events are in [`rates`].

pub mod rates;

mod actors;
mod after_clearing;
mod backend;
mod books;
mod chance;
mod clearing_files;
mod clock;
mod command_sender;
mod compare;
mod counterparty;
mod day;
mod generated;
mod inputs;
mod networks;
mod payment_path;
mod report;
mod resumed;
mod schedule;
mod script;
mod settle;
mod setup;
mod tally;
mod world;

pub use actors::{APPROVER, PLANNER};
pub use backend::{Backend, BackendReply, DayError};
pub use books::{
    BankLine, BankLineKind, BreakCause, CashPayment, CourierCash, ExpectedBreak, FirmCash,
    LostLine, NetworkBooks, NetworkItem, NetworkItemStatus, ParcelLocation, ParcelOutcome,
    RailAnswer, RailBooks, RailItem, SellerBalance, TerminalCounters, WorldReport,
};
pub use command_sender::COMMANDS_PER_CALL_MAX;
pub use compare::{LookAt, WorldDifference, compare};
pub use counterparty::{
    CounterpartyDay, CounterpartyFile, CounterpartyForm, CounterpartyWriter, PlantedFault, RailDay,
    RailLine,
};
pub use day::{DayProgress, DayStage, SimulatedDay, SimulatedDays, run_day};
pub use generated::{GeneratedOrder, generate_orders, generate_orders_of_day};
pub use inputs::{
    DUE_MAX, DayInputError, DayInputs, DayOptions, FIRMS_MAX, OrderSource, PARCELS_PER_COURIER_MAX,
    ParcelInput, PartyFiles, PaymentMix, SimulatedWithdrawal, SoldParcel, check_after_days,
    check_inputs, check_later_inputs,
};
pub use networks::{NetworkComparison, compare_networks};
pub use payment_path::{PaymentPathCounts, PaymentPathError};
pub use rates::Rates;
pub use report::{
    BooksCounts, ByPaymentMethod, CountAndAmount, DayReport, FeeTotals, FirmSummary,
    HandOverCounts, Incidents, PayoutOutcome, PayoutRecord,
};
pub use resumed::{EnginePosition, ResumeDayError, ResumedDay};
pub use setup::{office_persons, opening_commands, seller_registration};
pub use switch::{Query, QueryResult};
pub use world::{LossBearer, UnreadableTariff};

//! The couriers' day in virtual time: a world of sellers, couriers, terminals, networks, a wallet,
//! hubs and a bank acts; the books decide.
//!
//! Terminals, the switch and the networks are the real ones: their messages travel through sockets
//! of this machine. Who moves them owns both ends, and time is virtual.
//!
//! Everything that happens is a function of the inputs and the seed: the same inputs give the same
//! commands, bit for bit, so that a day that was interrupted is continued by living it again
//! against what the journal already has ([`Continued`]). The world keeps its own books of what it
//! did, and networks keep theirs, so that the engine's can be compared with them item by item
//! ([`compare`], [`compare_networks`]).
//!
//! Never: a clock, files, threads, floats, text for people; anything that the product needs at run
//! time.
//! Start at [`run_day`]; what goes in is [`DayInputs`] and [`DayOptions`], what comes out a
//! [`Day`]. How often what happens is in [`rates`].

pub mod rates;

mod agenda;
mod books;
mod chance;
mod clock;
mod compare;
mod continued;
mod day;
mod desk;
mod doors;
mod fate;
mod inputs;
mod made;
mod networks;
mod office;
mod report;
mod settle;
mod setup;
mod tally;
mod world;

pub use books::{
    BankLine, BankLineKind, BreakCause, CashTaking, CourierPocket, FirmVault, ItemStanding,
    NamedBreak, NetworkBooks, NetworkItem, ParcelEnding, RailAnswer, RailBooks, RailItem,
    SellerShare, TerminalBooks, Whereabouts, WorldReport,
};
pub use compare::compare;
pub use continued::{ContinueError, Continued, Standing};
pub use day::{Day, Progress, Stage, run_day};
pub use desk::COMMANDS_PER_CALL_MAX;
pub use doors::{DoorCounts, DoorError};
pub use inputs::{
    DUE_MAX, DayInputs, DayOptions, FIRMS_MAX, InputError, Origin, PARCELS_PER_COURIER_MAX,
    ParcelInput, TenderMix, check_inputs,
};
pub use made::{MadeOrder, made_orders};
pub use networks::{NetworkAgreement, compare_networks};
pub use office::{Answer, DayError, Office};
pub use rates::Rates;
pub use report::{
    ByTender, Counts, DayReport, FeeTotals, FirmDay, HandOvers, Incidents, PayoutEnd, PayoutRecord,
    Sum,
};
pub use switch::{Fact, Question};

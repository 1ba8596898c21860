//! The people and things of the world.

use std::collections::VecDeque;

use engine::{CourierId, DepositId, FirmId, ParcelId, SellerId, TerminalId};

use crate::books::Whereabouts;
use crate::chance::Chance;
use crate::fate::Fate;
use crate::world::Payment;

/// A seller.
pub(crate) struct Seller {
    pub id: SellerId,
    pub reference: String,
    /// What the bank has paid.
    pub paid: u64,
}

/// A parcel.
pub(crate) struct Parcel {
    pub id: ParcelId,
    /// By place.
    pub seller: usize,
    pub firm: usize,
    pub order_reference: String,
    /// What is due; less once a part is taken.
    pub due: u64,
    /// What is paid of it, as the courier knows it.
    pub paid: u64,
    /// Payments that were tried.
    pub tenders: u8,
    pub attempts: u8,
    pub whereabouts: Whereabouts,
    pub fate: Fate,
    /// Which of the fate's means is next.
    pub way: usize,
    /// Which of the fate's declines is next.
    pub declines: usize,
}

/// A courier firm with its hub.
pub(crate) struct Firm {
    pub id: FirmId,
    pub reference: String,
    pub vault: u64,
    /// Deposits on their way to the bank.
    pub deposits: Vec<(DepositId, u64)>,
    /// How many there were.
    pub deposit_count: u32,
}

/// A courier with a terminal.
pub(crate) struct Courier {
    pub id: CourierId,
    pub firm: usize,
    pub reference: String,
    pub terminal: TerminalId,
    /// What is being paid at it.
    pub paying: Option<Payment>,
    /// The most that it may approve itself; nothing where it may not.
    pub offline: u64,
    /// It is going to lose its memory once.
    pub forgets: bool,
    /// The doors to go to.
    pub stops: VecDeque<usize>,
    /// Parcels that came back to the hub and go out again.
    pub again: Vec<usize>,
    pub chance: Chance,
    pub was_at_hub: bool,
    /// What should be in the pocket.
    pub should_have: u64,
    /// What is.
    pub has: u64,
    pub owes: u64,
    pub hand_overs: u32,
}

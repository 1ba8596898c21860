//! The parties and parcels of the simulated world.

use std::collections::VecDeque;

use books::{
    BusinessDate, CourierId, DepositId, DispatchedParcel, FirmId, ParcelId, SellerId, TerminalId,
};

use crate::books::ParcelLocation;
use crate::chance::Chance;
use crate::inputs::SoldParcel;
use crate::script::ParcelScript;
use crate::world::CourierPayment;
use crate::world::exceptions::ParcelExceptions;

pub(crate) struct SimulatedSeller {
    pub id: SellerId,
    pub reference: String,
    /// Paid out by the bank.
    pub paid: u64,
}

pub(crate) struct SimulatedParcel {
    pub id: ParcelId,
    /// Index of the seller.
    pub seller: usize,
    pub firm: usize,
    pub order_reference: String,
    /// Amount due; reduced when only a part is accepted.
    pub due: u64,
    /// Amount paid, as the courier knows it.
    pub paid: u64,
    /// How often a terminal asked for its money.
    pub requests: u32,
    pub attempts: u8,
    pub location: ParcelLocation,
    /// Index of the courier who took it out last.
    pub courier: Option<usize>,
    pub delivered_on: Option<BusinessDate>,
    pub returned_on: Option<BusinessDate>,
    pub script: ParcelScript,
    pub exceptions: ParcelExceptions,
    /// Of the market: its units that the buyer has not refused.
    pub ordered: SoldParcel,
    /// Amount due when it was announced.
    pub due_announced: u64,
    /// Index of the next method in the script.
    pub method_index: usize,
    /// Index of the next decline in the script.
    pub decline_index: usize,
}

impl SimulatedParcel {
    /// A parcel at the hub, with nothing paid.
    pub(crate) fn announced(
        id: ParcelId,
        seller: usize,
        (order_reference, due): (&str, u64),
        script: ParcelScript,
        exceptions: ParcelExceptions,
    ) -> SimulatedParcel {
        SimulatedParcel {
            id,
            seller,
            firm: script.firm,
            order_reference: order_reference.to_owned(),
            due,
            paid: 0,
            requests: 0,
            attempts: 0,
            location: ParcelLocation::AtHub,
            courier: None,
            delivered_on: None,
            returned_on: None,
            script,
            exceptions,
            ordered: SoldParcel::default(),
            due_announced: due,
            method_index: 0,
            decline_index: 0,
        }
    }

    /// The parcel of the order's next shipment, for the same amount.
    pub(crate) fn next_shipment(&self) -> SimulatedParcel {
        let exceptions = self.exceptions.of_next_shipment();
        let first = self.id.shipment(self.exceptions.shipment);
        let mut script = self.script;
        (script.refusal, script.failed_attempts) = (None, Default::default());
        let id = first.shipment(exceptions.shipment);
        let order = (self.order_reference.as_str(), self.due_announced);
        SimulatedParcel::announced(id, self.seller, order, script, exceptions)
    }

    /// What Doorstep pays of its discounts when it is delivered.
    pub(crate) fn discount(&self) -> u64 {
        let units: u64 = self.ordered.units.iter().map(|(_, pays)| pays).sum();
        units + self.ordered.delivery
    }

    /// The parcel on its way to its next delivery attempt.
    pub(crate) fn next_attempt(&self) -> DispatchedParcel {
        DispatchedParcel { parcel: self.id, attempt: self.attempts + 1 }
    }
}

pub(crate) struct SimulatedFirm {
    pub id: FirmId,
    pub reference: String,
    /// Announced deposits that the bank has not credited.
    pub deposits: Vec<DepositId>,
    pub deposit_count: u32,
    /// How often it was paid, what it was paid, and the part of that which was withheld as tax.
    pub payments: u32,
    pub paid: u64,
    pub withheld: u64,
}

pub(crate) struct SimulatedCourier {
    pub id: CourierId,
    pub firm: usize,
    pub reference: String,
    pub terminal: TerminalId,
    /// The payment in progress at the terminal.
    pub current_payment: Option<CourierPayment>,
    /// Offline limit of the terminal, in minor units; 0 forbids offline sales.
    pub offline_limit: u64,
    /// The terminal is going to lose its memory once.
    pub loses_memory: bool,
    /// Parcels still to deliver, by index.
    pub stops: VecDeque<usize>,
    /// Parcels at the hub that go out again, by index.
    pub retry_parcels: Vec<usize>,
    pub chance: Chance,
    pub was_at_hub: bool,
    /// Cash in hand by the payments collected.
    pub expected_cash: u64,
    pub hand_overs: u32,
    /// Shortages repaid so far.
    pub repayments: u32,
    /// Number of the terminal's last offline limit, block or unblock.
    pub terminal_changes: u32,
}

//! Couriers' phones, which show the codes of wallets. The books know a phone as a terminal whose
//! number is in [`PHONE_TERMINALS`]: it has batches, a courier, and can be blocked.

use std::ops::RangeInclusive;

use money::Amount;

use crate::books::Books;
use crate::ids::{CourierId, ParcelId, PaymentId, TerminalId};
use crate::terminal::batches::Transaction;
use crate::terminal::transaction::{BatchTotals, Trace};
use crate::terminal::view::{TerminalView, TransactionView};
use crate::view::ParcelState;

/// The terminal numbers of couriers' phones.
pub const PHONE_TERMINALS: RangeInclusive<u64> = 90_000_000..=99_999_999;

/// What a courier's phone asks about a parcel at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneView {
    /// The courier's phone, as terminal, with the totals of its last batch. `None` if it was not
    /// registered.
    pub phone: Option<(TerminalId, TerminalView, BatchTotals)>,
    /// The courier has another terminal that is not blocked.
    pub has_terminal: bool,
    /// What is left to collect for the parcel. `None` if the courier does not have it out.
    pub left: Option<Amount>,
    /// The number of the parcel's next payment.
    pub next_payment: u8,
    /// The order of the payment that was asked about, if a phone of the courier showed it.
    pub order: Option<TransactionView>,
}

impl Books {
    /// What a courier's phone asks about a parcel and one of its payments. Looks at all terminals.
    #[must_use]
    pub fn phone_view(&self, courier: CourierId, payment: PaymentId) -> PhoneView {
        let number = self.couriers.number(courier);
        let own = self.terminals.iter().filter(|one| Some(one.courier) == number);
        let (phones, others): (Vec<_>, Vec<_>) =
            own.partition(|one| PHONE_TERMINALS.contains(&one.id.0));
        let phone = phones.iter().find_map(|one| {
            let view = self.terminal_view(one.id)?;
            let totals = self.batch_totals(one.id, view.batch).unwrap_or_default();
            Some((one.id, view, totals))
        });
        let parcel = payment.parcel;
        let is_own =
            |order: &TransactionView| phones.iter().any(|one| one.id == order.trace.terminal);
        PhoneView {
            phone,
            has_terminal: others.iter().any(|one| !one.blocked),
            left: self.left_with(courier, parcel),
            next_payment: self.last_payment_number(parcel).saturating_add(1),
            order: self.order_of(payment).filter(is_own),
        }
    }

    fn left_with(&self, courier: CourierId, parcel: ParcelId) -> Option<Amount> {
        let listed = self.listed_parcel(parcel)?;
        let is_out = listed.view.state == ParcelState::Out;
        (is_out && listed.courier == Some(courier)).then_some(listed.left)
    }

    /// The wallet's order of a payment.
    fn order_of(&self, payment: PaymentId) -> Option<TransactionView> {
        let slot = self.terminal_batches.find_by_payment(payment, Transaction::is_wallet_order)?;
        let order = self.terminal_batches.get(slot);
        let terminal = self.terminals.get(order.terminal).id;
        self.wallet_order(Trace { terminal, batch: order.batch, stan: order.stan })
    }
}

//! The parcels, amounts and cards of the door benchmark and of trials, by terminal and index.

use books::ParcelId;
use money::Amount;
use peers::TestCard;
use peers::card::EntryMode;

use crate::opening;
use crate::{Sale, SaleSource};

/// Parcels of a terminal.
pub const PARCELS_EACH_MAX: u32 = 1 << 20;

#[must_use]
pub fn parcel_id(terminal: u32, number: u32) -> ParcelId {
    let one = u64::from(terminal) << 20 | u64::from(number % PARCELS_EACH_MAX);
    opening::parcel_id(one)
}

/// The amount due of a parcel.
#[must_use]
pub fn amount(terminal: u32, number: u32) -> Amount {
    let one = u64::from(terminal) * 7_919 + u64::from(number) * 104_729;
    Amount::of(2_000 + one % 50_000)
}

/// The number of the card that pays a parcel.
fn card_number(terminal: u32, number: u32) -> u64 {
    u64::from(terminal) * 1_000 + u64::from(number)
}

/// Each terminal sells its parcels one after the other, each to a card of its own.
///
/// `bin` is the first six digits of the cards.
#[must_use]
pub fn sales(parcels_each: u32, bin: u32, with_pin: bool) -> impl SaleSource + use<> {
    move |terminal: u32, number: u32| {
        (number < parcels_each).then(|| Sale {
            waybill: peers::format_waybill(parcel_id(terminal, number).bits()),
            amount: amount(terminal, number).minor(),
            card: TestCard::generate(bin, card_number(terminal, number), EntryMode::Contactless),
            with_pin,
        })
    }
}

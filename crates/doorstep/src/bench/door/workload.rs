//! The parcels, amounts and cards of the benchmark, by terminal and index.

use books::ParcelId;
use money::Amount;

use crate::bench::books;

pub const PARCELS_EACH_MAX: u32 = 1 << 20;

pub fn parcel_id(terminal: u32, number: u32) -> ParcelId {
    let one = u64::from(terminal) << 20 | u64::from(number % PARCELS_EACH_MAX);
    books::parcel_id(one)
}

/// The amount due of a parcel.
pub fn amount(terminal: u32, number: u32) -> Amount {
    let one = u64::from(terminal) * 7_919 + u64::from(number) * 104_729;
    Amount::of(2_000 + one % 50_000)
}

/// The number of the card that pays a parcel.
pub fn card_number(terminal: u32, number: u32) -> u64 {
    u64::from(terminal) * 1_000 + u64::from(number)
}

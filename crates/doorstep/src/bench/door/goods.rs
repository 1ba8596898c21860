//! What is sold in the benchmark: parcels by the number of their terminal and their place with it.

use engine::ParcelId;
use money::Amount;

use crate::bench::books;

/// The most parcels of one terminal.
pub const PARCELS_EACH_MAX: u32 = 1 << 20;

/// The parcel.
pub fn parcel(terminal: u32, number: u32) -> ParcelId {
    let one = u64::from(terminal) << 20 | u64::from(number % PARCELS_EACH_MAX);
    books::parcel(one)
}

/// What is to be paid for it.
pub fn amount(terminal: u32, number: u32) -> Amount {
    let one = u64::from(terminal) * 7_919 + u64::from(number) * 104_729;
    Amount::of(2_000 + one % 50_000)
}

/// Whose card pays it.
pub fn card(terminal: u32, number: u32) -> u64 {
    u64::from(terminal) * 1_000 + u64::from(number)
}

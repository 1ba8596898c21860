//! Generated orders, distributed like a real day.
//!
//! The tables were measured on 7,854 delivered parcels of the Olist sample (one parcel per order
//! and seller; the amount is items and freight). A value is drawn by inverse transform sampling: a
//! uniform share is drawn and interpolated linearly between two rows, rounded down. The mean of the
//! totals is therefore 2.5% above the sample's. Item counts and totals are drawn independently, so
//! large totals do not imply many items. Amounts keep their number of main units in every currency:
//! 104.41 stays 104.41, or becomes 104 in a currency without decimals.

use money::{Amount, Currency};

use crate::chance::{Chance, ChancePurpose, stream_of_day};
use crate::inputs::ParcelInput;
use crate::rates::WHOLE_PPM;

/// Amounts due: the share of parcels below the value in parts per million, and the value in
/// hundredths of the main unit.
const TOTALS: [(u32, u64); 17] = [
    (0, 1_156),
    (10_000, 2_229),
    (50_000, 3_238),
    (100_000, 3_944),
    (250_000, 6_261),
    (500_000, 10_441),
    (750_000, 17_704),
    (850_000, 23_910),
    (900_000, 30_912),
    (950_000, 43_369),
    (980_000, 70_719),
    (990_000, 102_035),
    (995_000, 137_319),
    (998_000, 196_314),
    (999_000, 223_466),
    (999_500, 319_574),
    (1_000_000, 727_488),
];

/// Parcels per seller: the share of sellers below the number in parts per million, and the number.
const PARCELS_OF_A_SELLER: [(u32, u64); 16] = [
    (0, 1),
    (394_433, 2),
    (572_980, 3),
    (665_309, 4),
    (730_482, 5),
    (778_683, 6),
    (809_912, 7),
    (843_177, 8),
    (900_000, 11),
    (925_000, 13),
    (950_000, 19),
    (975_000, 30),
    (990_000, 59),
    (995_000, 91),
    (998_000, 141),
    (1_000_000, 164),
];

/// Items per parcel: the number, and how many of the 7,854 parcels have it.
const ITEMS: [(u64, u64); 10] =
    [(1, 7_122), (2, 556), (3, 105), (4, 31), (5, 14), (6, 21), (7, 1), (10, 1), (12, 2), (21, 1)];

/// The number of decimals in [`TOTALS_DIFFER`].
const TOTALS_EXPONENT: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedOrder {
    pub parcel: ParcelInput,
    /// Amount of each item, freight included; they add up to the amount due.
    pub items: Vec<Amount>,
}

/// Generates a day of `count` orders. The result for a seed is frozen.
///
/// Every day has the same sellers (`made-seller-00001`, …) and different orders.
#[must_use]
pub fn generate_orders(count: usize, seed: u64, currency: Currency) -> Vec<GeneratedOrder> {
    generate_orders_of_day(1, count, seed, currency)
}

/// As [`generate_orders`], for the day of the books with this number, from 1.
#[must_use]
pub fn generate_orders_of_day(
    day: u32,
    count: usize,
    seed: u64,
    currency: Currency,
) -> Vec<GeneratedOrder> {
    let mut chance = Chance::new(seed, ChancePurpose::GeneratedOrders, stream_of_day(day, 0));
    let prefix = if day == 1 { format!("made-{seed}") } else { format!("made-{seed}-day{day}") };
    let sellers = draw_sellers(count, &mut chance);
    let orders = (1_u64..).zip(sellers).map(|(number, seller)| {
        let due = draw_total(&mut chance, currency);
        let items = split(due, draw_item_count(&mut chance), &mut chance);
        let parcel = ParcelInput {
            seller_reference: format!("made-seller-{seller:05}"),
            order_reference: format!("{prefix}-{number:06}"),
            due,
        };
        GeneratedOrder { parcel, items }
    });
    orders.collect()
}

/// The seller of each order: each seller gets a drawn number of orders, then the list is shuffled.
fn draw_sellers(count: usize, chance: &mut Chance) -> Vec<u32> {
    let mut sellers = Vec::with_capacity(count);
    for seller in 1_u32.. {
        let left = count - sellers.len();
        if left == 0 {
            break;
        }
        let orders =
            usize::try_from(draw_value(&PARCELS_OF_A_SELLER, chance)).unwrap_or(left).min(left);
        sellers.extend(std::iter::repeat_n(seller, orders));
    }
    for last in (1..sellers.len()).rev() {
        let other = usize::try_from(chance.below(last as u64 + 1)).expect("an index in the list");
        sellers.swap(last, other);
    }
    sellers
}

fn draw_total(chance: &mut Chance, currency: Currency) -> Amount {
    let hundredths = draw_value(&TOTALS, chance);
    let minor = match currency.exponent() {
        more @ TOTALS_EXPONENT.. => hundredths * 10_u64.pow(more - TOTALS_EXPONENT),
        fewer => hundredths / 10_u64.pow(TOTALS_EXPONENT - fewer),
    };
    Amount::of(minor.max(1))
}

fn draw_item_count(chance: &mut Chance) -> u64 {
    let parcels: u64 = ITEMS.iter().map(|(_, parcels)| parcels).sum();
    let mut index = chance.below(parcels);
    for (items, parcels) in ITEMS {
        match index.checked_sub(parcels) {
            Some(rest) => index = rest,
            None => return items,
        }
    }
    unreachable!("an index below the sum is in one of the rows")
}

/// Splits a total into items of at least one minor unit, as far as the total allows.
fn split(total: Amount, items: u64, chance: &mut Chance) -> Vec<Amount> {
    let items = items.min(total.minor());
    let rest = total.saturating_sub(Amount::of(items));
    let weights: Vec<u64> = (0..items).map(|_| chance.between(1, 1_000)).collect();
    let parts = rest.split(&weights).into_iter();
    parts.map(|part| Amount::of(part.minor() + 1)).collect()
}

/// Draws a value by inverse transform sampling.
fn draw_value(table: &[(u32, u64)], chance: &mut Chance) -> u64 {
    value_at(table, chance.below(u64::from(WHOLE_PPM)))
}

/// The value at a share: interpolated linearly between the rows around it, rounded down.
fn value_at(table: &[(u32, u64)], ppm: u64) -> u64 {
    let after = table.partition_point(|(share, _)| u64::from(*share) <= ppm).min(table.len() - 1);
    let ((from, low), (to, high)) = (table[after - 1], table[after]);
    low + (high - low) * (ppm - u64::from(from)) / u64::from(to - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn between_two_rows_is_a_straight_line() {
        assert_eq!(value_at(&TOTALS, 0), 1_156);
        assert_eq!(value_at(&TOTALS, 500_000), 10_441);
        assert_eq!(value_at(&TOTALS, 625_000), 14_072, "10,441 and half of 7,263");
        assert!(value_at(&TOTALS, 999_999) < 727_488);
        assert_eq!(value_at(&PARCELS_OF_A_SELLER, 394_432), 1);
        assert_eq!(value_at(&PARCELS_OF_A_SELLER, 999_999), 163);
    }

    #[test]
    fn a_made_day_is_frozen() {
        let orders = generate_orders(3, 7, Currency::CNY);
        let lines: Vec<String> = orders
            .iter()
            .map(|GeneratedOrder { parcel, items }| {
                let ParcelInput { seller_reference, order_reference, due } = parcel;
                format!("{seller_reference} {order_reference} {} {}", due.minor(), items.len())
            })
            .collect();
        assert_eq!(
            lines,
            [
                "made-seller-00003 made-7-000001 13829 1",
                "made-seller-00001 made-7-000002 10671 1",
                "made-seller-00002 made-7-000003 24057 1",
            ]
        );
    }

    #[test]
    fn made_days_are_like_the_sample() {
        // Ten days of the sample's size.
        let orders = generate_orders(78_540, 1, Currency::BRL);
        let mut totals: Vec<u64> = orders.iter().map(|order| order.parcel.due.minor()).collect();
        totals.sort_unstable();
        for (share, value) in [(25, 6_261), (50, 10_441), (75, 17_704), (90, 30_912), (95, 43_369)]
        {
            let got = totals[78_540 * share / 100];
            assert!(got.abs_diff(value) * 40 < value, "{share}%: {got}, the sample has {value}");
        }
        let mean = totals.iter().sum::<u64>() / 78_540;
        assert!((15_900..16_600).contains(&mean), "{mean}, the sample has 15,866");

        let mut sellers: BTreeMap<&str, u64> = BTreeMap::new();
        for order in &orders {
            *sellers.entry(&order.parcel.seller_reference).or_default() += 1;
            let sum: u64 = order.items.iter().map(|item| item.minor()).sum();
            assert_eq!(sum, order.parcel.due.minor());
        }
        let count = sellers.len();
        assert!((14_000..15_500).contains(&count), "{count}, the sample has 1,473 a day");
        let single = orders.iter().filter(|order| order.items.len() == 1).count();
        assert!((70_700..71_700).contains(&single), "{single}, the sample has 7,122 a day");
    }

    #[test]
    fn currencies_keep_their_main_units() {
        let due = |currency| generate_orders(1, 3, currency)[0].parcel.due.minor();
        assert_eq!(due(Currency::JPY), due(Currency::CNY) / 100);
        assert_eq!(due(Currency::TND), due(Currency::CNY) * 10);
    }
}

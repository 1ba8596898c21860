//! Virtual time. The constants are minutes of the local day.

use books::{BusinessDate, Timestamp};

/// The length of a tick. Couriers act at ticks; between ticks only messages travel.
pub(crate) const TICK_MS: u64 = 30_000;
pub(crate) const MINUTE_MS: u64 = 60_000;

/// The books are opened and all parties registered.
pub(crate) const OPENING: u64 = 5 * 60;
/// Sellers announce their parcels.
pub(crate) const ANNOUNCING: u64 = 6 * 60;
/// Parcels are assigned to the firms.
pub(crate) const ASSIGNING: u64 = 7 * 60 + 30;
/// Couriers begin to load.
pub(crate) const LOADING: u64 = 8 * 60;
/// Deliveries begin.
pub(crate) const FIRST_DELIVERY: u64 = 9 * 60;
/// The outage of the first network begins, if faults are on.
pub(crate) const OUTAGE: u64 = 11 * 60;
/// From now on a courier who was not at the hub yet goes there after the next stop.
pub(crate) const MIDDAY: u64 = 12 * 60 + 30;
/// Second attempts begin.
pub(crate) const SECOND_ROUND: u64 = 13 * 60 + 30;
/// Third attempts begin.
pub(crate) const THIRD_ROUND: u64 = 16 * 60 + 30;
/// Deliveries end. Tours are cut to end by 19:00; this is the limit on bad days.
pub(crate) const LAST_DELIVERY: u64 = 21 * 60;
/// Terminals settle their batches.
pub(crate) const CLOSING: u64 = 22 * 60;
/// Two people decide the offline sales in suspense.
pub(crate) const DECIDING: u64 = 22 * 60 + 15;
/// Firms deposit the day's cash.
pub(crate) const NIGHT_DEPOSIT: u64 = 22 * 60 + 30;

/// The last minute of the day, for what a party states at night as of the day.
pub(crate) const LAST_MINUTE: u64 = 24 * 60 - 1;

/// The night that follows: networks and the wallet clear. All work of the night ends before
/// [`OPENING`], so that the next day can begin.
pub(crate) const CLEARING: u64 = 30;
/// Networks and the wallet clear what they changed since.
pub(crate) const LATER_CHANGES: u64 = 60;
/// Couriers repay shortages.
pub(crate) const REPAYING_SHORTAGES: u64 = 75;
/// Firms deposit the repaid cash.
pub(crate) const MORNING_DEPOSIT: u64 = 90;
/// The bank credits the deposits.
pub(crate) const STATEMENT: u64 = 2 * 60;
/// Firms deposit what the bank did not credit.
pub(crate) const SECOND_DEPOSIT: u64 = 2 * 60 + 15;
/// The bank credits those deposits.
pub(crate) const SECOND_STATEMENT: u64 = 2 * 60 + 30;
/// Refused parcels are back at their sellers.
pub(crate) const RETURNING: u64 = 2 * 60 + 45;
/// Sellers are compensated, buyers paid back, and orders shipped again.
pub(crate) const COMPENSATING: u64 = 2 * 60 + 50;
/// Money whose hold has ended is released.
pub(crate) const RELEASING: u64 = 3 * 60;
/// Settlement is planned.
pub(crate) const PLANNING: u64 = 3 * 60 + 15;
/// The bank confirms or returns payouts.
pub(crate) const PAYING_OUT: u64 = 4 * 60 + 30;
/// Firms are paid.
pub(crate) const PAYING_FIRMS: u64 = 5 * 60 + 30;

/// Converts a local day and minute to a timestamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VirtualClock {
    /// The day of the couriers' tours.
    pub date: BusinessDate,
    pub utc_offset_minutes: i16,
}

impl VirtualClock {
    /// A minute of the day of the tours.
    pub(crate) fn today(self, minute: u64) -> Timestamp {
        self.on(self.date, minute)
    }

    /// The date of the night that follows the tours.
    pub(crate) fn night(self) -> BusinessDate {
        self.date.plus_days(1)
    }

    /// A minute of the night that follows the tours.
    pub(crate) fn tonight(self, minute: u64) -> Timestamp {
        self.on(self.night(), minute)
    }

    /// Rounds up to a tick.
    pub(crate) fn next_tick(at: Timestamp) -> Timestamp {
        Timestamp(at.0.next_multiple_of(TICK_MS))
    }

    pub(crate) fn on(self, date: BusinessDate, minute: u64) -> Timestamp {
        Timestamp::start_of_day(date, self.utc_offset_minutes).plus_ms(minute * MINUTE_MS)
    }

    pub(crate) fn date_at(self, at: Timestamp) -> BusinessDate {
        at.business_date(self.utc_offset_minutes)
    }
}

//! Virtual time: when what happens, in minutes of the local day.

use engine::{BusinessDate, Timestamp};

/// The length of a tick: couriers act at ticks, and only messages travel between two of them.
pub(crate) const TICK_MS: u64 = 30_000;
/// A minute, in milliseconds.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// Books are opened and parties registered.
pub(crate) const OPENING: u64 = 5 * 60;
/// Sellers announce their parcels.
pub(crate) const ANNOUNCING: u64 = 6 * 60;
/// Parcels are given to the firms.
pub(crate) const ASSIGNING: u64 = 7 * 60 + 30;
/// Couriers begin to load.
pub(crate) const LOADING: u64 = 8 * 60;
/// The first door.
pub(crate) const FIRST_DOOR: u64 = 9 * 60;
/// The first network is away for a while, where things go wrong.
pub(crate) const OUTAGE: u64 = 11 * 60;
/// From now on couriers come to the hub at midday.
pub(crate) const MIDDAY: u64 = 12 * 60 + 30;
/// Second attempts begin.
pub(crate) const SECOND_ROUND: u64 = 13 * 60 + 30;
/// Third attempts begin.
pub(crate) const THIRD_ROUND: u64 = 16 * 60 + 30;
/// Nobody is called on from now on. Tours are cut so that they end by 19:00; this is for bad days.
pub(crate) const LAST_DOOR: u64 = 21 * 60;
/// Terminals close their batches.
pub(crate) const CLOSING: u64 = 22 * 60;
/// Firms bring the day's cash to the bank.
pub(crate) const NIGHT_DEPOSIT: u64 = 22 * 60 + 30;

/// The next day: files of networks and wallets.
pub(crate) const CLEARING: u64 = 6 * 60;
/// Couriers pay what was short.
pub(crate) const REPAYING: u64 = 8 * 60;
/// Firms bring that to the bank.
pub(crate) const MORNING_DEPOSIT: u64 = 8 * 60 + 30;
/// The bank's statement.
pub(crate) const STATEMENT: u64 = 10 * 60;
/// Firms bring what the bank did not credit.
pub(crate) const NOON_DEPOSIT: u64 = 11 * 60;
/// The bank's statement of that.
pub(crate) const NOON_STATEMENT: u64 = 12 * 60;
/// Refused parcels are back at their sellers'.
pub(crate) const RETURNING: u64 = 13 * 60;
/// Money whose hold is over is released.
pub(crate) const RELEASING: u64 = 14 * 60;
/// Settlement is planned.
pub(crate) const PLANNING: u64 = 15 * 60;
/// The bank has paid, or not.
pub(crate) const PAYING: u64 = 18 * 60;

/// Turns a local day and minute into a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The day on which the couriers go out.
    pub date: BusinessDate,
    pub utc_offset_minutes: i16,
}

impl Clock {
    /// A minute of the couriers' day.
    pub(crate) fn today(self, minute: u64) -> Timestamp {
        self.on(self.date, minute)
    }

    /// A minute of the day after.
    pub(crate) fn tomorrow(self, minute: u64) -> Timestamp {
        self.on(self.date.plus(1), minute)
    }

    /// The moment, or the next tick.
    pub(crate) fn tick(at: Timestamp) -> Timestamp {
        Timestamp(at.0.next_multiple_of(TICK_MS))
    }

    pub(crate) fn on(self, date: BusinessDate, minute: u64) -> Timestamp {
        Timestamp::beginning_of(date, self.utc_offset_minutes).plus_ms(minute * MINUTE_MS)
    }

    pub(crate) fn date_at(self, at: Timestamp) -> BusinessDate {
        at.date(self.utc_offset_minutes)
    }
}

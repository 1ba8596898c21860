//! Limits. Each has its reason in docs/notices.md.

/// A table of notices: bytes of TOML, and entries.
pub const TABLE_BYTES_MAX: usize = 256 * 1024;
pub const TABLE_ENTRIES_MAX: usize = 200;
/// Versions of the table that are kept.
pub const TABLE_VERSIONS_MAX: u32 = 1_000;
/// Characters of a title, with its fields at their longest.
pub const TITLE_CHARACTERS_MAX: usize = 120;

/// Webhook endpoints of one owner.
pub const ENDPOINTS_OF_OWNER_MAX: usize = 10;
/// All addresses.
pub const ADDRESSES_MAX: usize = 1_000_000;
/// A URL, a mail address, a phone number or an open id.
pub const ADDRESS_BYTES_MAX: usize = 2_048;
/// Consents that one recipient can have given.
pub const CONSENTS_MAX: u32 = 1_000;

/// How long a webhook is signed with the secret before, too, after a rotation.
pub const SECRET_OVERLAP_MS: u64 = 24 * HOUR_MS;

/// After how long the next attempt follows: the example schedule of Standard Webhooks, 75 hours.
pub const WEBHOOK_RETRIES_MS: [u64; 9] = [
    5_000,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// Of the other channels, after a known failure.
pub const MESSAGE_RETRIES_MS: [u64; 6] =
    [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS];
/// A receiver cannot ask for more patience.
pub const RETRY_AFTER_MS_MAX: u64 = 24 * HOUR_MS;
/// No attempt is later than this after the one before: such a time is of a clock that was ahead.
pub const NEXT_ATTEMPT_MS_MAX: u64 = 24 * HOUR_MS;
/// A message that is older than this is given up with its next failure, so that those behind it do
/// not wait for all its attempts.
pub const MESSAGE_AGE_MS_MAX: u64 = 4 * DAY_MS;
/// A notice that waits longer is given up: its channel is off, or its endpoint is stopped.
pub const WAIT_MS_MAX: u64 = 30 * DAY_MS;
/// How long a notice that has ended is kept.
pub const KEPT_MS: u64 = 90 * DAY_MS;
/// Notices that are given up or removed in one transaction.
pub const PRUNED_AT_ONCE: u32 = 1_000;

/// A recipient whose last send took this long is slow: slow ones share a part of the threads.
pub const SLOW_MS: u64 = 2_000;
/// After how long it is looked at again when that part is in use.
pub const SLOW_WAIT_MS: u64 = 1_000;
/// Slow recipients that are remembered.
pub const SLOW_MAX: usize = 10_000;
/// Attempts to note the ends of sends at a stop. Then webhooks are sent again by the next process,
/// and of the others it is not known.
pub const STOP_ATTEMPTS_MAX: u32 = 5;

/// Notices that wait for one recipient by one channel. Those that follow are not sent one by one:
/// they are folded into one that says how many they are.
pub const BACKLOG_NOTICES_MAX: u32 = 10_000;

/// Notices in one digest.
pub const DIGEST_NOTICES_MAX: usize = 50;
/// Lanes that one look for due notices goes through.
pub const LANES_AT_ONCE: u32 = 1_000;
/// The window of the limits per minute.
pub const WINDOW_MS: u64 = MINUTE_MS;
/// A robot of WeCom takes that many messages a minute.
pub const ROBOT_PER_MINUTE_MAX: u32 = 20;

/// Characters of a reason or receipt that are kept.
pub const WHY_CHARACTERS_MAX: usize = 200;
/// Notices in one answer of the outbox: a page, and one that says whether there is another.
pub const LISTED_MAX: u32 = 1_001;

/// Batches of the journal without a notice after which the checkpoint moves.
pub const CHECKPOINT_BATCHES_MAX: u64 = 1_000;
/// Notices that are written in one transaction, unless one batch has more.
pub const NOTICES_TOGETHER: usize = 1_000;

/// A deposit is missing when the bank has not credited it this many days after its announcement.
pub const DEPOSIT_DAYS_MAX: u16 = 3;

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;

/// Numbers of commands from here on are of publications of the daily report; those of proposals are
/// below. Both have no batch.
pub const PUBLICATIONS_FROM: u32 = 1 << 31;

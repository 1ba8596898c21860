//! Limits of commands and of what the books remember.

use crate::ids::BreakId;

pub const REFERENCE_BYTES_MAX: usize = 64;
/// Limit on the parcels of one [`AssignParcels`](crate::AssignParcels) or
/// [`DispatchParcels`](crate::DispatchParcels).
pub const PARCELS_PER_COMMAND_MAX: usize = 1_000;
/// Parcels that one order of a seller can have, one after another: its first shipment, and the next
/// one after each return or loss.
pub const SHIPMENTS_PER_ORDER_MAX: u8 = 8;
/// Failed delivery attempts before a parcel must be refused and returned.
pub const ATTEMPTS_MAX: u8 = 3;
/// Payments, tried or taken, that one parcel can have. Cash and offline sales can have numbers up
/// to it, so that declined and unknown payments do not bar them.
pub const PAYMENTS_PER_PARCEL_MAX: u8 = 32;
/// The highest number of a payment that its network or wallet must answer.
pub const ONLINE_PAYMENTS_PER_PARCEL_MAX: u8 = 16;
/// The first number of offline sales that were posted to suspense. They keep it when they are
/// booked to their parcel.
pub const FIRST_SUSPENDED_PAYMENT: u8 = 128;
/// The latest hand-overs, repayments, deposits and commission payments of a courier or firm,
/// changes of a terminal, of terms and of payout accounts, and suspensions, whose content is
/// remembered. A repeated
/// number is compared with it.
pub const NUMBERS_REMEMBERED: usize = 8;
/// Wrong one-time codes that one hand-over can have. After them only a supervisor can count it.
pub const WRONG_CODES_MAX: usize = 5;
/// Refunds and chargebacks that one payment can have.
pub const REFUNDS_PER_PAYMENT_MAX: u8 = 16;
/// Lines of a network's or wallet's file. Each line of the last file is remembered.
pub const LINES_PER_FILE_MAX: u32 = 1_000_000;
/// Files of each network, wallet and bank account that are remembered.
pub const FILES_REMEMBERED: usize = 400;
/// Movements that one entry of a bank statement can show.
pub const ENTRY_PARTS_MAX: usize = 10_000;

/// Limit on the open lines of a firm's sheets.
pub const OPEN_SHEET_LINES_MAX: usize = 100_000;
/// Open breaks of fees that one correction of a fee can reduce. What is left of it is a break.
pub const BREAKS_PER_CORRECTION_MAX: usize = 1_000;
/// Changes that one break can have. Only what ends it can come after them.
pub const BREAK_CHANGES_MAX: u8 = 16;
/// Payments of a seller's invoice.
pub const PAYMENTS_PER_INVOICE_MAX: u8 = 16;
/// Unknown payments that one network or wallet can have. At the limit it gets no new payments (M4).
pub const UNKNOWN_PAYMENTS_PER_NETWORK_MAX: u32 = 10_000;
/// Payouts in one settlement plan. Further sellers wait for the next plan.
pub const PLAN_LINES_MAX: usize = 10_000;
/// Whose personal data one command can disclose: the payees of a settlement plan.
pub const DISCLOSED_SUBJECTS_MAX: usize = PLAN_LINES_MAX;
/// Records that one command can release, expire or check for forgetting.
pub const RECORDS_PER_COMMAND_MAX: u32 = 10_000;
/// Days whose trial balance is remembered, so that a period can be closed at their end.
pub const DAY_ENDS_REMEMBERED: usize = 400;
/// Roles that one person can have.
pub const GRANTS_PER_PERSON_MAX: u8 = 16;
/// Keys of the API that were ever issued.
pub const API_KEYS_MAX: usize = 100_000;
/// Days until a key of the API expires.
pub const API_KEY_DAYS_MAX: u16 = 400;
pub const HOLD_DAYS_MAX: u16 = 180;
/// Terms of one party whose first day is to come.
pub const TERMS_WAITING_MAX: usize = 8;
/// Open items that one terminal can have. At the limit it opens no further batch.
pub const OPEN_ITEMS_PER_TERMINAL_MAX: u32 = 100;

/// Changes of the UTC offset that are given ahead of time. With two a year enough for 16 years.
pub const UTC_OFFSET_CHANGES_MAX: usize = 32;

/// First id of the breaks that the books raise themselves.
pub const FIRST_AUTOMATIC_BREAK: BreakId = BreakId(1 << 63);

/// Days after its confirmation in which a payout can still come back from the bank.
pub const PAYOUT_RETURN_DAYS: u16 = 14;

/// Days that a closed parcel is remembered at least, until [`SetRetention`](crate::SetRetention)
/// sets another number. Long enough to recognise a repeated announcement.
pub const RETENTION_DAYS: u16 = 180;
/// The card schemes' chargeback time.
pub const RETENTION_DAYS_MIN: u16 = 120;
/// Ten years.
pub const RETENTION_DAYS_MAX: u16 = 3_650;

/// A phone's claim of a time may differ by this much from what is possible.
pub const PHONE_CLOCK_SKEW_MS_MAX: u64 = 300_000;

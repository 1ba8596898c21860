//! Response codes, field 39, that the peers themselves give or look for.

/// Done.
pub const DONE: [u8; 2] = *b"00";
/// QR: waiting for the payer.
pub const WAITING: [u8; 2] = *b"09";
/// Not possible in this state.
pub const NOT_POSSIBLE: [u8; 2] = *b"12";
/// The amount is zero.
pub const AMOUNT: [u8; 2] = *b"13";
/// The card number is wrong.
pub const CARD: [u8; 2] = *b"14";
/// Reversed before it came.
pub const NO_ACTION: [u8; 2] = *b"21";
/// What was before is not known.
pub const UNKNOWN: [u8; 2] = *b"25";
/// Format error.
pub const FORMAT: [u8; 2] = *b"30";
/// The acquirer is not ours.
pub const ACQUIRER: [u8; 2] = *b"31";
/// Wrong PIN.
pub const WRONG_PIN: [u8; 2] = *b"55";
/// The amount is not that of what was before.
pub const OTHER_AMOUNT: [u8; 2] = *b"64";
/// Not the open batch.
pub const BATCH: [u8; 2] = *b"77";
/// Not signed on.
pub const NOT_SIGNED_ON: [u8; 2] = *b"91";
/// Nobody knows in time; of a QR code, it expired.
pub const NO_ONE_IN_TIME: [u8; 2] = *b"68";
/// The numbers were used for something else.
pub const STAN_TAKEN: [u8; 2] = *b"94";
/// Totals differ.
pub const TOTALS_DIFFER: [u8; 2] = *b"95";
/// Cannot answer at the moment.
pub const SYSTEM: [u8; 2] = *b"96";
/// Terminal or merchant not known.
pub const NOT_KNOWN: [u8; 2] = *b"97";
/// No answer came: the reason of a reversal.
pub const NO_ANSWER: [u8; 2] = *b"98";
/// The terminal could not go on: the reason of a reversal.
pub const COULD_NOT_GO_ON: [u8; 2] = *b"06";
/// MAC wrong or missing.
pub const MAC: [u8; 2] = *b"A0";
/// The PIN block is wrong: the terminal's PIN key is not the switch's.
pub const PIN_BLOCK: [u8; 2] = *b"99";

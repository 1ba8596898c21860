//! Response codes (field 39) that the simulators send or react to.

pub const APPROVED: [u8; 2] = *b"00";
/// QR: the payer has not paid yet.
pub const PAYMENT_PENDING: [u8; 2] = *b"09";
/// Not possible in the transaction's state.
pub const INVALID_TRANSACTION: [u8; 2] = *b"12";
/// The amount is zero.
pub const INVALID_AMOUNT: [u8; 2] = *b"13";
pub const INVALID_CARD: [u8; 2] = *b"14";
/// The request was reversed before it arrived.
pub const NO_ACTION: [u8; 2] = *b"21";
/// The original transaction is not known.
pub const ORIGINAL_NOT_FOUND: [u8; 2] = *b"25";
pub const FORMAT_ERROR: [u8; 2] = *b"30";
/// Field 32 names another acquirer.
pub const UNKNOWN_ACQUIRER: [u8; 2] = *b"31";
pub const WRONG_PIN: [u8; 2] = *b"55";
/// The amount does not match the original's.
pub const AMOUNT_MISMATCH: [u8; 2] = *b"64";
/// Field 60 names another batch than the open one.
pub const BATCH_MISMATCH: [u8; 2] = *b"77";
pub const NOT_SIGNED_ON: [u8; 2] = *b"91";
/// The outcome is not known in time; for a QR code, it expired.
pub const RESPONSE_TIMEOUT: [u8; 2] = *b"68";
/// STAN, time and terminal were already used for another request.
pub const DUPLICATE_STAN: [u8; 2] = *b"94";
pub const TOTALS_DIFFER: [u8; 2] = *b"95";
/// Cannot process the request now.
pub const SYSTEM_ERROR: [u8; 2] = *b"96";
/// Unknown terminal or merchant.
pub const UNKNOWN_TERMINAL: [u8; 2] = *b"97";
/// Reason of a reversal: no answer arrived.
pub const NO_ANSWER: [u8; 2] = *b"98";
/// Reason of a reversal: the terminal could not complete the transaction.
pub const TERMINAL_FAILURE: [u8; 2] = *b"06";
pub const MAC_ERROR: [u8; 2] = *b"A0";
/// The PIN block cannot be decrypted: the terminal and the switch have different PIN keys.
pub const PIN_BLOCK_ERROR: [u8; 2] = *b"99";

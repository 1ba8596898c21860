//! Response codes: for refusals of the books, and between networks and terminals
//! (docs/door/terminal.md lists them).

use books::{MissingRecord, Refusal, ResponseCode};

/// The response code for a refusal of the books.
pub(crate) fn of_refusal(refusal: &Refusal) -> ResponseCode {
    match refusal {
        Refusal::NotFound(MissingRecord::Parcel(_)) => ResponseCode::UNKNOWN_PARCEL,
        Refusal::NotFound(MissingRecord::Payment) => ResponseCode::ORIGINAL_NOT_FOUND,
        Refusal::NotFound(MissingRecord::Terminal(_)) => ResponseCode::UNKNOWN_TERMINAL,
        Refusal::NotFound(MissingRecord::Network(_) | MissingRecord::Wallet(_))
        | Refusal::NetworkWithdrawn
        | Refusal::TooManyUnknown => ResponseCode::NETWORK_UNAVAILABLE,
        Refusal::TerminalBlocked | Refusal::TooManyOpenItems => ResponseCode::TERMINAL_BLOCKED,
        Refusal::CourierSuspended => ResponseCode::COURIER_SUSPENDED,
        Refusal::WrongCourier => ResponseCode::NOT_WITH_COURIER,
        Refusal::ParcelState => ResponseCode::PARCEL_NOT_PAYABLE,
        Refusal::AmountTooLarge(_) => ResponseCode::MORE_THAN_DUE,
        Refusal::AmountZero | Refusal::WrongChange => ResponseCode::INVALID_AMOUNT,
        Refusal::EarlierPaymentUnknown => ResponseCode::BEING_REVERSED,
        Refusal::TooMany(_) => ResponseCode::TOO_MANY_PAYMENTS,
        Refusal::PreAuthorisationExpired => ResponseCode::PRE_AUTHORISATION_EXPIRED,
        Refusal::WrongBatch(_) => ResponseCode::WRONG_BATCH,
        Refusal::TraceTaken | Refusal::IdentifierTaken => ResponseCode::STAN_USED,
        Refusal::CashLimitExceeded | Refusal::RefundNeedsTwoPeople(_) | Refusal::BatchFull => {
            ResponseCode::LIMIT_EXCEEDED
        }
        _ => ResponseCode::INVALID_TRANSACTION,
    }
}

/// The code for the terminal, from a network's. Some codes are Doorstep's own instructions to
/// terminals; from a network they become [`ResponseCode::NETWORK_UNAVAILABLE`].
pub(crate) fn for_terminal(code: ResponseCode) -> ResponseCode {
    match code {
        ResponseCode::QR_PENDING
        | ResponseCode::FORMAT_ERROR
        | ResponseCode::TERMINAL_BLOCKED
        | ResponseCode::WRONG_BATCH
        | ResponseCode::STAN_USED
        | ResponseCode::TOTALS_DIFFER
        | ResponseCode::SYSTEM_ERROR
        | ResponseCode::UNKNOWN_TERMINAL
        | ResponseCode::PIN_FORMAT_ERROR
        | ResponseCode::WRONG_MAC => ResponseCode::NETWORK_UNAVAILABLE,
        code if code.bytes()[0] == b'P' => ResponseCode::NETWORK_UNAVAILABLE,
        code => code,
    }
}

//! Why a command is refused. A refused command changes nothing (M10).

use money::{Amount, Currency};
use tariff::{BusinessDate, TermsError};

use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PayoutId,
    PlanId, SellerId, TariffId, TerminalId, WalletId,
};

/// Something that a command names and the books do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A bank account.
    Bank(BankId),
    /// A courier firm.
    Firm(FirmId),
    /// A courier.
    Courier(CourierId),
    /// A terminal.
    Terminal(TerminalId),
    /// A card network.
    Network(NetworkId),
    /// A wallet.
    Wallet(WalletId),
    /// A seller.
    Seller(SellerId),
    /// A tariff.
    Tariff(TariffId),
    /// A class of the seller's tariff.
    Class,
    /// A hold rule for the seller's jurisdiction.
    HoldRule,
    /// A parcel.
    Parcel(ParcelId),
    /// A tender of a parcel.
    Tender,
    /// A hand-over that is not counted yet.
    HandOver(HandOverId),
    /// A deposit that is not confirmed yet.
    Deposit(DepositId),
    /// A settlement plan that is not executed yet.
    Plan(PlanId),
    /// A payout that is on its way.
    Payout(PayoutId),
    /// A break that is open.
    Break(BreakId),
    /// A transaction of a terminal that is remembered.
    Transaction,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same was carried out before, as far as the books remember it: a retry, harmless.
    #[error("it was carried out before; nothing is to be done")]
    Repeated,
    /// The identifier was used before for something else.
    #[error("the identifier belongs to something else already; use a new one")]
    IdentifierTaken,
    /// The first command must open the books, and only the first.
    #[error("the books are not open, or were opened before with other terms")]
    BooksNotOpen,
    /// Time went backwards.
    #[error("the time given lies before that of the last command")]
    TimeBackwards,
    /// Something is named that is not there.
    #[error("there is no such {}", missing(.0))]
    NotFound(Missing),
    /// A reference that is empty, too long, or has characters that do not print.
    #[error(
        "a reference has 1 to {} bytes and only characters that print",
        crate::REFERENCE_BYTES_MAX
    )]
    BadReference,
    /// An amount that must be above zero is not.
    #[error("the amount is zero")]
    AmountZero,
    /// An amount beyond what is possible.
    #[error("the amount is more than the {} that there is", .0.minor())]
    AmountTooLarge(Amount),
    /// The amount is not the one in the books.
    #[error("the amount is not the {} of the books", .0.minor())]
    AmountMismatch(Amount),
    /// Sums would go beyond what Doorstep can keep.
    #[error("the sum would be larger than any amount that Doorstep can keep")]
    Overflow,
    /// A list that is empty or too long, or a limit out of range.
    #[error("a list or limit is empty or larger than {0}")]
    OutOfRange(u32),
    /// Parties of different currencies.
    #[error("{0} and {1} do not go together")]
    CurrencyMismatch(Currency, Currency),
    /// There is no account in that currency.
    #[error(
        "there is no account in {0}: register a bank account in it, and sellers that sell in it"
    )]
    CurrencyWithoutAccount(Currency),
    /// The terms of a tariff cannot hold.
    #[error("the tariff cannot hold: {0}")]
    BadTerms(TermsError),
    /// A tariff version out of order, or from a day that is gone, or with a gap or an overlap.
    #[error("the version does not begin where the last one ends, or begins in the past")]
    BadVersion,
    /// No version of the tariff holds on that date.
    #[error("no version of the tariff holds on {0}")]
    NoTariff(BusinessDate),
    /// The parcel is not in a state in which this can be done.
    #[error("the parcel is not in a state in which this can be done")]
    ParcelState,
    /// The parcel, the terminal or the cash is somebody else's.
    #[error("it belongs to another courier or firm")]
    WrongCourier,
    /// The terminal is blocked.
    #[error("the terminal is blocked")]
    TerminalBlocked,
    /// The attempts or tenders of the parcel are used up.
    #[error("no more than {0} are allowed")]
    TooMany(u8),
    /// The tender's number is not the next one.
    #[error("the number is not the next one, {0}")]
    WrongNumber(u32),
    /// The tender is not in a state in which this can be done.
    #[error("the payment is not in a state in which this can be done")]
    TenderState,
    /// A card payment of the parcel is unknown: it must be reversed first (M4).
    #[error("an earlier payment of this parcel is unknown and must be reversed first")]
    UnknownOutcome,
    /// Too many payments of the network are unknown (M4).
    #[error("too many payments of the network are unknown")]
    TooManyUnknown,
    /// The courier would have more cash in hand than allowed.
    #[error("the courier would have more cash in hand than the limit allows")]
    CashLimit,
    /// A hand-over of the courier is under way.
    #[error("a hand-over of this courier is waiting to be counted")]
    HandOverOpen,
    /// There is no cash to hand over.
    #[error("there is nothing to hand over")]
    NothingInHand,
    /// The one-time code is not the one that was shown.
    #[error("the one-time code is wrong")]
    WrongCode,
    /// The same person cannot do both.
    #[error("a second person is needed: the same one cannot do both")]
    SamePerson,
    /// Nobody of the cycle has anything to be paid.
    #[error("nobody is to be paid")]
    NothingToPay,
    /// The plan is not approved, or already is.
    #[error("the plan is not in a state in which this can be done")]
    PlanState,
    /// An account's limit stands against it.
    #[error("an account would go beyond its limits")]
    LimitReached,
    /// A date that is not allowed here.
    #[error("{0} is not a date for which this can be done")]
    BadDate(BusinessDate),
    /// The terminal's batch is another one, or is not open. Its last one; 0 if there was none.
    #[error("the terminal's batch is {0}, or is closed: sign on again")]
    WrongBatch(u32),
    /// The batch has as many transactions as it may have.
    #[error("the batch is full: close it and sign on again")]
    BatchFull,
    /// Transactions of the batch wait for an answer.
    #[error("transactions of the batch wait for an answer: close it when they are answered")]
    BatchBusy,
    /// The batch is not disputed.
    #[error("the terminal and the books agree on the batch, or it is open")]
    BatchState,
    /// The trace was used for another transaction.
    #[error("the terminal has used the number for another transaction of the batch")]
    TraceTaken,
    /// The network takes no new payments.
    #[error("the network is withdrawn: choose another one")]
    NetworkWithdrawn,
    /// Routes that do not go with the method.
    #[error(
        "a card payment names at most {} networks, one of them chosen, its own; others name none",
        crate::ROUTES_MAX
    )]
    BadRoute,
    /// The method cannot be used for this.
    #[error("this cannot be paid that way")]
    BadMethod,
    /// The terminal would sell more offline than it may.
    #[error("the terminal may sell no more than {} offline before it is forwarded", .0.minor())]
    OfflineLimit(Amount),
    /// Nobody completed the pre-authorisation in its time.
    #[error("the pre-authorisation has expired: collect the amount another way")]
    PreAuthorisationExpired,
    /// What was given less the change is not the amount.
    #[error("what the buyer gave, less the change, is not the amount")]
    WrongChange,
}

fn missing(missing: &Missing) -> &'static str {
    match missing {
        Missing::Bank(_) => "bank account",
        Missing::Firm(_) => "courier firm",
        Missing::Courier(_) => "courier",
        Missing::Terminal(_) => "terminal",
        Missing::Network(_) => "card network",
        Missing::Wallet(_) => "wallet",
        Missing::Seller(_) => "seller",
        Missing::Tariff(_) => "tariff",
        Missing::Class => "class in the seller's tariff",
        Missing::HoldRule => "hold rule for the seller's jurisdiction",
        Missing::Parcel(_) => "parcel",
        Missing::Tender => "payment of this parcel",
        Missing::HandOver(_) => "hand-over waiting to be counted",
        Missing::Deposit(_) => "deposit waiting to be confirmed",
        Missing::Plan(_) => "settlement plan",
        Missing::Payout(_) => "payout on its way",
        Missing::Break(_) => "open break",
        Missing::Transaction => "transaction that is remembered",
    }
}

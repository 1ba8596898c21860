//! Why a command is refused. A refused command changes nothing (M10).

use machine::ActorKind;
use money::{Amount, Currency};
use tariff::{BusinessDate, TermsError};

use crate::command::LineReference;
use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, OpenItemId, ParcelId,
    PayoutId, PersonId, PlanId, SellerId, TariffId, TerminalId, WalletId,
};

/// A record that a command names and the books do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRecord {
    Bank(BankId),
    Firm(FirmId),
    Courier(CourierId),
    Terminal(TerminalId),
    Network(NetworkId),
    Wallet(WalletId),
    Seller(SellerId),
    Tariff(TariffId),
    Class,
    HoldRule,
    Parcel(ParcelId),
    Payment,
    /// Not counted yet.
    HandOver(HandOverId),
    /// Not confirmed yet.
    Deposit(DepositId),
    /// Not executed yet.
    Plan(PlanId),
    /// In flight.
    Payout(PayoutId),
    /// Open.
    Break(BreakId),
    /// A remembered transaction of a terminal.
    Transaction,
    /// Of this payment, under this number.
    Chargeback,
    /// An invoice to the seller.
    Invoice,
    OpenItem(OpenItemId),
}

/// A line that names a payment, and the reference of that payment's own request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContradictedLine {
    pub known: LineReference,
    pub line: LineReference,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command may not be given by this kind of actor.
    #[error("a {0} may not give this command")]
    NotAllowed(ActorKind),
    /// The command was applied before, as far as the books remember. A harmless retry.
    #[error("the command was applied before: nothing to do")]
    Repeated,
    #[error("the identifier is already used with other content: use a new one")]
    IdentifierTaken,
    /// A used number came again with other content. Not a retry.
    #[error(
        "number {0} was used before with other content; nothing was changed: send a new number, or \
         the same content as before"
    )]
    NumberUsed(u32),
    /// A used number whose content the books no longer know.
    #[error(
        "number {0} was used before and its content is no longer known; nothing was changed: look \
         it up in the journal, and send a new number only if it was something else"
    )]
    NumberForgotten(u32),
    /// What the command names was done before by other people or with other content.
    #[error(
        "this was done before with other content; nothing was changed: compare it with what was \
         done"
    )]
    OtherContent,
    #[error(
        "the chargeback was lost before; nothing was changed: a line that pays it back wins it"
    )]
    ChargebackWasLost,
    #[error("the chargeback was won before; nothing was changed")]
    ChargebackWasWon,
    /// A line names a payment, and the books remember another request of it.
    #[error(
        "the line names a payment whose request has {}, and the line has {}: leave out the \
         payment, then the line is a break",
        .0.known,
        .0.line
    )]
    LineOfAnotherRequest(Box<ContradictedLine>),
    #[error(
        "a card network's line names its request (RRN, STAN and time), a wallet's line its order"
    )]
    ReferenceOfOtherRail,
    #[error("the line of this break names a payment of seller {0}: no other seller can take it")]
    NotThePaymentsSeller(SellerId),
    #[error("nothing of the invoice is open: it is paid or cancelled")]
    InvoiceNotOpen,
    #[error("the books are not open, or were opened with another UTC offset")]
    BooksNotOpen,
    #[error("the time is before that of the last command")]
    TimeBackwards,
    #[error("unknown {}", missing(.0))]
    NotFound(MissingRecord),
    #[error(
        "a reference must have 1 to {} bytes and no control characters",
        crate::REFERENCE_BYTES_MAX
    )]
    BadReference,
    #[error("the amount must be above zero")]
    AmountZero,
    #[error("the amount exceeds the {} minor units available", .0.minor())]
    AmountTooLarge(Amount),
    /// What stands beyond the new amount due, in minor units.
    #[error("more is paid than that: refund {} minor units first", .0.minor())]
    RefundFirst(Amount),
    /// The bank account's balance less payouts in flight from it.
    #[error(
        "the bank account has {} minor units available: use another account, or wait until it has \
         the amount",
        .0.minor()
    )]
    InsufficientFunds(Amount),
    #[error("the amount differs from the {} minor units in the books", .0.minor())]
    AmountMismatch(Amount),
    #[error("the sum would exceed the largest amount that Doorstep supports")]
    Overflow,
    #[error("a list or limit must be between 1 and {0}")]
    OutOfRange(u32),
    #[error("the currencies {0} and {1} differ")]
    CurrencyMismatch(Currency, Currency),
    #[error("no account in {0}: register a bank account in {0}, and the seller in {0}")]
    CurrencyWithoutAccount(Currency),
    #[error("the tariff is invalid: {0}")]
    BadTerms(TermsError),
    /// Out of order, in the past, or with a gap or an overlap.
    #[error("the tariff version must begin where the last one ends, and not in the past")]
    BadVersion,
    #[error("the changes of the UTC offset must be in order of time")]
    ChangesOutOfOrder,
    #[error("no version of the tariff is in force on {0}")]
    NoTariff(BusinessDate),
    #[error("the parcel's state does not allow this")]
    ParcelState,
    /// The parcel was returned, lost or cancelled, or a later shipment of its order is known.
    #[error(
        "the parcel was returned, lost or cancelled: announce the order's next shipment, with the \
         next number"
    )]
    ShipmentEnded,
    #[error("the order's shipment before is neither returned, lost nor cancelled: end it first")]
    EarlierShipment,
    /// The parcel, the terminal or the cash belongs to another courier or firm.
    #[error("the parcel, terminal or payment belongs to another courier or firm")]
    WrongCourier,
    #[error("the terminal is blocked")]
    TerminalBlocked,
    #[error("the courier is suspended: two people must lift that first (SuspendCourier)")]
    CourierSuspended,
    #[error("the seller is suspended: two people must lift that first (SuspendSeller)")]
    SellerSuspended,
    /// Terms whose first day is to come.
    #[error(
        "{} terms wait for their day already: wait, or replace one by giving its day again",
        crate::TERMS_WAITING_MAX
    )]
    TooManyTerms,
    /// The parcel's attempts or payments, the payment's refunds, or the invoice's payments are used
    /// up.
    #[error("the limit of {0} is reached")]
    TooMany(u8),
    #[error("the number must be the next one, {0}")]
    WrongSequenceNumber(u32),
    #[error("the payment's state does not allow this")]
    PaymentState,
    /// A payment of the same kind is unknown and must be reversed first (M4).
    #[error("an earlier payment of this parcel has an unknown outcome: wait until it is reversed")]
    EarlierPaymentUnknown,
    #[error("too many payments of the network have an unknown outcome")]
    TooManyUnknown,
    #[error("the payment would exceed the courier's cash limit: hand over cash first")]
    CashLimitExceeded,
    #[error("the courier has a hand-over that is not counted yet: count or cancel it first")]
    HandOverOpen,
    #[error("the courier has no cash to hand over")]
    NoCashInHand,
    /// See [`WRONG_CODES_MAX`](crate::WRONG_CODES_MAX).
    #[error(
        "too many wrong one-time codes: a supervisor must count, or the hand-over be cancelled"
    )]
    CodesUsedUp,
    #[error(
        "a second person must do this: neither the first one, nor anybody who had a part in it \
         before"
    )]
    SamePerson,
    /// Also for 0, which is nobody's id.
    #[error("person {0} is not registered, or was removed: give the id of a registered person")]
    PersonNotRegistered(PersonId),
    #[error(
        "person {0} was registered before and is removed for ever; nothing was changed: register \
         another id"
    )]
    PersonRemoved(PersonId),
    #[error(
        "person {0} is a courier whom two people have not registered: register them first \
         (RegisterPerson)"
    )]
    OnlyCourier(PersonId),
    #[error("person {0} gave this command and is not one of the persons that it names")]
    NotOneOfThePersons(PersonId),
    /// The limit of [`SetRefundLimit`](crate::SetRefundLimit).
    #[error(
        "refunds of a payment above {} minor units need two people: send RefundByTwoPersons",
        .0.minor()
    )]
    RefundNeedsTwoPeople(Amount),
    #[error(
        "an adjusting entry is between two of these: a bank account, a seller, a firm, own income \
         or expenses"
    )]
    AdjustedAccounts,
    #[error("the seller pays for this damaged or lost parcel: nobody compensates the goods")]
    SellerPays,
    #[error("no seller of this cycle has a payout due")]
    NothingToPay,
    #[error("the calendar made this plan, so two people approve it: send ApproveCyclePlan")]
    PlanNeedsTwoPeople,
    /// The settlement plan or the break is not in the required state.
    #[error("the state of the plan or break does not allow this")]
    PlanState,
    #[error("an account would exceed its balance limits")]
    LimitReached,
    #[error(
        "closed parcels are kept {} to {} days",
        crate::RETENTION_DAYS_MIN,
        crate::RETENTION_DAYS_MAX
    )]
    RetentionOutOfRange,
    #[error("the date {0} is not allowed here")]
    BadDate(BusinessDate),
    /// The terminal's last batch; 0 if there is none.
    #[error("the terminal's last batch is {0} and may be closed: sign on again")]
    WrongBatch(u32),
    #[error("the batch is full: close it and sign on again")]
    BatchFull,
    #[error("the batch has pending transactions: close it when they are answered")]
    BatchBusy,
    #[error("the batch is not disputed: it is open or agrees with the books")]
    BatchNotDisputed,
    #[error("the terminal used this number for another transaction of the batch")]
    TraceTaken,
    #[error("the network is withdrawn: choose another network")]
    NetworkWithdrawn,
    #[error(
        "a card payment must name 1 to {} networks, its own as the only chosen one; other payments \
         must name none",
        crate::ROUTE_CANDIDATES_MAX
    )]
    BadRoute,
    #[error("this payment method is not possible here")]
    BadMethod,
    #[error("the card, original or network message does not belong to this kind of transaction")]
    WrongSubject,
    /// See [`ResolveSuspendedSale`](crate::ResolveSuspendedSale).
    #[error(
        "the break is an offline sale in suspense: decide to book it to its parcel or to owe it to \
         the buyer"
    )]
    BreakOfSuspendedSale,
    #[error("the pre-authorisation has expired: collect the amount another way")]
    PreAuthorisationExpired,
    /// A decline came with response code 00.
    #[error("response code 00 approves: a decline must have another one")]
    ApprovedDecline,
    #[error("cash given minus change must equal the amount")]
    WrongChange,
    #[error(
        "the terminal has {} open items: close some before its next batch",
        crate::OPEN_ITEMS_PER_TERMINAL_MAX
    )]
    TooManyOpenItems,
}

fn missing(missing: &MissingRecord) -> &'static str {
    match missing {
        MissingRecord::Bank(_) => "bank account",
        MissingRecord::Firm(_) => "courier firm",
        MissingRecord::Courier(_) => "courier",
        MissingRecord::Terminal(_) => "terminal",
        MissingRecord::Network(_) => "card network",
        MissingRecord::Wallet(_) => "wallet",
        MissingRecord::Seller(_) => "seller",
        MissingRecord::Tariff(_) => "tariff",
        MissingRecord::Class => "class of the seller's tariff",
        MissingRecord::HoldRule => "hold rule for the seller's jurisdiction",
        MissingRecord::Parcel(_) => "parcel",
        MissingRecord::Payment => "payment of this parcel",
        MissingRecord::HandOver(_) => "hand-over to count",
        MissingRecord::Deposit(_) => "deposit to confirm",
        MissingRecord::Plan(_) => "settlement plan",
        MissingRecord::Payout(_) => "payout in flight",
        MissingRecord::Break(_) => "open break",
        MissingRecord::Transaction => "transaction",
        MissingRecord::Chargeback => "chargeback with this number",
        MissingRecord::Invoice => "invoice to the seller",
        MissingRecord::OpenItem(_) => "open item",
    }
}

//! Why a command is refused. A refused command changes nothing (M10).

use machine::{ActorKind, ApiKeyId, with_examples};
use money::{Amount, Currency, SignedAmount};
use tariff::{BusinessDate, TermsError};

use crate::command::LineReference;
use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, HandOverId, NetworkId, OpenItemId, ParcelId,
    PayoutId, PersonId, PlanId, SellerId, TariffId, TerminalId, WalletId,
};
use crate::payment::codes::ResponseCode;
use crate::terminal::used_stans::{FinalDecline, RequestDigest};

/// A line that names a payment, and the reference of that payment's own request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContradictedLine {
    pub known: LineReference,
    pub line: LineReference,
}

with_examples! {
    /// A record that a command names and the books do not have.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum MissingRecord {
        Bank(BankId = BankId(1)),
        Firm(FirmId = FirmId(1)),
        Courier(CourierId = CourierId(1)),
        Terminal(TerminalId = TerminalId(1)),
        Network(NetworkId = NetworkId(1)),
        Wallet(WalletId = WalletId(1)),
        Seller(SellerId = SellerId(1)),
        Tariff(TariffId = TariffId(1)),
        Class,
        HoldRule,
        Parcel(ParcelId = ParcelId::new(1)),
        Payment,
        /// Not counted yet.
        HandOver(HandOverId = HandOverId(1)),
        /// Not confirmed yet.
        Deposit(DepositId = DepositId(1)),
        /// Not executed yet.
        Plan(PlanId = PlanId(1)),
        /// In flight.
        Payout(PayoutId = PayoutId(1)),
        /// In force, with this digest.
        PayoutAccount,
        /// Open.
        Break(BreakId = BreakId(1)),
        /// A remembered transaction of a terminal.
        Transaction,
        /// Of this payment, under this number.
        Chargeback,
        /// An invoice to the seller.
        Invoice,
        OpenItem(OpenItemId = OpenItemId(1)),
        /// A remembered file of the lane.
        File(u32 = 7),
        /// Of this bank account, on no statement.
        BankMovement,
        ExpectedEntry,
    }
}

with_examples! {
    /// What is wrong with a reference or another free text.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum TextFault {
        #[error("must have 1 to {} bytes", crate::REFERENCE_BYTES_MAX)]
        Length,
        #[error("must have more than spaces")]
        Blank,
        /// A control character, or one that hides text or changes its direction.
        #[error("has the invisible character U+{:04X}", u32::from(*.0))]
        Invisible(char = '\u{202E}'),
        /// 13 to 19 digits with a right check digit (M12). The text is not repeated.
        #[error("looks like a card number, and the books keep none")]
        CardNumber,
        /// Not two upper-case letters.
        #[error("must be a country code of two letters, such as CN")]
        NotACountry,
    }
}

with_examples! {
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Refusal {
        /// The command may not be given by this kind of actor.
        #[error("a {0} may not give this command: `doorstep do COMMAND --help` says who may")]
        NotAllowed(ActorKind = ActorKind::Person),
        /// The command was applied before, as far as the books remember. A harmless retry.
        #[error("the command was applied before: nothing to do")]
        Repeated,
        #[error(
            "the identifier, or the tariff's version, has other content already: use a new one"
        )]
        IdentifierTaken,
        /// A used number came again with other content. Not a retry.
        #[error(
            "number {0} was used before with other content: send a new \
             number, or the same content as before"
        )]
        NumberUsed(u32 = 7),
        /// A used number whose content the books no longer know.
        #[error(
            "number {0} was used before and its content is no longer known: \
             look it up in the journal, and send a new number only if it was something else"
        )]
        NumberForgotten(u32 = 7),
        /// What the command names was done before by other people or with other content.
        #[error(
            "this was done before with other content: compare it with what \
             was done (`doorstep log`)"
        )]
        OtherContent,
        #[error(
            "the chargeback was lost before: wait for a line that pays it \
             back, which wins it"
        )]
        ChargebackWasLost,
        #[error(
            "the chargeback was won before: let two people take it back if \
             that was a mistake (`doorstep chargeback take-back-win`)"
        )]
        ChargebackWasWon,
        #[error("the chargeback is not won: there is nothing to do")]
        ChargebackNotWon,
        #[error(
            "a line of the file has paid the chargeback back: give another \
             chargeback of the payment the next number"
        )]
        ChargebackPaidBack,
        /// The most of the last [`SetChargebackFee`](crate::SetChargebackFee). Zero before.
        #[error(
            "the fee of one chargeback can be {} at most: give at most that, or let two people set \
             another limit first (`doorstep setup chargeback-fee`)",
            minor_units(*.0)
        )]
        ChargebackFeeAboveMost(Amount = Amount::of(1250)),
        /// A line names a payment, and the books remember another request of it.
        #[error(
            "the line names a payment whose request has {}, and the line has {}: leave out the \
             payment, then the line is a break",
            .0.known,
            .0.line
        )]
        LineOfAnotherRequest(Box<ContradictedLine> = Box::new(ContradictedLine {
            known: LineReference::Order("1".to_owned()),
            line: LineReference::Order("2".to_owned()),
        })),
        #[error(
            "a card network's line must name its request (RRN, STAN and time), a wallet's line \
             its order: correct the reference"
        )]
        ReferenceOfOtherRail,
        #[error(
            "the line of this break names a payment of seller {0}: name that seller, no other one \
             can take it"
        )]
        NotThePaymentsSeller(SellerId = SellerId(1)),
        #[error(
            "nothing of the invoice is open, because it is paid or cancelled: there is nothing to \
             do"
        )]
        InvoiceNotOpen,
        #[error(
            "the books are not open, or were opened with another UTC offset: open them first \
             (`doorstep setup books`), with the offset that they have"
        )]
        BooksNotOpen,
        #[error(
            "the time is before that of the last command: correct this machine's clock, or wait"
        )]
        TimeBackwards,
        #[error("there is no such {}", missing(.0))]
        NotFound(MissingRecord = MissingRecord::Class),
        /// The name of the field, and what is wrong with its text.
        #[error("the field `{0}` {1}: write another text")]
        BadText(&'static str = "reference", TextFault = TextFault::Length),
        #[error("the amount must be above zero: give another amount")]
        AmountZero,
        /// See [`Amount::ENTRY_MAX`].
        #[error(
            "the amount is {}, and one amount can be {most} at most: correct it, or enter it in \
             parts",
            minor_units(*.0),
            most = minor_units(Amount::ENTRY_MAX)
        )]
        AmountAboveLimit(Amount = Amount::MAX),
        #[error("the amount exceeds the {} available: give at most that", minor_units(*.0))]
        AmountTooLarge(Amount = Amount::of(1250)),
        /// What stands beyond the new amount due.
        #[error("more is paid than that: refund {} first", minor_units(*.0))]
        RefundFirst(Amount = Amount::of(1250)),
        /// The bank account's balance less payouts in flight from it.
        #[error(
            "the bank account has {} available: use another account, or wait until it has the \
             amount",
            minor_units(*.0)
        )]
        InsufficientFunds(SignedAmount = SignedAmount::of(-1250)),
        #[error(
            "the amount differs from the {} in the books: give that amount",
            minor_units(*.0)
        )]
        AmountMismatch(Amount = Amount::of(1250)),
        #[error(
            "the sum would exceed the largest amount that Doorstep supports: give a smaller amount"
        )]
        Overflow,
        #[error("a list or limit must be between 1 and {0}: give another limit, or split the list")]
        OutOfRange(u32 = 200),
        #[error(
            "a hold has 0 to {} days: give a number in this range",
            crate::HOLD_DAYS_MAX
        )]
        HoldTooLong,
        /// Local time minus UTC.
        #[error(
            "an offset from UTC is from -{most} to {most} minutes: give one in this range",
            most = machine::UTC_OFFSET_MINUTES_MAX
        )]
        OffsetOutOfRange,
        #[error("the currencies {0} and {1} differ: name accounts and amounts of one currency")]
        CurrencyMismatch(Currency = Currency::CNY, Currency = Currency::JPY),
        #[error("no account in {0}: register a bank account in {0}, and the seller in {0}")]
        CurrencyWithoutAccount(Currency = Currency::CNY),
        #[error("the tariff is invalid ({0}): correct the tariff file (`doorstep tariff check`)")]
        BadTerms(TermsError = TermsError::ClassCount(0)),
        /// Out of order, in the past, or with a gap or an overlap.
        #[error(
            "a new version of a tariff must begin where the last one ends, and on a day after \
             today: give it another first day"
        )]
        BadVersion,
        #[error("the changes of the UTC offset must be in order of time: sort them")]
        ChangesOutOfOrder,
        #[error(
            "no version of the tariff is in force on {0}: publish one first (`doorstep setup \
             tariff`)"
        )]
        NoTariff(BusinessDate = BusinessDate(16_000)),
        #[error(
            "the parcel's state does not allow this: look at it with `doorstep parcels`, and do \
             first what comes before"
        )]
        ParcelState,
        /// The parcel was returned, lost or cancelled, or a later shipment of its order is known.
        #[error(
            "the parcel was returned, lost or cancelled: announce the order's next shipment, with \
             the next number"
        )]
        ShipmentEnded,
        #[error(
            "the order's shipment before is neither returned, lost nor cancelled: end it first"
        )]
        EarlierShipment,
        /// The parcel, the terminal or the cash belongs to another courier or firm.
        #[error(
            "the parcel, terminal or payment belongs to another courier or firm: name that one"
        )]
        WrongCourier,
        #[error("the terminal is blocked: unblock it first (`doorstep terminals unblock`)")]
        TerminalBlocked,
        #[error(
            "the courier is suspended: two people must lift that first (`doorstep unsuspend \
             courier`)"
        )]
        CourierSuspended,
        #[error(
            "the seller is suspended: two people must lift that first (`doorstep unsuspend seller`)"
        )]
        SellerSuspended,
        /// Terms whose first day is to come.
        #[error(
            "{} terms wait for their day already: wait, or replace one by giving its day again",
            crate::TERMS_WAITING_MAX
        )]
        TooManyTerms,
        /// The parcel's attempts or payments, the payment's refunds, or the invoice's payments are
        /// used up.
        #[error(
            "the limit of {0} is reached: end this parcel, payment, invoice or break, and begin \
             another"
        )]
        TooMany(u8 = 99),
        #[error("the number must be the next one, {0}: give that, or leave the number out")]
        WrongSequenceNumber(u32 = 7),
        #[error(
            "the payment's state does not allow this: look at it with `doorstep log --parcel \
             WAYBILL`; it may not be collected yet, or be refunded, reversed or charged back"
        )]
        PaymentState,
        /// A payment of the same kind is unknown and must be reversed first (M4).
        #[error(
            "an earlier payment of this parcel has an unknown outcome: wait until it is reversed"
        )]
        EarlierPaymentUnknown,
        #[error(
            "{} payments of the network have an unknown outcome: wait until some are reversed",
            crate::UNKNOWN_PAYMENTS_PER_NETWORK_MAX
        )]
        TooManyUnknown,
        /// The courier's cash limit of today.
        #[error(
            "the payment would exceed the courier's cash limit of {}: hand over cash first",
            minor_units(*.0)
        )]
        CashLimitExceeded(Amount = Amount::of(1250)),
        #[error("the courier has a hand-over that is not counted yet: count or cancel it first")]
        HandOverOpen,
        #[error("the courier has no cash to hand over: there is nothing to do")]
        NoCashInHand,
        /// See [`WRONG_CODES_MAX`](crate::WRONG_CODES_MAX).
        #[error(
            "too many wrong one-time codes: a supervisor must count, or the hand-over be cancelled"
        )]
        CodesUsedUp,
        #[error(
            "a second person must do this: neither the first one, nor anybody who had a part in \
             it before"
        )]
        SamePerson,
        /// Also for 0, which is nobody's id.
        #[error("person {0} is not registered, or was removed: give the id of a registered person")]
        PersonNotRegistered(PersonId = PersonId(7)),
        #[error(
            "person {0} was registered before and is removed for ever: \
             register another id"
        )]
        PersonRemoved(PersonId = PersonId(7)),
        #[error(
            "person {0} is a courier, or acts for a seller or firm, and two people have not \
             registered them: register them first (`doorstep setup person`)"
        )]
        OnlyCourier(PersonId = PersonId(7)),
        #[error(
            "person {0} gave this command and is not one of the persons that it names: let one of \
             them give it"
        )]
        NotOneOfThePersons(PersonId = PersonId(7)),
        #[error(
            "person {0} is no administrator: let an administrator approve or revoke it \
             (`doorstep user list`)"
        )]
        NotAdministrator(PersonId = PersonId(7)),
        #[error(
            "the person is the last administrator: give this role to another person first \
             (`doorstep user grant`)"
        )]
        LastAdministrator,
        #[error(
            "API key {0} was never issued, is revoked or expired, or its person is removed: use \
             another key, or let two people issue one (`doorstep api-key issue`)"
        )]
        KeyNotInForce(ApiKeyId = ApiKeyId(7)),
        /// A seller's or firm's key cannot be one of the persons who give a command.
        #[error(
            "API key {0} belongs to no person, and the command names who gives it: let one of \
             those persons give it"
        )]
        KeyOfNoPerson(ApiKeyId = ApiKeyId(7)),
        #[error(
            "a person's key has some of the person's roles, each once, and any other key one \
             seller or one firm: correct the grants"
        )]
        KeyGrants,
        #[error(
            "a key expires after now, and within {} days: give another time",
            crate::API_KEY_DAYS_MAX
        )]
        KeyTime,
        #[error(
            "{} keys were issued, the most that these books keep: use one of them",
            crate::API_KEYS_MAX
        )]
        TooManyKeys,
        /// The limit of [`SetRefundLimit`](crate::SetRefundLimit).
        #[error(
            "refunds of a payment above {} need two people: run `doorstep refund by-two`",
            minor_units(*.0)
        )]
        RefundNeedsTwoPeople(Amount = Amount::of(1250)),
        #[error(
            "an adjusting entry is between two of these, name them: a bank account, a seller, a \
             firm, own income or expenses"
        )]
        AdjustedAccounts,
        #[error(
            "the seller pays for this damaged or lost parcel: nobody compensates the goods; post \
             an adjusting entry (`doorstep period adjust`) to pay all the same"
        )]
        SellerPays,
        #[error(
            "no seller of this cycle has a payout due: plan again when `doorstep status` shows \
             money payable"
        )]
        NothingToPay,
        #[error(
            "the calendar made this plan, so two people approve it: run `doorstep settlement \
             approve-cycle`"
        )]
        PlanNeedsTwoPeople,
        #[error(
            "payout {0} is on its way to this account: wait until the bank has confirmed or \
             returned the payout"
        )]
        PayoutOnItsWay(PayoutId = PayoutId(1)),
        #[error(
            "{} still have to reach the person: pay them first, or name the court or authority \
             that orders the erasure (--ordered-by)",
            minor_units(*.0)
        )]
        MoneyForSubject(Amount = Amount::of(1250)),
        #[error(
            "the seller has open parcels: end them first, or name the court or authority that \
             orders the erasure (--ordered-by)"
        )]
        SellerHasOpenParcels,
        #[error(
            "these persons have no personal data of this kind: name sellers for payout accounts \
             and identities, and parcels for deliveries"
        )]
        OtherPersonalData,
        /// The settlement plan or the break is not in the required state.
        #[error(
            "the state of the plan or break does not allow this: look at it first with `doorstep \
             status` or `doorstep breaks`"
        )]
        PlanState,
        #[error(
            "an account would exceed its balance limits: look at `doorstep accounts`, and give a \
             smaller amount"
        )]
        LimitReached,
        #[error(
            "closed parcels are kept {} to {} days: give a number in this range",
            crate::RETENTION_DAYS_MIN,
            crate::RETENTION_DAYS_MAX
        )]
        RetentionOutOfRange,
        /// With the first and the last day that are possible.
        #[error(
            "the date {0} is not possible here: {possible}",
            possible = possible_dates(*.1, *.2)
        )]
        BadDate(
            BusinessDate = BusinessDate(16_000),
            BusinessDate = BusinessDate(16_001),
            BusinessDate = BusinessDate::MAX
        ),
        /// The terminal's last batch; 0 if there is none.
        #[error("the terminal's last batch is {0} and may be closed: sign on again")]
        WrongBatch(u32 = 7),
        #[error("the batch is full: close it and sign on again")]
        BatchFull,
        #[error("the batch has pending transactions: close it when they are answered")]
        BatchBusy,
        #[error(
            "the batch is open or agrees with the books, and is not disputed: there is nothing to \
             do"
        )]
        BatchNotDisputed,
        #[error(
            "the terminal used this number for another transaction of the batch: send the next \
             number"
        )]
        TraceTaken,
        /// See [`DeclineRequest`](crate::DeclineRequest).
        #[error(
            "the terminal's request with this number was declined with response code {}, for \
             good: send the next number",
            .0.code
        )]
        RequestDeclined(FinalDecline = FinalDecline {
            request: RequestDigest::of([7].into_iter()),
            code: ResponseCode::WRONG_PIN,
        }),
        #[error(
            "the network is withdrawn: choose another network, or let two people reinstate it \
             (`doorstep network reinstate`)"
        )]
        NetworkWithdrawn,
        #[error(
            "a card payment must name 1 to {} networks, its own as the only chosen one; other \
             payments must name none: correct the route",
            crate::ROUTE_CANDIDATES_MAX
        )]
        BadRoute,
        #[error(
            "this payment method is not possible here: use one that the terminal, network or \
             wallet takes"
        )]
        BadMethod,
        #[error(
            "the card, original or network message does not belong to this kind of transaction: \
             send the original transaction that does"
        )]
        WrongSubject,
        /// See [`ResolveSuspendedSale`](crate::ResolveSuspendedSale).
        #[error(
            "the break is an offline sale in suspense: decide to book it to its parcel or to owe \
             it to the buyer"
        )]
        BreakOfSuspendedSale,
        #[error("the pre-authorisation has expired: collect the amount another way")]
        PreAuthorisationExpired,
        /// A decline came with response code 00.
        #[error("response code 00 approves: send a decline with another one")]
        ApprovedDecline,
        #[error("cash given minus change must equal the amount: correct one of the three")]
        WrongChange,
        #[error(
            "the terminal has {} open items: close some before its next batch",
            crate::OPEN_ITEMS_PER_TERMINAL_MAX
        )]
        TooManyOpenItems,
        #[error("file {0} of this sender is not ended: take all of its lines and end it first")]
        FileNotEnded(u32 = 7),
        #[error("this file was taken before, as file {0}: there is nothing to do")]
        FileTakenBefore(u32 = 7),
        /// The lines that the file said it has.
        #[error(
            "the file has {0} lines, and the books have all of them: give what else there is as \
             another file"
        )]
        FileHasAllLines(u32 = 7),
        /// The lines that the books have.
        #[error("the books have {0} lines of the file, which says more: give the others first")]
        FileLinesMissing(u32 = 7),
        /// What the lines add up to.
        #[error(
            "the lines of the file add up to {}, and the file says another total: look in \
             `doorstep log` who gave them",
            minor_units(*.0)
        )]
        FileTotal(SignedAmount = SignedAmount::of(-1250)),
        #[error(
            "a bank statement has an opening balance, and no other file has one: correct the file"
        )]
        OpeningBalanceOfFile,
        /// The closing balance of the statement before.
        #[error(
            "the statement before closed with {}, and this one opens with another balance: give \
             the statement in between first",
            minor_units(*.0)
        )]
        StatementGap(SignedAmount = SignedAmount::of(-1250)),
        #[error(
            "the parts of an entry must be in the order of their movements, each once: sort them"
        )]
        EntryPartsNotInOrder,
        /// What is open, or what must be matched as a whole.
        #[error(
            "{} of this movement can be matched: give a part with the same sign, and not more",
            minor_units(*.0)
        )]
        MovementAmount(SignedAmount = SignedAmount::of(-1250)),
        #[error("it belongs to another bank account: name that account")]
        OtherBankAccount,
    }
}

impl Refusal {
    /// The amounts in the text, where they are in minor units: the books that refuse do not always
    /// know the currency. The larger one first.
    #[must_use]
    pub fn amounts(&self) -> Vec<SignedAmount> {
        match *self {
            Refusal::AmountAboveLimit(amount) => vec![amount.into(), Amount::ENTRY_MAX.into()],
            Refusal::InsufficientFunds(amount)
            | Refusal::FileTotal(amount)
            | Refusal::StatementGap(amount)
            | Refusal::MovementAmount(amount) => vec![amount],
            Refusal::ChargebackFeeAboveMost(amount)
            | Refusal::AmountTooLarge(amount)
            | Refusal::RefundFirst(amount)
            | Refusal::AmountMismatch(amount)
            | Refusal::CashLimitExceeded(amount)
            | Refusal::MoneyForSubject(amount)
            | Refusal::RefundNeedsTwoPeople(amount) => vec![amount.into()],
            _ => Vec::new(),
        }
    }
}

fn minor_units(amount: impl Into<SignedAmount>) -> String {
    format!("{} minor units", amount.into().minor())
}

fn possible_dates(first: BusinessDate, last: BusinessDate) -> String {
    match (first, last) {
        _ if first > last => "no date is possible yet, wait until a day has ended".to_owned(),
        _ if first == last => format!("only {first} is"),
        (BusinessDate(0), last) => format!("give {last} or an earlier date"),
        (first, BusinessDate::MAX) => format!("give {first} or a later date"),
        _ => format!("give a date from {first} to {last}"),
    }
}

fn missing(missing: &MissingRecord) -> &'static str {
    match missing {
        MissingRecord::Bank(_) => {
            "bank account: check its reference, or register it first (`doorstep setup bank`)"
        }
        MissingRecord::Firm(_) => {
            "courier firm: check its reference, or register it first (`doorstep setup firm`)"
        }
        MissingRecord::Courier(_) => {
            "courier: check the reference, or register the courier first (`doorstep setup courier`)"
        }
        MissingRecord::Terminal(_) => {
            "terminal: check its number, or register it first (`doorstep setup terminal`)"
        }
        MissingRecord::Network(_) => {
            "card network: check its name, or register it first (`doorstep setup network`)"
        }
        MissingRecord::Wallet(_) => {
            "wallet: check its name, or register it first (`doorstep setup wallet`)"
        }
        MissingRecord::Seller(_) => {
            "seller: check the reference, or register the seller first (`doorstep setup seller`)"
        }
        MissingRecord::Tariff(_) => {
            "tariff: name it with its currency, such as `china-2013 CNY`, or publish it first \
             (`doorstep setup tariff`)"
        }
        MissingRecord::Class => {
            "class of the seller's tariff: give the place of one of its classes, counted from 0"
        }
        MissingRecord::HoldRule => {
            "hold rule for the seller's jurisdiction: set one first (`doorstep setup hold-rule`), \
             or check the jurisdiction"
        }
        MissingRecord::Parcel(_) => {
            "parcel: check the waybill in `doorstep parcels`, or announce it first \
             (`doorstep parcel announce`)"
        }
        MissingRecord::Payment => {
            "payment of this parcel: look for its number in `doorstep log --parcel WAYBILL`"
        }
        MissingRecord::HandOver(_) => {
            "hand-over to count: look for it in `doorstep cash`; it may be counted or cancelled"
        }
        MissingRecord::Deposit(_) => {
            "deposit to confirm: look for it in `doorstep cash`; it may be confirmed or cancelled"
        }
        MissingRecord::Plan(_) => {
            "settlement plan: look for it in `doorstep status`; it may be executed already"
        }
        MissingRecord::Payout(_) => {
            "payout in flight: look for it in `doorstep statement SELLER`; it may be paid or \
             returned already, or not be sent yet"
        }
        MissingRecord::PayoutAccount => {
            "payout account in force: look with `doorstep payout-account list`; it may be erased \
             already, or another one may be in force since"
        }
        MissingRecord::Break(_) => {
            "open break: look for its number in `doorstep breaks`; it may be closed already"
        }
        MissingRecord::Transaction => "transaction: send an original that the books still know",
        MissingRecord::Chargeback => {
            "chargeback with this number: look for it in `doorstep log --parcel WAYBILL`"
        }
        MissingRecord::Invoice => {
            "invoice to the seller: invoice the seller first (`doorstep invoice seller`)"
        }
        MissingRecord::OpenItem(_) => {
            "open item: look for its number in `doorstep open-items --kind batch`; it may be \
             closed already"
        }
        MissingRecord::File(_) => {
            "file of this sender: begin it first, and look for its number in `doorstep recon \
             status`"
        }
        MissingRecord::BankMovement => {
            "movement of this bank account that is on no statement: look for it in `doorstep recon \
             status`; a statement may have shown it already"
        }
        MissingRecord::ExpectedEntry => {
            "entry whose cause is awaited: look for it in `doorstep recon status`; it may be \
             matched or a break already"
        }
    }
}

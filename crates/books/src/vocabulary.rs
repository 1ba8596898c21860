//! Kinds, reasons, rules and outcomes in commands. They are journaled: only add variants, at the
//! end.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Currency, SignedAmount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tariff::CardKind;

use crate::ids::{
    BankId, BreakId, CourierId, DepositId, FirmId, NetworkId, ParcelId, PaymentId, PayoutId,
    SellerId, WalletId,
};
use crate::payment::codes::{AuthorisationCode, ResponseCode, RetrievalReference, WalletPaymentId};
use crate::terminal::transaction::NetworkReference;

/// A tax that is owed to the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum Tax {
    /// Value added tax on what sellers are charged.
    Vat,
    /// Tax withheld from what courier firms are paid.
    Withholding,
}

impl Tax {
    pub const ALL: [Tax; 2] = [Tax::Vat, Tax::Withholding];
}

/// A role of a person or an API key, and whose things it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum GrantedRole {
    Administrator,
    Operator,
    Finance,
    /// Sees everything, changes nothing.
    Auditor,
    Hub,
    /// The courier whose id is the person's.
    Courier,
    Seller(SellerId),
    Firm(FirmId),
}

/// Whose notices can be sent again. Those of a person are left to the owner of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum NoticeOwner {
    Seller(SellerId),
    Firm(FirmId),
    Courier(CourierId),
    /// Who gets this parcel.
    Buyer(ParcelId),
    /// The people who run Doorstep, as one.
    Staff,
    /// Everyone: a public account.
    Public,
}

/// What happened at the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum AccessEvent {
    SignedIn,
    /// After too many wrong attempts.
    LockedOut,
    /// The second factor was given again.
    SteppedUp,
    PasswordSet,
    SignedOut,
    /// The person or an administrator ended it.
    SessionEnded,
    /// The secret of a key was made.
    KeySecretMade,
    PasskeyAdded,
    PasskeyRemoved,
    /// A copy of the passkey was used: it counts no more.
    PasskeySuspected,
    SignedInByPasskey,
    /// With an OpenID provider.
    SignedInByProvider,
    /// An identity of an OpenID provider was linked to the person.
    IdentityLinked,
    IdentityUnlinked,
    PasswordChanged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SellerKind {
    Individual,
    Business,
}

/// A two-letter country code of ISO 3166-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct Jurisdiction(pub [u8; 2]);

machine::json_as_text!(Jurisdiction, "^[A-Z]{2}$", "country");

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl FromStr for Jurisdiction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Jurisdiction, &'static str> {
        let code = text
            .as_bytes()
            .try_into()
            .ok()
            .filter(|code: &[u8; 2]| code.iter().all(u8::is_ascii_uppercase));
        code.map(Jurisdiction).ok_or("a jurisdiction is two capital letters of ISO 3166-1")
    }
}

/// A change of local time, as when daylight saving time begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct UtcOffsetChange {
    /// The instant from which the offset holds.
    pub from: Timestamp,
    /// Local time minus UTC, in minutes.
    pub utc_offset_minutes: i16,
}

/// Local time minus UTC at an instant, in minutes. `first` holds before the changes, which are in
/// order of time.
#[must_use]
pub fn utc_offset_at(first: i16, changes: &[UtcOffsetChange], at: Timestamp) -> i16 {
    let past = changes.partition_point(|change| change.from <= at);
    past.checked_sub(1).map_or(first, |last| changes[last].utc_offset_minutes)
}

/// When received money becomes payable. Money of a parcel that is not delivered waits for the
/// delivery under each rule, or until nothing of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum HoldRule {
    /// On receipt of a delivered parcel's money, in the same command.
    AtOnce,
    /// This many days after receipt ("D+n").
    DaysAfterHeld(u16),
    /// On receipt, but not before this many days after delivery. Thailand requires five days.
    DaysAfterDelivery(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SettlementCycle {
    Daily,
    Weekly,
    Monthly,
}

/// A parcel that is given to a firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct AssignedParcel {
    pub parcel: ParcelId,
    /// The number of the parcel's last assignment plus 1.
    pub number: u8,
}

/// A parcel that a courier takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct DispatchedParcel {
    pub parcel: ParcelId,
    /// The delivery attempt that begins: the parcel's failed attempts plus 1.
    pub attempt: u8,
}

/// Why a delivery attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum AttemptReason {
    NobodyHome,
    AddressWrong,
    /// The buyer asked for another day.
    AnotherDay,
    CannotPay,
    /// The courier's day ended first.
    OutOfTime,
}

/// Who got a parcel at the door. No name: that would be personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ParcelReceiver {
    Buyer,
    /// Somebody who lives or works with the buyer.
    Household,
    Neighbour,
    /// A front desk or a guard.
    Reception,
}

/// Why a parcel was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum RefuseReason {
    NotWanted,
    NotAsOrdered,
    Damaged {
        paid_by: DamagePayer,
    },
    AmountDisputed,
    /// The last attempt failed.
    AttemptsUsedUp,
}

/// The party that pays for a damaged or lost parcel: its return fee, and what the seller is
/// compensated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DamagePayer {
    /// Is not compensated.
    Seller,
    /// The courier firm that has the parcel, or had it last.
    Firm,
    Doorstep,
}

/// Where a payment goes: a network with the card's kind, or a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PaymentRoute {
    Card {
        /// The chosen network.
        network: NetworkId,
        kind: CardKind,
    },
    /// By QR code.
    Qr { wallet: WalletId },
}

/// The outcome of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PaymentResolution {
    Approved(Approval),
    Declined {
        code: ResponseCode,
    },
    /// No response in time. The payment is reversed (M4). A late approval changes nothing, even
    /// after the reversal or a decline. A late decline ends the payment.
    Unknown,
}

/// What approved a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// The network of a card payment, with its authorisation code if it sent one.
    Network(Option<AuthorisationCode>),
    /// The wallet of a QR payment.
    Wallet(WalletPaymentId),
}

/// A network or wallet, which pays by files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum RailId {
    Network(NetworkId),
    Wallet(WalletId),
}

/// Whose personal data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DataSubject {
    Seller(SellerId),
    /// Who gets this parcel.
    Buyer(ParcelId),
}

impl fmt::Display for DataSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataSubject::Seller(seller) => write!(f, "seller {seller}"),
            DataSubject::Buyer(parcel) => write!(f, "buyer of parcel {parcel}"),
        }
    }
}

/// Which personal data of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PersonalDataKind {
    /// The bank account of a seller.
    PayoutAccount,
    /// The number of a seller's identity document.
    Identity,
    /// Name, phone and address of a buyer.
    Delivery,
}

/// Why personal data are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DisclosurePurpose {
    /// For a message to the bank.
    Payout,
    /// For a waybill, or a courier at the door.
    Delivery,
    /// A payment, parcel or account is questioned.
    Dispute,
    /// The subject asks for it.
    SubjectRequest,
    Audit,
    /// A court or an authority asks for it.
    LegalOrder,
}

/// Who can order an erasure that the books would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ErasureOrder {
    Court,
    Authority,
}

/// The kind of a line of a network's or wallet's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ClearLineKind {
    Sale,
    Completion,
    /// An offline sale.
    Offline,
    Refund,
    /// Takes back what an earlier line paid.
    Reversal,
    ChargeBack,
    /// Its amount is zero.
    FeeCorrection,
    /// Pays a chargeback back that was contested.
    Representment,
}

/// By what a line of a file names its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum LineReference {
    /// Of a network: fields 37, 11 and 7 of the request.
    Request { rrn: RetrievalReference, sent: NetworkReference },
    /// Of a wallet: its order, as in the file.
    Order(String),
}

impl fmt::Display for LineReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineReference::Request { rrn, sent } => {
                write!(f, "RRN {rrn}, STAN {}, {}", sent.stan, sent.utc_time())
            }
            LineReference::Order(order) => write!(f, "order {order}"),
        }
    }
}

/// Where a break was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakSubject {
    /// A bank account.
    Bank(BankId),
    /// A network's receivable.
    Network(NetworkId),
    /// A wallet's receivable.
    Wallet(WalletId),
    /// A firm's counted cash.
    FirmCash(FirmId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakSide {
    /// More than in the books.
    Excess,
    /// Less than in the books.
    Shortfall,
}

/// Why two persons close an open item. Nothing is posted: what is missing at a network, in a bank
/// account or in a firm's cash is found there, and is a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OpenItemReason {
    /// The books are right: the terminal lost lines or kept wrong ones.
    BooksAreRight,
    /// The terminal is right, and the books were corrected by other commands.
    BooksWereCorrected,
    /// Nobody can tell any more.
    Untraceable,
}

/// How a break is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BreakResolution {
    /// At Doorstep's cost or gain.
    WriteOff,
    /// Through a bank account: an excess is paid back, a shortfall is paid in.
    ThroughBank(BankId),
    /// A seller's payable balance: an excess is the seller's, a shortfall is charged. Only for a
    /// break whose evidence is a line of a file.
    ToSeller(SellerId),
    /// The line of the break is applied to a payment, as if it had named it. Only if nothing of it
    /// is left over.
    ToPayment(PaymentId),
    /// The entry of the break shows what the books posted in the same bank account since.
    ToMovement(BankMovement),
}

/// Whose files they are. The files of each are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum FileLane {
    /// The clearing files of a card network.
    Network(NetworkId),
    /// The bills of a wallet.
    Wallet(WalletId),
    /// The statements of one of Doorstep's bank accounts.
    Bank(BankId),
    /// The remittance sheets of a courier firm.
    Firm(FirmId),
}

impl FileLane {
    /// Its network or wallet. `None` for a bank account and a firm.
    #[must_use]
    pub fn rail(self) -> Option<RailId> {
        match self {
            FileLane::Network(id) => Some(RailId::Network(id)),
            FileLane::Wallet(id) => Some(RailId::Wallet(id)),
            FileLane::Bank(_) | FileLane::Firm(_) => None,
        }
    }
}

impl From<RailId> for FileLane {
    fn from(rail: RailId) -> FileLane {
        match rail {
            RailId::Network(id) => FileLane::Network(id),
            RailId::Wallet(id) => FileLane::Wallet(id),
        }
    }
}

/// What moves a bank account, as the books know it. Its statement shows it once (M15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BankMovement {
    /// The lines of a clearing file together.
    ClearingFile {
        rail: RailId,
        file: u32,
    },
    Deposit(DepositId),
    Payout(PayoutId),
    /// A payout that came back after it was paid.
    ReturnedPayout(PayoutId),
    /// By the number of its confirmation.
    Refund {
        payment: PaymentId,
        number: u8,
    },
    Commission {
        firm: FirmId,
        number: u32,
    },
    Tax(u32),
    InvoicePayment {
        seller: SellerId,
        currency: Currency,
        invoice: u32,
        number: u8,
    },
    Adjustment(u32),
    /// What a person raised as a break of the account, or took back.
    Break(BreakId),
    /// What closed a break through the account.
    BreakClosed(BreakId),
    /// Cash that a courier took. Only a firm's sheet shows it.
    Collection(PaymentId),
}

/// A part of an entry of a bank statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct EntryPart {
    /// A deposit or payout that the bank has not confirmed is confirmed by it. Anything else must
    /// be on no statement yet.
    pub movement: BankMovement,
    /// Above zero: into the account. Not zero, at most what is open.
    pub amount: SignedAmount,
}

/// What is wrong with a line of a file, or with an item that none shows (docs/recon.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ReconBreakKind {
    /// The ledger expects an item, and no file of its day was taken.
    MissingFile,
    /// The file of its day was taken, and the item was not in it.
    LateItem,
    /// A second line for what is matched or broken already.
    Duplicate,
    /// The keys are the same, the amounts are not.
    AmountDiffers,
    /// The amounts are the same, the fees are not.
    FeeDrift,
    /// Each difference could be a rounding, but together they are beyond the bound of the day.
    Rounding,
    /// Less cash was paid in than the deposit says.
    ShortCash,
    /// No item of the ledger has a key of this line.
    UnknownReference,
    /// The line has no key.
    NoReference,
    /// Several items fit, and nothing tells which.
    Ambiguous,
    /// A refund, chargeback, reversal or fee of a known payment that the ledger does not expect.
    Unannounced,
}

impl ReconBreakKind {
    pub const ALL: [ReconBreakKind; 11] = [
        ReconBreakKind::MissingFile,
        ReconBreakKind::LateItem,
        ReconBreakKind::Duplicate,
        ReconBreakKind::AmountDiffers,
        ReconBreakKind::FeeDrift,
        ReconBreakKind::Rounding,
        ReconBreakKind::ShortCash,
        ReconBreakKind::UnknownReference,
        ReconBreakKind::NoReference,
        ReconBreakKind::Ambiguous,
        ReconBreakKind::Unannounced,
    ];

    /// In reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReconBreakKind::MissingFile => "missing_file",
            ReconBreakKind::LateItem => "late_item",
            ReconBreakKind::Duplicate => "duplicate",
            ReconBreakKind::AmountDiffers => "amount_differs",
            ReconBreakKind::FeeDrift => "fee_drift",
            ReconBreakKind::Rounding => "rounding",
            ReconBreakKind::ShortCash => "short_cash",
            ReconBreakKind::UnknownReference => "unknown_reference",
            ReconBreakKind::NoReference => "no_reference",
            ReconBreakKind::Ambiguous => "ambiguous",
            ReconBreakKind::Unannounced => "unannounced",
        }
    }
}

/// What the matcher found for an entry (docs/recon.md). Each rule is in its version 1; another
/// version is another name. The books keep it as the reason of the parts; they check the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum EntryFinding {
    /// The entry and one part have the same key and amount.
    ExactKey,
    /// The entry and its parts have the same key or group, and the same sum.
    KeyedSum,
    /// As `KeyedSum`; the sum differs by a rounding of fees.
    SumTolerance,
    /// The entry has the sum of one group of the same counterparty, in the window of dates.
    DatedSum,
    /// The entry is the sum of just one set of items of the same counterparty.
    SubsetSum,
    /// Nothing fits yet, and its cause can still come.
    Awaited,
    /// Nothing fits.
    Broken(ReconBreakKind),
}

/// Who bears the fee that a network or wallet charges for a chargeback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ChargebackFeeBearer {
    Seller,
    Doorstep,
}

/// A side of an adjusting entry. What other accounts have follows from what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum AdjustmentAccount {
    Bank(BankId),
    /// The seller's payable balance. It can go below zero.
    Seller(SellerId),
    /// Doorstep's income or expenses.
    Own(OwnAccount),
    /// A firm's commission. Below zero, the firm owes.
    Firm(FirmId),
}

/// An account of Doorstep's income or expenses. Not one of fees: what a reversal gives back must be
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OwnAccount {
    OtherIncome,
    ClearingCost,
    WriteOffs,
    /// Goodwill, bank charges, and other expenses.
    OtherExpenses,
}

/// What is unusual about an offline sale that is in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OfflineSaleFlag {
    /// The courier who has the terminal does not have the parcel.
    OtherCourier,
    /// The parcel is neither out nor closed.
    ParcelNotOut,
    ParcelClosed,
    /// The amount exceeds what was left to collect.
    MoreThanDue,
    /// A card payment of the parcel had an unknown outcome.
    EarlierPaymentUnknown,
    OfflineLimitExceeded,
    NetworkWithdrawn,
    /// The terminal is blocked. The sale was made before.
    TerminalBlocked,
    /// The terminal's clock cannot be right: the sale is dated at its arrival.
    DatedOnArrival,
    /// The courier who has the terminal is suspended.
    CourierSuspended,
}

/// Why an offline sale is in suspense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SuspenseReason {
    /// It was made after the terminal's block.
    TerminalBlocked,
    UnknownParcel,
    /// The parcel has all the payments that it can have.
    TooManyPayments,
    /// The network or the courier firm has another currency than the seller.
    OtherCurrency,
    /// No version of the seller's tariff is in force on its day.
    NoTariff,
}

/// What two persons decide about an offline sale in suspense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SuspendedSaleDecision {
    /// It is a payment of its parcel, which the books know by now.
    BookToParcel,
    /// The whole amount is owed to the buyer.
    OweToBuyer,
}

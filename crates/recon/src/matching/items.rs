//! Items of the lanes: what files state, and what the ledger expects.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use money::Currency;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tariff::BusinessDate;

/// Keys of one item, besides its group.
pub const ITEM_KEYS_MAX: usize = 6;
/// A key of more bytes is kept as its digest.
pub const KEY_BYTES_MAX: usize = 38;
/// Marks a key that is kept as a digest.
const DIGESTED: u8 = u8::MAX;
const DIGEST_BYTES: usize = 32;

/// Where an item comes from. The order is part of the result's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Scans of parcels: delivered, collected.
    Scan,
    /// Lines of terminals' batches.
    Batch,
    /// What the books expect to see in another lane.
    Ledger,
    /// Files of card networks.
    Network,
    /// Bills of wallets.
    Wallet,
    /// Entries of bank statements.
    Bank,
    /// Courier firms' remittance sheets.
    Sheet,
}

/// Names an item for ever: decisions of people refer to it. The same line of the same file must
/// have the same id in each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LaneItemId {
    pub lane: Lane,
    /// The caller's number of the file. In the ledger, the caller's number of the kind of record.
    pub file: u64,
    /// The line in the file. In the ledger, the number of the record.
    pub line: u64,
}

/// Lines of different kinds never match each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneItemKind {
    /// A collection: sale, completion, offline sale, wallet payment, delivered parcel.
    Sale,
    Refund,
    Reversal,
    Chargeback,
    Representment,
    FeeCorrection,
    /// What a network or wallet pays for a day, on the bank account.
    ClearingPayment,
    /// Cash that a firm paid in.
    CashDeposit,
    Payout,
    PayoutReturn,
    /// A credit or debit whose reader does not know what it is for. It may match any kind.
    Unstated,
}

/// What a key is. Keys of different kinds are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKeyKind {
    /// Retrieval reference number, field 37.
    Rrn,
    /// STAN and the second in which the request was sent.
    StanAndSecond,
    /// The wallet order that stands in the QR code.
    WalletOrder,
    /// The wallet's own number of the payment.
    WalletPayment,
    /// The seller's reference of the order.
    OrderReference,
    Waybill,
    /// Doorstep's id of a payment.
    PaymentId,
    /// Terminal, batch and STAN.
    Trace,
    DepositId,
    PayoutId,
    /// `EndToEndId` of a payment order.
    EndToEndId,
    /// A bank's unique transaction reference.
    Utr,
    /// `AcctSvcrRef`, or the bank's reference of an entry.
    BankReference,
    /// A payout file: `PmtInfId` or `MsgId`.
    PayoutFile,
    /// A network or wallet and the day that it clears.
    ClearingDay,
    /// The hand-overs that one deposit brings to the bank.
    HandOvers,
    /// A firm's remittance: its number on the firm's sheet.
    Remittance,
    /// Who pays or is paid. Says nothing about which payment it is.
    Counterparty,
}

/// One typed reference of an item.
///
/// A text of up to [`KEY_BYTES_MAX`] bytes stands for itself. A longer one is replaced by its
/// SHA-256. So equal keys mean equal texts: nobody knows two texts with one SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct ItemKey {
    pub kind: MatchKeyKind,
    length: u8,
    bytes: [u8; KEY_BYTES_MAX],
}

impl ItemKey {
    /// `None` for an empty text: nothing is known, and nothing matches it.
    #[must_use]
    pub fn new(kind: MatchKeyKind, text: &str) -> Option<ItemKey> {
        let text = text.trim().as_bytes();
        let mut bytes = [0; KEY_BYTES_MAX];
        let length = if text.len() <= KEY_BYTES_MAX {
            bytes[..text.len()].copy_from_slice(text);
            u8::try_from(text.len()).ok()?
        } else {
            bytes[..DIGEST_BYTES].copy_from_slice(&Sha256::digest(text));
            DIGESTED
        };
        (length > 0).then_some(ItemKey { kind, length, bytes })
    }

    /// `None` if the key is a digest.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let length = usize::from(self.length);
        if self.length == DIGESTED { None } else { str::from_utf8(&self.bytes[..length]).ok() }
    }
}

impl fmt::Debug for ItemKey {
    /// Shows the kind only: a bank's text can name a buyer (M12).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

#[derive(Serialize, Deserialize)]
struct KeyParts {
    kind: MatchKeyKind,
    length: u8,
    /// Hexadecimal digits.
    bytes: String,
}

impl Serialize for ItemKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = base16ct::lower::encode_string(&self.bytes);
        KeyParts { kind: self.kind, length: self.length, bytes }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ItemKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ItemKey, D::Error> {
        let parts = KeyParts::deserialize(deserializer)?;
        let mut bytes = [0; KEY_BYTES_MAX];
        let decoded = base16ct::lower::decode(&parts.bytes, &mut bytes);
        let whole = decoded.is_ok_and(|decoded| decoded.len() == KEY_BYTES_MAX);
        let known = usize::from(parts.length) <= KEY_BYTES_MAX || parts.length == DIGESTED;
        if !whole || !known || parts.length == 0 {
            return Err(serde::de::Error::custom("not a key of an item"));
        }
        Ok(ItemKey { kind: parts.kind, length: parts.length, bytes })
    }
}

/// Where and when the ledger expects an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DueArrival {
    /// Never [`Lane::Ledger`].
    pub lane: Lane,
    /// The day of the file that has it. A file of this day without the item says that the item is
    /// late; no file of this day says that the file is missing.
    pub file_day: BusinessDate,
    /// The last day on which it is in time. See [`DueRule`](super::days::DueRule).
    pub on: BusinessDate,
}

/// An item of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LaneItem {
    pub id: LaneItemId,
    /// The caller's number of the sender: network, wallet, bank account or firm. Of an item of the
    /// ledger: whose file it is due in.
    pub party: u32,
    pub kind: LaneItemKind,
    pub currency: Currency,
    /// In minor units. Below zero: it is taken from us.
    pub amount: i64,
    /// What is kept back, in minor units. Of an item of the ledger: what the tariff says. It is
    /// compared if both sides have it.
    pub fee: Option<i64>,
    pub booked: BusinessDate,
    /// When the money moves, if that is another day.
    pub value: Option<BusinessDate>,
    /// Of an item of the ledger, and of no other.
    pub due: Option<DueArrival>,
    /// Keys of this item alone. A kind may occur once.
    pub keys: [Option<ItemKey>; ITEM_KEYS_MAX],
    /// The sum that the item is a part of: a clearing day, a payout file.
    pub group: Option<ItemKey>,
}

impl LaneItem {
    pub fn keys(&self) -> impl Iterator<Item = ItemKey> {
        self.keys.iter().flatten().copied()
    }

    #[must_use]
    pub fn key(&self, kind: MatchKeyKind) -> Option<ItemKey> {
        self.keys().find(|key| key.kind == kind)
    }

    /// The item with a key more. An empty text changes nothing, and neither does a key beyond
    /// [`ITEM_KEYS_MAX`].
    #[must_use]
    pub fn with_key(mut self, kind: MatchKeyKind, text: &str) -> LaneItem {
        let free = self.keys.iter().position(Option::is_none);
        if let (Some(free), None) = (free, self.key(kind)) {
            self.keys[free] = ItemKey::new(kind, text);
        }
        self
    }

    #[must_use]
    pub fn with_group(mut self, kind: MatchKeyKind, text: &str) -> LaneItem {
        self.group = ItemKey::new(kind, text);
        self
    }

    /// The lane in which the item is matched.
    #[must_use]
    pub fn meets_in(&self) -> Lane {
        self.due.map_or(self.id.lane, |due| due.lane)
    }

    /// When the money moves.
    #[must_use]
    pub fn day(&self) -> BusinessDate {
        self.value.unwrap_or(self.booked)
    }
}

/// A file that was taken, also if it has no lines: an empty file is not a missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SeenFile {
    pub lane: Lane,
    pub party: u32,
    pub file: u64,
    pub from: BusinessDate,
    pub until: BusinessDate,
}

impl SeenFile {
    #[must_use]
    pub fn covers(&self, lane: Lane, party: u32, day: BusinessDate) -> bool {
        self.lane == lane && self.party == party && (self.from..=self.until).contains(&day)
    }
}

//! What the engine remembers of each thing, in as few bytes as it can.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountNo, TransferId};
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind, ClassNo, Tender, Terms};

use crate::command::{
    BreakSide, BreakSubject, Closing, Cycle, HoldRule, Jurisdiction, PAYOUT_RETURN_DAYS, SellerKind,
};
use crate::event::PayoutLine;
use crate::ids::{
    BankId, CourierId, DepositId, FirmId, HandOverId, NetworkId, ParcelId, PayoutId, PersonId,
    SellerId, TariffId, TenderId, TerminalId, WalletId,
};
use crate::registry::Registered;

// There are millions of these two.
const _: () = assert!(size_of::<Parcel>() == 48 && size_of::<Item>() == 88);

/// No item: the end of a parcel's list of tenders.
pub(crate) const NO_ITEM: u32 = u32::MAX;

/// The state of a parcel that is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Stand {
    #[default]
    Announced,
    Assigned,
    Out,
    Refused,
}

/// A parcel on its way. 48 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Parcel {
    pub id: ParcelId,
    pub due: Amount,
    pub seller: u32,
    /// Announced: nothing. Assigned: the firm. Out: the courier. Refused: whoever had it.
    pub carrier: u32,
    /// Its newest tender.
    pub last: u32,
    pub stand: Stand,
    pub attempts: u8,
    /// How many tenders it has seen.
    pub tenders: u8,
    pub part_accepted: bool,
    /// How many of its tenders wait for an answer, or are authorised.
    pub in_flight: u8,
}

/// Where a tender stands, or how a parcel without money ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Progress {
    /// Waits for an answer, with this much reserved.
    Begun(TransferId),
    /// Nobody knows; to be reversed (M4).
    Unknown(TransferId),
    Declined,
    Reversed,
    /// Posted; the money is not really there yet (M5). With refunds that have not left the bank.
    Approved {
        unpaid: Amount,
    },
    /// The money is there and on hold.
    Held {
        unpaid: Amount,
    },
    /// The seller's.
    Released {
        unpaid: Amount,
    },
    /// No tender: the parcel went back.
    Returned,
    /// No tender: the parcel was lost.
    Lost,
    /// Pre-authorised, with this much reserved.
    Authorised(TransferId),
    /// A completion waits for an answer.
    Completing(TransferId),
    /// Nobody knows how a completion ended; it is to be reversed (M4).
    CompletionUnknown(TransferId),
    /// Posted, with nothing given back; somebody is asked to take it back.
    TakingBack(Back),
    /// Pre-authorised; somebody is asked to let it go.
    Releasing(TransferId, Back),
    /// A pre-authorisation that nobody completed in its time, let go of.
    Expired,
}

/// How a payment is being taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Back {
    Void,
    Reversal,
    /// It was a void, and that is being reversed.
    UndoingVoid,
    /// Nobody completed it in its time.
    Expiry,
}

impl Progress {
    /// Whether money is reserved that may still be posted (M2). An unknown payment's is going to be
    /// let go of.
    pub(crate) fn waits(&self) -> bool {
        matches!(
            self,
            Progress::Begun(_)
                | Progress::Authorised(_)
                | Progress::Completing(_)
                | Progress::CompletionUnknown(_)
                | Progress::Releasing(..)
        )
    }

    /// Whether it is a pre-authorisation of which no end is known yet.
    pub(crate) fn is_promise(&self) -> bool {
        self.waits() && !matches!(self, Progress::Begun(_))
    }

    /// Whether nobody completed it in its time: it is let go of, or was.
    pub(crate) fn has_expired(&self) -> bool {
        matches!(self, Progress::Expired | Progress::Releasing(_, Back::Expiry))
    }

    /// Whether it is one of the network's or wallet's unknown ones (M4).
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Progress::Unknown(_) | Progress::CompletionUnknown(_))
    }

    /// The refunds that have not left the bank, where there is money at all.
    pub(crate) fn unpaid(&self) -> Option<Amount> {
        match *self {
            Progress::Approved { unpaid }
            | Progress::Held { unpaid }
            | Progress::Released { unpaid } => Some(unpaid),
            _ => None,
        }
    }

    pub(crate) fn with_unpaid(self, unpaid: Amount) -> Progress {
        match self {
            Progress::Approved { .. } => Progress::Approved { unpaid },
            Progress::Held { .. } => Progress::Held { unpaid },
            Progress::Released { .. } => Progress::Released { unpaid },
            other => other,
        }
    }

    /// Whether nothing can happen any more but a refund or a chargeback.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Progress::Declined | Progress::Reversed | Progress::Expired => true,
            Progress::Returned | Progress::Lost => true,
            Progress::Released { unpaid } => unpaid.is_zero(),
            _ => false,
        }
    }
}

/// The way a tender is paid, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Means {
    DebitCard,
    CreditCard,
    Qr,
    Cash,
}

impl Means {
    pub(crate) fn tender(self) -> Tender {
        match self {
            Means::DebitCard => Tender::Card(CardKind::Debit),
            Means::CreditCard => Tender::Card(CardKind::Credit),
            Means::Qr => Tender::Qr,
            Means::Cash => Tender::Cash,
        }
    }

    pub(crate) fn is_card(self) -> bool {
        matches!(self, Means::DebitCard | Means::CreditCard)
    }
}

/// A tender of a parcel, or how a parcel ended without one. It outlives the parcel's record: money
/// flows after the door. 88 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Item {
    pub parcel: ParcelId,
    pub amount: Amount,
    pub fees: Amount,
    /// What the network or wallet may keep back.
    pub kept_by_network: Amount,
    /// Refunded and charged back.
    pub given_back: Amount,
    pub progress: Progress,
    pub seller: u32,
    pub courier: u32,
    /// The tender before this one.
    pub before: u32,
    /// When it was collected; once its parcel is delivered in full, that day. Of an ending, its
    /// day.
    pub date: BusinessDate,
    /// The network or wallet; nothing for cash.
    pub rail: u16,
    /// The tariff version.
    pub version: u16,
    pub number: u8,
    pub means: Means,
    /// Refunds and chargebacks so far.
    pub refunds: u8,
    /// Of a closed parcel's newest item: the attempts that there were.
    pub attempts: u8,
    /// How many refunds' payments were confirmed.
    pub confirmations: u8,
    /// The firm guarantees this cash and the bank does not have it yet: it stands in the firm's
    /// line.
    pub guaranteed: bool,
}

impl Item {
    pub(crate) fn tender(&self) -> TenderId {
        TenderId { parcel: self.parcel, number: self.number }
    }

    /// Whether its amount counts as collected. What is being taken back does, until it is.
    pub(crate) fn is_collected(&self) -> bool {
        self.progress.unpaid().is_some() || matches!(self.progress, Progress::TakingBack(_))
    }

    /// What is left of its share on the seller's held account, before it is released.
    pub(crate) fn held_share(&self) -> Amount {
        let share = self.amount.checked_sub(self.fees).expect("fees never exceed the amount");
        share.saturating_sub(self.given_back)
    }
}

/// What a seller's next payout is made of so far, in minor units. Sums like the ledger's: each
/// thing adds less than 2⁶³, so that they stay far from the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Statement {
    pub gross: u128,
    pub fees: u128,
    pub given_back: u128,
    pub returned: u128,
}

impl Statement {
    pub(crate) fn net(&self) -> i128 {
        let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
        signed(self.gross) + signed(self.returned) - signed(self.fees) - signed(self.given_back)
    }

    pub(crate) fn add(&mut self, line: &PayoutLine) {
        self.gross += u128::from(line.gross);
        self.fees += u128::from(line.fees);
        self.given_back += u128::from(line.given_back);
        self.returned += u128::from(line.returned);
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Seller {
    pub id: SellerId,
    pub kind: SellerKind,
    pub currency: u8,
    pub jurisdiction: Jurisdiction,
    pub tariff: u16,
    pub class: ClassNo,
    pub cycle: Cycle,
    pub minimum: Amount,
    pub statement: Statement,
    pub held: AccountNo,
    pub payable: AccountNo,
    pub reference: String,
}

impl Default for Seller {
    fn default() -> Self {
        Seller {
            id: SellerId(0),
            kind: SellerKind::Individual,
            currency: 0,
            jurisdiction: Jurisdiction::default(),
            tariff: 0,
            class: ClassNo(0),
            cycle: Cycle::Daily,
            minimum: Amount::ZERO,
            statement: Statement::default(),
            held: AccountNo(0),
            payable: AccountNo(0),
            reference: String::new(),
        }
    }
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Bank {
    pub id: BankId,
    pub currency: u8,
    pub account: AccountNo,
    pub reference: String,
}

/// What stands in line for a firm's deposits, first in, first out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum InLine {
    /// A counted cash tender.
    Item(u32),
    /// Cash that was too much; nobody's until its break is closed.
    Surplus(Amount),
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Firm {
    pub id: FirmId,
    pub currency: u8,
    pub guarantee: Amount,
    /// How much of the guarantee is in use.
    pub guaranteed: Amount,
    pub cash: AccountNo,
    pub commission: AccountNo,
    pub reference: String,
    pub line: VecDeque<InLine>,
    /// Credited by the bank and not enough for the first in line.
    pub unallotted: Amount,
    pub last_deposit: Option<DepositId>,
    pub deposits: u32,
    pub commission_payments: u32,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub expected: Amount,
    /// How many of the courier's tenders in hand it covers, from the front.
    pub items: u32,
    pub code_hash: [u8; 32],
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Courier {
    pub id: CourierId,
    pub firm: u32,
    pub cash_limit: Amount,
    pub cash: AccountNo,
    pub shortage: AccountNo,
    pub reference: String,
    /// Cash tenders not handed over, in the order in which they were taken.
    pub in_hand: VecDeque<u32>,
    pub handover: Option<HandOver>,
    pub last_handover: Option<HandOverId>,
    pub handovers: u32,
    pub repayments: u32,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Terminal {
    pub id: TerminalId,
    pub courier: u32,
    pub blocked: bool,
}

/// A network or a wallet.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub(crate) enum RailId {
    Network(NetworkId),
    Wallet(WalletId),
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Rail {
    pub id: RailId,
    pub currency: u8,
    pub receivable: AccountNo,
    pub unknown: u32,
    pub reference: String,
}

impl Default for Rail {
    fn default() -> Self {
        Rail {
            id: RailId::Network(NetworkId(0)),
            currency: 0,
            receivable: AccountNo(0),
            unknown: 0,
            reference: String::new(),
        }
    }
}

macro_rules! registered {
    ($($record:ident: $id:ident),+) => {$(
        impl Registered for $record {
            type Id = $id;
            fn id(&self) -> $id {
                self.id
            }
        }
    )+};
}

registered!(
    Seller: SellerId,
    Bank: BankId,
    Firm: FirmId,
    Courier: CourierId,
    Terminal: TerminalId,
    Rail: RailId
);

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Tariff {
    pub id: TariffId,
    pub currency: Option<Currency>,
    /// Its versions, as places in the list of all versions.
    pub versions: Vec<u16>,
    pub reference: String,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Version {
    pub tariff: TariffId,
    pub number: u16,
    pub from: BusinessDate,
    pub until: Option<BusinessDate>,
    pub terms: Terms,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    pub firm: u32,
    pub amount: Amount,
    pub reserve: TransferId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum PlanStand {
    Planned,
    Approved,
    Executed,
    Rejected,
}

/// A settlement plan; its lines go when it is executed or rejected.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Plan {
    pub stand: PlanStand,
    pub cycle: Cycle,
    pub currency: Currency,
    pub planned_by: PersonId,
    /// Its first payout, and the one after its last.
    pub payouts: (PayoutId, PayoutId),
    pub lines: Vec<(PayoutLine, TransferId)>,
}

impl Plan {
    /// Whether a payout was one of this plan's and was sent.
    pub(crate) fn has_sent(&self, payout: PayoutId) -> bool {
        let (first, next) = self.payouts;
        self.stand == PlanStand::Executed && first <= payout && payout < next
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Payout {
    pub seller: u32,
    pub net: Amount,
    pub bank: AccountNo,
    /// When it arrived; it can still come back for a while.
    pub arrived: Option<BusinessDate>,
}

impl Payout {
    /// Whether it arrived so long ago that it comes back no more.
    pub(crate) fn is_over(&self, today: BusinessDate) -> bool {
        self.arrived.is_some_and(|arrived| arrived.plus(PAYOUT_RETURN_DAYS) < today)
    }
}

/// Held money that waits for its day, with what the rule said when it became held.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Due {
    pub slot: u32,
    /// How many days after the delivery, where the rule counts from there.
    pub after_delivery: Option<u16>,
}

/// A break and what is proposed for it (M9).
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Break {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: Amount,
    pub currency: u8,
    pub owner: PersonId,
    pub opened: BusinessDate,
    pub proposal: Option<(Closing, PersonId)>,
    pub closed: bool,
}

/// The accounts that a currency has once, opened with its first bank account.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyAccounts {
    pub currency: Currency,
    pub suspense: AccountNo,
    pub payout_in_flight: AccountNo,
    pub buyer_refunds: AccountNo,
    /// In the order of the fee kinds; the commission's place is not used.
    pub fees: [AccountNo; 7],
    pub clearing_cost: AccountNo,
    pub write_offs: AccountNo,
}

/// Everything small: copied whole into a snapshot.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Small {
    pub utc_offset_minutes: Option<i16>,
    pub hold_rules: std::collections::BTreeMap<Jurisdiction, HoldRule>,
    pub currencies: Vec<CurrencyAccounts>,
    pub tariffs: Vec<Tariff>,
    pub versions: Vec<Version>,
    pub deposits: std::collections::BTreeMap<DepositId, Deposit>,
    pub plans: std::collections::BTreeMap<crate::ids::PlanId, Plan>,
    pub payouts: std::collections::BTreeMap<PayoutId, Payout>,
    /// The payouts that came back: so few that all of them can be remembered.
    pub returned: std::collections::BTreeSet<PayoutId>,
    pub next_payout: u64,
    pub breaks: std::collections::BTreeMap<crate::ids::BreakId, Break>,
    pub own_breaks: u64,
    /// Held money by the date on which it becomes payable.
    pub due: std::collections::BTreeMap<BusinessDate, VecDeque<Due>>,
    /// Where forgetting goes on.
    pub forget_from: u32,
}

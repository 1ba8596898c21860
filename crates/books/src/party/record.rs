//! Records of sellers, banks, firms, couriers, terminals, networks, wallets and tariffs.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountNumber;
use machine::Timestamp;
use money::{Amount, Currency};
use tariff::{BusinessDate, Terms};

use crate::cash::record::{CountedCash, DepositAnnouncement, EndedDeposit, HandOver};
use crate::cash::shortage::ShortageReduction;
use crate::clearing::lines::FileLines;
pub(crate) use crate::command::RailId;
use crate::command::{HoldRule, Jurisdiction, SellerKind};
use crate::ids::{
    BankId, BreakId, CourierId, FirmId, NetworkId, PersonId, SellerId, TariffId, TerminalId,
};
use crate::party::persons::{Person, TwoPeople};
use crate::party::registry::RegisteredParty;
use crate::party::suspension::Suspension;
use crate::party::terms::{DatedTerms, FirmTerms, SellerTerms};
use crate::party::view::StoppedParty;
use crate::settlement::record::{CommissionPayment, Statement};
use crate::used_numbers::UsedNumbers;

/// A seller's account in one currency.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Seller {
    pub id: SellerId,
    pub kind: SellerKind,
    pub currency: u8,
    pub jurisdiction: Jurisdiction,
    pub terms: DatedTerms<SellerTerms>,
    pub statement: Statement,
    pub held: AccountNumber,
    pub payable: AccountNumber,
    pub reference: String,
}

impl Default for Seller {
    fn default() -> Self {
        Seller {
            id: SellerId(0),
            kind: SellerKind::Individual,
            currency: 0,
            jurisdiction: Jurisdiction::default(),
            terms: DatedTerms::default(),
            statement: Statement::default(),
            held: AccountNumber(0),
            payable: AccountNumber(0),
            reference: String::new(),
        }
    }
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Bank {
    pub id: BankId,
    pub currency: u8,
    pub account: AccountNumber,
    pub reference: String,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Firm {
    pub id: FirmId,
    pub currency: u8,
    pub registered_by: TwoPeople,
    pub terms: DatedTerms<FirmTerms>,
    /// The part of the guarantee in use. More than the guarantee if that was lowered since.
    pub guaranteed: Amount,
    pub cash: AccountNumber,
    pub commission: AccountNumber,
    /// The part of its commission, in minor units, whose money has not arrived.
    pub commission_not_arrived: u128,
    pub reference: String,
    /// In the order of counting. Those that the bank has credited in full are gone.
    pub counted_cash: VecDeque<CountedCash>,
    pub deposits: UsedNumbers<DepositAnnouncement>,
    /// The latest, oldest first.
    pub ended_deposits: VecDeque<EndedDeposit>,
    pub commission_payments: UsedNumbers<CommissionPayment>,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Courier {
    pub id: CourierId,
    pub firm: u32,
    pub registered_by: TwoPeople,
    pub cash_limit: DatedTerms<Amount>,
    pub suspensions: UsedNumbers<Suspension>,
    pub cash: AccountNumber,
    pub shortage: AccountNumber,
    pub reference: String,
    /// Cash payments not handed over, oldest first.
    pub in_hand: VecDeque<u32>,
    pub handovers: UsedNumbers<HandOver>,
    pub shortage_reductions: UsedNumbers<ShortageReduction>,
    /// The breaks of surpluses in this courier's hand-overs, oldest first. Closed ones are dropped
    /// at the next surplus or shortage.
    pub surpluses: VecDeque<BreakId>,
}

impl Courier {
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspension().is_some()
    }

    /// The suspension, if the courier is suspended.
    pub(crate) fn suspension(&self) -> Option<StoppedParty> {
        self.suspensions.latest().and_then(Suspension::stops)
    }

    /// The hand-over that is neither counted nor cancelled. Only the latest can be open.
    pub(crate) fn open_hand_over(&self) -> Option<&HandOver> {
        self.handovers.latest().filter(|one| one.end.is_none())
    }
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Terminal {
    pub id: TerminalId,
    pub courier: u32,
    /// The courier it was registered with.
    pub registered_to: u32,
    pub blocked: bool,
    /// When it was blocked last.
    pub blocked_at: Option<Timestamp>,
    /// When that block ended, if it did.
    pub unblocked_at: Option<Timestamp>,
    pub changes: UsedNumbers<TerminalChange>,
}

/// What changed at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum TerminalChange {
    /// To this courier.
    HandedTo(u32),
    Blocked(bool),
    /// For one sale, and for all unanswered ones. With the two who decided.
    OfflineLimit(Amount, Amount, TwoPeople),
}

/// A hold rule under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct HoldRuleSetting {
    pub rule: HoldRule,
    pub decided_by: TwoPeople,
}

/// A network's withdrawal, or its end, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Withdrawal {
    /// When the network stops taking payments. `None`: it is reinstated.
    pub from: Option<Timestamp>,
    /// The start time in the command, which may be past.
    pub requested: Option<Timestamp>,
    pub decided_by: TwoPeople,
}

impl Withdrawal {
    /// Whether both are the same command, given at any time.
    pub(crate) fn is_like(&self, other: &Withdrawal) -> bool {
        (self.requested, self.decided_by) == (other.requested, other.decided_by)
    }
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Rail {
    pub id: RailId,
    pub currency: u8,
    pub receivable: AccountNumber,
    pub unknown_payments: u32,
    pub cleared_lines: FileLines,
    pub reference: String,
}

impl Default for Rail {
    fn default() -> Self {
        Rail {
            id: RailId::Network(NetworkId(0)),
            currency: 0,
            receivable: AccountNumber(0),
            unknown_payments: 0,
            cleared_lines: FileLines::default(),
            reference: String::new(),
        }
    }
}

macro_rules! registered {
    ($($record:ident: $id:ident),+) => {$(
        impl RegisteredParty for $record {
            type Id = $id;
            fn id(&self) -> $id {
                self.id
            }
        }
    )+};
}

/// A seller has an account in each of its currencies.
impl RegisteredParty for Seller {
    type Id = (SellerId, u8);
    fn id(&self) -> (SellerId, u8) {
        (self.id, self.currency)
    }
}

registered!(
    Bank: BankId,
    Firm: FirmId,
    Courier: CourierId,
    Person: PersonId,
    Terminal: TerminalId,
    Rail: RailId
);

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct TariffRecord {
    pub id: TariffId,
    pub currency: Option<Currency>,
    /// Indices into the list of all versions.
    pub versions: Vec<u16>,
    pub reference: String,
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct TariffVersionRecord {
    pub tariff: TariffId,
    pub number: u16,
    pub from: BusinessDate,
    pub until: Option<BusinessDate>,
    /// Whether it was published without an end.
    pub published_open: bool,
    pub published_by: TwoPeople,
    /// Who gave it its end, if it was published without one.
    pub ended_by: Option<TwoPeople>,
    pub terms: Terms,
}

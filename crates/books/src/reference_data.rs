//! Small tables, and the accounts that a currency shares.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountNumber;
use money::Currency;
use tariff::BusinessDate;

use crate::breaks::record::Break;
use crate::cash::record::Deposit;
use crate::clearing::release::PendingRelease;
use crate::command::{HoldRule, Jurisdiction};
use crate::ids::{BreakId, DepositId, PayoutId, PlanId};
use crate::party::record::{TariffRecord, TariffVersionRecord};
use crate::settlement::record::{Payout, SettlementPlan};

/// A currency's shared accounts, opened with its first bank account.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyAccounts {
    pub currency: Currency,
    pub suspense: AccountNumber,
    pub payout_in_flight: AccountNumber,
    pub buyer_refunds: AccountNumber,
    /// Indexed by fee kind. The commission's entry is unused.
    pub fees: [AccountNumber; 7],
    pub clearing_cost: AccountNumber,
    pub write_offs: AccountNumber,
}

/// Small tables, copied whole into a snapshot.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReferenceData {
    pub utc_offset_minutes: Option<i16>,
    pub hold_rules: BTreeMap<Jurisdiction, HoldRule>,
    pub currencies: Vec<CurrencyAccounts>,
    pub tariffs: Vec<TariffRecord>,
    pub versions: Vec<TariffVersionRecord>,
    pub deposits: BTreeMap<DepositId, Deposit>,
    pub plans: BTreeMap<PlanId, SettlementPlan>,
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// Payouts that came back. Few enough to remember them all.
    pub returned_payouts: BTreeSet<PayoutId>,
    pub next_payout: u64,
    pub breaks: BTreeMap<BreakId, Break>,
    pub automatic_breaks: u64,
    pub open_items_opened: u64,
    /// Held money by the date it becomes payable.
    pub pending_releases: BTreeMap<BusinessDate, VecDeque<PendingRelease>>,
    /// The record at which the next forgetting continues.
    pub forget_cursor: u32,
}

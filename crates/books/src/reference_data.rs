//! Small tables, and the accounts that a currency shares.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountNumber;
use money::{Amount, Currency};
use tariff::{BusinessDate, FeeKind};

use crate::breaks::record::Break;
use crate::cash::record::Deposit;
use crate::clearing::release::{Hold, PendingRelease};
use crate::command::{
    ClosePeriod, EraseSubject, Jurisdiction, PayTax, PostAdjustment, SettlementCycle,
};
use crate::evidence::DifferenceCommands;
use crate::ids::{BreakId, DepositId, ParcelId, PaymentId, PayoutId, PlanId, SellerId};
use crate::parcel::damage::Damage;
use crate::parcel::discount::Discount;
use crate::parcel::record::ParcelChanges;
use crate::party::access::AccessTables;
use crate::party::payout_account::PayoutAccountSetting;
use crate::party::persons::TwoPeople;
use crate::party::record::{HoldRuleSetting, TariffRecord, TariffVersionRecord};
use crate::party::suspension::Suspension;
use crate::party::time_zone::TimeZone;
use crate::payment::chargeback::{Chargeback, ChargebackFeeTerm};
use crate::payment::record::{RejectedSale, SuspendedSale};
use crate::reconciliation::record::ReconciliationTables;
use crate::settlement::record::{Payout, SellerInvoice, SettlementPlan};
use crate::sha256::Sha256Digest;
use crate::used_numbers::UsedNumbers;

/// A currency's shared accounts, opened with its first bank account.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyAccounts {
    pub currency: Currency,
    pub suspense: AccountNumber,
    pub payout_in_flight: AccountNumber,
    pub buyer_refunds: AccountNumber,
    /// Indexed by fee kind. Those of commission and freight are unused.
    pub fees: [AccountNumber; FeeKind::ALL.len()],
    /// Indexed by [`Tax`](crate::Tax).
    pub taxes: [TaxAccount; 2],
    pub clearing_cost: AccountNumber,
    pub write_offs: AccountNumber,
    pub other_income: AccountNumber,
    pub other_expenses: AccountNumber,
}

/// What is owed to the authority of one tax in one currency.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct TaxAccount {
    pub account: AccountNumber,
    /// Charged or withheld, less what was given back.
    pub made: i128,
    pub paid: u128,
}

/// How long closed parcels and closed open items are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Retention {
    pub days: u16,
    pub decided_by: TwoPeople,
}

/// How much of a payment one person can refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RefundLimit {
    pub limit: Amount,
    pub decided_by: TwoPeople,
}

/// Small tables, copied whole into a snapshot.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReferenceData {
    /// What the books were opened with. `time_zone` replaces it.
    pub utc_offset_minutes: Option<i16>,
    /// Whether the books are for trials.
    pub trial: bool,
    pub time_zone: Option<TimeZone>,
    /// The business date of the last command.
    pub last_date: BusinessDate,
    pub hold_rules: BTreeMap<Jurisdiction, UsedNumbers<HoldRuleSetting>>,
    /// The suspensions of sellers, the latest of which holds.
    pub seller_suspensions: BTreeMap<SellerId, UsedNumbers<Suspension>>,
    /// The accounts in the vault that sellers are paid to, by the seller's number.
    pub payout_accounts: BTreeMap<u32, UsedNumbers<PayoutAccountSetting>>,
    pub access: AccessTables,
    pub parcel_changes: BTreeMap<ParcelId, ParcelChanges>,
    /// What one chargeback may cost, by the currency's place.
    pub chargeback_fees: BTreeMap<u8, ChargebackFeeTerm>,
    /// What followed chargebacks, by their numbers. Forgotten with the parcel.
    pub chargebacks: BTreeMap<(PaymentId, u8), Chargeback>,
    /// How much of a payment one person can refund, by the currency's place.
    pub refund_limits: BTreeMap<u8, UsedNumbers<RefundLimit>>,
    pub currencies: Vec<CurrencyAccounts>,
    pub tariffs: Vec<TariffRecord>,
    pub versions: Vec<TariffVersionRecord>,
    pub deposits: BTreeMap<DepositId, Deposit>,
    /// The ids of all deposits ever announced, so that none is used again.
    pub deposit_ids: BTreeSet<DepositId>,
    pub plans: BTreeMap<PlanId, SettlementPlan>,
    /// The last day of the calendar on which a cycle was planned, by the currency's place, and its
    /// plan. The plan exists only if somebody was to be paid.
    pub cycles_planned: BTreeMap<(SettlementCycle, u8), (BusinessDate, PlanId)>,
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// Payouts that came back. Few enough to remember them all.
    pub returned_payouts: BTreeSet<PayoutId>,
    pub next_payout: u64,
    pub adjustments: UsedNumbers<PostAdjustment>,
    pub tax_payments: UsedNumbers<PayTax>,
    /// The digest of the trial balance at the end of the last days that had commands, today apart.
    pub day_ends: BTreeMap<BusinessDate, Sha256Digest>,
    pub period_closes: UsedNumbers<ClosePeriod>,
    /// Hashes of the commands.
    pub disclosures: UsedNumbers<[u8; 8]>,
    pub erasures: UsedNumbers<EraseSubject>,
    /// The digest of the trial balance at the end of each closed period, by its last day.
    pub closed_periods: BTreeMap<BusinessDate, Sha256Digest>,
    /// The sellers whose payable balance is below zero, by number, and since when.
    pub sellers_below_zero: BTreeMap<u32, BusinessDate>,
    /// The accounts of invoiced debts, by the seller's number. Opened with the first invoice.
    pub seller_receivables: BTreeMap<u32, AccountNumber>,
    /// By the seller's number and the invoice's number among the seller's.
    pub seller_invoices: BTreeMap<(u32, u32), SellerInvoice>,
    /// The damaged and lost parcels that are not forgotten.
    pub damages: BTreeMap<ParcelId, Damage>,
    /// The accounts of discounts, by the currency's place. Opened with the first one.
    pub promotions: BTreeMap<u8, AccountNumber>,
    /// What Doorstep pays of the discounts on delivered parcels that are not forgotten.
    pub discounts: BTreeMap<ParcelId, Discount>,
    pub breaks: BTreeMap<BreakId, Break>,
    pub reconciliation: ReconciliationTables,
    pub difference_commands: DifferenceCommands,
    pub automatic_breaks: u64,
    pub open_items_opened: u64,
    /// Offline sales that were posted to suspense, open or decided.
    pub suspended_sales: BTreeMap<PaymentId, SuspendedSale>,
    /// Offline sales that the network rejected. Forgotten with the parcel.
    pub rejected_sales: BTreeMap<PaymentId, RejectedSale>,
    /// Held money by the date it becomes payable.
    pub pending_releases: BTreeMap<BusinessDate, VecDeque<PendingRelease>>,
    /// Held money of parcels that are not delivered, by the payment's slot. It waits for the
    /// delivery, or until nothing of it stands.
    pub awaiting_delivery: BTreeMap<u32, Hold>,
    pub retention: UsedNumbers<Retention>,
    /// The record at which the next forgetting continues.
    pub forget_cursor: u32,
}

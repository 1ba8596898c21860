//! Read-only queries about the books. Results are copies.

use ledger::AccountNumber;
use money::{Amount, Currency};
use tariff::{BusinessDate, PaymentMethod};

use crate::Refusal;
use crate::books::{Books, Digest};
use crate::breaks::record::BreakEvidence;
use crate::chart::AccountKind;
use crate::command::{
    AnnounceParcel, BreakSide, BreakSubject, SHIPMENTS_PER_ORDER_MAX, SettlementCycle,
    SuspenseReason,
};
use crate::event::{PayoutLine, TariffVersion};
use crate::ids::{
    BreakId, CourierId, FirmId, ParcelId, PaymentId, PersonId, PlanId, SellerId, TariffId,
};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::OpenParcelStatus;
use crate::party::record::RailId;
use crate::payment::record::{PaymentRecord, PaymentStatus, ReversingStatus};
use crate::settlement::record::Planner;
use crate::terminal::transaction::ReversalKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub number: AccountNumber,
    pub kind: AccountKind,
    /// Id of the owning bank, firm, courier, network, wallet or seller. Zero for a currency's
    /// shared accounts.
    pub owner: u64,
    pub currency: Currency,
    /// Posted balance on the account's own side, in minor units.
    pub balance: i128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelState {
    Announced,
    /// With a firm.
    Assigned,
    /// With a courier.
    Out,
    /// On its way back to the seller.
    Refused,
    /// The whole amount due stood.
    Delivered,
    Returned,
    Lost,
    /// Withdrawn by its seller before it was first dispatched.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelView {
    pub state: ParcelState,
    pub seller: SellerId,
    pub currency: Currency,
    /// Amount due. Nothing is due for a returned, lost or cancelled parcel.
    pub due: Amount,
    /// What stands of its payments: collected, less refunds and chargebacks.
    pub collected: Amount,
    /// How often it was given to a firm. Zero once it is closed.
    pub assignments: u8,
    pub attempts: u8,
    pub payment_count: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Waits for a response.
    Begun,
    /// The outcome is unknown (M4).
    Unknown,
    Declined,
    Reversed,
    /// Posted, but the money is not received yet.
    Approved,
    /// Received and on hold.
    Held,
    /// Payable to the seller.
    Released,
    /// Pre-authorised: the money is reserved.
    Authorised,
    /// A completion waits for a response.
    Completing,
    /// A completion's outcome is unknown (M4).
    CompletionUnknown,
    /// Posted, with a pending void or reversal.
    Reversing(ReversalKind),
    /// Pre-authorised, with a pending void or reversal.
    Releasing(ReversalKind),
    /// The reversal of its void is pending.
    ReversingVoid,
    /// A pre-authorisation that was not completed in time and is released.
    Expired,
    /// An offline sale that its network never pays.
    Rejected,
    /// An offline sale in suspense, or one that was owed to the buyer or rejected there.
    Suspended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentView {
    pub id: PaymentId,
    pub state: PaymentState,
    pub method: PaymentMethod,
    pub amount: Amount,
    /// Zero until it is approved.
    pub fees: Amount,
    /// The fee that the network or wallet may deduct.
    pub deducted_by_network: Amount,
    /// Refunds and chargebacks.
    pub refunded: Amount,
    pub tariff: TariffVersion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakView {
    pub id: BreakId,
    pub subject: BreakSubject,
    pub side: BreakSide,
    /// What of it is open.
    pub amount: Amount,
    /// Its whole amount when it was raised.
    pub raised: Amount,
    pub currency: Currency,
    /// The person who must resolve it.
    pub owner: PersonId,
    pub opened: BusinessDate,
}

/// A settlement plan that is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanView {
    pub id: PlanId,
    pub cycle: SettlementCycle,
    pub currency: Currency,
    /// `None` if the calendar did: then two persons approve it.
    pub planned_by: Option<PersonId>,
    /// Whether a second person approved it.
    pub approved: bool,
    pub lines: Vec<PlannedPayout>,
}

/// A line of a plan, and what its seller has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedPayout {
    pub line: PayoutLine,
    /// The seller's payable balance, planned payouts included, in minor units. If it is below
    /// `line.net`, the line is dropped when the plan is executed.
    pub payable: i128,
    /// Whether the seller is suspended. Then the line is dropped, too.
    pub suspended: bool,
}

impl Books {
    /// SHA-256 over the whole state (M11). Reads all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.snapshot().digest()
    }

    /// All accounts, in order of opening.
    pub fn accounts(&self) -> impl Iterator<Item = AccountView> {
        let accounts = self.ledger.ledger.accounts();
        accounts.map(|(number, account)| self.account_as_view(number, account))
    }

    #[must_use]
    pub fn account_view(&self, number: AccountNumber) -> Option<AccountView> {
        let account = self.ledger.ledger.account(number)?;
        Some(self.account_as_view(number, account))
    }

    fn account_as_view(&self, number: AccountNumber, account: &ledger::Account) -> AccountView {
        AccountView {
            number,
            kind: AccountKind::from_code(account.code()).expect("each account is of a kind"),
            owner: *self.ledger.owners.get(number.0 as usize).expect("each account has an owner"),
            currency: self.ledger.ledger.currency(account),
            balance: account.balance(),
        }
    }

    /// Total debits and credits posted in each currency (M1).
    #[must_use]
    pub fn totals(&self) -> &[ledger::CurrencyTotals] {
        self.ledger.ledger.totals()
    }

    /// The balances of all accounts of a kind in a currency, added up.
    #[must_use]
    pub fn total_balance(&self, kind: AccountKind, currency: Currency) -> i128 {
        let accounts = self.ledger.ledger.accounts().map(|(_, account)| account);
        let of_kind = accounts.filter(|account| account.code() == kind.code());
        let here = of_kind.filter(|account| self.ledger.ledger.currency(account) == currency);
        here.map(ledger::Account::balance).sum()
    }

    /// The currencies that have accounts.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.reference_data.currencies.iter().map(|accounts| accounts.currency)
    }

    /// A parcel, open or closed.
    /// Number and state of the last shipment of an order that the books know, by the id of its
    /// first shipment.
    #[must_use]
    pub fn last_shipment(&self, first: ParcelId) -> Option<(u8, ParcelView)> {
        let known = |number| Some((number, self.parcel_view(first.shipment(number))?));
        (1..=SHIPMENTS_PER_ORDER_MAX).rev().find_map(known)
    }

    #[must_use]
    pub fn parcel_view(&self, id: ParcelId) -> Option<ParcelView> {
        let view = match self.parcel_slot(id)? {
            ParcelSlot::Open(slot) => {
                let parcel = self.parcel(slot);
                ParcelView {
                    state: match parcel.status {
                        OpenParcelStatus::Announced => ParcelState::Announced,
                        OpenParcelStatus::Assigned => ParcelState::Assigned,
                        OpenParcelStatus::Out => ParcelState::Out,
                        OpenParcelStatus::Refused(_) => ParcelState::Refused,
                    },
                    seller: self.sellers.get(parcel.seller).id,
                    currency: self.currency_at(self.sellers.get(parcel.seller).currency),
                    due: parcel.due,
                    collected: self.standing_amount(parcel.last_payment),
                    assignments: parcel.assignments,
                    attempts: parcel.history.attempt_count(),
                    payment_count: parcel.payment_count,
                }
            }
            ParcelSlot::Closed(newest) => {
                let item = self.payment(newest);
                let (state, due) = match item.status {
                    PaymentStatus::Returned => (ParcelState::Returned, Amount::ZERO),
                    PaymentStatus::Lost => (ParcelState::Lost, Amount::ZERO),
                    PaymentStatus::Cancelled => (ParcelState::Cancelled, Amount::ZERO),
                    _ => (ParcelState::Delivered, self.due_when_delivered(newest)),
                };
                ParcelView {
                    state,
                    seller: self.sellers.get(item.seller).id,
                    currency: self.currency_at(self.sellers.get(item.seller).currency),
                    due,
                    collected: self.standing_amount(newest),
                    assignments: 0,
                    attempts: item.history.attempt_count(),
                    payment_count: self.last_number_from(newest),
                }
            }
        };
        Some(view)
    }

    /// A parcel's payments, newest first.
    #[must_use]
    pub fn payments(&self, id: ParcelId) -> Vec<PaymentView> {
        let newest = match self.parcel_slot(id) {
            Some(ParcelSlot::Open(slot)) => self.parcel(slot).last_payment,
            Some(ParcelSlot::Closed(newest)) => newest,
            None => return Vec::new(),
        };
        self.payments_from(newest).filter_map(|(_, item)| self.payment_view(item)).collect()
    }

    /// A payment, whatever its state.
    #[must_use]
    pub fn payment_with_id(&self, id: PaymentId) -> Option<PaymentView> {
        let (slot, _) = self.find_payment(id).ok()?;
        self.payment_view(self.payment(slot))
    }

    pub(crate) fn payment_view(&self, item: &PaymentRecord) -> Option<PaymentView> {
        let state = match item.status {
            PaymentStatus::Begun(_) => PaymentState::Begun,
            PaymentStatus::Unknown(_) => PaymentState::Unknown,
            PaymentStatus::Declined => PaymentState::Declined,
            PaymentStatus::Reversed => PaymentState::Reversed,
            PaymentStatus::Approved { .. } => PaymentState::Approved,
            PaymentStatus::Held { .. } => PaymentState::Held,
            PaymentStatus::Released { .. } => PaymentState::Released,
            PaymentStatus::Authorised(_) => PaymentState::Authorised,
            PaymentStatus::Completing(_) => PaymentState::Completing,
            PaymentStatus::CompletionUnknown(_) => PaymentState::CompletionUnknown,
            PaymentStatus::Reversing(back) => match back {
                ReversingStatus::Void => PaymentState::Reversing(ReversalKind::Void),
                ReversingStatus::Reversal => PaymentState::Reversing(ReversalKind::Reversal),
                ReversingStatus::Expiry => PaymentState::Reversing(ReversalKind::Expiry),
                ReversingStatus::ReversingVoid => PaymentState::ReversingVoid,
            },
            PaymentStatus::Releasing(_, back) => match back {
                ReversingStatus::Void => PaymentState::Releasing(ReversalKind::Void),
                ReversingStatus::Reversal => PaymentState::Releasing(ReversalKind::Reversal),
                ReversingStatus::Expiry => PaymentState::Releasing(ReversalKind::Expiry),
                ReversingStatus::ReversingVoid => PaymentState::ReversingVoid,
            },
            PaymentStatus::Expired => PaymentState::Expired,
            PaymentStatus::Rejected => PaymentState::Rejected,
            PaymentStatus::Returned | PaymentStatus::Lost | PaymentStatus::Cancelled => {
                return None;
            }
        };
        Some(PaymentView {
            id: item.id(),
            state,
            method: item.method,
            amount: item.amount,
            fees: item.fees,
            deducted_by_network: self.deducted_by_network(item),
            refunded: item.refunded,
            tariff: self.tariff_version(item.tariff_version),
        })
    }

    /// The network or wallet of a payment. `None` for cash, and for a payment that is not known.
    #[must_use]
    pub fn payment_rail(&self, payment: PaymentId) -> Option<RailId> {
        let (slot, _) = self.find_payment(payment).ok()?;
        let item = self.payment(slot);
        let by_rail = item.method != PaymentMethod::Cash;
        by_rail.then(|| self.rails.get(item.rail.into()).id)
    }

    /// All payments that wait for a network's or wallet's response: begun, unknown, being
    /// completed, voided or reversed (M4). In order of their records. Scans all payments;
    /// [`Books::pending_requests`] finds terminals' payments faster.
    pub fn unresolved_payments(&self) -> impl Iterator<Item = PaymentView> {
        let waits = |item: &PaymentRecord| match item.status {
            PaymentStatus::Authorised(_) => false,
            PaymentStatus::Unknown(_) | PaymentStatus::Reversing(_) => true,
            status => status.is_in_flight(),
        };
        let waiting = self.payments.iter().filter(move |(_, item)| waits(item));
        waiting.filter_map(|(_, item)| self.payment_view(item))
    }

    /// The number of unknown payments (M4).
    #[must_use]
    pub fn unknown_count(&self) -> u64 {
        self.rails.iter().map(|rail| u64::from(rail.unknown_payments)).sum()
    }

    /// The number of parcels that are not closed.
    #[must_use]
    pub fn open_parcel_count(&self) -> usize {
        self.parcels.len()
    }

    /// Why the books would refuse an announcement now.
    #[must_use]
    pub fn why_not_announced(&self, parcel: &AnnounceParcel) -> Option<Refusal> {
        self.check_announcement(parcel).err()
    }

    /// The number of parcels remembered, open or closed.
    #[must_use]
    pub fn known_parcel_count(&self) -> usize {
        self.index.len()
    }

    #[must_use]
    pub fn open_breaks(&self) -> Vec<BreakView> {
        let open = self.reference_data.breaks.iter().filter(|(_, one)| one.is_open());
        open.filter_map(|(id, _)| self.break_view(*id)).collect()
    }

    /// A break, open or closed.
    #[must_use]
    pub fn break_view(&self, id: BreakId) -> Option<BreakView> {
        let one = self.reference_data.breaks.get(&id)?;
        Some(BreakView {
            id,
            subject: one.subject,
            side: one.side,
            amount: one.amount,
            raised: one.raised.amount,
            currency: self.currency_at(one.currency),
            owner: one.owner,
            opened: one.opened,
        })
    }

    /// How many refunds and chargebacks a payment has: the number of the last one.
    #[must_use]
    pub fn refund_count(&self, id: PaymentId) -> Option<u8> {
        let (slot, _) = self.find_payment(id).ok()?;
        Some(self.payment(slot).refund_count)
    }

    /// The line of a file that raised a break, open or closed.
    #[must_use]
    pub fn break_evidence(&self, id: BreakId) -> Option<&BreakEvidence> {
        self.reference_data.breaks.get(&id)?.evidence.as_deref()
    }

    /// The currency of a break, open or closed.
    #[must_use]
    pub fn break_currency(&self, id: BreakId) -> Option<Currency> {
        Some(self.currency_at(self.reference_data.breaks.get(&id)?.currency))
    }

    /// The offline sale whose suspense is this open break, and why it is in suspense.
    #[must_use]
    pub fn suspended_sale(&self, id: BreakId) -> Option<(PaymentId, SuspenseReason)> {
        let mut sales = self.reference_data.suspended_sales.iter();
        let (payment, sale) = sales.find(|(_, one)| one.break_id == id && one.end.is_none())?;
        Some((*payment, sale.reason))
    }

    /// A plan that is planned or approved.
    #[must_use]
    pub fn open_plan(&self, id: PlanId) -> Option<PlanView> {
        let plan = self.reference_data.plans.get(&id)?;
        let approved = plan.status.open()?;
        Some(PlanView {
            id,
            cycle: plan.cycle,
            currency: plan.currency,
            planned_by: match plan.planner {
                Planner::Person(person) => Some(person),
                Planner::Calendar(_) => None,
            },
            approved,
            lines: plan.lines.iter().map(|(line, _)| self.planned_payout(line)).collect(),
        })
    }

    fn planned_payout(&self, line: &PayoutLine) -> PlannedPayout {
        let suspended = self.is_seller_suspended(line.seller);
        PlannedPayout { line: *line, payable: self.payable_balance(line), suspended }
    }

    /// The cycles that the calendar planned, and the last day of each.
    pub fn cycles_planned(
        &self,
    ) -> impl Iterator<Item = (SettlementCycle, Currency, BusinessDate)> {
        let planned = self.reference_data.cycles_planned.iter();
        planned.map(|(&(cycle, place), (date, _))| (cycle, self.currency_at(place), *date))
    }

    /// The first day on which held money becomes payable. Money that waits for its delivery has no
    /// day.
    #[must_use]
    pub fn first_release(&self) -> Option<BusinessDate> {
        self.reference_data.pending_releases.keys().next().copied()
    }

    #[must_use]
    pub fn tariff_reference(&self, id: TariffId) -> Option<&str> {
        self.reference_data
            .tariffs
            .iter()
            .find(|tariff| tariff.id == id)
            .map(|one| one.reference.as_str())
    }

    /// The published tariffs, with their references, and the currency of each that is for one only.
    pub fn tariffs(&self) -> impl Iterator<Item = (TariffId, &str, Option<Currency>)> {
        let tariffs = self.reference_data.tariffs.iter();
        tariffs.map(|one| (one.id, one.reference.as_str(), one.currency))
    }

    #[must_use]
    pub fn seller_reference(&self, id: SellerId) -> Option<&str> {
        self.any_account_of(id).map(|seller| seller.reference.as_str())
    }

    #[must_use]
    pub fn seller_jurisdiction(&self, id: SellerId) -> Option<crate::Jurisdiction> {
        self.any_account_of(id).map(|seller| seller.jurisdiction)
    }

    /// The sellers' accounts, one for each of their currencies, in order of registration.
    pub fn seller_accounts(&self) -> impl Iterator<Item = (SellerId, Currency)> {
        self.sellers.iter().map(|seller| (seller.id, self.currency_at(seller.currency)))
    }

    pub fn banks(&self) -> impl Iterator<Item = (crate::ids::BankId, &str)> {
        self.banks.iter().map(|bank| (bank.id, bank.reference.as_str()))
    }

    pub fn firms(&self) -> impl Iterator<Item = (FirmId, &str)> {
        self.firms.iter().map(|firm| (firm.id, firm.reference.as_str()))
    }

    pub fn couriers(&self) -> impl Iterator<Item = (CourierId, FirmId)> {
        self.couriers.iter().map(|courier| (courier.id, self.firms.get(courier.firm).id))
    }

    /// Cash a firm and its couriers hold for others, in minor units (M6): in couriers' hands,
    /// counted and not deposited, short and not repaid.
    #[must_use]
    pub fn custody(&self, firm: FirmId) -> Option<i128> {
        let number = self.firms.number(firm)?;
        let balance = |account| self.ledger.account(account).balance();
        let couriers = self.couriers.iter().filter(|courier| courier.firm == number);
        let theirs: i128 =
            couriers.map(|courier| balance(courier.cash) + balance(courier.shortage)).sum();
        Some(theirs + balance(self.firms.get(number).cash))
    }

    /// Cash in a courier's hands, and open shortages, in minor units.
    #[must_use]
    pub fn courier_cash(&self, courier: CourierId) -> Option<(i128, i128)> {
        let courier = self.couriers.find(courier)?;
        let balance = |account| self.ledger.account(account).balance();
        Some((balance(courier.cash), balance(courier.shortage)))
    }

    /// A firm's counted cash that no deposit has announced, in minor units.
    #[must_use]
    pub fn firm_cash(&self, firm: FirmId) -> Option<i128> {
        let firm = self.firms.find(firm)?;
        Some(self.ledger.account(firm.cash).available())
    }

    /// The operator's name for an account's owner, if it has one.
    #[must_use]
    pub fn owner_reference(&self, account: &AccountView) -> Option<&str> {
        use crate::ids::{BankId, NetworkId, WalletId};
        let owner = account.owner;
        match account.kind {
            AccountKind::Bank => self.banks.find(BankId(owner)).map(|one| &*one.reference),
            AccountKind::NetworkReceivable => {
                self.rails.find(RailId::Network(NetworkId(owner))).map(|one| &*one.reference)
            }
            AccountKind::WalletReceivable => {
                self.rails.find(RailId::Wallet(WalletId(owner))).map(|one| &*one.reference)
            }
            AccountKind::CourierCash | AccountKind::CourierShortage => {
                self.couriers.find(CourierId(owner)).map(|one| &*one.reference)
            }
            AccountKind::FirmCash | AccountKind::FirmCommission => {
                self.firms.find(FirmId(owner)).map(|one| &*one.reference)
            }
            AccountKind::SellerHeld
            | AccountKind::SellerPayable
            | AccountKind::SellerReceivable => self.seller_reference(SellerId(owner)),
            _ => None,
        }
    }
}

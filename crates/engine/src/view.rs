//! What can be asked of the books. Answers are copies; nothing here changes anything.

use ledger::AccountNo;
use money::{Amount, Currency};
use tariff::{BusinessDate, Tender};

use crate::chart::AccountKind;
use crate::command::{BreakSide, BreakSubject, Cycle};
use crate::door::TakeBack;
use crate::engine::{Digest, Engine};
use crate::event::{PayoutLine, TariffVersion};
use crate::ids::{
    BreakId, CourierId, FirmId, ParcelId, PayoutId, PersonId, PlanId, SellerId, TariffId, TenderId,
};
use crate::index::Place;
use crate::records::{Back, Item, PlanStand, Progress, RailId, Stand};

/// An account with its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Its number in the ledger.
    pub number: AccountNo,
    /// What it is for.
    pub kind: AccountKind,
    /// Whose it is: the identifier of the bank, firm, courier, network, wallet or seller; zero for
    /// accounts that a currency has once.
    pub owner: u64,
    /// Its currency.
    pub currency: Currency,
    /// The posted balance on the account's own side, in minor units.
    pub balance: i128,
}

/// Where a parcel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelState {
    /// Announced by the seller.
    Announced,
    /// With a firm.
    Assigned,
    /// With a courier.
    Out,
    /// Refused, on its way back.
    Refused,
    /// All that was due is collected.
    Delivered,
    /// Back at the seller's.
    Returned,
    /// Lost.
    Lost,
}

/// A parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelView {
    /// Where it stands.
    pub state: ParcelState,
    /// Its seller.
    pub seller: SellerId,
    /// What is due; of a closed parcel, what was collected.
    pub due: Amount,
    /// What is collected.
    pub collected: Amount,
    /// Attempts so far.
    pub attempts: u8,
    /// How many tenders it has seen.
    pub tenders: u8,
}

/// Where a tender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenderState {
    /// Waits for an answer.
    Begun,
    /// Nobody knows (M4).
    Unknown,
    /// Declined.
    Declined,
    /// Taken back.
    Reversed,
    /// Posted, the money is not there yet.
    Approved,
    /// The money is there and on hold.
    Held,
    /// The seller's.
    Released,
    /// Pre-authorised: the money is reserved.
    Authorised,
    /// A completion waits for its answer.
    Completing,
    /// Nobody knows how a completion ended (M4).
    CompletionUnknown,
    /// Posted, and being taken back.
    TakingBack(TakeBack),
    /// Pre-authorised, and being released.
    Releasing(TakeBack),
    /// Its void is being reversed.
    UndoingVoid,
    /// Pre-authorised, and released because nobody completed it in its time.
    Expired,
}

/// A tender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenderView {
    /// Which one.
    pub id: TenderId,
    /// Where it stands.
    pub state: TenderState,
    /// How it is paid.
    pub method: Tender,
    /// How much.
    pub amount: Amount,
    /// Its fees, once it was approved.
    pub fees: Amount,
    /// What the network or wallet may keep back.
    pub kept_by_network: Amount,
    /// Refunded and charged back.
    pub given_back: Amount,
    /// Its tariff version.
    pub tariff: TariffVersion,
}

/// An open break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakView {
    /// Which one.
    pub id: BreakId,
    /// Where it was found.
    pub subject: BreakSubject,
    /// More or less.
    pub side: BreakSide,
    /// By how much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who has to see to it.
    pub owner: PersonId,
    /// Since when.
    pub opened: BusinessDate,
}

/// A settlement plan that is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanView {
    /// Which one.
    pub id: PlanId,
    /// Which sellers.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Who planned.
    pub planned_by: PersonId,
    /// Whether a second person has approved.
    pub approved: bool,
    /// What is to be paid.
    pub lines: Vec<PayoutLine>,
}

impl Engine {
    /// SHA-256 over the whole state (M11). It reads everything.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.snapshot().digest()
    }

    /// All accounts, in the order in which they were opened.
    pub fn accounts(&self) -> impl Iterator<Item = AccountView> {
        let accounts = self.books.ledger.accounts();
        accounts.map(|(number, account)| self.account_as_view(number, account))
    }

    /// One account.
    #[must_use]
    pub fn account_view(&self, number: AccountNo) -> Option<AccountView> {
        let account = self.books.ledger.account(number)?;
        Some(self.account_as_view(number, account))
    }

    fn account_as_view(&self, number: AccountNo, account: &ledger::Account) -> AccountView {
        AccountView {
            number,
            kind: AccountKind::from_code(account.code()).expect("each account is of a kind"),
            owner: *self.books.owners.get(number.0 as usize).expect("each account has an owner"),
            currency: self.books.ledger.currency(account),
            balance: account.balance(),
        }
    }

    /// Per currency, all debits and all credits posted (M1).
    #[must_use]
    pub fn totals(&self) -> &[ledger::Totals] {
        self.books.ledger.totals()
    }

    /// The balances of all accounts of a kind in a currency.
    #[must_use]
    pub fn sum(&self, kind: AccountKind, currency: Currency) -> i128 {
        let accounts = self.books.ledger.accounts().map(|(_, account)| account);
        let of_kind = accounts.filter(|account| account.code() == kind.code());
        let here = of_kind.filter(|account| self.books.ledger.currency(account) == currency);
        here.map(ledger::Account::balance).sum()
    }

    /// The currencies that have accounts.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.small.currencies.iter().map(|accounts| accounts.currency)
    }

    /// How far local time is ahead of UTC, in minutes, once the books are open.
    #[must_use]
    pub fn utc_offset_minutes(&self) -> Option<i16> {
        self.small.utc_offset_minutes
    }

    /// A parcel, open or closed.
    #[must_use]
    pub fn parcel_view(&self, id: ParcelId) -> Option<ParcelView> {
        let view = match self.place(id)? {
            Place::Open(slot) => {
                let parcel = self.parcel(slot);
                ParcelView {
                    state: match parcel.stand {
                        Stand::Announced => ParcelState::Announced,
                        Stand::Assigned => ParcelState::Assigned,
                        Stand::Out => ParcelState::Out,
                        Stand::Refused => ParcelState::Refused,
                    },
                    seller: self.sellers.get(parcel.seller).id,
                    due: parcel.due,
                    collected: self.collected(parcel),
                    attempts: parcel.attempts,
                    tenders: parcel.tenders,
                }
            }
            Place::Closed(newest) => {
                let item = self.item(newest);
                let collected = self.sum_of(newest, Item::is_collected);
                let tenders = self.tenders_from(newest).map(|(_, item)| item.number).max();
                ParcelView {
                    state: match item.progress {
                        Progress::Returned => ParcelState::Returned,
                        Progress::Lost => ParcelState::Lost,
                        _ => ParcelState::Delivered,
                    },
                    seller: self.sellers.get(item.seller).id,
                    due: collected,
                    collected,
                    attempts: item.attempts,
                    tenders: tenders.unwrap_or(0),
                }
            }
        };
        Some(view)
    }

    /// A parcel's tenders, the newest first.
    #[must_use]
    pub fn tenders(&self, id: ParcelId) -> Vec<TenderView> {
        let newest = match self.place(id) {
            Some(Place::Open(slot)) => self.parcel(slot).last,
            Some(Place::Closed(newest)) => newest,
            None => return Vec::new(),
        };
        self.tenders_from(newest).filter_map(|(_, item)| self.tender_view(item)).collect()
    }

    pub(crate) fn tender_view(&self, item: &Item) -> Option<TenderView> {
        let state = match item.progress {
            Progress::Begun(_) => TenderState::Begun,
            Progress::Unknown(_) => TenderState::Unknown,
            Progress::Declined => TenderState::Declined,
            Progress::Reversed => TenderState::Reversed,
            Progress::Approved { .. } => TenderState::Approved,
            Progress::Held { .. } => TenderState::Held,
            Progress::Released { .. } => TenderState::Released,
            Progress::Authorised(_) => TenderState::Authorised,
            Progress::Completing(_) => TenderState::Completing,
            Progress::CompletionUnknown(_) => TenderState::CompletionUnknown,
            Progress::TakingBack(back) => match back {
                Back::Void => TenderState::TakingBack(TakeBack::Void),
                Back::Reversal => TenderState::TakingBack(TakeBack::Reversal),
                Back::Expiry => TenderState::TakingBack(TakeBack::Expiry),
                Back::UndoingVoid => TenderState::UndoingVoid,
            },
            Progress::Releasing(_, back) => match back {
                Back::Void => TenderState::Releasing(TakeBack::Void),
                Back::Reversal => TenderState::Releasing(TakeBack::Reversal),
                Back::Expiry => TenderState::Releasing(TakeBack::Expiry),
                Back::UndoingVoid => TenderState::UndoingVoid,
            },
            Progress::Expired => TenderState::Expired,
            Progress::Returned | Progress::Lost => return None,
        };
        Some(TenderView {
            id: item.tender(),
            state,
            method: item.means.tender(),
            amount: item.amount,
            fees: item.fees,
            kept_by_network: item.kept_by_network,
            given_back: item.given_back,
            tariff: self.tariff_version(item.version),
        })
    }

    /// All tenders that wait for somebody else's answer: begun, unknown, being completed or taken
    /// back (M4). In the order of their records; it looks at all of them. What terminals asked for
    /// is found faster by [`Engine::to_chase`].
    pub fn unresolved(&self) -> impl Iterator<Item = TenderView> {
        let waits = |item: &Item| match item.progress {
            Progress::Authorised(_) => false,
            Progress::Unknown(_) | Progress::TakingBack(_) => true,
            progress => progress.waits(),
        };
        let waiting = self.items.iter().filter(move |(_, item)| waits(item));
        waiting.filter_map(|(_, item)| self.tender_view(item))
    }

    /// How many payments are unknown (M4).
    #[must_use]
    pub fn unknown_count(&self) -> u64 {
        self.rails.iter().map(|rail| u64::from(rail.unknown)).sum()
    }

    /// How many parcels are on their way.
    #[must_use]
    pub fn open_parcels(&self) -> usize {
        self.parcels.len()
    }

    /// How many parcels are known, open or closed.
    #[must_use]
    pub fn known_parcels(&self) -> usize {
        self.index.len()
    }

    /// The breaks that are open.
    #[must_use]
    pub fn open_breaks(&self) -> Vec<BreakView> {
        let open = self.small.breaks.iter().filter(|(_, one)| !one.closed);
        open.map(|(id, one)| BreakView {
            id: *id,
            subject: one.subject,
            side: one.side,
            amount: one.amount,
            currency: self.currency_at(one.currency),
            owner: one.owner,
            opened: one.opened,
        })
        .collect()
    }

    /// A plan that is planned or approved.
    #[must_use]
    pub fn open_plan(&self, id: PlanId) -> Option<PlanView> {
        let plan = self.small.plans.get(&id)?;
        let approved = match plan.stand {
            PlanStand::Planned => false,
            PlanStand::Approved => true,
            PlanStand::Executed | PlanStand::Rejected => return None,
        };
        Some(PlanView {
            id,
            cycle: plan.cycle,
            currency: plan.currency,
            planned_by: plan.planned_by,
            approved,
            lines: plan.lines.iter().map(|(line, _)| *line).collect(),
        })
    }

    /// The payouts that are on their way.
    pub fn payouts_in_flight(&self) -> impl Iterator<Item = (PayoutId, SellerId, Amount)> {
        let payouts = self.small.payouts.iter().filter(|(_, payout)| payout.arrived.is_none());
        payouts.map(|(id, payout)| (*id, self.sellers.get(payout.seller).id, payout.net))
    }

    /// A tariff's name.
    #[must_use]
    pub fn tariff_reference(&self, id: TariffId) -> Option<&str> {
        self.small.tariffs.iter().find(|tariff| tariff.id == id).map(|one| one.reference.as_str())
    }

    /// A seller's own reference.
    #[must_use]
    pub fn seller_reference(&self, id: SellerId) -> Option<&str> {
        self.sellers.find(id).map(|seller| seller.reference.as_str())
    }

    /// The sellers, in the order of their registration.
    pub fn seller_ids(&self) -> impl Iterator<Item = SellerId> {
        self.sellers.iter().map(|seller| seller.id)
    }

    /// The firms with their own references.
    pub fn firms(&self) -> impl Iterator<Item = (FirmId, &str)> {
        self.firms.iter().map(|firm| (firm.id, firm.reference.as_str()))
    }

    /// The couriers with their firms.
    pub fn couriers(&self) -> impl Iterator<Item = (CourierId, FirmId)> {
        self.couriers.iter().map(|courier| (courier.id, self.firms.get(courier.firm).id))
    }

    /// What a firm and its couriers have of other people's money, in minor units (M6): cash in
    /// hands, counted and not deposited, short and not repaid.
    #[must_use]
    pub fn custody(&self, firm: FirmId) -> Option<i128> {
        let number = self.firms.number(firm)?;
        let balance = |account| self.books.account(account).balance();
        let couriers = self.couriers.iter().filter(|courier| courier.firm == number);
        let theirs: i128 =
            couriers.map(|courier| balance(courier.cash) + balance(courier.shortage)).sum();
        Some(theirs + balance(self.firms.get(number).cash))
    }

    /// The cash in a courier's hands, and what the courier owes for shortages, in minor units.
    #[must_use]
    pub fn courier_cash(&self, courier: CourierId) -> Option<(i128, i128)> {
        let courier = self.couriers.find(courier)?;
        let balance = |account| self.books.account(account).balance();
        Some((balance(courier.cash), balance(courier.shortage)))
    }

    /// A firm's counted cash that is not on its way to the bank, in minor units.
    #[must_use]
    pub fn firm_cash(&self, firm: FirmId) -> Option<i128> {
        let firm = self.firms.find(firm)?;
        Some(self.books.account(firm.cash).available())
    }

    /// The name of an account's owner in the operator's own words, where it has one.
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
            AccountKind::SellerHeld | AccountKind::SellerPayable => {
                self.seller_reference(SellerId(owner))
            }
            _ => None,
        }
    }
}

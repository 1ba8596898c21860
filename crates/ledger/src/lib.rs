//! The ledger: accounts, and transfers between two of them.
//!
//! A transfer debits one account and credits another with the same amount in one currency (M1). It
//! is posted at once, or reserved first (pending) and then posted, in full or in part, or voided. A
//! chain links several transfers: all of them happen or none.
//!
//! It knows nothing of parcels, sellers or terminals, and never uses I/O, a clock or floats. Start
//! at [`Ledger::transfer`] and [`Ledger::chain`]; what can fail is in [`TransferRefusal`].
//!
//! ```
//! use ledger::{BalanceLimits, Ledger, Side, Transfer, TransferId};
//! use money::{Amount, Currency};
//!
//! let mut ledger = Ledger::default();
//! let limits = BalanceLimits::NO_OVERDRAFT;
//! let network = ledger.open(Currency::CNY, 1110, Side::Debit, BalanceLimits::NONE);
//! let seller = ledger.open(Currency::CNY, 2110, Side::Credit, limits);
//! let fees = ledger.open(Currency::CNY, 4050, Side::Credit, limits);
//!
//! // A payment of 12.50 is requested: its amount is reserved.
//! let reserve = Transfer::Reserve {
//!     id: TransferId(1),
//!     debit: network,
//!     credit: seller,
//!     amount: Amount::of(12_50),
//! };
//! ledger.transfer(&reserve)?;
//!
//! // It is approved: the amount is posted and the seller is charged 0.50, both or neither.
//! let post =
//!     Transfer::PostReserved { id: TransferId(2), of: TransferId(1), amount: Amount::of(12_50) };
//! let fee =
//!     Transfer::Post { id: TransferId(3), debit: seller, credit: fees, amount: Amount::of(50) };
//! ledger.chain(&[post, fee]).expect("the seller has 12.50");
//! assert_eq!(ledger.account(seller).map(ledger::Account::balance), Some(12_00));
//!
//! // A refused transfer changes nothing.
//! let amount = Amount::of(99_00);
//! let too_much = Transfer::Post { id: TransferId(4), debit: seller, credit: fees, amount };
//! assert!(ledger.transfer(&too_much).is_err());
//! ledger.check()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod parts;
mod refusal;
mod transfer;

pub use account::{Account, AccountNumber, BalanceLimits, Side};
pub use parts::{LedgerParts, LedgerPartsError};
pub use refusal::TransferRefusal;
pub use transfer::{Reservation, Transfer, TransferId};

use chunks::ChunkedVec;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use money::{Amount, Currency};

use account::CurrencyIndex;
use transfer::Undo;

/// Transfers in one chain.
pub const CHAIN_TRANSFERS_MAX: usize = 20_000;

/// The sums of a currency's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyTotals {
    pub currency: Currency,
    /// In minor units.
    pub debits: u128,
    /// In minor units. Equal to `debits` (M1).
    pub credits: u128,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: ChunkedVec<Account>,
    totals: Vec<CurrencyTotals>,
    reservation: HashMap<TransferId, Reservation, FixedState>,
    newest: TransferId,
    /// What the current chain has done. Empty between calls; kept to reuse its memory.
    done: Vec<Undo>,
}

impl Ledger {
    /// Opens an account and returns its number, the next one.
    ///
    /// The ledger only keeps `code`: it names the account's purpose.
    pub fn open(
        &mut self,
        currency: Currency,
        code: u16,
        side: Side,
        limits: BalanceLimits,
    ) -> AccountNumber {
        let currency = self.currency_no(currency);
        let place = self.accounts.push(Account::new(currency, code, side, limits));
        AccountNumber(u32::try_from(place).expect("fewer than 2³² accounts"))
    }

    fn currency_no(&mut self, currency: Currency) -> CurrencyIndex {
        let known = self.totals.iter().position(|totals| totals.currency == currency);
        let place = known.unwrap_or_else(|| {
            self.totals.push(CurrencyTotals { currency, debits: 0, credits: 0 });
            self.totals.len() - 1
        });
        CurrencyIndex(u16::try_from(place).expect("ISO 4217 has fewer than 1,000 currencies"))
    }

    #[must_use]
    pub fn account(&self, number: AccountNumber) -> Option<&Account> {
        self.accounts.get(number.0 as usize)
    }

    /// All accounts, in order of opening.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountNumber, &Account)> {
        (0..).map(AccountNumber).zip(self.accounts.iter())
    }

    /// A copy of the accounts that shares memory until either side changes.
    #[must_use]
    pub fn shared_accounts(&self) -> ChunkedVec<Account> {
        self.accounts.clone()
    }

    #[must_use]
    pub fn currency(&self, account: &Account) -> Currency {
        self.totals[usize::from(account.currency.0)].currency
    }

    /// Total debits and credits of each currency.
    #[must_use]
    pub fn totals(&self) -> &[CurrencyTotals] {
        &self.totals
    }

    /// The reservation with this id, if it is neither posted nor voided.
    #[must_use]
    pub fn reserved(&self, id: TransferId) -> Option<&Reservation> {
        self.reservation.get(&id)
    }

    #[must_use]
    pub fn reservation_count(&self) -> usize {
        self.reservation.len()
    }

    /// The next unused id: one above the newest.
    #[must_use]
    pub fn next_id(&self) -> TransferId {
        TransferId(self.newest.0 + 1)
    }

    /// Applies one transfer. A refused transfer changes nothing.
    pub fn transfer(&mut self, transfer: &Transfer) -> Result<(), TransferRefusal> {
        self.carry_out(transfer)?;
        Ok(())
    }

    /// Applies all `transfers` in order, or none of them.
    ///
    /// # Errors
    /// The index of the first refused transfer, and why.
    pub fn chain(&mut self, transfers: &[Transfer]) -> Result<(), (usize, TransferRefusal)> {
        if transfers.len() > CHAIN_TRANSFERS_MAX {
            return Err((CHAIN_TRANSFERS_MAX, TransferRefusal::ChainTooLong));
        }
        let newest = self.newest;
        let mut done = std::mem::take(&mut self.done);
        done.clear();
        let mut refused = Ok(());
        for (place, transfer) in transfers.iter().enumerate() {
            match self.carry_out(transfer) {
                Ok(undo) => done.push(undo),
                Err(refusal) => {
                    self.take_back(&transfers[..place], &done);
                    self.newest = newest;
                    refused = Err((place, refusal));
                    break;
                }
            }
        }
        self.done = done;
        refused
    }

    /// Recomputes and compares all sums (M1).
    ///
    /// # Errors
    /// What does not add up, in words for an auditor.
    pub fn check(&self) -> Result<(), String> {
        let mut sums: Vec<CurrencyTotals> = Vec::with_capacity(self.totals.len());
        for totals in &self.totals {
            sums.push(CurrencyTotals { currency: totals.currency, debits: 0, credits: 0 });
        }
        for account in self.accounts.iter() {
            let sum = &mut sums[usize::from(account.currency.0)];
            sum.debits += account.debits_posted;
            sum.credits += account.credits_posted;
        }
        for (sum, totals) in sums.iter().zip(&self.totals) {
            if sum != totals || sum.debits != sum.credits {
                return Err(format!(
                    "M1: the accounts add up to {sum:?}, the totals say {totals:?}"
                ));
            }
        }
        self.check_reserved()
    }

    /// The pending sums of the accounts equal the reservations.
    fn check_reserved(&self) -> Result<(), String> {
        let pending = |amount: &Reservation| u128::from(amount.amount.minor());
        let reserved: u128 = self.reservation.values().map(pending).sum();
        let debits: u128 = self.accounts.iter().map(|account| account.debits_pending).sum();
        let credits: u128 = self.accounts.iter().map(|account| account.credits_pending).sum();
        if (debits, credits) != (reserved, reserved) {
            return Err(format!(
                "M1: {reserved} is reserved, the accounts have {debits} debits and {credits} \
                 credits pending"
            ));
        }
        Ok(())
    }
}

impl Ledger {
    fn carry_out(&mut self, transfer: &Transfer) -> Result<Undo, TransferRefusal> {
        let id = transfer.id();
        if id <= self.newest {
            return Err(self.refuse_repeat(transfer));
        }
        let undo = match *transfer {
            Transfer::Post { debit, credit, amount, .. } => {
                self.check_pair(debit, credit, amount)?;
                self.check_room(debit, credit, amount)?;
                self.post(debit, credit, amount);
                Undo::Nothing
            }
            Transfer::Reserve { debit, credit, amount, .. } => {
                self.check_pair(debit, credit, amount)?;
                self.check_room(debit, credit, amount)?;
                self.reserve(debit, credit, amount);
                self.reservation.insert(id, Reservation { debit, credit, amount });
                Undo::Nothing
            }
            Transfer::PostReserved { of, amount, .. } => {
                let reserved =
                    *self.reservation.get(&of).ok_or(TransferRefusal::NotReserved(of))?;
                if amount.is_zero() {
                    return Err(TransferRefusal::AmountZero);
                }
                if amount > reserved.amount {
                    return Err(TransferRefusal::MoreThanReserved);
                }
                // The limits were checked when the amount was reserved.
                self.release(&reserved);
                self.post(reserved.debit, reserved.credit, amount);
                self.reservation.remove(&of);
                Undo::Reserved(reserved)
            }
            Transfer::VoidReserved { of, .. } => {
                let reserved =
                    self.reservation.remove(&of).ok_or(TransferRefusal::NotReserved(of))?;
                self.release(&reserved);
                Undo::Reserved(reserved)
            }
        };
        self.newest = id;
        Ok(undo)
    }

    /// The refusal of a used id: the same reservation again, other content, or a retry.
    fn refuse_repeat(&self, transfer: &Transfer) -> TransferRefusal {
        let id = transfer.id();
        match (transfer, self.reservation.get(&id)) {
            (Transfer::Reserve { debit, credit, amount, .. }, Some(reserved)) => {
                let same = Reservation { debit: *debit, credit: *credit, amount: *amount };
                if same == *reserved {
                    TransferRefusal::Repeated(id)
                } else {
                    TransferRefusal::OtherContent(id)
                }
            }
            (_, Some(_)) => TransferRefusal::OtherContent(id),
            (_, None) => TransferRefusal::Repeated(id),
        }
    }

    fn check_pair(
        &self,
        debit: AccountNumber,
        credit: AccountNumber,
        amount: Amount,
    ) -> Result<(), TransferRefusal> {
        if amount.is_zero() {
            return Err(TransferRefusal::AmountZero);
        }
        if debit == credit {
            return Err(TransferRefusal::SameAccount(debit));
        }
        let debit = self.account(debit).ok_or(TransferRefusal::NoSuchAccount(debit))?;
        let credit = self.account(credit).ok_or(TransferRefusal::NoSuchAccount(credit))?;
        if debit.currency != credit.currency {
            return Err(TransferRefusal::CurrencyMismatch {
                debit: self.currency(debit),
                credit: self.currency(credit),
            });
        }
        Ok(())
    }

    fn check_room(
        &self,
        debit: AccountNumber,
        credit: AccountNumber,
        amount: Amount,
    ) -> Result<(), TransferRefusal> {
        if !self.known(debit).has_room_for_debit(amount) {
            return Err(TransferRefusal::LimitReached(debit));
        }
        if !self.known(credit).has_room_for_credit(amount) {
            return Err(TransferRefusal::LimitReached(credit));
        }
        Ok(())
    }

    fn known(&self, number: AccountNumber) -> &Account {
        self.account(number).expect("the account was checked before")
    }

    fn known_mut(&mut self, number: AccountNumber) -> &mut Account {
        self.accounts.get_mut(number.0 as usize).expect("the account was checked before")
    }

    fn post(&mut self, debit: AccountNumber, credit: AccountNumber, amount: Amount) {
        let sum = u128::from(amount.minor());
        let debited = self.known_mut(debit);
        debited.debits_posted += sum;
        let debited = debited.currency;
        let credited = self.known_mut(credit);
        credited.credits_posted += sum;
        let credited = credited.currency;
        self.totals[usize::from(debited.0)].debits += sum;
        self.totals[usize::from(credited.0)].credits += sum;
        self.assert_equal_totals(debited);
    }

    /// After each posting the currency's debits equal its credits (M1).
    fn assert_equal_totals(&self, currency: CurrencyIndex) {
        let totals = &self.totals[usize::from(currency.0)];
        assert_eq!(totals.debits, totals.credits, "M1: {} is out of balance", totals.currency);
    }

    fn reserve(&mut self, debit: AccountNumber, credit: AccountNumber, amount: Amount) {
        let sum = u128::from(amount.minor());
        self.known_mut(debit).debits_pending += sum;
        self.known_mut(credit).credits_pending += sum;
    }

    fn release(&mut self, reserved: &Reservation) {
        let sum = u128::from(reserved.amount.minor());
        self.known_mut(reserved.debit).release_debit(sum);
        self.known_mut(reserved.credit).release_credit(sum);
    }

    /// Undoes the first transfers of a chain, last one first.
    fn take_back(&mut self, transfers: &[Transfer], done: &[Undo]) {
        assert_eq!(transfers.len(), done.len(), "one undo per applied transfer");
        for (transfer, undo) in transfers.iter().zip(done).rev() {
            match (*transfer, *undo) {
                (Transfer::Post { debit, credit, amount, .. }, _) => {
                    self.unpost(debit, credit, amount);
                }
                (Transfer::Reserve { id, .. }, _) => {
                    let reserved = self.reservation.remove(&id).expect("the chain reserved it");
                    self.release(&reserved);
                }
                (Transfer::PostReserved { of, amount, .. }, Undo::Reserved(reserved)) => {
                    self.unpost(reserved.debit, reserved.credit, amount);
                    self.reserve(reserved.debit, reserved.credit, reserved.amount);
                    self.reservation.insert(of, reserved);
                }
                (Transfer::VoidReserved { of, .. }, Undo::Reserved(reserved)) => {
                    self.reserve(reserved.debit, reserved.credit, reserved.amount);
                    self.reservation.insert(of, reserved);
                }
                (Transfer::PostReserved { .. } | Transfer::VoidReserved { .. }, Undo::Nothing) => {
                    panic!("a reservation was ended without its undo");
                }
            }
        }
    }

    fn unpost(&mut self, debit: AccountNumber, credit: AccountNumber, amount: Amount) {
        let sum = u128::from(amount.minor());
        let debited = self.known_mut(debit);
        debited.debits_posted -= sum;
        let currency = debited.currency;
        self.known_mut(credit).credits_posted -= sum;
        let totals = &mut self.totals[usize::from(currency.0)];
        totals.debits -= sum;
        totals.credits -= sum;
        self.assert_equal_totals(currency);
    }
}

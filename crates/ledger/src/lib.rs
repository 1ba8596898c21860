//! The ledger: accounts, and transfers between two of them.
//!
//! A transfer debits one account and credits another by the same amount in one currency (M1). It is
//! posted at once, or first reserved (pending) and later posted, also in part, or voided. Several
//! transfers can be linked: all of them happen or none, whatever they are.
//!
//! Never: anything about parcels, sellers or terminals; I/O; a clock; floats.
//! Start at [`Ledger::transfer`] and [`Ledger::chain`]; what can go wrong is in [`Refusal`].

mod account;
mod raw;
mod refusal;
mod transfer;

pub use account::{Account, AccountNo, Limits, Side};
pub use raw::{RawError, RawLedger};
pub use refusal::Refusal;
pub use transfer::{Reserved, Transfer, TransferId};

use chunks::Chunked;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use money::{Amount, Currency};

use account::CurrencyNo;
use transfer::Undo;

/// Transfers that one chain may link.
pub const CHAIN_TRANSFERS_MAX: usize = 20_000;

/// What all accounts of a currency add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The currency.
    pub currency: Currency,
    /// All debits posted, in minor units.
    pub debits: u128,
    /// All credits posted, in minor units: the same (M1).
    pub credits: u128,
}

/// The accounts and what is reserved between them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: Chunked<Account>,
    totals: Vec<Totals>,
    reserved: HashMap<TransferId, Reserved, FixedState>,
    newest: TransferId,
    /// What the chain under way has done; kept for its memory, empty in meaning between calls.
    done: Vec<Undo>,
}

impl Ledger {
    /// Opens an account; its number is the next one.
    ///
    /// `code` says what the account is for; the ledger only keeps it.
    pub fn open(&mut self, currency: Currency, code: u16, side: Side, limits: Limits) -> AccountNo {
        let currency = self.currency_no(currency);
        let place = self.accounts.push(Account::new(currency, code, side, limits));
        AccountNo(u32::try_from(place).expect("fewer than 2³² accounts"))
    }

    fn currency_no(&mut self, currency: Currency) -> CurrencyNo {
        let known = self.totals.iter().position(|totals| totals.currency == currency);
        let place = known.unwrap_or_else(|| {
            self.totals.push(Totals { currency, debits: 0, credits: 0 });
            self.totals.len() - 1
        });
        CurrencyNo(u16::try_from(place).expect("ISO 4217 has fewer than 1,000 currencies"))
    }

    /// An account.
    #[must_use]
    pub fn account(&self, number: AccountNo) -> Option<&Account> {
        self.accounts.get(number.0 as usize)
    }

    /// All accounts, in the order in which they were opened.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountNo, &Account)> {
        (0..).map(AccountNo).zip(self.accounts.iter())
    }

    /// The accounts as they are now, in a vector that goes on by itself.
    #[must_use]
    pub fn shared_accounts(&self) -> Chunked<Account> {
        self.accounts.clone()
    }

    /// The currency of an account.
    #[must_use]
    pub fn currency(&self, account: &Account) -> Currency {
        self.totals[usize::from(account.currency.0)].currency
    }

    /// Per currency, all debits and all credits.
    #[must_use]
    pub fn totals(&self) -> &[Totals] {
        &self.totals
    }

    /// What is reserved by `id` and neither posted nor voided yet.
    #[must_use]
    pub fn reserved(&self, id: TransferId) -> Option<&Reserved> {
        self.reserved.get(&id)
    }

    /// How many transfers are reserved.
    #[must_use]
    pub fn reserved_count(&self) -> usize {
        self.reserved.len()
    }

    /// An identifier that was never used: one above the newest.
    #[must_use]
    pub fn next_id(&self) -> TransferId {
        TransferId(self.newest.0 + 1)
    }

    /// Carries out one transfer.
    ///
    /// # Errors
    /// Why not; the ledger is then as it was.
    pub fn transfer(&mut self, transfer: &Transfer) -> Result<(), Refusal> {
        self.carry_out(transfer)?;
        Ok(())
    }

    /// Carries out all of `transfers` in order, or none of them.
    ///
    /// # Errors
    /// The place of the first transfer that is refused, and why; the ledger is then as it was.
    pub fn chain(&mut self, transfers: &[Transfer]) -> Result<(), (usize, Refusal)> {
        if transfers.len() > CHAIN_TRANSFERS_MAX {
            return Err((CHAIN_TRANSFERS_MAX, Refusal::ChainTooLong));
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

    /// Adds everything up again (M1, where it is used).
    ///
    /// # Errors
    /// What does not add up, in words for an auditor.
    pub fn check(&self) -> Result<(), String> {
        let mut sums: Vec<Totals> = Vec::with_capacity(self.totals.len());
        for totals in &self.totals {
            sums.push(Totals { currency: totals.currency, debits: 0, credits: 0 });
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

    /// What the accounts have pending is what is reserved between them.
    fn check_reserved(&self) -> Result<(), String> {
        let pending = |amount: &Reserved| u128::from(amount.amount.minor());
        let reserved: u128 = self.reserved.values().map(pending).sum();
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
    fn carry_out(&mut self, transfer: &Transfer) -> Result<Undo, Refusal> {
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
                self.reserved.insert(id, Reserved { debit, credit, amount });
                Undo::Nothing
            }
            Transfer::PostReserved { of, amount, .. } => {
                let reserved = *self.reserved.get(&of).ok_or(Refusal::NotReserved(of))?;
                if amount.is_zero() {
                    return Err(Refusal::AmountZero);
                }
                if amount > reserved.amount {
                    return Err(Refusal::MoreThanReserved);
                }
                // The room was found when the amount was reserved, and it was kept since.
                self.release(&reserved);
                self.post(reserved.debit, reserved.credit, amount);
                self.reserved.remove(&of);
                Undo::Reserved(reserved)
            }
            Transfer::VoidReserved { of, .. } => {
                let reserved = self.reserved.remove(&of).ok_or(Refusal::NotReserved(of))?;
                self.release(&reserved);
                Undo::Reserved(reserved)
            }
        };
        self.newest = id;
        Ok(undo)
    }

    /// An identifier that is not new: the same reservation again, or one that was used before.
    fn refuse_repeat(&self, transfer: &Transfer) -> Refusal {
        let id = transfer.id();
        match (transfer, self.reserved.get(&id)) {
            (Transfer::Reserve { debit, credit, amount, .. }, Some(reserved)) => {
                let same = Reserved { debit: *debit, credit: *credit, amount: *amount };
                if same == *reserved { Refusal::Repeated(id) } else { Refusal::OtherContent(id) }
            }
            (_, Some(_)) => Refusal::OtherContent(id),
            (_, None) => Refusal::Repeated(id),
        }
    }

    fn check_pair(
        &self,
        debit: AccountNo,
        credit: AccountNo,
        amount: Amount,
    ) -> Result<(), Refusal> {
        if amount.is_zero() {
            return Err(Refusal::AmountZero);
        }
        if debit == credit {
            return Err(Refusal::SameAccount(debit));
        }
        let debit = self.account(debit).ok_or(Refusal::NoSuchAccount(debit))?;
        let credit = self.account(credit).ok_or(Refusal::NoSuchAccount(credit))?;
        if debit.currency != credit.currency {
            return Err(Refusal::CurrencyMismatch {
                debit: self.currency(debit),
                credit: self.currency(credit),
            });
        }
        Ok(())
    }

    fn check_room(
        &self,
        debit: AccountNo,
        credit: AccountNo,
        amount: Amount,
    ) -> Result<(), Refusal> {
        if !self.known(debit).has_room_for_debit(amount) {
            return Err(Refusal::LimitReached(debit));
        }
        if !self.known(credit).has_room_for_credit(amount) {
            return Err(Refusal::LimitReached(credit));
        }
        Ok(())
    }

    fn known(&self, number: AccountNo) -> &Account {
        self.account(number).expect("the account was checked before")
    }

    fn known_mut(&mut self, number: AccountNo) -> &mut Account {
        self.accounts.get_mut(number.0 as usize).expect("the account was checked before")
    }

    fn post(&mut self, debit: AccountNo, credit: AccountNo, amount: Amount) {
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

    /// M1, where it is made: after each posting the currency's debits are its credits.
    fn assert_equal_totals(&self, currency: CurrencyNo) {
        let totals = &self.totals[usize::from(currency.0)];
        assert_eq!(totals.debits, totals.credits, "M1: {} is out of balance", totals.currency);
    }

    fn reserve(&mut self, debit: AccountNo, credit: AccountNo, amount: Amount) {
        let sum = u128::from(amount.minor());
        self.known_mut(debit).debits_pending += sum;
        self.known_mut(credit).credits_pending += sum;
    }

    fn release(&mut self, reserved: &Reserved) {
        let sum = u128::from(reserved.amount.minor());
        self.known_mut(reserved.debit).release_debit(sum);
        self.known_mut(reserved.credit).release_credit(sum);
    }

    /// Undoes the first transfers of a chain, the last one first.
    fn take_back(&mut self, transfers: &[Transfer], done: &[Undo]) {
        assert_eq!(transfers.len(), done.len(), "one undo for each transfer that was done");
        for (transfer, undo) in transfers.iter().zip(done).rev() {
            match (*transfer, *undo) {
                (Transfer::Post { debit, credit, amount, .. }, _) => {
                    self.unpost(debit, credit, amount);
                }
                (Transfer::Reserve { id, .. }, _) => {
                    let reserved = self.reserved.remove(&id).expect("it was reserved by the chain");
                    self.release(&reserved);
                }
                (Transfer::PostReserved { of, amount, .. }, Undo::Reserved(reserved)) => {
                    self.unpost(reserved.debit, reserved.credit, amount);
                    self.reserve(reserved.debit, reserved.credit, reserved.amount);
                    self.reserved.insert(of, reserved);
                }
                (Transfer::VoidReserved { of, .. }, Undo::Reserved(reserved)) => {
                    self.reserve(reserved.debit, reserved.credit, reserved.amount);
                    self.reserved.insert(of, reserved);
                }
                (Transfer::PostReserved { .. } | Transfer::VoidReserved { .. }, Undo::Nothing) => {
                    panic!("a reservation was ended without its undo");
                }
            }
        }
    }

    fn unpost(&mut self, debit: AccountNo, credit: AccountNo, amount: Amount) {
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

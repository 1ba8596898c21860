//! Accounts, balances and limits.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

/// An account's position in the order of opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct AccountNumber(pub u32);

/// The side on which a balance is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Side {
    /// Assets and expenses.
    #[default]
    Debit,
    /// Liabilities and income.
    Credit,
}

/// Limits of an account's balance. Pending amounts against the account count as posted; pending
/// amounts in its favour do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BalanceLimits {
    pub overdraft: bool,
    /// The largest balance.
    pub ceiling: Option<Amount>,
}

impl BalanceLimits {
    /// Never below zero, no upper limit.
    pub const NO_OVERDRAFT: BalanceLimits = BalanceLimits { overdraft: false, ceiling: None };
    pub const NONE: BalanceLimits = BalanceLimits { overdraft: true, ceiling: None };

    /// Never below zero and never above `ceiling`.
    #[must_use]
    pub const fn up_to(ceiling: Amount) -> BalanceLimits {
        BalanceLimits { overdraft: false, ceiling: Some(ceiling) }
    }
}

/// Index of a currency in the ledger's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyIndex(pub(crate) u16);

/// An account: four sums in minor units and its terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    pub(crate) debits_posted: u128,
    pub(crate) credits_posted: u128,
    pub(crate) debits_pending: u128,
    pub(crate) credits_pending: u128,
    pub(crate) limits: BalanceLimits,
    pub(crate) currency: CurrencyIndex,
    code: u16,
    side: Side,
}

impl Account {
    pub(crate) fn new(
        currency: CurrencyIndex,
        code: u16,
        side: Side,
        limits: BalanceLimits,
    ) -> Account {
        Account { limits, currency, code, side, ..Account::default() }
    }

    /// The account's purpose, as given when it was opened.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    #[must_use]
    pub fn limits(&self) -> BalanceLimits {
        self.limits
    }

    /// In minor units.
    #[must_use]
    pub fn debits_posted(&self) -> u128 {
        self.debits_posted
    }

    /// In minor units.
    #[must_use]
    pub fn credits_posted(&self) -> u128 {
        self.credits_posted
    }

    /// Reserved and not posted, in minor units.
    #[must_use]
    pub fn debits_pending(&self) -> u128 {
        self.debits_pending
    }

    /// Reserved and not posted, in minor units.
    #[must_use]
    pub fn credits_pending(&self) -> u128 {
        self.credits_pending
    }

    /// In minor units.
    #[must_use]
    pub fn balance(&self) -> i128 {
        match self.side {
            Side::Debit => difference(self.debits_posted, self.credits_posted),
            Side::Credit => difference(self.credits_posted, self.debits_posted),
        }
    }

    /// The balance minus what is pending against it, in minor units. A new transfer can take this
    /// much.
    #[must_use]
    pub fn available(&self) -> i128 {
        match self.side {
            Side::Debit => {
                difference(self.debits_posted, self.credits_posted + self.credits_pending)
            }
            Side::Credit => {
                difference(self.credits_posted, self.debits_posted + self.debits_pending)
            }
        }
    }

    #[inline]
    pub(crate) fn has_room_for_debit(&self, amount: Amount) -> bool {
        match self.side {
            Side::Debit => self.has_room_above(
                self.debits_posted + self.debits_pending,
                self.credits_posted,
                amount,
            ),
            Side::Credit => self.has_room_below(amount),
        }
    }

    #[inline]
    pub(crate) fn has_room_for_credit(&self, amount: Amount) -> bool {
        match self.side {
            Side::Debit => self.has_room_below(amount),
            Side::Credit => self.has_room_above(
                self.credits_posted + self.credits_pending,
                self.debits_posted,
                amount,
            ),
        }
    }

    fn has_room_below(&self, amount: Amount) -> bool {
        self.limits.overdraft || self.available() >= i128::from(amount.minor())
    }

    fn has_room_above(&self, gained: u128, spent: u128, amount: Amount) -> bool {
        // Each transfer adds less than 2⁶³, so sums stay far below this. An account that reached it
        // would refuse rather than overflow.
        let Some(sum) = gained.checked_add(u128::from(amount.minor())) else { return false };
        let Some(ceiling) = self.limits.ceiling else { return sum < SUM_MAX };
        difference(sum, spent) <= i128::from(ceiling.minor())
    }

    pub(crate) fn release_debit(&mut self, sum: u128) {
        assert!(self.debits_pending >= sum, "more debits released than were reserved");
        self.debits_pending -= sum;
    }

    pub(crate) fn release_credit(&mut self, sum: u128) {
        assert!(self.credits_pending >= sum, "more credits released than were reserved");
        self.credits_pending -= sum;
    }
}

/// Upper limit of an account's sums. Keeps balances within `i128` and totals from overflowing.
const SUM_MAX: u128 = 1 << 120;

fn difference(more: u128, less: u128) -> i128 {
    let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
    signed(more) - signed(less)
}

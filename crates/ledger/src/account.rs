//! Accounts, their balances and their limits.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

/// The number of an account: its place in the order of opening.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct AccountNo(pub u32);

/// The side on which an account's balance is counted as positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Side {
    /// Assets and expenses.
    #[default]
    Debit,
    /// Liabilities and income.
    Credit,
}

/// How far an account's balance may go. What is pending against the account counts as if it had
/// happened, what is pending in its favour as if it had not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limits {
    /// Whether the balance may go below zero.
    pub overdraft: bool,
    /// The largest balance, if there is one.
    pub ceiling: Option<Amount>,
}

impl Limits {
    /// Never below zero, as high as it goes.
    pub const NO_OVERDRAFT: Limits = Limits { overdraft: false, ceiling: None };
    /// No limit.
    pub const NONE: Limits = Limits { overdraft: true, ceiling: None };

    /// Never below zero and never above `ceiling`.
    #[must_use]
    pub const fn up_to(ceiling: Amount) -> Limits {
        Limits { overdraft: false, ceiling: Some(ceiling) }
    }
}

/// The place of an account's currency in the ledger's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct CurrencyNo(pub(crate) u16);

/// An account: four sums in minor units, and its terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    pub(crate) debits_posted: u128,
    pub(crate) credits_posted: u128,
    pub(crate) debits_pending: u128,
    pub(crate) credits_pending: u128,
    pub(crate) limits: Limits,
    pub(crate) currency: CurrencyNo,
    code: u16,
    side: Side,
}

impl Account {
    pub(crate) fn new(currency: CurrencyNo, code: u16, side: Side, limits: Limits) -> Account {
        Account { limits, currency, code, side, ..Account::default() }
    }

    /// What the account is for, as its opener said.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The side on which its balance is positive.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// How far its balance may go.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// All debits posted, in minor units.
    #[must_use]
    pub fn debits_posted(&self) -> u128 {
        self.debits_posted
    }

    /// All credits posted, in minor units.
    #[must_use]
    pub fn credits_posted(&self) -> u128 {
        self.credits_posted
    }

    /// Debits reserved and not posted, in minor units.
    #[must_use]
    pub fn debits_pending(&self) -> u128 {
        self.debits_pending
    }

    /// Credits reserved and not posted, in minor units.
    #[must_use]
    pub fn credits_pending(&self) -> u128 {
        self.credits_pending
    }

    /// The posted balance on the account's own side, in minor units.
    #[must_use]
    pub fn balance(&self) -> i128 {
        match self.side {
            Side::Debit => difference(self.debits_posted, self.credits_posted),
            Side::Credit => difference(self.credits_posted, self.debits_posted),
        }
    }

    /// The balance less what is pending against it: what a new transfer can still take.
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
        // Sums stay far from the edge of u128 (each transfer adds less than 2⁶³), but an account
        // that came near it would refuse rather than wrap.
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

/// A sum that no account may reach, so that a balance always fits an `i128` and totals never wrap.
const SUM_MAX: u128 = 1 << 120;

fn difference(more: u128, less: u128) -> i128 {
    let signed = |sum: u128| i128::try_from(sum).expect("sums stay below 2¹²⁰");
    signed(more) - signed(less)
}

use std::collections::BTreeMap;
use std::path::Path;

use books::chart::AccountKind;
use books::{BusinessDate, Posting, Sha256Digest, Timestamp, trial_balance_digest};
use engine::{CommandOutcome, Engine, Submission};
use ledger::{AccountNumber, Side};
use money::Currency;
use node::NodeNotice;
use node::replay::ReplayObserver;

use crate::account_postings::{NOTHING_MORE, replay_days};
use crate::{AccountNameStyle, AccountNames, ReportError};

/// The balances of all accounts.
#[derive(Debug)]
pub struct TrialBalance {
    pub accounts: Vec<NamedBalance>,
    /// The currencies of the books.
    pub currencies: Vec<Currency>,
    /// Number of open breaks.
    pub open_breaks: usize,
    /// Number of open items.
    pub open_items: usize,
}

/// The balance of an account.
#[derive(Debug)]
pub struct NamedBalance {
    pub kind: AccountKind,
    /// As in `export --format hledger`: starts with the name of the kind.
    pub name: String,
    pub currency: Currency,
    /// The id of its owner. Zero for a currency's shared accounts.
    pub owner: u64,
    /// Debits less credits, in minor units.
    pub amount: i128,
}

/// The balances of accounts with one name, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceSides {
    /// The sum of the debit balances.
    pub debit: i128,
    /// The sum of the credit balances.
    pub credit: i128,
}

impl BalanceSides {
    /// Debits less credits.
    #[must_use]
    pub fn amount(&self) -> i128 {
        self.debit - self.credit
    }

    /// Adds the balance of an account: debits less credits.
    pub fn add(&mut self, amount: i128) {
        self.debit += amount.max(0);
        self.credit += (-amount).max(0);
    }
}

/// Balances by kind, name and currency: in the order of the chart.
#[derive(Debug)]
pub struct BalanceSums(pub BTreeMap<(AccountKind, String, Currency), BalanceSides>);

impl TrialBalance {
    /// The balances of books.
    #[must_use]
    pub fn of(engine: &Engine) -> TrialBalance {
        TrialBalance::without(engine, &BTreeMap::new())
    }

    /// The balances of books before postings, whose debits less credits are given by account.
    fn without(engine: &Engine, after: &BTreeMap<AccountNumber, i128>) -> TrialBalance {
        let mut names = AccountNames::default();
        let accounts = engine.books().accounts().map(|account| NamedBalance {
            kind: account.kind,
            name: names.name(account.number, engine, AccountNameStyle::Plain).0.to_owned(),
            currency: account.currency,
            owner: account.owner,
            amount: debits_less_credits(account.kind, account.balance)
                - after.get(&account.number).copied().unwrap_or(0),
        });
        TrialBalance {
            accounts: accounts.collect(),
            open_breaks: engine.books().open_breaks().len(),
            open_items: engine.books().open_items().count(),
            currencies: engine.books().totals().iter().map(|totals| totals.currency).collect(),
        }
    }

    /// As in the books when a period is closed.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        let own_side = |one: &NamedBalance| match one.kind.side() {
            Side::Debit => one.amount,
            Side::Credit => -one.amount,
        };
        let accounts = self.accounts.iter();
        trial_balance_digest(accounts.map(|one| (one.kind, one.owner, one.currency, own_side(one))))
    }

    /// Adds up the balances of a kind that get the same name, each side for itself: what sellers
    /// are owed is not reduced by what others owe. Zero balances are left out.
    pub fn sums_by(&self, name: impl Fn(&NamedBalance) -> String) -> BalanceSums {
        let mut sums: BTreeMap<_, BalanceSides> = BTreeMap::new();
        for account in &self.accounts {
            let key = (account.kind, name(account), account.currency);
            sums.entry(key).or_default().add(account.amount);
        }
        sums.retain(|_, sides| *sides != BalanceSides::default());
        BalanceSums(sums)
    }
}

impl BalanceSums {
    /// The sum of the debit balances and the sum of the credit balances in a currency.
    #[must_use]
    pub fn totals(&self, currency: Currency) -> (i128, i128) {
        let here = self.0.iter().filter(|((.., other), _)| *other == currency);
        here.fold((0, 0), |(debit, credit), (_, sides)| {
            (debit + sides.debit, credit + sides.credit)
        })
    }
}

/// The trial balance at the end of a day. Applies the journal again from the newest snapshot before
/// the end of that day on.
pub fn trial_balance_on(
    data: &Path,
    day: BusinessDate,
    on_notice: &dyn Fn(NodeNotice),
) -> Result<TrialBalance, ReportError> {
    let day_end = |_: &Engine, _| DayEnd { day, after: BTreeMap::new() };
    let (day_end, engine) = replay_days(data, day.plus_days(1), on_notice, day_end)?;
    Ok(TrialBalance::without(&engine, &day_end.after))
}

/// Stops after the first command of a later day, and keeps what that one posted.
struct DayEnd {
    day: BusinessDate,
    after: BTreeMap<AccountNumber, i128>,
}

impl ReplayObserver for DayEnd {
    fn command(
        &mut self,
        _: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        if engine.books().last_date() <= self.day {
            return Ok(());
        }
        let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
        for &Posting { debit, credit, amount, .. } in moved {
            *self.after.entry(debit).or_default() += i128::from(amount.minor());
            *self.after.entry(credit).or_default() -= i128::from(amount.minor());
        }
        Err(NOTHING_MORE.to_owned())
    }
}

/// A balance on its account's own side as debits less credits.
#[must_use]
pub fn debits_less_credits(kind: AccountKind, balance: i128) -> i128 {
    match kind.side() {
        Side::Debit => balance,
        Side::Credit => -balance,
    }
}

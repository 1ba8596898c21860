use std::collections::BTreeMap;

use books::chart::AccountKind;
use engine::Engine;
use ledger::Side;
use money::Currency;

use crate::{AccountNameStyle, AccountNames};

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
    /// Debits less credits, in minor units.
    pub amount: i128,
}

/// Debits less credits by kind, name and currency, in minor units: in the order of the chart.
#[derive(Debug)]
pub struct BalanceSums(pub BTreeMap<(AccountKind, String, Currency), i128>);

impl TrialBalance {
    /// The balances of books.
    #[must_use]
    pub fn of(engine: &Engine) -> TrialBalance {
        let mut names = AccountNames::default();
        let accounts = engine.books().accounts().map(|account| NamedBalance {
            kind: account.kind,
            name: names.name(account.number, engine, AccountNameStyle::Plain).0.to_owned(),
            currency: account.currency,
            amount: signed(account.kind, account.balance),
        });
        TrialBalance {
            accounts: accounts.collect(),
            open_breaks: engine.books().open_breaks().len(),
            open_items: engine.books().open_items().count(),
            currencies: engine.books().totals().iter().map(|totals| totals.currency).collect(),
        }
    }

    /// Adds up the balances of a kind that get the same name. Sums of zero are left out.
    pub fn sums_by(&self, name: impl Fn(&NamedBalance) -> String) -> BalanceSums {
        let mut sums = BTreeMap::new();
        for account in &self.accounts {
            let key = (account.kind, name(account), account.currency);
            *sums.entry(key).or_default() += account.amount;
        }
        sums.retain(|_, amount| *amount != 0);
        BalanceSums(sums)
    }
}

impl BalanceSums {
    /// The sum of the debit balances and the sum of the credit balances in a currency.
    #[must_use]
    pub fn totals(&self, currency: Currency) -> (i128, i128) {
        let here = self.0.iter().filter(|((.., other), _)| *other == currency);
        here.fold((0, 0), |(debit, credit), (_, amount)| {
            (debit + (*amount).max(0), credit + (-*amount).max(0))
        })
    }
}

/// Debits positive.
pub(crate) fn signed(kind: AccountKind, balance: i128) -> i128 {
    match kind.side() {
        Side::Debit => balance,
        Side::Credit => -balance,
    }
}

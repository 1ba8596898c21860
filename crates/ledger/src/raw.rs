//! The whole ledger as plain parts, for a snapshot.

use crate::{Account, Currency, Ledger, Reserved, Totals, TransferId};

/// A ledger less its accounts, which are many and travel by themselves ([`Ledger::accounts`]).
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct RawLedger {
    totals: Vec<(Currency, u128, u128)>,
    reserved: Vec<(TransferId, Reserved)>,
    newest: TransferId,
}

/// Parts that do not make a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts do not make a ledger: {0}")]
pub struct RawError(String);

impl Ledger {
    /// The ledger less its accounts; what is reserved is ordered by identifier.
    #[must_use]
    pub fn to_raw(&self) -> RawLedger {
        let parts = |totals: &Totals| (totals.currency, totals.debits, totals.credits);
        let mut reserved: Vec<_> = self.reserved.iter().map(|(id, kept)| (*id, *kept)).collect();
        reserved.sort_unstable_by_key(|(id, _)| *id);
        RawLedger { totals: self.totals.iter().map(parts).collect(), reserved, newest: self.newest }
    }

    /// Puts a ledger together from its parts, and checks that it adds up.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn from_raw(
        raw: RawLedger,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<Ledger, RawError> {
        let totals: Vec<Totals> = raw
            .totals
            .into_iter()
            .map(|(currency, debits, credits)| Totals { currency, debits, credits })
            .collect();
        let ledger = Ledger {
            accounts: accounts.into_iter().collect(),
            totals,
            reserved: raw.reserved.into_iter().collect(),
            newest: raw.newest,
            done: Vec::new(),
        };
        let currencies = ledger.totals.len();
        if ledger.accounts.iter().any(|account| usize::from(account.currency.0) >= currencies) {
            return Err(RawError("an account's currency is not among the totals".into()));
        }
        let dangling = |reserved: &Reserved| {
            ledger.account(reserved.debit).is_none() || ledger.account(reserved.credit).is_none()
        };
        if ledger.reserved.values().any(dangling) {
            return Err(RawError("a reservation names an account that is not there".into()));
        }
        ledger.check().map_err(RawError)?;
        Ok(ledger)
    }
}

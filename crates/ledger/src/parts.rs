//! The ledger as plain parts, for snapshots.

use crate::{Account, Currency, CurrencyTotals, Ledger, Reservation, TransferId};

/// A ledger without its accounts, which are many and stored separately ([`Ledger::accounts`]).
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct LedgerParts {
    totals: Vec<(Currency, u128, u128)>,
    reserved: Vec<(TransferId, Reservation)>,
    newest: TransferId,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts do not form a ledger: {0}")]
pub struct LedgerPartsError(String);

impl Ledger {
    /// The parts, with reservations ordered by id.
    #[must_use]
    pub fn to_parts(&self) -> LedgerParts {
        let parts = |totals: &CurrencyTotals| (totals.currency, totals.debits, totals.credits);
        let mut reserved: Vec<_> = self.reservation.iter().map(|(id, kept)| (*id, *kept)).collect();
        reserved.sort_unstable_by_key(|(id, _)| *id);
        LedgerParts {
            totals: self.totals.iter().map(parts).collect(),
            reserved,
            newest: self.newest,
        }
    }

    /// Builds a ledger from its parts and checks that it adds up.
    pub fn from_parts(
        raw: LedgerParts,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<Ledger, LedgerPartsError> {
        let totals: Vec<CurrencyTotals> = raw
            .totals
            .into_iter()
            .map(|(currency, debits, credits)| CurrencyTotals { currency, debits, credits })
            .collect();
        let ledger = Ledger {
            accounts: accounts.into_iter().collect(),
            totals,
            reservation: raw.reserved.into_iter().collect(),
            newest: raw.newest,
            done: Vec::new(),
        };
        let currencies = ledger.totals.len();
        if ledger.accounts.iter().any(|account| usize::from(account.currency.0) >= currencies) {
            return Err(LedgerPartsError("an account's currency is not among the totals".into()));
        }
        let dangling = |reserved: &Reservation| {
            ledger.account(reserved.debit).is_none() || ledger.account(reserved.credit).is_none()
        };
        if ledger.reservation.values().any(dangling) {
            return Err(LedgerPartsError("a reservation names an unknown account".into()));
        }
        ledger.check().map_err(LedgerPartsError)?;
        Ok(ledger)
    }
}

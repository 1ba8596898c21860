//! The ledger with the chart of accounts: postings are rows of the chart, in chains.

use chunks::Chunked;
use ledger::{Account, AccountNo, Ledger, Limits, Transfer, TransferId};
use money::{Amount, Currency};

use crate::chart::{AccountKind, Entry};
use crate::event::{Outcome, Posting, Stage, TariffVersion};
use crate::ids::TenderId;

/// The books: accounts with owners, and the chain of postings that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub ledger: Ledger,
    /// Whose each account is: the owner's number, by the kind of account.
    pub owners: Chunked<u64>,
    chain: Vec<Transfer>,
    lines: Vec<Posting>,
    next: TransferId,
    tender: Option<TenderId>,
    tariff: Option<TariffVersion>,
}

impl Books {
    pub(crate) fn open(&mut self, currency: Currency, kind: AccountKind, owner: u64) -> AccountNo {
        self.open_limited(currency, kind, owner, kind.limits())
    }

    pub(crate) fn open_limited(
        &mut self,
        currency: Currency,
        kind: AccountKind,
        owner: u64,
        limits: Limits,
    ) -> AccountNo {
        let number = self.ledger.open(currency, kind.code(), kind.side(), limits);
        let place = self.owners.push(owner);
        assert_eq!(place, number.0 as usize, "each account has an owner");
        number
    }

    pub(crate) fn account(&self, number: AccountNo) -> &Account {
        self.ledger.account(number).expect("records hold accounts that are open")
    }

    /// Begins a chain. What an earlier, refused command had begun is dropped.
    #[inline]
    pub(crate) fn begin(&mut self, tender: Option<TenderId>, tariff: Option<TariffVersion>) {
        self.chain.clear();
        self.lines.clear();
        self.next = self.ledger.next_id();
        self.tender = tender;
        self.tariff = tariff;
    }

    fn next_id(&mut self) -> TransferId {
        let id = self.next;
        self.next = TransferId(id.0 + 1);
        id
    }

    fn line(&mut self, entry: Entry, stage: Stage, pair: (AccountNo, AccountNo), amount: Amount) {
        let (debit, credit) = pair;
        let (tender, tariff) = (self.tender, self.tariff);
        self.lines.push(Posting { entry, stage, debit, credit, amount, tender, tariff });
    }

    /// The posting is a row of the chart, or the process stops.
    fn assert_row(&self, entry: Entry, debit: AccountNo, credit: AccountNo) {
        let row = entry.row();
        let fits = |number: AccountNo, kinds: &[AccountKind]| {
            let code = self.account(number).code();
            kinds.iter().any(|kind| kind.code() == code)
        };
        assert!(
            fits(debit, row.debit) && fits(credit, row.credit),
            "not a row of the chart: {row:?}"
        );
    }

    /// Adds a posting to the chain; nothing where the amount is zero.
    #[inline]
    pub(crate) fn post(
        &mut self,
        entry: Entry,
        debit: AccountNo,
        credit: AccountNo,
        amount: Amount,
    ) {
        if amount.is_zero() {
            return;
        }
        self.assert_row(entry, debit, credit);
        let id = self.next_id();
        self.chain.push(Transfer::Post { id, debit, credit, amount });
        self.line(entry, Stage::Posted, (debit, credit), amount);
    }

    /// Adds a reservation to the chain.
    #[inline]
    pub(crate) fn reserve(
        &mut self,
        entry: Entry,
        debit: AccountNo,
        credit: AccountNo,
        amount: Amount,
    ) -> TransferId {
        self.assert_row(entry, debit, credit);
        let id = self.next_id();
        self.chain.push(Transfer::Reserve { id, debit, credit, amount });
        self.line(entry, Stage::Reserved, (debit, credit), amount);
        id
    }

    /// Adds the posting of a reservation, or of a part of it, to the chain.
    #[inline]
    pub(crate) fn post_reserved(&mut self, entry: Entry, of: TransferId, amount: Amount) {
        let reserved = *self.ledger.reserved(of).expect("records hold reservations that stand");
        self.assert_row(entry, reserved.debit, reserved.credit);
        let id = self.next_id();
        self.chain.push(Transfer::PostReserved { id, of, amount });
        let pair = (reserved.debit, reserved.credit);
        self.line(entry, Stage::PostedFromReserve, pair, amount);
    }

    /// Adds the end of a reservation to the chain.
    #[inline]
    pub(crate) fn void(&mut self, entry: Entry, of: TransferId) {
        let reserved = *self.ledger.reserved(of).expect("records hold reservations that stand");
        let id = self.next_id();
        self.chain.push(Transfer::VoidReserved { id, of });
        self.line(entry, Stage::Voided, (reserved.debit, reserved.credit), reserved.amount);
    }

    /// Carries the chain out, all of it or nothing, and writes its lines down.
    #[inline]
    pub(crate) fn commit(&mut self, out: &mut Outcome) -> Result<(), ledger::Refusal> {
        self.ledger.chain(&self.chain).map_err(|(_, refusal)| refusal)?;
        out.postings.append(&mut self.lines);
        self.chain.clear();
        Ok(())
    }

    /// Carries out a chain that nothing can stand against: the checks before it were complete.
    pub(crate) fn commit_certain(&mut self, out: &mut Outcome, why: &str) {
        if let Err(refusal) = self.commit(out) {
            panic!("{why}, and yet: {refusal}");
        }
    }
}

//! The ledger with the chart of accounts. Each posting is a row of the chart. Postings are
//! committed in chains.

use chunks::ChunkedVec;
use ledger::{Account, AccountNumber, Ledger, Transfer, TransferId};
use money::{Amount, Currency};

use crate::chart::{AccountKind, ChartEntry};
use crate::event::{CommandOutcome, Posting, PostingStage, TariffVersion};
use crate::ids::PaymentId;

/// Accounts with owners, and the chain of postings being built.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChartedLedger {
    pub ledger: Ledger,
    /// The owner's id, by account number.
    pub owners: ChunkedVec<u64>,
    chain: Vec<Transfer>,
    lines: Vec<Posting>,
    next: TransferId,
    payment: Option<PaymentId>,
    tariff: Option<TariffVersion>,
}

impl ChartedLedger {
    pub(crate) fn open(
        &mut self,
        currency: Currency,
        kind: AccountKind,
        owner: u64,
    ) -> AccountNumber {
        let number = self.ledger.open(currency, kind.code(), kind.side(), kind.limits());
        let place = self.owners.push(owner);
        assert_eq!(place, number.0 as usize, "each account has an owner");
        number
    }

    pub(crate) fn account(&self, number: AccountNumber) -> &Account {
        self.ledger.account(number).expect("records hold opened accounts")
    }

    /// Begins a chain. Drops what a refused command left.
    #[inline]
    pub(crate) fn begin_chain(
        &mut self,
        payment: Option<PaymentId>,
        tariff: Option<TariffVersion>,
    ) {
        self.chain.clear();
        self.lines.clear();
        self.next = self.ledger.next_id();
        self.attribute(payment, tariff);
    }

    /// Sets the payment and tariff version of the chain's next postings.
    #[inline]
    pub(crate) fn attribute(&mut self, payment: Option<PaymentId>, tariff: Option<TariffVersion>) {
        self.payment = payment;
        self.tariff = tariff;
    }

    fn next_id(&mut self) -> TransferId {
        let id = self.next;
        self.next = TransferId(id.0 + 1);
        id
    }

    fn line(
        &mut self,
        entry: ChartEntry,
        stage: PostingStage,
        pair: (AccountNumber, AccountNumber),
        amount: Amount,
    ) {
        let (debit, credit) = pair;
        let (payment, tariff) = (self.payment, self.tariff);
        self.lines.push(Posting { entry, stage, debit, credit, amount, payment, tariff });
    }

    /// Stops the process unless the posting is a row of the chart.
    fn assert_row(&self, entry: ChartEntry, debit: AccountNumber, credit: AccountNumber) {
        let row = entry.row();
        let fits = |number: AccountNumber, kinds: &[AccountKind]| {
            let code = self.account(number).code();
            kinds.iter().any(|kind| kind.code() == code)
        };
        assert!(
            fits(debit, row.debit) && fits(credit, row.credit),
            "the accounts do not fit the row of the chart: {row:?}"
        );
    }

    /// Adds a posting. Adds nothing if the amount is zero.
    #[inline]
    pub(crate) fn post(
        &mut self,
        entry: ChartEntry,
        debit: AccountNumber,
        credit: AccountNumber,
        amount: Amount,
    ) {
        if amount.is_zero() {
            return;
        }
        self.assert_row(entry, debit, credit);
        let id = self.next_id();
        self.chain.push(Transfer::Post { id, debit, credit, amount });
        self.line(entry, PostingStage::Posted, (debit, credit), amount);
    }

    /// Adds a reservation.
    #[inline]
    pub(crate) fn reserve(
        &mut self,
        entry: ChartEntry,
        debit: AccountNumber,
        credit: AccountNumber,
        amount: Amount,
    ) -> TransferId {
        self.assert_row(entry, debit, credit);
        let id = self.next_id();
        self.chain.push(Transfer::Reserve { id, debit, credit, amount });
        self.line(entry, PostingStage::Reserved, (debit, credit), amount);
        id
    }

    /// Posts a reservation, in full or in part.
    #[inline]
    pub(crate) fn post_reserved(&mut self, entry: ChartEntry, of: TransferId, amount: Amount) {
        let reserved = *self.ledger.reserved(of).expect("records hold open reservations");
        self.assert_row(entry, reserved.debit, reserved.credit);
        let id = self.next_id();
        self.chain.push(Transfer::PostReserved { id, of, amount });
        let pair = (reserved.debit, reserved.credit);
        self.line(entry, PostingStage::PostedFromReserve, pair, amount);
    }

    /// Voids a reservation.
    #[inline]
    pub(crate) fn void_reserved(&mut self, entry: ChartEntry, of: TransferId) {
        let reserved = *self.ledger.reserved(of).expect("records hold open reservations");
        let id = self.next_id();
        self.chain.push(Transfer::VoidReserved { id, of });
        self.line(entry, PostingStage::Voided, (reserved.debit, reserved.credit), reserved.amount);
    }

    /// Commits the chain, all or nothing, and moves its postings to `out`.
    #[inline]
    pub(crate) fn commit(
        &mut self,
        out: &mut CommandOutcome,
    ) -> Result<(), ledger::TransferRefusal> {
        self.ledger.chain(&self.chain).map_err(|(_, refusal)| refusal)?;
        out.postings.append(&mut self.lines);
        self.chain.clear();
        Ok(())
    }

    /// Commits a chain that cannot fail, because everything was checked before.
    pub(crate) fn commit_infallible(&mut self, out: &mut CommandOutcome, why: &str) {
        if let Err(refusal) = self.commit(out) {
            panic!("{why}, but it was refused: {refusal}");
        }
    }
}

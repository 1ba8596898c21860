//! A courier firm's statement: what it earned, bore and was paid in some days.

use std::path::Path;

use books::chart::{AccountKind, ChartEntry};
use books::{Books, BusinessDate, FirmId, Posting, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use ledger::AccountNumber;
use node::NodeNotice;
use node::replay::ReplayObserver;
use serde::Serialize;
use tariff::PaymentMethod;

use crate::ReportError;
use crate::account_postings::{NOTHING_MORE, replay_days};

/// A firm's commission and freight of some days. Amounts are in minor units. What was earned is
/// less what was reversed. Opening + earned + freight - what the firm bears - withheld - paid =
/// closing.
#[derive(Debug, Serialize)]
pub struct FirmStatementReport {
    pub firm: String,
    pub id: String,
    pub currency: &'static str,
    pub from: String,
    pub until: String,
    /// The balance before the first day.
    pub opening: i128,
    pub earned: EarnedByMethod,
    pub freight: i128,
    /// Return fees of parcels for whose damage the firm pays.
    pub return_fees: i128,
    /// Rejected offline sales, less what was given back.
    pub offline_losses: i128,
    /// Compensations of sellers for damaged and lost parcels.
    pub damages: i128,
    /// Shortages of couriers, deducted.
    pub shortages: i128,
    /// Tax, of what was paid.
    pub withheld: i128,
    /// What left the bank.
    pub paid: i128,
    /// The balance after the last day. Below zero, the firm owes.
    pub closing: i128,
    /// The part of `closing` whose money has arrived.
    pub payable: i128,
    /// What became payable in these days: money of earlier commission that arrived, too.
    pub became_payable: i128,
}

/// The commission by the method of the payments.
#[derive(Debug, Default, Serialize)]
pub struct EarnedByMethod {
    pub card: i128,
    pub qr: i128,
    pub cash: i128,
}

impl FirmStatementReport {
    /// What the firm bears besides tax: off its commission.
    fn borne(&self) -> i128 {
        self.return_fees + self.offline_losses + self.damages + self.shortages
    }
}

/// The statement of a firm for the days `from` to `until`. `books` are those at the end of the
/// journal. `None` if they do not have the firm.
pub fn firm_statement(
    data: &Path,
    books: &Books,
    firm: FirmId,
    (from, until): (BusinessDate, BusinessDate),
    on_notice: &dyn Fn(NodeNotice),
) -> Result<Option<FirmStatementReport>, ReportError> {
    let is_firms = |kind, owner| kind == AccountKind::FirmCommission && owner == firm.0;
    let mut accounts = books.accounts();
    let account = accounts.find(|account| is_firms(account.kind, account.owner));
    let Some((account, (_, reference))) =
        account.zip(books.firms().find(|(known, _)| *known == firm))
    else {
        return Ok(None);
    };
    let (number, currency) = (account.number, account.currency.code());
    let reader = |engine: &Engine, _| FirmReader {
        firm,
        account: number,
        days: (from, until),
        opening_payable: payable(engine.books(), firm),
        payable: payable(engine.books(), firm),
        balance: balance(engine.books(), number),
        found: FirmStatementReport {
            firm: reference.to_owned(),
            id: firm.to_string(),
            currency,
            from: from.to_string(),
            until: until.to_string(),
            opening: balance(engine.books(), number),
            earned: EarnedByMethod::default(),
            freight: 0,
            return_fees: 0,
            offline_losses: 0,
            damages: 0,
            shortages: 0,
            withheld: 0,
            paid: 0,
            closing: 0,
            payable: 0,
            became_payable: 0,
        },
    };
    let (reader, _) = replay_days(data, from, on_notice, reader)?;
    let FirmReader { mut found, payable, balance, opening_payable, .. } = reader;
    (found.closing, found.payable) = (balance, payable);
    let left = found.borne() + found.withheld + found.paid;
    let earned = found.earned.card + found.earned.qr + found.earned.cash + found.freight;
    assert_eq!(found.opening + earned - left, balance, "the statement adds up to the account");
    found.became_payable = payable - opening_payable + left;
    Ok(Some(found))
}

fn payable(books: &Books, firm: FirmId) -> i128 {
    books.commission_payable(firm).unwrap_or(0)
}

fn balance(books: &Books, account: AccountNumber) -> i128 {
    books.account_view(account).map_or(0, |account| account.balance)
}

struct FirmReader {
    firm: FirmId,
    account: AccountNumber,
    days: (BusinessDate, BusinessDate),
    opening_payable: i128,
    /// After the last command.
    payable: i128,
    balance: i128,
    found: FirmStatementReport,
}

impl ReplayObserver for FirmReader {
    fn command(
        &mut self,
        _: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let (books, date) = (engine.books(), engine.books().last_date());
        let (from, until) = self.days;
        if date > until {
            return Err(NOTHING_MORE.to_owned());
        }
        (self.payable, self.balance) = (payable(books, self.firm), balance(books, self.account));
        if date < from {
            (self.found.opening, self.opening_payable) = (self.balance, self.payable);
            return Ok(());
        }
        for posting in outcome.books.postings.iter().filter(|posting| posting.moves_money()) {
            let minor = i128::from(posting.amount.minor());
            if posting.credit == self.account {
                self.add(posting, minor, books);
            } else if posting.debit == self.account {
                self.add(posting, -minor, books);
            }
        }
        Ok(())
    }
}

impl FirmReader {
    /// Adds a posting that changed the firm's balance by an amount.
    fn add(&mut self, posting: &Posting, amount: i128, books: &Books) {
        use ChartEntry as E;
        let found = &mut self.found;
        match posting.entry {
            E::CommissionEarned | E::CommissionReversed => {
                let id = posting.payment.expect("a commission is that of a payment");
                let payment = books.payments(id.parcel).into_iter().find(|one| one.id == id);
                let earned = match payment.expect("its payment is remembered").method {
                    PaymentMethod::Card(_) => &mut found.earned.card,
                    PaymentMethod::Qr => &mut found.earned.qr,
                    PaymentMethod::Cash => &mut found.earned.cash,
                };
                *earned += amount;
            }
            E::FreightCharged | E::FreightReversed => found.freight += amount,
            E::ReturnCharged => found.return_fees -= amount,
            E::OfflineSaleRejected | E::LossReturned => found.offline_losses -= amount,
            E::SellerCompensated => found.damages -= amount,
            E::ShortageDeducted => found.shortages -= amount,
            E::TaxWithheld => found.withheld -= amount,
            E::CommissionPaid => found.paid -= amount,
            other => panic!("{other:?} does not move a firm's commission"),
        }
    }
}

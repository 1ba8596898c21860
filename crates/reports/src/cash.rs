use books::cash_view::{CourierCustody, FirmCustody};
use books::{Books, BusinessDate, CourierId, FirmId};
use serde::Serialize;

use crate::BooksAtHead;

/// Cash in custody of a firm and its couriers. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct FirmCashReport {
    /// The firm's reference.
    pub firm: String,
    pub currency: &'static str,
    /// All of it: with couriers, short, counted, on its way to the bank.
    pub total: i128,
    /// Counted, and no deposit has announced it.
    pub counted: i128,
    /// The day of the oldest payment whose counted cash the bank has not credited.
    pub since: Option<String>,
    pub age_days: Option<u16>,
    pub deposits: Vec<DepositReport>,
    pub guarantee: u64,
    pub guarantee_used: u64,
    /// Those with cash, a shortage or a hand-over.
    pub couriers: Vec<CourierCashReport>,
}

/// A deposit that the bank has not confirmed.
#[derive(Debug, Serialize)]
pub struct DepositReport {
    pub deposit: String,
    /// The bank account's id.
    pub bank: Option<String>,
    pub amount: u64,
    /// The day of its announcement.
    pub announced: String,
    pub age_days: u16,
}

#[derive(Debug, Serialize)]
pub struct CourierCashReport {
    /// The courier's reference.
    pub courier: String,
    pub in_hand: i128,
    /// The cash payments in hand.
    pub payments: usize,
    /// The day of the oldest of them.
    pub since: Option<String>,
    pub age_days: Option<u16>,
    /// The day of the oldest that no hand-over covers.
    pub left_since: Option<String>,
    pub left_age_days: Option<u16>,
    /// The most that the courier may have in hand.
    pub limit: u64,
    pub hand_over: Option<OpenHandOverReport>,
    pub shortage: i128,
    /// The day of the oldest payment that the shortage holds back.
    pub shortage_since: Option<String>,
    pub shortage_age_days: Option<u16>,
}

/// A hand-over that is not counted.
#[derive(Debug, Serialize)]
pub struct OpenHandOverReport {
    pub hand_over: String,
    /// The day on which it began.
    pub started: String,
    pub age_days: u16,
    pub expected: u64,
    /// Counts with a wrong one-time code.
    pub wrong_codes: usize,
}

/// Cash in custody, by firm; of one firm or courier if they are given.
#[must_use]
pub fn cash_custody(
    read: &BooksAtHead,
    firm: Option<FirmId>,
    courier: Option<CourierId>,
) -> Vec<FirmCashReport> {
    let (books, today) = (read.books(), read.today());
    let wanted = |custody: &FirmCustody| firm.is_none_or(|firm| firm == custody.firm);
    let firms = books.cash_custody(today).filter(wanted).map(|mut custody| {
        custody.couriers.retain(|one| courier.is_none_or(|courier| courier == one.courier));
        custody
    });
    let firms = firms.filter(|one| courier.is_none() || !one.couriers.is_empty());
    firms.map(|custody| firm_report(books, custody, today)).collect()
}

fn firm_report(books: &Books, custody: FirmCustody, today: BusinessDate) -> FirmCashReport {
    let deposits = custody.deposits.iter().map(|deposit| DepositReport {
        deposit: deposit.id.to_string(),
        bank: deposit.bank.map(|bank| bank.to_string()),
        amount: deposit.amount.minor(),
        announced: deposit.announced_on.to_string(),
        age_days: age_days(deposit.announced_on, today),
    });
    let couriers = custody.couriers.iter().map(|one| courier_report(books, one, today));
    FirmCashReport {
        firm: books.firm_reference(custody.firm).unwrap_or_default().to_owned(),
        currency: custody.currency.code(),
        total: custody.total,
        counted: custody.counted,
        since: custody.since.map(|date| date.to_string()),
        age_days: custody.since.map(|date| age_days(date, today)),
        deposits: deposits.collect(),
        guarantee: custody.guarantee.minor(),
        guarantee_used: custody.guarantee_used.minor(),
        couriers: couriers.collect(),
    }
}

fn courier_report(
    books: &Books,
    custody: &CourierCustody,
    today: BusinessDate,
) -> CourierCashReport {
    CourierCashReport {
        courier: books.courier_reference(custody.courier).unwrap_or_default().to_owned(),
        in_hand: custody.in_hand,
        payments: custody.payments,
        since: custody.since.map(|date| date.to_string()),
        age_days: custody.since.map(|date| age_days(date, today)),
        left_since: custody.left_since.map(|date| date.to_string()),
        left_age_days: custody.left_since.map(|date| age_days(date, today)),
        limit: custody.limit.minor(),
        hand_over: custody.hand_over.map(|one| OpenHandOverReport {
            hand_over: one.id.to_string(),
            started: one.started.to_string(),
            age_days: age_days(one.started, today),
            expected: one.expected.minor(),
            wrong_codes: one.wrong_codes,
        }),
        shortage: custody.shortage,
        shortage_since: custody.shortage_since.map(|date| date.to_string()),
        shortage_age_days: custody.shortage_since.map(|date| age_days(date, today)),
    }
}

pub(crate) fn age_days(since: BusinessDate, today: BusinessDate) -> u16 {
    today.0.saturating_sub(since.0)
}

//! Read-only queries about cash in custody (M6).

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::Books;
use crate::ids::{BankId, CourierId, DepositId, FirmId, HandOverId};

/// The cash that a courier answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourierCustody {
    pub courier: CourierId,
    /// In hand, in minor units.
    pub in_hand: i128,
    /// The cash payments in hand.
    pub payments: usize,
    /// The day of the oldest of them.
    pub since: Option<BusinessDate>,
    /// The day of the oldest that no hand-over covers.
    pub left_since: Option<BusinessDate>,
    /// The most that the courier may have in hand.
    pub limit: Amount,
    pub hand_over: Option<OpenHandOver>,
    /// Owed because less was counted than collected, in minor units.
    pub shortage: i128,
    /// The day of the oldest payment that the shortage holds back.
    pub shortage_since: Option<BusinessDate>,
}

/// A hand-over that is neither counted nor cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHandOver {
    pub id: HandOverId,
    pub started: BusinessDate,
    pub expected: Amount,
    /// Counts with a wrong one-time code.
    pub wrong_codes: usize,
}

/// A deposit that the bank has not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDeposit {
    pub id: DepositId,
    pub bank: Option<BankId>,
    pub amount: Amount,
    pub announced_on: BusinessDate,
}

/// What became of a deposit that a firm announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositState {
    Open(OpenDeposit),
    /// The bank credited this amount.
    Credited(Amount),
    Cancelled,
    /// It ended, and how is no longer remembered.
    Ended,
}

/// The cash that a firm answers for, with that of its couriers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmCustody {
    pub firm: FirmId,
    pub currency: Currency,
    /// All cash in custody: in couriers' hands, short, counted, on its way to the bank; in minor
    /// units.
    pub total: i128,
    /// Counted, and no deposit has announced it; in minor units.
    pub counted: i128,
    /// The day of the oldest payment whose counted cash the bank has not credited.
    pub since: Option<BusinessDate>,
    pub deposits: Vec<OpenDeposit>,
    pub guarantee: Amount,
    pub guarantee_used: Amount,
    /// Those with cash, a shortage or a hand-over.
    pub couriers: Vec<CourierCustody>,
}

impl Books {
    /// Cash in custody of each firm, in order of registration, with the terms of a day.
    pub fn cash_custody(&self, today: BusinessDate) -> impl Iterator<Item = FirmCustody> {
        (0..).zip(self.firms.iter()).map(move |(number, firm)| {
            let counted = firm.counted_cash.iter().flat_map(|cash| &cash.payments);
            let announced = |id| firm.deposits.iter().find(|one| one.deposit == id);
            let deposits =
                self.reference_data.deposits.iter().filter(|(_, one)| one.firm == number);
            FirmCustody {
                firm: firm.id,
                currency: self.currency_at(firm.currency),
                total: self.custody(firm.id).expect("the firm is registered"),
                counted: self.ledger.account(firm.cash).available(),
                since: counted.map(|slot| self.payment(*slot).date).min(),
                deposits: deposits
                    .map(|(id, one)| OpenDeposit {
                        id: *id,
                        bank: announced(*id).map(|announced| announced.bank),
                        amount: one.amount,
                        announced_on: one.announced_on,
                    })
                    .collect(),
                guarantee: firm.terms.on(today).guarantee,
                guarantee_used: firm.guaranteed,
                couriers: self.couriers_with_cash(number, today),
            }
        })
    }

    /// The currency of a remembered hand-over.
    #[must_use]
    pub fn hand_over_currency(&self, id: HandOverId) -> Option<Currency> {
        let courier = self.couriers.get(*self.hand_over_couriers.get(&id)?);
        Some(self.currency_at(self.firms.get(courier.firm).currency))
    }

    /// A deposit that was ever announced.
    #[must_use]
    pub fn deposit_state(&self, id: DepositId) -> Option<DepositState> {
        if let Some(open) = self.reference_data.deposits.get(&id) {
            let firm = self.firms.get(open.firm);
            let announced = firm.deposits.iter().find(|one| one.deposit == id);
            let bank = announced.map(|announced| announced.bank);
            let (amount, announced_on) = (open.amount, open.announced_on);
            return Some(DepositState::Open(OpenDeposit { id, bank, amount, announced_on }));
        }
        if !self.reference_data.deposit_ids.contains(&id) {
            return None;
        }
        Some(self.ended_deposit(id).map_or(DepositState::Ended, |end| match end.credited {
            Some(credited) => DepositState::Credited(credited),
            None => DepositState::Cancelled,
        }))
    }

    /// The cash that one courier answers for, with the terms of a day.
    #[must_use]
    pub fn courier_custody(&self, id: CourierId, today: BusinessDate) -> Option<CourierCustody> {
        Some(self.custody_of_courier(self.couriers.number(id)?, today))
    }

    fn couriers_with_cash(&self, firm: u32, today: BusinessDate) -> Vec<CourierCustody> {
        let couriers = (0..).zip(self.couriers.iter()).filter(|(_, one)| one.firm == firm);
        let custody = couriers.map(|(number, _)| self.custody_of_courier(number, today));
        custody
            .filter(|one| one.in_hand != 0 || one.shortage != 0 || one.hand_over.is_some())
            .collect()
    }

    fn custody_of_courier(&self, number: u32, today: BusinessDate) -> CourierCustody {
        let balance = |account| self.ledger.account(account).balance();
        let courier = self.couriers.get(number);
        let counted = self.firms.get(courier.firm).counted_cash.iter();
        let short =
            counted.filter(|cash| cash.courier == Some(number) && !cash.shortage().is_zero());
        let short = short.flat_map(|cash| &cash.payments);
        CourierCustody {
            courier: courier.id,
            in_hand: balance(courier.cash),
            payments: courier.in_hand.len(),
            since: courier.in_hand.iter().map(|slot| self.payment(*slot).date).min(),
            left_since: {
                let covered = courier.open_hand_over().map_or(0, |one| one.payment_count);
                let left = courier.in_hand.iter().skip(covered as usize);
                left.map(|slot| self.payment(*slot).date).min()
            },
            limit: *courier.cash_limit.on(today),
            hand_over: courier.open_hand_over().map(|one| OpenHandOver {
                id: one.id,
                started: one.started,
                expected: one.expected,
                wrong_codes: one.wrong_codes.len(),
            }),
            shortage: balance(courier.shortage),
            shortage_since: short.map(|slot| self.payment(*slot).date).min(),
        }
    }
}

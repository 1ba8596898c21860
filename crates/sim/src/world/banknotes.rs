//! Who has which banknotes: the world's own record of the cash, from the door to the bank.
//!
//! Banknotes that one buyer paid stay together and keep their origin, so that at the end of the
//! day it is known which payments are in the bank and which are missing.
//!
//! Never: a look at what the books say about cash.

use std::collections::BTreeMap;

use books::{DepositId, PaymentId};

/// Who has banknotes. Numbers are indexes of couriers and firms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NoteHolder {
    Courier(usize),
    /// Lost by the courier on the way; nobody knows it yet.
    Lost(usize),
    /// Missing at a count, and owed by the courier.
    Owed(usize),
    /// Counted at the firm's hub.
    Firm(usize),
    Deposit(DepositId),
    Bank,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteOrigin {
    Payment(PaymentId),
    /// A courier had it, and no payment brought it.
    Found(usize),
}

/// The banknotes of one origin at one holder, or a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Banknotes {
    origin: NoteOrigin,
    /// In minor units; above zero.
    amount: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct CashCustody(BTreeMap<NoteHolder, Vec<Banknotes>>);

impl CashCustody {
    /// What a holder has, in minor units.
    pub(crate) fn total(&self, holder: NoteHolder) -> u64 {
        self.0.get(&holder).map_or(0, |purse| sum(purse))
    }

    pub(crate) fn add(&mut self, holder: NoteHolder, origin: NoteOrigin, amount: u64) {
        self.0.entry(holder).or_default().push(Banknotes { origin, amount });
    }

    /// What a holder has of each origin, in minor units, in the order in which it came.
    pub(crate) fn by_origin(&self, holder: NoteHolder) -> Vec<(NoteOrigin, u64)> {
        let purse = self.0.get(&holder).into_iter().flatten();
        purse.map(|notes| (notes.origin, notes.amount)).collect()
    }

    /// Gives the banknotes of a payment back to its buyer.
    pub(crate) fn give_back(&mut self, holder: NoteHolder, payment: PaymentId) {
        if let Some(purse) = self.0.get_mut(&holder) {
            purse.retain(|notes| notes.origin != NoteOrigin::Payment(payment));
        }
    }

    pub(crate) fn move_all(&mut self, from: NoteHolder, to: NoteHolder) {
        let mut moved = self.0.remove(&from).unwrap_or_default();
        self.0.entry(to).or_default().append(&mut moved);
    }

    /// Moves the last banknotes that a holder got. Moves all if there are fewer.
    pub(crate) fn move_last(&mut self, from: NoteHolder, to: NoteHolder, amount: u64) {
        let mut purse = self.0.remove(&from).unwrap_or_default();
        purse.reverse();
        let mut moved = take_first(&mut purse, amount);
        purse.reverse();
        moved.reverse();
        self.0.insert(from, purse);
        self.0.entry(to).or_default().append(&mut moved);
    }

    /// The banknotes that a courier brought too much before are those lost now: found ones get the
    /// origin of lost ones, the payment taken first first. Returns the amount.
    pub(crate) fn explain_loss(&mut self, courier: usize, amount: u64) -> u64 {
        let mut lost = self.0.remove(&NoteHolder::Lost(courier)).unwrap_or_default();
        let mut explained = take_first(&mut lost, amount);
        let lost_before = sum(&explained);
        for purse in self.0.values_mut() {
            let mut index = 0;
            while index < purse.len() {
                if purse[index].origin == NoteOrigin::Found(courier) {
                    let found = take_first(&mut explained, purse[index].amount);
                    purse[index].amount -= sum(&found);
                    let rest = Some(purse[index]).filter(|rest| rest.amount > 0);
                    let count = found.len() + usize::from(rest.is_some());
                    purse.splice(index..=index, found.into_iter().chain(rest));
                    index += count;
                } else {
                    index += 1;
                }
            }
        }
        let unexplained = sum(&explained);
        explained.append(&mut lost);
        self.0.insert(NoteHolder::Lost(courier), explained);
        lost_before - unexplained
    }

    /// What the bank has of each payment, in minor units.
    pub(crate) fn banked(&self) -> BTreeMap<PaymentId, u64> {
        let mut banked = BTreeMap::new();
        for notes in self.0.get(&NoteHolder::Bank).into_iter().flatten() {
            if let NoteOrigin::Payment(payment) = notes.origin {
                *banked.entry(payment).or_default() += notes.amount;
            }
        }
        banked
    }
}

fn sum(purse: &[Banknotes]) -> u64 {
    purse.iter().map(|notes| notes.amount).sum()
}

/// Takes the first banknotes of a purse and splits the last that it takes.
fn take_first(purse: &mut Vec<Banknotes>, amount: u64) -> Vec<Banknotes> {
    let (mut left, mut whole) = (amount, 0);
    while purse.get(whole).is_some_and(|notes| notes.amount <= left) {
        left -= purse[whole].amount;
        whole += 1;
    }
    let mut taken: Vec<Banknotes> = purse.drain(..whole).collect();
    if let Some(notes) = purse.first_mut().filter(|_| left > 0) {
        notes.amount -= left;
        taken.push(Banknotes { origin: notes.origin, amount: left });
    }
    taken
}

#[cfg(test)]
mod tests {
    use books::ParcelId;

    use super::*;

    const COURIER: NoteHolder = NoteHolder::Courier(0);
    const LOST: NoteHolder = NoteHolder::Lost(0);
    const FIRM: NoteHolder = NoteHolder::Firm(0);

    fn payment(number: u128) -> PaymentId {
        PaymentId { parcel: ParcelId::new(number), number: 1 }
    }

    #[test]
    fn a_shortage_is_missing_from_the_last_payments() {
        let mut cash = CashCustody::default();
        for number in 1..=3 {
            cash.add(COURIER, NoteOrigin::Payment(payment(number)), 100);
        }
        cash.move_last(COURIER, LOST, 150);
        cash.move_all(COURIER, NoteHolder::Bank);
        let banked: Vec<_> = cash.banked().into_iter().collect();
        assert_eq!(banked, [(payment(1), 100), (payment(2), 50)]);
        assert_eq!(cash.total(LOST), 150);
    }

    #[test]
    fn found_banknotes_are_those_that_are_missing_later() {
        let mut cash = CashCustody::default();
        cash.add(FIRM, NoteOrigin::Found(0), 80);
        cash.add(FIRM, NoteOrigin::Found(1), 500);
        cash.add(LOST, NoteOrigin::Payment(payment(1)), 50);
        cash.add(LOST, NoteOrigin::Payment(payment(2)), 70);
        assert_eq!(cash.explain_loss(0, 60), 60);
        assert_eq!(cash.explain_loss(2, 60), 0, "another courier lost nothing");
        assert_eq!((cash.total(LOST), cash.total(FIRM)), (60, 580));
        cash.move_all(FIRM, NoteHolder::Bank);
        let banked: Vec<_> = cash.banked().into_iter().collect();
        assert_eq!(banked, [(payment(1), 50), (payment(2), 10)]);
    }

    #[test]
    fn cash_given_back_is_gone() {
        let mut cash = CashCustody::default();
        cash.add(COURIER, NoteOrigin::Payment(payment(1)), 100);
        cash.add(COURIER, NoteOrigin::Payment(payment(2)), 40);
        cash.give_back(COURIER, payment(1));
        assert_eq!(cash.total(COURIER), 40);
    }
}

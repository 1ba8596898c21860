//! The money rules, checked over the whole state: at every snapshot, and by `verify`.

use ledger::AccountNo;

use crate::engine::Engine;
use crate::index::Place;
use crate::records::{InLine, Means, Progress};

impl Engine {
    /// Checks every rule that can be seen in the state. It looks at everything: seconds, not
    /// microseconds, where there are millions of parcels.
    ///
    /// # Errors
    /// Each violation in a line that begins with its rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if let Err(error) = self.books.ledger.check() {
            wrong.push(error);
        }
        self.check_parcels(&mut wrong);
        self.check_unknown(&mut wrong);
        self.check_held(&mut wrong);
        self.check_cash(&mut wrong);
        self.check_statements(&mut wrong);
        self.check_breaks(&mut wrong);
        self.check_doors(&mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn balance(&self, account: AccountNo) -> i128 {
        self.books.account(account).balance()
    }

    fn check_parcels(&self, wrong: &mut Vec<String>) {
        for (slot, parcel) in self.parcels.iter() {
            if self.place(parcel.id) != Some(Place::Open(slot)) {
                wrong.push(format!(
                    "M2: parcel {:032x} is not where it should be",
                    parcel.id.bits()
                ));
            }
            let taken =
                self.sum_of(parcel.last, |item| item.is_collected() || item.progress.waits());
            if taken > parcel.due {
                wrong.push(format!("M2: parcel {:032x} is collected twice", parcel.id.bits()));
            }
            let flights = self.tenders_from(parcel.last).filter(|(_, item)| item.progress.waits());
            if flights.count() != usize::from(parcel.in_flight) {
                let id = parcel.id.bits();
                wrong.push(format!("M4: parcel {id:032x} miscounts its payments in flight"));
            }
        }
    }

    /// Everything pending on a network is a payment begun or unknown, and the unknown are counted.
    fn check_unknown(&self, wrong: &mut Vec<String>) {
        let rails = self.rails.len() as usize;
        let (mut unknown, mut pending) = (vec![0_u32; rails], vec![0_u128; rails]);
        for (_, item) in self.items.iter().filter(|(_, item)| item.means != Means::Cash) {
            let rail = usize::from(item.rail);
            if item.progress.waits() || item.progress.is_unknown() {
                pending[rail] += u128::from(item.amount.minor());
            }
            unknown[rail] += u32::from(item.progress.is_unknown());
        }
        for (place, rail) in self.rails.iter().enumerate() {
            let reserved = self.books.account(rail.receivable).debits_pending();
            if rail.unknown != unknown[place] || reserved != pending[place] {
                wrong.push(format!(
                    "M4: {} has {} unknown payments and {reserved} pending, its payments say {} \
                     and {}",
                    rail.reference, rail.unknown, unknown[place], pending[place]
                ));
            }
        }
    }

    /// What a seller's held account holds is the shares of the seller's payments that are not
    /// released.
    fn check_held(&self, wrong: &mut Vec<String>) {
        let mut held = vec![0_i128; self.sellers.len() as usize];
        for (_, item) in self.items.iter() {
            if item.is_collected() && !matches!(item.progress, Progress::Released { .. }) {
                held[item.seller as usize] += i128::from(item.held_share().minor());
            }
        }
        for (seller, expected) in self.sellers.iter().zip(held) {
            let balance = self.balance(seller.held);
            if balance != expected {
                wrong.push(format!(
                    "M5: seller {} has {balance} held, the payments say {expected}",
                    seller.reference
                ));
            }
        }
    }

    /// Each courier's cash is what was taken and not handed over; each firm's counted cash, with
    /// what its couriers owe and what is missing, covers what stands in line.
    fn check_cash(&self, wrong: &mut Vec<String>) {
        let mut short = vec![0_i128; self.firms.len() as usize];
        for courier in self.couriers.iter() {
            let in_hand: i128 = courier
                .in_hand
                .iter()
                .map(|&slot| i128::from(self.item(slot).amount.minor()))
                .sum();
            let balance = self.balance(courier.cash);
            if balance != in_hand {
                wrong.push(format!(
                    "M6: courier {} has {balance} in hand, the payments say {in_hand}",
                    courier.reference
                ));
            }
            short[courier.firm as usize] += self.balance(courier.shortage);
        }
        for (firm, short) in self.firms.iter().zip(short) {
            let in_line: i128 = firm.line.iter().map(|&one| self.in_line(one)).sum();
            let missing = self.missing_cash(firm.id);
            let covered = self.balance(firm.cash) + short + i128::from(firm.unallotted.minor());
            if covered + missing != in_line {
                wrong.push(format!(
                    "M6: firm {} has {covered} in cash, owed and unallotted, {missing} is missing, \
                     in line is {in_line}",
                    firm.reference
                ));
            }
            let guaranteed = firm.line.iter().filter(|one| self.is_guaranteed(one));
            let guaranteed: i128 = guaranteed.map(|&one| self.in_line(one)).sum();
            if i128::from(firm.guaranteed.minor()) != guaranteed || firm.guaranteed > firm.guarantee
            {
                wrong.push(format!(
                    "M5: firm {} guarantees {}, the line says {guaranteed}, its limit is {}",
                    firm.reference,
                    firm.guaranteed.minor(),
                    firm.guarantee.minor()
                ));
            }
        }
    }

    fn in_line(&self, one: InLine) -> i128 {
        let amount = match one {
            InLine::Item(slot) => self.item(slot).amount,
            InLine::Surplus(amount) => amount,
        };
        i128::from(amount.minor())
    }

    fn is_guaranteed(&self, one: &InLine) -> bool {
        matches!(*one, InLine::Item(slot) if self.item(slot).guaranteed)
    }

    /// What reconciliation found missing in a firm's cash and nobody has made good. What it found
    /// too much stands in line.
    fn missing_cash(&self, firm: crate::ids::FirmId) -> i128 {
        use crate::command::{BreakSide, BreakSubject};
        let what = (BreakSubject::FirmCash(firm), BreakSide::Shortfall);
        let open = self.small.breaks.values().filter(|one| !one.closed);
        let missing = open.filter(|one| (one.subject, one.side) == what);
        missing.map(|one| i128::from(one.amount.minor())).sum()
    }

    /// What a seller's statement says is what the ledger has for the seller (M7, M8).
    fn check_statements(&self, wrong: &mut Vec<String>) {
        for seller in self.sellers.iter() {
            let available = self.books.account(seller.payable).available();
            if available != seller.statement.net() {
                wrong.push(format!(
                    "M8: seller {} has {available} payable, the statement says {}",
                    seller.reference,
                    seller.statement.net()
                ));
            }
        }
        for (place, accounts) in self.small.currencies.iter().enumerate() {
            let of_currency = |seller: u32| usize::from(self.sellers.get(seller).currency) == place;
            let in_flight: u128 = self
                .small
                .payouts
                .values()
                .filter(|payout| payout.arrived.is_none() && of_currency(payout.seller))
                .map(|payout| u128::from(payout.net.minor()))
                .sum();
            let balance = self.balance(accounts.payout_in_flight);
            if u128::try_from(balance) != Ok(in_flight) {
                let currency = accounts.currency;
                wrong.push(format!(
                    "M7: {balance} {currency} in flight, the payouts say {in_flight}"
                ));
            }
        }
    }

    /// The suspense account is the open breaks (M9).
    fn check_breaks(&self, wrong: &mut Vec<String>) {
        use crate::command::BreakSide;
        for (place, accounts) in self.small.currencies.iter().enumerate() {
            let open = self.small.breaks.values().filter(|one| !one.closed);
            let here = open.filter(|one| usize::from(one.currency) == place);
            let expected: i128 = here
                .map(|one| match one.side {
                    BreakSide::Excess => -i128::from(one.amount.minor()),
                    BreakSide::Shortfall => i128::from(one.amount.minor()),
                })
                .sum();
            let balance = self.balance(accounts.suspense);
            if balance != expected {
                let currency = accounts.currency;
                wrong.push(format!(
                    "M9: {balance} {currency} in suspense, the open breaks say {expected}"
                ));
            }
        }
    }
}

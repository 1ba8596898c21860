//! The ledger against a naive model: plain maps, a copy of everything before each chain.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ledger::{AccountNumber, BalanceLimits, Ledger, Side, Transfer, TransferId, TransferRefusal};
use money::{Amount, Currency};
use proptest::prelude::*;

/// Balances on the account's own side, kept in the simplest way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive {
    accounts: BTreeMap<u32, NaiveAccount>,
    reserved: BTreeMap<u64, (u32, u32, u64)>,
    newest: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct NaiveAccount {
    currency: Currency,
    side: Side,
    limits: BalanceLimits,
    /// Each posting of the account, debits positive.
    lines: Vec<i128>,
    pending_debits: Vec<u64>,
    pending_credits: Vec<u64>,
}

impl NaiveAccount {
    fn balance(&self) -> i128 {
        let debits: i128 = self.lines.iter().sum();
        if self.side == Side::Debit { debits } else { -debits }
    }

    /// `direction` is 1 for a debit and -1 for a credit.
    fn allows(&self, direction: i128, amount: u64) -> bool {
        let sign = if self.side == Side::Debit { direction } else { -direction };
        let (gains, losses) = match self.side {
            Side::Debit => (&self.pending_debits, &self.pending_credits),
            Side::Credit => (&self.pending_credits, &self.pending_debits),
        };
        let sum = |pending: &[u64]| pending.iter().map(|&part| i128::from(part)).sum::<i128>();
        if sign > 0 {
            let most = self.balance() + sum(gains) + i128::from(amount);
            self.limits.ceiling.is_none_or(|ceiling| most <= i128::from(ceiling.minor()))
        } else {
            let least = self.balance() - sum(losses) - i128::from(amount);
            self.limits.overdraft || least >= 0
        }
    }
}

impl Naive {
    fn chain(&mut self, transfers: &[Transfer]) -> bool {
        let before = self.clone();
        let done = transfers.iter().all(|transfer| self.carry_out(transfer));
        if !done {
            *self = before;
        }
        done
    }

    fn carry_out(&mut self, transfer: &Transfer) -> bool {
        if transfer.id().0 <= self.newest {
            return false;
        }
        let done = match *transfer {
            Transfer::Post { debit, credit, amount, .. } => {
                self.allowed(debit.0, credit.0, amount.minor())
                    && self.post(debit.0, credit.0, amount.minor())
            }
            Transfer::Reserve { id, debit, credit, amount } => {
                let allowed = self.allowed(debit.0, credit.0, amount.minor());
                if allowed {
                    self.reserved.insert(id.0, (debit.0, credit.0, amount.minor()));
                    self.pend();
                }
                allowed
            }
            Transfer::PostReserved { of, amount, .. } => match self.reserved.get(&of.0).copied() {
                Some((debit, credit, most)) if (1..=most).contains(&amount.minor()) => {
                    self.reserved.remove(&of.0);
                    self.pend();
                    self.post(debit, credit, amount.minor())
                }
                _ => false,
            },
            Transfer::VoidReserved { of, .. } => {
                let there = self.reserved.remove(&of.0).is_some();
                self.pend();
                there
            }
        };
        if done {
            self.newest = transfer.id().0;
        }
        done
    }

    fn allowed(&self, debit: u32, credit: u32, amount: u64) -> bool {
        let (Some(from), Some(to)) = (self.accounts.get(&debit), self.accounts.get(&credit)) else {
            return false;
        };
        amount > 0
            && debit != credit
            && from.currency == to.currency
            && from.allows(1, amount)
            && to.allows(-1, amount)
    }

    fn post(&mut self, debit: u32, credit: u32, amount: u64) -> bool {
        self.accounts.get_mut(&debit).unwrap().lines.push(i128::from(amount));
        self.accounts.get_mut(&credit).unwrap().lines.push(-i128::from(amount));
        true
    }

    /// Recomputes the accounts' pending amounts from the reservations.
    fn pend(&mut self) {
        for (number, account) in &mut self.accounts {
            let mine = |side: fn(&(u32, u32, u64)) -> u32| {
                let of_account = self.reserved.values().filter(|kept| side(kept) == *number);
                of_account.map(|kept| kept.2).collect::<Vec<_>>()
            };
            account.pending_debits = mine(|kept| kept.0);
            account.pending_credits = mine(|kept| kept.1);
        }
    }
}

fn limits() -> impl Strategy<Value = BalanceLimits> {
    prop_oneof![
        2 => Just(BalanceLimits::NONE),
        3 => Just(BalanceLimits::NO_OVERDRAFT),
        2 => (1_u64..16).prop_map(|tens| BalanceLimits::up_to(Amount::of(tens * 20))),
    ]
}

fn account() -> impl Strategy<Value = (Currency, Side, BalanceLimits)> {
    let currency = prop_oneof![4 => Just(Currency::CNY), 1 => Just(Currency::BRL)];
    (currency, prop_oneof![Just(Side::Debit), Just(Side::Credit)], limits())
}

/// Few different amounts, so that balances, ceilings and reservations are often used up exactly.
fn amount() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![9 => (0_u64..7).prop_map(|tens| tens * 20), 1 => 0_u64..120]
}

/// Transfers with mostly new, sometimes repeated ids, and mostly existing accounts.
fn transfer() -> impl Strategy<Value = (u64, Transfer)> {
    let pair = (0_u32..7, 0_u32..7, amount());
    let id = TransferId(0);
    let (post, reserve) = (pair.clone(), pair);
    let step = prop_oneof![0_u64..1, 1_u64..2, 1_u64..2, 1_u64..2, 1_u64..2];
    let shape = prop_oneof![
        post.prop_map(move |(debit, credit, amount)| Transfer::Post {
            id,
            debit: AccountNumber(debit),
            credit: AccountNumber(credit),
            amount: Amount::of(amount)
        }),
        reserve.prop_map(move |(debit, credit, amount)| Transfer::Reserve {
            id,
            debit: AccountNumber(debit),
            credit: AccountNumber(credit),
            amount: Amount::of(amount)
        }),
        (0_u64..40, amount()).prop_map(move |(of, amount)| Transfer::PostReserved {
            id,
            of: TransferId(of),
            amount: Amount::of(amount)
        }),
        (0_u64..40).prop_map(move |of| Transfer::VoidReserved { id, of: TransferId(of) }),
    ];
    (step, shape)
}

fn with_id(transfer: Transfer, id: TransferId) -> Transfer {
    match transfer {
        Transfer::Post { debit, credit, amount, .. } => {
            Transfer::Post { id, debit, credit, amount }
        }
        Transfer::Reserve { debit, credit, amount, .. } => {
            Transfer::Reserve { id, debit, credit, amount }
        }
        Transfer::PostReserved { of, amount, .. } => Transfer::PostReserved { id, of, amount },
        Transfer::VoidReserved { of, .. } => Transfer::VoidReserved { id, of },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_ledger_does_what_a_naive_one_does(
        accounts in prop::collection::vec(account(), 6),
        chains in prop::collection::vec(prop::collection::vec(transfer(), 1..5), 1..30),
    ) {
        let mut ledger = Ledger::default();
        let mut naive = Naive::default();
        for (currency, side, limits) in accounts {
            let number = ledger.open(currency, 0, side, limits).0;
            let lines = Vec::new();
            let (pending_debits, pending_credits) = (Vec::new(), Vec::new());
            let account =
                NaiveAccount { currency, side, limits, lines, pending_debits, pending_credits };
            naive.accounts.insert(number, account);
        }
        let mut id = 0;
        for chain in chains {
            let mut transfers = Vec::new();
            for (step, transfer) in chain {
                id += step;
                transfers.push(with_id(transfer, TransferId(id)));
            }
            let before = ledger.to_parts();
            let taken = ledger.chain(&transfers);
            prop_assert_eq!(taken.is_ok(), naive.chain(&transfers), "{:?}: {:?}", transfers, taken);
            if taken.is_err() {
                prop_assert_eq!(&before, &ledger.to_parts(), "a refused chain changed something");
            }
            for (number, account) in ledger.accounts() {
                let expected = &naive.accounts[&number.0];
                prop_assert_eq!(account.balance(), expected.balance());
                let pending =
                    |parts: &[u64]| parts.iter().map(|&part| u128::from(part)).sum::<u128>();
                prop_assert_eq!(account.debits_pending(), pending(&expected.pending_debits));
                prop_assert_eq!(account.credits_pending(), pending(&expected.pending_credits));
            }
            prop_assert_eq!(ledger.reservation_count(), naive.reserved.len());
            prop_assert_eq!(ledger.check(), Ok(()));
        }
        let accounts = ledger.accounts().map(|(_, account)| account.clone());
        let again = Ledger::from_parts(ledger.to_parts(), accounts.collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(again.to_parts(), ledger.to_parts());
    }
}

fn two_accounts() -> (Ledger, AccountNumber, AccountNumber) {
    let mut ledger = Ledger::default();
    let bank = ledger.open(Currency::CNY, 1, Side::Debit, BalanceLimits::NONE);
    let held = ledger.open(Currency::CNY, 2, Side::Credit, BalanceLimits::NO_OVERDRAFT);
    (ledger, bank, held)
}

#[test]
fn a_retry_of_a_finished_transfer_is_harmless() {
    let (mut ledger, debit, credit) = two_accounts();
    let post = Transfer::Post { id: TransferId(1), debit, credit, amount: Amount::of(5) };
    assert_eq!(ledger.transfer(&post), Ok(()));
    assert_eq!(ledger.transfer(&post), Err(TransferRefusal::Repeated(TransferId(1))));
    assert_eq!(ledger.account(debit).unwrap().balance(), 5);
}

#[test]
fn a_reservation_with_a_used_id_and_another_amount_is_not_a_retry() {
    let (mut ledger, debit, credit) = two_accounts();
    let reserve =
        |minor| Transfer::Reserve { id: TransferId(1), debit, credit, amount: Amount::of(minor) };
    assert_eq!(ledger.transfer(&reserve(5)), Ok(()));
    assert_eq!(ledger.transfer(&reserve(5)), Err(TransferRefusal::Repeated(TransferId(1))));
    assert_eq!(ledger.transfer(&reserve(6)), Err(TransferRefusal::OtherContent(TransferId(1))));
}

#[test]
fn posting_a_part_frees_the_rest() {
    let (mut ledger, debit, credit) = two_accounts();
    let amount = Amount::of(100);
    ledger.transfer(&Transfer::Reserve { id: TransferId(1), debit, credit, amount }).unwrap();
    let part =
        Transfer::PostReserved { id: TransferId(2), of: TransferId(1), amount: Amount::of(60) };
    ledger.transfer(&part).unwrap();
    let bank = ledger.account(debit).unwrap();
    assert_eq!((bank.balance(), bank.debits_pending(), ledger.reservation_count()), (60, 0, 0));
}

#[test]
fn a_chain_of_posts_and_voids_is_all_or_none() {
    let (mut ledger, debit, credit) = two_accounts();
    let amount = Amount::of(10);
    for id in 1..=2 {
        ledger.transfer(&Transfer::Reserve { id: TransferId(id), debit, credit, amount }).unwrap();
    }
    let whole = |last| {
        [
            Transfer::PostReserved { id: TransferId(3), of: TransferId(1), amount },
            Transfer::VoidReserved { id: TransferId(4), of: TransferId(last) },
        ]
    };
    let missing = TransferId(9);
    assert_eq!(ledger.chain(&whole(9)), Err((1, TransferRefusal::NotReserved(missing))));
    assert_eq!((ledger.reservation_count(), ledger.account(debit).unwrap().balance()), (2, 0));
    assert_eq!(ledger.chain(&whole(2)), Ok(()));
    assert_eq!((ledger.reservation_count(), ledger.account(debit).unwrap().balance()), (0, 10));
}

#[test]
fn the_largest_amounts_add_up_without_wrapping() {
    let (mut ledger, debit, credit) = two_accounts();
    for id in 1..=1000 {
        let post = Transfer::Post { id: TransferId(id), debit, credit, amount: Amount::MAX };
        ledger.transfer(&post).unwrap();
    }
    let expected = i128::from(Amount::MAX.minor()) * 1000;
    assert_eq!(ledger.account(credit).unwrap().balance(), expected);
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn a_balance_and_a_ceiling_can_be_used_up() {
    let mut ledger = Ledger::default();
    let cash = ledger.open(Currency::CNY, 1, Side::Debit, BalanceLimits::up_to(Amount::of(100)));
    let owed = ledger.open(Currency::CNY, 2, Side::Credit, BalanceLimits::up_to(Amount::of(100)));
    let post = |id, debit, credit, minor| Transfer::Post {
        id: TransferId(id),
        debit,
        credit,
        amount: Amount::of(minor),
    };
    assert_eq!(ledger.transfer(&post(1, cash, owed, 100)), Ok(()));
    assert_eq!(ledger.transfer(&post(2, cash, owed, 1)), Err(TransferRefusal::LimitReached(cash)));
    assert_eq!(ledger.transfer(&post(2, owed, cash, 100)), Ok(()));
    assert_eq!(ledger.transfer(&post(3, owed, cash, 1)), Err(TransferRefusal::LimitReached(owed)));
}

#[test]
fn what_is_reserved_from_an_account_cannot_be_spent_again() {
    let mut ledger = Ledger::default();
    let limits = BalanceLimits::NO_OVERDRAFT;
    let cash = ledger.open(Currency::CNY, 1, Side::Debit, limits);
    let owed = ledger.open(Currency::CNY, 2, Side::Credit, limits);
    let amount = Amount::of(100);
    let (debit, credit) = (cash, owed);
    ledger.transfer(&Transfer::Post { id: TransferId(1), debit, credit, amount }).unwrap();
    // One reservation takes from both: it debits the liability and credits the asset.
    let (debit, credit, part) = (owed, cash, Amount::of(60));
    let reserve = Transfer::Reserve { id: TransferId(2), debit, credit, amount: part };
    ledger.transfer(&reserve).unwrap();
    let free = ledger.open(Currency::CNY, 3, Side::Debit, BalanceLimits::NONE);
    for (debit, credit, taken) in [(owed, free, owed), (free, cash, cash)] {
        let spend =
            |minor| Transfer::Post { id: TransferId(3), debit, credit, amount: Amount::of(minor) };
        assert_eq!(ledger.account(taken).unwrap().available(), 40);
        let refused = ledger.transfer(&spend(41));
        assert_eq!(refused, Err(TransferRefusal::LimitReached(taken)));
    }
}

#[test]
fn an_overdraft_and_a_ceiling_count_what_is_pending() {
    let mut ledger = Ledger::default();
    let cash = ledger.open(Currency::CNY, 1, Side::Debit, BalanceLimits::up_to(Amount::of(100)));
    let held = ledger.open(Currency::CNY, 2, Side::Credit, BalanceLimits::NO_OVERDRAFT);
    let reserve = |id, minor| Transfer::Reserve {
        id: TransferId(id),
        debit: cash,
        credit: held,
        amount: Amount::of(minor),
    };
    assert_eq!(ledger.transfer(&reserve(1, 60)), Ok(()));
    assert_eq!(ledger.transfer(&reserve(2, 41)), Err(TransferRefusal::LimitReached(cash)));
    let out =
        Transfer::Post { id: TransferId(2), debit: held, credit: cash, amount: Amount::of(1) };
    let refused = ledger.transfer(&out);
    assert_eq!(refused, Err(TransferRefusal::LimitReached(held)), "pending money cannot be spent");
}

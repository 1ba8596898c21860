//! The entries of bank statements: deposits that arrived, payouts that left or came back.

use std::collections::BTreeMap;

use books::cash_view::DepositState;
use books::settlement_view::PayoutState;
use books::{
    BankId, Books, Command, ConfirmDeposit, ConfirmPayout, DepositId, PayoutId, ReturnPayout,
};
use files::incoming::bank_csv::{BankEntry, EntryReference};
use money::Amount;

/// What an entry means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryAct {
    Give(Command),
    /// The books have it already.
    Done(EntryKind),
    /// A person looks at it.
    Look(EntryDoubt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A deposit was credited.
    DepositConfirmed,
    /// A payout was debited.
    PayoutConfirmed,
    /// A payout was credited again.
    PayoutReturned,
}

/// Why an entry is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryDoubt {
    /// It has no reference of ours.
    NoReference,
    /// Its reference is not the id of a deposit or a payout.
    NotAnId,
    /// There is no deposit or payout with its reference.
    Unknown,
    /// A deposit and a payout have its reference.
    Both,
    /// Another entry of this statement has its reference, too.
    Twice,
    /// Its reference is a deposit's, and a deposit is never debited.
    DepositDebited,
    /// The deposit or payout belongs to another bank account.
    OtherBank,
    /// Its amount is not that of the deposit or payout.
    OtherAmount,
    /// The deposit was cancelled.
    Cancelled,
    /// The payout is no longer followed: it was paid too long ago.
    TooLate,
}

/// How often each reference is credited and debited in a statement.
#[derive(Debug, Default)]
pub struct ReferenceCounts(BTreeMap<(u64, bool), u32>);

impl EntryAct {
    /// The kind of an entry that is carried out, or was before.
    #[must_use]
    pub fn kind(&self) -> Option<EntryKind> {
        match self {
            EntryAct::Give(Command::ConfirmDeposit(_)) => Some(EntryKind::DepositConfirmed),
            EntryAct::Give(Command::ReturnPayout(_)) => Some(EntryKind::PayoutReturned),
            EntryAct::Give(_) => Some(EntryKind::PayoutConfirmed),
            EntryAct::Done(kind) => Some(*kind),
            EntryAct::Look(_) => None,
        }
    }
}

impl ReferenceCounts {
    #[must_use]
    pub fn of(entries: &[BankEntry]) -> ReferenceCounts {
        let mut counts = BTreeMap::new();
        for entry in entries {
            if let EntryReference::Id(id) = entry.reference {
                *counts.entry((id, is_credit(entry))).or_default() += 1;
            }
        }
        ReferenceCounts(counts)
    }
}

fn is_credit(entry: &BankEntry) -> bool {
    entry.amount.minor() > 0
}

/// What an entry of this bank account means.
#[must_use]
pub fn entry_act(
    books: &Books,
    bank: BankId,
    counts: &ReferenceCounts,
    entry: &BankEntry,
) -> EntryAct {
    act_of(books, bank, counts, entry).unwrap_or_else(EntryAct::Look)
}

fn act_of(
    books: &Books,
    bank: BankId,
    counts: &ReferenceCounts,
    entry: &BankEntry,
) -> Result<EntryAct, EntryDoubt> {
    let id = match entry.reference {
        EntryReference::None => return Err(EntryDoubt::NoReference),
        EntryReference::Text => return Err(EntryDoubt::NotAnId),
        EntryReference::Id(id) => id,
    };
    let credit = is_credit(entry);
    if counts.0.get(&(id, credit)).is_some_and(|count| *count > 1) {
        return Err(EntryDoubt::Twice);
    }
    let amount = Amount::new(entry.amount.minor().unsigned_abs()).ok_or(EntryDoubt::OtherAmount)?;
    let (deposit, payout) = (books.deposit_state(DepositId(id)), books.payout_state(PayoutId(id)));
    match (deposit, payout) {
        (None, None) => Err(EntryDoubt::Unknown),
        (Some(_), Some(_)) => Err(EntryDoubt::Both),
        (Some(_), None) if !credit => Err(EntryDoubt::DepositDebited),
        (Some(deposit), None) => deposit_act(deposit, DepositId(id), bank, amount),
        (None, Some(payout)) => payout_act(payout, PayoutId(id), bank, amount, credit),
    }
}

fn deposit_act(
    state: DepositState,
    deposit: DepositId,
    bank: BankId,
    amount: Amount,
) -> Result<EntryAct, EntryDoubt> {
    match state {
        DepositState::Open(open) if open.bank != Some(bank) => Err(EntryDoubt::OtherBank),
        DepositState::Open(open) if open.amount != amount => Err(EntryDoubt::OtherAmount),
        DepositState::Open(_) => {
            let command = ConfirmDeposit { deposit, credited: amount };
            Ok(EntryAct::Give(Command::ConfirmDeposit(command)))
        }
        DepositState::Credited(credited) if credited != amount => Err(EntryDoubt::OtherAmount),
        DepositState::Credited(_) => Ok(EntryAct::Done(EntryKind::DepositConfirmed)),
        DepositState::Cancelled => Err(EntryDoubt::Cancelled),
        DepositState::Ended => Err(EntryDoubt::TooLate),
    }
}

fn payout_act(
    state: PayoutState,
    payout: PayoutId,
    bank: BankId,
    amount: Amount,
    credit: bool,
) -> Result<EntryAct, EntryDoubt> {
    let (from, net, arrived) = match state {
        PayoutState::InFlight { bank, net } => (bank, net, false),
        PayoutState::Arrived { bank, net } => (bank, net, true),
        PayoutState::Ended => return Err(EntryDoubt::TooLate),
        PayoutState::Returned if credit => return Ok(EntryAct::Done(EntryKind::PayoutReturned)),
        PayoutState::Returned => return Ok(EntryAct::Done(EntryKind::PayoutConfirmed)),
    };
    if from != bank {
        return Err(EntryDoubt::OtherBank);
    }
    if net != amount {
        return Err(EntryDoubt::OtherAmount);
    }
    Ok(match (credit, arrived) {
        (true, _) => EntryAct::Give(Command::ReturnPayout(ReturnPayout { payout })),
        (false, false) => EntryAct::Give(Command::ConfirmPayout(ConfirmPayout { payout })),
        (false, true) => EntryAct::Done(EntryKind::PayoutConfirmed),
    })
}

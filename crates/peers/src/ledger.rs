//! A card network's own books: every transaction, its state and the totals.
//!
//! The rules for answers are here, free of message formats: what can be voided, completed, refunded
//! and reversed, and how a request about an unknown transaction is answered. Tests compare these
//! books with Doorstep's, transaction by transaction.

use std::collections::{HashMap, HashSet};
use std::fmt;

use money::Amount;

use crate::clearing::ClearingLine;
use crate::codes::{AuthorisationCode, ResponseCode, Rrn};

/// Most transactions that one network keeps. Further requests are answered `96`.
pub const TRANSACTIONS_MAX: usize = 10_000_000;

/// Identifies a request by fields 11, 7 and 41.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionReference {
    /// The switch's STAN, field 11.
    pub stan: u32,
    /// `MMDDhhmmss` in UTC, field 7.
    pub transmission_time: u32,
    /// Field 41.
    pub terminal: [u8; 8],
}

impl fmt::Debug for TransactionReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:06}/{:010}/{}",
            self.stan,
            self.transmission_time,
            self.terminal.escape_ascii()
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkTransactionKind {
    Sale,
    PreAuthorisation,
    /// Takes the money that a pre-authorisation holds, or part of it.
    Completion,
    /// Cancels a sale or a completion.
    Void,
    VoidPreAuthorisation,
    Refund,
    /// A sale that the terminal approved by itself.
    Offline,
}

impl NetworkTransactionKind {
    pub const ALL: [NetworkTransactionKind; 7] = [
        NetworkTransactionKind::Sale,
        NetworkTransactionKind::PreAuthorisation,
        NetworkTransactionKind::Completion,
        NetworkTransactionKind::Void,
        NetworkTransactionKind::VoidPreAuthorisation,
        NetworkTransactionKind::Refund,
        NetworkTransactionKind::Offline,
    ];

    /// First three digits of the message type, as field 90 names it.
    #[must_use]
    pub const fn message_class(self) -> u16 {
        match self {
            NetworkTransactionKind::PreAuthorisation
            | NetworkTransactionKind::VoidPreAuthorisation => 10,
            NetworkTransactionKind::Sale
            | NetworkTransactionKind::Completion
            | NetworkTransactionKind::Void => 20,
            NetworkTransactionKind::Refund | NetworkTransactionKind::Offline => 22,
        }
    }

    const fn is_advice(self) -> bool {
        matches!(self, NetworkTransactionKind::Refund | NetworkTransactionKind::Offline)
    }

    /// Name in files and messages to people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NetworkTransactionKind::Sale => "sale",
            NetworkTransactionKind::PreAuthorisation => "pre-authorisation",
            NetworkTransactionKind::Completion => "completion",
            NetworkTransactionKind::Void => "void",
            NetworkTransactionKind::VoidPreAuthorisation => "void of a pre-authorisation",
            NetworkTransactionKind::Refund => "refund",
            NetworkTransactionKind::Offline => "offline",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkTransactionState {
    /// Approved and still in force.
    Approved,
    Declined,
    /// Reversed, because no answer arrived or the terminal could not complete it.
    Reversed,
    Voided,
    /// A pre-authorisation that was completed.
    Completed,
}

/// The parts of a card number that may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaskedCard {
    /// First six digits.
    pub bin: u32,
    pub last_four: u16,
}

/// A transaction in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkTransaction {
    pub reference: TransactionReference,
    /// Field 37.
    pub rrn: Rrn,
    /// Field 7 with its year, in milliseconds since 1970.
    pub sent_ms: u64,
    /// Field 42.
    pub merchant: [u8; 15],
    /// A void, a completion and a refund have the original's card.
    pub card: MaskedCard,
    pub kind: NetworkTransactionKind,
    pub amount: Amount,
    /// Response code, field 39.
    pub code: ResponseCode,
    /// Authorisation code, if the transaction was approved.
    pub authorisation: Option<AuthorisationCode>,
    pub state: NetworkTransactionState,
    /// Amount taken from a pre-authorisation.
    pub completed: Amount,
    /// Sum of the refunds in force.
    pub refunded: Amount,
    /// The transaction that a void, a completion or a refund refers to.
    pub original: Option<TransactionReference>,
    /// Whether a clearing file contains it.
    pub cleared: bool,
    /// Whether a clearing file contains its reversal, after an earlier file contained it.
    pub reversal_cleared: bool,
}

impl NetworkTransaction {
    /// Whether the network owes or is owed money for it: it is approved, and is neither a hold nor
    /// a void.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        let money = match self.kind {
            NetworkTransactionKind::Sale
            | NetworkTransactionKind::Completion
            | NetworkTransactionKind::Refund
            | NetworkTransactionKind::Offline => true,
            NetworkTransactionKind::PreAuthorisation
            | NetworkTransactionKind::Void
            | NetworkTransactionKind::VoidPreAuthorisation => false,
        };
        money && matches!(self.state, NetworkTransactionState::Approved)
    }
}

/// A request to authorise.
#[derive(Clone, Copy, Debug)]
pub struct TransactionRequest {
    pub reference: TransactionReference,
    /// Field 37.
    pub rrn: Rrn,
    /// Field 7 with its year, in milliseconds since 1970.
    pub sent_ms: u64,
    /// Field 42.
    pub merchant: [u8; 15],
    pub kind: NetworkTransactionKind,
    /// Field 4.
    pub amount: Amount,
    /// The card, if the request carries it.
    pub card: Option<MaskedCard>,
    /// The transaction that the request refers to, from field 90.
    pub original: Option<OriginalTransaction>,
    /// Field 38: the original's authorisation code; for an offline sale, its own.
    pub authorisation: Option<AuthorisationCode>,
}

/// The transaction that a request refers to, as field 90 names it.
#[derive(Clone, Copy, Debug)]
pub struct OriginalTransaction {
    /// First three digits of the original's message type.
    pub message_class: u16,
    /// Its terminal is the one that sent the request.
    pub reference: TransactionReference,
}

/// The books' answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorisationDecision {
    /// Response code, field 39.
    pub code: ResponseCode,
    /// Authorisation code, field 38.
    pub authorisation: Option<AuthorisationCode>,
}

impl AuthorisationDecision {
    const fn declined(code: ResponseCode) -> AuthorisationDecision {
        AuthorisationDecision { code, authorisation: None }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkSum {
    pub count: u64,
    /// In minor units.
    pub amount: u128,
}

impl NetworkSum {
    fn add(&mut self, amount: Amount) {
        self.count += 1;
        self.amount += u128::from(amount.minor());
    }
}

/// Sums over the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkTotals {
    /// Sales, completions and offline sales in force.
    pub collected: NetworkSum,
    /// Refunds in force.
    pub refunded: NetworkSum,
    /// Pre-authorisations that are not completed yet.
    pub held: NetworkSum,
    pub declined: NetworkSum,
    pub reversed: NetworkSum,
    pub voided: NetworkSum,
}

/// The transactions of one network, in order of arrival.
#[derive(Default)]
pub struct NetworkLedger {
    transactions: Vec<NetworkTransaction>,
    indexes: HashMap<TransactionReference, u32>,
    /// Reversals that arrived before their original. The original is declined when it arrives.
    early_reversals: HashSet<TransactionReference>,
    /// Lines of the next clearing file about earlier transactions.
    pub(crate) adjustments: Vec<ClearingLine>,
    authorisation_codes: u32,
}

/// Authorisation codes have six digits.
const AUTHORISATION_CODES: u32 = 1_000_000;

impl NetworkLedger {
    /// Empty books. `seed` determines the first authorisation code.
    #[must_use]
    pub fn new(seed: u64) -> NetworkLedger {
        let first = u32::try_from(seed % u64::from(AUTHORISATION_CODES)).unwrap_or(0);
        NetworkLedger { authorisation_codes: first, ..NetworkLedger::default() }
    }

    /// Every transaction, in order of arrival.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &NetworkTransaction> {
        self.transactions.iter()
    }

    #[must_use]
    pub fn transaction(&self, reference: TransactionReference) -> Option<&NetworkTransaction> {
        self.index_of(reference).and_then(|index| self.transactions.get(index))
    }

    #[must_use]
    pub fn totals(&self) -> NetworkTotals {
        let mut totals = NetworkTotals::default();
        for item in &self.transactions {
            let sum = match (item.state, item.kind) {
                (
                    NetworkTransactionState::Approved,
                    NetworkTransactionKind::Sale
                    | NetworkTransactionKind::Completion
                    | NetworkTransactionKind::Offline,
                ) => &mut totals.collected,
                (NetworkTransactionState::Approved, NetworkTransactionKind::Refund) => {
                    &mut totals.refunded
                }
                (NetworkTransactionState::Approved, NetworkTransactionKind::PreAuthorisation) => {
                    &mut totals.held
                }
                (
                    NetworkTransactionState::Approved,
                    NetworkTransactionKind::Void | NetworkTransactionKind::VoidPreAuthorisation,
                )
                | (NetworkTransactionState::Completed, _) => continue,
                (NetworkTransactionState::Declined, _) => &mut totals.declined,
                (NetworkTransactionState::Reversed, _) => &mut totals.reversed,
                (NetworkTransactionState::Voided, _) => &mut totals.voided,
            };
            sum.add(item.amount);
        }
        totals
    }

    /// The decision on an earlier request with the same reference: the first decision if the
    /// content is the same too, else `94`. `None` if the reference is new.
    #[must_use]
    pub fn repeat_decision(&self, entry: &TransactionRequest) -> Option<AuthorisationDecision> {
        let item = self.transaction(entry.reference)?;
        let same = item.kind == entry.kind
            && item.amount == entry.amount
            && item.original == entry.original.map(|original| original.reference);
        let (code, authorisation) = (item.code, item.authorisation);
        Some(if same {
            AuthorisationDecision { code, authorisation }
        } else {
            AuthorisationDecision::declined(ResponseCode::DUPLICATE_STAN)
        })
    }

    /// Books a request and decides the answer. A repeat gets the first decision. A request that was
    /// reversed before it arrived is declined with `21`. Otherwise `decline` is the response code
    /// if given, else the books decide. An advice that is to be sent again is not booked.
    pub fn authorise(
        &mut self,
        entry: &TransactionRequest,
        decline: Option<ResponseCode>,
    ) -> AuthorisationDecision {
        if let Some(first) = self.repeat_decision(entry) {
            return first;
        }
        if let Some(code) = decline.filter(|code| entry.kind.is_advice() && code.asks_again()) {
            return AuthorisationDecision::declined(code);
        }
        let Some(index) = u32::try_from(self.transactions.len()).ok().filter(|_| self.has_room())
        else {
            return AuthorisationDecision::declined(ResponseCode::SYSTEM_ERROR);
        };
        let checked = match decline {
            _ if self.early_reversals.contains(&entry.reference) => Err(ResponseCode::NO_ACTION),
            Some(code) => Err(code),
            None => self.check(entry),
        };
        let original = checked.ok().flatten();
        let card = original.and_then(|index| self.transactions.get(index)).map(|item| item.card);
        let authorisation = checked.is_ok().then(|| self.authorisation_code(entry));
        let code = checked.err().unwrap_or(ResponseCode::APPROVED);
        self.transactions.push(NetworkTransaction {
            reference: entry.reference,
            rrn: entry.rrn,
            sent_ms: entry.sent_ms,
            merchant: entry.merchant,
            card: entry.card.or(card).unwrap_or(MaskedCard { bin: 0, last_four: 0 }),
            kind: entry.kind,
            amount: entry.amount,
            code,
            authorisation,
            state: if checked.is_ok() {
                NetworkTransactionState::Approved
            } else {
                NetworkTransactionState::Declined
            },
            completed: Amount::ZERO,
            refunded: Amount::ZERO,
            original: entry.original.map(|original| original.reference),
            cleared: false,
            reversal_cleared: false,
        });
        self.indexes.insert(entry.reference, index);
        if let Some(original) = original {
            self.change_original(original, entry);
        }
        AuthorisationDecision { code, authorisation }
    }

    fn has_room(&self) -> bool {
        self.transactions.len() < TRANSACTIONS_MAX && self.early_reversals.len() < TRANSACTIONS_MAX
    }

    fn index_of(&self, reference: TransactionReference) -> Option<usize> {
        self.indexes.get(&reference).and_then(|index| usize::try_from(*index).ok())
    }

    /// An offline sale keeps the authorisation code that its terminal gave.
    fn authorisation_code(&mut self, entry: &TransactionRequest) -> AuthorisationCode {
        if let (NetworkTransactionKind::Offline, Some(own)) = (entry.kind, entry.authorisation) {
            return own;
        }
        self.authorisation_codes = (self.authorisation_codes + 1) % AUTHORISATION_CODES;
        AuthorisationCode::of_number(self.authorisation_codes)
    }

    /// The index of the original, or the response code that declines the entry.
    fn check(&self, entry: &TransactionRequest) -> Result<Option<usize>, ResponseCode> {
        if entry.amount.is_zero() {
            return Err(ResponseCode::INVALID_AMOUNT);
        }
        match entry.kind {
            NetworkTransactionKind::Sale
            | NetworkTransactionKind::PreAuthorisation
            | NetworkTransactionKind::Offline => return Ok(None),
            NetworkTransactionKind::Completion
            | NetworkTransactionKind::Void
            | NetworkTransactionKind::VoidPreAuthorisation
            | NetworkTransactionKind::Refund => {}
        }
        let index = self.find(entry.original).ok_or(ResponseCode::ORIGINAL_NOT_FOUND)?;
        let original = self.transactions.get(index).ok_or(ResponseCode::ORIGINAL_NOT_FOUND)?;
        if entry.authorisation.is_some_and(|given| Some(given) != original.authorisation) {
            return Err(ResponseCode::INVALID_TRANSACTION);
        }
        let in_force = original.state == NetworkTransactionState::Approved;
        let untouched = in_force && original.refunded.is_zero() && !original.cleared;
        let left = original.amount.saturating_sub(original.refunded);
        let (possible, fits) = match (entry.kind, original.kind) {
            (NetworkTransactionKind::Completion, NetworkTransactionKind::PreAuthorisation) => {
                (in_force, entry.amount <= original.amount)
            }
            (
                NetworkTransactionKind::Void,
                NetworkTransactionKind::Sale
                | NetworkTransactionKind::Completion
                | NetworkTransactionKind::Offline,
            )
            | (
                NetworkTransactionKind::VoidPreAuthorisation,
                NetworkTransactionKind::PreAuthorisation,
            ) => (untouched, entry.amount == original.amount),
            (
                NetworkTransactionKind::Refund,
                NetworkTransactionKind::Sale
                | NetworkTransactionKind::Completion
                | NetworkTransactionKind::Offline,
            ) => (in_force, entry.amount <= left),
            _ => (false, false),
        };
        match (possible, fits) {
            (false, _) => Err(ResponseCode::INVALID_TRANSACTION),
            (true, false) => Err(ResponseCode::AMOUNT_MISMATCH),
            (true, true) => Ok(Some(index)),
        }
    }

    fn find(&self, original: Option<OriginalTransaction>) -> Option<usize> {
        let original = original?;
        let index = self.index_of(original.reference)?;
        let item = self.transactions.get(index)?;
        (item.kind.message_class() == original.message_class).then_some(index)
    }

    fn change_original(&mut self, index: usize, entry: &TransactionRequest) {
        let Some(original) = self.transactions.get_mut(index) else { return };
        match entry.kind {
            NetworkTransactionKind::Completion => {
                original.state = NetworkTransactionState::Completed;
                original.completed = entry.amount;
            }
            NetworkTransactionKind::Void | NetworkTransactionKind::VoidPreAuthorisation => {
                original.state = NetworkTransactionState::Voided;
                if original.kind == NetworkTransactionKind::Completion {
                    let held = original.original;
                    self.void_hold(held);
                }
            }
            NetworkTransactionKind::Refund => {
                let refunded = original.refunded.checked_add(entry.amount);
                original.refunded = refunded.unwrap_or(original.amount);
            }
            NetworkTransactionKind::Sale
            | NetworkTransactionKind::PreAuthorisation
            | NetworkTransactionKind::Offline => {}
        }
    }

    /// Voiding a completion also voids the pre-authorisation.
    fn void_hold(&mut self, held: Option<TransactionReference>) {
        let index = held.and_then(|held| self.index_of(held));
        if let Some(held) = index.and_then(|index| self.transactions.get_mut(index)) {
            held.state = NetworkTransactionState::Voided;
            held.completed = Amount::ZERO;
        }
    }

    /// Reverses a transaction and its effect on the original. Returns `00` if nothing of it remains
    /// in force, `12` if it cannot be reversed, and `25` if it is unknown; an unknown one is
    /// declined if it arrives later.
    pub fn reverse(&mut self, original: OriginalTransaction) -> ResponseCode {
        if self.early_reversals.contains(&original.reference) {
            return ResponseCode::ORIGINAL_NOT_FOUND;
        }
        let Some(index) = self.find(Some(original)) else {
            if self.index_of(original.reference).is_none() && self.has_room() {
                self.early_reversals.insert(original.reference);
            }
            return ResponseCode::ORIGINAL_NOT_FOUND;
        };
        let Some(item) = self.transactions.get_mut(index) else {
            return ResponseCode::ORIGINAL_NOT_FOUND;
        };
        match item.state {
            NetworkTransactionState::Declined
            | NetworkTransactionState::Reversed
            | NetworkTransactionState::Voided => return ResponseCode::APPROVED,
            NetworkTransactionState::Completed => return ResponseCode::INVALID_TRANSACTION,
            NetworkTransactionState::Approved => {}
        }
        if !item.refunded.is_zero() {
            return ResponseCode::INVALID_TRANSACTION;
        }
        item.state = NetworkTransactionState::Reversed;
        let (kind, amount, before) = (item.kind, item.amount, item.original);
        let before = before.and_then(|reference| self.index_of(reference));
        if let Some(before) = before {
            self.restore(before, kind, amount);
        }
        ResponseCode::APPROVED
    }

    /// Removes the effect of a reversed transaction on its original.
    fn restore(&mut self, index: usize, undone: NetworkTransactionKind, amount: Amount) {
        let Some(item) = self.transactions.get_mut(index) else { return };
        match undone {
            NetworkTransactionKind::Completion => {
                item.state = NetworkTransactionState::Approved;
                item.completed = Amount::ZERO;
            }
            NetworkTransactionKind::Void | NetworkTransactionKind::VoidPreAuthorisation => {
                item.state = NetworkTransactionState::Approved;
                if item.kind == NetworkTransactionKind::Completion {
                    let (amount, held) = (item.amount, item.original);
                    let index = held.and_then(|held| self.index_of(held));
                    if let Some(held) = index.and_then(|index| self.transactions.get_mut(index)) {
                        held.state = NetworkTransactionState::Completed;
                        held.completed = amount;
                    }
                }
            }
            NetworkTransactionKind::Refund => item.refunded = item.refunded.saturating_sub(amount),
            NetworkTransactionKind::Sale
            | NetworkTransactionKind::PreAuthorisation
            | NetworkTransactionKind::Offline => {}
        }
    }

    pub(crate) fn transactions_mut(&mut self) -> impl Iterator<Item = &mut NetworkTransaction> {
        self.transactions.iter_mut()
    }
}

impl fmt::Debug for NetworkLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.transactions).finish()
    }
}

#[cfg(test)]
mod tests;

//! The record of a break.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use serde::Serialize;
use tariff::BusinessDate;

use crate::command::{BreakResolution, BreakSide, BreakSubject, ClearLine};
use crate::ids::PersonId;
use crate::party::persons::TwoPeople;

/// A break and its proposed resolution (M9).
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Break {
    pub raised: RaisedBreak,
    /// Where it is posted now.
    pub subject: BreakSubject,
    pub side: BreakSide,
    /// What of it is open. Zero if it is closed.
    pub amount: Amount,
    pub currency: u8,
    /// Person 0: nobody yet.
    pub owner: PersonId,
    pub opened: BusinessDate,
    pub proposal: Option<ResolutionProposal>,
    /// By their numbers, from 1.
    pub changes: Vec<BreakChange>,
    /// If a line of a file raised it.
    pub evidence: Option<Box<BreakEvidence>>,
}

/// The line of a file behind a break.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct BreakEvidence {
    pub difference: LineDifference,
    pub line: ClearLine,
}

/// What of a line is the break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub enum LineDifference {
    /// Its fee is not the tariff's.
    Fee,
    /// Its amount is not the payment's.
    Amount,
    /// A chargeback of more than stands, or a representment of more than was charged back.
    Rest,
    /// All of it: no payment explains it.
    Whole,
}

impl Break {
    pub(crate) fn new(
        difference: Difference,
        currency: u8,
        owner: PersonId,
        opened: BusinessDate,
        evidence: Option<Box<BreakEvidence>>,
    ) -> Break {
        let Difference { subject, side, amount } = difference;
        Break {
            raised: RaisedBreak { subject, amount, owner },
            subject,
            side,
            amount,
            currency,
            owner,
            opened,
            proposal: None,
            changes: Vec::new(),
            evidence,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.amount.is_zero()
    }

    /// Whether it was raised for this difference.
    pub(crate) fn is_of(&self, difference: Difference) -> bool {
        let RaisedBreak { subject, amount, .. } = self.raised;
        difference == Difference { subject, side: self.side, amount }
    }

    /// Whether a part of it was closed.
    pub(crate) fn is_reduced(&self) -> bool {
        self.amount != self.raised.amount
    }

    pub(crate) fn withdrawn_by(&self) -> Option<TwoPeople> {
        match self.changes.last() {
            Some(BreakChange::Withdrawn(by)) => Some(*by),
            _ => None,
        }
    }

    /// Its owners, the first one first. None of them approves what ends it.
    pub(crate) fn owners(&self) -> Vec<PersonId> {
        let later = self.changes.iter().filter_map(|change| match change {
            BreakChange::Owner { owner, .. } => Some(*owner),
            _ => None,
        });
        std::iter::once(self.raised.owner).chain(later).collect()
    }
}

/// A break as it was raised. Person 0 as the owner: nobody yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RaisedBreak {
    pub subject: BreakSubject,
    pub amount: Amount,
    pub owner: PersonId,
}

/// A change of a break under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum BreakChange {
    Owner {
        owner: PersonId,
        assigned_by: PersonId,
    },
    Subject {
        subject: BreakSubject,
        by: TwoPeople,
    },
    /// In full or in part.
    Closed {
        proposal: ResolutionProposal,
        approved_by: PersonId,
    },
    /// Always the last one.
    Withdrawn(TwoPeople),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ResolutionProposal {
    pub resolution: BreakResolution,
    /// `None`: all that is open.
    pub amount: Option<Amount>,
    pub proposed_by: PersonId,
}

/// What a break is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: Amount,
}

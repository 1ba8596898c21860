//! The record of a break.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use serde::Serialize;
use tariff::BusinessDate;

use crate::command::{BreakResolution, BreakSide, BreakSubject, ClearLine};
use crate::ids::PersonId;

/// A break and its proposed resolution (M9).
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Break {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: Amount,
    pub currency: u8,
    pub owner: PersonId,
    pub opened: BusinessDate,
    pub proposal: Option<ResolutionProposal>,
    /// The person who approved its resolution.
    pub closed_by: Option<PersonId>,
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
    /// A chargeback of more than stands.
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
        let (proposal, closed_by) = (None, None);
        Break { subject, side, amount, currency, owner, opened, proposal, closed_by, evidence }
    }

    /// A break ends when its resolution is approved, or when nothing of it is left.
    pub(crate) fn is_open(&self) -> bool {
        self.closed_by.is_none() && !self.amount.is_zero()
    }

    pub(crate) fn is_of(&self, difference: Difference) -> bool {
        difference == Difference { subject: self.subject, side: self.side, amount: self.amount }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ResolutionProposal {
    pub resolution: BreakResolution,
    pub proposed_by: PersonId,
}

/// What a break is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub subject: BreakSubject,
    pub side: BreakSide,
    pub amount: Amount,
}

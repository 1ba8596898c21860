//! The record of a break.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::BusinessDate;

use crate::command::{BreakResolution, BreakSide, BreakSubject};
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
}

impl Break {
    pub(crate) fn is_open(&self) -> bool {
        self.closed_by.is_none()
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

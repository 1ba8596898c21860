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
    /// Who proposed a resolution that was replaced, each once.
    pub earlier_proposers: Vec<PersonId>,
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
        Difference { subject, side, amount }: Difference,
        currency: u8,
        (owner, raised_by): (PersonId, PersonId),
        opened: BusinessDate,
        evidence: Option<Box<BreakEvidence>>,
    ) -> Break {
        Break {
            raised: RaisedBreak { subject, amount, shown_by: String::new(), owner, raised_by },
            subject,
            side,
            amount,
            currency,
            owner,
            opened,
            proposal: None,
            earlier_proposers: Vec::new(),
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

    /// A proposal is replaced, or the break is not what it was proposed for any more.
    pub(crate) fn drop_proposal(&mut self) {
        if let Some(ResolutionProposal { proposed_by, .. }) = self.proposal.take()
            && !self.earlier_proposers.contains(&proposed_by)
        {
            self.earlier_proposers.push(proposed_by);
        }
    }

    /// Whoever had a part in it: none of them is the second of two people who end it. Who approved
    /// an earlier part is not among them.
    pub(crate) fn participants(&self) -> Vec<PersonId> {
        let mut all = participants_after(&self.raised, &self.changes);
        all.extend(&self.earlier_proposers);
        all
    }

    /// The second of two people is somebody else, each time: a person who had a part in the break
    /// before is not.
    pub(crate) fn is_decided_by_others(&self) -> bool {
        self.changes.iter().enumerate().all(|(place, change)| {
            let (first, second) = match *change {
                BreakChange::Owner { .. } => return true,
                BreakChange::Subject { by, .. } | BreakChange::Withdrawn(by) => by,
                BreakChange::Closed { proposal, approved_by } => {
                    (proposal.proposed_by, approved_by)
                }
            };
            let before = participants_after(&self.raised, &self.changes[..place]);
            first != second && !before.contains(&second)
        })
    }

    /// Its owners, the first one first.
    pub(crate) fn owners(&self) -> Vec<PersonId> {
        let later = self.changes.iter().filter_map(|change| match change {
            BreakChange::Owner { owner, .. } => Some(*owner),
            _ => None,
        });
        std::iter::once(self.raised.owner).chain(later).collect()
    }
}

fn participants_after(raised: &RaisedBreak, changes: &[BreakChange]) -> Vec<PersonId> {
    let mut all = vec![raised.owner, raised.raised_by];
    for change in changes {
        match *change {
            BreakChange::Owner { owner, assigned_by } => all.extend([owner, assigned_by]),
            BreakChange::Subject { by: (first, _), .. } => all.push(first),
            BreakChange::Closed { .. } | BreakChange::Withdrawn(_) => {}
        }
    }
    all
}

/// A break as it was raised. Person 0: nobody yet, or no person.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RaisedBreak {
    pub subject: BreakSubject,
    pub amount: Amount,
    /// Empty if a line or a count raised it.
    pub shown_by: String,
    pub owner: PersonId,
    /// Or the supervisor of the count that raised it.
    pub raised_by: PersonId,
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

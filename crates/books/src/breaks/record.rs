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
    pub proposed_resolution: Option<(BreakResolution, PersonId)>,
    pub closed: bool,
}

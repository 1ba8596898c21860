//! What a command of the policy did.

use books::{BusinessDate, PersonId, SellerId};
use borsh::{BorshDeserialize, BorshSerialize};
use market::OfferId;
use serde::Serialize;

use crate::vocabulary::{SampleKind, TextVerdict};

/// Why a text that was stopped is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub enum FreedBy {
    /// A person looked at it.
    Person,
    /// An appeal reversed the decision.
    Appeal,
    /// The rules no longer find anything.
    Rules,
}

/// A fact about public texts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "event")]
pub enum PolicyEvent {
    PolicyActivated {
        version: u32,
        from: BusinessDate,
    },
    RuleSuspended {
        version: u32,
        rule: String,
        /// The version's author, who is told.
        owner: PersonId,
        /// Decisions of the rule that appeals reversed.
        reversed: u32,
        /// `None` if it is suspended by its reversals.
        by: Option<PersonId>,
    },
    /// The rules found nothing, or nothing new.
    TextPassed {
        offer: OfferId,
    },
    /// A text was labelled, held or refused.
    TextStopped {
        offer: OfferId,
        seller: SellerId,
        decision: u32,
        verdict: TextVerdict,
        /// The offer was listed, and is paused now.
        paused: bool,
    },
    TextFreed {
        offer: OfferId,
        seller: SellerId,
        /// The decision that no longer stands.
        decision: u32,
        by: FreedBy,
        /// The offer is listed again.
        listed: bool,
    },
    TextAppealed {
        offer: OfferId,
        seller: SellerId,
        decision: u32,
        /// The day until which it is to be judged.
        due: BusinessDate,
    },
    AppealUpheld {
        offer: OfferId,
        seller: SellerId,
        decision: u32,
    },
    SampleDrawn {
        sample: u32,
        kind: SampleKind,
        texts: u16,
    },
    SampleJudged {
        sample: u32,
        item: u16,
        /// The judgement differs from what was decided.
        is_error: bool,
    },
}

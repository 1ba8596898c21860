//! Where the line is drawn: rules about public texts, and decisions about them, as a pure state
//! machine.
//!
//! [`Policy::plan`] takes a command and the facts; [`Policy::carry_out`] changes the policy and
//! cannot fail. A plan may name one more command: the market pauses an offer, or lists it again, in
//! the same entry of the journal. A decision can do nothing else: it has no way to an order or to
//! money.
//!
//! Texts are never here, only their digests; they are matched outside, and a command carries what
//! was found (M11). The same commands give the same policy, bit for bit.
//!
//! Never: a clock, randomness, I/O, a text, its matching; a type for a message between people.
//!
//! Start at [`Policy::plan`]. Commands are in [`command`], rules in [`PolicyRule`], what is decided
//! in [`TextDecision`].

pub mod command;

mod appeal;
mod baseline;
mod check;
mod decision;
mod event;
mod limits;
mod policy;
mod refusal;
mod rule;
mod sample;
mod snapshot;
mod steps;
mod versions;
mod view;
mod vocabulary;

pub use appeal::{AppealJudgement, TextAppeal};
pub use baseline::Baseline;
pub use command::*;
pub use decision::TextDecision;
pub use event::{FreedBy, PolicyEvent};
pub use limits::*;
pub use policy::{OfferFacts, Policy, PolicyFacts, PolicyPlan};
pub use refusal::{MissingPolicyRecord, PolicyRefusal, RuleFault};
pub use rule::{HOUSE_RULE, ListPrice, PolicyRule, RuleEffect, RuleExample, StatementCategory};
pub use sample::{SampleCounts, SampleJudgement};
pub use snapshot::{DecodedPolicyPart, POLICY_FORMAT, PolicyBuilder, PolicySnapshot};
pub use steps::{NormalisationStep, StepSet};
pub use versions::{RuleCounts, RuleSuspension};
pub use vocabulary::*;

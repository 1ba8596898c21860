//! What persons ask for, and what they are answered.

use books::PersonId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a person asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Gives a command. If it needs two people, it becomes a proposal.
    Give {
        /// Its declared name, such as `RegisterBank`.
        command: String,
        /// By name. A text is read as a person types it: `12.50CNY`, a reference, a date. Any other
        /// JSON is the field's declared form.
        fields: Map<String, Value>,
    },
    /// The second person approves a proposal: its command is given.
    Approve { proposal: u64 },
    /// A proposal is not wanted any more.
    WithdrawProposal { proposal: u64 },
    /// Lists the proposals.
    Proposals {},
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user id on this machine: of the socket's peer, or of the process.
    pub user: u32,
    /// As whom: a name or an id. Only in trial books.
    pub person: Option<String>,
}

/// The language of refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    En,
    Zh,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum OfficeAnswer {
    CarriedOut {
        command: String,
        by: PersonId,
        events: Vec<Value>,
        /// The one-time code of a new hand-over, for the courier alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// What it did, in words.
        #[serde(default)]
        said: CommandWords,
    },
    /// It was carried out before; nothing changed.
    Repeated {
        command: String,
    },
    /// A second person must approve it.
    Proposed {
        proposal: Proposal,
    },
    Withdrawn {
        proposal: u64,
    },
    Proposals {
        proposals: Vec<Proposal>,
        /// How many more there are.
        more: usize,
    },
}

/// A command that waits for a second person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// From 1. No number is used again.
    pub number: u64,
    pub command: String,
    /// In their declared form, without the second person.
    pub fields: Map<String, Value>,
    pub proposed_by: PersonId,
    /// Milliseconds since 1970.
    pub proposed_at_ms: u64,
    /// Who is approving it. Stays only if the process ended in between.
    pub approval: Option<ProposalApproval>,
    /// Why the books refused it when it was approved.
    pub refusal: Option<RefusalWords>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalApproval {
    pub approved_by: PersonId,
    /// Milliseconds since 1970.
    pub approved_at_ms: u64,
}

/// What a command did, in both languages: a sentence, and one for each event that has words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandWords {
    pub en: Vec<String>,
    pub zh: Vec<String>,
}

/// A refusal in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalWords {
    pub en: String,
    pub zh: String,
}

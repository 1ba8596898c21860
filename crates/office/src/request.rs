//! What persons ask for, and what they are answered.

use std::fmt;

use books::{DataSubject, DisclosurePurpose, ErasureOrder, PersonId, PersonalDataKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vault::{AccountForm, IdentityDocument};

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
    /// Enters the account of a seller's payouts in a currency: seals it in the vault, and proposes
    /// `SetPayoutAccount`.
    EnterPayoutAccount {
        /// An id, or a reference.
        seller: String,
        currency: String,
        account: AccountForm,
        /// In trial books.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<String>,
    },
    /// Lists payout accounts without a digit of any: of one seller, or all.
    PayoutAccounts { seller: Option<String> },
    /// Shows the last four characters of a seller's payout accounts, after the books have recorded
    /// that.
    ShowPayoutAccounts {
        /// An id, or a reference.
        seller: String,
    },
    /// Proposes `ErasePayoutAccount` for the account in force. Once that is carried out, the
    /// vault has no account of the seller in the currency.
    ErasePayoutAccount {
        /// An id, or a reference.
        seller: String,
        currency: String,
        /// In trial books.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<String>,
    },
    /// Shows what the vault has of a seller or a buyer, after the books have recorded that.
    ShowPersonalData {
        /// `seller:REFERENCE`, or `parcel:` and an id, a waybill or SELLER/ORDER.
        subject: String,
        purpose: DisclosurePurpose,
    },
    /// Seals a seller's identity document in the vault.
    EnterIdentity {
        /// An id, or a reference.
        seller: String,
        identity: IdentityDocument,
    },
    /// Proposes `EraseSubject`. Once that is carried out, the vault has nothing of the subject.
    EraseSubject {
        /// As in `ShowPersonalData`.
        subject: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ordered_by: Option<ErasureOrder>,
        /// In trial books.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<String>,
    },
    /// Shows what the books say: a reading command line of `doorstep`.
    Look {
        /// The command's words, then its flags. Nothing in them names a file.
        arguments: Vec<String>,
        /// The width of the screen.
        columns: u16,
    },
    /// Reads the settings again, and applies what can change while Doorstep serves.
    Reload {},
    /// Carries out a command line with files, whose bytes follow when the office asks for them.
    TakeFiles {
        /// The command's words, then its flags, without those of `files` and `returned`.
        arguments: Vec<String>,
        columns: u16,
        /// The files that are sent, in this order.
        files: Vec<SentFile>,
        /// The flags of files that the command writes and that are sent back: `rejects`.
        #[serde(default)]
        returned: Vec<String>,
    },
}

impl Request {
    /// Whether it is carried out beside the office.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        matches!(self, Request::Look { .. } | Request::TakeFiles { .. } | Request::Reload {})
    }
}

/// A file that is sent over the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentFile {
    /// The flag whose value it is: `orders`.
    pub flag: String,
    /// Its own name, or its path in the folder.
    pub name: String,
    pub bytes: u64,
    /// The flag's value is the folder of this file.
    #[serde(default)]
    pub in_folder: bool,
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
    /// The same was carried out under the number before; nothing changed. Whoever means it once
    /// more gives the next number.
    SameBefore {
        command: String,
        number: u64,
        next: u64,
    },
    /// The same deposit or break is open; nothing changed. Whoever means another one gives it an
    /// id, such as `next`, in the field `field`.
    OpenBefore {
        command: String,
        id: u64,
        field: String,
        next: u64,
    },
    /// The one-time code was wrong: nothing is counted, and the try is in the books.
    CodeWrong {
        command: String,
        by: PersonId,
        /// In words. Empty if the same code was tried before.
        said: CommandWords,
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
        /// What else waits for a second person.
        #[serde(default)]
        others: Vec<WaitsInBooks>,
    },
    /// The office waits for the bytes of the files.
    SendFiles {},
    /// What a command line printed. The bytes of `files` follow the answer.
    Printed {
        printed: Printed,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<SentFile>,
    },
    PersonalData {
        subject: DataSubject,
        records: Vec<ShownRecord>,
    },
    /// The vault has it.
    Sealed {
        subject: DataSubject,
    },
    PayoutAccounts {
        accounts: Vec<PayoutAccountLine>,
        /// How many more there are.
        more: usize,
    },
}

/// A record of the vault, in the clear. `Debug` shows no value.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownRecord {
    pub kind: PersonalDataKind,
    /// Texts by name.
    pub fields: Map<String, Value>,
}

impl fmt::Debug for ShownRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShownRecord({:?}, …)", self.kind)
    }
}

/// What a command line printed, as at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printed {
    /// To standard output.
    pub output: String,
    /// To standard error.
    pub errors: String,
    /// Whether its exit status is 0.
    pub succeeded: bool,
}

/// A seller's payout account, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAccountLine {
    /// The seller's reference.
    pub seller: String,
    pub currency: String,
    /// Of the account in force. `None` for one that waits, and where there is none.
    pub number: Option<u32>,
    /// `None` in a list, if there is no account, or if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// The proposal by which it waits for a second person.
    pub proposal: Option<u64>,
}

/// A settlement plan or a break's resolution that is in the books and waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitsInBooks {
    /// `None` for a plan that the calendar made: two persons approve it.
    pub proposed_by: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposer_name: Option<String>,
    /// The command line that approves it.
    pub approval: String,
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
    /// Under which the proposer sent it over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_key: Option<String>,
    /// Who is approving it. Stays only if the process ended in between.
    pub approval: Option<ProposalApproval>,
    /// Why the books refused it when it was approved.
    pub refusal: Option<RefusalWords>,
    /// Who proposed it: only in lists, never in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposer_name: Option<String>,
    /// In local time of the books: only in lists, never in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_at: Option<String>,
    /// What it would do: only in lists, never in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<CommandWords>,
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

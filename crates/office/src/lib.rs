//! The office: what persons ask for, as one request type, carried out on a node.
//!
//! A request is texts as a person types them. The office finds out who asks, fills in the fields
//! that follow from others, keeps a proposal until a second person approves it, and gives the
//! command to the books. The same requests come from the command line and over the office's socket.
//!
//! Never: rules of money (the books have them), printing, the choice of a language.
//!
//! Start at [`Request`] and [`Office::carry_out`], for files at [`Office::take`]. The short forms
//! are a [table](short_forms). The socket's server is in [`socket`], its other side in [`client`].

pub mod client;
pub mod descriptions;
pub mod fields;
pub mod sent_files;
pub mod short_forms;
pub mod socket;

mod accounts;
pub mod checkout;
pub mod closing;
mod codes;
mod currencies;
mod defaults;
mod error;
pub mod explaining;
mod file;
mod files_in_hand;
mod giving;
pub mod inbox;
pub mod offers;
mod office;
mod personal_data;
mod persons;
mod proposals;
mod refused;
mod request;
mod signed_in;
pub mod take;

pub use codes::{CODE_MAC, CodeMacOf};
pub use currencies::{RefusalInCurrency, amounts_in};
pub use defaults::{is_filled_in, is_given_by_two};
pub use error::{OfficeError, PersonsError, ProposalStoreError, SentFilesError};
pub use files_in_hand::FILES_IN_HAND;
pub use giving::Permits;
pub use office::{Office, OfficeOptions, OnEvents};
pub use personal_data::{Disclosure, finish_erasures, record_disclosure};
pub use persons::{PERSONS_FILE, Persons};
pub use proposals::{PROPOSALS, PROPOSALS_MAX, proposals_after, waiting_proposals};
pub use refused::{BooksRefusal, NamedPerson, RefusalDetail, SecondPerson};
pub use request::{
    CommandWords, Language, OfficeAnswer, PayoutAccountLine, Printed, Proposal, RefusalWords,
    Request, SentFile, ShownRecord, WaitsInBooks, Who,
};
pub use signed_in::{
    QuickAnswer, QuickCommand, SharedOffice, SignedInAnswer, SignedInCommand, SignedInGiver,
};
pub use take::FileSourceKind;

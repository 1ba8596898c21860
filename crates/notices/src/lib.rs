//! Notices: who is told what about the books, once, in order, by which channel.
//!
//! A follower of the journal writes notices into the outbox, by a table of events, audiences and
//! texts. The outbox says what is to be sent now and what an outcome means; it has no clock and no
//! socket. The driver's threads send.
//!
//! Never: a decision about the books; personal data, an address, a one-time code or a secret in the
//! outbox, in an error or in `Debug`.
//!
//! Start at [`Outbox`] and [`NoticeTable`]. docs/notices.md has the states, and what each channel
//! knows of what it sent.

pub mod limits;

mod announce;
mod book;
mod driver;
mod error;
mod event;
mod figures;
mod file;
mod follow;
mod lane;
mod outbox;
mod public_texts;
mod recipient;
mod rules;
mod sealing;
mod table;

pub use announce::OverdueNotice;
pub use announce::{Announcement, Announcer, NoticeSubjects};
pub use book::{
    AddressToAdd, AddressView, NOTICE_BOOK_STORE, NoticeBook, OpenedAddress, TableVersionView,
    WebhookSecrets,
};
pub use driver::{
    AddressSource, DriverEvent, DriverParts, KeptAddresses, NoticeBodies, NoticeBody, NoticeDriver,
    NoticeSender,
};
pub use error::NoticeError;
pub use event::{
    Audience, NOTICE_EVENTS, NoticeEventSpec, NoticeField, REPORT_CORRECTED, REPORT_PUBLISHED,
    event_named,
};
pub use figures::{ChannelFigures, NoticeFigures};
pub use file::{NOTICE_BOOK_FILE, OUTBOX_FILE};
pub use follow::{
    FollowedNotices, ToldPublication, notices_of, tell_of_file, tell_of_proposal,
    tell_of_publication,
};
pub use outbox::{
    DueNotice, DueNotices, DueRoom, FailedAttempt, NetworkNotices, NewNotice, NoticePart,
    NoticeQuery, NoticeRetry, NoticeState, NoticeView, OUTBOX_STORE, OpenNotices, Outbox,
    OutboxCounts,
};
pub use recipient::{Recipient, RecipientError};
pub use rules::{
    ChannelRules, DeliveryRules, NoticeChannel, QuietHours, QuietHoursError, ZoneOffsets,
};
pub use table::{NoticeTable, SHIPPED_TABLE, TableEntry, TableError, TableFault};

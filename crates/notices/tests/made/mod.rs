//! Positions of a journal and notices, as the tests of the outbox record them.

use journal::{ChainHash, JournalHead, Sequence};
use notices::{NewNotice, NoticeChannel, Recipient};

pub fn head(batch: u64) -> JournalHead {
    let hash = match batch {
        0 => ChainHash::ZERO,
        _ => ChainHash::new([u8::try_from(batch % 251).unwrap(); 32]),
    };
    JournalHead { sequence: Sequence::new(batch), hash }
}

/// A notice of the first command of a batch, that nothing holds back.
pub fn notice(batch: u64, recipient: Recipient, channel: NoticeChannel, at: u64) -> NewNotice {
    NewNotice {
        batch: Sequence::new(batch),
        command: 1,
        place: 1,
        recipient,
        owner: recipient,
        channel,
        others: Vec::new(),
        event: "payout.confirmed",
        fields: serde_json::Map::new(),
        table_version: 0,
        entry: 0,
        in_digest: false,
        ignores_quiet_hours: false,
        made_at_ms: at,
    }
}

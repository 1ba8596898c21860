//! Why connections end, counted.

use serde::Serialize;

/// Why a connection ended, or was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The other side closed it, or the network lost it.
    Gone,
    /// We asked for it: the switch, or a link that is no longer wanted.
    Asked,
    /// There are as many connections as there may be.
    Full,
    /// There are as many from this address as there may be.
    Address,
    /// It is of another user of this machine.
    Foreign,
    /// The TLS handshake failed: no certificate that we trust, or no TLS at all.
    Untrusted,
    /// Its certificate has none of the names that are let in.
    Name,
    /// The handshake, or connecting, took too long.
    Handshake,
    /// A message was begun and not finished in time.
    Slow,
    /// Nothing came for too long, or nothing at all.
    Idle,
    /// The other side does not read what we send.
    Unread,
    /// Bytes that are no message.
    Malformed,
    /// A message that is too long.
    Oversized,
    /// We are stopping.
    Stopping,
}

impl Why {
    const ALL: usize = 14;

    /// In words, for the operator.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Why::Gone => "the other side closed it",
            Why::Asked => "it was to be closed",
            Why::Full => "there are too many connections",
            Why::Address => "there are too many connections from its address",
            Why::Foreign => "it is of another user",
            Why::Untrusted => "its TLS handshake failed",
            Why::Name => "its certificate has a name that is not let in",
            Why::Handshake => "connecting took too long",
            Why::Slow => "its message took too long",
            Why::Idle => "it was silent for too long",
            Why::Unread => "it does not read what is sent",
            Why::Malformed => "it sent what is no message",
            Why::Oversized => "it sent a message that is too long",
            Why::Stopping => "this process is stopping",
        }
    }
}

/// How often connections ended, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endings([u64; Why::ALL]);

impl Endings {
    pub(crate) fn count(&mut self, why: Why) {
        self.0[why as usize] += 1;
    }

    /// How often it was for this reason.
    #[must_use]
    pub fn of(&self, why: Why) -> u64 {
        self.0[why as usize]
    }
}

impl Serialize for Endings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAMES: [&str; Why::ALL] = [
            "gone",
            "asked",
            "full",
            "address",
            "foreign",
            "untrusted",
            "name",
            "handshake",
            "slow",
            "idle",
            "unread",
            "malformed",
            "oversized",
            "stopping",
        ];
        serializer.collect_map(NAMES.iter().zip(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_is_counted_under_its_own_name_and_explained() {
        use Why as W;
        let all = [
            [W::Gone, W::Asked, W::Full, W::Address, W::Foreign, W::Untrusted, W::Name],
            [W::Handshake, W::Slow, W::Idle, W::Unread, W::Malformed, W::Oversized, W::Stopping],
        ];
        let page = include_str!("../../../docs/door/control.md");
        for why in all.concat() {
            let mut endings = Endings::default();
            endings.count(why);
            let shown = serde_json::to_value(endings).unwrap();
            assert_eq!(shown.as_object().unwrap().len(), all.concat().len());
            let name = format!("{why:?}").to_lowercase();
            assert_eq!(shown[&name], 1, "{name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}

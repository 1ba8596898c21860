//! Why connections end, and how often.

use serde::Serialize;

/// Why a connection ended or was refused. The names are keys of the status; docs/door/control.md
/// explains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side closed it, or the network lost it.
    Gone,
    /// This side closed it: at the switch's request, or because the link is not needed any more.
    Asked,
    /// The quota of its kind is full.
    Full,
    /// The quota of its address is full.
    Address,
    /// Its address has failed too often, or it failed itself from such an address.
    Failing,
    /// Another user of this machine opened it.
    Foreign,
    /// The TLS handshake failed: no certificate that is trusted, or no TLS.
    Untrusted,
    /// Its certificate's name is not in the list.
    Name,
    /// The handshake, or connecting, took too long.
    Handshake,
    /// A message did not end in time.
    Slow,
    /// No message came in time.
    Idle,
    /// The other side does not read what is sent.
    Unread,
    /// The bytes are no message.
    Malformed,
    /// The message is too long.
    Oversized,
    /// This process stops.
    Stopping,
}

impl CloseReason {
    const ALL: usize = 15;

    /// For the log.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            CloseReason::Gone => "the other side closed it",
            CloseReason::Asked => "this side closed it",
            CloseReason::Full => "there are too many connections",
            CloseReason::Address => "there are too many connections from its address",
            CloseReason::Failing => "too much has failed from its address",
            CloseReason::Foreign => "another user of this machine opened it",
            CloseReason::Untrusted => "its TLS handshake failed",
            CloseReason::Name => "the name in its certificate is not in the list",
            CloseReason::Handshake => "connecting took too long",
            CloseReason::Slow => "its message did not end in time",
            CloseReason::Idle => "it was silent for too long",
            CloseReason::Unread => "it does not read what is sent",
            CloseReason::Malformed => "it sent bytes that are no message",
            CloseReason::Oversized => "it sent a message that is too long",
            CloseReason::Stopping => "this process stops",
        }
    }
}

/// How many connections ended, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseCounts([u64; CloseReason::ALL]);

impl CloseCounts {
    pub(crate) fn add(&mut self, why: CloseReason) {
        self.0[why as usize] += 1;
    }

    #[must_use]
    pub fn get(&self, why: CloseReason) -> u64 {
        self.0[why as usize]
    }
}

impl Serialize for CloseCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAMES: [&str; CloseReason::ALL] = [
            "gone",
            "asked",
            "full",
            "address",
            "failing",
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
        use CloseReason as W;
        let all = [
            &[W::Gone, W::Asked, W::Full, W::Address, W::Failing, W::Foreign, W::Untrusted][..],
            &[W::Name, W::Handshake, W::Slow, W::Idle, W::Unread, W::Malformed, W::Oversized],
            &[W::Stopping],
        ];
        let page = include_str!("../../../docs/door/control.md");
        for why in all.concat() {
            let mut endings = CloseCounts::default();
            endings.add(why);
            let shown = serde_json::to_value(endings).unwrap();
            assert_eq!(shown.as_object().unwrap().len(), all.concat().len());
            let name = format!("{why:?}").to_lowercase();
            assert_eq!(shown[&name], 1, "{name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}

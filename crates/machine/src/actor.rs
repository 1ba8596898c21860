//! Who gives a command.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers;

identifiers! {
    /// A registered person.
    PersonId,
    /// A key of the API.
    ApiKeyId,
    /// A terminal gateway.
    GatewayId,
    TerminalId,
    /// A card network.
    NetworkId,
    WalletId,
}

/// Who gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Doorstep itself: a step of the business day, or a simulation.
    System,
    Person(PersonId),
    Key(ApiKeyId),
    Terminal(TerminalId),
    Gateway(GatewayId),
    Network(NetworkId),
    Wallet(WalletId),
}

/// The kind of an [`Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    System,
    Person,
    Key,
    Terminal,
    Gateway,
    Network,
    Wallet,
}

impl Actor {
    #[must_use]
    pub const fn kind(self) -> ActorKind {
        match self {
            Actor::System => ActorKind::System,
            Actor::Person(_) => ActorKind::Person,
            Actor::Key(_) => ActorKind::Key,
            Actor::Terminal(_) => ActorKind::Terminal,
            Actor::Gateway(_) => ActorKind::Gateway,
            Actor::Network(_) => ActorKind::Network,
            Actor::Wallet(_) => ActorKind::Wallet,
        }
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ActorKind::System => "system",
            ActorKind::Person => "person",
            ActorKind::Key => "API key",
            ActorKind::Terminal => "terminal",
            ActorKind::Gateway => "gateway",
            ActorKind::Network => "network",
            ActorKind::Wallet => "wallet",
        })
    }
}

pub const REQUEST_KEY_BYTES_MAX: usize = 64;

/// Stands between the identity of a request key and the digest of its request.
const DIGEST_MARK: char = '~';

/// A key that the sender chooses for a command. The same key with the same command is answered as
/// before and changes nothing. The text is `IDENTITY`, or `IDENTITY~DIGEST` where the command is
/// filled in from a request: the digest then says what was requested.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
pub struct RequestKey(String);

/// The text is no request key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKeyError;

impl fmt::Display for RequestKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a request key has 1 to {REQUEST_KEY_BYTES_MAX} printable ASCII characters")
    }
}

impl std::error::Error for RequestKeyError {}

impl RequestKey {
    /// A key of 1 to [`REQUEST_KEY_BYTES_MAX`] printable ASCII characters.
    ///
    /// # Errors
    /// For any other text.
    pub fn new(text: impl Into<String>) -> Result<RequestKey, RequestKeyError> {
        let text = text.into();
        let length = (1..=REQUEST_KEY_BYTES_MAX).contains(&text.len());
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if length && printable { Ok(RequestKey(text)) } else { Err(RequestKeyError) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes it the same key.
    #[must_use]
    pub fn identity(&self) -> &str {
        self.0.split(DIGEST_MARK).next().unwrap_or_default()
    }

    /// The digest of the request as it was sent.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.0.split_once(DIGEST_MARK).map(|(_, digest)| digest)
    }
}

impl BorshDeserialize for RequestKey {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<RequestKey> {
        let text = String::deserialize_reader(reader)?;
        RequestKey::new(text)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_key_is_short_and_printable() {
        assert!(RequestKey::new("7f3a-1").is_ok());
        let key = RequestKey::new("7f3a~d1").unwrap();
        assert_eq!((key.identity(), key.digest()), ("7f3a", Some("d1")));
        let key = RequestKey::new("7f3a").unwrap();
        assert_eq!((key.identity(), key.digest()), ("7f3a", None));
        for wrong in ["", "a b", "ключ", &"x".repeat(REQUEST_KEY_BYTES_MAX + 1)] {
            assert_eq!(RequestKey::new(wrong), Err(RequestKeyError), "{wrong}");
            let bytes = borsh::to_vec(wrong).unwrap();
            assert!(borsh::from_slice::<RequestKey>(&bytes).is_err());
        }
    }

    #[test]
    fn an_actor_in_json_names_its_kind() {
        let json = |actor: Actor| serde_json::to_string(&actor).unwrap();
        assert_eq!(json(Actor::System), r#""system""#);
        assert_eq!(json(Actor::Person(PersonId(u64::MAX))), r#"{"person":"18446744073709551615"}"#);
        let read: Actor = serde_json::from_str(r#"{"terminal":"7"}"#).unwrap();
        assert_eq!(read, Actor::Terminal(TerminalId(7)));
    }
}

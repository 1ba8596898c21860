//! Whom a notice is for, as a reference: no name, no address.

use std::fmt;
use std::str::FromStr;

use books::{CourierId, FirmId, NoticeOwner, ParcelId, PersonId, SellerId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    Seller(SellerId),
    Firm(FirmId),
    Courier(CourierId),
    Person(PersonId),
    /// Who gets this parcel. The address is in the vault.
    Buyer(ParcelId),
    /// The people who run Doorstep, as one: a robot of their chat, a shared mailbox.
    Staff,
    /// Everyone: a public account.
    Public,
    /// A webhook endpoint, by its number in the notice book.
    Endpoint(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no recipient; write seller:, firm:, courier:, person:, buyer: or endpoint: and an \
     id, or staff or public"
)]
pub struct RecipientError(pub String);

impl From<NoticeOwner> for Recipient {
    fn from(owner: NoticeOwner) -> Recipient {
        match owner {
            NoticeOwner::Seller(id) => Recipient::Seller(id),
            NoticeOwner::Firm(id) => Recipient::Firm(id),
            NoticeOwner::Courier(id) => Recipient::Courier(id),
            NoticeOwner::Buyer(id) => Recipient::Buyer(id),
            NoticeOwner::Staff => Recipient::Staff,
            NoticeOwner::Public => Recipient::Public,
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Seller(id) => write!(f, "seller:{id}"),
            Recipient::Firm(id) => write!(f, "firm:{id}"),
            Recipient::Courier(id) => write!(f, "courier:{id}"),
            Recipient::Person(id) => write!(f, "person:{id}"),
            Recipient::Buyer(id) => write!(f, "buyer:{id}"),
            Recipient::Staff => f.write_str("staff"),
            Recipient::Public => f.write_str("public"),
            Recipient::Endpoint(number) => write!(f, "endpoint:{number}"),
        }
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Recipient, RecipientError> {
        let parsed = match text.split_once(':') {
            None if text == "staff" => Some(Recipient::Staff),
            None if text == "public" => Some(Recipient::Public),
            None => None,
            Some(("seller", id)) => id.parse().ok().map(Recipient::Seller),
            Some(("firm", id)) => id.parse().ok().map(Recipient::Firm),
            Some(("courier", id)) => id.parse().ok().map(Recipient::Courier),
            Some(("person", id)) => id.parse().ok().map(Recipient::Person),
            Some(("buyer", id)) => id.parse().ok().map(Recipient::Buyer),
            Some(("endpoint", number)) => number.parse().ok().map(Recipient::Endpoint),
            Some(_) => None,
        };
        parsed.ok_or_else(|| RecipientError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_read_as_it_is_written() {
        for one in [
            Recipient::Seller(SellerId(7)),
            Recipient::Firm(FirmId(u64::MAX)),
            Recipient::Courier(CourierId(2)),
            Recipient::Person(PersonId(3)),
            Recipient::Buyer(ParcelId::new(77)),
            Recipient::Staff,
            Recipient::Public,
            Recipient::Endpoint(4),
        ] {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        for other in ["", "seller", "seller:", "seller:-1", "shop:7", "staff:1", "endpoint:x"] {
            assert!(other.parse::<Recipient>().is_err(), "{other}");
        }
    }
}

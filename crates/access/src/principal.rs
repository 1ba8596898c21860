//! The senders of requests: persons, API keys and buyers.

use books::{CourierId, FirmId, ParcelId, SellerId};
use machine::Actor;

/// A role and whose things it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessGrant {
    Administrator,
    Operator,
    Finance,
    /// Sees everything, changes nothing.
    Auditor,
    Hub,
    Courier(CourierId),
    Seller(SellerId),
    Firm(FirmId),
    Buyer(ParcelId),
}

/// A role without whose things it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessRole {
    Administrator,
    Operator,
    Finance,
    Auditor,
    Hub,
    Courier,
    Seller,
    Firm,
    Buyer,
}

impl AccessGrant {
    #[must_use]
    pub fn role(self) -> AccessRole {
        match self {
            AccessGrant::Administrator => AccessRole::Administrator,
            AccessGrant::Operator => AccessRole::Operator,
            AccessGrant::Finance => AccessRole::Finance,
            AccessGrant::Auditor => AccessRole::Auditor,
            AccessGrant::Hub => AccessRole::Hub,
            AccessGrant::Courier(_) => AccessRole::Courier,
            AccessGrant::Seller(_) => AccessRole::Seller,
            AccessGrant::Firm(_) => AccessRole::Firm,
            AccessGrant::Buyer(_) => AccessRole::Buyer,
        }
    }
}

impl AccessRole {
    /// In documents, answers and texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AccessRole::Administrator => "administrator",
            AccessRole::Operator => "operator",
            AccessRole::Finance => "finance",
            AccessRole::Auditor => "auditor",
            AccessRole::Hub => "hub",
            AccessRole::Courier => "courier",
            AccessRole::Seller => "seller",
            AccessRole::Firm => "firm",
            AccessRole::Buyer => "buyer",
        }
    }
}

/// How sure it is who sends a request, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// A signed link of a buyer.
    Link,
    Password,
    ApiKey,
    SecondFactor,
    /// The second factor was given again a moment ago (step-up).
    SteppedUp,
}

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who gives its commands.
    pub actor: Actor,
    pub grants: Vec<AccessGrant>,
    pub assurance: Assurance,
}

//! The senders of requests: persons, API keys and buyers.

use books::{CourierId, FirmId, GrantedRole, ParcelId, PersonId, SellerId};
use machine::Actor;

/// The one list of roles: each with whose things it covers and its name.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident $(($of:ty))? = $name:literal,)*) => {
        /// A role and whose things it covers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum AccessGrant {
            $($(#[$doc])* $role $(($of))?,)*
        }

        /// A role without whose things it covers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum AccessRole {
            $($(#[$doc])* $role,)*
        }

        /// The roles in the order of the columns of the table of rights.
        pub const ROLES: [AccessRole; [$($name),*].len()] = [$(AccessRole::$role),*];

        impl AccessGrant {
            #[must_use]
            pub fn role(self) -> AccessRole {
                match self {
                    $(AccessGrant::$role { .. } => AccessRole::$role,)*
                }
            }
        }

        impl AccessRole {
            /// In documents, answers and texts.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(AccessRole::$role => $name,)*
                }
            }
        }
    };
}

roles! {
    Administrator = "administrator",
    Operator = "operator",
    Finance = "finance",
    /// Sees everything, changes nothing.
    Auditor = "auditor",
    Hub = "hub",
    Courier(CourierId) = "courier",
    Seller(SellerId) = "seller",
    Firm(FirmId) = "firm",
    Buyer(ParcelId) = "buyer",
}

impl AccessGrant {
    /// A role of the books. `None` for a courier who is no person.
    #[must_use]
    pub fn of(role: GrantedRole, person: Option<PersonId>) -> Option<AccessGrant> {
        Some(match role {
            GrantedRole::Administrator => AccessGrant::Administrator,
            GrantedRole::Operator => AccessGrant::Operator,
            GrantedRole::Finance => AccessGrant::Finance,
            GrantedRole::Auditor => AccessGrant::Auditor,
            GrantedRole::Hub => AccessGrant::Hub,
            GrantedRole::Courier => AccessGrant::Courier(CourierId(person?.0)),
            GrantedRole::Seller(seller) => AccessGrant::Seller(seller),
            GrantedRole::Firm(firm) => AccessGrant::Firm(firm),
        })
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

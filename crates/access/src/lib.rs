//! Access: who signs in, as which roles, and what each role may do.
//!
//! A [`Principal`] is the sender of a request: a person in a session, or an API key. Its
//! [`AccessGrant`]s come from the books. [`Principal::may`] is the only place that decides what it
//! may do. Secrets are in the [`AccessStore`].
//!
//! Never: sockets, HTTP, rules of money; a password, token or key in an error, a log or `Debug`.

mod attempts;

mod error;
mod file;
mod id_token;
mod known;
pub mod limits;
mod linked;
mod objects;
mod passkeys;
mod passwords;
mod principal;
mod recording;
mod secrets;
mod sessions;
mod standing;
mod store;
mod table;
mod trial;
mod webauthn;

pub use error::{AccessDenied, AccessError, PasskeyRefused, SignInRefused};
pub use file::{ACCESS_FILE, ACCESS_STORE};
pub use id_token::{ExpectedIdToken, IdTokenFault, ProvenIdentity, ProviderKeys, verify_id_token};
pub use linked::{IdentitiesAfterReset, LinkedIdentity, LinkedSignIn};
pub use objects::{AccessObjects, MarketObject, ObjectSeller};
pub use passkeys::{NewPasskey, PasskeyAssertion, PasskeyRequest, PasskeyView};
pub use principal::{AccessGrant, AccessRole, Assurance, Principal, ROLES};
pub use secrets::{base32, code_at};
pub use sessions::SecondFactor;
pub use standing::{AccessBooks, AccessStanding, NodeBooks};
pub use store::{
    AccessStore, KeySecretView, NewSession, NewSignIn, SessionView, SignIn, SignInView,
    WaitingEvent, csrf_of,
};
pub use table::{AccessCell, AccessFunction, AccessScope, views};
pub use webauthn::{PasskeyFault, RelyingParty};

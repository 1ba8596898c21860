//! Signing in, and a person's own sign-in: passkeys, sessions, linked identities and the password.

use askama::Template;

use crate::PageFrame;
use crate::act::{ActLink, SecondFactorField};
use crate::cells::Cell;
use crate::portal::PortalTable;

/// What is asked for.
pub enum SignInStep {
    /// The name and the password, with a code or a passkey.
    Password {
        name: String,
        /// Where to go then.
        next: String,
        has_provider: bool,
    },
    /// The second factor, after a provider.
    SecondFactor,
}

/// The page for a sign-in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    pub frame: PageFrame,
    pub step: SignInStep,
    pub error: Option<String>,
}

impl SignInPage {
    fn lead(&self) -> &'static str {
        self.frame.t(match self.step {
            SignInStep::Password { .. } => "sign_in.lead",
            SignInStep::SecondFactor => "sign_in.second_lead",
        })
    }

    fn action(&self) -> &'static str {
        match self.step {
            SignInStep::Password { .. } => "/sign-in",
            SignInStep::SecondFactor => "/sign-in/second-factor",
        }
    }

    fn passkey(&self) -> &'static str {
        match self.step {
            SignInStep::Password { .. } => "/v1/sign-in-passkey",
            SignInStep::SecondFactor => "/v1/sign-in-provider/second-factor",
        }
    }

    fn next(&self) -> &str {
        match &self.step {
            SignInStep::Password { next, .. } => next,
            SignInStep::SecondFactor => "/",
        }
    }

    fn has_provider(&self) -> bool {
        matches!(self.step, SignInStep::Password { has_provider: true, .. })
    }
}

/// Goes on to the first page by itself. A browser that comes from another site sends the cookie of
/// the session only from a page of ours on.
#[derive(Template)]
#[template(path = "signed_in.html")]
pub struct SignedInPage {
    pub frame: PageFrame,
}

/// One passkey, session or linked identity.
pub struct OwnSignInLine {
    pub number: u64,
    pub name: String,
    pub cells: Vec<String>,
    /// A copy of the passkey was used.
    pub is_suspect: bool,
}

/// All passkeys, sessions or linked identities of a person.
pub struct OwnSignInTable {
    pub title: &'static str,
    pub note: &'static str,
    pub columns: Vec<&'static str>,
    pub lines: Vec<OwnSignInLine>,
    /// What takes one away: the value of the field `act`. Empty: nothing does.
    pub act: &'static str,
    pub button: &'static str,
}

/// A person's own sign-in.
#[derive(Template)]
#[template(path = "access.html")]
pub struct OwnSignInPage {
    pub frame: PageFrame,
    pub done: Option<&'static str>,
    pub error: Option<String>,
    /// Where the session has not given it for a while.
    pub second_factor: Option<SecondFactorField>,
    pub tables: Vec<OwnSignInTable>,
}

impl OwnSignInPage {
    fn csrf(&self) -> &str {
        self.frame.csrf()
    }
}

/// A person: roles, keys, and how the person signs in.
#[derive(Template)]
#[template(path = "person.html")]
pub struct PersonPage {
    pub frame: PageFrame,
    pub list: String,
    pub acts: Vec<ActLink>,
    /// The person is removed.
    pub state: Option<&'static str>,
    pub facts: Vec<Cell>,
    pub tables: Vec<PortalTable>,
    /// Empty for who does not see them.
    pub sign_ins: Vec<OwnSignInTable>,
    /// Where the session has not given it for a while, and could end something.
    pub second_factor: Option<SecondFactorField>,
    /// The address of its forms.
    pub path: String,
}

impl PersonPage {
    fn csrf(&self) -> &str {
        self.frame.csrf()
    }
}

//! Who pays and who is paid: names, accounts, banks.

use std::fmt;
use std::str::FromStr;

use super::{InitiationError, Subject, TEXT_CHARS_MAX, reference, text};

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The name of the account's holder, at most [`TEXT_CHARS_MAX`] characters of any script.
    pub name: String,
    /// The account.
    pub account: Account,
    /// The bank that keeps it.
    pub agent: Agent,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By its IBAN.
    Iban(Iban),
    /// By another number, as in China, India and most of the Americas.
    Other {
        /// The number, at most 34 characters.
        id: String,
        /// What kind of number it is, where the bank asks for that.
        scheme: Option<AccountScheme>,
    },
}

/// What kind of number an account's is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountScheme {
    /// A code of ISO 20022's external list, at most 4 characters: `BBAN`.
    Code(String),
    /// A name that the bank gave, at most 35 characters.
    Proprietary(String),
}

/// A bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agent {
    /// By its BIC.
    Bic(Bic),
    /// By its number in a clearing system.
    Clearing {
        /// A code of ISO 20022's external list, at most 5 characters: `CNAPS`, `INFSC`, `USABA`.
        system: String,
        /// The bank's number there, at most 35 characters.
        member: String,
    },
    /// By another name, at most 35 characters; `NOTPROVIDED` where the account says it all.
    Other(String),
}

/// An International Bank Account Number with right check digits (ISO 13616).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iban(String);

/// A Business Identifier Code (ISO 9362).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic(String);

/// A text that is no IBAN or no BIC. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not of the form of an IBAN.
    #[error("this is no IBAN: two letters, two digits, then 11 to 30 letters and digits")]
    IbanForm,
    /// An IBAN with a slip of the pen.
    #[error("the check digits of this IBAN are wrong; look for a digit that is missing or swapped")]
    IbanCheck,
    /// Not of the form of a BIC.
    #[error("this is no BIC: 8 or 11 capitals and digits, for example BKCHCNBJ")]
    Bic,
}

impl Iban {
    /// As banks exchange it, without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Iban {
    type Err = IdentifierError;

    /// Reads an IBAN, with or without spaces between its groups.
    fn from_str(text: &str) -> Result<Iban, IdentifierError> {
        let iban: String = text.chars().filter(|&c| c != ' ').take(35).collect();
        let bytes = iban.as_bytes();
        let form = (15..=34).contains(&bytes.len())
            && bytes[..2].iter().all(u8::is_ascii_uppercase)
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[4..].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !form {
            return Err(IdentifierError::IbanForm);
        }
        // The first four characters go to the end, letters count from 10, the whole is 1 modulo 97.
        let remainder = bytes[4..].iter().chain(&bytes[..4]).fold(0_u32, |remainder, &b| {
            if b.is_ascii_digit() {
                (remainder * 10 + u32::from(b - b'0')) % 97
            } else {
                (remainder * 100 + u32::from(b - b'A') + 10) % 97
            }
        });
        if remainder == 1 { Ok(Iban(iban)) } else { Err(IdentifierError::IbanCheck) }
    }
}

impl fmt::Debug for Iban {
    /// The country and the last four: enough to find it, too little to use it in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…{}", &self.0[..2], &self.0[self.0.len() - 4..])
    }
}

impl Bic {
    /// As banks exchange it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Bic {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Bic, IdentifierError> {
        let capital_or_digit = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let form = matches!(bytes.len(), 8 | 11)
            && bytes.iter().all(capital_or_digit)
            && bytes[4..6].iter().all(u8::is_ascii_uppercase);
        if form { Ok(Bic(text.to_owned())) } else { Err(IdentifierError::Bic) }
    }
}

/// What the schema and banks allow of a party.
pub fn check(what: &'static str, of: Subject, party: &Party) -> Result<(), InitiationError> {
    let [name, account, scheme, bank, system] = match what {
        "debtor" => [
            "debtor's name",
            "debtor's account",
            "debtor's scheme",
            "debtor's bank",
            "clearing system",
        ],
        _ => [
            "creditor's name",
            "creditor's account",
            "creditor's scheme",
            "creditor's bank",
            "clearing system",
        ],
    };
    text(name, of, &party.name, TEXT_CHARS_MAX)?;
    if let Account::Other { id, scheme: kind } = &party.account {
        reference(account, of, id, 34)?;
        match kind {
            None => {}
            Some(AccountScheme::Code(code)) => reference(scheme, of, code, 4)?,
            Some(AccountScheme::Proprietary(own)) => reference(scheme, of, own, 35)?,
        }
    }
    match &party.agent {
        Agent::Bic(_) => Ok(()),
        Agent::Clearing { system: code, member } => {
            reference(system, of, code, 5)?;
            reference(bank, of, member, 35)
        }
        Agent::Other(id) => reference(bank, of, id, 35),
    }
}

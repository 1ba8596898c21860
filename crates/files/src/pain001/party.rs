//! Debtors and creditors: names, accounts, banks.

use std::fmt;
use std::str::FromStr;

use super::{CreditTransferError, CreditTransferPart, TEXT_CHARS_MAX, reference, text};

/// A debtor or creditor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The account holder's name: at most [`TEXT_CHARS_MAX`] characters of any script.
    pub name: String,
    pub account: BankAccount,
    /// The account's bank.
    pub agent: BankAgent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankAccount {
    Iban(Iban),
    /// A national account number, as in China, India and most of the Americas.
    Other {
        /// At most 34 characters.
        id: String,
        /// Some banks require it.
        scheme: Option<AccountScheme>,
    },
}

/// The kind of an account number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountScheme {
    /// A code of ISO 20022's external list, at most 4 characters: `BBAN`.
    Code(String),
    /// A name agreed with the bank, at most 35 characters.
    Proprietary(String),
}

/// A bank (ISO 20022: financial institution agent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankAgent {
    Bic(Bic),
    /// A member of a national clearing system.
    Clearing {
        /// A code of ISO 20022's external list, at most 5 characters: `CNAPS`, `INFSC`, `USABA`.
        system: String,
        /// At most 35 characters.
        member: String,
    },
    /// At most 35 characters; `NOTPROVIDED` if the account alone identifies the bank.
    Other(String),
}

/// An International Bank Account Number with valid check digits (ISO 13616).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iban(String);

/// The lengths of IBANs by country: the registry that SWIFT keeps for ISO 13616, release 99.
const IBAN_LENGTHS: [(&str, usize); 89] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// A Business Identifier Code (ISO 9362).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic(String);

/// Why a text is not an IBAN or a BIC. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BankIdentifierError {
    #[error("not an IBAN: write two letters, two digits, then 11 to 30 letters and digits")]
    IbanForm,
    #[error("no country with these first two letters has IBANs; check the beginning of the IBAN")]
    IbanCountry,
    #[error("this IBAN has {length} characters; IBANs of its country have {expected}")]
    IbanLength { length: usize, expected: usize },
    #[error("the check digits of this IBAN are wrong; look for a missing or swapped digit")]
    IbanCheck,
    #[error("not a bank code: CNAPS codes have 12 digits")]
    CnapsForm,
    #[error("the last digit of this bank code does not fit the others; look for a wrong digit")]
    CnapsCheck,
    #[error("not a BIC: write 8 or 11 capitals and digits, for example BKCHCNBJ")]
    Bic,
}

impl Iban {
    /// Without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Iban {
    type Err = BankIdentifierError;

    /// Accepts spaces between the groups.
    fn from_str(text: &str) -> Result<Iban, BankIdentifierError> {
        let iban: String = text.chars().filter(|&c| c != ' ').take(35).collect();
        let bytes = iban.as_bytes();
        let form = (15..=34).contains(&bytes.len())
            && bytes[..2].iter().all(u8::is_ascii_uppercase)
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[4..].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !form {
            return Err(BankIdentifierError::IbanForm);
        }
        let length = bytes.len();
        let country = IBAN_LENGTHS.iter().find(|(country, _)| iban.starts_with(country));
        match country {
            None => return Err(BankIdentifierError::IbanCountry),
            Some(&(_, expected)) if expected != length => {
                return Err(BankIdentifierError::IbanLength { length, expected });
            }
            Some(_) => {}
        }
        // ISO 7064 mod 97-10: the first four characters move to the end, A counts as 10.
        let remainder = bytes[4..].iter().chain(&bytes[..4]).fold(0_u32, |remainder, &b| {
            if b.is_ascii_digit() {
                (remainder * 10 + u32::from(b - b'0')) % 97
            } else {
                (remainder * 100 + u32::from(b - b'A') + 10) % 97
            }
        });
        if remainder == 1 { Ok(Iban(iban)) } else { Err(BankIdentifierError::IbanCheck) }
    }
}

/// The code of a bank's branch in China's national payment system (CNAPS): 12 digits, the last of
/// which checks the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CnapsCode(String);

impl CnapsCode {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CnapsCode {
    type Err = BankIdentifierError;

    fn from_str(text: &str) -> Result<CnapsCode, BankIdentifierError> {
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BankIdentifierError::CnapsForm);
        }
        // ISO 7064 mod 11,10.
        let (digits, last) = text.as_bytes().split_at(11);
        let product = digits.iter().fold(10, |product, b| match (product + b - b'0') % 10 {
            0 => 20 % 11,
            sum => sum * 2 % 11,
        });
        let fits = (product + last[0] - b'0') % 10 == 1;
        if fits { Ok(CnapsCode(text.to_owned())) } else { Err(BankIdentifierError::CnapsCheck) }
    }
}

impl fmt::Debug for Iban {
    /// Shows the country and the last four characters only: logs must not hold whole accounts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…{}", &self.0[..2], &self.0[self.0.len() - 4..])
    }
}

impl Bic {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Bic {
    type Err = BankIdentifierError;

    fn from_str(text: &str) -> Result<Bic, BankIdentifierError> {
        let capital_or_digit = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let form = matches!(bytes.len(), 8 | 11)
            && bytes.iter().all(capital_or_digit)
            && bytes[4..6].iter().all(u8::is_ascii_uppercase);
        if form { Ok(Bic(text.to_owned())) } else { Err(BankIdentifierError::Bic) }
    }
}

/// Checks a party against the schema's lengths and character sets.
pub fn check(
    what: &'static str,
    of: CreditTransferPart,
    party: &Party,
) -> Result<(), CreditTransferError> {
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
    if let BankAccount::Other { id, scheme: kind } = &party.account {
        reference(account, of, id, 34)?;
        match kind {
            None => {}
            Some(AccountScheme::Code(code)) => reference(scheme, of, code, 4)?,
            Some(AccountScheme::Proprietary(own)) => reference(scheme, of, own, 35)?,
        }
    }
    match &party.agent {
        BankAgent::Bic(_) => Ok(()),
        BankAgent::Clearing { system: code, member } => {
            reference(system, of, code, 5)?;
            reference(bank, of, member, 35)
        }
        BankAgent::Other(id) => reference(bank, of, id, 35),
    }
}

//! A bank account to which payouts go, or from which they come.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use files::pain001::{
    BankAccount, BankAgent, BankIdentifierError, Bic, CnapsCode, Iban, Party, TEXT_CHARS_MAX,
    TextProblem, check_text,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

pub const ACCOUNT_DIGITS_MIN: usize = 6;
pub const ACCOUNT_DIGITS_MAX: usize = 32;
/// The code of CNAPS in ISO 20022's list of clearing systems.
const CNAPS: &str = "CNAPS";
/// An IBAN says which bank has the account.
const BANK_BY_IBAN: &str = "NOTPROVIDED";

/// An account as a person writes it: an IBAN, or a bank code with an account number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountForm {
    /// The account holder's.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    /// Beside an IBAN, if a bank asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// CNAPS: 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<String>,
    /// Beside a bank code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Drop for AccountForm {
    fn drop(&mut self) {
        self.name.zeroize();
        for text in [&mut self.iban, &mut self.bic, &mut self.bank_code, &mut self.account] {
            text.zeroize();
        }
    }
}

impl fmt::Debug for AccountForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountForm(…)")
    }
}

/// Why a form is no account. The error does not repeat what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("the account holder's name {0}")]
    Name(TextProblem),
    #[error("give either an IBAN (--iban), or a bank code and an account (--bank-code, --account)")]
    NotOneAccount,
    #[error("a BIC stands beside an IBAN only: the bank code says which bank it is")]
    BicWithBankCode,
    #[error(transparent)]
    Bank(#[from] BankIdentifierError),
    #[error(
        "not an account number: it must have {ACCOUNT_DIGITS_MIN} to {ACCOUNT_DIGITS_MAX} digits, \
         and nothing else"
    )]
    AccountNumber,
}

/// A checked account, in the form in which banks write it.
#[derive(Clone, PartialEq, Eq)]
pub struct PayoutAccount {
    form: AccountForm,
}

impl fmt::Debug for PayoutAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayoutAccount(…{})", self.last_four())
    }
}

impl PayoutAccount {
    /// Checks a form. Spaces in an IBAN or an account number do not count.
    ///
    /// # Errors
    /// What is wrong, without repeating it.
    pub fn new(mut form: AccountForm) -> Result<PayoutAccount, AccountError> {
        let name = form.name.trim().to_owned();
        form.name.zeroize();
        form.name = name;
        check_text(&form.name, TEXT_CHARS_MAX).map_err(AccountError::Name)?;
        let without_spaces = |text: &mut Option<String>| {
            if let Some(text) = text {
                text.retain(|c| c != ' ');
            }
        };
        without_spaces(&mut form.iban);
        without_spaces(&mut form.account);
        let account = PayoutAccount { form };
        account.parts()?;
        Ok(account)
    }

    /// Reads what [`PayoutAccount::to_bytes`] wrote. `None` if it is no account.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<PayoutAccount> {
        PayoutAccount::new(borsh::from_slice(bytes).ok()?).ok()
    }

    /// The plain text that is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>> {
        // Enough for all fields, so that no part of a smaller buffer stays behind.
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(4 * TEXT_CHARS_MAX + 256));
        borsh::to_writer(&mut *bytes, &self.form).expect("a vector takes every byte");
        bytes
    }

    #[must_use]
    pub fn form(&self) -> &AccountForm {
        &self.form
    }

    /// What a list shows of it.
    #[must_use]
    pub fn last_four(&self) -> &str {
        let number = self.form.iban.as_ref().or(self.form.account.as_ref());
        let number = number.map_or("", String::as_str);
        number.get(number.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// As a payment message names it.
    #[must_use]
    pub fn party(&self) -> Party {
        let (account, agent) = self.parts().expect("the form was checked");
        Party { name: self.form.name.clone(), account, agent }
    }

    fn parts(&self) -> Result<(BankAccount, BankAgent), AccountError> {
        let AccountForm { iban, bic, bank_code, account, .. } = &self.form;
        match (iban, bank_code, account) {
            (Some(iban), None, None) => {
                let account = BankAccount::Iban(iban.parse::<Iban>()?);
                let bic = bic.as_ref().map(|bic| bic.parse::<Bic>()).transpose()?;
                let unnamed = || BankAgent::Other(BANK_BY_IBAN.to_owned());
                Ok((account, bic.map_or_else(unnamed, BankAgent::Bic)))
            }
            (None, Some(_), Some(_)) if bic.is_some() => Err(AccountError::BicWithBankCode),
            (None, Some(code), Some(id)) => {
                let member = code.parse::<CnapsCode>()?.as_str().to_owned();
                let digits = id.bytes().all(|b| b.is_ascii_digit());
                if !digits || !(ACCOUNT_DIGITS_MIN..=ACCOUNT_DIGITS_MAX).contains(&id.len()) {
                    return Err(AccountError::AccountNumber);
                }
                let account = BankAccount::Other { id: id.clone(), scheme: None };
                Ok((account, BankAgent::Clearing { system: CNAPS.to_owned(), member }))
            }
            _ => Err(AccountError::NotOneAccount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(iban: &str, bank_code: &str, account: &str) -> AccountForm {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AccountForm {
            name: " 王小明 ".to_owned(),
            iban: some(iban),
            bic: None,
            bank_code: some(bank_code),
            account: some(account),
        }
    }

    #[test]
    fn an_account_is_an_iban_or_a_bank_code_with_a_number() {
        let iban = PayoutAccount::new(form("GB82 WEST 1234 5698 7654 32", "", "")).unwrap();
        assert_eq!((iban.last_four(), iban.party().name.as_str()), ("5432", "王小明"));
        let cnaps =
            PayoutAccount::new(form("", "102100099996", "0200 0010 1902 0098 765")).unwrap();
        assert_eq!(cnaps.last_four(), "8765");
        assert_eq!(PayoutAccount::from_bytes(&cnaps.to_bytes()), Some(cnaps));
        for (form, error) in [
            (form("", "", ""), AccountError::NotOneAccount),
            (form("GB82WEST12345698765432", "102100099996", ""), AccountError::NotOneAccount),
            (form("", "102100099996", ""), AccountError::NotOneAccount),
            (form("", "102100099996", "12345"), AccountError::AccountNumber),
            (form("", "102100099996", &"1".repeat(33)), AccountError::AccountNumber),
            (form("", "102100099996", "12345678X"), AccountError::AccountNumber),
            (form("", "1021", "12345678"), BankIdentifierError::CnapsForm.into()),
            (form("GB82WEST12345698765433", "", ""), BankIdentifierError::IbanCheck.into()),
        ] {
            assert_eq!(PayoutAccount::new(form), Err(error));
        }
        let named = |name: &str| {
            let mut form = form("GB82WEST12345698765432", "", "");
            form.name = name.to_owned();
            PayoutAccount::new(form)
        };
        assert_eq!(named(" "), Err(AccountError::Name(TextProblem::Empty)));
        assert!(matches!(named("a\u{7}"), Err(AccountError::Name(TextProblem::Character(_)))));
    }

    #[test]
    fn debug_output_has_no_account() {
        let form = form("GB82WEST12345698765432", "", "");
        let shown = format!("{form:?} {:?}", PayoutAccount::new(form.clone()));
        assert_eq!(shown, "AccountForm(…) Ok(PayoutAccount(…5432))");
    }
}

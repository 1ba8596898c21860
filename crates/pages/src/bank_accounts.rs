//! The bank accounts of a seller.

use askama::Template;

use crate::PageFrame;
use crate::act::{ActLink, SecondFactorField};
use crate::portal::PortalTable;

/// An account in the clear.
pub struct ShownAccount {
    pub currency: String,
    /// It waits for a second person.
    pub waits: bool,
    /// The label and the value of each field.
    pub fields: Vec<(&'static str, String)>,
}

/// The accounts, masked, and a form that shows them in the clear.
#[derive(Template)]
#[template(path = "bank_accounts.html")]
pub struct BankAccountsPage {
    pub frame: PageFrame,
    pub seller: String,
    pub seller_href: String,
    pub acts: Vec<ActLink>,
    pub table: PortalTable,
    pub shown: Vec<ShownAccount>,
    /// The batch until which the books have recorded who is shown them.
    pub recorded: Option<String>,
    pub can_show: bool,
    /// Why they are looked at; none to choose from for the seller itself.
    pub purposes: Vec<(&'static str, String)>,
    pub second_factor: Option<SecondFactorField>,
    /// Who changes them.
    pub note: &'static str,
    pub path: String,
}

impl BankAccountsPage {
    fn recorded_text(&self, batch: &str) -> String {
        self.frame.words.fill("bank.recorded", &[("batch", &batch)])
    }
}

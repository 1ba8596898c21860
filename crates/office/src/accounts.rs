//! Payout accounts. The account is in the vault; proposals and the journal have its digest.

use books::{Books, Command, SellerId, SetPayoutAccount, Sha256Digest};
use money::Currency;
use serde_json::{Map, Value};
use vault::{AccountForm, PayoutAccount, RecordKind, RecordName, Subject, VaultError};

use crate::error::OfficeError;
use crate::office::{BooksFacts, Office, OfficeResult};
use crate::request::{OfficeAnswer, PayoutAccountLine};

/// The command that says which account a seller is paid to.
pub(crate) const SET_PAYOUT_ACCOUNT: &str = "SetPayoutAccount";
/// Of the accounts that one answer lists.
const ACCOUNTS_LISTED_MAX: usize = 10_000;

fn record_name(seller: SellerId, currency: Currency) -> RecordName {
    RecordName { subject: Subject::Seller(seller), kind: RecordKind::PayoutAccount(currency) }
}

/// The sealed record to which the fields of a command refer.
fn sealed(command: &str, fields: &Map<String, Value>) -> Option<(RecordName, Sha256Digest)> {
    if command != SET_PAYOUT_ACCOUNT {
        return None;
    }
    let text = |field| fields.get(field).and_then(Value::as_str);
    let name = record_name(text("seller")?.parse().ok()?, text("currency")?.parse().ok()?);
    Some((name, text("digest")?.parse().ok()?))
}

fn seller_id(seller: &str, facts: &BooksFacts) -> Option<SellerId> {
    let id = seller.parse().ok();
    id.or_else(|| facts.parties.id("SellerId", seller).map(SellerId))
}

impl Office {
    /// Seals an account that a person entered, and returns the fields of its command.
    pub(crate) fn seal_account(
        &mut self,
        seller: &str,
        currency: &str,
        account: AccountForm,
        approved_by: Option<String>,
        facts: &BooksFacts,
    ) -> OfficeResult<Map<String, Value>> {
        let unknown = || OfficeError::NoSellerAccount {
            seller: seller.to_owned(),
            currency: currency.to_owned(),
        };
        let id = seller_id(seller, facts).ok_or_else(unknown)?;
        let currency: Currency = currency.parse().map_err(|_| unknown())?;
        let account = PayoutAccount::new(account)?;
        let numbered = move |books: &Books| {
            let (number, digest) = (1, Sha256Digest([0; 32]));
            let (proposed_by, approved_by) = Default::default();
            books.next_number(&Command::SetPayoutAccount(SetPayoutAccount {
                seller: id,
                currency,
                number,
                digest,
                proposed_by,
                approved_by,
            }))
        };
        let known = self.options.client.query(move |engine| numbered(engine.books()))?.0;
        known.ok_or_else(unknown)?;
        let digest = self.options.vault.seal(record_name(id, currency), &account.to_bytes())?;
        let mut fields = Map::new();
        fields.insert("seller".to_owned(), id.to_string().into());
        fields.insert("currency".to_owned(), currency.code().into());
        fields.insert("digest".to_owned(), Sha256Digest(digest).to_string().into());
        fields.extend(approved_by.map(|person| ("approved_by".to_owned(), person.into())));
        Ok(fields)
    }

    /// Before a command is approved that refers to a sealed record: the vault keeps the record.
    pub(crate) fn approve_account(
        &mut self,
        command: &str,
        fields: &Map<String, Value>,
    ) -> OfficeResult<()> {
        match sealed(command, fields) {
            Some((name, digest)) => Ok(self.options.vault.approve(name, &digest.0)?),
            None => Ok(()),
        }
    }

    /// After a command is not wanted any more: nobody needs the record, unless another proposal
    /// refers to it.
    pub(crate) fn forget_account(
        &mut self,
        command: &str,
        fields: &Map<String, Value>,
    ) -> OfficeResult<()> {
        let Some(record) = sealed(command, fields) else { return Ok(()) };
        for number in self.store.numbers()? {
            let other = self.proposal(number)?;
            if sealed(&other.command, &other.fields) == Some(record) {
                return Ok(());
            }
        }
        Ok(self.options.vault.forget(record.0, &record.1.0)?)
    }

    /// The accounts in force and those that wait, of one seller or of all.
    pub(crate) fn payout_accounts(
        &mut self,
        seller: Option<&str>,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        let only = seller.map(|seller| self.known_seller(seller, facts)).transpose()?;
        let only = only.map(|(id, _)| id);
        let look = move |engine: &engine::Engine| {
            let books = engine.books();
            let wanted = |id: &SellerId| only.is_none_or(|only| only == *id);
            let all = books.seller_accounts().filter(|(id, _)| wanted(id));
            let one = |(id, currency)| (id, currency, books.payout_account(id, currency));
            let named = all.map(one).map(|(id, currency, account)| {
                let reference = books.seller_reference(id).unwrap_or_default().to_owned();
                (id, reference, currency, account)
            });
            named.collect::<Vec<_>>()
        };
        let all = self.options.client.query(look)?.0;
        let mut waiting = Vec::new();
        for number in self.store.numbers()? {
            let proposal = self.proposal(number)?;
            waiting
                .extend(sealed(&proposal.command, &proposal.fields).map(|record| (record, number)));
        }
        let (mut accounts, mut more) = (Vec::new(), 0);
        for (id, reference, currency, account) in all {
            let name = record_name(id, currency);
            let now = account.map(|account| (account.digest, Some(account.number), None));
            let later = waiting.iter().filter(|((other, _), _)| *other == name);
            let later = later.map(|((_, digest), number)| (*digest, None, Some(*number)));
            let of_seller: Vec<_> = now.into_iter().chain(later).collect();
            if accounts.len() >= ACCOUNTS_LISTED_MAX {
                more += of_seller.len().max(1);
                continue;
            }
            let line = |number, proposal, last_four| PayoutAccountLine {
                seller: reference.clone(),
                currency: currency.code().to_owned(),
                number,
                last_four,
                proposal,
            };
            if of_seller.is_empty() {
                accounts.push(line(None, None, None));
            }
            for (digest, number, proposal) in of_seller {
                let last_four = self.last_four(name, digest)?;
                accounts.push(line(number, proposal, last_four));
            }
        }
        Ok(OfficeAnswer::PayoutAccounts { accounts, more })
    }

    fn last_four(
        &mut self,
        name: RecordName,
        digest: Sha256Digest,
    ) -> OfficeResult<Option<String>> {
        match self.options.vault.open(name, &digest.0) {
            Ok(bytes) => {
                let account = PayoutAccount::from_bytes(&bytes);
                let account = account.ok_or(VaultError::Damaged(name))?;
                Ok(Some(account.last_four().to_owned()))
            }
            Err(VaultError::NoRecord(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn erase_seller(
        &mut self,
        seller: &str,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        let (id, seller) = self.known_seller(seller, facts)?;
        let found = self.options.vault.erase(Subject::Seller(id))?;
        Ok(OfficeAnswer::SellerErased { seller, found })
    }

    /// A registered seller's id and reference.
    fn known_seller(
        &mut self,
        seller: &str,
        facts: &BooksFacts,
    ) -> OfficeResult<(SellerId, String)> {
        let id = seller_id(seller, facts);
        let reference = move |engine: &engine::Engine| {
            let id = id?;
            Some((id, engine.books().seller_reference(id)?.to_owned()))
        };
        let known = self.options.client.query(reference)?.0;
        known.ok_or_else(|| OfficeError::NoSeller { seller: seller.to_owned() })
    }
}

//! Payout accounts. The account is in the vault; proposals and the journal have its digest.

use std::collections::BTreeSet;

use books::{
    Command, DataSubject, DisclosurePurpose, ErasePayoutAccount, MissingRecord, PersonId,
    PersonalDataKind, Refusal, SellerId, Sha256Digest,
};
use engine::Actor;
use money::Currency;
use serde_json::{Map, Value};
use vault::{AccountForm, PayoutAccount, RecordDigest, RecordKind, RecordName, VaultError};

use crate::currencies::RefusalInCurrency;
use crate::error::OfficeError;
use crate::office::{BooksFacts, Office, OfficeResult};
use crate::personal_data::Disclosure;
use crate::request::{OfficeAnswer, PayoutAccountLine};

/// The command that says which account a seller is paid to.
pub(crate) const SET_PAYOUT_ACCOUNT: &str = "SetPayoutAccount";
/// The command that ends it.
pub(crate) const ERASE_PAYOUT_ACCOUNT: &str = "ErasePayoutAccount";
/// Of the accounts that one answer lists.
const ACCOUNTS_LISTED_MAX: usize = 10_000;

/// Who sees the last four characters of accounts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastFour {
    Hidden,
    /// Somebody, after the books have recorded that.
    RecordedFor(Actor),
    /// The seller whose accounts they are.
    ToSubject,
}

pub(crate) fn record_name(seller: SellerId, currency: Currency) -> RecordName {
    RecordName { subject: DataSubject::Seller(seller), kind: RecordKind::PayoutAccount(currency) }
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

/// Whose account a command erases.
pub(crate) fn erased(command: &engine::Command) -> Option<(SellerId, Currency)> {
    match command.of_books() {
        Some(Command::ErasePayoutAccount(one)) => Some((one.seller, one.currency)),
        _ => None,
    }
}

fn seller_id(seller: &str, facts: &BooksFacts) -> Option<SellerId> {
    let known = facts.parties.id("SellerId", seller).map(SellerId);
    known.or_else(|| seller.parse().ok())
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
        let (id, currency) = self.seller_account(seller, currency, facts)?;
        let account = PayoutAccount::new(account)?;
        let digest = self.options.vault.seal(record_name(id, currency), &account.to_bytes())?;
        Ok(account_fields((id, currency), Sha256Digest(digest), approved_by))
    }

    /// A registered seller in one of the seller's currencies.
    fn seller_account(
        &mut self,
        seller: &str,
        currency: &str,
        facts: &BooksFacts,
    ) -> OfficeResult<(SellerId, Currency)> {
        let unknown = || OfficeError::NoSellerAccount {
            seller: seller.to_owned(),
            currency: currency.to_owned(),
        };
        let id = seller_id(seller, facts).ok_or_else(unknown)?;
        let currency: Currency = currency.parse().map_err(|_| unknown())?;
        let look = move |engine: &engine::Engine| {
            engine.books().seller_accounts().any(|one| one == (id, currency))
        };
        let known = self.options.client.query(look)?.0;
        if known { Ok((id, currency)) } else { Err(unknown()) }
    }

    /// The fields of the command that erases the account in force. `None` if it was erased before:
    /// then the vault has it no more either.
    pub(crate) fn account_in_force(
        &mut self,
        seller: &str,
        currency: &str,
        approved_by: Option<String>,
        facts: &BooksFacts,
    ) -> OfficeResult<Option<Map<String, Value>>> {
        let (id, currency) = self.seller_account(seller, currency, facts)?;
        let look = move |engine: &engine::Engine| {
            let books = engine.books();
            let nothing = ErasePayoutAccount {
                seller: id,
                currency,
                number: 0,
                digest: Sha256Digest([0; 32]),
                proposed_by: PersonId(0),
                approved_by: PersonId(0),
            };
            let number = books.next_number(&Command::ErasePayoutAccount(nothing));
            (books.payout_account(id, currency), number > Some(1))
        };
        let (in_force, had_one) = self.options.client.query(look)?.0;
        match in_force {
            Some(account) => Ok(Some(account_fields((id, currency), account.digest, approved_by))),
            None if had_one => self.erase_account(id, currency).map(|()| None),
            None => {
                let refusal = Refusal::NotFound(MissingRecord::PayoutAccount).into();
                let refusal = RefusalInCurrency { refusal, currency: Some(currency) };
                Err(OfficeError::Refused {
                    command: ERASE_PAYOUT_ACCOUNT.to_owned(),
                    refusal: refusal.into(),
                })
            }
        }
    }

    /// Erases what the vault has of a seller in a currency, unless an account is in force.
    pub(crate) fn erase_account(&mut self, id: SellerId, currency: Currency) -> OfficeResult<()> {
        let look =
            move |engine: &engine::Engine| engine.books().payout_account(id, currency).is_some();
        if !self.options.client.query(look)?.0 {
            self.options.vault.erase(record_name(id, currency))?;
        }
        Ok(())
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
        if self.sealed_proposals()?.iter().any(|(name, digest, _)| (*name, *digest) == record) {
            return Ok(());
        }
        Ok(self.options.vault.forget(record.0, &record.1.0)?)
    }

    /// As `Office::seal_account`, for somebody who signed in.
    ///
    /// # Errors
    /// There is no such seller, the form is no account, or the vault cannot be written.
    pub fn seal_account_signed_in(
        &mut self,
        seller: &str,
        currency: &str,
        account: AccountForm,
    ) -> OfficeResult<Map<String, Value>> {
        let wanted = BTreeSet::from([("SellerId".to_owned(), seller.to_owned())]);
        let facts = self.facts(wanted)?;
        self.seal_account(seller, currency, account, None, &facts)
    }

    /// After a command with these fields was given or refused: an account that no proposal waits
    /// for is not kept.
    ///
    /// # Errors
    /// The vault cannot be written.
    pub fn forget_account_signed_in(&mut self, fields: &Map<String, Value>) -> OfficeResult<()> {
        self.forget_account(SET_PAYOUT_ACCOUNT, fields)
    }

    /// The accounts in force and those that wait, without a digit of any, for somebody who signed
    /// in.
    ///
    /// # Errors
    /// The proposals cannot be read.
    pub fn payout_accounts_signed_in(&mut self) -> OfficeResult<OfficeAnswer> {
        self.payout_accounts(None, LastFour::Hidden)
    }

    /// As [`Office::payout_accounts_signed_in`], of one seller. The seller itself sees the last
    /// four characters: that discloses nothing to anybody else.
    ///
    /// # Errors
    /// There is no such seller; the proposals or the vault cannot be read.
    pub fn payout_accounts_of(
        &mut self,
        seller: SellerId,
        to_subject: bool,
    ) -> OfficeResult<OfficeAnswer> {
        // Without its key nothing can be read, and the rest is shown.
        let last_four = match to_subject && self.options.vault.has_key() {
            true => LastFour::ToSubject,
            false => LastFour::Hidden,
        };
        self.payout_accounts(Some(seller), last_four)
    }

    /// The accounts of a seller that wait for a second person, and their proposals.
    pub(crate) fn waiting_accounts(
        &self,
        seller: SellerId,
    ) -> OfficeResult<Vec<(RecordName, Sha256Digest, u64)>> {
        let mut waiting = self.sealed_proposals()?;
        waiting.retain(|(name, ..)| name.subject == DataSubject::Seller(seller));
        Ok(waiting)
    }

    /// The accounts that wait for a second person, and their proposals.
    fn sealed_proposals(&self) -> OfficeResult<Vec<(RecordName, Sha256Digest, u64)>> {
        let mut waiting = Vec::new();
        for number in self.store.numbers()? {
            let proposal = self.proposal(number)?;
            let record = sealed(&proposal.command, &proposal.fields);
            waiting.extend(record.map(|(name, digest)| (name, digest, number)));
        }
        Ok(waiting)
    }

    /// The accounts that the books have, and those that wait for a second person. One in the books
    /// may not be marked as approved: the process can end between the journal's sync and the mark.
    pub(crate) fn accounts_to_keep(&self) -> OfficeResult<Vec<(RecordName, RecordDigest)>> {
        let in_books = |engine: &engine::Engine| {
            let books = engine.books();
            let of = |(seller, currency)| {
                let name = record_name(seller, currency);
                let digests = books.payout_account_digests(seller, currency);
                digests.map(move |digest| (name, digest.0))
            };
            books.seller_accounts().flat_map(of).collect::<Vec<_>>()
        };
        let mut kept = self.options.client.query(in_books)?.0;
        let waiting = self.sealed_proposals()?;
        kept.extend(waiting.into_iter().map(|(name, digest, _)| (name, digest.0)));
        Ok(kept)
    }

    /// The accounts in force and those that wait, of one seller or of all.
    pub(crate) fn payout_accounts(
        &mut self,
        only: Option<SellerId>,
        last_four: LastFour,
    ) -> OfficeResult<OfficeAnswer> {
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
        let waiting = self.sealed_proposals()?;
        if last_four != LastFour::Hidden && !self.options.vault.has_key() {
            return Err(VaultError::NoKey.into());
        }
        if let LastFour::RecordedFor(by) = last_four {
            let waits = |id: &SellerId, currency: &Currency| {
                waiting.iter().any(|(name, ..)| *name == record_name(*id, *currency))
            };
            let shown = all
                .iter()
                .filter(|(id, _, currency, account)| account.is_some() || waits(id, currency));
            let subjects: BTreeSet<_> = shown.map(|(id, ..)| DataSubject::Seller(*id)).collect();
            let shown = Disclosure {
                subjects: subjects.into_iter().collect(),
                kind: PersonalDataKind::PayoutAccount,
                purpose: DisclosurePurpose::Payout,
            };
            self.disclose(shown, by)?;
        }
        let each = all.into_iter().map(|(id, reference, currency, account)| {
            let name = record_name(id, currency);
            let now = account.map(|account| (account.digest, Some(account.number), None));
            let later = waiting.iter().filter(|(other, ..)| *other == name);
            let later = later.map(|(_, digest, number)| (*digest, None, Some(*number)));
            let of_seller: Vec<_> = now.into_iter().chain(later).collect();
            (name, reference, currency, of_seller)
        });
        // Sellers without an account come last: they are what may be left out.
        let mut each: Vec<_> = each.collect();
        each.sort_by_key(|(.., of_seller)| of_seller.is_empty());
        let (mut accounts, mut more) = (Vec::new(), 0);
        for (name, reference, currency, of_seller) in each {
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
                let shown = match last_four {
                    LastFour::Hidden => None,
                    _ => self.last_four(name, digest)?,
                };
                accounts.push(line(number, proposal, shown));
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

    /// A registered seller's id.
    pub(crate) fn known_seller(&self, seller: &str, facts: &BooksFacts) -> OfficeResult<SellerId> {
        let id = seller_id(seller, facts);
        let known = move |engine: &engine::Engine| {
            id.filter(|id| engine.books().seller_reference(*id).is_some())
        };
        let known = self.options.client.query(known)?.0;
        known.ok_or_else(|| OfficeError::NoSeller { seller: seller.to_owned() })
    }
}

/// The fields of a command about an account of a seller in a currency.
fn account_fields(
    (seller, currency): (SellerId, Currency),
    digest: Sha256Digest,
    approved_by: Option<String>,
) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("seller".to_owned(), seller.to_string().into());
    fields.insert("currency".to_owned(), currency.code().into());
    fields.insert("digest".to_owned(), digest.to_string().into());
    fields.extend(approved_by.map(|person| ("approved_by".to_owned(), person.into())));
    fields
}

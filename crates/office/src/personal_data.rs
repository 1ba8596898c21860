//! Personal data: shown after a command says so, and erased after two people decided so.

use std::collections::BTreeSet;
use std::path::Path;

use books::{
    Command, DISCLOSED_SUBJECTS_MAX, DataSubject, DisclosurePurpose, ErasureOrder, ParcelId,
    PersonalDataKind, RecordDisclosure, Refusal, Sha256Digest,
};
use engine::Actor;
use files::orders::BuyerDetails;
use node::{Clock, NodeClient, SystemClock};
use serde_json::{Map, Value};
use vault::{
    IdentityDocument, PayoutAccount, RecordDigest, RecordKind, RecordName, Vault, VaultError,
    delivery_of,
};

use crate::accounts::record_name;
use crate::error::OfficeError;
use crate::fields::WantedParty;
use crate::giving::{Giving, Looks, Outcome};
use crate::office::{BooksFacts, Office, OfficeResult};
use crate::persons::Persons;
use crate::request::{OfficeAnswer, Request, ShownRecord, Who};

const ERASE_SUBJECT: &str = "EraseSubject";
/// Parcels that the books are asked for at once.
const PARCELS_AT_ONCE: usize = 10_000;

/// Others who record something at the same moment take the number first.
const NUMBERS_TRIED_MAX: usize = 100;

/// A record that the vault has.
struct SealedRecordName {
    kind: PersonalDataKind,
    name: RecordName,
    /// Where a subject can have several of the kind.
    digest: Option<RecordDigest>,
    /// The proposal by which an account waits for a second person.
    proposal: Option<u64>,
}

/// Which personal data are shown, and why.
#[derive(Clone, Debug)]
pub struct Disclosure {
    pub subjects: Vec<DataSubject>,
    pub kind: PersonalDataKind,
    pub purpose: DisclosurePurpose,
}

/// Records that somebody is shown personal data. Once this returns it is durable, and the data can
/// be shown.
///
/// # Errors
/// The books refuse it, or the node has stopped: nothing may be shown.
pub fn record_disclosure(
    client: &mut NodeClient,
    data: &Path,
    shown: &Disclosure,
    by: Actor,
) -> OfficeResult<()> {
    let Disclosure { subjects, kind, purpose } = shown;
    for subjects in subjects.chunks(DISCLOSED_SUBJECTS_MAX) {
        let (subjects, kind, purpose) = (subjects.to_vec(), *kind, *purpose);
        record_one(client, data, RecordDisclosure { number: 0, subjects, kind, purpose }, by)?;
    }
    Ok(())
}

fn record_one(
    client: &mut NodeClient,
    data: &Path,
    mut record: RecordDisclosure,
    by: Actor,
) -> OfficeResult<()> {
    let mut tried = 0;
    loop {
        let asked = Command::RecordDisclosure(record.clone());
        let next = client.query(move |engine| engine.books().next_number(&asked))?.0;
        record.number = next.and_then(|next| u32::try_from(next).ok()).unwrap_or_default();
        let mut giving = Giving { looks: Looks::Durable(&mut *client), data, code_mac: None };
        let given = giving.execute(record.clone().into(), by, None);
        tried += 1;
        match given {
            Ok(Outcome::CarriedOut(..)) => return Ok(()),
            // Another showing of the same took the number: each is recorded.
            Ok(_) if tried < NUMBERS_TRIED_MAX => {}
            Ok(_) => return Err(OfficeError::Malformed("no number is free".to_owned())),
            Err(OfficeError::Refused { refusal, .. })
                if tried < NUMBERS_TRIED_MAX && is_number_taken(&refusal.refusal.refusal) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_number_taken(refusal: &engine::Refusal) -> bool {
    let engine::Refusal::Books(refusal) = refusal else { return false };
    matches!(refusal, Refusal::NumberUsed(_) | Refusal::NumberForgotten(_))
}

/// The parties that a subject as typed names: `seller:REFERENCE`, or `parcel:` and an id, a waybill
/// or SELLER/ORDER.
pub(crate) fn wanted_of(subject: &str) -> BTreeSet<WantedParty> {
    let seller = match subject.split_once(':') {
        Some(("seller", seller)) => Some(seller),
        Some(("parcel", parcel)) => parcel.split_once('/').map(|(seller, _)| seller),
        _ => None,
    };
    seller.map(|seller| ("SellerId".to_owned(), seller.to_owned())).into_iter().collect()
}

/// Whether a command has somebody erased.
pub(crate) fn erases(command: &engine::Command) -> bool {
    matches!(command.of_books(), Some(Command::EraseSubject(_)))
}

/// Carries out in the vault what the books have decided and a crash has interrupted.
///
/// # Errors
/// The list of erasures lacks some that the books no longer remember; a file cannot be written; the
/// node has stopped.
pub fn finish_erasures(client: &NodeClient, vault: &mut Vault) -> OfficeResult<()> {
    let look = |engine: &engine::Engine| {
        let books = engine.books();
        (books.erasure_count(), books.latest_erasures().collect::<Vec<_>>())
    };
    let (count, latest) = client.query(look)?.0;
    Ok(vault.erase_subjects(latest, count, SystemClock.now())?)
}

/// Erases the details of buyers whose parcels the books have forgotten, or never had because an
/// import ended in between.
fn erase_forgotten(client: &NodeClient, vault: &mut Vault) -> OfficeResult<()> {
    let sealed = vault.parcels()?;
    for some in sealed.chunks(PARCELS_AT_ONCE) {
        let some = some.to_vec();
        let look = move |engine: &engine::Engine| -> Vec<ParcelId> {
            let is_unknown = |id: &ParcelId| engine.books().parcel_view(*id).is_none();
            some.into_iter().filter(is_unknown).collect()
        };
        vault.erase_deliveries(&client.query(look)?.0)?;
    }
    Ok(())
}

impl Office {
    fn subject(&self, typed: &str, facts: &BooksFacts) -> OfficeResult<DataSubject> {
        let unknown = || OfficeError::NoDataSubject { subject: typed.to_owned() };
        match typed.split_once(':').ok_or_else(unknown)? {
            ("seller", seller) => Ok(DataSubject::Seller(self.known_seller(seller, facts)?)),
            ("parcel", parcel) => {
                let id = facts.parties.parcel(parcel).and_then(|id| id.parse().ok());
                id.map(DataSubject::Buyer).ok_or_else(unknown)
            }
            _ => Err(unknown()),
        }
    }

    /// The requests about personal data.
    pub(crate) fn carry_out_personal_data(
        &mut self,
        request: Request,
        who: &Who,
        persons: &Persons,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        match request {
            Request::ShowPersonalData { subject, purpose } => {
                self.show_personal_data((&subject, purpose), who, facts)
            }
            Request::EnterIdentity { seller, identity } => {
                self.enter_identity(&seller, identity, who, facts)
            }
            Request::EraseSubject { subject, ordered_by, approved_by } => {
                let fields = self.erasure_fields(&subject, ordered_by, approved_by, facts)?;
                self.give(ERASE_SUBJECT, &fields, who, persons, facts)
            }
            _ => Err(OfficeError::Malformed("not about personal data".to_owned())),
        }
    }

    /// Shows what the vault has of a subject, after the books have recorded that.
    fn show_personal_data(
        &mut self,
        (typed, purpose): (&str, DisclosurePurpose),
        who: &Who,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        let by = Actor::Person(self.registered(who)?);
        let subject = self.subject(typed, facts)?;
        let records = self.show(subject, typed, purpose, by)?;
        Ok(OfficeAnswer::PersonalData { subject, records })
    }

    /// What a subject as typed is: `seller:REFERENCE`, or `parcel:` and an id, a waybill or
    /// SELLER/ORDER.
    ///
    /// # Errors
    /// The books have no such seller or parcel.
    pub fn subject_signed_in(&self, typed: &str) -> OfficeResult<DataSubject> {
        self.subject(typed, &self.facts(wanted_of(typed))?)
    }

    /// Shows what the vault has of a subject to somebody who signed in, after the books have
    /// recorded that. `typed` names the subject in an error.
    ///
    /// # Errors
    /// The vault has nothing, or cannot be opened; the books refuse.
    pub fn show(
        &mut self,
        subject: DataSubject,
        typed: &str,
        purpose: DisclosurePurpose,
        by: Actor,
    ) -> OfficeResult<Vec<ShownRecord>> {
        if !self.options.vault.has_key() {
            return Err(VaultError::NoKey.into());
        }
        let names = self.records_of(subject)?;
        if names.is_empty() {
            return Err(OfficeError::NoPersonalData { subject: typed.to_owned() });
        }
        let kinds: BTreeSet<PersonalDataKind> = names.iter().map(|one| one.kind).collect();
        for kind in kinds {
            self.disclose(Disclosure { subjects: vec![subject], kind, purpose }, by)?;
        }
        let mut records = Vec::new();
        for SealedRecordName { kind, name, digest, proposal } in names {
            let vault = &mut self.options.vault;
            let bytes = match digest {
                Some(digest) => Some(vault.open(name, &digest)?),
                None => vault.open_only(name)?,
            };
            let bytes = bytes.ok_or(VaultError::NoRecord(name))?;
            let shown = shown(name, kind, &bytes);
            let mut shown = shown.ok_or(VaultError::Damaged(name))?;
            let proposal = proposal.map(|number| ("proposal".to_owned(), number.into()));
            shown.fields.extend(proposal);
            records.push(shown);
        }
        Ok(records)
    }

    /// Records that somebody is shown personal data.
    pub(crate) fn disclose(&mut self, shown: Disclosure, by: Actor) -> OfficeResult<()> {
        record_disclosure(&mut self.options.client, &self.options.data, &shown, by)
    }

    /// The records that the vault has of a subject.
    fn records_of(&mut self, subject: DataSubject) -> OfficeResult<Vec<SealedRecordName>> {
        let mut names = Vec::new();
        let (kind, only) = match subject {
            DataSubject::Buyer(_) => (PersonalDataKind::Delivery, RecordKind::Delivery),
            DataSubject::Seller(_) => (PersonalDataKind::Identity, RecordKind::Identity),
        };
        let name = RecordName { subject, kind: only };
        if self.options.vault.has(name)? {
            names.push(SealedRecordName { kind, name, digest: None, proposal: None });
        }
        let DataSubject::Seller(seller) = subject else { return Ok(names) };
        let look = move |engine: &engine::Engine| {
            let books = engine.books();
            let of_seller = books.seller_accounts().filter(|(id, _)| *id == seller);
            let account =
                |(id, currency)| Some((currency, books.payout_account(id, currency)?.digest));
            of_seller.filter_map(account).collect::<Vec<_>>()
        };
        let account = |name, digest: Sha256Digest, proposal| {
            let (kind, digest) = (PersonalDataKind::PayoutAccount, Some(digest.0));
            SealedRecordName { kind, name, digest, proposal }
        };
        for (currency, digest) in self.options.client.query(look)?.0 {
            names.push(account(record_name(seller, currency), digest, None));
        }
        for (name, digest, proposal) in self.waiting_accounts(seller)? {
            names.push(account(name, digest, Some(proposal)));
        }
        Ok(names)
    }

    /// Seals a seller's identity document. It replaces the one before.
    fn enter_identity(
        &mut self,
        seller: &str,
        identity: IdentityDocument,
        who: &Who,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        self.registered(who)?;
        let subject = DataSubject::Seller(self.known_seller(seller, facts)?);
        let identity = identity.checked()?;
        let name = RecordName { subject, kind: RecordKind::Identity };
        self.options.vault.replace(name, &identity.to_bytes())?;
        Ok(OfficeAnswer::Sealed { subject })
    }

    /// The fields of the command that erases a subject.
    fn erasure_fields(
        &mut self,
        typed: &str,
        ordered_by: Option<ErasureOrder>,
        approved_by: Option<String>,
        facts: &BooksFacts,
    ) -> OfficeResult<Map<String, Value>> {
        let subject = self.subject(typed, facts)?;
        let mut fields = Map::new();
        fields.insert("subject".to_owned(), json(&subject));
        fields.extend(ordered_by.map(|order| ("ordered_by".to_owned(), json(&order))));
        fields.extend(approved_by.map(|person| ("approved_by".to_owned(), person.into())));
        Ok(fields)
    }

    /// What a crash interrupted, and what the books no longer know.
    pub(crate) fn erase_what_is_due(&mut self) -> OfficeResult<()> {
        self.finish_erasures()?;
        let kept = self.accounts_to_keep()?;
        self.options.vault.forget_accounts_but(&kept)?;
        erase_forgotten(&self.options.client, &mut self.options.vault)
    }

    pub(crate) fn finish_erasures(&mut self) -> OfficeResult<()> {
        finish_erasures(&self.options.client, &mut self.options.vault)
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a declared type is JSON")
}

/// What is shown of a record. `None` if it is damaged.
fn shown(name: RecordName, kind: PersonalDataKind, bytes: &[u8]) -> Option<ShownRecord> {
    let mut fields = Map::new();
    let mut add = |field: &str, value: String| {
        if !value.is_empty() {
            fields.insert(field.to_owned(), value.into());
        }
    };
    match name.kind {
        RecordKind::Delivery => {
            let BuyerDetails { name, phone, address } = delivery_of(bytes)?;
            add("name", name);
            add("phone", phone);
            add("address", address);
        }
        RecordKind::Identity => {
            let identity = IdentityDocument::from_bytes(bytes)?;
            add("document", json(&identity.document).as_str()?.to_owned());
            add("number", identity.number.clone());
        }
        RecordKind::PayoutAccount(currency) => {
            let account = PayoutAccount::from_bytes(bytes)?;
            let Value::Object(account) = json(account.form()) else { return None };
            add("currency", currency.code().to_owned());
            fields.extend(account);
        }
    }
    Some(ShownRecord { kind, fields })
}

//! The waybills of an import, for the labels on the parcels: with the buyers of the vault, if they
//! are asked for and the books have recorded that they are shown.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use books::{DataSubject, DisclosurePurpose, ParcelId, PersonId, PersonalDataKind};
use engine::Actor;
use files::orders::{BuyerDetails, OrderParcel};
use files::waybills::{WaybillRow, write_waybills};
use host::control::user_id;
use office::{Disclosure, OfficeError, Persons};
use vault::{RecordKind, RecordName, VaultError, delivery_of};

use super::ImportGiver;
use crate::setup::FIRST_PERSONS;
use crate::texts::text;
use crate::words::Lang;

/// Who is shown the buyers: whoever sent the orders, or the registered person who runs the import.
pub fn reader(giver: &ImportGiver<'_>, data: &Path) -> anyhow::Result<Actor> {
    if !giver.vault.has_key() {
        bail!(text(Lang::current(), "buyers.no_key"));
    }
    if !matches!(giver.by, Actor::System) {
        return Ok(giver.by);
    }
    let user = user_id();
    let person = Persons::read(data)?.of_user(user);
    let look = move |engine: &engine::Engine| {
        let books = engine.books();
        let registered: Vec<PersonId> =
            books.persons().filter(|(_, removed)| !removed).map(|(one, _)| one).collect();
        // One user acts as all persons of trial books, also before they are opened.
        let is_real = !books.is_trial() && !registered.is_empty();
        let anybody = registered.first().copied().unwrap_or(FIRST_PERSONS[0]);
        let person = person.or_else(|| (!is_real).then_some(anybody));
        person.filter(|one| registered.is_empty() || registered.contains(one))
    };
    match giver.client.query(look)?.0 {
        Some(person) => Ok(Actor::Person(person)),
        None => Err(OfficeError::UserNotMapped { user }.into()),
    }
}

/// Writes the waybills of parcels. With `shown_to`, also who gets them.
pub fn write(
    giver: &mut ImportGiver<'_>,
    (data, file): (&Path, &PathBuf),
    parcels: Vec<(&OrderParcel, &ParcelId)>,
    shown_to: Option<Actor>,
) -> anyhow::Result<usize> {
    let record = |parcel: ParcelId| RecordName {
        subject: DataSubject::Buyer(parcel),
        kind: RecordKind::Delivery,
    };
    if let Some(by) = shown_to {
        let mut subjects = Vec::new();
        for (_, parcel) in &parcels {
            if giver.vault.has(record(**parcel))? {
                subjects.push(DataSubject::Buyer(**parcel));
            }
        }
        let (kind, purpose) = (PersonalDataKind::Delivery, DisclosurePurpose::Delivery);
        let shown = Disclosure { subjects, kind, purpose };
        office::record_disclosure(giver.client, data, &shown, by)?;
    }
    let mut rows = Vec::new();
    for (order, parcel) in parcels {
        let opened = match shown_to {
            Some(_) => giver.vault.open_only(record(*parcel))?,
            None => None,
        };
        let damaged = || VaultError::Damaged(record(*parcel));
        let read = |bytes: &[u8]| delivery_of(bytes).ok_or_else(damaged);
        let buyer: Option<BuyerDetails> = opened.map(|bytes| read(&bytes)).transpose()?;
        rows.push(WaybillRow { order, waybill: switch::waybill::write(*parcel), buyer });
    }
    write_waybills(file, rows, shown_to.is_some()).context("--waybills")
}

//! The parties that a request can name, and the identifiers behind their references.

use std::collections::{BTreeSet, HashMap};

use books::{
    BankId, Books, CourierId, FirmId, NetworkId, ParcelId, REFERENCE_BYTES_MAX, RailId, SellerId,
    TariffId, WalletId,
};
use market::{OfferId, VariantId};
use money::Currency;

use super::WantedParty;
use crate::persons::Persons;

/// Finds a party: by the id that is derived from its reference, or among all of its type.
fn find(books: &Books, id_type: &str, reference: &str) -> Option<(&'static str, u64)> {
    let is = |found: Option<&str>| found == Some(reference);
    let rail = |kind: fn(RailId) -> Option<u64>| {
        let mut rails = books.rail_views().filter(|rail| rail.reference == reference);
        rails.find_map(|rail| kind(rail.id))
    };
    Some(match id_type {
        "SellerId" => {
            let derived = SellerId::derived(reference);
            let found = Some(derived).filter(|id| is(books.seller_reference(*id)));
            ("SellerId", found.or_else(|| books.seller_by_reference(reference))?.0)
        }
        "CourierId" => {
            let derived = CourierId::derived(reference);
            let found = Some(derived).filter(|id| is(books.courier_reference(*id)));
            ("CourierId", found.or_else(|| books.courier_by_reference(reference))?.0)
        }
        "FirmId" => ("FirmId", books.firms().find(|(_, of)| *of == reference)?.0.0),
        "BankId" => ("BankId", books.banks().find(|(_, of)| *of == reference)?.0.0),
        "NetworkId" => {
            let id = rail(|id| if let RailId::Network(one) = id { Some(one.0) } else { None });
            ("NetworkId", id?)
        }
        "WalletId" => {
            let id = rail(|id| if let RailId::Wallet(one) = id { Some(one.0) } else { None });
            ("WalletId", id?)
        }
        _ => return None,
    })
}

/// The ids of parties in the books, by the name of their id's type and the operator's reference,
/// and of persons by their name in lower case.
#[derive(Debug, Default)]
pub struct KnownParties(pub(super) HashMap<(&'static str, String), u64>);

impl KnownParties {
    /// The ids behind these references, each with the name of its id's type, and of all bank
    /// accounts and tariffs. Most ids are derived from their reference; other parties are looked
    /// for.
    #[must_use]
    pub fn of(books: &Books, wanted: &BTreeSet<WantedParty>) -> KnownParties {
        let found = wanted.iter().filter_map(|(id_type, reference)| {
            let (id_type, id) = find(books, id_type, reference)?;
            Some(((id_type, reference.clone()), id))
        });
        let banks = books.banks().map(|(bank, name)| (("BankId", name.to_owned()), bank.0));
        let tariffs = books.tariffs().map(|(id, name, currency)| {
            let name = currency.map_or_else(|| name.to_owned(), |only| tariff_key(name, only));
            (("TariffId", name), id.0)
        });
        KnownParties(found.chain(banks).chain(tariffs).collect())
    }

    /// The id of a party that the books have.
    pub(super) fn known(&self, id_type: &'static str, reference: &str) -> Option<u64> {
        self.0.get(&(id_type, reference.to_owned())).copied()
    }

    /// The published tariffs by name, with the currency of each that is for one only.
    pub(crate) fn tariffs(&self) -> Vec<&str> {
        let tariffs = self.0.keys().filter(|(id_type, _)| *id_type == "TariffId");
        let mut names: Vec<&str> = tariffs.map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The name of a published tariff: as it was given, or with the currency of the command or the
    /// only one that it has.
    pub(crate) fn tariff(&self, given: &str, currency: Option<&str>) -> Option<&str> {
        let all = self.tariffs();
        let in_currency = currency.map(|currency| format!("{given} {currency}"));
        let is = |wanted: &str| all.iter().copied().find(|name| *name == wanted);
        let mut named =
            all.iter().filter(|name| name.rsplit_once(' ').is_some_and(|(name, _)| name == given));
        let only = || named.next().copied().filter(|_| named.next().is_none());
        is(given).or_else(|| in_currency.as_deref().and_then(is)).or_else(only)
    }

    pub(crate) fn add_names(&mut self, persons: &Persons) {
        let named = persons.iter().filter_map(|(person, name, _)| Some((person, name?)));
        let by_name = named.map(|(person, name)| (("PersonId", name.to_lowercase()), person.0));
        self.0.extend(by_name);
    }

    /// The books' bank account, if there is one only.
    pub(crate) fn only_bank(&self) -> Option<u64> {
        let mut banks = self.0.iter().filter(|((id_type, _), _)| *id_type == "BankId");
        match (banks.next(), banks.next()) {
            (Some((_, bank)), None) => Some(*bank),
            _ => None,
        }
    }

    /// The parcel's id behind an id, a waybill, or SELLER/ORDER: of the order's first shipment.
    pub(crate) fn parcel(&self, given: &str) -> Option<String> {
        if let Ok(id) = given.parse::<ParcelId>() {
            return Some(id.to_string());
        }
        if let Ok(id) = switch::waybill::read(given.as_bytes()) {
            return Some(id.to_string());
        }
        let (seller, order) = given.split_once('/')?;
        let seller = self.0.get(&("SellerId", seller.to_owned())).copied()?;
        if order.len() > REFERENCE_BYTES_MAX {
            return None;
        }
        Some(ParcelId::derived(SellerId(seller), order).to_string())
    }

    /// The id behind a reference: of a party in the books, or else the id that is derived from it.
    #[must_use]
    pub fn id(&self, id_type: &str, reference: &str) -> Option<u64> {
        let known = |id_type| self.known(id_type, reference);
        Some(match id_type {
            "BankId" => known("BankId").unwrap_or_else(|| BankId::derived(reference).0),
            "NetworkId" => known("NetworkId").unwrap_or_else(|| NetworkId::derived(reference).0),
            "WalletId" => known("WalletId").unwrap_or_else(|| WalletId::derived(reference).0),
            "CourierId" => known("CourierId").unwrap_or_else(|| CourierId::derived(reference).0),
            "FirmId" => known("FirmId").unwrap_or_else(|| FirmId::derived(reference).0),
            "SellerId" => known("SellerId").unwrap_or_else(|| SellerId::derived(reference).0),
            "TariffId" => known("TariffId").unwrap_or_else(|| TariffId::derived(reference).0),
            "OfferId" => self.offer(reference)?.0,
            "VariantId" => {
                let (offer, sku) = reference.rsplit_once('/')?;
                VariantId::of_sku(self.offer(offer)?, sku).0
            }
            "PersonId" => {
                let name = reference.split_whitespace().collect::<Vec<_>>().join(" ");
                let named = self.0.get(&("PersonId", name.to_lowercase())).copied();
                // A courier is a person with the courier's id.
                return named.or_else(|| known("CourierId"));
            }
            _ => return None,
        })
    }
}

impl KnownParties {
    /// The offer behind SELLER/REFERENCE.
    fn offer(&self, text: &str) -> Option<OfferId> {
        let (seller, reference) = text.split_once('/')?;
        let seller = match seller.parse() {
            Ok(id) => id,
            Err(_) => self.id("SellerId", seller)?,
        };
        Some(OfferId::of_reference(SellerId(seller), reference))
    }
}

/// How a tariff of one currency is named.
fn tariff_key(name: &str, currency: Currency) -> String {
    format!("{name} {currency}")
}

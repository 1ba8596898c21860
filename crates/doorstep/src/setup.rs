//! The commands that new books need before parcels can be announced.

use std::collections::{BTreeMap, BTreeSet};

use books::{
    BankId, Command, HoldRule, Jurisdiction, OpenBooks, PersonId, PublishTariff, RegisterBank,
    RegisterSeller, SellerId, SellerKind, SetHoldRule, SettlementCycle, TariffId,
};
use files::orders::Import;
use money::Amount;
use tariff::file::{Tariff, TariffFile, TermsVersion};

use crate::tariffs;
use crate::time_zone::ResolvedZone;

/// The first two persons of new books, the same as in a simulated day.
pub const FIRST_PERSONS: [PersonId; 2] = [sim::PLANNER, sim::APPROVER];

pub const CHINA: Jurisdiction = Jurisdiction(*b"CN");

/// Opens new books in their time zone, and sets the hold rule for sellers' money.
pub fn trial_opening_commands(zone: &ResolvedZone) -> Vec<Command> {
    let utc_offset_minutes = zone.utc_offset_minutes;
    vec![
        Command::OpenBooks(OpenBooks {
            utc_offset_minutes,
            first_person: FIRST_PERSONS[0],
            second_person: FIRST_PERSONS[1],
            trial: true,
        }),
        Command::SetTimeZone(zone.setting(1)),
        Command::SetHoldRule(SetHoldRule {
            jurisdiction: CHINA,
            number: 1,
            rule: HoldRule::AtOnce,
            proposed_by: FIRST_PERSONS[0],
            approved_by: FIRST_PERSONS[1],
        }),
    ]
}

/// The command that publishes a version of a tariff.
pub fn publication(
    tariff: &Tariff,
    version: &TermsVersion,
    [proposed_by, approved_by]: [PersonId; 2],
) -> Command {
    Command::PublishTariff(PublishTariff {
        tariff: TariffId::derived(&tariff.key()),
        version: version.number,
        currency: tariff.currency,
        from: version.from,
        until: version.until,
        terms: Box::new(version.terms.clone()),
        reference: tariff.name.clone(),
        proposed_by,
        approved_by,
    })
}

/// The commands that the parcels of an import need. Each may have been carried out before.
pub struct SetupCommands {
    /// A bank account and the tariff per currency.
    pub shared: Vec<Command>,
    /// The sellers. They refer to the tariffs.
    pub sellers: Vec<Command>,
}

pub fn for_import(
    import: &Import,
    file: &TariffFile,
    class: &str,
    jurisdiction: Jurisdiction,
    persons: [PersonId; 2],
) -> anyhow::Result<SetupCommands> {
    let (mut shared, mut sellers) = (Vec::new(), Vec::new());
    let currencies: BTreeSet<_> = import.parcels.iter().map(|parcel| parcel.currency).collect();
    let mut terms = BTreeMap::new();
    for currency in currencies {
        let tariff = tariffs::in_currency(file, currency)?;
        let reference = format!("bank-{}", currency.code().to_lowercase());
        let bank = BankId::derived(&reference);
        shared.push(Command::RegisterBank(RegisterBank { bank, currency, reference }));
        let id = TariffId::derived(&tariff.key());
        let last = tariff.versions.last().and_then(|version| version.terms.class(class));
        let class = last.ok_or_else(|| tariffs::no_such_class(tariff, class))?;
        terms.insert(currency, (id, class));
        // A tariff of every currency is published once.
        if tariff.currency.is_none() && terms.len() > 1 {
            continue;
        }
        let versions = tariff.versions.iter();
        shared.extend(versions.map(|version| publication(tariff, version, persons)));
    }
    let mut seen = BTreeSet::new();
    for parcel in &import.parcels {
        if seen.insert((&parcel.seller, parcel.currency)) {
            let (tariff, class) = terms[&parcel.currency];
            sellers.push(Command::RegisterSeller(RegisterSeller {
                seller: SellerId::derived(&parcel.seller),
                kind: SellerKind::Business,
                currency: parcel.currency,
                jurisdiction,
                tariff,
                class,
                cycle: SettlementCycle::Daily,
                minimum: Amount::ZERO,
                reference: parcel.seller.to_string(),
            }));
        }
    }
    Ok(SetupCommands { shared, sellers })
}

//! What new books need before parcels can be announced in them.

use std::collections::BTreeSet;

use anyhow::bail;
use engine::{BankId, Command, Cycle, HoldRule, Jurisdiction, SellerId, SellerKind, TariffId};
use files::orders::Import;
use money::Amount;
use tariff::file::Tariff;

/// Local time in China.
const UTC_OFFSET_MINUTES: i16 = 8 * 60;

/// Opens the books, with a bank account for each currency, the tariff, and the sellers of an import. All of
/// it may be there already.
pub fn commands(import: &Import, tariff: &Tariff, class: &str) -> anyhow::Result<Vec<Command>> {
    let china = Jurisdiction(*b"CN");
    let mut commands = vec![Command::OpenBooks { utc_offset_minutes: UTC_OFFSET_MINUTES }];
    let currencies: BTreeSet<_> = import.parcels.iter().map(|parcel| parcel.currency).collect();
    for currency in currencies {
        if let Some(only) = tariff.currency.filter(|only| *only != currency) {
            bail!("--tariff {}: it is for {only} only, parcels are in {currency}", tariff.name);
        }
        let reference = format!("bank-{}", currency.code().to_lowercase());
        let bank = BankId::derived(&reference);
        commands.push(Command::RegisterBank { bank, currency, reference });
    }
    commands.push(Command::SetHoldRule { jurisdiction: china, rule: HoldRule::AtOnce });
    let id = TariffId::derived(&tariff.name);
    for version in &tariff.versions {
        commands.push(Command::PublishTariff {
            tariff: id,
            version: version.number,
            currency: tariff.currency,
            from: version.from,
            until: version.until,
            terms: Box::new(version.terms.clone()),
            reference: tariff.name.clone(),
        });
    }
    let last = tariff.versions.last().and_then(|version| version.terms.class(class));
    let Some(class) = last else {
        bail!("--class {class}: the tariff {} has no such class", tariff.name);
    };
    let mut seen = BTreeSet::new();
    for parcel in &import.parcels {
        if seen.insert((&parcel.seller, parcel.currency)) {
            commands.push(Command::RegisterSeller {
                seller: SellerId::derived(&parcel.seller),
                kind: SellerKind::Business,
                currency: parcel.currency,
                jurisdiction: china,
                tariff: id,
                class,
                cycle: Cycle::Daily,
                minimum: Amount::ZERO,
                reference: parcel.seller.to_string(),
            });
        }
    }
    Ok(commands)
}

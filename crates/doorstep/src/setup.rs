//! What new books need before parcels can be announced in them.

use std::collections::BTreeSet;

use engine::{BankId, Command, Cycle, HoldRule, Jurisdiction, SellerId, SellerKind, TariffId};
use files::orders::Import;
use money::Amount;
use tariff::file::Tariff;

use crate::tariffs;

/// China Standard Time.
pub const UTC_OFFSET_MINUTES: i16 = 8 * 60;

const CHINA: Jurisdiction = Jurisdiction(*b"CN");

/// Opens new books, with the rule by which sellers' money is held.
pub fn opening() -> Vec<Command> {
    vec![
        Command::OpenBooks { utc_offset_minutes: UTC_OFFSET_MINUTES },
        Command::SetHoldRule { jurisdiction: CHINA, rule: HoldRule::AtOnce },
    ]
}

/// What the parcels of an import need. All of it may be there already.
pub struct Setup {
    /// A bank account for each currency, and the tariff.
    pub shared: Vec<Command>,
    /// The sellers; only once the rest is there.
    pub sellers: Vec<Command>,
}

/// Puts together what an import needs.
pub fn of_import(import: &Import, tariff: &Tariff, class: &str) -> anyhow::Result<Setup> {
    let (mut shared, mut sellers) = (Vec::new(), Vec::new());
    let currencies: BTreeSet<_> = import.parcels.iter().map(|parcel| parcel.currency).collect();
    for currency in currencies {
        tariffs::check_currency(tariff, currency)?;
        let reference = format!("bank-{}", currency.code().to_lowercase());
        let bank = BankId::derived(&reference);
        shared.push(Command::RegisterBank { bank, currency, reference });
    }
    let id = TariffId::derived(&tariff.name);
    for version in &tariff.versions {
        shared.push(Command::PublishTariff {
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
    let class = last.ok_or_else(|| tariffs::no_such_class(tariff, class))?;
    let mut seen = BTreeSet::new();
    for parcel in &import.parcels {
        if seen.insert((&parcel.seller, parcel.currency)) {
            sellers.push(Command::RegisterSeller {
                seller: SellerId::derived(&parcel.seller),
                kind: SellerKind::Business,
                currency: parcel.currency,
                jurisdiction: CHINA,
                tariff: id,
                class,
                cycle: Cycle::Daily,
                minimum: Amount::ZERO,
                reference: parcel.seller.to_string(),
            });
        }
    }
    Ok(Setup { shared, sellers })
}

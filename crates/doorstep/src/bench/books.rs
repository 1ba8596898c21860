//! What the books of both benchmarks begin with.

use anyhow::Context;
use engine::{
    BankId, Command, CourierId, Cycle, FirmId, HoldRule, Jurisdiction, ParcelId, SellerId,
    SellerKind, TariffId, TerminalId,
};
use money::{Amount, Currency};
use tariff::ClassNo;
use tariff::file::Tariff;

/// The one firm.
pub const FIRM: &str = "bench-couriers";
/// Sellers have the numbers below this one.
pub const SELLERS: u32 = 10_000;

const CASH_LIMIT: Amount = Amount::of(1_000_000);

/// The tariff that the collections pay.
pub fn tariff() -> anyhow::Result<Tariff> {
    Ok(tariff::file::parse(include_str!("../../../../tariffs/china-2013.toml"))?)
}

pub fn firm() -> FirmId {
    FirmId::derived(FIRM)
}

/// A bank, the tariff, the firm and the sellers.
pub fn opening() -> anyhow::Result<Vec<Command>> {
    let tariff = tariff()?;
    let version = tariff.versions.first().context("the shipped tariff has a version")?;
    let currency = Currency::CNY;
    let china = Jurisdiction(*b"CN");
    let mut commands = vec![
        Command::OpenBooks { utc_offset_minutes: 480 },
        Command::RegisterBank { bank: BankId(1), currency, reference: "bank".into() },
        Command::SetHoldRule { jurisdiction: china, rule: HoldRule::AtOnce },
        Command::PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: None,
            from: version.from,
            until: None,
            terms: Box::new(version.terms.clone()),
            reference: tariff.name.clone(),
        },
        Command::RegisterFirm {
            firm: firm(),
            currency,
            guarantee: Amount::ZERO,
            reference: FIRM.into(),
        },
    ];
    commands.extend((0..SELLERS).map(|number| Command::RegisterSeller {
        seller: SellerId(number.into()),
        kind: SellerKind::Business,
        currency,
        jurisdiction: china,
        tariff: TariffId(1),
        class: ClassNo(0),
        cycle: Cycle::Daily,
        minimum: Amount::of(1),
        reference: format!("seller-{number}"),
    }));
    Ok(commands)
}

/// A courier of the firm, with the terminal of the same number.
pub fn courier(number: u32) -> [Command; 2] {
    let courier = CourierId(number.into());
    let reference = format!("courier-{number}");
    [
        Command::RegisterCourier { courier, firm: firm(), cash_limit: CASH_LIMIT, reference },
        Command::RegisterTerminal { terminal: TerminalId(number.into()), courier },
    ]
}

/// The identifier of a parcel, by its number.
pub fn parcel(number: u64) -> ParcelId {
    // Any bijection spreads the numbers; what is looked up is as random as a hash.
    let high = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ParcelId::new(u128::from(high) << 64 | u128::from(number.wrapping_mul(0xD1B5_4A32_D192_ED03)))
}

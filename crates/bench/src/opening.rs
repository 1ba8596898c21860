//! The books of both benchmarks and of trials.

use anyhow::Context;
use books::{
    BankId, Command, CourierId, FirmId, HoldRule, Jurisdiction, OpenBooks, ParcelId, PersonId,
    PublishTariff, RegisterBank, RegisterCourier, RegisterFirm, RegisterSeller, RegisterTerminal,
    SellerId, SellerKind, SetHoldRule, SetOfflineLimit, SettlementCycle, TariffId, TerminalId,
};
use money::{Amount, Currency};
use tariff::SellerClassNumber;
use tariff::file::Tariff;

pub const FIRM: &str = "bench-couriers";
/// Sellers are numbered from 0.
pub const SELLERS: u32 = 10_000;

/// The first two persons of the books. Couriers have the numbers from 1 on.
pub const PERSONS: [PersonId; 2] = [PersonId(1_000_000_001), PersonId(1_000_000_002)];

const CURRENCY: Currency = Currency::CNY;
const CHINA: Jurisdiction = Jurisdiction(*b"CN");

const CASH_LIMIT: Amount = Amount::of(1_000_000);

/// The built-in tariff in the benchmarks' currency.
pub fn tariff() -> anyhow::Result<Tariff> {
    let file = tariff::file::parse(include_str!("../../../tariffs/china-2013.toml"))?;
    file.in_currency(CURRENCY).cloned().context("the built-in tariff has sums in the currency")
}

pub fn firm() -> FirmId {
    FirmId::derived(FIRM)
}

/// Opens books, and sets the hold rule for sellers' money.
#[must_use]
pub fn open_books() -> [Command; 2] {
    let [proposed_by, approved_by] = PERSONS;
    [
        Command::OpenBooks(OpenBooks {
            utc_offset_minutes: 480,
            first_person: proposed_by,
            second_person: approved_by,
            trial: true,
        }),
        Command::SetHoldRule(SetHoldRule {
            jurisdiction: CHINA,
            number: 1,
            rule: HoldRule::AtOnce,
            proposed_by,
            approved_by,
        }),
    ]
}

#[must_use]
pub fn register_firm(currency: Currency) -> Command {
    let [proposed_by, approved_by] = PERSONS;
    Command::RegisterFirm(RegisterFirm {
        firm: firm(),
        currency,
        guarantee: Amount::ZERO,
        reference: FIRM.into(),
        proposed_by,
        approved_by,
    })
}

/// A bank, the tariff, the firm and the sellers.
pub fn opening_commands() -> anyhow::Result<Vec<Command>> {
    let tariff = tariff()?;
    let version = tariff.versions.first().context("the built-in tariff has a version")?;
    let currency = CURRENCY;
    let [proposed_by, approved_by] = PERSONS;
    let mut commands = open_books().to_vec();
    commands.extend([
        Command::RegisterBank(RegisterBank { bank: BankId(1), currency, reference: "bank".into() }),
        Command::PublishTariff(PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: tariff.currency,
            from: version.from,
            until: None,
            terms: Box::new(version.terms.clone()),
            reference: tariff.name.clone(),
            proposed_by,
            approved_by,
        }),
        register_firm(currency),
    ]);
    commands.extend((0..SELLERS).map(|number| {
        Command::RegisterSeller(RegisterSeller {
            seller: SellerId(number.into()),
            kind: SellerKind::Business,
            currency,
            jurisdiction: CHINA,
            tariff: TariffId(1),
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::of(1),
            reference: format!("seller-{number}"),
        })
    }));
    Ok(commands)
}

/// A courier of the firm, and the terminal with the same number.
pub fn register_courier(number: u32) -> [Command; 2] {
    let courier = CourierId(number.into());
    let reference = format!("courier-{number}");
    let [proposed_by, approved_by] = PERSONS;
    [
        Command::RegisterCourier(RegisterCourier {
            courier,
            firm: firm(),
            cash_limit: CASH_LIMIT,
            reference,
            proposed_by,
            approved_by,
        }),
        Command::RegisterTerminal(RegisterTerminal {
            terminal: TerminalId(number.into()),
            courier,
        }),
    ]
}

/// Sets a terminal's offline limits, as its first change.
pub fn set_offline_limit(terminal: TerminalId, each: Amount, total: Amount) -> Command {
    let [proposed_by, approved_by] = PERSONS;
    Command::SetOfflineLimit(SetOfflineLimit {
        terminal,
        number: 1,
        each,
        total,
        proposed_by,
        approved_by,
    })
}

/// The id of a parcel by its number.
pub fn parcel_id(number: u64) -> ParcelId {
    // A bijection spreads the numbers, so that lookups are as random as real ids.
    let high = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ParcelId::new(u128::from(high) << 64 | u128::from(number.wrapping_mul(0xD1B5_4A32_D192_ED03)))
}

//! An endless stream of commands, the same in each run. Each command is valid. Doorstep itself
//! gives all of them.
#![allow(dead_code)]

use books::{
    AnnounceParcel, AssignParcels, BankId, CollectCash, Command, CourierId, DispatchParcels,
    FirmId, HoldRule, Jurisdiction, OpenBooks, ParcelId, PaymentId, PublishTariff, RegisterBank,
    RegisterCourier, RegisterFirm, RegisterSeller, SellerId, SellerKind, SetHoldRule,
    SettlementCycle, TariffId, Timestamp,
};
use engine::{Actor, Submission};
use money::{Amount, Currency};
use tariff::{SellerClass, SellerClassNumber, Terms};

/// The time of command 0; each command is a millisecond later than the one before.
const BEGIN: u64 = 1_377_662_400_000;
const SETUP: u64 = 7;
/// Commands for each parcel.
const LIFE: u64 = 4;

/// The number of the command after the one at `last_at`.
pub fn number_after(last_at: Timestamp) -> u64 {
    if last_at.0 == 0 { 0 } else { last_at.0 - BEGIN + 1 }
}

/// Command `number`, and its time.
pub fn command(number: u64) -> (Timestamp, Submission) {
    let command = if number < SETUP { setup(number) } else { life(number - SETUP) };
    (Timestamp(BEGIN + number), Submission::new(Actor::System, command))
}

fn setup(number: u64) -> Command {
    let currency = Currency::CNY;
    let reference = format!("party-{number}");
    match number {
        0 => Command::OpenBooks(OpenBooks { utc_offset_minutes: 480 }),
        1 => Command::RegisterBank(RegisterBank { bank: BankId(1), currency, reference }),
        2 => Command::RegisterFirm(RegisterFirm {
            firm: FirmId(1),
            currency,
            guarantee: Amount::ZERO,
            reference,
        }),
        3 => Command::RegisterCourier(RegisterCourier {
            courier: CourierId(1),
            firm: FirmId(1),
            cash_limit: Amount::MAX,
            reference,
        }),
        4 => Command::SetHoldRule(SetHoldRule {
            jurisdiction: Jurisdiction(*b"CN"),
            rule: HoldRule::AtOnce,
        }),
        5 => Command::PublishTariff(PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: None,
            from: "2013-02-25".parse().expect("a date"),
            until: None,
            terms: Box::new(Terms {
                classes: vec![SellerClass { name: "general".into(), ..SellerClass::default() }],
                ..Terms::default()
            }),
            reference,
        }),
        _ => Command::RegisterSeller(RegisterSeller {
            seller: SellerId(1),
            kind: SellerKind::Individual,
            currency,
            jurisdiction: Jurisdiction(*b"CN"),
            tariff: TariffId(1),
            class: SellerClassNumber(0),
            cycle: SettlementCycle::Daily,
            minimum: Amount::of(1),
            reference,
        }),
    }
}

fn life(number: u64) -> Command {
    let parcel = ParcelId::new(u128::from(number / LIFE) + 1);
    let amount = Amount::of(100 + number / LIFE % 1_000);
    match number % LIFE {
        0 => Command::AnnounceParcel(AnnounceParcel {
            parcel,
            seller: SellerId(1),
            currency: Currency::CNY,
            due: amount,
            reference: format!("order-{}", number / LIFE),
        }),
        1 => Command::AssignParcels(AssignParcels { firm: FirmId(1), parcels: vec![parcel] }),
        2 => Command::DispatchParcels(DispatchParcels {
            courier: CourierId(1),
            parcels: vec![parcel],
        }),
        _ => Command::CollectCash(CollectCash {
            payment: PaymentId { parcel, number: 1 },
            courier: CourierId(1),
            amount,
        }),
    }
}

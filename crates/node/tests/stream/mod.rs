//! An endless stream of commands, the same in each run. Each command is valid. Doorstep itself
//! gives all of them.
#![allow(dead_code)]

use books::{
    AnnounceParcel, AssignParcels, AssignedParcel, BankId, BatchTotals, CloseBatch, Command,
    CountAndAmount, CourierId, DispatchParcels, DispatchedParcel, DuplicateKey, DuplicateSubject,
    FirmId, HoldRule, Jurisdiction, OpenBatch, OpenBooks, ParcelId, PersonId, PublishTariff,
    RegisterBank, RegisterCourier, RegisterFirm, RegisterSeller, RegisterTerminal, SellerId,
    SellerKind, SetHoldRule, SettlementCycle, Stan, TakeCash, TariffId, TerminalId, Timestamp,
    Trace,
};
use engine::{Actor, Submission};
use money::{Amount, Currency};
use tariff::{SellerClass, SellerClassNumber, Terms};

/// The time of command 0; each command is a millisecond later than the one before.
const BEGIN: u64 = 1_377_662_400_000;
pub const SETUP: u64 = 9;
/// Commands for each parcel.
const LIFE: u64 = 4;
/// Parcels in each batch of the terminal.
const PER_BATCH: u64 = 900;
/// Commands for each batch: its parcels, its closing, and the opening of the next one.
const BATCH: u64 = PER_BATCH * LIFE + 2;
const TERMINAL: TerminalId = TerminalId(1);

/// The number of the command after the one at `last_at`.
pub fn number_after(last_at: Timestamp) -> u64 {
    if last_at.0 == 0 { 0 } else { last_at.0 - BEGIN + 1 }
}

/// Command `number`, and its time.
pub fn command(number: u64) -> (Timestamp, Submission) {
    let command = if number < SETUP { setup(number) } else { in_batch(number - SETUP) };
    (Timestamp(BEGIN + number), Submission::new(Actor::System, command))
}

fn setup(number: u64) -> Command {
    let currency = Currency::CNY;
    let reference = format!("party-{number}");
    match number {
        0 => Command::OpenBooks(OpenBooks {
            utc_offset_minutes: 480,
            first_person: PersonId(901),
            second_person: PersonId(902),
            trial: true,
        }),
        1 => Command::RegisterBank(RegisterBank { bank: BankId(1), currency, reference }),
        2 => Command::RegisterFirm(RegisterFirm {
            firm: FirmId(1),
            currency,
            guarantee: Amount::ZERO,
            reference,
            proposed_by: PersonId(901),
            approved_by: PersonId(902),
        }),
        3 => Command::RegisterCourier(RegisterCourier {
            courier: CourierId(1),
            firm: FirmId(1),
            cash_limit: Amount::ENTRY_MAX,
            reference,
            proposed_by: PersonId(901),
            approved_by: PersonId(902),
        }),
        4 => Command::SetHoldRule(SetHoldRule {
            jurisdiction: Jurisdiction(*b"CN"),
            number: 1,
            rule: HoldRule::AtOnce,
            proposed_by: PersonId(901),
            approved_by: PersonId(902),
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
            proposed_by: PersonId(901),
            approved_by: PersonId(902),
        }),
        6 => Command::RegisterSeller(RegisterSeller {
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
        7 => Command::RegisterTerminal(RegisterTerminal {
            terminal: TERMINAL,
            courier: CourierId(1),
        }),
        _ => Command::OpenBatch(OpenBatch { terminal: TERMINAL, batch: 1 }),
    }
}

fn in_batch(number: u64) -> Command {
    let first = number / BATCH * PER_BATCH;
    let batch = u32::try_from(1 + number / BATCH).expect("few batches");
    match number % BATCH {
        closing if closing == BATCH - 2 => {
            let sum = (first..first + PER_BATCH).map(|parcel| due(parcel).minor()).sum();
            let all = CountAndAmount { count: 900, amount: Amount::of(sum) };
            let totals = BatchTotals { other_debits: all, ..BatchTotals::default() };
            Command::CloseBatch(CloseBatch { terminal: TERMINAL, batch, totals })
        }
        opening if opening == BATCH - 1 => {
            Command::OpenBatch(OpenBatch { terminal: TERMINAL, batch: batch + 1 })
        }
        place => life(first + place / LIFE, place % LIFE, batch),
    }
}

fn parcel_id(parcel: u64) -> ParcelId {
    ParcelId::new(u128::from(parcel) + 1)
}

fn due(parcel: u64) -> Amount {
    Amount::of(100 + parcel % 1_000)
}

/// The announcement of a parcel, with a number from 0 on.
pub fn announcement(parcel: u64) -> Submission {
    Submission::new(Actor::System, life(parcel, 0, 1))
}

fn life(number: u64, step: u64, batch: u32) -> Command {
    let (parcel, amount) = (parcel_id(number), due(number));
    match step {
        0 => Command::AnnounceParcel(AnnounceParcel {
            parcel,
            seller: SellerId(1),
            currency: Currency::CNY,
            due: amount,
            reference: format!("order-{number}"),
            shipment: 1,
        }),
        1 => Command::AssignParcels(AssignParcels {
            firm: FirmId(1),
            parcels: vec![AssignedParcel { parcel, number: 1 }],
        }),
        2 => Command::DispatchParcels(DispatchParcels {
            courier: CourierId(1),
            parcels: vec![DispatchedParcel { parcel, attempt: 1 }],
        }),
        _ => Command::TakeCash(TakeCash {
            trace: Trace {
                terminal: TERMINAL,
                batch,
                stan: Stan::of(u32::try_from(1 + number % PER_BATCH).expect("six digits")),
            },
            duplicate_key: DuplicateKey { date: 828, subject: DuplicateSubject::NoCard },
            parcel,
            amount,
            tendered: amount,
            change: Amount::ZERO,
        }),
    }
}

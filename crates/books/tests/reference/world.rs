//! A small world: the commands that set it up, and its pools of ids.

use books::*;
use money::{Amount, Currency, Rate};
use tariff::{
    CappedRate, CardRates, FixedOrShare, LossOwner, PerMethod, SellerClass, SellerClassNumber,
    Terms,
};

/// 2013-09-02.
pub const FIRST_DAY: BusinessDate = BusinessDate(15_950);
pub const BANKS: [BankId; 2] = [BankId(1), BankId(2)];
pub const FIRMS: [FirmId; 3] = [FirmId(1), FirmId(2), FirmId(3)];
pub const NETWORKS: [NetworkId; 3] = [NetworkId(1), NetworkId(2), NetworkId(3)];
pub const WALLETS: [WalletId; 2] = [WalletId(1), WalletId(2)];
/// Two in CNY, and one of rates only for every currency.
pub const TARIFFS: [TariffId; 3] = [TariffId(1), TariffId(2), TariffId(3)];

/// Number of parcels in a world. Few in some worlds, so that each parcel sees a lot.
pub fn pool(kind: u8) -> usize {
    if kind % 5 == 4 { 2 } else { 12 }
}

pub fn parcel(number: usize) -> ParcelId {
    ParcelId::new(u128::try_from(number).expect("a small number") + 1)
}

pub fn jurisdiction(number: usize) -> Jurisdiction {
    Jurisdiction([*b"CN", *b"BR", *b"TH", *b"XX"][number % 4])
}

pub fn rule(number: usize) -> HoldRule {
    match number % 5 {
        0 => HoldRule::AtOnce,
        1 => HoldRule::DaysAfterHeld(2),
        2 => HoldRule::DaysAfterDelivery(5),
        3 => HoldRule::DaysAfterHeld(0),
        _ => HoldRule::DaysAfterDelivery(0),
    }
}

/// Two classes, some with caps, and fees high enough to use up the smallest amounts.
pub fn terms(number: u64) -> Box<Terms> {
    let rate = |ppm| Rate::from_ppm(ppm).expect("below the whole");
    let part = |ppm, cap: Option<u64>| CappedRate { rate: rate(ppm), cap: cap.map(Amount::of) };
    let class = |name: &str, cap: Option<u64>| SellerClass {
        name: name.into(),
        debit: CardRates {
            issuer: part(5_500, None),
            network: part(800, Some(300)),
            acquirer: part(1_500, None),
            cap: cap.map(Amount::of),
        },
        credit: CardRates {
            issuer: part(9_000, None),
            network: part(1_300, None),
            acquirer: part(2_200, None),
            cap: cap.map(|cap| Amount::of(cap * 3)),
        },
        wallet: part(6_000, Some(2_500)),
    };
    let fee = |fixed, ppm| FixedOrShare { fixed: Amount::of(fixed), share: rate(ppm) };
    Box::new(Terms {
        classes: vec![class("general", None), class("wholesale", Some(2_600))],
        cod: PerMethod { card: fee(10 * number, 0), qr: fee(0, 500), cash: fee(200, 10_000) },
        commission: PerMethod {
            card: fee(100, 1_000),
            qr: fee(50, 0),
            cash: fee(150, 3_000 * u32::try_from(number).expect("a small number")),
        },
        return_fee: Amount::of(800 * (number % 3)),
        freight: Amount::of(650 * (number % 2)),
        vat: rate(60_000 * u32::try_from(number % 3).expect("a small number")),
        offline_loss: LossOwner::Seller,
    })
}

/// The same rates without any sum.
fn rates_only(number: u64) -> Box<Terms> {
    let mut terms = terms(number);
    for class in &mut terms.classes {
        for rates in [&mut class.debit, &mut class.credit] {
            (rates.cap, rates.network.cap) = (None, None);
        }
        class.wallet.cap = None;
    }
    for fees in [&mut terms.cod, &mut terms.commission] {
        for fee in [&mut fees.card, &mut fees.qr, &mut fees.cash] {
            fee.fixed = Amount::ZERO;
        }
    }
    (terms.return_fee, terms.freight) = (Amount::ZERO, Amount::ZERO);
    terms
}

pub fn open_books(utc_offset_minutes: i16, [first, second]: [u64; 2]) -> Command {
    let (first_person, second_person) = (PersonId(first), PersonId(second));
    let trial = false;
    Command::OpenBooks(OpenBooks { utc_offset_minutes, first_person, second_person, trial })
}

fn person(id: u64) -> Command {
    let (person, proposed_by, approved_by) = (PersonId(id), PersonId(1), PersonId(2));
    Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by })
}

pub fn seller(number: u64) -> Command {
    seller_in(number, if number == 5 { Currency::BRL } else { Currency::CNY })
}

/// Seller 1 has a second account, in another currency and with other terms.
pub fn second_account() -> Command {
    let mut command = seller_in(1, Currency::BRL);
    if let Command::RegisterSeller(one) = &mut command {
        (one.tariff, one.class) = (TARIFFS[2], SellerClassNumber(1));
        (one.cycle, one.minimum) = (SettlementCycle::Weekly, Amount::of(200));
    }
    command
}

fn seller_in(number: u64, currency: Currency) -> Command {
    let place = usize::try_from(number).expect("a small number");
    Command::RegisterSeller(RegisterSeller {
        seller: SellerId(number),
        kind: [SellerKind::Individual, SellerKind::Business][place % 2],
        currency,
        jurisdiction: jurisdiction([0, 0, 2, 2, 0, 1][place % 6]),
        tariff: TARIFFS[[0, 0, 0, 1, 0, 2][place % 6]],
        class: SellerClassNumber([1, 0][place % 2]),
        cycle: [
            SettlementCycle::Daily,
            SettlementCycle::Daily,
            SettlementCycle::Weekly,
            SettlementCycle::Daily,
        ][place % 4],
        minimum: Amount::of([0, 0, 5_000, 1, 100_000, 0][place % 6]),
        reference: format!("seller {number}"),
    })
}

pub fn bank(number: u64) -> Command {
    let currency = if number == 2 { Currency::BRL } else { Currency::CNY };
    Command::RegisterBank(RegisterBank {
        bank: BankId(number),
        currency,
        reference: format!("bank {number}"),
    })
}

/// The bank has money of Doorstep's own, as two persons say.
fn money_in_bank(number: u64) -> [Command; 3] {
    let (break_id, subject) = (BreakId(number), BreakSubject::Bank(BankId(number)));
    let (side, amount) = (BreakSide::Excess, Amount::of(10_000_000_000));
    let (evidence, owner, raised_by) = ("opening".to_owned(), PersonId(1), PersonId(1));
    let raise = RaiseBreak { break_id, subject, side, amount, evidence, owner, raised_by };
    let (number, resolution, whole) = (1, BreakResolution::WriteOff, None);
    let propose = ProposeBreakResolution {
        break_id,
        number,
        resolution,
        amount: whole,
        proposed_by: PersonId(1),
    };
    let approve = ApproveBreakResolution {
        break_id,
        number,
        resolution,
        amount: whole,
        approved_by: PersonId(2),
    };
    [
        Command::RaiseBreak(raise),
        Command::ProposeBreakResolution(propose),
        Command::ApproveBreakResolution(approve),
    ]
}

pub fn firm(number: u64, guarantee: u64) -> Command {
    let currency = if number == 3 { Currency::BRL } else { Currency::CNY };
    let (guarantee, reference) = (Amount::of(guarantee), format!("firm {number}"));
    let (firm, proposed_by, approved_by) = (FirmId(number), PersonId(1), PersonId(2));
    Command::RegisterFirm(RegisterFirm {
        firm,
        currency,
        guarantee,
        reference,
        proposed_by,
        approved_by,
    })
}

fn withholding(number: u64, guarantee: u64) -> Command {
    let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
    Command::SetFirmTerms(SetFirmTerms {
        firm: FirmId(number),
        number: 1,
        from: FIRST_DAY,
        guarantee: Amount::of(guarantee),
        withholding: Rate::from_ppm(105_000).expect("10.5%"),
        proposed_by,
        approved_by,
    })
}

pub fn courier(number: u64) -> Command {
    let firm = FirmId([3, 1, 1, 2, 2][usize::try_from(number).expect("a small number") % 5]);
    let limit = match number {
        2 => 60_000,
        3 => Amount::ENTRY_MAX.minor(),
        _ => 5_000_000,
    };
    Command::RegisterCourier(RegisterCourier {
        courier: CourierId(10 + number),
        firm,
        cash_limit: Amount::of(limit),
        reference: format!("courier {number}"),
        proposed_by: PersonId(3),
        approved_by: PersonId(2),
    })
}

pub fn terminal(number: u64) -> Command {
    let courier = CourierId(11 + (number - 1) % 5);
    Command::RegisterTerminal(RegisterTerminal { terminal: TerminalId(20 + number), courier })
}

pub fn network(number: u64) -> Command {
    let currency = if number == 3 { Currency::BRL } else { Currency::CNY };
    let reference = format!("network {number}");
    Command::RegisterNetwork(RegisterNetwork { network: NetworkId(number), currency, reference })
}

pub fn wallet(number: u64) -> Command {
    let currency = if number == 2 { Currency::BRL } else { Currency::CNY };
    let reference = format!("wallet {number}");
    Command::RegisterWallet(RegisterWallet { wallet: WalletId(number), currency, reference })
}

pub fn tariff(number: usize, version: u16, from: BusinessDate, until: Option<u16>) -> Command {
    let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
    let mut terms = if number < 2 { terms(version.into()) } else { rates_only(version.into()) };
    let owners = [LossOwner::Seller, LossOwner::Firm, LossOwner::Doorstep];
    terms.offline_loss = owners[(number + usize::from(version)) % 3];
    Command::PublishTariff(PublishTariff {
        tariff: TARIFFS[number],
        version,
        currency: (number < 2).then_some(Currency::CNY),
        from,
        until: until.map(|days| from.plus_days(days)),
        terms,
        reference: format!("tariff {number}"),
        proposed_by,
        approved_by,
    })
}

/// The commands that set up the world. `kind` varies it a little.
pub fn set_up(kind: u8) -> Vec<Command> {
    let offset = [480, 0, -180][usize::from(kind % 3)];
    let mut commands = vec![open_books(offset, [1, 2])];
    commands.extend([3, 4, 101, 102, 103, 104].map(person));
    commands.extend([bank(1), bank(2)]);
    commands.extend([firm(1, 30_000), firm(2, 0), firm(3, Amount::ENTRY_MAX.minor())]);
    // Firm 1 is paid less a tax.
    commands.push(withholding(1, 30_000));
    commands.extend((1..=5).map(courier));
    commands.extend((1..=5).map(terminal));
    commands.extend([network(1), network(2), network(3), wallet(1), wallet(2)]);
    for place in 0..3 {
        let rule = rule(place + usize::from(kind / 3));
        let (jurisdiction, proposed_by, approved_by) =
            (jurisdiction(place), PersonId(2), PersonId(1));
        commands.push(Command::SetHoldRule(SetHoldRule {
            jurisdiction,
            number: 1,
            rule,
            proposed_by,
            approved_by,
        }));
    }
    commands.push(tariff(0, 1, FIRST_DAY, None));
    commands.push(tariff(0, 2, FIRST_DAY.plus_days(6), None));
    commands.push(tariff(1, 1, FIRST_DAY, Some(9)));
    commands.push(tariff(1, 2, FIRST_DAY.plus_days(9), None));
    commands.push(tariff(2, 1, FIRST_DAY, None));
    commands.extend((1..=5).map(seller));
    commands.push(second_account());
    // In most worlds the bank accounts have money of Doorstep's own; in some, only what comes in.
    if kind % 4 != 3 {
        commands.extend([1, 2].into_iter().flat_map(money_in_bank));
    }
    // In most worlds the terminals have signed on and may sell offline.
    for number in (1..=5).filter(|number| (u64::from(kind) + number) % 5 != 0) {
        let terminal = TerminalId(20 + number);
        let (each, total) = (Amount::of(60_000 * number), Amount::of(150_000 * number));
        commands.push(Command::OpenBatch(OpenBatch { terminal, batch: 1 }));
        let (proposed_by, approved_by) = (PersonId(1), PersonId(4));
        commands.push(Command::SetOfflineLimit(SetOfflineLimit {
            terminal,
            number: 1,
            each,
            total,
            proposed_by,
            approved_by,
        }));
    }
    commands
}

/// Whether most amounts due are near the largest amount.
pub fn is_huge(kind: u8) -> bool {
    kind == 7
}

/// Whether a firm's commission is paid in so many parts that the first ones are forgotten.
pub fn pays_often(kind: u8) -> bool {
    kind == 12
}

/// Whether most buyers pay in cash, which couriers hand over often.
pub fn by_cash(kind: u8) -> bool {
    matches!(kind, 6 | 10)
}

/// Commands that must fail before the books are open, and invalid ways to open them.
pub fn before_opening() -> Vec<Command> {
    let too_far = open_books(UTC_OFFSET_MINUTES_MAX + 1, [1, 2]);
    let (alone, with_nobody) = (open_books(0, [1, 1]), open_books(0, [1, 0]));
    vec![bank(1), too_far, alone, with_nobody, person(3), tariff(0, 1, FIRST_DAY, None)]
}

/// The time of the set-up.
pub fn opening(kind: u8) -> Timestamp {
    let offset = [480, 0, -180][usize::from(kind % 3)];
    Timestamp::start_of_day(FIRST_DAY, offset)
}

/// The MAC of the hand-over's code, or of a wrong one.
pub fn code_mac(handover: HandOverId, wrong: u8) -> CodeMac {
    CodeMac((u128::from(handover.0) << 8 | u128::from(wrong)).to_be_bytes())
}

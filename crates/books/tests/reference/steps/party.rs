//! Registrations: new parties, known ones with other terms, and invalid ones.

use books::*;
use money::{Currency, Rate};
use tariff::SellerClassNumber;

use super::{Choices, Mistake};
use crate::model::Numbered;
use crate::world;

/// A new party, or a known one with other terms.
pub fn party(roll: &Choices) -> Command {
    let number = u64::from(roll.step.random_numbers[1] % 9) + 1;
    let today = roll.model.today;
    let mut command = match roll.number_at(0) % 14 {
        0 => {
            let persons = if roll.one_in(2, 3) { [2, 1] } else { [1, 2] };
            let offset = [0, 480, 841][roll.number_at(1) % 3];
            match world::open_books(offset, persons) {
                Command::OpenBooks(open) if roll.one_in(2, 3) => {
                    Command::OpenBooks(OpenBooks { trial: true, ..open })
                }
                command => command,
            }
        }
        1 => world::bank(if number < 4 { 2 } else { number }),
        2 => world::firm(number, 30_000 * u64::from(roll.step.random_numbers[2] % 2)),
        3 => world::courier(number),
        4 => world::terminal(number),
        5 => world::network(number),
        6 => world::wallet(number),
        7 | 8 => {
            let (terminal, courier) = (TerminalId(20 + number), roll.courier(2));
            let number = next_change(roll, terminal);
            Command::HandTerminal(HandTerminal { terminal, courier, number })
        }
        9 | 10 => {
            let blocked = roll.model.terminals.iter().find(|(_, (_, blocked))| *blocked);
            let terminal = blocked.map_or(TerminalId(20 + number), |(id, _)| *id);
            let (blocked, number) = (roll.one_in(2, 3), next_change(roll, terminal));
            Command::BlockTerminal(BlockTerminal { terminal, blocked, number })
        }
        11 => {
            let rule = match roll.step.mistake {
                Mistake::NumberAbove => HoldRule::DaysAfterHeld(HOLD_DAYS_MAX + 1),
                _ => world::rule(roll.number_at(2)),
            };
            let proposed_by = roll.person(2);
            let jurisdiction = world::jurisdiction(roll.number_at(1));
            let last = roll.model.count_of(Numbered::HoldRules(jurisdiction));
            Command::SetHoldRule(SetHoldRule {
                jurisdiction,
                number: roll.count(last + 1),
                rule,
                proposed_by,
                approved_by: roll.second(proposed_by, 3),
            })
        }
        12 => {
            let tariff = roll.number_at(1) % 3;
            let versions = roll.model.tariffs.get(&world::TARIFFS[tariff]);
            let last = versions.and_then(|versions| versions.last());
            let next = last.map_or(1, |last| last.number + 1);
            let next = u16::from(roll.number(u8::try_from(next).unwrap_or(u8::MAX)));
            let from = last.and_then(|last| last.until).unwrap_or_else(|| {
                today
                    .plus_days(roll.step.random_numbers[2] % 3)
                    .minus_days(1)
                    .plus_days(1 - roll.step.random_numbers[2] % 2)
            });
            let until = roll.one_in(3, 4).then_some(roll.step.random_numbers[3] % 30);
            world::tariff(tariff, next, from, until)
        }
        _ if number == 9 => world::second_account(),
        _ => world::seller(number),
    };
    spoil(&mut command, roll.step.mistake);
    command
}

pub fn next_change(roll: &Choices, terminal: TerminalId) -> u32 {
    roll.count(roll.model.count_of(Numbered::TerminalChanges(terminal)) + 1)
}

/// Two persons set how long closed parcels are kept, from the shortest to the longest time.
pub fn retention(roll: &Choices) -> Command {
    let days = match roll.number_at(1) % 8 {
        _ if roll.makes_mistake(Mistake::NumberBelow) => 119,
        _ if roll.makes_mistake(Mistake::NumberAbove) => 3_651,
        0 => 3_650,
        1 | 2 => 180,
        3 | 4 => 121 + roll.step.random_numbers[2] % 40,
        _ => 120,
    };
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    let number = roll.count(roll.model.count_of(Numbered::Retention) + 1);
    Command::SetRetention(SetRetention { number, days, proposed_by, approved_by })
}

/// A time zone whose clocks change in the next hours or days.
pub fn set_time_zone(roll: &Choices) -> Command {
    const OFFSETS: [i16; 6] = [480, 540, 420, 60, -180, 840];
    let offset = |place: usize| OFFSETS[roll.number_at(place) % OFFSETS.len()];
    let number = u8::try_from(roll.model.zones.len() + 1).unwrap_or(u8::MAX);
    let mut at = roll.model.last_at;
    let mut changes: Vec<_> = (0..roll.number_at(1) % 4)
        .map(|place| {
            at = at.plus_ms(u64::from(roll.step.random_numbers[2]) * 3_600_000 + 1);
            UtcOffsetChange { from: at, utc_offset_minutes: offset(place) }
        })
        .collect();
    let mut zone = String::from("Europe/Berlin");
    match roll.step.mistake {
        Mistake::AmountZero => zone.clear(),
        Mistake::AmountHuge => changes.reverse(),
        Mistake::AmountAbove => {
            let far = UtcOffsetChange { from: at.plus_ms(1), utc_offset_minutes: 841 };
            changes.push(far);
        }
        _ => {}
    }
    Command::SetTimeZone(SetTimeZone {
        number: roll.number(number).into(),
        zone,
        table_version: "2013c".into(),
        utc_offset_minutes: offset(3),
        changes,
    })
}

/// Makes a registration invalid by a deliberate mistake.
fn spoil(command: &mut Command, slip: Mistake) {
    use Command as C;
    match command {
        C::RegisterSeller(RegisterSeller { tariff, class, jurisdiction, .. }) => match slip {
            Mistake::SomebodyElse => *tariff = TariffId(9),
            Mistake::AmountAbove => *class = SellerClassNumber(2),
            Mistake::AmountHuge => *jurisdiction = world::jurisdiction(3),
            _ => {}
        },
        C::RegisterCourier(RegisterCourier { firm, approved_by, courier, .. }) => match slip {
            Mistake::SomebodyElse => *firm = FirmId(99),
            Mistake::AmountAbove => *approved_by = PersonId(courier.0),
            _ => {}
        },
        C::RegisterFirm(RegisterFirm { proposed_by, approved_by, .. })
            if slip == Mistake::SomebodyElse =>
        {
            *approved_by = *proposed_by;
        }
        C::RegisterTerminal(RegisterTerminal { courier, .. })
        | C::HandTerminal(HandTerminal { courier, .. })
            if slip == Mistake::SomebodyElse =>
        {
            *courier = CourierId(99);
        }
        C::SetHoldRule(SetHoldRule { jurisdiction, .. }) if slip == Mistake::SomebodyElse => {
            *jurisdiction = Jurisdiction(*b"cn");
        }
        C::PublishTariff(PublishTariff { terms, currency, .. }) => match slip {
            Mistake::SomebodyElse => *currency = Some(Currency::BRL),
            Mistake::AnyThing => *currency = None,
            Mistake::AmountZero => terms.classes.truncate(1),
            Mistake::AmountAbove => terms.classes.swap(0, 1),
            Mistake::AmountHuge => terms.cod.cash.share = Rate::from_ppm(1_000_000).expect("all"),
            _ => {}
        },
        _ => {}
    }
    match command {
        C::RegisterBank(RegisterBank { reference, .. })
        | C::RegisterFirm(RegisterFirm { reference, .. })
        | C::RegisterCourier(RegisterCourier { reference, .. })
        | C::RegisterNetwork(RegisterNetwork { reference, .. })
        | C::RegisterWallet(RegisterWallet { reference, .. })
        | C::RegisterSeller(RegisterSeller { reference, .. }) => match slip {
            Mistake::NumberBelow => reference.clear(),
            Mistake::NumberAbove => *reference = "x".repeat(REFERENCE_BYTES_MAX + 1),
            Mistake::AmountZero => reference.push('\u{202E}'),
            _ => {}
        },
        _ => {}
    }
    match command {
        C::RegisterFirm(RegisterFirm { currency, .. })
        | C::RegisterNetwork(RegisterNetwork { currency, .. })
        | C::RegisterWallet(RegisterWallet { currency, .. })
        | C::RegisterSeller(RegisterSeller { currency, .. })
            if slip == Mistake::AnyThing =>
        {
            *currency = Currency::JPY;
        }
        _ => {}
    }
}

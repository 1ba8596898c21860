//! Who takes part: somebody new, known in other words, or in words that nobody can take.

use engine::*;
use money::{Currency, Rate};
use tariff::ClassNo;

use super::{Roll, Slip};
use crate::world;

/// Somebody or something new, or known in other words.
pub fn party(roll: &Roll) -> Command {
    let number = u64::from(roll.step.dice[1] % 9) + 1;
    let today = roll.model.today;
    let mut command = match roll.die(0) % 14 {
        0 => Command::OpenBooks { utc_offset_minutes: [0, 480, 841][roll.die(1) % 3] },
        1 => world::bank(if number < 4 { 2 } else { number }),
        2 => world::firm(number, 30_000 * u64::from(roll.step.dice[2] % 2)),
        3 => world::courier(number),
        4 => world::terminal(number),
        5 => world::network(number),
        6 => world::wallet(number),
        7 | 8 => {
            let (terminal, courier) = (TerminalId(20 + number), roll.courier(2));
            Command::HandTerminal { terminal, courier }
        }
        9 | 10 => {
            let blocked = roll.model.terminals.iter().find(|(_, (_, blocked))| *blocked);
            let terminal = blocked.map_or(TerminalId(20 + number), |(id, _)| *id);
            Command::BlockTerminal { terminal, blocked: roll.seldom(2, 3) }
        }
        11 => {
            let rule = match roll.step.slip {
                Slip::NumberAbove => HoldRule::DaysAfterHeld(HOLD_DAYS_MAX + 1),
                _ => world::rule(roll.die(2)),
            };
            Command::SetHoldRule { jurisdiction: world::jurisdiction(roll.die(1)), rule }
        }
        12 => {
            let tariff = roll.die(1) % 2;
            let versions = roll.model.tariffs.get(&world::TARIFFS[tariff]);
            let last = versions.and_then(|versions| versions.last());
            let next = last.map_or(1, |last| last.number + 1);
            let next = u16::from(roll.number(u8::try_from(next).unwrap_or(u8::MAX)));
            let from = last.and_then(|last| last.until).unwrap_or_else(|| {
                today.plus(roll.step.dice[2] % 3).before().plus(1 - roll.step.dice[2] % 2)
            });
            let until = roll.seldom(3, 4).then_some(roll.step.dice[3] % 30);
            world::tariff(tariff, next, from, until)
        }
        _ => world::seller(number),
    };
    spoil(&mut command, roll.step.slip);
    command
}

/// By a slip, a registration that cannot be.
fn spoil(command: &mut Command, slip: Slip) {
    use Command as C;
    match command {
        C::RegisterSeller { tariff, class, jurisdiction, .. } => match slip {
            Slip::SomebodyElse => *tariff = TariffId(9),
            Slip::AmountAbove => *class = ClassNo(2),
            Slip::AmountHuge => *jurisdiction = world::jurisdiction(3),
            _ => {}
        },
        C::RegisterCourier { firm, .. } if slip == Slip::SomebodyElse => *firm = FirmId(99),
        C::RegisterTerminal { courier, .. } | C::HandTerminal { courier, .. }
            if slip == Slip::SomebodyElse =>
        {
            *courier = CourierId(99);
        }
        C::SetHoldRule { jurisdiction, .. } if slip == Slip::SomebodyElse => {
            *jurisdiction = Jurisdiction(*b"cn");
        }
        C::PublishTariff { terms, currency, .. } => match slip {
            Slip::SomebodyElse => *currency = Some(Currency::BRL),
            Slip::AmountZero => terms.classes.truncate(1),
            Slip::AmountAbove => terms.classes.swap(0, 1),
            Slip::AmountHuge => terms.cod.cash.share = Rate::from_ppm(1_000_000).expect("all"),
            _ => {}
        },
        _ => {}
    }
    match command {
        C::RegisterBank { reference, .. }
        | C::RegisterFirm { reference, .. }
        | C::RegisterCourier { reference, .. }
        | C::RegisterNetwork { reference, .. }
        | C::RegisterWallet { reference, .. }
        | C::RegisterSeller { reference, .. } => match slip {
            Slip::NumberBelow => reference.clear(),
            Slip::NumberAbove => *reference = "x".repeat(REFERENCE_BYTES_MAX + 1),
            Slip::AmountZero => reference.push('\n'),
            _ => {}
        },
        _ => {}
    }
    match command {
        C::RegisterFirm { currency, .. }
        | C::RegisterNetwork { currency, .. }
        | C::RegisterWallet { currency, .. }
        | C::RegisterSeller { currency, .. }
            if slip == Slip::AnyThing =>
        {
            *currency = Currency::JPY;
        }
        _ => {}
    }
}

//! Random days with two networks, by seed. `SWITCH_MORE_DAYS=1000` runs more.

use peers::terminal::JournalLineStatus;
use peers::{ResponseAction, ResponseCode, TerminalTask};
use switch::WalletOutcome;

use crate::world::*;

/// Knuth's linear congruential generator: the same seed makes the same day.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Sends a random request of a terminal. Returns whether the terminal could send it.
fn asks(world: &mut World, place: usize, chance: &mut Chance) -> bool {
    let terminal = &world.terminals[place].terminal;
    let lines: Vec<_> = terminal
        .journal()
        .iter()
        .filter(|line| line.status == JournalLineStatus::Effective)
        .map(|line| line.receipt)
        .collect();
    let qr: Vec<_> = terminal
        .journal()
        .iter()
        .filter(|line| line.status == JournalLineStatus::Pending)
        .map(|line| line.receipt.stan)
        .collect();
    let courier = if place == 2 { COLLEAGUE } else { COURIER };
    let amount = 1_000 + u64::try_from(chance.below(9_000)).unwrap();
    let parcel = world.parcel_with(courier, amount);
    let text = waybill(parcel);
    let card = card(u64::try_from(chance.below(50)).unwrap());
    let pin = card.pin();
    let pin = (chance.below(2) == 0).then_some(&pin);
    let mut pick = |count: usize| chance.below(count.max(1));
    let line = lines.get(pick(lines.len()));
    let task = match (pick(12), line) {
        (0, Some(line))
            if matches!(line.kind, peers::terminal::TerminalRequestKind::PreAuthorisation) =>
        {
            TerminalTask::Completion { stan: line.stan, amount: line.amount / 2 + 1 }
        }
        (1, Some(line)) => TerminalTask::Void { stan: line.stan },
        (2, Some(line)) => TerminalTask::VoidPreAuthorisation { stan: line.stan },
        (3, Some(line)) => TerminalTask::Refund { receipt: line, amount: line.amount / 3 + 1 },
        (4, Some(line)) => TerminalTask::CashRefund { stan: line.stan },
        (5, _) => TerminalTask::Cash { waybill: &text, amount, tendered: amount + 50 },
        (6, _) => TerminalTask::Qr { waybill: &text, amount },
        (7, _) if !qr.is_empty() => TerminalTask::QrStatus { stan: qr[0] },
        (8 | 9, _) => TerminalTask::PreAuthorisation { waybill: &text, card: &card, amount, pin },
        _ => TerminalTask::Sale { waybill: &text, card: &card, amount, pin },
    };
    world.ask(place, task).is_ok()
}

/// Runs a day. Returns the number of transactions in the books.
fn a_day(seed: u64, steps: usize) -> usize {
    let mut chance = Chance(seed);
    let mut world = World::with(2, 2);
    (1..3).for_each(|place| world.sign_on(place));
    for _ in 0..steps {
        let place = chance.below(3);
        match chance.below(40) {
            0..=11 => {
                world.books_step();
            }
            12..=16 => {
                world.network_receives();
            }
            17..=21 => {
                world.switch_receives_from_network();
            }
            22..=25 => {
                world.switch_receives_from_terminal();
            }
            26..=29 => {
                world.terminal_receives();
            }
            30..=32
                if !world.terminals[place].terminal.awaits_answer()
                    && !world.continue_terminal(place) =>
            {
                if world.terminals[place].terminal.must_sign_on() {
                    let _ = world.ask(place, TerminalTask::SignOn);
                } else {
                    asks(&mut world, place, &mut chance);
                }
            }
            33 => world.advance_to(world.now + 1_000 * u64::try_from(chance.below(20)).unwrap()),
            34 => {
                world.kill_gateway(place);
                world.time_out_terminal(place);
            }
            35 => {
                let action = [
                    ResponseAction::Silent,
                    ResponseAction::Lost,
                    ResponseAction::Decline { code: ResponseCode::INSUFFICIENT_FUNDS },
                    ResponseAction::Late { ms: 17_000 },
                    ResponseAction::Double,
                    ResponseAction::WrongMac,
                    ResponseAction::LateDecline { code: ResponseCode::DO_NOT_HONOUR, ms: 16_000 },
                ][chance.below(7)];
                world.script_network(chance.below(2), &[action]);
            }
            36 if world.terminals[place].terminal.awaits_answer() => {
                let message = world.terminals[place].terminal.repeat(world.now).unwrap();
                world.send(place, message.to_vec());
            }
            37 => {
                let number = chance.below(40).max(1);
                let reference = format!("{:08}{:06}{number:06}", place + 1, 1);
                let trace = world.trace(place, u32::try_from(number).unwrap());
                if let Some(view) = world.engine.transaction(trace) {
                    let outcome = [PAID, FAILED, WalletOutcome::Paid(SECOND)][chance.below(3)];
                    world.send_wallet_notification(&reference, view.amount.minor(), outcome);
                }
            }
            // After each crash all terminals sign on.
            38 if chance.below(15) == 0 => world.crash(),
            39 if chance.below(3) == 0 => world.outage(chance.below(2)),
            _ => {}
        }
        if chance.below(20) == 0 {
            world.reconnect();
        }
        world.now += 37;
    }
    world.reconnect();
    // Terminals whose session a crash has ended sign on and repeat: a code may be shown only now.
    world.run_until_idle();
    world.advance_to(world.now + 121_000);
    world.run_until_idle();
    world.reconnect();
    world.run_until_idle();
    for _ in 0..3 {
        for (reference, amount) in world.switch.wallet_refunds_due(WALLET) {
            for payment in [FIRST, SECOND] {
                world.wallet(&reference, amount, WalletOutcome::Refunded(payment));
            }
        }
        world.run_until_idle();
    }
    inquire_pending_codes(&mut world);
    let wrong = world.disagreements();
    assert!(wrong.is_empty(), "seed {seed}:\n{}\n{:?}", wrong.join("\n"), world.operator_events);
    world.transactions().len()
}

/// Sends a status inquiry for each QR code that is not paid yet.
fn inquire_pending_codes(world: &mut World) {
    for place in 0..3 {
        if world.terminals[place].terminal.must_sign_on() {
            world.sign_on(place);
        }
        let waiting: Vec<u32> = world.terminals[place]
            .terminal
            .journal()
            .iter()
            .filter(|line| line.status == JournalLineStatus::Pending)
            .map(|line| line.receipt.stan)
            .collect();
        for stan in waiting {
            world.run(place, TerminalTask::QrStatus { stan });
            world.run_until_idle();
        }
    }
}

#[test]
fn random_days_end_with_all_books_agreeing() {
    let more = std::env::var("SWITCH_MORE_DAYS").ok().and_then(|text| text.parse().ok());
    let done: usize = (1..=60 + more.unwrap_or(0)).map(|seed| a_day(seed, 2_000)).sum();
    assert!(done > 60 * 20, "{done} transactions are too few");
}

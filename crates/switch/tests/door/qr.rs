//! QR codes: shown, asked about, paid, expired, given back.

use engine::view::TenderState;
use peers::{Heard, Task};
use switch::{Happening, WalletOutcome, WalletReply};

use crate::world::*;

/// Shows a code; its STAN, and the reference in it.
fn shown(world: &mut World, amount: u64) -> (u32, String) {
    let parcel = world.parcel(amount);
    let text = waybill(parcel);
    let Heard::QrShown { stan, text } = world.does(0, Task::Qr { waybill: &text, amount }) else {
        panic!("{:?}", world.terminals[0].heard)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    assert!(text.contains(&reference) && text.starts_with("000201"), "{text}");
    (stan, reference)
}

#[test]
fn a_code_is_shown_and_paid() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.does(0, Task::QrStatus { stan }), Heard::Waiting { stan });
    let Heard::QrShown { .. } = world.does(0, Task::QrStatus { stan }) else {
        assert_eq!(world.wallet(&reference, 5_000, WalletOutcome::Paid), WalletReply::Accepted);
        assert_eq!(world.wallet(&reference, 5_000, WalletOutcome::Paid), WalletReply::Accepted);
        assert!(matches!(world.does(0, Task::QrStatus { stan }), Heard::Approved { .. }));
        return world.agree();
    };
}

#[test]
fn a_code_that_is_asked_for_again_is_shown_again() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    for crash in [false, true] {
        if crash {
            world.crash();
        }
        assert!(
            matches!(world.repeats(0), Heard::QrShown { text, .. } if text.contains(&reference))
        );
    }
    assert_eq!(world.wallet(&reference, 5_000, WalletOutcome::Paid), WalletReply::Accepted);
}

#[test]
fn another_amount_or_order_is_not_taken() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 4_999, WalletOutcome::Paid), WalletReply::Refund);
    let other = "00000001000001000099";
    assert_eq!(world.wallet(other, 5_000, WalletOutcome::Paid), WalletReply::UnknownOrder);
    assert_eq!(world.wallet("nonsense", 5_000, WalletOutcome::Paid), WalletReply::UnknownOrder);
}

#[test]
fn who_pays_too_late_gets_it_back() {
    for crash in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        if crash {
            world.crash();
        }
        world.time_passes(world.now + 120_000);
        world.settle();
        assert_eq!(world.declined(0, Task::QrStatus { stan }), "68");
        assert_eq!(world.wallet(&reference, 5_000, WalletOutcome::Paid), WalletReply::Refund);
        assert!(world.happened.contains(&Happening::PaidTooLate));
        world.agree();
    }
}

#[test]
fn a_buyer_who_gives_up_ends_the_code() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, WalletOutcome::Failed), WalletReply::Accepted);
    assert_eq!(world.declined(0, Task::QrStatus { stan }), "68");
    world.agree();
}

#[test]
fn what_was_paid_by_qr_is_given_back_by_the_wallet_also_after_a_restart() {
    for crash in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        world.wallet(&reference, 5_000, WalletOutcome::Paid);
        world.does(0, Task::QrStatus { stan });
        world.approved(0, Task::QrBack { stan });
        assert!(matches!(world.repeats(0), Heard::Approved { .. }), "the first answer again");
        if crash {
            world.crash();
        }
        assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
        let wrong = world.wallet(&reference, 4_000, WalletOutcome::Refunded);
        assert_eq!(wrong, WalletReply::UnknownOrder);
        let right = world.wallet(&reference, 5_000, WalletOutcome::Refunded);
        assert_eq!(right, WalletReply::Accepted);
        assert_eq!(world.state(0, stan), TenderState::Reversed);
        assert!(world.switch.to_give_back(WALLET).is_empty());
        let again = world.wallet(&reference, 5_000, WalletOutcome::Refunded);
        assert_eq!(again, WalletReply::Accepted);
        world.agree();
    }
}

#[test]
fn a_code_that_the_terminal_takes_back_is_void_at_once_or_given_back() {
    for paid in [false, true] {
        for crash in [false, true] {
            let mut world = World::open();
            let (stan, reference) = shown(&mut world, 5_000);
            if paid {
                world.wallet(&reference, 5_000, WalletOutcome::Paid);
            }
            world.ask(0, Task::Reverse { stan }).unwrap();
            world.switch_hears_terminal();
            // The question, and the beginning of the reversal.
            world.book();
            world.book();
            if crash {
                world.crash();
            }
            world.settle();
            if paid {
                assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
                world.wallet(&reference, 5_000, WalletOutcome::Refunded);
            } else {
                let late = world.wallet(&reference, 5_000, WalletOutcome::Paid);
                assert_eq!(late, WalletReply::Refund);
            }
            world.agree();
        }
    }
}

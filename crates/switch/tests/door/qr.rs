//! QR codes: shown, asked about, paid, expired, given back.

use engine::view::TenderState;
use money::Currency;
use peers::{Heard, Task};
use switch::{Happening, OrderStanding as O, WalletOutcome as W, WalletReply};

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
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
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
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
}

#[test]
fn another_amount_or_order_is_not_taken() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 4_999, PAID), WalletReply::Refund);
    let other = "00000001000001000099";
    assert_eq!(world.wallet(other, 5_000, PAID), WalletReply::UnknownOrder);
    assert_eq!(world.wallet("nonsense", 5_000, PAID), WalletReply::UnknownOrder);
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
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
        assert!(world.happened.contains(&Happening::PaidTooLate));
        assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
        let back = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(back, WalletReply::Accepted);
        world.agree();
    }
}

#[test]
fn a_buyer_who_gives_up_ends_the_code() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, FAILED), WalletReply::Accepted);
    assert_eq!(world.declined(0, Task::QrStatus { stan }), "68");
    world.agree();
}

#[test]
fn what_was_paid_by_qr_is_given_back_by_the_wallet_also_after_a_restart() {
    for crash in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        world.wallet(&reference, 5_000, PAID);
        world.does(0, Task::QrStatus { stan });
        world.approved(0, Task::QrBack { stan });
        assert!(matches!(world.repeats(0), Heard::Approved { .. }), "the first answer again");
        if crash {
            world.crash();
        }
        assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
        let wrong = world.wallet(&reference, 4_000, REFUNDED);
        assert_eq!(wrong, WalletReply::Contradiction);
        world.wallet_tells_in(Currency::BRL, &reference, 5_000, REFUNDED);
        world.settle();
        assert_eq!(world.replies.last().unwrap().1, WalletReply::Contradiction);
        assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
        let right = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(right, WalletReply::Accepted);
        assert_eq!(world.state(0, stan), TenderState::Reversed);
        assert!(world.switch.to_give_back(WALLET).is_empty());
        let again = world.wallet(&reference, 5_000, REFUNDED);
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
                world.wallet(&reference, 5_000, PAID);
            }
            world.ask(0, Task::Reverse { stan }).unwrap();
            world.switch_hears_terminal();
            // That it was heard of, the question, and the beginning of the reversal.
            world.book();
            world.book();
            world.book();
            if crash {
                world.crash();
            }
            world.settle();
            if paid {
                assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
            } else {
                let late = world.wallet(&reference, 5_000, PAID);
                assert_eq!(late, WalletReply::Refund);
            }
            world.wallet(&reference, 5_000, REFUNDED);
            assert!(world.switch.to_give_back(WALLET).is_empty());
            world.agree();
        }
    }
}

/// A code that nobody has paid in time, in a batch that the terminal has long closed.
fn forgotten() -> (World, u32, String) {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    world.time_passes(world.now + 120_000);
    world.settle();
    two_batches_later(&mut world, stan);
    (world, stan, reference)
}

/// The terminal asks what became of a code, and closes its batch and the next one, each with
/// cash in it.
fn two_batches_later(world: &mut World, stan: u32) {
    world.does(0, Task::QrStatus { stan });
    for _ in 0..2 {
        let text = waybill(world.parcel(500));
        world.approved(0, Task::Cash { waybill: &text, amount: 500, tendered: 500 });
        let heard = world.does(0, Task::Settle);
        assert!(matches!(heard, Heard::BatchAgreed { .. }), "{heard:?}");
        world.sign_on(0);
    }
    let trace = engine::Trace { batch: 1, ..world.trace(0, stan) };
    assert_eq!(world.engine.transaction(trace), None);
}

fn late_approvals(world: &World) -> usize {
    let late = |event: &&engine::Event| matches!(event, engine::Event::LateApproval { .. });
    world.events.iter().filter(late).count()
}

#[test]
fn what_is_paid_when_its_batch_is_forgotten_goes_back_and_is_in_the_books() {
    for crash in [false, true] {
        let (mut world, _, reference) = forgotten();
        assert_eq!(world.wallet_looks(&reference), Some(O::Expired));
        let paid = world.wallet(&reference, 5_000, PAID);
        assert_eq!(paid, WalletReply::Refund);
        assert!(world.happened.contains(&Happening::PaidTooLate));
        if crash {
            world.crash();
        }
        // The wallet has missed the answer: it finds the order, and is told the same again.
        assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
        assert_eq!(world.wallet_looks(&reference), Some(O::ToGiveBack));
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!(again, WalletReply::Refund);
        assert_eq!((world.switch.chased(), late_approvals(&world)), (1, 1));
        let given_back = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(given_back, WalletReply::Accepted);
        assert!(world.switch.to_give_back(WALLET).is_empty());
        assert_eq!(world.wallet_looks(&reference), Some(O::GivenBack));
        world.agree();
    }
}

#[test]
fn a_note_that_is_told_again_changes_nothing_however_late() {
    let (mut world, _, reference) = forgotten();
    world.wallet(&reference, 5_000, PAID);
    world.wallet(&reference, 5_000, REFUNDED);
    // Given back once, it is not asked back again.
    let again = world.wallet(&reference, 5_000, PAID);
    assert_eq!((again, late_approvals(&world)), (WalletReply::Refund, 1));
    assert!(world.switch.to_give_back(WALLET).is_empty());
    let again = world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(again, WalletReply::Accepted);
    // What was paid in time stays so when its batch is forgotten.
    let (stan, paid) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&paid, 5_000, PAID), WalletReply::Accepted);
    world.approved(0, Task::QrStatus { stan });
    for _ in 0..2 {
        world.does(0, Task::Settle);
        world.sign_on(0);
    }
    assert_eq!(world.wallet(&paid, 5_000, PAID), WalletReply::Accepted);
    assert_eq!(world.wallet_looks(&paid), Some(O::Paid));
    world.agree();
}

#[test]
fn a_note_told_again_after_its_order_went_back_is_answered_as_before() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    world.ask(0, Task::Reverse { stan }).unwrap();
    world.settle();
    for (refunded, standing) in [(false, O::ToGiveBack), (true, O::GivenBack)] {
        if refunded {
            world.wallet(&reference, 5_000, REFUNDED);
        }
        assert_eq!(world.wallet_looks(&reference), Some(standing));
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!(again, WalletReply::Accepted);
        assert_eq!(late_approvals(&world), 0);
    }
    world.agree();
}

#[test]
fn an_order_that_was_not_paid_after_all_leaves_the_list() {
    for crash in [false, true] {
        let (mut world, _, reference) = forgotten();
        world.wallet(&reference, 5_000, PAID);
        if crash {
            world.crash();
        }
        let failed = world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
        assert_eq!(failed, WalletReply::Accepted);
        assert!(world.switch.to_give_back(WALLET).is_empty());
        assert_eq!((world.switch.chased(), world.engine.to_chase().count()), (0, 0));
        assert_eq!(world.wallet_looks(&reference), Some(O::Expired));
        // That it was paid, told once more, does not bring it back.
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!((again, late_approvals(&world)), (WalletReply::Refund, 1));
        assert_eq!(world.wallet_looks(&reference), Some(O::Expired));
        world.agree();
    }
}

#[test]
fn what_was_told_before_a_late_payment_does_not_end_its_way_back() {
    for crash in [false, true] {
        for before in [W::Failed(None), W::Failed(Some(SECOND)), W::Refunded(SECOND)] {
            let mut world = World::open();
            let (_, reference) = shown(&mut world, 5_000);
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Accepted);
            assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
            if crash {
                world.crash();
            }
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Contradiction);
            assert_eq!(world.wallet_looks(&reference), Some(O::ToGiveBack));
            assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
            assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
            assert_eq!(world.wallet_looks(&reference), Some(O::GivenBack));
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Accepted);
            world.agree();
        }
    }
}

#[test]
fn a_second_payment_of_an_order_goes_back_and_leaves_the_first_alone() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    for standing in [O::Paid, O::ToGiveBack, O::GivenBack] {
        match standing {
            O::ToGiveBack => {
                world.approved(0, Task::QrBack { stan });
            }
            O::GivenBack => {
                assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
            }
            _ => {}
        }
        world.happened.clear();
        assert_eq!(world.wallet(&reference, 5_000, W::Paid(SECOND)), WalletReply::Refund);
        assert_eq!(world.happened, [Happening::WrongPayment]);
        let back = world.wallet(&reference, 5_000, W::Refunded(SECOND));
        let in_list = standing == O::ToGiveBack;
        let expected = if in_list { WalletReply::Contradiction } else { WalletReply::Accepted };
        assert_eq!(back, expected, "{standing:?}");
        assert_eq!(world.wallet_looks(&reference), Some(standing));
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        world.does(0, Task::QrStatus { stan });
    }
    assert_eq!(late_approvals(&world), 0);
    world.agree();
}

#[test]
fn of_two_payments_at_once_one_is_the_orders() {
    for late in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        if late {
            world.time_passes(world.now + 120_000);
            world.settle();
        }
        for payment in [FIRST, SECOND, FIRST] {
            world.wallet_tells(&reference, 5_000, W::Paid(payment));
        }
        world.settle();
        let first = if late { WalletReply::Refund } else { WalletReply::Accepted };
        let mut replies = world.replies.iter().map(|reply| reply.1).collect::<Vec<_>>();
        replies.sort_by_key(|reply| *reply == WalletReply::Refund);
        assert_eq!(replies, [first, first, WalletReply::Refund]);
        assert_eq!(late_approvals(&world), usize::from(late));
        assert_eq!(world.happened.iter().filter(|&h| *h == Happening::WrongPayment).count(), 1);
        world.does(0, Task::QrStatus { stan });
        if late {
            assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
        }
        world.agree();
    }
}

#[test]
fn a_late_payment_after_one_that_was_none_is_in_the_list() {
    let (mut world, _, reference) = forgotten();
    world.wallet(&reference, 5_000, PAID);
    world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
    assert_eq!(world.wallet(&reference, 5_000, W::Paid(SECOND)), WalletReply::Refund);
    let before = world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
    assert_eq!(before, WalletReply::Contradiction);
    assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
    assert_eq!(world.wallet(&reference, 5_000, W::Refunded(SECOND)), WalletReply::Accepted);
    world.agree();
}

#[test]
fn a_terminal_is_not_told_the_wallets_payment_as_a_code() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    world.wallet(&reference, 5_000, PAID);
    let heard = world.repeats(0);
    let Heard::Approved { receipt, .. } = &heard else { panic!("{heard:?}") };
    assert_eq!(receipt.authorisation, [b' '; 6]);
}

#[test]
fn a_wallet_that_denies_what_the_books_have_as_paid_is_told_so() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet_looks(&reference), Some(O::Waiting));
    world.wallet(&reference, 5_000, PAID);
    // Nobody has asked for it back.
    for outcome in [FAILED, REFUNDED] {
        assert_eq!(world.wallet(&reference, 5_000, outcome), WalletReply::Contradiction);
        assert_eq!(world.wallet_looks(&reference), Some(O::Paid));
    }
    assert!(world.happened.contains(&Happening::WalletContradicts));
    world.does(0, Task::QrStatus { stan });
    world.approved(0, Task::QrBack { stan });
    let failed = world.wallet(&reference, 5_000, FAILED);
    assert_eq!(failed, WalletReply::Contradiction);
    assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
    assert_eq!(world.wallet_looks(&reference), Some(O::ToGiveBack));
    world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(world.wallet_looks(&reference), Some(O::GivenBack));
    assert_eq!(world.wallet_looks("00000001000001000099"), None);
    assert_eq!(world.wallet_looks("nonsense"), None);
    world.agree();
}

#[test]
fn a_payment_of_another_amount_that_went_back_leaves_its_order_alone() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 4_999, PAID), WalletReply::Refund);
    assert!(world.happened.contains(&Happening::WrongPayment));
    assert_eq!(world.wallet(&reference, 4_999, REFUNDED), WalletReply::Accepted);
    assert_eq!(world.wallet_looks(&reference), Some(O::Waiting));
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
}

#[test]
fn what_is_paid_while_the_terminal_takes_its_code_back_goes_back() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    world.ask(0, Task::Reverse { stan }).unwrap();
    world.switch_hears_terminal();
    // It was heard of; the question of the terminal, then that of the wallet, then the reversal.
    world.book();
    world.wallet_tells(&reference, 5_000, PAID);
    world.settle();
    assert_eq!(world.replies.last().unwrap().1, WalletReply::Refund);
    assert_eq!(world.switch.to_give_back(WALLET), [(reference.clone(), 5_000)]);
    world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(world.wallet_looks(&reference), Some(O::GivenBack));
    world.agree();
}

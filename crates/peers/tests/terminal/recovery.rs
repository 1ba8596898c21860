//! What a terminal does when answers are missing, wrong or late.

use peers::terminal::{After, Kind, Parameters, Standing, Sum, TerminalError};
use peers::{Heard, Task, Terminal};
use proptest::prelude::*;

use super::host::{Says, Seal, YES, answer, fields, mti, open, says, text};
use super::{NOW_MS, approved, card, sell, signed_on, sold, tell, waybill};

const LATER_MS: u64 = NOW_MS + 60_000;

/// A sale whose answer does not come.
fn unanswered(terminal: &mut Terminal, amount: u64) -> Vec<u8> {
    let question = terminal.ask(sell(&waybill(), &card(), amount), NOW_MS).unwrap();
    assert_eq!(terminal.timed_out(LATER_MS), Some(After::Reverse));
    question.to_vec()
}

fn first(terminal: &mut Terminal) -> Vec<u8> {
    terminal.must_first(LATER_MS).unwrap().unwrap().to_vec()
}

#[test]
fn without_an_answer_a_sale_is_reversed_before_anything_else() {
    let mut terminal = signed_on();
    unanswered(&mut terminal, 1_250);
    assert_eq!(terminal.reversing(), Some(2));
    let refused = terminal.ask(sell(&waybill(), &card(), 5), LATER_MS);
    assert!(matches!(refused, Err(TerminalError::SomethingFirst)));

    let reversal = first(&mut terminal);
    assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "98".into()));
    assert_eq!(fields(&reversal), [3, 4, 11, 25, 39, 41, 42, 49, 60, 64]);
    assert_eq!((text(&reversal, 11), text(&reversal, 60)), ("000002".into(), "22000007".into()));
    assert_eq!((text(&reversal, 3), text(&reversal, 25)), ("000000".into(), "00".into()));
    assert_eq!(open(&reversal).number(4).unwrap(), 1_250);

    assert_eq!(terminal.timed_out(LATER_MS + 60_000), Some(After::Reverse));
    let again = first(&mut terminal);
    assert_eq!((mti(&again), text(&again, 11)), ("0401".into(), "000002".into()));
    assert_eq!(
        terminal.hear(&mut answer(&again, says("96"))).unwrap(),
        Heard::ReversalRefused { stan: 2, code: *b"96" }
    );
    let again = first(&mut terminal);
    assert!(terminal.must_be_looked_at());
    let heard = terminal.hear(&mut answer(&again, YES)).unwrap();
    assert_eq!(heard, Heard::Reversed { stan: 2, code: *b"00" });
    assert!(terminal.must_first(LATER_MS).unwrap().is_none());
    sold(&mut terminal, 5);
}

#[test]
fn a_late_approval_after_the_reversal_changes_nothing() {
    let mut terminal = signed_on();
    let sale = unanswered(&mut terminal, 1_250);
    assert_eq!(terminal.hear(&mut answer(&sale, YES)).unwrap(), Heard::Stray);
    let reversal = first(&mut terminal);
    assert_eq!(terminal.hear(&mut answer(&sale, YES)).unwrap(), Heard::Stray);
    let heard = terminal.hear(&mut answer(&reversal, says("25"))).unwrap();
    assert_eq!(heard, Heard::Reversed { stan: 2, code: *b"25" });
    assert!(terminal.journal().is_empty());
}

#[test]
fn a_wrong_mac_is_no_answer() {
    for seal in [Seal::Wrong, Seal::Missing] {
        let mut terminal = signed_on();
        let said = Says { seal, ..YES };
        let heard = tell(&mut terminal, sell(&waybill(), &card(), 5), said);
        assert_eq!(heard, Heard::WrongMac);
        let reversal = first(&mut terminal);
        assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "A0".into()));
        let wrong = Says { seal: Seal::Wrong, ..YES };
        let heard = terminal.hear(&mut answer(&reversal, wrong)).unwrap();
        assert_eq!(heard, Heard::WrongMac);
        assert_eq!(mti(&first(&mut terminal)), "0401");
    }
}

#[test]
fn the_refusal_of_a_wrong_mac_needs_no_mac_and_no_other_does_without() {
    let mut terminal = signed_on();
    let refusal = Says { seal: Seal::Missing, ..says("A0") };
    let heard = tell(&mut terminal, sell(&waybill(), &card(), 5), refusal);
    assert_eq!(heard, Heard::SignOnFirst { code: *b"A0" });
    assert!(terminal.must_sign_on() && terminal.reversing().is_none());
    for code in ["51", "30", "77", "96", "97"] {
        let mut terminal = signed_on();
        let refusal = Says { seal: Seal::Missing, ..says(code) };
        let heard = tell(&mut terminal, sell(&waybill(), &card(), 5), refusal);
        assert_eq!(heard, Heard::WrongMac, "{code}: the sale may stand");
        assert!(terminal.reversing().is_some(), "{code}");
    }
}

#[test]
fn a_reversal_that_needs_a_sign_on_waits_for_it_and_keeps_its_batch() {
    let mut terminal = signed_on();
    unanswered(&mut terminal, 5);
    let reversal = first(&mut terminal);
    let refusal = Says { seal: Seal::Missing, ..says("A0") };
    let heard = terminal.hear(&mut answer(&reversal, refusal)).unwrap();
    assert_eq!(heard, Heard::SignOnFirst { code: *b"A0" });
    assert!(terminal.must_first(LATER_MS).unwrap().is_none());
    tell(&mut terminal, Task::SignOn, Says { batch: 8, ..YES });
    let again = first(&mut terminal);
    assert_eq!((mti(&again), text(&again, 60)), ("0401".into(), "22000007".into()));
    terminal.hear(&mut answer(&again, YES)).unwrap();
    assert_eq!(terminal.reversing(), None);
}

#[test]
fn a_repeat_is_the_same_bytes_and_is_written_once() {
    let mut terminal = signed_on();
    let question = terminal.ask(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
    let repeat = terminal.again(NOW_MS + 1_000).unwrap();
    assert_eq!(question, repeat);
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 61_000));
    let receipt = approved(terminal.hear(&mut answer(&repeat, YES)).unwrap());
    let third = terminal.again(NOW_MS + 2_000).unwrap();
    assert_eq!(approved(terminal.hear(&mut answer(&third, YES)).unwrap()), receipt);
    assert_eq!(terminal.totals().card_debits, Sum { count: 1, amount: 5 });
    let new = super::terminal().again(NOW_MS);
    assert!(matches!(new, Err(TerminalError::NothingToRepeat)));
}

#[test]
fn a_refund_and_totals_without_an_answer_are_repeated_not_reversed() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 5);
    let question = terminal.ask(Task::Refund { receipt: &receipt, amount: 5 }, NOW_MS).unwrap();
    assert_eq!(terminal.timed_out(LATER_MS), Some(After::Repeat));
    let refused = terminal.ask(Task::Settle, LATER_MS);
    assert!(matches!(refused, Err(TerminalError::SomethingFirst)));
    let repeat = first(&mut terminal);
    assert_eq!(question.to_vec(), repeat);
    approved(terminal.hear(&mut answer(&repeat, YES)).unwrap());

    let totals = terminal.ask(Task::Settle, NOW_MS).unwrap();
    assert_eq!(terminal.timed_out(LATER_MS), Some(After::Repeat));
    let repeat = first(&mut terminal);
    assert_eq!(totals.to_vec(), repeat);
    let heard = terminal.hear(&mut answer(&repeat, YES)).unwrap();
    assert!(matches!(heard, Heard::BatchAgreed { .. }));
}

#[test]
fn what_could_not_be_finished_is_reversed_with_06() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 5);
    let reversal = terminal.ask(Task::Reverse { stan: receipt.stan }, NOW_MS).unwrap();
    assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "06".into()));
    terminal.hear(&mut answer(&reversal, YES)).unwrap();
    assert_eq!(terminal.journal()[0].standing, Standing::Reversed);
    assert_eq!(terminal.totals().card_debits.count, 0, "reversed ones do not count");

    let question = terminal.ask(sell(&waybill(), &card(), 6), NOW_MS).unwrap();
    let waiting = terminal.last_stan();
    let reversal = terminal.ask(Task::Reverse { stan: waiting }, NOW_MS).unwrap();
    assert_eq!(text(&reversal, 39), "06");
    assert_eq!(terminal.hear(&mut answer(&question, YES)).unwrap(), Heard::Stray);
    terminal.hear(&mut answer(&reversal, YES)).unwrap();
    let unknown = terminal.ask(Task::Reverse { stan: 999 }, NOW_MS);
    assert!(matches!(unknown, Err(TerminalError::NotInJournal(999))));
}

#[test]
fn what_the_switch_says_of_a_void_s_reversal_holds() {
    for (code, credits) in [("12", Sum { count: 1, amount: 5 }), ("25", Sum::default())] {
        let mut terminal = signed_on();
        sold(&mut terminal, 5);
        let void = approved(tell(&mut terminal, Task::Void { stan: 2 }, YES));
        let heard = tell(&mut terminal, Task::Reverse { stan: void.stan }, says(code));
        assert!(matches!(heard, Heard::Reversed { stan: 3, .. }));
        assert_eq!(terminal.totals().card_credits, credits, "{code}");
    }
}

#[test]
fn what_stands_though_its_answer_was_lost_is_written_down() {
    let mut terminal = signed_on();
    sold(&mut terminal, 5);
    let hold = Task::PreAuthorise { waybill: &waybill(), card: &card(), amount: 9, pin: None };
    tell(&mut terminal, hold, YES);
    for (task, kind) in [
        (Task::Void { stan: 2 }, Kind::Void),
        (Task::VoidPreAuthorisation { stan: 3 }, Kind::VoidPreAuthorisation),
    ] {
        terminal.ask(task, NOW_MS).unwrap();
        let stan = terminal.last_stan();
        assert_eq!(terminal.timed_out(LATER_MS), Some(After::Reverse));
        let reversal = first(&mut terminal);
        let heard = terminal.hear(&mut answer(&reversal, says("12"))).unwrap();
        assert_eq!(heard, Heard::Reversed { stan, code: *b"12" });
        let line = terminal.journal().last().unwrap();
        assert_eq!((line.receipt.kind, line.standing), (kind, Standing::Stands));
        assert_eq!((line.receipt.stan, line.receipt.date), (stan, 828));
    }
    assert_eq!(terminal.totals().card_credits, Sum { count: 1, amount: 5 });
    assert_eq!(terminal.journal()[1].standing, Standing::Ended, "nothing is held any more");
}

#[test]
fn a_reversed_completion_leaves_the_hold_standing() {
    let mut terminal = signed_on();
    let task = Task::PreAuthorise { waybill: &waybill(), card: &card(), amount: 9, pin: None };
    tell(&mut terminal, task, YES);
    tell(&mut terminal, Task::Complete { stan: 2, amount: 8 }, YES);
    assert_eq!(terminal.journal()[0].standing, Standing::Ended);
    tell(&mut terminal, Task::Reverse { stan: 3 }, YES);
    assert_eq!(terminal.journal()[0].standing, Standing::Stands);
    assert_eq!(terminal.totals().card_debits.count, 0);
}

const LIMITS: Parameters = Parameters {
    answer_within_s: 60,
    reversal_tries: 3,
    offline_each: 100,
    offline_total: 150,
    batch_transactions: 500,
    echo_every_s: 300,
};

#[test]
fn offline_sales_are_forwarded_in_their_order_before_anything_else() {
    let mut terminal = signed_on();
    let waybill = waybill();
    let card = card();
    let offline = |amount| Task::Offline { waybill: &waybill, card: &card, amount };
    assert!(matches!(terminal.ask(offline(1), NOW_MS), Err(TerminalError::OfflineLimit)));
    terminal.set_parameters(LIMITS);
    assert!(matches!(terminal.ask(offline(101), NOW_MS), Err(TerminalError::OfflineLimit)));
    let receipt = terminal.approve_offline(&waybill, &card, 90, NOW_MS).unwrap();
    let second = terminal.approve_offline(&waybill, &card, 60, NOW_MS + 1_000).unwrap();
    assert!(matches!(terminal.ask(offline(1), NOW_MS), Err(TerminalError::OfflineLimit)));
    assert_eq!((terminal.to_forward(), terminal.next_to_forward()), (2, Some(receipt.stan)));
    assert_eq!(terminal.totals().card_debits.count, 0, "counted when it is taken");

    let question = first(&mut terminal);
    assert_eq!((mti(&question), text(&question, 60)), ("0220".into(), "36000007".into()));
    assert_eq!(
        fields(&question),
        [2, 3, 4, 11, 12, 13, 14, 22, 23, 25, 38, 41, 42, 49, 55, 58, 60, 64]
    );
    assert_eq!((text(&question, 12), text(&question, 22)), ("101112".into(), "052".into()));
    assert_eq!(text(&question, 38).as_bytes(), receipt.authorisation);
    assert_eq!(terminal.timed_out(LATER_MS + 60_000), Some(After::Repeat));
    assert_eq!(first(&mut terminal), question, "forwarded again as it was");
    let heard = terminal.hear(&mut answer(&question, says("96"))).unwrap();
    assert!(matches!(heard, Heard::Declined(declined) if declined.kind == Kind::Offline));
    assert_eq!(terminal.to_forward(), 2, "nobody could say: it waits on");
    let question = first(&mut terminal);
    let taken = approved(terminal.hear(&mut answer(&question, YES)).unwrap());
    assert_eq!((taken.stan, taken.authorisation), (receipt.stan, receipt.authorisation));

    let question = first(&mut terminal);
    assert_eq!(open(&question).number(11).unwrap(), u64::from(second.stan));
    terminal.hear(&mut answer(&question, says("61"))).unwrap();
    assert_eq!(terminal.to_forward(), 0, "refused is refused");
    assert_eq!(terminal.totals().card_debits, Sum { count: 1, amount: 90 });
}

#[test]
fn an_upload_that_the_switch_does_not_want_is_dropped() {
    for (code, dropped) in [("12", true), ("77", true), ("96", false)] {
        let mut terminal = signed_on();
        sold(&mut terminal, 5);
        tell(&mut terminal, Task::Settle, says("95"));
        tell(&mut terminal, Task::Upload, says(code));
        assert_eq!(terminal.must_sign_on(), dropped, "{code}");
        assert_eq!(terminal.must_first(LATER_MS).unwrap().is_none(), dropped, "{code}");
    }
}

#[test]
fn a_full_batch_must_be_settled() {
    let mut terminal = signed_on();
    terminal.set_parameters(Parameters { batch_transactions: 2, ..LIMITS });
    sold(&mut terminal, 1);
    sold(&mut terminal, 1);
    let third = terminal.ask(sell(&waybill(), &card(), 1), NOW_MS);
    assert!(matches!(third, Err(TerminalError::BatchFull)));
    assert!(terminal.ask(Task::Settle, NOW_MS).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_heard_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut terminal = signed_on();
        terminal.ask(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
        let _ = terminal.hear(&mut bytes);
        prop_assert!(terminal.waits());
        prop_assert!(terminal.journal().is_empty());
    }

    #[test]
    fn any_answer_under_a_right_mac_is_heard_without_harm(
        code in "[0-9A-Z]{2}",
        private in prop::collection::vec(any::<u8>(), 0..60),
        digits in "[0-9]{0,322}",
        task in 0..8_usize,
    ) {
        let mut terminal = signed_on();
        let receipt = sold(&mut terminal, 5);
        let (waybill, card) = (waybill(), card());
        tell(&mut terminal, Task::Qr { waybill: &waybill, amount: 5 }, says("09"));
        let tasks = [
            Task::Parameters,
            Task::Balance { card: &card, pin: None },
            sell(&waybill, &card, 5),
            Task::Void { stan: 2 },
            Task::Refund { receipt: &receipt, amount: 5 },
            Task::QrStatus { stan: 3 },
            Task::Settle,
            Task::Reverse { stan: 2 },
        ];
        let question = terminal.ask(tasks[task], NOW_MS).unwrap();
        let said = Says { totals: Some(&digits), private: Some(&private), ..says(&code) };
        let heard = terminal.hear(&mut answer(&question, said)).unwrap();
        prop_assert!(!terminal.waits());
        let signs_on = matches!(heard, Heard::SignOnFirst { .. });
        prop_assert_eq!(signs_on, ["77", "99", "A0"].contains(&code.as_str()));
    }

    #[test]
    fn an_answer_changed_anywhere_never_approves_another_amount(
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut terminal = signed_on();
        let question = terminal.ask(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
        let mut reply = answer(&question, YES);
        let place = place.index(reply.len());
        reply[place] ^= change;
        if let Ok(Heard::Approved { receipt, .. }) = terminal.hear(&mut reply) {
            prop_assert!(place < 11, "only TPDU and header are not under the MAC");
            prop_assert_eq!(receipt.amount, 5);
        }
    }
}

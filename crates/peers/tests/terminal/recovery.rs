//! Missing, wrong and late answers.

use peers::terminal::{
    JournalLineStatus, TerminalError, TerminalParameters, TerminalRequestKind, TerminalSum,
    TimeoutAction,
};
use peers::{ResponseCode, TerminalOutcome, TerminalSimulator, TerminalTask};
use proptest::prelude::*;

use super::host::{APPROVAL, HostReply, ReplyMac, answer, fields, mti, open, reply_with, text};
use super::{NOW_MS, approved, card, sell, signed_on, sold, tell, waybill};

const LATER_MS: u64 = NOW_MS + 60_000;

/// Starts a sale whose answer does not arrive.
fn unanswered(terminal: &mut TerminalSimulator, amount: u64) -> Vec<u8> {
    let request = terminal.start(sell(&waybill(), &card(), amount), NOW_MS).unwrap();
    assert_eq!(terminal.on_timeout(LATER_MS), Some(TimeoutAction::Reverse));
    request.to_vec()
}

fn first(terminal: &mut TerminalSimulator) -> Vec<u8> {
    terminal.next_pending_message(LATER_MS).unwrap().unwrap().to_vec()
}

#[test]
fn without_an_answer_a_sale_is_reversed_before_anything_else() {
    let mut terminal = signed_on();
    unanswered(&mut terminal, 1_250);
    assert_eq!(terminal.pending_reversal(), Some(2));
    let refused = terminal.start(sell(&waybill(), &card(), 5), LATER_MS);
    assert!(matches!(refused, Err(TerminalError::PendingMessageFirst)));

    let reversal = first(&mut terminal);
    assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "98".into()));
    assert_eq!(fields(&reversal), [3, 4, 11, 25, 39, 41, 42, 49, 60, 64]);
    assert_eq!((text(&reversal, 11), text(&reversal, 60)), ("000002".into(), "22000007".into()));
    assert_eq!((text(&reversal, 3), text(&reversal, 25)), ("000000".into(), "00".into()));
    assert_eq!(open(&reversal).number(4).unwrap(), 1_250);

    assert_eq!(terminal.on_timeout(LATER_MS + 60_000), Some(TimeoutAction::Reverse));
    let again = first(&mut terminal);
    assert_eq!((mti(&again), text(&again, 11)), ("0401".into(), "000002".into()));
    assert_eq!(
        terminal.receive(&mut answer(&again, reply_with("96"))).unwrap(),
        TerminalOutcome::ReversalRefused { stan: 2, code: ResponseCode::SYSTEM_ERROR }
    );
    let again = first(&mut terminal);
    assert!(terminal.needs_attention());
    let outcome = terminal.receive(&mut answer(&again, APPROVAL)).unwrap();
    assert_eq!(outcome, TerminalOutcome::Reversed { stan: 2, code: ResponseCode::APPROVED });
    assert!(terminal.next_pending_message(LATER_MS).unwrap().is_none());
    sold(&mut terminal, 5);
}

#[test]
fn a_late_approval_after_the_reversal_changes_nothing() {
    let mut terminal = signed_on();
    let sale = unanswered(&mut terminal, 1_250);
    assert_eq!(terminal.receive(&mut answer(&sale, APPROVAL)).unwrap(), TerminalOutcome::Unmatched);
    let reversal = first(&mut terminal);
    assert_eq!(terminal.receive(&mut answer(&sale, APPROVAL)).unwrap(), TerminalOutcome::Unmatched);
    let outcome = terminal.receive(&mut answer(&reversal, reply_with("25"))).unwrap();
    assert_eq!(
        outcome,
        TerminalOutcome::Reversed { stan: 2, code: ResponseCode::ORIGINAL_NOT_FOUND }
    );
    assert!(terminal.journal().is_empty());
}

#[test]
fn an_answer_with_a_wrong_mac_counts_as_none() {
    for seal in [ReplyMac::Invalid, ReplyMac::Missing] {
        let mut terminal = signed_on();
        let reply = HostReply { mac: seal, ..APPROVAL };
        let outcome = tell(&mut terminal, sell(&waybill(), &card(), 5), reply);
        assert_eq!(outcome, TerminalOutcome::WrongMac);
        let reversal = first(&mut terminal);
        assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "A0".into()));
        let wrong = HostReply { mac: ReplyMac::Invalid, ..APPROVAL };
        let outcome = terminal.receive(&mut answer(&reversal, wrong)).unwrap();
        assert_eq!(outcome, TerminalOutcome::WrongMac);
        assert_eq!(mti(&first(&mut terminal)), "0401");
    }
}

#[test]
fn only_the_refusal_of_a_wrong_mac_may_lack_a_mac() {
    let mut terminal = signed_on();
    let refusal = HostReply { mac: ReplyMac::Missing, ..reply_with("A0") };
    let outcome = tell(&mut terminal, sell(&waybill(), &card(), 5), refusal);
    assert_eq!(outcome, TerminalOutcome::SignOnRequired { code: ResponseCode::MAC_ERROR });
    assert!(terminal.must_sign_on() && terminal.pending_reversal().is_none());
    assert!(terminal.has_pending_message(), "somebody may have sent it: the sale is repeated");
    let mut terminal = signed_on();
    let (text, card_with_pin) = (waybill(), card());
    let pin = card_with_pin.pin();
    let sale =
        TerminalTask::Sale { waybill: &text, card: &card_with_pin, amount: 5, pin: Some(&pin) };
    let refusal = HostReply { mac: ReplyMac::Missing, ..reply_with("A0") };
    tell(&mut terminal, sale, refusal);
    assert!(terminal.pending_reversal().is_some(), "no PIN is kept: the sale is reversed");
    for code in ["51", "30", "77", "96", "97"] {
        let mut terminal = signed_on();
        let refusal = HostReply { mac: ReplyMac::Missing, ..reply_with(code) };
        let outcome = tell(&mut terminal, sell(&waybill(), &card(), 5), refusal);
        assert_eq!(outcome, TerminalOutcome::WrongMac, "{code}: the sale may be approved");
        assert!(terminal.pending_reversal().is_some(), "{code}");
    }
}

#[test]
fn an_answer_with_a_blank_response_code_is_unreadable() {
    let mut terminal = signed_on();
    let request = terminal.start(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
    let heard = terminal.receive(&mut answer(&request, reply_with("  ")));
    assert!(matches!(heard, Err(TerminalError::Unreadable(_))), "{heard:?}");
    assert!(terminal.awaits_answer());
}

#[test]
fn a_reversal_that_needs_a_sign_on_waits_for_it_and_keeps_its_batch() {
    let mut terminal = signed_on();
    unanswered(&mut terminal, 5);
    let reversal = first(&mut terminal);
    let refusal = HostReply { mac: ReplyMac::Missing, ..reply_with("A0") };
    let outcome = terminal.receive(&mut answer(&reversal, refusal)).unwrap();
    assert_eq!(outcome, TerminalOutcome::SignOnRequired { code: ResponseCode::MAC_ERROR });
    assert!(terminal.next_pending_message(LATER_MS).unwrap().is_none());
    tell(&mut terminal, TerminalTask::SignOn, HostReply { batch: 8, ..APPROVAL });
    let again = first(&mut terminal);
    assert_eq!((mti(&again), text(&again, 60)), ("0401".into(), "22000007".into()));
    terminal.receive(&mut answer(&again, APPROVAL)).unwrap();
    assert_eq!(terminal.pending_reversal(), None);
}

#[test]
fn a_repeat_is_the_same_bytes_and_is_written_once() {
    let mut terminal = signed_on();
    let request = terminal.start(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
    let repeat = terminal.repeat(NOW_MS + 1_000).unwrap();
    assert_eq!(request, repeat);
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 61_000));
    let receipt = approved(terminal.receive(&mut answer(&repeat, APPROVAL)).unwrap());
    let third = terminal.repeat(NOW_MS + 2_000).unwrap();
    assert_eq!(approved(terminal.receive(&mut answer(&third, APPROVAL)).unwrap()), receipt);
    assert_eq!(terminal.totals().card_debits, TerminalSum { count: 1, amount: 5 });
    let new = super::terminal().repeat(NOW_MS);
    assert!(matches!(new, Err(TerminalError::NothingToRepeat)));
}

#[test]
fn a_refund_and_totals_without_an_answer_are_repeated_not_reversed() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 5);
    let request =
        terminal.start(TerminalTask::Refund { receipt: &receipt, amount: 5 }, NOW_MS).unwrap();
    assert_eq!(terminal.on_timeout(LATER_MS), Some(TimeoutAction::Repeat));
    let refused = terminal.start(TerminalTask::Settle, LATER_MS);
    assert!(matches!(refused, Err(TerminalError::PendingMessageFirst)));
    let repeat = first(&mut terminal);
    assert_eq!(request.to_vec(), repeat);
    approved(terminal.receive(&mut answer(&repeat, APPROVAL)).unwrap());

    let totals = terminal.start(TerminalTask::Settle, NOW_MS).unwrap();
    assert_eq!(terminal.on_timeout(LATER_MS), Some(TimeoutAction::Repeat));
    let repeat = first(&mut terminal);
    assert_eq!(totals.to_vec(), repeat);
    let outcome = terminal.receive(&mut answer(&repeat, APPROVAL)).unwrap();
    assert!(matches!(outcome, TerminalOutcome::BatchAgreed { .. }));
}

#[test]
fn an_unfinished_transaction_is_reversed_with_06() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 5);
    let reversal = terminal.start(TerminalTask::Reverse { stan: receipt.stan }, NOW_MS).unwrap();
    assert_eq!((mti(&reversal), text(&reversal, 39)), ("0400".into(), "06".into()));
    terminal.receive(&mut answer(&reversal, APPROVAL)).unwrap();
    assert_eq!(terminal.journal()[0].status, JournalLineStatus::Reversed);
    assert_eq!(terminal.totals().card_debits.count, 0, "reversed transactions do not count");

    let request = terminal.start(sell(&waybill(), &card(), 6), NOW_MS).unwrap();
    let waiting = terminal.last_stan();
    let reversal = terminal.start(TerminalTask::Reverse { stan: waiting }, NOW_MS).unwrap();
    assert_eq!(text(&reversal, 39), "06");
    assert_eq!(
        terminal.receive(&mut answer(&request, APPROVAL)).unwrap(),
        TerminalOutcome::Unmatched
    );
    terminal.receive(&mut answer(&reversal, APPROVAL)).unwrap();
    let unknown = terminal.start(TerminalTask::Reverse { stan: 999 }, NOW_MS);
    assert!(matches!(unknown, Err(TerminalError::NotInJournal(999))));
}

#[test]
fn the_answer_to_the_reversal_of_a_void_decides() {
    for (code, credits) in
        [("12", TerminalSum { count: 1, amount: 5 }), ("25", TerminalSum::default())]
    {
        let mut terminal = signed_on();
        sold(&mut terminal, 5);
        let void = approved(tell(&mut terminal, TerminalTask::Void { stan: 2 }, APPROVAL));
        let outcome =
            tell(&mut terminal, TerminalTask::Reverse { stan: void.stan }, reply_with(code));
        assert!(matches!(outcome, TerminalOutcome::Reversed { stan: 3, .. }));
        assert_eq!(terminal.totals().card_credits, credits, "{code}");
    }
}

#[test]
fn a_transaction_in_force_with_a_lost_answer_is_recorded() {
    let mut terminal = signed_on();
    sold(&mut terminal, 5);
    let hold =
        TerminalTask::PreAuthorisation { waybill: &waybill(), card: &card(), amount: 9, pin: None };
    tell(&mut terminal, hold, APPROVAL);
    for (task, kind) in [
        (TerminalTask::Void { stan: 2 }, TerminalRequestKind::Void),
        (TerminalTask::VoidPreAuthorisation { stan: 3 }, TerminalRequestKind::VoidPreAuthorisation),
    ] {
        terminal.start(task, NOW_MS).unwrap();
        let stan = terminal.last_stan();
        assert_eq!(terminal.on_timeout(LATER_MS), Some(TimeoutAction::Reverse));
        let reversal = first(&mut terminal);
        let outcome = terminal.receive(&mut answer(&reversal, reply_with("12"))).unwrap();
        assert_eq!(
            outcome,
            TerminalOutcome::Reversed { stan, code: ResponseCode::INVALID_TRANSACTION }
        );
        let line = terminal.journal().last().unwrap();
        assert_eq!((line.receipt.kind, line.status), (kind, JournalLineStatus::Effective));
        assert_eq!((line.receipt.stan, line.receipt.date), (stan, 828));
    }
    assert_eq!(terminal.totals().card_credits, TerminalSum { count: 1, amount: 5 });
    assert_eq!(terminal.journal()[1].status, JournalLineStatus::Closed, "the hold has ended");
}

#[test]
fn a_reversed_completion_leaves_the_pre_authorisation_in_force() {
    let mut terminal = signed_on();
    let task =
        TerminalTask::PreAuthorisation { waybill: &waybill(), card: &card(), amount: 9, pin: None };
    tell(&mut terminal, task, APPROVAL);
    tell(&mut terminal, TerminalTask::Completion { stan: 2, amount: 8 }, APPROVAL);
    assert_eq!(terminal.journal()[0].status, JournalLineStatus::Closed);
    tell(&mut terminal, TerminalTask::Reverse { stan: 3 }, APPROVAL);
    assert_eq!(terminal.journal()[0].status, JournalLineStatus::Effective);
    assert_eq!(terminal.totals().card_debits.count, 0);
}

const LIMITS: TerminalParameters = TerminalParameters {
    answer_timeout_s: 60,
    reversal_tries_max: 3,
    offline_sale_max: 100,
    offline_total_max: 150,
    batch_transactions_max: 500,
    echo_interval_s: 300,
};

#[test]
fn offline_sales_are_forwarded_in_their_order_before_anything_else() {
    let mut terminal = signed_on();
    let waybill = waybill();
    let card = card();
    let offline = |amount| TerminalTask::Offline { waybill: &waybill, card: &card, amount };
    assert!(matches!(terminal.start(offline(1), NOW_MS), Err(TerminalError::OfflineLimitExceeded)));
    terminal.set_parameters(LIMITS);
    assert!(matches!(
        terminal.start(offline(101), NOW_MS),
        Err(TerminalError::OfflineLimitExceeded)
    ));
    let receipt = terminal.approve_offline(&waybill, &card, 90, NOW_MS).unwrap();
    let second = terminal.approve_offline(&waybill, &card, 60, NOW_MS + 1_000).unwrap();
    assert!(matches!(terminal.start(offline(1), NOW_MS), Err(TerminalError::OfflineLimitExceeded)));
    assert_eq!(
        (terminal.waiting_offline_sales(), terminal.next_offline_sale()),
        (2, Some(receipt.stan))
    );
    assert_eq!(terminal.totals().card_debits.count, 0, "counted once it is forwarded");

    let request = first(&mut terminal);
    assert_eq!((mti(&request), text(&request, 60)), ("0220".into(), "36000007".into()));
    assert_eq!(
        fields(&request),
        [2, 3, 4, 11, 12, 13, 14, 22, 23, 25, 38, 41, 42, 49, 55, 58, 60, 64]
    );
    assert_eq!((text(&request, 12), text(&request, 22)), ("101112".into(), "052".into()));
    assert_eq!(Some(text(&request, 38)), receipt.authorisation.map(|code| code.to_string()));
    assert_eq!(terminal.on_timeout(LATER_MS + 60_000), Some(TimeoutAction::Repeat));
    assert_eq!(first(&mut terminal), request, "forwarded again unchanged");
    let outcome = terminal.receive(&mut answer(&request, reply_with("96"))).unwrap();
    let TerminalOutcome::Declined(declined) = outcome else { panic!("not a decline") };
    assert_eq!(declined.kind, TerminalRequestKind::Offline);
    assert_eq!(terminal.waiting_offline_sales(), 2, "not decided: it stays queued");
    let request = first(&mut terminal);
    let taken = approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());
    assert_eq!((taken.stan, taken.authorisation), (receipt.stan, receipt.authorisation));

    let request = first(&mut terminal);
    assert_eq!(open(&request).number(11).unwrap(), u64::from(second.stan));
    terminal.receive(&mut answer(&request, reply_with("61"))).unwrap();
    assert_eq!(terminal.waiting_offline_sales(), 0, "a declined sale is dropped");
    assert_eq!(terminal.totals().card_debits, TerminalSum { count: 1, amount: 90 });
}

#[test]
fn a_refused_upload_is_dropped() {
    for (code, dropped) in [("12", true), ("77", true), ("96", false)] {
        let mut terminal = signed_on();
        sold(&mut terminal, 5);
        tell(&mut terminal, TerminalTask::Settle, reply_with("95"));
        tell(&mut terminal, TerminalTask::Upload, reply_with(code));
        assert_eq!(terminal.must_sign_on(), dropped, "{code}");
        assert_eq!(terminal.next_pending_message(LATER_MS).unwrap().is_none(), dropped, "{code}");
    }
}

#[test]
fn a_full_batch_must_be_settled() {
    let mut terminal = signed_on();
    terminal.set_parameters(TerminalParameters { batch_transactions_max: 2, ..LIMITS });
    sold(&mut terminal, 1);
    sold(&mut terminal, 1);
    let third = terminal.start(sell(&waybill(), &card(), 1), NOW_MS);
    assert!(matches!(third, Err(TerminalError::BatchFull)));
    assert!(terminal.start(TerminalTask::Settle, NOW_MS).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_received_without_harm(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut terminal = signed_on();
        terminal.start(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
        let _ = terminal.receive(&mut bytes);
        prop_assert!(terminal.awaits_answer());
        prop_assert!(terminal.journal().is_empty());
    }

    #[test]
    fn any_answer_with_a_right_mac_is_received_without_harm(
        code in "[0-9A-Z]{2}",
        private in prop::collection::vec(any::<u8>(), 0..60),
        digits in "[0-9]{0,322}",
        task in 0..9_usize,
    ) {
        let mut terminal = signed_on();
        let receipt = sold(&mut terminal, 5);
        let (waybill, card) = (waybill(), card());
        tell(&mut terminal, TerminalTask::Qr { waybill: &waybill, amount: 5 }, reply_with("09"));
        let tasks = [
            TerminalTask::Parameters,
            TerminalTask::Parcels { from: 7 },
            TerminalTask::Balance { card: &card, pin: None },
            sell(&waybill, &card, 5),
            TerminalTask::Void { stan: 2 },
            TerminalTask::Refund { receipt: &receipt, amount: 5 },
            TerminalTask::QrStatus { stan: 3 },
            TerminalTask::Settle,
            TerminalTask::Reverse { stan: 2 },
        ];
        let request = terminal.start(tasks[task], NOW_MS).unwrap();
        let (totals, private) = (Some(digits.as_str()), Some(private.as_slice()));
        let reply = HostReply { totals, private, ..reply_with(&code) };
        let outcome = terminal.receive(&mut answer(&request, reply)).unwrap();
        prop_assert!(!terminal.awaits_answer());
        let signs_on = matches!(outcome, TerminalOutcome::SignOnRequired { .. });
        prop_assert_eq!(signs_on, ["77", "A0"].contains(&code.as_str()));
    }

    #[test]
    fn an_answer_changed_anywhere_never_approves_another_amount(
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut terminal = signed_on();
        let request = terminal.start(sell(&waybill(), &card(), 5), NOW_MS).unwrap();
        let mut reply = answer(&request, APPROVAL);
        let place = place.index(reply.len());
        reply[place] ^= change;
        if let Ok(TerminalOutcome::Approved { receipt, .. }) = terminal.receive(&mut reply) {
            prop_assert!(place < 11, "only TPDU and header are not under the MAC");
            prop_assert_eq!(receipt.amount, 5);
        }
    }
}

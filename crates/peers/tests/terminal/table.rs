//! Every request of the table, field by field.

use iso8583::tlv::{Tag, find};
use keys::{Pan, PinBlock, PinFormat, pin};
use peers::card::EntryMode;
use peers::terminal::{
    AccountBalance, JournalLineStatus, TerminalError, TerminalParcel, TerminalRequestKind,
    TerminalSum,
};
use peers::{ResponseCode, TerminalOutcome, TerminalTask, TestCard};

use super::host::{
    self, APPROVAL, HostReply, PIN_KEY, answer, fields, hex, key, mti, open, reply_with, text,
};
use super::{NOW_MS, approved, card, sell, signed_on, sold, tell, terminal, waybill};

const MAC: u8 = 64;

#[test]
fn management() {
    let mut terminal = terminal();
    let sign_on = terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    assert_eq!((mti(&sign_on), text(&sign_on, 60)), ("0800".into(), "00000000003".into()));
    assert_eq!(fields(&sign_on), [11, 41, 42, 60]);
    assert_eq!(
        (text(&sign_on, 41), text(&sign_on, 42)),
        ("10000001".into(), "105331042150001".into())
    );
    terminal.receive(&mut answer(&sign_on, APPROVAL)).unwrap();

    let echo = terminal.start(TerminalTask::Echo, NOW_MS).unwrap();
    assert_eq!((mti(&echo), text(&echo, 60)), ("0820".into(), "00000007301".into()));
    assert_eq!(fields(&echo), [11, 41, 42, 60]);
    assert_eq!(terminal.receive(&mut answer(&echo, APPROVAL)).unwrap(), TerminalOutcome::Echoed);

    let parameters = terminal.start(TerminalTask::Parameters, NOW_MS).unwrap();
    assert_eq!((mti(&parameters), text(&parameters, 60)), ("0800".into(), "00000007360".into()));
    assert_eq!(fields(&parameters), [11, 41, 42, 60, MAC]);
    let private = host::parameters(10_000, 25_000);
    let mut reply = answer(&parameters, HostReply { private: Some(&private), ..APPROVAL });
    let TerminalOutcome::Parameters(received) = terminal.receive(&mut reply).unwrap() else {
        panic!()
    };
    assert_eq!(
        (received.answer_timeout_s, received.reversal_tries_max, received.echo_interval_s),
        (30, 2, 300)
    );
    assert_eq!((received.offline_sale_max, received.offline_total_max), (10_000, 25_000));
    assert_eq!(received.batch_transactions_max, 500);
    assert_eq!(terminal.parameters(), Some(&received));

    let sign_off = terminal.start(TerminalTask::SignOff, NOW_MS).unwrap();
    assert_eq!((mti(&sign_off), text(&sign_off, 60)), ("0820".into(), "00000007002".into()));
    assert_eq!(fields(&sign_off), [11, 41, 42, 60, MAC]);
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 30_000), "set by the parameters");
    assert_eq!(
        terminal.receive(&mut answer(&sign_off, APPROVAL)).unwrap(),
        TerminalOutcome::SignedOff
    );
    assert!(terminal.must_sign_on());
}

#[test]
fn the_list_of_parcels_comes_in_parts() {
    let mut terminal = signed_on();
    let first = terminal.start(TerminalTask::Parcels { from: 0 }, NOW_MS).unwrap();
    assert_eq!((mti(&first), text(&first, 60)), ("0800".into(), "00000007901".into()));
    assert_eq!(fields(&first), [11, 41, 42, 60, MAC]);
    // 12.50 due, 2.50 left; the list continues at 16.
    let number = "0123456789ABCDEF0123456789ABCDEF";
    let part = hex(&format!("DF211C{number}000000001250000000000250DF22050000000016"));
    let mut reply = answer(&first, HostReply { private: Some(&part), ..APPROVAL });
    let waybill = "014D2PF2DBSQQG28T5CY4TQKFFK".to_owned();
    let parcels = vec![TerminalParcel { waybill: waybill.clone(), due: 1_250, left: 250 }];
    let listed = TerminalOutcome::Parcels { parcels, next: Some(16), asked: None };
    assert_eq!(terminal.receive(&mut reply).unwrap(), listed);

    let rest = terminal.start(TerminalTask::Parcels { from: 16 }, NOW_MS).unwrap();
    assert_eq!(fields(&rest), [11, 41, 42, 60, 62, MAC]);
    assert_eq!(open(&rest).bytes(62).unwrap(), hex("DF22050000000016"));
    let mut reply = answer(&rest, APPROVAL);
    let end = TerminalOutcome::Parcels { parcels: Vec::new(), next: None, asked: None };
    assert_eq!(terminal.receive(&mut reply).unwrap(), end);

    // The courier asks for a card: request 7, the parcel, 2.50.
    let again = terminal.start(TerminalTask::Parcels { from: 0 }, NOW_MS).unwrap();
    let private = hex(&format!("DF231E0000000000000007{number}000000000250"));
    let reply = HostReply { private: Some(&private), ..APPROVAL };
    let TerminalOutcome::Parcels { asked: Some(asked), .. } =
        terminal.receive(&mut answer(&again, reply)).unwrap()
    else {
        panic!("no request");
    };
    assert_eq!((asked.number, &*asked.waybill, asked.amount), (7, &*waybill, 250));

    for malformed in ["DF2101FF", "DF221A", "DF2105000000001A", "DF22"] {
        let again = terminal.start(TerminalTask::Parcels { from: 0 }, NOW_MS).unwrap();
        let private = hex(malformed);
        let reply = HostReply { private: Some(&private), ..APPROVAL };
        let heard = terminal.receive(&mut answer(&again, reply)).unwrap();
        assert!(matches!(heard, TerminalOutcome::Declined(_)), "{malformed}: {heard:?}");
    }
}

#[test]
fn a_balance() {
    let mut terminal = signed_on();
    let stripe = card().with_entry_mode(EntryMode::Stripe);
    let task = TerminalTask::Balance { card: &stripe, pin: Some(&stripe.pin()) };
    let request = terminal.start(task, NOW_MS).unwrap();
    assert_eq!(mti(&request), "0200");
    assert_eq!(fields(&request), [3, 11, 12, 13, 22, 25, 26, 35, 41, 42, 49, 52, 53, 60, MAC]);
    assert_eq!((text(&request, 3), text(&request, 25)), ("310000".into(), "00".into()));
    assert_eq!((text(&request, 22), text(&request, 60)), ("021".into(), "01000007".into()));
    let outcome = terminal.receive(&mut answer(&request, APPROVAL)).unwrap();
    let balance = AccountBalance { account: *b"10", kind: *b"02", currency: 156, amount: 12_345 };
    assert_eq!(outcome, TerminalOutcome::Balance(balance));
    assert!(terminal.journal().is_empty());
}

#[test]
fn a_sale_by_chip_with_a_pin() {
    let mut terminal = signed_on();
    let (card, pin) = (card(), card().pin());
    let task =
        TerminalTask::Sale { waybill: &waybill(), card: &card, amount: 1_250, pin: Some(&pin) };
    let sale = terminal.start(task, NOW_MS).unwrap();
    assert_eq!(mti(&sale), "0200");
    assert_eq!(
        fields(&sale),
        [2, 3, 4, 11, 12, 13, 14, 22, 23, 25, 26, 41, 42, 49, 52, 53, 55, 58, 60, MAC]
    );
    assert_eq!(text(&sale, 2).as_bytes(), card.pan().expose());
    assert_eq!((text(&sale, 3), text(&sale, 4)), ("000000".into(), "000000001250".into()));
    assert_eq!((text(&sale, 12), text(&sale, 13)), ("101112".into(), "0828".into()));
    assert_eq!((text(&sale, 14), text(&sale, 22)), ("4912".into(), "051".into()));
    assert_eq!((text(&sale, 23), text(&sale, 25)), ("001".into(), "00".into()));
    assert_eq!((text(&sale, 26), text(&sale, 49)), ("12".into(), "156".into()));
    assert_eq!((text(&sale, 58), text(&sale, 60)), (waybill(), "22000007".into()));
    assert_eq!(text(&sale, 53), "2600000000000000");
    let block = PinBlock::new(&open(&sale).block::<8>(52).unwrap()).unwrap();
    let pan = Pan::parse(card.pan().expose()).unwrap();
    let holds = pin::block_matches_pin(&block, PinFormat::Iso0, &pan, &key(PIN_KEY), &pin);
    assert!(holds.unwrap());
    let asked = open(&sale);
    let chip = asked.bytes(55).unwrap();
    assert!(find(chip, Tag::new(0x9F26).unwrap()).unwrap().is_some());
}

#[test]
fn every_entry_mode_of_a_card() {
    let mut terminal = signed_on();
    let way = |entry| card().with_entry_mode(entry);
    let rest = [41, 42, 49, 58, 60, MAC];
    let ways: [(EntryMode, &str, &[u8]); 3] = [
        (EntryMode::Keyed, "012", &[2, 3, 4, 11, 12, 13, 14, 22, 25]),
        (EntryMode::Stripe, "022", &[3, 4, 11, 12, 13, 22, 25, 35]),
        (EntryMode::Contactless, "072", &[3, 4, 11, 12, 13, 22, 23, 25, 35]),
    ];
    for (entry, mode, first) in ways {
        let card: TestCard = way(entry);
        let sale = terminal.start(sell(&waybill(), &card, 5), NOW_MS).unwrap();
        let mut expected = [first, &rest].concat();
        if entry == EntryMode::Contactless {
            expected.insert(expected.len() - 3, 55);
        }
        assert_eq!((fields(&sale), text(&sale, 22)), (expected, mode.to_owned()));
        terminal.receive(&mut answer(&sale, reply_with("51"))).unwrap();
    }
}

#[test]
fn requests_about_an_earlier_transaction() {
    let about = |kind: &str| [kind, "000007"].concat();
    let rows = [
        (TerminalTask::Void { stan: 2 }, "0200", "200000", "00", about("23"), "000007000002"),
        (
            TerminalTask::VoidPreAuthorisation { stan: 3 },
            "0100",
            "200000",
            "06",
            about("11"),
            "000007000003",
        ),
        (
            TerminalTask::Completion { stan: 3, amount: 900 },
            "0200",
            "000000",
            "06",
            about("20"),
            "000007000003",
        ),
    ];
    for (task, kind, processing, condition, batch, before) in rows {
        let mut terminal = signed_on();
        sold(&mut terminal, 1_250);
        let hold = TerminalTask::PreAuthorisation {
            waybill: &waybill(),
            card: &card(),
            amount: 1_000,
            pin: None,
        };
        let request = terminal.start(hold, NOW_MS).unwrap();
        assert_eq!(mti(&request), "0100");
        assert_eq!((text(&request, 3), text(&request, 25)), ("030000".into(), "06".into()));
        assert_eq!(text(&request, 60), "10000007");
        approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());

        let request = terminal.start(task, NOW_MS).unwrap();
        assert_eq!((mti(&request).as_str(), text(&request, 3).as_str()), (kind, processing));
        assert_eq!(fields(&request), [3, 4, 11, 12, 13, 25, 37, 38, 41, 42, 49, 60, 61, MAC]);
        assert_eq!((text(&request, 25).as_str(), text(&request, 60)), (condition, batch));
        assert_eq!(text(&request, 61), before);
        assert_eq!(text(&request, 38), "A1B2C3");
        let amount = match task {
            TerminalTask::Void { .. } => 1_250,
            TerminalTask::Completion { amount, .. } => amount,
            _ => 1_000,
        };
        assert_eq!(open(&request).number(4).unwrap(), amount);
        approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());
        let held = terminal.journal()[1].status;
        let ended = !matches!(task, TerminalTask::Void { .. });
        assert_eq!(held == JournalLineStatus::Closed, ended);
    }
}

#[test]
fn a_refund_of_an_earlier_batch() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 1_250);
    let agreed = format!("{:03}{:012}{}1{}1", 1, 1_250, "0".repeat(15), "0".repeat(30));
    tell(&mut terminal, TerminalTask::Settle, HostReply { totals: Some(&agreed), ..APPROVAL });
    tell(&mut terminal, TerminalTask::SignOn, HostReply { batch: 8, ..APPROVAL });
    let refund =
        terminal.start(TerminalTask::Refund { receipt: &receipt, amount: 250 }, NOW_MS).unwrap();
    assert_eq!((mti(&refund), text(&refund, 60)), ("0220".into(), "25000008".into()));
    assert_eq!(fields(&refund), [3, 4, 11, 12, 13, 25, 37, 38, 41, 42, 49, 60, 61, MAC]);
    assert_eq!(text(&refund, 61), "0000070000020828");
    assert_eq!(text(&refund, 37), "000000000002");
    approved(terminal.receive(&mut answer(&refund, APPROVAL)).unwrap());
    assert_eq!(terminal.totals().card_credits, TerminalSum { count: 1, amount: 250 });
}

#[test]
fn cash_and_its_refund() {
    let mut terminal = signed_on();
    let cash = TerminalTask::Cash { waybill: &waybill(), amount: 870, tendered: 1_000 };
    let request = terminal.start(cash, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0200".into(), "80000007".into()));
    assert_eq!(fields(&request), [3, 4, 11, 12, 13, 25, 41, 42, 49, 58, 60, 62, MAC]);
    let private = "DF1106000000001000DF1206000000000130";
    assert_eq!(open(&request).bytes(62).unwrap(), hex(private));
    approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());

    let request = terminal.start(TerminalTask::CashRefund { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0200".into(), "81000007".into()));
    assert_eq!(fields(&request), [3, 4, 11, 12, 13, 25, 41, 42, 49, 60, 61, MAC]);
    approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());
    let totals = terminal.totals();
    assert_eq!(totals.other_debits, TerminalSum { count: 1, amount: 870 });
    assert_eq!(totals.other_credits, TerminalSum { count: 1, amount: 870 });

    let short = TerminalTask::Cash { waybill: &waybill(), amount: 870, tendered: 869 };
    assert!(matches!(terminal.start(short, NOW_MS), Err(TerminalError::CashBelowAmount)));
}

#[test]
fn a_qr_code_is_shown_queried_paid_and_refunded() {
    let mut terminal = signed_on();
    let task = TerminalTask::Qr { waybill: &waybill(), amount: 870 };
    let request = terminal.start(task, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0200".into(), "82000007".into()));
    assert_eq!(fields(&request), [3, 4, 11, 12, 13, 25, 41, 42, 49, 58, 60, MAC]);
    let code = HostReply { code: "09", private: Some(b"00020101021229"), ..APPROVAL };
    let outcome = terminal.receive(&mut answer(&request, code)).unwrap();
    assert_eq!(outcome, TerminalOutcome::QrShown { stan: 2, text: "00020101021229".to_owned() });
    assert_eq!(terminal.totals().other_debits.count, 0);

    let request = terminal.start(TerminalTask::QrStatus { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0200".into(), "83000007".into()));
    assert_eq!(fields(&request), [3, 11, 12, 13, 25, 41, 42, 60, 61, MAC]);
    assert_eq!((text(&request, 3), text(&request, 61)), ("310000".into(), "000007000002".into()));
    let outcome = terminal.receive(&mut answer(&request, reply_with("09"))).unwrap();
    assert_eq!(outcome, TerminalOutcome::QrPending { stan: 2 });

    let paid = approved(tell(&mut terminal, TerminalTask::QrStatus { stan: 2 }, APPROVAL));
    assert_eq!((paid.kind, paid.stan, paid.amount), (TerminalRequestKind::Qr, 2, 870));
    assert_eq!(terminal.totals().other_debits, TerminalSum { count: 1, amount: 870 });

    let request = terminal.start(TerminalTask::QrRefund { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0200".into(), "84000007".into()));
    assert_eq!(fields(&request), [3, 4, 11, 12, 13, 25, 41, 42, 49, 60, 61, MAC]);
    approved(terminal.receive(&mut answer(&request, APPROVAL)).unwrap());
    assert_eq!(terminal.totals().other_credits, TerminalSum { count: 1, amount: 870 });
}

#[test]
fn a_qr_code_that_expires_leaves_no_line() {
    let mut terminal = signed_on();
    tell(&mut terminal, TerminalTask::Qr { waybill: &waybill(), amount: 5 }, reply_with("09"));
    let outcome = tell(&mut terminal, TerminalTask::QrStatus { stan: 2 }, reply_with("68"));
    let TerminalOutcome::Declined(declined) = outcome else { panic!("{outcome:?}") };
    assert_eq!(declined.code, ResponseCode::RESPONSE_TIMEOUT);
    assert!(terminal.journal().is_empty());
}

/// A group of totals, without its result.
const NOTHING: &str = "000000000000000000000000000000";

#[test]
fn totals_that_agree_close_the_batch() {
    let mut terminal = signed_on();
    sold(&mut terminal, 1_250);
    sold(&mut terminal, 750);
    tell(&mut terminal, TerminalTask::Void { stan: 3 }, APPROVAL);
    tell(
        &mut terminal,
        TerminalTask::Cash { waybill: &waybill(), amount: 9, tendered: 9 },
        APPROVAL,
    );
    let request = terminal.start(TerminalTask::Settle, NOW_MS).unwrap();
    assert_eq!((mti(&request), text(&request, 60)), ("0500".into(), "00000007201".into()));
    assert_eq!(fields(&request), [11, 41, 42, 48, 49, 60, MAC]);
    let groups = ["000000002000002000000000750001", NOTHING, "000000000009001000000000000000"];
    assert_eq!(text(&request, 48), groups.map(|group| group.to_owned() + "0").concat());
    let agreed = groups.map(|group| group.to_owned() + "1").concat();
    let reply = HostReply { totals: Some(&agreed), ..APPROVAL };
    let outcome = terminal.receive(&mut answer(&request, reply)).unwrap();
    let TerminalOutcome::BatchAgreed { batch: 7, totals } = outcome else { panic!("{outcome:?}") };
    assert_eq!(totals.card_credits, TerminalSum { count: 1, amount: 750 });
    assert!(terminal.must_sign_on() && terminal.journal().is_empty());
}

#[test]
fn totals_must_agree_for_cards_and_for_other_payments() {
    for results in ["112", "121", "211"] {
        let mut terminal = signed_on();
        let groups = results.chars().map(|result| format!("{NOTHING}{result}"));
        let totals: String = groups.collect();
        let outcome = tell(
            &mut terminal,
            TerminalTask::Settle,
            HostReply { totals: Some(&totals), ..APPROVAL },
        );
        assert!(matches!(outcome, TerminalOutcome::BatchDiffers { .. }), "{results}");
        let end = terminal.next_pending_message(NOW_MS).unwrap().unwrap();
        assert_eq!((text(&end, 48), text(&end, 60)), ("0000".into(), "00000007202".into()));
    }
}

#[test]
fn totals_that_differ_are_uploaded_line_by_line() {
    let mut terminal = signed_on();
    for amount in 1..=17 {
        sold(&mut terminal, amount);
    }
    tell(&mut terminal, TerminalTask::Void { stan: 2 }, APPROVAL);
    let theirs = format!("{:030}2{NOTHING}1{NOTHING}1", 5);
    let differ = HostReply { totals: Some(&theirs), ..reply_with("95") };
    let outcome = tell(&mut terminal, TerminalTask::Settle, differ);
    let TerminalOutcome::BatchDiffers {
        batch: 7,
        terminal_totals: ours,
        host_totals: Some(theirs),
    } = outcome
    else {
        panic!()
    };
    assert_eq!((ours.card_debits.count, theirs.card_credits.count), (17, 5));
    assert!(matches!(
        terminal.start(TerminalTask::SignOn, NOW_MS),
        Err(TerminalError::PendingMessageFirst)
    ));

    let first = terminal.start(TerminalTask::Upload, NOW_MS).unwrap();
    assert_eq!((mti(&first), text(&first, 60)), ("0320".into(), "00000007201".into()));
    assert_eq!(fields(&first), [11, 41, 42, 48, 60, MAC]);
    let lines = text(&first, 48);
    assert_eq!((lines.len(), &lines[..21]), (2 + 16 * 19, "160000002000000000001"));
    let outcome = terminal.receive(&mut answer(&first, APPROVAL)).unwrap();
    assert_eq!(outcome, TerminalOutcome::UploadContinues { lines: 16 });

    let second = terminal.next_pending_message(NOW_MS).unwrap().unwrap();
    assert_eq!(text(&second, 48), "0200000180000000000171000019000000000001");
    terminal.receive(&mut answer(&second, APPROVAL)).unwrap();

    let end = terminal.next_pending_message(NOW_MS).unwrap().unwrap();
    assert_eq!((text(&end, 48), text(&end, 60)), ("0018".into(), "00000007202".into()));
    let outcome = terminal.receive(&mut answer(&end, APPROVAL)).unwrap();
    assert_eq!(outcome, TerminalOutcome::Uploaded { lines: 18 });
    assert!(terminal.must_sign_on());
    tell(&mut terminal, TerminalTask::SignOn, HostReply { batch: 8, ..APPROVAL });
}

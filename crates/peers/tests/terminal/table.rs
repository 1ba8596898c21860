//! Every message of the table, field by field.

use iso8583::tlv::{Tag, find};
use keys::{Pan, PinBlock, PinFormat, pin};
use peers::card::Entry;
use peers::terminal::{Balance, Kind, Standing, Sum, TerminalError};
use peers::{Card, Heard, Task};

use super::host::{self, PIN_KEY, Says, YES, answer, fields, hex, key, mti, open, says, text};
use super::{NOW_MS, approved, card, sell, signed_on, sold, tell, terminal, waybill};

const MAC: u8 = 64;

#[test]
fn management() {
    let mut terminal = terminal();
    let sign_on = terminal.ask(Task::SignOn, NOW_MS).unwrap();
    assert_eq!((mti(&sign_on), text(&sign_on, 60)), ("0800".into(), "00000000003".into()));
    assert_eq!(fields(&sign_on), [11, 41, 42, 60]);
    assert_eq!(
        (text(&sign_on, 41), text(&sign_on, 42)),
        ("10000001".into(), "105331042150001".into())
    );
    terminal.hear(&mut answer(&sign_on, YES)).unwrap();

    let echo = terminal.ask(Task::Echo, NOW_MS).unwrap();
    assert_eq!((mti(&echo), text(&echo, 60)), ("0820".into(), "00000007301".into()));
    assert_eq!(fields(&echo), [11, 41, 42, 60]);
    assert_eq!(terminal.hear(&mut answer(&echo, YES)).unwrap(), Heard::Echoed);

    let parameters = terminal.ask(Task::Parameters, NOW_MS).unwrap();
    assert_eq!((mti(&parameters), text(&parameters, 60)), ("0800".into(), "00000007360".into()));
    assert_eq!(fields(&parameters), [11, 41, 42, 60, MAC]);
    let private = host::parameters(10_000, 25_000);
    let mut reply = answer(&parameters, Says { private: Some(&private), ..YES });
    let Heard::Parameters(said) = terminal.hear(&mut reply).unwrap() else { panic!() };
    assert_eq!((said.answer_within_s, said.reversal_tries, said.echo_every_s), (30, 2, 300));
    assert_eq!((said.offline_each, said.offline_total), (10_000, 25_000));
    assert_eq!(said.batch_transactions, 500);
    assert_eq!(terminal.parameters(), Some(&said));

    let sign_off = terminal.ask(Task::SignOff, NOW_MS).unwrap();
    assert_eq!((mti(&sign_off), text(&sign_off, 60)), ("0820".into(), "00000007002".into()));
    assert_eq!(fields(&sign_off), [11, 41, 42, 60, MAC]);
    assert_eq!(terminal.answer_by(), Some(NOW_MS + 30_000), "by the parameters");
    assert_eq!(terminal.hear(&mut answer(&sign_off, YES)).unwrap(), Heard::SignedOff);
    assert!(terminal.must_sign_on());
}

#[test]
fn a_balance() {
    let mut terminal = signed_on();
    let stripe = card().read_by(Entry::Stripe);
    let task = Task::Balance { card: &stripe, pin: Some(&stripe.pin()) };
    let question = terminal.ask(task, NOW_MS).unwrap();
    assert_eq!(mti(&question), "0200");
    assert_eq!(fields(&question), [3, 11, 12, 13, 22, 25, 26, 35, 41, 42, 49, 52, 53, 60, MAC]);
    assert_eq!((text(&question, 3), text(&question, 25)), ("310000".into(), "00".into()));
    assert_eq!((text(&question, 22), text(&question, 60)), ("021".into(), "01000007".into()));
    let heard = terminal.hear(&mut answer(&question, YES)).unwrap();
    let balance = Balance { account: *b"10", kind: *b"02", currency: 156, amount: 12_345 };
    assert_eq!(heard, Heard::Balance(balance));
    assert!(terminal.journal().is_empty());
}

#[test]
fn a_sale_by_chip_with_a_pin() {
    let mut terminal = signed_on();
    let (card, pin) = (card(), card().pin());
    let task = Task::Sell { waybill: &waybill(), card: &card, amount: 1_250, pin: Some(&pin) };
    let sale = terminal.ask(task, NOW_MS).unwrap();
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
    let holds = pin::block_holds(&block, PinFormat::Iso0, &pan, &key(PIN_KEY), &pin);
    assert!(holds.unwrap());
    let asked = open(&sale);
    let chip = asked.bytes(55).unwrap();
    assert!(find(chip, Tag::new(0x9F26).unwrap()).unwrap().is_some());
}

#[test]
fn a_card_in_every_way() {
    let mut terminal = signed_on();
    let way = |entry| card().read_by(entry);
    let rest = [41, 42, 49, 58, 60, MAC];
    let ways: [(Entry, &str, &[u8]); 3] = [
        (Entry::Keyed, "012", &[2, 3, 4, 11, 12, 13, 14, 22, 25]),
        (Entry::Stripe, "022", &[3, 4, 11, 12, 13, 22, 25, 35]),
        (Entry::Contactless, "072", &[3, 4, 11, 12, 13, 22, 23, 25, 35]),
    ];
    for (entry, mode, first) in ways {
        let card: Card = way(entry);
        let sale = terminal.ask(sell(&waybill(), &card, 5), NOW_MS).unwrap();
        let mut expected = [first, &rest].concat();
        if entry == Entry::Contactless {
            expected.insert(expected.len() - 3, 55);
        }
        assert_eq!((fields(&sale), text(&sale, 22)), (expected, mode.to_owned()));
        terminal.hear(&mut answer(&sale, says("51"))).unwrap();
    }
}

#[test]
fn what_is_about_an_earlier_one() {
    let about = |kind: &str| [kind, "000007"].concat();
    let rows = [
        (Task::Void { stan: 2 }, "0200", "200000", "00", about("23"), "000007000002"),
        (
            Task::VoidPreAuthorisation { stan: 3 },
            "0100",
            "200000",
            "06",
            about("11"),
            "000007000003",
        ),
        (
            Task::Complete { stan: 3, amount: 900 },
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
        let hold =
            Task::PreAuthorise { waybill: &waybill(), card: &card(), amount: 1_000, pin: None };
        let question = terminal.ask(hold, NOW_MS).unwrap();
        assert_eq!(mti(&question), "0100");
        assert_eq!((text(&question, 3), text(&question, 25)), ("030000".into(), "06".into()));
        assert_eq!(text(&question, 60), "10000007");
        approved(terminal.hear(&mut answer(&question, YES)).unwrap());

        let question = terminal.ask(task, NOW_MS).unwrap();
        assert_eq!((mti(&question).as_str(), text(&question, 3).as_str()), (kind, processing));
        assert_eq!(fields(&question), [3, 4, 11, 12, 13, 25, 37, 38, 41, 42, 49, 60, 61, MAC]);
        assert_eq!((text(&question, 25).as_str(), text(&question, 60)), (condition, batch));
        assert_eq!(text(&question, 61), before);
        assert_eq!(text(&question, 38), "A1B2C3");
        let amount = match task {
            Task::Void { .. } => 1_250,
            Task::Complete { amount, .. } => amount,
            _ => 1_000,
        };
        assert_eq!(open(&question).number(4).unwrap(), amount);
        approved(terminal.hear(&mut answer(&question, YES)).unwrap());
        let held = terminal.journal()[1].standing;
        let ended = !matches!(task, Task::Void { .. });
        assert_eq!(held == Standing::Ended, ended);
    }
}

#[test]
fn a_refund_of_an_earlier_batch() {
    let mut terminal = signed_on();
    let receipt = sold(&mut terminal, 1_250);
    let agreed = format!("{:03}{:012}{}1{}1", 1, 1_250, "0".repeat(15), "0".repeat(30));
    tell(&mut terminal, Task::Settle, Says { totals: Some(&agreed), ..YES });
    tell(&mut terminal, Task::SignOn, Says { batch: 8, ..YES });
    let refund = terminal.ask(Task::Refund { receipt: &receipt, amount: 250 }, NOW_MS).unwrap();
    assert_eq!((mti(&refund), text(&refund, 60)), ("0220".into(), "25000008".into()));
    assert_eq!(fields(&refund), [3, 4, 11, 12, 13, 25, 37, 38, 41, 42, 49, 60, 61, MAC]);
    assert_eq!(text(&refund, 61), "0000070000020828");
    assert_eq!(text(&refund, 37), "000000000002");
    approved(terminal.hear(&mut answer(&refund, YES)).unwrap());
    assert_eq!(terminal.totals().card_credits, Sum { count: 1, amount: 250 });
}

#[test]
fn cash_and_cash_given_back() {
    let mut terminal = signed_on();
    let cash = Task::Cash { waybill: &waybill(), amount: 870, tendered: 1_000 };
    let question = terminal.ask(cash, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0200".into(), "80000007".into()));
    assert_eq!(fields(&question), [3, 4, 11, 12, 13, 25, 41, 42, 49, 58, 60, 62, MAC]);
    let private = "DF1106000000001000DF1206000000000130";
    assert_eq!(open(&question).bytes(62).unwrap(), hex(private));
    approved(terminal.hear(&mut answer(&question, YES)).unwrap());

    let question = terminal.ask(Task::CashBack { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0200".into(), "81000007".into()));
    assert_eq!(fields(&question), [3, 4, 11, 12, 13, 25, 41, 42, 49, 60, 61, MAC]);
    approved(terminal.hear(&mut answer(&question, YES)).unwrap());
    let totals = terminal.totals();
    assert_eq!(totals.other_debits, Sum { count: 1, amount: 870 });
    assert_eq!(totals.other_credits, Sum { count: 1, amount: 870 });

    let short = Task::Cash { waybill: &waybill(), amount: 870, tendered: 869 };
    assert!(matches!(terminal.ask(short, NOW_MS), Err(TerminalError::TooLittleCash)));
}

#[test]
fn a_qr_code_shown_asked_about_paid_and_given_back() {
    let mut terminal = signed_on();
    let task = Task::Qr { waybill: &waybill(), amount: 870 };
    let question = terminal.ask(task, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0200".into(), "82000007".into()));
    assert_eq!(fields(&question), [3, 4, 11, 12, 13, 25, 41, 42, 49, 58, 60, MAC]);
    let code = Says { code: "09", private: Some(b"00020101021229"), ..YES };
    let heard = terminal.hear(&mut answer(&question, code)).unwrap();
    assert_eq!(heard, Heard::QrShown { stan: 2, text: "00020101021229".to_owned() });
    assert_eq!(terminal.totals().other_debits.count, 0);

    let question = terminal.ask(Task::QrStatus { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0200".into(), "83000007".into()));
    assert_eq!(fields(&question), [3, 11, 12, 13, 25, 41, 42, 60, 61, MAC]);
    assert_eq!((text(&question, 3), text(&question, 61)), ("310000".into(), "000007000002".into()));
    let heard = terminal.hear(&mut answer(&question, says("09"))).unwrap();
    assert_eq!(heard, Heard::Waiting { stan: 2 });

    let paid = approved(tell(&mut terminal, Task::QrStatus { stan: 2 }, YES));
    assert_eq!((paid.kind, paid.stan, paid.amount), (Kind::Qr, 2, 870));
    assert_eq!(terminal.totals().other_debits, Sum { count: 1, amount: 870 });

    let question = terminal.ask(Task::QrBack { stan: 2 }, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0200".into(), "84000007".into()));
    assert_eq!(fields(&question), [3, 4, 11, 12, 13, 25, 41, 42, 49, 60, 61, MAC]);
    approved(terminal.hear(&mut answer(&question, YES)).unwrap());
    assert_eq!(terminal.totals().other_credits, Sum { count: 1, amount: 870 });
}

#[test]
fn a_qr_code_that_expires_leaves_no_line() {
    let mut terminal = signed_on();
    tell(&mut terminal, Task::Qr { waybill: &waybill(), amount: 5 }, says("09"));
    let heard = tell(&mut terminal, Task::QrStatus { stan: 2 }, says("68"));
    assert!(matches!(heard, Heard::Declined(declined) if declined.code == *b"68"));
    assert!(terminal.journal().is_empty());
}

#[test]
fn totals_that_agree_close_the_batch() {
    let mut terminal = signed_on();
    sold(&mut terminal, 1_250);
    sold(&mut terminal, 750);
    tell(&mut terminal, Task::Void { stan: 3 }, YES);
    tell(&mut terminal, Task::Cash { waybill: &waybill(), amount: 9, tendered: 9 }, YES);
    let question = terminal.ask(Task::Settle, NOW_MS).unwrap();
    assert_eq!((mti(&question), text(&question, 60)), ("0500".into(), "00000007201".into()));
    assert_eq!(fields(&question), [11, 41, 42, 48, 49, 60, MAC]);
    let totals = "002000000002000001000000000750000100000000000900000000000000000";
    let totals = format!("{}{}", &totals[..30], "0") + "001000000000009" + &"0".repeat(15) + "0";
    assert_eq!(text(&question, 48), totals);
    let agreed = format!("{}1{}1", &totals[..30], &totals[31..61]);
    let said = Says { totals: Some(&agreed), ..YES };
    let heard = terminal.hear(&mut answer(&question, said)).unwrap();
    let Heard::BatchAgreed { batch: 7, totals } = heard else { panic!("{heard:?}") };
    assert_eq!(totals.card_credits, Sum { count: 1, amount: 750 });
    assert!(terminal.must_sign_on() && terminal.journal().is_empty());
}

#[test]
fn totals_must_agree_for_cards_and_for_the_rest() {
    for results in ["12", "21"] {
        let mut terminal = signed_on();
        let nothing = "0".repeat(30);
        let said = format!("{nothing}{}{nothing}{}", &results[..1], &results[1..]);
        let heard = tell(&mut terminal, Task::Settle, Says { totals: Some(&said), ..YES });
        assert!(matches!(heard, Heard::BatchDiffers { .. }), "{results}");
        let end = terminal.must_first(NOW_MS).unwrap().unwrap();
        assert_eq!((text(&end, 48), text(&end, 60)), ("0000".into(), "00000007202".into()));
    }
}

#[test]
fn totals_that_differ_are_uploaded_line_by_line() {
    let mut terminal = signed_on();
    for amount in 1..=17 {
        sold(&mut terminal, amount);
    }
    tell(&mut terminal, Task::Void { stan: 2 }, YES);
    let theirs = format!("{:030}2{:030}1", 5, 0);
    let differ = Says { totals: Some(&theirs), ..says("95") };
    let heard = tell(&mut terminal, Task::Settle, differ);
    let Heard::BatchDiffers { batch: 7, ours, theirs: Some(theirs) } = heard else { panic!() };
    assert_eq!((ours.card_debits.count, theirs.card_credits.amount), (17, 5));
    assert!(matches!(terminal.ask(Task::SignOn, NOW_MS), Err(TerminalError::SomethingFirst)));

    let first = terminal.ask(Task::Upload, NOW_MS).unwrap();
    assert_eq!((mti(&first), text(&first, 60)), ("0320".into(), "00000007201".into()));
    assert_eq!(fields(&first), [11, 41, 42, 48, 60, MAC]);
    let lines = text(&first, 48);
    assert_eq!((lines.len(), &lines[..21]), (2 + 16 * 19, "160000002000000000001"));
    let heard = terminal.hear(&mut answer(&first, YES)).unwrap();
    assert_eq!(heard, Heard::UploadGoesOn { lines: 16 });

    let second = terminal.must_first(NOW_MS).unwrap().unwrap();
    assert_eq!(text(&second, 48), "0200000180000000000171000019000000000001");
    terminal.hear(&mut answer(&second, YES)).unwrap();

    let end = terminal.must_first(NOW_MS).unwrap().unwrap();
    assert_eq!((text(&end, 48), text(&end, 60)), ("0018".into(), "00000007202".into()));
    let heard = terminal.hear(&mut answer(&end, YES)).unwrap();
    assert_eq!(heard, Heard::Uploaded { lines: 18 });
    assert!(terminal.must_sign_on());
    tell(&mut terminal, Task::SignOn, Says { batch: 8, ..YES });
}

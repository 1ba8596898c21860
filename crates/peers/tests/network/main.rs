//! The network against a scripted switch.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod misbehaviour;
mod switch;

use iso8583::{ISO87_BINARY, MessageBuilder, Mti};
use peers::AuthorisationCode;
use peers::behaviour::Behaviour;
use peers::clearing::{ClearingFile, ClearingLineKind};
use peers::ledger::{NetworkTransactionKind, NetworkTransactionState};
use peers::network::{KEY_CHANGE_RETRY_MS, KEY_CHANGE_TRIES_MAX, KeyChangeError, KeyKind};
use proptest::prelude::*;

use switch::{LINK, NOW_MS, RRN, SENT, ScriptedSwitch, SentRequest, card};

fn switch() -> ScriptedSwitch {
    ScriptedSwitch::new(Behaviour::default())
}

fn state(switch: &ScriptedSwitch, asked: &SentRequest) -> NetworkTransactionState {
    let mut items = switch.network.book().items();
    items.find(|item| item.reference.stan == asked.stan).unwrap().state
}

#[test]
fn sign_on_echo_and_sign_off() {
    let mut switch = ScriptedSwitch::unconnected(Behaviour::default(), 1);
    switch.network.connected(LINK, NOW_MS, &mut switch.out);
    let sale = switch.sale(100);
    assert_eq!(switch.code(&sale), "91", "not signed on");
    for code in [1, 301] {
        let answer = switch.manage(code, LINK).unwrap();
        assert_eq!((answer.mti.as_str(), answer.code.as_str()), ("0810", "00"));
        assert_eq!(answer.fields, [7, 11, 32, 39, 70, 128]);
        assert!(answer.mac_is_right);
    }
    assert_eq!(switch.network.signed_on_links(), 1);
    let sale = switch.sale(100);
    assert_eq!(switch.code(&sale), "00");
    switch.manage(2, LINK).unwrap();
    let sale = switch.sale(100);
    assert_eq!(switch.code(&sale), "91");
    assert_eq!(switch.manage(999, LINK).unwrap().code, "12");
}

#[test]
fn nobody_signs_on_without_the_mac_key() {
    let mut switch = ScriptedSwitch::unconnected(Behaviour::default(), 1);
    switch.network.connected(LINK, NOW_MS, &mut switch.out);
    let right = std::mem::replace(&mut switch.mac_key, switch.pin_key.clone());
    assert_eq!(switch.manage(1, LINK).unwrap().code, "A0");
    let mut without = MessageBuilder::new(&ISO87_BINARY, Mti::M0800);
    without.number(7, SENT).number(11, 77).number(32, 10_533_104).number(70, 1);
    let mut without = without.build().unwrap().to_vec();
    switch.network.receive(LINK, &mut without, NOW_MS, &mut switch.out);
    assert_eq!((switch.network.signed_on_links(), switch.network.counts().wrong_mac), (0, 2));
    switch.mac_key = right;
    assert_eq!(switch.manage(1, LINK).unwrap().code, "00");
}

#[test]
fn a_sale_a_pre_authorisation_and_an_advice_are_answered_field_by_field() {
    let mut switch = switch();
    let sale = switch.sale(100);
    let answers = switch.send(&sale);
    assert_eq!(answers[0].mti, "0210");
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 38, 39, 41, 49, 55, 64]);
    let held = switch.by_card(Mti::M0100, "030000", 100);
    let answers = switch.send(&held);
    assert_eq!(answers[0].mti, "0110");
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 38, 39, 41, 49, 55, 64]);
    let offline = switch.by_card(Mti::M0220, "000000", 100);
    let answers = switch.send(&offline);
    assert_eq!(answers[0].mti, "0230");
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 39, 41, 49, 64]);
    let items: Vec<_> = switch.network.book().items().collect();
    assert_eq!(items[0].card.last_four, card().pan().last_four());
    assert_eq!(items[0].sent_ms, NOW_MS);
    assert_eq!(items[2].authorisation, AuthorisationCode::new(*b"T00001"));
}

#[test]
fn a_balance_is_answered_and_not_booked() {
    let mut switch = switch();
    let (stan, mut builder) = switch.builder(Mti::M0200, "310000", 0);
    ScriptedSwitch::put_card(&mut builder, &card());
    builder.remove(4);
    let asked =
        SentRequest { mti: Mti::M0200, stan, amount: 0, bytes: switch.finish(&mut builder) };
    let answers = switch.send(&asked);
    assert_eq!(answers[0].fields, [3, 7, 11, 32, 37, 39, 41, 49, 54, 64]);
    let more = card().pan().last_four();
    assert_eq!(answers[0].balance, Some(format!("1002156C{:012}", 1_000_000 + u64::from(more))));
    assert_eq!(switch.network.book().items().len(), 0);
}

#[test]
fn requests_about_an_earlier_one_have_two_bitmaps_and_their_mac_in_128() {
    let mut switch = switch();
    let sale = switch.sale(100);
    let void = {
        switch.send(&sale);
        switch.about(Mti::M0200, "200000", 100, &sale)
    };
    assert_eq!(ISO87_BINARY.parse(&void.bytes).unwrap().fields().last().unwrap().id(), 128);
    let answers = switch.send(&void);
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 38, 39, 41, 49, 64]);
    assert_eq!(
        (answers[0].code.as_str(), state(&switch, &sale)),
        ("00", NetworkTransactionState::Voided)
    );

    let held = switch.by_card(Mti::M0100, "030000", 100);
    switch.send(&held);
    let completion = switch.about(Mti::M0200, "000000", 80, &held);
    assert_eq!(switch.code(&completion), "00");
    assert_eq!(state(&switch, &held), NetworkTransactionState::Completed);
    let refund = switch.about(Mti::M0220, "200000", 30, &completion);
    let answers = switch.send(&refund);
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 39, 41, 49, 64]);
    assert_eq!(answers[0].mti, "0230");

    let other = switch.by_card(Mti::M0100, "030000", 100);
    switch.send(&other);
    let let_go = switch.about(Mti::M0100, "200000", 100, &other);
    assert_eq!(
        (switch.code(&let_go), state(&switch, &other)),
        ("00".into(), NetworkTransactionState::Voided)
    );

    let reversed = switch.sale(100);
    switch.send(&reversed);
    let reversal = switch.reversal(&reversed);
    let answers = switch.send(&reversal);
    assert_eq!(answers[0].mti, "0410");
    assert_eq!(answers[0].fields, [3, 4, 7, 11, 32, 37, 39, 41, 49, 64]);
    assert_eq!(state(&switch, &reversed), NetworkTransactionState::Reversed);
    let kinds: Vec<NetworkTransactionKind> =
        switch.network.book().items().map(|item| item.kind).collect();
    assert_eq!(
        kinds,
        [
            NetworkTransactionKind::Sale,
            NetworkTransactionKind::Void,
            NetworkTransactionKind::PreAuthorisation,
            NetworkTransactionKind::Completion,
            NetworkTransactionKind::Refund,
            NetworkTransactionKind::PreAuthorisation,
            NetworkTransactionKind::VoidPreAuthorisation,
            NetworkTransactionKind::Sale,
        ]
    );
}

#[test]
fn a_repeat_gets_the_first_answer() {
    let mut switch = switch();
    let sale = switch.sale(100);
    let first = switch.send(&sale);
    assert_eq!(switch.send(&sale), first);
    let refund = switch.about(Mti::M0220, "200000", 30, &sale);
    assert_eq!(switch.code(&refund), "00");
    let repeat = switch.repeat(&refund);
    assert_eq!(switch.send(&repeat)[0].code, "00");
    let ledger = switch.network.book();
    assert_eq!((ledger.totals().refunded.count, ledger.totals().refunded.amount), (1, 30));
}

#[test]
fn sale_and_reversal_end_at_zero_in_any_order() {
    let mut switch = switch();
    let (late, known) = (switch.sale(100), switch.sale(100));
    let reversal = switch.reversal(&late);
    assert_eq!(switch.code(&reversal), "25");
    assert_eq!(switch.code(&late), "21");
    let repeat = switch.repeat(&reversal);
    assert_eq!(switch.send(&repeat)[0].code, "25");

    switch.send(&known);
    let reversal = switch.reversal(&known);
    assert_eq!(switch.code(&reversal), "00");
    let repeat = switch.repeat(&reversal);
    assert_eq!(switch.send(&repeat)[0].code, "00");
    let again = switch.reversal(&known);
    assert_eq!(switch.code(&again), "00");
    assert_eq!(switch.network.book().totals().collected.count, 0);
}

#[test]
fn a_reversal_of_a_void_or_a_completion_restores_the_original() {
    let mut switch = switch();
    let sale = switch.sale(100);
    switch.send(&sale);
    let void = switch.about(Mti::M0200, "200000", 100, &sale);
    switch.send(&void);
    let reversal = switch.reversal(&void);
    assert_eq!(
        (switch.code(&reversal), state(&switch, &sale)),
        ("00".into(), NetworkTransactionState::Approved)
    );

    let held = switch.by_card(Mti::M0100, "030000", 100);
    switch.send(&held);
    let completion = switch.about(Mti::M0200, "000000", 80, &held);
    switch.send(&completion);
    let reversal = switch.reversal(&completion);
    assert_eq!(
        (switch.code(&reversal), state(&switch, &held)),
        ("00".into(), NetworkTransactionState::Approved)
    );
    let totals = switch.network.book().totals();
    assert_eq!((totals.held.amount, totals.collected.amount), (100, 100));
}

#[test]
fn a_reversal_of_another_amount_is_refused() {
    let mut switch = switch();
    let sale = switch.sale(100);
    switch.send(&sale);
    let wrong = switch.about(Mti::M0400, "000000", 99, &sale);
    assert_eq!(
        (switch.code(&wrong), state(&switch, &sale)),
        ("64".into(), NetworkTransactionState::Approved)
    );
}

#[test]
fn a_wrong_mac_is_refused_and_not_booked() {
    let mut switch = switch();
    let mut sale = switch.sale(100);
    *sale.bytes.last_mut().unwrap() ^= 1;
    assert_eq!(switch.code(&sale), "A0");
    let (_, mut builder) = switch.builder(Mti::M0200, "000000", 100);
    let mut plain = builder.build().unwrap().to_vec();
    switch.network.receive(LINK, &mut plain, NOW_MS, &mut switch.out);
    assert!(plain.iter().all(|byte| *byte == 0), "received bytes are wiped");
    assert_eq!(switch.network.counts().wrong_mac, 2);
    assert_eq!(switch.network.book().items().len(), 0);
}

#[test]
fn the_format_is_checked_field_by_field() {
    let mut switch = switch();
    let mut changed = |change: &dyn Fn(&mut MessageBuilder<'_>)| {
        let (stan, mut builder) = switch.builder(Mti::M0200, "000000", 100);
        ScriptedSwitch::put_card(&mut builder, &card());
        change(&mut builder);
        let bytes = switch.finish(&mut builder);
        switch.code(&SentRequest { mti: Mti::M0200, stan, amount: 100, bytes })
    };
    assert_eq!(changed(&|_| {}), "00");
    for field in [3, 4, 7, 11, 12, 13, 18, 22, 25, 32, 37, 41, 42, 49, 2] {
        if field != 11 {
            assert_eq!(
                changed(&|b| {
                    b.remove(field);
                }),
                "30",
                "without field {field}"
            );
        }
    }
    assert_eq!(
        changed(&|b| {
            b.text(37, format!("{RRN}999999"));
        }),
        "30"
    );
    assert_eq!(
        changed(&|b| {
            b.text(38, "      ");
        }),
        "30"
    );
    assert_eq!(
        changed(&|b| {
            b.number(7, 1_332_000_000);
        }),
        "30"
    );
    assert_eq!(
        changed(&|b| {
            b.number(32, 1);
        }),
        "31"
    );
    assert_eq!(
        changed(&|b| {
            b.text(49, "840");
        }),
        "12"
    );
    assert_eq!(
        changed(&|b| {
            b.text(3, "170000");
        }),
        "12"
    );
    assert_eq!(
        changed(&|b| {
            b.text(2, "6225880000000077");
        }),
        "14"
    );
    assert_eq!(
        changed(&|b| {
            b.number(4, 0);
        }),
        "13"
    );
    let track = card().track2();
    assert_eq!(
        changed(&|b| {
            b.remove(2).text(35, track.as_str());
        }),
        "00"
    );
    assert_eq!(switch.network.counts().malformed, 17);
}

#[test]
fn field_90_must_be_complete_and_name_our_acquirer() {
    let mut switch = switch();
    let sale = switch.sale(100);
    switch.send(&sale);
    let right = switch::field_90(&sale);
    let mut reverse = |named: &str| {
        let (stan, mut builder) = switch.builder(Mti::M0400, "000000", 100);
        builder.text(90, named);
        let bytes = switch.finish(&mut builder);
        switch.code(&SentRequest { mti: Mti::M0400, stan, amount: 100, bytes })
    };
    assert_eq!(reverse(&right.replace("00010533104", "00010533105")), "30");
    assert_eq!(reverse(&(right[..41].to_owned() + "1")), "30");
    assert_eq!(reverse(&right.replacen("0200", "0100", 1)), "25");
    assert_eq!(reverse(&right), "00");
}

#[test]
fn a_wrong_pin_is_55_and_a_right_one_is_not() {
    let mut switch = switch();
    for (typed, code) in [(card().pin(), "00"), (card().wrong_pin(), "55")] {
        let (stan, mut builder) = switch.builder(Mti::M0200, "000000", 100);
        ScriptedSwitch::put_card(&mut builder, &card());
        switch.put_pin(&mut builder, &card(), &typed);
        let bytes = switch.finish(&mut builder);
        let asked = SentRequest { mti: Mti::M0200, stan, amount: 100, bytes };
        assert_eq!(switch.code(&asked), code);
    }
    assert_eq!(switch.network.book().totals().declined.count, 1);
}

#[test]
fn a_new_mac_key_applies_from_its_answer_on_and_the_old_one_is_still_accepted() {
    let mut switch = switch();
    switch.network.change_key(KeyKind::Mac, NOW_MS, &mut switch.out).unwrap();
    let (kind, key, mut answer) = switch.key_change();
    assert_eq!(kind, 'M');
    let under_old = [switch.sale(1), switch.sale(2)];
    assert_eq!(switch.code(&under_old[0]), "00");
    switch.network.receive(LINK, &mut answer, NOW_MS, &mut switch.out);
    switch.mac_key = key;
    assert_eq!(switch.code(&under_old[1]), "00", "sent under the old key");
    let under_new = switch.sale(3);
    assert_eq!(switch.code(&under_new), "00");
}

#[test]
fn the_first_use_of_a_new_key_confirms_it() {
    let mut switch = switch();
    switch.network.change_key(KeyKind::Mac, NOW_MS, &mut switch.out).unwrap();
    let (_, key, _) = switch.key_change();
    let second = switch.network.change_key(KeyKind::Pin, NOW_MS, &mut switch.out);
    assert!(matches!(second, Err(KeyChangeError::InProgress)));
    switch.mac_key = key;
    let sale = switch.sale(1);
    assert_eq!(switch.code(&sale), "00");
    assert_eq!(switch.network.next_timer(), None, "not sent again");
}

#[test]
fn a_key_change_is_repeated_and_then_abandoned() {
    let mut switch = switch();
    switch.network.change_key(KeyKind::Pin, NOW_MS, &mut switch.out).unwrap();
    switch.out.clear();
    let mut times = 1;
    while switch.network.next_timer() == Some(switch.now_ms + KEY_CHANGE_RETRY_MS) {
        times += switch.wait(KEY_CHANGE_RETRY_MS).len();
    }
    assert_eq!((times, switch.network.next_timer()), (3, None));
    assert_eq!(KEY_CHANGE_TRIES_MAX, 3);
}

#[test]
fn a_new_pin_key_is_used() {
    let mut switch = switch();
    switch.network.change_key(KeyKind::Pin, NOW_MS, &mut switch.out).unwrap();
    let (kind, key, mut answer) = switch.key_change();
    assert_eq!(kind, 'P');
    switch.network.receive(LINK, &mut answer, NOW_MS, &mut switch.out);
    switch.pin_key = key;
    let (stan, mut builder) = switch.builder(Mti::M0200, "000000", 100);
    ScriptedSwitch::put_card(&mut builder, &card());
    switch.put_pin(&mut builder, &card(), &card().pin());
    let bytes = switch.finish(&mut builder);
    assert_eq!(switch.code(&SentRequest { mti: Mti::M0200, stan, amount: 100, bytes }), "00");
}

#[test]
fn the_clearing_file_has_the_transactions_in_force() {
    let mut switch = switch();
    let [sale, reversed, voided] = [10_000, 500, 700].map(|amount| switch.sale(amount));
    for asked in [&sale, &reversed, &voided] {
        assert_eq!(switch.code(asked), "00");
    }
    let reversal = switch.reversal(&reversed);
    let void = switch.about(Mti::M0200, "200000", 700, &voided);
    let refund = switch.about(Mti::M0220, "200000", 3_000, &sale);
    for asked in [&reversal, &void, &refund] {
        assert_eq!(switch.code(asked), "00");
    }
    let file = switch.network.make_clearing_file(jiff::civil::date(2026, 11, 22), NOW_MS + 1);
    let lines = file.lines.iter().map(|line| (line.kind, line.amount, line.deducted));
    let expected = [(ClearingLineKind::Sale, 10_000, 55), (ClearingLineKind::Refund, -3_000, 0)];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert_eq!(ClearingFile::parse(&file.to_text().unwrap()).unwrap(), file);
    let untouched = switch.sale(900);
    switch.send(&untouched);
    switch.network.make_clearing_file(jiff::civil::date(2026, 11, 23), NOW_MS + 1);
    let late = switch.about(Mti::M0200, "200000", 900, &untouched);
    assert_eq!(switch.code(&late), "12", "what is cleared is refunded, not voided");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let behaviour = Behaviour { jitter_ms: 50, ..Behaviour::default() };
        let mut switch = ScriptedSwitch::unconnected(behaviour, seed);
        switch.network.connected(LINK, NOW_MS, &mut switch.out);
        switch.manage(1, LINK);
        let mut heard = Vec::new();
        for amount in 1..20 {
            let sale = switch.sale(amount);
            heard.push(switch.send(&sale));
            heard.push(switch.wait(7));
        }
        heard
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn card_data_is_never_shown() {
    let mut switch = switch();
    let sale = switch.sale(100);
    let answers = switch.send(&sale);
    let shown = format!("{:?} {:?} {answers:?}", switch.network, switch.network.book());
    let pan = String::from_utf8(card().pan().expose().to_vec()).unwrap();
    assert!(!shown.contains(&pan) && shown.contains(&format!("{SENT:010}")), "{shown}");
}

/// A value that fits the field or nearly does.
fn any_value() -> impl Strategy<Value = (u8, String)> {
    let digits = "[0-9]{0,42}";
    let text = prop_oneof![Just("000000".to_owned()), Just("200000".to_owned()), digits];
    (2..=128_u8, text)
}

proptest! {
    #[test]
    fn any_fields_under_a_right_mac_are_answered_or_ignored(
        values in prop::collection::vec(any_value(), 0..8),
        mti in prop::sample::select(vec![100, 200, 220, 221, 400, 401, 120, 500]),
        removed in prop::collection::vec(2..=128_u8, 0..3),
        now_ms: u64,
    ) {
        let mut switch = switch();
        let (_, mut builder) = switch.builder(Mti::new(mti).unwrap(), "000000", 100);
        ScriptedSwitch::put_card(&mut builder, &card());
        for (field, text) in values {
            let mut tried = MessageBuilder::new(&ISO87_BINARY, Mti::M0200);
            if field != 64 && tried.text(field, &text).build().is_ok() {
                builder.text(field, text);
            }
        }
        for field in removed {
            builder.remove(field);
        }
        let mut bytes = switch.finish(&mut builder);
        switch.network.receive(LINK, &mut bytes, now_ms, &mut switch.out);
        switch.network.tick(now_ms, &mut switch.out);
        let counts = switch.network.counts();
        prop_assert_eq!(counts.wrong_mac, 0);
        let answers = counts.sent + counts.unreadable;
        prop_assert_eq!(answers, 2, "the answer to the sign-on and one more");
    }

    #[test]
    fn any_bytes_are_received_without_harm(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        now_ms: u64,
    ) {
        let mut switch = switch();
        switch.network.receive(LINK, &mut bytes, now_ms, &mut switch.out);
        switch.network.tick(now_ms, &mut switch.out);
        prop_assert_eq!(switch.network.book().items().len(), 0);
    }

    #[test]
    fn a_changed_request_is_never_booked(
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut switch = switch();
        let mut sale = switch.sale(100);
        let place = place.index(sale.bytes.len());
        sale.bytes[place] ^= change;
        let before = switch.network.book().items().len();
        switch.network.receive(LINK, &mut sale.bytes, NOW_MS, &mut switch.out);
        prop_assert_eq!(switch.network.book().items().len(), before);
    }
}

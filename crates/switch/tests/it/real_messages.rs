//! Messages of UnionPay's terminals, as public pages and programs show them. A host of UnionPay
//! takes them, so the switch does: from an unregistered terminal each gets the code that is due,
//! from a terminal of ours what it asks for, and none closes the connection.
//!
//! Card numbers are those of tests. Where a dump has none, the MAC is zero.

use iso8583::packagers::FIELD_60;
use iso8583::{Envelope, ISO87_BINARY, Message, MessageBuilder, PosHeader, Tpdu, UNIONPAY_POS};
use peers::TerminalTask;
use switch::TerminalDialect;

use crate::world::*;

struct RealMessage {
    what: &'static str,
    /// From the MTI on.
    hex: &'static str,
    fields: &'static [u8],
    /// The code for a terminal that is not registered.
    unregistered: &'static str,
    /// The code for a terminal of ours.
    ours: &'static str,
}

const MESSAGES: [RealMessage; 17] = [
    RealMessage {
        what: "sign-on with double keys and the device's number (a terminal's HTTP log)",
        hex: "0800 0020000000C00016 000001 3130303031353938 383032313030313032313031363130
            0011000000010030 0029 53657175656E6365204E6F3136333135305358582D34433330343131 39
            0003303120",
        fields: &[11, 41, 42, 60, 62, 63],
        unregistered: "97",
        ours: "00",
    },
    RealMessage {
        what: "sign-on with an operator of three digits (test data of a terminal's program)",
        hex: "0800 0020000000C00016 000001 3939393939393036 303031343330313730313139393939
            0011000000000030 0025 53657175656E6365204E6F3132333036303939393939393036
            0003303031",
        fields: &[11, 41, 42, 60, 62, 63],
        unregistered: "97",
        ours: "00",
    },
    RealMessage {
        what: "sign-on with a track key (test data of a parser)",
        hex: "0800 0020000000C00012 000016 3930333631373438 393233303131373533393931363935
            0011000000010040 0003303120",
        fields: &[11, 41, 42, 60, 63],
        unregistered: "40",
        ours: "40",
    },
    RealMessage {
        what: "sign-on with single keys (test data of a parser)",
        hex: "0800 0020000000C00012 000001 3132333435363738 303030303030303030303030303031
            0011000000010010 00023031",
        fields: &[11, 41, 42, 60, 63],
        unregistered: "40",
        ours: "40",
    },
    RealMessage {
        what: "sign-on of a terminal with letters in its number (test data of a gateway)",
        hex: "0800 0020000000C00012 001247 3538443031313135 383837353844303438313635353535
            0011000000010030 00023031",
        fields: &[11, 41, 42, 60, 63],
        unregistered: "97",
        ours: "00",
    },
    RealMessage {
        what: "sign-on with the number of a SIM card in 63 (a host's message log)",
        hex: "0800 0020000000C00016 000058 3030303030303034 333033333130303930303030303031
            0011000000230040 0022 53657175656E6365204E6F3039303030304D33303030
            0040 30352038393836303034303134313238313033393439312020202020303039333430303033393433",
        fields: &[11, 41, 42, 60, 62, 63],
        unregistered: "40",
        ours: "40",
    },
    RealMessage {
        what: "echo without a STAN (a terminal's program)",
        hex: "0820 0000000000C00010 3131303030323834 353835323930303438313430303031
            0011000000013010",
        fields: &[41, 42, 60],
        unregistered: "00",
        ours: "00",
    },
    RealMessage {
        what: "download of chip parameters (test data of a gateway)",
        hex: "0800 0000000000C00010 3130343030303735 303030303030303030303030303034
            0011000000013800",
        fields: &[41, 42, 60],
        unregistered: "A0",
        ours: "00",
    },
    RealMessage {
        what: "download of a key, which is an acquirer's own (test data of a gateway)",
        hex: "0800 0000000000C00010 3030303030303932 303133333632363730313130303031
            0011000000013520",
        fields: &[41, 42, 60],
        unregistered: "40",
        ours: "40",
    },
    RealMessage {
        what: "sale by stripe with the device's certificate in 47 and 57 (test data of a gateway)",
        hex: "0200 3024048020C28091 000000 000000001000 000742 1712 0220 00
            32 4761340000000019D171210114991787 3030303030363634
            303030303030303030303030363636
            0062 504930353703055033303939040230320510303030303032303233 4B31333937343306
            063030303031390708334633443033383408083932313020202020
            313536 0019 32313843323532303420202020202020202020 0013 22000249000500
            4535304135363443",
        fields: &[3, 4, 11, 14, 22, 25, 35, 41, 42, 47, 49, 57, 60, 64],
        unregistered: "A0",
        ours: "00",
    },
    RealMessage {
        what: "contactless sale that ends 60 after 60.4 (test data of a parser)",
        hex: "0200 703C06C020C09A11 19 62220212345678901230 000000 000000000001 000105 161243 0209
            2308 0710 0001 00 12 37 6222021234567890123D23082201000082300 0
            3932333336373837 383437313030303533393930303032 313536 7D6A7408DFE2E9E5
            2600000000000000
            0145 9F26089C0A057796D091E39F2701809F1013070F0103A00000010A010000005959BAF31C349F37
            042AE9F9B49F36020FCD950500000000009A031802099C01009F02060000000000015F2A0201568202
            7C009F1A0201569F03060000000000009F330390C8C09F34030000009F3501229F1E08313233343536
            37388408A0000003330101019F090200209F410400000002
            0012 220000010006 4433374345464536",
        fields: &[2, 3, 4, 11, 12, 13, 14, 22, 23, 25, 26, 35, 41, 42, 49, 52, 53, 55, 60, 64],
        unregistered: "A0",
        ours: "00",
    },
    RealMessage {
        what: "sale by stripe that ends 60 after the batch (worked example of a MAC)",
        hex: "0200 7024048020C09811 19 62220212345678901230 000000 000000000001 024283 1510 0210
            00 34 6222021234567890123D00002101815546 3035343030303031
            353433313030353331313030303031 313536 DD54F10FBECE95F3 2600000000000000
            0008 22000001 0000000000000000",
        fields: &[2, 3, 4, 11, 14, 22, 25, 35, 41, 42, 49, 52, 53, 60, 64],
        unregistered: "A0",
        ours: "00",
    },
    RealMessage {
        what: "sale by stripe with track 3, and an activation code in 62 (test data of a gateway)",
        hex: "0200 302404C030C09815 000000 000000000999 000161 3501 0210 04 06
            35 4218710000002182D35011010593158700 00
            0080 994218710000002182D1561560000000003254003000000034343435010DDD000000005931587000
            3030303030303031 333035343931303730313130303633 313536 2E1BDD09A3C4897D
            2600000000000000 0013 22000399000500
            0019 4143544E303030303030303030303030333231 3046364332343444",
        fields: &[3, 4, 11, 14, 22, 25, 26, 35, 36, 41, 42, 49, 52, 53, 60, 62, 64],
        unregistered: "A0",
        ours: "00",
    },
    RealMessage {
        what: "settlement (test data of a parser)",
        hex: "0500 0020000000C18012 000645 3132333435363737 313233343536373839303132333435
            0062 00000000000700700000000000000000000000000000000000000000000000
            313536 0011000000032010 0003303120",
        fields: &[11, 41, 42, 48, 49, 60, 63],
        unregistered: "A0",
        ours: "95",
    },
    RealMessage {
        what: "reversal of a chip sale (test data of a gateway)",
        hex: "0400 7024068002C08211 19 62121420000000000120 000000 000000000111 001176 2912 0510
            0000 00 3036 3130303030313437 383130303030393439303030303031 313536
            0040 950508800470009F1E0838383434373034369F101307010103A02010010A0100000500004707A18D
            0014 22000001000601 4543454234394139",
        fields: &[2, 3, 4, 11, 14, 22, 23, 25, 39, 41, 42, 49, 55, 60, 64],
        unregistered: "A0",
        ours: "25",
    },
    RealMessage {
        what: "reversal with an activation code in 62 (test data of a gateway)",
        hex: "0400 7024048002C08015 16 3568570110000056 000000 000000000999 000162 3406 0210 04
            3938 3030303030303031 333035343931303730313130303633 313536
            0013 22000399000500 0019 4143544E303030303030303030303030333231 4543333045303434",
        fields: &[2, 3, 4, 11, 14, 22, 25, 39, 41, 42, 49, 60, 62, 64],
        unregistered: "A0",
        ours: "25",
    },
    RealMessage {
        what: "reversal with track 2 in the place of track 3 (a mobile terminal's program)",
        hex: "0400 702406C012C08011 16 6224242900000113 000000 000000005800 000015 3207 0510 0001
            00 12 0037 6224242900000113D320752000000960000000
            3036 3637353333343438 383230313437323730363733383339 313536 0014 22000001000501
            0000000000000000",
        fields: &[2, 3, 4, 11, 14, 22, 23, 25, 26, 36, 39, 41, 42, 49, 60, 64],
        unregistered: "A0",
        ours: "25",
    },
];

const TPDU: Tpdu = Tpdu { destination: 0x0003, source: 0 };
/// As terminals send it: with a reader for chips, and a version of their own.
const HEADER: PosHeader = PosHeader([0x60, 0x31, 0x00, 0x31, 0x13, 0x12]);

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn open() -> World {
    World::open_in(TerminalDialect::UNIONPAY)
}

/// Sends a message and delivers everything but the answer, which must be there.
pub fn asked(world: &mut World, message: &[u8], what: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    Envelope { tpdu: TPDU, header: HEADER }.write(&mut frame, message);
    world.to_terminal.clear();
    world.send(0, frame);
    while world.switch_receives_from_terminal()
        || world.books_step()
        || world.network_receives()
        || world.switch_receives_from_network()
    {}
    let (_, answer) = world.to_terminal.pop_back().unwrap_or_else(|| panic!("{what}: no answer"));
    let (tpdu, header, answer) = Envelope::parse(&answer).unwrap();
    assert_eq!(tpdu, TPDU.reply(), "{what}");
    assert_eq!(header.0[..2], HEADER.0[..2], "{what}");
    answer.to_vec()
}

/// The message as a terminal of ours would send it: with its numbers, a card of the test's range,
/// the waybill of a sale, and its MAC. It has no PIN, whose block is under another key.
fn of_ours(world: &mut World, message: &Message<'_>) -> Vec<u8> {
    let mut builder = MessageBuilder::new(&UNIONPAY_POS, message.mti());
    let left_out = [2, 35, 36, 41, 42, 52, 53, 60, 64];
    for field in message.fields().filter(|field| !left_out.contains(&field.id())) {
        builder.copy_field(&field);
    }
    let (card, batch) = (card(1), world.terminals[0].terminal.batch());
    if message.has(2) {
        builder.bytes(2, card.pan().expose());
    }
    if message.has(35) {
        builder.text(35, card.track2().as_str());
    }
    let field_60 = message.text(60).unwrap();
    builder.text(41, "00000001").bytes(42, MERCHANT);
    builder.text(60, format!("{}{batch:06}{}", &field_60[..2], &field_60[8..]));
    if message.mti().get() == 200 {
        builder.text(58, waybill(world.parcel(message.number(4).unwrap())));
    }
    if !message.has(64) {
        return builder.build().unwrap().to_vec();
    }
    let keys = world.terminals[0].terminal.session().unwrap();
    builder.build_with_mac(|covered| keys.mac(covered)).unwrap().to_vec()
}

/// Code and presence of a MAC.
pub fn heard(answer: &[u8]) -> (String, bool) {
    let answer = UNIONPAY_POS.parse(answer).unwrap();
    (answer.text(39).unwrap().as_str().to_owned(), answer.has(64))
}

#[test]
fn every_message_parses_and_an_unregistered_terminal_gets_the_code_that_is_due() {
    let mut world = open();
    let before = world.engine.digest();
    for RealMessage { what, hex, fields, unregistered, .. } in &MESSAGES {
        let bytes = bytes(hex);
        let message = UNIONPAY_POS.parse(&bytes).unwrap_or_else(|why| panic!("{what}: {why}"));
        let found: Vec<u8> = message.fields().map(|field| field.id()).collect();
        assert_eq!(found, *fields, "{what}");
        FIELD_60.split(message.text(60).unwrap().as_bytes()).unwrap();
        let answer = asked(&mut world, &bytes, what);
        assert_eq!(heard(&answer), ((*unregistered).to_owned(), false), "{what}");
        let answer = UNIONPAY_POS.parse(&answer).unwrap();
        assert_eq!(Some(answer.mti()), message.mti().response(), "{what}");
        for field in [3, 4, 11, 41, 42, 60] {
            let same = answer.get(field) == message.get(field);
            assert!(same, "{what}: field {field} of the answer");
        }
    }
    assert_eq!(world.engine.digest(), before);
}

#[test]
fn a_terminal_of_ours_gets_what_each_message_asks_for() {
    for RealMessage { what, hex, ours, .. } in &MESSAGES {
        let mut world = open();
        let bytes = bytes(hex);
        let message = UNIONPAY_POS.parse(&bytes).unwrap();
        let ready = of_ours(&mut world, &message);
        let answer = asked(&mut world, &ready, what);
        assert_eq!(heard(&answer), ((*ours).to_owned(), message.has(64)), "{what}");
        let answer = UNIONPAY_POS.parse(&answer).unwrap();
        let form = |message: &Message<'_>| message.text(60).unwrap().len();
        assert_eq!(form(&answer), form(&message), "{what}: the answer's field 60 has its form");
        match message.mti().get() {
            200 => assert_eq!(answer.text(63).unwrap().as_str(), "network-0", "{what}"),
            500 => assert!(answer.text(48).unwrap().ends_with('2'), "{what}"),
            _ => {}
        }
        assert!(world.engine.check().is_ok(), "{what}");
    }
}

#[test]
fn what_a_network_can_have_is_passed_on_to_it() {
    let mut world = open();
    let bytes = bytes(MESSAGES[9].hex);
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    // Field 56 in Chinese (GBK) beside those of the dump.
    let ready = of_ours(&mut world, &message);
    let ready = UNIONPAY_POS.parse(&ready).unwrap();
    let mut builder = MessageBuilder::new(&UNIONPAY_POS, ready.mti());
    for field in ready.fields().filter(|field| field.id() != 64) {
        builder.copy_field(&field);
    }
    builder.text(40, "123").text(43, "shop").text(46, "46").text(51, "156");
    builder.bytes(56, [0xD3, 0xE0, 0xB6, 0xEE]);
    let keys = world.terminals[0].terminal.session().unwrap();
    let ready = builder.build_with_mac(|covered| keys.mac(covered)).unwrap();
    let mut frame = Vec::new();
    Envelope { tpdu: TPDU, header: HEADER }.write(&mut frame, &ready);
    world.send(0, frame);
    while world.to_network.is_empty() {
        assert!(world.switch_receives_from_terminal() || world.books_step());
    }
    let (_, sent) = world.to_network.back().unwrap();
    let sent = ISO87_BINARY.parse(sent).unwrap();
    assert_eq!(sent.bytes(47), message.bytes(47));
    assert_eq!(sent.bytes(57), message.bytes(57));
    assert_eq!(sent.bytes(56), Ok(&[0xD3, 0xE0, 0xB6, 0xEE][..]));
    assert_eq!(sent.text(43).unwrap().trim_end(), "shop");
    assert_eq!((sent.text(40).unwrap().as_str(), sent.text(51).unwrap().as_str()), ("123", "156"));
    assert!(sent.has(46));
    assert!(!sent.has(48) && !sent.has(60), "fields of the switch's own");
}

#[test]
fn what_a_terminal_sealed_is_not_passed_on() {
    let mut world = World::open();
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, sale).unwrap();
    while world.to_network.is_empty() {
        assert!(world.switch_receives_from_terminal() || world.books_step());
    }
    let (_, sent) = world.to_network.back().unwrap();
    let sent = ISO87_BINARY.parse(sent).unwrap();
    assert!(sent.has(2) && !sent.has(57));
}

//! Building messages: padding, refusals, copies.

use iso8583::{
    BuildRule, ISO87_ASCII, ISO87_BINARY, MessageBuilder, Mti, UNIONPAY_POS, WipedBytes,
};

use crate::support::{PACKAGERS, sale, to_hex, values};

#[test]
fn short_values_of_fixed_fields_are_padded() {
    let bytes = MessageBuilder::new(&ISO87_ASCII, Mti::M0200)
        .number(4, 5)
        .text(11, "7")
        .text(37, "RRN")
        .text(41, "T1")
        .build()
        .unwrap();
    assert_eq!(&bytes[20..], b"000000000005000007RRN         T1      ");
}

#[test]
fn a_signed_amount_keeps_its_sign() {
    for packager in [&ISO87_ASCII, &ISO87_BINARY] {
        let mut builder = MessageBuilder::new(packager, Mti::M0510);
        let bytes = builder.number(28, 75).signed(29, -120).signed(97, 1).build().unwrap();
        let message = packager.parse(&bytes).unwrap();
        assert_eq!(message.text(28).unwrap(), "C00000075");
        assert_eq!(message.signed(29), Ok(-120));
        assert_eq!(message.signed(97), Ok(1));
        assert_eq!(message.number(97).unwrap_err().field, 97);
    }
}

type Set = for<'b, 'p> fn(&'b mut MessageBuilder<'p>) -> &'b mut MessageBuilder<'p>;

#[test]
fn the_first_wrong_value_is_reported_and_nothing_is_built() {
    let cases: [(Set, u8, BuildRule); 9] = [
        (|b| b.number(4, 1_000_000_000_000), 4, BuildRule::TooLong { given: 13, max: 12 }),
        (|b| b.text(3, "00 000"), 3, BuildRule::Character { at: 2, content: "n" }),
        (|b| b.text(38, "12-456"), 38, BuildRule::Character { at: 2, content: "an" }),
        (|b| b.text(41, "1234567\n"), 41, BuildRule::Character { at: 7, content: "ans" }),
        (|b| b.text(35, "12A"), 35, BuildRule::Character { at: 2, content: "z" }),
        (|b| b.text(52, "12345678"), 52, BuildRule::NotText),
        (|b| b.bytes(52, [0; 7]), 52, BuildRule::Length { given: 7, expected: 8 }),
        (|b| b.bytes(62, [0; 513]), 62, BuildRule::TooLong { given: 513, max: 512 }),
        (|b| b.number(5, 1), 5, BuildRule::Undefined),
    ];
    for (set, field, rule) in cases {
        let mut builder = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200);
        set(&mut builder);
        builder.text(3, "none of digits");
        let error = builder.build().unwrap_err();
        assert_eq!((error.field, error.rule), (field, rule));
        assert!(!builder.has(field));
        assert!(builder.reset(Mti::M0200).build().is_ok());
    }
}

#[test]
fn text_that_is_not_ascii_is_refused_with_its_position() {
    let error = MessageBuilder::new(&UNIONPAY_POS, Mti::M0210).text(44, "a余").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "field 44 (additional response) cannot hold the character at 1: its content is ASCII; \
         give other text as bytes"
    );
}

#[test]
fn an_answer_copies_the_echoed_fields() {
    let question = sale().build().unwrap();
    let question = UNIONPAY_POS.parse(&question).unwrap();
    let answer = MessageBuilder::new(&UNIONPAY_POS, question.mti().response().unwrap())
        .copy(&question, &[3, 4, 11, 12, 25, 35, 41, 42, 49, 60])
        .text(39, "00")
        .build()
        .unwrap();
    let answer = UNIONPAY_POS.parse(&answer).unwrap();
    assert_eq!(answer.mti(), Mti::M0210);
    let fields: Vec<u8> = answer.fields().map(|field| field.id()).collect();
    assert_eq!(fields, [3, 4, 11, 25, 35, 39, 41, 42, 49, 60], "12 was not in the question");
    for field in answer.fields().filter(|field| field.id() != 39) {
        assert_eq!(Some(field), question.get(field.id()));
    }
}

#[test]
fn a_message_is_copied_to_another_packager() {
    let echoed = [2, 3, 4, 11, 14, 22, 23, 25, 26, 35, 41, 42, 49, 52, 53];
    let terminal = sale().build().unwrap();
    let terminal = UNIONPAY_POS.parse(&terminal).unwrap();
    for packager in PACKAGERS {
        let network =
            MessageBuilder::new(packager, Mti::M0200).copy(&terminal, &echoed).build().unwrap();
        let network = packager.parse(&network).unwrap();
        let sent = values(&terminal).into_iter().filter(|(field, _)| echoed.contains(field));
        assert_eq!(values(&network), sent.collect::<Vec<_>>(), "{}", packager.name());
        let back = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200).copy(&network, &echoed).build();
        let back = back.unwrap();
        let back = UNIONPAY_POS.parse(&back).unwrap();
        assert!(back.fields().all(|field| terminal.get(field.id()) == Some(field)));
    }
}

#[test]
fn the_last_value_of_a_field_counts_and_a_field_can_be_removed() {
    let mut builder = sale();
    let bytes = builder.number(4, 1).number(4, 2).remove(55).build().unwrap();
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.number(4), Ok(2));
    assert!(!message.has(55));
}

#[test]
fn a_builder_reuses_one_buffer_for_many_messages() {
    let mut builder = sale();
    let mut buffer = WipedBytes::default();
    builder.build_into(&mut buffer).unwrap();
    let first = buffer.to_vec();
    builder.reset(Mti::M0800).number(11, 9).build_into(&mut buffer).unwrap();
    assert_eq!(to_hex(&buffer), "08000020000000000000000009");
    assert_ne!(first, buffer.to_vec());
}

#[test]
fn a_message_longer_than_an_offset_can_express_is_not_built() {
    let mut builder = MessageBuilder::new(&ISO87_ASCII, Mti::M0200);
    for _ in 0..70 {
        builder.text(120, "x".repeat(999));
    }
    let error = builder.build().unwrap_err();
    assert_eq!((error.field, error.rule), (120, BuildRule::MessageTooLong { max: 65_535 }));
}

#[test]
fn each_message_type_has_its_answer() {
    for (request, response) in [
        (Mti::M0100, Mti::M0110),
        (Mti::M0120, Mti::M0130),
        (Mti::M0200, Mti::M0210),
        (Mti::M0220, Mti::M0230),
        (Mti::M0320, Mti::M0330),
        (Mti::M0400, Mti::M0410),
        (Mti::M0401, Mti::M0410),
        (Mti::M0420, Mti::M0430),
        (Mti::M0421, Mti::M0430),
        (Mti::M0500, Mti::M0510),
        (Mti::M0800, Mti::M0810),
        (Mti::M0820, Mti::M0830),
    ] {
        assert_eq!(request.response(), Some(response));
        assert_eq!(response.response(), None);
        assert!(request.is_request() && response.is_response());
    }
    assert_eq!(Mti::M0400.repeat(), Mti::M0401);
    assert_eq!(Mti::M0401.repeat(), Mti::M0401);
    assert!(Mti::M0421.is_repeat() && !Mti::M0420.is_repeat());
    assert_eq!(Mti::M0200.to_string(), "0200");
    assert_eq!(Mti::new(200), Some(Mti::M0200));
    assert_eq!(Mti::new(10_000), None);
}

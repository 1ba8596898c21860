//! UnionPay POS messages.

use iso8583::framing::{FRAME_BYTES_MAX, LengthFraming};
use iso8583::packagers::{FIELD_60, FIELD_62_KEYS};
use iso8583::tlv::{self, Tag};
use iso8583::{
    DOORSTEP_CARD, DOORSTEP_POS, Envelope, FieldContent, FieldLength, FieldSpec, MessageBuilder,
    Mti, UNIONPAY_POS,
};

use crate::support::{hex, sale, set, to_hex, values};

/// A host's answer with the list of chip parameters, up to its MAC. Source: the worked MAC example
/// of blog.csdn.net/zfr_xuexiao66/article/details/94665452.
pub const ANSWER: &str = "\
    08300000000002C0001530303637303034363432383937333730313739333233303032001100000001372002\
    77319F0605A0000003339F220103DF050832303234313233319F0605A0000003339F220104DF050832303234\
    313233319F0605A0000003339F220102DF050832303231313233319F0605A0000000039F220107DF05083230\
    3137313233319F0605A0000000039F220108DF050832303233313233319F0605A0000000039F220109DF0508\
    32303233313233319F0605A0000000659F220110DF050832303232313233319F0605A0000000659F220112DF\
    050832303232313233319F0605A0000000659F220114DF050832303232313233319F0605A0000000049F2201\
    04DF050832303137313233319F0605A0000000049F220105DF050832303231313233319F0605A0000000049F\
    220106DF05083230323131323331";

#[test]
fn a_sale_has_the_expected_bytes() {
    // Laid out by hand from the table.
    let bytes = hex("0200 702406C020C09A10
        19 6222021234567890123 0
        000000
        000000001250
        000042
        2912
        051 0
        0 001
        00
        12
        37 6222021234567890123D29122010000012345 0
        3030303030313031
        313034313130313533313130303031
        313536
        A1B2C3D4E5F60718
        2600000000000000
        0033 9F2608AABBCCDDEEFF0011 9F270180 9F36020001 5F340101 9F0206000000001250
        0014 22000001000500");
    assert_eq!(to_hex(&sale().build().unwrap()), to_hex(&bytes));
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.mti(), Mti::M0200);
    assert_eq!(message.text(2).unwrap(), "6222021234567890123");
    assert_eq!(message.number(4), Ok(12_50));
    assert_eq!(message.digits(11), Ok(*b"000042"));
    assert_eq!(message.text(22).unwrap(), "051");
    assert_eq!(message.number(23), Ok(1));
    assert_eq!(message.text(35).unwrap(), "6222021234567890123=29122010000012345");
    assert_eq!(message.text(42).unwrap(), "104110153110001");
    assert_eq!(message.block(52), Ok([0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18]));
    let tags: Vec<u32> =
        message.get(55).unwrap().tlv().unwrap().map(|object| object.unwrap().tag.get()).collect();
    assert_eq!(tags, [0x9F26, 0x9F27, 0x9F36, 0x5F34, 0x9F02]);
    let sixty = message.text(60).unwrap();
    let parts = FIELD_60.split(sixty.as_bytes()).unwrap();
    assert_eq!((parts.number(0), parts.number(1), parts.number(2)), (Ok(22), Ok(1), Ok(0)));
    assert_eq!((parts.get(3), parts.get(4)), (Some(&b"5"[..]), Some(&b"0"[..])));
}

#[test]
fn a_sale_of_a_real_terminal_parses_and_builds_the_same() {
    // codetd.com/article/5053461, with UnionPay's test card. Field 59, the terminal's location, was
    // removed, so the MAC belongs to another message.
    let frame = hex("010F 6000060000 603100311003 0200 702406C020C19A11
        16 6224242900000113 000000 000000000001 000403 2806 0710 0000 00 12
        34 6224242900000113D280620139490310 13 3130303030303139 383530313030303832343130303032
        000100 313536 D1EEF419D0AE2609 2600000000000000
        0139 9F260895BBE372271DDA7C 9F270180 9F101307010103A00000010A010000000000ED538FE4
        9F37047F9F349E 9F36020157 95050000000000 9A03190830 9C0100 9F0206000000000001 5F2A020156
        82027C00 9F1A020156 9F0306000000000000 9F3303E0E1C8 9F350122 9F1E083130303030303139
        8408A000000333010102 9F0902008C 9F410400000403
        0014 22000024000600 3846363531423236");
    let (payload, end) = LengthFraming::Be2.find_frame(&frame, FRAME_BYTES_MAX).unwrap().unwrap();
    assert_eq!(end, frame.len());
    let (tpdu, header, message) = Envelope::parse(&frame[payload]).unwrap();
    assert_eq!((tpdu.destination, tpdu.source), (0x0006, 0));
    assert_eq!((header.application(), header.requested_action()), (0x60, 0));
    let message = UNIONPAY_POS.parse(message).unwrap();
    let fields: Vec<u8> = message.fields().map(|field| field.id()).collect();
    assert_eq!(fields, [2, 3, 4, 11, 14, 22, 23, 25, 26, 35, 41, 42, 48, 49, 52, 53, 55, 60, 64]);
    assert_eq!(message.text(22).unwrap(), "071");
    assert_eq!(message.text(41).unwrap(), "10000019");
    assert_eq!(message.text(48).unwrap(), "0");
    assert_eq!(message.text(60).unwrap(), "22000024000600");
    assert_eq!(message.mac(), Some(*b"8F651B26"));
    let amount = Tag::new(0x9F02).unwrap();
    let chip = message.bytes(55).unwrap();
    assert_eq!(tlv::find(chip, amount), Ok(Some(&hex("000000000001")[..])));
    let mut again = MessageBuilder::new(&UNIONPAY_POS, message.mti());
    values(&message).iter().for_each(|(field, value)| set(&mut again, *field, value));
    assert_eq!(to_hex(&again.build().unwrap()), to_hex(message.as_bytes()));
}

#[test]
fn an_answer_of_a_real_host_parses_completely() {
    let mut bytes = hex(ANSWER);
    bytes.extend(hex("3546453035384442"));
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.mti(), Mti::M0830);
    let fields: Vec<u8> = message.fields().map(|field| field.id()).collect();
    assert_eq!(fields, [39, 41, 42, 60, 62, 64]);
    assert_eq!(message.text(39).unwrap(), "00");
    assert_eq!(message.text(41).unwrap(), "67004642");
    assert_eq!(message.text(42).unwrap(), "897370179323002");
    assert_eq!(message.text(60).unwrap(), "00000001372");
    assert_eq!(message.bytes(62).unwrap().len(), 277);
    assert_eq!(message.mac(), Some(*b"5FE058DB"));
    assert_eq!(message.mac_input(), Some(&bytes[..bytes.len() - 8]));
    let mut again = MessageBuilder::new(&UNIONPAY_POS, message.mti());
    message.fields().for_each(|field| {
        again.copy_field(&field);
    });
    assert_eq!(*again.build().unwrap(), *bytes);
}

#[test]
fn a_sign_on_answer_has_its_keys_in_field_62() {
    // code456.com/article/3026509.html
    let keys =
        hex("6701EAD6A9AD51E51AA406E2C27FCFA98D0A74B8B651F9E9BACE9AE10000000000000000AB7153CA");
    let bytes = MessageBuilder::new(&UNIONPAY_POS, Mti::M0810)
        .text(39, "00")
        .text(60, "00000001003")
        .bytes(62, &keys)
        .build()
        .unwrap();
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    let parts = FIELD_62_KEYS.split(message.bytes(62).unwrap()).unwrap();
    assert_eq!(parts.bytes(0).unwrap(), &keys[..16]);
    assert_eq!(parts.bytes(1).unwrap(), hex("8D0A74B8"));
    assert_eq!(parts.bytes(2).unwrap(), hex("B651F9E9BACE9AE1"));
    assert_eq!(parts.bytes(4).unwrap(), hex("AB7153CA"));
}

#[test]
fn chinese_text_passes_as_bytes() {
    // "余额不足" (insufficient funds) in GBK.
    let gbk = hex("D3E0B6EEB2BBD7E3");
    let bytes = MessageBuilder::new(&UNIONPAY_POS, Mti::M0210).bytes(44, &gbk).build().unwrap();
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.bytes(44), Ok(&gbk[..]));
    assert_eq!(
        message.text(44).unwrap_err().to_string(),
        "field 44 (additional response) is not text: read it as bytes"
    );
}

#[test]
fn a_field_of_no_bytes_is_present_and_is_not_text() {
    let bytes = hex("0200 0000000000000200 0000");
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.bytes(55), Ok(&[][..]));
    assert!(message.text(55).is_err());
    assert!(message.get(55).unwrap().is_empty());
    assert_eq!(message.get(55).unwrap().tlv().unwrap().count(), 0);
}

#[test]
fn a_second_bitmap_is_refused_where_the_packager_has_64_fields() {
    let error = UNIONPAY_POS.parse(&hex("0200 8000000000000000 0000000000000001")).unwrap_err();
    assert_eq!(error.field(), Some(1));
    assert_eq!(
        error.to_string(),
        "second bitmap, byte 10: a second bitmap is announced, but the packager has 64 fields"
    );
}

#[test]
fn the_padding_beside_an_odd_number_of_digits_may_be_f() {
    let bytes = hex("0200 4000000020000000 13 622202123456789F 02 DF");
    let error = UNIONPAY_POS.parse(&bytes).unwrap_err();
    assert_eq!(error.field(), Some(2), "13 is an even count in its seventh byte: {error}");
    let bytes = hex("0200 4000000020000000 13 6222021234567F 03 1DFF");
    let message = UNIONPAY_POS.parse(&bytes).unwrap();
    assert_eq!(message.text(2).unwrap(), "6222021234567");
    assert_eq!(message.text(35).unwrap(), "1=?");
}

/// The format of a field as the page of the protocol writes it.
fn format(spec: &FieldSpec) -> String {
    let content = match spec.content() {
        FieldContent::N => "n",
        FieldContent::An => "an",
        FieldContent::Ans => "ans",
        FieldContent::Z => "z",
        FieldContent::B => "b",
        FieldContent::Xn => panic!("{} is not in the page", spec.name()),
    };
    match spec.length() {
        FieldLength::Fixed(bytes) if content == "b" => format!("b{}", bytes * 8),
        FieldLength::Fixed(length) => format!("{content}{length}"),
        FieldLength::Variable { max, indicator } => {
            format!("{content}{}{max}", ".".repeat(usize::from(indicator.digits())))
        }
    }
}

#[test]
fn the_page_of_the_terminal_protocol_has_the_format_of_every_field() {
    let page = include_str!("../../../../docs/door/terminal.md");
    let mut rows = std::collections::BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let number = cells[0].strip_prefix("| ").and_then(|number| number.parse::<u8>().ok());
        if let (Some(number), 4) = (number, cells.len()) {
            rows.insert(number, (cells[1], cells[3]));
        }
    }
    for number in 2..=64 {
        let own = DOORSTEP_POS.spec(number).or(DOORSTEP_CARD.spec(number));
        let (own, theirs) = (own.map(format), UNIONPAY_POS.spec(number).map(format));
        let row = rows.get(&number);
        let other = row.and_then(|(_, content)| content.split_once("UnionPay's dialect: "));
        let other = other.map(|(_, rest)| rest.split([',', ' ']).next().unwrap().to_owned());
        let other = other.filter(|text| !text.starts_with('`'));
        let written = row.map(|(format, _)| (*format).to_owned());
        assert_eq!(theirs, other.or(written.clone()), "field {number} of UnionPay's dialect");
        assert_eq!(own, written, "field {number}");
    }
}

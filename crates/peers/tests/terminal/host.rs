//! A scripted host that speaks the protocol of `docs/door/terminal.md`.

use iso8583::tlv::{Tag, TlvWriter};
use iso8583::{Envelope, Field, Message, MessageBuilder, PosHeader, Tpdu, UNIONPAY_POS};
use keys::{MacMethod, TdesKey, mac};

/// A published master key, with a sign-on field encrypted under it and the keys inside.
pub const MASTER: &str = "CA5D92598DCA48CE8A4C76361A9269E9";
const SIGN_ON: &str =
    "6701EAD6A9AD51E51AA406E2C27FCFA98D0A74B8B651F9E9BACE9AE10000000000000000AB7153CA";
pub const PIN_KEY: &str = "807A23AD32B36D457AE91FDF927570EA";
const MAC_KEY: &str = "5BB5C72CD00B7338";

pub const MERCHANT: [u8; 15] = *b"105331042150001";
pub const TPDU: Tpdu = Tpdu { destination: 0x0003, source: 0x0000 };

pub fn hex(text: &str) -> Vec<u8> {
    base16ct::upper::decode_vec(text).unwrap()
}

pub fn key(text: &str) -> TdesKey {
    TdesKey::new(&hex(text)).unwrap()
}

/// What the host answers, besides the fields of every answer.
#[derive(Clone, Copy)]
pub struct HostReply<'a> {
    pub code: &'a str,
    pub batch: u32,
    pub totals: Option<&'a str>,
    pub private: Option<&'a [u8]>,
    pub mac: ReplyMac,
    pub requested_action: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReplyMac {
    Valid,
    Invalid,
    Missing,
}

pub const APPROVAL: HostReply<'static> = HostReply {
    code: "00",
    batch: 7,
    totals: None,
    private: None,
    mac: ReplyMac::Valid,
    requested_action: 0,
};

pub fn reply_with(code: &str) -> HostReply<'_> {
    HostReply { code, ..APPROVAL }
}

/// Parses a request, and checks its envelope and MAC.
pub fn open(frame: &[u8]) -> Message<'_> {
    let (tpdu, header, message) = Envelope::parse(frame).unwrap();
    assert_eq!(tpdu, TPDU);
    assert_eq!(header.0[..3], [0x60, 0x31, 0x00]);
    let message = UNIONPAY_POS.parse(message).unwrap();
    if let (Some(covered), Some(found)) = (message.mac_input(), message.mac()) {
        assert!(mac::check(MacMethod::CupEcb, &key(MAC_KEY), covered, &found).unwrap());
    }
    message
}

/// Field numbers of a request.
pub fn fields(frame: &[u8]) -> Vec<u8> {
    open(frame).fields().map(|field: Field<'_>| field.id()).collect()
}

pub fn text(frame: &[u8], field: u8) -> String {
    open(frame).text(field).unwrap().as_str().to_owned()
}

pub fn mti(frame: &[u8]) -> String {
    open(frame).mti().to_string()
}

/// Builds the host's answer to a request.
pub fn answer(request: &[u8], says: HostReply<'_>) -> Vec<u8> {
    let asked = open(request);
    let mti = asked.mti().response().unwrap();
    let mut builder = MessageBuilder::new(&UNIONPAY_POS, mti);
    builder
        .copy(&asked, &[3, 4, 11, 12, 13, 25, 41, 42, 49])
        .text(39, says.code)
        .text(63, "unionpay");
    let network = asked.text(60).unwrap();
    builder.text(60, format!("{}{:06}{}", &network[..2], says.batch, &network[8..]));
    builder.text(37, format!("{:0>12}", asked.number(11).unwrap()));
    if says.code == "00" {
        builder.text(38, "A1B2C3");
    } else {
        builder.text(44, "no");
    }
    if let Some(totals) = says.totals {
        builder.text(48, totals);
    }
    if network.as_str().ends_with("003") && says.code == "00" {
        builder.bytes(62, hex(SIGN_ON));
    }
    if asked.text(3).is_ok_and(|processing| processing == "310000") {
        builder.text(54, "1002156C000000012345");
    }
    if let Some(private) = says.private {
        builder.bytes(62, private);
    }
    let plain = asked.mac().is_none() || says.mac == ReplyMac::Missing;
    let message = if plain {
        builder.build().unwrap()
    } else {
        let made = |covered: &[u8]| mac::compute(MacMethod::CupEcb, &key(MAC_KEY), covered);
        builder.build_with_mac(made).unwrap()
    };
    let mut message = message.to_vec();
    if says.mac == ReplyMac::Invalid {
        *message.last_mut().unwrap() ^= 1;
    }
    let header = PosHeader([0x60, 0x31, 0x00, 0x31, 0x00, 0x00])
        .with_requested_action(says.requested_action);
    let mut frame = Vec::new();
    Envelope { tpdu: TPDU.reply(), header }.write(&mut frame, &message);
    frame
}

/// Parameters in field 62: numbers in BCD.
pub fn parameters(offline_each: u64, offline_total: u64) -> Vec<u8> {
    let numbers = [
        (0xDF01, "30".to_owned()),
        (0xDF02, "02".to_owned()),
        (0xDF03, format!("{offline_each:012}")),
        (0xDF04, format!("{offline_total:012}")),
        (0xDF05, "1560".to_owned()),
        (0xDF06, "0500".to_owned()),
        (0xDF07, "0300".to_owned()),
    ];
    let mut writer = TlvWriter::new();
    for (tag, digits) in numbers {
        writer.push(Tag::new(tag).unwrap(), &hex(&digits)).unwrap();
    }
    writer.as_bytes().to_vec()
}

//! The worked examples of docs/door/terminal-examples.md, taken from the page: their bytes are
//! messages, and their MACs, PIN blocks and sealed cards are those of this code.

use std::collections::HashMap;

use iso8583::framing::{FRAME_BYTES_MAX, LengthFraming};
use iso8583::{DOORSTEP_CARD, DOORSTEP_POS, Envelope, Message, Packager, PosHeader, UNIONPAY_POS};
use keys::pin::block_matches_pin;
use keys::{
    AesKey, MacMethod, Pan, Pin, PinBlock, PinFormat, SessionKeys, TerminalSignOn, mac,
    open_sign_on_field,
};

use crate::host::{hex, key};

const PAGE: &str = include_str!("../../../../docs/door/terminal-examples.md");

/// Bytes with their name, if they begin something.
type Line = (Vec<u8>, Option<&'static str>);

struct Page {
    values: HashMap<&'static str, &'static str>,
    blocks: Vec<(&'static str, Vec<Line>)>,
}

impl Page {
    fn read() -> Page {
        let mut page = Page { values: HashMap::new(), blocks: Vec::new() };
        let mut fence = None;
        for line in PAGE.lines() {
            match (line.strip_prefix("```"), fence) {
                (Some(_), Some(_)) => fence = None,
                (Some(info), None) => {
                    fence = Some(info);
                    if let Some(name) = info.strip_prefix("hex ") {
                        page.blocks.push((name, Vec::new()));
                    }
                }
                (None, Some("values")) => {
                    let (name, value) = line.split_once(" = ").unwrap();
                    assert_eq!(page.values.insert(name, value), None, "{name} is there twice");
                }
                (None, Some(_)) => {
                    let (bytes, label) =
                        line.split_once("  ").map_or((line, None), |(b, l)| (b, Some(l.trim())));
                    let lines = &mut page.blocks.last_mut().unwrap().1;
                    lines.push((hex(&bytes.replace(' ', "")), label));
                }
                (None, None) => {}
            }
        }
        page
    }

    fn value(&self, name: &str) -> &'static str {
        self.values.get(name).unwrap_or_else(|| panic!("the page has no {name}"))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex(self.value(name))
    }

    fn block(&self, name: &str) -> Vec<u8> {
        let found = self.blocks.iter().find(|(known, _)| *known == name);
        let (_, lines) = found.unwrap_or_else(|| panic!("the page has no {name}"));
        lines.iter().flat_map(|(bytes, _)| bytes.clone()).collect()
    }

    fn aes(&self, name: &str) -> AesKey {
        AesKey::new(&self.bytes(name)).unwrap()
    }

    fn card(&self) -> (Pan, Pin) {
        let pan = Pan::parse(self.value("card number").as_bytes()).unwrap();
        (pan, Pin::parse(self.value("PIN").as_bytes()).unwrap())
    }
}

/// The frame without its length.
fn frame(block: &[u8]) -> Vec<u8> {
    let (payload, end) = LengthFraming::Be2.find_frame(block, FRAME_BYTES_MAX).unwrap().unwrap();
    assert_eq!(end, block.len());
    block[payload].to_vec()
}

fn parsed<'f>(packager: &'static Packager, frame: &'f [u8]) -> (PosHeader, Message<'f>) {
    let (_, header, message) = Envelope::parse(frame).unwrap();
    (header, packager.parse(message).unwrap())
}

fn names(dialect: &str) -> [String; 8] {
    ["sign-on", "sale", "reversal", "settlement"]
        .map(|name| [name.to_owned(), format!("answer to the {name}")])
        .as_flattened()
        .to_vec()
        .try_into()
        .map(|names: [String; 8]| names.map(|name| format!("{dialect}: {name}")))
        .unwrap()
}

#[test]
fn each_line_of_an_example_is_what_its_name_says() {
    let page = Page::read();
    for (dialect, packager) in [("doorstep", &DOORSTEP_POS), ("unionpay", &UNIONPAY_POS)] {
        for name in names(dialect) {
            let frame = frame(&page.block(&name));
            let (_, message) = parsed(packager, &frame);
            let fields: Vec<String> =
                message.fields().map(|field| field.id().to_string()).collect();
            let (_, lines) = page.blocks.iter().find(|(known, _)| *known == name).unwrap();
            let mut at = None;
            let mut seen = Vec::new();
            for (bytes, label) in lines {
                let Some(label) = label else { continue };
                if let Some(listed) = label.strip_prefix("bitmap: ") {
                    assert_eq!(listed, fields.join(" "), "{name}");
                    at = Some(());
                }
                let number = label.split(' ').next().unwrap();
                let (Some(()), Ok(field)) = (at, number.parse::<u8>()) else { continue };
                seen.push(number.to_owned());
                let field = message.get(field).unwrap();
                let begin = &field.raw()[..field.raw().len().min(4)];
                assert!(bytes.windows(begin.len()).any(|part| part == begin), "{name}: {label}");
                if let Some((_, value)) = label.split_once(": ") {
                    assert_eq!(field.text().unwrap().trim(), value.trim(), "{name}: {label}");
                }
            }
            assert_eq!(seen, fields, "{name}");
        }
    }
}

#[test]
fn the_examples_of_doorsteps_dialect_are_ours() {
    let page = Page::read();
    let terminal: u64 = page.value("terminal").parse().unwrap();
    let random = page.bytes("terminal's random").try_into().unwrap();
    let sign_on = TerminalSignOn::new(page.aes("link key"), terminal, random);
    let host_random = page.bytes("host's random").try_into().unwrap();
    let session = sign_on.finish(&host_random).unwrap();
    let cmac =
        |key: &str, covered: &[u8]| mac::compute(MacMethod::Cmac, &page.aes(key), covered).unwrap();
    for name in names("doorstep") {
        let frame = frame(&page.block(&name));
        let (header, message) = parsed(&DOORSTEP_POS, &frame);
        let covered = [&header.0[..], message.mac_input().unwrap()].concat();
        let found = message.mac().unwrap();
        if name.contains("answer") {
            assert!(session.check_mac(&covered, &found).unwrap(), "{name}");
            assert_eq!(cmac("host's MAC key", &covered), found, "{name}");
        } else if name.ends_with("sign-on") {
            assert_eq!(sign_on.mac(&covered).unwrap(), found, "{name}");
            assert_eq!(cmac("sign-on key", &covered), found, "{name}");
        } else {
            assert_eq!(session.mac(&covered).unwrap(), found, "{name}");
            assert_eq!(cmac("terminal's MAC key", &covered), found, "{name}");
        }
        match &name[10..] {
            "sign-on" => assert_eq!(message.bytes(62), Ok(&random[..])),
            "answer to the sign-on" => assert_eq!(message.bytes(62), Ok(&host_random[..])),
            "sale" => sale_of_doorstep(&page, &session, &message),
            _ => assert!(!message.has(62) && !message.has(52), "{name}"),
        }
    }
}

fn sale_of_doorstep(page: &Page, session: &SessionKeys, message: &Message<'_>) {
    let sealed = message.bytes(57).unwrap();
    let card = page.block("doorstep: card data");
    assert_eq!(*session.open_card_data(sealed).unwrap(), card);
    let parts = ["nonce", "encrypted card data", "tag"];
    let parts = parts.map(|part| page.bytes(&format!("doorstep: {part}"))).concat();
    assert_eq!(parts, sealed);
    let card = DOORSTEP_CARD.parse(&card).unwrap();
    assert_eq!(card.mti(), message.mti());
    assert_eq!(card.text(35).unwrap().as_str(), page.value("track 2"));
    let block = page.bytes("doorstep: PIN block");
    assert_eq!(message.bytes(52), Ok(&block[..]));
    let ((pan, pin), block) = (page.card(), PinBlock::new(&block).unwrap());
    assert!(block_matches_pin(&block, PinFormat::Iso4, &pan, &page.aes("PIN key"), &pin).unwrap());
    let parcel = u128::from_str_radix(page.value("parcel"), 16).unwrap();
    assert_eq!(peers::format_waybill(parcel), page.value("waybill"));
    assert_eq!(message.text(58).unwrap().as_str(), page.value("waybill"));
}

#[test]
fn the_examples_of_unionpays_dialect_are_ours() {
    let page = Page::read();
    let (pin_key, mac_key) =
        (key(page.value("working PIN key")), key(page.value("working MAC key")));
    let answer = frame(&page.block("unionpay: answer to the sign-on"));
    let (_, answer) = parsed(&UNIONPAY_POS, &answer);
    let field = page.block("unionpay: field 62");
    assert_eq!(answer.bytes(62), Ok(&field[..]));
    let master = key(page.value("master key"));
    let (issued_pin, issued_mac) = open_sign_on_field(&master, &field.try_into().unwrap()).unwrap();
    assert_eq!(issued_pin.expose(), pin_key.expose());
    assert_eq!(issued_mac.expose(), mac_key.expose());
    for name in names("unionpay") {
        let frame = frame(&page.block(&name));
        let (_, message) = parsed(&UNIONPAY_POS, &frame);
        let management = name.contains("sign-on") || name.contains("settlement");
        assert_eq!(message.has(64), !management, "{name}");
        if let (Some(covered), Some(found)) = (message.mac_input(), message.mac()) {
            assert_eq!(
                mac::compute(MacMethod::CupEcb, &mac_key, covered).unwrap(),
                found,
                "{name}"
            );
        }
    }
    let sale = frame(&page.block("unionpay: sale"));
    let (_, sale) = parsed(&UNIONPAY_POS, &sale);
    assert_eq!(sale.text(35).unwrap().as_str(), page.value("track 2"));
    let block = page.bytes("unionpay: PIN block");
    assert_eq!(sale.bytes(52), Ok(&block[..]));
    let ((pan, pin), block) = (page.card(), PinBlock::new(&block).unwrap());
    assert!(block_matches_pin(&block, PinFormat::Iso0, &pan, &pin_key, &pin).unwrap());
}

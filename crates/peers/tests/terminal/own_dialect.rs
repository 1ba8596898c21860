//! A terminal with a link key: Doorstep's own dialect, against a host with a key store.

use iso8583::{
    DOORSTEP_CARD, DOORSTEP_POS, Envelope, Message, MessageBuilder, PosHeader, Tpdu, WipedBytes,
};
use keys::pin::block_matches_pin;
use keys::{
    AesKey, Algorithm, Key, KeyName, KeyPurpose, KeyReference, KeyStore, Pin, PinBlock, PinFormat,
    SessionKeys, SignOnRequest, SoftwareStore, TdesKey,
};
use peers::card::TestCard;
use peers::terminal::TerminalError;
use peers::{TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask};

use super::host::{MERCHANT, TPDU, hex, key};
use super::{NOW_MS, card, waybill};

const LINK_KEY: &str = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
const NETWORK_PIN_KEY: &str = "55036372B17543ECB173730768B8D6C4";
const NUMBER: u32 = 10_000_001;
const HEADER_BYTES: usize = 6;
const MAC_BYTES: usize = 8;

struct Host {
    store: SoftwareStore,
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

impl Host {
    fn new() -> Host {
        let link = Key::from(AesKey::from_hex(LINK_KEY).unwrap());
        let pin = Key::from(TdesKey::from_hex(NETWORK_PIN_KEY).unwrap());
        let keys = [
            (name("terminal"), KeyPurpose::TerminalLink, link),
            (name("network"), KeyPurpose::PinEncryption, pin),
        ];
        Host { store: SoftwareStore::in_memory(keys).unwrap() }
    }

    /// The keys of a session and the answer to its sign-on, if the terminal proves its key.
    fn sign_on(&self, frame: &[u8]) -> Option<(SessionKeys, Vec<u8>)> {
        let message = open(frame);
        let fields: Vec<u8> = message.fields().map(|field| field.id()).collect();
        assert_eq!(fields, [11, 41, 42, 60, 62, 64]);
        let request = SignOnRequest {
            terminal: u64::from(NUMBER),
            random: message.bytes(62).unwrap().try_into().unwrap(),
            message: covered(frame),
            mac: &message.mac().unwrap(),
        };
        let opened = self.store.open_session(&name("terminal").into(), &request).unwrap();
        let (keys, random) = opened?;
        let answer = answer(&message, &keys, |builder| {
            builder.text(60, "00000007003").bytes(62, random);
        });
        Some((keys, answer))
    }
}

fn open(frame: &[u8]) -> Message<'_> {
    DOORSTEP_POS.parse(Envelope::parse(frame).unwrap().2).unwrap()
}

/// Header and message up to the MAC.
fn covered(frame: &[u8]) -> &[u8] {
    &frame[Tpdu::BYTES..frame.len() - MAC_BYTES]
}

fn answer(
    asked: &Message<'_>,
    keys: &SessionKeys,
    fill: impl FnOnce(&mut MessageBuilder<'_>),
) -> Vec<u8> {
    let header = PosHeader([0x60, 0x31, 0x00, 0x31, 0x00, 0x00]);
    let mut builder = MessageBuilder::new(&DOORSTEP_POS, asked.mti().response().unwrap());
    builder.copy(asked, &[3, 4, 11, 12, 13, 25, 41, 42, 49, 60]).text(39, "00");
    fill(&mut builder);
    let made = |message: &[u8]| keys.mac(&[&header.0[..], message].concat());
    let message = builder.build_with_mac(made).unwrap();
    let mut frame = Vec::new();
    Envelope { tpdu: TPDU.reply(), header }.write(&mut frame, &message);
    frame
}

fn terminal(link_key: &str) -> TerminalSimulator {
    let key = AesKey::from_hex(link_key).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Aes128);
    TerminalSimulator::new(&TerminalSimulatorSettings {
        tpdu: TPDU,
        utc_offset_minutes: 480,
        ..TerminalSimulatorSettings::new(NUMBER, MERCHANT, key)
    })
}

fn signed_on(host: &Host) -> (TerminalSimulator, SessionKeys) {
    let mut terminal = terminal(LINK_KEY);
    let request = terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    let (keys, mut answer) = host.sign_on(&request).unwrap();
    let outcome = terminal.receive(&mut answer).unwrap();
    assert_eq!(outcome, TerminalOutcome::SignedOn { batch: 7, dropped_lines: 0 });
    (terminal, keys)
}

fn sale(terminal: &mut TerminalSimulator, card: &TestCard, pin: Option<&Pin>) -> WipedBytes {
    let waybill = waybill();
    let task = TerminalTask::Sale { waybill: &waybill, card, amount: 1_250, pin };
    terminal.start(task, NOW_MS).unwrap()
}

#[test]
fn the_card_is_sealed_and_the_pin_has_format_4() {
    let host = Host::new();
    let (mut terminal, keys) = signed_on(&host);
    let (card, pin) = (card(), Pin::parse(b"135790").unwrap());
    let request = sale(&mut terminal, &card, Some(&pin));
    let message = open(&request);
    let fields: Vec<u8> = message.fields().map(|field| field.id()).collect();
    assert_eq!(fields, [3, 4, 11, 12, 13, 22, 25, 26, 41, 42, 49, 52, 57, 58, 60, 64]);
    assert!(keys.check_mac(covered(&request), &message.mac().unwrap()).unwrap());

    let plain = keys.open_card_data(message.bytes(57).unwrap()).unwrap();
    let sealed = DOORSTEP_CARD.parse(&plain).unwrap();
    assert_eq!(sealed.mti(), message.mti());
    assert_eq!(sealed.text(2).unwrap().as_str().as_bytes(), card.pan().expose());
    assert!(sealed.has(55));
    let digits = card.pan().expose();
    let packed = hex(std::str::from_utf8(digits).unwrap());
    for shown in [digits, &packed] {
        assert!(request.windows(shown.len()).all(|bytes| bytes != shown), "the card is readable");
    }

    let block = PinBlock::new(message.bytes(52).unwrap()).unwrap();
    let to = KeyReference::from(name("network"));
    let format = PinFormat::Iso0;
    let translated =
        host.store.translate_session_pin(&keys, &to, format, card.pan(), &block).unwrap();
    let network = key(NETWORK_PIN_KEY);
    assert!(block_matches_pin(&translated, format, card.pan(), &network, &pin).unwrap());

    let mut approved = answer(&message, &keys, |builder| {
        builder.text(37, "000000000002").text(38, "A1B2C3");
    });
    let outcome = terminal.receive(&mut approved).unwrap();
    assert!(matches!(outcome, TerminalOutcome::Approved { .. }), "{outcome:?}");
}

#[test]
fn no_changed_byte_of_a_message_passes_on_either_side() {
    let host = Host::new();
    let (mut terminal, keys) = signed_on(&host);
    let request = sale(&mut terminal, &card(), None);
    let message = open(&request);
    let passes =
        |frame: &[u8]| keys.check_mac(covered(frame), &frame[frame.len() - MAC_BYTES..]).unwrap();
    assert!(passes(&request));
    let approved = answer(&message, &keys, |builder| {
        builder.text(37, "000000000002").text(38, "A1B2C3");
    });
    assert!(!passes(&approved), "the host's MAC is not the terminal's");
    for place in Tpdu::BYTES..request.len() {
        let mut changed = request.to_vec();
        changed[place] ^= 1;
        assert!(!passes(&changed), "{place}");
    }
    for place in Tpdu::BYTES..approved.len() {
        let mut changed = approved.clone();
        changed[place] ^= 1;
        let outcome = terminal.receive(&mut changed);
        let refused = matches!(
            outcome,
            Err(TerminalError::Unreadable(_))
                | Ok(TerminalOutcome::Unmatched | TerminalOutcome::WrongMac)
        );
        assert!(refused, "{place}: {outcome:?}");
        if !terminal.awaits_answer() {
            terminal.repeat(NOW_MS).unwrap();
        }
    }
}

#[test]
fn a_host_without_the_key_cannot_answer_a_sign_on() {
    let mut terminal = terminal("000102030405060708090A0B0C0D0E0F");
    let request = terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    let host = Host::new();
    assert!(host.sign_on(&request).is_none(), "another key proves nothing");

    let mut terminal = self::terminal(LINK_KEY);
    let request = terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    let (_, mut right) = host.sign_on(&request).unwrap();
    for place in Tpdu::BYTES + HEADER_BYTES..right.len() {
        let mut changed = right.clone();
        changed[place] ^= 1;
        let outcome = terminal.receive(&mut changed);
        assert!(!matches!(outcome, Ok(TerminalOutcome::SignedOn { .. })), "{place}: {outcome:?}");
        if !terminal.awaits_answer() {
            terminal.repeat(NOW_MS).unwrap();
        }
    }
    // The answer to an earlier sign-on is of an earlier random value.
    terminal.receive(&mut right.clone()).unwrap();
    terminal.start(TerminalTask::SignOn, NOW_MS).unwrap();
    assert!(!matches!(terminal.receive(&mut right), Ok(TerminalOutcome::SignedOn { .. })));
}

//! A switch for tests: it signs terminals on and approves sales, or misbehaves as told.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use iso8583::{DOORSTEP_POS, Envelope, Message, MessageBuilder, Mti, PosHeader, Tpdu};
use keys::{
    AesKey, DerivedKey, Key, KeyName, KeyPurpose, KeyStore, SessionKeys, SignOnRequest,
    SoftwareStore,
};

/// How the switch behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestSwitchBehaviour {
    Good,
    /// Closes each connection at once.
    RefusesAll,
    /// Closes a connection after this many messages, without an answer to the last.
    ClosesAfter(u32),
    /// Answers reversals but no sales.
    IgnoresSales,
}

/// What the switch has received.
#[derive(Debug, Default)]
pub struct ReceivedMessages {
    pub sales: Vec<(u32, u32)>,
    pub reversals: u32,
    pub echoes: u32,
    pub signed_on: HashSet<u32>,
    sessions: HashMap<u32, SessionKeys>,
}

pub struct TestSwitch {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<ReceivedMessages>>,
}

pub fn base() -> AesKey {
    AesKey::new(&[0x5A; 32]).unwrap()
}

impl TestSwitch {
    /// Listens until the test ends. Instances that share `seen` are addresses of one switch.
    pub fn start(
        behaviour: TestSwitchBehaviour,
        seen: &Arc<Mutex<ReceivedMessages>>,
    ) -> TestSwitch {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), shared.clone());
                if behaviour != TestSwitchBehaviour::RefusesAll {
                    thread::spawn(move || serve(stream, behaviour, &seen));
                }
            }
        });
        TestSwitch { address, seen: seen.clone() }
    }

    pub fn good() -> TestSwitch {
        TestSwitch::start(TestSwitchBehaviour::Good, &Arc::default())
    }
}

fn serve(
    mut stream: TcpStream,
    behaviour: TestSwitchBehaviour,
    seen: &Mutex<ReceivedMessages>,
) -> Option<()> {
    let name = KeyName::new("base").unwrap();
    let store = SoftwareStore::in_memory([(name, KeyPurpose::Base, Key::Aes(base()))]).unwrap();
    let mut heard = 0;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut frame).ok()?;
        heard += 1;
        let (tpdu, header, message) = Envelope::parse(&frame).unwrap();
        let message = DOORSTEP_POS.parse(message).unwrap();
        let seen = &mut seen.lock().unwrap();
        let answer = answer((&frame, header, &message), (&store, name), behaviour, seen);
        if matches!(behaviour, TestSwitchBehaviour::ClosesAfter(most) if heard >= most) {
            return None;
        }
        let Some(answer) = answer else { continue };
        let mut bytes = Vec::new();
        Envelope { tpdu, header }.reply().write(&mut bytes, &answer);
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, bytes.as_slice()].concat()).ok()?;
    }
}

fn answer(
    (frame, header, message): (&[u8], PosHeader, &Message<'_>),
    (store, base): (&SoftwareStore, KeyName),
    behaviour: TestSwitchBehaviour,
    seen: &mut ReceivedMessages,
) -> Option<Vec<u8>> {
    let terminal: u32 = message.text(41).unwrap().parse().unwrap();
    let stan = u32::try_from(message.number(11).unwrap()).unwrap();
    let covered = &frame[Tpdu::BYTES..frame.len() - 8];
    let mut builder = MessageBuilder::new(&DOORSTEP_POS, message.mti().response().unwrap());
    let present: Vec<u8> = [3, 4, 11, 12, 13, 25, 41, 42, 49, 60]
        .into_iter()
        .filter(|field| message.has(*field))
        .collect();
    builder.copy(message, &present).text(39, "00");
    match message.mti() {
        Mti::M0800 => {
            seen.signed_on.insert(terminal);
            let key = DerivedKey::new(base, KeyPurpose::TerminalLink, terminal.into(), 1).into();
            let request = SignOnRequest {
                terminal: terminal.into(),
                random: message.block(62).unwrap(),
                message: covered,
                mac: &message.mac().unwrap(),
            };
            let opened = store.open_session(&key, &request).unwrap();
            let (keys, random) = opened.expect("the sign-on proves the link key");
            seen.sessions.insert(terminal, keys);
            builder.text(60, "00000001003").bytes(62, random);
        }
        Mti::M0820 => {
            seen.echoes += 1;
            return Some(builder.build().unwrap().to_vec());
        }
        Mti::M0200 => {
            assert!(message.has(57) && message.has(58), "a sale of a parcel, with a sealed card");
            seen.sales.push((terminal, stan));
            if behaviour == TestSwitchBehaviour::IgnoresSales {
                return None;
            }
            builder.text(37, "ABCDEF000001").text(38, "123456").text(63, "test");
        }
        Mti::M0400 | Mti::M0401 => seen.reversals += 1,
        other => panic!("{other} is not expected"),
    }
    let keys = &seen.sessions[&terminal];
    if message.mti() != Mti::M0800 {
        assert!(keys.check_mac(covered, &message.mac().unwrap()).unwrap());
    }
    let sealed = builder.build_with_mac(|bytes| keys.mac(&[&header.0[..], bytes].concat()));
    Some(sealed.unwrap().to_vec())
}

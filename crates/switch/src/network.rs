//! A network: its links, the numbers of what it was sent, and its messages (docs/door/network.md).

use std::collections::HashMap;

use engine::{Sent, TerminalId, Timestamp};
use iso8583::{Builder, ISO87_BINARY, MacBuildError, Message, Mti, Wiped};
use keys::{KeyRef, KeyStore, MacMethod, Pan, PinBlock, PinFormat};
use money::Amount;

use crate::link::{Link, Stand};
use crate::moment;
use crate::port::LinkId;
use crate::route::FAILURES_BEFORE_REST;
use crate::settings::{NetworkSettings, Settings};

/// STANs run from 1 to this.
const STAN_MAX: u32 = 999_999;
/// How far apart the first STANs of two starts are that lie a millisecond apart: the golden section
/// of all STANs, which keeps the starts of one second away from each other.
const STAN_SPREAD: u64 = 618_033;

/// How an answer finds its question: fields 11 and 7.
pub(crate) type Key = (u32, u32);

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A transaction.
    Work(u64),
    /// A reversal or an advice.
    Chase(u64),
    /// Nobody any more: what it answers is being reversed by this chase.
    Late(u64),
}

/// A network.
#[derive(Debug)]
pub(crate) struct Network {
    pub settings: NetworkSettings,
    pub links: Vec<Link>,
    pub waiting: HashMap<Key, Waiting>,
    pub withdrawn_from: Option<Timestamp>,
    /// While others are up, it gets nothing before this moment.
    pub rests_until: Timestamp,
    /// No message is dated before this.
    pub not_before: Timestamp,
    failures: u32,
    turn: usize,
    stan: u32,
}

/// What a message to a network says; the rest is the same in all.
#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    pub mti: Mti,
    pub processing: u32,
    pub condition: u8,
    pub amount: Option<Amount>,
    pub sent: Sent,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    /// `hhmmss` and `MMDD` at the terminal.
    pub local: (u32, u16),
    pub authorisation: Option<[u8; 6]>,
    /// What was before: its message type and how it was sent.
    pub original: Option<(Mti, Sent)>,
    /// The terminal's message, the card and its PIN block.
    pub card: Option<(&'q Message<'q>, &'q Pan, Option<[u8; 8]>)>,
}

impl Network {
    pub(crate) fn new(settings: NetworkSettings) -> Network {
        let links = (0..settings.links).map(|_| Link::new()).collect();
        Network {
            settings,
            links,
            waiting: HashMap::new(),
            withdrawn_from: None,
            rests_until: Timestamp(0),
            not_before: Timestamp(0),
            failures: 0,
            turn: 0,
            stan: 0,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.links.iter().any(|link| link.stand == Stand::Up)
    }

    /// The link whose turn it is.
    pub(crate) fn pick(&mut self) -> Option<LinkId> {
        let count = self.links.len();
        let next = (0..count).map(|step| (self.turn + step) % count);
        let place = next.into_iter().find(|place| self.links[*place].stand == Stand::Up)?;
        self.turn = place + 1;
        Some(self.link_id(place))
    }

    pub(crate) fn link_id(&self, place: usize) -> LinkId {
        let number = u8::try_from(place).unwrap_or(u8::MAX);
        LinkId { network: self.settings.network, number }
    }

    /// The next number, and this moment. After a start it begins somewhere else than it did before,
    /// so that what is answered late does not meet something new.
    pub(crate) fn next_sent(&mut self, now: Timestamp) -> Sent {
        if self.stan == 0 {
            let begin = now.0 % u64::from(STAN_MAX) * STAN_SPREAD % u64::from(STAN_MAX);
            self.stan = u32::try_from(begin).unwrap_or(0);
        }
        loop {
            self.stan = self.stan % STAN_MAX + 1;
            let sent = Sent { stan: self.stan, at: now.max(self.not_before) };
            if !self.waiting.contains_key(&key(sent)) {
                return sent;
            }
        }
    }

    /// It has answered.
    pub(crate) fn answered(&mut self) {
        self.failures = 0;
        self.rests_until = Timestamp(0);
    }

    /// It has not answered.
    pub(crate) fn failed(&mut self, now: Timestamp, rest_ms: u64) {
        self.failures += 1;
        if self.failures >= FAILURES_BEFORE_REST {
            self.rests_until = now.plus_ms(rest_ms);
        }
    }

    /// A message about a payment, with its MAC.
    pub(crate) fn write(
        &self,
        question: &Question<'_>,
        shared: &Settings,
        keys: &dyn KeyStore,
    ) -> Result<Wiped, String> {
        let mut builder = Builder::new(&ISO87_BINARY, question.mti);
        if let Some((_, pan, _)) = question.card {
            builder.text(2, std::str::from_utf8(pan.expose()).unwrap_or_default());
        }
        builder.number(3, u64::from(question.processing));
        if let Some(amount) = question.amount {
            builder.number(4, amount.minor());
        }
        builder
            .number(7, u64::from(moment::transmission(question.sent.at)))
            .number(11, u64::from(question.sent.stan))
            .number(12, u64::from(question.local.0))
            .number(13, u64::from(question.local.1));
        if let Some((message, _, _)) = question.card {
            builder.copy(message, &[14]);
        }
        builder.bytes(18, shared.merchant.category);
        if let Some((message, _, _)) = question.card {
            builder.copy(message, &[22, 23]);
        }
        builder.number(25, u64::from(question.condition)).text(32, &self.settings.acquirer);
        if let Some((message, _, _)) = question.card {
            builder.copy(message, &[35]);
        }
        builder.bytes(37, moment::rrn(question.sent));
        if let Some(authorisation) = question.authorisation.filter(|code| *code != [b' '; 6]) {
            builder.bytes(38, authorisation);
        }
        builder
            .text(41, format!("{:08}", question.terminal.0))
            .bytes(42, question.merchant)
            .text(49, format!("{:03}", self.settings.currency.numeric()));
        if let Some((message, _, pin)) = question.card {
            if let Some(pin) = pin {
                builder.bytes(52, pin).copy(message, &[53]);
            }
            builder.copy(message, &[55]);
        }
        if let Some((mti, sent)) = question.original {
            let at = moment::transmission(sent.at);
            let acquirer = &self.settings.acquirer;
            builder.text(90, format!("{mti}{:06}{at:010}{acquirer:0>11}{:011}", sent.stan, 0));
        }
        let key = KeyRef::Stored(self.settings.mac_key);
        let mac = |bytes: &[u8]| keys.mac(&key, MacMethod::X9_19, bytes);
        builder.build_with_mac(mac).map_err(|error: MacBuildError<_>| error.to_string())
    }

    /// A message about the link itself: sign-on, echo, and answers to them.
    pub(crate) fn write_management(
        &self,
        mti: Mti,
        (stan, transmission): Key,
        code: Option<[u8; 2]>,
        management: u16,
    ) -> Result<Wiped, String> {
        let mut builder = Builder::new(&ISO87_BINARY, mti);
        builder.number(7, u64::from(transmission)).number(11, u64::from(stan));
        if let Some(code) = code {
            builder.bytes(39, code);
        }
        builder.number(70, u64::from(management));
        builder.build().map_err(|error| error.to_string())
    }

    /// Whether the MAC of a message is right.
    pub(crate) fn is_authentic(
        &self,
        message: &Message<'_>,
        keys: &dyn KeyStore,
    ) -> Result<bool, String> {
        let (Some(bytes), Some(mac)) = (message.before_mac(), message.mac()) else {
            return Ok(false);
        };
        let key = KeyRef::Stored(self.settings.mac_key);
        let checked = keys.check_mac(&key, MacMethod::X9_19, bytes, &mac);
        checked.map_err(|error| error.to_string())
    }

    /// A PIN block for the network, from a terminal's.
    pub(crate) fn translate_pin(
        &self,
        keys: &dyn KeyStore,
        terminal_key: &KeyRef,
        pan: &Pan,
        block: [u8; 8],
    ) -> Result<[u8; 8], String> {
        let to = KeyRef::Stored(self.settings.pin_key);
        let format = PinFormat::Iso0;
        let block = PinBlock::new(&block).map_err(|error| error.to_string())?;
        let translated = keys.translate_pin(terminal_key, format, &to, format, pan, &block);
        let translated = translated.map_err(|error| error.to_string())?;
        translated.as_bytes().try_into().map_err(|_| "a PIN block of eight bytes".to_owned())
    }
}

pub(crate) fn key(sent: Sent) -> Key {
    (sent.stan, moment::transmission(sent.at))
}

/// A field of exactly so many characters.
pub(crate) fn characters<const N: usize>(message: &Message<'_>, field: u8) -> Option<[u8; N]> {
    message.bytes(field).ok()?.try_into().ok()
}

//! A network: its links, STANs and messages (docs/door/network.md).

use books::{NetworkReference, ResponseCode, Rrn, Stan, Timestamp};
use iso8583::{BuildError, Message, MessageBuilder, Mti, UnsealedMessage};
use keys::{KeyError, KeyReference, KeyStore, PinBlock};

use super::link::{LinkSession, LinkStatus};
use super::links::ArrivedMessage;
use crate::bcd::Digits;
use crate::port::LinkId;
use crate::settings::{MerchantSettings, NetworkSettings};
use crate::sides::{
    ExpectedResponse, NetworkMessage, NewReversal, SentCard, TerminalPin, WriteError,
};
use crate::step::KeyedTable;
use crate::time_fields;

/// Failures in a row after which a network gets a cool-down.
const FAILURES_BEFORE_COOLDOWN: u32 = 3;
/// Distance between the first STANs of two starts one millisecond apart. The golden section of the
/// STAN range keeps all starts within a second far from each other.
const STAN_SPREAD: u64 = 618_033;

/// Fields 11 and 7, by which a response is matched to its request.
pub(crate) type MessageKey = (Stan, u32);

/// A response that a network owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AwaitedResponse {
    /// To a terminal's request in flight.
    Request(ExpectedResponse),
    /// To the queued reversal or refund with this id.
    Reversal(u64),
    /// Too late: the queued reversal with this id reverses the request.
    Late(u64),
}

#[derive(Debug)]
pub(crate) struct NetworkState {
    pub settings: NetworkSettings,
    pub links: Vec<LinkSession>,
    pub awaited: KeyedTable<MessageKey, AwaitedResponse>,
    pub withdrawn_from: Option<Timestamp>,
    /// After repeated failures: no payments before this time while other networks are up.
    pub cooldown_until: Timestamp,
    /// The earliest time in field 7.
    pub earliest_message_at: Timestamp,
    failures: u32,
    turn: usize,
    /// The latest STAN.
    stan: Option<Stan>,
}

/// An entry of the reversal queue.
#[derive(Clone, Debug)]
pub(crate) struct QueuedReversal {
    pub reversal: NewReversal,
    /// Time of the next sending. A timer for another time is outdated.
    pub due: Timestamp,
    pub sendings: u32,
    /// The network's response code. The books are recording it.
    pub acknowledged: Option<ResponseCode>,
}

impl NetworkState {
    pub(crate) fn new(settings: NetworkSettings) -> NetworkState {
        let links = (0..settings.links).map(|_| LinkSession::new()).collect();
        NetworkState {
            settings,
            links,
            awaited: KeyedTable::default(),
            withdrawn_from: None,
            cooldown_until: Timestamp(0),
            earliest_message_at: Timestamp(0),
            failures: 0,
            turn: 0,
            stan: None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.links.iter().any(|link| link.status == LinkStatus::SignedOn)
    }

    /// The next signed-on link, in turn.
    pub(crate) fn next_link(&mut self) -> Option<LinkId> {
        let count = self.links.len();
        let mut next = (0..count).map(|step| (self.turn + step) % count);
        let index = next.find(|index| self.links[*index].status == LinkStatus::SignedOn)?;
        self.turn = index + 1;
        Some(self.link_id(index))
    }

    pub(crate) fn link_id(&self, index: usize) -> LinkId {
        let number = u8::try_from(index).unwrap_or(u8::MAX);
        LinkId { network: self.settings.network, number }
    }

    /// The next STAN, with the current time. Each start begins at another STAN, so that a late
    /// response from before the start does not match a new request.
    pub(crate) fn next_reference(&mut self, now: Timestamp) -> NetworkReference {
        let sent_at = now.max(self.earliest_message_at);
        let mut stan = self.stan.unwrap_or_else(|| {
            let count = u64::from(Stan::MAX.get());
            let begin = u32::try_from(now.0 % count * STAN_SPREAD % count).unwrap_or(0);
            Stan::new(begin).unwrap_or(Stan::MAX)
        });
        loop {
            stan = stan.next();
            self.stan = Some(stan);
            let sent = NetworkReference { stan, sent_at };
            if !self.awaited.contains_key(&message_key(sent)) {
                return sent;
            }
        }
    }

    pub(crate) fn record_success(&mut self) {
        self.failures = 0;
        self.cooldown_until = Timestamp(0);
    }

    pub(crate) fn record_failure(&mut self, now: Timestamp, rest_ms: u64) {
        self.failures += 1;
        if self.failures >= FAILURES_BEFORE_COOLDOWN {
            self.cooldown_until = now.plus_ms(rest_ms);
        }
    }

    /// Writes a payment message.
    pub(crate) fn write_request(
        &self,
        request: &NetworkMessage<'_>,
        merchant: &MerchantSettings,
        keys: &dyn KeyStore,
    ) -> Result<UnsealedMessage, WriteError> {
        let dialect = self.settings.dialect;
        let at = &dialect.fields;
        let message_type = (dialect.message_type)(request.kind);
        let first = if request.reversal { dialect.reversal } else { message_type.mti };
        let mti = if request.repeat { first.repeat() } else { first };
        let (key, (time, date)) =
            (message_key(request.network_reference), request.local_time_and_date);
        let mut builder = MessageBuilder::new(dialect.packager, mti);
        builder
            .number(at.processing_code, u64::from(message_type.processing_code))
            .number(at.sent_at, u64::from(key.1))
            .number(at.stan, u64::from(key.0.get()))
            .number(at.local_time, u64::from(time))
            .number(at.local_date, u64::from(date))
            .bytes(at.category, merchant.category)
            .number(at.condition_code, u64::from(message_type.condition_code))
            .text(at.acquirer, &self.settings.acquirer)
            .bytes(at.reference, Rrn::of(request.network_reference).bytes())
            .bytes(at.terminal, Digits::new(request.terminal.0, 8))
            .bytes(at.merchant, request.merchant)
            .bytes(at.currency, Digits::new(self.settings.currency.numeric().into(), 3));
        if let Some(amount) = request.amount {
            builder.number(at.amount, amount.minor());
        }
        if let Some(code) = request.authorisation_code {
            builder.bytes(at.authorisation_code, code.bytes());
        }
        if let Some(SentCard { message, card, pan, pin }) = request.card {
            // What a terminal sealed is for the switch only.
            let in_clear = |field: &&u8| !message.packager().is_sensitive(**field);
            for field in dialect.passed_on.iter().filter(in_clear) {
                builder.copy_if_valid(message, &[*field]);
            }
            builder
                .text(at.pan, std::str::from_utf8(pan.expose()).unwrap_or_default())
                .copy(message, dialect.sent_on)
                .copy(card, dialect.sent_on);
            if let Some(pin) = pin {
                let block = self.translate_pin(keys, &pin, pan).map_err(WriteError::Pin)?;
                builder.bytes(at.pin, block).text(at.pin_control, dialect.pin_control);
            }
        }
        if let Some(original) = request.original {
            let mti = (dialect.message_type)(original.kind).mti;
            let (stan, sent_at) = message_key(original.network_reference);
            let acquirer = &self.settings.acquirer;
            let text = format!("{mti}{stan:06}{sent_at:010}{acquirer:0>11}{:011}", 0);
            builder.text(at.original, text);
        }
        builder.build_before_mac().map_err(|error| WriteError::Message(error.to_string()))
    }

    /// Writes a network management message or response: sign-on, sign-off, echo. Only the switch's
    /// own messages and the answers to them have its number in field 32. So nobody can send them
    /// back as the network's.
    pub(crate) fn write_management(
        &self,
        mti: Mti,
        (stan, transmission): MessageKey,
        code: Option<ResponseCode>,
        management: u16,
    ) -> Result<UnsealedMessage, BuildError> {
        let dialect = self.settings.dialect;
        let at = &dialect.fields;
        let mut builder = MessageBuilder::new(dialect.packager, mti);
        builder
            .number(at.sent_at, u64::from(transmission))
            .number(at.stan, u64::from(stan.get()))
            .number(at.management, u64::from(management));
        match code {
            Some(code) => builder.bytes(at.response_code, code.bytes()),
            None => builder.text(at.acquirer, &self.settings.acquirer),
        };
        builder.build_before_mac()
    }

    /// The MACs of messages to the network, computed together.
    pub(crate) fn macs(
        &self,
        messages: &[&[u8]],
        keys: &dyn KeyStore,
    ) -> Result<Vec<[u8; 8]>, KeyError> {
        let key = KeyReference::Stored(self.settings.mac_key);
        keys.macs(&key, self.settings.dialect.mac, messages)
    }

    /// Whether a management message is the switch's own, or the answer to one.
    pub(crate) fn is_own(&self, message: &Message<'_>) -> bool {
        let acquirer = message.text(self.settings.dialect.fields.acquirer);
        acquirer.is_ok_and(|number| number.as_str() == self.settings.acquirer)
    }

    /// Marks those messages of this network whose MACs are right under its newest key.
    pub(crate) fn prove(&self, arrived: &mut [ArrivedMessage<'_>], keys: &dyn KeyStore) {
        let ours = arrived.iter_mut().filter(|one| one.link.network == self.settings.network);
        let with_mac = ours.filter_map(|ArrivedMessage { message, proven, .. }| {
            let message = message.as_ref().ok()?;
            Some((message.mac_input()?, message.mac()?, proven))
        });
        let with_mac: Vec<_> = with_mac.collect();
        let messages: Vec<_> = with_mac.iter().map(|(covered, mac, _)| (*covered, *mac)).collect();
        let key = KeyReference::Stored(self.settings.mac_key);
        // What goes wrong here shows when each message is handled.
        let checked = keys.check_macs(&key, self.settings.dialect.mac, &messages);
        for ((.., proven), is_right) in with_mac.into_iter().zip(checked.unwrap_or_default()) {
            *proven = is_right;
        }
    }

    pub(crate) fn is_authentic(
        &self,
        message: &Message<'_>,
        keys: &dyn KeyStore,
    ) -> Result<bool, String> {
        let (Some(bytes), Some(mac)) = (message.mac_input(), message.mac()) else {
            return Ok(false);
        };
        let key = KeyReference::Stored(self.settings.mac_key);
        let checked = keys.check_mac(&key, self.settings.dialect.mac, bytes, &mac);
        checked.map_err(|error| error.to_string())
    }

    /// Translates a PIN block from the terminal's session to the network's key.
    fn translate_pin(
        &self,
        keys: &dyn KeyStore,
        pin: &TerminalPin<'_>,
        pan: &keys::Pan,
    ) -> Result<[u8; 8], KeyError> {
        let to = KeyReference::Stored(self.settings.pin_key);
        let block = PinBlock::new(pin.block)?;
        let format = self.settings.dialect.pin_format;
        let translated = keys.translate_session_pin(pin.session, &to, format, pan, &block);
        translated?.as_bytes().try_into().map_err(|_| KeyError::UnreadablePinBlock)
    }
}

pub(crate) fn message_key(sent: NetworkReference) -> MessageKey {
    (sent.stan, time_fields::transmission_date_time(sent.sent_at))
}

#[cfg(test)]
mod tests {
    use books::{NetworkId, TerminalId};
    use iso8583::ISO87_ASCII;
    use keys::{Key, KeyName, KeyPurpose, MacMethod, SoftwareStore, TdesKey};
    use money::{Amount, Currency, Rate};
    use tariff::CappedRate;

    use super::*;
    use crate::dialect::{FieldNumbers, MessageKind, MessageType, NetworkDialect, UNIONPAY_FIELDS};

    /// Another packager and MAC, another field for the reference, another code for sales.
    static OTHER: NetworkDialect = NetworkDialect {
        name: "other",
        packager: &ISO87_ASCII,
        mac: MacMethod::X9_9,
        fields: FieldNumbers { reference: 62, ..UNIONPAY_FIELDS },
        message_type: |_| MessageType {
            mti: Mti::M0200,
            processing_code: 10_000,
            condition_code: 8,
        },
        ..*NetworkDialect::UNIONPAY
    };

    #[test]
    fn another_dialect_writes_a_request_in_its_own_way() {
        let key = Key::Tdes(TdesKey::new(&[1, 2, 4, 7, 8, 11, 13, 14].repeat(2)).unwrap());
        let name = KeyName::new("other/mac").unwrap();
        let keys = SoftwareStore::in_memory([(name, KeyPurpose::Mac, key)]).unwrap();
        let cost = CappedRate { rate: Rate::from_ppm(3_000).unwrap(), cap: None };
        let network = NetworkState::new(NetworkSettings {
            network: NetworkId(1),
            name: "other".into(),
            dialect: &OTHER,
            currency: Currency::CNY,
            links: 1,
            acquirer: "12345678".into(),
            debit: cost,
            credit: cost,
            mac_key: name,
            pin_key: name,
            exchange_key: name,
        });
        let merchant = MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: Vec::new(),
        };
        let sent = NetworkReference { stan: Stan::of(7), sent_at: Timestamp(1_377_651_723_000) };
        let request = NetworkMessage {
            kind: MessageKind::Sale,
            reversal: false,
            repeat: false,
            amount: Some(Amount::of(1_250)),
            network_reference: sent,
            terminal: TerminalId(1),
            merchant: *b"898310042150001",
            local_time_and_date: (90_203, 828),
            authorisation_code: None,
            original: None,
            card: None,
        };
        let message = network.write_request(&request, &merchant, &keys).unwrap();
        let macs = network.macs(&[message.covered()], &keys).unwrap();
        let message = message.seal(&macs[0]);
        let read = ISO87_ASCII.parse(&message).unwrap();
        assert_eq!((read.number(3), read.number(25)), (Ok(10_000), Ok(8)));
        assert_eq!(read.bytes(62).unwrap(), Rrn::of(sent).bytes());
        assert!(!read.has(37));
        let (covered, mac) = (read.mac_input().unwrap(), read.mac().unwrap());
        let key = KeyReference::Stored(name);
        assert!(keys.check_mac(&key, MacMethod::X9_9, covered, &mac).unwrap());
        assert_eq!(network.is_authentic(&read, &keys), Ok(true));
    }
}

//! A network: links, STANs and messages (docs/door/network.md).

use std::collections::HashMap;

use books::{AuthorisationCode, NetworkReference, ResponseCode, Rrn, Stan, TerminalId, Timestamp};
use iso8583::{ISO87_BINARY, MacBuildError, Message, MessageBuilder, Mti, WipedBytes};
use keys::{KeyError, KeyReference, KeyStore, MacMethod, Pan, PinBlock, PinFormat};
use money::Amount;

use crate::link::{LinkSession, LinkStatus};
use crate::port::LinkId;
use crate::route::FAILURES_BEFORE_COOLDOWN;
use crate::settings::{NetworkSettings, Settings};
use crate::time_fields;

/// Distance between the first STANs of two starts one millisecond apart. The golden section of the
/// STAN range keeps all starts within a second far from each other.
const STAN_SPREAD: u64 = 618_033;

/// Fields 11 and 7, by which a response is matched to its request.
pub(crate) type MessageKey = (Stan, u32);

/// A response that a network owes, with the id of what waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AwaitedResponse {
    /// To a terminal's request in flight.
    Request(u64),
    /// To a queued reversal or refund.
    Reversal(u64),
    /// Too late: the queued reversal with this id reverses the request.
    Late(u64),
}

#[derive(Debug)]
pub(crate) struct NetworkState {
    pub settings: NetworkSettings,
    pub links: Vec<LinkSession>,
    pub awaited: HashMap<MessageKey, AwaitedResponse>,
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

/// Which message is sent to a network.
#[derive(Clone, Copy)]
pub(crate) struct NetworkMessageType {
    pub mti: Mti,
    pub processing_code: u32,
    pub condition_code: u8,
}

/// The variable part of a message to a network.
#[derive(Clone, Copy)]
pub(crate) struct OutgoingNetworkRequest<'q> {
    pub mti: Mti,
    pub processing_code: u32,
    pub condition_code: u8,
    pub amount: Option<Amount>,
    pub network_reference: NetworkReference,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    /// `hhmmss` and `MMDD` at the terminal.
    pub local_time_and_date: (u32, u16),
    pub authorisation_code: Option<AuthorisationCode>,
    /// The original transaction: message type, STAN and time.
    pub original: Option<(Mti, NetworkReference)>,
    /// The terminal's message, the card and its PIN block.
    pub card: Option<(&'q Message<'q>, &'q Pan, Option<[u8; 8]>)>,
}

impl NetworkState {
    pub(crate) fn new(settings: NetworkSettings) -> NetworkState {
        let links = (0..settings.links).map(|_| LinkSession::new()).collect();
        NetworkState {
            settings,
            links,
            awaited: HashMap::new(),
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
        let next = (0..count).map(|step| (self.turn + step) % count);
        let index =
            next.into_iter().find(|index| self.links[*index].status == LinkStatus::SignedOn)?;
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

    /// Writes a payment message with its MAC.
    pub(crate) fn write_request(
        &self,
        request: &OutgoingNetworkRequest<'_>,
        shared: &Settings,
        keys: &dyn KeyStore,
    ) -> Result<WipedBytes, String> {
        let mut builder = MessageBuilder::new(&ISO87_BINARY, request.mti);
        if let Some((_, pan, _)) = request.card {
            builder.text(2, std::str::from_utf8(pan.expose()).unwrap_or_default());
        }
        builder.number(3, u64::from(request.processing_code));
        if let Some(amount) = request.amount {
            builder.number(4, amount.minor());
        }
        builder
            .number(
                7,
                u64::from(time_fields::transmission_date_time(request.network_reference.sent_at)),
            )
            .number(11, u64::from(request.network_reference.stan.get()))
            .number(12, u64::from(request.local_time_and_date.0))
            .number(13, u64::from(request.local_time_and_date.1));
        if let Some((message, _, _)) = request.card {
            builder.copy(message, &[14]);
        }
        builder.bytes(18, shared.merchant.category);
        if let Some((message, _, _)) = request.card {
            builder.copy(message, &[22, 23]);
        }
        builder.number(25, u64::from(request.condition_code)).text(32, &self.settings.acquirer);
        if let Some((message, _, _)) = request.card {
            builder.copy(message, &[35]);
        }
        builder.bytes(37, Rrn::of(request.network_reference).bytes());
        if let Some(code) = request.authorisation_code {
            builder.bytes(38, code.bytes());
        }
        builder
            .text(41, format!("{:08}", request.terminal.0))
            .bytes(42, request.merchant)
            .text(49, format!("{:03}", self.settings.currency.numeric()));
        if let Some((message, _, pin)) = request.card {
            if let Some(pin) = pin {
                builder.bytes(52, pin).copy(message, &[53]);
            }
            builder.copy(message, &[55]);
        }
        if let Some((mti, sent)) = request.original {
            let at = time_fields::transmission_date_time(sent.sent_at);
            let acquirer = &self.settings.acquirer;
            builder.text(90, format!("{mti}{:06}{at:010}{acquirer:0>11}{:011}", sent.stan, 0));
        }
        let key = KeyReference::Stored(self.settings.mac_key);
        let mac = |bytes: &[u8]| keys.mac(&key, MacMethod::X9_19, bytes);
        builder.build_with_mac(mac).map_err(|error: MacBuildError<_>| error.to_string())
    }

    /// Writes a network management message or response: sign-on, sign-off, echo.
    pub(crate) fn write_management(
        &self,
        mti: Mti,
        (stan, transmission): MessageKey,
        code: Option<ResponseCode>,
        management: u16,
    ) -> Result<WipedBytes, String> {
        let mut builder = MessageBuilder::new(&ISO87_BINARY, mti);
        builder.number(7, u64::from(transmission)).number(11, u64::from(stan.get()));
        if let Some(code) = code {
            builder.bytes(39, code.bytes());
        }
        builder.number(70, u64::from(management));
        builder.build().map_err(|error| error.to_string())
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
        let checked = keys.check_mac(&key, MacMethod::X9_19, bytes, &mac);
        checked.map_err(|error| error.to_string())
    }

    /// Translates a PIN block from the terminal's key to the network's.
    pub(crate) fn translate_pin(
        &self,
        keys: &dyn KeyStore,
        terminal_key: &KeyReference,
        pan: &Pan,
        block: [u8; 8],
    ) -> Result<[u8; 8], KeyError> {
        let to = KeyReference::Stored(self.settings.pin_key);
        let format = PinFormat::Iso0;
        let block = PinBlock::new(&block)?;
        let translated = keys.translate_pin(terminal_key, format, &to, format, pan, &block);
        translated?.as_bytes().try_into().map_err(|_| KeyError::UnreadablePinBlock)
    }
}

pub(crate) fn message_key(sent: NetworkReference) -> MessageKey {
    (sent.stan, time_fields::transmission_date_time(sent.sent_at))
}

/// A field of exactly `N` bytes.
pub(crate) fn fixed_field<const N: usize>(message: &Message<'_>, field: u8) -> Option<[u8; N]> {
    message.bytes(field).ok()?.try_into().ok()
}

//! A card network: answers the switch's requests from its own books and misbehaves on request.
//!
//! `docs/door/network.md` describes the protocol, `docs/door/behaviour.md` the misbehaviour. The
//! caller owns the sockets: it reports what arrived and when, and carries out each
//! [`NetworkOutput`].

use std::collections::BTreeMap;
use std::fmt;

use iso8583::{FieldError, ISO87_BINARY, Message, Mti, ParseError, WipedBytes};
use keys::{AesKey, KeyError, TdesKey};
use money::Currency;
use zeroize::Zeroize;

mod answer;
mod keyring;
mod request;

pub use crate::behaviour::RequestSummary;
use crate::behaviour::{Behaviour, BehaviourRules, OutageMode, ResponseAction, ResponsePolicy};
use crate::clearing::{self, ClearingFile, ClearingLineKind, NetworkFees};
use crate::codes::ResponseCode;
use crate::ledger::{
    AuthorisationDecision, NetworkLedger, OriginalTransaction, TransactionReference,
};
use answer::ResponseMac;
use keyring::Keyring;
pub use keyring::{KEY_CHANGE_RETRY_MS, KEY_CHANGE_TRIES_MAX, KeyChangeError, KeyKind};
use request::{NetworkRequest, RequestBody};

/// A connection from the switch, numbered by the caller. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkLinkId(pub u64);

/// Most connections. A further one is closed at once.
pub const LINKS_MAX: usize = 64;

/// Most delayed answers. Further answers are sent at once.
pub const WAITING_ANSWERS_MAX: usize = 1_000_000;

/// What the caller must do.
#[derive(Debug)]
pub enum NetworkOutput {
    /// Send a message. The caller adds the two-byte length.
    Send { link: NetworkLinkId, message: WipedBytes },
    /// Close a connection. Calling [`NetworkSimulator::closed`] afterwards is optional.
    Close { link: NetworkLinkId },
}

pub struct NetworkSimulatorSettings {
    /// Small letters, digits, hyphens.
    pub name: String,
    /// The only acquirer that the network serves, field 32; at most eleven digits.
    pub acquirer: u64,
    pub currency: Currency,
    /// Protects new keys in transit.
    pub exchange_key: AesKey,
    /// First MAC key, 16 bytes.
    pub mac_key: TdesKey,
    /// First PIN key, 16 bytes.
    pub pin_key: TdesKey,
    pub behaviour: Behaviour,
    /// Fees that clearing deducts.
    pub fees: NetworkFees,
    /// Seed for delays, rule shares, new keys and the first authorisation code.
    pub seed: u64,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounters {
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that could not be parsed.
    pub unreadable: u64,
    /// Requests with a wrong or missing MAC.
    pub wrong_mac: u64,
    /// Requests with a format error, answered `30`.
    pub malformed: u64,
    /// Messages ignored because of a rule or an outage.
    pub dropped: u64,
    /// Answers that no link could carry.
    pub undelivered: u64,
}

struct Due {
    link: NetworkLinkId,
    message: WipedBytes,
}

struct Sending {
    link: NetworkLinkId,
    /// When to send, in milliseconds since 1970; `None` means now.
    after: Option<u64>,
    times: u32,
    mac: ResponseMac,
}

pub struct NetworkSimulator {
    name: String,
    acquirer: u64,
    currency: Currency,
    costs: NetworkFees,
    seed: u64,
    behaviour: Behaviour,
    policy: Box<dyn ResponsePolicy>,
    keyring: Keyring,
    ledger: NetworkLedger,
    /// True if signed on.
    links: BTreeMap<NetworkLinkId, bool>,
    due: BTreeMap<(u64, u64), Due>,
    due_number: u64,
    start_ms: Option<u64>,
    outage: Option<OutageMode>,
    outage_change_ms: Option<u64>,
    counts: NetworkCounters,
}

/// A request is not processed.
enum Rejection {
    /// It cannot be answered either.
    Unreadable,
    /// Answered with this response code.
    Declined(ResponseCode),
}

impl From<ParseError> for Rejection {
    fn from(_: ParseError) -> Rejection {
        Rejection::Unreadable
    }
}

impl From<FieldError> for Rejection {
    fn from(_: FieldError) -> Rejection {
        Rejection::Declined(ResponseCode::FORMAT_ERROR)
    }
}

impl From<KeyError> for Rejection {
    fn from(_: KeyError) -> Rejection {
        Rejection::Declined(ResponseCode::SYSTEM_ERROR)
    }
}

impl NetworkSimulator {
    /// A network with no links and empty books.
    #[must_use]
    pub fn new(settings: NetworkSimulatorSettings) -> NetworkSimulator {
        let rules = BehaviourRules::new(settings.seed, settings.behaviour.rules.clone());
        NetworkSimulator {
            name: settings.name,
            acquirer: settings.acquirer,
            currency: settings.currency,
            costs: settings.fees,
            seed: settings.seed,
            behaviour: settings.behaviour,
            policy: Box::new(rules),
            keyring: Keyring::new(
                settings.exchange_key,
                settings.mac_key,
                settings.pin_key,
                settings.seed,
            ),
            ledger: NetworkLedger::new(settings.seed),
            links: BTreeMap::new(),
            due: BTreeMap::new(),
            due_number: 0,
            start_ms: None,
            outage: None,
            outage_change_ms: None,
            counts: NetworkCounters::default(),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn book(&self) -> &NetworkLedger {
        &self.ledger
    }

    #[must_use]
    pub const fn counts(&self) -> NetworkCounters {
        self.counts
    }

    #[must_use]
    pub fn signed_on_links(&self) -> usize {
        self.links.values().filter(|signed_on| **signed_on).count()
    }

    /// Replaces the behaviour's rules by `policy`. Delays and outages still apply.
    pub fn set_response_policy(&mut self, policy: impl ResponsePolicy + 'static) {
        self.policy = Box::new(policy);
    }

    /// The clearing file of a day: transactions sent before `answer_by_ms` that no earlier file
    /// contains. Call it once a day: it marks what it returns.
    pub fn make_clearing_file(&mut self, date: jiff::civil::Date, until_ms: u64) -> ClearingFile {
        let lines = clearing::clear(&mut self.ledger, &self.costs, until_ms);
        ClearingFile { network: self.name.clone(), date, currency: self.currency, lines }
    }

    /// Adds a chargeback, or a correction of a fee, of an earlier transaction to the next clearing
    /// file. Returns whether the transaction is known.
    pub fn adjust(
        &mut self,
        reference: TransactionReference,
        kind: ClearingLineKind,
        amount: i64,
        deducted: i64,
    ) -> bool {
        clearing::adjust(&mut self.ledger, reference, kind, (amount, deducted))
    }

    /// Reverses a transaction in the network's own books, as after a reversal message.
    pub fn reverse(&mut self, original: OriginalTransaction) -> ResponseCode {
        self.ledger.reverse(original)
    }

    /// What the network owes by its own books, before fees, in minor units. Below zero: it is owed.
    #[must_use]
    pub fn owed(&self) -> i128 {
        clearing::owed(&self.ledger)
    }

    /// Reports a new connection from the switch.
    pub fn connected(&mut self, link: NetworkLinkId, now_ms: u64, out: &mut Vec<NetworkOutput>) {
        self.update_outage(now_ms, out);
        if self.outage == Some(OutageMode::Closes) || self.links.len() >= LINKS_MAX {
            out.push(NetworkOutput::Close { link });
        } else {
            self.links.insert(link, false);
        }
    }

    /// Reports that a connection closed.
    pub fn closed(&mut self, link: NetworkLinkId) {
        self.links.remove(&link);
    }

    /// When [`NetworkSimulator::tick`] must be called next.
    #[must_use]
    pub fn next_timer(&self) -> Option<u64> {
        let due = self.due.keys().next().map(|(at_ms, _)| *at_ms);
        [due, self.keyring.retry_ms(), self.outage_change_ms].into_iter().flatten().min()
    }

    /// Sends the answers that are due, and begins and ends outages.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<NetworkOutput>) {
        self.update_outage(now_ms, out);
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            let due = entry.remove();
            self.deliver(due, out);
        }
        if let Some(message) = self.keyring.retry(now_ms) {
            match self.any_link() {
                Some(link) => self.send(link, message, out),
                None => self.counts.undelivered += 1,
            }
        }
    }

    /// Starts a key change over one of the links.
    ///
    /// # Errors
    /// If no link is signed on, a change is in progress, or the key block cannot be made.
    pub fn change_key(
        &mut self,
        kind: KeyKind,
        now_ms: u64,
        out: &mut Vec<NetworkOutput>,
    ) -> Result<(), KeyChangeError> {
        self.update_outage(now_ms, out);
        let link = self.any_link().ok_or(KeyChangeError::NoSignedOnLink)?;
        let message = self.keyring.start_change(kind, now_ms)?;
        self.send(link, message, out);
        Ok(())
    }

    /// Processes a message, given without its two-byte length, and wipes it.
    pub fn receive(
        &mut self,
        link: NetworkLinkId,
        message: &mut [u8],
        now_ms: u64,
        out: &mut Vec<NetworkOutput>,
    ) {
        self.update_outage(now_ms, out);
        match self.outage {
            Some(OutageMode::Silent) => self.counts.dropped += 1,
            Some(OutageMode::Closes) => out.push(NetworkOutput::Close { link }),
            None if !self.links.contains_key(&link) => self.counts.dropped += 1,
            None => {
                self.counts.received += 1;
                self.dispatch(link, message, now_ms, out);
            }
        }
        message.zeroize();
    }

    fn dispatch(
        &mut self,
        link: NetworkLinkId,
        bytes: &[u8],
        now_ms: u64,
        out: &mut Vec<NetworkOutput>,
    ) {
        let Ok(message) = ISO87_BINARY.parse(bytes) else {
            self.counts.unreadable += 1;
            return;
        };
        match message.mti() {
            Mti::M0800 => self.handle_management(link, &message, out),
            Mti::M0810 => self.handle_key_change_answer(&message),
            mti if mti.is_request() => self.handle_request(link, &message, now_ms, out),
            _ => self.counts.unreadable += 1,
        }
    }

    fn handle_key_change_answer(&mut self, message: &Message<'_>) {
        match self.keyring.verify_mac(message) {
            Ok(true) => self.keyring.on_answer(message),
            _ => self.counts.wrong_mac += 1,
        }
    }

    /// Handles sign-on, sign-off and echo. Whoever does not have the MAC key cannot sign on.
    fn handle_management(
        &mut self,
        link: NetworkLinkId,
        message: &Message<'_>,
        out: &mut Vec<NetworkOutput>,
    ) {
        let is_authentic = self.keyring.verify_mac(message).unwrap_or(false);
        self.counts.wrong_mac += u64::from(!is_authentic);
        let code = match message.number(70) {
            _ if !is_authentic => ResponseCode::MAC_ERROR,
            _ if message.number(32).ok() != Some(self.acquirer) => ResponseCode::UNKNOWN_ACQUIRER,
            Ok(1) => {
                self.links.insert(link, true);
                ResponseCode::APPROVED
            }
            Ok(2) => {
                self.links.insert(link, false);
                ResponseCode::APPROVED
            }
            Ok(301) => ResponseCode::APPROVED,
            Ok(_) => ResponseCode::INVALID_TRANSACTION,
            Err(_) => ResponseCode::FORMAT_ERROR,
        };
        match answer::management(message, code, self.keyring.mac()) {
            Ok(answer) => self.send(link, answer, out),
            Err(_) => self.counts.unreadable += 1,
        }
    }

    fn handle_request(
        &mut self,
        link: NetworkLinkId,
        message: &Message<'_>,
        now_ms: u64,
        out: &mut Vec<NetworkOutput>,
    ) {
        let signed_on = self.links.get(&link).copied().unwrap_or(false);
        let request = match self.check(signed_on, message, now_ms) {
            Ok(request) => request,
            Err(Rejection::Declined(code)) => {
                self.counts.wrong_mac += u64::from(code == ResponseCode::MAC_ERROR);
                self.counts.malformed += u64::from(code == ResponseCode::FORMAT_ERROR);
                let verdict = AuthorisationDecision { code, authorisation: None };
                let sending = Sending { link, after: None, times: 1, mac: ResponseMac::Valid };
                self.answer(message, verdict, None, sending, out);
                return;
            }
            Err(Rejection::Unreadable) => {
                self.counts.unreadable += 1;
                return;
            }
        };
        let summary = request.summary(message, now_ms);
        let action = self.policy.action(&summary);
        if action == ResponseAction::Lost {
            self.counts.dropped += 1;
            return;
        }
        let verdict = self.decide(&request, message, action);
        let later_ms = match action {
            ResponseAction::Silent => return,
            ResponseAction::Late { ms } | ResponseAction::LateDecline { ms, .. } => u64::from(ms),
            _ => 0,
        };
        let delay_ms = self.behaviour.delay(self.seed, &summary).saturating_add(later_ms);
        let sending = Sending {
            link,
            after: (delay_ms > 0).then(|| now_ms.saturating_add(delay_ms)),
            times: if action == ResponseAction::Double { 2 } else { 1 },
            mac: if action == ResponseAction::WrongMac {
                ResponseMac::Invalid
            } else {
                ResponseMac::Valid
            },
        };
        self.answer(message, verdict, Some(&request), sending, out);
    }

    /// Checks MAC, sign-on, format, acquirer and currency of a request.
    fn check(
        &mut self,
        signed_on: bool,
        message: &Message<'_>,
        now_ms: u64,
    ) -> Result<NetworkRequest, Rejection> {
        if !self.keyring.verify_mac(message)? {
            return Err(Rejection::Declined(ResponseCode::MAC_ERROR));
        }
        if !signed_on {
            return Err(Rejection::Declined(ResponseCode::NOT_SIGNED_ON));
        }
        let request = request::read(message, now_ms)?;
        if request.acquirer != self.acquirer {
            return Err(Rejection::Declined(ResponseCode::UNKNOWN_ACQUIRER));
        }
        if request.currency != self.currency.numeric() {
            return Err(Rejection::Declined(ResponseCode::INVALID_TRANSACTION));
        }
        Ok(request)
    }

    /// The books' decision, unless the action or a wrong PIN declines the request.
    fn decide(
        &mut self,
        request: &NetworkRequest,
        message: &Message<'_>,
        action: ResponseAction,
    ) -> AuthorisationDecision {
        let by_policy = match action {
            ResponseAction::Decline { code } | ResponseAction::LateDecline { code, .. } => {
                Some(code)
            }
            _ => None,
        };
        let wrong_pin = match (&request.pan, message.block::<8>(52)) {
            (Some(pan), Ok(block)) if !self.keyring.pin_matches(block, pan) => {
                Some(ResponseCode::WRONG_PIN)
            }
            _ => None,
        };
        let decline = wrong_pin.or(by_policy);
        match &request.body {
            RequestBody::Balance => AuthorisationDecision {
                code: decline.unwrap_or(ResponseCode::APPROVED),
                authorisation: None,
            },
            RequestBody::Transaction(entry) => self.ledger.authorise(entry, decline),
            RequestBody::Reversal { original, amount } => {
                let known = self.ledger.transaction(original.reference);
                let code = match (by_policy, known) {
                    (Some(code), _) => code,
                    (None, Some(item)) if item.amount != *amount => ResponseCode::AMOUNT_MISMATCH,
                    (None, _) => self.ledger.reverse(*original),
                };
                AuthorisationDecision { code, authorisation: None }
            }
        }
    }

    fn answer(
        &mut self,
        message: &Message<'_>,
        verdict: AuthorisationDecision,
        request: Option<&NetworkRequest>,
        sending: Sending,
        out: &mut Vec<NetworkOutput>,
    ) {
        let key = self.keyring.mac();
        let Ok(answer) = answer::financial(message, verdict, request, sending.mac, key) else {
            self.counts.unreadable += 1;
            return;
        };
        let link = sending.link;
        for _ in 1..sending.times {
            self.deliver_at(sending.after, Due { link, message: answer.clone() }, out);
        }
        self.deliver_at(sending.after, Due { link, message: answer }, out);
    }

    fn deliver_at(&mut self, after: Option<u64>, due: Due, out: &mut Vec<NetworkOutput>) {
        match after.filter(|_| self.due.len() < WAITING_ANSWERS_MAX) {
            Some(at_ms) => {
                self.due_number += 1;
                self.due.insert((at_ms, self.due_number), due);
            }
            None => self.deliver(due, out),
        }
    }

    /// Sends over the link that the request came from, or over another if that one is closed.
    fn deliver(&mut self, due: Due, out: &mut Vec<NetworkOutput>) {
        if self.outage.is_some() {
            self.counts.dropped += 1;
            return;
        }
        let open = self.links.contains_key(&due.link).then_some(due.link);
        match open.or_else(|| self.any_link()) {
            Some(link) => self.send(link, due.message, out),
            None => self.counts.undelivered += 1,
        }
    }

    fn send(&mut self, link: NetworkLinkId, message: WipedBytes, out: &mut Vec<NetworkOutput>) {
        self.counts.sent += 1;
        out.push(NetworkOutput::Send { link, message });
    }

    fn any_link(&self) -> Option<NetworkLinkId> {
        self.links.iter().find(|(_, signed_on)| **signed_on).map(|(link, _)| *link)
    }

    fn update_outage(&mut self, now_ms: u64, out: &mut Vec<NetworkOutput>) {
        let start_ms = *self.start_ms.get_or_insert(now_ms);
        self.outage = self.behaviour.outage(start_ms, now_ms);
        self.outage_change_ms = self.behaviour.next_change(start_ms, now_ms);
        if self.outage == Some(OutageMode::Closes) {
            let links = std::mem::take(&mut self.links);
            out.extend(links.into_keys().map(|link| NetworkOutput::Close { link }));
        }
    }
}

impl fmt::Debug for NetworkSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("links", &self.links)
            .field("items", &self.ledger.items().len())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

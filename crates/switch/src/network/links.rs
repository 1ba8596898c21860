//! Networks' messages and links: sign-on, echoes, key changes.

use books::{NetworkReference, ResponseCode, Rrn, Stan, Timestamp};
use iso8583::{Message, Mti};
use keys::{ImportOutcome, KeyPurpose, KeyReference, KeyStore};

use super::NetworkSide;
use super::link::{LinkAction, LinkStatus};
use super::state::{AwaitedResponse, MessageKey, message_key};
use crate::dialect::{FieldNumbers, fixed_field};
use crate::port::{LinkId, OperatorEvent, Output};
use crate::sides::NetworkResponse;
use crate::step::Turn;
use crate::timers::Timer;

/// A message of a network.
pub(crate) struct ArrivedMessage<'m> {
    pub link: LinkId,
    /// Or why it is none.
    pub message: Result<Message<'m>, String>,
    /// Its MAC is right.
    pub proven: bool,
}

impl NetworkSide {
    /// A link is connected: the switch signs on.
    pub(crate) fn on_link_connected(&mut self, link: LinkId, step: &mut Turn<'_>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let network = &mut self.networks[index];
        let sent = network.next_reference(step.now);
        let code = network.settings.dialect.management.sign_on;
        let session = &mut network.links[number];
        session.status = LinkStatus::SigningOn { sent: message_key(sent), since: step.now };
        session.pending_echo = None;
        session.missed_echoes = 0;
        self.send_management(link, sent, code, step);
        let check_at = step.now.plus_ms(step.settings.timing.link_answer_ms);
        self.schedule_check(link, check_at, step);
    }

    /// Signs all links off before shutdown. Does not wait for responses.
    pub(crate) fn sign_off(&mut self, step: &mut Turn<'_>) {
        let up: Vec<LinkId> = self.links_up().collect();
        for link in up {
            let Some((index, number)) = self.link_position(link) else { continue };
            let sent = self.networks[index].next_reference(step.now);
            let code = self.networks[index].settings.dialect.management.sign_off;
            self.send_management(link, sent, code, step);
            self.networks[index].links[number].status = LinkStatus::Disconnected;
            step.report(OperatorEvent::LinkSignedOff(link));
        }
    }

    fn schedule_check(&mut self, link: LinkId, at: Timestamp, step: &mut Turn<'_>) {
        if let Some((index, number)) = self.link_position(link) {
            self.networks[index].links[number].next_check = at;
            step.pending.timers.set(at, Timer::LinkCheck(link));
        }
    }

    /// A link is closed. Pending responses may come over another link.
    pub(crate) fn on_link_closed(&mut self, link: LinkId, step: &mut Turn<'_>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let was = std::mem::replace(
            &mut self.networks[index].links[number].status,
            LinkStatus::Disconnected,
        );
        if was == LinkStatus::SignedOn {
            step.report(OperatorEvent::LinkSignedOff(link));
        }
    }

    /// Handles a network's message. Returns the response to a terminal's request.
    pub(crate) fn on_message<'m>(
        &mut self,
        arrived: &ArrivedMessage<'m>,
        step: &mut Turn<'_>,
    ) -> Option<NetworkResponse<'m>> {
        let link = arrived.link;
        let read = self.read(arrived, step);
        read.unwrap_or_else(|why| {
            let network = link.network;
            step.report(OperatorEvent::NetworkMessageRejected { network, why });
            None
        })
    }

    /// Parses messages, and checks their MACs: those of one network together.
    pub(crate) fn parse<'m>(
        &self,
        messages: impl Iterator<Item = (LinkId, &'m [u8])>,
        keys: &dyn KeyStore,
    ) -> Vec<ArrivedMessage<'m>> {
        let mut arrived: Vec<ArrivedMessage<'m>> = messages
            .filter_map(|(link, bytes)| {
                let (index, _) = self.link_position(link)?;
                let message = self.networks[index].settings.dialect.packager.parse(bytes);
                let message = message.map_err(|error| error.to_string());
                Some(ArrivedMessage { link, message, proven: false })
            })
            .collect();
        for network in &self.networks {
            network.prove(&mut arrived, keys);
        }
        arrived
    }

    fn read<'m>(
        &mut self,
        arrived: &ArrivedMessage<'m>,
        step: &mut Turn<'_>,
    ) -> Result<Option<NetworkResponse<'m>>, String> {
        let link = arrived.link;
        let Some((index, number)) = self.link_position(link) else { return Ok(None) };
        let message = arrived.message.as_ref().map_err(String::clone)?;
        // A message before it may have brought the key.
        if !arrived.proven && !self.networks[index].is_authentic(message, step.keys)? {
            let is_reported = message.mti() == Mti::M0810 && self.refuse_unproven(link, step);
            return if is_reported { Ok(None) } else { Err("wrong MAC".into()) };
        }
        // What the switch itself has sent, or could have, does not show that the network is there.
        match (message.mti(), self.networks[index].is_own(message)) {
            (Mti::M0800, true) => return Err("a message of this switch came back".into()),
            (Mti::M0810, false) => return Err("an answer to no message of this switch".into()),
            _ => {}
        }
        match message.mti() {
            Mti::M0810 => self.on_management_response(link, message, step)?,
            Mti::M0800 => self.on_management_request(link, message, step)?,
            Mti::M0110 | Mti::M0210 | Mti::M0230 | Mti::M0410 => {
                self.networks[index].links[number].on_message(step.now);
                return self.on_payment_response(index, message, step);
            }
            other => return Err(format!("MTI {other} is not sent to an acquirer")),
        }
        self.networks[index].links[number].on_message(step.now);
        Ok(None)
    }

    fn on_payment_response<'m>(
        &mut self,
        index: usize,
        message: &Message<'m>,
        step: &mut Turn<'_>,
    ) -> Result<Option<NetworkResponse<'m>>, String> {
        let network = &self.networks[index];
        let at = &network.settings.dialect.fields;
        let key = message_key_of(at, message)?;
        let Some(waiting) = network.awaited.get(&key).copied() else {
            step.report(OperatorEvent::UnmatchedResponse(network.settings.network));
            return Ok(None);
        };
        if !self.matches_request(at, waiting, message) {
            return Err("fields 4, 37 or 41 differ from the request's".into());
        }
        let network = &mut self.networks[index];
        match waiting {
            AwaitedResponse::Request(expected) => {
                network.record_success();
                network.awaited.remove(&key);
                return Ok(Some(NetworkResponse {
                    id: expected.id,
                    code: network.settings.dialect.response_code(message),
                    authorisation_code: at.authorisation_code(message),
                    chip_data: message.bytes(at.chip_data).ok(),
                    balance: message.bytes(at.balance).ok(),
                }));
            }
            AwaitedResponse::Reversal(id) => {
                network.record_success();
                self.on_reversal_response(id, message, step);
            }
            AwaitedResponse::Late(id) => {
                network.awaited.remove(&key);
                self.on_late_response(id, message, step);
            }
        }
        Ok(None)
    }

    /// Whether a response's amount, RRN and terminal are those of the request that it matches.
    fn matches_request(
        &self,
        at: &FieldNumbers,
        waiting: AwaitedResponse,
        message: &Message<'_>,
    ) -> bool {
        let (terminal, amount, sent) = match waiting {
            AwaitedResponse::Request(expected) => {
                (expected.terminal, expected.amount, expected.sent)
            }
            AwaitedResponse::Reversal(id) | AwaitedResponse::Late(id) => {
                // If the reversal is not queued yet, the response changes nothing.
                let Some(queued) = self.queue.get(&id) else { return true };
                let reversal = &queued.reversal;
                let own = reversal.network_reference;
                let own = own.filter(|_| matches!(waiting, AwaitedResponse::Reversal(_)));
                let sent = own.unwrap_or(reversal.original.network_reference);
                (reversal.terminal, reversal.amount, sent)
            }
        };
        let number = message.text(at.terminal).ok();
        let number = number.and_then(|text| text.as_str().trim().parse().ok());
        let same_amount = match message.number(at.amount) {
            Ok(minor) => minor == amount.minor(),
            Err(_) => !message.has(at.amount),
        };
        let rrn = fixed_field::<12>(message, at.reference);
        number == Some(terminal.0)
            && same_amount
            && rrn.is_none_or(|rrn| rrn == Rrn::of(sent).bytes())
    }

    /// Closes a link on which the sign-on is answered without the network's key: whoever is there
    /// is not the network. Returns false if no sign-on waits for its answer.
    fn refuse_unproven(&mut self, link: LinkId, step: &mut Turn<'_>) -> bool {
        let Some((index, number)) = self.link_position(link) else { return false };
        let status = &mut self.networks[index].links[number].status;
        if !matches!(status, LinkStatus::SigningOn { .. }) {
            return false;
        }
        *status = LinkStatus::Disconnected;
        step.report(OperatorEvent::NetworkNotProven(link));
        step.out.push(Output::DisconnectLink { link });
        true
    }

    /// Handles the response to a sign-on or an echo.
    fn on_management_response(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        step: &mut Turn<'_>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let network = &mut self.networks[index];
        let dialect = network.settings.dialect;
        let at = &dialect.fields;
        let LinkStatus::SigningOn { sent, .. } = network.links[number].status else {
            return Ok(());
        };
        let is_sign_on =
            message.number(at.management).ok() == Some(u64::from(dialect.management.sign_on));
        if !(is_sign_on && message_key_of(at, message)? == sent) {
            return Ok(());
        }
        let code = dialect.response_code(message);
        if code != ResponseCode::APPROVED {
            step.out.push(Output::DisconnectLink { link });
            return Err(format!("the sign-on was refused with {code}"));
        }
        network.links[number].status = LinkStatus::SignedOn;
        self.networks[index].record_success();
        step.report(OperatorEvent::LinkSignedOn(link));
        self.schedule_check(link, step.now.plus_ms(step.settings.timing.echo_ms), step);
        self.resend_now(index, step);
        Ok(())
    }

    /// Handles a network's own request: echo, sign-off or key change.
    fn on_management_request(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        step: &mut Turn<'_>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let dialect = self.networks[index].settings.dialect;
        let (at, codes) = (&dialect.fields, dialect.management);
        let key = message_key_of(at, message)?;
        let kind = message.number(at.management).map_err(|error| error.to_string())?;
        let kind = u16::try_from(kind).map_err(|_| "the management code has three digits")?;
        let code = match kind {
            kind if kind == codes.echo => ResponseCode::APPROVED,
            kind if kind == codes.sign_off => {
                self.networks[index].links[number].status = LinkStatus::Disconnected;
                step.report(OperatorEvent::LinkSignedOff(link));
                ResponseCode::APPROVED
            }
            kind if kind == codes.key_change => match self.change_key(index, message, step.keys) {
                Ok(ImportOutcome::Added(_)) => {
                    step.report(OperatorEvent::KeyChanged(link.network));
                    ResponseCode::APPROVED
                }
                // A repeat: the first response was lost.
                Ok(ImportOutcome::Unchanged(_)) => ResponseCode::APPROVED,
                Err(why) => {
                    let network = link.network;
                    step.report(OperatorEvent::KeyRejected { network, why });
                    ResponseCode::SYSTEM_ERROR
                }
            },
            _ => ResponseCode::INVALID_TRANSACTION,
        };
        let network = &self.networks[index];
        let message = network.write_management(Mti::M0810, key, Some(code), kind);
        step.send(link, message.map_err(|error| error.to_string())?, None);
        if kind == codes.sign_off {
            // The caller connects the link again, and the switch signs on.
            step.out.push(Output::DisconnectLink { link });
        }
        Ok(())
    }

    fn change_key(
        &self,
        index: usize,
        message: &Message<'_>,
        keys: &dyn KeyStore,
    ) -> Result<ImportOutcome, String> {
        let settings = &self.networks[index].settings;
        let text =
            message.text(settings.dialect.fields.key_block).map_err(|error| error.to_string())?;
        let (name, purpose) = match text.as_str().as_bytes().first() {
            Some(b'M') => (settings.mac_key, KeyPurpose::Mac),
            Some(b'P') => (settings.pin_key, KeyPurpose::PinEncryption),
            _ => return Err("field 48 must begin with M or P".into()),
        };
        let under = KeyReference::Stored(settings.exchange_key);
        let block = text.as_str().get(1..).unwrap_or_default();
        let taken = keys.import_block(name, purpose, &under, block);
        taken.map_err(|error| error.to_string())
    }

    /// Checks a link's sign-on or echo.
    pub(crate) fn check_link(&mut self, link: LinkId, step: &mut Turn<'_>) {
        let now = step.now;
        let Some((index, number)) = self.link_position(link) else { return };
        let timing = &step.settings.timing;
        let (answer_ms, echo_ms) = (timing.link_answer_ms, timing.echo_ms);
        let known = &mut self.networks[index].links[number];
        if now < known.next_check {
            return;
        }
        match known.next_action(now, answer_ms, echo_ms) {
            LinkAction::Idle => {}
            LinkAction::WaitUntil(until) => self.schedule_check(link, until, step),
            LinkAction::SendEcho => {
                let sent = self.networks[index].next_reference(now);
                self.networks[index].links[number].pending_echo = Some(now);
                let code = self.networks[index].settings.dialect.management.echo;
                self.send_management(link, sent, code, step);
                self.schedule_check(link, now.plus_ms(answer_ms), step);
            }
            LinkAction::Disconnect => {
                self.networks[index].links[number].status = LinkStatus::Disconnected;
                step.report(OperatorEvent::LinkSignedOff(link));
                step.out.push(Output::DisconnectLink { link });
            }
        }
    }

    fn send_management(
        &self,
        link: LinkId,
        sent: NetworkReference,
        kind: u16,
        step: &mut Turn<'_>,
    ) {
        let Some((index, _)) = self.link_position(link) else { return };
        let key = message_key(sent);
        match self.networks[index].write_management(Mti::M0800, key, None, kind) {
            Ok(message) => step.send(link, message, None),
            Err(why) => {
                let (network, why) = (link.network, why.to_string());
                step.report(OperatorEvent::NetworkMessageRejected { network, why });
            }
        }
    }

    fn link_position(&self, link: LinkId) -> Option<(usize, usize)> {
        let index = self.index(link.network)?;
        let number = usize::from(link.number);
        (number < self.networks[index].links.len()).then_some((index, number))
    }
}

/// Fields 11 and 7.
fn message_key_of(at: &FieldNumbers, message: &Message<'_>) -> Result<MessageKey, String> {
    let field = |field: u8| {
        let number = message.number(field).map_err(|error| error.to_string())?;
        u32::try_from(number).map_err(|_| format!("field {field} is too large"))
    };
    let stan = Stan::new(field(at.stan)?).map_err(|why| format!("field {}: {why}", at.stan))?;
    Ok((stan, field(at.sent_at)?))
}

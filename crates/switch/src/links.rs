//! Networks' messages and links: sign-on, echoes, key changes.

use books::{ResponseCode, Rrn, Stan, Timestamp};
use iso8583::{ISO87_BINARY, Message, Mti};
use keys::{ImportOutcome, KeyPurpose, KeyReference};
use zeroize::Zeroize;

use crate::link::{LinkAction, LinkStatus};
use crate::network::{AwaitedResponse, MessageKey, fixed_field};
use crate::operator_event::OperatorEvent;
use crate::port::{LinkId, Output};
use crate::response_code;
use crate::switch::Switch;
use crate::timers::Timer;

// Field 70.
const SIGN_ON: u16 = 1;
const SIGN_OFF: u16 = 2;
const KEY_CHANGE: u16 = 101;
const ECHO: u16 = 301;

impl Switch {
    /// A link is connected: the switch signs on.
    pub fn on_link_connected(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let network = &mut self.networks[index];
        let sent = network.next_reference(now);
        network.links[number].status = LinkStatus::SigningOn { stan: sent.stan, since: now };
        network.links[number].pending_echo = None;
        network.links[number].missed_echoes = 0;
        self.send_management(link, sent, SIGN_ON, out);
        self.schedule_check(link, now.plus_ms(self.settings.timing.link_answer_ms));
    }

    /// Signs all links off before shutdown. Does not wait for responses.
    pub fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let up: Vec<LinkId> = self.links_up().collect();
        for link in up {
            let Some((index, number)) = self.link_position(link) else { continue };
            let sent = self.networks[index].next_reference(now);
            self.send_management(link, sent, SIGN_OFF, out);
            self.networks[index].links[number].status = LinkStatus::Disconnected;
            out.push(Output::OperatorEvent(OperatorEvent::LinkSignedOff(link)));
        }
    }

    fn schedule_check(&mut self, link: LinkId, at: Timestamp) {
        if let Some((index, number)) = self.link_position(link) {
            self.networks[index].links[number].next_check = at;
            self.timers.set(at, Timer::LinkCheck(link));
        }
    }

    /// A link is closed. Pending responses may come over another link.
    pub fn on_link_closed(&mut self, link: LinkId, _now: Timestamp, out: &mut Vec<Output>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let was = std::mem::replace(
            &mut self.networks[index].links[number].status,
            LinkStatus::Disconnected,
        );
        if was == LinkStatus::SignedOn {
            out.push(Output::OperatorEvent(OperatorEvent::LinkSignedOff(link)));
        }
    }

    /// Handles a network's message and wipes it.
    pub fn on_network_message(
        &mut self,
        link: LinkId,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if let Err(why) = self.handle_network_message(link, message, now, out) {
            let network = link.network;
            out.push(Output::OperatorEvent(OperatorEvent::NetworkMessageRejected { network, why }));
        }
        message.zeroize();
    }

    fn handle_network_message(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let message = ISO87_BINARY.parse(bytes).map_err(|error| error.to_string())?;
        self.networks[index].links[number].on_message(now);
        match message.mti() {
            Mti::M0810 => self.on_management_response(link, &message, now, out),
            Mti::M0800 => self.on_management_request(link, &message, out),
            Mti::M0110 | Mti::M0210 | Mti::M0230 | Mti::M0410 => {
                self.on_payment_response(index, &message, now, out)
            }
            other => Err(format!("MTI {other} is not sent to an acquirer")),
        }
    }

    fn on_payment_response(
        &mut self,
        index: usize,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        if !self.networks[index].is_authentic(message, &*self.keys)? {
            return Err("wrong MAC".into());
        }
        let key = message_key_of(message)?;
        let network = &mut self.networks[index];
        let Some(waiting) = network.awaited.get(&key).copied() else {
            out.push(Output::OperatorEvent(OperatorEvent::UnmatchedResponse(
                network.settings.network,
            )));
            return Ok(());
        };
        if !self.matches_request(waiting, message) {
            return Err("fields 4, 37 or 41 differ from the request's".into());
        }
        let network = &mut self.networks[index];
        match waiting {
            AwaitedResponse::Request(id) => {
                network.record_success();
                network.awaited.remove(&key);
                self.on_network_response(id, message, now, out);
            }
            AwaitedResponse::Reversal(id) => {
                network.record_success();
                self.on_reversal_response(id, message, now, out);
            }
            AwaitedResponse::Late(id) => {
                network.awaited.remove(&key);
                self.on_late_response(id, message, out);
            }
        }
        Ok(())
    }

    /// Whether a response's amount, RRN and terminal are those of the request that it matches.
    fn matches_request(&self, waiting: AwaitedResponse, message: &Message<'_>) -> bool {
        let (terminal, amount, sent) = match waiting {
            AwaitedResponse::Request(id) => match self.requests.get(&id) {
                Some(in_flight) => {
                    (in_flight.header.terminal_id(), in_flight.amount, in_flight.network_reference)
                }
                None => return false,
            },
            AwaitedResponse::Reversal(id) | AwaitedResponse::Late(id) => {
                match self.reversal_queue.get(&id) {
                    Some(queued) => {
                        let new_reversal = &queued.reversal;
                        let own = new_reversal
                            .network_reference
                            .filter(|_| matches!(waiting, AwaitedResponse::Reversal(_)));
                        let original = new_reversal.original;
                        let original = original.map(|original| original.network_reference);
                        (new_reversal.terminal, new_reversal.amount, own.or(original))
                    }
                    // The reversal is not queued yet, so the response changes nothing.
                    None => return true,
                }
            }
        };
        let number = message.text(41).ok().and_then(|text| text.as_str().trim().parse().ok());
        let same_amount = match message.number(4) {
            Ok(minor) => minor == amount.minor(),
            Err(_) => !message.has(4),
        };
        let rrn = fixed_field::<12>(message, 37);
        number == Some(terminal.0)
            && same_amount
            && rrn.is_none_or(|rrn| sent.is_some_and(|sent| rrn == Rrn::of(sent).bytes()))
    }

    /// Handles the response to a sign-on or an echo.
    fn on_management_response(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let (stan, _) = message_key_of(message)?;
        let known = &mut self.networks[index].links[number];
        let LinkStatus::SigningOn { stan: sign_on, .. } = known.status else { return Ok(()) };
        if sign_on != stan {
            return Ok(());
        }
        if response_code::read(message) != ResponseCode::APPROVED {
            out.push(Output::DisconnectLink { link });
            return Err("the sign-on was refused".into());
        }
        known.status = LinkStatus::SignedOn;
        self.networks[index].record_success();
        out.push(Output::OperatorEvent(OperatorEvent::LinkSignedOn(link)));
        self.schedule_check(link, now.plus_ms(self.settings.timing.echo_ms));
        self.resend_now(index, now);
        Ok(())
    }

    /// Handles a network's own request: echo, sign-off or key change.
    fn on_management_request(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let key = message_key_of(message)?;
        let kind = message.number(70).map_err(|error| error.to_string())?;
        let kind = u16::try_from(kind).map_err(|_| "field 70 has three digits")?;
        let code = match kind {
            ECHO => ResponseCode::APPROVED,
            SIGN_OFF => {
                self.networks[index].links[number].status = LinkStatus::Disconnected;
                out.push(Output::OperatorEvent(OperatorEvent::LinkSignedOff(link)));
                ResponseCode::APPROVED
            }
            KEY_CHANGE => match self.change_key(index, message) {
                Ok(ImportOutcome::Added(_)) => {
                    out.push(Output::OperatorEvent(OperatorEvent::KeyChanged(link.network)));
                    ResponseCode::APPROVED
                }
                // A repeat: the first response was lost.
                Ok(ImportOutcome::Unchanged(_)) => ResponseCode::APPROVED,
                Err(why) => {
                    let network = link.network;
                    out.push(Output::OperatorEvent(OperatorEvent::KeyRejected { network, why }));
                    ResponseCode::SYSTEM_ERROR
                }
            },
            _ => ResponseCode::INVALID_TRANSACTION,
        };
        let network = &self.networks[index];
        let message = network.write_management(Mti::M0810, key, Some(code), kind)?;
        out.push(Output::ToNetwork { link, message });
        if kind == SIGN_OFF {
            // The caller connects the link again, and the switch signs on.
            out.push(Output::DisconnectLink { link });
        }
        Ok(())
    }

    fn change_key(&self, index: usize, message: &Message<'_>) -> Result<ImportOutcome, String> {
        let settings = &self.networks[index].settings;
        let text = message.text(48).map_err(|error| error.to_string())?;
        let (name, purpose) = match text.as_str().as_bytes().first() {
            Some(b'M') => (settings.mac_key, KeyPurpose::Mac),
            Some(b'P') => (settings.pin_key, KeyPurpose::PinEncryption),
            _ => return Err("field 48 must begin with M or P".into()),
        };
        let under = KeyReference::Stored(settings.exchange_key);
        let block = text.as_str().get(1..).unwrap_or_default();
        let taken = self.keys.import_block(name, purpose, &under, block);
        taken.map_err(|error| error.to_string())
    }

    /// Checks a link's sign-on or echo.
    pub(crate) fn check_link(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let timing = &self.settings.timing;
        let (answer_ms, echo_ms) = (timing.link_answer_ms, timing.echo_ms);
        let known = &mut self.networks[index].links[number];
        if now < known.next_check {
            return;
        }
        match known.next_action(now, answer_ms, echo_ms) {
            LinkAction::Idle => {}
            LinkAction::WaitUntil(until) => self.schedule_check(link, until),
            LinkAction::SendEcho => {
                let sent = self.networks[index].next_reference(now);
                self.networks[index].links[number].pending_echo = Some((sent.stan, now));
                self.send_management(link, sent, ECHO, out);
                self.schedule_check(link, now.plus_ms(answer_ms));
            }
            LinkAction::Disconnect => {
                self.networks[index].links[number].status = LinkStatus::Disconnected;
                out.push(Output::OperatorEvent(OperatorEvent::LinkSignedOff(link)));
                out.push(Output::DisconnectLink { link });
            }
        }
    }

    fn send_management(
        &self,
        link: LinkId,
        sent: books::NetworkReference,
        kind: u16,
        out: &mut Vec<Output>,
    ) {
        let Some((index, _)) = self.link_position(link) else { return };
        let key = crate::network::message_key(sent);
        match self.networks[index].write_management(Mti::M0800, key, None, kind) {
            Ok(message) => out.push(Output::ToNetwork { link, message }),
            Err(why) => {
                let network = link.network;
                out.push(Output::OperatorEvent(OperatorEvent::NetworkMessageRejected {
                    network,
                    why,
                }));
            }
        }
    }

    fn link_position(&self, link: LinkId) -> Option<(usize, usize)> {
        let index = self.network_index(link.network)?;
        let number = usize::from(link.number);
        (number < self.networks[index].links.len()).then_some((index, number))
    }
}

/// Fields 11 and 7.
fn message_key_of(message: &Message<'_>) -> Result<MessageKey, String> {
    let field = |field: u8| {
        let number = message.number(field).map_err(|error| error.to_string())?;
        u32::try_from(number).map_err(|_| format!("field {field} is too large"))
    };
    let stan = Stan::new(field(11)?).map_err(|why| format!("field 11: {why}"))?;
    Ok((stan, field(7)?))
}

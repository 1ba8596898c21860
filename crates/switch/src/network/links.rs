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
use crate::step::Step;
use crate::timers::Timer;

impl NetworkSide {
    /// A link is connected: the switch signs on.
    pub(crate) fn on_link_connected(&mut self, link: LinkId, step: &mut Step<'_>) {
        let Some((index, number)) = self.link_position(link) else { return };
        let network = &mut self.networks[index];
        let sent = network.next_reference(step.now);
        let code = network.settings.dialect.management.sign_on;
        let session = &mut network.links[number];
        session.status = LinkStatus::SigningOn { stan: sent.stan, since: step.now };
        session.pending_echo = None;
        session.missed_echoes = 0;
        self.send_management(link, sent, code, step);
        let check_at = step.now.plus_ms(step.settings.timing.link_answer_ms);
        self.schedule_check(link, check_at, step);
    }

    /// Signs all links off before shutdown. Does not wait for responses.
    pub(crate) fn sign_off(&mut self, step: &mut Step<'_>) {
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

    fn schedule_check(&mut self, link: LinkId, at: Timestamp, step: &mut Step<'_>) {
        if let Some((index, number)) = self.link_position(link) {
            self.networks[index].links[number].next_check = at;
            step.pending.timers.set(at, Timer::LinkCheck(link));
        }
    }

    /// A link is closed. Pending responses may come over another link.
    pub(crate) fn on_link_closed(&mut self, link: LinkId, step: &mut Step<'_>) {
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
        link: LinkId,
        bytes: &'m [u8],
        step: &mut Step<'_>,
    ) -> Option<NetworkResponse<'m>> {
        let read = self.read(link, bytes, step);
        read.unwrap_or_else(|why| {
            let network = link.network;
            step.report(OperatorEvent::NetworkMessageRejected { network, why });
            None
        })
    }

    fn read<'m>(
        &mut self,
        link: LinkId,
        bytes: &'m [u8],
        step: &mut Step<'_>,
    ) -> Result<Option<NetworkResponse<'m>>, String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(None) };
        let packager = self.networks[index].settings.dialect.packager;
        let message = packager.parse(bytes).map_err(|error| error.to_string())?;
        self.networks[index].links[number].on_message(step.now);
        match message.mti() {
            Mti::M0810 => self.on_management_response(link, &message, step)?,
            Mti::M0800 => self.on_management_request(link, &message, step)?,
            Mti::M0110 | Mti::M0210 | Mti::M0230 | Mti::M0410 => {
                return self.on_payment_response(index, &message, step);
            }
            other => return Err(format!("MTI {other} is not sent to an acquirer")),
        }
        Ok(None)
    }

    fn on_payment_response<'m>(
        &mut self,
        index: usize,
        message: &Message<'m>,
        step: &mut Step<'_>,
    ) -> Result<Option<NetworkResponse<'m>>, String> {
        if !self.networks[index].is_authentic(message, step.keys)? {
            return Err("wrong MAC".into());
        }
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

    /// Handles the response to a sign-on or an echo.
    fn on_management_response(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let Some((index, number)) = self.link_position(link) else { return Ok(()) };
        let dialect = self.networks[index].settings.dialect;
        let (stan, _) = message_key_of(&dialect.fields, message)?;
        let known = &mut self.networks[index].links[number];
        let LinkStatus::SigningOn { stan: sign_on, .. } = known.status else { return Ok(()) };
        if sign_on != stan {
            return Ok(());
        }
        if dialect.response_code(message) != ResponseCode::APPROVED {
            step.out.push(Output::DisconnectLink { link });
            return Err("the sign-on was refused".into());
        }
        known.status = LinkStatus::SignedOn;
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
        step: &mut Step<'_>,
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
        let message = network.write_management(Mti::M0810, key, Some(code), kind)?;
        step.out.push(Output::ToNetwork { link, message });
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
    pub(crate) fn check_link(&mut self, link: LinkId, step: &mut Step<'_>) {
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
                self.networks[index].links[number].pending_echo = Some((sent.stan, now));
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
        step: &mut Step<'_>,
    ) {
        let Some((index, _)) = self.link_position(link) else { return };
        let key = message_key(sent);
        match self.networks[index].write_management(Mti::M0800, key, None, kind) {
            Ok(message) => step.out.push(Output::ToNetwork { link, message }),
            Err(why) => {
                let network = link.network;
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

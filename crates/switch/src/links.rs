//! Messages of networks, and their links: sign-on, echoes, key changes.

use engine::Timestamp;
use iso8583::{ISO87_BINARY, Message, Mti};
use keys::{Imported, KeyRef, Purpose};
use zeroize::Zeroize;

use crate::happening::Happening;
use crate::link::{Duty, Stand};
use crate::moment;
use crate::network::{Key, Waiting, characters};
use crate::port::{LinkId, Output};
use crate::switch::Switch;
use crate::timers::Timer;

/// Field 70.
const SIGN_ON: u16 = 1;
const SIGN_OFF: u16 = 2;
const KEY_CHANGE: u16 = 101;
const ECHO: u16 = 301;

impl Switch {
    /// A link is connected: the switch signs on.
    pub fn link_up(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let Some((place, number)) = self.place_of_link(link) else { return };
        let network = &mut self.networks[place];
        let sent = network.next_sent(now);
        network.links[number].stand = Stand::SigningOn { stan: sent.stan, since: now };
        network.links[number].echo = None;
        network.links[number].missed = 0;
        self.send_management(link, sent, SIGN_ON, out);
        self.look_at_link(link, now.plus_ms(self.settings.timing.link_answer_ms));
    }

    /// Signs all links off, before they are closed for good. Answers are not waited for.
    pub fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let up: Vec<LinkId> = self.links_up().collect();
        for link in up {
            let Some((place, number)) = self.place_of_link(link) else { continue };
            let sent = self.networks[place].next_sent(now);
            self.send_management(link, sent, SIGN_OFF, out);
            self.networks[place].links[number].stand = Stand::Closed;
            out.push(Output::Happened(Happening::LinkDown(link)));
        }
    }

    fn look_at_link(&mut self, link: LinkId, at: Timestamp) {
        if let Some((place, number)) = self.place_of_link(link) {
            self.networks[place].links[number].due = at;
            self.timers.set(at, Timer::Link(link));
        }
    }

    /// A link is gone. What waits for an answer may get it over another link.
    pub fn link_down(&mut self, link: LinkId, _now: Timestamp, out: &mut Vec<Output>) {
        let Some((place, number)) = self.place_of_link(link) else { return };
        let was = std::mem::replace(&mut self.networks[place].links[number].stand, Stand::Closed);
        if was == Stand::Up {
            out.push(Output::Happened(Happening::LinkDown(link)));
        }
    }

    /// A message of a network. It is wiped.
    pub fn network(
        &mut self,
        link: LinkId,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if let Err(why) = self.hear_network(link, message, now, out) {
            let network = link.network;
            out.push(Output::Happened(Happening::NetworkMessage { network, why }));
        }
        message.zeroize();
    }

    fn hear_network(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((place, number)) = self.place_of_link(link) else { return Ok(()) };
        let message = ISO87_BINARY.parse(bytes).map_err(|error| error.to_string())?;
        self.networks[place].links[number].hear(now);
        match message.mti() {
            Mti::M0810 => self.management_answer(link, &message, now, out),
            Mti::M0800 => self.management(link, &message, out),
            Mti::M0110 | Mti::M0210 | Mti::M0230 | Mti::M0410 => {
                self.payment_answer(place, &message, now, out)
            }
            other => Err(format!("MTI {other} is not sent to an acquirer")),
        }
    }

    fn payment_answer(
        &mut self,
        place: usize,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        if !self.networks[place].is_authentic(message, &*self.keys)? {
            return Err("wrong MAC".into());
        }
        let key = key_of(message)?;
        let network = &mut self.networks[place];
        let Some(waiting) = network.waiting.get(&key).copied() else {
            out.push(Output::Happened(Happening::Unmatched(network.settings.network)));
            return Ok(());
        };
        if !self.belongs(waiting, message) {
            return Err("fields 4, 37 or 41 are not those of what was asked".into());
        }
        let network = &mut self.networks[place];
        match waiting {
            Waiting::Work(id) => {
                network.answered();
                network.waiting.remove(&key);
                self.network_answer(id, message, now, out);
            }
            Waiting::Chase(id) => {
                network.answered();
                self.chase_answer(id, message, now, out);
            }
            Waiting::Late(id) => {
                network.waiting.remove(&key);
                self.late_answer(id, message, out);
            }
        }
        Ok(())
    }

    /// Whether an answer says of itself that it belongs to the question with its number.
    fn belongs(&self, waiting: Waiting, message: &Message<'_>) -> bool {
        let (terminal, amount, sent) = match waiting {
            Waiting::Work(id) => match self.works.get(&id) {
                Some(work) => (work.heading.terminal_id(), work.amount, work.sent),
                None => return false,
            },
            Waiting::Chase(id) | Waiting::Late(id) => match self.chases.get(&id) {
                Some(chase) => {
                    let begun = &chase.begun;
                    let own = begun.sent.filter(|_| matches!(waiting, Waiting::Chase(_)));
                    (begun.terminal, begun.amount, own.unwrap_or(begun.original.sent))
                }
                // It ends before its chase begins: nothing hangs on it.
                None => return true,
            },
        };
        let number = message.text(41).ok().and_then(|text| text.as_str().trim().parse().ok());
        let same_amount = match message.number(4) {
            Ok(minor) => minor == amount.minor(),
            Err(_) => !message.has(4),
        };
        let rrn = characters::<12>(message, 37);
        number == Some(terminal.0) && same_amount && rrn.is_none_or(|rrn| rrn == moment::rrn(sent))
    }

    /// The answer to a sign-on or an echo.
    fn management_answer(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((place, number)) = self.place_of_link(link) else { return Ok(()) };
        let (stan, _) = key_of(message)?;
        let known = &mut self.networks[place].links[number];
        let Stand::SigningOn { stan: asked, .. } = known.stand else { return Ok(()) };
        if asked != stan {
            return Ok(());
        }
        if characters(message, 39) != Some(*b"00") {
            out.push(Output::DropLink { link });
            return Err("the sign-on was refused".into());
        }
        known.stand = Stand::Up;
        self.networks[place].answered();
        out.push(Output::Happened(Happening::LinkUp(link)));
        self.look_at_link(link, now.plus_ms(self.settings.timing.echo_ms));
        self.hurry(place, now);
        Ok(())
    }

    /// A network asks: echo, sign-off, a new key.
    fn management(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Some((place, number)) = self.place_of_link(link) else { return Ok(()) };
        let key = key_of(message)?;
        let kind = message.number(70).map_err(|error| error.to_string())?;
        let kind = u16::try_from(kind).map_err(|_| "field 70 has three digits")?;
        let code = match kind {
            ECHO => *b"00",
            SIGN_OFF => {
                self.networks[place].links[number].stand = Stand::Closed;
                out.push(Output::Happened(Happening::LinkDown(link)));
                *b"00"
            }
            KEY_CHANGE => match self.change_key(place, message) {
                Ok(Imported::New(_)) => {
                    out.push(Output::Happened(Happening::KeyChanged(link.network)));
                    *b"00"
                }
                // The network has not heard the answer to the first.
                Ok(Imported::Same(_)) => *b"00",
                Err(why) => {
                    let network = link.network;
                    out.push(Output::Happened(Happening::KeyRejected { network, why }));
                    *b"96"
                }
            },
            _ => *b"12",
        };
        let network = &self.networks[place];
        let message = network.write_management(Mti::M0810, key, Some(code), kind)?;
        out.push(Output::ToNetwork { link, message });
        if kind == SIGN_OFF {
            // Connected anew it signs on again, when the network lets it.
            out.push(Output::DropLink { link });
        }
        Ok(())
    }

    fn change_key(&self, place: usize, message: &Message<'_>) -> Result<Imported, String> {
        let settings = &self.networks[place].settings;
        let text = message.text(48).map_err(|error| error.to_string())?;
        let (name, purpose) = match text.as_str().as_bytes().first() {
            Some(b'M') => (settings.mac_key, Purpose::Mac),
            Some(b'P') => (settings.pin_key, Purpose::PinEncryption),
            _ => return Err("field 48 must begin with M or P".into()),
        };
        let under = KeyRef::Stored(settings.exchange_key);
        let block = text.as_str().get(1..).unwrap_or_default();
        let taken = self.keys.import_block(name, purpose, &under, block);
        taken.map_err(|error| error.to_string())
    }

    /// The time has come to look at a link.
    pub(crate) fn link_due(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let Some((place, number)) = self.place_of_link(link) else { return };
        let timing = &self.settings.timing;
        let (answer_ms, echo_ms) = (timing.link_answer_ms, timing.echo_ms);
        let known = &mut self.networks[place].links[number];
        if now < known.due {
            return;
        }
        match known.duty(now, answer_ms, echo_ms) {
            Duty::Rest => {}
            Duty::Wait(until) => self.look_at_link(link, until),
            Duty::Echo => {
                let sent = self.networks[place].next_sent(now);
                self.networks[place].links[number].echo = Some((sent.stan, now));
                self.send_management(link, sent, ECHO, out);
                self.look_at_link(link, now.plus_ms(answer_ms));
            }
            Duty::Drop => {
                self.networks[place].links[number].stand = Stand::Closed;
                out.push(Output::Happened(Happening::LinkDown(link)));
                out.push(Output::DropLink { link });
            }
        }
    }

    fn send_management(&self, link: LinkId, sent: engine::Sent, kind: u16, out: &mut Vec<Output>) {
        let Some((place, _)) = self.place_of_link(link) else { return };
        let key = crate::network::key(sent);
        match self.networks[place].write_management(Mti::M0800, key, None, kind) {
            Ok(message) => out.push(Output::ToNetwork { link, message }),
            Err(why) => {
                let network = link.network;
                out.push(Output::Happened(Happening::NetworkMessage { network, why }));
            }
        }
    }

    fn place_of_link(&self, link: LinkId) -> Option<(usize, usize)> {
        let place = self.place_of(link.network)?;
        let number = usize::from(link.number);
        (number < self.networks[place].links.len()).then_some((place, number))
    }
}

/// Fields 11 and 7.
fn key_of(message: &Message<'_>) -> Result<Key, String> {
    let field = |field: u8| {
        let number = message.number(field).map_err(|error| error.to_string())?;
        u32::try_from(number).map_err(|_| format!("field {field} is too large"))
    };
    Ok((field(11)?, field(7)?))
}

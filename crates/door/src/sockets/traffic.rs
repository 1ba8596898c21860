//! What is read and written.

use iso8583::Wiped;
use zeroize::Zeroize;

use super::connection::State;
use super::stream::Cut;
use super::{Habits, Id, Kind, Service, Sockets, connection_in};
use crate::framing::Broken;
use crate::why::Why;

/// Buffers that are kept to be used again, and how large each may be.
const SPARE_BUFFERS_MAX: usize = 256;
const SPARE_BUFFER_BYTES_MAX: usize = 16_384;

impl Sockets {
    pub(super) fn cut(&mut self, id: Id, cut: Cut) {
        let shaking = self.connection(id).is_some_and(|one| one.state == State::Handshake);
        let why = match cut {
            Cut::Untrusted => Why::Untrusted,
            Cut::Gone if shaking => Why::Untrusted,
            Cut::Gone => Why::Gone,
        };
        self.close(id, why);
    }

    pub(super) fn writable<S: Service>(&mut self, id: Id, service: &mut S) {
        let now = self.now;
        let Some(connection) = self.connection_mut(id) else { return };
        if connection.state == State::Connecting {
            match connection.stream.connected() {
                None => return,
                Some(Err(cut)) => return self.cut(id, cut),
                Some(Ok(())) => {}
            }
            if connection.stream.is_shaking_hands() {
                connection.state = State::Handshake;
            } else {
                connection.open(now);
                let kind = connection.kind;
                service.opened(self, id, kind);
            }
        }
        self.write(id);
    }

    pub(super) fn write(&mut self, id: Id) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.out.is_empty() && !connection.stream.has_unsent() {
            return;
        }
        // With TLS there may be nothing left to encipher and something left to send.
        loop {
            match connection.stream.write(&connection.out[connection.out_sent..]) {
                Err(cut) => return self.cut(id, cut),
                Ok(0) => break,
                Ok(written) => connection.out_sent += written,
            }
        }
        if connection.out_sent < connection.out.len() {
            return;
        }
        connection.out_sent = 0;
        connection.out.clear();
        if (1..=SPARE_BUFFER_BYTES_MAX).contains(&connection.out.capacity()) {
            let buffer = std::mem::take(&mut connection.out);
            if self.spare.len() < SPARE_BUFFERS_MAX {
                self.spare.push(buffer);
            }
        }
        if connection.state == State::Ending && !connection.stream.has_unsent() {
            self.close(id, Why::Asked);
        }
    }

    pub(super) fn read<S: Service>(&mut self, id: Id, service: &mut S) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.doomed || connection.state == State::Connecting {
            return;
        }
        let kind = connection.kind;
        let habits = self.kinds[usize::from(kind.0)];
        if connection.state != State::Handshake {
            if self.held[usize::from(kind.0)] {
                connection.unread = true;
                if !connection.queued {
                    connection.queued = true;
                    self.waiting.push(id);
                }
                return;
            }
            if connection.is_full(&habits) {
                connection.unread = true;
                return;
            }
        }
        connection.unread = false;
        let mut scratch = std::mem::take(&mut self.scratch);
        // A message that was begun before, or whole ones that had to wait for answers.
        let bytes = std::mem::take(&mut connection.partial);
        let begun = bytes.len();
        let room = scratch.len().min(habits.read_bytes_max(begun));
        let read = connection.stream.read(&mut scratch[..room]);
        let got = match read {
            Ok(got) => got,
            Err(cut) => {
                scratch[..room].zeroize();
                self.scratch = scratch;
                return self.cut(id, cut);
            }
        };
        let more = got.more || (connection.half_closed && !got.ended && got.bytes > 0);
        if got.bytes > 0 {
            connection.heard = self.now;
        }
        if connection.state == State::Handshake && !connection.stream.is_shaking_hands() {
            match self.come_inside(id) {
                Ok(()) => service.opened(self, id, kind),
                Err(why) => self.close(id, why),
            }
        }
        let mut rest = Wiped::default();
        if begun == 0 {
            let fresh = &mut scratch[..got.bytes];
            let used = self.hand_on(id, kind, &habits, fresh, service);
            rest.extend(&fresh[used..]);
        } else {
            let mut joined = Wiped::with_capacity(begun + got.bytes);
            joined.extend(&bytes);
            joined.extend(&scratch[..got.bytes]);
            drop(bytes);
            let used = self.hand_on(id, kind, &habits, &mut joined, service);
            rest.extend(&joined[used..]);
        }
        scratch[..got.bytes].zeroize();
        self.scratch = scratch;
        let now = self.now;
        let Some(connection) = self.connection_mut(id) else { return };
        if rest.is_empty() {
            connection.slow_since = None;
        } else if begun == 0 || rest.len() < begun {
            // The clock of a message begins with its first byte, and does not begin again with
            // each byte that follows.
            connection.slow_since = Some(now);
        }
        connection.partial = rest;
        connection.unread |= more;
        let full = connection.is_full(&habits);
        if got.ended {
            let shaking = connection.state == State::Handshake;
            self.close(id, if shaking { Why::Untrusted } else { Why::Gone });
        } else if more && !full {
            self.read_again(id);
        }
    }

    /// Hands on the whole messages in `bytes`; how many bytes those were.
    pub(super) fn hand_on<S: Service>(
        &mut self,
        id: Id,
        kind: Kind,
        habits: &Habits,
        bytes: &mut [u8],
        service: &mut S,
    ) -> usize {
        let mut used = 0;
        loop {
            let (held, now) = (self.held[usize::from(kind.0)], self.now);
            let Some(connection) = connection_in(&mut self.slots, id) else { return bytes.len() };
            if connection.doomed {
                return bytes.len();
            }
            if held || connection.is_full(habits) {
                connection.unread |= used < bytes.len();
                if held && used < bytes.len() && !connection.queued {
                    connection.queued = true;
                    self.waiting.push(id);
                }
                return used;
            }
            match habits.framing.first(&bytes[used..], habits.message_bytes_max) {
                Ok(None) => return used,
                Ok(Some(whole)) => {
                    connection.has_spoken = true;
                    if habits.in_flight_max > 0 {
                        connection.in_flight += 1;
                        connection.asked = now;
                    }
                    let message = &mut bytes[used + whole.begin..used + whole.end];
                    service.message(self, id, kind, message);
                    used += whole.length;
                }
                Err(broken) => {
                    let why = match broken {
                        Broken::Malformed => Why::Malformed,
                        Broken::Oversized => Why::Oversized,
                    };
                    self.close(id, why);
                    return bytes.len();
                }
            }
        }
    }
}

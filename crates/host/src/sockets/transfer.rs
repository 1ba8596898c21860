//! Reads from and writes to connections.

use iso8583::WipedBytes;
use zeroize::Zeroize;

use super::connection::ConnectionState;
use super::stream::StreamError;
use super::{
    ConnectionId, ConnectionKind, ConnectionPolicy, FailureKind, SocketService, Sockets,
    connection_in,
};
use crate::close_reason::CloseReason;
use crate::framing::StreamFramingError;

/// Buffers kept for reuse, and the largest size of one.
const SPARE_BUFFERS_MAX: usize = 256;
const SPARE_BUFFER_BYTES_MAX: usize = 16_384;

impl Sockets {
    pub(super) fn close_failed(&mut self, id: ConnectionId, error: StreamError) {
        let handshaking =
            self.connection(id).is_some_and(|one| one.state == ConnectionState::Handshake);
        let why = match error {
            StreamError::TlsFailed => {
                self.report_failure(id, FailureKind::FailedTls, true);
                CloseReason::Untrusted
            }
            StreamError::Disconnected if handshaking => CloseReason::Untrusted,
            StreamError::Disconnected => CloseReason::Gone,
        };
        self.close(id, why);
    }

    pub(super) fn on_writable<S: SocketService>(&mut self, id: ConnectionId, service: &mut S) {
        let now = self.now;
        let Some(connection) = self.connection_mut(id) else { return };
        if connection.state == ConnectionState::Connecting {
            match connection.stream.connected() {
                None => return,
                Some(Err(error)) => return self.close_failed(id, error),
                Some(Ok(())) => {}
            }
            if connection.stream.is_handshaking() {
                connection.state = ConnectionState::Handshake;
            } else {
                connection.open(now);
                let kind = connection.kind;
                service.opened(self, id, kind);
            }
        }
        self.write(id);
    }

    pub(super) fn write(&mut self, id: ConnectionId) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.out.is_empty() && !connection.stream.has_unsent() {
            return;
        }
        // With TLS, nothing may be left to encipher while bytes are left to send.
        loop {
            match connection.stream.write(&connection.out[connection.out_sent..]) {
                Err(error) => return self.close_failed(id, error),
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
            if self.spare_buffers.len() < SPARE_BUFFERS_MAX {
                self.spare_buffers.push(buffer);
            }
        }
        if connection.state == ConnectionState::Draining && !connection.stream.has_unsent() {
            self.close(id, CloseReason::Asked);
        }
    }

    pub(super) fn read<S: SocketService>(&mut self, id: ConnectionId, service: &mut S) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.closing || connection.state == ConnectionState::Connecting {
            return;
        }
        let kind = connection.kind;
        let policy = self.policies[usize::from(kind.0)];
        if connection.state != ConnectionState::Handshake {
            if self.paused_kinds[usize::from(kind.0)] {
                connection.unread = true;
                if !connection.in_read_queue {
                    connection.in_read_queue = true;
                    self.paused_reads.push(id);
                }
                return;
            }
            if connection.is_blocked(&policy) {
                connection.unread = true;
                return;
            }
        }
        connection.unread = false;
        let mut scratch = std::mem::take(&mut self.scratch);
        // Bytes of a partial message, or whole messages that had to wait for answers.
        let bytes = std::mem::take(&mut connection.partial);
        let partial_bytes = bytes.len();
        let room = scratch.len().min(policy.read_bytes_max(partial_bytes));
        let read = connection.stream.read(&mut scratch[..room]);
        let outcome = match read {
            Ok(outcome) => outcome,
            Err(error) => {
                scratch[..room].zeroize();
                self.scratch = scratch;
                return self.close_failed(id, error);
            }
        };
        let more = outcome.more || (connection.half_closed && !outcome.ended && outcome.bytes > 0);
        if outcome.bytes > 0 {
            connection.last_read_at = self.now;
        }
        if connection.state == ConnectionState::Handshake && !connection.stream.is_handshaking() {
            match self.finish_handshake(id) {
                Ok(()) => service.opened(self, id, kind),
                Err(why) => self.close(id, why),
            }
        }
        let mut rest = WipedBytes::default();
        if partial_bytes == 0 {
            let fresh = &mut scratch[..outcome.bytes];
            let used = self.deliver_messages(id, kind, &policy, fresh, service);
            rest.extend(&fresh[used..]);
        } else {
            let mut joined = WipedBytes::with_capacity(partial_bytes + outcome.bytes);
            joined.extend(&bytes);
            joined.extend(&scratch[..outcome.bytes]);
            drop(bytes);
            let used = self.deliver_messages(id, kind, &policy, &mut joined, service);
            rest.extend(&joined[used..]);
        }
        scratch[..outcome.bytes].zeroize();
        self.scratch = scratch;
        let now = self.now;
        let Some(connection) = self.connection_mut(id) else { return };
        if rest.is_empty() {
            connection.partial_since = None;
        } else if partial_bytes == 0 || rest.len() < partial_bytes {
            // The timeout of a message runs from its first byte; further bytes do not extend it.
            connection.partial_since = Some(now);
        }
        connection.partial = rest;
        connection.unread |= more;
        let full = connection.is_blocked(&policy);
        if outcome.ended {
            let handshaking = connection.state == ConnectionState::Handshake;
            self.close(id, if handshaking { CloseReason::Untrusted } else { CloseReason::Gone });
        } else if more && !full {
            self.read_again(id);
        }
    }

    /// Passes the whole messages in `bytes` to the service. Returns how many bytes they took.
    pub(super) fn deliver_messages<S: SocketService>(
        &mut self,
        id: ConnectionId,
        kind: ConnectionKind,
        policy: &ConnectionPolicy,
        bytes: &mut [u8],
        service: &mut S,
    ) -> usize {
        let mut used = 0;
        loop {
            let (held, now) = (self.paused_kinds[usize::from(kind.0)], self.now);
            let Some(connection) = connection_in(&mut self.slots, id) else { return bytes.len() };
            if connection.closing {
                return bytes.len();
            }
            if held || connection.is_blocked(policy) {
                connection.unread |= used < bytes.len();
                if held && used < bytes.len() && !connection.in_read_queue {
                    connection.in_read_queue = true;
                    self.paused_reads.push(id);
                }
                return used;
            }
            match policy.framing.first_message(&bytes[used..], policy.message_bytes_max) {
                Ok(None) => return used,
                Ok(Some(whole)) => {
                    connection.has_sent_message = true;
                    if policy.in_flight_max > 0 {
                        connection.in_flight += 1;
                        connection.last_message_at = now;
                    }
                    let message = &mut bytes[used + whole.begin..used + whole.end];
                    service.message(self, id, kind, message);
                    used += whole.consumed;
                }
                Err(error) => {
                    let why = match error {
                        StreamFramingError::Malformed => CloseReason::Malformed,
                        StreamFramingError::Oversized => CloseReason::Oversized,
                    };
                    self.close(id, why);
                    return bytes.len();
                }
            }
        }
    }
}

//! How the terminals of a fleet connect, and reconnect.

use std::time::Instant;

use host::{CloseReason, ConnectionId, ConnectionKind, SocketService, Sockets};

use super::{FleetState, place};

impl FleetState {
    /// Connects waiting terminals, within the limit per second.
    pub(super) fn connect(&mut self, sockets: &mut Sockets) {
        if self.to_connect.is_empty() {
            return;
        }
        let passed = self.now.duration_since(self.connects_since);
        let more = passed.as_micros() * u128::from(self.connects_per_second) / 1_000_000;
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            self.connects_since = self.now;
            let most = (self.connects_per_second / 20).max(1);
            self.connects_left = self.connects_left.saturating_add(more).min(most);
        }
        while self.connects_left > 0 {
            let Some(number) = self.to_connect.pop_front() else { return };
            let member = &mut self.members[place(number)];
            if member.connection.is_some() {
                continue;
            }
            self.connects_left -= 1;
            let address = self.addresses[member.address(number, self.homes, self.addresses.len())];
            match sockets.connect(address, self.kind, u64::from(number), None) {
                Ok(id) => member.connection = Some(id),
                Err(_) => self.turned_away(number),
            }
        }
    }

    fn turned_away(&mut self, number: u32) {
        self.counts.refused_connections += 1;
        let member = &mut self.members[place(number)];
        member.connection = None;
        member.failed_connects = member.failed_connects.wrapping_add(1);
        if usize::from(member.failed_connects).is_multiple_of(self.addresses.len()) {
            self.rest(number);
        } else {
            self.to_connect.push_back(number);
        }
    }

    /// A message arrived, so the connection works.
    fn connection_works(&mut self, number: u32) {
        let member = &mut self.members[place(number)];
        member.has_received = true;
        if std::mem::replace(&mut member.is_reconnecting, false) {
            self.counts.reconnecting -= 1;
            self.counts.reconnected += 1;
            let since = self.first_break.unwrap_or(self.started);
            let within = self.now.saturating_duration_since(since).as_millis();
            self.counts.reconnected_within_ms = u64::try_from(within).unwrap_or(u64::MAX);
        }
    }
}

impl SocketService for FleetState {
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, _kind: ConnectionKind) {
        let Ok(number) = u32::try_from(sockets.tag(id)) else { return };
        let member = &mut self.members[place(number)];
        member.connection = Some(id);
        member.is_open = true;
        if member.terminal.awaits_answer() {
            if let Ok(message) = member.terminal.repeat(self.now_ms) {
                self.counts.repeated += 1;
                self.send(sockets, number, &message);
            }
        } else {
            self.next_task(sockets, number);
        }
    }

    fn message(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        message: &mut [u8],
    ) {
        let Ok(number) = u32::try_from(sockets.tag(id)) else { return };
        self.now = Instant::now();
        self.connection_works(number);
        let member = &mut self.members[place(number)];
        match member.terminal.receive(message) {
            Ok(heard) => self.heard(number, heard),
            Err(_) => self.counts.unmatched_answers += 1,
        }
        let member = &mut self.members[place(number)];
        if std::mem::replace(&mut member.must_rest, false) {
            self.rest(number);
        } else {
            self.next_task(sockets, number);
        }
    }

    fn closed(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        tag: u64,
        _why: CloseReason,
    ) {
        let Ok(number) = u32::try_from(tag) else { return };
        let member = &mut self.members[place(number)];
        if member.connection != Some(id) {
            return;
        }
        member.is_open = false;
        if !std::mem::replace(&mut member.has_received, false) {
            return self.turned_away(number);
        }
        member.connection = None;
        member.failed_connects = member.failed_connects.wrapping_add(1);
        if !member.is_reconnecting {
            member.is_reconnecting = true;
            self.counts.reconnecting += 1;
            self.first_break.get_or_insert(self.now);
        }
        self.to_connect.push_back(number);
    }
}

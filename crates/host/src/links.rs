//! Links to networks. The host connects them, and reconnects them after each loss.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use books::NetworkId;
use foldhash::fast::FixedState;
use iso8583::WipedBytes;
use serde_json::{Value, json};
use switch::LinkId;
use zeroize::Zeroize;

use crate::backoff::Backoff;
use crate::close_reason::CloseReason;
use crate::engine_host::length_prefix;
use crate::hosted_switch::HostedSwitch;
use crate::plan::NetworkLink;
use crate::sockets::{ConnectionId, ConnectionKind, Sockets};

pub(crate) struct NetworkLinks {
    kind: ConnectionKind,
    links: Vec<Link>,
    index_of: HashMap<LinkId, usize, FixedState>,
    /// The messages of this round, one after the other, with link and length of each.
    messages: WipedBytes,
    arrived: Vec<(LinkId, usize)>,
}

struct Link {
    plan: NetworkLink,
    state: State,
    backoff: Backoff,
    /// Connections that were lost, and attempts to connect that failed.
    failures: u64,
    /// The operator was told that the link is down.
    down_reported: bool,
}

pub(crate) struct ClosedLink {
    pub link: LinkId,
    pub was_up: bool,
    /// False when an earlier loss was reported and the link has not signed on since.
    pub is_first_report: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next attempt is due at this time.
    Down(Instant),
    Connecting,
    Up(ConnectionId),
}

impl NetworkLinks {
    pub(crate) fn new(plans: Vec<NetworkLink>, kind: ConnectionKind) -> NetworkLinks {
        let now = Instant::now();
        let links: Vec<Link> = plans
            .into_iter()
            .map(|plan| Link {
                plan,
                state: State::Down(now),
                backoff: Backoff::new(),
                failures: 0,
                down_reported: false,
            })
            .collect();
        let index_of = links.iter().enumerate().map(|(index, link)| (link.plan.link, index));
        NetworkLinks {
            kind,
            index_of: index_of.collect(),
            links,
            messages: WipedBytes::default(),
            arrived: Vec::new(),
        }
    }

    /// Connects with other certificates from now on, where there were some.
    pub(crate) fn set_tls(&mut self, plans: Vec<NetworkLink>) {
        for plan in plans {
            let known = self.index_of.get(&plan.link).and_then(|index| self.links.get_mut(*index));
            if let (Some(Link { plan: NetworkLink { tls: Some(before), .. }, .. }), Some(tls)) =
                (known, plan.tls)
            {
                *before = tls;
            }
        }
    }

    /// How long until the next attempt to connect is due.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let due = self.links.iter().filter_map(|link| match link.state {
            State::Down(at) => Some(at),
            _ => None,
        });
        due.min().map(|at| at.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn connect_due(&mut self, sockets: &mut Sockets) {
        let now = Instant::now();
        for (tag, link) in (0..).zip(&mut self.links) {
            if !matches!(link.state, State::Down(at) if at <= now) {
                continue;
            }
            let plan = &link.plan;
            link.state = match sockets.connect(plan.address, self.kind, tag, plan.tls.as_ref()) {
                Ok(_) => State::Connecting,
                Err(_) => {
                    link.failures += 1;
                    State::Down(now + link.backoff.wait())
                }
            };
        }
    }

    fn index(tag: u64) -> usize {
        usize::try_from(tag).expect("the tag of a link is its index")
    }

    pub(crate) fn on_connected(&mut self, sockets: &Sockets, id: ConnectionId) -> LinkId {
        let link = &mut self.links[NetworkLinks::index(sockets.tag(id))];
        link.state = State::Up(id);
        link.plan.link
    }

    /// Keeps a message until [`NetworkLinks::take_messages`], and wipes it.
    pub(crate) fn keep(&mut self, sockets: &Sockets, id: ConnectionId, message: &mut [u8]) {
        let link = self.links[NetworkLinks::index(sockets.tag(id))].plan.link;
        self.messages.extend(message);
        self.arrived.push((link, message.len()));
        message.zeroize();
    }

    /// Passes the messages on that have arrived since, and wipes them.
    pub(crate) fn take_messages(&mut self, take: impl FnOnce(&mut [(LinkId, &mut [u8])])) {
        if self.arrived.is_empty() {
            return;
        }
        let mut rest = &mut self.messages[..];
        let mut messages = Vec::with_capacity(self.arrived.len());
        for (link, length) in self.arrived.drain(..) {
            let (message, behind) = rest.split_at_mut(length);
            messages.push((link, message));
            rest = behind;
        }
        take(&mut messages);
        self.messages.clear();
    }

    /// Only an accepted sign-on proves that a network is there: others may accept a connection, and
    /// send whatever they like.
    pub(crate) fn on_signed_on(&mut self, link: LinkId) {
        let known = self.index_of.get(&link).and_then(|index| self.links.get_mut(*index));
        if let Some(link) = known {
            link.backoff.reset();
            link.down_reported = false;
        }
    }

    pub(crate) fn on_closed(&mut self, tag: u64) -> ClosedLink {
        let link = &mut self.links[NetworkLinks::index(tag)];
        let was_up = matches!(link.state, State::Up(_));
        link.failures += 1;
        link.state = State::Down(Instant::now() + link.backoff.wait());
        let is_news = !std::mem::replace(&mut link.down_reported, true);
        ClosedLink { link: link.plan.link, was_up, is_first_report: is_news }
    }

    /// The network's name in the settings.
    pub(crate) fn network_name(&self, network: NetworkId) -> &str {
        let link = self.links.iter().find(|link| link.plan.link.network == network);
        link.map_or("a network that is not in the settings", |link| &link.plan.name)
    }

    /// The address to which a link is connected.
    pub(crate) fn address(&self, link: LinkId) -> Option<SocketAddr> {
        Some(self.links[*self.index_of.get(&link)?].plan.address)
    }

    fn connection(&self, link: LinkId) -> Option<ConnectionId> {
        match self.links[*self.index_of.get(&link)?].state {
            State::Up(id) => Some(id),
            _ => None,
        }
    }

    /// Sends if the link is up. If it is down, the switch knows or will learn from `on_closed`.
    pub(crate) fn send(&self, sockets: &mut Sockets, link: LinkId, message: &[u8]) {
        if let Some(id) = self.connection(link) {
            sockets.send(id, &[&length_prefix(message), message], false);
        }
    }

    pub(crate) fn drop_link(&self, sockets: &mut Sockets, link: LinkId) {
        if let Some(id) = self.connection(link) {
            sockets.close(id, CloseReason::Asked);
        }
    }

    pub(crate) fn status(&self, core: &impl HostedSwitch) -> Vec<Value> {
        let status = |of: &Link| {
            let connected = matches!(of.state, State::Up(_));
            let NetworkLink { name, link, tls, .. } = &of.plan;
            json!({
                "network": name,
                "link": link.number,
                "connected": connected,
                "signed_on": core.is_signed_on(*link),
                "tls": tls.is_some(),
                "failures": of.failures,
                "withdrawn_from_ms": core.withdrawn_from(link.network).map(|from| from.0),
            })
        };
        self.links.iter().map(status).collect()
    }
}

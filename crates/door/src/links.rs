//! Links to networks: connected by us, again and again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use engine::NetworkId;
use serde_json::{Value, json};
use switch::LinkId;

use crate::backoff::Backoff;
use crate::core::Core;
use crate::door::{NetworkLink, length};
use crate::sockets::{Id, Kind, Sockets};
use crate::why::Why;

pub(crate) struct Links {
    kind: Kind,
    links: Vec<Link>,
    places: HashMap<LinkId, usize>,
}

struct Link {
    plan: NetworkLink,
    state: State,
    backoff: Backoff,
    /// The operator knows that it is not there.
    told: bool,
}

/// A link that ended.
pub(crate) struct Closed {
    pub link: LinkId,
    pub was_up: bool,
    /// Whether the operator does not know yet.
    pub is_news: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be connected at this time.
    Down(Instant),
    Connecting,
    Up(Id),
}

impl Links {
    pub(crate) fn new(plans: Vec<NetworkLink>, kind: Kind) -> Links {
        let now = Instant::now();
        let links: Vec<Link> = plans
            .into_iter()
            .map(|plan| Link {
                plan,
                state: State::Down(now),
                backoff: Backoff::new(),
                told: false,
            })
            .collect();
        let places = links.iter().enumerate().map(|(place, link)| (link.plan.link, place));
        Links { kind, places: places.collect(), links }
    }

    /// When the next one is to be connected.
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
                Err(_) => State::Down(now + link.backoff.wait()),
            };
        }
    }

    fn place(tag: u64) -> usize {
        usize::try_from(tag).expect("the tag of a link is its place")
    }

    pub(crate) fn opened(&mut self, sockets: &Sockets, id: Id) -> LinkId {
        let link = &mut self.links[Links::place(sockets.tag(id))];
        link.state = State::Up(id);
        link.plan.link
    }

    pub(crate) fn heard(&mut self, sockets: &Sockets, id: Id) -> LinkId {
        let link = &mut self.links[Links::place(sockets.tag(id))];
        // Somebody who accepts and says nothing is no network: only a message counts.
        link.backoff.reset();
        link.told = false;
        link.plan.link
    }

    pub(crate) fn closed(&mut self, tag: u64) -> Closed {
        let link = &mut self.links[Links::place(tag)];
        let was_up = matches!(link.state, State::Up(_));
        link.state = State::Down(Instant::now() + link.backoff.wait());
        let is_news = !std::mem::replace(&mut link.told, true);
        Closed { link: link.plan.link, was_up, is_news }
    }

    /// A link's name.
    pub(crate) fn name(&self, tag: u64) -> String {
        let plan = &self.links[Links::place(tag)].plan;
        format!("{}, link {}", plan.name, plan.link.number)
    }

    /// What the settings call a network.
    pub(crate) fn name_of(&self, network: NetworkId) -> &str {
        let link = self.links.iter().find(|link| link.plan.link.network == network);
        link.map_or("a network that is not in the settings", |link| &link.plan.name)
    }

    fn connection(&self, link: LinkId) -> Option<Id> {
        match self.links[*self.places.get(&link)?].state {
            State::Up(id) => Some(id),
            _ => None,
        }
    }

    /// Sends, if the link is up; if not, the switch has heard or will hear of it.
    pub(crate) fn send(&self, sockets: &mut Sockets, link: LinkId, message: &[u8]) {
        if let Some(id) = self.connection(link) {
            sockets.send(id, &[&length(message), message], false);
        }
    }

    pub(crate) fn drop_link(&self, sockets: &mut Sockets, link: LinkId) {
        if let Some(id) = self.connection(link) {
            sockets.close(id, Why::Asked);
        }
    }

    pub(crate) fn status(&self, core: &impl Core) -> Vec<Value> {
        let status = |link: &Link| {
            let connected = matches!(link.state, State::Up(_));
            let NetworkLink { name, link, .. } = &link.plan;
            json!({
                "network": name,
                "link": link.number,
                "connected": connected,
                "signed_on": core.is_signed_on(*link),
                "withdrawn_from_ms": core.withdrawn_from(link.network).map(|from| from.0),
            })
        };
        self.links.iter().map(status).collect()
    }
}

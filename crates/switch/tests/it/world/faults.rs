//! Faults: links that close, outages and crashes.

use std::sync::Arc;

use books::{Books, CommandOutcome, DAY_MS};
use keys::KeyStore;
use peers::network::NetworkLinkId;
use switch::{ResumeError, Switch, Unfinished};

use super::{NETWORKS, World, link_id};

impl World {
    /// Connects a link and signs it on at once.
    pub fn connect(&mut self, place: usize, number: u8) {
        let net = &mut self.networks[place];
        net.connections += 1;
        let link = NetworkLinkId(net.connections);
        net.links[usize::from(number)] = Some(link);
        let mut out = Vec::new();
        net.peer.connected(link, self.now, &mut out);
        self.deliver_from_network(place, out);
        let (mut out, at, id) = (Vec::new(), self.at(), link_id(place, number));
        self.switch.on_link_connected(id, at, &mut out);
        let before = (std::mem::take(&mut self.to_network), std::mem::take(&mut self.to_switch));
        self.queue_outputs(out);
        while self.network_receives() {}
        while self.switch_receives_from_network() {}
        // Messages caused by the sign-on queue behind those that were there.
        let (mut to_network, mut to_switch) = before;
        to_network.append(&mut self.to_network);
        to_switch.append(&mut self.to_switch);
        (self.to_network, self.to_switch) = (to_network, to_switch);
    }

    /// Closes a link and loses the messages in it.
    pub fn disconnect(&mut self, place: usize, number: u8) {
        let id = link_id(place, number);
        if let Some(link) = self.networks[place].links[usize::from(number)].take() {
            self.networks[place].peer.closed(link);
        }
        self.to_network.retain(|(link, _)| *link != id);
        self.to_switch.retain(|(link, _)| *link != id);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.on_link_closed(id, at, &mut out);
        self.queue_outputs(out);
    }

    /// Connects the links that are down.
    pub fn reconnect(&mut self) {
        for place in 0..self.networks.len() {
            for number in 0..self.networks[place].links.len() {
                if self.networks[place].links[number].is_none() {
                    self.connect(place, u8::try_from(number).unwrap());
                }
            }
        }
    }

    /// Closes all links of a network and connects them again.
    pub fn outage(&mut self, place: usize) {
        let links = u8::try_from(self.networks[place].links.len()).unwrap();
        (0..links).for_each(|number| self.disconnect(place, number));
        (0..links).for_each(|number| self.connect(place, number));
    }

    /// Lets 31 days pass while everything is switched off, so that pre-authorisations expire at the
    /// switch's first tick.
    pub fn expire_holds(&mut self) {
        self.now += 31 * DAY_MS;
        self.crash();
        self.holds_are_expired = true;
    }

    /// Crashes the process and restarts it from the journal. Commands that were not durable and all
    /// messages in its connections are lost; a gateway delivers its messages later.
    pub fn crash(&mut self) {
        self.restart().expect("all networks are in the settings");
    }

    /// As [`World::crash`], with settings that may have changed.
    pub fn restart(&mut self) -> Result<(), ResumeError> {
        self.books.clear();
        self.to_network.clear();
        self.to_switch.clear();
        self.to_terminal.clear();
        let before = self.engine.digest();
        self.engine = Books::default();
        let mut outcome = CommandOutcome::default();
        for (at, command) in &self.journal {
            self.engine.apply(command, *at, &mut outcome).expect("a durable command applies again");
        }
        assert_eq!(self.engine.digest(), before, "M11");
        let store: Arc<dyn KeyStore> = self.keys.clone();
        self.switch = Switch::new(self.settings.clone(), store).unwrap();
        let unfinished = Unfinished::of(&self.engine, &NETWORKS);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.resume(unfinished, at, &mut out)?;
        self.queue_outputs(out);
        for place in 0..self.networks.len() {
            for number in 0..self.networks[place].links.len() {
                if let Some(link) = self.networks[place].links[number].take() {
                    self.networks[place].peer.closed(link);
                    self.connect(place, u8::try_from(number).unwrap());
                }
            }
        }
        Ok(())
    }
}

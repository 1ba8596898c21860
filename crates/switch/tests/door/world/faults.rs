//! Links that come and go, outages, and the death of the engine's process.

use std::sync::Arc;

use engine::{DAY_MS, Engine, Outcome};
use keys::KeyStore;
use peers::network::Link;
use switch::{ResumeError, Switch, Unfinished};

use super::{NETWORKS, World, link_id};

impl World {
    /// A link is connected; the sign-on goes through at once.
    pub fn connect(&mut self, place: usize, number: u8) {
        let net = &mut self.nets[place];
        net.connections += 1;
        let link = Link(net.connections);
        net.links[usize::from(number)] = Some(link);
        let mut out = Vec::new();
        net.peer.connected(link, self.now, &mut out);
        self.network_says(place, out);
        let (mut out, at, id) = (Vec::new(), self.at(), link_id(place, number));
        self.switch.link_up(id, at, &mut out);
        let before = (std::mem::take(&mut self.to_network), std::mem::take(&mut self.to_switch));
        self.take(out);
        while self.network_hears() {}
        while self.switch_hears_network() {}
        // What the sign-on brought about comes behind what was there.
        let (mut to_network, mut to_switch) = before;
        to_network.append(&mut self.to_network);
        to_switch.append(&mut self.to_switch);
        (self.to_network, self.to_switch) = (to_network, to_switch);
    }

    /// A link is gone, with all messages in it.
    pub fn disconnect(&mut self, place: usize, number: u8) {
        let id = link_id(place, number);
        if let Some(link) = self.nets[place].links[usize::from(number)].take() {
            self.nets[place].peer.closed(link);
        }
        self.to_network.retain(|(link, _)| *link != id);
        self.to_switch.retain(|(link, _)| *link != id);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.link_down(id, at, &mut out);
        self.take(out);
    }

    /// The shell connects what is down.
    pub fn reconnect(&mut self) {
        for place in 0..self.nets.len() {
            for number in 0..self.nets[place].links.len() {
                if self.nets[place].links[number].is_none() {
                    self.connect(place, u8::try_from(number).unwrap());
                }
            }
        }
    }

    /// Every link of a network goes down and comes up again.
    pub fn outage(&mut self, place: usize) {
        let links = u8::try_from(self.nets[place].links.len()).unwrap();
        (0..links).for_each(|number| self.disconnect(place, number));
        (0..links).for_each(|number| self.connect(place, number));
    }

    /// Whatever is held now is held too long: 31 days pass while everything is switched off. The
    /// switch looks for it at its first tick.
    pub fn holds_get_old(&mut self) {
        self.now += 31 * DAY_MS;
        self.crash();
        self.holds_are_old = true;
    }

    /// The engine's process dies and begins again from what is durable. Commands that were not are
    /// lost, and so is everything on its connections; what a gateway still has comes later.
    pub fn crash(&mut self) {
        self.restart().expect("all networks are there");
    }

    /// As [`World::crash`], with settings that may be other ones.
    pub fn restart(&mut self) -> Result<(), ResumeError> {
        self.books.clear();
        self.to_network.clear();
        self.to_switch.clear();
        self.to_terminal.clear();
        let before = self.engine.digest();
        self.engine = Engine::default();
        let mut outcome = Outcome::default();
        for (at, command) in &self.journal {
            self.engine.apply(command, *at, &mut outcome).expect("what was durable is carried out");
        }
        assert_eq!(self.engine.digest(), before, "M11");
        let store: Arc<dyn KeyStore> = self.keys.clone();
        self.switch = Switch::new(self.settings.clone(), store).unwrap();
        let unfinished = Unfinished::of(&self.engine, &NETWORKS);
        let (mut out, at) = (Vec::new(), self.at());
        self.switch.resume(unfinished, at, &mut out)?;
        self.take(out);
        for place in 0..self.nets.len() {
            for number in 0..self.nets[place].links.len() {
                if let Some(link) = self.nets[place].links[number].take() {
                    self.nets[place].peer.closed(link);
                    self.connect(place, u8::try_from(number).unwrap());
                }
            }
        }
        Ok(())
    }
}

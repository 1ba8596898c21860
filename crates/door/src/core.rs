//! What the sockets are put around.

use engine::{Event, NetworkId, Refusal, Timestamp, WalletId};
use switch::{Fact, Line, LinkId, Output, Switch, WalletNote};

/// A switch: [`switch::Switch`] in the product, a script in tests. Nothing of it blocks.
pub trait Core {
    /// One whole message of a terminal: TPDU, header and ISO message.
    fn terminal(&mut self, line: Line, message: &mut [u8], now: Timestamp, out: &mut Vec<Output>);
    /// A terminal's connection has ended.
    fn line_closed(&mut self, line: Line);
    /// A link to a network is connected.
    fn link_up(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>);
    /// A link to a network is lost.
    fn link_down(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>);
    /// One whole message of a network.
    fn network(&mut self, link: LinkId, message: &mut [u8], now: Timestamp, out: &mut Vec<Output>);
    /// A command's answer, durable.
    fn answered(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// A question's answer, durable.
    fn told(&mut self, ticket: u64, fact: Fact, now: Timestamp, out: &mut Vec<Output>);
    /// What a wallet says, verified; answered by [`Output::WalletReply`] with the same `reply`.
    fn wallet(&mut self, note: WalletNote, reply: u64, out: &mut Vec<Output>);
    /// Where a wallet's order stands; answered as a note is.
    fn wallet_looks(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply: u64,
        out: &mut Vec<Output>,
    );
    /// The orders that a wallet has to give back, with their amounts in minor units.
    fn to_give_back(&self, wallet: WalletId) -> Vec<(String, u64)>;
    /// A network is withdrawn from a time on, or no longer.
    fn network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>);
    /// Time has passed.
    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>);
    /// When `tick` is wanted.
    fn next_timer(&self) -> Option<Timestamp>;
    /// Nothing new is begun; what is in flight finishes.
    fn stop(&mut self);
    /// Tells the networks that nothing comes any more.
    fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>);
    /// How much has not finished.
    fn in_flight(&self) -> usize;
    /// Whether the network has accepted the sign-on of a link.
    fn is_signed_on(&self, link: LinkId) -> bool;
    /// From when on a network is withdrawn, if it is.
    fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp>;
}

impl Core for Switch {
    fn terminal(&mut self, line: Line, message: &mut [u8], now: Timestamp, out: &mut Vec<Output>) {
        Switch::terminal(self, line, message, now, out);
    }

    fn line_closed(&mut self, line: Line) {
        Switch::line_closed(self, line);
    }

    fn link_up(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        Switch::link_up(self, link, now, out);
    }

    fn link_down(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        Switch::link_down(self, link, now, out);
    }

    fn network(&mut self, link: LinkId, message: &mut [u8], now: Timestamp, out: &mut Vec<Output>) {
        Switch::network(self, link, message, now, out);
    }

    fn answered(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::answered(self, ticket, answer, now, out);
    }

    fn told(&mut self, ticket: u64, fact: Fact, now: Timestamp, out: &mut Vec<Output>) {
        Switch::told(self, ticket, fact, now, out);
    }

    fn wallet(&mut self, note: WalletNote, reply: u64, out: &mut Vec<Output>) {
        Switch::wallet(self, note, reply, out);
    }

    fn wallet_looks(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        Switch::wallet_looks(self, wallet, reference, reply, out);
    }

    fn to_give_back(&self, wallet: WalletId) -> Vec<(String, u64)> {
        Switch::to_give_back(self, wallet)
    }

    fn network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        Switch::network_withdrawn(self, network, from);
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        Switch::tick(self, now, out);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        Switch::next_timer(self)
    }

    fn stop(&mut self) {
        Switch::stop(self);
    }

    fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        Switch::sign_off(self, now, out);
    }

    fn in_flight(&self) -> usize {
        Switch::in_flight(self)
    }

    fn is_signed_on(&self, link: LinkId) -> bool {
        self.links_up().any(|up| up == link)
    }

    fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        Switch::withdrawn_from(self, network)
    }
}

//! The networks' side: links, messages, routing, and the queue of reversals and refunds.

mod link;
mod links;
mod resume;
mod reversal_queue;
mod route;
mod state;

use std::collections::BTreeMap;

use books::{NetworkId, NetworkReference, PaymentRoute, ResponseCode, Timestamp};
use iso8583::UnsealedMessage;
use keys::KeyStore;
use machine::Actor;

use self::route::BinTable;
use self::state::{AwaitedResponse, NetworkState, QueuedReversal, message_key};
use crate::port::{LinkId, OperatorEvent, Output};
use crate::settings::{NetworkSettings, Settings};
use crate::sides::{
    CardPayment, ExpectedResponse, NetworkMessage, Networks, NewReversal, Rejection, Route,
    WriteError,
};
use crate::step::{KeyedTable, Turn, UnsealedOutput};
use crate::timers::Timer;

pub(crate) struct NetworkSide {
    /// In the settings' order.
    networks: Vec<NetworkState>,
    bins: BinTable,
    queue: BTreeMap<u64, QueuedReversal>,
    /// Reversals from before a restart that the books are recording.
    resuming: KeyedTable<u64, NewReversal>,
}

impl NetworkSide {
    pub(crate) fn new(settings: &Settings) -> NetworkSide {
        NetworkSide {
            networks: settings.networks.iter().cloned().map(NetworkState::new).collect(),
            bins: BinTable::new(&settings.bins),
            queue: BTreeMap::new(),
            resuming: KeyedTable::default(),
        }
    }

    /// Takes card ranges, and the costs of the same networks.
    pub(crate) fn change_costs(&mut self, settings: &Settings) {
        self.bins = BinTable::new(&settings.bins);
        for (network, theirs) in self.networks.iter_mut().zip(&settings.networks) {
            (network.settings.debit, network.settings.credit) = (theirs.debit, theirs.credit);
        }
    }

    /// Reversals and refunds that are not acknowledged yet.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn links_up(&self) -> impl Iterator<Item = LinkId> {
        self.networks.iter().flat_map(|network| {
            let up = |index: &usize| network.links[*index].status == link::LinkStatus::SignedOn;
            (0..network.links.len()).filter(up).map(|index| network.link_id(index))
        })
    }

    /// A network takes no new payments from this time on. `None` reinstates it.
    pub(crate) fn withdraw(&mut self, network: NetworkId, from: Option<Timestamp>) {
        if let Some(index) = self.index(network) {
            self.networks[index].withdrawn_from = from;
        }
    }

    pub(crate) fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        self.networks[self.index(network)?].withdrawn_from
    }

    /// Puts the messages of an input among its outputs, with their MACs: those to one network are
    /// computed together. Returns the requests whose message the key store could not seal; the
    /// network never gets it.
    pub(crate) fn seal(
        &mut self,
        mut unsealed: Vec<UnsealedOutput>,
        keys: &dyn KeyStore,
        out: &mut [Output],
    ) -> Vec<ExpectedResponse> {
        let mut failed = Vec::new();
        unsealed.sort_by_key(|one| one.link.network);
        let mut macs = Vec::with_capacity(unsealed.len());
        for of_one in unsealed.chunk_by(|one, next| one.link.network == next.link.network) {
            let messages: Vec<&[u8]> = of_one.iter().map(|one| one.message.covered()).collect();
            let network = self.index(of_one[0].link.network).map(|index| &self.networks[index]);
            match network.map(|network| network.macs(&messages, keys)) {
                Some(Ok(computed)) => macs.extend(computed.into_iter().map(Ok)),
                Some(Err(error)) => macs.extend(of_one.iter().map(|_| Err(error.to_string()))),
                None => macs.extend(of_one.iter().map(|_| Err("unknown network".to_owned()))),
            }
        }
        for (UnsealedOutput { link, message, expected, place }, mac) in
            unsealed.into_iter().zip(macs)
        {
            out[place] = match mac {
                Ok(mac) => Output::ToNetwork { link, message: message.seal(&mac) },
                Err(why) => {
                    failed.extend(expected);
                    Output::OperatorEvent(OperatorEvent::KeyStoreError(why))
                }
            };
        }
        for expected in &failed {
            self.networks[expected.network].awaited.remove(&message_key(expected.sent));
        }
        failed
    }

    fn index(&self, network: NetworkId) -> Option<usize> {
        self.networks.iter().position(|known| known.settings.network == network)
    }

    fn actor(&self, network: usize) -> Actor {
        Actor::Network(self.networks[network].settings.network)
    }
}

impl Networks for NetworkSide {
    fn route(&mut self, payment: &CardPayment<'_>, now: Timestamp) -> Result<Route, Rejection> {
        let Some((kind, allowed)) = self.bins.lookup(payment.pan) else {
            let why = "no network for this BIN".to_owned();
            return Err((ResponseCode::NO_SUCH_ISSUER, Some(why)));
        };
        let (chosen, considered) =
            route::choose_network(&self.networks, (kind, allowed), payment, now);
        let Some(network) = chosen else {
            let why = route::why_none(&self.networks, &considered);
            return Err((ResponseCode::NETWORK_UNAVAILABLE, Some(why)));
        };
        Ok(Route { network, kind, considered })
    }

    fn index_of(&self, route: Option<PaymentRoute>) -> Option<usize> {
        match route {
            Some(PaymentRoute::Card { network, .. }) => self.index(network),
            _ => None,
        }
    }

    fn settings(&self, network: usize) -> &NetworkSettings {
        &self.networks[network].settings
    }

    fn next_reference(&mut self, network: usize, now: Timestamp) -> NetworkReference {
        self.networks[network].next_reference(now)
    }

    fn write(
        &self,
        network: usize,
        request: &NetworkMessage<'_>,
        step: &Turn<'_>,
    ) -> Result<UnsealedMessage, WriteError> {
        self.networks[network].write_request(request, &step.settings.merchant, step.keys)
    }

    fn send(
        &mut self,
        message: UnsealedMessage,
        expected: ExpectedResponse,
        step: &mut Turn<'_>,
    ) -> bool {
        let network = &mut self.networks[expected.network];
        let Some(link) = network.next_link() else { return false };
        let key = message_key(expected.sent);
        network.awaited.insert(key, AwaitedResponse::Request(expected));
        step.set_timer(step.settings.timing.answer_ms, Timer::NetworkTimeout(expected.id));
        step.send(link, message, Some(expected));
        true
    }

    fn time_out(
        &mut self,
        network: usize,
        sent: NetworkReference,
        reversal: Option<u64>,
        step: &mut Turn<'_>,
    ) {
        let network = &mut self.networks[network];
        network.record_failure(step.now, step.settings.timing.cooldown_ms);
        let key = message_key(sent);
        match reversal {
            Some(id) => network.awaited.insert(key, AwaitedResponse::Late(id)),
            None => network.awaited.remove(&key),
        };
    }

    fn expect_late(&mut self, network: usize, sent: NetworkReference, reversal: u64) {
        let late = AwaitedResponse::Late(reversal);
        self.networks[network].awaited.insert(message_key(sent), late);
    }

    fn reverse(&mut self, id: u64, reversal: NewReversal, step: &mut Turn<'_>) {
        self.enqueue(id, reversal, step);
    }
}

//! A card network with its links to the switch.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use books::{NetworkId, Timestamp};
use peers::behaviour::{NetworkRequestKind, RequestSummary};
use peers::ledger::NetworkTransactionKind;
use peers::network::NetworkLinkId;
use peers::{NetworkSimulator, ResponseAction, ResponsePolicy};
use switch::LinkId;

use super::action::PaymentFault;
use super::socket_pair::SocketPair;

pub(super) struct ConnectedNetwork {
    pub id: NetworkId,
    pub network: NetworkSimulator,
    pub listener: TcpListener,
    pub links: Vec<SimulatedLink>,
}

pub(super) struct SimulatedLink {
    pub id: LinkId,
    /// The network's number of the link; a new one after each connect.
    pub network_link: NetworkLinkId,
    /// `Some` while connected.
    pub socket: Option<SocketPair>,
}

impl ConnectedNetwork {
    /// The index of a connected link.
    pub(super) fn index_of(&self, link: NetworkLinkId) -> Option<usize> {
        self.links.iter().position(|simulated_link| {
            simulated_link.network_link == link && simulated_link.socket.is_some()
        })
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.network.next_timer().map(Timestamp)
    }
}

/// The planned responses to the next payments, by terminal; shared by all networks.
#[derive(Clone, Default)]
pub(super) struct NetworkScripts(Arc<Mutex<NextActions>>);

#[derive(Default)]
struct NextActions {
    answers: HashMap<[u8; 8], ResponseAction>,
    lost_reversals: HashMap<[u8; 8], u32>,
    /// Terminals and amounts of the offline sales to reject.
    rejected: BTreeMap<([u8; 8], u64), ResponseAction>,
    reversals: u64,
    doubled: u64,
}

impl NetworkScripts {
    /// Sets the response to a terminal's next card payment.
    pub(super) fn set_next(&self, terminal: u32, fault: &PaymentFault) {
        let name = name_of(terminal);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.answers.insert(name, fault.network_action);
        if fault.lost_reversals > 0 {
            plans.lost_reversals.insert(name, fault.lost_reversals);
        }
    }

    /// Sets the response to an offline sale, whenever its terminal forwards it.
    pub(super) fn set_offline(&self, terminal: u32, amount: u64, response: ResponseAction) {
        if response != ResponseAction::Approve {
            let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            plans.rejected.insert((name_of(terminal), amount), response);
        }
    }

    /// The number of reversals sent to networks, and of answers sent twice.
    pub(super) fn counts(&self) -> (u64, u64) {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (plans.reversals, plans.doubled)
    }
}

/// Field 41.
fn name_of(terminal: u32) -> [u8; 8] {
    let mut name = [0; 8];
    name.copy_from_slice(format!("{terminal:08}").as_bytes());
    name
}

impl ResponsePolicy for NetworkScripts {
    fn action(&mut self, request: &RequestSummary) -> ResponseAction {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match request.kind {
            NetworkRequestKind::Transaction(
                NetworkTransactionKind::Sale | NetworkTransactionKind::PreAuthorisation,
            ) => {
                let action = plans.answers.remove(&request.terminal).unwrap_or_default();
                plans.doubled += u64::from(action == ResponseAction::Double);
                action
            }
            // A repeated advice gets the same answer.
            NetworkRequestKind::Transaction(NetworkTransactionKind::Offline) => {
                let sale = (request.terminal, request.amount);
                plans.rejected.get(&sale).copied().unwrap_or_default()
            }
            NetworkRequestKind::Reversal => {
                plans.reversals += 1;
                match plans.lost_reversals.get_mut(&request.terminal) {
                    Some(left) if *left > 0 => {
                        *left -= 1;
                        ResponseAction::Lost
                    }
                    _ => ResponseAction::Approve,
                }
            }
            _ => ResponseAction::Approve,
        }
    }
}

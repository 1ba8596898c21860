//! A card network at the end of its links.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{NetworkId, Timestamp};
use peers::behaviour::{Request, RequestKind};
use peers::book::Kind;
use peers::network::Link;
use peers::{Action, Fate, Network};
use switch::LinkId;

use super::deed::Mishap;
use super::wires::Wire;

/// A network with its links.
pub(super) struct Rail {
    pub id: NetworkId,
    pub network: Network,
    pub listener: TcpListener,
    pub cables: Vec<Cable>,
}

/// A link.
pub(super) struct Cable {
    pub id: LinkId,
    /// How the network numbers it; another number after each connecting.
    pub link: Link,
    /// There while it is connected.
    pub wire: Option<Wire>,
}

impl Rail {
    /// The place of a link that is connected.
    pub(super) fn place_of(&self, link: Link) -> Option<usize> {
        self.cables.iter().position(|cable| cable.link == link && cable.wire.is_some())
    }

    /// When it has something to do next.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.network.next_timer().map(Timestamp)
    }
}

/// What is going to happen to the next payments, by terminal: all networks share it.
#[derive(Clone, Default)]
pub(super) struct Plans(Arc<Mutex<Planned>>);

#[derive(Default)]
struct Planned {
    answers: HashMap<[u8; 8], Action>,
    unheard: HashMap<[u8; 8], u32>,
    reversals: u64,
    doubled: u64,
}

impl Plans {
    /// What becomes of a terminal's next payment by card.
    pub(super) fn set(&self, terminal: u32, mishap: &Mishap) {
        let mut name = [0; 8];
        name.copy_from_slice(format!("{terminal:08}").as_bytes());
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.answers.insert(name, mishap.answer);
        if mishap.unheard > 0 {
            plans.unheard.insert(name, mishap.unheard);
        }
    }

    /// How many reversals networks were sent, and how many answers they gave twice.
    pub(super) fn counted(&self) -> (u64, u64) {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (plans.reversals, plans.doubled)
    }
}

impl Fate for Plans {
    fn action(&mut self, request: &Request) -> Action {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match request.kind {
            RequestKind::Item(Kind::Sale | Kind::PreAuthorisation) => {
                let action = plans.answers.remove(&request.terminal).unwrap_or_default();
                plans.doubled += u64::from(action == Action::Double);
                action
            }
            RequestKind::Reversal => {
                plans.reversals += 1;
                match plans.unheard.get_mut(&request.terminal) {
                    Some(left) if *left > 0 => {
                        *left -= 1;
                        Action::Lost
                    }
                    _ => Action::Approve,
                }
            }
            _ => Action::Approve,
        }
    }
}

//! The orderly withdrawal of a network: no new payments from a moment on, everything under way goes
//! on to its end.

use crate::command::Command;
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::{NetworkId, PersonId};
use crate::records::RailId;
use crate::refusal::{Missing, Refusal};
use crate::time::Timestamp;

impl Engine {
    pub(crate) fn withdraw(
        &mut self,
        command: &Command,
        at: Timestamp,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match *command {
            Command::WithdrawNetwork { network, from, proposed_by, approved_by } => {
                let number = self.decided(network, proposed_by, approved_by)?;
                // One that has begun stays as it is: a later moment would bring the network back
                // for a while.
                let before = self.withdrawn.get(&number);
                if before.is_some_and(|before| *before == from || *before <= at) {
                    return Err(Refusal::Repeated);
                }
                let from = from.max(at);
                self.withdrawn.insert(number, from);
                out.events.push(Event::NetworkWithdrawn { network, from });
                Ok(())
            }
            Command::ReinstateNetwork { network, proposed_by, approved_by } => {
                let number = self.decided(network, proposed_by, approved_by)?;
                self.withdrawn.remove(&number).ok_or(Refusal::Repeated)?;
                out.events.push(Event::NetworkReinstated { network });
                Ok(())
            }
            _ => unreachable!("only withdrawals are dispatched here"),
        }
    }

    /// The network that two people decide about.
    fn decided(
        &self,
        network: NetworkId,
        proposed_by: PersonId,
        approved_by: PersonId,
    ) -> Result<u16, Refusal> {
        let missing = Refusal::NotFound(Missing::Network(network));
        let number = self.rails.number(RailId::Network(network)).ok_or(missing)?;
        if proposed_by == approved_by {
            return Err(Refusal::SamePerson);
        }
        Ok(u16::try_from(number).expect("as many as registering allows"))
    }

    /// Checks that a network or wallet takes new payments.
    #[inline]
    pub(crate) fn not_withdrawn(&self, rail: u16, at: Timestamp) -> Result<(), Refusal> {
        let withdrawn = self.withdrawn.get(&rail).is_some_and(|from| *from <= at);
        if withdrawn { Err(Refusal::NetworkWithdrawn) } else { Ok(()) }
    }
}

//! Orderly withdrawal of a network: it takes no new payments from a start time on, and everything
//! in flight finishes.

use machine::Timestamp;

use crate::books::{Books, Now, done_before};
use crate::command::{ReinstateNetwork, WithdrawNetwork};
use crate::event::{CommandOutcome, Event};
use crate::ids::{NetworkId, PersonId};
use crate::party::persons::check_two_people;
use crate::party::record::{RailId, Withdrawal};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn withdraw_network(
        &mut self,
        command: &WithdrawNetwork,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let WithdrawNetwork { network, from, proposed_by, approved_by } = *command;
        let number = self.decided_network(network, proposed_by, approved_by)?;
        // A started withdrawal stays: a later start would bring the network back for a while.
        let requested_from = from;
        let from = requested_from.max(now.at);
        let withdrawal = Withdrawal { from, requested_from, proposed_by, approved_by };
        if let Some(before) = self.withdrawn_networks.get(&number) {
            let same = Withdrawal { from: before.from, ..withdrawal } == *before;
            if same || before.from <= now.at {
                return Err(done_before(same));
            }
        }
        self.withdrawn_networks.insert(number, withdrawal);
        out.events.push(Event::NetworkWithdrawn { network, from });
        Ok(())
    }

    pub(crate) fn reinstate_network(
        &mut self,
        command: &ReinstateNetwork,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReinstateNetwork { network, proposed_by, approved_by } = *command;
        let number = self.decided_network(network, proposed_by, approved_by)?;
        self.withdrawn_networks.remove(&number).ok_or(Refusal::Repeated)?;
        out.events.push(Event::NetworkReinstated { network });
        Ok(())
    }

    /// The network's number, if two different people decided.
    fn decided_network(
        &self,
        network: NetworkId,
        proposed_by: PersonId,
        approved_by: PersonId,
    ) -> Result<u16, Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Network(network));
        let number = self.rails.number(RailId::Network(network)).ok_or(missing)?;
        check_two_people(proposed_by, approved_by, &[])?;
        Ok(u16::try_from(number).expect("limited by RAILS_MAX"))
    }

    /// Checks that a network or wallet takes new payments.
    #[inline]
    pub(crate) fn check_not_withdrawn(&self, rail: u16, at: Timestamp) -> Result<(), Refusal> {
        let withdrawn =
            self.withdrawn_networks.get(&rail).is_some_and(|withdrawal| withdrawal.from <= at);
        if withdrawn { Err(Refusal::NetworkWithdrawn) } else { Ok(()) }
    }
}

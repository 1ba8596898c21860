//! Orderly withdrawal of a network: it takes no new payments from a start time on, and everything
//! in flight finishes.

use machine::Timestamp;

use crate::books::{Books, Now};
use crate::command::{ReinstateNetwork, WithdrawNetwork};
use crate::event::{CommandOutcome, Event};
use crate::ids::{NetworkId, PersonId};
use crate::party::persons::check_two_people;
use crate::party::record::{RailId, Withdrawal};
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::UsedNumbers;

impl Books {
    pub(crate) fn withdraw_network(
        &mut self,
        command: &WithdrawNetwork,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let WithdrawNetwork { network, number, from, proposed_by, approved_by } = *command;
        let requested = Some(from);
        let from = from.max(now.at);
        let decided_by = (proposed_by, approved_by);
        let withdrawal = Withdrawal { from: Some(from), requested, decided_by };
        let rail = self.check_withdrawal(network, number, withdrawal)?;
        check_two_people(proposed_by, approved_by, &[])?;
        // A started withdrawal stays: a later start would bring the network back for a while.
        self.check_not_withdrawn(rail, now.at).map_err(|_| Refusal::Repeated)?;
        self.withdrawals.entry(rail).or_default().push(withdrawal);
        out.events.push(Event::NetworkWithdrawn { network, from });
        Ok(())
    }

    pub(crate) fn reinstate_network(
        &mut self,
        command: &ReinstateNetwork,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReinstateNetwork { network, number, proposed_by, approved_by } = *command;
        let decided_by = (proposed_by, approved_by);
        let end = Withdrawal { from: None, requested: None, decided_by };
        check_two_people(proposed_by, approved_by, &[])?;
        let rail = self.check_withdrawal(network, number, end)?;
        let latest = self.withdrawals.get(&rail).and_then(UsedNumbers::latest);
        let withdrawn = latest.filter(|latest| latest.from.is_some()).ok_or(Refusal::Repeated)?;
        check_two_people(proposed_by, approved_by, &[withdrawn.decided_by.0])?;
        self.withdrawals.entry(rail).or_default().push(end);
        out.events.push(Event::NetworkReinstated { network });
        Ok(())
    }

    /// The network's number, if the withdrawal, or its end, is the network's next.
    fn check_withdrawal(
        &self,
        network: NetworkId,
        number: u32,
        next: Withdrawal,
    ) -> Result<u16, Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Network(network));
        let rail = self.rails.number(RailId::Network(network)).ok_or(missing)?;
        let rail = u16::try_from(rail).expect("limited by RAILS_MAX");
        let known = self.withdrawals.get(&rail);
        known.unwrap_or(&UsedNumbers::default()).check(number, |before| before.is_like(&next))?;
        Ok(rail)
    }

    /// From when on a network or wallet, by number, takes no new payments.
    pub(crate) fn withdrawn_from(&self, rail: u16) -> Option<Timestamp> {
        self.withdrawals.get(&rail).and_then(UsedNumbers::latest).and_then(|latest| latest.from)
    }

    /// Who proposed the withdrawal that a network is in.
    pub(crate) fn withdrawn_by(&self, network: NetworkId) -> Option<PersonId> {
        let rail = u16::try_from(self.rails.number(RailId::Network(network))?).ok()?;
        let latest = self.withdrawals.get(&rail)?.latest()?;
        latest.from.map(|_| latest.decided_by.0)
    }

    /// The number of a network's last withdrawal or reinstatement.
    pub(crate) fn last_withdrawal(&self, network: NetworkId) -> Option<u32> {
        let rail = u16::try_from(self.rails.number(RailId::Network(network))?).ok()?;
        Some(self.withdrawals.get(&rail).map_or(0, UsedNumbers::last))
    }

    /// Checks that a network or wallet takes new payments.
    #[inline]
    pub(crate) fn check_not_withdrawn(&self, rail: u16, at: Timestamp) -> Result<(), Refusal> {
        let withdrawn = self.withdrawn_from(rail).is_some_and(|from| from <= at);
        if withdrawn { Err(Refusal::NetworkWithdrawn) } else { Ok(()) }
    }
}

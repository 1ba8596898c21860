//! Suspended sellers and couriers. One person suspends at once; two lift it.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::books::{Books, Now};
use crate::command::{SuspendCourier, SuspendSeller};
use crate::event::{CommandOutcome, Event};
use crate::ids::{PersonId, SellerId};
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::UsedNumbers;

/// A suspension, or its end, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Suspension {
    pub suspended: bool,
    pub proposed_by: PersonId,
    pub approved_by: Option<PersonId>,
}

impl UsedNumbers<Suspension> {
    /// Checks the next one. Nobody decides about themselves, one person alone only suspends, and
    /// who suspended is not the second who lifts it.
    fn check_next(
        &self,
        number: u32,
        next: Suspension,
        courier: Option<PersonId>,
    ) -> Result<(), Refusal> {
        self.check(number, |before| *before == next)?;
        let Suspension { suspended, proposed_by, approved_by } = next;
        // Suspended again and again: all of them, back to the last end.
        let ended = |one: &&Suspension| !suspended && one.suspended;
        let suspenders = self.iter().rev().take_while(ended).map(|one| one.proposed_by);
        let others: Vec<PersonId> = suspenders.chain(courier).collect();
        match approved_by {
            _ if courier == Some(proposed_by) => Err(Refusal::SamePerson),
            Some(second) => check_two_people(proposed_by, second, &others),
            None if suspended => Ok(()),
            None => Err(Refusal::SamePerson),
        }
    }
}

impl Books {
    pub(crate) fn suspend_seller(
        &mut self,
        command: &SuspendSeller,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SuspendSeller { seller, number, suspended, proposed_by, approved_by } = *command;
        if self.any_account_of(seller).is_none() {
            return Err(Refusal::NotFound(MissingRecord::Seller(seller)));
        }
        let suspension = Suspension { suspended, proposed_by, approved_by };
        let before = self.reference_data.seller_suspensions.get(&seller);
        before.unwrap_or(&UsedNumbers::default()).check_next(number, suspension, None)?;
        self.reference_data.seller_suspensions.entry(seller).or_default().push(suspension);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn suspend_courier(
        &mut self,
        command: &SuspendCourier,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SuspendCourier { courier, number, suspended, proposed_by, approved_by } = *command;
        let place = self.courier_number(courier)?;
        let suspension = Suspension { suspended, proposed_by, approved_by };
        let suspensions = &self.couriers.get(place).suspensions;
        suspensions.check_next(number, suspension, Some(PersonId(courier.0)))?;
        self.couriers.get_mut(place).suspensions.push(suspension);
        out.events.push(Event::Registered);
        Ok(())
    }

    #[must_use]
    pub fn is_seller_suspended(&self, seller: SellerId) -> bool {
        let suspensions = self.reference_data.seller_suspensions.get(&seller);
        suspensions.and_then(UsedNumbers::latest).is_some_and(|latest| latest.suspended)
    }

    /// Checks that a courier, by number, is not suspended.
    #[inline]
    pub(crate) fn check_not_suspended(&self, courier: u32) -> Result<(), Refusal> {
        let suspended = self.couriers.get(courier).is_suspended();
        if suspended { Err(Refusal::CourierSuspended) } else { Ok(()) }
    }
}

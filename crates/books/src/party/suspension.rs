//! Suspended sellers and couriers. One person suspends at once; two lift it.

use borsh::{BorshDeserialize, BorshSerialize};
use tariff::BusinessDate;

use crate::books::{Books, Now};
use crate::command::{SuspendCourier, SuspendSeller};
use crate::event::{CommandOutcome, Event};
use crate::ids::{PersonId, SellerId};
use crate::party::persons::check_two_people;
use crate::party::view::StoppedParty;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::UsedNumbers;

/// A suspension, or its end, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Suspension {
    pub suspended: bool,
    pub proposed_by: PersonId,
    pub approved_by: Option<PersonId>,
    pub on: BusinessDate,
}

impl Suspension {
    /// `None` if it is the end of one.
    pub(crate) fn stops(&self) -> Option<StoppedParty> {
        let stopped = StoppedParty { since: self.on, by: Some(self.proposed_by) };
        self.suspended.then_some(stopped)
    }

    /// Whether it is the same decision, on any day.
    fn is_repeat_of(&self, before: &Suspension) -> bool {
        Suspension { on: before.on, ..*self } == *before
    }
}

impl UsedNumbers<Suspension> {
    /// Checks the next one. Nobody decides about themselves, one person alone only suspends, and
    /// who suspended is not the second who lifts it. Whoever is suspended is not suspended again,
    /// and a suspension that has ended does not end again: that changes nothing.
    fn check_next(
        &self,
        number: u32,
        next: Suspension,
        courier: Option<PersonId>,
    ) -> Result<(), Refusal> {
        self.check(number, |before| next.is_repeat_of(before))?;
        let Suspension { suspended, proposed_by, approved_by, .. } = next;
        let before = self.latest().filter(|before| before.suspended);
        let suspender = before.filter(|_| !suspended).map(|before| before.proposed_by);
        let others: Vec<PersonId> = suspender.into_iter().chain(courier).collect();
        match approved_by {
            _ if courier == Some(proposed_by) => Err(Refusal::SamePerson),
            Some(second) => check_two_people(proposed_by, second, &others),
            None if suspended => Ok(()),
            None => Err(Refusal::SamePerson),
        }?;
        if suspended == before.is_some() { Err(Refusal::Repeated) } else { Ok(()) }
    }
}

impl Books {
    pub(crate) fn suspend_seller(
        &mut self,
        command: &SuspendSeller,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SuspendSeller { seller, number, suspended, proposed_by, approved_by } = *command;
        if self.any_account_of(seller).is_none() {
            return Err(Refusal::NotFound(MissingRecord::Seller(seller)));
        }
        let suspension = Suspension { suspended, proposed_by, approved_by, on: now.today };
        let before = self.reference_data.seller_suspensions.get(&seller);
        before.unwrap_or(&UsedNumbers::default()).check_next(number, suspension, None)?;
        self.reference_data.seller_suspensions.entry(seller).or_default().push(suspension);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn suspend_courier(
        &mut self,
        command: &SuspendCourier,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SuspendCourier { courier, number, suspended, proposed_by, approved_by } = *command;
        let place = self.courier_number(courier)?;
        let suspension = Suspension { suspended, proposed_by, approved_by, on: now.today };
        let suspensions = &self.couriers.get(place).suspensions;
        suspensions.check_next(number, suspension, Some(PersonId(courier.0)))?;
        self.couriers.get_mut(place).suspensions.push(suspension);
        out.events.push(Event::Registered);
        Ok(())
    }

    #[must_use]
    pub fn is_seller_suspended(&self, seller: SellerId) -> bool {
        self.seller_suspension(seller).is_some()
    }

    /// The suspension of a seller, if the seller is suspended.
    pub(crate) fn seller_suspension(&self, seller: SellerId) -> Option<StoppedParty> {
        let suspensions = self.reference_data.seller_suspensions.get(&seller)?;
        suspensions.latest().and_then(Suspension::stops)
    }

    /// Checks that a courier, by number, is not suspended.
    #[inline]
    pub(crate) fn check_not_suspended(&self, courier: u32) -> Result<(), Refusal> {
        let suspended = self.couriers.get(courier).is_suspended();
        if suspended { Err(Refusal::CourierSuspended) } else { Ok(()) }
    }
}

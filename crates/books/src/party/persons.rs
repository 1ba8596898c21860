//! Persons: who is registered, who can give a command, and when two people are two.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Actor, PersonRole, Timestamp};

use crate::books::{Books, Now, done_before, used_identifier};
use crate::command::{
    Command, GrantedRole, OpenBooks, RegisterPerson, RemovePerson, SetRefundLimit,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{CourierId, PersonId};
use crate::party::access::AccessChange;
use crate::reference_data::RefundLimit;
use crate::refusal::Refusal;
use crate::used_numbers::UsedNumbers;

/// The person who proposed and the person who approved.
pub(crate) type TwoPeople = (PersonId, PersonId);

/// Who is registered stays in the books, also when removed.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Person {
    pub id: PersonId,
    /// `None` for the first two persons, and for couriers.
    pub registered_by: Option<TwoPeople>,
    pub removed_by: Option<TwoPeople>,
    /// A courier, or who acts for a seller or a firm, whom two people have not registered as a
    /// person.
    pub decides_nothing: bool,
    pub grants: Vec<GrantedRole>,
    pub access_changes: UsedNumbers<AccessChange>,
    pub second_factor_resets: UsedNumbers<TwoPeople>,
}

/// Checks that a second person is neither the first nor one of the others who had a part in the
/// matter before.
pub(crate) fn check_two_people(
    first: PersonId,
    second: PersonId,
    others: &[PersonId],
) -> Result<(), Refusal> {
    let is_another = second != first && !others.contains(&second);
    if is_another { Ok(()) } else { Err(Refusal::SamePerson) }
}

/// Before the books are open nobody is registered: one of the first two persons opens them.
fn check_who_opens(actor: PersonId, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::OpenBooks(open) if ![open.first_person, open.second_person].contains(&actor) => {
            Err(Refusal::NotOneOfThePersons(actor))
        }
        _ => Ok(()),
    }
}

/// Whether a command says which persons give it.
fn names_givers(command: &Command) -> bool {
    let mut names = false;
    command.for_each_person(&mut |role, _| names |= role.gives());
    names
}

impl Books {
    /// Checks that the actor can give the command: a person is registered, and one of the persons
    /// who give it if it names them. A key is in force, and counts as its person.
    ///
    /// # Errors
    /// [`Refusal::PersonNotRegistered`], [`Refusal::NotOneOfThePersons`],
    /// [`Refusal::KeyNotInForce`] or [`Refusal::KeyOfNoPerson`].
    pub fn check_actor(
        &self,
        actor: Actor,
        command: &Command,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let actor = match actor {
            Actor::Person(person) => person,
            Actor::Key(key) => match self.check_key(key, at)? {
                Some(person) => person,
                None if names_givers(command) => return Err(Refusal::KeyOfNoPerson(key)),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if self.reference_data.utc_offset_minutes.is_none() {
            return check_who_opens(actor, command);
        }
        self.check_person(actor)?;
        let (mut names_persons, mut is_one) = (false, false);
        command.for_each_person(&mut |role, person| {
            names_persons |= role.gives();
            is_one |= role.gives() && person == actor;
        });
        if is_one || !names_persons { Ok(()) } else { Err(Refusal::NotOneOfThePersons(actor)) }
    }

    /// Checks that each person whom a command names is registered. Whoever becomes a person, or is
    /// one no longer, is checked by the command's handler.
    #[inline]
    pub(crate) fn check_persons(&self, command: &Command) -> Result<(), Refusal> {
        let mut checked = Ok(());
        command.for_each_person(&mut |role, person| {
            if role != PersonRole::Subject && checked.is_ok() {
                checked = self.check_person(person);
            }
            if role == PersonRole::Decides && checked.is_ok() {
                checked = self.check_decides(person);
            }
        });
        checked
    }

    /// The registered persons, and whether each is removed.
    pub fn persons(&self) -> impl Iterator<Item = (PersonId, bool)> {
        self.persons.iter().map(|one| (one.id, one.removed_by.is_some()))
    }

    /// Whether the books are for trials. They were opened so.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.reference_data.trial
    }

    pub(crate) fn check_person(&self, id: PersonId) -> Result<(), Refusal> {
        let registered = self.persons.find(id).is_some_and(|one| one.removed_by.is_none());
        if registered { Ok(()) } else { Err(Refusal::PersonNotRegistered(id)) }
    }

    pub(crate) fn check_decides(&self, id: PersonId) -> Result<(), Refusal> {
        let decides_nothing = self.persons.find(id).is_some_and(|one| one.decides_nothing);
        if decides_nothing { Err(Refusal::OnlyCourier(id)) } else { Ok(()) }
    }

    /// Checks that a courier is not removed as a person.
    pub(crate) fn check_working(&self, courier: CourierId) -> Result<(), Refusal> {
        self.check_person(PersonId(courier.0))
    }

    /// Checks that a courier can be a person: a new one, or one who is registered.
    pub(crate) fn check_new_courier(&self, courier: CourierId) -> Result<(), Refusal> {
        let id = PersonId(courier.0);
        if id == PersonId(0) || self.persons.find(id).is_some() {
            return self.check_person(id);
        }
        Ok(())
    }

    /// Adds the person that a courier, who was checked, is.
    pub(crate) fn add_courier_person(&mut self, courier: CourierId) {
        let id = PersonId(courier.0);
        if self.persons.find(id).is_none() {
            self.persons.add(Person { id, decides_nothing: true, ..Person::default() });
        }
    }

    /// Checks the two persons who open the books.
    pub(crate) fn check_first_persons(open: &OpenBooks) -> Result<(), Refusal> {
        let (first, second) = (open.first_person, open.second_person);
        if first == PersonId(0) || second == PersonId(0) {
            return Err(Refusal::PersonNotRegistered(PersonId(0)));
        }
        check_two_people(first, second, &[])
    }

    pub(crate) fn register_person(
        &mut self,
        command: &RegisterPerson,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterPerson { person: id, proposed_by, approved_by } = *command;
        check_two_people(proposed_by, approved_by, &[])?;
        if id == PersonId(0) {
            return Err(Refusal::PersonNotRegistered(id));
        }
        let registered_by = Some((proposed_by, approved_by));
        let decided_nothing = |one: &Person| one.decides_nothing && one.removed_by.is_none();
        match self.persons.number(id) {
            Some(place) if decided_nothing(self.persons.get(place)) => {
                let known = self.persons.get_mut(place);
                (known.registered_by, known.decides_nothing) = (registered_by, false);
            }
            Some(place) if self.persons.get(place).removed_by.is_some() => {
                return Err(Refusal::PersonRemoved(id));
            }
            Some(place) => {
                let same = self.persons.get(place).registered_by == registered_by;
                return Err(used_identifier(same));
            }
            None => {
                self.persons.add(Person { id, registered_by, ..Person::default() });
            }
        }
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn remove_person(
        &mut self,
        command: &RemovePerson,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RemovePerson { person: id, proposed_by, approved_by } = *command;
        check_two_people(id, proposed_by, &[])?;
        check_two_people(proposed_by, approved_by, &[id])?;
        let number = self.persons.number(id).ok_or(Refusal::PersonNotRegistered(id))?;
        let removed_by = Some((proposed_by, approved_by));
        if let before @ Some(_) = self.persons.get(number).removed_by {
            return Err(done_before(before == removed_by));
        }
        self.check_other_administrator(id)?;
        self.persons.get_mut(number).removed_by = removed_by;
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn set_refund_limit(
        &mut self,
        command: &SetRefundLimit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetRefundLimit { currency, number, limit, proposed_by, approved_by } = *command;
        check_two_people(proposed_by, approved_by, &[])?;
        let place = self.currency_index(currency)?;
        let setting = RefundLimit { limit, decided_by: (proposed_by, approved_by) };
        let before = self.reference_data.refund_limits.get(&place);
        before.unwrap_or(&UsedNumbers::default()).check(number, |before| *before == setting)?;
        self.reference_data.refund_limits.entry(place).or_default().push(setting);
        out.events.push(Event::Registered);
        Ok(())
    }
}

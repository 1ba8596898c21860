//! The model: persons, and what two of them decide.

use books::*;

use money::Currency;

use super::{Model, ModelRefusal, ModelResult, Numbered, ensure};

impl Model {
    pub fn apply_person_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by }) => {
                self.register_person(person, [proposed_by, approved_by], command)
            }
            Command::RemovePerson(RemovePerson { person, proposed_by, approved_by }) => {
                self.remove_person(person, [proposed_by, approved_by], command)
            }
            Command::SetRefundLimit(SetRefundLimit {
                currency,
                number,
                proposed_by,
                approved_by,
                ..
            }) => are_different(&[proposed_by, approved_by])
                .and_then(|()| self.has_accounts(currency))
                .and_then(|()| self.next_number(Numbered::RefundLimits(currency), number, command))
                .map(|()| self.use_number(Numbered::RefundLimits(currency), command)),
            _ => return None,
        };
        Some(done.and_then(|()| self.push_event(Event::Registered)))
    }

    /// Two different persons open the books, and neither is nobody.
    pub fn open_with(&mut self, first: PersonId, second: PersonId) -> ModelResult {
        are_different(&[first, second, PersonId(0)])?;
        self.persons.extend([(first, true), (second, true)]);
        self.first_persons = vec![first, second];
        Ok(())
    }

    /// Everybody who does something by the command, or owns something by it, is somebody.
    pub fn knows_everybody(&self, command: &Command) -> ModelResult {
        let json = serde_json::to_value(command).expect("a command is JSON");
        let fields = json.as_object().expect("with fields");
        for (field, value) in fields {
            if field.ends_with("_by") || field == "supervisor" || field == "owner" {
                // The party that pays for damage is no person.
                let Some(Ok(person)) = value.as_str().map(str::parse) else { continue };
                self.is_here(PersonId(person))?;
                let acts = ["owner", "cancelled_by", "taken_by"].contains(&field.as_str());
                let decides = acts || !self.only_couriers.contains(&PersonId(person));
                ensure(decides, "a courier whom two people did not register")?;
            }
        }
        Ok(())
    }

    /// How much of a payment one person can refund, as it was set last.
    pub fn refund_limit(&self, currency: Currency) -> Option<u64> {
        match self.all_of(Numbered::RefundLimits(currency)).last() {
            Some(Command::SetRefundLimit(last)) => Some(last.limit.minor()),
            _ => None,
        }
    }

    /// Whether a person was registered and not removed.
    pub fn is_here(&self, person: PersonId) -> ModelResult {
        ensure(self.persons.get(&person) == Some(&true), "nobody by that id")
    }

    fn register_person(
        &mut self,
        person: PersonId,
        by: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        are_different(&by)?;
        ensure(person != PersonId(0), "nobody is not a person")?;
        if self.persons.get(&person) == Some(&true) && self.only_couriers.remove(&person) {
            return Ok(());
        }
        if self.persons.contains_key(&person) {
            ensure(self.persons[&person], "removed for ever")?;
            return self.only_repeats(self.was_carried_out(command));
        }
        self.persons.insert(person, true);
        Ok(())
    }

    fn remove_person(
        &mut self,
        person: PersonId,
        [one, other]: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        are_different(&[one, other, person])?;
        let leaves = self.leaves_administrator(person);
        match self.persons.insert(person, false) {
            Some(true) => leaves,
            Some(false) => self.only_repeats(self.was_carried_out(command)),
            None => Err(ModelRefusal::Because("nobody by that id")),
        }
    }

    /// A courier is a person, who was perhaps one before.
    pub fn courier_is_person(&mut self, courier: CourierId) -> ModelResult {
        let person = PersonId(courier.0);
        ensure(person != PersonId(0), "nobody is not a courier")?;
        let known = self.persons.insert(person, true);
        if known.is_none() {
            self.only_couriers.insert(person);
        }
        ensure(known != Some(false), "was removed")
    }
}

/// No two of them are the same person.
pub fn are_different(persons: &[PersonId]) -> ModelResult {
    let mut seen = Vec::new();
    for person in persons {
        ensure(!seen.contains(person), "the same person twice")?;
        seen.push(*person);
    }
    Ok(())
}

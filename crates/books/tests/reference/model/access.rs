//! The model: roles, keys, and what happened at the sign-in. Grants are the commands that gave
//! them.

use books::*;

use super::{Model, ModelRefusal, ModelResult, Numbered, are_different, ensure};

const DAY: u64 = 24 * 3_600_000;

impl Model {
    pub fn apply_access_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::GrantAccess(one) => self.grant_access(one, command),
            Command::RevokeAccess(one) => self.revoke_access(one, command),
            Command::IssueApiKey(one) => self.issue_key(one, command),
            Command::RevokeApiKey(one) => self.revoke_key(one, command),
            Command::RecordAccessEvent(one) => {
                let what = Numbered::AccessEvents;
                let known = one.person.is_none_or(|person| self.persons.contains_key(&person));
                self.next_number(what, one.number, command)
                    .and_then(|()| ensure(known, "nobody by that id"))
                    .map(|()| self.use_number(what, command))
            }
            Command::ResetSecondFactor(one) => {
                let what = Numbered::FactorResets(one.person);
                self.next_number(what, one.number, command)
                    .and_then(|()| are_different(&[one.person, one.proposed_by, one.approved_by]))
                    .and_then(|()| self.administrates(one.approved_by))
                    .and_then(|()| self.is_here(one.person))
                    .map(|()| self.use_number(what, command))
            }
            _ => return None,
        };
        Some(done.and_then(|()| self.push_event(Event::Registered)))
    }

    /// The roles that a person has: granted, and not revoked since.
    pub fn roles_of(&self, person: PersonId) -> Vec<GrantedRole> {
        let mut roles = Vec::new();
        if self.first_persons.contains(&person) {
            roles.extend([GrantedRole::Administrator, GrantedRole::Operator, GrantedRole::Finance]);
        }
        for change in self.all_of(Numbered::AccessChanges(person)) {
            match change {
                Command::GrantAccess(one) => roles.push(one.grant),
                Command::RevokeAccess(one) => roles.retain(|role| *role != one.grant),
                _ => unreachable!("only these have its numbers"),
            }
        }
        roles
    }

    fn has_role(&self, person: PersonId, role: GrantedRole) -> bool {
        self.is_here(person).is_ok() && self.roles_of(person).contains(&role)
    }

    fn administrates(&self, person: PersonId) -> ModelResult {
        ensure(self.has_role(person, GrantedRole::Administrator), "no administrator")
    }

    /// Somebody else administrates, if this person does.
    pub fn leaves_administrator(&self, gone: PersonId) -> ModelResult {
        let mut here = self.persons.keys().filter(|one| self.administrates(**one).is_ok());
        let other = here.any(|one| *one != gone);
        ensure(other || self.administrates(gone).is_err(), "the last administrator")
    }

    fn is_covered(&self, role: GrantedRole) -> ModelResult {
        let known = match role {
            GrantedRole::Seller(seller) => self.sellers.keys().any(|(one, _)| *one == seller),
            GrantedRole::Firm(firm) => self.firms.contains_key(&firm),
            _ => true,
        };
        ensure(known, "nobody whom the role covers")
    }

    fn grant_access(&mut self, one: &GrantAccess, command: &Command) -> ModelResult {
        let GrantAccess { person, number, grant, proposed_by, approved_by } = *one;
        ensure(person != PersonId(0), "nobody is not a person")?;
        let what = Numbered::AccessChanges(person);
        self.next_number(what, number, command)?;
        are_different(&[person, proposed_by, approved_by])?;
        self.administrates(approved_by)?;
        self.is_covered(grant)?;
        match grant {
            GrantedRole::Seller(_) | GrantedRole::Firm(_) => {
                let removed = self.persons.get(&person) == Some(&false);
                ensure(!removed, "removed for ever")?;
            }
            GrantedRole::Courier => {
                ensure(self.couriers.contains_key(&CourierId(person.0)), "no courier")?;
                self.is_here(person)?;
            }
            _ => {
                self.is_here(person)?;
                ensure(!self.only_couriers.contains(&person), "decides nothing")?;
            }
        }
        let roles = self.roles_of(person);
        self.only_changes(!roles.contains(&grant))?;
        ensure(roles.len() < usize::from(GRANTS_PER_PERSON_MAX), "too many roles")?;
        if self.persons.insert(person, true).is_none() {
            self.only_couriers.insert(person);
        }
        self.use_number(what, command);
        Ok(())
    }

    fn revoke_access(&mut self, one: &RevokeAccess, command: &Command) -> ModelResult {
        let RevokeAccess { person, number, grant, revoked_by } = *one;
        ensure(self.persons.contains_key(&person), "nobody by that id")?;
        let what = Numbered::AccessChanges(person);
        self.next_number(what, number, command)?;
        self.administrates(revoked_by)?;
        self.only_changes(self.roles_of(person).contains(&grant))?;
        if grant == GrantedRole::Administrator {
            self.leaves_administrator(person)?;
        }
        self.use_number(what, command);
        Ok(())
    }

    /// What changes nothing was carried out before, as far as anyone can see.
    fn only_changes(&self, changes: bool) -> ModelResult {
        if changes { Ok(()) } else { Err(ModelRefusal::Repeated) }
    }

    fn issue_key(&mut self, one: &IssueApiKey, command: &Command) -> ModelResult {
        if let Some(before) = self.keys.get(&one.key) {
            return self.only_repeats(&before.0 == command);
        }
        ensure(one.key != ApiKeyId(0), "no key has this id")?;
        are_different(&[one.proposed_by, one.approved_by])?;
        ensure(one.person != Some(one.approved_by), "for themselves")?;
        self.administrates(one.approved_by)?;
        match one.person {
            Some(person) => {
                self.is_here(person)?;
                let roles = self.roles_of(person);
                let mut seen = Vec::new();
                for grant in &one.grants {
                    ensure(roles.contains(grant) && !seen.contains(grant), "not the person's")?;
                    seen.push(*grant);
                }
                ensure(!seen.is_empty(), "no role")?;
            }
            None => {
                ensure(one.grants.len() == 1, "one seller or one firm")?;
                let covers = matches!(one.grants[0], GrantedRole::Seller(_) | GrantedRole::Firm(_));
                ensure(covers, "one seller or one firm")?;
                self.is_covered(one.grants[0])?;
            }
        }
        let (from, until) = (self.now.0, one.until.0);
        let longest = from + u64::from(API_KEY_DAYS_MAX) * DAY;
        ensure(until > from && until <= longest, "expires too early or too late")?;
        self.keys.insert(one.key, (command.clone(), None));
        Ok(())
    }

    fn revoke_key(&mut self, one: &RevokeApiKey, command: &Command) -> ModelResult {
        let Some((issued, revoked)) = self.keys.get(&one.key) else {
            return Err(ModelRefusal::Because("no such key"));
        };
        if let Some(before) = revoked {
            return self.only_repeats(before == command);
        }
        let Command::IssueApiKey(issued) = issued else { unreachable!("it was issued") };
        if issued.person != Some(one.revoked_by) {
            self.administrates(one.revoked_by)?;
        }
        if let Some(key) = self.keys.get_mut(&one.key) {
            key.1 = Some(command.clone());
        }
        Ok(())
    }

    /// Who a key is at a time: nobody if it is not in force, or its person, or no person.
    pub fn holder(&self, key: ApiKeyId, at: Timestamp) -> Option<Option<PersonId>> {
        let (Command::IssueApiKey(issued), None) = self.keys.get(&key)? else { return None };
        let here = issued.person.is_none_or(|person| self.is_here(person).is_ok());
        (here && at < issued.until).then_some(issued.person)
    }
}

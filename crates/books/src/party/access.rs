//! Who may do what: the grants of persons, and keys of the API. The books have no secret.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use machine::{ApiKeyId, DAY_MS, Timestamp};

use crate::books::{Books, Now, done_before, used_identifier};
use crate::command::{
    API_KEY_DAYS_MAX, API_KEYS_MAX, GRANTS_PER_PERSON_MAX, GrantAccess, GrantedRole, IssueApiKey,
    RecordAccessEvent, ResetSecondFactor, RevokeAccess, RevokeApiKey,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{CourierId, PersonId, SellerId};
use crate::party::persons::{Person, TwoPeople, check_two_people};
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::UsedNumbers;

/// Roles of the first two persons of new books.
pub(crate) const FIRST_GRANTS: [GrantedRole; 3] =
    [GrantedRole::Administrator, GrantedRole::Operator, GrantedRole::Finance];

/// A grant, or its end, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct AccessChange {
    pub grant: GrantedRole,
    pub decided: AccessDecision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum AccessDecision {
    Granted(TwoPeople),
    Revoked(PersonId),
}

/// A key of the API as it was issued. Its id is never used again.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ApiKey {
    pub issued: IssueApiKey,
    pub revoked_by: Option<PersonId>,
}

/// What the books know of keys and sign-ins.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct AccessTables {
    pub api_keys: BTreeMap<ApiKeyId, ApiKey>,
    pub events: UsedNumbers<RecordAccessEvent>,
}

/// A key of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    /// `None` if a seller or a firm has the key: the only grant names it.
    pub person: Option<PersonId>,
    pub grants: Vec<GrantedRole>,
    pub until: Timestamp,
    pub revoked: bool,
    /// Neither revoked nor expired, and its person is not removed.
    pub in_force: bool,
}

impl Books {
    /// The grants of a person. `None` if the person is not registered, or removed.
    #[must_use]
    pub fn grants_of(&self, person: PersonId) -> Option<&[GrantedRole]> {
        let known = self.persons.find(person).filter(|one| one.removed_by.is_none())?;
        Some(&known.grants)
    }

    /// The grants with which a key acts at a time: those that it was issued with and that its
    /// person still has. `None` if it is not in force.
    #[must_use]
    pub fn grants_of_key(&self, key: ApiKeyId, at: Timestamp) -> Option<Vec<GrantedRole>> {
        let issued = &self.key_in_force(key, at).ok()?.issued;
        let still = |grant: &&GrantedRole| match issued.person {
            Some(person) => self.grants_of(person).is_some_and(|all| all.contains(grant)),
            None => true,
        };
        Some(issued.grants.iter().filter(still).copied().collect())
    }

    /// Who has a key that is in force. `None` also if a seller or a firm has it.
    #[must_use]
    pub fn person_of_key(&self, key: ApiKeyId, at: Timestamp) -> Option<PersonId> {
        self.check_key(key, at).ok().flatten()
    }

    /// All keys that were ever issued, by id.
    pub fn api_keys(&self, at: Timestamp) -> impl Iterator<Item = ApiKeyView> {
        let keys = self.reference_data.access.api_keys.iter();
        keys.map(move |(id, key)| self.api_key_view(*id, key, at))
    }

    /// A key that was ever issued.
    #[must_use]
    pub fn api_key(&self, id: ApiKeyId, at: Timestamp) -> Option<ApiKeyView> {
        let key = self.reference_data.access.api_keys.get(&id)?;
        Some(self.api_key_view(id, key, at))
    }

    fn api_key_view(&self, id: ApiKeyId, key: &ApiKey, at: Timestamp) -> ApiKeyView {
        ApiKeyView {
            id,
            person: key.issued.person,
            grants: key.issued.grants.clone(),
            until: key.issued.until,
            revoked: key.revoked_by.is_some(),
            in_force: self.key_in_force(id, at).is_ok(),
        }
    }

    /// How often the second factor of a person was reset.
    #[must_use]
    pub fn second_factor_resets(&self, person: PersonId) -> u32 {
        self.persons.find(person).map_or(0, |one| one.second_factor_resets.last())
    }

    /// How many events of sign-ins are recorded.
    #[must_use]
    pub fn access_events(&self) -> u32 {
        self.reference_data.access.events.last()
    }

    /// Checks that a key acts at a time, and returns who has it.
    pub(crate) fn check_key(
        &self,
        key: ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<PersonId>, Refusal> {
        Ok(self.key_in_force(key, at)?.issued.person)
    }

    fn key_in_force(&self, id: ApiKeyId, at: Timestamp) -> Result<&ApiKey, Refusal> {
        let key = self.reference_data.access.api_keys.get(&id);
        let key = key.filter(|key| key.revoked_by.is_none() && at < key.issued.until);
        let person_is_here = |key: &&ApiKey| match key.issued.person {
            Some(person) => self.grants_of(person).is_some(),
            None => true,
        };
        key.filter(person_is_here).ok_or(Refusal::KeyNotInForce(id))
    }

    fn is_administrator(&self, person: PersonId) -> bool {
        self.grants_of(person).is_some_and(|all| all.contains(&GrantedRole::Administrator))
    }

    fn check_administrator(&self, person: PersonId) -> Result<(), Refusal> {
        let administrates = self.is_administrator(person);
        if administrates { Ok(()) } else { Err(Refusal::NotAdministrator(person)) }
    }

    /// Checks that the books have an administrator beside one who goes.
    pub(crate) fn check_other_administrator(&self, gone: PersonId) -> Result<(), Refusal> {
        let other = |one: &Person| one.id != gone && self.is_administrator(one.id);
        let stays = !self.is_administrator(gone) || self.persons.iter().any(other);
        if stays { Ok(()) } else { Err(Refusal::LastAdministrator) }
    }

    /// Whether the open books have an administrator, without whom nobody would be granted anything.
    pub(crate) fn has_administrator(&self) -> bool {
        self.persons.iter().any(|one| self.is_administrator(one.id))
    }

    /// Checks that whom a role covers is known.
    fn check_covered(&self, grant: GrantedRole) -> Result<(), Refusal> {
        match grant {
            GrantedRole::Seller(seller) => self.check_seller(seller),
            GrantedRole::Firm(firm) => match self.firms.find(firm) {
                Some(_) => Ok(()),
                None => Err(Refusal::NotFound(MissingRecord::Firm(firm))),
            },
            _ => Ok(()),
        }
    }

    fn check_seller(&self, seller: SellerId) -> Result<(), Refusal> {
        let known = self.any_account_of(seller).is_some();
        if known { Ok(()) } else { Err(Refusal::NotFound(MissingRecord::Seller(seller))) }
    }

    /// Checks that a person can have a role. Who acts for a seller or a firm need not be registered
    /// before.
    fn check_can_have(&self, person: PersonId, grant: GrantedRole) -> Result<(), Refusal> {
        self.check_covered(grant)?;
        match grant {
            GrantedRole::Seller(_) | GrantedRole::Firm(_) => match self.persons.find(person) {
                Some(_) => self.check_person(person),
                None => Ok(()),
            },
            GrantedRole::Courier => {
                self.courier_number(CourierId(person.0))?;
                self.check_person(person)
            }
            _ => self.check_person(person).and_then(|()| self.check_decides(person)),
        }
    }

    pub(crate) fn grant_access(
        &mut self,
        command: &GrantAccess,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let GrantAccess { person, number, grant, proposed_by, approved_by } = *command;
        if person == PersonId(0) {
            return Err(Refusal::PersonNotRegistered(person));
        }
        let decided = AccessDecision::Granted((proposed_by, approved_by));
        let change = AccessChange { grant, decided };
        let known = self.persons.find(person);
        let changes = known.map(|one| one.access_changes.clone()).unwrap_or_default();
        changes.check(number, |before| *before == change)?;
        check_two_people(person, proposed_by, &[])?;
        check_two_people(proposed_by, approved_by, &[person])?;
        self.check_administrator(approved_by)?;
        self.check_can_have(person, grant)?;
        let grants = self.grants_of(person).unwrap_or_default();
        if grants.contains(&grant) {
            return Err(Refusal::Repeated);
        }
        if grants.len() >= usize::from(GRANTS_PER_PERSON_MAX) {
            return Err(Refusal::TooMany(GRANTS_PER_PERSON_MAX));
        }
        let place = self.persons.number(person).unwrap_or_else(|| {
            let registered_by = Some((proposed_by, approved_by));
            let outside = Person { registered_by, decides_nothing: true, ..Person::default() };
            self.persons.add(Person { id: person, ..outside })
        });
        let known = self.persons.get_mut(place);
        known.grants.push(grant);
        known.access_changes.push(change);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn revoke_access(
        &mut self,
        command: &RevokeAccess,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RevokeAccess { person, number, grant, revoked_by } = *command;
        let place = self.persons.number(person).ok_or(Refusal::PersonNotRegistered(person))?;
        let change = AccessChange { grant, decided: AccessDecision::Revoked(revoked_by) };
        let known = self.persons.get(place);
        known.access_changes.check(number, |before| *before == change)?;
        self.check_administrator(revoked_by)?;
        if !known.grants.contains(&grant) {
            return Err(Refusal::Repeated);
        }
        if grant == GrantedRole::Administrator {
            self.check_other_administrator(person)?;
        }
        let known = self.persons.get_mut(place);
        known.grants.retain(|one| *one != grant);
        known.access_changes.push(change);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn issue_api_key(
        &mut self,
        command: &IssueApiKey,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let IssueApiKey { key, person, ref grants, until, proposed_by, approved_by } = *command;
        let keys = &self.reference_data.access.api_keys;
        if let Some(before) = keys.get(&key) {
            return Err(used_identifier(before.issued == *command));
        }
        if key == ApiKeyId(0) {
            return Err(Refusal::KeyNotInForce(key));
        }
        let holder: Vec<PersonId> = person.into_iter().collect();
        check_two_people(proposed_by, approved_by, &holder)?;
        self.check_administrator(approved_by)?;
        self.check_key_grants(person, grants)?;
        let longest = now.at.plus_ms(u64::from(API_KEY_DAYS_MAX) * DAY_MS);
        if until <= now.at || until > longest {
            return Err(Refusal::KeyTime);
        }
        if keys.len() >= API_KEYS_MAX {
            return Err(Refusal::TooManyKeys);
        }
        let issued = ApiKey { issued: command.clone(), revoked_by: None };
        self.reference_data.access.api_keys.insert(key, issued);
        out.events.push(Event::Registered);
        Ok(())
    }

    /// A person's key has some of the person's grants. Another one has one seller or one firm.
    fn check_key_grants(
        &self,
        person: Option<PersonId>,
        grants: &[GrantedRole],
    ) -> Result<(), Refusal> {
        let fits = match (person, grants) {
            (Some(person), grants) => {
                self.check_person(person)?;
                let has = self.grants_of(person).unwrap_or_default();
                let once = |place: usize| !grants[..place].contains(&grants[place]);
                let all = grants.iter().all(|one| has.contains(one));
                !grants.is_empty() && all && (0..grants.len()).all(once)
            }
            (None, [one @ (GrantedRole::Seller(_) | GrantedRole::Firm(_))]) => {
                self.check_covered(*one)?;
                true
            }
            (None, _) => false,
        };
        if fits { Ok(()) } else { Err(Refusal::KeyGrants) }
    }

    pub(crate) fn revoke_api_key(
        &mut self,
        command: &RevokeApiKey,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RevokeApiKey { key: id, revoked_by } = *command;
        let key = self.reference_data.access.api_keys.get(&id);
        let key = key.ok_or(Refusal::KeyNotInForce(id))?;
        if let before @ Some(_) = key.revoked_by {
            return Err(done_before(before == Some(revoked_by)));
        }
        if key.issued.person != Some(revoked_by) {
            self.check_administrator(revoked_by)?;
        }
        if let Some(key) = self.reference_data.access.api_keys.get_mut(&id) {
            key.revoked_by = Some(revoked_by);
        }
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn record_access_event(
        &mut self,
        command: &RecordAccessEvent,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let events = &self.reference_data.access.events;
        events.check(command.number, |before| before == command)?;
        let unknown = command.person.filter(|person| self.persons.find(*person).is_none());
        if let Some(person) = unknown {
            return Err(Refusal::PersonNotRegistered(person));
        }
        self.reference_data.access.events.push(command.clone());
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn reset_second_factor(
        &mut self,
        command: &ResetSecondFactor,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResetSecondFactor { person, number, proposed_by, approved_by } = *command;
        let place = self.persons.number(person).ok_or(Refusal::PersonNotRegistered(person))?;
        let by = (proposed_by, approved_by);
        self.persons.get(place).second_factor_resets.check(number, |before| *before == by)?;
        check_two_people(person, proposed_by, &[])?;
        check_two_people(proposed_by, approved_by, &[person])?;
        self.check_administrator(approved_by)?;
        self.check_person(person)?;
        self.persons.get_mut(place).second_factor_resets.push(by);
        out.events.push(Event::Registered);
        Ok(())
    }
}

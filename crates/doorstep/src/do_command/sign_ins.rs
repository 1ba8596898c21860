//! `doorstep user` and `doorstep api-key`: sign-ins and secrets, which the owner of the data
//! directory makes. Roles and keys themselves are commands of the books.

use access::{AccessBooks, AccessStore, IdentitiesAfterReset, LinkedIdentity, NewSignIn};
use anyhow::{Context, bail};
use books::{ApiKeyId, GrantedRole, PersonId, Timestamp};
use node::{Clock, SystemClock};
use office::Persons;
use qr::Background;
use serde_json::{Value, json};

use super::Flags;
use crate::data_directory::read_at_head;
use crate::office_requests::check_owner;
use crate::serve::settings;
use crate::texts::{entry, fill, filled, text};
use crate::words::{Lang, left, say};

/// A group, an act that is no command of the books, and the text that says what it does.
pub(super) const OWN_ACTS: [(&str, &str, &str); 9] = [
    ("user", "init", "do.user_init"),
    ("user", "add", "do.user_add"),
    ("user", "list", "do.user_list"),
    ("user", "sessions", "do.user_sessions"),
    ("user", "end-session", "do.user_end_session"),
    ("user", "link", "do.user_link"),
    ("user", "unlink", "do.user_unlink"),
    ("api-key", "list", "do.api_key_list"),
    ("api-key", "secret", "do.api_key_secret"),
];

/// The group's text with its own acts.
fn help_of(group: &str) -> &'static str {
    match group {
        "user" => "do.user_help",
        _ => "do.api_key_help",
    }
}

/// An issuer for apps that show codes.
const ISSUER: &str = "Doorstep";

/// A second factor for an app.
pub fn factor_uri(name: &str, factor: &str) -> String {
    format!("otpauth://totp/{ISSUER}:{name}?secret={factor}&issuer={ISSUER}")
}

/// What one act needs.
struct Counter {
    store: AccessStore,
    persons: Persons,
    /// The registered persons who have a role, with their roles.
    roles: Vec<(PersonId, Vec<GrantedRole>)>,
    first: Vec<PersonId>,
    keys: Vec<books::ApiKeyView>,
    now: Timestamp,
    json: bool,
}

pub(super) fn run(group: &str, act: &str, flags: &Flags, help: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    if help || flags.help {
        say!("{}", text(lang, help_of(group)));
        return Ok(());
    }
    let mut given = flags.fields()?;
    let mut taken =
        |name: &str| given.remove(name).and_then(|text| text.as_str().map(str::to_owned));
    let (name, number) = (taken("name"), taken("number"));
    let identity = match (taken("issuer"), taken("subject")) {
        (None, None) => None,
        (Some(issuer), Some(subject)) => Some(LinkedIdentity { issuer, subject }),
        _ => bail!(text(lang, help_of(group))),
    };
    let after_reset = match taken("identities").as_deref() {
        None => None,
        Some("keep") => Some(IdentitiesAfterReset::Keep),
        Some("remove") => Some(IdentitiesAfterReset::Remove),
        Some(_) => bail!(text(lang, help_of(group))),
    };
    let subject = flags.subjects.first().map(String::as_str);
    if after_reset.is_some() && act != "add" || !given.is_empty() || flags.subjects.len() > 1 {
        bail!(text(lang, help_of(group)));
    }
    let counter = Counter::open(flags)?;
    if let Some(identity) = identity {
        return match (act, subject, name, number) {
            ("link", Some(who), None, None) => counter.link(who, &identity),
            ("unlink", Some(who), None, None) => counter.unlink(who, &identity),
            _ => bail!(text(lang, help_of(group))),
        };
    }
    match (act, subject, name, number) {
        ("init", None, None, None) => counter.init(),
        ("add", Some(who), Some(name), None) => counter.add(who, &name, after_reset),
        ("list", None, None, None) if group == "user" => counter.list(),
        ("list", None, None, None) => counter.list_keys(),
        ("sessions", Some(who), None, None) => counter.sessions(who),
        ("end-session", Some(who), None, Some(number)) => counter.end_session(who, &number),
        ("secret", Some(key), None, None) => counter.secret(key),
        _ => bail!(text(lang, help_of(group))),
    }
}

impl Counter {
    fn open(flags: &Flags) -> anyhow::Result<Counter> {
        let data = flags.data()?;
        check_owner(&data)?;
        let engine = read_at_head(&data)?.engine;
        let key = match &flags.config {
            Some(config) => settings::office_keys(config)?.0.vault.key,
            None => None,
        };
        let (books, now) = (engine.books(), SystemClock.now());
        let roles = books.persons().filter(|(_, removed)| !removed);
        let roles = roles.filter_map(|(person, _)| {
            let roles = books.grants_of(person)?.to_vec();
            (!roles.is_empty()).then_some((person, roles))
        });
        let roles = roles.collect();
        let first = books.persons().take(2).map(|(person, _)| person).collect();
        let keys = books.api_keys(now).collect();
        let persons = Persons::read(&data)?;
        let store = AccessStore::open(&data, key, Box::new(engine) as Box<dyn AccessBooks>)?;
        Ok(Counter { store, persons, roles, first, keys, now, json: flags.json })
    }

    fn person(&self, who: &str) -> anyhow::Result<PersonId> {
        Ok(self.persons.find(who)?)
    }

    /// The sign-ins of the first two persons, once.
    fn init(&self) -> anyhow::Result<()> {
        let mut made = Vec::new();
        for person in &self.first {
            let name = format!("person-{person}");
            let new = self.store.add_sign_in(*person, &name, None, self.now)?;
            made.push((*person, name, new));
        }
        self.print_new(&made)
    }

    fn add(
        &self,
        who: &str,
        name: &str,
        linked: Option<IdentitiesAfterReset>,
    ) -> anyhow::Result<()> {
        let person = self.person(who)?;
        let new = self.store.add_sign_in(person, name, linked, self.now)?;
        self.print_new(&[(person, name.to_ascii_lowercase(), new)])
    }

    fn print_new(&self, made: &[(PersonId, String, NewSignIn)]) -> anyhow::Result<()> {
        let lang = Lang::current();
        let uri = |name: &str, new: &NewSignIn| factor_uri(name, &new.factor);
        if self.json {
            let shown = made.iter().map(|(person, name, new)| {
                json!({
                    "person": person.to_string(),
                    "name": name,
                    "setting_secret": new.setting_secret,
                    "second_factor": uri(name, new),
                    "until": new.until.0,
                })
            });
            say!("{}", json!({ "sign_ins": shown.collect::<Vec<_>>() }));
            return Ok(());
        }
        for (person, name, new) in made {
            let (shown, uri) = (self.persons.shown(*person), uri(name, new));
            let values: [(&str, &dyn std::fmt::Display); 4] = [
                ("person", &shown),
                ("name", name),
                ("secret", &new.setting_secret),
                ("uri", &uri),
            ];
            say!("{}", filled(lang, "do.new_sign_in", &values));
            say!("{}", qr::render(&uri, Background::Dark)?.trim_end());
        }
        Ok(())
    }

    fn list(&self) -> anyhow::Result<()> {
        let lang = Lang::current();
        let sign_ins = self.store.sign_ins(self.now)?;
        let mut shown = Vec::new();
        for (person, roles) in &self.roles {
            let own = sign_ins.iter().find(|one| one.person == *person);
            let state = match own {
                None => "none",
                Some(own) if own.ready => "ready",
                Some(_) => "waits",
            };
            let name = own.map(|own| own.name.as_str());
            let identities = self.store.identities_of(*person)?;
            if self.json {
                let linked = identities
                    .iter()
                    .map(|(_, one)| json!({ "issuer": one.issuer, "subject": one.subject }));
                shown.push(json!({
                    "person": person.to_string(), "name": name, "state": state, "roles": roles,
                    "identities": linked.collect::<Vec<_>>(),
                }));
                continue;
            }
            let (who, roles) = (self.persons.shown(*person), words_of(roles, lang));
            let state = entry(lang, "do.sign_in", state).unwrap_or(state);
            say!(
                "{} {} {} {roles}",
                left(&who, 24),
                left(name.unwrap_or("-"), 16),
                left(state, 14)
            );
            for (_, LinkedIdentity { issuer, subject }) in identities {
                say!("  {issuer} {subject}");
            }
        }
        if self.json {
            say!("{}", json!({ "users": shown }));
        }
        Ok(())
    }

    fn list_keys(&self) -> anyhow::Result<()> {
        let lang = Lang::current();
        if self.json {
            let shown = self.keys.iter().map(|key| {
                json!({
                    "key": key.id.to_string(),
                    "person": key.person.map(|person| person.to_string()),
                    "roles": key.grants,
                    "until": key.until.0,
                    "in_force": key.in_force,
                })
            });
            say!("{}", json!({ "api_keys": shown.collect::<Vec<_>>() }));
            return Ok(());
        }
        for key in &self.keys {
            let who = key.person.map_or_else(|| "-".to_owned(), |one| self.persons.shown(one));
            let state = if key.in_force { "in_force" } else { "ended" };
            let state = entry(lang, "do.key_state", state).unwrap_or(state);
            let (id, roles) = (key.id.to_string(), words_of(&key.grants, lang));
            say!("{} {} {} {roles}", left(&id, 20), left(&who, 24), left(state, 10));
        }
        Ok(())
    }

    fn sessions(&self, who: &str) -> anyhow::Result<()> {
        let sessions = self.store.sessions_of(self.person(who)?, self.now)?;
        if self.json {
            let shown = sessions.iter().map(|one| {
                json!({
                    "number": one.number,
                    "begun_at": one.begun_at.0,
                    "used_at": one.used_at.0,
                    "address": one.address,
                })
            });
            say!("{}", json!({ "sessions": shown.collect::<Vec<_>>() }));
            return Ok(());
        }
        for one in sessions {
            let (number, begun) = (one.number.to_string(), utc(one.begun_at));
            say!("{} {begun}  {}  {}", left(&number, 8), utc(one.used_at), one.address);
        }
        Ok(())
    }

    fn end_session(&self, who: &str, number: &str) -> anyhow::Result<()> {
        let person = self.person(who)?;
        let parsed: u64 = number.parse().with_context(|| format!("--number {number}"))?;
        let ended = self.store.end_session(person, parsed)?;
        let key = if ended { "do.session_ended" } else { "do.no_session" };
        self.say_one(key, &[("number", &number)], json!({ "ended": ended }))
    }

    fn link(&self, who: &str, identity: &LinkedIdentity) -> anyhow::Result<()> {
        let person = self.person(who)?;
        self.store.link_identity(person, identity, self.now)?;
        self.say_one("do.linked", &[("person", &person)], json!({ "linked": true }))
    }

    fn unlink(&self, who: &str, identity: &LinkedIdentity) -> anyhow::Result<()> {
        let person = self.person(who)?;
        let gone = self.store.unlink_identity(person, identity)?;
        let key = if gone { "do.unlinked" } else { "do.not_linked" };
        self.say_one(key, &[("person", &person)], json!({ "unlinked": gone }))
    }

    fn secret(&self, key: &str) -> anyhow::Result<()> {
        let id: ApiKeyId = key.parse().with_context(|| key.to_owned())?;
        let secret = self.store.make_key_secret(id, self.now)?;
        let values: [(&str, &dyn std::fmt::Display); 2] = [("key", &id), ("secret", &secret)];
        let shown = json!({ "key": id.to_string(), "secret": secret });
        self.say_one("do.key_secret", &values, shown)
    }

    fn say_one(
        &self,
        key: &str,
        values: &[(&str, &dyn std::fmt::Display)],
        shown: Value,
    ) -> anyhow::Result<()> {
        match self.json {
            true => say!("{shown}"),
            false => say!("{}", filled(Lang::current(), key, values)),
        }
        Ok(())
    }
}

/// Roles in the words of the log.
fn words_of(roles: &[GrantedRole], lang: Lang) -> String {
    let words = |role: &GrantedRole| {
        let written = serde_json::to_value(role).unwrap_or_default();
        let covering = written.as_object().and_then(|fields| fields.iter().next());
        let (name, covered) = match covering {
            Some((name, of)) => (name.as_str(), of.as_str().unwrap_or_default()),
            None => (written.as_str().unwrap_or_default(), ""),
        };
        let words = entry(lang, "log.value.GrantedRole", name).unwrap_or(name);
        fill(words, &mut |_| covered.to_owned())
    };
    roles.iter().map(words).collect::<Vec<_>>().join(text(lang, "log.separator"))
}

fn utc(at: Timestamp) -> String {
    at.local(0).to_string()
}

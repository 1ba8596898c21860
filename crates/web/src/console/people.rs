//! People and keys: who may act as what, how each signs in, and which keys of the API there are. No
//! secret is shown: the store has none that could be.

use std::collections::BTreeMap;

use access::{
    AccessFunction, AccessScope, AccessStore, Assurance, KeySecretView, LinkedIdentity,
    PasskeyView, Principal, SessionView, SignInView,
};
use axum::http::StatusCode;
use axum::http::header;
use books::{ApiKeyId, ApiKeyView, CourierId, GrantedRole, PersonId};
use engine::Timestamp;
use office::{Persons, SignedInGiver};
use pages::forms::{NOTHING, number, time};
use pages::{
    ActLink, Cell, Link, OwnSignInLine, OwnSignInTable, PageWords, PersonPage, PortalPage,
    PortalTable, Tone, list_path, nav_groups,
};
use views::ViewSpec;

use super::act_table::{act_path, may, of_list, title};
use super::form::Form;
use super::frames::{frame, readable};
use super::rows::offset_at;
use super::second_factor::{check_csrf, factor_field, give_factor};
use super::{Visit, go_to, html};
use crate::app::HttpAnswer;
use crate::handlers::sessions::failed;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const PEOPLE: &str = "people";
/// Persons and keys on the page.
const SHOWN_MAX: usize = 1_000;
const ROLES: AccessFunction<'static> = AccessFunction::Read("roles");
const KEYS: AccessFunction<'static> = AccessFunction::Read("api-keys");
const SESSIONS: AccessFunction<'static> = AccessFunction::Read("sessions");
/// Ends sessions and removes identities of another person.
const REVOKE: &str = "RevokeAccess";

/// A person in the books.
struct KnownPerson {
    id: PersonId,
    name: Option<String>,
    is_courier: bool,
    removed: bool,
    grants: Vec<GrantedRole>,
}

/// What is known of all persons and keys.
struct Known {
    persons: Vec<KnownPerson>,
    keys: Vec<ApiKeyView>,
    /// What the sellers and firms of grants are called.
    parties: BTreeMap<GrantedRole, String>,
    sign_ins: Vec<SignInView>,
    sessions: BTreeMap<PersonId, (u32, Timestamp)>,
    secrets: Vec<KeySecretView>,
    offset_minutes: i16,
}

impl Known {
    fn read(giver: &SignedInGiver, store: &AccessStore, now: Timestamp) -> Result<Known, Problem> {
        let look = move |engine: &engine::Engine| {
            let books = engine.books();
            let persons = books.persons().map(|(id, removed)| {
                let grants = books.grants_of(id).unwrap_or_default().to_vec();
                // A courier has a reference in the books.
                let name = books.courier_reference(CourierId(id.0)).map(str::to_owned);
                KnownPerson { id, is_courier: name.is_some(), name, removed, grants }
            });
            let persons: Vec<_> = persons.take(SHOWN_MAX).collect();
            let keys: Vec<ApiKeyView> = books.api_keys(now).take(SHOWN_MAX).collect();
            let mut parties = BTreeMap::new();
            let of_persons = persons.iter().flat_map(|one| &one.grants);
            for grant in of_persons.chain(keys.iter().flat_map(|key| &key.grants)) {
                let name = match *grant {
                    GrantedRole::Seller(seller) => books.seller_reference(seller),
                    GrantedRole::Firm(firm) => books.firm_reference(firm),
                    _ => None,
                };
                if let Some(name) = name {
                    parties.insert(*grant, name.to_owned());
                }
            }
            (persons, keys, parties)
        };
        // What is shown is durable.
        let ((mut persons, keys, parties), _) =
            giver.client.query(look).map_err(Problem::internal)?;
        // Without the file everybody has an identifier only.
        let named = Persons::read(&giver.data).unwrap_or_default();
        for (person, name, _) in named.iter() {
            if let Some(one) = persons.iter_mut().find(|one| one.id == person) {
                one.name = name.map(str::to_owned).or(one.name.take());
            }
        }
        // Couriers without a role are many, and sign in nowhere.
        persons.sort_by_key(|one| one.is_courier && one.grants.is_empty());
        Ok(Known {
            persons,
            keys,
            parties,
            sign_ins: store.sign_ins(now).map_err(failed)?,
            sessions: store.open_sessions(now).map_err(failed)?,
            secrets: store.key_secrets().map_err(failed)?,
            offset_minutes: offset_at(giver, now.0.cast_signed())?,
        })
    }

    fn name(&self, person: PersonId) -> String {
        let known = self.persons.iter().find(|one| one.id == person);
        known.and_then(|one| one.name.clone()).unwrap_or_else(|| person.to_string())
    }
}

fn path_of(person: PersonId) -> String {
    Link::to(&list_path(PEOPLE)).part(&format!("per_{person}")).text()
}

/// The name of a grant in a form of a command, with the party that it names.
fn variant(grant: GrantedRole) -> (&'static str, Option<String>) {
    match grant {
        GrantedRole::Administrator => ("Administrator", None),
        GrantedRole::Operator => ("Operator", None),
        GrantedRole::Finance => ("Finance", None),
        GrantedRole::Auditor => ("Auditor", None),
        GrantedRole::Hub => ("Hub", None),
        GrantedRole::Courier => ("Courier", None),
        GrantedRole::Seller(seller) => ("Seller", Some(format!("sel_{seller}"))),
        GrantedRole::Firm(firm) => ("Firm", Some(format!("firm_{firm}"))),
    }
}

/// Makes the tables.
struct Shown<'s> {
    words: PageWords,
    principal: &'s Principal,
    known: &'s Known,
}

impl Shown<'_> {
    fn time(&self, at: Timestamp) -> String {
        time(self.words, at.0.cast_signed(), self.known.offset_minutes)
    }

    fn role(&self, grant: GrantedRole) -> String {
        let name = variant(grant).0.to_ascii_lowercase();
        let role = self.words.entry("role", &name).unwrap_or_default();
        match self.known.parties.get(&grant) {
            Some(party) => format!("{role}: {party}"),
            None => role.to_owned(),
        }
    }

    fn roles(&self, grants: &[GrantedRole]) -> String {
        let names: Vec<String> = grants.iter().map(|grant| self.role(*grant)).collect();
        if names.is_empty() { self.words.get("role.none").to_owned() } else { names.join(", ") }
    }

    fn sees(&self, function: AccessFunction<'_>) -> bool {
        self.principal.may(function) == AccessScope::All
    }

    fn sign_in_state(&self, own: Option<&SignInView>) -> Cell {
        let (tone, key) = match own {
            None => (Tone::End, "people.no_sign_in"),
            Some(own) if own.ready => (Tone::Done, "people.ready"),
            Some(_) => (Tone::Wait, "people.waits"),
        };
        Cell { tone: Some(tone), ..Cell::plain(self.words.get(key).to_owned()) }
    }

    fn factors(&self, own: Option<&SignInView>) -> Cell {
        let Some(own) = own else { return Cell::plain(NOTHING.to_owned()) };
        let mut factors = Vec::new();
        if own.has_code {
            factors.push(self.words.get("people.code").to_owned());
        }
        if own.passkeys > 0 {
            let count: &dyn std::fmt::Display = &own.passkeys;
            factors.push(self.words.fill("people.passkeys", &[("count", count)]));
        }
        if factors.is_empty() {
            let text = self.words.get("people.no_factor").to_owned();
            return Cell { tone: Some(Tone::Wait), ..Cell::plain(text) };
        }
        Cell::plain(factors.join(", "))
    }

    fn persons(&self) -> PortalTable {
        let rows = self.known.persons.iter().map(|one| {
            let own = self.known.sign_ins.iter().find(|other| other.person == one.id);
            let mut name = Cell {
                href: Some(path_of(one.id)),
                title: Some(one.id.to_string()),
                ..Cell::plain(self.known.name(one.id))
            };
            if one.removed {
                name.text = self.words.fill("people.removed", &[("name", &name.text)]);
            }
            let roles = Cell { class: "wrap", ..Cell::plain(self.roles(&one.grants)) };
            let mut row = vec![name, roles, self.sign_in_state(own), self.factors(own)];
            if self.sees(SESSIONS) {
                let open = self.known.sessions.get(&one.id);
                let count = open.map_or(0, |(count, _)| *count);
                row.push(Cell::figure(number(count.into())));
                let used = open.map_or(NOTHING.to_owned(), |(_, used)| self.time(*used));
                row.push(Cell { class: "when", ..Cell::plain(used) });
            }
            row
        });
        let mut columns = vec![
            ("column.person", false),
            ("people.roles", false),
            ("people.sign_in", false),
            ("people.factor", false),
        ];
        if self.sees(SESSIONS) {
            columns.extend([("people.sessions", true), ("access.used", false)]);
        }
        PortalTable::new(
            self.words,
            ("people.persons", "people.no_persons"),
            &columns,
            rows.collect(),
        )
    }

    /// The keys, of a person or of all.
    fn keys(&self, of: Option<PersonId>, back: &str) -> PortalTable {
        let keys = self.known.keys.iter().filter(|key| of.is_none() || key.person == of);
        let may_revoke = may(self.principal, "RevokeApiKey");
        let rows = keys.map(|key| {
            let (state, tone) = match (key.in_force, key.revoked) {
                (true, _) => ("portal.key_in_force", Tone::Done),
                (false, true) => ("portal.key_revoked", Tone::End),
                (false, false) => ("portal.key_expired", Tone::Wait),
            };
            let secret = self.known.secrets.iter().find(|one| one.key == key.id);
            let used = match secret {
                None => self.words.get("people.no_secret").to_owned(),
                Some(one) => one.used_at.map_or_else(
                    || self.words.get("people.never").to_owned(),
                    |used| self.time(used),
                ),
            };
            let who = match key.person {
                Some(person) => {
                    Cell { href: Some(path_of(person)), ..Cell::plain(self.known.name(person)) }
                }
                None => Cell::plain(NOTHING.to_owned()),
            };
            let mut row = vec![
                Cell { class: "id", ..Cell::plain(key.id.to_string()) },
                who,
                Cell { class: "wrap", ..Cell::plain(self.roles(&key.grants)) },
                Cell { tone: Some(tone), ..Cell::plain(self.words.get(state).to_owned()) },
                Cell { class: "when", ..Cell::plain(self.time(key.until)) },
                Cell { class: "when", ..Cell::plain(used) },
            ];
            if may_revoke {
                let act = key.in_force.then(|| self.revoke_key(key.id, back));
                row.push(act.unwrap_or_default());
            }
            row
        });
        let mut columns = vec![
            ("portal.key", false),
            ("column.person", false),
            ("people.roles", false),
            ("column.state", false),
            ("portal.key_until", false),
            ("access.used", false),
        ];
        if may_revoke {
            columns.push(("routing.act", false));
        }
        let mut table = PortalTable::new(
            self.words,
            ("people.keys", "people.no_keys"),
            &columns,
            rows.collect(),
        );
        table.note = self.words.get("people.keys_note").to_owned();
        table
    }

    fn revoke_key(&self, key: ApiKeyId, back: &str) -> Cell {
        let link = Link::to(&act_path("RevokeApiKey")).with("key", &key.to_string());
        let text = title(self.words, "RevokeApiKey", false).to_owned();
        Cell { href: Some(link.with("back", back).text()), ..Cell::plain(text) }
    }

    /// A person's roles, each with how it is taken away.
    fn grants(&self, person: &KnownPerson, back: &str) -> PortalTable {
        let may_revoke = may(self.principal, REVOKE);
        let rows = person.grants.iter().map(|grant| {
            let mut row = vec![Cell::plain(self.role(*grant))];
            if may_revoke {
                let (name, party) = variant(*grant);
                let mut link = Link::to(&act_path(REVOKE))
                    .with("person", &format!("per_{}", person.id))
                    .with("grant", name);
                if let Some(party) = party {
                    link = link.with(&format!("grant.{name}"), &party);
                }
                let text = title(self.words, REVOKE, false).to_owned();
                row.push(Cell { href: Some(link.with("back", back).text()), ..Cell::plain(text) });
            }
            row
        });
        let mut columns = vec![("people.role", false)];
        if may_revoke {
            columns.push(("routing.act", false));
        }
        PortalTable::new(self.words, ("people.roles", "role.none"), &columns, rows.collect())
    }

    /// What a person can be given or lose.
    fn acts(&self, person: &KnownPerson, back: &str) -> Vec<ActLink> {
        if person.removed {
            return Vec::new();
        }
        let commands = ["GrantAccess", "ResetSecondFactor", "IssueApiKey", "RemovePerson"];
        let allowed = commands.into_iter().filter(|command| may(self.principal, command));
        let links = allowed.map(|command| ActLink {
            text: title(self.words, command, false).to_owned(),
            about: String::new(),
            href: Link::to(&act_path(command))
                .with("person", &format!("per_{}", person.id))
                .with("back", back)
                .text(),
            is_next: false,
        });
        links.collect()
    }
}

pub(super) async fn people(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    visit.call.require_all(ROLES)?;
    let caller = visit.call.caller()?;
    let (principal, has_session) = (caller.principal.clone(), caller.session.is_some());
    let (app, words, now) = (visit.call.app.clone(), visit.words(), visit.call.now);
    let mut around = frame(&app, visit.preferences, Some(caller), visit.path());
    around.nav = nav_groups(words, &readable(&principal), Some(PEOPLE), None);
    around.title = words.get("view.people").to_owned();
    let done = visit.call.app.workers.run(move |giver| {
        let known = Known::read(giver, &app.store, now)?;
        let shown = Shown { words, principal: &principal, known: &known };
        let keys = shown.sees(KEYS).then(|| shown.keys(None, &list_path(PEOPLE)));
        let mut tables = vec![shown.persons()];
        tables.extend(keys);
        let persons = ViewSpec::find("persons").filter(|_| has_session);
        let acts = persons.map(|view| of_list(words, &principal, view)).unwrap_or_default();
        let page = PortalPage {
            lead: words.get("people.lead").to_owned(),
            work: Vec::new(),
            flow_title: "",
            flow: Vec::new(),
            is_flow: false,
            tables,
            parcels: Vec::new(),
            acts,
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// The person of a page's address.
fn asked_person(visit: &Visit) -> Result<PersonId, Problem> {
    let name = visit.call.path_part(1)?;
    let id = name.strip_prefix("per_").and_then(|id| id.parse().ok());
    id.ok_or_else(|| ProblemKind::NoSuchRecord.into())
}

/// How a person signs in.
struct PersonSignIn {
    passkeys: Vec<PasskeyView>,
    sessions: Vec<SessionView>,
    identities: Vec<(u64, LinkedIdentity)>,
}

impl PersonSignIn {
    fn read(store: &AccessStore, person: PersonId, now: Timestamp) -> Result<Self, Problem> {
        Ok(PersonSignIn {
            passkeys: store.passkeys_of(person).map_err(failed)?,
            sessions: store.sessions_of(person, now).map_err(failed)?,
            identities: store.identities_of(person).map_err(failed)?,
        })
    }

    /// With buttons for who may take something away now.
    fn tables(self, shown: &Shown<'_>, may_end: bool) -> Vec<OwnSignInTable> {
        let words = shown.words;
        let line = |number, name, cells| OwnSignInLine { number, name, cells, is_suspect: false };
        let act = |act: &'static str| if may_end { act } else { "" };
        let columns = |keys: &[&str]| keys.iter().map(|key| words.get(key)).collect();
        let passkeys = self.passkeys.into_iter().map(|one| OwnSignInLine {
            is_suspect: one.is_suspect,
            ..line(one.number, one.name, {
                let used = one.used_at.map_or(NOTHING.to_owned(), |at| shown.time(at));
                vec![shown.time(one.made_at), used]
            })
        });
        let sessions = self.sessions.into_iter().map(|one| {
            line(one.number, one.address, vec![shown.time(one.begun_at), shown.time(one.used_at)])
        });
        let identities = self
            .identities
            .into_iter()
            .map(|(number, one)| line(number, one.subject, vec![one.issuer]));
        vec![
            OwnSignInTable {
                title: words.get("access.sessions"),
                note: "",
                columns: columns(&["access.address", "access.begun", "access.used"]),
                lines: sessions.collect(),
                act: act("end-session"),
                button: words.get("access.end_session"),
            },
            OwnSignInTable {
                title: words.get("access.passkeys"),
                note: "",
                columns: columns(&["access.name", "access.made", "access.used"]),
                lines: passkeys.collect(),
                act: "",
                button: "",
            },
            OwnSignInTable {
                title: words.get("access.identities"),
                note: "",
                columns: columns(&["access.subject", "access.issuer"]),
                lines: identities.collect(),
                act: act("unlink"),
                button: words.get("access.unlink"),
            },
        ]
    }
}

async fn shown_person(visit: &Visit, wrong: Option<String>) -> HttpAnswer {
    let id = asked_person(visit)?;
    let caller = visit.call.caller()?;
    let (principal, has_session) = (caller.principal.clone(), caller.session.is_some());
    let (app, words, now) = (visit.call.app.clone(), visit.words(), visit.call.now);
    let path = path_of(id);
    let mut around = frame(&app, visit.preferences, Some(caller), &path);
    around.nav = nav_groups(words, &readable(&principal), Some(PEOPLE), None);
    let may_end = has_session && may(&principal, REVOKE);
    let is_sure = principal.assurance == Assurance::SteppedUp;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let factor = (may_end && !is_sure).then(|| factor_field(visit, &path, wrong));
    let done = visit.call.app.workers.run(move |giver| {
        let known = Known::read(giver, &app.store, now)?;
        let person = known.persons.iter().find(|one| one.id == id);
        let person = person.ok_or(ProblemKind::NoSuchRecord)?;
        let shown = Shown { words, principal: &principal, known: &known };
        let own = known.sign_ins.iter().find(|one| one.person == id);
        let mut sign_ins = Vec::new();
        let mut facts = vec![
            Cell { class: "id", label: words.get("column.person"), ..Cell::plain(id.to_string()) },
            Cell { label: words.get("people.sign_in"), ..shown.sign_in_state(own) },
            Cell { label: words.get("people.factor"), ..shown.factors(own) },
        ];
        if shown.sees(SESSIONS) {
            let name = own.map_or(NOTHING.to_owned(), |own| own.name.clone());
            facts.insert(1, Cell { label: words.get("people.login"), ..Cell::plain(name) });
            let read = PersonSignIn::read(&app.store, id, now)?;
            sign_ins = read.tables(&shown, may_end && is_sure);
        }
        if person.is_courier && readable(&principal).contains(&"couriers") {
            let link = Link::to("/couriers").part(&format!("cou_{}", id.0)).text();
            let label = words.entry("column", "courier").unwrap_or_default();
            facts.push(Cell { label, href: Some(link), ..Cell::plain(known.name(id)) });
        }
        let mut tables = vec![shown.grants(person, &path)];
        tables.extend(shown.sees(KEYS).then(|| shown.keys(Some(id), &path)));
        around.title = known.name(id);
        let page = PersonPage {
            list: list_path(PEOPLE),
            acts: if has_session { shown.acts(person, &path) } else { Vec::new() },
            state: person.removed.then(|| words.get("people.is_removed")),
            facts,
            tables,
            sign_ins,
            second_factor: factor,
            path,
            frame: around,
        };
        html(&page, status)
    });
    done.await?
}

pub(super) async fn person(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    visit.call.require_all(ROLES)?;
    shown_person(&visit, None).await
}

/// Gives the second factor again, ends a session, removes an identity.
pub(super) async fn change(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    visit.call.require_all(ROLES)?;
    let id = asked_person(&visit)?;
    if form.get("act") == "step-up" {
        return match give_factor(&mut visit, form.get(pages::SECOND_FACTOR)).await? {
            Ok(cookie) => {
                let mut response = go_to(&path_of(id))?;
                response.headers_mut().insert(header::SET_COOKIE, cookie);
                Ok(response)
            }
            Err(error) => shown_person(&visit, Some(error)).await,
        };
    }
    visit.call.require_all(AccessFunction::GiveNamed(REVOKE))?;
    let number = form.get("number").parse::<u64>().unwrap_or(0);
    let (store, workers) = (visit.call.app.store.clone(), visit.call.app.workers.clone());
    let done = match form.get("act") {
        "end-session" => workers.run(move |_| store.end_session(id, number)).await,
        "unlink" => workers.run(move |_| store.unlink_numbered(id, number)).await,
        _ => return Err(ProblemKind::BadQuery.into()),
    };
    // What is gone already is what was wanted.
    done?.map_err(failed)?;
    go_to(&path_of(id))
}

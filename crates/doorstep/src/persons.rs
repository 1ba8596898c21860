//! `doorstep persons`, and the two people of an import.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use books::{CourierId, PersonId};
use clap::Args;
use office::{Persons, PersonsError};
use serde::Serialize;

use crate::data_directory::read_at_head;
use crate::words::{Lang, bilingual, left, say};

/// Shows and sets the names of persons, and the users of this machine who act as them
///
/// Lists everybody who has a name or a user or is registered, and who was removed from the books.
/// Only the owner of the data directory can. Two persons register a person in the books first:
/// `doorstep setup person`. With --user a request of that user is a request of the person.
#[derive(Args, Debug)]
pub struct PersonsArgs {
    /// The person to set: an id, or a name
    #[arg(value_name = "WHO")]
    who: Option<String>,
    /// Give the person this name
    #[arg(long, requires = "who")]
    name: Option<String>,
    /// Let this user of the machine act as the person, by number: see `id -u`
    #[arg(long, value_name = "UID", requires = "who")]
    user: Option<u32>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A person of the JSON output.
#[derive(Serialize)]
struct ShownPerson<'p> {
    id: String,
    name: Option<&'p str>,
    user: Option<u32>,
    /// `registered`, `removed`, `courier` or `not_registered`. `None` where there are no books.
    state: Option<&'static str>,
}

pub fn run(args: &PersonsArgs) -> anyhow::Result<()> {
    let mut persons = Persons::read(&args.data)?;
    if let Some(who) = &args.who {
        let person = persons.find(who)?;
        if let Some(name) = &args.name {
            persons.add_name(person, name)?;
        }
        if let Some(user) = args.user {
            persons.add_user(user, person)?;
        }
        if args.name.is_some() || args.user.is_some() {
            persons.write(&args.data)?;
        }
    }
    let shown = args.who.as_deref().map(|who| persons.find(who)).transpose()?;
    if persons.is_empty() {
        // Neither names nor books: the directory is not one of books.
        read_at_head(&args.data)?;
    }
    let registered = registered(&args.data)?;
    let mut all: Vec<PersonId> = persons.iter().map(|(person, ..)| person).collect();
    all.extend(registered.iter().filter(|(_, state)| state.is_listed()).map(|(id, _)| *id));
    all.sort_unstable();
    all.dedup();
    let wanted = all.into_iter().filter(|person| shown.is_none_or(|one| one == *person));
    if args.json {
        let listed: Vec<ShownPerson<'_>> = wanted
            .map(|person| {
                let found = persons.iter().find(|(id, ..)| *id == person);
                let (name, user) = found.map_or((None, None), |(_, name, user)| (name, user));
                let state = match registered.get(&person) {
                    _ if registered.is_empty() => None,
                    Some(PersonState::Registered) => Some("registered"),
                    Some(PersonState::Courier) => Some("courier"),
                    Some(PersonState::Removed) => Some("removed"),
                    None => Some("not_registered"),
                };
                ShownPerson { id: person.to_string(), name, user, state }
            })
            .collect();
        say!("{}", serde_json::json!({ "persons": listed }));
        return Ok(());
    }
    for person in wanted {
        let found = persons.iter().find(|(id, ..)| *id == person);
        let (name, user) = found.map_or((None, None), |(_, name, user)| (name, user));
        let user = user.map_or_else(
            || Lang::current().pick("no user", "没有对应用户").to_owned(),
            |user| bilingual!("user {user}", "用户 {user}"),
        );
        let state = match registered.get(&person) {
            _ if registered.is_empty() => "",
            Some(PersonState::Registered | PersonState::Courier) => "",
            Some(PersonState::Removed) => Lang::current().pick("removed", "已移除"),
            None => Lang::current().pick("not registered", "未登记"),
        };
        let (id, name) = (person.to_string(), name.unwrap_or("-"));
        let line = format!("{} {} {} {state}", left(&id, 6), left(name, 24), left(&user, 14));
        say!("{}", line.trim_end());
    }
    Ok(())
}

/// What the books say about a person.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PersonState {
    Registered,
    Removed,
    /// Registered as a courier only: decides nothing, and needs no name.
    Courier,
}

impl PersonState {
    /// Whether the person is listed without a name and a user.
    fn is_listed(self) -> bool {
        self != PersonState::Courier
    }
}

/// The persons of the books. None where there are no books yet.
fn registered(data: &Path) -> anyhow::Result<BTreeMap<PersonId, PersonState>> {
    if !journal::has_journal(data) {
        return Ok(BTreeMap::new());
    }
    let read = read_at_head(data)?;
    let states = read.books().persons().map(|(person, removed)| {
        let is_courier = read.books().courier_reference(CourierId(person.0)).is_some();
        let state = match (removed, is_courier) {
            (true, _) => PersonState::Removed,
            (false, true) => PersonState::Courier,
            (false, false) => PersonState::Registered,
        };
        (person, state)
    });
    Ok(states.collect())
}

/// The two people who decide something.
#[derive(Debug)]
pub struct TwoNames<'w> {
    pub by: &'w str,
    pub approved_by: &'w str,
}

/// Persons who get a name.
pub type NewNames<'w> = Vec<(PersonId, &'w str)>;

impl<'w> TwoNames<'w> {
    /// The two people. If nobody has a name yet, who is named here is one of `unnamed`: the second
    /// value says so.
    pub fn find_or_name(
        &self,
        persons: &Persons,
        unnamed: [PersonId; 2],
    ) -> Result<([PersonId; 2], NewNames<'w>), PersonsError> {
        let mut new = Persons::default();
        let both = [self.by, self.approved_by];
        for (who, person) in both.into_iter().zip(unnamed) {
            if persons.is_empty() && who.parse::<PersonId>().is_err() {
                new.add_name(person, who)?;
            }
        }
        let found = if new.is_empty() { persons } else { &new };
        let ids = found.find_both(self.by, self.approved_by)?;
        let named = both.into_iter().zip(ids).filter(|(_, person)| new.name(*person).is_some());
        Ok((ids, named.map(|(who, person)| (person, who)).collect()))
    }
}

/// Names persons of a data directory who have no name yet.
pub fn name_missing<N: AsRef<str>>(
    data: &Path,
    persons: &[(PersonId, N)],
) -> Result<(), PersonsError> {
    let mut names = Persons::read(data)?;
    let unnamed: Vec<_> = persons.iter().filter(|(id, _)| names.name(*id).is_none()).collect();
    for (person, name) in &unnamed {
        names.add_name(*person, name.as_ref())?;
    }
    if unnamed.is_empty() { Ok(()) } else { names.write(data) }
}

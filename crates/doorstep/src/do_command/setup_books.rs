//! `doorstep setup books`: new books in their time zone, with their first two persons.

use std::path::Path;

use anyhow::bail;
use books::{Command, PersonId};
use engine::Engine;
use node::{Clock, SystemClock};
use office::{OfficeError, Persons, Request};
use serde_json::{Map, Value};

use super::{Flags, OPENING};
use crate::office_requests::{self, OfficeKeys};
use crate::persons::name_missing;
use crate::texts::{filled, text};
use crate::words::{Lang, say};
use crate::{data_directory, time_zone};

const TIME_ZONE: &str = "time_zone";
const FIRST: &str = "first";
const SECOND: &str = "second";
const TRIAL: &str = "trial";

pub(super) fn run(flags: &Flags, help: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    if help || flags.help {
        say!("{}", text(lang, "do.setup_books_help"));
        return Ok(());
    }
    let mut given = flags.fields()?;
    let mut take = |name: &str| match given.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => bail!(text(lang, "do.setup_books_help")),
    };
    let zone = take(TIME_ZONE)?.unwrap_or_else(|| time_zone::CHINA.to_owned());
    let (first, second) = (take(FIRST)?, take(SECOND)?);
    let trial = match take(TRIAL)?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => bail!(text(lang, "do.setup_books_help")),
    };
    if !given.is_empty() || !flags.subjects.is_empty() {
        bail!(text(lang, "do.setup_books_help"));
    }
    let data = flags.data()?;
    // Everything is checked before anything is made.
    if !trial && SystemClock::is_of_a_trial() {
        return Err(OfficeError::TrialTimeInRealBooks.into());
    }
    let zone = time_zone::resolve(&zone, SystemClock.now())?;
    let names = [(PersonId(1), first), (PersonId(2), second)];
    let names: Vec<_> =
        names.iter().filter_map(|(id, name)| Some((*id, name.as_deref()?))).collect();
    check_names(&data, &names)?;
    let mut fields = Map::new();
    fields.insert("utc_offset_minutes".to_owned(), zone.utc_offset_minutes.into());
    fields.insert(TRIAL.to_owned(), trial.into());
    let request = Request::Give { command: OPENING.to_owned(), fields };
    let opened = data_directory::open_or_create(&data)?;
    let answer = office_requests::at_rest(opened, &data, (request, None), OfficeKeys::default())?;
    name_missing(&data, &names)?;
    office_requests::print(&answer, flags.json)?;
    // Also if a run before ended in between.
    let opened = data_directory::open(&data)?;
    let look = move |engine: &Engine| zone.setting_for(engine.books(), SystemClock.now());
    let setting = opened.node.client().query(look)?.0;
    let Some(setting) = setting else {
        opened.node.stop()?;
        return Ok(());
    };
    let Value::Object(mut fields) = serde_json::to_value(Command::SetTimeZone(setting))? else {
        bail!("SetTimeZone");
    };
    fields.remove("command");
    let request = Request::Give { command: "SetTimeZone".to_owned(), fields };
    let answer = office_requests::at_rest(opened, &data, (request, None), OfficeKeys::default())?;
    office_requests::print(&answer, flags.json)
}

/// Refuses names that the first two persons cannot have, or that are not theirs.
fn check_names(data: &Path, names: &[(PersonId, &str)]) -> anyhow::Result<()> {
    let (before, mut persons) = (Persons::read(data)?, Persons::read(data)?);
    for (person, name) in names {
        persons.add_name(*person, name)?;
        if let Some(known) = before.name(*person)
            && persons.name(*person) != Some(known)
        {
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("person", person), ("name", name), ("known", &known)];
            bail!(filled(Lang::current(), "do.other_name", &values));
        }
    }
    Ok(())
}
